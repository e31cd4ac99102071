//! Two sensors that see one conversation: mirror ports that overlap, or a mirror and a capture folder of the same line. Each is a truth of its
//! own segment and nothing is dropped; but who adds up volumes over sensors must know, and so must who places mirror ports.
//!
//! What is compared is the first record of each TCP and UDP conversation: the same ends from another sensor, begun within [`NEAR`], is the same
//! conversation. The memory is of fixed size, taken when a second sensor appears; what it forgets is not counted.

use crate::hash;
use model::coverage::Twin;
use model::{Flow, SourceId, Span, Time, Transport};
use std::net::IpAddr;

/// The clocks of two capture points on one machine differ by less.
pub const NEAR: Span = Span::seconds(2);
/// Conversations remembered.
const PLACES: usize = 16_384;
/// Sensors that are told apart.
const MAX_SENSORS: usize = 64;

#[derive(Clone, Copy)]
struct Seen {
    digest: u64,
    sensor: SourceId,
    started: Time,
}

/// See the module.
#[derive(Default)]
pub struct Twins {
    places: Vec<Option<Seen>>,
    /// Sensors with the conversations that were compared.
    sensors: Vec<(SourceId, u64)>,
    /// Pairs of sensors, the smaller number first, with the conversations that both saw.
    pairs: Vec<((SourceId, SourceId), u64)>,
}

impl Twins {
    /// Takes a record in. Only the first of a conversation counts.
    pub fn flow(&mut self, f: &Flow) {
        let (Some(client), Some(server)) = (f.client.ip, f.server.ip) else { return };
        if f.part > 0 || !matches!(f.transport, Transport::Tcp | Transport::Udp) {
            return;
        }
        let sensor = f.segment.sensor;
        if !add(&mut self.sensors, sensor) {
            return;
        }
        if self.sensors.len() < 2 {
            return;
        }
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        let words = |ip: IpAddr, port: Option<u16>| {
            let (a, b) = match ip {
                IpAddr::V4(v4) => (u64::from(v4.to_bits()), 4),
                IpAddr::V6(v6) => ((v6.to_bits() >> 64) as u64, v6.to_bits() as u64),
            };
            hash::words(0x7477_696e, [a, b, u64::from(port.unwrap_or(0))])
        };
        // The same for both directions: a sensor that came late may have turned the ends around.
        let (a, b) = (words(client, f.client.port), words(server, f.server.port));
        let digest = hash::words(u64::from(f.transport == Transport::Tcp), [a.min(b), a.max(b)]);
        let Some(place) = self.places.get_mut(digest as usize % PLACES) else { return };
        match place {
            Some(seen) if seen.digest == digest && seen.sensor != sensor && (f.started - seen.started).0.abs() <= NEAR.0 => {
                let pair = (sensor.min(seen.sensor), sensor.max(seen.sensor));
                add(&mut self.pairs, pair);
            }
            place => *place = Some(Seen { digest, sensor, started: f.started }),
        }
    }

    /// The other sensors that see conversations of this one.
    pub fn of(&self, sensor: SourceId) -> Vec<Twin> {
        let of = self.sensors.iter().find(|s| s.0 == sensor).map_or(0, |s| s.1);
        let others = self.pairs.iter().filter_map(|&((a, b), flows)| match sensor {
            s if s == a => Some(Twin { sensor: b, flows, of }),
            s if s == b => Some(Twin { sensor: a, flows, of }),
            _ => None,
        });
        others.collect()
    }
}

/// Counts one more of `what`. False where the list is full.
fn add<T: Copy + PartialEq>(list: &mut Vec<(T, u64)>, what: T) -> bool {
    if let Some(known) = list.iter_mut().find(|k| k.0 == what) {
        known.1 += 1;
    } else if list.len() < MAX_SENSORS {
        list.push((what, 1));
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::flow::{Direction, FlowEnd, FlowState};
    use model::{Endpoint, FlowId, Segment};

    fn flow(sensor: u16, port: u16, started: i64, turned: bool) -> Flow {
        let a = Endpoint { mac: None, ip: Some([10, 0, 0, 1].into()), port: Some(port) };
        let b = Endpoint { mac: None, ip: Some([10, 0, 0, 2].into()), port: Some(502) };
        Flow {
            id: FlowId(1),
            segment: Segment { sensor: SourceId(sensor), vlan: 0 },
            transport: Transport::Tcp,
            client: if turned { b } else { a },
            server: if turned { a } else { b },
            protocol: None,
            first: Time(started),
            last: Time(started),
            started: Time(started),
            part: 0,
            up: Direction::default(),
            down: Direction::default(),
            state: FlowState::Established,
            end: FlowEnd::Interim,
            gaps: 0,
        }
    }

    #[test]
    fn the_same_conversation_of_two_sensors_is_counted_and_others_are_not() {
        let mut t = Twins::default();
        for port in 0..100 {
            t.flow(&flow(1, port, 0, false));
        }
        assert!(t.places.is_empty() && t.of(SourceId(1)).is_empty(), "one sensor needs no memory");
        for port in 1000..1010 {
            t.flow(&flow(2, port, 1_000_000, false));
            t.flow(&flow(1, port, 0, port % 2 == 0));
            // The same ends much later, and other ends.
            t.flow(&flow(2, port, 90_000_000_000, false));
            t.flow(&flow(2, port + 100, 0, false));
        }
        assert_eq!(t.of(SourceId(1)), [Twin { sensor: SourceId(2), flows: 10, of: 110 }]);
        assert_eq!(t.of(SourceId(2)), [Twin { sensor: SourceId(1), flows: 10, of: 30 }]);
        assert!(t.of(SourceId(3)).is_empty());
    }

    #[test]
    fn a_million_conversations_of_a_thousand_sensors_stay_within_bounds() {
        let mut t = Twins::default();
        for n in 0..1_000_000u32 {
            t.flow(&flow((n % 1000) as u16, (n >> 4) as u16, 0, false));
        }
        assert!(t.places.len() == PLACES && t.sensors.len() <= MAX_SENSORS && t.pairs.len() <= MAX_SENSORS);
    }
}
