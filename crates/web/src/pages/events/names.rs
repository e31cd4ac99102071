//! What devices do, in words: one line for each act of names, discovery, time, management and the link.

use super::snake;
use crate::view::T;
use catalogue::phrases::Value;
use model::activity::{
    Act, Cdp, Coap, Dhcp, Dhcp6, Discovery, Dns, Lldp, NetbiosName, Ntp, RouterAdvertisement, Snmp, SnmpPdu, SpanningTree, Ssdp, Wlan,
    WlanSecurity,
};

/// Entries of a list that are told in the line; the record's own page has all of them.
const FEW: usize = 4;

/// The line, or `None` for acts that are told elsewhere.
pub(super) fn line(t: T, act: &Act) -> Option<String> {
    let text = match act {
        Act::Dns(d) => dns(t, d),
        Act::Dhcp(d) => dhcp(t, d),
        Act::Dhcp6(d) => dhcp6(t, d),
        Act::NetbiosName(n) => netbios(t, n),
        Act::Ssdp(s) => ssdp(t, s),
        Act::Upnp(u) => t.xy("act-describes", &words([&u.name, &u.maker]), &words([&u.model, &u.number])),
        Act::Discovery(d) => wsd(t, d),
        Act::Ntp(n) => ntp(t, n),
        Act::Snmp(s) => snmp(t, s),
        Act::Coap(c) => coap(t, c),
        Act::Lldp(l) => lldp(t, l),
        Act::Cdp(c) => cdp(t, c),
        Act::SpanningTree(s) => spanning_tree(t, s),
        Act::Membership(m) => t.x(&key("membership", &m.kind), &few(m.groups.iter().map(ToString::to_string))),
        Act::RouterAdvertisement(r) => router(t, r),
        Act::Wlan(w) => wlan(t, w),
        Act::Echo(e) => t.with(
            "act-echo",
            &[("n", Value::Number(e.requests.into())), ("m", Value::Number(e.replies.into())), ("x", Value::Number(e.largest.into()))],
        ),
        Act::Conflict(c) => t.n(if c.fragments { "act-conflict-fragments" } else { "act-conflict" }, c.bytes),
        _ => return None,
    };
    // Parts that are missing leave no gaps.
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `act-FAMILY-KIND`, as the phrases have it.
fn key<T: serde::Serialize>(family: &str, kind: &T) -> String {
    format!("act-{family}-{}", snake(kind).replace('_', "-"))
}

/// The parts that are there, with a space between.
fn words<'a>(parts: impl IntoIterator<Item = &'a String>) -> String {
    parts.into_iter().filter(|p| !p.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// The first entries of a list.
fn few(list: impl Iterator<Item = String>) -> String {
    let mut list: Vec<String> = list.take(FEW + 1).collect();
    if list.len() > FEW {
        list.truncate(FEW);
        list.push("…".to_owned());
    }
    list.join(" ")
}

fn dns(t: T, d: &Dns) -> String {
    let asked = few(d.questions.iter().map(|(name, _)| name.clone()));
    if !d.response {
        return t.x("act-dns-asks", &asked);
    }
    let services = d.records.iter().filter(|r| matches!(r.rtype, 16 | 33) && r.name.contains("._"));
    let services = few(services.map(|r| r.name.clone()).collect::<std::collections::BTreeSet<_>>().into_iter());
    if asked.is_empty() && !services.is_empty() {
        return t.x("act-dns-services", &services);
    }
    let told =
        few(d.records.iter().filter_map(|r| r.ip.map(|ip| ip.to_string()).or_else(|| Some(r.text.clone()).filter(|s| !s.is_empty()))));
    let name = if asked.is_empty() { d.records.first().map(|r| r.name.clone()).unwrap_or_default() } else { asked };
    if told.is_empty() { t.xy("act-dns-nothing", &name, &d.rcode.to_string()) } else { t.xy("act-dns-answers", &name, &told) }
}

fn dhcp(t: T, d: &Dhcp) -> String {
    let who = if d.hostname.is_empty() { d.mac.to_string() } else { format!("{} ({})", d.hostname, d.mac) };
    let address = d.your_ip.or(d.requested_ip).or(d.client_ip).map(|ip| ip.to_string()).unwrap_or_default();
    match d.message {
        2 => t.xy("act-dhcp-offers", &who, &address),
        5 => t.xy("act-dhcp-gives", &who, &address),
        6 => t.x("act-dhcp-refuses", &who),
        4 | 7 => t.xy("act-dhcp-returns", &who, &address),
        8 => t.x("act-dhcp-settings", &who),
        _ => t.xy("act-dhcp-asks", &who, &address),
    }
}

fn dhcp6(t: T, d: &Dhcp6) -> String {
    let mac = d.mac.map(|m| m.to_string()).unwrap_or_default();
    let who = [&d.hostname, &mac, &d.duid].into_iter().find(|s| !s.is_empty()).cloned().unwrap_or_default();
    if matches!(d.message, 2 | 7 | 10) {
        t.xy("act-dhcp6-answers", &who, &few(d.addresses.iter().map(ToString::to_string)))
    } else {
        t.x("act-dhcp6-asks", &who)
    }
}

fn netbios(t: T, n: &NetbiosName) -> String {
    let name = format!("{}<{:02x}>", n.name, n.suffix);
    let addresses = few(n.addresses.iter().map(ToString::to_string));
    if let Some(a) = &n.announced {
        return t.xy("act-nbns-announces", &a.name, &a.comment);
    }
    if n.datagram {
        return t.xy("act-nbns-speaks", &name, n.to.as_ref().map_or("", |(to, _)| to.as_str()));
    }
    if !n.status.is_empty() {
        return t.x("act-nbns-names", &few(n.status.iter().map(|(name, suffix, _)| format!("{name}<{suffix:02x}>"))));
    }
    match (n.opcode, n.response) {
        (5 | 8 | 9 | 15, _) => t.xy("act-nbns-registers", &name, &addresses),
        (6, _) => t.x("act-nbns-releases", &name),
        (_, false) => t.x("act-nbns-asks", &name),
        (_, true) if addresses.is_empty() => t.x("act-nbns-nothing", &name),
        (_, true) => t.xy("act-nbns-answers", &name, &addresses),
    }
}

fn ssdp(t: T, s: &Ssdp) -> String {
    let more = words([&s.server, &s.location]);
    t.xy(&key("ssdp", &s.kind), &s.target, &more)
}

fn wsd(t: T, d: &Discovery) -> String {
    let types = few(d.types.iter().cloned());
    t.x(&key("wsd", &d.kind), &words([&d.endpoint, &types]))
}

fn ntp(t: T, n: &Ntp) -> String {
    match n.mode {
        _ if n.monlist => t.say("act-ntp-monlist"),
        3 => t.say("act-ntp-asks"),
        4 | 5 => t.with("act-ntp-answers", &[("n", Value::Number(n.stratum.into())), ("x", Value::Text(&n.reference))]),
        6 | 7 => t.say("act-ntp-control"),
        _ => t.say("act-ntp-peers"),
    }
}

fn snmp(t: T, s: &Snmp) -> String {
    let objects = few(s.bindings.iter().map(|(oid, value)| if value.is_empty() { oid.clone() } else { format!("{oid} = {value}") }));
    let text = match s.pdu {
        SnmpPdu::Get | SnmpPdu::GetNext | SnmpPdu::GetBulk => t.x("act-snmp-get", &objects),
        SnmpPdu::Set => t.x("act-snmp-set", &objects),
        SnmpPdu::Response => t.x("act-snmp-response", &objects),
        SnmpPdu::Trap => t.x("act-snmp-trap", &objects),
        SnmpPdu::Report => t.x("act-snmp-report", &objects),
        SnmpPdu::Encrypted => t.x("act-snmp-encrypted", &s.user),
    };
    if s.community.is_some_and(|c| c.default) { format!("{text} · {}", t.say("act-snmp-default")) } else { text }
}

fn coap(t: T, c: &Coap) -> String {
    let path = if c.path.is_empty() { String::new() } else { format!("{}/{}", c.host, c.path) };
    match c.code {
        0 => t.say("act-coap-empty"),
        1..100 => {
            let method = match c.code {
                1 => "GET",
                2 => "POST",
                3 => "PUT",
                4 => "DELETE",
                5 => "FETCH",
                6 => "PATCH",
                _ => "iPATCH",
            };
            t.xy("act-coap-asks", method, &path)
        }
        code => {
            let code = format!("{}.{:02}", code / 100, code % 100);
            t.with("act-coap-answers", &[("x", Value::Text(&code)), ("n", Value::Number(c.bytes.into()))])
        }
    }
}

fn lldp(t: T, l: &Lldp) -> String {
    let name = if l.name.is_empty() { &l.chassis } else { &l.name };
    t.xy("act-announces", &words([name, &l.description]), &words([&l.maker, &l.model, &l.firmware, &l.port]))
}

fn cdp(t: T, c: &Cdp) -> String {
    t.xy("act-announces", &c.device, &words([&c.platform, &c.port]))
}

fn spanning_tree(t: T, s: &SpanningTree) -> String {
    let key = if s.topology_change || s.bpdu == 0x80 { "act-stp-change" } else { "act-stp" };
    let mac = |m: Option<model::Mac>| m.map(|m| m.to_string()).unwrap_or_default();
    t.xy(key, &mac(s.bridge), &mac(s.root))
}

fn router(t: T, r: &RouterAdvertisement) -> String {
    let prefixes = few(r.prefixes.iter().map(|(ip, length)| format!("{ip}/{length}")));
    t.x(if r.lifetime > 0 { "act-router" } else { "act-router-not" }, &prefixes)
}

fn wlan(t: T, w: &Wlan) -> String {
    let bssid = w.bssid.map(|m| m.to_string()).unwrap_or_default();
    let name = w.ssid.clone().filter(|s| !s.is_empty()).map_or_else(|| bssid.clone(), |s| format!("{s} {bssid}"));
    let security = if w.security == WlanSecurity::Unknown { String::new() } else { snake(&w.security) };
    t.xy(&key("wlan", &w.kind), &name, &security)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Lang;
    use model::activity::{Conflict, Echo, Membership, MembershipKind, SsdpKind, Upnp, WlanKind};
    use model::activity::{DiscoveryKind, DnsRecord};

    #[test]
    fn every_act_of_these_families_has_words_in_both_languages() {
        let mut acts = vec![
            Act::Dns(Dns { questions: vec![("plc.local".into(), 1)], ..Dns::default() }),
            Act::Dns(Dns { response: true, rcode: 3, questions: vec![("x.jp".into(), 1)], ..Dns::default() }),
            Act::Dns(Dns {
                response: true,
                records: vec![DnsRecord { name: "a._ipp._tcp.local".into(), rtype: 33, text: "a.local".into(), ..DnsRecord::default() }],
                ..Dns::default()
            }),
            Act::Dhcp6(Dhcp6 { message: 7, duid: "0001".into(), ..Dhcp6::default() }),
            Act::Dhcp6(Dhcp6::default()),
            Act::Upnp(Upnp { name: "NAS".into(), ..Upnp::default() }),
            Act::Ntp(Ntp { monlist: true, ..Ntp::default() }),
            Act::Lldp(Lldp { chassis: "c".into(), ..Lldp::default() }),
            Act::Cdp(Cdp { device: "sw".into(), ..Cdp::default() }),
            Act::SpanningTree(SpanningTree { topology_change: true, ..SpanningTree::default() }),
            Act::SpanningTree(SpanningTree::default()),
            Act::RouterAdvertisement(RouterAdvertisement { lifetime: 9, ..RouterAdvertisement::default() }),
            Act::RouterAdvertisement(RouterAdvertisement::default()),
            Act::Echo(Echo { requests: 3, ..Echo::default() }),
            Act::Conflict(Conflict { bytes: 3, fragments: true }),
            Act::Conflict(Conflict { bytes: 3, fragments: false }),
        ];
        for message in 0..=8 {
            acts.push(Act::Dhcp(Dhcp { message, ..Dhcp::default() }));
        }
        for mode in 1..=7 {
            acts.push(Act::Ntp(Ntp { mode, ..Ntp::default() }));
        }
        for code in [0, 1, 205] {
            acts.push(Act::Coap(Coap { code, path: "a".into(), ..Coap::default() }));
        }
        for (opcode, response) in [(0, false), (0, true), (5, false), (6, false)] {
            acts.push(Act::NetbiosName(NetbiosName { opcode, response, name: "PC".into(), ..NetbiosName::default() }));
        }
        acts.push(Act::NetbiosName(NetbiosName { datagram: true, ..NetbiosName::default() }));
        acts.push(Act::NetbiosName(NetbiosName { announced: Some(model::activity::Announcement::default()), ..NetbiosName::default() }));
        acts.push(Act::NetbiosName(NetbiosName { status: vec![("A".into(), 0, false)], ..NetbiosName::default() }));
        for kind in [SsdpKind::Search, SsdpKind::Alive, SsdpKind::Goodbye, SsdpKind::Answer] {
            acts.push(Act::Ssdp(Ssdp { kind, target: "ssdp:all".into(), ..Ssdp::default() }));
        }
        for kind in [
            DiscoveryKind::Other,
            DiscoveryKind::Hello,
            DiscoveryKind::Bye,
            DiscoveryKind::Probe,
            DiscoveryKind::ProbeMatch,
            DiscoveryKind::Resolve,
            DiscoveryKind::ResolveMatch,
        ] {
            acts.push(Act::Discovery(Discovery { kind, ..Discovery::default() }));
        }
        for pdu in [SnmpPdu::Get, SnmpPdu::Set, SnmpPdu::Response, SnmpPdu::Trap, SnmpPdu::Report, SnmpPdu::Encrypted] {
            acts.push(Act::Snmp(Snmp { pdu, ..Snmp::default() }));
        }
        for kind in [MembershipKind::Query, MembershipKind::Report, MembershipKind::Leave] {
            acts.push(Act::Membership(Membership { kind, ..Membership::default() }));
        }
        for kind in [
            WlanKind::Beacon,
            WlanKind::ProbeRequest,
            WlanKind::ProbeResponse,
            WlanKind::Authentication,
            WlanKind::Association,
            WlanKind::Disassociation,
            WlanKind::Deauthentication,
            WlanKind::KeyExchange,
            WlanKind::Other,
        ] {
            acts.push(Act::Wlan(Wlan { kind, ssid: Some("plant".into()), ..Wlan::default() }));
        }
        for act in &acts {
            let lines: Vec<String> = Lang::ALL.into_iter().map(|lang| line(T::new(lang), act).unwrap()).collect();
            assert!(lines.iter().all(|l| !l.is_empty() && !l.contains('⟦') && !l.contains('{')), "{act:?}: {lines:?}");
            assert_ne!(lines[0], lines[1], "{act:?}");
        }
    }
}
