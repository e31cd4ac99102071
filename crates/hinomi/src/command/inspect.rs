//! `hinomi inspect`

use crate::inspect;
use crate::outcome::{Verdict, file_error};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use clap::ArgMatches;
use intake::file::FileError;
use std::path::PathBuf;

pub fn run(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let files: Vec<PathBuf> = matches.get_many("files").into_iter().flatten().cloned().collect();
    let summary = inspect::run(&files).map_err(|e| match e.downcast::<FileError>() {
        Ok(e) => file_error(e),
        Err(e) => e,
    })?;
    if matches.get_flag("json") {
        terminal::json(&summary)?;
    } else {
        terminal::line(summary.human(words.lang).trim_end())?;
    }
    let verdict = if summary.is_damaged() { Verdict::DoesNotHold } else { Verdict::Holds };
    // The program ends here: giving back a long list piece by piece would only take time.
    std::mem::forget(summary);
    Ok(verdict)
}
