//! Disks that refuse for a while: writing stops and says so, reading goes on, nothing is lost, invented or doubled.

use crate::*;
use std::collections::BTreeSet;
use std::time::Instant;
use vault::sim::Fault;
use vault::{Query, VaultError, Writing};

fn numbers(v: &Vault) -> Vec<u64> {
    v.read(&Query::default()).map(|e| number(&e.unwrap())).collect()
}

fn until(what: &str, mut test: impl FnMut() -> bool) {
    let start = Instant::now();
    while !test() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn each_fault_stops_writing_visibly_and_ends_by_itself() {
    for fault in [Fault::Full, Fault::Broken, Fault::ReadOnly, Fault::SyncFails, Fault::TooManyFiles] {
        let disk = SimDisk::new();
        let v = open(&disk);
        let a = v.appender();
        if fault == Fault::TooManyFiles {
            // An open file goes on; it is the next one that cannot be made.
            disk.set_fault(Some(fault));
        } else {
            assert_eq!(a.append_and_wait(&[flow(0, 1, 1), flow(0, 1, 2)]), Ok(1..3));
            disk.set_fault(Some(fault));
        }
        let base = v.last_seq();
        let tickets: Vec<_> = (10..15).map(|n| a.append(&[flow(0, 1, n)]).unwrap()).collect();
        until("the stop", || matches!(v.status().writing, Writing::Stopped { tries, .. } if tries >= 3));
        let Writing::Stopped { why, .. } = v.status().writing else { panic!() };
        let advice = match fault {
            Fault::Full => "free some space",
            Fault::ReadOnly => "read-only",
            Fault::TooManyFiles => "too many open files",
            _ => "input/output error",
        };
        assert!(why.contains(advice), "{fault:?}: {why}");
        if fault != Fault::TooManyFiles {
            assert_eq!(numbers(&v), [1, 2], "reading goes on: {fault:?}");
        }
        assert_eq!(v.last_seq(), base, "nothing is acknowledged");
        disk.set_fault(None);
        for (i, t) in tickets.into_iter().enumerate() {
            assert_eq!(t.wait(), Ok(base + 1 + i as u64..base + 2 + i as u64), "{fault:?}");
        }
        assert_eq!(v.status().writing, Writing::Ok);
        assert!(v.status().write_errors >= 3);
        let expected: Vec<u64> = if base == 2 { vec![1, 2, 10, 11, 12, 13, 14] } else { (10..15).collect() };
        assert_eq!(numbers(&v), expected, "{fault:?}");
        assert_eq!(v.verify().unwrap().damage, vec![], "{fault:?}");
        drop(v);
        // What a failed sync forgot must not be what the acknowledgement stood on.
        for seed in 0..8 {
            let v = open(&disk.after_crash(seed));
            assert_eq!(numbers(&v), expected, "{fault:?} after a crash");
            assert_eq!(v.status().damage, vec![], "{fault:?}");
        }
    }
}

#[test]
fn a_disk_that_comes_and_goes_under_four_producers() {
    let disk = SimDisk::new();
    let v = Arc::new(open_with(&disk, Options { roll_bytes: 8_000, queue_bytes: 4_000, ..options() }));
    let producers: Vec<_> = (0..4u64)
        .map(|p| {
            let a = v.appender();
            std::thread::spawn(move || {
                (0..60u64).map(|i| (p * 1000 + i, a.append_and_wait(&[flow(0, p as u8, p * 1000 + i)]).unwrap().start)).collect::<Vec<_>>()
            })
        })
        .collect();
    for round in 0..30 {
        let fault = [Fault::Full, Fault::Broken, Fault::SyncFails, Fault::ReadOnly, Fault::TooManyFiles][round % 5];
        disk.set_fault(Some(fault));
        std::thread::sleep(Duration::from_millis(2));
        disk.set_fault(None);
        std::thread::sleep(Duration::from_millis(2));
    }
    let acknowledged: Vec<(u64, u64)> = producers.into_iter().flat_map(|p| p.join().unwrap()).collect();
    for v in [&*v, &open(&disk.after_crash(1)), &open(&disk.after_crash(2))] {
        let found: Vec<(u64, u64)> = v.read(&Query::default()).map(Result::unwrap).map(|e| (number(&e), e.id.seq)).collect();
        assert_eq!(found.len(), 240);
        assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), acknowledged.iter().copied().collect());
    }
}

#[test]
fn a_full_queue_refuses_or_blocks_and_a_slow_disk_loses_nothing() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { queue_bytes: 2_000, ..options() });
    let a = v.appender();
    disk.set_fault(Some(Fault::Full));
    let mut taken = Vec::new();
    let refused = loop {
        match a.try_append(&[flow(0, 1, taken.len() as u64)]) {
            Ok(t) => taken.push(t),
            Err(e) => break e,
        }
        assert!(taken.len() < 1000, "the queue has no bound");
    };
    assert!(matches!(refused, VaultError::Busy { .. }), "{refused}");
    let blocked = {
        let a = a.clone();
        std::thread::spawn(move || a.append_and_wait(&[flow(0, 1, 999)]))
    };
    std::thread::sleep(Duration::from_millis(20));
    assert!(!blocked.is_finished());
    disk.set_sync_delay(Duration::from_millis(5));
    disk.set_fault(None);
    blocked.join().unwrap().unwrap();
    for t in taken {
        t.wait().unwrap();
    }
    assert!(v.status().last_sync_micros >= 5_000);
}

#[test]
fn an_empty_batch_is_a_barrier() {
    let disk = SimDisk::new();
    let v = open(&disk);
    disk.set_sync_delay(Duration::from_millis(50));
    v.appender().append_with(&[flow(0, 1, 1), flow(0, 1, 2)], |_| ()).unwrap();
    assert_eq!(v.appender().append_and_wait(&[]), Ok(3..3));
    assert_eq!(v.last_seq(), 2, "what was queued before the barrier is safe when the barrier is");
}

#[test]
fn closing_on_a_dead_disk_tells_those_who_wait() {
    let disk = SimDisk::new();
    let v = open(&disk);
    disk.set_fault(Some(Fault::Broken));
    let t = v.appender().append(&[flow(0, 1, 1)]).unwrap();
    let start = Instant::now();
    v.close();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(t.wait(), Err(VaultError::Closed));
}

#[test]
fn a_folder_that_cannot_be_used_is_told_in_words() {
    let disk = SimDisk::new();
    disk.set_fault(Some(Fault::ReadOnly));
    let e = Vault::open_on(Arc::new(disk), &dir(), None, options()).err().unwrap().to_string();
    assert!(e.contains("/data/vault") && e.contains("remount it writable"), "{e}");
}

/// Sealing and merging on a disk that begins to fail at every one of their steps, for every way in which disks fail: nothing that was
/// acknowledged is lost or doubled, reading goes on meanwhile, and once the disk works again the work is done to its end.
#[test]
fn sealing_survives_a_disk_that_begins_to_fail_at_any_step() {
    let all: Vec<u64> = (0..48).collect();
    for fault in [Fault::Full, Fault::Broken, Fault::ReadOnly, Fault::SyncFails, Fault::TooManyFiles] {
        let mut failed = 0;
        for step in 0.. {
            let disk = SimDisk::new();
            let v = open_with(&disk, Options { seal: false, ..options() });
            // Small files enough that merging them is due after the last seal.
            for part in all.chunks(6) {
                v.appender().append_and_wait(&part.iter().map(|n| flow(0, 1, *n)).collect::<Vec<_>>()).unwrap();
                if part.contains(&47) {
                    break;
                }
                v.seal().unwrap();
            }
            let before = disk.ops();
            disk.fault_at(before + step, fault);
            let done = v.seal().and_then(|()| v.compact());
            let reached = disk.ops() - before >= step && step > 0 || step == 0 && done.is_err();
            if done.is_err() {
                failed += 1;
                if fault != Fault::TooManyFiles {
                    assert_eq!(numbers(&v), all, "{fault:?} at {step}: reading goes on");
                }
                for seed in 0..2 {
                    let after = open(&disk.after_crash(seed));
                    assert_eq!(numbers(&after), all, "{fault:?} at {step}: after a crash");
                }
            }
            disk.set_fault(None);
            until("the end of the work", || v.seal().and_then(|()| v.compact()).is_ok());
            assert_eq!(numbers(&v), all, "{fault:?} at {step}");
            let looked = v.verify_with(vault::Depth::Deep, |_| true).unwrap();
            assert_eq!((looked.damage, looked.leaves), (vec![], 48), "{fault:?} at {step}");
            if !reached {
                assert!(step > 10, "{fault:?}: the work has only {step} steps");
                break;
            }
        }
        assert!(failed > 5, "{fault:?}: only {failed} steps failed");
    }
}
