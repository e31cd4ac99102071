//! The link and Internet layers on the packet path, and what they say themselves.

use super::{Around, Engine};
use crate::decode::ip::{self, Carried, Ip};
use crate::decode::{Net, icmp, link, tunnel};
use crate::facts::Layers;
use crate::flow::Key;
use crate::sink::Sink;
use model::activity::{Head, Neighbour, Protocol, Unreachable};
use model::flow::FlowState;
use model::observation::Via;
use model::{ActRef, Endpoint, FlowId, Segment, Transport};
use std::net::IpAddr;

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
            Net::Other(kind) => {
                self.observe_frame(&around, sink);
                self.ether(kind, around, sink);
            }
            Net::Nothing => self.observe_frame(&around, sink),
        }
    }

    /// The source of a frame that says no more about it.
    fn observe_frame(&mut self, around: &Around, sink: &mut dyn Sink) {
        if let Some(mac) = around.src.filter(|m| m.is_device()) {
            self.observe(around, Some(mac), None, Via::Frame, sink);
        }
    }

    fn head(around: &Around, transport: Transport, protocol: Protocol) -> Head {
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

    fn ip(&mut self, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        let Ok(packet) = ip::packet(bytes, &mut self.facts) else {
            self.facts.layers.add(Layers::DAMAGED);
            self.observe_frame(&around, sink);
            return;
        };
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
        let Some(whole) = whole else {
            self.facts.layers.add(Layers::FRAGMENT);
            self.observe_source(&packet, &around, sink);
            return;
        };
        let joined = Ip { payload: &whole.bytes, fragment: None, ..packet };
        self.carried(&joined, Around { packets: u64::from(whole.packets), bytes: whole.wire, ..around }, sink);
        self.fragments.recycle(whole.bytes);
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
                self.plain(packet, Transport::Ip(number), around, sink);
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
        let slot = self.plain(packet, transport, around, sink);
        let (flow, protocol) = (self.table.at(slot).id, if v6 { Protocol::Icmpv6 } else { Protocol::Icmp });
        let Ok(message) = icmp::message(v6, bytes) else {
            self.facts.layers.add(Layers::DAMAGED);
            return;
        };
        self.facts.completed.insert(protocol);
        self.table.at(slot).protocol = Some(protocol);
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
