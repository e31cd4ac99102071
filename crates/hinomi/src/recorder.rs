//! What the engine tells, turned into events in batches. The only place where borrowed acts become owned.

use model::activity::{Activity, Head};
use model::coverage::Health;
use model::event::Happened;
use model::{ActRef, Body, Flow, NewEvent, Observation, SourceId, Time};
use wire::sink::Sink;

/// Collects events of one sensor until somebody takes the batch.
pub struct Recorder {
    source: SourceId,
    /// When the frames being read were received; `None`: by the capture's own clock.
    pub received: Option<Time>,
    batch: Vec<NewEvent>,
    most: usize,
    dropped: u64,
}

impl Recorder {
    /// A recorder that holds at most `most` events between two batches.
    pub fn new(source: SourceId, most: usize) -> Recorder {
        Recorder { source, received: None, batch: Vec::new(), most, dropped: 0 }
    }

    /// Events that wait.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// The events so far; the recorder starts anew.
    pub fn take(&mut self) -> Vec<NewEvent> {
        std::mem::take(&mut self.batch)
    }

    /// Puts a batch back that the vault had no room for. What no longer fits is let go by the stated policy: flows first, then
    /// observations, then the oldest acts; a sensor's health is always kept.
    pub fn put_back(&mut self, mut batch: Vec<NewEvent>) {
        batch.append(&mut self.batch);
        let over = batch.len().saturating_sub(self.most);
        if over > 0 {
            let before = batch.len();
            let mut left = over;
            for rank in 0..3u8 {
                batch.retain(|e| {
                    let go = left > 0 && rank_of(&e.body) == rank;
                    left -= usize::from(go);
                    !go
                });
            }
            self.dropped += (before - batch.len()) as u64;
        }
        self.batch = batch;
    }

    /// Events let go so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Records a sensor's counters.
    pub fn health(&mut self, health: Health) {
        let at = health.to;
        self.push(at, Body::Health(health));
    }

    fn push(&mut self, at: Time, body: Body) {
        let happened = Some(Happened { at, text: None, assumed: None });
        self.batch.push(NewEvent { source: self.source, received: self.received.unwrap_or(at), happened, body });
    }
}

/// What goes first when there is no room.
fn rank_of(body: &Body) -> u8 {
    match body {
        Body::Flow(_) => 0,
        Body::Observation(_) => 1,
        Body::Activity(_) => 2,
        _ => 3,
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
    use model::activity::Arp;
    use model::coverage::Quality;
    use model::observation::Via;

    fn fill(recorder: &mut Recorder) {
        let head = Head {
            flow: model::FlowId(0),
            segment: model::Segment::default(),
            time: Time(1),
            transport: model::Transport::Ether(0x0806),
            protocol: model::Protocol::Arp,
            client: model::Endpoint::default(),
            server: model::Endpoint::default(),
        };
        let arp = Arp {
            operation: 1,
            sender_mac: model::Mac::ZERO,
            sender_ip: [0; 4].into(),
            target_mac: model::Mac::ZERO,
            target_ip: [0; 4].into(),
        };
        recorder.activity(&head, ActRef::Arp(&arp));
        recorder.observation(Time(1), &Observation { segment: model::Segment::default(), mac: None, ip: None, via: Via::Frame });
        recorder.health(Health {
            sensor: SourceId(1),
            from: Time(0),
            to: Time(1),
            packets: 0,
            bytes: 0,
            kernel_drops: 0,
            queue_drops: 0,
            decode_errors: 0,
            quality: Quality::Full,
        });
    }

    #[test]
    fn under_pressure_observations_go_before_acts_and_health_stays() {
        let mut recorder = Recorder::new(SourceId(1), 4);
        for _ in 0..2 {
            fill(&mut recorder);
        }
        let batch = recorder.take();
        fill(&mut recorder);
        recorder.put_back(batch);
        let left: Vec<u8> = recorder.take().iter().map(|e| rank_of(&e.body)).collect();
        assert_eq!(left, [3, 3, 2, 3], "all observations went, then the two oldest acts");
        assert_eq!(recorder.dropped(), 5);
    }

    #[test]
    fn the_captures_clock_is_kept_where_there_is_no_other() {
        let mut recorder = Recorder::new(SourceId(1), 4);
        fill(&mut recorder);
        recorder.received = Some(Time(9));
        fill(&mut recorder);
        let received: Vec<i64> = recorder.take().iter().map(|e| e.received.0).collect();
        assert_eq!(received, [1, 1, 1, 9, 9, 9]);
    }
}
