//! Names, addresses, discovery and time: what devices say of themselves unasked.

use crate::net::Mac;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A DNS message (RFC 1035), also mDNS and LLMNR.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Transaction id.
    pub id: u16,
    /// QR bit.
    pub response: bool,
    /// Response code (0 no error, 3 name does not exist, …).
    pub rcode: u8,
    /// Opcode (0 query, 5 update, …).
    pub opcode: u8,
    /// Question names with their type numbers, in lower case without the final dot.
    pub questions: Vec<(String, u16)>,
    /// Records of the answer, authority and additional sections (at most 64).
    pub records: Vec<DnsRecord>,
    /// Records that were left out because there were more.
    pub omitted: u16,
    /// AA bit: the answer comes from who is responsible for the name.
    #[serde(default)]
    pub authoritative: bool,
    /// TC bit: the message was cut to fit.
    #[serde(default)]
    pub truncated: bool,
    /// EDNS (RFC 6891): UDP payload size that the sender takes; `None` without an OPT record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp_size: Option<u16>,
    /// EDNS: DO bit, the sender wants DNSSEC records.
    #[serde(default)]
    pub dnssec: bool,
}

/// A resource record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Owner name.
    pub name: String,
    /// Type number.
    pub rtype: u16,
    /// Seconds to live.
    pub ttl: u32,
    /// Address of A and AAAA; first address hint of SVCB and HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Target of CNAME, PTR, NS, MX, SRV; text of TXT (strings joined with a space, at most 255 bytes). Facts of other types, parts with a
    /// space between: SOA `mname rname serial`, NAPTR `flags service regexp replacement` (empty parts as `-`), CAA `tag value`,
    /// SVCB and HTTPS `priority target alpn=…`, DS `tag algorithm digest-type`, DNSKEY `flags algorithm`, RRSIG `type algorithm tag signer
    /// expires` (seconds since 1970), NSEC `next`, HINFO `cpu os`, SSHFP `algorithm type`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Port of SRV, SVCB and HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Of TXT: keys in lower case with their values (RFC 6763, 6) that tell what a device is (`model`, `md`, `ty`, `usb_mfg`, …), at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, String)>,
}

/// A DHCPv4 message (RFC 2131, options RFC 2132).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dhcp {
    /// Option 53: 1 discover, 2 offer, 3 request, 4 decline, 5 ack, 6 nak, 7 release, 8 inform; 0 for BOOTP.
    pub message: u8,
    /// Transaction id.
    pub xid: u32,
    /// `chaddr`.
    pub mac: Mac,
    /// `ciaddr`, where not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<Ipv4Addr>,
    /// `yiaddr`, where not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub your_ip: Option<Ipv4Addr>,
    /// Option 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_ip: Option<Ipv4Addr>,
    /// Option 54.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<Ipv4Addr>,
    /// Option 3, first address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<Ipv4Addr>,
    /// Option 12, or the name in option 81.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Option 60.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor_class: String,
    /// Option 55, the numbers in the order sent: a fingerprint of the operating system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<u8>,
    /// Option 51, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<u32>,
    /// Option 6, at most 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<Ipv4Addr>,
    /// Option 82 (RFC 3046), circuit id: which port of which switch; text where it is text, otherwise hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub circuit: String,
    /// Option 82, remote id, written the same way.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote: String,
    /// `giaddr`, where not zero: the relay that passed it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Ipv4Addr>,
    /// Option 61 in hexadecimal, where it is not just the hardware address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Option 77 (user class), text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_class: String,
    /// Option 15, domain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
}

/// A NetBIOS name service message (RFC 1002, 4.2), or the names in a datagram service message (4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetbiosName {
    /// R bit.
    #[serde(default)]
    pub response: bool,
    /// Opcode (0 query, 5 registration, 6 release, 7 wait, 8 refresh).
    #[serde(default)]
    pub opcode: u8,
    /// Response code.
    #[serde(default)]
    pub rcode: u8,
    /// First name without padding.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its sixteenth byte (0x00 workstation, 0x20 file server, 0x1b–0x1e domain and browser).
    #[serde(default)]
    pub suffix: u8,
    /// It is a group (workgroup or domain).
    #[serde(default)]
    pub group: bool,
    /// Addresses in answers and registrations, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Ipv4Addr>,
    /// Names of a node status answer: name, suffix, group; at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<(String, u8, bool)>,
    /// Hardware address of a node status answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Carried by the datagram service (port 138): source name.
    #[serde(default)]
    pub datagram: bool,
    /// Datagram service: destination name and its sixteenth byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<(String, u8)>,
    /// Datagram service: what the sender announces of itself to the browsers (MS-BRWS, 2.2.1 and 2.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announcement>,
}

/// A host's announcement to the browser service (MS-BRWS, 2.2.1 HostAnnouncement, 2.2.3 LocalMasterAnnouncement).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Server name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Operating system version, major and minor (5.1 Windows XP, 6.1 Windows 7, 10.0 Windows 10; Samba says what it is told to).
    #[serde(default)]
    pub version: (u8, u8),
    /// Server type bits (MS-SRVS, 2.2.2.7: bit 0 workstation, 1 server, 3 domain controller, 9 print queue, 11 Xenix/Unix, 12 NT, 15 NT server).
    #[serde(default)]
    pub kinds: u32,
    /// Comment that somebody gave it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// It is the master browser of the segment.
    #[serde(default)]
    pub master: bool,
}

/// A DHCPv6 message (RFC 8415).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dhcp6 {
    /// Message type (1 solicit, 2 advertise, 3 request, 7 reply, 12 relay-forward, …); of the innermost message.
    #[serde(default)]
    pub message: u8,
    /// Transaction id, 24 bits.
    #[serde(default)]
    pub xid: u32,
    /// Client DUID in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub duid: String,
    /// Hardware address inside a DUID-LLT or DUID-LL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Server DUID in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Client FQDN (option 39).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Vendor class (option 16), text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor_class: String,
    /// Enterprise number of the vendor class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<u32>,
    /// Option request (6) in the order sent: a fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<u16>,
    /// Addresses given or asked, at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Ipv6Addr>,
    /// Name servers (option 23), at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<Ipv6Addr>,
    /// Relay: interface id (option 18), hexadecimal; of the relay nearest to the client.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub interface: String,
    /// Relay: remote id (option 37), hexadecimal with its enterprise number; of the relay nearest to the client.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote: String,
    /// Relays that passed it on.
    #[serde(default)]
    pub relays: u8,
}

/// An SSDP message (UPnP Device Architecture 2.0, 1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssdp {
    /// What it is.
    #[serde(default)]
    pub kind: SsdpKind,
    /// NT or ST.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// USN.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub usn: String,
    /// SERVER.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// LOCATION without query values.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// USER-AGENT.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// CACHE-CONTROL max-age, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
}

/// Sorts of SSDP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SsdpKind {
    /// M-SEARCH.
    #[default]
    Search,
    /// NOTIFY ssdp:alive or ssdp:update.
    Alive,
    /// NOTIFY ssdp:byebye.
    Goodbye,
    /// Answer to a search.
    Answer,
}

/// A UPnP device description (XML by HTTP, UPnP Device Architecture 2.0, 2.3): the root device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upnp {
    /// deviceType.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_type: String,
    /// friendlyName.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// manufacturer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub maker: String,
    /// modelName.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// modelNumber.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub number: String,
    /// modelDescription.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// serialNumber.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// UDN.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub udn: String,
}

/// A WS-Discovery message (OASIS WS-DD 1.1, or the April 2005 draft that Windows and ONVIF use).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// What it is.
    #[serde(default)]
    pub kind: DiscoveryKind,
    /// Endpoint reference (urn:uuid:…).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    /// Types, local names with their prefix, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Scopes, at most 32 (ONVIF puts name, hardware and place there).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Transport addresses without query values, at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// Sorts of WS-Discovery messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscoveryKind {
    /// Anything else.
    #[default]
    Other,
    /// A device announces itself.
    Hello,
    /// A device leaves.
    Bye,
    /// Somebody looks for devices.
    Probe,
    /// Answer to a probe.
    ProbeMatch,
    /// Somebody asks for an endpoint.
    Resolve,
    /// Answer to a resolve.
    ResolveMatch,
}

/// An NTP message (RFC 5905; modes 6 and 7 by RFC 9327 and practice).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ntp {
    /// Version.
    #[serde(default)]
    pub version: u8,
    /// Mode (1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private).
    #[serde(default)]
    pub mode: u8,
    /// Stratum; 0 unknown or kiss code.
    #[serde(default)]
    pub stratum: u8,
    /// Reference id: an address, a clock name, or a kiss code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Leap indicator (3 not synchronised).
    #[serde(default)]
    pub leap: u8,
    /// Transmit timestamp minus capture time in milliseconds, for servers and broadcasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ms: Option<i64>,
    /// Mode 7 request code 42 or 20 (monlist): a reflector.
    #[serde(default)]
    pub monlist: bool,
}
