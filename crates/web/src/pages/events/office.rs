//! One line on acts of office networks and of brokers and controllers, in the reader's words.

use crate::view::T;
use model::Act;
use model::activity::{Kerberos, Ldap, Modbus, ModbusIdentity, Mqtt, Ntlm, Rdp, Remote, Smb, SmbKind};

/// The line, if the act is of this family.
pub(super) fn line(t: T, act: &Act) -> Option<String> {
    Some(match act {
        Act::Smb(s) => smb(t, s),
        Act::Ntlm(n) => ntlm(t, n),
        Act::Kerberos(k) => kerberos(t, k),
        Act::Ldap(l) => ldap(t, l),
        Act::Rdp(r) => rdp(t, r),
        Act::Remote(r) => remote(t, r),
        Act::Mqtt(m) => mqtt(t, m),
        Act::Modbus(m) => modbus(t, m),
        Act::ModbusIdentity(i) => identity(t, i),
        _ => return None,
    })
}

/// Parts that are not empty, with a dot between them.
fn join(parts: &[&str]) -> String {
    parts.iter().copied().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// A name, or the word for not known.
fn named(t: T, name: &str) -> String {
    if name.is_empty() { t.say("said-unnamed") } else { name.to_owned() }
}

fn smb(t: T, s: &Smb) -> String {
    let (file, share, user) = (named(t, &s.file), named(t, &s.share), named(t, &s.user));
    let what = match s.kind {
        SmbKind::Negotiate if s.dialect == 0x0100 => t.x("said-smb-negotiate", "1"),
        SmbKind::Negotiate if s.dialect > 0 => {
            t.x("said-smb-negotiate", &format!("{}.{}.{}", s.dialect >> 8, s.dialect >> 4 & 15, s.dialect & 15))
        }
        SmbKind::Negotiate => t.x("said-smb-negotiate", "?"),
        SmbKind::Session if s.status.is_none() && s.encrypted => t.say("said-smb-encrypted"),
        SmbKind::Session => t.x("said-smb-session", &user),
        SmbKind::Tree => t.x("said-smb-tree", &share),
        SmbKind::Open => t.x("said-smb-open", &file),
        SmbKind::Delete => t.x("said-smb-delete", &file),
        SmbKind::Rename => t.xy("said-smb-rename", &file, &s.target),
        SmbKind::Logoff => t.x("said-smb-logoff", &user),
    };
    let place = if matches!(s.kind, SmbKind::Open | SmbKind::Delete | SmbKind::Rename) { s.share.as_str() } else { "" };
    let who = if matches!(s.kind, SmbKind::Session | SmbKind::Logoff) { "" } else { s.user.as_str() };
    let refused = match s.status {
        Some(0) | None => String::new(),
        Some(code) => t.x("said-refused", &format!("0x{code:08x}")),
    };
    join(&[&what, place, who, &s.os, &s.server_os, &refused])
}

fn ntlm(t: T, n: &Ntlm) -> String {
    let server = if n.server_dns.is_empty() { &n.server } else { &n.server_dns };
    let user = if n.anonymous { t.say("said-anonymous") } else { named(t, &n.user) };
    join(&[&t.xy("said-ntlm", &user, &named(t, server)), &n.server_version, if n.version1 { "NTLMv1" } else { "" }])
}

fn kerberos(t: T, k: &Kerberos) -> String {
    let (client, service) = (named(t, &k.client), named(t, &k.service));
    match (k.message, k.error) {
        (_, Some(code)) => join(&[&t.x("said-kerberos-error", &code.to_string()), &k.client, &k.service]),
        (10 | 12, _) => t.xy("said-kerberos-request", &client, &service),
        (11 | 13, _) => t.xy("said-kerberos-answer", &client, &service),
        (14, _) => t.x("said-kerberos-use", &service),
        _ => k.realm.clone(),
    }
}

fn ldap(t: T, l: &Ldap) -> String {
    let dn = named(t, &l.dn);
    let what = match l.operation.as_str() {
        "bind" => t.xy("said-ldap-bind", &dn, &l.authentication),
        "search" => t.x("said-ldap-search", &dn),
        "modify" | "modify_dn" => t.x("said-ldap-modify", &dn),
        "add" => t.x("said-ldap-add", &dn),
        "delete" => t.x("said-ldap-delete", &dn),
        "compare" => t.x("said-ldap-compare", &dn),
        "unbind" => t.say("said-ldap-unbind"),
        _ if l.encrypted => t.say("said-ldap-encrypt"),
        _ => t.x("said-ldap-extended", &dn),
    };
    let refused = match l.result {
        Some(0 | 14) | None => String::new(),
        Some(code) => t.x("said-refused", &code.to_string()),
    };
    let entries = if l.entries > 0 { t.n("said-ldap-entries", l.entries) } else { String::new() };
    let java = if l.java { t.say("said-ldap-java") } else { String::new() };
    join(&[&what, &entries, &java, &refused])
}

fn rdp(t: T, r: &Rdp) -> String {
    let refused = r.failure.map(|code| t.x("said-refused", &code.to_string())).unwrap_or_default();
    join(&[&t.x("said-rdp", &named(t, &r.cookie)), &r.client, &refused])
}

fn remote(t: T, r: &Remote) -> String {
    let open = if r.security == Some(1) { t.say("said-vnc-open") } else { String::new() };
    join(&[&t.x("said-vnc", &r.version), &r.name, &open])
}

fn mqtt(t: T, m: &Mqtt) -> String {
    let (client, topic) = (named(t, &m.client), named(t, &m.topic));
    match (m.packet, m.code) {
        (1, _) => t.x("said-mqtt-connect", &client),
        (2, Some(0)) => t.x("said-mqtt-accepted", &client),
        (2 | 9, Some(code)) if code >= 0x80 || m.packet == 2 => join(&[&client, &t.x("said-refused", &code.to_string())]),
        (3, _) => join(&[&t.x("said-mqtt-publish", &topic), &t.n("said-mqtt-messages", m.count), if m.from_server { "→" } else { "" }]),
        (8, _) => t.x("said-mqtt-subscribe", &m.filters.join(t.comma())),
        (10, _) => t.x("said-mqtt-unsubscribe", &m.filters.join(t.comma())),
        (14, _) => t.x("said-mqtt-disconnect", &client),
        _ => client,
    }
}

/// Functions by the names of their standard (Modbus Application Protocol V1.1b3, 6), and of UMAS by the names that its watchers gave them.
fn function(m: &Modbus) -> &'static str {
    match (m.function, m.sub) {
        (1, _) => "Read Coils",
        (2, _) => "Read Discrete Inputs",
        (3, _) => "Read Holding Registers",
        (4, _) => "Read Input Registers",
        (5, _) => "Write Single Coil",
        (6, _) => "Write Single Register",
        (7, _) => "Read Exception Status",
        (8, Some(1)) => "Restart Communications",
        (8, Some(4)) => "Force Listen Only",
        (8, _) => "Diagnostics",
        (11, _) => "Get Comm Event Counter",
        (12, _) => "Get Comm Event Log",
        (15, _) => "Write Multiple Coils",
        (16, _) => "Write Multiple Registers",
        (17, _) => "Report Server ID",
        (20, _) => "Read File Record",
        (21, _) => "Write File Record",
        (22, _) => "Mask Write Register",
        (23, _) => "Read/Write Multiple Registers",
        (24, _) => "Read FIFO Queue",
        (43, Some(14)) => "Read Device Identification",
        (43, _) => "Encapsulated Interface Transport",
        (90, Some(0x02)) => "UMAS Read ID",
        (90, Some(0x03)) => "UMAS Read Project",
        (90, Some(0x04)) => "UMAS Read PLC",
        (90, Some(0x10)) => "UMAS Take Reservation",
        (90, Some(0x11)) => "UMAS Release Reservation",
        (90, Some(0x12)) => "UMAS Keep Alive",
        (90, Some(0x20)) => "UMAS Read Memory",
        (90, Some(0x22)) => "UMAS Read Variables",
        (90, Some(0x23)) => "UMAS Write Variables",
        (90, Some(0x24)) => "UMAS Read Coils and Registers",
        (90, Some(0x25)) => "UMAS Write Coils and Registers",
        (90, Some(0x30..=0x32)) => "UMAS Upload",
        (90, Some(0x33..=0x35)) => "UMAS Download",
        (90, Some(0x40)) => "UMAS Start PLC",
        (90, Some(0x41)) => "UMAS Stop PLC",
        (90, _) => "UMAS",
        _ => "",
    }
}

fn modbus(t: T, m: &Modbus) -> String {
    let number = t.nm("said-modbus", m.unit, m.function);
    let address = m.address.map(|a| t.nm("said-modbus-address", a, m.count.unwrap_or(1))).unwrap_or_default();
    let write = if m.write { t.say("said-modbus-write") } else { String::new() };
    let answer = if m.response { t.say("said-answer") } else { String::new() };
    let refused = m.exception.map(|code| t.x("said-refused", &code.to_string())).unwrap_or_default();
    join(&[&number, function(m), &address, &write, &answer, &refused])
}

fn identity(t: T, i: &ModbusIdentity) -> String {
    let parts = [&i.vendor, &i.product, &i.name, &i.model, &i.revision, &i.application];
    let words = parts.iter().filter(|p| !p.is_empty()).map(|p| p.as_str()).collect::<Vec<_>>().join(" ");
    t.x("said-modbus-identity", &words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Lang;

    #[test]
    fn every_act_of_the_family_has_a_line_in_both_languages() {
        let smb = Smb { kind: SmbKind::Rename, file: "a".into(), target: "b".into(), status: Some(0xc000_0022), ..Smb::default() };
        let acts = [
            Act::Smb(smb),
            Act::Smb(Smb::default()),
            Act::Ntlm(Ntlm { version1: true, ..Ntlm::default() }),
            Act::Kerberos(Kerberos { message: 10, ..Kerberos::default() }),
            Act::Kerberos(Kerberos { message: 30, error: Some(24), ..Kerberos::default() }),
            Act::Rdp(Rdp { failure: Some(5), ..Rdp::default() }),
            Act::Remote(Remote { version: "003.008".into(), security: Some(1), ..Remote::default() }),
            Act::Modbus(Modbus { function: 90, sub: Some(0x41), write: true, ..Modbus::default() }),
            Act::ModbusIdentity(ModbusIdentity { vendor: "Acme".into(), ..ModbusIdentity::default() }),
        ];
        let ldap = ["bind", "search", "modify", "modify_dn", "add", "delete", "compare", "unbind", "extended"];
        let ldap = ldap.map(|o| Act::Ldap(Ldap { operation: o.into(), entries: 2, java: true, result: Some(49), ..Ldap::default() }));
        let mqtt = [1, 2, 3, 8, 9, 10, 14].map(|packet| Act::Mqtt(Mqtt { packet, code: Some(0x87), count: 3, ..Mqtt::default() }));
        for act in acts.iter().chain(&ldap).chain(&mqtt) {
            for lang in [Lang::Ja, Lang::En] {
                let line = line(T::new(lang), act).unwrap_or_default();
                assert!(!line.is_empty() && !line.contains('⟦'), "{lang:?} {act:?}: {line}");
            }
        }
        let t = T::new(Lang::En);
        assert_eq!(line(t, &acts[0]).unwrap(), "a renamed to b · refused (0xc0000022)");
        assert!(line(t, &acts[7]).unwrap().contains("UMAS Stop PLC"));
    }
}
