//! The data folder: whose it is, which epoch it is in, and what stands in it after a crash.

use crate::core::{Options, View};
use crate::disk::{Disk, beside, read_all, replace};
use crate::error::{Damage, VaultError};
use crate::frame::FrameMeta;
use crate::segment::{self, FORMAT, SEGMENT_HEADER, Segment, SegmentHeader, SegmentName, Summary};
use crate::status::LetGo;
use model::{SiteId, Time};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `folder.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folder {
    pub format: u32,
    pub site: SiteId,
    pub epoch: u32,
    /// Inode of the lock file: a copy of the folder has another.
    pub inode: u64,
    pub epochs: Vec<EpochStart>,
    pub let_go: LetGo,
}

/// Where an epoch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EpochStart {
    pub epoch: u32,
    pub at: Time,
    /// The log that it goes on from; 0 for none.
    pub after_epoch: u32,
    pub after_seq: u64,
}

#[derive(Serialize, Deserialize)]
struct Checked {
    folder: Folder,
    /// CRC-32 of `folder` as written here, hexadecimal.
    check: String,
}

const FOLDER_FILE: &str = "folder.json";

fn check_of(folder: &Folder) -> Result<String, VaultError> {
    let text = serde_json::to_string(folder).map_err(|e| VaultError::Record(e.to_string()))?;
    Ok(format!("{:08x}", crc32fast::hash(text.as_bytes())))
}

impl Folder {
    /// The epoch that a record was written in.
    pub fn epoch_of(&self, seq: u64) -> u32 {
        self.epochs.iter().rev().find(|e| e.after_seq < seq).map_or(1, |e| e.epoch)
    }

    pub fn save(&self, disk: &dyn Disk, dir: &Path) -> Result<(), VaultError> {
        let file = dir.join(FOLDER_FILE);
        let checked = Checked { folder: self.clone(), check: check_of(self)? };
        let text = serde_json::to_vec(&checked).map_err(|e| VaultError::Record(e.to_string()))?;
        replace(disk, &file, &text).map_err(|e| VaultError::io("write", file, &e))
    }

    /// `Ok(None)`: not there. `Err(Damaged)`: there, and not what was written.
    pub fn load(disk: &dyn Disk, dir: &Path) -> Result<Option<Folder>, VaultError> {
        let file = dir.join(FOLDER_FILE);
        let bytes = match read_all(disk, &file) {
            Ok(b) => b,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(VaultError::io("read", file, &e)),
        };
        let wrong = |what: &str| {
            let what = String::from(what);
            VaultError::Damaged(Damage { file: file.clone(), offset: 0, first_seq: 1, last_seq: Some(0), what })
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| wrong("it is not the JSON that was written"))?;
        let format = value.pointer("/folder/format").and_then(serde_json::Value::as_u64);
        let checked: Result<Checked, _> = serde_json::from_value(value);
        match (checked, format) {
            // The same program wrote it in the same form, so one more or other byte than that is damage.
            (Ok(c), _) if check_of(&c.folder)? == c.check && serde_json::to_vec(&c).is_ok_and(|v| v == bytes) => {
                if c.folder.format > FORMAT {
                    return Err(VaultError::Newer { file, found: c.folder.format, known: FORMAT });
                }
                if c.folder.format < FORMAT {
                    return Err(VaultError::Older { file, found: c.folder.format, known: FORMAT });
                }
                Ok(Some(c.folder))
            }
            (Err(_), Some(n)) if n > u64::from(FORMAT) => {
                Err(VaultError::Newer { file, found: u32::try_from(n).unwrap_or(u32::MAX), known: FORMAT })
            }
            (Ok(_) | Err(_), _) => Err(wrong("its checksum is wrong")),
        }
    }
}

/// Whose log it is: as the folder says, else as its files say, else as asked, else a new site.
pub(crate) fn whose(disk: &dyn Disk, dir: &Path, asked: Option<SiteId>, now: Time) -> Result<SiteId, VaultError> {
    let loaded = match Folder::load(disk, dir) {
        Ok(f) => f.map(|f| f.site),
        Err(VaultError::Damaged(_)) => None,
        Err(e) => return Err(e),
    };
    let by_files = || -> Result<Option<SiteId>, VaultError> {
        let line = read_all(disk, &dir.join("log").join("vkey")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        if let Some(site) = line.strip_prefix("hinomi.local/").and_then(|l| l.split('+').next()).and_then(|s| s.parse().ok()) {
            return Ok(Some(site));
        }
        let mut names: Vec<SegmentName> = Vec::new();
        for (name, _) in disk.list(dir).map_err(|e| VaultError::io("list", dir, &e))? {
            names.extend(SegmentName::parse(&name));
        }
        let newest = names.iter().max().and_then(|n| peek(disk, &dir.join(n.to_string())).transpose()).transpose()?;
        Ok(newest.map(|h| h.site))
    };
    let found = match loaded {
        Some(s) => Some(s),
        None => by_files()?,
    };
    match (found, asked) {
        (Some(f), Some(a)) if f != a => Err(VaultError::OtherSite { dir: dir.to_path_buf(), found: f.to_string(), asked: a.to_string() }),
        (Some(s), _) | (None, Some(s)) => Ok(s),
        (None, None) => new_site(now),
    }
}

/// What a start found.
pub(crate) struct Opened {
    pub folder: Folder,
    /// Why a new epoch began, where one did: a word for the log.
    pub epoch_began: Option<&'static str>,
    pub view: View,
    pub next_seq: u64,
    pub damage: Vec<Damage>,
    pub notes: Vec<String>,
}

/// Reads the folder, repairs what a crash left, and decides the epoch.
/// `known` is the last record that segment files hold, 0 for none.
pub(crate) fn open(
    disk: &dyn Disk,
    dir: &Path,
    site: Option<SiteId>,
    options: &Options,
    inode: u64,
    known: u64,
    read_only: bool,
) -> Result<Opened, VaultError> {
    let now = (options.now)();
    let mut damage = Vec::new();
    let mut notes = Vec::new();
    let mut names: Vec<SegmentName> = Vec::new();
    for (name, _) in disk.list(dir).map_err(|e| VaultError::io("list", dir, &e))? {
        names.extend(SegmentName::parse(&name));
    }
    names.sort_unstable();

    let (loaded, rewrite) = match Folder::load(disk, dir) {
        Ok(f) => (f, false),
        Err(VaultError::Damaged(d)) => {
            damage.push(d);
            (None, true)
        }
        Err(e) => return Err(e),
    };
    let newest = names.last();
    let header = newest.and_then(|n| peek(disk, &dir.join(n.to_string())).transpose()).transpose()?;
    let highest = names.iter().map(|n| n.epoch).max().unwrap_or(0);
    let fresh = loaded.is_none();
    let mut folder = match loaded {
        Some(f) => f,
        None => {
            let own = match header.map(|h| h.site).or(site) {
                Some(s) => s,
                None => new_site(now)?,
            };
            if rewrite || highest > 0 {
                notes.push(format!("{FOLDER_FILE} was missing or damaged and was made again from the segment files"));
            }
            Folder { format: FORMAT, site: own, epoch: highest, inode, epochs: Vec::new(), let_go: LetGo::default() }
        }
    };
    if let Some(asked) = site.filter(|s| *s != folder.site) {
        return Err(VaultError::OtherSite { dir: dir.to_path_buf(), found: folder.site.to_string(), asked: asked.to_string() });
    }
    folder.epoch = folder.epoch.max(highest);

    let (view, end) = segments(disk, dir, &names, known, &mut damage, &mut notes)?;
    let next_seq = end.max(known + 1).max(1);

    let copied = !fresh && folder.inode != inode;
    let mut epoch_began = None;
    if !read_only && (folder.epoch == 0 || options.new_epoch || copied) {
        let start = EpochStart { epoch: folder.epoch + 1, at: now, after_epoch: folder.epoch, after_seq: next_seq - 1 };
        if folder.epoch > 0 {
            let why = if copied { "the folder was copied or restored" } else { "as asked" };
            notes.push(format!("epoch {} begins after record {} of epoch {} ({why})", start.epoch, start.after_seq, folder.epoch));
        }
        epoch_began = Some(if folder.epoch == 0 {
            "new"
        } else if copied {
            "copied"
        } else {
            "asked"
        });
        folder.epoch = start.epoch;
        folder.epochs.push(start);
    }
    folder.inode = inode;
    folder.save(disk, dir)?;
    Ok(Opened { folder, epoch_began, view, next_seq, damage, notes })
}

fn new_site(now: Time) -> Result<SiteId, VaultError> {
    let mut random = [0u8; 10];
    getrandom::fill(&mut random).map_err(|e| VaultError::Record(format!("the system gives no random numbers: {e}")))?;
    Ok(SiteId::from_parts(now, random))
}

fn peek(disk: &dyn Disk, path: &Path) -> Result<Option<SegmentHeader>, VaultError> {
    let mut head = vec![0; SEGMENT_HEADER as usize];
    let read = disk.open(path).and_then(|f| f.read_at(&mut head, 0));
    if read.is_err() { Ok(None) } else { SegmentHeader::parse(&head, path) }
}

/// Goes from the newest file to the oldest: what a file must hold is known from the one after it.
fn segments(
    disk: &dyn Disk,
    dir: &Path,
    names: &[SegmentName],
    known: u64,
    damage: &mut Vec<Damage>,
    notes: &mut Vec<String>,
) -> Result<(View, u64), VaultError> {
    let mut found: Vec<Arc<Segment>> = Vec::new();
    let mut after: Option<u64> = None;
    let mut end = 1;
    for name in names.iter().rev() {
        let path = dir.join(name.to_string());
        if after.is_some_and(|a| a <= name.first_seq) {
            // Given up before anything in it was acknowledged, and written again under the next name.
            discard(disk, &path);
            continue;
        }
        if after.is_some_and(|a| a <= known + 1) {
            // All of its records are in segment files.
            discard(disk, &path);
            continue;
        }
        let len = disk.open(&path).and_then(|f| f.size()).map_err(|e| VaultError::io("read", &path, &e))?;
        if let Ok((summary, _)) = segment::read_index(disk, &path, len, false) {
            if let Some(a) = after.filter(|a| summary.last_seq + 1 < *a) {
                damage.push(missing(&path, len, summary.last_seq + 1, Some(a - 1)));
            }
            end = end.max(summary.last_seq + 1);
            after = Some(summary.first_seq);
            found.push(finished(Segment::new(path, *name, len, summary, None)));
            continue;
        }
        let scan = segment::scan_file(disk, &path, *name, after)?;
        damage.extend(scan.damage.iter().cloned());
        let mut bytes = scan.len;
        if after.is_none() && !scan.sealed {
            bytes = mend(disk, &path, &scan, notes)?;
        }
        if scan.frames.is_empty() && !scan.sealed && scan.damage.is_empty() {
            discard(disk, &path);
            continue;
        }
        end = end.max(scan.next_seq.min(after.unwrap_or(u64::MAX)));
        after = Some(name.first_seq);
        if scan.damage.is_empty() {
            // Without an index a damaged file is looked through and reported at every start.
            if scan.frames.is_empty() {
                discard(disk, &path);
                continue;
            }
            segment::write_index(disk, &path, bytes, &scan.frames);
        }
        found.push(finished(whole(path, *name, bytes, &scan.frames)));
    }
    found.reverse();
    Ok((View { segments: found, ..View::default() }, end))
}

fn finished(segment: Segment) -> Arc<Segment> {
    segment.finish();
    Arc::new(segment)
}

fn missing(path: &Path, offset: u64, first: u64, last_seq: Option<u64>) -> Damage {
    let what = String::from("the end of the file, or the file after it, is missing");
    Damage { file: path.to_path_buf(), offset, first_seq: first, last_seq, what }
}

pub(crate) fn whole(path: PathBuf, name: SegmentName, bytes: u64, frames: &[FrameMeta]) -> Segment {
    let mut summary = Summary::new(name.first_seq);
    for m in frames {
        summary.add(m);
    }
    Segment::new(path, name, bytes, summary, None)
}

/// The newest file without a seal: the machine stopped. What follows the last whole frame is put aside and cut off; what is
/// left is made durable, as it may have been read from memory that never reached the disk.
fn mend(disk: &dyn Disk, path: &Path, scan: &segment::Scan, notes: &mut Vec<String>) -> Result<u64, VaultError> {
    if scan.good_end < scan.len {
        // Where not even the first frame is whole, its header goes along: without that of an encrypted file nobody could look into the rest.
        let from = if scan.frames.is_empty() { 0 } else { scan.good_end };
        let aside = beside(path, &format!(".torn-{from}"));
        let save = || -> std::io::Result<()> {
            let all = read_all(disk, path)?;
            let tail = all.get(from as usize..).unwrap_or(&[]);
            if tail.iter().all(|b| *b == 0) { Ok(()) } else { replace(disk, &aside, tail) }
        };
        if save().is_err() {
            // No room to put it aside: leave the file as it is. Nothing is ever appended to it, so the tail does no harm.
            notes.push(format!("{} ends in a torn write; there was no room to put it aside", path.display()));
            return Ok(scan.len);
        }
        notes.push(format!(
            "{} at byte {}: the machine stopped during a write; the {} bytes behind the last whole frame were put aside as {}; nothing \
             in them had been acknowledged, unless somebody changed the file since (the next record is {})",
            path.display(),
            scan.good_end,
            scan.len - from,
            aside.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            scan.next_seq,
        ));
    }
    disk.truncate(path, scan.good_end).map_err(|e| VaultError::io("repair", path, &e))?;
    Ok(scan.good_end)
}

/// Removes a file that holds nothing, with its index. What can't be removed does no harm.
pub(crate) fn discard(disk: &dyn Disk, path: &Path) {
    let _ = disk.remove(path);
    let _ = disk.remove(&beside(path, ".idx"));
}
