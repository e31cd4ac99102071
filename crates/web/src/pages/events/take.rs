//! Taking out what the page shows: as a table, as JSON, as an evidence pack. Each is a deed that is written down. And searches that
//! people keep.

use super::{Asked, FOUND, asked, find_within, rows};
use crate::ask::{Ask, local_path, with_done};
use crate::pages::export::{csv_file, file, shift_jis, stamp};
use crate::pages::{records, search};
use crate::problem::{Problem, redirect};
use axum::response::Response;
use model::access::{OwnSettings, ViewEvents};
use model::event::Deed;
use model::{Authorised, Body, Event, EventId};
use state::sheet::Table as Sheet;

/// What the page shows.
async fn shown(ask: &Ask, proof: &Authorised<ViewEvents>) -> Result<Vec<Event>, Problem> {
    let asked: Asked = asked(ask).await?;
    if let Some(problem) = asked.problem() {
        return Err(Problem::Bad(problem.to_owned()));
    }
    let found = find_within(ask, proof, &asked, FOUND, search::LONG).await?;
    if found.stopped.is_some() {
        // Half of what was asked for must not pass for all of it.
        return Err(Problem::Bad(ask.say("question-too-slow")));
    }
    records::read(ask, found.hits.iter().map(|h| h.seq).collect()).await
}

async fn said(ask: &Ask, proof: &Authorised<ViewEvents>, what: &str, rows: usize) -> Result<(), Problem> {
    Ok(ask.store.did(proof, Deed::Exported { what: what.to_owned(), rows: rows as u64 }, ask.now).await?)
}

/// `GET /events/export.json`: the records shown, as they are kept.
pub(crate) async fn json(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let events = shown(&ask, &proof).await?;
    let body = serde_json::to_vec_pretty(&events).map_err(|e| Problem::Broken(e.to_string()))?;
    said(&ask, &proof, "events", events.len()).await?;
    Ok(file("application/json", &format!("hinomi-events-{}.json", stamp(&ask)), body))
}

/// `GET /events/export.csv`: the columns of the page, with the whole text of logs.
pub(crate) async fn csv(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let sjis = shift_jis(&ask)?;
    let events = shown(&ask, &proof).await?;
    let t = ask.t();
    let mut out = Vec::with_capacity(events.len());
    for (row, event) in rows(&ask, &events).await?.into_iter().zip(&events) {
        let text = if let Body::Log(l) = &event.body { l.text.clone() } else { String::new() };
        out.push(vec![
            row.seq.to_string(),
            row.when.text,
            ask.format.precise(event.received),
            t.of("table", row.table),
            row.source,
            row.from.text,
            row.to.text,
            row.protocol,
            row.summary,
            text,
        ]);
    }
    let head = [
        "event-id",
        "event-when",
        "event-received",
        "event-table",
        "event-source",
        "event-from",
        "event-to",
        "facet-protocol",
        "event-summary",
        "event-text",
    ];
    let sheet = Sheet { title: ask.say("nav-events"), head: head.iter().map(|k| ask.say(k)).collect(), rows: out };
    said(&ask, &proof, "events", events.len()).await?;
    Ok(csv_file(&sheet, sjis, &format!("hinomi-events-{}", stamp(&ask))))
}

/// `GET /events/pack.zip`: what is shown, with its proof.
pub(crate) async fn pack(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let events = shown(&ask, &proof).await?;
    if events.is_empty() {
        return Err(Problem::Bad(ask.say("pack-nothing")));
    }
    let asked = ask.uri.query().unwrap_or_default().to_owned();
    let name = format!("hinomi-evidence-{}.zip", stamp(&ask));
    packed(&ask, &proof, events.iter().map(|e| e.id.seq).collect(), asked, &name).await
}

/// `GET /events/{epoch}/{seq}/pack.zip`
pub(crate) async fn pack_of_one(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let id = EventId { site: proof.site(), epoch: ask.id("epoch")?, seq: ask.id("seq")? };
    let event = records::one(&ask, &proof, id).await?;
    let name = format!("hinomi-evidence-{}.zip", id.seq);
    packed(&ask, &proof, vec![event.id.seq], id.to_string(), &name).await
}

async fn packed(ask: &Ask, proof: &Authorised<ViewEvents>, seqs: Vec<u64>, asked: String, name: &str) -> Result<Response, Problem> {
    let rows = seqs.len();
    let request = vault::Request { seqs, asked, by: proof.name().to_owned(), ..vault::Request::default() };
    let vault = ask.shared.vault.clone();
    let made = records::in_turn(ask, move || vault.prove(&request)).await?;
    let bytes = made.map_err(|error| {
        tracing::warn!(%error, "an evidence pack cannot be made");
        Problem::Bad(ask.say("pack-failed"))
    })?;
    said(ask, proof, "evidence pack", rows).await?;
    Ok(file("application/zip", name, bytes))
}

/// `POST /events/searches`: keeps the search under a name, or forgets one.
pub(crate) async fn searches(ask: Ask, _: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let own = ask.also(OwnSettings)?;
    let f = &ask.form;
    let query = f.get("query");
    match f.get("act") {
        "keep" => ask.store.keep_search(&own, f.get("name"), query, ask.now).await?,
        "forget" => ask.store.forget_search(&own, f.get("id"), ask.now).await?,
        _ => return Err(Problem::Bad(String::new())),
    }
    let back = if query.is_empty() { String::from("/events") } else { format!("/events?{query}") };
    let back = local_path(&back).unwrap_or_else(|| String::from("/events"));
    Ok(redirect(&with_done(&back, "saved")))
}
