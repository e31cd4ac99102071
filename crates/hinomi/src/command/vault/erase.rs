//! `hinomi vault erase`: addresses, names and text of chosen records go for good.

use super::{Progress, count, failed, folder};
use crate::clock::now;
use crate::outcome::{Verdict, bad_input, usage};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::Time;
use model::event::{Audit, Body, Deed, Table};
use model::{NewEvent, SourceId};
use std::io::{BufRead, IsTerminal, Write};
use vault::ask::{self, Cancel, Limits, Scope};
use vault::erase::{Erase, Erased, MOST_ERASED};
use vault::{Options, Vault};

/// Whoever is at the terminal, as far as the system says.
pub(super) fn who(matches: &ArgMatches) -> String {
    let by = matches.try_get_one::<String>("by").ok().flatten().cloned();
    by.unwrap_or_else(|| std::env::var("USER").unwrap_or_else(|_| String::from("root")))
}

/// Writes down what somebody did to the vault on the machine itself.
pub(super) fn did(vault: &Vault, actor: String, action: &str, deed: Deed) -> Result<()> {
    let audit = Audit { user: None, actor, from: None, action: String::from(action), deed, number: None };
    let event = NewEvent { source: SourceId(0), received: now(), happened: None, body: Body::Audit(Box::new(audit)) };
    vault.appender().append_and_wait(&[event]).map(|_| ()).map_err(failed)
}

/// The records that the question answers with: all of them, or none.
fn chosen(vault: &Vault, sql: &str, words: &Words) -> Result<Vec<u64>> {
    let limits = Limits { rows: MOST_ERASED, ..Limits::default() };
    let answer = ask::ask(vault, &Scope::all(), sql, &limits, &Cancel::new(), false).map_err(bad_input)?;
    if answer.cut {
        return Err(bad_input(words.with("vault-erase-many", &[("most", Value::Text(&count(MOST_ERASED as u64)))])));
    }
    let mut seqs = Vec::with_capacity(answer.rows);
    for batch in &answer.batches {
        seqs.extend(vault::columns::numbers(batch, "seq").ok_or_else(|| usage(words.say("vault-prove-no-seq")))?);
    }
    Ok(seqs)
}

/// Erases, after it has said what it will do and was told to.
pub fn erase(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let dir = folder(matches)?;
    let dry_run = matches.get_flag("dry-run");
    let opened = if dry_run { Vault::open_read_only(&dir, Options::default()) } else { Vault::open(&dir, None, Options::default()) };
    let vault = opened.map_err(failed)?;
    let Some(sql) = matches.get_one::<String>("sql") else { return Err(usage("which records? A question in SQL is needed")) };
    let Some(reason) = matches.get_one::<String>("reason") else { return Err(usage("--reason is needed: it stands in the log for ever")) };
    let mut request = Erase { seqs: chosen(&vault, sql, words)?, reason: reason.clone(), by: who(matches), dry_run: true, range: None };
    if request.seqs.is_empty() {
        eprintln!("{}", words.say("vault-prove-none"));
        return Ok(Verdict::DoesNotHold);
    }
    let bar = Progress::new(words, 0);
    let would = vault.erase(&request).map_err(failed)?;
    drop(bar);
    if dry_run || would.records == 0 {
        say(matches, words, &would, if dry_run { "vault-erase-would" } else { "vault-erased" })?;
        return Ok(Verdict::Holds);
    }
    if !matches.get_flag("yes") && !sure(words, &would)? {
        eprintln!("{}", words.say("vault-erase-not"));
        return Ok(Verdict::DoesNotHold);
    }
    request.dry_run = false;
    let done = vault.erase(&request).map_err(failed)?;
    // Who, why and how many; nothing of what it was, and not what was searched for.
    let deed = Deed::RecordsErased { rows: done.records, batches: done.batches, reason: request.reason };
    did(&vault, request.by, "vault.erase", deed)?;
    say(matches, words, &done, "vault-erased")?;
    Ok(Verdict::Holds)
}

/// Asks at the terminal; where nobody can be asked, `--yes` is needed.
fn sure(words: &Words, would: &Erased) -> Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(usage(words.say("vault-erase-yes-needed")));
    }
    eprint!("{} ", words.with("vault-erase-sure", &[("records", Value::Text(&count(would.records)))]));
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn say(matches: &ArgMatches, words: &Words, done: &Erased, key: &str) -> Result<()> {
    let tables: std::collections::BTreeMap<&str, u64> =
        Table::ALL.iter().zip(done.tables).filter(|(_, n)| *n > 0).map(|(t, n)| (t.name(), n)).collect();
    if matches.get_flag("json") {
        return terminal::json(&serde_json::json!({
            "records": done.records, "tables": tables, "already": done.already, "missing": done.missing, "batches": done.batches,
            "others": done.others, "files": done.files, "blobs": done.blobs.iter().map(ToString::to_string).collect::<Vec<_>>(), "entry": done.entry,
            "archives": done.archives.iter().map(|(at, to)| serde_json::json!({"at": at.rfc3339(), "target": to})).collect::<Vec<_>>(),
            "leftovers": done.leftovers,
        }));
    }
    let numbers = [done.records, done.batches, done.others, done.files, done.blobs.len() as u64, done.already, done.missing].map(count);
    let names = ["records", "batches", "others", "files", "blobs", "already", "missing"];
    let args: Vec<(&str, Value<'_>)> = names.into_iter().zip(&numbers).map(|(n, v)| (n, Value::Text(v))).collect();
    terminal::line(&words.with(key, &args))?;
    for (table, n) in &tables {
        terminal::line(&format!("  {table}\t{}", count(*n)))?;
    }
    for (at, target) in &done.archives {
        let at = Time::rfc3339(*at);
        eprintln!("{}", words.with("vault-erase-archive", &[("at", Value::Text(&at)), ("target", Value::Text(target))]));
    }
    for file in &done.leftovers {
        eprintln!("{}", words.with("vault-erase-leftover", &[("file", Value::Text(&file.display().to_string()))]));
    }
    if done.entry.is_some() {
        eprintln!("{}", words.say("vault-erase-elsewhere"));
    }
    Ok(())
}
