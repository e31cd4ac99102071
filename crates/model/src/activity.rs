//! Protocol-level acts inside a conversation. One struct per protocol, owned and reusable: a parser keeps one, clears and fills
//! it again, and lends it out as [`ActRef`], so that the steady state of the packet path allocates nothing.
//!
//! No password, community string, cookie, token, `Authorization` value or URL query value is ever held here: only its kind,
//! length and keyed fingerprint ([`SecretTrace`]; decisions, Secrets on the wire).

pub mod control;
pub mod link;
pub mod names;
pub mod office;
pub mod web;

pub use control::{Coap, Modbus, ModbusIdentity, Mqtt, Snmp, SnmpPdu};
pub use link::{
    Arp, Cdp, Conflict, Echo, Lldp, Membership, MembershipKind, Neighbour, RouterAdvertisement, SpanningTree, Unreachable, Wlan, WlanKind,
    WlanSecurity,
};
pub use names::{Announcement, Dhcp, Dhcp6, Discovery, DiscoveryKind, Dns, DnsRecord, NetbiosName, Ntp, Ssdp, SsdpKind, Upnp};
pub use office::{Kerberos, Ldap, Ntlm, Rdp, Remote, Smb, SmbKind};
pub use web::{Certificate, Http, Mail, Quic, Rtsp, Sip, Ssh, Tls};

use crate::ids::FlowId;
use crate::net::{Endpoint, Segment, Transport};
use crate::time::Time;
use serde::{Deserialize, Serialize};

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
    /// RFC 791, RFC 8200 and RFC 9293: what is wrong with packets and streams themselves
    Ip = "ip",
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
    /// RFC 3376
    Igmp = "igmp",
    /// RFC 3810
    Mld = "mld",
    /// IEEE 802.1D
    Stp = "stp",
    /// Cisco Discovery Protocol
    Cdp = "cdp",
    /// IEEE 802.11 management
    Wlan = "wlan",
    /// RFC 1002
    Nbns = "nbns",
    /// RFC 8415
    Dhcp6 = "dhcpv6",
    /// UPnP Device Architecture 2.0
    Ssdp = "ssdp",
    /// WS-Discovery
    Wsd = "wsd",
    /// RFC 5905
    Ntp = "ntp",
    /// RFC 9000
    Quic = "quic",
    /// RFC 5321
    Smtp = "smtp",
    /// RFC 9051
    Imap = "imap",
    /// RFC 1939
    Pop3 = "pop3",
    /// RFC 2326
    Rtsp = "rtsp",
    /// RFC 3261
    Sip = "sip",
    /// RFC 3411
    Snmp = "snmp",
    /// MS-CIFS, MS-SMB2
    Smb = "smb",
    /// RFC 4120
    Kerberos = "kerberos",
    /// RFC 4511
    Ldap = "ldap",
    /// MS-RDPBCGR
    Rdp = "rdp",
    /// RFC 6143
    Vnc = "vnc",
    /// OASIS MQTT
    Mqtt = "mqtt",
    /// RFC 7252
    Coap = "coap",
    /// RFC 1002, 4.4: NetBIOS datagram service
    Nbdgm = "nbdgm",
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
    /// A multicast membership message.
    Membership(Membership),
    /// An IPv6 router advertisement.
    RouterAdvertisement(RouterAdvertisement),
    /// A bridge protocol data unit.
    SpanningTree(SpanningTree),
    /// A Cisco Discovery Protocol announcement.
    Cdp(Cdp),
    /// An 802.11 management frame.
    Wlan(Wlan),
    /// Echo messages of a conversation.
    Echo(Echo),
    /// Copies of the same bytes that differ.
    Conflict(Conflict),
    /// A NetBIOS name message.
    NetbiosName(NetbiosName),
    /// A DHCPv6 message.
    Dhcp6(Dhcp6),
    /// An SSDP message.
    Ssdp(Ssdp),
    /// A UPnP device description.
    Upnp(Upnp),
    /// A WS-Discovery message.
    Discovery(Discovery),
    /// An NTP message.
    Ntp(Ntp),
    /// The first flight of a QUIC connection.
    Quic(Quic),
    /// A mail transaction or mailbox session.
    Mail(Mail),
    /// An RTSP exchange.
    Rtsp(Rtsp),
    /// A SIP message.
    Sip(Sip),
    /// A step of an SMB conversation.
    Smb(Smb),
    /// NTLM facts.
    Ntlm(Ntlm),
    /// A Kerberos message.
    Kerberos(Kerberos),
    /// An LDAP operation.
    Ldap(Ldap),
    /// The start of a Remote Desktop conversation.
    Rdp(Rdp),
    /// The start of another remote screen conversation.
    Remote(Remote),
    /// An SNMP message.
    Snmp(Snmp),
    /// An MQTT control packet.
    Mqtt(Mqtt),
    /// A CoAP message.
    Coap(Coap),
    /// What a Modbus device says of itself.
    ModbusIdentity(ModbusIdentity),
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
    /// An SNMP community string.
    Community,
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
