//! `hinomi vault prove`, and `verify` of packs alone.

use super::{count, failed, open};
use crate::outcome::{Verdict, bad_input, unreachable, usage};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::Time;
use model::event::{Deed, Table};
use proof::pack::{self, Against, Report, Standing};
use std::io::Write;
use std::path::PathBuf;
use vault::Request;

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(|e| unreachable(format!("cannot read {}: {e}", path.display())))
}

fn time(text: &str) -> Result<Time> {
    Time::parse_rfc3339(text).ok_or_else(|| usage(format!("'{text}' is not an RFC 3339 time, like 2026-11-21T09:00:00+09:00")))
}

/// Checks packs without a data folder.
pub(super) fn verify(packs: &[PathBuf], matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let fingerprint = matches.get_one::<String>("fingerprint");
    let earlier = matches.get_one::<PathBuf>("since").map(read).transpose()?;
    let mut witnesses = Vec::new();
    for line in matches.get_many::<String>("witness").unwrap_or_default() {
        witnesses.push(line.parse().map_err(|e| usage(format!("the witness's key '{line}': {e}")))?);
    }
    let against = Against { fingerprint: fingerprint.map(String::as_str), earlier: earlier.as_deref(), witnesses: &witnesses };
    let mut verdict = Verdict::Holds;
    for path in packs {
        let report = pack::verify(&read(path)?, &against);
        if report.standing() == Standing::Broken {
            verdict = Verdict::DoesNotHold;
        }
        if matches.get_flag("json") { terminal::json(&json(path, &report))? } else { say(&report, words)? }
    }
    Ok(verdict)
}

fn json(path: &PathBuf, r: &Report) -> serde_json::Value {
    let standing = match r.standing() {
        Standing::Broken => "broken",
        Standing::Holds => "holds",
        Standing::Vouched => "vouched",
    };
    serde_json::json!({
        "pack": path, "standing": standing,
        "problems": r.problems.iter().map(|p| serde_json::json!({"entry": p.entry, "what": p.what})).collect::<Vec<_>>(),
        "origin": r.origin, "fingerprint": r.fingerprint, "fingerprint_matches": r.fingerprint_matches,
        "made": r.made, "by": r.by, "asked": r.asked, "size": r.size,
        "records": r.records.iter().map(|s| serde_json::json!({"seq": s.seq, "table": s.table, "hidden": s.hidden})).collect::<Vec<_>>(),
        "of": r.of.iter().map(|(i, t, k, n)| serde_json::json!({"entry": i, "table": t, "shown": k, "count": n})).collect::<Vec<_>>(),
        "complete": r.complete.map(|(t, from, to)| serde_json::json!({"table": t, "from": Time(from).rfc3339(), "to": Time(to).rfc3339()})),
        "goes_on_from": r.goes_on_from,
        "witnesses": r.witnesses.iter().map(|(n, t)| serde_json::json!({"name": n, "at": t})).collect::<Vec<_>>(),
        "unknown_witnesses": r.unknown_witnesses,
    })
}

fn say(r: &Report, words: &Words) -> Result<()> {
    for p in &r.problems {
        eprintln!("{}", words.with("vault-pack-broken", &[("entry", Value::Text(&p.entry)), ("what", Value::Text(&p.what))]));
    }
    let print = [("fingerprint", Value::Text(&r.fingerprint))];
    if r.fingerprint_matches == Some(false) {
        eprintln!("{}", words.with("vault-pack-fingerprint-other", &print));
    }
    if r.standing() == Standing::Broken {
        return Ok(());
    }
    let records = count(r.records.len() as u64);
    let key = if r.standing() == Standing::Vouched { "vault-pack-vouched" } else { "vault-pack-holds" };
    terminal::line(&words.with(key, &[("records", Value::Text(&records)), ("fingerprint", Value::Text(&r.fingerprint))]))?;
    let asked = [("by", Value::Text(&r.by)), ("asked", Value::Text(&r.asked)), ("made", Value::Text(&r.made))];
    terminal::line(&words.with("vault-pack-asked", &asked))?;
    for (index, table, k, n) in &r.of {
        let (index, k, n) = (count(*index), count(*k), count(*n));
        let args = [("index", Value::Text(&index)), ("table", Value::Text(table)), ("k", Value::Text(&k)), ("n", Value::Text(&n))];
        terminal::line(&words.with("vault-pack-of", &args))?;
    }
    match r.complete {
        Some((table, from, to)) => {
            let (from, to) = (Time(from).rfc3339(), Time(to).rfc3339());
            let args = [("table", Value::Text(table)), ("from", Value::Text(&from)), ("to", Value::Text(&to))];
            terminal::line(&words.with("vault-pack-complete", &args))
        }
        None => terminal::line(&words.say("vault-pack-not-complete")),
    }
}

/// Writes a pack.
pub fn prove(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let vault = open(matches)?;
    let sql = matches.get_one::<String>("sql").cloned();
    let complete = match matches.get_many::<String>("complete").map(|v| v.cloned().collect::<Vec<_>>()).as_deref() {
        Some([table, from, to]) => {
            let table = Table::from_name(table).ok_or_else(|| usage(format!("there is no table '{table}'")))?;
            Some((table, time(from)?, time(to)?))
        }
        _ => None,
    };
    if sql.is_none() && complete.is_none() {
        return Err(usage("a question in SQL or --complete is needed"));
    }
    let seqs = match &sql {
        Some(sql) => super::ask::seqs(&vault, sql, words)?,
        None => Vec::new(),
    };
    if seqs.is_empty() && complete.is_none() {
        eprintln!("{}", words.say("vault-prove-none"));
        return Ok(Verdict::DoesNotHold);
    }
    let hidden: Vec<String> = matches.get_many::<String>("hide").unwrap_or_default().cloned().collect();
    let hides = |name: &str| hidden.iter().any(|h| h == name);
    let request = Request {
        seqs,
        complete,
        hide: [hides("addresses"), hides("names"), hides("text")],
        since: matches.get_one::<PathBuf>("since").map(read).transpose()?,
        asked: sql.unwrap_or_else(|| std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
        by: matches.get_one::<String>("by").cloned().unwrap_or_else(|| std::env::var("USER").unwrap_or_else(|_| String::from("root"))),
        blobs: Vec::new(),
    };
    let bytes = vault.prove(&request).map_err(failed)?;
    // What is handed out holds: a proof that fails here is a fault of ours and is not written.
    let report = pack::verify(&bytes, &Against::default());
    if let Some(p) = report.problems.first() {
        return Err(bad_input(format!("the pack does not hold: {}: {}", p.entry, p.what)));
    }
    super::noted::note(
        matches,
        "vault.prove",
        Deed::Exported { what: String::from("evidence pack"), rows: report.records.len() as u64 },
        words,
    )?;
    let out = matches.get_one::<PathBuf>("out").cloned().unwrap_or_else(|| PathBuf::from("pack.zip"));
    if out.as_os_str() == "-" {
        std::io::stdout().write_all(&bytes)?;
    } else {
        std::fs::write(&out, &bytes).map_err(|e| unreachable(format!("cannot write {}: {e}", out.display())))?;
        let (records, file) = (count(report.records.len() as u64), out.display().to_string());
        terminal::say(&words.with("vault-proved", &[("records", Value::Text(&records)), ("file", Value::Text(&file))]));
    }
    Ok(Verdict::Holds)
}
