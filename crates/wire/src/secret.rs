//! Keyed fingerprints of secrets, so that two uses of one password can be seen as the same and nothing else.

use sha2::{Digest, Sha256};

/// First 8 bytes of HMAC-SHA-256 (RFC 2104) of `secret` under `key`.
pub fn fingerprint(key: &[u8; 32], secret: &[u8]) -> u64 {
    let mut inner_pad = [0x36u8; 64];
    let mut outer_pad = [0x5cu8; 64];
    for (i, k) in key.iter().enumerate() {
        inner_pad[i] ^= k;
        outer_pad[i] ^= k;
    }
    let inner = Sha256::new().chain_update(inner_pad).chain_update(secret).finalize();
    let outer = Sha256::new().chain_update(outer_pad).chain_update(inner).finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&outer[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    #[test]
    fn agrees_with_rfc_4231_when_the_key_is_padded() {
        // RFC 4231 test case 2 has the key "Jefe"; HMAC pads keys with zeros, so a 32-byte key that ends in zeros is the same key.
        let mut key = [0u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(super::fingerprint(&key, b"what do ya want for nothing?"), 0x5bdc_c146_bf60_754e);
    }
}
