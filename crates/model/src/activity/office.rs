//! Files, directories and remote screens of an office network.

use serde::{Deserialize, Serialize};

/// A step of an SMB conversation (MS-CIFS, MS-SMB2), asked and answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smb {
    /// What was done.
    #[serde(default)]
    pub kind: SmbKind,
    /// Dialect: 0x0100 for SMB 1, otherwise as MS-SMB2 writes it (0x0202 … 0x0311); 0 unknown.
    #[serde(default)]
    pub dialect: u16,
    /// NT status of the answer; absent while none was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// Share, as \\\\server\\share.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub share: String,
    /// File or pipe name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// New name (Rename).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// User of the session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Domain of the session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Workstation of the session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Native operating system of the client (SMB 1).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// Native operating system of the server (SMB 1).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server_os: String,
    /// Signing is required.
    #[serde(default)]
    pub signing: bool,
    /// The session or share is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// The server let the user in as a guest or as nobody (Session).
    #[serde(default)]
    pub guest: bool,
}

/// Steps of an SMB conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmbKind {
    /// Dialects offered and chosen.
    #[default]
    Negotiate,
    /// Session set-up.
    Session,
    /// A share was connected.
    Tree,
    /// A file or pipe was opened or created.
    Open,
    /// A file was deleted.
    Delete,
    /// A file was renamed.
    Rename,
    /// The session ended.
    Logoff,
}

/// NTLM facts (MS-NLMP), inside SMB, HTTP, LDAP, RDP or SMTP. Answers to the challenge never leave the parser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ntlm {
    /// User.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Domain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Workstation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// NetBIOS name of the server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// DNS name of the server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server_dns: String,
    /// DNS domain of the server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server_domain: String,
    /// Windows version of the server, as 10.0.17763.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server_version: String,
    /// The answer is NTLMv1, which is broken.
    #[serde(default)]
    pub version1: bool,
    /// The client asked to be let in as nobody (MS-NLMP 2.2.2.5, anonymous).
    #[serde(default)]
    pub anonymous: bool,
}

/// A Kerberos message (RFC 4120).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kerberos {
    /// Message type (10 AS-REQ, 11 AS-REP, 12 TGS-REQ, 13 TGS-REP, 14 AP-REQ, 15 AP-REP, 30 KRB-ERROR).
    #[serde(default)]
    pub message: u8,
    /// Realm.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub realm: String,
    /// Client principal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Service principal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Error code (24 is a wrong password).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<i32>,
    /// Encryption type of the ticket, or the first one offered (23 is RC4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etype: Option<i32>,
    /// The request proves that the client knows its key (pre-authentication; RFC 4120, 5.2.7). An AS-REP to a request without it gives material
    /// for guessing the password offline to whoever asks.
    #[serde(default)]
    pub preauth: bool,
}

/// An LDAP operation (RFC 4511).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ldap {
    /// Name of the operation: bind, search, modify, add, delete, modify_dn, compare, extended, unbind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// Distinguished name that it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dn: String,
    /// Result code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<u16>,
    /// Scheme of a bind: simple, or the SASL mechanism.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authentication: String,
    /// StartTLS was asked for.
    #[serde(default)]
    pub encrypted: bool,
    /// Entries that a search returned.
    #[serde(default)]
    pub entries: u32,
    /// An entry holds a serialised or referenced Java object (RFC 2713), as attacks on Log4j's lookups send it.
    #[serde(default)]
    pub java: bool,
}

/// The start of a Remote Desktop conversation (MS-RDPBCGR).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rdp {
    /// User of the routing cookie (mstshash).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cookie: String,
    /// Protocols that the client offers (1 TLS, 2 CredSSP, 8 RDSTLS; 0 only RDP's own).
    #[serde(default)]
    pub requested: u32,
    /// Protocol that the server chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<u32>,
    /// Failure code of the negotiation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<u32>,
    /// Client name (MCS connect, in clear).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Client build number.
    #[serde(default)]
    pub build: u32,
}

/// The start of a remote screen or remote control conversation other than RDP (VNC: RFC 6143).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Version that the server offered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Security type chosen (1 none, 2 VNC, 16 Tight, 19 VeNCrypt).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<u8>,
    /// Name of the desktop.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}
