//! Our own starts, stops and gaps, as records of the real program; and what the command line says of clocks.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, call, json, json_lines, oracles};
use std::time::Duration;

fn start(data: &str) -> Console {
    let console = Console::start(None, &["--data", data, "--listen", "127.0.0.1:0"]).unwrap();
    console.wait_for("ready", Duration::from_secs(60)).unwrap();
    // The outbox is carried twice a second.
    std::thread::sleep(Duration::from_millis(1500));
    console
}

fn deeds(data: &str) -> Vec<String> {
    let sql = "select kind from audit where action = 'run' order by seq";
    let output = call(&["vault", "query", sql, "--format", "csv", "--data", data]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().skip(1).map(|l| l.trim().to_owned()).collect()
}

#[test]
fn a_start_says_how_the_run_before_ended_and_what_was_not_watched() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    start(&data).stop().unwrap();
    assert_eq!(deeds(&data), ["started", "stopping"]);
    start(&data).kill();
    assert_eq!(deeds(&data), ["started", "stopping", "started", "not_watched"], "killed: no word of an end");
    start(&data).stop().unwrap();
    assert_eq!(deeds(&data)[4..], ["started", "not_watched", "stopping"]);
    let sql = "select rest_core from raw.audit where action = 'run' order by seq";
    assert_eq!(call(&["vault", "query", sql, "--format", "csv", "--data", &data]).status.code(), Some(0));
    let clock = json(&["doctor", "--json", "--data", &data]);
    let said = clock.as_array().unwrap().iter().find(|c| c["what"] == "clock").unwrap()["says"].as_str().unwrap().to_owned();
    assert!(said.contains("synchronised"), "{said}");
}

#[test]
fn who_asks_the_time_is_told_from_a_real_capture() {
    let Some(net) = oracles("net") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let file = net.join("it/ntp.pcap").display().to_string();
    assert!(matches!(call(&["replay", &file, "--data", &data]).status.code(), Some(0 | 1)));
    let all = json_lines(&["assets", "clocks", "--json", "--data", &data]);
    let asks: Vec<_> = all.iter().filter(|a| a["standing"] == "asks").collect();
    assert!(!asks.is_empty(), "{all:?}");
    for a in &asks {
        assert!(a["asset"].is_string() && a["last"].is_string() && a["servers"].as_array().is_some_and(|s| !s.is_empty()), "{a}");
    }
    assert!(all.iter().all(|a| a["standing"] != "never"), "a few minutes say nothing of never");
    let csv = call(&["assets", "clocks", "--csv", "-", "--data", &data]).stdout;
    assert!(csv.starts_with(b"\xef\xbb\xbf") && String::from_utf8_lossy(&csv).lines().count() == all.len() + 1);
}
