//! The stocktake: every asset gets its result, nothing counts twice, nobody's word is lost.

use crate::common::{self, NOW};
use model::access::{EditAssets, EditSettings, ExportAssets, Grant, ViewAssets, authorise};
use model::asset::{Kind, Ledger};
use model::event::Deed;
use model::{AssetId, AssetState, Authorised, Body, Principal, Role, Span, StockEntryId, StockResult, StocktakeId};
use state::ledger::NewAsset;
use state::stocktake::{Closing, EntryFilter, NewStocktake, Outcome, Tick, Which};
use state::zones::ZoneFields;
use state::{Layer, Paging, StateError};
use uuid::Uuid;

async fn enter(bench: &common::Bench, name: &str, place: &str, kind: Kind, ip: u8) -> AssetId {
    let ledger = Ledger { name: name.into(), place: place.into(), kind: Some(kind), ..Ledger::default() };
    let new = NewAsset { macs: vec![], ips: vec![format!("192.168.10.{ip}").parse().unwrap()], ledger, ..NewAsset::default() };
    bench.store.enter_asset(&bench.may(EditAssets), new, NOW).await.unwrap()
}
async fn factory(bench: &common::Bench) -> [AssetId; 3] {
    [
        enter(bench, "PLC-1", "第1ライン", Kind::Plc, 11).await,
        enter(bench, "HMI-1", "第1ライン", Kind::Hmi, 12).await,
        enter(bench, "SW-1", "電気室", Kind::Switch, 1).await,
    ]
}
async fn start(bench: &common::Bench, new: NewStocktake) -> StocktakeId {
    bench.store.start_stocktake(&bench.may(EditAssets), new, NOW).await.unwrap().id
}
fn whole(name: &str) -> NewStocktake {
    NewStocktake { name: name.into(), assignee: "佐藤".into(), due: "2026-12-25".into(), ..NewStocktake::default() }
}
async fn entries(bench: &common::Bench, id: StocktakeId, which: Which) -> Vec<state::stocktake::Entry> {
    let filter = EntryFilter { which, ..EntryFilter::default() };
    bench.store.stocktake_entries(&bench.may(ViewAssets), id, &filter).await.unwrap().items
}
fn tick(n: u128, entry: StockEntryId, base: i64, result: StockResult) -> Tick {
    Tick {
        id: Uuid::from_u128(n),
        entry,
        base,
        result,
        label: String::new(),
        note: String::new(),
        place_now: String::new(),
        console_ports: String::new(),
        blocked_ports: String::new(),
        unknown_plugs: String::new(),
        photo: String::new(),
        at: None,
    }
}
fn named(bench: &common::Bench, name: &str) -> Authorised<EditAssets> {
    let grants = vec![Grant { role: Role::SiteEngineer, site: None, zone: None }];
    let who = Principal { user: None, name: name.into(), grants, must_change_password: false };
    authorise(&who, EditAssets, bench.store.site().id, None).unwrap()
}
async fn deeds(bench: &common::Bench) -> Vec<Deed> {
    let audit = |e: model::NewEvent| match e.body {
        Body::Audit(a) => a.deed,
        other => panic!("{other:?}"),
    };
    bench.machine.outbox(1000).await.unwrap().into_iter().map(|(_, e)| audit(e)).collect()
}

on_both! {
    async fn a_round_through_the_factory_from_start_to_close(bench) {
        let [plc, hmi, switch] = factory(bench).await;
        let edit = bench.may(EditAssets);
        let id = start(bench, whole("年末の棚卸し")).await;
        let all = entries(bench, id, Which::All).await;
        assert_eq!(all.iter().map(|e| (e.label.as_str(), e.place.as_str(), e.network)).collect::<Vec<_>>(),
            [("HMI-1", "第1ライン", false), ("PLC-1", "第1ライン", false), ("SW-1", "電気室", true)]);
        let of = |asset: AssetId| all.iter().find(|e| e.asset == Some(asset)).unwrap().id;
        // The label of an asset leads to its entry.
        assert_eq!(bench.store.stocktake_of_asset(&bench.may(ViewAssets), plc).await.unwrap(), Some((id, of(plc))));
        let near = bench.store.stocktake_neighbours(&bench.may(ViewAssets), id, of(plc)).await.unwrap();
        assert_eq!(near, (Some(of(hmi)), Some(of(switch))));
        bench.store.tick(&edit, id, tick(1, of(plc), 1, StockResult::Found), NOW).await.unwrap();
        let moved = Tick { place_now: "第2ライン".into(), photo: "ab".repeat(32), ..tick(2, of(hmi), 1, StockResult::Moved) };
        bench.store.tick(&edit, id, moved, NOW).await.unwrap();
        let extra = StockEntryId(Uuid::from_u128(77));
        let found = Tick { label: "小さな無線ルーター".into(), note: "盤の上".into(), ..tick(3, extra, 0, StockResult::Extra) };
        bench.store.tick(&edit, id, found, NOW).await.unwrap();
        // Something is open: it cannot be closed without a reason.
        let s = bench.store.stocktake(&bench.may(ViewAssets), id).await.unwrap();
        assert_eq!((s.counts.assets, s.counts.open, s.counts.done(), s.counts.differences()), (3, 1, 2, 2));
        let refused = bench.store.close_stocktake(&edit, id, s.rev, Closing::default(), NOW).await.unwrap_err();
        assert!(matches!(refused, StateError::Invalid { field: "open", .. }), "{refused:?}");
        let gone = Tick { unknown_plugs: "3番に黄色い線".into(), console_ports: "コンソール1つ、空き".into(), ..tick(4, of(switch), 1, StockResult::Retired) };
        bench.store.tick(&edit, id, gone, NOW).await.unwrap();
        let later = NOW + Span::hours(2);
        let closing = Closing { note: "異常なし".into(), next_due: "2027-06-30".into(), rest: None, apply: true };
        let closed = bench.store.close_stocktake(&edit, id, s.rev, closing, later).await.unwrap();
        let end = closed.closed.clone().unwrap();
        assert_eq!((end.by.as_str(), end.at, end.next_due.as_str()), ("田中", later, "2027-06-30"));
        let differences = entries(bench, id, Which::Differences).await;
        assert_eq!(differences.iter().map(|e| e.label.as_str()).collect::<Vec<_>>(), ["HMI-1", "SW-1", "小さな無線ルーター"]);
        // The ledger follows.
        let see = bench.may(ViewAssets);
        assert_eq!(bench.store.asset(&see, hmi).await.unwrap().ledger.place, "第2ライン");
        assert_eq!(bench.store.asset(&see, switch).await.unwrap().state, AssetState::Retired);
        // Closed is closed.
        let late = bench.store.tick(&edit, id, tick(5, of(plc), 2, StockResult::Missing), later).await.unwrap_err();
        assert!(matches!(late, StateError::Invalid { field: "closed", .. }));
        assert_eq!(bench.store.stocktake_of_asset(&see, plc).await.unwrap(), None);
        let due = bench.store.stocktakes_due(&see).await.unwrap();
        assert_eq!(due.iter().map(|d| (d.day.as_str(), d.running)).collect::<Vec<_>>(), [("2027-06-30", false)]);
        // Every step is a deed.
        let told = deeds(bench).await;
        let count = |f: &dyn Fn(&Deed) -> bool| told.iter().filter(|d| f(d)).count();
        assert_eq!(count(&|d| matches!(d, Deed::StocktakeStarted { assets: 3, .. })), 1);
        assert_eq!(count(&|d| matches!(d, Deed::StocktakeTicked { .. })), 4);
        assert_eq!(count(&|d| matches!(d, Deed::StocktakeClosed { differences: 3, .. })), 1);
        assert_eq!(count(&|d| matches!(d, Deed::AssetState { to: AssetState::Retired, .. })), 1);
        assert_eq!(count(&|d| matches!(d, Deed::AssetEdited { .. })), 1);
        let (_, file) = bench.store.export_stocktake(&bench.may(ExportAssets), id, Which::All, later).await.unwrap();
        assert_eq!(file.len(), 4);
    }

    async fn the_same_tick_counts_once_and_is_answered_the_same(bench) {
        let [plc, ..] = factory(bench).await;
        let edit = bench.may(EditAssets);
        let id = start(bench, whole("x")).await;
        let entry = entries(bench, id, Which::All).await.into_iter().find(|e| e.asset == Some(plc)).unwrap().id;
        let t = tick(9, entry, 1, StockResult::Found);
        let first = bench.store.tick(&edit, id, t.clone(), NOW).await.unwrap();
        let before = deeds(bench).await.len();
        for _ in 0..3 {
            assert_eq!(bench.store.tick(&edit, id, t.clone(), NOW + Span::hours(9)).await.unwrap(), first);
        }
        assert_eq!(deeds(bench).await.len(), before);
        // The same id with other words is no repeat.
        let lie = Tick { result: StockResult::Missing, ..t.clone() };
        assert!(matches!(bench.store.tick(&edit, id, lie, NOW).await, Err(StateError::Exists { .. })));
        // Also after the stocktake is closed: the phone may come back late.
        let s = bench.store.stocktake(&bench.may(ViewAssets), id).await.unwrap();
        let closing = Closing { rest: Some("次の回に見る".into()), ..Closing::default() };
        bench.store.close_stocktake(&edit, id, s.rev, closing, NOW).await.unwrap();
        assert_eq!(bench.store.tick(&edit, id, t, NOW).await.unwrap(), first);
        let left = entries(bench, id, Which::Differences).await;
        assert!(left.len() == 2 && left.iter().all(|e| e.said.note == "次の回に見る"), "{left:?}");
    }

    async fn two_people_who_say_different_things_are_both_heard(bench) {
        let [plc, ..] = factory(bench).await;
        let (mine, theirs) = (bench.may(EditAssets), named(bench, "佐藤"));
        let id = start(bench, whole("x")).await;
        let entry = entries(bench, id, Which::All).await.into_iter().find(|e| e.asset == Some(plc)).unwrap().id;
        bench.store.tick(&mine, id, tick(1, entry, 1, StockResult::Found), NOW).await.unwrap();
        // Sato was offline and saw revision 1.
        let said = tick(2, entry, 1, StockResult::Missing);
        let answer = bench.store.tick(&theirs, id, said.clone(), NOW).await.unwrap();
        assert_eq!((answer.outcome, answer.rev), (Outcome::Conflict, 2));
        assert_eq!(bench.store.tick(&theirs, id, said, NOW).await.unwrap(), answer);
        // The same word is no conflict, and one's own later word counts.
        assert_eq!(bench.store.tick(&theirs, id, tick(3, entry, 1, StockResult::Found), NOW).await.unwrap().outcome, Outcome::Saved);
        let again = Tick { note: "盤の裏".into(), ..tick(4, entry, 1, StockResult::Found) };
        assert_eq!(bench.store.tick(&mine, id, again, NOW + Span::minutes(1)).await.unwrap().outcome, Outcome::Saved);
        let see = bench.may(ViewAssets);
        let open = bench.store.conflicts(&see, id, Some(entry)).await.unwrap();
        assert!(open.len() == 1 && open[0].by == "佐藤" && open[0].said.result == StockResult::Missing, "{open:?}");
        let s = bench.store.stocktake(&see, id).await.unwrap();
        let closing = Closing { rest: Some("-".into()), ..Closing::default() };
        assert!(matches!(bench.store.close_stocktake(&mine, id, s.rev, closing, NOW).await, Err(StateError::Invalid { field: "conflicts", .. })));
        bench.store.settle(&mine, id, open[0].id, true, NOW).await.unwrap();
        bench.store.settle(&mine, id, open[0].id, false, NOW).await.unwrap();
        let e = bench.store.stocktake_entry(&see, id, entry).await.unwrap();
        assert_eq!((e.said.result, e.by.as_str()), (Some(StockResult::Missing), "佐藤"));
        assert!(bench.store.conflicts(&see, id, None).await.unwrap().is_empty());
    }

    async fn a_scope_is_a_zone_or_a_place_and_reaches_no_further_than_the_role(bench) {
        factory(bench).await;
        let edit = bench.may(EditAssets);
        let fields = |name: &str, range: &str| ZoneFields { name: name.into(), layer: Layer::Control, ranges: vec![range.parse().unwrap()], vlans: vec![] };
        let zone = bench.store.create_zone(&bench.may(EditSettings), fields("制御", "192.168.10.8/29"), NOW).await.unwrap();
        let other = bench.store.create_zone(&bench.may(EditSettings), fields("事務所", "192.168.1.0/24"), NOW).await.unwrap();
        let by_zone = start(bench, NewStocktake { zone: Some(zone), ..whole("制御だけ") }).await;
        assert_eq!(entries(bench, by_zone, Which::All).await.len(), 2);
        let by_place = start(bench, NewStocktake { place: "電気室".into(), ..whole("電気室だけ") }).await;
        assert_eq!(entries(bench, by_place, Which::All).await.iter().map(|e| e.label.clone()).collect::<Vec<_>>(), ["SW-1"]);
        let empty = bench.store.start_stocktake(&edit, NewStocktake { place: "屋上".into(), ..whole("x") }, NOW).await.unwrap_err();
        assert!(matches!(empty, StateError::Invalid { field: "scope", .. }));
        for bad in [
            NewStocktake { name: " ".into(), ..whole("x") },
            NewStocktake { due: "2026-02-30".into(), ..whole("x") },
            NewStocktake { due: "2026-2-3".into(), ..whole("x") },
            NewStocktake { note: "a\u{1}b".into(), ..whole("x") },
            NewStocktake { assignee: "x".repeat(201), ..whole("x") },
        ] {
            assert!(matches!(bench.store.start_stocktake(&edit, bad, NOW).await, Err(StateError::Invalid { .. })));
        }
        // Somebody of the office neither sees nor changes the control zone's stocktake.
        let office = bench.may_in(ViewAssets, other);
        assert!(matches!(bench.store.stocktake(&office, by_zone).await, Err(StateError::NotFound { .. })));
        assert_eq!(bench.store.stocktakes(&office, Paging::default()).await.unwrap().total, 0);
        assert!(bench.store.stocktakes_due(&office).await.unwrap().is_empty());
        let entry = entries(bench, by_zone, Which::All).await[0].id;
        let refused = bench.store.tick(&bench.may_in(EditAssets, other), by_zone, tick(1, entry, 1, StockResult::Found), NOW).await;
        assert!(matches!(refused, Err(StateError::NotFound { .. })));
        assert!(bench.store.tick(&bench.may_in(EditAssets, zone), by_zone, tick(1, entry, 1, StockResult::Found), NOW).await.is_ok());
    }

    async fn what_does_not_fit_is_refused_by_field(bench) {
        let [plc, ..] = factory(bench).await;
        let edit = bench.may(EditAssets);
        let id = start(bench, whole("x")).await;
        let entry = entries(bench, id, Which::All).await.into_iter().find(|e| e.asset == Some(plc)).unwrap().id;
        let t = |result| tick(1, entry, 1, result);
        for (bad, field) in [
            (t(StockResult::Moved), "place_now"),
            (t(StockResult::Changed), "note"),
            (t(StockResult::Extra), "label"),
            (Tick { label: "x".into(), ..t(StockResult::Extra) }, "result"),
            (Tick { photo: "../../etc/passwd".into(), ..t(StockResult::Found) }, "photo"),
            (Tick { note: "x".repeat(2001), ..t(StockResult::Found) }, "note"),
            (Tick { id: Uuid::nil(), ..t(StockResult::Found) }, "id"),
        ] {
            match bench.store.tick(&edit, id, bad, NOW).await {
                Err(StateError::Invalid { field: told, .. }) => assert_eq!(told, field),
                other => panic!("{field}: {other:?}"),
            }
        }
        let nowhere = tick(1, StockEntryId(Uuid::from_u128(5)), 1, StockResult::Found);
        assert!(matches!(bench.store.tick(&edit, id, nowhere, NOW).await, Err(StateError::NotFound { .. })));
        // A phone's clock that is ahead says nothing about the future.
        let ahead = Tick { at: Some(NOW + Span::hours(100)), ..t(StockResult::Found) };
        bench.store.tick(&edit, id, ahead, NOW).await.unwrap();
        assert_eq!(bench.store.stocktake_entry(&bench.may(ViewAssets), id, entry).await.unwrap().at, Some(NOW));
    }
}
