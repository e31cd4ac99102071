//! Each rule fires, stays silent at near misses, and one way around it is written down (docs/en/findings.md).

use crate::common::*;
use model::activity::{Act, Login, Outcome, SecretKind, SecretTrace};
use model::coverage::Quality;
use model::event::{Deed, Dispute, Table};
use model::finding::{FindingStatus, Step};
use model::flow::{Direction, FlowState};
use model::*;

// ---- 1 unregistered device

#[test]
fn in_the_first_days_new_devices_are_one_finding_that_is_not_urgent() {
    let mut log = Log::default();
    for n in 0..50 {
        log.see(n, mac(n as u32), &format!("192.168.1.{}", n + 1));
    }
    log.health(100, 110, Quality::Full);
    let f = log.findings("unregistered-device");
    assert!(f.iter().all(|f| f.key == "unregistered-device/first-look" && f.severity == Severity::Check));
    assert_eq!(f.iter().map(|f| f.happened).sum::<u64>(), 50);
    assert_eq!(f.last().unwrap().facts["count"], Fact::Count(50));
    assert!(f.len() <= 3, "{}", f.len());
    for f in f {
        speaks(f);
    }
}

#[test]
fn a_new_device_is_told_by_itself_once_there_is_a_ledger() {
    let mut log = Log::default();
    log.settle(0);
    log.see(100_000, mac(9), "192.168.1.9");
    log.dhcp(100_001, 3, mac(9), "LAPTOP-K7", None, None);
    let id = log.asset_of_mac(mac(9));
    let f = log.findings("unregistered-device");
    let own: Vec<_> = f.iter().filter(|f| f.asset == Some(id)).collect();
    assert_eq!((own.len(), own[0].severity, own[0].step), (1, Severity::Week, Step::Happened));
    speaks(own[0]);
    // The name is told with the next step.
    log.health(100_060, 100_070, Quality::Full);
    let f = log.findings("unregistered-device");
    let last = f.last().unwrap();
    assert_eq!((last.asset, last.happened, &last.facts["name"]), (Some(id), 0, &Fact::Text("LAPTOP-K7".into())));
    // A person registers it: it is over.
    log.state(100_100, id, AssetState::Registered);
    assert_eq!(log.findings("unregistered-device").last().unwrap().step, Step::Ceased);
    // And stays over while it goes on talking.
    let before = log.findings("unregistered-device").len();
    log.see(104_000, mac(9), "192.168.1.9");
    assert_eq!(log.findings("unregistered-device").len(), before);
}

#[test]
fn an_unknown_device_that_talks_to_a_plc_is_urgent() {
    let mut log = Log::default();
    log.settle(0);
    log.see(100_000, mac(1), "192.168.1.1");
    log.state(100_001, log.asset_of_mac(mac(1)), AssetState::Registered);
    log.see(100_010, mac(9), "192.168.1.9");
    log.modbus(100_020, end(mac(9), "192.168.1.9", 4000), end(mac(1), "192.168.1.1", 502));
    let id = log.asset_of_mac(mac(9));
    let f = log.findings("unregistered-device");
    let own: Vec<_> = f.iter().filter(|f| f.asset == Some(id)).copied().collect();
    assert_eq!(steps(&own), [Step::Happened, Step::Changed]);
    assert_eq!(own[1].severity, Severity::Today);
    speaks(own[1]);
}

#[test]
fn evasion_a_registered_hardware_address_is_copied_and_nothing_is_told() {
    let mut log = Log::default();
    log.settle(0);
    let before = log.findings("unregistered-device").len();
    log.see(100_000, mac(0x00ff_ffff), "192.168.1.77");
    assert_eq!(log.findings("unregistered-device").len(), before);
}

// ---- 2 ARP spoofing

fn router_and_pc(log: &mut Log) {
    log.dhcp(0, 5, mac(2), "", Some("192.168.1.2"), Some("192.168.1.1"));
    log.arp(0, 2, mac(1), "192.168.1.1", "192.168.1.2");
    log.arp(1, 2, mac(2), "192.168.1.2", "192.168.1.1");
}

#[test]
fn a_device_in_the_middle_is_urgent() {
    let mut log = Log::default();
    router_and_pc(&mut log);
    for s in 0..5 {
        log.arp(10 + s, 2, mac(66), "192.168.1.1", "192.168.1.2");
        log.arp(10 + s, 2, mac(66), "192.168.1.2", "192.168.1.1");
    }
    let f = log.findings("arp-spoofing");
    assert!(!f.is_empty());
    assert_eq!(f[0].severity, Severity::Today);
    assert!(f.iter().any(|f| kind(f) == "middle" || kind(f) == "router"), "{f:?}");
    assert_eq!(f[0].facts["mac"], Fact::Text(mac(66).to_string()));
    for f in f {
        speaks(f);
    }
}

#[test]
fn a_doubled_address_is_told_after_they_contest_it() {
    let mut log = Log::default();
    log.arp(0, 2, mac(1), "192.168.1.50", "192.168.1.2");
    log.arp(10, 2, mac(2), "192.168.1.50", "192.168.1.3");
    assert!(log.findings("arp-spoofing").is_empty(), "one change can be a replaced network card");
    log.arp(20, 2, mac(1), "192.168.1.50", "192.168.1.2");
    let f = log.findings("arp-spoofing");
    assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, "double", Severity::Week));
    assert_eq!(f[0].facts["mac"], Fact::Text(mac(2).to_string()), "the one that came second");
    speaks(f[0]);
}

#[test]
fn near_misses_of_spoofing_stay_silent() {
    // DHCP hands the address to somebody else.
    let mut log = Log::default();
    log.dhcp(0, 5, mac(1), "", Some("192.168.1.50"), None);
    log.arp(1, 1, mac(1), "192.168.1.50", "192.168.1.1");
    log.dhcp(100, 5, mac(2), "", Some("192.168.1.50"), None);
    log.arp(101, 1, mac(2), "192.168.1.50", "192.168.1.1");
    // VRRP and HSRP: the shared address moves between the pair's own and the virtual one.
    for (n, shared) in [Mac([0, 0, 0x5e, 0, 1, 9]), Mac([0, 0, 0x0c, 7, 0xac, 1])].into_iter().enumerate() {
        let address = format!("192.168.1.{}", 240 + n);
        for s in 0..10 {
            log.arp(200 + s, 2, if s % 2 == 0 { shared } else { mac(30) }, &address, "192.168.1.1");
        }
    }
    // Probes say nothing about the sender (RFC 5227).
    log.arp(300, 1, mac(5), "0.0.0.0", "192.168.1.50");
    // Failover: the partner takes over when the owner has been quiet for long.
    log.arp(400, 2, mac(10), "192.168.1.60", "192.168.1.1");
    log.arp(4000, 2, mac(11), "192.168.1.60", "192.168.1.1");
    assert!(log.findings("arp-spoofing").is_empty(), "{:?}", log.findings("arp-spoofing"));
}

#[test]
fn the_way_out_moves_to_a_device_that_has_just_claimed_an_address() {
    let mut log = Log::default();
    log.see(0, mac(1), "203.0.113.7");
    log.see(0, mac(2), "192.168.1.2");
    log.arp(5, 2, mac(66), "192.168.1.1", "192.168.1.2");
    log.see(7, mac(66), "203.0.113.7");
    let f = log.findings("arp-spoofing");
    assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, "router", Severity::Today));
    speaks(f[0]);
    // Two routers that have always shared the traffic.
    let mut log = Log::default();
    log.arp(0, 2, mac(1), "192.168.1.1", "192.168.1.2");
    log.arp(0, 2, mac(3), "192.168.1.3", "192.168.1.2");
    for n in 0..200i64 {
        log.see(1 + n, mac(if n % 2 == 0 { 1 } else { 3 }), &format!("203.0.113.{}", n % 7));
    }
    assert!(log.findings("arp-spoofing").is_empty(), "{:?}", log.findings("arp-spoofing"));
}

#[test]
fn evasion_the_owner_is_silenced_first() {
    let mut log = Log::default();
    log.arp(0, 2, mac(1), "192.168.1.50", "192.168.1.2");
    log.arp(1000, 2, mac(66), "192.168.1.50", "192.168.1.2");
    assert!(log.findings("arp-spoofing").is_empty());
}

// ---- 3 scans

#[test]
fn many_ports_of_one_device() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    log.see(0, mac(2), "192.168.1.2");
    for p in 1..200u16 {
        log.knock(10, end(mac(2), "192.168.1.2", 40000 + p), end(mac(1), "192.168.1.1", p), p % 2 == 0);
    }
    let f = log.findings("port-scan");
    assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, "ports", Severity::Week), "repeats gather");
    assert!(f[0].events.len() >= 20);
    speaks(f[0]);
}

#[test]
fn silent_doors_count_when_they_are_told_and_not_again_when_they_are_tried_again() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    log.see(0, mac(2), "192.168.1.2");
    let attempt = |log: &mut Log, s: i64, p: u16, part: u32| {
        let up = Direction { packets: 1, bytes: 60, flags: 2 };
        let mut f = Flow {
            id: FlowId(u64::from(p)),
            segment: seg(),
            transport: Transport::Tcp,
            client: end(mac(2), "192.168.1.2", 40000 + p),
            server: end(mac(1), "192.168.1.1", p),
            protocol: None,
            first: at(s),
            last: at(s),
            started: at(10),
            part,
            up,
            down: Direction::default(),
            state: FlowState::Attempted,
            end: model::flow::FlowEnd::Interim,
            gaps: 0,
        };
        if part > 0 {
            f.end = model::flow::FlowEnd::Idle;
        }
        log.put(at(s), model::Body::Flow(Box::new(f)));
    };
    // As many doors as are one too few, each tried three times.
    let ports = 19u16;
    for p in 1..=ports {
        for part in 0..3 {
            attempt(&mut log, 12, p, part);
        }
    }
    assert!(log.findings("port-scan").is_empty(), "{:?}", log.findings("port-scan"));
    for p in ports + 1..60 {
        attempt(&mut log, 12, p, 0);
    }
    let f = log.findings("port-scan");
    assert_eq!((f.len(), kind(f[0])), (1, "ports"));
}

#[test]
fn one_port_of_many_devices_and_calls_for_nobody() {
    let mut log = Log::default();
    for n in 1..40 {
        log.knock(n, end(mac(2), "192.168.1.2", 40000), end(mac(500), &format!("192.168.1.{}", 100 + n), 445), false);
    }
    assert_eq!(kind(log.findings("port-scan")[0]), "hosts");
    let mut log = Log::default();
    log.see(0, mac(2), "192.168.1.2");
    for n in 1..255 {
        log.arp(1, 1, mac(2), "192.168.1.2", &format!("192.168.1.{n}"));
    }
    let f = log.findings("port-scan");
    assert_eq!(kind(f[0]), "arp");
    speaks(f[0]);
}

#[test]
fn probes_that_no_normal_program_sends() {
    let mut log = Log::default();
    for (n, flags) in [0u8, 0x29, 0x01, 0x2b].into_iter().enumerate() {
        let up = Direction { packets: 1, bytes: 60, flags };
        log.flow(
            n as i64,
            end(mac(2), "192.168.1.2", 40000 + n as u16),
            end(mac(1), "192.168.1.1", 80),
            FlowState::Partial,
            up,
            Direction::default(),
        );
    }
    assert_eq!(kind(log.findings("port-scan")[0]), "odd");
}

#[test]
fn a_probed_plc_is_urgent() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    log.see(0, mac(3), "192.168.1.3");
    log.modbus(1, end(mac(3), "192.168.1.3", 4000), end(mac(1), "192.168.1.1", 502));
    for p in 1..30u16 {
        log.knock(10, end(mac(2), "192.168.1.2", 40000 + p), end(mac(1), "192.168.1.1", p), true);
    }
    assert_eq!(log.findings("port-scan")[0].severity, Severity::Today);
}

#[test]
fn a_monitoring_server_and_a_line_that_is_down_are_not_scans() {
    let mut log = Log::default();
    // Forty devices every five minutes, ten of which have been dead for months.
    for round in 0..50 {
        for n in 1..=40u16 {
            let to = end(mac(u32::from(n)), &format!("192.168.1.{n}"), 161);
            let from = end(mac(900), "192.168.1.200", 50000);
            if n <= 10 {
                log.knock(round * 300 + i64::from(n), from, to, false);
            } else {
                log.talk(round * 300 + i64::from(n), from, to, 500);
            }
        }
    }
    // The Internet is down, and a PC tries 60 addresses of web services.
    for n in 1..60u16 {
        log.knock(20_000, end(mac(3), "192.168.1.3", 50000 + n), end(mac(901), &format!("203.0.113.{n}"), 443), false);
    }
    assert!(log.findings("port-scan").is_empty(), "{:?}", log.findings("port-scan"));
}

#[test]
fn evasion_a_slow_scan() {
    let mut log = Log::default();
    for p in 1..100u16 {
        log.knock(i64::from(p) * 60, end(mac(2), "192.168.1.2", 40000), end(mac(1), "192.168.1.1", p), true);
    }
    assert!(log.findings("port-scan").is_empty());
}

// ---- 4 guessing

fn pair() -> (Endpoint, Endpoint) {
    (end(mac(2), "192.168.1.2", 40000), end(mac(1), "192.168.1.1", 21))
}

#[test]
fn guessing_and_the_success_after_it() {
    let mut log = Log::default();
    let (c, s) = pair();
    log.see(0, mac(1), "192.168.1.1");
    log.see(0, mac(2), "192.168.1.2");
    for n in 0..20 {
        log.login(n, Protocol::Ftp, c, s, "admin", n as u64, Outcome::Failure);
    }
    log.login(30, Protocol::Ftp, c, s, "admin", 77, Outcome::Success);
    let f = log.findings("password-guessing");
    assert_eq!(steps(&f), [Step::Happened, Step::Changed]);
    assert_eq!((f[0].severity, f[0].happened), (Severity::Week, 5));
    assert_eq!((f[1].severity, kind(f[1])), (Severity::Today, "success"));
    assert_eq!(f.iter().map(|f| f.happened).sum::<u64>(), 21);
    for f in f {
        speaks(f);
    }
}

#[test]
fn a_success_a_minute_after_the_last_window_still_counts() {
    let mut log = Log::default();
    let (c, s) = pair();
    for n in 0..6 {
        log.login(n, Protocol::Ssh, c, s, "", n as u64, Outcome::Failure);
    }
    log.login(900, Protocol::Ssh, c, s, "", 9, Outcome::Failure);
    log.login(960, Protocol::Ssh, c, s, "", 10, Outcome::Success);
    assert_eq!(kind(log.findings("password-guessing").last().unwrap()), "success");
}

#[test]
fn spraying_over_many_devices() {
    let mut log = Log::default();
    for n in 1..=6u16 {
        let s = end(mac(u32::from(n)), &format!("192.168.1.{n}"), 22);
        log.login(i64::from(n), Protocol::Ssh, end(mac(99), "192.168.1.99", 4000), s, "", 1, Outcome::Failure);
    }
    let f = log.findings("password-guessing");
    assert_eq!((kind(f[0]), f[0].facts["hosts"].clone()), ("spray", Fact::Count(4)));
    speaks(f[0]);
}

#[test]
fn near_misses_of_guessing() {
    let mut log = Log::default();
    let (c, s) = pair();
    // Mistyped three times, then right; and again the next hour.
    for hour in 0..5 {
        for n in 0..3 {
            log.login(hour * 3600 + n, Protocol::Telnet, c, s, "tanaka", n as u64, Outcome::Failure);
        }
        log.login(hour * 3600 + 5, Protocol::Telnet, c, s, "tanaka", 9, Outcome::Success);
    }
    assert!(log.findings("password-guessing").is_empty());
    // A scanner at the copier with an old password is told mildly.
    for n in 0..30 {
        log.login(50_000 + n, Protocol::Ftp, c, s, "scan", 4, Outcome::Failure);
    }
    let f = log.findings("password-guessing");
    assert!(f.iter().all(|f| kind(f) == "stale" && f.severity == Severity::Check), "{f:?}");
}

#[test]
fn evasion_one_guess_every_five_minutes() {
    let mut log = Log::default();
    let (c, s) = pair();
    for n in 0..50 {
        log.login(n * 300, Protocol::Ftp, c, s, "admin", n as u64, Outcome::Failure);
    }
    assert!(log.findings("password-guessing").is_empty());
}

// ---- 5 readable and default passwords

#[test]
fn readable_then_default() {
    let mut log = Log::default();
    let (c, s) = pair();
    log.login(0, Protocol::Ftp, c, s, "tanaka", 1, Outcome::Success);
    for n in 0..100 {
        log.login(1 + n, Protocol::Ftp, c, s, "tanaka", 1, Outcome::Success);
    }
    assert_eq!(log.findings("clear-login").len(), 1, "repeats gather for an hour");
    let trace = SecretTrace { kind: SecretKind::Password, length: 5, fingerprint: 5, default: true };
    let login = Login { user: "admin".into(), secret: Some(trace), outcome: Outcome::Success, clear_text: true, anonymous: false };
    log.act(200, Protocol::Ftp, c, s, Act::Login(login));
    log.login(300, Protocol::Ftp, c, s, "tanaka", 1, Outcome::Success);
    let f = log.findings("clear-login");
    assert_eq!(f.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::Check]);
    let d = log.findings("default-credentials");
    assert_eq!((d.len(), kind(d[0]), d[0].severity), (1, "default", Severity::Today));
    for f in f.into_iter().chain(d) {
        speaks(f);
    }
}

#[test]
fn near_misses_of_readable_passwords() {
    let mut log = Log::default();
    let (c, s) = pair();
    log.login(0, Protocol::Ssh, c, s, "", 1, Outcome::Success);
    log.login(1, Protocol::Telnet, c, s, "admin", 1, Outcome::Failure);
    assert!(log.findings("clear-login").is_empty());
    log.act(
        2,
        Protocol::Ftp,
        c,
        s,
        Act::Login(Login { user: "anonymous".into(), outcome: Outcome::Success, anonymous: true, clear_text: true, secret: None }),
    );
    let f = log.findings("clear-login");
    assert_eq!((f.len(), f[0].severity, kind(f[0])), (1, Severity::Record, "anonymous"));
    speaks(f[0]);
}

// ---- 6 habit

const HOUR: i64 = 3600;

/// Weeks in which a device moves `bytes(hour)` in every hour, all watched.
fn weeks(log: &mut Log, hours: std::ops::Range<i64>, bytes: impl Fn(i64) -> u64) {
    for h in hours {
        let b = bytes(h);
        // The factory is never wholly silent.
        log.talk(h * HOUR + 60, end(mac(7), "192.168.1.7", 4000), end(mac(8), "192.168.1.8", 80), 50_000);
        if b > 0 {
            log.talk(h * HOUR + 600, end(mac(1), "192.168.1.1", 4000), end(mac(8), "203.0.113.5", 80), b);
        }
        log.health(h * HOUR, (h + 1) * HOUR, Quality::Full);
    }
}

#[test]
fn silent_above_and_below_after_weeks() {
    let usual = |h: i64| if (7..19).contains(&(h % 24)) { 1_000_000 + (h as u64 % 7) * 20_000 } else { 200_000 };
    let mut log = Log::default();
    weeks(&mut log, 0..4 * 168 + 10, usual);
    assert!(log.findings("habit").is_empty(), "{:?}", log.findings("habit"));
    let mut above = log;
    let from = 4 * 168 + 10;
    let clone = |l: &Log| Log { watch: l.watch.clone(), events: l.events.clone(), effects: vec![], skipped: 0 };
    let (mut below, mut silent) = (clone(&above), clone(&above));
    weeks(&mut above, from..from + 2, |h| if h == from { 300_000_000 } else { usual(h) });
    let id = above.asset_of_mac(mac(1));
    let f: Vec<_> = above.findings("habit").into_iter().filter(|f| f.asset == Some(id)).collect();
    assert_eq!((f.len(), kind(f[0]), f[0].severity), (1, "above", Severity::Week), "{f:?}");
    assert_eq!(f[0].facts["basis"], Fact::Text("week".into()));
    speaks(f[0]);
    weeks(&mut below, from..from + 2, |h| if h == from { 2_000 } else { usual(h) });
    assert_eq!(kind(below.findings("habit")[0]), "below");
    weeks(&mut silent, from..from + 6, |h| if h < from + 4 { 0 } else { usual(h) });
    let f = silent.findings("habit");
    assert_eq!(steps(&f), [Step::Happened, Step::Ceased], "{f:?}");
    assert_eq!((kind(f[0]), f[0].facts["since"].clone()), ("silent", Fact::Time(at((from - 1) * HOUR + 600))));
    for f in f {
        speaks(f);
    }
}

#[test]
fn the_young_watch_says_so() {
    let mut log = Log::default();
    weeks(&mut log, 0..5 * 24 + 9, |_| 500_000);
    // Saturday has no like yet; Monday has five.
    weeks(&mut log, 5 * 24 + 9..7 * 24, |_| 500_000);
    weeks(&mut log, 7 * 24..7 * 24 + 4, |h| if h > 7 * 24 { 0 } else { 500_000 });
    let f = log.findings("habit");
    assert_eq!((kind(f[0]), f[0].facts["basis"].clone()), ("silent", Fact::Text("day".into())));
}

#[test]
fn nights_weekends_and_dead_mirrors_are_not_silence() {
    let works = |h: i64| if (8..18).contains(&(h % 24)) && h / 24 % 7 < 5 { 1_000_000 } else { 0 };
    let mut log = Log::default();
    weeks(&mut log, 0..5 * 168, works);
    assert!(log.findings("habit").is_empty(), "{:?}", log.findings("habit"));
    // Monday morning the mirror port is dead: nothing comes, and the sensor says so.
    for h in 5 * 168..5 * 168 + 12 {
        log.health(h * HOUR, (h + 1) * HOUR, Quality::Nothing);
    }
    assert!(log.findings("habit").is_empty());
    // Half an hour of each is lost: neither taught nor accused.
    for h in 5 * 168 + 12..5 * 168 + 16 {
        log.health(h * HOUR, h * HOUR + HOUR / 2, Quality::Full);
        log.health(h * HOUR + HOUR / 2, (h + 1) * HOUR, Quality::Drops);
    }
    assert!(log.findings("habit").is_empty());
}

#[test]
fn evasion_an_outflow_that_grows_little_by_little() {
    let mut log = Log::default();
    weeks(&mut log, 0..10 * 168, |h| (1_000_000.0 * 1.3f64.powi((h / 168) as i32)) as u64);
    assert!(log.findings("habit").is_empty());
}

// ---- gathering

#[test]
fn a_closed_finding_opens_again_and_an_explained_one_does_not_grow_worse_by_repeats() {
    let mut log = Log::default();
    let (c, s) = pair();
    log.login(0, Protocol::Ftp, c, s, "tanaka", 1, Outcome::Success);
    let first = log.findings("clear-login")[0].clone();
    log.deed(
        10,
        Deed::FindingHandled {
            finding: first.id,
            key: first.key.clone(),
            from: FindingStatus::Open,
            to: FindingStatus::Closed,
            note: String::new(),
            until: None,
        },
    );
    log.login(20, Protocol::Ftp, c, s, "tanaka", 1, Outcome::Success);
    let f = log.findings("clear-login");
    assert_eq!(steps(&f), [Step::Happened, Step::Changed]);
    assert_eq!(f[1].id, first.id);
}

// ---- zones

fn zone(log: &mut Log, s: i64, words: &str) {
    let key = format!("zone.{}", ZoneId::from_parts(at(0), [7; 10]));
    log.deed(s, Deed::Setting { key, from: String::new(), to: words.into() });
}

#[test]
fn what_stands_in_a_control_zone_is_control_equipment_without_having_talked_modbus() {
    let scan = |words: Option<&str>| {
        let mut log = Log::default();
        log.settle(0);
        log.see(10, mac(5), "192.168.5.5");
        log.see(10, mac(6), "192.168.5.6");
        log.state(11, log.asset_of_mac(mac(5)), AssetState::Registered);
        if let Some(words) = words {
            zone(&mut log, 20, words);
        }
        for p in 1..40u16 {
            log.knock(100_000, end(mac(5), "192.168.5.5", 4000), end(mac(6), "192.168.5.6", p), true);
        }
        log.findings("port-scan")[0].severity
    };
    assert_eq!(scan(Some("プレス (control) 192.168.5.0/24")), Severity::Today);
    assert_eq!(scan(Some("事務所 (lan) 192.168.5.0/24")), scan(None));
    assert_eq!(scan(Some("プレス (control) 192.168.6.0/24")), scan(None));
    assert_ne!(scan(None), Severity::Today);
}

// ---- the vault's own log

#[test]
fn what_a_witness_disputes_is_told_today_and_gathers_by_witness_and_way() {
    let mut log = Log::default();
    let disputed = |dispute, theirs| Deed::LogDisputed { witness: "w.example/w".into(), dispute, size: 100, theirs };
    log.deed(10, disputed(Dispute::Rollback, Some(120)));
    log.deed(11, disputed(Dispute::Rollback, Some(120)));
    log.deed(12, disputed(Dispute::Unproven, None));
    log.deed(13, disputed(Dispute::Fork, Some(100)));
    let found = log.findings("vault-fork");
    assert_eq!(found.len(), 3, "the second word of the same way waits");
    assert!(found.iter().all(|f| f.severity == Severity::Today));
    assert_eq!(found[0].facts["theirs"], Fact::Count(120));
    for f in found {
        speaks(f);
    }
}

#[test]
fn records_that_were_let_go_are_told_by_table_and_counted() {
    let mut log = Log::default();
    let dropped = |table, rows| Deed::Dropped { table, from: Time(1), to: Time(2), rows, reason: "no space left on device".into() };
    log.deed(10, dropped(Table::Flow, 500));
    log.deed(20, dropped(Table::Flow, 7));
    log.deed(30, dropped(Table::Activity, 1));
    let found = log.findings("vault-drops");
    assert_eq!(found.iter().map(|f| f.happened).collect::<Vec<_>>(), [500, 1], "the second minute waits");
    assert!(found.iter().all(|f| f.severity == Severity::Week));
    assert_eq!(found[0].facts["rows"], Fact::Count(500));
    for f in found {
        speaks(f);
    }
}
