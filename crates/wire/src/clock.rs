//! The engine's own clock, made from capture times that cannot be trusted.
//!
//! Time-outs need a clock that never runs backwards and never leaps: one frame with a broken time must not end every conversation, and
//! a clock that was set back by a year must not keep them all for a year. So the engine counts its own nanoseconds, and only follows:
//!
//! - forward by up to [`STEP`]: followed at once, fully;
//! - forward by more: believed when [`AHEAD`] frames in a row say so, and then counted as [`STEP`] / 2, so that a leap ends short
//!   conversations but not established ones;
//! - backward by more than [`BACK`]: believed when [`BEHIND`] frames in a row say so, and counted as nothing;
//! - backward by less: ordinary disorder, counted as nothing.

use model::{Span, Time};

/// Largest step that is believed at once.
pub const STEP: Span = Span::hours(1);
/// Disorder that is not a jump.
pub const BACK: Span = Span::minutes(1);
/// Frames in a row that make a leap forward believed.
pub const AHEAD: u32 = 4;
/// Frames in a row that make a leap back believed.
pub const BEHIND: u32 = 64;

/// See the module's essay.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    started: bool,
    capture: Time,
    engine: i64,
    ahead: u32,
    behind: u32,
    /// Leaps that were followed.
    pub jumps: u64,
}

impl Clock {
    /// Hears the time of a frame and gives the engine's time in nanoseconds, which never decreases.
    pub fn tick(&mut self, time: Time) -> i64 {
        if !self.started {
            self.started = true;
            self.capture = time;
            return self.engine;
        }
        let step = time.since(self.capture);
        if step.0 >= 0 {
            self.behind = 0;
            if step <= STEP {
                self.ahead = 0;
                self.capture = time;
                self.engine = self.engine.saturating_add(step.0);
            } else {
                self.ahead += 1;
                if self.ahead >= AHEAD {
                    self.follow(time);
                    self.engine = self.engine.saturating_add(STEP.0 / 2);
                }
            }
        } else {
            self.ahead = 0;
            if step.0 < -BACK.0 {
                self.behind += 1;
                if self.behind >= BEHIND {
                    self.follow(time);
                }
            } else {
                self.behind = 0;
            }
        }
        self.engine
    }

    fn follow(&mut self, time: Time) {
        self.ahead = 0;
        self.behind = 0;
        self.capture = time;
        self.jumps += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const S: i64 = 1_000_000_000;

    #[test]
    fn ordinary_time_is_followed_and_disorder_is_not() {
        let mut c = Clock::default();
        let t0 = Time::from_unix(1_700_000_000, 0);
        assert_eq!(c.tick(t0), 0);
        assert_eq!(c.tick(t0 + Span::seconds(5)), 5 * S);
        assert_eq!(c.tick(t0 + Span::seconds(4)), 5 * S);
        assert_eq!(c.tick(t0 + Span::minutes(50)), 3000 * S);
        assert_eq!(c.jumps, 0);
    }

    #[test]
    fn one_wrong_time_is_ignored_and_a_real_jump_is_followed_gently() {
        let mut c = Clock::default();
        let t0 = Time::from_unix(1_700_000_000, 0);
        c.tick(t0);
        assert_eq!(c.tick(t0 + Span::days(400)), 0);
        assert_eq!(c.tick(t0 + Span::seconds(1)), S);
        let later = t0 + Span::days(400);
        for i in 0..10 {
            c.tick(later + Span::seconds(i));
        }
        assert_eq!(c.jumps, 1);
        assert!(c.tick(later + Span::seconds(10)) <= S + STEP.0 / 2 + 10 * S);
        // And back.
        for i in 0..100 {
            c.tick(t0 + Span::seconds(i));
        }
        assert_eq!(c.jumps, 2);
        let before = c.tick(t0 + Span::seconds(100));
        assert_eq!(c.tick(t0 + Span::seconds(107)), before + 7 * S);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut c = Clock::default();
        for t in [Time::MIN, Time::MAX, Time(0), Time::MIN, Time::MAX, Time::MAX, Time::MAX, Time::MAX, Time::MAX] {
            assert!(c.tick(t) >= 0);
        }
    }
}
