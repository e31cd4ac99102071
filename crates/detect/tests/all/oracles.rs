//! Real captures through the engine and the watch. Needs HINOMI_ORACLES; says so when it is not there.

use crate::common::*;
use intake::file::CaptureFile;
use model::activity::Head;
use model::coverage::Quality;
use model::*;
use std::path::{Path, PathBuf};
use wire::engine::{Config as EngineConfig, Engine};
use wire::parse::Options;
use wire::sink::Sink;

struct Into<'a> {
    log: &'a mut Log,
}
impl Sink for Into<'_> {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        self.log.put(head.time, Body::Activity(Box::new(Activity { head: *head, act: act.to_owned() })));
    }
    fn flow(&mut self, flow: &Flow) {
        self.log.put(flow.last, Body::Flow(Box::new(*flow)));
    }
    fn observation(&mut self, time: Time, observation: &Observation) {
        self.log.put(time, Body::Observation(*observation));
    }
}

fn root() -> Option<PathBuf> {
    let root = std::env::var_os("HINOMI_ORACLES").map(|r| PathBuf::from(r).join("net")).filter(|p| p.is_dir());
    if root.is_none() {
        println!("skipped: HINOMI_ORACLES is not set or has no net/");
    }
    root
}

fn replay(path: &Path) -> Log {
    let mut log = Log::default();
    let options = Options { secret_key: [7; 32], raw_targets: false, is_default: catalogue::credentials::is_default };
    let mut engine = Engine::new(EngineConfig::default(), options);
    let mut last = Time::MIN;
    let Ok(mut file) = CaptureFile::open(path) else { return log };
    while let Ok(Some(record)) = file.next() {
        let raw = record.raw(SourceId(1));
        last = last.max(raw.time);
        engine.packet(&raw, &mut Into { log: &mut log });
    }
    engine.finish(&mut Into { log: &mut log });
    let s = last.seconds() - MONDAY;
    log.health(s, s + 120, Quality::Full);
    log
}

fn kinds(log: &Log, rule: &str) -> Vec<(String, Severity)> {
    log.findings(rule).iter().map(|f| (kind(f).to_owned(), f.severity)).collect()
}

#[test]
fn attacks_are_found() {
    let Some(root) = root() else { return };
    let run = |name: &str| replay(&root.join("attacks").join(name));
    let mut missing = vec![];
    let mut want = |name: &str, rule: &str, like: &str| {
        let log = run(name);
        let k = kinds(&log, rule);
        if !k.iter().any(|(k, _)| like.is_empty() || k == like) {
            let all: Vec<_> =
                catalogue::rules::DETECTORS.iter().flat_map(|d| kinds(&log, d.id).into_iter().map(move |k| (d.id, k))).collect();
            missing.push(format!("{name}: no {rule} {like}; found {all:?}"));
        }
    };
    want("arppoison.pcapng", "arp-spoofing", "");
    want("synscan.pcapng", "port-scan", "ports");
    want("tcp_scan.pcapng", "port-scan", "");
    want("activeosfingerprinting.pcapng", "port-scan", "");
    want("ftp_bruteforce.pcap", "password-guessing", "guess");
    want("synthetic_telnet_default_login.pcap", "password-guessing", "success");
    want("synthetic_telnet_default_login.pcap", "default-credentials", "default");
    want("telnet.pcap", "clear-login", "");
    want("synthetic_http_beacon.pcap", "beacon", "young");
    want("dns-tunnel-iodine.pcap", "dns-tunnel", "null");
    want("icmp-tunnel.pcap", "icmp-tunnel", "altered");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn ordinary_captures_raise_nothing_urgent() {
    let Some(root) = root() else { return };
    let mut loud = vec![];
    for folder in ["it", "names-discovery", "ot", "link-tunnel", "formats", "reassembly"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.to_string_lossy().contains("pcap")).collect();
        paths.sort();
        for path in paths {
            let log = replay(&path);
            for d in catalogue::rules::DETECTORS {
                for f in log.findings(d.id) {
                    speaks(f);
                    if f.severity <= Severity::Week {
                        println!("{} {} {:?} {}", path.display(), f.rule, f.severity, kind(f));
                    }
                    if f.severity == Severity::Today {
                        loud.push(format!("{}: {} {:?}", path.display(), f.key, f.facts));
                    }
                }
            }
        }
    }
    assert!(loud.is_empty(), "{}", loud.join("\n"));
}

/// Devices of real captures, as `kind maker model os` with per cents: what must be among it.
#[test]
fn devices_are_recognised() {
    use model::asset::{AssetFact, Guess, Property, weigh};
    use std::collections::BTreeMap;
    let Some(root) = root() else { return };
    let mut missing = vec![];
    let mut want = |name: &str, property: Property, value: &str| {
        let log = replay(&root.join(name));
        let mut by_asset: BTreeMap<AssetId, Vec<Guess>> = BTreeMap::new();
        for (id, fact) in log.facts() {
            if let AssetFact::Guess { guess } = fact {
                by_asset.entry(*id).or_default().push(guess.clone());
            }
        }
        let said: Vec<Vec<String>> = by_asset
            .into_values()
            .map(|g| weigh(g).into_iter().map(|g| format!("{} {} {}% {}", g.property, g.value, g.confidence, g.reason)).collect())
            .collect();
        if !said.iter().flatten().any(|s| s.starts_with(&format!("{property} {value}"))) {
            missing.push(format!("{name}: no {property} {value}; found {said:#?}"));
        }
    };
    want("names-discovery/lldp_and_cdp.pcap", Property::Maker, "Cisco");
    want("names-discovery/lldp_and_cdp.pcap", Property::Kind, "switch");
    want("names-discovery/ruggedcom_autodiscovery.pcap", Property::Maker, "");
    want("names-discovery/dhcp_option60.pcap", Property::Kind, "");
    want("names-discovery/ssdp-m-search-ua.pcap", Property::Kind, "pc");
    want("names-discovery/ws-discovery.pcap", Property::Kind, "");
    want("names-discovery/dos_win98_smb_netbeui.pcap", Property::Os, "Windows");
    want("names-discovery/netbios.pcap", Property::Os, "");
    want("ot/modicon_umas.pcap", Property::Maker, "Schneider");
    want("ot/modbus_test.pcap", Property::Kind, "plc");
    want("it/smbv1.pcap", Property::Os, "Windows");
    want("it/smb311.pcap", Property::Os, "Windows");
    want("it/rdp-to-ssl.pcap", Property::Os, "Windows");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A real exchange: who asked, whom, and how far the answering clocks were from the one of the machine that captured.
#[test]
fn who_asks_the_time_is_read_from_a_real_capture() {
    let Some(root) = root() else { return };
    let log = replay(&root.join("it/ntp.pcap"));
    let asked: Vec<_> = log.effects.iter().filter_map(|e| if let detect::Effect::Asked(a) = e { Some(a) } else { None }).collect();
    let answered =
        log.events.iter().filter(|e| matches!(&e.body, Body::Activity(a) if matches!(&a.act, Act::Ntp(n) if n.mode == 4))).count();
    println!("{} events, {answered} answers, asked: {asked:?}", log.events.len());
    assert!(!asked.is_empty(), "somebody asks in it");
    let of_assets = log.discovered();
    assert!(asked.iter().all(|a| of_assets.contains(&a.asset) && a.times > 0 && a.first <= a.last));
    assert!(log.watch.clocks().1 > 0);
    assert!(log.findings("own-clock").is_empty(), "a capture says nothing of our own clock");
}
