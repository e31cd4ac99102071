//! Writing, reading, following on a disk that works.

use crate::*;
use model::EventId;
use model::event::{AddressKey, Happened, Table};
use vault::{Query, VaultError, Writing};

#[test]
fn what_was_acknowledged_is_read_back_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let mut batch = vec![flow(0, 1, 1), observation(1, 2), audit(2, "0.1.0")];
    batch[1].happened = Some(Happened { at: Time(-5), text: Some("昨日".into()), assumed: Some("year".into()) });
    let id = {
        let v = Vault::open(home.path(), None, Options::default()).unwrap();
        assert_eq!(v.appender().append_and_wait(&batch), Ok(1..4));
        assert_eq!(v.appender().append_and_wait(&[]), Ok(4..4));
        v.site()
    };
    let v = Vault::open(home.path(), Some(id), Options::default()).unwrap();
    assert_eq!(v.status().damage, vec![]);
    assert_eq!((v.last_seq(), v.epoch()), (3, 1));
    let back: Vec<_> = v.read(&Query::default()).map(Result::unwrap).collect();
    assert_eq!(back.iter().map(|e| e.id).collect::<Vec<_>>(), (1..4).map(|seq| EventId { site: id, epoch: 1, seq }).collect::<Vec<_>>());
    let again: Vec<_> =
        back.into_iter().map(|e| NewEvent { source: e.source, received: e.received, happened: e.happened, body: e.body }).collect();
    assert_eq!(again, batch);
    assert_eq!(v.appender().append_and_wait(&batch[..1]), Ok(4..5));
    assert_eq!(v.get(EventId { site: id, epoch: 1, seq: 3 }).unwrap().unwrap().body, batch[2].body);
    for (epoch, seq) in [(2, 3), (1, 0), (1, 99), (1, u64::MAX)] {
        assert_eq!(v.get(EventId { site: id, epoch, seq }).unwrap(), None);
    }
    assert!(v.verify().unwrap().damage.is_empty());
}

#[test]
fn a_second_process_is_refused_in_words() {
    let home = tempfile::tempdir().unwrap();
    let first = Vault::open(home.path(), None, Options::default()).unwrap();
    let second = Vault::open(home.path(), None, Options::default()).err().unwrap();
    assert!(second.to_string().contains("in use by another Hinomi"), "{second}");
    drop(first);
    assert!(Vault::open(home.path(), None, Options::default()).is_ok());
}

#[test]
fn another_site_and_a_newer_folder_are_refused_and_left_alone() {
    let disk = SimDisk::new();
    open(&disk).appender().append_and_wait(&[flow(0, 1, 1)]).unwrap();
    let other = Some(SiteId(uuid::Uuid::from_u128(8)));
    assert!(matches!(Vault::open_on(Arc::new(disk.clone()), &dir(), other, options()), Err(VaultError::OtherSite { .. })));
    disk.edit(&dir().join("folder.json"), |b| {
        *b = br#"{"folder":{"format":3,"site":{"of":"another shape"}},"check":"00000000","more":1}"#.to_vec();
    });
    let before = disk.files();
    let newer = Vault::open_on(Arc::new(disk.clone()), &dir(), None, options()).err().unwrap();
    assert!(matches!(newer, VaultError::Newer { found: 3, known: 2, .. }), "{newer}");
    assert_eq!(disk.files(), before);
}

#[test]
fn questions_by_kind_time_address_place_order_and_number() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { roll_bytes: 8_000, ..options() });
    let a = v.appender();
    for i in 0..40u64 {
        let batch: Vec<_> = (0..50).map(|j| flow((i * 50 + j) as i64, (i % 10) as u8, i * 50 + j)).collect();
        a.append_and_wait(&batch).unwrap();
        a.append_and_wait(&[observation((i * 50) as i64, 77)]).unwrap();
    }
    assert!(v.status().segments > 3, "{}", v.status().segments);
    let all: Vec<_> = v.read(&Query::default()).map(Result::unwrap).collect();
    assert_eq!(all.len(), 2040);
    let queries = [
        Query { tables: Table::Observation.bit(), ..Query::default() },
        Query { tables: Table::Audit.bit(), ..Query::default() },
        Query { from: Some(Time::from_unix(T0 + 333, 0)), to: Some(Time::from_unix(T0 + 444, 0)), ..Query::default() },
        Query { addresses: vec![AddressKey::Ip(ip(3))], ..Query::default() },
        Query { addresses: vec![AddressKey::Ip(ip(3)), AddressKey::Mac(Mac([2, 0, 0, 0, 0, 77]))], ..Query::default() },
        Query { addresses: vec![AddressKey::Ip(ip(99))], ..Query::default() },
        Query { after_seq: Some(500), before_seq: Some(700), ..Query::default() },
        Query { after_seq: Some(5000), ..Query::default() },
        Query { limit: Some(7), ..Query::default() },
        Query { limit: Some(0), ..Query::default() },
    ];
    for q in queries {
        for newest_first in [false, true] {
            let q = Query { newest_first, ..q.clone() };
            let mut expected: Vec<_> = all
                .iter()
                .filter(|e| {
                    let mut found = q.addresses.is_empty();
                    e.body.addresses(|a| found |= q.addresses.contains(&a));
                    found
                        && (q.tables == 0 || e.body.table().bit() & q.tables != 0)
                        && q.from.is_none_or(|t| e.time() >= t)
                        && q.to.is_none_or(|t| e.time() < t)
                        && q.after_seq.is_none_or(|s| e.id.seq > s)
                        && q.before_seq.is_none_or(|s| e.id.seq < s)
                })
                .cloned()
                .collect();
            if newest_first {
                expected.reverse();
            }
            expected.truncate(q.limit.unwrap_or(usize::MAX));
            let got: Vec<_> = v.read(&q).map(Result::unwrap).collect();
            assert_eq!(got, expected, "{q:?}");
        }
    }
    assert!(v.verify().unwrap().damage.is_empty());
}

#[test]
fn followers_get_everything_once_in_order_while_it_is_written() {
    let disk = SimDisk::new();
    let v = Arc::new(open_with(&disk, Options { roll_bytes: 30_000, queue_bytes: 20_000, ..options() }));
    let mut follower = v.follow(0);
    let mut late = v.follow(100);
    let seen = std::thread::spawn(move || {
        let mut all = Vec::new();
        while let Some(batch) = follower.next_batch(17, Duration::from_millis(50)) {
            assert!(batch.len() <= 17);
            all.extend(batch);
        }
        all
    });
    let producers: Vec<_> = (0..4u64)
        .map(|p| {
            let a = v.appender();
            std::thread::spawn(move || {
                for i in 0..100 {
                    let batch: Vec<_> = (0..5).map(|j| flow(i, p as u8, p * 1_000_000 + i as u64 * 5 + j)).collect();
                    let ticket = a.append(&batch).unwrap();
                    if i % 2 == 0 {
                        ticket.wait().unwrap();
                    }
                }
            })
        })
        .collect();
    for p in producers {
        p.join().unwrap();
    }
    v.close();
    let all = seen.join().unwrap();
    assert_eq!(all.iter().map(|e| e.id.seq).collect::<Vec<_>>(), (1..=2000).collect::<Vec<_>>());
    for p in 0..4u64 {
        let own: Vec<_> = all.iter().map(number).filter(|n| n / 1_000_000 == p).collect();
        assert_eq!(own, (0..500).map(|i| p * 1_000_000 + i).collect::<Vec<_>>(), "order of one producer");
    }
    assert_eq!(late.next_batch(5, Duration::ZERO).unwrap().iter().map(|e| e.id.seq).collect::<Vec<_>>(), [101, 102, 103, 104, 105]);
    assert!(matches!(v.appender().append_and_wait(&[flow(0, 0, 0)]), Err(VaultError::Closed)));
    assert_eq!(v.status().writing, Writing::Closed);
}

#[test]
fn a_copied_folder_begins_a_new_epoch_and_numbers_never_repeat() {
    let disk = SimDisk::new();
    open(&disk).appender().append_and_wait(&[flow(0, 1, 1), flow(0, 1, 2)]).unwrap();
    let copy = disk.copy();
    for (d, epoch) in [(&disk, 1), (&copy, 2)] {
        let v = open(d);
        assert_eq!(v.epoch(), epoch);
        assert_eq!(v.appender().append_and_wait(&[flow(1, 1, 3)]), Ok(3..4));
        let last = v.read(&Query { newest_first: true, limit: Some(1), ..Query::default() }).next().unwrap().unwrap();
        assert_eq!((last.id.epoch, last.id.seq), (epoch, 3));
    }
    let v = open_with(&disk, Options { new_epoch: true, ..options() });
    assert_eq!(v.epoch(), 2);
    assert!(v.status().notes.iter().any(|n| n.contains("epoch 2 begins after record 3 of epoch 1")), "{:?}", v.status().notes);
    drop(v);
    assert_eq!(open(&disk).epoch(), 2);
}

#[test]
fn hooks_and_tickets_tell_of_each_commit_and_a_panicking_callback_does_no_harm() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let (tx, rx) = std::sync::mpsc::channel();
    v.on_commit(move |seq| tx.send(seq).unwrap());
    v.appender().append_with(&[flow(0, 1, 1)], |_| panic!("a producer's mistake")).unwrap();
    let ticket = v.appender().append(&[flow(0, 1, 2)]).unwrap();
    assert_eq!(ticket.wait_for(Duration::from_secs(10)).ok().unwrap(), Ok(2..3));
    v.close();
    assert_eq!(rx.try_iter().max(), Some(2));
}

#[test]
fn a_record_too_large_is_refused_and_the_rest_goes_on() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let huge = audit(0, &"x".repeat(17 << 20));
    assert!(matches!(v.appender().append_and_wait(&[flow(0, 1, 1), huge]), Err(VaultError::Record(_))));
    assert_eq!(v.appender().append_and_wait(&[flow(0, 1, 1), audit(0, &"x".repeat(15 << 20))]), Ok(1..3));
    assert_eq!(v.read(&Query::default()).map(Result::unwrap).count(), 2);
}

/// decisions.md, Time: `seq` is the order, whatever the clocks say, before and after sealing and a restart.
#[test]
fn clocks_that_jump_by_years_change_nothing_in_the_order_of_receipt() {
    let home = tempfile::tempdir().unwrap();
    let year = 365 * 86_400;
    let jumps = [0, 20 * year, -30 * year, 1, 200 * year, -250 * year, 2];
    let batch: Vec<NewEvent> = (0..700u64)
        .map(|n| {
            let jump = jumps[n as usize % jumps.len()];
            let mut event = flow(jump, (n % 250) as u8, n);
            // The source's clock jumps by itself, has no year, or stands in another zone.
            event.happened = match n % 4 {
                0 => None,
                1 => {
                    Some(Happened { at: Time::from_unix(T0 - jump, 0), text: Some("Nov 20 08:05:01".into()), assumed: Some("year".into()) })
                }
                2 => Some(Happened { at: Time::MIN, text: None, assumed: None }),
                _ => Some(Happened { at: Time::MAX, text: None, assumed: Some("zone".into()) }),
            };
            event
        })
        .collect();
    let mut id = None;
    for part in batch.chunks(100) {
        let v = Vault::open(home.path(), id, Options::default()).unwrap();
        id = Some(v.site());
        v.appender().append_and_wait(part).unwrap();
        v.commit().unwrap();
        v.seal().unwrap();
        v.close();
    }
    let v = Vault::open(home.path(), id, Options::default()).unwrap();
    for (newest_first, wanted) in [(false, (0..700).collect::<Vec<u64>>()), (true, (0..700).rev().collect())] {
        let read: Vec<_> = v.read(&Query { newest_first, ..Query::default() }).map(Result::unwrap).collect();
        assert_eq!(read.iter().map(number).collect::<Vec<_>>(), wanted);
        assert!(read.iter().all(|e| e.id.seq == number(e) + 1));
    }
    let mut follower = v.follow(0);
    let mut followed = Vec::new();
    while followed.len() < 700 {
        let some = follower.next_batch(64, std::time::Duration::from_millis(200)).unwrap();
        assert!(!some.is_empty(), "{} of 700", followed.len());
        followed.extend(some.iter().map(number));
    }
    assert_eq!(followed, (0..700).collect::<Vec<_>>());
    let back: Vec<_> = v.read(&Query::default()).map(Result::unwrap).map(|e| (e.received, e.happened)).collect();
    assert_eq!(back, batch.into_iter().map(|e| (e.received, e.happened)).collect::<Vec<_>>(), "both clocks are kept");
    assert!(v.verify().unwrap().damage.is_empty());
}
