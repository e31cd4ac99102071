//! The tail: records that are in the write-ahead log only, walked as canonical bytes without decoding them.

use crate::core::{Inner, lock};
use crate::disk::DiskRead;
use crate::error::{Damage, VaultError};
use crate::frame::{self, FrameMeta};
use crate::segment::Segment;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

/// A file of the write-ahead log, open: it can be read even when sealing takes it away meanwhile.
pub(crate) type OpenWal = (Arc<Segment>, Box<dyn DiskRead>);

/// Every file whose records may lie after `after_seq`, oldest first, opened; and the last record that is in segment files.
pub(crate) fn open_wal(inner: &Inner, after_seq: u64) -> Result<(VecDeque<OpenWal>, u64), VaultError> {
    loop {
        let (wanted, sealed_to) = {
            let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
            let after = after_seq.max(view.sealed_to);
            let from = view.segments.partition_point(|s| s.summary(|m| m.last_seq) <= after);
            (view.segments.get(from..).unwrap_or(&[]).to_vec(), view.sealed_to)
        };
        let mut open = VecDeque::new();
        let mut again = false;
        for segment in wanted {
            match inner.disk.open(&segment.path) {
                Ok(file) => open.push_back((segment, file)),
                // Sealed in this moment: ask anew where its records are now.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && !is_in_view(inner, &segment) => again = true,
                Err(e) => return Err(VaultError::io("open", segment.path.clone(), &e)),
            }
        }
        if !again {
            return Ok((open, sealed_to));
        }
    }
}

fn is_in_view(inner: &Inner, segment: &Arc<Segment>) -> bool {
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    view.segments.iter().any(|s| Arc::ptr_eq(s, segment))
}

/// The raw entries of a frame.
pub(crate) fn read_frame(segment: &Segment, file: &dyn DiskRead, meta: &FrameMeta) -> Result<Vec<u8>, VaultError> {
    let mut payload = vec![0; meta.payload_len as usize];
    let read = file.read_at(&mut payload, meta.payload_at()).map_err(|e| format!("a frame cannot be read: {e}"));
    read.and_then(|()| frame::unpack(meta, payload)).map_err(|what| {
        VaultError::Damaged(Damage {
            file: segment.path.clone(),
            offset: meta.offset,
            first_seq: meta.first_seq,
            last_seq: Some(meta.last_seq),
            what,
        })
    })
}

/// Calls with every record of the tail from `first` to `last`, in order: seq, table, canonical groups. What is damaged is noted and
/// passed over. True where everything was there.
pub(crate) fn walk(
    inner: &Inner,
    first: u64,
    last: u64,
    mut each: impl FnMut(u64, u8, [&[u8]; 4]) -> Result<(), VaultError>,
) -> Result<bool, VaultError> {
    if first > last {
        return Ok(true);
    }
    let mut next = first;
    let (files, _) = open_wal(inner, first - 1)?;
    for (segment, file) in files {
        let mut at = first;
        loop {
            inner.load(&segment)?;
            let Ok(found) = segment.frame(at, false, |_| true) else { continue };
            let Some(meta) = found.filter(|m| m.first_seq <= last) else { break };
            at = meta.last_seq.max(at) + 1;
            let raw = match read_frame(&segment, &*file, &meta) {
                Ok(raw) => raw,
                Err(VaultError::Damaged(d)) => {
                    inner.note_damage([d]);
                    continue;
                }
                Err(e) => return Err(e),
            };
            for e in frame::entries(&meta, &raw).unwrap_or_default() {
                if e.seq < first || e.seq > last {
                    continue;
                }
                if let Some(groups) = frame::groups_of(&raw, e) {
                    each(e.seq, e.table, groups)?;
                    next += 1;
                }
            }
        }
    }
    Ok(next == last + 1)
}

/// The producers' marks that the write-ahead log holds.
pub(crate) fn marks(inner: &Inner) -> Result<(), VaultError> {
    let (files, _) = open_wal(inner, 0)?;
    for (segment, file) in files {
        let mut at = 0;
        loop {
            inner.load(&segment)?;
            let Ok(found) = segment.frame(at, false, |_| true) else { continue };
            let Some(meta) = found else { break };
            if meta.flags & frame::MARKED != 0 {
                let raw = match read_frame(&segment, &*file, &meta) {
                    Ok(raw) => raw,
                    Err(VaultError::Damaged(d)) => {
                        inner.note_damage([d]);
                        Vec::new()
                    }
                    Err(e) => return Err(e),
                };
                for m in frame::marks(&meta, &raw).unwrap_or_default() {
                    lock(&inner.marks).insert(m.producer, m);
                }
            }
            at = meta.last_seq.max(at) + 1;
        }
    }
    Ok(())
}
