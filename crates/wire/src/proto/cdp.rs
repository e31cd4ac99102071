//! Cisco Discovery Protocol, versions 1 and 2: what a switch, telephone or access point says of itself once a minute.

use super::{be16, be32, ip4, text};
use model::activity::Cdp;
use std::net::{IpAddr, Ipv6Addr};

/// Bytes kept of each text.
pub const MAX_TEXT: usize = 512;
/// Addresses kept.
pub const MAX_ADDRESSES: usize = 16;

/// Reads what follows the SNAP header into `out`, whose former content is forgotten. False where it is no announcement. What follows a
/// damaged part is left out.
pub fn parse(data: &[u8], out: &mut Cdp) -> bool {
    for s in [&mut out.device, &mut out.port, &mut out.platform, &mut out.software] {
        s.clear();
    }
    out.addresses.clear();
    (out.capabilities, out.native_vlan, out.ttl) = (0, None, 0);
    let &[1 | 2, ttl, _, _, ref parts @ ..] = data else { return false };
    out.ttl = ttl;
    let mut left = parts;
    while let (Some(kind), Some(length)) = (be16(left, 0), be16(left, 2)) {
        let Some(value) = left.get(4..usize::from(length)) else { break };
        left = left.get(usize::from(length)..).unwrap_or_default();
        match kind {
            0x0001 => text::set(&mut out.device, trimmed(value), MAX_TEXT),
            0x0002 | 0x0016 => addresses(value, &mut out.addresses),
            0x0003 => text::set(&mut out.port, trimmed(value), MAX_TEXT),
            0x0004 => out.capabilities = be32(value, 0).unwrap_or(0),
            0x0005 => text::set(&mut out.software, trimmed(value), MAX_TEXT),
            0x0006 => text::set(&mut out.platform, trimmed(value), MAX_TEXT),
            0x000a => out.native_vlan = be16(value, 0).map(|v| v & 0x0fff),
            _ => {}
        }
    }
    !out.device.is_empty() || !out.platform.is_empty() || !out.port.is_empty()
}

/// A number of addresses, each with the kind and number of its protocol.
fn addresses(value: &[u8], out: &mut Vec<IpAddr>) {
    let mut left = value.get(4..).unwrap_or_default();
    while let &[kind, length, ref rest @ ..] = left {
        let length = usize::from(length);
        let (Some(protocol), Some(size)) = (rest.get(..length), be16(rest, length)) else { return };
        let from = length + 2;
        let Some(address) = rest.get(from..from + usize::from(size)) else { return };
        left = rest.get(from + usize::from(size)..).unwrap_or_default();
        let ip = match (kind, protocol) {
            // NLPID of IPv4, and the EtherType of IPv6 in SNAP.
            (1, [0xcc]) if address.len() == 4 => ip4(address, 0).map(IpAddr::V4),
            (2, [0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd]) => <[u8; 16]>::try_from(address).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b))),
            _ => None,
        };
        if let Some(ip) = ip
            && out.len() < MAX_ADDRESSES
            && !out.contains(&ip)
        {
            out.push(ip);
        }
    }
}

/// Some senders end text with NUL bytes, line ends or spaces.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&b| b > b' ').map_or(0, |i| i + 1);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(value.len() as u16 + 4).to_be_bytes(), value].concat()
    }
    fn sample() -> Vec<u8> {
        let mut ips = vec![0, 0, 0, 2, 1, 1, 0xcc, 0, 4, 192, 168, 1, 9, 2, 8, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd, 0, 16];
        ips.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        [
            vec![2, 180, 0, 0],
            part(1, b"switch-1\0"),
            part(2, &ips),
            part(3, b"FastEthernet0/13"),
            part(4, &[0, 0, 0, 0x28]),
            part(5, b"IOS 12.2\n"),
            part(6, b"cisco WS-C3560"),
            part(0x0a, &[0, 20]),
        ]
        .concat()
    }

    #[test]
    fn reads_every_part_and_forgets_what_was_before() {
        let mut c = Cdp::default();
        assert!(parse(&sample(), &mut c));
        assert_eq!((c.device.as_str(), c.port.as_str(), c.platform.as_str()), ("switch-1", "FastEthernet0/13", "cisco WS-C3560"));
        assert_eq!((c.software.as_str(), c.capabilities, c.native_vlan, c.ttl), ("IOS 12.2", 0x28, Some(20), 180));
        assert_eq!(c.addresses, ["192.168.1.9".parse::<IpAddr>().unwrap(), "fe80::9".parse().unwrap()]);
        assert!(parse(&[vec![1, 9, 0, 0], part(1, b"x")].concat(), &mut c));
        assert_eq!(c, Cdp { device: "x".into(), ttl: 9, ..Cdp::default() });
    }

    #[test]
    fn every_cut_and_lengths_that_lie_are_survived() {
        let (mut c, whole) = (Cdp::default(), sample());
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut], &mut c), cut >= 4 + 13, "cut at {cut}");
        }
        for lie in [0, 1, 3, 0xffff] {
            let mut bytes = sample();
            bytes[6..8].copy_from_slice(&(lie as u16).to_be_bytes());
            assert!(!parse(&bytes, &mut c), "length {lie}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut c = Cdp::default();
            parse(&[&[2, 1, 0, 0], bytes.as_slice()].concat(), &mut c);
            prop_assert!(c.software.len() <= MAX_TEXT && c.addresses.len() <= MAX_ADDRESSES);
        }
    }
}
