//! Bringing the files of before after a change: each is copied through the layer to a name of its own, synced, and renamed over the old one.
//!
//! At each step there is one whole file under the name. What was begun when the machine stopped is removed and begun again. A file that is
//! written, replaced or removed meanwhile is left as it is and looked at again: the copy would be of yesterday.

use super::cipher::{HEADER, Head, MAGIC};
use super::{CryptDisk, FOLDERS, Rewriting, anew, head, lock, stays_plain};
use crate::core::{Inner, lock as held};
use crate::disk::Disk;
use crate::error::VaultError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes that are copied at a time.
const PART: usize = 1 << 20;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewritten {
    /// It is as it should be.
    Done,
    /// It was in use, or changed on the way.
    Later,
    /// Broken off.
    Ended,
}

impl CryptDisk {
    /// Files that are not as they should be.
    pub(super) fn left(&self) -> io::Result<Vec<PathBuf>> {
        let encrypts = self.keys.read().unwrap_or_else(PoisonError::into_inner).encrypts;
        let mut left = Vec::new();
        for folder in FOLDERS {
            let dir = if folder.is_empty() { self.dir.clone() } else { self.dir.join(folder) };
            let names = match self.disk.list(&dir) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            for (name, _) in names {
                let file = dir.join(&name);
                if stays_plain(&self.dir, &file) {
                    continue;
                }
                if is_ours(&file) {
                    left.push(file);
                    continue;
                }
                let found = self.disk.open(&file).and_then(|f| Ok((head(&*f)?, begins_like_one(&*f))));
                match found {
                    Ok((Head::Encrypted { .. }, _)) if !encrypts => left.push(file),
                    // A header that is not what was written: whoever looks into it wants the file as it is.
                    Ok((Head::Plain, false) | (Head::Stored, _)) if encrypts => left.push(file),
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                    _ => {}
                }
            }
        }
        left.sort();
        Ok(left)
    }

    /// Writes one file anew. `pace` is told the bytes copied at a time, and ends it by saying no.
    pub(super) fn rewrite(&self, file: &Path, pace: &mut dyn FnMut(u64) -> bool) -> io::Result<Rewritten> {
        {
            let mut moves = lock(&self.moves);
            if moves.open.contains_key(file) {
                return Ok(Rewritten::Later);
            }
            moves.watched = Some(file.to_path_buf());
            moves.touched = false;
        }
        let new = anew(file);
        let copied = self.copy(file, &new, pace);
        let mut moves = lock(&self.moves);
        moves.watched = None;
        match copied {
            Ok(true) if !moves.touched && !moves.open.contains_key(file) => {
                // Nobody can take or give the name meanwhile.
                self.disk.rename(&new, file)?;
                drop(moves);
                file.parent().map_or(Ok(()), |d| self.disk.sync_dir(d))?;
                Ok(Rewritten::Done)
            }
            Ok(on) => {
                let _ = self.disk.remove(&new);
                Ok(if on { Rewritten::Later } else { Rewritten::Ended })
            }
            Err(e) => {
                let _ = self.disk.remove(&new);
                if e.kind() == io::ErrorKind::NotFound { Ok(Rewritten::Done) } else { Err(e) }
            }
        }
    }

    fn copy(&self, file: &Path, new: &Path, pace: &mut dyn FnMut(u64) -> bool) -> io::Result<bool> {
        let from = self.open(file)?;
        let size = from.size()?;
        // What a crash left.
        let _ = self.disk.remove(new);
        let mut to = self.create(new)?;
        let mut buffer = vec![0u8; usize::try_from(size).unwrap_or(PART).clamp(1, PART)];
        let mut at = 0;
        while at < size {
            let n = usize::try_from(size - at).unwrap_or(PART).min(PART);
            let Some(part) = buffer.get_mut(..n) else { break };
            from.read_at(part, at)?;
            to.write(part)?;
            at += n as u64;
            if !pace(n as u64) {
                return Ok(false);
            }
        }
        to.sync()?;
        Ok(true)
    }
}

/// Whether a file begins like an encrypted one.
fn begins_like_one(file: &dyn crate::disk::DiskRead) -> bool {
    let mut magic = [0u8; 8];
    file.size().is_ok_and(|n| n >= HEADER) && file.read_at(&mut magic, 0).is_ok() && magic == *MAGIC
}

/// Brings files after a change, at most `rate` bytes a second, until nothing is left, or the vault is closed. Whether nothing is left.
pub(crate) fn look_after(inner: &Inner, rate: u64) -> Result<bool, VaultError> {
    let Some(crypt) = &inner.crypt else { return Ok(true) };
    let _one = lock(&crypt.bringing);
    if inner.read_only || !lock(&crypt.book).is_rewriting() {
        return Ok(true);
    }
    let left = crypt.left().map_err(|e| VaultError::io("list", &crypt.dir, &e))?;
    let mut progress = Rewriting { done: 0, of: left.len() as u64 };
    *lock(&crypt.progress) = Some(progress);
    let (began, mut bytes) = (Instant::now(), 0u64);
    let mut pace = |n: u64| {
        bytes += n;
        let due = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        while began.elapsed() < due && !held(&inner.chores).closing && !crypt.hurry.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
        !held(&inner.chores).closing
    };
    for file in &left {
        if is_ours(file) {
            // What a crash left of this.
            let _ = crypt.disk.remove(file);
        } else {
            match crypt.rewrite(file, &mut pace).map_err(|e| VaultError::io("write anew", file, &e))? {
                Rewritten::Ended => return Ok(false),
                Rewritten::Later => continue,
                Rewritten::Done => {}
            }
        }
        progress.done += 1;
        *lock(&crypt.progress) = Some(progress);
    }
    crypt.settle()
}

/// The same as fast as the disk can, for somebody who waits.
pub(crate) fn look_after_now(inner: &Inner) -> Result<bool, VaultError> {
    if let Some(crypt) = &inner.crypt {
        crypt.hurry.store(true, Ordering::Relaxed);
    }
    let done = look_after(inner, u64::MAX);
    if let Some(crypt) = &inner.crypt {
        crypt.hurry.store(false, Ordering::Relaxed);
    }
    done
}

/// Whether a file is one that this had begun.
fn is_ours(file: &Path) -> bool {
    file.to_str().is_some_and(|n| n.ends_with(".crypt.new"))
}

impl CryptDisk {
    /// Where nothing is left, says so on disk, and forgets a key that nothing needs.
    fn settle(&self) -> Result<bool, VaultError> {
        {
            let mut book = lock(&self.book);
            if !self.left().map_err(|e| VaultError::io("list", &self.dir, &e))?.is_empty() {
                return Ok(false);
            }
            let mut new = book.clone();
            new.settled();
            new.save(&*self.disk, &self.dir)?;
            *book = new;
            *lock(&self.progress) = None;
        }
        self.forget()?;
        Ok(true)
    }
}
