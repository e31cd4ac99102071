//! Answers over files and head, and what is not read for them.

use super::*;
use datafusion::arrow::array::StringArray;
use std::time::Duration;

/// Ten files of 300 flows and a head of 50; the client of flow n is n modulo 200, one of flow 1234 is 250.
fn flows(dir: &Path) -> Made {
    let mut made = Made::default();
    let flow = |n: i64| a_flow(n, end(if n == 1234 { 250 } else { (n % 200) as u8 }, 1000), end(201, 443), n as u64);
    for f in 0..10 {
        made.seal(dir, &(f * 300..f * 300 + 300).map(flow).collect::<Vec<_>>());
    }
    made.head(&(3000..3050).map(flow).collect::<Vec<_>>());
    made
}

#[test]
fn files_and_head_are_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    assert_eq!(rows(&made, "select count(*), min(seq), max(seq), sum(bytes_up) from flow"), "3050,1,3050,4649725");
    assert_eq!(rows(&made, "select count(*) from flow where bytes_up >= 2990"), "60");
    assert_eq!(rows(&made, "select seq, client_ip from flow order by seq desc limit 2"), "3050,192.168.0.49\n3049,192.168.0.48");
    assert_eq!(rows(&made, "select seq from flow order by seq limit 3 offset 299"), "300\n301\n302");
    assert_eq!(rows(&made, "select time, protocol, state from flow where flow = 5"), "2026-05-01T00:00:05Z,tls,closed");
    assert_eq!(
        rows(&made, "with f as (select client_ip, count(*) n from flow group by client_ip) select max(n), min(n), count(*) from f"),
        "16,1,201"
    );
}

#[test]
fn tables_without_files_or_rows_are_empty() {
    let made = Made::default();
    assert_eq!(rows(&made, "select count(*) from finding"), "0");
    assert_eq!(rows(&made, "select * from evidence"), "");
    assert_eq!(
        made.ask("select * from evidence").unwrap().schema.fields().len(),
        vault::columns::of(Table::Evidence).schema.fields().len() - 5
    );
}

#[test]
fn a_time_range_opens_only_the_files_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let a = made.ask("select count(*) from flow where time >= '2026-05-01T00:10:00Z' and time < '2026-05-01T00:11:40Z'").unwrap();
    assert_eq!(csv(&a), "100");
    assert_eq!((a.scanned.files, a.scanned.files_skipped, a.scanned.row_groups, a.scanned.row_groups_skipped), (10, 9, 3, 2), "{a:?}");
    let a = made.ask("select count(*) from flow where seq > 2999").unwrap();
    assert_eq!((csv(&a).as_str(), a.scanned.files_skipped), ("51", 9));
    let a = made.ask("select count(*) from flow where received < '2026-05-01T00:00:05Z'").unwrap();
    assert_eq!((csv(&a).as_str(), a.scanned.files_skipped), ("5", 9));
}

#[test]
fn an_address_at_either_end_is_found_by_bloom_filters() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let a = made.ask("select seq from flow where client_ip = '192.168.0.250' or server_ip = '192.168.0.250'").unwrap();
    assert_eq!(csv(&a), "1235");
    assert!(a.scanned.row_groups_skipped >= 28 && a.scanned.row_groups_read == 1, "{:?}", a.scanned);
    let a = made.ask("select count(*) from flow where client_mac in ('02:00:00:00:00:fa', '02:00:00:00:00:ff')").unwrap();
    assert_eq!(csv(&a), "1");
    assert!(a.scanned.row_groups_skipped >= 28, "{:?}", a.scanned);
    // Our reading of the filters never hides what is there.
    for n in 0..200 {
        let a = made.ask(&format!("select count(*) from flow where client_ip = '192.168.0.{n}'")).unwrap();
        assert_eq!(
            csv(&a),
            if n == 34 {
                "15"
            } else if n < 50 {
                "16"
            } else {
                "15"
            },
            "{n}"
        );
    }
}

#[test]
fn counting_all_rows_reads_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let a = made.ask("select count(*) from flow").unwrap();
    assert_eq!((csv(&a).as_str(), a.scanned.bytes), ("3050", 0));
}

#[test]
fn the_newest_rows_are_found_without_reading_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let a = made.ask("select seq, client_ip from flow order by time desc limit 5").unwrap();
    assert_eq!(csv(&a).lines().next(), Some("3050,192.168.0.49"));
    assert!(a.scanned.row_groups_read < 30, "{:?}", a.scanned);
}

#[test]
fn what_is_for_putting_records_together_is_shown_only_raw() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let names = |sql: &str| made.ask(sql).unwrap().schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    let shown = names("select * from flow limit 1");
    assert_eq!(shown[..3], ["seq", "batch", "time"]);
    assert!(shown.iter().all(|n| !n.starts_with("rest_") && n != "erased"));
    let raw = names("select * from raw.flow limit 1");
    assert_eq!(raw.len(), shown.len() + 5);
    assert_eq!(rows(&made, "select count(*) from raw.flow where erased is null"), "3050");
}

#[test]
fn rows_are_cut_at_the_limit_and_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let limits = Limits { rows: 7, ..Limits::default() };
    let asked = |sql: &str| ask(&made, &Scope::all(), sql, &limits, &Cancel::new(), false).unwrap();
    let a = asked("select seq from flow order by seq");
    assert_eq!((a.rows, a.cut, csv(&a).lines().last()), (7, true, Some("7")));
    let a = asked("select seq from flow order by seq limit 7");
    assert_eq!((a.rows, a.cut), (7, false));
    let a = asked("explain select * from flow");
    assert!(a.rows > 0 && !a.cut);
}

#[test]
fn explain_show_and_describe_are_questions_too() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    assert!(rows(&made, "explain select * from flow where seq < 5").contains("DataSourceExec"));
    assert!(rows(&made, "describe flow").contains("client_ip"));
    assert!(rows(&made, "show tables").contains("activity"));
    assert!(rows(&made, "select table_name from information_schema.tables where table_schema = 'vault' order by 1").contains("log"));
    let a = made.ask("select count(*) from flow where client_ip = '192.168.0.7'").unwrap();
    let plan = a.explain.unwrap();
    assert!(plan.contains("TableScan: flow") && plan.contains("output_rows"), "{plan}");
    assert!(!plan.contains(dir.path().to_str().unwrap()), "where files are is nobody's business");
}

#[test]
fn joins_between_tables_and_windows() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = flows(dir.path());
    made.seal(dir.path(), &[dns(100, 3, "update.example.com"), login(105, "admin", true)]);
    let sql = "select a.about, f.bytes_up from activity a join flow f on a.flow = f.flow where a.kind = 'dns'";
    assert_eq!(rows(&made, sql), "update.example.com,100");
    let sql = "select seq, lag(seq) over (order by seq) from flow order by seq limit 2";
    assert_eq!(rows(&made, sql), "1,\n2,1");
}

#[test]
fn text_that_arrived_is_data_whatever_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = Made::default();
    made.seal(dir.path(), &[line(1, "x'; drop table flow; --"), line(2, "日本語\u{0}\u{1b}[31m")]);
    assert_eq!(rows(&made, "select count(*) from log where text = 'x''; drop table flow; --'"), "1");
    assert_eq!(rows(&made, "select host || ':' || text || null from log limit 1"), "\"\"");
    assert_eq!(rows(&made, "select level || ' ' || host from log limit 1"), "4 srv-1");
}

#[test]
fn an_older_file_without_a_column_has_no_value_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = Made::default();
    made.seal(dir.path(), &[line(1, "one")]);
    let path = dir.path().join("old.parquet");
    let batch = {
        let f = File::open(&made.tables[&Table::Log].files[0].path).unwrap();
        let all = datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(f).unwrap().build().unwrap();
        let b = all.into_iter().next().unwrap().unwrap();
        let keep: Vec<usize> = (0..b.num_columns()).filter(|i| b.schema().field(*i).name() != "level").collect();
        b.project(&keep).unwrap()
    };
    let mut w = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    w.write(&batch).unwrap();
    w.close().unwrap();
    let mut old = made.tables[&Table::Log].files[0].clone();
    old.path = path;
    (old.first_seq, old.last_seq, old.words) = (2, 2, None);
    made.tables.get_mut(&Table::Log).unwrap().files.push(old);
    assert_eq!(rows(&made, "select level, text from log order by level nulls last"), "4,one\n,one");
    assert_eq!(rows(&made, "select count(*) from log where level = 4"), "1");
    assert_eq!(rows(&made, "select count(*) from log where level is null and has_words(text, 'ONE')"), "1");
}

#[test]
fn damage_is_named_and_a_file_that_was_let_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let path = made.tables[&Table::Flow].files[3].path.clone();
    let good = std::fs::read(&path).unwrap();
    // In the middle of data.
    let mut bad = good.clone();
    let footer = u32::from_le_bytes(good[good.len() - 8..][..4].try_into().unwrap()) as usize;
    let data = bad.len() - footer - 8;
    for b in bad[4..data * 2 / 3].iter_mut().skip(1).step_by(3) {
        *b ^= 0x55;
    }
    std::fs::write(&path, &bad).unwrap();
    let e = made
        .ask("select sum(bytes_up), max(client_ip), max(server_ip), max(last), max(flow) from flow where flow between 900 and 1199")
        .unwrap_err();
    assert!(matches!(&e, AskError::Damaged { files, .. } if files.contains(&path)), "{e:?}");
    assert!(e.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{e}");
    // In the footer.
    std::fs::write(&path, &good[..good.len() - 9]).unwrap();
    let e = made.ask("select max(client_ip) from flow").unwrap_err();
    assert!(matches!(&e, AskError::Damaged { files, .. } if *files == [path.clone()]), "{e:?}");
    // Gone.
    std::fs::remove_file(&path).unwrap();
    let e = made.ask("select max(client_ip) from flow").unwrap_err();
    assert_eq!(e, AskError::Gone { file: path.clone() });
    // Others are read as before.
    assert_eq!(rows(&made, "select count(*) from flow where seq <= 900"), "900");
    std::fs::write(&path, &good).unwrap();
    assert_eq!(rows(&made, "select max(seq) from flow where seq <= 1200"), "1200");
}

#[test]
fn time_is_limited_and_a_question_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let endless = "select count(*) from flow a, flow b, flow c where a.seq + b.seq * c.seq = 7";
    let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    let began = std::time::Instant::now();
    let e = ask(&made, &Scope::all(), endless, &limits, &Cancel::new(), false).unwrap_err();
    assert_eq!(e, AskError::TooSlow { limit: limits.time });
    assert!(began.elapsed() < Duration::from_secs(3));

    let cancel = Cancel::new();
    let flag = cancel.clone();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        flag.cancel();
    });
    let e = ask(&made, &Scope::all(), endless, &Limits::default(), &cancel, false).unwrap_err();
    assert_eq!(e, AskError::Cancelled);
    stopper.join().unwrap();
    assert_eq!(ask(&made, &Scope::all(), "select 1", &Limits::default(), &cancel, false).unwrap_err(), AskError::Cancelled);
}

#[test]
fn it_can_be_asked_from_a_thread_of_a_runtime_and_many_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(rows(&made, "select count(*) from flow"), "3050");
    });
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                for n in 0..10 {
                    assert_eq!(rows(&made, &format!("select count(*) from flow where flow < {n}")), n.to_string());
                }
            });
        }
    });
}

#[test]
fn what_is_wrong_is_said_with_the_place_and_what_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    let made = flows(dir.path());
    let e = |sql: &str| made.ask(sql).unwrap_err();
    assert!(matches!(e("select * frm flow\nwhere"), AskError::Syntax { line: 1, .. }), "{:?}", e("select * frm flow\nwhere"));
    assert!(matches!(e("select *\nfrom flow where (seq = "), AskError::Syntax { .. }));
    assert_eq!(e("select 'open from flow").to_string().split(':').next(), Some("line 1, column 8"));
    assert_eq!(e("select * from flows").to_string(), "there is no table flows; did you mean flow?");
    assert_eq!(e("select clientip from flow").to_string(), "there is no column clientip; did you mean client_ip?");
    assert_eq!(e("select * from flow f where f.byte_up > 1").to_string(), "there is no column f.byte_up; did you mean bytes_up?");
    assert_eq!(e("select has_word(host, 'x') from log").to_string(), "there is no function has_word here; did you mean has_words?");
    assert!(matches!(e("select sum(client_ip) from flow"), AskError::Wrong { .. }), "{:?}", e("select sum(client_ip) from flow"));
    assert!(matches!(e("select cast(client_ip as int) from flow"), AskError::Wrong { .. }));
    assert!(matches!(e(""), AskError::Syntax { .. }));
    assert!(matches!(e("select * from flow where seq = $seq"), AskError::Wrong { .. } | AskError::Engine { .. }));
}

#[test]
fn answers_hold_plain_text_and_no_more_memory_than_they_need() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = Made::default();
    let wide = "w".repeat(2000);
    made.seal(dir.path(), &(0..2000).map(|n| line(n, &format!("{n} {wide}"))).collect::<Vec<_>>());
    let a = made.ask("select text from log where process is null and seq % 500 = 0").unwrap();
    assert_eq!(a.rows, 4);
    assert!(a.batches.iter().all(|b| b.column(0).as_any().is::<StringArray>()));
    let bytes: usize = a.batches.iter().map(RecordBatch::get_array_memory_size).sum();
    assert!(bytes < 40_000, "{bytes}");
}
