//! The live path: a mixed capture sent over a veth pair by tcpreplay, at 1 Gbit/s and as fast as it goes. What was sent must be what was
//! received and what the kernel says that it dropped, together.

use super::{Figure, pages};
use crate::shell;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use xtask::client::{Client, inside};

/// The namespaces of the two ends.
const WATCH: &str = "hinomi-bench-watch";
const LINE: &str = "hinomi-bench-line";

/// Two namespaces and the cable between them, gone when this is dropped.
struct Cable;

impl Cable {
    fn lay() -> Result<Cable> {
        let cable = Cable;
        for namespace in [WATCH, LINE] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        ip(&["-n", WATCH, "link", "add", "mirror0", "type", "veth", "peer", "name", "line0", "netns", LINE])?;
        for (namespace, end) in [(WATCH, "mirror0"), (LINE, "line0")] {
            // Silence of the kernel's own, so that only what is sent is on the wire.
            let quiet = format!("echo 1 > /proc/sys/net/ipv6/conf/{end}/disable_ipv6");
            inside(Some(namespace), Path::new("sh")).args(["-c", &quiet]).status()?;
            ip(&["-n", namespace, "link", "set", end, "up"])?;
        }
        Ok(cable)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for namespace in [WATCH, LINE] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
    }
}

fn ip(args: &[&str]) -> Result<()> {
    let out = Command::new("ip").args(args).output().context("iproute2 is not installed: scripts/setup test")?;
    if !out.status.success() {
        bail!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(())
}

struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn run(binary: &Path, work: &Path, quick: bool) -> Result<Vec<Figure>> {
    if !shell::has("tcpreplay") || !shell::has("taskset") {
        bail!("tcpreplay and taskset are needed: scripts/setup test");
    }
    let capture = super::capture::mix(work, if quick { 64 } else { 256 })?;
    let mut figures = Vec::new();
    for (name, speed) in [("at 1 Gbit/s", "--mbps=1000"), ("at top speed", "--topspeed")] {
        let _cable = Cable::lay()?;
        let data = work.join("live");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let data = data.display().to_string();
        // The watch has the first core to itself as far as this machine goes; the sender gets the last.
        let (child, lines) = pages::start(Some(WATCH), binary, &["--data", &data, "--interface", "mirror0"], "ready")?;
        let watch = Watch(child);
        Command::new("taskset").args(["-a", "-p", "-c", "0", &watch.0.id().to_string()]).output()?;
        let (address, one_time) = pages::entrance(&lines)?;
        let client = Client::first_login(&address, &one_time, &work.join("live.cookies"), Some(WATCH))?;
        let before = counted(&client)?;
        let last = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).to_string();
        let sent = inside(Some(LINE), Path::new("taskset"))
            .args(["-c", &last, "tcpreplay", speed, "--preload-pcap", "--intf1", "line0"])
            .arg(&capture)
            .output()?;
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        let packets: u64 = number_after(&said, "Actual:").context("tcpreplay did not say how much it sent")?;
        let rate: f64 = said
            .lines()
            .find_map(|l| l.split_once("Rated:").and_then(|(_, r)| r.split(',').nth(1)?.split_whitespace().next()?.parse().ok()))
            .unwrap_or(f64::NAN);
        // Until nothing more comes.
        let began = Instant::now();
        let mut seen = before;
        while began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_secs(1));
            let now = counted(&client)?;
            if now == seen && now.0 + now.1 > before.0 + before.1 {
                break;
            }
            seen = now;
        }
        let (received, dropped) = (seen.0 - before.0, seen.1 - before.1);
        let difference = i128::from(received + dropped) - i128::from(packets);
        figures.push(Figure {
            what: format!("mixed capture over a veth pair {name}, one core for the whole watch"),
            figure: format!("{packets} sent at {rate:.0} Mbit/s, {received} received, {dropped} dropped by the kernel"),
            peer: "received + dropped = sent".into(),
            ratio: format!("loss {:.3} %, difference {difference}", dropped as f64 * 100.0 / packets as f64),
        });
    }
    Ok(figures)
}

/// Frames received, and frames that the kernel or the queue let go.
fn counted(client: &Client) -> Result<(u64, u64)> {
    let sensors = client.json("/api/v1/sensors")?;
    let one = sensors["items"].as_array().and_then(|a| a.iter().find(|s| s["name"] == "mirror0")).context("no sensor mirror0")?;
    Ok((one["packets"].as_u64().unwrap_or(0), one["kernel_drops"].as_u64().unwrap_or(0)))
}

fn number_after(text: &str, words: &str) -> Option<u64> {
    text.split_once(words)?.1.split_whitespace().next()?.parse().ok()
}
