//! Steps of assets.

use super::{Work, merge};
use crate::db::{Conn, v};
use crate::error::Result;
use crate::text::cut;
use model::asset::Guess;
use model::{Asset, AssetChange, AssetFact, AssetId, EventId, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Addresses that are kept of one asset.
pub(crate) const MOST_ADDRESSES: usize = 256;
/// Names that are kept of one asset.
pub(crate) const MOST_NAMES: usize = 64;
/// Services that are kept of one asset.
pub(crate) const MOST_SERVICES: usize = 512;
/// Characters of a name, a product or a guess that are kept.
const LONGEST: usize = 255;

/// Applies steps in order; `touched` gets the assets that changed in more than their last sight.
pub(super) async fn apply(work: &mut Work, changes: &[AssetChange], touched: &mut BTreeSet<AssetId>) -> Result<()> {
    // Sights are by far the most, and only the newest and oldest of a batch matter.
    let mut seen: BTreeMap<AssetId, (Time, Time)> = BTreeMap::new();
    for change in changes {
        let (at, because) = (change.at, change.because);
        let id = work.asset(change.asset, at, because).await?;
        if let AssetFact::MergedInto { asset } = &change.fact {
            let stays = work.asset(*asset, at, because).await?;
            if stays != id {
                if let Some((a, b)) = seen.remove(&id) {
                    note(&mut seen, stays, a);
                    note(&mut seen, stays, b);
                }
                flush(&mut work.tx, &mut seen).await?;
                merge::merge(work, id, stays, at).await?;
                touched.insert(id);
                touched.insert(stays);
            }
            continue;
        }
        note(&mut seen, id, at);
        let changed = match &change.fact {
            AssetFact::Discovered => {
                discovered(&mut work.tx, id, because).await?;
                true
            }
            AssetFact::Seen | AssetFact::MergedInto { .. } => false,
            AssetFact::Active => {
                work.tx
                    .run("UPDATE assets SET last_active = $1 WHERE id = $2 AND (last_active IS NULL OR last_active < $1)", v![at, id])
                    .await?;
                false
            }
            AssetFact::Address { segment, mac, ip } => {
                let mac = mac.map(|m| m.to_string()).unwrap_or_default();
                let ip = ip.map(|i| i.to_string()).unwrap_or_default();
                if mac.is_empty() && ip.is_empty() {
                    false
                } else {
                    address(&mut work.tx, id, i64::from(segment.sensor.0), segment.vlan, &mac, &ip, at).await?
                }
            }
            AssetFact::Name { name, protocol } => {
                let name = cut(name.trim(), LONGEST);
                if name.is_empty() { false } else { self::name(&mut work.tx, id, name, protocol.name(), because, at).await? }
            }
            AssetFact::Service { port, udp, protocol, product } => {
                let protocol = protocol.map_or("", |p| p.name());
                service(&mut work.tx, id, *port, *udp, protocol, cut(product.trim(), LONGEST), at).await?
            }
            AssetFact::Guess { guess } => self::guess(&mut work.tx, id, guess).await?,
        };
        if changed {
            work.stale.insert(id);
            touched.insert(id);
        }
    }
    flush(&mut work.tx, &mut seen).await
}

fn note(seen: &mut BTreeMap<AssetId, (Time, Time)>, id: AssetId, at: Time) {
    let entry = seen.entry(id).or_insert((at, at));
    entry.0 = entry.0.min(at);
    entry.1 = entry.1.max(at);
}

async fn flush(tx: &mut Conn, seen: &mut BTreeMap<AssetId, (Time, Time)>) -> Result<()> {
    for (id, (oldest, newest)) in std::mem::take(seen) {
        tx.run(
            "UPDATE assets SET first_seen = CASE WHEN first_seen IS NULL OR first_seen > $1 THEN $1 ELSE first_seen END, \
             last_seen = CASE WHEN last_seen IS NULL OR last_seen < $2 THEN $2 ELSE last_seen END WHERE id = $3",
            v![oldest, newest, id],
        )
        .await?;
    }
    Ok(())
}

/// The row was made when the id was first looked up; one that was entered by hand learns of its event.
async fn discovered(tx: &mut Conn, id: AssetId, because: EventId) -> Result<()> {
    tx.run(
        "UPDATE assets SET because_epoch = $1, because_seq = $2 WHERE id = $3 AND because_seq IS NULL",
        v![because.epoch, because.seq, id],
    )
    .await?;
    Ok(())
}

/// True where the address is new to the asset.
async fn address(tx: &mut Conn, id: AssetId, sensor: i64, vlan: u16, mac: &str, ip: &str, at: Time) -> Result<bool> {
    let again = tx
        .run(
            "UPDATE asset_addresses SET first_at = CASE WHEN first_at > $1 THEN $1 ELSE first_at END, \
             last_at = CASE WHEN last_at < $1 THEN $1 ELSE last_at END \
             WHERE asset = $2 AND sensor = $3 AND vlan = $4 AND mac = $5 AND ip = $6",
            v![at, id, sensor, vlan, mac, ip],
        )
        .await?;
    // An older address may have become the newest: what is derived follows either way.
    if again > 0 {
        return Ok(true);
    }
    tx.run(
        "INSERT INTO asset_addresses (asset, sensor, vlan, mac, ip, first_at, last_at, by_hand) VALUES ($1, $2, $3, $4, $5, $6, $6, 0)",
        v![id, sensor, vlan, mac, ip, at],
    )
    .await?;
    // What was written by hand has now been seen where it is.
    tx.run(
        "DELETE FROM asset_addresses WHERE asset = $1 AND by_hand = 1 AND ((mac = $2 AND ip = '' AND mac <> '') \
         OR (ip = $3 AND mac = '' AND ip <> '') OR (mac = $2 AND ip = $3))",
        v![id, mac, ip],
    )
    .await?;
    Ok(true)
}

async fn name(tx: &mut Conn, id: AssetId, name: &str, protocol: &str, because: EventId, at: Time) -> Result<bool> {
    tx.run(
        "INSERT INTO asset_names (asset, name, protocol, because_epoch, because_seq, last_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (asset, name, protocol) DO UPDATE SET \
         last_at = CASE WHEN asset_names.last_at < excluded.last_at THEN excluded.last_at ELSE asset_names.last_at END",
        v![id, name, protocol, because.epoch, because.seq, at],
    )
    .await?;
    Ok(true)
}

/// An answer without a banner does not wipe out what an earlier one told.
async fn service(tx: &mut Conn, id: AssetId, port: u16, udp: bool, protocol: &str, product: &str, at: Time) -> Result<bool> {
    tx.run(
        "INSERT INTO asset_services (asset, port, udp, protocol, product, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $6) \
         ON CONFLICT (asset, port, udp) DO UPDATE SET \
         protocol = CASE WHEN excluded.protocol = '' THEN asset_services.protocol ELSE excluded.protocol END, \
         product = CASE WHEN excluded.product = '' THEN asset_services.product ELSE excluded.product END, \
         first_at = CASE WHEN asset_services.first_at > excluded.first_at THEN excluded.first_at ELSE asset_services.first_at END, \
         last_at = CASE WHEN asset_services.last_at < excluded.last_at THEN excluded.last_at ELSE asset_services.last_at END",
        v![id, port, udp, protocol, product, at],
    )
    .await?;
    Ok(true)
}

/// A later sign replaces an earlier one of the same property and reason only when it is at least as sure.
async fn guess(tx: &mut Conn, id: AssetId, guess: &Guess) -> Result<bool> {
    let changed = tx
        .run(
            "INSERT INTO asset_guesses (asset, property, value, confidence, reason, protocol, because_epoch, because_seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (asset, property, reason) DO UPDATE SET value = excluded.value, \
             confidence = excluded.confidence, protocol = excluded.protocol, \
             because_epoch = excluded.because_epoch, because_seq = excluded.because_seq \
             WHERE excluded.confidence >= asset_guesses.confidence",
            v![
                id,
                guess.property.name(),
                cut(&guess.value, LONGEST),
                i64::from(guess.confidence),
                cut(&guess.reason, LONGEST),
                guess.protocol.map_or("", |p| p.name()),
                guess.because.epoch,
                guess.because.seq
            ],
        )
        .await?;
    Ok(changed > 0)
}

/// Lets the oldest go where there are more than we keep: names and addresses come from the wire, and whoever invents them must
/// not fill the disk.
pub(super) async fn trim(tx: &mut Conn, asset: &Asset) -> Result<()> {
    for a in asset.addresses.iter().skip(MOST_ADDRESSES) {
        tx.run(
            "DELETE FROM asset_addresses WHERE asset = $1 AND sensor = $2 AND vlan = $3 AND mac = $4 AND ip = $5",
            v![
                asset.id,
                a.segment.sensor.0,
                a.segment.vlan,
                a.mac.map(|m| m.to_string()).unwrap_or_default(),
                a.ip.map(|i| i.to_string()).unwrap_or_default()
            ],
        )
        .await?;
    }
    for n in asset.names.iter().skip(MOST_NAMES) {
        tx.run("DELETE FROM asset_names WHERE asset = $1 AND name = $2 AND protocol = $3", v![asset.id, &n.name, n.protocol.name()])
            .await?;
    }
    if asset.services.len() > MOST_SERVICES {
        let mut oldest: Vec<_> = asset.services.iter().collect();
        oldest.sort_by_key(|s| std::cmp::Reverse(s.last));
        for s in oldest.into_iter().skip(MOST_SERVICES) {
            tx.run("DELETE FROM asset_services WHERE asset = $1 AND port = $2 AND udp = $3", v![asset.id, s.port, s.udp]).await?;
        }
    }
    Ok(())
}
