//! Keys of Initial packets (RFC 9001, 5.2; RFC 9369, 3.3). They follow from what anyone can read, so that a watcher may read the packets as
//! well as the server does; they protect against accidents, not against readers.

use ring::aead::quic::HeaderProtectionKey;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf;

/// Versions whose first packets can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 9000, and its drafts 33 and 34.
    V1,
    /// RFC 9369.
    V2,
    /// Drafts 29 to 32.
    Draft29,
}

impl Version {
    /// By its number on the wire.
    pub fn from_number(number: u32) -> Option<Version> {
        match number {
            1 | 0xff00_0021 | 0xff00_0022 => Some(Version::V1),
            0x6b33_43cf => Some(Version::V2),
            0xff00_001d..=0xff00_0020 => Some(Version::Draft29),
            _ => None,
        }
    }

    const fn salt(self) -> [u8; 20] {
        match self {
            Version::V1 => {
                [0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a]
            }
            Version::V2 => {
                [0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9]
            }
            Version::Draft29 => {
                [0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99]
            }
        }
    }

    /// Labels of key, initialisation vector and header protection.
    const fn labels(self) -> [&'static [u8]; 3] {
        match self {
            Version::V1 | Version::Draft29 => [b"quic key", b"quic iv", b"quic hp"],
            Version::V2 => [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
        }
    }
}

struct Length(usize);
impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label without context (RFC 8446, 7.1).
fn expand<const N: usize>(secret: &hkdf::Prk, label: &[u8]) -> Option<[u8; N]> {
    let head = [0, N as u8, 6 + label.len() as u8];
    let info = [&head[..], b"tls13 ", label, &[0]];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// What opens the Initial packets of the client.
pub struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    header: HeaderProtectionKey,
}

impl Keys {
    /// From the connection id that the client chose for the server in its first packet.
    pub fn of_client(version: Version, connection: &[u8]) -> Option<Keys> {
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &version.salt()).extract(connection);
        let secret: [u8; 32] = expand(&initial, b"client in")?;
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let [key, iv, header] = version.labels();
        let key: [u8; 16] = expand(&secret, key)?;
        let header: [u8; 16] = expand(&secret, header)?;
        Some(Keys {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv: expand(&secret, iv)?,
            header: HeaderProtectionKey::new(&quic::AES_128, &header).ok()?,
        })
    }

    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (n, b) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *n ^= b;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Opens a packet in place: `packet` from its first byte to the end that its length names, `at` the place of its packet number. Gives
    /// the frames, or `None` where it is not a packet under these keys.
    pub fn open<'a>(&self, packet: &'a mut [u8], at: usize) -> Option<&'a [u8]> {
        // RFC 9001, 5.4.2: the sample stands where the payload would if the number took four bytes.
        let mask = self.header.new_mask(packet.get(at + 4..at + 20)?).ok()?;
        let [first_mask, number_mask @ ..] = mask;
        let first = packet.first_mut()?;
        *first ^= first_mask & 0x0f;
        let length = usize::from(*first & 3) + 1;
        let mut number = 0u64;
        for (b, m) in packet.get_mut(at..at + length)?.iter_mut().zip(number_mask) {
            *b ^= m;
            number = number << 8 | u64::from(*b);
        }
        // The first packets of a connection are few: their numbers are whole (RFC 9000, A.3).
        let (header, payload) = packet.split_at_mut_checked(at + length)?;
        self.key.open_in_place(self.nonce(number), Aad::from(&*header), payload).ok().map(|p| &*p)
    }

    /// The opposite of [`Keys::open`], for tests: protects `frames` behind `header`, whose last `length` bytes are the packet number.
    #[cfg(test)]
    pub fn seal(&self, header: &[u8], length: usize, frames: &[u8]) -> Vec<u8> {
        let at = header.len() - length;
        let number = header[at..].iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let mut sealed = frames.to_vec();
        self.key.seal_in_place_append_tag(self.nonce(number), Aad::from(header), &mut sealed).unwrap();
        let mut packet = [header, &sealed].concat();
        let mask = self.header.new_mask(&packet[at + 4..at + 20]).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        for i in 0..length {
            packet[at + i] ^= mask[1 + i];
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    /// RFC 9001, A.1 and RFC 9369, A.1: the same connection id under both versions.
    #[test]
    fn secrets_agree_with_the_standards() {
        let connection = hex("8394c8f03e515708");
        for (version, secret, key, iv, header) in [
            (
                Version::V1,
                "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea",
                "1f369613dd76d5467730efcbe3b1a22d",
                "fa044b2f42a3fd3b46fb255c",
                "9f50449e04a0e810283a1e9933adedd2",
            ),
            (
                Version::V2,
                "14ec9d6eb9fd7af83bf5a668bc17a7e283766aade7ecd0891f70f9ff7f4bf47b",
                "8b1a0bc121284290a29e0971b5cd045d",
                "91f73e2351d8fa91660e909f",
                "45b95e15235d6f45a6b19cbcb0294ba9",
            ),
        ] {
            let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &version.salt()).extract(&connection);
            let client: [u8; 32] = expand(&initial, b"client in").unwrap();
            assert_eq!(client.as_slice(), hex(secret));
            let client = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &client);
            let [k, i, h] = version.labels();
            assert_eq!(expand::<16>(&client, k).unwrap().as_slice(), hex(key));
            assert_eq!(expand::<12>(&client, i).unwrap().as_slice(), hex(iv));
            assert_eq!(expand::<16>(&client, h).unwrap().as_slice(), hex(header));
        }
    }

    #[test]
    fn what_was_sealed_opens_and_a_changed_bit_does_not() {
        for version in [Version::V1, Version::V2, Version::Draft29] {
            let keys = Keys::of_client(version, b"12345678").unwrap();
            for length in 1..=4 {
                let header = [&[0xc0 | (length as u8 - 1), 0, 0, 0, 1][..], &[7; 10], &[0, 0, 0, 2][4 - length..]].concat();
                let packet = keys.seal(&header, length, &[1; 60]);
                let at = header.len() - length;
                assert_eq!(keys.open(&mut packet.clone(), at), Some(&[1; 60][..]));
                for i in 0..packet.len() {
                    let mut bad = packet.clone();
                    bad[i] ^= 0x10;
                    // The two bits above the protected ones are part of what is signed, too.
                    assert_eq!(keys.open(&mut bad, at), None, "byte {i}");
                }
                for cut in 0..packet.len() {
                    assert_eq!(keys.open(&mut packet[..cut].to_vec(), at), None, "cut at {cut}");
                }
            }
        }
    }
}
