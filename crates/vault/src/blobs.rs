//! Blobs: photos and other attachments, each a file in `blobs/` named by the SHA-256 of its bytes.
//!
//! The name is the check: what is read back is hashed and must be what was asked for, so a changed byte is told and never shown
//! ([`crate::Vault::verify`] reads them all). The same bytes are kept once. A blob is safe on disk before its name is given out.
//!
//! A blob belongs to the records that name it: it is kept, held and exported as they are. When segment files are let go, the blobs that were named in
//! them and are named by no record any more go too, after an entry of the log that says so (`blobs/HASH` among its files). What no record ever named
//! stays: it may be waiting for its record. How many bytes they may take in all is bounded, and what does not fit is refused in words.

use crate::ask::record_has::strings;
use crate::core::{Inner, lock};
use crate::disk::{Disk, read_all};
use crate::error::{Damage, VaultError};
use crate::log::Log;
use crate::read::{Query, Reader};
use crate::sealed::Sealed;
use crate::{core, prove};
use model::Body;
use model::event::{Deed, Table};
use proof::entry::{Entry, FileFacts};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most bytes of one blob.
pub const MOST_BYTES: usize = 12 << 20;
/// The most bytes of all blobs of a folder.
pub const MOST_ALL: u64 = 4 << 30;
/// Where they are.
pub(crate) const FOLDER: &str = "blobs";
/// Tables whose records name blobs.
const NAMING: [Table; 3] = [Table::Finding, Table::Audit, Table::Evidence];
/// The table of a blob in the log: none.
pub(crate) const NO_TABLE: u8 = 255;
/// A blob that was brought so lately is not let go: the record that names it may be on its way.
const FRESH: Duration = Duration::from_hours(24);

/// What is known of blobs while the vault is open.
#[derive(Default)]
pub(crate) struct Known {
    /// Bytes of all, once they were counted.
    bytes: Option<u64>,
    /// When one was brought last.
    brought: HashMap<BlobId, Instant>,
}

impl Known {
    /// The sum is counted anew when the next one comes.
    pub fn forget_sum(&mut self) {
        self.bytes = None;
    }
}

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
    let before = match held.bytes {
        Some(n) => n,
        None => all(&*inner.disk, &inner.dir)?.iter().map(|(_, size)| size).sum(),
    };
    held.bytes = Some(before);
    held.brought.retain(|_, at| at.elapsed() < FRESH);
    held.brought.insert(id, Instant::now());
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
    held.bytes = Some(after);
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

/// What of the text in these groups may be the name of a blob.
pub(crate) fn names<'a>(groups: impl IntoIterator<Item = &'a [u8]>, into: &mut BTreeSet<BlobId>) {
    for group in groups {
        strings(group, |t| into.extend(t.parse::<BlobId>()));
    }
}

/// The blobs that records of these files name, as far as there are any of that name.
pub(crate) fn named_in(inner: &Inner, files: &[Arc<Sealed>]) -> Result<BTreeSet<BlobId>, VaultError> {
    let mut named = BTreeSet::new();
    let there: BTreeSet<BlobId> = all(&*inner.disk, &inner.dir)?.into_iter().map(|(id, _)| id).collect();
    if there.is_empty() {
        return Ok(named);
    }
    for f in files {
        let Some(table) = Table::from_number(f.facts.table).filter(|t| NAMING.contains(t)) else { continue };
        prove::walk(inner, table, f.facts.first_seq, f.facts.last_seq, |_, groups, _| {
            names(groups, &mut named);
            Ok(())
        })?;
    }
    named.retain(|id| there.contains(id));
    Ok(named)
}

/// Lets blobs go that were named by records that went, and are named by none that is kept. What cannot be read names them all: nothing goes.
pub(crate) fn let_go(inner: &Inner, log: &mut Log, mut candidates: BTreeSet<BlobId>) -> Result<(), VaultError> {
    if candidates.is_empty() || !lock(&inner.health).damage.is_empty() {
        return Ok(());
    }
    let mut still = BTreeSet::new();
    let last = *lock(&inner.committed);
    for table in NAMING {
        prove::walk(inner, table, 1, last, |_, groups, _| {
            names(groups, &mut still);
            Ok(())
        })?;
    }
    let mut held = lock(&inner.blobs);
    candidates.retain(|id| !still.contains(id) && held.brought.get(id).is_none_or(|at| at.elapsed() >= FRESH));
    let sizes: HashMap<BlobId, u64> = all(&*inner.disk, &inner.dir)?.into_iter().collect();
    let gone: Vec<(BlobId, u64)> = candidates.into_iter().filter_map(|id| Some((id, *sizes.get(&id)?))).collect();
    let at = (inner.options.now)();
    for part in gone.chunks(crate::sealed::FILES_OF_AN_ENTRY) {
        let fact = |(id, bytes): &(BlobId, u64)| FileFacts {
            name: format!("{FOLDER}/{id}"),
            sha256: id.0,
            bytes: *bytes,
            table: NO_TABLE,
            rows: 0,
            first_seq: 0,
            last_seq: 0,
            first_received: 0,
            last_received: 0,
        };
        log.append(&[Entry::LetGo { at: at.0, files: part.iter().map(fact).collect(), reason: String::from("unnamed") }], None, at)?;
        for (id, bytes) in part {
            let file = place(&inner.dir, *id);
            inner.disk.remove(&file).map_err(|e| VaultError::io("remove", &file, &e))?;
            held.bytes = held.bytes.map(|b| b.saturating_sub(*bytes));
        }
    }
    Ok(())
}

/// Blobs that kept records say they have, and that are not here.
fn missing(inner: &Arc<core::Inner>, there: &BTreeSet<BlobId>) -> Vec<Damage> {
    let query = Query { tables: Table::Audit.bit(), ..Query::default() };
    let mut wrong = Vec::new();
    // A record that cannot be read is told of where records are looked at.
    for event in Reader::new(Arc::clone(inner), query).flatten() {
        if let Body::Audit(a) = &event.body
            && let Deed::StocktakeTicked { photo, .. } = &a.deed
            && let Ok(id) = photo.parse::<BlobId>()
            && !there.contains(&id)
        {
            let seq = event.id.seq;
            let what = format!("record {seq} names it, and it is not here");
            wrong.push(Damage { file: place(&inner.dir, id), offset: 0, first_seq: seq, last_seq: Some(seq), what });
        }
    }
    wrong
}

/// Reads every blob; how many, how many bytes, and what is not what was kept.
pub(crate) fn verify(inner: &Arc<Inner>) -> Result<(u64, u64, Vec<Damage>), VaultError> {
    let kept = all(&*inner.disk, &inner.dir)?;
    let (mut files, mut bytes, mut wrong) = (0, 0, missing(inner, &kept.iter().map(|(id, _)| *id).collect()));
    for (id, size) in kept {
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
