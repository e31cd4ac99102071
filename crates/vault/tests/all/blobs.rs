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
