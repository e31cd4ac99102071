//! `hinomi settings export/import`: what people set on pages, as a file.

use super::{block_on, configuration, open_state, path};
use crate::outcome::Verdict;
use crate::site_file;
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;

pub fn export(matches: &ArgMatches, _words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let text = block_on(async { site_file::export(&open_state(&config).await?).await })?;
    terminal::line(text.trim_end())?;
    Ok(Verdict::Holds)
}

pub fn import(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let file = path(matches, "file").unwrap_or_default();
    let (settings, zones) = block_on(async { site_file::import(&open_state(&config).await?, &file).await })?;
    let count = |n: usize| Value::Number(i64::try_from(n).unwrap_or(i64::MAX));
    terminal::line(&words.with("settings-imported", &[("settings", count(settings)), ("zones", count(zones))]))?;
    Ok(Verdict::Holds)
}
