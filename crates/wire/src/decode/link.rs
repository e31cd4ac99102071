//! Link layers: Ethernet and its tags, Linux cooked capture, loopback, raw IP, PPP, netfilter log.

use super::{Damage, Frame, Net, be16, be32, mac, rest, wlan};
use crate::facts::{FrameFacts, Layers};
use crate::packet::LinkType;
use model::Mac;
use std::net::Ipv4Addr;

/// EtherTypes that lead on (IEEE 802 numbers).
pub mod ethertype {
    /// IPv4
    pub const IPV4: u16 = 0x0800;
    /// ARP
    pub const ARP: u16 = 0x0806;
    /// Reverse ARP
    pub const RARP: u16 = 0x8035;
    /// Transparent Ethernet bridging
    pub const TEB: u16 = 0x6558;
    /// IPv6
    pub const IPV6: u16 = 0x86dd;
    /// PPP (in GRE)
    pub const PPP: u16 = 0x880b;
    /// LLDP
    pub const LLDP: u16 = 0x88cc;
    /// EAP over LAN (IEEE 802.1X)
    pub const EAPOL: u16 = 0x888e;
    /// ERSPAN type I and II (in GRE)
    pub const ERSPAN: u16 = 0x88be;
    /// ERSPAN type III (in GRE)
    pub const ERSPAN3: u16 = 0x22eb;
}

/// Tags inside tags that are read; more is damage.
const MAX_TAGS: u8 = 16;

/// The first layer of a captured frame.
pub fn frame<'a>(link: LinkType, data: &'a [u8], facts: &mut FrameFacts) -> Result<Frame<'a>, Damage> {
    let bare = |net| Frame { src: None, dst: None, vlan: 0, net };
    match link {
        LinkType::ETHERNET => ethernet(data, facts),
        LinkType::NULL => {
            let &[a, b, c, d, ..] = data else { return Err(Damage) };
            let body = rest(data, 4)?;
            let (little, big) = (u32::from_le_bytes([a, b, c, d]), u32::from_be_bytes([a, b, c, d]));
            let family = match (little, big) {
                (l, _) if l <= 0xffff => l,
                (_, b) if b <= 0xffff => b,
                // PPP under this link type, as old Linux wrote it.
                (_, 0xff03_0021 | 0xff03_0057) => return Ok(bare(Net::Ip(body))),
                (_, b) => b & 0xffff,
            };
            // Some drivers put an EtherType there.
            if family > 1500 {
                let (net, vlan) = by_ethertype(family as u16, body, facts)?;
                return Ok(Frame { vlan, ..bare(net) });
            }
            Ok(bare(family_net(family, body)))
        }
        LinkType::LOOP => Ok(bare(family_net(be32(data, 0)?, rest(data, 4)?))),
        LinkType::RAW | LinkType::RAW_BSD | LinkType(14) | LinkType::IPV4 | LinkType::IPV6 => {
            if data.is_empty() {
                return Err(Damage);
            }
            Ok(bare(Net::Ip(data)))
        }
        LinkType::LINUX_SLL => {
            let kind = be16(data, 14)?;
            cooked(be16(data, 2)?, be16(data, 4)?, 6, kind, data, 16, facts)
        }
        LinkType::LINUX_SLL2 => {
            let length = be16(data, 10)? & 0xff;
            cooked(be16(data, 8)?, length, 12, be16(data, 0)?, data, 20, facts)
        }
        LinkType::IEEE802_11 => wlan::frame(data, false, facts),
        LinkType::IEEE802_11_RADIOTAP => wlan::radiotap(data, facts),
        // Prism: length in host order at 4; AVS: in network order at 4.
        LinkType(119) => {
            let &[_, _, _, _, a, b, c, d, ..] = data else { return Err(Damage) };
            let length = if data.starts_with(&[0x80, 0x21]) { u32::from_be_bytes([a, b, c, d]) } else { u32::from_le_bytes([a, b, c, d]) };
            wlan::frame(rest(data, length as usize)?, false, facts)
        }
        LinkType(163) => wlan::frame(rest(data, be32(data, 4)? as usize)?, false, facts),
        LinkType::PPP | LinkType(50) => ppp(data, facts).map(bare),
        // PPPoE session frames without Ethernet.
        LinkType(51) => pppoe(data, facts).map(bare),
        // Cisco HDLC: address, control, EtherType.
        LinkType(104) => {
            let (net, vlan) = by_ethertype(be16(data, 2)?, rest(data, 4)?, facts)?;
            Ok(Frame { vlan, ..bare(net) })
        }
        LinkType::NFLOG => nflog(data, facts),
        _ => Ok(bare(Net::Nothing)),
    }
}

fn family_net(family: u32, payload: &[u8]) -> Net<'_> {
    // AF_INET is 2 everywhere; AF_INET6 is 24, 28 or 30 on the BSDs, 10 on Linux, 23 on Windows.
    match family {
        2 | 10 | 23 | 24 | 28 | 30 if !payload.is_empty() => Net::Ip(payload),
        _ => Net::Nothing,
    }
}

/// Ethernet II, IEEE 802.3 with LLC, SNAP.
pub fn ethernet<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Frame<'a>, Damage> {
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1, ref payload @ ..] = data else { return Err(Damage) };
    let (dst, src) = (Mac([d0, d1, d2, d3, d4, d5]), Mac([s0, s1, s2, s3, s4, s5]));
    facts.macs.push(dst);
    facts.macs.push(src);
    // What follows may be damaged; the addresses still hold.
    let kind = u16::from_be_bytes([t0, t1]);
    let (net, vlan) = by_ethertype(kind, payload, facts).unwrap_or_else(|Damage| {
        facts.layers.add(Layers::DAMAGED);
        (Net::Other(kind), 0)
    });
    Ok(Frame { src: Some(src), dst: Some(dst), vlan, net })
}

/// What an EtherType or 802.3 length leads to, with the outermost VLAN identifier that is not 0.
pub fn by_ethertype<'a>(mut kind: u16, mut data: &'a [u8], facts: &mut FrameFacts) -> Result<(Net<'a>, u16), Damage> {
    let mut vlan = 0;
    let mut tags = 0;
    loop {
        tags += 1;
        if tags > MAX_TAGS {
            return Err(Damage);
        }
        match kind {
            ethertype::IPV4 | ethertype::IPV6 => {
                // The EtherType says that it is there, even where its version is broken.
                let version = data.first().ok_or(Damage)? >> 4;
                if !matches!(version, 4 | 6) {
                    facts.layers.add(if kind == ethertype::IPV4 { Layers::IPV4 } else { Layers::IPV6 });
                    return Err(Damage);
                }
                return Ok((Net::Ip(data), vlan));
            }
            ethertype::ARP | ethertype::RARP => return Ok((Net::Arp(data), vlan)),
            ethertype::LLDP => return Ok((Net::Lldp(data), vlan)),
            ethertype::EAPOL => return Ok((Net::Eapol(data), vlan)),
            // 802.1Q, 802.1ad and the numbers used before it.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                let id = be16(data, 0)? & 0x0fff;
                facts.vlans.push(id);
                if vlan == 0 {
                    vlan = id;
                }
                kind = be16(data, 2)?;
                data = rest(data, 4)?;
            }
            0x8847 | 0x8848 => return mpls(data).map(|net| (net, vlan)),
            0x8864 => return pppoe(data, facts).map(|net| (net, vlan)),
            ethertype::TEB => return Ok((Net::Ethernet(data), vlan)),
            // Provider backbone bridge: flags and service id, then a whole frame.
            0x88e7 => return Ok((Net::Ethernet(rest(data, 4)?), vlan)),
            // 802.1BR E-tag.
            0x893f => {
                kind = be16(data, 6)?;
                data = rest(data, 8)?;
            }
            0..=1500 => {
                // IEEE 802.3: a length. Shorter than what is there means padding.
                let body = data.get(..usize::from(kind)).unwrap_or(data);
                return llc(body, facts).map(|net| (net, vlan));
            }
            other => return Ok((Net::Other(other), vlan)),
        }
    }
}

/// IEEE 802.2, with SNAP (RFC 1042) where it is that.
pub(super) fn llc<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Net<'a>, Damage> {
    match data {
        // RFC 1042, and bridge-tunnel encapsulation.
        [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, t0, t1, rest @ ..] => {
            let kind = u16::from_be_bytes([*t0, *t1]);
            if kind <= 1500 {
                return Ok(Net::Other(0));
            }
            by_ethertype(kind, rest, facts).map(|(net, _)| net)
        }
        // Spanning tree, and its form for each VLAN of Cisco.
        [0x42, 0x42, 0x03, rest @ ..] => Ok(Net::Bpdu(rest, false)),
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x01, 0x0b, rest @ ..] => Ok(Net::Bpdu(rest, true)),
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00, rest @ ..] => Ok(Net::Cdp(rest)),
        // IP directly over LLC.
        [0x06, 0x06, 0x03, rest @ ..] if !rest.is_empty() => Ok(Net::Ip(rest)),
        _ => Ok(Net::Other(0)),
    }
}

/// MPLS label stack (RFC 3032): what is below the bottom is guessed from the first nibble (RFC 4928).
pub(super) fn mpls(mut data: &[u8]) -> Result<Net<'_>, Damage> {
    for _ in 0..MAX_TAGS {
        let label = be32(data, 0)?;
        data = rest(data, 4)?;
        if label & 0x100 != 0 {
            return Ok(match data.first().ok_or(Damage)? >> 4 {
                4 | 6 => Net::Ip(data),
                // Pseudowire control word (RFC 4385), then Ethernet.
                0 if data.len() >= 18 => Net::Ethernet(rest(data, 4)?),
                // Associated channel.
                1 => Net::Other(0x8847),
                _ if data.len() >= 14 => Net::Ethernet(data),
                _ => Net::Other(0x8847),
            });
        }
    }
    Err(Damage)
}

/// PPPoE session stage (RFC 2516).
fn pppoe<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Net<'a>, Damage> {
    if *data.first().ok_or(Damage)? != 0x11 {
        return Err(Damage);
    }
    let length = usize::from(be16(data, 4)?);
    let body = rest(data, 6)?;
    ppp(body.get(..length).unwrap_or(body), facts)
}

/// PPP (RFC 1661, RFC 1662): address and control may be compressed away, and so may the protocol's first byte.
pub(super) fn ppp<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Net<'a>, Damage> {
    let data = match data {
        [0xff, 0x03, rest @ ..] => rest,
        // Cisco HDLC unicast and multicast.
        [0x0f | 0x8f, 0x00, t0, t1, rest @ ..] => return by_ethertype(u16::from_be_bytes([*t0, *t1]), rest, facts).map(|(net, _)| net),
        all => all,
    };
    let (protocol, data) = match data {
        [first, rest @ ..] if first & 1 == 1 => (u16::from(*first), rest),
        [a, b, rest @ ..] => (u16::from_be_bytes([*a, *b]), rest),
        _ => return Err(Damage),
    };
    Ok(match protocol {
        0x0021 | 0x0057 if !data.is_empty() => Net::Ip(data),
        0x0281 | 0x0283 => mpls(data)?,
        _ => Net::Nothing,
    })
}

/// Linux cooked capture: hardware type, address length, place of the address, protocol, header length.
fn cooked<'a>(
    hardware: u16,
    length: u16,
    address: usize,
    kind: u16,
    data: &'a [u8],
    header: usize,
    facts: &mut FrameFacts,
) -> Result<Frame<'a>, Damage> {
    let payload = rest(data, header)?;
    // Netlink (824) has no such address; a frame without one has length 0.
    let src = if length == 6 && hardware != 824 { Some(mac(data, address)?) } else { None };
    if let Some(src) = src {
        facts.macs.push(src);
    }
    let (net, vlan) = match (hardware, kind) {
        (824, _) => (Net::Nothing, 0),
        // GRE over IP (778) carries the inner protocol's number as Ethernet does.
        (_, 0x0001) => (Net::Other(0x8137), 0),
        (_, 0x0004) => (llc(payload, facts)?, 0),
        (_, 0x0003 | 0x000c | 0x0060) => (Net::Nothing, 0),
        _ => by_ethertype(kind, payload, facts)?,
    };
    Ok(Frame { src, dst: None, vlan, net })
}

/// Linux netfilter log: family, then attributes in the byte order of the machine that captured.
fn nflog<'a>(data: &'a [u8], _facts: &mut FrameFacts) -> Result<Frame<'a>, Damage> {
    let nothing = Frame { src: None, dst: None, vlan: 0, net: Net::Nothing };
    let family = *data.first().ok_or(Damage)?;
    let mut left = rest(data, 4)?;
    while let &[l0, l1, t0, t1, ..] = left {
        let (mut length, mut kind) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([t0, t1]));
        if kind & 0x7fff > 255 || usize::from(length) > left.len() {
            (length, kind) = (length.swap_bytes(), kind.swap_bytes());
        }
        let length = usize::from(length);
        if length < 4 {
            return Err(Damage);
        }
        let cut = left.get(4..length).or_else(|| left.get(4..)).ok_or(Damage)?;
        if kind & 0x7fff == 9 {
            return Ok(match family {
                2 | 10 if !cut.is_empty() => Frame { net: Net::Ip(cut), ..nothing },
                _ => nothing,
            });
        }
        left = left.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(nothing)
}

/// ARP for Ethernet and IPv4 (RFC 826). `None` for other address kinds.
pub fn arp(data: &[u8]) -> Result<Option<model::activity::Arp>, Damage> {
    let (hardware, protocol, sizes, operation) = (be16(data, 0)?, be16(data, 2)?, be16(data, 4)?, be16(data, 6)?);
    // 1 Ethernet, 6 IEEE 802: the same addresses.
    if !matches!(hardware, 1 | 6) || protocol != ethertype::IPV4 || sizes != 0x0604 {
        return Ok(None);
    }
    let ip = |at| be32(data, at).map(Ipv4Addr::from_bits);
    Ok(Some(model::activity::Arp {
        operation,
        sender_mac: mac(data, 8)?,
        sender_ip: ip(14)?,
        target_mac: mac(data, 18)?,
        target_ip: ip(24)?,
    }))
}
