//! The web, and what travels like it.

use super::keep;
use model::activity::Head;
use model::{ActRef, Time};
use serde::Serialize;
use std::collections::BTreeSet;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Web {
    /// TLS handshakes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    tls: BTreeSet<Tls>,
    /// HTTP requests.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    http: BTreeSet<Http>,
    /// SSH versions.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ssh: BTreeSet<Ssh>,
}

/// A TLS handshake.
#[derive(Debug, Default, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Tls {
    /// Server name.
    #[serde(skip_serializing_if = "String::is_empty")]
    sni: String,
    /// `TLS 1.2` and the like: the server's choice, else the highest offered.
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    /// JA4 of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    ja4: String,
    /// Cipher suite in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    /// Issuer of the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Time>,
}

/// An HTTP request.
#[derive(Debug, Default, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Http {
    /// As sent.
    method: String,
    /// `Host` header.
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    /// Request target as sent.
    path: String,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// The two sides of SSH.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Ssh {
    /// Version string.
    #[serde(skip_serializing_if = "String::is_empty")]
    client: String,
    /// Version string.
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
}

impl Web {
    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, _head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        match act {
            ActRef::Tls(tls) => {
                let entry = Tls {
                    sni: tls.sni.clone(),
                    version: version(if tls.version == 0 { tls.offered } else { tls.version }),
                    ja4: tls.ja4.clone(),
                    cipher: (tls.cipher != 0).then(|| format!("0x{:04x}", tls.cipher)),
                    issuer: tls.certificates.first().map(|c| c.issuer.clone()),
                    not_after: tls.certificates.first().map(|c| c.not_after),
                };
                // A handshake is told again when its certificates were seen; the fuller one stands for both.
                if entry.issuer.is_some() {
                    self.tls.remove(&Tls { issuer: None, not_after: None, ..entry.clone() });
                } else if self.tls.iter().any(|t| t.issuer.is_some() && Tls { issuer: None, not_after: None, ..t.clone() } == entry) {
                    return;
                }
                keep(&mut self.tls, entry, omitted);
            }
            ActRef::Http(http) if !http.method.is_empty() => {
                let entry = Http { method: http.method.clone(), host: http.host.clone(), path: http.path.clone(), status: http.status };
                keep(&mut self.http, entry, omitted);
            }
            ActRef::Ssh(ssh) => keep(&mut self.ssh, Ssh { client: ssh.client.clone(), server: ssh.server.clone() }, omitted),
            _ => {}
        }
    }
}

fn version(number: u16) -> String {
    match number {
        0 => String::new(),
        0x0002 => "SSL 2".into(),
        0x0300 => "SSL 3".into(),
        0x0301..=0x0304 => format!("TLS 1.{}", number - 0x0301),
        other => format!("0x{other:04x}"),
    }
}
