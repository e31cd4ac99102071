//! A stocktake of the demo factory, played on a phone in Japanese.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{Console, browser, hinomi};
use std::process::Command;

#[test]
fn a_stocktake_of_the_demo_factory_on_a_phone() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("factory.pcap");
    let words = ["factory", "--only", "port-scan", "--bare", "--out", &capture.display().to_string()].map(String::from);
    xtask::capture::command(&words).unwrap();
    let data = folder.path().join("data").display().to_string();
    let console = Console::start(None, &["--data", &data, "--listen", "127.0.0.1:0"]).unwrap();
    let password = console.password.clone().expect("a first start prints a password");
    // Somebody else, who says something different.
    let made = Command::new(hinomi())
        .args(["users", "add", "suzuki", "--role", "site_engineer", "--data", &data, "--lang", "en"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stdout);
    let second =
        said.lines().find_map(|l| l.split_once("one-time password: ")).and_then(|(_, p)| p.split_whitespace().next()).map(str::to_owned);
    let ledger = format!("{}.assets.csv", capture.display());
    let second = second.unwrap_or_else(|| panic!("no password in: {said}{}", String::from_utf8_lossy(&made.stderr)));
    let text = browser(
        None,
        "stocktake.mjs",
        &[
            ("HINOMI_URL", &console.address),
            ("HINOMI_USER", "admin"),
            ("HINOMI_PASSWORD", &password),
            ("HINOMI_LEDGER", &ledger),
            ("HINOMI_SECOND_USER", "suzuki"),
            ("HINOMI_SECOND_PASSWORD", &second),
        ],
    )
    .unwrap();
    eprintln!("{text}");
    console.stop().unwrap();
}
