//! `hinomi replay`: captures through the whole watch, with their own clock.

use super::{block_on, configuration, findings, path, rules};
use crate::outcome::{Verdict, bad_input};
use crate::pipeline;
use crate::plan::Plan;
use crate::words::Words;
use crate::{command, terminal};
use anyhow::Result;
use catalogue::Catalogue;
use clap::ArgMatches;
use model::Body;
use model::event::Table;
use state::{AssetFilter, FindingFilter};
use std::path::PathBuf;
use vault::Query;

pub fn run(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let captures: Vec<PathBuf> = matches.get_many("files").into_iter().flatten().cloned().collect();
    let rule_paths: Vec<PathBuf> = matches.get_many("rules").into_iter().flatten().cloned().collect();
    let print: Vec<String> = matches.get_many("print").into_iter().flatten().cloned().collect();
    let json = matches.get_flag("json");
    // Kept until the end: dropping it removes the folder.
    let temporary = if path(matches, "data").is_none() { Some(Temporary::make()?) } else { None };
    let mut config = configuration(matches)?;
    if let Some(folder) = &temporary {
        config.data.clone_from(&folder.0);
        config.state = None;
    }
    let catalogue = || -> Result<Catalogue> {
        let built_in = Catalogue::load().map_err(bad_input)?;
        Ok(if rule_paths.is_empty() { built_in } else { built_in.with_rules(rules::load(&rule_paths)?) })
    };
    let plan = Plan { captures, assets: path(matches, "assets"), settings: path(matches, "settings"), ..Plan::new(config, catalogue()?) };
    let house = pipeline::replay(plan)?;
    for what in &print {
        match what.as_str() {
            "findings" => block_on(async {
                let found = findings::every(&house.store, FindingFilter::default()).await?;
                let speaker = findings::Speaker::for_findings(&house.store, catalogue()?, &found, words).await?;
                findings::print(&found, &speaker, json, words)
            })?,
            "assets" => block_on(async {
                let all = command::assets::every(&house.store, AssetFilter::default()).await?;
                command::assets::print(&all, json, words)
            })?,
            table => {
                let table = if table == "flows" { Table::Flow } else { Table::Activity };
                for event in house.vault.read(&Query { tables: table.bit(), ..Query::default() }) {
                    match event?.body {
                        Body::Flow(flow) => terminal::json(&flow)?,
                        Body::Activity(activity) => terminal::json(&activity)?,
                        _ => {}
                    }
                }
            }
        }
    }
    house.vault.close();
    Ok(Verdict::Holds)
}

/// A folder that goes when this is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn make() -> Result<Temporary> {
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(|e| crate::outcome::unreachable(format!("the system gives no random numbers: {e}")))?;
        let folder = std::env::temp_dir().join(format!("hinomi-replay-{:016x}", u64::from_ne_bytes(random)));
        std::fs::create_dir(&folder)
            .map_err(|e| crate::outcome::unreachable(format!("cannot make {}: {e}; set TMPDIR to a folder with room", folder.display())))?;
        Ok(Temporary(folder))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
