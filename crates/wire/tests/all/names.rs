//! Names, discovery, time, management and small devices in real captures, held against what another program read from them
//! (`net/expected.json` under `HINOMI_ORACLES`). Printed as skipped where these are not there.

use crate::captures;

use captures::{oracles, read_all};
use model::activity::{Act, DiscoveryKind, Dns, Head, Protocol, SnmpPdu, SsdpKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Frames counted, and the same for messages where one of our acts stands for one of theirs.
const COUNTED: [Protocol; 12] = [
    Protocol::Dns,
    Protocol::Mdns,
    Protocol::Llmnr,
    Protocol::Dhcp,
    Protocol::Dhcp6,
    Protocol::Nbns,
    Protocol::Nbdgm,
    Protocol::Ssdp,
    Protocol::Ntp,
    Protocol::Snmp,
    Protocol::Coap,
    Protocol::Lldp,
];

/// Where we differ, and why.
const EXPLAINED: &[(&str, Protocol, &str)] = &[
    ("it/coap_mqtt.pcap", Protocol::Coap, "800 messages on port 17500 are CoAP by content; the other goes by the port and says Dropbox"),
    ("link-tunnel/gre-sample.pcap", Protocol::Dns, "two of them are only quoted in ICMP errors"),
    (
        "formats/pcapng_be_test102.pcapng",
        Protocol::Dhcp,
        "one stands in a simple packet block, which the reader of these tests does not know",
    ),
    ("formats/pcapng_le_test202.pcapng", Protocol::Dhcp, "two stand in simple packet blocks"),
];

#[test]
fn frames_of_each_protocol_agree_with_another_program() {
    let Some(root) = oracles() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for (name, e) in expected.as_object().unwrap() {
        let path = root.join(name);
        if !path.exists() {
            continue;
        }
        let (_, frames) = read_all(&path, false);
        for protocol in COUNTED {
            let ours = frames.get(&protocol).copied().unwrap_or(0);
            let theirs = e["protocols"][protocol.name()].as_u64().unwrap_or(0);
            checked += u32::from(theirs > 0);
            if ours != theirs && !EXPLAINED.iter().any(|(n, p, _)| n == name && *p == protocol) {
                wrong.push(format!("{name} {protocol}: {ours} / {theirs}"));
            }
        }
    }
    println!("{checked} counts checked");
    assert!(checked > 40, "only {checked} counts were there to check");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Numbers as keys with how often each came.
fn counts(values: impl Iterator<Item = u64>) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    for value in values {
        *out.entry(value.to_string()).or_default() += 1;
    }
    out
}

fn theirs(e: &Value) -> Option<BTreeMap<String, u64>> {
    Some(e.as_object()?.iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap_or(0))).collect())
}

/// Names without what the other program writes behind them to explain.
fn set(e: &Value) -> Option<BTreeSet<String>> {
    Some(e.as_array()?.iter().filter_map(|v| v.as_str()?.split(" (").next().map(str::to_lowercase)).collect())
}

/// Differences of content, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("it/coap_mqtt.pcap", "coap_code", "with those on port 17500"),
    ("it/coap_mqtt.pcap", "coap_uri_paths", "with those on port 17500"),
    ("link-tunnel/raw_ip.pcap", "dhcp_message_type", "the capture holds the message twice at the same time; a copy is not told again"),
    ("ot/profinet_io_cm_mixed_1.pcap", "dhcp_message_type", "the capture holds every message twice"),
];

/// What is read off one act, under the name that the other program's list has.
type Pick<T> = (&'static str, fn(&Act) -> T);

fn texts(acts: &[(Head, Act)], of: fn(&Act) -> Vec<String>) -> BTreeSet<String> {
    acts.iter().flat_map(|(_, a)| of(a)).map(|s| s.to_lowercase()).filter(|s| !s.is_empty()).collect()
}

#[test]
fn what_messages_say_agrees_with_another_program() {
    let Some(root) = oracles() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for (name, e) in expected.as_object().unwrap() {
        let path = root.join(name);
        if !path.exists() {
            continue;
        }
        let (acts, _) = read_all(&path, false);
        let mut check = |what: &str, same: bool, detail: String| {
            checked += 1;
            if !same && !OTHERWISE.iter().any(|(n, w, _)| n == name && *w == what) {
                wrong.push(format!("{name} {what}: {detail}"));
            }
        };
        let numbers: [Pick<Option<u64>>; 3] = [
            ("dhcp_message_type", |a| if let Act::Dhcp(d) = a { Some(d.message.into()).filter(|m| *m > 0) } else { None }),
            ("ntp_mode", |a| if let Act::Ntp(n) = a { Some(n.mode.into()) } else { None }),
            ("coap_code", |a| if let Act::Coap(c) = a { Some(u64::from(c.code / 100 * 32 + c.code % 100)) } else { None }),
        ];
        for (what, pick) in numbers {
            if let Some(theirs) = theirs(&e[what]) {
                let ours = counts(acts.iter().filter_map(|(_, a)| pick(a)));
                check(what, ours == theirs, format!("{ours:?} / {theirs:?}"));
            }
        }
        let sets: [Pick<Vec<String>>; 6] =
            [
                ("dhcp_vendor_classes", |a| if let Act::Dhcp(d) = a { vec![d.vendor_class.clone()] } else { vec![] }),
                ("dhcp_client_macs", |a| if let Act::Dhcp(d) = a { vec![d.mac.to_string()] } else { vec![] }),
                ("dhcp_requested_ips", |a| {
                    if let Act::Dhcp(d) = a { d.requested_ip.iter().map(ToString::to_string).collect() } else { vec![] }
                }),
                ("lldp_system_names", |a| if let Act::Lldp(l) = a { vec![l.name.clone()] } else { vec![] }),
                ("coap_uri_paths", |a| if let Act::Coap(c) = a { c.path.split('/').map(str::to_owned).collect() } else { vec![] }),
                ("dns_names", |a| {
                    if let Act::Dns(Dns { questions, .. }) = a { questions.iter().map(|(n, _)| n.clone()).collect() } else { vec![] }
                }),
            ];
        for (what, pick) in sets {
            if let Some(theirs) = set(&e[what]) {
                let ours = texts(&acts, pick);
                check(what, ours == theirs, format!("{ours:?} / {theirs:?}"));
            }
        }
        // The other program leaves out names of some messages, writes bytes that are no text in its own way, and does not name senders.
        if let Some(theirs) = set(&e["nbns_names"]) {
            let ours = texts(&acts, |a| if let Act::NetbiosName(n) = a { vec![format!("{}<{:02x}>", n.name, n.suffix)] } else { vec![] });
            let missing: Vec<_> = theirs.difference(&ours).filter(|n| !n.starts_with('<') && !n.contains("<00><00>")).collect();
            check("nbns_names", missing.is_empty(), format!("{missing:?} missing"));
        }
    }
    println!("{checked} facts checked");
    assert!(checked > 40, "only {checked} facts were there to check");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn devices_are_described_and_no_community_is_told() {
    let Some(root) = oracles() else { return };
    let (acts, _) = read_all(&root.join("names-discovery/snmpwalk-short.pcap"), false);
    let mut described = BTreeSet::new();
    for (_, act) in &acts {
        let Act::Snmp(s) = act else { continue };
        let trace = s.community.unwrap();
        assert_eq!(trace.length, 6);
        if s.pdu == SnmpPdu::Response {
            described.extend(s.bindings.iter().filter(|(oid, _)| oid.starts_with("1.3.6.1.2.1.1.")).cloned());
        }
    }
    println!("{described:?}");
    assert!(described.iter().any(|(oid, value)| oid == "1.3.6.1.2.1.1.1.0" && !value.is_empty()));
    assert!(!format!("{acts:?}").contains("\"public\""));
}

#[test]
fn discovery_names_who_asks_and_who_is_looked_for() {
    let Some(root) = oracles() else { return };
    let (acts, _) = read_all(&root.join("names-discovery/ws-discovery.pcap"), false);
    let resolves = acts
        .iter()
        .filter(|(_, a)| matches!(a, Act::Discovery(d) if d.kind == DiscoveryKind::Resolve && d.endpoint.starts_with("urn:uuid:")));
    assert_eq!((acts.len(), resolves.count()), (14, 14));
    let (acts, _) = read_all(&root.join("names-discovery/ssdp-m-search-ua.pcap"), false);
    assert!(
        acts.iter().all(|(_, a)| matches!(a, Act::Ssdp(s) if s.kind == SsdpKind::Search && s.user_agent.starts_with("Google Chrome/")))
    );
    let (acts, _) = read_all(&root.join("names-discovery/netbios.pcap"), false);
    let announced = texts(&acts, |a| match a {
        Act::NetbiosName(n) => n.announced.iter().map(|a| a.name.clone()).collect(),
        _ => vec![],
    });
    println!("{announced:?}");
    assert!(!announced.is_empty());
}
