//! What a mirror port and the network cards behind it do to frames, as counters ([`Truths`]): copies, one direction only, checksums left to
//! the card, merged segments, tags taken out, cut frames. None of it is an error; all of it must be known before a number is believed.
//!
//! **Copies.** A mirror of several ports, or of both sides of a router, shows the same packet twice within microseconds. A keyed digest of the
//! packet, without what a router changes on the way (time to live, header checksum, service class), is held against those of the last
//! [`RING`] packets within [`NEAR`]. That costs a pass over the packet, so where there are no copies only one stretch of [`STRETCH`] in
//! [`PAUSE`] is looked at; where one packet in a hundred is a copy every packet is, and copies are no longer counted in conversations nor read
//! as messages. Only packets that say that they are the same count: with an identification (IPv4), or TCP with data or a SYN.
//!
//! **Checksums** are never judged by; a sample is checked to say what the numbers are worth.

use crate::decode::ip::{Ip, number};
use crate::hash;
use model::coverage::Truths;
use std::net::IpAddr;

/// Packets that a copy may come behind.
const RING: usize = 16;
/// Capture time within which the same packet is a copy.
const NEAR: i64 = 1_000_000;
/// Packets looked at in one go.
const STRETCH: u32 = 512;
/// Packets between two beginnings of a stretch, where there are no copies.
const PAUSE: u32 = 8192;
/// Packets whose checksum is looked at from the start, and then one in so many.
const CHECKED: u64 = 1024;
const CHECK_ONE_IN: u64 = 64;
/// The longest frame of Ethernet with two tags (IEEE 802.3, 3.2.7).
pub(super) const LONGEST: u32 = 1522;

/// See the module.
pub(super) struct Watch {
    pub(super) truths: Truths,
    seed: u64,
    ring: [u64; RING],
    times: [i64; RING],
    lives: [u8; RING],
    vlans: [u16; RING],
    at: usize,
    /// Packets of this stretch, or of the pause, that are left.
    left: u32,
    looking: bool,
    found: u32,
    packets: u64,
}

impl Watch {
    pub(super) fn new(seed: u64) -> Self {
        Watch {
            truths: Truths::default(),
            seed: seed ^ 0x5851_f42d_4c95_7f2d,
            ring: [0; RING],
            times: [0; RING],
            lives: [0; RING],
            vlans: [0; RING],
            at: 0,
            left: STRETCH,
            looking: true,
            found: 0,
            packets: 0,
        }
    }

    /// Looks at a packet of the outermost layer, with its bytes from the Internet header on. True where it is a copy of one just seen in the
    /// same VLAN; in another one it belongs to a conversation of its own.
    #[inline]
    pub(super) fn packet(&mut self, bytes: &[u8], ip: &Ip<'_>, vlan: u16, time: i64) -> bool {
        self.packets += 1;
        if ip.cut == 0 && (self.packets <= CHECKED || self.packets.is_multiple_of(CHECK_ONE_IN)) {
            self.checksum(bytes, ip);
        }
        if self.left == 0 {
            self.turn();
        }
        self.left -= 1;
        self.looking && self.copy(bytes, ip, vlan, time)
    }

    /// At the end of a stretch or pause: look on where copies were found.
    fn turn(&mut self) {
        let many = self.found * 100 >= STRETCH;
        self.looking = !self.looking || many;
        self.left = if self.looking { STRETCH } else { PAUSE - STRETCH };
        self.found = 0;
    }

    fn copy(&mut self, bytes: &[u8], ip: &Ip<'_>, vlan: u16, time: i64) -> bool {
        self.truths.looked += 1;
        let Some((digest, life)) = self.digest(bytes, ip) else { return false };
        let known = self.ring.iter().position(|d| *d == digest).filter(|i| {
            // Files may be a little out of order.
            self.times.get(*i).is_some_and(|t| time.abs_diff(*t) <= NEAR.unsigned_abs())
        });
        if let Some(i) = known {
            self.found += 1;
            self.truths.duplicates += 1;
            self.truths.routed_twice += u64::from(self.lives.get(i).is_some_and(|l| *l != life));
            return self.vlans.get(i) == Some(&vlan);
        }
        let at = self.at % RING;
        if let (Some(d), Some(t), Some(l), Some(v)) =
            (self.ring.get_mut(at), self.times.get_mut(at), self.lives.get_mut(at), self.vlans.get_mut(at))
        {
            (*d, *t, *l, *v) = (digest, time, life, vlan);
        }
        self.at = (at + 1) % RING;
        false
    }

    /// A digest of what no router changes, and the time to live; `None` where the same packet may well be sent twice.
    fn digest(&self, bytes: &[u8], ip: &Ip<'_>) -> Option<(u64, u8)> {
        let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(|b| u64::from(u32::from_be_bytes(b)));
        // Data, or a flag that is sent once, makes a segment unlike all others but its repetitions, which come much later.
        let telling = || match ip.payload {
            &[_, _, _, _, _, _, _, _, _, _, _, _, offset, flags, ..] if ip.protocol == number::TCP => {
                flags & 7 != 0 || ip.payload.len() > usize::from(offset >> 4) * 4
            }
            _ => false,
        };
        let (mut h, life) = if ip.v6() {
            if !telling() {
                return None;
            }
            let ends = (8..40).step_by(4).try_fold(self.seed, |h, at| Some(hash::mix(h ^ word(at)?, 0xe703_7ed1_a0b4_28db)))?;
            (ends, *bytes.get(7)?)
        } else {
            let id = word(4)?;
            if id >> 16 == 0 && !telling() {
                return None;
            }
            (hash::words(self.seed, [id << 16 | u64::from(ip.protocol), word(12)? << 32 | word(16)?]), *bytes.get(8)?)
        };
        let mut chunks = ip.payload.chunks_exact(16);
        for chunk in &mut chunks {
            if let Some((a, b)) = chunk.split_first_chunk::<8>()
                && let Ok(b) = b.try_into()
            {
                h = hash::mix(u64::from_le_bytes(*a) ^ h, u64::from_le_bytes(b) ^ self.seed.rotate_left(17));
            }
        }
        let end = chunks.remainder().iter().fold(ip.payload.len() as u64, |w, b| w.rotate_left(8) ^ u64::from(*b));
        Some((hash::words(h, [end]), life))
    }

    fn checksum(&mut self, bytes: &[u8], ip: &Ip<'_>) {
        let (at, least) = match ip.protocol {
            number::TCP => (16, 20),
            number::UDP => (6, 8),
            _ => return,
        };
        // Behind extension and authentication headers the sum may cover other ends.
        let direct = if ip.v6() { bytes.get(6) } else { bytes.get(9) } == Some(&ip.protocol);
        if ip.payload.len() < least || !direct || ip.fragment.is_some() {
            return;
        }
        let Some(&[a, b]) = ip.payload.get(at..at + 2) else { return };
        let told = u16::from_be_bytes([a, b]);
        if told == 0 && ip.protocol == number::UDP {
            return;
        }
        let mut ends = u64::from(ip.protocol) + ip.payload.len() as u64;
        let mut add = |octets: &[u8]| ends += sum(octets);
        for end in [ip.src, ip.dst] {
            match end {
                IpAddr::V4(v4) => add(&v4.octets()),
                IpAddr::V6(v6) => add(&v6.octets()),
            }
        }
        self.truths.checksums_looked += 1;
        if fold(ends + sum(ip.payload)) == 0xffff {
            return;
        }
        // What the system leaves to the card is the sum of the ends alone (Linux, CHECKSUM_PARTIAL), or nothing.
        if told == fold(ends) || told == 0 {
            self.truths.checksums_offloaded += 1;
        } else {
            self.truths.checksums_bad += 1;
        }
    }
}

/// Sum of 16-bit words (RFC 1071), not folded.
fn sum(octets: &[u8]) -> u64 {
    let mut pairs = octets.chunks_exact(2);
    let words: u64 = (&mut pairs).map(|p| p.iter().fold(0u64, |w, b| w << 8 | u64::from(*b))).sum();
    words + pairs.remainder().first().map_or(0, |b| u64::from(*b) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
