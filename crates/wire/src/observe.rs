//! Which addresses were told, so that each is told when new and again after an hour, and not on every frame.

use crate::hash;
use hashbrown::HashTable;
use model::observation::Via;
use model::{Mac, Observation, Segment, Span};
use std::net::IpAddr;

/// An address is told again after this.
pub const AGAIN: Span = Span::hours(1);

#[derive(Clone, Copy)]
struct Seen {
    what: Observation,
    told: i64,
}

/// A bounded memory. When it is full, the entry under a hand that goes round is forgotten: addresses of a flood forget each other.
pub struct Observations {
    seed: u64,
    max: usize,
    index: HashTable<u32>,
    slots: Vec<Seen>,
    hand: usize,
    /// Entries forgotten because the memory was full.
    pub evicted: u64,
}

fn key(seed: u64, o: &Observation) -> u64 {
    let (low, high) = match o.ip {
        None => (1, 0),
        Some(IpAddr::V4(a)) => (u64::from(a.to_bits()) << 8, 4),
        Some(IpAddr::V6(a)) => (a.to_bits() as u64, (a.to_bits() >> 64) as u64 ^ 6),
    };
    let mac = o.mac.map_or(1 << 63, Mac::to_u64);
    let place = u64::from(o.segment.sensor.0) << 32 | u64::from(o.segment.vlan) << 8 | o.via as u64;
    hash::words(seed, [low, high, mac, place])
}

impl Observations {
    /// Empty, for at most `max` addresses.
    pub fn new(max: usize, seed: u64) -> Self {
        Observations { seed, max: max.max(16), index: HashTable::new(), slots: Vec::new(), hand: 0, evicted: 0 }
    }

    /// Addresses remembered.
    pub fn len(&self) -> usize {
        self.index.len()
    }
    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether this is to be told at engine time `now`; it then counts as told.
    pub fn is_news(&mut self, segment: Segment, mac: Option<Mac>, ip: Option<IpAddr>, via: Via, now: i64) -> Option<Observation> {
        let what = Observation { segment, mac, ip, via };
        let hash = key(self.seed, &what);
        if let Some(&slot) = self.index.find(hash, |&i| self.slots.get(i as usize).is_some_and(|s| s.what == what)) {
            let seen = self.slots.get_mut(slot as usize)?;
            if now.saturating_sub(seen.told) < AGAIN.0 {
                return None;
            }
            seen.told = now;
            return Some(what);
        }
        let slot = if self.slots.len() < self.max {
            self.slots.push(Seen { what, told: now });
            (self.slots.len() - 1) as u32
        } else {
            let slot = self.hand as u32;
            self.hand = (self.hand + 1) % self.max;
            let old = std::mem::replace(self.slots.get_mut(slot as usize)?, Seen { what, told: now });
            if let Ok(entry) = self.index.find_entry(key(self.seed, &old.what), |&i| i == slot) {
                entry.remove();
            }
            self.evicted += 1;
            slot
        };
        let (slots, seed) = (&self.slots, self.seed);
        self.index.insert_unique(hash, slot, |&i| slots.get(i as usize).map_or(0, |s| key(seed, &s.what)));
        Some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_when_new_and_again_after_an_hour() {
        let mut o = Observations::new(100, 1);
        let mac = Some(Mac([2, 0, 0, 0, 0, 1]));
        let ip = Some("192.168.1.2".parse().unwrap());
        let mut ask = |ip, now: i64| o.is_news(Segment::default(), mac, ip, Via::Frame, now).is_some();
        assert!(ask(ip, 0));
        assert!(!ask(ip, AGAIN.0 - 1));
        assert!(ask(None, 5));
        assert!(ask(ip, AGAIN.0));
        assert!(!ask(ip, AGAIN.0 + 1));
    }

    #[test]
    fn a_million_addresses_stay_within_the_bound() {
        let mut o = Observations::new(1000, 1);
        for i in 0..1_000_000u32 {
            let b = i.to_be_bytes();
            assert!(o.is_news(Segment::default(), Some(Mac([2, 0, b[0], b[1], b[2], b[3]])), None, Via::Frame, 0).is_some());
        }
        assert_eq!((o.len(), o.slots.len(), o.evicted), (1000, 1000, 999_000));
    }
}
