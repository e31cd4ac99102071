//! 保存時の暗号化: the question of the first start, and what follows from it: whether the vault is encrypted, what opens it, or why it is not.
//!
//! The recovery key is shown once, in the answer to the form that made it, and is kept nowhere. Each decision is recorded with who made it, and as evidence.

use super::vault::whole;
use crate::ask::{Ask, with_done};
use crate::problem::{Problem, page_with, redirect};
use crate::view::encryption::{EncryptionPage, EncryptionRow};
use crate::view::words::Tag;
use crate::view::{Amount, Page};
use axum::http::StatusCode;
use axum::response::Response;
use catalogue::Value;
use model::access::{EditSettings, ViewSettings, authorise};
use model::{Authorised, Principal};
use state::encryption::Decision;
use std::path::PathBuf;
use vault::{Answer, Encryption, LockKind, NewLock, Secret, VaultError};

/// Where the page is.
pub(crate) const PATH: &str = "/vault/encryption";
/// Characters of a reason, and of a path.
const REASON: usize = 500;
const LONGEST_PATH: usize = 1000;

/// What opens it, in words.
fn how(ask: &Ask, e: &Encryption) -> String {
    let t = ask.t();
    match (e.lock, &e.key_file) {
        (Some(LockKind::File), Some(f)) => t.x("enc-by-file", &f.display().to_string()),
        (Some(LockKind::File), None) => t.say("enc-file"),
        (Some(LockKind::Credential), _) => t.say("enc-by-credential"),
        (Some(LockKind::Passphrase), _) => t.say("enc-by-passphrase"),
        (Some(LockKind::Recovery) | None, _) => String::new(),
    }
}

/// How it stands, for the vault's page.
pub(crate) fn row(ask: &Ask, e: &Encryption) -> EncryptionRow {
    let t = ask.t();
    let (tag, what) = match e.answer {
        Answer::Open => (Tag { tone: "blue", mark: "？", word: t.say("enc-open") }, t.say("enc-open-what")),
        Answer::Off => (Tag { tone: "", mark: "－", word: t.say("enc-off") }, t.x("enc-off-what", &e.reason)),
        Answer::On => (Tag { tone: "ok", mark: "●", word: t.say("enc-on") }, how(ask, e)),
    };
    let rewriting = match e.rewriting {
        Some(r) if r.of > 0 => {
            t.with("enc-rewriting", &[("x", Value::Text(&ask.format.number(r.of))), ("y", Value::Text(&ask.format.number(r.done)))])
        }
        Some(_) => t.say("enc-rewriting-soon"),
        None => String::new(),
    };
    EncryptionRow { tag, what, rewriting, since: e.since.map(|at| ask.when(at)), by: e.by.clone() }
}

/// Nobody has answered yet: a sentence for the front page.
pub(crate) fn question(ask: &Ask) -> String {
    if ask.shared.vault.status().encryption.answer == Answer::Open { ask.say("enc-question") } else { String::new() }
}

/// Whether an administrator who comes in for the first time is asked now: with the password that they have just set.
pub(crate) fn is_due(ask: &Ask, who: &Principal) -> bool {
    let who = Principal { must_change_password: false, ..who.clone() };
    let may = authorise(&who, EditSettings, ask.shared.store.site().id, None).is_ok_and(|p| p.zone().is_none());
    may && ask.shared.vault.status().encryption.answer == Answer::Open
}

/// `GET /vault/encryption`
pub(crate) async fn page(ask: Ask, _proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    draw(&ask, StatusCode::OK, None, None).await
}

/// A refusal in words, with what the system said.
type Refused = (String, String);

async fn draw(ask: &Ask, status: StatusCode, recovery: Option<&Secret>, problem: Option<Refused>) -> Result<Response, Problem> {
    let e = ask.shared.vault.status().encryption;
    let entered = |name: &str, default: String| if ask.form.get(name).is_empty() { default } else { ask.form.get(name).to_owned() };
    let keys = &ask.shared.keys;
    let proposal = e.key_file.clone().unwrap_or_else(|| keys.proposal.clone());
    let page = EncryptionPage {
        shell: ask.shell(Page::Settings, &ask.say("enc")).await?,
        answer: e.answer.name(),
        row: row(ask, &e),
        files: e.rewriting.map(|r| (Amount::count(r.done), Amount::count(r.of))),
        recovery: e.recovery,
        key_file: entered("key_file", proposal.display().to_string()),
        credential: keys.credential.is_some(),
        how: entered("how", e.lock.unwrap_or(LockKind::File).name().to_owned()),
        reason: entered("reason", String::new()),
        configured: keys.configured,
        shown: recovery.map(|r| r.text().to_owned()),
        problem,
    };
    page_with(status, &page)
}

/// The lock that the form asks for.
fn lock(ask: &Ask) -> Result<NewLock, Refused> {
    let refuse = |key: &str| Err((ask.say(key), String::new()));
    match ask.form.get("how") {
        "passphrase" => {
            let (first, again) = (ask.form.get("passphrase"), ask.form.get("passphrase_again"));
            if first != again {
                return refuse("enc-differ");
            }
            if first.chars().count() < 12 {
                return refuse("enc-short");
            }
            Ok(NewLock::Passphrase(Secret::new(first.as_bytes().to_vec())))
        }
        "credential" => match &ask.shared.keys.credential {
            Some(c) => Ok(NewLock::Credential(c.clone())),
            None => refuse("enc-no-credential"),
        },
        "file" => {
            let text = ask.form.get("key_file").trim();
            let path = PathBuf::from(text);
            if !path.is_absolute() || text.chars().count() > LONGEST_PATH || text.chars().any(char::is_control) {
                return refuse("enc-path");
            }
            // Not only outside of the vault: a backup takes the whole folder.
            if !vault::key_file_is_outside(&path, &ask.shared.folder) {
                return refuse("enc-inside");
            }
            Ok(NewLock::File(path))
        }
        _ => refuse("enc-path"),
    }
}

/// `POST /vault/encryption`: on, off, another key, another recovery key.
pub(crate) async fn change(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    whole(&proof)?;
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let by = proof.name().to_owned();
    let before = ask.shared.vault.status().encryption.answer;
    let act = ask.form.get("act").to_owned();
    if act == "off" {
        let reason = ask.form.get("reason").trim().to_owned();
        if reason.is_empty() || reason.chars().count() > REASON || reason.chars().any(char::is_control) {
            return draw(&ask, unfit, None, Some((ask.say("enc-reason-wanted"), String::new()))).await;
        }
        let why = reason.clone();
        return match run(&ask, move |v| v.decrypt(&by, &why).map(|()| None)).await? {
            Ok(_) => {
                ask.store.encryption_decided(&proof, Decision { from: before.name(), on: false, words: &reason }, ask.now).await?;
                tracing::info!(by = proof.name(), "encryption at rest is off");
                Ok(redirect(&with_done("/vault#encryption", "saved")))
            }
            Err(e) => draw(&ask, unfit, None, Some((ask.say("enc-failed"), e.to_string()))).await,
        };
    }
    let new = match act.as_str() {
        "recovery" => None,
        "on" | "rekey" => match lock(&ask) {
            Ok(l) => Some(l),
            Err(refused) => return draw(&ask, unfit, None, Some(refused)).await,
        },
        _ => return Err(Problem::Bad(String::new())),
    };
    let fresh = act == "recovery";
    let on = act == "on";
    let done = run(&ask, move |v| match new {
        Some(l) if on => v.encrypt(&l, &by).map(Some),
        other => v.rekey(other.as_ref(), fresh, &by),
    });
    let recovery = match done.await? {
        Ok(r) => r,
        Err(e) => return draw(&ask, unfit, None, Some((ask.say("enc-failed"), e.to_string()))).await,
    };
    tracing::info!(by = proof.name(), act, "the key of encryption at rest was set");
    let e = ask.shared.vault.status().encryption;
    let words = e.lock.map_or("", LockKind::name);
    let words = e.key_file.as_ref().map_or_else(|| words.to_owned(), |f| format!("{words} {}", f.display()));
    let recorded = ask.store.encryption_decided(&proof, Decision { from: before.name(), on: true, words: &words }, ask.now).await;
    if let Some(r) = &recovery {
        // It is shown in any case: there is no second chance.
        let problem = recorded.err().map(|e| (ask.say("enc-not-recorded"), e.to_string()));
        return draw(&ask, StatusCode::OK, Some(r), problem).await;
    }
    recorded?;
    Ok(redirect(&with_done(PATH, "saved")))
}

/// On a thread for files: a passphrase takes its time.
async fn run<F>(ask: &Ask, f: F) -> Result<Result<Option<Secret>, VaultError>, Problem>
where
    F: FnOnce(&vault::Vault) -> Result<Option<Secret>, VaultError> + Send + 'static,
{
    let vault = ask.shared.vault.clone();
    let _turn = ask.shared.holding.lock().await;
    tokio::task::spawn_blocking(move || f(&vault)).await.map_err(|e| Problem::Broken(e.to_string()))
}
