//! Committing: what came since the last batch becomes one inner tree for each table, one entry of the log, and a checkpoint.

use crate::core::{Inner, lock};
use crate::error::VaultError;
use crate::log::{BatchSecret, Log};
use crate::status::LogStatus;
use crate::tail;
use proof::canon;
use proof::entry::{Entry, TableRoot};
use proof::leaf::{self, Salter};
use proof::tree::Range;

/// Records of one batch at most: keeps the proof of one record short to make.
const MOST: u64 = 1 << 20;

/// Commits everything that was acknowledged until now. True where there was anything.
pub(crate) fn commit(inner: &Inner) -> Result<bool, VaultError> {
    let target = *lock(&inner.committed);
    let mut log = lock(&inner.log);
    let mut any = false;
    while log.covered < target {
        one(inner, &mut log, target)?;
        any = true;
    }
    if any {
        publish(inner, &log);
    }
    Ok(any)
}

struct Table {
    tree: Range,
    first_received: i64,
    last_received: i64,
}

fn one(inner: &Inner, log: &mut Log, target: u64) -> Result<(), VaultError> {
    let first = log.covered + 1;
    // A batch is of one epoch.
    let (epoch, until) = {
        let folder = lock(&inner.folder);
        let next = folder.epochs.iter().map(|e| e.after_seq).find(|after| *after >= first);
        (folder.epoch_of(first), next.unwrap_or(u64::MAX))
    };
    let last = target.min(until).min(first + MOST - 1);
    let secret = BatchSecret::draw()?;
    let salter = Salter::new(&secret.0);
    let mut tables: [Option<Table>; crate::core::TABLES] = Default::default();
    // What is damaged was noted, and is not committed: the batch says how many records it has.
    tail::walk(inner, first, last, |seq, table, groups| {
        let wrong = || VaultError::Record(format!("record {seq} has no table or no time of receipt"));
        let (_, received) = canon::source_and_received(groups[0]).ok_or_else(wrong)?;
        let t = tables.get_mut(usize::from(table)).ok_or_else(wrong)?;
        let t = t.get_or_insert_with(|| Table { tree: Range::new(), first_received: received, last_received: received });
        t.tree.push(leaf::of_record(&salter, table, seq, groups));
        t.first_received = t.first_received.min(received);
        t.last_received = t.last_received.max(received);
        Ok(())
    })?;
    let at = (inner.options.now)();
    let roots = tables.iter().enumerate().filter_map(|(i, t)| {
        let t = t.as_ref()?;
        Some(TableRoot {
            table: i as u8,
            count: t.tree.len(),
            root: t.tree.root(),
            first_received: t.first_received,
            last_received: t.last_received,
        })
    });
    let entry = Entry::Commit { epoch, batch: log.batches, at: at.0, first_seq: first, last_seq: last, tables: roots.collect() };
    log.append(&[entry], Some(&secret), at)
}

/// Notes the start of an epoch in the log.
pub(crate) fn epoch(inner: &Inner, reason: &str) -> Result<(), VaultError> {
    let mut log = lock(&inner.log);
    let at = (inner.options.now)();
    let checkpoint = (log.size() > 0).then(|| log.checkpoint.clone());
    let entry = Entry::Epoch { epoch: inner.epoch, at: at.0, reason: String::from(reason), checkpoint };
    log.append(&[entry], None, at)?;
    publish(inner, &log);
    Ok(())
}

/// What pages may know.
pub(crate) fn publish(inner: &Inner, log: &Log) {
    let mut status = lock(&inner.log_status);
    let last_seal = status.last_seal;
    *status = LogStatus {
        origin: String::from(log.origin()),
        vkey: log.vkey().to_string(),
        fingerprint: log.vkey().fingerprint(),
        size: log.size(),
        batches: log.batches,
        covered: log.covered,
        last_checkpoint: log.last,
        last_seal,
        checkpoint: log.checkpoint.clone(),
        trouble: None,
    };
}
