//! Under pressure: what may be let go before it is written, in which order, and how that is owned up to.
//!
//! A capture line does not wait for the disk. What the queue has no room for is kept in memory within a bound ([`Backlog`]); beyond it records are let
//! go by [`PRESSURE`], the one place where that is decided. Every drop is itself a record ([`Deed::Dropped`], in the table `audit`, which is
//! never dropped): one for each table and minute, written when there is room again. So for every producer
//! received = stored + dropped, and the log can show it. What a crash of the program takes with it is what it had not handed over, drops
//! included: after it the coverage of the sensor has a gap instead.
//!
//! Whoever can wait (files, log sources, people's deeds) uses [`crate::Appender::append`], which blocks, and loses nothing.

use crate::core::lock;
use crate::error::VaultError;
use crate::status::Writing;
use crate::writer::Appender;
use model::event::{Audit, Deed, Table};
use model::{Body, NewEvent, SourceId, Span, Time};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Which records may be let go for want of room, the lowest rank first; those without rank never are.
pub const PRESSURE: [(Table, Option<u8>); Table::ALL.len()] = [
    (Table::Flow, Some(0)),
    (Table::Observation, Some(1)),
    (Table::Activity, Some(2)),
    (Table::Finding, None),
    (Table::Audit, None),
    (Table::Health, None),
    (Table::Log, None),
    (Table::Evidence, None),
];

/// The rank of a table under pressure; `None` where its records are never let go.
pub fn rank(table: Table) -> Option<u8> {
    PRESSURE.iter().find(|(t, _)| *t == table).and_then(|(_, rank)| *rank)
}

/// Stretches of drops that wait to be told, at most; beyond it neighbours are told as one.
const MOST_STRETCHES: usize = 180;
/// A stretch, as long as there are not too many of them.
const STRETCH: Span = Span::minutes(1);

/// Drops of one table in one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Drops {
    from: Time,
    to: Time,
    rows: u64,
    reason: String,
}

/// What one producer holds while the vault has no room, within a bound.
pub struct Backlog {
    appender: Appender,
    source: SourceId,
    most: usize,
    waiting: Vec<NewEvent>,
    /// By begin of the stretch and table.
    drops: BTreeMap<(i64, Table), Drops>,
    stretch: Span,
    dropped: u64,
}

impl Backlog {
    /// Of a producer that holds at most so many records. `source` is whose drops they are.
    pub fn new(appender: Appender, source: SourceId, most: usize) -> Backlog {
        Backlog { appender, source, most, waiting: Vec::new(), drops: BTreeMap::new(), stretch: STRETCH, dropped: 0 }
    }

    /// Records that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Records let go so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes a record in.
    pub fn push(&mut self, event: NewEvent) {
        self.waiting.push(event);
    }

    /// Hands everything over where there is room; otherwise keeps it, and lets go what is over the bound. Never waits for the disk. The error is one
    /// that is none of a full queue; everything is kept then too.
    pub fn offer(&mut self, now: Time) -> Result<(), VaultError> {
        let told = self.tell(Some(now), now);
        let mut batch = std::mem::take(&mut self.waiting);
        let own = batch.len();
        batch.extend(told.iter().map(|(_, _, event)| event.clone()));
        if batch.is_empty() {
            return Ok(());
        }
        let Err(refused) = self.appender.try_append(&batch) else {
            self.relax();
            return Ok(());
        };
        batch.truncate(own);
        self.waiting = batch;
        for (key, drops, _) in told {
            self.drops.insert(key, drops);
        }
        self.make_room(now, &refused);
        if matches!(refused, VaultError::Busy { .. }) { Ok(()) } else { Err(refused) }
    }

    /// Hands everything over and waits until it is safe, with what was dropped: for the end, and for producers that can wait.
    pub fn finish(&mut self, now: Time) -> Result<(), VaultError> {
        let mut batch = std::mem::take(&mut self.waiting);
        batch.extend(self.tell(None, now).into_iter().map(|(_, _, event)| event));
        self.appender.append_and_wait(&batch).map(drop)
    }

    /// Hands everything over and waits for room, not for the disk: for producers that can wait.
    pub fn hand_over(&mut self, now: Time) -> Result<(), VaultError> {
        let mut batch = std::mem::take(&mut self.waiting);
        batch.extend(self.tell(None, now).into_iter().map(|(_, _, event)| event));
        self.appender.append_with(&batch, |_| ())
    }

    /// Stretches that are over (all of them, where no time is given), as records. They are taken out.
    fn tell(&mut self, until: Option<Time>, now: Time) -> Vec<((i64, Table), Drops, NewEvent)> {
        let over = |key: &(i64, Table)| until.is_none_or(|u| u.0 < key.0 || u.0 >= key.0.saturating_add(self.stretch.0));
        let due: Vec<(i64, Table)> = self.drops.keys().filter(|k| over(k)).copied().collect();
        let mut out = Vec::with_capacity(due.len());
        for key in due {
            let Some(drops) = self.drops.remove(&key) else { continue };
            let event = self.record(key.1, &drops, now);
            out.push((key, drops, event));
        }
        out
    }

    /// What was let go is told: stretches are short again.
    fn relax(&mut self) {
        if self.drops.is_empty() {
            self.stretch = STRETCH;
        }
    }

    fn record(&self, table: Table, d: &Drops, now: Time) -> NewEvent {
        let audit = Audit {
            user: None,
            actor: String::from("hinomi"),
            from: None,
            action: String::from("vault.pressure"),
            deed: Deed::Dropped { table, from: d.from, to: d.to, rows: d.rows, reason: d.reason.clone() },
            number: None,
        };
        NewEvent { source: self.source, received: now, happened: None, body: Body::Audit(Box::new(audit)) }
    }

    /// Lets go what is over the bound: by rank, of each rank the oldest first.
    fn make_room(&mut self, now: Time, refused: &VaultError) {
        let mut left = self.waiting.len().saturating_sub(self.most);
        if left == 0 {
            return;
        }
        let reason = match &lock(&self.appender.inner.health).writing {
            Writing::Stopped { why, .. } => why.clone(),
            _ => refused.to_string(),
        };
        let mut ranks: Vec<u8> = PRESSURE.iter().filter_map(|(_, rank)| *rank).collect();
        ranks.sort_unstable();
        let mut gone: BTreeMap<Table, (Time, Time, u64)> = BTreeMap::new();
        for at in ranks {
            if left == 0 {
                break;
            }
            self.waiting.retain(|e| {
                let table = e.body.table();
                let go = left > 0 && rank(table) == Some(at);
                if go {
                    left -= 1;
                    let sum = gone.entry(table).or_insert((e.received, e.received, 0));
                    *sum = (sum.0.min(e.received), sum.1.max(e.received), sum.2 + 1);
                }
                !go
            });
        }
        let mut all = 0;
        for (table, (from, to, rows)) in gone {
            all += rows;
            self.count((now.0, table), Drops { from, to, rows, reason: reason.clone() });
        }
        self.dropped += all;
        self.appender.inner.dropped.fetch_add(all, Ordering::Relaxed);
        while self.drops.len() > MOST_STRETCHES {
            self.stretch = Span(self.stretch.0.saturating_mul(2));
            for ((at, table), drops) in std::mem::take(&mut self.drops) {
                self.count((at, table), drops);
            }
        }
    }

    /// Adds drops to the stretch that holds the time.
    fn count(&mut self, (at, table): (i64, Table), drops: Drops) {
        let key = (at - at.rem_euclid(self.stretch.0.max(1)), table);
        match self.drops.get_mut(&key) {
            Some(sum) => {
                sum.from = sum.from.min(drops.from);
                sum.to = sum.to.max(drops.to);
                sum.rows += drops.rows;
                sum.reason = drops.reason;
            }
            None => {
                self.drops.insert(key, drops);
            }
        }
    }
}
