//! Letting go, with and without crashes; audit records stay.

use crate::*;
use model::event::Table;
use vault::{Query, Retention};

fn fill(disk: &SimDisk, days: i64) -> Vault {
    let v = open_with(disk, Options { roll_bytes: 1_500, now: || Time::from_unix(T0 + 10 * 86_400, 0), ..options() });
    for d in 0..days {
        let mut batch: Vec<_> = (0..6).map(|i| flow(d * 86_400 + i, i as u8, (d * 10 + i) as u64)).collect();
        batch.insert(3, audit(d * 86_400, &format!("day {d}")));
        v.appender().append_and_wait(&batch).unwrap();
        v.appender().append_and_wait(&[observation(d * 86_400, 9)]).unwrap();
    }
    v
}

fn audits(v: &Vault) -> Vec<String> {
    v.read(&Query { tables: Table::Audit.bit(), ..Query::default() })
        .map(|e| match e.unwrap().body {
            Body::Audit(a) => format!("{:?}", a.deed),
            _ => panic!(),
        })
        .collect()
}

fn settle(v: &Vault, what: impl Fn(&Vault) -> bool) {
    for _ in 0..2000 {
        if what(v) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("{:?}", v.status());
}

#[test]
fn old_days_go_and_audit_records_stay_in_their_place() {
    let disk = SimDisk::new();
    let v = fill(&disk, 10);
    let before = audits(&v);
    assert_eq!((before.len(), v.status().events), (10, 80));
    v.set_retention(Retention { days: Some(5), bytes: None });
    settle(&v, |v| v.status().let_go.segments > 0 && v.status().oldest >= Some(Time::from_unix(T0, 0)) && v.status().events < 60);
    std::thread::sleep(Duration::from_millis(30));
    let s = v.status();
    assert_eq!(audits(&v), before);
    assert_eq!(s.events + s.let_go.events, 80, "{s:?}");
    let oldest = v.read(&Query { tables: Table::Flow.bit(), limit: Some(1), ..Query::default() }).next().unwrap().unwrap();
    assert!(oldest.received >= Time::from_unix(T0 + 4 * 86_400, 0), "{}", oldest.received);
    assert_eq!(v.verify().unwrap().damage, vec![]);
    let all: Vec<u64> = v.read(&Query::default()).map(|e| e.unwrap().id.seq).collect();
    assert!(all.windows(2).all(|w| w[0] < w[1]), "{all:?}");
    let mut back: Vec<u64> = v.read(&Query { newest_first: true, ..Query::default() }).map(|e| e.unwrap().id.seq).collect();
    back.reverse();
    assert_eq!(all, back);
    assert!(
        disk.files().iter().filter(|(n, _)| n.to_string_lossy().contains("kept-") && n.extension().is_some_and(|e| e == "seg")).count()
            <= 1
    );
    drop(v);
    let v = open(&disk);
    assert_eq!((audits(&v), v.status().damage, v.last_seq()), (before, vec![], 80));
    assert_eq!(v.read(&Query::default()).count(), all.len());
}

#[test]
fn bytes_are_bounded_and_the_newest_file_stays() {
    let disk = SimDisk::new();
    let v = fill(&disk, 10);
    let total = v.status().bytes;
    v.set_retention(Retention { days: None, bytes: Some(total / 2) });
    settle(&v, |v| v.status().bytes <= total / 2);
    assert_eq!(audits(&v).len(), 10);
    v.set_retention(Retention { days: None, bytes: Some(1) });
    settle(&v, |v| v.status().segments <= 2);
    assert_eq!(audits(&v).len(), 10);
    drop(v);
    assert_eq!(open(&disk).appender().append_and_wait(&[flow(0, 1, 1)]), Ok(81..82));
}

#[test]
fn a_crash_at_any_step_of_letting_go_loses_no_audit_record_and_shows_none_twice() {
    let probe = SimDisk::new();
    let v = fill(&probe, 10);
    let (start, before) = (probe.ops(), audits(&v));
    v.set_retention(Retention { days: Some(4), bytes: None });
    settle(&v, |v| v.status().events < 55);
    drop(v);
    let total = probe.ops() - start;
    for step in 1..=total {
        let disk = SimDisk::new();
        let v = fill(&disk, 10);
        disk.crash_at(disk.ops() + step);
        v.set_retention(Retention { days: Some(4), bytes: None });
        settle(&v, |v| disk.has_crashed() || v.status().events < 55);
        drop(v);
        for seed in 0..4 {
            let v = open(&disk.after_crash(step * 100 + seed));
            assert_eq!(audits(&v), before, "step {step} seed {seed}: {:?}", v.status().notes);
            let all: Vec<u64> = v.read(&Query::default()).map(|e| e.unwrap().id.seq).collect();
            assert!(all.windows(2).all(|w| w[0] < w[1]), "step {step} seed {seed}: {all:?}");
            assert_eq!(*all.last().unwrap(), 80);
        }
    }
}
