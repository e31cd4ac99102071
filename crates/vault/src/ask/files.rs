//! Segment files as a question reads them: footers kept across questions, reads straight from the disk, what was read counted.

use crate::disk::{AnyDisk, DiskRead, Identity};
use crate::sealed::Chunks;
use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A file could not be read, or is not what was written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {what}", file.display())]
pub(crate) struct FileError {
    pub file: PathBuf,
    pub gone: bool,
    pub what: String,
}

impl FileError {
    pub(crate) fn io(file: &Path, e: &io::Error) -> FileError {
        FileError { file: file.to_path_buf(), gone: e.kind() == io::ErrorKind::NotFound, what: e.to_string() }
    }
    fn damaged(file: &Path, what: impl ToString) -> FileError {
        FileError { file: file.to_path_buf(), gone: false, what: what.to_string() }
    }
}

impl From<FileError> for DataFusionError {
    fn from(e: FileError) -> DataFusionError {
        DataFusionError::External(Box::new(e))
    }
}

/// The footer of a segment file with its page index.
pub(crate) struct Footer {
    pub meta: Arc<ParquetMetaData>,
    pub schema: SchemaRef,
    /// Files are written once, so this changes only where somebody meddled, or where encryption was turned on or off.
    identity: Identity,
    /// Of the file.
    len: u64,
    bytes: usize,
}

#[derive(Default)]
struct Cache {
    footers: HashMap<PathBuf, (Arc<Footer>, u64)>,
    bytes: usize,
    clock: u64,
}

/// Bytes of footers that are kept: those of some hundred million records.
const KEPT: usize = 96 << 20;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

fn cache() -> std::sync::MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn get(&mut self, path: &Path) -> Option<Arc<Footer>> {
        self.clock += 1;
        let (footer, used) = self.footers.get_mut(path)?;
        *used = self.clock;
        Some(Arc::clone(footer))
    }

    fn put(&mut self, path: &Path, footer: Arc<Footer>) {
        self.clock += 1;
        self.bytes += footer.bytes;
        if let Some((old, _)) = self.footers.insert(path.to_path_buf(), (footer, self.clock)) {
            self.bytes -= old.bytes;
        }
        while self.bytes > KEPT && self.footers.len() > 1 {
            let Some(oldest) = self.footers.iter().min_by_key(|(_, (_, used))| *used).map(|(p, _)| p.clone()) else { return };
            if let Some((old, _)) = self.footers.remove(&oldest) {
                self.bytes -= old.bytes;
            }
        }
    }
}

/// A file's footer, from the cache or the file.
pub(crate) fn footer(disk: &AnyDisk, path: &Path) -> Result<Arc<Footer>, FileError> {
    let io = |e: io::Error| FileError::io(path, &e);
    let known = cache().get(path);
    let file = disk.0.open(path).map_err(io)?;
    let identity = file.identity().map_err(io)?;
    if let Some(known) = known.filter(|k| k.identity == identity) {
        return Ok(known);
    }
    let len = file.size().map_err(io)?;
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let meta = reader.parse_and_finish(&Chunks(Arc::from(file))).map_err(|e| FileError::damaged(path, format!("its footer: {e}")))?;
    let described = meta.file_metadata();
    let schema = parquet_to_arrow_schema(described.schema_descr(), described.key_value_metadata());
    let schema = Arc::new(schema.map_err(|e| FileError::damaged(path, format!("its schema: {e}")))?);
    let bytes = meta.memory_size() + 4096;
    let footer = Arc::new(Footer { meta: Arc::new(meta), schema, identity, len, bytes });
    cache().put(path, Arc::clone(&footer));
    Ok(footer)
}

/// Bytes of footers kept now.
pub(crate) fn kept() -> usize {
    cache().bytes
}

/// What a question read.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub files: AtomicU64,
    pub files_skipped: AtomicU64,
    pub row_groups: AtomicU64,
    pub row_groups_skipped: AtomicU64,
    pub row_groups_read: AtomicU64,
    pub bytes: AtomicU64,
    /// The file that each part of each scan read last, so that a failure in the middle can be named.
    last: Mutex<HashMap<(u64, usize), PathBuf>>,
    scans: AtomicU64,
    /// What was not as it should be and hid nothing.
    pub notes: Mutex<Vec<String>>,
}

impl Tally {
    pub(crate) fn last_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.last.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        files.sort();
        files.dedup();
        files
    }
    pub(crate) fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < 100 && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// What the planner hangs on each file of a scan.
pub(crate) struct Part {
    pub path: PathBuf,
    pub disk: AnyDisk,
    pub footer: Arc<Footer>,
}

/// Makes readers of segment files.
#[derive(Debug)]
pub(crate) struct Factory {
    tally: Arc<Tally>,
    scan: u64,
}

impl Factory {
    pub(crate) fn new(tally: &Arc<Tally>) -> Factory {
        Factory { scan: tally.scans.fetch_add(1, Ordering::Relaxed), tally: Arc::clone(tally) }
    }
}

impl ParquetFileReaderFactory for Factory {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::common::Result<Box<dyn AsyncFileReader + Send>> {
        let Some(part) = file.extension::<Part>() else {
            return Err(DataFusionError::Internal(String::from("a scan over a file that is no segment file")));
        };
        let opened = part.disk.0.open(&part.path).map_err(|e| FileError::io(&part.path, &e))?;
        if opened.identity().map_err(|e| FileError::io(&part.path, &e))? != part.footer.identity {
            // Written anew as encryption was turned on or off: the same bytes, in another file.
            let now = footer(&part.disk, &part.path)?;
            if now.len != part.footer.len || now.meta != part.footer.meta {
                return Err(FileError::damaged(&part.path, "it was changed while the question ran").into());
            }
        }
        Ok(Box::new(SegmentReader {
            path: part.path.clone(),
            file: opened,
            footer: Arc::clone(&part.footer),
            tally: Arc::clone(&self.tally),
            part: (self.scan, partition),
            touched: BTreeSet::new(),
        }))
    }
}

/// Reads one segment file. The reads are plain: they come from the page cache or from a disk beside us, and a hop to another
/// thread costs more than most of them.
struct SegmentReader {
    path: PathBuf,
    file: Box<dyn DiskRead>,
    footer: Arc<Footer>,
    tally: Arc<Tally>,
    part: (u64, usize),
    touched: BTreeSet<usize>,
}

impl Drop for SegmentReader {
    fn drop(&mut self) {
        self.tally.row_groups_read.fetch_add(self.touched.len() as u64, Ordering::Relaxed);
    }
}

impl SegmentReader {
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes, ParquetError> {
        let fail = |e: io::Error| ParquetError::External(Box::new(FileError::io(&self.path, &e)));
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        if range.end > self.footer.len {
            return Err(ParquetError::External(Box::new(FileError::damaged(&self.path, "its footer points behind its end"))));
        }
        let mut bytes = vec![0u8; len];
        self.file.read_at(&mut bytes, range.start).map_err(fail)?;
        self.tally.bytes.fetch_add(len as u64, Ordering::Relaxed);
        let groups = self.footer.meta.row_groups();
        let group = groups.partition_point(|g| g.column(0).byte_range().0 <= range.start);
        if self.touched.insert(group.saturating_sub(1)) {
            self.tally.last.lock().unwrap_or_else(PoisonError::into_inner).insert(self.part, self.path.clone());
        }
        Ok(Bytes::from(bytes))
    }
}

impl AsyncFileReader for SegmentReader {
    fn get_bytes(&mut self, range: Range<u64>) -> Later<'_, Result<Bytes, ParquetError>> {
        let read = self.read(&range);
        Box::pin(std::future::ready(read))
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> Later<'_, Result<Vec<Bytes>, ParquetError>> {
        let read = ranges.iter().map(|r| self.read(r)).collect();
        Box::pin(std::future::ready(read))
    }

    fn get_metadata<'a>(&'a mut self, _options: Option<&'a ArrowReaderOptions>) -> Later<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.footer.meta))))
    }
}
