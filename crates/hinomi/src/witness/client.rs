//! One log asks one witness (C2SP tlog-witness, "add-checkpoint"), and reads what the answer says about the log.

use super::access::LogAccess;
use super::http::Carrier;
use super::peers::Peer;
use model::event::Dispute;
use proof::checkpoint::Checkpoint;
use proof::note::{self, Note, Signature, VerifierKey};
use proof::witness::Request;
use std::sync::Arc;

/// Answers are a few lines; more is not read.
const MAX_ANSWER: usize = 64 << 10;
/// How often a witness may say where it is before it is left alone until the next round.
const TRIES: usize = 3;

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It cosigned the checkpoint of this size, and the note with its lines is kept.
    Cosigned {
        /// Entries.
        size: u64,
        /// When, by the witness's clock, in seconds since 1970.
        time: u64,
    },
    /// It has seen another history.
    Disputed {
        /// Which way.
        dispute: Dispute,
        /// Entries in our log.
        size: u64,
        /// Entries that it has seen, where it says so.
        theirs: Option<u64>,
    },
    /// It cannot be reached, or has trouble of its own: again later.
    Later(String),
    /// It does not know this log, or does not understand us: somebody must look at the settings.
    Refused(String),
    /// There is no checkpoint yet.
    Nothing,
}

/// Shows the newest checkpoint. `known` is the size that this witness cosigned last, as far as we know.
pub async fn ask(carrier: &Carrier, peer: &Peer, log: Arc<dyn LogAccess>, known: u64) -> Asked {
    let mut old = known;
    let mut last = String::from("it does not say where it is");
    for _ in 0..TRIES {
        // Read anew each time: the log grows while we ask, and what a witness has seen may be newer than what we sent.
        let prepared = {
            let log = Arc::clone(&log);
            tokio::task::spawn_blocking(move || prepare(&*log, old)).await
        };
        let (request, key) = match prepared {
            Ok(Ok(Some(prepared))) => prepared,
            Ok(Ok(None)) => return Asked::Nothing,
            Ok(Err(why)) => return Asked::Later(why),
            Err(e) => return Asked::Later(e.to_string()),
        };
        let size = request.checkpoint().size;
        old = request.old;
        let body = request.body().into_bytes();
        let reply = match carrier.post(&peer.url, "/add-checkpoint", "text/plain; charset=utf-8", body, MAX_ANSWER).await {
            Ok(reply) => reply,
            Err(e) => return Asked::Later(e.to_string()),
        };
        let said = || {
            let line = String::from_utf8_lossy(&reply.body)
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect::<String>();
            format!("{} answered {} {line}", peer.url, reply.status)
        };
        let disputed = |dispute, theirs| Asked::Disputed { dispute, size, theirs };
        match reply.status {
            200 => return cosigned(&*log, &peer.key, &key, &request, &reply.body).unwrap_or_else(Asked::Refused),
            409 if reply.kind == "text/x.tlog.size" => {
                let Some(theirs) = std::str::from_utf8(&reply.body).ok().and_then(|t| t.trim_end().parse::<u64>().ok()) else {
                    return Asked::Refused(said());
                };
                if theirs > size {
                    // Perhaps our log has grown meanwhile (another process of ours asked): then the next try begins there.
                    match newest_size(Arc::clone(&log)).await {
                        Some(newest) if newest >= theirs => {}
                        _ => return disputed(Dispute::Rollback, Some(theirs)),
                    }
                }
                old = theirs;
                last = said();
            }
            // The same size with another root: there is nothing to ask again.
            409 => return disputed(Dispute::Fork, Some(size)),
            // From where it says to be, our history does not lead here.
            422 => return disputed(Dispute::Unproven, Some(old)),
            400 | 401 | 403 | 404 | 405 | 413 | 415 => return Asked::Refused(said()),
            _ => return Asked::Later(said()),
        }
    }
    Asked::Later(format!("{last}, again and again"))
}

async fn newest_size(log: Arc<dyn LogAccess>) -> Option<u64> {
    let read = tokio::task::spawn_blocking(move || log.checkpoint().ok().flatten()).await.ok()??;
    Some(read.parse::<Note>().ok()?.text.parse::<Checkpoint>().ok()?.size)
}

/// The newest checkpoint with the proof from `old`, or from the beginning where the log is not so long.
fn prepare(log: &dyn LogAccess, old: u64) -> Result<Option<(Request, VerifierKey)>, String> {
    let Some(text) = log.checkpoint().map_err(|e| e.to_string())? else { return Ok(None) };
    let key: VerifierKey = log.vkey().map_err(|e| e.to_string())?.parse().map_err(|e: note::NoteError| e.to_string())?;
    let opened = Checkpoint::open_of(text.as_bytes(), &key, &[]).map_err(|e| e.to_string())?;
    let size = opened.checkpoint().size;
    let old = if old > size { 0 } else { old };
    let proof = if old == 0 || old == size { Vec::new() } else { log.consistency(old, size).map_err(|e| e.to_string())? };
    // Only the log's own line is the witness's business.
    let own = opened.note().signatures.iter().filter(|s| s.name == key.name() && s.key_id == key.key_id()).cloned().collect();
    let note = Note { text: opened.note().text.clone(), signatures: own };
    Request::new(old, proof, note).map(|r| Some((r, key))).map_err(|e| e.to_string())
}

/// Takes the witness's lines out of the answer, verifies and keeps them.
fn cosigned(log: &dyn LogAccess, witness: &VerifierKey, key: &VerifierKey, request: &Request, answer: &[u8]) -> Result<Asked, String> {
    let wrong = |why: &str| format!("{} answered with a cosignature that does not hold: {why}", witness.name());
    let text = std::str::from_utf8(answer).map_err(|_| wrong("not text"))?;
    // A witness may sign with several keys (tlog-witness); those that nobody named are not kept.
    let lines = text.lines().take(note::MAX_SIGNATURES).filter_map(|l| l.parse::<Signature>().ok());
    let own: Vec<Signature> = lines.filter(|s| s.name == witness.name() && s.key_id == witness.key_id()).collect();
    let alone = Note { text: request.note.text.clone(), signatures: own };
    let verified = note::verify(&alone, std::slice::from_ref(witness)).map_err(|e| wrong(&e.to_string()))?;
    let time = verified.first().and_then(note::Verified::time).ok_or_else(|| wrong("it has no time"))?;

    // What others said of this checkpoint stays; this witness's newest word takes the place of its earlier one.
    let size = request.checkpoint().size;
    let before = log.cosigned(size).and_then(|t| t.parse::<Note>().ok()).filter(|n| n.text == request.note.text);
    let mut kept = before.unwrap_or_else(|| request.note.clone());
    if note::verify(&kept, std::slice::from_ref(key)).is_err() {
        kept = request.note.clone();
    }
    kept.signatures.retain(|s| s.name != witness.name() || s.key_id != witness.key_id());
    kept.signatures.extend(alone.signatures.into_iter().take(1));
    log.keep_cosignatures(size, &kept.to_string()).map_err(|e| e.to_string())?;
    Ok(Asked::Cosigned { size, time })
}
