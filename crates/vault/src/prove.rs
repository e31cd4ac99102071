//! Proving: evidence packs out of the log, the tail and the segment files ([`proof::pack`]).

use crate::columns::{ERASED_BYTES, RowReader, SALTS_BYTES};
use crate::core::{Inner, lock};
use crate::error::VaultError;
use crate::log::{self, Log};
use crate::sealed::{self, Sealed};
use crate::{commit, tail};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::statistics::Statistics;
use model::Time;
use model::event::Table;
use proof::canon::Groups;
use proof::checkpoint::Checkpoint;
use proof::entry::{Entry, TableRoot};
use proof::leaf::{self, Salter};
use proof::pack::{Complete, Consistency, Draft, EntryProof, Group, RecordProof, TableProof};
use proof::{Hash, base64, tiles, tree};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

/// What a pack is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Records by number.
    pub seqs: Vec<u64>,
    /// Everything of a table that was received between two times, with the proof that nothing was left out.
    pub complete: Option<(Table, Time, Time)>,
    /// Groups that are hidden: addresses, names, text.
    pub hide: [bool; 3],
    /// An earlier checkpoint that the reader has: the pack proves that this log goes on from it.
    pub since: Option<Vec<u8>>,
    /// What was asked, in words or SQL.
    pub asked: String,
    /// Who asked.
    pub by: String,
    /// Attachments that go with it besides those that the records name.
    pub blobs: Vec<crate::BlobId>,
}

/// How a record stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofState {
    /// Index of the entry that committed it.
    pub entry_index: u64,
    /// Its batch.
    pub batch: u64,
    /// When that was written.
    pub committed_at: Time,
    /// Entries of the log now: the newest checkpoint covers them all.
    pub size: u64,
    /// Its place in the batch's tree of its table, from 0; absent where the record is not here any more.
    pub position: Option<u64>,
    /// Records of its table in the batch.
    pub count: u64,
}

/// How a record stands in the log. `None` where it is in no batch yet, or there is none of that number.
pub(crate) fn state(inner: &Arc<Inner>, table: Table, seq: u64) -> Result<Option<ProofState>, VaultError> {
    let found = {
        let log = lock(&inner.log);
        log.batch_of(seq)?.map(|f| (f, log.size()))
    };
    let Some(((entry_index, Entry::Commit { batch, at, first_seq, tables, .. }), size)) = found else { return Ok(None) };
    let Some(root) = tables.iter().find(|t| t.table == table as u8) else { return Ok(None) };
    let (mut before, mut here) = (0, false);
    walk(inner, table, first_seq, seq, |s, _, _| {
        if s == seq {
            here = true;
        } else {
            before += 1;
        }
        Ok(())
    })?;
    Ok(Some(ProofState { entry_index, batch, committed_at: Time(at), size, position: here.then_some(before), count: root.count }))
}

/// Bytes of attachments in one pack at most.
const MOST_ATTACHED: usize = 256 << 20;

/// Records of one pack at most.
pub const MOST_RECORDS: usize = 100_000;

fn refuse<T>(what: impl Into<String>) -> Result<T, VaultError> {
    Err(VaultError::Record(what.into()))
}

fn tile_error(e: tiles::ReadError<VaultError>) -> VaultError {
    match e {
        tiles::ReadError::Source(e) => e,
        other => VaultError::Record(other.to_string()),
    }
}

/// Makes a pack.
pub(crate) fn prove(inner: &Arc<Inner>, ask: &Request) -> Result<Vec<u8>, VaultError> {
    if !inner.read_only {
        commit::commit(inner)?;
    }
    let log = lock(&inner.log);
    let size = log.size();
    let mut indices: BTreeSet<u64> = BTreeSet::new();
    // Records by the entry of their batch.
    let mut wanted: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    if ask.seqs.len() > MOST_RECORDS {
        return refuse(format!("{} records were asked for; a pack holds at most {MOST_RECORDS}: ask for less", ask.seqs.len()));
    }
    let mut at: Option<(u64, u64, u64)> = None;
    let sorted: BTreeSet<u64> = ask.seqs.iter().copied().collect();
    for seq in sorted {
        if at.is_none_or(|(_, first, last)| !(first..=last).contains(&seq)) {
            let Some((index, Entry::Commit { first_seq, last_seq, .. })) = log.batch_of(seq)? else {
                return refuse(format!("there is no record {seq}"));
            };
            at = Some((index, first_seq, last_seq));
        }
        if let Some((index, ..)) = at {
            wanted.entry(index).or_default().insert(seq);
            indices.insert(index);
        }
    }
    let complete = match ask.complete {
        Some((table, from, to)) => Some(range(&log, table, from, to)?),
        None => None,
    };
    if let Some(c) = &complete {
        if c.last - c.first > 200_000 {
            return refuse("the range has too many batches for one pack; ask for a shorter time");
        }
        indices.extend(c.first.saturating_sub(1)..=c.last.saturating_add(1).min(size - 1));
    }
    let mut tables = Vec::new();
    let mut found = 0usize;
    let mut aside = Aside { blobs: ask.blobs.iter().copied().collect(), erased: Vec::new() };
    for index in &indices {
        let Some(Entry::Commit { batch, first_seq, last_seq, tables: roots, .. }) = log.entry(*index)? else { continue };
        let whole = complete.as_ref().filter(|c| (c.first..=c.last).contains(index)).map(|c| c.table);
        let some = wanted.get(index);
        if whole.is_none() && some.is_none() {
            continue;
        }
        let span = Span { index: *index, batch, first_seq, last_seq };
        for root in &roots {
            let all = whole == Some(root.table);
            let proof = of_batch(inner, span, root, all, some, ask.hide, &mut aside)?;
            if let Some(p) = proof {
                found += p.records.len();
                tables.push(p);
            }
        }
        if found > MOST_RECORDS {
            return refuse(format!("more than {MOST_RECORDS} records; ask for less"));
        }
    }
    if found < ask.seqs.iter().collect::<BTreeSet<_>>().len() && complete.is_none() {
        return refuse("some of the records were let go; their batch is in the log, they are not here any more");
    }
    // The entries that say so tell what was erased on request from what is only hidden here.
    for e in lock(&inner.erased).iter().filter(|e| aside.erased.iter().any(|seq| e.has(*seq))) {
        indices.insert(e.entry);
    }
    let source = log.tiles();
    // As of the earliest checkpoint that somebody outside saw and that covers all of this: so the pack says since when it is vouched for. Where there is none,
    // as of now.
    let asked_from = match &ask.since {
        Some(text) => Checkpoint::open_of(text, log.vkey(), &[]).map_or(0, |c| c.checkpoint().size),
        None => 0,
    };
    let needed = indices.last().map_or(1, |i| i + 1).max(asked_from);
    let size = crate::confirm::earliest(inner, needed, size, |size| tiles::root(&source, size).ok()).unwrap_or(size);
    let list: Vec<u64> = indices.into_iter().collect();
    let paths = tiles::inclusion_proofs(&source, &list, size).map_err(tile_error)?;
    let mut entries = Vec::with_capacity(list.len());
    for (index, path) in list.iter().zip(paths) {
        entries.push(EntryProof {
            index: *index,
            entry: base64::encode(&log.entry_bytes(*index)?),
            path: path.iter().map(|h| base64::encode(h)).collect(),
        });
    }
    let consistency = match &ask.since {
        Some(text) => Some(since(&log, text, size)?),
        None => None,
    };
    let mut files = vec![(String::from("verify.html"), proof::pack::verify_page().into_bytes())];
    let mut attached = 0;
    for id in &aside.blobs {
        let Some(bytes) = crate::blobs::get(inner, *id)? else {
            if ask.blobs.contains(id) {
                return refuse(format!("there is no attachment {id}"));
            }
            // A text that looks like a name of one.
            continue;
        };
        attached += bytes.len();
        if attached > MOST_ATTACHED {
            return refuse(format!("the attachments of these records have more than {} MB; ask for fewer records", MOST_ATTACHED >> 20));
        }
        files.insert(0, (format!("blobs/{id}"), bytes));
    }
    let root = tiles::root(&source, size).map_err(tile_error)?;
    let checkpoint = crate::confirm::note_of(inner, size, root, log.key()?)?;
    let text = proof::note::Note::parse(checkpoint.as_bytes()).map_err(|e| VaultError::Record(e.to_string()))?.text;
    if let Some((query, reply)) = crate::confirm::stamp_of(inner, size, &text) {
        files.insert(0, (String::from("stamp.tsq"), query));
        files.insert(0, (String::from("stamp.tsr"), reply));
    }
    let draft = Draft {
        origin: String::from(log.origin()),
        size,
        checkpoint,
        entries,
        tables,
        complete,
        consistency,
        made: (inner.options.now)().rfc3339(),
        by: ask.by.clone(),
        asked: ask.asked.clone(),
        files,
    };
    draft.finish(log.key()?).map_err(VaultError::Record)
}

/// The entries whose batches have records of a table between two times.
fn range(log: &Log, table: Table, from: Time, to: Time) -> Result<Complete, VaultError> {
    let (mut first, mut last) = (None, None);
    for index in 0..log.size() {
        if let Some(Entry::Commit { tables, .. }) = log.entry(index)?
            && tables.iter().any(|t| t.table == table as u8 && t.last_received >= from.0 && t.first_received <= to.0)
        {
            first.get_or_insert(index);
            last = Some(index);
        }
    }
    let (Some(first), Some(last)) = (first, last) else {
        return refuse(format!("nothing of {} was received between {} and {}", table.name(), from.rfc3339(), to.rfc3339()));
    };
    Ok(Complete { table: table as u8, from: from.0.to_string(), to: to.0.to_string(), first, last })
}

fn since(log: &Log, text: &[u8], until: u64) -> Result<Consistency, VaultError> {
    let old = Checkpoint::open_of(text, log.vkey(), &[]).map_err(|e| VaultError::Record(format!("the earlier checkpoint: {e}")))?;
    let (size, root) = (old.checkpoint().size, old.checkpoint().root);
    if size == 0 || size > log.size() {
        return refuse(format!("the earlier checkpoint has {size} entries, and this log {}: it does not go on from it", log.size()));
    }
    let path = tiles::consistency_proof(&log.tiles(), size, until).map_err(tile_error)?;
    let here = tiles::root(&log.tiles(), size).map_err(tile_error)?;
    if here != root {
        return refuse(format!("this log does not go on from that checkpoint: at {size} entries it had another root"));
    }
    Ok(Consistency { size, root: base64::encode(&root), path: path.iter().map(|h| base64::encode(h)).collect() })
}

#[derive(Clone, Copy)]
struct Span {
    index: u64,
    batch: u64,
    first_seq: u64,
    last_seq: u64,
}

/// What goes along with the records of a pack.
struct Aside {
    /// Attachments that they name.
    blobs: BTreeSet<crate::BlobId>,
    /// Those that were erased on request.
    erased: Vec<u64>,
}

/// The records of one table of a batch.
fn of_batch(
    inner: &Inner,
    span: Span,
    root: &TableRoot,
    all: bool,
    some: Option<&BTreeSet<u64>>,
    hide: [bool; 3],
    aside: &mut Aside,
) -> Result<Option<TableProof>, VaultError> {
    let table = Table::from_number(root.table).ok_or(VaultError::Closed)?;
    let secret = log::secret_of(&*inner.disk, &inner.dir, span.batch)?;
    let salter = secret.map(|s| Salter::new(&s));
    let mut leaves: Vec<Hash> = Vec::new();
    let mut records: Vec<RecordProof> = Vec::new();
    walk(inner, table, span.first_seq, span.last_seq, |seq, groups, erased| {
        let position = leaves.len() as u64;
        let picked = all || some.is_some_and(|s| s.contains(&seq));
        let (hashes, salts) = hashes_of(seq, &groups, erased, salter.as_ref())?;
        leaves.push(leaf::leaf(root.table, seq, &hashes));
        if picked && salts.iter().any(Option::is_none) {
            aside.erased.push(seq);
        }
        if picked {
            // Attachments go with the records that show their names.
            let hidden = |i: usize| i.checked_sub(1).and_then(|h| hide.get(h)).copied().unwrap_or(false);
            crate::blobs::names(groups.iter().enumerate().filter(|(i, _)| !hidden(*i)).map(|(_, g)| *g), &mut aside.blobs);
            let shown = |i: usize| match salts.get(i).copied().flatten().filter(|_| !hidden(i)) {
                Some(salt) => Group::Shown {
                    salt: base64::encode(&salt),
                    cbor: base64::encode(groups.get(i).copied().filter(|g| !g.is_empty()).unwrap_or(proof::canon::EMPTY)),
                },
                None => Group::Hidden { hash: base64::encode(hashes.get(i).unwrap_or(&[0; 32])) },
            };
            records.push(RecordProof { seq, position, path: None, core: shown(0), addresses: shown(1), names: shown(2), text: shown(3) });
        }
        Ok(())
    })?;
    if records.is_empty() && !all {
        return Ok(None);
    }
    if leaves.len() as u64 != root.count || tree::root(&leaves) != root.root {
        return refuse(format!(
            "the records of {} in batch {} are not what was committed, or some were let go: {} of {} are here; run 'hinomi vault verify --deep'",
            table.name(),
            span.batch,
            leaves.len(),
            root.count
        ));
    }
    // All leaves are shorter than a path for each record, from some number on.
    let depth = u64::from(64 - root.count.leading_zeros()) as usize;
    let mut proof = TableProof { index: span.index, table: root.table, count: root.count, records, leaves: None };
    if all || proof.records.len() * depth >= leaves.len() {
        proof.leaves = Some(leaves.iter().map(|h| base64::encode(h)).collect());
    } else {
        let positions: Vec<u64> = proof.records.iter().map(|r| r.position).collect();
        let paths = tree::inclusion_paths(&leaves, &positions).ok_or(VaultError::Closed)?;
        for (r, path) in proof.records.iter_mut().zip(paths) {
            r.path = Some(path.iter().map(|h| base64::encode(h)).collect());
        }
    }
    Ok(Some(proof))
}

pub(crate) type Salts = [Option<[u8; 16]>; 4];

/// The hashes of a record's groups, with the salts of those that can still be shown: from what stands in for the batch's secret in the row, or
/// from the secret.
pub(crate) fn hashes_of(
    seq: u64,
    groups: &[&[u8]; 4],
    stand_in: Option<&[u8]>,
    salter: Option<&Salter>,
) -> Result<([Hash; 4], Salts), VaultError> {
    let mut hashes = [[0u8; 32]; 4];
    let salts: [[u8; 16]; 4] = match stand_in {
        Some(erased) if erased.len() == ERASED_BYTES => {
            let (salt, rest) = erased.split_first_chunk::<16>().ok_or(VaultError::Closed)?;
            hashes[0] = leaf::group_hash(salt, groups[0]);
            for (slot, h) in hashes.iter_mut().skip(1).zip(rest.as_chunks::<32>().0) {
                *slot = *h;
            }
            return Ok((hashes, [Some(*salt), None, None, None]));
        }
        Some(kept) if kept.len() == SALTS_BYTES => kept.as_chunks::<16>().0.try_into().map_err(|_| VaultError::Closed)?,
        Some(_) => return refuse(format!("what stands in for the secret of record {seq} is not what was written")),
        None => match salter {
            Some(salter) => salter.salts(seq),
            None => return refuse(format!("the secret of record {seq} was destroyed, and the record was not")),
        },
    };
    for ((slot, salt), g) in hashes.iter_mut().zip(&salts).zip(groups) {
        *slot = leaf::group_hash(salt, g);
    }
    Ok((hashes, salts.map(Some)))
}

/// Every record of a table between two numbers, from wherever it is.
pub(crate) fn walk(
    inner: &Inner,
    table: Table,
    first: u64,
    last: u64,
    mut each: impl FnMut(u64, [&[u8]; 4], Option<&[u8]>) -> Result<(), VaultError>,
) -> Result<(), VaultError> {
    let (files, sealed_to): (Vec<Arc<Sealed>>, u64) = {
        let view = inner.view.read().unwrap_or_else(PoisonError::into_inner);
        let files = view.sealed.get(table as usize).map_or(&[][..], Vec::as_slice).iter();
        (files.filter(|f| f.facts.last_seq >= first && f.facts.first_seq <= last).cloned().collect(), view.sealed_to)
    };
    let mut groups = Groups::default();
    for f in files {
        let (chunks, footer) = f.open(inner)?;
        let wrong = |what: String| VaultError::Damaged(sealed::damage_of(&f.path, &f.facts, &what));
        let meta = Arc::clone(footer.metadata());
        let near: Vec<usize> = (0..meta.num_row_groups())
            .filter(|i| {
                let seq = meta.row_group(*i).columns().iter().find(|c| c.column_path().string() == "seq").and_then(|c| c.statistics());
                match seq {
                    Some(Statistics::Int64(s)) => match (s.min_opt(), s.max_opt()) {
                        (Some(a), Some(b)) => b.cast_unsigned() >= first && a.cast_unsigned() <= last,
                        _ => true,
                    },
                    _ => true,
                }
            })
            .collect();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, footer).with_batch_size(8192).with_row_groups(near);
        let mut reader = sealed::guarded(|| builder.build()).map_err(wrong)?;
        while let Some(batch) = sealed::guarded(|| reader.next().transpose()).map_err(wrong)? {
            let rows = RowReader::new(table, &batch)?;
            for row in 0..rows.len() {
                let seq = rows.seq(row);
                if (first..=last).contains(&seq) {
                    rows.groups(row, &mut groups)?;
                    each(seq, groups.all(), rows.stand_in(row))?;
                }
            }
        }
    }
    tail::walk(inner, first.max(sealed_to + 1), last, |seq, t, groups| if t == table as u8 { each(seq, groups, None) } else { Ok(()) })?;
    Ok(())
}
