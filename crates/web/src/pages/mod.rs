//! Handlers of the pages: ask state and vault with the proof in hand, fill the structs of [`crate::view`], render.

pub(crate) mod archives;
pub(crate) mod assets;
pub(crate) mod calendar;
pub(crate) mod clocks;
pub(crate) mod encryption;
pub(crate) mod entrance;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod findings;
pub(crate) mod import;
pub(crate) mod joins;
pub(crate) mod ledger;
pub(crate) mod own;
pub(crate) mod questions;
pub(crate) mod records;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod speak;
pub(crate) mod stocktake;
pub(crate) mod today;
pub(crate) mod vault;

use crate::ask::Ask;
use crate::problem::Problem;
use crate::view::bundle;
use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use model::Span;

/// How long an answer of `/healthz` is kept: strangers may ask it as often as they like.
const HEALTH_KEPT: Span = Span::seconds(5);

/// `GET /healthz`: `ok`, or `degraded` (503) where state or vault cannot write. Nothing else, since anybody may ask.
pub(crate) async fn health(ask: Ask) -> Result<Response, Problem> {
    let kept = *ask.shared.health.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let ok = match kept.filter(|(at, _)| ask.now - *at < HEALTH_KEPT && ask.now >= *at) {
        Some((_, ok)) => ok,
        None => {
            let ok = healthy(&ask).await;
            *ask.shared.health.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((ask.now, ok));
            ok
        }
    };
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], if ok { "ok\n" } else { "degraded\n" }).into_response())
}

/// State and vault can be written.
pub(crate) async fn healthy(ask: &Ask) -> bool {
    ask.shared.vault.status().writing == ::vault::Writing::Ok && ask.store.check().await.is_ok()
}

/// `GET /ui/{file}`: script, style, sign. With the current version in the address they may be kept for ever.
pub(crate) async fn ui(ask: Ask) -> Result<Response, Problem> {
    let name: String = ask.id("file")?;
    let file = bundle::file(&name).ok_or(Problem::NotFound)?;
    let cache = if ask.query.get("v") == bundle::VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    let accepted = ask.headers.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(takes_gzip);
    let head = [(CONTENT_TYPE, file.mime), (CACHE_CONTROL, cache), (VARY, "accept-encoding")];
    let mut response = match bundle::packed(&name).filter(|_| accepted) {
        Some(packed) => (head, [(CONTENT_ENCODING, "gzip")], Body::from(packed)).into_response(),
        None => (head, Body::from(file.bytes)).into_response(),
    };
    if name == bundle::WORKER {
        // It stands under /ui/ and answers for the stocktake's pages, and no others.
        response.headers_mut().insert("service-worker-allowed", HeaderValue::from_static("/stocktakes"));
    }
    Ok(response)
}

/// Whether `Accept-Encoding` names gzip and does not refuse it (RFC 9110, 12.5.3).
fn takes_gzip(header: &str) -> bool {
    header.split(',').any(|part| {
        let mut parts = part.split(';').map(str::trim);
        let refused = |p: &str| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip")) && !parts.any(refused)
    })
}

/// `GET /favicon.ico`: browsers ask for it unasked.
pub(crate) async fn favicon(_: Ask) -> Result<Response, Problem> {
    let file = bundle::file("favicon.svg").ok_or(Problem::NotFound)?;
    Ok(([(CONTENT_TYPE, file.mime), (CACHE_CONTROL, "public, max-age=86400")], Body::from(file.bytes)).into_response())
}

/// Rows on a page of a list.
pub(crate) const ROWS: u32 = 50;

#[cfg(test)]
mod tests {
    #[test]
    fn gzip_only_where_it_is_taken() {
        for (header, taken) in [("gzip, deflate, br", true), ("br;q=1, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false), ("", false)]
        {
            assert_eq!(super::takes_gzip(header), taken, "{header}");
        }
        let script = crate::view::bundle::file("console.js").unwrap();
        let packed = crate::view::bundle::packed("console.js").unwrap();
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut plain).unwrap();
        assert!(plain == script.bytes && packed.len() * 2 < plain.len());
    }
}
