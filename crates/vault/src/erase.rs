//! Erasing on request: addresses, names and text of chosen records go for good, and everything stays provable (docs/adr/0018-erasing.md).
//!
//! What a leaf is made of stays: of an erased record the core with its salt, and the hashes of the three other groups. So that nobody can test a guess
//! at what is gone, the secret of its batch is destroyed; the other records of the batch keep their four salts in their rows, and stay
//! readable and provable as a whole.
//!
//! Order, so that after a crash at any point either nothing is erased or the next start finishes it: the rewritten files are whole and synced; a note
//! says what is about to happen ([`NOTE`]); entries of the log name the new files, the old ones, the batches and the records, all in one
//! checkpoint; the list names the files in force and the old ones go; blobs that only erased records name go; last of all the secrets, and the note.

use crate::blobs;
use crate::columns::{ERASED_BYTES, RowBuilder, RowReader};
use crate::core::{Inner, TABLES, lock};
use crate::disk::{beside, read_all, replace};
use crate::error::{Damage, VaultError};
use crate::log::{self, Log};
use crate::prove::{self, hashes_of};
use crate::retention::Hold;
use crate::sealed::{self, Sealed, SegmentWriter};
use crate::{commit, tail};
use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use model::event::Table;
use model::{EventId, Time};
use proof::canon::{self, Groups};
use proof::entry::Entry;
use proof::leaf::Salter;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

/// Records of one request at most.
pub const MOST_ERASED: usize = 1_000_000;
/// Characters of a reason at most.
pub const LONGEST_REASON: usize = 200;
/// What is under way, beside the folder's own files.
const NOTE: &str = "erasing.json";
/// What one entry of the log names at most, so that it stays below its limit.
const FILES: usize = 100;
const BATCHES: usize = 1000;
const RUNS: usize = 500;
/// Rows that are turned into columns at a time.
const ROWS: usize = 8192;

/// What is to be erased. Records may be named by number, by what was received of a table, or both.
#[derive(Clone, Debug, Default)]
pub struct Erase {
    /// Records by number.
    pub seqs: Vec<u64>,
    /// Everything of a table that was received between two times, both inclusive.
    pub range: Option<(Table, Time, Time)>,
    /// Why: stands in the log for ever, so it names nobody whose data goes.
    pub reason: String,
    /// Who asked; stands in the log as well.
    pub by: String,
    /// Only says what would happen.
    pub dry_run: bool,
}

/// What was erased, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Records that lost their addresses, names and text.
    pub records: u64,
    /// The same by the number of the table.
    pub tables: [u64; TABLES],
    /// Records that had been erased before.
    pub already: u64,
    /// Numbers that were asked for and are no record here: never given, or let go.
    pub missing: u64,
    /// Batches whose secret is destroyed.
    pub batches: u64,
    /// Other records of these batches: they stay as they are, with their salts.
    pub others: u64,
    /// Segment files that are written anew.
    pub files: u64,
    /// Attachments that only these records name.
    pub blobs: Vec<blobs::BlobId>,
    /// Index of the first entry of the log that says so; absent where nothing was done.
    pub entry: Option<u64>,
    /// Archives that were exported earlier and hold these records still: when, and where to.
    pub archives: Vec<(Time, String)>,
    /// Files of the folder that may still hold some of it: what stood behind a torn end, or could not be read or removed.
    pub leftovers: Vec<PathBuf>,
}

/// An erasing, as the log says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Index of its entry.
    pub entry: u64,
    /// When, in nanoseconds since 1970.
    pub at: i64,
    /// Why, and who asked.
    pub reason: String,
    /// The records, as runs of numbers, both ends inclusive, ascending.
    pub records: Vec<(u64, u64)>,
}

impl Erasure {
    /// Whether a record is among them.
    pub fn has(&self, seq: u64) -> bool {
        let after = self.records.partition_point(|(first, _)| *first <= seq);
        after.checked_sub(1).and_then(|i| self.records.get(i)).is_some_and(|(_, last)| seq <= *last)
    }
}

/// What is left of an erased record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Its name.
    pub id: EventId,
    /// Its table.
    pub table: Table,
    /// When it was received.
    pub received: Time,
    /// Its source's number.
    pub source: u64,
    /// Its core in the readable form of docs/store-format.md.
    pub readable: String,
    /// When and why it was erased.
    pub erasure: Option<Erasure>,
}

/// What is under way: enough to finish it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Where the first entry of the log goes that says so.
    entry: u64,
    batches: Vec<u64>,
    blobs: Vec<String>,
}

fn refuse<T>(what: impl Into<String>) -> Result<T, VaultError> {
    Err(VaultError::Record(what.into()))
}

/// A batch that records are erased of.
struct Batch {
    number: u64,
    last: u64,
    salter: Option<Salter>,
}

/// What a request comes to.
#[derive(Default)]
struct Plan {
    /// Ascending.
    seqs: Vec<u64>,
    /// By first seq.
    batches: BTreeMap<u64, Batch>,
    done: Erased,
    /// Hashes of attachments that the records name.
    named: BTreeSet<blobs::BlobId>,
    /// Some of the records, or of their batches, are in the write-ahead log still: what is sealed without the secret could not be proven.
    unsealed: bool,
    /// The holds that were looked at.
    holds: Vec<Hold>,
}

impl Plan {
    fn batch(&self, seq: u64) -> Option<&Batch> {
        self.batches.range(..=seq).next_back().map(|(_, b)| b).filter(|b| seq <= b.last)
    }
    fn touches(&self, first: u64, last: u64) -> bool {
        self.batches.range(..=last).next_back().is_some_and(|(_, b)| b.last >= first)
    }
    fn is_chosen(&self, seq: u64) -> bool {
        self.seqs.binary_search(&seq).is_ok()
    }
    /// The records as runs.
    fn runs(&self) -> Vec<(u64, u64)> {
        let mut out: Vec<(u64, u64)> = Vec::new();
        for seq in &self.seqs {
            match out.last_mut().filter(|(_, last)| last + 1 == *seq) {
                Some(run) => run.1 = *seq,
                None => out.push((*seq, *seq)),
            }
        }
        out
    }
}

/// Erases, or says what would be erased. `None`: not everything that it takes is in segment files yet, and nothing was done.
pub(crate) fn erase(inner: &Arc<Inner>, ask: &Erase) -> Result<Option<Erased>, VaultError> {
    check(inner, ask)?;
    // No segment file comes or goes meanwhile; committing goes on until the log is needed.
    let _one_at_a_time = lock(&inner.files);
    if inner.exporting.load(std::sync::atomic::Ordering::Acquire) {
        return refuse("an archive is being written; erase when that is done");
    }
    let mut plan = plan(inner, ask)?;
    let old: Vec<Arc<Sealed>> = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        view.sealed_files().filter(|f| plan.touches(f.facts.first_seq, f.facts.last_seq)).cloned().collect()
    };
    let old = holding(inner, &plan, old)?;
    plan.done.files = old.len() as u64;
    plan.done.blobs = orphans(inner, &plan)?;
    plan.done.archives = archives(&lock(&inner.log), &plan)?;
    plan.done.leftovers = leftovers(inner);
    if ask.dry_run || plan.done.records == 0 {
        return Ok(Some(plan.done));
    }
    if plan.unsealed {
        return Ok(None);
    }
    let new = rewrite_all(inner, &plan, &old)?;
    let mut log = lock(&inner.log);
    // One that a failing disk broke off is finished before the next: there is one note.
    resume(inner, &log)?;
    if *lock(&inner.holds) != plan.holds {
        for f in &new {
            let _ = inner.disk.remove(&f.path);
        }
        return refuse("the holds were changed meanwhile; nothing was erased: try again");
    }
    let note = Note {
        entry: log.size(),
        batches: plan.batches.values().map(|b| b.number).collect(),
        blobs: plan.done.blobs.iter().map(ToString::to_string).collect(),
    };
    let path = inner.dir.join(NOTE);
    let text = serde_json::to_vec(&note).map_err(|e| VaultError::Record(e.to_string()))?;
    replace(&*inner.disk, &path, &text).map_err(|e| VaultError::io("write", &path, &e))?;
    let at = (inner.options.now)();
    let entries = entries(&plan, &note, &old, &new, &format!("{} ({})", ask.reason, ask.by), at);
    // Where this fails nobody knows whether the checkpoint is on disk: files and note stay, and the next start sees what the log says.
    log.append(&entries, None, at)?;
    for (i, e) in entries.into_iter().enumerate() {
        if let Entry::Erased { at, reason, records, .. } = e {
            lock(&inner.erased).push(Erasure { entry: note.entry + i as u64, at, reason, records });
        }
    }
    let later = |e: VaultError| VaultError::Record(format!("the erasing stands in the log and is finished at the next start: {e}"));
    sealed::replace_files(inner, &log, &new, &old, None).map_err(later)?;
    for f in &old {
        for path in [f.path.clone(), beside(&f.path, ".words")] {
            if inner.disk.open(&path).is_ok() {
                plan.done.leftovers.push(path);
            }
        }
    }
    finish(inner, &note).map_err(later)?;
    commit::publish(inner, &log);
    drop(log);
    for f in &new {
        sealed::add_words(inner, f);
    }
    plan.done.entry = Some(note.entry);
    Ok(Some(plan.done))
}

pub(crate) fn check(inner: &Inner, ask: &Erase) -> Result<(), VaultError> {
    if inner.read_only && !ask.dry_run {
        return refuse("the folder is open for reading only; nothing was erased");
    }
    let line = |s: &str| !s.trim().is_empty() && !s.chars().any(char::is_control) && s.chars().count() <= LONGEST_REASON;
    if !line(&ask.reason) || !line(&ask.by) {
        return refuse(format!("a reason and a name are needed, each one line of at most {LONGEST_REASON} characters"));
    }
    if ask.seqs.len() > MOST_ERASED {
        return refuse(format!("{} records were named; at most {MOST_ERASED} are erased at once", ask.seqs.len()));
    }
    Ok(())
}

/// Which records, of which batches; whether a hold keeps one of them.
fn plan(inner: &Inner, ask: &Erase) -> Result<Plan, VaultError> {
    let mut named: Vec<u64> = ask.seqs.clone();
    named.sort_unstable();
    named.dedup();
    let holds = lock(&inner.holds).clone();
    let (files, sealed_to): (Vec<Arc<Sealed>>, u64) = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        (view.sealed_files().cloned().collect(), view.sealed_to)
    };
    let asked_in = |first: u64, last: u64| named.get(named.partition_point(|s| *s < first)).is_some_and(|s| *s <= last);
    let in_range =
        |table: u8, received: i64| ask.range.is_some_and(|(t, from, to)| t as u8 == table && from.0 <= received && received <= to.0);
    let mut plan = Plan { holds: holds.clone(), ..Plan::default() };
    let mut found_named = 0u64;
    let mut chosen: BTreeSet<u64> = BTreeSet::new();
    let mut each = |seq: u64, table: u8, groups: [&[u8]; 4], stand_in: Option<&[u8]>| -> Result<(), VaultError> {
        let by_name = named.binary_search(&seq).is_ok();
        let Some((_, received)) = canon::source_and_received(groups[0]) else { return Ok(()) };
        if !by_name && !in_range(table, received) {
            return Ok(());
        }
        found_named += u64::from(by_name);
        if stand_in.is_some_and(|s| s.len() == ERASED_BYTES) {
            plan.done.already += 1;
            return Ok(());
        }
        if let Some(hold) = holds.iter().find(|h| h.covers_record(table, received)) {
            return refuse(format!("the hold '{}' keeps record {seq}; nothing was erased. Lift it first, if it may be lifted", hold.name));
        }
        if chosen.len() >= MOST_ERASED {
            return refuse(format!("more than {MOST_ERASED} records were chosen; erase them in parts"));
        }
        plan.unsealed |= seq > sealed_to;
        plan.done.records += 1;
        if let Some(n) = plan.done.tables.get_mut(usize::from(table)) {
            *n += 1;
        }
        for g in groups {
            blobs_in(g, &mut plan.named);
        }
        chosen.insert(seq);
        Ok(())
    };
    for f in &files {
        let facts = &f.facts;
        let ranged =
            ask.range.is_some_and(|(t, from, to)| t as u8 == facts.table && from.0 <= facts.last_received && facts.first_received <= to.0);
        if !ranged && !asked_in(facts.first_seq, facts.last_seq) {
            continue;
        }
        let mut groups = Groups::default();
        rows_of(inner, f, |rows| {
            for row in 0..rows.len() {
                let seq = rows.seq(row);
                if ranged || named.binary_search(&seq).is_ok() {
                    rows.groups(row, &mut groups)?;
                    each(seq, facts.table, groups.all(), rows.stand_in(row))?;
                }
            }
            Ok(())
        })?;
    }
    let last = *lock(&inner.committed);
    if last > sealed_to {
        tail::walk(inner, sealed_to + 1, last, |seq, table, groups| each(seq, table, groups, None))?;
    }
    plan.done.missing = named.len() as u64 - found_named;
    plan.seqs = chosen.into_iter().collect();
    batches(inner, &mut plan)?;
    plan.unsealed |= plan.batches.values().any(|b| b.last > sealed_to);
    Ok(plan)
}

/// The batches of the chosen records, and what else is in them.
fn batches(inner: &Inner, plan: &mut Plan) -> Result<(), VaultError> {
    let seqs = std::mem::take(&mut plan.seqs);
    let mut in_batches = 0;
    for seq in &seqs {
        if plan.batch(*seq).is_some() {
            continue;
        }
        let found = lock(&inner.log).batch_of(*seq)?;
        // What is in no batch yet is told of in a dry run only.
        let Some((_, Entry::Commit { batch, first_seq, last_seq, tables, .. })) = found else { continue };
        let salter = log::secret_of(&*inner.disk, &inner.dir, batch)?.map(|s| Salter::new(&s));
        in_batches += tables.iter().map(|t| t.count).sum::<u64>();
        plan.batches.insert(first_seq, Batch { number: batch, last: last_seq, salter });
    }
    plan.done.batches = plan.batches.len() as u64;
    let inside = seqs.iter().filter(|s| plan.batch(**s).is_some()).count() as u64;
    plan.done.others = in_batches.saturating_sub(inside);
    plan.seqs = seqs;
    Ok(())
}

/// Reads a segment file part by part.
fn rows_of(inner: &Inner, f: &Arc<Sealed>, mut each: impl FnMut(&RowReader<'_>) -> Result<(), VaultError>) -> Result<(), VaultError> {
    parts_of(inner, f, |table, part| each(&RowReader::new(table, part)?))
}

fn parts_of(inner: &Inner, f: &Arc<Sealed>, mut each: impl FnMut(Table, &RecordBatch) -> Result<(), VaultError>) -> Result<(), VaultError> {
    let table = Table::from_number(f.facts.table).ok_or(VaultError::Closed)?;
    let (chunks, footer) = f.open(inner)?;
    let wrong = |what: String| VaultError::Damaged(sealed::damage_of(&f.path, &f.facts, &what));
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, footer).with_batch_size(ROWS);
    let mut reader = sealed::guarded(|| builder.build()).map_err(wrong)?;
    while let Some(part) = sealed::guarded(|| reader.next().transpose()).map_err(wrong)? {
        each(table, &part)?;
    }
    Ok(())
}

/// Of files whose numbers touch the batches, those that have a record of one of them.
fn holding(inner: &Inner, plan: &Plan, files: Vec<Arc<Sealed>>) -> Result<Vec<Arc<Sealed>>, VaultError> {
    let mut out = Vec::new();
    for f in files {
        let mut holds = false;
        rows_of(inner, &f, |rows| {
            holds |= (0..rows.len()).any(|row| plan.batch(rows.seq(row)).is_some());
            Ok(())
        })?;
        if holds {
            out.push(f);
        }
    }
    Ok(out)
}

/// Names of attachments in a group's bytes: text of 64 hexadecimal digits.
fn blobs_in(group: &[u8], out: &mut BTreeSet<blobs::BlobId>) {
    // CBOR: a text string with one byte of length, 64.
    for at in group.windows(2).enumerate().filter(|(_, w)| *w == [0x78, 64]).map(|(i, _)| i + 2) {
        let text = group.get(at..at + 64).and_then(|b| std::str::from_utf8(b).ok());
        if let Some(id) = text.and_then(|t| t.parse().ok()) {
            out.insert(id);
        }
    }
}

/// Attachments that no record names but the chosen ones.
fn orphans(inner: &Inner, plan: &Plan) -> Result<Vec<blobs::BlobId>, VaultError> {
    let there = blobs::all(&*inner.disk, &inner.dir)?;
    let mut left: BTreeSet<blobs::BlobId> = there.into_iter().map(|(id, _)| id).filter(|id| plan.named.contains(id)).collect();
    let last = *lock(&inner.committed);
    for table in [Table::Audit, Table::Evidence, Table::Finding] {
        if left.is_empty() {
            break;
        }
        prove::walk(inner, table, 1, last, |seq, groups, _| {
            if !plan.is_chosen(seq) {
                let mut named = BTreeSet::new();
                for g in groups {
                    blobs_in(g, &mut named);
                }
                left.retain(|id| !named.contains(id));
            }
            Ok(())
        })?;
    }
    Ok(left.into_iter().collect())
}

/// Archives that hold one of the records, by the word of the log.
fn archives(log: &Log, plan: &Plan) -> Result<Vec<(Time, String)>, VaultError> {
    let mut out: Vec<(Time, String)> = Vec::new();
    for (_, entry) in log.of_kind(8)? {
        let Entry::Exported { at, files, target, .. } = entry else { continue };
        let holds = |first: u64, last: u64| plan.seqs.get(plan.seqs.partition_point(|s| *s < first)).is_some_and(|s| *s <= last);
        let found = (Time(at), target);
        if files.iter().any(|f| holds(f.first_seq, f.last_seq)) && !out.contains(&found) {
            out.push(found);
        }
    }
    Ok(out)
}

/// Files of the folder that nobody reads any more and that may hold anything.
fn leftovers(inner: &Inner) -> Vec<PathBuf> {
    let names = inner.disk.list(&inner.dir).unwrap_or_default();
    names.into_iter().filter(|(n, _)| n.contains(".torn-") || n.ends_with(".damaged")).map(|(n, _)| inner.dir.join(n)).collect()
}

/// Writes every file anew. Where one fails, none is left.
fn rewrite_all(inner: &Inner, plan: &Plan, old: &[Arc<Sealed>]) -> Result<Vec<Arc<Sealed>>, VaultError> {
    let mut new: Vec<Arc<Sealed>> = Vec::with_capacity(old.len());
    let made = old.iter().try_for_each(|f| {
        new.push(rewrite(inner, plan, f)?);
        Ok(())
    });
    let folder = sealed::folder(&inner.dir);
    let made = made.and_then(|()| inner.disk.sync_dir(&folder).map_err(|e| VaultError::io("sync", &folder, &e)));
    if let Err(e) = made {
        for f in &new {
            let _ = inner.disk.remove(&f.path);
        }
        return Err(e);
    }
    Ok(new)
}

fn rewrite(inner: &Inner, plan: &Plan, f: &Arc<Sealed>) -> Result<Arc<Sealed>, VaultError> {
    let table = Table::from_number(f.facts.table).ok_or(VaultError::Closed)?;
    let mut writer = SegmentWriter::create(inner, table, f.facts.first_seq, f.facts.last_seq)?;
    if let Err(e) = copy(inner, plan, f, &mut writer) {
        writer.discard(&*inner.disk);
        return Err(e);
    }
    let new = writer.finish()?;
    if (new.facts.rows, new.facts.first_seq, new.facts.last_seq) != (f.facts.rows, f.facts.first_seq, f.facts.last_seq) {
        let _ = inner.disk.remove(&new.path);
        return refuse(format!("erasing in a file of {} records would have kept {}", f.facts.rows, new.facts.rows));
    }
    Ok(new)
}

fn copy(inner: &Inner, plan: &Plan, f: &Arc<Sealed>, writer: &mut SegmentWriter) -> Result<(), VaultError> {
    let mut groups = Groups::default();
    parts_of(inner, f, |table, part| {
        let rows = RowReader::new(table, part)?;
        if !(0..rows.len()).any(|row| plan.batch(rows.seq(row)).is_some()) {
            return writer.write(part);
        }
        let mut builder = RowBuilder::new(table);
        for row in 0..rows.len() {
            let (seq, stored) = (rows.seq(row), rows.stand_in(row));
            rows.groups(row, &mut groups)?;
            let all = groups.all();
            match plan.batch(seq).filter(|_| !rows.is_erased(row)) {
                None => builder.push_with(seq, rows.batch(row), all, stored)?,
                Some(batch) => {
                    let (hashes, salts) = hashes_of(seq, &all, stored, batch.salter.as_ref())?;
                    let salt = |i: usize| salts.get(i).copied().flatten().ok_or(VaultError::Closed);
                    if plan.is_chosen(seq) {
                        let stand_in = [&salt(0)?[..], &hashes[1], &hashes[2], &hashes[3]].concat();
                        builder.push_with(seq, rows.batch(row), [all[0], &[], &[], &[]], Some(&stand_in))?
                    } else {
                        let stand_in = [salt(0)?, salt(1)?, salt(2)?, salt(3)?].concat();
                        builder.push_with(seq, rows.batch(row), all, Some(&stand_in))?
                    }
                }
            };
        }
        writer.write(&builder.finish()?)
    })
}

/// What the log is told, in as many entries as it takes.
fn entries(plan: &Plan, note: &Note, old: &[Arc<Sealed>], new: &[Arc<Sealed>], reason: &str, at: Time) -> Vec<Entry> {
    let runs = plan.runs();
    let count = old.len().div_ceil(FILES).max(note.batches.len().div_ceil(BATCHES)).max(runs.len().div_ceil(RUNS)).max(1);
    fn part<T: Clone>(list: &[T], i: usize, size: usize) -> Vec<T> {
        list.chunks(size).nth(i).map(<[T]>::to_vec).unwrap_or_default()
    }
    (0..count)
        .map(|i| Entry::Erased {
            at: at.0,
            files: part(new, i, FILES).iter().map(|f| f.facts.clone()).collect(),
            replaced: part(old, i, FILES).iter().map(|f| f.facts.name.clone()).collect(),
            reason: String::from(reason),
            batches: part(&note.batches, i, BATCHES),
            records: part(&runs, i, RUNS),
        })
        .collect()
}

/// What comes after the log: attachments, secrets, the note. Doing it twice does no harm.
fn finish(inner: &Inner, note: &Note) -> Result<(), VaultError> {
    let gone = |path: PathBuf| match inner.disk.remove(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(VaultError::io("remove", path, &e)),
        _ => Ok(()),
    };
    let synced = |dir: &PathBuf| inner.disk.sync_dir(dir).map_err(|e| VaultError::io("sync", dir, &e));
    if !note.blobs.is_empty() {
        let mut held = lock(&inner.blobs);
        for id in note.blobs.iter().filter_map(|b| b.parse::<blobs::BlobId>().ok()) {
            gone(blobs::place(&inner.dir, id))?;
        }
        synced(&inner.dir.join(blobs::FOLDER))?;
        // Counted anew when the next one comes.
        held.forget_sum();
    }
    synced(&sealed::folder(&inner.dir))?;
    log::destroy_secrets(&*inner.disk, &inner.dir, &note.batches)?;
    gone(inner.dir.join(NOTE))?;
    synced(&inner.dir)
}

/// At a start: finishes what a crash broke off, or forgets what never came into the log.
pub(crate) fn resume(inner: &Inner, log: &Log) -> Result<(), VaultError> {
    let path = inner.dir.join(NOTE);
    let bytes = match read_all(&*inner.disk, &path) {
        Ok(b) => b,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(VaultError::io("read", path, &e)),
    };
    let Ok(note) = serde_json::from_slice::<Note>(&bytes) else {
        let what = String::from("it is not what was written; whether an erasing was finished is not known: ask for it again");
        inner.note_damage([Damage { file: path, offset: 0, first_seq: 1, last_seq: Some(0), what }]);
        return Ok(());
    };
    let begun = note.entry < log.size()
        && matches!(log.entry(note.entry)?, Some(Entry::Erased { batches, .. }) if note.batches.starts_with(&batches));
    if begun {
        return finish(inner, &note);
    }
    inner.disk.remove(&path).map_err(|e| VaultError::io("remove", path, &e))
}

/// What is left of an erased record.
pub(crate) fn remains(inner: &Inner, seq: u64) -> Result<Option<Remains>, VaultError> {
    let mut found = None;
    for table in Table::ALL {
        prove::walk(inner, table, seq, seq, |_, groups, stand_in| {
            if stand_in.is_some_and(|s| s.len() == ERASED_BYTES)
                && let Some((source, received)) = canon::source_and_received(groups[0])
            {
                let readable = canon::readable_of([Some(groups[0]), None, None, None]).map_err(|e| VaultError::Record(e.to_string()))?;
                found = Some((table, source, received, readable));
            }
            Ok(())
        })?;
        if found.is_some() {
            break;
        }
    }
    let Some((table, source, received, readable)) = found else { return Ok(None) };
    let epoch = lock(&inner.folder).epoch_of(seq);
    let erasure = lock(&inner.erased).iter().find(|e| e.has(seq)).cloned();
    Ok(Some(Remains { id: EventId { site: inner.site, epoch, seq }, table, received: Time(received), source, readable, erasure }))
}
