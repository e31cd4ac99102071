//! Searching lines.

use super::*;

fn made(dir: &Path) -> Made {
    let mut made = Made::default();
    for f in 0..5i64 {
        let lines: Vec<_> = (0..1000)
            .map(|i| {
                let n = f * 1000 + i;
                line(
                    n,
                    &match n {
                        2345 => "ユーザー認証失敗しました（plc-07.line2, 10.20.30.44）".into(),
                        4321 => "Unexpected FIRMWARE-Download started by engineering station".into(),
                        _ => format!("session opened for user u{} from 192.168.0.{} port {}", n % 30, n % 200, 20_000 + n),
                    },
                )
            })
            .collect();
        made.seal(dir, &lines);
    }
    made.head(&[line(6000, "認証失敗 again")]);
    made
}

#[test]
fn rare_words_read_one_row_group() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    for (words, seqs, most) in [
        ("firmware-download", "4322", 1),
        ("engineering unexpected", "4322", 1),
        ("10.20.30.44", "2346", 1),
        ("plc-07", "2346", 1),
        ("認証失敗", "2346\n5001", 1),
        ("失敗", "2346\n5001", 1),
        ("24321", "", 1),
        ("nothing of that", "", 0),
    ] {
        let a = made.ask(&format!("select seq from log where has_words(text, '{words}') order by seq")).unwrap();
        assert_eq!(csv(&a), seqs, "{words}");
        assert!(a.scanned.row_groups_read <= most + 2, "{words}: {:?}", a.scanned);
    }
    assert_eq!(rows(&made, "select count(*) from log where has_words(text, 'session U7')"), "167");
    assert_eq!(rows(&made, "select count(*) from log where not has_words(text, 'session')"), "3");
    assert_eq!(rows(&made, "select count(*) from log where has_words(text, 'firmware-download') or has_words(text, '10.20.30.44')"), "2");
    assert_eq!(rows(&made, "select count(*) from log where has_words(host, 'srv')"), "5001");
    assert_eq!(rows(&made, "select count(*) from log where has_words(text, host)"), "0");
}

#[test]
fn every_line_is_found_by_each_of_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    for n in (0..5000).step_by(97).filter(|n| *n != 2345 && *n != 4321) {
        let words = format!("192.168.0.{} {}", n % 200, 20_000 + n);
        let a = made.ask(&format!("select seq from log where has_words(text, '{words}')")).unwrap();
        assert_eq!(csv(&a), (n + 1).to_string(), "{words}");
    }
}

#[test]
fn a_damaged_or_missing_filter_hides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = made(dir.path());
    let sql = "select seq from log where has_words(text, 'firmware-download')";
    let path = made.tables[&Table::Log].files[4].words.clone().unwrap();
    let good = std::fs::read(&path).unwrap();
    for spoil in [good[..100].to_vec(), good.iter().map(|b| b ^ 0x20).collect(), Vec::new()] {
        std::fs::write(&path, spoil).unwrap();
        let a = made.ask(sql).unwrap();
        assert_eq!(csv(&a), "4322");
        assert!(a.notes.len() == 1 && a.notes[0].contains("make it again"), "{:?}", a.notes);
    }
    // Every page.
    let mut bad = good.clone();
    for at in (4096..good.len() - 200).step_by(64) {
        bad[at] ^= 0xff;
    }
    std::fs::write(&path, bad).unwrap();
    let a = made.ask(sql).unwrap();
    assert_eq!((csv(&a).as_str(), a.notes.len()), ("4322", 1), "{:?}", a.notes);
    // Of another file.
    std::fs::copy(made.tables[&Table::Log].files[0].words.as_ref().unwrap(), &path).unwrap();
    let shorter = dir.path().join("shorter");
    std::fs::write(&shorter, words::Writer::new(Vec::new()).unwrap().finish(10).unwrap()).unwrap();
    made.tables.get_mut(&Table::Log).unwrap().files[4].words = Some(shorter);
    let a = made.ask(sql).unwrap();
    assert_eq!((csv(&a).as_str(), a.notes.len()), ("4322", 1), "{:?}", a.notes);
    // Missing.
    std::fs::remove_file(&path).unwrap();
    made.tables.get_mut(&Table::Log).unwrap().files[4].words = Some(path);
    assert_eq!(rows(&made, sql), "4322");
    made.tables.get_mut(&Table::Log).unwrap().files[4].words = None;
    assert_eq!(rows(&made, sql), "4322");
}
