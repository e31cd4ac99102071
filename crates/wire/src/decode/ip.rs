//! IPv4 (RFC 791), IPv6 (RFC 8200) with extension headers, and the headers of TCP and UDP.

use super::{Damage, be16, be32, rest};
use crate::facts::{FrameFacts, Layers};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Numbers of the protocols that lead on (IANA protocol numbers).
pub mod number {
    /// ICMP
    pub const ICMP: u8 = 1;
    /// IGMP
    pub const IGMP: u8 = 2;
    /// IPv4 in IP
    pub const IPIP: u8 = 4;
    /// TCP
    pub const TCP: u8 = 6;
    /// UDP
    pub const UDP: u8 = 17;
    /// IPv6 in IP
    pub const IPV6: u8 = 41;
    /// GRE
    pub const GRE: u8 = 47;
    /// ICMPv6
    pub const ICMPV6: u8 = 58;
    /// EtherIP
    pub const ETHERIP: u8 = 97;
    /// MPLS in IP
    pub const MPLS: u8 = 137;
}

/// Extension headers in a row that are read; more is damage.
const MAX_EXTENSIONS: u8 = 12;

/// A piece of a larger datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification.
    pub id: u32,
    /// Place of the first byte.
    pub offset: u32,
    /// More follow.
    pub more: bool,
}

/// An Internet header with what it carries.
#[derive(Clone, Copy, Debug)]
pub struct Ip<'a> {
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
    /// Number of the protocol carried, behind extension headers.
    pub protocol: u8,
    /// What is carried, without padding, as far as captured.
    pub payload: &'a [u8],
    /// Bytes that the headers promise beyond `payload`: the capture was cut.
    pub cut: usize,
    /// It is a fragment.
    pub fragment: Option<Fragment>,
}

impl Ip<'_> {
    /// IPv6.
    pub fn v6(&self) -> bool {
        self.src.is_ipv6()
    }
}

/// Reads an Internet header; the version is told by the first nibble. Adds the layer and the addresses to `facts`.
pub fn packet<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Ip<'a>, Damage> {
    match data.first().ok_or(Damage)? >> 4 {
        4 => {
            facts.layers.add(Layers::IPV4);
            let ip = v4(data).inspect_err(|_| partial(data, facts))?;
            facts.ips.push(ip.src);
            facts.ips.push(ip.dst);
            Ok(ip)
        }
        6 => {
            facts.layers.add(Layers::IPV6);
            v6(data, facts)
        }
        _ => Err(Damage),
    }
}

/// The same for a packet quoted in an ICMP error: the length it claims is that of the original.
pub fn quoted<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Ip<'a>, Damage> {
    let ip = match data.first().ok_or(Damage)? >> 4 {
        4 => v4(data)?,
        6 => return v6(data, facts),
        _ => return Err(Damage),
    };
    facts.ips.push(ip.src);
    facts.ips.push(ip.dst);
    Ok(ip)
}

/// The sender of a packet whose header the capture cut behind that.
fn partial(data: &[u8], facts: &mut FrameFacts) {
    if data.len() < 20
        && let Ok(src) = be32(data, 12)
    {
        facts.ips.push(IpAddr::V4(Ipv4Addr::from_bits(src)));
    }
}

fn v4(data: &[u8]) -> Result<Ip<'_>, Damage> {
    let &[first, _, l0, l1, i0, i1, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3, ..] = data else { return Err(Damage) };
    let header = usize::from(first & 15) * 4;
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    if header < 20 {
        return Err(Damage);
    }
    // Total length 0 is what a large send shows before the card cuts it into segments.
    let total = if total == 0 { data.len() } else { total };
    if total < header {
        return Err(Damage);
    }
    let payload = data.get(header..total.min(data.len())).ok_or(Damage)?;
    let bits = u16::from_be_bytes([f0, f1]);
    let (offset, more) = (u32::from(bits & 0x1fff) * 8, bits & 0x2000 != 0);
    let mut ip = Ip {
        src: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        dst: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        protocol,
        payload,
        cut: total.saturating_sub(data.len()),
        fragment: (more || offset != 0).then(|| Fragment { id: u32::from(u16::from_be_bytes([i0, i1])), offset, more }),
    };
    // IPsec authentication header (RFC 4302): what follows is in clear.
    if protocol == 51
        && ip.fragment.is_none()
        && let &[next, length, ..] = payload
        && let Some(inner) = payload.get((usize::from(length) + 2) * 4..)
    {
        (ip.protocol, ip.payload) = (next, inner);
    }
    Ok(ip)
}

fn v6<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Ip<'a>, Damage> {
    let address = |at: usize| {
        let octets = data.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok()).ok_or(Damage)?;
        Ok(IpAddr::V6(Ipv6Addr::from(octets)))
    };
    // Told one by one: the capture may be cut between them.
    let src = address(8)?;
    facts.ips.push(src);
    let dst = address(24)?;
    facts.ips.push(dst);
    let length = usize::from(be16(data, 4)?);
    // Length 0: jumbogram (RFC 2675) or a large send.
    let total = if length == 0 { data.len() } else { 40 + length };
    let mut next = *data.get(6).ok_or(Damage)?;
    let mut left = data.get(40..total.min(data.len())).ok_or(Damage)?;
    let mut fragment = None;
    for _ in 0..MAX_EXTENSIONS {
        let size = match next {
            // Hop by hop, routing, destination, mobility, host identity, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(*left.get(1).ok_or(Damage)?) + 1) * 8,
            51 => (usize::from(*left.get(1).ok_or(Damage)?) + 2) * 4,
            44 => {
                let bits = be16(left, 2)?;
                let found = Fragment { id: be32(left, 4)?, offset: u32::from(bits & 0xfff8), more: bits & 1 != 0 };
                next = *left.first().ok_or(Damage)?;
                left = rest(left, 8)?;
                // A fragment that is the whole (RFC 6946) goes on; of another only the first holds further headers.
                if found.offset != 0 || found.more {
                    fragment = Some(found);
                    break;
                }
                continue;
            }
            _ => break,
        };
        next = *left.first().ok_or(Damage)?;
        left = rest(left, size)?;
    }
    Ok(Ip { src, dst, protocol: next, payload: left, cut: total.saturating_sub(data.len()), fragment })
}

/// TCP (RFC 9293).
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// Source port.
    pub from: u16,
    /// Destination port.
    pub to: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Data as far as captured.
    pub payload: &'a [u8],
    /// Bytes of data that the capture cut off.
    pub cut: u32,
}

/// UDP (RFC 768).
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    /// Source port.
    pub from: u16,
    /// Destination port.
    pub to: u16,
    /// Data as far as captured.
    pub payload: &'a [u8],
}

/// What an Internet packet carries.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    /// TCP.
    Tcp(Tcp<'a>),
    /// UDP.
    Udp(Udp<'a>),
    /// ICMP or ICMPv6, by the version of the header before it.
    Icmp(&'a [u8]),
    /// Something that holds packets itself; the protocol's number.
    Tunnel(u8),
    /// Something else.
    Other(u8),
}

/// Reads what `ip` carries; it must not be a fragment.
pub fn transport<'a>(ip: &Ip<'a>) -> Result<Carried<'a>, Damage> {
    let data = ip.payload;
    match ip.protocol {
        number::TCP => tcp(data, ip.cut).map(Carried::Tcp),
        number::UDP => {
            let &[f0, f1, t0, t1, l0, l1, _, _, ..] = data else { return Err(Damage) };
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            // Length 0: a jumbo datagram (RFC 2675).
            let payload = if length == 0 { rest(data, 8)? } else { data.get(8..length.min(data.len())).ok_or(Damage)? };
            Ok(Carried::Udp(Udp { from: u16::from_be_bytes([f0, f1]), to: u16::from_be_bytes([t0, t1]), payload }))
        }
        number::ICMP if !ip.v6() => Ok(Carried::Icmp(data)),
        number::ICMPV6 if ip.v6() => Ok(Carried::Icmp(data)),
        number::IPIP | number::IPV6 | number::GRE | number::ETHERIP | number::MPLS => Ok(Carried::Tunnel(ip.protocol)),
        other => Ok(Carried::Other(other)),
    }
}

fn tcp(data: &[u8], cut: usize) -> Result<Tcp<'_>, Damage> {
    let &[f0, f1, t0, t1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, _, _, _, _, _, _, ..] = data else { return Err(Damage) };
    let header = usize::from(offset >> 4) * 4;
    if header < 20 {
        return Err(Damage);
    }
    // The capture may be cut inside the options; then all of the data is missing.
    let (payload, cut) = match data.get(header..) {
        Some(payload) => (payload, cut),
        // A header that claims more than its packet holds still names its conversation.
        None => (&data[..0], cut.saturating_sub(header - data.len())),
    };
    Ok(Tcp {
        from: u16::from_be_bytes([f0, f1]),
        to: u16::from_be_bytes([t0, t1]),
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        payload,
        cut: cut as u32,
    })
}
