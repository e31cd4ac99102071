//! A vault without room: noise is let go by the stated policy, everything else waits, and each drop is a record.

use crate::*;
use model::event::{Deed, LogRecord, Table};
use std::collections::BTreeMap;
use std::time::Instant;
use vault::sim::Fault;
use vault::{Backlog, PRESSURE, Query, VaultError, Writing};

fn line(second: i64, n: u64) -> NewEvent {
    let log = LogRecord { text: format!("line {n}"), ..LogRecord::default() };
    NewEvent { source: SourceId(2), received: Time::from_unix(T0 + second, 0), happened: None, body: Body::Log(Box::new(log)) }
}

fn at(second: i64) -> Time {
    Time::from_unix(T0 + second, 0)
}

/// A drop as the log tells it: what, how many, from, to, why.
type Told = (Table, u64, Time, Time, String);

/// Stored records by table, and drops as the log tells them.
fn stored(v: &Vault) -> (BTreeMap<Table, u64>, Vec<Told>) {
    let (mut tables, mut drops) = (BTreeMap::new(), Vec::new());
    for e in v.read(&Query::default()).map(Result::unwrap) {
        match e.body {
            Body::Audit(a) => {
                if let Deed::Dropped { table, from, to, rows, reason } = a.deed {
                    drops.push((table, rows, from, to, reason));
                }
            }
            body => *tables.entry(body.table()).or_insert(0u64) += 1,
        }
    }
    (tables, drops)
}

fn of(drops: &[Told], table: Table) -> u64 {
    drops.iter().filter(|d| d.0 == table).map(|d| d.1).sum()
}

#[test]
fn the_policy_names_every_table_once_and_never_lets_logs_deeds_findings_or_evidence_go() {
    let mut ranks = Vec::new();
    for table in Table::ALL {
        let found: Vec<_> = PRESSURE.iter().filter(|(t, _)| *t == table).collect();
        assert_eq!(found.len(), 1, "{table:?}");
        ranks.extend(found[0].1.map(|rank| (rank, table)));
    }
    ranks.sort_unstable();
    assert_eq!(ranks.iter().map(|r| r.1).collect::<Vec<_>>(), [Table::Flow, Table::Observation, Table::Activity]);
}

#[test]
fn on_a_full_disk_noise_is_let_go_logs_are_kept_and_the_sums_agree() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { queue_bytes: 64 << 10, ..options() });
    let mut line_of_capture = Backlog::new(v.appender(), SourceId(1), 300);
    disk.set_fault(Some(Fault::Full));
    let mut received: BTreeMap<Table, u64> = BTreeMap::new();
    // A log source waits for room: on a thread of its own.
    let logs = {
        let a = v.appender();
        std::thread::spawn(move || {
            for n in 0..40 {
                a.append_and_wait(&[line(n, n as u64)]).unwrap();
            }
        })
    };
    let mut number = 0;
    for second in 0..600 {
        for _ in 0..20 {
            number += 1;
            line_of_capture.push(flow(second, (number % 9) as u8, number));
            *received.entry(Table::Flow).or_default() += 1;
        }
        line_of_capture.push(observation(second, 1));
        *received.entry(Table::Observation).or_default() += 1;
        line_of_capture.offer(at(second)).unwrap();
    }
    assert!(matches!(v.status().writing, Writing::Stopped { .. }));
    assert!(line_of_capture.len() <= 300 && line_of_capture.dropped() > 10_000, "{} wait", line_of_capture.len());
    assert_eq!(v.status().dropped, line_of_capture.dropped());
    assert_eq!(v.last_seq(), 0);
    disk.set_fault(None);
    let began = Instant::now();
    while !line_of_capture.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20));
        line_of_capture.offer(at(700)).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    line_of_capture.finish(at(700)).unwrap();
    logs.join().unwrap();
    let (tables, drops) = stored(&v);
    assert_eq!(tables[&Table::Log], 40, "logs are all there");
    for table in [Table::Flow, Table::Observation] {
        let kept = tables.get(&table).copied().unwrap_or(0);
        assert_eq!(kept + of(&drops, table), received[&table], "{table:?}: received = stored + dropped");
    }
    assert_eq!(drops.iter().map(|d| d.1).sum::<u64>(), v.status().dropped);
    assert!(of(&drops, Table::Flow) > 0 && drops.len() <= 24, "one for each table and minute: {}", drops.len());
    for (table, rows, from, to, reason) in &drops {
        assert!(matches!(table, Table::Flow | Table::Observation) && *rows > 0 && from <= to && *to <= at(600), "{drops:?}");
        // Before the disk has refused for the first time, all that is known is that there is no room.
        assert!(reason.contains("free some space") || reason.contains("queue is full"), "{reason}");
    }
    assert!(drops.iter().any(|d| d.4.contains("free some space")), "{drops:?}");
    assert_eq!(v.verify().unwrap().damage, vec![]);
}

#[test]
fn nothing_without_a_rank_is_ever_let_go_however_full_it_is() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { queue_bytes: 1 << 10, ..options() });
    disk.set_fault(Some(Fault::Broken));
    let mut b = Backlog::new(v.appender(), SourceId(1), 10);
    for n in 0..200 {
        b.push(if n % 2 == 0 { line(n, n as u64) } else { audit(n, "x") });
        b.push(flow(n, 1, n as u64));
        b.offer(at(n)).unwrap();
    }
    disk.set_fault(None);
    b.finish(at(300)).unwrap();
    let (tables, drops) = stored(&v);
    assert_eq!(tables[&Table::Log], 100);
    let deeds = v.read(&Query { tables: Table::Audit.bit(), ..Query::default() }).count() - drops.len();
    assert_eq!(deeds, 100);
    assert_eq!(tables.get(&Table::Flow).copied().unwrap_or(0) + of(&drops, Table::Flow), 200);
    assert!(drops.iter().all(|d| d.0 == Table::Flow) && of(&drops, Table::Flow) > 0);
}

#[test]
fn days_of_pressure_are_told_in_a_bounded_number_of_records() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { queue_bytes: 1 << 10, ..options() });
    disk.set_fault(Some(Fault::Full));
    let mut b = Backlog::new(v.appender(), SourceId(1), 10);
    // Three days, a flow each minute beyond what fits.
    for minute in 0..3 * 1440 {
        b.push(flow(minute * 60, 1, minute as u64));
        b.offer(at(minute * 60)).unwrap();
    }
    disk.set_fault(None);
    b.finish(at(4 * 86_400)).unwrap();
    let (tables, drops) = stored(&v);
    // At most 180 wait to be told; some were told before the disk refused.
    assert!(drops.len() <= 360, "{}", drops.len());
    assert_eq!(tables[&Table::Flow] + of(&drops, Table::Flow), 3 * 1440);
}

#[test]
fn a_closed_vault_keeps_what_was_not_taken_for_the_one_who_holds_it() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let mut b = Backlog::new(v.appender(), SourceId(1), 10);
    v.close();
    b.push(flow(0, 1, 1));
    assert_eq!(b.offer(at(0)), Err(VaultError::Closed));
    assert_eq!((b.len(), b.dropped()), (1, 0));
}
