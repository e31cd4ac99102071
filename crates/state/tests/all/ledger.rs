//! People's side: the ledger, import, zones, two editors, and who may see what.

use crate::common::{self, NOW, asset_id};
use model::access::{
    EditAssets, EditSettings, ExportAssets, HandleFindings, ManageUsers, ViewAssets, ViewFindings, ViewSettings, ViewToday,
};
use model::asset::{AssetFact, Importance, Kind, Ledger};
use model::event::Deed;
use model::finding::Step;
use model::{AssetId, AssetState, Body, FindingChange, FindingId, Lang, Mac, Segment, Severity, SourceId, Span, ZoneId};
use state::ledger::{NewAsset, RowReason};
use state::ledger_csv::{self, Encoding};
use state::zones::ZoneFields;
use state::{AssetFilter, AssetSort, FindingFilter, Handling, ImportRow, Layer, Paging, StateError};
use std::collections::BTreeMap;
use std::time::Instant;

const MAC: Mac = Mac([0x3c, 0x52, 0x82, 0x1f, 0xaa, 0x07]);

fn seen(mac: Mac, ip: &str, vlan: u16) -> AssetFact {
    AssetFact::Address { segment: Segment { sensor: SourceId(1), vlan }, mac: Some(mac), ip: Some(ip.parse().unwrap()) }
}
fn fields(name: &str, ranges: &[&str], vlans: &[u16]) -> ZoneFields {
    ZoneFields {
        name: name.into(),
        layer: Layer::Control,
        ranges: ranges.iter().map(|r| r.parse().unwrap()).collect(),
        vlans: vlans.to_vec(),
    }
}
async fn zone(bench: &common::Bench, name: &str, ranges: &[&str], vlans: &[u16]) -> ZoneId {
    bench.store.create_zone(&bench.may(EditSettings), fields(name, ranges, vlans), NOW).await.unwrap()
}
async fn deeds(bench: &common::Bench) -> Vec<Deed> {
    let audit = |e: model::NewEvent| match e.body {
        Body::Audit(a) => a.deed,
        other => panic!("{other:?}"),
    };
    bench.machine.outbox(1000).await.unwrap().into_iter().map(|(_, e)| audit(e)).collect()
}
async fn labels(bench: &common::Bench, filter: &AssetFilter) -> Vec<String> {
    bench.store.assets(&bench.may(ViewAssets), filter).await.unwrap().items.iter().map(model::Asset::label).collect()
}

on_both! {
    async fn two_editors_with_the_same_revision(bench) {
        let id = asset_id(1);
        bench.tell(vec![(id, NOW, AssetFact::Discovered)]).await;
        let edit = bench.may(EditAssets);
        let a = bench.store.asset(&bench.may(ViewAssets), id).await.unwrap();
        let mine = Ledger { name: "PLC-L2-01".into(), support_end: "2034-03-31".into(), ..Ledger::default() };
        let (one, two) = tokio::join!(
            bench.store.edit_ledger(&edit, id, a.rev, mine.clone(), NOW),
            bench.store.edit_ledger(&edit, id, a.rev, Ledger { name: "PLC 1".into(), ..Ledger::default() }, NOW),
        );
        let lost = match (&one, &two) { (Ok(_), Err(e)) | (Err(e), Ok(_)) => e, other => panic!("{other:?}") };
        assert!(matches!(lost, StateError::Changed { by, at, rev } if by == "田中" && *at == NOW && *rev == a.rev + 1), "{lost:?}");
        let b = bench.store.asset(&bench.may(ViewAssets), id).await.unwrap();
        let b = bench.store.edit_ledger(&edit, id, b.rev, mine, NOW).await.unwrap();
        let c = bench.store.set_asset_state(&edit, id, b.rev, AssetState::Registered, NOW).await.unwrap();
        assert_eq!(bench.store.set_asset_state(&edit, id, c.rev, AssetState::Registered, NOW).await.unwrap().rev, c.rev);
        assert!(matches!(bench.store.set_asset_state(&edit, id, b.rev, AssetState::Denied, NOW).await, Err(StateError::Changed { .. })));
        // A sight does not count as a change by a person.
        bench.tell(vec![(id, NOW, AssetFact::Seen)]).await;
        assert_eq!(bench.store.asset(&bench.may(ViewAssets), id).await.unwrap().rev, c.rev);
        let told = deeds(bench).await;
        assert!(told.contains(&Deed::AssetState { asset: id, from: AssetState::Discovered, to: AssetState::Registered }));
        assert_eq!(told.len(), if two.is_ok() { 3 } else { 2 }, "{told:?}");
        for bad in [
            Ledger { support_end: "2034-02-30".into(), ..Ledger::default() },
            Ledger { name: "x".repeat(201), ..Ledger::default() },
            Ledger { place: "a\0b".into(), ..Ledger::default() },
        ] {
            assert!(matches!(bench.store.edit_ledger(&edit, id, c.rev, bad, NOW).await, Err(StateError::Invalid { .. })));
        }
        let nowhere = Ledger { zone: Some(ZoneId::NIL), ..Ledger::default() };
        assert!(matches!(bench.store.edit_ledger(&edit, id, c.rev, nowhere, NOW).await, Err(StateError::NotFound { what: "zone", .. })));
    }

    async fn lists_filter_sort_search_and_page(bench) {
        let mut steps = Vec::new();
        for i in 0..25u8 {
            let id = asset_id(u128::from(i) + 1);
            steps.push((id, NOW + Span::hours(i.into()), AssetFact::Discovered));
            steps.push((id, NOW + Span::hours(i.into()), seen(Mac([0, 1, 2, 3, 4, i]), &format!("10.0.0.{}", 100 - i), 0)));
        }
        bench.tell(steps).await;
        let enter = NewAsset { ledger: Ledger { name: "台帳だけの装置　100%".into(), kind: Some(Kind::Plc), ..Ledger::default() }, ..NewAsset::default() };
        bench.store.enter_asset(&bench.may(EditAssets), enter, NOW).await.unwrap();
        let all = AssetFilter::default();
        let page = bench.store.assets(&bench.may(ViewAssets), &all).await.unwrap();
        assert_eq!((page.total, page.items.len(), page.pages()), (26, 26, 1));
        let by_ip = |descending, page| AssetFilter { sort: AssetSort::Address, descending, paging: Paging { page, per_page: 10 }, ..all.clone() };
        assert_eq!(labels(bench, &by_ip(false, 1)).await[..2], ["10.0.0.76", "10.0.0.77"], "by number, not by letter");
        assert_eq!(labels(bench, &by_ip(true, 1)).await[1], "10.0.0.100");
        let mut walked = Vec::new();
        for page in 1..=4 {
            walked.extend(labels(bench, &by_ip(false, page)).await);
        }
        walked.sort();
        walked.dedup();
        assert_eq!(walked.len(), 26, "pages neither overlap nor leave out");
        let newest = AssetFilter { sort: AssetSort::LastSeen, ..all.clone() };
        assert_eq!(labels(bench, &newest).await[0], "10.0.0.76");
        for sort in [AssetSort::Kind, AssetSort::Maker, AssetSort::State, AssetSort::Zone, AssetSort::Importance, AssetSort::FirstSeen] {
            for descending in [false, true] {
                assert_eq!(labels(bench, &AssetFilter { sort, descending, ..all.clone() }).await.len(), 26);
            }
        }
        let search = |text: &str| AssetFilter { text: text.into(), ..all.clone() };
        assert_eq!(labels(bench, &search("００-０1-02-03-04-05")).await, ["10.0.0.95"], "a hardware address as people write it");
        assert_eq!(labels(bench, &search("装置 100%")).await.len(), 1);
        for nothing in ["%", "_0.0", "' OR 1=1 --", "装置 PLC999"] {
            let n = labels(bench, &search(nothing)).await.len();
            assert_eq!(n, usize::from(nothing == "%"), "{nothing}");
        }
        let since = AssetFilter { seen_since: Some(NOW + Span::hours(20)), ..all.clone() };
        assert_eq!(labels(bench, &since).await.len(), 5);
        let not = AssetFilter { not_seen_since: Some(NOW + Span::hours(20)), ..all.clone() };
        assert_eq!(labels(bench, &not).await.len(), 21);
        let kinds = AssetFilter { kinds: vec![Kind::Plc, Kind::Hmi], states: vec![AssetState::Registered], ..all.clone() };
        assert_eq!(labels(bench, &kinds).await, ["台帳だけの装置　100%"]);
        // Absurd pages are brought within bounds.
        let far = AssetFilter { paging: Paging { page: u32::MAX, per_page: u32::MAX }, ..all.clone() };
        assert!(labels(bench, &far).await.is_empty());
        assert_eq!(labels(bench, &AssetFilter { paging: Paging { page: 0, per_page: 0 }, ..all }).await.len(), 1);
    }

    async fn assets_find_their_zone(bench) {
        let (a, b, c) = (asset_id(1), asset_id(2), asset_id(3));
        bench.tell(vec![
            (a, NOW, AssetFact::Discovered), (a, NOW, seen(MAC, "10.2.0.57", 0)),
            (b, NOW, AssetFact::Discovered), (b, NOW, seen(Mac([0, 0, 0, 0, 0, 1]), "192.168.7.1", 20)),
            (c, NOW, AssetFact::Discovered),
        ]).await;
        let wide = zone(bench, "制御", &["10.0.0.0/8"], &[]).await;
        let narrow = zone(bench, "第2ライン", &["10.2.0.0/16"], &[20]).await;
        let zones = |list: Vec<state::Zone>| list.into_iter().map(|z| (z.id, z.assets)).collect::<BTreeMap<_, _>>();
        let counted = zones(bench.store.zones(&bench.may(ViewSettings)).await.unwrap());
        assert_eq!(counted, BTreeMap::from([(wide, 0), (narrow, 2)]));
        let same = bench.store.create_zone(&bench.may(EditSettings), fields("第２ライン", &[], &[]), NOW).await;
        assert!(matches!(same, Err(StateError::Exists { .. })), "width does not make another name");
        let view = bench.may(ViewAssets);
        let rev = bench.store.asset(&view, c).await.unwrap().rev;
        bench.store.edit_ledger(&bench.may(EditAssets), c, rev, Ledger { zone: Some(wide), ..Ledger::default() }, NOW).await.unwrap();
        let filter = AssetFilter { zone: Some(wide), ..AssetFilter::default() };
        assert_eq!(bench.store.assets(&view, &filter).await.unwrap().items[0].id, c);
        bench.store.edit_zone(&bench.may(EditSettings), narrow, 1, fields("第2ライン", &[], &[]), NOW).await.unwrap();
        let stale = bench.store.edit_zone(&bench.may(EditSettings), narrow, 1, fields("x", &[], &[]), NOW).await;
        assert!(matches!(stale, Err(StateError::Changed { rev: 2, .. })));
        let counted = zones(bench.store.zones_of_assets(&view).await.unwrap());
        assert_eq!(counted, BTreeMap::from([(wide, 2), (narrow, 0)]));
        bench.store.delete_zone(&bench.may(EditSettings), wide, 1, NOW).await.unwrap();
        assert_eq!(bench.store.asset(&view, c).await.unwrap().ledger.zone, None);
        assert_eq!(zones(bench.store.zones(&bench.may(ViewSettings)).await.unwrap()), BTreeMap::from([(narrow, 0)]));
    }

    async fn a_list_is_taken_in_and_the_same_list_changes_nothing(bench) {
        let known = asset_id(1);
        bench.tell(vec![(known, NOW, AssetFact::Discovered), (known, NOW, seen(MAC, "10.2.0.57", 0))]).await;
        let line2 = zone(bench, "第2ライン", &[], &[]).await;
        let file = "名称,MACアドレス,IPアドレス,種別,サポート期限,区域,重要度,状態,よけいな列\r\n\
            PLC-L2-01,3C-52-82-1F-AA-07,,PLC,2034年3月31日,第２ライン,高,,x\r\n\
            \"複合機, 事務所\",00:00:00:00:00:02,192.168.1.20,複合機・プリンター,,,,,\r\n\
            壊れた行,zz:00,,,,,,,\r\n\
            ,,,,,,,,\r\n\
            ,,,PLC,,,,,\r\n\
            台帳だけ,,,,令和9年3月31日,,,未使用,\r\n\
            知らない区域,,10.9.9.9,,,どこか,,,\r\n\
            もう一度,3c:52:82:1f:aa:07,,,,,,,\r\n";
        let read = ledger_csv::read(file.as_bytes()).unwrap();
        assert_eq!((read.rows.len(), read.problems.len(), read.ignored.as_slice()), (6, 1, &["よけいな列".to_string()][..]));
        assert_eq!((read.problems[0].line, read.problems[0].column.as_str()), (4, "MACアドレス"));
        let edit = bench.may(EditAssets);
        let tried = bench.store.import_assets(&edit, read.rows.clone(), true, NOW).await.unwrap();
        assert_eq!((tried.entered.len(), tried.changed.len(), tried.problems.len()), (2, 1, 3));
        assert_eq!(bench.store.assets(&bench.may(ViewAssets), &AssetFilter::default()).await.unwrap().total, 1, "a trial writes nothing");
        let before = deeds(bench).await.len();
        let done = bench.store.import_assets(&edit, read.rows.clone(), false, NOW).await.unwrap();
        let reasons: Vec<_> = done.problems.iter().map(|p| (p.line, &p.reason)).collect();
        assert_eq!(reasons, [
            (6, &RowReason::Nothing), (8, &RowReason::UnknownZone("どこか".into())), (9, &RowReason::Repeated(2)),
        ]);
        assert_eq!((done.entered.len(), done.changed.as_slice(), done.unchanged), (2, &[known][..], 0));
        let a = bench.store.asset(&bench.may(ViewAssets), known).await.unwrap();
        assert_eq!((a.state, a.ledger.kind, a.ledger.importance), (AssetState::Registered, Some(Kind::Plc), Some(Importance::High)));
        assert_eq!((a.ledger.support_end.as_str(), a.ledger.zone, a.addresses.len()), ("2034-03-31", Some(line2), 1));
        let after = deeds(bench).await.len();
        assert!(after > before);
        let again = bench.store.import_assets(&edit, read.rows, false, NOW + Span::days(1)).await.unwrap();
        assert_eq!((again.entered.len(), again.changed.len(), again.unchanged), (0, 0, 3));
        assert_eq!(deeds(bench).await.len(), after, "no deed either");
        // Out and in again, in both encodings and languages: nothing changes.
        let assets = bench.store.export_assets(&bench.may(ExportAssets), &AssetFilter::default(), NOW).await.unwrap();
        let zones = BTreeMap::from([(line2, "第2ライン".to_string())]);
        for (lang, encoding) in [(Lang::Ja, Encoding::Utf8), (Lang::Ja, Encoding::ShiftJis), (Lang::En, Encoding::Utf8), (Lang::En, Encoding::ShiftJis)] {
            let written = ledger_csv::write(&assets, &zones, lang, encoding);
            let read = ledger_csv::read(&written.bytes).unwrap();
            assert_eq!((read.problems.as_slice(), read.ignored.len()), (&[][..], 0));
            let report = bench.store.import_assets(&edit, read.rows, false, NOW).await.unwrap();
            assert_eq!((report.unchanged, report.entered.len(), report.changed.len(), report.problems.len()), (3, 0, 0, 0), "{lang:?} {encoding:?}");
        }
        // What was entered by hand and is then seen has one address, not two.
        let printer = done.entered[0];
        bench.tell(vec![(printer, NOW, seen(Mac([0, 0, 0, 0, 0, 2]), "192.168.1.20", 0))]).await;
        let a = bench.store.asset(&bench.may(ViewAssets), printer).await.unwrap();
        assert_eq!((a.addresses.len(), a.addresses[0].segment.sensor, a.label()), (1, SourceId(1), "複合機, 事務所".to_string()));
    }

    async fn rows_that_fit_several_assets_are_told(bench) {
        let (a, b) = (asset_id(1), asset_id(2));
        bench.tell(vec![
            (a, NOW, AssetFact::Discovered), (a, NOW, seen(MAC, "10.0.0.1", 0)),
            (b, NOW, AssetFact::Discovered), (b, NOW, seen(Mac([0, 0, 0, 0, 0, 2]), "10.0.0.2", 0)),
        ]).await;
        let both = ImportRow { line: 2, macs: vec![MAC, Mac([0, 0, 0, 0, 0, 2])], ..ImportRow::default() };
        let broadcast = ImportRow { line: 3, macs: vec![Mac::BROADCAST], ..ImportRow::default() };
        let report = bench.store.import_assets(&bench.may(EditAssets), vec![both, broadcast], false, NOW).await.unwrap();
        assert_eq!(report.problems[0].reason, RowReason::Ambiguous);
        assert!(matches!(report.problems[1].reason, RowReason::NotAMac(_)));
        let taken = NewAsset { macs: vec![MAC], ..NewAsset::default() };
        assert!(matches!(bench.store.enter_asset(&bench.may(EditAssets), taken, NOW).await, Err(StateError::Exists { .. })));
    }

    async fn every_function_refuses_the_wrong_zone(bench) {
        let (ours, theirs) = (zone(bench, "ours", &["10.1.0.0/16"], &[]).await, zone(bench, "theirs", &["10.2.0.0/16"], &[]).await);
        let (mine, other, nowhere) = (asset_id(1), asset_id(2), asset_id(3));
        bench.tell(vec![
            (mine, NOW, AssetFact::Discovered), (mine, NOW, seen(MAC, "10.1.0.1", 0)),
            (other, NOW, AssetFact::Discovered), (other, NOW, seen(Mac([0, 0, 0, 0, 0, 2]), "10.2.0.1", 0)),
            (nowhere, NOW, AssetFact::Discovered),
        ]).await;
        let mut batch = bench.batch();
        let mut ids = Vec::new();
        for asset in [mine, other] {
            let because = bench.event();
            let key = asset.to_string();
            ids.push(FindingId::derived(NOW, because, key.as_bytes()));
            batch.finding_changes.push(FindingChange {
                id: ids[ids.len() - 1], key, rule: "r".into(), revision: 1, parameters: BTreeMap::new(), severity: Severity::Today, step: Step::Happened,
                at: NOW, because, events: vec![because], happened: 1, asset: Some(asset), others: vec![mine], facts: BTreeMap::new(),
            });
            batch.hours.push(model::asset::HourDelta { asset, hour: NOW.hour(), packets_out: 1, packets_in: 1, bytes_out: 10, bytes_in: 10 });
        }
        batch.cursor.seq = bench.seq;
        bench.machine.apply(batch).await.unwrap();
        let s = &bench.store;
        let view = bench.may_in(ViewAssets, ours);
        let gone = |e: StateError| assert!(matches!(e, StateError::NotFound { .. } | StateError::ZoneOnly { .. }), "{e:?}");

        let list = s.assets(&view, &AssetFilter::default()).await.unwrap();
        assert_eq!((list.total, list.items[0].id), (1, mine));
        let theirs_filter = AssetFilter { zone: Some(theirs), ..AssetFilter::default() };
        assert_eq!(s.assets(&view, &theirs_filter).await.unwrap().total, 0);
        for id in [other, nowhere] {
            gone(s.asset(&view, id).await.unwrap_err());
            gone(s.asset_hours(&view, id, 0, i64::MAX).await.unwrap_err());
            gone(s.asset_peers(&view, id, 10).await.unwrap_err());
            let edit = bench.may_in(EditAssets, ours);
            gone(s.set_asset_state(&edit, id, 1, AssetState::Denied, NOW).await.unwrap_err());
            gone(s.edit_ledger(&edit, id, 1, Ledger { name: "x".into(), ..Ledger::default() }, NOW).await.unwrap_err());
        }
        assert_eq!(s.asset_at(&view, None, None, Some("10.2.0.1".parse().unwrap())).await.unwrap(), None);
        assert_eq!(s.asset_labels(&view, &[mine, other]).await.unwrap().into_keys().collect::<Vec<_>>(), [mine]);
        assert_eq!(s.asset_zones(&view, &[mine, other]).await.unwrap().into_keys().collect::<Vec<_>>(), [mine]);
        assert_eq!(s.zones_of_assets(&view).await.unwrap().len(), 1);
        assert_eq!(s.zones(&bench.may_in(ViewSettings, ours)).await.unwrap().len(), 1);
        assert_eq!(s.export_assets(&bench.may_in(ExportAssets, ours), &AssetFilter::default(), NOW).await.unwrap().len(), 1);

        let edit = bench.may_in(EditAssets, ours);
        let rev = s.asset(&view, mine).await.unwrap().rev;
        gone(s.edit_ledger(&edit, mine, rev, Ledger { zone: Some(theirs), ..Ledger::default() }, NOW).await.unwrap_err());
        assert_eq!(s.asset(&view, mine).await.unwrap().rev, rev, "and nothing was written");
        let into = NewAsset { ledger: Ledger { name: "x".into(), zone: Some(theirs), ..Ledger::default() }, ..NewAsset::default() };
        gone(s.enter_asset(&edit, into, NOW).await.unwrap_err());
        let rows = vec![
            ImportRow { line: 2, ips: vec!["10.2.0.1".parse().unwrap()], ..ImportRow::default() },
            ImportRow { line: 3, id: Some(other), ledger: Ledger { name: "y".into(), ..Ledger::default() }, ..ImportRow::default() },
            ImportRow { line: 4, zone: "theirs".into(), ips: vec!["10.7.7.7".parse().unwrap()], ..ImportRow::default() },
        ];
        let report = s.import_assets(&edit, rows, false, NOW).await.unwrap();
        assert!(report.problems.len() == 3 && report.problems.iter().all(|p| p.reason == RowReason::OtherZone), "{report:?}");

        let findings = bench.may_in(ViewFindings, ours);
        assert_eq!(s.findings(&findings, &FindingFilter::default()).await.unwrap().total, 1);
        assert_eq!(s.finding_counts(&findings).await.unwrap().open[&Severity::Today], 1);
        gone(s.finding(&findings, ids[1]).await.unwrap_err());
        gone(s.finding_events(&findings, ids[1], Paging::default()).await.unwrap_err());
        gone(s.finding_history(&findings, ids[1]).await.unwrap_err());
        gone(s.handle_finding(&bench.may_in(HandleFindings, ours), ids[1], 1, Handling::Acknowledge, NOW).await.unwrap_err());

        let today = s.today(&bench.may_in(ViewToday, ours), NOW).await.unwrap();
        assert_eq!((today.assets, today.open[&Severity::Today], today.day[23].bytes_in, today.changes_total), (1, 1, 10, 2));
        assert_eq!(s.today(&bench.may(ViewToday), NOW).await.unwrap().day[23].bytes_in, 20);

        let settings = bench.may_in(EditSettings, ours);
        gone(s.create_zone(&settings, fields("z", &[], &[]), NOW).await.unwrap_err());
        gone(s.edit_zone(&settings, ours, 1, fields("z", &[], &[]), NOW).await.unwrap_err());
        gone(s.delete_zone(&settings, ours, 1, NOW).await.unwrap_err());
        gone(s.set_setting(&settings, "language", 0, "en", NOW).await.unwrap_err());
        gone(s.rename_sensor(&settings, SourceId(1), 1, "x", NOW).await.unwrap_err());

        let users = bench.may_in(ManageUsers, ours);
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA";
        let grant = |zone| [model::access::Grant { role: model::Role::SiteEngineer, site: None, zone }];
        for zone in [None, Some(theirs)] {
            gone(s.create_user(&users, "n", &grant(zone), phc, NOW).await.unwrap_err());
        }
        let whole = s.create_user(&bench.may(ManageUsers), "whole", &grant(None), phc, NOW).await.unwrap();
        gone(s.set_roles(&users, whole, 1, &grant(Some(ours)), NOW).await.unwrap_err());
        gone(s.set_enabled(&users, whole, 1, false, NOW).await.unwrap_err());
        gone(s.reset_password(&users, whole, phc, NOW).await.unwrap_err());
        s.create_user(&users, "line", &grant(Some(ours)), phc, NOW).await.unwrap();
        assert_eq!(s.users(&users).await.unwrap().len(), 1);
        assert!(matches!(s.delete_zone(&bench.may(EditSettings), ours, 1, NOW).await, Err(StateError::Invalid { .. })));
    }

    async fn ten_thousand_assets_still_answer(bench) {
        let mut steps = Vec::new();
        for i in 0..10_000u32 {
            let b = i.to_be_bytes();
            let id = asset_id(u128::from(i) + 1);
            steps.push((id, NOW, AssetFact::Discovered));
            steps.push((id, NOW, seen(Mac([2, 0, b[0], b[1], b[2], b[3]]), &format!("10.{}.{}.{}", b[1], b[2], b[3]), 0)));
            steps.push((id, NOW, AssetFact::Name { name: format!("device-{i:05}"), protocol: model::Protocol::Dhcp }));
        }
        let began = Instant::now();
        bench.tell(steps).await;
        let (view, mut worst) = (bench.may(ViewAssets), std::time::Duration::ZERO);
        let filled = began.elapsed();
        for (sort, text) in [(AssetSort::Label, ""), (AssetSort::Address, ""), (AssetSort::LastSeen, ""), (AssetSort::Label, "device-0999"), (AssetSort::Zone, "10.0.39")] {
            let filter = AssetFilter { sort, text: text.into(), paging: Paging { page: 3, per_page: 50 }, ..AssetFilter::default() };
            let began = Instant::now();
            let page = bench.store.assets(&view, &filter).await.unwrap();
            worst = worst.max(began.elapsed());
            assert!(page.total > 0);
        }
        println!("10,000 assets: written in {filled:?}, slowest page {worst:?} ({})", if bench.is_sqlite() { "SQLite" } else { "PostgreSQL" });
    }
}

/// 500 assets with a year of hours (4.4 million rows). Takes minutes, so it runs when asked for:
/// `cargo test -p state --release --test ledger -- --ignored --nocapture year`.
#[test]
#[ignore = "slow: fills a year of rollups"]
fn a_year_of_hours_still_answers() {
    common::run(async {
        let mut bench = common::Bench::sqlite().await;
        let days: i64 = std::env::var("HINOMI_DAYS").ok().and_then(|d| d.parse().ok()).unwrap_or(365);
        let began = Instant::now();
        for day in 0..days {
            let mut batch = bench.batch();
            for hour in 0..24 {
                let hour = NOW.hour() - 24 * (days - day) + hour;
                batch.hours.extend((1..=500).map(|n| model::asset::HourDelta {
                    asset: asset_id(n),
                    hour,
                    packets_out: 10,
                    packets_in: 10,
                    bytes_out: 1_000,
                    bytes_in: 1_000,
                }));
            }
            bench.machine.apply(batch).await.unwrap();
        }
        println!("{} rows written in {:?}", days * 24 * 500, began.elapsed());
        let view = bench.may(ViewAssets);
        for _ in 0..2 {
            let began = Instant::now();
            let hours = bench.store.asset_hours(&view, asset_id(250), NOW.hour() - 24 * days, NOW.hour()).await.unwrap();
            println!("asset_hours, {} rows: {:?}", hours.len(), began.elapsed());
            let began = Instant::now();
            bench.store.asset_hours(&view, asset_id(250), NOW.hour() - 168, NOW.hour()).await.unwrap();
            println!("asset_hours, a week: {:?}", began.elapsed());
            let began = Instant::now();
            bench.store.today(&bench.may(ViewToday), NOW).await.unwrap();
            println!("today: {:?}", began.elapsed());
            let began = Instant::now();
            bench.store.assets(&view, &AssetFilter::default()).await.unwrap();
            println!("assets, a page of 50: {:?}", began.elapsed());
        }
    });
}

#[test]
fn ids_that_nobody_knows_are_not_found() {
    common::run(async {
        let bench = common::Bench::sqlite().await;
        let view = bench.may(ViewAssets);
        assert!(matches!(bench.store.asset(&view, AssetId::NIL).await, Err(StateError::NotFound { what: "asset", .. })));
        assert!(bench.store.asset_labels(&view, &[AssetId::NIL]).await.unwrap().is_empty());
        assert_eq!(bench.store.asset_at(&view, None, None, None).await.unwrap(), None);
    });
}
