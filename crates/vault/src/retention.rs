//! Letting go: whole segment files, oldest first; audit records stay.
//!
//! Order, so that a crash at any point loses no audit record and shows none twice: the segment's audit records are written to
//! a new `kept-…` file (with those of the newest kept file, while that is small); `folder.json` notes what is let go; then the
//! files go. At a start a kept file that covers more than `folder.json` says is dropped, and a segment that it covers is removed.

use crate::core::{Inner, lock};
use crate::disk::Disk;
use crate::error::VaultError;
use crate::folder::{discard, whole};
use crate::frame::{self, Encoded, FrameBuilder, FrameMeta, SPARSE};
use crate::read::{Query, Reader};
use crate::segment::{SEGMENT_HEADER, Segment, SegmentHeader, SegmentName};
use model::event::Table;
use model::{NewEvent, Span, Time};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// A kept file is written anew with what comes until it is this large.
const KEPT_BYTES: u64 = 4 << 20;

/// Lets go what is over the limits. A failure is noted and tried again at the next tick.
pub(crate) fn enforce(inner: &Arc<Inner>) {
    while let Some(segment) = next(inner) {
        if let Err(e) = let_go(inner, &segment) {
            let mut health = lock(&inner.health);
            let text = format!("retention could not let {} go: {e}", segment.path.display());
            if health.notes.len() < 1000 && !health.notes.contains(&text) {
                health.notes.push(text);
            }
            return;
        }
    }
}

/// The oldest segment, where it is over a limit. The newest one always stays.
fn next(inner: &Inner) -> Option<Arc<Segment>> {
    let limits = *lock(&inner.retention);
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    let (oldest, rest) = view.segments.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let now = (inner.options.now)();
    let too_old = limits.days.is_some_and(|d| {
        let newest = oldest.summary(|m| m.max_received);
        Time(newest) < now - Span::days(i64::from(d))
    });
    let total: u64 = view.segments.iter().chain(&view.kept).map(|s| s.bytes()).sum();
    let too_much = limits.bytes.is_some_and(|b| total > b);
    (too_old || too_much).then(|| Arc::clone(oldest))
}

fn let_go(inner: &Arc<Inner>, segment: &Arc<Segment>) -> Result<(), VaultError> {
    let (events, last_seq, tables, max_received) = segment.summary(|m| (m.events, m.last_seq, m.tables, m.max_received));
    let mut audits = 0;
    let mut replaced = None;
    if tables & Table::Audit.bit() != 0 {
        let newest = inner.view.read().unwrap_or_else(PoisonError::into_inner).kept.last().cloned();
        replaced = newest.filter(|k| k.name.epoch == segment.name.epoch && k.bytes() < KEPT_BYTES);
        let (new, count) = keep(inner, segment, replaced.as_ref(), last_seq)?;
        audits = count;
        let mut folder = lock(&inner.folder);
        note(&mut folder.let_go, segment, events - audits.min(events), last_seq, max_received);
        folder.save(&*inner.disk, &inner.dir)?;
        drop(folder);
        let mut view = inner.view.write().unwrap_or_else(PoisonError::into_inner);
        view.kept.retain(|k| replaced.as_ref().is_none_or(|r| !Arc::ptr_eq(k, r)));
        view.kept.push(new);
        view.segments.retain(|s| !Arc::ptr_eq(s, segment));
    } else {
        let mut folder = lock(&inner.folder);
        note(&mut folder.let_go, segment, events, last_seq, max_received);
        folder.save(&*inner.disk, &inner.dir)?;
        drop(folder);
        inner.view.write().unwrap_or_else(PoisonError::into_inner).segments.retain(|s| !Arc::ptr_eq(s, segment));
    }
    let _ = audits;
    discard(&*inner.disk, &segment.path);
    if let Some(old) = replaced {
        discard(&*inner.disk, &old.path);
    }
    let _ = inner.disk.sync_dir(&inner.dir);
    Ok(())
}

fn note(l: &mut crate::status::LetGo, segment: &Segment, events: u64, last_seq: u64, max_received: i64) {
    if last_seq <= l.last_seq {
        return; // A try before this one noted it and failed after.
    }
    l.segments += 1;
    l.events += events;
    l.bytes += segment.bytes();
    l.last_seq = last_seq;
    l.last_received = Time(max_received).max(l.last_received);
}

/// Writes the audit records of a segment, behind those of the kept file it replaces, to a new kept file.
fn keep(
    inner: &Arc<Inner>,
    segment: &Arc<Segment>,
    before: Option<&Arc<Segment>>,
    last_seq: u64,
) -> Result<(Arc<Segment>, u64), VaultError> {
    let query = Query { tables: Table::Audit.bit(), ..Query::default() };
    let mut builder = FrameBuilder::new(inner.options.compression);
    let mut bytes = Vec::new();
    let mut frames: Vec<FrameMeta> = Vec::new();
    let mut first_seq = before.map(|b| b.name.first_seq);
    let mut count = 0;
    let files = before.into_iter().chain([segment]).cloned().collect();
    for event in Reader::over(Arc::clone(inner), query, files) {
        let event = match event {
            Ok(e) => e,
            // A record that can't be read can't be kept; it stays in the list of damage.
            Err(VaultError::Damaged(_)) => continue,
            Err(e) => return Err(e),
        };
        let seq = event.id.seq;
        first_seq.get_or_insert(seq);
        count += u64::from(seq >= segment.name.first_seq);
        let new = NewEvent { source: event.source, received: event.received, happened: event.happened, body: event.body };
        let mut one = Encoded::default();
        frame::push(&mut one, &new, Some(seq))?;
        if let Some(e) = one.entries.first() {
            builder.add(e, &one.bytes, &one.hashes, seq);
        }
        if builder.is_full() {
            frames.push(builder.finish(&mut bytes, SEGMENT_HEADER, SPARSE));
        }
    }
    if !builder.is_empty() {
        frames.push(builder.finish(&mut bytes, SEGMENT_HEADER, SPARSE));
    }
    frame::seal(&mut bytes, SEGMENT_HEADER, last_seq + 1);
    let first_seq = first_seq.unwrap_or(segment.name.first_seq);
    let epoch = segment.name.epoch;
    let header = SegmentHeader { site: inner.site, epoch, first_seq, created: (inner.options.now)().0, after_epoch: 0, after_seq: 0 };
    let attempt = before.map_or(0, |b| b.name.attempt + 1);
    let name = SegmentName { first_seq, attempt, epoch, kept: true };
    let path = inner.dir.join(name.to_string());
    let mut file = header.to_bytes();
    file.extend_from_slice(&bytes);
    write_whole(&*inner.disk, &path, &file)?;
    Ok((Arc::new(whole(path, name, file.len() as u64, &frames)), count))
}

fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    crate::disk::replace(disk, path, bytes).map_err(|e| VaultError::io("write", path, &e))
}
