//! Devices that move, pose or should not be there; services that anyone can enter; old encryption; the Internet. Each rule fires, stays
//! silent at near misses, and one way around it is written down (docs/en/findings.md).
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
use common::*;
use model::activity::*;
use model::asset::{Internet, InternetNeed, Ledger};
use model::event::{Deed, FieldChange};
use model::finding::Step;
use model::observation::Via;
use model::*;
use std::net::Ipv4Addr;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn kinds(log: &Log, rule: &str) -> Vec<(String, Severity)> {
    let found = log.findings(rule);
    for f in &found {
        speaks(f);
    }
    found.iter().map(|f| (kind(f).to_owned(), f.severity)).collect()
}
fn told(kind: &str, severity: Severity) -> Vec<(String, Severity)> {
    vec![(kind.to_owned(), severity)]
}
fn segment(sensor: u16, vlan: u16) -> Segment {
    Segment { sensor: SourceId(sensor), vlan }
}
/// An act on a segment.
fn act(log: &mut Log, s: i64, segment: Segment, protocol: Protocol, client: Endpoint, server: Endpoint, act: Act) {
    let head = Head { flow: FlowId(s.unsigned_abs()), segment, time: at(s), transport: Transport::Udp, protocol, client, server };
    log.put(at(s), Body::Activity(Box::new(Activity { head, act })));
}
fn frame(log: &mut Log, s: i64, segment: Segment, m: Mac, i: &str) {
    log.put(at(s), Body::Observation(Observation { segment, mac: Some(m), ip: Some(ip(i)), via: Via::Frame }));
}
fn entered(log: &mut Log, s: i64, m: Mac, ledger: Ledger) -> AssetId {
    let id = AssetId::derived(at(s), EventId { site: SITE, epoch: 1, seq: 1 }, &m.0);
    log.deed(
        s,
        Deed::AssetEntered { asset: id, state: AssetState::Registered, macs: vec![m], ips: vec![], ledger: Some(Box::new(ledger)) },
    );
    id
}
fn of_kind(kind: Kind) -> Ledger {
    Ledger { kind: Some(kind), ..Ledger::default() }
}

// ---- moved

/// A device of the ledger stays at one place for two days, then `later` plays; another device keeps the old place alive.
fn stay(ledger: Ledger, later: impl FnOnce(&mut Log)) -> Log {
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), ledger);
    entered(&mut log, 0, mac(6), Ledger::default());
    for h in 0..48 {
        frame(&mut log, h * HOUR + 1, segment(1, 10), mac(5), "192.168.10.5");
        frame(&mut log, h * HOUR + 2, segment(1, 10), mac(6), "192.168.10.6");
    }
    later(&mut log);
    log
}
/// Heard at a place for three hours, while the other device goes on in the old one.
fn appear(log: &mut Log, from: i64, segment_: Segment, address: &str) {
    for n in 0..18 {
        frame(log, from + n * 600, segment_, mac(5), address);
        frame(log, from + n * 600 + 1, segment(1, 10), mac(6), "192.168.10.6");
    }
}

#[test]
fn a_device_at_another_sensor_or_vlan_has_moved() {
    let log = stay(of_kind(Kind::Camera), |log| appear(log, 2 * DAY, segment(2, 0), "192.168.10.5"));
    assert_eq!(kinds(&log, "device-moved"), told("sensor", Severity::Check));
    let f = log.findings("device-moved")[0].clone();
    assert_eq!((&f.facts["from"], &f.facts["to"]), (&Fact::Text("#1 VLAN 10".into()), &Fact::Text("#2".into())));
    let log = stay(of_kind(Kind::Plc), |log| appear(log, 2 * DAY, segment(1, 20), "192.168.10.5"));
    assert_eq!(kinds(&log, "device-moved"), told("vlan", Severity::Week), "control equipment is graver");
    let log = stay(of_kind(Kind::Phone), |log| appear(log, 2 * DAY, segment(1, 20), "192.168.10.5"));
    assert_eq!(kinds(&log, "device-moved"), told("vlan", Severity::Record), "telephones are carried about");
}

#[test]
fn a_device_with_an_address_of_another_range_has_moved() {
    let arp = |log: &mut Log, s: i64, address: &str| {
        let arp = Arp {
            operation: 1,
            sender_mac: mac(5),
            sender_ip: address.parse().unwrap(),
            target_mac: Mac::ZERO,
            target_ip: "192.168.10.1".parse().unwrap(),
        };
        let client = Endpoint { mac: Some(mac(5)), ip: None, port: None };
        act(log, s, segment(1, 10), Protocol::Arp, client, Endpoint::default(), Act::Arp(arp));
    };
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), of_kind(Kind::Printer));
    for h in 0..48 {
        arp(&mut log, h * HOUR, "192.168.10.5");
    }
    for n in 0..6 {
        arp(&mut log, 2 * DAY + n * 600, "192.168.20.5");
    }
    assert_eq!(kinds(&log, "device-moved"), told("subnet", Severity::Check));
    // Another address of the same range is no move.
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), of_kind(Kind::Printer));
    for h in 0..48 {
        arp(&mut log, h * HOUR, "192.168.10.5");
    }
    for n in 0..6 {
        arp(&mut log, 2 * DAY + n * 600, "192.168.10.77");
    }
    assert!(log.findings("device-moved").is_empty());
}

#[test]
fn a_device_at_another_access_point_or_switch_port_has_moved() {
    let joins = |log: &mut Log, s: i64, bssid: u32| {
        let w = Wlan { kind: WlanKind::Association, bssid: Some(mac(bssid)), station: Some(mac(5)), code: Some(0), ..Wlan::default() };
        let client = Endpoint { mac: Some(mac(5)), ip: None, port: None };
        act(log, s, segment(1, 10), Protocol::Wlan, client, Endpoint::default(), Act::Wlan(w));
    };
    let log = stay(of_kind(Kind::Camera), |log| {
        for h in 0..48 {
            joins(log, 2 * DAY + h * HOUR, 900);
        }
        for n in 0..6 {
            joins(log, 4 * DAY + n * 300, 901);
        }
    });
    assert_eq!(kinds(&log, "device-moved"), told("access-point", Severity::Check));
    let asks = |log: &mut Log, s: i64, circuit: &str| {
        let d = Dhcp { message: 3, mac: mac(5), circuit: circuit.into(), remote: "sw-core".into(), ..Dhcp::default() };
        let client = Endpoint { mac: Some(mac(5)), ip: None, port: Some(68) };
        act(log, s, segment(1, 10), Protocol::Dhcp, client, Endpoint::default(), Act::Dhcp(d));
    };
    let log = stay(of_kind(Kind::Camera), |log| {
        for d in 0..3 {
            asks(log, (2 + d) * DAY, "ge-0/0/7");
        }
        asks(log, 5 * DAY, "ge-0/0/21");
    });
    assert_eq!(kinds(&log, "device-moved"), told("port", Severity::Check));
    assert_eq!(log.findings("device-moved")[0].facts["to"], Fact::Text("sw-core ge-0/0/21".into()));
}

#[test]
fn near_misses_of_a_move() {
    // Two sensors hear it: it is still at the old place.
    let log = stay(of_kind(Kind::Camera), |log| {
        for n in 0..40 {
            frame(log, 2 * DAY + n * 300, segment(2, 0), mac(5), "192.168.10.5");
            frame(log, 2 * DAY + n * 300 + 1, segment(1, 10), mac(5), "192.168.10.5");
        }
    });
    assert!(log.findings("device-moved").is_empty(), "heard twice");
    // The old place is not watched any more: nothing is concluded.
    let log = stay(of_kind(Kind::Camera), |log| {
        for n in 0..40 {
            frame(log, 2 * DAY + n * 300, segment(2, 0), mac(5), "192.168.10.5");
        }
    });
    assert!(log.findings("device-moved").is_empty(), "the old sensor is dead");
    // It has been there for an hour only before it went on.
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), of_kind(Kind::Pc));
    for n in 0..6 {
        frame(&mut log, n * 600, segment(1, 10), mac(5), "192.168.10.5");
    }
    appear(&mut log, HOUR, segment(1, 20), "192.168.10.5");
    assert!(log.findings("device-moved").is_empty(), "no home yet");
    // Coming home.
    let log = stay(of_kind(Kind::Camera), |log| {
        appear(log, 2 * DAY, segment(1, 20), "192.168.10.5");
        appear(log, 3 * DAY, segment(1, 10), "192.168.10.5");
        appear(log, 4 * DAY, segment(1, 20), "192.168.10.5");
    });
    assert_eq!(kinds(&log, "device-moved").len(), 1, "there and back is told once");
}

#[test]
fn evasion_a_device_that_makes_up_its_hardware_address_moves_unseen() {
    let mut log = Log::default();
    entered(&mut log, 0, random_mac(5), of_kind(Kind::Pc));
    for h in 0..48 {
        frame(&mut log, h * HOUR, segment(1, 10), random_mac(5), "192.168.10.5");
    }
    for n in 0..12 {
        frame(&mut log, 2 * DAY + n * 300, segment(1, 20), random_mac(77), "192.168.20.5");
        frame(&mut log, 2 * DAY + n * 300 + 1, segment(1, 10), mac(6), "192.168.10.6");
    }
    assert!(log.findings("device-moved").is_empty());
}

#[test]
fn with_one_place_to_look_from_a_move_is_unknown() {
    let mut log = Log::default();
    frame(&mut log, 0, segment(1, 0), mac(5), "192.168.10.5");
    assert!(!log.watch.vantage().sees_moves());
    frame(&mut log, 1, segment(1, 20), mac(6), "192.168.20.6");
    assert!(log.watch.vantage().sees_moves());
    assert_eq!(log.watch.vantage().segments, 2);
}

// ---- gateway

/// A router that DHCP gave as the way out answers for three hours.
fn routed(ledger: bool) -> Log {
    let mut log = Log::default();
    if ledger {
        entered(&mut log, 0, mac(1), of_kind(Kind::Router));
        entered(&mut log, 0, mac(2), of_kind(Kind::Pc));
    }
    log.dhcp(1, 5, mac(2), "", Some("192.168.1.2"), Some("192.168.1.1"));
    for n in 0..18 {
        log.arp(10 + n * 600, 2, mac(1), "192.168.1.1", "192.168.1.2");
    }
    log
}

#[test]
fn another_hardware_address_for_the_router_after_it_fell_silent_is_told() {
    let mut log = routed(true);
    log.arp(4 * HOUR, 2, mac(66), "192.168.1.1", "192.168.1.2");
    assert_eq!(kinds(&log, "gateway-changed"), told("stranger", Severity::Today));
    assert!(log.findings("arp-spoofing").is_empty(), "one of the two rules speaks");
    let mut log = routed(true);
    log.arp(4 * HOUR, 2, mac(2), "192.168.1.1", "192.168.1.9");
    assert_eq!(kinds(&log, "gateway-changed"), told("registered", Severity::Week));
    let mut log = routed(false);
    log.arp(4 * HOUR, 2, mac(66), "192.168.1.1", "192.168.1.2");
    assert_eq!(kinds(&log, "gateway-changed"), told("stranger", Severity::Week), "nobody is a stranger without a ledger");
}

#[test]
fn near_misses_of_an_exchanged_router() {
    // A second router that the ledger knows takes over, and gives back.
    let mut log = routed(true);
    entered(&mut log, 3 * HOUR, mac(3), of_kind(Kind::Router));
    log.arp(4 * HOUR, 2, mac(3), "192.168.1.1", "192.168.1.2");
    log.arp(8 * HOUR, 2, mac(1), "192.168.1.1", "192.168.1.2");
    assert!(log.findings("gateway-changed").is_empty());
    // The shared address of a pair (VRRP).
    let mut log = routed(true);
    log.arp(4 * HOUR, 2, Mac([0, 0, 0x5e, 0, 1, 7]), "192.168.1.1", "192.168.1.2");
    assert!(log.findings("gateway-changed").is_empty());
    // While the router still speaks it is spoofing, which has a rule of its own.
    let mut log = routed(true);
    log.arp(3 * HOUR - 500, 2, mac(66), "192.168.1.1", "192.168.1.2");
    assert!(log.findings("gateway-changed").is_empty() && !log.findings("arp-spoofing").is_empty());
    // Somebody who is not the way out gets another card.
    let mut log = routed(true);
    log.arp(100, 2, mac(2), "192.168.1.2", "192.168.1.1");
    log.arp(8 * HOUR, 2, mac(66), "192.168.1.2", "192.168.1.1");
    assert!(log.findings("gateway-changed").is_empty());
}

#[test]
fn evasion_the_routers_hardware_address_is_copied() {
    let mut log = routed(true);
    log.arp(4 * HOUR, 2, mac(1), "192.168.1.1", "192.168.1.2");
    log.see(4 * HOUR + 1, mac(1), "192.168.1.66");
    assert!(log.findings("gateway-changed").is_empty());
}

// ---- second DHCP server

fn offers(log: &mut Log, s: i64, from: (Mac, &str), server: &str, router: &str) {
    let d = Dhcp {
        message: 2,
        mac: mac(2),
        your_ip: Some("192.168.1.2".parse().unwrap()),
        server_id: Some(server.parse().unwrap()),
        router: Some(router.parse().unwrap()),
        resolvers: vec![router.parse().unwrap()],
        ..Dhcp::default()
    };
    let client = Endpoint { mac: Some(mac(2)), ip: None, port: Some(68) };
    act(log, s, seg(), Protocol::Dhcp, client, end(from.0, from.1, 67), Act::Dhcp(d));
}
/// The usual server of two days.
fn served() -> Log {
    let mut log = Log::default();
    entered(&mut log, 0, mac(1), of_kind(Kind::Router));
    for h in 0..48 {
        offers(&mut log, h * HOUR + 5, (mac(1), "192.168.1.1"), "192.168.1.1", "192.168.1.1");
    }
    log
}

#[test]
fn a_second_dhcp_server_is_told() {
    let mut log = served();
    log.see(2 * DAY, mac(66), "192.168.1.66");
    offers(&mut log, 2 * DAY + 1, (mac(66), "192.168.1.66"), "192.168.1.66", "192.168.1.66");
    assert_eq!(kinds(&log, "rogue-dhcp"), told("new", Severity::Today));
    assert_eq!(log.findings("rogue-dhcp")[0].facts["usual"], Fact::List(vec!["192.168.1.1".into()]));
    let mut log = served();
    entered(&mut log, DAY, mac(7), of_kind(Kind::Pc));
    offers(&mut log, 2 * DAY, (mac(7), "192.168.1.7"), "192.168.137.1", "192.168.137.1");
    assert_eq!(kinds(&log, "rogue-dhcp"), told("registered", Severity::Week), "a shared connection");
    // In the name of the usual one.
    let mut log = served();
    offers(&mut log, 2 * DAY, (mac(66), "192.168.1.1"), "192.168.1.1", "192.168.1.66");
    assert_eq!(kinds(&log, "rogue-dhcp"), told("posing", Severity::Today));
    // Both in the first days: nobody can say which is right.
    let mut log = Log::default();
    offers(&mut log, 10, (mac(1), "192.168.1.1"), "192.168.1.1", "192.168.1.1");
    offers(&mut log, 20, (mac(66), "192.168.1.66"), "192.168.1.66", "192.168.1.66");
    assert_eq!(kinds(&log, "rogue-dhcp"), told("two", Severity::Check));
}

#[test]
fn near_misses_of_a_second_dhcp_server() {
    // A pair for failover that gives the same way, both entered.
    let mut log = served();
    entered(&mut log, DAY, mac(3), of_kind(Kind::Router));
    offers(&mut log, 2 * DAY, (mac(3), "192.168.1.4"), "192.168.1.4", "192.168.1.1");
    assert!(log.findings("rogue-dhcp").is_empty(), "{:?}", kinds(&log, "rogue-dhcp"));
    // A relay passes the usual server's answers on under its own hardware address.
    let mut log = served();
    frame(&mut log, 10, seg(), mac(9), "8.8.8.8");
    offers(&mut log, 2 * DAY, (mac(9), "192.168.1.254"), "192.168.1.1", "192.168.1.1");
    assert!(log.findings("rogue-dhcp").is_empty(), "relay");
    // The server was replaced, and its former one has not been heard for five days.
    let mut log = served();
    offers(&mut log, 8 * DAY, (mac(3), "192.168.1.3"), "192.168.1.3", "192.168.1.3");
    assert!(log.findings("rogue-dhcp").is_empty(), "replaced");
}

#[test]
fn evasion_a_server_that_was_there_from_the_beginning_is_usual() {
    let mut log = Log::default();
    offers(&mut log, 10, (mac(66), "192.168.1.66"), "192.168.1.66", "192.168.1.66");
    for d in 1..5 {
        offers(&mut log, d * DAY, (mac(66), "192.168.1.66"), "192.168.1.66", "192.168.1.66");
    }
    assert!(log.findings("rogue-dhcp").is_empty());
}

// ---- IPv6 routers

fn announces(log: &mut Log, s: i64, from: (Mac, &str), lifetime: u16, resolvers: usize) {
    let r = RouterAdvertisement {
        link: Some(from.0),
        lifetime,
        prefixes: vec![("2001:db8:1::".parse().unwrap(), 64)],
        resolvers: vec!["2001:db8:1::53".parse().unwrap(); resolvers],
        ..RouterAdvertisement::default()
    };
    let n = Neighbour { icmp_type: 134, target: None, link: Some(from.0), router: true, overrides: false };
    let group = Endpoint { mac: Some(Mac([0x33, 0x33, 0, 0, 0, 1])), ip: Some(ip("ff02::1")), port: None };
    act(log, s, seg(), Protocol::Icmpv6, end(from.0, from.1, 0), group, Act::Neighbour(n));
    act(log, s, seg(), Protocol::Icmpv6, end(from.0, from.1, 0), group, Act::RouterAdvertisement(r));
}

#[test]
fn an_unknown_ipv6_router_is_told_also_where_there_was_none() {
    let mut log = Log::default();
    log.settle(0);
    announces(&mut log, 2 * DAY, (mac(66), "fe80::66"), 1800, 0);
    let f = kinds(&log, "rogue-router");
    assert_eq!(f[0], ("new".into(), Severity::Today), "an office without IPv6");
    let mut log = Log::default();
    entered(&mut log, 0, mac(1), of_kind(Kind::Router));
    entered(&mut log, 0, mac(7), of_kind(Kind::Pc));
    for h in 0..48 {
        announces(&mut log, h * HOUR + 5, (mac(1), "fe80::1"), 1800, 1);
    }
    assert!(log.findings("rogue-router").is_empty());
    announces(&mut log, 2 * DAY, (mac(7), "fe80::7"), 1800, 0);
    assert_eq!(kinds(&log, "rogue-router")[0], ("registered".into(), Severity::Week), "a computer that shares its connection");
    announces(&mut log, 2 * DAY + 60, (mac(66), "fe80::1"), 0, 1);
    assert!(kinds(&log, "rogue-router").contains(&("posing".into(), Severity::Today)));
}

#[test]
fn near_misses_of_an_unknown_ipv6_router() {
    let mut log = Log::default();
    log.settle(0);
    // It wants to be nobody's router and names no name server (home automation does that).
    announces(&mut log, 2 * DAY, (mac(8), "fe80::8"), 0, 0);
    assert!(log.findings("rogue-router").is_empty());
    // A router of the ledger learns IPv6.
    entered(&mut log, 2 * DAY, mac(1), of_kind(Kind::Router));
    announces(&mut log, 3 * DAY, (mac(1), "fe80::1"), 1800, 1);
    assert!(log.findings("rogue-router").is_empty());
    // It was there in the first days.
    let mut log = Log::default();
    announces(&mut log, 10, (mac(1), "fe80::1"), 1800, 1);
    announces(&mut log, 3 * DAY, (mac(1), "fe80::1"), 1800, 1);
    assert!(log.findings("rogue-router").is_empty());
}

#[test]
fn evasion_the_ipv6_routers_hardware_address_is_copied() {
    let mut log = Log::default();
    announces(&mut log, 10, (mac(1), "fe80::1"), 1800, 1);
    announces(&mut log, 3 * DAY, (mac(1), "fe80::1"), 1800, 3);
    assert!(log.findings("rogue-router").is_empty());
}

// ---- guessing where no login can be read

fn pair() -> (Endpoint, Endpoint) {
    (end(mac(5), "192.168.1.5", 40_000), end(mac(6), "192.168.1.6", 161))
}
fn community(n: u64, default: bool) -> SecretTrace {
    SecretTrace { kind: SecretKind::Community, length: 6, fingerprint: n, default }
}
fn snmp(log: &mut Log, s: i64, pdu: SnmpPdu, n: u64, default: bool) {
    let (c, v) = pair();
    let m = Snmp { version: 2, pdu, community: Some(community(n, default)), ..Snmp::default() };
    act(log, s, seg(), Protocol::Snmp, c, v, Act::Snmp(m));
}

#[test]
fn many_snmp_communities_without_an_answer_are_guessing_and_an_answer_is_a_hit() {
    let mut log = Log::default();
    for n in 0..10 {
        snmp(&mut log, n, SnmpPdu::Get, n as u64, false);
    }
    let f = kinds(&log, "password-guessing");
    assert_eq!(f[0], ("guess".into(), Severity::Week));
    snmp(&mut log, 20, SnmpPdu::Response, 9, false);
    assert_eq!(kinds(&log, "password-guessing").last(), Some(&("success".into(), Severity::Today)));
}

#[test]
fn refused_users_of_snmp_3_are_guessing() {
    let (c, v) = pair();
    let mut log = Log::default();
    for n in 0..8 {
        let bindings = vec![("1.3.6.1.6.3.15.1.1.3.0".to_owned(), n.to_string())];
        let m = Snmp { version: 3, pdu: SnmpPdu::Report, user: format!("u{n}"), bindings, ..Snmp::default() };
        act(&mut log, n, seg(), Protocol::Snmp, c, v, Act::Snmp(m));
    }
    assert_eq!(kinds(&log, "password-guessing")[0].0, "guess");
    // The discovery of an engine, with which every version 3 conversation begins.
    let mut log = Log::default();
    for n in 0..20 {
        let bindings = vec![("1.3.6.1.6.3.15.1.1.4.0".to_owned(), n.to_string())];
        let m = Snmp { version: 3, pdu: SnmpPdu::Report, bindings, ..Snmp::default() };
        act(&mut log, n, seg(), Protocol::Snmp, c, v, Act::Snmp(m));
    }
    assert!(log.findings("password-guessing").is_empty());
}

#[test]
fn every_service_with_logins_counts() {
    use Protocol::{Http, Imap, Kerberos, Ldap, Mqtt, Pop3, Rtsp, Smb, Smtp, Vnc};
    for protocol in [Smb, Kerberos, Ldap, Vnc, Mqtt, Imap, Pop3, Smtp, Http, Rtsp] {
        let mut log = Log::default();
        let (c, v) = pair();
        for n in 0..6 {
            log.login(n, protocol, c, v, if n % 2 == 0 { "" } else { "admin" }, n as u64, Outcome::Failure);
        }
        assert_eq!(kinds(&log, "password-guessing")[0], ("guess".into(), Severity::Week), "{protocol}");
    }
}

#[test]
fn remote_desktop_again_and_again_is_to_be_checked() {
    let run = |count: i64, apart: i64| {
        let mut log = Log::default();
        let (c, v) = pair();
        for n in 0..count {
            let r = Rdp { cookie: "administrator".into(), selected: Some(2), ..Rdp::default() };
            act(&mut log, n * apart, seg(), Protocol::Rdp, c, v, Act::Rdp(r));
        }
        kinds(&log, "password-guessing")
    };
    assert_eq!(run(20, 10)[0], ("sealed".into(), Severity::Check));
    assert!(run(10, 10).is_empty(), "somebody on a bad line");
    assert!(run(20, 60).is_empty(), "evasion: one a minute");
}

#[test]
fn near_misses_of_snmp_guessing() {
    let mut log = Log::default();
    // A monitoring server and its dead printer; then the communities that a discovery tries.
    for n in 0..200 {
        snmp(&mut log, n * 10, SnmpPdu::Get, 1, false);
    }
    for n in 0..5 {
        snmp(&mut log, 5000 + n, SnmpPdu::GetNext, n as u64, false);
    }
    // Every one is answered: several agents behind one address.
    for n in 0..20 {
        snmp(&mut log, 9000 + n, SnmpPdu::Get, 100 + n as u64, false);
        snmp(&mut log, 9000 + n, SnmpPdu::Response, 100 + n as u64, false);
    }
    assert!(log.findings("password-guessing").is_empty(), "{:?}", kinds(&log, "password-guessing"));
}

#[test]
fn evasion_one_community_every_ten_minutes() {
    let mut log = Log::default();
    for n in 0..30 {
        snmp(&mut log, n * 600, SnmpPdu::Get, n as u64, false);
    }
    assert!(log.findings("password-guessing").is_empty());
}

// ---- default credentials

fn login(log: &mut Log, s: i64, protocol: Protocol, user: &str, kind: SecretKind, default: bool, outcome: Outcome) {
    let secret = Some(SecretTrace { kind, length: 5, fingerprint: 5, default });
    let (c, v) = pair();
    let login = Login { user: user.into(), secret, outcome, clear_text: true, anonymous: false };
    log.act(s, protocol, c, v, Act::Login(login));
}

#[test]
fn a_default_password_that_worked_is_urgent_on_every_service() {
    for protocol in [Protocol::Telnet, Protocol::Ftp, Protocol::Http, Protocol::Mqtt, Protocol::Rtsp] {
        let mut log = Log::default();
        login(&mut log, 0, protocol, "admin", SecretKind::Password, true, Outcome::Success);
        assert_eq!(kinds(&log, "default-credentials"), told("default", Severity::Today), "{protocol}");
        assert!(log.findings("clear-login").is_empty(), "one finding for one login");
    }
    let mut log = Log::default();
    login(&mut log, 0, Protocol::Rtsp, "", SecretKind::Password, true, Outcome::Unknown);
    assert_eq!(kinds(&log, "default-credentials"), told("unsure", Severity::Week));
    assert_eq!(log.findings("default-credentials")[0].facts["named"], Fact::Text("no".into()));
    let mut log = Log::default();
    login(&mut log, 0, Protocol::Telnet, "root", SecretKind::Empty, false, Outcome::Success);
    assert_eq!(kinds(&log, "default-credentials"), told("empty", Severity::Week));
}

#[test]
fn an_agent_that_answers_to_public_is_to_be_checked_and_writing_is_graver() {
    let mut log = Log::default();
    snmp(&mut log, 0, SnmpPdu::Get, 1, true);
    assert!(log.findings("default-credentials").is_empty(), "nobody answered yet");
    snmp(&mut log, 1, SnmpPdu::Response, 1, true);
    assert_eq!(kinds(&log, "default-credentials"), told("read", Severity::Check));
    let mut log = Log::default();
    snmp(&mut log, 0, SnmpPdu::Set, 2, true);
    snmp(&mut log, 1, SnmpPdu::Response, 2, true);
    assert_eq!(kinds(&log, "default-credentials"), told("write", Severity::Week));
    let mut log = Log::default();
    entered(&mut log, 0, mac(6), of_kind(Kind::Plc));
    snmp(&mut log, 1, SnmpPdu::Get, 1, true);
    snmp(&mut log, 2, SnmpPdu::Response, 1, true);
    assert_eq!(kinds(&log, "default-credentials"), told("read", Severity::Week), "control equipment");
}

#[test]
fn near_misses_of_default_credentials() {
    let mut log = Log::default();
    login(&mut log, 0, Protocol::Telnet, "admin", SecretKind::Password, true, Outcome::Failure);
    login(&mut log, 1, Protocol::Telnet, "admin", SecretKind::Password, false, Outcome::Success);
    login(&mut log, 2, Protocol::Telnet, "root", SecretKind::Empty, false, Outcome::Failure);
    snmp(&mut log, 3, SnmpPdu::Get, 7, false);
    snmp(&mut log, 4, SnmpPdu::Response, 7, false);
    // A broadcast of a printer driver that nobody answers, and a trap.
    snmp(&mut log, 5, SnmpPdu::Get, 1, true);
    snmp(&mut log, 6, SnmpPdu::Trap, 1, true);
    assert!(log.findings("default-credentials").is_empty());
    assert_eq!(log.findings("clear-login").len(), 1, "readable it was all the same");
}

#[test]
fn evasion_a_default_password_that_is_not_sent_itself() {
    let mut log = Log::default();
    let (c, v) = pair();
    let digest = SecretTrace { kind: SecretKind::Token, length: 32, fingerprint: 5, default: false };
    let login = Login { user: "admin".into(), secret: Some(digest), outcome: Outcome::Success, clear_text: false, anonymous: false };
    log.act(0, Protocol::Http, c, v, Act::Login(login));
    assert!(log.findings("default-credentials").is_empty());
}

// ---- old encryption

fn tls(log: &mut Log, s: i64, server: &str, version: u16, certificate: Option<Certificate>) {
    let t = Tls { version, answered: true, certificates: certificate.into_iter().collect(), ..Tls::default() };
    let m = if server.starts_with("192.168.") { mac(6) } else { mac(1) };
    log.see(s, mac(5), "192.168.1.5");
    log.see(s, mac(6), "192.168.1.6");
    log.act(s, Protocol::Tls, end(mac(5), "192.168.1.5", 4000), end(m, server, 443), Act::Tls(t));
}
fn certificate(days: i64, bits: u16, signature: &str) -> Certificate {
    Certificate {
        subject: "CN=nas".into(),
        not_before: at(-DAY),
        not_after: at(days * DAY),
        key_bits: bits,
        self_signed: true,
        signature: signature.into(),
        ..Certificate::default()
    }
}

#[test]
fn old_versions_of_inside_servers_are_told() {
    for (version, severity) in [(0x0002, Severity::Week), (0x0300, Severity::Week), (0x0301, Severity::Check), (0x0302, Severity::Check)] {
        let mut log = Log::default();
        log.see(0, mac(6), "192.168.1.6");
        for n in 0..50 {
            tls(&mut log, 1 + n, "192.168.1.6", version, None);
        }
        assert_eq!(kinds(&log, "old-encryption"), told("old", severity), "{version:#x}: once a day");
    }
    let mut log = Log::default();
    frame(&mut log, 0, seg(), mac(1), "203.0.113.9");
    tls(&mut log, 1, "203.0.113.9", 0x0301, None);
    assert_eq!(kinds(&log, "old-encryption"), told("outside", Severity::Record));
}

#[test]
fn certificates_are_told_before_and_after_they_run_out_and_renewal_ends_it() {
    let good = "sha256WithRSAEncryption";
    let mut log = Log::default();
    tls(&mut log, 0, "192.168.1.6", 0x0303, Some(certificate(10, 2048, good)));
    assert_eq!(kinds(&log, "old-encryption"), told("expiring", Severity::Check));
    assert_eq!(log.findings("old-encryption")[0].facts["days"], Fact::Count(10));
    tls(&mut log, 12 * DAY, "192.168.1.6", 0x0303, Some(certificate(10, 2048, good)));
    assert!(kinds(&log, "old-encryption").contains(&("expired".into(), Severity::Check)));
    tls(&mut log, 13 * DAY, "192.168.1.6", 0x0303, Some(certificate(400, 2048, good)));
    let f = log.findings("old-encryption");
    assert_eq!(f.last().unwrap().step, Step::Ceased);
}

#[test]
fn weak_keys_and_signatures_are_told() {
    for (bits, signature) in [(1024, "sha256WithRSAEncryption"), (2048, "sha1WithRSAEncryption"), (2048, "md5WithRSAEncryption")] {
        let mut log = Log::default();
        tls(&mut log, 0, "192.168.1.6", 0x0303, Some(certificate(400, bits, signature)));
        assert_eq!(kinds(&log, "old-encryption"), told("weak", Severity::Check), "{bits} {signature}");
    }
}

#[test]
fn near_misses_of_old_encryption() {
    let mut log = Log::default();
    tls(&mut log, 0, "192.168.1.6", 0x0303, Some(certificate(400, 2048, "sha256WithRSAEncryption")));
    tls(&mut log, 1, "192.168.1.6", 0x0303, Some(certificate(400, 256, "ecdsa-with-SHA256")));
    tls(&mut log, 2, "192.168.1.6", 0x0304, None);
    // The client offered old versions only and nobody answered.
    let t = Tls { version: 0, offered: 0x0301, ..Tls::default() };
    log.act(3, Protocol::Tls, end(mac(5), "192.168.1.5", 4000), end(mac(6), "192.168.1.6", 443), Act::Tls(t));
    // An expired certificate outside is not ours.
    frame(&mut log, 4, seg(), mac(1), "203.0.113.9");
    tls(&mut log, 5, "203.0.113.9", 0x0303, Some(certificate(-3, 1024, "sha1WithRSAEncryption")));
    assert!(log.findings("old-encryption").is_empty(), "{:?}", kinds(&log, "old-encryption"));
}

#[test]
fn evasion_an_expired_certificate_inside_tls_1_3() {
    let mut log = Log::default();
    tls(&mut log, 0, "192.168.1.6", 0x0304, None);
    assert!(log.findings("old-encryption").is_empty());
}

// ---- marked as not to be used

#[test]
fn what_should_be_silent_and_is_not_is_told_by_its_state() {
    for (state, severity) in [
        (AssetState::Unused, Severity::Check),
        (AssetState::Faulty, Severity::Check),
        (AssetState::Retired, Severity::Week),
        (AssetState::Denied, Severity::Today),
    ] {
        let mut log = Log::default();
        log.see(0, mac(1), "192.168.1.1");
        let id = log.asset_of_mac(mac(1));
        log.state(10, id, state);
        for n in 0..10 {
            log.see(2 * HOUR + n, mac(1), "192.168.1.1");
        }
        assert_eq!(kinds(&log, "resting-device"), told(state.name(), severity));
        log.state(3 * HOUR, id, AssetState::Registered);
        assert_eq!(log.findings("resting-device").last().unwrap().step, Step::Ceased);
    }
}

#[test]
fn near_misses_of_devices_that_should_be_silent() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    log.see(0, mac(2), "192.168.1.2");
    let id = log.asset_of_mac(mac(1));
    log.state(10, id, AssetState::Unused);
    // Somebody is on the way to the switch.
    log.see(600, mac(1), "192.168.1.1");
    // Others still ask for it, and nobody answers.
    for n in 0..20 {
        log.arp(2 * HOUR + n * 60, 1, mac(2), "192.168.1.2", "192.168.1.1");
        log.knock(2 * HOUR + n * 60, end(mac(2), "192.168.1.2", 4000), end(mac(1), "192.168.1.1", 80), false);
    }
    assert!(log.findings("resting-device").is_empty());
    // It is used again.
    log.state(5 * HOUR, id, AssetState::Registered);
    log.see(6 * HOUR, mac(1), "192.168.1.1");
    assert!(log.findings("resting-device").is_empty());
}

#[test]
fn evasion_a_denied_device_with_another_hardware_address_is_a_new_device() {
    let mut log = Log::default();
    log.settle(0);
    log.see(0, mac(1), "192.168.1.1");
    log.state(10, log.asset_of_mac(mac(1)), AssetState::Denied);
    log.see(2 * DAY, mac(99), "192.168.1.1");
    assert!(log.findings("resting-device").is_empty());
    assert!(!log.findings("unregistered-device").is_empty());
}

// ---- the Internet

fn needs(need: InternetNeed, destinations: &str, until: &str) -> Ledger {
    let internet = Internet { need: Some(need), destinations: destinations.into(), until: until.into(), ..Internet::default() };
    Ledger { internet, ..Ledger::default() }
}
fn resolves(log: &mut Log, s: i64, name: &str, address: &str) {
    let record = DnsRecord { name: name.into(), rtype: 1, ttl: 60, ip: Some(ip(address)), text: String::new(), port: None, keys: vec![] };
    let d = Dns { response: true, questions: vec![(name.into(), 1)], records: vec![record], ..Dns::default() };
    log.act(s, Protocol::Dns, end(mac(5), "192.168.1.5", 5353), end(mac(1), "192.168.1.1", 53), Act::Dns(d));
}
/// One conversation of a device with these needs; `answered` or not.
fn talks(ledger: Ledger, name: &str, answered: bool) -> Log {
    let mut log = Log::default();
    frame(&mut log, 0, seg(), mac(1), "198.51.100.1");
    entered(&mut log, 0, mac(5), ledger);
    if !name.is_empty() {
        resolves(&mut log, 5, name, "203.0.113.9");
    }
    let (c, v) = (end(mac(5), "192.168.1.5", 4000), end(mac(1), "203.0.113.9", 443));
    if answered {
        log.talk(10, c, v, 4000);
    } else {
        log.knock(10, c, v, false);
    }
    log
}

#[test]
fn a_device_that_needs_no_internet_and_is_there_is_told() {
    let none = || needs(InternetNeed::NotNeeded, "", "");
    assert_eq!(kinds(&talks(none(), "", true), "internet-need"), told("none", Severity::Week));
    assert_eq!(kinds(&talks(none(), "", false), "internet-need"), told("tried", Severity::Check));
    let plc = Ledger { kind: Some(Kind::Plc), ..none() };
    assert_eq!(kinds(&talks(plc, "", true), "internet-need"), told("none", Severity::Today));
}

#[test]
fn a_device_that_keeps_to_its_destinations_is_silent_and_one_that_does_not_is_told() {
    let only = |destinations: &str, until: &str| needs(InternetNeed::Destinations, destinations, until);
    for (destinations, name) in [
        ("*.example.com", "update.example.com"),
        ("update.example.com", "update.example.com"),
        ("203.0.113.0/24", ""),
        ("203.0.113.9", "elsewhere.example.org"),
        ("*", ""),
    ] {
        let log = talks(only(destinations, ""), name, true);
        assert!(log.findings("internet-need").is_empty(), "{destinations} {name}");
    }
    let log = talks(only("*.example.com", ""), "evil.example.org", true);
    assert_eq!(kinds(&log, "internet-need"), told("other", Severity::Week));
    assert_eq!(log.findings("internet-need")[0].facts["name"], Fact::Text("evil.example.org".into()));
    assert_eq!(kinds(&talks(only("198.51.100.0/24", ""), "", true), "internet-need"), told("other", Severity::Week));
    assert_eq!(kinds(&talks(only("*.example.com", ""), "", true), "internet-need"), told("unnamed", Severity::Check));
    assert_eq!(kinds(&talks(only("*.example.com", "2026-05-31"), "a.example.com", true), "internet-need"), told("lapsed", Severity::Check));
    assert!(talks(only("*.example.com", "2026-06-01"), "a.example.com", true).findings("internet-need").is_empty(), "the last day counts");
}

#[test]
fn the_internet_that_reaches_a_device_is_told() {
    let mut log = Log::default();
    frame(&mut log, 0, seg(), mac(1), "198.51.100.1");
    entered(&mut log, 0, mac(5), needs(InternetNeed::NotNeeded, "", ""));
    log.see(5, mac(5), "192.168.1.5");
    log.talk(10, end(mac(1), "203.0.113.9", 4000), end(mac(5), "192.168.1.5", 3389), 4000);
    assert_eq!(kinds(&log, "internet-need"), told("inbound", Severity::Week));
}

#[test]
fn near_misses_of_needless_internet() {
    // Nobody has said anything.
    assert!(talks(Ledger::default(), "", true).findings("internet-need").is_empty());
    // Inside, and to everybody.
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), needs(InternetNeed::NotNeeded, "", ""));
    log.see(1, mac(6), "192.168.1.6");
    log.talk(10, end(mac(5), "192.168.1.5", 4000), end(mac(6), "192.168.1.6", 443), 4000);
    log.talk(11, end(mac(5), "192.168.1.5", 4000), end(Mac([1, 0, 0x5e, 0, 0, 0xfb]), "224.0.0.251", 5353), 400);
    assert!(log.findings("internet-need").is_empty());
    // Somebody changes the ledger.
    let mut log = talks(needs(InternetNeed::Destinations, "*", ""), "", true);
    let id = AssetId::derived(at(0), EventId { site: SITE, epoch: 1, seq: 1 }, &mac(5).0);
    let to = FieldChange { field: "internet".into(), from: "destinations".into(), to: "none".into() };
    log.deed(20, Deed::AssetEdited { asset: id, changes: vec![to] });
    log.talk(30, end(mac(5), "192.168.1.5", 4000), end(mac(1), "203.0.113.9", 443), 4000);
    assert_eq!(kinds(&log, "internet-need"), told("none", Severity::Week), "the change is followed");
}

#[test]
fn evasion_a_proxy_inside_hides_the_other_side() {
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), needs(InternetNeed::NotNeeded, "", ""));
    log.see(1, mac(6), "192.168.1.6");
    log.talk(10, end(mac(5), "192.168.1.5", 4000), end(mac(6), "192.168.1.6", 3128), 400_000);
    assert!(log.findings("internet-need").is_empty());
}

// ---- copies that differ

fn differs(log: &mut Log, s: i64, bytes: u32, fragments: bool) {
    let (c, v) = pair();
    act(log, s, seg(), Protocol::Http, c, v, Act::Conflict(Conflict { bytes, fragments }));
}

#[test]
fn differing_copies_are_told_and_several_conversations_are_graver() {
    let mut log = Log::default();
    differs(&mut log, 0, 40, false);
    assert_eq!(kinds(&log, "content-conflict"), told("stream", Severity::Check));
    differs(&mut log, 1, 40, true);
    differs(&mut log, 2, 40, true);
    assert_eq!(kinds(&log, "content-conflict").last(), Some(&("fragments".into(), Severity::Week)));
}

#[test]
fn near_misses_of_differing_copies() {
    let mut log = Log::default();
    // Keep-alives with a byte of rubbish, all day.
    for n in 0..100 {
        differs(&mut log, n, 1, false);
    }
    assert!(log.findings("content-conflict").is_empty());
    // Two conversations hours apart stay mild.
    differs(&mut log, DAY, 40, false);
    differs(&mut log, DAY + 3 * HOUR, 40, false);
    assert!(kinds(&log, "content-conflict").iter().all(|(_, s)| *s == Severity::Check));
}

#[test]
fn evasion_one_byte_at_a_time() {
    let mut log = Log::default();
    for n in 0..1000 {
        differs(&mut log, n, 1, false);
    }
    assert!(log.findings("content-conflict").is_empty());
}

// ---- all together

#[test]
fn what_these_rules_remember_survives_a_snapshot() {
    let mut log = routed(true);
    offers(&mut log, 3 * HOUR, (mac(1), "192.168.1.1"), "192.168.1.1", "192.168.1.1");
    announces(&mut log, 3 * HOUR, (mac(1), "fe80::1"), 1800, 1);
    snmp(&mut log, 3 * HOUR, SnmpPdu::Get, 1, true);
    differs(&mut log, 3 * HOUR, 40, false);
    resolves(&mut log, 3 * HOUR, "a.example.com", "203.0.113.9");
    let bytes = log.watch.snapshot();
    let mut other = detect::Watch::restore(&CATALOGUE, config(), &bytes).unwrap();
    assert_eq!(other.snapshot(), bytes);
    log.effects.clear();
    let mut effects = vec![];
    log.arp(4 * HOUR, 2, mac(66), "192.168.1.1", "192.168.1.2");
    other.event(log.events.last().unwrap(), &mut effects);
    assert_eq!(effects, log.effects);
    assert!(log.findings("gateway-changed").len() == 1);
}

#[test]
fn floods_stay_within_bounds() {
    let mut log = Log::default();
    for n in 0..12_000u32 {
        let s = i64::from(n / 50);
        let [_, b, c, d] = n.to_be_bytes();
        let (m, address) = (mac(n), format!("10.{b}.{c}.{d}"));
        let text = format!("192.168.{c}.{d}");
        offers(&mut log, s, (m, &address), &address, &text);
        announces(&mut log, s, (m, &format!("fe80::{n:x}")), 1800, 1);
        snmp(&mut log, s, SnmpPdu::Get, u64::from(n), true);
        resolves(&mut log, s, &format!("h{n}.example.com"), &Ipv4Addr::from(0xcb00_7100 ^ n).to_string());
        let w = Wlan { kind: WlanKind::Association, bssid: Some(mac(n)), station: Some(m), ..Wlan::default() };
        let client = Endpoint { mac: Some(m), ip: None, port: None };
        act(&mut log, s, segment((n % 5000) as u16, 1), Protocol::Wlan, client, Endpoint::default(), Act::Wlan(w));
        log.effects.clear();
        log.skipped += log.events.len() as u64;
        log.events.clear();
    }
    let size = log.watch.snapshot().len();
    assert!(size < 24_000_000, "{size}");
}
