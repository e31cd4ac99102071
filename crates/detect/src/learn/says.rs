//! What devices say of themselves in fields made for it (discovery, inventories, descriptions), and what their software betrays.

use super::{own, sign};
use crate::Cx;
use crate::identity::{Identity, News};
use catalogue::Sign;
use model::activity::{
    Announcement, Cdp, Dhcp6, Discovery, DiscoveryKind, Head, Lldp, ModbusIdentity, NetbiosName, Ntlm, Rdp, Rtsp, Sip, Smb, SmbKind, Snmp,
    SnmpPdu, Ssdp, SsdpKind, Tls, Upnp,
};
use model::asset::Property;
use model::{Act, AssetId, Endpoint, Protocol};

/// A field made for it, filled in by the device's maker.
const ITSELF: u8 = 90;
/// A field made for it, filled in by whoever set the device up, or by its operating system.
const SET_UP: u8 = 75;

/// Text that was sent as a placeholder says nothing.
fn is_filler(text: &str) -> bool {
    let t = text.trim().to_ascii_lowercase();
    t.len() < 2
        || matches!(
            t.as_str(),
            "none"
                | "null"
                | "n/a"
                | "na"
                | "unknown"
                | "default"
                | "not specified"
                | "to be filled by o.e.m."
                | "default string"
                | "generic"
        )
}

struct Says<'a, 'b, 'c> {
    identity: &'a mut Identity,
    id: AssetId,
    protocol: Protocol,
    reason: &'static str,
    cx: &'b mut Cx<'c>,
}

impl Says<'_, '_, '_> {
    fn is(&mut self, property: Property, value: &str, confidence: u8) {
        if !is_filler(value) && self.identity.is_new_sign(self.id, (property, self.reason, value)) {
            self.identity.guess(self.id, property, value, confidence, self.reason, Some(self.protocol), self.cx);
        }
    }
    fn sign(&mut self, kind: Sign, text: &str) {
        sign(self.identity, self.id, kind, text, Some(self.protocol), self.cx);
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(" / ")
}

/// Who sent an answer of a discovery protocol: the end at the protocol's port.
fn answerer(head: &Head, port: u16) -> Endpoint {
    if head.client.port == Some(port) || head.server.ip.is_some_and(|ip| ip.is_multicast()) { head.client } else { head.server }
}

/// Everything that is not part of the older protocols in [`super`].
pub fn act(identity: &mut Identity, head: &Head, act: &Act, news: &mut News, cx: &mut Cx<'_>) {
    match act {
        Act::Ssdp(s) => ssdp(identity, head, s, cx),
        Act::Upnp(u) => upnp(identity, head, u, news, cx),
        Act::Discovery(d) => discovery(identity, head, d, cx),
        Act::Cdp(c) => cdp(identity, head, c, news, cx),
        Act::Snmp(s) => snmp(identity, head, s, news, cx),
        Act::NetbiosName(n) => netbios(identity, head, n, news, cx),
        Act::Dhcp6(d) => dhcp6(identity, head, d, news, cx),
        Act::Quic(q) => asks(identity, head, &q.sni, Protocol::Quic, cx),
        Act::Smb(s) => smb(identity, head, s, cx),
        Act::Ntlm(n) => ntlm(identity, head, n, news, cx),
        Act::Rdp(r) => rdp(identity, head, r, news, cx),
        Act::ModbusIdentity(m) => modbus(identity, head, m, cx),
        Act::Rtsp(r) => rtsp(identity, head, r, cx),
        Act::Sip(s) => sip(identity, head, s, cx),
        Act::Mail(m) => {
            if let Some(id) = own(identity, head.segment, &head.server) {
                sign(identity, id, Sign::Banner, &m.server, Some(head.protocol), cx);
            }
        }
        Act::RouterAdvertisement(r) if r.lifetime > 0 => {
            if let Some(id) = own(identity, head.segment, &head.client) {
                sign(identity, id, Sign::Routes, "yes", Some(Protocol::Icmpv6), cx);
            }
        }
        _ => {}
    }
}

/// What a client asked for says what it is: phones look for their maker's servers.
fn asks(identity: &mut Identity, head: &Head, name: &str, protocol: Protocol, cx: &mut Cx<'_>) {
    if let Some(id) = own(identity, head.segment, &head.client) {
        sign(identity, id, Sign::AsksFor, name, Some(protocol), cx);
    }
}

pub fn tls(identity: &mut Identity, head: &Head, t: &Tls, cx: &mut Cx<'_>) {
    asks(identity, head, &t.sni, Protocol::Tls, cx);
    if let (Some(id), Some(leaf)) = (own(identity, head.segment, &head.server), t.certificates.first()) {
        sign(identity, id, Sign::Certificate, &leaf.subject, Some(Protocol::Tls), cx);
    }
}

fn ssdp(identity: &mut Identity, head: &Head, s: &Ssdp, cx: &mut Cx<'_>) {
    let end = match s.kind {
        SsdpKind::Answer => answerer(head, 1900),
        SsdpKind::Search | SsdpKind::Alive | SsdpKind::Goodbye => head.client,
    };
    let Some(id) = own(identity, head.segment, &end) else { return };
    sign(identity, id, Sign::SsdpServer, &s.server, Some(Protocol::Ssdp), cx);
    sign(identity, id, Sign::SsdpServer, &s.user_agent, Some(Protocol::Ssdp), cx);
    // What somebody searches for is not what it is.
    if s.kind != SsdpKind::Search {
        sign(identity, id, Sign::SsdpType, &s.target, Some(Protocol::Ssdp), cx);
    }
}

fn upnp(identity: &mut Identity, head: &Head, u: &Upnp, news: &mut News, cx: &mut Cx<'_>) {
    let Some(id) = own(identity, head.segment, &head.server) else { return };
    identity.name(id, &u.name, Protocol::Ssdp, news, cx);
    let mut says = Says { identity, id, protocol: Protocol::Ssdp, reason: "upnp", cx };
    says.is(Property::Maker, &u.maker, ITSELF);
    // Many makers write the family into the name and the model into the number.
    let model = if u.number.is_empty() || u.model.contains(&u.number) { u.model.clone() } else { format!("{} {}", u.model, u.number) };
    says.is(Property::Model, &model, ITSELF);
    says.sign(Sign::Upnp, &joined(&[&u.device_type, &u.maker, &u.model, &u.number, &u.description]));
}

fn discovery(identity: &mut Identity, head: &Head, d: &Discovery, cx: &mut Cx<'_>) {
    let end = match d.kind {
        DiscoveryKind::Hello | DiscoveryKind::Bye => head.client,
        DiscoveryKind::ProbeMatch | DiscoveryKind::ResolveMatch => answerer(head, 3702),
        DiscoveryKind::Probe | DiscoveryKind::Resolve | DiscoveryKind::Other => return,
    };
    let Some(id) = own(identity, head.segment, &end) else { return };
    let mut says = Says { identity, id, protocol: Protocol::Wsd, reason: "onvif-scope", cx };
    for kind in d.types.iter().take(8) {
        says.sign(Sign::WsdType, kind);
    }
    for scope in d.scopes.iter().take(16) {
        // ONVIF Core Specification, 7.3.2.2: onvif://www.onvif.org/hardware/MODEL, /name/NAME.
        if let Some(model) = scope.strip_prefix("onvif://www.onvif.org/hardware/") {
            says.is(Property::Model, &unescaped(model), ITSELF);
        }
        says.sign(Sign::OnvifScope, &unescaped(scope));
    }
}

/// Percent encoding of a URI taken back; what is not UTF-8 then becomes a replacement character.
fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|h| std::str::from_utf8(h).ok());
        // No sign before the digits: from_str_radix would take one.
        match code.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// DNS-SD text (RFC 6763, 6): the keys that Apple's printing, AirPlay and Chromecast define for models.
pub fn service_text(identity: &mut Identity, id: AssetId, keys: &[(String, String)], cx: &mut Cx<'_>) {
    let mut says = Says { identity, id, protocol: Protocol::Mdns, reason: "mdns-text", cx };
    for (key, value) in keys {
        match key.as_str() {
            "usb_mfg" | "mfg" | "manufacturer" => says.is(Property::Maker, value, ITSELF),
            "usb_mdl" | "mdl" | "md" | "model" | "am" | "ty" => says.is(Property::Model, value, ITSELF - 5),
            "fv" | "fw" | "firmware" | "srcvers" | "osvers" => says.is(Property::Version, value, SET_UP),
            _ => {}
        }
        says.sign(Sign::MdnsText, &format!("{key}={value}"));
    }
}

/// LLDP-MED inventory (ANSI/TIA-1057, 10.2.6).
pub fn inventory(identity: &mut Identity, id: AssetId, l: &Lldp, cx: &mut Cx<'_>) {
    let mut says = Says { identity, id, protocol: Protocol::Lldp, reason: "lldp-inventory", cx };
    says.is(Property::Maker, &l.maker, ITSELF + 5);
    says.is(Property::Model, &l.model, ITSELF + 5);
    says.is(Property::Version, if l.firmware.is_empty() { &l.software } else { &l.firmware }, ITSELF);
    if l.med_class == 3 {
        says.sign(Sign::LldpCapability, "telephone");
    }
    says.sign(Sign::LldpInventory, &joined(&[&l.maker, &l.model]));
    if l.profinet {
        says.sign(Sign::LldpCapability, "profinet");
    }
}

fn cdp(identity: &mut Identity, head: &Head, c: &Cdp, news: &mut News, cx: &mut Cx<'_>) {
    let Some(id) = head.client.mac.and_then(|m| identity.sender(head.segment, m, news, cx)) else { return };
    identity.name(id, &c.device, Protocol::Cdp, news, cx);
    let mut says = Says { identity, id, protocol: Protocol::Cdp, reason: "cdp", cx };
    let model = c.platform.strip_prefix("cisco ").or_else(|| c.platform.strip_prefix("Cisco ")).unwrap_or(&c.platform);
    says.is(Property::Model, model, ITSELF);
    says.sign(Sign::Cdp, &joined(&[&c.platform, &c.software]));
    for (bit, name) in [(7, "phone"), (0, "router"), (3, "switch"), (1, "bridge"), (4, "host")] {
        if c.capabilities & 1 << bit != 0 {
            says.sign(Sign::CdpCapability, name);
        }
    }
    if c.capabilities & 1 != 0
        && let Some(k) = identity.get_mut(id)
    {
        k.router = true;
    }
}

fn snmp(identity: &mut Identity, head: &Head, s: &Snmp, news: &mut News, cx: &mut Cx<'_>) {
    if s.pdu != SnmpPdu::Response || s.error != 0 {
        return;
    }
    let Some(id) = own(identity, head.segment, &head.server) else { return };
    for (oid, value) in &s.bindings {
        let oid = oid.trim_start_matches('.');
        if oid == "1.3.6.1.2.1.1.5.0" {
            identity.name(id, value, Protocol::Snmp, news, cx);
        }
        let mut says = Says { identity, id, protocol: Protocol::Snmp, reason: "snmp-inventory", cx };
        // SNMPv2-MIB (RFC 3418), HOST-RESOURCES-MIB (RFC 2790), ENTITY-MIB (RFC 6933). An entity's first row is most often the chassis.
        match oid {
            "1.3.6.1.2.1.1.1.0" | "1.3.6.1.2.1.25.3.2.1.3.1" | "1.3.6.1.2.1.47.1.1.1.1.2.1" => says.sign(Sign::SnmpDescription, value),
            "1.3.6.1.2.1.1.2.0" => says.sign(Sign::SnmpObject, &format!("{}.", value.trim_start_matches('.'))),
            "1.3.6.1.2.1.47.1.1.1.1.13.1" => says.is(Property::Model, value, ITSELF),
            "1.3.6.1.2.1.47.1.1.1.1.12.1" => says.is(Property::Maker, value, ITSELF),
            "1.3.6.1.2.1.47.1.1.1.1.9.1" | "1.3.6.1.2.1.47.1.1.1.1.10.1" => says.is(Property::Version, value, ITSELF),
            _ => {}
        }
    }
}

/// NetBIOS: names that a host registers for itself (RFC 1002), and what it announces to the browsers (MS-BRWS).
fn netbios(identity: &mut Identity, head: &Head, n: &NetbiosName, news: &mut News, cx: &mut Cx<'_>) {
    // Registration (5), refresh (8, 9) and multi-homed registration (15) are about the sender's own names.
    let own_name = !n.response && matches!(n.opcode, 5 | 8 | 9 | 15) && !n.datagram;
    if own_name && let Some(id) = own(identity, head.segment, &head.client) {
        netbios_name(identity, id, &n.name, n.suffix, n.group, news, cx);
    }
    if n.response
        && !n.status.is_empty()
        && let Some(id) = own(identity, head.segment, &head.server)
    {
        for (name, suffix, group) in n.status.iter().take(16) {
            netbios_name(identity, id, name, *suffix, *group, news, cx);
        }
    }
    if let Some(announced) = &n.announced
        && let Some(id) = own(identity, head.segment, &head.client)
    {
        browser(identity, id, announced, news, cx);
    }
}

fn netbios_name(identity: &mut Identity, id: AssetId, name: &str, suffix: u8, group: bool, news: &mut News, cx: &mut Cx<'_>) {
    if !group && matches!(suffix, 0x00 | 0x20) {
        identity.name(id, name, Protocol::Nbns, news, cx);
    }
    // 1C is a group of all domain controllers, but only they register it.
    if !group || suffix == 0x1c {
        sign(identity, id, Sign::Netbios, &format!("suffix {suffix:02x}"), Some(Protocol::Nbns), cx);
    }
}

fn browser(identity: &mut Identity, id: AssetId, a: &Announcement, news: &mut News, cx: &mut Cx<'_>) {
    identity.name(id, &a.name, Protocol::Nbns, news, cx);
    // MS-SRVS, 2.2.2.7: bit 11 is set by Samba; its version says nothing about Windows.
    if a.kinds & 1 << 11 == 0 {
        sign(identity, id, Sign::WindowsVersion, &format!("browser {}.{}", a.version.0, a.version.1), Some(Protocol::Nbdgm), cx);
    }
    for (bit, word) in [(3, "domain controller"), (9, "print queue"), (11, "samba"), (15, "nt server")] {
        if a.kinds & 1 << bit != 0 {
            sign(identity, id, Sign::Netbios, word, Some(Protocol::Nbdgm), cx);
        }
    }
}

fn dhcp6(identity: &mut Identity, head: &Head, d: &Dhcp6, news: &mut News, cx: &mut Cx<'_>) {
    // Solicit, request, confirm, renew, rebind, information request (RFC 8415, 7.3) come from the client itself unless relayed.
    if !matches!(d.message, 1 | 3 | 4 | 5 | 6 | 11) || d.relays > 0 {
        return;
    }
    let Some(id) = own(identity, head.segment, &head.client) else { return };
    let host = d.hostname.split('.').next().unwrap_or_default();
    identity.name(id, host, Protocol::Dhcp6, news, cx);
    sign(identity, id, Sign::DhcpVendor, &d.vendor_class, Some(Protocol::Dhcp6), cx);
    if let Some(n) = d.enterprise {
        sign(identity, id, Sign::DhcpEnterprise, &n.to_string(), Some(Protocol::Dhcp6), cx);
    }
}

fn smb(identity: &mut Identity, head: &Head, s: &Smb, cx: &mut Cx<'_>) {
    if s.kind == SmbKind::Session
        && s.status.is_some()
        && let Some(id) = own(identity, head.segment, &head.server)
    {
        sign(identity, id, Sign::WindowsVersion, &s.os, Some(Protocol::Smb), cx);
    }
}

fn ntlm(identity: &mut Identity, head: &Head, n: &Ntlm, news: &mut News, cx: &mut Cx<'_>) {
    if let Some(id) = own(identity, head.segment, &head.client) {
        identity.name(id, &n.host, head.protocol, news, cx);
    }
    if let Some(id) = own(identity, head.segment, &head.server) {
        identity.name(id, &n.server, head.protocol, news, cx);
        sign(identity, id, Sign::WindowsVersion, &n.server_version, Some(head.protocol), cx);
    }
}

fn rdp(identity: &mut Identity, head: &Head, r: &Rdp, news: &mut News, cx: &mut Cx<'_>) {
    let Some(id) = own(identity, head.segment, &head.client) else { return };
    identity.name(id, &r.client, Protocol::Rdp, news, cx);
    if r.build > 0 {
        sign(identity, id, Sign::WindowsVersion, &format!("build {}", r.build), Some(Protocol::Rdp), cx);
    }
}

/// Read Device Identification (Modbus Application Protocol 1.1b3, 6.21).
fn modbus(identity: &mut Identity, head: &Head, m: &ModbusIdentity, cx: &mut Cx<'_>) {
    let Some(id) = own(identity, head.segment, &head.server) else { return };
    let mut says = Says { identity, id, protocol: Protocol::Modbus, reason: "modbus-identity", cx };
    says.is(Property::Maker, &m.vendor, ITSELF + 5);
    let model = [&m.model, &m.name, &m.product].into_iter().find(|t| !is_filler(t));
    if let Some(model) = model {
        says.is(Property::Model, model, ITSELF + 5);
    }
    says.is(Property::Version, &m.revision, ITSELF);
    says.sign(Sign::ModbusIdentity, &joined(&[&m.vendor, &m.product, &m.name, &m.model]));
}

fn rtsp(identity: &mut Identity, head: &Head, r: &Rtsp, cx: &mut Cx<'_>) {
    if let (Some(id), Some(_)) = (own(identity, head.segment, &head.server), r.status) {
        sign(identity, id, Sign::RtspServer, &r.server, Some(Protocol::Rtsp), cx);
    }
}

fn sip(identity: &mut Identity, head: &Head, s: &Sip, cx: &mut Cx<'_>) {
    let end = if s.status.is_some() { head.server } else { head.client };
    if let Some(id) = own(identity, head.segment, &end) {
        sign(identity, id, Sign::SipAgent, &s.user_agent, Some(Protocol::Sip), cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_taken_back_and_broken_encoding_is_left() {
        assert_eq!(unescaped("AXIS%20P3245%2dV"), "AXIS P3245-V");
        assert_eq!(unescaped("50%"), "50%");
        assert_eq!(unescaped("%zz%4"), "%zz%4");
        assert_eq!(unescaped("%e3%83%a2%ff"), "モ\u{fffd}");
    }

    #[test]
    fn placeholders_say_nothing() {
        assert!(is_filler("Default string") && is_filler(" - ".trim()) && is_filler("") && !is_filler("FX5U-32M"));
    }
}
