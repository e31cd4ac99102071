//! Finding records of every kind, newest first: by words, addresses, protocol, source and time. What the search field of the console asks.
//!
//! The log is looked through in windows of its numbers from the newest back, each one question over all tables that can answer. The first window is
//! small, so that what is frequent is there at once; the next ones grow as fast as the time allows, so that what is rare is found in a year:
//! filters let almost every row group go. Where the time is up, the answer says up to which record was looked, and everything newer than that is
//! in it.

use super::error::AskError;
use super::{Cancel, Limits, Scope, Source, Value, ask_with};
use crate::columns::{self, WORDED};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, TimestampNanosecondType, UInt64Type};
use model::event::{AddressKey, Table};
use model::{Protocol, SourceId, Time};
use std::time::{Duration, Instant};

/// Records of the first window.
const FIRST: u64 = 250_000;
/// Records of the smallest window, where even the first is too slow.
const LEAST: u64 = 4_000;
/// How long the first window may take at least: an answer must come on from where it is.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// How often a window is asked again whose files were written anew meanwhile.
const AGAIN: u32 = 3;

/// One thing that a record must have, or must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// One of these addresses in a column of its own.
    Addresses(Vec<AddressKey>),
    /// This address, in a column of its own or in the text, however it is written there.
    Mentions(AddressKey),
    /// These words, parts and phrases in any text of the record ([`super::terms`] says how they are read).
    Words(String),
    /// One of these protocols.
    Protocols(Vec<Protocol>),
    /// One of these numbers.
    Numbers(Vec<u64>),
    /// From this sensor or source.
    Source(SourceId),
    /// This port at either end.
    Port(u16),
    /// Written by this host, or reached by this name.
    Host(String),
    /// Written by this program.
    Program(String),
    /// Done by, or with, this account.
    Account(String),
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// Set of [`Table::bit`]; 0 for every table.
    pub tables: u32,
    /// Not before, by [`model::Event::time`].
    pub from: Option<Time>,
    /// Before.
    pub to: Option<Time>,
    /// Only records after this place.
    pub after_seq: Option<u64>,
    /// Only records before this place.
    pub before_seq: Option<u64>,
    /// All of these hold.
    pub all: Vec<Clause>,
    /// None of these does.
    pub none: Vec<Clause>,
    /// At most so many records.
    pub most: usize,
    /// How long it may take. A first answer comes in any case where one can be had in some seconds.
    pub patience: Duration,
}

impl Default for Find {
    fn default() -> Find {
        Find {
            tables: 0,
            from: None,
            to: None,
            after_seq: None,
            before_seq: None,
            all: Vec::new(),
            none: Vec::new(),
            most: 100,
            patience: Duration::from_secs(2),
        }
    }
}

/// A record that was found: what lists and counts need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its number.
    pub seq: u64,
    /// Its table.
    pub table: Table,
    /// The time to reason with.
    pub time: Time,
    /// When it was received.
    pub received: Time,
    /// Its sensor or source.
    pub source: SourceId,
    /// The protocol of a conversation or an act.
    pub protocol: Option<Protocol>,
    /// Its addresses, each once.
    pub addresses: Vec<AddressKey>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// There are more: those before the last one of `hits` were not listed.
    pub more: bool,
    /// The time was up: records before this number were not looked at.
    pub stopped: Option<u64>,
    /// What was not as it should be and hid nothing.
    pub notes: Vec<String>,
}

/// Finds. `newest` is the number of the newest record. Blocks; call it where blocking is fine.
pub(crate) fn find(source: &dyn Source, scope: &Scope, find: &Find, newest: u64, cancel: &Cancel) -> Result<Found, AskError> {
    let began = Instant::now();
    let mut found = Found::default();
    let question = Sql::of(scope, find);
    let floor = find.after_seq.unwrap_or(0);
    let mut before = find.before_seq.unwrap_or(u64::MAX).min(newest.saturating_add(1));
    if question.selects.is_empty() || find.most == 0 {
        return Ok(found);
    }
    // Where everything fits, little more than what is wanted is looked at.
    let plain = find.all.is_empty() && find.none.is_empty();
    let wanted = u64::try_from(find.most).unwrap_or(FIRST).saturating_mul(2).clamp(LEAST, FIRST);
    let (mut width, mut first, mut again) = (if plain { wanted } else { FIRST }, true, 0);
    while before > floor.saturating_add(1) {
        let low = before.saturating_sub(width.saturating_add(1)).max(floor);
        let left = find.patience.saturating_sub(began.elapsed());
        if left.is_zero() && !first {
            found.stopped = Some(before);
            break;
        }
        let time = if first { left.max(FIRST_PATIENCE) } else { left };
        let asked = Instant::now();
        let most = find.most.saturating_add(1).saturating_sub(found.hits.len());
        match question.ask(source, low, before, most, time, cancel, &mut found) {
            Ok(()) => {}
            Err(AskError::TooSlow { .. }) if !first => {
                found.stopped = Some(before);
                break;
            }
            Err(AskError::TooSlow { .. } | AskError::TooMuchMemory { .. }) if width > LEAST => {
                width = (width / 8).max(LEAST);
                continue;
            }
            Err(AskError::Gone { .. }) if again < AGAIN => {
                again += 1;
                continue;
            }
            Err(e) => return Err(e),
        }
        first = false;
        if found.hits.len() > find.most {
            found.hits.truncate(find.most);
            found.more = true;
            break;
        }
        before = low.saturating_add(1);
        // The next window must fit into what is left.
        let (took, left) = (asked.elapsed(), find.patience.saturating_sub(began.elapsed()));
        let factor = if took * 16 < left {
            16
        } else if took * 4 < left {
            3
        } else {
            1
        };
        width = width.saturating_mul(factor);
    }
    Ok(found)
}

/// A search as SQL: one `select` for each table that can answer.
struct Sql {
    scope: Scope,
    selects: Vec<String>,
    values: Vec<(String, Value)>,
}

impl Sql {
    fn of(scope: &Scope, find: &Find) -> Sql {
        let mut sql = Sql { scope: scope.with_rests(), selects: Vec::new(), values: Vec::new() };
        // Words are looked for together: the record is put together once.
        let (words, others): (Vec<&Clause>, Vec<&Clause>) = find.all.iter().partition(|c| matches!(c, Clause::Words(_)));
        for table in Table::ALL.into_iter().filter(|t| scope.may(*t) && (find.tables == 0 || find.tables & t.bit() != 0)) {
            if let Some(select) = sql.select(table, find, &words, &others) {
                sql.selects.push(select);
            }
        }
        sql
    }

    fn value(&mut self, value: Value) -> String {
        let known = self.values.iter().find(|(_, v)| *v == value).map(|(n, _)| n.clone());
        known.map_or_else(
            || {
                let name = format!("v{}", self.values.len());
                self.values.push((name.clone(), value));
                format!("${name}")
            },
            |name| format!("${name}"),
        )
    }

    fn select(&mut self, table: Table, find: &Find, words: &[&Clause], others: &[&Clause]) -> Option<String> {
        let mut parts = vec![String::from("seq > $low and seq < $high")];
        if let Some(from) = find.from {
            parts.push(format!("time >= {}", self.value(Value::Time(from.0))));
        }
        if let Some(to) = find.to {
            parts.push(format!("time < {}", self.value(Value::Time(to.0))));
        }
        for clause in others {
            parts.push(self.clause(table, clause)?);
        }
        let needle: Vec<&str> = words.iter().filter_map(|c| if let Clause::Words(w) = c { Some(w.as_str()) } else { None }).collect();
        if !needle.is_empty() {
            parts.push(self.words(table, &needle.join(" "))?);
        }
        for clause in &find.none {
            if let Some(c) = self.clause(table, clause) {
                parts.push(format!("not coalesce({c}, false)"));
            }
        }
        let has = |c: &str| columns::of(table).schema.field_with_name(c).is_ok();
        let protocol = if has("protocol") { "protocol" } else { "cast(null as varchar)" };
        let mut addresses = columns::addressed(table);
        addresses.resize(4, "cast(null as varchar)");
        let addresses: Vec<String> = addresses.iter().enumerate().map(|(i, c)| format!("{c} as a{i}")).collect();
        Some(format!(
            "select seq, {} as tab, time, received, source, {protocol} as p, {} from raw.{} where {}",
            table as u8,
            addresses.join(", "),
            table.name(),
            parts.join(" and "),
        ))
    }

    /// What a clause is in a table; `None` where no record of it can have that.
    fn clause(&mut self, table: Table, clause: &Clause) -> Option<String> {
        let talk = matches!(table, Table::Flow | Table::Activity);
        match clause {
            Clause::Addresses(keys) => in_columns(table, keys),
            Clause::Mentions(key) => {
                if !WORDED.contains(&table) {
                    return in_columns(table, &[*key]);
                }
                // The filters are over columns of addresses, too; so are the words.
                let each: Option<Vec<String>> = written(*key).iter().map(|w| self.words(table, w)).collect();
                Some(format!("({})", each?.join(" or ")))
            }
            Clause::Words(w) => self.words(table, w),
            Clause::Protocols(list) => {
                let names: Vec<String> = list.iter().map(|p| format!("'{}'", p.name())).collect();
                (talk && !names.is_empty()).then(|| format!("protocol in ({})", names.join(", ")))
            }
            Clause::Numbers(list) => {
                let list: Vec<String> = list.iter().map(u64::to_string).collect();
                Some(if list.is_empty() { String::from("false") } else { format!("seq in ({})", list.join(", ")) })
            }
            Clause::Source(source) => Some(format!("source = {}", source.0)),
            Clause::Port(port) => talk.then(|| format!("(client_port = {port} or server_port = {port})")),
            Clause::Host(host) => {
                let v = self.value(Value::Text(host.clone()));
                match table {
                    Table::Log => Some(format!("has_words(host, {v})")),
                    Table::Activity => Some(format!("(has_words(http_host, {v}) or has_words(tls_sni, {v}))")),
                    _ => None,
                }
            }
            Clause::Program(program) => {
                let v = self.value(Value::Text(program.clone()));
                (table == Table::Log).then(|| format!("has_words(application, {v})"))
            }
            Clause::Account(account) => match table {
                Table::Activity => Some(format!("has_words(login_user, {})", self.value(Value::Text(account.clone())))),
                Table::Audit => Some(format!("has_words(actor, {})", self.value(Value::Text(account.clone())))),
                // Systems write accounts into their lines in as many ways as there are systems.
                Table::Log => self.words(table, account),
                _ => None,
            },
        }
    }

    fn words(&mut self, table: Table, words: &str) -> Option<String> {
        let all = columns::worded(table);
        // A conversation or observation has no words but addresses and parts of them.
        let address = |w: &str| w.chars().any(|c| c.is_ascii_hexdigit()) && w.contains(['.', ':', '-']);
        if all.is_empty() || !WORDED.contains(&table) && !words.split_whitespace().all(address) {
            return None;
        }
        let quoted: Vec<String> = all.iter().map(|c| format!("\"{c}\"")).collect();
        Some(format!("record_has({}, {})", self.value(Value::Text(words.into())), quoted.join(", ")))
    }

    #[expect(clippy::too_many_arguments, reason = "one window of one search")]
    fn ask(
        &self,
        source: &dyn Source,
        low: u64,
        high: u64,
        most: usize,
        time: Duration,
        cancel: &Cancel,
        found: &mut Found,
    ) -> Result<(), AskError> {
        let sql = format!("select * from ({}) order by seq desc limit {most}", self.selects.join(" union all "));
        let mut values: Vec<(&str, Value)> = self.values.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
        values.extend([("low", Value::Number(low)), ("high", Value::Number(high))]);
        let limits = Limits { time, rows: most, ..Limits::default() };
        let answer = ask_with(source, &self.scope, &sql, &values, &limits, cancel, false)?;
        for batch in &answer.batches {
            hits(batch, &mut found.hits)?;
        }
        for note in answer.notes {
            if !found.notes.contains(&note) {
                found.notes.push(note);
            }
        }
        Ok(())
    }
}

/// One of these addresses in a column. Their text holds nothing but hexadecimal digits, dots and colons.
fn in_columns(table: Table, keys: &[AddressKey]) -> Option<String> {
    let text = |mac: bool| -> Vec<String> {
        let one = |k: &AddressKey| match k {
            AddressKey::Mac(m) => mac.then(|| format!("'{m}'")),
            AddressKey::Ip(i) => (!mac).then(|| format!("'{i}'")),
        };
        keys.iter().filter_map(one).collect()
    };
    let (macs, ips) = (text(true), text(false));
    let each = columns::addressed(table).into_iter().filter_map(|c| {
        let list = if c.ends_with("mac") { &macs } else { &ips };
        (!list.is_empty()).then(|| format!("{c} in ({})", list.join(", ")))
    });
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| format!("({})", each.join(" or ")))
}

/// How an address is written in lines of logs.
fn written(key: AddressKey) -> Vec<String> {
    match key {
        AddressKey::Ip(i) => vec![i.to_string()],
        AddressKey::Mac(m) => {
            let colons = m.to_string();
            let plain = colons.replace(':', "");
            let four: Vec<&str> = [plain.get(..4), plain.get(4..8), plain.get(8..)].into_iter().flatten().collect();
            vec![colons.replace(':', "-"), four.join("."), plain, colons]
        }
    }
}

fn hits(batch: &RecordBatch, out: &mut Vec<Hit>) -> Result<(), AskError> {
    let lacks = || AskError::Engine { what: String::from("an answer has other columns than were asked for") };
    let column = |n: &str| batch.column_by_name(n).ok_or_else(lacks);
    let number = |n: &str| column(n)?.as_primitive_opt::<UInt64Type>().ok_or_else(lacks);
    let time = |n: &str| column(n)?.as_primitive_opt::<TimestampNanosecondType>().ok_or_else(lacks);
    let text = |n: &str| column(n)?.as_string_opt::<i32>().ok_or_else(lacks);
    let (seq, source, at, received) = (number("seq")?, number("source")?, time("time")?, time("received")?);
    let tab = column("tab")?.as_primitive_opt::<Int64Type>().ok_or_else(lacks)?;
    let protocol = text("p")?;
    let addresses = [text("a0")?, text("a1")?, text("a2")?, text("a3")?];
    for row in 0..batch.num_rows() {
        let table = u8::try_from(tab.value(row)).ok().and_then(Table::from_number).ok_or_else(lacks)?;
        let mut keys: Vec<AddressKey> = Vec::new();
        for a in addresses.iter().filter(|a| a.is_valid(row)) {
            let key = a.value(row);
            let key = key.parse().map(AddressKey::Ip).or_else(|_| key.parse().map(AddressKey::Mac));
            keys.extend(key.ok().filter(|k| !keys.contains(k)));
        }
        out.push(Hit {
            seq: seq.value(row),
            table,
            time: Time(at.value(row)),
            received: Time(received.value(row)),
            source: SourceId(u16::try_from(source.value(row)).unwrap_or(0)),
            protocol: protocol.is_valid(row).then(|| protocol.value(row)).and_then(Protocol::from_name),
            addresses: keys,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_however_it_is_written() {
        let mac = written(AddressKey::Mac("3c:52:82:1f:aa:07".parse().unwrap()));
        assert_eq!(mac, ["3c-52-82-1f-aa-07", "3c52.821f.aa07", "3c52821faa07", "3c:52:82:1f:aa:07"]);
        assert_eq!(written(AddressKey::Ip("FD00::7".parse().unwrap())), ["fd00::7"]);
    }

    #[test]
    fn only_tables_that_can_answer_are_asked() {
        let asked = |all: Vec<Clause>, scope: &Scope| {
            let sql = Sql::of(scope, &Find { all, ..Find::default() });
            sql.selects.iter().map(|s| s.split("raw.").nth(1).and_then(|t| t.split(' ').next()).unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all = Scope::all();
        assert_eq!(asked(vec![], &all).len(), 8);
        assert_eq!(asked(vec![Clause::Words("失敗".into())], &all), ["activity", "finding", "audit", "log", "evidence"]);
        assert_eq!(asked(vec![Clause::Words("192.168.1".into())], &all).len(), 7);
        assert_eq!(asked(vec![Clause::Port(502)], &all), ["flow", "activity"]);
        assert_eq!(asked(vec![Clause::Port(502), Clause::Host("x".into())], &all), ["activity"]);
        let ip: AddressKey = AddressKey::Ip("192.0.2.7".parse().unwrap());
        assert_eq!(asked(vec![Clause::Addresses(vec![ip])], &all), ["flow", "activity", "observation", "log"]);
        assert_eq!(asked(vec![], &Scope::addresses(Table::ALL, vec![ip])), ["flow", "activity", "observation", "log"]);
        // What somebody typed never becomes part of the SQL.
        let sql = Sql::of(&all, &Find { all: vec![Clause::Words("' or 1=1 --".into())], ..Find::default() });
        assert!(sql.selects.iter().all(|s| !s.contains("1=1")));
    }
}
