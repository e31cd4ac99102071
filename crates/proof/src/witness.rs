//! The state machine of a C2SP tlog-witness: what it has seen of each log, and what it answers to `POST /add-checkpoint`.
//!
//! A witness is worth what it never does: it never cosigns two checkpoints of one log that cannot both be true. That holds through a crash only
//! when what it is about to sign is on disk **before** anybody gets the signature, and when nothing else is decided in between. So
//! [`Witness::add_checkpoint`] gives no signature: it gives a [`Pending`] that holds the witness fast, with the state to be written; the
//! cosignature comes out of [`Pending::persisted`]. A `Pending` that is dropped (the disk is full) has changed nothing.
//!
//! ```no_run
//! # use proof::witness::{Answer, Decision, State, Witness};
//! # fn save(_: &State) -> std::io::Result<()> { Ok(()) }
//! # fn serve(witness: &mut Witness, body: &[u8], now: u64) -> std::io::Result<Answer> {
//! Ok(match witness.add_checkpoint(body, now) {
//!     Decision::Refused(refused) => refused.answer,
//!     Decision::Accepted(pending) => {
//!         save(&pending.state())?;
//!         pending.persisted()
//!     }
//! })
//! # }
//! ```
//!
//! What a refused request says about the log is a value of its own, [`Suspicion`]: the caller keeps it and tells people.

use crate::checkpoint::{Checkpoint, parse_size};
use crate::cosign::CosignerKey;
use crate::note::{self, Note, NoteError, VerifierKey};
use crate::tree::{self, ProofError};
use crate::{Hash, base64};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A longer body is refused: 63 lines of proof and a checkpoint with 16 signatures of the largest kind (5 kB, signed-note) fit.
pub const MAX_BODY: usize = 128 << 10;
/// More lines of proof than a tree of 2^63 leaves needs (tlog-witness, "add-checkpoint").
pub const MAX_PROOF: usize = 63;

/// A witness: its key, the logs it knows, and what it has seen of them.
#[derive(Debug)]
pub struct Witness {
    key: CosignerKey,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    state: State,
}

/// A log that a witness serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The first line of its checkpoints.
    pub origin: String,
    /// The keys that its checkpoints may be signed with: more than one while a key changes.
    pub keys: Vec<VerifierKey>,
}

impl Log {
    /// A log of one key whose name is its origin, as Hinomi's are.
    pub fn of(key: VerifierKey) -> Log {
        Log { origin: key.name().to_owned(), keys: vec![key] }
    }
}

/// What a witness must not forget, by origin. It stays when a log is no longer served: should the log come back, it goes on from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The newest checkpoint cosigned for each log.
    pub logs: BTreeMap<String, Seen>,
}

/// A checkpoint as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Entries in the log.
    pub size: u64,
    /// Root over them; base64 where it is written.
    #[serde(with = "hash_as_base64")]
    pub root: Hash,
    /// When, in seconds since 1970 by the clock of the witness.
    pub time: u64,
    /// The note with those signatures that were verified: what shows others that the log itself said so.
    pub note: String,
}

/// Why a witness cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// Two logs of one name.
    #[error("the log {0} is named twice")]
    Twice(String),
    /// The stored state contradicts itself, so it was damaged or edited. Starting without it could cosign a fork.
    #[error("what was stored of the log {0} is damaged; restore it, or retire this witness key")]
    State(String),
}

/// What is answered over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: the witness's signature lines.
    Cosigned(String),
    /// 409: the old size is not that of the newest checkpoint cosigned, which is this one. The log asks again from there.
    Conflict(u64),
    /// 409: another root for the size that was cosigned already. No size is given: asking again would not help.
    Fork,
    /// 404: the witness does not serve this log.
    NotFound,
    /// 403: no key of this log signed the checkpoint.
    Forbidden,
    /// 400: not a request as tlog-witness writes it.
    BadRequest,
    /// 422: the proof does not show that the log only grew.
    Unprocessable,
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Answer::Cosigned(_) => 200,
            Answer::Conflict(_) | Answer::Fork => 409,
            Answer::NotFound => 404,
            Answer::Forbidden => 403,
            Answer::BadRequest => 400,
            Answer::Unprocessable => 422,
        }
    }

    /// The media type. Only a conflict of sizes has that of sizes, since clients read the body by it.
    pub fn content_type(&self) -> &'static str {
        match self {
            Answer::Conflict(_) => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The body.
    pub fn body(&self) -> String {
        match self {
            Answer::Cosigned(lines) => lines.clone(),
            Answer::Conflict(size) => format!("{size}\n"),
            Answer::Fork => "another root was cosigned for this size\n".to_owned(),
            Answer::NotFound => "unknown log\n".to_owned(),
            Answer::Forbidden => "not signed by the log\n".to_owned(),
            Answer::BadRequest => "not an add-checkpoint request\n".to_owned(),
            Answer::Unprocessable => "the consistency proof does not hold\n".to_owned(),
        }
    }
}

/// What a signed checkpoint that was refused says about its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suspicion {
    /// The log signed two roots for one size. The two notes prove it to anybody: it shows different histories.
    Fork {
        /// Which log.
        origin: String,
        /// What was cosigned.
        known: Seen,
        /// What was shown now.
        shown: Seen,
    },
    /// The log signed a larger tree, and the proof that came with it does not lead there from the one cosigned. A fork, or only a bad proof, which
    /// anybody can send: asking the log for a proof between the two decides.
    Unproven {
        /// Which log.
        origin: String,
        /// What was cosigned.
        known: Seen,
        /// What was shown now.
        shown: Seen,
    },
    /// The log signed a smaller tree than the one cosigned: restored from an old copy, or an old checkpoint that somebody sent again.
    Rollback {
        /// Which log.
        origin: String,
        /// What was cosigned.
        known: Seen,
        /// What was shown now.
        shown: Seen,
    },
}

/// A request without cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is answered.
    pub answer: Answer,
    /// Why, for the log of the witness.
    pub reason: Reason,
    /// What it says about the log that it is signed by.
    pub suspicion: Option<Suspicion>,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The body is too long.
    #[error("the body has {0} bytes ({MAX_BODY} at most)")]
    TooLong(usize),
    /// The lines before the checkpoint.
    #[error("the lines before the checkpoint are not `old SIZE` and at most {MAX_PROOF} hashes")]
    Lines,
    /// The checkpoint is not written as one.
    #[error("{0}")]
    Checkpoint(String),
    /// Nobody told the witness of this log.
    #[error("the log {0:?} is unknown")]
    Unknown(String),
    /// Not signed by the log.
    #[error("checkpoint of {origin}: {error}")]
    Signature {
        /// Which log it says it is of.
        origin: String,
        /// What is wrong.
        error: NoteError,
    },
    /// The old size is beyond the new one.
    #[error("from {old} to {size} entries nothing grows")]
    Sizes {
        /// Size before, as the request says.
        old: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// The request begins elsewhere than where the witness is.
    #[error("the request begins at {old} entries and {known} were cosigned")]
    Elsewhere {
        /// Size before, as the request says.
        old: u64,
        /// Size cosigned last.
        known: u64,
    },
    /// Same size, other root.
    #[error("the log shows another root for {0} entries")]
    OtherRoot(u64),
    /// The proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The witness's clock is beyond what a cosignature can bear.
    #[error("the clock of the witness: {0}")]
    Clock(NoteError),
}

/// What comes of a request.
#[derive(Debug)]
pub enum Decision<'a> {
    /// Answer it; nothing has changed.
    Refused(Box<Refused>),
    /// Write the new state, then take the answer.
    Accepted(Pending<'a>),
}

/// A checkpoint that will be cosigned as soon as it is written down. While it lives the witness takes no other request.
#[derive(Debug)]
#[must_use = "the checkpoint is cosigned only by `persisted`"]
pub struct Pending<'a> {
    witness: &'a mut Witness,
    origin: String,
    seen: Seen,
    lines: String,
}

impl Pending<'_> {
    /// Of which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What is new.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The whole state to be written before [`Pending::persisted`].
    pub fn state(&self) -> State {
        let mut state = self.witness.state.clone();
        state.logs.insert(self.origin.clone(), self.seen.clone());
        state
    }

    /// The state is on disk: the answer with the cosignature.
    pub fn persisted(self) -> Answer {
        self.witness.state.logs.insert(self.origin, self.seen);
        Answer::Cosigned(self.lines)
    }
}

impl Witness {
    /// Takes a witness up again with what it has written down.
    pub fn new(key: CosignerKey, logs: Vec<Log>, state: State) -> Result<Witness, WitnessError> {
        for (origin, seen) in &state.logs {
            let said = seen.note.parse::<Note>().ok().and_then(|n| n.text.parse::<Checkpoint>().ok());
            if !said.is_some_and(|c| c.origin == *origin && c.size == seen.size && c.root == seen.root) {
                return Err(WitnessError::State(origin.clone()));
            }
        }
        let mut witness = Witness { key, logs: BTreeMap::new(), state };
        for log in logs {
            if witness.logs.contains_key(&log.origin) {
                return Err(WitnessError::Twice(log.origin));
            }
            witness.serve(log);
        }
        Ok(witness)
    }

    /// The witness's public key.
    pub fn vkey(&self) -> &VerifierKey {
        self.key.vkey()
    }

    /// What it has seen.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Serves a log from now on, or with other keys.
    pub fn serve(&mut self, log: Log) {
        self.logs.insert(log.origin, log.keys);
    }

    /// Serves a log no longer. What was seen of it stays.
    pub fn dismiss(&mut self, origin: &str) {
        self.logs.remove(origin);
    }

    /// Decides about the body of a `POST /add-checkpoint`; `now` is in seconds since 1970.
    pub fn add_checkpoint(&mut self, body: &[u8], now: u64) -> Decision<'_> {
        match self.decide(body, now) {
            Ok((origin, seen, lines)) => Decision::Accepted(Pending { witness: self, origin, seen, lines }),
            Err(refused) => Decision::Refused(refused),
        }
    }

    /// The checks in the order of tlog-witness, "add-checkpoint".
    fn decide(&self, body: &[u8], now: u64) -> Result<(String, Seen, String), Box<Refused>> {
        let request = Request::parse(body).map_err(|reason| refuse(Answer::BadRequest, reason))?;
        let Checkpoint { origin, size, root, .. } = &request.checkpoint;
        let (size, root) = (*size, *root);
        let keys = self.logs.get(origin).ok_or_else(|| refuse(Answer::NotFound, Reason::Unknown(origin.clone())))?;
        let signed = note::verify(&request.note, keys)
            .map_err(|error| refuse(Answer::Forbidden, Reason::Signature { origin: origin.clone(), error }))?;

        // From here on the log itself said it.
        let known = self.state.logs.get(origin);
        let time = known.map_or(now, |k| k.time.max(now));
        let signatures = request.note.signatures.iter();
        let verified = signatures.filter(|s| signed.iter().any(|v| v.key().name() == s.name && v.key().key_id() == s.key_id));
        let note = Note { text: request.note.text.clone(), signatures: verified.cloned().collect() };
        let shown = Seen { size, root, time, note: note.to_string() };
        let suspect = |answer, reason| {
            let suspicion = known.and_then(|known| suspicion(origin, known, &shown, &answer));
            Box::new(Refused { answer, reason, suspicion })
        };

        let old = request.old;
        let at = known.map_or(0, |k| k.size);
        if old > size {
            return Err(suspect(Answer::BadRequest, Reason::Sizes { old, size }));
        }
        if old != at {
            return Err(suspect(Answer::Conflict(at), Reason::Elsewhere { old, known: at }));
        }
        if known.is_some_and(|k| k.size == size && k.root != root) {
            return Err(suspect(Answer::Fork, Reason::OtherRoot(size)));
        }
        // From an empty log everything grows, and there is nothing to prove; but an empty log has one root only.
        let proven = match at {
            0 if !request.proof.is_empty() => Err(ProofError::Length { got: request.proof.len() }),
            0 if size == 0 && root != tree::EMPTY_ROOT => Err(ProofError::Root),
            0 => Ok(()),
            _ => tree::verify_consistency(at, size, &known.map_or(tree::EMPTY_ROOT, |k| k.root), &root, &request.proof),
        };
        if let Err(error) = proven {
            return Err(suspect(Answer::Unprocessable, Reason::Proof(error)));
        }
        // A clock that was set back must not let a larger tree be the largest at an earlier time than a smaller one: hence `time`.
        let line = self.key.cosign(&request.checkpoint, time).map_err(|error| refuse(Answer::Unprocessable, Reason::Clock(error)))?;
        Ok((origin.clone(), shown, line.line()))
    }
}

fn refuse(answer: Answer, reason: Reason) -> Box<Refused> {
    Box::new(Refused { answer, reason, suspicion: None })
}

/// Two roots for one size are a fork whatever the request was refused for.
fn suspicion(origin: &str, known: &Seen, shown: &Seen, answer: &Answer) -> Option<Suspicion> {
    let (origin, known, shown) = (origin.to_owned(), known.clone(), shown.clone());
    if shown.size == known.size {
        (shown.root != known.root).then_some(Suspicion::Fork { origin, known, shown })
    } else if shown.size < known.size {
        Some(Suspicion::Rollback { origin, known, shown })
    } else if *answer == Answer::Unprocessable {
        Some(Suspicion::Unproven { origin, known, shown })
    } else {
        None
    }
}

/// The body of `POST /add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Size that the proof begins at.
    pub old: u64,
    /// From the old size to the checkpoint's.
    pub proof: Vec<Hash>,
    /// The signed checkpoint; nothing of it is verified yet.
    pub note: Note,
    checkpoint: Checkpoint,
}

impl Request {
    /// What a log sends to its witnesses.
    pub fn new(old: u64, proof: Vec<Hash>, note: Note) -> Result<Request, Reason> {
        let checkpoint = note.text.parse().map_err(|e: crate::checkpoint::CheckpointError| Reason::Checkpoint(e.to_string()))?;
        Ok(Request { old, proof, note, checkpoint })
    }

    /// What it says; nothing of it is verified yet.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The body as it is sent.
    pub fn body(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| base64::encode(hash) + "\n").collect();
        format!("old {}\n{proof}\n{}", self.old, self.note)
    }

    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Request, Reason> {
        if body.len() > MAX_BODY {
            return Err(Reason::TooLong(body.len()));
        }
        // No line before the empty one is empty, so the first two line ends in a row are where the checkpoint begins.
        let (lines, checkpoint) = split_at_empty_line(body).ok_or(Reason::Lines)?;
        let mut lines = str::from_utf8(lines).map_err(|_| Reason::Lines)?.split('\n');
        let old = lines.next().and_then(|l| l.strip_prefix("old ")).and_then(parse_size).ok_or(Reason::Lines)?;
        let proof = lines.take(MAX_PROOF + 1).map(base64::decode_hash).collect::<Option<Vec<Hash>>>().ok_or(Reason::Lines)?;
        if proof.len() > MAX_PROOF {
            return Err(Reason::Lines);
        }
        let note = Note::parse(checkpoint).map_err(|e| Reason::Checkpoint(e.to_string()))?;
        Request::new(old, proof, note)
    }
}

fn split_at_empty_line(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = body.windows(2).position(|two| two == b"\n\n")?;
    Some((body.get(..at)?, body.get(at + 2..)?))
}

mod hash_as_base64 {
    use super::{Hash, base64};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64::encode(hash))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        base64::decode_hash(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("a hash is 32 bytes in base64"))
    }
}
