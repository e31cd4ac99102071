//! The leaf of one record (docs/store-format.md, Leaf of a record): each group under a salt of its own, so that a group can be
//! hidden and a guess at it cannot be tested.

use crate::{Hash, cbor};
use sha2::{Digest, Sha256};

/// Version of the canonical form.
pub const VERSION: u64 = 1;
/// Head of a byte string of 32 bytes.
const HASH_HEAD: [u8; 2] = [0x58, 0x20];
/// Bytes of a salt.
pub const SALT: usize = 16;

/// The secret of a batch, made ready: HMAC's two inner states are computed once.
#[derive(Clone)]
pub struct Salter {
    inner: Sha256,
    outer: Sha256,
}

impl Salter {
    /// From the secret of a batch.
    pub fn new(secret: &[u8; 32]) -> Salter {
        let mut pads = ([0x36u8; 64], [0x5cu8; 64]);
        for (i, s) in secret.iter().enumerate() {
            if let (Some(a), Some(b)) = (pads.0.get_mut(i), pads.1.get_mut(i)) {
                *a ^= s;
                *b ^= s;
            }
        }
        Salter { inner: Sha256::new_with_prefix(pads.0), outer: Sha256::new_with_prefix(pads.1) }
    }

    fn mac(&self, parts: &[&[u8]]) -> Hash {
        let mut inner = self.inner.clone();
        for p in parts {
            inner.update(p);
        }
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }

    /// The salts of a record's groups: HKDF-Expand (RFC 5869, 2.3) with 64 bytes asked for.
    pub fn salts(&self, seq: u64) -> [[u8; SALT]; 4] {
        let seq = seq.to_be_bytes();
        let first = self.mac(&[b"hinomi salt", &seq, &[1]]);
        let second = self.mac(&[&first, b"hinomi salt", &seq, &[2]]);
        let mut out = [[0; SALT]; 4];
        for (salt, bytes) in out.iter_mut().zip(first.as_chunks::<SALT>().0.iter().chain(second.as_chunks::<SALT>().0)) {
            *salt = *bytes;
        }
        out
    }
}

/// The hash that stands for a group.
pub fn group_hash(salt: &[u8; SALT], canonical: &[u8]) -> Hash {
    let mut h = Sha256::new();
    h.update(salt);
    h.update(if canonical.is_empty() { crate::canon::EMPTY } else { canonical });
    h.finalize().into()
}

/// The leaf, from the hashes of the groups.
pub fn leaf(table: u8, seq: u64, groups: &[Hash; 4]) -> Hash {
    let mut head = Vec::with_capacity(24);
    head.push(0);
    cbor::array(&mut head, 7);
    cbor::uint(&mut head, u64::from(table));
    cbor::uint(&mut head, VERSION);
    cbor::uint(&mut head, seq);
    let mut h = Sha256::new_with_prefix(&head);
    for g in groups {
        h.update(HASH_HEAD);
        h.update(g);
    }
    h.finalize().into()
}

/// The leaf of a record, from its canonical groups.
pub fn of_record(salter: &Salter, table: u8, seq: u64, groups: [&[u8]; 4]) -> Hash {
    let salts = salter.salts(seq);
    let mut hashes = [[0; 32]; 4];
    for ((hash, salt), group) in hashes.iter_mut().zip(&salts).zip(groups) {
        *hash = group_hash(salt, group);
    }
    leaf(table, seq, &hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HKDF-Expand against RFC 5869's own words, written out: T(1) = HMAC(PRK, info ‖ 1), T(2) = HMAC(PRK, T(1) ‖ info ‖ 2).
    #[test]
    fn salts_are_hkdf() {
        let secret = [7u8; 32];
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let mut info = b"hinomi salt".to_vec();
        info.extend_from_slice(&42u64.to_be_bytes());
        let t1 = ring::hmac::sign(&key, &[info.as_slice(), &[1]].concat());
        let t2 = ring::hmac::sign(&key, &[t1.as_ref(), info.as_slice(), &[2]].concat());
        let want = [t1.as_ref(), t2.as_ref()].concat();
        assert_eq!(Salter::new(&secret).salts(42).concat(), want);
    }

    #[test]
    fn a_leaf_changes_with_everything_in_it() {
        let salter = Salter::new(&[1; 32]);
        let base = of_record(&salter, 0, 1, [b"\xa1\x01\x02", &[], &[], &[]]);
        assert_eq!(base, of_record(&salter, 0, 1, [b"\xa1\x01\x02", b"\xa0", &[], &[]]), "an empty group is a0");
        for other in [
            of_record(&salter, 1, 1, [b"\xa1\x01\x02", &[], &[], &[]]),
            of_record(&salter, 0, 2, [b"\xa1\x01\x02", &[], &[], &[]]),
            of_record(&salter, 0, 1, [b"\xa1\x01\x03", &[], &[], &[]]),
            of_record(&salter, 0, 1, [&[], b"\xa1\x01\x02", &[], &[]]),
            of_record(&Salter::new(&[2; 32]), 0, 1, [b"\xa1\x01\x02", &[], &[], &[]]),
        ] {
            assert_ne!(base, other);
        }
    }
}
