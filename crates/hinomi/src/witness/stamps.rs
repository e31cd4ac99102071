//! Asking a time-stamp authority (RFC 3161 over HTTP, 3.4) for the newest checkpoint. Nothing is kept that does not verify.

use super::access::LogAccess;
use super::http::Carrier;
use super::peers::Authority;
use proof::checkpoint::Checkpoint;
use proof::note::VerifierKey;
use proof::stamp::{Certificate, MAX_REPLY, QUERY_TYPE, REPLY_TYPE, Reply, Request};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// A stamp that was given and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// Entries of the checkpoint.
    pub size: u64,
    /// When, in seconds since 1970 by the authority's clock.
    pub seconds: i64,
    /// Who signed.
    pub signer: String,
    /// The trusted authority that stands behind.
    pub issuer: String,
}

/// Asks for a stamp of the newest checkpoint. `Ok(None)`: there is none yet.
pub async fn ask(carrier: &Carrier, authority: &Authority, log: Arc<dyn LogAccess>) -> Result<Option<Stamped>, String> {
    let trusted = trusted(&authority.trusted)?;
    let Some((body, size)) = newest(&*log)? else { return Ok(None) };
    let mut nonce = [0u8; 8];
    getrandom::fill(&mut nonce).map_err(|e| format!("the system gives no random numbers: {e}"))?;
    let request = Request::of(&body, u64::from_be_bytes(nonce));
    let query = request.to_der();
    let reply = carrier.post(&authority.url, "", QUERY_TYPE, query.clone(), MAX_REPLY).await.map_err(|e| e.to_string())?;
    if reply.status != 200 || !(reply.kind == REPLY_TYPE || reply.kind == "application/octet-stream") {
        return Err(format!("{} answered {} ({}), which is no time stamp", authority.url, reply.status, reply.kind));
    }
    let parsed = Reply::parse(&reply.body).map_err(|e| format!("{}: {e}", authority.url))?;
    let verified = parsed.verify(&request, &trusted).map_err(|e| format!("{}: {e}", authority.url))?;
    log.keep_stamp(size, &query, &reply.body).map_err(|e| e.to_string())?;
    Ok(Some(Stamped {
        size,
        seconds: verified.stamp().seconds,
        signer: verified.signer().to_owned(),
        issuer: verified.issuer().to_owned(),
    }))
}

/// The certificates in a file that somebody chose.
pub fn trusted(file: &Path) -> Result<Vec<Certificate>, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("timestamp_ca {}: {e}", file.display());
    let mut text = String::new();
    std::fs::File::open(file).and_then(|f| f.take(1 << 20).read_to_string(&mut text)).map_err(|e| wrong(&e))?;
    Certificate::from_pem(&text).map_err(|e| wrong(&e))
}

/// Body and size of the newest checkpoint, if the log's key signed it.
fn newest(log: &dyn LogAccess) -> Result<Option<(String, u64)>, String> {
    let Some(text) = log.checkpoint().map_err(|e| e.to_string())? else { return Ok(None) };
    let key: VerifierKey = log.vkey().map_err(|e| e.to_string())?.parse().map_err(|e: proof::note::NoteError| e.to_string())?;
    let opened = Checkpoint::open_of(text.as_bytes(), &key, &[]).map_err(|e| e.to_string())?;
    Ok(Some((opened.note().text.clone(), opened.checkpoint().size)))
}
