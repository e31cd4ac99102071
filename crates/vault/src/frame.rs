//! Frames: what one group commit writes, checked by CRC-32, with enough in front to know without decoding whether a
//! question can be answered from it.
//!
//! Layout, little endian (docs/store-format.md): `magic 4 | header crc 4 | flags u16 | 0 u16 | tables u32 | count u32 |
//! raw length u32 | payload length u32 | payload crc u32 | hashes u32 | group u32 | first seq u64 | last seq u64 |
//! min/max time i64 | min/max received i64 | chain 16 | hashes × u32, sorted | payload`. The header crc covers everything from the flags
//! to the last hash; group is the distance back to the first frame of the same commit; the chain is the beginning of SHA-256 over the chain before,
//! the header and the payload, so that no frame can be exchanged without all that follow. The payload, zstd where that pays, is a row of entries: `length u32 | kind u8 |
//! content`, a record's content being the lengths of its canonical groups and the groups ([`proof::canon`]).

use crate::error::VaultError;
use model::event::{AddressKey, NewEvent};
use model::{Event, EventId, SiteId};
use proof::canon::{self, Groups};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

pub(crate) const MAGIC: [u8; 4] = *b"HFr2";
pub(crate) const HEADER: usize = 104;
/// A link of the chain of frames.
pub(crate) type Chain = [u8; 16];
/// Entries are zstd-compressed.
pub(crate) const ZSTD: u16 = 1;
/// No entries: the segment was closed in good order here.
pub(crate) const SEAL: u16 = 4;
/// More addresses than the list may hold: any address may be inside.
pub(crate) const ANY: u16 = 8;
/// The last frame of a commit.
pub(crate) const END: u16 = 16;
/// Producers' marks are among the entries.
pub(crate) const MARKED: u16 = 64;
/// Kind of an entry that is a producer's mark.
pub(crate) const MARK: u8 = 128;
/// Addresses listed in front of a frame at most; more than that and the frame is always looked into.
pub(crate) const MAX_HASHES: usize = 8192;
/// One record's CBOR, at most.
pub(crate) const MAX_RECORD: usize = 16 << 20;
/// Raw bytes of a frame: closed once above the aim, so at most the aim and one record.
pub(crate) const RAW_AIM: usize = 128 << 10;
const RAW_MAX: usize = RAW_AIM + MAX_RECORD + 64;
/// Smaller payloads are not worth compressing.
const ZSTD_FROM: usize = 1024;

/// The search key of an address: CRC-32 of a tag byte and the address, the same on every machine.
pub(crate) fn hash_key(key: &AddressKey) -> u32 {
    let mut h = crc32fast::Hasher::new();
    match key {
        AddressKey::Mac(m) => {
            h.update(&[6]);
            h.update(&m.0);
        }
        AddressKey::Ip(IpAddr::V4(a)) => {
            h.update(&[4]);
            h.update(&a.octets());
        }
        AddressKey::Ip(IpAddr::V6(a)) => {
            h.update(&[16]);
            h.update(&a.octets());
        }
    }
    h.finalize()
}

/// What stands in front of a frame, with its place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FrameMeta {
    pub offset: u64,
    pub flags: u16,
    pub tables: u32,
    pub count: u32,
    pub raw_len: u32,
    pub payload_len: u32,
    pub payload_crc: u32,
    /// Bytes back to the first frame that was made durable by the same sync.
    pub group_back: u32,
    pub first_seq: u64,
    pub last_seq: u64,
    pub min_time: i64,
    pub max_time: i64,
    pub min_received: i64,
    pub max_received: i64,
    pub chain: Chain,
    pub hashes: Vec<u32>,
}

impl FrameMeta {
    pub fn header_len(&self) -> usize {
        HEADER + self.hashes.len() * 4
    }
    pub fn len(&self) -> usize {
        self.header_len() + self.payload_len as usize
    }
    pub fn payload_at(&self) -> u64 {
        self.offset + self.header_len() as u64
    }
    pub fn end(&self) -> u64 {
        self.offset + self.len() as u64
    }
    pub fn may_have(&self, wanted: &[u32]) -> bool {
        wanted.is_empty() || self.flags & ANY != 0 || wanted.iter().any(|h| self.hashes.binary_search(h).is_ok())
    }
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    b.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    b.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// Reads the front of a frame. `None` where the bytes are no such thing, or their checksum is wrong.
pub(crate) fn parse_header(bytes: &[u8], offset: u64) -> Option<FrameMeta> {
    if bytes.get(..4)? != MAGIC {
        return None;
    }
    let crc = u32_at(bytes, 4)?;
    let count_hashes = u32_at(bytes, 32)? as usize;
    if count_hashes > MAX_HASHES {
        return None;
    }
    let covered = bytes.get(8..HEADER + count_hashes * 4)?;
    if crc32fast::hash(covered) != crc {
        return None;
    }
    let meta = FrameMeta {
        offset,
        flags: bytes.get(8..10)?.try_into().ok().map(u16::from_le_bytes)?,
        tables: u32_at(bytes, 12)?,
        count: u32_at(bytes, 16)?,
        raw_len: u32_at(bytes, 20)?,
        payload_len: u32_at(bytes, 24)?,
        payload_crc: u32_at(bytes, 28)?,
        group_back: u32_at(bytes, 36)?,
        first_seq: u64_at(bytes, 40)?,
        last_seq: u64_at(bytes, 48)?,
        min_time: u64_at(bytes, 56)?.cast_signed(),
        max_time: u64_at(bytes, 64)?.cast_signed(),
        min_received: u64_at(bytes, 72)?.cast_signed(),
        max_received: u64_at(bytes, 80)?.cast_signed(),
        chain: covered.get(80..96)?.try_into().ok()?,
        hashes: covered.get(HEADER - 8..)?.as_chunks::<4>().0.iter().map(|c| u32::from_le_bytes(*c)).collect(),
    };
    let sane = meta.raw_len as usize <= RAW_MAX && meta.payload_len as usize <= RAW_MAX;
    sane.then_some(meta)
}

/// Reads a whole frame that starts the slice, checksums included.
#[allow(clippy::result_large_err)] // What can be known of a damaged frame; made once, where something is wrong.
pub(crate) fn parse(bytes: &[u8], offset: u64) -> Result<FrameMeta, Option<FrameMeta>> {
    let meta = parse_header(bytes, offset).ok_or(None)?;
    match bytes.get(meta.header_len()..meta.len()) {
        Some(payload) if crc32fast::hash(payload) == meta.payload_crc => Ok(meta),
        _ => Err(Some(meta)),
    }
}

/// Where an entry ends and what it is, so that the writer can put entries of several producers into one frame.
pub(crate) struct Entry {
    pub end: u32,
    pub hash_end: u32,
    pub table: u8,
    pub time: i64,
    pub received: i64,
}

/// A batch, encoded in the producer's own thread.
#[derive(Default)]
pub(crate) struct Encoded {
    pub bytes: Vec<u8>,
    pub entries: Vec<Entry>,
    pub hashes: Vec<u32>,
}

/// Encodes a batch. One bad record refuses all of it, so that nothing is half taken.
pub(crate) fn encode(batch: &[NewEvent]) -> Result<Encoded, VaultError> {
    let mut e = Encoded { bytes: Vec::with_capacity(batch.len() * 240), ..Encoded::default() };
    GROUPS.with_borrow_mut(|groups| {
        for event in batch {
            canon::write(event, groups).map_err(|x| VaultError::Record(x.to_string()))?;
            push(&mut e, event, groups)?;
        }
        Ok(e)
    })
}

thread_local! {
    /// Room to write a record in, and what writing learnt of names: kept from batch to batch.
    static GROUPS: std::cell::RefCell<Groups> = std::cell::RefCell::default();
}

fn leb128(out: &mut Vec<u8>, mut n: usize) {
    while n >= 128 {
        out.push(n as u8 | 128);
        n >>= 7;
    }
    out.push(n as u8);
}

fn unleb128(b: &[u8]) -> Option<(usize, &[u8])> {
    let (mut n, mut shift, mut rest) = (0usize, 0u32, b);
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        n |= usize::from(byte & 127).checked_shl(shift)?;
        if byte & 128 == 0 {
            return Some((n, rest));
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
}

fn push(e: &mut Encoded, event: &NewEvent, groups: &Groups) -> Result<(), VaultError> {
    let start = e.bytes.len();
    let table = event.body.table();
    e.bytes.extend_from_slice(&[0, 0, 0, 0, table as u8]);
    let body = e.bytes.len();
    let all = groups.all().map(|g| if g == canon::EMPTY { &[][..] } else { g });
    for g in all {
        leb128(&mut e.bytes, g.len());
    }
    for g in all {
        e.bytes.extend_from_slice(g);
    }
    let len = e.bytes.len() - body;
    if len > MAX_RECORD {
        return Err(VaultError::Record(format!("it is {len} bytes long; at most {MAX_RECORD} are kept")));
    }
    let end = u32::try_from(e.bytes.len()).map_err(|_| VaultError::Record(String::from("the batch is larger than 4 GiB")))?;
    if let Some(slot) = e.bytes.get_mut(start..start + 4) {
        slot.copy_from_slice(&(len as u32).to_le_bytes());
    }
    event.body.addresses(|key| e.hashes.push(hash_key(&key)));
    e.entries.push(Entry {
        end,
        hash_end: e.hashes.len() as u32,
        table: table as u8,
        time: event.happened.as_ref().map_or(event.received, |h| h.at).0,
        received: event.received.0,
    });
    Ok(())
}

/// Who sent a batch, and which of its batches it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The producer, by a number of its own that it keeps over restarts.
    pub producer: u64,
    /// Counted up by it with each batch.
    pub sequence: u64,
}

/// A mark with the records of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct MarkEntry {
    pub producer: u64,
    pub sequence: u64,
    pub first_seq: u64,
    pub last_seq: u64,
}

impl MarkEntry {
    fn from_bytes(b: &[u8]) -> Option<MarkEntry> {
        let [producer, sequence, first_seq, last_seq] = <[[u8; 8]; 4]>::try_from(b.as_chunks::<8>().0).ok()?.map(u64::from_le_bytes);
        Some(MarkEntry { producer, sequence, first_seq, last_seq })
    }
}

/// Gathers entries into frames.
pub(crate) struct FrameBuilder {
    raw: Vec<u8>,
    hashes: Vec<u32>,
    count: u32,
    tables: u32,
    first_seq: u64,
    last_seq: u64,
    times: [i64; 4],
    level: i32,
    chain: Chain,
    marked: bool,
}

impl FrameBuilder {
    /// `level` is zstd's; 0 stores as is. `chain` is that of the frame before.
    pub fn new(level: i32, chain: Chain) -> FrameBuilder {
        let mut b = FrameBuilder {
            raw: Vec::with_capacity(RAW_AIM + 4096),
            hashes: Vec::new(),
            count: 0,
            tables: 0,
            first_seq: 0,
            last_seq: 0,
            times: [0; 4],
            level,
            chain,
            marked: false,
        };
        b.clear();
        b
    }

    fn clear(&mut self) {
        self.raw.clear();
        self.hashes.clear();
        self.count = 0;
        self.tables = 0;
        self.marked = false;
        self.times = [i64::MAX, i64::MIN, i64::MAX, i64::MIN];
    }

    pub fn add(&mut self, entry: &Entry, bytes: &[u8], hashes: &[u32], seq: u64) {
        if self.count == 0 {
            self.first_seq = seq;
        }
        self.last_seq = seq;
        self.count += 1;
        self.tables |= 1 << u32::from(entry.table);
        let [a, b, c, d] = &mut self.times;
        *a = entry.time.min(*a);
        *b = entry.time.max(*b);
        *c = entry.received.min(*c);
        *d = entry.received.max(*d);
        self.raw.extend_from_slice(bytes);
        self.hashes.extend_from_slice(hashes);
        if self.hashes.len() > 4 * MAX_HASHES {
            self.hashes.sort_unstable();
            self.hashes.dedup();
        }
    }

    /// Adds a producer's mark behind the records of its batch.
    pub fn mark(&mut self, m: MarkEntry) {
        self.raw.extend_from_slice(&32u32.to_le_bytes());
        self.raw.push(MARK);
        self.marked = true;
        for v in [m.producer, m.sequence, m.first_seq, m.last_seq] {
            self.raw.extend_from_slice(&v.to_le_bytes());
        }
        if self.count == 0 {
            // A frame with nothing but marks stands behind the last record.
            (self.first_seq, self.last_seq) = (m.last_seq + 1, m.last_seq);
        }
    }

    /// The chain behind the last finished frame.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }
    pub fn is_full(&self) -> bool {
        self.raw.len() >= RAW_AIM
    }

    /// Writes the frame behind `out` and starts the next. `base` is where `out`, one commit, begins in the file.
    pub fn finish(&mut self, out: &mut Vec<u8>, base: u64, extra_flags: u16) -> FrameMeta {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        let mut flags = extra_flags;
        if self.marked {
            flags |= MARKED;
        }
        if self.hashes.len() > MAX_HASHES {
            self.hashes.clear();
            flags |= ANY;
        }
        let packed = if self.level > 0 && self.raw.len() >= ZSTD_FROM {
            zstd::bulk::compress(&self.raw, self.level).ok().filter(|p| p.len() + p.len() / 8 < self.raw.len())
        } else {
            None
        };
        if packed.is_some() {
            flags |= ZSTD;
        }
        let payload = packed.as_deref().unwrap_or(&self.raw);
        let [min_time, max_time, min_received, max_received] = if self.count == 0 { [0; 4] } else { self.times };
        let mut meta = FrameMeta {
            offset: base + out.len() as u64,
            flags,
            tables: self.tables,
            count: self.count,
            raw_len: self.raw.len() as u32,
            payload_len: payload.len() as u32,
            payload_crc: crc32fast::hash(payload),
            group_back: out.len() as u32,
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            min_time,
            max_time,
            min_received,
            max_received,
            chain: self.chain,
            hashes: self.hashes.clone(),
        };
        write_frame(out, &mut meta, payload);
        self.chain = meta.chain;
        self.clear();
        meta
    }
}

/// The mark at the end of a segment that was closed in good order.
pub(crate) fn seal(out: &mut Vec<u8>, base: u64, next_seq: u64, chain: Chain) -> FrameMeta {
    let mut meta = FrameMeta {
        offset: base + out.len() as u64,
        flags: SEAL | END,
        tables: 0,
        count: 0,
        raw_len: 0,
        payload_len: 0,
        payload_crc: crc32fast::hash(&[]),
        group_back: out.len() as u32,
        first_seq: next_seq,
        last_seq: next_seq.saturating_sub(1),
        min_time: 0,
        max_time: 0,
        min_received: 0,
        max_received: 0,
        chain,
        hashes: Vec::new(),
    };
    write_frame(out, &mut meta, &[]);
    meta
}

/// The chain behind a frame: from the one before it, its header up to the last time, and its payload.
fn link(before: &Chain, header: &[u8], payload: &[u8]) -> Chain {
    let mut h = Sha256::new();
    h.update(before);
    h.update(header);
    h.update(payload);
    let digest: [u8; 32] = h.finalize().into();
    digest.first_chunk::<16>().copied().unwrap_or_default()
}

/// Whether a whole frame follows in the chain.
pub(crate) fn follows(before: &Chain, bytes: &[u8], m: &FrameMeta) -> bool {
    match (bytes.get(8..88), bytes.get(m.header_len()..m.len())) {
        (Some(header), Some(payload)) => link(before, header, payload) == m.chain,
        _ => false,
    }
}

/// `m.chain` is that of the frame before, and then that of this one.
fn write_frame(out: &mut Vec<u8>, m: &mut FrameMeta, payload: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&m.flags.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    for v in [m.tables, m.count, m.raw_len, m.payload_len, m.payload_crc, m.hashes.len() as u32, m.group_back] {
        out.extend_from_slice(&v.to_le_bytes());
    }
    out.extend_from_slice(&m.first_seq.to_le_bytes());
    out.extend_from_slice(&m.last_seq.to_le_bytes());
    for v in [m.min_time, m.max_time, m.min_received, m.max_received] {
        out.extend_from_slice(&v.to_le_bytes());
    }
    m.chain = link(&m.chain, out.get(start + 8..).unwrap_or(&[]), payload);
    out.extend_from_slice(&m.chain);
    for h in &m.hashes {
        out.extend_from_slice(&h.to_le_bytes());
    }
    let crc = out.get(start + 8..).map_or(0, crc32fast::hash);
    if let Some(slot) = out.get_mut(start + 4..start + 8) {
        slot.copy_from_slice(&crc.to_le_bytes());
    }
    out.extend_from_slice(payload);
}

/// The entries of a frame, decompressed.
pub(crate) fn unpack(meta: &FrameMeta, payload: Vec<u8>) -> Result<Vec<u8>, String> {
    if crc32fast::hash(&payload) != meta.payload_crc {
        return Err(String::from("the checksum of a frame is wrong"));
    }
    if meta.flags & ZSTD == 0 {
        return Ok(payload);
    }
    let raw = zstd::bulk::decompress(&payload, meta.raw_len as usize).map_err(|e| format!("a frame cannot be decompressed: {e}"))?;
    if raw.len() == meta.raw_len as usize { Ok(raw) } else { Err(String::from("a frame has another length than it says")) }
}

/// One entry of a frame, not yet decoded.
#[derive(Clone, Copy)]
pub(crate) struct RawEntry {
    pub seq: u64,
    pub table: u8,
    pub from: usize,
    pub to: usize,
}

/// Where the records of an unpacked frame stand.
pub(crate) fn entries(meta: &FrameMeta, raw: &[u8]) -> Result<Vec<RawEntry>, String> {
    walk(meta, raw).map(|(entries, _)| entries)
}

/// The producers' marks of an unpacked frame.
pub(crate) fn marks(meta: &FrameMeta, raw: &[u8]) -> Result<Vec<MarkEntry>, String> {
    walk(meta, raw).map(|(_, marks)| marks)
}

fn walk(meta: &FrameMeta, raw: &[u8]) -> Result<(Vec<RawEntry>, Vec<MarkEntry>), String> {
    let wrong = || String::from("the entries of a frame do not fit together");
    let mut out = Vec::with_capacity((meta.count as usize).min(raw.len() / 5 + 1));
    let mut marks = Vec::new();
    let mut at = 0;
    let mut next = meta.first_seq;
    while at < raw.len() {
        let len = u32_at(raw, at).ok_or_else(wrong)? as usize;
        let kind = *raw.get(at + 4).ok_or_else(wrong)?;
        at += 5;
        if len > raw.len() - at.min(raw.len()) {
            return Err(wrong());
        }
        if kind == MARK {
            marks.push(raw.get(at..at + len).and_then(MarkEntry::from_bytes).ok_or_else(wrong)?);
        } else {
            out.push(RawEntry { seq: next, table: kind, from: at, to: at + len });
            next += 1;
        }
        at += len;
    }
    if out.len() == meta.count as usize { Ok((out, marks)) } else { Err(wrong()) }
}

/// The canonical groups of a record's entry; an empty group is empty.
pub(crate) fn groups_of(raw: &[u8], entry: RawEntry) -> Option<[&[u8]; 4]> {
    let mut rest = raw.get(entry.from..entry.to)?;
    let mut lengths = [0usize; 4];
    for l in &mut lengths {
        let (n, after) = unleb128(rest)?;
        *l = n;
        rest = after;
    }
    let mut out: [&[u8]; 4] = [&[]; 4];
    for (slot, len) in out.iter_mut().zip(lengths) {
        let (group, after) = rest.split_at_checked(len)?;
        *slot = group;
        rest = after;
    }
    rest.is_empty().then_some(out)
}

/// Decodes one entry.
pub(crate) fn decode(raw: &[u8], entry: RawEntry, site: SiteId, epoch: u32) -> Result<Event, String> {
    let groups = groups_of(raw, entry).ok_or_else(|| format!("record {} cannot be taken apart", entry.seq))?;
    let e: NewEvent = canon::from_groups(groups).map_err(|x| format!("record {} cannot be decoded: {x}", entry.seq))?;
    Ok(Event { id: EventId { site, epoch, seq: entry.seq }, source: e.source, received: e.received, happened: e.happened, body: e.body })
}
