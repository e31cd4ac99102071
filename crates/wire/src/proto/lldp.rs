//! LLDP (IEEE 802.1AB-2016), the announcement that a switch or a controller makes of itself: a list of type, length and value.

use super::{be16, be32, text};
use model::Mac;
use model::activity::Lldp;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

/// Bytes kept of each text.
pub const MAX_TEXT: usize = 512;
/// Management addresses kept.
pub const MAX_ADDRESSES: usize = 8;

/// Reads the payload of a frame with `EtherType` 0x88cc into `out`, whose former content is forgotten.
/// False where the three obligatory parts (chassis, port, time to live; clause 8.2) do not stand at the beginning in that order.
/// What follows a damaged part is left out.
pub fn parse(payload: &[u8], out: &mut Lldp) -> bool {
    for s in [&mut out.chassis, &mut out.port, &mut out.name, &mut out.description, &mut out.port_description] {
        s.clear();
    }
    out.addresses.clear();
    out.capabilities = 0;
    out.ttl = 0;

    let mut rest = payload;
    let mut nth = 0usize;
    while let Some(head) = be16(rest, 0) {
        let (kind, length) = (head >> 9, usize::from(head & 0x1ff));
        let Some(value) = rest.get(2..2 + length) else { break };
        rest = rest.get(2 + length..).unwrap_or_default();
        match (nth, kind) {
            (0, 1) => identifier(&mut out.chassis, value, 4, 5),
            (1, 2) => identifier(&mut out.port, value, 3, 4),
            (2, 3) => match be16(value, 0) {
                Some(ttl) => out.ttl = ttl,
                None => return false,
            },
            (0..=2, _) => return false,
            (_, 0) => break,
            (_, 4) => text::set(&mut out.port_description, trimmed(value), MAX_TEXT),
            (_, 5) => text::set(&mut out.name, trimmed(value), MAX_TEXT),
            (_, 6) => text::set(&mut out.description, trimmed(value), MAX_TEXT),
            (_, 7) => out.capabilities = be16(value, 2).unwrap_or(0),
            (_, 8) => {
                if let Some(ip) = management(value)
                    && out.addresses.len() < MAX_ADDRESSES
                    && !out.addresses.contains(&ip)
                {
                    out.addresses.push(ip);
                }
            }
            _ => {}
        }
        nth += 1;
    }
    nth >= 3 && !out.chassis.is_empty()
}

/// Chassis and port identifiers (8.5.2, 8.5.3): the subtype says whether it is a hardware address, a network address or text.
fn identifier(out: &mut String, value: &[u8], mac_subtype: u8, network_subtype: u8) {
    let Some((&subtype, id)) = value.split_first() else { return };
    if subtype == mac_subtype
        && let Ok(mac) = <[u8; 6]>::try_from(id)
    {
        let _ = write!(out, "{}", Mac(mac));
    } else if subtype == network_subtype
        && let Some(ip) = address(id)
    {
        let _ = write!(out, "{ip}");
    } else {
        text::set(out, trimmed(id), MAX_TEXT);
    }
}

/// An address with the IANA address family number before it.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.split_first()? {
        (1, ip) if ip.len() == 4 => be32(ip, 0).map(|n| IpAddr::V4(n.into())),
        (2, ip) => <[u8; 16]>::try_from(ip).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b))),
        _ => None,
    }
}

/// Management address (8.5.9): its length, the address, and an interface number that is not kept.
fn management(value: &[u8]) -> Option<IpAddr> {
    let (&length, rest) = value.split_first()?;
    address(rest.get(..usize::from(length))?)
}

/// Some senders end text with NUL bytes or spaces.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&b| b != 0 && b != b' ').map_or(0, |i| i + 1);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut v = (kind << 9 | value.len() as u16).to_be_bytes().to_vec();
        v.extend_from_slice(value);
        v
    }
    fn sample() -> Vec<u8> {
        [
            tlv(1, &[4, 0, 0x1b, 0x1b, 1, 2, 3]),
            tlv(2, b"\x05port-001"),
            tlv(3, &[0, 120]),
            tlv(4, b"Uplink"),
            tlv(5, "工場スイッチ".as_bytes()),
            tlv(6, b"Switch 2.1\0\0"),
            tlv(7, &[0, 0x14, 0, 0x04]),
            tlv(8, &[5, 1, 192, 168, 0, 9, 2, 0, 0, 0, 1, 0]),
            tlv(127, &[0, 0x0e, 0xcf, 2, 0, 0]),
            tlv(0, &[]),
            vec![0xff; 9],
        ]
        .concat()
    }

    #[test]
    fn reads_every_part() {
        let mut l = Lldp::default();
        assert!(parse(&sample(), &mut l));
        assert_eq!(l.chassis, "00:1b:1b:01:02:03");
        assert_eq!(l.port, "port-001");
        assert_eq!((l.name.as_str(), l.description.as_str(), l.port_description.as_str()), ("工場スイッチ", "Switch 2.1", "Uplink"));
        assert_eq!((l.capabilities, l.ttl), (4, 120));
        assert_eq!(l.addresses, vec!["192.168.0.9".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn what_was_read_before_is_forgotten() {
        let mut l = Lldp::default();
        assert!(parse(&sample(), &mut l));
        let short = [tlv(1, b"\x07plc-1"), tlv(2, b"\x07p"), tlv(3, &[0, 20]), tlv(0, &[])].concat();
        assert!(parse(&short, &mut l));
        assert_eq!(l, Lldp { chassis: "plc-1".into(), port: "p".into(), ttl: 20, ..Lldp::default() });
    }

    #[test]
    fn obligatory_parts_must_lead() {
        let mut l = Lldp::default();
        assert!(!parse(&[], &mut l));
        assert!(!parse(&[tlv(2, b"\x05p"), tlv(1, b"\x07c"), tlv(3, &[0, 1])].concat(), &mut l));
        assert!(!parse(&[tlv(1, b"\x07c"), tlv(2, b"\x05p"), tlv(3, &[0])].concat(), &mut l));
        let whole = sample();
        for cut in 0..24 {
            assert!(!parse(&whole[..cut], &mut l), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut l = Lldp::default();
            parse(&bytes, &mut l);
            prop_assert!(l.name.len() <= MAX_TEXT && l.addresses.len() <= MAX_ADDRESSES);
        }
    }
}
