//! `hinomi rules check/list`

use crate::outcome::{Verdict, bad_input};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use catalogue::{Catalogue, Measures, Rule};
use clap::ArgMatches;
use std::path::PathBuf;

/// Rule files of paths: files, or every `.toml` of folders.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Rule>> {
    let measures = Measures::built_in();
    let mut rules = Vec::new();
    for path in paths {
        rules.extend(
            catalogue::load_rules_from(path, &measures)
                .map_err(|all| bad_input(all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?,
        );
    }
    Ok(rules)
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
