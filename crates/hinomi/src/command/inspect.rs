//! `hinomi inspect`

use crate::inspect;
use crate::outcome::{Verdict, bad_input, unreachable};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use clap::ArgMatches;
use intake::file::FileError;
use std::path::PathBuf;

/// A capture that cannot be read, with its exit status: 3 for what is in it, 4 for the way to it.
pub fn file_error(e: FileError) -> anyhow::Error {
    match e {
        FileError::Open { .. } | FileError::Read { .. } => unreachable(e),
        other => bad_input(other),
    }
}

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
    Ok(if summary.is_damaged() { Verdict::DoesNotHold } else { Verdict::Holds })
}
