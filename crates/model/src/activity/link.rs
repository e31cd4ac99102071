//! Acts of the link and Internet layers.

use crate::net::{Endpoint, Mac, Transport};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// ARP (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arp {
    /// 1 request, 2 reply, others as sent.
    pub operation: u16,
    /// Sender hardware address, as claimed in the body.
    pub sender_mac: Mac,
    /// Sender protocol address, as claimed.
    pub sender_ip: Ipv4Addr,
    /// Target hardware address.
    pub target_mac: Mac,
    /// Target protocol address.
    pub target_ip: Ipv4Addr,
}

/// IPv6 neighbour discovery (RFC 4861).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// ICMPv6 type: 133 router solicitation, 134 router advertisement, 135 neighbour solicitation, 136 neighbour advertisement.
    pub icmp_type: u8,
    /// Target address (135, 136).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<IpAddr>,
    /// Source or target link-layer address option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Mac>,
    /// Advertisement: the sender is a router (R flag, or type 134).
    pub router: bool,
    /// Advertisement: override flag.
    pub overrides: bool,
}

/// An ICMP or ICMPv6 error (RFC 792, RFC 4443) that quotes the start of the packet it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// ICMP type as sent.
    pub icmp_type: u8,
    /// ICMP code as sent.
    pub code: u8,
    /// Transport of the quoted packet.
    pub transport: Transport,
    /// Who sent the quoted packet.
    pub from: Endpoint,
    /// Where it was meant to go.
    pub to: Endpoint,
}

/// An LLDP announcement (IEEE 802.1AB).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lldp {
    /// Chassis identifier as text; a hardware address where its subtype is 4.
    pub chassis: String,
    /// Port identifier as text.
    pub port: String,
    /// System name.
    pub name: String,
    /// System description.
    pub description: String,
    /// Port description.
    pub port_description: String,
    /// Enabled capabilities (bit 2 bridge, bit 3 access point, bit 4 router, bit 5 telephone, bit 7 station).
    pub capabilities: u16,
    /// Management addresses.
    pub addresses: Vec<IpAddr>,
    /// Seconds to live.
    pub ttl: u16,
    /// VLAN of untagged frames on this port (IEEE 802.1Q, D.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// VLANs of this port with their names (802.1Q, D.2.3), at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<(u16, String)>,
    /// VLAN that telephones shall use (LLDP-MED network policy, application 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_vlan: Option<u16>,
    /// LLDP-MED device class: 1–3 endpoints (3 telephone), 4 network device; 0 where it says nothing.
    #[serde(default)]
    pub med_class: u8,
    /// LLDP-MED inventory: hardware revision.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hardware: String,
    /// LLDP-MED inventory: firmware revision.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// LLDP-MED inventory: software revision.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub software: String,
    /// LLDP-MED inventory: serial number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// LLDP-MED inventory: maker.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub maker: String,
    /// LLDP-MED inventory: model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// LLDP-MED inventory: asset identifier, as its owner set it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asset: String,
    /// It offers or takes power over the cable (IEEE 802.3, 79.3.2).
    #[serde(default)]
    pub power: bool,
    /// Speaks PROFINET (organisation 00-0e-cf).
    #[serde(default)]
    pub profinet: bool,
}

/// A multicast membership message (IGMP: RFC 1112, RFC 2236, RFC 3376; MLD: RFC 2710, RFC 3810). The same words of the same sender are told
/// again at least ten minutes later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Version of the message: IGMP 1–3, MLD 1–2.
    #[serde(default)]
    pub version: u8,
    /// What it says.
    #[serde(default)]
    pub kind: MembershipKind,
    /// Groups asked for, joined or left, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<IpAddr>,
}

/// Sorts of membership messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipKind {
    /// A router (or a switch that plays one) asks who listens.
    #[default]
    Query,
    /// A station listens to these groups.
    Report,
    /// A station listens no longer.
    Leave,
}

/// An IPv6 router advertisement (RFC 4861, 4.2; RFC 8106; RFC 4191).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterAdvertisement {
    /// Source link-layer address option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Mac>,
    /// Seconds that the sender wants to be a default router; 0 is not one.
    #[serde(default)]
    pub lifetime: u16,
    /// M flag: addresses by DHCPv6.
    #[serde(default)]
    pub managed: bool,
    /// O flag: other settings by DHCPv6.
    #[serde(default)]
    pub other: bool,
    /// Router preference (RFC 4191): 0 medium, 1 high, 3 low.
    #[serde(default)]
    pub preference: u8,
    /// Announced prefixes with their length, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<(Ipv6Addr, u8)>,
    /// Name servers (RFC 8106), at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<Ipv6Addr>,
    /// Search domains (RFC 8106), at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Maximum transmission unit in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// A bridge protocol data unit (IEEE 802.1D, 802.1w, 802.1s; also Cisco PVST+). What a port says every two seconds is told when new or changed
/// and again at least ten minutes later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanningTree {
    /// Protocol version: 0 STP, 2 RSTP, 3 MSTP.
    #[serde(default)]
    pub version: u8,
    /// BPDU type: 0x00 configuration, 0x02 rapid, 0x80 topology change.
    #[serde(default)]
    pub bpdu: u8,
    /// Root priority with its system id extension.
    #[serde(default)]
    pub root_priority: u16,
    /// Root bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Mac>,
    /// Cost of the path to the root.
    #[serde(default)]
    pub cost: u32,
    /// Priority of the sending bridge.
    #[serde(default)]
    pub bridge_priority: u16,
    /// Sending bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<Mac>,
    /// Port identifier.
    #[serde(default)]
    pub port: u16,
    /// Topology change flag.
    #[serde(default)]
    pub topology_change: bool,
    /// VLAN of a PVST+ message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
}

/// A Cisco Discovery Protocol announcement (version 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cdp {
    /// Device id (0x0001).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Port id (0x0003).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub port: String,
    /// Platform (0x0006).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Software version (0x0005), first 512 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub software: String,
    /// Capabilities (0x0004; bit 0 router, 1 transparent bridge, 3 switch, 4 host, 7 phone).
    #[serde(default)]
    pub capabilities: u32,
    /// Addresses (0x0002 and 0x0016), at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Native VLAN (0x000a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_vlan: Option<u16>,
    /// Seconds to live.
    #[serde(default)]
    pub ttl: u8,
}

/// An IEEE 802.11 management frame, or a message of the key exchange (EAPOL). Beacons, probe requests and probe answers are told when new or
/// changed and again at least ten minutes later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wlan {
    /// What it is.
    #[serde(default)]
    pub kind: WlanKind,
    /// Network (BSSID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bssid: Option<Mac>,
    /// The station that is not the access point, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<Mac>,
    /// Network name as text; absent where hidden or not carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssid: Option<String>,
    /// Channel number, from the frame or radiotap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// How the network protects itself.
    #[serde(default)]
    pub security: WlanSecurity,
    /// Reason or status code as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Signal in dBm (radiotap).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i8>,
    /// Which message of the four-way handshake, 1–4 (`KeyExchange`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u8>,
}

/// Sorts of 802.11 frames that are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WlanKind {
    /// A network announces itself.
    #[default]
    Beacon,
    /// A station looks for networks.
    ProbeRequest,
    /// A network answers.
    ProbeResponse,
    /// Authentication exchange.
    Authentication,
    /// Association or reassociation, asked or answered.
    Association,
    /// A station is sent away or leaves.
    Disassociation,
    /// A station is sent away or leaves, authentication included.
    Deauthentication,
    /// A message of the four-way handshake.
    KeyExchange,
    /// Anything else.
    Other,
}

/// How a wireless network protects itself, by what it announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WlanSecurity {
    /// Not carried in this frame.
    #[default]
    Unknown,
    /// No protection.
    Open,
    /// WEP, broken since 2001.
    Wep,
    /// WPA with TKIP.
    Wpa,
    /// WPA2 (RSN) with a shared key.
    Wpa2,
    /// WPA3 (SAE).
    Wpa3,
    /// 802.1X, any version.
    Enterprise,
    /// Encrypted without a password (OWE).
    Owe,
}

/// ICMP or ICMPv6 echo messages of a conversation, told when it ends or every minute: what a tunnel looks like from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Requests.
    #[serde(default)]
    pub requests: u32,
    /// Answers.
    #[serde(default)]
    pub replies: u32,
    /// Payload bytes of the requests.
    #[serde(default)]
    pub request_bytes: u64,
    /// Payload bytes of the answers.
    #[serde(default)]
    pub reply_bytes: u64,
    /// Largest payload in bytes.
    #[serde(default)]
    pub largest: u32,
    /// Answers whose payload was not that of a request (RFC 792 says it must be).
    #[serde(default)]
    pub altered: u32,
    /// Different payload lengths seen, counted up to 255.
    #[serde(default)]
    pub lengths: u8,
    /// Bits of entropy per byte over the payloads together (their first 32 KiB), times 100: 800 is random, a usual `ping` lies below 600.
    #[serde(default)]
    pub entropy: u16,
}

/// Two copies of the same part of a TCP stream or of a fragmented datagram that differ in content: damage, or somebody who wants the watch to
/// read something else than the device does (RFC 9293, 3.10; RFC 5722).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Bytes that differ.
    #[serde(default)]
    pub bytes: u32,
    /// In fragments of a datagram rather than in a TCP stream.
    #[serde(default)]
    pub fragments: bool,
}
