//! C2SP tlog-checkpoint: the text of the note by which a log says how large it is and what its root is.

use crate::note::{self, Note, NoteError, SigningKey, Verified, VerifierKey};
use crate::{Hash, base64};
use std::fmt;
use std::str::FromStr;

/// What a checkpoint says. Its text ([`fmt::Display`]) is one to one: what is read is written the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log; never empty.
    pub origin: String,
    /// Entries in the log.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// Further lines, opaque and never empty. Hinomi writes none.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint, or a note not one of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note or its signatures.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text has fewer than three lines, or an empty one, or no line end.
    #[error("a checkpoint is at least three lines, none of them empty")]
    Lines,
    /// The second line.
    #[error("the size of a checkpoint is a decimal number below 2^64 without leading zeroes")]
    Size,
    /// The third line.
    #[error("the root of a checkpoint is 32 bytes in base64")]
    Root,
    /// Signed by the right key, but of another log.
    #[error("the checkpoint is of {0:?}")]
    Origin(String),
}

impl Checkpoint {
    /// The checkpoint as a note with the log's signature.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, CheckpointError> {
        let text = self.to_string();
        // Origin and extensions are free text: what would be read as something else is not signed.
        if text.parse::<Checkpoint>()? != *self {
            return Err(CheckpointError::Lines);
        }
        Ok(key.note(&text)?)
    }

    /// Reads a note of whatever log and verifies it by the keys known for it; see [`note::verify`].
    pub fn open(bytes: &[u8], keys: &[VerifierKey]) -> Result<Opened, CheckpointError> {
        let note = Note::parse(bytes)?;
        let signed = note::verify(&note, keys)?;
        let checkpoint = note.text.parse()?;
        Ok(Opened { checkpoint, note, signed })
    }

    /// The same, where the log's key must be among those that signed and the origin must be its name: what a vkey is of.
    pub fn open_of(bytes: &[u8], log: &VerifierKey, witnesses: &[VerifierKey]) -> Result<Opened, CheckpointError> {
        let mut keys = vec![log.clone()];
        keys.extend_from_slice(witnesses);
        let opened = Checkpoint::open(bytes, &keys)?;
        if opened.checkpoint.origin != log.name() {
            return Err(CheckpointError::Origin(opened.checkpoint.origin));
        }
        if opened.signed.iter().any(|s| s.key() == log) { Ok(opened) } else { Err(NoteError::Unsigned.into()) }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a note (with its last line end).
    fn from_str(text: &str) -> Result<Checkpoint, CheckpointError> {
        note::check_text(text)?;
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Ok(Checkpoint {
            origin: origin.to_owned(),
            size: parse_size(size).ok_or(CheckpointError::Size)?,
            root: base64::decode_hash(root).ok_or(CheckpointError::Root)?,
            extensions,
        })
    }
}

/// A size in decimal without leading zeroes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// A checkpoint whose note was verified; only [`Checkpoint::open`] and [`Checkpoint::open_of`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    checkpoint: Checkpoint,
    note: Note,
    signed: Vec<Verified>,
}

impl Opened {
    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note that it was read from, with what unknown keys may have added.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Which of the known keys signed: the log's, and witnesses' with their times.
    pub fn signed(&self) -> &[Verified] {
        &self.signed
    }
}
