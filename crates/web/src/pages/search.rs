//! The words of the search field, and what they mean to the vault.
//!
//! Words are joined by "and"; what a word is shows in how it looks: an address, a table's name in either language, a protocol, `from:` and
//! `to:`, the name of an asset. A field with a colon says it outright (`host:`, `ポート:`), a minus in front takes away. Whatever else it is is looked
//! for in all text of records: in Japanese anywhere, of other words the beginning, and what stands in quotes as it is written.

use super::assets::sensor_names;
use super::records;
use crate::ask::Ask;
use crate::problem::Problem;
use crate::view::words::{T, check};
use model::access::ViewAssets;
use model::event::{AddressKey, Table};
use model::{Lang, Mac, Protocol, SourceId, Span, Time};
use state::{AssetFilter, Paging};
use std::net::IpAddr;
use std::time::Duration;
use vault::ask::{Clause, Find};

/// Characters of a search that are read.
const MOST: usize = 400;
/// Words of it.
const MOST_WORDS: usize = 16;
/// Plain words that may name an asset.
const MOST_NAMES: usize = 6;
/// Assets that one name may mean.
const MOST_ASSETS: u32 = 20;
/// How long a page waits for records.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1500);
/// How long an export does.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Half-width letters and a lower case, so that what looks the same is the same.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(narrow).flat_map(char::to_lowercase).collect()
}

/// An address as programs read it: half-width, without what stands around it. Other text stays as it is.
pub(crate) fn fold_plain(address: bool, text: &str) -> String {
    if address { fold(text).trim().to_owned() } else { text.trim().to_owned() }
}

fn narrow(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

/// A word of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// An address.
    Address(AddressKey),
    /// A table.
    Table(Table),
    /// A protocol.
    Protocol(Protocol),
    /// Not before.
    From(Time),
    /// Before.
    To(Time),
    /// A time that cannot be read.
    Wrong(String),
    /// A plain word: the name of an asset, or text.
    Plain(String),
    /// Text, in quotes.
    Text(String),
    /// A field with its value.
    Field(Field, String),
    /// Not this.
    Not(Box<Word>),
}

/// What stands before a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A sensor or source, by name or number.
    Source,
    /// An asset, by name.
    Asset,
    /// The host that wrote a line, or was reached by name.
    Host,
    /// The program that wrote it.
    Program,
    /// An account.
    Account,
    /// A port.
    Port,
}

/// Names of fields in either language. Those of times stand with their words.
const FIELDS: &[(&str, Field)] = &[
    ("source", Field::Source),
    ("情報源", Field::Source),
    ("asset", Field::Asset),
    ("資産", Field::Asset),
    ("host", Field::Host),
    ("ホスト", Field::Host),
    ("program", Field::Program),
    ("app", Field::Program),
    ("プログラム", Field::Program),
    ("user", Field::Account),
    ("account", Field::Account),
    ("アカウント", Field::Account),
    ("利用者", Field::Account),
    ("port", Field::Port),
    ("ポート", Field::Port),
];
/// Names of what has a word of its own.
const TABLES: [&str; 2] = ["table:", "種類:"];
const PROTOCOLS: [&str; 2] = ["protocol:", "プロトコル:"];
const ADDRESSES: [&str; 4] = ["address:", "ip:", "mac:", "アドレス:"];

/// The words as they were written, each with what it means. `time` reads what stands behind `from:` (false) and `to:` (true).
pub(crate) fn read(text: &str, time: impl Fn(&str, bool) -> Option<Time>) -> Vec<(String, Word)> {
    let text: String = text.chars().take(MOST).collect();
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| narrow(c).is_whitespace());
    while !rest.is_empty() && out.len() < MOST_WORDS {
        let bare = rest.strip_prefix(['-', '－']).filter(|r| r.chars().next().is_some_and(|c| !narrow(c).is_whitespace()));
        let (raw, word, tail) = one(bare.unwrap_or(rest), &time);
        if let Some(word) = word {
            out.push(if bare.is_some() { (format!("-{raw}"), Word::Not(Box::new(word))) } else { (raw, word) });
        }
        rest = tail.trim_start_matches(|c: char| narrow(c).is_whitespace());
    }
    out
}

/// The first word: as it is shown, what it means, and what follows it.
fn one<'a>(text: &'a str, time: &impl Fn(&str, bool) -> Option<Time>) -> (String, Option<Word>, &'a str) {
    if let Some((quoted, tail)) = quoted(text) {
        let quoted = quoted.trim();
        let word = (!quoted.is_empty()).then(|| Word::Text(fold(quoted)));
        return (format!("\"{quoted}\""), word, tail);
    }
    let end = text.char_indices().find(|(_, c)| narrow(*c).is_whitespace()).map_or(text.len(), |(i, _)| i);
    // A field's value may stand in quotes: it goes on to the second one.
    if let Some((colon, at)) = text.char_indices().find(|(_, c)| narrow(*c) == ':').map(|(i, c)| (i, i + c.len_utf8()))
        && at < end
        && let Some((value, tail)) = text.get(at..).and_then(quoted)
    {
        let name = text.get(..colon).unwrap_or_default();
        if FIELDS.iter().any(|(n, _)| *n == fold(name)) {
            return (format!("{name}:\"{}\"", value.trim()), Some(meaning(&format!("{name}:{}", value.trim()), time)), tail);
        }
    }
    let (word, tail) = text.split_at_checked(end).unwrap_or((text, ""));
    (word.to_owned(), Some(meaning(word, time)), tail)
}

/// What stands in quotes at the beginning, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    let close = match narrow(first) {
        '"' => '"',
        '「' => '」',
        '“' => '”',
        _ => return None,
    };
    let inner = text.get(first.len_utf8()..).unwrap_or_default();
    Some(match inner.char_indices().find(|(_, c)| narrow(*c) == close) {
        Some((at, c)) => (inner.get(..at).unwrap_or_default(), inner.get(at + c.len_utf8()..).unwrap_or_default()),
        None => (inner, ""),
    })
}

fn meaning(word: &str, time: &impl Fn(&str, bool) -> Option<Time>) -> Word {
    let folded = fold(word);
    for (names, to) in [(["from:", "から:"], false), (["to:", "まで:"], true)] {
        if let Some(rest) = names.iter().find_map(|n| folded.strip_prefix(n)) {
            // A time is written in capitals (T, Z).
            return match time(&rest.to_uppercase(), to) {
                Some(at) if to => Word::To(at),
                Some(at) => Word::From(at),
                None => Word::Wrong(word.to_owned()),
            };
        }
    }
    let after = |names: &[&str]| names.iter().find_map(|n| folded.strip_prefix(n)).filter(|v| !v.is_empty());
    if let Some(value) = after(&TABLES) {
        return table_of(value).map_or_else(|| Word::Wrong(word.to_owned()), Word::Table);
    }
    if let Some(value) = after(&PROTOCOLS) {
        return Protocol::from_name(value).map_or_else(|| Word::Wrong(word.to_owned()), Word::Protocol);
    }
    if let Some(value) = after(&ADDRESSES) {
        return address(value).map_or_else(|| Word::Wrong(word.to_owned()), Word::Address);
    }
    if let Some((name, value)) = folded.split_once(':').filter(|(_, v)| !v.is_empty())
        && let Some((_, field)) = FIELDS.iter().find(|(n, _)| *n == name)
    {
        return match field {
            Field::Port if value.parse::<u16>().is_err() => Word::Wrong(word.to_owned()),
            _ => Word::Field(*field, value.to_owned()),
        };
    }
    if let Some(key) = address(&folded) {
        return Word::Address(key);
    }
    if let Some(table) = table_of(&folded) {
        return Word::Table(table);
    }
    if let Some(protocol) = Protocol::from_name(&folded) {
        return Word::Protocol(protocol);
    }
    Word::Plain(word.to_owned())
}

/// An address in any of its usual forms: `192.168.1.5`, `fe80::1`, `3c:52:82:1f:aa:07`, `3C-52-82-1F-AA-07`, `3c52.821f.aa07`.
fn address(folded: &str) -> Option<AddressKey> {
    if let Ok(ip) = folded.parse::<IpAddr>() {
        return Some(AddressKey::Ip(ip));
    }
    let dotted = || {
        let parts: Vec<&str> = folded.split('.').collect();
        let fits = parts.len() == 3 && parts.iter().all(|p| p.len() == 4 && p.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = fits.then(|| parts.concat())?;
        let pairs: Vec<&str> = (0..6).filter_map(|i| digits.get(i * 2..i * 2 + 2)).collect();
        pairs.join(":").parse::<Mac>().ok()
    };
    folded.replace('-', ":").parse::<Mac>().ok().or_else(dotted).map(AddressKey::Mac)
}

/// A plain word as the vault looks for it: of a word that ends with letters the beginning is enough, so that `fail` finds `failed`.
fn part(word: &str) -> String {
    let bare = fold(word).replace('"', " ");
    let run: Vec<char> = bare.chars().rev().take_while(|c| c.is_alphanumeric()).collect();
    let letters = run.len() >= 3 && run.iter().all(|c| c.is_alphabetic() && *c < '\u{1e00}');
    if letters && !bare.contains('*') { format!("{bare}*") } else { bare }
}

/// Text in quotes as the vault looks for it.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', " "))
}

/// A table by its own name or by what a page calls it, in either language.
fn table_of(folded: &str) -> Option<Table> {
    let called = |t: &Table| {
        t.name() == folded
            || (check().is_ok() && Lang::ALL.iter().any(|l| fold(&T::new(*l).of("table", t.name())) == folded))
            || (t.name().strip_suffix('y').is_some_and(|s| folded == format!("{s}ies")) || folded == format!("{}s", t.name()))
    };
    Table::ALL.into_iter().find(called)
}

/// A time as a search or a form gives it: a day, a day with a time, a time of today, or `3d`, `2h`, `30m` before now. `end`: a day means
/// its end.
pub(crate) fn time(ask: &Ask, text: &str, end: bool) -> Option<Time> {
    let at = super::events::time(ask, text);
    if at.is_some() && !(end && text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10) {
        return at;
    }
    if text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok() {
        let day = if end { ask.format.end_of_day(text)? + Span(1) } else { super::events::time(ask, &format!("{text}T00:00"))? };
        return Some(day);
    }
    let now = ask.data_now();
    if let Some((h, m)) = text.split_once(':')
        && h.len() <= 2
        && m.len() == 2
    {
        return super::events::time(ask, &format!("{}T{h:0>2}:{m}", ask.format.iso_date(now)));
    }
    let unit = text.chars().last()?;
    let n: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| (1..=100_000).contains(n))?;
    let span = match unit {
        'D' | 'd' | '日' => Span::days(n),
        'H' | 'h' => Span::hours(n),
        'M' | 'm' | '分' => Span::minutes(n),
        _ => return None,
    };
    Some(now - span)
}

/// What the search field asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// Words as they were written, with the key of what each is and what is meant by it.
    pub(crate) said: Vec<(String, &'static str, String)>,
    /// What the vault is asked for.
    pub(crate) find: Find,
    /// Words that cannot be read.
    pub(crate) wrong: Vec<String>,
}

/// Every table.
fn every() -> u32 {
    Table::ALL.iter().fold(0, |all, t| all | t.bit())
}

/// Reads the search field; plain words that are the name of an asset mean its addresses.
pub(crate) async fn understood(ask: &Ask, text: &str) -> Result<Words, Problem> {
    let mut out = Words::default();
    let mut names = 0;
    for (raw, word) in read(text, |t, end| time(ask, t, end)) {
        let (word, not) = match word {
            Word::Not(word) => (*word, true),
            word => (word, false),
        };
        let mut protocols = Vec::new();
        let mut nothing = String::new();
        let (key, clause) = match word {
            Word::Address(key) => ("word-address", Some(Clause::Mentions(key))),
            Word::Table(t) => {
                nothing = ask.t().of("table", t.name());
                if not {
                    let before = if out.find.tables == 0 { every() } else { out.find.tables };
                    out.find.tables = before & !t.bit();
                } else {
                    out.find.tables |= t.bit();
                }
                ("word-table", None)
            }
            Word::Protocol(p) => {
                protocols.push(p);
                ("word-protocol", None)
            }
            Word::From(at) | Word::To(at) if not => {
                out.wrong.push(format!("-{}", ask.format.date_time(at)));
                continue;
            }
            Word::From(at) => {
                out.find.from = Some(at);
                nothing = ask.format.date_time(at);
                ("word-from", None)
            }
            Word::To(at) => {
                out.find.to = Some(at);
                nothing = ask.format.date_time(at);
                ("word-to", None)
            }
            Word::Wrong(w) => {
                out.wrong.push(w);
                continue;
            }
            Word::Text(t) => ("word-text", Some(Clause::Words(phrase(&t)))),
            Word::Field(field, value) => match of_field(ask, field, &value).await? {
                Some(found) => found,
                None => {
                    out.wrong.push(raw);
                    continue;
                }
            },
            Word::Plain(w) => {
                names += 1;
                let keys = if names <= MOST_NAMES && !not { named(ask, &w).await? } else { Vec::new() };
                if keys.is_empty() { ("word-text", Some(Clause::Words(part(&w)))) } else { ("word-asset", Some(Clause::Addresses(keys))) }
            }
            Word::Not(_) => continue,
        };
        let list = if not { &mut out.find.none } else { &mut out.find.all };
        list.extend(clause);
        if !protocols.is_empty() {
            // Several protocols mean any of them.
            match list.iter_mut().find_map(|c| if let Clause::Protocols(p) = c { Some(p) } else { None }) {
                Some(known) => known.extend(protocols),
                None => list.push(Clause::Protocols(protocols)),
            }
        }
        let key = if not { "word-not" } else { key };
        out.said.push((raw, key, nothing));
    }
    Ok(out)
}

/// What a field means, where that can be told: a name that nobody has is told rather than looked for.
async fn of_field(ask: &Ask, field: Field, value: &str) -> Result<Option<(&'static str, Option<Clause>)>, Problem> {
    Ok(match field {
        Field::Port => value.parse().ok().map(|p| ("word-port", Some(Clause::Port(p)))),
        Field::Host => Some(("word-host", Some(Clause::Host(part(value))))),
        Field::Program => Some(("word-program", Some(Clause::Program(part(value))))),
        Field::Account => Some(("word-account", Some(Clause::Account(phrase(value))))),
        Field::Asset => Some(named(ask, value).await?).filter(|k| !k.is_empty()).map(|k| ("word-asset", Some(Clause::Addresses(k)))),
        Field::Source => {
            let names = sensor_names(ask).await;
            let by_name = names.iter().find(|(_, n)| fold(n) == value).map(|(id, _)| *id);
            by_name.or_else(|| value.parse().ok()).map(|id| ("word-source", Some(Clause::Source(SourceId(id)))))
        }
    })
}

/// Addresses of the assets that are called so.
async fn named(ask: &Ask, word: &str) -> Result<Vec<AddressKey>, Problem> {
    let Ok(proof) = ask.also(ViewAssets) else { return Ok(Vec::new()) };
    let filter = AssetFilter { text: word.to_owned(), paging: Paging { page: 1, per_page: MOST_ASSETS }, ..AssetFilter::default() };
    let folded = fold(word);
    let mut out = Vec::new();
    for asset in ask.store.assets(&proof, &filter).await?.items {
        if fold(&asset.label()) == folded {
            out.extend(records::addresses(&asset));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        read(text, |t, end| (t == "2026-11-20").then_some(Time(i64::from(end)))).into_iter().map(|(_, w)| w).collect()
    }

    #[test]
    fn words_show_what_they_are() {
        let ip = |t: &str| Word::Address(AddressKey::Ip(t.parse().unwrap()));
        assert_eq!(words("192.168.1.5"), [ip("192.168.1.5")]);
        assert_eq!(words("  １９２．１６８．１．５　fe80::1 "), [ip("192.168.1.5"), ip("fe80::1")]);
        let mac = Word::Address(AddressKey::Mac("3c:52:82:1f:aa:07".parse().unwrap()));
        assert_eq!(words("3C-52-82-1F-AA-07 3c:52:82:1f:aa:07"), [mac.clone(), mac]);
        assert_eq!(
            words("通信 ログ flows LOG Activities"),
            [Table::Flow, Table::Log, Table::Flow, Table::Log, Table::Activity].map(Word::Table)
        );
        assert_eq!(words("Modbus"), [Word::Protocol(Protocol::from_name("modbus").unwrap())]);
        assert_eq!(words("from:2026-11-20 まで：２０２６－１１－２０"), [Word::From(Time(0)), Word::To(Time(1))]);
        assert_eq!(words("from:soon"), [Word::Wrong("from:soon".into())]);
        assert_eq!(words("LAPTOP-K7 failed"), [Word::Plain("LAPTOP-K7".into()), Word::Plain("failed".into())]);
    }

    #[test]
    fn fields_and_what_is_taken_away() {
        let field = |f, v: &str| Word::Field(f, v.into());
        assert_eq!(
            words("host:NAS-01 ホスト：nas port:502"),
            [field(Field::Host, "nas-01"), field(Field::Host, "nas"), field(Field::Port, "502")]
        );
        assert_eq!(words("user:\"田中 一郎\" x"), [field(Field::Account, "田中 一郎"), Word::Plain("x".into())]);
        assert_eq!(
            words("種類:ログ table:flow protocol:dns"),
            [Word::Table(Table::Log), Word::Table(Table::Flow), Word::Protocol(Protocol::from_name("dns").unwrap())]
        );
        let mac = Word::Address(AddressKey::Mac("3c:52:82:1f:aa:07".parse().unwrap()));
        assert_eq!(words("3c52.821f.aa07 mac:3C-52-82-1F-AA-07"), [mac.clone(), mac]);
        for wrong in ["port:http", "table:nothing", "protocol:none", "ip:here", "port:70000"] {
            assert_eq!(words(wrong), [Word::Wrong(wrong.into())]);
        }
        // What is no field is text, and so is a field without a value.
        assert_eq!(words("error:disk host:"), [Word::Plain("error:disk".into()), Word::Plain("host:".into())]);
        let not = |w| Word::Not(Box::new(w));
        assert_eq!(
            words("-session －ログ -\"all good\" - x"),
            [
                not(Word::Plain("session".into())),
                not(Word::Table(Table::Log)),
                not(Word::Text("all good".into())),
                Word::Plain("-".into()),
                Word::Plain("x".into()),
            ]
        );
    }

    #[test]
    fn of_words_that_end_with_letters_the_beginning_is_enough() {
        for (word, asked) in [("fail", "fail*"), ("plc-line", "plc-line*"), ("Ｆａｉｌ", "fail*"), ("Über", "über*")] {
            assert_eq!(part(word), asked);
        }
        for whole in ["502", "nas-01", "to", "失敗", "plc故障", "*ail", "fa*", "error:"] {
            assert_eq!(part(whole), whole);
        }
        assert_eq!((part("a\"b").as_str(), phrase("a\"b").as_str()), ("a b", "\"a b\""));
    }

    #[test]
    fn what_stands_in_quotes_is_text() {
        let text = |t: &str| Word::Text(t.into());
        assert_eq!(words("\"Modbus  10.0.0.1\" 「認証 失敗」x"), [text("modbus  10.0.0.1"), text("認証 失敗"), Word::Plain("x".into())]);
        assert_eq!(words("\"open end"), [text("open end")]);
        assert_eq!(words("\"\" \" \" 「」 a\"b"), [Word::Plain("a\"b".into())]);
        assert!(words("").is_empty());
        assert_eq!(words(&"a ".repeat(500)).len(), MOST_WORDS);
    }
}
