//! The few things that the vault asks of a disk, so that tests can put a failing or forgetful one in its place
//! ([`crate::sim::SimDisk`]). Nothing else in this crate touches the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A disk.
pub trait Disk: Send + Sync + 'static {
    /// Makes the folder and its parents.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the folder for this process alone. `None` where another has it. The guard gives it back when dropped.
    /// The number tells this folder from a copy of it (inode of the lock file).
    fn lock(&self, dir: &Path) -> io::Result<Option<(Box<dyn std::any::Any + Send + Sync>, u64)>>;
    /// Names and lengths of the files in a folder, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>>;
    /// A new file, to be written from its start. Refuses where there is one of that name.
    fn create(&self, file: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A file to be read.
    fn open(&self, file: &Path) -> io::Result<Box<dyn DiskRead>>;
    /// Cuts a file and makes what is left of it durable.
    fn truncate(&self, file: &Path, len: u64) -> io::Result<()>;
    /// Renames, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes that an ordinary account may still write.
    fn free(&self, dir: &Path) -> io::Result<u64>;
}

/// A file being written.
pub trait DiskFile: Send {
    /// Appends all of it. After an error the file holds any part of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable (`fdatasync`). After an error nothing is known about what was written since the
    /// sync before: the kernel forgets that pages are dirty, and asking again would only seem to succeed.
    fn sync(&mut self) -> io::Result<()>;
    /// Sets room aside for the file's first bytes, so that a sync need not find some and write down where. Its length stays. A help: nothing is
    /// promised, and nothing is told.
    fn reserve(&mut self, _bytes: u64) {}
    /// Gives back what was set aside and not used.
    fn release(&mut self) {}
}

/// A file being read.
pub trait DiskRead: Send + Sync {
    /// Its length now.
    fn size(&self) -> io::Result<u64>;
    /// Fills the buffer from that place, or fails with `UnexpectedEof`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// What tells that a file of a name is still the same one: what is remembered of files is remembered with it. Disks without it cannot
    /// be asked in SQL.
    fn identity(&self) -> io::Result<Identity> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Inode, length and time of change of a file.
pub type Identity = (u64, u64, i64, i64);

/// All of a file.
pub(crate) fn read_all(disk: &dyn Disk, file: &Path) -> io::Result<Vec<u8>> {
    let reader = disk.open(file)?;
    let len = usize::try_from(reader.size()?).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    bytes.resize(len, 0);
    reader.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Writes a small file so that after a crash either the old or the new one is there, whole.
pub(crate) fn replace(disk: &dyn Disk, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(file, ".new");
    match disk.remove(&new) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut f = disk.create(&new)?;
    f.write(bytes)?;
    f.sync()?;
    disk.rename(&new, file)?;
    file.parent().map_or(Ok(()), |d| disk.sync_dir(d))
}

/// Whether a file is one that [`replace`] had not finished.
pub(crate) fn is_half_made(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "new")
}

/// The same name with something after it.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }
    fn lock(&self, dir: &Path) -> io::Result<Option<(Box<dyn std::any::Any + Send + Sync>, u64)>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock"))?;
        match file.try_lock() {
            Ok(()) => {
                let inode = file.metadata()?.ino();
                Ok(Some((Box::new(file), inode)))
            }
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(e),
        }
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if let (true, Ok(name)) = (meta.is_file(), entry.file_name().into_string()) {
                all.push((name, meta.len()));
            }
        }
        Ok(all)
    }
    fn create(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        // What is kept is nobody else's to read.
        Ok(Box::new(RealFile(OpenOptions::new().create_new(true).write(true).mode(0o600).open(file)?)))
    }
    fn open(&self, file: &Path) -> io::Result<Box<dyn DiskRead>> {
        Ok(Box::new(RealFile(File::open(file)?)))
    }
    fn truncate(&self, file: &Path, len: u64) -> io::Result<()> {
        let f = OpenOptions::new().write(true).open(file)?;
        if f.metadata()?.len() != len {
            f.set_len(len)?;
        }
        f.sync_all()
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
    fn free(&self, dir: &Path) -> io::Result<u64> {
        let s = rustix::fs::statvfs(dir)?;
        Ok(s.f_bavail.saturating_mul(s.f_frsize))
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn reserve(&mut self, bytes: u64) {
        let _ = rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::KEEP_SIZE, 0, bytes);
    }
    fn release(&mut self) {
        // Cutting a file at its own length frees what was set aside behind it (ext4, xfs).
        let _ = self.0.metadata().and_then(|m| self.0.set_len(m.len()));
    }
}

impl DiskRead for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
    fn identity(&self) -> io::Result<Identity> {
        let m = self.0.metadata()?;
        Ok((m.ino(), m.len(), m.mtime(), m.mtime_nsec()))
    }
}

/// A disk that can be handed about and shown in debugging.
#[derive(Clone)]
pub struct AnyDisk(pub std::sync::Arc<dyn Disk>);

impl Default for AnyDisk {
    fn default() -> AnyDisk {
        AnyDisk(std::sync::Arc::new(RealDisk))
    }
}

impl std::fmt::Debug for AnyDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyDisk")
    }
}

impl PartialEq for AnyDisk {
    fn eq(&self, other: &AnyDisk) -> bool {
        std::sync::Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for AnyDisk {}

/// A file being written, for what writes to [`Write`].
pub(crate) struct Sink(pub Box<dyn DiskFile>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
