//! Devices that move, pose as the router, hand out addresses, or should be silent.

use super::*;

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
pub(super) fn routed(ledger: bool) -> Log {
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

pub(super) fn offers(log: &mut Log, s: i64, from: (Mac, &str), server: &str, router: &str) {
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

pub(super) fn announces(log: &mut Log, s: i64, from: (Mac, &str), lifetime: u16, resolvers: usize) {
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
