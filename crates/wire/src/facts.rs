//! What one frame contained, layer by layer: for `inspect` and for volume accounting.
//!
//! The counting rules are those of protocol analysers: a layer counts once for each frame that contains it anywhere, tunnels
//! included; packets quoted inside ICMP errors give their addresses but count as no layer; a fragment shows its transport only on
//! the frame that completes the datagram.

use model::activity::Protocol;
use model::{FlowId, Mac, SourceId, Time, Transport};
use std::net::IpAddr;

/// A short list without a heap. What does not fit is let go and remembered in `overflowed`.
#[derive(Clone, Copy, Debug)]
pub struct Few<T: Copy, const N: usize> {
    items: [T; N],
    len: u8,
    /// Something did not fit.
    pub overflowed: bool,
}

impl<T: Copy, const N: usize> Few<T, N> {
    pub(crate) const fn new(fill: T) -> Self {
        Few { items: [fill; N], len: 0, overflowed: false }
    }
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.overflowed = false;
    }
    pub(crate) fn push(&mut self, item: T) {
        if let Some(slot) = self.items.get_mut(self.len as usize) {
            *slot = item;
            self.len += 1;
        } else {
            self.overflowed = true;
        }
    }
    /// What is in it.
    pub fn as_slice(&self) -> &[T] {
        self.items.get(..self.len as usize).unwrap_or(&[])
    }
}

/// Layers of a frame, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers(pub u32);

impl Layers {
    /// IPv4.
    pub const IPV4: Layers = Layers(1);
    /// IPv6.
    pub const IPV6: Layers = Layers(1 << 1);
    /// TCP, whole or as the frame that completed a fragmented datagram.
    pub const TCP: Layers = Layers(1 << 2);
    /// UDP.
    pub const UDP: Layers = Layers(1 << 3);
    /// ARP or RARP.
    pub const ARP: Layers = Layers(1 << 4);
    /// ICMP.
    pub const ICMP: Layers = Layers(1 << 5);
    /// ICMPv6.
    pub const ICMPV6: Layers = Layers(1 << 6);
    /// An IP fragment that did not complete its datagram.
    pub const FRAGMENT: Layers = Layers(1 << 7);
    /// Something inside a tunnel (GRE, ERSPAN, VXLAN, Geneve, IP in IP).
    pub const TUNNEL: Layers = Layers(1 << 8);
    /// Something could not be read to its end.
    pub const DAMAGED: Layers = Layers(1 << 9);
    /// Cut by the capture's snap length.
    pub const CUT: Layers = Layers(1 << 10);

    /// Adds.
    pub fn add(&mut self, other: Layers) {
        self.0 |= other.0;
    }
    /// Whether any of `other` is there.
    pub const fn has(self, other: Layers) -> bool {
        self.0 & other.0 != 0
    }
}

/// A set of protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolSet(u64);

impl ProtocolSet {
    /// Adds one.
    pub fn insert(&mut self, protocol: Protocol) {
        self.0 |= 1u64.checked_shl(protocol as u32).unwrap_or(0);
    }
    /// Whether it is in.
    pub fn contains(self, protocol: Protocol) -> bool {
        self.0 & 1u64.checked_shl(protocol as u32).unwrap_or(0) != 0
    }
    /// Nothing is in.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Those in it.
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.iter().copied().filter(move |p| self.contains(*p))
    }
}

/// A conversation that this frame opened in the engine's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub flow: FlowId,
    /// What carries it.
    pub transport: Transport,
    /// Source of this frame.
    pub from: (IpAddr, u16),
    /// Destination of this frame.
    pub to: (IpAddr, u16),
    /// TCP flags of this frame.
    pub tcp_flags: u8,
    /// TCP sequence number of this frame.
    pub tcp_seq: u32,
    /// The same pair of ends was still in the table and began anew.
    pub reused: bool,
}

/// What the radio says of an 802.11 frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Radio {
    /// The network's cell.
    pub bssid: Option<Mac>,
    /// Channel number (radiotap).
    pub channel: Option<u16>,
    /// Signal in dBm (radiotap).
    pub signal: Option<i8>,
}

/// What one frame contained.
#[derive(Clone, Copy, Debug)]
pub struct FrameFacts {
    /// Capture time.
    pub time: Time,
    /// The sensor.
    pub sensor: SourceId,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// Bytes captured.
    pub captured_len: u32,
    /// Layers seen anywhere.
    pub layers: Layers,
    /// Link-layer addresses of every layer, repeated ones included.
    pub macs: Few<Mac, 16>,
    /// Internet addresses of every layer, tunnelled and quoted ones included.
    pub ips: Few<IpAddr, 24>,
    /// VLAN identifiers, outermost first.
    pub vlans: Few<u16, 8>,
    /// Protocols of which a message was read to its end on this frame.
    pub completed: ProtocolSet,
    /// Conversations that began with this frame.
    pub opened: Few<Opened, 4>,
    /// It is an 802.11 frame.
    pub radio: Option<Radio>,
}

impl FrameFacts {
    pub(crate) fn new() -> Self {
        let nowhere = (IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
        let opened =
            Opened { flow: FlowId(0), transport: Transport::Ip(0), from: nowhere, to: nowhere, tcp_flags: 0, tcp_seq: 0, reused: false };
        FrameFacts {
            time: Time(0),
            sensor: SourceId(0),
            wire_len: 0,
            captured_len: 0,
            layers: Layers(0),
            macs: Few::new(Mac::ZERO),
            ips: Few::new(nowhere.0),
            vlans: Few::new(0),
            completed: ProtocolSet(0),
            opened: Few::new(opened),
            radio: None,
        }
    }

    /// As new for the next frame.
    pub(crate) fn begin(&mut self, raw: &crate::packet::RawPacket<'_>) {
        self.time = raw.time;
        self.sensor = raw.sensor;
        self.wire_len = raw.wire_len;
        self.captured_len = raw.data.len() as u32;
        self.layers = Layers(0);
        self.macs.clear();
        self.ips.clear();
        self.vlans.clear();
        self.completed = ProtocolSet(0);
        self.opened.clear();
        self.radio = None;
    }
}
