//! The machine's clock. Only the binary reads it; everything else gets time as a value.
//!
//! [`keep`] looks at it every minute: whether the kernel takes it for synchronised, and whether the wall clock left the way of `CLOCK_BOOTTIME`, which is
//! never set. What changes is a deed of the machine in the log, from where detection makes findings of it (rules `own-clock`, `clock-jump`); that it goes
//! on is told now and then. How it stands at this moment is in state, for pages and for whoever judges what has run out.

use crate::outcome::state_error;
use anyhow::Result;
use intake::live::clock::{self as kernel, Reading};
use model::clock::{ClockKeeper, OwnClock, jumped};
use model::event::Deed;
use model::{Span, Time};
use state::Pipeline;
use state::clocks::OwnLook;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// A wall clock that is further away than this from where it should be was set. Discipline by the kernel moves it by at most 30 ms in a minute.
const JUMP: Span = Span::seconds(2);
/// While it is not synchronised that is told again after so long, otherwise after [`TELL_GOOD`].
const TELL_BAD: Span = Span::minutes(10);
const TELL_GOOD: Span = Span::hours(6);

/// Now, by the wall clock.
pub fn now() -> Time {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What was seen of the clock in this run. Pure: it is given what the kernel said.
#[derive(Debug)]
pub struct Looks {
    boot: String,
    /// Wall clock and `CLOCK_BOOTTIME` at the look before.
    before: Option<(Time, Span)>,
    /// Whether it is synchronised, and since when by `CLOCK_BOOTTIME`.
    standing: Option<(Option<bool>, Span)>,
    /// When it was told last, and what.
    told: Option<(Span, Option<bool>, ClockKeeper)>,
}

impl Looks {
    /// Goes on from the last look of the run before, where the machine was not restarted since.
    pub fn new(boot: String, last: Option<&OwnLook>) -> Looks {
        let before = last.filter(|l| !boot.is_empty() && l.clock.boot == boot).map(|l| (l.at, l.up));
        Looks { boot, before, standing: None, told: None }
    }

    /// A look. Gives how the clock stands, and what is to be put into the log.
    pub fn look(&mut self, reading: &Reading, keeper: ClockKeeper) -> (OwnLook, Vec<Deed>) {
        let mut deeds = Vec::new();
        if let Some(before) = self.before
            && let Some(clock_was) = jumped(before, (reading.wall, reading.up), JUMP)
        {
            deeds.push(Deed::ClockJumped { clock_was, clock_is: reading.wall, boot: self.boot.clone() });
        }
        self.before = Some((reading.wall, reading.up));
        let synchronised = reading.state.map(kernel::Discipline::synchronised);
        let since = match self.standing {
            Some((was, since)) if was == synchronised => since,
            _ => reading.up,
        };
        self.standing = Some((synchronised, since));
        let clock = OwnClock {
            synchronised,
            keeper,
            lasting_s: u64::try_from(Span(reading.up.0.saturating_sub(since.0)).as_seconds()).unwrap_or(0),
            max_error_us: reading.state.map(|s| s.max_error_us),
            est_error_us: reading.state.map(|s| s.est_error_us),
            boot: self.boot.clone(),
        };
        let again = if synchronised == Some(false) { TELL_BAD } else { TELL_GOOD };
        let due = self.told.is_none_or(|(at, was, by)| was != synchronised || by != keeper || reading.up.0.saturating_sub(at.0) >= again.0);
        if due {
            self.told = Some((reading.up, synchronised, keeper));
            deeds.push(Deed::Clock(Box::new(clock.clone())));
        }
        (OwnLook { at: reading.wall, up: reading.up, clock }, deeds)
    }
}

/// How the clock stands at this moment, of which nothing was seen before.
pub fn own() -> OwnClock {
    match kernel::read() {
        Ok(reading) => Looks::new(kernel::boot_id().unwrap_or_default(), None).look(&reading, kernel::keeper()).0.clock,
        Err(_) => OwnClock::unknown(),
    }
}

/// Looks until told to stop. `knock` wakes the courier.
pub async fn keep(pipeline: Pipeline, knock: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let last = pipeline.own_clock().await.unwrap_or_else(|e| {
        tracing::warn!("the last look at the clock cannot be read: {e}");
        None
    });
    let mut looks = Looks::new(kernel::boot_id().unwrap_or_default(), last.as_ref());
    loop {
        if let Err(e) = once(&pipeline, &mut looks, &knock).await {
            tracing::warn!("clock: {e:#}");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|end| *end) => return,
        }
    }
}

async fn once(pipeline: &Pipeline, looks: &mut Looks, knock: &Notify) -> Result<()> {
    let reading = kernel::read()?;
    let keeper = tokio::task::spawn_blocking(kernel::keeper).await?;
    let (look, deeds) = looks.look(&reading, keeper);
    pipeline.clock_looked(&look).await.map_err(state_error)?;
    let any = !deeds.is_empty();
    for deed in deeds {
        if let Deed::ClockJumped { clock_was, clock_is, .. } = &deed {
            tracing::warn!("the machine's clock was set: it was {clock_was}, it is {clock_is}");
        }
        pipeline.machine_did("clock", deed, look.at).await.map_err(state_error)?;
    }
    if any {
        knock.notify_one();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use intake::live::clock::Discipline;

    const WALL: i64 = 1_780_000_000;
    const BOOT: &str = "11111111-2222-3333-4444-555555555555";

    /// `wall` and `up` in seconds; synchronised, not, or not to be asked.
    fn reading(wall: i64, up: i64, state: Option<bool>) -> Reading {
        // TIME_OK and STA_PLL; TIME_ERROR and STA_UNSYNC (adjtimex(2)).
        let (returned, status) = if state == Some(true) { (0, 1) } else { (5, 0x40) };
        let discipline = Discipline { returned, status, max_error_us: 500, est_error_us: 20 };
        Reading { wall: Time::from_unix(WALL + wall, 0), up: Span::seconds(up), state: state.map(|_| discipline) }
    }
    fn look(looks: &mut Looks, wall: i64, up: i64, state: Option<bool>) -> Vec<Deed> {
        looks.look(&reading(wall, up, state), ClockKeeper::Chrony).1
    }
    fn clocks(deeds: &[Deed]) -> Vec<(Option<bool>, u64)> {
        deeds.iter().filter_map(|d| if let Deed::Clock(c) = d { Some((c.synchronised, c.lasting_s)) } else { None }).collect()
    }

    #[test]
    fn what_changes_is_told_at_once_and_what_lasts_now_and_then() {
        let mut looks = Looks::new(BOOT.into(), None);
        let mut told = Vec::new();
        for minute in 0..60 {
            told.extend(clocks(&look(&mut looks, minute * 60, 100 + minute * 60, Some(false))));
        }
        assert_eq!(
            told,
            [(Some(false), 0), (Some(false), 600), (Some(false), 1200), (Some(false), 1800), (Some(false), 2400), (Some(false), 3000)]
        );
        told.clear();
        for minute in 60..60 + 12 * 60 {
            told.extend(clocks(&look(&mut looks, minute * 60, 100 + minute * 60, Some(true))));
        }
        assert_eq!(told, [(Some(true), 0), (Some(true), 21_600)]);
        assert_eq!(clocks(&look(&mut looks, 50_000, 50_100, None)), [(None, 0)], "no longer allowed to ask");
    }

    #[test]
    fn a_clock_that_is_set_is_told_with_both_times() {
        let mut looks = Looks::new(BOOT.into(), None);
        look(&mut looks, 0, 100, Some(true));
        assert_eq!(look(&mut looks, 61, 160, Some(true)), [], "a second is no jump");
        for (wall, was) in [(20 * 365 * 86_400, 121), (180, 20 * 365 * 86_400 + 60), (-30 * 365 * 86_400, 240)] {
            let up = looks.before.unwrap().1.as_seconds() + 60;
            let deeds = look(&mut looks, wall, up, Some(true));
            let Some(Deed::ClockJumped { clock_was, clock_is, boot }) = deeds.first() else { panic!("{deeds:?}") };
            assert_eq!((clock_was.seconds() - WALL, clock_is.seconds() - WALL, boot.as_str()), (was, wall, BOOT));
        }
    }

    #[test]
    fn a_jump_while_stopped_is_told_where_the_machine_went_on() {
        let mut looks = Looks::new(BOOT.into(), None);
        let (last, _) = looks.look(&reading(0, 100, Some(true)), ClockKeeper::Chrony);
        let jumps = |boot: &str, wall, up| {
            let deeds = Looks::new(boot.into(), Some(&last)).look(&reading(wall, up, Some(true)), ClockKeeper::Chrony).1;
            deeds.iter().filter(|d| matches!(d, Deed::ClockJumped { .. })).count()
        };
        assert_eq!(jumps(BOOT, 3_600, 3_700), 0);
        assert_eq!(jumps(BOOT, 7_200, 3_700), 1);
        assert_eq!(jumps("another", 7_200, 10), 0, "nobody can tell after a restart of the machine");
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let clock = own();
        assert_eq!(clock.lasting_s, 0);
        assert_eq!(clock.synchronised.is_some(), clock.max_error_us.is_some());
    }
}
