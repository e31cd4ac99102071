//! Applying a batch: one transaction for the result and the cursor, so that whatever is repeated after a crash is known to have
//! been done.
//!
//! Rows that a batch speaks of without having introduced them (an asset that was never `Discovered`) are made on the way: a
//! consumer that forgot a step must not stop the watch for ever.

mod clocks;
mod findings;
mod merge;
mod rollups;
mod steps;

pub(crate) use rollups::{quality_of, replace as replace_rollups};

use crate::assets;
use crate::db::{Conn, v};
use crate::error::Result;
use crate::outbox;
use crate::pipeline::{Applied, Batch, cursor, note_epoch, raise_known};
use crate::store::Store;
use crate::zones;
use model::{AssetId, EventId, SiteId, Time};
use std::collections::{BTreeSet, HashMap};

/// What a transaction of a batch needs at hand.
pub(crate) struct Work {
    pub tx: Conn,
    /// Where ids lead: known assets to themselves, merged ones to the one that stays.
    leads: HashMap<AssetId, AssetId>,
    /// Assets whose derived columns must be made anew.
    pub stale: BTreeSet<AssetId>,
}

/// Applies a batch.
pub(crate) async fn apply(store: &Store, batch: Batch) -> Result<Applied> {
    let tx = store.write().await?;
    let mut work = Work { tx, leads: HashMap::new(), stale: BTreeSet::new() };
    if cursor(&mut work.tx, batch.consumer).await?.is_some_and(|at| batch.cursor <= at) {
        return Ok(Applied { repeated: true, ..Applied::default() });
    }
    let mut applied = Applied::default();
    let mut touched = BTreeSet::new();
    steps::apply(&mut work, &batch.asset_changes, &mut touched).await?;
    for change in &batch.finding_changes {
        outbox::finding(&mut work.tx, change).await?;
    }
    findings::apply(&mut work, batch.finding_changes, &mut applied).await?;
    rollups::hours(&mut work, &batch.hours).await?;
    rollups::peers(&mut work, &batch.peers).await?;
    applied.sensors = rollups::coverage(&mut work.tx, &batch.coverage).await?;
    clocks::estimates(&mut work.tx, &batch.clocks).await?;
    clocks::asks(&mut work, &batch.asks).await?;
    let stale = std::mem::take(&mut work.stale);
    refresh(&mut work.tx, store.site().id, stale).await?;
    applied.assets = touched.into_iter().collect();

    let (epoch, seq) = (batch.cursor.epoch, batch.cursor.seq);
    work.tx
        .run(
            "INSERT INTO consumers (name, epoch, seq) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq",
            v![batch.consumer, epoch, seq],
        )
        .await?;
    if let Some(bytes) = batch.snapshot {
        work.tx
            .run(
                "UPDATE consumers SET snapshot_epoch = $1, snapshot_seq = $2, snapshot = $3 WHERE name = $4",
                v![epoch, seq, bytes, batch.consumer],
            )
            .await?;
    }
    raise_known(&mut work.tx, batch.cursor).await?;
    work.tx.commit().await?;
    note_epoch(store, epoch);
    Ok(applied)
}

/// Makes the derived columns of assets anew, and lets their oldest addresses, names and services go where there are too many.
pub(crate) async fn refresh(tx: &mut Conn, site: SiteId, ids: BTreeSet<AssetId>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<AssetId> = ids.into_iter().collect();
    let rules = zones::rules(tx).await?;
    for asset in assets::load(tx, site, &ids).await? {
        steps::trim(tx, &asset).await?;
        let d = assets::derive(&asset, &rules);
        tx.run(
            "UPDATE assets SET label = $1, label_key = $2, kind_now = $3, maker_now = $4, zone_now = $5, address_key = $6, \
             importance_key = $7, search = $8 WHERE id = $9",
            v![d.label, d.label_key, d.kind, d.maker, d.zone, d.address_key, d.importance_key, d.search, asset.id],
        )
        .await?;
    }
    Ok(())
}

/// Two assets become one by a person's word, in the transaction of their deed.
pub(crate) async fn merge_by_hand(tx: Conn, gone: AssetId, stays: AssetId, now: Time) -> Result<Conn> {
    let mut work = Work { tx, leads: HashMap::new(), stale: BTreeSet::new() };
    merge::merge(&mut work, gone, stays, now).await?;
    Ok(work.tx)
}

impl Work {
    /// The asset that an id stands for; made where it was never heard of.
    pub async fn asset(&mut self, id: AssetId, at: Time, because: EventId) -> Result<AssetId> {
        if let Some(known) = self.leads.get(&id) {
            return Ok(*known);
        }
        let row = self.tx.row("SELECT merged_into FROM assets WHERE id = $1", v![id]).await?;
        let known = match row {
            Some(row) => row.opt_parsed(0)?.unwrap_or(id),
            None => {
                insert(&mut self.tx, id, at, because).await?;
                self.stale.insert(id);
                id
            }
        };
        self.leads.insert(id, known);
        Ok(known)
    }

    /// The asset that an id stands for, if there is one.
    pub async fn known(&mut self, id: AssetId) -> Result<Option<AssetId>> {
        if let Some(known) = self.leads.get(&id) {
            return Ok(Some(*known));
        }
        let Some(row) = self.tx.row("SELECT merged_into FROM assets WHERE id = $1", v![id]).await? else { return Ok(None) };
        let known = row.opt_parsed(0)?.unwrap_or(id);
        self.leads.insert(id, known);
        Ok(Some(known))
    }

    /// From now on `gone` leads to `stays`.
    fn lead(&mut self, gone: AssetId, stays: AssetId) {
        for to in self.leads.values_mut() {
            if *to == gone {
                *to = stays;
            }
        }
        self.leads.insert(gone, stays);
        self.stale.remove(&gone);
        self.stale.insert(stays);
    }
}

async fn insert(tx: &mut Conn, id: AssetId, at: Time, because: EventId) -> Result<()> {
    // Rollups come from many events: then epoch and number are 0, and none is kept.
    let (epoch, seq) = if because.epoch == 0 { (None, None) } else { (Some(i64::from(because.epoch)), i64::try_from(because.seq).ok()) };
    tx.run(
        "INSERT INTO assets (id, rev, state, name, kind, maker, model_number, serial, software_version, support_end, owner, \
         administrator, place, purpose, importance, notes, first_seen, last_seen, because_epoch, because_seq, label, label_key, \
         kind_now, maker_now, address_key, importance_key, search, changed_by, changed_at) \
         VALUES ($1, 1, 'discovered', '', '', '', '', '', '', '', '', '', '', '', '', '', $2, $2, $3, $4, '', '', '', '', '', 3, '', '', $2)",
        v![id, at, epoch, seq],
    )
    .await?;
    Ok(())
}
