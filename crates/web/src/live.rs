//! `/live`: pages are told that something is new, at once, by server-sent events (HTML standard, 9.2). An event carries an id and no
//! content: the page asks for what it may see.
//!
//! One task numbers notices and keeps the last [`KEPT`]; a page that lost its connection tells the number it saw last
//! (`Last-Event-ID`) and gets what it missed, or `resync` where that is too long ago or Hinomi was restarted, and then it loads itself
//! anew. A page that does not read is let go after [`PATIENCE`]; the browser comes back by itself.

use crate::ask::{Ask, Shared};
use crate::problem::Problem;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use model::access::{ViewAssets, ViewFindings, ViewToday};
use model::{Authorised, Notice};
use state::Store;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// Notices kept for pages that come back.
pub const KEPT: usize = 512;
/// Events that wait for one page.
const QUEUE: usize = 64;
/// How long a page may leave its queue full.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one stream lasts at most: the browser comes back at once, and is asked again who it is. So a session that was taken away
/// is told nothing after this time.
const LONGEST: Duration = Duration::from_mins(10);
/// What browsers are asked to wait before they come back, milliseconds.
const RETRY_MS: u32 = 2000;

type Numbered = (u64, Notice);

#[derive(Debug)]
struct Ring {
    next: u64,
    kept: VecDeque<Numbered>,
}

/// Numbers notices and hands them on.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Tells this run from another, so that numbers of another are not taken for ours.
    run: String,
    ring: Arc<Mutex<Ring>>,
    out: broadcast::Sender<Numbered>,
    open: Mutex<HashMap<[u8; 32], usize>>,
    closed: watch::Sender<bool>,
    ended: watch::Sender<Option<[u8; 32]>>,
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Starts the task that listens to `notices`; it ends with the sender.
    pub(crate) fn start(notices: &broadcast::Sender<Notice>) -> Hub {
        let (out, _) = broadcast::channel(KEPT);
        let ring = Arc::new(Mutex::new(Ring { next: 1, kept: VecDeque::with_capacity(KEPT) }));
        let mut incoming = notices.subscribe();
        let (task_ring, task_out) = (Arc::clone(&ring), out.clone());
        tokio::spawn(async move {
            loop {
                match incoming.recv().await {
                    Ok(notice) => publish(&task_ring, &task_out, notice, false),
                    // We were too slow: what was lost cannot be told, so pages that come back load anew.
                    Err(broadcast::error::RecvError::Lagged(_)) => publish(&task_ring, &task_out, Notice::Sensor, true),
                    Err(broadcast::error::RecvError::Closed) => break,
                }
            }
        });
        let run = crate::cookies::token().unwrap_or_default().chars().take(8).collect();
        Hub { run, ring, out, open: Mutex::default(), closed: watch::channel(false).0, ended: watch::channel(None).0 }
    }

    /// Ends every stream.
    pub(crate) fn close(&self) {
        let _ = self.closed.send(true);
    }

    /// Ends the streams of a session (log-out).
    pub(crate) fn end(&self, session: [u8; 32]) {
        let _ = self.ended.send(Some(session));
    }

    /// What was missed since `last`, or `None` where that cannot be told; and the stream of what comes. Taken under one lock, so that
    /// nothing falls between the two.
    fn join(&self, last: Option<&str>) -> (Option<Vec<Numbered>>, broadcast::Receiver<Numbered>) {
        let ring = lock(&self.ring);
        let coming = self.out.subscribe();
        let missed = match last {
            None => Some(Vec::new()),
            Some(id) => id.split_once('-').filter(|(run, _)| *run == self.run).and_then(|(_, n)| n.parse::<u64>().ok()).and_then(|seen| {
                let oldest = ring.kept.front().map_or(ring.next, |(n, _)| *n);
                (seen.saturating_add(1) >= oldest && seen < ring.next)
                    .then(|| ring.kept.iter().filter(|(n, _)| *n > seen).copied().collect())
            }),
        };
        (missed, coming)
    }

    fn enter(self: &Hub, session: [u8; 32], most: usize) -> bool {
        let mut open = lock(&self.open);
        let n = open.entry(session).or_insert(0);
        let fits = *n < most;
        *n += usize::from(fits);
        fits
    }

    fn leave(&self, session: [u8; 32]) {
        let mut open = lock(&self.open);
        if let Some(n) = open.get_mut(&session) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                open.remove(&session);
            }
        }
    }
}

fn publish(ring: &Mutex<Ring>, out: &broadcast::Sender<Numbered>, notice: Notice, forget: bool) {
    let mut ring = lock(ring);
    if forget {
        ring.kept.clear();
    }
    let n = ring.next;
    ring.next += 1;
    if ring.kept.len() == KEPT {
        ring.kept.pop_front();
    }
    ring.kept.push_back((n, notice));
    let _ = out.send((n, notice));
}

/// The body of the answer.
struct Events(mpsc::Receiver<Bytes>);

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|b| b.map(Ok))
    }
}

/// Which notices one reader may have.
struct Sight {
    store: Store,
    assets: Option<Authorised<ViewAssets>>,
    findings: Option<Authorised<ViewFindings>>,
}

impl Sight {
    async fn allows(&self, notice: Notice) -> bool {
        match notice {
            Notice::Sensor => true,
            Notice::Asset(id) => match &self.assets {
                Some(proof) => proof.zone().is_none() || self.store.asset(proof, id).await.is_ok(),
                None => false,
            },
            Notice::Finding(id) => match &self.findings {
                Some(proof) => proof.zone().is_none() || self.store.finding(proof, id).await.is_ok(),
                None => false,
            },
        }
    }
}

/// `GET /live`
pub(crate) async fn live(ask: Ask, _proof: Authorised<ViewToday>) -> Result<Response, Problem> {
    let caller = ask.caller.clone().ok_or(Problem::Login)?;
    let last = ask.headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    if !ask.shared.live.enter(caller.token_hash, ask.shared.limits.live_per_session) {
        return Err(Problem::TooMany(model::Span::seconds(30)));
    }
    let sight = Sight { assets: ask.also(ViewAssets).ok(), findings: ask.also(ViewFindings).ok(), store: ask.store.clone() };
    let (send, receive) = mpsc::channel(QUEUE);
    let shared = ask.shared.clone();
    tokio::spawn(async move {
        feed(&shared, caller.token_hash, &sight, last, send).await;
        shared.live.leave(caller.token_hash);
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(Events(receive))).into_response())
}

async fn feed(shared: &Shared, session: [u8; 32], sight: &Sight, last: Option<String>, send: mpsc::Sender<Bytes>) {
    let hub = &shared.live;
    let mut closed = hub.closed.subscribe();
    let mut ended = hub.ended.subscribe();
    let until = tokio::time::Instant::now() + LONGEST;
    let (missed, mut coming) = hub.join(last.as_deref());
    let tell = async |text: String| matches!(tokio::time::timeout(PATIENCE, send.send(Bytes::from(text))).await, Ok(Ok(())));
    let newest = lock(&hub.ring).next - 1;
    // An id from the start, so that a page which never saw an event can resume too.
    if !tell(format!("retry: {RETRY_MS}\nid: {}-{newest}\nevent: hello\ndata: {{}}\n\n", hub.run)).await {
        return;
    }
    match missed {
        None => {
            if !tell(String::from("event: resync\ndata: {}\n\n")).await {
                return;
            }
        }
        Some(missed) => {
            for numbered in missed {
                if sight.allows(numbered.1).await && !tell(words(&hub.run, numbered)).await {
                    return;
                }
            }
        }
    }
    let mut heartbeat = tokio::time::interval(Duration::from_secs(shared.limits.heartbeat_seconds.max(1)));
    heartbeat.tick().await;
    loop {
        let going_on = tokio::select! {
            () = over(&mut closed) => false,
            () = send.closed() => false,
            _ = heartbeat.tick() => tell(String::from(": still here\n\n")).await,
            () = tokio::time::sleep_until(until) => false,
            Ok(()) = ended.changed() => *ended.borrow_and_update() != Some(session),
            numbered = coming.recv() => match numbered {
                Ok(numbered) => !sight.allows(numbered.1).await || tell(words(&hub.run, numbered)).await,
                // Too slow: let go; the browser comes back and resumes.
                Err(_) => false,
            },
        };
        if !going_on {
            return;
        }
    }
}

/// Returns when every stream shall end.
async fn over(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|c| *c).await;
}

fn words(run: &str, (n, notice): Numbered) -> String {
    let (event, data) = match notice {
        Notice::Asset(id) => ("asset", format!("{{\"id\":\"{id}\"}}")),
        Notice::Finding(id) => ("finding", format!("{{\"id\":\"{id}\"}}")),
        Notice::Sensor => ("sensor", String::from("{}")),
    };
    format!("id: {run}-{n}\nevent: {event}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AssetId;

    #[tokio::test]
    async fn what_was_missed_is_told_again_and_nothing_of_another_run() {
        let (tx, _keep) = broadcast::channel(16);
        let hub = Hub::start(&tx);
        for _ in 0..3 {
            tx.send(Notice::Asset(AssetId::NIL)).unwrap();
        }
        while lock(&hub.ring).next < 4 {
            tokio::task::yield_now().await;
        }
        let missed = |id: &str| hub.join(Some(id)).0.map(|m| m.iter().map(|(n, _)| *n).collect::<Vec<_>>());
        assert_eq!(missed(&format!("{}-1", hub.run)), Some(vec![2, 3]));
        assert_eq!(missed(&format!("{}-3", hub.run)), Some(vec![]));
        for foreign in
            ["deadbeef-1", "", "x", &format!("{}-99", hub.run), &format!("{}-x", hub.run), &format!("{}-18446744073709551615", hub.run)]
        {
            assert_eq!(missed(foreign), None, "{foreign}");
        }
    }

    #[tokio::test]
    async fn memory_is_bounded_and_too_old_means_resync() {
        let (tx, _keep) = broadcast::channel(16);
        let hub = Hub::start(&tx);
        for _ in 0..KEPT * 2 {
            publish(&hub.ring, &hub.out, Notice::Sensor, false);
        }
        assert_eq!(lock(&hub.ring).kept.len(), KEPT);
        assert_eq!(hub.join(Some(&format!("{}-3", hub.run))).0, None);
    }

    #[test]
    fn streams_of_one_session_are_counted() {
        let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _in = rt.enter();
        let (tx, _keep) = broadcast::channel(16);
        let hub = Hub::start(&tx);
        assert!(hub.enter([1; 32], 2) && hub.enter([1; 32], 2) && !hub.enter([1; 32], 2) && hub.enter([2; 32], 2));
        hub.leave([1; 32]);
        assert!(hub.enter([1; 32], 2));
    }
}
