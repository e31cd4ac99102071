//! `cargo xtask bench`: figures beside their peers and limits, taken in the same run, appended to docs/benchmarks.md.
//!
//! A figure alone says little: machines differ, and this one may be busy. So each run takes the peer and the limit of the same
//! machine too, and prints the ratio; and each runs at 1×, 2×, 4× and 8× of the work and prints the slope.

mod capture;
mod flame;
mod live;
mod memory;
mod pages;

use crate::shell;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A line of docs/benchmarks.md.
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The figure with its unit.
    pub figure: String,
    /// The peer's or limit's figure.
    pub peer: String,
    /// Ours ÷ theirs, or a slope.
    pub ratio: String,
}

pub fn run(args: &[String]) -> Result<()> {
    let quick = args.iter().any(|a| a == "--quick");
    let names: Vec<&str> = args.iter().map(String::as_str).filter(|a| !a.starts_with("--")).collect();
    let wants = |name: &str| names.is_empty() || names.contains(&name);
    if let Some(unknown) = names.iter().find(|n| {
        !["capture", "pages", "memory", "live", "false-findings", "flame", "vault-append", "vault-verify", "vault-ask"].contains(n)
    }) {
        bail!(
            "there is no bench '{unknown}'; there are: capture, pages, memory, live, false-findings, flame, vault-append, vault-verify, vault-ask"
        );
    }
    let profile = if quick { "quick" } else { "dist" };
    // A build for shipping takes twenty minutes more; HINOMI_BENCH_PROFILE=quick measures what everybody builds, and the page says so.
    let named = std::env::var("HINOMI_BENCH_PROFILE").ok();
    let profile = named.as_deref().unwrap_or(profile);
    let work = shell::target().join("bench");
    std::fs::create_dir_all(&work)?;
    let mut figures = Vec::new();
    if wants("vault-append") {
        figures.extend(crate::vault::append(&work, profile, quick, args.iter().any(|a| a == "--encrypted"))?);
    }
    if wants("vault-verify") {
        figures.extend(crate::vault::verify(&work, profile, quick)?);
    }
    if wants("vault-ask") {
        figures.extend(crate::vault::ask(&work, profile, quick)?);
    }
    let command = format!("cargo xtask bench {}", args.join(" "));
    if !names.is_empty() && names.iter().all(|n| n.starts_with("vault-")) {
        return append(&figures, command.trim(), profile);
    }
    let binary = shell::hinomi(profile)?;
    if wants("capture") {
        figures.extend(capture::run(&binary, &work, quick)?);
    }
    if wants("pages") {
        figures.extend(pages::run(&binary, &work, quick)?);
    }
    if wants("memory") {
        figures.extend(memory::run(&binary, &work, quick)?);
    }
    if wants("live") {
        figures.extend(live::run(&binary, &work, quick)?);
    }
    if names.contains(&"flame") {
        flame::run(&shell::hinomi("quick")?, &work)?;
        if names.len() == 1 {
            return Ok(());
        }
    }
    if names.contains(&"false-findings") {
        // No figure of speed: printed, and stands in docs/en/findings.md.
        for seed in [1, 2, 3] {
            println!("seed {seed}: {}", xtask::quiet::measure(&binary, &work, seed)?);
        }
        if figures.is_empty() {
            return Ok(());
        }
    }
    append(&figures, command.trim(), profile)
}

fn append(figures: &[Figure], command: &str, profile: &str) -> Result<()> {
    let commit = shell::output("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|l| l.strip_prefix("model name")).map_or("unknown processor", |l| l.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let mut text = format!(
        "\n## {date}, {}, {cores} × {model}\n\n`{command}`, profile {profile}\n\n| what | figure | peer or limit | ratio |\n| --- | --- | --- | --- |\n",
        commit.trim()
    );
    for f in figures {
        let _ = writeln!(text, "| {} | {} | {} | {} |", f.what, f.figure, f.peer, f.ratio);
    }
    print!("{text}");
    let path = shell::root().join("docs/benchmarks.md");
    let mut whole = std::fs::read_to_string(&path).unwrap_or_else(|_| "# Benchmarks\n".into());
    whole.push_str(&text);
    std::fs::write(&path, whole).with_context(|| format!("cannot write {}", path.display()))
}

/// A finished run of a whole process.
pub struct Run {
    /// Wall time.
    pub wall: Duration,
    /// Processor time of the process and all its threads: what counts on a machine that has other work too.
    pub cpu: Duration,
    /// Highest resident memory that was seen, bytes.
    pub peak: u64,
    /// What it printed.
    pub stdout: Vec<u8>,
}

/// Runs a whole process pinned to one core and watches its memory.
pub fn timed(program: &Path, args: &[String], folder: &Path) -> Result<Run> {
    timed_on(Some("0"), program, args, folder)
}

/// Runs a whole process, pinned to these cores where they are named, and watches its memory.
pub fn timed_on(cores: Option<&str>, program: &Path, args: &[String], folder: &Path) -> Result<Run> {
    let began = Instant::now();
    let before = cpu_time(Whose::Children);
    let out = tempfile(folder)?;
    let mut command = match cores.filter(|_| shell::has("taskset")) {
        Some(cores) => {
            let mut command = Command::new("taskset");
            command.args(["-c", cores]).arg(program);
            command
        }
        None => Command::new(program),
    };
    let mut child = command
        .args(args)
        .current_dir(folder)
        .stdout(std::fs::File::create(&out)?)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        if let Some(kib) = text
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .and_then(|l| l.split_whitespace().next())
            .and_then(|n| n.parse::<u64>().ok())
        {
            peak = peak.max(kib * 1024);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = began.elapsed();
    if !matches!(status.code(), Some(0 | 1)) {
        bail!("{} {} ended with {status}", program.display(), args.join(" "));
    }
    let cpu = cpu_time(Whose::Children).saturating_sub(before);
    Ok(Run { wall, cpu, peak, stdout: std::fs::read(out)? })
}

/// Whose processor time.
pub enum Whose {
    /// This process, with its threads.
    Own,
    /// Children that have ended.
    Children,
}

/// User and system time by /proc/self/stat (proc(5), fields 14–17), in ticks of 10 ms.
pub fn cpu_time(whose: Whose) -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name in brackets may hold spaces.
    let fields: Vec<u64> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).map(|n| n.parse().unwrap_or(0)).collect();
    let at = match whose {
        Whose::Own => 0,
        Whose::Children => 2,
    };
    Duration::from_millis(10 * fields.iter().skip(at).take(2).sum::<u64>())
}

fn tempfile(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    Ok(folder.join("stdout"))
}

/// The median run of several, by processor time.
pub fn median(times: usize, mut one: impl FnMut() -> Result<Run>) -> Result<Run> {
    let mut runs = Vec::new();
    for _ in 0..times {
        runs.push(one()?);
    }
    runs.sort_by_key(|r| r.cpu);
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle).context("no run")
}

/// How a cost grows: the exponent of a power law through the first and the last point (1.0 is linear).
pub fn slope(work: &[f64], cost: &[f64]) -> f64 {
    match (work.first(), work.last(), cost.first(), cost.last()) {
        (Some(w0), Some(w1), Some(c0), Some(c1)) if *c0 > 0.0 && w1 > w0 => (c1 / c0).ln() / (w1 / w0).ln(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn slopes() {
        assert!((super::slope(&[1.0, 8.0], &[2.0, 16.0]) - 1.0).abs() < 1e-9);
        assert!((super::slope(&[1.0, 4.0], &[1.0, 16.0]) - 2.0).abs() < 1e-9);
    }
}
