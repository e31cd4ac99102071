//! Which of several cores a frame belongs to, so that each has engine, tables and buffers of its own and nothing is shared.
//!
//! A frame goes by the pair of its Internet addresses, the same for both directions. Ports are left out on purpose: the later pieces of a
//! fragmented datagram have none, and an ICMP error belongs to the conversation that it quotes; both must reach the core that keeps that
//! conversation, or fragmenting would be a way past the watch. Frames without addresses on top (ARP, LLDP, tunnels below IP) go to the first
//! core. What is inside an IP tunnel stays with the tunnel.

use crate::hash;
use crate::packet::{LinkType, RawPacket};
use crate::proto::{be16, be32};

/// VLAN tags that are passed over.
const MAX_TAGS: usize = 8;

/// The lane of a frame, less than `lanes`; 0 where there is one lane, or nothing to go by. `seed` keeps outsiders from filling one lane on
/// purpose: give the same to every lane of a sensor.
pub fn lane(raw: &RawPacket<'_>, lanes: u32, seed: u64) -> u32 {
    if lanes < 2 {
        return 0;
    }
    let Some((a, b)) = internet(raw).and_then(ends) else { return 0 };
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let hash = hash::words(seed, [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64]);
    // The upper half of the product: even for any number of lanes.
    ((u128::from(hash) * u128::from(lanes)) >> 64) as u32
}

/// The bytes from the IP header on.
fn internet<'a>(raw: &RawPacket<'a>) -> Option<&'a [u8]> {
    let data = raw.data;
    match raw.link {
        LinkType::ETHERNET => tagged(data, 12),
        LinkType::LINUX_SLL => tagged(data, 14),
        LinkType::LINUX_SLL2 => by_type(be16(data, 0)?, data.get(20..)?),
        LinkType::NULL | LinkType::LOOP => data.get(4..),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::IPV4 | LinkType::IPV6 => Some(data),
        _ => None,
    }
}

/// Behind an EtherType at `at` and the VLAN tags that follow (IEEE 802.1Q, 802.1ad).
fn tagged(data: &[u8], mut at: usize) -> Option<&[u8]> {
    for _ in 0..=MAX_TAGS {
        match be16(data, at)? {
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            kind => return by_type(kind, data.get(at + 2..)?),
        }
    }
    None
}

fn by_type(kind: u16, rest: &[u8]) -> Option<&[u8]> {
    matches!(kind, 0x0800 | 0x86dd).then_some(rest)
}

/// Source and destination; for an ICMP error those of the packet that it quotes (RFC 792; RFC 4443, 2.1).
fn ends(ip: &[u8]) -> Option<(u128, u128)> {
    let (pair, quoted) = match ip.first()? >> 4 {
        4 => {
            let header = usize::from(ip.first()? & 0x0f) * 4;
            // Only a first or whole piece has an ICMP header.
            let whole = be16(ip, 6)? << 3 == 0;
            let error = *ip.get(9)? == 1 && whole && matches!(ip.get(header), Some(3 | 4 | 5 | 11 | 12));
            (addresses4(ip)?, if error { ip.get(header + 8..) } else { None })
        }
        6 => {
            let error = *ip.get(6)? == 58 && matches!(ip.get(40), Some(1..=4));
            (addresses6(ip)?, if error { ip.get(48..) } else { None })
        }
        _ => return None,
    };
    let inner = quoted.and_then(|q| match q.first()? >> 4 {
        4 => addresses4(q),
        6 => addresses6(q),
        _ => None,
    });
    Some(inner.unwrap_or(pair))
}

fn addresses4(ip: &[u8]) -> Option<(u128, u128)> {
    Some((u128::from(be32(ip, 12)?), u128::from(be32(ip, 16)?)))
}

fn addresses6(ip: &[u8]) -> Option<(u128, u128)> {
    let at = |from: usize| ip.get(from..from + 16)?.try_into().ok().map(u128::from_be_bytes);
    Some((at(8)?, at(24)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{SourceId, Time};

    fn ethernet(data: &[u8]) -> RawPacket<'_> {
        RawPacket { time: Time(0), sensor: SourceId(1), link: LinkType::ETHERNET, wire_len: data.len() as u32, vlan: None, data }
    }

    fn ipv4(src: u32, dst: u32, protocol: u8, offset: u16, payload: &[u8]) -> Vec<u8> {
        let mut ip = vec![0x45, 0, 0, 0, 0, 1];
        ip.extend(offset.to_be_bytes());
        ip.extend([64, protocol, 0, 0]);
        ip.extend(src.to_be_bytes());
        ip.extend(dst.to_be_bytes());
        ip.extend(payload);
        ip
    }

    fn frame(tags: usize, ip: &[u8]) -> Vec<u8> {
        let mut f = vec![0; 12];
        for _ in 0..tags {
            f.extend([0x81, 0, 0, 5]);
        }
        f.extend([8, 0]);
        f.extend(ip);
        f
    }

    #[test]
    fn a_conversation_stays_in_one_lane_whatever_carries_it() {
        for n in 0..200u32 {
            let (a, b) = (0x0a00_0001 + n, 0xc0a8_0101 ^ (n << 3));
            let there = frame(0, &ipv4(a, b, 6, 0, &[0; 20]));
            let home = lane(&ethernet(&there), 7, 42);
            let quote = [&[3u8, 1, 0, 0, 0, 0, 0, 0][..], &ipv4(a, b, 17, 0, &[0; 8])].concat();
            for (what, other) in [
                ("the way back", frame(0, &ipv4(b, a, 6, 0, &[0; 20]))),
                ("behind two tags", frame(2, &ipv4(a, b, 6, 0, &[0; 20]))),
                ("a later piece", frame(0, &ipv4(a, b, 6, 0x2005, &[0; 8]))),
                ("an error of a router", frame(0, &ipv4(0x0102_0304, a, 1, 0, &quote))),
            ] {
                assert_eq!(lane(&ethernet(&other), 7, 42), home, "{what} of {a:x} {b:x}");
            }
        }
    }

    #[test]
    fn lanes_share_the_work() {
        for lanes in [2u32, 3, 8] {
            let mut counts = vec![0u32; lanes as usize];
            for n in 0..8000u32 {
                let f = frame(0, &ipv4(0x0a00_0000 + n % 250, 0x0a00_0100 + n, 6, 0, &[0; 20]));
                counts[lane(&ethernet(&f), lanes, 1) as usize] += 1;
            }
            let fair = 8000 / lanes;
            assert!(counts.iter().all(|c| c.abs_diff(fair) < fair / 5), "{counts:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_goes_to_the_first_lane() {
        let whole = frame(3, &ipv4(1, 2, 1, 0, &[3; 40]));
        for cut in 0..whole.len() {
            assert!(lane(&ethernet(&whole[..cut]), 4, 9) < 4);
        }
        assert_eq!(lane(&ethernet(&[0xff; 60]), 4, 9), 0);
        assert_eq!(lane(&ethernet(&[]), 4, 9), 0);
        let mut sixth = frame(0, &[0x60; 48]);
        sixth[12..14].copy_from_slice(&[0x86, 0xdd]);
        for cut in 0..sixth.len() {
            assert!(lane(&ethernet(&sixth[..cut]), 4, 9) < 4);
        }
    }
}
