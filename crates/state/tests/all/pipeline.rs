//! Results of the vault's consumers: assets, findings, rollups, cursors.

use crate::common::{self, NOW, asset_id};
use model::access::{HandleFindings, ViewAssets, ViewFindings, ViewToday};
use model::asset::{AssetFact, Guess, HourDelta, Kind, Ledger, Party, PeerDelta, Property};
use model::coverage::{Health, Quality, SensorKind};
use model::finding::Step;
use model::{AssetId, AssetState, Fact, FindingChange, FindingId, FindingStatus, Mac, Protocol, Segment, Severity, SourceId, Span, Time};
use proptest::prelude::*;
use state::{AssetFilter, EventCursor, FindingFilter, Handling, StateError};
use std::collections::{BTreeMap, BTreeSet};

const MAC: Mac = Mac([0x3c, 0x52, 0x82, 0x1f, 0xaa, 0x07]);

fn at(seconds: i64) -> Time {
    NOW + Span::seconds(seconds)
}
fn segment(vlan: u16) -> Segment {
    Segment { sensor: SourceId(1), vlan }
}
fn address(mac: Mac, ip: &str) -> AssetFact {
    AssetFact::Address { segment: segment(0), mac: Some(mac), ip: Some(ip.parse().unwrap()) }
}
fn named(name: &str) -> AssetFact {
    AssetFact::Name { name: name.into(), protocol: Protocol::Dhcp }
}
fn happens(bench: &mut common::Bench, key: &str, step: Step, when: Time, asset: Option<AssetId>) -> FindingChange {
    let because = bench.event();
    FindingChange {
        id: FindingId::derived(when, because, key.as_bytes()),
        key: key.into(),
        rule: "port-scan".into(),
        revision: 2,
        parameters: BTreeMap::from([("window_s".into(), Fact::Count(60))]),
        severity: Severity::Week,
        step,
        at: when,
        because,
        events: vec![because],
        happened: 3,
        asset,
        others: vec![],
        facts: BTreeMap::from([("target".into(), Fact::Text("PLC-L2-01".into()))]),
    }
}
async fn finds(bench: &mut common::Bench, changes: Vec<FindingChange>) -> state::Applied {
    let mut batch = bench.batch();
    batch.finding_changes = changes;
    bench.machine.apply(batch).await.unwrap()
}

on_both! {
    async fn an_asset_grows_from_what_is_told(bench) {
        let id = asset_id(1);
        let because = bench.event();
        let guess = |value: &str, confidence| AssetFact::Guess {
            guess: Guess { property: Property::Kind, value: value.into(), confidence, reason: "modbus-server".into(), protocol: Some(Protocol::Modbus), because, also: vec![] },
        };
        let applied = bench.tell(vec![
            (id, at(0), AssetFact::Discovered),
            (id, at(1), address(MAC, "10.2.0.57")),
            (id, at(2), named("LAPTOP-K7")),
            (id, at(3), AssetFact::Service { port: 22, udp: false, protocol: Some(Protocol::Ssh), product: "OpenSSH 9.2".into() }),
            (id, at(4), AssetFact::Service { port: 22, udp: false, protocol: None, product: String::new() }),
            (id, at(5), guess("plc", 80)),
            (id, at(6), guess("camera", 40)),
            (id, at(90), AssetFact::Seen),
        ]).await;
        assert_eq!(applied.assets, [id]);
        let a = bench.store.asset(&bench.may(ViewAssets), id).await.unwrap();
        assert_eq!((a.state, a.first_seen, a.last_seen), (AssetState::Discovered, Some(at(0)), Some(at(90))));
        assert_eq!(a.label(), "LAPTOP-K7");
        assert_eq!(a.kind(), Some(Kind::Plc), "a less sure guess replaced a surer one");
        assert_eq!((a.services[0].product.as_str(), a.services[0].protocol, a.services[0].last), ("OpenSSH 9.2", Some(Protocol::Ssh), at(4)));
        assert_eq!(a.addresses[0].ip, Some("10.2.0.57".parse().unwrap()));
        assert!(a.because.is_some());
        assert_eq!(bench.tell(vec![(id, at(100), AssetFact::Seen)]).await.assets, [], "a mere sight is no news");
        bench.tell(vec![(id, at(101), guess("hmi", 80))]).await;
        assert_eq!(bench.store.asset(&bench.may(ViewAssets), id).await.unwrap().kind(), Some(Kind::Hmi), "one as sure replaces it");
        let found = bench.machine.known_assets().await.unwrap();
        assert_eq!(found.len(), 1);
        let at_address = bench.store.asset_at(&bench.may(ViewAssets), Some(segment(0)), Some(MAC), None).await.unwrap();
        assert_eq!(at_address, Some(id));
        assert_eq!(bench.store.asset_at(&bench.may(ViewAssets), Some(segment(9)), Some(MAC), None).await.unwrap(), None);
    }

    async fn a_batch_at_or_before_the_cursor_changes_nothing(bench) {
        let id = asset_id(1);
        let mut batch = bench.batch();
        batch.asset_changes = vec![bench.change(id, at(0), AssetFact::Discovered)];
        batch.cursor.seq = bench.seq;
        batch.hours = vec![HourDelta { asset: id, hour: NOW.hour(), packets_out: 1, packets_in: 2, bytes_out: 100, bytes_in: 200 }];
        batch.peers = vec![PeerDelta {
            client: Party::Asset(id), server: Party::Address("192.0.2.1".parse().unwrap()), protocol: Some(Protocol::Tls),
            port: 443, flows: 1, bytes: 300, first: at(0), last: at(1),
        }];
        let change = happens(bench, "scan:1", Step::Happened, at(0), Some(id));
        batch.cursor.seq = bench.seq;
        batch.finding_changes = vec![change];
        batch.snapshot = Some(vec![0, 1, 255]);
        assert!(!bench.machine.apply(batch.clone()).await.unwrap().repeated);
        let before = everything(bench).await;
        bench.reopen().await;
        let again = bench.machine.apply(batch.clone()).await.unwrap();
        assert!(again.repeated && again.assets.is_empty() && again.findings.is_empty());
        let older = state::Batch { cursor: EventCursor { epoch: 1, seq: 1 }, ..batch.clone() };
        assert!(bench.machine.apply(older).await.unwrap().repeated);
        assert_eq!(everything(bench).await, before);
        assert_eq!(bench.machine.cursor("detect").await.unwrap(), Some(batch.cursor));
        assert_eq!(bench.machine.cursor("other").await.unwrap(), None);
        assert_eq!(bench.machine.snapshot("detect").await.unwrap(), Some((batch.cursor, vec![0, 1, 255])));
        // A new epoch begins at 1 again and is not old.
        let next = state::Batch { cursor: EventCursor { epoch: 2, seq: 1 }, ..batch };
        assert!(!bench.machine.apply(next).await.unwrap().repeated);
        assert_eq!(bench.store.site().epoch, 2);
    }

    async fn a_batch_that_fails_leaves_nothing_behind(bench) {
        let id = asset_id(1);
        bench.tell(vec![(id, at(0), AssetFact::Discovered)]).await;
        let before = (everything(bench).await, bench.machine.cursor("detect").await.unwrap());
        let mut batch = bench.batch();
        batch.asset_changes = vec![bench.change(asset_id(2), at(0), AssetFact::Discovered)];
        let machine = bench.machine.clone();
        // Dropped in the middle, as when the program is killed.
        let task = tokio::spawn(async move { machine.apply(batch).await });
        tokio::task::yield_now().await;
        task.abort();
        let _ = task.await;
        let after = (everything(bench).await, bench.machine.cursor("detect").await.unwrap());
        let there = bench.machine.known_assets().await.unwrap().len() == 2;
        assert_eq!(there, after.1 > before.1, "result and cursor went apart");
        assert!(there || after == before, "half a batch was kept");
    }

    async fn hostile_texts_are_kept_within_bounds(bench) {
        let id = asset_id(1);
        let mut steps = vec![(id, at(0), AssetFact::Discovered), (id, at(1), named("a\0b\u{202e}")), (id, at(1), named("   "))];
        for i in 0..200 {
            steps.push((id, at(2 + i), named(&format!("name-{i}-{}", "x".repeat(3_000)))));
            steps.push((id, at(2 + i), address(Mac([2, 0, 0, 0, 0, i as u8]), &format!("10.0.{}.{}", i / 200, i % 200))));
            steps.push((id, at(2 + i), address(MAC, &format!("2001:db8::{i:x}"))));
        }
        bench.tell(steps).await;
        let a = bench.store.asset(&bench.may(ViewAssets), id).await.unwrap();
        assert_eq!((a.names.len(), a.addresses.len()), (64, 256));
        assert!(a.names.iter().all(|n| n.name.chars().count() <= 255));
        assert!(a.names[0].name.starts_with("name-199-"), "the newest stay");
        let mut change = happens(bench, &"k".repeat(10_000), Step::Happened, at(0), Some(id));
        change.facts.insert("text".into(), Fact::Text(format!("nul \0 {}", "y".repeat(1 << 20))));
        change.rule = "r".repeat(10_000);
        finds(bench, vec![change.clone()]).await;
        let f = bench.store.finding(&bench.may(ViewFindings), change.id).await.unwrap();
        let Fact::Text(text) = &f.facts["text"] else { panic!() };
        assert!(text.starts_with("nul \0 ") && text.len() <= 2_000);
        change.because = bench.event();
        finds(bench, vec![change.clone()]).await;
        assert_eq!(bench.store.finding(&bench.may(ViewFindings), change.id).await.unwrap().count, 6, "a long key gathers too");
    }

    async fn a_merge_moves_everything_and_leaves_a_tombstone(bench) {
        let (gone, stays, third) = (asset_id(1), asset_id(2), asset_id(3));
        bench.tell(vec![
            (gone, at(0), AssetFact::Discovered), (gone, at(0), address(MAC, "10.0.0.1")), (gone, at(0), named("OLD")),
            (stays, at(10), AssetFact::Discovered), (stays, at(10), address(MAC, "10.0.0.2")), (third, at(10), AssetFact::Discovered),
        ]).await;
        let edit = bench.may(model::access::EditAssets);
        let rev = bench.store.asset(&bench.may(ViewAssets), gone).await.unwrap().rev;
        let ledger = Ledger { name: "複合機".into(), owner: "山本".into(), ..Ledger::default() };
        let a = bench.store.edit_ledger(&edit, gone, rev, ledger, NOW).await.unwrap();
        bench.store.set_asset_state(&edit, gone, a.rev, AssetState::Registered, NOW).await.unwrap();
        let rev = bench.store.asset(&bench.may(ViewAssets), stays).await.unwrap().rev;
        let b = bench.store.edit_ledger(&edit, stays, rev, Ledger { owner: "伊藤".into(), ..Ledger::default() }, NOW).await.unwrap();
        let mut batch = bench.batch();
        let hour = |asset, n| HourDelta { asset, hour: 7, packets_out: n, packets_in: n, bytes_out: n, bytes_in: n };
        batch.hours = vec![hour(gone, 1), hour(stays, 10), hour(gone, 100)];
        let link = |client, server, bytes| PeerDelta {
            client: Party::Asset(client), server: Party::Asset(server), protocol: None, port: 80, flows: 1, bytes, first: at(0), last: at(1),
        };
        batch.peers = vec![link(gone, third, 5), link(stays, third, 7), link(third, gone, 3), link(gone, stays, 1000)];
        bench.machine.apply(batch).await.unwrap();
        let mut change = happens(bench, "scan", Step::Happened, at(5), Some(gone));
        change.others = vec![third, gone];
        finds(bench, vec![change.clone()]).await;

        let applied = bench.tell(vec![(gone, at(20), AssetFact::MergedInto { asset: stays }), (gone, at(30), AssetFact::Seen)]).await;
        assert_eq!(applied.assets, [gone, stays]);
        let view = bench.may(ViewAssets);
        let a = bench.store.asset(&view, gone).await.unwrap();
        assert_eq!(a.id, stays, "an old link leads on");
        assert_eq!((a.ledger.name.as_str(), a.ledger.owner.as_str()), ("複合機", "伊藤"));
        assert_eq!((a.state, a.first_seen, a.last_seen), (AssetState::Registered, Some(at(0)), Some(at(30))));
        assert!(a.rev > b.rev, "whoever has the form open must look again");
        assert_eq!(a.addresses.len(), 2);
        assert_eq!(a.names[0].name, "OLD");
        let hours = bench.store.asset_hours(&view, gone, 0, 100).await.unwrap();
        assert_eq!((hours.len(), hours[0].bytes_in), (1, 111));
        let peers = bench.store.asset_peers(&view, stays, 10).await.unwrap();
        assert_eq!(peers.iter().map(|p| (p.outgoing, p.bytes)).collect::<Vec<_>>(), [(true, 12), (false, 3)]);
        let f = bench.store.finding(&bench.may(ViewFindings), change.id).await.unwrap();
        assert_eq!((f.asset, f.others.clone()), (Some(stays), vec![third, stays]));
        let about = FindingFilter { asset: Some(gone), ..FindingFilter::default() };
        assert_eq!(bench.store.findings(&bench.may(ViewFindings), &about).await.unwrap().total, 1);
        assert_eq!(bench.store.assets(&view, &AssetFilter::default()).await.unwrap().total, 2);
        assert_eq!(bench.machine.merged_assets().await.unwrap(), [(gone, stays)]);
        // The one that stayed goes too: the first tombstone must not lead to a tombstone.
        bench.tell(vec![(stays, at(40), AssetFact::MergedInto { asset: third }), (gone, at(50), AssetFact::MergedInto { asset: stays })]).await;
        assert_eq!(bench.store.asset(&view, gone).await.unwrap().id, third);
        assert_eq!(bench.machine.merged_assets().await.unwrap(), [(gone, third), (stays, third)]);
        assert_eq!(bench.store.asset_labels(&view, &[gone]).await.unwrap()[&gone], "複合機");
    }

    async fn a_finding_gathers_is_explained_closed_and_opens_again(bench) {
        let id = asset_id(1);
        bench.tell(vec![(id, at(0), AssetFact::Discovered), (id, at(0), named("NAS-01"))]).await;
        let first = happens(bench, "scan", Step::Happened, at(1), Some(id));
        assert_eq!(finds(bench, vec![first.clone()]).await.opened, [first.id]);
        let again = happens(bench, "scan", Step::Happened, at(9), Some(id));
        let applied = finds(bench, vec![again]).await;
        assert_eq!((applied.findings, applied.opened), (vec![first.id], vec![]), "repeats gather under the first id");
        let (view, handle) = (bench.may(ViewFindings), bench.may(HandleFindings));
        let f = bench.store.finding(&view, first.id).await.unwrap();
        assert_eq!((f.count, f.first, f.last, f.status), (6, at(1), at(9), FindingStatus::Open));
        let ceased = happens(bench, "scan", Step::Ceased, at(10), Some(id));
        finds(bench, vec![ceased]).await;
        let f = bench.store.finding(&view, first.id).await.unwrap();
        assert_eq!((f.count, f.last, f.ceased), (6, at(9), Some(at(10))));

        let until = at(1000);
        for bad in [
            Handling::Explain { note: "  ".into(), until },
            Handling::Explain { note: "x".into(), until: NOW },
            Handling::Explain { note: "x".into(), until: NOW + Span::days(5000) },
            Handling::Close { note: "\u{1b}[31m".into() },
        ] {
            let refused = bench.store.handle_finding(&handle, f.id, f.rev, bad, NOW).await;
            assert!(matches!(refused, Err(StateError::Invalid { .. })), "{refused:?}");
        }
        let f = bench.store.handle_finding(&handle, f.id, f.rev, Handling::Explain { note: "停電点検".into(), until }, NOW).await.unwrap();
        assert_eq!((f.status, f.explanation.as_str(), f.explained_until), (FindingStatus::Explained, "停電点検", Some(until)));
        let change = happens(bench, "scan", Step::Happened, at(999), Some(id));
        assert!(finds(bench, vec![change]).await.opened.is_empty(), "an explained finding only counts");
        let change = happens(bench, "scan", Step::Happened, at(1001), Some(id));
        assert_eq!(finds(bench, vec![change]).await.opened, [f.id], "until its date");
        let f = bench.store.finding(&view, f.id).await.unwrap();
        assert_eq!((f.status, f.reopened, f.count, f.ceased, f.explained_until), (FindingStatus::Open, 1, 12, None, None));

        let f = bench.store.handle_finding(&handle, f.id, f.rev, Handling::Explain { note: "x".into(), until }, NOW).await.unwrap();
        let change = happens(bench, "scan", Step::Changed, at(20), Some(id));
        assert_eq!(finds(bench, vec![change]).await.opened, [f.id], "a change for the worse opens an explained finding");
        let f = bench.store.finding(&view, f.id).await.unwrap();
        let f = bench.store.handle_finding(&handle, f.id, f.rev, Handling::Close { note: String::new() }, NOW).await.unwrap();
        assert_eq!(f.status, FindingStatus::Closed);
        let change = happens(bench, "scan", Step::Ceased, at(30), Some(id));
        assert!(finds(bench, vec![change]).await.opened.is_empty());
        let change = happens(bench, "scan", Step::Happened, at(40), Some(id));
        assert_eq!(finds(bench, vec![change]).await.opened, [f.id]);
        let stale = bench.store.handle_finding(&handle, f.id, f.rev, Handling::Acknowledge, NOW).await;
        assert!(matches!(stale, Err(StateError::Changed { .. })), "it opened again while somebody had it closed before them");
        let f = bench.store.finding(&view, f.id).await.unwrap();
        let f = bench.store.handle_finding(&handle, f.id, f.rev, Handling::Acknowledge, NOW).await.unwrap();
        let change = happens(bench, "scan", Step::Changed, at(50), Some(id));
        finds(bench, vec![change]).await;
        assert_eq!(bench.store.finding(&view, f.id).await.unwrap().status, FindingStatus::Acknowledged);

        let history = bench.store.finding_history(&view, f.id).await.unwrap();
        let steps: Vec<_> = history.iter().map(|m| (m.from.map(FindingStatus::name), m.to.name(), m.who.as_str())).collect();
        assert_eq!(steps, [
            (None, "open", ""), (Some("open"), "explained", "田中"), (Some("explained"), "open", ""), (Some("open"), "explained", "田中"),
            (Some("explained"), "open", ""), (Some("open"), "closed", "田中"), (Some("closed"), "open", ""), (Some("open"), "acknowledged", "田中"),
        ]);
        // Nothing ceases that never was.
        let change = happens(bench, "never", Step::Ceased, at(60), None);
        assert!(finds(bench, vec![change]).await.findings.is_empty());
        let text = FindingFilter { text: "ＮＡＳ scan 停電".into(), ..FindingFilter::default() };
        assert_eq!(bench.store.findings(&view, &text).await.unwrap().total, 0, "the last note replaced the first");
        let text = FindingFilter { text: "ＮＡＳ scan plc-l2".into(), ..FindingFilter::default() };
        assert_eq!(bench.store.findings(&view, &text).await.unwrap().total, 1);
    }

    async fn a_finding_keeps_its_newest_events_and_counts_all(bench) {
        let mut first = None;
        for _ in 0..10 {
            let mut change = happens(bench, "flood", Step::Happened, at(1), None);
            change.events = (0..64).map(|_| bench.event()).collect();
            first.get_or_insert(change.id);
            finds(bench, vec![change]).await;
        }
        let paging = state::Paging { page: 1, per_page: 500 };
        let events = bench.store.finding_events(&bench.may(ViewFindings), first.unwrap(), paging).await.unwrap();
        assert_eq!((events.total, events.items.len()), (640, 256));
        assert!(events.items.windows(2).all(|w| w[0].seq > w[1].seq));
        let second = bench.store.finding_events(&bench.may(ViewFindings), first.unwrap(), state::Paging { page: 2, per_page: 50 }).await.unwrap();
        assert_eq!(second.items[0], events.items[50]);
    }

    async fn coverage_is_joined_and_the_habit_asks_it(bench) {
        let sensor = bench.machine.sensor_id("eth1", SensorKind::Live, NOW).await.unwrap();
        assert_eq!(sensor, SourceId(1));
        assert_eq!(bench.machine.sensor_id("eth1", SensorKind::Live, NOW).await.unwrap(), sensor);
        let health = |from: Time, to: Time, quality| Health {
            sensor, from, to, packets: 1, bytes: 10, kernel_drops: 0, queue_drops: 0, decode_errors: 0, quality,
        };
        let ten = |i: i64| NOW - Span::seconds(10 * (360 - i));
        let mut batch = bench.batch();
        batch.coverage = (0..180).map(|i| health(ten(i), ten(i + 1), Quality::Full)).collect();
        bench.machine.apply(batch).await.unwrap();
        let mut batch = bench.batch();
        batch.coverage = (180..200).map(|i| health(ten(i), ten(i + 1), Quality::Full)).collect();
        batch.coverage.extend((200..300).map(|i| health(ten(i), ten(i + 1), Quality::Nothing)));
        // A hole, then drops; and one that ends before it begins.
        batch.coverage.extend((330..360).map(|i| health(ten(i), ten(i + 1), Quality::Drops)));
        batch.coverage.push(health(ten(360), ten(0), Quality::Full));
        bench.machine.apply(batch).await.unwrap();
        let today = bench.store.today(&bench.may(ViewToday), NOW).await.unwrap();
        let c = &today.coverage[0];
        assert_eq!(c.name, "eth1");
        assert_eq!(
            c.stretches.iter().map(|s| (s.from, s.to, s.quality)).collect::<Vec<_>>(),
            [(ten(0), ten(200), Quality::Full), (ten(200), ten(300), Quality::Nothing), (ten(330), ten(360), Quality::Drops)]
        );
        assert_eq!(c.watched, Span::seconds(2300));
        assert!(today.habit.iter().all(|h| h.weeks == 0), "nothing was watched a week ago");

        // Three weeks ago watched and busy, two weeks ago watched and silent, a week ago the mirror was dead: two weeks are known.
        let id = asset_id(1);
        let hour = NOW.hour();
        let start = |h: i64| Time::from_unix(h * 3600, 0);
        let mut batch = bench.batch();
        let busy = |h| HourDelta { asset: id, hour: h, packets_out: 1, packets_in: 1, bytes_out: 300, bytes_in: 100 };
        batch.hours = vec![busy(hour - 3 * 168), busy(hour - 168), busy(hour)];
        batch.coverage = vec![
            health(start(hour - 3 * 168), start(hour - 3 * 168 + 1), Quality::Full),
            health(start(hour - 2 * 168), start(hour - 2 * 168 + 1), Quality::Drops),
            health(start(hour - 168), start(hour - 168 + 1), Quality::Nothing),
        ];
        bench.machine.apply(batch).await.unwrap();
        let today = bench.store.today(&bench.may(ViewToday), NOW).await.unwrap();
        let now = today.habit.last().unwrap();
        assert_eq!((now.hour, now.weeks, now.low, now.median, now.high), (hour, 2, 100, 200, 300));
        assert_eq!((today.day.len(), today.week.len(), today.day[23].bytes_out), (24, 168, 300));
    }

    async fn today_tells_what_changed(bench) {
        let (old, new) = (asset_id(1), asset_id(2));
        bench.tell(vec![(old, NOW - Span::days(3), AssetFact::Discovered), (new, NOW - Span::hours(2), AssetFact::Discovered)]).await;
        let change = happens(bench, "scan", Step::Happened, NOW - Span::hours(1), Some(new));
        finds(bench, vec![change]).await;
        let rev = bench.store.asset(&bench.may(ViewAssets), old).await.unwrap().rev;
        bench.store.set_asset_state(&bench.may(model::access::EditAssets), old, rev, AssetState::Retired, NOW).await.unwrap();
        let today = bench.store.today(&bench.may(ViewToday), NOW).await.unwrap();
        assert_eq!((today.assets, today.assets_seen, today.assets_unregistered, today.assets_unwanted), (1, 1, 1, 0));
        assert_eq!((today.open[&Severity::Week], today.open[&Severity::Today]), (1, 0));
        let kinds: Vec<_> = today.changes.iter().map(|c| match &c.what {
            state::today::Changed::Deed { who, .. } => who.clone(),
            state::today::Changed::Finding { rule, .. } => rule.clone(),
            state::today::Changed::Discovered { asset, .. } => asset.to_string(),
        }).collect();
        assert_eq!(kinds, ["田中".to_string(), "port-scan".into(), new.to_string()]);
        assert_eq!(today.changes_total, 3);
    }

    async fn what_is_old_is_let_go(bench) {
        let id = asset_id(1);
        let mut batch = bench.batch();
        let hour = |h| HourDelta { asset: id, hour: h, packets_out: 1, packets_in: 1, bytes_out: 1, bytes_in: 1 };
        batch.hours = vec![hour(NOW.hour() - 24 * 800), hour(NOW.hour())];
        let link = |n: u8, last| PeerDelta {
            client: Party::Asset(id), server: Party::Address([192, 0, 2, n].into()), protocol: None, port: 1, flows: 1, bytes: 1, first: last, last,
        };
        batch.peers = vec![link(1, NOW - Span::days(500)), link(2, NOW)];
        bench.machine.apply(batch).await.unwrap();
        let old = happens(bench, "old", Step::Happened, NOW - Span::days(1200), None);
        let kept = happens(bench, "open", Step::Happened, NOW - Span::days(1200), None);
        finds(bench, vec![old.clone(), kept.clone()]).await;
        let f = bench.store.finding(&bench.may(ViewFindings), old.id).await.unwrap();
        let long_ago = NOW - Span::days(1150);
        bench.store.handle_finding(&bench.may(HandleFindings), old.id, f.rev, Handling::Close { note: String::new() }, long_ago).await.unwrap();
        let gone = bench.machine.let_go(NOW).await.unwrap();
        assert_eq!((gone.hours, gone.peers, gone.findings), (1, 1, 1));
        assert!(matches!(bench.store.finding(&bench.may(ViewFindings), old.id).await, Err(StateError::NotFound { .. })));
        assert_eq!(bench.store.finding(&bench.may(ViewFindings), kept.id).await.unwrap().status, FindingStatus::Open);
        assert_eq!(bench.store.asset_hours(&bench.may(ViewAssets), id, i64::MIN, i64::MAX).await.unwrap().len(), 1);
    }
}

/// All that can be seen, to compare.
async fn everything(bench: &common::Bench) -> String {
    let assets = bench.machine.known_assets().await.unwrap();
    let findings = bench.store.findings(&bench.may(ViewFindings), &FindingFilter::default()).await.unwrap();
    let mut out = format!("{assets:?}\n{:?}\n", bench.machine.merged_assets().await.unwrap());
    for f in &findings.items {
        let paging = state::Paging { page: 1, per_page: 500 };
        let events = bench.store.finding_events(&bench.may(ViewFindings), f.id, paging).await.unwrap();
        out += &format!("{f:?} {events:?} {:?}\n", bench.store.finding_history(&bench.may(ViewFindings), f.id).await.unwrap());
    }
    for a in &assets {
        let view = bench.may(ViewAssets);
        out += &format!("{:?}", bench.store.asset_hours(&view, a.id, i64::MIN, i64::MAX).await.unwrap());
        out += &format!("{:?}\n", bench.store.asset_peers(&view, a.id, 100).await.unwrap());
    }
    out + &format!("{:?}", bench.store.today(&bench.may(ViewToday), NOW).await.unwrap())
}

/// What may come in a batch, small enough to collide often.
#[derive(Clone, Debug)]
enum Deal {
    Discovered(u8),
    Address(u8, u8),
    Name(u8, u8),
    Guess(u8, u8, u8),
    Merge(u8, u8),
    Hour(u8, u8),
    Peer(u8, u8),
    Finding(u8, u8, u8),
    Handle(u8, u8),
}

fn deal() -> impl Strategy<Value = Deal> {
    let n = 0u8..4;
    prop_oneof![
        n.clone().prop_map(Deal::Discovered),
        (n.clone(), n.clone()).prop_map(|(a, b)| Deal::Address(a, b)),
        (n.clone(), n.clone()).prop_map(|(a, b)| Deal::Name(a, b)),
        (n.clone(), n.clone(), 1u8..100).prop_map(|(a, b, c)| Deal::Guess(a, b, c)),
        (n.clone(), n.clone()).prop_map(|(a, b)| Deal::Merge(a, b)),
        (n.clone(), n.clone()).prop_map(|(a, b)| Deal::Hour(a, b)),
        (n.clone(), n.clone()).prop_map(|(a, b)| Deal::Peer(a, b)),
        (n.clone(), n.clone(), 0u8..3).prop_map(|(a, b, c)| Deal::Finding(a, b, c)),
        (n.clone(), n).prop_map(|(a, b)| Deal::Handle(a, b)),
    ]
}

/// The life of findings as a model: status, count, reopened.
type Lives = BTreeMap<u8, (FindingStatus, u64, u32)>;

async fn play(batches: &[Vec<Deal>], repeat: bool) -> (String, Lives, Vec<(u8, FindingStatus, u64, u32)>) {
    let mut bench = common::Bench::sqlite().await;
    let mut lives = Lives::new();
    let mut ids: BTreeMap<u8, FindingId> = BTreeMap::new();
    for deals in batches {
        let mut batch = state::Batch::empty("detect", EventCursor { epoch: 1, seq: 0 });
        for (i, deal) in deals.iter().enumerate() {
            let when = at(bench.seq as i64 + i as i64);
            match deal.clone() {
                Deal::Discovered(a) => batch.asset_changes.push(bench.change(asset_id(a.into()), when, AssetFact::Discovered)),
                Deal::Address(a, b) => batch.asset_changes.push(bench.change(
                    asset_id(a.into()),
                    when,
                    address(Mac([0, 0, 0, 0, 0, b + 1]), &format!("10.0.0.{b}")),
                )),
                Deal::Name(a, b) => batch.asset_changes.push(bench.change(asset_id(a.into()), when, named(&format!("n{b}")))),
                Deal::Guess(a, b, confidence) => {
                    let because = bench.event();
                    let guess = Guess {
                        property: Property::Maker,
                        value: format!("m{b}"),
                        confidence,
                        reason: "oui".into(),
                        protocol: None,
                        because,
                        also: vec![],
                    };
                    batch.asset_changes.push(bench.change(asset_id(a.into()), when, AssetFact::Guess { guess }));
                }
                Deal::Merge(a, b) => {
                    batch.asset_changes.push(bench.change(asset_id(a.into()), when, AssetFact::MergedInto { asset: asset_id(b.into()) }));
                }
                Deal::Hour(a, b) => batch.hours.push(HourDelta {
                    asset: asset_id(a.into()),
                    hour: b.into(),
                    packets_out: 1,
                    packets_in: 2,
                    bytes_out: 3,
                    bytes_in: 4,
                }),
                Deal::Peer(a, b) => batch.peers.push(PeerDelta {
                    client: Party::Asset(asset_id(a.into())),
                    server: Party::Asset(asset_id(b.into())),
                    protocol: None,
                    port: 1,
                    flows: 1,
                    bytes: 1,
                    first: when,
                    last: when,
                }),
                Deal::Finding(k, a, s) => {
                    let step = [Step::Happened, Step::Changed, Step::Ceased][usize::from(s)];
                    let change = happens(&mut bench, &format!("key{k}"), step, when, Some(asset_id(a.into())));
                    if step != Step::Ceased {
                        ids.entry(k).or_insert(change.id);
                        let life = lives.entry(k).or_insert((FindingStatus::Open, 0, 0));
                        life.1 += change.happened;
                        let reopens = match life.0 {
                            FindingStatus::Closed => true,
                            FindingStatus::Explained => step == Step::Changed,
                            _ => false,
                        };
                        if reopens {
                            life.0 = FindingStatus::Open;
                            life.2 += 1;
                        }
                    }
                    batch.finding_changes.push(change);
                }
                Deal::Handle(..) => {}
            }
        }
        bench.event();
        batch.cursor.seq = bench.seq;
        bench.machine.apply(batch.clone()).await.unwrap();
        if repeat {
            assert!(bench.machine.apply(batch).await.unwrap().repeated);
        }
        for deal in deals {
            let Deal::Handle(k, how) = deal else { continue };
            let Some(id) = ids.get(k) else { continue };
            let (how, to) = match how {
                0 => (Handling::Acknowledge, FindingStatus::Acknowledged),
                1 => (Handling::Explain { note: "x".into(), until: NOW + Span::days(300) }, FindingStatus::Explained),
                _ => (Handling::Close { note: String::new() }, FindingStatus::Closed),
            };
            let life = lives.get_mut(k).unwrap();
            let f = bench.store.finding(&bench.may(ViewFindings), *id).await.unwrap();
            match bench.store.handle_finding(&bench.may(HandleFindings), *id, f.rev, how, NOW).await {
                Ok(f) => {
                    assert_eq!(f.status, to);
                    life.0 = to;
                }
                Err(e) => assert!(to == FindingStatus::Acknowledged && life.0 == FindingStatus::Closed, "{e}"),
            }
        }
    }
    let mut real = Vec::new();
    for (k, id) in &ids {
        let f = bench.store.finding(&bench.may(ViewFindings), *id).await.unwrap();
        real.push((*k, f.status, f.count, f.reopened));
    }
    let mut text = everything(&bench).await;
    // The site's id is drawn anew by each store.
    text = text.replace(&bench.store.site().id.to_string(), "site");
    let ids: BTreeSet<_> = bench.machine.known_assets().await.unwrap().iter().map(|a| a.id).collect();
    for (gone, stays) in bench.machine.merged_assets().await.unwrap() {
        assert!(ids.contains(&stays) && !ids.contains(&gone), "a tombstone leads nowhere");
    }
    (text, lives, real)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn repeating_batches_changes_nothing_and_findings_live_as_written(
        batches in proptest::collection::vec(proptest::collection::vec(deal(), 0..8), 1..6)
    ) {
        common::run(async {
            let (once, lives, real) = play(&batches, false).await;
            let (twice, _, _) = play(&batches, true).await;
            // Finding ids are derived from the site's id, so only what does not name them is compared.
            assert_eq!(skeleton(&once), skeleton(&twice));
            let expected: Vec<_> = lives.into_iter().map(|(k, (s, c, r))| (k, s, c, r)).collect();
            assert_eq!(real, expected);
        });
    }
}

/// Without ids of findings.
fn skeleton(text: &str) -> String {
    text.split("FindingId(").map(|part| part.split_once(')').map_or(part, |(_, rest)| rest)).collect::<Vec<_>>().join("")
}
