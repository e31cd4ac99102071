//! One POST over HTTP or HTTPS: to witnesses and to time-stamp authorities. No redirects, no cookies, no proxies; what is answered is bounded in
//! bytes and seconds.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For all of a question: connecting, sending, and the answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bundles of authorities that are larger are not read.
const MAX_BUNDLE: u64 = 8 << 20;
/// Where systems keep the authorities that they trust: Debian, Red Hat, SUSE, Alpine and the BSDs.
const BUNDLES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// What went wrong on the way. Nothing was learnt about the other side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address.
    #[error("{0} is not an address like http://host:8444 or https://host/path")]
    Address(String),
    /// No connection.
    #[error("{0} cannot be reached: {1}")]
    Reach(String, String),
    /// The certificate, or TLS itself.
    #[error("{0} has no certificate that is trusted here ({1}); give its authority in the setting outside_ca")]
    Tls(String, String),
    /// An answer that is no answer.
    #[error("{0} answered nothing that can be used: {1}")]
    Answer(String, String),
    /// The certificates of authorities.
    #[error("{0}: {1}")]
    Bundle(String, String),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type without parameters, in small letters.
    pub kind: String,
    /// Body.
    pub body: Vec<u8>,
}

/// Carries questions.
#[derive(Clone)]
pub struct Carrier {
    tls: Arc<ClientConfig>,
}

impl Carrier {
    /// Trusts what the system trusts, and the certificates in the file where one is given. Without any, only plain HTTP goes through.
    pub fn new(extra: Option<&Path>) -> Result<Carrier, HttpError> {
        let mut roots = RootCertStore::empty();
        let system = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let system = system.into_iter().chain(BUNDLES.iter().map(PathBuf::from)).find(|f| f.is_file());
        if let Some(file) = system {
            // A bundle holds some that this library does not take; those are passed over.
            roots.add_parsable_certificates(certificates(&file).unwrap_or_default());
        }
        if let Some(file) = extra {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|e| HttpError::Bundle(file.display().to_string(), e.to_string()))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| HttpError::Bundle(String::from("TLS"), e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Carrier { tls: Arc::new(config) })
    }

    /// Posts a body and reads at most `most` bytes of what comes back.
    pub async fn post(&self, url: &Url, path: &str, kind: &str, body: Vec<u8>, most: usize) -> Result<Reply, HttpError> {
        let asked = tokio::time::timeout(PATIENCE, self.ask(url, path, kind, body, most)).await;
        asked.unwrap_or_else(|_| Err(HttpError::Reach(url.to_string(), format!("no answer within {} s", PATIENCE.as_secs()))))
    }

    async fn ask(&self, url: &Url, path: &str, kind: &str, body: Vec<u8>, most: usize) -> Result<Reply, HttpError> {
        let reach = |e: &dyn std::fmt::Display| HttpError::Reach(url.to_string(), e.to_string());
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(|e| reach(&e))?;
        let _ = stream.set_nodelay(true);
        if !url.tls {
            return exchange(stream, url, path, kind, body, most).await;
        }
        let tls = |e: &dyn std::fmt::Display| HttpError::Tls(url.to_string(), e.to_string());
        let name = ServerName::try_from(url.host.clone()).map_err(|e| tls(&e))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.map_err(|e| tls(&e))?;
        exchange(stream, url, path, kind, body, most).await
    }
}

async fn exchange<S>(stream: S, url: &Url, path: &str, kind: &str, body: Vec<u8>, most: usize) -> Result<Reply, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wrong = |e: &dyn std::fmt::Display| HttpError::Answer(url.to_string(), e.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| wrong(&e))?;
    // Ends with the stream, at the latest when the sender is dropped.
    let driving = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}", url.path))
        .header(header::HOST, &url.authority)
        .header(header::USER_AGENT, concat!("hinomi/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, kind)
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| wrong(&e))?;
    let response = sender.send_request(request).await.map_err(|e| wrong(&e))?;
    let status = response.status().as_u16();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = Limited::new(response.into_body(), most).collect().await.map_err(|e| wrong(&e))?.to_bytes().to_vec();
    driving.abort();
    Ok(Reply { status, kind, body })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let wrong = |why: String| HttpError::Bundle(file.display().to_string(), why);
    let mut bytes = Vec::new();
    std::fs::File::open(file).and_then(|f| f.take(MAX_BUNDLE).read_to_end(&mut bytes)).map_err(|e| wrong(e.to_string()))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|e| wrong(e.to_string()))?;
    if found.is_empty() { Err(wrong(String::from("holds no certificate in PEM"))) } else { Ok(found) }
}

/// An address that can be posted to: scheme, host, port and a path without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl std::str::FromStr for Url {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Url, HttpError> {
        let wrong = || HttpError::Address(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        // No user and password (they would stand in logs), no question mark (a path is put behind).
        if authority.as_str().contains('@') || uri.query().is_some() || authority.host().is_empty() {
            return Err(wrong());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match (authority.port_u16(), authority.as_str() == authority.host()) {
            (Some(port), _) => port,
            (None, true) => {
                if tls {
                    443
                } else {
                    80
                }
            }
            (None, false) => return Err(wrong()),
        };
        Ok(Url { tls, host, port, authority: authority.to_string(), path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let url: Url = "https://[2001:db8::1]:8444/a/b/".parse().unwrap();
        assert_eq!((url.tls, url.host.as_str(), url.port, url.path.as_str()), (true, "2001:db8::1", 8444, "/a/b"));
        assert_eq!(url.to_string(), "https://[2001:db8::1]:8444/a/b");
        assert_eq!("http://w.example".parse::<Url>().unwrap().port, 80);
        for bad in ["", "w.example", "ftp://w", "https://", "https://u:p@w", "https://w/?q", "https://w x", "http:///x", "https://w:99999"]
        {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
