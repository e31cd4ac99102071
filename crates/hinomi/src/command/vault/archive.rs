//! `hinomi vault export/import/hold`

use super::erase::{did, who};
use super::{Progress, count, failed, folder};
use crate::clock::now;
use crate::command::configuration;
use crate::keys;
use crate::outcome::{Verdict, usage};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::Time;
use model::event::{Deed, Table};
use std::path::PathBuf;
use vault::{Export, Hold, Options, VaultError, archive};

/// Bytes as people write them on media: decimal, as makers do.
fn size(text: &str) -> Result<u64> {
    let wrong = || usage(format!("'{text}' is not a size, like 4.7G or 700M"));
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor = match unit.to_ascii_uppercase().trim_end_matches('B') {
        "" => 1.0,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        _ => return Err(wrong()),
    };
    let n: f64 = number.trim().parse().map_err(|_| wrong())?;
    if n.is_finite() && n * factor >= 1e6 { Ok((n * factor) as u64) } else { Err(wrong()) }
}

/// Writes an archive.
pub fn export(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    folder(matches)?;
    let config = configuration(matches)?;
    let vault = match keys::open(&config, None, Options::default()) {
        Err(VaultError::Locked { .. }) => {
            terminal::say(&words.say("vault-export-running"));
            keys::open_read_only(&config)
        }
        other => other,
    };
    let vault = vault.map_err(failed)?;
    let mut recipients = Vec::new();
    for r in matches.get_many::<String>("recipient").unwrap_or_default() {
        recipients.push(r.parse().map_err(usage)?);
    }
    let ask = Export {
        target: matches.get_one::<PathBuf>("to").cloned().unwrap_or_default(),
        split: matches.get_one::<String>("split").map(|s| size(s)).transpose()?,
        recipients,
        by: matches.get_one::<String>("by").cloned().unwrap_or_else(|| std::env::var("USER").unwrap_or_else(|_| String::from("root"))),
    };
    let records = vault.status().events;
    let bar = Progress::new(words, 0);
    let done = vault.export(&ask, |done, total| bar.at(done, total)).map_err(failed)?;
    drop(bar);
    // The folder is let go first: where there is no state, it is opened again for the record.
    drop(vault);
    super::noted::note(
        matches,
        "vault.export",
        Deed::Exported { what: format!("archive {}", ask.target.display()), rows: records },
        words,
    )?;
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({ "volumes": done.volumes, "files": done.files, "bytes": done.bytes, "there": done.there }))?;
    } else {
        let (files, bytes, to) = (count(done.files), count(done.bytes), ask.target.display().to_string());
        terminal::line(
            &words.with("vault-exported", &[("files", Value::Text(&files)), ("bytes", Value::Text(&bytes)), ("to", Value::Text(&to))]),
        )?;
    }
    Ok(Verdict::Holds)
}

/// Checks an archive and says what is in it.
pub fn import(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let Some(path) = matches.get_one::<PathBuf>("archive-path") else { return Err(usage("which archive?")) };
    let volumes = archive::volumes_of(path).map_err(failed)?;
    let bar = Progress::new(words, 0);
    let found = archive::check(&volumes, |done| bar.at(done, done)).map_err(failed)?;
    drop(bar);
    if matches.get_flag("json") {
        terminal::json(
            &serde_json::json!({ "volumes": volumes, "files": found.files, "bytes": found.bytes, "fingerprint": found.fingerprint, "problems": found.problems }),
        )?;
    } else if found.problems.is_empty() {
        let (files, bytes) = (count(found.files), count(found.bytes));
        terminal::line(&words.with(
            "vault-archive-good",
            &[("files", Value::Text(&files)), ("bytes", Value::Text(&bytes)), ("fingerprint", Value::Text(&found.fingerprint))],
        ))?;
    }
    for what in &found.problems {
        eprintln!("{}", words.with("vault-archive-bad", &[("what", Value::Text(what))]));
    }
    Ok(if found.problems.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold })
}

/// Lists, sets and lifts holds.
pub fn hold(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    folder(matches)?;
    let config = configuration(matches)?;
    let Some(name) = matches.get_one::<String>("name") else {
        let holds = keys::open_read_only(&config).map_err(failed)?.holds();
        if matches.get_flag("json") {
            terminal::json(&holds)?;
        } else if holds.is_empty() {
            terminal::line(&words.say("vault-hold-none"))?;
        }
        for h in holds.iter().filter(|_| !matches.get_flag("json")) {
            terminal::line(&format!("{}\t{}\t{}", h.name, h.since.rfc3339(), h.reason))?;
        }
        return Ok(Verdict::Holds);
    };
    let vault = keys::open(&config, None, Options::default()).map_err(failed)?;
    let mut holds = vault.holds();
    let before = holds.iter().find(|h| h.name == *name).cloned();
    holds.retain(|h| h.name != *name);
    let said = [("name", Value::Text(name))];
    if matches.get_flag("lift") {
        let Some(lifted) = before else { return Err(usage(format!("there is no hold '{name}'"))) };
        let reason = matches.get_one::<String>("reason").cloned().unwrap_or_default();
        vault.set_holds(holds).map_err(failed)?;
        did(&vault, who(matches), "vault.hold", Deed::HoldLifted { name: name.clone(), query: lifted.query(), reason })?;
        return terminal::line(&words.with("vault-hold-lifted", &said)).map(|()| Verdict::Holds);
    }
    let Some(reason) = matches.get_one::<String>("reason").cloned() else { return Err(usage("--reason is needed: why must it stay?")) };
    let mut tables = 0;
    for t in matches.get_many::<String>("tables").unwrap_or_default() {
        tables |= Table::from_name(t).ok_or_else(|| usage(format!("there is no table '{t}'")))?.bit();
    }
    let time = |key: &str| -> Result<Option<Time>> {
        let Some(text) = matches.get_one::<String>(key) else { return Ok(None) };
        Time::parse_rfc3339(text).map(Some).ok_or_else(|| usage(format!("'{text}' is not an RFC 3339 time")))
    };
    let hold = Hold { name: name.clone(), reason: reason.clone(), since: now(), tables, from: time("from")?, to: time("until")? };
    let deed = Deed::HoldPlaced { name: name.clone(), query: hold.query(), reason };
    holds.push(hold);
    vault.set_holds(holds).map_err(failed)?;
    did(&vault, who(matches), "vault.hold", deed)?;
    terminal::line(&words.with("vault-hold-set", &said)).map(|()| Verdict::Holds)
}
