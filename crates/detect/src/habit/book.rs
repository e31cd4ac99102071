//! What is usual: samples of hours by the kind of their day, and how far a new hour is away from them.
//!
//! Of each hour of each class of day (the weekdays; days off and days worked out of turn; each shift: `model::calendar`) the last six
//! are kept as logarithms; usual is the median, and the spread is the median absolute deviation (scaled to a standard deviation by
//! 1.4826, and at least a quarter in the logarithm, so that what moves exactly the same every week is not accused over a tenth).
//! Until there are enough of them, the same hour of the other days of the same kind (worked, off, that shift) stands in, and the
//! finding says so.

use crate::gather::{Settings, Spark};
use crate::site::{Site, Slot};
use model::{Fact, Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Samples per hour of the week.
const WEEKS: usize = 6;
/// Quarter in the natural logarithm, as samples are kept (thousandths).
const SPREAD_MIN: f64 = 250.0;
/// One that moves less than this per hour may be silent without being missed, bytes.
const SPEAKS: u64 = 1024;

/// The hours of one device, link or zone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// The first hour that taught something.
    pub since: i64,
    /// By slot, thousandths of ln(1 + bytes), oldest first.
    slots: BTreeMap<u16, Vec<u16>>,
}

/// An hour unlike the others.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// `silent`, `above` or `below`.
    pub kind: &'static str,
    /// `week` (same hour of the week, or of the same class of day), `day` (same hour of days of the same kind).
    pub basis: &'static str,
    pub bytes: u64,
    pub usual: u64,
    pub percent: u32,
    pub samples: u64,
}

impl Verdict {
    /// Adds what it rests on to a spark. `hour` counts from 1970; `learned` is the hour in which learning began.
    pub fn told(&self, spark: Spark, hour: i64, learned: i64) -> Spark {
        spark
            .fact("bytes", Fact::Bytes(self.bytes))
            .fact("usual", Fact::Bytes(self.usual))
            .fact("percent", Fact::Percent(self.percent))
            .fact("samples", Fact::Count(self.samples))
            .text("basis", self.basis)
            .fact("learned", Fact::Span(Span::hours(hour.saturating_sub(learned))))
            .fact("hour", Fact::Time(Time::from_unix(hour.saturating_mul(3600), 0)))
    }
}

/// Thousandths of ln(1 + bytes): 44,362 for the largest number.
fn packed(bytes: u64) -> u16 {
    (((bytes as f64).ln_1p()) * 1000.0).round().min(65_535.0) as u16
}
fn unpacked(v: f64) -> u64 {
    (v / 1000.0).exp_m1().round().max(0.0) as u64
}

/// The middle of sorted values; 0 of none.
fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
    if n.is_multiple_of(2) { f64::midpoint(at((n / 2).saturating_sub(1)), at(n / 2)) } else { at(n / 2) }
}

/// Median and scaled median absolute deviation of values in any order.
pub fn robust(values: &mut [f64]) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let usual = median(values);
    let mut away: Vec<f64> = values.iter().map(|v| (v - usual).abs()).collect();
    away.sort_unstable_by(f64::total_cmp);
    (usual, median(&away) * 1.4826)
}

impl Book {
    pub fn new(since: i64) -> Book {
        Book { since, slots: BTreeMap::new() }
    }

    /// An hour teaches.
    pub fn learn(&mut self, slot: Slot, bytes: u64) {
        let samples = self.slots.entry(slot.index).or_default();
        samples.push(packed(bytes));
        if samples.len() > WEEKS {
            samples.remove(0);
        }
    }

    /// Judges an hour. `rule` has `weeks_min`, `days_min`, `factor`, `deviations` and the two floors.
    pub fn judge(&self, site: &Site, slot: Slot, bytes: u64, rule: &Settings) -> Option<Verdict> {
        let week: Vec<u16> = self.slots.get(&slot.index).cloned().unwrap_or_default();
        let (samples, basis) = if week.len() >= rule.count("weeks_min") {
            (week, "week")
        } else {
            let days: Vec<u16> = (0..15u16)
                .map(|class| class * 24 + slot.index % 24)
                .filter(|s| site.kind_of(*s) == slot.kind)
                .filter_map(|s| self.slots.get(&s))
                .flatten()
                .copied()
                .collect();
            if days.len() < rule.count("days_min") {
                return None;
            }
            (days, "day")
        };
        let mut sorted: Vec<f64> = samples.iter().map(|s| f64::from(*s)).collect();
        let (usual, spread) = robust(&mut sorted);
        let spread = spread.max(SPREAD_MIN);
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
            // It must be below all that was seen, or what has two modes would be accused each time.
            let least = sorted.first().copied().unwrap_or(0.0);
            return if f64::from(packed(bytes)) < least { verdict("below") } else { None };
        }
        None
    }
}
