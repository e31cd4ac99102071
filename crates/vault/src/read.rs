//! Reading back: by time, kind, address and place in the log; and following what is committed.

use crate::core::{Inner, lock};
use crate::error::{Damage, VaultError};
use crate::frame::{self, FrameMeta, RawEntry};
use crate::scan::{self, SealedReader};
use crate::segment::Segment;
use crate::status::Writing;
use crate::tail::{self, OpenWal};
use model::event::AddressKey;
use model::{Event, Time};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A question. `Query::default()` asks for everything, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Not before, by [`Event::time`].
    pub from: Option<Time>,
    /// Before, by [`Event::time`].
    pub to: Option<Time>,
    /// Set of [`model::event::Table::bit`]; 0 for every table.
    pub tables: u32,
    /// Records that have any of these addresses; empty for every record.
    pub addresses: Vec<AddressKey>,
    /// Only records after this place.
    pub after_seq: Option<u64>,
    /// Only records before this place.
    pub before_seq: Option<u64>,
    /// Only these records, ascending; empty for every record.
    pub seqs: Vec<u64>,
    /// Newest first instead of oldest first. The order is that of `seq`.
    pub newest_first: bool,
    /// At most this many.
    pub limit: Option<usize>,
}

impl Query {
    /// Whether one of the records that are asked for may lie between these, both inclusive.
    pub(crate) fn names(&self, first: u64, last: u64) -> bool {
        self.seqs.is_empty() || self.seqs.get(self.seqs.partition_point(|s| *s < first)).is_some_and(|s| *s <= last)
    }
}

/// The answers to a [`Query`], as of the moment it was asked. A damaged place comes as an error of its own, and the rest follows.
pub struct Reader {
    parts: VecDeque<Part>,
    left: usize,
    trouble: Option<VaultError>,
}

/// Where records are: segment files, or the write-ahead log.
enum Part {
    Sealed(Box<SealedReader>),
    Wal(Box<WalReader>),
}

impl Reader {
    pub(crate) fn new(inner: Arc<Inner>, query: Query) -> Reader {
        let (first, last) = query.seqs.first().zip(query.seqs.last()).map_or((0, u64::MAX), |(a, b)| (*a, *b));
        let low = query.after_seq.unwrap_or(0).max(first.saturating_sub(1));
        let high = query.before_seq.unwrap_or(u64::MAX).min(*lock(&inner.committed) + 1).min(last.saturating_add(1));
        let left = query.limit.unwrap_or(usize::MAX);
        let mut parts = VecDeque::new();
        let mut trouble = None;
        match tail::open_wal(&inner, low) {
            Ok((files, sealed_to)) => {
                let sealed = scan::Wanted::new(&query, low, high.min(sealed_to + 1));
                if sealed.low + 1 < sealed.high {
                    parts.push_back(Part::Sealed(Box::new(SealedReader::new(&inner, &sealed))));
                }
                let low = low.max(sealed_to);
                if low + 1 < high {
                    let wal = Part::Wal(Box::new(WalReader::new(inner, query.clone(), files, low, high)));
                    if query.newest_first { parts.push_front(wal) } else { parts.push_back(wal) }
                }
            }
            Err(e) => trouble = Some(e),
        }
        Reader { parts, left, trouble }
    }
}

impl Iterator for Reader {
    type Item = Result<Event, VaultError>;
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(e) = self.trouble.take() {
            return Some(Err(e));
        }
        while self.left > 0 {
            let found = match self.parts.front_mut()? {
                Part::Sealed(s) => s.next(self.left),
                Part::Wal(w) => w.next(),
            };
            match found {
                Some(r) => {
                    self.left -= usize::from(r.is_ok());
                    return Some(r);
                }
                None => {
                    self.parts.pop_front();
                }
            }
        }
        None
    }
}

/// Reads the write-ahead log.
struct WalReader {
    inner: Arc<Inner>,
    query: Query,
    hashes: Vec<u32>,
    files: VecDeque<OpenWal>,
    current: Option<OpenWal>,
    frame: Option<OpenFrame>,
    /// The next seq to look at; backwards, the seq after it.
    cursor: u64,
    /// Bounds, exclusive.
    low: u64,
    high: u64,
}

struct OpenFrame {
    raw: Vec<u8>,
    entries: VecDeque<RawEntry>,
    offset: u64,
}

impl WalReader {
    fn new(inner: Arc<Inner>, query: Query, files: VecDeque<OpenWal>, low: u64, high: u64) -> WalReader {
        WalReader {
            hashes: query.addresses.iter().map(frame::hash_key).collect(),
            cursor: if query.newest_first { high } else { low + 1 },
            inner,
            query,
            files,
            current: None,
            frame: None,
            low,
            high,
        }
    }

    fn wants_tables(&self, tables: u32) -> bool {
        self.query.tables == 0 || tables & self.query.tables != 0
    }
    fn wants_times(&self, min: i64, max: i64) -> bool {
        self.query.from.is_none_or(|f| max >= f.0) && self.query.to.is_none_or(|t| min < t.0)
    }
    fn wants_frame(&self, m: &FrameMeta) -> bool {
        self.wants_tables(m.tables)
            && self.wants_times(m.min_time, m.max_time)
            && m.may_have(&self.hashes)
            && self.query.names(m.first_seq, m.last_seq)
    }
    fn wants_segment(&self, s: &Segment) -> bool {
        s.summary(|m| {
            let in_range = m.events > 0 && m.last_seq > self.low && m.first_seq < self.high;
            in_range && self.wants_tables(m.tables) && self.wants_times(m.min_time, m.max_time) && m.may_have(&self.hashes)
        })
    }
    fn wants_event(&self, e: &Event) -> bool {
        let t = e.time();
        if !self.wants_times(t.0, t.0) {
            return false;
        }
        let mut found = self.query.addresses.is_empty();
        if !found {
            e.body.addresses(|a| found |= self.query.addresses.contains(&a));
        }
        found
    }

    /// The next record of the frame at hand.
    fn step_in_frame(&mut self) -> Option<Result<Event, VaultError>> {
        loop {
            let epoch = self.current.as_ref().map(|(s, _)| s.name.epoch)?;
            let f = self.frame.as_mut()?;
            let entry = if self.query.newest_first { f.entries.pop_back() } else { f.entries.pop_front() };
            let Some(entry) = entry else {
                self.frame = None;
                return None;
            };
            let outside = entry.seq <= self.low || entry.seq >= self.high || !self.query.names(entry.seq, entry.seq);
            if outside || (self.query.tables != 0 && (1u32 << u32::from(entry.table & 31)) & self.query.tables == 0) {
                continue;
            }
            let (decoded, offset) = (frame::decode(&f.raw, entry, self.inner.site, epoch), f.offset);
            match decoded {
                Ok(e) if self.wants_event(&e) => return Some(Ok(e)),
                Ok(_) => {}
                Err(what) => {
                    return Some(Err(self.damaged(offset, entry.seq, entry.seq, what)));
                }
            }
        }
    }

    fn damaged(&self, offset: u64, first_seq: u64, last_seq: u64, what: String) -> VaultError {
        let file = self.current.as_ref().map_or_else(|| self.inner.dir.clone(), |(s, _)| s.path.clone());
        let d = Damage { file, offset, first_seq, last_seq: Some(last_seq), what };
        self.inner.note_damage([d.clone()]);
        VaultError::Damaged(d)
    }

    /// Opens the next frame that may answer. `Ok(false)`: there is none any more.
    fn next_frame(&mut self) -> Result<bool, VaultError> {
        loop {
            if self.current.is_none() {
                let next = if self.query.newest_first { self.files.pop_back() } else { self.files.pop_front() };
                let Some(open) = next else { return Ok(false) };
                if !self.wants_segment(&open.0) {
                    continue;
                }
                self.current = Some(open);
            }
            let Some((segment, _)) = &self.current else { continue };
            let segment = Arc::clone(segment);
            let at = if self.query.newest_first { self.cursor.saturating_sub(1) } else { self.cursor };
            let meta = loop {
                if let Err(e) = self.inner.load(&segment) {
                    self.current = None;
                    return Err(e);
                }
                if let Ok(m) = segment.frame(at, self.query.newest_first, |m| self.wants_frame(m)) {
                    break m;
                }
            };
            let Some(meta) = meta.filter(|m| m.last_seq > self.low && m.first_seq < self.high) else {
                self.current = None;
                continue;
            };
            self.cursor = if self.query.newest_first { meta.first_seq } else { meta.last_seq + 1 };
            self.open_frame(&meta)?;
            return Ok(true);
        }
    }

    fn open_frame(&mut self, meta: &FrameMeta) -> Result<(), VaultError> {
        let Some((segment, file)) = &self.current else { return Ok(()) };
        let opened = tail::read_frame(segment, &**file, meta).and_then(|raw| {
            let entries = frame::entries(meta, &raw).map_err(VaultError::Record)?;
            Ok(OpenFrame { raw, entries: entries.into(), offset: meta.offset })
        });
        match opened {
            Ok(f) => {
                self.frame = Some(f);
                Ok(())
            }
            Err(VaultError::Damaged(d)) => {
                self.inner.note_damage([d.clone()]);
                Err(VaultError::Damaged(d))
            }
            Err(e) => Err(self.damaged(meta.offset, meta.first_seq, meta.last_seq, e.to_string())),
        }
    }

    fn next(&mut self) -> Option<Result<Event, VaultError>> {
        loop {
            match self.step_in_frame() {
                Some(r) => return Some(r),
                None => match self.next_frame() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(e) => return Some(Err(e)),
                },
            }
        }
    }
}

/// Yields records in order of `seq` as they are committed, from a place of the caller's choosing. What cannot be read is
/// skipped, noted in the status and counted in [`Follower::skipped`].
pub struct Follower {
    inner: Arc<Inner>,
    cursor: u64,
    reader: Option<(Reader, u64)>,
    skipped: u64,
}

impl Follower {
    pub(crate) fn new(inner: Arc<Inner>, after_seq: u64) -> Follower {
        Follower { inner, cursor: after_seq, reader: None, skipped: 0 }
    }

    /// The place reached: every record up to here was handed out, or cannot be read, or had been let go.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Damaged places that were passed over.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Up to `max` records. Waits up to `patience` for the first; an empty answer means that nothing came.
    /// `None` where the vault was closed and everything was handed out.
    pub fn next_batch(&mut self, max: usize, patience: Duration) -> Option<Vec<Event>> {
        let mut out = Vec::new();
        if !self.wait(patience)? {
            return Some(out);
        }
        while out.len() < max {
            let (reader, end) = match &mut self.reader {
                Some(r) => r,
                None => {
                    let last = *lock(&self.inner.committed);
                    if last <= self.cursor {
                        break;
                    }
                    let query = Query { after_seq: Some(self.cursor), ..Query::default() };
                    self.reader.insert((Reader::new(Arc::clone(&self.inner), query), last))
                }
            };
            match reader.next() {
                Some(Ok(event)) => {
                    self.cursor = event.id.seq;
                    out.push(event);
                }
                Some(Err(_)) => self.skipped += 1,
                None => {
                    self.cursor = self.cursor.max(*end);
                    self.reader = None;
                }
            }
        }
        Some(out)
    }

    /// True where there is something to read. `None` after the end.
    fn wait(&self, patience: Duration) -> Option<bool> {
        if self.reader.is_some() {
            return Some(true);
        }
        let until = Instant::now() + patience;
        let mut committed = lock(&self.inner.committed);
        while *committed <= self.cursor {
            if lock(&self.inner.health).writing == Writing::Closed {
                return None;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(false);
            }
            committed = self.inner.on_commit.wait_timeout(committed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(true)
    }
}
