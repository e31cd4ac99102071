//! Short silences of devices that speak steadily: a controller that is polled every second and says nothing for a quarter of an hour
//! is told then, not ten minutes after the end of an hour.
//!
//! Of each device the longest pause in each hour is known. Where the same hour had no pause longer than
//! `steady_gap_s` on `steady_days` watched days in a row, the last day of this kind among them, a pause of `silent_s`, and at least twice the longest known one, is a silence.
//! Control equipment may be steady only at some hours (a line that stands still at night); others must be steady round the clock, or
//! a computer whose person went home early would be accused. Pauses in which the sensor did not watch are none.

use crate::gather::Settings;
use crate::identity::{Identity, Known};
use crate::site::{Site, Slot, Watched};
use jiff::tz::TimeZone;
use model::calendar::DayKind;
use model::{AssetId, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Hours that are open at the same time: the one that runs, the one that waits to be closed, one for clocks that differ.
const OPEN: usize = 3;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Pauses {
    /// When it was heard last.
    last: Time,
    /// Longest pause that ended in an hour, seconds.
    open: Vec<(i64, u16)>,
    /// By kind of day × 24 + hour: watched days in a row without a long pause, and the longest pause in them in seconds.
    slots: BTreeMap<u8, (u8, u16)>,
}

/// Pauses of every device.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Steady {
    pauses: FxHashMap<AssetId, Pauses>,
    looked: Option<Time>,
}

/// A silence that is not waited out.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    pub asset: AssetId,
    pub since: Time,
    pub days: u64,
}

fn place(slot: Slot) -> u8 {
    let kind = match slot.kind {
        DayKind::Off => 0,
        DayKind::Work => 1,
        DayKind::Shift(n) => 1 + n.clamp(1, 6),
    };
    kind * 24 + u8::try_from(slot.index % 24).unwrap_or(0)
}

impl Pauses {
    /// Days and longest pause, where it is steady at a kind of day and hour: the kind itself was steady when last seen, and with the
    /// same hour of days of other kinds there are enough of them.
    fn steady(&self, at: u8, need: usize) -> Option<(u64, u16)> {
        self.slots.get(&at).filter(|(days, _)| *days > 0)?;
        let alike = (0..8u8).filter_map(|kind| self.slots.get(&(kind * 24 + at % 24)));
        let (days, longest) = alike.fold((0u64, 0u16), |(d, l), (days, longest)| (d + u64::from(*days), l.max(*longest)));
        (days >= need as u64).then_some((days, longest))
    }
}

impl Steady {
    /// A device was heard.
    pub fn heard(&mut self, a: &Known) {
        let hour = a.last.hour();
        let p = self.pauses.entry(a.id).or_insert_with(|| Pauses { last: a.last, ..Pauses::default() });
        let pause = u16::try_from(a.last.since(p.last).as_seconds().clamp(0, 3600)).unwrap_or(3600);
        p.last = a.last;
        match p.open.iter_mut().find(|(h, _)| *h == hour) {
            Some((_, longest)) => *longest = (*longest).max(pause),
            None => {
                if p.open.len() >= OPEN {
                    p.open.remove(0);
                }
                p.open.push((hour, pause));
            }
        }
    }

    /// A fully watched hour is over.
    pub fn close(&mut self, a: &Known, hour: i64, slot: Slot, rule: &Settings) {
        let Some(p) = self.pauses.get_mut(&a.id) else { return };
        let longest = p.open.iter().find(|(h, _)| *h == hour).map_or(3600, |(_, l)| *l);
        p.open.retain(|(h, _)| *h > hour);
        let known = p.slots.entry(place(slot)).or_default();
        if i64::from(longest) <= rule.number("steady_gap_s") {
            *known = (known.0.saturating_add(1), known.1.max(longest));
        } else {
            *known = (0, 0);
        }
    }

    /// Devices that have just been silent for too long, looked for once a minute.
    pub fn silences(
        &mut self,
        identity: &Identity,
        site: &Site,
        watched: &Watched,
        zone: &TimeZone,
        rule: &Settings,
        now: Time,
    ) -> Vec<Silence> {
        if self.looked.is_some_and(|l| now >= l && now < l + Span::minutes(1)) {
            return vec![];
        }
        self.looked = Some(now);
        let slot = site.slot(now.hour(), zone);
        let at = place(slot);
        let (need, least) = (rule.count("steady_days"), rule.seconds("silent_s"));
        let mut out = vec![];
        for (id, p) in &self.pauses {
            let Some((days, longest)) = p.steady(at, need) else { continue };
            let Some(a) = identity.get(*id) else { continue };
            let limit = least.max(Span::seconds(i64::from(longest) * 2));
            let Some(until) = watched.until(a.segment.sensor) else { continue };
            // From the last word on without a hole until now, and not a silence that is older than this hour.
            let seen = watched.since(a.segment.sensor).is_some_and(|since| since <= a.last);
            let hour = Time::from_unix(now.hour().saturating_mul(3600), 0);
            if !seen || until.min(now) < a.last + limit || a.last < hour - limit {
                continue;
            }
            let all_day = || (0..24u8).all(|h| p.steady(at / 24 * 24 + h, need).is_some());
            if a.control || a.master || all_day() {
                out.push(Silence { asset: *id, since: a.last, days });
            }
        }
        out.sort_unstable_by_key(|s| s.asset);
        out
    }

    pub fn retain(&mut self, identity: &Identity) {
        if self.pauses.len() > identity.len() {
            self.pauses.retain(|id, _| identity.get(*id).is_some());
        }
    }
    pub fn clock_back(&mut self, at: Time) {
        self.looked = None;
        for p in self.pauses.values_mut() {
            p.open.clear();
            p.last = at;
        }
    }
}
