//! Compaction: small segment files of one table become a larger one. Rows are copied as they are, with seq and batch, so what was
//! committed stays provable.

use crate::core::{Inner, lock};
use crate::error::VaultError;
use crate::sealed::{self, Sealed, SegmentWriter};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use model::event::Table;
use proof::entry::Entry;
use std::sync::{Arc, PoisonError};

/// Neighbours that are merged at once.
const MERGE: usize = 8;
/// Files from here on are left as they are.
const LARGE: u64 = 128 << 20;
/// Rows from here on likewise.
const MANY: u64 = 8_000_000;
/// The smallest tier; each further one is eight times as large.
const SMALL: u64 = 1 << 20;

/// Merges what is due. How many files were replaced.
pub(crate) fn compact(inner: &Arc<Inner>) -> Result<u64, VaultError> {
    let mut count = 0;
    for table in Table::ALL {
        while let Some(run) = due(inner, table).filter(|_| !inner.exporting.load(std::sync::atomic::Ordering::Acquire)) {
            count += run.len() as u64;
            merge(inner, table, &run)?;
        }
    }
    Ok(count)
}

fn tier(f: &Sealed) -> u32 {
    let mut t = 0;
    let mut limit = SMALL;
    while f.facts.bytes >= limit && t < 8 {
        limit = limit.saturating_mul(MERGE as u64);
        t += 1;
    }
    t
}

/// Neighbours of one tier, enough of them to be worth it.
fn due(inner: &Inner, table: Table) -> Option<Vec<Arc<Sealed>>> {
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    let files = view.sealed.get(table as usize)?;
    files.windows(MERGE).find_map(|w| {
        let first = tier(w.first()?);
        let rows: u64 = w.iter().map(|f| f.facts.rows).sum();
        let bytes: u64 = w.iter().map(|f| f.facts.bytes).sum();
        let alike = w.iter().all(|f| tier(f) <= first && f.facts.bytes < LARGE / 2);
        (alike && rows <= MANY && bytes <= LARGE * 2).then(|| w.to_vec())
    })
}

fn merge(inner: &Arc<Inner>, table: Table, run: &[Arc<Sealed>]) -> Result<(), VaultError> {
    let _one_at_a_time = lock(&inner.files);
    if inner.exporting.load(std::sync::atomic::Ordering::Acquire) || !sealed::are_in_force(inner, run) {
        return Ok(());
    }
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let mut writer = SegmentWriter::create(inner, table, first.facts.first_seq, last.facts.last_seq)?;
    let copied = run.iter().try_for_each(|f| copy(inner, f, &mut writer));
    if let Err(e) = copied {
        writer.discard(&*inner.disk);
        return Err(e);
    }
    let new = writer.finish()?;
    let rows: u64 = run.iter().map(|f| f.facts.rows).sum();
    if new.facts.rows != rows {
        let _ = inner.disk.remove(&new.path);
        return Err(VaultError::Record(format!("compaction of {rows} records would have kept {}", new.facts.rows)));
    }
    let folder = sealed::folder(&inner.dir);
    inner.disk.sync_dir(&folder).map_err(|e| VaultError::io("sync", folder, &e))?;
    let mut log = lock(&inner.log);
    let at = (inner.options.now)();
    let replaced = run.iter().map(|f| f.facts.name.clone()).collect();
    log.append(&[Entry::Compacted { at: at.0, files: vec![new.facts.clone()], replaced }], None, at)?;
    sealed::replace_files(inner, &log, &[Arc::clone(&new)], run, None)?;
    crate::commit::publish(inner, &log);
    drop(log);
    sealed::add_words(inner, &new);
    Ok(())
}

fn copy(inner: &Inner, file: &Arc<Sealed>, writer: &mut SegmentWriter) -> Result<(), VaultError> {
    let (chunks, footer) = file.open(inner)?;
    let wrong = |what: String| VaultError::Damaged(sealed::damage_of(&file.path, &file.facts, &what));
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, footer).with_batch_size(8192);
    let mut reader = sealed::guarded(|| builder.build()).map_err(wrong)?;
    loop {
        let batch = sealed::guarded(|| reader.next().transpose()).map_err(wrong)?;
        match batch {
            Some(b) => writer.write(&b)?,
            None => return Ok(()),
        }
    }
}
