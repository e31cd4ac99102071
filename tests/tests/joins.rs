//! Merging and splitting assets by hand, in a browser.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, browser};
use std::time::Duration;

#[test]
fn assets_are_merged_and_split_and_both_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("factory.pcap").display().to_string();
    xtask::capture::command(&["factory", "--only", "port-scan", "--out", &capture].map(String::from)).unwrap();
    let data = folder.path().join("data").display().to_string();
    let ledger = format!("{capture}.assets.csv");
    let words = ["--data", &data, "--listen", "127.0.0.1:0", "--capture", &capture, "--assets", &ledger];
    let console = Console::start(None, &words).unwrap();
    console.wait_for("captures read", Duration::from_secs(120)).unwrap();
    let password = console.password.clone().expect("a first start prints a password");
    let text =
        browser(None, "joins.mjs", &[("HINOMI_URL", &console.address), ("HINOMI_USER", "admin"), ("HINOMI_PASSWORD", &password)]).unwrap();
    eprintln!("{text}");
    console.stop().unwrap();
}
