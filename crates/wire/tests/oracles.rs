//! What the engine tells of real captures, held against facts that another program read from the same files (`net/expected.json` under
//! `HINOMI_ORACLES`). Printed as skipped where that folder is not there.

#![allow(clippy::unwrap_used)]

use model::activity::{Act, ActRef, Head, Outcome, Protocol};
use model::{Flow, Observation, SourceId, Time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wire::engine::{Config, Engine};
use wire::packet::{LinkType, RawPacket};
use wire::parse::Options;
use wire::sink::Sink;

#[derive(Default)]
struct Told(Vec<(Head, Act)>);
impl Sink for Told {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        self.0.push((*head, act.to_owned()));
    }
    fn flow(&mut self, _: &Flow) {}
    fn observation(&mut self, _: Time, _: &Observation) {}
}

fn oracles() -> Option<PathBuf> {
    let found = std::env::var_os("HINOMI_ORACLES").map(|p| PathBuf::from(p).join("net")).filter(|p| p.join("expected.json").exists());
    if found.is_none() {
        println!("skipped: HINOMI_ORACLES does not lead to net/expected.json");
    }
    found
}

fn number(big: bool, b: &[u8]) -> u64 {
    let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
    if big { b.iter().fold(0, fold) } else { b.iter().rev().fold(0, fold) }
}

/// Reads classic pcap, and of pcapng what these captures have: sections, interfaces, enhanced packets. Timestamps of pcapng are taken as
/// microseconds.
fn frames(file: &[u8], mut each: impl FnMut(LinkType, Time, usize, &[u8])) {
    let Some(magic) = file.get(..4) else { return };
    if magic == [0x0a, 0x0d, 0x0d, 0x0a] {
        let (mut at, mut big, mut links) = (0, false, Vec::new());
        while let Some(block) = file.get(at..).filter(|b| b.len() >= 12) {
            if block[..4] == [0x0a, 0x0d, 0x0d, 0x0a] {
                big = block[8] == 0x1a;
                links.clear();
            }
            let (kind, length) = (number(big, &block[..4]), number(big, &block[4..8]) as usize);
            let Some(block) = block.get(..length).filter(|b| b.len() >= 12) else { return };
            match kind {
                1 => links.push(LinkType(number(big, &block[8..10]) as u16)),
                6 if length >= 32 => {
                    let ticks = number(big, &block[12..16]) << 32 | number(big, &block[16..20]);
                    let (kept, whole) = (number(big, &block[20..24]) as usize, number(big, &block[24..28]) as usize);
                    if let (Some(data), Some(link)) = (block.get(28..28 + kept), links.get(number(big, &block[8..12]) as usize)) {
                        each(*link, Time((ticks as i64).saturating_mul(1000)), whole, data);
                    }
                }
                _ => {}
            }
            at += length;
        }
        return;
    }
    let (big, nano) = match magic {
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
        _ => return,
    };
    let Some(link) = file.get(20..22) else { return };
    let link = LinkType(number(big, if big { &file[22..24] } else { link }) as u16);
    let mut at = 24;
    while let Some(head) = file.get(at..at + 16) {
        let field = |i: usize| number(big, &head[i * 4..i * 4 + 4]);
        let nanos = if nano { field(1) } else { field(1) * 1000 };
        let Some(data) = file.get(at + 16..at + 16 + field(2) as usize) else { return };
        each(link, Time::from_unix(field(0) as i64, nanos as u32), field(3) as usize, data);
        at += 16 + field(2) as usize;
    }
}

fn read(path: &Path, raw_targets: bool) -> Vec<(Head, Act)> {
    let file = std::fs::read(path).unwrap();
    let mut engine = Engine::new(Config::default(), Options { secret_key: [1; 32], raw_targets, is_default: |_, _| false });
    let mut told = Told::default();
    frames(&file, |link, time, whole, data| {
        engine.packet(&RawPacket { time, sensor: SourceId(1), link, wire_len: whole as u32, vlan: None, data }, &mut told);
    });
    engine.finish(&mut told);
    told.0
}

/// Lists that another program's answer is compared with.
#[derive(Default, Debug, PartialEq)]
struct Facts {
    sni: BTreeSet<String>,
    names: BTreeSet<String>,
    http: BTreeSet<String>,
    hosts: BTreeSet<String>,
    modbus: BTreeMap<String, u64>,
    ssh: BTreeSet<String>,
}

fn ours(acts: &[(Head, Act)]) -> Facts {
    let mut f = Facts::default();
    for (_, act) in acts {
        match act {
            Act::Tls(t) if !t.sni.is_empty() => {
                f.sni.insert(t.sni.clone());
            }
            Act::Dns(d) => f.names.extend(d.questions.iter().map(|(n, _)| n.clone()).filter(|n| !n.is_empty())),
            Act::Http(h) if !h.method.is_empty() => {
                f.http.insert(format!("{} {}", h.method, h.path));
            }
            Act::Dhcp(d) if !d.hostname.is_empty() => {
                f.hosts.insert(d.hostname.to_lowercase());
            }
            Act::Modbus(m) => *f.modbus.entry(m.function.to_string()).or_default() += 1,
            Act::Ssh(s) => f.ssh.extend([&s.client, &s.server].into_iter().filter(|v| !v.is_empty()).cloned()),
            _ => {}
        }
    }
    f
}

fn set(value: &Value) -> Option<BTreeSet<String>> {
    Some(value.as_array()?.iter().filter_map(|v| Some(v.as_str()?.to_lowercase().trim_end_matches('.').to_string())).collect())
}

/// Where this program and the other differ, and why.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("it/quic_interop_handshake.pcap", "sni", "QUIC is not read yet"),
    ("formats/fuzz-2006-09-29-28586.pcap", "http", "two requests whose heads never end are told here and not there"),
];

#[test]
fn names_requests_and_functions_agree_with_another_program() {
    let Some(root) = oracles() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let captures = expected.get("captures").unwrap_or(&expected).as_object().unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for (name, e) in captures {
        let path = root.join(name);
        if !path.exists() {
            continue;
        }
        let f = ours(&read(&path, true));
        let mut check = |field: &str, same: bool, detail: String| {
            checked += 1;
            if !same && !EXPLAINED.iter().any(|(n, what, _)| n == name && *what == field) {
                wrong.push(format!("{name} {field}: {detail}"));
            }
        };
        if let Some(theirs) = set(&e["tls_sni"]) {
            check("sni", f.sni == theirs, format!("{:?} / {theirs:?}", f.sni));
        }
        if let Some(theirs) = set(&e["dns_names"]) {
            check("dns", f.names == theirs, format!("{:?}", f.names.symmetric_difference(&theirs)));
        }
        if let Some(theirs) = set(&e["dhcp_hostnames"]) {
            check("dhcp", f.hosts == theirs, format!("{:?} / {theirs:?}", f.hosts));
        }
        if let Some(theirs) = e["ssh_banners"].as_array() {
            let theirs: BTreeSet<String> = theirs.iter().filter_map(|v| v.as_str().map(String::from)).collect();
            check("ssh", f.ssh == theirs, format!("{:?} / {theirs:?}", f.ssh));
        }
        if let Some(requests) = e["http_first_requests"].as_array().filter(|r| e["http_requests"].as_u64() == Some(r.len() as u64)) {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
            let theirs: BTreeSet<String> = requests.iter().map(|r| format!("{} {}", text(&r["method"]), text(&r["uri"]))).collect();
            check("http", f.http == theirs, format!("{:?}", f.http.symmetric_difference(&theirs)));
        }
        if let Some(functions) = e["modbus_function_code"].as_object() {
            let theirs: BTreeMap<String, u64> = functions.iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap_or(0))).collect();
            check("modbus", f.modbus == theirs, format!("{:?} / {theirs:?}", f.modbus));
        }
    }
    println!("{checked} facts checked, {} differ", wrong.len());
    assert!(checked > 50, "only {checked} facts were there to check");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn logins(path: &Path) -> Vec<(Protocol, String, Outcome, bool)> {
    read(path, false)
        .into_iter()
        .filter_map(|(h, a)| match a {
            Act::Login(l) => Some((h.protocol, l.user, l.outcome, l.secret.is_some())),
            _ => None,
        })
        .collect()
}

#[test]
fn logins_are_found_and_judged() {
    let Some(root) = oracles() else { return };
    for name in [
        "attacks/ftp_bruteforce.pcap",
        "attacks/synthetic_telnet_default_login.pcap",
        "attacks/telnet.pcap",
        "it/ftp_ipv4.pcap",
        "it/ssh_single.pcap",
    ] {
        println!("{name}: {:?}", logins(&root.join(name)));
    }
    let guessed = logins(&root.join("attacks/ftp_bruteforce.pcap"));
    assert!(guessed.iter().filter(|l| l.2 == Outcome::Failure).count() >= 20, "{guessed:?}");
    let six = logins(&root.join("attacks/synthetic_telnet_default_login.pcap"));
    let outcomes: Vec<Outcome> = six.iter().map(|l| l.2).collect();
    assert_eq!(outcomes, [[Outcome::Failure; 5].as_slice(), &[Outcome::Success]].concat());
    let real = logins(&root.join("attacks/telnet.pcap"));
    assert!(real.iter().any(|l| l.1 == "fake" && l.3), "{real:?}");
}

#[test]
fn no_known_secret_of_a_capture_is_told() {
    let Some(root) = oracles() else { return };
    // The password of attacks/telnet.pcap is `user`; those of the synthetic one are told by its description.
    for (name, secrets) in [
        ("attacks/telnet.pcap", &["\"user\""][..]),
        ("attacks/synthetic_telnet_default_login.pcap", &["xc3511", "vizxv", "7ujMko0", "klv123"]),
        ("attacks/websql.pcap", &["1%27", "PHPSESSID", "security=low"]),
        ("attacks/cryptowall4_c2.pcapng", &["x4tk7t4jo6", "9m822y31lxud7aj"]),
    ] {
        let all = format!("{:?}", read(&root.join(name), false));
        for secret in secrets {
            assert!(!all.contains(secret), "{name} tells {secret}");
        }
    }
}
