//! What people set for themselves: password, language, theme.

use crate::ask::{Ask, with_done};
use crate::cookies;
use crate::limit::Key;
use crate::password::{self, MAX_BYTES, MIN_LENGTH, Weak};
use crate::problem::{Problem, page_with, redirect};
use crate::view::{Page, PasswordPage};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use model::Authorised;
use model::access::OwnSettings;
use state::people::Theme;

async fn draw(ask: &Ask, status: StatusCode, problems: Vec<String>) -> Result<Response, Problem> {
    let principal = &ask.caller.as_ref().ok_or(Problem::Login)?.principal;
    let page = PasswordPage {
        shell: ask.shell(Page::Settings, &ask.say("password-change")).await?,
        forced: principal.must_change_password,
        problems,
        least: MIN_LENGTH as u64,
        most: MAX_BYTES as u64,
        name: principal.name.clone(),
    };
    page_with(status, &page)
}

/// `GET /password`
pub(crate) async fn password_form(ask: Ask, _proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    draw(&ask, StatusCode::OK, Vec::new()).await
}

/// `POST /password`
pub(crate) async fn password(ask: Ask, proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    let caller = ask.caller.clone().ok_or(Problem::Login)?;
    let name = caller.principal.name.clone();
    let (current, new, again) = (ask.form.get("current"), ask.form.get("new"), ask.form.get("again"));
    // Whoever sits down at an open page could guess here too.
    let key = Key::account(&name);
    if let Some(wait) = ask.shared.limiter.locked(&key, ask.now) {
        return draw(&ask, StatusCode::TOO_MANY_REQUESTS, vec![ask.t().x("problem-wait", &ask.format.span(wait))]).await;
    }
    let row = ask.store.find_login(&name, ask.now).await?;
    let phc = row.filter(|r| r.user == caller.session.user).map(|r| r.password_hash);
    let given = if current.len() > MAX_BYTES { String::new() } else { current.to_owned() };
    if !ask.shared.hasher.verify(given, phc).await? {
        ask.shared.limiter.failed(key, ask.now);
        return draw(&ask, StatusCode::UNPROCESSABLE_ENTITY, vec![ask.say("password-wrong")]).await;
    }
    if let Err(weak) = password::judge(&name, current, new, again) {
        let key = match weak {
            Weak::Short => "password-short",
            Weak::Long => "password-long",
            Weak::Differ => "password-differ",
            Weak::Same => "password-same",
            Weak::Guessable => "password-guessable",
        };
        return draw(&ask, StatusCode::UNPROCESSABLE_ENTITY, vec![ask.t().n(key, password::MIN_LENGTH as u64)]).await;
    }
    let phc = ask.shared.hasher.hash(new.to_owned()).await?;
    ask.store.set_own_password(&proof, &phc, Some(caller.token_hash), ask.now).await?;
    ask.shared.limiter.succeeded(&key);
    // Who comes in for the first time is asked what only they can decide.
    let first = caller.principal.must_change_password && super::encryption::is_due(&ask, &caller.principal);
    Ok(redirect(&with_done(if first { super::encryption::PATH } else { "/" }, "password")))
}

/// `POST /settings/language`
pub(crate) async fn language(ask: Ask, proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    let lang = crate::lang_of(ask.form.get("lang")).ok_or_else(|| Problem::Bad(String::new()))?;
    ask.store.set_own_language(&proof, Some(lang), ask.now).await?;
    // Also for the login page after this session.
    let mut response = redirect(&ask.back("back", "/settings"));
    if let Ok(value) = HeaderValue::from_str(&cookies::set(cookies::LANGUAGE, lang.tag(), Some(31_536_000))) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    Ok(response)
}

/// `POST /settings/theme`
pub(crate) async fn theme(ask: Ask, proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    let theme = Theme::from_name(ask.form.get("theme")).ok_or_else(|| Problem::Bad(String::new()))?;
    ask.store.set_own_theme(&proof, theme, ask.now).await?;
    Ok(redirect(&ask.back("back", "/settings")))
}
