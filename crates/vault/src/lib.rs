//! What happened: the system of record for events.
//!
//! One data folder is one site is one log. A record gets its number (site, epoch, seq) here, before detection or a page sees
//! it, and a producer is told only after the bytes were synced to disk. The rest of Hinomi knows this interface and nothing
//! of the files behind it (docs/store-format.md).
//!
//! - **Writing**: [`Appender`], for any number of producers; one writer thread, group commit, bounded queue.
//! - **Reading**: [`Vault::read`] by time, kind, address and place; [`Vault::get`] one record; [`Vault::follow`] for consumers,
//!   which keep their `seq` in the same transaction as their result.
//! - **Failing**: a disk that is full, slow, broken or read-only stops writing with a clear [`Writing::Stopped`]; reading goes
//!   on; writing resumes by itself and nothing acknowledged is lost, invented or doubled.
//! - **Proving**: every five seconds what came is committed to a Merkle log ([`Vault::commit`]); records become segment files
//!   (Parquet) without what was committed ever changing.
//! - **Knowing**: [`Vault::status`] for pages, [`Vault::verify`] names every place that is not what was written.
//!
//! `seq` goes on through epochs: a restored or copied folder begins a new epoch at the number after the last one it knows, so
//! a consumer's cursor stays one number, and (epoch, seq) names a record even where a copy went on under the old epoch.

mod age;
pub mod archive;
pub mod ask;
pub mod blobs;
mod chores;
pub mod columns;
mod commit;
mod compact;
mod confirm;
mod core;
mod crypt;
mod disk;
pub mod erase;
mod error;
mod folder;
mod frame;
mod half;
mod log;
mod pressure;
mod prove;
mod read;
mod readonly;
mod retention;
mod scan;
mod schedule;
mod seal;
mod sealed;
mod segment;
pub mod sim;
mod source;
mod status;
mod tail;
mod verify;
mod writer;

pub use crate::core::Options;
pub use age::Recipient;
pub use archive::{ArchiveCheck, Export, Exported};
pub use blobs::BlobId;
pub use confirm::{Confirmation, ConfirmationKind};
pub use crypt::{Answer, AskPassphrase, Encryption, LockKind, NewLock, Rewriting, Secret, Unlock, encryption_of, key_file_is_outside};
pub use disk::{AnyDisk, Disk, DiskFile, DiskRead, Identity, RealDisk};
pub use error::{Damage, VaultError};
pub use frame::Mark;
pub use log::{Tiles, origin_of};
pub use pressure::{Backlog, PRESSURE};
pub use prove::{MOST_RECORDS, ProofState, Request};
pub use read::{Follower, Query, Reader};
pub use retention::{Hold, Retention, SACRIFICE};
pub use schedule::{Late, Schedule};
pub use status::{ExportNow, ExportRun, LastExport, LastVerified, LetGo, LogStatus, TableStatus, VaultStatus, Writing};
pub use verify::{Depth, Verified};
pub use writer::{Acknowledged, Appender, Ticket};

use crate::core::{Health, Inner, Queue, lock};
use crate::log::Log;
use model::event::Table;
use model::{Event, EventId, NewEvent, SiteId};
use std::any::Any;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread::JoinHandle;

/// An open data folder. Closing (or dropping) it writes what is queued.
pub struct Vault {
    inner: Arc<Inner>,
    writer: Mutex<Option<JoinHandle<()>>>,
    chores: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the writer is done.
    _guard: Box<dyn Any + Send + Sync>,
}

impl Vault {
    /// Opens the folder, making it where there is none, repairs what a crash left and starts the writer. `site` is whose log
    /// it must be; absent, a new folder gets a new site and an old one keeps its own.
    pub fn open(dir: &Path, site: Option<SiteId>, options: Options) -> Result<Vault, VaultError> {
        Vault::open_unlocked(dir, site, options, &Unlock::default())
    }

    /// The same of a folder that may be encrypted.
    pub fn open_unlocked(dir: &Path, site: Option<SiteId>, options: Options, unlock: &Unlock) -> Result<Vault, VaultError> {
        Vault::open_on_unlocked(Arc::new(RealDisk), dir, site, options, unlock)
    }

    /// Opens a folder for reading only, also while another process writes it: nothing in it is changed, and what comes later is not seen.
    pub fn open_read_only(dir: &Path, options: Options) -> Result<Vault, VaultError> {
        Vault::open_read_only_unlocked(dir, options, &Unlock::default())
    }

    /// The same of a folder that may be encrypted.
    pub fn open_read_only_unlocked(dir: &Path, options: Options, unlock: &Unlock) -> Result<Vault, VaultError> {
        if !dir.join("folder.json").is_file() {
            return Err(VaultError::io("open", dir, &std::io::ErrorKind::NotFound.into()));
        }
        Vault::open_with(Arc::new(readonly::ReadOnly::folder(dir)), dir, None, options, true, Some(unlock))
    }

    /// Whether a process holds this folder open for writing now. Nothing is changed.
    pub fn is_in_use(dir: &Path) -> bool {
        dir.join("lock").is_file() && matches!(RealDisk.lock(dir), Ok(None))
    }

    /// Opens an archive for reading: the folder of one volume, or a folder of volumes.
    pub fn open_archive(path: &Path, options: Options) -> Result<Vault, VaultError> {
        let volumes = archive::volumes_of(path)?;
        let Some(first) = volumes.first().cloned() else { return Err(VaultError::Closed) };
        // What is in an archive is never encrypted by the folder's key.
        Vault::open_with(Arc::new(readonly::ReadOnly::volumes(volumes)), &first, None, options, true, None)
    }

    /// The same on another disk.
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, site: Option<SiteId>, options: Options) -> Result<Vault, VaultError> {
        Vault::open_on_unlocked(disk, dir, site, options, &Unlock::default())
    }

    /// The same of a folder that may be encrypted.
    pub fn open_on_unlocked(
        disk: Arc<dyn Disk>,
        dir: &Path,
        site: Option<SiteId>,
        options: Options,
        unlock: &Unlock,
    ) -> Result<Vault, VaultError> {
        Vault::open_with(disk, dir, site, options, false, Some(unlock))
    }

    fn open_with(
        disk: Arc<dyn Disk>,
        dir: &Path,
        site: Option<SiteId>,
        options: Options,
        read_only: bool,
        unlock: Option<&Unlock>,
    ) -> Result<Vault, VaultError> {
        disk.make_dir(dir).map_err(|e| VaultError::io("make the folder", dir, &e))?;
        let locked = disk.lock(dir).map_err(|e| VaultError::io("write in the folder", dir, &e))?;
        let (guard, inode) = locked.ok_or_else(|| VaultError::Locked { dir: dir.to_path_buf() })?;
        let crypt = unlock.map(|u| crypt::CryptDisk::open(Arc::clone(&disk), dir, u, read_only).map(Arc::new)).transpose()?;
        let disk: Arc<dyn Disk> = match &crypt {
            Some(c) => Arc::clone(c) as Arc<dyn Disk>,
            None => disk,
        };
        let site = folder::whose(&*disk, dir, site, (options.now)())?;
        let log = Log::open(Arc::clone(&disk), dir, site, read_only)?;
        let found = sealed::open(&*disk, dir, &log)?;
        let mut opened = folder::open(&*disk, dir, Some(site), &options, inode, found.view.sealed_to, read_only)?;
        opened.damage.extend(found.damage);
        opened.notes.extend(found.notes);
        let mut view = found.view;
        view.segments = opened.view.segments;
        if log.covered > opened.next_seq - 1 {
            // The log knows more than the folder holds: restored from an older copy, or files are missing. Numbers are not given twice.
            let what = format!("records {} to {} were committed and are not here", opened.next_seq, log.covered);
            opened.damage.push(Damage {
                file: dir.join("log").join("checkpoint"),
                offset: 0,
                first_seq: opened.next_seq,
                last_seq: Some(log.covered),
                what,
            });
            opened.next_seq = log.covered + 1;
        }
        let after = opened.folder.epochs.last().map_or((0, 0), |e| (e.after_epoch, e.after_seq));
        let chain = view.segments.last().map(|s| s.summary(|m| m.chain)).unwrap_or_default();
        let inner = Arc::new(Inner {
            disk,
            crypt,
            dir: dir.to_path_buf(),
            site: opened.folder.site,
            epoch: opened.folder.epoch,
            options,
            retention: Mutex::new(options.retention),
            folder: Mutex::new(opened.folder),
            view: RwLock::new(view),
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
            footers: Mutex::new(VecDeque::new()),
            files: Mutex::new(()),
            log: Mutex::new(log),
            log_status: Mutex::new(LogStatus::default()),
            chores: Mutex::new(chores::Chores::default()),
            has_chores: Condvar::new(),
            marks: Mutex::new(found.marks.into_iter().map(|m| (m.producer, m)).collect()),
            head: Mutex::new(source::Head::default()),
            memory: Mutex::new(status::Memory::default()),
            exporting: AtomicBool::new(false),
            job: Mutex::new(None),
            read_only,
            dropped: AtomicU64::new(0),
            holds: Mutex::new(found.holds),
            erased: Mutex::new(found.erased),
            blobs: Mutex::default(),
        });
        blobs::tidy(&*inner.disk, &inner.dir);
        {
            let log = core::lock(&inner.log);
            commit::publish(&inner, &log);
            if found.behind {
                // A help only: where it cannot be written now, the next start follows the log again.
                let _ = sealed::save_again(&inner, &log);
            }
            if !read_only {
                erase::resume(&inner, &log)?;
            }
        }
        tail::marks(&inner)?;
        let memory = archive::remembered(&inner);
        *core::lock(&inner.memory) = memory;
        if read_only {
            core::lock(&inner.health).writing = Writing::Closed;
            core::lock(&inner.queue).closed = true;
            return Ok(Vault { inner, writer: Mutex::new(None), chores: Mutex::new(Vec::new()), _guard: guard });
        }
        if let Some(reason) = opened.epoch_began {
            // Records of the epoch before belong to it: they are committed first.
            commit::commit(&inner)?;
            commit::epoch(&inner, reason)?;
        }
        let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(String::from(name)).spawn(run);
            thread.map_err(|e| VaultError::io("start a thread for", dir, &e))
        };
        let writer = writer::Writer::new(Arc::clone(&inner), opened.next_seq, after, chain);
        let thread = start("vault-writer", Box::new(move || writer.run()))?;
        let other = Arc::clone(&inner);
        let chores = start("vault-log", Box::new(move || chores::run(&other)))?;
        let other = Arc::clone(&inner);
        let files = start("vault-files", Box::new(move || chores::files(&other)))?;
        let other = Arc::clone(&inner);
        let look = start("vault-look", Box::new(move || chores::look(&other)))?;
        Ok(Vault { inner, writer: Mutex::new(Some(thread)), chores: Mutex::new(vec![chores, files, look]), _guard: guard })
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

    /// The name of the record of that number.
    pub fn id_of(&self, seq: u64) -> EventId {
        EventId { site: self.inner.site, epoch: lock(&self.inner.folder).epoch_of(seq), seq }
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
        self.inner.wake_log();
    }

    /// Commits what was acknowledged until now instead of at the next tick. The size of the log afterwards.
    pub fn commit(&self) -> Result<u64, VaultError> {
        commit::commit(&self.inner)?;
        Ok(lock(&self.inner.log).size())
    }

    /// Closes the file of the write-ahead log and makes segment files of everything; returns when that is done.
    pub fn seal(&self) -> Result<(), VaultError> {
        if self.inner.read_only {
            return Ok(());
        }
        let (done, waits) = std::sync::mpsc::channel();
        {
            let mut q = lock(&self.inner.queue);
            if q.closed {
                // Nobody would answer any more: the writer closes its file itself.
                drop(done);
            } else {
                q.roll.push(done);
                q.housekeeping = true;
            }
        }
        self.inner.has_work.notify_all();
        // An error means that the writer has ended: then nothing is open.
        let _ = waits.recv();
        seal::seal_finished(&self.inner)?;
        Ok(())
    }

    /// Merges small segment files where there are enough of them. How many were replaced.
    pub fn compact(&self) -> Result<u64, VaultError> {
        compact::compact(&self.inner)
    }

    /// Erases addresses, names and text of records on request, for good ([`erase`]).
    pub fn erase(&self, ask: &erase::Erase) -> Result<erase::Erased, VaultError> {
        erase::check(&self.inner, ask)?;
        // A batch may lie across two files of the write-ahead log: while records come, one seal more brings the rest of it.
        for _ in 0..5 {
            if !ask.dry_run {
                self.seal()?;
            }
            if let Some(done) = erase::erase(&self.inner, ask)? {
                return Ok(done);
            }
        }
        Err(VaultError::Record(String::from("some of the records could not be sealed yet; nothing was erased: try again")))
    }

    /// What was erased on request, oldest first.
    pub fn erasures(&self) -> Vec<erase::Erasure> {
        lock(&self.inner.erased).clone()
    }

    /// What is left of a record that was erased on request. `None` where there is none of that name here, or it was not erased.
    pub fn remains(&self, id: EventId) -> Result<Option<erase::Remains>, VaultError> {
        if id.site != self.inner.site || id.seq == 0 {
            return Ok(None);
        }
        Ok(erase::remains(&self.inner, id.seq)?.filter(|r| r.id == id))
    }

    /// Lets go what is over the limits now. How many segment files went.
    pub fn let_go(&self) -> Result<u64, VaultError> {
        retention::enforce(&self.inner)
    }

    /// Changes the key that signs checkpoints: the old one signs the new one over, in the log.
    pub fn rotate_key(&self) -> Result<(), VaultError> {
        let mut log = lock(&self.inner.log);
        log.rotate((self.inner.options.now)())?;
        commit::publish(&self.inner, &log);
        Ok(())
    }

    fn crypt(&self) -> Result<&crypt::CryptDisk, VaultError> {
        let refused = || {
            VaultError::Encryption(String::from("the folder was opened for reading only; stop Hinomi and try again, or use the console"))
        };
        self.inner.crypt.as_deref().filter(|_| !self.inner.read_only).ok_or_else(refused)
    }

    /// Turns encryption at rest on: from now on what is written is encrypted, and what was written before follows in the background. The recovery
    /// key, to be shown once and printed.
    pub fn encrypt(&self, with: &NewLock, by: &str) -> Result<Secret, VaultError> {
        let recovery = self.crypt()?.turn_on(with, by, (self.inner.options.now)())?;
        self.bring_soon();
        Ok(recovery)
    }

    /// Turns encryption at rest off, or says that it stays off, and why: from now on what is written is plain, and what was written before
    /// follows in the background.
    pub fn decrypt(&self, by: &str, reason: &str) -> Result<(), VaultError> {
        self.crypt()?.turn_off(by, reason, (self.inner.options.now)())?;
        self.bring_soon();
        Ok(())
    }

    /// Changes what opens the folder, at once: no file is written anew. With `recovery` a new recovery key is made and the old one is void.
    pub fn rekey(&self, with: Option<&NewLock>, recovery: bool, by: &str) -> Result<Option<Secret>, VaultError> {
        self.crypt()?.rekey(with, recovery, by, (self.inner.options.now)())
    }

    /// Brings the files of before after a change of encryption now, as fast as the disk can. False where some are in use: again later.
    pub fn bring_after(&self) -> Result<bool, VaultError> {
        crypt::look_after_now(&self.inner)
    }

    /// The file that is being written ends here, so that the next one is as was decided; the rest follows.
    fn bring_soon(&self) {
        let (done, _) = std::sync::mpsc::channel();
        {
            let mut q = lock(&self.inner.queue);
            q.roll.push(done);
            q.housekeeping = true;
        }
        self.inner.has_work.notify_all();
        lock(&self.inner.chores).rewrite = true;
        self.inner.wake_log();
    }

    /// Makes an evidence pack. What came until now is committed first.
    pub fn prove(&self, ask: &Request) -> Result<Vec<u8>, VaultError> {
        prove::prove(&self.inner, ask)
    }

    /// How a record of a table stands in the log: which batch holds it, and where. `None` where it is in none yet.
    pub fn proof_state(&self, table: Table, seq: u64) -> Result<Option<ProofState>, VaultError> {
        prove::state(&self.inner, table, seq)
    }

    /// The newest checkpoint, a signed note; `None` where nothing was committed yet.
    pub fn checkpoint(&self) -> Option<String> {
        let status = lock(&self.inner.log_status);
        (status.size > 0).then(|| status.checkpoint.clone())
    }

    /// The public key line.
    pub fn vkey(&self) -> String {
        lock(&self.inner.log_status).vkey.clone()
    }

    /// The proof that the log of `to` entries goes on from the one of `from`.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<proof::Hash>, VaultError> {
        let tiles = Tiles::of(Arc::clone(&self.inner.disk), &self.inner.dir);
        let wrong = |e: proof::tiles::ReadError<VaultError>| VaultError::Record(e.to_string());
        proof::tiles::consistency_proof(&tiles, from, to).map_err(wrong)
    }

    /// The root of the log's first `size` entries.
    pub fn root_at(&self, size: u64) -> Result<proof::Hash, VaultError> {
        let tiles = Tiles::of(Arc::clone(&self.inner.disk), &self.inner.dir);
        let wrong = |e: proof::tiles::ReadError<VaultError>| VaultError::Record(e.to_string());
        proof::tiles::root(&tiles, size).map_err(wrong)
    }

    /// Keeps a checkpoint with the lines that witnesses added.
    pub fn keep_cosignatures(&self, size: u64, note: &str) -> Result<(), VaultError> {
        confirm::keep_cosignatures(&self.inner, size, note)
    }

    /// Keeps a time-stamp authority's answer with the question.
    pub fn keep_stamp(&self, size: u64, query: &[u8], reply: &[u8]) -> Result<(), VaultError> {
        confirm::keep_stamp(&self.inner, size, query, reply)
    }

    /// What others said of the log, newest first.
    pub fn confirmations(&self) -> Vec<Confirmation> {
        confirm::all(&self.inner)
    }

    /// Writes an archive of everything, reads it back, and notes it in the log. `progress` gets bytes done and in all; by saying no it
    /// breaks the export off, to be gone on with by the same call.
    pub fn export(&self, ask: &Export, progress: impl FnMut(u64, u64) -> bool) -> Result<Exported, VaultError> {
        self.seal()?;
        archive::export(&self.inner, ask, progress)
    }

    /// Tells the export that goes on to stop. False where none does.
    pub fn stop_export(&self) -> bool {
        lock(&self.inner.job).as_mut().map(|job| job.stopping = true).is_some()
    }

    /// Records that may not be let go.
    pub fn holds(&self) -> Vec<Hold> {
        lock(&self.inner.holds).clone()
    }

    /// Sets the holds; a hold counts as soon as this comes back.
    pub fn set_holds(&self, holds: Vec<Hold>) -> Result<(), VaultError> {
        let log = lock(&self.inner.log);
        let before = std::mem::replace(&mut *lock(&self.inner.holds), holds);
        sealed::save_again(&self.inner, &log).inspect_err(|_| *lock(&self.inner.holds) = before)
    }

    /// Reads every stored byte and names what is not what was written.
    pub fn verify(&self) -> Result<Verified, VaultError> {
        verify::verify(&self.inner, Depth::Files, |_| true)
    }

    /// The same, as closely as asked; `progress` is told the bytes looked at so far and ends it by saying no.
    pub fn verify_with(&self, depth: Depth, progress: impl FnMut(u64) -> bool) -> Result<Verified, VaultError> {
        verify::verify(&self.inner, depth, progress)
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
        // What was written last is committed before the end.
        lock(&self.inner.chores).closing = true;
        self.inner.has_chores.notify_all();
        for thread in std::mem::take(&mut *lock(&self.chores)) {
            let _ = thread.join();
        }
    }
}

/// A record in the readable form of docs/store-format.md, as evidence packs show it: JSON in one line.
pub fn readable(event: &Event) -> Result<String, VaultError> {
    let e = event.clone();
    let new = NewEvent { source: e.source, received: e.received, happened: e.happened, body: e.body };
    let mut groups = proof::canon::Groups::default();
    let wrong = |x: proof::canon::CanonError| VaultError::Record(x.to_string());
    proof::canon::write(&new, &mut groups).map_err(wrong)?;
    proof::canon::readable(groups.all()).map_err(wrong)
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.close();
    }
}
