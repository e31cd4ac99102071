//! Sealing: finished files of the write-ahead log become segment files, one for each table.
//!
//! Order, so that a crash at any point loses nothing and shows nothing twice: the segment files are whole and synced, with their folder;
//! an entry of the log names them; the list of files in force names them; then the file of the write-ahead log goes.

use crate::columns::RowBuilder;
use crate::core::{Inner, TABLES, lock};
use crate::error::VaultError;
use crate::log::Log;
use crate::sealed::{self, Sealed, SegmentWriter};
use crate::segment::Segment;
use crate::{commit, tail};
use model::event::Table;
use proof::entry::Entry;
use std::sync::{Arc, PoisonError};

/// Rows that are turned into columns at a time.
const ROWS: usize = 8192;

/// Seals every finished file whose records are all committed. How many files were sealed.
pub(crate) fn seal_finished(inner: &Arc<Inner>) -> Result<u64, VaultError> {
    let mut count = 0;
    loop {
        let next = {
            let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
            view.segments.first().cloned().filter(|s| s.is_finished())
        };
        let Some(segment) = next else { return Ok(count) };
        if segment.summary(|m| m.last_seq) > lock(&inner.log).covered {
            commit::commit(inner)?;
        }
        seal(inner, &segment)?;
        count += 1;
        if lock(&inner.chores).closing {
            // What is left waits for the next start.
            return Ok(count);
        }
    }
}

fn seal(inner: &Arc<Inner>, segment: &Arc<Segment>) -> Result<(), VaultError> {
    let (first, last) = segment.summary(|m| (m.first_seq, m.last_seq));
    // Readers that hold the file need its frames when it is gone.
    inner.load(segment)?;
    let _one_at_a_time = lock(&inner.files);
    let still = inner.view.read().unwrap_or_else(PoisonError::into_inner).segments.first().is_some_and(|s| Arc::ptr_eq(s, segment));
    if !still {
        // Another thread sealed it while this one waited.
        return Ok(());
    }
    let mut writers: [Option<(RowBuilder, SegmentWriter)>; TABLES] = Default::default();
    let mut whole = true;
    let made = fill(inner, first, last, &mut writers).and_then(|all| {
        whole = all;
        let mut files: Vec<Arc<Sealed>> = Vec::new();
        for slot in &mut writers {
            if let Some((mut builder, mut writer)) = slot.take() {
                if builder.rows() > 0 {
                    writer.write(&builder.finish()?)?;
                }
                files.push(writer.finish()?);
            }
        }
        let folder = sealed::folder(&inner.dir);
        inner.disk.sync_dir(&folder).map_err(|e| VaultError::io("sync", folder, &e))?;
        Ok(files)
    });
    let files = match made {
        Ok(f) => f,
        Err(e) => {
            for (_, w) in writers.into_iter().flatten() {
                w.discard(&*inner.disk);
            }
            return Err(e);
        }
    };
    if !whole {
        // What cannot be read is kept as it is, for whoever looks into it.
        let aside = crate::disk::beside(&segment.path, ".damaged");
        inner.disk.rename(&segment.path, &aside).map_err(|e| VaultError::io("put aside", &segment.path, &e))?;
    }
    let mut log = lock(&inner.log);
    let at = (inner.options.now)();
    if !files.is_empty() {
        log.append(&[Entry::Sealed { at: at.0, files: files.iter().map(|f| f.facts.clone()).collect() }], None, at)?;
    }
    sealed::replace_files(inner, &log, &files, &[], Some(last))?;
    commit::publish(inner, &log);
    lock(&inner.log_status).last_seal = Some(at);
    drop(log);
    for f in &files {
        sealed::add_words(inner, f);
    }
    Ok(())
}

fn fill(inner: &Inner, first: u64, last: u64, writers: &mut [Option<(RowBuilder, SegmentWriter)>; TABLES]) -> Result<bool, VaultError> {
    // The log is held for a moment only where a batch begins: committing goes on meanwhile.
    let mut place = Place::default();
    tail::walk(inner, first, last, |seq, table, groups| {
        let batch = match place.known(seq) {
            Some(batch) => batch,
            None => place.find(&lock(&inner.log), seq)?,
        };
        let of = Table::from_number(table).ok_or_else(|| VaultError::Record(format!("record {seq} has no table")))?;
        let slot = writers.get_mut(usize::from(table)).ok_or(VaultError::Closed)?;
        let (builder, writer) = match slot {
            Some(w) => w,
            None => slot.insert((RowBuilder::new(of), SegmentWriter::create(inner, of, first, last)?)),
        };
        builder.push(seq, batch, groups)?;
        if builder.rows() >= ROWS {
            let rows = builder.finish()?;
            writer.write(&rows)?;
        }
        Ok(())
    })
}

/// The batches of ascending records.
pub(crate) struct Batches<'a> {
    log: &'a Log,
    place: Place,
}

impl<'a> Batches<'a> {
    pub fn new(log: &'a Log) -> Batches<'a> {
        Batches { log, place: Place::default() }
    }
    /// The number of the batch that holds a record.
    pub fn of(&mut self, seq: u64) -> Result<u64, VaultError> {
        match self.place.known(seq) {
            Some(batch) => Ok(batch),
            None => self.place.find(self.log, seq),
        }
    }
}

/// Where one is among the batches.
#[derive(Default)]
struct Place {
    /// Entry to look at next.
    next: Option<u64>,
    /// Number, first and last seq.
    current: Option<(u64, u64, u64)>,
}

impl Place {
    fn known(&self, seq: u64) -> Option<u64> {
        self.current.filter(|(_, first, last)| (*first..=*last).contains(&seq)).map(|c| c.0)
    }

    fn find(&mut self, log: &Log, seq: u64) -> Result<u64, VaultError> {
        let missing = || VaultError::Record(format!("record {seq} is in no batch of the log"));
        let mut index = match self.next {
            Some(i) => i,
            None => log.batch_of(seq)?.ok_or_else(missing)?.0,
        };
        loop {
            if index >= log.size() {
                return Err(missing());
            }
            if let Some(Entry::Commit { batch, first_seq, last_seq, .. }) = log.entry(index)? {
                if first_seq > seq {
                    return Err(missing());
                }
                if last_seq >= seq {
                    self.current = Some((batch, first_seq, last_seq));
                    self.next = Some(index + 1);
                    return Ok(batch);
                }
            }
            index += 1;
        }
    }
}
