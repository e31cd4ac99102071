//! Words in both languages: Fluent sources (<https://projectfluent.org/fluent/guide/>) checked against each other and kept ready.
//!
//! A key or variable that one language has and the other has not is refused at start and in the tests, never found by a reader
//! who meets an empty page. Isolation marks (FSI/PDI) are off: they end up in copied addresses and in CSV files.
//! Reading takes no lock except, for messages that choose by plural category, the short one of Fluent's memoizer.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use model::Lang;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// A checked book of phrases in both languages.
pub struct Phrasebook {
    ja: FluentBundle<FluentResource>,
    en: FluentBundle<FluentResource>,
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl std::fmt::Debug for Phrasebook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phrasebook").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// A value for a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Words, shown as they are.
    Text(&'a str),
    /// A number, shown with its thousands grouped.
    Number(i64),
}

/// Why a source is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {what}")]
pub struct PhraseError {
    /// The file, as named by the caller.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

struct Told {
    file: String,
    line: usize,
    variables: BTreeSet<String>,
    mentions: BTreeSet<String>,
}

/// Where an escape of a character lacks its digits (Fluent syntax 1.0, `unicode_escape`). The library cuts the text after a fixed number
/// of bytes and stumbles where that is inside a character, so it must not meet such a text (found by fuzzing).
fn broken_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
        let escape = at + found;
        let digits = match bytes.get(escape + 1) {
            Some(b'u') => 4,
            Some(b'U') => 6,
            _ => 0,
        };
        let given = bytes.get(escape + 2..).unwrap_or_default().iter().take(digits).filter(|b| b.is_ascii_hexdigit()).count();
        if given < digits {
            return Some(escape);
        }
        at = escape + 2;
    }
    None
}

impl Phrasebook {
    /// Reads and checks sources; each is a language, a file name for messages, and the text.
    pub fn new(sources: &[(Lang, &str, &str)]) -> Result<Phrasebook, PhraseError> {
        let mut bundles = [bundle(Lang::Ja), bundle(Lang::En)];
        let mut told: [BTreeMap<String, Told>; 2] = [BTreeMap::new(), BTreeMap::new()];
        for &(lang, file, text) in sources {
            let side = usize::from(lang == Lang::En);
            if let Some(at) = broken_escape(text) {
                let what = String::from("not valid Fluent: after \\u come four hexadecimal digits, after \\U six");
                return Err(PhraseError { file: file.into(), line: line_of(text, at), what });
            }
            let resource = match FluentResource::try_new(text.to_owned()) {
                Ok(r) => r,
                Err((_, errors)) => {
                    let (at, what) = errors.first().map_or((0, String::from("unreadable")), |e| (e.pos.start, e.to_string()));
                    return Err(PhraseError { file: file.into(), line: line_of(text, at), what: format!("not valid Fluent: {what}") });
                }
            };
            if let (Some(map), Some(bundle)) = (told.get_mut(side), bundles.get_mut(side)) {
                read(file, text, &resource, map)?;
                if let Err(errors) = bundle.add_resource(resource) {
                    let what = errors.first().map_or_else(String::new, ToString::to_string);
                    return Err(PhraseError { file: file.into(), line: 1, what });
                }
            }
        }
        let [ja, en] = bundles;
        let [told_ja, told_en] = told;
        let keys = compare(&told_ja, &told_en)?;
        Ok(Phrasebook { ja, en, keys })
    }

    /// The phrase under `key`. A key that is not there gives `⟦key⟧`, so that it is seen and a test can look for it.
    pub fn say(&self, lang: Lang, key: &str, args: &[(&str, Value<'_>)]) -> String {
        let bundle = match lang {
            Lang::Ja => &self.ja,
            Lang::En => &self.en,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) else {
            return format!("⟦{key}⟧");
        };
        let mut fluent = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            match value {
                Value::Text(t) => fluent.set(*name, FluentValue::from(*t)),
                Value::Number(n) => fluent.set(*name, FluentValue::from(*n)),
            }
        }
        let text = bundle.format_pattern(pattern, Some(&fluent), &mut Vec::new());
        match lang {
            Lang::Ja => close_up(&text),
            Lang::En => text.into_owned(),
        }
    }

    /// Whether a phrase stands under this key.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Every key, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The variables that the phrase under `key` uses, sorted; none where there is no such key.
    pub fn variables(&self, key: &str) -> impl Iterator<Item = &str> {
        self.keys.get(key).into_iter().flatten().map(String::as_str)
    }
}

fn bundle(lang: Lang) -> FluentBundle<FluentResource> {
    let language = match lang {
        Lang::Ja => unic_langid::langid!("ja"),
        Lang::En => unic_langid::langid!("en"),
    };
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // The marks show where values stand; [`close_up`] takes them away.
    bundle.set_use_isolating(lang == Lang::Ja);
    bundle.set_formatter(Some(format_value));
    bundle
}

/// Japanese is written without spaces, but a number or a Latin word stands apart. Patterns therefore have a space on either side of a value,
/// and where the value itself begins or ends in Japanese (`5 分`, `工場`) that space is left out. Values end at the marks U+2068 and
/// U+2069, which are left out too.
fn close_up(text: &str) -> String {
    let wide = |c: char| matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}');
    let mut out = String::with_capacity(text.len());
    let (mut last, mut space, mut mark) = (None, false, false);
    for c in text.chars() {
        match c {
            '\u{2068}' | '\u{2069}' => mark = true,
            ' ' if !space => space = true,
            _ => {
                if space && !(mark && last.is_some_and(wide) && wide(c)) {
                    out.push(' ');
                }
                (space, mark) = (c == ' ', false);
                if !space {
                    out.push(c);
                }
                last = Some(c);
            }
        }
    }
    if space {
        out.push(' ');
    }
    out
}

/// Numbers in both languages are grouped by commas in threes (CLDR, `latn` of ja and en).
fn format_value<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    match value {
        FluentValue::Number(n) if n.value.fract() == 0.0 && n.value.abs() < 9.0e15 => Some(group(n.value as i64)),
        _ => None,
    }
}

/// Thousands grouped by commas.
pub fn group(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// Line of `key =` (or `-key =`) at the start of a line.
fn line_of_key(text: &str, key: &str) -> usize {
    text.lines().position(|l| l.strip_prefix(key).is_some_and(|r| r.trim_start().starts_with('='))).map_or(1, |i| i + 1)
}

fn read(file: &str, text: &str, resource: &FluentResource, map: &mut BTreeMap<String, Told>) -> Result<(), PhraseError> {
    for entry in resource.entries() {
        let (key, pattern, attributes) = match entry {
            Entry::Message(m) => (m.id.name.to_owned(), m.value.as_ref(), m.attributes.len()),
            Entry::Term(t) => (format!("-{}", t.id.name), Some(&t.value), t.attributes.len()),
            _ => continue,
        };
        let line = line_of_key(text, &key);
        let wrong = |line: usize, what: String| PhraseError { file: file.into(), line, what };
        if attributes > 0 {
            return Err(wrong(line, format!("'{key}' has attributes, which are never shown; give each its own key")));
        }
        let Some(pattern) = pattern else {
            return Err(wrong(line, format!("'{key}' has no words; write them or remove the key")));
        };
        let mut variables = BTreeSet::new();
        let mut mentions = BTreeSet::new();
        walk(pattern, &mut variables, &mut mentions);
        if let Some(before) = map.get(&key) {
            let second = text
                .lines()
                .enumerate()
                .filter(|(_, l)| l.strip_prefix(&key).is_some_and(|r| r.trim_start().starts_with('=')))
                .map(|(i, _)| i + 1)
                .nth(usize::from(before.file == file))
                .unwrap_or(line);
            return Err(wrong(second, format!("'{key}' is already said in {}:{}; keep one of them", before.file, before.line)));
        }
        map.insert(key, Told { file: file.into(), line, variables, mentions });
    }
    Ok(())
}

fn walk(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>, mentions: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            walk_expression(expression, variables, mentions);
        }
    }
}

fn walk_expression(expression: &Expression<&str>, variables: &mut BTreeSet<String>, mentions: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(i) => walk_inline(i, variables, mentions),
        Expression::Select { selector, variants } => {
            walk_inline(selector, variables, mentions);
            for v in variants {
                walk(&v.value, variables, mentions);
            }
        }
    }
}

fn walk_inline(inline: &InlineExpression<&str>, variables: &mut BTreeSet<String>, mentions: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            variables.insert(id.name.to_owned());
        }
        InlineExpression::MessageReference { id, .. } => {
            mentions.insert(id.name.to_owned());
        }
        InlineExpression::TermReference { id, .. } => {
            mentions.insert(format!("-{}", id.name));
        }
        InlineExpression::FunctionReference { id, arguments } => {
            mentions.insert(format!("{}()", id.name));
            for a in &arguments.positional {
                walk_inline(a, variables, mentions);
            }
        }
        InlineExpression::Placeable { expression } => walk_expression(expression, variables, mentions),
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
    }
}

/// Every variable of a key, also those of the messages that it mentions.
fn all_variables(map: &BTreeMap<String, Told>, key: &str) -> Result<BTreeSet<String>, PhraseError> {
    let mut out = BTreeSet::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![key];
    while let Some(k) = open.pop() {
        let Some((k, told)) = map.get_key_value(k) else { continue };
        if !done.insert(k) {
            continue;
        }
        out.extend(told.variables.iter().cloned());
        for m in &told.mentions {
            let wrong = |what: String| PhraseError { file: told.file.clone(), line: told.line, what };
            if m == key {
                return Err(wrong(format!("'{key}' mentions itself")));
            }
            if !map.contains_key(m) {
                return Err(wrong(format!("'{k}' mentions '{m}', which is not there")));
            }
            open.push(m);
        }
    }
    Ok(out)
}

fn compare(ja: &BTreeMap<String, Told>, en: &BTreeMap<String, Told>) -> Result<BTreeMap<String, BTreeSet<String>>, PhraseError> {
    for (here, there, missing) in [(ja, en, "English"), (en, ja, "Japanese")] {
        for (key, told) in here {
            if !key.starts_with('-') && !there.contains_key(key) {
                return Err(PhraseError {
                    file: told.file.clone(),
                    line: told.line,
                    what: format!("'{key}' has no {missing} words; say it there too"),
                });
            }
        }
    }
    let mut keys = BTreeMap::new();
    for (key, told) in ja {
        if key.starts_with('-') {
            continue;
        }
        let in_ja = all_variables(ja, key)?;
        let in_en = all_variables(en, key)?;
        if let Some(v) = in_ja.symmetric_difference(&in_en).next() {
            let (has, lacks, told) =
                if in_ja.contains(v) { ("Japanese", "English", told) } else { ("English", "Japanese", en.get(key).unwrap_or(told)) };
            return Err(PhraseError {
                file: told.file.clone(),
                line: told.line,
                what: format!("'{key}' uses ${v} in {has} and not in {lacks}; use it in both or in neither"),
            });
        }
        keys.insert(key.clone(), in_ja);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(ja: &str, en: &str) -> Result<Phrasebook, PhraseError> {
        Phrasebook::new(&[(Lang::Ja, "x.ja.ftl", ja), (Lang::En, "x.en.ftl", en)])
    }

    #[test]
    fn a_broken_escape_is_told_and_not_stumbled_over() {
        for text in ["a = b\nx = { \"\\Ua6a y\" }", "a = b\nx = { \"\\Ua\u{49e} ya\" }", "a = b\nx = { \"\\u12\" }", "a = b\nx = \\U"] {
            let e = Phrasebook::new(&[(Lang::Ja, "ja.ftl", text), (Lang::En, "en.ftl", text)]).unwrap_err();
            assert_eq!(e.line, 2, "{text}: {e}");
        }
        let good = "x = { \"\\u3042\\U01F525\" }";
        let book = Phrasebook::new(&[(Lang::Ja, "ja.ftl", good), (Lang::En, "en.ftl", good)]).unwrap();
        assert_eq!(book.say(Lang::Ja, "x", &[]), "あ\u{1f525}");
    }

    #[test]
    fn spaces_stand_between_japanese_and_latin_only() {
        for (text, told) in [
            ("\u{2068}5 分\u{2069} の間に \u{2068}SSH\u{2069} で", "5 分の間に SSH で"),
            ("場所は \u{2068}第 1 工場\u{2069} です", "場所は第 1 工場です"),
            ("一 二  三", "一 二  三"),
            ("\u{2068}事務所 プリンター\u{2069} を \u{2068}\u{2069}", "事務所 プリンターを "),
            ("  x ", "  x "),
        ] {
            assert_eq!(close_up(text), told);
        }
    }

    #[test]
    fn says_in_both_languages_with_numbers_grouped() {
        let b =
            book("a = { $n } 台の { $who }\n", "a = { $n ->\n    [one] one device\n   *[other] { $n } devices\n } of { $who }\n").unwrap();
        assert_eq!(b.say(Lang::Ja, "a", &[("n", Value::Number(1_234_567)), ("who", Value::Text("工場"))]), "1,234,567 台の工場");
        assert_eq!(b.say(Lang::Ja, "a", &[("n", Value::Number(5)), ("who", Value::Text("NAS 2"))]), "5 台の NAS 2");
        assert_eq!(b.say(Lang::En, "a", &[("n", Value::Number(1)), ("who", Value::Text("us"))]), "one device of us");
        assert_eq!(b.say(Lang::En, "a", &[("n", Value::Number(-4321)), ("who", Value::Text("us"))]), "-4,321 devices of us");
        assert!(b.has("a") && !b.has("b"));
        assert_eq!(b.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_missing_key_is_seen() {
        assert_eq!(book("", "").unwrap().say(Lang::Ja, "no-such", &[]), "⟦no-such⟧");
    }

    #[test]
    fn refuses_with_file_and_line() {
        let at = |ja, en| {
            let e = book(ja, en).unwrap_err();
            (e.file, e.line, e.what)
        };
        let (file, line, what) = at("a = x\n\nb = { $n\n", "a = x\n");
        assert_eq!((file.as_str(), line), ("x.ja.ftl", 4), "{what}");
        let (file, line, what) = at("a = x\nb = y\n", "a = x\n");
        assert_eq!((file.as_str(), line), ("x.ja.ftl", 2), "{what}");
        assert!(what.contains("English"));
        let (file, line, _) = at("a = x\n", "a = x\nc = y\n");
        assert_eq!((file.as_str(), line), ("x.en.ftl", 2));
        let (_, line, what) = at("a = x\nb = y\na = z\n", "a = x\nb = y\n");
        assert_eq!(line, 3, "{what}");
        let (file, _, what) = at("a = x\n", "a = { $n } x\n");
        assert_eq!(file, "x.en.ftl");
        assert!(what.contains("$n"), "{what}");
        let (_, _, what) = at("a = { b }\n", "a = x\n");
        assert!(what.contains("'b'"), "{what}");
    }

    #[test]
    fn hostile_sources_end() {
        for text in ["a = { a }\n", "a = { b }\nb = { a }\n", "= = =", "\0\0", "a = {{{{{{{{{{"] {
            let _ = book(text, text);
        }
        assert!(book("a = { a }\n", "a = { a }\n").is_err());
    }

    #[test]
    fn can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Phrasebook>();
    }
}
