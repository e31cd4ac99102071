//! Lists that people bring: Excel as people and as enemies write it, headings of their own, and what is remembered of them.

use crate::common::NOW;
use model::Lang;
use model::access::{EditAssets, ViewAssets};
use model::event::Deed;
use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use state::AssetFilter;
use state::ledger::RowReason;
use state::ledger_csv::{CsvError, Encoding, MOST_ROWS};
use state::ledger_list::{self, guess, read, signature};
use state::sheet::{self, SheetError, Table};
use std::io::Write as _;
use std::time::Instant;

fn book(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}
fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
/// A workbook of ours with further parts.
fn with_parts(more: &[(&str, &[u8])]) -> Vec<u8> {
    let plain = book(|s| {
        s.write_string(0, 0, "名称").unwrap();
    });
    let mut old = zip::ZipArchive::new(std::io::Cursor::new(plain)).unwrap();
    let mut parts = Vec::new();
    for i in 0..old.len() {
        let mut part = old.by_index(i).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
        parts.push((String::from_utf8(part.name_raw().to_vec()).unwrap(), bytes));
    }
    let mut all: Vec<(&str, &[u8])> = parts.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    all.extend_from_slice(more);
    zipped(&all)
}

#[test]
fn a_sheet_as_people_make_it_title_above_merged_places_dates_and_numbers() {
    let bytes = book(|s| {
        s.set_name("機器台帳").unwrap();
        s.write_string(0, 0, "機器管理台帳　2026年度").unwrap();
        for (c, h) in ["No.", "機器名", "設置場所", "型式", "サポート終了日", "シリアル", "ＭＡＣ アドレス"].iter().enumerate()
        {
            s.write_string(2, c as u16, *h).unwrap();
        }
        let day = Format::new().set_num_format("yyyy/mm/dd");
        for (r, name) in ["PLC-1", "PLC-2", "HMI-1"].iter().enumerate() {
            let r = r as u32 + 3;
            s.write_number(r, 0, f64::from(r) - 2.0).unwrap();
            s.write_string(r, 1, *name).unwrap();
            s.write_string(r, 3, "Q03UDE").unwrap();
            s.write_datetime_with_format(r, 4, ExcelDateTime::from_ymd(2030, 3, 31).unwrap(), &day).unwrap();
            s.write_number(r, 5, 12_345_678.0).unwrap();
        }
        s.write_formula(3, 6, Formula::new("=A1&B1").set_result("3c:52:82:1f:aa:07")).unwrap();
        s.merge_range(3, 2, 5, 2, "第1ライン", &Format::new()).unwrap();
    });
    let list = read(&bytes).unwrap();
    assert_eq!((list.encoding, list.header_line, list.sheet.as_str(), list.merged), (Encoding::Excel, 3, "機器台帳", 1));
    let mapping = guess(&list.header);
    assert_eq!(mapping, ["", "name", "place", "model_number", "support_end", "serial_number", "mac_address"]);
    let rows = list.rows(&mapping).unwrap();
    assert_eq!((rows.rows.len(), rows.problems.len(), rows.ignored.as_slice()), (3, 0, &[String::from("No.")][..]));
    let r = &rows.rows[0];
    assert_eq!(
        (r.line, r.ledger.place.as_str(), r.ledger.support_end.as_str(), r.ledger.serial.as_str()),
        (4, "第1ライン", "2030-03-31", "12345678")
    );
    assert_eq!(r.macs.len(), 1, "of a formula the stored value is read");
    assert!(rows.rows.iter().all(|r| r.ledger.place == "第1ライン"), "{rows:?}");
}

#[test]
fn wrong_cells_of_a_sheet_are_told_by_row_and_column_and_the_rest_goes_in() {
    let bytes = book(|s| {
        for (c, h) in ["名称", "IPアドレス", "重要度"].iter().enumerate() {
            s.write_string(0, c as u16, *h).unwrap();
        }
        for (r, cells) in [["A", "192.168.1.1", "高"], ["B", "192.168.1", "中"], ["C", "192.168.1.3", "最高"]].iter().enumerate() {
            for (c, text) in cells.iter().enumerate() {
                s.write_string(r as u32 + 1, c as u16, *text).unwrap();
            }
        }
    });
    let list = read(&bytes).unwrap();
    let rows = list.rows(&guess(&list.header)).unwrap();
    assert_eq!(rows.rows.len(), 1);
    assert_eq!((rows.problems[0].line, rows.problems[0].column.as_str()), (3, "IPアドレス"));
    assert_eq!((rows.problems[1].line, &rows.problems[1].reason), (4, &RowReason::UnknownImportance("最高".into())));
}

#[test]
fn what_is_written_is_read_back_and_formulas_stay_text() {
    let hostile = ["=1+1", "+81-3-1234-5678", "-x", "@SUM(A1)", "\tx", "＝cmd", "'=quoted"];
    let rows: Vec<Vec<String>> = hostile.iter().map(|h| vec![(*h).to_owned()]).collect();
    let table = Table { title: "資産/[x]:*?".into(), head: vec!["名称".into()], rows };
    let bytes = sheet::write_xlsx(&table).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes.as_slice())).unwrap();
    let mut xml = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut xml).unwrap();
    assert!(!xml.contains("<f>"), "no cell is a formula: {xml}");
    let mut styles = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("xl/styles.xml").unwrap(), &mut styles).unwrap();
    assert!(styles.contains("quotePrefix=\"1\""), "{styles}");
    let grid = sheet::read(&bytes).unwrap();
    let back: Vec<&str> = grid.rows.iter().skip(1).map(|(_, r)| r[0].as_str()).collect();
    assert_eq!(back, hostile);
    let csv = String::from_utf8(sheet::write_csv(&table, false)).unwrap();
    for line in csv.trim_start_matches('\u{feff}').lines().skip(1) {
        assert!(!line.trim_start_matches('"').starts_with(['=', '+', '-', '@', '\t', '＝']), "{line}");
    }
}

#[test]
fn macros_old_files_passwords_and_other_zips_are_refused_in_words() {
    let types = br#"<Types><Override ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>"#;
    for (bytes, wanted) in [
        (with_parts(&[("xl/vbaProject.bin", b"x")]), SheetError::Macros),
        (with_parts(&[("xl/macrosheets/sheet1.xml", b"x")]), SheetError::Macros),
        (zipped(&[("[Content_Types].xml", types), ("xl/workbook.xml", b"<workbook/>")]), SheetError::Macros),
        (zipped(&[("word/document.xml", b"<x/>")]), SheetError::NotAWorkbook),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old".to_vec(), SheetError::OldOrLocked),
    ] {
        assert_eq!(read(&bytes), Err(CsvError::Sheet(wanted)));
    }
}

#[test]
fn bombs_and_endless_sheets_are_refused_soon() {
    let began = Instant::now();
    let zeros = vec![b' '; 128 << 20];
    let bomb = with_parts(&[("xl/media/x.bin", &zeros)]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(read(&bomb), Err(CsvError::Sheet(SheetError::Bomb)));
    // Two cells at the ends of the sheet are two cells.
    let sparse = book(|s| {
        s.write_string(0, 0, "名称").unwrap();
        s.write_string(1_048_575, 0, "PLC").unwrap();
    });
    let list = read(&sparse).unwrap();
    assert_eq!(list.cells, [(1_048_576, vec![String::from("PLC")])]);
    let wide = book(|s| {
        s.write_string(0, 16_383, "x").unwrap();
    });
    assert_eq!(read(&wide), Err(CsvError::Sheet(SheetError::TooManyColumns)));
    let long = book(|s| {
        for r in 0..MOST_ROWS as u32 + 2 {
            s.write_string(r, 0, "x").unwrap();
        }
    });
    assert_eq!(read(&long), Err(CsvError::Sheet(SheetError::TooManyRows)));
    // A sheet that is only painted to its end is as long as what stands in it.
    let painted = book(|s| {
        s.write_string(0, 0, "名称").unwrap();
        s.write_string(1, 0, "PLC").unwrap();
        let colour = Format::new().set_bold();
        for r in 2..60_000 {
            s.write_blank(r, 0, &colour).unwrap();
        }
    });
    assert_eq!(read(&painted).unwrap().cells.len(), 1);
    assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
}

#[test]
fn a_workbook_cut_or_changed_anywhere_is_read_or_refused() {
    let whole = book(|s| {
        s.write_string(0, 0, "名称").unwrap();
        s.write_string(1, 0, "PLC").unwrap();
        s.merge_range(2, 0, 4, 0, "x", &Format::new()).unwrap();
    });
    for at in (0..whole.len()).step_by(13) {
        let _ = read(&whole[..at]);
        let mut other = whole.clone();
        other[at] ^= 0x55;
        let _ = read(&other);
    }
}

#[test]
fn headings_are_known_again_however_they_are_written() {
    let header = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    assert_eq!(signature(&header(&["ＭＡＣ アドレス", "Place"])), signature(&header(&["mac_アドレス", " place "])));
    assert_ne!(signature(&header(&["a", "b"])), signature(&header(&["b", "a"])));
    assert_ne!(signature(&header(&["ab", ""])), signature(&header(&["a", "b"])));
    let names: Vec<String> = ledger_list::fields(Lang::En).into_iter().map(|f| f.0).collect();
    assert!(names.contains(&String::from("mac_address")) && !names.contains(&String::from("first_seen")), "{names:?}");
    // A column that stands twice is guessed once; claimed twice by hand, the whole is refused.
    let list = read("名称,名前\nA,B\n".as_bytes()).unwrap();
    assert_eq!(guess(&list.header), ["name", ""]);
    assert!(matches!(list.rows(&header(&["name", "name"])), Err(CsvError::DoubleColumn(_))));
}

proptest! {
    #[test]
    fn any_bytes_of_a_list_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600), zip in any::<bool>()) {
        let bytes = if zip { [b"PK\x03\x04".as_slice(), &bytes].concat() } else { bytes };
        if let Ok(list) = read(&bytes) {
            let rows = list.rows(&guess(&list.header));
            prop_assert!(rows.is_ok());
        }
    }
}

on_both! {
    async fn what_columns_mean_is_remembered_and_the_same_list_changes_nothing(bench) {
        let edit = bench.may(EditAssets);
        let list = read("どれ,どこ\nPLC-1,第1ライン\nHMI-1,第2ライン\n".as_bytes()).unwrap();
        assert_eq!(bench.store.remembered_mapping(&edit, &list.header).await.unwrap(), None);
        assert_eq!(guess(&list.header), ["", ""]);
        let mapping = vec![String::from("name"), String::from("place")];
        let tried = bench.store.import_assets(&edit, list.rows(&mapping).unwrap().rows, true, NOW).await.unwrap();
        assert_eq!((tried.outcomes.len(), tried.outcomes[0].new, tried.outcomes[0].line), (2, true, 2));
        assert!(tried.outcomes[0].changes.iter().any(|c| c.field == "place" && c.to == "第1ライン"), "{tried:?}");
        assert_eq!(bench.store.assets(&bench.may(ViewAssets), &AssetFilter::default()).await.unwrap().total, 0, "it was only tried");
        bench.store.import_assets(&edit, list.rows(&mapping).unwrap().rows, false, NOW).await.unwrap();
        bench.store.remember_mapping(&edit, &list.header, &mapping, NOW).await.unwrap();
        bench.store.remember_mapping(&edit, &list.header, &mapping, NOW).await.unwrap();
        // Next month, with other spaces in the headings.
        let again = read("どれ , どこ\nPLC-1,第1ライン\nHMI-1,第3ライン\n".as_bytes()).unwrap();
        let known = bench.store.remembered_mapping(&edit, &again.header).await.unwrap().unwrap();
        assert_eq!(known, mapping);
        let done = bench.store.import_assets(&edit, again.rows(&known).unwrap().rows, false, NOW).await.unwrap();
        assert_eq!((done.entered.len(), done.changed.len(), done.unchanged), (0, 1, 1));
        assert_eq!(done.outcomes[0].changes[0].from, "第2ライン");
        let twice = bench.store.import_assets(&edit, again.rows(&known).unwrap().rows, false, NOW).await.unwrap();
        assert_eq!((twice.entered.len(), twice.changed.len(), twice.unchanged), (0, 0, 2));
        let told = bench.machine.outbox(1000).await.unwrap();
        let learned = told.iter().filter(|(_, e)| matches!(&e.body, model::Body::Audit(a) if matches!(a.deed, Deed::ImportMapping { .. }))).count();
        assert_eq!(learned, 1, "what is known already is not told again");
    }

    async fn remembered_lists_are_bounded(bench) {
        let edit = bench.may(EditAssets);
        for n in 0..205u32 {
            let header = vec![format!("列{n}")];
            bench.store.remember_mapping(&edit, &header, &[String::from("name")], NOW + model::Span::seconds(i64::from(n))).await.unwrap();
        }
        assert_eq!(bench.store.remembered_mapping(&edit, &[String::from("列0")]).await.unwrap(), None);
        assert!(bench.store.remembered_mapping(&edit, &[String::from("列204")]).await.unwrap().is_some());
        let wide: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        assert!(bench.store.remember_mapping(&edit, &wide, &[], NOW).await.is_err());
    }
}
