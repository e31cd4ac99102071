//! What came back from paper against today's log: is the history that the paper speaks of the beginning of the one that is here?

use super::access::{LogAccess, LogError, LogFolder};
use proof::base64;
use proof::checkpoint::Checkpoint;
use proof::note::{self, VerifierKey};
use proof::paper::{Paper, PaperError, alike};
use proof::tree;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is. `exact`: letter for letter, without mistaken ones.
    Contained {
        /// Every letter of origin and root is as the log writes it.
        exact: bool,
    },
    /// The paper is of another log.
    OtherLog,
    /// The log is shorter than the paper says.
    Behind,
    /// Another root, and the log's key signed what the paper says: two histories.
    Fork,
    /// Another root, and no signature that shows who said so: mistyped, or rewritten.
    Differs,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was found.
    pub found: Found,
    /// What was read.
    pub paper: Paper,
    /// Today's log: its name.
    pub own: String,
    /// Its entries.
    pub now: u64,
    /// The paper's signature is by the log's key of today.
    pub signed: bool,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The paper.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no checkpoint.
    #[error("no checkpoint")]
    None,
}

/// Compares. The newest checkpoint is verified by the log's key, and the paper's root is proven to lead to it.
pub fn check(log: &LogFolder, bytes: &[u8]) -> Result<Verdict, CheckError> {
    let paper = Paper::parse(bytes)?;
    let (_, newest, key) = log.newest()?.ok_or(CheckError::None)?;
    let signed = signed(&paper, &key);
    let found = compare(log, &paper, &newest, signed)?;
    Ok(Verdict { found, own: newest.origin, now: newest.size, paper, signed })
}

fn signed(paper: &Paper, key: &VerifierKey) -> bool {
    paper.note.as_ref().is_some_and(|n| note::verify(n, std::slice::from_ref(key)).is_ok())
}

fn compare(log: &LogFolder, paper: &Paper, newest: &Checkpoint, signed: bool) -> Result<Found, CheckError> {
    if !alike(&paper.origin, &newest.origin) {
        return Ok(Found::OtherLog);
    }
    if paper.size > newest.size {
        return Ok(Found::Behind);
    }
    let root = log.root(paper.size)?;
    let written = base64::encode(&root);
    if !alike(&paper.root, &written) {
        return Ok(if signed { Found::Fork } else { Found::Differs });
    }
    // Before the first entry every log is the same, and nothing can be proven of it.
    if paper.size == 0 {
        return Ok(Found::Contained { exact: paper.root == written && paper.origin == newest.origin });
    }
    // The tiles said so; the proof ties them to what the log's key signed today.
    let proof = log.consistency(paper.size, newest.size)?;
    tree::verify_consistency(paper.size, newest.size, &root, &newest.root, &proof).map_err(|e| {
        LogError::new(log.dir().display(), format!("the tiles do not lead to the checkpoint: {e}; run 'hinomi vault verify'"))
    })?;
    Ok(Found::Contained { exact: paper.root == written && paper.origin == newest.origin })
}

#[cfg(test)]
mod tests {
    use super::super::access::tests::Written;
    use super::*;

    fn note(log: &Written) -> String {
        log.folder().checkpoint().unwrap().unwrap()
    }

    fn found(log: &Written, text: &str) -> (Found, bool) {
        let verdict = check(&log.folder(), text.as_bytes()).unwrap();
        (verdict.found, verdict.signed)
    }

    #[test]
    fn paper_is_found_in_the_log_or_not() {
        let mut log = Written::new(1);
        log.grow(300);
        let old = note(&log);
        assert_eq!(found(&log, &old), (Found::Contained { exact: true }, true), "the same size");
        log.grow(77);
        assert_eq!(found(&log, &old), (Found::Contained { exact: true }, true));
        // Without the signature, and with what eyes mistake.
        let body = old.split("\n\n").next().unwrap();
        assert_eq!(found(&log, body), (Found::Contained { exact: true }, false));
        let mistaken: String = old
            .lines()
            .nth(2)
            .unwrap()
            .chars()
            .map(|c| {
                if c == '1' {
                    'l'
                } else if c == 'O' {
                    '0'
                } else {
                    c
                }
            })
            .collect();
        let typed = format!("{}\n3oo\n{mistaken}\n", old.lines().next().unwrap());
        assert!(matches!(found(&log, &typed), (Found::Contained { .. }, false)));
        // A letter that looks otherwise.
        let root = old.lines().nth(2).unwrap();
        let wrong = old.replace(root, &root.replacen(root.chars().nth(7).unwrap(), "%", 1));
        assert_eq!(found(&log, &wrong), (Found::Differs, false));
        // Another log; more entries than there are; the same key with another history.
        let mut other = Written::new(2);
        other.grow(300);
        assert_eq!(found(&log, &note(&other)), (Found::Contained { exact: true }, false), "another key, the same history");
        assert_eq!(found(&log, &old.replace("hinomi.local/019a", "hinomi.local/019b")).0, Found::OtherLog);
        let mut ahead = Written::new(1);
        ahead.grow(400);
        assert_eq!(found(&log, &note(&ahead)), (Found::Behind, true));
        let mut forked = Written::new(1);
        forked.leaves = vec![tree::leaf_hash(b"other"); 200];
        forked.write();
        assert_eq!(found(&log, &note(&forked)), (Found::Fork, true));
        assert!(matches!(check(&log.folder(), b"x"), Err(CheckError::Paper(_))));
    }
}
