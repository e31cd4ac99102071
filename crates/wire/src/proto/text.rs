//! Text from the wire, which is whatever the other side sent.

use std::fmt::Write;

/// Appends `bytes`: valid UTF-8 as it is, other bytes and control characters as `\xNN`, and a backslash before an `x` as `\x5c`, so that
/// nothing is lost and nothing is ambiguous. Stops before `out` would grow beyond `max` bytes.
pub fn push(out: &mut String, bytes: &[u8], max: usize) {
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if valid.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\') {
            // The usual case, in one copy.
            let room = max.saturating_sub(out.len());
            if valid.len() > room {
                out.push_str(valid.get(..room).unwrap_or_default());
                return;
            }
            out.push_str(valid);
        } else {
            let mut chars = valid.chars().peekable();
            while let Some(c) = chars.next() {
                let escaped = c.is_control() || (c == '\\' && chars.peek() == Some(&'x'));
                if out.len() + c.len_utf8() * if escaped { 4 } else { 1 } > max {
                    return;
                }
                if escaped {
                    let mut four = [0u8; 4];
                    for b in c.encode_utf8(&mut four).bytes() {
                        escape(out, b);
                    }
                } else {
                    out.push(c);
                }
            }
        }
        for &b in chunk.invalid() {
            if out.len() + 4 > max {
                return;
            }
            escape(out, b);
        }
    }
}

/// Clears `out` and fills it as [`push`] does.
pub fn set(out: &mut String, bytes: &[u8], max: usize) {
    out.clear();
    push(out, bytes, max);
}

/// Appends UTF-16, little-endian, with the rules of [`push`]; half of a pair becomes U+FFFD, and an odd byte at the end is left out.
pub fn push_utf16(out: &mut String, bytes: &[u8], max: usize) {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        &[low, high] => u16::from_le_bytes([low, high]),
        _ => 0,
    });
    for c in char::decode_utf16(units) {
        let before = out.len();
        push(out, c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]).as_bytes(), max);
        if out.len() == before {
            return;
        }
    }
}

/// Clears `out` and fills it as [`push_utf16`] does.
pub fn set_utf16(out: &mut String, bytes: &[u8], max: usize) {
    out.clear();
    push_utf16(out, bytes, max);
}

/// One byte as `\xNN`.
pub fn escape(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// The first line of `bytes` without its line end (LF or CR LF), and the bytes it takes up with it. `None` where no LF came yet.
pub fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let lf = bytes.iter().position(|&b| b == b'\n')?;
    let text = bytes.get(..lf)?;
    Some((text.strip_suffix(b"\r").unwrap_or(text), lf + 1))
}

/// Whether these may be the first bytes of a line of words: printable ASCII and line ends only.
pub fn printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, 0x20..=0x7e | b'\r' | b'\n' | b'\t'))
}

/// Whether `hay` contains `needle` (given in lower case), ASCII letters of either case being the same.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle))
}

/// Whether `hay` begins with `needle`, ASCII letters of either case being the same.
pub fn starts_with(hay: &[u8], needle: &[u8]) -> bool {
    hay.get(..needle.len()).is_some_and(|h| h.eq_ignore_ascii_case(needle))
}

/// Decimal digits as a number; `None` for anything else, for nothing, and beyond 64 bits.
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, &d| {
        if !d.is_ascii_digit() {
            return None;
        }
        n.checked_mul(10)?.checked_add(u64::from(d - b'0'))
    })
}

/// Decodes standard or URL-safe base64 (RFC 4648) with or without padding. Appends to `out`, at most until
/// it holds `max` bytes; the rest is cut off. False where it is something else.
pub fn base64(text: &[u8], out: &mut Vec<u8>, max: usize) -> bool {
    let (mut bits, mut have) = (0u32, 0u32);
    for &c in text.iter().take_while(|&&c| c != b'=') {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            if out.len() == max {
                return true;
            }
            out.push((bits >> have) as u8);
        }
    }
    true
}

/// Overwrites a buffer that held a secret with zeros and empties it. The compiler may not leave out the writes, since the length is
/// read again through a black box.
pub fn wipe(secret: &mut Vec<u8>) {
    secret.fill(0);
    std::hint::black_box(secret.as_slice());
    secret.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(bytes: &[u8], max: usize) -> String {
        let mut s = String::new();
        push(&mut s, bytes, max);
        s
    }

    #[test]
    fn keeps_utf8_and_escapes_the_rest_without_loss() {
        assert_eq!(pushed("工場 A".as_bytes(), 100), "工場 A");
        assert_eq!(pushed(b"a\xffb\x00\r\n", 100), "a\\xffb\\x00\\x0d\\x0a");
        assert_eq!(pushed(br"C:\tmp \x41", 100), r"C:\tmp \x5cx41");
        assert_eq!(pushed("\u{85}".as_bytes(), 100), "\\xc2\\x85");
    }

    #[test]
    fn never_grows_beyond_its_bound() {
        for max in 0..20 {
            assert!(pushed("aé工\u{1}\\x\u{10ffff}".as_bytes(), max).len() <= max);
            assert!(pushed("\u{85}\u{9f}".as_bytes(), max).len() <= max);
            assert!(pushed(&[b'a'; 64], max).len() <= max);
            assert!(pushed(&[0xff; 64], max).len() <= max);
        }
    }

    #[test]
    fn utf16_is_read_and_bounded() {
        let wide = |s: &str| s.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let mut s = String::new();
        set_utf16(&mut s, &wide("工場\u{1f600}\0a"), 100);
        assert_eq!(s, "工場\u{1f600}\\x00a");
        set_utf16(&mut s, &[0x00, 0xd8, b'a', 0, 7], 100);
        assert_eq!(s, "\u{fffd}a");
        for max in 0..20 {
            set_utf16(&mut s, &wide("aé工\u{10ffff}\u{1}"), max);
            assert!(s.len() <= max);
        }
    }

    #[test]
    fn lines_and_numbers() {
        assert_eq!(line(b"ab\r\ncd"), Some((&b"ab"[..], 4)));
        assert_eq!(line(b"\n"), Some((&b""[..], 1)));
        assert_eq!(line(b"ab"), None);
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616"), None);
        assert_eq!(number(b"+1"), None);
        let mut out = Vec::new();
        assert!(base64(b"AGFkbWluAHNlY3JldA==", &mut out, 100) && out == b"\0admin\0secret");
        out.clear();
        assert!(base64(b"AGFk", &mut out, 2) && out == b"\0a");
        assert!(!base64(b"a b", &mut out, 9));
        assert!(contains(b"xLOGINx", b"login") && !contains(b"", b"login"));
    }
}
