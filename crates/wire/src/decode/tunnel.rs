//! Packets inside packets: GRE, ERSPAN, VXLAN, Geneve, IP in IP, EtherIP, MPLS in IP.

use super::ip::{Udp, number};
use super::link::{by_ethertype, ethertype, mpls, ppp};
use super::{Damage, Net, be16, be32, rest};
use crate::facts::FrameFacts;

/// What the tunnel with this protocol number holds.
pub fn inside<'a>(protocol: u8, data: &'a [u8], facts: &mut FrameFacts) -> Result<Net<'a>, Damage> {
    match protocol {
        number::IPIP | number::IPV6 if !data.is_empty() => Ok(Net::Ip(data)),
        number::GRE => gre(data, facts),
        // EtherIP (RFC 3378): version 3 and 12 bits of 0.
        number::ETHERIP => Ok(Net::Ethernet(rest(data, 2)?)),
        number::MPLS => mpls(data),
        _ => Err(Damage),
    }
}

/// GRE (RFC 2784, RFC 2890), its PPTP form (RFC 2637), and ERSPAN in it.
fn gre<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Net<'a>, Damage> {
    let (flags, kind) = (be16(data, 0)?, be16(data, 2)?);
    let mut at = 4;
    if flags & 7 == 1 {
        at += 4;
        at += if flags & 0x1000 != 0 { 4 } else { 0 };
        at += if flags & 0x0080 != 0 { 4 } else { 0 };
        let body = rest(data, at)?;
        return if body.is_empty() { Ok(Net::Nothing) } else { ppp(body, facts) };
    }
    // Checksum and routing share one word.
    at += if flags & 0xc000 != 0 { 4 } else { 0 };
    at += if flags & 0x2000 != 0 { 4 } else { 0 };
    let sequenced = flags & 0x1000 != 0;
    at += if sequenced { 4 } else { 0 };
    if flags & 0x4000 != 0 {
        // Source route entries (RFC 1701): family, offset, length, until an empty one.
        loop {
            let (family, length) = (be16(data, at)?, usize::from(be16(data, at + 2)? & 0xff));
            at += 4 + length;
            if family == 0 && length == 0 {
                break;
            }
        }
    }
    let body = rest(data, at)?;
    match kind {
        // Type I has no header of its own and no sequence number.
        ethertype::ERSPAN if !sequenced => Ok(Net::Ethernet(body)),
        ethertype::ERSPAN => Ok(Net::Ethernet(rest(body, 8)?)),
        ethertype::ERSPAN3 => {
            let more = if be32(body, 8)? & 1 != 0 { 8 } else { 0 };
            Ok(Net::Ethernet(rest(body, 12 + more)?))
        }
        ethertype::PPP => ppp(body, facts),
        // Cisco's web cache protocol puts a redirect header before some packets.
        0x883e => Ok(if body.first().is_some_and(|b| b >> 4 == 4) { Net::Ip(body) } else { Net::Ip(rest(body, 4)?) }),
        // Keep-alives have no protocol.
        0 => Ok(Net::Nothing),
        _ => by_ethertype(kind, body, facts).map(|(net, _)| net),
    }
}

/// VXLAN (RFC 7348) on 4789, its generic extension on 4790, Geneve (RFC 8926) on 6081, GTP on 2152, Teredo on 3544: known by port and by a
/// header that fits.
pub fn in_udp<'a>(udp: &Udp<'a>) -> Option<Net<'a>> {
    let data = udp.payload;
    match udp.to {
        // 8472 is what Linux and older VMware use; there the reserved bytes must be empty too.
        8472 if !matches!(data, [0x08, 0, 0, 0, _, _, _, 0, ..]) => None,
        4789 | 8472 => {
            let &[flags, _, _, _, _, _, _, zero, ..] = data else { return None };
            (flags & 0x08 != 0 && zero == 0 && data.len() > 8 + 14).then(|| Net::Ethernet(&data[8..]))
        }
        4790 => {
            let &[flags, _, _, next, _, _, _, _, ..] = data else { return None };
            let body = data.get(8..)?;
            match (flags & 0x0c, next) {
                (0x0c, 1 | 2) if !body.is_empty() => Some(Net::Ip(body)),
                (0x0c, 3) | (0x08, _) => Some(Net::Ethernet(body)),
                _ => None,
            }
        }
        6081 => {
            let &[first, _, t0, t1, ..] = data else { return None };
            let body = data.get(8 + usize::from(first & 0x3f) * 4..)?;
            match (first >> 6, u16::from_be_bytes([t0, t1])) {
                (0, ethertype::TEB) => Some(Net::Ethernet(body)),
                (0, ethertype::IPV4 | ethertype::IPV6) if !body.is_empty() => Some(Net::Ip(body)),
                _ => None,
            }
        }
        2152 => gtp(data),
        3544 => teredo(data),
        _ if udp.from == 3544 => teredo(data),
        _ => None,
    }
}

/// A packet in GTP version 1, user plane (3GPP TS 29.281, 5.1): flags, type 255, length, tunnel; with any of three flags four more bytes, the
/// last of which begins a chain of extension headers.
fn gtp(data: &[u8]) -> Option<Net<'_>> {
    let &[flags, 255, l0, l1, _, _, _, _, ref rest @ ..] = data else { return None };
    if flags & 0xf0 != 0x30 {
        return None;
    }
    let mut body = rest.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
    if flags & 7 != 0 {
        let mut next = *body.get(3)?;
        body = body.get(4..)?;
        for _ in 0..8 {
            if next == 0 {
                break;
            }
            let length = usize::from(*body.first()?) * 4;
            next = *body.get(length.checked_sub(1)?)?;
            body = body.get(length..)?;
        }
    }
    matches!(body.first()? >> 4, 4 | 6).then_some(Net::Ip(body))
}

/// IPv6 in Teredo (RFC 4380, 5.1.1): after an authentication and an origin indication, either of which may be missing. Known by the prefix
/// 2001:0::/32 or a link-local address in the packet.
fn teredo(data: &[u8]) -> Option<Net<'_>> {
    let mut body = data;
    if let &[0, 1, id, auth, ..] = body {
        body = body.get(13 + usize::from(id) + usize::from(auth)..)?;
    }
    if let [0, 0, _, _, _, _, _, _, rest @ ..] = body {
        body = rest;
    }
    let own = |at: usize| body.get(at..at + 4).is_some_and(|a| a == [0x20, 1, 0, 0] || a.starts_with(&[0xfe, 0x80]));
    (body.first()? >> 4 == 6 && (own(8) || own(24))).then_some(Net::Ip(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(to: u16, payload: &[u8]) -> Udp<'_> {
        Udp { from: 50_000, to, payload }
    }
    fn v6() -> Vec<u8> {
        let mut p = vec![0x60, 0, 0, 0, 0, 0, 59, 21, 0x20, 1, 0, 0, 1, 2, 3, 4];
        p.resize(40, 9);
        p
    }

    #[test]
    fn packets_of_mobile_networks_are_found_behind_their_options() {
        let plain = [&[0x30, 0xff, 0, 40, 0, 0, 0, 1][..], &v6()].concat();
        assert_eq!(in_udp(&udp(2152, &plain)), Some(Net::Ip(&plain[8..])));
        let long = [&[0x34, 0xff, 0, 48, 0, 0, 0, 1, 0, 7, 0, 0x85, 1, 0x10, 5, 0][..], &v6()].concat();
        assert_eq!(in_udp(&udp(2152, &long)), Some(Net::Ip(&long[16..])));
        // An extension without length, an echo, version 2.
        let mut endless = long.clone();
        endless[12] = 0;
        assert_eq!(in_udp(&udp(2152, &endless)), None);
        assert_eq!(in_udp(&udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0])), None);
        for cut in 0..long.len() {
            assert_eq!(in_udp(&udp(2152, &long[..cut])), None, "cut at {cut}");
        }
    }

    #[test]
    fn teredo_is_known_by_its_addresses() {
        let (plain, origin) = (v6(), [&[0u8, 0, 1, 2, 3, 4, 5, 6][..], &v6()].concat());
        let both = [&[0u8, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0][..], &origin].concat();
        for (packet, at) in [(&plain, 0), (&origin, 8), (&both, 21)] {
            assert_eq!(in_udp(&udp(3544, packet)), Some(Net::Ip(&packet[at..])));
        }
        let mut other = v6();
        other[8] = 0x24;
        assert_eq!(in_udp(&udp(3544, &other)), None);
        for cut in 0..28 {
            assert!(in_udp(&udp(3544, &both[..cut])).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn vxlan_on_the_port_of_linux_needs_an_empty_header() {
        let frame = [&[8u8, 0, 0, 0, 0, 0, 7, 0][..], &[2; 60]].concat();
        assert!(in_udp(&udp(8472, &frame)).is_some() && in_udp(&udp(4789, &frame)).is_some());
        let mut odd = frame.clone();
        odd[2] = 1;
        assert!(in_udp(&udp(8472, &odd)).is_none() && in_udp(&udp(4789, &odd)).is_some());
    }
}
