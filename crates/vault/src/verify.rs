//! Looking through everything: is each stored byte still what was written, and is it what the log says?

use crate::archive;
use crate::columns::RowReader;
use crate::core::{Inner, TABLES, lock};
use crate::disk::{beside, read_all};
use crate::error::{Damage, VaultError};
use crate::folder::Folder;
use crate::frame;
use crate::log::{self, Tiles};
use crate::sealed::{self, Sealed};
use crate::segment::{self, Segment, SegmentHeader};
use crate::status::LastVerified;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use model::event::Table;
use proof::canon::Groups;
use proof::entry::Entry;
use proof::leaf::{self, Salter};
use proof::tree::{self, Range};
use proof::{checkpoint::Checkpoint, tiles};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

/// What [`crate::Vault::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files looked at.
    pub files: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// Records looked at: decoded in the write-ahead log, and with [`Depth::Deep`] every one of the segment files.
    pub records: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Leaves that were computed again and had their batch's root.
    pub leaves: u64,
    /// Places that can't be trusted, oldest first. Empty: all is well.
    pub damage: Vec<Damage>,
}

/// How closely to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Every byte against digests and checksums; a segment file that differs is looked at record by record.
    #[default]
    Files,
    /// Besides, every record's leaf is computed again and every batch's root compared with the log.
    Deep,
}

pub(crate) fn verify(inner: &Arc<Inner>, depth: Depth, mut progress: impl FnMut(u64) -> bool) -> Result<Verified, VaultError> {
    let began = std::time::Instant::now();
    let mut v = Verified::default();
    let mut ended = false;
    let mut progress = |done| {
        let on = progress(done);
        ended |= !on;
        on
    };
    match Folder::load(&*inner.disk, &inner.dir) {
        Ok(Some(f)) if f.site == inner.site => {}
        Ok(_) => v.damage.push(at(inner.dir.join("folder.json"), "it is missing or names another site")),
        Err(VaultError::Damaged(d)) => v.damage.push(d),
        Err(e) => return Err(e),
    }
    v.files += 1;
    let (wal, sealed): (Vec<Arc<Segment>>, Vec<Arc<Sealed>>) = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        (view.segments.clone(), view.sealed_files().cloned().collect())
    };
    let named = the_log(inner, &mut v);
    for f in &sealed {
        if !progress(v.bytes) {
            return Ok(v);
        }
        sealed_file(inner, f, &named, &mut v)?;
    }
    let mut chain = None;
    for s in wal {
        if !progress(v.bytes) {
            return Ok(v);
        }
        one(inner, &s, &mut chain, &mut v)?;
    }
    if depth == Depth::Deep {
        deep(inner, &mut v, &mut progress)?;
    }
    let (files, bytes, wrong) = crate::blobs::verify(inner)?;
    v.files += files;
    v.bytes += bytes;
    v.damage.extend(wrong);
    inner.note_damage(v.damage.iter().cloned());
    if ended {
        // Broken off: nothing is said of what was not looked at.
        return Ok(v);
    }
    let looked = LastVerified {
        at: (inner.options.now)(),
        deep: depth == Depth::Deep,
        files: v.files,
        bytes: v.bytes,
        damage: v.damage.len() as u64,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    // It is a help for pages: a disk that cannot be written does not make the look worth less.
    let _ = archive::remember(inner, |m| m.last_verified = Some(looked));
    Ok(v)
}

fn at(file: PathBuf, what: impl Into<String>) -> Damage {
    Damage { file, offset: 0, first_seq: 1, last_seq: Some(0), what: what.into() }
}

/// The checkpoint, every entry and every tile. What the log says of the files in force.
fn the_log(inner: &Inner, v: &mut Verified) -> Vec<proof::entry::FileFacts> {
    let log = lock(&inner.log);
    let dir = inner.dir.join("log");
    let file = dir.join("checkpoint");
    let mut named: Vec<proof::entry::FileFacts> = Vec::new();
    let size = log.size();
    v.files += 1;
    if size == 0 {
        return named;
    }
    match read_all(&*inner.disk, &file) {
        Ok(bytes) if bytes == log.checkpoint.as_bytes() => v.bytes += bytes.len() as u64,
        Ok(_) => v.damage.push(at(file.clone(), "it is not what was written")),
        Err(e) => v.damage.push(at(file.clone(), format!("it cannot be read: {e}"))),
    }
    let root = match Checkpoint::open_of(log.checkpoint.as_bytes(), log.vkey(), &[]) {
        Ok(o) => Some(o.checkpoint().root),
        Err(e) => {
            v.damage.push(at(file.clone(), format!("its signature does not hold: {e}")));
            None
        }
    };
    let tiles = log.tiles();
    let mut all = Range::new();
    let mut leaves: Vec<proof::Hash> = Vec::new();
    for index in 0..size.div_ceil(256) {
        let width = (size - index * 256).min(256) as u16;
        let path = tiles::TilePath { level: None, index, width };
        v.files += 1;
        let bundle = match tiles.bundle(index, width) {
            Ok(b) => b,
            Err(VaultError::Damaged(d)) => {
                v.damage.push(d);
                break;
            }
            Err(e) => {
                v.damage.push(at(dir.join(path.to_string()), e.to_string()));
                break;
            }
        };
        leaves.clear();
        for (i, bytes) in bundle.iter().take(usize::from(width)).enumerate() {
            v.bytes += bytes.len() as u64;
            v.entries += 1;
            leaves.push(tree::leaf_hash(bytes));
            match Entry::parse(bytes) {
                Some(Entry::Sealed { files, .. }) => named.extend(files),
                Some(Entry::Compacted { files, replaced, .. } | Entry::Erased { files, replaced, .. }) => {
                    named.retain(|f| !replaced.contains(&f.name));
                    named.extend(files);
                }
                Some(Entry::LetGo { files, .. }) => named.retain(|f| !files.iter().any(|g| g.name == f.name)),
                Some(_) => {}
                None => v
                    .damage
                    .push(at(dir.join(path.to_string()), format!("entry {} is not in the form of this program", index * 256 + i as u64))),
            }
        }
        // The tile of leaves must be the same hashes.
        let same = tiles::TileSource::hash_tile(&tiles, 0, index, width);
        v.files += 1;
        let leaf_tile = dir.join(tiles::TilePath { level: Some(0), index, width }.to_string());
        match same {
            Ok(h) if h.get(..leaves.len()) == Some(&leaves) => {}
            Ok(h) => {
                let first = h.iter().zip(&leaves).position(|(a, b)| a != b).unwrap_or(0);
                v.damage
                    .push(at(leaf_tile, format!("entry {} of the log, or its hash, is not what was written", index * 256 + first as u64)));
            }
            Err(e) => v.damage.push(at(leaf_tile, e.to_string())),
        }
        for l in &leaves {
            all.push(*l);
        }
    }
    if root.is_some_and(|r| r != all.root() && v.entries == size) {
        v.damage.push(at(file, "the entries do not have the root that was signed"));
    }
    upper_tiles(&tiles, size, &dir, v);
    v.files += log::secrets_are_whole(&*inner.disk, &inner.dir, log.batches, &mut v.damage);
    key_files(inner, &log, v);
    named
}

/// Hash tiles above the leaves, against those below them.
fn upper_tiles(source: &Tiles, size: u64, dir: &std::path::Path, v: &mut Verified) {
    for level in 1..8u8 {
        let hashes = size >> (8 * u32::from(level));
        if hashes == 0 {
            return;
        }
        for index in 0..hashes.div_ceil(256) {
            let width = (hashes - index * 256).min(256) as u16;
            let path = dir.join(tiles::TilePath { level: Some(level), index, width }.to_string());
            v.files += 1;
            let upper = tiles::TileSource::hash_tile(source, level, index, width);
            let good = upper.is_ok_and(|upper| {
                upper.iter().take(usize::from(width)).enumerate().all(|(i, h)| {
                    let below = tiles::TileSource::hash_tile(source, level - 1, index * 256 + i as u64, 256);
                    below.is_ok_and(|b| tree::root(b.get(..256).unwrap_or(&[])) == *h)
                })
            });
            if !good {
                v.damage.push(at(path, "a tile does not fit to those below it"));
            }
        }
    }
}

fn key_files(inner: &Inner, log: &log::Log, v: &mut Verified) {
    let dir = inner.dir.join("log");
    for (name, want) in [("key", log.key_text()), ("vkey", format!("{}\n", log.vkey()))] {
        if want.is_empty() {
            continue;
        }
        v.files += 1;
        if read_all(&*inner.disk, &dir.join(name)).is_ok_and(|b| b == want.as_bytes()) {
            continue;
        }
        v.damage.push(at(dir.join(name), "it is not what was written"));
    }
    if inner.crypt.as_ref().is_some_and(|c| !c.locks_are_whole()) {
        v.damage.push(at(
            inner.dir.join("encryption.json"),
            "it, or its copy encryption.copy, is not what was written; the next start writes both again",
        ));
    }
    let list = inner.dir.join("segments.json");
    v.files += 1;
    if let Err(what) = sealed::list_is_whole(&*inner.disk, &list) {
        v.damage.push(at(list, what));
    }
}

fn sealed_file(inner: &Inner, f: &Arc<Sealed>, named: &[proof::entry::FileFacts], v: &mut Verified) -> Result<(), VaultError> {
    v.files += 1;
    let file = match inner.disk.open(&f.path) {
        Ok(x) => x,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
            if view.sealed_files().any(|o| Arc::ptr_eq(o, f)) {
                v.damage.push(sealed::damage_of(&f.path, &f.facts, "the file is missing"));
            }
            return Ok(());
        }
        Err(e) => return Err(VaultError::io("open", &f.path, &e)),
    };
    if !named.contains(&f.facts) {
        v.damage.push(sealed::damage_of(&f.path, &f.facts, "the log does not name this file as it is"));
    }
    let size = file.size().map_err(|e| VaultError::io("read", &f.path, &e))?;
    // ring's SHA-256 is the fastest there is here, and a part that fits the cache is hashed where it was copied to.
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 1 << 17];
    let mut at = 0;
    while at < size {
        let n = usize::try_from(size - at).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..n) else { break };
        file.read_at(part, at).map_err(|e| VaultError::io("read", &f.path, &e))?;
        hash.update(&*part);
        at += n as u64;
    }
    v.bytes += size;
    if hash.finish().as_ref() != f.facts.sha256 {
        v.damage.push(first_bad(inner, f, size));
    }
    Ok(())
}

/// The first record of a changed file that is not what was committed.
fn first_bad(inner: &Inner, f: &Arc<Sealed>, size: u64) -> Damage {
    let mut d = sealed::damage_of(&f.path, &f.facts, "the file is not what the log says");
    let log = lock(&inner.log);
    let mut good = f.facts.first_seq;
    let checked = leaves_of(inner, f, &log, |seq, right| {
        if right {
            good = seq + 1;
        }
        right
    });
    match checked {
        Ok(true) => {
            d.what = String::from("the file is not what the log says; every record in it still is");
            (d.first_seq, d.last_seq) = (f.facts.last_seq + 1, Some(f.facts.last_seq));
        }
        _ => d.first_seq = good.min(f.facts.last_seq),
    }
    d.offset = if size < f.facts.bytes { size } else { 0 };
    d
}

/// Computes the leaf of every row and compares each batch's root where the file holds all of the batch. Hands out seq and whether
/// it is right; ends where that says no. True where everything was right.
fn leaves_of(inner: &Inner, f: &Arc<Sealed>, log: &log::Log, mut each: impl FnMut(u64, bool) -> bool) -> Result<bool, VaultError> {
    let table = Table::from_number(f.facts.table).ok_or(VaultError::Closed)?;
    let wrong = |what: String| VaultError::Damaged(sealed::damage_of(&f.path, &f.facts, &what));
    let (chunks, footer) = f.open_anew(inner)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, footer).with_batch_size(8192);
    let mut reader = sealed::guarded(|| builder.build()).map_err(wrong)?;
    let mut batches = crate::seal::Batches::new(log);
    let mut groups = Groups::default();
    let mut open: Option<Open> = None;
    let mut all = true;
    while let Some(rows) = sealed::guarded(|| reader.next().transpose()).map_err(wrong)? {
        let rows = RowReader::new(table, &rows)?;
        for row in 0..rows.len() {
            let seq = rows.seq(row);
            let batch = batches.of(seq)?;
            if open.as_ref().is_none_or(|o| o.batch != batch) {
                if let Some(o) = open.take() {
                    let right = o.is_right(inner, log, table)?;
                    all &= right;
                    if !each(o.last, right) {
                        return Ok(false);
                    }
                }
                let secret = log::secret_of(&*inner.disk, &inner.dir, batch)?;
                open = Some(Open { batch, first: seq, last: seq, tree: Range::new(), salter: secret.map(|s| Salter::new(&s)) });
            }
            let Some(o) = open.as_mut() else { continue };
            o.last = seq;
            o.tree.push(leaf_of(&rows, row, table, o.salter.as_ref(), &mut groups)?);
        }
    }
    if let Some(o) = open {
        let right = o.is_right(inner, log, table)?;
        all &= right;
        each(o.last, right);
    }
    Ok(all)
}

/// The leaf of a stored row.
pub(crate) fn leaf_of(
    rows: &RowReader<'_>,
    row: usize,
    table: Table,
    salter: Option<&Salter>,
    groups: &mut Groups,
) -> Result<proof::Hash, VaultError> {
    rows.groups(row, groups)?;
    let seq = rows.seq(row);
    let (hashes, _) = crate::prove::hashes_of(seq, &groups.all(), rows.stand_in(row), salter)?;
    Ok(leaf::leaf(table as u8, seq, &hashes))
}

struct Open {
    batch: u64,
    first: u64,
    last: u64,
    tree: Range,
    salter: Option<Salter>,
}

impl Open {
    /// The root is the log's; a batch that goes on in another file is left to [`deep`].
    fn is_right(&self, _: &Inner, log: &log::Log, table: Table) -> Result<bool, VaultError> {
        let Some((_, Entry::Commit { tables, .. })) = log.batch_of(self.first)? else { return Ok(false) };
        let Some(root) = tables.iter().find(|t| t.table == table as u8) else { return Ok(false) };
        Ok(root.count != self.tree.len() || root.root == self.tree.root())
    }
}

/// Every batch: its leaves, from wherever its records are, against its roots.
fn deep(inner: &Arc<Inner>, v: &mut Verified, progress: &mut impl FnMut(u64) -> bool) -> Result<(), VaultError> {
    struct Now {
        tree: Range,
        batch: u64,
        first: u64,
        last: u64,
    }
    // With the log held nothing is sealed: what is not in these files is in the tail.
    let log = lock(&inner.log);
    let files: Vec<Arc<Sealed>> = inner.view.read().unwrap_or_else(PoisonError::into_inner).sealed_files().cloned().collect();
    let mut now: [Option<Now>; TABLES] = Default::default();
    let finish = |n: Now, table: u8, v: &mut Verified| -> Result<(), VaultError> {
        let found = log.batch_of(n.first)?;
        let root = match &found {
            Some((_, Entry::Commit { tables, .. })) => tables.iter().find(|t| t.table == table),
            _ => None,
        };
        let name = Table::from_number(table).map_or("?", Table::name);
        let wrong = |what: String| Damage { file: inner.dir.join("log"), offset: 0, first_seq: n.first, last_seq: Some(n.last), what };
        match root {
            Some(r) if r.count == n.tree.len() && r.root == n.tree.root() => v.leaves += n.tree.len(),
            Some(r) if r.count > n.tree.len() => {
                // Part of the batch was let go with its file: what is left cannot be compared with the root any more.
                let gone = lock(&inner.folder).let_go.last_seq;
                if gone < n.first.saturating_sub(1 << 21) || gone == 0 {
                    v.damage.push(wrong(format!("of batch {} only {} of {} records of {name} are there", n.batch, n.tree.len(), r.count)));
                }
            }
            Some(_) => v.damage.push(wrong(format!("the records of {name} in batch {} are not what was committed", n.batch))),
            None => v.damage.push(wrong(format!("records of {name} that batch {} does not have", n.batch))),
        }
        Ok(())
    };
    for f in &files {
        if !progress(v.bytes) {
            return Ok(());
        }
        let Some(table) = Table::from_number(f.facts.table) else { continue };
        let (chunks, footer) = match f.open_anew(inner) {
            Ok(x) => x,
            Err(VaultError::Damaged(d)) => {
                v.damage.push(d);
                continue;
            }
            Err(e) => return Err(e),
        };
        let wrong = |what: String| VaultError::Damaged(sealed::damage_of(&f.path, &f.facts, &what));
        let mut read = || -> Result<(), VaultError> {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), footer.clone()).with_batch_size(8192);
            let mut reader = sealed::guarded(|| builder.build()).map_err(wrong)?;
            let mut batches = crate::seal::Batches::new(&log);
            let mut groups = Groups::default();
            let mut salter: Option<(u64, Option<Salter>)> = None;
            while let Some(rows) = sealed::guarded(|| reader.next().transpose()).map_err(wrong)? {
                let rows = RowReader::new(table, &rows)?;
                for row in 0..rows.len() {
                    let seq = rows.seq(row);
                    let batch = batches.of(seq)?;
                    let Some(slot) = now.get_mut(usize::from(f.facts.table)) else { continue };
                    if let Some(done) = slot.take_if(|n| n.batch != batch) {
                        finish(done, f.facts.table, v)?;
                    }
                    if salter.as_ref().is_none_or(|(b, _)| *b != batch) {
                        let secret = log::secret_of(&*inner.disk, &inner.dir, batch)?;
                        salter = Some((batch, secret.map(|s| Salter::new(&s))));
                    }
                    let s = salter.as_ref().and_then(|(_, s)| s.as_ref());
                    let leaf = leaf_of(&rows, row, table, s, &mut groups)?;
                    let n = slot.get_or_insert_with(|| Now { tree: Range::new(), batch, first: seq, last: seq });
                    n.tree.push(leaf);
                    n.last = seq;
                    v.records += 1;
                }
            }
            Ok(())
        };
        match read() {
            Ok(()) => {}
            Err(VaultError::Damaged(d)) => v.damage.push(d),
            Err(VaultError::Record(what)) => v.damage.push(sealed::damage_of(&f.path, &f.facts, &what)),
            Err(e) => return Err(e),
        }
    }
    // The tail, as far as it is committed.
    let (from, to) = (inner.view.read().unwrap_or_else(PoisonError::into_inner).sealed_to + 1, log.covered);
    let mut batches = crate::seal::Batches::new(&log);
    let mut salter: Option<(u64, Option<Salter>)> = None;
    crate::tail::walk(inner, from, to, |seq, table, groups| {
        let batch = batches.of(seq)?;
        let Some(slot) = now.get_mut(usize::from(table)) else { return Ok(()) };
        if let Some(done) = slot.take_if(|n| n.batch != batch) {
            finish(done, table, v)?;
        }
        if salter.as_ref().is_none_or(|(b, _)| *b != batch) {
            let secret = log::secret_of(&*inner.disk, &inner.dir, batch)?;
            salter = Some((batch, secret.map(|s| Salter::new(&s))));
        }
        let Some((_, Some(s))) = &salter else { return Ok(()) };
        let n = slot.get_or_insert_with(|| Now { tree: Range::new(), batch, first: seq, last: seq });
        n.tree.push(leaf::of_record(s, table, seq, groups));
        n.last = seq;
        Ok(())
    })?;
    for (table, n) in now.into_iter().enumerate() {
        if let Some(n) = n {
            finish(n, table as u8, v)?;
        }
    }
    Ok(())
}

fn one(inner: &Inner, s: &Segment, chain: &mut Option<frame::Chain>, v: &mut Verified) -> Result<(), VaultError> {
    let (known, last_seq) = (s.bytes(), s.summary(|m| m.last_seq));
    let mut all = match read_all(&*inner.disk, &s.path) {
        Ok(b) => b,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
            if view.segments.iter().any(|o| std::ptr::eq(&raw const **o, s)) {
                v.damage.push(place(s, 0, s.name.first_seq, last_seq, "the file is missing"));
            }
            return Ok(());
        }
        Err(e) => return Err(VaultError::io("read", s.path.clone(), &e)),
    };
    v.files += 1;
    let len = all.len() as u64;
    // Behind what is acknowledged there may be a commit on its way, or one that was given up.
    all.truncate(usize::try_from(known).unwrap_or(usize::MAX));
    v.bytes += all.len() as u64;
    let before = v.damage.len();
    let scan = segment::scan(&all, &s.path, s.name, Some(last_seq + 1))?;
    v.damage.extend(scan.damage.iter().cloned());
    if scan.good_end < known && v.damage.len() == before {
        v.damage.push(place(s, scan.good_end.min(len), scan.next_seq, last_seq, "the end of the file is not what was written"));
    }
    let header = SegmentHeader::parse(&all, &s.path)?;
    let mut link = header.map(|h| h.chain);
    if let (Some(before), Some(link)) = (*chain, link)
        && before != link
    {
        v.damage.push(place(s, 68, s.name.first_seq, last_seq, "the file does not go on from the one before it"));
    }
    let mut records = 0;
    for m in &scan.frames {
        let bytes = all.get(m.offset as usize..m.end() as usize).unwrap_or(&[]);
        if link.is_some_and(|before| !frame::follows(&before, bytes, m)) {
            v.damage.push(place(s, m.offset, m.first_seq, m.last_seq, "a frame does not go on from the one before it"));
        }
        link = Some(m.chain);
        let payload = all.get(m.payload_at() as usize..m.end() as usize).unwrap_or(&[]).to_vec();
        let checked = frame::unpack(m, payload).and_then(|raw| {
            for e in frame::entries(m, &raw)? {
                frame::decode(&raw, e, inner.site, s.name.epoch)?;
                records += 1;
            }
            Ok(())
        });
        if let Err(what) = checked {
            v.damage.push(place(s, m.offset, m.first_seq, m.last_seq, &what));
        }
    }
    *chain = link;
    v.records += records;
    let index = beside(&s.path, ".idx");
    if let Ok(bytes) = read_all(&*inner.disk, &index) {
        v.files += 1;
        v.bytes += bytes.len() as u64;
        let read = segment::read_index(&*inner.disk, &s.path, known, true);
        if read.is_err() || read.is_ok_and(|(_, frames)| frames != scan.frames) {
            let what = String::from("the index is not what was written; it is made again from the segment when it is missing");
            v.damage.push(Damage { file: index, offset: 0, first_seq: s.name.first_seq, last_seq: Some(s.name.first_seq - 1), what });
        }
    }
    Ok(())
}

fn place(s: &Segment, offset: u64, first_seq: u64, last_seq: u64, what: &str) -> Damage {
    Damage { file: s.path.clone(), offset, first_seq, last_seq: Some(last_seq), what: String::from(what) }
}
