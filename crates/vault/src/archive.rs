//! Archives: everything that is sealed, with the log, somewhere else: a folder, a share, media of a given size.
//!
//! A volume is a folder with the files of a data folder and a signed list of them (`manifest`). Writing can be broken off and gone on with:
//! what is there whole is not written again. Everything is read back and compared before the log says that it was exported. The signing key never
//! goes along. An archive is opened read-only and asked like live data.

use crate::age::{Encrypter, Recipient};
use crate::commit;
use crate::core::{Inner, lock};
use crate::disk::{Disk, RealDisk, read_all, replace};
use crate::error::VaultError;
use crate::half::{Half, NAME, is_half};
use crate::sealed::{FILES_OF_AN_ENTRY, Sealed};
use crate::status::{ExportNow, ExportRun, LastExport, Memory};
use model::Time;
use proof::Hash;
use proof::entry::{Entry, FileFacts};
use proof::note::{Note, VerifierKey};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// What to export, and how.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// The folder that gets the archive's folder.
    pub target: PathBuf,
    /// Bytes of a volume at most; absent for one volume.
    pub split: Option<u64>,
    /// Who can read it; empty: it is not encrypted.
    pub recipients: Vec<Recipient>,
    /// Who asked.
    pub by: String,
}

/// What was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The volumes.
    pub volumes: Vec<PathBuf>,
    /// Files in all.
    pub files: u64,
    /// Bytes in all, as written.
    pub bytes: u64,
    /// Files that were there from an export that was broken off.
    pub there: u64,
}

/// What a look through an archive found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveCheck {
    /// Files looked at.
    pub files: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// What is not as the signed list says.
    pub problems: Vec<String>,
    /// Fingerprint of the key that signed.
    pub fingerprint: String,
}

const TITLE: &str = "hinomi archive v1";
pub(crate) const MANIFEST: &str = "manifest";

/// A volume's folder with its files: name, hash as written, bytes as written, hash of the plain bytes.
pub(crate) type Volume = (PathBuf, Vec<(String, Hash, u64, Hash)>);

pub(crate) struct Item {
    /// Relative to the folder.
    pub name: String,
    pub bytes: u64,
    /// Of a segment file, by the log.
    pub sha256: Option<Hash>,
}

/// Runs that are remembered.
const RUNS: usize = 24;
/// Bytes that stay free where an archive goes.
const SPARE: u64 = 16 << 20;

pub(crate) fn refuse<T>(what: impl Into<String>) -> Result<T, VaultError> {
    Err(VaultError::Archive(what.into()))
}

/// What a written file is.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    pub plain: Hash,
    pub written: Hash,
    pub bytes: u64,
}

/// The name of a file in a volume.
pub(crate) fn written_name(item: &Item, recipients: &[Recipient]) -> String {
    if recipients.is_empty() { item.name.clone() } else { format!("{}.age", item.name) }
}

pub(crate) fn hex(h: &[u8]) -> String {
    use std::fmt::Write as _;
    h.iter().fold(String::new(), |mut out, b| {
        // Writing to a string does not fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// Exports; `progress` gets bytes done and in all (each file is written, and then read back), and ends it by saying no (what is written stays, to
/// go on with). How it ended is remembered either way.
pub(crate) fn export(inner: &Arc<Inner>, ask: &Export, mut progress: impl FnMut(u64, u64) -> bool) -> Result<Exported, VaultError> {
    let _still = Still::new(inner, ask)?;
    let began = (inner.options.now)();
    let result = run(inner, ask, began, &mut |done, total| {
        // Closing the vault and the page's button end it as the one who called does.
        let closed = !inner.read_only && lock(&inner.queue).closed;
        let stopped = lock(&inner.job).as_mut().is_some_and(|job| {
            (job.done, job.total) = (done, total);
            job.stopping
        });
        !closed && !stopped && progress(done, total)
    });
    let mut run = ExportRun {
        began,
        at: (inner.options.now)(),
        target: ask.target.display().to_string(),
        by: ask.by.clone(),
        encrypted: !ask.recipients.is_empty(),
        ..ExportRun::default()
    };
    match &result {
        Ok(done) => {
            (run.files, run.bytes, run.there) = (done.files, done.bytes, done.there);
            run.volumes = done.volumes.len() as u64;
        }
        Err(VaultError::BrokenOff) => run.broken_off = true,
        Err(e) => run.trouble = e.to_string(),
    }
    // A help for pages: the archive is what it is without it.
    let _ = remember(inner, |m| {
        if result.is_ok() {
            m.last_export = Some(LastExport { at: run.at, target: run.target.clone(), files: run.files, bytes: run.bytes, verified: true });
        }
        m.exports.push(run);
        let over = m.exports.len().saturating_sub(RUNS);
        m.exports.drain(..over);
    });
    result
}

fn run(inner: &Arc<Inner>, ask: &Export, made: Time, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Exported, VaultError> {
    let (files, size) = {
        let log = lock(&inner.log);
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        (view.sealed_files().cloned().collect::<Vec<Arc<Sealed>>>(), log.size())
    };
    let items = items(inner, &files)?;
    // Written, and read back.
    let total: u64 = items.iter().map(|i| i.bytes).sum::<u64>().saturating_mul(2);
    if let Some(split) = ask.split
        && let Some(large) = items.iter().find(|i| i.bytes + 4096 > split)
    {
        return refuse(format!("{} has {} bytes and does not fit into a volume of {split}", large.name, large.bytes));
    }
    let mut half = Half::open(inner, ask)?;
    let free = RealDisk.free(&ask.target).map_err(|e| VaultError::io("ask for the room in", &ask.target, &e))?;
    let needed = (total / 2).saturating_sub(half.bytes()).saturating_add(SPARE);
    if free < needed {
        return refuse(format!("{} has {free} bytes free, and the archive needs {needed}; free some space there", ask.target.display()));
    }
    let mut done = Exported::default();
    let mut volumes: Vec<Volume> = Vec::new();
    let mut room = 0u64;
    let mut copied = 0u64;
    for item in &items {
        if volumes.is_empty() || ask.split.is_some() && room < item.bytes + 4096 {
            let dir = half.folder(ask.split.map(|_| volumes.len() + 1));
            fs::create_dir_all(&dir).map_err(|e| VaultError::io("make the folder", &dir, &e))?;
            volumes.push((dir, Vec::new()));
            room = ask.split.unwrap_or(u64::MAX);
        }
        room = room.saturating_sub(item.bytes + 200);
        let Some((dir, list)) = volumes.last_mut() else { continue };
        if !progress(copied, total) {
            return Err(VaultError::BrokenOff);
        }
        let (there, facts) = match half.there(item, dir, &ask.recipients) {
            Some(facts) => (true, facts),
            None => (false, copy(inner, item, dir, &ask.recipients, &mut |n| progress(copied + n, total))?),
        };
        if !there {
            half.wrote(item, dir, &ask.recipients, &facts)?;
        }
        done.there += u64::from(there);
        done.files += 1;
        done.bytes += facts.bytes;
        copied += item.bytes;
        list.push((written_name(item, &ask.recipients), facts.written, facts.bytes, facts.plain));
    }
    let count = volumes.len();
    for (i, (dir, list)) in volumes.iter().enumerate() {
        let mut text = format!(
            "{TITLE}\norigin {}\nmade {}\nsize {size}\nvolume {} of {count}\n",
            lock(&inner.log_status).origin,
            made.rfc3339(),
            i + 1
        );
        for (name, written, bytes, plain) in list {
            text.push_str(&format!("file {} {bytes} {} {name}\n", hex(written), hex(plain)));
        }
        let note = lock(&inner.log).key()?.note(&text).map_err(|e| VaultError::Record(e.to_string()))?;
        write_whole(&dir.join(MANIFEST), note.to_string().as_bytes())?;
    }
    // Read back what is there now.
    let folders: Vec<PathBuf> = volumes.iter().map(|(dir, _)| dir.clone()).collect();
    let mut on = true;
    let check = check(&folders, |read| {
        on = progress((total / 2).saturating_add(read).min(total), total);
        on
    })?;
    if !on {
        return Err(VaultError::BrokenOff);
    }
    if let Some(first) = check.problems.first() {
        return refuse(format!("the archive is not what was written: {first}"));
    }
    done.volumes = half.finish(&volumes, &format!("hinomi-{}-{size}", inner.site))?;
    let target = ask.target.display().to_string();
    let at = (inner.options.now)();
    let mut log = lock(&inner.log);
    for part in files.chunks(FILES_OF_AN_ENTRY) {
        let files: Vec<FileFacts> = part.iter().map(|f| f.facts.clone()).collect();
        let entry = Entry::Exported { at: at.0, reason: ask.by.clone(), files, target: target.clone() };
        log.append(&[entry], None, at)?;
    }
    commit::publish(inner, &log);
    drop(log);
    Ok(done)
}

/// While it lives, no segment file goes.
struct Still<'a>(&'a Inner);

impl Still<'_> {
    fn new<'a>(inner: &'a Inner, ask: &Export) -> Result<Still<'a>, VaultError> {
        if inner.exporting.swap(true, std::sync::atomic::Ordering::AcqRel) {
            return refuse("an export is running already");
        }
        let since = (inner.options.now)();
        let target = ask.target.display().to_string();
        *lock(&inner.job) = Some(ExportNow { since, target, by: ask.by.clone(), done: 0, total: 0, stopping: false });
        // Whoever compacts or lets go now is waited for.
        drop(lock(&inner.files));
        Ok(Still(inner))
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        *lock(&self.0.job) = None;
        self.0.exporting.store(false, std::sync::atomic::Ordering::Release);
    }
}

/// What goes along: the log without its key, the list of files, the files, the attachments.
fn items(inner: &Inner, files: &[Arc<Sealed>]) -> Result<Vec<Item>, VaultError> {
    let mut out = Vec::new();
    let mut folder = |sub: &str, skip: &[&str]| -> Result<(), VaultError> {
        let dir = inner.dir.join(sub);
        match inner.disk.list(&dir) {
            Ok(list) => {
                let mut list: Vec<_> =
                    list.into_iter().filter(|(n, _)| !skip.contains(&n.as_str()) && !crate::disk::is_half_made(n)).collect();
                list.sort();
                out.extend(list.into_iter().map(|(n, bytes)| Item { name: format!("{sub}/{n}"), bytes, sha256: None }));
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(VaultError::io("list", dir, &e)),
        }
    };
    folder("log", &["key", "key.next"])?;
    for sub in ["log/secrets", "log/cosigned", "log/stamps", "blobs"] {
        folder(sub, &[])?;
    }
    let size = lock(&inner.log).size();
    for path in proof::tiles::new_tiles(0, size) {
        let name = format!("log/{path}");
        let bytes = inner.disk.open(&inner.dir.join(&name)).and_then(|f| f.size()).map_err(|e| VaultError::io("read", &name, &e))?;
        out.push(Item { name, bytes, sha256: None });
    }
    for name in ["folder.json", "segments.json"] {
        match inner.disk.open(&inner.dir.join(name)).and_then(|f| f.size()) {
            Ok(bytes) => out.push(Item { name: String::from(name), bytes, sha256: None }),
            // Nothing was sealed yet.
            Err(e) if e.kind() == io::ErrorKind::NotFound && name == "segments.json" => {}
            Err(e) => return Err(VaultError::io("read", name, &e)),
        }
    }
    // Segment files first, the oldest first: what grows between two tries stands behind them, so volumes that were full stay as they are.
    let mut first: Vec<&Arc<Sealed>> = files.iter().collect();
    first.sort_by_key(|f| (f.facts.first_seq, f.facts.table));
    let item = |f: &Arc<Sealed>| Item { name: format!("segments/{}", f.facts.name), bytes: f.facts.bytes, sha256: Some(f.facts.sha256) };
    Ok(first.into_iter().map(item).chain(out).collect())
}

/// Copies one file; `progress` gets its bytes so far.
fn copy(
    inner: &Inner,
    item: &Item,
    dir: &Path,
    recipients: &[Recipient],
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<Facts, VaultError> {
    let from = inner.dir.join(&item.name);
    let to = dir.join(written_name(item, recipients));
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|e| VaultError::io("make the folder", parent, &e))?;
    }
    let source = inner.disk.open(&from).map_err(|e| VaultError::io("open", &from, &e))?;
    let size = source.size().map_err(|e| VaultError::io("read", &from, &e))?;
    let new = crate::disk::beside(&to, ".new");
    let failed = |e: io::Error| VaultError::io("write", &to, &e);
    let mut out = Counting { file: File::create(&new).map_err(failed)?, hash: Sha256::new(), bytes: 0 };
    let mut plain = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut at = 0;
    let mut each = |sink: &mut dyn Write| -> Result<(), VaultError> {
        while at < size {
            let n = usize::try_from(size - at).unwrap_or(usize::MAX).min(buffer.len());
            let Some(part) = buffer.get_mut(..n) else { break };
            source.read_at(part, at).map_err(|e| VaultError::io("read", &from, &e))?;
            plain.update(&*part);
            sink.write_all(part).map_err(failed)?;
            at += n as u64;
            if !progress(at) {
                return Err(VaultError::BrokenOff);
            }
        }
        Ok(())
    };
    if recipients.is_empty() {
        each(&mut out)?;
    } else {
        let mut sink = Encrypter::new(&mut out, recipients)?;
        each(&mut sink)?;
        sink.finish().map_err(failed)?;
    }
    let plain: Hash = plain.finalize().into();
    if item.sha256.is_some_and(|w| w != plain) {
        let _ = fs::remove_file(&new);
        return refuse(format!("{} is not what the log says; run 'hinomi vault verify'", from.display()));
    }
    out.file.sync_all().map_err(failed)?;
    fs::rename(&new, &to).map_err(failed)?;
    if let Some(parent) = to.parent() {
        // Some shares cannot sync a folder; the reading back tells whether the file is there.
        let _ = File::open(parent).and_then(|d| d.sync_all());
    }
    Ok(Facts { plain, written: out.hash.finalize().into(), bytes: out.bytes })
}

struct Counting {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        let n = self.file.write(b)?;
        self.hash.update(b.get(..n).unwrap_or(b));
        self.bytes += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let new = crate::disk::beside(path, ".new");
    let write = || -> io::Result<()> {
        let mut f = File::create(&new)?;
        f.write_all(bytes)?;
        f.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|e| VaultError::io("write", path, &e))
}

pub(crate) fn hash_file(path: &Path) -> io::Result<(Hash, u64)> {
    let mut f = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut bytes = 0;
    loop {
        let n = f.read(&mut buffer)?;
        if n == 0 {
            return Ok((hash.finalize().into(), bytes));
        }
        hash.update(buffer.get(..n).unwrap_or(&[]));
        bytes += n as u64;
    }
}

/// Reads every file of an archive and compares it with the signed lists.
pub fn check(volumes: &[PathBuf], mut progress: impl FnMut(u64) -> bool) -> Result<ArchiveCheck, VaultError> {
    let mut found = ArchiveCheck::default();
    let key = volumes.iter().find_map(|v| fs::read_to_string(v.join("log").join("vkey")).ok());
    let key: Option<VerifierKey> = key.and_then(|k| k.trim_end().parse().ok());
    let mut of = 0;
    for dir in volumes {
        let path = dir.join(MANIFEST);
        let bytes = fs::read(&path).map_err(|e| VaultError::io("read", &path, &e))?;
        let bad = |what: String| format!("{}: {what}", path.display());
        let note = match Note::parse(&bytes) {
            Ok(n) => n,
            Err(e) => {
                found.problems.push(bad(e.to_string()));
                continue;
            }
        };
        // Of an encrypted archive the key is in another file: then the list's signature is left to whoever has the key line.
        if let Some(key) = &key {
            found.fingerprint = key.fingerprint();
            if let Err(e) = proof::note::verify(&note, std::slice::from_ref(key)) {
                found.problems.push(bad(format!("its signature does not hold: {e}")));
            }
        }
        let mut lines = note.text.lines();
        if lines.next() != Some(TITLE) {
            found.problems.push(bad(String::from("it is no list of an archive")));
            continue;
        }
        for line in lines {
            if let Some(v) = line.strip_prefix("volume ") {
                of = v.split(" of ").nth(1).and_then(|n| n.parse().ok()).unwrap_or(of);
            }
            let Some(rest) = line.strip_prefix("file ") else { continue };
            let mut parts = rest.splitn(4, ' ');
            let (Some(sha), Some(len), Some(_), Some(name)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
                found.problems.push(bad(format!("'{line}' is not a line of a file")));
                continue;
            };
            if name.split('/').any(|p| p == ".." || p.is_empty()) {
                found.problems.push(bad(format!("'{name}' leads elsewhere")));
                continue;
            }
            let file = dir.join(name);
            found.files += 1;
            match hash_file(&file) {
                Ok((hash, bytes)) => {
                    found.bytes += bytes;
                    if hex(&hash) != sha || bytes.to_string() != len {
                        found.problems.push(format!("{}: its bytes are not those that were signed", file.display()));
                    }
                }
                Err(e) => found.problems.push(format!("{}: {e}", file.display())),
            }
            if !progress(found.bytes) {
                return Ok(found);
            }
        }
    }
    if of != volumes.len() {
        found.problems.push(format!("the archive has {of} volumes, and {} were given", volumes.len()));
    }
    Ok(found)
}

/// Changes what is remembered of looking and exporting.
pub(crate) fn remember(inner: &Inner, change: impl FnOnce(&mut Memory)) -> Result<(), VaultError> {
    let mut memory = lock(&inner.memory);
    change(&mut memory);
    let text = serde_json::to_vec(&*memory).map_err(|e| VaultError::Record(e.to_string()))?;
    let path = inner.dir.join("memory.json");
    replace(&*inner.disk, &path, &text).map_err(|e| VaultError::io("write", path, &e))
}

/// What was remembered; nothing where that cannot be read: it is looked at and exported again in time.
pub(crate) fn remembered(inner: &Inner) -> Memory {
    read_all(&*inner.disk, &inner.dir.join("memory.json")).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default()
}

/// An archive: when it was made, of which log, with how many entries.
type Which = (String, String, u64);

/// What a volume says of itself: of which archive it is, and its number in it.
fn head(dir: &Path) -> Option<(Which, u64)> {
    let note = Note::parse(&fs::read(dir.join(MANIFEST)).ok()?).ok()?;
    let said = |key: &str| note.text.lines().take(6).find_map(|l| l.strip_prefix(key)).map(str::to_owned);
    let number = said("volume ")?.split(' ').next()?.parse().ok()?;
    Some(((said("made ")?, said("origin ")?, said("size ")?.parse().ok()?), number))
}

/// The folders of an archive: the one that is named with its sisters, or the newest archive in a folder of archives.
pub fn volumes_of(path: &Path) -> Result<Vec<PathBuf>, VaultError> {
    let within = |dir: &Path| -> Result<Vec<(PathBuf, Which, u64)>, VaultError> {
        let list = fs::read_dir(dir).map_err(|e| VaultError::io("list", dir, &e))?;
        Ok(list.flatten().map(|e| e.path()).filter(|p| !is_half(p)).filter_map(|p| head(&p).map(|(a, n)| (p, a, n))).collect())
    };
    let own = path.join(MANIFEST).is_file();
    let (mut all, which) = match (own, path.parent()) {
        (true, Some(parent)) => {
            // A list that cannot be read: the check says so.
            let Some((archive, _)) = head(path) else { return Ok(vec![path.to_path_buf()]) };
            // "" is the parent of a plain name.
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            (within(parent)?, Some(archive))
        }
        (true, None) => return Ok(vec![path.to_path_buf()]),
        (false, _) => {
            let all = within(path)?;
            let newest = all.iter().map(|(_, archive, _)| archive).max().cloned();
            (all, newest)
        }
    };
    all.retain(|(_, archive, _)| Some(archive) == which.as_ref());
    all.sort_by_key(|(_, _, number)| *number);
    if all.is_empty() {
        return refuse(format!("{} holds no archive: there is no file 'manifest' in it or in a folder of it", path.display()));
    }
    Ok(all.into_iter().map(|(dir, _, _)| dir).collect())
}

/// Whether a folder can be exported to now: it is there, and holds the archives that were written to it before. A share that is not mounted
/// is an empty folder on the machine's own disk.
pub fn is_there(target: &Path, before: &[ExportRun]) -> Result<(), String> {
    let shown = target.display();
    if !target.is_absolute() {
        return Err(format!("{shown} does not begin with '/'"));
    }
    let list = fs::read_dir(target).map_err(|e| format!("{shown} cannot be read: {e}"))?;
    let known = before.iter().any(|r| r.is_good() && Path::new(&r.target) == target);
    let holds = list.flatten().any(|e| e.file_name().to_str().is_some_and(|n| n.starts_with(NAME)));
    if known && !holds {
        return Err(format!("{shown} is empty and held archives before: is the share mounted, the medium in?"));
    }
    Ok(())
}
