//! People's decisions about who is who: two assets are one, or an address is an asset of its own. Each can be taken back.
//!
//! What was seen (addresses, names, services, signs, traffic, links), what was written and the findings follow a merge at once, in
//! the transaction of the deed; detection folds the deed when it comes back with the log and goes on from there. What must be put
//! back when the merge is undone is kept with the decision. What came since then stays with the asset that stayed, except where it
//! belongs to an address that goes back.
//!
//! Names, services and past traffic say nothing about which address they came by, so a split leaves them where they are.

use crate::apply;
use crate::assets;
use crate::db::{Conn, to_json, v};
use crate::error::{Result, StateError};
use crate::ledger::{changed_since, insert, write_ledger};
use crate::outbox::audit;
use crate::store::Store;
use model::access::{EditAssets, ViewAssets};
use model::asset::{Ledger, Place, Property};
use model::event::Deed;
use model::{Asset, AssetId, AssetState, Authorised, JoinId, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Sorts of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// Two assets are one.
    Merge,
    /// Addresses are an asset of their own.
    Split,
}

impl JoinKind {
    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            JoinKind::Merge => "merge",
            JoinKind::Split => "split",
        }
    }
    fn from_name(name: &str) -> Option<JoinKind> {
        [JoinKind::Merge, JoinKind::Split].into_iter().find(|k| k.name() == name)
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Join {
    /// Its id.
    pub id: JoinId,
    /// What was decided.
    pub kind: JoinKind,
    /// The asset that stayed.
    pub stays: AssetId,
    /// The one that went, or that was split off.
    pub other: AssetId,
    /// What that one is or was called.
    pub label: String,
    /// When.
    pub at: Time,
    /// Who.
    pub who: String,
    /// It was taken back.
    pub undone: Option<Time>,
}

/// The most decisions that are listed of one asset.
const MOST_LISTED: u32 = 50;
/// The most links that are put back when a merge is undone.
const MOST_PEERS: u32 = 20_000;

/// Hour, packets out and in, bytes out and in.
type HourRow = (i64, i64, i64, i64, i64);
/// Client, server, protocol, port, flows, bytes, first, last.
type PeerRow = (String, String, String, i64, i64, i64, i64, i64);

/// What must be put back.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    gone: Asset,
    stays: Asset,
    hours: Vec<HourRow>,
    peers: Vec<PeerRow>,
    findings: Vec<String>,
    others: Vec<(String, i64)>,
    /// Assets that had been merged into the one that goes.
    tombstones: Vec<AssetId>,
}

async fn before(tx: &mut Conn, gone: Asset, stays: Asset) -> Result<Before> {
    let id = gone.id;
    let rows = tx
        .rows(
            "SELECT hour, packets_out, packets_in, bytes_out, bytes_in FROM asset_hours WHERE asset = $1 ORDER BY hour DESC LIMIT $2",
            v![id, assets::MOST_HOURS],
        )
        .await?;
    let hours = rows.iter().map(|r| Ok((r.int(0)?, r.int(1)?, r.int(2)?, r.int(3)?, r.int(4)?))).collect::<Result<_>>()?;
    let rows = tx
        .rows(
            "SELECT client, server, protocol, port, flows, bytes, first_at, last_at FROM peers WHERE client = $1 OR server = $1 \
             ORDER BY last_at DESC, client, server, protocol, port LIMIT $2",
            v![id.to_string(), MOST_PEERS],
        )
        .await?;
    let peers = rows
        .iter()
        .map(|r| Ok((r.text(0)?, r.text(1)?, r.text(2)?, r.int(3)?, r.int(4)?, r.int(5)?, r.int(6)?, r.int(7)?)))
        .collect::<Result<_>>()?;
    let rows = tx.rows("SELECT id FROM findings WHERE asset = $1 ORDER BY id", v![id]).await?;
    let findings = rows.iter().map(|r| r.text(0)).collect::<Result<_>>()?;
    let rows = tx.rows("SELECT finding, place FROM finding_others WHERE asset = $1 ORDER BY finding, place", v![id]).await?;
    let others = rows.iter().map(|r| Ok((r.text(0)?, r.int(1)?))).collect::<Result<_>>()?;
    let rows = tx.rows("SELECT id FROM assets WHERE merged_into = $1 ORDER BY id", v![id]).await?;
    let tombstones = rows.iter().map(|r| r.parsed(0)).collect::<Result<_>>()?;
    Ok(Before { gone, stays, hours, peers, findings, others, tombstones })
}

fn places(asset: &Asset) -> Vec<Place> {
    asset.addresses.iter().map(|a| Place { segment: a.segment, mac: a.mac, ip: a.ip }).collect()
}

async fn touch(tx: &mut Conn, id: AssetId, who: &str, now: Time) -> Result<()> {
    tx.run("UPDATE assets SET rev = rev + 1, changed_by = $1, changed_at = $2 WHERE id = $3", v![who, now, id]).await?;
    Ok(())
}

async fn move_address(tx: &mut Conn, from: AssetId, to: AssetId, place: &Place) -> Result<()> {
    let (mac, ip) = (place.mac.map(|m| m.to_string()).unwrap_or_default(), place.ip.map(|i| i.to_string()).unwrap_or_default());
    let key = || v![to, from, place.segment.sensor.0, place.segment.vlan, &mac, &ip];
    tx.run(
        "INSERT INTO asset_addresses (asset, sensor, vlan, mac, ip, first_at, last_at, by_hand) \
         SELECT $1, sensor, vlan, mac, ip, first_at, last_at, by_hand FROM asset_addresses \
         WHERE asset = $2 AND sensor = $3 AND vlan = $4 AND mac = $5 AND ip = $6 \
         ON CONFLICT (asset, sensor, vlan, mac, ip) DO NOTHING",
        key(),
    )
    .await?;
    tx.run("DELETE FROM asset_addresses WHERE asset <> $1 AND asset = $2 AND sensor = $3 AND vlan = $4 AND mac = $5 AND ip = $6", key())
        .await?;
    Ok(())
}

/// First and last sight follow the addresses.
async fn sights(tx: &mut Conn, id: AssetId) -> Result<()> {
    tx.run(
        "UPDATE assets SET first_seen = (SELECT MIN(first_at) FROM asset_addresses WHERE asset = $1 AND by_hand = 0), \
         last_seen = (SELECT MAX(last_at) FROM asset_addresses WHERE asset = $1 AND by_hand = 0) WHERE id = $1",
        v![id],
    )
    .await?;
    Ok(())
}

/// The ledger without what a merge filled in, as far as nobody changed it since.
fn unfilled(now: &Ledger, was: &Ledger, filled_from: &Ledger) -> Ledger {
    let mut out = now.clone();
    for ((_, value), ((_, was), (_, from))) in out.texts_mut().zip(was.texts().zip(filled_from.texts())) {
        if was.is_empty() && value == from {
            value.clear();
        }
    }
    if was.kind.is_none() && out.kind == filled_from.kind {
        out.kind = None;
    }
    if was.zone.is_none() && out.zone == filled_from.zone {
        out.zone = None;
    }
    if was.importance.is_none() && out.importance == filled_from.importance {
        out.importance = None;
    }
    if was.internet.is_unstated() && out.internet == filled_from.internet {
        out.internet = was.internet.clone();
    }
    out
}

impl Store {
    /// `other` is the same thing as `id`, which stays: addresses, history, findings and empty fields of the ledger follow. `rev` is
    /// the revision of `id` that was looked at.
    pub async fn merge_assets(&self, proof: &Authorised<EditAssets>, id: AssetId, rev: i64, other: AssetId, now: Time) -> Result<Asset> {
        self.guard(proof)?;
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let stays = assets::one(&mut tx, site, id, proof.zone()).await?;
        changed_since(&mut tx, &stays, rev).await?;
        let gone = assets::one(&mut tx, site, other, proof.zone()).await?;
        if gone.id == stays.id {
            return Err(StateError::invalid("other", "invalid-same-asset", "", "is the asset itself; name another one"));
        }
        let (gone_id, was) = (gone.id, stays.state);
        let join = JoinId::from_parts(now, self.random()?);
        let kept = before(&mut tx, gone, stays).await?;
        let mut tx = apply::merge_by_hand(tx, gone_id, id_of(&kept), now).await?;
        let stays_id = id_of(&kept);
        touch(&mut tx, stays_id, &who.name, now).await?;
        note(&mut tx, join, JoinKind::Merge, stays_id, gone_id, &who.name, &kept, now).await?;
        apply::refresh(&mut tx, site, BTreeSet::from([stays_id])).await?;
        let new = assets::one(&mut tx, site, stays_id, None).await?;
        if new.state != was {
            audit(&mut tx, &who, Deed::AssetState { asset: stays_id, from: was, to: new.state }, now).await?;
        }
        let changes = kept.stays.ledger.changes(&new.ledger);
        if !changes.is_empty() {
            audit(&mut tx, &who, Deed::AssetEdited { asset: stays_id, changes }, now).await?;
        }
        audit(&mut tx, &who, Deed::AssetsMerged { join, gone: gone_id, stays: stays_id, undo: false }, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// These addresses of an asset are an asset of their own, which is answered; it begins as discovered. A place with a hardware
    /// address takes every address along that was seen with it; one without pins the Internet address to the new asset.
    pub async fn split_asset(&self, proof: &Authorised<EditAssets>, id: AssetId, rev: i64, asked: &[Place], now: Time) -> Result<AssetId> {
        self.guard(proof)?;
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let old = assets::one(&mut tx, site, id, proof.zone()).await?;
        changed_since(&mut tx, &old, rev).await?;
        let is_asked = |have: &Place| {
            asked.iter().any(|a| match a.mac {
                Some(mac) => have.mac == Some(mac),
                None => a.ip.is_some() && have.ip == a.ip && have.segment == a.segment,
            })
        };
        let moved: Vec<Place> = places(&old).into_iter().filter(is_asked).collect();
        if moved.is_empty() {
            return Err(StateError::invalid("places", "invalid-not-its-address", "", "name at least one address that the asset has"));
        }
        if moved.len() == old.addresses.len() {
            return Err(StateError::invalid(
                "places",
                "invalid-no-address-left",
                "",
                "the asset would have no address left; leave it at least one",
            ));
        }
        let new = AssetId::from_parts(now, self.random()?);
        let ledger = Ledger { zone: proof.zone(), ..Ledger::default() };
        insert(&mut tx, new, &ledger, AssetState::Discovered, &who, now).await?;
        let mut told = Vec::new();
        for place in &moved {
            move_address(&mut tx, old.id, new, place).await?;
            // The hardware address stays with the asset that has it elsewhere, where only the Internet address was asked for.
            let whole = asked.iter().any(|a| a.mac.is_some() && a.mac == place.mac);
            if !whole && place.mac.is_some() {
                let mac = place.mac.map(|m| m.to_string()).unwrap_or_default();
                let ip = place.ip.map(|i| i.to_string()).unwrap_or_default();
                tx.run(
                    "UPDATE asset_addresses SET mac = '' WHERE asset = $1 AND sensor = $2 AND vlan = $3 AND mac = $4 AND ip = $5",
                    v![new, place.segment.sensor.0, place.segment.vlan, mac, ip],
                )
                .await?;
            }
            told.push(if whole { *place } else { Place { mac: None, ..*place } });
        }
        sights(&mut tx, new).await?;
        touch(&mut tx, old.id, &who.name, now).await?;
        let join = JoinId::from_parts(now, self.random()?);
        note(&mut tx, join, JoinKind::Split, old.id, new, &who.name, &moved, now).await?;
        apply::refresh(&mut tx, site, BTreeSet::from([old.id, new])).await?;
        let deed = Deed::AssetSplit {
            join,
            from: old.id,
            to: new,
            places: told,
            state: AssetState::Discovered,
            ledger: Some(Box::new(ledger)),
            undo: false,
        };
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Takes a decision about an asset back. `id` is the one that stayed, `rev` its revision.
    pub async fn undo_join(&self, proof: &Authorised<EditAssets>, id: AssetId, rev: i64, join: JoinId, now: Time) -> Result<Asset> {
        self.guard(proof)?;
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let stays = assets::one(&mut tx, site, id, proof.zone()).await?;
        changed_since(&mut tx, &stays, rev).await?;
        let row = tx.row("SELECT kind, stays, other, undone_at, before FROM asset_joins WHERE id = $1", v![join]).await?;
        let missing = || StateError::NotFound { what: "join", id: join.to_string() };
        let row = row.ok_or_else(missing)?;
        let (kind, kept_by, other): (_, AssetId, AssetId) = (row.named(0, JoinKind::from_name)?, row.parsed(1)?, row.parsed(2)?);
        // Once the one that stayed was merged itself, that must be undone first.
        if kept_by != stays.id || row.opt_int(3)?.is_some() {
            return Err(missing());
        }
        match kind {
            JoinKind::Split => {
                // Merged elsewhere meanwhile, or out of sight: then it is not there to be taken back.
                let off = assets::one(&mut tx, site, other, proof.zone()).await?;
                if off.id != other {
                    return Err(StateError::invalid(
                        "join",
                        "invalid-undo-newer-first",
                        "",
                        "was merged again since; take that back first",
                    ));
                }
                tx = apply::merge_by_hand(tx, other, stays.id, now).await?;
                let deed = Deed::AssetsMerged { join, gone: other, stays: stays.id, undo: true };
                audit(&mut tx, &who, deed, now).await?;
            }
            JoinKind::Merge => {
                let kept: Before = row.json(4)?;
                restore(&mut tx, &kept, &stays, &who, now).await?;
                let places = places(&kept.gone);
                let deed = Deed::AssetSplit {
                    join,
                    from: stays.id,
                    to: other,
                    places,
                    state: kept.gone.state,
                    ledger: Some(Box::new(kept.gone.ledger.clone())),
                    undo: true,
                };
                audit(&mut tx, &who, deed, now).await?;
            }
        }
        touch(&mut tx, stays.id, &who.name, now).await?;
        tx.run("UPDATE asset_joins SET undone_at = $1, undone_by = $2 WHERE id = $3", v![now, &who.name, join]).await?;
        apply::refresh(&mut tx, site, BTreeSet::from([stays.id, other])).await?;
        let new = assets::one(&mut tx, site, stays.id, None).await?;
        if new.state != stays.state {
            audit(&mut tx, &who, Deed::AssetState { asset: stays.id, from: stays.state, to: new.state }, now).await?;
        }
        let changes = stays.ledger.changes(&new.ledger);
        if !changes.is_empty() {
            audit(&mut tx, &who, Deed::AssetEdited { asset: stays.id, changes }, now).await?;
        }
        tx.commit().await?;
        Ok(new)
    }

    /// Decisions about an asset, newest first, those taken back too.
    pub async fn asset_joins(&self, proof: &Authorised<ViewAssets>, id: AssetId) -> Result<Vec<Join>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let id = assets::resolve(&mut conn, id, proof.zone()).await?;
        let rows = conn
            .rows(
                "SELECT j.id, j.kind, j.stays, j.other, a.label, j.at, j.who, j.undone_at FROM asset_joins j \
                 JOIN assets a ON a.id = CASE WHEN j.other = $1 THEN j.stays ELSE j.other END \
                 WHERE j.stays = $1 OR j.other = $1 ORDER BY j.at DESC, j.id LIMIT $2",
                v![id, MOST_LISTED],
            )
            .await?;
        rows.iter()
            .map(|r| {
                Ok(Join {
                    id: r.parsed(0)?,
                    kind: r.named(1, JoinKind::from_name)?,
                    stays: r.parsed(2)?,
                    other: r.parsed(3)?,
                    label: r.text(4)?,
                    at: r.time(5)?,
                    who: r.text(6)?,
                    undone: r.opt_time(7)?,
                })
            })
            .collect()
    }
}

/// The one that stays.
fn id_of(kept: &Before) -> AssetId {
    kept.stays.id
}

#[allow(clippy::too_many_arguments)]
async fn note<T: Serialize>(
    tx: &mut Conn,
    join: JoinId,
    kind: JoinKind,
    stays: AssetId,
    other: AssetId,
    who: &str,
    kept: &T,
    now: Time,
) -> Result<()> {
    let text = to_json(kept, tx.place())?;
    tx.run(
        "INSERT INTO asset_joins (id, kind, stays, other, at, who, undone_by, before) VALUES ($1, $2, $3, $4, $5, $6, '', $7)",
        v![join, kind.name(), stays, other, now, who, text],
    )
    .await?;
    Ok(())
}

/// The one that went comes back with what it had.
async fn restore(tx: &mut Conn, kept: &Before, stays: &Asset, who: &crate::store::Who, now: Time) -> Result<()> {
    let (gone, was) = (&kept.gone, &kept.stays);
    tx.run("UPDATE assets SET merged_into = NULL WHERE id = $1", v![gone.id]).await?;
    for id in &kept.tombstones {
        tx.run("UPDATE assets SET merged_into = $1 WHERE id = $2 AND merged_into = $3", v![gone.id, *id, stays.id]).await?;
    }
    write_ledger(tx, gone.id, &gone.ledger, gone.state, who, now).await?;
    // What a zone that was removed meanwhile was called is not known any more.
    let ledger = unfilled(&stays.ledger, &was.ledger, &gone.ledger);
    let filled_state = was.state == AssetState::Discovered && stays.state == gone.state;
    let state = if filled_state { was.state } else { stays.state };
    write_ledger(tx, stays.id, &ledger, state, who, now).await?;
    let kept_places = places(was);
    for place in places(gone) {
        if kept_places.contains(&place) {
            continue;
        }
        move_address(tx, stays.id, gone.id, &place).await?;
    }
    sights(tx, gone.id).await?;
    sights(tx, stays.id).await?;
    tx.run("UPDATE assets SET last_active = $1 WHERE id = $2", v![gone.last_active, gone.id]).await?;
    told(tx, kept, stays.id).await?;
    traffic(tx, kept, stays.id).await?;
    for id in &kept.findings {
        tx.run("UPDATE findings SET asset = $1 WHERE id = $2 AND asset = $3", v![gone.id, id, stays.id]).await?;
    }
    for (finding, place) in &kept.others {
        tx.run(
            "UPDATE finding_others SET asset = $1 WHERE finding = $2 AND place = $3 AND asset = $4",
            v![gone.id, finding, *place, stays.id],
        )
        .await?;
    }
    Ok(())
}

/// Names, services and signs.
async fn told(tx: &mut Conn, kept: &Before, stays: AssetId) -> Result<()> {
    let (gone, was) = (&kept.gone, &kept.stays);
    for n in &gone.names {
        let (epoch, seq) = (n.because.epoch, n.because.seq);
        tx.run(
            "INSERT INTO asset_names (asset, name, protocol, because_epoch, because_seq, last_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (asset, name, protocol) DO NOTHING",
            v![gone.id, &n.name, n.protocol.name(), epoch, seq, n.last],
        )
        .await?;
        if !was.names.iter().any(|w| (&w.name, w.protocol) == (&n.name, n.protocol)) {
            tx.run("DELETE FROM asset_names WHERE asset = $1 AND name = $2 AND protocol = $3", v![stays, &n.name, n.protocol.name()])
                .await?;
        }
    }
    for s in &gone.services {
        tx.run(
            "INSERT INTO asset_services (asset, port, udp, protocol, product, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (asset, port, udp) DO NOTHING",
            v![gone.id, s.port, s.udp, s.protocol.map_or("", |p| p.name()), &s.product, s.first, s.last],
        )
        .await?;
        if !was.services.iter().any(|w| (w.port, w.udp) == (s.port, s.udp)) {
            tx.run("DELETE FROM asset_services WHERE asset = $1 AND port = $2 AND udp = $3", v![stays, s.port, s.udp]).await?;
        }
    }
    // Signs: each has its reason, the surest one or one that agrees; the weighed value is not a sign, so its own confidence is lost
    // where others agreed. It comes again with the next sign.
    let had = |property: Property, reason: &str| {
        was.guesses.iter().any(|g| g.property == property && (g.reason == reason || g.also.iter().any(|s| s.reason == reason)))
    };
    for g in &gone.guesses {
        let signs =
            std::iter::once((&g.reason, g.confidence, g.because)).chain(g.also.iter().map(|s| (&s.reason, s.confidence, s.because)));
        for (reason, confidence, because) in signs {
            tx.run(
                "INSERT INTO asset_guesses (asset, property, value, confidence, reason, protocol, because_epoch, because_seq) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (asset, property, reason) DO NOTHING",
                v![
                    gone.id,
                    g.property.name(),
                    &g.value,
                    i64::from(confidence),
                    reason,
                    g.protocol.map_or("", |p| p.name()),
                    because.epoch,
                    because.seq
                ],
            )
            .await?;
            if !had(g.property, reason) {
                tx.run(
                    "DELETE FROM asset_guesses WHERE asset = $1 AND property = $2 AND reason = $3",
                    v![stays, g.property.name(), reason],
                )
                .await?;
            }
        }
    }
    Ok(())
}

/// Traffic and links are sums: what was added is taken away again.
async fn traffic(tx: &mut Conn, kept: &Before, stays: AssetId) -> Result<()> {
    let gone = kept.gone.id;
    for (hour, po, pi, bo, bi) in &kept.hours {
        tx.run(
            "UPDATE asset_hours SET packets_out = packets_out - $1, packets_in = packets_in - $2, bytes_out = bytes_out - $3, \
             bytes_in = bytes_in - $4 WHERE asset = $5 AND hour = $6 AND packets_out >= $1 AND packets_in >= $2 AND bytes_out >= $3 \
             AND bytes_in >= $4",
            v![*po, *pi, *bo, *bi, stays, *hour],
        )
        .await?;
    }
    tx.run("DELETE FROM asset_hours WHERE asset = $1 AND packets_out = 0 AND packets_in = 0 AND bytes_out = 0 AND bytes_in = 0", v![stays])
        .await?;
    let rows = kept.hours.iter().map(|(hour, po, pi, bo, bi)| v![gone, *hour, *po, *pi, *bo, *bi]).collect();
    tx.run_many(
        "INSERT INTO asset_hours (asset, hour, packets_out, packets_in, bytes_out, bytes_in)",
        "ON CONFLICT (asset, hour) DO NOTHING",
        rows,
    )
    .await?;
    let (gone, stays) = (gone.to_string(), stays.to_string());
    let as_merged = |end: &String| if *end == gone { stays.clone() } else { end.clone() };
    for (client, server, protocol, port, flows, bytes, ..) in &kept.peers {
        let (client, server) = (as_merged(client), as_merged(server));
        if client == server {
            continue;
        }
        let key = || v![&client, &server, protocol, *port, *flows, *bytes];
        tx.run(
            "UPDATE peers SET flows = flows - $5, bytes = bytes - $6 WHERE client = $1 AND server = $2 AND protocol = $3 AND port = $4 \
             AND flows >= $5 AND bytes >= $6",
            key(),
        )
        .await?;
        tx.run(
            "DELETE FROM peers WHERE client = $1 AND server = $2 AND protocol = $3 AND port = $4 AND flows = 0 AND bytes = 0",
            v![&client, &server, protocol, *port],
        )
        .await?;
    }
    let rows = kept.peers.iter().map(|(c, s, p, port, f, b, first, last)| v![c, s, p, *port, *f, *b, *first, *last]).collect();
    tx.run_many(
        "INSERT INTO peers (client, server, protocol, port, flows, bytes, first_at, last_at)",
        "ON CONFLICT (client, server, protocol, port) DO NOTHING",
        rows,
    )
    .await
}
