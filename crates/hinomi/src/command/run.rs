//! `hinomi run`: the watch.

use super::{configuration, path};
use crate::outcome::{Verdict, bad_input, usage};
use crate::pipeline;
use crate::plan::Plan;
use crate::words::Words;
use anyhow::Result;
use catalogue::Catalogue;
use clap::ArgMatches;
use std::path::PathBuf;

pub fn run(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("HINOMI_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn")),
        )
        .init();
    let mut config = configuration(matches)?;
    if let Some(address) = matches.get_one::<String>("listen") {
        config.listen =
            address.parse().map_err(|_| usage(format!("--listen {address}: an address with a port is wanted, like 127.0.0.1:8443")))?;
    }
    let captures: Vec<PathBuf> = matches.get_many("capture").into_iter().flatten().cloned().collect();
    let interfaces: Vec<String> = matches.get_many("interface").into_iter().flatten().cloned().collect();
    if !interfaces.is_empty() {
        config.interfaces = interfaces;
    } else if !captures.is_empty() || config.folder.is_some() {
        // A capture stands for the line: what this machine's own interfaces carry does not belong to it.
        config.interfaces.retain(|i| i != "auto");
    }
    let plan = Plan { captures, assets: path(matches, "assets"), ..Plan::new(config, Catalogue::load().map_err(bad_input)?) };
    pipeline::run(plan, words)?;
    Ok(Verdict::Holds)
}
