//! `cargo xtask fuzz`: every target of `fuzz/` for a while, two at a time, with a corpus that is kept.
//!
//! Stable Rust has no `-Zsanitizer`, but LLVM's coverage pass can be asked for by `-Cpasses` (fuzz/README.md), and that is what
//! libFuzzer needs to find its way.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

const RUSTFLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions=on -Coverflow-checks=on";

pub fn run(args: &[String]) -> Result<()> {
    let mut seconds = 60u32;
    let mut keep = false;
    let mut names = Vec::new();
    let mut given = args.iter();
    while let Some(arg) = given.next() {
        match arg.as_str() {
            "--seconds" => seconds = given.next().context("--seconds wants a number")?.parse().context("--seconds wants a number")?,
            "--keep" => keep = true,
            name => names.push(name.to_owned()),
        }
    }
    let folder = shell::root().join("fuzz");
    let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))?.parse()?;
    let all: Vec<String> = manifest
        .get("bin")
        .and_then(|b| b.as_array())
        .into_iter()
        .flatten()
        .filter_map(|b| b.get("name")?.as_str().map(str::to_owned))
        .collect();
    if let Some(unknown) = names.iter().find(|n| !all.contains(n)) {
        bail!("there is no fuzz target '{unknown}'; there are: {}", all.join(", "));
    }
    if names.is_empty() {
        names = all;
    }
    let target = shell::target().join("fuzz");
    let triple = shell::output("rustc", &["-vV"])?
        .lines()
        .find_map(|l| l.strip_prefix("host: ").map(str::to_owned))
        .context("rustc tells no host")?;
    eprintln!("== building {} fuzz targets", names.len());
    let status = shell::command("cargo")
        .args(["build", "--release", "--bins", "--target", &triple, "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", RUSTFLAGS)
        .status()?;
    if !status.success() {
        bail!("the fuzz targets do not build");
    }
    let programs = target.join(&triple).join("release");
    unpack(&folder)?;
    if keep {
        return pack(&folder, &programs, &names);
    }
    let mut failed = Vec::new();
    for pair in names.chunks(2) {
        let mut running = Vec::new();
        for name in pair {
            let corpus = folder.join("corpus").join(name);
            let artifacts = folder.join("artifacts").join(name);
            std::fs::create_dir_all(&corpus)?;
            std::fs::create_dir_all(&artifacts)?;
            let mut command = Command::new(programs.join(name));
            command.arg(&corpus);
            let seeds = folder.join("seeds").join(name);
            if seeds.is_dir() {
                command.arg(&seeds);
            }
            let child = command
                .arg(format!("-max_total_time={seconds}"))
                .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1"])
                .arg(format!("-artifact_prefix={}/", artifacts.display()))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .with_context(|| format!("cannot start fuzz target {name}"))?;
            running.push((name, child, artifacts));
        }
        for (name, child, artifacts) in running {
            let out = child.wait_with_output()?;
            let text = String::from_utf8_lossy(&out.stderr);
            let figure = |key: &str| text.lines().rev().find_map(|l| l.strip_prefix(key)).map_or("?", str::trim).to_owned();
            let coverage = text
                .lines()
                .rev()
                .find_map(|l| l.split(" cov: ").nth(1)?.split_whitespace().next().map(str::to_owned))
                .unwrap_or_else(|| "?".into());
            eprintln!(
                "{name}: {} runs, {coverage} edges, {}",
                figure("stat::number_of_executed_units:"),
                if out.status.success() { "ok" } else { "FAILED" }
            );
            if !out.status.success() {
                let tail: Vec<&str> = text.lines().rev().take(30).collect();
                eprintln!("{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
                failed.push(format!("{name} (input in {})", artifacts.display()));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("fuzzing found: {}", failed.join(", ")) }
}

/// The corpus that is kept: what reaches something that nothing smaller in it reaches.
const KEPT: &str = "corpus.tar.gz";
/// Larger inputs are not kept: they are slow to run and rarely reach more.
const KEPT_BYTES: u64 = 4096;

/// Takes the kept corpus out, where there is none in the checkout yet.
fn unpack(folder: &Path) -> Result<()> {
    if folder.join("corpus").exists() || !folder.join(KEPT).is_file() {
        return Ok(());
    }
    let done = Command::new("tar").arg("-xzf").arg(KEPT).current_dir(folder).status().context("cannot start tar")?;
    if !done.success() {
        bail!("fuzz/{KEPT} cannot be unpacked ({done}); remove it, or take it from the repository again");
    }
    Ok(())
}

/// Brings each corpus down to what is needed for the coverage it has, and packs all.
fn pack(folder: &Path, programs: &Path, names: &[String]) -> Result<()> {
    let few = folder.join("few").join("corpus");
    let _ = std::fs::remove_dir_all(&few);
    for name in names {
        let (from, to) = (folder.join("corpus").join(name), few.join(name));
        std::fs::create_dir_all(&from)?;
        std::fs::create_dir_all(&to)?;
        let merged = Command::new(programs.join(name))
            .args(["-merge=1", &format!("-max_len={KEPT_BYTES}")])
            .arg(&to)
            .arg(&from)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if !merged.success() {
            bail!("the corpus of {name} cannot be brought down ({merged})");
        }
        eprintln!("{name}: {} of {} kept", std::fs::read_dir(&to)?.count(), std::fs::read_dir(&from)?.count());
    }
    let done = Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-czf"])
        .arg(folder.join(KEPT))
        .args(["-C", "few", "corpus"])
        .current_dir(folder)
        .status()
        .context("cannot start tar")?;
    std::fs::remove_dir_all(folder.join("few"))?;
    if !done.success() {
        bail!("the corpus cannot be packed ({done})");
    }
    Ok(())
}
