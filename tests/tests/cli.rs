//! The command line as people and scripts meet it: exit status, languages, messages that say what to do.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{call, hinomi, json};
use std::process::Command;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_speaks_both_languages() {
    for command in [&["--help"][..], &["run", "--help"], &["assets", "import", "--help"], &["replay", "--help"]] {
        let en = call(command);
        assert_eq!(en.status.code(), Some(0));
        let ja = Command::new(hinomi()).args(command).args(["--lang", "ja"]).output().unwrap();
        let (en, ja) = (text(&en.stdout), text(&ja.stdout));
        assert!(en.contains("Usage") && en.is_ascii(), "{en}");
        assert!(ja.contains("使い方"), "{ja}");
    }
}

#[test]
fn wrong_usage_is_2_and_bad_input_is_3_and_unreachable_is_4() {
    assert_eq!(call(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(call(&["inspect"]).status.code(), Some(2));
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.pcap");
    std::fs::write(&bad, b"this is no capture, it is a letter").unwrap();
    let output = call(&["inspect", "--json", &bad.display().to_string()]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("bad.pcap"), "{}", text(&output.stderr));
    let output = call(&["inspect", "/nonexistent/x.pcap"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
}

#[test]
fn an_unknown_setting_names_file_line_and_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hinomi.toml");
    std::fs::write(&file, "[console]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let output = call(&["config", "check", "--config", &file.display().to_string()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("hinomi.toml:2") && said.contains("console.listen"), "{said}");
}

#[test]
fn a_shift_jis_configuration_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hinomi.toml");
    std::fs::write(&file, b"# ok\n[data]\nfolder = \"/\x8dH\x8f\xea\"\n").unwrap();
    let output = call(&["config", "check", "--config", &file.display().to_string()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("hinomi.toml:3") && said.contains("UTF-8"), "{said}");
}

#[test]
fn the_configuration_in_force_is_shown_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hinomi.toml");
    let shown = call(&["config", "show"]);
    std::fs::write(&file, &shown.stdout).unwrap();
    assert_eq!(call(&["config", "check", "--config", &file.display().to_string()]).status.code(), Some(0));
}

#[test]
fn the_built_in_rules_are_checked_and_a_broken_one_is_named() {
    assert_eq!(call(&["rules", "check"]).status.code(), Some(0));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "id = \"mine\"\nrevison = 1\n").unwrap();
    let output = call(&["rules", "check", &folder.path().display().to_string()]);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("mine.toml:"), "{said}");
}

#[test]
fn an_empty_capture_is_an_empty_summary() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pcap");
    std::fs::write(&file, [0xd4u8, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]).unwrap();
    let summary = json(&["inspect", "--json", &file.display().to_string()]);
    assert_eq!(summary["packets"], 0);
    assert!(summary.get("first").is_none(), "what cannot be known is absent: {summary}");
}

#[test]
fn a_port_in_use_and_a_folder_that_cannot_be_written_are_4_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data").display().to_string();
    let capture = folder.path().join("empty.pcap");
    std::fs::write(&capture, [0xd4u8, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]).unwrap();
    let capture = capture.display().to_string();
    let output = call(&["run", "--data", &data, "--listen", &address, "--capture", &capture]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(&address) && said.contains("console.listen"), "{said}");
    let output = call(&["run", "--data", "/proc/hinomi", "--listen", "127.0.0.1:0", "--capture", &capture]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("/proc/hinomi"), "{said}");
}
