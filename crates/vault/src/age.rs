//! Encrypting a file to age recipients (age-encryption.org/v1, X25519): what an archive on a stick or a share should be.
//!
//! Only the writing half, over ring's primitives: reading is done with `age` itself, so that an archive never depends on this program. The
//! crate `age` brings a hundred packages for it (docs/adr/0015-vault.md).

use crate::error::VaultError;
use proof::base64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::io::{self, Write};

/// Bytes of a chunk.
const CHUNK: usize = 64 * 1024;

/// Somebody who can read an archive: an `age1…` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

impl std::str::FromStr for Recipient {
    type Err = String;
    /// Bech32 (BIP 173) with the prefix `age`.
    fn from_str(text: &str) -> Result<Recipient, String> {
        const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        let wrong =
            || format!("'{}' is no age recipient: it begins with age1 and has 62 characters", text.chars().take(80).collect::<String>());
        let text = text.trim();
        let data = text.strip_prefix("age1").filter(|_| text.len() == 62).ok_or_else(wrong)?;
        let values: Option<Vec<u8>> = data.bytes().map(|c| ALPHABET.iter().position(|a| *a == c).map(|p| p as u8)).collect();
        let values = values.ok_or_else(wrong)?;
        let mut check = 1u32;
        // The prefix: high bits, zero, low bits.
        let prefix = b"age".iter().map(|c| c >> 5).chain([0]).chain(b"age".iter().map(|c| c & 31));
        for v in prefix.chain(values.iter().copied()) {
            let top = check >> 25;
            check = (check & 0x1ff_ffff) << 5 ^ u32::from(v);
            for (i, g) in [0x3b6a_57b2u32, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate() {
                if top >> i & 1 == 1 {
                    check ^= g;
                }
            }
        }
        if check != 1 {
            return Err(wrong());
        }
        let payload = values.get(..values.len() - 6).ok_or_else(wrong)?;
        let (mut bits, mut count, mut out) = (0u32, 0u32, Vec::new());
        for v in payload {
            bits = bits << 5 | u32::from(*v);
            count += 5;
            if count >= 8 {
                count -= 8;
                out.push((bits >> count) as u8);
            }
        }
        out.try_into().map(Recipient).map_err(|_| wrong())
    }
}

fn refused(_: ring::error::Unspecified) -> VaultError {
    VaultError::Record(String::from("the encryption of an archive failed"))
}

/// HKDF-SHA-256 (RFC 5869) of 32 bytes.
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> [u8; 32] {
    let extract = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), secret);
    let mut message = info.to_vec();
    message.push(1);
    let expand = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, extract.as_ref()), &message);
    expand.as_ref().try_into().unwrap_or([0; 32])
}

fn aead(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(refused)
}

/// Base64 without padding, as age writes it.
fn unpadded(bytes: &[u8]) -> String {
    base64::encode(bytes).trim_end_matches('=').to_owned()
}

/// Writes what is written to it, encrypted.
pub(crate) struct Encrypter<W: Write> {
    out: W,
    key: LessSafeKey,
    chunk: Vec<u8>,
    counter: u64,
}

impl<W: Write> Encrypter<W> {
    /// Writes the header.
    pub fn new(mut out: W, recipients: &[Recipient]) -> Result<Encrypter<W>, VaultError> {
        let random = SystemRandom::new();
        let mut file_key = [0u8; 16];
        random.fill(&mut file_key).map_err(refused)?;
        let mut header = String::from("age-encryption.org/v1\n");
        for r in recipients {
            let ephemeral = EphemeralPrivateKey::generate(&X25519, &random).map_err(refused)?;
            let share = ephemeral.compute_public_key().map_err(refused)?;
            let mut salt = share.as_ref().to_vec();
            salt.extend_from_slice(&r.0);
            let wrap = agree_ephemeral(ephemeral, &UnparsedPublicKey::new(&X25519, r.0), |shared| {
                hkdf(&salt, shared, b"age-encryption.org/v1/X25519")
            })
            .map_err(refused)?;
            let mut body = file_key.to_vec();
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            aead(&wrap)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).map_err(refused)?;
            header.push_str(&format!("-> X25519 {}\n{}\n", unpadded(share.as_ref()), unpadded(&body)));
        }
        header.push_str("---");
        let mac_key = hkdf(&[], &file_key, b"header");
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &mac_key), header.as_bytes());
        header.push_str(&format!(" {}\n", unpadded(mac.as_ref())));
        let mut nonce = [0u8; 16];
        random.fill(&mut nonce).map_err(refused)?;
        let failed = |e: io::Error| VaultError::io("write", "the archive", &e);
        out.write_all(header.as_bytes()).map_err(failed)?;
        out.write_all(&nonce).map_err(failed)?;
        let key = aead(&hkdf(&nonce, &file_key, b"payload"))?;
        Ok(Encrypter { out, key, chunk: Vec::with_capacity(CHUNK + 16), counter: 0 })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let mut nonce = [0u8; 12];
        if let Some(place) = nonce.get_mut(3..11) {
            place.copy_from_slice(&self.counter.to_be_bytes());
        }
        nonce[11] = u8::from(last);
        self.counter += 1;
        let sealed = self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut self.chunk);
        sealed.map_err(|_| io::Error::other("encryption failed"))?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    /// Ends the last chunk.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Encrypter<W> {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        // A full chunk is written when more comes: the last one is marked, and is never empty unless all is.
        if self.chunk.len() == CHUNK {
            self.seal(false)?;
        }
        let n = b.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(b.get(..n).unwrap_or(b));
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_read_and_mistyped_ones_refused() {
        // From the specification's own examples (C2SP age.md).
        let good = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        assert!(good.parse::<Recipient>().is_ok());
        for i in 4..good.len() {
            let mut bad = good.to_string().into_bytes();
            bad[i] = if bad[i] == b'q' { b'p' } else { b'q' };
            assert!(String::from_utf8(bad).unwrap().parse::<Recipient>().is_err(), "place {i}");
        }
        assert!("age1".parse::<Recipient>().is_err() && "".parse::<Recipient>().is_err());
    }
}
