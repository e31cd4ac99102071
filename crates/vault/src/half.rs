//! An archive that is being written: folders of a name of their own, with a list of what is whole in them, so that writing goes on after it was
//! broken off, also by another process and with a log that has grown. When everything was read back they get their name, and not before.

use crate::age::Recipient;
use crate::archive::{Export, Facts, Item, MANIFEST, Volume, hash_file, hex, refuse, written_name};
use crate::core::Inner;
use crate::error::VaultError;
use proof::Hash;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How folders of archives begin.
pub(crate) const NAME: &str = "hinomi-";
/// What those that are not whole end in, before the number of the volume.
const HALF: &str = "unfinished";
/// The list of what is whole, beside the folders: `volume/name plain written bytes`, the first line for whom and how.
const LIST: &str = "list";

/// Whether a folder is part of an archive that is not whole.
pub(crate) fn is_half(dir: &Path) -> bool {
    dir.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(NAME) && n.contains(HALF))
}

/// An archive that is being written.
pub(crate) struct Half {
    target: PathBuf,
    name: String,
    list: PathBuf,
    /// By path relative to the target.
    whole: BTreeMap<String, Facts>,
}

fn hash(text: &str) -> Option<Hash> {
    let byte = |i: usize| text.get(i * 2..i * 2 + 2).and_then(|h| u8::from_str_radix(h, 16).ok());
    let bytes: Option<Vec<u8>> = (text.len() == 64).then(|| (0..32).map(byte).collect()).flatten();
    bytes.and_then(|b| b.try_into().ok())
}

impl Half {
    /// What is there of an export of the same kind; of another kind it is begun anew.
    pub fn open(inner: &Inner, ask: &Export) -> Result<Half, VaultError> {
        let inside = |p: &Path| fs::canonicalize(p).ok();
        fs::create_dir_all(&ask.target).map_err(|e| VaultError::io("make the folder", &ask.target, &e))?;
        if inside(&inner.dir).zip(inside(&ask.target)).is_some_and(|(vault, target)| target.starts_with(vault)) {
            // It is empty, or somebody else's.
            let _ = fs::remove_dir(&ask.target);
            return refuse(format!("{} lies in the vault itself; choose a folder elsewhere", ask.target.display()));
        }
        let name = format!("{NAME}{}-{HALF}", inner.site);
        let list = ask.target.join(format!("{name}.{LIST}"));
        let mut half = Half { target: ask.target.clone(), name, list, whole: BTreeMap::new() };
        let how = {
            let mut all = Sha256::new();
            ask.recipients.iter().for_each(|r| all.update(format!("{r:?}")));
            format!("how {:?} {}", ask.split, hex(&all.finalize()))
        };
        let text = fs::read_to_string(&half.list).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() == Some(how.as_str()) {
            for line in lines {
                // A line that a crash cut is of a file that is written again.
                let mut parts = line.rsplitn(4, ' ');
                let (Some(bytes), Some(written), Some(plain), Some(path)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
                    continue;
                };
                if let (Ok(bytes), Some(written), Some(plain)) = (bytes.parse(), hash(written), hash(plain)) {
                    half.whole.insert(path.to_owned(), Facts { plain, written, bytes });
                }
            }
            return Ok(half);
        }
        for dir in half.folders()? {
            fs::remove_dir_all(&dir).map_err(|e| VaultError::io("remove", &dir, &e))?;
        }
        fs::write(&half.list, format!("{how}\n")).map_err(|e| VaultError::io("write", &half.list, &e))?;
        Ok(half)
    }

    /// The folder of a volume; without number, of the only one.
    pub fn folder(&self, number: Option<usize>) -> PathBuf {
        match number {
            Some(n) => self.target.join(format!("{}-{n:03}", self.name)),
            None => self.target.join(&self.name),
        }
    }

    /// Bytes that are there.
    pub fn bytes(&self) -> u64 {
        self.whole.values().map(|f| f.bytes).sum()
    }

    fn path(item: &Item, dir: &Path, recipients: &[Recipient]) -> String {
        let volume = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        format!("{volume}/{}", written_name(item, recipients))
    }

    /// What the file is where it is there whole. Only segment files are: everything else may have changed since.
    pub fn there(&self, item: &Item, dir: &Path, recipients: &[Recipient]) -> Option<Facts> {
        let facts = *self.whole.get(&Half::path(item, dir, recipients))?;
        let now = hash_file(&dir.join(written_name(item, recipients))).ok()?;
        (item.sha256 == Some(facts.plain) && now == (facts.written, facts.bytes)).then_some(facts)
    }

    /// The file is there whole.
    pub fn wrote(&mut self, item: &Item, dir: &Path, recipients: &[Recipient], facts: &Facts) -> Result<(), VaultError> {
        if item.sha256.is_none() {
            return Ok(());
        }
        let path = Half::path(item, dir, recipients);
        let line = format!("{path} {} {} {}\n", hex(&facts.plain), hex(&facts.written), facts.bytes);
        let add = || OpenOptions::new().append(true).create(true).open(&self.list)?.write_all(line.as_bytes());
        add().map_err(|e| VaultError::io("write", &self.list, &e))?;
        self.whole.insert(path, *facts);
        Ok(())
    }

    fn folders(&self) -> Result<Vec<PathBuf>, VaultError> {
        let list = fs::read_dir(&self.target).map_err(|e| VaultError::io("list", &self.target, &e))?;
        let ours = |p: &PathBuf| p.is_dir() && p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(&self.name));
        Ok(list.flatten().map(|e| e.path()).filter(ours).collect())
    }

    /// Everything was read back: what does not belong goes, and the folders get their name.
    pub fn finish(self, volumes: &[Volume], name: &str) -> Result<Vec<PathBuf>, VaultError> {
        let used: BTreeSet<&PathBuf> = volumes.iter().map(|(dir, _)| dir).collect();
        for dir in self.folders()?.iter().filter(|d| !used.contains(d)) {
            fs::remove_dir_all(dir).map_err(|e| VaultError::io("remove", dir, &e))?;
        }
        for (dir, list) in volumes {
            let listed: BTreeSet<PathBuf> = list.iter().map(|(name, ..)| dir.join(name)).chain([dir.join(MANIFEST)]).collect();
            tidy(dir, &listed)?;
        }
        let taken = |n: &str| self.target.join(n).exists() || self.target.join(format!("{n}-001")).exists();
        let mut name = name.to_owned();
        let plain = name.clone();
        let mut n = 1u32;
        while taken(&name) {
            n += 1;
            name = format!("{plain}.{n}");
        }
        let mut out = Vec::new();
        for (dir, _) in volumes {
            let old = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let to = self.target.join(old.replacen(&self.name, &name, 1));
            fs::rename(dir, &to).map_err(|e| VaultError::io("rename", dir, &e))?;
            out.push(to);
        }
        let _ = fs::remove_file(&self.list);
        // Some shares cannot sync a folder.
        let _ = File::open(&self.target).and_then(|d| d.sync_all());
        Ok(out)
    }
}

/// Removes files that are not listed: left by a try before, of a log that has gone on since.
fn tidy(dir: &Path, listed: &BTreeSet<PathBuf>) -> Result<(), VaultError> {
    for entry in fs::read_dir(dir).map_err(|e| VaultError::io("list", dir, &e))?.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            tidy(&path, listed)?;
        } else if !listed.contains(&path) {
            fs::remove_file(&path).map_err(|e| VaultError::io("remove", &path, &e))?;
        }
    }
    Ok(())
}
