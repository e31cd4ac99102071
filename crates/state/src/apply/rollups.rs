//! Rollups: traffic by asset, site and hour, links, coverage.

use super::Work;
use crate::assets::party_key;
use crate::db::{Conn, V, v};
use crate::error::Result;
use crate::pipeline::{EventCursor, NewRollups, Replaced, cursor};
use crate::store::Store;
use model::asset::{HourDelta, Party, PeerDelta};
use model::coverage::{Health, Quality};
use model::{AssetId, EventId, SiteId, SourceId, Span, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Stretches of one sensor this close together are one, if they were watched equally well.
const ADJACENT: Span = Span::seconds(1);

pub(super) const PEERS_ADD: &str = "ON CONFLICT (client, server, protocol, port) DO UPDATE SET flows = peers.flows + excluded.flows, \
    bytes = peers.bytes + excluded.bytes, \
    first_at = CASE WHEN peers.first_at > excluded.first_at THEN excluded.first_at ELSE peers.first_at END, \
    last_at = CASE WHEN peers.last_at < excluded.last_at THEN excluded.last_at ELSE peers.last_at END";

/// Nobody's event: rollups come from many.
const NO_EVENT: EventId = EventId { site: SiteId::NIL, epoch: 0, seq: 0 };

pub(super) async fn hours(work: &mut Work, deltas: &[HourDelta]) -> Result<()> {
    let mut by_asset: BTreeMap<(AssetId, i64), [u64; 4]> = BTreeMap::new();
    let mut by_hour: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    for d in deltas {
        let at = Time::from_unix(d.hour.saturating_mul(3600), 0);
        let id = work.asset(d.asset, at, NO_EVENT).await?;
        for sum in [by_asset.entry((id, d.hour)).or_default(), by_hour.entry(d.hour).or_default()] {
            for (s, n) in sum.iter_mut().zip([d.packets_out, d.packets_in, d.bytes_out, d.bytes_in]) {
                *s = s.saturating_add(n);
            }
        }
    }
    let rows = by_asset.into_iter().map(|((id, hour), n)| v![id, hour, n[0], n[1], n[2], n[3]]).collect();
    work.tx
        .run_many(
            "INSERT INTO asset_hours (asset, hour, packets_out, packets_in, bytes_out, bytes_in)",
            "ON CONFLICT (asset, hour) DO UPDATE SET packets_out = asset_hours.packets_out + excluded.packets_out, \
             packets_in = asset_hours.packets_in + excluded.packets_in, bytes_out = asset_hours.bytes_out + excluded.bytes_out, \
             bytes_in = asset_hours.bytes_in + excluded.bytes_in",
            rows,
        )
        .await?;
    let rows = by_hour.into_iter().map(|(hour, n)| v![hour, n[0], n[1], n[2], n[3]]).collect();
    work.tx
        .run_many(
            "INSERT INTO site_hours (hour, packets_out, packets_in, bytes_out, bytes_in)",
            "ON CONFLICT (hour) DO UPDATE SET packets_out = site_hours.packets_out + excluded.packets_out, \
             packets_in = site_hours.packets_in + excluded.packets_in, bytes_out = site_hours.bytes_out + excluded.bytes_out, \
             bytes_in = site_hours.bytes_in + excluded.bytes_in",
            rows,
        )
        .await
}

/// Client, server, protocol and port.
type Link<'a> = (String, String, &'a str, u16);

pub(super) async fn peers(work: &mut Work, deltas: &[PeerDelta]) -> Result<()> {
    let mut links: BTreeMap<Link<'_>, (u64, u64, Time, Time)> = BTreeMap::new();
    for d in deltas {
        let client = end(work, d.client).await?;
        let server = end(work, d.server).await?;
        let protocol = d.protocol.map_or("", |p| p.name());
        let sum = links.entry((client, server, protocol, d.port)).or_insert((0, 0, d.first, d.last));
        *sum = (sum.0.saturating_add(d.flows), sum.1.saturating_add(d.bytes), sum.2.min(d.first), sum.3.max(d.last));
    }
    let rows = links
        .into_iter()
        .map(|((client, server, protocol, port), (flows, bytes, first, last))| {
            v![client, server, protocol, port, flows, bytes, first, last]
        })
        .collect();
    work.tx.run_many("INSERT INTO peers (client, server, protocol, port, flows, bytes, first_at, last_at)", PEERS_ADD, rows).await
}

async fn end(work: &mut Work, party: Party) -> Result<String> {
    Ok(party_key(match party {
        Party::Asset(id) => Party::Asset(work.known(id).await?.unwrap_or(id)),
        Party::Address(ip) => Party::Address(ip),
    }))
}

/// What stands in a rollup, by its key.
type Rows = BTreeMap<String, Vec<i64>>;

async fn standing(tx: &mut Conn, links: bool, from: i64) -> Result<Rows> {
    let mut out = Rows::new();
    let sql = "SELECT asset, hour, packets_out, packets_in, bytes_out, bytes_in FROM asset_hours WHERE hour >= $1";
    for row in tx.rows(sql, v![from]).await? {
        let key = format!("{} {}", row.text(0)?, row.int(1)?);
        out.insert(key, vec![row.int(2)?, row.int(3)?, row.int(4)?, row.int(5)?]);
    }
    if links {
        let sql = "SELECT client, server, protocol, port, flows, bytes, first_at, last_at FROM peers";
        for row in tx.rows(sql, v![]).await? {
            let key = format!("{} {} {} {}", row.text(0)?, row.text(1)?, row.text(2)?, row.int(3)?);
            out.insert(key, vec![row.int(4)?, row.int(5)?, row.int(6)?, row.int(7)?]);
        }
    }
    Ok(out)
}

/// Puts rollups that were made anew in the place of those that are there. `None` where the consumer has read on meanwhile.
pub(crate) async fn replace(store: &Store, consumer: &str, at: EventCursor, new: &NewRollups) -> Result<Option<Replaced>> {
    let tx = store.write().await?;
    let mut work = Work { tx, leads: HashMap::new(), stale: BTreeSet::new() };
    if cursor(&mut work.tx, consumer).await? != Some(at) {
        return Ok(None);
    }
    let links = new.peers.is_some();
    let before = standing(&mut work.tx, links, new.from_hour).await?;
    work.tx.run("DELETE FROM asset_hours WHERE hour >= $1", v![new.from_hour]).await?;
    work.tx.run("DELETE FROM site_hours WHERE hour >= $1", v![new.from_hour]).await?;
    // An asset that state does not know (any more) has no rollups, and is not made for them.
    let mut known = Vec::with_capacity(new.hours.len());
    for d in new.hours.iter().filter(|d| d.hour >= new.from_hour) {
        if work.known(d.asset).await?.is_some() {
            known.push(*d);
        }
    }
    hours(&mut work, &known).await?;
    if let Some(deltas) = &new.peers {
        work.tx.run("DELETE FROM peers", v![]).await?;
        let mut links = Vec::with_capacity(deltas.len());
        for d in deltas {
            // Two assets that turned out to be one have no link.
            if end(&mut work, d.client).await? != end(&mut work, d.server).await? {
                links.push(d.clone());
            }
        }
        peers(&mut work, &links).await?;
    }
    let after = standing(&mut work.tx, links, new.from_hour).await?;
    let changed =
        after.iter().filter(|(k, v)| before.get(*k) != Some(*v)).count() + before.keys().filter(|k| !after.contains_key(*k)).count();
    let hours = after.keys().filter(|k| k.split(' ').count() == 2).count();
    work.tx.commit().await?;
    Ok(Some(Replaced { hours: hours as u64, links: (after.len() - hours) as u64, changed: changed as u64 }))
}

/// The name of a quality in the database.
pub(crate) const fn quality_name(quality: Quality) -> &'static str {
    match quality {
        Quality::Full => "full",
        Quality::Drops => "drops",
        Quality::Nothing => "nothing",
        Quality::Down => "down",
    }
}
/// The quality of that name.
pub(crate) fn quality_of(name: &str) -> Option<Quality> {
    [Quality::Full, Quality::Drops, Quality::Nothing, Quality::Down].into_iter().find(|q| quality_name(*q) == name)
}

pub(super) async fn coverage(tx: &mut Conn, told: &[Health]) -> Result<Vec<SourceId>> {
    let mut sensors = BTreeSet::new();
    let mut joined: Vec<Health> = Vec::new();
    for h in told.iter().filter(|h| h.from <= h.to) {
        sensors.insert(h.sensor);
        // A file that is read at once tells thousands: join what follows within the batch before asking the database.
        let before = joined.iter_mut().rev().find(|j| j.sensor == h.sensor);
        match before {
            Some(j) if j.quality == h.quality && h.from >= j.from && h.from <= j.to + ADJACENT => add(j, h),
            _ => joined.push(h.clone()),
        }
    }
    for h in joined {
        store(tx, &h).await?;
    }
    Ok(sensors.into_iter().collect())
}

fn add(sum: &mut Health, h: &Health) {
    sum.to = sum.to.max(h.to);
    sum.packets = sum.packets.saturating_add(h.packets);
    sum.bytes = sum.bytes.saturating_add(h.bytes);
    sum.kernel_drops = sum.kernel_drops.saturating_add(h.kernel_drops);
    sum.queue_drops = sum.queue_drops.saturating_add(h.queue_drops);
    sum.decode_errors = sum.decode_errors.saturating_add(h.decode_errors);
}

async fn store(tx: &mut Conn, h: &Health) -> Result<()> {
    let counters = |first: Vec<V>| {
        let mut all = first;
        all.extend(v![h.packets, h.bytes, h.kernel_drops, h.queue_drops, h.decode_errors]);
        all
    };
    let last = tx
        .row(
            "SELECT from_at, to_at, quality FROM coverage WHERE sensor = $1 AND from_at <= $2 ORDER BY from_at DESC LIMIT 1",
            v![h.sensor.0, h.from],
        )
        .await?;
    if let Some(row) = last {
        let same_start = row.int(0)? == h.from.0;
        let adjacent = h.from <= row.time(1)? + ADJACENT && row.text(2)? == quality_name(h.quality);
        if adjacent || same_start {
            let from = row.int(0)?;
            tx.run(
                "UPDATE coverage SET to_at = CASE WHEN to_at < $3 THEN $3 ELSE to_at END, packets = packets + $4, bytes = bytes + $5, \
                 kernel_drops = kernel_drops + $6, queue_drops = queue_drops + $7, decode_errors = decode_errors + $8 \
                 WHERE sensor = $1 AND from_at = $2",
                counters(v![h.sensor.0, from, h.to]),
            )
            .await?;
            return Ok(());
        }
    }
    tx.run(
        "INSERT INTO coverage (sensor, from_at, to_at, quality, packets, bytes, kernel_drops, queue_drops, decode_errors) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        counters(v![h.sensor.0, h.from, h.to, quality_name(h.quality)]),
    )
    .await?;
    Ok(())
}
