//! `cargo xtask torture vault`, `cargo xtask make-year`, and the vault's benches: they build `vault_tool` and read what it says.

use crate::bench::Figure;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The tool, built. Packages are selected as everywhere else, so that cargo's features stay the same and DataFusion is built once.
fn tool(profile: &str) -> Result<PathBuf> {
    shell::run("cargo", &["build", "--profile", profile, "--workspace", "--example", "vault_tool"])?;
    Ok(shell::target().join(profile).join("examples").join("vault_tool"))
}

fn say(tool: &Path, args: &[&str]) -> Result<String> {
    let out = Command::new(tool).args(args).stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {}", tool.display()))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    print!("{text}");
    if !out.status.success() {
        bail!("{} {} failed", tool.display(), args.join(" "));
    }
    Ok(text)
}

/// `torture vault --minutes N`
pub fn torture(args: &[String]) -> Result<()> {
    if args.first().map(String::as_str) != Some("vault") {
        bail!("cargo xtask torture vault [--minutes N]");
    }
    let minutes = args.iter().position(|a| a == "--minutes").and_then(|i| args.get(i + 1)).map_or("1", String::as_str);
    let tool = tool("quick")?;
    say(&tool, &["torture", minutes])?;
    for kind in ["ext4", "xfs"] {
        on_a_file_system(&tool, kind)?;
    }
    Ok(())
}

/// The same for a moment on a small file system of its own kind, and what happens when it is full. Needs root: it is mounted in a name space that
/// goes with the command.
fn on_a_file_system(tool: &Path, kind: &str) -> Result<()> {
    let mkfs = format!("mkfs.{kind}");
    let root = shell::output("id", &["-u"]).is_ok_and(|u| u.trim() == "0");
    if !root || !shell::has(&mkfs) || !Path::new("/dev/loop-control").exists() {
        println!("skipped: {kind} (it needs root, {mkfs} and loop devices)");
        return Ok(());
    }
    let work = shell::target().join("file-system");
    std::fs::create_dir_all(&work)?;
    let (image, place) = (work.join(format!("{kind}.img")), work.join(kind));
    std::fs::create_dir_all(&place)?;
    let _ = std::fs::remove_file(&image);
    // The least that mkfs.xfs takes is 300 MB.
    std::fs::File::create(&image)?.set_len(320 << 20)?;
    shell::output(&mkfs, &["-q", &image.display().to_string()])?;
    println!("on {kind}:");
    let script = r#"mount -o loop "$1" "$2" && mkdir "$2/tmp" && TMPDIR="$2/tmp" "$3" torture 0.2 && "$3" full "$2""#;
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .args([&image, &place])
        .arg(tool)
        .status()
        .context("cannot start unshare")?;
    std::fs::remove_dir_all(&work)?;
    if !status.success() {
        bail!("on {kind} it failed");
    }
    Ok(())
}

/// `make-year --records N --out FOLDER`
pub fn make_year(args: &[String]) -> Result<()> {
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).map(String::as_str);
    let out = value("--out").context("--out FOLDER is needed: where the vault of the year goes")?;
    say(&tool("quick")?, &["load", out, value("--records").unwrap_or("1000000")]).map(|_| ())
}

fn number(text: &str, before: &str) -> Option<f64> {
    let (head, _) = text.split_once(before)?;
    head.rsplit([' ', '(']).next()?.parse().ok()
}

/// Appending, beside the bare disk; and the same in an encrypted folder.
pub fn append(work: &Path, profile: &str, quick: bool, encrypted: bool) -> Result<Vec<Figure>> {
    let folder = work.join("vault-append");
    std::fs::create_dir_all(&folder)?;
    let text = say(
        &tool(profile)?,
        &["append", &folder.display().to_string(), if quick { "5" } else { "30" }, if encrypted { "encrypted" } else { "" }],
    )?;
    std::fs::remove_dir_all(&folder)?;
    let line = |start: &str| text.lines().find(|l| l.starts_with(start)).unwrap_or_default().to_owned();
    let (ack, sealed, latency, limit) = (line("ack"), line("sealed"), line("latency"), line("limit"));
    let figure = |what: &str, figure: String, peer: String, ratio: String| Figure { what: String::from(what), figure, peer, ratio };
    let mut figures = vec![
        figure(
            "`vault-append` to acknowledgement",
            ack.clone(),
            limit,
            number(&ack, " per CPU second").map_or_else(String::new, |n| format!("{:.2} of 500,000", n / 500_000.0)),
        ),
        figure(
            "`vault-append` with sealing and compaction",
            sealed.clone(),
            String::new(),
            number(&sealed, " records/s").map_or_else(String::new, |n| format!("{:.2} of 200,000", n / 200_000.0)),
        ),
        figure(
            "`vault-append` wait of small batches",
            latency.clone(),
            String::new(),
            latency.rsplit(' ').next().unwrap_or_default().to_owned() + " (limit 2)",
        ),
    ];
    for l in text.lines().filter(|l| l.starts_with("encryption ")) {
        let (what, ratios) = l.split_once(": ").unwrap_or((l, ""));
        figures.push(figure(&format!("`vault-append --encrypted`, {what}"), ratios.to_owned(), String::new(), String::new()));
    }
    Ok(figures)
}

/// A year's folder for the two below, made where it is not there.
fn year(work: &Path, tool: &Path, quick: bool) -> Result<PathBuf> {
    let records = std::env::var("HINOMI_YEAR").unwrap_or_else(|_| String::from(if quick { "1000000" } else { "100000000" }));
    let folder = work.join(format!("vault-year-{records}"));
    if !folder.join("segments.json").is_file() {
        say(tool, &["load", &folder.display().to_string(), &records])?;
    }
    Ok(folder)
}

/// Looking through everything, beside SHA-256 of the same machine.
pub fn verify(work: &Path, profile: &str, quick: bool) -> Result<Vec<Figure>> {
    let tool = tool(profile)?;
    let folder = year(work, &tool, quick)?.display().to_string();
    // Warm: a bench of hashing, not of the disk.
    say(&tool, &["verify", &folder])?;
    let files = say(&tool, &["verify", &folder])?;
    let deep = say(&tool, &["verify", &folder, "deep"])?;
    let size = say(&tool, &["size", &folder])?;
    let speed = Command::new("openssl").args(["speed", "-seconds", "2", "-bytes", "1048576", "sha256"]).output();
    let speed = speed.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let peer = speed
        .lines()
        .find(|l| l.starts_with("sha256"))
        .and_then(|l| l.split_whitespace().last()?.trim_end_matches('k').parse::<f64>().ok())
        .map(|k| k / 1e3);
    let ours = number(&files, " MB/s");
    Ok(vec![
        Figure {
            what: String::from("`vault-verify` files"),
            figure: files.trim().to_owned(),
            peer: peer.map_or_else(String::new, |p| format!("openssl sha256 {p:.0} MB/s")),
            ratio: ours.zip(peer).map_or_else(String::new, |(o, p)| format!("{:.2} (target 0.8)", o / p)),
        },
        Figure {
            what: String::from("bytes of log lines"),
            figure: size.trim().trim_start_matches("size: ").to_owned(),
            peer: String::new(),
            ratio: String::new(),
        },
        Figure {
            what: String::from("`vault-verify --deep`"),
            figure: deep.trim().to_owned(),
            peer: String::new(),
            ratio: number(&deep, " leaves per CPU second").map_or_else(String::new, |n| format!("{:.2} of 300,000", n / 300_000.0)),
        },
    ])
}

/// The named questions, beside DuckDB on the same files where it is installed (`pip install duckdb`).
pub fn ask(work: &Path, profile: &str, quick: bool) -> Result<Vec<Figure>> {
    let tool = tool(profile)?;
    let folder = year(work, &tool, quick)?;
    let text = say(&tool, &["ask", &folder.display().to_string()])?;
    let mut figures: Vec<Figure> = text
        .lines()
        .filter_map(|l| l.strip_prefix("question "))
        .map(|l| Figure {
            what: format!("`vault-ask` {}", l.split(':').next().unwrap_or_default()),
            figure: l.split_once(": ").map_or_else(String::new, |(_, f)| f.to_owned()),
            peer: String::new(),
            ratio: String::new(),
        })
        .collect();
    let script = shell::root().join("benches/duckdb_ask.py");
    match Command::new(std::env::var_os("HINOMI_PYTHON").unwrap_or_else(|| "python3".into()))
        .arg(script)
        .arg(folder.join("segments"))
        .output()
    {
        Ok(out) if out.status.success() => {
            let peers = String::from_utf8_lossy(&out.stdout).into_owned();
            print!("{peers}");
            for f in &mut figures {
                let name = f.what.trim_start_matches("`vault-ask` ").to_owned();
                if let Some(p) = peers.lines().find_map(|l| l.strip_prefix(&format!("question {name}: "))) {
                    f.peer = format!("DuckDB {p}");
                    let (ours, theirs) = (number(&f.figure, " ms"), number(p, " ms"));
                    f.ratio = ours.zip(theirs).map_or_else(String::new, |(o, t)| format!("{:.2} (limit 1.5)", o / t));
                }
            }
        }
        _ => println!("skipped: DuckDB (PyPI) is not installed"),
    }
    Ok(figures)
}
