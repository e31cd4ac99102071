//! What a pack consists of, and putting it together.

use super::{TITLE, ZipEntry, write_zip};
use crate::note::SigningKey;
use crate::{Hash, base64, canon};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A group of a record, shown or hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Group {
    /// With its salt, so that everybody can compute its hash.
    Shown {
        /// 16 bytes, base64.
        salt: String,
        /// The canonical bytes, base64.
        cbor: String,
    },
    /// Only its hash.
    Hidden {
        /// 32 bytes, base64.
        hash: String,
    },
}

/// A record with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordProof {
    /// Its number.
    pub seq: u64,
    /// Its place in the tree of its table and batch, from 0.
    pub position: u64,
    /// Hashes that lead to the root, base64; absent where all leaves are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Vec<String>>,
    /// The groups.
    pub core: Group,
    /// Addresses.
    pub addresses: Group,
    /// Names.
    pub names: Group,
    /// Text.
    pub text: Group,
}

/// Records of one table in one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableProof {
    /// The entry of the log that commits the batch.
    pub index: u64,
    /// The table's number.
    pub table: u8,
    /// Records of the table in the batch: the n of 'k of n'.
    pub count: u64,
    /// Those that are shown, ascending.
    pub records: Vec<RecordProof>,
    /// All leaves, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Vec<String>>,
}

/// An entry of the log with the proof that it is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryProof {
    /// Its place in the log.
    pub index: u64,
    /// Its bytes, base64.
    pub entry: String,
    /// Hashes that lead to the root, base64.
    pub path: Vec<String>,
}

/// The claim that nothing of a table was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// The table's number.
    pub table: u8,
    /// Received from then on: nanoseconds since 1970 as text.
    pub from: String,
    /// Received until then.
    pub to: String,
    /// First entry of the log that the claim covers.
    pub first: u64,
    /// Last entry.
    pub last: u64,
}

/// That an earlier state of the log is the beginning of this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Entries of the earlier state.
    pub size: u64,
    /// Its root, base64.
    pub root: String,
    /// The proof, base64.
    pub path: Vec<String>,
}

/// `proof.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofFile {
    pub format: u32,
    pub origin: String,
    pub size: u64,
    pub entries: Vec<EntryProof>,
    pub tables: Vec<TableProof>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<Complete>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// The parts of a pack before it is signed.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The log's name.
    pub origin: String,
    /// Entries of the checkpoint.
    pub size: u64,
    /// The checkpoint, with what witnesses added.
    pub checkpoint: String,
    /// Entries of the log, ascending.
    pub entries: Vec<EntryProof>,
    /// Records by batch and table.
    pub tables: Vec<TableProof>,
    /// The claim of completeness.
    pub complete: Option<Complete>,
    /// Proof from an earlier checkpoint.
    pub consistency: Option<Consistency>,
    /// When: RFC 3339.
    pub made: String,
    /// Who asked.
    pub by: String,
    /// What was asked.
    pub asked: String,
    /// More files: time stamps, attachments, the page that verifies; in this order.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        // Writing to a string does not fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

pub(super) fn hash_text(h: &Hash) -> String {
    base64::encode(h)
}

/// The readable form of a table's shown records: `(seq, JSON)`.
pub(super) fn readable_records(tables: &[TableProof]) -> Result<String, String> {
    let mut rows: Vec<(u64, String)> = Vec::new();
    for t in tables {
        for r in &t.records {
            let mut shown: [Option<Vec<u8>>; 4] = Default::default();
            for (slot, g) in shown.iter_mut().zip([&r.core, &r.addresses, &r.names, &r.text]) {
                if let Group::Shown { cbor, .. } = g {
                    *slot = Some(base64::decode(cbor).ok_or_else(|| format!("record {}: not base64", r.seq))?);
                }
            }
            let text = canon::readable_of(shown.each_ref().map(|s| s.as_deref())).map_err(|e| format!("record {}: {e}", r.seq))?;
            let table = TABLES.get(usize::from(t.table)).copied().unwrap_or("?");
            rows.push((r.seq, format!("{{\"seq\":{},\"table\":\"{table}\",\"record\":{text}}}", r.seq)));
        }
    }
    rows.sort();
    let mut out = String::from("[");
    for (i, (_, row)) in rows.iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(row);
    }
    out.push_str("\n]\n");
    Ok(out)
}

/// Names of the tables, by number.
pub(super) const TABLES: [&str; 8] = ["flow", "activity", "observation", "finding", "audit", "health", "log", "evidence"];

impl Draft {
    /// Signs the list of contents and writes the pack.
    pub fn finish(self, key: &SigningKey) -> Result<Vec<u8>, String> {
        let records = readable_records(&self.tables)?;
        let proof = ProofFile {
            format: 1,
            origin: self.origin.clone(),
            size: self.size,
            entries: self.entries,
            tables: self.tables,
            complete: self.complete,
            consistency: self.consistency,
        };
        let proof = serde_json::to_vec(&proof).map_err(|e| e.to_string())?;
        let mut files: Vec<(String, Vec<u8>)> = vec![
            (String::from("checkpoint"), self.checkpoint.into_bytes()),
            (String::from("proof.json"), proof),
            (String::from("records.json"), records.into_bytes()),
            (String::from("key"), format!("{}\n", key.vkey()).into_bytes()),
        ];
        files.extend(self.files);
        let quoted = |s: &str| serde_json::to_string(s).map_err(|e| e.to_string());
        let mut text =
            format!("{TITLE}\norigin {}\nmade {}\nby {}\nasked {}\n", self.origin, self.made, quoted(&self.by)?, quoted(&self.asked)?);
        for (name, bytes) in &files {
            let digest: Hash = Sha256::digest(bytes).into();
            let hex = hex(&digest);
            text.push_str(&format!("file {hex} {} {name}\n", bytes.len()));
        }
        let note = key.note(&text).map_err(|e| e.to_string())?;
        let mut entries = vec![ZipEntry { name: String::from("pack.note"), bytes: note.to_string().into_bytes().into() }];
        entries.extend(files.into_iter().map(|(name, bytes)| ZipEntry { name, bytes: bytes.into() }));
        write_zip(&entries).ok_or_else(|| String::from("the pack would be larger than 1 GiB; ask for less"))
    }
}
