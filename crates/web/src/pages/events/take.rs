//! Taking out what the page shows: as a table, as JSON, as an evidence pack. Each is a deed that is written down. And searches that
//! people keep.

use super::{Asked, FOUND, asked, find_within, rows};
use crate::ask::{Ask, local_path, with_done};
use crate::pages::export::{file, shift_jis, stamp};
use crate::pages::speak::cut;
use crate::pages::{records, search};
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
use vault::ask::Cancel;

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
async fn stream(mut ask: Ask, proof: Authorised<ViewEvents>, form: Form) -> Result<Response, Problem> {
    let mut asked: Asked = asked(&ask).await?;
    if let Some(problem) = asked.problem() {
        return Err(Problem::Bad(problem.to_owned()));
    }
    // What comes from now on is not in it.
    let end = ask.shared.vault.last_seq().saturating_add(1);
    asked.find.before_seq = Some(asked.find.before_seq.unwrap_or(u64::MAX).min(end));
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
    let (bytes, body) = mpsc::channel::<Part>(PARTS);
    let file_name = format!("hinomi-events-{}.{ending}", stamp(&ask));
    tokio::spawn(async move {
        let _turn = turn;
        // The answer has begun, so that who asked has not gone; who goes from now on closes the channel.
        ask.gone = Cancel::new();
        let gone = ask.gone.clone();
        let sent = tokio::select! {
            sent = all(&ask, &proof, asked, form, &bytes) => sent,
            () = bytes.closed() => {
                gone.cancel();
                Err(0)
            }
        };
        let (what, rows) = match sent {
            Ok(rows) => (what, rows),
            Err(rows) => (format!("{what} (broken off)"), rows),
        };
        if let Err(problem) = ask.store.did(&proof, Deed::Exported { what, rows }, ask.shared.now()).await {
            tracing::error!("an export of {rows} records could not be written down: {problem}");
        }
    });
    let disposition = format!("attachment; filename=\"{file_name}\"");
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition.as_str())], Body::from_stream(Parts(body))).into_response())
}

/// Sends what fits, the newest first, as far as the asker may see it. How many records went, also where it was broken off (`Err`).
async fn all(ask: &Ask, proof: &Authorised<ViewEvents>, mut asked: Asked, form: Form, bytes: &mpsc::Sender<Part>) -> Result<u64, u64> {
    let mut sent = 0u64;
    if !send(bytes, begin(ask, form)).await {
        return Err(0);
    }
    loop {
        let found = match find_within(ask, proof, &asked, FOUND, search::LONG).await {
            Ok(found) => found,
            Err(problem) => return Err(broken(bytes, &problem, sent).await),
        };
        for part in found.hits.chunks(PART) {
            let text = match records::read(ask, part.iter().map(|h| h.seq).collect()).await {
                Ok(events) => write(ask, form, &events, sent == 0).await.map(|text| (text, events.len())),
                Err(problem) => Err(problem),
            };
            let (text, rows) = match text {
                Ok(t) => t,
                Err(problem) => return Err(broken(bytes, &problem, sent).await),
            };
            if !send(bytes, text).await {
                return Err(sent);
            }
            sent += rows as u64;
        }
        // Where the time was up, it goes on from there.
        let older = if found.more { found.hits.last().map(|h| h.seq) } else { found.stopped };
        match older {
            Some(before) => asked.find.before_seq = Some(before),
            None => break,
        }
    }
    if matches!(form, Form::Json) && !send(bytes, Bytes::from_static(b"\n]\n")).await {
        return Err(sent);
    }
    Ok(sent)
}

/// The reader must see that it is not whole.
async fn broken(bytes: &mpsc::Sender<Part>, problem: &Problem, sent: u64) -> u64 {
    tracing::warn!(?problem, "an export of records ends early");
    let _ = bytes.send_timeout(Err(std::io::Error::other("the export was broken off")), STALLED).await;
    sent
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
    let event = records::one(&ask, &proof, id).await?;
    let name = format!("hinomi-evidence-{}.zip", id.seq);
    packed(&ask, &proof, vec![event.id.seq], id.to_string(), &name).await
}

async fn packed(ask: &Ask, proof: &Authorised<ViewEvents>, seqs: Vec<u64>, asked: String, name: &str) -> Result<Response, Problem> {
    let (rows, said_of) = (seqs.len(), cut(&asked));
    let request = vault::Request { seqs, asked, by: proof.name().to_owned(), ..vault::Request::default() };
    let vault = ask.shared.vault.clone();
    let made = records::in_turn(ask, move || vault.prove(&request)).await?;
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
