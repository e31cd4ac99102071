//! Blobs: photos and other attachments, each a file in `blobs/` named by the SHA-256 of its bytes.
//!
//! The name is the check: what is read back is hashed and must be what was asked for, so a changed byte is told and never shown
//! ([`crate::Vault::verify`] reads them all). The same bytes are kept once. A blob is safe on disk before its name is given out.
//!
//! What is not here yet (docs/adr/0013-blobs.md): sealing, encryption and letting go. Blobs stay until the folder goes; how many bytes
//! they may take in all is bounded, and what does not fit is refused in words.

use crate::core::{Inner, lock};
use crate::disk::{Disk, read_all};
use crate::error::{Damage, VaultError};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The most bytes of one blob.
pub const MOST_BYTES: usize = 12 << 20;
/// The most bytes of all blobs of a folder.
pub const MOST_ALL: u64 = 4 << 30;
/// Where they are.
pub(crate) const FOLDER: &str = "blobs";

/// The name of a blob: the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

impl BlobId {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> BlobId {
        BlobId(Sha256::digest(bytes).into())
    }
}
impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
impl FromStr for BlobId {
    type Err = &'static str;
    /// From 64 hexadecimal digits in lower case: the one way of writing it, so that a name cannot lead elsewhere.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = "a blob is named by 64 hexadecimal digits";
        let mut out = [0u8; 32];
        if s.len() != 64 || !s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong);
        }
        for (byte, pair) in out.iter_mut().zip(s.as_bytes().chunks_exact(2)) {
            let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).unwrap_or(0);
            *byte = (digit(pair.first()) << 4 | digit(pair.get(1))) as u8;
        }
        Ok(BlobId(out))
    }
}

pub(crate) fn place(dir: &Path, id: BlobId) -> PathBuf {
    dir.join(FOLDER).join(id.to_string())
}

/// Names and sizes of all blobs.
pub(crate) fn all(disk: &dyn Disk, dir: &Path) -> Result<Vec<(BlobId, u64)>, VaultError> {
    let folder = dir.join(FOLDER);
    match disk.list(&folder) {
        Ok(files) => Ok(files.into_iter().filter_map(|(name, size)| Some((name.parse().ok()?, size))).collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(VaultError::io("read the folder", folder, &e)),
    }
}

/// Keeps bytes; answers with their name when they are safe on disk.
pub(crate) fn put(inner: &Inner, bytes: &[u8]) -> Result<BlobId, VaultError> {
    if bytes.len() > MOST_BYTES {
        return Err(VaultError::Record(format!("an attachment has {} bytes; at most {MOST_BYTES} are kept", bytes.len())));
    }
    let id = BlobId::of(bytes);
    let file = place(&inner.dir, id);
    // One at a time: what two bring at once is written once, and the sum stays true.
    let mut held = lock(&inner.blobs);
    let before = match *held {
        Some(n) => n,
        None => all(&*inner.disk, &inner.dir)?.iter().map(|(_, size)| size).sum(),
    };
    *held = Some(before);
    if get(inner, id).is_ok_and(|there| there.is_some()) {
        return Ok(id);
    }
    let after = before.saturating_add(bytes.len() as u64);
    if after > MOST_ALL {
        return Err(VaultError::Record(format!("attachments would take {after} bytes in all; at most {MOST_ALL} are kept")));
    }
    let folder = inner.dir.join(FOLDER);
    inner.disk.make_dir(&folder).map_err(|e| VaultError::io("make the folder", &folder, &e))?;
    crate::disk::replace(&*inner.disk, &file, bytes).map_err(|e| VaultError::io("write", &file, &e))?;
    // The folder may be new, too: its own entry must survive.
    inner.disk.sync_dir(&inner.dir).map_err(|e| VaultError::io("write", &inner.dir, &e))?;
    *held = Some(after);
    Ok(id)
}

/// The bytes of that name. `None` where there is none; an error where they are not what was kept.
pub(crate) fn get(inner: &Inner, id: BlobId) -> Result<Option<Vec<u8>>, VaultError> {
    let file = place(&inner.dir, id);
    let bytes = match read_all(&*inner.disk, &file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(VaultError::io("read", file, &e)),
    };
    if BlobId::of(&bytes) == id { Ok(Some(bytes)) } else { Err(VaultError::Damaged(damage(file))) }
}

fn damage(file: PathBuf) -> Damage {
    Damage { file, offset: 0, first_seq: 1, last_seq: Some(0), what: String::from("its bytes are not those that its name was made of") }
}

/// Reads every blob; how many, how many bytes, and what is not what was kept.
pub(crate) fn verify(inner: &Inner) -> Result<(u64, u64, Vec<Damage>), VaultError> {
    let (mut files, mut bytes, mut wrong) = (0, 0, Vec::new());
    for (id, size) in all(&*inner.disk, &inner.dir)? {
        files += 1;
        bytes += size;
        match get(inner, id) {
            Ok(Some(_)) => {}
            Ok(None) => wrong.push(damage(place(&inner.dir, id))),
            Err(VaultError::Damaged(d)) => wrong.push(d),
            Err(e) => return Err(e),
        }
    }
    Ok((files, bytes, wrong))
}

/// Half-written files of a crash: they have no name of a blob and are let go.
pub(crate) fn tidy(disk: &dyn Disk, dir: &Path) {
    let folder = dir.join(FOLDER);
    let Ok(files) = disk.list(&folder) else { return };
    for (name, _) in files {
        if name.strip_suffix(".new").is_some_and(|n| n.parse::<BlobId>().is_ok()) {
            // Where it cannot be removed it stays, and is in nobody's way.
            let _ = disk.remove(&folder.join(name));
        }
    }
}
