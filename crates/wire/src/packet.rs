//! What the ways in hand over: a frame as captured.

use model::{SourceId, Time};

/// A frame as captured, lent for the length of a call.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// Capture time.
    pub time: Time,
    /// The sensor.
    pub sensor: SourceId,
    /// How the bytes begin.
    pub link: LinkType,
    /// Length on the wire in bytes; at least `data.len()` in sane captures.
    pub wire_len: u32,
    /// A VLAN tag that the network card took out (TPACKET auxdata), without the priority bits; `None` where the tag, if any, is in `data`.
    pub vlan: Option<u16>,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

/// How a frame begins: the LINKTYPE registry of tcpdump.org, as used in pcap and pcapng.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in host order of the capturing machine.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// PPP.
    pub const PPP: LinkType = LinkType(9);
    /// Raw IP as some BSDs number it.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// Raw IP, version by the first nibble.
    pub const RAW: LinkType = LinkType(101);
    /// IEEE 802.11 without radiotap.
    pub const IEEE802_11: LinkType = LinkType(105);
    /// OpenBSD loopback: a 4-byte address family in network order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// IEEE 802.11 with radiotap.
    pub const IEEE802_11_RADIOTAP: LinkType = LinkType(127);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux netfilter log.
    pub const NFLOG: LinkType = LinkType(239);
    /// Linux netlink.
    pub const NETLINK: LinkType = LinkType(253);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}
