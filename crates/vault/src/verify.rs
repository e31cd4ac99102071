//! Looking through everything: is each stored byte still what was written?

use crate::core::Inner;
use crate::disk::{beside, read_all};
use crate::error::{Damage, VaultError};
use crate::folder::Folder;
use crate::frame;
use crate::segment::{self, Segment};
use std::sync::{Arc, PoisonError};

/// What [`crate::Vault::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files looked at.
    pub files: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// Records decoded.
    pub records: u64,
    /// Places that can't be trusted, oldest first. Empty: all is well.
    pub damage: Vec<Damage>,
}

pub(crate) fn verify(inner: &Arc<Inner>) -> Result<Verified, VaultError> {
    let mut v = Verified::default();
    match Folder::load(&*inner.disk, &inner.dir) {
        Ok(Some(f)) if f.site == inner.site => {}
        Ok(_) => v.damage.push(Damage {
            file: inner.dir.join("folder.json"),
            offset: 0,
            first_seq: 1,
            last_seq: Some(0),
            what: String::from("it is missing or names another site"),
        }),
        Err(VaultError::Damaged(d)) => v.damage.push(d),
        Err(e) => return Err(e),
    }
    v.files += 1;
    let files: Vec<Arc<Segment>> = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        view.kept.iter().chain(&view.segments).cloned().collect()
    };
    for s in files {
        one(inner, &s, &mut v)?;
    }
    let (files, bytes, wrong) = crate::blobs::verify(inner)?;
    v.files += files;
    v.bytes += bytes;
    v.damage.extend(wrong);
    inner.note_damage(v.damage.iter().cloned());
    Ok(v)
}

fn one(inner: &Inner, s: &Segment, v: &mut Verified) -> Result<(), VaultError> {
    let (known, last_seq, events) = (s.bytes(), s.summary(|m| m.last_seq), s.summary(|m| m.events));
    let mut all = match read_all(&*inner.disk, &s.path) {
        Ok(b) => b,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
            if view.segments.iter().chain(&view.kept).any(|o| std::ptr::eq(&raw const **o, s)) {
                v.damage.push(place(s, 0, s.name.first_seq, last_seq, "the file is missing"));
            }
            return Ok(());
        }
        Err(e) => return Err(VaultError::io("read", s.path.clone(), &e)),
    };
    v.files += 1;
    let len = all.len() as u64;
    // Behind what is acknowledged there may be a commit on its way, or one that was given up.
    all.truncate(usize::try_from(known).unwrap_or(usize::MAX));
    v.bytes += all.len() as u64;
    let before = v.damage.len();
    let scan = segment::scan(&all, &s.path, s.name, (!s.name.kept).then_some(last_seq + 1))?;
    v.damage.extend(scan.damage.iter().cloned());
    if scan.good_end < known && v.damage.len() == before {
        v.damage.push(place(s, scan.good_end.min(len), scan.next_seq, last_seq, "the end of the file is not what was written"));
    }
    let mut records = 0;
    for m in &scan.frames {
        let payload = all.get(m.payload_at() as usize..m.end() as usize).unwrap_or(&[]).to_vec();
        let checked = frame::unpack(m, payload).and_then(|raw| {
            for e in frame::entries(m, &raw)? {
                frame::decode(&raw, e, inner.site, s.name.epoch)?;
                records += 1;
            }
            Ok(())
        });
        if let Err(what) = checked {
            v.damage.push(place(s, m.offset, m.first_seq, m.last_seq, &what));
        }
    }
    v.records += records;
    if s.name.kept && records < events && v.damage.len() == before {
        v.damage.push(place(s, scan.good_end, scan.next_seq, last_seq, "records are missing"));
    }
    let index = beside(&s.path, ".idx");
    if let Ok(bytes) = read_all(&*inner.disk, &index) {
        v.files += 1;
        v.bytes += bytes.len() as u64;
        let read = segment::read_index(&*inner.disk, &s.path, known, true);
        if read.is_err() || read.is_ok_and(|(_, frames)| frames != scan.frames) {
            let what = String::from("the index is not what was written; it is made again from the segment when it is missing");
            v.damage.push(Damage { file: index, offset: 0, first_seq: s.name.first_seq, last_seq: Some(s.name.first_seq - 1), what });
        }
    }
    Ok(())
}

fn place(s: &Segment, offset: u64, first_seq: u64, last_seq: u64, what: &str) -> Damage {
    Damage { file: s.path.clone(), offset, first_seq, last_seq: Some(last_seq), what: String::from(what) }
}
