//! Entries of the log (docs/store-format.md, The log): deterministic CBOR maps with integer keys.

use crate::cbor::{self, Reader};
use crate::{Hash, tree};

/// What one table's part of a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableRoot {
    /// The table's number.
    pub table: u8,
    /// Records.
    pub count: u64,
    /// Root of the tree over their leaves, in order of seq.
    pub root: Hash,
    /// Least time of receipt, in nanoseconds since 1970.
    pub first_received: i64,
    /// Greatest time of receipt.
    pub last_received: i64,
}

/// A segment file, as the log names it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileFacts {
    /// Its name, without folder.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// Its length.
    pub bytes: u64,
    /// The table's number.
    pub table: u8,
    /// Records in it.
    pub rows: u64,
    /// First seq.
    pub first_seq: u64,
    /// Last seq.
    pub last_seq: u64,
    /// Least time of receipt.
    pub first_received: i64,
    /// Greatest time of receipt.
    pub last_received: i64,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A batch.
    Commit {
        /// The epoch of its records.
        epoch: u32,
        /// Counted from 0.
        batch: u64,
        /// When it was written.
        at: i64,
        /// First seq.
        first_seq: u64,
        /// Last seq.
        last_seq: u64,
        /// By table, ascending.
        tables: Vec<TableRoot>,
    },
    /// Records became segment files.
    Sealed {
        /// When.
        at: i64,
        /// Which.
        files: Vec<FileFacts>,
    },
    /// Files were written anew as others.
    Compacted {
        /// When.
        at: i64,
        /// The new ones.
        files: Vec<FileFacts>,
        /// Names of those that they replace.
        replaced: Vec<String>,
    },
    /// Files were removed.
    LetGo {
        /// When.
        at: i64,
        /// Which.
        files: Vec<FileFacts>,
        /// Why: `age`, `budget` or words.
        reason: String,
    },
    /// A new epoch begins.
    Epoch {
        /// Its number.
        epoch: u32,
        /// When.
        at: i64,
        /// Why: `new`, `asked`, `copied`.
        reason: String,
        /// The last known checkpoint; `None` in a new folder.
        checkpoint: Option<String>,
    },
    /// The signing key changes.
    Key {
        /// When.
        at: i64,
        /// The public key line until now.
        old: String,
        /// The public key line from now on.
        new: String,
        /// Of the old key, over both lines.
        signature: Vec<u8>,
    },
    /// The sensitive groups of records were destroyed, with the secrets of the batches that they are in.
    Erased {
        /// When.
        at: i64,
        /// The files that were written anew.
        files: Vec<FileFacts>,
        /// Names of those that they replace.
        replaced: Vec<String>,
        /// Why, and who asked.
        reason: String,
        /// Batches whose secret is destroyed.
        batches: Vec<u64>,
        /// The records, as runs of numbers: first and last, both inclusive, ascending.
        records: Vec<(u64, u64)>,
    },
    /// An archive was written and verified.
    Exported {
        /// When.
        at: i64,
        /// Why or by whom.
        reason: String,
        /// What it holds.
        files: Vec<FileFacts>,
        /// Where to.
        target: String,
    },
}

fn files_to(out: &mut Vec<u8>, files: &[FileFacts]) {
    cbor::array(out, files.len() as u64);
    for f in files {
        cbor::array(out, 9);
        cbor::text(out, &f.name);
        cbor::bytes(out, &f.sha256);
        cbor::uint(out, f.bytes);
        cbor::uint(out, u64::from(f.table));
        cbor::uint(out, f.rows);
        cbor::uint(out, f.first_seq);
        cbor::uint(out, f.last_seq);
        cbor::int(out, f.first_received);
        cbor::int(out, f.last_received);
    }
}

fn files_from(r: &mut Reader<'_>) -> Option<Vec<FileFacts>> {
    let n = r.array()?;
    let mut files = Vec::new();
    for _ in 0..n {
        if r.array()? != 9 {
            return None;
        }
        files.push(FileFacts {
            name: String::from(r.text()?),
            sha256: r.bytes()?.try_into().ok()?,
            bytes: r.uint()?,
            table: u8::try_from(r.uint()?).ok()?,
            rows: r.uint()?,
            first_seq: r.uint()?,
            last_seq: r.uint()?,
            first_received: r.int()?,
            last_received: r.int()?,
        });
    }
    Some(files)
}

impl Entry {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut o = Vec::with_capacity(256);
        let kind = |o: &mut Vec<u8>, pairs: u64, kind: u64| {
            cbor::map(o, pairs);
            cbor::uint(o, 1);
            cbor::uint(o, kind);
        };
        let at_ = |o: &mut Vec<u8>, at: i64| {
            cbor::uint(o, 4);
            cbor::int(o, at);
        };
        match self {
            Entry::Commit { epoch, batch, at, first_seq, last_seq, tables } => {
                kind(&mut o, 7, 1);
                cbor::uint(&mut o, 2);
                cbor::uint(&mut o, u64::from(*epoch));
                cbor::uint(&mut o, 3);
                cbor::uint(&mut o, *batch);
                at_(&mut o, *at);
                cbor::uint(&mut o, 5);
                cbor::uint(&mut o, *first_seq);
                cbor::uint(&mut o, 6);
                cbor::uint(&mut o, *last_seq);
                cbor::uint(&mut o, 7);
                cbor::array(&mut o, tables.len() as u64);
                for t in tables {
                    cbor::array(&mut o, 5);
                    cbor::uint(&mut o, u64::from(t.table));
                    cbor::uint(&mut o, t.count);
                    cbor::bytes(&mut o, &t.root);
                    cbor::int(&mut o, t.first_received);
                    cbor::int(&mut o, t.last_received);
                }
            }
            Entry::Sealed { at, files } => {
                kind(&mut o, 3, 2);
                at_(&mut o, *at);
                cbor::uint(&mut o, 8);
                files_to(&mut o, files);
            }
            Entry::Compacted { at, files, replaced } => {
                kind(&mut o, 4, 3);
                at_(&mut o, *at);
                cbor::uint(&mut o, 8);
                files_to(&mut o, files);
                cbor::uint(&mut o, 9);
                cbor::array(&mut o, replaced.len() as u64);
                for r in replaced {
                    cbor::text(&mut o, r);
                }
            }
            Entry::LetGo { at, files, reason } => {
                kind(&mut o, 4, 4);
                at_(&mut o, *at);
                cbor::uint(&mut o, 8);
                files_to(&mut o, files);
                cbor::uint(&mut o, 10);
                cbor::text(&mut o, reason);
            }
            Entry::Epoch { epoch, at, reason, checkpoint } => {
                kind(&mut o, 4 + u64::from(checkpoint.is_some()), 5);
                cbor::uint(&mut o, 2);
                cbor::uint(&mut o, u64::from(*epoch));
                at_(&mut o, *at);
                cbor::uint(&mut o, 10);
                cbor::text(&mut o, reason);
                if let Some(c) = checkpoint {
                    cbor::uint(&mut o, 11);
                    cbor::text(&mut o, c);
                }
            }
            Entry::Key { at, old, new, signature } => {
                kind(&mut o, 5, 6);
                at_(&mut o, *at);
                cbor::uint(&mut o, 12);
                cbor::text(&mut o, old);
                cbor::uint(&mut o, 13);
                cbor::text(&mut o, new);
                cbor::uint(&mut o, 14);
                cbor::bytes(&mut o, signature);
            }
            Entry::Erased { at, files, replaced, reason, batches, records } => {
                kind(&mut o, 7, 7);
                at_(&mut o, *at);
                cbor::uint(&mut o, 8);
                files_to(&mut o, files);
                cbor::uint(&mut o, 9);
                cbor::array(&mut o, replaced.len() as u64);
                for r in replaced {
                    cbor::text(&mut o, r);
                }
                cbor::uint(&mut o, 10);
                cbor::text(&mut o, reason);
                cbor::uint(&mut o, 15);
                cbor::array(&mut o, batches.len() as u64);
                for b in batches {
                    cbor::uint(&mut o, *b);
                }
                cbor::uint(&mut o, 17);
                cbor::array(&mut o, records.len() as u64);
                for (first, last) in records {
                    cbor::array(&mut o, 2);
                    cbor::uint(&mut o, *first);
                    cbor::uint(&mut o, *last);
                }
            }
            Entry::Exported { at, reason, files, target } => {
                kind(&mut o, 5, 8);
                at_(&mut o, *at);
                cbor::uint(&mut o, 8);
                files_to(&mut o, files);
                cbor::uint(&mut o, 10);
                cbor::text(&mut o, reason);
                cbor::uint(&mut o, 16);
                cbor::text(&mut o, target);
            }
        }
        o
    }

    /// Its leaf in the log.
    pub fn leaf(&self) -> Hash {
        tree::leaf_hash(&self.to_bytes())
    }

    /// Reads one. `None` where the bytes are no entry in exactly this form.
    pub fn parse(bytes: &[u8]) -> Option<Entry> {
        let entry = parse(bytes)?;
        (entry.to_bytes() == bytes).then_some(entry)
    }
}

fn parse(bytes: &[u8]) -> Option<Entry> {
    let mut r = Reader(bytes);
    let pairs = r.map()?;
    let (mut kind, mut epoch, mut batch, mut at, mut first_seq, mut last_seq) = (None, None, None, None, None, None);
    let (mut tables, mut files, mut replaced, mut reason, mut checkpoint) = (None, None, None, None, None);
    let (mut old, mut new, mut signature, mut batches, mut target, mut records) = (None, None, None, None, None, None);
    for _ in 0..pairs {
        match r.uint()? {
            1 => kind = Some(r.uint()?),
            2 => epoch = Some(u32::try_from(r.uint()?).ok()?),
            3 => batch = Some(r.uint()?),
            4 => at = Some(r.int()?),
            5 => first_seq = Some(r.uint()?),
            6 => last_seq = Some(r.uint()?),
            7 => {
                let n = r.array()?;
                let mut list = Vec::new();
                for _ in 0..n {
                    if r.array()? != 5 {
                        return None;
                    }
                    list.push(TableRoot {
                        table: u8::try_from(r.uint()?).ok()?,
                        count: r.uint()?,
                        root: r.bytes()?.try_into().ok()?,
                        first_received: r.int()?,
                        last_received: r.int()?,
                    });
                }
                tables = Some(list);
            }
            8 => files = Some(files_from(&mut r)?),
            9 => {
                let n = r.array()?;
                let mut list = Vec::new();
                for _ in 0..n {
                    list.push(String::from(r.text()?));
                }
                replaced = Some(list);
            }
            10 => reason = Some(String::from(r.text()?)),
            11 => checkpoint = Some(String::from(r.text()?)),
            12 => old = Some(String::from(r.text()?)),
            13 => new = Some(String::from(r.text()?)),
            14 => signature = Some(r.bytes()?.to_vec()),
            15 => {
                let n = r.array()?;
                let mut list = Vec::new();
                for _ in 0..n {
                    list.push(r.uint()?);
                }
                batches = Some(list);
            }
            16 => target = Some(String::from(r.text()?)),
            17 => {
                let n = r.array()?;
                let mut list: Vec<(u64, u64)> = Vec::new();
                for _ in 0..n {
                    if r.array()? != 2 {
                        return None;
                    }
                    let (first, last) = (r.uint()?, r.uint()?);
                    if last < first || list.last().is_some_and(|(_, before)| first <= *before) {
                        return None;
                    }
                    list.push((first, last));
                }
                records = Some(list);
            }
            _ => return None,
        }
    }
    if !r.is_empty() {
        return None;
    }
    let at = at?;
    Some(match kind? {
        1 => Entry::Commit { epoch: epoch?, batch: batch?, at, first_seq: first_seq?, last_seq: last_seq?, tables: tables? },
        2 => Entry::Sealed { at, files: files? },
        3 => Entry::Compacted { at, files: files?, replaced: replaced? },
        4 => Entry::LetGo { at, files: files?, reason: reason? },
        5 => Entry::Epoch { epoch: epoch?, at, reason: reason?, checkpoint },
        6 => Entry::Key { at, old: old?, new: new?, signature: signature? },
        7 => Entry::Erased { at, files: files?, replaced: replaced?, reason: reason?, batches: batches?, records: records? },
        8 => Entry::Exported { at, reason: reason?, files: files?, target: target? },
        _ => return None,
    })
}
