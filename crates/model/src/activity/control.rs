//! Control, management and small devices.

use super::SecretTrace;
use serde::{Deserialize, Serialize};

/// A Modbus/TCP message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modbus {
    /// MBAP transaction identifier.
    pub transaction: u16,
    /// Unit identifier.
    pub unit: u8,
    /// Function code without the exception bit.
    pub function: u8,
    /// From the server.
    pub response: bool,
    /// Exception code of an error answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<u8>,
    /// First address, zero-based as on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u16>,
    /// Number of coils or registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// The function changes something in the device (5, 6, 15, 16, 21, 22, 23; of the makers' own, those of UMAS that write, load or
    /// start and stop).
    pub write: bool,
    /// Sub-function: of diagnostics (8), MEI type (43), or the function of Schneider's UMAS inside function 90. Absent where the function has
    /// none, and in UMAS answers whose request was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<u16>,
}

/// What a Modbus device says of itself: Read Device Identification (43/14), Report Server ID (17), or UMAS. Each string at most 128 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModbusIdentity {
    /// Unit identifier.
    pub unit: u8,
    /// Maker (object 0).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Product code (object 1); for function 17 the readable part of the server id; for UMAS the name of the controller.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// Major and minor revision (object 2).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Address of the maker on the web (object 3).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Product name (object 4).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Model name (object 5).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Name that the user gave to the application (object 6); for UMAS the name of the project.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub application: String,
}

/// An SNMP message (RFC 1157, RFC 3416, RFC 3412).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snmp {
    /// Version: 1, 2 (2c) or 3.
    #[serde(default)]
    pub version: u8,
    /// What it is.
    #[serde(default)]
    pub pdu: SnmpPdu,
    /// What is kept of the community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub community: Option<SecretTrace>,
    /// User name (version 3).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Version 3: 0 neither, 1 authenticated, 3 authenticated and encrypted.
    #[serde(default)]
    pub security: u8,
    /// Engine id in hexadecimal (version 3).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// Error status.
    #[serde(default)]
    pub error: u16,
    /// Object ids with their values as text, at most 16. Numbers, addresses and object ids are kept of any object; octet strings only of objects
    /// that name and describe devices and hold no secret (wire's proto/snmp.rs lists them), others are empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<(String, String)>,
    /// Bindings that were left out.
    #[serde(default)]
    pub omitted: u16,
}

/// Sorts of SNMP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnmpPdu {
    /// GetRequest.
    #[default]
    Get,
    /// GetNextRequest.
    GetNext,
    /// GetBulkRequest.
    GetBulk,
    /// SetRequest.
    Set,
    /// Response.
    Response,
    /// Trap, SNMPv2-Trap or InformRequest.
    Trap,
    /// Report.
    Report,
    /// Encrypted, not readable.
    Encrypted,
}

/// An MQTT control packet (OASIS MQTT 3.1.1, 5.0). Repeated publications to one topic are told once per conversation and minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqtt {
    /// Control packet type (1 CONNECT, 2 CONNACK, 3 PUBLISH, 8 SUBSCRIBE, …).
    #[serde(default)]
    pub packet: u8,
    /// Protocol level: 3, 4 or 5.
    #[serde(default)]
    pub version: u8,
    /// Client identifier.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Topic, or the first topic filter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Topic filters of SUBSCRIBE, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Reason or return code of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// Quality of service.
    #[serde(default)]
    pub qos: u8,
    /// Retain flag.
    #[serde(default)]
    pub retain: bool,
    /// Bytes of the payload.
    #[serde(default)]
    pub bytes: u32,
    /// Publications that this stands for.
    #[serde(default)]
    pub count: u32,
    /// Topic of the will (CONNECT).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub will: String,
    /// Told by the server (for PUBLISH: it went to the client).
    #[serde(default)]
    pub from_server: bool,
}

/// A CoAP message (RFC 7252).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coap {
    /// Type: 0 confirmable, 1 non-confirmable, 2 acknowledgement, 3 reset.
    #[serde(default)]
    pub kind: u8,
    /// Code as class × 100 + detail (1 GET, 2 POST, 205 content, 404 not found).
    #[serde(default)]
    pub code: u16,
    /// Uri-Path, joined by /.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Uri-Host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Content format number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<u16>,
    /// Observe option.
    #[serde(default)]
    pub observe: bool,
    /// Bytes of the payload.
    #[serde(default)]
    pub bytes: u32,
}
