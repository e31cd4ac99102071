//! How far a source's clock is off, from the records that it sends.
//!
//! A record is received after it happened: received − happened = time on its way − skew. The time on its way is never negative, so the smallest
//! difference of a while stands for the clock, and what lies above it is delay. The smallest is also what a single wrong stamp spoils. So records are
//! taken in **windows** of [`WINDOW`], each gives its smallest difference, and the answer is the **median of the newest
//! [`KEPT`] windows**: a few wrong stamps, late deliveries or lies in less than half of the windows do not move it. A window whose records are
//! scattered by more than [`SCATTERED`] is a file that was brought in at once, or a heap of lies, and tells nothing of a clock.
//!
//! Where the newest three windows agree with each other and not with the rest, the clock was set: older ones are forgotten.
//!
//! Memory is bounded: of the open window at most [`SAMPLED`] differences, evenly taken, and eight windows for each clock; how many clocks, the caller says.
//! A clock is known after half an hour at the soonest, so names that somebody makes up by the thousand do not become clocks.

use model::clock::ClockLook;
use model::{Span, Time};
use serde::{Deserialize, Serialize};

/// Differences of a window that are kept for its middle one: every one, then every second, every fourth and so on.
const SAMPLED: usize = 32;
/// Length of a window by our clock; a later record closes it.
const WINDOW: Span = Span::minutes(10);
/// Windows that are kept.
const KEPT: usize = 8;
/// Windows and records without which nothing is said.
const ENOUGH: (usize, u64) = (3, 8);
/// Milliseconds between a window's smallest and middle difference, above which it tells nothing.
const SCATTERED: i64 = 15 * 60 * 1000;
/// Milliseconds by which a clock that was set differs from before.
const SET_BY: i64 = 30_000;
/// Milliseconds from a whole hour within which a skew looks like a time zone.
const NEAR_HOUR: i64 = 120_000;
const HOUR: i64 = 3_600_000;
/// A clock that tells less than this was never set: 2015.
const UNSET_BEFORE: Time = Time::from_unix(1_420_070_400, 0);

/// A closed window: when it ended, its records, its smallest difference, and how far its middle one lies above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    from: Time,
    records: u64,
    least: i64,
    above: i64,
}

/// What is known of one clock. Differences are received − happened in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    open: Vec<i64>,
    /// Records in the open window, its smallest difference, and how many records stand for one that is kept.
    records: u64,
    least: i64,
    each: u64,
    opened: Time,
    closed: Vec<Window>,
    /// Our time of the newest record.
    pub last: Time,
    /// Every time that it told so far was a whole second.
    coarse: bool,
}

/// What can be said of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Source minus ours, milliseconds.
    pub skew_ms: i64,
    pub spread_ms: u64,
    pub look: ClockLook,
}

impl Default for Skew {
    fn default() -> Skew {
        Skew {
            open: Vec::new(),
            records: 0,
            least: i64::MAX,
            each: 1,
            opened: Time::MIN,
            closed: Vec::new(),
            last: Time::MIN,
            coarse: true,
        }
    }
}

fn median(values: &mut [i64]) -> i64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}

impl Skew {
    /// A record that was received and says when it happened. True where a window was closed by it: then [`Skew::answer`] may be another.
    pub fn told(&mut self, happened: Time, received: Time) -> bool {
        let difference = received.since(happened).0.div_euclid(1_000_000);
        self.coarse &= happened.0.rem_euclid(1_000_000_000) == 0;
        self.add(difference, received)
    }

    /// The source's clock was seen beside ours: it was ahead by so many milliseconds, and a little more (what it needed on its way).
    pub fn ahead_by(&mut self, ms: i64, received: Time) -> bool {
        self.coarse = false;
        self.add(ms.saturating_neg(), received)
    }

    fn add(&mut self, difference: i64, received: Time) -> bool {
        let over = self.records > 0 && (received < self.opened || received >= self.opened + WINDOW);
        let closed = over && self.close();
        if self.records == 0 {
            self.opened = received;
        }
        if self.records.is_multiple_of(self.each) {
            self.open.push(difference);
        }
        self.records += 1;
        self.least = self.least.min(difference);
        self.last = received;
        if self.open.len() >= SAMPLED {
            let mut n = 0u32;
            self.open.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.each = self.each.saturating_mul(2);
        }
        closed
    }

    /// Closes the open window. False where it tells nothing.
    fn close(&mut self) -> bool {
        let above = median(&mut self.open).saturating_sub(self.least);
        let window = Window { from: self.opened, records: self.records, least: self.least, above };
        self.begin_anew();
        if above > SCATTERED {
            return false;
        }
        if self.closed.len() >= KEPT {
            self.closed.remove(0);
        }
        self.closed.push(window);
        self.forget_what_was_before();
        true
    }

    fn begin_anew(&mut self) {
        self.open.clear();
        (self.records, self.least, self.each) = (0, i64::MAX, 1);
    }

    /// The clock was set where the newest three windows agree with each other and not with those before.
    fn forget_what_was_before(&mut self) {
        let Some((before, newest)) = self.closed.len().checked_sub(3).and_then(|at| self.closed.split_at_checked(at)) else { return };
        if before.is_empty() {
            return;
        }
        let was = median(&mut before.iter().map(|w| w.least).collect::<Vec<_>>());
        let is = median(&mut newest.iter().map(|w| w.least).collect::<Vec<_>>());
        let together = newest.iter().all(|w| w.least.abs_diff(is) <= SET_BY.unsigned_abs());
        let apart = newest.iter().all(|w| w.least.abs_diff(was) > SET_BY.unsigned_abs());
        if together && apart {
            self.closed.drain(..before.len());
        }
    }

    /// Our own clock was set: what was measured against it says nothing any more.
    pub fn forget(&mut self) {
        self.begin_anew();
        self.closed.clear();
    }

    /// Records in the windows that count.
    pub fn samples(&self) -> u64 {
        self.closed.iter().map(|w| w.records).sum()
    }

    /// Since when, by our clock.
    pub fn since(&self) -> Time {
        self.closed.first().map_or(self.last, |w| w.from)
    }

    /// What can be said; nothing while there is too little.
    pub fn answer(&self) -> Option<Answer> {
        if self.closed.len() < ENOUGH.0 || self.samples() < ENOUGH.1 {
            return None;
        }
        let mut least: Vec<i64> = self.closed.iter().map(|w| w.least).collect();
        let middle = median(&mut least);
        let mut apart: Vec<i64> = least.iter().map(|l| i64::try_from(l.abs_diff(middle)).unwrap_or(i64::MAX)).collect();
        let mut above: Vec<i64> = self.closed.iter().map(|w| w.above).collect();
        // What tells only whole seconds may be anywhere within one.
        let whole = if self.coarse { 1_000 } else { 0 };
        let spread_ms = median(&mut apart).saturating_add(median(&mut above)).saturating_add(whole).unsigned_abs();
        let skew_ms = middle.saturating_neg();
        let tells = Time(self.last.0.saturating_add(skew_ms.saturating_mul(1_000_000)));
        let hours = skew_ms.saturating_add(HOUR / 2).div_euclid(HOUR);
        let from_hour = skew_ms.abs_diff(hours.saturating_mul(HOUR));
        let look = match i8::try_from(hours) {
            _ if tells < UNSET_BEFORE && self.last >= UNSET_BEFORE => ClockLook::Unset,
            Ok(hours) if (1..=14).contains(&hours.unsigned_abs()) && from_hour <= NEAR_HOUR.unsigned_abs() => ClockLook::Zone(hours),
            _ => ClockLook::Plain,
        };
        Some(Answer { skew_ms, spread_ms, look })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000;
    const DAY: Time = Time::from_unix(1_780_272_000, 0);

    fn at(ms: i64) -> Time {
        DAY + Span::millis(ms)
    }

    /// Records every `every` ms whose clock is ahead by `skew` ms and that take `delay(n)` ms.
    fn fed(n: i64, every: i64, skew: i64, delay: impl Fn(i64) -> i64) -> Skew {
        let mut s = Skew::default();
        feed(&mut s, 0, n, every, skew, delay);
        s
    }
    fn feed(s: &mut Skew, from: i64, n: i64, every: i64, skew: i64, delay: impl Fn(i64) -> i64) {
        for i in 0..n {
            let now = from + i * every;
            s.told(at(now + skew), at(now + delay(i)));
        }
    }

    #[test]
    fn delay_is_not_skew() {
        // Up to 9 s on the way, and never less than 20 ms.
        let s = fed(400, 5 * S, 0, |i| 20 + (i * 7919) % 9000);
        let a = s.answer().unwrap();
        assert!((-1_000..=0).contains(&a.skew_ms), "{a:?}");
        assert_eq!(a.look, ClockLook::Plain);
        assert!(a.spread_ms > 2_000, "{a:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(Skew::default().answer(), None);
        assert_eq!(fed(80, 20 * S, 90 * S, |_| 0).answer(), None, "two windows");
        assert!(fed(100, 20 * S, 90 * S, |_| 0).answer().is_some());
        assert_eq!(fed(100_000, 10, 90 * S, |_| 0).answer(), None, "however many they are, a quarter of an hour is too short");
        // One line a day: known after eight of them and the one that closes the last window.
        let daily = |n| fed(n, 86_400 * S, -90 * S, |_| 5);
        assert_eq!(daily(8).answer(), None);
        assert_eq!(daily(9).answer().map(|a| a.skew_ms), Some(-90 * S - 5));
    }

    #[test]
    fn whole_hours_are_a_zone_and_old_years_a_clock_that_was_never_set() {
        for (skew, look) in [
            (9 * HOUR, ClockLook::Zone(9)),
            (-9 * HOUR + 30 * S, ClockLook::Zone(-9)),
            (HOUR - 60 * S, ClockLook::Zone(1)),
            (HOUR / 2, ClockLook::Plain),
            (5 * 60 * S, ClockLook::Plain),
            (-5 * 60 * S, ClockLook::Plain),
            (15 * HOUR, ClockLook::Plain),
            (24 * HOUR, ClockLook::Plain),
            (-26 * 365 * 24 * HOUR, ClockLook::Unset),
            (26 * 365 * 24 * HOUR, ClockLook::Plain),
        ] {
            assert_eq!(fed(100, 20 * S, skew, |_| 3).answer().map(|a| a.look), Some(look), "{skew}");
        }
        let born = Time::from_unix(0, 0);
        let mut s = Skew::default();
        for i in 0..100 {
            s.told(born, at(i * 20 * S));
        }
        assert_eq!(s.answer().map(|a| a.look), Some(ClockLook::Unset));
    }

    #[test]
    fn a_clock_that_is_set_is_known_after_three_windows() {
        let mut s = fed(300, 20 * S, -600 * S, |i| i % 20);
        assert_eq!(s.answer().map(|a| a.skew_ms), Some(-600 * S));
        feed(&mut s, 6_000 * S, 130, 20 * S, 0, |i| i % 20);
        let a = s.answer().unwrap();
        assert!(a.skew_ms.abs() < 50, "{a:?}");
        assert!(s.since() >= at(5_300 * S), "and it is said since when, to a window");
    }

    #[test]
    fn a_file_that_is_brought_in_at_once_tells_nothing_of_a_clock() {
        let mut s = Skew::default();
        for file in 1..9 {
            for i in 0..1_000 {
                s.told(at(i * 60 * S), at(file * 100_000 * S));
            }
        }
        assert_eq!((s.answer(), s.samples()), (None, 0));
    }

    #[test]
    fn whole_seconds_are_not_more_exact_than_a_second() {
        let mut s = Skew::default();
        for i in 0..400 {
            let now = i * 13_370;
            s.told(at(now - now % S), at(now + 10));
        }
        let a = s.answer().unwrap();
        assert!(a.skew_ms.abs() <= 1_000 && a.spread_ms >= 1_000, "{a:?}");
    }

    proptest! {
        /// Fewer than half of the windows may say what they like.
        #[test]
        fn lies_in_less_than_half_of_the_windows_do_not_move_it(
            skew in -400_000i64..400_000,
            lies in proptest::collection::vec(any::<i64>(), 3 * 32),
            steady in proptest::option::of(any::<i64>()),
            bad in proptest::sample::subsequence((0..8usize).collect::<Vec<_>>(), 0..3),
        ) {
            let mut s = Skew::default();
            let mut lies = lies.into_iter();
            for w in 0..8usize {
                for i in 0..32 {
                    let now = at(w as i64 * 700 * S + i * S);
                    let happened = if bad.contains(&w) { Time(steady.unwrap_or_else(|| lies.next().unwrap_or(0))) } else { now + Span::millis(skew - 10 - i % 50) };
                    s.told(happened, now);
                }
            }
            let a = s.answer();
            prop_assert!(a.is_some_and(|a| a.skew_ms.abs_diff(skew) <= 20), "{a:?} for {skew}");
        }

        /// Nothing overflows, nothing grows, and times that jump do not stop it.
        #[test]
        fn any_times_at_all_are_taken(pairs in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<bool>()), 0..600)) {
            let mut s = Skew::default();
            for (a, b, told) in pairs {
                if told { s.told(Time(a), Time(b)); } else { s.ahead_by(a, Time(b)); }
                s.answer();
                prop_assert!(s.open.len() < SAMPLED && s.closed.len() <= KEPT);
            }
        }
    }
}
