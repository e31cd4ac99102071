//! Names, addresses and discovery.

use super::{join, keep};
use model::ActRef;
use model::activity::Head;
use serde::Serialize;
use std::collections::BTreeSet;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Names {
    /// Names asked for in DNS, mDNS and LLMNR.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    dns_queries: BTreeSet<String>,
    /// DHCP clients.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    dhcp: BTreeSet<Dhcp>,
    /// LLDP announcements.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    lldp: BTreeSet<Lldp>,
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
}

impl Names {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Names, omitted: &mut u64) {
        let Names { dns_queries, dhcp, lldp } = other;
        join(&mut self.dns_queries, dns_queries, omitted);
        join(&mut self.dhcp, dhcp, omitted);
        join(&mut self.lldp, lldp, omitted);
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, _head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        match act {
            ActRef::Dns(dns) => {
                for (name, _) in &dns.questions {
                    if !self.dns_queries.contains(name) {
                        keep(&mut self.dns_queries, name.clone(), omitted);
                    }
                }
            }
            ActRef::Dhcp(dhcp) => {
                let entry = Dhcp { mac: dhcp.mac.to_string(), hostname: dhcp.hostname.clone(), vendor_class: dhcp.vendor_class.clone() };
                keep(&mut self.dhcp, entry, omitted);
            }
            ActRef::Lldp(l) => {
                let entry =
                    Lldp { chassis: l.chassis.clone(), port: l.port.clone(), name: l.name.clone(), description: l.description.clone() };
                keep(&mut self.lldp, entry, omitted);
            }
            _ => {}
        }
    }
}
