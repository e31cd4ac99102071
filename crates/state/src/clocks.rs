//! Clocks as people look at them: the machine's own, those of the sources, and the devices that ask a time server or do not.
//!
//! That a device **never** asks is said only where it was heard in [`model::clock::ENOUGH_HOURS`] different hours while the network was watched: an hour
//! in which it sent something is an hour in which it could have been seen asking. What was not watched says nothing.

use crate::db::{Conn, V, v};
use crate::error::Result;
use crate::pipeline::Pipeline;
use crate::store::Store;
use model::access::{ViewAssets, ViewSettings};
use model::clock::{Asker, Asking, ClockEstimate, ClockLook, ClockOf, OwnClock};
use model::{AssetId, Authorised, Span, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Clocks that are kept; beyond, those that told nothing for longest go first.
const MOST: i64 = 10_000;
/// Clocks of one answer.
const MOST_SHOWN: u32 = 2_000;
/// Assets of one answer.
const MOST_ASKERS: u32 = 20_000;
/// Time servers of an asset that are named.
const SERVERS: usize = 4;

/// The machine's own clock as it was looked at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLook {
    /// When.
    pub at: Time,
    /// `CLOCK_BOOTTIME` at that moment.
    pub up: Span,
    /// How it stood.
    pub clock: OwnClock,
}

pub(crate) fn look_name(look: ClockLook) -> String {
    match look {
        ClockLook::Plain => String::from("plain"),
        ClockLook::Unset => String::from("unset"),
        ClockLook::Zone(hours) => hours.to_string(),
    }
}

fn look_of(name: &str) -> ClockLook {
    match name {
        "unset" => ClockLook::Unset,
        other => other.parse().map_or(ClockLook::Plain, ClockLook::Zone),
    }
}

/// Lets clocks go that told nothing since then, and the oldest where there are too many. The newest asking of an asset stays for as long as the asset:
/// otherwise one that asked would become one that never did.
pub(crate) async fn let_go(tx: &mut Conn, before: Time) -> Result<()> {
    tx.run("DELETE FROM clocks WHERE last_at < $1", v![before]).await?;
    let excess = tx.number("SELECT COUNT(*) FROM clocks", v![]).await? - MOST;
    if excess > 0 {
        let at = tx.number("SELECT last_at FROM clocks ORDER BY last_at LIMIT 1 OFFSET $1", v![excess - 1]).await?;
        tx.run("DELETE FROM clocks WHERE last_at <= $1", v![at]).await?;
    }
    tx.run(
        "DELETE FROM time_asks WHERE last_at < $1 AND EXISTS \
         (SELECT 1 FROM time_asks newer WHERE newer.asset = time_asks.asset AND newer.last_at > time_asks.last_at)",
        v![before],
    )
    .await?;
    Ok(())
}

impl Store {
    /// The machine's own clock; nothing before it was first looked at.
    pub async fn own_clock(&self, proof: &Authorised<ViewSettings>) -> Result<Option<OwnLook>> {
        self.guard(proof)?;
        own(&mut self.read().await?).await
    }

    /// Every source whose clock is held against ours: those that are known first, the furthest off first.
    pub async fn clocks(&self, proof: &Authorised<ViewSettings>) -> Result<Vec<ClockEstimate>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let rows = conn
            .rows(
                "SELECT of_what, skew_ms, spread_ms, look, since_at, last_at, samples FROM clocks \
                 ORDER BY CASE WHEN skew_ms IS NULL THEN 1 ELSE 0 END, ABS(skew_ms) DESC, of_what LIMIT $1",
                v![MOST_SHOWN],
            )
            .await?;
        let mut out = Vec::with_capacity(rows.len());
        for r in &rows {
            let of: ClockOf = r.text(0)?.parse().map_err(|()| r.damaged("a clock is nobody's"))?;
            out.push(ClockEstimate {
                of,
                skew_ms: r.opt_int(1)?,
                spread_ms: r.count(2)?,
                look: look_of(&r.text(3)?),
                since: r.time(4)?,
                last: r.time(5)?,
                samples: r.count(6)?,
            });
        }
        Ok(out)
    }

    /// Every device that was heard on the network, with the time servers that it asks. Those of which it is known that they never ask come first, then those
    /// of which nothing can be said yet.
    pub async fn askers(&self, proof: &Authorised<ViewAssets>) -> Result<Vec<Asker>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let mut values: Vec<V> = v![MOST_ASKERS];
        let mut within = String::new();
        if let Some(zone) = proof.zone() {
            values.push(zone.into());
            within.push_str("AND a.zone_now = $2");
        }
        let sql = format!(
            "SELECT a.id, a.label, (SELECT COUNT(*) FROM asset_hours h WHERE h.asset = a.id AND h.packets_out > 0) FROM assets a \
             WHERE a.merged_into IS NULL AND a.last_seen IS NOT NULL {within} ORDER BY a.label_key, a.id LIMIT $1"
        );
        let rows = conn.rows_built(sql, values).await?;
        let mut asked: BTreeMap<AssetId, Vec<(Time, IpAddr)>> = BTreeMap::new();
        for r in conn.rows("SELECT asset, server, last_at FROM time_asks ORDER BY last_at DESC, server", v![]).await? {
            asked.entry(r.parsed(0)?).or_default().push((r.time(2)?, r.parsed(1)?));
        }
        let mut address: BTreeMap<AssetId, String> = BTreeMap::new();
        for r in conn.rows("SELECT asset, ip FROM asset_addresses WHERE ip <> '' ORDER BY last_at", v![]).await? {
            address.insert(r.parsed(0)?, r.text(1)?);
        }
        let mut out = Vec::with_capacity(rows.len());
        for r in &rows {
            let asset: AssetId = r.parsed(0)?;
            let servers = asked.remove(&asset).unwrap_or_default();
            let hours = r.count(2)?;
            out.push(Asker {
                asset,
                name: r.text(1)?,
                address: address.remove(&asset).unwrap_or_default(),
                standing: Asking::of(!servers.is_empty(), hours),
                last: servers.first().map(|s| s.0),
                servers: servers.into_iter().map(|s| s.1).take(SERVERS).collect(),
                hours,
            });
        }
        let rank = |a: &Asker| match a.standing {
            Asking::Never => 0,
            Asking::Unknown => 1,
            Asking::Asks => 2,
        };
        out.sort_by_key(rank);
        Ok(out)
    }
}

impl Pipeline {
    /// The machine's own clock was looked at. Where it is synchronised, its time counts from here on ([`Pipeline::not_before`]).
    pub async fn clock_looked(&self, look: &OwnLook) -> Result<()> {
        let mut tx = self.store.write().await?;
        let clock = crate::db::to_json(&look.clock, tx.place())?;
        tx.run(
            "INSERT INTO own_clock (only_row, at, up, clock) VALUES (1, $1, $2, $3) \
             ON CONFLICT (only_row) DO UPDATE SET at = excluded.at, up = excluded.up, clock = excluded.clock",
            v![look.at, look.up.0, clock],
        )
        .await?;
        if look.clock.synchronised == Some(true) {
            tx.run("UPDATE site SET time_high = $1 WHERE time_high < $1", v![look.at]).await?;
        }
        tx.commit().await
    }

    /// How the machine's own clock was looked at last.
    pub async fn own_clock(&self) -> Result<Option<OwnLook>> {
        own(&mut self.store.read().await?).await
    }

    /// The time by which anything that runs out is judged: `now`, and never before the highest **synchronised** time that was ever seen, so that a clock
    /// that is set back revives nothing (decisions, Time). Sessions and one-time passwords are judged by the same.
    pub async fn not_before(&self, now: Time) -> Result<Time> {
        crate::auth::judged(&mut self.store.read().await?, now).await
    }
}

async fn own(conn: &mut Conn) -> Result<Option<OwnLook>> {
    match conn.row("SELECT at, up, clock FROM own_clock", v![]).await? {
        Some(row) => Ok(Some(OwnLook { at: row.time(0)?, up: Span(row.int(1)?), clock: row.json(2)? })),
        None => Ok(None),
    }
}
