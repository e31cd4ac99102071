//! What others say of the log: cosignatures of witnesses, answers of time-stamp authorities. Kept by the size of the log.

use crate::core::{Inner, lock};
use crate::disk::{Disk, read_all, replace};
use crate::error::VaultError;
use model::Time;
use proof::note::Note;
use std::path::{Path, PathBuf};

/// Confirmations that are kept; older ones go when new ones come.
const KEPT: usize = 64;

/// Somebody outside saw the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// What it is.
    pub kind: ConfirmationKind,
    /// Who: the witness's name; empty for time stamps.
    pub name: String,
    /// Entries of the log that were seen.
    pub size: u64,
    /// When: by the witness's clock; for time stamps when the answer was kept.
    pub at: Time,
}

/// Sorts of confirmations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmationKind {
    /// A witness's cosignature (C2SP tlog-cosignature).
    Witness,
    /// An answer of a time-stamp authority (RFC 3161).
    Stamp,
}

fn cosigned(dir: &Path) -> PathBuf {
    dir.join("log").join("cosigned")
}
fn stamps(dir: &Path) -> PathBuf {
    dir.join("log").join("stamps")
}

fn sizes(disk: &dyn Disk, dir: &Path, suffix: &str) -> Vec<u64> {
    let names = disk.list(dir).unwrap_or_default();
    let mut found: Vec<u64> = names.iter().filter_map(|(n, _)| n.strip_suffix(suffix)?.parse().ok()).collect();
    found.sort_unstable();
    found
}

fn keep(inner: &Inner, dir: &Path, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
    let io = |doing: &'static str, at: &Path| {
        let at = at.to_path_buf();
        move |e: std::io::Error| VaultError::io(doing, at.clone(), &e)
    };
    inner.disk.make_dir(dir).map_err(io("make the folder", dir))?;
    let file = dir.join(name);
    replace(&*inner.disk, &file, bytes).map_err(io("write", &file))
}

/// Keeps a checkpoint with the lines that witnesses added; joined with those that are there for the same size.
pub(crate) fn keep_cosignatures(inner: &Inner, size: u64, text: &str) -> Result<(), VaultError> {
    let dir = cosigned(&inner.dir);
    let wrong = |what: String| VaultError::Record(format!("the cosigned checkpoint: {what}"));
    let mut note = Note::parse(text.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    if let Some(before) = read_all(&*inner.disk, &dir.join(size.to_string())).ok().and_then(|b| Note::parse(&b).ok())
        && before.text == note.text
    {
        for s in before.signatures {
            if !note.signatures.iter().any(|n| (&n.name, n.key_id) == (&s.name, s.key_id)) {
                note.signatures.push(s);
            }
        }
    }
    keep(inner, &dir, &size.to_string(), note.to_string().as_bytes())?;
    let all = sizes(&*inner.disk, &dir, "");
    for old in all.iter().rev().skip(KEPT) {
        let _ = inner.disk.remove(&dir.join(old.to_string()));
    }
    Ok(())
}

/// Keeps a time-stamp authority's answer with the question.
pub(crate) fn keep_stamp(inner: &Inner, size: u64, query: &[u8], reply: &[u8]) -> Result<(), VaultError> {
    let dir = stamps(&inner.dir);
    keep(inner, &dir, &format!("{size}.tsq"), query)?;
    keep(inner, &dir, &format!("{size}.tsr"), reply)?;
    keep(inner, &dir, &format!("{size}.at"), (inner.options.now)().rfc3339().as_bytes())
}

/// The checkpoint of that size with what witnesses added.
pub(crate) fn newest_note(inner: &Inner, size: u64) -> Option<String> {
    let bytes = read_all(&*inner.disk, &cosigned(&inner.dir).join(size.to_string())).ok()?;
    let note = Note::parse(&bytes).ok()?;
    // Only of the log as it is signed now.
    let now = lock(&inner.log_status).checkpoint.clone();
    Note::parse(now.as_bytes()).ok().filter(|n| n.text == note.text).map(|_| note.to_string())
}

/// The question and answer of a time stamp of that size.
pub(crate) fn stamp_of(inner: &Inner, size: u64) -> Option<(Vec<u8>, Vec<u8>)> {
    let dir = stamps(&inner.dir);
    let query = read_all(&*inner.disk, &dir.join(format!("{size}.tsq"))).ok()?;
    let reply = read_all(&*inner.disk, &dir.join(format!("{size}.tsr"))).ok()?;
    Some((query, reply))
}

/// Every confirmation that is kept, newest first.
pub(crate) fn all(inner: &Inner) -> Vec<Confirmation> {
    let mut out = Vec::new();
    let dir = cosigned(&inner.dir);
    let own = lock(&inner.log_status).origin.clone();
    for size in sizes(&*inner.disk, &dir, "") {
        let Some(note) = read_all(&*inner.disk, &dir.join(size.to_string())).ok().and_then(|b| Note::parse(&b).ok()) else { continue };
        for s in note.signatures.iter().filter(|s| s.name != own) {
            // C2SP tlog-cosignature: eight bytes of time before the signature.
            let seconds = s.bytes.first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b));
            let at = Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX), 0);
            out.push(Confirmation { kind: ConfirmationKind::Witness, name: s.name.clone(), size, at });
        }
    }
    let dir = stamps(&inner.dir);
    for size in sizes(&*inner.disk, &dir, ".at") {
        let at =
            read_all(&*inner.disk, &dir.join(format!("{size}.at"))).ok().and_then(|b| Time::parse_rfc3339(&String::from_utf8_lossy(&b)));
        if let Some(at) = at {
            out.push(Confirmation { kind: ConfirmationKind::Stamp, name: String::new(), size, at });
        }
    }
    out.sort_by_key(|c| std::cmp::Reverse((c.at, c.size)));
    out
}
