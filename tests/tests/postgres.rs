//! The whole program with its state in PostgreSQL (`data.state`): the same as with SQLite, after a kill, and while the server is away.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, call, json_lines, postgres};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// What people decide by: who is there, and what was found.
fn shown(args: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let list = |noun: &str, key: fn(&Value) -> String| {
        let args: Vec<&str> = [noun, "list", "--json"].iter().chain(args).copied().collect();
        json_lines(&args).iter().map(key).collect::<BTreeSet<String>>()
    };
    let ends = |a: &Value| {
        let all = a["addresses"].as_array().into_iter().flatten();
        let ends: Vec<String> = all.map(|at| format!("{} {}", at["mac"], at["ip"])).collect();
        ends.join("; ")
    };
    (list("assets", ends), list("findings", |f| format!("{} {}", f["rule"], f["severity"])))
}

fn start(config: &str, capture: &str, ledger: &str) -> Console {
    Console::start(None, &["--config", config, "--listen", "127.0.0.1:0", "--capture", capture, "--assets", ledger]).unwrap()
}

#[test]
fn the_whole_watch_on_postgresql_shows_what_it_shows_on_sqlite() {
    let Some(url) = postgres::fresh_database() else {
        println!("skipped: no PostgreSQL on this machine (apt-get install postgresql)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("factory.pcap").display().to_string();
    xtask::capture::command(&["factory".into(), "--weeks".into(), "1".into(), "--out".into(), capture.clone()]).unwrap();
    let ledger = format!("{capture}.assets.csv");
    let sqlite = folder.path().join("sqlite").display().to_string();
    assert_eq!(call(&["replay", "--data", &sqlite, "--assets", &ledger, &capture]).status.code(), Some(0));
    let expected = shown(&["--data", &sqlite]);
    assert!(expected.0.len() > 5 && !expected.1.is_empty(), "{expected:?}");

    let data = folder.path().join("postgres").display().to_string();
    let config = folder.path().join("hinomi.toml").display().to_string();
    std::fs::write(&config, format!("[data]\nfolder = \"{data}\"\nstate = \"{url}\"\n")).unwrap();
    // Killed on the way, then read to the end: nothing is missing and nothing there twice.
    let console = start(&config, &capture, &ledger);
    std::thread::sleep(Duration::from_millis(700));
    console.kill();
    let console = start(&config, &capture, &ledger);
    console.wait_for("captures read", Duration::from_secs(240)).unwrap();
    assert!(!Path::new(&data).join("state.sqlite").exists(), "nothing of the state lies in SQLite");

    // The server goes away and comes back: the console says so instead of ending, and goes on by itself.
    postgres::end_server();
    let answer = curl(&format!("{}/api/v1/assets", console.address));
    assert!(answer.starts_with('5'), "without its database the console says that it cannot, it said {answer}");
    postgres::start_server_again();
    let mut answer = String::new();
    for _ in 0..60 {
        answer = curl(&format!("{}/api/v1/assets", console.address));
        if answer == "401" {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(answer, "401", "it goes on once the database is back");
    let (took, status) = console.stop().unwrap();
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(shown(&["--config", &config]), expected);
}

/// The status that a page answers with to somebody whose session must be looked up in the database.
fn curl(address: &str) -> String {
    let cookie = format!("Cookie: __Host-hinomi={:064x}", 7);
    let out = std::process::Command::new("curl")
        .args(["-sk", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", "-H", &cookie, address])
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}
