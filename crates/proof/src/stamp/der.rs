//! DER (X.690) as far as time stamps and certificates need it: definite lengths in their shortest form, one-byte tags, no recursion. What
//! is read stays a borrowed piece of the input, because signatures are over the bytes as they came.

use super::StampError;

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const NULL: u8 = 0x05;
pub const OID: u8 = 0x06;
pub const UTF8: u8 = 0x0c;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// Context-specific, constructed.
pub const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Class, constructed bit and number in one byte.
    pub tag: u8,
    /// What it holds.
    pub content: &'a [u8],
    /// All of it, with tag and length.
    pub raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// Its content as elements.
    pub fn inside(&self) -> Reader<'a> {
        Reader { rest: self.content }
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// What a malformed element is called.
type Read<T> = Result<T, StampError>;

fn wrong<T>(what: &'static str) -> Read<T> {
    Err(StampError::Malformed(what))
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag that comes next.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Read<Element<'a>> {
        let [tag, first, after @ ..] = self.rest else { return wrong("an element is cut off") };
        if tag & 0x1f == 0x1f {
            return wrong("a tag of several bytes");
        }
        let (length, content) = match first {
            0..=0x7f => (usize::from(*first), after),
            0x81..=0x84 => {
                let (bytes, content) =
                    after.split_at_checked(usize::from(first & 0x7f)).ok_or(StampError::Malformed("a length is cut off"))?;
                let length = bytes.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
                // X.690, 10.1: the shortest form.
                if length < 0x80 || bytes.first() == Some(&0) {
                    return wrong("a length in more bytes than it needs");
                }
                (length, content)
            }
            _ => return wrong("a length that is not definite"),
        };
        let (content, rest) = content.split_at_checked(length).ok_or(StampError::Malformed("an element is cut off"))?;
        let whole = self.rest.len() - rest.len();
        let raw = self.rest.get(..whole).unwrap_or_default();
        self.rest = rest;
        Ok(Element { tag: *tag, content, raw })
    }

    /// The next element, which must be of this kind.
    pub fn take(&mut self, tag: u8) -> Read<Element<'a>> {
        match self.any()? {
            element if element.tag == tag => Ok(element),
            _ => wrong("another element than is wanted here"),
        }
    }

    /// The next element where it is of this kind.
    pub fn optional(&mut self, tag: u8) -> Read<Option<Element<'a>>> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub fn end(&self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { wrong("something follows where nothing may") }
    }
}

/// The one element that these bytes are.
pub fn only(bytes: &[u8], tag: u8) -> Read<Element<'_>> {
    let mut reader = Reader::new(bytes);
    let element = reader.take(tag)?;
    reader.end()?;
    Ok(element)
}

/// A whole number that is not negative, as its bytes without leading zeroes; in its shortest form (X.690, 8.3.2).
pub fn unsigned<'a>(element: &Element<'a>) -> Read<&'a [u8]> {
    match element.content {
        [] => wrong("a number without bytes"),
        [0, second, ..] if *second < 0x80 => wrong("a number in more bytes than it needs"),
        [first, ..] if *first >= 0x80 => wrong("a negative number"),
        [0, rest @ ..] => Ok(rest),
        all => Ok(all),
    }
}

/// A small number.
pub fn small(element: &Element<'_>) -> Read<u64> {
    let bytes = unsigned(element)?;
    if bytes.len() > 8 { wrong("a number that is too large") } else { Ok(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))) }
}

/// A bit string of whole bytes.
pub fn bits<'a>(element: &Element<'a>) -> Read<&'a [u8]> {
    match element.content {
        [0, bytes @ ..] => Ok(bytes),
        _ => wrong("a bit string that is not of whole bytes"),
    }
}

/// An element.
pub fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let from = length.iter().position(|b| *b != 0).unwrap_or(length.len() - 1);
    let length = length.get(from..).unwrap_or_default();
    if content.len() >= 0x80 {
        out.push(0x80 | length.len() as u8);
    }
    out.extend_from_slice(length);
    out.extend_from_slice(content);
    out
}

/// A whole number.
pub fn write_number(n: u64) -> Vec<u8> {
    let bytes = n.to_be_bytes();
    let from = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1);
    let mut content = bytes.get(from..).unwrap_or_default().to_vec();
    if content.first().is_some_and(|b| *b >= 0x80) {
        content.insert(0, 0);
    }
    write(INTEGER, &content)
}

/// An object identifier as people write it. Nothing depends on it: identifiers are compared as bytes.
pub fn dotted(oid: &[u8]) -> String {
    let mut numbers: Vec<u128> = Vec::new();
    let mut n = 0u128;
    for b in oid.iter().take(128) {
        n = n.saturating_mul(128) | u128::from(b & 0x7f);
        if *b < 0x80 {
            if numbers.is_empty() {
                let first = (n / 40).min(2);
                numbers.extend([first, n - 40 * first]);
            } else {
                numbers.push(n);
            }
            n = 0;
        }
    }
    numbers.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}

/// Seconds since 1970 and nanoseconds of a UTCTime or GeneralizedTime in UTC (RFC 5280, 4.1.2.5; RFC 3161, 2.4.2: fractions without zeroes at the end).
pub fn time(element: &Element<'_>) -> Read<(i64, u32)> {
    let text =
        std::str::from_utf8(element.content).ok().and_then(|t| t.strip_suffix('Z')).ok_or(StampError::Malformed("a time not in UTC"))?;
    let (year, rest) = match element.tag {
        0x17 => {
            let year = number(text, 0, 2)?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, text.get(2..).unwrap_or_default())
        }
        0x18 => (number(text, 0, 4)?, text.get(4..).unwrap_or_default()),
        _ => return wrong("not a time"),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    if whole.len() != 10 {
        return wrong("a time without seconds");
    }
    let (month, day) = (number(whole, 0, 2)?, number(whole, 2, 4)?);
    let (hour, minute, second) = (number(whole, 4, 6)?, number(whole, 6, 8)?, number(whole, 8, 10)?);
    if !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 || second > 60 {
        return wrong("a time that does not exist");
    }
    let nanos = match fraction {
        None => 0,
        Some(_) if element.tag != 0x18 => return wrong("a time with fractions"),
        Some(f) if f.is_empty() || f.len() > 18 || f.ends_with('0') || !f.bytes().all(|b| b.is_ascii_digit()) => {
            return wrong("a fraction of a second");
        }
        Some(f) => f.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |n, b| n * 10 + u32::from(b - b'0')),
    };
    Ok((days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, nanos))
}

fn number(text: &str, from: usize, to: usize) -> Read<i64> {
    let digits = text.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|d| d.parse().ok()).ok_or(StampError::Malformed("a time that is not in digits"))
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar, counted in eras of 400 years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_are_written_as_they_are_read() {
        for n in [0, 1, 127, 128, 255, 256, u64::MAX >> 1, u64::MAX] {
            let bytes = write_number(n);
            assert_eq!(small(&only(&bytes, INTEGER).unwrap()).unwrap(), n);
        }
        for len in [0usize, 1, 127, 128, 255, 256, 70_000] {
            assert_eq!(only(&write(OCTET_STRING, &vec![7; len]), OCTET_STRING).unwrap().content.len(), len);
        }
    }

    #[test]
    fn only_the_shortest_form_is_read() {
        for bytes in [
            &b"\x04\x80\x00\x00"[..],
            b"\x04\x81\x01\x00",
            b"\x04\x82\x00\x80",
            b"\x04\x02\x00",
            b"\x04",
            b"",
            b"\x1f\x01\x00",
            b"\x04\x85\x00\x00\x00\x00\x01\x00",
        ] {
            assert!(Reader::new(bytes).any().is_err(), "{bytes:02x?}");
        }
        for content in [&b""[..], b"\x00\x01", b"\x80", b"\xff\xff"] {
            assert!(unsigned(&Element { tag: INTEGER, content, raw: content }).is_err(), "{content:02x?}");
        }
    }

    #[test]
    fn identifiers_and_times_as_people_write_them() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4]), "1.2.840.113549.1.9.16.1.4");
        assert_eq!(dotted(&[0x88, 0x37, 3]), "2.999.3");
        let read = |tag, text: &str| time(&Element { tag, content: text.as_bytes(), raw: &[] });
        // GNU date -u -d … +%s
        assert_eq!(read(0x18, "20260228235959Z").unwrap(), (1_772_323_199, 0));
        assert_eq!(read(0x18, "20240229120000.25Z").unwrap(), (1_709_208_000, 250_000_000));
        assert_eq!(read(0x17, "700101000000Z").unwrap(), (0, 0));
        assert_eq!(read(0x17, "491231235959Z").unwrap(), (2_524_607_999, 0));
        assert_eq!(read(0x18, "16000301000000Z").unwrap(), (-11_670_912_000, 0));
        for bad in [
            "20260229120000Z",
            "20261301000000Z",
            "2026022823595Z",
            "20260228235959",
            "20260228235959.Z",
            "20260228235959.10Z",
            "+0260228235959Z",
        ] {
            assert!(read(0x18, bad).is_err(), "{bad}");
        }
    }
}
