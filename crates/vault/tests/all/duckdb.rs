//! Segment files are ordinary Parquet: DuckDB, which knows nothing of us, reads them and finds what was written.

use crate::*;
use model::event::LogRecord;

#[test]
fn duckdb_reads_our_files() {
    let ready = python().args(["-c", "import duckdb"]).status();
    if !ready.is_ok_and(|s| s.success()) {
        return println!("skipped: Python with the package duckdb is not there");
    }
    let home = tempfile::tempdir().unwrap();
    let v = Vault::open(&home.path().join("vault"), Some(site()), Options { compact: false, ..Options::default() }).unwrap();
    let line = |i: i64| NewEvent {
        source: SourceId(4),
        received: Time::from_unix(T0 + i, 0),
        happened: None,
        body: Body::Log(Box::new(LogRecord {
            host: format!("host-{}", i % 3),
            text: format!("設備 {i} 起動"),
            level: Some(6),
            ..LogRecord::default()
        })),
    };
    let events: Vec<_> = (0..5000).map(|i| if i % 5 == 0 { line(i) } else { flow(i, (i % 7) as u8, i as u64) }).collect();
    // Two files of each table, and the small ones that compaction would merge.
    for part in events.chunks(2500) {
        v.appender().append_and_wait(part).unwrap();
        v.seal().unwrap();
    }
    v.appender().append_and_wait(&[audit(6000, "1.0"), observation(6001, 9)]).unwrap();
    v.seal().unwrap();
    let script = r#"
import sys, duckdb
db = duckdb.connect()
db.execute("set timezone = 'UTC'")
def ask(table, sql):
    return db.execute(sql.replace('FROM', f"from read_parquet('{sys.argv[1]}/{table}-*.parquet')")).fetchone()
print(*ask('flow', 'select count(*), min(seq), max(seq), sum(bytes_down), count(distinct client_ip) FROM'))
print(*ask('flow', "select count(*), epoch_ns(min(time)) FROM where client_ip = '192.0.2.3' and protocol = 'tls'"))
print(*ask('log', "select count(*), max(text), max(level) FROM where host = 'host-1' and text like '%起動'"))
print(*ask('log', 'select count(*) FROM where happened is not null or seq is null'))
print(*ask('audit', 'select count(*), max(actor) FROM'))
print(*ask('observation', 'select count(*), max(mac) FROM'))
"#;
    let out = python().args(["-c", script]).arg(home.path().join("vault").join("segments")).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let lines: Vec<&str> = said.lines().collect();
    let flows = |wanted: &dyn Fn(i64) -> bool| (0..5000).filter(|i| i % 5 != 0 && wanted(*i)).count();
    assert_eq!(lines[0], format!("4000 2 5000 {} 7", 4000 * 4000));
    assert_eq!(lines[1], format!("{} {}", flows(&|i| i % 7 == 3), (T0 + 3) * 1_000_000_000));
    let of_host = |i: &i64| i % 5 == 0 && i % 3 == 1;
    let last = (0..5000).filter(of_host).map(|i| format!("設備 {i} 起動")).max().unwrap();
    assert_eq!(lines[2], format!("{} {last} 6", (0..5000).filter(of_host).count()));
    assert_eq!(lines[3], "0");
    assert_eq!(lines[4], "1 佐藤");
    assert!(lines[5].starts_with("1 02:00:00:00:00:"), "{}", lines[5]);
}
