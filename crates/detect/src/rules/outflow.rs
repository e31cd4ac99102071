//! Data that leaves: what a device sent to public addresses in a day, against its own days of the same kind and against a floor.
//!
//! A day is held against the largest of the last days of its kind; with two weeks and more of them the two largest are left aside, so
//! that one monthly backup does not excuse everything. It must also be more than on any of its days. It is judged while it runs, so that a transfer is told when it is large and not at
//! midnight. Only days that the sensor watched for nine tenths teach.

use super::around::Around;
use super::{asset_of, is_control, keyed, shown};
use crate::Cx;
use crate::gather::Spark;
use crate::identity::End;
use crate::site::day_of;
use model::asset::Party;
use model::calendar::DayKind;
use model::net::{is_private, is_unicast};
use model::{AssetId, EventId, Fact, Flow, SourceId, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Days of each kind that are kept.
const DAYS: usize = 28;
/// Destinations of a day that are told apart.
const MOST_TARGETS: usize = 16;
const SAMPLE: usize = 12;
const EVERY: Span = Span::hours(1);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sender {
    day: i64,
    bytes: u64,
    targets: BTreeMap<IpAddr, u64>,
    events: Vec<EventId>,
    /// What was told today.
    told: u64,
    /// The day before with its bytes, until it is closed.
    before: (i64, u64),
    /// By kind of day, KiB, oldest first.
    days: BTreeMap<u8, Vec<u32>>,
}

/// What leaves, by device.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outflows {
    senders: FxHashMap<AssetId, Sender>,
    day: Option<i64>,
    /// Watched time at the beginning of the day.
    began: BTreeMap<SourceId, Span>,
}

fn kind_index(kind: DayKind) -> u8 {
    match kind {
        DayKind::Off => 0,
        DayKind::Work => 1,
        DayKind::Shift(n) => 1 + n,
    }
}

fn kind_of_day(day: i64, around: &Around<'_>) -> u8 {
    let date = i32::try_from(day).ok().and_then(|d| jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(d).ok()?).ok());
    kind_index(date.map_or(DayKind::Work, |d| around.site.calendar.kind(d)))
}

impl Outflows {
    pub fn flow(&mut self, f: &Flow, client: End, server: End, around: &Around<'_>, cx: &mut Cx<'_>) {
        let (inside, far, bytes) = match (client.party, server.party) {
            (Party::Asset(id), Party::Address(ip)) if client.own => (id, ip, f.up.bytes),
            // Fetched from outside is as gone as sent.
            (Party::Address(ip), Party::Asset(id)) if server.own => (id, ip, f.down.bytes),
            _ => return,
        };
        if is_private(far) || !is_unicast(far) {
            return;
        }
        let day = day_of(f.last, around.time_zone);
        let s = self.senders.entry(inside).or_insert_with(|| Sender { day, ..Sender::default() });
        if day != s.day {
            // The day before is closed by time; what came before that was not seen to its end.
            if day < s.day {
                return;
            }
            let before = (s.day, s.bytes);
            *s = Sender { day, before, days: std::mem::take(&mut s.days), ..Sender::default() };
        }
        s.bytes = s.bytes.saturating_add(bytes);
        if s.targets.len() < MOST_TARGETS || s.targets.contains_key(&far) {
            let t = s.targets.entry(far).or_default();
            *t = t.saturating_add(bytes);
        }
        let rules = cx.rules;
        let rule = &rules.traffic.outflow;
        let floor = rule.number("floor_mib").unsigned_abs().saturating_mul(1 << 20);
        if bytes >= 1 << 20 {
            if s.events.len() >= SAMPLE {
                s.events.remove(0);
            }
            s.events.push(cx.now.id);
        }
        // Again only when it has doubled since.
        if s.bytes < floor.max(s.told.saturating_mul(2)) {
            return;
        }
        let need = rule.count("days_min");
        let same = s.days.get(&kind_of_day(day, around)).filter(|d| d.len() >= need);
        let mut past: Vec<u32> = match same {
            Some(days) => days.clone(),
            None => s.days.values().flatten().copied().collect(),
        };
        if past.len() < need {
            return;
        }
        past.sort_unstable();
        let aside = if past.len() >= 14 { 2 } else { 0 };
        let high = past.len().checked_sub(1 + aside).and_then(|i| past.get(i)).copied().unwrap_or(0);
        let usual = past.get(past.len() / 2).copied().unwrap_or(0);
        let high = u64::from(high).saturating_mul(1024);
        // What it sends on a working day it may also send on a Sunday.
        let most = u64::from(s.days.values().flatten().copied().max().unwrap_or(0)).saturating_mul(1024);
        if s.bytes <= high.saturating_mul(rule.number("factor").unsigned_abs()) || s.bytes <= most {
            return;
        }
        s.told = s.bytes;
        let control = is_control(around.identity, cx.site, Party::Asset(inside));
        let mut targets: Vec<(u64, IpAddr)> = s.targets.iter().map(|(ip, b)| (*b, *ip)).collect();
        targets.sort_unstable_by(|a, b| b.cmp(a));
        let when = if control { "control" } else { "large" };
        let mut spark = Spark::new(format!("outflow/{}", keyed(Party::Asset(inside))), rule.severity(when), "large")
            .fact("device", shown(Party::Asset(inside)))
            .fact("bytes", Fact::Bytes(s.bytes))
            .fact("usual", Fact::Bytes(u64::from(usual).saturating_mul(1024)))
            .fact("most", Fact::Bytes(most))
            .fact("days", Fact::Count(past.len() as u64))
            .fact("targets", Fact::List(targets.iter().take(4).map(|(_, ip)| ip.to_string()).collect()))
            .fact("time", Fact::Time(f.last));
        spark.asset = asset_of(Party::Asset(inside));
        spark.every = EVERY;
        spark.events = std::mem::take(&mut s.events);
        cx.raise(rule, spark);
    }

    /// A day is over: it teaches, if it was watched.
    pub fn time(&mut self, now: Time, around: &Around<'_>) {
        // Long conversations are told in parts: a quarter of an hour for the last ones.
        let today = day_of(now - Span::minutes(15), around.time_zone);
        let Some(day) = self.day.filter(|d| *d < today) else {
            if self.day.is_none_or(|d| d > today) {
                self.day = Some(today);
                self.began.clear();
            }
            return;
        };
        let enough = Span::minutes(24 * 60 * 9 / 10);
        let kind = kind_of_day(day, around);
        for a in around.identity.sorted() {
            let sensor = a.segment.sensor;
            let before = self.began.get(&sensor).copied().unwrap_or(Span::ZERO);
            let watched = Span(around.watched.total(sensor).0.saturating_sub(before.0));
            if watched < enough || !a.seen || a.random {
                continue;
            }
            // Who sent nothing that day has learned that too, once it has sent at all.
            let Some(s) = self.senders.get_mut(&a.id) else { continue };
            let sent = match (s.day, s.before) {
                (d, _) if d == day => s.bytes,
                (_, (d, bytes)) if d == day => bytes,
                _ => 0,
            };
            let days = s.days.entry(kind).or_default();
            days.push(u32::try_from(sent / 1024).unwrap_or(u32::MAX));
            if days.len() > DAYS {
                days.remove(0);
            }
        }
        self.day = Some(today);
        self.began = around.watched.sensors().map(|s| (s, around.watched.total(s))).collect();
        if self.senders.len() > around.identity.len() {
            self.senders.retain(|id, _| around.identity.get(*id).is_some());
        }
    }

    pub fn clock_back(&mut self) {
        self.day = None;
        for s in self.senders.values_mut() {
            s.bytes = 0;
            s.told = 0;
            s.targets.clear();
            s.day = i64::MIN;
        }
    }
}
