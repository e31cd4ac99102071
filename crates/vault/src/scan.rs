//! Reading records out of segment files, in order of seq, either way: row groups that cannot answer are skipped by their statistics
//! and bloom filters, and of the others only the columns that decide are read before the records that answer.

use crate::columns::{ADDRESS_COLUMNS, RowReader};
use crate::core::{Inner, lock};
use crate::error::VaultError;
use crate::read::Query;
use crate::sealed::{self, Chunks, Sealed};
use datafusion::arrow::array::{Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};
use datafusion::parquet::file::statistics::Statistics;
use model::event::{AddressKey, Table};
use model::{Event, EventId};
use proof::canon::Groups;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

/// Rows whose deciding columns are read at a time.
const DECIDE: usize = 32_768;
/// Records that are read at a time where nothing has to be decided first.
const READ: usize = 4096;

/// What is asked of segment files.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub query: Query,
    /// Bounds of seq, exclusive.
    pub low: u64,
    pub high: u64,
    texts: Vec<String>,
}

impl Wanted {
    pub fn new(query: &Query, low: u64, high: u64) -> Wanted {
        let texts = query.addresses.iter().map(|a| match a {
            AddressKey::Mac(m) => m.to_string(),
            AddressKey::Ip(i) => i.to_string(),
        });
        Wanted { texts: texts.collect(), query: query.clone(), low, high }
    }
    fn times(&self) -> bool {
        self.query.from.is_some() || self.query.to.is_some()
    }
    fn time_fits(&self, min: i64, max: i64) -> bool {
        self.query.from.is_none_or(|f| max >= f.0) && self.query.to.is_none_or(|t| min < t.0)
    }
    fn seq_fits(&self, first: u64, last: u64) -> bool {
        last > self.low && first < self.high && self.query.names(first, last)
    }
    fn file_fits(&self, f: &Sealed) -> bool {
        self.seq_fits(f.facts.first_seq, f.facts.last_seq) && self.time_fits(f.min_time, f.max_time)
    }
}

/// All tables together, in order of seq.
pub(crate) struct SealedReader {
    tables: Vec<TableReader>,
    newest_first: bool,
}

impl SealedReader {
    pub fn new(inner: &Arc<Inner>, wanted: &Wanted) -> SealedReader {
        let set = wanted.query.tables;
        let tables = Table::ALL.into_iter().filter(|t| set == 0 || set & t.bit() != 0);
        SealedReader {
            tables: tables.map(|t| TableReader::new(inner, t, wanted.clone())).collect(),
            newest_first: wanted.query.newest_first,
        }
    }

    /// The next record. An error is of one place; the rest follows.
    pub fn next(&mut self, left: usize) -> Option<Result<Event, VaultError>> {
        let mut best: Option<(usize, u64)> = None;
        for (i, t) in self.tables.iter_mut().enumerate() {
            match t.peek(left) {
                Err(e) => return Some(Err(e)),
                Ok(Some(seq)) if best.is_none_or(|(_, b)| if self.newest_first { seq > b } else { seq < b }) => best = Some((i, seq)),
                Ok(_) => {}
            }
        }
        let (i, _) = best?;
        self.tables.get_mut(i)?.buffer.pop_front().map(Ok)
    }
}

/// A row group at hand, and which of its rows were not looked at yet.
struct Group {
    file: Arc<Sealed>,
    chunks: Chunks,
    footer: ArrowReaderMetadata,
    number: usize,
    rows: Range<usize>,
    total: usize,
    /// Some of its records are not asked for by number.
    partly: bool,
}

struct TableReader {
    inner: Arc<Inner>,
    table: Table,
    wanted: Wanted,
    /// `None`: not asked yet.
    files: Option<VecDeque<Arc<Sealed>>>,
    groups: VecDeque<Group>,
    buffer: VecDeque<Event>,
    grow: usize,
    /// The end of the last file that was opened.
    done: Option<u64>,
}

impl TableReader {
    fn new(inner: &Arc<Inner>, table: Table, wanted: Wanted) -> TableReader {
        TableReader {
            inner: Arc::clone(inner),
            table,
            wanted,
            files: None,
            groups: VecDeque::new(),
            buffer: VecDeque::new(),
            grow: 64,
            done: None,
        }
    }

    /// The seq of the next record.
    fn peek(&mut self, left: usize) -> Result<Option<u64>, VaultError> {
        loop {
            if let Some(e) = self.buffer.front() {
                return Ok(Some(e.id.seq));
            }
            if let Some(g) = self.groups.front_mut() {
                if g.partly && self.wanted.query.seqs.is_empty() {
                    narrow(&self.inner, g, &self.wanted)?;
                }
                let Some(rows) = take_rows(g, &self.wanted, left, &mut self.grow) else {
                    self.groups.pop_front();
                    continue;
                };
                let read = read_rows(&self.inner, self.table, g, &self.wanted, rows, left);
                match read {
                    Ok(events) => self.buffer = events,
                    Err(e) => {
                        self.groups.pop_front();
                        return Err(e);
                    }
                }
                continue;
            }
            if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    /// Opens the next file that may answer.
    fn open_next(&mut self) -> Result<bool, VaultError> {
        let newest_first = self.wanted.query.newest_first;
        let (inner, table, wanted) = (Arc::clone(&self.inner), self.table, self.wanted.clone());
        let files = self.files.get_or_insert_with(|| listing(&inner, table, &wanted));
        let next = if newest_first { files.pop_back() } else { files.pop_front() };
        let Some(file) = next else { return Ok(false) };
        let (chunks, footer) = match file.open(&self.inner) {
            Ok(f) => f,
            Err(VaultError::Io { kind: std::io::ErrorKind::NotFound, .. }) if !in_force(&self.inner, &file) => {
                // Compacted or let go since: ask anew where its records are now.
                let mut again = self.wanted.clone();
                if let Some(done) = self.done {
                    if newest_first { again.high = again.high.min(done) } else { again.low = again.low.max(done) }
                }
                // A compacted file may begin with what was handed out: that is passed over, too.
                self.wanted = again;
                self.files = Some(listing(&self.inner, self.table, &self.wanted));
                return Ok(true);
            }
            Err(e) => return Err(e),
        };
        let mut groups: VecDeque<Group> = VecDeque::new();
        let metadata = Arc::clone(footer.metadata());
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let total = usize::try_from(group.num_rows()).unwrap_or(0);
            let bounds = |name: &str| {
                let column = group.columns().iter().find(|c| c.column_path().string() == name)?;
                match column.statistics()? {
                    Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
                    _ => None,
                }
            };
            let seqs = bounds("seq").map(|(a, b)| (a.cast_unsigned(), b.cast_unsigned()));
            let seq_ok = seqs.is_none_or(|(a, b)| self.wanted.seq_fits(a, b));
            let inside = seqs.is_some_and(|(a, b)| a > self.wanted.low && b < self.wanted.high);
            let partly = !inside || !self.wanted.query.seqs.is_empty();
            let time_ok = !self.wanted.times() || bounds("time").is_none_or(|(a, b)| self.wanted.time_fits(a, b));
            if total > 0 && seq_ok && time_ok && may_have(&self.wanted, &chunks, &footer, number) {
                let (file, chunks, footer) = (Arc::clone(&file), chunks.clone(), footer.clone());
                let g = Group { file, chunks, footer, number, rows: 0..total, total, partly };
                if newest_first { groups.push_front(g) } else { groups.push_back(g) }
            }
        }
        self.groups = groups;
        self.done = Some(if newest_first { file.facts.first_seq } else { file.facts.last_seq });
        Ok(true)
    }
}

fn listing(inner: &Inner, table: Table, wanted: &Wanted) -> VecDeque<Arc<Sealed>> {
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    view.sealed.get(table as usize).map_or(&[][..], Vec::as_slice).iter().filter(|f| wanted.file_fits(f)).cloned().collect()
}

fn in_force(inner: &Inner, file: &Arc<Sealed>) -> bool {
    let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
    view.sealed_files().any(|f| Arc::ptr_eq(f, file))
}

/// Whether a row group may have one of the addresses, by its bloom filters.
fn may_have(wanted: &Wanted, chunks: &Chunks, footer: &ArrowReaderMetadata, group: usize) -> bool {
    if wanted.texts.is_empty() {
        return true;
    }
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), footer.clone());
    for (i, column) in footer.parquet_schema().columns().iter().enumerate() {
        if !ADDRESS_COLUMNS.contains(&column.name()) {
            continue;
        }
        match sealed::guarded(|| builder.get_row_group_column_bloom_filter(group, i)) {
            Ok(Some(bloom)) => {
                if wanted.texts.iter().any(|t| bloom.check(&t.as_str())) {
                    return true;
                }
            }
            // Without a filter nothing is excluded.
            _ => return true,
        }
    }
    // A table without addresses has nothing of an address.
    false
}

/// The next rows of a group to look at. Fewer at first, as most questions want a few.
fn take_rows(g: &mut Group, wanted: &Wanted, left: usize, grow: &mut usize) -> Option<Range<usize>> {
    if g.rows.is_empty() {
        return None;
    }
    let decides = g.partly || wanted.times() || !wanted.texts.is_empty();
    let most = if decides { DECIDE } else { left.clamp(1, READ).min(*grow) };
    *grow = (*grow * 4).min(READ);
    let n = g.rows.len().min(most);
    Some(if wanted.query.newest_first {
        let from = g.rows.end - n;
        g.rows.end = from;
        from..from + n
    } else {
        let from = g.rows.start;
        g.rows.start += n;
        from..from + n
    })
}

/// Cuts a group to the rows between the bounds: rows are in order of seq.
fn narrow(inner: &Inner, g: &mut Group, wanted: &Wanted) -> Result<(), VaultError> {
    g.partly = false;
    let batches = match select(g, Some(&["seq"]), std::slice::from_ref(&g.rows)) {
        Ok(batches) => batches,
        Err(what) => {
            g.rows = 0..0;
            return Err(damaged(inner, &g.file, &what));
        }
    };
    let (mut at, mut from, mut to) = (g.rows.start, g.rows.start, g.rows.start);
    for batch in &batches {
        if let Some(seq) = batch.column_by_name("seq").and_then(|c| c.as_any().downcast_ref::<UInt64Array>()) {
            let values = seq.values();
            from += values.partition_point(|s| *s <= wanted.low);
            to += values.partition_point(|s| *s < wanted.high);
        }
        at += batch.num_rows();
    }
    g.rows = from.min(at)..to.min(at);
    Ok(())
}

fn damaged(inner: &Inner, file: &Sealed, what: &str) -> VaultError {
    let d = sealed::damage_of(&file.path, &file.facts, what);
    inner.note_damage([d.clone()]);
    VaultError::Damaged(d)
}

/// The records of these rows that answer. Those that nobody will take are left for the next time.
fn read_rows(
    inner: &Inner,
    table: Table,
    g: &mut Group,
    wanted: &Wanted,
    rows: Range<usize>,
    left: usize,
) -> Result<VecDeque<Event>, VaultError> {
    let file = Arc::clone(&g.file);
    let damaged = |what: String| damaged(inner, &file, &what);
    let mut hits = match decide(g, wanted, rows.clone()).map_err(damaged)? {
        Some(hits) if hits.is_empty() => return Ok(VecDeque::new()),
        Some(hits) => hits,
        None => rows.collect(),
    };
    if hits.len() > left.max(1) {
        if wanted.query.newest_first {
            hits.drain(..hits.len() - left.max(1));
            g.rows.end = hits.first().copied().unwrap_or(g.rows.end);
        } else {
            hits.truncate(left.max(1));
            g.rows.start = hits.last().map_or(g.rows.start, |l| l + 1);
        }
    }
    let ranges = runs(&hits);
    let batches = select(g, None, &ranges).map_err(damaged)?;
    let mut out = VecDeque::with_capacity(hits.len());
    let mut groups = Groups::default();
    for batch in batches {
        let reader = RowReader::new(table, &batch)?;
        for row in 0..batch.num_rows() {
            let seq = reader.seq(row);
            // Of an erased record nothing is left that could be reasoned with (`Vault::remains` shows it).
            if seq <= wanted.low || seq >= wanted.high || reader.is_erased(row) {
                continue;
            }
            let new = reader.record(row, &mut groups).map_err(|e| damaged(format!("record {seq}: {e}")))?;
            let id = EventId { site: inner.site, epoch: lock(&inner.folder).epoch_of(seq), seq };
            let event = Event { id, source: new.source, received: new.received, happened: new.happened, body: new.body };
            if wanted.query.newest_first { out.push_front(event) } else { out.push_back(event) }
        }
    }
    Ok(out)
}

/// Rows that answer, by the columns that decide; `None` where every row does.
fn decide(g: &Group, wanted: &Wanted, rows: Range<usize>) -> Result<Option<Vec<usize>>, String> {
    if !g.partly && !wanted.times() && wanted.texts.is_empty() {
        return Ok(None);
    }
    let mut names: Vec<&str> = vec!["seq"];
    if wanted.times() {
        names.push("time");
    }
    if !wanted.texts.is_empty() {
        names.extend(ADDRESS_COLUMNS);
    }
    let start = rows.start;
    let batches = select(g, Some(&names), &[rows])?;
    let mut hits = Vec::new();
    let mut at = start;
    for batch in batches {
        let seq = batch.column_by_name("seq").and_then(|c| c.as_any().downcast_ref::<UInt64Array>());
        let time = batch.column_by_name("time").and_then(|c| c.as_any().downcast_ref::<TimestampNanosecondArray>());
        let addresses: Vec<&StringArray> =
            ADDRESS_COLUMNS.iter().filter_map(|n| batch.column_by_name(n)?.as_any().downcast_ref::<StringArray>()).collect();
        for row in 0..batch.num_rows() {
            let seq_ok = seq.is_none_or(|s| wanted.seq_fits(s.value(row), s.value(row)));
            let time_ok = !wanted.times() || time.is_none_or(|t| wanted.time_fits(t.value(row), t.value(row)));
            let has = |a: &&StringArray| !a.is_null(row) && wanted.texts.iter().any(|t| t == a.value(row));
            if seq_ok && time_ok && (wanted.texts.is_empty() || addresses.iter().any(has)) {
                hits.push(at + row);
            }
        }
        at += batch.num_rows();
    }
    Ok(Some(hits))
}

/// Ascending rows as runs.
fn runs(hits: &[usize]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for h in hits {
        match out.last_mut().filter(|r| r.end == *h) {
            Some(r) => r.end += 1,
            None => out.push(*h..*h + 1),
        }
    }
    out
}

/// These rows of a group, of these columns or all.
fn select(g: &Group, names: Option<&[&str]>, rows: &[Range<usize>]) -> Result<Vec<RecordBatch>, String> {
    sealed::guarded(|| {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(g.chunks.clone(), g.footer.clone());
        let mask = match names {
            Some(names) => ProjectionMask::columns(builder.parquet_schema(), names.iter().copied()),
            None => ProjectionMask::all(),
        };
        let selection = RowSelection::from_consecutive_ranges(rows.iter().cloned(), g.total);
        builder
            .with_row_groups(vec![g.number])
            .with_projection(mask)
            .with_row_selection(selection)
            .with_batch_size(8192)
            .build()?
            .collect::<Result<Vec<_>, _>>()
            .map_err(datafusion::parquet::errors::ParquetError::from)
    })
}
