//! What questions are asked of: the segment files in force, and the tail as columns.
//!
//! The tail's columns are kept between questions and gone on with, so that asking often costs little.

use crate::ask::{AskError, Cancel, Find, Found, Scope, SegmentFile, Source, TableData};
use crate::columns::{self, RowBuilder};
use crate::core::{Inner, TABLES, lock};
use crate::error::VaultError;
use crate::{Vault, disk, tail};
use datafusion::arrow::array::RecordBatch;
use model::event::Table;
use std::sync::{Arc, PoisonError};

/// Rows of a batch.
const ROWS: usize = 8192;

/// The tail as columns, from the record after `from` up to `to`.
#[derive(Default)]
pub(crate) struct Head {
    from: u64,
    to: u64,
    tables: [Vec<RecordBatch>; TABLES],
}

/// Brings the head up to now. Batches of the tail have no batch of the log yet: they get the next one's number.
fn refresh(inner: &Inner, head: &mut Head) -> Result<(), VaultError> {
    let sealed_to = inner.view.read().unwrap_or_else(PoisonError::into_inner).sealed_to;
    let last = *lock(&inner.committed);
    if head.from != sealed_to || head.to < sealed_to {
        *head = Head { from: sealed_to, to: sealed_to, ..Head::default() };
    }
    let batches = lock(&inner.log_status).batches;
    let mut builders: [Option<RowBuilder>; TABLES] = Default::default();
    let mut wrong = None;
    tail::walk(inner, head.to + 1, last, |seq, table, groups| {
        let (Some(of), Some(slot)) = (Table::from_number(table), builders.get_mut(usize::from(table))) else { return Ok(()) };
        let builder = slot.get_or_insert_with(|| RowBuilder::new(of));
        builder.push(seq, batches, groups)?;
        if builder.rows() >= ROWS
            && let Some(list) = head.tables.get_mut(usize::from(table))
        {
            match builder.finish() {
                Ok(b) => list.push(b),
                Err(e) => wrong = Some(e),
            }
        }
        Ok(())
    })?;
    if let Some(e) = wrong {
        return Err(e);
    }
    for (list, builder) in head.tables.iter_mut().zip(builders) {
        if let Some(mut b) = builder.filter(|b| b.rows() > 0) {
            list.push(b.finish()?);
        }
    }
    head.to = last.max(sealed_to);
    Ok(())
}

impl Vault {
    /// Finds records of every kind by words, addresses and the like, the newest first. Blocks; call it where blocking is fine.
    pub fn find(&self, scope: &Scope, find: &Find, cancel: &Cancel) -> Result<Found, AskError> {
        crate::ask::find_in(self, scope, find, self.last_seq(), cancel)
    }
}

impl Source for Vault {
    fn table(&self, table: Table) -> Result<TableData, VaultError> {
        let inner = &self.inner;
        let mut head = lock(&inner.head);
        loop {
            refresh(inner, &mut head)?;
            let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
            if view.sealed_to != head.from {
                // Sealed in this moment.
                continue;
            }
            let files = view.sealed.get(table as usize).map_or(&[][..], Vec::as_slice).iter().map(|f| {
                let words = disk::beside(&f.path, ".words");
                SegmentFile {
                    path: f.path.clone(),
                    bytes: f.facts.bytes,
                    rows: f.facts.rows,
                    first_seq: f.facts.first_seq,
                    last_seq: f.facts.last_seq,
                    min_time: f.min_time,
                    max_time: f.max_time,
                    min_received: f.facts.first_received,
                    max_received: f.facts.last_received,
                    words: (columns::WORDED.contains(&table) && inner.disk.open(&words).is_ok()).then_some(words),
                    disk: disk::AnyDisk(Arc::clone(&inner.disk)),
                }
            });
            return Ok(TableData { files: files.collect(), head: head.tables.get(table as usize).cloned().unwrap_or_default() });
        }
    }
    fn erased(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = lock(&self.inner.erased).iter().flat_map(|e| e.records.clone()).collect();
        runs.sort_unstable();
        runs
    }
}
