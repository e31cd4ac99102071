//! What the engine tells of real captures, held against facts that another program read from the same files (`net/expected.json` under
//! `HINOMI_ORACLES`). Printed as skipped where that folder is not there.

use crate::captures;

use captures::{oracles, read};
use model::activity::{Act, Head, Outcome, Protocol, SsdpKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Lists that another program's answer is compared with.
#[derive(Default, Debug, PartialEq)]
struct Facts {
    sni: BTreeSet<String>,
    names: BTreeSet<String>,
    http: BTreeSet<String>,
    hosts: BTreeSet<String>,
    modbus: BTreeMap<String, u64>,
    ssh: BTreeSet<String>,
    ja3: BTreeSet<String>,
    ja3s: BTreeSet<String>,
    certified: BTreeSet<String>,
    agents: BTreeSet<String>,
    servers: BTreeSet<String>,
    rtsp: BTreeSet<String>,
    sip: BTreeSet<String>,
    sip_status: BTreeMap<String, u64>,
    phones: BTreeSet<String>,
}

fn ours(acts: &[(Head, Act)]) -> Facts {
    let mut f = Facts::default();
    for (_, act) in acts {
        match act {
            Act::Tls(t) => {
                f.sni.extend(Some(t.sni.clone()).filter(|s| !s.is_empty()));
                f.ja3.extend(Some(t.ja3.clone()).filter(|s| !s.is_empty()));
                f.ja3s.extend(Some(t.ja3s.clone()).filter(|s| !s.is_empty()));
                f.certified.extend(
                    t.certificates
                        .iter()
                        .flat_map(|c| &c.names)
                        .filter(|n| n.parse::<std::net::IpAddr>().is_err())
                        .map(|n| n.to_lowercase()),
                );
            }
            Act::Quic(q) => {
                f.sni.extend(Some(q.sni.clone()).filter(|s| !s.is_empty()));
                f.ja3.extend(Some(q.ja3.clone()).filter(|s| !s.is_empty()));
            }
            Act::Rtsp(r) => f.rtsp.extend(Some(r.method.to_lowercase()).filter(|m| !m.is_empty())),
            Act::Sip(s) => {
                if let Some(status) = s.status {
                    *f.sip_status.entry(status.to_string()).or_default() += 1;
                } else {
                    f.sip.insert(s.method.to_lowercase());
                    f.phones.extend(Some(s.user_agent.to_lowercase()).filter(|m| !m.is_empty()));
                }
            }
            Act::Dns(d) => f.names.extend(d.questions.iter().map(|(n, _)| n.clone()).filter(|n| !n.is_empty())),
            Act::Http(h) if !h.method.is_empty() => {
                f.http.insert(format!("{} {}", h.method, h.path));
                f.agents.extend(Some(h.user_agent.to_lowercase()).filter(|m| !m.is_empty()));
                f.servers.extend(Some(h.server.to_lowercase()).filter(|m| !m.is_empty()));
            }
            Act::Ssdp(s) => {
                // The other program counts these among HTTP.
                match s.kind {
                    SsdpKind::Search => f.http.insert("M-SEARCH *".into()),
                    SsdpKind::Alive | SsdpKind::Goodbye => f.http.insert("NOTIFY *".into()),
                    SsdpKind::Answer => false,
                };
                f.agents.extend(Some(s.user_agent.to_lowercase()).filter(|m| !m.is_empty()));
                f.servers.extend(Some(s.server.to_lowercase()).filter(|m| !m.is_empty()));
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
    ("it/quic_interop_handshake.pcap", "ja3s", "of QUIC only the client's hello is read"),
    ("it/tls1_1.pcap", "certificate names", "of 68 names the first 32 are kept"),
    ("formats/fuzz-2006-09-29-28586.pcap", "user agents", "a damaged one is told here and not there"),
    ("formats/fuzz-2006-09-29-28586.pcap", "servers", "answers whose head is damaged are read there and not here"),
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
        for (field, ours, key) in [
            ("ja3", &f.ja3, "tls_ja3"),
            ("ja3s", &f.ja3s, "tls_ja3s"),
            ("certificate names", &f.certified, "x509_dns_names"),
            ("user agents", &f.agents, "http_user_agents"),
            ("servers", &f.servers, "http_servers"),
            ("sip user agents", &f.phones, "sip_user_agents"),
        ] {
            if let Some(theirs) = set(&e[key]) {
                check(field, *ours == theirs, format!("{ours:?} / {theirs:?}"));
            }
        }
        for (field, ours, key) in [("rtsp", &f.rtsp, "rtsp_method"), ("sip", &f.sip, "sip_method")] {
            if let Some(theirs) = e[key].as_object() {
                let theirs: BTreeSet<String> = theirs.keys().map(|k| k.to_lowercase()).collect();
                check(field, *ours == theirs, format!("{ours:?} / {theirs:?}"));
            }
        }
        if let Some(theirs) = e["sip_status"].as_object() {
            let theirs: BTreeMap<String, u64> = theirs.iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap_or(0))).collect();
            check("sip status", f.sip_status == theirs, format!("{:?} / {theirs:?}", f.sip_status));
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

#[test]
fn acts_of_the_link_and_internet_layers_agree_with_another_program() {
    use model::activity::{MembershipKind, WlanKind, WlanSecurity};
    let Some(root) = oracles() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let facts = |name: &str| expected["files"].get(name).or_else(|| expected.get(name)).cloned().unwrap_or_default();
    let acts = |name: &str| read(&root.join(name), false);

    let file = "names-discovery/lldp_and_cdp.pcap";
    let told = acts(file);
    let cdp: Vec<_> = told.iter().filter_map(|(_, a)| if let Act::Cdp(c) = a { Some(c) } else { None }).collect();
    assert_eq!(cdp.len(), 4, "{file}");
    for (key, ours) in [
        ("cdp_device_ids", cdp.iter().map(|c| c.device.to_lowercase()).collect::<BTreeSet<_>>()),
        ("cdp_platforms", cdp.iter().map(|c| c.platform.to_lowercase()).collect()),
        ("cdp_port_ids", cdp.iter().map(|c| c.port.to_lowercase()).collect()),
    ] {
        assert_eq!(Some(ours), set(&facts(file)[key]), "{key}");
    }

    let told = acts("link-tunnel/erspan-type-ii-3.pcap");
    let tree =
        told.iter().find_map(|(_, a)| if let Act::SpanningTree(t) = a { Some(t) } else { None }).expect("70 frames of spanning tree");
    assert!(tree.root.is_some() && tree.bridge.is_some());

    let file = "link-tunnel/icmp6-nd-options.pcap";
    let told = acts(file);
    let routers: Vec<_> = told.iter().filter_map(|(_, a)| if let Act::RouterAdvertisement(r) = a { Some(r) } else { None }).collect();
    assert_eq!(routers.len() as u64, facts(file)["icmpv6_type"]["134"].as_u64().unwrap(), "{file}");
    let prefixes = routers.iter().flat_map(|r| &r.prefixes).map(|p| p.0.to_string()).collect();
    assert_eq!(Some(prefixes), set(&facts(file)["ra_prefixes"]));
    assert!(routers.iter().any(|r| r.link.is_some_and(|l| l.to_string() == "c2:00:54:f5:00:00")));
    let listens =
        told.iter().any(|(h, a)| matches!(a, Act::Membership(m) if m.kind == MembershipKind::Report) && h.protocol == Protocol::Mld);
    assert!(listens, "{file}");
    let told = acts("link-tunnel/icmp_nd_dnssl.pcap");
    assert!(
        told.iter().any(|(_, a)| matches!(a, Act::RouterAdvertisement(r) if (r.lifetime, r.preference) == (1800, 1))),
        "its list of names is damaged"
    );

    let told = acts("link-tunnel/wpaauth_80211.pcapng");
    let wlan: Vec<_> = told.iter().filter_map(|(_, a)| if let Act::Wlan(w) = a { Some(w) } else { None }).collect();
    let beacon = wlan.iter().find(|w| w.kind == WlanKind::Beacon).unwrap();
    assert_eq!((beacon.ssid.as_deref(), beacon.security), (Some("DENVEROFFICE"), WlanSecurity::Wpa));
    assert!(beacon.channel.is_some() && beacon.bssid.is_some_and(|b| b.to_string() == "28:c6:8e:ab:96:16"));
    let messages: Vec<_> = wlan.iter().filter(|w| w.kind == WlanKind::KeyExchange).map(|w| w.message).collect();
    assert_eq!(messages, [Some(1), Some(2), Some(3), Some(4)]);

    let told = acts("attacks/icmp-tunnel.pcap");
    let echo: Vec<_> = told.iter().filter_map(|(_, a)| if let Act::Echo(e) = a { Some(e) } else { None }).collect();
    let types = &facts("attacks/icmp-tunnel.pcap")["icmp_type"];
    assert_eq!(echo.iter().map(|e| u64::from(e.requests)).sum::<u64>(), types["8"].as_u64().unwrap());
    assert_eq!(echo.iter().map(|e| u64::from(e.replies)).sum::<u64>(), types["0"].as_u64().unwrap());
    assert!(echo.iter().any(|e| e.altered > 0), "{echo:?}");
    let told = acts("link-tunnel/pppoe.pcap");
    assert!(told.iter().any(|(_, a)| matches!(a, Act::Echo(e) if e.requests == 5 && e.replies == 5 && e.altered == 0)), "a usual ping");
}

#[test]
fn contradicting_copies_are_told_only_where_captures_have_them() {
    let Some(root) = oracles() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let with: Vec<_> = expected
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| root.join(name).exists())
        .filter(|name| read(&root.join(name.as_str()), false).iter().any(|(_, a)| matches!(a, Act::Conflict(_))))
        .collect();
    // The second one was made with other random text in each retransmission.
    assert_eq!(with, ["reassembly/tcp_overlap.pcap", "reassembly/tcp_reassembly.pcap"]);
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
