//! The vault's pages with invented content.

use super::archives::{ExportRow, Exporting, Exports};
use super::clocks::*;
use super::encryption::{EncryptionPage, EncryptionRow};
use super::questions::{QuestionAnswer, QuestionField, QuestionsPage};
use super::samples::{Say, shell};
use super::vault::*;
use super::words::Tag;
use super::{Amount, Choice, Link, Page, RawRow, SettingRow};
use crate::qr;
use askama::Template;

const NOTE: &str = "hinomi.local/019ab000-0000-7000-8000-000000000000\n18233\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n\n— hinomi.local/019ab000-0000-7000-8000-000000000000 q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI=\n";

fn past(s: &Say, ja: &str, en: &str) -> Past {
    Past { ago: s.s(ja, en), when: s.w("11月20日（金） 8:02", "Fri 20 Nov, 08:02") }
}

fn vault(s: &Say, bad: bool) -> VaultPage {
    let tables = ["flow", "activity", "observation", "finding", "audit", "health", "log", "evidence"];
    let table = |(i, name): (usize, &&str)| VaultTable {
        name: Link::to(shell(s, Page::Settings, "").t.of("table", name), format!("/events?table={name}")),
        rows: Amount::count(40_212_334 >> (2 * i)),
        files: Amount::count(200 >> i),
        bytes: Amount::bytes(2_412_000_000 >> (2 * i)),
        oldest: (i < 7).then(|| s.w("2025年11月20日（木）", "Thu 20 Nov 2025")),
        kept: s.s("366 日", "366 days"),
    };
    let setting = |name: &&str| SettingRow {
        key: format!("retention_{name}_days"),
        label: s.s("通信を残す日数", "Days to keep conversations"),
        value: "184".into(),
        shown: "184".into(),
        unit: s.s("日", "days"),
        how: s.s("これより古い記録は消えます。", "Older records are deleted."),
        bounds: Some((1, 3660)),
        sure: s.s("消えて戻せません。", "They cannot be brought back."),
        ..SettingRow::default()
    };
    VaultPage {
        shell: shell(s, Page::Settings, ""),
        tone: if bad { "act" } else { "ok" },
        mark: if bad { "■" } else { "●" },
        sentence: s.s("記録は書けており、問題は見つかっていません。", "Records are being written, and nothing is wrong."),
        concerns: if bad {
            vec![
                Concern {
                    tone: "act",
                    what: s.s("11月20日 から記録を書けません。", "Records cannot be written since 20 Nov."),
                    todo: s.s("ディスクの空きを確かめてください。", "Check the disk."),
                    said: s.s("no space left on device", "no space left on device"),
                },
                Concern {
                    tone: "look",
                    what: s.s("まだ一度も点検していません。", "Nothing has ever been verified."),
                    ..Concern::default()
                },
            ]
        } else {
            vec![]
        },
        records: Amount::count(54_120_334),
        bytes: Amount::bytes(2_412_000_000),
        free: Some(Amount::bytes(391_000_000_000)),
        growth: Some(Amount::bytes(91_000_000)),
        full: s.s("いまの増え方では、2027年8月1日（日）ごろにいっぱいになります。", "At this pace the disk is full around Sun 1 Aug 2027."),
        oldest: Some(s.w("2025年11月20日（木）", "Thu 20 Nov 2025")),
        newest: Some(s.w("11月20日", "20 Nov")),
        tail: Amount::count(12_044),
        uncommitted: Amount::count(12),
        let_go: s.s("1,204 件", "1,204 records"),
        dropped: Amount::count(u64::from(bad)),
        encryption: encryption_row(s, if bad { "open" } else { "on" }),
        write_errors: Amount::count(0),
        last_sync: Some(past(s, "たった今", "just now")),
        tables: tables.iter().enumerate().map(table).collect(),
        last_seal: Some(past(s, "12 分前", "12 minutes ago")),
        last_checkpoint: Some(past(s, "たった今", "just now")),
        entries: Amount::count(18_233),
        batches: Amount::count(17_900),
        covered: Link::to(s.s("記録 54120322", "Record 54120322"), "/events/1/54120322"),
        fingerprint: "A1B2 C3D4 E5F6 0718 293A 4B5C 6D7E 8F90 A1B2 C3D4 E5F6 0718 293A 4B5C 6D7E 8F90".into(),
        origin: "hinomi.local/019ab000-0000-7000-8000-000000000000".into(),
        confirmed: if bad {
            vec![]
        } else {
            vec![Confirmed {
                who: s.s("witness.example.jp", "witness.example.jp"),
                kind: s.s("証人の署名", "Witness"),
                at: past(s, "3 時間前", "3 hours ago"),
                size: Amount::count(18_120),
            }]
        },
        look: Some(LookRow {
            tag: Tag { tone: "ok", mark: "●", word: s.s("すべて書いたときのまま", "Everything is as it was written") },
            at: past(s, "2 日前", "2 days ago"),
            what: s.s("204 ファイル、2.4 GB を調べました。", "204 files, 2.4 GB."),
        }),
        running: bad.then(|| Running {
            since: s.w("8:00", "08:00"),
            done: Amount::bytes(1_000_000_000),
            all: Amount::bytes(2_412_000_000),
        }),
        exports: Exports {
            plan: s.s("31 日ごとに /mnt/nas へ書き出します。", "Exported to /mnt/nas every 31 days."),
            late: if bad {
                s.s("40 日前から書き出していません。", "Nothing was exported for 40 days.")
            } else {
                String::new()
            },
            running: bad.then(|| Exporting {
                since: s.w("8:00", "08:00"),
                what: s.s("/mnt/nas へ（田中）", "to /mnt/nas (Tanaka)"),
                done: Amount::bytes(1_000_000_000),
                all: Amount::bytes(4_824_000_000),
                stopping: false,
            }),
            rows: vec![ExportRow {
                tag: Tag { tone: "ok", mark: "●", word: s.s("読み返して確かめました", "Read back and right") },
                at: past(s, "5 日前", "5 days ago"),
                target: s.s("/mnt/nas", "/mnt/nas"),
                by: s.s("予定どおり", "by schedule"),
                what: s.s("204 ファイル、2.4 GB", "204 files, 2.4 GB"),
                said: if bad { s.s("no space left on device", "no space left on device") } else { String::new() },
            }],
            folder: s.s("/mnt/nas", "/mnt/nas"),
            settings: ["export_days", "export_folder"]
                .iter()
                .map(|name| SettingRow {
                    key: (*name).into(),
                    label: s.s("書き出しの間隔", "Days between archives"),
                    value: "31".into(),
                    shown: "31".into(),
                    how: s.s("0 で止めます。", "0 for never."),
                    bounds: (*name == "export_days").then_some((0, 3660)),
                    most: 1_000,
                    ..SettingRow::default()
                })
                .collect(),
        },
        pressure: vec![(s.s("通信", "Conversations"), s.s("1 番め", "first")), (s.s("ログ", "Logs"), s.s("捨てません", "never"))],
        damage: if bad {
            vec![DamageRow {
                file: Link::to(s.s("segments/flow-1-2-0.parquet", "segments/flow-1-2-0.parquet"), "/events?after=0&before=3"),
                what: s.s("it is not what was written", "it is not what was written"),
                records: s.s("1 から 2", "1 to 2"),
            }]
        } else {
            vec![]
        },
        damage_more: 3,
        notes: vec![s.s("a torn tail was cut off", "a torn tail was cut off")],
        holds: vec![HoldRow {
            name: Link::to(s.s("11月の不正アクセス調査", "Intrusion in November"), "/events?table=log"),
            key: s.s("11月の不正アクセス調査", "Intrusion in November"),
            reason: s.s("警察に相談中（田中）", "With the police (Tanaka)"),
            since: s.w("11月19日", "19 Nov"),
            what: s.s("すべての種類 · すべての期間", "every sort · all times"),
            n: 0,
        }],
        hold_tables: vec![Choice::new("", s.s("すべて", "All"), true)],
        hold_entered: [s.s("", ""), s.s("", ""), String::new(), String::new()],
        retention: tables.iter().map(setting).collect(),
        problems: if bad {
            vec![("look".into(), s.s("だめでした", "It failed")), ("holds".into(), s.s("だめでした", "It failed"))]
        } else {
            vec![]
        },
    }
}

fn encryption_row(s: &Say, answer: &str) -> EncryptionRow {
    let word = |ja, en| s.s(ja, en);
    let (tag, what) = match answer {
        "open" => (
            Tag { tone: "blue", mark: "？", word: word("未回答", "Not answered") },
            word("まだ決めていません。", "Nobody has decided yet."),
        ),
        "off" => (
            Tag { tone: "", mark: "－", word: word("していません", "Off") },
            word("理由：ディスク全体を LUKS で暗号化している", "Reason: the whole disk is encrypted with LUKS"),
        ),
        _ => (
            Tag { tone: "ok", mark: "●", word: word("暗号化しています", "Encrypted") },
            word("鍵ファイル /etc/hinomi/vault.key で開きます。", "Opened by the key file /etc/hinomi/vault.key."),
        ),
    };
    EncryptionRow {
        tag,
        what,
        rewriting: if answer == "on" {
            word("ファイルを書き直しています（18 件のうち 4 件）。", "Files are written anew (4 of 18).")
        } else {
            String::new()
        },
        since: (answer != "open").then(|| s.w("11月19日", "19 Nov")),
        by: if answer == "open" { String::new() } else { word("田中", "Tanaka") },
    }
}

fn encryption(s: &Say, answer: &'static str) -> EncryptionPage {
    EncryptionPage {
        shell: shell(s, Page::Settings, ""),
        answer,
        row: encryption_row(s, answer),
        files: (answer == "on").then(|| (Amount::count(4), Amount::count(18))),
        recovery: answer == "on",
        key_file: "/etc/hinomi/vault.key".into(),
        credential: answer != "off",
        how: "file".into(),
        reason: s.s("", ""),
        configured: answer == "on",
        shown: None,
        problem: (answer == "off")
            .then(|| (s.s("理由を書いてください。", "Give the reason."), s.s("permission denied", "permission denied"))),
    }
}

fn checkpoint(s: &Say) -> CheckpointPage {
    CheckpointPage {
        shell: shell(s, Page::Settings, ""),
        note: Some(NOTE.into()),
        code: qr::code(NOTE),
        at: Some(s.w("11月20日（金） 8:05", "Fri 20 Nov, 08:05")),
        facts: vec![RawRow { key: s.s("ログの長さ", "Entries of the log"), value: Link::plain("18,233") }],
        fingerprint: "A1B2 C3D4 E5F6 0718 293A 4B5C 6D7E 8F90 A1B2 C3D4 E5F6 0718 293A 4B5C 6D7E 8F90".into(),
        key_code: qr::code("hinomi.local/019ab000-0000-7000-8000-000000000000+a1b2c3d4+AavN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ"),
    }
}

fn clocks(s: &Say) -> ClocksPage {
    let row = |tone, mark, skew_ja: &str, skew_en: &str, look: String| ClockRow {
        name: Link::to(s.s("NAS-01", "NAS-01"), "/assets/1"),
        by: s.s("ログの時刻", "times in logs"),
        tag: Tag { tone, mark, word: s.s("ずれている", "off") },
        skew: s.s(skew_ja, skew_en),
        spread: s.s("±2 秒", "±2 seconds"),
        look,
        since: Some(s.w("11月18日", "18 Nov")),
        last: s.w("8:02", "08:02"),
        samples: Amount::count(256),
    };
    let device = |asks: bool| AskerRow {
        device: Link::to(s.s("PLC-L2-01", "PLC-L2-01"), "/assets/2"),
        address: s.s("192.168.1.20", "192.168.1.20"),
        last: asks.then(|| s.w("8:01", "08:01")),
        servers: if asks { vec![s.s("192.168.1.1", "192.168.1.1"), s.s("2001:db8::1", "2001:db8::1")] } else { vec![] },
        hours: Amount::count(312),
    };
    ClocksPage {
        shell: shell(s, Page::Settings, ""),
        tone: "look",
        mark: "▲",
        sentence: s.s("この機械の時計は合っていません。", "This machine’s clock is not synchronised."),
        todo: s.s("chrony を確かめてください。", "Check chrony."),
        facts: vec![RawRow { key: s.s("合わせているもの", "Kept by"), value: Link::plain("chrony") }],
        sources: Some(vec![
            row(
                "look",
                "▲",
                "9 時間進んでいる",
                "9 hours ahead",
                s.s("時間帯の設定違いのようです。", "A wrong time zone, by the look of it."),
            ),
            row("ok", "●", "測れるほどの差はありません", "no difference that can be measured", String::new()),
        ]),
        devices: Some(vec![
            AskerGroup { name: "never", all: 12, rows: vec![device(false)] },
            AskerGroup { name: "unknown", all: 0, rows: vec![] },
            AskerGroup { name: "asks", all: 1, rows: vec![device(true)] },
        ]),
        enough: 24,
    }
}

/// Every page under its name.
fn questions(s: &Say) -> QuestionsPage {
    let field = |name, ja: &str, en: &str, kind, value: String| QuestionField { name, label: s.s(ja, en), kind, value, needed: true };
    QuestionsPage {
        shell: shell(s, Page::Events, ""),
        all: vec![
            (Link::to(s.s("だれがだれと通信したか", "Who talked to whom"), "/events/questions?name=talked"), true),
            (Link::to(s.s("ログの検索", "Lines of logs"), "/events/questions?name=words"), false),
        ],
        chosen: Some(("talked", s.s("だれがだれと通信したか", "Who talked to whom"))),
        fields: vec![
            field("from", "いつから", "From", "datetime-local", "2026-11-19T08:05:09".into()),
            field("words", "ことば", "Words", "text", s.s("認証 失敗", "login failed")),
        ],
        sql: s.s("select 1", "select 1"),
        explain: true,
        answer: Some(QuestionAnswer {
            head: vec![(s.s("記録", "Record"), false), (s.s("通信量", "Traffic"), true)],
            rows: vec![vec![(Link::to("#81203", "/events/1/81203"), false), (Link::plain(s.s("12 MB", "12 MB")), true)]],
            cut: true,
            said: s.s("1 行、12 ミリ秒", "1 row, 12 ms"),
            explain: Some(s.s("Projection: seq", "Projection: seq")),
        }),
        problems: vec![s.s("「いつから」を確かめてください。", "Check the field \"From\".")],
    }
}

pub(super) fn pages(s: &Say) -> Vec<(&'static str, String)> {
    let empty = VaultPage { shell: shell(s, Page::Settings, ""), tone: "ok", mark: "●", ..VaultPage::default() };
    let no_clocks = ClocksPage { shell: shell(s, Page::Settings, ""), mark: "？", sources: Some(vec![]), ..ClocksPage::default() };
    vec![
        ("clocks", clocks(s).render().unwrap()),
        ("clocks-empty", no_clocks.render().unwrap()),
        ("questions", questions(s).render().unwrap()),
        ("questions-none", QuestionsPage { shell: shell(s, Page::Events, ""), ..QuestionsPage::default() }.render().unwrap()),
        ("vault", vault(s, false).render().unwrap()),
        ("vault-bad", vault(s, true).render().unwrap()),
        ("vault-empty", empty.render().unwrap()),
        ("encryption-open", encryption(s, "open").render().unwrap()),
        ("encryption-on", encryption(s, "on").render().unwrap()),
        ("encryption-off", encryption(s, "off").render().unwrap()),
        (
            "encryption-recovery",
            EncryptionPage { shown: Some("7K3M-QX9A-0R2D-VT6H-4WNE-8Y1C-JB5F-GP2S-MZ3K".into()), ..encryption(s, "on") }.render().unwrap(),
        ),
        ("vault-checkpoint", checkpoint(s).render().unwrap()),
        ("vault-checkpoint-empty", CheckpointPage { shell: shell(s, Page::Settings, ""), ..CheckpointPage::default() }.render().unwrap()),
    ]
}
