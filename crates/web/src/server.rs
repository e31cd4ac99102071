//! Connections: accepted within bounds, given a few seconds for the handshake and for each request's head, and told in plain words
//! when they came without TLS.

use crate::ask::{Peer, Shared};
use crate::gate;
use crate::tls::{self, Identity, TlsError, TlsFiles};
use crate::{Console, Limits};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use model::Time;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How long requests may take to end after the stop was asked.
pub const DRAIN: Duration = Duration::from_secs(3);
/// How often the certificate is looked at.
const RENEWAL: Duration = Duration::from_hours(1);
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 32 << 10;

/// The certificate in use, renewed while the console runs.
#[derive(Clone, Debug)]
pub struct Certificates {
    files: TlsFiles,
    data_dir: PathBuf,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    current: Arc<RwLock<Identity>>,
}

impl Certificates {
    pub(crate) fn open(
        files: TlsFiles,
        data_dir: PathBuf,
        names: Vec<String>,
        addresses: Vec<IpAddr>,
        now: Time,
    ) -> Result<Certificates, TlsError> {
        let current = tls::identity(&files, &data_dir, &names, &addresses, now)?;
        Ok(Certificates { files, data_dir, names, addresses, current: Arc::new(RwLock::new(current)) })
    }

    /// The one in use now.
    pub fn current(&self) -> Identity {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One of ours, about which browsers warn.
    pub(crate) fn own(&self) -> bool {
        self.files == TlsFiles::Own
    }

    /// Makes or reads it anew; a certificate that cannot be read leaves the one before in force.
    fn renew(&self, now: Time) {
        match tls::identity(&self.files, &self.data_dir, &self.names, &self.addresses, now) {
            Ok(new) => {
                if new.fingerprint != self.current().fingerprint {
                    tracing::info!(fingerprint = %new.fingerprint, "the console has a new certificate");
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                } else if new.ends_soon(now) {
                    let end = new.not_after.map(Time::rfc3339).unwrap_or_default();
                    tracing::warn!(%end, "the console's certificate ends soon; replace it");
                }
            }
            Err(error) => tracing::warn!(%error, "the console goes on with the certificate it has"),
        }
    }
}

/// Counts connections by address.
#[derive(Clone, Debug, Default)]
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

pub(crate) async fn serve(console: Console, shutdown: impl Future<Output = ()> + Send) {
    let Console { listener, shared, tls, .. } = console;
    let router = gate::router(shared.clone());
    let (stop, stopping) = watch::channel(false);
    let limits = shared.limits;
    let room = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::default();
    let mut connections = JoinSet::new();
    let mut renewal = tokio::time::interval(RENEWAL);
    renewal.tick().await;
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = renewal.tick() => {
                let (tls, now) = (tls.clone(), shared.now());
                tokio::task::spawn_blocking(move || tls.renew(now));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Ok(permit) = room.clone().try_acquire_owned() else { continue };
                    let Some(slot) = addresses.enter(peer.ip().to_canonical(), limits.per_address) else { continue };
                    let (config, router, stopping, shared) = (tls.current().config, router.clone(), stopping.clone(), shared.clone());
                    connections.spawn(async move {
                        let _held = (permit, slot);
                        connection(stream, peer, config, router, stopping, &shared).await;
                    });
                }
                Err(error) => {
                    // Out of descriptors, mostly: wait for some to come back instead of spinning.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    shared.live.close();
    let _ = stop.send(true);
    let drained = tokio::time::timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        connections.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    config: Arc<rustls::ServerConfig>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    shared: &Shared,
) {
    let limits = shared.limits;
    let head = Duration::from_secs(limits.head_seconds);
    let _ = stream.set_nodelay(true);
    let mut first = [0u8; 1];
    match tokio::time::timeout(head, stream.peek(&mut first)).await {
        // A TLS record of type handshake (RFC 8446, 5.1).
        Ok(Ok(1)) if first == [0x16] => {}
        Ok(Ok(1)) => return plain(stream, shared, head).await,
        _ => return,
    }
    let handshake = tokio_rustls::TlsAcceptor::from(config).accept(stream);
    let stream = match tokio::time::timeout(head, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!(%peer, "a TLS handshake took too long"),
    };
    // Chosen here and not guessed from the first bytes: the guess has no time limit.
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let builder = builder(h2, limits);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended in disorder");
    }
}

/// Returns when the stop was asked.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|s| *s).await;
}

fn builder(h2: bool, limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.head_seconds))
        .max_buf_size(HEAD_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(HEAD_BYTES as u32)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    if h2 { builder.http2_only() } else { builder.http1_only() }
}

/// Somebody spoke HTTP (or anything else) to the HTTPS port: say so, and lead a browser over.
async fn plain(mut stream: TcpStream, shared: &Shared, patience: Duration) {
    let mut head = Vec::with_capacity(1024);
    let reading = async {
        let mut buffer = [0u8; 1024];
        while head.len() < 8192 && !head.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => head.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                _ => break,
            }
        }
    };
    let _ = tokio::time::timeout(patience, reading).await;
    let answer = plain_answer(&head, |host| shared.allows(host));
    let _ = tokio::time::timeout(patience, async {
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        // Read what is left, so that the answer is not lost to a reset.
        let mut rest = [0u8; 1024];
        let mut left = 64;
        while left > 0 && matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {
            left -= 1;
        }
    })
    .await;
}

fn plain_answer(head: &[u8], allowed: impl Fn(&str) -> bool) -> String {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let host = lines.filter_map(|l| l.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case("host")).map_or("", |(_, v)| v.trim());
    let clean = |s: &str| s.bytes().all(|b| (0x21..0x7f).contains(&b) && !b"<>\"'".contains(&b));
    let fits = allowed(host) && clean(host) && clean(target) && target.starts_with('/') && !target.starts_with("//");
    if fits && matches!(method, "GET" | "HEAD") {
        return format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://{host}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let body = "<!doctype html><html lang=\"ja\"><meta charset=\"utf-8\"><title>HTTPS</title><p>この入口は HTTPS だけを受け付けます。\
                アドレスの先頭を <b>https://</b> にして開いてください。</p><p lang=\"en\">This port speaks HTTPS only. Open the address \
                with <b>https://</b> in front.</p></html>\n";
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_led_over_only_where_the_host_is_ours() {
        let ours = |h: &str| h == "hinomi:8443";
        let go = plain_answer(b"GET /assets?x=1 HTTP/1.1\r\nHost: hinomi:8443\r\n\r\n", ours);
        assert!(go.starts_with("HTTP/1.1 307") && go.contains("Location: https://hinomi:8443/assets?x=1\r\n"), "{go}");
        for bad in [
            &b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"[..],
            b"POST / HTTP/1.1\r\nHost: hinomi:8443\r\n\r\n",
            b"GET //evil.example HTTP/1.1\r\nHost: hinomi:8443\r\n\r\n",
            b"GET /a\rb HTTP/1.1\r\nHost: hinomi:8443\r\n\r\n",
            b"\x00\xff\xfe garbage",
            b"",
        ] {
            assert!(plain_answer(bad, ours).starts_with("HTTP/1.1 400"), "{bad:?}");
        }
    }

    #[test]
    fn one_address_cannot_take_every_connection() {
        let a = Addresses::default();
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| a.enter(ip, 3).unwrap()).collect();
        assert!(a.enter(ip, 3).is_none());
        drop(held);
        assert!(a.enter(ip, 3).is_some());
        assert!(a.0.lock().unwrap().is_empty());
    }
}
