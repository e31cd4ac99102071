//! ASN.1 in BER and DER (X.690), as LDAP, Kerberos and SNMP use it: tags of one byte, definite lengths.
//!
//! Certificates have a stricter reader of their own.

use std::fmt::Write;

/// What stands at the beginning of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Tag, bytes of the header, bytes of the content.
    Element(u8, usize, usize),
    /// More bytes are needed to tell.
    More,
    /// Not an element: a tag of several bytes, an indefinite length or one beyond 32 bits.
    Bad,
}

/// Looks at the header of an element whose content may not be complete.
pub fn start(bytes: &[u8]) -> Start {
    let Some((&tag, rest)) = bytes.split_first() else { return Start::More };
    if tag & 0x1f == 0x1f {
        return Start::Bad;
    }
    match rest.first() {
        None => Start::More,
        Some(&n @ 0..=0x7f) => Start::Element(tag, 2, usize::from(n)),
        Some(&n @ 0x81..=0x84) => {
            let n = usize::from(n & 0x7f);
            match rest.get(1..=n) {
                None => Start::More,
                Some(bytes) => Start::Element(tag, 2 + n, bytes.iter().fold(0usize, |l, &b| l << 8 | usize::from(b))),
            }
        }
        Some(_) => Start::Bad,
    }
}

/// A run of elements.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next element's tag.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element's tag and content. Of the last element of a message that was cut off, what is there.
    pub fn element_cut(&mut self) -> Option<(u8, &'a [u8])> {
        let Start::Element(tag, head, length) = start(self.0) else { return None };
        let rest = self.0.get(head..)?;
        let (content, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's tag and content, if all of it is there.
    pub fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let Start::Element(tag, head, length) = start(self.0) else { return None };
        let content = self.0.get(head..head.checked_add(length)?)?;
        self.0 = self.0.get(head + length..)?;
        Some((tag, content))
    }

    /// The content of the next element, if it has this tag. Otherwise nothing is taken.
    pub fn expect(&mut self, tag: u8) -> Option<Reader<'a>> {
        if self.peek() != Some(tag) {
            return None;
        }
        self.element().map(|(_, content)| Reader(content))
    }

    /// The content of the next element with this tag, as far as it is there. Otherwise nothing is taken.
    pub fn expect_cut(&mut self, tag: u8) -> Option<Reader<'a>> {
        if self.peek() != Some(tag) {
            return None;
        }
        self.element_cut().map(|(_, content)| Reader(content))
    }

    /// The next element as an INTEGER or ENUMERATED of at most 32 bits.
    pub fn int(&mut self, tag: u8) -> Option<i32> {
        int(self.expect(tag)?.0)
    }
}

/// The content of an INTEGER of at most 32 bits.
pub fn int(content: &[u8]) -> Option<i32> {
    let first = *content.first()?;
    if content.len() > 4 {
        return None;
    }
    let sign = if first >= 0x80 { -1i32 } else { 0 };
    Some(content.iter().fold(sign, |n, &b| n << 8 | i32::from(b)))
}

/// Tags.
pub(crate) mod tag {
    pub const INTEGER: u8 = 2;
    pub const OCTETS: u8 = 4;
    pub const OID: u8 = 6;
    pub const SEQUENCE: u8 = 0x30;
}

/// Takes the next element off: its tag and its content, if all of it is there.
pub(crate) fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let mut reader = Reader(bytes);
    let element = reader.element()?;
    *bytes = reader.0;
    Some(element)
}

/// Tag, length of the content, and where it begins; the content itself need not be there.
pub(crate) fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    match start(bytes) {
        Start::Element(tag, head, length) => Some((tag, length, head)),
        Start::More | Start::Bad => None,
    }
}

/// The content of the next element, where it has this tag; nothing is taken off otherwise.
pub(crate) fn expect<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let mut reader = Reader(bytes);
    let content = reader.expect(tag)?;
    *bytes = reader.0;
    Some(content.0)
}

/// A signed integer of at most eight bytes.
pub(crate) fn integer(value: &[u8]) -> Option<i64> {
    let (&first, rest) = value.split_first().filter(|_| value.len() <= 8)?;
    Some(rest.iter().fold(i64::from(first as i8), |n, b| n << 8 | i64::from(*b)))
}

/// An unsigned integer of at most eight bytes, with or without a zero before it.
pub(crate) fn unsigned(value: &[u8]) -> Option<u64> {
    let digits = value.strip_prefix(&[0]).unwrap_or(value);
    (!value.is_empty() && digits.len() <= 8).then(|| digits.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// The arcs of an object identifier.
pub(crate) fn arcs(value: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = value;
    let mut second = None;
    let mut first = true;
    std::iter::from_fn(move || {
        if let Some(arc) = second.take() {
            return Some(arc);
        }
        let mut arc = 0u64;
        loop {
            let (&byte, tail) = rest.split_first()?;
            rest = tail;
            arc = arc.checked_shl(7).filter(|_| arc < 1 << 56)? | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        if std::mem::take(&mut first) {
            let top = (arc / 40).min(2);
            second = Some(arc - top * 40);
            return Some(top);
        }
        Some(arc)
    })
}

/// Appends an object identifier in dotted form; stops before `out` grows beyond `max` bytes.
pub(crate) fn push_oid(out: &mut String, value: &[u8], max: usize) {
    let mut lead = "";
    for arc in arcs(value) {
        if out.len() + 21 > max {
            return;
        }
        let _ = write!(out, "{lead}{arc}");
        lead = ".";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_with_short_and_long_lengths() {
        assert_eq!(start(&[0x30, 5, 1]), Start::Element(0x30, 2, 5));
        assert_eq!(start(&[0x30, 0x84, 0, 0, 0, 5]), Start::Element(0x30, 6, 5));
        assert_eq!(start(&[0x30, 0x82, 1]), Start::More);
        assert_eq!(start(&[0x30]), Start::More);
        for bad in [&[0x30, 0x80][..], &[0x30, 0x85, 0, 0, 0, 0, 5], &[0x7f, 0x65, 1]] {
            assert_eq!(start(bad), Start::Bad);
        }
        let mut r = Reader(&[2, 1, 0xff, 4, 1, b'a', 4, 9, b'b']);
        assert_eq!(r.int(2), Some(-1));
        assert!(r.expect(2).is_none());
        assert_eq!(r.expect(4).map(|c| c.0), Some(&b"a"[..]));
        assert!(r.expect(4).is_none());
        assert_eq!(r.element_cut(), Some((4, &b"b"[..])));
        assert_eq!(r.element_cut(), None);
    }

    #[test]
    fn integers() {
        assert_eq!(int(&[0x7f, 0xff, 0xff, 0xff]), Some(i32::MAX));
        assert_eq!(int(&[0x80, 0, 0, 0]), Some(i32::MIN));
        assert_eq!(int(&[0, 0x80]), Some(128));
        assert_eq!(int(&[1, 0, 0, 0, 0]), None);
        assert_eq!(int(&[]), None);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bytes in
            [&[4u8][..], &[4, 2, 1], &[4, 0x80, 0, 0], &[4, 0x85, 0, 0, 0, 0, 1, 9], &[4, 0x84, 0xff, 0xff, 0xff, 0xff, 1], &[0x1f, 1, 1]]
        {
            let mut rest = bytes;
            assert_eq!(next(&mut rest), None, "{bytes:?}");
            assert_eq!(rest, bytes);
        }
        let mut rest = &[4u8, 0x81, 2, 7, 8, 9][..];
        assert_eq!(next(&mut rest), Some((4, &[7u8, 8][..])));
        assert_eq!((rest, expect(&mut rest, 4)), (&[9u8][..], None));
    }

    #[test]
    fn numbers_and_object_identifiers() {
        assert_eq!((integer(&[0xff]), integer(&[1, 0]), integer(&[]), integer(&[1; 9])), (Some(-1), Some(256), None, None));
        assert_eq!((unsigned(&[0xff]), unsigned(&[0, 0xff, 0xff]), unsigned(&[])), (Some(255), Some(65535), None));
        let mut out = String::new();
        push_oid(&mut out, &[0x2b, 6, 1, 2, 1, 1, 1, 0], 100);
        assert_eq!(out, "1.3.6.1.2.1.1.1.0");
        assert_eq!(arcs(&[0x88, 0x37, 0x82, 0x37]).collect::<Vec<_>>(), [2, 999, 311]);
        // An arc that never ends, and one that is too long.
        assert_eq!(arcs(&[0x2b, 0x86]).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(arcs(&[0xff; 12]).count(), 0);
        let mut out = String::new();
        push_oid(&mut out, &[1; 500], 60);
        assert!(out.len() <= 60);
    }
}
