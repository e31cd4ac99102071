//! A disk in memory that fails, forgets and tears, for tests of this crate and of those that stand on it.
//!
//! What it knows that a real disk hides: which bytes are durable. A crash keeps durable bytes, and of everything written since
//! the last sync any part: all, none, or a torn piece; of names made since the last sync of the folder, any. A failed sync
//! forgets: the bytes stay readable, are never made durable by a later sync, and are gone after a crash, as on Linux.

use crate::core::lock;
use crate::disk::{Disk, DiskFile, DiskRead};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the disk fails until told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room: a write stops in the middle (ENOSPC).
    Full,
    /// Every write fails in the middle, every sync fails (EIO).
    Broken,
    /// Every write and creation is refused (EROFS).
    ReadOnly,
    /// Writes work, syncs fail and forget (EIO).
    SyncFails,
    /// Nothing can be opened or created (EMFILE).
    TooManyFiles,
}

#[derive(Clone, Default)]
struct SimFile {
    /// What readers see.
    data: Vec<u8>,
    /// What survives for sure.
    durable: Vec<u8>,
    /// Written since the last sync: offset and length in `data`.
    pending: Vec<(usize, usize)>,
}

type FileRef = Arc<Mutex<SimFile>>;

#[derive(Default)]
struct World {
    live: BTreeMap<PathBuf, FileRef>,
    durable: BTreeMap<PathBuf, FileRef>,
    locked: BTreeSet<PathBuf>,
    fault: Option<Fault>,
    sync_delay: Duration,
    ops: u64,
    crash_at: Option<u64>,
    fault_at: Option<(u64, Fault)>,
    crashed: bool,
    inode: u64,
}

/// The disk. Clones share it.
#[derive(Clone, Default)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

fn os_error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl World {
    /// Counts an operation that changes something. True: the power fails in the middle of it.
    fn step(&mut self) -> io::Result<bool> {
        if self.crashed {
            return Err(os_error(5));
        }
        self.ops += 1;
        if let Some((_, fault)) = self.fault_at.take_if(|(op, _)| *op <= self.ops) {
            self.fault = Some(fault);
        }
        if self.crash_at == Some(self.ops) {
            self.crashed = true;
            return Ok(true);
        }
        Ok(false)
    }
    fn may_create(&self) -> io::Result<()> {
        match self.fault {
            Some(Fault::Full) => Err(os_error(28)),
            Some(Fault::Broken) => Err(os_error(5)),
            Some(Fault::ReadOnly) => Err(os_error(30)),
            Some(Fault::TooManyFiles) => Err(os_error(24)),
            Some(Fault::SyncFails) | None => Ok(()),
        }
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        let disk = SimDisk::default();
        lock(&disk.world).inode = 1;
        disk
    }

    /// From now on it fails so; `None`: it works again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        lock(&self.world).fault = fault;
    }
    /// From now on each sync takes that long.
    pub fn set_sync_delay(&self, delay: Duration) {
        lock(&self.world).sync_delay = delay;
    }
    /// The power fails in the middle of the changing operation of that number, counted from 1.
    pub fn crash_at(&self, op: u64) {
        lock(&self.world).crash_at = Some(op);
    }
    /// From behind the changing operation of that number on, counted from 1, it fails so.
    pub fn fault_at(&self, op: u64, fault: Fault) {
        lock(&self.world).fault_at = Some((op, fault));
    }
    /// Changing operations so far.
    pub fn ops(&self) -> u64 {
        lock(&self.world).ops
    }
    /// Whether the power has failed.
    pub fn has_crashed(&self) -> bool {
        lock(&self.world).crashed
    }

    /// The disk as it may be found after the power failed now. The seed chooses what of the unsynced is there.
    pub fn after_crash(&self, seed: u64) -> SimDisk {
        let mut dice = Dice(seed.wrapping_mul(2).wrapping_add(1));
        let world = lock(&self.world);
        let names: BTreeSet<&PathBuf> = world.live.keys().chain(world.durable.keys()).collect();
        let mut files = BTreeMap::new();
        for name in names {
            let (live, durable) = (world.live.get(name), world.durable.get(name));
            let same = matches!((live, durable), (Some(a), Some(b)) if Arc::ptr_eq(a, b));
            let found = if same || dice.below(2) == 0 { durable } else { live };
            if let Some(f) = found {
                let data = torn(&lock(f), &mut dice);
                let file = SimFile { durable: data.clone(), data, pending: Vec::new() };
                files.insert(name.clone(), Arc::new(Mutex::new(file)));
            }
        }
        let new = World { live: files.clone(), durable: files, inode: world.inode, ..World::default() };
        SimDisk { world: Arc::new(Mutex::new(new)) }
    }

    /// A copy of the files as they can be read, on another disk: the folder has another identity there.
    pub fn copy(&self) -> SimDisk {
        let world = lock(&self.world);
        let fresh = |f: &FileRef| {
            let data = lock(f).data.clone();
            Arc::new(Mutex::new(SimFile { durable: data.clone(), data, pending: Vec::new() }))
        };
        let files: BTreeMap<_, _> = world.live.iter().map(|(n, f)| (n.clone(), fresh(f))).collect();
        let new = World { live: files.clone(), durable: files, inode: world.inode + 1, ..World::default() };
        SimDisk { world: Arc::new(Mutex::new(new)) }
    }

    /// The same, with the same identity: what a test flips and compares.
    pub fn twin(&self) -> SimDisk {
        let twin = self.copy();
        lock(&twin.world).inode -= 1;
        twin
    }

    /// Every file with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        lock(&self.world).live.iter().map(|(n, f)| (n.clone(), lock(f).data.clone())).collect()
    }

    /// Changes a file's bytes behind everybody's back.
    pub fn edit(&self, file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let found = lock(&self.world).live.get(file).cloned();
        if let Some(f) = found {
            let mut f = lock(&f);
            change(&mut f.data);
            let now = f.data.clone();
            f.durable = now;
        }
    }
}

/// A small random sequence (SplitMix64), so that a seed names a crash.
struct Dice(u64);
impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// What may be left of a file: durable bytes, and any part of what was written since, torn at 512-byte sectors or in them.
fn torn(f: &SimFile, dice: &mut Dice) -> Vec<u8> {
    let mut out = f.durable.clone();
    for (from, len) in &f.pending {
        let keep = match dice.below(4) {
            0 => 0,
            1 => *len,
            2 => dice.below(*len / 512 + 1) * 512,
            _ => dice.below(*len + 1),
        };
        // A late page may reach the disk while an earlier one does not: sometimes the beginning is what is lost.
        let skip = if dice.below(4) == 0 { dice.below(keep + 1) } else { 0 };
        let Some(bytes) = f.data.get(from + skip..from + keep) else { continue };
        if out.len() < from + keep {
            out.resize(from + keep, 0);
        }
        if let Some(place) = out.get_mut(from + skip..from + keep) {
            place.copy_from_slice(bytes);
        }
    }
    out
}

impl Disk for SimDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self, dir: &Path) -> io::Result<Option<(Box<dyn std::any::Any + Send + Sync>, u64)>> {
        struct Guard(Arc<Mutex<World>>, PathBuf);
        impl Drop for Guard {
            fn drop(&mut self) {
                lock(&self.0).locked.remove(&self.1);
            }
        }
        let mut w = lock(&self.world);
        w.may_create()?;
        if !w.locked.insert(dir.to_path_buf()) {
            return Ok(None);
        }
        let guard = Guard(Arc::clone(&self.world), dir.to_path_buf());
        Ok(Some((Box::new(guard), w.inode)))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let w = lock(&self.world);
        let inside = w.live.iter().filter(|(n, _)| n.parent() == Some(dir));
        Ok(inside.filter_map(|(n, f)| Some((n.file_name()?.to_str()?.to_owned(), lock(f).data.len() as u64))).collect())
    }
    fn create(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut w = lock(&self.world);
        w.may_create()?;
        if w.live.contains_key(file) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let dies = w.step()?;
        let f = FileRef::default();
        w.live.insert(file.to_path_buf(), Arc::clone(&f));
        if dies { Err(os_error(5)) } else { Ok(Box::new(SimWriter { world: Arc::clone(&self.world), file: f })) }
    }
    fn open(&self, file: &Path) -> io::Result<Box<dyn DiskRead>> {
        let w = lock(&self.world);
        if w.fault == Some(Fault::TooManyFiles) {
            return Err(os_error(24));
        }
        let f = w.live.get(file).cloned().ok_or(ErrorKind::NotFound)?;
        Ok(Box::new(SimReader(f)))
    }
    fn truncate(&self, file: &Path, len: u64) -> io::Result<()> {
        let mut w = lock(&self.world);
        w.may_create()?;
        let f = w.live.get(file).cloned().ok_or(ErrorKind::NotFound)?;
        if w.step()? {
            return Err(os_error(5));
        }
        let fails = w.fault == Some(Fault::SyncFails);
        drop(w);
        let mut f = lock(&f);
        f.data.truncate(len as usize);
        f.pending.clear();
        if fails {
            return Err(os_error(5));
        }
        let now = f.data.clone();
        f.durable = now;
        Ok(())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut w = lock(&self.world);
        w.may_create()?;
        let dies = w.step()?;
        let f = w.live.remove(from).ok_or(ErrorKind::NotFound)?;
        w.live.insert(to.to_path_buf(), f);
        if dies { Err(os_error(5)) } else { Ok(()) }
    }
    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut w = lock(&self.world);
        if w.fault == Some(Fault::ReadOnly) {
            return Err(os_error(30));
        }
        if !w.live.contains_key(file) {
            return Err(ErrorKind::NotFound.into());
        }
        let dies = w.step()?;
        w.live.remove(file);
        if dies { Err(os_error(5)) } else { Ok(()) }
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut w = lock(&self.world);
        if w.step()? || matches!(w.fault, Some(Fault::Broken | Fault::SyncFails)) {
            return Err(os_error(5));
        }
        w.durable = w.live.clone();
        Ok(())
    }
    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(if lock(&self.world).fault == Some(Fault::Full) { 0 } else { 1 << 40 })
    }
}

struct SimWriter {
    world: Arc<Mutex<World>>,
    file: FileRef,
}

impl DiskFile for SimWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut w = lock(&self.world);
        if w.fault == Some(Fault::ReadOnly) {
            return Err(os_error(30));
        }
        let half = w.step()? || matches!(w.fault, Some(Fault::Full | Fault::Broken));
        let taken = bytes.get(..if half { bytes.len() / 2 } else { bytes.len() }).unwrap_or(bytes);
        let mut f = lock(&self.file);
        let from = f.data.len();
        f.data.extend_from_slice(taken);
        f.pending.push((from, taken.len()));
        match (half, w.fault) {
            (false, _) => Ok(()),
            (true, Some(Fault::Full)) => Err(os_error(28)),
            (true, _) => Err(os_error(5)),
        }
    }
    fn sync(&mut self) -> io::Result<()> {
        let delay = {
            let mut w = lock(&self.world);
            let dies = w.step()?;
            if dies {
                return Err(os_error(5));
            }
            if matches!(w.fault, Some(Fault::Broken | Fault::SyncFails)) {
                // The kernel drops the dirty marks: these bytes will never be written.
                lock(&self.file).pending.clear();
                return Err(os_error(5));
            }
            let mut f = lock(&self.file);
            for (from, len) in std::mem::take(&mut f.pending) {
                let bytes = f.data.get(from..from + len).unwrap_or(&[]).to_vec();
                if f.durable.len() < from + bytes.len() {
                    f.durable.resize(from + bytes.len(), 0);
                }
                if let Some(place) = f.durable.get_mut(from..from + bytes.len()) {
                    place.copy_from_slice(&bytes);
                }
            }
            w.sync_delay
        };
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        Ok(())
    }
}

struct SimReader(FileRef);

impl DiskRead for SimReader {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.0).data.len() as u64)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let f = lock(&self.0);
        let from = usize::try_from(offset).map_err(|_| io::Error::from(ErrorKind::UnexpectedEof))?;
        let bytes = f.data.get(from..from.saturating_add(buffer.len())).ok_or(ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}
