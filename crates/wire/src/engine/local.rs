//! Acts of the link and Internet layers that are not conversations: bridges, neighbours of Cisco's kind, radio networks, group memberships,
//! router advertisements.

use super::seldom;
use super::{Around, Engine};
use crate::decode::link::ethertype;
use crate::facts::Layers;
use crate::proto::{cdp, membership, router, stp, wlan};
use crate::sink::Sink;
use model::activity::{Cdp, Head, Membership, MembershipKind, Protocol, SpanningTree, WlanKind};
use model::{ActRef, Mac, Transport};
use std::net::IpAddr;

/// One of each act, filled again and again.
#[derive(Default)]
pub(super) struct Readers {
    pub(super) cdp: Cdp,
    pub(super) tree: SpanningTree,
    pub(super) membership: Membership,
    pub(super) router: router::Reader,
    pub(super) wlan: wlan::Reader,
}

fn number(mac: Option<Mac>) -> u64 {
    mac.map_or(u64::MAX, Mac::to_u64)
}

/// An address as words of a key.
fn words(ip: IpAddr) -> (u64, u64) {
    match ip {
        IpAddr::V4(v4) => (u64::from(v4.to_bits()), 4),
        IpAddr::V6(v6) => ((v6.to_bits() >> 64) as u64, v6.to_bits() as u64),
    }
}

fn place(around: &Around) -> u64 {
    u64::from(around.segment.sensor.0) << 16 | u64::from(around.segment.vlan)
}

impl Engine {
    pub(super) fn bpdu(&mut self, bytes: &[u8], pvst: bool, around: &Around, sink: &mut dyn Sink) {
        self.observe_frame(around, sink);
        if !stp::parse(bytes, pvst, &mut self.readers.tree) {
            self.facts.layers.add(Layers::DAMAGED);
            return;
        }
        self.facts.completed.insert(Protocol::Stp);
        let t = &self.readers.tree;
        let who =
            [1, number(around.src), u64::from(t.port) << 32 | u64::from(t.bpdu), u64::from(t.vlan.unwrap_or(0xffff)) << 32 | place(around)];
        let root = number(t.root) ^ u64::from(t.root_priority) << 48;
        let bridge = number(t.bridge) ^ u64::from(t.bridge_priority) << 48;
        let what = [root, bridge, u64::from(t.cost) << 1 | u64::from(t.topology_change), u64::from(t.version)];
        if self.seldom.is_news(who, &what, around.now) {
            let head = Self::head(around, Transport::Ether(0), Protocol::Stp);
            sink.activity(&head, ActRef::SpanningTree(t));
        }
    }

    pub(super) fn cdp(&mut self, bytes: &[u8], around: &Around, sink: &mut dyn Sink) {
        self.observe_frame(around, sink);
        if cdp::parse(bytes, &mut self.readers.cdp) {
            self.facts.completed.insert(Protocol::Cdp);
            let head = Self::head(around, Transport::Ether(0x2000), Protocol::Cdp);
            sink.activity(&head, ActRef::Cdp(&self.readers.cdp));
        } else {
            self.facts.layers.add(Layers::DAMAGED);
        }
    }

    /// A key exchange over the air; on a cable it is a conversation like any other.
    pub(super) fn eapol(&mut self, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        self.observe_frame(&around, sink);
        if self.facts.radio.is_none() {
            self.ether(ethertype::EAPOL, around, sink);
        } else if self.readers.wlan.key_exchange(bytes) {
            self.radio(&around, sink);
        }
    }

    pub(super) fn management(&mut self, subtype: u8, body: &[u8], sealed: bool, around: &Around, sink: &mut dyn Sink) {
        self.observe_frame(around, sink);
        if self.readers.wlan.management(subtype, body, sealed) {
            self.radio(around, sink);
        }
    }

    /// Tells what `readers.wlan` holds, with what the radio says.
    fn radio(&mut self, around: &Around, sink: &mut dyn Sink) {
        self.facts.completed.insert(Protocol::Wlan);
        let radio = self.facts.radio.unwrap_or_default();
        let act = &mut self.readers.wlan.act;
        act.bssid = radio.bssid.filter(|b| !b.is_group());
        act.station = [around.src, around.dst].into_iter().flatten().find(|m| Some(*m) != act.bssid && !m.is_group());
        act.channel = act.channel.or(radio.channel);
        act.signal = radio.signal;
        if matches!(act.kind, WlanKind::Beacon | WlanKind::ProbeRequest | WlanKind::ProbeResponse) {
            let name = act.ssid.as_ref().map_or(0, |s| seldom::fold(1, s.as_bytes()));
            // A station asks for several networks in turn; a network has one name, and a new one is news.
            let asks = act.kind == WlanKind::ProbeRequest;
            let who = [2 + act.kind as u64, number(around.src), if asks { name } else { 0 }, place(around)];
            // A station asks on every channel, and a frame strays into the next one.
            let what = if asks { [0, 0] } else { [name, act.security as u64] };
            if !self.seldom.is_news(who, &what, around.now) {
                return;
            }
        }
        let head = Self::head(around, Transport::Ether(0), Protocol::Wlan);
        sink.activity(&head, ActRef::Wlan(&self.readers.wlan.act));
    }

    /// A group membership message that `readers.membership` holds.
    fn membership(&mut self, mut head: Head, around: &Around, sink: &mut dyn Sink) {
        let v6 = head.transport == Transport::Icmpv6;
        head.protocol = if v6 { Protocol::Mld } else { Protocol::Igmp };
        self.facts.completed.insert(head.protocol);
        let m = &self.readers.membership;
        let fold = |h: u64, ip: &IpAddr| {
            let (a, b) = words(*ip);
            crate::hash::words(h, [a, b])
        };
        let groups = m.groups.iter().fold(u64::from(m.version), fold);
        let src = head.client.ip.map_or((0, 0), words);
        let who = [16 + m.kind as u64, src.0 ^ groups, src.1, number(around.src), place(around)];
        if m.kind == MembershipKind::Leave || self.seldom.is_news(who, &[], around.now) {
            sink.activity(&head, ActRef::Membership(m));
        }
    }

    pub(super) fn igmp(&mut self, bytes: &[u8], head: Head, around: &Around, sink: &mut dyn Sink) {
        if membership::igmp(bytes, &mut self.readers.membership) {
            self.membership(head, around, sink);
        }
    }

    /// MLD and router advertisements.
    pub(super) fn icmpv6(&mut self, kind: u8, bytes: &[u8], head: Head, around: &Around, sink: &mut dyn Sink) {
        match kind {
            130..=132 | 143 => {
                if membership::mld(bytes, &mut self.readers.membership) {
                    self.membership(head, around, sink);
                } else {
                    self.facts.layers.add(Layers::DAMAGED);
                }
            }
            134 => {
                if self.readers.router.read(bytes) {
                    sink.activity(&head, ActRef::RouterAdvertisement(&self.readers.router.act));
                } else {
                    self.facts.layers.add(Layers::DAMAGED);
                }
            }
            _ => {}
        }
    }
}
