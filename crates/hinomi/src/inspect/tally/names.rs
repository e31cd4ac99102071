//! Names, addresses, discovery and time.

use super::{add_up, either, join, keep};
use model::ActRef;
use model::activity::{DiscoveryKind, Head, Protocol, SsdpKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Names {
    /// Names asked for in DNS, mDNS and LLMNR.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    dns_queries: BTreeSet<String>,
    /// DNS messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns>,
    /// mDNS messages and the services that they announce.
    #[serde(skip_serializing_if = "Option::is_none")]
    mdns: Option<Dns>,
    /// LLMNR messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    llmnr: Option<Dns>,
    /// DHCP clients.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    dhcp: BTreeSet<Dhcp>,
    /// DHCPv6 clients.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    dhcpv6: BTreeSet<Dhcp6>,
    /// NetBIOS names that were registered, told or asked for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    nbns: BTreeSet<NetbiosName>,
    /// Hosts that sent NetBIOS datagrams.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    nbdgm: BTreeSet<Announced>,
    /// SSDP announcements, answers and searches.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ssdp: BTreeSet<Ssdp>,
    /// UPnP descriptions.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    upnp: BTreeSet<Upnp>,
    /// WS-Discovery messages.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    wsd: BTreeSet<Discovery>,
    /// LLDP announcements.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    lldp: BTreeSet<Lldp>,
    /// Time servers, and messages by mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    ntp: Option<Ntp>,
}

/// Messages in the form of DNS.
#[derive(Debug, Default, Serialize)]
struct Dns {
    /// Messages that ask.
    queries: u64,
    /// Messages that answer or announce.
    answers: u64,
    /// Questions by type number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    types: BTreeMap<u16, u64>,
    /// Answers by response code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rcodes: BTreeMap<u8, u64>,
    /// Services of DNS-SD that were announced.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    services: BTreeSet<Service>,
}

/// A service of DNS-SD: from SRV and TXT records.
#[derive(Debug, Default, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Service {
    /// Instance with its service type.
    name: String,
    /// Host that offers it.
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    /// Port.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// What it says of its device.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    keys: BTreeMap<String, String>,
}

/// A DHCP client.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Dhcp {
    /// Hardware address in the message.
    mac: String,
    /// Name that it gave itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    hostname: String,
    /// Vendor class.
    #[serde(skip_serializing_if = "String::is_empty")]
    vendor_class: String,
    /// Options that it asked for, in its order.
    #[serde(skip_serializing_if = "String::is_empty")]
    parameters: String,
    /// Circuit that the relay told.
    #[serde(skip_serializing_if = "String::is_empty")]
    circuit: String,
    /// Remote that the relay told.
    #[serde(skip_serializing_if = "String::is_empty")]
    remote: String,
}

/// A DHCPv6 client.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Dhcp6 {
    /// Its identifier.
    duid: String,
    /// Hardware address inside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    hostname: String,
    /// Vendor class.
    #[serde(skip_serializing_if = "String::is_empty")]
    vendor_class: String,
}

/// A NetBIOS name.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct NetbiosName {
    /// The name.
    name: String,
    /// Its sixteenth byte in hexadecimal.
    suffix: String,
    /// It is a group's.
    group: bool,
    /// Addresses that it stands for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
}

/// The sender of a NetBIOS datagram.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Announced {
    /// Its name.
    name: String,
    /// Whom it spoke to: a host or a group.
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
    /// Operating system version that it announces.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Comment that it announces.
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
}

/// An SSDP message.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Ssdp {
    /// `search`, `alive`, `goodbye` or `answer`.
    kind: &'static str,
    /// What is announced or looked for.
    target: String,
    /// Server or user agent.
    #[serde(skip_serializing_if = "String::is_empty")]
    software: String,
    /// Where the description is.
    #[serde(skip_serializing_if = "String::is_empty")]
    location: String,
}

/// A UPnP description.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Upnp {
    /// Type of device.
    device_type: String,
    /// Its name.
    name: String,
    /// Maker.
    maker: String,
    /// Model.
    model: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    serial: String,
}

/// A WS-Discovery message.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Discovery {
    /// `hello`, `bye`, `probe`, `probe_match`, `resolve`, `resolve_match` or `other`.
    kind: &'static str,
    /// The endpoint.
    #[serde(skip_serializing_if = "String::is_empty")]
    endpoint: String,
    /// Types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    /// Scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
}

/// An LLDP announcement.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Lldp {
    /// Chassis identifier.
    chassis: String,
    /// Port identifier.
    port: String,
    /// System name.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// System description.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// VLAN of untagged frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    /// Maker, model, hardware, firmware, software and serial number, those that are told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    inventory: BTreeMap<&'static str, String>,
}

/// Network time.
#[derive(Debug, Default, Serialize)]
struct Ntp {
    /// Messages by mode (3 client, 4 server, …).
    modes: BTreeMap<u8, u64>,
    /// Servers with their stratum and source.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    servers: BTreeSet<TimeServer>,
    /// Requests for a server's list of clients, and their answers.
    #[serde(skip_serializing_if = "is_zero")]
    monlist: u64,
}

/// A time server.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct TimeServer {
    /// Its address.
    ip: String,
    /// Steps from a clock.
    stratum: u8,
    /// Where it has its time from.
    #[serde(skip_serializing_if = "String::is_empty")]
    reference: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde asks for.
fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn told<'a>(parts: impl IntoIterator<Item = (&'static str, &'a String)>) -> BTreeMap<&'static str, String> {
    parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())).collect()
}

impl Names {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Names, omitted: &mut u64) {
        let Names { dns_queries, dns, mdns, llmnr, dhcp, dhcpv6, nbns, nbdgm, ssdp, upnp, wsd, lldp, ntp } = other;
        join(&mut self.dns_queries, dns_queries, omitted);
        for (place, other) in [(&mut self.dns, dns), (&mut self.mdns, mdns), (&mut self.llmnr, llmnr)] {
            either(place, other, |all, Dns { queries, answers, types, rcodes, services }| {
                all.queries += queries;
                all.answers += answers;
                add_up(&mut all.types, types, omitted);
                add_up(&mut all.rcodes, rcodes, omitted);
                join(&mut all.services, services, omitted);
            });
        }
        join(&mut self.dhcp, dhcp, omitted);
        join(&mut self.dhcpv6, dhcpv6, omitted);
        join(&mut self.nbns, nbns, omitted);
        join(&mut self.nbdgm, nbdgm, omitted);
        join(&mut self.ssdp, ssdp, omitted);
        join(&mut self.upnp, upnp, omitted);
        join(&mut self.wsd, wsd, omitted);
        join(&mut self.lldp, lldp, omitted);
        either(&mut self.ntp, ntp, |all, Ntp { modes, servers, monlist }| {
            add_up(&mut all.modes, modes, omitted);
            join(&mut all.servers, servers, omitted);
            all.monlist += monlist;
        });
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        match act {
            ActRef::Dns(dns) => self.dns(head.protocol, dns, omitted),
            ActRef::Dhcp(dhcp) => {
                let parameters: Vec<String> = dhcp.parameters.iter().map(u8::to_string).collect();
                let entry = Dhcp {
                    mac: dhcp.mac.to_string(),
                    hostname: dhcp.hostname.clone(),
                    vendor_class: dhcp.vendor_class.clone(),
                    parameters: parameters.join(","),
                    circuit: dhcp.circuit.clone(),
                    remote: dhcp.remote.clone(),
                };
                keep(&mut self.dhcp, entry, omitted);
            }
            ActRef::Dhcp6(d) => {
                let entry = Dhcp6 {
                    duid: d.duid.clone(),
                    mac: d.mac.map(|m| m.to_string()),
                    hostname: d.hostname.clone(),
                    vendor_class: d.vendor_class.clone(),
                };
                keep(&mut self.dhcpv6, entry, omitted);
            }
            ActRef::NetbiosName(n) if n.datagram => {
                let announced = n.announced.as_ref();
                let entry = Announced {
                    name: n.name.clone(),
                    to: n.to.as_ref().map(|(name, _)| name.clone()).unwrap_or_default(),
                    version: announced.map(|a| format!("{}.{}", a.version.0, a.version.1)),
                    comment: announced.map(|a| a.comment.clone()).unwrap_or_default(),
                };
                keep(&mut self.nbdgm, entry, omitted);
            }
            ActRef::NetbiosName(n) => {
                let name = |name: &str, suffix: u8, group: bool, addresses: &[std::net::Ipv4Addr]| NetbiosName {
                    name: name.to_owned(),
                    suffix: format!("{suffix:02x}"),
                    group,
                    addresses: addresses.iter().map(ToString::to_string).collect(),
                };
                keep(&mut self.nbns, name(&n.name, n.suffix, n.group, &n.addresses), omitted);
                for (other, suffix, group) in &n.status {
                    keep(&mut self.nbns, name(other, *suffix, *group, &[]), omitted);
                }
            }
            ActRef::Ssdp(s) => {
                let kind = match s.kind {
                    SsdpKind::Search => "search",
                    SsdpKind::Alive => "alive",
                    SsdpKind::Goodbye => "goodbye",
                    SsdpKind::Answer => "answer",
                };
                let software = if s.server.is_empty() { &s.user_agent } else { &s.server };
                let entry = Ssdp { kind, target: s.target.clone(), software: software.clone(), location: s.location.clone() };
                keep(&mut self.ssdp, entry, omitted);
            }
            ActRef::Upnp(u) => {
                let entry = Upnp {
                    device_type: u.device_type.clone(),
                    name: u.name.clone(),
                    maker: u.maker.clone(),
                    model: u.model.clone(),
                    serial: u.serial.clone(),
                };
                keep(&mut self.upnp, entry, omitted);
            }
            ActRef::Discovery(d) => {
                let kind = match d.kind {
                    DiscoveryKind::Other => "other",
                    DiscoveryKind::Hello => "hello",
                    DiscoveryKind::Bye => "bye",
                    DiscoveryKind::Probe => "probe",
                    DiscoveryKind::ProbeMatch => "probe_match",
                    DiscoveryKind::Resolve => "resolve",
                    DiscoveryKind::ResolveMatch => "resolve_match",
                };
                let entry = Discovery { kind, endpoint: d.endpoint.clone(), types: d.types.clone(), scopes: d.scopes.clone() };
                keep(&mut self.wsd, entry, omitted);
            }
            ActRef::Lldp(l) => {
                let inventory = [
                    ("hardware", &l.hardware),
                    ("firmware", &l.firmware),
                    ("software", &l.software),
                    ("serial", &l.serial),
                    ("maker", &l.maker),
                    ("model", &l.model),
                    ("asset", &l.asset),
                ];
                let entry = Lldp {
                    chassis: l.chassis.clone(),
                    port: l.port.clone(),
                    name: l.name.clone(),
                    description: l.description.clone(),
                    vlan: l.vlan,
                    inventory: told(inventory),
                };
                keep(&mut self.lldp, entry, omitted);
            }
            ActRef::Ntp(n) => {
                let all = self.ntp.get_or_insert_default();
                *all.modes.entry(n.mode).or_default() += 1;
                all.monlist += u64::from(n.monlist);
                if matches!(n.mode, 4 | 5)
                    && let Some(ip) = (if n.mode == 4 { head.server.ip } else { head.client.ip })
                {
                    let entry = TimeServer { ip: ip.to_string(), stratum: n.stratum, reference: n.reference.clone() };
                    keep(&mut all.servers, entry, omitted);
                }
            }
            _ => {}
        }
    }

    fn dns(&mut self, protocol: Protocol, dns: &model::activity::Dns, omitted: &mut u64) {
        for (name, _) in &dns.questions {
            if !self.dns_queries.contains(name) {
                keep(&mut self.dns_queries, name.clone(), omitted);
            }
        }
        let all = match protocol {
            Protocol::Mdns => &mut self.mdns,
            Protocol::Llmnr => &mut self.llmnr,
            _ => &mut self.dns,
        };
        let all = all.get_or_insert_default();
        if dns.response {
            all.answers += 1;
            *all.rcodes.entry(dns.rcode).or_default() += 1;
        } else {
            all.queries += 1;
        }
        for (_, kind) in &dns.questions {
            *all.types.entry(*kind).or_default() += 1;
        }
        if protocol != Protocol::Mdns {
            return;
        }
        let is_service = |name: &str| name.contains("._tcp.") || name.contains("._udp.");
        for record in dns.records.iter().filter(|r| matches!(r.rtype, 16 | 33) && is_service(&r.name)) {
            let entry = Service {
                name: record.name.clone(),
                host: if record.rtype == 33 { record.text.clone() } else { String::new() },
                port: record.port,
                keys: record.keys.iter().cloned().collect(),
            };
            if !entry.host.is_empty() || !entry.keys.is_empty() {
                keep(&mut all.services, entry, omitted);
            }
        }
    }
}
