//! `kill -9` at random moments while four producers write. `HINOMI_KILLS` sets how often (40; 200 before a release).

use crate::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use vault::Query;

const DIR: &str = "HINOMI_TEST_KILL_DIR";
const RUN: &str = "HINOMI_TEST_KILL_RUN";

/// Not a test: the process that is killed. Writes without end and prints `number seq` for each acknowledged record.
#[test]
fn the_child_that_writes() {
    let Some(home) = std::env::var_os(DIR) else { return };
    let run: u64 = std::env::var(RUN).unwrap().parse().unwrap();
    let v = Arc::new(Vault::open(home.as_ref(), None, Options { roll_bytes: 60_000, ..Options::default() }).unwrap());
    let out = Arc::new(std::sync::Mutex::new(std::io::stdout()));
    let producers: Vec<_> = (0..4u64)
        .map(|p| {
            let (a, out) = (v.appender(), Arc::clone(&out));
            std::thread::spawn(move || {
                for i in 0u64.. {
                    let size = 1 + (i * 7 + p) % 9;
                    let numbers: Vec<u64> = (0..size).map(|j| (run << 40) | (p << 32) | (i * 10 + j)).collect();
                    let batch: Vec<_> = numbers.iter().map(|n| flow(i as i64, p as u8, *n)).collect();
                    let seqs = a.append_and_wait(&batch).unwrap();
                    let text = numbers.iter().zip(seqs).fold(String::new(), |t, (n, s)| t + &format!("ack {n} {s}\n"));
                    let mut out = out.lock().unwrap();
                    out.write_all(text.as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for p in producers {
        p.join().unwrap();
    }
}

#[test]
fn every_acknowledged_record_is_there_once_and_none_is_invented() {
    let kills: u64 = std::env::var("HINOMI_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(40);
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    for run in 1..=kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::the_child_that_writes", "--nocapture"])
            .env(DIR, home.path())
            .env(RUN, run.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            for line in lines.split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).into_owned();
                let mut words = text.split(' ');
                // A line cut by the kill has fewer words or a cut number: it was acknowledged, but we cannot know which.
                if let (Some("ack"), Some(n), Some(s)) = (words.next(), words.next(), words.next())
                    && let (Ok(n), Ok(s)) = (n.parse::<u64>(), s.parse::<u64>())
                {
                    got.push((n, s));
                }
            }
            got
        });
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        std::thread::sleep(Duration::from_millis(25 + seed % 90));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut got = reader.join().unwrap();
        got.pop(); // The last line may be cut in its last digits.
        acknowledged.extend(got);
    }
    assert!(acknowledged.len() as u64 > kills * 10, "{} records in {kills} lives", acknowledged.len());
    let v = Vault::open(home.path(), None, Options::default()).unwrap();
    let mut seen = BTreeSet::new();
    let mut per_producer: BTreeMap<u64, u64> = BTreeMap::new();
    for (next, e) in (1..).zip(v.read(&Query::default())) {
        let e = e.unwrap();
        assert_eq!(e.id.seq, next, "numbers without a gap");
        let n = number(&e);
        assert!(seen.insert(n), "{n} is there twice");
        let (run, p, i) = (n >> 40, (n >> 32) & 0xff, n & 0xffff_ffff);
        assert!((1..=kills).contains(&run) && p < 4 && i % 10 < 9, "{n} is invented");
        let last = per_producer.insert(n >> 32, i);
        assert!(last.is_none_or(|l| l < i), "the order of one producer");
        if let Some(seq) = acknowledged.remove(&n) {
            assert_eq!(seq, e.id.seq);
        }
    }
    assert!(acknowledged.is_empty(), "lost: {acknowledged:?}");
    for d in v.status().damage.into_iter().chain(v.verify().unwrap().damage) {
        assert!(d.last_seq.is_none_or(|l| l < d.first_seq), "{d}");
    }
    assert_eq!(v.epoch(), 1);
}
