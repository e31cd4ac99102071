//! Services that anyone can enter, old encryption, the Internet, and conversations told in two ways.

use super::*;

// ---- guessing where no login can be read

fn pair() -> (Endpoint, Endpoint) {
    (end(mac(5), "192.168.1.5", 40_000), end(mac(6), "192.168.1.6", 161))
}
fn community(n: u64, default: bool) -> SecretTrace {
    SecretTrace { kind: SecretKind::Community, length: 6, fingerprint: n, default }
}
pub(super) fn snmp(log: &mut Log, s: i64, pdu: SnmpPdu, n: u64, default: bool) {
    let (c, v) = pair();
    let m = Snmp { version: 2, pdu, community: Some(community(n, default)), ..Snmp::default() };
    act(log, s, seg(), Protocol::Snmp, c, v, Act::Snmp(m));
}

#[test]
fn many_snmp_communities_without_an_answer_are_guessing_and_an_answer_is_a_hit() {
    let mut log = Log::default();
    for n in 0..10 {
        snmp(&mut log, n, SnmpPdu::Get, n as u64, false);
    }
    let f = kinds(&log, "password-guessing");
    assert_eq!(f[0], ("guess".into(), Severity::Week));
    snmp(&mut log, 20, SnmpPdu::Response, 9, false);
    assert_eq!(kinds(&log, "password-guessing").last(), Some(&("success".into(), Severity::Today)));
}

#[test]
fn refused_users_of_snmp_3_are_guessing() {
    let (c, v) = pair();
    let mut log = Log::default();
    for n in 0..8 {
        let bindings = vec![("1.3.6.1.6.3.15.1.1.3.0".to_owned(), n.to_string())];
        let m = Snmp { version: 3, pdu: SnmpPdu::Report, user: format!("u{n}"), bindings, ..Snmp::default() };
        act(&mut log, n, seg(), Protocol::Snmp, c, v, Act::Snmp(m));
    }
    assert_eq!(kinds(&log, "password-guessing")[0].0, "guess");
    // The discovery of an engine, with which every version 3 conversation begins.
    let mut log = Log::default();
    for n in 0..20 {
        let bindings = vec![("1.3.6.1.6.3.15.1.1.4.0".to_owned(), n.to_string())];
        let m = Snmp { version: 3, pdu: SnmpPdu::Report, bindings, ..Snmp::default() };
        act(&mut log, n, seg(), Protocol::Snmp, c, v, Act::Snmp(m));
    }
    assert!(log.findings("password-guessing").is_empty());
}

#[test]
fn every_service_with_logins_counts() {
    use Protocol::{Http, Imap, Kerberos, Ldap, Mqtt, Pop3, Rtsp, Smb, Smtp, Vnc};
    for protocol in [Smb, Kerberos, Ldap, Vnc, Mqtt, Imap, Pop3, Smtp, Http, Rtsp] {
        let mut log = Log::default();
        let (c, v) = pair();
        for n in 0..6 {
            log.login(n, protocol, c, v, if n % 2 == 0 { "" } else { "admin" }, n as u64, Outcome::Failure);
        }
        assert_eq!(kinds(&log, "password-guessing")[0], ("guess".into(), Severity::Week), "{protocol}");
    }
}

#[test]
fn remote_desktop_again_and_again_is_to_be_checked() {
    let run = |count: i64, apart: i64| {
        let mut log = Log::default();
        let (c, v) = pair();
        for n in 0..count {
            let r = Rdp { cookie: "administrator".into(), selected: Some(2), ..Rdp::default() };
            act(&mut log, n * apart, seg(), Protocol::Rdp, c, v, Act::Rdp(r));
        }
        kinds(&log, "password-guessing")
    };
    assert_eq!(run(20, 10)[0], ("sealed".into(), Severity::Check));
    assert!(run(10, 10).is_empty(), "somebody on a bad line");
    assert!(run(20, 60).is_empty(), "evasion: one a minute");
}

#[test]
fn near_misses_of_snmp_guessing() {
    let mut log = Log::default();
    // A monitoring server and its dead printer; then the communities that a discovery tries.
    for n in 0..200 {
        snmp(&mut log, n * 10, SnmpPdu::Get, 1, false);
    }
    for n in 0..5 {
        snmp(&mut log, 5000 + n, SnmpPdu::GetNext, n as u64, false);
    }
    // Every one is answered: several agents behind one address.
    for n in 0..20 {
        snmp(&mut log, 9000 + n, SnmpPdu::Get, 100 + n as u64, false);
        snmp(&mut log, 9000 + n, SnmpPdu::Response, 100 + n as u64, false);
    }
    assert!(log.findings("password-guessing").is_empty(), "{:?}", kinds(&log, "password-guessing"));
}

#[test]
fn evasion_one_community_every_ten_minutes() {
    let mut log = Log::default();
    for n in 0..30 {
        snmp(&mut log, n * 600, SnmpPdu::Get, n as u64, false);
    }
    assert!(log.findings("password-guessing").is_empty());
}

// ---- default credentials

fn login(log: &mut Log, s: i64, protocol: Protocol, user: &str, kind: SecretKind, default: bool, outcome: Outcome) {
    let secret = Some(SecretTrace { kind, length: 5, fingerprint: 5, default });
    let (c, v) = pair();
    let login = Login { user: user.into(), secret, outcome, clear_text: true, anonymous: false };
    log.act(s, protocol, c, v, Act::Login(login));
}

#[test]
fn a_default_password_that_worked_is_urgent_on_every_service() {
    for protocol in [Protocol::Telnet, Protocol::Ftp, Protocol::Http, Protocol::Mqtt, Protocol::Rtsp] {
        let mut log = Log::default();
        login(&mut log, 0, protocol, "admin", SecretKind::Password, true, Outcome::Success);
        assert_eq!(kinds(&log, "default-credentials"), told("default", Severity::Today), "{protocol}");
        assert!(log.findings("clear-login").is_empty(), "one finding for one login");
    }
    let mut log = Log::default();
    login(&mut log, 0, Protocol::Rtsp, "", SecretKind::Password, true, Outcome::Unknown);
    assert_eq!(kinds(&log, "default-credentials"), told("unsure", Severity::Week));
    assert_eq!(log.findings("default-credentials")[0].facts["named"], Fact::Text("no".into()));
    let mut log = Log::default();
    login(&mut log, 0, Protocol::Telnet, "root", SecretKind::Empty, false, Outcome::Success);
    assert_eq!(kinds(&log, "default-credentials"), told("empty", Severity::Week));
}

#[test]
fn an_agent_that_answers_to_public_is_to_be_checked_and_writing_is_graver() {
    let mut log = Log::default();
    snmp(&mut log, 0, SnmpPdu::Get, 1, true);
    assert!(log.findings("default-credentials").is_empty(), "nobody answered yet");
    snmp(&mut log, 1, SnmpPdu::Response, 1, true);
    assert_eq!(kinds(&log, "default-credentials"), told("read", Severity::Check));
    let mut log = Log::default();
    snmp(&mut log, 0, SnmpPdu::Set, 2, true);
    snmp(&mut log, 1, SnmpPdu::Response, 2, true);
    assert_eq!(kinds(&log, "default-credentials"), told("write", Severity::Week));
    let mut log = Log::default();
    entered(&mut log, 0, mac(6), of_kind(Kind::Plc));
    snmp(&mut log, 1, SnmpPdu::Get, 1, true);
    snmp(&mut log, 2, SnmpPdu::Response, 1, true);
    assert_eq!(kinds(&log, "default-credentials"), told("read", Severity::Week), "control equipment");
}

#[test]
fn near_misses_of_default_credentials() {
    let mut log = Log::default();
    login(&mut log, 0, Protocol::Telnet, "admin", SecretKind::Password, true, Outcome::Failure);
    login(&mut log, 1, Protocol::Telnet, "admin", SecretKind::Password, false, Outcome::Success);
    login(&mut log, 2, Protocol::Telnet, "root", SecretKind::Empty, false, Outcome::Failure);
    snmp(&mut log, 3, SnmpPdu::Get, 7, false);
    snmp(&mut log, 4, SnmpPdu::Response, 7, false);
    // A broadcast of a printer driver that nobody answers, and a trap.
    snmp(&mut log, 5, SnmpPdu::Get, 1, true);
    snmp(&mut log, 6, SnmpPdu::Trap, 1, true);
    assert!(log.findings("default-credentials").is_empty());
    assert_eq!(log.findings("clear-login").len(), 1, "readable it was all the same");
}

#[test]
fn evasion_a_default_password_that_is_not_sent_itself() {
    let mut log = Log::default();
    let (c, v) = pair();
    let digest = SecretTrace { kind: SecretKind::Token, length: 32, fingerprint: 5, default: false };
    let login = Login { user: "admin".into(), secret: Some(digest), outcome: Outcome::Success, clear_text: false, anonymous: false };
    log.act(0, Protocol::Http, c, v, Act::Login(login));
    assert!(log.findings("default-credentials").is_empty());
}

// ---- old encryption

fn tls(log: &mut Log, s: i64, server: &str, version: u16, certificate: Option<Certificate>) {
    let t = Tls { version, answered: true, certificates: certificate.into_iter().collect(), ..Tls::default() };
    let m = if server.starts_with("192.168.") { mac(6) } else { mac(1) };
    log.see(s, mac(5), "192.168.1.5");
    log.see(s, mac(6), "192.168.1.6");
    log.act(s, Protocol::Tls, end(mac(5), "192.168.1.5", 4000), end(m, server, 443), Act::Tls(t));
}
fn certificate(days: i64, bits: u16, signature: &str) -> Certificate {
    Certificate {
        subject: "CN=nas".into(),
        not_before: at(-DAY),
        not_after: at(days * DAY),
        key_bits: bits,
        self_signed: true,
        signature: signature.into(),
        ..Certificate::default()
    }
}

#[test]
fn old_versions_of_inside_servers_are_told() {
    for (version, severity) in [(0x0002, Severity::Week), (0x0300, Severity::Week), (0x0301, Severity::Check), (0x0302, Severity::Check)] {
        let mut log = Log::default();
        log.see(0, mac(6), "192.168.1.6");
        for n in 0..50 {
            tls(&mut log, 1 + n, "192.168.1.6", version, None);
        }
        assert_eq!(kinds(&log, "old-encryption"), told("old", severity), "{version:#x}: once a day");
    }
    let mut log = Log::default();
    frame(&mut log, 0, seg(), mac(1), "203.0.113.9");
    tls(&mut log, 1, "203.0.113.9", 0x0301, None);
    assert_eq!(kinds(&log, "old-encryption"), told("outside", Severity::Record));
}

#[test]
fn certificates_are_told_before_and_after_they_run_out_and_renewal_ends_it() {
    let good = "sha256WithRSAEncryption";
    let mut log = Log::default();
    tls(&mut log, 0, "192.168.1.6", 0x0303, Some(certificate(10, 2048, good)));
    assert_eq!(kinds(&log, "old-encryption"), told("expiring", Severity::Check));
    assert_eq!(log.findings("old-encryption")[0].facts["days"], Fact::Count(10));
    tls(&mut log, 12 * DAY, "192.168.1.6", 0x0303, Some(certificate(10, 2048, good)));
    assert!(kinds(&log, "old-encryption").contains(&("expired".into(), Severity::Check)));
    tls(&mut log, 13 * DAY, "192.168.1.6", 0x0303, Some(certificate(400, 2048, good)));
    let f = log.findings("old-encryption");
    assert_eq!(f.last().unwrap().step, Step::Ceased);
}

#[test]
fn weak_keys_and_signatures_are_told() {
    for (bits, signature) in [(1024, "sha256WithRSAEncryption"), (2048, "sha1WithRSAEncryption"), (2048, "md5WithRSAEncryption")] {
        let mut log = Log::default();
        tls(&mut log, 0, "192.168.1.6", 0x0303, Some(certificate(400, bits, signature)));
        assert_eq!(kinds(&log, "old-encryption"), told("weak", Severity::Check), "{bits} {signature}");
    }
}

#[test]
fn near_misses_of_old_encryption() {
    let mut log = Log::default();
    tls(&mut log, 0, "192.168.1.6", 0x0303, Some(certificate(400, 2048, "sha256WithRSAEncryption")));
    tls(&mut log, 1, "192.168.1.6", 0x0303, Some(certificate(400, 256, "ecdsa-with-SHA256")));
    tls(&mut log, 2, "192.168.1.6", 0x0304, None);
    // The client offered old versions only and nobody answered.
    let t = Tls { version: 0, offered: 0x0301, ..Tls::default() };
    log.act(3, Protocol::Tls, end(mac(5), "192.168.1.5", 4000), end(mac(6), "192.168.1.6", 443), Act::Tls(t));
    // An expired certificate outside is not ours.
    frame(&mut log, 4, seg(), mac(1), "203.0.113.9");
    tls(&mut log, 5, "203.0.113.9", 0x0303, Some(certificate(-3, 1024, "sha1WithRSAEncryption")));
    assert!(log.findings("old-encryption").is_empty(), "{:?}", kinds(&log, "old-encryption"));
}

#[test]
fn evasion_an_expired_certificate_inside_tls_1_3() {
    let mut log = Log::default();
    tls(&mut log, 0, "192.168.1.6", 0x0304, None);
    assert!(log.findings("old-encryption").is_empty());
}

// ---- the Internet

fn needs(need: InternetNeed, destinations: &str, until: &str) -> Ledger {
    let internet = Internet { need: Some(need), destinations: destinations.into(), until: until.into(), ..Internet::default() };
    Ledger { internet, ..Ledger::default() }
}
pub(super) fn resolves(log: &mut Log, s: i64, name: &str, address: &str) {
    let record = DnsRecord { name: name.into(), rtype: 1, ttl: 60, ip: Some(ip(address)), text: String::new(), port: None, keys: vec![] };
    let d = Dns { response: true, questions: vec![(name.into(), 1)], records: vec![record], ..Dns::default() };
    log.act(s, Protocol::Dns, end(mac(5), "192.168.1.5", 5353), end(mac(1), "192.168.1.1", 53), Act::Dns(d));
}
/// One conversation of a device with these needs; `answered` or not.
fn talks(ledger: Ledger, name: &str, answered: bool) -> Log {
    let mut log = Log::default();
    frame(&mut log, 0, seg(), mac(1), "198.51.100.1");
    entered(&mut log, 0, mac(5), ledger);
    if !name.is_empty() {
        resolves(&mut log, 5, name, "203.0.113.9");
    }
    let (c, v) = (end(mac(5), "192.168.1.5", 4000), end(mac(1), "203.0.113.9", 443));
    if answered {
        log.talk(10, c, v, 4000);
    } else {
        log.knock(10, c, v, false);
    }
    log
}

#[test]
fn a_device_that_needs_no_internet_and_is_there_is_told() {
    let none = || needs(InternetNeed::NotNeeded, "", "");
    assert_eq!(kinds(&talks(none(), "", true), "internet-need"), told("none", Severity::Week));
    assert_eq!(kinds(&talks(none(), "", false), "internet-need"), told("tried", Severity::Check));
    let plc = Ledger { kind: Some(Kind::Plc), ..none() };
    assert_eq!(kinds(&talks(plc, "", true), "internet-need"), told("none", Severity::Today));
}

#[test]
fn a_device_that_keeps_to_its_destinations_is_silent_and_one_that_does_not_is_told() {
    let only = |destinations: &str, until: &str| needs(InternetNeed::Destinations, destinations, until);
    for (destinations, name) in [
        ("*.example.com", "update.example.com"),
        ("update.example.com", "update.example.com"),
        ("203.0.113.0/24", ""),
        ("203.0.113.9", "elsewhere.example.org"),
        ("*", ""),
    ] {
        let log = talks(only(destinations, ""), name, true);
        assert!(log.findings("internet-need").is_empty(), "{destinations} {name}");
    }
    let log = talks(only("*.example.com", ""), "evil.example.org", true);
    assert_eq!(kinds(&log, "internet-need"), told("other", Severity::Week));
    assert_eq!(log.findings("internet-need")[0].facts["name"], Fact::Text("evil.example.org".into()));
    assert_eq!(kinds(&talks(only("198.51.100.0/24", ""), "", true), "internet-need"), told("other", Severity::Week));
    assert_eq!(kinds(&talks(only("*.example.com", ""), "", true), "internet-need"), told("unnamed", Severity::Check));
    assert_eq!(kinds(&talks(only("*.example.com", "2026-05-31"), "a.example.com", true), "internet-need"), told("lapsed", Severity::Check));
    assert!(talks(only("*.example.com", "2026-06-01"), "a.example.com", true).findings("internet-need").is_empty(), "the last day counts");
}

#[test]
fn the_internet_that_reaches_a_device_is_told() {
    let mut log = Log::default();
    frame(&mut log, 0, seg(), mac(1), "198.51.100.1");
    entered(&mut log, 0, mac(5), needs(InternetNeed::NotNeeded, "", ""));
    log.see(5, mac(5), "192.168.1.5");
    log.talk(10, end(mac(1), "203.0.113.9", 4000), end(mac(5), "192.168.1.5", 3389), 4000);
    assert_eq!(kinds(&log, "internet-need"), told("inbound", Severity::Week));
}

#[test]
fn near_misses_of_needless_internet() {
    // Nobody has said anything.
    assert!(talks(Ledger::default(), "", true).findings("internet-need").is_empty());
    // Inside, and to everybody.
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), needs(InternetNeed::NotNeeded, "", ""));
    log.see(1, mac(6), "192.168.1.6");
    log.talk(10, end(mac(5), "192.168.1.5", 4000), end(mac(6), "192.168.1.6", 443), 4000);
    log.talk(11, end(mac(5), "192.168.1.5", 4000), end(Mac([1, 0, 0x5e, 0, 0, 0xfb]), "224.0.0.251", 5353), 400);
    assert!(log.findings("internet-need").is_empty());
    // Somebody changes the ledger.
    let mut log = talks(needs(InternetNeed::Destinations, "*", ""), "", true);
    let id = AssetId::derived(at(0), EventId { site: SITE, epoch: 1, seq: 1 }, &mac(5).0);
    let to = FieldChange { field: "internet".into(), from: "destinations".into(), to: "none".into() };
    log.deed(20, Deed::AssetEdited { asset: id, changes: vec![to] });
    log.talk(30, end(mac(5), "192.168.1.5", 4000), end(mac(1), "203.0.113.9", 443), 4000);
    assert_eq!(kinds(&log, "internet-need"), told("none", Severity::Week), "the change is followed");
}

#[test]
fn evasion_a_proxy_inside_hides_the_other_side() {
    let mut log = Log::default();
    entered(&mut log, 0, mac(5), needs(InternetNeed::NotNeeded, "", ""));
    log.see(1, mac(6), "192.168.1.6");
    log.talk(10, end(mac(5), "192.168.1.5", 4000), end(mac(6), "192.168.1.6", 3128), 400_000);
    assert!(log.findings("internet-need").is_empty());
}

// ---- copies that differ

pub(super) fn differs(log: &mut Log, s: i64, bytes: u32, fragments: bool) {
    let (c, v) = pair();
    act(log, s, seg(), Protocol::Http, c, v, Act::Conflict(Conflict { bytes, fragments }));
}

#[test]
fn differing_copies_are_told_and_several_conversations_are_graver() {
    let mut log = Log::default();
    differs(&mut log, 0, 40, false);
    assert_eq!(kinds(&log, "content-conflict"), told("stream", Severity::Check));
    differs(&mut log, 1, 40, true);
    differs(&mut log, 2, 40, true);
    assert_eq!(kinds(&log, "content-conflict").last(), Some(&("fragments".into(), Severity::Week)));
}

#[test]
fn near_misses_of_differing_copies() {
    let mut log = Log::default();
    // Keep-alives with a byte of rubbish, all day.
    for n in 0..100 {
        differs(&mut log, n, 1, false);
    }
    assert!(log.findings("content-conflict").is_empty());
    // Two conversations hours apart stay mild.
    differs(&mut log, DAY, 40, false);
    differs(&mut log, DAY + 3 * HOUR, 40, false);
    assert!(kinds(&log, "content-conflict").iter().all(|(_, s)| *s == Severity::Check));
}

#[test]
fn evasion_one_byte_at_a_time() {
    let mut log = Log::default();
    for n in 0..1000 {
        differs(&mut log, n, 1, false);
    }
    assert!(log.findings("content-conflict").is_empty());
}
