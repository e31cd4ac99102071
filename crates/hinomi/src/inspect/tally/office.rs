//! Log-ins, files and remote screens.

use super::{MAX_LIST, add_up, join, keep};
use model::ActRef;
use model::activity::{self, Head, Outcome, Protocol, SmbKind};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Office {
    /// Attempts to log in, without secrets: one key for each protocol.
    #[serde(flatten, serialize_with = "by_protocol")]
    logins: BTreeMap<(Protocol, String, &'static str), u64>,
    /// Steps of SMB conversations, each once.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    smb: BTreeSet<Smb>,
    /// What was said in NTLM, in whatever protocol.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ntlm: BTreeSet<Ntlm>,
    /// Kerberos messages, each once.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    kerberos: BTreeSet<Kerberos>,
    /// LDAP operations, each once.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ldap: BTreeSet<Ldap>,
    /// Beginnings of Remote Desktop conversations.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    rdp: BTreeSet<Rdp>,
    /// Beginnings of VNC conversations.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    vnc: BTreeSet<Vnc>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for this form.
fn off(flag: &bool) -> bool {
    !flag
}

/// A step of an SMB conversation.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Smb {
    /// What was done.
    kind: &'static str,
    /// `1`, `2.0.2` … `3.1.1`; absent where it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    dialect: String,
    /// NT status of the answer in hexadecimal; absent where none was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// Share.
    #[serde(skip_serializing_if = "String::is_empty")]
    share: String,
    /// File or pipe.
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
    /// New name.
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    /// User.
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    /// Domain.
    #[serde(skip_serializing_if = "String::is_empty")]
    domain: String,
    /// Workstation.
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    /// System of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    os: String,
    /// System of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    server_os: String,
    /// Signing is required.
    #[serde(skip_serializing_if = "off")]
    signing: bool,
    /// Encrypted.
    #[serde(skip_serializing_if = "off")]
    encrypted: bool,
}

impl From<&activity::Smb> for Smb {
    fn from(s: &activity::Smb) -> Self {
        Smb {
            kind: match s.kind {
                SmbKind::Negotiate => "negotiate",
                SmbKind::Session => "session",
                SmbKind::Tree => "tree",
                SmbKind::Open => "open",
                SmbKind::Delete => "delete",
                SmbKind::Rename => "rename",
                SmbKind::Logoff => "logoff",
            },
            dialect: dialect(s.dialect),
            status: s.status.map(|n| format!("0x{n:08x}")),
            share: s.share.clone(),
            file: s.file.clone(),
            target: s.target.clone(),
            user: s.user.clone(),
            domain: s.domain.clone(),
            host: s.host.clone(),
            os: s.os.clone(),
            server_os: s.server_os.clone(),
            signing: s.signing,
            encrypted: s.encrypted,
        }
    }
}

fn dialect(number: u16) -> String {
    match number {
        0 => String::new(),
        0x0100 => "1".into(),
        n => format!("{}.{}.{}", n >> 8, n >> 4 & 15, n & 15),
    }
}

/// What was said in NTLM.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Ntlm {
    /// User.
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    /// Domain.
    #[serde(skip_serializing_if = "String::is_empty")]
    domain: String,
    /// Workstation.
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    /// NetBIOS name of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
    /// DNS name of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    server_dns: String,
    /// Windows version of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    server_version: String,
    /// The broken first version.
    #[serde(skip_serializing_if = "off")]
    version1: bool,
}

/// A Kerberos message.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Kerberos {
    /// Message type (RFC 4120, 7.5.7).
    message: u8,
    /// Realm.
    #[serde(skip_serializing_if = "String::is_empty")]
    realm: String,
    /// Client principal.
    #[serde(skip_serializing_if = "String::is_empty")]
    client: String,
    /// Service principal.
    #[serde(skip_serializing_if = "String::is_empty")]
    service: String,
    /// Error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<i32>,
    /// Encryption type.
    #[serde(skip_serializing_if = "Option::is_none")]
    etype: Option<i32>,
}

/// An LDAP operation.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Ldap {
    /// Its name.
    operation: String,
    /// What it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    dn: String,
    /// Result code.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<u16>,
    /// Way of binding.
    #[serde(skip_serializing_if = "String::is_empty")]
    authentication: String,
    /// An entry holds a Java object.
    #[serde(skip_serializing_if = "off")]
    java: bool,
}

/// The beginning of a Remote Desktop conversation.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Rdp {
    /// Name in the cookie.
    #[serde(skip_serializing_if = "String::is_empty")]
    cookie: String,
    /// Protocols offered.
    requested: u32,
    /// Protocol chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    selected: Option<u32>,
    /// Failure code.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<u32>,
    /// Name of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    client: String,
    /// Build of the client; absent where it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<u32>,
}

/// The beginning of a VNC conversation.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Vnc {
    /// Version of the server.
    version: String,
    /// Security type.
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<u8>,
    /// Name of the desktop.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
}

/// Attempts to log in that look the same.
#[derive(Debug, Serialize)]
struct Login<'a> {
    /// User name.
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    /// `success`, `failure` or `unknown`.
    outcome: &'static str,
    /// How many.
    count: u64,
}

/// Protocols whose key holds log-ins. The others (HTTP, MQTT …) have a key of their own with other things in it; theirs are under
/// `logins`.
const PLAIN: [Protocol; 2] = [Protocol::Telnet, Protocol::Ftp];

fn by_protocol<S: Serializer>(logins: &BTreeMap<(Protocol, String, &'static str), u64>, s: S) -> Result<S::Ok, S::Error> {
    let mut map = s.serialize_map(None)?;
    let rows = |protocol: Protocol| -> Vec<Login<'_>> {
        let of = logins.iter().filter(|((p, _, _), _)| *p == protocol);
        of.map(|((_, user, outcome), count)| Login { user, outcome, count: *count }).collect()
    };
    let mut rest = BTreeMap::new();
    let mut last = None;
    for (protocol, _, _) in logins.keys() {
        if last.replace(*protocol) == Some(*protocol) {
            continue;
        }
        if PLAIN.contains(protocol) {
            map.serialize_entry(protocol.name(), &rows(*protocol))?;
        } else {
            rest.insert(protocol.name(), rows(*protocol));
        }
    }
    if !rest.is_empty() {
        map.serialize_entry("logins", &rest)?;
    }
    map.end()
}

impl Office {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Office, omitted: &mut u64) {
        let Office { logins, smb, ntlm, kerberos, ldap, rdp, vnc } = other;
        add_up(&mut self.logins, logins, omitted);
        join(&mut self.smb, smb, omitted);
        join(&mut self.ntlm, ntlm, omitted);
        join(&mut self.kerberos, kerberos, omitted);
        join(&mut self.ldap, ldap, omitted);
        join(&mut self.rdp, rdp, omitted);
        join(&mut self.vnc, vnc, omitted);
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        match act {
            ActRef::Login(login) => {
                let outcome = match login.outcome {
                    Outcome::Success => "success",
                    Outcome::Failure => "failure",
                    Outcome::Unknown => "unknown",
                };
                if self.logins.len() < MAX_LIST {
                    *self.logins.entry((head.protocol, login.user.clone(), outcome)).or_default() += 1;
                } else {
                    *omitted += 1;
                }
            }
            ActRef::Smb(s) => keep(&mut self.smb, s.into(), omitted),
            ActRef::Ntlm(n) => {
                let entry = Ntlm {
                    user: n.user.clone(),
                    domain: n.domain.clone(),
                    host: n.host.clone(),
                    server: n.server.clone(),
                    server_dns: n.server_dns.clone(),
                    server_version: n.server_version.clone(),
                    version1: n.version1,
                };
                keep(&mut self.ntlm, entry, omitted);
            }
            ActRef::Kerberos(k) => {
                let entry = Kerberos {
                    message: k.message,
                    realm: k.realm.clone(),
                    client: k.client.clone(),
                    service: k.service.clone(),
                    error: k.error,
                    etype: k.etype,
                };
                keep(&mut self.kerberos, entry, omitted);
            }
            ActRef::Ldap(l) => {
                let entry = Ldap {
                    operation: l.operation.clone(),
                    dn: l.dn.clone(),
                    result: l.result,
                    authentication: l.authentication.clone(),
                    java: l.java,
                };
                keep(&mut self.ldap, entry, omitted);
            }
            ActRef::Rdp(r) => {
                let entry = Rdp {
                    cookie: r.cookie.clone(),
                    requested: r.requested,
                    selected: r.selected,
                    failure: r.failure,
                    client: r.client.clone(),
                    build: (r.build > 0).then_some(r.build),
                };
                keep(&mut self.rdp, entry, omitted);
            }
            ActRef::Remote(r) if head.protocol == Protocol::Vnc => {
                keep(&mut self.vnc, Vnc { version: r.version.clone(), security: r.security, name: r.name.clone() }, omitted);
            }
            _ => {}
        }
    }
}
