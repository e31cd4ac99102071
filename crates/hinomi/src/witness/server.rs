//! `POST /add-checkpoint` (C2SP tlog-witness) over HTTP, within bounds: connections in all and from one address, bytes of a request, and
//! seconds for all of it. A connection carries one request: logs come every few minutes, and who holds one open gains nothing.

use super::keep::Folder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use proof::witness::{Decision, MAX_BODY, Reason, Suspicion, Witness};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a server bears.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Of these from one address: logs behind one router share it.
    pub per_address: usize,
    /// For the handshake and for the head of the request.
    pub head: Duration,
    /// For all of a connection.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connections: 64, per_address: 16, head: Duration::from_secs(5), whole: Duration::from_secs(20) }
    }
}

/// What the server did, for whoever runs it.
#[derive(Debug)]
pub enum Told {
    /// A checkpoint was cosigned.
    Cosigned {
        /// Of which log.
        origin: String,
        /// Its size.
        size: u64,
        /// Its root in base64.
        root: String,
        /// When, in seconds since 1970.
        time: u64,
    },
    /// A request was refused.
    Refused {
        /// The HTTP status that was answered.
        status: u16,
        /// Why.
        reason: Reason,
    },
    /// A log contradicted what it had said before.
    Suspicious {
        /// What was seen and what was shown.
        suspicion: Box<Suspicion>,
        /// Where both notes are kept; `None` where they are kept already.
        kept: Option<PathBuf>,
    },
    /// Something could not be written.
    Trouble(String),
}

/// An answer as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub kind: &'static str,
    /// Body.
    pub body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";

/// A witness with its folder: one request after the other.
pub struct Desk {
    inner: Mutex<(Witness, Folder)>,
    front: String,
    tell: Box<dyn Fn(Told) + Send + Sync>,
}

impl Desk {
    /// A witness that serves. `front` is what a person sees who opens the address.
    pub fn new(witness: Witness, folder: Folder, front: String, tell: Box<dyn Fn(Told) + Send + Sync>) -> Desk {
        Desk { inner: Mutex::new((witness, folder)), front, tell }
    }

    /// Decides about a body, and writes the state down before there is a cosignature. Blocks on the disk.
    pub fn add(&self, body: &[u8], now: u64) -> Answered {
        // A thread that died in here has released no signature; what is in memory is what was written last.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (witness, folder) = &mut *inner;
        let (answer, told) = match witness.add_checkpoint(body, now) {
            Decision::Accepted(pending) => {
                if let Err(e) = folder.save(&pending.state()) {
                    drop(pending);
                    (self.tell)(Told::Trouble(format!("state.json: {e}")));
                    return Answered { status: 500, kind: TEXT, body: "the witness cannot write; nothing was cosigned\n".to_owned() };
                }
                let (origin, size, time) = (pending.origin().to_owned(), pending.seen().size, pending.seen().time);
                let root = proof::base64::encode(&pending.seen().root);
                (pending.persisted(), Told::Cosigned { origin, size, root, time })
            }
            Decision::Refused(refused) => {
                if let Some(suspicion) = refused.suspicion {
                    match folder.keep_evidence(&suspicion, now) {
                        Ok(kept) => (self.tell)(Told::Suspicious { suspicion: Box::new(suspicion), kept }),
                        Err(e) => {
                            (self.tell)(Told::Suspicious { suspicion: Box::new(suspicion), kept: None });
                            (self.tell)(Told::Trouble(format!("evidence: {e}")));
                        }
                    }
                }
                let status = refused.answer.status();
                (refused.answer, Told::Refused { status, reason: refused.reason })
            }
        };
        (self.tell)(told);
        Answered { status: answer.status(), kind: answer.content_type(), body: answer.body() }
    }
}

/// Counts connections by address.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Slot(Addresses, IpAddr);

impl Addresses {
    fn enter(&self, ip: IpAddr, most: usize) -> Option<Slot> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = map.entry(ip).or_insert(0);
        if *n >= most {
            return None;
        }
        *n += 1;
        Some(Slot(self.clone(), ip))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut map = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = map.get_mut(&self.1) {
            *n -= 1;
            if *n == 0 {
                map.remove(&self.1);
            }
        }
    }
}

/// Serves until told to end; requests that are being answered are finished.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    desk: Arc<Desk>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::default();
    let tls = tls.map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = ended(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                    let Some(slot) = addresses.enter(peer.ip().to_canonical(), limits.per_address) else { continue };
                    let (tls, desk) = (tls.clone(), Arc::clone(&desk));
                    connections.spawn(async move {
                        let _held = (permit, slot);
                        let _ = tokio::time::timeout(limits.whole, connection(stream, tls, desk, limits)).await;
                    });
                }
                Err(e) => {
                    // Out of descriptors, mostly: wait for some to come back instead of spinning.
                    (desk.tell)(Told::Trouble(format!("accept: {e}")));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(Duration::from_secs(3), async { while connections.join_next().await.is_some() {} }).await;
}

/// Returns when the end was asked for.
async fn ended(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|end| *end).await;
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, desk: Arc<Desk>, limits: Limits) {
    let _ = stream.set_nodelay(true);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(16 << 10).keep_alive(false);
    let service = hyper::service::service_fn(move |request| answer(Arc::clone(&desk), request));
    // How a connection ends is the other side's business.
    match tls {
        None => drop(http.serve_connection(TokioIo::new(stream), service).await),
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(limits.head, tls.accept(stream)).await {
                drop(http.serve_connection(TokioIo::new(stream), service).await);
            }
        }
    }
}

async fn answer(desk: Arc<Desk>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let plain = |status, body: &str| Answered { status, kind: TEXT, body: body.to_owned() };
    let answered = match (request.method(), request.uri().path()) {
        (&Method::POST, "/add-checkpoint") => match Limited::new(request.into_body(), MAX_BODY).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                let decided = tokio::task::spawn_blocking(move || desk.add(&body, seconds())).await;
                decided.unwrap_or_else(|_| plain(500, "the witness failed; nothing was cosigned\n"))
            }
            Err(_) => plain(413, "too long, or cut off\n"),
        },
        (_, "/add-checkpoint") => plain(405, "POST a checkpoint here (C2SP tlog-witness)\n"),
        (&Method::GET | &Method::HEAD, "/") => plain(200, &desk.front),
        _ => plain(404, "nothing here; a witness answers to POST /add-checkpoint (C2SP tlog-witness)\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from(answered.body)));
    *response.status_mut() = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(answered.kind));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    if answered.status == 405 {
        headers.insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    }
    Ok(response)
}

/// Seconds since 1970 by the wall clock; the state machine never lets a cosignature's time go back.
fn seconds() -> u64 {
    u64::try_from(crate::clock::now().seconds()).unwrap_or(0)
}
