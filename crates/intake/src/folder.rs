//! A folder that somebody else fills: tcpdump or dumpcap with rotation, a colleague with a USB stick, a script.
//!
//! Each capture is read once. A growing pcap or pcapng is followed as `tail -f` would, a packed one is read when it has come to rest.
//! What was read is remembered by the file's identity (inode and first bytes), so that a rotation by renaming repeats nothing; the memory
//! ([`FolderState`]) is a small value that the caller stores and brings again after a restart. Then the packets already told are passed
//! over, which costs a reading but needs no knowledge of the format.
//!
//! New files are read in the order of their first packets, then of their names: `tcpdump -C` counts `capture.pcap9`, `capture.pcap10`.
//! A file that cannot be read is reported once and passed over until it changes. Nothing in the folder is changed.

use crate::file::{CaptureFile, DEFAULT_MAX_PACKET, FileError, FileInfo, Options, Record};
use model::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files of one folder that are looked at; more are reported and left.
pub const MAX_FILES: usize = 10_000;
/// Files that are held open to be followed; of more, the longest at rest are closed and read again from the start when they grow.
pub const MAX_OPEN: usize = 16;
/// A file that has not changed for this long is at rest: a packed one is read, the end of a plain one is taken as its end.
pub const REST: Duration = Duration::from_secs(5);
/// Bytes of a file's beginning that tell it from others: a pcap header and the first record's.
const HEAD: usize = 40;

/// What was read of a folder. Small, and bounded by the files that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderState {
    /// One entry for each file in the folder that was begun.
    pub files: Vec<FileState>,
}

/// What was read of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// Inode.
    pub inode: u64,
    /// How many bytes of the beginning `head` covers, at most 40.
    pub head_len: u8,
    /// Hash (FNV-1a, 64 bits) of the beginning.
    pub head: u64,
    /// Packets told.
    pub packets: u64,
    /// Its size in bytes when it was read to its end; 0 before.
    pub size: u64,
    /// Whether it is finished, or could not be read at all; then it is opened again only if its size changes.
    pub done: bool,
}

/// Something to tell people, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong and what to do.
    pub what: String,
}

/// What one look brought.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Packets told in this look.
    pub packets: u64,
    /// Files that came to their end in this look (or at an earlier one, and were continued), with all their counters.
    pub finished: Vec<FileInfo>,
    /// Files that cannot be read.
    pub troubles: Vec<Trouble>,
    /// Whether the budget ran out and there is more to read at once.
    pub more: bool,
}

/// A folder being followed.
pub struct Folder {
    path: PathBuf,
    options: Options,
    known: BTreeMap<u64, FileState>,
    open: Vec<Followed>,
    /// Time of the first packet of files that wait to be opened, with the size at which it was looked for.
    firsts: BTreeMap<u64, (u64, Option<Time>)>,
    /// Whether the folder itself was unreadable at the last look, to say it once.
    lost: bool,
    crowded: bool,
}

struct Followed {
    inode: u64,
    path: PathBuf,
    file: CaptureFile,
    /// Packets to pass over: told before a restart.
    skip: u64,
    first: Option<Time>,
    size: u64,
}

impl Folder {
    /// Follows a folder from where `state` left off.
    pub fn new(path: &Path, state: FolderState) -> Folder {
        let known = state.files.into_iter().map(|f| (f.inode, f)).collect();
        let options = Options { max_packet: DEFAULT_MAX_PACKET, growing: true, ..Options::default() };
        Folder { path: path.to_owned(), options, known, open: Vec::new(), firsts: BTreeMap::new(), lost: false, crowded: false }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was read so far, to be stored. Store it with what was made of the packets: packets told after it was taken come again.
    pub fn state(&self) -> FolderState {
        FolderState { files: self.known.values().cloned().collect() }
    }

    /// Looks what is new and lends it, at most `budget` packets. `now` is the wall clock (files carry its times).
    pub fn look(&mut self, now: SystemTime, budget: u64, mut each: impl FnMut(&Path, Record<'_>)) -> Looked {
        let mut looked = Looked::default();
        let Some(entries) = self.list(&mut looked) else { return looked };
        let there: HashSet<u64> = entries.iter().map(|(_, m)| m.ino()).collect();
        self.open.retain(|f| there.contains(&f.inode));
        self.known.retain(|inode, _| there.contains(inode));
        self.firsts.retain(|inode, _| there.contains(inode));
        let mut waiting: Vec<_> = entries.iter().filter(|(path, meta)| self.is_waiting(path, meta)).collect();
        let firsts = &self.firsts;
        waiting.sort_by_key(|(path, meta)| {
            let first = firsts.get(&meta.ino()).and_then(|(_, first)| *first);
            (first.is_none(), first, path.clone())
        });
        for (path, meta) in waiting {
            if self.open.len() < MAX_OPEN {
                self.begin(path, meta, now, &mut looked);
            }
        }
        // By first packet, then by name; one that has no packet yet comes last.
        self.open.sort_by(|a, b| (a.first.is_none(), a.first, &a.path).cmp(&(b.first.is_none(), b.first, &b.path)));
        let mut left = budget;
        let mut closing = Vec::new();
        for (at, followed) in self.open.iter_mut().enumerate() {
            let Some(state) = self.known.get_mut(&followed.inode) else { continue };
            match read(followed, state, &mut left, &mut each) {
                Ok(true) => looked.more = true,
                Ok(false) => {
                    let resting = at_rest(&followed.path, followed.size, now);
                    if resting {
                        followed.file.set_growing(false);
                        // What the end still hides, now that it is the end: a damage, or a mended record.
                        if let Err(error) = read(followed, state, &mut left, &mut each) {
                            looked.troubles.push(trouble(&followed.path, &error));
                        }
                        state.done = true;
                        state.size = followed.size;
                        looked.finished.push(followed.file.info().clone());
                        closing.push(at);
                    }
                }
                Err(error) => {
                    looked.troubles.push(trouble(&followed.path, &error));
                    state.done = true;
                    state.size = followed.size;
                    closing.push(at);
                }
            }
            if left == 0 {
                looked.more = true;
                break;
            }
        }
        for at in closing.into_iter().rev() {
            self.open.remove(at);
        }
        looked.packets = budget - left;
        looked
    }

    fn list(&mut self, looked: &mut Looked) -> Option<Vec<(PathBuf, Metadata)>> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(e) => {
                if !std::mem::replace(&mut self.lost, true) {
                    let what = format!("the folder {} cannot be read: {e}. It is looked for again", self.path.display());
                    looked.troubles.push(Trouble { path: self.path.clone(), what });
                }
                return None;
            }
        };
        self.lost = false;
        let mut list: Vec<_> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                // A link is followed, a hidden file is somebody's work in progress.
                let hidden = path.file_name()?.as_encoded_bytes().starts_with(b".");
                let meta = std::fs::metadata(&path).ok()?;
                (meta.is_file() && !hidden).then_some((path, meta))
            })
            .collect();
        list.sort_by(|a, b| a.0.cmp(&b.0));
        if list.len() > MAX_FILES {
            if !std::mem::replace(&mut self.crowded, true) {
                let what = format!("the folder holds {} files; the first {MAX_FILES} by name are read. Move old ones away", list.len());
                looked.troubles.push(Trouble { path: self.path.clone(), what });
            }
            list.truncate(MAX_FILES);
        }
        Some(list)
    }

    /// Whether a file is to be opened. Looks for its first packet, by which files are put in order.
    fn is_waiting(&mut self, path: &Path, meta: &Metadata) -> bool {
        let (inode, size) = (meta.ino(), meta.len());
        if let Some(followed) = self.open.iter_mut().find(|f| f.inode == inode) {
            if size >= followed.size {
                followed.size = size;
                path.clone_into(&mut followed.path); // It may have been renamed.
                return false;
            }
            // Cut and begun anew.
            self.open.retain(|f| f.inode != inode);
            self.known.remove(&inode);
        }
        if size == 0 || self.known.get(&inode).is_some_and(|k| k.done && k.size == size) {
            self.firsts.remove(&inode);
            return false;
        }
        if self.firsts.get(&inode).is_none_or(|(at, first)| first.is_none() && *at != size) {
            let options = Options { buffer: 16 << 10, beyond_damage: false, growing: true, ..self.options };
            let first = CaptureFile::open_with(path, options).and_then(|mut f| f.peek()).ok().flatten();
            self.firsts.insert(inode, (size, first));
        }
        true
    }

    /// Opens a file, unless it is too early.
    fn begin(&mut self, path: &Path, meta: &Metadata, now: SystemTime, looked: &mut Looked) {
        let (inode, size) = (meta.ino(), meta.len());
        let opened = open(path, self.options, self.known.get(&inode), meta, now);
        match opened {
            Ok(Some((followed, state))) => {
                self.known.insert(inode, state);
                self.firsts.remove(&inode);
                self.open.push(followed);
            }
            Ok(None) => {}
            Err(error) => {
                // A file that is being begun may not yet show what it is.
                if since(meta, now) < REST {
                    return;
                }
                looked.troubles.push(trouble(path, &error));
                self.known.insert(inode, FileState { inode, head_len: 0, head: 0, packets: 0, size, done: true });
            }
        }
    }
}

/// Opens a file; `None` where it is too early.
fn open(
    path: &Path,
    mut options: Options,
    known: Option<&FileState>,
    meta: &Metadata,
    now: SystemTime,
) -> Result<Option<(Followed, FileState)>, FileError> {
    let name = path.display().to_string();
    let failed = |source| FileError::Open { name: name.clone(), source };
    let head = beginning(path).map_err(failed)?;
    let packed = is_packed(&head);
    if since(meta, now) < REST && (packed || head.len() < HEAD) {
        return Ok(None);
    }
    options.growing = !packed;
    let (inode, size) = (meta.ino(), meta.len());
    // The same file as before, or another one under a used inode?
    let same = known.filter(|k| k.size <= size && head.get(..usize::from(k.head_len)).is_some_and(|h| fnv(h) == k.head));
    let skip = same.map_or(0, |k| k.packets);
    let mut file = CaptureFile::open_with(path, options)?;
    let first = file.peek()?;
    let state = FileState { inode, head_len: head.len() as u8, head: fnv(&head), packets: skip, size: 0, done: false };
    Ok(Some((Followed { inode, path: path.to_owned(), file, skip, first, size }, state)))
}

/// Reads to the end so far or to the end of the budget; true in the second case.
fn read(
    followed: &mut Followed,
    state: &mut FileState,
    left: &mut u64,
    each: &mut impl FnMut(&Path, Record<'_>),
) -> Result<bool, FileError> {
    while *left > 0 {
        let Some(record) = followed.file.next()? else { return Ok(false) };
        if followed.first.is_none() {
            followed.first = Some(record.time);
        }
        if followed.skip > 0 {
            followed.skip -= 1;
            continue;
        }
        each(&followed.path, record);
        state.packets += 1;
        *left -= 1;
    }
    Ok(true)
}

fn at_rest(path: &Path, size: u64, now: SystemTime) -> bool {
    std::fs::metadata(path).map_or(true, |m| m.len() == size && since(&m, now) >= REST)
}

/// How long a file has been at rest; one with a time in the future (a wrong clock somewhere) is at rest.
fn since(meta: &Metadata, now: SystemTime) -> Duration {
    meta.modified().map_or(REST, |m| now.duration_since(m).unwrap_or(REST))
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn is_packed(head: &[u8]) -> bool {
    matches!(head, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

fn trouble(path: &Path, error: &FileError) -> Trouble {
    Trouble { path: path.to_owned(), what: error.to_string() }
}
