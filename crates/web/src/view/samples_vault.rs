//! The vault's pages with invented content.

use super::encryption::{EncryptionPage, EncryptionRow};
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
        export: (!bad).then(|| LookRow {
            tag: Tag { tone: "ok", mark: "●", word: s.s("読み返して確かめました", "Read back and right") },
            at: past(s, "5 日前", "5 days ago"),
            what: s.s("/mnt/usb へ 204 ファイル", "204 files to /mnt/usb"),
        }),
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

/// Every page under its name.
pub(super) fn pages(s: &Say) -> Vec<(&'static str, String)> {
    let empty = VaultPage { shell: shell(s, Page::Settings, ""), tone: "ok", mark: "●", ..VaultPage::default() };
    vec![
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
