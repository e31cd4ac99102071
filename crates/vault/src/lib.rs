//! What happened: the system of record for events.
//!
//! One data folder is one site is one log. A record gets its number (site, epoch, seq) here, before detection or a page sees
//! it, and a producer is told only after the bytes were synced to disk. The rest of Hinomi knows this interface and nothing
//! of the files behind it (docs/store-format.md describes today's), so that sealing into columns and the Merkle log can
//! come without anybody else changing.
//!
//! - **Writing**: [`Appender`], for any number of producers; one writer thread, group commit, bounded queue.
//! - **Reading**: [`Vault::read`] by time, kind, address and place; [`Vault::get`] one record; [`Vault::follow`] for consumers,
//!   which keep their `seq` in the same transaction as their result.
//! - **Failing**: a disk that is full, slow, broken or read-only stops writing with a clear [`Writing::Stopped`]; reading goes
//!   on; writing resumes by itself and nothing acknowledged is lost, invented or doubled.
//! - **Knowing**: [`Vault::status`] for pages, [`Vault::verify`] names every place that is not what was written.
//!
//! `seq` goes on through epochs: a restored or copied folder begins a new epoch at the number after the last one it knows, so
//! a consumer's cursor stays one number, and (epoch, seq) names a record even where a copy went on under the old epoch.

pub mod blobs;
pub mod columns;
mod core;
mod disk;
mod error;
mod folder;
mod frame;
mod read;
mod retention;
mod segment;
pub mod sim;
mod status;
mod verify;
mod writer;

pub use crate::core::{Options, Retention};
pub use blobs::BlobId;
pub use disk::{Disk, DiskFile, DiskRead, RealDisk};
pub use error::{Damage, VaultError};
pub use read::{Follower, Query, Reader};
pub use status::{LetGo, VaultStatus, Writing};
pub use verify::Verified;
pub use writer::{Acknowledged, Appender, Ticket};

use crate::core::{Health, Inner, Queue, lock};
use model::{Event, EventId, SiteId};
use std::any::Any;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread::JoinHandle;

/// An open data folder. Closing (or dropping) it writes what is queued.
pub struct Vault {
    inner: Arc<Inner>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held until the writer is done.
    _guard: Box<dyn Any + Send + Sync>,
}

impl Vault {
    /// Opens the folder, making it where there is none, repairs what a crash left and starts the writer. `site` is whose log
    /// it must be; absent, a new folder gets a new site and an old one keeps its own.
    pub fn open(dir: &Path, site: Option<SiteId>, options: Options) -> Result<Vault, VaultError> {
        Vault::open_on(Arc::new(RealDisk), dir, site, options)
    }

    /// The same on another disk.
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, site: Option<SiteId>, options: Options) -> Result<Vault, VaultError> {
        disk.make_dir(dir).map_err(|e| VaultError::io("make the folder", dir, &e))?;
        let locked = disk.lock(dir).map_err(|e| VaultError::io("write in the folder", dir, &e))?;
        let (guard, inode) = locked.ok_or_else(|| VaultError::Locked { dir: dir.to_path_buf() })?;
        let opened = folder::open(&*disk, dir, site, &options, inode)?;
        let after = opened.folder.epochs.last().map_or((0, 0), |e| (e.after_epoch, e.after_seq));
        let inner = Arc::new(Inner {
            disk,
            dir: dir.to_path_buf(),
            site: opened.folder.site,
            epoch: opened.folder.epoch,
            options,
            retention: Mutex::new(options.retention),
            folder: Mutex::new(opened.folder),
            view: RwLock::new(opened.view),
            committed: Mutex::new(opened.next_seq - 1),
            on_commit: Condvar::new(),
            queue: Mutex::new(Queue::default()),
            has_work: Condvar::new(),
            has_room: Condvar::new(),
            health: Mutex::new(Health {
                writing: Writing::Ok,
                write_errors: 0,
                last_sync: None,
                last_sync_micros: 0,
                damage: opened.damage,
                notes: opened.notes,
            }),
            hooks: Mutex::new(Vec::new()),
            loaded: Mutex::new(VecDeque::new()),
            blobs: Mutex::new(None),
        });
        blobs::tidy(&*inner.disk, &inner.dir);
        let writer = writer::Writer::new(Arc::clone(&inner), opened.next_seq, after);
        let thread = std::thread::Builder::new().name(String::from("vault-writer")).spawn(move || writer.run());
        let thread = thread.map_err(|e| VaultError::io("start the writer's thread for", dir, &e))?;
        Ok(Vault { inner, writer: Mutex::new(Some(thread)), _guard: guard })
    }

    /// Whose log this is.
    pub fn site(&self) -> SiteId {
        self.inner.site
    }
    /// The epoch that new records get.
    pub fn epoch(&self) -> u32 {
        self.inner.epoch
    }
    /// The last acknowledged record; 0 where there is none yet. A consumer whose cursor is higher than this was fed by a
    /// vault that knew more: the folder was restored from an older copy.
    pub fn last_seq(&self) -> u64 {
        *lock(&self.inner.committed)
    }

    /// A way in, for one producer.
    pub fn appender(&self) -> Appender {
        Appender { inner: Arc::clone(&self.inner) }
    }

    /// Asks for records.
    pub fn read(&self, query: &Query) -> Reader {
        Reader::new(Arc::clone(&self.inner), query.clone())
    }

    /// One record. `None` where there is none of that name here, or it was let go.
    pub fn get(&self, id: EventId) -> Result<Option<Event>, VaultError> {
        if id.site != self.inner.site || id.seq == 0 {
            return Ok(None);
        }
        let query = Query { after_seq: Some(id.seq - 1), before_seq: id.seq.checked_add(1), limit: Some(1), ..Query::default() };
        let found = self.read(&query).next().transpose()?;
        Ok(found.filter(|e| e.id == id))
    }

    /// Keeps an attachment, at most [`blobs::MOST_BYTES`]; its name when it is safe on disk. The same bytes have the same name.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, VaultError> {
        blobs::put(&self.inner, bytes)
    }

    /// An attachment by its name, checked against it. `None` where there is none.
    pub fn get_blob(&self, id: BlobId) -> Result<Option<Vec<u8>>, VaultError> {
        blobs::get(&self.inner, id)
    }

    /// Follows the log from the record after `after_seq`.
    pub fn follow(&self, after_seq: u64) -> Follower {
        Follower::new(Arc::clone(&self.inner), after_seq)
    }

    /// Calls with the last acknowledged seq after each commit, on the writer's thread: be quick (send on a channel, wake a task).
    pub fn on_commit(&self, hook: impl Fn(u64) + Send + Sync + 'static) {
        lock(&self.inner.hooks).push(Box::new(hook));
    }

    /// How it is doing.
    pub fn status(&self) -> VaultStatus {
        self.inner.status()
    }

    /// Changes the limits; applied soon after by the writer.
    pub fn set_retention(&self, retention: Retention) {
        *lock(&self.inner.retention) = retention;
        self.tidy();
    }

    /// Asks the writer to apply age and retention limits now instead of at its next tick.
    pub fn tidy(&self) {
        lock(&self.inner.queue).housekeeping = true;
        self.inner.has_work.notify_one();
    }

    /// Reads every stored byte and names what is not what was written.
    pub fn verify(&self) -> Result<Verified, VaultError> {
        verify::verify(&self.inner)
    }

    /// Takes nothing more, writes what is queued and closes the file in good order. Where the disk refuses, waits for
    /// [`Options::close_patience`] and then tells those who wait that their batches are not safe.
    pub fn close(&self) {
        lock(&self.inner.queue).closed = true;
        self.inner.has_work.notify_all();
        self.inner.has_room.notify_all();
        if let Some(thread) = lock(&self.writer).take() {
            // The writer catches what producers' callbacks do; it does not panic itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.close();
    }
}
