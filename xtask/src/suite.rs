//! `cargo xtask test`: everything that must hold, cheapest first.

use crate::{check, fuzz, shell};
use anyhow::{Context, Result};
use std::time::Instant;

pub fn run() -> Result<()> {
    let began = Instant::now();
    let step = |name: &str, done: Result<()>| -> Result<()> {
        eprintln!("== {name}: {} after {} s", if done.is_ok() { "ok" } else { "FAILED" }, began.elapsed().as_secs());
        done.with_context(|| name.to_owned())
    };
    step("check", check::run())?;
    step("ui bundle", ui_bundle())?;
    // The end-to-end tests drive the program itself.
    let binary = shell::hinomi("quick")?;
    let binary = binary.display().to_string();
    step("tests", shell::run_with("cargo", &["test", "--workspace", "--profile", "quick", "--no-fail-fast"], &[("HINOMI_BIN", &binary)]))?;
    if std::env::var_os("CI").is_some() {
        step("fuzz", fuzz::run(&[]))?;
    }
    Ok(())
}

/// The committed bundle of the console is what its sources make.
fn ui_bundle() -> Result<()> {
    shell::run("npm", &["ci", "--prefix", "crates/web/ui", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])?;
    shell::run("node", &["crates/web/ui/build.mjs", "--check"])?;
    shell::run("npm", &["ci", "--prefix", "tests/browser", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
}
