//! The data of resource records, by type: addresses and targets as such, other types as a few facts in one line of text
//! ([`model::activity::DnsRecord::text`] says which). Signatures, keys and digests themselves are not kept.

use super::{MAX_TEXT, name_at};
use crate::proto::{Pool, be16, be32, ip4, text};
use model::activity::DnsRecord;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

/// Bytes kept of one line of facts.
const MAX_LINE: usize = 600;
/// Keys kept of a service's text record, and bytes of each value (a string has at most 255).
const MAX_KEYS: usize = 16;

/// Keys of DNS-SD text records (RFC 6763, 6) that say what a device is, in lower case: printers (Bonjour Printing 1.2.1, 9), `AirPlay`,
/// `HomeKit`, Chromecast, NAS makers, cameras, small controllers. The others are not kept by key.
const KEYS: &[&[u8]] = &[
    b"am",
    b"app",
    b"board",
    b"ci",
    b"deviceid",
    b"displaymodel",
    b"firmware",
    b"fn",
    b"fv",
    b"fw",
    b"fw_version",
    b"fwver",
    b"hw",
    b"mac",
    b"mac_address",
    b"macaddress",
    b"manufacturer",
    b"md",
    b"mfg",
    b"model",
    b"modelid",
    b"name",
    b"note",
    b"os",
    b"osvers",
    b"osxvers",
    b"platform",
    b"product",
    b"serial",
    b"serialnum",
    b"serialnumber",
    b"sn",
    b"srcvers",
    b"ty",
    b"usb_mdl",
    b"usb_mfg",
    b"vendor",
    b"ver",
    b"vers",
    b"version",
    b"version_build",
    b"version_major",
    b"version_minor",
];

/// Memory that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    name: String,
    lists: Vec<Vec<(String, String)>>,
    /// What was in lists that were given back.
    pairs: Vec<(String, String)>,
}

impl Scratch {
    /// Lists kept for later.
    const MAX: usize = 64;

    pub fn take(&mut self) -> Vec<(String, String)> {
        self.lists.pop().unwrap_or_default()
    }
    pub fn give(&mut self, mut list: Vec<(String, String)>) {
        let room = (Self::MAX * 2).saturating_sub(self.pairs.len());
        self.pairs.extend(list.drain(..).take(room));
        if list.capacity() > 0 && self.lists.len() < Self::MAX {
            self.lists.push(list);
        }
    }
}

/// Where the data lies: names in it may point before it.
pub(super) struct Data<'a> {
    pub message: &'a [u8],
    pub start: usize,
    /// Within the message.
    pub end: usize,
    /// Names keep their UTF-8.
    pub utf8: bool,
}

impl<'a> Data<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.message.get(self.start..self.end).unwrap_or_default()
    }

    /// The name at `at` bytes behind the start, and where what follows it begins, both counted from the start.
    fn name(&self, at: usize, out: &mut String) -> Option<usize> {
        let from = self.start.checked_add(at).filter(|from| *from < self.end)?;
        let next = name_at(self.message, from, Some(out), self.utf8).filter(|next| *next <= self.end);
        if next.is_none() {
            out.clear();
        }
        next.map(|next| next - self.start)
    }
}

/// Fills `record` from its data. What cannot be read stays empty.
pub(super) fn read(record: &mut DnsRecord, data: &Data<'_>, scratch: &mut Scratch, pool: &mut Pool) {
    let bytes = data.bytes();
    let line = &mut record.text;
    match record.rtype {
        1 => record.ip = ip4(bytes, 0).filter(|_| bytes.len() == 4).map(IpAddr::V4),
        28 => record.ip = <[u8; 16]>::try_from(bytes).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b))),
        // NS, CNAME, PTR, DNAME, and NSEC (RFC 4034, 4): the next name
        2 | 5 | 12 | 39 | 47 => {
            data.name(0, line);
        }
        // MX
        15 => {
            data.name(2, line);
        }
        33 => {
            record.port = be16(bytes, 4);
            data.name(6, line);
        }
        6 => {
            if let Some(next) = data.name(0, line)
                && let Some(next) = data.name(next, &mut scratch.name)
            {
                let _ = write!(line, " {}", scratch.name);
                if let Some(serial) = be32(bytes, next) {
                    let _ = write!(line, " {serial}");
                }
            }
        }
        // TXT, SPF
        16 | 99 => {
            strings(line, bytes);
            let service = [b"._tcp.".as_slice(), b"._udp."].iter().any(|kind| text::contains(record.name.as_bytes(), kind));
            if record.rtype == 16 && service {
                keys(&mut record.keys, bytes, &mut scratch.pairs, pool);
            }
        }
        // HINFO
        13 => strings(line, bytes),
        35 => naptr(line, data, &mut scratch.name),
        // SVCB, HTTPS
        64 | 65 => service(record, data, &mut scratch.name),
        // CAA (RFC 8659, 4.1)
        257 => {
            if let Some(&length) = bytes.get(1)
                && let Some((tag, value)) = bytes.get(2..).and_then(|rest| rest.split_at_checked(usize::from(length)))
            {
                text::push(line, tag, MAX_TEXT);
                line.push(' ');
                text::push(line, value, MAX_TEXT);
            }
        }
        // DS, CDS
        43 | 59 => {
            if let (Some(tag), Some(&[algorithm, digest])) = (be16(bytes, 0), bytes.get(2..4)) {
                let _ = write!(line, "{tag} {algorithm} {digest}");
            }
        }
        // DNSKEY, CDNSKEY
        48 | 60 => {
            if let (Some(flags), Some(algorithm)) = (be16(bytes, 0), bytes.get(3)) {
                let _ = write!(line, "{flags} {algorithm}");
            }
        }
        // RRSIG (RFC 4034, 3.1)
        46 => {
            let fixed = (be16(bytes, 0), bytes.get(2), be32(bytes, 8), be16(bytes, 16));
            if let (Some(covered), Some(algorithm), Some(expires), Some(tag)) = fixed {
                let signer = data.name(18, &mut scratch.name).map_or("", |_| scratch.name.as_str());
                let _ = write!(line, "{covered} {algorithm} {tag} {} {expires}", or_dot(signer));
            }
        }
        // SSHFP
        44 => {
            if let Some(&[algorithm, kind]) = bytes.get(..2) {
                let _ = write!(line, "{algorithm} {kind}");
            }
        }
        _ => {}
    }
}

/// The root's name, which is empty, as a dot.
fn or_dot(name: &str) -> &str {
    if name.is_empty() { "." } else { name }
}

/// The strings of a TXT record, joined with a space.
fn strings(out: &mut String, mut rdata: &[u8]) {
    while let Some((string, next)) = string(rdata) {
        if !out.is_empty() && out.len() < MAX_TEXT {
            out.push(' ');
        }
        text::push(out, string, MAX_TEXT);
        rdata = next;
    }
}

/// A string with its length before it (RFC 1035, 3.3), as far as it goes, and what follows.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    Some(rest.split_at(usize::from(length).min(rest.len())))
}

/// RFC 6763, 6.4: keys are ASCII of either case, the first of a name counts, and one without `=` has no value.
fn keys(out: &mut Vec<(String, String)>, mut rdata: &[u8], pairs: &mut Vec<(String, String)>, pool: &mut Pool) {
    while let Some((string, next)) = string(rdata) {
        rdata = next;
        let Some(equals) = string.iter().position(|&b| b == b'=') else { continue };
        let (key, value) = (string.get(..equals).unwrap_or_default(), string.get(equals + 1..).unwrap_or_default());
        let wanted = KEYS.iter().find(|k| k.eq_ignore_ascii_case(key)).and_then(|k| std::str::from_utf8(k).ok());
        let Some(key) = wanted.filter(|key| !value.is_empty() && out.iter().all(|(k, _)| k != key)) else { continue };
        if out.len() >= MAX_KEYS {
            return;
        }
        let (mut name, mut kept) = pairs.pop().unwrap_or_else(|| (pool.take(), pool.take()));
        name.clear();
        name.push_str(key);
        text::set(&mut kept, value, MAX_TEXT);
        out.push((name, kept));
    }
}

/// NAPTR (RFC 3403, 4.1): order and preference, three strings, and a name.
fn naptr(line: &mut String, data: &Data<'_>, name: &mut String) {
    let bytes = data.bytes();
    let mut rest = bytes.get(4..).unwrap_or_default();
    for _ in 0..3 {
        let Some((part, next)) = string(rest) else { return };
        rest = next;
        if part.is_empty() {
            line.push('-');
        } else {
            text::push(line, part, MAX_LINE);
        }
        line.push(' ');
    }
    let replacement = data.name(bytes.len() - rest.len(), name).map_or("", |_| name.as_str());
    line.push_str(or_dot(replacement));
}

/// SVCB and HTTPS (RFC 9460, 2.2): priority, target, and parameters of which the protocols, the port and the first address are told.
fn service(record: &mut DnsRecord, data: &Data<'_>, name: &mut String) {
    let bytes = data.bytes();
    let (Some(priority), Some(next)) = (be16(bytes, 0), data.name(2, name)) else { return };
    let line = &mut record.text;
    let _ = write!(line, "{priority} {}", or_dot(name));
    let mut rest = bytes.get(next..).unwrap_or_default();
    while let (Some(key), Some(length)) = (be16(rest, 0), be16(rest, 2)) {
        let Some(value) = rest.get(4..4 + usize::from(length)) else { return };
        rest = rest.get(4 + usize::from(length)..).unwrap_or_default();
        match key {
            1 => {
                let (mut list, mut lead) = (value, " alpn=");
                while let Some((protocol, next)) = string(list) {
                    list = next;
                    if line.len() + lead.len() < MAX_LINE {
                        line.push_str(lead);
                        text::push(line, protocol, MAX_LINE);
                    }
                    lead = ",";
                }
            }
            3 => record.port = be16(value, 0),
            4 => record.ip = ip4(value, 0).map(IpAddr::V4).or(record.ip),
            6 if record.ip.is_none() => {
                record.ip = value.first_chunk::<16>().map(|b| IpAddr::V6(Ipv6Addr::from(*b)));
            }
            _ => {}
        }
    }
}
