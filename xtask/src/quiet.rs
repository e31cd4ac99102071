//! False findings: what the watch says of four ordinary weeks in which nothing happens that a person should look at. The first two are
//! for learning; what is told in the others for the first time is false. `cargo xtask bench false-findings` prints it.

use crate::capture::{Factory, factory};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Weeks of the capture, and those of them that teach.
const WEEKS: i64 = 4;
const LEARNING: i64 = 2;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Quiet {
    /// Assets that the watch knows at the end.
    pub assets: usize,
    /// Findings that were told for the first time after the weeks of learning, by rule.
    pub found: BTreeMap<String, usize>,
    /// Those of severity `today`, in the weeks of learning too.
    pub today: usize,
    /// Findings of the weeks of learning.
    pub learning: usize,
}

impl Quiet {
    /// False findings per asset and week.
    pub fn rate(&self) -> f64 {
        self.found.values().sum::<usize>() as f64 / (self.assets.max(1) as f64 * (WEEKS - LEARNING) as f64)
    }
}

impl std::fmt::Display for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: usize = self.found.values().sum();
        let by: Vec<String> = self.found.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
        write!(
            f,
            "{all} false findings in {} weeks of {} assets: {:.2} per asset and week ({}), {} for today; {} while learning",
            WEEKS - LEARNING,
            self.assets,
            self.rate(),
            if by.is_empty() { String::from("none") } else { by.join(", ") },
            self.today,
            self.learning
        )
    }
}

/// Makes the weeks, plays them through the whole watch and counts.
pub fn measure(hinomi: &Path, folder: &Path, seed: u64) -> Result<Quiet> {
    let out = folder.join(format!("quiet-{seed}.pcap"));
    let f = Factory { weeks: WEEKS, seed, quiet: true, ..Factory::new(&out) };
    factory(&f)?;
    let capture = out.display().to_string();
    let (ledger, settings) = (format!("{capture}.assets.csv"), format!("{capture}.settings.toml"));
    let data = folder.join(format!("quiet-{seed}")).display().to_string();
    let replayed = Command::new(hinomi)
        .args(["replay", &capture, "--assets", &ledger, "--settings", &settings, "--data", &data, "--json", "--print", "findings,assets"])
        .output()
        .context("hinomi cannot be started")?;
    if !matches!(replayed.status.code(), Some(0 | 1)) {
        bail!("hinomi replay: {}\n{}", replayed.status, String::from_utf8_lossy(&replayed.stderr));
    }
    let learned = jiff::Timestamp::from_nanosecond(i128::from(f.begins() + LEARNING * 7 * 24 * 3_600_000_000_000))?;
    let mut quiet = Quiet::default();
    for line in String::from_utf8_lossy(&replayed.stdout).lines() {
        let row: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let Some(rule) = row["rule"].as_str() else {
            quiet.assets += 1;
            continue;
        };
        quiet.today += usize::from(row["severity"] == "today");
        let first: jiff::Timestamp = row["first"].as_str().unwrap_or_default().parse().context("a finding without its first time")?;
        if first >= learned {
            *quiet.found.entry(rule.to_owned()).or_default() += 1;
        } else {
            quiet.learning += 1;
        }
    }
    std::fs::remove_file(&out)?;
    Ok(quiet)
}
