//! A disk that loses or tears everything that was not synced, at every single write (targets, Sturdiness).

use crate::*;
use std::collections::BTreeMap;
use vault::{Query, Retention, VaultError};

/// A small life of a vault. Hands back what was acknowledged: number → seq.
fn live(disk: &SimDisk) -> BTreeMap<u64, u64> {
    let mut acknowledged = BTreeMap::new();
    for run in 0..3u64 {
        let o = Options { roll_bytes: 3_000, close_patience: Duration::ZERO, ..options() };
        let Ok(v) = Vault::open_on(Arc::new(disk.clone()), &dir(), Some(site()), o) else { return acknowledged };
        let a = v.appender();
        for i in 0..6u64 {
            let n = run * 100 + i * 10;
            let batch: Vec<_> = (0..4).map(|j| flow(n as i64, j as u8, n + j)).collect();
            let Ok(ticket) = a.append(&batch) else { break };
            // The power may fail while we wait: then nobody will answer.
            let mut ticket = Err(ticket);
            for _ in 0..2_000 {
                ticket = match ticket {
                    Err(t) if !disk.has_crashed() => t.wait_for(Duration::from_millis(2)),
                    other => other,
                };
            }
            let ticket = match ticket {
                Err(t) => t.wait_for(Duration::ZERO),
                done => done,
            };
            match ticket {
                Ok(Ok(seqs)) => acknowledged.extend(seqs.enumerate().map(|(j, s)| (n + j as u64, s))),
                Ok(Err(VaultError::Closed)) | Err(_) => break,
                Ok(Err(e)) => panic!("{e}"),
            }
            if disk.has_crashed() {
                break;
            }
        }
        if run == 1 {
            v.set_retention(Retention { bytes: Some(1_000_000), ..Retention::default() });
        }
        v.close();
        if disk.has_crashed() {
            break;
        }
    }
    acknowledged
}

#[test]
fn the_power_fails_at_every_operation() {
    at_every_operation(&SimDisk::new());
}

#[test]
fn the_power_fails_at_every_operation_of_an_encrypted_folder() {
    let encrypted = encryption::Encrypted::new();
    at_every_operation(&encrypted.disk);
}

/// A life on a copy of this disk.
fn at_every_operation(base: &SimDisk) {
    let whole = base.twin();
    assert_eq!(live(&whole).len(), 72);
    let total = whole.ops();
    assert!(total > 60, "{total}");
    for op in 1..=total {
        let disk = base.twin();
        disk.crash_at(op);
        let acknowledged = live(&disk);
        for seed in 0..6 {
            let left = disk.after_crash(op * 1000 + seed);
            let v = open(&left);
            let found: Vec<_> = v.read(&Query::default()).map(Result::unwrap).collect();
            let seqs: Vec<u64> = found.iter().map(|e| e.id.seq).collect();
            assert_eq!(seqs, (1..=found.len() as u64).collect::<Vec<_>>(), "op {op} seed {seed}: numbers without a gap");
            let by_number: BTreeMap<u64, u64> = found.iter().map(|e| (number(e), e.id.seq)).collect();
            assert_eq!(by_number.len(), found.len(), "op {op} seed {seed}: something is there twice");
            for (n, seq) in &acknowledged {
                assert_eq!(by_number.get(n), Some(seq), "op {op} seed {seed}: {n} was acknowledged");
            }
            for n in by_number.keys() {
                assert!(n / 100 < 3 && n % 100 < 60 && n % 10 < 4, "op {op} seed {seed}: {n} is invented");
            }
            // Never damage to what was acknowledged.
            for d in v.status().damage {
                assert!(d.last_seq.is_some_and(|l| l < d.first_seq), "op {op} seed {seed}: {d}");
            }
            // Life goes on with the next number, and a crash right after loses nothing of it.
            let next = found.len() as u64 + 1;
            assert_eq!(v.appender().append_and_wait(&[flow(0, 1, 9999)]), Ok(next..next + 1), "op {op} seed {seed}");
            let again = open(&left.after_crash(seed));
            assert_eq!(again.last_seq(), next, "op {op} seed {seed}");
            assert_eq!(again.read(&Query::default()).map(Result::unwrap).count() as u64, next);
        }
    }
}
