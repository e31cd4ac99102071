//! Login and logout. The answer to a wrong name is the answer to a wrong password, in words and in time; failures are counted by
//! account (in state, over restarts) and by address.

use crate::ask::{Ask, local_path, with_done};
use crate::cookies;
use crate::limit::Key;
use crate::password::MAX_BYTES;
use crate::problem::{Problem, page_with, redirect};
use crate::view::{LoginPage, Page};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use model::Authorised;
use model::access::OwnSettings;
use state::auth::{Attempt, NewSession};

/// Longest name that is looked up.
const MAX_NAME: usize = 200;

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// `GET /login`
pub(crate) async fn form(ask: Ask) -> Result<Response, Problem> {
    if ask.caller.is_some() {
        return Ok(redirect("/"));
    }
    draw(&ask, StatusCode::OK, "", ask.query.get("next"), None).await
}

async fn draw(ask: &Ask, status: StatusCode, name: &str, next: &str, problem: Option<String>) -> Result<Response, Problem> {
    let before = cookies::get(&ask.headers, cookies::BEFORE).filter(|c| c.len() == 64).map(str::to_owned);
    let fresh = before.is_none();
    let before = match before {
        Some(b) => b,
        None => cookies::token().ok_or_else(|| Problem::Broken(String::from("no randomness")))?,
    };
    let mut shell = ask.bare_shell(Page::Outside, &ask.say("login"));
    shell.csrf = cookies::before_csrf(&before);
    let next = local_path(next).unwrap_or_default();
    let first = ask.store.first_start().await.unwrap_or(false);
    let response = page_with(status, &LoginPage { shell, name: name.to_owned(), next, problem, first })?;
    Ok(if fresh { with_cookie(response, &cookies::set(cookies::BEFORE, &before, None)) } else { response })
}

/// `POST /login`
pub(crate) async fn login(ask: Ask) -> Result<Response, Problem> {
    let (name, password, next) = (ask.form.get("name").trim(), ask.form.get("password"), ask.form.get("next"));
    let here = Key::address(ask.from);
    let account = Key::account(name);
    let wait = ask.shared.limiter.locked(&here, ask.now).max(ask.shared.limiter.locked(&account, ask.now));
    if let Some(wait) = wait {
        let words = ask.t().x("problem-wait", &ask.format.span(wait));
        return draw(&ask, StatusCode::TOO_MANY_REQUESTS, name, next, Some(words)).await;
    }
    let row = if name.is_empty() || name.len() > MAX_NAME { None } else { ask.store.find_login(name, ask.now).await? };
    let locked = row.as_ref().and_then(|r| r.locked_until).filter(|until| *until > ask.now);
    if let Some(until) = locked {
        let words = ask.t().x("problem-wait", &ask.format.span(until - ask.now));
        return draw(&ask, StatusCode::TOO_MANY_REQUESTS, name, next, Some(words)).await;
    }
    let phc = row.as_ref().filter(|r| !r.password_hash.is_empty()).map(|r| r.password_hash.clone());
    let given = if password.len() > MAX_BYTES { String::new() } else { password.to_owned() };
    let fits = ask.shared.hasher.verify(given, phc).await?;
    let enabled = row.as_ref().is_some_and(|r| r.enabled);
    let reason = match (&row, fits, enabled) {
        (None, ..) => "unknown",
        (Some(_), false, _) => "password",
        (Some(_), true, false) => "disabled",
        (Some(_), true, true) => "",
    };
    let user = row.as_ref().map(|r| r.user);
    let success = fits && enabled;
    let short: String = name.chars().take(MAX_NAME).collect();
    let attempt = Attempt { name: &short, user, success, reason, now: ask.now };
    let until = ask.store.record_login(attempt).await?;
    let (Some(user), true) = (user, success) else {
        ask.shared.limiter.failed(here, ask.now);
        ask.shared.limiter.failed(account, ask.now);
        // The log says that, from where and why; not what was typed.
        tracing::warn!(from = %ask.from, reason, locked = until.is_some(), "a login failed");
        let words = ask.say("login-refused");
        return draw(&ask, StatusCode::UNAUTHORIZED, name, next, Some(words)).await;
    };
    ask.shared.limiter.succeeded(&account);
    // A session from before, whoever's it was, ends here: the token is always a new one.
    if let Some(old) = &ask.caller {
        ask.store.end_session(&old.token_hash, ask.now).await?;
    }
    let token = cookies::token().ok_or_else(|| Problem::Broken(String::from("no randomness")))?;
    let agent = ask.headers.get("user-agent").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let new = NewSession { token_hash: cookies::hash(&token), user, now: ask.now, lifetime: None, agent };
    let session = ask.store.create_session(new).await?;
    let to = if session.principal.must_change_password {
        String::from("/password")
    } else {
        local_path(next).unwrap_or_else(|| String::from("/"))
    };
    let response = with_cookie(redirect(&to), &cookies::set(cookies::SESSION, &token, None));
    Ok(with_cookie(response, &cookies::clear(cookies::BEFORE)))
}

/// `POST /logout`
pub(crate) async fn logout(ask: Ask, _proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    let caller = ask.caller.as_ref().ok_or(Problem::Login)?;
    ask.store.end_session(&caller.token_hash, ask.now).await?;
    ask.shared.live.end(caller.token_hash);
    Ok(with_cookie(redirect(&with_done("/login", "logged-out")), &cookies::clear(cookies::SESSION)))
}
