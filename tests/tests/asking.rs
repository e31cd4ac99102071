//! Asking on the machine itself is a record, whether the watch runs or not; and rollups are what the records say.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, call, json, oracles};
use std::time::{Duration, Instant};

const EMPTY: [u8; 24] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

/// How many questions and exports the vault has on record with this action.
fn recorded(data: &str, action: &str) -> u64 {
    let found = json(&["vault", "query", &format!("select count(*) as n from audit where action = '{action}'"), "--data", data, "--json"]);
    found[0]["n"].as_u64().unwrap()
}

fn soon(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_is_asked_on_the_machine_is_recorded_beside_a_running_watch_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let capture = folder.path().join("empty.pcap");
    std::fs::write(&capture, EMPTY).unwrap();
    let capture = capture.display().to_string();
    let start = || Console::start(None, &["--data", &data, "--listen", "127.0.0.1:0", "--capture", &capture]).unwrap();
    let console = start();
    // Each look is itself a question: the number grows by every one of them.
    let first = recorded(&data, "vault.query");
    soon("the running watch takes the question up", || recorded(&data, "vault.query") > first);
    let pack = folder.path().join("pack.zip").display().to_string();
    // What came in the last seconds is in no batch yet, and only the watch can commit it.
    soon("the first record can be proven", || {
        call(&["vault", "prove", "select seq from audit order by seq limit 1", "--data", &data, "-o", &pack]).status.code() == Some(0)
    });
    soon("a pack is recorded", || recorded(&data, "vault.prove") == 1);
    let out = folder.path().join("out").display().to_string();
    std::fs::create_dir(&out).unwrap();
    assert_eq!(call(&["vault", "export", "--to", &out, "--data", &data]).status.code(), Some(0));
    soon("an export is recorded", || recorded(&data, "vault.export") == 1);
    let before = recorded(&data, "vault.query");
    console.stop().unwrap();
    // With nobody running it waits for the next start.
    call(&["vault", "query", "select 1 as marker", "--data", &data, "--json"]);
    let again = start();
    soon("the next start carries it on", || recorded(&data, "vault.query") > before + 1);
    let asked =
        json(&["vault", "query", "select actor, action from audit where action = 'vault.query' limit 1", "--data", &data, "--json"]);
    assert!(!asked[0]["actor"].as_str().unwrap().is_empty(), "{asked}");
    again.stop().unwrap();
    // A question that cannot be written down is not answered.
    let state = std::path::Path::new(&data).join("state.sqlite");
    std::fs::write(&state, b"this is no database").unwrap();
    let refused = call(&["vault", "query", "select count(*) from audit", "--data", &data]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("--archive") && refused.stdout.is_empty(), "{said}");
    // An archive is a copy in somebody's hand.
    let copy = call(&["vault", "query", "select count(*) from audit", "--archive", &out]);
    assert_eq!(copy.status.code(), Some(0), "{}", String::from_utf8_lossy(&copy.stderr));
}

#[test]
fn a_folder_with_a_vault_and_no_state_gets_the_record_straight() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let capture = folder.path().join("empty.pcap");
    std::fs::write(&capture, EMPTY).unwrap();
    let console = Console::start(None, &["--data", &data, "--listen", "127.0.0.1:0", "--capture", &capture.display().to_string()]).unwrap();
    console.stop().unwrap();
    for entry in std::fs::read_dir(&data).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("state.sqlite") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let first = recorded(&data, "vault.query");
    assert_eq!(recorded(&data, "vault.query"), first + 1);
}

#[test]
fn rollups_made_anew_are_what_the_watch_made_of_the_records() {
    let made = tempfile::tempdir().unwrap();
    let factory = made.path().join("factory.pcap").display().to_string();
    xtask::capture::command(&["factory".into(), "--weeks".into(), "1".into(), "--out".into(), factory.clone()]).unwrap();
    let mut captures = vec![factory];
    if let Some(net) = oracles("net/attacks") {
        captures.extend(["ftp_bruteforce.pcap", "synscan.pcapng"].map(|c| net.join(c).display().to_string()));
    }
    for capture in captures {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data").display().to_string();
        assert!(matches!(call(&["replay", &capture, "--data", &data]).status.code(), Some(0 | 1)));
        let made = json(&["vault", "rollups", "--data", &data, "--json"]);
        assert_eq!(made["changed"], 0, "{capture}: {made}");
        let flows = json(&["vault", "query", "select count(*) as n from flow", "--data", &data, "--json"]);
        assert!(flows[0]["n"].as_u64().unwrap() == 0 || made["hours"].as_u64().unwrap() > 0, "{capture}: {made} {flows}");
    }
}
