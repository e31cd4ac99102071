//! Word filters: a file beside a segment file that says, for each row group, which words cannot be in it.
//!
//! For each row group there is a split-block bloom filter (as Parquet's: XXH64, 8 bits a key in one block of 32 bytes) over the keys of
//! all text and addresses of its records ([`super::terms`]), with about 10 bits for each distinct key: one in a hundred questions for a key that is not there reads the row group in
//! vain, and a needle of several keys far fewer. For usual logs that is a few bytes a line, a tenth of what the compressed line takes. A question reads one page of 4 KiB for each
//! key and row group and never the whole file.
//!
//! File, numbers little endian:
//!
//! - 16 bytes `HNMWORDS`, version u32 = 2, CRC-32 of `record` u32 (version 1 knew only the column `text`, and no beginnings of words).
//! - Padding to 4,096, then pages of 4,096 bytes: 127 blocks of 32 bytes, 28 zero bytes, CRC-32 of the 4,092 bytes before. Row groups begin on a page of their own.
//! - The directory: for each row group first page u32, blocks u32, keys u32.
//! - The end, 32 bytes: row groups u32, offset of the directory u64, rows u64, CRC-32 of directory and these 20 bytes u32, `HNMWORDS`.
//!
//! A page or file that is not what was written hides nothing: the row group is read. A file that is missing can be made again from the
//! segment file at any time ([`build`]), it is not part of what is proven.

use super::hash::{self, BLOCK};
use super::record_has::Texts;
use super::terms;
use crate::columns;
use crate::disk::{AnyDisk, Disk, DiskRead, RealDisk};
use crate::error::VaultError;
use crate::sealed::Chunks;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::metadata::RowGroupMetaData;
use model::event::Table;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"HNMWORDS";
const VERSION: u32 = 2;
const PAGE: usize = 4096;
const BLOCKS: usize = 127;
const END: usize = 32;

/// What the filters are over: the whole record.
const COLUMN: &str = "record";

/// A hash is hashed enough.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash::xxh64(bytes);
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// Writes the filters of one segment file. Feed rows in order: their row group and their text.
pub struct Writer<W: Write> {
    out: W,
    page: u32,
    group: u32,
    keys: HashSet<u64, BuildHasherDefault<Same>>,
    directory: Vec<[u32; 3]>,
    rows: u64,
    folded: String,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(mut out: W) -> io::Result<Writer<W>> {
        let mut head = vec![0u8; PAGE];
        let start = [&MAGIC[..], &VERSION.to_le_bytes(), &crc32fast::hash(COLUMN.as_bytes()).to_le_bytes()].concat();
        for (to, from) in head.iter_mut().zip(start) {
            *to = from;
        }
        out.write_all(&head)?;
        Ok(Writer { out, page: 1, group: 0, keys: HashSet::default(), directory: Vec::new(), rows: 0, folded: String::new() })
    }

    /// A row: its row group, counted from 0 and never going back, and its text.
    pub fn add(&mut self, row_group: u32, text: &str) -> io::Result<()> {
        while self.group < row_group {
            self.close_group()?;
        }
        self.rows += 1;
        terms::fold(text, &mut self.folded);
        let keys = &mut self.keys;
        terms::keys(&self.folded, |k| {
            keys.insert(hash::xxh64(k.as_bytes()));
        });
        Ok(())
    }

    fn close_group(&mut self) -> io::Result<()> {
        // 10 bits a key, at least one block.
        let blocks = (self.keys.len() * 10).div_ceil(BLOCK * 8).clamp(1, 1 << 24);
        let mut bits = vec![0u8; blocks * BLOCK];
        for key in &self.keys {
            let at = hash::block_of(*key, blocks as u64) as usize * BLOCK;
            if let Some(block) = bits.get_mut(at..at + BLOCK) {
                hash::put(block, *key);
            }
        }
        self.directory.push([self.page, blocks as u32, self.keys.len() as u32]);
        for part in bits.chunks(BLOCKS * BLOCK) {
            let mut page = part.to_vec();
            page.resize(PAGE - 4, 0);
            page.extend(crc32fast::hash(&page).to_le_bytes());
            self.out.write_all(&page)?;
            self.page += 1;
        }
        self.keys.clear();
        self.group += 1;
        Ok(())
    }

    /// Writes what is left: `row_groups` is how many the segment file has. Gives back where it was written to; syncing is the caller's.
    pub fn finish(mut self, row_groups: u32) -> io::Result<W> {
        while self.group < row_groups {
            self.close_group()?;
        }
        let mut end: Vec<u8> = self.directory.iter().flatten().flat_map(|n| n.to_le_bytes()).collect();
        end.extend((self.directory.len() as u32).to_le_bytes());
        end.extend((u64::from(self.page) * PAGE as u64).to_le_bytes());
        end.extend(self.rows.to_le_bytes());
        end.extend(crc32fast::hash(&end).to_le_bytes());
        end.extend(MAGIC);
        self.out.write_all(&end)?;
        Ok(self.out)
    }
}

/// The filters of one segment file, open for questions.
pub struct Filter {
    file: Box<dyn DiskRead>,
    directory: Vec<[u32; 3]>,
    rows: u64,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk::<4>()).map_or(0, |b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk::<8>()).map_or(0, |b| u64::from_le_bytes(*b))
}

impl Filter {
    /// Opens a file, reading its start, end and directory. [`io::ErrorKind::InvalidData`] where it is not one, or not whole.
    pub fn open(path: &Path) -> io::Result<Filter> {
        RealDisk.open(path).and_then(Filter::of)
    }

    /// The same of an open file.
    pub(crate) fn of(file: Box<dyn DiskRead>) -> io::Result<Filter> {
        let len = file.size()?;
        if len < (PAGE + END) as u64 {
            return Err(bad("too short for a file of word filters"));
        }
        let mut start = [0u8; 16];
        file.read_at(&mut start, 0)?;
        let column = crc32fast::hash(COLUMN.as_bytes());
        if start.get(..8) != Some(&MAGIC[..]) || u32_at(&start, 8) != VERSION || u32_at(&start, 12) != column {
            return Err(bad("not a file of word filters that this program knows"));
        }
        let mut end = [0u8; END];
        file.read_at(&mut end, len - END as u64)?;
        let (groups, offset, rows) = (u32_at(&end, 0), u64_at(&end, 4), u64_at(&end, 12));
        let bytes = u64::from(groups) * 12;
        if end.get(24..) != Some(&MAGIC[..]) || offset.checked_add(bytes + END as u64) != Some(len) {
            return Err(bad("its end is not what was written"));
        }
        let mut directory = vec![0u8; bytes as usize];
        file.read_at(&mut directory, offset)?;
        directory.extend_from_slice(end.get(..20).unwrap_or(&[]));
        if crc32fast::hash(&directory) != u32_at(&end, 20) {
            return Err(bad("its directory is not what was written"));
        }
        directory.truncate(bytes as usize);
        let directory = directory.chunks_exact(12).map(|c| [u32_at(c, 0), u32_at(c, 4), u32_at(c, 8)]).collect();
        Ok(Filter { file, directory, rows })
    }

    /// Row groups that it knows.
    pub fn row_groups(&self) -> usize {
        self.directory.len()
    }

    /// Rows that were fed.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Distinct keys of a row group.
    pub fn keys(&self, row_group: usize) -> u32 {
        self.directory.get(row_group).map_or(0, |d| d[2])
    }

    /// Whether a row group may hold lines with all these words.
    pub fn may_have(&self, row_group: usize, words: &str) -> io::Result<bool> {
        self.may_hold(row_group, &terms::Needle::new(words).hashes())
    }

    /// The same by hashes of keys.
    pub(crate) fn may_hold(&self, row_group: usize, hashes: &[u64]) -> io::Result<bool> {
        let Some(&[first, blocks, _]) = self.directory.get(row_group) else { return Ok(true) };
        let mut page = [0u8; PAGE];
        for h in hashes {
            let block = hash::block_of(*h, u64::from(blocks)) as usize;
            let at = (u64::from(first) + (block / BLOCKS) as u64) * PAGE as u64;
            self.file.read_at(&mut page, at)?;
            let (content, sum) = page.split_at(PAGE - 4);
            if crc32fast::hash(content) != u32_at(sum, 0) {
                return Err(bad("a page of it is not what was written"));
            }
            let from = block % BLOCKS * BLOCK;
            if !hash::holds(content.get(from..from + BLOCK).unwrap_or(&[]), *h) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Makes the filters of a segment file (again) from its columns of text and addresses, and what has no column.
pub fn build<W: Write>(disk: &AnyDisk, segment: &Path, out: W) -> Result<W, VaultError> {
    let io = |e: &io::Error| VaultError::io("make word filters of", segment, e);
    let parquet = |e: datafusion::parquet::errors::ParquetError| io(&bad(&e.to_string()));
    let file = disk.0.open(segment).map_err(|e| io(&e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(Chunks(Arc::from(file))).map_err(parquet)?;
    let meta = Arc::clone(builder.metadata());
    let mut writer = Writer::new(out).map_err(|e| io(&e))?;
    let mut known: Vec<&str> = Table::ALL.into_iter().flat_map(columns::worded).collect();
    known.sort_unstable();
    known.dedup();
    let mask = ProjectionMask::columns(builder.parquet_schema(), known);
    let reader = builder.with_projection(mask).with_batch_size(8192).build().map_err(parquet)?;
    let mut left = meta.row_groups().iter().map(RowGroupMetaData::num_rows).collect::<Vec<_>>().into_iter();
    let (mut group, mut rest) = (0u32, left.next().unwrap_or(0));
    let mut record = String::new();
    for batch in reader {
        let wrong = |e: &dyn std::fmt::Display| io(&bad(&e.to_string()));
        let batch = batch.map_err(|e| wrong(&e))?;
        let mut texts = Vec::with_capacity(batch.num_columns());
        for column in batch.columns() {
            // A name may be of something else in another table: a time is no text.
            texts.extend(Texts::of(column).map_err(|e| wrong(&e))?);
        }
        for row in 0..batch.num_rows() {
            while rest == 0 {
                let Some(next) = left.next() else { break };
                (group, rest) = (group + 1, next);
            }
            rest -= 1;
            record.clear();
            for t in &texts {
                t.add(row, &mut record);
            }
            writer.add(group, &record).map_err(|e| io(&e))?;
        }
    }
    writer.finish(meta.num_row_groups() as u32).map_err(|e| io(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u32) -> String {
        format!("2026-05-01 plc-{:03} session {} from 192.0.2.{} 認証{}", n % 40, n.wrapping_mul(2_654_435_761), n % 250, n)
    }

    fn written(groups: u32, each: u32) -> Vec<u8> {
        let mut w = Writer::new(Vec::new()).unwrap();
        for g in 0..groups {
            for n in 0..each {
                w.add(g, &line(g * each + n)).unwrap();
            }
        }
        w.finish(groups).unwrap()
    }

    #[test]
    fn what_is_there_is_found_and_one_in_a_hundred_of_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        std::fs::write(&path, written(3, 5000)).unwrap();
        let f = Filter::open(&path).unwrap();
        assert_eq!((f.row_groups(), f.rows()), (3, 15_000));
        for n in (0..15_000u32).step_by(7) {
            assert!(f.may_have((n / 5000) as usize, &line(n)).unwrap(), "{n}");
        }
        let wrong = (0..20_000).filter(|n| f.may_have(1, &format!("zz{n}")).unwrap()).count();
        assert!(wrong < 500, "{wrong} of 20,000 are false");
        assert!(f.may_have(9, "anything").unwrap(), "an unknown row group is read");
    }

    #[test]
    fn row_groups_without_rows_have_filters_too() {
        let mut w = Writer::new(Vec::new()).unwrap();
        w.add(2, "hello").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        std::fs::write(&path, w.finish(4).unwrap()).unwrap();
        let f = Filter::open(&path).unwrap();
        assert_eq!((0..4).map(|g| f.may_have(g, "hello").unwrap()).collect::<Vec<_>>(), [false, false, true, false]);
    }

    #[test]
    fn every_flipped_bit_is_noticed_or_hides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        let good = written(2, 200);
        for at in (0..good.len()).step_by(13).chain(good.len() - 60..good.len()) {
            let mut b = good.clone();
            b[at] ^= 0x10;
            std::fs::write(&path, &b).unwrap();
            let Ok(f) = Filter::open(&path) else { continue };
            for n in 0..400u32 {
                // Either the page is refused (and the caller reads the row group), or the answer is right.
                assert!(f.may_have((n / 200) as usize, &line(n)).unwrap_or(true), "byte {at}");
            }
        }
        for len in [0, 7, 4096, good.len() - 1] {
            std::fs::write(&path, &good[..len]).unwrap();
            assert!(Filter::open(&path).is_err());
        }
    }
}
