//! `hinomi vault status/verify`

use super::configuration;
use crate::outcome::{Verdict, unreachable};
use crate::stores::state_url;
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::{Value, group};
use clap::ArgMatches;
use vault::{Options, Vault};

/// Opens the vault of a folder that is there already.
fn open(matches: &ArgMatches) -> Result<Vault> {
    let config = configuration(matches)?;
    state_url(&config)?;
    let folder = config.data.join("vault");
    if !folder.is_dir() {
        return Err(unreachable(format!(
            "{} holds no vault yet; start Hinomi once with 'hinomi run', or name the folder with --data",
            config.data.display()
        )));
    }
    Vault::open(&folder, None, Options::default()).map_err(unreachable)
}

fn count(n: u64) -> String {
    group(i64::try_from(n).unwrap_or(i64::MAX))
}

pub fn status(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let status = open(matches)?.status();
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({
            "site": status.site, "epoch": status.epoch, "last_seq": status.last_seq, "events": status.events, "bytes": status.bytes, "segments": status.segments,
            "oldest": status.oldest, "newest": status.newest, "free": status.free, "damage": status.damage.iter().map(ToString::to_string).collect::<Vec<_>>(), "notes": status.notes,
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
    } else {
        terminal::line(&words.say("vault-empty"))?;
    }
    for damage in &status.damage {
        eprintln!("{}", words.with("vault-bad", &[("what", Value::Text(&damage.to_string()))]));
    }
    Ok(if status.damage.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold })
}

pub fn verify(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let found = open(matches)?.verify().map_err(unreachable)?;
    let damage: Vec<String> = found.damage.iter().map(ToString::to_string).collect();
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({ "files": found.files, "bytes": found.bytes, "records": found.records, "damage": damage }))?;
    } else if damage.is_empty() {
        terminal::line(&words.with("vault-good", &[("events", Value::Text(&count(found.records)))]))?;
    }
    for what in &damage {
        eprintln!("{}", words.with("vault-bad", &[("what", Value::Text(what))]));
    }
    Ok(if damage.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold })
}
