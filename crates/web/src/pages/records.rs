//! Asking the vault for records, within bounds: on a blocking thread, a few questions at a time, newest first, in stretches of the log
//! so that a rare address is not looked for in a year of records while a page waits. Where the time is up before the page is full, the
//! page says where it stopped, and the next part goes on from there.

use super::search::Filter;
use crate::ask::Ask;
use crate::problem::Problem;
use model::access::{ViewAssets, ViewEvents};
use model::asset::Asset;
use model::event::AddressKey;
use model::{Authorised, Event, EventId, Time};
use std::time::{Duration, Instant};
use vault::Query;

/// Records that are looked at in one go.
const STRETCH: u64 = 200_000;

/// Records, and where to go on.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) events: Vec<Event>,
    /// Ask again with `before_seq` set to this; absent where there is nothing older.
    pub(crate) older: Option<u64>,
    /// The time was up before everything was looked at: what was received before this was not.
    pub(crate) stopped: Option<Time>,
}

/// Records between two looks at the clock.
const BREATH: u32 = 256;

/// Newest first, those that fit.
pub(crate) async fn newest(ask: &Ask, query: Query, filter: Filter, limit: usize, patience: Duration) -> Result<Found, Problem> {
    let turn = tokio::time::timeout(Duration::from_secs(5), ask.shared.vault_turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Problem::Busy(String::from("too many questions to the vault"))) };
    let vault = ask.shared.vault.clone();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let started = Instant::now();
        let mut before = query.before_seq.unwrap_or(u64::MAX).min(vault.last_seq().saturating_add(1));
        let floor = query.after_seq.unwrap_or(0);
        let mut found = Found::default();
        while before > floor.saturating_add(1) {
            let after = before.saturating_sub(STRETCH + 1).max(floor);
            let part = Query {
                after_seq: Some(after),
                before_seq: Some(before),
                newest_first: true,
                limit: filter.is_empty().then(|| limit + 1 - found.events.len()),
                ..query.clone()
            };
            let mut looked = 0u32;
            for event in vault.read(&part) {
                match event {
                    Ok(e) if !filter.fits(&e) => {
                        looked += 1;
                        if looked.is_multiple_of(BREATH) && started.elapsed() > patience {
                            found.older = Some(e.id.seq);
                            found.stopped = Some(e.received);
                            return found;
                        }
                    }
                    Ok(e) if found.events.len() < limit => found.events.push(e),
                    Ok(_) => {
                        found.older = found.events.last().map(|e| e.id.seq);
                        return found;
                    }
                    // A damaged place is named by `vault verify`; what can be read is shown.
                    Err(error) => tracing::warn!(%error, "a record could not be read"),
                }
            }
            before = after.saturating_add(1);
            if started.elapsed() > patience && before > floor.saturating_add(1) {
                found.older = Some(before);
                let at = vault.read(&Query { after_seq: Some(before - 1), limit: Some(1), ..Query::default() }).next();
                found.stopped = at.and_then(Result::ok).map(|e| e.received);
                return found;
            }
        }
        found
    })
    .await
    .map_err(|e| Problem::Broken(e.to_string()))
}

/// One record.
pub(crate) async fn one(ask: &Ask, proof: &Authorised<ViewEvents>, id: EventId) -> Result<Event, Problem> {
    let vault = ask.shared.vault.clone();
    let found = tokio::task::spawn_blocking(move || vault.get(id)).await.map_err(|e| Problem::Broken(e.to_string()))??;
    let event = found.ok_or(Problem::NotFound)?;
    if visible(ask, proof, &event).await? { Ok(event) } else { Err(Problem::NotFound) }
}

/// Several records by name; those that were let go or may not be seen are left out.
pub(crate) async fn several(ask: &Ask, proof: &Authorised<ViewEvents>, ids: Vec<EventId>) -> Result<Vec<Event>, Problem> {
    let vault = ask.shared.vault.clone();
    let found = tokio::task::spawn_blocking(move || ids.into_iter().filter_map(|id| vault.get(id).ok().flatten()).collect::<Vec<_>>())
        .await
        .map_err(|e| Problem::Broken(e.to_string()))?;
    let mut out = Vec::with_capacity(found.len());
    for event in found {
        if visible(ask, proof, &event).await? {
            out.push(event);
        }
    }
    Ok(out)
}

/// Whoever sees one zone only sees a record where one of its addresses belongs to an asset of that zone.
pub(crate) async fn visible(ask: &Ask, proof: &Authorised<ViewEvents>, event: &Event) -> Result<bool, Problem> {
    if proof.zone().is_none() {
        return Ok(true);
    }
    let Ok(assets) = ask.also(ViewAssets) else { return Ok(false) };
    let mut keys = Vec::new();
    event.body.addresses(|k| keys.push(k));
    for key in keys {
        let (mac, ip) = match key {
            AddressKey::Mac(m) => (Some(m), None),
            AddressKey::Ip(i) => (None, Some(i)),
        };
        // The asset at an address may stand in another zone: only one that the proof reaches counts.
        if let Some(id) = ask.store.asset_at(&assets, None, mac, ip).await?
            && ask.store.asset(&assets, id).await.is_ok()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The addresses by which an asset's records are found.
pub(crate) fn addresses(asset: &Asset) -> Vec<AddressKey> {
    let mut out = Vec::new();
    for a in &asset.addresses {
        for key in [a.mac.map(AddressKey::Mac), a.ip.map(AddressKey::Ip)].into_iter().flatten() {
            if !out.contains(&key) {
                out.push(key);
            }
        }
    }
    out.truncate(64);
    out
}
