//! Taking out what the page shows: as a table, as JSON, as an evidence pack. Each is a deed that is written down. And searches that
//! people keep.

use super::{Asked, FOUND, asked, find_within, rows};
use crate::ask::{Ask, local_path, with_done};
use crate::pages::export::{file, shift_jis, stamp};
use crate::pages::search;
use crate::pages::speak::cut;
use crate::problem::{Problem, redirect};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use model::access::{OwnSettings, ViewEvents};
use model::event::Deed;
use model::{Authorised, Event, EventId};
use state::sheet::{BYTE_ORDER_MARK, csv_lines};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// What the page shows.
async fn shown(ask: &Ask, proof: &Authorised<ViewEvents>) -> Result<Vec<Event>, Problem> {
    let asked: Asked = asked(ask, proof).await?;
    if let Some(problem) = asked.problem() {
        return Err(Problem::Bad(problem.to_owned()));
    }
    Ok(find_within(ask, proof, &asked, FOUND, search::LONG).await?.events)
}

async fn said(ask: &Ask, proof: &Authorised<ViewEvents>, what: &str, rows: usize) -> Result<(), Problem> {
    Ok(ask.store.did(proof, Deed::Exported { what: what.to_owned(), rows: rows as u64 }, ask.now).await?)
}

/// In which form records leave.
#[derive(Clone, Copy)]
enum Form {
    /// One array.
    Json,
    /// One record a line.
    Lines,
    /// The columns of the page, with the whole text of logs.
    Csv { sjis: bool },
}

/// `GET /events/export.json`: what fits the search, as it is kept.
pub(crate) async fn json(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    stream(ask, proof, Form::Json).await
}

/// `GET /events/export.jsonl`: the same, one record a line.
pub(crate) async fn json_lines(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    stream(ask, proof, Form::Lines).await
}

/// `GET /events/export.csv`: the columns of the page, with the whole text of logs.
pub(crate) async fn csv(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let sjis = shift_jis(&ask)?;
    stream(ask, proof, Form::Csv { sjis }).await
}

/// Records of one part of an export.
const PART: usize = 500;
/// Parts that wait for a slow reader.
const PARTS: usize = 4;
/// How long a reader may take none.
const STALLED: Duration = Duration::from_secs(120);

/// Everything that fits the search, in parts: what is held at a time is a few of them, however many there are, and a reader that stalls or goes ends
/// it. That it began, and how many records went, are deeds.
async fn stream(ask: Ask, proof: Authorised<ViewEvents>, form: Form) -> Result<Response, Problem> {
    let asked: Asked = asked(&ask, &proof).await?;
    if let Some(problem) = asked.problem() {
        return Err(Problem::Bad(problem.to_owned()));
    }
    let turn = ask.shared.export_turns.clone().try_acquire_owned();
    let Ok(turn) = turn else { return Err(Problem::Busy(ask.say("events-export-busy"))) };
    let (kind, ending, name) = match form {
        Form::Json => ("application/json", "json", "json"),
        Form::Lines => ("application/x-ndjson", "jsonl", "json lines"),
        Form::Csv { sjis: false } => ("text/csv; charset=utf-8", "csv", "csv"),
        Form::Csv { sjis: true } => ("text/csv; charset=shift_jis", "csv", "csv"),
    };
    let what = format!("events ({name}): {}", cut(ask.uri.query().unwrap_or_default()));
    // No data leaves without its deed; how many went is known in the end.
    said(&ask, &proof, &format!("{what} (begun)"), 0).await?;
    let (records, mut parts) = mpsc::channel::<Vec<Event>>(PARTS);
    if asked.finding.is_some() {
        // What is kept of a finding is little, and is looked at with its own proof.
        let events = find_within(&ask, &proof, &asked, FOUND, search::LONG).await?.events;
        tokio::spawn(async move {
            let _turn = turn;
            for part in events.chunks(PART) {
                if records.send(part.to_vec()).await.is_err() {
                    return;
                }
            }
        });
    } else {
        let (vault, asked) = (ask.shared.vault.clone(), asked);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read(&vault, asked, &records);
        });
    }
    let (bytes, body) = mpsc::channel::<Part>(PARTS);
    let file_name = format!("hinomi-events-{}.{ending}", stamp(&ask));
    tokio::spawn(async move {
        let mut sent = 0u64;
        let mut whole = send(&bytes, begin(&ask, form)).await;
        while whole && let Some(part) = parts.recv().await {
            whole = match write(&ask, form, &part, sent == 0).await {
                Ok(text) => send(&bytes, text).await,
                Err(problem) => {
                    tracing::warn!(?problem, "an export of records ends early");
                    // The reader must see that it is not whole.
                    let _ = bytes.send_timeout(Err(std::io::Error::other("the export was broken off")), STALLED).await;
                    false
                }
            };
            sent += if whole { part.len() as u64 } else { 0 };
        }
        if whole && matches!(form, Form::Json) {
            whole = send(&bytes, Bytes::from_static(b"\n]\n")).await;
        }
        let what = if whole { what } else { format!("{what} (broken off)") };
        if let Err(problem) = ask.store.did(&proof, Deed::Exported { what, rows: sent }, ask.shared.now()).await {
            tracing::error!("an export of {sent} records could not be written down: {problem}");
        }
    });
    let disposition = format!("attachment; filename=\"{file_name}\"");
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition.as_str())], Body::from_stream(Parts(body))).into_response())
}

/// Reads the newest first, until there is nothing more or nobody takes it.
fn read(vault: &vault::Vault, asked: Asked, records: &mpsc::Sender<Vec<Event>>) {
    let Asked { mut query, mut filter, .. } = asked;
    if query.addresses.is_empty() && !filter.places.is_empty() {
        query.addresses = filter.places.remove(0);
    }
    // What comes from now on is not in it.
    query.before_seq = Some(query.before_seq.unwrap_or(u64::MAX).min(vault.last_seq().saturating_add(1)));
    query.newest_first = true;
    let mut part = Vec::with_capacity(PART);
    for event in vault.read(&query) {
        match event {
            Ok(event) if filter.fits(&event) => part.push(event),
            // Where little fits, a reader that has gone is noticed all the same.
            Ok(_) if records.is_closed() => return,
            Ok(_) => {}
            // A damaged place is named by `vault verify`; what can be read goes out.
            Err(error) => tracing::warn!(%error, "a record could not be read"),
        }
        if part.len() >= PART && records.blocking_send(std::mem::replace(&mut part, Vec::with_capacity(PART))).is_err() {
            return;
        }
    }
    if !part.is_empty() {
        let _ = records.blocking_send(part);
    }
}

/// A part of an answer, or that there is none.
type Part = Result<Bytes, std::io::Error>;

async fn send(to: &mpsc::Sender<Part>, bytes: Bytes) -> bool {
    bytes.is_empty() || to.send_timeout(Ok(bytes), STALLED).await.is_ok()
}

fn begin(ask: &Ask, form: Form) -> Bytes {
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
    match form {
        Form::Json => Bytes::from_static(b"["),
        Form::Lines => Bytes::new(),
        Form::Csv { sjis } => {
            let line = csv_lines([&head.iter().map(|k| ask.say(k)).collect()], sjis);
            Bytes::from(if sjis { line } else { [BYTE_ORDER_MARK, &line].concat() })
        }
    }
}

async fn write(ask: &Ask, form: Form, events: &[Event], first: bool) -> Result<Bytes, Problem> {
    let mut out = Vec::new();
    match form {
        Form::Json | Form::Lines => {
            for (n, event) in events.iter().enumerate() {
                match form {
                    Form::Json if first && n == 0 => out.push(b'\n'),
                    Form::Json => out.extend_from_slice(b",\n"),
                    _ => {}
                }
                serde_json::to_writer(&mut out, event).map_err(|e| Problem::Broken(e.to_string()))?;
                if matches!(form, Form::Lines) {
                    out.push(b'\n');
                }
            }
        }
        Form::Csv { sjis } => {
            let t = ask.t();
            let mut lines = Vec::with_capacity(events.len());
            for (row, event) in rows(ask, events).await?.into_iter().zip(events) {
                let text = if let model::Body::Log(l) = &event.body { l.text.clone() } else { String::new() };
                lines.push(vec![
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
            out = csv_lines(&lines, sjis);
        }
    }
    Ok(Bytes::from(out))
}

/// The parts of an answer as they come.
struct Parts(mpsc::Receiver<Part>);

impl Stream for Parts {
    type Item = Part;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
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
    let event = crate::pages::records::one(&ask, &proof, id).await?;
    let name = format!("hinomi-evidence-{}.zip", id.seq);
    packed(&ask, &proof, vec![event.id.seq], id.to_string(), &name).await
}

async fn packed(ask: &Ask, proof: &Authorised<ViewEvents>, seqs: Vec<u64>, asked: String, name: &str) -> Result<Response, Problem> {
    let turn = tokio::time::timeout(std::time::Duration::from_secs(5), ask.shared.vault_turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Problem::Busy(String::from("too many questions to the vault"))) };
    let (rows, said_of) = (seqs.len(), cut(&asked));
    let request = vault::Request { seqs, asked, by: proof.name().to_owned(), ..vault::Request::default() };
    let vault = ask.shared.vault.clone();
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        vault.prove(&request)
    });
    let made = made.await.map_err(|e| Problem::Broken(e.to_string()))?;
    let bytes = made.map_err(|error| {
        tracing::warn!(%error, "an evidence pack cannot be made");
        Problem::Bad(ask.say("pack-failed"))
    })?;
    said(ask, proof, &format!("evidence pack: {said_of}"), rows).await?;
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
