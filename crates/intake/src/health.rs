//! Turns counters into stretches of watched time ([`model::coverage::Health`]), one for every ten seconds of capture time.
//!
//! Everything later asks coverage before it believes in silence, so a stretch claims only what was really watched. A live sensor is
//! ticked by its reader several times a second; if no tick comes for [`MAX_UNSEEN`] (the machine slept, the thread was stuck), nothing
//! is claimed for that time. A file is different: between two of its packets its writer was watching, and a long pause is told as one
//! stretch in which nothing came.

use model::coverage::{Health, Quality, SensorKind};
use model::{SourceId, Span, Time};

/// The length of a stretch.
pub const STRETCH: Span = Span::seconds(10);
/// A live sensor that was not ticked for this long was not watching.
pub const MAX_UNSEEN: Span = Span::seconds(30);

/// Counts of the stretch at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    packets: u64,
    bytes: u64,
    kernel_drops: u64,
    queue_drops: u64,
    decode_errors: u64,
    /// Whether the interface was down at any moment.
    down: bool,
}

/// The counters of one sensor. Pure: time is passed in.
#[derive(Clone, Debug)]
pub struct HealthMeter {
    sensor: SourceId,
    kind: SensorKind,
    /// Where the stretch at hand begins, and the newest time seen in it.
    open: Option<(Time, Time)>,
    counts: Counts,
    /// The state that a new stretch begins with.
    is_down: bool,
    /// The last whole stretch, for status pages.
    last: Option<Health>,
}

impl HealthMeter {
    /// A meter that starts with the first time it is told.
    pub fn new(sensor: SourceId, kind: SensorKind) -> HealthMeter {
        HealthMeter { sensor, kind, open: None, counts: Counts::default(), is_down: false, last: None }
    }

    /// Counts a frame. Its time does not move the stretch: call [`HealthMeter::tick`] first (for files: with the frame's time).
    #[inline]
    pub fn packet(&mut self, wire_len: u32) {
        self.counts.packets += 1;
        self.counts.bytes += u64::from(wire_len);
    }

    /// Counts frames that the kernel or the card dropped.
    pub fn kernel_drops(&mut self, n: u64) {
        self.counts.kernel_drops += n;
    }

    /// Counts frames or events that a queue of ours let go.
    pub fn queue_drops(&mut self, n: u64) {
        self.counts.queue_drops += n;
    }

    /// Counts frames that could not be read to their end.
    pub fn decode_errors(&mut self, n: u64) {
        self.counts.decode_errors += n;
    }

    /// Tells whether the interface is up with a carrier.
    pub fn link(&mut self, up: bool) {
        self.is_down = !up;
        self.counts.down |= !up;
    }

    /// The last whole stretch.
    pub fn last(&self) -> Option<&Health> {
        self.last.as_ref()
    }

    /// Tells the time, by the sensor's clock; gives the stretch that it ends: call it until it gives `None`, for after a pause in a file two
    /// are due. A clock that goes back ends the stretch where it was.
    #[inline]
    pub fn tick(&mut self, now: Time) -> Option<Health> {
        let Some((from, seen)) = self.open else {
            self.open = Some((now, now));
            return None;
        };
        if now >= seen && now.since(from) < STRETCH && (self.kind == SensorKind::File || now.since(seen) < MAX_UNSEEN) {
            self.open = Some((from, now));
            return None;
        }
        self.turn(from, seen, now)
    }

    #[cold]
    fn turn(&mut self, from: Time, seen: Time, now: Time) -> Option<Health> {
        let back = now < seen;
        let unseen = self.kind == SensorKind::Live && now.since(seen) >= MAX_UNSEEN;
        if back || unseen {
            self.open = Some((now, now));
            return self.close(from, seen);
        }
        // Within the ordinary pace the stretch ends on its grid; a file's long pause is one stretch of its own.
        let grid = from + STRETCH;
        if self.counts.packets > 0 && now.since(grid) >= STRETCH {
            // The packets belong to the first ten seconds, the silence to the next stretch, which ends now or at the next tick.
            self.open = Some((grid, grid));
            return self.close(from, grid);
        }
        let whole = Span(now.since(from).0 / STRETCH.0 * STRETCH.0);
        let to = from + whole;
        self.open = Some((to, now));
        self.close(from, to)
    }

    /// Ends the stretch at hand, at the end of the capture.
    pub fn finish(&mut self) -> Option<Health> {
        let (from, seen) = self.open.take()?;
        self.close(from, seen)
    }

    fn close(&mut self, from: Time, to: Time) -> Option<Health> {
        let c = std::mem::replace(&mut self.counts, Counts { down: self.is_down, ..Counts::default() });
        if from == to && c.packets == 0 && c.kernel_drops == 0 && c.queue_drops == 0 {
            return None;
        }
        let quality = if c.down {
            Quality::Down
        } else if c.kernel_drops > 0 || c.queue_drops > 0 {
            Quality::Drops
        } else if c.packets == 0 {
            Quality::Nothing
        } else {
            Quality::Full
        };
        let health = Health {
            sensor: self.sensor,
            from,
            to,
            packets: c.packets,
            bytes: c.bytes,
            kernel_drops: c.kernel_drops,
            queue_drops: c.queue_drops,
            decode_errors: c.decode_errors,
            quality,
        };
        self.last = Some(health.clone());
        Some(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_unix(1_700_000_000, 0);

    fn at(ms: i64) -> Time {
        START + Span::millis(ms)
    }

    fn live() -> HealthMeter {
        HealthMeter::new(SourceId(3), SensorKind::Live)
    }

    /// Ticks every 100 ms and counts a packet wherever `packet` says so.
    fn run(meter: &mut HealthMeter, until_ms: i64, mut packet: impl FnMut(i64) -> bool) -> Vec<Health> {
        let mut out = Vec::new();
        for ms in (0..=until_ms).step_by(100) {
            out.extend(meter.tick(at(ms)));
            if packet(ms) {
                meter.packet(100);
            }
        }
        out
    }

    #[test]
    fn ten_second_stretches_meet_without_hole_or_overlap() {
        let mut meter = live();
        let mut all = run(&mut meter, 65_000, |ms| ms < 30_000);
        all.extend(meter.finish());
        assert_eq!(all.len(), 7);
        assert_eq!(all[0].from, START);
        for pair in all.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        assert_eq!(all.iter().map(|h| h.packets).sum::<u64>(), 300);
        assert_eq!(all[2].quality, Quality::Full);
        assert_eq!(all[3].quality, Quality::Nothing, "a dead mirror is told");
        assert_eq!(all[6].to, at(65_000));
    }

    #[test]
    fn drops_and_a_fallen_interface_are_told_in_their_stretch() {
        let mut meter = live();
        meter.tick(at(0));
        meter.packet(60);
        meter.kernel_drops(5);
        let first = meter.tick(at(10_000)).unwrap();
        assert_eq!((first.quality, first.kernel_drops), (Quality::Drops, 5));
        meter.link(false);
        assert_eq!(meter.tick(at(20_000)).unwrap().quality, Quality::Down);
        assert_eq!(meter.tick(at(30_000)).unwrap().quality, Quality::Down, "still down");
        meter.link(true);
        assert_eq!(meter.tick(at(40_000)).unwrap().quality, Quality::Down, "it was down when the stretch began");
        meter.packet(60);
        assert_eq!(meter.tick(at(50_000)).unwrap().quality, Quality::Full);
    }

    #[test]
    fn time_that_nobody_watched_is_not_claimed() {
        let mut meter = live();
        meter.tick(at(0));
        meter.packet(60);
        meter.tick(at(4_000));
        let before = meter.tick(at(3_600_000)).unwrap();
        assert_eq!((before.from, before.to), (at(0), at(4_000)));
        meter.packet(60);
        let after = meter.tick(at(3_610_000)).unwrap();
        assert_eq!(after.from, at(3_600_000));
    }

    #[test]
    fn a_clock_set_back_ends_the_stretch_and_starts_another() {
        let mut meter = live();
        meter.tick(at(100_000));
        meter.packet(60);
        meter.tick(at(105_000));
        let h = meter.tick(at(0)).unwrap();
        assert_eq!((h.from, h.to, h.packets), (at(100_000), at(105_000), 1));
        assert!(meter.tick(at(5_000)).is_none());
    }

    #[test]
    fn a_pause_in_a_file_is_one_stretch_in_which_nothing_came() {
        let mut meter = HealthMeter::new(SourceId(1), SensorKind::File);
        let mut out = Vec::new();
        for ms in [0, 1_000, 3_605_000, 3_606_000] {
            // Two turns may be due: the end of what came, and the pause.
            out.extend(meter.tick(at(ms)));
            out.extend(meter.tick(at(ms)));
            meter.packet(100);
        }
        out.extend(meter.finish());
        let shape: Vec<_> = out.iter().map(|h| (h.from, h.to, h.packets, h.quality)).collect();
        assert_eq!(
            shape,
            vec![
                (at(0), at(10_000), 2, Quality::Full),
                (at(10_000), at(3_600_000), 0, Quality::Nothing),
                (at(3_600_000), at(3_606_000), 2, Quality::Full),
            ]
        );
    }
}
