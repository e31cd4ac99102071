//! Putting IP fragments together, within bounds.
//!
//! Policy where fragments contradict each other, because attackers choose them so that two readers see two datagrams:
//!
//! - IPv4: bytes that came first stay (RFC 791 leaves it open; BSD and Linux once differed); an exact repeat is nothing.
//! - IPv6: any overlap that is no exact repeat discards the whole datagram (RFC 5722).
//! - Both: a last fragment that ends before bytes already seen (teardrop), two different ends, or bytes behind the end discard the
//!   whole datagram. So does a datagram longer than 65,535 bytes, a middle fragment whose length is no multiple of 8, and a fragment that
//!   the capture cut short.
//!
//! Copies of the same part that come within [`TOGETHER`] of the datagram's first piece and differ in content are counted
//! ([`Fragments::take_differing`]). Later ones may belong to another datagram whose sender came round to the same number.
//!
//! Unfinished datagrams are let go after [`LIFETIME`] of engine time, and the oldest one whenever a bound is reached; both are counted.

use crate::decode::ip::{Fragment, Ip};
use crate::hash;
use hashbrown::HashTable;
use model::Segment;
use std::collections::VecDeque;
use std::net::IpAddr;

/// How long an unfinished datagram waits (RFC 8200, 4.5 says 60 s; RFC 1122 60–120 s; attackers like it long).
pub const LIFETIME: i64 = 60_000_000_000;
/// How long a sender does not use the same identification again for another datagram (65,536 of them in less would be 30,000 a second).
pub const TOGETHER: i64 = 2_000_000_000;
/// Pieces of one datagram; more are refused. 65,535 bytes in the smallest useful pieces of 40 bytes would be 1,638.
const MAX_PIECES: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    segment: Segment,
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    id: u32,
}

impl Key {
    fn hash(&self, seed: u64) -> u64 {
        let wide = |ip: IpAddr| match ip {
            IpAddr::V4(a) => (u64::from(a.to_bits()), 4),
            IpAddr::V6(a) => {
                let b = a.to_bits();
                (b as u64, (b >> 64) as u64)
            }
        };
        let ((a, b), (c, d)) = (wide(self.src), wide(self.dst));
        let segment = u64::from(self.segment.sensor.0) << 16 | u64::from(self.segment.vlan);
        hash::words(seed, [a, b, c, d, segment, u64::from(self.id) << 8 | u64::from(self.protocol)])
    }
}

/// A datagram that waits for its missing pieces.
struct Datagram {
    key: Key,
    generation: u64,
    born: i64,
    /// Ranges that are there, sorted, not touching each other out of order.
    pieces: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    end: Option<u32>,
    packets: u32,
    wire: u64,
}

/// A datagram that is whole. Give `bytes` back with [`Fragments::recycle`].
#[derive(Debug)]
pub struct Whole {
    /// What the datagram carries.
    pub bytes: Vec<u8>,
    /// Frames that it came in.
    pub packets: u32,
    /// Their bytes on the wire.
    pub wire: u64,
}

/// What became of fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounters {
    /// Made whole.
    pub reassembled: u64,
    /// Let go unfinished because of a bound or time.
    pub evicted: u64,
    /// Refused because of contradictions.
    pub refused: u64,
}

/// See the module's essay.
pub struct Fragments {
    seed: u64,
    max_bytes: usize,
    max_count: usize,
    bytes: usize,
    index: HashTable<u32>,
    slots: Vec<Datagram>,
    free: Vec<u32>,
    order: VecDeque<(u32, u64)>,
    spare: Vec<Vec<u8>>,
    generation: u64,
    differing: u32,
    /// What became of them.
    pub counters: FragmentCounters,
}

enum Fit {
    Waits,
    Whole,
    Refused,
}

impl Fragments {
    /// Empty, with bounds on bytes held together and datagrams at once.
    pub fn new(max_bytes: usize, max_count: usize, seed: u64) -> Self {
        Fragments {
            seed,
            max_bytes,
            max_count: max_count.max(1),
            bytes: 0,
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            order: VecDeque::new(),
            spare: Vec::new(),
            generation: 0,
            differing: 0,
            counters: FragmentCounters::default(),
        }
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.bytes
    }

    /// Takes a fragment at engine time `now`; gives the datagram when this one completed it.
    pub fn add(&mut self, segment: Segment, ip: &Ip<'_>, piece: Fragment, wire_len: u32, now: i64) -> Option<Whole> {
        self.expire(now);
        // IPv6 keys have no protocol (RFC 8200): only the first fragment knows it.
        let protocol = if ip.v6() { 0 } else { ip.protocol };
        let key = Key { segment, src: ip.src, dst: ip.dst, protocol, id: piece.id };
        let hash = key.hash(self.seed);
        let known = self.index.find(hash, |&i| self.slots.get(i as usize).is_some_and(|d| d.key == key)).copied();
        let slot = match known {
            Some(slot) => slot,
            None => self.open(key, hash, now),
        };
        let v6 = ip.v6();
        let datagram = self.slots.get_mut(slot as usize)?;
        let before = datagram.bytes.len();
        if now.saturating_sub(datagram.born) <= TOGETHER {
            self.differing += datagram.differing(piece.offset, ip.payload);
        }
        let fit = if ip.cut > 0 { Fit::Refused } else { datagram.take(piece, ip.payload, v6) };
        datagram.packets += 1;
        datagram.wire += u64::from(wire_len);
        self.bytes += datagram.bytes.len() - before;
        match fit {
            Fit::Waits => {
                while self.bytes > self.max_bytes && self.evict_oldest() {}
                None
            }
            Fit::Whole => {
                let mut datagram = self.close(slot)?;
                self.counters.reassembled += 1;
                datagram.bytes.truncate(datagram.end.unwrap_or(0) as usize);
                Some(Whole { bytes: datagram.bytes, packets: datagram.packets, wire: datagram.wire })
            }
            Fit::Refused => {
                self.counters.refused += 1;
                if let Some(datagram) = self.close(slot) {
                    self.recycle(datagram.bytes);
                }
                None
            }
        }
    }

    /// Bytes of copies that differed from what was there before, since the last call.
    pub fn take_differing(&mut self) -> u32 {
        std::mem::take(&mut self.differing)
    }

    /// Lets go what waited too long at engine time `now`.
    pub fn expire(&mut self, now: i64) {
        while let Some(&(slot, generation)) = self.order.front() {
            match self.slots.get(slot as usize) {
                Some(d) if d.generation == generation && now.saturating_sub(d.born) < LIFETIME => break,
                Some(d) if d.generation == generation => {
                    self.evict_oldest();
                }
                _ => {
                    self.order.pop_front();
                }
            }
        }
    }

    /// Takes a buffer back for the next datagram.
    pub fn recycle(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < 16 {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    fn open(&mut self, key: Key, hash: u64, now: i64) -> u32 {
        while self.slots.len() - self.free.len() >= self.max_count && self.evict_oldest() {}
        self.generation += 1;
        let bytes = self.spare.pop().unwrap_or_default();
        let (generation, pieces) = (self.generation, Vec::new());
        let slot = if let Some(slot) = self.free.pop() {
            if let Some(d) = self.slots.get_mut(slot as usize) {
                let mut pieces = std::mem::take(&mut d.pieces);
                pieces.clear();
                *d = Datagram { key, generation, born: now, pieces, bytes, end: None, packets: 0, wire: 0 };
            }
            slot
        } else {
            self.slots.push(Datagram { key, generation, born: now, pieces, bytes, end: None, packets: 0, wire: 0 });
            (self.slots.len() - 1) as u32
        };
        let (slots, seed) = (&self.slots, self.seed);
        self.index.insert_unique(hash, slot, |&i| slots.get(i as usize).map_or(0, |d| d.key.hash(seed)));
        // Entries of closed datagrams are dropped when they come to the front; they must not pile up behind one that waits.
        if self.order.len() > 2 * self.max_count {
            let slots = &self.slots;
            self.order.retain(|&(i, g)| slots.get(i as usize).is_some_and(|d| d.generation == g));
        }
        self.order.push_back((slot, generation));
        slot
    }

    /// Takes a datagram out of the tables. Its list of pieces stays in the slot for the next one.
    fn close(&mut self, slot: u32) -> Option<Datagram> {
        let d = self.slots.get_mut(slot as usize)?;
        let key = d.key;
        let taken = Datagram {
            key,
            generation: d.generation,
            born: d.born,
            pieces: Vec::new(),
            bytes: std::mem::take(&mut d.bytes),
            end: d.end,
            packets: d.packets,
            wire: d.wire,
        };
        d.generation = 0;
        self.bytes -= taken.bytes.len();
        if let Ok(entry) = self.index.find_entry(key.hash(self.seed), |&i| i == slot) {
            entry.remove();
        }
        self.free.push(slot);
        Some(taken)
    }

    fn evict_oldest(&mut self) -> bool {
        while let Some((slot, generation)) = self.order.pop_front() {
            if self.slots.get(slot as usize).is_some_and(|d| d.generation == generation) {
                self.counters.evicted += 1;
                if let Some(d) = self.close(slot) {
                    self.recycle(d.bytes);
                }
                return true;
            }
        }
        false
    }
}

impl Datagram {
    /// Bytes of a piece that differ from those that are there already.
    fn differing(&self, start: u32, data: &[u8]) -> u32 {
        let end = start.saturating_add(data.len() as u32);
        let mut sum = 0;
        for &(s, e) in self.pieces.iter().filter(|p| p.0 < end && start < p.1) {
            let (from, to) = (s.max(start), e.min(end));
            let held = self.bytes.get(from as usize..to as usize).unwrap_or(&[]);
            let copy = data.get((from - start) as usize..(to - start) as usize).unwrap_or(&[]);
            if held != copy {
                sum += held.iter().zip(copy).filter(|(a, b)| a != b).count() as u32;
            }
        }
        sum
    }

    fn take(&mut self, piece: Fragment, data: &[u8], v6: bool) -> Fit {
        let start = piece.offset;
        let end = start + data.len() as u32;
        if end > 65_535 || piece.more && !data.len().is_multiple_of(8) || data.is_empty() {
            return Fit::Refused;
        }
        let covered = self.pieces.last().map_or(0, |p| p.1);
        if piece.more {
            if self.end.is_some_and(|e| end > e) {
                return Fit::Refused;
            }
        } else {
            if self.end.is_some_and(|e| e != end) || covered > end {
                return Fit::Refused;
            }
            self.end = Some(end);
        }
        if self.pieces.iter().any(|&(s, e)| s < end && start < e) {
            let repeat = self.pieces.iter().any(|&(s, e)| s <= start && end <= e);
            if v6 && !repeat {
                return Fit::Refused;
            }
        }
        if self.pieces.len() >= MAX_PIECES {
            return Fit::Refused;
        }
        if self.bytes.len() < end as usize {
            self.bytes.resize(end as usize, 0);
        }
        // Copy only where nothing was yet, then note the range as covered.
        let mut at = start;
        let mut i = 0;
        while at < end {
            let (next_start, next_end) = self.pieces.get(i).copied().unwrap_or((end, end));
            if next_end <= at && i < self.pieces.len() {
                i += 1;
                continue;
            }
            let stop = next_start.clamp(at, end);
            if stop > at
                && let (Some(to), Some(from)) =
                    (self.bytes.get_mut(at as usize..stop as usize), data.get((at - start) as usize..(stop - start) as usize))
            {
                to.copy_from_slice(from);
            }
            at = next_end.max(stop);
            i += 1;
        }
        self.note(start, end);
        match (self.end, self.pieces.as_slice()) {
            (Some(total), &[(0, e)]) if e == total => Fit::Whole,
            _ => Fit::Waits,
        }
    }

    /// Joins a range into the sorted list.
    fn note(&mut self, start: u32, end: u32) {
        let from = self.pieces.partition_point(|p| p.1 < start);
        let to = self.pieces.partition_point(|p| p.0 <= end);
        let (mut s, mut e) = (start, end);
        if let Some(touched) = self.pieces.get(from..to) {
            for p in touched {
                s = s.min(p.0);
                e = e.max(p.1);
            }
        }
        if from < to {
            if let Some(first) = self.pieces.get_mut(from) {
                *first = (s, e);
            }
            self.pieces.drain(from + 1..to);
        } else {
            self.pieces.insert(from, (s, e));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(payload: &[u8], v6: bool) -> Ip<'_> {
        let (src, dst): (IpAddr, IpAddr) = if v6 {
            ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap())
        } else {
            ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap())
        };
        Ip { src, dst, protocol: 17, payload, cut: 0, fragment: None }
    }
    fn add(f: &mut Fragments, id: u32, offset: u32, more: bool, data: &[u8], v6: bool) -> Option<Vec<u8>> {
        f.add(Segment::default(), &ip(data, v6), Fragment { id, offset, more }, 100, 0).map(|w| w.bytes)
    }

    #[test]
    fn the_first_copy_wins_in_ipv4_and_overlap_is_refused_in_ipv6() {
        let mut f = Fragments::new(1 << 20, 16, 7);
        assert_eq!(add(&mut f, 1, 8, true, &[1; 16], false), None);
        assert_eq!(add(&mut f, 1, 0, true, &[2; 16], false), None);
        assert_eq!(add(&mut f, 1, 24, false, &[3; 4], false), Some([vec![2; 8], vec![1; 16], vec![3; 4]].concat()));
        assert_eq!(add(&mut f, 2, 8, true, &[1; 16], true), None);
        assert_eq!(add(&mut f, 2, 0, true, &[2; 16], true), None);
        assert_eq!(f.counters.refused, 1);
        assert_eq!(f.held(), 0);
        // Eight bytes of each overlap were another copy of what was there.
        assert_eq!(f.take_differing(), 16);
    }

    #[test]
    fn teardrop_and_ping_of_death_are_refused() {
        let mut f = Fragments::new(1 << 20, 16, 7);
        assert_eq!(add(&mut f, 1, 0, true, &[1; 40], false), None);
        assert_eq!(add(&mut f, 1, 8, false, &[2; 8], false), None);
        assert_eq!(f.counters.refused, 1);
        assert_eq!(add(&mut f, 2, 65_528, false, &[2; 16], false), None);
        assert_eq!(f.counters.refused, 2);
        assert_eq!(f.held(), 0);
    }

    #[test]
    fn a_flood_of_first_fragments_stays_within_its_bounds() {
        let mut f = Fragments::new(64 << 10, 100, 7);
        for id in 0..100_000 {
            add(&mut f, id, 0, true, &[0; 1400], false);
            assert!(f.held() <= 64 << 10);
        }
        assert!(f.counters.evicted > 99_900);
        assert!(f.slots.len() <= 101 && f.order.len() <= 300);
        f.expire(LIFETIME + 1);
        assert_eq!((f.held(), f.index.len()), (0, 0));
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_datagram(data in proptest::collection::vec(any::<u8>(), 1..2000), cuts in proptest::collection::vec(1usize..250, 0..12), seed in any::<u64>(), v6 in any::<bool>()) {
            let mut edges: Vec<usize> = cuts.iter().map(|c| c * 8).filter(|c| *c < data.len()).collect();
            edges.extend([0, data.len()]);
            edges.sort_unstable();
            edges.dedup();
            let mut pieces: Vec<(usize, usize)> = edges.windows(2).map(|w| (w[0], w[1])).collect();
            let mut s = seed;
            for i in (1..pieces.len()).rev() {
                s = s.wrapping_mul(6364136223846793005).wrapping_add(1);
                pieces.swap(i, (s >> 33) as usize % (i + 1));
            }
            let mut f = Fragments::new(1 << 20, 16, seed);
            let mut whole = None;
            for (i, (a, b)) in pieces.iter().enumerate() {
                prop_assert!(whole.is_none());
                if i > 0 && i % 2 == 0 {
                    // A repeat changes nothing.
                    let (a, b) = pieces[i - 1];
                    prop_assert!(add(&mut f, 9, a as u32, b != data.len(), &data[a..b], v6).is_none());
                }
                whole = add(&mut f, 9, *a as u32, *b != data.len(), &data[*a..*b], v6);
            }
            prop_assert_eq!(f.take_differing(), 0);
            prop_assert_eq!(whole, Some(data));
            prop_assert_eq!(f.held(), 0);
        }
    }
}
