//! One module per protocol. Each has a `SPEC` that [`crate::parse::PROTOCOLS`] lists, a probe that judges content, and a parser.
//!
//! What they have in common:
//!
//! - A parser reads where the bytes lie and keeps only what the act needs, in Strings and Vecs that it clears and fills again.
//! - No parser asks the engine to hold more than [`MAX_WAIT`] bytes for it: a longer message is read in pieces or passed over.
//! - Text is kept as UTF-8 where it is UTF-8, and otherwise byte by byte as `\xNN` ([`text::push`]), each with its own bound.
//! - A secret becomes a [`model::activity::SecretTrace`] at the place where it is read, and the copy is wiped with zeros.
//! - Bytes that make no sense end the reading of that conversation (`Step::Done`); they are never an error of ours.
//! - Who is client and who is server is first taken from who spoke first. A capture that starts in the middle gets that wrong; where the
//!   content tells (an HTTP status line, a server hello), the parser turns the two around in what it emits ([`turned`]).

pub mod ber;
pub mod cdp;
pub mod coap;
pub mod dhcp;
pub mod dhcp6;
pub mod dns;
pub mod fingerprint;
pub mod ftp;
pub mod http;
pub mod imap;
pub mod kerberos;
pub mod ldap;
mod lines;
pub mod lldp;
mod mail;
pub mod membership;
pub mod modbus;
pub mod mqtt;
pub mod nbns;
pub mod ntlm;
pub mod ntp;
pub mod pop3;
pub mod quic;
pub mod rdp;
pub mod router;
pub mod rtsp;
mod sasl;
pub mod sip;
pub mod smb;
pub mod smtp;
pub mod snmp;
pub mod ssdp;
pub mod ssh;
pub mod stp;
pub mod telnet;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod tls;
pub mod upnp;
pub mod vnc;
pub mod wlan;
pub mod wsd;
pub mod x509;
mod xml;

use model::activity::Head;

/// The most bytes of one direction that a parser waits for (`Step::More`) before it goes on with what it has.
pub const MAX_WAIT: usize = 16 * 1024;

/// The same conversation with client and server changed over.
pub fn turned(head: Head) -> Head {
    Head { client: head.server, server: head.client, ..head }
}

/// Whether only the end that spoke first uses one of the protocol's ports: then it is the server, and the capture began late.
pub(crate) fn server_first(head: &Head, ports: &[u16]) -> bool {
    let usual = |port: Option<u16>| port.is_some_and(|p| ports.contains(&p));
    usual(head.client.port) && !usual(head.server.port)
}

/// Strings that wait to be used again, so that lists of them can be refilled without allocating.
#[derive(Default)]
pub(crate) struct Pool(Vec<String>);

impl Pool {
    /// Strings kept at most; more are given back to the allocator.
    const MAX: usize = 256;
    pub fn take(&mut self) -> String {
        self.0.pop().unwrap_or_default()
    }
    pub fn give(&mut self, mut s: String) {
        if self.0.len() < Self::MAX && s.capacity() > 0 {
            s.clear();
            self.0.push(s);
        }
    }
}

/// Big-endian 16 bits at `at`.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// Big-endian 24 bits at `at`.
pub(crate) fn be24(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at.checked_add(3)?)? {
        &[a, b, c] => Some(u32::from_be_bytes([0, a, b, c])),
        _ => None,
    }
}

/// Big-endian 32 bits at `at`.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Appends bytes as hexadecimal digits.
pub(crate) fn hexadecimal(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for b in bytes {
        for nibble in [b >> 4, b & 0xf] {
            out.push(char::from(DIGITS[usize::from(nibble)]));
        }
    }
}

/// Appends a URL without the values of its query: `?a=1&b=2#f` becomes `?a&b`. User name and password before the host are left out too.
pub(crate) fn push_url(out: &mut String, url: &[u8], max: usize) {
    let url = url.split(|b| *b == b'#').next().unwrap_or_default();
    let (place, query) = match url.iter().position(|b| *b == b'?') {
        Some(at) => (url.get(..at).unwrap_or_default(), url.get(at + 1..)),
        None => (url, None),
    };
    let start = place.windows(3).position(|w| w == b"://").map_or(0, |at| at + 3);
    let (scheme, rest) = place.split_at(start);
    let host_end = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
    let host = if start == 0 { 0 } else { rest.iter().take(host_end).rposition(|b| *b == b'@').map_or(0, |at| at + 1) };
    text::push(out, scheme, max);
    text::push(out, rest.get(host..).unwrap_or_default(), max);
    let mut lead: &[u8] = b"?";
    for part in query.unwrap_or_default().split(|b| *b == b'&').filter(|part| !part.is_empty()) {
        text::push(out, lead, max);
        text::push(out, part.split(|b| *b == b'=').next().unwrap_or_default(), max);
        lead = b"&";
    }
}

/// Four bytes at `at` as an address.
pub(crate) fn ip4(bytes: &[u8], at: usize) -> Option<std::net::Ipv4Addr> {
    be32(bytes, at).map(std::net::Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_url_is_told_without_what_its_query_says_and_who_it_logs_in() {
        for (url, told) in [
            ("http://192.0.2.1:80/desc.xml", "http://192.0.2.1:80/desc.xml"),
            ("http://u:pw@cam/x?token=abc&b=1&c#frag", "http://cam/x?token&b&c"),
            ("/x?a=b@c", "/x?a"),
            ("http://h?k=v", "http://h?k"),
            ("http://h/p@q/r", "http://h/p@q/r"),
            ("?=x&&", "?"),
            ("", ""),
        ] {
            let mut out = String::new();
            super::push_url(&mut out, url.as_bytes(), 100);
            assert_eq!(out, told);
        }
    }
}
