//! Rollups against counting, made anew, and the addresses by which a zone's records are known.

use crate::common::{self, NOW, asset_id};
use model::access::{EditSettings, ViewAssets};
use model::asset::{AssetFact, HourDelta, Party, PeerDelta};
use model::event::AddressKey;
use model::{AssetId, Mac, Segment, SourceId, Span};
use state::pipeline::{NewRollups, Replaced};
use state::zones::ZoneFields;
use state::{EventCursor, Layer};
use std::collections::BTreeMap;

fn address(mac: u8, ip: &str) -> AssetFact {
    AssetFact::Address {
        segment: Segment { sensor: SourceId(1), vlan: 0 },
        mac: Some(Mac([2, 0, 0, 0, 0, mac])),
        ip: Some(ip.parse().unwrap()),
    }
}

async fn zone(bench: &common::Bench, name: &str, range: &str) -> model::ZoneId {
    let fields = ZoneFields { name: name.into(), layer: Layer::Lan, ranges: vec![range.parse().unwrap()], vlans: vec![] };
    bench.store.create_zone(&bench.may(EditSettings), fields, NOW).await.unwrap()
}

fn delta(asset: AssetId, hour: i64, n: u64) -> HourDelta {
    HourDelta { asset, hour, packets_out: n, packets_in: 2 * n, bytes_out: 10 * n, bytes_in: 20 * n }
}

fn link(client: AssetId, server: AssetId, bytes: u64) -> PeerDelta {
    PeerDelta {
        client: Party::Asset(client),
        server: Party::Asset(server),
        protocol: None,
        port: 502,
        flows: 1,
        bytes,
        first: NOW,
        last: NOW,
    }
}

/// Three assets, of which two stand in a zone.
async fn three(bench: &mut common::Bench) -> ([AssetId; 3], model::ZoneId, model::ZoneId) {
    let line = zone(bench, "第2ライン", "10.2.0.0/16").await;
    let office = zone(bench, "事務所", "10.9.0.0/16").await;
    let ids = [asset_id(1), asset_id(2), asset_id(3)];
    for (id, mac, ip) in [(ids[0], 1, "10.2.0.1"), (ids[1], 2, "10.2.0.2"), (ids[2], 3, "10.9.0.3")] {
        bench.tell(vec![(id, NOW, AssetFact::Discovered), (id, NOW, address(mac, ip))]).await;
    }
    (ids, line, office)
}

on_both! {
    async fn a_zone_is_the_sum_of_its_assets(bench) {
        let ([a, b, c], line, office) = three(bench).await;
        let told: Vec<HourDelta> = (0..60).map(|n| delta([a, b, c][n % 3], 100 + (n as i64 % 5), n as u64)).collect();
        for part in told.chunks(7) {
            let mut batch = bench.batch();
            batch.hours = part.to_vec();
            bench.machine.apply(batch).await.unwrap();
        }
        let view = bench.may(ViewAssets);
        for (zone, assets) in [(line, vec![a, b]), (office, vec![c])] {
            let mut counted: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
            for d in told.iter().filter(|d| assets.contains(&d.asset)) {
                let sum = counted.entry(d.hour).or_default();
                for (s, n) in sum.iter_mut().zip([d.packets_out, d.packets_in, d.bytes_out, d.bytes_in]) {
                    *s += n;
                }
            }
            let got = bench.store.zone_hours(&view, zone, 0, 1000).await.unwrap();
            let got: BTreeMap<i64, [u64; 4]> = got.iter().map(|h| (h.hour, [h.packets_out, h.packets_in, h.bytes_out, h.bytes_in])).collect();
            assert_eq!(got, counted);
            assert!(bench.store.zone_hours(&view, zone, 101, 102).await.unwrap().iter().all(|h| h.hour == 101));
        }
        assert!(bench.store.zone_hours(&bench.may_in(ViewAssets, line), line, 0, 1000).await.is_ok());
        assert!(bench.store.zone_hours(&bench.may_in(ViewAssets, line), office, 0, 1000).await.is_err(), "not somebody else's zone");
    }

    async fn rollups_are_replaced_by_what_the_records_say(bench) {
        let ([a, b, c], line, _) = three(bench).await;
        let mut batch = bench.batch();
        batch.hours = vec![delta(a, 5, 1), delta(a, 10, 1), delta(b, 10, 3)];
        batch.peers = vec![link(a, b, 7), link(a, c, 8)];
        let at = batch.cursor;
        bench.machine.apply(batch).await.unwrap();
        let hours = vec![delta(a, 5, 1), delta(a, 10, 1), delta(b, 10, 3)];
        let same = NewRollups { from_hour: i64::MIN, hours, peers: Some(vec![link(a, b, 7), link(a, c, 8)]) };
        let done = bench.machine.replace_rollups("detect", at, &same).await.unwrap();
        assert_eq!(done, Some(Replaced { hours: 3, links: 2, changed: 0 }));
        // What is wrong is mended, from the hour on that the records reach back to; an unknown asset and a link with oneself are left out.
        let hours = vec![delta(a, 5, 9), delta(a, 10, 2), delta(asset_id(99), 10, 1), delta(c, 11, 4)];
        let other = NewRollups { from_hour: 10, hours, peers: None };
        let done = bench.machine.replace_rollups("detect", at, &other).await.unwrap().unwrap();
        assert_eq!(done, Replaced { hours: 2, links: 0, changed: 3 });
        let view = bench.may(ViewAssets);
        let of = async |id| bench.store.asset_hours(&view, id, 0, 100).await.unwrap().iter().map(|h| (h.hour, h.packets_out)).collect::<Vec<_>>();
        assert_eq!((of(a).await, of(b).await, of(c).await), (vec![(5, 1), (10, 2)], vec![], vec![(11, 4)]));
        assert_eq!(bench.store.asset_peers(&view, a, 10).await.unwrap().len(), 2, "links are left alone");
        assert_eq!(bench.store.zone_hours(&view, line, 0, 100).await.unwrap().iter().map(|h| h.packets_out).sum::<u64>(), 3);
        // A watch that read on meanwhile knows more: nothing is done.
        let behind = EventCursor { epoch: at.epoch, seq: at.seq - 1 };
        assert_eq!(bench.machine.replace_rollups("detect", behind, &same).await.unwrap(), None);
        assert_eq!(of(a).await, [(5, 1), (10, 2)]);
    }

    async fn a_zones_addresses_are_those_that_its_assets_hold_now(bench) {
        let ([a, _, c], line, office) = three(bench).await;
        let keys = async |bench: &common::Bench, zone| {
            let mut all = bench.store.addresses_in_zone(&bench.may_in(ViewAssets, zone)).await.unwrap();
            all.sort();
            all
        };
        let ip = |t: &str| AddressKey::Ip(t.parse().unwrap());
        let mac = |n| AddressKey::Mac(Mac([2, 0, 0, 0, 0, n]));
        assert_eq!(keys(bench, line).await, [mac(1), mac(2), ip("10.2.0.1"), ip("10.2.0.2")]);
        assert_eq!(keys(bench, office).await, [mac(3), ip("10.9.0.3")]);
        assert_eq!(bench.store.addresses_in_zone(&bench.may(ViewAssets)).await.unwrap(), [], "whoever sees the site is not narrowed");
        // Where the third one stands is written in the ledger, whatever address it has.
        let rev = bench.store.asset(&bench.may(ViewAssets), c).await.unwrap().rev;
        let ledger = model::asset::Ledger { zone: Some(office), ..model::asset::Ledger::default() };
        bench.store.edit_ledger(&bench.may(model::access::EditAssets), c, rev, ledger, NOW).await.unwrap();
        // An address goes over to a device of another zone: its records are that one's from then on.
        bench.tell(vec![(c, NOW + Span::minutes(5), address(3, "10.2.0.1"))]).await;
        assert!(!keys(bench, line).await.contains(&ip("10.2.0.1")) && keys(bench, office).await.contains(&ip("10.2.0.1")));
        // One that became another has none of its own.
        bench.tell(vec![(a, NOW + Span::minutes(6), AssetFact::MergedInto { asset: asset_id(2) })]).await;
        assert!(keys(bench, line).await.contains(&mac(1)), "it went along");
    }
}
