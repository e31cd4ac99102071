//! The web, and what travels like it.

use super::{join, keep};
use model::activity::{Head, Protocol, SsdpKind};
use model::{ActRef, Time};
use serde::Serialize;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Web {
    /// TLS handshakes, those inside QUIC included.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    tls: BTreeSet<Tls>,
    /// HTTP requests.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    http: BTreeSet<Http>,
    /// SSH versions and fingerprints.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ssh: BTreeSet<Ssh>,
    /// First flights of QUIC.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    quic: BTreeSet<Quic>,
    /// Mail transactions, and sessions that turned to TLS.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    smtp: BTreeSet<Mail>,
    /// Mailbox sessions.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    imap: BTreeSet<Mail>,
    /// Mailbox sessions.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pop3: BTreeSet<Mail>,
    /// RTSP requests.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    rtsp: BTreeSet<Rtsp>,
    /// SIP messages.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    sip: BTreeSet<Sip>,
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
    /// JA3 of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    ja3: String,
    /// JA3S of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    ja3s: String,
    /// The server's choice of ALPN, else the client's first.
    #[serde(skip_serializing_if = "String::is_empty")]
    alpn: String,
    /// Cipher suite in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    /// Issuer of the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Time>,
    /// The server's certificates, leaf first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Certificate>,
}

/// An X.509 certificate.
#[derive(Debug, Default, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Certificate {
    subject: String,
    issuer: String,
    /// In hexadecimal.
    serial: String,
    not_before: Time,
    not_after: Time,
    /// Alternative names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    /// 0 where unknown.
    key_bits: u16,
    signature: String,
    self_signed: bool,
}

impl From<&model::activity::Certificate> for Certificate {
    fn from(c: &model::activity::Certificate) -> Self {
        Certificate {
            subject: c.subject.clone(),
            issuer: c.issuer.clone(),
            serial: c.serial.clone(),
            not_before: c.not_before,
            not_after: c.not_after,
            names: c.names.clone(),
            key_bits: c.key_bits,
            signature: c.signature.clone(),
            self_signed: c.self_signed,
        }
    }
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
    /// `User-Agent` header.
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent: String,
    /// `Server` header.
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
    /// `Content-Type` of the answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    content_type: String,
    /// What the answer's body is by its first bytes.
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
    /// What the request's body is.
    #[serde(skip_serializing_if = "String::is_empty")]
    request_body: String,
    /// Scheme of `Authorization`.
    #[serde(skip_serializing_if = "String::is_empty")]
    authorization: String,
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
    /// HASSH of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    hassh: String,
    /// HASSH of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    hassh_server: String,
}

/// A first flight of QUIC.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Quic {
    /// Version number in hexadecimal.
    version: String,
    /// Server name.
    #[serde(skip_serializing_if = "String::is_empty")]
    sni: String,
    /// First protocol of the client's list.
    #[serde(skip_serializing_if = "String::is_empty")]
    alpn: String,
    /// JA4 of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    ja4: String,
    /// JA3 of the client.
    #[serde(skip_serializing_if = "String::is_empty")]
    ja3: String,
    /// A server answered.
    answered: bool,
}

/// A mail transaction or mailbox session.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Mail {
    /// What the client calls itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    helo: String,
    /// Envelope sender.
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    /// Envelope recipients, the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    /// The last reply's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Bytes of messages.
    bytes: u64,
    /// The conversation changed to TLS.
    encrypted: bool,
    /// The server's greeting.
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
}

/// An RTSP request.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Rtsp {
    /// As sent.
    method: String,
    /// As sent.
    uri: String,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Name of the client's software.
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent: String,
    /// Name of the server's software.
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
    /// Scheme of `Authorization`.
    #[serde(skip_serializing_if = "String::is_empty")]
    authorization: String,
}

/// A SIP message.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Sip {
    /// Of the request, or of the one that is answered.
    method: String,
    /// Whom the request is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    uri: String,
    /// Status of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Who calls.
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    /// Who is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
    /// Name of the software.
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent: String,
}

impl Web {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Web, omitted: &mut u64) {
        let Web { tls, http, ssh, quic, smtp, imap, pop3, rtsp, sip } = other;
        join(&mut self.tls, tls, omitted);
        join(&mut self.http, http, omitted);
        join(&mut self.ssh, ssh, omitted);
        join(&mut self.quic, quic, omitted);
        join(&mut self.smtp, smtp, omitted);
        join(&mut self.imap, imap, omitted);
        join(&mut self.pop3, pop3, omitted);
        join(&mut self.rtsp, rtsp, omitted);
        join(&mut self.sip, sip, omitted);
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        match act {
            ActRef::Tls(tls) => self.tls(tls, omitted),
            ActRef::Http(http) if !http.method.is_empty() => {
                let entry = Http {
                    method: http.method.clone(),
                    host: http.host.clone(),
                    path: http.path.clone(),
                    status: http.status,
                    user_agent: http.user_agent.clone(),
                    server: http.server.clone(),
                    content_type: http.content_type.clone(),
                    body: http.body.clone(),
                    request_body: http.request_body.clone(),
                    authorization: http.authorization.clone(),
                };
                keep(&mut self.http, entry, omitted);
            }
            // Searches and announcements of devices are HTTP requests in form, and protocol analysers count them among these.
            ActRef::Ssdp(ssdp) if ssdp.kind != SsdpKind::Answer => {
                let method = if ssdp.kind == SsdpKind::Search { "M-SEARCH" } else { "NOTIFY" };
                let host = head.server.ip.map(|ip| SocketAddr::new(ip, head.server.port.unwrap_or(1900)).to_string());
                let entry = Http {
                    method: method.to_owned(),
                    host: host.unwrap_or_default(),
                    path: "*".to_owned(),
                    user_agent: ssdp.user_agent.clone(),
                    server: ssdp.server.clone(),
                    ..Http::default()
                };
                keep(&mut self.http, entry, omitted);
            }
            ActRef::Ssh(ssh) => {
                let entry = Ssh {
                    client: ssh.client.clone(),
                    server: ssh.server.clone(),
                    hassh: ssh.hassh.clone(),
                    hassh_server: ssh.hassh_server.clone(),
                };
                keep(&mut self.ssh, entry, omitted);
            }
            ActRef::Quic(quic) => {
                let entry = Quic {
                    version: format!("0x{:08x}", quic.version),
                    sni: quic.sni.clone(),
                    alpn: quic.alpn.clone(),
                    ja4: quic.ja4.clone(),
                    ja3: quic.ja3.clone(),
                    answered: quic.answered,
                };
                keep(&mut self.quic, entry, omitted);
                if !quic.ja4.is_empty() {
                    // The handshake inside is one of TLS 1.3 (RFC 9001, 4.2).
                    let inside = Tls {
                        sni: quic.sni.clone(),
                        version: version(0x0304),
                        ja4: quic.ja4.clone(),
                        ja3: quic.ja3.clone(),
                        alpn: quic.alpn.clone(),
                        ..Tls::default()
                    };
                    keep(&mut self.tls, inside, omitted);
                }
            }
            ActRef::Mail(mail) => {
                let entry = Mail {
                    helo: mail.helo.clone(),
                    from: mail.from.clone(),
                    to: mail.to.clone(),
                    status: (mail.status != 0).then_some(mail.status),
                    bytes: mail.bytes,
                    encrypted: mail.encrypted,
                    server: mail.server.clone(),
                };
                let list = match head.protocol {
                    Protocol::Imap => &mut self.imap,
                    Protocol::Pop3 => &mut self.pop3,
                    _ => &mut self.smtp,
                };
                keep(list, entry, omitted);
            }
            ActRef::Rtsp(rtsp) => {
                let entry = Rtsp {
                    method: rtsp.method.clone(),
                    uri: rtsp.uri.clone(),
                    status: rtsp.status,
                    user_agent: rtsp.user_agent.clone(),
                    server: rtsp.server.clone(),
                    authorization: rtsp.authorization.clone(),
                };
                keep(&mut self.rtsp, entry, omitted);
            }
            ActRef::Sip(sip) => {
                let entry = Sip {
                    method: sip.method.clone(),
                    uri: sip.uri.clone(),
                    status: sip.status,
                    from: sip.from.clone(),
                    to: sip.to.clone(),
                    user_agent: sip.user_agent.clone(),
                };
                keep(&mut self.sip, entry, omitted);
            }
            _ => {}
        }
    }

    fn tls(&mut self, tls: &model::activity::Tls, omitted: &mut u64) {
        let bare = Tls {
            sni: tls.sni.clone(),
            version: version(if tls.version == 0 { tls.offered } else { tls.version }),
            ja4: tls.ja4.clone(),
            ja3: tls.ja3.clone(),
            ja3s: tls.ja3s.clone(),
            alpn: tls.alpn.clone(),
            cipher: (tls.cipher != 0).then(|| format!("0x{:04x}", tls.cipher)),
            ..Tls::default()
        };
        // A handshake is told again when its certificates were seen; the fuller one stands for both.
        let entry = if let Some(first) = tls.certificates.first() {
            self.tls.remove(&bare);
            Tls {
                issuer: Some(first.issuer.clone()),
                not_after: Some(first.not_after),
                certificates: tls.certificates.iter().map(Certificate::from).collect(),
                ..bare
            }
        } else {
            let fuller = |t: &Tls| Tls { issuer: None, not_after: None, certificates: Vec::new(), ..t.clone() } == bare;
            // What certificates tell comes last in the order of fields, so a fuller entry is the next one after the bare one.
            if self.tls.range(&bare..).next().is_some_and(fuller) {
                return;
            }
            bare
        };
        keep(&mut self.tls, entry, omitted);
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
