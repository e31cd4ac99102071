//! Bytes that changed after they were written.

use crate::*;
use vault::Query;

/// Three commits of different shape in one closed segment.
fn small() -> SimDisk {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { compression: 0, ..options() });
    let a = v.appender();
    a.append_and_wait(&[flow(0, 1, 1), flow(1, 2, 2)]).unwrap();
    a.append_and_wait(&[observation(2, 3)]).unwrap();
    a.append_and_wait(&[flow(3, 4, 4), flow(4, 5, 5)]).unwrap();
    drop(v);
    disk
}

fn file_of(disk: &SimDisk, suffix: &str) -> (PathBuf, Vec<u8>) {
    disk.files().into_iter().find(|(n, _)| n.to_string_lossy().ends_with(suffix)).unwrap()
}

/// Where each record's frame begins, found by the magic.
fn frames(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 4).filter(|i| &bytes[*i..*i + 4] == b"HFr2").collect()
}

#[test]
fn any_flipped_byte_of_a_segment_is_named_with_file_place_and_first_record() {
    let disk = small();
    let (name, bytes) = file_of(&disk, ".seg");
    let starts = frames(&bytes);
    assert_eq!(starts.len(), 4, "three frames and the seal");
    let firsts = [1u64, 3, 4, 6];
    let hashes: Vec<usize> = starts.iter().map(|s| u32::from_le_bytes(bytes[s + 32..s + 36].try_into().unwrap()) as usize).collect();
    for with_index in [true, false] {
        for at in 0..bytes.len() {
            let flipped = disk.twin();
            flipped.edit(&name, |b| b[at] ^= 1 << (at % 8));
            if !with_index {
                let (index, _) = file_of(&flipped, ".idx");
                flipped.edit(&index, Vec::clear);
            }
            let v = open(&flipped);
            let damage = if with_index { v.verify().unwrap().damage } else { v.status().damage };
            let frame = starts.iter().rposition(|s| *s <= at);
            let (offset, first) = frame.map_or((0, 1), |f| (starts[f] as u64, firsts[f]));
            if frame == Some(3) && !with_index {
                // No record stands in a seal, and without the index a seal that was changed looks like one that was never finished.
                let place = format!("{} at byte {offset}: ", name.display());
                let notes = v.status().notes;
                assert!(damage.is_empty() && notes.iter().any(|n| n.starts_with(&place)), "byte {at}: {damage:?} {notes:?}");
            } else {
                assert!(!damage.is_empty(), "byte {at} (index {with_index})");
                let d = &damage[0];
                assert_eq!(d.file, name, "byte {at}");
                assert_eq!((d.offset, d.first_seq), (offset, first), "byte {at} (index {with_index}): {d}");
            }
            // The rest is read, and what is read is what was written.
            // With the index in memory a frame whose header alone was changed is still read: its entries are whole.
            let in_payload = frame.is_some_and(|f| at >= starts[f] + 104 + 4 * hashes[f]);
            let lost = frame.filter(|_| in_payload || !with_index).map_or(0, |f| [2, 1, 2, 0][f]);
            let left: Vec<_> = v.read(&Query::default()).filter_map(Result::ok).collect();
            assert_eq!(left.len(), 5 - lost, "byte {at} (index {with_index})");
            assert_eq!(v.appender().append_and_wait(&[flow(0, 1, 6)]), Ok(6..7), "byte {at}: no number is given twice");
        }
    }
}

#[test]
fn any_flipped_byte_of_the_other_files_is_named() {
    let disk = small();
    for suffix in [".idx", "folder.json"] {
        let (name, bytes) = file_of(&disk, suffix);
        for at in 0..bytes.len() {
            let flipped = disk.twin();
            let v = open(&flipped);
            flipped.edit(&name, |b| {
                b.clone_from(&bytes);
                b[at] ^= 1 << (at % 8);
            });
            let found = v.verify();
            let named = match &found {
                Ok(v) => v.damage.iter().any(|d| d.file == name),
                Err(e) => e.to_string().contains(&*name.to_string_lossy()),
            };
            assert!(named, "byte {at} of {suffix}: {found:?}");
        }
        // And a start on it loses nothing.
        for at in (0..bytes.len()).step_by(7) {
            let flipped = disk.twin();
            flipped.edit(&name, |b| b[at] ^= 1 << (at % 8));
            match Vault::open_on(Arc::new(flipped), &dir(), Some(site()), options()) {
                Ok(v) => {
                    assert_eq!((v.read(&Query::default()).filter_map(Result::ok).count(), v.last_seq()), (5, 5), "byte {at} of {suffix}");
                }
                Err(e) => assert!(e.to_string().contains("newer"), "byte {at}: {e}"),
            }
        }
    }
}

#[test]
fn a_torn_tail_is_put_aside_and_told_and_numbers_go_on() {
    let disk = SimDisk::new();
    let v = open(&disk);
    v.appender().append_and_wait(&[flow(0, 1, 1)]).unwrap();
    let crashed = disk.after_crash(0);
    drop(v);
    let (name, whole) = file_of(&crashed, ".seg");
    crashed.edit(&name, |b| b.extend_from_slice(b"HFr2 and half a frame"));
    let v = open(&crashed);
    let status = v.status();
    assert_eq!(status.damage, vec![], "a stop during a write damages nothing that was acknowledged");
    let told = status.notes.iter().filter(|n| n.contains(&format!("at byte {}", whole.len())) && n.contains("the next record is 2"));
    assert_eq!(told.count(), 1, "{:?}", status.notes);
    let (aside, bytes) = file_of(&crashed, &format!(".torn-{}", whole.len()));
    assert_eq!((aside.parent(), bytes.as_slice()), (name.parent(), &b"HFr2 and half a frame"[..]));
    assert_eq!(v.appender().append_and_wait(&[flow(0, 1, 2)]), Ok(2..3));
    drop(v);
    let status = open(&crashed).status();
    assert!(status.damage.is_empty() && status.notes.is_empty(), "told once: {status:?}");
}

#[test]
fn a_shortened_and_a_missing_file_are_named() {
    let disk = SimDisk::new();
    let v = open_with(&disk, Options { roll_bytes: 500, seal: false, ..options() });
    for n in 0..6 {
        v.appender().append_and_wait(&[flow(n, 1, n as u64), flow(n, 2, n as u64 + 100)]).unwrap();
    }
    drop(v);
    let segments: Vec<_> = disk.files().into_iter().filter(|(n, _)| n.to_string_lossy().ends_with(".seg")).collect();
    assert!(segments.len() >= 3);
    let (name, bytes) = &segments[1];
    let short = disk.twin();
    short.edit(name, |b| b.truncate(bytes.len() - 120));
    let d = open(&short).status().damage;
    assert!(d.iter().any(|d| d.file == *name && d.last_seq.is_some_and(|l| l >= d.first_seq)), "{d:?}");
    let gone = disk.twin();
    vault::Disk::remove(&gone, name).unwrap();
    let v = open(&gone);
    let d = v.status().damage;
    assert!(d.iter().any(|d| d.what.contains("missing")), "{d:?}");
    assert_eq!(v.last_seq(), 12);
}

#[test]
fn hostile_bytes_never_stop_a_start() {
    let disk = small();
    let (name, bytes) = file_of(&disk, ".seg");
    let noise =
        |seed: u64, n: usize| (0..n).map(|i| (seed.wrapping_mul(i as u64 + 77).wrapping_mul(0x9E37_79B9) >> 13) as u8).collect::<Vec<u8>>();
    for seed in 0..200u64 {
        let d = disk.twin();
        let (index, _) = file_of(&d, ".idx");
        d.edit(&index, |b| *b = noise(seed, 300));
        d.edit(&name, |b| {
            let at = (seed as usize * 31) % bytes.len();
            let with = noise(seed, 64 + seed as usize);
            b.splice(at..(at + with.len() / 2).min(bytes.len()), with);
        });
        let v = open(&d);
        let _ = v.verify().unwrap();
        for e in v.read(&Query::default()).flatten() {
            assert!(e.id.seq <= 5);
        }
        v.appender().append_and_wait(&[flow(0, 1, 6)]).unwrap();
    }
}
