//! `hinomi vault encrypt/decrypt/rekey`: encryption at rest, while Hinomi is stopped. While it runs, the console does the same.

use super::failed;
use crate::clock::now;
use crate::command::{block_on, configuration, open_state, path};
use crate::config::Config;
use crate::keys;
use crate::outcome::{Verdict, bad_input, state_error, unreachable, usage};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::Principal;
use model::access::{EditSettings, authorise};
use state::encryption::Decision;
use std::time::{Duration, Instant};
use vault::{Answer, Encryption, NewLock, Options, Secret, Vault, VaultError};

fn by(matches: &ArgMatches) -> String {
    let given = matches.try_get_one::<String>("by").ok().flatten().cloned();
    given.unwrap_or_else(|| std::env::var("USER").unwrap_or_else(|_| String::from("root")))
}

/// The new lock that the options ask for; `None` where they ask for none.
fn new_lock(matches: &ArgMatches, config: &Config, variable: &str) -> Result<Option<NewLock>> {
    if matches.get_flag("passphrase") {
        return keys::new_passphrase(variable).map(|p| Some(NewLock::Passphrase(p)));
    }
    if matches.get_flag("credential") {
        let none = || {
            usage(format!(
                "there is no credential {}; run this where systemd hands it over (systemd-run -p LoadCredential=…)",
                keys::CREDENTIAL
            ))
        };
        return keys::credential().map(|c| Some(NewLock::Credential(c))).ok_or_else(none);
    }
    let Some(file) = path(matches, "key-file") else { return Ok(None) };
    keys::outside(&file, &config.data)?;
    Ok(Some(NewLock::File(file)))
}

fn open(config: &Config) -> Result<Vault> {
    keys::open(config, None, Options::default()).map_err(|e| match e {
        VaultError::Locked { .. } => unreachable("Hinomi is running: stop it first, or do this on the vault page of the console"),
        other => failed(other),
    })
}

/// Who decided what, in the state's own book.
fn record(config: &Config, from: Answer, on: bool, words: &str) -> Result<()> {
    block_on(async {
        let store = open_state(config).await?;
        let proof = authorise(&Principal::machine(), EditSettings, store.site().id, None)?;
        store.encryption_decided(&proof, Decision { from: from.name(), on, words }, now()).await.map_err(state_error)?;
        store.close().await;
        Ok(())
    })
}

/// Brings all files after the change.
fn bring(vault: &Vault, words: &Words) -> Result<()> {
    terminal::line(&words.say("vault-bringing"))?;
    let began = Instant::now();
    vault.seal().map_err(failed)?;
    while !vault.bring_after().map_err(failed)? {
        if began.elapsed() > keys::PATIENCE {
            // What is in use now follows when Hinomi runs.
            return terminal::line(&words.say("vault-bringing-later"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    terminal::line(&words.say("vault-brought"))
}

fn show_recovery(words: &Words, recovery: &Secret) -> Result<()> {
    terminal::line(&words.say("vault-recovery-key"))?;
    terminal::line(&format!("\n    {}\n", recovery.text()))?;
    terminal::line(&words.say("vault-recovery-key-how"))
}

fn how(e: &Encryption) -> String {
    match (&e.lock, &e.key_file) {
        (Some(k), Some(f)) => format!("{} {}", k.name(), f.display()),
        (Some(k), None) => k.name().to_owned(),
        (None, _) => String::new(),
    }
}

/// Turns it on.
pub fn encrypt(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    super::folder(matches)?;
    let config = configuration(matches)?;
    let lock = match new_lock(matches, &config, keys::PASSPHRASE_FILE)? {
        Some(l) => l,
        None => match &config.key_file {
            Some(f) => {
                keys::outside(f, &config.data)?;
                NewLock::File(f.clone())
            }
            None => return Err(usage(words.with("vault-encrypt-how", &[("file", Value::Text(keys::PROPOSED))]))),
        },
    };
    let vault = open(&config)?;
    let before = vault.status().encryption.answer;
    let recovery = vault.encrypt(&lock, &by(matches)).map_err(failed)?;
    // The key is needed from now on: it is shown before anything else can fail.
    let now_is = vault.status().encryption;
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({ "encryption": "on", "lock": how(&now_is), "recovery_key": recovery.text() }))?;
    } else {
        terminal::line(&words.with("vault-encrypted", &[("how", Value::Text(&how(&now_is)))]))?;
        show_recovery(words, &recovery)?;
    }
    drop(recovery);
    let recorded = record(&config, before, true, &how(&now_is));
    if matches.get_flag("json") {
        vault.seal().and_then(|()| vault.bring_after()).map_err(failed)?;
    } else {
        bring(&vault, words)?;
    }
    recorded.map(|()| Verdict::Holds)
}

/// Turns it off, or says why it stays off.
pub fn decrypt(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    super::folder(matches)?;
    let config = configuration(matches)?;
    let reason = matches.get_one::<String>("reason").map(|r| r.trim().to_owned()).unwrap_or_default();
    if reason.is_empty() {
        return Err(usage(words.say("vault-decrypt-why")));
    }
    let vault = open(&config)?;
    let before = vault.status().encryption.answer;
    vault.decrypt(&by(matches), &reason).map_err(failed)?;
    let recorded = record(&config, before, false, &reason);
    terminal::line(&words.say("vault-decrypted"))?;
    if before == Answer::On {
        bring(&vault, words)?;
    }
    recorded.map(|()| Verdict::Holds)
}

/// Changes what opens it.
pub fn rekey(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let folder = super::folder(matches)?;
    let config = configuration(matches)?;
    let mut unlock = keys::unlock(&config, true);
    if let Some(file) = path(matches, "recovery-key-file") {
        let bytes = crate::ledger::read_file(&file)?;
        unlock.recovery = Some(Secret::new(bytes));
    }
    let vault = Vault::open_unlocked(&folder, None, Options::default(), &unlock).map_err(|e| match e {
        VaultError::Locked { .. } => unreachable("Hinomi is running: stop it first, or do this on the vault page of the console"),
        other => failed(other),
    })?;
    let lock = new_lock(matches, &config, keys::NEW_PASSPHRASE_FILE)?;
    let fresh = matches.get_flag("new-recovery-key");
    if lock.is_none() && !fresh {
        return Err(usage(words.say("vault-rekey-how")));
    }
    let recovery = vault.rekey(lock.as_ref(), fresh, &by(matches)).map_err(failed)?;
    let status = vault.status().encryption;
    if status.answer != Answer::On {
        return Err(bad_input("the vault is not encrypted"));
    }
    terminal::line(&words.with("vault-rekeyed", &[("how", Value::Text(&how(&status)))]))?;
    if let Some(r) = recovery {
        show_recovery(words, &r)?;
    }
    record(&config, Answer::On, true, &how(&status)).map(|()| Verdict::Holds)
}

/// How encryption stands, for people and programs.
pub(super) fn line(e: &Encryption, words: &Words) -> String {
    let base = match e.answer {
        Answer::Open => words.say("vault-encryption-open"),
        Answer::Off => words.with("vault-encryption-off", &[("reason", Value::Text(&e.reason))]),
        Answer::On => words.with("vault-encryption-on", &[("how", Value::Text(&how(e)))]),
    };
    match e.rewriting {
        Some(r) if r.of > 0 => {
            let (done, of) = (super::count(r.done), super::count(r.of));
            format!("{base} {}", words.with("vault-encryption-rewriting", &[("done", Value::Text(&done)), ("of", Value::Text(&of))]))
        }
        Some(_) => format!("{base} {}", words.say("vault-encryption-rewriting-soon")),
        None => base,
    }
}

/// The same for programs.
pub(super) fn json(e: &Encryption) -> serde_json::Value {
    serde_json::json!({
        "answer": e.answer.name(), "since": e.since, "by": e.by, "reason": e.reason, "lock": e.lock.map(vault::LockKind::name),
        "key_file": e.key_file, "recovery_key": e.recovery, "rewriting": e.rewriting.map(|r| serde_json::json!({ "done": r.done, "of": r.of })),
    })
}
