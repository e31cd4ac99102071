//! Protocol-level acts inside a conversation. One struct per protocol, owned and reusable: a parser keeps one, clears and fills
//! it again, and lends it out as [`ActRef`], so that the steady state of the packet path allocates nothing.
//!
//! No password, community string, cookie, token, `Authorization` value or URL query value is ever held here: only its kind,
//! length and keyed fingerprint ([`SecretTrace`]; decisions, Secrets on the wire).

use crate::ids::FlowId;
use crate::net::{Endpoint, Mac, Segment, Transport};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

macro_rules! protocols {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A protocol that Hinomi recognises by content. The names are those of `hinomi inspect --json`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Protocol { $($(#[$doc])* #[serde(rename = $name)] $variant),+ }
        impl Protocol {
            /// Every protocol, in the order of declaration.
            pub const ALL: &'static [Protocol] = &[$(Protocol::$variant),+];
            /// The name in JSON, rules and the command line.
            pub const fn name(self) -> &'static str { match self { $(Protocol::$variant => $name),+ } }
            /// The protocol of that name.
            pub fn from_name(name: &str) -> Option<Protocol> { match name { $($name => Some(Protocol::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for Protocol {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.name()) }
        }
    };
}
protocols! {
    /// RFC 826
    Arp = "arp",
    /// RFC 792
    Icmp = "icmp",
    /// RFC 4443, with neighbour discovery (RFC 4861)
    Icmpv6 = "icmpv6",
    /// RFC 1035
    Dns = "dns",
    /// RFC 6762
    Mdns = "mdns",
    /// RFC 4795
    Llmnr = "llmnr",
    /// RFC 2131
    Dhcp = "dhcp",
    /// RFC 5246, RFC 8446
    Tls = "tls",
    /// RFC 9112
    Http = "http",
    /// RFC 4253
    Ssh = "ssh",
    /// RFC 854
    Telnet = "telnet",
    /// RFC 959
    Ftp = "ftp",
    /// Modbus Messaging on TCP/IP Implementation Guide V1.0b
    Modbus = "modbus",
    /// IEEE 802.1AB
    Lldp = "lldp",
}

macro_rules! acts {
    ($($(#[$doc:meta])* $variant:ident($ty:ty)),+ $(,)?) => {
        /// What was done, owned: this is what the vault keeps.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Act { $($(#[$doc])* $variant($ty)),+ }
        /// What was done, lent by the parser for the length of a call.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ActRef<'a> { $($(#[$doc])* $variant(&'a $ty)),+ }
        impl ActRef<'_> {
            /// Copies what was lent.
            pub fn to_owned(&self) -> Act { match self { $(ActRef::$variant(v) => Act::$variant((*v).clone())),+ } }
        }
        impl Act {
            /// Lends what is owned.
            pub fn as_ref(&self) -> ActRef<'_> { match self { $(Act::$variant(v) => ActRef::$variant(v)),+ } }
        }
    };
}
acts! {
    /// An ARP request, answer or announcement.
    Arp(Arp),
    /// An IPv6 neighbour or router message.
    Neighbour(Neighbour),
    /// An ICMP error that quotes a conversation.
    Unreachable(Unreachable),
    /// A DNS, mDNS or LLMNR message.
    Dns(Dns),
    /// A DHCPv4 message.
    Dhcp(Dhcp),
    /// A TLS handshake, as far as it could be read.
    Tls(Tls),
    /// An HTTP request with its answer, if one was seen.
    Http(Http),
    /// The version strings of an SSH conversation.
    Ssh(Ssh),
    /// The greeting of a Telnet, FTP or other text service.
    Banner(Banner),
    /// An attempt to log in.
    Login(Login),
    /// A Modbus request or answer.
    Modbus(Modbus),
    /// An LLDP announcement.
    Lldp(Lldp),
}

/// An act with the conversation it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Who, where and when.
    pub head: Head,
    /// What.
    pub act: Act,
}

/// Who did it, where and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The conversation; 0 for acts outside any (ARP, LLDP).
    pub flow: FlowId,
    /// Where the addresses mean something.
    pub segment: Segment,
    /// Capture time of the frame that completed the act.
    pub time: Time,
    /// What carried it.
    pub transport: Transport,
    /// The protocol of the act.
    pub protocol: Protocol,
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
}

/// What is kept of a secret: enough to see that two are the same on this installation, nothing that gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SecretTrace {
    /// What sort of secret it was.
    pub kind: SecretKind,
    /// Length in bytes; coarse for short ones is not needed, as the fingerprint is keyed.
    pub length: u16,
    /// First 8 bytes of HMAC-SHA-256 under this installation's key.
    pub fingerprint: u64,
    /// It stands on the list of maker defaults for this user name (catalogue/data/default-credentials.txt).
    pub default: bool,
}

/// Sorts of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// A password typed or sent.
    Password,
    /// HTTP `Authorization` other than Basic.
    Token,
    /// An empty password.
    Empty,
}

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
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Owner name.
    pub name: String,
    /// Type number.
    pub rtype: u16,
    /// Seconds to live.
    pub ttl: u32,
    /// Address of A and AAAA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Target of CNAME, PTR, NS, MX, SRV; text of TXT (strings joined with a space, at most 255 bytes).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Port of SRV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
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
}

/// A TLS handshake (RFC 5246, RFC 8446), told once when the hellos are complete and again when certificates were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Server name indication (RFC 6066, 3).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sni: String,
    /// Version that the server chose: 0x0002 SSL 2, 0x0300 SSL 3, 0x0301 … 0x0304 TLS 1.0 … 1.3. 0 while unknown.
    pub version: u16,
    /// Cipher suite that the server chose; 0 while unknown.
    pub cipher: u16,
    /// JA4 fingerprint of the client hello (FoxIO, BSD-3-Clause).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ja4: String,
    /// First protocol of the client's ALPN list, or the server's choice once seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alpn: String,
    /// Highest version that the client offered.
    pub offered: u16,
    /// A server hello was seen.
    pub answered: bool,
    /// The server's certificates, leaf first, where sent in clear (TLS 1.2 and older).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
}

/// What an X.509 certificate says (RFC 5280).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Subject as `CN=…,O=…,C=…`, in the order of the certificate.
    pub subject: String,
    /// Issuer, written the same way.
    pub issuer: String,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// Not valid before.
    pub not_before: Time,
    /// Not valid after.
    pub not_after: Time,
    /// Names of the subject alternative name extension (DNS and addresses), at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Bits of an RSA key, or of the field of an elliptic curve key; 0 where unknown.
    pub key_bits: u16,
    /// Issuer and subject are the same.
    pub self_signed: bool,
}

/// An HTTP/1 exchange (RFC 9112).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// Method as sent; empty where only the answer was seen.
    pub method: String,
    /// `Host` header.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Request target with every query value replaced by `*` (`/a?user=*&x=*`); as sent only for `inspect`.
    pub path: String,
    /// Status code; absent while no answer was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `User-Agent`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// `Server`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// `Content-Type` of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    /// Scheme word of `Authorization` (Basic, Digest, Bearer …).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authorization: String,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body, as far as seen.
    pub response_bytes: u64,
}

/// Version strings of an SSH conversation (RFC 4253, 4.2), told when both, or one and then data, were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssh {
    /// The client's string without line end.
    pub client: String,
    /// The server's string without line end.
    pub server: String,
}

/// The greeting of a text service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banner {
    /// At most 256 characters of it, control characters dropped.
    pub text: String,
}

/// What became of an attempt to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server let it in.
    Success,
    /// The server refused.
    Failure,
    /// What was seen does not tell.
    #[default]
    Unknown,
}

/// An attempt to log in to a service. For SSH the outcome is judged by the shape of the encrypted conversation
/// (docs/en/findings.md says how sure that is); for the others the server's own words decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// User name, where it could be read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// What is kept of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretTrace>,
    /// What became of it.
    pub outcome: Outcome,
    /// The secret could be read by anyone on the way.
    pub clear_text: bool,
    /// FTP `anonymous` and the like: no secret in the first place.
    pub anonymous: bool,
}

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
    /// The function changes something in the device (5, 6, 15, 16, 21, 22, 23).
    pub write: bool,
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
}
