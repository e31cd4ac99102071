//! Checking a pack, believing nothing.

use super::parts::{Group, ProofFile, TABLES, hash_text, hex, readable_records};
use super::{TITLE, ZipEntry, read_zip};
use crate::checkpoint::{Checkpoint, Opened};
use crate::entry::Entry;
use crate::note::{Note, VerifierKey};
use crate::{Hash, base64, canon, leaf, tree};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What the reader knows from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Against<'a> {
    /// The fingerprint of the key, in whatever spacing and case people write it.
    pub fingerprint: Option<&'a str>,
    /// A checkpoint that the reader has had for longer: text of the note.
    pub earlier: Option<&'a [u8]>,
    /// Keys of witnesses that the reader trusts.
    pub witnesses: &'a [VerifierKey],
}

/// Where a pack fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The entry of the pack.
    pub entry: String,
    /// What is wrong.
    pub what: String,
}

/// How far a pack can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not hold.
    Broken,
    /// It holds, on the word of whoever has the key.
    Holds,
    /// It holds, the key is the one that the reader knows, and somebody outside saw the log.
    Vouched,
}

/// A record that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its number.
    pub seq: u64,
    /// Its table.
    pub table: &'static str,
    /// Groups that are hidden.
    pub hidden: Vec<&'static str>,
    /// They were erased on request and can be shown by nobody: when (nanoseconds since 1970), and why.
    pub erased: Option<(i64, String)>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where it fails; empty where it holds.
    pub problems: Vec<Problem>,
    /// The log's name.
    pub origin: String,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// It is the one that the reader gave; `None` where none was given.
    pub fingerprint_matches: Option<bool>,
    /// When it was made, by its own word.
    pub made: String,
    /// Who asked.
    pub by: String,
    /// What was asked.
    pub asked: String,
    /// Entries of the log.
    pub size: u64,
    /// Records that are shown.
    pub records: Vec<Shown>,
    /// By batch: index of the entry, table, shown, of.
    pub of: Vec<(u64, &'static str, u64, u64)>,
    /// The pack claims completeness of a table between two times, and it holds.
    pub complete: Option<(&'static str, i64, i64)>,
    /// The earlier checkpoint that the reader gave is the beginning of this log: its size.
    pub goes_on_from: Option<u64>,
    /// Witnesses whose cosignature holds: name and seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
    /// Further cosignatures, of witnesses that the reader did not name.
    pub unknown_witnesses: Vec<String>,
}

impl Report {
    /// How far it can be believed.
    pub fn standing(&self) -> Standing {
        if !self.problems.is_empty() || self.fingerprint_matches == Some(false) {
            Standing::Broken
        } else if self.fingerprint_matches == Some(true) && (self.goes_on_from.is_some() || !self.witnesses.is_empty()) {
            Standing::Vouched
        } else {
            Standing::Holds
        }
    }
}

type Fails = Result<(), Problem>;

fn fails<T>(entry: &str, what: impl Into<String>) -> Result<T, Problem> {
    Err(Problem { entry: String::from(entry), what: what.into() })
}

/// Checks a pack.
pub fn verify(pack: &[u8], against: &Against<'_>) -> Report {
    let mut report = Report::default();
    if let Err(p) = all(pack, against, &mut report) {
        report.problems.push(p);
    }
    report
}

fn all(pack: &[u8], against: &Against<'_>, report: &mut Report) -> Fails {
    let entries = read_zip(pack).or_else(|e| fails("container", e))?;
    contents(&entries, against, report)?;
    let get = |name: &str| entries.iter().find(|e| e.name == name).map_or(&[][..], |e| &e.bytes);
    let key: VerifierKey = key_of(get("key"))?;
    let opened = Checkpoint::open_of(get("checkpoint"), &key, against.witnesses).or_else(|e| fails("checkpoint", e.to_string()))?;
    if opened.checkpoint().origin != report.origin {
        return fails("checkpoint", "it is of another log");
    }
    let proof: ProofFile = serde_json::from_slice(get("proof.json")).or_else(|e| fails("proof.json", e.to_string()))?;
    let (size, root) = (opened.checkpoint().size, opened.checkpoint().root);
    if proof.format != 1 || proof.origin != report.origin || proof.size != size {
        return fails("proof.json", "its format, origin or size is not that of the checkpoint");
    }
    report.size = size;
    let log = log_entries(&proof, size, &root)?;
    tables(&proof, &log, report)?;
    let readable = readable_records(&proof.tables).or_else(|e| fails("proof.json", e))?;
    if readable.as_bytes() != get("records.json") {
        return fails("records.json", "it does not say what the proven records say");
    }
    if let Some(c) = &proof.complete {
        complete(&proof, c, &log, size, report)?;
    }
    if let Some(c) = &proof.consistency {
        let path = hashes(&c.path)?;
        let old = hash_of(&c.root)?;
        tree::verify_consistency(c.size, size, &old, &root, &path).or_else(|e| fails("proof.json", format!("consistency: {e}")))?;
    }
    outside(&proof, &opened, &key, against, report)
}

/// The signed list of contents, and the key.
fn contents(entries: &[ZipEntry<'_>], against: &Against<'_>, report: &mut Report) -> Fails {
    const NOTE: &str = "pack.note";
    let first = entries.first().filter(|e| e.name == NOTE);
    let Some(first) = first else { return fails(NOTE, "it is not the first entry") };
    let note = Note::parse(&first.bytes).or_else(|e| fails(NOTE, e.to_string()))?;
    let Some(key_entry) = entries.iter().find(|e| e.name == "key") else { return fails("key", "it is missing") };
    let key = key_of(&key_entry.bytes)?;
    report.fingerprint = key.fingerprint();
    crate::note::verify(&note, std::slice::from_ref(&key)).or_else(|e| fails(NOTE, format!("its signature does not hold: {e}")))?;
    let mut lines = note.text.lines();
    let mut field = |name: &str| -> Result<String, Problem> {
        match lines.next().and_then(|l| l.strip_prefix(name)).and_then(|l| l.strip_prefix(' ')) {
            Some(v) => Ok(String::from(v)),
            None => fails(NOTE, format!("the line '{name}' is missing")),
        }
    };
    let unquote = |v: String| serde_json::from_str::<String>(&v).or_else(|_| fails(NOTE, "a line is not a JSON string"));
    let (title, version) = TITLE.rsplit_once(' ').unwrap_or((TITLE, ""));
    if field(title)? != version {
        return fails(NOTE, "it is of another version");
    }
    report.origin = field("origin")?;
    report.made = field("made")?;
    report.by = unquote(field("by")?)?;
    report.asked = unquote(field("asked")?)?;
    if key.name() != report.origin {
        return fails("key", "its name is not the log's");
    }
    let mut listed = Vec::new();
    for line in lines {
        let mut parts = line.splitn(4, ' ');
        let (Some("file"), Some(digest), Some(bytes), Some(name)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return fails(NOTE, "a line is not of a file");
        };
        listed.push((digest, bytes, name));
    }
    let rest = entries.get(1..).unwrap_or(&[]);
    for (i, (wanted, bytes, name)) in listed.iter().enumerate() {
        let Some(e) = rest.get(i).filter(|e| e.name == *name) else { return fails(name, "it is missing or in another place") };
        let digest: Hash = Sha256::digest(&e.bytes).into();
        let is = hex(&digest);
        if is != *wanted || e.bytes.len().to_string() != *bytes {
            return fails(name, "its bytes are not those that were signed");
        }
        if let Some(blob) = name.strip_prefix("blobs/")
            && blob != is
        {
            return fails(name, "its name is not the hash of its bytes");
        }
    }
    if let Some(extra) = rest.get(listed.len()) {
        return fails(&extra.name, "nobody signed for it");
    }
    for needed in ["checkpoint", "proof.json", "records.json", "key", "verify.html"] {
        if !listed.iter().any(|(_, _, n)| *n == needed) {
            return fails(needed, "it is missing");
        }
    }
    report.fingerprint_matches = against.fingerprint.map(|f| plain(f) == plain(&report.fingerprint));
    Ok(())
}

/// A fingerprint without spacing and case.
fn plain(f: &str) -> String {
    f.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

fn key_of(bytes: &[u8]) -> Result<VerifierKey, Problem> {
    let line = std::str::from_utf8(bytes).ok().and_then(|t| t.strip_suffix('\n'));
    match line.and_then(|l| l.parse().ok()) {
        Some(k) => Ok(k),
        None => fails("key", "it is no public key line"),
    }
}

fn bytes_of(text: &str) -> Result<Vec<u8>, Problem> {
    base64::decode(text).map_or_else(|| fails("proof.json", "something is not base64"), Ok)
}
fn hash_of(text: &str) -> Result<Hash, Problem> {
    base64::decode_hash(text).map_or_else(|| fails("proof.json", "something is not a hash"), Ok)
}
fn hashes(texts: &[String]) -> Result<Vec<Hash>, Problem> {
    texts.iter().map(|t| hash_of(t)).collect()
}

/// Every entry that is shown is in the log.
fn log_entries(proof: &ProofFile, size: u64, root: &Hash) -> Result<BTreeMap<u64, Entry>, Problem> {
    let mut log = BTreeMap::new();
    let mut before = None;
    for e in &proof.entries {
        if before.is_some_and(|b| e.index <= b) {
            return fails("proof.json", format!("entry {} is not in its order", e.index));
        }
        before = Some(e.index);
        let bytes = bytes_of(&e.entry)?;
        let path = hashes(&e.path)?;
        tree::verify_inclusion(&tree::leaf_hash(&bytes), e.index, size, &path, root)
            .or_else(|x| fails("proof.json", format!("entry {} of the log: {x}", e.index)))?;
        let Some(entry) = Entry::parse(&bytes) else { return fails("proof.json", format!("entry {} is not in its form", e.index)) };
        log.insert(e.index, entry);
    }
    Ok(log)
}

/// Every record is in its batch, and every batch is as the log says.
fn tables(proof: &ProofFile, log: &BTreeMap<u64, Entry>, report: &mut Report) -> Fails {
    let mut seen = BTreeSet::new();
    for t in &proof.tables {
        let here =
            |what: String| Problem { entry: String::from("proof.json"), what: format!("entry {}, table {}: {what}", t.index, t.table) };
        let Some(name) = TABLES.get(usize::from(t.table)).copied() else { return Err(here(String::from("no such table"))) };
        if !seen.insert((t.index, t.table)) {
            return Err(here(String::from("it is there twice")));
        }
        let Some(Entry::Commit { tables, first_seq, last_seq, .. }) = log.get(&t.index) else {
            return Err(here(String::from("no batch of that index is shown")));
        };
        let Some(root) = tables.iter().find(|r| r.table == t.table) else { return Err(here(String::from("the batch has no such table"))) };
        if root.count != t.count {
            return Err(here(format!("the batch has {} records, not {}", root.count, t.count)));
        }
        let leaves = match &t.leaves {
            Some(l) => {
                let l = hashes(l)?;
                if l.len() as u64 != t.count || tree::root(&l) != root.root {
                    return Err(here(String::from("the leaves do not have the batch's root")));
                }
                Some(l)
            }
            None => None,
        };
        let mut before: Option<(u64, u64)> = None;
        for r in &t.records {
            let of = |what: &str| here(format!("record {}: {what}", r.seq));
            if r.seq < *first_seq || r.seq > *last_seq || r.position >= t.count {
                return Err(of("it is not of this batch"));
            }
            if before.is_some_and(|(s, p)| r.seq <= s || r.position <= p) {
                return Err(of("it is not in its order"));
            }
            before = Some((r.seq, r.position));
            let mut groups = [[0u8; 32]; 4];
            let mut shown: [Option<Vec<u8>>; 4] = Default::default();
            let mut hidden = Vec::new();
            let all = [&r.core, &r.addresses, &r.names, &r.text];
            for (((slot, bytes), group), name) in groups.iter_mut().zip(&mut shown).zip(all).zip(canon::GROUPS) {
                match group {
                    Group::Hidden { hash } => {
                        *slot = hash_of(hash)?;
                        hidden.push(name);
                    }
                    Group::Shown { salt, cbor } => {
                        let salt: [u8; 16] = bytes_of(salt)?.try_into().map_err(|_| of("a salt has not 16 bytes"))?;
                        let cbor = bytes_of(cbor)?;
                        *slot = leaf::group_hash(&salt, &cbor);
                        *bytes = Some(cbor);
                    }
                }
            }
            canon::check(shown.each_ref().map(|s| s.as_deref())).map_err(|e| of(&e.to_string()))?;
            let leaf = leaf::leaf(t.table, r.seq, &groups);
            match (&leaves, &r.path) {
                (Some(l), None) => {
                    if usize::try_from(r.position).ok().and_then(|p| l.get(p)) != Some(&leaf) {
                        return Err(of("it is not what was committed"));
                    }
                }
                (None, Some(path)) => {
                    let path = hashes(path)?;
                    tree::verify_inclusion(&leaf, r.position, t.count, &path, &root.root)
                        .map_err(|e| of(&format!("it is not what was committed: {e}")))?;
                }
                _ => return Err(of("it needs either a path or all leaves")),
            }
            let erased = if hidden.is_empty() { None } else { erasure(log, r.seq) };
            report.records.push(Shown { seq: r.seq, table: name, hidden, erased });
        }
        report.of.push((t.index, name, t.records.len() as u64, t.count));
    }
    report.records.sort_by_key(|r| r.seq);
    if report.records.windows(2).any(|w| w.first().map(|r| r.seq) == w.get(1).map(|r| r.seq)) {
        return fails("proof.json", "a record is there twice");
    }
    Ok(())
}

/// The entry that says that a record was erased: when, and why.
fn erasure(log: &BTreeMap<u64, Entry>, seq: u64) -> Option<(i64, String)> {
    log.values().find_map(|e| match e {
        Entry::Erased { at, reason, records, .. } if records.iter().any(|(a, b)| (*a..=*b).contains(&seq)) => Some((*at, reason.clone())),
        _ => None,
    })
}

/// Nothing between was left out, and what is around is not of the range.
fn complete(proof: &ProofFile, c: &super::Complete, log: &BTreeMap<u64, Entry>, size: u64, report: &mut Report) -> Fails {
    let time = |t: &str| t.parse::<i64>().or_else(|_| fails("proof.json", "a time of the range is not a number"));
    let (from, to) = (time(&c.from)?, time(&c.to)?);
    let Some(name) = TABLES.get(usize::from(c.table)).copied() else { return fails("proof.json", "complete: no such table") };
    if c.first > c.last || c.last >= size || from > to || c.last - c.first > 1_000_000 {
        return fails("proof.json", "complete: the range is none");
    }
    let overlaps = |e: &Entry| match e {
        Entry::Commit { tables, .. } => tables.iter().any(|t| t.table == c.table && t.last_received >= from && t.first_received <= to),
        _ => false,
    };
    for index in c.first..=c.last {
        let Some(entry) = log.get(&index) else { return fails("proof.json", format!("complete: entry {index} is left out")) };
        if let Entry::Commit { tables, .. } = entry
            && tables.iter().any(|t| t.table == c.table)
        {
            let shown = proof.tables.iter().find(|t| t.index == index && t.table == c.table);
            if shown.is_none_or(|t| t.records.len() as u64 != t.count) {
                return fails("proof.json", format!("complete: records of entry {index} are left out"));
            }
        }
    }
    for around in [c.first.checked_sub(1), c.last.checked_add(1).filter(|i| *i < size)].into_iter().flatten() {
        if !log.contains_key(&around) {
            return fails("proof.json", format!("complete: entry {around}, beside the range, is not shown"));
        }
    }
    if let Some((index, _)) = log.iter().find(|(i, e)| !(c.first..=c.last).contains(*i) && overlaps(e)) {
        return fails("proof.json", format!("complete: entry {index} outside the range has records of it"));
    }
    report.complete = Some((name, from, to));
    Ok(())
}

/// What somebody outside saw.
fn outside(proof: &ProofFile, opened: &Opened, key: &VerifierKey, against: &Against<'_>, report: &mut Report) -> Fails {
    for signed in opened.signed() {
        if let Some(time) = signed.time() {
            report.witnesses.push((String::from(signed.key().name()), time));
        }
    }
    for s in &opened.note().signatures {
        let known = s.name == key.name() || report.witnesses.iter().any(|(n, _)| *n == s.name);
        if !known && !report.unknown_witnesses.contains(&s.name) {
            report.unknown_witnesses.push(s.name.clone());
        }
    }
    let Some(earlier) = against.earlier else { return Ok(()) };
    let old = Checkpoint::open_of(earlier, key, &[]).or_else(|e| fails("checkpoint", format!("the earlier checkpoint: {e}")))?;
    let old = old.checkpoint();
    if old.origin != report.origin {
        return fails("checkpoint", "the earlier checkpoint is of another log");
    }
    let now = opened.checkpoint();
    let same = (old.size, old.root) == (now.size, now.root);
    let proven = proof.consistency.as_ref().is_some_and(|c| c.size == old.size && c.root == hash_text(&old.root));
    if same || proven {
        report.goes_on_from = Some(old.size);
        return Ok(());
    }
    if old.size == now.size {
        return fails("checkpoint", "the log was forked: another root was signed for the same size");
    }
    if proof.consistency.as_ref().is_some_and(|c| c.size == old.size) {
        return fails("checkpoint", "the log was forked: the earlier checkpoint has another root than the proof");
    }
    // No proof leads from there: nothing is known, and nothing is wrong.
    Ok(())
}
