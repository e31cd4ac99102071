//! Control, management and small devices.

use super::{MAX_LIST, add_up, either, join, keep};
use model::ActRef;
use model::activity::{Head, ModbusIdentity, SnmpPdu};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Control {
    /// Modbus messages by `unit/function`, requests and answers together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "unit_function")]
    modbus: BTreeMap<(u8, u8), u64>,
    /// What Modbus devices said of themselves.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    modbus_devices: BTreeSet<Device>,
    /// Brokers' clients and topics.
    #[serde(skip_serializing_if = "Mqtt::is_empty")]
    mqtt: Mqtt,
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

/// A Modbus device by its own words.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Device {
    /// Unit identifier.
    unit: u8,
    /// Maker.
    #[serde(skip_serializing_if = "String::is_empty")]
    vendor: String,
    /// Product code or name of the controller.
    #[serde(skip_serializing_if = "String::is_empty")]
    product: String,
    /// Revision.
    #[serde(skip_serializing_if = "String::is_empty")]
    revision: String,
    /// Product name.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    model: String,
    /// Name of the application or project.
    #[serde(skip_serializing_if = "String::is_empty")]
    application: String,
}

impl From<&ModbusIdentity> for Device {
    fn from(i: &ModbusIdentity) -> Self {
        Device {
            unit: i.unit,
            vendor: i.vendor.clone(),
            product: i.product.clone(),
            revision: i.revision.clone(),
            name: i.name.clone(),
            model: i.model.clone(),
            application: i.application.clone(),
        }
    }
}

/// What went through MQTT brokers.
#[derive(Debug, Default, Serialize)]
struct Mqtt {
    /// Client identifiers.
    clients: BTreeSet<String>,
    /// Messages by topic.
    published: BTreeMap<String, u64>,
    /// Topic filters.
    subscribed: BTreeSet<String>,
}

impl Mqtt {
    fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.published.is_empty() && self.subscribed.is_empty()
    }

    fn hear(&mut self, m: &model::activity::Mqtt, omitted: &mut u64) {
        if !m.client.is_empty() && !self.clients.contains(&m.client) {
            keep(&mut self.clients, m.client.clone(), omitted);
        }
        for filter in &m.filters {
            keep(&mut self.subscribed, filter.clone(), omitted);
        }
        if m.packet == PUBLISH {
            let full = self.published.len() >= MAX_LIST;
            match self.published.get_mut(&m.topic) {
                Some(count) => *count += u64::from(m.count),
                None if !full => {
                    self.published.insert(m.topic.clone(), u64::from(m.count));
                }
                None => *omitted += 1,
            }
        }
    }
}

/// Control packet type of a publication (MQTT 3.1.1, 2.2.1).
const PUBLISH: u8 = 3;

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
        let Control { modbus, modbus_devices, mqtt, snmp, coap } = other;
        add_up(&mut self.modbus, modbus, omitted);
        join(&mut self.modbus_devices, modbus_devices, omitted);
        let Mqtt { clients, published, subscribed } = mqtt;
        join(&mut self.mqtt.clients, clients, omitted);
        add_up(&mut self.mqtt.published, published, omitted);
        join(&mut self.mqtt.subscribed, subscribed, omitted);
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
            ActRef::ModbusIdentity(i) => keep(&mut self.modbus_devices, i.into(), omitted),
            ActRef::Mqtt(m) => self.mqtt.hear(m, omitted),
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
