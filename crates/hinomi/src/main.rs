//! The binary: configuration, wiring, command line.

mod cli;
mod clock;
mod command;
mod config;
mod ledger;
mod outcome;
mod recorder;
mod terminal;
mod words;

mod console;
mod courier;
mod exports;
mod folder_memory;
mod house;
mod housekeeping;
mod inspect;
mod keys;
mod pipeline;
mod plan;
mod qr;
mod rights;
mod runs;
mod sensor;
mod shares;
mod site_file;
mod stores;
mod watcher;
mod witness;

use std::process::ExitCode;
use words::Words;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    // The opener is this program too, started by `hinomi run` before anything else; it speaks to nobody.
    if args.get(1).is_some_and(|a| a == "opener") {
        return if intake::opener::child_main().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(4) };
    }
    let words = match Words::new(Words::language(&args)) {
        Ok(words) => words,
        Err(e) => {
            eprintln!("hinomi: {e}");
            return ExitCode::from(4);
        }
    };
    let matches = match cli::command(&words).try_get_matches_from(std::env::args_os()) {
        Ok(matches) => matches,
        Err(e) => {
            let status = if e.use_stderr() { 2 } else { 0 };
            let _ = e.print();
            return ExitCode::from(status);
        }
    };
    match command::dispatch(&matches, &words) {
        Ok(outcome::Verdict::Holds) => ExitCode::SUCCESS,
        Ok(outcome::Verdict::DoesNotHold) => ExitCode::from(1),
        Err(e) => {
            eprintln!("hinomi: {e:#}");
            ExitCode::from(outcome::status_of(&e))
        }
    }
}
