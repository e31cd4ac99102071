//! The words of the search field, and finding what they mean.
//!
//! Words are joined by "and"; what a word is shows in how it looks: an address, a table's name in either language, a protocol, `from:` and
//! `to:`, the name of an asset. Whatever else it is, and all that stands in quotes, is looked for in the text of records.
//! [`find`] is the one place that asks the vault: it looks at records one by one, the newest first, within a time that a page can
//! wait, and says how far it came. Questions that need an index over text belong there.

use super::records::{self, Found};
use crate::ask::Ask;
use crate::problem::Problem;
use crate::view::words::{T, check};
use model::access::ViewAssets;
use model::event::{AddressKey, Table};
use model::{Body, Event, Lang, Mac, Protocol, SourceId, Span, Time};
use state::{AssetFilter, Paging};
use std::net::IpAddr;
use std::time::Duration;
use vault::Query;

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
}

/// The words as they were written, each with what it means. `time` reads what stands behind `from:` (false) and `to:` (true).
pub(crate) fn read(text: &str, time: impl Fn(&str, bool) -> Option<Time>) -> Vec<(String, Word)> {
    let text: String = text.chars().take(MOST).collect();
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| narrow(c).is_whitespace());
    while let Some(first) = rest.chars().next() {
        if out.len() >= MOST_WORDS {
            break;
        }
        let close = match narrow(first) {
            '"' => Some('"'),
            '「' => Some('」'),
            '“' => Some('”'),
            _ => None,
        };
        let (word, tail) = match close {
            Some(close) => {
                let inner = rest.get(first.len_utf8()..).unwrap_or_default();
                let end = inner.char_indices().find(|(_, c)| narrow(*c) == close);
                let (quoted, tail) = match end {
                    Some((at, c)) => (inner.get(..at).unwrap_or_default(), inner.get(at + c.len_utf8()..).unwrap_or_default()),
                    None => (inner, ""),
                };
                if !quoted.trim().is_empty() {
                    out.push((format!("\"{}\"", quoted.trim()), Word::Text(fold(quoted.trim()))));
                }
                (None, tail)
            }
            None => {
                let end = rest.char_indices().find(|(_, c)| narrow(*c).is_whitespace()).map_or(rest.len(), |(i, _)| i);
                let (word, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(word), tail)
            }
        };
        if let Some(word) = word {
            out.push((word.to_owned(), meaning(word, &time)));
        }
        rest = tail.trim_start_matches(|c: char| narrow(c).is_whitespace());
    }
    out
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
    if let Ok(ip) = folded.parse::<IpAddr>() {
        return Word::Address(AddressKey::Ip(ip));
    }
    if let Ok(mac) = folded.replace('-', ":").parse::<Mac>() {
        return Word::Address(AddressKey::Mac(mac));
    }
    if let Some(table) = table_of(&folded) {
        return Word::Table(table);
    }
    if let Some(protocol) = Protocol::from_name(&folded) {
        return Word::Protocol(protocol);
    }
    Word::Plain(word.to_owned())
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

/// What a search asks for beyond what the vault itself looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// One of these; empty: any.
    pub(crate) protocols: Vec<Protocol>,
    /// From this sensor or source.
    pub(crate) source: Option<SourceId>,
    /// Of each group one address.
    pub(crate) places: Vec<Vec<AddressKey>>,
    /// All of these, folded.
    pub(crate) text: Vec<String>,
}

impl Filter {
    /// Nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Whether a record is meant.
    pub(crate) fn fits(&self, e: &Event) -> bool {
        if self.source.is_some_and(|s| s != e.source) {
            return false;
        }
        if !self.protocols.is_empty() && !protocol_of(e).is_some_and(|p| self.protocols.contains(&p)) {
            return false;
        }
        for place in &self.places {
            let mut found = false;
            e.body.addresses(|a| found |= place.contains(&a));
            if !found {
                return false;
            }
        }
        self.text.is_empty() || {
            let text = fold(&text_of(e));
            self.text.iter().all(|w| text.contains(w.as_str()))
        }
    }
}

/// The protocol of a conversation or an act.
pub(crate) fn protocol_of(e: &Event) -> Option<Protocol> {
    match &e.body {
        Body::Flow(f) => f.protocol,
        Body::Activity(a) => Some(a.head.protocol),
        _ => None,
    }
}

/// What a record says, as text: the values and not the names of its fields, one on each line.
fn text_of(e: &Event) -> String {
    let mut out = String::new();
    if let Body::Log(l) = &e.body {
        for part in [&l.host, &l.application, &l.message_id, &l.text].into_iter().chain(l.fields.values()) {
            out.push_str(part);
            out.push('\n');
        }
        out.extend(l.sender.map(|s| s.to_string()));
        return out;
    }
    if let Ok(value) = serde_json::to_value(&e.body) {
        values(&value, &mut out);
    }
    out
}

fn values(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::String(s) => out.push_str(s),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::Array(list) => return list.iter().for_each(|v| values(v, out)),
        Value::Object(map) => return map.values().for_each(|v| values(v, out)),
        Value::Null | Value::Bool(_) => return,
    }
    out.push('\n');
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
    /// Tables, as a set.
    pub(crate) tables: u32,
    pub(crate) from: Option<Time>,
    pub(crate) to: Option<Time>,
    pub(crate) filter: Filter,
    /// Times that cannot be read.
    pub(crate) wrong: Vec<String>,
}

/// Reads the search field; plain words that are the name of an asset mean its addresses.
pub(crate) async fn understood(ask: &Ask, text: &str) -> Result<Words, Problem> {
    let mut out = Words::default();
    let mut names = 0;
    for (raw, word) in read(text, |t, end| time(ask, t, end)) {
        let (key, meant) = match word {
            Word::Address(key) => {
                out.filter.places.push(vec![key]);
                ("word-address", String::new())
            }
            Word::Table(t) => {
                out.tables |= t.bit();
                ("word-table", ask.t().of("table", t.name()))
            }
            Word::Protocol(p) => {
                out.filter.protocols.push(p);
                ("word-protocol", String::new())
            }
            Word::From(at) => {
                out.from = Some(at);
                ("word-from", ask.format.date_time(at))
            }
            Word::To(at) => {
                out.to = Some(at);
                ("word-to", ask.format.date_time(at))
            }
            Word::Wrong(w) => {
                out.wrong.push(w);
                continue;
            }
            Word::Text(t) => {
                out.filter.text.push(t);
                ("word-text", String::new())
            }
            Word::Plain(w) => {
                names += 1;
                let keys = if names <= MOST_NAMES { named(ask, &w).await? } else { Vec::new() };
                if keys.is_empty() {
                    out.filter.text.push(fold(&w));
                    ("word-text", String::new())
                } else {
                    out.filter.places.push(keys);
                    ("word-asset", String::new())
                }
            }
        };
        out.said.push((raw, key, meant));
    }
    Ok(out)
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

/// Finds records, the newest first, at most `limit`. The one place to plug in an index over text.
pub(crate) async fn find(ask: &Ask, mut query: Query, mut filter: Filter, limit: usize, patience: Duration) -> Result<Found, Problem> {
    // The vault has an index over addresses: it gets the first of them.
    if query.addresses.is_empty() && !filter.places.is_empty() {
        query.addresses = filter.places.remove(0);
    }
    records::newest(ask, query, filter, limit, patience).await
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
    fn what_stands_in_quotes_is_text() {
        let text = |t: &str| Word::Text(t.into());
        assert_eq!(words("\"Modbus  10.0.0.1\" 「認証 失敗」x"), [text("modbus  10.0.0.1"), text("認証 失敗"), Word::Plain("x".into())]);
        assert_eq!(words("\"open end"), [text("open end")]);
        assert_eq!(words("\"\" \" \" 「」 a\"b"), [Word::Plain("a\"b".into())]);
        assert!(words("").is_empty());
        assert_eq!(words(&"a ".repeat(500)).len(), MOST_WORDS);
    }
}
