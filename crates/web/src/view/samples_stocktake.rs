//! Samples of the stocktake's pages, as [`super::samples`] has them of the others.

use super::samples::{Say, shell};
use super::*;
use askama::Template;
use model::StockResult;

fn round(s: &Say, closed: bool) -> RoundRow {
    RoundRow {
        id: "019ab000-0000-7000-8000-000000000001".into(),
        rev: 1,
        name: s.s("年末の棚卸し", "Year-end stocktake"),
        scope: s.s("区域「制御」", "zone Control"),
        assignee: s.s("佐藤", "Sato"),
        due: s.s("12月25日（金）", "Fri 25 Dec"),
        overdue: false,
        note: s.s("電気室の鍵は事務所", "The key of the electrical room is in the office"),
        started_by: s.s("田中", "Tanaka"),
        started: s.w("11月20日（金） 8:05", "Fri 20 Nov, 08:05"),
        assets: 24,
        done: if closed { 24 } else { 17 },
        open: if closed { 0 } else { 7 },
        results: vec![(StockResult::Found, 14), (StockResult::Missing, 1), (StockResult::Moved, 2)],
        differences: 3,
        conflicts: u64::from(!closed),
        closed: closed.then(|| s.w("11月20日（金） 17:20", "Fri 20 Nov, 17:20")),
        closed_by: if closed { s.s("田中", "Tanaka") } else { String::new() },
        close_note: if closed { s.s("無線ルーターは撤去した", "The radio router was taken away") } else { String::new() },
        next_due: if closed { s.s("2027年6月30日", "30 Jun 2027") } else { String::new() },
    }
}

fn rows(s: &Say) -> Vec<StockRow> {
    let row = |n: u8, ja: &str, en: &str, result, said: String| StockRow {
        id: format!("019ab000-0000-7000-8000-0000000000{n:02}"),
        href: format!("/stocktakes/x/entries/{n}"),
        rev: 1,
        tick: format!("019ab000-0000-7000-8000-0000000001{n:02}"),
        label: s.s(ja, en),
        kind: Some(model::Kind::Plc),
        place: s.s("第1ライン 制御盤A", "Line 1, panel A"),
        zone: s.s("制御", "Control"),
        result,
        said,
        by: if result.is_some() { s.s("佐藤", "Sato") } else { String::new() },
        at: result.is_some().then(|| s.w("9:12", "09:12")),
        photo: result == Some(StockResult::Moved),
    };
    vec![
        row(1, "PLC-L1-01", "PLC-L1-01", None, String::new()),
        row(2, "HMI-L1-01", "HMI-L1-01", Some(StockResult::Found), String::new()),
        row(3, "NAS-01", "NAS-01", Some(StockResult::Moved), s.s("いま：電気室", "now: electrical room")),
        row(4, "SW-2", "SW-2", Some(StockResult::Missing), s.s("盤の中にもない", "not in the panel either")),
    ]
}

fn conflicts(s: &Say) -> Vec<ConflictRow> {
    vec![ConflictRow {
        id: "019ab000-0000-7000-8000-0000000002aa".into(),
        href: "/stocktakes/x/entries/2".into(),
        label: s.s("HMI-L1-01", "HMI-L1-01"),
        stands: Some(StockResult::Found),
        stands_by: s.s("佐藤", "Sato"),
        stands_said: String::new(),
        said: Some(StockResult::Missing),
        by: s.s("鈴木", "Suzuki"),
        words: s.s("盤が開かない", "the panel does not open"),
    }]
}

fn stocktake(s: &Say, closed: bool) -> StocktakePage {
    StocktakePage {
        shell: shell(s, Page::Assets, ""),
        round: round(s, closed),
        tabs: vec![
            Tab { text: s.s("まだ", "To do"), href: "/stocktakes/x?which=open".into(), n: 7, here: true },
            Tab { text: s.s("違い", "Differences"), href: "/stocktakes/x?which=differences".into(), n: 3, here: false },
        ],
        which: "open".into(),
        q: s.s("", ""),
        rows: rows(s),
        paging: Paging::new("/stocktakes/x", "", 1, 100, 4),
        conflicts: if closed { Vec::new() } else { conflicts(s) },
        next_due: "2027-05-20".into(),
        fresh: ("019ab000-0000-7000-8000-0000000003aa".into(), "019ab000-0000-7000-8000-0000000003bb".into()),
        problem: (!closed).then(|| s.s("まだ見ていない機器があります。", "Some assets were not looked at.")),
    }
}

fn entry(s: &Say, runs: bool) -> StockEntryPage {
    let row = rows(s).remove(if runs { 0 } else { 2 });
    StockEntryPage {
        shell: shell(s, Page::Assets, ""),
        round: s.s("年末の棚卸し", "Year-end stocktake"),
        round_id: "019ab000-0000-7000-8000-000000000001".into(),
        runs,
        facts: vec![
            (s.s("設置場所", "Place"), s.s("第1ライン 制御盤A", "Line 1, panel A")),
            (s.s("型番", "Model"), s.s("Q03UDE", "Q03UDE")),
        ],
        asset: Some("/assets/019ab000-0000-7000-8000-000000000009".into()),
        network: runs,
        said: state::stocktake::Said {
            result: row.result,
            note: s.s("", ""),
            place_now: s.s("電気室", "electrical room"),
            console_ports: s.s("1つ、空き", "one, free"),
            blocked_ports: s.s("5〜8番", "5 to 8"),
            unknown_plugs: s.s("3番に黄色い線", "a yellow cable in 3"),
            photo: String::new(),
        },
        chosen: row.result,
        conflicts: if runs { conflicts(s) } else { Vec::new() },
        next: Some("/stocktakes/x/entries/2".into()),
        before: None,
        problem: None,
        row,
    }
}

fn labels(s: &Say) -> LabelsPage {
    let label = |n: u8| Label {
        label: s.s("PLC-L1-01", "PLC-L1-01"),
        line: s.s("第1ライン 制御盤A", "Line 1, panel A"),
        short: format!("0000000{n}"),
        code: crate::qr::code(&format!("https://hinomi.test/stocktakes/tag/{n}")).unwrap(),
    };
    LabelsPage {
        shell: shell(s, Page::Assets, ""),
        labels: (1..9).map(label).collect(),
        base: "https://hinomi.test:8443/stocktakes/tag/".into(),
        zones: vec![Choice::new("", s.s("すべての区域", "Every zone"), true)],
        places: vec![Choice::new("", s.s("すべての場所", "Every place"), true)],
        left: 3,
    }
}

pub(super) fn pages(s: &Say) -> Vec<(&'static str, String)> {
    let typed = [s.s("", ""), s.s("", ""), String::from("2026-12-25"), s.s("", "")];
    let list = StocktakesPage {
        shell: shell(s, Page::Assets, ""),
        running: vec![round(s, false)],
        over: vec![round(s, true)],
        paging: Paging::new("/stocktakes", "", 1, 50, 2),
        zones: vec![Choice::new("", s.s("すべての区域", "Every zone"), true)],
        places: vec![Choice::new("", s.s("すべての場所", "Every place"), true)],
        typed,
        problem: None,
    };
    let empty = StocktakesPage { shell: shell(s, Page::Assets, ""), ..StocktakesPage::default() };
    vec![
        ("stocktakes", list.render().unwrap()),
        ("stocktakes-empty", empty.render().unwrap()),
        ("stocktake", stocktake(s, false).render().unwrap()),
        ("stocktake-closed", stocktake(s, true).render().unwrap()),
        ("stocktake-entry", entry(s, true).render().unwrap()),
        ("stocktake-entry-said", entry(s, false).render().unwrap()),
        ("stocktake-labels", labels(s).render().unwrap()),
    ]
}
