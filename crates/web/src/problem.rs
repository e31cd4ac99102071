//! What can go wrong for the one who asks: a status, words in both languages that say what to do, and for the log a reference.
//! What the database or the disk said goes to the log and never to the page.

use crate::ask::Ask;
use crate::view::{ErrorPage, Page};
use askama::Template;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use catalogue::Value;
use model::access::Denied;
use model::{Lang, Span, Time};
use state::StateError;

/// Why a request is not answered as asked.
#[derive(Clone, Debug)]
pub enum Problem {
    /// Something in it cannot be understood: the words for the page, in the reader's language, or empty.
    Bad(String),
    /// A value does not fit: the words by key.
    Unfit(state::Why),
    /// Nobody is logged in.
    Login,
    /// The one-time password must be changed first.
    PasswordChange,
    /// It was not sent by a page of ours: the token is missing or old.
    Forged,
    /// No role of theirs may.
    Denied,
    /// There is no such thing, or they may not see it.
    NotFound,
    /// There is such a thing, and it cannot be asked in this way.
    Method,
    /// Somebody else changed it meanwhile.
    Conflict {
        /// Who.
        by: String,
        /// When.
        at: Time,
        /// What stands now.
        rev: i64,
    },
    /// `If-Match` is needed.
    NoRevision,
    /// Larger than we take.
    TooLarge,
    /// Wait.
    TooMany(Span),
    /// Busy, or the store cannot write just now: the words for the log.
    Busy(String),
    /// A fault of ours: the words for the log.
    Broken(String),
    /// The host is none of ours.
    Host,
}

impl From<Denied> for Problem {
    fn from(d: Denied) -> Problem {
        match d {
            Denied::Role { .. } => Problem::Denied,
            Denied::PasswordChange => Problem::PasswordChange,
        }
    }
}

impl From<StateError> for Problem {
    fn from(e: StateError) -> Problem {
        match e {
            StateError::Changed { by, at, rev } => Problem::Conflict { by, at, rev },
            StateError::NotFound { .. } => Problem::NotFound,
            StateError::Invalid { why, .. } => Problem::Unfit(why),
            StateError::Exists { ref name, .. } => {
                Problem::Unfit(state::Why { key: "invalid-exists", x: name.clone(), text: e.to_string() })
            }
            StateError::LastAdministrator => {
                Problem::Unfit(state::Why { key: "invalid-last-administrator", x: String::new(), text: e.to_string() })
            }
            StateError::OtherSite | StateError::ZoneOnly { .. } => Problem::Denied,
            StateError::Full { .. } | StateError::ReadOnly { .. } | StateError::Locked { .. } | StateError::Connection { .. } => {
                Problem::Busy(e.to_string())
            }
            _ => Problem::Broken(e.to_string()),
        }
    }
}

impl From<vault::VaultError> for Problem {
    fn from(e: vault::VaultError) -> Problem {
        Problem::Broken(e.to_string())
    }
}

impl From<askama::Error> for Problem {
    fn from(e: askama::Error) -> Problem {
        Problem::Broken(format!("a page could not be drawn: {e}"))
    }
}

impl From<crate::password::PasswordError> for Problem {
    fn from(e: crate::password::PasswordError) -> Problem {
        match e {
            crate::password::PasswordError::Busy => Problem::Busy(e.to_string()),
            crate::password::PasswordError::Failed => Problem::Broken(e.to_string()),
        }
    }
}

impl Problem {
    /// The status of a page.
    pub fn status(&self) -> StatusCode {
        match self {
            Problem::Bad(_) | Problem::Unfit(_) => StatusCode::BAD_REQUEST,
            Problem::Login => StatusCode::UNAUTHORIZED,
            Problem::PasswordChange | Problem::Forged | Problem::Denied => StatusCode::FORBIDDEN,
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
            Problem::Conflict { .. } => StatusCode::CONFLICT,
            Problem::NoRevision => StatusCode::PRECONDITION_REQUIRED,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Problem::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Problem::Host => StatusCode::MISDIRECTED_REQUEST,
        }
    }

    /// Its name in the API and in locale keys (`problem-…`).
    pub fn name(&self) -> &'static str {
        match self {
            Problem::Bad(_) | Problem::Unfit(_) => "bad",
            Problem::Login => "login",
            Problem::PasswordChange => "password-change",
            Problem::Forged => "forged",
            Problem::Denied => "denied",
            Problem::NotFound => "not-found",
            Problem::Method => "method",
            Problem::Conflict { .. } => "conflict",
            Problem::NoRevision => "no-revision",
            Problem::TooLarge => "too-large",
            Problem::TooMany(_) => "too-many",
            Problem::Busy(_) => "busy",
            Problem::Broken(_) => "broken",
            Problem::Host => "host",
        }
    }

    fn detail(&self, ask: &Ask) -> String {
        match self {
            Problem::Bad(words) => words.clone(),
            Problem::Unfit(why) => unfit(ask.t(), why),
            Problem::Conflict { by, at, .. } => {
                let when = ask.format.moment(*at);
                ask.t().with("problem-conflict-by", &[("x", Value::Text(by)), ("y", Value::Text(&when))])
            }
            Problem::TooMany(wait) => ask.t().x("problem-wait", &ask.format.span(*wait)),
            Problem::PasswordChange | Problem::Forged | Problem::Method | Problem::Host => ask.say(&format!("problem-{}", self.name())),
            _ => String::new(),
        }
    }

    /// Tells the log what the page must not say; gives the reference under which it stands there.
    fn log(&self, ask: &Ask) -> String {
        let (Problem::Broken(why) | Problem::Busy(why)) = self else { return String::new() };
        let reference: String = crate::cookies::token().unwrap_or_default().chars().take(8).collect();
        let path = ask.uri.path();
        if matches!(self, Problem::Broken(_)) {
            tracing::error!(%reference, %path, "{why}");
        } else {
            tracing::warn!(%reference, %path, "{why}");
        }
        reference
    }

    /// The answer to a browser.
    pub(crate) fn page(&self, ask: &Ask) -> Response {
        let reads = matches!(ask.method.as_str(), "GET" | "HEAD");
        match self {
            Problem::Login if reads => {
                let here = ask.uri.path_and_query().map_or("/", |p| p.as_str());
                let next = if here == "/" { String::new() } else { format!("?next={}", crate::ask::escape(here)) };
                return redirect(&format!("/login{next}"));
            }
            Problem::PasswordChange if reads => return redirect("/password"),
            _ => {}
        }
        let page = ErrorPage {
            shell: ask.bare_shell(Page::Outside, ""),
            status: self.status().as_u16(),
            detail: self.detail(ask),
            reference: self.log(ask),
        };
        let html = page.render().unwrap_or_else(|_| String::from("<!doctype html><title>500</title>"));
        self.headed((self.status(), [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
    }

    /// The answer to a program: RFC 9457, with the words in both languages.
    pub(crate) fn json(&self, ask: &Ask) -> Response {
        let say = |lang: Lang| crate::view::words::T::new(lang).say(&format!("problem-{}", self.name()));
        let status = match self {
            // RFC 9110, 13.1.1: the condition that the client gave does not hold.
            Problem::Conflict { .. } if ask.headers.contains_key("if-match") => StatusCode::PRECONDITION_FAILED,
            other => other.status(),
        };
        let mut body = serde_json::json!({
            "type": format!("urn:hinomi:problem:{}", self.name()),
            "status": status.as_u16(),
            "title": say(Lang::En),
            "title_ja": say(Lang::Ja),
        });
        if let Some(map) = body.as_object_mut() {
            let detail = self.detail(ask);
            if let Problem::Unfit(why) = self {
                for (name, lang) in [("detail", Lang::En), ("detail_ja", Lang::Ja)] {
                    map.insert(String::from(name), unfit(crate::view::words::T::new(lang), why).into());
                }
            } else if !detail.is_empty() {
                map.insert(String::from("detail"), detail.into());
            }
            if let Problem::Conflict { rev, .. } = self {
                map.insert(String::from("rev"), (*rev).into());
            }
            let reference = self.log(ask);
            if !reference.is_empty() {
                map.insert(String::from("reference"), reference.into());
            }
        }
        self.headed((status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response())
    }

    fn headed(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        match self {
            Problem::TooMany(wait) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_seconds().max(1)));
            }
            Problem::Busy(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(5));
            }
            Problem::Login => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Session realm=\"hinomi\""));
            }
            _ => {}
        }
        response
    }
}

/// Why a value does not fit, in words. Wordings take the part as text (`x`) or as a number (`n`).
pub(crate) fn unfit(t: crate::view::words::T, why: &state::Why) -> String {
    let number = why.x.parse::<i64>().ok();
    let mut parts = vec![("x", Value::Text(&why.x))];
    if let Some(n) = number {
        parts.push(("n", Value::Number(n)));
    }
    t.with(why.key, &parts)
}

/// 303: see the result there (also after a form).
pub(crate) fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    page_with(StatusCode::OK, template)
}

/// A page with a status: what was typed comes back with what is wrong.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    Ok((status, [(CONTENT_TYPE, "text/html; charset=utf-8")], template.render()?).into_response())
}
