//! Captures through the whole watch: what must be found, and where there must be silence.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use end_to_end::{json_lines, oracles};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

fn findings(capture: &Path, ledger: Option<&Path>) -> Vec<Value> {
    let capture = capture.display().to_string();
    let mut args = vec!["replay", "--json", "--print", "findings", &capture];
    let ledger = ledger.map(|l| l.display().to_string());
    // The zones of the invented factory stand beside its ledger.
    let settings = format!("{capture}.settings.toml");
    if let Some(ledger) = &ledger {
        args.extend(["--assets", ledger, "--settings", &settings]);
    }
    json_lines(&args)
}

fn rules(found: &[Value]) -> Vec<(&str, &str)> {
    found.iter().map(|f| (f["rule"].as_str().unwrap_or_default(), f["severity"].as_str().unwrap_or_default())).collect()
}

#[test]
fn attacks_of_others_are_found() {
    let Some(net) = oracles("net/attacks") else { return };
    for (capture, rule) in [
        ("synscan.pcapng", "port-scan"),
        ("tcp_scan.pcapng", "port-scan"),
        ("activeosfingerprinting.pcapng", "port-scan"),
        ("ftp_bruteforce.pcap", "password-guessing"),
        ("synthetic_telnet_default_login.pcap", "password-guessing"),
        ("synthetic_telnet_default_login.pcap", "default-credentials"),
        ("telnet.pcap", "clear-login"),
        ("arppoison.pcapng", "arp-spoofing"),
        ("synthetic_http_beacon.pcap", "beacon"),
        ("dns-tunnel-iodine.pcap", "dns-tunnel"),
        ("icmp-tunnel.pcap", "icmp-tunnel"),
    ] {
        let found = findings(&net.join(capture), None);
        assert!(rules(&found).iter().any(|(r, _)| *r == rule), "{capture}: {:?}", rules(&found));
        for finding in &found {
            assert!(
                !finding["words"]["happened"].as_str().unwrap_or_default().is_empty() && !finding.to_string().contains('⟦'),
                "{finding}"
            );
        }
    }
}

#[test]
fn ordinary_traffic_of_others_raises_nothing_for_today() {
    let Some(net) = oracles("net") else { return };
    let explained = std::fs::read_to_string(end_to_end::root().join("docs/en/findings.md")).unwrap();
    for folder in ["it", "names-discovery"] {
        for entry in std::fs::read_dir(net.join(folder)).unwrap() {
            let capture = entry.unwrap().path();
            let name = capture.file_name().unwrap().to_string_lossy().into_owned();
            let found = findings(&capture, None);
            let urgent: Vec<_> = rules(&found).into_iter().filter(|(_, s)| *s == "today").collect();
            assert!(urgent.is_empty() || explained.contains(&name), "{name}: {urgent:?}, and docs/en/findings.md does not explain it");
        }
    }
}

/// A capture of one scenario of the invented factory, with its ledger.
fn scenario(name: &str) -> (PathBuf, PathBuf) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let capture = folder.path().join(format!("{name}.pcap"));
    if !capture.is_file() {
        xtask::capture::command(&["factory".into(), "--only".into(), name.into(), "--out".into(), capture.display().to_string()]).unwrap();
    }
    let ledger = PathBuf::from(format!("{}.assets.csv", capture.display()));
    (capture, ledger)
}

#[test]
fn every_scenario_of_the_factory_ends_as_its_script_says() {
    // Each scenario is a program of its own, so as many run at once as there are processors.
    let left = Mutex::new(xtask::capture::scenarios().iter());
    let wrong = Mutex::new(Vec::new());
    let work = || {
        while let Some(expected) = { left.lock().unwrap().next() } {
            let (capture, ledger) = scenario(expected.name);
            let found = findings(&capture, Some(&ledger));
            let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
            for (rule, _) in rules(&found) {
                *by_rule.entry(rule).or_default() += 1;
            }
            let complaint = match expected.finding {
                Some(rule) if !by_rule.contains_key(rule) => format!("{}: wanted {rule}, found {by_rule:?}", expected.name),
                None if !by_rule.is_empty() => format!("{}: wanted silence, found {by_rule:?}", expected.name),
                _ => continue,
            };
            wrong.lock().unwrap().push(complaint);
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn four_ordinary_weeks_raise_fewer_than_one_false_finding_per_asset_and_week_and_none_for_today() {
    let folder = tempfile::tempdir().unwrap();
    for seed in [1, 2, 3] {
        let figure = xtask::quiet::measure(&end_to_end::hinomi(), folder.path(), seed).unwrap();
        eprintln!("seed {seed}: {figure}");
        assert!(figure.assets >= 18, "{figure}");
        assert!(figure.rate() < 1.0 && figure.today == 0, "{figure}");
    }
}

#[test]
fn the_same_capture_twice_into_one_folder_adds_no_asset() {
    let (capture, ledger) = scenario("port-scan");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let (capture, ledger) = (capture.display().to_string(), ledger.display().to_string());
    let once = json_lines(&["replay", "--json", "--print", "assets", "--data", &data, "--assets", &ledger, &capture]).len();
    let twice = json_lines(&["replay", "--json", "--print", "assets", "--data", &data, "--assets", &ledger, &capture]).len();
    assert!(once > 0);
    assert_eq!(once, twice);
}

#[test]
fn settings_and_zones_come_back_as_they_were_given() {
    let (capture, _) = scenario("port-scan");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let settings = format!("{}.settings.toml", capture.display());
    json_lines(&["replay", "--json", "--data", &data, "--settings", &settings, &capture.display().to_string()]);
    let export = || String::from_utf8(end_to_end::call(&["settings", "export", "--data", &data]).stdout).unwrap();
    let first = export();
    assert!(first.contains("name = \"制御\"") && first.contains("\"192.168.10.48/28\"") && first.contains("# calendar = "), "{first}");
    let file = folder.path().join("site.toml");
    std::fs::write(&file, "[settings]\ncalendar = \"2026-08-11..2026-08-16 off 夏季休業\"\n").unwrap();
    let imported = end_to_end::call(&["settings", "import", "--data", &data, &file.display().to_string()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let second = export();
    let line = "\ncalendar = \"days mon tue wed thu fri; holidays japan; 2026-08-11..2026-08-16 off 夏季休業\"\n";
    assert!(second.contains(line) && second.contains("name = \"制御\""), "{second}");
    std::fs::write(&file, "[[zone]]\nname = \"x\"\nlayer = \"moon\"\n").unwrap();
    assert_eq!(end_to_end::call(&["settings", "import", "--data", &data, &file.display().to_string()]).status.code(), Some(3));
}
