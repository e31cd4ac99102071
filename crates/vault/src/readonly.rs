//! Reading a data folder that somebody else writes, or an archive: a disk whose changes go nowhere.
//!
//! The same code that opens a folder for writing opens it for reading; what it would mend or tidy on the way stays as it is. An archive in
//! several volumes is several roots that are looked through in turn.

use crate::disk::{Disk, DiskFile, DiskRead, RealDisk};
use std::any::Any;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder that paths begin with; the roots stand for it.
pub(crate) struct ReadOnly {
    dir: PathBuf,
    roots: Vec<PathBuf>,
}

impl ReadOnly {
    /// A folder.
    pub fn folder(dir: &Path) -> ReadOnly {
        ReadOnly { dir: dir.to_path_buf(), roots: vec![dir.to_path_buf()] }
    }
    /// Several folders that together are one.
    pub fn volumes(roots: Vec<PathBuf>) -> ReadOnly {
        ReadOnly { dir: roots.first().cloned().unwrap_or_default(), roots }
    }

    fn places(&self, path: &Path) -> Vec<PathBuf> {
        match path.strip_prefix(&self.dir) {
            Ok(inside) => self.roots.iter().map(|r| r.join(inside)).collect(),
            Err(_) => vec![path.to_path_buf()],
        }
    }
}

struct Nowhere;

impl DiskFile for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for ReadOnly {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self, dir: &Path) -> io::Result<Option<(Box<dyn Any + Send + Sync>, u64)>> {
        let inode = self.places(&dir.join("lock")).iter().find_map(|p| std::fs::metadata(p).ok()).map_or(0, |m| m.ino());
        Ok(Some((Box::new(()), inode)))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut all: Vec<(String, u64)> = Vec::new();
        let mut missing = None;
        let mut any = false;
        for place in self.places(dir) {
            match RealDisk.list(&place) {
                Ok(found) => {
                    any = true;
                    all.extend(found);
                }
                Err(e) if e.kind() == ErrorKind::NotFound => missing = Some(e),
                Err(e) => return Err(e),
            }
        }
        all.sort();
        all.dedup_by(|a, b| a.0 == b.0);
        match missing {
            Some(e) if !any => Err(e),
            _ => Ok(all),
        }
    }
    fn create(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(Nowhere))
    }
    fn open(&self, file: &Path) -> io::Result<Box<dyn DiskRead>> {
        let mut last = io::Error::from(ErrorKind::NotFound);
        for place in self.places(file) {
            match RealDisk.open(&place) {
                Ok(f) => return Ok(f),
                Err(e) if e.kind() == ErrorKind::NotFound => last = e,
                Err(e) => return Err(e),
            }
        }
        Err(last)
    }
    fn truncate(&self, _: &Path, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn free(&self, dir: &Path) -> io::Result<u64> {
        RealDisk.free(dir)
    }
}
