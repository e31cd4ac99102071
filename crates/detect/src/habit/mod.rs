//! What is usual for a device: its bytes per hour and whether it speaks at all ([`book`]); short silences of what speaks steadily
//! ([`steady`]); links and zones ([`volume`]). Hours are told apart by the company's calendar (`model::calendar`).
//!
//! Only hours that its sensor watched whole and without loss teach or accuse (decisions, Coverage).

mod book;
mod steady;
mod volume;

pub use book::robust;

use crate::gather::{Gather, Moment, Settings, Spark};
use crate::identity::{Identity, Known};
use crate::site::{Site, Watched};
use crate::{Cx, Effect};
use book::{Book, Verdict};
use model::asset::{HourDelta, Party, PeerDelta};
use model::coverage::{Health, Quality};
use model::{AssetId, Fact, Flow, SourceId, Span, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An hour is closed this long after it ended, since long conversations are told in parts.
const GRACE: Span = Span::minutes(10);
/// Hours that are closed at once; a clock that leaps further leaves hours that nobody watched.
const MAX_LEAP: i64 = 48;
/// Consecutive hours of silence that are not learned as usual: two weeks.
const PATIENCE: u32 = 14 * 24;
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Habit {
    book: Book,
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
    steady: steady::Steady,
    volumes: volume::Volumes,
}

/// What the end of an hour, or the passing of time, is judged with.
pub struct Turn<'a> {
    pub identity: &'a Identity,
    pub site: &'a Site,
    pub watched: &'a Watched,
    pub rule: &'a Settings,
    pub volume_rule: &'a Settings,
    pub zone: &'a jiff::tz::TimeZone,
    pub now: Moment,
    pub gather: &'a mut Gather,
    pub limit: usize,
    pub out: &'a mut Vec<Effect>,
}

/// Counts a part of a conversation to both ends. Each end is counted where its own network card sends or receives, so that a
/// conversation which crosses a router between two watched segments counts once for each.
pub fn roll_up(habits: &mut Habits, identity: &Identity, site: &Site, f: &Flow, cx: &mut Cx<'_>) {
    let (client, server) = (identity.end(f.segment, &f.client), identity.end(f.segment, &f.server));
    habits.volumes.flow(f, client.map(|e| e.party), server.map(|e| e.party), site, identity);
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
        self.volumes.covered(h);
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

    /// Assets were heard in this event.
    pub fn spoke(&mut self, identity: &Identity, heard: &[AssetId]) {
        for a in heard.iter().filter_map(|id| identity.get(*id)) {
            self.steady.heard(a);
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
        self.steady.clock_back(at);
        self.volumes.clock_back();
        self.silent.clear();
        for h in self.habits.values_mut() {
            h.silent = None;
        }
    }

    /// Closes the hours that are over, and looks for short silences.
    pub fn close_hours(&mut self, turn: &mut Turn<'_>) {
        self.hush(turn);
        let current = (turn.now.at - GRACE).hour();
        let mut hour = self.next.unwrap_or(current);
        if current - hour > MAX_LEAP {
            hour = current - MAX_LEAP;
        }
        while hour < current {
            self.close(hour, turn);
            hour += 1;
        }
        self.next = Some(hour.max(self.next.unwrap_or(hour)));
        self.open = self.open.split_off(&hour);
        self.watched = self.watched.split_off(&(hour - 1));
        if self.habits.len() > turn.identity.len() {
            self.habits.retain(|id, _| turn.identity.get(*id).is_some());
            self.silent.retain(|id| turn.identity.get(*id).is_some());
        }
        self.steady.retain(turn.identity);
    }

    /// Silences of devices that speak steadily.
    fn hush(&mut self, turn: &mut Turn<'_>) {
        if !turn.rule.on() {
            return;
        }
        for s in self.steady.silences(turn.identity, turn.site, turn.watched, turn.zone, turn.rule, turn.now.at) {
            let Some(a) = turn.identity.get(s.asset).filter(|a| judged(a)) else { continue };
            let Some(habit) = self.habits.get_mut(&s.asset).filter(|h| h.silent.is_none()) else { continue };
            habit.silent = Some(a.last);
            self.silent.insert(a.id);
            let v = Verdict { kind: "silent", basis: "steady", bytes: 0, usual: 0, percent: 0, samples: s.days };
            let when = if turn.site.is_control_asset(a) { "control" } else { "silent" };
            let found = spark(a.id, &v, turn.rule, when, turn.now.at.hour(), s.since, habit.book.since);
            turn.gather.raise(turn.rule, found, turn.now, turn.limit, turn.out);
        }
    }

    fn close(&mut self, hour: i64, turn: &mut Turn<'_>) {
        let (identity, rule, now) = (turn.identity, turn.rule, turn.now);
        let empty = BTreeMap::new();
        let watched = self.watched.get(&hour).unwrap_or(&empty).clone();
        let full = |sensor: SourceId, rule: &Settings| {
            let enough = rule.number("watched_pct").clamp(1, 100).saturating_mul(36_000_000_000);
            watched.get(&sensor).is_some_and(|n| *n >= enough)
        };
        let volumes = self.open.remove(&hour).unwrap_or_default();
        let slot = turn.site.slot(hour, turn.zone);
        let whole = !watched.is_empty() && watched.keys().all(|s| full(*s, turn.volume_rule));
        if turn.volume_rule.on() {
            for s in self.volumes.close(hour, slot, turn.site, turn.volume_rule, |s| full(s, turn.volume_rule), whole) {
                turn.gather.raise(turn.volume_rule, s, now, turn.limit, turn.out);
            }
        }
        for a in identity.sorted() {
            // The hour in which it came is half an hour for it.
            if !full(a.segment.sensor, rule) || !judged(a) || a.first.hour() >= hour || !rule.on() {
                continue;
            }
            let start = Time::from_unix(hour.saturating_mul(3600), 0);
            let bytes = volumes.get(&a.id).copied().unwrap_or(0);
            let habit = self.habits.entry(a.id).or_insert_with(|| Habit { book: Book::new(hour), ..Habit::default() });
            if habit.silent.is_none() {
                self.steady.close(a, hour, slot, rule);
            }
            let still_there = a.last.hour() > hour;
            let verdict = habit.book.judge(turn.site, slot, bytes, rule);
            let mut learn = true;
            if let Some(v) = &verdict {
                let control = turn.site.is_control_asset(a);
                match v.kind {
                    // Heard since, by ARP for instance: not silent.
                    "silent" if a.last >= start => {}
                    "silent" => {
                        habit.silent_hours += 1;
                        learn = habit.silent_hours > PATIENCE;
                        if habit.silent.is_none() && !still_there {
                            habit.silent = Some(a.last);
                            self.silent.insert(a.id);
                            let s = spark(a.id, v, rule, if control { "control" } else { "silent" }, hour, a.last, habit.book.since);
                            turn.gather.raise(rule, s, now, turn.limit, turn.out);
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
                        let s = spark(a.id, v, rule, when, hour, a.last, habit.book.since);
                        turn.gather.raise(rule, s, now, turn.limit, turn.out);
                    }
                }
            }
            if learn {
                habit.book.learn(slot, bytes);
            }
        }
    }
}

/// Whether habits speak of it: it was heard, keeps its address, and people expect it to be there.
fn judged(a: &Known) -> bool {
    a.seen && !a.random && matches!(a.state, model::AssetState::Discovered | model::AssetState::Registered)
}

fn key(id: AssetId, kind: &str) -> String {
    format!("habit/{id}/{kind}")
}

fn spark(id: AssetId, v: &Verdict, rule: &Settings, when: &str, hour: i64, since: Time, learned: i64) -> Spark {
    let s = Spark::new(key(id, v.kind), rule.severity(when), v.kind).fact("device", Fact::Asset(id));
    let mut s = v.told(s, hour, learned).fact("since", Fact::Time(since));
    s.asset = Some(id);
    s
}
