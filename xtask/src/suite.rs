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
    step("evidence packs", packs())?;
    if std::env::var_os("CI").is_some() {
        step("fuzz", fuzz::run(&[]))?;
    }
    Ok(())
}

/// Good and forged evidence packs before the independent verifier and the page that lies in every pack (tests/verifier/README.md).
fn packs() -> Result<()> {
    let python = std::env::var("HINOMI_PYTHON").unwrap_or_else(|_| String::from("python3"));
    if shell::output(&python, &["-c", "import cryptography"]).is_err() {
        eprintln!("skipped: {python} with the package cryptography is not there");
        return Ok(());
    }
    let made = shell::target().join("packs");
    let _ = std::fs::remove_dir_all(&made);
    let (verifier, made) = (shell::root().join("tests").join("verifier"), made.display().to_string());
    let script = |name: &str| verifier.join(name).display().to_string();
    let verdicts = format!("{made}/verdicts.json");
    shell::run(&python, &[&script("make_packs.py"), &made])?;
    shell::run(&python, &[&script("check.py"), &made, "--verdicts", &verdicts])?;
    let shots = format!("{made}/shots");
    shell::run_with("node", &[&script("run.mjs"), &made], &[("PYTHON", &python), ("HINOMI_SHOTS", &shots)])?;
    std::fs::remove_dir_all(&made).with_context(|| format!("cannot remove {made}"))
}

/// The committed bundle of the console is what its sources make.
fn ui_bundle() -> Result<()> {
    shell::run("npm", &["ci", "--prefix", "crates/web/ui", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])?;
    shell::run("node", &["crates/web/ui/build.mjs", "--check"])?;
    shell::run("npm", &["ci", "--prefix", "tests/browser", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
}
