//! `hinomi config check/show`

use super::{DEFAULT_FILE, configuration, path};
use crate::outcome::Verdict;
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;

pub fn check(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    configuration(matches)?;
    let file = path(matches, "config").map_or_else(|| DEFAULT_FILE.to_owned(), |f| f.display().to_string());
    terminal::line(&words.with("config-good", &[("file", Value::Text(&file))]))?;
    Ok(Verdict::Holds)
}

pub fn show(matches: &ArgMatches, _words: &Words) -> Result<Verdict> {
    terminal::line(configuration(matches)?.to_toml().trim_end())?;
    Ok(Verdict::Holds)
}
