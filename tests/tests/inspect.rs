//! `hinomi inspect` against facts that another program derived from captures that nobody here made.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{hinomi, oracles};
use std::process::Command;

#[test]
fn captures_of_others_agree_with_another_program() {
    let Some(net) = oracles("net") else { return };
    let output = Command::new("python3")
        .arg(net.join("compare_inspect.py"))
        .arg(hinomi())
        .arg(net.join("expected.json"))
        .arg(&net)
        .arg("--details")
        .output()
        .expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    eprintln!("{}", text.lines().last().unwrap_or_default());
}

#[test]
fn no_prefix_of_a_capture_makes_it_stumble() {
    let Some(net) = oracles("net") else { return };
    let whole = std::fs::read(net.join("it/tls12.pcap")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for cut in (0..whole.len()).step_by(97) {
        let file = folder.path().join("cut.pcap");
        std::fs::write(&file, &whole[..cut]).unwrap();
        let output = Command::new(hinomi()).args(["inspect", "--json", "--lang", "en"]).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)) && !said.contains("panicked"), "cut at {cut}: {} {said}", output.status);
    }
}
