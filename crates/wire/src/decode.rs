//! Headers: what a frame is made of, read without copying or allocating.
//!
//! Everything is pulled: [`link::frame`] reads the link layer and says what follows ([`Net`]), [`ip::packet`] reads an Internet header
//! with its options and extension headers, [`ip::transport`] what it carries. The engine goes from one to the next, because between
//! them stand things that remember (fragments, conversations), and because tunnels begin the same walk anew inside.
//!
//! Checksums are not looked at: network cards fill them in after the capture point. Lengths are: a header that claims more than there is,
//! or less than its own size, is [`Damage`]. The snap length of a capture is not damage; [`ip::Ip::cut`] says how much is missing.

pub mod icmp;
pub mod ip;
pub mod link;
pub mod tunnel;
pub mod wlan;

use crate::facts::{FrameFacts, Layers};
use crate::packet::LinkType;
use crate::proto::{cdp, stp, wlan as wlan_acts};
use model::Mac;
use model::activity::{Cdp, SpanningTree};

/// A header that cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage;

/// What the link layer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net<'a> {
    /// IPv4 or IPv6, by the first nibble.
    Ip(&'a [u8]),
    /// ARP or RARP.
    Arp(&'a [u8]),
    /// IEEE 802.1AB.
    Lldp(&'a [u8]),
    /// IEEE 802.1D, behind LLC; `true` as Cisco's PVST+.
    Bpdu(&'a [u8], bool),
    /// Cisco Discovery Protocol, behind SNAP.
    Cdp(&'a [u8]),
    /// IEEE 802.1X.
    Eapol(&'a [u8]),
    /// The body of an IEEE 802.11 management frame.
    Management {
        /// Subtype (IEEE 802.11-2020, table 9-1).
        subtype: u8,
        /// Behind the header.
        body: &'a [u8],
        /// It is encrypted.
        sealed: bool,
    },
    /// Ethernet inside (MPLS pseudowire, provider backbone bridge).
    Ethernet(&'a [u8]),
    /// Something else: its EtherType, or 0 for LLC.
    Other(u16),
    /// Nothing that a conversation could be made of (control frames, encrypted radio frames, unknown link types).
    Nothing,
}

/// A link layer that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Source hardware address.
    pub src: Option<Mac>,
    /// Destination hardware address.
    pub dst: Option<Mac>,
    /// The outermost VLAN identifier that is not 0; else 0.
    pub vlan: u16,
    /// What follows.
    pub net: Net<'a>,
}

/// Two bytes in network order.
pub(crate) fn be16(b: &[u8], at: usize) -> Result<u16, Damage> {
    match b.get(at..at.wrapping_add(2)) {
        Some(&[x, y]) => Ok(u16::from_be_bytes([x, y])),
        _ => Err(Damage),
    }
}

/// Four bytes in network order.
pub(crate) fn be32(b: &[u8], at: usize) -> Result<u32, Damage> {
    match b.get(at..at.wrapping_add(4)) {
        Some(&[w, x, y, z]) => Ok(u32::from_be_bytes([w, x, y, z])),
        _ => Err(Damage),
    }
}

/// What lies behind `at`.
pub(crate) fn rest(b: &[u8], at: usize) -> Result<&[u8], Damage> {
    b.get(at..).ok_or(Damage)
}

pub(crate) fn mac(b: &[u8], at: usize) -> Result<Mac, Damage> {
    match b.get(at..at.wrapping_add(6)) {
        Some(&[a, b, c, d, e, f]) => Ok(Mac([a, b, c, d, e, f])),
        _ => Err(Damage),
    }
}

/// Reads a frame as far as headers go, without conversations: link layer, Internet header, transport, tunnels down to a depth of 8.
/// This is what the fuzzer drives; the engine walks the same functions with its memory in between.
pub fn fuzz_frame(link: u16, bytes: &[u8]) -> Layers {
    let mut facts = FrameFacts::new();
    if let Ok(frame) = link::frame(LinkType(link), bytes, &mut facts) {
        walk(frame.net, &mut facts, 8);
    }
    facts.layers
}

fn walk(net: Net<'_>, facts: &mut FrameFacts, depth: u8) {
    if depth == 0 {
        return;
    }
    match net {
        Net::Ethernet(bytes) => {
            if let Ok(frame) = link::ethernet(bytes, facts) {
                walk(frame.net, facts, depth - 1);
            }
        }
        Net::Arp(bytes) => drop(link::arp(bytes)),
        Net::Ip(bytes) => {
            let Ok(packet) = ip::packet(bytes, facts) else { return };
            if packet.fragment.is_some() {
                return;
            }
            match ip::transport(&packet) {
                Ok(ip::Carried::Udp(udp)) => {
                    if let Some(inner) = tunnel::in_udp(&udp) {
                        walk(inner, facts, depth - 1);
                    }
                }
                Ok(ip::Carried::Tunnel(kind)) => {
                    if let Ok(inner) = tunnel::inside(kind, packet.payload, facts) {
                        walk(inner, facts, depth - 1);
                    }
                }
                Ok(ip::Carried::Icmp(bytes)) => {
                    if let Ok(message) = icmp::message(packet.v6(), bytes)
                        && let Some(quoted) = message.quoted
                    {
                        let _ = icmp::quoted(quoted, facts);
                    }
                }
                _ => {}
            }
        }
        Net::Bpdu(bytes, pvst) => drop(stp::parse(bytes, pvst, &mut SpanningTree::default())),
        Net::Cdp(bytes) => drop(cdp::parse(bytes, &mut Cdp::default())),
        Net::Eapol(bytes) => drop(wlan_acts::Reader::default().key_exchange(bytes)),
        Net::Management { subtype, body, sealed } => drop(wlan_acts::Reader::default().management(subtype, body, sealed)),
        Net::Lldp(_) | Net::Other(_) | Net::Nothing => {}
    }
}
