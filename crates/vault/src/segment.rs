//! Files of the write-ahead log: a header, frames, and a seal where the file was closed in good order.
//!
//! A segment is written once, by one process, and never opened for writing again: a restart begins the next file. So what can
//! be wrong at its end has two causes only: the machine stopped in the middle of a write (a torn tail, never acknowledged: cut
//! off and saved aside), or the bytes changed later (damage: named, never repaired in silence). A seal, a later file or a later
//! whole frame tell the one from the other.
//!
//! Beside a finished segment stands `NAME.idx`, made from the frames' headers and made again when it is missing or wrong: it
//! lets a start know a segment without reading it, and a question skip the frames that can't answer.

use crate::disk::{Disk, beside, read_all, replace};
use crate::error::{Damage, VaultError};
use crate::frame::{self, Chain, END, FrameMeta, SEAL};
use model::SiteId;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"HINOMISG";
const INDEX_MAGIC: [u8; 8] = *b"HINOMIIX";
/// The newest folder and file format that this program writes and reads.
pub(crate) const FORMAT: u32 = 2;
pub(crate) const SEGMENT_HEADER: u64 = 88;
/// Bits of the set of addresses kept in memory per segment: false answers stay below 10% up to 1,500 addresses.
const BLOOM_BYTES: usize = 1024;

/// What a segment file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub site: SiteId,
    pub epoch: u32,
    pub first_seq: u64,
    pub created: i64,
    /// The log that this epoch goes on from: its epoch, 0 for none, and its last record known here.
    pub after_epoch: u32,
    pub after_seq: u64,
    /// The chain that the first frame goes on from.
    pub chain: Chain,
}

impl SegmentHeader {
    pub fn to_bytes(self) -> Vec<u8> {
        let mut b = Vec::with_capacity(SEGMENT_HEADER as usize);
        b.extend_from_slice(&SEGMENT_MAGIC);
        b.extend_from_slice(&FORMAT.to_le_bytes());
        b.extend_from_slice(&self.epoch.to_le_bytes());
        b.extend_from_slice(self.site.0.as_bytes());
        b.extend_from_slice(&self.first_seq.to_le_bytes());
        b.extend_from_slice(&self.created.to_le_bytes());
        b.extend_from_slice(&self.after_seq.to_le_bytes());
        b.extend_from_slice(&self.after_epoch.to_le_bytes());
        b.extend_from_slice(&[0; 8]);
        b.extend_from_slice(&self.chain);
        let crc = crc32fast::hash(&b);
        b.extend_from_slice(&crc.to_le_bytes());
        b
    }

    /// `Ok(None)` where the bytes are no whole header; an error where a newer program wrote it.
    pub fn parse(bytes: &[u8], file: &Path) -> Result<Option<SegmentHeader>, VaultError> {
        let take = |from: usize, to: usize| bytes.get(from..to);
        let Some(all) = take(0, SEGMENT_HEADER as usize) else { return Ok(None) };
        let n32 = |at: usize| take(at, at + 4).and_then(|s| s.try_into().ok()).map_or(0, u32::from_le_bytes);
        let n64 = |at: usize| take(at, at + 8).and_then(|s| s.try_into().ok()).map_or(0, u64::from_le_bytes);
        let checked = all.get(..84).is_some_and(|c| crc32fast::hash(c) == n32(84));
        if take(0, 8) != Some(&SEGMENT_MAGIC) {
            return Ok(None);
        }
        // A header that is not whole says nothing, not even its format: folder.json tells that.
        if !checked {
            return Ok(None);
        }
        if n32(8) > FORMAT {
            return Err(VaultError::Newer { file: file.to_path_buf(), found: n32(8), known: FORMAT });
        }
        let mut site = [0u8; 16];
        site.copy_from_slice(all.get(16..32).unwrap_or(&[0; 16]));
        Ok(Some(SegmentHeader {
            epoch: n32(12),
            site: SiteId(uuid::Uuid::from_bytes(site)),
            first_seq: n64(32),
            created: n64(40).cast_signed(),
            after_seq: n64(48),
            after_epoch: n32(56),
            chain: take(68, 84).and_then(|c| c.try_into().ok()).unwrap_or_default(),
        }))
    }
}

/// A segment's name on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentName {
    pub first_seq: u64,
    /// Counted up where a file of that name had to be given up before anything in it was acknowledged.
    pub attempt: u32,
    pub epoch: u32,
}

impl SegmentName {
    pub fn parse(name: &str) -> Option<SegmentName> {
        let stem = name.strip_suffix(".seg")?;
        let mut parts = stem.strip_prefix("events-")?.split('-');
        let epoch = parts.next()?.parse().ok()?;
        let first_seq = parts.next()?.parse().ok()?;
        let attempt = parts.next().map_or(Some(0), |p| p.parse().ok())?;
        parts.next().is_none().then_some(SegmentName { first_seq, attempt, epoch })
    }
}

impl std::fmt::Display for SegmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "events-{:06}-{:020}", self.epoch, self.first_seq)?;
        if self.attempt > 0 {
            write!(f, "-{}", self.attempt)?;
        }
        f.write_str(".seg")
    }
}

/// What a segment holds, without its frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub first_seq: u64,
    /// Smaller than `first_seq` where there is nothing.
    pub last_seq: u64,
    pub events: u64,
    pub tables: u32,
    pub min_time: i64,
    pub max_time: i64,
    pub min_received: i64,
    pub max_received: i64,
    pub frames: u32,
    /// The chain behind the last frame.
    pub chain: Chain,
    any_address: bool,
    bloom: Vec<u8>,
}

impl Summary {
    pub fn new(first_seq: u64) -> Summary {
        Summary {
            first_seq,
            last_seq: first_seq.saturating_sub(1),
            events: 0,
            tables: 0,
            min_time: i64::MAX,
            max_time: i64::MIN,
            min_received: i64::MAX,
            max_received: i64::MIN,
            frames: 0,
            chain: Chain::default(),
            any_address: false,
            bloom: vec![0; BLOOM_BYTES],
        }
    }

    pub fn add(&mut self, m: &FrameMeta) {
        self.last_seq = m.last_seq.max(self.last_seq);
        self.chain = m.chain;
        if m.count == 0 {
            return;
        }
        self.events += u64::from(m.count);
        self.tables |= m.tables;
        self.min_time = self.min_time.min(m.min_time);
        self.max_time = self.max_time.max(m.max_time);
        self.min_received = self.min_received.min(m.min_received);
        self.max_received = self.max_received.max(m.max_received);
        self.frames += 1;
        self.any_address |= m.flags & frame::ANY != 0;
        for h in &m.hashes {
            for (byte, bit) in bloom_places(*h) {
                if let Some(b) = self.bloom.get_mut(byte) {
                    *b |= bit;
                }
            }
        }
    }

    pub fn may_have(&self, wanted: &[u32]) -> bool {
        let has = |h: &u32| bloom_places(*h).iter().all(|(byte, bit)| self.bloom.get(*byte).is_some_and(|b| b & bit != 0));
        wanted.is_empty() || self.any_address || wanted.iter().any(has)
    }
}

fn bloom_places(h: u32) -> [(usize, u8); 3] {
    let spread = u64::from(h).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [spread >> 51, spread >> 38, spread >> 25].map(|n| {
        let n = n as usize % (BLOOM_BYTES * 8);
        (n / 8, 1 << (n % 8))
    })
}

/// A segment that can be read. The frames of finished ones are loaded when asked for and let go again.
pub(crate) struct Segment {
    pub path: PathBuf,
    pub name: SegmentName,
    body: RwLock<Body>,
    /// Nothing is written to it any more.
    finished: AtomicBool,
    /// Its records are in segment files and the file is gone: readers that hold it go on with what they have.
    gone: AtomicBool,
}

struct Body {
    bytes: u64,
    summary: Summary,
    frames: Option<Vec<Arc<FrameMeta>>>,
}

impl Segment {
    pub fn new(path: PathBuf, name: SegmentName, bytes: u64, summary: Summary, frames: Option<Vec<FrameMeta>>) -> Segment {
        let frames = frames.map(|f| f.into_iter().map(Arc::new).collect());
        Segment {
            path,
            name,
            body: RwLock::new(Body { bytes, summary, frames }),
            finished: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        }
    }

    pub fn summary<R>(&self, read: impl FnOnce(&Summary) -> R) -> R {
        read(&self.body.read().unwrap_or_else(PoisonError::into_inner).summary)
    }
    pub fn bytes(&self) -> u64 {
        self.body.read().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// The writer tells what is safe on disk now.
    pub fn commit(&self, frames: Vec<FrameMeta>, bytes: u64) {
        let mut body = self.body.write().unwrap_or_else(PoisonError::into_inner);
        for m in &frames {
            body.summary.add(m);
        }
        body.bytes = bytes;
        body.frames.get_or_insert_default().extend(frames.into_iter().map(Arc::new));
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
    /// The file goes: the frames stay in memory as long as somebody reads it.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Forgets the frames, which the index file can give again.
    pub fn unload(&self) {
        if self.gone.load(Ordering::Acquire) {
            return;
        }
        self.body.write().unwrap_or_else(PoisonError::into_inner).frames = None;
    }
    pub fn is_loaded(&self) -> bool {
        self.body.read().unwrap_or_else(PoisonError::into_inner).frames.is_some()
    }

    /// The nearest frame that holds a seq of at least `seq` (or, backwards, of at most `seq`) and passes. An error where the
    /// frames have to be loaded first.
    pub fn frame(&self, seq: u64, backwards: bool, pass: impl Fn(&FrameMeta) -> bool) -> Result<Option<Arc<FrameMeta>>, NotLoaded> {
        let body = self.body.read().unwrap_or_else(PoisonError::into_inner);
        let list = body.frames.as_ref().ok_or(NotLoaded)?;
        Ok(if backwards {
            let end = list.partition_point(|m| m.first_seq <= seq);
            list.get(..end).unwrap_or(&[]).iter().rev().find(|m| pass(m)).cloned()
        } else {
            let start = list.partition_point(|m| m.last_seq < seq);
            list.get(start..).unwrap_or(&[]).iter().find(|m| pass(m)).cloned()
        })
    }

    /// Loads the frames where they are not in memory. What is found damaged on the way is handed back.
    pub fn load(&self, disk: &dyn Disk) -> Result<Vec<Damage>, VaultError> {
        if self.is_loaded() {
            return Ok(Vec::new());
        }
        let (bytes, last) = (self.bytes(), self.summary(|s| s.last_seq));
        let (frames, damage) = match read_index(disk, &self.path, bytes, true) {
            Ok((_, frames)) => (frames, Vec::new()),
            Err(_) => {
                // Behind the last acknowledged record there may be what was given up and written again elsewhere.
                let mut scan = scan_file(disk, &self.path, self.name, Some(last + 1))?;
                scan.frames.retain(|m| m.last_seq <= last);
                if scan.damage.is_empty() && scan.len == bytes {
                    write_index(disk, &self.path, bytes, &scan.frames);
                }
                (scan.frames, scan.damage)
            }
        };
        let mut body = self.body.write().unwrap_or_else(PoisonError::into_inner);
        body.frames.get_or_insert_with(|| frames.into_iter().map(Arc::new).collect());
        Ok(damage)
    }
}

/// The frames of the segment are not in memory.
pub(crate) struct NotLoaded;

/// What a look through a whole file found.
pub(crate) struct Scan {
    /// Whole frames in order, without the seal.
    pub frames: Vec<FrameMeta>,
    /// Damage with something whole behind it, or something missing between.
    pub damage: Vec<Damage>,
    /// Where what is whole ends.
    pub good_end: u64,
    /// The seq that comes next.
    pub next_seq: u64,
    pub sealed: bool,
    pub len: u64,
}

impl Scan {
    fn accept(
        &mut self,
        m: FrameMeta,
        bad_from: Option<u64>,
        end_seq: Option<u64>,
        damage: &impl Fn(u64, u64, Option<u64>, &str) -> Damage,
    ) {
        match bad_from.filter(|from| *from < m.offset) {
            Some(from) => {
                self.damage.push(damage(from, self.next_seq, Some(m.first_seq.saturating_sub(1)), "the bytes are not what was written"));
            }
            None if m.first_seq > self.next_seq => {
                self.damage.push(damage(m.offset, self.next_seq, Some(m.first_seq - 1), "records are missing"));
            }
            None => {}
        }
        self.good_end = m.end();
        self.sealed = m.flags & SEAL != 0;
        if self.sealed {
            self.next_seq = m.first_seq;
        } else {
            self.next_seq = m.last_seq + 1;
            if end_seq.is_none_or(|e| m.last_seq < e) {
                self.frames.push(m);
            }
        }
    }
}

pub(crate) fn scan_file(disk: &dyn Disk, path: &Path, name: SegmentName, end_seq: Option<u64>) -> Result<Scan, VaultError> {
    let bytes = read_all(disk, path).map_err(|e| VaultError::io("read", path, &e))?;
    scan(&bytes, path, name, end_seq)
}

/// Looks through a segment's bytes. `end_seq` is the first seq of the file after it: what this file says of later ones is void
/// (it was given up and written again there).
pub(crate) fn scan(bytes: &[u8], path: &Path, name: SegmentName, end_seq: Option<u64>) -> Result<Scan, VaultError> {
    let header = SegmentHeader::parse(bytes, path)?;
    let mut s = Scan {
        frames: Vec::new(),
        damage: Vec::new(),
        good_end: SEGMENT_HEADER.min(bytes.len() as u64),
        next_seq: name.first_seq,
        sealed: false,
        len: bytes.len() as u64,
    };
    let damage = |offset: u64, first: u64, last: Option<u64>, what: &str| Damage {
        file: path.to_path_buf(),
        offset,
        first_seq: first,
        last_seq: last,
        what: String::from(what),
    };
    let header_wrong = header.is_none_or(|h| h.epoch != name.epoch || h.first_seq != name.first_seq);
    let mut at = SEGMENT_HEADER as usize;
    let mut bad_from: Option<u64> = None;
    // Whole frames behind a bad place, of the same commit: a torn commit, unless something later shows that it was acknowledged.
    let mut doubtful: Vec<(u64, FrameMeta)> = Vec::new();
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let next_seq = doubtful.last().map_or(s.next_seq, |(_, m)| m.last_seq + 1);
        match frame::parse(rest, at as u64) {
            Ok(m) if m.first_seq >= next_seq => {
                at += m.len();
                let first_bad = doubtful.first().map(|(from, _)| *from).or(bad_from);
                if first_bad.is_some_and(|from| m.offset - u64::from(m.group_back).min(m.offset) <= from) {
                    doubtful.push((bad_from.take().unwrap_or(m.offset), m));
                    continue;
                }
                for (from, d) in std::mem::take(&mut doubtful) {
                    s.accept(d, Some(from), end_seq, &damage);
                }
                s.accept(m, bad_from.take(), end_seq, &damage);
            }
            _ => {
                bad_from.get_or_insert(at as u64);
                // On to the next place where a frame may begin.
                let next = rest.get(1..).and_then(|r| r.windows(4).position(|w| w == frame::MAGIC));
                at = next.map_or(bytes.len(), |n| at + 1 + n);
            }
        }
    }
    if end_seq.is_some_and(|e| s.next_seq < e) {
        for (from, d) in doubtful {
            s.accept(d, Some(from), end_seq, &damage);
        }
    }
    if end_seq.is_none() {
        // A commit is taken whole or not at all: whole frames without the last one of their commit were never acknowledged.
        while let Some(m) = s.frames.pop_if(|m| m.flags & END == 0) {
            (s.good_end, s.next_seq) = (m.offset, m.first_seq);
        }
    }
    if header_wrong && (!s.frames.is_empty() || s.sealed) {
        s.damage.insert(0, damage(0, name.first_seq, Some(name.first_seq - 1), "the header of the file is not what was written"));
    }
    if let Some(end) = end_seq.filter(|e| s.next_seq < *e) {
        s.damage.push(damage(s.good_end, s.next_seq, Some(end - 1), "the end of the file is missing or not what was written"));
    } else if s.sealed && s.good_end < s.len {
        s.damage.push(damage(s.good_end, s.next_seq, Some(s.next_seq - 1), "there is something behind the end of the file"));
    }
    Ok(s)
}

/// Writes the index of a finished segment. It is only a help: failing is no error.
pub(crate) fn write_index(disk: &dyn Disk, segment: &Path, len: u64, frames: &[FrameMeta]) {
    let name = segment.file_name().and_then(|n| n.to_str()).and_then(SegmentName::parse);
    let mut summary = Summary::new(name.map_or(0, |n| n.first_seq));
    for m in frames {
        summary.add(m);
    }
    let encode = || -> Option<Vec<u8>> {
        let head = cbor4ii::serde::to_vec(Vec::new(), &summary).ok()?;
        let body = cbor4ii::serde::to_vec(Vec::new(), &frames).ok()?;
        let body = zstd::bulk::compress(&body, 1).ok()?;
        let mut b = Vec::with_capacity(40 + head.len() + body.len());
        b.extend_from_slice(&INDEX_MAGIC);
        b.extend_from_slice(&FORMAT.to_le_bytes());
        b.extend_from_slice(&len.to_le_bytes());
        for part in [&head, &body] {
            b.extend_from_slice(&(part.len() as u32).to_le_bytes());
            b.extend_from_slice(&crc32fast::hash(part).to_le_bytes());
        }
        let crc = crc32fast::hash(&b);
        b.extend_from_slice(&crc.to_le_bytes());
        b.extend_from_slice(&head);
        b.extend_from_slice(&body);
        Some(b)
    };
    if let Some(bytes) = encode() {
        // A failure leaves no index or an old one, and both are noticed when it is read.
        let _ = replace(disk, &beside(segment, ".idx"), &bytes);
    }
}

const INDEX_HEAD: usize = 40;
/// Raw bytes of an index's frame list at most: 65,536 frames with full hash lists would be more, and are then scanned instead.
const INDEX_MAX: usize = 256 << 20;

/// Reads an index. Any doubt is an error, and the segment itself is looked through instead.
pub(crate) fn read_index(disk: &dyn Disk, segment: &Path, len: u64, with_frames: bool) -> io::Result<(Summary, Vec<FrameMeta>)> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let reader = disk.open(&beside(segment, ".idx"))?;
    let mut head = [0u8; INDEX_HEAD];
    reader.read_at(&mut head, 0)?;
    let n32 = |at: usize| head.get(at..at + 4).and_then(|s| s.try_into().ok()).map_or(0, u32::from_le_bytes);
    let covers = head.get(12..20).and_then(|s| s.try_into().ok()).map_or(0, u64::from_le_bytes);
    let whole = head.get(..36).is_some_and(|h| crc32fast::hash(h) == n32(36));
    if !head.starts_with(&INDEX_MAGIC) || !whole || n32(8) != FORMAT || covers != len {
        return Err(wrong());
    }
    let total = reader.size()?;
    let part = |from: u64, len: u32, crc: u32| -> io::Result<Vec<u8>> {
        if from + u64::from(len) > total {
            return Err(wrong());
        }
        let mut bytes = vec![0; len as usize];
        reader.read_at(&mut bytes, from)?;
        if crc32fast::hash(&bytes) == crc { Ok(bytes) } else { Err(wrong()) }
    };
    let summary: Summary = cbor4ii::serde::from_slice(&part(INDEX_HEAD as u64, n32(20), n32(24))?).map_err(|_| wrong())?;
    if summary.bloom.len() != BLOOM_BYTES {
        return Err(wrong());
    }
    if !with_frames {
        return Ok((summary, Vec::new()));
    }
    let packed = part(INDEX_HEAD as u64 + u64::from(n32(20)), n32(28), n32(32))?;
    let size = zstd::zstd_safe::get_frame_content_size(&packed).ok().flatten().and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong)?;
    if size > INDEX_MAX {
        return Err(wrong());
    }
    let raw = zstd::bulk::decompress(&packed, size)?;
    let frames: Vec<FrameMeta> = cbor4ii::serde::from_slice(&raw).map_err(|_| wrong())?;
    Ok((summary, frames))
}
