//! Every capture of the oracle collection against the facts that TShark read from it. The captures stay outside the repository:
//! the environment variable HINOMI_ORACLES names their folder.

#![allow(clippy::unwrap_used, clippy::panic)]

use intake::file::CaptureFile;
use model::Time;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Captures of which more is read than TShark reads, because it stops at the first damage: name and packets found here.
/// docs/oracle-differences-files.md says why each is right.
const READ_FURTHER: &[(&str, u64)] = &[("formats/bad-caplen-record11.pcap", 99)];

fn oracles() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("HINOMI_ORACLES")?).join("net");
    dir.join("expected.json").exists().then_some(dir)
}

fn time(text: &str) -> Time {
    let (seconds, nanos) = text.split_once('.').unwrap();
    Time::from_unix(seconds.parse().unwrap(), nanos.parse().unwrap())
}

#[test]
fn every_capture_has_the_packets_bytes_and_times_that_tshark_read() {
    let Some(dir) = oracles() else {
        println!("skipped: HINOMI_ORACLES does not name a folder with net/expected.json");
        return;
    };
    let expected: Value = serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (name, facts) in expected.as_object().unwrap() {
        let path: &Path = &dir.join(name);
        if !path.exists() {
            continue;
        }
        seen += 1;
        let mut file = CaptureFile::open(path).unwrap();
        let mut by_interface = std::collections::BTreeMap::<String, u64>::new();
        while let Some(record) = file.next().unwrap() {
            assert!(record.data.len() <= 262_144);
            // TShark numbers interfaces within their section where it can; both agree for files of one section.
            *by_interface.entry(record.interface.to_string()).or_default() += 1;
        }
        let info = file.info();
        let damaged = facts["tshark_exit"] != 0;
        if damaged == info.damage.is_empty() {
            wrong.push(format!("{name}: TShark {} damage, we note {:?}", if damaged { "found" } else { "found no" }, info.damage));
        }
        let mut compare = |what: &str, ours: Value, theirs: &Value| {
            if ours != *theirs {
                wrong.push(format!("{name}: {what}: {ours} here, {theirs} expected"));
            }
        };
        compare("link types", info.link_types.iter().map(|l| l.0).collect::<Vec<_>>().into(), &facts["link_type_numbers"]);
        if let Some((_, packets)) = READ_FURTHER.iter().find(|(n, _)| n == name) {
            compare("packets", info.packets.into(), &Value::from(*packets));
            compare("packets before the damage", (info.packets - info.recovered).into(), &facts["packets"]);
            compare("first", info.first.map(|t| t.0).into(), &facts["first_timestamp"].as_str().map(|t| time(t).0).into());
            continue;
        }
        compare("packets", info.packets.into(), &facts["packets"]);
        compare("recovered", info.recovered.into(), &Value::from(0));
        compare("captured bytes", info.captured_bytes.into(), &facts["bytes_captured"]);
        compare("wire bytes", info.wire_bytes.into(), &facts["bytes_on_wire"]);
        for (what, ours) in [("first_timestamp", info.first), ("last_timestamp", info.last)] {
            compare(what, ours.map(|t| t.0).into(), &facts[what].as_str().map(|t| time(t).0).into());
        }
        if facts["pcapng_sections"] == 1 {
            compare("packets by interface", serde_json::to_value(by_interface).unwrap(), &facts["interfaces"]);
        }
    }
    assert!(seen > 100, "only {seen} captures found in {}", dir.display());
    assert!(wrong.is_empty(), "{} differences in {seen} captures:\n{}", wrong.len(), wrong.join("\n"));
}
