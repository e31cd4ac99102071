//! `hinomi vault status/verify/prove/query/export/import/hold/erase/encrypt/decrypt/rekey`

mod archive;
mod ask;
mod encryption;
mod erase;
mod evidence;
mod noted;
mod rollups;

pub use archive::{export, hold, import};
pub use ask::query;
pub use encryption::{decrypt, encrypt, rekey};
pub use erase::erase;
pub use evidence::prove;
pub use rollups::rollups;

use super::configuration;
use crate::keys;
use crate::outcome::{Verdict, state_error, unreachable};
use crate::stores::state_url;
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::{Value, group};
use clap::ArgMatches;
use std::path::PathBuf;
use vault::{Depth, Options, Vault};

/// The folder of the vault.
pub(super) fn folder(matches: &ArgMatches) -> Result<PathBuf> {
    let config = configuration(matches)?;
    state_url(&config)?;
    let folder = config.data.join("vault");
    if !folder.is_dir() {
        return Err(unreachable(format!(
            "{} holds no vault yet; start Hinomi once with 'hinomi run', or name the folder with --data",
            config.data.display()
        )));
    }
    Ok(folder)
}

/// Opens the vault of a folder that is there already, or an archive, for reading: also while the watch is running.
pub(super) fn open(matches: &ArgMatches) -> Result<Vault> {
    let archive = matches.try_get_one::<PathBuf>("archive").ok().flatten();
    match archive {
        Some(path) => Vault::open_archive(path, Options::default()).map_err(failed),
        None => {
            folder(matches)?;
            keys::open_read_only(&configuration(matches)?).map_err(failed)
        }
    }
}

pub(super) use crate::keys::failed;

pub(super) fn count(n: u64) -> String {
    group(i64::try_from(n).unwrap_or(i64::MAX))
}

pub fn status(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let status = open(matches)?.status();
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({
            "site": status.site, "epoch": status.epoch, "last_seq": status.last_seq, "events": status.events, "bytes": status.bytes, "segments": status.segments,
            "oldest": status.oldest, "newest": status.newest, "free": status.free, "damage": status.damage.iter().map(ToString::to_string).collect::<Vec<_>>(), "notes": status.notes,
            "sealed_to": status.sealed_to,
            "tables": model::event::Table::ALL.iter().zip(&status.tables).map(|(t, s)| (t.name(), serde_json::json!({"files": s.files, "rows": s.rows, "bytes": s.bytes}))).collect::<std::collections::BTreeMap<_, _>>(),
            "log": {"origin": status.log.origin, "vkey": status.log.vkey, "fingerprint": status.log.fingerprint, "entries": status.log.size, "batches": status.log.batches, "covered": status.log.covered, "last_checkpoint": status.log.last_checkpoint},
            "encryption": encryption::json(&status.encryption),
            "last_verified": status.last_verified, "last_export": status.last_export,
        }))?;
    } else if let (Some(oldest), Some(newest)) = (status.oldest, status.newest) {
        let (events, bytes) = (count(status.events), count(status.bytes));
        let (oldest, newest) = (oldest.rfc3339(), newest.rfc3339());
        terminal::line(&words.with(
            "vault-status-line",
            &[
                ("events", Value::Text(&events)),
                ("bytes", Value::Text(&bytes)),
                ("oldest", Value::Text(&oldest)),
                ("newest", Value::Text(&newest)),
                ("epoch", Value::Number(i64::from(status.epoch))),
            ],
        ))?;
        if let Some(at) = status.log.last_checkpoint {
            let (size, batches, at) = (count(status.log.size), count(status.log.batches), at.rfc3339());
            terminal::line(&words.with(
                "vault-log-line",
                &[
                    ("size", Value::Text(&size)),
                    ("batches", Value::Text(&batches)),
                    ("at", Value::Text(&at)),
                    ("fingerprint", Value::Text(&status.log.fingerprint)),
                ],
            ))?;
        }
    } else {
        terminal::line(&words.say("vault-empty"))?;
    }
    if !matches.get_flag("json") && matches.try_get_one::<PathBuf>("archive").ok().flatten().is_none() {
        terminal::line(&encryption::line(&status.encryption, words))?;
    }
    for damage in &status.damage {
        eprintln!("{}", words.with("vault-bad", &[("what", Value::Text(&damage.to_string()))]));
    }
    Ok(if status.damage.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold })
}

pub fn verify(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    if let Some(packs) = matches.get_many::<PathBuf>("packs") {
        return evidence::verify(&packs.cloned().collect::<Vec<_>>(), matches, words);
    }
    let depth = if matches.get_flag("deep") { Depth::Deep } else { Depth::Files };
    let vault = open(matches)?;
    let total = vault.status().bytes;
    let bar = Progress::new(words, total);
    let found = vault.verify_with(depth, |done| bar.at(done, total)).map_err(unreachable)?;
    drop(bar);
    if matches.try_get_one::<PathBuf>("archive").ok().flatten().is_none() {
        shown(matches, &vault);
    }
    let damage: Vec<String> = found.damage.iter().map(ToString::to_string).collect();
    if matches.get_flag("json") {
        terminal::json(
            &serde_json::json!({ "files": found.files, "bytes": found.bytes, "records": found.records, "entries": found.entries, "leaves": found.leaves, "damage": damage }),
        )?;
    } else if damage.is_empty() {
        let events = vault.status().events;
        terminal::line(&words.with("vault-good", &[("events", Value::Text(&count(events)))]))?;
        if depth == Depth::Deep {
            terminal::line(&words.with("vault-deep-good", &[("leaves", Value::Text(&count(found.leaves)))]))?;
        }
    }
    for what in &damage {
        eprintln!("{}", words.with("vault-bad", &[("what", Value::Text(what))]));
    }
    Ok(if damage.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold })
}

/// What the look showed is evidence; it goes to the vault by way of the state, which is open to others beside a running Hinomi. A look without
/// that is worth as much for whoever looked, so a failure is only told.
fn shown(matches: &ArgMatches, vault: &Vault) {
    let Some(looked) = vault.status().last_verified else { return };
    let written = super::block_on(async {
        let store = super::open_state(&configuration(matches)?).await?;
        let pipeline = store.pipeline().map_err(state_error)?;
        pipeline.shows(crate::exports::verified(&looked), crate::clock::now()).await.map_err(state_error)
    });
    if let Err(e) = written {
        eprintln!("hinomi: {e:#}");
    }
}

/// A phrase that is filled in again and again.
type Phrase = Box<dyn Fn(&[(&str, Value<'_>)]) -> String + Send>;

/// A line that moves, on a terminal, for work longer than two seconds.
pub(super) struct Progress {
    words: Phrase,
    began: std::time::Instant,
    said: std::cell::Cell<Option<std::time::Instant>>,
    shown: bool,
}

impl Progress {
    pub fn new(words: &Words, _: u64) -> Progress {
        use std::io::IsTerminal;
        Progress {
            words: Box::new(words.template("vault-progress")),
            began: std::time::Instant::now(),
            said: std::cell::Cell::new(None),
            shown: std::io::stderr().is_terminal(),
        }
    }
    /// Always yes: the work goes on.
    pub fn at(&self, done: u64, total: u64) -> bool {
        let due = self.said.get().is_none_or(|s| s.elapsed().as_millis() > 200);
        if self.shown && due && self.began.elapsed().as_secs() >= 2 {
            self.said.set(Some(std::time::Instant::now()));
            eprint!("\r{}", (self.words)(&[("done", Value::Text(&count(done))), ("total", Value::Text(&count(total)))]));
        }
        true
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.said.get().is_some() {
            eprintln!();
        }
    }
}
