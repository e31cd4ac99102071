//! Running other programs, and where things are.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The top of the checkout.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether a program can be found.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(program).is_file()))
}

/// A command at the top of the checkout. What `cargo run` told us of ourselves is not handed on: build scripts (ring's) that look at it
/// would build anew at every change between cargo by hand and cargo by us, and with them half of the program.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_") || n == "CARGO");
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command at the top of the checkout, shows what it prints, and fails where it fails.
pub fn run(program: &str, args: &[&str]) -> Result<()> {
    run_with(program, args, &[])
}

/// The same with environment variables.
pub fn run_with(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    eprintln!("== {program} {}", args.join(" "));
    let status = command(program).args(args).envs(env.iter().copied()).status().with_context(|| format!("cannot start {program}"))?;
    if !status.success() {
        bail!("{program} {} failed ({status})", args.join(" "));
    }
    Ok(())
}

/// What a command prints on standard output.
pub fn output(program: &str, args: &[&str]) -> Result<String> {
    let out = command(program).args(args).stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {program}"))?;
    if !out.status.success() {
        bail!("{program} {} failed ({})", args.join(" "), out.status);
    }
    String::from_utf8(out.stdout).context("output is not UTF-8")
}

/// Builds the program and says where it is.
pub fn hinomi(profile: &str) -> Result<PathBuf> {
    run("cargo", &["build", "--profile", profile, "--package", "hinomi"])?;
    Ok(target().join(profile).join("hinomi"))
}
