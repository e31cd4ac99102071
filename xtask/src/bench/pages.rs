//! Server time of every page: with the invented factory's weeks in it, and in the same run with an empty folder.
//!
//! `curl` asks over one kept connection and tells each answer's time from the end of the request to the first byte.

use super::Figure;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use xtask::client::Client;

const PAGES: &[&str] = &["/", "/assets", "/findings", "/settings", "/events", "/api/v1/assets", "/api/v1/findings"];

pub fn run(binary: &Path, work: &Path, quick: bool) -> Result<Vec<Figure>> {
    if !shell::has("curl") {
        bail!("curl is not installed: apt-get install curl");
    }
    let capture = work.join("pages.pcap");
    xtask::capture::command(&[
        "factory".into(),
        "--to-now".into(),
        "--weeks".into(),
        if quick { "1" } else { "3" }.into(),
        "--out".into(),
        capture.display().to_string(),
    ])?;
    let empty = work.join("pages-empty.pcap");
    std::fs::write(&empty, [0xd4u8, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    let requests = if quick { 200 } else { 1000 };
    let full = Console::start(binary, work, "pages-full", &capture)?;
    let bare = Console::start(binary, work, "pages-bare", &empty)?;
    let mut figures = vec![Figure {
        what: "ready to serve after start, with the factory's weeks".into(),
        figure: format!("{:.2} s", full.restart(binary)?.as_secs_f64()),
        peer: "limit 1 s".into(),
        ratio: String::new(),
    }];
    for page in PAGES {
        let with = full.ask(page, requests)?;
        let without = bare.ask(page, requests)?;
        figures.push(Figure {
            what: format!("{page}, {requests} requests"),
            figure: format!("p50 {:.1} ms, p99 {:.1} ms, {} bytes", with.p50, with.p99, with.bytes),
            peer: format!("empty: p50 {:.1} ms, p99 {:.1} ms; limit 50 ms", without.p50, without.p99),
            ratio: format!("{:.2} of the limit, {:.2}× the empty page", with.p99 / 50.0, with.p50 / without.p50),
        });
    }
    Ok(figures)
}

struct Times {
    p50: f64,
    p99: f64,
    bytes: u64,
}

struct Console {
    child: Child,
    client: Client,
    data: String,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a console and waits for a printed line; gives the lines up to it.
pub(super) fn start(inside: Option<&str>, binary: &Path, args: &[&str], until: &str) -> Result<(Child, Vec<String>)> {
    let mut child = xtask::client::inside(inside, binary)
        .args(["run", "--lang", "en", "--listen", "127.0.0.1:0"])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child.stdout.take().context("no output")?;
    let mut lines = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let found = line.contains(until);
        lines.push(line);
        if found {
            return Ok((child, lines));
        }
    }
    bail!("the console ended before it said '{until}'")
}

/// The address and the one-time password among printed lines.
pub(super) fn entrance(lines: &[String]) -> Result<(String, String)> {
    let find = |words: &str| lines.iter().find_map(|l| l.split_once(words).map(|(_, rest)| rest.trim().to_owned()));
    Ok((format!("https://{}", find("https://").context("no address")?), find("password: ").context("no password")?))
}

impl Console {
    fn start(binary: &Path, work: &Path, name: &str, capture: &Path) -> Result<Console> {
        let data = work.join(name);
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let data = data.display().to_string();
        let ledger = format!("{}.assets.csv", capture.display());
        let capture = capture.display().to_string();
        let mut args = vec!["--data", data.as_str(), "--capture", capture.as_str()];
        if Path::new(&ledger).is_file() {
            args.extend(["--assets", ledger.as_str()]);
        }
        let (child, lines) = start(None, binary, &args, "captures read")?;
        let (address, one_time) = entrance(&lines)?;
        let client = Client::first_login(&address, &one_time, &work.join(format!("{name}.cookies")), None)?;
        Ok(Console { child, client, data })
    }

    fn ask(&self, page: &str, times: u32) -> Result<Times> {
        let mark = if page.contains('?') { '&' } else { '?' };
        let url = format!("{page}{mark}bench=[1-{times}]");
        let out = self.client.curl(&[
            &url,
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{time_pretransfer} %{time_starttransfer} %{size_download}\n",
        ])?;
        let mut millis = Vec::new();
        let mut bytes = 0;
        for line in out.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [code, pre, first, size] = fields.as_slice() else { bail!("curl said '{line}'") };
            if *code != "200" {
                bail!("{page} answered {code}");
            }
            millis.push((first.parse::<f64>()? - pre.parse::<f64>()?) * 1000.0);
            bytes = size.parse()?;
        }
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis.get(((millis.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(f64::NAN);
        Ok(Times { p50: at(0.5), p99: at(0.99), bytes })
    }

    /// How long a second start on the same folder takes to be ready (on another folder's copy nothing would be cached; this is warm).
    fn restart(&self, binary: &Path) -> Result<Duration> {
        let copy = format!("{}-copy", self.data);
        let _ = std::fs::remove_dir_all(&copy);
        let copied = Command::new("cp").args(["-r", &self.data, &copy]).status()?;
        if !copied.success() {
            bail!("cannot copy {}", self.data);
        }
        let nothing = Path::new(&self.data).with_file_name("pages-empty.pcap").display().to_string();
        let began = Instant::now();
        let (mut child, _) = start(None, binary, &["--data", &copy, "--capture", &nothing], "ready")?;
        let took = began.elapsed();
        let _ = child.kill();
        let _ = child.wait();
        Ok(took)
    }
}
