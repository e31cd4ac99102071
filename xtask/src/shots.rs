//! `cargo xtask shots`: a demo factory, a console of its own, and a browser that photographs every page.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn run(args: &[String]) -> Result<()> {
    let out = args.first().map_or_else(|| shell::root().join("docs/screenshots"), std::path::PathBuf::from);
    let binary = shell::hinomi("quick")?;
    shell::run("npm", &["ci", "--prefix", "tests/browser", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])?;
    let folder = shell::target().join("shots");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let capture = folder.join("factory.pcap").display().to_string();
    xtask::capture::command(&["factory".into(), "--to-now".into(), "--out".into(), capture.clone()])?;
    let mut console = Command::new(&binary)
        .args([
            "run",
            "--lang",
            "en",
            "--listen",
            "127.0.0.1:0",
            "--capture",
            &capture,
            "--assets",
            &format!("{capture}.assets.csv"),
            "--data",
        ])
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .spawn()?;
    let result = photograph(&mut console, &out);
    let pid = console.id().to_string();
    let _ = Command::new("kill").args(["-TERM", &pid]).status();
    let _ = console.wait();
    result
}

fn photograph(console: &mut std::process::Child, out: &std::path::Path) -> Result<()> {
    let stdout = console.stdout.take().context("no output")?;
    let mut address = None;
    let mut password = None;
    let mut read = false;
    let began = Instant::now();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        eprintln!("{line}");
        if let Some(at) = line.find("https://") {
            address = line[at..].split_whitespace().next().map(str::to_owned);
        }
        if let Some((_, word)) = line.split_once("password: ") {
            password = Some(word.trim().to_owned());
        }
        if line.starts_with("captures read") {
            read = true;
        }
        if read && address.is_some() && password.is_some() {
            break;
        }
        if began.elapsed() > Duration::from_secs(300) {
            bail!("the demo took too long to be read");
        }
    }
    let (address, password) = address.zip(password).context("the console printed no address or password")?;
    shell::run_with(
        "node",
        &["tests/browser/shots.mjs"],
        &[("HINOMI_URL", &address), ("HINOMI_USER", "admin"), ("HINOMI_PASSWORD", &password), ("HINOMI_SHOTS", &out.display().to_string())],
    )
}
