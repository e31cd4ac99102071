//! Segment files: which are in force, writing one, and reading its rows.
//!
//! `segments.json` says which files are in force and up to which entry of the log that is so; a start rolls it forward over
//! what the log says since. So the log is the truth, and the list a help.

use crate::columns::{self, RowReader};
use crate::core::{Inner, View, lock};
use crate::disk::{AnyDisk, Disk, DiskFile, DiskRead, Sink, read_all, replace};
use crate::erase::Erasure;
use crate::error::{Damage, VaultError};
use crate::frame::MarkEntry;
use crate::log::Log;
use crate::retention::Hold;
use bytes::Bytes;
use datafusion::arrow::array::{Array, RecordBatch, TimestampNanosecondArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::PageIndexPolicy;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::schema::types::ColumnPath;
use model::event::Table;
use proof::Hash;
use proof::entry::{Entry, FileFacts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a row group.
pub(crate) const GROUP_ROWS: usize = 131_072;
/// Rows of a page: what a reader of a few records reads.
const PAGE_ROWS: usize = 4096;
/// Files that one entry of the log names at most, so that it stays below its limit.
pub(crate) const FILES_OF_AN_ENTRY: usize = 200;
/// Bytes of a file's footer that stay in memory, in all.
const FOOTERS: usize = 64;

/// A segment file in force.
pub(crate) struct Sealed {
    pub facts: FileFacts,
    pub path: PathBuf,
    pub min_time: i64,
    pub max_time: i64,
    footer: Mutex<Option<ArrowReaderMetadata>>,
}

/// As the list keeps it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Listed {
    facts: FileFacts,
    min_time: i64,
    max_time: i64,
}

/// `segments.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
struct List {
    sealed_to: u64,
    /// Entries of the log that this list has followed.
    log_size: u64,
    files: Vec<Listed>,
    #[serde(default)]
    marks: Vec<MarkEntry>,
    #[serde(default)]
    holds: Vec<Hold>,
    /// What was erased on request, as the log says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    erased: Vec<Erasure>,
}

#[derive(Serialize, Deserialize)]
struct Checked {
    segments: List,
    check: String,
}

const LIST_FILE: &str = "segments.json";
const FOLDER: &str = "segments";

fn check_of(list: &List) -> Result<String, VaultError> {
    let text = serde_json::to_string(list).map_err(|e| VaultError::Record(e.to_string()))?;
    Ok(format!("{:08x}", crc32fast::hash(text.as_bytes())))
}

/// The folder of segment files.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join(FOLDER)
}

/// What a start finds.
#[derive(Default)]
pub(crate) struct Found {
    pub view: View,
    pub marks: Vec<MarkEntry>,
    pub holds: Vec<Hold>,
    pub erased: Vec<Erasure>,
    pub damage: Vec<Damage>,
    pub notes: Vec<String>,
    /// The list follows the log up to here; more where the log went on.
    pub behind: bool,
}

/// Reads which files are in force, and follows the log where it went on since.
pub(crate) fn open(disk: &dyn Disk, dir: &Path, log: &Log) -> Result<Found, VaultError> {
    let folder = folder(dir);
    disk.make_dir(&folder).map_err(|e| VaultError::io("make the folder", &folder, &e))?;
    let mut found = Found::default();
    let path = dir.join(LIST_FILE);
    let list = match read_all(disk, &path) {
        Ok(bytes) => {
            let read = serde_json::from_slice::<Checked>(&bytes).ok().filter(|c| check_of(&c.segments).is_ok_and(|x| x == c.check));
            // The same program wrote it in the same form, so one more or other byte than that is damage.
            let read = read.filter(|c| serde_json::to_vec(c).is_ok_and(|v| v == bytes));
            if read.is_none() {
                found.damage.push(place(&path, "it is not what was written; it was made again from the log"));
                found.behind = true;
            }
            read.map(|c| c.segments)
        }
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(VaultError::io("read", path, &e)),
    };
    let mut list = list.unwrap_or_default();
    if list.log_size > log.size() {
        found.damage.push(place(&path, "it follows a longer log than the one that is here"));
        list = List::default();
    }
    for index in list.log_size..log.size() {
        match log.entry(index)? {
            Some(Entry::Sealed { files, .. }) => {
                found.behind = true;
                list.sealed_to = files.iter().map(|f| f.last_seq).max().unwrap_or(0).max(list.sealed_to);
                list.files.extend(files.into_iter().map(|facts| listed(disk, &folder, facts)));
            }
            Some(Entry::Compacted { files, replaced, .. }) => {
                found.behind = true;
                list.files.retain(|l| !replaced.contains(&l.facts.name));
                list.files.extend(files.into_iter().map(|facts| listed(disk, &folder, facts)));
            }
            Some(Entry::Erased { at, files, replaced, reason, records, .. }) => {
                found.behind = true;
                list.files.retain(|l| !replaced.contains(&l.facts.name));
                list.files.extend(files.into_iter().map(|facts| listed(disk, &folder, facts)));
                list.erased.push(Erasure { entry: index, at, reason, records });
            }
            Some(Entry::LetGo { files, .. }) => {
                found.behind = true;
                list.files.retain(|l| !files.iter().any(|f| f.name == l.facts.name));
            }
            _ => {}
        }
    }
    let there = match disk.list(&folder) {
        Ok(files) => files,
        // An archive from before anything was sealed.
        Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(VaultError::io("list", &folder, &e)),
    };
    for (name, _) in &there {
        let of = name.strip_suffix(".words").or_else(|| name.strip_suffix(".words.new")).unwrap_or(name);
        if !list.files.iter().any(|l| l.facts.name == *of) {
            // Half made, or replaced or let go before the machine stopped.
            let _ = disk.remove(&folder.join(name));
        }
    }
    for l in list.files {
        let size = there.iter().find(|(n, _)| *n == l.facts.name).map(|(_, size)| *size);
        let path = folder.join(&l.facts.name);
        if size != Some(l.facts.bytes) {
            let what = if size.is_none() { "the file is missing" } else { "the file has another length than was written" };
            found.damage.push(damage_of(&path, &l.facts, what));
        }
        if size.is_none() {
            continue;
        }
        if let Some(files) = found.view.sealed.get_mut(usize::from(l.facts.table)) {
            files.push(Arc::new(Sealed { facts: l.facts, path, min_time: l.min_time, max_time: l.max_time, footer: Mutex::new(None) }));
        }
    }
    for files in &mut found.view.sealed {
        files.sort_by_key(|f| f.facts.first_seq);
    }
    found.view.sealed_to = list.sealed_to;
    found.marks = list.marks;
    found.holds = list.holds;
    found.erased = list.erased;
    Ok(found)
}

/// Whether the list is what was written.
pub(crate) fn list_is_whole(disk: &dyn Disk, path: &Path) -> Result<(), String> {
    let bytes = match read_all(disk, path) {
        Ok(b) => b,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(format!("it cannot be read: {e}")),
    };
    let checked: Checked = serde_json::from_slice(&bytes).map_err(|_| String::from("it is not the JSON that was written"))?;
    let same = serde_json::to_vec(&checked).is_ok_and(|v| v == bytes) && check_of(&checked.segments).is_ok_and(|c| c == checked.check);
    if same { Ok(()) } else { Err(String::from("its checksum is wrong")) }
}

fn place(path: &Path, what: &str) -> Damage {
    Damage { file: path.to_path_buf(), offset: 0, first_seq: 1, last_seq: Some(0), what: String::from(what) }
}

pub(crate) fn damage_of(path: &Path, facts: &FileFacts, what: &str) -> Damage {
    Damage { file: path.to_path_buf(), offset: 0, first_seq: facts.first_seq, last_seq: Some(facts.last_seq), what: String::from(what) }
}

/// The times of a file that only the log names are read from its footer; unknown ones exclude nothing.
fn listed(disk: &dyn Disk, folder: &Path, facts: FileFacts) -> Listed {
    let times = || -> Option<(i64, i64)> {
        let file = disk.open(&folder.join(&facts.name)).ok()?;
        let footer = load_footer(&Chunks(Arc::from(file))).ok()?;
        let value = footer.metadata().file_metadata().key_value_metadata()?.iter().find(|k| k.key == "hinomi.time")?.value.clone()?;
        let (min, max) = value.split_once(' ')?;
        Some((min.parse().ok()?, max.parse().ok()?))
    };
    let (min_time, max_time) = times().unwrap_or((i64::MIN, i64::MAX));
    Listed { facts, min_time, max_time }
}

/// Writes the list and changes the view: `new` come, `old` go. Called with the log held, which names the change already. The old files are removed.
///
/// Where nothing is sealed the view follows at once: the log says so, and a list that is written later must not name what the log gave up. What becomes
/// of the write-ahead log waits for the list, which keeps the producers' marks.
pub(crate) fn replace_files(
    inner: &Inner,
    log: &Log,
    new: &[Arc<Sealed>],
    old: &[Arc<Sealed>],
    sealed_to: Option<u64>,
) -> Result<(), VaultError> {
    let (files, to) = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        let mut files: Vec<Arc<Sealed>> = view.sealed_files().filter(|f| !old.iter().any(|o| Arc::ptr_eq(o, f))).cloned().collect();
        files.extend(new.iter().cloned());
        (files, sealed_to.unwrap_or(view.sealed_to))
    };
    if sealed_to.is_some() {
        save(inner, log, &files, to)?;
    }
    {
        let mut view = inner.view.write().unwrap_or_else(PoisonError::into_inner);
        for table in &mut view.sealed {
            table.clear();
        }
        for f in &files {
            if let Some(table) = view.sealed.get_mut(usize::from(f.facts.table)) {
                table.push(Arc::clone(f));
            }
        }
        for table in &mut view.sealed {
            table.sort_by_key(|f| f.facts.first_seq);
        }
        view.sealed_to = to;
        if sealed_to.is_some() {
            view.segments.retain(|s| {
                let stays = s.summary(|m| m.last_seq > to) || !s.is_finished();
                if !stays {
                    s.leave();
                    crate::folder::discard(&*inner.disk, &s.path);
                }
                stays
            });
        }
    }
    if sealed_to.is_none() {
        save(inner, log, &files, to)?;
    }
    for f in old {
        let _ = inner.disk.remove(&f.path);
        let _ = inner.disk.remove(&crate::disk::beside(&f.path, ".words"));
    }
    Ok(())
}

/// Makes the word filters of a file whose records hold words, where there are none that this program knows. A help only: without them a search
/// reads more, and finds the same.
pub(crate) fn add_words(inner: &Inner, file: &Sealed) {
    let words = crate::disk::beside(&file.path, ".words");
    let worded = Table::from_number(file.facts.table).is_some_and(|t| columns::WORDED.contains(&t));
    // Questions read real files; a simulated disk has none.
    if !worded || !file.path.is_file() || crate::ask::words::Filter::open(&words).is_ok() {
        return;
    }
    let new = crate::disk::beside(&words, ".new");
    // One that was half made stays from a crash.
    let _ = inner.disk.remove(&new);
    let made = inner
        .disk
        .create(&new)
        .map_err(|e| VaultError::io("create", &new, &e))
        .and_then(|f| {
            crate::ask::words::build(&AnyDisk(Arc::clone(&inner.disk)), &file.path, io::BufWriter::with_capacity(1 << 18, Sink(f)))
        })
        .and_then(|mut f| f.flush().map_err(|e| VaultError::io("write", &new, &e)));
    if made.is_err() || inner.disk.rename(&new, &words).is_err() {
        let _ = inner.disk.remove(&new);
    }
}

/// Whether all of these are still in force: somebody else may have compacted or let go while one waited for the log.
pub(crate) fn are_in_force(inner: &Inner, files: &[Arc<Sealed>]) -> bool {
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    files.iter().all(|f| view.sealed_files().any(|o| Arc::ptr_eq(o, f)))
}

/// Writes which files are in force.
fn save(inner: &Inner, log: &Log, files: &[Arc<Sealed>], sealed_to: u64) -> Result<(), VaultError> {
    let mut listed: Vec<Listed> =
        files.iter().map(|f| Listed { facts: f.facts.clone(), min_time: f.min_time, max_time: f.max_time }).collect();
    listed.sort_by(|a, b| a.facts.name.cmp(&b.facts.name));
    let marks = lock(&inner.marks).values().filter(|m| m.last_seq <= sealed_to).copied().collect();
    let holds = lock(&inner.holds).clone();
    let erased = lock(&inner.erased).clone();
    let list = List { sealed_to, log_size: log.size(), files: listed, marks, holds, erased };
    let checked = Checked { check: check_of(&list)?, segments: list };
    let text = serde_json::to_vec(&checked).map_err(|e| VaultError::Record(e.to_string()))?;
    let path = inner.dir.join(LIST_FILE);
    replace(&*inner.disk, &path, &text).map_err(|e| VaultError::io("write", path, &e))
}

/// Writes the list as it stands: after a change of holds, or to catch up with the log.
pub(crate) fn save_again(inner: &Inner, log: &Log) -> Result<(), VaultError> {
    let (files, to) = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        (view.sealed_files().cloned().collect::<Vec<_>>(), view.sealed_to)
    };
    save(inner, log, &files, to)
}

/// A file being written: counted and hashed on the way.
struct Hashing {
    file: Box<dyn DiskFile>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        self.file.write(b)?;
        self.hash.update(b);
        self.bytes += b.len() as u64;
        Ok(b.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A segment file being written.
pub(crate) struct SegmentWriter {
    writer: ArrowWriter<Hashing>,
    name: String,
    path: PathBuf,
    table: Table,
    rows: u64,
    seqs: (u64, u64),
    received: (i64, i64),
    times: (i64, i64),
}

fn properties(table: Table) -> WriterProperties {
    let mut p = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(String::from("hinomi"));
    for rest in columns::RESTS.iter().chain([&columns::ERASED]) {
        p = p
            .set_column_statistics_enabled(ColumnPath::from(*rest), EnabledStatistics::None)
            .set_column_dictionary_enabled(ColumnPath::from(*rest), false);
    }
    for field in columns::of(table).schema.fields() {
        if columns::ADDRESS_COLUMNS.contains(&field.name().as_str()) {
            // Addresses repeat: a factory has thousands, not millions.
            p = p
                .set_column_bloom_filter_enabled(ColumnPath::from(field.name().as_str()), true)
                .set_column_bloom_filter_fpp(ColumnPath::from(field.name().as_str()), 0.01)
                .set_column_bloom_filter_max_ndv(ColumnPath::from(field.name().as_str()), 20_000);
        }
    }
    for field in columns::of(table).schema.fields() {
        let path = || ColumnPath::from(field.name().as_str());
        let counts = columns::MANY_VALUED.contains(&field.name().as_str());
        if counts || matches!(field.data_type(), DataType::Timestamp(..)) {
            p = p.set_column_dictionary_enabled(path(), false).set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
        }
    }
    // Each line of a log is another; a dictionary would be begun, filled and given up.
    p.set_column_dictionary_enabled(ColumnPath::from("text"), false).build()
}

fn parquet_error(path: &Path, e: &ParquetError) -> VaultError {
    match e {
        ParquetError::External(inner) if inner.downcast_ref::<io::Error>().is_some() => match inner.downcast_ref::<io::Error>() {
            Some(io) => VaultError::io("write", path, io),
            None => VaultError::Closed,
        },
        other => VaultError::Io { doing: "write", file: path.to_path_buf(), kind: ErrorKind::Other, message: other.to_string() },
    }
}

impl SegmentWriter {
    /// A new file; `first_seq` is only for its name.
    pub fn create(inner: &Inner, table: Table, first_seq: u64, last_seq: u64) -> Result<SegmentWriter, VaultError> {
        let dir = folder(&inner.dir);
        let mut n = 0u32;
        loop {
            let name = format!("{}-{first_seq:020}-{last_seq:020}-{n}.parquet", table.name());
            let path = dir.join(&name);
            let file = match inner.disk.create(&path) {
                Ok(f) => f,
                Err(e) if e.kind() == ErrorKind::AlreadyExists && n < 100_000 => {
                    n += 1;
                    continue;
                }
                Err(e) => return Err(VaultError::io("create", path, &e)),
            };
            let sink = Hashing { file, hash: Sha256::new(), bytes: 0 };
            let schema = Arc::clone(&columns::of(table).schema);
            let writer = ArrowWriter::try_new(sink, schema, Some(properties(table))).map_err(|e| parquet_error(&path, &e))?;
            return Ok(SegmentWriter {
                writer,
                name,
                path,
                table,
                rows: 0,
                seqs: (u64::MAX, 0),
                received: (i64::MAX, i64::MIN),
                times: (i64::MAX, i64::MIN),
            });
        }
    }

    /// Adds rows, in order of seq.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), VaultError> {
        let span = |name: &str| -> Option<(i64, i64)> {
            let a = batch.column_by_name(name)?.as_any().downcast_ref::<TimestampNanosecondArray>()?;
            Some((a.iter().flatten().min()?, a.iter().flatten().max()?))
        };
        if let Some((a, b)) = span("received") {
            self.received = (self.received.0.min(a), self.received.1.max(b));
        }
        if let Some((a, b)) = span("time") {
            self.times = (self.times.0.min(a), self.times.1.max(b));
        }
        let reader = RowReader::new(self.table, batch)?;
        if batch.num_rows() > 0 {
            self.seqs = (self.seqs.0.min(reader.seq(0)), self.seqs.1.max(reader.seq(batch.num_rows() - 1)));
        }
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|e| parquet_error(&self.path, &e))
    }

    /// Ends it: all of it is on disk when this comes back (the folder is not synced yet).
    pub fn finish(mut self) -> Result<Arc<Sealed>, VaultError> {
        let path = self.path;
        self.writer.append_key_value_metadata(datafusion::parquet::file::metadata::KeyValue {
            key: String::from("hinomi.time"),
            value: Some(format!("{} {}", self.times.0, self.times.1)),
        });
        self.writer.append_key_value_metadata(datafusion::parquet::file::metadata::KeyValue {
            key: String::from("hinomi.columns"),
            value: Some(String::from("1")),
        });
        self.writer.finish().map_err(|e| parquet_error(&path, &e))?;
        let sink = self.writer.inner_mut();
        sink.file.sync().map_err(|e| VaultError::io("sync", &path, &e))?;
        let sha256: Hash = sink.hash.clone().finalize().into();
        let facts = FileFacts {
            name: self.name,
            sha256,
            bytes: sink.bytes,
            table: self.table as u8,
            rows: self.rows,
            first_seq: self.seqs.0,
            last_seq: self.seqs.1,
            first_received: self.received.0,
            last_received: self.received.1,
        };
        Ok(Arc::new(Sealed { facts, path, min_time: self.times.0, max_time: self.times.1, footer: Mutex::new(None) }))
    }

    /// Gives it up.
    pub fn discard(self, disk: &dyn Disk) {
        let _ = disk.remove(&self.path);
    }
}

/// A stored file as Parquet's reader wants it.
#[derive(Clone)]
pub(crate) struct Chunks(pub Arc<dyn DiskRead>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.size().unwrap_or(0)
    }
}

/// Reads on from a place.
pub(crate) struct From {
    file: Arc<dyn DiskRead>,
    at: u64,
    end: u64,
}

impl Read for From {
    fn read(&mut self, b: &mut [u8]) -> io::Result<usize> {
        let n = b.len().min(usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX));
        let Some(part) = b.get_mut(..n) else { return Ok(0) };
        self.file.read_at(part, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl ChunkReader for Chunks {
    type T = From;
    fn get_read(&self, start: u64) -> Result<From, ParquetError> {
        Ok(From { file: Arc::clone(&self.0), at: start, end: self.len() })
    }
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        if start.saturating_add(length as u64) > self.len() {
            return Err(ParquetError::EOF(String::from("the file is shorter than it says")));
        }
        let mut buffer = vec![0; length];
        self.0.read_at(&mut buffer, start).map_err(|e| ParquetError::External(Box::new(e)))?;
        Ok(Bytes::from(buffer))
    }
}

fn load_footer(chunks: &Chunks) -> Result<ArrowReaderMetadata, ParquetError> {
    ArrowReaderMetadata::load(chunks, ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional))
}

impl Sealed {
    /// The file, open, with its footer as it is on disk now.
    pub fn open_anew(&self, inner: &Inner) -> Result<(Chunks, ArrowReaderMetadata), VaultError> {
        let file = inner.disk.open(&self.path).map_err(|e| VaultError::io("open", &self.path, &e))?;
        let chunks = Chunks(Arc::from(file));
        let footer = guarded(|| load_footer(&chunks)).map_err(|what| VaultError::Damaged(damage_of(&self.path, &self.facts, &what)))?;
        Ok((chunks, footer))
    }

    /// The file, open, with its footer.
    pub fn open(self: &Arc<Self>, inner: &Inner) -> Result<(Chunks, ArrowReaderMetadata), VaultError> {
        let file = inner.disk.open(&self.path).map_err(|e| VaultError::io("open", &self.path, &e))?;
        let chunks = Chunks(Arc::from(file));
        let known = lock(&self.footer).clone();
        if let Some(footer) = known {
            return Ok((chunks, footer));
        }
        let footer = guarded(|| load_footer(&chunks)).map_err(|what| VaultError::Damaged(damage_of(&self.path, &self.facts, &what)))?;
        *lock(&self.footer) = Some(footer.clone());
        let mut footers = lock(&inner.footers);
        footers.push_back(Arc::clone(self));
        while footers.len() > FOOTERS {
            if let Some(old) = footers.pop_front() {
                *lock(&old.footer) = None;
            }
        }
        Ok((chunks, footer))
    }
}

/// Bytes that are not what was written must not take a thread down, whatever a library makes of them.
pub(crate) fn guarded<T, E: std::fmt::Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(Ok(v)) => Ok(v),
        Ok(Err(e)) => Err(format!("it cannot be read: {e}")),
        Err(_) => Err(String::from("it cannot be read: its inside does not fit together")),
    }
}
