//! Folders that are being filled.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use intake::folder::{Folder, FolderState, REST};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The clock of a test, later than the files' by so many seconds.
fn later(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}

fn look(folder: &mut Folder, now: SystemTime) -> (Vec<Packet>, intake::folder::Looked) {
    let mut seen = Vec::new();
    let looked = folder.look(now, u64::MAX, |_, r| seen.push(Packet { time: r.time.0, data: r.data.to_vec(), wire_len: r.wire_len }));
    assert_eq!(looked.packets, seen.len() as u64);
    (seen, looked)
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn records(packets: &[Packet]) -> Vec<u8> {
    packets.iter().flat_map(|p| pcap_record(p, false, true)).collect()
}

#[test]
fn a_growing_file_is_told_as_it_grows_and_finished_when_it_rests() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.pcap");
    let all = packets(30);
    let mut folder = Folder::new(dir.path(), FolderState::default());
    assert!(look(&mut folder, later(0)).0.is_empty());
    fs::write(&path, pcap(&all[..10], false, true)).unwrap();
    assert_eq!(look(&mut folder, later(0)).0, all[..10]);
    let bytes = records(&all[10..20]);
    append(&path, &bytes[..bytes.len() - 3]);
    let (seen, looked) = look(&mut folder, later(0));
    assert_eq!(seen, all[10..19], "the half record waits");
    assert!(looked.finished.is_empty() && looked.troubles.is_empty());
    append(&path, &bytes[bytes.len() - 3..]);
    append(&path, &records(&all[20..]));
    assert_eq!(look(&mut folder, later(0)).0, all[19..]);
    let (seen, looked) = look(&mut folder, later(60));
    assert!(seen.is_empty());
    assert_eq!((looked.finished.len(), looked.finished[0].packets, looked.finished[0].damage.len()), (1, 30, 0));
    assert!(look(&mut folder, later(120)).1.finished.is_empty(), "told once");
}

#[test]
fn rotation_by_renaming_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let all = packets(30);
    let mut folder = Folder::new(dir.path(), FolderState::default());
    let path = dir.path().join("capture.pcap");
    fs::write(&path, pcap(&all[..10], false, true)).unwrap();
    assert_eq!(look(&mut folder, later(0)).0.len(), 10);
    append(&path, &records(&all[10..15]));
    fs::rename(&path, dir.path().join("capture.pcap.1")).unwrap();
    fs::write(&path, pcap(&all[15..], false, true)).unwrap();
    assert_eq!(look(&mut folder, later(0)).0, all[10..], "the old file's rest comes first");
    assert!(look(&mut folder, later(60)).0.is_empty());
}

#[test]
fn after_a_restart_reading_goes_on_where_the_state_says() {
    let dir = tempfile::tempdir().unwrap();
    let all = packets(40);
    let path = dir.path().join("a.pcap");
    fs::write(&path, pcap(&all[..20], false, true)).unwrap();
    fs::write(dir.path().join("done.pcap.gz"), gzip(&pcap(&all[..5], false, true))).unwrap();
    let mut folder = Folder::new(dir.path(), FolderState::default());
    assert_eq!(look(&mut folder, later(60)).0.len(), 25);
    let json = serde_json::to_string(&folder.state()).unwrap();
    drop(folder);
    append(&path, &records(&all[20..30]));
    let mut folder = Folder::new(dir.path(), serde_json::from_str(&json).unwrap());
    assert_eq!(look(&mut folder, later(0)).0, all[20..30]);
    append(&path, &records(&all[30..]));
    assert_eq!(look(&mut folder, later(60)).0, all[30..]);
    assert!(look(&mut folder, later(120)).0.is_empty());
    // Another capture under the same name and perhaps the same inode is another capture.
    fs::write(&path, pcap(&all[1..40], true, true)).unwrap();
    assert_eq!(look(&mut folder, later(60)).0, all[1..40]);
}

#[test]
fn waiting_files_are_read_in_the_order_of_their_first_packets() {
    let dir = tempfile::tempdir().unwrap();
    let all = packets(400);
    // tcpdump -C: names sort as capture.pcap, capture.pcap1, capture.pcap10, capture.pcap11, capture.pcap2 ...
    for (n, part) in all.chunks(10).enumerate() {
        let name = if n == 0 { "capture.pcap".into() } else { format!("capture.pcap{n}") };
        fs::write(dir.path().join(name), pcap(part, false, true)).unwrap();
    }
    let mut folder = Folder::new(dir.path(), FolderState::default());
    let mut seen = Vec::new();
    for _ in 0..10 {
        seen.extend(look(&mut folder, later(60)).0);
    }
    assert_eq!(seen, all);
}

#[test]
fn the_budget_is_kept_and_reading_goes_on_at_the_next_look() {
    let dir = tempfile::tempdir().unwrap();
    let all = packets(50);
    fs::write(dir.path().join("a.pcap"), pcap(&all[..25], false, true)).unwrap();
    fs::write(dir.path().join("b.pcap"), pcap(&all[25..], false, true)).unwrap();
    let mut folder = Folder::new(dir.path(), FolderState::default());
    let mut seen = 0;
    for turn in 0.. {
        let looked = folder.look(later(60), 7, |_, r| {
            assert_eq!(r.time.0, all[seen].time);
            seen += 1;
        });
        assert!(looked.packets <= 7);
        if !looked.more {
            break;
        }
        assert!(turn < 20);
    }
    assert_eq!(seen, 50);
}

#[test]
fn what_cannot_be_read_is_told_once_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "this is no capture, and it is long enough to be sure of it").unwrap();
    fs::write(dir.path().join(".hidden.pcap"), pcap(&packets(3), false, true)).unwrap();
    fs::write(dir.path().join("empty.pcap"), b"").unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    let good = packets(5);
    fs::write(dir.path().join("z.pcap"), pcap(&good, false, true)).unwrap();
    let mut folder = Folder::new(dir.path(), FolderState::default());
    let (seen, looked) = look(&mut folder, later(60));
    assert_eq!(seen, good);
    assert_eq!(looked.troubles.len(), 1);
    assert!(looked.troubles[0].what.contains("text"), "{:?}", looked.troubles);
    assert!(look(&mut folder, later(60)).1.troubles.is_empty(), "told once");
    let mut again = Folder::new(dir.path(), folder.state());
    assert!(look(&mut again, later(60)).1.troubles.is_empty(), "and not again after a restart");
    fs::write(dir.path().join("notes.txt"), pcap(&good, false, true)).unwrap();
    assert_eq!(look(&mut again, later(60)).0, good, "but when it changes it is tried again");
    let mut missing = Folder::new(&dir.path().join("nowhere"), FolderState::default());
    assert_eq!(look(&mut missing, later(0)).1.troubles.len(), 1);
    assert!(look(&mut missing, later(0)).1.troubles.is_empty());
}

#[test]
fn a_packed_file_waits_until_it_rests_and_a_cut_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let packed = gzip(&pcap(&packets(50), false, true));
    let path = dir.path().join("a.pcap.gz");
    fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let mut folder = Folder::new(dir.path(), FolderState::default());
    assert!(look(&mut folder, later(0)).0.is_empty(), "it may still be being copied");
    fs::write(&path, &packed).unwrap();
    assert!(look(&mut folder, later(REST.as_secs() / 2)).0.is_empty());
    let (seen, looked) = look(&mut folder, later(60));
    assert_eq!((seen.len(), looked.finished.len()), (50, 1));
    let cut = pcap(&packets(10), false, true);
    fs::write(dir.path().join("b.pcap"), &cut[..cut.len() - 4]).unwrap();
    let (seen, looked) = look(&mut folder, later(60));
    assert_eq!(seen.len(), 9);
    assert!(looked.finished[0].damage[0].what.contains("ends inside a packet"), "{:?}", looked.finished);
}
