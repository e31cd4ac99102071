//! Our own clock, the sources' clocks, and who asks for the time: what opens and ends a finding, what says nothing, and what stays bounded.

use crate::common::*;
use detect::{Config, Effect, Limits, Watch};
use model::activity::Ntp;
use model::clock::{ClockEstimate, ClockKeeper, ClockOf, OwnClock, RunEnd, TimeAsk};
use model::coverage::{Health, Quality};
use model::event::{Body, Deed, Event, Happened, LogRecord};
use model::finding::Step;
use model::*;

fn clock(synchronised: Option<bool>, minutes: u64) -> Deed {
    let clock = OwnClock { synchronised, keeper: ClockKeeper::NotFound, lasting_s: minutes * 60, ..OwnClock::unknown() };
    Deed::Clock(Box::new(clock))
}

/// A record of another system, received at one time and written at another, milliseconds after the Monday.
fn log_record(log: &mut Log, host: &str, received: i64, happened: i64) {
    let id = EventId { site: SITE, epoch: 1, seq: log.skipped + log.events.len() as u64 + 1 };
    let time = |ms: i64| at(0) + Span::millis(ms);
    let event = Event {
        id,
        source: SourceId(7),
        received: time(received),
        happened: Some(Happened { at: time(happened), text: None, assumed: None }),
        body: Body::Log(Box::new(LogRecord { host: host.into(), ..LogRecord::default() })),
    };
    log.watch.event(&event, &mut log.effects);
    log.events.push(event);
}
/// A day of records, one in ten minutes, of a host that is ahead by so many seconds.
fn day(log: &mut Log, host: &str, from: i64, ahead: i64) {
    for n in 0..144 {
        let now = (from + n * 600) * 1000;
        log_record(log, host, now + 40 + n % 9, now + ahead * 1000);
    }
}
fn estimates(log: &Log) -> Vec<&ClockEstimate> {
    log.effects.iter().filter_map(|e| if let Effect::Clock(c) = e { Some(c) } else { None }).collect()
}
fn asks(log: &Log) -> Vec<&TimeAsk> {
    log.effects.iter().filter_map(|e| if let Effect::Asked(a) = e { Some(a) } else { None }).collect()
}
fn ntp(log: &mut Log, s: i64, mode: u8, client: Endpoint, server: Endpoint, offset_ms: Option<i64>) {
    let n = Ntp { version: 4, mode, stratum: u8::from(mode == 4) * 2, offset_ms, ..Ntp::default() };
    log.act(s, Protocol::Ntp, client, server, Act::Ntp(n));
}

#[test]
fn a_clock_that_nobody_keeps_is_told_after_a_grace_and_ends_when_it_is_right_again() {
    let mut log = Log::default();
    for (s, minutes) in [(0, 0), (600, 10), (1_790, 29)] {
        log.deed(s, clock(Some(false), minutes));
    }
    assert!(log.findings("own-clock").is_empty(), "after a start it has time to find its server");
    log.deed(1_800, clock(Some(false), 30));
    log.deed(2_400, clock(Some(false), 40));
    let f = log.findings("own-clock");
    assert_eq!((f.len(), f[0].severity, kind(f[0])), (1, Severity::Week, "not_found"));
    speaks(f[0]);
    // Not allowed to ask is neither.
    log.deed(2_500, clock(None, 0));
    assert_eq!(steps(&log.findings("own-clock")), [Step::Happened]);
    log.deed(3_000, clock(Some(true), 0));
    assert_eq!(steps(&log.findings("own-clock")), [Step::Happened, Step::Ceased]);
    log.deed(90_000, clock(Some(false), 31));
    assert_eq!(log.findings("own-clock").len(), 3, "and opens again");
}

#[test]
fn a_clock_of_which_nothing_is_known_raises_nothing() {
    let mut log = Log::default();
    for n in 0..100 {
        log.deed(n * 600, clock(None, 10_000));
    }
    assert!(log.findings("own-clock").is_empty());
}

#[test]
fn a_clock_that_jumps_is_told_each_time_with_both_times() {
    let mut log = Log::default();
    let jump = |was: i64, is: i64| Deed::ClockJumped { clock_was: at(was), clock_is: at(is), boot: "b".into() };
    let year = 365 * 86_400;
    log.deed(10, jump(10, 13));
    assert!(log.findings("clock-jump").is_empty(), "three seconds are a record and no finding");
    log.deed(20, jump(20, 20 + 20 * year));
    log.deed(30, jump(40 + 20 * year, 30));
    let f = log.findings("clock-jump");
    assert_eq!(f.iter().map(|f| (kind(f), f.severity)).collect::<Vec<_>>(), [("ahead", Severity::Check), ("back", Severity::Check)]);
    assert_eq!(f[1].facts["by"], Fact::Span(Span::seconds(20 * year + 10)));
    for f in f {
        speaks(f);
    }
}

#[test]
fn a_source_that_is_off_is_told_and_ends_when_its_clock_is_set() {
    let mut log = Log::default();
    day(&mut log, "nas-01", 0, 300);
    let f = log.findings("source-clock");
    assert_eq!((kind(f[0]), f[0].severity, &f[0].facts["source"]), ("ahead", Severity::Check, &Fact::Text("nas-01".into())));
    speaks(f[0]);
    let last = estimates(&log).last().copied().unwrap().clone();
    assert_eq!(last.of, ClockOf::Host(SourceId(7), "nas-01".into()));
    let off = last.skew_ms.unwrap();
    assert!((299_900..=300_000).contains(&off), "{off}");
    day(&mut log, "nas-01", 86_400, 1);
    assert_eq!(log.findings("source-clock").last().unwrap().step, Step::Ceased);
}

#[test]
fn a_zone_and_a_battery_are_told_as_such_and_small_differences_are_not_told() {
    for (ahead, wanted) in
        [(9 * 3600, "zone"), (-3600, "zone"), (-26 * 365 * 86_400, "unset"), (-600, "behind"), (50, ""), (-50, ""), (0, "")]
    {
        let mut log = Log::default();
        day(&mut log, "plc-gw", 0, ahead);
        let kinds: Vec<&str> = log.findings("source-clock").iter().map(|f| kind(f)).collect();
        assert_eq!(kinds.first().copied().unwrap_or(""), wanted, "{ahead}");
        log.findings("source-clock").iter().for_each(|f| speaks(f));
    }
}

#[test]
fn nobody_is_accused_by_a_clock_that_is_wrong_itself() {
    let mut log = Log::default();
    log.deed(0, clock(Some(false), 0));
    day(&mut log, "nas-01", 1, 300);
    assert!(log.findings("source-clock").is_empty());
    assert!(estimates(&log).last().unwrap().skew_ms.is_some(), "it is measured all the same");
    // Ours is set by five minutes: what was measured before counts no more.
    log.deed(86_401, Deed::ClockJumped { clock_was: at(86_401), clock_is: at(86_701), boot: String::new() });
    log.deed(86_402, clock(Some(true), 0));
    day(&mut log, "nas-01", 86_702, 0);
    assert!(log.findings("source-clock").is_empty());
    assert!(estimates(&log).last().unwrap().skew_ms.unwrap().abs() < 1_000);
}

#[test]
fn a_sensor_of_its_own_machine_is_measured_and_a_capture_is_not() {
    let mut log = Log::default();
    log.health(0, 10, Quality::Full);
    for n in 0..200 {
        log.health(n * 10, n * 10 + 10, Quality::Full);
    }
    assert!(estimates(&log).is_empty(), "a capture goes by its own clock");
    for n in 0..200i64 {
        let to = at(10_000 + n * 10);
        let id = EventId { site: SITE, epoch: 1, seq: log.events.len() as u64 + 1 };
        let health = Health {
            sensor: SourceId(3),
            from: to - Span::seconds(10),
            to,
            packets: 1,
            bytes: 1,
            kernel_drops: 0,
            queue_drops: 0,
            decode_errors: 0,
            quality: Quality::Full,
        };
        let event = Event { id, source: SourceId(3), received: to + Span::seconds(120), happened: None, body: Body::Health(health) };
        log.watch.event(&event, &mut log.effects);
        log.events.push(event);
    }
    let last = estimates(&log).last().copied().unwrap().clone();
    assert_eq!((last.of, last.skew_ms), (ClockOf::Sensor(SourceId(3)), Some(-120_000)));
    assert_eq!(kind(log.findings("source-clock")[0]), "behind");
}

#[test]
fn who_asks_a_time_server_is_told_once_an_hour_with_how_often() {
    let mut log = Log::default();
    log.settle(0);
    let server = end(mac(2), "192.168.1.2", 123);
    log.see(90_000, mac(1), "192.168.1.1");
    log.see(90_000, mac(2), "192.168.1.2");
    log.see(90_000, mac(3), "192.168.1.3");
    for n in 0..120 {
        ntp(&mut log, 90_000 + n * 64, 3, end(mac(1), "192.168.1.1", 40_000), server, None);
        ntp(&mut log, 90_000 + n * 64, 4, end(mac(1), "192.168.1.1", 40_000), server, Some(4_000));
    }
    let told = asks(&log);
    assert!(told.iter().all(|a| a.asset == log.asset_of_mac(mac(1)) && a.server == ip("192.168.1.2")), "answering is not asking: {told:?}");
    assert_eq!(told.len(), 3, "at once, and then each hour");
    assert_eq!(told.iter().map(|a| a.times).sum::<u64>(), 1 + 57 + 57);
    // And the server's own clock beside ours.
    let last = estimates(&log).last().copied().unwrap().clone();
    assert_eq!((last.of, last.skew_ms), (ClockOf::Asset(log.asset_of_mac(mac(2))), Some(4_000)));
    assert!(log.findings("source-clock").is_empty());
}

#[test]
fn a_server_that_has_no_time_or_stands_outside_is_nobodys_fault_here() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    let (client, outside) = (end(mac(1), "192.168.1.1", 123), Endpoint { mac: None, ip: Some(ip("203.0.113.9")), port: Some(123) });
    for n in 0..200 {
        ntp(&mut log, n * 64, 4, client, outside, Some(-400_000));
        let lost = Ntp { version: 4, mode: 4, stratum: 2, leap: 3, offset_ms: Some(9), ..Ntp::default() };
        log.act(n * 64, Protocol::Ntp, client, end(mac(5), "192.168.1.5", 123), Act::Ntp(lost));
    }
    assert!(log.findings("source-clock").is_empty());
    let last = estimates(&log).last().copied().unwrap().clone();
    assert_eq!((last.of, last.skew_ms), (ClockOf::Address(ip("203.0.113.9")), Some(-400_000)));
    assert_eq!(log.watch.clocks().0, 1, "a server without time tells none");
}

#[test]
fn a_million_sources_are_bounded_and_the_newest_stay() {
    let limits = Limits { clocks: 500, asks: 500, ..Limits::default() };
    let mut log = Log::with(Config { limits, ..config() });
    for n in 0..1_000_000i64 {
        log_record(&mut log, &format!("host-{n}"), n * 10, n * 10 - 5);
        log.skipped += log.events.len() as u64;
        log.events.clear();
        log.effects.clear();
    }
    assert!(log.watch.clocks().0 <= 500, "{:?}", log.watch.clocks());
    assert!(log.watch.counters().clocks_let_go > 999_000);
    let size = log.watch.snapshot().len();
    assert!(size < 400_000, "{size}");
    let again = Watch::restore(&CATALOGUE, config(), &log.watch.snapshot()).unwrap();
    assert_eq!(again.clocks(), log.watch.clocks());
}

#[test]
fn times_that_jump_by_years_neither_stop_it_nor_lose_the_order() {
    let mut log = Log::default();
    let year = 365 * 86_400;
    for n in 0..2_000i64 {
        let wild = [0, 20 * year, -30 * year, 200 * year, -300 * year][usize::try_from(n % 5).unwrap()];
        let (now, then) = (at(n), at(n.saturating_add(wild)));
        let id = EventId { site: SITE, epoch: 1, seq: log.events.len() as u64 + 1 };
        let body = Body::Log(Box::new(LogRecord { host: "h".into(), ..LogRecord::default() }));
        let (received, happened) = if n % 2 == 0 { (now, then) } else { (then, now) };
        let happened = Some(Happened { at: happened, text: Some("Nov 20 08:05:01".into()), assumed: Some("year".into()) });
        let event = Event { id, source: SourceId(1), received, happened, body };
        log.watch.event(&event, &mut log.effects);
        log.events.push(event);
        assert_eq!(log.watch.cursor(), Some(id), "events are folded in the order of their numbers");
    }
}

#[test]
fn silence_is_not_drawn_from_a_time_when_hinomi_did_not_run() {
    // A controller that is polled every ten seconds, for eight days, until an hour before the end; then nothing is heard.
    let run = |gap: bool| {
        let mut log = Log::default();
        log.settle(0);
        let (hmi, plc) = (end(mac(1), "192.168.1.1", 4000), end(mac(2), "192.168.1.2", 502));
        let last = 8 * 86_400;
        for n in 0..(last / 60) {
            let s = 100_000 + n * 60;
            log.see(s, mac(1), "192.168.1.1");
            log.see(s, mac(2), "192.168.1.2");
            log.modbus(s, hmi, plc);
            log.health(s, s + 60, Quality::Full);
        }
        let silent = 100_000 + last;
        for n in 0..40 {
            // A stop of a few seconds in the middle of the silence: shorter than what counts as a hole between two reports.
            if gap && n == 8 {
                log.deed(
                    silent + n * 60,
                    Deed::NotWatched { from: at(silent + n * 60 - 20), to: at(silent + n * 60), cause: RunEnd::Killed },
                );
            }
            log.health(silent + n * 60, silent + n * 60 + 60, Quality::Full);
        }
        log.findings("habit").iter().filter(|f| kind(f) == "silent" && f.at >= at(silent)).count()
    };
    assert!(run(false) > 0, "watched without a hole it is a silence");
    assert_eq!(run(true), 0);
}
