//! MD5 in hexadecimal, as JA3, JA3S and HASSH are written. It names things here; it protects nothing.

use md5::{Digest, Md5};
use std::fmt::Write;

/// Replaces `out` by the MD5 of the parts one after another, in 32 hexadecimal digits.
pub fn md5(parts: &[&[u8]], out: &mut String) {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    out.clear();
    for byte in &hash.finalize() {
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    /// RFC 1321, A.5.
    #[test]
    fn agrees_with_the_standard() {
        let mut out = String::from("old");
        super::md5(&[b"message", b" ", b"digest"], &mut out);
        assert_eq!(out, "f96b697d7cb7938d525a2f31aaf161d0");
        super::md5(&[], &mut out);
        assert_eq!(out, "d41d8cd98f00b204e9800998ecf8427e");
    }
}
