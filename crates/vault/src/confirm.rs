//! What others say of the log: cosignatures of witnesses, answers of time-stamp authorities. Kept by the size of the log.
//!
//! A witness that is asked every ten minutes says fifty thousand things a year, and two of them matter to a reader: the earliest that covers what is
//! proven (since when somebody outside vouches), and the newest. So what is kept grows thinner with age ([`kept`]): everything of the last day, one an hour of
//! the last month, one a day for ever; of each bucket the first, and of each witness always its first and its last.

use crate::core::{Inner, lock};
use crate::disk::{Disk, read_all, replace};
use crate::error::VaultError;
use model::{Span, Time};
use proof::checkpoint::Checkpoint;
use proof::note::{Note, SigningKey};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How long everything is kept.
const ALL: Span = Span::days(1);
/// How long one an hour is kept; from then on one a day.
const HOURLY: Span = Span::days(31);
/// They are looked through once for so many new ones.
const THIN_EVERY: usize = 16;

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
    if sizes(&*inner.disk, &dir, "").len().is_multiple_of(THIN_EVERY) {
        for old in too_many(inner, ConfirmationKind::Witness) {
            let _ = inner.disk.remove(&dir.join(old.to_string()));
        }
    }
    Ok(())
}

/// Sizes whose confirmations are not needed any more.
fn too_many(inner: &Inner, kind: ConfirmationKind) -> Vec<u64> {
    let all: Vec<Confirmation> = all(inner).into_iter().filter(|c| c.kind == kind).collect();
    let newest = all.iter().map(|c| c.at).max().unwrap_or(Time(i64::MAX));
    // A clock that jumped ahead must not thin out what is of yesterday.
    let keep = kept(&all, newest.min((inner.options.now)()));
    let sizes: BTreeSet<u64> = all.iter().map(|c| c.size).collect();
    sizes.into_iter().filter(|s| !keep.contains(s)).collect()
}

/// The sizes of the log whose confirmations stay, as of now.
fn kept(all: &[Confirmation], now: Time) -> BTreeSet<u64> {
    let mut by_name: BTreeMap<&str, Vec<(Time, u64)>> = BTreeMap::new();
    for c in all {
        by_name.entry(&c.name).or_default().push((c.at, c.size));
    }
    let mut keep = BTreeSet::new();
    for mut of_one in by_name.into_values() {
        of_one.sort_unstable();
        keep.extend(of_one.first().iter().chain(&of_one.last()).map(|(_, size)| *size));
        let mut bucket = None;
        for (at, size) in of_one {
            let age = now - at;
            let width = if age <= ALL {
                keep.insert(size);
                continue;
            } else if age <= HOURLY {
                3_600
            } else {
                86_400
            };
            let here = Some((width, at.0.div_euclid(width * 1_000_000_000)));
            if bucket != here {
                keep.insert(size);
                bucket = here;
            }
        }
    }
    keep
}

/// Keeps a time-stamp authority's answer with the question.
pub(crate) fn keep_stamp(inner: &Inner, size: u64, query: &[u8], reply: &[u8]) -> Result<(), VaultError> {
    let dir = stamps(&inner.dir);
    keep(inner, &dir, &format!("{size}.tsq"), query)?;
    keep(inner, &dir, &format!("{size}.tsr"), reply)?;
    keep(inner, &dir, &format!("{size}.at"), (inner.options.now)().rfc3339().as_bytes())?;
    if sizes(&*inner.disk, &dir, ".at").len().is_multiple_of(THIN_EVERY) {
        for old in too_many(inner, ConfirmationKind::Stamp) {
            // What says that there is one goes first.
            for suffix in ["at", "tsq", "tsr"] {
                let _ = inner.disk.remove(&dir.join(format!("{old}.{suffix}")));
            }
        }
    }
    Ok(())
}

/// The earliest size of the log that somebody outside saw and that holds its first `needed` entries: by a witness, or else by a time stamp; of equally early
/// ones the smallest. Only what is of the log as it is: `root` gives the root of a size.
pub(crate) fn earliest(inner: &Inner, needed: u64, most: u64, root: impl Fn(u64) -> Option<proof::Hash>) -> Option<u64> {
    let mut found: Vec<Confirmation> = all(inner).into_iter().filter(|c| (needed..=most).contains(&c.size)).collect();
    found.sort_by_key(|c| (c.kind == ConfirmationKind::Stamp, c.at, c.size));
    let origin = lock(&inner.log_status).origin.clone();
    let is_ours = |c: &Confirmation| {
        let Some(root) = root(c.size) else { return false };
        let text = text_of(&origin, c.size, root);
        match c.kind {
            ConfirmationKind::Witness => cosigned_text(inner, c.size).is_some_and(|n| n.text == text),
            ConfirmationKind::Stamp => stamp_of(inner, c.size, &text).is_some(),
        }
    };
    found.into_iter().find(is_ours).map(|c| c.size)
}

fn cosigned_text(inner: &Inner, size: u64) -> Option<Note> {
    Note::parse(&read_all(&*inner.disk, &cosigned(&inner.dir).join(size.to_string())).ok()?).ok()
}

fn text_of(origin: &str, size: u64, root: proof::Hash) -> String {
    Checkpoint { origin: String::from(origin), size, root, extensions: Vec::new() }.to_string()
}

/// The checkpoint of that size, signed by the key that counts now, with what witnesses added.
pub(crate) fn note_of(inner: &Inner, size: u64, root: proof::Hash, key: &SigningKey) -> Result<String, VaultError> {
    let origin = lock(&inner.log_status).origin.clone();
    let checkpoint = Checkpoint { origin: origin.clone(), size, root, extensions: Vec::new() };
    let mut note = checkpoint.sign(key).map_err(|e| VaultError::Record(e.to_string()))?;
    if let Some(theirs) = cosigned_text(inner, size).filter(|n| n.text == note.text) {
        // A witness signs the text and not our line, so its own stays good under another key of ours.
        note.signatures.extend(theirs.signatures.into_iter().filter(|s| s.name != origin));
    }
    Ok(note.to_string())
}

/// The question and answer of a time stamp of that size, where they are over the text of that checkpoint.
pub(crate) fn stamp_of(inner: &Inner, size: u64, text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let dir = stamps(&inner.dir);
    let query = read_all(&*inner.disk, &dir.join(format!("{size}.tsq"))).ok()?;
    let reply = read_all(&*inner.disk, &dir.join(format!("{size}.tsr"))).ok()?;
    // RFC 3161: both carry the digest of what was stamped.
    let digest: proof::Hash = Sha256::digest(text.as_bytes()).into();
    let is_over = |bytes: &[u8]| bytes.windows(digest.len()).any(|w| w == digest);
    (is_over(&query) && is_over(&reply)).then_some((query, reply))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, minute: i64, size: u64) -> Confirmation {
        Confirmation { kind: ConfirmationKind::Witness, name: String::from(name), size, at: Time::from_unix(minute * 60, 0) }
    }

    /// A year of a witness that is asked every ten minutes, and one that came once.
    #[test]
    fn what_is_kept_grows_thinner_with_age_and_the_first_and_last_of_each_stay() {
        let year = 366 * 24 * 60;
        let mut all: Vec<_> = (0..year / 10).map(|i| seen("a", i * 10, i as u64)).collect();
        all.push(seen("b", 12_345, 1_000_000));
        let now = Time::from_unix(year * 60, 0);
        let keep = kept(&all, now);
        assert!(keep.contains(&0) && keep.contains(&1_000_000) && keep.contains(&((year / 10 - 1) as u64)));
        let between = |from: i64, to: i64| keep.iter().filter(|s| **s < 1_000_000 && (from..to).contains(&(**s as i64 * 10))).count();
        assert_eq!(between(year - 24 * 60, year), 144, "all of the last day");
        assert_eq!(between(year - 31 * 24 * 60, year - 24 * 60), 30 * 24, "one an hour of the last month");
        assert_eq!(between(0, year - 31 * 24 * 60), 335, "one a day before that");
        assert!((0..335).all(|day| keep.contains(&(day * 144))), "the first of each day");
        // What is kept is kept again: thinning twice changes nothing.
        let left: Vec<_> = all.iter().filter(|c| keep.contains(&c.size)).cloned().collect();
        assert_eq!(kept(&left, now), keep);
    }

    #[test]
    fn a_time_ahead_of_the_clock_is_kept() {
        let all = [seen("a", 0, 1), seen("a", 10, 2), seen("a", 20, 3), seen("a", 1_000_000, 4)];
        assert_eq!(kept(&all, Time::from_unix(0, 0)), BTreeSet::from([1, 2, 3, 4]));
        assert!(kept(&[], Time(0)).is_empty());
    }
}
