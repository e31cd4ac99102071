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

/// VXLAN (RFC 7348) on 4789, its generic extension on 4790, Geneve (RFC 8926) on 6081: known by port and by a header that fits.
pub fn in_udp<'a>(udp: &Udp<'a>) -> Option<Net<'a>> {
    let data = udp.payload;
    match udp.to {
        4789 => {
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
        _ => None,
    }
}
