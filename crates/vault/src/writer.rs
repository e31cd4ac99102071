//! Writing: one thread, group commit, acknowledged after the sync.
//!
//! Producers encode in their own threads and queue; the writer takes all that waits, writes it as one commit (frames of about
//! 128 KiB) with one `fdatasync`, and only then numbers become visible and producers are told. Numbers are given when the
//! commit is put together; a commit that fails keeps its numbers and its bytes until it is safe, so nothing is lost, invented
//! or written twice.
//!
//! After a failed write or sync nothing is known about the end of the file (the kernel marks pages clean after a failed
//! writeback), so the file is given up at its last acknowledged byte and the commit goes to a new one, whose name says at
//! which number it begins: whatever the old file holds from that number on is void.

use crate::core::{Inner, Pending, Queue, lock};
use crate::disk::DiskFile;
use crate::error::VaultError;
use crate::folder::discard;
use crate::frame::{self, Chain, END, FrameBuilder, FrameMeta, Mark, MarkEntry};
use crate::segment::{self, SEGMENT_HEADER, Segment, SegmentHeader, SegmentName, Summary};
use crate::status::Writing;
use model::NewEvent;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Encoded bytes of one commit at most, one batch excepted: keeps the wait behind a large commit short.
const GROUP_BYTES: usize = 8 << 20;
/// Frames of a segment at most, so that the list of the one being written stays small.
const MAX_FRAMES: u32 = 65_536;
/// Files of the write-ahead log that may wait to become segment files before the writer goes slower.
const WAITING_FILES: usize = 4;
/// How much slower for each file more, and at most: sealing gets the time it needs, and a disk that cannot be sealed to stops nobody.
const SLOWER: Duration = Duration::from_millis(25);
const SLOWEST: Duration = Duration::from_millis(400);
/// Records of a file of the write-ahead log from which on it is closed: sealing works on a file as a whole.
const MAX_RECORDS: u64 = 2_000_000;
/// Room for a file is set aside where there is so many times as much.
const AMPLE: u64 = 16;
/// How often the writer looks after retention and age when nothing comes.
const TICK: Duration = Duration::from_secs(30);

/// Hands batches to the vault. Clone it for every producer.
#[derive(Clone)]
pub struct Appender {
    pub(crate) inner: Arc<Inner>,
}

/// What becomes of a batch: the numbers that it got, or why it is not safe.
pub type Acknowledged = Result<Range<u64>, VaultError>;

impl Appender {
    /// Queues a batch and calls back when it is safe on disk, with the numbers it got (in the order given, without gaps). Blocks
    /// while the queue is full, also while the disk refuses. The call comes on the writer's thread: be quick, and never
    /// append from it. An empty batch is a barrier: it is acknowledged once everything queued before it is safe. After a crash an
    /// unacknowledged batch is there whole or not at all.
    pub fn append_with(&self, batch: &[NewEvent], done: impl FnOnce(Acknowledged) + Send + 'static) -> Result<(), VaultError> {
        self.push(batch, None, Box::new(done), true)
    }

    /// Queues a batch of a producer that names itself and counts its batches. A batch whose sequence is not above the last one known of
    /// that producer is acknowledged with nothing written (with its numbers, where it is the last one): who is not sure whether
    /// a batch got through sends it again. A batch is there whole after a crash, or not at all.
    pub fn append_once(&self, mark: Mark, batch: &[NewEvent]) -> Result<Ticket, VaultError> {
        let (ticket, done) = Ticket::new();
        self.push(batch, Some(mark), done, true)?;
        Ok(ticket)
    }

    /// Queues a batch; the ticket tells when it is safe. Blocks while the queue is full.
    pub fn append(&self, batch: &[NewEvent]) -> Result<Ticket, VaultError> {
        let (ticket, done) = Ticket::new();
        self.push(batch, None, done, true)?;
        Ok(ticket)
    }

    /// Queues a batch, or refuses with [`VaultError::Busy`] where the queue is full.
    pub fn try_append(&self, batch: &[NewEvent]) -> Result<Ticket, VaultError> {
        let (ticket, done) = Ticket::new();
        self.push(batch, None, done, false)?;
        Ok(ticket)
    }

    /// Appends a batch and waits until it is safe.
    pub fn append_and_wait(&self, batch: &[NewEvent]) -> Acknowledged {
        self.append(batch)?.wait()
    }

    fn push(&self, batch: &[NewEvent], mark: Option<Mark>, done: crate::core::Done, block: bool) -> Result<(), VaultError> {
        let encoded = frame::encode(batch)?;
        let size = encoded.bytes.len();
        let mut q = lock(&self.inner.queue);
        while !q.closed && !q.items.is_empty() && q.bytes + size > self.inner.options.queue_bytes {
            if !block {
                return Err(VaultError::Busy { waiting: q.events });
            }
            q = self.inner.has_room.wait(q).unwrap_or_else(PoisonError::into_inner);
        }
        if q.closed {
            return Err(VaultError::Closed);
        }
        q.bytes += size;
        q.events += batch.len();
        q.items.push_back(Pending { encoded, mark, done });
        drop(q);
        self.inner.has_work.notify_one();
        Ok(())
    }
}

/// A batch on its way to the disk. Wait for it in a thread, or await it.
pub struct Ticket {
    slot: Arc<(Mutex<Slot>, Condvar)>,
}

#[derive(Default)]
struct Slot {
    result: Option<Acknowledged>,
    waker: Option<Waker>,
}

impl Ticket {
    fn new() -> (Ticket, crate::core::Done) {
        let slot = Arc::new((Mutex::new(Slot::default()), Condvar::new()));
        let other = Arc::clone(&slot);
        let done = move |result| {
            let mut s = lock(&other.0);
            s.result = Some(result);
            let waker = s.waker.take();
            drop(s);
            other.1.notify_all();
            if let Some(w) = waker {
                w.wake();
            }
        };
        (Ticket { slot }, Box::new(done))
    }

    /// Blocks until the batch is safe on disk, with its numbers.
    pub fn wait(self) -> Acknowledged {
        let mut s = lock(&self.slot.0);
        loop {
            if let Some(r) = s.result.take() {
                return r;
            }
            s = self.slot.1.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks at most that long. The ticket comes back where the batch is not safe yet.
    pub fn wait_for(self, patience: Duration) -> Result<Acknowledged, Ticket> {
        let until = Instant::now() + patience;
        let mut s = lock(&self.slot.0);
        loop {
            if let Some(r) = s.result.take() {
                return Ok(r);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(s);
                return Err(self);
            }
            s = self.slot.1.wait_timeout(s, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Future for Ticket {
    type Output = Acknowledged;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Acknowledged> {
        let mut s = lock(&self.slot.0);
        match s.result.take() {
            Some(r) => Poll::Ready(r),
            None => {
                s.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The file that is being written.
struct Active {
    file: Box<dyn DiskFile>,
    segment: Arc<Segment>,
    opened: Instant,
    len: u64,
    frames: Vec<FrameMeta>,
    in_view: bool,
    chain: Chain,
}

/// One commit, put together once and kept until it is safe. Offsets count from its own start.
struct Commit {
    bytes: Vec<u8>,
    /// The chain before it, and behind it.
    chain: Chain,
    chain_end: Chain,
    frames: Vec<FrameMeta>,
    first_seq: u64,
    last_seq: u64,
    done: Vec<(crate::core::Done, Range<u64>)>,
}

pub(crate) struct Writer {
    inner: Arc<Inner>,
    builder: FrameBuilder,
    active: Option<Active>,
    next_seq: u64,
    after: (u32, u64),
    closing_since: Option<Instant>,
    /// The last file is being closed: sealing it is left to the next start.
    ending: bool,
}

impl Writer {
    pub fn new(inner: Arc<Inner>, next_seq: u64, after: (u32, u64), chain: Chain) -> Writer {
        let builder = FrameBuilder::new(inner.options.compression, chain);
        Writer { inner, builder, active: None, next_seq, after, closing_since: None, ending: false }
    }

    /// Until the vault is closed and the queue is empty.
    pub fn run(mut self) {
        loop {
            let (group, closed) = self.next_group();
            if group.is_empty() {
                if closed {
                    break;
                }
                self.housekeeping();
                continue;
            }
            let commit = self.put_together(group);
            if commit.bytes.is_empty() {
                // Only empty batches: whatever was queued before them is safe by now.
                for (done, range) in commit.done {
                    tell(done, Ok(range));
                }
                continue;
            }
            self.make_safe(commit);
            self.let_sealing_keep_up();
            let asked = !lock(&self.inner.queue).roll.is_empty();
            if asked || self.active.as_ref().is_some_and(|a| self.is_due(a)) {
                self.housekeeping();
            }
        }
        self.ending = true;
        self.roll();
        lock(&self.inner.health).writing = Writing::Closed;
        // Followers that wait learn that nothing more comes.
        let _committed = lock(&self.inner.committed);
        self.inner.on_commit.notify_all();
    }

    /// Back-pressure: where files wait to be sealed, producers wait a little, so that the tail stays short.
    fn let_sealing_keep_up(&self) {
        if !self.inner.options.seal {
            return;
        }
        let waiting = self.inner.view.read().unwrap_or_else(PoisonError::into_inner).segments.len();
        if let Some(over) = waiting.checked_sub(WAITING_FILES + 1).filter(|o| *o > 0) {
            let slower = SLOWEST.min(SLOWER * u32::try_from(over).unwrap_or(u32::MAX));
            let inner = Arc::clone(&self.inner);
            let q = lock(&inner.queue);
            if !q.closed {
                // Closing ends the wait.
                let until = Instant::now() + slower;
                let mut q = q;
                while !q.closed && q.roll.is_empty() {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    q = inner.has_work.wait_timeout(q, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn is_due(&self, a: &Active) -> bool {
        let o = &self.inner.options;
        let records = a.frames.last().map_or(0, |m| m.last_seq - a.segment.name.first_seq);
        a.len >= o.roll_bytes || records >= MAX_RECORDS || a.frames.len() >= MAX_FRAMES as usize || a.opened.elapsed() >= o.roll_after
    }

    fn housekeeping(&mut self) {
        let asked = std::mem::take(&mut lock(&self.inner.queue).roll);
        if !asked.is_empty() && self.active.as_ref().is_some_and(|a| a.in_view) {
            self.roll();
        }
        // Who asked may have gone.
        for a in asked {
            let _ = a.send(());
        }
        if self.active.as_ref().is_some_and(|a| a.in_view && self.is_due(a)) {
            self.roll();
        }
    }

    fn next_group(&mut self) -> (Vec<Pending>, bool) {
        let inner = Arc::clone(&self.inner);
        let mut q = lock(&inner.queue);
        let until = Instant::now() + TICK;
        while q.items.is_empty() && !q.closed && !q.housekeeping && q.roll.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            q = inner.has_work.wait_timeout(q, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        q.housekeeping = false;
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(size) = q.items.front().map(|p| p.encoded.bytes.len()) {
            if !group.is_empty() && bytes + size > GROUP_BYTES {
                break;
            }
            if let Some(p) = q.items.pop_front() {
                bytes += size;
                take(&mut q, &p);
                group.push(p);
            }
        }
        let closed = q.closed;
        drop(q);
        inner.has_room.notify_all();
        (group, closed)
    }

    fn put_together(&mut self, group: Vec<Pending>) -> Commit {
        let chain = self.builder.chain();
        let mut c = Commit {
            bytes: Vec::new(),
            chain,
            chain_end: chain,
            frames: Vec::new(),
            first_seq: self.next_seq,
            last_seq: 0,
            done: Vec::new(),
        };
        for p in group {
            if let Some(known) = p.mark.and_then(|m| self.known(m)) {
                c.done.push((p.done, known));
                continue;
            }
            let first = self.next_seq;
            let (mut at, mut hash_at) = (0usize, 0usize);
            for e in &p.encoded.entries {
                // A full frame is finished when the next entry comes, so that the last frame of a commit is known when it is written.
                if self.builder.is_full() {
                    c.frames.push(self.builder.finish(&mut c.bytes, 0, 0));
                }
                let bytes = p.encoded.bytes.get(at..e.end as usize).unwrap_or(&[]);
                let hashes = p.encoded.hashes.get(hash_at..e.hash_end as usize).unwrap_or(&[]);
                self.builder.add(e, bytes, hashes, self.next_seq);
                (at, hash_at) = (e.end as usize, e.hash_end as usize);
                self.next_seq += 1;
            }
            if let Some(m) = p.mark {
                let mark = MarkEntry { producer: m.producer, sequence: m.sequence, first_seq: first, last_seq: self.next_seq - 1 };
                self.builder.mark(mark);
                lock(&self.inner.marks).insert(m.producer, mark);
            }
            c.done.push((p.done, first..self.next_seq));
        }
        if !self.builder.is_empty() {
            c.frames.push(self.builder.finish(&mut c.bytes, 0, END));
        }
        c.chain_end = self.builder.chain();
        c.last_seq = self.next_seq - 1;
        c
    }

    /// The records of a batch that came before, where it did. Of an older one than the last, nothing but that is known.
    fn known(&self, m: Mark) -> Option<Range<u64>> {
        let known = lock(&self.inner.marks).get(&m.producer).copied()?;
        match m.sequence.cmp(&known.sequence) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => Some(known.first_seq..known.last_seq + 1),
            std::cmp::Ordering::Less => Some(self.next_seq..self.next_seq),
        }
    }

    /// Tries until the commit is safe, or the vault is being closed and patience is over.
    fn make_safe(&mut self, commit: Commit) {
        let mut wait = self.inner.options.retry_first;
        loop {
            match self.write(&commit) {
                Ok(()) => return self.acknowledge(commit),
                Err(error) => {
                    self.give_up_file();
                    self.note_failure(&error);
                }
            }
            if self.pause(wait) {
                for (done, _) in commit.done {
                    tell(done, Err(VaultError::Closed));
                }
                return;
            }
            wait = (wait * 2).min(self.inner.options.retry_max);
        }
    }

    /// Waits before the next try. True where closing should wait no longer.
    fn pause(&mut self, wait: Duration) -> bool {
        let inner = Arc::clone(&self.inner);
        let until = Instant::now() + wait;
        let mut q = lock(&inner.queue);
        loop {
            if q.closed {
                let since = *self.closing_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= inner.options.close_patience {
                    return true;
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let left = if q.closed { left.min(Duration::from_millis(20)) } else { left };
            q = inner.has_work.wait_timeout(q, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write(&mut self, commit: &Commit) -> Result<(), VaultError> {
        if self.active.is_none() {
            self.active = Some(self.begin(commit.first_seq, commit.chain)?);
        }
        let Some(active) = self.active.as_mut() else { return Err(VaultError::Closed) };
        let path = &active.segment.path;
        active.file.write(&commit.bytes).map_err(|e| VaultError::io("write", path, &e))?;
        let before = Instant::now();
        active.file.sync().map_err(|e| VaultError::io("sync", path, &e))?;
        let took = before.elapsed();
        if !active.in_view {
            self.inner.disk.sync_dir(&self.inner.dir).map_err(|e| VaultError::io("sync", &self.inner.dir, &e))?;
        }
        let mut health = lock(&self.inner.health);
        health.last_sync = Some((self.inner.options.now)());
        health.last_sync_micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// A new segment file. A name that is taken belongs to a file that was given up before anything in it was safe.
    fn begin(&self, first_seq: u64, chain: Chain) -> Result<Active, VaultError> {
        let epoch = self.inner.epoch;
        let mut attempt = 0;
        loop {
            let name = SegmentName { first_seq, attempt, epoch };
            let path = self.inner.dir.join(name.to_string());
            let mut file = match self.inner.disk.create(&path) {
                Ok(f) => f,
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && attempt < 10_000 => {
                    attempt += 1;
                    continue;
                }
                Err(e) => return Err(VaultError::io("create", path, &e)),
            };
            let header = SegmentHeader {
                site: self.inner.site,
                epoch,
                first_seq,
                created: (self.inner.options.now)().0,
                after_epoch: self.after.0,
                after_seq: self.after.1,
                chain,
            };
            let room = self.inner.options.roll_bytes;
            // Where the disk is nearly full, it belongs to whoever writes next.
            if self.inner.disk.free(&self.inner.dir).is_ok_and(|free| free / AMPLE >= room) {
                file.reserve(room);
            }
            if let Err(e) = file.write(&header.to_bytes()) {
                let _ = self.inner.disk.remove(&path);
                return Err(VaultError::io("write", path, &e));
            }
            let segment = Arc::new(Segment::new(path, name, SEGMENT_HEADER, Summary::new(first_seq), Some(Vec::new())));
            return Ok(Active { file, segment, opened: Instant::now(), len: SEGMENT_HEADER, frames: Vec::new(), in_view: false, chain });
        }
    }

    /// The commit is safe: make it visible, then tell everybody.
    fn acknowledge(&mut self, commit: Commit) {
        let Some(active) = self.active.as_mut() else { return };
        let mut frames = commit.frames;
        for m in &mut frames {
            m.offset += active.len;
        }
        active.len += commit.bytes.len() as u64;
        active.chain = commit.chain_end;
        active.frames.extend(frames.iter().cloned());
        active.segment.commit(frames, active.len);
        if !active.in_view {
            active.in_view = true;
            self.inner.view.write().unwrap_or_else(PoisonError::into_inner).segments.push(Arc::clone(&active.segment));
        }
        *lock(&self.inner.committed) = commit.last_seq;
        self.inner.on_commit.notify_all();
        {
            let mut health = lock(&self.inner.health);
            if health.writing != Writing::Ok {
                health.writing = Writing::Ok;
            }
        }
        for (done, range) in commit.done {
            tell(done, Ok(range));
        }
        for hook in lock(&self.inner.hooks).iter() {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(commit.last_seq)));
        }
    }

    fn note_failure(&self, error: &VaultError) {
        let mut health = lock(&self.inner.health);
        health.write_errors += 1;
        let (since, tries) = match &health.writing {
            Writing::Stopped { since, tries, .. } => (*since, *tries),
            _ => ((self.inner.options.now)(), 0),
        };
        health.writing = Writing::Stopped { why: error.to_string(), since, tries: tries.saturating_add(1) };
    }

    /// Nothing is known about the end of this file any more: it ends at its last acknowledged byte.
    fn give_up_file(&mut self) {
        let Some(active) = self.active.take() else { return };
        drop(active.file);
        let disk = &*self.inner.disk;
        if active.in_view {
            if disk.truncate(&active.segment.path, active.len).is_ok() {
                segment::write_index(disk, &active.segment.path, active.len, &active.frames);
            }
            active.segment.finish();
        } else {
            discard(disk, &active.segment.path);
        }
    }

    /// Closes the file in good order. A failure takes nothing back: all that was acknowledged is safe without the seal.
    fn roll(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        let mut end = Vec::new();
        frame::seal(&mut end, active.len, next_of(&active), active.chain);
        let disk = &*self.inner.disk;
        if active.file.write(&end).is_ok() && active.file.sync().is_ok() {
            active.file.release();
            let len = active.len + end.len() as u64;
            active.segment.commit(Vec::new(), len);
            segment::write_index(disk, &active.segment.path, len, &active.frames);
            active.segment.finish();
            active.segment.unload();
            if !self.ending {
                self.inner.wake_log();
            }
        } else {
            lock(&self.inner.health).write_errors += 1;
            self.active = Some(active);
            self.give_up_file();
        }
    }
}

/// The number after the last one in this file.
fn next_of(active: &Active) -> u64 {
    active.frames.last().map_or(active.segment.name.first_seq, |m| m.last_seq + 1)
}

fn take(q: &mut Queue, p: &Pending) {
    q.bytes = q.bytes.saturating_sub(p.encoded.bytes.len());
    q.events = q.events.saturating_sub(p.encoded.entries.len());
}

/// A producer's callback must not take the writer down.
fn tell(done: crate::core::Done, result: Acknowledged) {
    let _ = catch_unwind(AssertUnwindSafe(move || done(result)));
}
