//! Merging, splitting and taking either back; lists; the need for the Internet.

use crate::common::{self, NOW, asset_id};
use model::access::{EditAssets, ViewAssets, ViewFindings};
use model::asset::{AssetFact, Guess, HourDelta, Internet, InternetNeed, Kind, Ledger, Party, PeerDelta, Place, Property};
use model::event::Deed;
use model::finding::Step;
use model::{AssetState, Body, FindingChange, FindingId, JoinId, Mac, Segment, Severity, SourceId, Span, Time};
use state::ledger::NewAsset;
use state::{AssetFilter, AssetList, JoinKind, StateError};
use std::collections::BTreeMap;

const A: Mac = Mac([0x3c, 0x52, 0x82, 0x1f, 0xaa, 0x07]);
const B: Mac = Mac([0x3c, 0x52, 0x82, 0x1f, 0xaa, 0x08]);

fn seg() -> Segment {
    Segment { sensor: SourceId(1), vlan: 0 }
}
fn at(s: i64) -> Time {
    NOW + Span::seconds(s)
}
fn address(mac: Mac, ip: &str) -> AssetFact {
    AssetFact::Address { segment: seg(), mac: Some(mac), ip: Some(ip.parse().unwrap()) }
}
async fn deeds(bench: &common::Bench) -> Vec<Deed> {
    let outbox = bench.machine.outbox(1000).await.unwrap();
    outbox.into_iter().filter_map(|(_, e)| if let Body::Audit(a) = e.body { Some(a.deed) } else { None }).collect()
}

on_both! {
    async fn a_merge_by_hand_moves_everything_and_undoing_it_puts_everything_back(bench) {
        let (stays, gone, third) = (asset_id(1), asset_id(2), asset_id(3));
        let because = bench.event();
        let sign = |value: &str, reason: &str| AssetFact::Guess {
            guess: Guess { property: Property::Kind, value: value.into(), confidence: 70, reason: reason.into(), protocol: None, because, also: vec![] },
        };
        bench.tell(vec![
            (stays, at(0), AssetFact::Discovered), (stays, at(0), address(A, "10.0.0.1")), (stays, at(0), sign("pc", "vendor")),
            (gone, at(5), AssetFact::Discovered), (gone, at(5), address(B, "10.0.0.2")), (gone, at(5), sign("printer", "print-port")),
            (gone, at(6), AssetFact::Name { name: "OLD".into(), protocol: model::Protocol::Dhcp }),
            (gone, at(6), AssetFact::Service { port: 9100, udp: false, protocol: None, product: String::new() }),
            (third, at(9), AssetFact::Discovered),
        ]).await;
        let (edit, view) = (bench.may(EditAssets), bench.may(ViewAssets));
        let rev = bench.store.asset(&view, gone).await.unwrap().rev;
        let internet = Internet { need: Some(InternetNeed::NotNeeded), ..Internet::default() };
        let ledger = Ledger { name: "複合機".into(), owner: "山本".into(), internet: internet.clone(), ..Ledger::default() };
        let g = bench.store.edit_ledger(&edit, gone, rev, ledger, NOW).await.unwrap();
        bench.store.set_asset_state(&edit, gone, g.rev, AssetState::Registered, NOW).await.unwrap();
        let mut batch = bench.batch();
        let hour = |asset, n| HourDelta { asset, hour: 7, packets_out: n, packets_in: n, bytes_out: n, bytes_in: n };
        batch.hours = vec![hour(gone, 1), hour(stays, 10)];
        let link = |client, server, bytes| PeerDelta {
            client: Party::Asset(client), server: Party::Asset(server), protocol: None, port: 80, flows: 1, bytes, first: at(0), last: at(1),
        };
        batch.peers = vec![link(gone, third, 5), link(stays, third, 7), link(gone, stays, 1000)];
        bench.machine.apply(batch).await.unwrap();
        let finding = FindingId::from_parts(NOW, [9; 10]);
        let mut batch = bench.batch();
        batch.finding_changes = vec![FindingChange {
            id: finding, key: "scan:x".into(), rule: "port-scan".into(), revision: 1, parameters: BTreeMap::new(), severity: Severity::Week,
            step: Step::Happened, at: at(5), happened: 1, asset: Some(gone), others: vec![gone], facts: BTreeMap::new(), events: vec![],
            because,
        }];
        bench.machine.apply(batch).await.unwrap();

        let (before_stays, before_gone) = (bench.store.asset(&view, stays).await.unwrap(), bench.store.asset(&view, gone).await.unwrap());
        let wrong_rev = bench.store.merge_assets(&edit, stays, before_stays.rev + 7, gone, NOW).await;
        assert!(matches!(wrong_rev, Err(StateError::Changed { .. })));
        let itself = bench.store.merge_assets(&edit, stays, before_stays.rev, stays, NOW).await;
        assert!(matches!(itself, Err(StateError::Invalid { field: "other", .. })));
        let merged = bench.store.merge_assets(&edit, stays, before_stays.rev, gone, NOW).await.unwrap();
        assert_eq!((merged.id, merged.addresses.len(), merged.ledger.name.as_str()), (stays, 2, "複合機"));
        assert_eq!((merged.state, merged.ledger.internet.clone()), (AssetState::Registered, internet));
        assert_eq!(merged.names.len(), 1);
        assert_eq!(bench.store.asset(&view, gone).await.unwrap().id, stays, "the old link leads on");
        assert_eq!(bench.store.finding(&bench.may(ViewFindings), finding).await.unwrap().asset, Some(stays));
        assert_eq!(bench.store.asset_hours(&view, stays, 0, 100).await.unwrap()[0].bytes_in, 11);
        let told = deeds(bench).await;
        let join = told.iter().find_map(|d| if let Deed::AssetsMerged { join, undo: false, .. } = d { Some(*join) } else { None }).unwrap();
        assert!(told.iter().any(|d| matches!(d, Deed::AssetState { asset, to: AssetState::Registered, .. } if *asset == stays)));
        let joins = bench.store.asset_joins(&view, stays).await.unwrap();
        assert_eq!((joins.len(), joins[0].kind, joins[0].undone), (1, JoinKind::Merge, None));

        // Something new is learned, and somebody edits, before it is undone.
        bench.tell(vec![(stays, at(50), address(A, "10.0.0.9"))]).await;
        let m = bench.store.asset(&view, stays).await.unwrap();
        let edited = Ledger { place: "第２工場".into(), ..m.ledger.clone() };
        let m = bench.store.edit_ledger(&edit, stays, m.rev, edited, NOW).await.unwrap();
        let back = bench.store.undo_join(&edit, stays, m.rev, join, at(60)).await.unwrap();
        assert_eq!((back.ledger.name.as_str(), back.ledger.place.as_str(), back.state), ("", "第２工場", AssetState::Discovered));
        assert!(back.ledger.internet.is_unstated());
        assert_eq!(back.addresses.len(), 2, "the old one and the one learned since");
        assert_eq!((back.names.len(), back.services.len()), (0, 0));
        assert_eq!(back.guesses.iter().map(|g| g.value.as_str()).collect::<Vec<_>>(), ["pc"]);
        let g = bench.store.asset(&view, gone).await.unwrap();
        assert_eq!((g.id, &g.ledger, g.state), (gone, &before_gone.ledger, AssetState::Registered));
        assert_eq!((&g.addresses, &g.names, &g.services), (&before_gone.addresses, &before_gone.names, &before_gone.services));
        assert_eq!(g.guesses.iter().map(|g| g.value.as_str()).collect::<Vec<_>>(), ["printer"]);
        assert_eq!(bench.store.asset_hours(&view, stays, 0, 100).await.unwrap()[0].bytes_in, 10);
        assert_eq!(bench.store.asset_hours(&view, gone, 0, 100).await.unwrap()[0].bytes_in, 1);
        let bytes = |peers: Vec<state::AssetPeer>| peers.iter().map(|p| p.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(bench.store.asset_peers(&view, gone, 10).await.unwrap()), [1000, 5]);
        assert_eq!(bytes(bench.store.asset_peers(&view, stays, 10).await.unwrap()), [1000, 7]);
        assert_eq!(bench.store.finding(&bench.may(ViewFindings), finding).await.unwrap().asset, Some(gone));
        assert!(bench.store.asset_joins(&view, gone).await.unwrap()[0].undone.is_some());
        let again = bench.store.undo_join(&edit, stays, back.rev, join, NOW).await;
        assert!(matches!(again, Err(StateError::NotFound { .. })), "once is enough");
        assert!(deeds(bench).await.iter().any(|d| matches!(d, Deed::AssetSplit { undo: true, to, .. } if *to == gone)));
    }

    async fn an_address_is_split_off_and_put_back(bench) {
        let id = asset_id(1);
        bench.tell(vec![
            (id, at(0), AssetFact::Discovered), (id, at(0), address(A, "10.0.0.1")), (id, at(7), address(B, "10.0.0.2")),
            (id, at(8), address(B, "10.0.0.3")), (id, at(9), address(A, "10.0.0.4")),
        ]).await;
        let (edit, view) = (bench.may(EditAssets), bench.may(ViewAssets));
        let old = bench.store.asset(&view, id).await.unwrap();
        let place = |mac, ip: Option<&str>| Place { segment: seg(), mac, ip: ip.map(|i| i.parse().unwrap()) };
        for (places, key) in [
            (vec![], "invalid-not-its-address"),
            (vec![place(None, Some("192.0.2.1"))], "invalid-not-its-address"),
            (vec![place(Some(A), None), place(Some(B), None)], "invalid-no-address-left"),
        ] {
            match bench.store.split_asset(&edit, id, old.rev, &places, NOW).await {
                Err(StateError::Invalid { why, .. }) => assert_eq!(why.key, key),
                other => panic!("{other:?}"),
            }
        }
        let new = bench.store.split_asset(&edit, id, old.rev, &[place(Some(B), None)], NOW).await.unwrap();
        let n = bench.store.asset(&view, new).await.unwrap();
        assert_eq!((n.addresses.len(), n.state, n.first_seen, n.last_seen), (2, AssetState::Discovered, Some(at(7)), Some(at(8))));
        let o = bench.store.asset(&view, id).await.unwrap();
        assert!(o.addresses.len() == 2 && o.rev > old.rev);
        // An Internet address alone: the hardware address stays.
        let alone = bench.store.split_asset(&edit, id, o.rev, &[place(None, Some("10.0.0.4"))], NOW).await.unwrap();
        let a = bench.store.asset(&view, alone).await.unwrap();
        assert_eq!((a.addresses[0].mac, a.addresses[0].ip), (None, Some("10.0.0.4".parse().unwrap())));
        let pinned = deeds(bench).await.into_iter().any(|d| matches!(d, Deed::AssetSplit { to, places, .. } if to == alone && places[0].mac.is_none()));
        assert!(pinned);
        let joins = bench.store.asset_joins(&view, id).await.unwrap();
        assert_eq!(joins.len(), 2);
        let first = joins.iter().find(|j| j.other == new).unwrap().id;
        let o = bench.store.asset(&view, id).await.unwrap();
        let back = bench.store.undo_join(&edit, id, o.rev, first, NOW).await.unwrap();
        assert_eq!(back.addresses.len(), 3);
        assert_eq!(bench.store.asset(&view, new).await.unwrap().id, id);
        let unknown = bench.store.undo_join(&edit, id, back.rev, JoinId::NIL, NOW).await;
        assert!(matches!(unknown, Err(StateError::NotFound { .. })));
    }

    async fn lists_tell_who_is_missing_unregistered_and_idle(bench) {
        let (talks, idles, away, fresh) = (asset_id(1), asset_id(2), asset_id(3), asset_id(4));
        let day = |n: i64| NOW - Span::days(n);
        bench.tell(vec![
            (talks, day(30), AssetFact::Discovered), (talks, day(1), AssetFact::Active), (talks, day(1), AssetFact::Seen),
            (idles, day(30), AssetFact::Discovered), (idles, day(29), AssetFact::Active), (idles, day(1), AssetFact::Seen),
            (away, day(30), AssetFact::Discovered), (away, day(20), AssetFact::Seen),
            (fresh, day(2), AssetFact::Discovered), (fresh, day(1), AssetFact::Seen),
        ]).await;
        let (edit, view) = (bench.may(EditAssets), bench.may(ViewAssets));
        for id in [talks, away] {
            let rev = bench.store.asset(&view, id).await.unwrap().rev;
            bench.store.set_asset_state(&edit, id, rev, AssetState::Registered, NOW).await.unwrap();
        }
        let named = |name: &str, kind| NewAsset { ledger: Ledger { name: name.into(), kind: Some(kind), ..Ledger::default() }, ..NewAsset::default() };
        let never = bench.store.enter_asset(&edit, named("never seen", Kind::Plc), NOW).await.unwrap();
        bench.store.enter_asset(&edit, named("a USB stick", Kind::Medium), NOW).await.unwrap();
        let spare = NewAsset { state: Some(AssetState::Unused), ..named("spare PLC", Kind::Plc) };
        let spare = bench.store.enter_asset(&edit, spare, NOW).await.unwrap();
        assert_eq!(bench.store.asset(&view, spare).await.unwrap().state, AssetState::Unused);
        for (name, want) in [("unregistered", vec![idles, fresh]), ("missing", vec![away, never]), ("idle", vec![idles])] {
            let filter = AssetFilter { list: AssetList::named(name, 14, NOW), ..AssetFilter::default() };
            let mut found: Vec<_> = bench.store.assets(&view, &filter).await.unwrap().items.iter().map(|a| a.id).collect();
            found.sort_unstable();
            assert_eq!(found, want, "{name}");
        }
        assert_eq!(AssetList::named("other", 14, NOW), None);
        assert_eq!(bench.store.asset(&view, idles).await.unwrap().last_active, Some(day(29)));
    }

    async fn a_statement_about_the_internet_is_whole_or_refused(bench) {
        let (edit, view) = (bench.may(EditAssets), bench.may(ViewAssets));
        let with = |internet| NewAsset { ledger: Ledger { name: "x".into(), internet, ..Ledger::default() }, ..NewAsset::default() };
        let need = Some(InternetNeed::Destinations);
        let good = Internet {
            need, destinations: "*.example.jp 203.0.113.0/24".into(), reason: "更新".into(), protection: "FW".into(),
            approved_by: "工場長".into(), until: "2027-03-31".into(),
        };
        for (bad, key) in [
            (Internet { need, reason: "r".into(), ..Internet::default() }, "import-no-destination"),
            (Internet { need, destinations: "*".into(), ..Internet::default() }, "import-no-internet-reason"),
            (Internet { destinations: "*".into(), ..Internet::default() }, "import-no-need"),
            (Internet { need: Some(InternetNeed::NotNeeded), destinations: "*".into(), ..Internet::default() }, "import-no-need"),
            (Internet { destinations: "https://a.jp/x".into(), ..good.clone() }, "import-not-a-destination"),
            (Internet { until: "2027-02-30".into(), ..good.clone() }, "import-not-a-date"),
        ] {
            match bench.store.enter_asset(&edit, with(bad), NOW).await {
                Err(StateError::Invalid { why, .. }) => assert_eq!(why.key, key),
                other => panic!("{key}: {other:?}"),
            }
        }
        let id = bench.store.enter_asset(&edit, with(good.clone()), NOW).await.unwrap();
        assert_eq!(bench.store.asset(&view, id).await.unwrap().ledger.internet, good);
        let entered = deeds(bench).await.into_iter().any(|d| matches!(d, Deed::AssetEntered { ledger: Some(l), .. } if l.internet == good));
        assert!(entered, "detection hears of it");
    }
}
