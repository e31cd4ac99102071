//! What a conversation and what was said in it tell about the devices: names, services, guesses.

mod says;

use crate::Cx;
use crate::identity::{Identity, News};
use catalogue::Sign;
use model::activity::{Activity, Dhcp, Dns, Lldp};
use model::asset::Party;
use model::flow::FlowState;
use model::{Act, AssetId, Endpoint, Flow, Mac, Protocol, Segment, Transport};
use std::net::IpAddr;

/// Asks recognition what a sign means, and keeps the guesses.
pub fn sign(identity: &mut Identity, id: AssetId, sign: Sign, text: &str, protocol: Option<Protocol>, cx: &mut Cx<'_>) {
    if text.is_empty() || !identity.is_new_sign(id, (sign, text)) {
        return;
    }
    let text: String = text.chars().take(512).collect();
    let recognition = cx.recognition;
    let mut hits = vec![];
    recognition.hits(sign, &text, |h| hits.push((h.property, h.value.to_owned(), h.confidence, h.reason.to_owned())));
    for (property, value, confidence, reason) in hits {
        identity.guess(id, property, &value, confidence, &reason, protocol, cx);
    }
}

/// The asset at an end that has just sent, made if it is new; none for far ends.
fn sender(identity: &mut Identity, segment: Segment, end: &Endpoint, news: &mut News, cx: &mut Cx<'_>) -> Option<AssetId> {
    match (end.mac, end.ip) {
        (Some(mac), ip) => {
            let card = identity.sender(segment, mac, news, cx);
            if ip.is_none() {
                return card;
            }
        }
        (None, Some(ip)) => return identity.sender_by_ip(segment, ip, news, cx),
        (None, None) => return None,
    }
    own(identity, segment, end)
}

/// The asset that stands at this end by its own network card.
fn own(identity: &Identity, segment: Segment, end: &Endpoint) -> Option<AssetId> {
    match identity.end(segment, end) {
        Some(e) if e.own => match e.party {
            Party::Asset(id) => Some(id),
            Party::Address(_) => None,
        },
        _ => None,
    }
}

/// More than an announcement: between two single devices, and neither DHCP nor the upkeep of addresses. An asset that only ever
/// announces itself is idle.
fn is_talk(f: &Flow) -> bool {
    let upkeep = matches!(f.protocol, Some(Protocol::Dhcp | Protocol::Dhcp6 | Protocol::Arp | Protocol::Mdns | Protocol::Llmnr))
        || matches!(f.transport, Transport::Udp) && matches!(f.server.port, Some(67 | 68 | 546 | 547))
        // Neighbour discovery; a ping over IPv6 counts as nothing more.
        || matches!(f.transport, Transport::Icmpv6)
        // ARP, LLDP, loop tests, and everything over LLC (spanning tree, CDP). PROFINET and the like are work.
        || matches!(f.transport, Transport::Ether(0 | 0x0806 | 0x88cc | 0x9000));
    let single = |end: &Endpoint| match (end.mac, end.ip) {
        (mac, Some(ip)) => mac.is_none_or(Mac::is_device) && model::net::is_unicast(ip) && !ip.is_loopback(),
        (Some(mac), None) => mac.is_device(),
        (None, None) => false,
    };
    !upkeep && single(&f.client) && single(&f.server)
}

/// A conversation or a part of one.
pub fn flow(identity: &mut Identity, f: &Flow, cx: &mut Cx<'_>) -> News {
    let mut news = News::default();
    let talk = is_talk(f);
    if f.up.packets > 0 {
        let client = sender(identity, f.segment, &f.client, &mut news, cx);
        if let (true, Some(id)) = (talk, client) {
            identity.active(id, cx);
        }
    }
    if f.down.packets > 0 {
        let server = sender(identity, f.segment, &f.server, &mut news, cx);
        if let (true, Some(id)) = (talk, server) {
            identity.active(id, cx);
        }
        let answered = match f.transport {
            Transport::Tcp => matches!(f.state, FlowState::Established | FlowState::Closed | FlowState::Reset),
            Transport::Udp => f.up.packets > 0 && (f.protocol.is_some() || f.server.port.is_some_and(|p| p <= 1024)),
            _ => false,
        };
        // Probed by multicast, answered from anywhere: no service of that port.
        let group = f.server.ip.is_some_and(|ip| ip.is_multicast()) || matches!(f.protocol, Some(Protocol::Mdns | Protocol::Llmnr));
        if let (true, false, Some(id), Some(port)) = (answered, group, server, f.server.port) {
            identity.service(id, port, f.transport == Transport::Udp, f.protocol, "", cx);
            if f.transport == Transport::Tcp
                && let Some(client) = own(identity, f.segment, &f.client)
                && identity.serves(id, client) == Some(5)
            {
                sign(identity, id, Sign::Behaviour, "serves-many", f.protocol, cx);
            }
        }
    }
    news
}

/// What was said.
pub fn activity(identity: &mut Identity, a: &Activity, cx: &mut Cx<'_>) -> News {
    let mut news = News::default();
    let head = &a.head;
    let segment = head.segment;
    let news = &mut news;
    match &a.act {
        Act::Arp(arp) => {
            let frame = head.client.mac.unwrap_or(arp.sender_mac);
            let id = identity.sender(segment, frame, news, cx);
            if let (Some(id), true) = (id, frame == arp.sender_mac) {
                identity.bind(id, segment, Some(frame), IpAddr::V4(arp.sender_ip), false, news, cx);
            }
        }
        Act::Neighbour(n) => {
            let id = head.client.mac.and_then(|m| identity.sender(segment, m, news, cx));
            if let Some(id) = id {
                if n.icmp_type == 136
                    && (n.link.is_none() || n.link == head.client.mac)
                    && let Some(ip) = n.target
                {
                    identity.bind(id, segment, head.client.mac, ip, false, news, cx);
                }
                if n.icmp_type == 134 {
                    if let Some(ip) = head.client.ip {
                        identity.add_gateway(segment, ip);
                    }
                    if let Some(k) = identity.get_mut(id) {
                        k.router = true;
                    }
                    sign(identity, id, Sign::Routes, "yes", Some(Protocol::Icmpv6), cx);
                }
            }
        }
        Act::Dhcp(d) => dhcp(identity, segment, head.client, head.server, d, news, cx),
        Act::Dns(d) => dns(identity, a, d, news, cx),
        Act::Lldp(l) => lldp(identity, segment, head.client.mac, l, news, cx),
        Act::Http(h) => {
            if let Some(id) = own(identity, segment, &head.client) {
                sign(identity, id, Sign::UserAgent, &h.user_agent, Some(Protocol::Http), cx);
            }
            if let (Some(id), Some(_), Some(port)) = (own(identity, segment, &head.server), h.status, head.server.port) {
                identity.service(id, port, false, Some(Protocol::Http), &h.server, cx);
                sign(identity, id, Sign::HttpServer, &h.server, Some(Protocol::Http), cx);
            }
        }
        Act::Ssh(s) => {
            if let Some(id) = own(identity, segment, &head.client) {
                sign(identity, id, Sign::SshClient, &s.client, Some(Protocol::Ssh), cx);
            }
            if let (Some(id), Some(port)) = (own(identity, segment, &head.server), head.server.port)
                && !s.server.is_empty()
            {
                identity.service(id, port, false, Some(Protocol::Ssh), s.server.trim_start_matches("SSH-2.0-"), cx);
                sign(identity, id, Sign::SshServer, &s.server, Some(Protocol::Ssh), cx);
            }
        }
        Act::Banner(b) => {
            if let (Some(id), Some(port)) = (own(identity, segment, &head.server), head.server.port) {
                identity.service(id, port, false, Some(head.protocol), &b.text, cx);
                sign(identity, id, Sign::Banner, &b.text, Some(head.protocol), cx);
            }
        }
        Act::Modbus(m) => {
            if m.response {
                if let Some(id) = own(identity, segment, &head.server) {
                    identity.mark_control(id, true, news);
                    if let Some(port) = head.server.port {
                        identity.service(id, port, false, Some(Protocol::Modbus), "", cx);
                    }
                    if let Some(master) = own(identity, segment, &head.client) {
                        match identity.polls(master, id) {
                            Some(1) => sign(identity, master, Sign::Behaviour, "polls-controllers", Some(Protocol::Modbus), cx),
                            Some(3) => sign(identity, master, Sign::Behaviour, "polls-many-controllers", Some(Protocol::Modbus), cx),
                            _ => {}
                        }
                    }
                }
            } else if let Some(id) = own(identity, segment, &head.client) {
                identity.mark_control(id, false, news);
            }
        }
        Act::Tls(t) => {
            if t.answered
                && let (Some(id), Some(port)) = (own(identity, segment, &head.server), head.server.port)
            {
                identity.service(id, port, false, Some(Protocol::Tls), "", cx);
            }
            says::tls(identity, head, t, cx);
        }
        other => says::act(identity, head, other, news, cx),
    }
    std::mem::take(news)
}

fn dhcp(identity: &mut Identity, segment: Segment, client: Endpoint, server: Endpoint, d: &Dhcp, news: &mut News, cx: &mut Cx<'_>) {
    match d.message {
        1 | 3 | 8 => {
            // Relays change the frame's address; `chaddr` is the device's. Only a frame of its own shows that it is here.
            let direct = client.mac == Some(d.mac) || client.mac.is_none();
            let id = if direct { identity.sender(segment, d.mac, news, cx) } else { identity.by_mac(segment, d.mac) };
            if let Some(id) = id {
                let id = identity.join_by_name(id, segment, &d.hostname, news, cx);
                identity.name(id, &d.hostname, Protocol::Dhcp, news, cx);
                sign(identity, id, Sign::DhcpVendor, &d.vendor_class, Some(Protocol::Dhcp), cx);
                let asked = d.parameters.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
                sign(identity, id, Sign::DhcpParameters, &asked, Some(Protocol::Dhcp), cx);
            }
        }
        5 => {
            if let (Some(id), Some(ip)) = (identity.by_mac(segment, d.mac), d.your_ip) {
                identity.bind(id, segment, Some(d.mac), IpAddr::V4(ip), true, news, cx);
            }
            if let Some(router) = d.router {
                identity.add_gateway(segment, IpAddr::V4(router));
            }
            if let Some(id) = own(identity, segment, &server) {
                identity.service(id, 67, true, Some(Protocol::Dhcp), "", cx);
            }
        }
        _ => {}
    }
}

fn dns(identity: &mut Identity, a: &Activity, d: &Dns, news: &mut News, cx: &mut Cx<'_>) {
    let head = &a.head;
    if head.protocol == Protocol::Dns {
        if let (true, Some(id), Some(port)) = (d.response && d.rcode == 0, own(identity, head.segment, &head.server), head.server.port) {
            identity.service(id, port, head.transport == Transport::Udp, Some(Protocol::Dns), "", cx);
        }
        if let (false, Some(id)) = (d.response, own(identity, head.segment, &head.client)) {
            for (name, _) in d.questions.iter().take(4) {
                sign(identity, id, Sign::AsksFor, name, Some(Protocol::Dns), cx);
            }
        }
        return;
    }
    if !d.response {
        return;
    }
    // Who answers by mDNS or LLMNR is the one who sent the message: the client of a multicast conversation.
    let Some(id) = own(identity, head.segment, &head.client) else { return };
    let ips: Vec<IpAddr> = identity.get(id).map(|k| k.ips.iter().map(|b| b.ip).collect()).unwrap_or_default();
    for r in &d.records {
        if r.ip.is_some_and(|ip| ips.contains(&ip)) && matches!(r.rtype, 1 | 28) {
            let name = r.name.strip_suffix(".local").unwrap_or(&r.name);
            identity.name(id, name, head.protocol, news, cx);
        }
        if r.rtype == 12 && r.name.starts_with('_') {
            sign(identity, id, Sign::MdnsService, &r.name, Some(head.protocol), cx);
        }
        // A text record stands under the name of the service instance: answers about others' services are not sent by mDNS.
        says::service_text(identity, id, &r.keys, cx);
    }
}

fn lldp(identity: &mut Identity, segment: Segment, mac: Option<Mac>, l: &Lldp, news: &mut News, cx: &mut Cx<'_>) {
    let Some(id) = mac.and_then(|m| identity.sender(segment, m, news, cx)) else { return };
    identity.name(id, &l.name, Protocol::Lldp, news, cx);
    sign(identity, id, Sign::LldpDescription, &l.description, Some(Protocol::Lldp), cx);
    says::inventory(identity, id, l, cx);
    for (bit, name) in [(3, "access-point"), (5, "telephone"), (4, "router"), (2, "bridge"), (7, "station")] {
        if l.capabilities & 1 << bit != 0 {
            sign(identity, id, Sign::LldpCapability, name, Some(Protocol::Lldp), cx);
        }
    }
    if l.capabilities & 1 << 4 != 0
        && let Some(k) = identity.get_mut(id)
    {
        k.router = true;
    }
    for ip in l.addresses.iter().take(4) {
        if model::net::is_private(*ip) {
            identity.bind(id, segment, mac, *ip, false, news, cx);
        }
    }
}
