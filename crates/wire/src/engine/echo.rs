//! Echo messages of a conversation, added up: what an ICMP tunnel looks like from outside. A usual `ping` sends the same payload every second
//! and gets it back; a tunnel sends payloads of all lengths, full of what looks random, and gets something else back (RFC 792 asks for the same).
//!
//! The memory is bounded ([`MAX`] conversations, about 1.3 KB each); when it is full, the one under a hand that goes round is told early.

use model::activity::Echo;

/// Conversations that are added up at once.
pub(super) const MAX: usize = 1024;
/// Payload bytes of a part that are looked at for their entropy.
const SAMPLED: u32 = 32 << 10;
/// Payload bytes of a message that are looked at for the same reason.
const SAMPLE: usize = 1024;
/// Requests that wait for their answer.
const WAITING: usize = 8;

#[derive(Clone, Copy, Default)]
struct Request {
    /// Identifier and sequence number.
    name: u32,
    payload: u64,
    waits: bool,
}

/// The sums of one conversation.
#[derive(Clone)]
pub(super) struct Sums {
    /// Its slot in the flow table; `u32::MAX` where this place is free.
    pub(super) flow: u32,
    act: Echo,
    waiting: [Request; WAITING],
    hand: usize,
    histogram: [u16; 256],
    sampled: u32,
    lengths: [u64; 16],
}

/// All of them.
pub(super) struct Echoes {
    seed: u64,
    places: Vec<Sums>,
    free: Vec<u32>,
    hand: usize,
    /// Told early because there was no room.
    pub(super) evicted: u64,
}

impl Echoes {
    pub(super) fn new(seed: u64) -> Self {
        Echoes { seed, places: Vec::new(), free: Vec::new(), hand: 0, evicted: 0 }
    }

    /// A free place for the conversation in this slot of the flow table. `None` where there is none: then [`Echoes::oldest`] must go.
    pub(super) fn open(&mut self, flow: u32) -> Option<u32> {
        let empty = Sums {
            flow,
            act: Echo::default(),
            waiting: [Request::default(); WAITING],
            hand: 0,
            histogram: [0; 256],
            sampled: 0,
            lengths: [0; 16],
        };
        if let Some(place) = self.free.pop() {
            *self.places.get_mut(place as usize)? = empty;
            return Some(place);
        }
        if self.places.len() >= MAX {
            return None;
        }
        self.places.push(empty);
        Some((self.places.len() - 1) as u32)
    }

    /// The conversation to let go when there is no room.
    pub(super) fn oldest(&mut self) -> Option<(u32, u32)> {
        let place = self.hand % self.places.len().max(1);
        self.hand = place + 1;
        self.evicted += 1;
        self.places.get(place).map(|s| (place as u32, s.flow))
    }

    /// Gives a place back.
    pub(super) fn close(&mut self, place: u32) {
        if let Some(sums) = self.places.get_mut(place as usize) {
            sums.flow = u32::MAX;
            self.free.push(place);
        }
    }

    /// Adds a message: identifier and sequence number, payload as captured, bytes that the capture cut off.
    pub(super) fn add(&mut self, place: u32, reply: bool, name: u32, payload: &[u8], cut: usize) {
        let seed = self.seed;
        let Some(s) = self.places.get_mut(place as usize) else { return };
        let length = payload.len().saturating_add(cut);
        let digest = super::seldom::fold(seed, payload) ^ length as u64;
        s.act.largest = s.act.largest.max(u32::try_from(length).unwrap_or(u32::MAX));
        let bit = length % 1024;
        if let Some(word) = s.lengths.get_mut(bit / 64)
            && *word >> (bit % 64) & 1 == 0
        {
            *word |= 1 << (bit % 64);
            s.act.lengths = s.act.lengths.saturating_add(1);
        }
        if s.sampled < SAMPLED {
            for b in payload.iter().take(SAMPLE) {
                if let Some(n) = s.histogram.get_mut(usize::from(*b)) {
                    *n += 1;
                }
            }
            s.sampled += payload.len().min(SAMPLE) as u32;
        }
        if reply {
            s.act.replies = s.act.replies.saturating_add(1);
            s.act.reply_bytes = s.act.reply_bytes.saturating_add(length as u64);
            if let Some(asked) = s.waiting.iter_mut().find(|r| r.waits && r.name == name) {
                asked.waits = false;
                s.act.altered += u32::from(asked.payload != digest && cut == 0);
            }
        } else {
            s.act.requests = s.act.requests.saturating_add(1);
            s.act.request_bytes = s.act.request_bytes.saturating_add(length as u64);
            if let Some(place) = s.waiting.get_mut(s.hand % WAITING) {
                *place = Request { name, payload: digest, waits: cut == 0 };
            }
            s.hand = (s.hand + 1) % WAITING;
        }
    }

    /// The sums since the last time, if anything came; they begin anew.
    pub(super) fn tell(&mut self, place: u32) -> Option<Echo> {
        let s = self.places.get_mut(place as usize)?;
        if s.act.requests == 0 && s.act.replies == 0 {
            return None;
        }
        let mut act = std::mem::take(&mut s.act);
        act.entropy = entropy(&s.histogram);
        s.histogram = [0; 256];
        s.lengths = [0; 16];
        s.sampled = 0;
        Some(act)
    }
}

/// Shannon's entropy in hundredths of a bit per byte.
fn entropy(histogram: &[u16; 256]) -> u16 {
    let total: f64 = histogram.iter().map(|n| f64::from(*n)).sum();
    if total == 0.0 {
        return 0;
    }
    let bits: f64 = histogram
        .iter()
        .filter(|n| **n > 0)
        .map(|n| {
            let p = f64::from(*n) / total;
            -p * p.log2()
        })
        .sum();
    (bits * 100.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_and_a_tunnel_look_different() {
        let mut e = Echoes::new(1);
        let (ping, tunnel) = (e.open(1).unwrap(), e.open(2).unwrap());
        let usual: Vec<u8> = (0x10..0x48).collect();
        let mut noise = 1u64;
        for i in 0..50u32 {
            e.add(ping, false, i, &usual, 0);
            e.add(ping, true, i, &usual, 0);
            let mut random = |n: u32| -> Vec<u8> {
                (0..n)
                    .map(|_| {
                        noise = crate::hash::mix(noise, 0x9e37_79b9_7f4a_7c15) ^ 7;
                        (noise >> 13) as u8
                    })
                    .collect()
            };
            let (ask, answer) = (random(100 + i), random(900 - i));
            e.add(tunnel, false, i, &ask, 0);
            e.add(tunnel, true, i, &answer, 0);
        }
        let p = e.tell(ping).unwrap();
        assert_eq!((p.requests, p.replies, p.request_bytes, p.largest, p.altered, p.lengths, p.entropy), (50, 50, 2800, 56, 0, 1, 581));
        let t = e.tell(tunnel).unwrap();
        assert_eq!((t.altered, t.requests), (50, 50));
        assert!(t.lengths > 90 && t.entropy > 780, "{t:?}");
        assert_eq!(e.tell(ping), None);
    }

    #[test]
    fn what_was_cut_is_not_called_altered() {
        let mut e = Echoes::new(1);
        let place = e.open(1).unwrap();
        e.add(place, false, 1, b"abc", 50);
        e.add(place, true, 1, b"xyz", 50);
        assert_eq!(e.tell(place).map(|a| (a.altered, a.request_bytes)), Some((0, 53)));
    }

    #[test]
    fn a_flood_stays_within_its_bound() {
        let mut e = Echoes::new(1);
        for flow in 0..5000 {
            let place = e.open(flow).unwrap_or_else(|| {
                let (place, _) = e.oldest().unwrap();
                e.close(place);
                e.open(flow).unwrap()
            });
            e.add(place, false, 1, b"x", 0);
        }
        assert_eq!((e.places.len(), e.evicted), (MAX, 5000 - MAX as u64));
    }
}
