//! The link and Internet layers on the packet path, and what they say themselves.

use super::{Around, Engine, truths};
use crate::app::Content;
use crate::decode::ip::{self, Carried, Ip};
use crate::decode::{Net, be32, icmp, link, tunnel};
use crate::facts::Layers;
use crate::flow::Key;
use crate::sink::Sink;
use model::activity::{Conflict, Head, Neighbour, Protocol, Unreachable};
use model::flow::FlowState;
use model::observation::Via;
use model::{ActRef, Endpoint, FlowId, Segment, Span, Transport};
use std::net::IpAddr;

/// Contradicting fragments that are told in a second; more are counted.
const MAX_CONFLICTS: u8 = 16;

impl Engine {
    pub(super) fn net(&mut self, net: Net<'_>, mut around: Around, sink: &mut dyn Sink) {
        if around.depth > self.config.max_depth {
            self.counters.tunnel_depth_exceeded += 1;
            return;
        }
        match net {
            Net::Ip(bytes) => self.ip(bytes, around, sink),
            Net::Arp(bytes) => self.arp(bytes, around, sink),
            Net::Lldp(bytes) => {
                self.observe_frame(&around, sink);
                if crate::proto::lldp::parse(bytes, &mut self.lldp) {
                    let head = Self::head(&around, Transport::Ether(link::ethertype::LLDP), Protocol::Lldp);
                    sink.activity(&head, ActRef::Lldp(&self.lldp));
                    self.facts.completed.insert(Protocol::Lldp);
                } else {
                    self.facts.layers.add(Layers::DAMAGED);
                }
            }
            Net::Ethernet(bytes) => match link::ethernet(bytes, &mut self.facts) {
                Ok(frame) => {
                    around.depth += 1;
                    around.src = frame.src;
                    around.dst = frame.dst;
                    if around.segment.vlan == 0 {
                        around.segment.vlan = frame.vlan;
                    }
                    self.net(frame.net, around, sink);
                }
                Err(_) => self.facts.layers.add(Layers::DAMAGED),
            },
            Net::Bpdu(bytes, pvst) => self.bpdu(bytes, pvst, &around, sink),
            Net::Cdp(bytes) => self.cdp(bytes, &around, sink),
            Net::Eapol(bytes) => self.eapol(bytes, around, sink),
            Net::Management { subtype, body, sealed } => self.management(subtype, body, sealed, &around, sink),
            Net::Other(kind) => {
                self.observe_frame(&around, sink);
                self.ether(kind, around, sink);
            }
            Net::Nothing => self.observe_frame(&around, sink),
        }
    }

    /// The source of a frame that says no more about it.
    pub(super) fn observe_frame(&mut self, around: &Around, sink: &mut dyn Sink) {
        if let Some(mac) = around.src.filter(|m| m.is_device()) {
            self.observe(around, Some(mac), None, Via::Frame, sink);
        }
    }

    pub(super) fn head(around: &Around, transport: Transport, protocol: Protocol) -> Head {
        Head {
            flow: FlowId(0),
            segment: around.segment,
            time: around.time,
            transport,
            protocol,
            client: Endpoint { mac: around.src, ip: None, port: None },
            server: Endpoint { mac: around.dst, ip: None, port: None },
        }
    }

    fn arp(&mut self, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        self.facts.layers.add(Layers::ARP);
        self.observe_frame(&around, sink);
        match link::arp(bytes) {
            Ok(Some(arp)) => {
                let mut head = Self::head(&around, Transport::Ether(link::ethertype::ARP), Protocol::Arp);
                head.client.ip = Some(IpAddr::V4(arp.sender_ip));
                head.server.ip = Some(IpAddr::V4(arp.target_ip));
                sink.activity(&head, ActRef::Arp(&arp));
                self.facts.completed.insert(Protocol::Arp);
                // A probe (RFC 5227) asks from 0.0.0.0 and claims nothing.
                if arp.sender_mac.is_device() && model::net::is_unicast(IpAddr::V4(arp.sender_ip)) {
                    self.observe(&around, Some(arp.sender_mac), Some(IpAddr::V4(arp.sender_ip)), Via::Arp, sink);
                }
            }
            Ok(None) => {}
            Err(_) => self.facts.layers.add(Layers::DAMAGED),
        }
    }

    fn ip(&mut self, bytes: &[u8], mut around: Around, sink: &mut dyn Sink) {
        let Ok(packet) = ip::packet(bytes, &mut self.facts) else {
            self.facts.layers.add(Layers::DAMAGED);
            self.observe_frame(&around, sink);
            return;
        };
        if around.depth == 0 {
            let truths = &mut self.watch.truths;
            truths.super_packets += u64::from(around.bytes > u64::from(truths::LONGEST) || matches!(bytes, [0x40..=0x4f, _, 0, 0, ..]));
            if self.watch.packet(bytes, &packet, around.segment.vlan, around.time.0) {
                (around.packets, around.bytes) = (0, 0);
                if packet.fragment.is_some() {
                    self.facts.layers.add(Layers::FRAGMENT);
                    return;
                }
            }
        }
        let Some(piece) = packet.fragment else {
            self.carried(&packet, around, sink);
            return;
        };
        if packet.cut > 0 {
            // The capture cut it short: it can never be made whole, but the first piece still names its conversation.
            if piece.offset == 0 {
                self.carried(&Ip { fragment: None, ..packet }, around, sink);
            } else {
                self.facts.layers.add(Layers::FRAGMENT);
                self.observe_source(&packet, &around, sink);
            }
            return;
        }
        let whole = self.fragments.add(around.segment, &packet, piece, around.bytes as u32, around.now);
        self.fragments_differ(&packet, &around, sink);
        let Some(whole) = whole else {
            self.facts.layers.add(Layers::FRAGMENT);
            self.observe_source(&packet, &around, sink);
            return;
        };
        let joined = Ip { payload: &whole.bytes, fragment: None, ..packet };
        self.carried(&joined, Around { packets: u64::from(whole.packets), bytes: whole.wire, ..around }, sink);
        self.fragments.recycle(whole.bytes);
    }

    /// Tells that copies of a fragment differ, at most [`MAX_CONFLICTS`] times a second.
    fn fragments_differ(&mut self, packet: &Ip<'_>, around: &Around, sink: &mut dyn Sink) {
        let bytes = self.fragments.take_differing();
        if bytes == 0 {
            return;
        }
        self.counters.conflicts += 1;
        let second = around.now / Span::seconds(1).0;
        if self.conflicts.0 != second {
            self.conflicts = (second, 0);
        }
        if self.conflicts.1 < MAX_CONFLICTS {
            self.conflicts.1 += 1;
            let mut head = Self::head(around, Transport::Ip(packet.protocol), Protocol::Ip);
            head.client.ip = Some(packet.src);
            head.server.ip = Some(packet.dst);
            sink.activity(&head, ActRef::Conflict(&Conflict { bytes, fragments: true }));
        }
    }

    /// The sender of a packet, where no conversation keeps in mind when it was last told.
    fn observe_source(&mut self, packet: &Ip<'_>, around: &Around, sink: &mut dyn Sink) {
        let ip = Some(packet.src).filter(|ip| model::net::is_unicast(*ip));
        match around.src {
            Some(mac) if mac.is_device() => self.observe(around, Some(mac), ip, Via::Frame, sink),
            Some(_) => {}
            // Inside a tunnel the outer hardware address is not the sender's.
            None if around.depth == 0 && ip.is_some() => self.observe(around, None, ip, Via::Frame, sink),
            None => {}
        }
    }

    fn carried(&mut self, packet: &Ip<'_>, mut around: Around, sink: &mut dyn Sink) {
        let Ok(carried) = ip::transport(packet) else {
            self.facts.layers.add(Layers::DAMAGED);
            match packet.protocol {
                ip::number::TCP if !packet.payload.is_empty() || packet.cut > 0 => self.facts.layers.add(Layers::TCP),
                ip::number::UDP if !packet.payload.is_empty() || packet.cut > 0 => self.facts.layers.add(Layers::UDP),
                _ => {}
            }
            self.observe_source(packet, &around, sink);
            return;
        };
        match carried {
            Carried::Tcp(tcp) => self.tcp(packet, &tcp, around, sink),
            Carried::Udp(udp) => self.udp(packet, &udp, around, sink),
            Carried::Icmp(bytes) => self.icmp(packet, bytes, around, sink),
            Carried::Other(number) => {
                let slot = self.plain(packet, Transport::Ip(number), around, sink);
                if number == ip::number::IGMP && !packet.v6() && around.packets > 0 {
                    let mut head = Self::head(&around, Transport::Ip(number), Protocol::Igmp);
                    head.flow = self.table.at(slot).id;
                    head.client.ip = Some(packet.src);
                    head.server.ip = Some(packet.dst);
                    self.igmp(packet.payload, head, &around, sink);
                }
            }
            Carried::Tunnel(number) => {
                self.plain(packet, Transport::Ip(number), around, sink);
                match tunnel::inside(number, packet.payload, &mut self.facts) {
                    Ok(net) => {
                        around.depth += 1;
                        around.src = None;
                        around.dst = None;
                        self.facts.layers.add(Layers::TUNNEL);
                        self.net(net, around, sink);
                    }
                    Err(_) => self.facts.layers.add(Layers::DAMAGED),
                }
            }
        }
    }

    pub(super) fn icmp(&mut self, packet: &Ip<'_>, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        let v6 = packet.v6();
        self.facts.layers.add(if v6 { Layers::ICMPV6 } else { Layers::ICMP });
        let transport = if v6 { Transport::Icmpv6 } else { Transport::Icmp };
        let reply = matches!((v6, bytes.first()), (false, Some(0)) | (true, Some(129)));
        let (key, forward) = Key::ip(around.segment, transport, (packet.src, 0), (packet.dst, 0));
        let slot = self.connectionless(key, forward, !reply, model::net::is_unicast(packet.dst), Some(packet.src), &around, sink);
        let (flow, protocol) = (self.table.at(slot).id, if v6 { Protocol::Icmpv6 } else { Protocol::Icmp });
        let Ok(message) = icmp::message(v6, bytes) else {
            self.facts.layers.add(Layers::DAMAGED);
            return;
        };
        self.facts.completed.insert(protocol);
        self.table.at(slot).protocol = Some(protocol);
        if around.packets == 0 {
            return;
        }
        if matches!((v6, message.kind), (false, 0 | 8) | (true, 128 | 129)) {
            self.echo(slot, reply, bytes, packet.cut, sink);
            return;
        }
        let mut head = Self::head(&around, transport, protocol);
        head.flow = flow;
        head.client.ip = Some(packet.src);
        head.server.ip = Some(packet.dst);
        if let Some(quoted) = message.quoted
            && let Ok((transport, from, to)) = icmp::quoted(quoted, &mut self.facts)
        {
            // Destination unreachable, except `fragmentation needed`, means refused.
            if (v6 && message.kind == 1) || (!v6 && message.kind == 3 && message.code != 4) {
                self.refuse(around.segment, transport, from, to);
            }
            let act = Unreachable { icmp_type: message.kind, code: message.code, transport, from, to };
            sink.activity(&head, ActRef::Unreachable(&act));
        }
        if v6 && matches!(message.kind, 133..=136) {
            match icmp::neighbour(bytes) {
                Ok(Some(neighbour)) => {
                    sink.activity(&head, ActRef::Neighbour(&neighbour));
                    self.observe_neighbour(&neighbour, packet, &around, sink);
                }
                Ok(None) => {}
                Err(_) => self.facts.layers.add(Layers::DAMAGED),
            }
        }
        if v6 {
            self.icmpv6(message.kind, bytes, head, &around, sink);
        }
    }

    /// Adds an echo message to the sums of its conversation; makes room where there is none.
    fn echo(&mut self, slot: u32, reply: bool, bytes: &[u8], cut: usize, sink: &mut dyn Sink) {
        let place = match self.table.at(slot).content {
            Content::Echo(place) => place,
            _ => loop {
                if let Some(place) = self.echoes.open(slot) {
                    self.table.at(slot).content = Content::Echo(place);
                    break place;
                }
                let Some((place, flow)) = self.echoes.oldest() else { return };
                self.tell_echo(flow, place, sink);
                self.table.at(flow).content = Content::Fresh;
                self.echoes.close(place);
            },
        };
        let (Ok(name), Some(payload)) = (be32(bytes, 4), bytes.get(8..)) else { return };
        self.echoes.add(place, reply, name, payload, cut);
    }

    fn observe_neighbour(&mut self, n: &Neighbour, packet: &Ip<'_>, around: &Around, sink: &mut dyn Sink) {
        // An advertisement speaks of its target, everything else of its sender.
        let ip = if n.icmp_type == 136 { n.target } else { Some(packet.src) };
        let mac = n.link.or(if n.icmp_type == 136 { around.src } else { None });
        if let (Some(ip), Some(mac)) = (ip.filter(|ip| model::net::is_unicast(*ip)), mac.filter(|m| m.is_device())) {
            self.observe(around, Some(mac), Some(ip), Via::Neighbour, sink);
        }
    }

    fn refuse(&mut self, segment: Segment, transport: Transport, from: Endpoint, to: Endpoint) {
        let (Some(src), Some(dst)) = (from.ip, to.ip) else { return };
        let (key, _) = Key::ip(segment, transport, (src, from.port.unwrap_or(0)), (dst, to.port.unwrap_or(0)));
        if let Some(slot) = self.table.find(&key, key.hash(self.table.seed())) {
            let e = self.table.at(slot);
            if e.state == FlowState::Attempted {
                e.state = FlowState::Rejected;
            }
        }
    }
}
