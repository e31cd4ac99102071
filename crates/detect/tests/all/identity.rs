//! Which device is it (docs/en/recognition.md).

use crate::common::*;
use detect::Effect;
use model::asset::{AssetFact, Party};
use model::event::Deed;
use model::*;

fn peers(log: &Log) -> Vec<(Party, Party)> {
    log.effects.iter().filter_map(|e| if let Effect::Peer(p) = e { Some((p.client, p.server)) } else { None }).collect()
}
fn hours(log: &Log) -> Vec<(AssetId, u64)> {
    log.effects.iter().filter_map(|e| if let Effect::Hour(h) = e { Some((h.asset, h.bytes_out + h.bytes_in)) } else { None }).collect()
}

#[test]
fn a_router_is_one_asset_and_what_is_behind_it_is_none() {
    let mut log = Log::default();
    log.arp(0, 2, mac(1), "192.168.1.1", "192.168.1.2");
    log.see(1, mac(2), "192.168.1.2");
    for n in 1..50 {
        log.see(2, mac(1), &format!("203.0.113.{n}"));
    }
    assert_eq!(log.discovered().len(), 2);
    let pc = log.asset_of_mac(mac(2));
    log.talk(3, end(mac(2), "192.168.1.2", 4000), end(mac(1), "203.0.113.7", 443), 1000);
    assert_eq!(peers(&log), [(Party::Asset(pc), Party::Address(ip("203.0.113.7")))]);
    assert_eq!(hours(&log), [(pc, 1000)], "what the router forwards is not its own");
    assert!(log.facts().iter().any(|(_, f)| matches!(f, AssetFact::Guess { guess } if guess.value == "router")));
    assert!(!log.facts().iter().any(|(_, f)| matches!(f, AssetFact::Address { ip: Some(i), .. } if *i == ip("203.0.113.7"))));
}

#[test]
fn shared_and_group_addresses_are_no_assets() {
    let mut log = Log::default();
    for m in [Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1]), Mac::ZERO, Mac([0, 0, 0x5e, 0, 1, 1]), Mac([0, 0, 0x0c, 7, 0xac, 1])] {
        log.see(0, m, "192.168.1.1");
    }
    assert!(log.discovered().is_empty());
}

#[test]
fn dhcp_moves_an_address_and_keeps_two_devices() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.50");
    log.arp(1, 2, mac(1), "192.168.1.50", "192.168.1.1");
    log.see(500, mac(2), "0.0.0.0");
    log.dhcp(501, 5, mac(2), "", Some("192.168.1.50"), None);
    log.talk(600, end(mac(2), "192.168.1.50", 4000), end(mac(9), "192.168.1.9", 80), 10);
    assert_eq!(log.discovered().len(), 3);
    assert_eq!(peers(&log)[0].0, Party::Asset(log.asset_of_mac(mac(2))));
}

#[test]
fn a_telephone_keeps_its_name_and_changes_its_address() {
    let mut log = Log::default();
    log.see(0, random_mac(1), "192.168.1.61");
    log.dhcp(1, 3, random_mac(1), "Galaxy-S9", None, None);
    log.see(5000, random_mac(2), "192.168.1.62");
    log.dhcp(5001, 3, random_mac(2), "Galaxy-S9", None, None);
    let d = log.discovered();
    assert!(log.facts().iter().any(|(a, f)| **a == d[1] && matches!(f, AssetFact::MergedInto { asset } if *asset == d[0])));
    assert_eq!(log.watch.assets(), 1);
    // Two of that name at the same time are two.
    log.see(5100, random_mac(3), "192.168.1.63");
    log.dhcp(5101, 3, random_mac(3), "Galaxy-S9", None, None);
    assert_eq!(log.watch.assets(), 2);
}

#[test]
fn the_ledger_joins_by_hardware_or_internet_address() {
    let mut log = Log::default();
    let (a, b) = (AssetId(uuid::Uuid::from_u128(1)), AssetId(uuid::Uuid::from_u128(2)));
    log.deed(0, Deed::AssetEntered { asset: a, state: AssetState::Registered, macs: vec![mac(1)], ips: vec![], ledger: None });
    log.deed(0, Deed::AssetEntered { asset: b, state: AssetState::Registered, macs: vec![], ips: vec![ip("192.168.1.2")], ledger: None });
    log.see(10, mac(1), "192.168.1.1");
    assert!(log.discovered().is_empty());
    log.see(11, mac(2), "192.168.1.2");
    log.arp(12, 2, mac(2), "192.168.1.2", "192.168.1.1");
    let d = log.discovered();
    assert!(log.facts().iter().any(|(x, f)| **x == d[0] && matches!(f, AssetFact::MergedInto { asset } if *asset == b)));
    // Entered after it was seen.
    log.see(20, mac(3), "192.168.1.3");
    let c = AssetId(uuid::Uuid::from_u128(3));
    log.deed(21, Deed::AssetEntered { asset: c, state: AssetState::Registered, macs: vec![mac(3)], ips: vec![], ledger: None });
    assert!(log.facts().iter().any(|(_, f)| matches!(f, AssetFact::MergedInto { asset } if *asset == c)));
}

#[test]
fn seen_at_most_once_a_minute() {
    let mut log = Log::default();
    for s in 0..600 {
        log.see(s, mac(1), "192.168.1.1");
    }
    let seen = log.facts().iter().filter(|(_, f)| matches!(f, AssetFact::Seen)).count();
    assert!((8..=10).contains(&seen), "{seen}");
}

#[test]
fn links_without_hardware_addresses() {
    let mut log = Log::default();
    for (n, address) in ["10.0.0.1", "10.0.0.2", "8.8.8.8", "10.0.0.1"].into_iter().enumerate() {
        let o = Observation { segment: seg(), mac: None, ip: Some(ip(address)), via: model::observation::Via::Frame };
        log.put(at(n as i64), Body::Observation(o));
    }
    assert_eq!(log.discovered().len(), 2);
}

#[test]
fn ipv6_joins_by_the_hardware_address() {
    let mut log = Log::default();
    log.see(0, mac(1), "fe80::1");
    log.see(1, mac(1), "2001:db8::abcd");
    log.see(2, mac(1), "192.168.1.1");
    assert_eq!(log.discovered().len(), 1);
    let n = log.facts().iter().filter(|(_, f)| matches!(f, AssetFact::Address { ip: Some(_), .. })).count();
    assert_eq!(n, 3);
}

#[test]
fn a_plc_is_guessed_from_what_it_serves() {
    let mut log = Log::default();
    log.see(0, mac(1), "192.168.1.1");
    log.see(0, mac(2), "192.168.1.2");
    log.modbus(1, end(mac(2), "192.168.1.2", 4000), end(mac(1), "192.168.1.1", 502));
    let plc = log.asset_of_mac(mac(1));
    assert!(
        log.facts()
            .iter()
            .any(|(a, f)| **a == plc && matches!(f, AssetFact::Guess { guess } if guess.value == "plc" && guess.reason == "modbus-server"))
    );
    assert!(
        log.facts().iter().any(|(a, f)| **a == plc && matches!(f, AssetFact::Service { port: 502, protocol: Some(Protocol::Modbus), .. }))
    );
}

#[test]
fn the_need_for_the_internet_follows_the_ledger() {
    use model::asset::{Internet, InternetNeed, Ledger};
    use model::event::FieldChange;
    let mut log = Log::default();
    let a = AssetId::derived(at(0), EventId { site: SITE, epoch: 1, seq: 1 }, b"a");
    let internet = Internet { need: Some(InternetNeed::Destinations), destinations: "*.example.jp".into(), ..Internet::default() };
    let ledger = Ledger { internet, ..Ledger::default() };
    log.deed(
        0,
        Deed::AssetEntered { asset: a, state: AssetState::Registered, macs: vec![mac(1)], ips: vec![], ledger: Some(Box::new(ledger)) },
    );
    let stated = log.watch.snapshot();
    let to = FieldChange { field: "internet".into(), from: "destinations".into(), to: "none".into() };
    log.deed(1, Deed::AssetEdited { asset: a, changes: vec![to] });
    assert_ne!(log.watch.snapshot(), stated, "the fold took the change in");
}

#[test]
fn what_people_merge_stays_merged_and_can_be_undone() {
    use model::asset::Place;
    let mut log = Log::default();
    log.arp(0, 1, mac(1), "192.168.1.1", "192.168.1.2");
    log.arp(0, 1, mac(2), "192.168.1.2", "192.168.1.1");
    let (a, b) = (log.asset_of_mac(mac(1)), log.asset_of_mac(mac(2)));
    assert_ne!(a, b);
    let join = JoinId::from_parts(at(0), [1; 10]);
    log.deed(1, Deed::AssetsMerged { join, gone: b, stays: a, undo: false });
    assert!(!log.facts().iter().any(|(_, f)| matches!(f, AssetFact::MergedInto { .. })), "state knows already");
    let before = log.facts().len();
    // Months later: the other network card is still the same asset, and no new one is discovered.
    for day in [1, 30, 90] {
        log.arp(day * 86_400, 1, mac(2), "192.168.1.2", "192.168.1.1");
    }
    assert!(log.facts()[before..].iter().all(|(id, f)| **id == a && !matches!(f, AssetFact::Discovered)));
    assert_eq!(log.watch.assets(), 1);
    let places = vec![Place { segment: seg(), mac: Some(mac(2)), ip: Some(ip("192.168.1.2")) }];
    log.deed(91 * 86_400, Deed::AssetSplit { join, from: a, to: b, places, state: AssetState::Discovered, ledger: None, undo: true });
    let before = log.facts().len();
    log.arp(92 * 86_400, 1, mac(2), "192.168.1.2", "192.168.1.1");
    log.arp(92 * 86_400, 1, mac(1), "192.168.1.1", "192.168.1.2");
    let heard: Vec<_> = log.facts()[before..].iter().map(|(id, _)| **id).collect();
    assert!(heard.contains(&a) && heard.contains(&b), "both are heard as themselves again");
    assert_eq!(log.watch.assets(), 2);
    assert!(log.watch.snapshot().len() > 100, "counters agree (debug assertion)");
}

#[test]
fn an_address_that_was_split_off_stays_where_it_was_put_also_on_replay() {
    use model::asset::Place;
    let mut log = Log::default();
    log.arp(0, 1, mac(1), "192.168.1.1", "192.168.1.9");
    log.arp(10, 1, mac(1), "192.168.1.5", "192.168.1.9");
    let a = log.asset_of_mac(mac(1));
    let b = AssetId::from_parts(at(20), [7; 10]);
    let join = JoinId::from_parts(at(20), [1; 10]);
    let places = vec![Place { segment: seg(), mac: None, ip: Some(ip("192.168.1.5")) }];
    log.deed(20, Deed::AssetSplit { join, from: a, to: b, places, state: AssetState::Discovered, ledger: None, undo: false });
    let before = log.facts().len();
    for s in [100, 4_000, 90_000] {
        log.arp(s, 1, mac(1), "192.168.1.5", "192.168.1.9");
    }
    let moved = log.facts()[before..]
        .iter()
        .any(|(id, f)| **id == a && matches!(f, AssetFact::Address { ip: Some(i), .. } if *i == ip("192.168.1.5")));
    assert!(!moved, "the network card's claim does not take it back");
    assert!(log.facts()[before..].iter().any(|(id, f)| **id == b && matches!(f, AssetFact::Seen)), "it is heard as the new asset");
    let mut again = detect::Watch::new(&CATALOGUE, config(), &[]);
    let mut effects = vec![];
    for e in &log.events {
        again.event(e, &mut effects);
    }
    assert_eq!(effects.len(), log.effects.len(), "folding the log again says the same");
    log.deed(100_000, Deed::AssetsMerged { join, gone: b, stays: a, undo: true });
    let before = log.facts().len();
    log.arp(110_000, 1, mac(1), "192.168.1.5", "192.168.1.9");
    assert!(log.facts()[before..].iter().all(|(id, _)| **id == a));
}
