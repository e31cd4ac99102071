//! Clocks of sources, and who asks a time server.

use super::Work;
use crate::clocks::look_name;
use crate::db::{Conn, v};
use crate::error::Result;
use model::clock::{ClockEstimate, ClockOf, TimeAsk};
use model::{AssetId, EventId, SiteId, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;

const ADD: &str = "ON CONFLICT (asset, server) DO UPDATE SET times = time_asks.times + excluded.times, \
    first_at = CASE WHEN time_asks.first_at > excluded.first_at THEN excluded.first_at ELSE time_asks.first_at END, \
    last_at = CASE WHEN time_asks.last_at < excluded.last_at THEN excluded.last_at ELSE time_asks.last_at END";

/// How clocks stand now; of each the newest word counts.
pub(super) async fn estimates(tx: &mut Conn, told: &[ClockEstimate]) -> Result<()> {
    let mut newest: BTreeMap<String, &ClockEstimate> = BTreeMap::new();
    for e in told {
        newest.insert(e.of.to_string(), e);
    }
    let rows = newest.into_iter().map(|(of, e)| v![of, e.skew_ms, e.spread_ms, look_name(e.look), e.since, e.last, e.samples]).collect();
    tx.run_many(
        "INSERT INTO clocks (of_what, skew_ms, spread_ms, look, since_at, last_at, samples)",
        "ON CONFLICT (of_what) DO UPDATE SET skew_ms = excluded.skew_ms, spread_ms = excluded.spread_ms, look = excluded.look, \
         since_at = excluded.since_at, last_at = excluded.last_at, samples = excluded.samples",
        rows,
    )
    .await
}

/// Adds who asked whom.
pub(super) async fn asks(work: &mut Work, told: &[TimeAsk]) -> Result<()> {
    let mut sums: BTreeMap<(AssetId, IpAddr), (Time, Time, u64)> = BTreeMap::new();
    for a in told {
        // Rollups come from many events: none is kept.
        let nobody = EventId { site: SiteId::NIL, epoch: 0, seq: 0 };
        let asset = work.asset(a.asset, a.first, nobody).await?;
        let sum = sums.entry((asset, a.server)).or_insert((a.first, a.last, 0));
        *sum = (sum.0.min(a.first), sum.1.max(a.last), sum.2.saturating_add(a.times));
    }
    let rows = sums.into_iter().map(|((asset, server), (first, last, times))| v![asset, server.to_string(), first, last, times]).collect();
    work.tx.run_many("INSERT INTO time_asks (asset, server, first_at, last_at, times)", ADD, rows).await
}

/// Two assets are one: both asked. The clock of the one that goes will be measured again under the other's name.
pub(super) async fn merge(tx: &mut Conn, gone: AssetId, stays: AssetId) -> Result<()> {
    tx.run_built(
        format!(
            "INSERT INTO time_asks (asset, server, first_at, last_at, times) \
             SELECT $1, server, first_at, last_at, times FROM time_asks WHERE asset = $2 {ADD}"
        ),
        v![stays, gone],
    )
    .await?;
    tx.run("DELETE FROM time_asks WHERE asset = $1", v![gone]).await?;
    tx.run("DELETE FROM clocks WHERE of_what = $1", v![ClockOf::Asset(gone).to_string()]).await?;
    Ok(())
}
