//! Control, management and small devices.

use super::{MAX_LIST, add_up, either, join, keep};
use model::ActRef;
use model::activity::{Head, SnmpPdu};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Control {
    /// Modbus messages by `unit/function`, requests and answers together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "unit_function")]
    modbus: BTreeMap<(u8, u8), u64>,
    /// SNMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    snmp: Option<Snmp>,
    /// CoAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    coap: Option<Coap>,
}

/// SNMP messages and agents.
#[derive(Debug, Default, Serialize)]
struct Snmp {
    /// Messages by `version/sort`.
    messages: BTreeMap<String, u64>,
    /// Messages whose community is one that makers ship.
    #[serde(skip_serializing_if = "is_zero")]
    default_community: u64,
    /// User names of version 3.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    users: BTreeSet<String>,
    /// Agents by address, with what they say of themselves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    agents: BTreeMap<IpAddr, Agent>,
}

/// What an agent says in its system group (RFC 3418).
#[derive(Debug, Default, Serialize)]
struct Agent {
    /// `sysDescr`
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// `sysObjectID`
    #[serde(skip_serializing_if = "String::is_empty")]
    object: String,
    /// `sysName`
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// `sysLocation`
    #[serde(skip_serializing_if = "String::is_empty")]
    location: String,
}

/// CoAP messages.
#[derive(Debug, Default, Serialize)]
struct Coap {
    /// Messages by code as class and detail (`0.01` GET, `2.05` content).
    codes: BTreeMap<String, u64>,
    /// Resources that were named.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    paths: BTreeSet<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde asks for.
fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn unit_function<S: Serializer>(counts: &BTreeMap<(u8, u8), u64>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(counts.iter().map(|((unit, function), n)| (format!("{unit}/{function}"), n)))
}

fn sort(pdu: SnmpPdu) -> &'static str {
    match pdu {
        SnmpPdu::Get => "get",
        SnmpPdu::GetNext => "get_next",
        SnmpPdu::GetBulk => "get_bulk",
        SnmpPdu::Set => "set",
        SnmpPdu::Response => "response",
        SnmpPdu::Trap => "trap",
        SnmpPdu::Report => "report",
        SnmpPdu::Encrypted => "encrypted",
    }
}

impl Control {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Control, omitted: &mut u64) {
        let Control { modbus, snmp, coap } = other;
        add_up(&mut self.modbus, modbus, omitted);
        either(&mut self.snmp, snmp, |all, other| all.join(other, omitted));
        either(&mut self.coap, coap, |all, Coap { codes, paths }| {
            add_up(&mut all.codes, codes, omitted);
            join(&mut all.paths, paths, omitted);
        });
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        match act {
            ActRef::Modbus(m) => *self.modbus.entry((m.unit, m.function)).or_default() += 1,
            ActRef::Snmp(s) => {
                let all = self.snmp.get_or_insert_default();
                let version = if s.version == 2 { "2c".to_owned() } else { s.version.to_string() };
                *all.messages.entry(format!("{version}/{}", sort(s.pdu))).or_default() += 1;
                all.default_community += u64::from(s.community.is_some_and(|c| c.default));
                if !s.user.is_empty() {
                    keep(&mut all.users, s.user.clone(), omitted);
                }
                if s.pdu == SnmpPdu::Response
                    && let Some(ip) = head.server.ip
                {
                    all.answered(ip, &s.bindings, omitted);
                }
            }
            ActRef::Coap(c) => {
                let all = self.coap.get_or_insert_default();
                *all.codes.entry(format!("{}.{:02}", c.code / 100, c.code % 100)).or_default() += 1;
                if !c.path.is_empty() {
                    keep(&mut all.paths, c.path.clone(), omitted);
                }
            }
            _ => {}
        }
    }
}

impl Snmp {
    fn join(&mut self, other: Snmp, omitted: &mut u64) {
        let Snmp { messages, default_community, users, agents } = other;
        add_up(&mut self.messages, messages, omitted);
        self.default_community += default_community;
        join(&mut self.users, users, omitted);
        for (ip, other) in agents {
            if self.agents.len() >= MAX_LIST && !self.agents.contains_key(&ip) {
                *omitted += 1;
                continue;
            }
            let agent = self.agents.entry(ip).or_default();
            let Agent { description, object, name, location } = other;
            for (place, told) in [
                (&mut agent.description, description),
                (&mut agent.object, object),
                (&mut agent.name, name),
                (&mut agent.location, location),
            ] {
                if place.is_empty() {
                    *place = told;
                }
            }
        }
    }

    fn answered(&mut self, ip: IpAddr, bindings: &[(String, String)], omitted: &mut u64) {
        if self.agents.len() >= MAX_LIST && !self.agents.contains_key(&ip) {
            *omitted += 1;
            return;
        }
        let agent = self.agents.entry(ip).or_default();
        for (oid, value) in bindings {
            let place = match oid.as_str() {
                "1.3.6.1.2.1.1.1.0" => &mut agent.description,
                "1.3.6.1.2.1.1.2.0" => &mut agent.object,
                "1.3.6.1.2.1.1.5.0" => &mut agent.name,
                "1.3.6.1.2.1.1.6.0" => &mut agent.location,
                _ => continue,
            };
            place.clone_from(value);
        }
    }
}
