//! Live in two namespaces: a scan on the wire is a finding on the page within two seconds.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, Namespace, browser, cable, json_lines, which};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use xtask::client::Client;

/// Two namespaces with a cable, and a console that listens in one of them.
fn watched() -> Option<(Namespace, Namespace, Console, tempfile::TempDir)> {
    let watch = Namespace::make("watch")?;
    let factory = Namespace::make("factory")?;
    cable(&watch, "mirror0", &factory, "line0");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let console = Console::start(Some(&watch), &["--data", &data, "--listen", "127.0.0.1:8443", "--interface", "mirror0"]).unwrap();
    Some((watch, factory, console, folder))
}

fn send(factory: &Namespace, capture: &Path, speed: &[&str]) {
    let replay = which("tcpreplay").expect("tcpreplay is installed: scripts/setup test");
    let output = factory.command(&replay).args(speed).args(["--intf1", "line0"]).arg(capture).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn scan(folder: &Path) -> std::path::PathBuf {
    let capture = folder.join("scan.pcap");
    xtask::capture::command(&[
        "factory".into(),
        "--only".into(),
        "port-scan".into(),
        "--bare".into(),
        "--out".into(),
        capture.display().to_string(),
    ])
    .unwrap();
    capture
}

#[test]
fn a_scan_is_on_the_page_within_two_seconds() {
    let Some((watch, factory, console, folder)) = watched() else { return };
    let capture = scan(folder.path());
    // The browser opens the page, says so by making a file, and then waits for the finding.
    let opened = folder.path().join("opened");
    let password = console.password.clone().expect("a first start prints a password");
    let result = std::thread::scope(|scope| {
        let (page, address) = (opened.clone(), console.address.clone());
        let watch = &watch;
        let waiting = scope.spawn(move || {
            browser(
                Some(watch),
                "live.mjs",
                &[
                    ("HINOMI_URL", &address),
                    ("HINOMI_USER", "admin"),
                    ("HINOMI_PASSWORD", &password),
                    ("HINOMI_OPENED", &page.display().to_string()),
                    ("HINOMI_EXPECT", "doors"),
                ],
            )
        });
        let began = std::time::Instant::now();
        while !opened.is_file() && began.elapsed() < Duration::from_secs(60) && !waiting.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        send(&factory, &capture, &["--topspeed"]);
        std::fs::write(folder.path().join("opened.sent"), b"").unwrap();
        waiting.join().unwrap()
    });
    let text = result.unwrap();
    eprintln!("{text}");
    console.stop().unwrap();
}

#[test]
fn everything_sent_is_received_or_counted_as_dropped() {
    let Some((watch, factory, console, folder)) = watched() else { return };
    let capture = scan(folder.path());
    let sent = end_to_end::json(&["inspect", "--json", &capture.display().to_string()])["packets"].as_u64().unwrap();
    let password = console.password.clone().expect("a first start prints a password");
    let client = Client::first_login(&console.address, &password, &folder.path().join("cookies"), Some(&watch.name)).unwrap();
    let counted = || {
        let sensors = client.json("/api/v1/sensors").unwrap();
        let one = &sensors["items"][0];
        assert_eq!(one["name"], "mirror0", "{sensors}");
        one["packets"].as_u64().unwrap() + one["kernel_drops"].as_u64().unwrap()
    };
    let before = counted();
    send(&factory, &capture, &["--topspeed"]);
    let began = std::time::Instant::now();
    while counted() < before + sent && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(counted(), before + sent, "{sent} frames were sent");
    let data = folder.path().join("data").display().to_string();
    console.stop().unwrap();
    let found = json_lines(&["findings", "list", "--json", "--data", &data]);
    assert!(found.iter().any(|f| f["rule"] == "port-scan"), "{sent} frames were sent: {found:?}");
}

#[test]
fn without_rights_the_start_says_what_to_do() {
    let nobody = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(end_to_end::hinomi())
        .args(["run", "--interface", "lo", "--data", "/tmp/hinomi-nobody", "--listen", "127.0.0.1:0", "--lang", "en"])
        .output();
    let Ok(output) = nobody else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("setpriv") || said.contains("Permission denied") && !said.contains("hinomi:") {
        eprintln!("skipped: another account cannot start the program here: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("setcap"), "{said}");
}
