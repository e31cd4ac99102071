//! The one way in. Every request goes through here, in this order: host, session, permission, intent (origin and CSRF token), body
//! within bounds, handler. A handler cannot be reached otherwise, and cannot read anything without the proof that it is given.

use crate::ask::{Ask, Caller, Fields, Peer, Shared, Upload};
use crate::cookies;
use crate::format::Format;
use crate::lang_of;
use crate::problem::Problem;
use crate::routes::{Needs, Route, routes};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Multipart, RawPathParams, Request};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, ORIGIN, SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use axum::routing::MethodFilter;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use model::Lang;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Nothing inline, nothing from elsewhere.
pub const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                       font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every answer.
pub const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    ),
];

/// Half a year, only with a certificate that somebody gave: with one of ours it would lock people out.
const HSTS: &str = "max-age=15552000";

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut router: Router = Router::new();
    for route in routes() {
        let route = Arc::new(route);
        let shared = shared.clone();
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        let path = route.path;
        router = router.route(path, axum::routing::on(filter, move |request: Request| enter(shared.clone(), Some(route.clone()), request)));
    }
    let (missing, wrong) = (shared.clone(), shared);
    router
        .method_not_allowed_fallback(move |request: Request| refuse(wrong.clone(), request, Problem::Method))
        .fallback(move |request: Request| refuse(missing.clone(), request, Problem::NotFound))
}

/// An address or a method that is not there.
async fn refuse(shared: Arc<Shared>, request: Request, problem: Problem) -> Response {
    let (parts, _) = request.into_parts();
    let api = parts.uri.path().starts_with("/api/");
    let (ask, session) = begin(&shared, &parts, Vec::new()).await;
    let problem = if shared.allows(&host(&parts)) { session.err().unwrap_or(problem) } else { Problem::Host };
    finish(&shared, &ask, api, Err(problem))
}

async fn enter(shared: Arc<Shared>, route: Option<Arc<Route>>, request: Request) -> Response {
    let Some(route) = route else { return refuse(shared, request, Problem::NotFound).await };
    let (mut parts, body) = request.into_parts();
    let params = match RawPathParams::from_request_parts(&mut parts, &()).await {
        Ok(p) => p.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        Err(_) => Vec::new(),
    };
    let (mut ask, session) = begin(&shared, &parts, params).await;
    let api = route.path.starts_with("/api/");
    let admitted = async {
        if !shared.allows(&host(&parts)) {
            return Err(Problem::Host);
        }
        // What the database cannot tell is told as its fault, not as a missing login, except where nobody need be logged in.
        if let (Err(problem), Needs::Action { .. }) = (session, &route.needs) {
            return Err(problem);
        }
        if let Needs::Action { check, .. } = &route.needs {
            let caller = ask.caller.as_ref().ok_or(Problem::Login)?;
            check(&caller.principal, shared.store.site().id)?;
        }
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            if !same_origin(&parts) {
                return Err(Problem::Forged);
            }
            let limit = if route.large { shared.limits.import_bytes } else { shared.limits.body_bytes };
            let body = read(body, limit, Duration::from_secs(shared.limits.body_seconds)).await?;
            take_form(&mut ask, body).await?;
            if !token_fits(&ask) {
                return Err(Problem::Forged);
            }
        }
        Ok(())
    }
    .await;
    let shadow = Ask::shadow(&ask);
    // This future is dropped when the connection breaks; the handler goes on in its task, and is told.
    let _gone = Gone(ask.gone.clone());
    let answer = match admitted {
        Err(problem) => Err(problem),
        // In a task of its own, so that a fault of ours becomes an answer and not a broken connection.
        Ok(()) => match tokio::spawn((route.run)(ask)).await {
            Ok(answer) => answer,
            Err(error) => Err(Problem::Broken(format!("a handler fell over: {error}"))),
        },
    };
    finish(&shared, &shadow, api, answer)
}

impl Ask {
    /// What is needed to say what went wrong, after the handler took the request.
    fn shadow(ask: &Ask) -> Ask {
        Ask {
            shared: ask.shared.clone(),
            store: ask.store.clone(),
            caller: ask.caller.clone(),
            lang: ask.lang,
            format: ask.format.clone(),
            method: ask.method.clone(),
            uri: ask.uri.clone(),
            headers: ask.headers.clone(),
            from: ask.from,
            params: ask.params.clone(),
            query: ask.query.clone(),
            form: Fields::default(),
            files: Vec::new(),
            body: Bytes::new(),
            now: ask.now,
            as_of: ask.as_of,
            gone: ask.gone.clone(),
        }
    }
}

/// Tells when it is dropped; after the answer nobody listens any more.
struct Gone(vault::ask::Cancel);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn host(parts: &Parts) -> String {
    let header = parts.headers.get(HOST).and_then(|h| h.to_str().ok());
    header.or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str)).unwrap_or_default().to_owned()
}

/// Who asks, in which language. The session's fault, if any, stands beside it.
async fn begin(shared: &Arc<Shared>, parts: &Parts, params: Vec<(String, String)>) -> (Ask, Result<(), Problem>) {
    let now = shared.now();
    let from = parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.0.ip().to_canonical());
    let mut session = Ok(());
    let mut caller = None;
    if let Some(token) = cookies::get(&parts.headers, cookies::SESSION).filter(|t| t.len() == 64) {
        let token_hash = cookies::hash(token);
        match shared.store.session(&token_hash, now).await {
            Ok(Some(s)) => caller = Some(Caller { principal: s.principal.clone(), session: s, token_hash }),
            Ok(None) => {}
            Err(error) => session = Err(Problem::from(error)),
        }
    }
    let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let site = shared.store.site();
    let lang = choose_language(&query, caller.as_ref(), &parts.headers, site.language);
    let ask = Ask {
        shared: shared.clone(),
        store: shared.store.at(from),
        caller,
        lang,
        format: Format::new(lang, &site.time_zone, now),
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        from,
        params,
        query,
        form: Fields::default(),
        files: Vec::new(),
        body: Bytes::new(),
        now,
        as_of: (shared.as_of)().filter(|at| *at < now),
        gone: vault::ask::Cancel::new(),
    };
    (ask, session)
}

/// `?lang=`, then one's own setting, then what was chosen before login, then what the browser asks for, then the site's.
fn choose_language(query: &Fields, caller: Option<&Caller>, headers: &HeaderMap, site: Lang) -> Lang {
    let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(Lang::from_tags);
    lang_of(query.get("lang"))
        .or_else(|| caller.and_then(|c| c.session.language))
        .or_else(|| cookies::get(headers, cookies::LANGUAGE).and_then(lang_of))
        .or_else(accepted)
        .unwrap_or(site)
}

/// Whether an unsafe request comes from a page of ours: `Origin` must be this host over HTTPS. Browsers send it with every POST
/// (Fetch, 3.1); a program that sends none must still know the session's token. `null` and other schemes are refused.
fn same_origin(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|s| s != b"same-origin" && s != b"none") {
        return false;
    }
    match parts.headers.get(ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().ok().and_then(|o| o.strip_prefix("https://")).is_some_and(|o| o.eq_ignore_ascii_case(&host(parts))),
    }
}

async fn read(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Problem> {
    match tokio::time::timeout(patience, Limited::new(body, limit).collect()).await {
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(e)) if e.downcast_ref::<LengthLimitError>().is_some() => Err(Problem::TooLarge),
        Ok(Err(_)) => Err(Problem::Bad(String::new())),
        Err(_) => Err(Problem::Bad(String::from("408"))),
    }
}

/// Reads a form, or a form with files; other bodies (JSON) stay as they are.
async fn take_form(ask: &mut Ask, body: Bytes) -> Result<(), Problem> {
    let kind = ask.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("application/x-www-form-urlencoded") {
        ask.form = Fields::parse(&body);
    } else if kind.starts_with("multipart/form-data") {
        let mut request = Request::new(Body::from(body));
        if let Some(value) = ask.headers.get(CONTENT_TYPE) {
            request.headers_mut().insert(CONTENT_TYPE, value.clone());
        }
        let wrong = |_| Problem::Bad(String::new());
        // The body was bounded when it was read.
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| Problem::Bad(String::new()))?;
        while let Some(field) = parts.next_field().await.map_err(wrong)? {
            if ask.form.0.len() + ask.files.len() >= crate::ask::MOST_FIELDS {
                break;
            }
            let name = field.name().unwrap_or_default().to_owned();
            match field.file_name().map(str::to_owned) {
                Some(file) => {
                    let bytes = field.bytes().await.map_err(wrong)?;
                    ask.files.push(Upload { field: name, name: file, bytes });
                }
                None => {
                    let bytes = field.bytes().await.map_err(wrong)?;
                    ask.form.0.push((name, String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
        }
    } else {
        ask.body = body;
    }
    Ok(())
}

/// The token of the session (or, before login, of the login form), in the form or in a header.
fn token_fits(ask: &Ask) -> bool {
    let header = ask.headers.get("x-csrf-token").and_then(|v| v.to_str().ok());
    let given = header.unwrap_or_else(|| ask.form.get("csrf"));
    let wanted = match &ask.caller {
        Some(caller) => Some(caller.csrf()),
        None => cookies::get(&ask.headers, cookies::BEFORE).map(cookies::before_csrf),
    };
    wanted.is_some_and(|w| !given.is_empty() && cookies::same(&w, given))
}

fn finish(shared: &Shared, ask: &Ask, api: bool, answer: Result<Response, Problem>) -> Response {
    let mut response = match answer {
        Ok(response) => response,
        Err(problem) if api => problem.json(ask),
        Err(problem) => problem.page(ask),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !shared.certificates.own() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // Chosen before login: kept until then.
    if ask.caller.is_none()
        && let Some(lang) = lang_of(ask.query.get("lang"))
        && let Ok(cookie) = HeaderValue::from_str(&cookies::set(cookies::LANGUAGE, lang.tag(), Some(31_536_000)))
    {
        headers.append(SET_COOKIE, cookie);
    }
    response
}
