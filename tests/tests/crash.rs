//! kill -9 and SIGTERM: nothing acknowledged is lost, nothing is made twice, and it ends in time.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, call, json, json_lines};
use std::path::Path;
use std::time::Duration;

fn capture(folder: &Path) -> (String, String) {
    let file = folder.join("factory.pcap").display().to_string();
    xtask::capture::command(&["factory".into(), "--weeks".into(), "1".into(), "--out".into(), file.clone()]).unwrap();
    (file.clone(), format!("{file}.assets.csv"))
}

fn start(data: &str, capture: &str, ledger: &str) -> Console {
    Console::start(None, &["--data", data, "--listen", "127.0.0.1:0", "--capture", capture, "--assets", ledger]).unwrap()
}

#[test]
fn killed_at_any_moment_it_keeps_what_was_acknowledged_and_makes_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, ledger) = capture(folder.path());
    let whole = folder.path().join("whole").display().to_string();
    let console = start(&whole, &capture, &ledger);
    console.wait_for("captures read", Duration::from_secs(240)).unwrap();
    console.stop().unwrap();
    let expected_assets = json_lines(&["assets", "list", "--json", "--data", &whole]).len();
    let expected_findings = json_lines(&["findings", "list", "--json", "--data", &whole]).len();
    assert!(expected_assets > 5 && expected_findings > 0);

    let data = folder.path().join("killed").display().to_string();
    let mut kept = 0;
    for round in 0..8u64 {
        let console = start(&data, &capture, &ledger);
        std::thread::sleep(Duration::from_millis(40 + round * 130 % 700));
        console.kill();
        let status = json(&["vault", "status", "--json", "--data", &data]);
        let events = status["events"].as_u64().unwrap();
        assert!(events >= kept, "round {round}: {events} < {kept}");
        assert_eq!(status["damage"].as_array().map(Vec::len), Some(0), "{status}");
        kept = events;
    }
    assert_eq!(call(&["vault", "verify", "--data", &data]).status.code(), Some(0));
    let console = start(&data, &capture, &ledger);
    console.wait_for("captures read", Duration::from_secs(240)).unwrap();
    console.stop().unwrap();
    assert_eq!(json_lines(&["assets", "list", "--json", "--data", &data]).len(), expected_assets);
}

#[test]
fn sigterm_ends_within_five_seconds_also_while_a_capture_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, ledger) = capture(folder.path());
    let data = folder.path().join("data").display().to_string();
    let console = start(&data, &capture, &ledger);
    std::thread::sleep(Duration::from_millis(300));
    let (took, status) = console.stop().unwrap();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(status, Some(0));
}

#[test]
fn a_second_hinomi_on_the_same_folder_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, ledger) = capture(folder.path());
    let data = folder.path().join("data").display().to_string();
    let console = start(&data, &capture, &ledger);
    let output = call(&["run", "--data", &data, "--listen", "127.0.0.1:0", "--capture", &capture]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"), "{}", String::from_utf8_lossy(&output.stderr));
    console.stop().unwrap();
}
