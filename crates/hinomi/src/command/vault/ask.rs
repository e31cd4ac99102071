//! `hinomi vault query`: questions in SQL, or by name.

use super::{count, noted, open};
use crate::outcome::{Verdict, bad_input, unreachable, usage};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::event::Deed;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;
use vault::Vault;
use vault::ask::{self, Answer, AskError, Cancel, Limits, Scope, questions};

/// A question that is wrong is bad input; a disk that does not answer is not.
fn failed(e: AskError) -> anyhow::Error {
    bad_input(e)
}

fn limits(matches: &ArgMatches) -> Result<Limits> {
    let number = |key: &str| -> Result<Option<u64>> {
        let Some(text) = matches.try_get_one::<String>(key).ok().flatten() else { return Ok(None) };
        text.parse().map(Some).map_err(|_| usage(format!("'{text}' is not a number")))
    };
    let mut limits = Limits::default();
    if let Some(rows) = number("limit")? {
        limits.rows = usize::try_from(rows).unwrap_or(usize::MAX);
    }
    if let Some(seconds) = number("seconds")? {
        limits.time = Duration::from_secs(seconds);
    }
    Ok(limits)
}

/// The numbers of the records that a question answers with.
pub(super) fn seqs(vault: &Vault, sql: &str, words: &Words) -> Result<Vec<u64>> {
    let limits = Limits { rows: vault::MOST_RECORDS, ..Limits::default() };
    let answer = ask::ask(vault, &Scope::all(), sql, &limits, &Cancel::new(), false).map_err(failed)?;
    let mut seqs = Vec::with_capacity(answer.rows);
    for batch in &answer.batches {
        seqs.extend(vault::columns::numbers(batch, "seq").ok_or_else(|| usage(words.say("vault-prove-no-seq")))?);
    }
    Ok(seqs)
}

/// Asks and prints.
pub fn query(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let given: Vec<String> = matches.get_many::<String>("sql").unwrap_or_default().cloned().collect();
    let name = matches.get_one::<String>("name");
    if name.is_some_and(|n| n == "list") {
        for q in questions::ALL {
            let params: Vec<String> = q.params.iter().map(|p| format!("{}={}", p.name, p.default.unwrap_or("…"))).collect();
            let what = if words.lang == model::Lang::Ja { q.ja } else { q.en };
            terminal::line(&format!("{}\t{}\t{what}", q.name, params.join(" ")))?;
        }
        return Ok(Verdict::Holds);
    }
    let vault = open(matches)?;
    let (limits, explain) = (limits(matches)?, matches.get_flag("explain"));
    let cancel = Cancel::new();
    let (answer, asked): (Answer, String) = match name {
        Some(name) => {
            let question = questions::by_name(name).map_err(failed)?;
            let pairs: Vec<(&str, &str)> = given.iter().filter_map(|g| g.split_once('=')).collect();
            if pairs.len() != given.len() {
                return Err(usage("values are given as NAME=VALUE"));
            }
            let answer = question.ask(&vault, &Scope::all(), &pairs, &limits, &cancel, explain).map_err(failed)?;
            (answer, format!("{name} {}", given.join(" ")))
        }
        None => {
            let mut sql = given.join(" ");
            if sql.trim() == "-" {
                sql.clear();
                std::io::stdin().read_to_string(&mut sql)?;
            }
            if sql.trim().is_empty() {
                return Err(usage("a question in SQL is needed, or --name"));
            }
            (ask::ask(&vault, &Scope::all(), &sql, &limits, &cancel, explain).map_err(failed)?, sql)
        }
    };
    // Before anything is shown: what cannot be written down is not answered.
    noted::note(matches, "vault.query", Deed::Asked { question: asked, rows: answer.rows as u64 }, words)?;
    let format = matches.get_one::<String>("format").map_or("table", String::as_str);
    let format = if matches.get_flag("json") { "json" } else { format };
    let format = ask::format::Format::from_name(format).ok_or_else(|| usage(format!("there is no format '{format}'")))?;
    let failed_to_write = |e: std::io::Error| unreachable(format!("cannot write: {e}"));
    match matches.get_one::<PathBuf>("out").filter(|o| o.as_os_str() != "-") {
        Some(out) => {
            let file = std::fs::File::create(out).map_err(|e| unreachable(format!("cannot write {}: {e}", out.display())))?;
            ask::format::write(&answer, format, file).map_err(failed_to_write)?;
        }
        None => {
            let mut out = std::io::stdout();
            ask::format::write(&answer, format, &mut out).map_err(failed_to_write)?;
            out.flush()?;
        }
    }
    let (rows, ms) = (count(answer.rows as u64), answer.took.as_millis().to_string());
    eprintln!("{}", words.with("vault-query-took", &[("rows", Value::Text(&rows)), ("ms", Value::Text(&ms))]));
    if answer.cut {
        eprintln!("{}", words.with("vault-query-cut", &[("rows", Value::Text(&rows))]));
    }
    for n in &answer.notes {
        eprintln!("{n}");
    }
    if let Some(plan) = &answer.explain {
        eprintln!("{plan}");
    }
    Ok(Verdict::Holds)
}
