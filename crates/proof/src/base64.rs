//! Base64 as RFC 4648 section 4 writes it, and only so: with padding, without line ends, and with zero in the bits that the last character
//! leaves over (section 3.5). What is signed or compared as text must have one spelling.

use crate::Hash;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |w, i| (w << 8) | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = ALPHABET.get((word >> (18 - 6 * i)) as usize & 63).copied().unwrap_or(b'=');
            text.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// The bytes of a text; `None` where it is not what [`encode`] would have written.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let body = bytes.strip_suffix(b"==").or_else(|| bytes.strip_suffix(b"=")).unwrap_or(bytes);
    let mut out = Vec::with_capacity(body.len() * 3 / 4);
    for chunk in body.chunks(4) {
        let mut word = 0u32;
        for letter in chunk {
            word = (word << 6) | value(*letter)?;
        }
        word <<= 6 * (4 - chunk.len() as u32);
        // 2, 3 and 4 letters carry 1, 2 and 3 bytes; one letter alone carries none and is refused.
        let whole = chunk.len().checked_sub(1).filter(|n| *n > 0)?;
        let [_, word @ ..] = word.to_be_bytes();
        let (carried, over) = word.split_at_checked(whole)?;
        if over.iter().any(|b| *b != 0) {
            return None;
        }
        out.extend_from_slice(carried);
    }
    Some(out)
}

/// The 32 bytes of a hash written in base64.
pub fn decode_hash(text: &str) -> Option<Hash> {
    decode(text)?.try_into().ok()
}

fn value(letter: u8) -> Option<u32> {
    Some(u32::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 section 10.
    #[test]
    fn vectors() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn one_spelling_only() {
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Zg===", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-_", " Zm9v", "Zm9vY", "Z=g="] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
