//! Every page with invented content, in both languages, and with content that means harm. With `HINOMI_SAMPLES=folder` the pages
//! are written there, to be looked at in a browser.

mod checks;

use super::*;
use crate::view::shell::{Amount, Choice, Flash, Link, Page, Paging, SensorLine, When};
use crate::view::words::T;
use askama::Template;
use model::access::Role;
use model::asset::{AssetState, Importance, Kind, Ledger, Property};
use model::coverage::{Quality, SensorKind};
use model::finding::{FindingStatus, Severity};
use model::{Lang, Time};

/// A name such as a device may choose to make harm: markup, script, direction marks, pictures, five hundred characters.
const HOSTILE: &str = "<script>alert(1)</script>\" onmouseover=\"x' style='x \u{202e}gpj.exe\u{2066} 🏭🔥 &amp; {{t}}";

pub(super) struct Say {
    pub(super) ja: bool,
    pub(super) harm: bool,
}

impl Say {
    pub(super) fn s(&self, ja: &str, en: &str) -> String {
        if self.harm { format!("{HOSTILE}{}", "長".repeat(500)) } else { (if self.ja { ja } else { en }).to_owned() }
    }
    pub(super) fn w(&self, ja: &str, en: &str) -> When {
        When::new(Time::from_unix(1_795_000_000, 0), if self.ja { ja } else { en })
    }
}

pub(super) fn shell(s: &Say, page: Page, title: &str) -> Shell {
    Shell {
        t: T::new(if s.ja { Lang::Ja } else { Lang::En }),
        page,
        title: title.to_owned(),
        site: s.s("東工場", "East works"),
        user: s.s("田中", "Tanaka"),
        may: May::ALL,
        csrf: "token".into(),
        open_findings: 3,
        open_today: 1,
        discovered: 4,
        sensors: SensorLine { all: 2, watching: 2, ..SensorLine::default() },
        now: s.w("11月20日（金） 8:05", "Fri, Nov 20, 8:05"),
        live: true,
        here: "/assets?q=a&state=discovered".into(),
        ..Shell::default()
    }
}

fn traffic(s: &Say, days: usize, gap: bool, band: bool) -> Traffic {
    let hours = (0..days * 24)
        .map(|i| {
            let h = i % 24;
            let shape = [2, 2, 2, 2, 3, 5, 12, 30, 52, 60, 62, 58, 40, 56, 60, 57, 50, 42, 25, 14, 8, 5, 3, 2];
            let middle = shape[h] * 10_000_000u64;
            let day = i / 24;
            let weekend = days > 1 && (day == 1 || day == 2);
            let middle = if weekend { middle / 8 } else { middle };
            let noise = (i as u64 * 2_654_435_761) % 31;
            let bytes = middle * (85 + noise) / 100;
            let odd = h == 13 && day + 1 == days;
            Hour {
                when: s.w(&format!("{h}:00"), &format!("{h}:00")),
                short: if s.ja { format!("{h}時") } else { format!("{h}:00") },
                day: if s.ja { format!("11/{}", 14 + day) } else { format!("Nov {}", 14 + day) },
                bytes: if odd { bytes / 25 } else { bytes },
                watched: !(gap && (3..6).contains(&h) && day == 0),
                usual: band.then_some((middle * 6 / 10, middle * 14 / 10)),
                begun: false,
            }
        })
        .collect();
    Traffic { hours, learned_days: if band { 21 } else { 5 }, needed_days: 14 }
}

fn finding_rows(s: &Say) -> Vec<FindingRow> {
    let row = |severity, status, ja: &str, en: &str, count| FindingRow {
        href: "/findings/0197".into(),
        severity,
        status,
        title: s.s(ja, en),
        asset: Some(Link::to(s.s("LAPTOP-K7", "LAPTOP-K7"), "/assets/1")),
        count,
        first: s.w("11/20 7:41", "Nov 20, 7:41"),
        last: s.w("11/20 8:03", "Nov 20, 8:03"),
    };
    vec![
        row(
            Severity::Today,
            FindingStatus::Open,
            "知らない機器が制御機器のあるネットワークにつながりました",
            "An unknown device joined the network with control equipment",
            23,
        ),
        row(
            Severity::Week,
            FindingStatus::Acknowledged,
            "「PC-SOMU-03」が「NAS-01」の入り口を探っています",
            "\"PC-SOMU-03\" is trying the doors of \"NAS-01\"",
            1_204,
        ),
        row(
            Severity::Check,
            FindingStatus::Explained,
            "「CAM-05」へのログインが暗号化されていません",
            "The login to \"CAM-05\" is not encrypted",
            4,
        ),
        row(
            Severity::Record,
            FindingStatus::Closed,
            "「PLC-L2-01」の通信がふだんより少なくなりました",
            "Traffic of \"PLC-L2-01\" is below its usual",
            1,
        ),
    ]
}

fn event_rows(s: &Say) -> Vec<EventRow> {
    ["flow", "activity", "observation", "finding", "audit", "health"]
        .iter()
        .enumerate()
        .map(|(i, table)| EventRow {
            href: format!("/events/1/{}", 81_203 + i),
            seq: 81_203 + i as u64,
            when: s.w("11/20 7:41:08", "Nov 20, 7:41:08"),
            table,
            source: s.s("eth1", "eth1"),
            from: if i < 3 { Link::to(s.s("LAPTOP-K7", "LAPTOP-K7"), "/assets/1") } else { Link::default() },
            to: if i < 2 { Link::plain("10.2.0.11:502") } else { Link::default() },
            protocol: if i < 2 { "modbus".into() } else { String::new() },
            summary: s.s("保持レジスタ 100 から 20 個の読み出し", "Read 20 holding registers from 100"),
        })
        .collect()
}

fn today(s: &Say, empty: bool) -> TodayPage {
    let mut shell = shell(s, Page::Today, "");
    if empty {
        (shell.open_findings, shell.open_today, shell.discovered, shell.sensors) = (0, 0, 0, SensorLine::default());
        return TodayPage::new(shell, TodayFacts::default());
    }
    let facts = TodayFacts {
        today: 1,
        week: 2,
        check: 5,
        top: vec![
            TopFinding {
                href: "/findings/0197".into(),
                severity: Severity::Today,
                title: s.s("知らない機器が制御機器のあるネットワークにつながりました", "An unknown device joined the network with control equipment"),
                what: s.s(
                    "登録のない機器「LAPTOP-K7」（10.2.0.57、3c:52:82:1f:aa:07、HP）が 7:41 に現れました。場所は 第2ライン で、ここには PLC などの制御機器があります。",
                    "The unregistered device \"LAPTOP-K7\" (10.2.0.57, 3c:52:82:1f:aa:07, HP) appeared at 7:41 in Line 2, where control equipment such as PLCs stands.",
                ),
                last: s.w("8:03", "8:03"),
            },
            TopFinding {
                href: "/findings/0198".into(),
                severity: Severity::Week,
                title: s.s("「PC-SOMU-03」が「NAS-01」の入り口を探っています", "\"PC-SOMU-03\" is trying the doors of \"NAS-01\""),
                what: s.s("1 分の間に 212 個のポートへつなごうとし、断られるか無視されました。", "Within a minute it tried 212 ports, which refused or did not answer."),
                last: s.w("きのう 18:20", "yesterday, 18:20"),
            },
        ],
        assets: 86,
        discovered: 4,
        in_ledger: 82,
        denied: 0,
        seen: 85,
        sensors: vec![TodaySensor { name: s.s("eth1", "eth1"), quality: Quality::Full, live: true }],
        learned: Learned { days: 5, needed: 14 },
        changes: vec![
            Change { when: s.w("7:41", "7:41"), what: Changed::DiscoveredOne(s.s("LAPTOP-K7", "LAPTOP-K7")), href: Some("/assets/1".into()) },
            Change {
                when: s.w("7:41", "7:41"),
                what: Changed::Raised(s.s("知らない機器が制御機器のあるネットワークにつながりました", "An unknown device joined the control network")),
                href: Some("/findings/0197".into()),
            },
            Change {
                when: s.w("18:30", "18:30"),
                what: Changed::Handled { who: s.s("佐藤", "Sato"), title: s.s("「CAM-05」へのログイン", "Login to \"CAM-05\""), to: FindingStatus::Explained },
                href: Some("/findings/0199".into()),
            },
            Change {
                when: s.w("17:02", "17:02"),
                what: Changed::State { who: s.s("山本", "Yamamoto"), label: s.s("複合機 2F", "Printer 2F"), to: AssetState::Registered },
                href: None,
            },
            Change { when: s.w("2:10", "2:10"), what: Changed::Sensor { name: s.s("eth1", "eth1"), quality: Quality::Drops }, href: None },
        ],
        traffic: Some(traffic(s, 1, true, true)),
        kept: kept(s),
        as_of: None,
        ..TodayFacts::default()
    };
    TodayPage::new(shell, facts)
}

/// What is kept.
fn kept(s: &Say) -> Kept {
    Kept {
        events: Amount::count(4_120_334),
        days: 31,
        since: Some(s.w("10月20日", "Oct 20")),
        disk: Amount::bytes(2_412_000_000),
        free: Some(Amount::bytes(391_000_000_000)),
        outside: s.s("外部の確認：3 日前", "Last confirmed from outside: 3 days ago"),
        encryption: s.s("暗号化するかどうかを、まだ決めていません。", "Nobody has decided yet whether it is encrypted."),
    }
}

fn assets(s: &Say) -> AssetsPage {
    let row = |i: u64, state, kind, guess, ja: &str, en: &str, model: &str, worst| AssetRow {
        id: format!("01970000-0000-7000-8000-{i:012}"),
        href: "/assets/1".into(),
        label: s.s(ja, en),
        state: Some(state),
        kind,
        kind_guess: guess,
        model: s.s(model, model),
        ip: format!("10.2.0.{}", 10 + i),
        mac: format!("3c:52:82:1f:aa:{i:02x}"),
        more: i % 3,
        zone: s.s("第2ライン", "Line 2"),
        place: s.s("制御盤A ・ 山本", "Panel A · Yamamoto"),
        last: Some(s.w("11/20 8:03", "Nov 20, 8:03")),
        findings: u64::from(worst),
        worst: if worst { Some(Severity::Today) } else { None },
    };
    AssetsPage {
        shell: Shell {
            flash: Some(Flash { tone: "ok", text: s.s("3 台を登録しました。", "Registered 3 devices.") }),
            ..shell(s, Page::Assets, "")
        },
        rows: vec![
            row(1, AssetState::Discovered, Some(Kind::Pc), Some(80), "LAPTOP-K7", "LAPTOP-K7", "HP", true),
            row(2, AssetState::Registered, Some(Kind::Plc), None, "PLC-L2-01", "PLC-L2-01", "Mitsubishi Electric R08CPU", false),
            row(3, AssetState::Registered, Some(Kind::Hmi), None, "HMI-L2", "HMI-L2", "", false),
            row(4, AssetState::Faulty, Some(Kind::Camera), Some(60), "監視カメラ 5", "Camera 5", "Axis M1065", false),
            row(5, AssetState::Unused, Some(Kind::Nas), Some(95), "NAS-01", "NAS-01", "Synology DS220+", false),
            row(6, AssetState::Denied, None, None, "10.2.0.99", "10.2.0.99", "", true),
            row(7, AssetState::Retired, Some(Kind::Printer), Some(30), "旧複合機", "Old printer", "Ricoh", false),
        ],
        columns: AssetsPage::columns("state=", "name", false),
        paging: Paging::new("/assets", "state=discovered", 1, 50, 86),
        q: s.s("", ""),
        states: vec![
            Choice { count: Some(86), ..Choice::new("", s.s("すべて", "All"), true) },
            Choice { count: Some(4), ..Choice::new("discovered", s.s("未登録", "Unregistered"), false) },
        ],
        kinds: vec![Choice::new("", s.s("すべて", "All"), true)],
        lists: vec![
            Choice::new("", s.s("すべて", "All"), false),
            Choice { count: Some(3), ..Choice::new("missing", s.s("登録したが見ない", "Registered but not seen"), true) },
        ],
        list_how: vec![s.s("台帳にありますが、見ていません。", "These are in the ledger and were not seen.")],
        zones: vec![Choice::new("", s.s("すべて", "All"), true), Choice::new("z", s.s("第2ライン", "Line 2"), false)],
        into_zones: vec![Choice::new("", s.s("アドレスで決める", "By address"), true), Choice::new("z", s.s("第2ライン", "Line 2"), false)],
        filtered: true,
        query: "q=a%26b&state=discovered".into(),
        all: 86,
        watching: true,
    }
}

fn ledger(s: &Say) -> LedgerForm {
    LedgerForm {
        ledger: Ledger {
            name: s.s("PLC-L2-01", "PLC-L2-01"),
            kind: Some(Kind::Plc),
            maker: s.s("三菱電機", "Mitsubishi Electric"),
            model_number: s.s("R08CPU", "R08CPU"),
            support_end: "2034-03-31".into(),
            place: s.s("東工場 第2ライン 制御盤A", "East works, line 2, panel A"),
            owner: s.s("山本", "Yamamoto"),
            importance: Some(Importance::High),
            notes: s.s("止まると第2ライン全体が止まる", "Line 2 stops with it"),
            ..Ledger::default()
        },
        zones: vec![
            Choice::new("", s.s("（アドレスで決める）", "(by address)"), false),
            Choice::new("z", s.s("第2ライン", "Line 2"), true),
        ],
        problems: if s.harm { vec![("maker".into(), s.s("", "")), ("notes".into(), s.s("", ""))] } else { vec![] },
    }
}

fn asset(s: &Say, state: AssetState) -> AssetPage {
    AssetPage {
        shell: shell(s, Page::Assets, &s.s("PLC-L2-01", "PLC-L2-01")),
        id: "01970000-0000-7000-8000-000000000001".into(),
        rev: 3,
        label: s.s("PLC-L2-01", "PLC-L2-01"),
        state,
        kind: Some(Kind::Plc),
        kind_guess: Some(80),
        zone: s.s("第2ライン", "Line 2"),
        first_seen: Some(s.w("10月20日 9:12", "Oct 20, 9:12")),
        last_seen: Some(s.w("8:03", "8:03")),
        because: Some("/events/1/12".into()),
        guesses: vec![
            GuessRow {
                property: Property::Kind,
                value: s.s("PLC", "PLC"),
                confidence: 85,
                reason: s.s("Modbus の要求に答えたから", "It answered Modbus requests"),
                because: Some("/events/1/14".into()),
                also: vec![Link::to(s.s("LLDP で名乗ったから", "It says so in LLDP"), "/events/1/15")],
                against: false,
            },
            GuessRow {
                property: Property::Kind,
                value: s.s("プリンター", "Printer"),
                confidence: 40,
                reason: s.s("印刷の口で答えたから", "It answered on a printing port"),
                because: None,
                also: vec![],
                against: true,
            },
            GuessRow {
                property: Property::Maker,
                value: s.s("Mitsubishi Electric", "Mitsubishi Electric"),
                confidence: 95,
                reason: s.s("MACアドレスの先頭から", "From the start of its MAC address"),
                because: None,
                also: vec![],
                against: false,
            },
        ],
        form: ledger(s),
        conflict: s.harm,
        addresses: vec![
            AddressRow {
                ip: "10.2.0.11".into(),
                mac: "28:e9:8e:10:22:01".into(),
                maker: s.s("Mitsubishi Electric", "Mitsubishi Electric"),
                local: false,
                place: "eth1".into(),
                first: s.w("10/20 9:12", "Oct 20, 9:12"),
                last: s.w("8:03", "8:03"),
                value: "1|0|28:e9:8e:10:22:01|10.2.0.11".into(),
            },
            AddressRow {
                ip: "fe80::2ae9:8eff:fe10:2201".into(),
                mac: "2a:e9:8e:10:22:01".into(),
                local: true,
                place: "eth1 · VLAN 20".into(),
                ..AddressRow::default()
            },
        ],
        joins: vec![JoinRow {
            id: "01970000-0000-7000-8000-00000000000a".into(),
            what: Link::to(s.s("PLC-L2-99 をこの資産にまとめた", "PLC-L2-99 was merged into this asset"), "/assets/x"),
            at: s.w("10/21 9:00", "Oct 21, 9:00"),
            who: s.s("山本", "Yamamoto"),
            undone: false,
            here: true,
        }],
        names: vec![NameRow {
            name: s.s("plc-l2-01", "plc-l2-01"),
            protocol: "lldp".into(),
            last: s.w("8:00", "8:00"),
            because: Some("/events/1/15".into()),
        }],
        services: vec![ServiceRow {
            port: "502/tcp".into(),
            protocol: "modbus".into(),
            product: s.s("", ""),
            first: s.w("", ""),
            last: s.w("8:03", "8:03"),
        }],
        peers: vec![
            PeerRow {
                peer: Link::to(s.s("HMI-L2", "HMI-L2"), "/assets/2"),
                asks: false,
                protocol: "modbus · 502".into(),
                flows: Amount::count(431_902),
                bytes: Amount::bytes(61_000_000),
                first: s.w("10/20", "Oct 20"),
                last: s.w("8:03", "8:03"),
                new: false,
            },
            PeerRow {
                peer: Link::to(s.s("LAPTOP-K7", "LAPTOP-K7"), "/assets/1"),
                asks: false,
                protocol: "modbus · 502".into(),
                flows: Amount::count(23),
                bytes: Amount::bytes(9_100),
                first: s.w("7:41", "7:41"),
                last: s.w("8:03", "8:03"),
                new: true,
            },
            PeerRow {
                peer: Link::plain("203.0.113.9"),
                asks: true,
                protocol: "tls · 443".into(),
                flows: Amount::count(2),
                bytes: Amount::bytes(12_400),
                first: s.w("7:41", "7:41"),
                last: s.w("8:03", "8:03"),
                new: false,
            },
        ],
        more_peers: 4,
        traffic: Some(traffic(s, 7, true, true)),
        findings: finding_rows(s),
    }
}

fn finding(s: &Say, status: FindingStatus) -> FindingPage {
    FindingPage {
        shell: shell(s, Page::Findings, &s.s("知らない機器", "Unknown device")),
        id: "01970000-0000-7000-8000-0000000000f1".into(),
        rev: 1,
        severity: Severity::Today,
        status,
        words: FindingWords {
            title: s.s("知らない機器が制御機器のあるネットワークにつながりました", "An unknown device joined the network with control equipment"),
            what: s.s(
                "登録のない機器「LAPTOP-K7」（10.2.0.57、3c:52:82:1f:aa:07、HP）が 7:41 に現れました。場所は 第2ライン で、ここには PLC などの制御機器があります。",
                "The unregistered device \"LAPTOP-K7\" (10.2.0.57, 3c:52:82:1f:aa:07, HP) appeared at 7:41 in Line 2, where control equipment such as PLCs stands.",
            ),
            why: s.s(
                "制御ネットワークの機器は、つながった相手の命令をそのまま受け入れます。持ち込まれたパソコンからウイルスが入り、生産が止まった例があります。",
                "Devices on the control network obey whoever is connected. There are cases in which a visitor's PC brought a virus and production stopped.",
            ),
            steps: vec![
                s.s("第2ラインに保守の人が来ているか、電話で確かめる。", "Call line 2 and ask whether somebody is there for maintenance."),
                s.s("来ているなら、期限を書いて「説明あり」にする。", "If so, explain this finding with the day on which the visit ends."),
                s.s("心当たりがなければ、ケーブルを抜く。電源は切らない。", "If nobody knows, pull its cable. Leave the power on."),
            ],
            whom: s.s("設備の担当者。抜いたときは工場長にも。", "Whoever runs the machines; the plant manager too if it was unplugged."),
        },
        first: s.w("11月20日 7:41:08", "Nov 20, 7:41:08"),
        last: s.w("8:03:55", "8:03:55"),
        count: 23,
        reopened: 1,
        ceased: None,
        asset: Some(Link::to(s.s("LAPTOP-K7", "LAPTOP-K7"), "/assets/1")),
        register: Some(("01970000-0000-7000-8000-000000000001".into(), 1)),
        others: vec![Link::to(s.s("PLC-L2-01", "PLC-L2-01"), "/assets/2"), Link::to(s.s("PLC-L2-02", "PLC-L2-02"), "/assets/3")],
        facts: ["address", "mac", "maker", "name", "place", "time", "no_such_fact"]
            .iter()
            .map(|f| FactRow { label: T::new(if s.ja { Lang::Ja } else { Lang::En }).fact(f), values: vec![Link::plain(s.s("10.2.0.57", "10.2.0.57"))] })
            .collect(),
        events: event_rows(s),
        events_total: 61,
        events_href: "/events?finding=01970000-0000-7000-8000-0000000000f1".into(),
        story: vec![
            StoryLine { when: s.w("11/20 7:41:08", "Nov 20, 7:41:08"), step: StoryStep::First, href: Some("/events/1/81203".into()) },
            StoryLine {
                when: s.w("11/20 7:52", "Nov 20, 7:52"),
                step: StoryStep::Handled { who: s.s("山本", "Yamamoto"), to: FindingStatus::Explained, note: s.s("保守の訪問。12時まで。", "Maintenance visit until noon."), until: s.s("11月20日", "Nov 20") },
                href: None,
            },
            StoryLine { when: s.w("11/20 8:00", "Nov 20, 8:00"), step: StoryStep::Reopened, href: None },
            StoryLine { when: s.w("11/20 8:03", "Nov 20, 8:03"), step: StoryStep::Again(23), href: None },
        ],
        measures: vec![
            MeasureRow { document: "JPCERT/CC".into(), number: "L-3a".into(), title: s.s("不要な機器をつながない", "Connect no device that is not needed") },
            MeasureRow { document: s.s("IoTガイドライン", "IoT guideline"), number: "21.1".into(), title: s.s("つながっている機器を把握する", "Know what is connected") },
            MeasureRow { document: s.s("23対策", "23 measures"), number: "12".into(), title: s.s("資産の台帳をつくる", "Keep a ledger of assets") },
        ],
        rule: RuleInfo {
            id: "unregistered-device".into(),
            name: s.s("知らない機器", "Unknown device"),
            revision: 1,
            parameters: vec![("learning_h".into(), s.s("24 時間", "24 h"))],
            cannot_see: vec![s.s("見張っていない区画の機器。登録済みの機器のアドレスを名のる機器。", "Devices in parts that are not watched. Devices that use the address of a registered one.")],
            attack: vec!["T1200".into(), "T0864".into()],
        },
        explanation: if status == FindingStatus::Explained { s.s("保守の訪問", "Maintenance visit") } else { String::new() },
        explained_until: (status == FindingStatus::Explained).then(|| s.w("11月27日", "Nov 27")),
        note: if s.harm { s.s("", "") } else { String::new() },
        until: "2026-11-27".into(),
        problems: if s.harm { vec![s.s("", "")] } else { vec![] },
        conflict: s.harm,
    }
}

fn findings(s: &Say, empty: bool) -> FindingsPage {
    FindingsPage {
        shell: shell(s, Page::Findings, ""),
        rows: if empty { vec![] } else { finding_rows(s) },
        columns: FindingsPage::columns("", &["severity", "last", "count"], "severity", true),
        paging: Paging::new("/findings", "", 1, 50, 4),
        severities: vec![Choice::new("", s.s("すべて", "All"), true)],
        statuses: vec![Choice { count: Some(3), ..Choice::new("open", s.s("未対応", "Open"), true) }],
        rules: vec![Choice::new("", s.s("すべて", "All"), true)],
        asset: s.harm.then(|| Link::to(s.s("", ""), "/assets/1")),
        asset_id: if s.harm { s.s("", "") } else { String::new() },
        filtered: false,
        all: if empty { 0 } else { 4 },
        rules_count: 6,
    }
}

fn events(s: &Say) -> EventsPage {
    EventsPage {
        shell: shell(s, Page::Events, ""),
        about: Some(Link::to(s.s("LAPTOP-K7", "LAPTOP-K7"), "/assets/1")),
        keep: vec![("asset".into(), s.s("01", "01"))],
        tables: vec![Choice::new("", s.s("すべて", "All"), true)],
        from: "2026-11-20T00:00".into(),
        to: String::new(),
        rows: event_rows(s),
        older: Some("/events?before=81203".into()),
        newest: None,
        all: 4_120_334,
        q: s.s("192.168.1.5 modbus", "192.168.1.5 modbus"),
        found: Amount { n: 3, text: s.s("3 件", "3 records") },
        shown: (1, 3),
        ..EventsPage::default()
    }
}

fn event(s: &Say) -> EventPage {
    EventPage {
        shell: shell(s, Page::Events, ""),
        id: "01970000-0000-7000-8000-000000000000/1/81203".into(),
        seq: 81_203,
        table: "activity",
        summary: s
            .s("LAPTOP-K7 → 10.2.0.11 保持レジスタ 100 から 20 個の読み出し", "LAPTOP-K7 → 10.2.0.11 read 20 holding registers from 100"),
        happened: Some(s.w("11月20日 7:41:30.482112", "Nov 20, 7:41:30.482112")),
        received: s.w("11月20日 7:41:30.482901", "Nov 20, 7:41:30.482901"),
        source: s.s("eth1", "eth1"),
        rows: vec![
            RawRow { key: "activity.head.client.ip".into(), value: Link::to("10.2.0.57", "/assets/1") },
            RawRow { key: "activity.act.modbus.function".into(), value: Link::plain(s.s("3", "3")) },
        ],
        proof: crate::view::events::ProofCard {
            place: s.s("束 412 の 7 番目（項目 430）", "place 7 of batch 412 (entry 430)"),
            outside: s.s("まだ外の誰も見ていません", "nobody outside has seen it yet"),
            pack: Some(String::from("/events/1/81203/pack")),
            ..crate::view::events::ProofCard::default()
        },
        json: s.s("{\n  \"seq\": 81203\n}", "{\n  \"seq\": 81203\n}"),
        before: Some("/events/1/81202".into()),
        after: Some("/events/1/81204".into()),
    }
}

fn settings(s: &Say) -> SettingsPage {
    SettingsPage {
        shell: shell(s, Page::Settings, ""),
        sensors: vec![
            SensorRow {
                id: 1,
                rev: 1,
                name: s.s("eth1", "eth1"),
                shown: s.s("第2ライン", "Line 2"),
                kind: SensorKind::Live,
                quality: Quality::Full,
                packets: Amount::count(81_203_114),
                bytes: Amount::bytes(61_200_000_000),
                rate: s.s("1,204 /秒", "1,204 /s"),
                flows: Amount::count(412),
                last: Some(s.w("8:05:02", "8:05:02")),
                ..SensorRow::default()
            },
            SensorRow {
                id: 2,
                rev: 1,
                name: s.s("eth2", "eth2"),
                shown: s.s("eth2", "eth2"),
                kind: SensorKind::Live,
                quality: Quality::Drops,
                packets: Amount::count(11_204),
                kernel_drops: Amount::count(312),
                flows_evicted: Amount::count(3),
                truths: vec![s.s(
                    "片方向しか見えていません（TCP の通信 40 のうち 31）。送信と受信の両方を写すように、ミラーポートを設定してください。",
                    "Only one direction is seen (31 of 40 TCP conversations). Set the mirror port to copy what is sent and what is received.",
                )],
                trouble: s.s("kernel dropped 312 frames in 10 s", "kernel dropped 312 frames in 10 s"),
                ..SensorRow::default()
            },
            SensorRow { id: 3, name: s.s("eth3", "eth3"), shown: s.s("eth3", "eth3"), quality: Quality::Nothing, ..SensorRow::default() },
            SensorRow {
                id: 4,
                name: s.s("factory.pcapng", "factory.pcapng"),
                shown: s.s("factory.pcapng", "factory.pcapng"),
                kind: SensorKind::File,
                ..SensorRow::default()
            },
        ],
        zones: vec![
            ZoneRow {
                id: "z1".into(),
                rev: 2,
                name: s.s("第2ライン", "Line 2"),
                layer: "control".into(),
                ranges: "10.2.0.0/24".into(),
                vlans: "20".into(),
                assets: 31,
            },
            ZoneRow {
                id: "z2".into(),
                rev: 1,
                name: s.s("事務所", "Office"),
                layer: "lan".into(),
                ranges: "192.168.10.0/24".into(),
                vlans: String::new(),
                assets: 55,
            },
        ],
        calendar: {
            let text = "shift 1 06:00-14:00 14:00-22:00 二交替; 2026-08-11..2026-08-16 off 夏季休業; 2026-11-23 work; 2026-12-01..2026-12-04 shift1";
            let mut calendar: model::calendar::Calendar = text.parse().unwrap_or_default();
            for e in &mut calendar.entries {
                e.name = s.s(&e.name, "Summer break");
            }
            for shift in &mut calendar.shifts {
                shift.name = s.s(&shift.name, "Two shifts");
            }
            CalendarView::new(&calendar, 3, 2026, T::new(if s.ja { Lang::Ja } else { Lang::En }))
        },
        users: Some(vec![
            UserRow {
                id: "u1".into(),
                rev: 1,
                name: s.s("tanaka", "tanaka"),
                roles: vec![Role::SystemAdmin, Role::SecurityAdmin],
                enabled: true,
                last: Some(s.w("7:58", "7:58")),
                own: true,
                ..UserRow::default()
            },
            UserRow {
                id: "u2".into(),
                rev: 1,
                name: s.s("yamamoto", "yamamoto"),
                roles: vec![Role::SiteEngineer],
                enabled: true,
                must_change: true,
                ..UserRow::default()
            },
        ]),
        new_password: s.harm.then(|| (s.s("", ""), s.s("", ""))),
        kept: kept(s),
        values: vec![
            SettingRow {
                key: "site_name".into(),
                label: s.s("拠点の名前", "Name of the site"),
                value: s.s("東工場", "East works"),
                ..SettingRow::default()
            },
            SettingRow {
                key: "peers_kept_days".into(),
                rev: 2,
                label: s.s("通信のない相手を残す日数", "Days to keep links without traffic"),
                value: "365".into(),
                unit: s.s("日", "days"),
                how: s.s("これより長く通信がなければ消えます。", "Links without traffic for longer are deleted."),
                bounds: Some((7, 3660)),
                ..SettingRow::default()
            },
        ],
        about: About {
            version: "0.1.0".into(),
            fingerprint: ["3C"; 32].join(":"),
            folder: s.s("/var/lib/hinomi", "/var/lib/hinomi"),
            started: Some(s.w("11月3日 6:00", "Nov 3, 6:00")),
            database: "SQLite".into(),
        },
        problems: if s.harm { ["zones", "sensors", "users"].iter().map(|x| ((*x).to_owned(), s.s("", ""))).collect() } else { vec![] },
    }
}

fn import(s: &Say, applied: bool) -> ImportPage {
    ImportPage {
        shell: shell(s, Page::Assets, ""),
        encoding: "shift_jis".into(),
        problem: s.harm.then(|| s.s("", "")),
        report: Some(ImportReport {
            applied,
            file: s.s("台帳.csv", "ledger.csv"),
            encoding: "Shift_JIS".into(),
            rows: 88,
            new: 3,
            changed: 12,
            same: 71,
            problems: vec![ImportRow {
                row: 14,
                column: s.s("サポートの終わり", "End of support"),
                label: s.s("NAS-01", "NAS-01"),
                text: s.s(
                    "「2026/13/01」は日付ではありません。2026-12-31 のように書いてください。",
                    "\"2026/13/01\" is no date. Write it like 2026-12-31.",
                ),
            }],
            changes: vec![ImportRow { row: 3, column: String::new(), label: s.s("PLC-L2-01", "PLC-L2-01"), text: s.s("場所", "place") }],
            unknown_columns: vec![s.s("備考2", "Remarks 2")],
        }),
        held: if applied { String::new() } else { "word".into() },
        columns: vec![ImportColumn {
            head: s.s("設置している場所", "Where it stands"),
            samples: s.s("制御盤A / 事務所", "Panel A / Office"),
            choices: vec![Choice::new("", s.s("（読まない）", "(not read)"), false), Choice::new("place", s.s("設置場所", "Place"), true)],
        }],
        remembered: true,
        sheets: (s.s("機器台帳", "Ledger"), vec![s.s("メモ", "Notes")]),
        merged: 2,
        headings: vec![s.s("名前", "name"), s.s("場所", "place")],
    }
}

fn outside(s: &Say) -> Shell {
    Shell { user: String::new(), live: false, title: s.s("ログイン", "Log in"), may: May::default(), ..shell(s, Page::Outside, "") }
}

/// Every page under its name.
fn pages(s: &Say) -> Vec<(&'static str, String)> {
    let mut blind = today(s, false).facts;
    blind.today = 0;
    blind.top.clear();
    blind.sensors = vec![TodaySensor { name: s.s("eth1", "eth1"), quality: Quality::Nothing, live: true }];
    blind.traffic = Some(traffic(s, 1, false, false));
    let mut quiet = today(s, false).facts;
    (quiet.today, quiet.week, quiet.discovered, quiet.learned) = (0, 0, 0, Learned { days: 30, needed: 14 });
    quiet.top.clear();
    let mut auditor = asset(s, AssetState::Registered);
    auditor.shell.may = May { edit_assets: false, ..May::ALL };
    let render = |t: Result<String, askama::Error>| t.unwrap();
    let mut all = super::samples_stocktake::pages(s);
    all.extend(super::samples_vault::pages(s));
    all.extend([
        ("today", render(today(s, false).render())),
        ("today-empty", render(today(s, true).render())),
        ("today-blind", render(TodayPage::new(shell(s, Page::Today, ""), blind).render())),
        ("today-quiet", render(TodayPage::new(shell(s, Page::Today, ""), quiet).render())),
        ("assets", render(assets(s).render())),
        ("assets-empty", render(AssetsPage { shell: shell(s, Page::Assets, ""), ..AssetsPage::default() }.render())),
        ("asset", render(asset(s, AssetState::Registered).render())),
        ("asset-found", render(asset(s, AssetState::Discovered).render())),
        ("asset-auditor", render(auditor.render())),
        (
            "asset-new",
            render(AssetNewPage { shell: shell(s, Page::Assets, ""), form: ledger(s), macs: s.s("", ""), ips: s.s("", "") }.render()),
        ),
        ("findings", render(findings(s, false).render())),
        ("findings-empty", render(findings(s, true).render())),
        ("finding", render(finding(s, FindingStatus::Open).render())),
        ("finding-explained", render(finding(s, FindingStatus::Explained).render())),
        ("events", render(events(s).render())),
        ("events-empty", render(EventsPage { shell: shell(s, Page::Events, ""), ..EventsPage::default() }.render())),
        ("event", render(event(s).render())),
        ("settings", render(settings(s).render())),
        ("import", render(import(s, false).render())),
        ("import-done", render(import(s, true).render())),
        (
            "login",
            render(
                LoginPage {
                    shell: outside(s),
                    name: s.s("", ""),
                    next: s.s("/", "/"),
                    problem: Some(s.s("名前かパスワードが違います。", "Name or password is wrong.")),
                    first: true,
                }
                .render(),
            ),
        ),
        (
            "password",
            render(
                PasswordPage { shell: outside(s), forced: true, problems: vec![], least: 12, most: 128, name: s.s("admin", "admin") }
                    .render(),
            ),
        ),
        (
            "password-own",
            render(
                PasswordPage {
                    shell: shell(s, Page::Settings, ""),
                    forced: false,
                    problems: vec![s.s("違います", "Wrong")],
                    least: 12,
                    most: 128,
                    name: s.s("admin", "admin"),
                }
                .render(),
            ),
        ),
        (
            "error-404",
            render(ErrorPage { shell: shell(s, Page::Outside, ""), status: 404, detail: s.s("", ""), reference: String::new() }.render()),
        ),
        ("error-500", render(ErrorPage { shell: outside(s), status: 500, detail: String::new(), reference: s.s("7f3a", "7f3a") }.render())),
    ]);
    all
}
