//! Keeping and letting go: by age for each table, by bytes in all, and what must not go.
//!
//! Whole segment files are let go, after an entry of the log that names them: the gap can be seen, is explained and signed, and the
//! roots of what was there stay in the log. Where the disk's budget is short, the order of sacrifice is [`SACRIFICE`]: conversations first, what
//! people did and what proves something never.

use crate::core::{Inner, TABLES, lock};
use crate::error::VaultError;
use crate::sealed::{self, Sealed};
use model::event::Table;
use model::{Span, Time};
use proof::entry::Entry;
use std::sync::{Arc, PoisonError};

/// What goes first where bytes are short, and what may go at all.
pub const SACRIFICE: [Table; 6] = [Table::Flow, Table::Observation, Table::Health, Table::Activity, Table::Log, Table::Finding];

/// How much is kept. Whole segment files are let go, oldest first, by the newest `received` in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days since receipt for every table that has none of its own, audit and evidence excepted; absent for no limit.
    pub days: Option<u32>,
    /// Bytes of segment files; absent for no limit.
    pub bytes: Option<u64>,
    /// Days since receipt by the number of the table; absent: `days`.
    pub tables: [Option<u32>; TABLES],
}

impl Retention {
    /// What is right where nobody has decided otherwise: evidence and findings of incidents seven years, what was done and seen one
    /// year; conversations six months, or twelve where there are devices that have no log of their own.
    pub fn standard(devices_without_logs: bool) -> Retention {
        let mut tables = [Some(366); TABLES];
        for (t, days) in [(Table::Flow, if devices_without_logs { 366 } else { 184 }), (Table::Evidence, 7 * 366)] {
            if let Some(slot) = tables.get_mut(t as usize) {
                *slot = Some(days);
            }
        }
        Retention { days: None, bytes: None, tables }
    }

    /// Days that records of a table are kept.
    pub fn days_of(&self, table: Table) -> Option<u32> {
        let own = self.tables.get(table as usize).copied().flatten();
        own.or(self.days.filter(|_| !matches!(table, Table::Audit | Table::Evidence)))
    }
}

/// Records that may not be let go while this stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hold {
    /// Its name, by which it is lifted.
    pub name: String,
    /// Why, and who said so.
    pub reason: String,
    /// Since when.
    pub since: Time,
    /// Set of [`Table::bit`]; 0 for every table.
    pub tables: u32,
    /// Received from then on; absent: from the beginning.
    pub from: Option<Time>,
    /// Received before; absent: without end.
    pub to: Option<Time>,
}

impl Hold {
    /// Which records it keeps, in words for the audit record: tables, and the span of receipt.
    pub fn query(&self) -> String {
        let tables: Vec<&str> = Table::ALL.into_iter().filter(|t| self.tables & t.bit() != 0).map(Table::name).collect();
        let tables = if tables.is_empty() { String::from("*") } else { tables.join(",") };
        let end = |t: Option<Time>| t.map(Time::rfc3339).unwrap_or_default();
        format!("{tables} received {}..{}", end(self.from), end(self.to))
    }

    /// Whether it keeps a record of the table of that number, received then.
    pub(crate) fn covers_record(&self, table: u8, received: i64) -> bool {
        let of_table = self.tables == 0 || self.tables & (1 << u32::from(table)) != 0;
        of_table && self.from.is_none_or(|f| received >= f.0) && self.to.is_none_or(|t| received < t.0)
    }
    fn covers(&self, file: &Sealed) -> bool {
        let table = self.tables == 0 || self.tables & (1 << u32::from(file.facts.table)) != 0;
        table && self.from.is_none_or(|f| file.facts.last_received >= f.0) && self.to.is_none_or(|t| file.facts.first_received < t.0)
    }
}

/// Lets go what is over the limits. Returns how many files went.
pub(crate) fn enforce(inner: &Arc<Inner>) -> Result<u64, VaultError> {
    let limits = *lock(&inner.retention);
    let (old, short) = over(inner, &limits);
    let mut gone = 0;
    for (files, reason) in [(old, "age"), (short, "budget")] {
        if !files.is_empty() {
            gone += let_go(inner, &files, reason)?;
        }
    }
    Ok(gone)
}

/// Files over an age, and files over the budget.
fn over(inner: &Inner, limits: &Retention) -> (Vec<Arc<Sealed>>, Vec<Arc<Sealed>>) {
    let holds = lock(&inner.holds).clone();
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    let newest = view.sealed_files().map(|f| f.facts.last_received).max().unwrap_or(i64::MIN);
    // A clock that jumped ahead must not empty the vault: age is counted from the newest record, where that is older.
    let now = (inner.options.now)().min(Time(newest));
    let held = |f: &Arc<Sealed>| holds.iter().any(|h| h.covers(f));
    let mut old = Vec::new();
    for table in Table::ALL {
        let Some(days) = limits.days_of(table) else { continue };
        let files = view.sealed.get(table as usize).map_or(&[][..], Vec::as_slice);
        let oldest = now - Span::days(i64::from(days));
        old.extend(files.iter().filter(|f| Time(f.facts.last_received) < oldest && !held(f)).cloned());
    }
    let mut short = Vec::new();
    if let Some(most) = limits.bytes {
        let mut total: u64 = view.sealed_files().map(|f| f.facts.bytes).sum();
        total -= old.iter().map(|f| f.facts.bytes).sum::<u64>();
        for table in SACRIFICE {
            let files = view.sealed.get(table as usize).map_or(&[][..], Vec::as_slice);
            for f in files.iter().filter(|f| !held(f) && !old.iter().any(|o| Arc::ptr_eq(o, f))) {
                if total <= most {
                    break;
                }
                total -= f.facts.bytes;
                short.push(Arc::clone(f));
            }
        }
    }
    (old, short)
}

/// Writes it into the log, takes the files out of the view, and removes them.
pub(crate) fn let_go(inner: &Arc<Inner>, files: &[Arc<Sealed>], reason: &str) -> Result<u64, VaultError> {
    let _one_at_a_time = lock(&inner.files);
    let mut log = lock(&inner.log);
    if inner.exporting.load(std::sync::atomic::Ordering::Acquire) || !sealed::are_in_force(inner, files) {
        return Ok(0);
    }
    let at = (inner.options.now)();
    // Before they go: what they name may have nobody left to name it. Where that cannot be told, it stays.
    let blobs = crate::blobs::named_in(inner, files).unwrap_or_default();
    for part in files.chunks(sealed::FILES_OF_AN_ENTRY) {
        let facts = part.iter().map(|f| f.facts.clone()).collect();
        log.append(&[Entry::LetGo { at: at.0, files: facts, reason: String::from(reason) }], None, at)?;
        {
            let mut folder = lock(&inner.folder);
            let l = &mut folder.let_go;
            for f in part {
                l.segments += 1;
                l.events += f.facts.rows;
                l.bytes += f.facts.bytes;
                l.last_seq = l.last_seq.max(f.facts.last_seq);
                l.last_received = l.last_received.max(Time(f.facts.last_received));
            }
            folder.save(&*inner.disk, &inner.dir)?;
        }
        sealed::replace_files(inner, &log, &[], part, None)?;
    }
    let gone = crate::blobs::let_go(inner, &mut log, blobs);
    crate::commit::publish(inner, &log);
    gone.map(|()| files.len() as u64)
}
