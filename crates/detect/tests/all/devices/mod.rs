//! Devices that move, pose or should not be there; services that anyone can enter; old encryption; the Internet. Each rule fires, stays
//! silent at near misses, and one way around it is written down (docs/en/findings.md).

mod places;
mod services;

use crate::common::*;
use model::activity::*;
use model::asset::{Internet, InternetNeed, Ledger};
use model::event::{Deed, FieldChange};
use model::finding::Step;
use model::observation::Via;
use model::*;
use places::{announces, offers, routed};
use services::{differs, resolves, snmp};
use std::net::Ipv4Addr;

pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;

pub(super) fn kinds(log: &Log, rule: &str) -> Vec<(String, Severity)> {
    let found = log.findings(rule);
    for f in &found {
        speaks(f);
    }
    found.iter().map(|f| (kind(f).to_owned(), f.severity)).collect()
}
pub(super) fn told(kind: &str, severity: Severity) -> Vec<(String, Severity)> {
    vec![(kind.to_owned(), severity)]
}
pub(super) fn segment(sensor: u16, vlan: u16) -> Segment {
    Segment { sensor: SourceId(sensor), vlan }
}
/// An act on a segment.
pub(super) fn act(log: &mut Log, s: i64, segment: Segment, protocol: Protocol, client: Endpoint, server: Endpoint, act: Act) {
    let head = Head { flow: FlowId(s.unsigned_abs()), segment, time: at(s), transport: Transport::Udp, protocol, client, server };
    log.put(at(s), Body::Activity(Box::new(Activity { head, act })));
}
pub(super) fn frame(log: &mut Log, s: i64, segment: Segment, m: Mac, i: &str) {
    log.put(at(s), Body::Observation(Observation { segment, mac: Some(m), ip: Some(ip(i)), via: Via::Frame }));
}
pub(super) fn entered(log: &mut Log, s: i64, m: Mac, ledger: Ledger) -> AssetId {
    let id = AssetId::derived(at(s), EventId { site: SITE, epoch: 1, seq: 1 }, &m.0);
    log.deed(
        s,
        Deed::AssetEntered { asset: id, state: AssetState::Registered, macs: vec![m], ips: vec![], ledger: Some(Box::new(ledger)) },
    );
    id
}
pub(super) fn of_kind(kind: Kind) -> Ledger {
    Ledger { kind: Some(kind), ..Ledger::default() }
}

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
