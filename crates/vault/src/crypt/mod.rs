//! Encryption at rest: a layer between the vault and its disk (docs/adr/0017-encryption-at-rest.md, docs/store-format.md).
//!
//! What the vault writes is encrypted file by file, what it reads is decrypted; all lengths and places that it speaks of are those of the plain bytes. So
//! nothing above knows of it: digests in the log, names of blobs and checksums are of plain bytes, and they are what tells a changed byte. This layer keeps
//! secrets; it does not prove anything.
//!
//! A folder may be mixed. A file without a header is plain. What is public, or is needed before there is a key, is never encrypted ([`stays_plain`]).
//! Turning encryption on or off changes what new files become, and [`rewrite`] brings the others after it.
//!
//! [`rewrite`]: CryptDisk::rewrite

mod cipher;
mod locks;
mod rewrite;

pub use locks::{AskPassphrase, LockKind, NewLock, Secret, Unlock, key_file_is_outside};

pub(crate) use rewrite::{look_after, look_after_now};

use crate::disk::{Disk, DiskFile, DiskRead, Identity, beside};
use crate::error::VaultError;
use cipher::{DataKey, HEADER, Head, MAGIC, Stream};
use locks::Book;
use model::Time;
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// How a folder stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encryption {
    /// What was decided.
    pub answer: Answer,
    /// When, and by whom.
    pub since: Option<Time>,
    /// Who decided.
    pub by: String,
    /// Why it is off.
    pub reason: String,
    /// What opens it; absent where it is off.
    pub lock: Option<LockKind>,
    /// Where the key file was when it was turned on or changed.
    pub key_file: Option<PathBuf>,
    /// There is a recovery key.
    pub recovery: bool,
    /// Files that are brought after a change.
    pub rewriting: Option<Rewriting>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Nobody has said yet.
    #[default]
    Open,
    /// What is kept is not encrypted, for a reason.
    Off,
    /// It is.
    On,
}

impl Answer {
    /// Its name in files and for programs.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Open => "open",
            Answer::Off => "off",
            Answer::On => "on",
        }
    }
}

/// Files that are written anew after a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewriting {
    /// Done.
    pub done: u64,
    /// In all.
    pub of: u64,
}

/// The layer.
pub(crate) struct CryptDisk {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    keys: RwLock<Keys>,
    moves: Arc<Mutex<Moves>>,
    book: Mutex<Book>,
    progress: Mutex<Option<Rewriting>>,
    /// Held by whoever brings files after a change.
    bringing: Mutex<()>,
    /// Somebody waits for it.
    hurry: AtomicBool,
}

#[derive(Default)]
struct Keys {
    data: Option<Arc<DataKey>>,
    /// New files are encrypted.
    encrypts: bool,
}

/// How a folder stands, without opening it and without its key.
pub fn encryption_of(dir: &Path) -> Result<Encryption, VaultError> {
    Ok(Book::load(&crate::disk::RealDisk, dir)?.status())
}

/// What goes on with names, so that a file is not written anew while it is written or replaced.
#[derive(Default)]
struct Moves {
    /// Being written, and by how many handles.
    open: BTreeMap<PathBuf, u32>,
    /// The one that is being written anew.
    watched: Option<PathBuf>,
    /// Something happened to it.
    touched: bool,
}

impl Moves {
    fn touch(&mut self, file: &Path) {
        if self.watched.as_deref() == Some(file) {
            self.touched = true;
        }
    }
}

/// The folders that hold files to be encrypted.
const FOLDERS: [&str; 5] = ["", "segments", "blobs", "log", "log/secrets"];

/// Whether a file is never encrypted: public, or needed to open the folder. Its temporary file as well.
fn stays_plain(dir: &Path, file: &Path) -> bool {
    let Ok(inside) = file.strip_prefix(dir) else { return true };
    let Some(inside) = inside.to_str() else { return false };
    let inside = inside.strip_suffix(".new").unwrap_or(inside);
    matches!(inside, "lock" | "folder.json" | "encryption.json" | "encryption.copy" | "log/checkpoint" | "log/vkey")
        || ["log/tile/", "log/cosigned/", "log/stamps/"].iter().any(|f| inside.starts_with(f))
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CryptDisk {
    /// The layer over a folder, with its key where it has one.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, unlock: &Unlock, read_only: bool) -> Result<CryptDisk, VaultError> {
        let book = Book::load(&*disk, dir)?;
        let data = book.unlock(dir, unlock)?.map(Arc::new);
        let encrypts = book.answer() == Answer::On;
        let made = CryptDisk {
            disk,
            dir: dir.to_path_buf(),
            keys: RwLock::new(Keys { data, encrypts }),
            moves: Arc::default(),
            book: Mutex::new(book),
            progress: Mutex::new(None),
            bringing: Mutex::new(()),
            hurry: AtomicBool::new(false),
        };
        made.missing_book()?;
        let book = lock(&made.book);
        if !read_only && book.answer() != Answer::Open && !book.is_twice(&*made.disk, dir) {
            book.save(&*made.disk, dir)?;
        }
        drop(book);
        Ok(made)
    }

    /// Encrypted files without the list of locks: said in words before anything is looked at.
    fn missing_book(&self) -> Result<(), VaultError> {
        if self.keys.read().unwrap_or_else(PoisonError::into_inner).data.is_some() {
            return Ok(());
        }
        for name in ["log/key", "segments.json"] {
            let file = self.dir.join(name);
            let head = self.disk.open(&file).and_then(|f| head(&*f));
            if matches!(head, Ok(Head::Encrypted { .. })) {
                return Err(VaultError::LocksMissing { dir: self.dir.clone() });
            }
        }
        Ok(())
    }

    /// How it stands.
    pub fn status(&self) -> Encryption {
        let (mut e, left) = {
            let book = lock(&self.book);
            (book.status(), book.is_rewriting())
        };
        e.rewriting = (*lock(&self.progress)).or(left.then(Rewriting::default));
        e
    }

    /// Turns encryption on: from now on new files are encrypted. The recovery key, to be shown once.
    pub fn turn_on(&self, with: &NewLock, by: &str, now: Time) -> Result<Secret, VaultError> {
        let mut book = lock(&self.book);
        if book.answer() == Answer::On {
            return Err(VaultError::Encryption(String::from(
                "the folder is encrypted already; 'hinomi vault rekey' changes what opens it",
            )));
        }
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner).data.clone();
        let data = match known {
            Some(k) => k,
            None => Arc::new(DataKey::draw().map_err(|e| VaultError::io("draw a key for", &self.dir, &e))?),
        };
        let mut new = book.clone();
        let recovery = new.turn_on(&self.dir, &data, with, by, now)?;
        // On disk before the first file needs it.
        new.save(&*self.disk, &self.dir)?;
        *book = new;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = Keys { data: Some(data), encrypts: true };
        drop(keys);
        *lock(&self.progress) = Some(Rewriting::default());
        Ok(recovery)
    }

    /// Says that files are not encrypted, and why: from now on new files are plain. The key stays until no file needs it.
    pub fn turn_off(&self, by: &str, reason: &str, now: Time) -> Result<(), VaultError> {
        let mut book = lock(&self.book);
        let was = book.answer();
        let mut new = book.clone();
        new.turn_off(by, reason, now)?;
        new.save(&*self.disk, &self.dir)?;
        *book = new;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).encrypts = false;
        if was == Answer::On {
            *lock(&self.progress) = Some(Rewriting::default());
        }
        Ok(())
    }

    /// Changes what opens the folder; no file is written anew. A new recovery key where it is asked for: the old one is void then.
    pub fn rekey(&self, with: Option<&NewLock>, recovery: bool, by: &str, now: Time) -> Result<Option<Secret>, VaultError> {
        let mut book = lock(&self.book);
        let data = self.keys.read().unwrap_or_else(PoisonError::into_inner).data.clone();
        let Some(data) = data.filter(|_| book.answer() == Answer::On) else {
            return Err(VaultError::Encryption(String::from("the folder is not encrypted; 'hinomi vault encrypt' turns it on")));
        };
        let mut new = book.clone();
        let made = new.rekey(&self.dir, &data, with, recovery, by, now)?;
        new.save(&*self.disk, &self.dir)?;
        *book = new;
        Ok(made)
    }

    /// No file needs the key any more: it is forgotten.
    fn forget(&self) -> Result<(), VaultError> {
        let mut book = lock(&self.book);
        if book.answer() == Answer::Off && book.has_locks() {
            let mut new = book.clone();
            new.forget();
            new.save(&*self.disk, &self.dir)?;
            *book = new;
            self.keys.write().unwrap_or_else(PoisonError::into_inner).data = None;
        }
        Ok(())
    }

    /// Whether the files that hold the locks are what was written. Only looked at where something was decided.
    pub fn locks_are_whole(&self) -> bool {
        let book = lock(&self.book);
        book.answer() == Answer::Open || book.is_twice(&*self.disk, &self.dir)
    }

    fn decrypting(&self, file: &Path, inner: Box<dyn DiskRead>) -> io::Result<Box<dyn DiskRead>> {
        match head(&*inner)? {
            Head::Plain => Ok(inner),
            Head::Stored => Ok(Box::new(CryptRead { inner, stream: None })),
            Head::Newer => Err(io::Error::other(format!("{} was encrypted by a newer Hinomi; start the newer program", file.display()))),
            Head::Encrypted { id, salt, bytes } => {
                let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
                let Some(data) = keys.data.as_ref().filter(|k| k.id == id) else {
                    let what = "is encrypted under a key that this folder does not have; was the file, or encryption.json, brought from another folder or backup?";
                    return Err(io::Error::other(format!("{} {what}", file.display())));
                };
                match data.resume(&salt, &bytes)? {
                    Some(stream) => Ok(Box::new(CryptRead { inner, stream: Some(stream) })),
                    // The id is ours and the check is not: the header is not what was written, and what reads it finds that out.
                    None => Ok(inner),
                }
            }
        }
    }
}

/// What a file begins with.
fn head(file: &dyn DiskRead) -> io::Result<Head> {
    if file.size()? < HEADER {
        return Ok(Head::Plain);
    }
    let mut bytes = [0u8; HEADER as usize];
    match file.read_at(&mut bytes, 0) {
        Ok(()) => Ok(Head::parse(&bytes)),
        // Cut in this moment.
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Head::Plain),
        Err(e) => Err(e),
    }
}

/// A file being read.
struct CryptRead {
    inner: Box<dyn DiskRead>,
    /// Absent where bytes are kept as they are.
    stream: Option<Stream>,
}

impl DiskRead for CryptRead {
    fn size(&self) -> io::Result<u64> {
        Ok(self.inner.size()?.saturating_sub(HEADER))
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let at = offset.checked_add(HEADER).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.inner.read_at(buffer, at)?;
        self.stream.as_ref().map_or(Ok(()), |s| s.apply(buffer, offset))
    }
    fn identity(&self) -> io::Result<Identity> {
        self.inner.identity()
    }
}

/// Bytes that are encrypted at a time.
const PART: usize = 1 << 20;

/// A file being written, once, from its start.
struct CryptFile {
    inner: Box<dyn DiskFile>,
    stream: Option<Stream>,
    /// Plain bytes written so far.
    at: u64,
    /// After a failure nobody knows how much was written: going on could write other bytes at a place that was written.
    failed: bool,
    part: Vec<u8>,
    _open: Open,
}

/// While it lives, a file counts as being written.
struct Open(Arc<Mutex<Moves>>, PathBuf);

impl Drop for Open {
    fn drop(&mut self) {
        let mut moves = lock(&self.0);
        if let Some(n) = moves.open.get_mut(&self.1) {
            *n -= 1;
            if *n == 0 {
                moves.open.remove(&self.1);
            }
        }
    }
}

impl CryptFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(stream) = &self.stream else {
            if self.at == 0 && bytes.starts_with(MAGIC) {
                // Somebody's own bytes that look like one of our headers must not be taken for one.
                self.inner.write(&cipher::stored())?;
            }
            self.inner.write(bytes)?;
            self.at += bytes.len() as u64;
            return Ok(());
        };
        for chunk in bytes.chunks(PART) {
            self.part.clear();
            self.part.extend_from_slice(chunk);
            stream.apply(&mut self.part, self.at)?;
            self.inner.write(&self.part)?;
            self.at += chunk.len() as u64;
        }
        Ok(())
    }
}

impl DiskFile for CryptFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("a file cannot be gone on with after a failed write"));
        }
        let done = self.append(bytes);
        self.failed = done.is_err();
        done
    }
    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }
    fn reserve(&mut self, bytes: u64) {
        self.inner.reserve(bytes);
    }
    fn release(&mut self) {
        self.inner.release();
    }
}

impl Disk for CryptDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.make_dir(dir)
    }
    fn lock(&self, dir: &Path) -> io::Result<Option<(Box<dyn Any + Send + Sync>, u64)>> {
        self.disk.lock(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut all = self.disk.list(dir)?;
        for (name, len) in &mut all {
            let file = dir.join(&*name);
            if *len < HEADER || stays_plain(&self.dir, &file) {
                continue;
            }
            // Lengths are told in plain bytes; a file that went in this moment keeps what was found.
            match self.disk.open(&file).and_then(|f| head(&*f)) {
                Ok(Head::Stored | Head::Encrypted { .. }) => *len -= HEADER,
                Ok(Head::Plain | Head::Newer) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }
    fn create(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        if stays_plain(&self.dir, file) {
            return self.disk.create(file);
        }
        // Held until the file is there: who turns encryption on or off finds every file of before.
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let begun = match keys.data.as_ref().filter(|_| keys.encrypts) {
            Some(data) => Some(data.begin()?),
            None => None,
        };
        let open = {
            let mut moves = lock(&self.moves);
            let made = self.disk.create(file)?;
            moves.touch(file);
            *moves.open.entry(file.to_path_buf()).or_default() += 1;
            (made, Open(Arc::clone(&self.moves), file.to_path_buf()))
        };
        let (mut inner, open) = open;
        let mut stream = None;
        if let Some((header, s)) = begun {
            if let Err(e) = inner.write(&header) {
                let _ = self.disk.remove(file);
                return Err(e);
            }
            stream = Some(s);
        }
        Ok(Box::new(CryptFile { inner, stream, at: 0, failed: false, part: Vec::new(), _open: open }))
    }
    fn open(&self, file: &Path) -> io::Result<Box<dyn DiskRead>> {
        let inner = self.disk.open(file)?;
        if stays_plain(&self.dir, file) { Ok(inner) } else { self.decrypting(file, inner) }
    }
    fn truncate(&self, file: &Path, len: u64) -> io::Result<()> {
        let mut moves = lock(&self.moves);
        moves.touch(file);
        let before = if stays_plain(&self.dir, file) {
            0
        } else {
            match self.disk.open(file).and_then(|f| head(&*f))? {
                Head::Stored | Head::Encrypted { .. } => HEADER,
                Head::Plain | Head::Newer => 0,
            }
        };
        self.disk.truncate(file, len.saturating_add(before))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut moves = lock(&self.moves);
        moves.touch(from);
        moves.touch(to);
        self.disk.rename(from, to)
    }
    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut moves = lock(&self.moves);
        moves.touch(file);
        self.disk.remove(file)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn free(&self, dir: &Path) -> io::Result<u64> {
        self.disk.free(dir)
    }
}

/// The name under which a file is written anew.
fn anew(file: &Path) -> PathBuf {
    beside(file, ".crypt.new")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimDisk;

    fn encrypted() -> (SimDisk, CryptDisk, tempfile::TempDir) {
        let (disk, home) = (SimDisk::new(), tempfile::tempdir().unwrap());
        let crypt = CryptDisk::open(Arc::new(disk.clone()), Path::new("/v"), &Unlock::default(), false).unwrap();
        crypt.turn_on(&NewLock::File(home.path().join("k")), "x", Time(0)).unwrap();
        (disk, crypt, home)
    }

    #[test]
    fn reading_anywhere_is_reading_the_plain_file() {
        let (disk, crypt, _home) = encrypted();
        let mut dice = 7u64;
        let mut below = |n: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) as usize % n.max(1)
        };
        for round in 0..40 {
            let len = if round == 0 { 0 } else { below(5000) + below(2) * 3_000_000 };
            let plain: Vec<u8> = (0..len).map(|_| below(256) as u8).collect();
            let file = PathBuf::from(format!("/v/{round}"));
            let mut out = crypt.create(&file).unwrap();
            let mut left = plain.as_slice();
            while !left.is_empty() {
                let n = 1 + below(left.len().min(2_000_000));
                out.write(&left[..n]).unwrap();
                left = &left[n..];
            }
            out.sync().unwrap();
            drop(out);
            let raw = disk.files().into_iter().find(|(n, _)| *n == file).unwrap().1;
            assert_eq!(raw.len(), len + 96);
            assert!(len < 64 || !raw.windows(32).any(|w| w == &plain[..32]));
            let found = crypt.open(&file).unwrap();
            assert_eq!(found.size().unwrap(), len as u64);
            assert_eq!(crypt.list(Path::new("/v")).unwrap().iter().find(|(n, _)| *n == round.to_string()).unwrap().1, len as u64);
            for _ in 0..200 {
                let from = below(len + 1);
                let n = below((len - from).min(70_000) + 1);
                let mut part = vec![0; n];
                found.read_at(&mut part, from as u64).unwrap();
                assert_eq!(part, plain[from..from + n], "{from} {n} of {len}");
            }
            assert_eq!(found.read_at(&mut [0; 2], len as u64).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert!(found.read_at(&mut [0; 1], u64::MAX).is_err());
            crypt.truncate(&file, len as u64 / 2).unwrap();
            assert_eq!(crate::disk::read_all(&crypt, &file).unwrap(), plain[..len / 2]);
        }
    }

    #[test]
    fn the_same_bytes_are_never_the_same_file_twice() {
        let (disk, crypt, _home) = encrypted();
        for n in 0..3 {
            crate::disk::replace(&crypt, Path::new("/v/a"), b"the same bytes as before").unwrap();
            let raw = disk.files().into_iter().find(|(f, _)| f == Path::new("/v/a")).unwrap().1;
            crate::disk::replace(&crypt, Path::new("/v/a"), b"the same bytes as before").unwrap();
            let again = disk.files().into_iter().find(|(f, _)| f == Path::new("/v/a")).unwrap().1;
            assert_ne!(raw[32..64], again[32..64], "{n}: salt");
            assert_ne!(raw[96..], again[96..], "{n}");
        }
    }

    #[test]
    fn after_a_failed_write_a_file_is_not_gone_on_with() {
        let (disk, crypt, _home) = encrypted();
        let mut out = crypt.create(Path::new("/v/a")).unwrap();
        out.write(b"one").unwrap();
        disk.set_fault(Some(crate::sim::Fault::Full));
        assert!(out.write(b"two, of which some came").is_err());
        disk.set_fault(None);
        assert!(out.write(b"other bytes at the same place").is_err());
    }

    #[test]
    fn what_changes_on_the_way_is_not_overwritten_with_yesterday() {
        let (_disk, crypt, _home) = encrypted();
        crypt.turn_off("x", "y", Time(0)).unwrap();
        crate::disk::replace(&crypt, Path::new("/v/a"), &vec![1; 3 << 20]).unwrap();
        crypt.keys.write().unwrap().encrypts = true;
        let mut first = true;
        let done = crypt.rewrite(Path::new("/v/a"), &mut |_| {
            if std::mem::take(&mut first) {
                crate::disk::replace(&crypt, Path::new("/v/a"), b"today").unwrap();
            }
            true
        });
        assert_eq!(done.unwrap(), rewrite::Rewritten::Later);
        assert_eq!(crate::disk::read_all(&crypt, Path::new("/v/a")).unwrap(), b"today");
        let out = crypt.create(Path::new("/v/b")).unwrap();
        assert_eq!(crypt.rewrite(Path::new("/v/b"), &mut |_| true).unwrap(), rewrite::Rewritten::Later, "it is being written");
        drop(out);
        assert_eq!(crypt.rewrite(Path::new("/v/b"), &mut |_| true).unwrap(), rewrite::Rewritten::Done);
    }
}
