//! What the engine tells, turned into events in batches. The only place where borrowed acts become owned.

use model::activity::{Activity, Head};
use model::coverage::Health;
use model::event::Happened;
use model::{ActRef, Body, Flow, NewEvent, Observation, SourceId, Time};
use vault::{Appender, Backlog, VaultError};
use wire::sink::Sink;

/// Collects events of one sensor and hands them to the vault; what the vault has no room for is held and let go by its policy
/// (`vault::PRESSURE`), and each drop is told to the log.
pub struct Recorder {
    source: SourceId,
    /// When the frames being read were received; `None`: by the capture's own clock.
    pub received: Option<Time>,
    backlog: Backlog,
}

impl Recorder {
    /// A recorder that holds at most `most` events while the vault has no room.
    pub fn new(source: SourceId, appender: Appender, most: usize) -> Recorder {
        Recorder { source, received: None, backlog: Backlog::new(appender, source, most) }
    }

    /// Events that wait.
    pub fn len(&self) -> usize {
        self.backlog.len()
    }

    /// Hands over what there is room for; never waits for the disk.
    pub fn offer(&mut self, now: Time) {
        if let Err(e) = self.backlog.offer(now) {
            tracing::error!("vault: {e}");
        }
    }

    /// Hands everything over and waits for room: for captures, which can wait.
    pub fn hand_over(&mut self, now: Time) -> Result<(), VaultError> {
        self.backlog.hand_over(now)
    }

    /// Hands everything over and waits until it is safe.
    pub fn finish(&mut self, now: Time) -> Result<(), VaultError> {
        self.backlog.finish(now)
    }

    /// Events let go so far.
    pub fn dropped(&self) -> u64 {
        self.backlog.dropped()
    }

    /// Records a sensor's counters.
    pub fn health(&mut self, health: Health) {
        let at = health.to;
        self.push(at, Body::Health(health));
    }

    fn push(&mut self, at: Time, body: Body) {
        let happened = Some(Happened { at, text: None, assumed: None });
        self.backlog.push(NewEvent { source: self.source, received: self.received.unwrap_or(at), happened, body });
    }
}

impl Sink for Recorder {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        self.push(head.time, Body::Activity(Box::new(Activity { head: *head, act: act.to_owned() })));
    }
    fn flow(&mut self, flow: &Flow) {
        self.push(flow.last, Body::Flow(Box::new(*flow)));
    }
    fn observation(&mut self, time: Time, observation: &Observation) {
        self.push(time, Body::Observation(*observation));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::observation::Via;
    use std::sync::Arc;
    use vault::sim::SimDisk;
    use vault::{Options, Query, Vault};

    #[test]
    fn the_captures_clock_is_kept_where_there_is_no_other() {
        let vault = Vault::open_on(Arc::new(SimDisk::new()), "/v".as_ref(), None, Options::default()).unwrap();
        let mut recorder = Recorder::new(SourceId(1), vault.appender(), 4);
        let seen = Observation { segment: model::Segment::default(), mac: None, ip: None, via: Via::Frame };
        recorder.observation(Time(1), &seen);
        recorder.received = Some(Time(9));
        recorder.observation(Time(1), &seen);
        assert_eq!(recorder.len(), 2);
        recorder.finish(Time(9)).unwrap();
        let received: Vec<i64> = vault.read(&Query::default()).map(|e| e.unwrap().received.0).collect();
        assert_eq!((received, recorder.len(), recorder.dropped()), (vec![1, 9], 0, 0));
    }
}
