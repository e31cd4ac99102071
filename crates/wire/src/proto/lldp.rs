//! LLDP (IEEE 802.1AB-2016), the announcement that a switch or a controller makes of itself: a list of type, length and value; with what
//! organisations add (type 127): VLANs (IEEE 802.1Q, annex D), power (IEEE 802.3, 79), the inventory of LLDP-MED (ANSI/TIA-1057, 10.2.6) and
//! whether it speaks PROFINET (IEC 61784-2).

use super::{be16, be24, be32, text};
use model::Mac;
use model::activity::Lldp;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

/// Bytes kept of each text.
pub const MAX_TEXT: usize = 512;
/// Management addresses kept.
pub const MAX_ADDRESSES: usize = 8;
/// VLANs with a name kept.
pub const MAX_VLANS: usize = 16;

/// Reads the payload of a frame with `EtherType` 0x88cc into `out`, whose former content is forgotten.
/// False where the three obligatory parts (chassis, port, time to live; clause 8.2) do not stand at the beginning in that order.
/// What follows a damaged part is left out.
pub fn parse(payload: &[u8], out: &mut Lldp) -> bool {
    for s in [&mut out.chassis, &mut out.port, &mut out.name, &mut out.description, &mut out.port_description] {
        s.clear();
    }
    for s in [&mut out.hardware, &mut out.firmware, &mut out.software, &mut out.serial, &mut out.maker, &mut out.model, &mut out.asset] {
        s.clear();
    }
    out.addresses.clear();
    (out.capabilities, out.ttl, out.med_class) = (0, 0, 0);
    (out.vlan, out.voice_vlan, out.power, out.profinet) = (None, None, false, false);
    // Names of VLANs are few and seldom change: those there are filled again.
    let mut vlans = 0;

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
            (_, 127) => organisation(out, value, &mut vlans),
            _ => {}
        }
        nth += 1;
    }
    out.vlans.truncate(vlans);
    nth >= 3 && !out.chassis.is_empty()
}

/// What an organisation defines: three bytes say who, one which (8.6). `vlans` counts those in `out.vlans` that are of this frame.
fn organisation(out: &mut Lldp, value: &[u8], vlans: &mut usize) {
    let Some((&[a, b, c, subtype], info)) = value.split_first_chunk::<4>() else { return };
    match ([a, b, c], subtype) {
        // IEEE 802.1: VLAN of untagged frames (0 says there is none), VLAN name.
        ([0x00, 0x80, 0xc2], 1) => out.vlan = be16(info, 0).map(|v| v & 0xfff).filter(|v| *v != 0),
        ([0x00, 0x80, 0xc2], 3) => {
            let name = info.get(2).and_then(|n| info.get(3..3 + usize::from(*n)));
            if let (Some(id), Some(name)) = (be16(info, 0), name)
                && *vlans < MAX_VLANS
            {
                if out.vlans.len() == *vlans {
                    out.vlans.push((0, String::new()));
                }
                if let Some(place) = out.vlans.get_mut(*vlans) {
                    place.0 = id & 0xfff;
                    text::set(&mut place.1, trimmed(name), MAX_TEXT);
                    *vlans += 1;
                }
            }
        }
        // IEEE 802.3: power via MDI, supported and enabled.
        ([0x00, 0x12, 0x0f], 2) => out.power = info.first().is_some_and(|bits| bits & 6 == 6),
        // LLDP-MED: capabilities with the class, network policy (voice: application type 1, VLAN in bits 1 to 12 of the next 24), inventory.
        ([0x00, 0x12, 0xbb], 1) => out.med_class = info.get(2).copied().unwrap_or(0),
        ([0x00, 0x12, 0xbb], 2) => {
            if let (Some(1), Some(policy)) = (info.first(), be24(info, 1)) {
                out.voice_vlan = Some((policy >> 9 & 0xfff) as u16).filter(|v| *v != 0 && policy & 0x40_0000 != 0);
            }
        }
        ([0x00, 0x12, 0xbb], 5..=11) => {
            let place = match subtype {
                5 => &mut out.hardware,
                6 => &mut out.firmware,
                7 => &mut out.software,
                8 => &mut out.serial,
                9 => &mut out.maker,
                10 => &mut out.model,
                _ => &mut out.asset,
            };
            text::set(place, trimmed(info), MAX_TEXT);
        }
        ([0x00, 0x0e, 0xcf], _) => out.profinet = true,
        _ => {}
    }
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
    fn what_organisations_add_is_read() {
        let org = |oui: [u8; 3], subtype: u8, info: &[u8]| tlv(127, &[&oui[..], &[subtype], info].concat());
        let (dot1, dot3, med) = ([0, 0x80, 0xc2], [0, 0x12, 0x0f], [0, 0x12, 0xbb]);
        let mut parts = vec![tlv(1, b"\x07c"), tlv(2, b"\x07p"), tlv(3, &[0, 20])];
        parts.extend([org(dot1, 1, &[0, 30]), org(dot1, 3, b"\0\x1e\x04Line"), org(dot1, 3, b"\0\x28\x06Office")]);
        parts.extend([org(dot1, 3, b"\0\x28\xffcut"), org(dot3, 2, &[7, 1, 1]), org(med, 1, &[0, 0x3f, 3])]);
        // Voice, tagged, VLAN 100; video with another one.
        parts.extend([org(med, 2, &[1, 0x40, 0xc8, 0]), org(med, 2, &[6, 0x40, 0x10, 0])]);
        for (subtype, info) in [(5u8, "hw1"), (6, "fw2"), (7, "sw3"), (8, "SN4"), (9, "Siemens AG"), (10, "XB008 "), (11, "A-17")] {
            parts.push(org(med, subtype, info.as_bytes()));
        }
        parts.push(org([0, 0x0e, 0xcf], 5, &[0, 0x1b, 0x1b, 1, 2, 3]));
        let mut l = Lldp::default();
        assert!(parse(&parts.concat(), &mut l));
        assert_eq!((l.vlan, l.voice_vlan, l.power, l.med_class, l.profinet), (Some(30), Some(100), true, 3, true));
        assert_eq!(l.vlans, [(30, "Line".to_string()), (40, "Office".to_string())]);
        let inventory = [&l.hardware, &l.firmware, &l.software, &l.serial, &l.maker, &l.model, &l.asset];
        assert_eq!(inventory, ["hw1", "fw2", "sw3", "SN4", "Siemens AG", "XB008", "A-17"]);
        assert!(parse(&parts[..3].concat(), &mut l));
        assert_eq!((l.vlan, l.vlans.len(), l.maker.as_str(), l.profinet), (None, 0, "", false));
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
