//! X.509 certificates (RFC 5280) as far as a watcher needs them: whose, by whom, until when, for which names, how strong.
//!
//! The reader takes DER only (X.690, 10 and 11): definite lengths in their shortest form, nothing behind the end. It verifies no
//! signature: it tells what a device claims, not whether it is true.

use super::{Pool, text};
use model::Time;
use model::activity::Certificate;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Alternative names kept.
pub const MAX_NAMES: usize = 32;
/// Bytes kept of a subject or issuer.
pub const MAX_DN: usize = 1024;
const MAX_SAN: usize = 255;
/// RFC 5280, 4.1.2.2 allows 20 bytes; some makers do not care.
const MAX_SERIAL: usize = 64;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;

/// Reads one certificate into `out`, whose former content is forgotten; strings come from and go to the pool. False where it is not
/// well-formed up to its public key.
pub(crate) fn parse_with(der: &[u8], out: &mut Certificate, pool: &mut Pool) -> bool {
    clear(out, pool);
    certificate(der, out, pool).is_some()
}

/// As `parse_with`, for those who read one only.
pub fn parse(der: &[u8], out: &mut Certificate) -> bool {
    parse_with(der, out, &mut Pool::default())
}

pub(crate) fn clear(out: &mut Certificate, pool: &mut Pool) {
    for s in [&mut out.subject, &mut out.issuer, &mut out.serial, &mut out.signature] {
        s.clear();
    }
    out.names.drain(..).for_each(|n| pool.give(n));
    (out.not_before, out.not_after, out.key_bits, out.self_signed) = (Time::default(), Time::default(), 0, false);
}

fn certificate(der: &[u8], out: &mut Certificate, pool: &mut Pool) -> Option<()> {
    let mut whole = Reader(der).expect(SEQUENCE)?;
    let mut tbs = whole.expect(SEQUENCE)?;
    if tbs.peek() == Some(0xa0) {
        tbs.next()?;
    }
    let serial = tbs.expect(INTEGER)?.0;
    let digits = serial.strip_prefix(&[0]).filter(|s| !s.is_empty()).unwrap_or(serial);
    for b in digits.iter().take(MAX_SERIAL) {
        let _ = write!(out.serial, "{b:02x}");
    }
    signature_name(tbs.expect(SEQUENCE)?.expect(OID)?.0, &mut out.signature);
    let issuer = tbs.expect(SEQUENCE)?.0;
    name(issuer, &mut out.issuer)?;
    let mut validity = tbs.expect(SEQUENCE)?;
    out.not_before = time(validity.next()?)?;
    out.not_after = time(validity.next()?)?;
    let subject = tbs.expect(SEQUENCE)?.0;
    name(subject, &mut out.subject)?;
    out.self_signed = issuer == subject;
    out.key_bits = key_bits(tbs.expect(SEQUENCE)?).unwrap_or(0);
    // What follows is wanted but not needed.
    while let Some((tag, content)) = tbs.next() {
        if tag == 0xa3 {
            extensions(content, out, pool);
        }
    }
    Some(())
}

/// A run of DER elements.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            // Tags of several bytes do not occur in certificates.
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let n = usize::from(first & 0x7f);
                let bytes = rest.get(..n)?;
                let length = bytes.iter().fold(0usize, |l, &b| l << 8 | usize::from(b));
                if bytes.first() == Some(&0) || length < 0x80 {
                    return None;
                }
                (length, rest.get(n..)?)
            }
            _ => return None,
        };
        let content = rest.get(..length)?;
        self.0 = rest.get(length..)?;
        Some((tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.next().filter(|(t, _)| *t == tag).map(|(_, content)| Reader(content))
    }
}

/// A distinguished name as `CN=…,O=…`, in the order of the certificate. Commas, plus signs and backslashes inside a value get a
/// backslash (RFC 4514, 2.4).
fn name(rdns: &[u8], out: &mut String) -> Option<()> {
    let mut rdns = Reader(rdns);
    while !rdns.0.is_empty() {
        let mut set = rdns.expect(SET)?;
        let mut first = true;
        while !set.0.is_empty() {
            let mut attribute = set.expect(SEQUENCE)?;
            let oid = attribute.expect(OID)?.0;
            let (tag, value) = attribute.next()?;
            if !out.is_empty() {
                text::push(out, if first { b"," } else { b"+" }, MAX_DN);
            }
            first = false;
            attribute_name(oid, out);
            text::push(out, b"=", MAX_DN);
            string(tag, value, out);
        }
    }
    Some(())
}

/// The usual name of a signature algorithm (RFC 8017, RFC 5758, RFC 8410; the old ones RFC 3279), or its dotted numbers.
fn signature_name(oid: &[u8], out: &mut String) {
    let known = match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last] => match last {
            2 => "md2WithRSAEncryption",
            3 => "md4WithRSAEncryption",
            4 => "md5WithRSAEncryption",
            5 => "sha1WithRSAEncryption",
            10 => "rsassaPss",
            11 => "sha256WithRSAEncryption",
            12 => "sha384WithRSAEncryption",
            13 => "sha512WithRSAEncryption",
            14 => "sha224WithRSAEncryption",
            _ => "",
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ecdsa-with-SHA1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last] => match last {
            1 => "ecdsa-with-SHA224",
            2 => "ecdsa-with-SHA256",
            3 => "ecdsa-with-SHA384",
            4 => "ecdsa-with-SHA512",
            _ => "",
        },
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3] => "dsa-with-sha1",
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 2] => "dsa-with-sha256",
        // OIW's name for the same as sha1WithRSAEncryption.
        [0x2b, 0x0e, 3, 2, 0x1d] => "sha1WithRSA",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        _ => "",
    };
    if known.is_empty() { dotted(oid, out) } else { text::push(out, known.as_bytes(), MAX_DN) }
}

fn attribute_name(oid: &[u8], out: &mut String) {
    let known = match oid {
        [0x55, 4, 3] => "CN",
        [0x55, 4, 4] => "SN",
        [0x55, 4, 5] => "serialNumber",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "STREET",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x55, 4, 12] => "title",
        [0x55, 4, 42] => "GN",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        _ => "",
    };
    if known.is_empty() { dotted(oid, out) } else { text::push(out, known.as_bytes(), MAX_DN) }
}

/// Dotted numbers (X.690, 8.19), each of at most 32 bits.
fn dotted(oid: &[u8], out: &mut String) {
    let mut number = 0u32;
    let mut first = true;
    for &b in oid.iter().take(32) {
        number = number << 7 | u32::from(b & 0x7f);
        if b & 0x80 == 0 {
            if out.len() + 16 > MAX_DN {
                return;
            }
            let _ = if first {
                let root = (number / 40).min(2);
                write!(out, "{root}.{}", number - root * 40)
            } else {
                write!(out, ".{number}")
            };
            first = false;
            number = 0;
        }
    }
}

fn string(tag: u8, value: &[u8], out: &mut String) {
    match tag {
        // BMPString: UTF-16, big-endian
        0x1e => {
            let units =
                value.chunks_exact(2).map(|c| u16::from_be_bytes([c.first().copied().unwrap_or(0), c.last().copied().unwrap_or(0)]));
            let mut four = [0u8; 4];
            for c in char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)) {
                text::push(out, c.encode_utf8(&mut four).as_bytes(), MAX_DN);
            }
        }
        _ => {
            let mut rest = value;
            while let Some(at) = rest.iter().position(|b| matches!(b, b',' | b'+' | b'\\')) {
                text::push(out, rest.get(..at).unwrap_or_default(), MAX_DN);
                text::push(out, b"\\", MAX_DN);
                text::push(out, rest.get(at..=at).unwrap_or_default(), MAX_DN);
                rest = rest.get(at + 1..).unwrap_or_default();
            }
            text::push(out, rest, MAX_DN);
        }
    }
}

/// UTCTime and GeneralizedTime (RFC 5280, 4.1.2.5), in UTC only. Seconds may be missing, as some old devices leave them out.
fn time((tag, digits): (u8, &[u8])) -> Option<Time> {
    let digits = digits.strip_suffix(b"Z")?;
    let (year, rest) = match tag {
        0x17 => {
            let (y, rest) = digits.split_at_checked(2)?;
            let y = text::number(y)?;
            (if y < 50 { 2000 + y } else { 1900 + y }, rest)
        }
        0x18 => {
            let (y, rest) = digits.split_at_checked(4)?;
            (text::number(y)?, rest)
        }
        _ => return None,
    };
    if !matches!(rest.len(), 8 | 10) {
        return None;
    }
    let two = |at: usize| rest.get(at..at + 2).map_or(Some(0), text::number);
    let (month, day, hour, minute, second) = (two(0)?, two(2)?, two(4)?, two(6)?, two(8)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970-01-01 in the proleptic Gregorian calendar, the year beginning in March.
    let (y, m) = if month > 2 { (year as i64, month as i64 - 3) } else { (year as i64 - 1, month as i64 + 9) };
    let day_number = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day as i64 - 1 - 719_468;
    Some(Time::from_unix(day_number * 86_400 + (hour * 3600 + minute * 60 + second) as i64, 0))
}

fn integer_bits(number: &[u8]) -> u16 {
    let significant = number.iter().position(|&b| b != 0).and_then(|i| number.get(i..)).unwrap_or_default();
    let bits = significant.first().map_or(0, |f| significant.len() * 8 - f.leading_zeros() as usize);
    u16::try_from(bits).unwrap_or(u16::MAX)
}

fn key_bits(mut spki: Reader<'_>) -> Option<u16> {
    let mut algorithm = spki.expect(SEQUENCE)?;
    let oid = algorithm.expect(OID)?.0;
    let key = spki.expect(BIT_STRING)?.0.get(1..)?;
    match oid {
        // rsaEncryption, RSASSA-PSS
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 | 10] => Some(integer_bits(Reader(key).expect(SEQUENCE)?.expect(INTEGER)?.0)),
        // DSA: the prime stands in the parameters.
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => Some(integer_bits(algorithm.expect(SEQUENCE)?.expect(INTEGER)?.0)),
        // id-ecPublicKey
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => Some(match algorithm.next() {
            Some((OID, [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] | [0x2b, 0x81, 4, 0, 10])) => 256,
            Some((OID, [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1])) => 192,
            Some((OID, [0x2b, 0x81, 4, 0, 33])) => 224,
            Some((OID, [0x2b, 0x81, 4, 0, 34])) => 384,
            Some((OID, [0x2b, 0x81, 4, 0, 35])) => 521,
            // An uncompressed point is a byte and two coordinates.
            _ if key.first() == Some(&4) => u16::try_from((key.len() - 1) / 2 * 8).ok()?,
            _ => 0,
        }),
        // Ed25519 and X25519, Ed448 and X448 (RFC 8410)
        [0x2b, 0x65, 0x6e | 0x70] => Some(255),
        [0x2b, 0x65, 0x6f | 0x71] => Some(448),
        _ => None,
    }
}

fn extensions(content: &[u8], out: &mut Certificate, pool: &mut Pool) -> Option<()> {
    let mut list = Reader(content).expect(SEQUENCE)?;
    while !list.0.is_empty() {
        let mut extension = list.expect(SEQUENCE)?;
        let oid = extension.expect(OID)?.0;
        if oid != [0x55, 0x1d, 17] {
            continue;
        }
        let (mut tag, mut value) = extension.next()?;
        if tag == 0x01 {
            (tag, value) = extension.next()?;
        }
        if tag != OCTET_STRING {
            return None;
        }
        let mut names = Reader(value).expect(SEQUENCE)?;
        while let Some((tag, value)) = names.next() {
            if out.names.len() >= MAX_NAMES {
                break;
            }
            let mut kept = pool.take();
            match (tag, value.len()) {
                (0x82, 1..) => text::set(&mut kept, value, MAX_SAN),
                (0x87, 4) => {
                    let _ = write!(kept, "{}", super::ip4(value, 0).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4));
                }
                (0x87, 16) => {
                    let _ = write!(kept, "{}", <[u8; 16]>::try_from(value).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from));
                }
                _ => {
                    pool.give(kept);
                    continue;
                }
            }
            out.names.push(kept);
        }
    }
    Some(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut v = vec![tag];
        match content.len() {
            n @ 0..=0x7f => v.push(n as u8),
            n @ 0x80..=0xff => v.extend([0x81, n as u8]),
            n => v.extend([0x82, (n >> 8) as u8, n as u8]),
        }
        v.extend_from_slice(content);
        v
    }
    fn dn(parts: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
        let rdns: Vec<u8> =
            parts.iter().flat_map(|(oid, tag, v)| der(SET, &der(SEQUENCE, &[der(OID, oid), der(*tag, v)].concat()))).collect();
        der(SEQUENCE, &rdns)
    }
    /// A certificate of an invented camera, signed by nobody.
    pub fn sample(subject_cn: &str, not_after: &[u8]) -> Vec<u8> {
        let cn: &[u8] = &[0x55, 4, 3];
        let name = dn(&[(cn, 12, subject_cn.as_bytes()), (&[0x55, 4, 10], 19, b"Kamera, Inc"), (&[0x55, 4, 6], 19, b"JP")]);
        let issuer = dn(&[(cn, 30, &[0x5d, 0xe5, 0x58, 0x34]), (&[0x2a, 3, 4], 12, b"x")]);
        let modulus = [&[0u8, 0x80][..], &[1; 127]].concat();
        let key = der(SEQUENCE, &[der(INTEGER, &modulus), der(INTEGER, &[1, 0, 1])].concat());
        let spki = der(
            SEQUENCE,
            &[
                der(SEQUENCE, &[der(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), vec![5, 0]].concat()),
                der(BIT_STRING, &[&[0][..], &key].concat()),
            ]
            .concat(),
        );
        let san = der(SEQUENCE, &[der(0x82, b"cam.example.jp"), der(0x87, &[192, 0, 2, 9]), der(0x81, b"a@b")].concat());
        let extension = der(SEQUENCE, &[der(OID, &[0x55, 0x1d, 17]), der(1, &[0xff]), der(OCTET_STRING, &san)].concat());
        let algorithm = der(SEQUENCE, &der(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]));
        let tbs = [
            der(0xa0, &der(INTEGER, &[2])),
            der(INTEGER, &[0, 0xab, 0xcd]),
            algorithm.clone(),
            issuer,
            der(SEQUENCE, &[der(0x17, b"200229120000Z"), der(if not_after.len() > 13 { 0x18 } else { 0x17 }, not_after)].concat()),
            name,
            spki,
            der(0xa3, &der(SEQUENCE, &extension)),
        ]
        .concat();
        der(SEQUENCE, &[der(SEQUENCE, &tbs), algorithm, der(BIT_STRING, &[0, 1, 2, 3])].concat())
    }

    #[test]
    fn reads_a_certificate() {
        let mut c = Certificate { names: vec!["old".into()], ..Certificate::default() };
        assert!(parse(&sample("カメラ1", b"20511231235959Z"), &mut c));
        assert_eq!(c.subject, "CN=カメラ1,O=Kamera\\, Inc,C=JP");
        assert_eq!(c.issuer, "CN=工場,1.2.3.4=x");
    }

    #[test]
    fn reads_numbers_times_and_names() {
        let mut c = Certificate::default();
        assert!(parse(&sample("a", b"20511231235959Z"), &mut c));
        assert_eq!((c.serial.as_str(), c.key_bits, c.self_signed), ("abcd", 1024, false));
        assert_eq!(c.signature, "sha256WithRSAEncryption");
        assert_eq!(c.not_before.rfc3339(), "2020-02-29T12:00:00.000000000Z");
        assert_eq!(c.not_after.rfc3339(), "2051-12-31T23:59:59.000000000Z");
        assert_eq!(c.names, ["cam.example.jp", "192.0.2.9"]);
        assert!(parse(&sample("a", b"491231235959Z"), &mut c));
        assert_eq!(c.not_after.rfc3339(), "2049-12-31T23:59:59.000000000Z");
        assert!(parse(&sample("a", b"99991231235959Z"), &mut c));
        assert_eq!(c.not_after, Time::MAX);
    }

    #[test]
    fn names_signature_algorithms() {
        let name = |oid: &[u8]| {
            let mut out = String::new();
            signature_name(oid, &mut out);
            out
        };
        assert_eq!(name(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4]), "md5WithRSAEncryption");
        assert_eq!(name(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]), "ecdsa-with-SHA256");
        assert_eq!(name(&[0x2b, 0x65, 0x70]), "Ed25519");
        assert_eq!(name(&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x75]), "1.2.156.10197.1.501");
        assert_eq!(name(&[]), "");
    }

    #[test]
    fn refuses_what_is_not_der_or_no_date() {
        let mut c = Certificate::default();
        for bad in
            [&b"20510230000000Z"[..], b"20511301000000Z", b"20511231240000Z", b"2051123123595Z", b"20511231235959", b"+0511231235959Z"]
        {
            assert!(!parse(&sample("a", bad), &mut c), "{bad:?}");
        }
        let good = sample("a", b"20511231235959Z");
        for cut in 0..good.len() - 4 {
            assert!(!parse(&good[..cut], &mut c), "cut at {cut}");
        }
        // A length that is not in its shortest form, and an indefinite one.
        assert!(Reader(&[0x30, 0x81, 1, 0]).next().is_none());
        assert!(Reader(&[0x30, 0x82, 0, 0x80]).next().is_none());
        assert!(Reader(&[0x30, 0x80, 0, 0]).next().is_none());
        assert!(Reader(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).next().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<proptest::sample::Index>(), b in any::<u8>()) {
            let mut c = Certificate::default();
            parse(&bytes, &mut c);
            let mut damaged = sample("a", b"20511231235959Z");
            let i = at.index(damaged.len());
            damaged[i] = b;
            parse(&damaged, &mut c);
            prop_assert!(c.subject.len() <= MAX_DN && c.names.len() <= MAX_NAMES);
        }
    }
}
