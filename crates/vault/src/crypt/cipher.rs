//! The cipher of a file: AES-256 in counter mode under a key of its own, and the header that says which.
//!
//! A counter mode must never write two texts under the same stretch of keystream. Here it cannot: the key of a file comes from the data key and
//! 32 random bytes drawn when the file is made ([`super::CryptDisk::create`]), a file is written once from its start to its end by the one handle that made it
//! ([`super::CryptFile`] refuses to go on after a failure), nothing opens a file for writing again, and cutting one writes nothing. A file that replaces
//! another one is a new file with new random bytes.

use aes::Aes256Enc;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper, StreamCipherSeek};
use ctr::{CtrCore, flavors};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use std::io;
use zeroize::Zeroize;

/// Bytes of a header.
pub(crate) const HEADER: u64 = 96;
pub(crate) const MAGIC: &[u8; 8] = b"HINOMIEN";
const VERSION: u32 = 1;
const STORED: u32 = 0;
const AES_256_CTR: u32 = 1;
/// What the check value speaks for.
const CHECKED: usize = 64;

/// What HKDF gives: 64 bytes.
struct Twice;
impl KeyType for Twice {
    fn len(&self) -> usize {
        64
    }
}

/// What HKDF gives: one key.
struct Once;
impl KeyType for Once {
    fn len(&self) -> usize {
        32
    }
}

/// HKDF-SHA-256 to 32 bytes.
pub(crate) fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Option<[u8; 32]> {
    let mut out = [0u8; 32];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(&[info], Once).and_then(|o| o.fill(&mut out)).ok()?;
    Some(out)
}

/// The key of a folder.
pub(crate) struct DataKey {
    pub id: [u8; 16],
    key: [u8; 32],
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

fn no_random() -> io::Error {
    io::Error::other("the system gives no random numbers")
}

/// Random bytes.
pub(crate) fn draw<const N: usize>() -> io::Result<[u8; N]> {
    let mut out = [0u8; N];
    getrandom::fill(&mut out).map_err(|_| no_random())?;
    Ok(out)
}

impl DataKey {
    pub fn draw() -> io::Result<DataKey> {
        Ok(DataKey { id: draw()?, key: draw()? })
    }
    pub fn of(id: [u8; 16], key: [u8; 32]) -> DataKey {
        DataKey { id, key }
    }
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// The keys of a file: for its bytes, and for the check value.
    fn file(&self, salt: &[u8; 32]) -> io::Result<(Stream, hmac::Key)> {
        let mut both = [0u8; 64];
        let filled = Salt::new(HKDF_SHA256, salt).extract(&self.key).expand(&[b"hinomi file v1"], Twice).and_then(|o| o.fill(&mut both));
        filled.map_err(|_| io::Error::other("a key cannot be derived"))?;
        let (first, second) = both.split_at(32);
        let stream = Stream(Aes256Enc::new_from_slice(first).map_err(|_| io::Error::other("a key cannot be used"))?);
        let check = hmac::Key::new(hmac::HMAC_SHA256, second);
        both.zeroize();
        Ok((stream, check))
    }

    /// A new file: its header, and its keystream.
    pub fn begin(&self) -> io::Result<([u8; HEADER as usize], Stream)> {
        let salt: [u8; 32] = draw()?;
        let (stream, check) = self.file(&salt)?;
        Ok((header(AES_256_CTR, &self.id, &salt, Some(&check)), stream))
    }
}

/// A file that is kept as it is, and says so: its own bytes begin like a header.
pub(crate) fn stored() -> [u8; HEADER as usize] {
    header(STORED, &[0; 16], &[0; 32], None)
}

fn header(cipher: u32, id: &[u8; 16], salt: &[u8; 32], check: Option<&hmac::Key>) -> [u8; HEADER as usize] {
    let mut bytes = Vec::with_capacity(HEADER as usize);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&cipher.to_le_bytes());
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(salt);
    match check {
        Some(k) => bytes.extend(hmac::sign(k, &bytes).as_ref().iter().take(16)),
        None => bytes.extend_from_slice(&[0; 16]),
    }
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let mut out = [0u8; HEADER as usize];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = from;
    }
    out
}

/// What a file begins with.
pub(crate) enum Head {
    /// No header: it is as it is. So is a file whose header was torn or changed: what reads it finds that it is not what was written.
    Plain,
    /// A header, and bytes as they are.
    Stored,
    /// Encrypted.
    Encrypted {
        /// Of the data key.
        id: [u8; 16],
        salt: [u8; 32],
        bytes: [u8; HEADER as usize],
    },
    /// Written by a newer program.
    Newer,
}

impl Head {
    pub fn parse(bytes: &[u8; HEADER as usize]) -> Head {
        let number = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk::<4>()).map_or(0, |b| u32::from_le_bytes(*b));
        let (rest, _) = bytes.split_at(HEADER as usize - 4);
        if !bytes.starts_with(MAGIC) || crc32fast::hash(rest) != number(HEADER as usize - 4) {
            return Head::Plain;
        }
        let id = bytes.get(16..).and_then(|b| b.first_chunk::<16>()).copied().unwrap_or_default();
        let salt = bytes.get(32..).and_then(|b| b.first_chunk::<32>()).copied().unwrap_or_default();
        match (number(8), number(12)) {
            (VERSION, STORED) => Head::Stored,
            (VERSION, AES_256_CTR) => Head::Encrypted { id, salt, bytes: *bytes },
            _ => Head::Newer,
        }
    }
}

impl DataKey {
    /// The keystream of a file with this header. `None`: the check value is of another key.
    pub fn resume(&self, salt: &[u8; 32], bytes: &[u8; HEADER as usize]) -> io::Result<Option<Stream>> {
        let (stream, check) = self.file(salt)?;
        let (said, rest) = bytes.split_at(CHECKED);
        let own = hmac::sign(&check, said);
        // Nothing is learnt from how long the comparison takes: the value stands in the file for everybody to see.
        let same = rest.iter().zip(own.as_ref()).take(16).all(|(a, b)| a == b);
        Ok(same.then_some(stream))
    }
}

/// The keystream of a file: block n is the AES of n as 16 bytes, big endian.
#[derive(Clone)]
pub(crate) struct Stream(Aes256Enc);

impl Stream {
    /// Turns plain bytes into encrypted ones, or back, in place. `offset` is that of the first byte in the plain file.
    pub fn apply(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let core: CtrCore<Aes256Enc, flavors::Ctr128BE> = CtrCore::inner_iv_init(self.0.clone(), &[0u8; 16].into());
        let mut stream = StreamCipherCoreWrapper::from_core(core);
        let over = |_| io::Error::other("a file is too long to be encrypted");
        stream.try_seek(offset).map_err(over)?;
        stream.try_apply_keystream(bytes).map_err(|_| io::Error::other("a file is too long to be encrypted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.5.5 is of another first counter; so AES itself is checked (FIPS 197, C.3) and the counter beside it.
    #[test]
    fn the_keystream_is_aes_of_the_block_number() {
        use ctr::cipher::BlockEncrypt;
        let key: Vec<u8> = (0..32).collect();
        let aes = Aes256Enc::new_from_slice(&key).unwrap();
        let mut block: [u8; 16] = core::array::from_fn(|i| (i * 0x11) as u8);
        aes.encrypt_block((&mut block).into());
        assert_eq!(block[..4], [0x8e, 0xa2, 0xb7, 0xca], "FIPS 197, C.3");
        let mut zeros = [0u8; 48];
        Stream(aes.clone()).apply(&mut zeros, 16 * 255 + 8).unwrap();
        let mut wanted = Vec::new();
        for n in 255u128..259 {
            let mut b = n.to_be_bytes();
            aes.encrypt_block((&mut b).into());
            wanted.extend(b);
        }
        assert_eq!(zeros[..], wanted[8..56]);
    }

    #[test]
    fn a_header_says_whose_it_is() {
        let (a, b) = (DataKey::draw().unwrap(), DataKey::draw().unwrap());
        let (bytes, _) = a.begin().unwrap();
        let Head::Encrypted { id, salt, bytes } = Head::parse(&bytes) else { panic!() };
        assert_eq!(id, a.id);
        assert!(a.resume(&salt, &bytes).unwrap().is_some());
        assert!(b.resume(&salt, &bytes).unwrap().is_none());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut c = bytes;
                c[at] ^= 1 << bit;
                assert!(matches!(Head::parse(&c), Head::Plain), "byte {at}");
            }
        }
        assert!(matches!(Head::parse(&stored()), Head::Stored));
        assert!(matches!(Head::parse(&[0; 96]), Head::Plain));
    }
}
