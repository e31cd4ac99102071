//! C2SP tlog-cosignature, cosignature/v1: a witness says that at this time the checkpoint was the largest it had seen of the log, and that
//! all it had seen before agrees with it. Its signatures are of type 4 and are verified by [`crate::note::verify`] with the rest of a note.

use crate::checkpoint::Checkpoint;
use crate::note::{self, KeyKind, NoteError, Signature, VerifierKey};
use ring::signature::Ed25519KeyPair;
use std::fmt;

/// The secret key of a witness (type 4). One key serves one witness: what is signed does not name it.
pub struct CosignerKey {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl CosignerKey {
    /// The key that these 32 random bytes give (RFC 8032, 5.1.5).
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<CosignerKey, NoteError> {
        let (pair, key) = note::pair(name, KeyKind::Cosignature, &seed)?;
        Ok(CosignerKey { pair, key })
    }

    /// Its public side.
    pub fn vkey(&self) -> &VerifierKey {
        &self.key
    }

    /// Cosigns a checkpoint at a time in seconds since 1970, below 2^63.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Result<Signature, NoteError> {
        let message = message(&checkpoint.to_string(), time).ok_or(NoteError::Time(time))?;
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&note::raw_sign(&self.pair, &message));
        Ok(Signature { name: self.key.name().to_owned(), key_id: self.key.key_id(), bytes })
    }
}

/// The secret stays out of logs.
impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({})", self.key)
    }
}

/// What is signed: two lines and the whole text of the checkpoint.
fn message(text: &str, time: u64) -> Option<Vec<u8>> {
    i64::try_from(time).ok().map(|time| format!("cosignature/v1\ntime {time}\n{text}").into_bytes())
}

/// The time of a cosignature (8 bytes, big endian, before the signature) that holds.
pub(crate) fn check(key: &VerifierKey, text: &str, bytes: &[u8]) -> Option<u64> {
    let (time, signature) = bytes.split_first_chunk()?;
    let time = u64::from_be_bytes(*time);
    // A cosignature speaks of a checkpoint; over any other text it means nothing.
    text.parse::<Checkpoint>().ok()?;
    key.verify_bytes(&message(text, time)?, signature).then_some(time)
}
