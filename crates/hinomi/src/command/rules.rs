//! `hinomi rules check/list`

use crate::outcome::{Verdict, bad_input, unreachable};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use catalogue::{Catalogue, Measures, Rule};
use clap::ArgMatches;
use std::path::PathBuf;

/// Rules of paths: files, or every `.toml` of folders.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Rule>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|e| unreachable(format!("cannot read {}: {e}", path.display())))?;
            let mut inside: Vec<PathBuf> =
                entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "toml")).collect();
            if inside.is_empty() {
                return Err(bad_input(format!("{} holds no rule (*.toml); give the folder that holds them", path.display())));
            }
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    let mut texts = Vec::new();
    for file in &files {
        let bytes = crate::ledger::read_file(file)?;
        let text =
            String::from_utf8(bytes).map_err(|_| bad_input(format!("{}:1: not UTF-8 text; save the file as UTF-8", file.display())))?;
        texts.push((file.display().to_string(), text));
    }
    catalogue::read_rules(&texts, &Measures::built_in())
        .map_err(|all| bad_input(all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

pub fn check(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let paths: Vec<PathBuf> = matches.get_many("paths").into_iter().flatten().cloned().collect();
    let count = if paths.is_empty() { Catalogue::load().map_err(bad_input)?.rules().len() } else { load(&paths)?.len() };
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({ "rules": count }))?;
    } else {
        terminal::line(&words.with("rules-good", &[("count", Value::Number(i64::try_from(count).unwrap_or(i64::MAX)))]))?;
    }
    Ok(Verdict::Holds)
}

pub fn list(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let catalogue = Catalogue::load().map_err(bad_input)?;
    let mut rows = Vec::new();
    for rule in catalogue.rules() {
        if matches.get_flag("json") {
            let parameters: serde_json::Map<String, serde_json::Value> =
                rule.parameters.iter().map(|p| (p.name.clone(), p.value.into())).collect();
            terminal::json(&serde_json::json!({
                "id": rule.id, "revision": rule.revision, "severity": rule.severity, "name": rule.name(words.lang), "parameters": parameters,
                "attack": rule.attack, "attack_ics": rule.attack_ics, "measures": rule.measures,
            }))?;
        } else {
            rows.push(vec![rule.id.clone(), words.say(&format!("severity-{}", rule.severity)), rule.name(words.lang)]);
        }
    }
    if !rows.is_empty() {
        terminal::line(terminal::table(&rows).trim_end())?;
    }
    Ok(Verdict::Holds)
}
