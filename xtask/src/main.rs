//! The development helper: `cargo xtask COMMAND`.

mod bench;
mod check;
mod fuzz;
mod oui;
mod shell;
mod shots;
mod suite;
mod vault;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "cargo xtask COMMAND
  check                       format, lints, import rules, licences, locale keys, docs
  test                        check, every test, the UI bundle; with CI=true also every fuzz target for a minute
  fuzz [--seconds N] [NAME…]  fuzz targets, 60 s each by default
  torture vault [--minutes N] the vault on a forgetful disk and under kill -9, with a summary
  make-year --out FOLDER [--records N]  a year of invented factory data in a vault
  bench [--quick] [NAME…]     capture, pages, memory, live, false-findings, vault-append, vault-verify, vault-ask: figures beside their peers, appended to docs/benchmarks.md
  make-capture factory|mix …  captures of an invented factory, and the mixed capture for benchmarks (--help)
  shots                       screenshots of every page into docs/screenshots
  oui [FOLDER]                catalogue/data/oui.tsv anew from Debian's ieee-data package
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (command, rest) = args.split_first().map_or(("help", &[][..]), |(c, r)| (c.as_str(), r));
    match command {
        "check" => check::run(),
        "test" => suite::run(),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run(rest),
        "torture" => vault::torture(rest),
        "make-year" => vault::make_year(rest),
        "make-capture" => xtask::capture::command(rest),
        "shots" => shots::run(rest),
        "oui" => oui::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command '{other}'\n{HELP}"),
    }
}
