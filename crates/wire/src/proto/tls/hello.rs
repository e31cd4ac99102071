//! Client and server hellos (RFC 8446, 4.1; RFC 5246, 7.4.1) and the JA4 fingerprint of a client hello.
//!
//! JA4 is by FoxIO (BSD-3-Clause; technical_details/JA4.md in their repository, whose worked example is a test here). It is
//! `t13d1516h2_8daaf6152771_e5627efa2ab1`: t for TCP, the highest version offered, d where a server name extension is there and i where
//! not, the numbers of ciphers and of extensions, the first and last character of the first ALPN value; then the first 12 digits of
//! SHA-256 over the sorted ciphers; then the same over the sorted extensions without server name and ALPN, with the signature
//! algorithms in their order. GREASE values (RFC 8701) count nowhere. In QUIC (RFC 9001) the first letter is q.
//!
//! JA3 and JA3S are by Salesforce (BSD-3-Clause): MD5 over the numbers of a hello in decimal, as they stand, with dashes inside a list and
//! commas between lists: version, ciphers, extensions, groups and point formats of a client; version, cipher and extensions of a server.
//! They are kept because lists of known bad clients still speak them; MD5 protects nothing here.

use super::super::{be16, fingerprint, text};
use model::activity::Tls;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const MAX_NAME: usize = 255;

/// Lists of a client hello, kept between uses.
#[derive(Default)]
pub struct Lists {
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
    groups: Vec<u16>,
    formats: Vec<u16>,
    line: String,
}

/// What carries a hello.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// Records on a stream.
    #[default]
    Tcp,
    /// QUIC's CRYPTO frames.
    Quic,
}

/// What JA4 needs besides the lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    carrier: Carrier,
    version: u16,
    server_name: bool,
    alpn: [u8; 2],
}

/// RFC 8701: both bytes the same, and ending in a.
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// A reader that moves on.
struct Cursor<'a>(&'a [u8]);
impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }
    fn u16(&mut self) -> Option<u16> {
        be16(self.take(2)?, 0)
    }
    fn vec8(&mut self) -> Option<&'a [u8]> {
        let n = self.u8()?;
        self.take(usize::from(n))
    }
    fn vec16(&mut self) -> Option<&'a [u8]> {
        let n = self.u16()?;
        self.take(usize::from(n))
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).filter_map(|c| be16(c, 0))
}

/// Reads the body of a client hello. `None` where it is not well-formed.
pub fn client(body: &[u8], carrier: Carrier, act: &mut Tls, lists: &mut Lists) -> Option<()> {
    let mut c = Cursor(body);
    let legacy = c.u16()?;
    c.take(32)?;
    c.vec8()?;
    let ciphers = c.vec16()?;
    c.vec8()?;
    lists.ciphers.clear();
    lists.ciphers.extend(numbers(ciphers).filter(|v| !is_grease(*v)));
    lists.extensions.clear();
    for list in [&mut lists.signatures, &mut lists.groups, &mut lists.formats] {
        list.clear();
    }
    let mut facts = Facts { carrier, version: legacy, server_name: false, alpn: *b"00" };
    act.sni.clear();
    act.alpn.clear();
    act.offered = legacy;

    // SSL 3 and the first TLS 1.0 clients have no extensions at all.
    let mut extensions = Cursor(if c.0.is_empty() { &[] } else { c.vec16()? });
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let mut value = Cursor(extensions.vec16()?);
        if is_grease(kind) {
            continue;
        }
        lists.extensions.push(kind);
        match kind {
            0 => {
                facts.server_name = true;
                if let Some(names) = value.vec16() {
                    server_name(names, &mut act.sni);
                }
            }
            10 => lists.groups.extend(numbers(value.vec16().unwrap_or_default()).filter(|v| !is_grease(*v))),
            11 => lists.formats.extend(value.vec8().unwrap_or_default().iter().map(|f| u16::from(*f))),
            13 => lists.signatures.extend(numbers(value.vec16().unwrap_or_default()).filter(|v| !is_grease(*v))),
            16 => {
                let first = value.vec16().and_then(|l| Cursor(l).vec8()).unwrap_or_default();
                text::set(&mut act.alpn, first, MAX_NAME);
                facts.alpn = alpn_ends(first);
            }
            43 => {
                let versions = value.vec8().unwrap_or_default();
                if let Some(highest) = numbers(versions).filter(|v| !is_grease(*v)).max() {
                    facts.version = highest;
                }
                if let Some(highest) = numbers(versions).filter(|v| !is_grease(*v)).map(settled).filter(|v| *v <= 0x0304).max() {
                    act.offered = highest;
                }
            }
            _ => {}
        }
    }
    // JA3 first, since JA4 sorts the lists.
    ja3(legacy, lists, &mut act.ja3);
    ja4(facts, lists, &mut act.ja4);
    Some(())
}

fn ja3(version: u16, lists: &mut Lists, out: &mut String) {
    let Lists { ciphers, extensions, groups, formats, line, .. } = lists;
    line.clear();
    let _ = write!(line, "{version}");
    for list in [ciphers, extensions, groups, formats] {
        line.push(',');
        decimal(line, list);
    }
    fingerprint::md5(&[line.as_bytes()], out);
}

fn decimal(out: &mut String, values: &[u16]) {
    for (i, v) in values.iter().enumerate() {
        let _ = write!(out, "{}{v}", if i == 0 { "" } else { "-" });
    }
}

/// Draft versions of TLS 1.3 (RFC 8446, 4.2.1 history: 0x7f00 and up) count as TLS 1.3.
pub fn settled(version: u16) -> u16 {
    if version >> 8 == 0x7f { 0x0304 } else { version }
}

fn server_name(names: &[u8], out: &mut String) {
    let mut names = Cursor(names);
    while let (Some(kind), Some(name)) = (names.u8(), names.vec16()) {
        if kind == 0 {
            text::set(out, name, MAX_NAME);
            out.make_ascii_lowercase();
            return;
        }
    }
}

fn alpn_ends(first: &[u8]) -> [u8; 2] {
    let (Some(&a), Some(&z)) = (first.first(), first.last()) else { return *b"00" };
    if a.is_ascii_alphanumeric() && z.is_ascii_alphanumeric() {
        return [a, z];
    }
    let hex = |n: u8| char::from_digit(u32::from(n), 16).map_or(b'0', |c| c as u8);
    [hex(a >> 4), hex(z & 15)]
}

fn ja4(facts: Facts, lists: &mut Lists, out: &mut String) {
    out.clear();
    let version = match facts.version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    };
    let (ciphers, extensions) = (lists.ciphers.len().min(99), lists.extensions.len().min(99));
    let [a, z] = facts.alpn.map(char::from);
    let name = if facts.server_name { 'd' } else { 'i' };
    let carrier = if facts.carrier == Carrier::Quic { 'q' } else { 't' };
    let _ = write!(out, "{carrier}{version}{name}{ciphers:02}{extensions:02}{a}{z}_");
    lists.ciphers.sort_unstable();
    lists.extensions.sort_unstable();
    lists.line.clear();
    list(&mut lists.line, lists.ciphers.iter());
    digest(&lists.line, out);
    out.push('_');
    lists.line.clear();
    list(&mut lists.line, lists.extensions.iter().filter(|e| !matches!(e, 0 | 16)));
    if !lists.line.is_empty() && !lists.signatures.is_empty() {
        lists.line.push('_');
        list(&mut lists.line, lists.signatures.iter());
    }
    digest(&lists.line, out);
}

fn list<'a>(out: &mut String, values: impl Iterator<Item = &'a u16>) {
    for (i, v) in values.enumerate() {
        let _ = write!(out, "{}{v:04x}", if i == 0 { "" } else { "," });
    }
}

/// First 12 hexadecimal digits of SHA-256; zeros for nothing, which makes clear that there was nothing.
fn digest(line: &str, out: &mut String) {
    if line.is_empty() {
        out.push_str("000000000000");
        return;
    }
    for b in Sha256::digest(line.as_bytes()).iter().take(6) {
        let _ = write!(out, "{b:02x}");
    }
}

/// Reads the body of a server hello.
pub fn server(body: &[u8], act: &mut Tls, lists: &mut Lists) -> Option<()> {
    let mut c = Cursor(body);
    let legacy = c.u16()?;
    c.take(32)?;
    c.vec8()?;
    let cipher = c.u16()?;
    c.u8()?;
    act.version = settled(legacy);
    act.cipher = cipher;
    act.answered = true;
    lists.extensions.clear();
    let mut extensions = Cursor(if c.0.is_empty() { &[] } else { c.vec16()? });
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let mut value = Cursor(extensions.vec16()?);
        lists.extensions.push(kind);
        match kind {
            43 => act.version = settled(value.u16()?),
            16 => {
                if let Some(chosen) = value.vec16().and_then(|l| Cursor(l).vec8()) {
                    text::set(&mut act.alpn, chosen, MAX_NAME);
                }
            }
            _ => {}
        }
    }
    lists.line.clear();
    let _ = write!(lists.line, "{legacy},{cipher},");
    decimal(&mut lists.line, &lists.extensions);
    fingerprint::md5(&[lists.line.as_bytes()], &mut act.ja3s);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of FoxIO's JA4.md.
    #[test]
    fn ja4_agrees_with_the_published_example() {
        let hex = |s: &str| s.split(',').map(|h| u16::from_str_radix(h, 16).unwrap()).collect::<Vec<_>>();
        let mut lists = Lists {
            ciphers: hex("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"),
            extensions: hex("001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"),
            signatures: hex("0403,0804,0401,0503,0805,0501,0806,0601"),
            ..Lists::default()
        };
        let mut out = String::new();
        let facts = Facts { version: 0x0304, server_name: true, alpn: *b"h2", carrier: Carrier::Tcp };
        ja4(facts, &mut lists, &mut out);
        assert_eq!(out, "t13d1516h2_8daaf6152771_e5627efa2ab1");
        lists.signatures.clear();
        ja4(facts, &mut lists, &mut out);
        assert_eq!(out, "t13d1516h2_8daaf6152771_6d807ffa2a79");
        ja4(Facts { version: 0, server_name: false, alpn: *b"00", carrier: Carrier::Quic }, &mut Lists::default(), &mut out);
        assert_eq!(out, "q00i000000_000000000000_000000000000");
    }

    /// The two examples of Salesforce's JA3 README and the two of its JA3S part.
    #[test]
    fn ja3_agrees_with_the_published_examples() {
        let mut lists = Lists {
            ciphers: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            formats: vec![0],
            ..Lists::default()
        };
        let mut out = String::new();
        ja3(769, &mut lists, &mut out);
        assert_eq!(out, "ada70206e40642a3e4461f35503241d5");
        let mut bare = Lists { ciphers: vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], ..Lists::default() };
        ja3(769, &mut bare, &mut out);
        assert_eq!(out, "de350869b8c85de67a350c8d186f11e6");
    }

    #[test]
    fn alpn_ends_as_published() {
        for (value, ends) in [
            (&b"h2"[..], b"h2"),
            (b"http/1.1", b"h1"),
            (b"", b"00"),
            (b"x", b"xx"),
            (b"\xab", b"ab"),
            (b"\xab\xcd", b"ad"),
            (b"\x30\xab", b"3b"),
            (b"\x30\x31\xab\xcd", b"3d"),
            (b"\x30\xab\xcd\x31", b"01"),
        ] {
            assert_eq!(&alpn_ends(value), ends, "{value:?}");
        }
    }

    #[test]
    fn grease() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a) && !is_grease(0x1301));
        assert_eq!((0..=u16::MAX).filter(|v| is_grease(*v)).count(), 16);
    }
}
