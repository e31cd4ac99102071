//! The same events give the same effects, also with a snapshot in between; floods and wrong clocks are survived.

use crate::common::*;
use detect::{Effect, RestoreError, Watch};
use model::activity::{Dns, Echo, Modbus, Ntp, Outcome};
use model::clock::{OwnClock, RunEnd};
use model::coverage::Quality;
use model::event::Deed;
use model::flow::{Direction, FlowState};
use model::*;
use proptest::prelude::*;

/// One thing that happens, chosen by numbers.
fn happen(log: &mut Log, s: i64, what: u8, a: u8, b: u8) {
    let (a32, b32) = (u32::from(a % 12), u32::from(b % 12));
    let (ia, ib) = (format!("192.168.1.{}", a % 12 + 1), format!("192.168.1.{}", b % 12 + 1));
    let (ca, cb) = (end(mac(a32), &ia, 4000), end(mac(b32), &ib, u16::from(b) + 1));
    match what % 20 {
        0 => log.see(s, mac(a32), &ia),
        1 => log.see(s, random_mac(u32::from(a)), &format!("192.168.2.{a}")),
        2 => log.arp(s, 2, mac(a32), &ib, &ia),
        3 => log.dhcp(s, 3, random_mac(u32::from(a)), ["phone", "tablet", ""][usize::from(b % 3)], None, None),
        4 => log.dhcp(s, 5, mac(a32), "", Some(&ib), Some("192.168.1.1")),
        5 => log.talk(s, ca, cb, u64::from(b) * 10_000),
        6 => log.knock(s, ca, end(mac(b32), &ib, u16::from(b)), a.is_multiple_of(2)),
        7 => log.login(s, Protocol::Ftp, ca, end(mac(b32), &ib, 21), "u", u64::from(a), Outcome::Failure),
        8 => log.login(s, Protocol::Ftp, ca, end(mac(b32), &ib, 21), "u", u64::from(a), Outcome::Success),
        9 => log.modbus(s, ca, end(mac(b32), &ib, 502)),
        10 => log.health(s - 10, s, if b.is_multiple_of(8) { Quality::Drops } else { Quality::Full }),
        11 => {
            let d = log.discovered();
            if !d.is_empty() {
                let to = AssetState::ALL[usize::from(b) % AssetState::ALL.len()];
                log.state(s, d[usize::from(a) % d.len()], to);
            }
        }
        12 => log.see(s, mac(a32), &format!("203.0.113.{b}")),
        13 => {
            let to = ["制御 (control) 192.168.1.0/29", "事務所 (lan) 192.168.1.8/29", ""][usize::from(b % 3)];
            let key = format!("zone.00000000-0000-0000-0000-00000000000{}", a % 2);
            log.deed(s, Deed::Setting { key, from: String::new(), to: to.into() });
        }
        14 => {
            let m = Modbus { function: 6, write: true, unit: b, ..Modbus::default() };
            log.act(s, Protocol::Modbus, ca, end(mac(b32), &ib, 502), Act::Modbus(m));
        }
        15 => {
            let e = Echo {
                requests: 9,
                replies: 9,
                altered: u32::from(b % 12),
                lengths: b,
                request_bytes: u64::from(a) * 900,
                ..Echo::default()
            };
            log.act(s, Protocol::Icmp, ca, end(mac(b32), &format!("203.0.113.{b}"), 0), Act::Echo(e));
        }
        16 => {
            for n in 0..40 {
                let d = Dns { questions: vec![(format!("{a:08x}{n:08x}{b:08x}abcdefgh.x.example.net"), 10)], ..Dns::default() };
                log.act(s + n, Protocol::Dns, ca, cb, Act::Dns(d));
            }
        }
        17 => {
            let n = Ntp { version: 4, mode: 3 + a % 2, stratum: 2, offset_ms: Some(i64::from(b) * 1_000), ..Ntp::default() };
            for n_th in 0..20 {
                log.act(s + n_th, Protocol::Ntp, ca, end(mac(b32), &ib, 123), Act::Ntp(n.clone()));
            }
        }
        18 => {
            let clock = OwnClock {
                synchronised: [None, Some(true), Some(false)][usize::from(a % 3)],
                lasting_s: u64::from(b) * 60,
                ..OwnClock::unknown()
            };
            log.deed(s, Deed::Clock(Box::new(clock)));
            if b.is_multiple_of(7) {
                log.deed(s, Deed::ClockJumped { clock_was: at(s), clock_is: at(s + i64::from(a) - 100), boot: String::new() });
                log.deed(s, Deed::NotWatched { from: at(s - 5), to: at(s), cause: RunEnd::Killed });
            }
        }
        _ => log.flow(s, ca, cb, FlowState::Partial, Direction { packets: 1, bytes: 60, flags: b & 0x3f }, Direction::default()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_snapshot_at_any_point_changes_nothing(
        script in proptest::collection::vec((0u8..20, any::<u8>(), any::<u8>(), 0i64..2000), 20..250),
        cut in 0.0f64..1.0,
    ) {
        let mut log = Log::default();
        let mut s = 0;
        for (what, a, b, pause) in &script {
            s += pause;
            happen(&mut log, s, *what, *a, *b);
        }
        let cut = (log.events.len() as f64 * cut) as usize;
        let mut watch = Watch::new(&CATALOGUE, config(), &[]);
        let mut effects: Vec<Effect> = vec![];
        for (n, e) in log.events.iter().enumerate() {
            if n == cut {
                let bytes = watch.snapshot();
                watch = Watch::restore(&CATALOGUE, config(), &bytes).unwrap();
                // The last event comes again after a crash.
                if n > 0 {
                    watch.event(&log.events[n - 1], &mut effects);
                }
            }
            watch.event(e, &mut effects);
            if let Body::Health(h) = &e.body {
                watch.advance(h.to, &mut effects);
            }
        }
        prop_assert_eq!(effects.len(), log.effects.len());
        for (x, y) in effects.iter().zip(&log.effects) {
            prop_assert_eq!(x, y);
        }
        for f in log.effects.iter().filter_map(|e| if let Effect::Finding(f) = e { Some(f) } else { None }) {
            speaks(f);
        }
    }
}

#[test]
fn snapshots_of_another_version_site_or_none_are_refused_aloud() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    let good = log.watch.snapshot();
    let restore = |bytes: &[u8]| Watch::restore(&CATALOGUE, config(), bytes).err();
    assert_eq!(restore(&good), None);
    assert_eq!(restore(b""), Some(RestoreError::NotASnapshot));
    assert_eq!(restore(b"HWch"), Some(RestoreError::NotASnapshot));
    let mut old = good.clone();
    old[5] = 99;
    assert_eq!(restore(&old), Some(RestoreError::Version { found: 99, wanted: 4 }));
    assert!(matches!(restore(&good[..good.len() / 2]), Some(RestoreError::Damaged(_))));
    let mut other = config();
    other.site = SiteId::NIL;
    assert_eq!(Watch::restore(&CATALOGUE, other, &good).err(), Some(RestoreError::Site));
    for n in 0..good.len() {
        let mut bad = good.clone();
        bad[n] ^= 0x55;
        let _ = restore(&bad);
    }
}

#[test]
fn a_flood_of_addresses_and_sources_stay_within_bounds() {
    let mut log = Log::default();
    let mut size = 0;
    for n in 0..120_000u32 {
        let m = if n % 2 == 0 { mac(n) } else { random_mac(n) };
        let [_, b, c, d] = n.to_be_bytes();
        let address = format!("10.{b}.{c}.{d}");
        log.see(i64::from(n / 100), m, &address);
        log.arp(i64::from(n / 100), 2, m, &address, "10.0.0.1");
        log.knock(i64::from(n / 100), end(m, &address, 4000), end(mac(1), "10.0.0.1", 80), false);
        log.login(i64::from(n / 100), Protocol::Ftp, end(m, &address, 4000), end(mac(1), "10.0.0.1", 21), "u", 1, Outcome::Failure);
        log.effects.clear();
        log.events.truncate(0);
        // Numbers must go on although the log is not kept.
        log.skipped += 4;
        if n == 60_000 {
            size = log.watch.snapshot().len();
        }
    }
    let c = log.watch.counters();
    assert!(log.watch.assets() <= 20_000 && c.assets_refused > 90_000, "{c:?}");
    assert!(c.claims_let_go > 0 && c.sources_let_go > 0 && c.attempts_let_go > 0, "{c:?}");
    let later = log.watch.snapshot().len();
    assert!(later < size * 5 / 4 && later < 48_000_000, "{size} then {later}");
}

#[test]
fn one_wrong_stamp_does_not_stop_the_watch() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    log.see(80 * 365 * 86_400, mac(2), "192.168.1.2");
    log.see(-200 * 365 * 86_400, mac(3), "192.168.1.3");
    for n in 0..2000 {
        log.see(n, mac(4), "192.168.1.4");
        log.health(n, n + 1, Quality::Full);
    }
    assert_eq!(log.watch.counters().clock_back, 1);
    // It still finds things.
    for p in 1..60u16 {
        log.knock(3000, end(mac(4), "192.168.1.4", 4000), end(mac(1), "192.168.1.1", p), true);
    }
    assert_eq!(log.findings("port-scan").len(), 1);
    for extreme in [Time::MIN, Time::MAX] {
        log.watch.advance(extreme, &mut log.effects);
    }
}
