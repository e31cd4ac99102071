//! ICMP (RFC 792), ICMPv6 (RFC 4443), neighbour discovery (RFC 4861).

use super::ip::{self, Ip, number};
use super::{Damage, be16, mac, rest};
use crate::facts::FrameFacts;
use model::activity::Neighbour;
use model::{Endpoint, Transport};
use std::net::{IpAddr, Ipv6Addr};

/// An ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The start of the packet that an error is about.
    pub quoted: Option<&'a [u8]>,
}

/// Reads the head of a message and finds what it quotes.
pub fn message(v6: bool, data: &[u8]) -> Result<Message<'_>, Damage> {
    let &[kind, code, ..] = data else { return Err(Damage) };
    let error = if v6 { matches!(kind, 1..=4) } else { matches!(kind, 3 | 4 | 5 | 11 | 12) };
    let quoted = if error { data.get(8..).filter(|q| !q.is_empty()) } else { None };
    Ok(Message { kind, code, quoted })
}

/// Transport and ends of a quoted packet. Its first 8 bytes of data hold the ports.
pub fn quoted(data: &[u8], facts: &mut FrameFacts) -> Result<(Transport, Endpoint, Endpoint), Damage> {
    let ip: Ip<'_> = ip::quoted(data, facts)?;
    let first = ip.fragment.is_none_or(|f| f.offset == 0);
    let ports = (be16(ip.payload, 0).ok(), be16(ip.payload, 2).ok());
    let (transport, (from, to)) = match ip.protocol {
        number::TCP if first => (Transport::Tcp, ports),
        number::UDP if first => (Transport::Udp, ports),
        number::ICMP => (Transport::Icmp, (None, None)),
        number::ICMPV6 => (Transport::Icmpv6, (None, None)),
        other => (Transport::Ip(other), (None, None)),
    };
    Ok((transport, Endpoint { mac: None, ip: Some(ip.src), port: from }, Endpoint { mac: None, ip: Some(ip.dst), port: to }))
}

/// Router and neighbour messages with the link-layer address that they claim. `None` for other types.
pub fn neighbour(data: &[u8]) -> Result<Option<Neighbour>, Damage> {
    let &[kind, _, ..] = data else { return Err(Damage) };
    let flags = *data.get(4).unwrap_or(&0);
    let (options, target) = match kind {
        133 => (8, None),
        134 => (16, None),
        135 | 136 => {
            let octets: [u8; 16] = data.get(8..24).and_then(|b| b.try_into().ok()).ok_or(Damage)?;
            (24, Some(IpAddr::V6(Ipv6Addr::from(octets))))
        }
        _ => return Ok(None),
    };
    // Source link-layer address (1) in solicitations and router advertisements, target (2) in neighbour advertisements.
    let wanted = if kind == 136 { 2 } else { 1 };
    let mut link = None;
    let mut left = rest(data, options)?;
    while let &[option, units, ..] = left {
        if units == 0 {
            return Err(Damage);
        }
        if option == wanted && units == 1 && link.is_none() {
            link = Some(mac(left, 2)?);
        }
        left = left.get(usize::from(units) * 8..).unwrap_or(&[]);
    }
    Ok(Some(Neighbour {
        icmp_type: kind,
        target,
        link,
        router: kind == 134 || kind == 136 && flags & 0x80 != 0,
        overrides: kind == 136 && flags & 0x20 != 0,
    }))
}
