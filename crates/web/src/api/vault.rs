//! The vault in the API: how it is, its newest checkpoint, what outsiders said, holds, archives.

use super::{answer, value};
use crate::ask::Ask;
use crate::pages::{archives, vault as page};
use crate::problem::Problem;
use axum::response::Response;
use model::Authorised;
use model::access::ViewSettings;
use model::event::Table;
use serde_json::{Map, Value, json};
use vault::{ConfirmationKind, PRESSURE, VaultStatus, Writing};

async fn asked(ask: &Ask) -> Result<VaultStatus, Problem> {
    let vault = ask.shared.vault.clone();
    tokio::task::spawn_blocking(move || vault.status()).await.map_err(|e| Problem::Broken(e.to_string()))
}

/// `GET /api/v1/vault`
pub(crate) async fn status(ask: Ask, _: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let s = asked(&ask).await?;
    let (writing, stopped) = match &s.writing {
        Writing::Ok => ("ok", Value::Null),
        Writing::Stopped { why, since, tries } => ("stopped", json!({ "why": why, "since": value(since)?, "tries": tries })),
        Writing::Closed => ("closed", Value::Null),
    };
    let mut tables = Map::new();
    for (table, now) in Table::ALL.into_iter().zip(&s.tables) {
        let one = json!({ "files": now.files, "records": now.rows, "bytes": now.bytes, "oldest": value(&now.oldest)? });
        tables.insert(table.name().to_owned(), one);
    }
    let pressure: Vec<Value> = PRESSURE.iter().map(|(t, rank)| json!({ "table": t.name(), "rank": rank })).collect();
    Ok(answer(&json!({
        "site": s.site, "epoch": s.epoch, "last_seq": s.last_seq, "records": s.events, "bytes": s.bytes, "files": s.segments,
        "oldest": value(&s.oldest)?, "newest": value(&s.newest)?, "sealed_to": s.sealed_to, "tables": tables,
        "writing": writing, "stopped": stopped, "write_errors": s.write_errors, "last_sync": value(&s.last_sync)?, "waiting": s.waiting,
        "free": s.free, "days_left": s.days_left.map(|d| d as u64), "dropped": s.dropped, "pressure": pressure,
        "let_go": { "records": s.let_go.events, "bytes": s.let_go.bytes },
        "damage": s.damage.iter().map(ToString::to_string).collect::<Vec<_>>(), "notes": s.notes,
        "log": {
            "origin": s.log.origin, "vkey": s.log.vkey, "fingerprint": s.log.fingerprint, "entries": s.log.size, "batches": s.log.batches,
            "covered": s.log.covered, "last_checkpoint": value(&s.log.last_checkpoint)?, "last_seal": value(&s.log.last_seal)?,
            "trouble": s.log.trouble,
        },
        "last_verified": value(&s.last_verified)?, "last_export": value(&s.last_export)?,
    })))
}

/// `GET /api/v1/vault/checkpoint`: the signed note as text, `null` where nothing was committed yet.
pub(crate) async fn checkpoint(ask: Ask, _: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let s = asked(&ask).await?.log;
    let note = ask.shared.vault.checkpoint();
    Ok(answer(&json!({
        "checkpoint": note, "origin": s.origin, "vkey": s.vkey, "fingerprint": s.fingerprint, "entries": s.size, "at": value(&s.last_checkpoint)?,
    })))
}

/// `GET /api/v1/vault/confirmations`: newest first.
pub(crate) async fn confirmations(ask: Ask, _: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let kind = |k: ConfirmationKind| match k {
        ConfirmationKind::Witness => "witness",
        ConfirmationKind::Stamp => "stamp",
    };
    let mut items = Vec::new();
    for c in page::confirmations(&ask).await {
        items.push(json!({ "kind": kind(c.kind), "name": c.name, "at": value(&c.at)?, "entries": c.size }));
    }
    Ok(answer(&json!({ "items": items })))
}

/// `GET /api/v1/vault/holds`
pub(crate) async fn holds(ask: Ask, _: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let vault = ask.shared.vault.clone();
    let all = tokio::task::spawn_blocking(move || vault.holds()).await.map_err(|e| Problem::Broken(e.to_string()))?;
    let mut items = Vec::new();
    for h in all {
        let tables: Vec<&str> = Table::ALL.iter().filter(|t| h.tables & t.bit() != 0).map(|t| t.name()).collect();
        items.push(json!({
            "name": h.name, "reason": h.reason, "since": value(&h.since)?, "tables": tables, "from": value(&h.from)?, "to": value(&h.to)?,
        }));
    }
    Ok(answer(&json!({ "items": items })))
}

/// `GET /api/v1/vault/exports`: the schedule, the export that goes on, and the last ones, newest first.
pub(crate) async fn exports(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let s = asked(&ask).await?;
    let settings = ask.store.settings(&proof).await?;
    let schedule = archives::schedule(&settings);
    let late = schedule.as_ref().ok().and_then(|p| p.late(&s, ask.now));
    let mut items = Vec::new();
    for run in s.exports.iter().rev() {
        items.push(value(run)?);
    }
    Ok(answer(&json!({
        "items": items, "running": value(&s.exporting)?, "late_since": value(&late.map(|l| l.since))?,
        "problem": schedule.err(),
    })))
}
