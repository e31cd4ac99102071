//! The log: entries, tiles, checkpoint, the signing key, and the secrets of batches (docs/store-format.md, The log).
//!
//! An append is: secrets, entry bundle, hash tiles, each whole and synced; then the checkpoint in one rename. A crash in between leaves tiles
//! that no checkpoint speaks of, which the next append writes anew. Tiles that a newer one covers go after the checkpoint, so what
//! the checkpoint needs is there at any time.

use crate::disk::{Disk, read_all, replace};
use crate::error::{Damage, VaultError};
use model::{SiteId, Time};
use proof::checkpoint::Checkpoint;
use proof::entry::Entry;
use proof::note::{SigningKey, VerifierKey};
use proof::tiles::{self, Edge, FULL, TilePath, TileSource};
use proof::{Hash, tree};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Slots of a file of secrets.
const SLOTS: u64 = 256;
const SLOT: usize = 40;
/// Bytes of an entry at most (C2SP tlog-tiles: two bytes of length).
pub(crate) const MAX_ENTRY: usize = 65_535;

/// The name of a site's log: origin of its checkpoints and name of its key.
pub fn origin_of(site: SiteId) -> String {
    format!("hinomi.local/{site}")
}

/// What a log holds and how it goes on. One owner writes; what it gives out is values.
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    origin: String,
    /// Absent in an archive.
    key: Option<SigningKey>,
    vkey: VerifierKey,
    key_text: String,
    edge: Edge,
    /// Entries of the bundle that is not full.
    bundle: Vec<Vec<u8>>,
    /// Batches so far.
    pub batches: u64,
    /// Every record up to here is in a batch.
    pub covered: u64,
    /// When the last checkpoint was written.
    pub last: Option<Time>,
    /// The newest checkpoint, as written.
    pub checkpoint: String,
}

fn io(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> VaultError {
    move |e| VaultError::io(doing, path, &e)
}

fn damaged(file: PathBuf, what: impl Into<String>) -> VaultError {
    VaultError::Damaged(Damage { file, offset: 0, first_seq: 1, last_seq: Some(0), what: what.into() })
}

/// Tiles in a folder.
pub struct Tiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Tiles {
    /// Of a data folder.
    pub fn of(disk: Arc<dyn Disk>, folder: &Path) -> Tiles {
        Tiles { disk, dir: folder.join("log") }
    }

    /// The bytes of a tile or a wider one of the same place.
    fn read(&self, path: TilePath) -> Result<Vec<u8>, VaultError> {
        let widths = std::iter::once(path.width).chain((path.width..FULL).skip(1).rev()).chain([FULL]);
        let mut first = None;
        // The exact one first; then the full one; then any wider part (a crash may have left the next one only).
        for width in [path.width, FULL].into_iter().chain(widths) {
            let file = self.dir.join(TilePath { width, ..path }.to_string());
            match read_all(&*self.disk, &file) {
                Ok(b) => return Ok(b),
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    first.get_or_insert(VaultError::io("read", file, &e));
                }
                Err(e) => return Err(VaultError::io("read", file, &e)),
            }
        }
        Err(first.unwrap_or(VaultError::Closed))
    }

    /// Entries of a bundle, at least `width`.
    pub fn bundle(&self, index: u64, width: u16) -> Result<Vec<Vec<u8>>, VaultError> {
        let path = TilePath { level: None, index, width };
        let bytes = self.read(path)?;
        let file = self.dir.join(path.to_string());
        let mut entries = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((len, after)) = rest.split_first_chunk::<2>() {
            let len = usize::from(u16::from_be_bytes(*len));
            let (entry, after) = after.split_at_checked(len).ok_or_else(|| damaged(file.clone(), "a bundle of entries is cut"))?;
            entries.push(entry.to_vec());
            rest = after;
        }
        if entries.len() < usize::from(width) || !rest.is_empty() {
            return Err(damaged(file, "a bundle of entries is not what was written"));
        }
        Ok(entries)
    }
}

impl TileSource for Tiles {
    type Error = VaultError;
    fn hash_tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, VaultError> {
        let path = TilePath { level: Some(level), index, width };
        let bytes = self.read(path)?;
        if bytes.len() % 32 != 0 || bytes.len() < usize::from(width) * 32 {
            return Err(damaged(self.dir.join(path.to_string()), "a tile is not what was written"));
        }
        Ok(bytes.as_chunks::<32>().0.to_vec())
    }
}

/// What a batch is committed with.
pub(crate) struct BatchSecret(pub [u8; 32]);

impl BatchSecret {
    pub fn draw() -> Result<BatchSecret, VaultError> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret).map_err(|e| VaultError::Record(format!("the system gives no random numbers: {e}")))?;
        Ok(BatchSecret(secret))
    }
}

fn secrets_file(dir: &Path, chunk: u64) -> PathBuf {
    dir.join("log").join("secrets").join(format!("{chunk:010}"))
}

/// The secret of a batch. `None` where it was destroyed.
pub(crate) fn secret_of(disk: &dyn Disk, dir: &Path, batch: u64) -> Result<Option<[u8; 32]>, VaultError> {
    let file = secrets_file(dir, batch / SLOTS);
    let bytes = read_all(disk, &file).map_err(io("read", &file))?;
    slot_of(&bytes, batch).ok_or_else(|| damaged(file, format!("the secret of batch {batch} is not what was written")))
}

/// A slot: outer `None` where it is missing or wrong, inner where the secret was destroyed.
#[allow(clippy::option_option)]
fn slot_of(bytes: &[u8], batch: u64) -> Option<Option<[u8; 32]>> {
    let at = (batch % SLOTS) as usize * SLOT;
    let slot = bytes.get(at..at + SLOT)?;
    let (secret, rest) = slot.split_first_chunk::<32>()?;
    let (crc, state) = rest.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*crc) != crc32fast::hash(secret) {
        return None;
    }
    match state {
        [1, 0, 0, 0] => Some(Some(*secret)),
        [2, 0, 0, 0] => Some(None),
        _ => None,
    }
}

/// Whether every secret is there with its checksum, and the files hold nothing else. How many files there are.
pub(crate) fn secrets_are_whole(disk: &dyn Disk, dir: &Path, batches: u64, damage: &mut Vec<Damage>) -> u64 {
    let chunks = batches.div_ceil(SLOTS);
    for chunk in 0..chunks {
        let file = secrets_file(dir, chunk);
        let slots = (batches - chunk * SLOTS).min(SLOTS);
        let bytes = match read_all(disk, &file) {
            Ok(b) => b,
            Err(e) => {
                damage.push(Damage { file, offset: 0, first_seq: 1, last_seq: Some(0), what: format!("it cannot be read: {e}") });
                continue;
            }
        };
        // One more than the log knows may be there: a crash came between.
        let long = bytes.len() % SLOT != 0 || bytes.len() > SLOTS as usize * SLOT;
        let bad = (0..slots).find(|i| slot_of(&bytes, *i).is_none());
        if let Some(i) = bad {
            let what = format!("the secret of batch {} is not what was written", chunk * SLOTS + i);
            damage.push(Damage { file, offset: i * SLOT as u64, first_seq: 1, last_seq: Some(0), what });
        } else if long {
            damage.push(Damage {
                file,
                offset: 0,
                first_seq: 1,
                last_seq: Some(0),
                what: String::from("it has another length than was written"),
            });
        }
    }
    chunks
}

fn put_slot(bytes: &mut Vec<u8>, batch: u64, secret: &[u8; 32], state: u32) {
    let at = (batch % SLOTS) as usize * SLOT;
    if bytes.len() < at + SLOT {
        bytes.resize(at + SLOT, 0);
    }
    let mut slot = secret.to_vec();
    slot.extend_from_slice(&crc32fast::hash(secret).to_le_bytes());
    slot.extend_from_slice(&state.to_le_bytes());
    if let Some(place) = bytes.get_mut(at..at + SLOT) {
        place.copy_from_slice(&slot);
    }
}

/// Destroys the secrets of batches: 32 zero bytes stand in their place.
pub(crate) fn destroy_secrets(disk: &dyn Disk, dir: &Path, batches: &[u64]) -> Result<(), VaultError> {
    let mut left = batches;
    while let Some(first) = left.first() {
        let chunk = first / SLOTS;
        let (now, later) = left.split_at(left.iter().position(|b| b / SLOTS != chunk).unwrap_or(left.len()));
        let file = secrets_file(dir, chunk);
        let before = read_all(disk, &file).map_err(io("read", &file))?;
        let mut bytes = before.clone();
        for batch in now {
            put_slot(&mut bytes, *batch, &[0; 32], 2);
        }
        if bytes != before {
            replace(disk, &file, &bytes).map_err(io("write", &file))?;
        }
        left = later;
    }
    Ok(())
}

fn key_from(disk: &dyn Disk, dir: &Path, origin: &str) -> Result<Option<(SigningKey, String)>, VaultError> {
    let file = dir.join("log").join("key");
    let bytes = match read_all(disk, &file) {
        Ok(b) => b,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(VaultError::io("read", file, &e)),
    };
    let wrong = || damaged(file.clone(), "the signing key is not what was written; restore log/key from a backup");
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
    let seed: [u8; 32] = proof::base64::decode(text.trim_end()).and_then(|b| b.try_into().ok()).ok_or_else(wrong)?;
    SigningKey::from_seed(origin, seed).map(|k| Some((k, String::from(text)))).map_err(|_| wrong())
}

/// A crash while the key changed hands: where the checkpoint already holds under the new key, it counts; where not, it was never used.
fn finish_rotation(disk: &dyn Disk, dir: &Path, origin: &str, checkpoint: Option<&[u8]>) -> Result<(), VaultError> {
    let waiting = dir.join("log").join("key.next");
    let Ok(bytes) = read_all(disk, &waiting) else { return Ok(()) };
    let seed = std::str::from_utf8(&bytes).ok().and_then(|t| proof::base64::decode(t.trim_end())).and_then(|b| b.try_into().ok());
    let next = seed.and_then(|s: [u8; 32]| SigningKey::from_seed(origin, s).ok());
    let tiles = |size: u64| -> Option<Entry> {
        let dir = dir.join("log");
        let width = ((size - 1) % 256 + 1) as u16;
        let path = TilePath { level: None, index: (size - 1) / 256, width };
        let bundle = read_all(disk, &dir.join(path.to_string())).ok()?;
        let entries = tiles::decode_bundle(&bundle, width).ok()?;
        Entry::parse(entries.last()?)
    };
    let handed = next.as_ref().is_some_and(|k| {
        let note = checkpoint.and_then(|c| proof::note::Note::parse(c).ok());
        let size = note.and_then(|n| n.text.parse::<Checkpoint>().ok()).map_or(0, |c| c.size);
        size > 0 && matches!(tiles(size), Some(Entry::Key { new, .. }) if new == k.vkey().to_string())
    });
    if !handed {
        let _ = disk.remove(&waiting);
        return Ok(());
    }
    let Some(key) = next else { return Ok(()) };
    let log = dir.join("log");
    disk.rename(&waiting, &log.join("key")).map_err(io("rename", &waiting))?;
    disk.sync_dir(&log).map_err(io("sync", &log))?;
    let public = log.join("vkey");
    replace(disk, &public, format!("{}\n", key.vkey()).as_bytes()).map_err(io("write", &public))?;
    // The checkpoint is signed anew: it says the same under the key that counts now.
    if let Some(c) = checkpoint.and_then(|c| proof::note::Note::parse(c).ok()).and_then(|n| n.text.parse::<Checkpoint>().ok()) {
        let text = c.sign(&key).map_err(|e| VaultError::Record(e.to_string()))?.to_string();
        let file = log.join("checkpoint");
        replace(disk, &file, text.as_bytes()).map_err(io("write", &file))?;
    }
    Ok(())
}

fn write_key(disk: &dyn Disk, dir: &Path, origin: &str) -> Result<(SigningKey, String), VaultError> {
    let secret = BatchSecret::draw()?.0;
    let key = SigningKey::from_seed(origin, secret).map_err(|e| VaultError::Record(e.to_string()))?;
    let file = dir.join("log").join("key");
    let text = format!("{}\n", proof::base64::encode(&secret));
    replace(disk, &file, text.as_bytes()).map_err(io("write", &file))?;
    let public = dir.join("log").join("vkey");
    replace(disk, &public, format!("{}\n", key.vkey()).as_bytes()).map_err(io("write", &public))?;
    Ok((key, text))
}

impl Log {
    /// Opens the log of a folder, making key and folders where there are none.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, site: SiteId, read_only: bool) -> Result<Log, VaultError> {
        let origin = origin_of(site);
        for sub in ["log", "log/secrets"] {
            let d = dir.join(sub);
            disk.make_dir(&d).map_err(io("make the folder", &d))?;
        }
        let file = dir.join("log").join("checkpoint");
        let written = match read_all(&*disk, &file) {
            Ok(b) => Some(b),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(VaultError::io("read", file, &e)),
        };
        if !read_only {
            finish_rotation(&*disk, dir, &origin, written.as_deref())?;
        }
        let (key, key_text) = match key_from(&*disk, dir, &origin)? {
            Some((k, text)) => (Some(k), text),
            None if read_only => (None, String::new()),
            None if written.is_some() => {
                return Err(damaged(dir.join("log").join("key"), "the signing key is missing; restore log/key from a backup"));
            }
            None => {
                let (k, text) = write_key(&*disk, dir, &origin)?;
                (Some(k), text)
            }
        };
        let vkey = match &key {
            Some(k) => k.vkey().clone(),
            None => {
                let public = dir.join("log").join("vkey");
                let line = read_all(&*disk, &public).map_err(io("read", &public))?;
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.parse().map_err(|_| damaged(public, "it is no public key line"))?
            }
        };
        let public = dir.join("log").join("vkey");
        let line = format!("{vkey}\n");
        let there = read_all(&*disk, &public).unwrap_or_default();
        if key.is_some() && there != line.as_bytes() {
            // Either a crash came between the key and its public line, and the key tells the line; or the key is not what was written, and what was
            // signed holds under the line.
            let signed = read_all(&*disk, &file).ok().or_else(|| written.clone());
            let known = str::from_utf8(&there).ok().and_then(|l| l.trim_end().parse().ok());
            if let (Some(signed), Some(known)) = (signed, known)
                && Checkpoint::open_of(&signed, &known, &[]).is_ok()
            {
                let what = "the signing key is not what was written; restore log/key from a backup";
                return Err(damaged(dir.join("log").join("key"), what));
            }
        }
        if !read_only && there != line.as_bytes() {
            replace(&*disk, &public, line.as_bytes()).map_err(io("write", &public))?;
        }
        let mut log = Log {
            disk: Arc::clone(&disk),
            dir: dir.to_path_buf(),
            origin,
            key,
            vkey,
            key_text,
            edge: Edge::new(),
            bundle: Vec::new(),
            batches: 0,
            covered: 0,
            last: None,
            checkpoint: String::new(),
        };
        // A rotation that was finished signed it anew.
        let written = read_all(&*log.disk, &file).ok().or(written);
        let Some(written) = written else { return Ok(log) };
        let opened = Checkpoint::open_of(&written, &log.vkey, &[])
            .map_err(|e| damaged(file.clone(), format!("the checkpoint does not hold: {e}")))?;
        let (size, root) = (opened.checkpoint().size, opened.checkpoint().root);
        let tiles = Tiles::of(disk, dir);
        log.edge = Edge::load(&tiles, size).map_err(|e| match e {
            tiles::ReadError::Source(e) => e,
            other => damaged(file.clone(), other.to_string()),
        })?;
        if log.edge.root() != root {
            return Err(damaged(file, "the tiles do not have the checkpoint's root"));
        }
        let width = (size % 256) as u16;
        if width > 0 {
            log.bundle = tiles.bundle(size / 256, width)?;
            log.bundle.truncate(usize::from(width));
        }
        log.checkpoint = String::from_utf8_lossy(&written).into_owned();
        // From the end back to the last batch.
        let mut index = size;
        while let Some(i) = index.checked_sub(1) {
            if let Some(Entry::Commit { batch, last_seq, at, .. }) = log.entry(i)? {
                log.batches = batch + 1;
                log.covered = last_seq;
                log.last.get_or_insert(Time(at));
                break;
            }
            index = i;
        }
        Ok(log)
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }
    /// The public key.
    pub fn vkey(&self) -> &VerifierKey {
        &self.vkey
    }
    /// The key that signs: for packs and manifests. An archive has none.
    pub fn key(&self) -> Result<&SigningKey, VaultError> {
        let none = "an archive has no key to sign with; make the pack on the machine that wrote the log";
        self.key.as_ref().ok_or_else(|| VaultError::Record(String::from(none)))
    }
    /// The file of the signing key, as it was written.
    pub fn key_text(&self) -> String {
        self.key_text.clone()
    }
    pub fn origin(&self) -> &str {
        &self.origin
    }
    pub fn tiles(&self) -> Tiles {
        Tiles::of(Arc::clone(&self.disk), &self.dir)
    }

    /// The bytes of an entry.
    pub fn entry_bytes(&self, index: u64) -> Result<Vec<u8>, VaultError> {
        let size = self.size();
        if index >= size {
            return Err(VaultError::Record(format!("the log has no entry {index}; it has {size}")));
        }
        let (tile, place) = (index / 256, (index % 256) as usize);
        if tile == size / 256 {
            return self.bundle.get(place).cloned().ok_or(VaultError::Closed);
        }
        let mut bundle = self.tiles().bundle(tile, FULL)?;
        Ok(bundle.swap_remove(place.min(bundle.len().saturating_sub(1))))
    }

    /// An entry. `None` where this program does not know its kind.
    pub fn entry(&self, index: u64) -> Result<Option<Entry>, VaultError> {
        Ok(Entry::parse(&self.entry_bytes(index)?))
    }

    /// Every entry of a kind, with its index.
    pub fn of_kind(&self, kind: u8) -> Result<Vec<(u64, Entry)>, VaultError> {
        let (size, tiles) = (self.size(), self.tiles());
        let mut out = Vec::new();
        for tile in 0..size.div_ceil(256) {
            let bundle = if tile == size / 256 { self.bundle.clone() } else { tiles.bundle(tile, FULL)? };
            for (i, bytes) in bundle.iter().enumerate() {
                // The first pair of an entry is its kind.
                if bytes.get(1..3) == Some(&[1, kind])
                    && let Some(entry) = Entry::parse(bytes)
                {
                    out.push((tile * 256 + i as u64, entry));
                }
            }
        }
        Ok(out)
    }

    /// Where the batch that holds a record is: index of its entry, and the entry. `None` where it is in none yet.
    pub fn batch_of(&self, seq: u64) -> Result<Option<(u64, Entry)>, VaultError> {
        let (mut low, mut high) = (0, self.size());
        // The last commit whose first seq is at most `seq`.
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            // Entries that are no commits are stepped over to the right.
            let mut at = middle;
            let commit = loop {
                if at >= high {
                    break None;
                }
                match self.entry(at)? {
                    Some(e @ Entry::Commit { .. }) => break Some((at, e)),
                    _ => at += 1,
                }
            };
            match commit {
                None => high = middle,
                Some((at, Entry::Commit { first_seq, last_seq, epoch, batch, at: time, tables })) => {
                    if first_seq > seq {
                        high = middle;
                    } else {
                        if seq <= last_seq {
                            found = Some((at, Entry::Commit { epoch, batch, at: time, first_seq, last_seq, tables }));
                        }
                        low = at + 1;
                    }
                }
                Some(_) => return Ok(None),
            }
        }
        Ok(found)
    }

    /// Appends entries, with the secret of the batch where one of them is a batch. Nothing changes here unless all of it is on disk.
    pub fn append(&mut self, entries: &[Entry], secret: Option<&BatchSecret>, at: Time) -> Result<(), VaultError> {
        let mut edge = self.edge.clone();
        let mut bundle = self.bundle.clone();
        let (mut batches, mut covered) = (self.batches, self.covered);
        let log = self.dir.join("log");
        let disk = Arc::clone(&self.disk);
        let before = self.size();
        let mut index = before;
        let mut bundles: Vec<(TilePath, Vec<u8>)> = Vec::new();
        for entry in entries {
            let bytes = entry.to_bytes();
            if bytes.len() > MAX_ENTRY {
                return Err(VaultError::Record(format!("an entry of the log is {} bytes long; at most {MAX_ENTRY} are kept", bytes.len())));
            }
            edge.push(tree::leaf_hash(&bytes));
            bundle.push(bytes);
            index += 1;
            if bundle.len() == usize::from(FULL) {
                bundles.push((TilePath { level: None, index: (index - 1) / 256, width: FULL }, encode(&bundle)?));
                bundle.clear();
            }
            if let Entry::Commit { batch, last_seq, .. } = entry {
                if let Some(secret) = secret {
                    self.write_secret(*batch, &secret.0)?;
                }
                batches = batch + 1;
                covered = *last_seq;
            }
        }
        if !bundle.is_empty() {
            bundles.push((TilePath { level: None, index: index / 256, width: bundle.len() as u16 }, encode(&bundle)?));
        }
        let full = edge.take_full();
        let mut files = bundles;
        files.extend(full.iter().map(|t| (t.path, t.bytes().to_vec())));
        // A level that did not change has its tile already.
        let changed = |t: &tiles::Tile| {
            let shift = 8 * u32::from(t.path.level.unwrap_or(0));
            before >> shift != index >> shift
        };
        files.extend(edge.open().iter().filter(|t| changed(t)).map(|t| (t.path, t.bytes().to_vec())));
        for (path, bytes) in &files {
            let file = log.join(path.to_string());
            if let Some(parent) = file.parent() {
                make_dirs(&*disk, &log, parent)?;
            }
            replace(&*disk, &file, bytes).map_err(io("write", &file))?;
        }
        let root = edge.root();
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: index, root, extensions: Vec::new() };
        let note = checkpoint.sign(self.key()?).map_err(|e| VaultError::Record(e.to_string()))?;
        let text = note.to_string();
        let file = log.join("checkpoint");
        replace(&*disk, &file, text.as_bytes()).map_err(io("write", &file))?;
        self.forget_parts(before, index);
        self.edge = edge;
        self.bundle = bundle;
        self.batches = batches;
        self.covered = covered;
        self.last = Some(at);
        self.checkpoint = text;
        Ok(())
    }

    /// Removes the partial tiles that newer ones cover. What cannot be removed is in nobody's way.
    fn forget_parts(&self, before: u64, now: u64) {
        for level in std::iter::once(None).chain((0..8).map(Some)) {
            let shift = 8 * u32::from(level.unwrap_or(0));
            let (old, new) = (before >> shift, now >> shift);
            let width = (old % 256) as u16;
            if width > 0 && old != new {
                let path = TilePath { level, index: old / 256, width };
                let _ = self.disk.remove(&self.dir.join("log").join(path.to_string()));
            }
        }
    }

    fn write_secret(&self, batch: u64, secret: &[u8; 32]) -> Result<(), VaultError> {
        let file = secrets_file(&self.dir, batch / SLOTS);
        let mut bytes = match read_all(&*self.disk, &file) {
            Ok(b) => b,
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(VaultError::io("read", file, &e)),
        };
        put_slot(&mut bytes, batch, secret, 1);
        replace(&*self.disk, &file, &bytes).map_err(io("write", &file))
    }

    /// Changes the key: the old one signs the new one over, in the log.
    pub fn rotate(&mut self, at: Time) -> Result<(), VaultError> {
        let secret = BatchSecret::draw()?.0;
        let new = SigningKey::from_seed(&self.origin, secret).map_err(|e| VaultError::Record(e.to_string()))?;
        let (old_line, new_line) = (self.vkey.to_string(), new.vkey().to_string());
        let message = format!("hinomi key handover v1\n{old_line}\n{new_line}\n");
        let signature = self.key()?.sign_bytes(message.as_bytes()).to_vec();
        // The key is on disk before anything is signed with it; until the entry is in the log, the old one counts.
        let dir = self.dir.join("log");
        let waiting = dir.join("key.next");
        let key_text = format!("{}\n", proof::base64::encode(&secret));
        replace(&*self.disk, &waiting, key_text.as_bytes()).map_err(io("write", &waiting))?;
        self.append(&[Entry::Key { at: at.0, old: old_line, new: new_line, signature }], None, at)?;
        let public = dir.join("vkey");
        let file = dir.join("key");
        self.disk.rename(&waiting, &file).map_err(io("rename", &waiting))?;
        self.disk.sync_dir(&dir).map_err(io("sync", &dir))?;
        self.vkey = new.vkey().clone();
        self.key = Some(new);
        self.key_text = key_text;
        replace(&*self.disk, &public, format!("{}\n", self.vkey).as_bytes()).map_err(io("write", &public))?;
        // A checkpoint by the new key.
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: self.size(), root: self.edge.root(), extensions: Vec::new() };
        let text = checkpoint.sign(self.key()?).map_err(|e| VaultError::Record(e.to_string()))?.to_string();
        let file = dir.join("checkpoint");
        replace(&*self.disk, &file, text.as_bytes()).map_err(io("write", &file))?;
        self.checkpoint = text;
        Ok(())
    }
}

fn encode(bundle: &[Vec<u8>]) -> Result<Vec<u8>, VaultError> {
    tiles::encode_bundle(bundle).map_err(|e| VaultError::Record(e.to_string()))
}

/// Makes a folder below `root`; new ones are made durable in theirs.
fn make_dirs(disk: &dyn Disk, root: &Path, dir: &Path) -> Result<(), VaultError> {
    if dir == root || disk.list(dir).is_ok_and(|l| !l.is_empty()) {
        return Ok(());
    }
    disk.make_dir(dir).map_err(io("make the folder", dir))?;
    let mut at = dir;
    while let Some(parent) = at.parent().filter(|p| p.starts_with(root)) {
        disk.sync_dir(parent).map_err(io("sync", parent))?;
        at = parent;
    }
    Ok(())
}
