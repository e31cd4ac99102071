//! What the writer, the readers and the pages share.

use crate::chores::Chores;
use crate::crypt::CryptDisk;
use crate::disk::Disk;
use crate::erase::Erasure;
use crate::error::{Damage, VaultError};
use crate::folder::Folder;
use crate::frame::{Encoded, Mark, MarkEntry};
use crate::log::Log;
use crate::retention::{Hold, Retention};
use crate::sealed::Sealed;
use crate::segment::Segment;
use crate::source::Head;
use crate::status::{ExportNow, LogStatus, Memory, VaultStatus, Writing};
use model::event::Table;
use model::{SiteId, Time};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a vault is opened. `Options::default()` is right for a factory.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Begin a new epoch: the folder comes from a backup. A copied folder is noticed by itself where the file system
    /// shows it.
    pub new_epoch: bool,
    /// What to let go, and when.
    pub retention: Retention,
    /// zstd level of frames, 0 for none.
    pub compression: i32,
    /// A file of the write-ahead log is closed, and becomes segment files, above this many bytes.
    pub roll_bytes: u64,
    /// A file of the write-ahead log is closed, and becomes segment files, after this long.
    pub roll_after: Duration,
    /// How often what came is committed to the log.
    pub commit_every: Duration,
    /// Closed files of the write-ahead log become segment files by themselves.
    pub seal: bool,
    /// Small segment files are compacted into larger ones.
    pub compact: bool,
    /// Encoded bytes that may wait for the disk; above it `append` blocks and `try_append` refuses.
    pub queue_bytes: usize,
    /// First wait after a failed write; doubled each time.
    pub retry_first: Duration,
    /// Longest wait between tries.
    pub retry_max: Duration,
    /// How long closing waits for a disk that refuses.
    pub close_patience: Duration,
    /// The clock, for status, retention and new sites. Tests give their own.
    pub now: fn() -> Time,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            new_epoch: false,
            retention: Retention::default(),
            compression: 1,
            roll_bytes: 64 << 20,
            roll_after: Duration::from_mins(15),
            commit_every: Duration::from_secs(5),
            seal: true,
            compact: true,
            queue_bytes: 32 << 20,
            retry_first: Duration::from_millis(100),
            retry_max: Duration::from_secs(5),
            close_patience: Duration::from_secs(2),
            now: system_time,
        }
    }
}

fn system_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The files that can be read, oldest first.
#[derive(Default)]
pub(crate) struct View {
    /// Files of the write-ahead log.
    pub segments: Vec<Arc<Segment>>,
    /// Segment files, by the number of their table.
    pub sealed: [Vec<Arc<Sealed>>; TABLES],
    /// Every record up to here is in segment files (or was let go).
    pub sealed_to: u64,
}

/// How many tables there are.
pub(crate) const TABLES: usize = Table::ALL.len();

impl View {
    pub fn sealed_files(&self) -> impl Iterator<Item = &Arc<Sealed>> {
        self.sealed.iter().flatten()
    }
}

/// What a producer is told when its batch is safe on disk, or never will be. Called on the writer's thread: be quick.
pub(crate) type Done = Box<dyn FnOnce(Result<Range<u64>, VaultError>) + Send>;

pub(crate) struct Pending {
    pub encoded: Encoded,
    pub mark: Option<Mark>,
    pub done: Done,
}

#[derive(Default)]
pub(crate) struct Queue {
    pub items: VecDeque<Pending>,
    pub bytes: usize,
    pub events: usize,
    pub closed: bool,
    pub housekeeping: bool,
    /// Who waits for the file that is being written to be closed.
    pub roll: Vec<std::sync::mpsc::Sender<()>>,
}

pub(crate) struct Health {
    pub writing: Writing,
    pub write_errors: u64,
    pub last_sync: Option<Time>,
    pub last_sync_micros: u64,
    pub damage: Vec<Damage>,
    pub notes: Vec<String>,
}

/// Places of damage that are remembered at most.
const MAX_DAMAGE: usize = 1000;
/// Finished segments whose frame lists stay in memory.
const LOADED: usize = 8;

type Hook = Box<dyn Fn(u64) + Send + Sync>;

pub(crate) struct Inner {
    pub disk: Arc<dyn Disk>,
    /// The same, as the layer that encrypts; absent for archives.
    pub crypt: Option<Arc<CryptDisk>>,
    pub dir: PathBuf,
    pub site: SiteId,
    pub epoch: u32,
    pub options: Options,
    pub retention: Mutex<Retention>,
    pub folder: Mutex<Folder>,
    pub view: RwLock<View>,
    /// The last acknowledged seq.
    pub committed: Mutex<u64>,
    pub on_commit: Condvar,
    pub queue: Mutex<Queue>,
    pub has_work: Condvar,
    pub has_room: Condvar,
    pub health: Mutex<Health>,
    pub hooks: Mutex<Vec<Hook>>,
    pub loaded: Mutex<VecDeque<Arc<Segment>>>,
    /// Segment files whose footers are in memory.
    pub footers: Mutex<VecDeque<Arc<Sealed>>>,
    /// Held while segment files are made, merged or let go: one at a time. Taken before the log.
    pub files: Mutex<()>,
    /// The log; held while a batch is committed, and while the files in force change.
    pub log: Mutex<Log>,
    /// What pages may know of the log without waiting for it.
    pub log_status: Mutex<LogStatus>,
    /// What the log's thread is asked.
    pub chores: Mutex<Chores>,
    pub has_chores: Condvar,
    /// The last batch of each producer that names itself.
    pub marks: Mutex<BTreeMap<u64, MarkEntry>>,
    /// The tail as columns, for questions.
    pub head: Mutex<Head>,
    /// What is remembered of looking and exporting.
    pub memory: Mutex<Memory>,
    /// An archive is being written: no segment file goes.
    pub exporting: std::sync::atomic::AtomicBool,
    /// The archive that is being written.
    pub job: Mutex<Option<ExportNow>>,
    /// Nothing is written.
    pub read_only: bool,
    /// Records let go before they were written.
    pub dropped: std::sync::atomic::AtomicU64,
    /// Records that may not be let go.
    pub holds: Mutex<Vec<Hold>>,
    /// What was erased on request.
    pub erased: Mutex<Vec<Erasure>>,
    /// What is known of blobs; held while one is written or let go.
    pub blobs: Mutex<crate::blobs::Known>,
}

/// A lock whose holder can't leave it half changed: poison is of no concern.
pub(crate) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    pub fn note_damage(&self, found: impl IntoIterator<Item = Damage>) {
        let mut health = lock(&self.health);
        for d in found {
            if health.damage.len() < MAX_DAMAGE && !health.damage.contains(&d) {
                health.damage.push(d);
            }
        }
    }

    /// Makes sure that a segment's frames are in memory, and that not too many are.
    pub fn load(&self, segment: &Arc<Segment>) -> Result<(), VaultError> {
        if segment.is_loaded() {
            return Ok(());
        }
        let damage = segment.load(&*self.disk)?;
        self.note_damage(damage);
        let mut loaded = lock(&self.loaded);
        loaded.retain(|s| !Arc::ptr_eq(s, segment));
        loaded.push_back(Arc::clone(segment));
        while loaded.len() > LOADED {
            if let Some(old) = loaded.pop_front() {
                old.unload();
            }
        }
        Ok(())
    }

    /// Asks the threads of the log and of the files to look after their chores now.
    pub fn wake_log(&self) {
        {
            let mut chores = lock(&self.chores);
            (chores.wake_log, chores.wake_files) = (true, true);
        }
        self.has_chores.notify_all();
    }

    pub fn status(&self) -> VaultStatus {
        // One lock at a time: what a guard in an expression holds lives to the expression's end.
        let memory = lock(&self.memory).clone();
        let log = lock(&self.log_status).clone();
        let let_go = lock(&self.folder).let_go;
        let encryption = self.crypt.as_ref().map(|c| c.status()).unwrap_or_default();
        let mut s = {
            let h = lock(&self.health);
            VaultStatus {
                site: self.site,
                epoch: self.epoch,
                last_seq: 0,
                events: 0,
                bytes: 0,
                segments: 0,
                oldest: None,
                newest: None,
                writing: h.writing.clone(),
                write_errors: h.write_errors,
                last_sync: h.last_sync,
                last_sync_micros: h.last_sync_micros,
                waiting: 0,
                free: None,
                days_left: None,
                let_go,
                damage: h.damage.clone(),
                notes: h.notes.clone(),
                sealed_to: 0,
                tables: Default::default(),
                log,
                last_verified: memory.last_verified,
                last_export: memory.last_export,
                exports: memory.exports,
                exporting: None,
                encryption,
                dropped: self.dropped.load(std::sync::atomic::Ordering::Relaxed),
            }
        };
        s.exporting.clone_from(&lock(&self.job));
        s.last_seq = *lock(&self.committed);
        s.waiting = lock(&self.queue).events as u64;
        s.free = self.disk.free(&self.dir).ok();
        let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
        let (mut first, mut recent) = (i64::MAX, 0);
        {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            for segment in &view.segments {
                s.segments += 1;
                s.bytes += segment.bytes();
                segment.summary(|m| {
                    s.events += m.events;
                    oldest = oldest.min(m.min_received);
                    newest = newest.max(m.max_received);
                    first = first.min(m.min_received);
                });
                recent += segment.bytes();
            }
            for file in view.sealed_files() {
                s.segments += 1;
                s.bytes += file.facts.bytes;
                s.events += file.facts.rows;
                oldest = oldest.min(file.facts.first_received);
                newest = newest.max(file.facts.last_received);
                first = first.min(file.facts.first_received);
                recent += file.facts.bytes;
                if let Some(t) = s.tables.get_mut(usize::from(file.facts.table)) {
                    t.files += 1;
                    t.rows += file.facts.rows;
                    t.bytes += file.facts.bytes;
                    let first = Time(file.facts.first_received);
                    t.oldest = Some(t.oldest.map_or(first, |o| o.min(first)));
                }
            }
            s.sealed_to = view.sealed_to;
        }
        if s.events > 0 {
            s.oldest = Some(Time(oldest));
            s.newest = Some(Time(newest));
        }
        let days = newest.saturating_sub(first) as f64 / 86_400e9;
        if let (Some(free), true, true) = (s.free, days > 1.0 / 24.0, recent > 0) {
            s.days_left = Some(free as f64 / (recent as f64 / days));
        }
        s
    }
}
