//! Web, encryption, mail, voice and pictures.

use crate::time::Time;
use serde::{Deserialize, Serialize};

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
    /// JA3 fingerprint of the client hello (MD5 in hexadecimal; Salesforce, BSD-3-Clause).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ja3: String,
    /// JA3S fingerprint of the server hello.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ja3s: String,
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
    /// Signature algorithm by its usual name (sha256WithRSAEncryption, …), or its object id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
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
    /// `Content-Type` of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_type: String,
    /// What the first bytes of the answer's body are (html, xml, json, executable, zip, pdf, image, script …), whatever its type says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// What the first bytes of the request's body are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_body: String,
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
    /// HASSH fingerprint of the client's key exchange (MD5 in hexadecimal; Salesforce, BSD-3-Clause).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hassh: String,
    /// HASSH fingerprint of the server's key exchange.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hassh_server: String,
}

/// The first flight of a QUIC connection (RFC 9000, RFC 9001; versions 1 and 2): the client hello inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quic {
    /// Version number.
    #[serde(default)]
    pub version: u32,
    /// Server name indication.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sni: String,
    /// First protocol of the ALPN list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alpn: String,
    /// JA4 fingerprint (begins with q).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ja4: String,
    /// JA3 fingerprint.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ja3: String,
    /// A server answered.
    #[serde(default)]
    pub answered: bool,
}

/// A mail transaction (RFC 5321), or the state of a mailbox session (RFC 9051, RFC 1939), told at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Name after EHLO or HELO.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub helo: String,
    /// Envelope sender.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Envelope recipients, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// How many recipients there were.
    #[serde(default)]
    pub recipients: u16,
    /// Reply code of the message, or of the last command.
    #[serde(default)]
    pub status: u16,
    /// Bytes of the message.
    #[serde(default)]
    pub bytes: u64,
    /// The conversation changed to TLS.
    #[serde(default)]
    pub encrypted: bool,
    /// Server software, by its greeting.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
}

/// An RTSP exchange (RFC 2326, RFC 7826).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rtsp {
    /// Method.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// URI without query values.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Status code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// User-Agent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// Server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Scheme word of Authorization.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authorization: String,
}

/// A SIP message (RFC 3261).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sip {
    /// Method, of the request or of the CSeq line in an answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Request URI.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Status code of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// From, address only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// To, address only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// User-Agent or Server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// Scheme word of Authorization.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authorization: String,
}
