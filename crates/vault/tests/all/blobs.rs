//! Attachments: named by what they hold, and checked against it.

use crate::*;
use vault::BlobId;
use vault::blobs::MOST_BYTES;

#[test]
fn a_blob_is_there_under_its_hash_and_once() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let id = v.put_blob(b"picture").unwrap();
    assert_eq!(id, v.put_blob(b"picture").unwrap());
    assert_eq!(v.get_blob(id).unwrap().as_deref(), Some(b"picture".as_slice()));
    assert_eq!(v.get_blob(BlobId::of(b"other")).unwrap(), None);
    assert_eq!(disk.files().iter().filter(|(n, _)| n.to_string_lossy().contains("blobs/")).count(), 1);
    drop(v);
    assert_eq!(open(&disk).get_blob(id).unwrap().as_deref(), Some(b"picture".as_slice()));
    assert_eq!(id.to_string().parse(), Ok(id));
}

#[test]
fn a_changed_byte_is_told_and_never_shown() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let id = v.put_blob(b"picture").unwrap();
    let (name, _) = disk.files().into_iter().find(|(n, _)| n.to_string_lossy().contains("blobs/")).unwrap();
    assert!(v.verify().unwrap().damage.is_empty());
    disk.edit(&name, |b| b[0] ^= 1);
    assert!(matches!(v.get_blob(id), Err(vault::VaultError::Damaged(d)) if d.file == name));
    assert_eq!(v.verify().unwrap().damage.len(), 1);
}

#[test]
fn what_is_too_large_is_refused_and_a_name_cannot_lead_elsewhere() {
    let v = open(&SimDisk::new());
    let refused = v.put_blob(&vec![0; MOST_BYTES + 1]).unwrap_err();
    assert!(matches!(refused, vault::VaultError::Record(_)), "{refused}");
    for bad in ["", "../../etc/passwd", &"A".repeat(64), &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
        assert!(bad.parse::<BlobId>().is_err(), "{bad}");
    }
}

/// A record that a photo was added, `day` days after the beginning.
fn ticked(day: i64, photo: &str) -> NewEvent {
    let mut e = audit(day * 86_400, "");
    if let Body::Audit(a) = &mut e.body {
        a.deed = Deed::StocktakeTicked {
            stocktake: model::StocktakeId(uuid::Uuid::from_u128(1)),
            entry: model::StockEntryId(uuid::Uuid::from_u128(2)),
            asset: None,
            label: String::from("PLC 3"),
            from: None,
            to: model::StockResult::Found,
            note: String::new(),
            photo: photo.into(),
        };
    }
    e
}

fn long_after() -> Options {
    Options { roll_bytes: 1_000, compact: false, now: || Time::from_unix(T0 + 20 * 86_400, 0), ..options() }
}

/// Two photos, of which the second is named again ten days later; each record in a segment file of its own.
fn two_photos(disk: &SimDisk) -> (BlobId, BlobId) {
    let v = open_with(disk, long_after());
    let (one, two) = (v.put_blob(b"one").unwrap(), v.put_blob(b"two").unwrap());
    v.put_blob(b"named by nobody").unwrap();
    for e in [ticked(0, &one.to_string()), ticked(1, &two.to_string()), ticked(12, &two.to_string()), flow(13 * 86_400, 1, 1)] {
        v.appender().append_and_wait(&[e]).unwrap();
        v.seal().unwrap();
    }
    (one, two)
}

fn ten_days_of_audit() -> vault::Retention {
    let mut keep = vault::Retention::default();
    keep.tables[model::event::Table::Audit as usize] = Some(10);
    keep
}

#[test]
fn a_blob_goes_with_the_last_record_that_names_it_and_not_before() {
    let disk = SimDisk::new();
    let (one, two) = two_photos(&disk);
    let v = open_with(&disk, long_after());
    let before = v.status().log.size;
    v.set_retention(ten_days_of_audit());
    v.let_go().unwrap();
    assert_eq!(v.status().tables[model::event::Table::Audit as usize].rows, 1);
    assert_eq!(v.get_blob(one).unwrap(), None, "its only record went");
    assert!(v.get_blob(two).unwrap().is_some(), "a kept record names it");
    assert!(v.get_blob(BlobId::of(b"named by nobody")).unwrap().is_some(), "its record may be on its way");
    assert!(v.status().log.size > before + 1, "that it went is in the log");
    assert_eq!(v.verify_with(vault::Depth::Deep, |_| true).unwrap().damage, vec![]);
    drop(v);
    let v = open_with(&disk, long_after());
    assert!(v.get_blob(two).unwrap().is_some() && v.get_blob(one).unwrap().is_none());
    assert_eq!(v.verify().unwrap().damage, vec![]);
    // The same bytes can be kept again.
    assert_eq!(v.put_blob(b"one").unwrap(), one);
}

#[test]
fn a_hold_on_the_record_holds_its_blob_and_so_does_a_record_that_is_not_sealed_yet() {
    let disk = SimDisk::new();
    let (one, two) = two_photos(&disk);
    let v = open_with(&disk, long_after());
    let hold = vault::Hold {
        name: String::from("case 1"),
        reason: String::from("insurance"),
        since: Time::from_unix(T0, 0),
        tables: 0,
        from: None,
        to: Some(Time::from_unix(T0 + 10, 0)),
    };
    v.set_holds(vec![hold]).unwrap();
    v.set_retention(ten_days_of_audit());
    v.let_go().unwrap();
    assert!(v.get_blob(one).unwrap().is_some() && v.get_blob(two).unwrap().is_some());
    // Named in the tail: the record that is let go is not its last.
    v.appender().append_and_wait(&[ticked(14, &one.to_string())]).unwrap();
    v.set_holds(vec![]).unwrap();
    v.let_go().unwrap();
    assert!(v.get_blob(one).unwrap().is_some());
}

#[test]
fn one_that_was_brought_just_now_waits_for_its_record() {
    let disk = SimDisk::new();
    let (one, _) = two_photos(&disk);
    let v = open_with(&disk, long_after());
    assert_eq!(v.put_blob(b"one").unwrap(), one, "brought again");
    v.set_retention(ten_days_of_audit());
    v.let_go().unwrap();
    assert!(v.get_blob(one).unwrap().is_some());
}

#[test]
fn a_pack_has_what_its_records_name() {
    let disk = SimDisk::new();
    let (one, two) = two_photos(&disk);
    let v = open_with(&disk, long_after());
    let pack = |seqs: Vec<u64>, hide| v.prove(&vault::Request { seqs, hide, ..vault::Request::default() }).unwrap();
    let has = |pack: &[u8], id: BlobId| String::from_utf8_lossy(pack).contains(&format!("blobs/{id}"));
    let both = pack(vec![1, 2], [false; 3]);
    assert!(has(&both, one) && has(&both, two));
    let report = proof::pack::verify(&both, &proof::pack::Against::default());
    assert_eq!(report.problems, vec![]);
    let first = pack(vec![1], [false; 3]);
    assert!(has(&first, one) && !has(&first, two));
    // Whoever must not see names gets no photo either.
    assert!(!has(&pack(vec![1], [false, true, false]), one));
    // A photo with a flipped byte is no proof of anything.
    let at = both.windows(3).position(|w| w == b"one").unwrap();
    let mut forged = both.clone();
    forged[at] ^= 1;
    assert!(!proof::pack::verify(&forged, &proof::pack::Against::default()).problems.is_empty());
}

#[test]
fn a_blob_that_is_gone_while_its_record_is_kept_is_told() {
    let disk = SimDisk::new();
    let (one, _) = two_photos(&disk);
    let v = open_with(&disk, long_after());
    let (name, _) = disk.files().into_iter().find(|(n, _)| n.to_string_lossy().ends_with(&one.to_string())).unwrap();
    vault::Disk::remove(&disk, &name).unwrap();
    let damage = v.verify().unwrap().damage;
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].to_string().contains("record 1 names it"), "{}", damage[0]);
}

#[test]
fn an_archive_has_them_and_opens_with_them() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let v = Vault::open(from.path(), Some(site()), options()).unwrap();
    let id = v.put_blob(b"picture").unwrap();
    v.appender().append_and_wait(&[ticked(0, &id.to_string())]).unwrap();
    v.export(&vault::Export { target: to.path().into(), ..vault::Export::default() }, |_, _| true).unwrap();
    drop(v);
    drop(from);
    let archive = Vault::open_archive(to.path(), options()).unwrap();
    assert_eq!(archive.get_blob(id).unwrap().as_deref(), Some(b"picture".as_slice()));
    assert_eq!(archive.verify().unwrap().damage, vec![]);
    let pack = archive.prove(&vault::Request { seqs: vec![1], ..vault::Request::default() });
    // The signing key never goes along: an archive is asked and not signed for.
    assert!(pack.is_err() || String::from_utf8_lossy(&pack.unwrap()).contains(&format!("blobs/{id}")));
}
