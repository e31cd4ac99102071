//! Words of the console: the book of phrases and the small helper that pages use.

use askama::Template;
use askama::filters::HtmlSafe;
use catalogue::phrases::{PhraseError, Phrasebook, Value, group};
use model::Lang;
use model::asset::{AssetState, Importance, Kind, Property};
use model::coverage::Quality;
use model::finding::{FindingStatus, Severity};
use std::borrow::Borrow;
use std::sync::OnceLock;

/// The sources: each page's words in both languages, what handlers say (`server.ftl`), and the reasons of guesses.
pub const SOURCES: &[(Lang, &str, &str)] = &[
    (Lang::Ja, "catalogue/data/reasons.ja.ftl", catalogue::REASONS_JA),
    (Lang::En, "catalogue/data/reasons.en.ftl", catalogue::REASONS_EN),
    (Lang::Ja, "crates/web/locales/ja/console.ftl", include_str!("../../locales/ja/console.ftl")),
    (Lang::Ja, "crates/web/locales/ja/server.ftl", include_str!("../../locales/ja/server.ftl")),
    (Lang::Ja, "crates/web/locales/ja/acts.ftl", include_str!("../../locales/ja/acts.ftl")),
    (Lang::Ja, "crates/web/locales/ja/records.ftl", include_str!("../../locales/ja/records.ftl")),
    (Lang::Ja, "crates/web/locales/ja/clocks.ftl", include_str!("../../locales/ja/clocks.ftl")),
    (Lang::En, "crates/web/locales/en/console.ftl", include_str!("../../locales/en/console.ftl")),
    (Lang::En, "crates/web/locales/en/server.ftl", include_str!("../../locales/en/server.ftl")),
    (Lang::En, "crates/web/locales/en/acts.ftl", include_str!("../../locales/en/acts.ftl")),
    (Lang::En, "crates/web/locales/en/records.ftl", include_str!("../../locales/en/records.ftl")),
    (Lang::En, "crates/web/locales/en/clocks.ftl", include_str!("../../locales/en/clocks.ftl")),
];

static BOOK: OnceLock<Result<Phrasebook, PhraseError>> = OnceLock::new();

fn book() -> &'static Result<Phrasebook, PhraseError> {
    BOOK.get_or_init(|| Phrasebook::new(SOURCES))
}

/// Reads and checks the words. Call it at start: afterwards no page can meet a missing phrase by surprise.
pub fn check() -> Result<&'static Phrasebook, PhraseError> {
    book().as_ref().map_err(Clone::clone)
}

/// A whole number as templates hand it over: of any width, by value or by reference.
pub trait Whole {
    /// As an `i64`, cut at its end.
    fn whole(&self) -> i64;
}
macro_rules! whole {
    ($($t:ty),+) => { $(impl Whole for $t { fn whole(&self) -> i64 { i64::try_from(*self).unwrap_or(i64::MAX) } })+ };
}
whole!(u8, u16, u32, u64, usize, i64);
impl<W: Whole> Whole for &W {
    fn whole(&self) -> i64 {
        (**self).whole()
    }
}

/// Speaks in the reader's language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct T {
    /// The language.
    pub lang: Lang,
}

impl T {
    /// For a reader of this language.
    pub const fn new(lang: Lang) -> T {
        T { lang }
    }

    /// The phrase with its placeholders filled.
    pub fn with(&self, key: &str, args: &[(&str, Value<'_>)]) -> String {
        match book() {
            Ok(b) => b.say(self.lang, key, args),
            Err(_) => format!("⟦{key}⟧"),
        }
    }

    /// The phrase.
    pub fn say(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// The phrase of a value: `prefix-name`.
    pub fn of(&self, prefix: &str, name: &str) -> String {
        self.with(&format!("{prefix}-{}", name.replace('_', "-")), &[])
    }

    /// The phrase with the number `$n`.
    pub fn n(&self, key: &str, n: impl Whole) -> String {
        self.with(key, &[("n", Value::Number(n.whole()))])
    }

    /// The phrase with the numbers `$n` and `$m`.
    pub fn nm(&self, key: &str, n: impl Whole, m: impl Whole) -> String {
        self.with(key, &[("n", Value::Number(n.whole())), ("m", Value::Number(m.whole()))])
    }

    /// The phrase "a to b of n".
    pub fn range(&self, a: impl Whole, b: impl Whole, n: impl Whole) -> String {
        self.with("paging-range", &[("a", Value::Number(a.whole())), ("b", Value::Number(b.whole())), ("n", Value::Number(n.whole()))])
    }

    /// The phrase with the words `$x`.
    pub fn x(&self, key: &str, x: &str) -> String {
        self.with(key, &[("x", Value::Text(x))])
    }

    /// The phrase with the words `$x` and `$y`.
    pub fn xy(&self, key: &str, x: &str, y: &str) -> String {
        self.with(key, &[("x", Value::Text(x)), ("y", Value::Text(y))])
    }

    /// A number with its thousands grouped.
    pub fn number(&self, n: impl Whole) -> String {
        group(n.whole())
    }

    /// What stands between the parts of a list.
    pub const fn comma(&self) -> &'static str {
        match self.lang {
            Lang::Ja => "、",
            Lang::En => ", ",
        }
    }

    /// The other language, for the switch.
    pub const fn other(&self) -> Lang {
        match self.lang {
            Lang::Ja => Lang::En,
            Lang::En => Lang::Ja,
        }
    }
}

pub use crate::format::bytes;

/// A status on the page: shape, word and colour together, so that no one of them has to be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = "<span class=\"tag{% if !tone.is_empty() %} {{ tone }}{% endif %}\"><span aria-hidden=\"true\">{{ mark }}</span> {{ word }}</span>"
)]
pub struct Tag {
    /// Colour class: `act`, `look`, `ok`, `blue` or empty for grey.
    pub tone: &'static str,
    /// The shape: ● ▲ ■ ？ ◇ －
    pub mark: &'static str,
    /// The word.
    pub word: String,
}

impl HtmlSafe for Tag {}

impl Tag {
    /// How soon a person should look.
    pub fn severity(t: T, s: Severity) -> Tag {
        let (tone, mark) = match s {
            Severity::Today => ("act", "■"),
            Severity::Week => ("look", "▲"),
            Severity::Check => ("blue", "●"),
            Severity::Record => ("", "－"),
        };
        Tag { tone, mark, word: t.of("severity", s.name()) }
    }

    /// Where a finding stands.
    pub fn status(t: T, s: FindingStatus) -> Tag {
        let (tone, mark) = match s {
            FindingStatus::Open => ("", "■"),
            FindingStatus::Acknowledged => ("look", "▲"),
            FindingStatus::Explained => ("blue", "◇"),
            FindingStatus::Closed => ("ok", "●"),
        };
        Tag { tone, mark, word: t.of("status", s.name()) }
    }

    /// Where an asset stands in its life.
    pub fn state(t: T, s: AssetState) -> Tag {
        let (tone, mark) = match s {
            AssetState::Discovered => ("look", "？"),
            AssetState::Registered => ("ok", "●"),
            AssetState::Unused => ("", "－"),
            AssetState::Faulty => ("look", "▲"),
            AssetState::Retired => ("", "◇"),
            AssetState::Denied => ("", "■"),
        };
        Tag { tone, mark, word: t.of("state", s.name()) }
    }

    /// How well a sensor watches.
    pub fn quality(t: T, q: Quality) -> Tag {
        let (tone, mark, name) = match q {
            Quality::Full => ("ok", "●", "full"),
            Quality::Drops => ("look", "▲", "drops"),
            Quality::Nothing => ("act", "■", "nothing"),
            Quality::Down => ("act", "■", "down"),
        };
        Tag { tone, mark, word: t.of("quality", name) }
    }

    /// How much hangs on an asset.
    pub fn importance(t: T, i: Importance) -> Tag {
        let (tone, mark) = match i {
            Importance::High => ("look", "▲"),
            Importance::Middle => ("", "●"),
            Importance::Low => ("", "－"),
        };
        Tag { tone, mark, word: t.of("importance", i.name()) }
    }
}

impl T {
    /// The sort of thing.
    pub fn kind(&self, k: impl Borrow<Option<Kind>>) -> String {
        k.borrow().map_or_else(|| self.say("kind-unknown"), |k| self.of("kind", k.name()))
    }

    /// The name of a guessed property.
    pub fn property(&self, p: impl Borrow<Property>) -> String {
        self.of("property", p.borrow().name())
    }

    /// The reason of a guess (`model::asset::Guess::reason`).
    pub fn reason(&self, key: &str) -> String {
        self.of("reason", key)
    }

    /// The name of a fact of a finding; the fact's own where it has no words.
    pub fn fact(&self, name: &str) -> String {
        let key = format!("fact-{}", name.replace('_', "-"));
        match book() {
            Ok(b) if b.has(&key) => b.say(self.lang, &key, &[]),
            _ => name.to_owned(),
        }
    }

    /// How sure a guess is, in words: the steps of docs/en/recognition.md.
    pub fn sure(&self, confidence: impl Whole) -> String {
        self.say(match confidence.whole() {
            90.. => "sure-certain",
            70..=89 => "sure-likely",
            40..=69 => "sure-perhaps",
            _ => "sure-faint",
        })
    }
}
