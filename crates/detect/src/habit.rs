//! What is usual for a device: its bytes per hour, by hour of the week in the site's time zone, and whether it speaks at all.
//!
//! Only hours that its sensor watched whole and without loss teach or accuse (decisions, Coverage). Of each hour of the week
//! the last six are kept as logarithms; usual is the median, and the spread is the median absolute deviation (scaled to a
//! standard deviation by 1.4826, and at least a quarter in the logarithm, so that a device that moves exactly the same every
//! week is not accused over a tenth). Until there are enough weeks, the same hour of the other days of the same sort (Monday
//! to Friday, Saturday and Sunday) stands in, and the finding says so.

use crate::gather::{Gather, Moment, Settings, Spark};
use crate::identity::Identity;
use crate::{Cx, Effect};
use model::asset::{HourDelta, Party, PeerDelta};
use model::coverage::{Health, Quality};
use model::{AssetId, Fact, Flow, SourceId, Span, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Samples per hour of the week.
const WEEKS: usize = 6;
/// An hour is closed this long after it ended, since long conversations are told in parts.
const GRACE: Span = Span::minutes(10);
/// Hours that are closed at once; a clock that leaps further leaves hours that nobody watched.
const MAX_LEAP: i64 = 48;
/// Consecutive hours of silence that are not learned as usual: two weeks.
const PATIENCE: u32 = 14 * 24;
/// Quarter in the natural logarithm, as samples are kept (thousandths).
const SPREAD_MIN: f64 = 250.0;
/// One that moves less than this per hour may be silent without being missed, bytes.
const SPEAKS: u64 = 1024;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Habit {
    /// The first hour that taught something.
    since: i64,
    /// By hour of the week (0 = Monday, 0 o'clock), thousandths of ln(1 + bytes), oldest first.
    slots: BTreeMap<u8, Vec<u16>>,
    /// It is missed since it was heard last at this time.
    silent: Option<Time>,
    silent_hours: u32,
}

/// Volumes, habits and coverage.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Habits {
    /// Bytes by asset of hours that are not closed yet.
    open: BTreeMap<i64, FxHashMap<AssetId, u64>>,
    /// Wholly watched time by hour and sensor, nanoseconds.
    watched: BTreeMap<i64, BTreeMap<SourceId, i64>>,
    habits: FxHashMap<AssetId, Habit>,
    silent: FxHashSet<AssetId>,
    /// The next hour to close.
    next: Option<i64>,
}

/// Counts a part of a conversation to both ends. Each end is counted where its own network card sends or receives, so that a
/// conversation which crosses a router between two watched segments counts once for each.
pub fn roll_up(habits: &mut Habits, identity: &Identity, f: &Flow, cx: &mut Cx<'_>) {
    let (client, server) = (identity.end(f.segment, &f.client), identity.end(f.segment, &f.server));
    let hour = f.last.hour();
    let mut count = |id: AssetId, out: model::flow::Direction, into: model::flow::Direction| {
        let delta =
            HourDelta { asset: id, hour, packets_out: out.packets, packets_in: into.packets, bytes_out: out.bytes, bytes_in: into.bytes };
        cx.out.push(Effect::Hour(delta));
        // What others send to a dead device is not its word.
        habits.add(id, hour, if out.packets > 0 { out.bytes.saturating_add(into.bytes) } else { 0 });
    };
    let own = |e: Option<crate::identity::End>| match e {
        Some(crate::identity::End { party: Party::Asset(id), own: true }) => Some(id),
        _ => None,
    };
    let (c, s) = (own(client), own(server));
    if let Some(id) = c {
        count(id, f.up, f.down);
    }
    if let Some(id) = s.filter(|id| Some(*id) != c) {
        count(id, f.down, f.up);
    }
    // Of two segments on which a conversation is seen, the client's own tells of the pair.
    let (Some(client), Some(server)) = (client, server) else { return };
    let elsewhere = !client.own && matches!(client.party, Party::Asset(_)) && server.own;
    if !elsewhere {
        cx.out.push(Effect::Peer(PeerDelta {
            client: client.party,
            server: server.party,
            protocol: f.protocol,
            port: f.server.port.unwrap_or(0),
            flows: u64::from(f.part == 0),
            bytes: f.up.bytes.saturating_add(f.down.bytes),
            first: f.first,
            last: f.last,
        }));
    }
}

impl Habits {
    fn add(&mut self, id: AssetId, hour: i64, bytes: u64) {
        if self.next.is_some_and(|n| hour < n) {
            return;
        }
        if self.open.len() >= MAX_LEAP as usize && !self.open.contains_key(&hour) {
            return;
        }
        let b = self.open.entry(hour).or_default().entry(id).or_default();
        *b = b.saturating_add(bytes);
    }

    /// A stretch of time as a sensor watched it.
    pub fn covered(&mut self, h: &Health) {
        if h.quality != Quality::Full || h.to <= h.from {
            return;
        }
        let first = h.from.hour().max(h.to.hour() - MAX_LEAP);
        for hour in first..=h.to.hour() {
            let start = h.from.0.max(hour.saturating_mul(3_600_000_000_000));
            let end = h.to.0.min(hour.saturating_add(1).saturating_mul(3_600_000_000_000));
            let w = self.watched.entry(hour).or_default().entry(h.sensor).or_default();
            *w = w.saturating_add((end - start).max(0));
        }
        while self.watched.len() > 2 * MAX_LEAP as usize {
            self.watched.pop_first();
        }
    }

    /// Assets that were heard in this event and had been missed.
    pub fn heard(&mut self, identity: &mut Identity, rule: &Settings, now: Moment, gather: &mut Gather, out: &mut Vec<Effect>) {
        if self.silent.is_empty() {
            return;
        }
        let mut back: Vec<AssetId> = self
            .silent
            .iter()
            .filter(|id| {
                let since = self.habits.get(id).and_then(|h| h.silent);
                identity.get(**id).is_none_or(|a| since.is_none_or(|s| a.last > s))
            })
            .copied()
            .collect();
        back.sort_unstable();
        for id in back {
            self.silent.remove(&id);
            if let Some(h) = self.habits.get_mut(&id) {
                h.silent = None;
                h.silent_hours = 0;
            }
            gather.cease(rule, &key(id, "silent"), now, out);
        }
    }

    /// The clock went back for good: open hours mean nothing.
    pub fn clock_back(&mut self, at: Time) {
        self.open.clear();
        self.watched.clear();
        self.next = Some(at.hour());
        self.silent.clear();
        for h in self.habits.values_mut() {
            h.silent = None;
        }
    }

    /// Closes the hours that are over.
    #[allow(clippy::too_many_arguments)]
    pub fn close_hours(
        &mut self,
        identity: &Identity,
        rule: &Settings,
        zone: &jiff::tz::TimeZone,
        now: Moment,
        gather: &mut Gather,
        limit: usize,
        out: &mut Vec<Effect>,
    ) {
        let current = (now.at - GRACE).hour();
        let mut hour = self.next.unwrap_or(current);
        if current - hour > MAX_LEAP {
            hour = current - MAX_LEAP;
        }
        while hour < current {
            self.close(hour, identity, rule, zone, now, gather, limit, out);
            hour += 1;
        }
        self.next = Some(hour.max(self.next.unwrap_or(hour)));
        self.open = self.open.split_off(&hour);
        self.watched = self.watched.split_off(&(hour - 1));
        if self.habits.len() > identity.len() {
            self.habits.retain(|id, _| identity.get(*id).is_some());
            self.silent.retain(|id| identity.get(*id).is_some());
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn close(
        &mut self,
        hour: i64,
        identity: &Identity,
        rule: &Settings,
        zone: &jiff::tz::TimeZone,
        now: Moment,
        gather: &mut Gather,
        limit: usize,
        out: &mut Vec<Effect>,
    ) {
        let enough = rule.number("watched_pct").clamp(1, 100).saturating_mul(36_000_000_000);
        let empty = BTreeMap::new();
        let watched = self.watched.get(&hour).unwrap_or(&empty).clone();
        let volumes = self.open.remove(&hour).unwrap_or_default();
        let slot = slot_of(hour, zone);
        for a in identity.sorted() {
            let full = watched.get(&a.segment.sensor).is_some_and(|n| *n >= enough);
            // The hour in which it came is half an hour for it.
            if !full || !a.seen || a.random || a.first.hour() >= hour || !rule.on() {
                continue;
            }
            if !matches!(a.state, model::AssetState::Discovered | model::AssetState::Registered) {
                continue;
            }
            let start = Time::from_unix(hour.saturating_mul(3600), 0);
            let bytes = volumes.get(&a.id).copied().unwrap_or(0);
            let habit = self.habits.entry(a.id).or_insert_with(|| Habit { since: hour, ..Habit::default() });
            let still_there = a.last.hour() > hour;
            let verdict = judge(habit, slot, bytes, rule);
            let mut learn = true;
            if let Some(v) = &verdict {
                let control = a.control;
                match v.kind {
                    // Heard since, by ARP for instance: not silent.
                    "silent" if a.last >= start => {}
                    "silent" => {
                        habit.silent_hours += 1;
                        learn = habit.silent_hours > PATIENCE;
                        if habit.silent.is_none() && !still_there {
                            habit.silent = Some(a.last);
                            self.silent.insert(a.id);
                            let s = spark(a.id, v, rule, if control { "control" } else { "silent" }, hour, a.last, habit.since);
                            gather.raise(rule, s, now, limit, out);
                        }
                    }
                    kind => {
                        let extreme = v.percent >= 10_000;
                        let when = if control {
                            "control"
                        } else if extreme {
                            "extreme"
                        } else {
                            kind
                        };
                        let s = spark(a.id, v, rule, when, hour, a.last, habit.since);
                        gather.raise(rule, s, now, limit, out);
                    }
                }
            }
            if learn {
                let samples = habit.slots.entry(slot).or_default();
                samples.push(packed(bytes));
                if samples.len() > WEEKS {
                    samples.remove(0);
                }
            }
        }
    }
}

struct Verdict {
    kind: &'static str,
    basis: &'static str,
    bytes: u64,
    usual: u64,
    percent: u32,
    samples: u64,
}

/// Thousandths of ln(1 + bytes): 44,362 for the largest number.
fn packed(bytes: u64) -> u16 {
    (((bytes as f64).ln_1p()) * 1000.0).round().min(65_535.0) as u16
}
fn unpacked(v: f64) -> u64 {
    (v / 1000.0).exp_m1().round().max(0.0) as u64
}

fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
    if n.is_multiple_of(2) { f64::midpoint(at((n / 2).saturating_sub(1)), at(n / 2)) } else { at(n / 2) }
}

/// Hour of the week, Monday 0 o'clock = 0.
fn slot_of(hour: i64, zone: &jiff::tz::TimeZone) -> u8 {
    let Ok(ts) = jiff::Timestamp::from_second(hour.saturating_mul(3600)) else { return 0 };
    let z = ts.to_zoned(zone.clone());
    (z.weekday().to_monday_zero_offset() as u8).saturating_mul(24).saturating_add(z.hour() as u8).min(167)
}

fn judge(habit: &Habit, slot: u8, bytes: u64, rule: &Settings) -> Option<Verdict> {
    let week: Vec<u16> = habit.slots.get(&slot).cloned().unwrap_or_default();
    let (samples, basis) = if week.len() >= rule.count("weeks_min") {
        (week, "week")
    } else {
        let weekend = slot >= 120;
        let days: Vec<u16> = (0..7u8)
            .map(|d| d * 24 + slot % 24)
            .filter(|s| (*s >= 120) == weekend)
            .filter_map(|s| habit.slots.get(&s))
            .flatten()
            .copied()
            .collect();
        if days.len() < rule.count("days_min") {
            return None;
        }
        (days, "day")
    };
    let mut sorted: Vec<f64> = samples.iter().map(|s| f64::from(*s)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let usual = median(&sorted);
    let mut away: Vec<f64> = sorted.iter().map(|s| (s - usual).abs()).collect();
    away.sort_unstable_by(f64::total_cmp);
    let spread = (median(&away) * 1.4826).max(SPREAD_MIN);
    let usual_bytes = unpacked(usual);
    let percent = if usual_bytes == 0 { u32::MAX } else { (bytes as f64 / usual_bytes as f64 * 100.0).round().min(4e9) as u32 };
    let verdict = |kind| Some(Verdict { kind, basis, bytes, usual: usual_bytes, percent, samples: samples.len() as u64 });
    if bytes == 0 {
        return if samples.iter().all(|s| *s > 0) && usual_bytes >= SPEAKS { verdict("silent") } else { None };
    }
    let deviations = (f64::from(packed(bytes)) - usual) / spread;
    let limit = rule.number("deviations") as f64;
    let factor = rule.number("factor") as f64;
    let floor = |name: &str| rule.number(name).unsigned_abs().saturating_mul(1024);
    if deviations > limit && bytes as f64 > usual_bytes as f64 * factor && bytes >= floor("above_floor_kib") {
        return verdict("above");
    }
    if deviations < -limit && (bytes as f64) * factor < usual_bytes as f64 && usual_bytes >= floor("below_floor_kib") {
        // It must be below all that was seen, or a device with two modes would be accused each time.
        let least = sorted.first().copied().unwrap_or(0.0);
        return if f64::from(packed(bytes)) < least { verdict("below") } else { None };
    }
    None
}

fn key(id: AssetId, kind: &str) -> String {
    format!("habit/{id}/{kind}")
}

fn spark(id: AssetId, v: &Verdict, rule: &Settings, when: &str, hour: i64, since: Time, learned: i64) -> Spark {
    let mut s = Spark::new(key(id, v.kind), rule.severity(when), v.kind)
        .fact("device", Fact::Asset(id))
        .fact("bytes", Fact::Bytes(v.bytes))
        .fact("usual", Fact::Bytes(v.usual))
        .fact("percent", Fact::Percent(v.percent))
        .fact("samples", Fact::Count(v.samples))
        .text("basis", v.basis)
        .fact("learned", Fact::Span(Span::hours(hour.saturating_sub(learned))))
        .fact("hour", Fact::Time(Time::from_unix(hour.saturating_mul(3600), 0)))
        .fact("since", Fact::Time(since));
    s.asset = Some(id);
    s
}
