//! Facts for the front page, all from rollups.

use crate::apply::quality_of;
use crate::assets::{AssetHour, hour, resolve};
use crate::db::{Conn, V, marks, v};
use crate::error::Result;
use crate::findings::{self, severity_of, status_of};
use crate::sensors;
use crate::store::Store;
use model::access::{ViewAssets, ViewToday};
use model::coverage::Quality;
use model::event::Deed;
use model::{AssetId, AssetState, Authorised, FindingId, FindingStatus, Severity, SourceId, Span, Time, ZoneId};
use std::collections::{BTreeMap, HashMap};

/// What the front page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct TodayFacts {
    /// As of.
    pub now: Time,
    /// Assets that are not retired.
    pub assets: u64,
    /// Of them, seen in the last 24 hours.
    pub assets_seen: u64,
    /// Of them, discovered and in nobody's ledger.
    pub assets_unregistered: u64,
    /// Denied or retired ones that were seen in the last 24 hours.
    pub assets_unwanted: u64,
    /// Open findings by severity; every severity is there.
    pub open: BTreeMap<Severity, u64>,
    /// Acknowledged findings: somebody is at them.
    pub acknowledged: u64,
    /// What changed in the last 24 hours, newest first, at most [`MOST_CHANGES`] of each sort.
    pub changes: Vec<Change>,
    /// How many changes there were.
    pub changes_total: u64,
    /// Of them, devices that were seen for the first time.
    pub discovered: u64,
    /// How each sensor watched in the last 24 hours.
    pub coverage: Vec<SensorCoverage>,
    /// Traffic of the last 24 whole and begun hours, oldest first, without gaps.
    pub day: Vec<AssetHour>,
    /// Traffic of the last 7 days, oldest first, without gaps.
    pub week: Vec<AssetHour>,
    /// What is usual in the hours of `day`: one entry for each.
    pub habit: Vec<HabitHour>,
}

/// The most changes of each sort (devices, findings, deeds) that are listed.
pub const MOST_CHANGES: u32 = 50;
/// How many past weeks make a habit.
pub const HABIT_WEEKS: i64 = 8;

/// Something that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Time,
    /// What.
    pub what: Changed,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// A device was seen for the first time.
    Discovered {
        /// Which.
        asset: AssetId,
        /// What to call it.
        label: String,
        /// Where it stands now.
        state: AssetState,
    },
    /// A finding opened, for the first time or again, or was handled.
    Finding {
        /// Which.
        finding: FindingId,
        /// Its rule.
        rule: String,
        /// Its severity now.
        severity: Severity,
        /// Before; absent where it is new.
        from: Option<FindingStatus>,
        /// After.
        to: FindingStatus,
        /// Who; empty for the watch itself.
        who: String,
    },
    /// A person did something else in Hinomi: ledger, zones, settings.
    Deed {
        /// Who.
        who: String,
        /// What.
        deed: Deed,
        /// What to call the asset, where the deed is about one.
        label: String,
    },
}

/// How a sensor watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorCoverage {
    /// Which.
    pub sensor: SourceId,
    /// What people call it.
    pub name: String,
    /// Stretches in order, cut to the time asked. What is between them was not watched.
    pub stretches: Vec<Stretch>,
    /// How long it watched and frames came, in all (full or with drops).
    pub watched: Span,
}

/// A stretch of coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
    /// How well.
    pub quality: Quality,
}

/// What is usual in one hour: bytes both ways, of the same hour in past weeks that was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HabitHour {
    /// The hour that it stands beside.
    pub hour: i64,
    /// How many weeks it was learned from; 0: nothing is known, and the figures are 0.
    pub weeks: u32,
    /// Lower quartile, bytes.
    pub low: u64,
    /// Median, bytes.
    pub median: u64,
    /// Upper quartile, bytes.
    pub high: u64,
}

/// An hour counts for the habit when at least this much of it was watched.
const WATCHED_ENOUGH: Span = Span::minutes(54);
const HOUR: Span = Span::hours(1);
/// Hours of a week.
const WEEK: i64 = 168;
/// The most stretches that are read of all sensors.
const MOST_STRETCHES: i64 = 20_000;

impl Store {
    /// Everything for the front page.
    ///
    /// Where the proof reaches one zone, everything is that zone's: its assets, findings about them, deeds on them, and the sum of
    /// their traffic. Coverage is that of the sensors either way.
    pub async fn today(&self, proof: &Authorised<ViewToday>, now: Time) -> Result<TodayFacts> {
        self.today_as_of(proof, now, now).await
    }

    /// The same where what was seen ends before now (old capture files): the network is told as of `now`, what people did as of `clock`.
    pub async fn today_as_of(&self, proof: &Authorised<ViewToday>, now: Time, clock: Time) -> Result<TodayFacts> {
        self.guard(proof)?;
        let zone = proof.zone();
        let mut conn = self.read().await?;
        let since = now - Span::days(1);
        let [assets, assets_seen, assets_unregistered, assets_unwanted] = asset_counts(&mut conn, zone, since).await?;
        let counts = findings::counts(&mut conn, zone).await?;
        let (changes, changes_total, discovered) = changes(&mut conn, zone, [(since, now), (clock - Span::days(1), clock)]).await?;
        let this = now.hour();
        let week = traffic(&mut conn, zone, this - 167, this + 1).await?;
        let habit = habit(&mut conn, zone.map_or(Of::Site, Of::Zone), this - 23, this + 1).await?;
        Ok(TodayFacts {
            now,
            assets,
            assets_seen,
            assets_unregistered,
            assets_unwanted,
            open: counts.open,
            acknowledged: counts.by_status.get(&FindingStatus::Acknowledged).copied().unwrap_or(0),
            changes,
            changes_total,
            discovered,
            coverage: coverage(&mut conn, since, now).await?,
            day: week.iter().skip(week.len().saturating_sub(24)).copied().collect(),
            week,
            habit,
        })
    }

    /// What is usual for one asset in `from` ≤ hour < `to` (at most a week): the same hour in past weeks since it was seen first.
    pub async fn asset_habit(&self, proof: &Authorised<ViewAssets>, id: AssetId, from: i64, to: i64) -> Result<Vec<HabitHour>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let id = resolve(&mut conn, id, proof.zone()).await?;
        let row = conn.row("SELECT first_seen FROM assets WHERE id = $1", v![id]).await?;
        let first = match row {
            Some(row) => row.opt_time(0)?,
            None => None,
        };
        habit(&mut conn, Of::Asset(id, first.map_or(i64::MAX, Time::hour)), from, to.min(from + WEEK)).await
    }

    /// How each sensor watched between two times.
    pub async fn coverage(&self, proof: &Authorised<ViewToday>, from: Time, to: Time) -> Result<Vec<SensorCoverage>> {
        self.guard(proof)?;
        coverage(&mut self.read().await?, from, to).await
    }
}

async fn asset_counts(conn: &mut Conn, zone: Option<ZoneId>, since: Time) -> Result<[u64; 4]> {
    let row = conn
        .row(
            "SELECT COALESCE(SUM(CASE WHEN state <> 'retired' THEN 1 ELSE 0 END), 0), \
             COALESCE(SUM(CASE WHEN state <> 'retired' AND last_seen >= $1 THEN 1 ELSE 0 END), 0), \
             COALESCE(SUM(CASE WHEN state = 'discovered' THEN 1 ELSE 0 END), 0), \
             COALESCE(SUM(CASE WHEN state IN ('denied', 'retired') AND last_seen >= $1 THEN 1 ELSE 0 END), 0) \
             FROM assets WHERE merged_into IS NULL AND ($2 = '' OR zone_now = $2)",
            v![since, zone.map(|z| z.to_string()).unwrap_or_default()],
        )
        .await?;
    let Some(row) = row else { return Ok([0; 4]) };
    Ok([row.count(0)?, row.count(1)?, row.count(2)?, row.count(3)?])
}

/// The newest changes of three kinds, each asked for as many as the page takes, then put in order.
async fn changes(conn: &mut Conn, zone: Option<ZoneId>, [seen, done]: [(Time, Time); 2]) -> Result<(Vec<Change>, u64, u64)> {
    let zone = zone.map(|z| z.to_string()).unwrap_or_default();
    let mut out = Vec::new();
    let mut total = 0u64;

    let discovered = "FROM assets WHERE merged_into IS NULL AND because_seq IS NOT NULL AND first_seen >= $1 AND first_seen <= $2 \
                      AND ($3 = '' OR zone_now = $3)";
    let values = || v![seen.0, seen.1, &zone];
    let devices = conn.number_built(format!("SELECT COUNT(*) {discovered}"), values()).await?.unsigned_abs();
    total += devices;
    let sql = format!("SELECT id, label, state, first_seen {discovered} ORDER BY first_seen DESC, id LIMIT {MOST_CHANGES}");
    for row in conn.rows_built(sql, values()).await? {
        let what = Changed::Discovered { asset: row.parsed(0)?, label: row.text(1)?, state: row.named(2, AssetState::from_name)? };
        out.push(Change { at: row.time(3)?, what });
    }

    let handled = "FROM finding_history h JOIN findings f ON f.id = h.finding \
                   WHERE (h.at >= $1 AND h.at <= $2 OR h.at >= $4 AND h.at <= $5) AND ($3 = '' OR EXISTS (SELECT 1 FROM assets a WHERE a.id = f.asset AND a.zone_now = $3))";
    let values = || v![seen.0, seen.1, &zone, done.0, done.1];
    total += conn.number_built(format!("SELECT COUNT(*) {handled}"), values()).await?.unsigned_abs();
    let sql = format!(
        "SELECT f.id, f.rule, f.severity, h.before, h.after, h.who, h.at {handled} ORDER BY h.at DESC, h.finding, h.place DESC LIMIT {MOST_CHANGES}"
    );
    for row in conn.rows_built(sql, values()).await? {
        let what = Changed::Finding {
            finding: row.parsed(0)?,
            rule: row.text(1)?,
            severity: severity_of(&row, 2)?,
            from: if row.opt_int(3)?.is_some() { Some(status_of(&row, 3)?) } else { None },
            to: status_of(&row, 4)?,
            who: row.text(5)?,
        };
        out.push(Change { at: row.time(6)?, what });
    }

    let deeds = "FROM lately l LEFT JOIN assets a ON a.id = l.asset WHERE l.at >= $1 AND l.at <= $2 AND ($3 = '' OR a.zone_now = $3)";
    let values = || v![done.0, done.1, &zone];
    total += conn.number_built(format!("SELECT COUNT(*) {deeds}"), values()).await?.unsigned_abs();
    let sql = format!("SELECT l.who, l.deed, COALESCE(a.label, ''), l.at {deeds} ORDER BY l.at DESC, l.number DESC LIMIT {MOST_CHANGES}");
    for row in conn.rows_built(sql, values()).await? {
        let deed: Deed = row.json(1)?;
        out.push(Change { at: row.time(3)?, what: Changed::Deed { who: row.text(0)?, deed, label: row.text(2)? } });
    }

    // Stable: of equal times, what came first above stays first.
    out.sort_by_key(|c| std::cmp::Reverse(c.at));
    Ok((out, total, devices))
}

async fn coverage(conn: &mut Conn, from: Time, to: Time) -> Result<Vec<SensorCoverage>> {
    let mut out: BTreeMap<SourceId, SensorCoverage> = BTreeMap::new();
    for s in sensors::all(conn).await? {
        out.insert(s.id, SensorCoverage { sensor: s.id, name: s.shown, stretches: Vec::new(), watched: Span::ZERO });
    }
    for (sensor, stretch) in stretches(conn, from, to).await? {
        let entry = out.entry(sensor).or_insert_with(|| SensorCoverage {
            sensor,
            name: format!("{}", sensor.0),
            stretches: Vec::new(),
            watched: Span::ZERO,
        });
        if matches!(stretch.quality, Quality::Full | Quality::Drops) {
            entry.watched = Span(entry.watched.0.saturating_add(stretch.to.since(stretch.from).0));
        }
        entry.stretches.push(stretch);
    }
    Ok(out.into_values().collect())
}

/// Stretches by sensor and time, cut to what was asked.
async fn stretches(conn: &mut Conn, from: Time, to: Time) -> Result<Vec<(SourceId, Stretch)>> {
    let rows = conn
        .rows(
            "SELECT sensor, from_at, to_at, quality FROM coverage WHERE to_at > $1 AND from_at < $2 ORDER BY sensor, from_at LIMIT $3",
            v![from, to, MOST_STRETCHES],
        )
        .await?;
    let mut out: Vec<(SourceId, Stretch)> = Vec::with_capacity(rows.len());
    for row in rows {
        let sensor = SourceId(u16::try_from(row.int(0)?).map_err(|_| row.damaged("a sensor's number is out of range"))?);
        let stretch = Stretch { from: row.time(1)?.max(from), to: row.time(2)?.min(to), quality: row.named(3, quality_of)? };
        // Where stretches overlap (a file read twice), the time counts once.
        let after = out.last().filter(|(s, _)| *s == sensor).map_or(stretch.from, |(_, before)| before.to.max(stretch.from));
        if after < stretch.to {
            out.push((sensor, Stretch { from: after, ..stretch }));
        }
    }
    Ok(out)
}

/// Traffic of `from` ≤ hour < `to`, without gaps.
async fn traffic(conn: &mut Conn, zone: Option<ZoneId>, from: i64, to: i64) -> Result<Vec<AssetHour>> {
    let rows = match zone {
        None => {
            conn.rows(
                "SELECT hour, packets_out, packets_in, bytes_out, bytes_in FROM site_hours WHERE hour >= $1 AND hour < $2",
                v![from, to],
            )
            .await?
        }
        Some(zone) => {
            conn.rows(
                "SELECT hour, packets_out, packets_in, bytes_out, bytes_in FROM zone_hours WHERE zone = $1 AND hour >= $2 AND hour < $3",
                v![zone, from, to],
            )
            .await?
        }
    };
    let known = rows.iter().map(hour).map(|h| h.map(|h| (h.hour, h))).collect::<Result<HashMap<_, _>>>()?;
    Ok((from..to).map(|h| known.get(&h).copied().unwrap_or(AssetHour { hour: h, ..AssetHour::default() })).collect())
}

/// Whose habit is asked for.
#[derive(Clone, Copy)]
enum Of {
    /// All of the site.
    Site,
    /// The sum of a zone's assets.
    Zone(ZoneId),
    /// One asset, which was seen first in this hour.
    Asset(AssetId, i64),
}

/// What is usual: the same hour of the week in past weeks, as far as it was watched. An hour that was watched and silent counts as
/// zero; an hour that was not watched says nothing.
async fn habit(conn: &mut Conn, of: Of, from: i64, to: i64) -> Result<Vec<HabitHour>> {
    let since = if let Of::Asset(_, first) = of { first } else { i64::MIN };
    let hours: Vec<i64> = (1..=HABIT_WEEKS).flat_map(|w| (from - w * WEEK)..(to - w * WEEK)).collect();
    let mut bytes: HashMap<i64, u64> = HashMap::new();
    let mut watched: HashMap<i64, i64> = HashMap::new();
    for w in 1..=HABIT_WEEKS {
        let (a, b) = (from - w * WEEK, to - w * WEEK);
        let start = |h: i64| Time::from_unix(h.saturating_mul(3600), 0);
        for (_, s) in stretches(conn, start(a), start(b)).await? {
            if !matches!(s.quality, Quality::Full | Quality::Drops) {
                continue;
            }
            for h in s.from.hour().max(a)..=s.to.hour().min(b - 1) {
                let part = s.to.min(start(h) + HOUR).since(s.from.max(start(h)));
                // Two sensors that each watched half an hour watched different halves or not: taken as different, at most an hour.
                let best = watched.entry(h).or_default();
                *best = (*best).saturating_add(part.0.max(0)).min(HOUR.0);
            }
        }
    }
    for chunk in hours.chunks(200) {
        let sql = match of {
            Of::Site => format!("SELECT hour, bytes_out + bytes_in FROM site_hours WHERE hour IN ({})", marks(1, chunk.len())),
            Of::Asset(..) => format!(
                "SELECT hour, bytes_out + bytes_in FROM asset_hours WHERE hour IN ({}) AND asset = ${}",
                marks(1, chunk.len()),
                chunk.len() + 1
            ),
            Of::Zone(_) => format!(
                "SELECT hour, bytes_out + bytes_in FROM zone_hours WHERE hour IN ({}) AND zone = ${}",
                marks(1, chunk.len()),
                chunk.len() + 1
            ),
        };
        let mut values: Vec<V> = chunk.iter().map(|h| (*h).into()).collect();
        match of {
            Of::Site => {}
            Of::Zone(zone) => values.push(zone.into()),
            Of::Asset(asset, _) => values.push(asset.into()),
        }
        for row in conn.rows_built(sql, values).await? {
            bytes.insert(row.int(0)?, row.count(1)?);
        }
    }
    Ok((from..to)
        .map(|h| {
            let mut past: Vec<u64> = (1..=HABIT_WEEKS)
                .map(|w| h - w * WEEK)
                .filter(|p| *p > since)
                .filter(|p| watched.get(p).is_some_and(|t| *t >= WATCHED_ENOUGH.0))
                .map(|p| bytes.get(&p).copied().unwrap_or(0))
                .collect();
            past.sort_unstable();
            HabitHour { hour: h, weeks: past.len() as u32, low: quantile(&past, 1), median: quantile(&past, 2), high: quantile(&past, 3) }
        })
        .collect())
}

/// The quarter-th quartile of sorted values, between neighbours by straight line (type 7 of Hyndman and Fan, 1996).
fn quantile(sorted: &[u64], quarter: u64) -> u64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0 };
    let place = last as u64 * quarter;
    let (at, part) = ((place / 4) as usize, place % 4);
    let here = sorted.get(at).copied().unwrap_or(0);
    let next = sorted.get(at + 1).copied().unwrap_or(here);
    // Differences, not products of large values: bytes of an hour times three may not fit otherwise.
    here.saturating_add(((u128::from(next - here) * u128::from(part)) / 4) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles() {
        assert_eq!([1, 2, 3].map(|q| quantile(&[], q)), [0, 0, 0]);
        assert_eq!([1, 2, 3].map(|q| quantile(&[7], q)), [7, 7, 7]);
        assert_eq!([1, 2, 3].map(|q| quantile(&[0, 4], q)), [1, 2, 3]);
        assert_eq!([1, 2, 3].map(|q| quantile(&[1, 2, 3, 4, 100], q)), [2, 3, 4]);
        assert_eq!(quantile(&[0, u64::MAX], 3), u64::MAX / 4 * 3 + 2);
    }
}
