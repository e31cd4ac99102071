//! `hinomi vault checkpoint`: the newest checkpoint as text, as a QR code and on a sheet of paper; what is on paper against today's log; and others asked
//! for their word at once. Works on the files of the folder, beside a running Hinomi too.

use super::{block_on, configuration, open_state, path};
use crate::clock::now;
use crate::ledger::read_file;
use crate::outcome::{Verdict, bad_input, state_error, unreachable};
use crate::qr::Code;
use crate::terminal;
use crate::witness::access::{LogAccess, LogFolder};
use crate::witness::client::{self, Asked};
use crate::witness::http::Carrier;
use crate::witness::peers::Outside;
use crate::witness::sheet::{Contents, html, svg};
use crate::witness::{paper, stamps, standing};
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::{Value, group};
use clap::ArgMatches;
use model::{Lang, Time};
use proof::note::Note;
use std::io::IsTerminal;
use std::sync::Arc;

pub fn run(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let log = LogFolder::of(&config.data.join("vault"));
    if let Some(file) = path(matches, "check") {
        let verdict = paper::check(&log, &read_file(&file)?).map_err(|e| match e {
            paper::CheckError::Paper(e) => bad_input(format!("{}: {e}", file.display())),
            paper::CheckError::Log(e) => unreachable(e),
            paper::CheckError::None => none(words, &log),
        })?;
        return answer(matches, words, &verdict);
    }
    let mut holds = true;
    if matches.get_flag("cosign") || matches.get_flag("stamp") {
        holds = block_on(async {
            let store = open_state(&config).await?;
            let pipeline = store.pipeline().map_err(state_error)?;
            ask(matches, words, &log, &standing::outside(&pipeline).await?).await
        })?;
    }
    show(matches, words, &log)?;
    Ok(if holds { Verdict::Holds } else { Verdict::DoesNotHold })
}

fn none(words: &Words, log: &LogFolder) -> anyhow::Error {
    unreachable(words.with("checkpoint-none", &[("folder", Value::Text(&log.dir().display().to_string()))]))
}

fn count(n: u64) -> String {
    group(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The note with whatever witnesses have added, and the sheet where one is wanted.
fn show(matches: &ArgMatches, words: &Words, log: &LogFolder) -> Result<()> {
    let Some((own, checkpoint, key)) = log.newest().map_err(unreachable)? else { return Err(none(words, log)) };
    let shown =
        log.cosigned(checkpoint.size).and_then(|t| t.parse::<Note>().ok()).filter(|n| n.text == own.text).unwrap_or_else(|| own.clone());
    let at = now();
    let contents = Contents { note: own.to_string(), checkpoint: checkpoint.clone(), key: key.clone(), made: at };
    for (option, make) in [("svg", svg as fn(&Contents, &Words, &Words) -> String), ("html", html)] {
        if let Some(file) = path(matches, option) {
            let sheet = make(&contents, &Words::new(Lang::Ja)?, &Words::new(Lang::En)?);
            std::fs::write(&file, sheet).map_err(|e| unreachable(format!("cannot write {}: {e}", file.display())))?;
            if !matches.get_flag("json") {
                eprintln!("{}", words.with("checkpoint-written", &[("file", Value::Text(&file.display().to_string()))]));
            }
        }
    }
    if matches.get_flag("json") {
        let witnesses: Vec<&str> = shown.signatures.iter().map(|s| s.name.as_str()).filter(|n| *n != key.name()).collect();
        let stamp = log.last_stamp().map(|(size, at)| serde_json::json!({ "size": size, "at": Time::from_unix(at, 0) }));
        return terminal::json(&serde_json::json!({
            "origin": checkpoint.origin, "size": checkpoint.size, "root": proof::base64::encode(&checkpoint.root), "note": shown.to_string(),
            "vkey": key.to_string(), "fingerprint": key.fingerprint(), "witnesses": witnesses, "stamp": stamp,
        }));
    }
    let text = shown.to_string();
    terminal::line(text.trim_end_matches('\n'))?;
    if matches.get_flag("print") {
        terminal::line("")?;
        terminal::line(&format!("{}: {}", words.say("checkpoint-vkey"), key))?;
        terminal::line(&format!("{}: {}", words.say("checkpoint-fingerprint"), key.fingerprint()))?;
        terminal::line(&format!("{}: {}", words.say("checkpoint-made"), at.rfc3339()))?;
        terminal::line("")?;
        // The log's own signature only: that is what paper is for, and the code stays small.
        let own = own.to_string();
        let Some(code) = Code::of(&own) else {
            return terminal::line(&words.with("checkpoint-long", &[("bytes", Value::Text(&count(own.len() as u64)))]));
        };
        let colour = std::io::stdout().is_terminal();
        for line in code.lines().lines() {
            // Black on white whatever the terminal's colours are: a camera wants it so.
            terminal::line(&if colour { format!("\x1b[30;107m{line}\x1b[0m") } else { line.to_owned() })?;
        }
        terminal::line(&words.say("checkpoint-again"))?;
    }
    Ok(())
}

/// What comes of a comparison, in words.
fn answer(matches: &ArgMatches, words: &Words, verdict: &paper::Verdict) -> Result<Verdict> {
    use paper::Found;
    let holds = matches!(verdict.found, Found::Contained { .. });
    let key = match verdict.found {
        Found::Contained { .. } => "check-holds",
        Found::OtherLog => "check-other-log",
        Found::Behind => "check-behind",
        Found::Fork => "check-fork",
        Found::Differs => "check-mistyped",
    };
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({
            "contained": holds, "found": key.trim_start_matches("check-"), "origin": verdict.paper.origin, "size": verdict.paper.size,
            "now": verdict.now, "signed": verdict.signed,
        }))?;
    } else {
        let (size, at) = (count(verdict.paper.size), count(verdict.now));
        let origin: String = verdict.paper.origin.chars().take(200).collect();
        let values =
            [("size", Value::Text(&size)), ("now", Value::Text(&at)), ("origin", Value::Text(&origin)), ("own", Value::Text(&verdict.own))];
        terminal::line(&words.with(key, &values))?;
        if let Found::Contained { exact } = verdict.found {
            if !exact {
                terminal::line(&words.say("check-alike"))?;
            }
            terminal::line(&words.say(if verdict.signed { "check-signed" } else { "check-unsigned" }))?;
        }
    }
    Ok(if holds { Verdict::Holds } else { Verdict::DoesNotHold })
}

/// Asks witnesses and the authority now. False where one of them did not give its word.
async fn ask(matches: &ArgMatches, words: &Words, folder: &LogFolder, outside: &Outside) -> Result<bool> {
    let log: Arc<dyn LogAccess> = Arc::new(folder.clone());
    let carrier = Carrier::new(outside.extra.as_deref()).map_err(unreachable)?;
    let trouble = |why: &str| eprintln!("{}", words.with("ask-trouble", &[("why", Value::Text(why))]));
    outside.problems.iter().for_each(|p| trouble(p));
    let mut holds = outside.problems.is_empty();
    let say = |line: String| eprintln!("{line}");
    if matches.get_flag("cosign") {
        if outside.peers.is_empty() {
            return Err(bad_input(words.say("ask-none")));
        }
        for peer in &outside.peers {
            let witness = Value::Text(peer.key.name());
            match client::ask(&carrier, peer, Arc::clone(&log), log.last_cosigned(&peer.key)).await {
                Asked::Cosigned { size, .. } => {
                    say(words.with("ask-cosigned", &[("witness", witness), ("size", Value::Text(&count(size)))]));
                }
                Asked::Disputed { dispute, size, theirs } => {
                    holds = false;
                    let size = count(size);
                    let dispute = Value::Text(dispute.name());
                    let line = words.with("ask-disputed", &[("witness", witness), ("dispute", dispute), ("size", Value::Text(&size))]);
                    let theirs = theirs.map(|n| words.with("ask-theirs", &[("theirs", Value::Text(&count(n)))]));
                    say(theirs.map_or(line.clone(), |theirs| format!("{line} {theirs}")));
                }
                Asked::Later(why) | Asked::Refused(why) => {
                    holds = false;
                    trouble(&why);
                }
                Asked::Nothing => return Err(none(words, folder)),
            }
        }
    }
    if matches.get_flag("stamp") {
        let authority = outside.authority.as_ref().ok_or_else(|| bad_input(words.say("ask-no-authority")))?;
        match stamps::ask(&carrier, authority, Arc::clone(&log)).await {
            Ok(Some(s)) => {
                let (size, time) = (count(s.size), Time::from_unix(s.seconds, 0).rfc3339());
                let values = [
                    ("signer", Value::Text(&s.signer)),
                    ("size", Value::Text(&size)),
                    ("time", Value::Text(&time)),
                    ("issuer", Value::Text(&s.issuer)),
                ];
                say(words.with("ask-stamped", &values));
            }
            Ok(None) => return Err(none(words, folder)),
            Err(why) => {
                holds = false;
                trouble(&why);
            }
        }
    }
    Ok(holds)
}
