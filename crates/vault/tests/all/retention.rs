//! Letting go by table, by age and by bytes; holds; and what the log says of it.

use crate::*;
use model::event::Table;
use vault::{Depth, Hold, Query, Retention};

fn fill(disk: &SimDisk, days: i64) -> Vault {
    let v = open_with(disk, Options { roll_bytes: 1_500, compact: false, now: || Time::from_unix(T0 + 10 * 86_400, 0), ..options() });
    for d in 0..days {
        let mut batch: Vec<_> = (0..6).map(|i| flow(d * 86_400 + i, i as u8, (d * 10 + i) as u64)).collect();
        batch.insert(3, audit(d * 86_400, &format!("day {d}")));
        v.appender().append_and_wait(&batch).unwrap();
        v.appender().append_and_wait(&[observation(d * 86_400, 9)]).unwrap();
        v.seal().unwrap();
    }
    v
}

fn seqs(v: &Vault, tables: u32, newest_first: bool) -> Vec<u64> {
    v.read(&Query { tables, newest_first, ..Query::default() }).map(|e| e.unwrap().id.seq).collect()
}

#[test]
fn old_days_go_table_by_table_and_audit_stays() {
    let disk = SimDisk::new();
    let v = fill(&disk, 10);
    let audits = seqs(&v, Table::Audit.bit(), false);
    assert_eq!((audits.len(), v.status().events), (10, 80));
    let mut keep = Retention { days: Some(5), ..Retention::default() };
    keep.tables[Table::Observation as usize] = Some(2);
    v.set_retention(keep);
    v.let_go().unwrap();
    let s = v.status();
    assert_eq!(seqs(&v, Table::Audit.bit(), false), audits);
    assert_eq!(s.events + s.let_go.events, 80, "{s:?}");
    assert_eq!((seqs(&v, Table::Flow.bit(), false).len(), seqs(&v, Table::Observation.bit(), false).len()), (36, 2));
    let all = seqs(&v, 0, false);
    assert!(all.windows(2).all(|w| w[0] < w[1]), "{all:?}");
    let mut back = seqs(&v, 0, true);
    back.reverse();
    assert_eq!(all, back);
    let seen = v.verify_with(Depth::Deep, |_| true).unwrap();
    assert_eq!(seen.damage, vec![]);
    assert!(seen.leaves > 0);
    drop(v);
    let v = open(&disk);
    assert_eq!(seqs(&v, 0, false), all);
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
}

#[test]
fn a_budget_takes_conversations_first_and_a_hold_keeps_them() {
    let disk = SimDisk::new();
    let v = fill(&disk, 10);
    let total = v.status().bytes;
    let hold = Hold {
        name: String::from("case 1"),
        reason: String::from("asked by the police"),
        since: Time::from_unix(T0, 0),
        tables: Table::Flow.bit(),
        from: Some(Time::from_unix(T0 + 86_400, 0)),
        to: Some(Time::from_unix(T0 + 2 * 86_400, 0)),
    };
    v.set_holds(vec![hold.clone()]).unwrap();
    v.set_retention(Retention { bytes: Some(total / 2), ..Retention::default() });
    v.let_go().unwrap();
    assert!(v.status().let_go.segments > 0);
    assert!(v.status().bytes <= total / 2 + 8_000, "{} of {total}", v.status().bytes);
    assert_eq!(seqs(&v, Table::Audit.bit(), false).len(), 10);
    let held: Vec<u64> = seqs(&v, Table::Flow.bit(), false);
    assert!((9..=16).filter(|s| held.contains(s)).count() == 6, "{held:?}");
    drop(v);
    assert_eq!(open(&disk).holds(), [hold]);
}

#[test]
fn a_clock_that_jumps_ahead_empties_nothing() {
    let disk = SimDisk::new();
    drop(fill(&disk, 3));
    let v = open_with(&disk, Options { now: || Time::from_unix(T0 + 100 * 366 * 86_400, 0), ..options() });
    v.set_retention(Retention::standard(false));
    assert_eq!(v.let_go().unwrap(), 0);
    assert_eq!(v.status().events, 24);
}

#[test]
fn a_crash_at_any_step_of_letting_go_loses_no_other_record() {
    let disk = SimDisk::new();
    let v = fill(&disk, 4);
    drop(v);
    let before = disk.twin();
    let reference: Vec<u64> = seqs(&open(&before), 0, false);
    for step in 1..60 {
        let disk = disk.twin();
        let v = open(&disk);
        disk.crash_at(disk.ops() + step);
        v.set_retention(Retention { days: Some(2), ..Retention::default() });
        let _ = v.let_go();
        drop(v);
        let after = disk.after_crash(step);
        let v = open(&after);
        let left = seqs(&v, 0, false);
        let gone: Vec<u64> = reference.iter().copied().filter(|s| !left.contains(s)).collect();
        assert!(gone.iter().all(|s| *s <= 16), "step {step}: {gone:?}");
        assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![], "step {step}");
    }
}
