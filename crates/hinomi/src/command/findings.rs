//! `hinomi findings list/show`

use super::{block_on, configuration, open_state};
use crate::clock::now;
use crate::outcome::{Verdict, bad_input, state_error, usage};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use catalogue::{Catalogue, Words as RuleWords};
use clap::ArgMatches;
use model::access::{ViewAssets, ViewFindings, ViewSettings, authorise};
use model::{AssetId, Fact, Finding, FindingStatus, Principal};
use state::{FindingFilter, Paging, Store};
use std::collections::{BTreeMap, BTreeSet};
use web::format::Format;

/// What is needed to say findings in words: the rules, the names of assets, the reader's formats.
pub struct Speaker {
    catalogue: Catalogue,
    labels: BTreeMap<AssetId, String>,
    sensors: BTreeMap<u16, String>,
    format: Format,
}

impl Speaker {
    /// For these findings.
    pub async fn for_findings(store: &Store, catalogue: Catalogue, findings: &[Finding], words: &Words) -> Result<Speaker> {
        let machine = Principal::machine();
        let proof = authorise(&machine, ViewAssets, store.site().id, None)?;
        let mut ids: BTreeSet<AssetId> = findings.iter().flat_map(|f| f.asset.iter().chain(&f.others).copied()).collect();
        ids.extend(
            findings.iter().flat_map(|f| f.facts.values()).filter_map(|fact| if let Fact::Asset(id) = fact { Some(*id) } else { None }),
        );
        let labels = store.asset_labels(&proof, &ids.into_iter().collect::<Vec<_>>()).await.map_err(state_error)?;
        let settings = authorise(&machine, ViewSettings, store.site().id, None)?;
        let zone = store.setting(&settings, "time_zone").await.map_err(state_error)?.value;
        let sensors = store.sensors(&settings).await.map_err(state_error)?.into_iter().map(|s| (s.id.0, s.shown)).collect();
        Ok(Speaker { catalogue, labels, sensors, format: Format::new(words.lang, &zone, now()) })
    }

    /// A finding in words; its rule's id where the rule is not known any more.
    pub fn say(&self, finding: &Finding, words: &Words) -> RuleWords {
        let texts: Vec<(&str, String, Option<i64>)> = finding
            .facts
            .iter()
            .map(|(name, fact)| {
                let (text, number) = self.fact(name, fact);
                (name.as_str(), text, number)
            })
            .collect();
        let values: Vec<(&str, Value<'_>)> =
            texts.iter().map(|(name, text, number)| (*name, number.map_or(Value::Text(text), Value::Number))).collect();
        match self.catalogue.rule(&finding.rule) {
            Some(rule) => rule.words(words.lang, &values),
            None => RuleWords {
                title: finding.rule.clone(),
                happened: String::new(),
                why: String::new(),
                steps: Vec::new(),
                tell: String::new(),
            },
        }
    }

    fn fact(&self, name: &str, fact: &Fact) -> (String, Option<i64>) {
        let number = |n: u64| (String::new(), Some(i64::try_from(n).unwrap_or(i64::MAX)));
        match fact {
            Fact::Text(text) if name == "place" => (web::place(text, &self.sensors).unwrap_or_else(|| text.clone()), None),
            Fact::Text(text) => (text.clone(), None),
            Fact::Count(n) => number(*n),
            Fact::Percent(p) => number(u64::from(*p)),
            Fact::Bytes(n) => (self.format.bytes(*n), None),
            Fact::Time(at) => (self.format.date_time(*at), None),
            Fact::Span(span) => (self.format.span(*span), None),
            Fact::Asset(id) => (self.labels.get(id).cloned().unwrap_or_else(|| id.to_string()), None),
            Fact::List(words) => (words.join(", "), None),
        }
    }
}

/// Every finding that a filter finds.
pub async fn every(store: &Store, filter: FindingFilter) -> Result<Vec<Finding>> {
    let proof = authorise(&Principal::machine(), ViewFindings, store.site().id, None)?;
    let mut filter = filter;
    filter.paging = Paging { page: 1, per_page: Paging::MOST };
    let mut all = Vec::new();
    loop {
        let page = store.findings(&proof, &filter).await.map_err(state_error)?;
        let done = u64::from(filter.paging.page) >= page.pages();
        all.extend(page.items);
        if done {
            return Ok(all);
        }
        filter.paging.page += 1;
    }
}

/// Prints findings: JSON objects with their words, or a line each.
pub fn print(findings: &[Finding], speaker: &Speaker, json: bool, words: &Words) -> Result<()> {
    if json {
        for finding in findings {
            let said = speaker.say(finding, words);
            let mut value = serde_json::to_value(finding)?;
            value["words"] = serde_json::json!({ "title": said.title, "happened": said.happened, "why": said.why, "steps": said.steps, "tell": said.tell });
            terminal::json(&value)?;
        }
        return Ok(());
    }
    if findings.is_empty() {
        return terminal::line(&words.say("findings-none"));
    }
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|f| {
            vec![
                words.say(&format!("severity-{}", f.severity)),
                words.say(&format!("status-{}", f.status)),
                speaker.format.date_time(f.last),
                format!("×{}", f.count),
                speaker.say(f, words).title,
                f.id.to_string(),
            ]
        })
        .collect();
    terminal::line(terminal::table(&rows).trim_end())
}

pub fn list(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let mut filter = FindingFilter::default();
    if let Some(name) = matches.get_one::<String>("status") {
        filter
            .statuses
            .push(FindingStatus::from_name(name).ok_or_else(|| usage(format!("'{name}' is no status; {}", words.say("arg-status"))))?);
    }
    block_on(async {
        let store = open_state(&config).await?;
        let findings = every(&store, filter).await?;
        let speaker = Speaker::for_findings(&store, Catalogue::load().map_err(bad_input)?, &findings, words).await?;
        print(&findings, &speaker, matches.get_flag("json"), words)
    })?;
    Ok(Verdict::Holds)
}

pub fn show(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let asked = matches.get_one::<String>("finding").cloned().unwrap_or_default();
    let id = asked.parse().map_err(|_| bad_input(words.with("findings-unknown", &[("asked", Value::Text(&asked))])))?;
    block_on(async {
        let store = open_state(&config).await?;
        let proof = authorise(&Principal::machine(), ViewFindings, store.site().id, None)?;
        let finding = store.finding(&proof, id).await.map_err(state_error)?;
        let found = std::slice::from_ref(&finding);
        let speaker = Speaker::for_findings(&store, Catalogue::load().map_err(bad_input)?, found, words).await?;
        if matches.get_flag("json") {
            return print(found, &speaker, true, words);
        }
        let said = speaker.say(&finding, words);
        terminal::line(&format!(
            "{}  [{}, {}]\n",
            said.title,
            words.say(&format!("severity-{}", finding.severity)),
            words.say(&format!("status-{}", finding.status))
        ))?;
        let steps: Vec<String> = said.steps.iter().enumerate().map(|(n, s)| format!("{}. {s}", n + 1)).collect();
        for (key, text) in
            [("finding-happened", said.happened), ("finding-why", said.why), ("finding-do", steps.join("\n")), ("finding-tell", said.tell)]
        {
            terminal::line(&format!("{}\n{text}\n", words.say(key)))?;
        }
        Ok(())
    })?;
    Ok(Verdict::Holds)
}
