//! Searches over records of every kind.

use super::*;
use model::event::AddressKey;
use std::time::Instant;
use vault::ask::{Clause, Find, Found};
use vault::{Options, Query, Vault};

/// A vault on a real folder: the first half of the events sealed, the rest in the tail.
struct There {
    _dir: tempfile::TempDir,
    vault: Vault,
}

impl There {
    fn of(events: &[NewEvent], sealed: usize) -> There {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("v"), None, Options { compact: false, ..Options::default() }).unwrap();
        let (first, rest) = events.split_at(sealed);
        for (part, seal) in [(first, true), (rest, false)] {
            if !part.is_empty() {
                vault.appender().append_and_wait(part).unwrap();
            }
            if seal && !part.is_empty() {
                vault.seal().unwrap();
            }
        }
        There { _dir: dir, vault }
    }

    fn find(&self, all: Vec<Clause>) -> Vec<u64> {
        self.ask(&Scope::all(), &Find { all, most: 1000, ..Find::default() }).hits.iter().map(|h| h.seq).collect()
    }

    fn ask(&self, scope: &Scope, find: &Find) -> Found {
        let found = self.vault.find(scope, find, &Cancel::new()).unwrap();
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        found
    }

    fn words(&self, words: &str) -> Vec<u64> {
        self.find(vec![Clause::Words(words.into())])
    }
}

fn one_of_each() -> Vec<NewEvent> {
    vec![
        a_flow(1, end(7, 40_000), end(9, 443), 100),
        login(2, "Ｔanaka", true),
        modbus(3, 7, true, 100),
        dns(4, 8, "updates.example.jp"),
        http(5, 8, "portal.example.jp"),
        observation(6, 7),
        audit(7),
        health(8, Quality::Drops),
        line(9, "ユーザー認証失敗しました（ID: ｔａｎａｋａ、192.168.0.7、02-00-00-00-00-07）"),
        line(10, "Failed password for admin from 192.168.0.99 port 22"),
        line(11, "session opened, \"all good\""),
    ]
}

#[test]
fn words_are_found_in_every_table_sealed_or_not() {
    for sealed in [0, 6, 11] {
        let there = There::of(&one_of_each(), sealed);
        for (words, seqs) in [
            ("tanaka", vec![9, 2]),
            ("ＴＡＮＡＫＡ", vec![9, 2]),
            ("認証", vec![9]),
            ("認証失敗", vec![9]),
            ("失敗認証", vec![]),
            ("example.jp", vec![5, 4]),
            ("update*", vec![4]),
            ("佐藤", vec![7]),
            ("fail*", vec![10]),
            ("fail", vec![]),
            ("*assword", vec![10]),
            ("\"opened, \" good", vec![11]),
            ("\"failed password\"", vec![10]),
            ("\"password failed\"", vec![]),
            ("sshd", vec![11, 10, 9]),
            ("srv-1 session", vec![11]),
            ("nothing", vec![]),
        ] {
            assert_eq!(there.words(words), seqs, "{words} with {sealed} sealed");
        }
    }
}

#[test]
fn addresses_are_found_in_columns_and_in_text() {
    let there = There::of(&one_of_each(), 8);
    let ip = |t: &str| AddressKey::Ip(t.parse().unwrap());
    let mac = AddressKey::Mac("02:00:00:00:00:07".parse().unwrap());
    assert_eq!(there.find(vec![Clause::Mentions(ip("192.168.0.7"))]), [9, 6, 3, 2, 1]);
    assert_eq!(there.find(vec![Clause::Addresses(vec![ip("192.168.0.7")])]), [6, 3, 2, 1]);
    assert_eq!(there.find(vec![Clause::Mentions(mac)]), [9, 6, 3, 2, 1]);
    assert_eq!(there.find(vec![Clause::Mentions(ip("192.168.0.99"))]), [10]);
    assert_eq!(there.find(vec![Clause::Mentions(ip("192.168.0.9")), Clause::Mentions(ip("192.168.0.7"))]), [2, 1]);
    // A part of an address finds the whole network.
    assert_eq!(there.words("192.168.0"), [10, 9, 6, 5, 4, 3, 2, 1]);
    assert_eq!(there.words("192.16"), Vec::<u64>::new());
}

#[test]
fn fields_tables_times_and_what_is_taken_away() {
    let there = There::of(&one_of_each(), 5);
    assert_eq!(there.find(vec![Clause::Port(502)]), [3]);
    assert_eq!(there.find(vec![Clause::Protocols(vec![Protocol::Dns, Protocol::Modbus])]), [4, 3]);
    assert_eq!(there.find(vec![Clause::Host("portal.example.jp".into())]), [5]);
    assert_eq!(there.find(vec![Clause::Host("srv*".into()), Clause::Words("session".into())]), [11]);
    assert_eq!(there.find(vec![Clause::Program("sshd".into())]), [11, 10, 9]);
    assert_eq!(there.find(vec![Clause::Account("\"tanaka\"".into())]), [9, 2]);
    assert_eq!(there.find(vec![Clause::Account("佐藤".into())]), [7]);
    assert_eq!(there.find(vec![Clause::Source(SourceId(1))]).len(), 11);
    assert_eq!(there.find(vec![Clause::Source(SourceId(2))]), Vec::<u64>::new());
    assert_eq!(there.find(vec![Clause::Numbers(vec![2, 9, 99])]), [9, 2]);
    assert_eq!(there.find(vec![Clause::Numbers(vec![])]), Vec::<u64>::new());
    let seqs = |find: Find| there.ask(&Scope::all(), &find).hits.iter().map(|h| h.seq).collect::<Vec<_>>();
    let none = |none| Find { none, most: 100, ..Find::default() };
    assert_eq!(seqs(Find { tables: Table::Log.bit(), ..none(vec![Clause::Words("sshd session".into())]) }), [10, 9]);
    assert_eq!(seqs(none(vec![Clause::Words("sshd".into()), Clause::Source(SourceId(9))])), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(seqs(none(vec![Clause::Protocols(vec![Protocol::Tls])])).len(), 10);
    assert_eq!(seqs(none(vec![Clause::Mentions(AddressKey::Ip("192.168.0.7".parse().unwrap()))])), [11, 10, 8, 7, 5, 4]);
    assert_eq!(seqs(Find { from: Some(at(4)), to: Some(at(7)), most: 100, ..Find::default() }), [6, 5, 4]);
    assert_eq!(seqs(Find { after_seq: Some(2), before_seq: Some(5), most: 100, ..Find::default() }), [4, 3]);
}

#[test]
fn what_is_said_of_a_hit_is_what_the_record_says() {
    let there = There::of(&one_of_each(), 6);
    let found = there.ask(&Scope::all(), &Find { most: 100, ..Find::default() });
    assert!(!found.more && found.stopped.is_none());
    let seqs: Vec<u64> = found.hits.iter().map(|h| h.seq).rev().collect();
    let events: Vec<_> = there.vault.read(&Query { seqs, ..Query::default() }).map(Result::unwrap).collect();
    assert_eq!(events.len(), 11);
    for (hit, event) in found.hits.iter().rev().zip(&events) {
        assert_eq!(
            (hit.seq, hit.table, hit.time, hit.received, hit.source),
            (event.id.seq, event.body.table(), event.time(), event.received, event.source)
        );
        let mut addresses = Vec::new();
        event.body.addresses(|a| addresses.push(a));
        assert!(addresses.iter().all(|a| hit.addresses.contains(a)) && addresses.len() == hit.addresses.len(), "{hit:?}");
    }
    assert_eq!(found.hits.iter().find(|h| h.seq == 4).unwrap().protocol, Some(Protocol::Dns));
}

#[test]
fn a_scope_of_addresses_sees_what_has_one_of_them_and_nothing_else() {
    let there = There::of(&one_of_each(), 6);
    let mine = vec![AddressKey::Ip("192.168.0.8".parse().unwrap())];
    let scope = Scope::addresses(Table::ALL, mine.clone());
    let seqs = |find: Find| there.ask(&scope, &find).hits.iter().map(|h| h.seq).collect::<Vec<_>>();
    assert_eq!(seqs(Find { most: 100, ..Find::default() }), [5, 4]);
    assert_eq!(seqs(Find { all: vec![Clause::Words("tanaka".into())], ..Find::default() }), Vec::<u64>::new());
    assert_eq!(seqs(Find { all: vec![Clause::Words("example.jp".into())], ..Find::default() }), [5, 4]);
    assert_eq!(seqs(Find { all: vec![Clause::Numbers((1..12).collect())], ..Find::default() }), [5, 4]);
    assert_eq!(seqs(Find { none: vec![Clause::Words("portal*".into())], ..Find::default() }), [4]);
    let sql = |scope: &Scope, sql: &str| ask(&there.vault, scope, sql, &Limits::default(), &Cancel::new(), false).map(|a| csv(&a));
    assert_eq!(sql(&scope, "select seq from activity order by seq").unwrap(), "4\n5");
    assert_eq!(sql(&scope, "select count(*) from flow").unwrap(), "0");
    assert_eq!(sql(&scope, "select count(*) from activity where client_ip <> '192.168.0.8' or client_ip is null").unwrap(), "0");
    // A failing condition meets no row of others.
    assert!(sql(&scope, "select count(*) from activity where cast(login_user as bigint) > 0").is_ok());
    for closed in ["audit", "health", "finding", "evidence", "raw.flow"] {
        assert!(matches!(sql(&scope, &format!("select * from {closed}")), Err(AskError::NotAllowed { .. })), "{closed}");
    }
    assert_eq!(sql(&Scope::addresses(Table::ALL, vec![]), "select count(*) from activity").unwrap(), "0");
    // Rows are the same that the record's own addresses tell.
    for event in there.vault.read(&Query::default()).map(Result::unwrap) {
        let mut has = false;
        event.body.addresses(|a| has |= mine.contains(&a));
        assert_eq!(seqs(Find { most: 100, ..Find::default() }).contains(&event.id.seq), has, "{}", event.id.seq);
    }
}

#[test]
fn more_than_asked_for_is_said_and_gone_on_with() {
    let events: Vec<NewEvent> = (0..300).map(|n| line(n, &format!("line {n} {}", if n % 3 == 0 { "third" } else { "other" }))).collect();
    let there = There::of(&events, 200);
    let find = Find { all: vec![Clause::Words("third".into())], most: 40, ..Find::default() };
    let mut seqs = Vec::new();
    let mut before = None;
    loop {
        let found = there.ask(&Scope::all(), &Find { before_seq: before, ..find.clone() });
        seqs.extend(found.hits.iter().map(|h| h.seq));
        if !found.more {
            break;
        }
        assert_eq!(found.hits.len(), 40);
        before = found.hits.last().map(|h| h.seq);
    }
    assert_eq!(seqs, (0..300).filter(|n| n % 3 == 0).map(|n| n + 1).rev().collect::<Vec<u64>>());
}

#[test]
fn somebody_who_goes_away_is_not_waited_for() {
    let there = There::of(&one_of_each(), 6);
    let cancel = Cancel::new();
    cancel.cancel();
    assert_eq!(there.vault.find(&Scope::all(), &Find::default(), &cancel), Err(AskError::Cancelled));
}

#[test]
fn records_by_number_wherever_they_are() {
    let events: Vec<NewEvent> = (0..500).map(|n| if n % 5 == 0 { observation(n, 7) } else { line(n, "x") }).collect();
    let there = There::of(&events, 400);
    for seqs in [vec![1], vec![400, 401], vec![2, 3, 5, 250, 399, 500], vec![500], vec![501], (1..=500).collect::<Vec<u64>>()] {
        for newest_first in [false, true] {
            let query = Query { seqs: seqs.clone(), newest_first, ..Query::default() };
            let mut got: Vec<u64> = there.vault.read(&query).map(|e| e.unwrap().id.seq).collect();
            if newest_first {
                got.reverse();
            }
            assert_eq!(got, seqs.iter().copied().filter(|s| *s <= 500).collect::<Vec<_>>());
            let log = Query { tables: Table::Log.bit(), limit: Some(2), ..query };
            assert!(there.vault.read(&log).all(|e| e.unwrap().body.table() == Table::Log));
        }
    }
    // One record, and a stretch, in the middle of a row group.
    for seq in [1, 77, 399, 401] {
        assert_eq!(there.vault.get(there.vault.id_of(seq)).unwrap().unwrap().id.seq, seq);
    }
    let part = Query { after_seq: Some(100), before_seq: Some(140), newest_first: true, limit: Some(3), ..Query::default() };
    assert_eq!(there.vault.read(&part).map(|e| e.unwrap().id.seq).collect::<Vec<_>>(), [139, 138, 137]);
    let timed = Query { from: Some(at(100)), newest_first: true, limit: Some(4), ..Query::default() };
    assert_eq!(there.vault.read(&timed).map(|e| e.unwrap().id.seq).collect::<Vec<_>>(), [500, 499, 498, 497]);
    let timed = Query { from: Some(at(100)), to: Some(at(390)), after_seq: Some(50), limit: Some(4), ..Query::default() };
    assert_eq!(there.vault.read(&timed).map(|e| e.unwrap().id.seq).collect::<Vec<_>>(), [101, 102, 103, 104]);
}

/// A rare word in many lines: the filters let almost everything go.
#[test]
#[ignore = "makes three million lines: cargo test -p vault --test ask -- --ignored rare_word --nocapture"]
fn a_rare_word_in_a_year_of_logs() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(&dir.path().join("v"), None, Options::default()).unwrap();
    let lines = 3_000_000i64;
    for part in 0..lines / 50_000 {
        let batch: Vec<NewEvent> = (0..50_000)
            .map(|i| {
                let n = part * 50_000 + i;
                let text = match n {
                    777_777 => "ユーザー認証失敗しました kumamoto-7".into(),
                    _ => format!("session opened for user u{} from 192.168.0.{} port {} 通信開始", n % 300, n % 200, 20_000 + n % 40_000),
                };
                line(n * 10, &text)
            })
            .collect();
        vault.appender().append_and_wait(&batch).unwrap();
    }
    vault.seal().unwrap();
    for words in ["kumamoto-7", "kumamot*", "認証失敗", "nothing-of-that", "user u7"] {
        let began = Instant::now();
        let found = vault
            .find(&Scope::all(), &Find { all: vec![Clause::Words(words.into())], most: 5000, ..Find::default() }, &Cancel::new())
            .unwrap();
        println!(
            "{words}: {} found (notes {:?}), more {}, stopped {:?}, {:?}",
            found.hits.len(),
            found.notes,
            found.more,
            found.stopped,
            began.elapsed()
        );
        // What every row group holds is read until the page is full or the time is up.
        let most = if words == "user u7" { 3 } else { 1 };
        assert!(
            began.elapsed() < std::time::Duration::from_secs(most) && (words == "nothing-of-that" || !found.hits.is_empty()),
            "{words}"
        );
        let seqs: Vec<u64> = found.hits.iter().take(100).map(|h| h.seq).rev().collect();
        let began = Instant::now();
        let read = if seqs.is_empty() { 0 } else { vault.read(&Query { seqs, ..Query::default() }).count() };
        println!("  {read} records read in {:?}", began.elapsed());
    }
}
