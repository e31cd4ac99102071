//! Ledger files in four encodings, with hostile content.

use encoding_rs::{EUC_JP, SHIFT_JIS};
use model::asset::{Kind, Ledger};
use model::{Asset, AssetId, AssetState, Lang};
use proptest::prelude::*;
use state::ledger::RowReason;
use state::ledger_csv::{CsvError, Encoding, MOST_BYTES, read, write};
use std::collections::BTreeMap;

const FILE: &str = "名称,ＭＡＣ アドレス,設置場所,備考\r\n\"ﾌﾟﾘﾝﾀ, 事務所\",3C-52-82-1F-AA-07,第２工場①,\"二行の\r\n備考 \"\"済\"\"\"\r\n";

fn asset(name: &str, notes: &str) -> Asset {
    Asset {
        id: AssetId(uuid::Uuid::from_u128(7)),
        rev: 1,
        state: AssetState::Registered,
        ledger: Ledger { name: name.into(), notes: notes.into(), kind: Some(Kind::Plc), ..Ledger::default() },
        guesses: vec![],
        addresses: vec![],
        names: vec![],
        services: vec![],
        first_seen: None,
        last_seen: None,
        last_active: None,
        because: None,
    }
}

#[test]
fn four_encodings_say_the_same() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(FILE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let with_mark = [b"\xef\xbb\xbf", FILE.as_bytes()].concat();
    for (bytes, encoding) in [
        (FILE.as_bytes().to_vec(), Encoding::Utf8),
        (with_mark, Encoding::Utf8),
        (SHIFT_JIS.encode(FILE).0.into_owned(), Encoding::ShiftJis),
        (EUC_JP.encode(FILE).0.into_owned(), Encoding::EucJp),
        (utf16, Encoding::Utf16),
    ] {
        let file = read(&bytes).unwrap();
        assert_eq!((file.encoding, file.rows.len(), file.problems.len()), (encoding, 1, 0));
        let row = &file.rows[0];
        assert_eq!(row.ledger.name, "ﾌﾟﾘﾝﾀ, 事務所", "{encoding:?}");
        assert_eq!((row.ledger.place.as_str(), row.macs.len(), row.line), ("第２工場①", 1, 2));
        assert_eq!(row.ledger.notes, "二行の\r\n備考 \"済\"");
    }
}

#[test]
fn a_legacy_file_is_told_apart_even_where_only_one_cell_is_japanese() {
    for text in ["name,place\r\nA,工場\r\n", "name,place\r\nA,東京都\r\nB,ﾗｲﾝ2\r\n", "名称\r\nA\r\n"] {
        let file = read(&SHIFT_JIS.encode(text).0).unwrap();
        assert_eq!(file.encoding, Encoding::ShiftJis, "{text}");
    }
    for text in ["name,place\r\nA,第二工場の倉庫\r\n", "名称,場所\r\nA,工場\r\n"] {
        assert_eq!(read(&EUC_JP.encode(text).0).unwrap().encoding, Encoding::EucJp, "{text}");
    }
}

#[test]
fn what_cannot_be_read_says_where() {
    let mut bytes = b"name,place\nA,x\nB,".to_vec();
    bytes.extend([0xff, 0xff, 0x00]);
    assert_eq!(read(&bytes), Err(CsvError::Encoding { line: 3 }));
    let broken = [b"\xef\xbb\xbfname\nA\nB", &[0xe3u8, 0x81][..], b"\n"].concat();
    assert_eq!(read(&broken), Err(CsvError::Encoding { line: 3 }));
    assert_eq!(read(b""), Err(CsvError::Empty));
    assert_eq!(read(b"\n\n"), Err(CsvError::Empty));
    assert_eq!(read(b"foo,bar\n1,2\n"), Err(CsvError::NoHeader));
    assert!(matches!(read("名称,name\n1,2\n".as_bytes()), Err(CsvError::DoubleColumn(_))));
    assert!(matches!(read(&vec![b'a'; MOST_BYTES + 1]), Err(CsvError::TooLarge { .. })));
    assert_eq!(read(format!("name\n{}", "x\n".repeat(50_001)).as_bytes()), Err(CsvError::TooManyRows));
}

#[test]
fn wrong_rows_are_told_by_line_column_and_reason_and_the_others_stay() {
    let text = "name,mac,ip,kind,support end,importance,state\n\
        ok,,10.0.0.1 10.0.0.2;fe80::1,plc,2027/3/31,high,unused\n\
        a,zz,,,,,\nb,,10.0.0.256,,,,\nc,,,spaceship,,,\nd,,,,2027-02-30,,\ne,,,,,very,\nf,,,,,,alive\n\
        g,,,,,,,,extra\nh,ff:ff:ff:ff:ff:ff,,,,,\n\"i\u{1b}[2J\",,,,,,\nshort\n";
    let file = read(text.as_bytes()).unwrap();
    assert_eq!(file.rows.iter().map(|r| r.ledger.name.as_str()).collect::<Vec<_>>(), ["ok", "short"]);
    assert_eq!((file.rows[0].ips.len(), file.rows[0].ledger.support_end.as_str()), (3, "2027-03-31"));
    let told: Vec<_> = file.problems.iter().map(|p| (p.line, p.column.as_str(), p.reason.key())).collect();
    assert_eq!(
        told,
        [
            (3, "mac", "import-not-a-mac"),
            (4, "ip", "import-not-an-ip"),
            (5, "kind", "import-unknown-kind"),
            (6, "support end", "import-not-a-date"),
            (7, "importance", "import-unknown-importance"),
            (8, "state", "import-unknown-state"),
            (9, "", "import-cell-count"),
            (10, "mac", "import-not-a-mac"),
            (11, "name", "import-bad-character"),
        ]
    );
    let huge = format!("name,notes\na,\"{}\"\nb,\n", "あ".repeat(5_000));
    let file = read(huge.as_bytes()).unwrap();
    assert!(matches!(file.problems[0].reason, RowReason::TooLong(_)) && file.rows.len() == 1);
    // A quote that is never closed swallows the rest, and says so rather than inventing rows.
    let open = format!("name,notes\na,\"{}", "x\ny,z\n".repeat(1_000));
    assert_eq!((read(open.as_bytes()).unwrap().rows.len(), read(open.as_bytes()).unwrap().problems.len()), (0, 1));
}

#[test]
fn formulas_do_not_run_and_come_back_as_they_were() {
    let nasty = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "'=x", "''=x", "＝HYPERLINK()", "'quoted'", "plain"];
    let assets: Vec<Asset> = nasty.iter().map(|n| asset(n, "-")).collect();
    let written = write(&assets, &BTreeMap::new(), Lang::Ja, Encoding::Utf8);
    assert!(written.bytes.starts_with(b"\xef\xbb\xbf"));
    let text = String::from_utf8(written.bytes.clone()).unwrap();
    for line in text.lines().skip(1) {
        for cell in line.split(',') {
            let first = cell.trim_start_matches('"').chars().next();
            assert!(!first.is_some_and(|c| "=+-@＝".contains(c)), "{cell}");
        }
    }
    let back: Vec<_> = read(&written.bytes).unwrap().rows.into_iter().map(|r| (r.ledger.name, r.ledger.notes)).collect();
    assert_eq!(back, nasty.iter().map(|n| (n.to_string(), "-".to_string())).collect::<Vec<_>>());
}

#[test]
fn characters_that_shift_jis_lacks_are_told() {
    let written = write(&[asset("髙橋 〜 ①", "🏭🏭 Ω 한")], &BTreeMap::new(), Lang::Ja, Encoding::ShiftJis);
    assert_eq!(written.replaced, BTreeMap::from([('🏭', 2), ('한', 1)]));
    let row = read(&written.bytes).unwrap().rows.remove(0);
    assert_eq!((row.ledger.name.as_str(), row.ledger.notes.as_str()), ("髙橋 ～ ①", "〓〓 Ω 〓"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[b"name,mac,notes\n", &bytes[..]].concat());
    }

    #[test]
    fn what_is_written_is_read_back(name in "[^\\p{C}]{0,60}", notes in "[^\\p{C}]{0,60}") {
        let a = asset(name.trim(), notes.trim());
        for lang in Lang::ALL {
            let rows = read(&write(std::slice::from_ref(&a), &BTreeMap::new(), lang, Encoding::Utf8).bytes).unwrap().rows;
            prop_assert_eq!(rows[0].ledger.name.as_str(), a.ledger.name.trim());
            prop_assert_eq!(rows[0].ledger.notes.as_str(), a.ledger.notes.trim());
            prop_assert_eq!(rows[0].id, Some(a.id));
        }
    }
}
