//! Rules about who talks to whom and how much: each fires, stays silent at near misses, and one way around it is written down
//! (docs/en/findings.md).

use crate::common::*;
use detect::{Config, Watch};
use model::activity::{Act, Dns, DnsRecord, Echo, Modbus};
use model::calendar::Calendar;
use model::coverage::Quality;
use model::event::Deed;
use model::flow::{Direction, FlowState};
use model::zone::{Layer, ZoneFields};
use model::*;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Hours that the sensor watches whole.
fn watch(log: &mut Log, hours: std::ops::Range<i64>) {
    for h in hours {
        log.health(h * HOUR, (h + 1) * HOUR, Quality::Full);
    }
}
fn pc(n: u8) -> Endpoint {
    end(mac(u32::from(n)), &format!("192.168.1.{n}"), 40_000)
}
fn far(n: u8, port: u16) -> Endpoint {
    end(mac(250), &format!("203.0.113.{n}"), port)
}
fn up(log: &mut Log, s: i64, client: Endpoint, server: Endpoint, bytes: u64) {
    let up = Direction { packets: 10, bytes, flags: 0x1b };
    let down = Direction { packets: 10, bytes: 600, flags: 0x1b };
    log.flow(s, client, server, FlowState::Closed, up, down);
}
/// The router sends from public addresses, or it would seem to be the far end.
fn router(log: &mut Log) {
    for n in 1..4 {
        log.see(0, mac(250), &format!("198.51.100.{n}"));
    }
    log.arp(0, 2, mac(250), "192.168.1.250", "192.168.1.1");
}

// ---- zones

fn zoned() -> (Config, ZoneId, ZoneId) {
    let zone = |n: u8| ZoneId(uuid::Uuid::from_u128(u128::from(n)));
    let fields =
        |name: &str, layer, range: &str| ZoneFields { name: name.into(), layer, ranges: vec![range.parse().unwrap()], vlans: vec![] };
    let zones = vec![
        (zone(1), fields("事務所", Layer::Lan, "192.168.1.0/28")),
        (zone(2), fields("制御", Layer::Control, "192.168.1.16/28")),
        (zone(3), fields("サーバー", Layer::Server, "192.168.1.32/28")),
    ];
    (Config { zones, ..config() }, zone(1), zone(2))
}

#[test]
fn zones_that_never_talked_are_told_and_those_that_did_are_not() {
    let (config, ..) = zoned();
    let mut log = Log::with(config);
    router(&mut log);
    for n in [2, 18, 34] {
        log.see(1, mac(n), &format!("192.168.1.{n}"));
    }
    log.talk(100, pc(2), end(mac(34), "192.168.1.34", 445), 9000);
    watch(&mut log, 0..169);
    log.talk(170 * HOUR, pc(2), end(mac(34), "192.168.1.34", 445), 9000);
    // What is refused is no talk.
    log.knock(170 * HOUR, pc(2), end(mac(18), "192.168.1.18", 502), true);
    assert!(log.findings("zone-talk").is_empty(), "{:?}", log.findings("zone-talk"));
    log.talk(171 * HOUR, pc(2), end(mac(18), "192.168.1.18", 502), 9000);
    let f = log.findings("zone-talk");
    assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, "zones", Severity::Week));
    assert_eq!((&f[0].facts["from"], &f[0].facts["to"]), (&Fact::Text("事務所".into()), &Fact::Text("制御".into())));
    speaks(f[0]);
    // The control network reaches the Internet.
    log.talk(172 * HOUR, end(mac(18), "192.168.1.18", 4000), far(9, 443), 9000);
    let f = log.findings("zone-talk");
    assert_eq!((kind(f[1]), f[1].severity), ("to-outside", Severity::Today));
    speaks(f[1]);
}

#[test]
fn time_that_was_not_watched_teaches_no_zone_and_a_changed_zone_is_learned_anew() {
    let (config, _, control) = zoned();
    let mut log = Log::with(config);
    log.see(1, mac(2), "192.168.1.2");
    log.see(1, mac(18), "192.168.1.18");
    // A week with a dead mirror.
    for h in 0..200 {
        log.health(h * HOUR, (h + 1) * HOUR, Quality::Nothing);
    }
    log.talk(201 * HOUR, pc(2), end(mac(18), "192.168.1.18", 502), 9000);
    watch(&mut log, 201..400);
    assert!(log.findings("zone-talk").is_empty());
    let to = String::from("制御 (control) 192.168.1.16/28 192.168.1.48/28");
    log.deed(400 * HOUR, Deed::Setting { key: format!("zone.{control}"), from: String::new(), to });
    log.see(400 * HOUR, mac(50), "192.168.1.50");
    log.talk(401 * HOUR, pc(2), end(mac(50), "192.168.1.50", 502), 9000);
    assert!(log.findings("zone-talk").is_empty(), "the zone is new");
    watch(&mut log, 401..600);
    log.talk(600 * HOUR, end(mac(50), "192.168.1.50", 4000), pc(2), 9000);
    assert_eq!(log.findings("zone-talk").len(), 1, "the other direction was never learned");
}

#[test]
fn evasion_an_intruder_who_uses_a_permitted_way_between_zones() {
    let (config, ..) = zoned();
    let mut log = Log::with(config);
    for n in [2, 3, 34] {
        log.see(1, mac(n), &format!("192.168.1.{n}"));
    }
    log.talk(100, pc(2), end(mac(34), "192.168.1.34", 445), 9000);
    watch(&mut log, 0..169);
    log.talk(170 * HOUR, pc(3), end(mac(34), "192.168.1.34", 3389), 9_000_000);
    assert!(log.findings("zone-talk").is_empty());
}

// ---- beacons

/// Calls with a pause of `period` seconds that varies by up to `percent`, evenly.
fn calls(log: &mut Log, from: i64, client: u8, server: Endpoint, period: i64, percent: i64, count: i64) {
    let mut t = from;
    for n in 0..count {
        t += period + (n * 7 % 11 - 5) * period * percent / 500;
        up(log, t, pc(client), server, 400);
    }
}

#[test]
fn a_new_regular_call_is_told_and_during_learning_mildly() {
    let mut log = Log::default();
    router(&mut log);
    log.see(1, mac(2), "192.168.1.2");
    calls(&mut log, 100, 2, far(9, 443), 60, 5, 40);
    let f = log.findings("beacon");
    assert_eq!((kind(f[0]), f[0].severity), ("young", Severity::Check), "{f:?}");
    speaks(f[0]);
    watch(&mut log, 1..100);
    let before = log.findings("beacon").len();
    calls(&mut log, 101 * HOUR, 2, far(9, 443), 60, 5, 40);
    assert_eq!(log.findings("beacon").len(), before, "what was learned is usual");
    calls(&mut log, 110 * HOUR, 2, far(77, 443), 300, 20, 40);
    let f = log.findings("beacon");
    let last = f.last().unwrap();
    assert_eq!((f.len() - before, kind(last), last.severity), (1, "new", Severity::Week), "a shift of 20% is within the tolerance");
    assert_eq!(last.facts["address"], Fact::Text("203.0.113.77:443".into()));
    speaks(last);
}

#[test]
fn near_misses_of_beacons() {
    let mut log = Log::default();
    router(&mut log);
    for n in 2..8 {
        log.see(1, mac(n), &format!("192.168.1.{n}"));
    }
    watch(&mut log, 0..100);
    let from = 101 * HOUR;
    // Three devices of one maker ask their cloud: a common service.
    for round in 0..60 {
        for n in 2..5u8 {
            up(&mut log, from + round * 60 + i64::from(n), pc(n), far(40, 443), 300);
        }
    }
    // A person browses, with pauses as people have them.
    let mut t = from;
    for n in 0..80i64 {
        t += 7 + (n * n * 37 + n * 11) % 400;
        up(&mut log, t, pc(5), far(50, 443), 900);
    }
    // Time is asked for regularly.
    for n in 0..60 {
        let f = Flow {
            id: FlowId(n),
            segment: seg(),
            transport: Transport::Udp,
            client: pc(6),
            server: far(60, 123),
            protocol: Some(Protocol::Ntp),
            first: at(from + n as i64 * 64),
            last: at(from + n as i64 * 64),
            started: at(from + n as i64 * 64),
            part: 0,
            up: Direction { packets: 1, bytes: 90, flags: 0 },
            down: Direction { packets: 1, bytes: 90, flags: 0 },
            state: FlowState::Established,
            end: model::flow::FlowEnd::Idle,
            gaps: 0,
        };
        log.put(f.last, Body::Flow(Box::new(f)));
    }
    // Every four hours is too seldom to be asked for work.
    for n in 0..40 {
        up(&mut log, from + n * 4 * HOUR, pc(7), far(70, 443), 300);
    }
    assert!(log.findings("beacon").is_empty(), "{:?}", log.findings("beacon"));
}

#[test]
fn evasion_calls_at_random_times() {
    let mut log = Log::default();
    router(&mut log);
    log.see(1, mac(2), "192.168.1.2");
    watch(&mut log, 0..100);
    let mut t = 101 * HOUR;
    for n in 0..100i64 {
        t += 20 + (n * 7919 % 101) * 2;
        up(&mut log, t, pc(2), far(9, 443), 400);
    }
    assert!(log.findings("beacon").is_empty());
}

// ---- DNS tunnels

fn ask(log: &mut Log, s: i64, client: u8, protocol: Protocol, name: &str, rtype: u16) {
    let d = Dns { questions: vec![(name.into(), rtype)], ..Dns::default() };
    log.act(s, protocol, pc(client), end(mac(250), "192.168.1.250", 53), Act::Dns(d));
}
/// Letters and digits that look random, the same each time.
fn noise(seed: u64, len: usize) -> String {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(x >> 59) as usize])
        })
        .collect()
}

#[test]
fn a_tunnel_in_names_is_told_and_worse_by_null_records() {
    for (rtype, wanted) in [(1u16, Severity::Week), (16, Severity::Week), (10, Severity::Today)] {
        let mut log = Log::default();
        log.see(0, mac(2), "192.168.1.2");
        for n in 0..80 {
            ask(&mut log, n, 2, Protocol::Dns, &format!("{}.{}.t.example.net", noise(n as u64, 60), noise(n as u64 + 900, 30)), rtype);
        }
        let f = log.findings("dns-tunnel");
        assert!(!f.is_empty(), "type {rtype}");
        assert_eq!((f[0].severity, &f[0].facts["domain"]), (wanted, &Fact::Text("example.net".into())));
        let Fact::Text(example) = &f[0].facts["example"] else { panic!() };
        assert!(example.len() <= 24, "not more of what may be a secret than shows the form");
        speaks(f[0]);
    }
}

#[test]
fn near_misses_of_dns_tunnels() {
    let mut log = Log::default();
    log.see(0, mac(2), "192.168.1.2");
    for n in 0..200u64 {
        let s = n as i64;
        // A content network: many names, short.
        ask(&mut log, s, 2, Protocol::Dns, &format!("{}.cloudfront.net", noise(n, 14)), 1);
        // The same long name again and again.
        ask(&mut log, s, 2, Protocol::Dns, &format!("{}.metrics.example.com", noise(5, 48)), 1);
        // Multicast names are long: they stay on the link.
        ask(&mut log, s, 2, Protocol::Mdns, &format!("{}._ipp._tcp.local", noise(n, 40)), 16);
        // Reverse lookups are long by nature.
        ask(
            &mut log,
            s,
            2,
            Protocol::Dns,
            &format!("{}.ip6.arpa", format!("{n:064x}").split("").filter(|c| !c.is_empty()).collect::<Vec<_>>().join(".")),
            12,
        );
        // Names that people gave: long, not random, few.
        ask(&mut log, s, 2, Protocol::Dns, &format!("this-is-the-production-host-number-{}.example.jp", n % 20), 1);
    }
    assert!(log.findings("dns-tunnel").is_empty(), "{:?}", log.findings("dns-tunnel"));
}

#[test]
fn evasion_one_long_name_every_half_minute() {
    let mut log = Log::default();
    log.see(0, mac(2), "192.168.1.2");
    for n in 0..500u64 {
        ask(&mut log, n as i64 * 30, 2, Protocol::Dns, &format!("{}.t.example.net", noise(n, 60)), 1);
    }
    assert!(log.findings("dns-tunnel").is_empty());
}

// ---- ICMP tunnels

fn echo(log: &mut Log, s: i64, to: Endpoint, e: Echo) {
    log.act(s, Protocol::Icmp, Endpoint { port: None, ..pc(2) }, Endpoint { port: None, ..to }, Act::Echo(e));
}

#[test]
fn tunnels_in_ping_are_told() {
    let cases = [
        (
            "altered",
            Echo { requests: 30, replies: 30, request_bytes: 3000, reply_bytes: 3000, largest: 120, altered: 30, lengths: 4, entropy: 500 },
        ),
        (
            "varied",
            Echo { requests: 90, replies: 90, request_bytes: 9000, reply_bytes: 9000, largest: 900, altered: 0, lengths: 40, entropy: 700 },
        ),
        (
            "bulk",
            Echo {
                requests: 300,
                replies: 300,
                request_bytes: 300_000,
                reply_bytes: 300_000,
                largest: 1000,
                altered: 0,
                lengths: 1,
                entropy: 780,
            },
        ),
    ];
    for (wanted, e) in cases {
        let mut log = Log::default();
        router(&mut log);
        log.see(0, mac(2), "192.168.1.2");
        log.see(0, mac(3), "192.168.1.3");
        echo(&mut log, 10, end(mac(3), "192.168.1.3", 0), e);
        let f = log.findings("icmp-tunnel");
        assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, wanted, Severity::Week));
        speaks(f[0]);
        echo(&mut log, 20, far(9, 0), e);
        assert_eq!(log.findings("icmp-tunnel").last().unwrap().severity, Severity::Today, "{wanted}: to the outside");
    }
}

#[test]
fn near_misses_and_the_evasion_of_icmp_tunnels() {
    let mut log = Log::default();
    log.see(0, mac(2), "192.168.1.2");
    log.see(0, mac(3), "192.168.1.3");
    let to = end(mac(3), "192.168.1.3", 0);
    for n in 0..200 {
        // A monitoring server asks whether somebody is there; a person tries sizes.
        let ping =
            Echo { requests: 60, replies: 60, request_bytes: 3360, reply_bytes: 3360, largest: 56, altered: 0, lengths: 1, entropy: 480 };
        echo(&mut log, n * 60, to, ping);
        if n % 10 == 0 {
            let sizes = Echo {
                requests: 12,
                replies: 10,
                request_bytes: 12_000,
                reply_bytes: 11_000,
                largest: 1472,
                altered: 0,
                lengths: 12,
                entropy: 300,
            };
            echo(&mut log, n * 60 + 30, to, sizes);
        }
        // Evasion: a few bytes in each of few pings, in the form of an ordinary one.
        let thin = Echo { requests: 1, replies: 1, request_bytes: 56, reply_bytes: 56, largest: 56, altered: 0, lengths: 1, entropy: 560 };
        echo(&mut log, n * 60 + 40, pc(9), thin);
    }
    assert!(log.findings("icmp-tunnel").is_empty(), "{:?}", log.findings("icmp-tunnel"));
}

// ---- outgoing transfers

/// Days on which a PC sends `mib(day)` to the outside at ten in the morning.
fn days(log: &mut Log, range: std::ops::Range<i64>, mib: impl Fn(i64) -> u64) {
    for d in range {
        for h in 0..24 {
            if h == 10 {
                for part in 0..4 {
                    up(log, d * DAY + h * HOUR + part * 60, pc(2), far(40, 443), mib(d) * (1 << 18));
                }
            }
            log.health(d * DAY + h * HOUR, d * DAY + (h + 1) * HOUR, Quality::Full);
        }
    }
}

#[test]
fn a_large_transfer_is_told_on_the_same_day() {
    let mut log = Log::default();
    router(&mut log);
    days(&mut log, 0..16, |d| 5 + d as u64 % 3);
    assert!(log.findings("outflow").is_empty());
    days(&mut log, 16..17, |_| 400);
    let f = log.findings("outflow");
    assert_eq!((kind(f[0]), f[0].severity), ("large", Severity::Week));
    assert!(matches!(f[0].facts["usual"], Fact::Bytes(n) if n < 10 << 20));
    speaks(f[0]);
}

#[test]
fn near_misses_and_the_evasion_of_large_transfers() {
    let mut log = Log::default();
    router(&mut log);
    // A backup to the cloud every working day is its habit.
    days(&mut log, 0..20, |d| if d % 7 < 5 { 300 } else { 0 });
    days(&mut log, 20..21, |_| 250);
    assert!(log.findings("outflow").is_empty(), "{:?}", log.findings("outflow"));
    // Five times as much as usual, and still small.
    let mut log = Log::default();
    router(&mut log);
    days(&mut log, 0..16, |_| 2);
    days(&mut log, 16..17, |_| 50);
    assert!(log.findings("outflow").is_empty());
    // A new device has no habit to be unlike.
    let mut log = Log::default();
    router(&mut log);
    days(&mut log, 0..2, |_| 900);
    assert!(log.findings("outflow").is_empty());
    // Evasion: a little more each day.
    let mut log = Log::default();
    router(&mut log);
    days(&mut log, 0..40, |d| 20 + d as u64 * 8);
    assert!(log.findings("outflow").is_empty());
}

// ---- orders to controllers

fn order(log: &mut Log, s: i64, from: Endpoint, function: u8) {
    let m = Modbus { function, write: matches!(function, 5 | 6 | 15 | 16), address: Some(100), unit: 1, ..Modbus::default() };
    let to = end(mac(51), "192.168.1.51", 502);
    log.act(s, Protocol::Modbus, from, to, Act::Modbus(m));
    log.act(s, Protocol::Modbus, from, to, Act::Modbus(Modbus { response: true, ..m }));
}

#[test]
fn a_first_write_is_told_and_a_strangers_is_urgent() {
    let mut log = Log::default();
    log.settle(0);
    for n in [2, 3, 51] {
        log.see(1, mac(n), &format!("192.168.1.{n}"));
        let id = log.asset_of_mac(mac(n));
        log.state(2, id, AssetState::Registered);
    }
    order(&mut log, 100, pc(2), 6);
    watch(&mut log, 30..200);
    // Near misses: who always wrote writes, and somebody reads.
    order(&mut log, 201 * HOUR, pc(2), 16);
    order(&mut log, 201 * HOUR, pc(3), 3);
    assert!(log.findings("modbus-write").is_empty());
    order(&mut log, 202 * HOUR, pc(3), 6);
    let f = log.findings("modbus-write");
    assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, "known", Severity::Week));
    assert_eq!(f[0].asset, Some(log.asset_of_mac(mac(51))));
    speaks(f[0]);
    order(&mut log, 203 * HOUR, pc(9), 6);
    let f = log.findings("modbus-write");
    let last = f.last().unwrap();
    assert_eq!((kind(last), last.severity), ("stranger", Severity::Today));
    speaks(last);
}

#[test]
fn evasion_orders_from_the_panel_that_always_gives_them() {
    let mut log = Log::default();
    order(&mut log, 100, pc(2), 6);
    watch(&mut log, 0..200);
    for n in 0..50 {
        order(&mut log, 201 * HOUR + n, pc(2), 16);
    }
    assert!(log.findings("modbus-write").is_empty());
}

// ---- links and zones

#[test]
fn a_zone_and_a_link_unlike_their_habit_are_told() {
    let (config, ..) = zoned();
    let mut log = Log::with(config);
    log.see(1, mac(2), "192.168.1.2");
    log.see(1, mac(18), "192.168.1.18");
    let hour = |log: &mut Log, h: i64, bytes: u64| {
        up(log, h * HOUR + 60, pc(2), end(mac(18), "192.168.1.18", 80), bytes);
        let health = model::coverage::Health {
            sensor: SourceId(1),
            from: at(h * HOUR),
            to: at((h + 1) * HOUR),
            packets: 100,
            bytes: bytes + 5000,
            kernel_drops: 0,
            queue_drops: 0,
            decode_errors: 0,
            quality: Quality::Full,
        };
        log.put(at((h + 1) * HOUR), Body::Health(health));
    };
    for h in 0..200 {
        hour(&mut log, h, 1_000_000 + h as u64 % 5 * 10_000);
    }
    assert!(log.findings("volume-habit").is_empty(), "{:?}", log.findings("volume-habit"));
    hour(&mut log, 200, 400_000_000);
    hour(&mut log, 201, 3_000);
    hour(&mut log, 202, 1_000_000);
    hour(&mut log, 203, 1_000_000);
    let f = log.findings("volume-habit");
    let told: Vec<(&str, &Fact)> = f.iter().map(|f| (kind(f), &f.facts["what"])).collect();
    for what in ["link", "zone"] {
        for kind in ["above", "below"] {
            assert!(told.contains(&(kind, &Fact::Text(what.into()))), "{what} {kind}: {told:?}");
        }
    }
    for f in f {
        speaks(f);
    }
}

// ---- short silences

/// A controller is polled every minute, with an hour left out or not.
fn polled(log: &mut Log, minutes: std::ops::Range<i64>, speaks: impl Fn(i64) -> bool, quality: impl Fn(i64) -> Quality) {
    let plc = end(mac(51), "192.168.1.51", 502);
    for m in minutes {
        if speaks(m) {
            log.talk(m * 60 + 5, pc(60), plc, 4000);
        } else {
            log.knock(m * 60 + 5, pc(60), plc, false);
        }
        log.health(m * 60, (m + 1) * 60, quality(m));
    }
}

#[test]
fn a_controller_that_is_silent_for_a_quarter_of_an_hour_is_told_then() {
    let full = |_| Quality::Full;
    let mut log = Log::default();
    log.see(0, mac(51), "192.168.1.51");
    log.modbus(1, pc(60), end(mac(51), "192.168.1.51", 502));
    let week = 6 * 24 * 60;
    polled(&mut log, 0..week, |_| true, full);
    assert!(log.findings("habit").is_empty(), "{:?}", log.findings("habit"));
    let base = log;
    let again = || Log { watch: base.watch.clone(), events: vec![], effects: base.effects.clone(), skipped: base.events.len() as u64 };
    // Near miss: ten minutes.
    let mut pause = again();
    polled(&mut pause, week..week + 60, |m| !(20..30).contains(&(m - week)), full);
    assert!(pause.findings("habit").is_empty(), "{:?}", pause.findings("habit"));
    // Twenty minutes in the middle of an hour, which no whole hour shows.
    let mut silent = again();
    polled(&mut silent, week..week + 60, |m| !(20..40).contains(&(m - week)), full);
    let f = silent.findings("habit");
    assert_eq!(steps(&f), [model::finding::Step::Happened, model::finding::Step::Ceased], "{f:?}");
    assert_eq!((kind(f[0]), f[0].severity, &f[0].facts["basis"]), ("silent", Severity::Week, &Fact::Text("steady".into())));
    let told = f[0].at.seconds() - MONDAY - week * 60;
    assert!((34 * 60..=37 * 60).contains(&told), "told {told} s into the hour");
    speaks(f[0]);
    // Near miss: the mirror was dead in the same twenty minutes.
    let mut blind = again();
    let dead = |m: i64| if (20..40).contains(&(m - week)) { Quality::Nothing } else { Quality::Full };
    polled(&mut blind, week..week + 60, |m| !(20..40).contains(&(m - week)), dead);
    assert!(blind.findings("habit").is_empty(), "{:?}", blind.findings("habit"));
}

// ---- the calendar

#[test]
fn a_public_holiday_is_compared_with_days_off_and_not_with_wednesdays() {
    // From Monday 2026-08-03: Tuesday 11 August is Mountain Day, 12 to 14 August are the company's.
    let monday = 63 * DAY;
    let works = |h: i64| (8..18).contains(&(h % 24));
    let calendar: Calendar = "2026-08-12..2026-08-14 off 夏季休業".parse().unwrap();
    let run = |calendar: Calendar| {
        let mut log = Log::with(Config { calendar, ..config() });
        for h in 0..14 * 24i64 {
            let s = monday + h * HOUR;
            let (day, hour) = (h / 24, h % 24);
            let off = day % 7 >= 5 || (8..=11).contains(&day);
            log.talk(s + 30, end(mac(7), "192.168.1.7", 4000), end(mac(8), "192.168.1.8", 80), 50_000);
            if works(hour) && !off {
                log.talk(s + 600, pc(2), end(mac(8), "192.168.1.8", 80), 1_000_000);
            }
            log.health(s, s + HOUR, Quality::Full);
        }
        log.findings("habit").len()
    };
    assert_eq!(run(calendar), 0, "the factory is closed, and the calendar says so");
    assert!(run("holidays none".parse().unwrap()) > 0, "without a calendar it would be a silence");
}

#[test]
fn settings_come_with_the_log_and_survive_a_snapshot() {
    let (with, zone, _) = zoned();
    let mut log = Log::default();
    for (id, fields) in &with.zones {
        log.deed(1, Deed::Setting { key: format!("zone.{id}"), from: String::new(), to: fields.to_string() });
    }
    log.deed(2, Deed::Setting { key: "calendar".into(), from: String::new(), to: "2026-06-10 off 創立記念日".into() });
    for n in [2, 18, 34] {
        log.see(1, mac(n), &format!("192.168.1.{n}"));
    }
    watch(&mut log, 0..200);
    let mut again = Watch::restore(&CATALOGUE, config(), &log.watch.snapshot()).unwrap();
    log.talk(201 * HOUR, pc(2), end(mac(18), "192.168.1.18", 502), 9000);
    assert_eq!(log.findings("zone-talk").len(), 1);
    let mut out = vec![];
    again.event(log.events.last().unwrap(), &mut out);
    assert!(out.iter().any(|e| matches!(e, detect::Effect::Finding(f) if f.rule == "zone-talk")), "{zone}");
}

#[test]
fn a_name_that_dns_told_is_the_destination() {
    let mut log = Log::default();
    router(&mut log);
    log.see(1, mac(2), "192.168.1.2");
    watch(&mut log, 0..100);
    let answer = Dns {
        response: true,
        questions: vec![("c2.update.example.org".into(), 1)],
        records: vec![DnsRecord {
            name: "c2.update.example.org".into(),
            rtype: 1,
            ttl: 60,
            ip: Some(ip("203.0.113.9")),
            ..DnsRecord::default()
        }],
        ..Dns::default()
    };
    log.act(101 * HOUR, Protocol::Dns, pc(2), end(mac(250), "192.168.1.250", 53), Act::Dns(answer));
    calls(&mut log, 101 * HOUR + 60, 2, far(9, 443), 60, 5, 40);
    assert_eq!(log.findings("beacon")[0].facts["target"], Fact::Text("example.org".into()));
}
