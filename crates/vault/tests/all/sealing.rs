//! Records become segment files and stay what they were: every kind, in every order, through compaction and crashes.

use crate::*;
use model::event::{AddressKey, Evidence, LogRecord, Table, Verdict};
use vault::{Depth, Mark, Query};

pub(crate) fn log(second: i64, n: u64) -> NewEvent {
    let fields = [("user", "佐藤"), ("port", "22")].map(|(a, b)| (String::from(a), String::from(b)));
    NewEvent {
        source: SourceId(3),
        received: Time::from_unix(T0 + second, 5),
        happened: Some(model::event::Happened {
            at: Time::from_unix(T0 + second - 60, 0),
            text: Some(String::from("Nov 14 22:13:20")),
            assumed: Some(String::from("year")),
        }),
        body: Body::Log(Box::new(LogRecord {
            host: String::from("nas-1"),
            application: String::from("sshd"),
            process: Some(7),
            facility: Some(10),
            level: Some(5),
            sender: Some(ip(9)),
            text: format!("認証失敗 number {n} from 192.0.2.9"),
            fields: fields.into_iter().collect(),
            ..LogRecord::default()
        })),
    }
}

fn evidence(second: i64) -> NewEvent {
    NewEvent {
        source: SourceId(0),
        received: Time::from_unix(T0 + second, 0),
        happened: None,
        body: Body::Evidence(Box::new(Evidence {
            objective: String::from("clocks"),
            check: String::from("clock-synchronised"),
            verdict: Verdict::Met,
            population: 1,
            shown_by: vec![model::EventId { site: site(), epoch: 1, seq: 1 }],
            until: None,
            note: String::new(),
        })),
    }
}

pub(crate) fn mixed(n: i64) -> Vec<NewEvent> {
    (0..n)
        .map(|i| match i % 5 {
            0 => flow(i, (i % 7) as u8, i as u64),
            1 => observation(i, (i % 9) as u8),
            2 => audit(i, "x"),
            3 => log(i, i as u64),
            _ => evidence(i),
        })
        .collect()
}

pub(crate) fn all(v: &Vault, query: &Query) -> Vec<model::Event> {
    v.read(query).map(|e| e.unwrap()).collect()
}

#[test]
fn every_question_has_the_same_answer_before_and_after() {
    let disk = SimDisk::new();
    let v = open(&disk);
    for part in mixed(500).chunks(7) {
        v.appender().append_and_wait(part).unwrap();
    }
    let key = AddressKey::Ip(ip(3));
    let mut questions = vec![Query::default(), Query { newest_first: true, ..Query::default() }];
    for newest_first in [false, true] {
        for addresses in [vec![], vec![key], vec![AddressKey::Ip(ip(200))]] {
            for tables in [0, Table::Flow.bit(), Table::Log.bit() | Table::Observation.bit()] {
                for (from, to) in [(None, None), (Some(100), Some(300)), (Some(300), None)] {
                    for (after_seq, before_seq, limit) in [(None, None, None), (Some(120), Some(320), Some(13)), (Some(499), None, Some(5))]
                    {
                        let time = |s: i64| Time::from_unix(T0 + s, 0);
                        let (from, to) = (from.map(time), to.map(time));
                        questions.push(Query {
                            from,
                            to,
                            tables,
                            addresses: addresses.clone(),
                            after_seq,
                            before_seq,
                            newest_first,
                            limit,
                            seqs: Vec::new(),
                        });
                    }
                }
            }
        }
    }
    let before: Vec<_> = questions.iter().map(|q| all(&v, q)).collect();
    assert_eq!(before[0].len(), 500);
    v.seal().unwrap();
    assert_eq!(v.status().sealed_to, 500);
    for (q, b) in questions.iter().zip(&before) {
        assert_eq!(&all(&v, q), b, "{q:?}");
    }
    // And half and half: what came since is in the write-ahead log only.
    v.appender().append_and_wait(&mixed(40)).unwrap();
    assert_eq!(all(&v, &Query::default()).len(), 540);
    let newest = all(&v, &Query { newest_first: true, limit: Some(60), ..Query::default() });
    assert_eq!(newest.iter().map(|e| e.id.seq).collect::<Vec<_>>(), (481..=540).rev().collect::<Vec<_>>());
    let seen = v.verify_with(Depth::Deep, |_| true).unwrap();
    assert_eq!((seen.damage, seen.leaves), (vec![], 500));
    v.commit().unwrap();
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().leaves, 540);
}

#[test]
fn compaction_changes_files_and_no_leaf() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { compact: false, ..options() });
    for part in mixed(640).chunks(16) {
        v.appender().append_and_wait(part).unwrap();
        v.seal().unwrap();
    }
    let before = all(&v, &Query::default());
    let files = v.status().segments;
    assert!(v.compact().unwrap() > 0);
    assert!(v.status().segments < files / 2, "{} of {files}", v.status().segments);
    assert_eq!(all(&v, &Query::default()), before);
    let seen = v.verify_with(Depth::Deep, |_| true).unwrap();
    assert_eq!((seen.damage, seen.leaves), (vec![], 640));
    drop(v);
    let v = open(&disk);
    assert_eq!(all(&v, &Query::default()), before);
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
}

#[test]
fn a_crash_at_any_step_of_sealing_and_compacting_loses_and_doubles_nothing() {
    crash_while_sealing(&SimDisk::new());
}

#[test]
fn a_crash_at_any_step_of_sealing_loses_nothing_of_an_encrypted_folder() {
    let encrypted = encryption::Encrypted::new();
    crash_while_sealing(&encrypted.disk);
}

fn crash_while_sealing(base: &SimDisk) {
    for step in (1..260u64).step_by(3) {
        let disk = base.twin();
        disk.crash_at(10 + step);
        let Ok(v) = Vault::open_on(Arc::new(disk.clone()), &dir(), Some(site()), options()) else { continue };
        let mut acknowledged = 0;
        for part in mixed(72).chunks(8) {
            match v.appender().append(part).unwrap().wait_for(Duration::from_millis(400)) {
                Ok(Ok(range)) => acknowledged = range.end - 1,
                _ => break,
            }
            let _ = v.seal();
        }
        let _ = v.compact();
        drop(v);
        for seed in 0..2 {
            let after = disk.after_crash(step * 10 + seed);
            let v = open(&after);
            let found: Vec<u64> = all(&v, &Query::default()).iter().map(|e| e.id.seq).collect();
            let expected: Vec<u64> = (1..=found.len() as u64).collect();
            assert_eq!(found, expected, "step {step} seed {seed}");
            assert!(found.len() as u64 >= acknowledged, "step {step} seed {seed}: {} of {acknowledged}", found.len());
            v.commit().unwrap();
            let seen = v.verify_with(Depth::Deep, |_| true).unwrap();
            assert_eq!(seen.damage, vec![], "step {step} seed {seed}");
            assert_eq!(seen.leaves, found.len() as u64, "step {step} seed {seed}");
            // It goes on.
            v.appender().append_and_wait(&mixed(3)).unwrap();
            v.seal().unwrap();
            let now: Vec<u64> = all(&v, &Query::default()).iter().map(|e| e.id.seq).collect();
            assert_eq!(
                now.len(),
                found.len() + 3,
                "step {step} seed {seed}: {now:?} {:?} {:?}",
                v.status(),
                after.files().iter().map(|(n, b)| (n.clone(), b.len())).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn a_producer_that_repeats_itself_adds_nothing_twice() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let first = v.appender().append_once(Mark { producer: 9, sequence: 1 }, &mixed(10)).unwrap().wait().unwrap();
    assert_eq!(v.appender().append_once(Mark { producer: 9, sequence: 1 }, &mixed(10)).unwrap().wait().unwrap(), first);
    v.appender().append_once(Mark { producer: 8, sequence: 1 }, &mixed(5)).unwrap().wait().unwrap();
    assert_eq!(v.last_seq(), 15);
    drop(v);
    // After a start from the write-ahead log, and after one from segment files.
    let v = open(&disk);
    assert_eq!(v.appender().append_once(Mark { producer: 9, sequence: 1 }, &mixed(10)).unwrap().wait().unwrap(), first);
    v.seal().unwrap();
    drop(v);
    let v = open(&disk);
    assert_eq!(v.appender().append_once(Mark { producer: 9, sequence: 1 }, &mixed(10)).unwrap().wait().unwrap(), first);
    assert_eq!(v.appender().append_once(Mark { producer: 9, sequence: 2 }, &mixed(1)).unwrap().wait().unwrap(), 16..17);
    assert_eq!(v.last_seq(), 16);
}

#[test]
fn the_key_changes_hands_in_the_log() {
    let disk = SimDisk::new();
    let v = open(&disk);
    v.appender().append_and_wait(&mixed(10)).unwrap();
    v.commit().unwrap();
    let before = v.status().log;
    v.rotate_key().unwrap();
    let after = v.status().log;
    assert_ne!(before.vkey, after.vkey);
    assert_eq!(before.origin, after.origin);
    v.appender().append_and_wait(&mixed(10)).unwrap();
    drop(v);
    let v = open(&disk);
    assert_eq!(v.status().log.vkey, after.vkey);
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
}
