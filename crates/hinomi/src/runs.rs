//! Our own starts, stops and gaps, as records. What was not watched must be visible: a run begins with how the one before it ended, and with the stretch
//! in between, so that nobody takes it for silence.

use crate::outcome::state_error;
use anyhow::Result;
use intake::live::clock as kernel;
use model::clock::RunEnd;
use model::event::{Deed, Table};
use model::{Body, Event, Time};
use state::Pipeline;
use vault::{Query, Vault};

/// Records of the end of the log that are looked at, to find when the last run was last alive.
const LAST: usize = 256;
/// Audit records that are looked at, the newest first, for the last start or stop.
const AUDITS: usize = 50_000;
/// Deeds that wait in the outbox and are looked at.
const WAITING: u32 = 10_000;

/// How the run before ended, and when it was last alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// How.
    pub end: RunEnd,
    /// Its last record, by our clock of then.
    pub last: Option<Time>,
}

/// Reads it from the vault, before anything of this run is in it. A stop whose record was still on its way when the program ended waits in state's outbox.
pub async fn before(vault: &Vault, pipeline: &Pipeline) -> Result<Before> {
    let waiting = pipeline.outbox(WAITING).await.map_err(state_error)?;
    for (_, event) in waiting.iter().rev() {
        if let Body::Audit(audit) = &event.body
            && matches!(audit.deed, Deed::Stopping { .. } | Deed::Stopped)
        {
            return Ok(Before { end: RunEnd::Ordered, last: Some(event.received) });
        }
    }
    Ok(kept(vault))
}

fn kept(vault: &Vault) -> Before {
    let ask = |tables: u32, limit| Query { tables, newest_first: true, limit: Some(limit), ..Query::default() };
    let audits = vault.read(&ask(Table::Audit.bit(), AUDITS)).filter_map(Result::ok);
    // What other programs append beside a run (the command line) comes by the outbox, so nothing but a run writes these.
    let last = vault.read(&ask(Table::Audit.bit() | Table::Health.bit(), LAST)).filter_map(Result::ok).map(|e| e.received);
    judge(audits, last, kernel::boot_id().as_deref())
}

/// From audit records, the newest first, and the times of receipt of the newest records of the log.
fn judge(audits: impl Iterator<Item = Event>, newest: impl Iterator<Item = Time>, boot: Option<&str>) -> Before {
    let mut ran = false;
    for event in audits {
        let Body::Audit(audit) = &event.body else { continue };
        match &audit.deed {
            Deed::Stopping { .. } | Deed::Stopped => return Before { end: RunEnd::Ordered, last: Some(event.received) },
            Deed::Started { clock, .. } => {
                let then = clock.as_ref().map(|c| c.boot.as_str()).filter(|b| !b.is_empty());
                let end = match (then, boot) {
                    (Some(then), Some(now)) if then == now => RunEnd::Killed,
                    (Some(_), Some(_)) => RunEnd::Machine,
                    _ => RunEnd::Unknown,
                };
                // Captures bring times of long ago: what is older than the start says nothing of its end.
                let last = newest.filter(|t| *t >= event.received).max();
                return Before { end, last: Some(last.unwrap_or(event.received)) };
            }
            // Only a run looks at the clock: there was one, whose start is no longer kept.
            Deed::Clock(_) => ran = true,
            _ => {}
        }
    }
    if ran { Before { end: RunEnd::Unknown, last: newest.max() } } else { Before { end: RunEnd::First, last: None } }
}

impl Before {
    /// The deeds of a start, in order.
    pub fn deeds(self, version: &str, epoch: u32, now: Time) -> Vec<Deed> {
        let started = Deed::Started {
            version: version.to_owned(),
            epoch: Some(epoch),
            before: Some(self.end),
            clock: Some(Box::new(crate::clock::own())),
        };
        let gap = self.last.map(|from| Deed::NotWatched { from, to: now, cause: self.end });
        [Some(started), gap].into_iter().flatten().collect()
    }
}

/// Writes the start of a run into the log.
pub async fn begin(pipeline: &Pipeline, before: Before, epoch: u32, now: Time) -> Result<()> {
    for deed in before.deeds(env!("CARGO_PKG_VERSION"), epoch, now) {
        pipeline.machine_did("run", deed, now).await.map_err(state_error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::{OwnClock, StopReason};
    use model::event::Audit;
    use model::{EventId, SiteId, SourceId};

    fn t(s: i64) -> Time {
        Time::from_unix(1_780_000_000 + s, 0)
    }

    fn audit(s: i64, deed: Deed) -> Event {
        let audit = Audit { user: None, actor: "hinomi".into(), from: None, action: "run".into(), deed, number: Some(1) };
        let id = EventId { site: SiteId::NIL, epoch: 1, seq: 1 };
        Event { id, source: SourceId(0), received: t(s), happened: None, body: Body::Audit(Box::new(audit)) }
    }
    fn started(s: i64, boot: &str) -> Event {
        let clock = Some(Box::new(OwnClock { boot: boot.into(), ..OwnClock::unknown() }));
        audit(s, Deed::Started { version: "1".into(), epoch: Some(1), before: None, clock })
    }
    fn judged(audits: Vec<Event>, newest: &[i64], boot: Option<&str>) -> (RunEnd, Option<Time>) {
        let before = judge(audits.into_iter(), newest.iter().map(|s| t(*s)), boot);
        (before.end, before.last)
    }

    #[test]
    fn an_end_in_good_order_a_crash_and_a_restart_of_the_machine_are_told_apart() {
        let stop = || audit(900, Deed::Stopping { reason: StopReason::Terminated });
        assert_eq!(judged(vec![], &[], Some("a")), (RunEnd::First, None));
        assert_eq!(judged(vec![stop(), started(0, "a")], &[900], Some("a")), (RunEnd::Ordered, Some(t(900))));
        assert_eq!(judged(vec![started(0, "a")], &[700, 600], Some("a")), (RunEnd::Killed, Some(t(700))));
        assert_eq!(judged(vec![started(0, "a")], &[700], Some("b")), (RunEnd::Machine, Some(t(700))));
        assert_eq!(judged(vec![started(0, "a")], &[700], None), (RunEnd::Unknown, Some(t(700))));
        assert_eq!(judged(vec![started(0, "")], &[], Some("b")), (RunEnd::Unknown, Some(t(0))));
        assert_eq!(
            judged(vec![audit(50, Deed::Logout)], &[-9000], Some("a")),
            (RunEnd::First, None),
            "a replay or the command line is no run"
        );
        let clock = audit(50, Deed::Clock(Box::new(OwnClock::unknown())));
        assert_eq!(judged(vec![clock], &[60], Some("a")), (RunEnd::Unknown, Some(t(60))), "its start is no longer kept");
        // A log-out after the start is no stop.
        assert_eq!(
            judged(vec![audit(50, Deed::Logout), started(0, "a")], &[-9000], Some("a")),
            (RunEnd::Killed, Some(t(0))),
            "old captures say nothing"
        );
    }

    #[test]
    fn a_start_names_the_gap_also_where_the_clock_went_back() {
        let before = Before { end: RunEnd::Machine, last: Some(t(5000)) };
        let deeds = before.deeds("0.1.0", 2, t(100));
        assert!(matches!(&deeds[0], Deed::Started { epoch: Some(2), before: Some(RunEnd::Machine), clock: Some(_), .. }));
        assert_eq!(deeds[1], Deed::NotWatched { from: t(5000), to: t(100), cause: RunEnd::Machine });
        assert_eq!(Before { end: RunEnd::First, last: None }.deeds("0.1.0", 1, t(0)).len(), 1);
    }
}
