//! The deterministic CBOR (RFC 8949, 4.2.1) that records and log entries are written in: writing, stepping over, and reading with
//! everything else refused.

/// Major types (RFC 8949, 3.1).
pub(crate) const UINT: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const ARRAY: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const TAG: u8 = 6;
pub(crate) const SIMPLE: u8 = 7;
/// Tag of an enumeration's name (IANA: identifier).
pub(crate) const NAME_TAG: u64 = 39;
/// Maps and arrays in each other, at most.
pub(crate) const MAX_DEPTH: usize = 48;

/// Writes a head in its shortest form.
pub fn head(out: &mut Vec<u8>, major: u8, n: u64) {
    let m = major << 5;
    if n < 24 {
        out.push(m | n as u8);
    } else if n <= 0xff {
        out.extend_from_slice(&[m | 24, n as u8]);
    } else if n <= 0xffff {
        out.push(m | 25);
        out.extend_from_slice(&(n as u16).to_be_bytes());
    } else if n <= 0xffff_ffff {
        out.push(m | 26);
        out.extend_from_slice(&(n as u32).to_be_bytes());
    } else {
        out.push(m | 27);
        out.extend_from_slice(&n.to_be_bytes());
    }
}

/// Writes a whole number.
pub fn int(out: &mut Vec<u8>, v: i64) {
    if v < 0 { head(out, NEGATIVE, !(v.cast_unsigned())) } else { head(out, UINT, v.cast_unsigned()) }
}
/// Writes a whole number without sign.
pub fn uint(out: &mut Vec<u8>, v: u64) {
    head(out, UINT, v);
}
/// Writes a byte string.
pub fn bytes(out: &mut Vec<u8>, v: &[u8]) {
    head(out, BYTES, v.len() as u64);
    out.extend_from_slice(v);
}
/// Writes a text string.
pub fn text(out: &mut Vec<u8>, v: &str) {
    head(out, TEXT, v.len() as u64);
    out.extend_from_slice(v.as_bytes());
}
/// Writes the head of an array of `n` items.
pub fn array(out: &mut Vec<u8>, n: u64) {
    head(out, ARRAY, n);
}
/// Writes the head of a map of `n` pairs.
pub fn map(out: &mut Vec<u8>, n: u64) {
    head(out, MAP, n);
}

/// Reads a head: major type, number, and what follows. `None` where it is none, or not in its shortest form.
pub(crate) fn read_head(b: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (first, rest) = b.split_first()?;
    let (major, low) = (first >> 5, first & 31);
    let (n, rest) = match low {
        0..=23 => (u64::from(low), rest),
        24 => {
            let (v, r) = rest.split_first()?;
            // Below 32 a simple value (RFC 8949, 3.3), below 24 a number that has a shorter form.
            (u64::from(*v).checked_sub(24)? + 24, r)
        }
        25 => rest.split_first_chunk::<2>().map(|(v, r)| (u64::from(u16::from_be_bytes(*v)), r)).filter(|(v, _)| *v > 0xff)?,
        26 => rest.split_first_chunk::<4>().map(|(v, r)| (u64::from(u32::from_be_bytes(*v)), r)).filter(|(v, _)| *v > 0xffff)?,
        27 => rest.split_first_chunk::<8>().map(|(v, r)| (u64::from_be_bytes(*v), r)).filter(|(v, _)| *v > 0xffff_ffff)?,
        _ => return None,
    };
    // Of the simple values only false, true and null are used.
    if major == SIMPLE && !(20..=22).contains(&low) { None } else { Some((major, n, rest)) }
}

/// What stands behind one whole item. `None` where there is none, or it is not deterministic in its heads.
#[inline]
pub(crate) fn skip(b: &[u8]) -> Option<&[u8]> {
    // Most items are scalars.
    let (major, n, after) = read_head(b)?;
    match major {
        UINT | NEGATIVE | SIMPLE => Some(after),
        BYTES | TEXT => after.get(usize::try_from(n).ok()?..),
        _ => skip_nested(b),
    }
}

fn skip_nested(b: &[u8]) -> Option<&[u8]> {
    let mut rest = b;
    let mut open: [u64; MAX_DEPTH] = [0; MAX_DEPTH];
    let mut depth = 0;
    loop {
        let (major, n, after) = read_head(rest)?;
        rest = after;
        let inside = match major {
            BYTES | TEXT => {
                rest = rest.get(usize::try_from(n).ok()?..)?;
                0
            }
            ARRAY => n,
            MAP => n.checked_mul(2)?,
            TAG => 1,
            _ => 0,
        };
        if inside > 0 {
            // Each item needs a byte at least: what promises more than there is ends here.
            if inside > rest.len() as u64 || depth >= MAX_DEPTH {
                return None;
            }
            *open.get_mut(depth)? = inside;
            depth += 1;
            continue;
        }
        loop {
            let Some(top) = depth.checked_sub(1) else { return Some(rest) };
            let left = open.get_mut(top)?;
            *left -= 1;
            if *left > 0 {
                break;
            }
            depth = top;
        }
    }
}

/// The first item's bytes, and the rest.
pub(crate) fn split(b: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = skip(b)?;
    b.split_at_checked(b.len() - rest.len())
}

/// Reads items one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: u8) -> Option<u64> {
        let (major, n, rest) = read_head(self.0)?;
        (major == wanted).then(|| {
            self.0 = rest;
            n
        })
    }
    fn take_slice(&mut self, major: u8) -> Option<&'a [u8]> {
        let n = usize::try_from(self.take(major)?).ok()?;
        let (found, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(found)
    }
    /// A whole number without sign.
    pub fn uint(&mut self) -> Option<u64> {
        self.take(UINT)
    }
    /// A whole number.
    pub fn int(&mut self) -> Option<i64> {
        let (major, n, rest) = read_head(self.0)?;
        let n = i64::try_from(n).ok()?;
        let v = match major {
            UINT => n,
            NEGATIVE => !n,
            _ => return None,
        };
        self.0 = rest;
        Some(v)
    }
    /// A byte string.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        self.take_slice(BYTES)
    }
    /// A text string.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.take_slice(TEXT)?).ok()
    }
    /// The length of an array that begins here.
    pub fn array(&mut self) -> Option<u64> {
        self.take(ARRAY)
    }
    /// The number of pairs of a map that begins here.
    pub fn map(&mut self) -> Option<u64> {
        self.take(MAP)
    }
    /// Steps over one item and gives its bytes.
    pub fn item(&mut self) -> Option<&'a [u8]> {
        let (item, rest) = split(self.0)?;
        self.0 = rest;
        Some(item)
    }
    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
