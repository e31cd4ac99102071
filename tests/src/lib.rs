//! Helpers of the end-to-end tests: the program itself, a console that runs, network namespaces, a browser.
//!
//! The tests drive the binary as a person would. It is taken from `HINOMI_BIN` (which `cargo xtask test` sets after building it) or built on
//! the spot.

// A helper that fails is a test that fails.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

/// A PostgreSQL server of the test's own.
#[path = "../../crates/state/tests/all/common/postgres.rs"]
pub mod postgres;

/// The top of the checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program under test.
pub fn hinomi() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            if let Some(given) = std::env::var_os("HINOMI_BIN") {
                return given.into();
            }
            let built =
                Command::new(env!("CARGO")).args(["build", "--profile", "quick", "--package", "hinomi"]).current_dir(root()).status();
            assert!(built.is_ok_and(|s| s.success()), "hinomi does not build");
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
            target.join("quick/hinomi")
        })
        .clone()
}

/// Outside captures, where they stand; the test says 'skipped' otherwise.
pub fn oracles(part: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HINOMI_ORACLES").filter(|f| !f.is_empty()).map(|f| PathBuf::from(f).join(part)).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: HINOMI_ORACLES has no {part}");
    }
    folder
}

/// Runs the program to its end, in English.
pub fn call(args: &[&str]) -> Output {
    let output = Command::new(hinomi()).args(args).args(["--lang", "en"]).stdin(Stdio::null()).output();
    output.unwrap_or_else(|e| panic!("hinomi cannot be started: {e}"))
}

/// The JSON that a command prints.
pub fn json(args: &[&str]) -> serde_json::Value {
    let output = call(args);
    let shown = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&shown)
        .unwrap_or_else(|e| panic!("hinomi {}: {e}\n{shown}\n{}", args.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// The JSON objects, one a line, that a list command prints.
pub fn json_lines(args: &[&str]) -> Vec<serde_json::Value> {
    let output = call(args);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "hinomi {}: {}\n{}",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

/// A network namespace that goes when this is dropped.
pub struct Namespace {
    /// Its name for `ip netns`.
    pub name: String,
}

impl Namespace {
    /// Makes one with loopback up. `None`, and a word why, where this machine does not allow it.
    pub fn make(what: &str) -> Option<Namespace> {
        let name = format!("hinomi-{what}-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        if !made.is_ok_and(|o| o.status.success()) {
            eprintln!("skipped: network namespaces cannot be made here (root and iproute2 are needed)");
            return None;
        }
        let namespace = Namespace { name };
        namespace.ip("link set lo up");
        Some(namespace)
    }

    /// `ip` inside.
    pub fn ip(&self, args: &str) {
        let status = Command::new("ip").args(["-n", &self.name]).args(args.split_whitespace()).status();
        assert!(status.is_ok_and(|s| s.success()), "ip -n {} {args}", self.name);
    }

    /// A command that runs inside.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// A cable between two namespaces: the names of its ends.
pub fn cable(a: &Namespace, a_end: &str, b: &Namespace, b_end: &str) {
    a.ip(&format!("link add {a_end} type veth peer name {b_end} netns {}", b.name));
    a.ip(&format!("link set {a_end} up"));
    b.ip(&format!("link set {b_end} up"));
    for (namespace, end) in [(a, a_end), (b, b_end)] {
        // Silence of the kernel's own, so that only what the test sends is on the wire.
        let quiet = format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6");
        let _ = namespace.command(Path::new("sh")).args(["-c", &format!("echo 1 > {quiet}")]).status();
    }
}

/// A console that runs until this is dropped.
pub struct Console {
    child: Child,
    /// `https://…`
    pub address: String,
    /// The one-time password, where this start made one.
    pub password: Option<String>,
    lines: Mutex<mpsc::Receiver<String>>,
    seen: Mutex<Vec<String>>,
}

impl Console {
    /// Starts `hinomi run` with these arguments and waits until it prints its address.
    pub fn start(inside: Option<&Namespace>, args: &[&str]) -> Result<Console> {
        let mut command = match inside {
            Some(namespace) => namespace.command(&hinomi()),
            None => Command::new(hinomi()),
        };
        command.arg("run").args(args).args(["--lang", "en"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("hinomi cannot be started")?;
        let stdout = child.stdout.take().context("no output")?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut console = Console { child, address: String::new(), password: None, lines: Mutex::new(lines), seen: Mutex::new(Vec::new()) };
        let line = console.wait_for("https://", Duration::from_secs(60))?;
        line.split_whitespace().find(|w| w.starts_with("https://")).unwrap_or_default().clone_into(&mut console.address);
        console.wait_for("ready", Duration::from_secs(60))?;
        let seen = console.seen.lock().map(|s| s.clone()).unwrap_or_default();
        console.password = seen.iter().find_map(|l| l.split_once("password: ")).map(|(_, p)| p.trim().to_owned());
        Ok(console)
    }

    /// Waits for a printed line that has `words`.
    pub fn wait_for(&self, words: &str, most: Duration) -> Result<String> {
        let until = Instant::now() + most;
        let mut seen = self.seen.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        if let Some(line) = seen.iter().find(|l| l.contains(words)) {
            return Ok(line.clone());
        }
        let lines = self.lines.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(words);
                    seen.push(line.clone());
                    if found {
                        return Ok(line);
                    }
                }
                Err(e) => bail!("'{words}' was not printed ({e}); printed was:\n{}", seen.join("\n")),
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; how long it took to end, and with what status.
    pub fn stop(mut self) -> Result<(Duration, Option<i32>)> {
        let began = Instant::now();
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        while began.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait()? {
                return Ok((began.elapsed(), status.code()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("hinomi did not end within 20 s of SIGTERM")
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a script of tests/browser with node, inside a namespace where one is given, and shows what it printed when it fails.
pub fn browser(inside: Option<&Namespace>, script: &str, env: &[(&str, &str)]) -> Result<String> {
    let node = which("node").context("node is not installed: scripts/setup test")?;
    let mut command = match inside {
        Some(namespace) => namespace.command(&node),
        None => Command::new(node),
    };
    let output = command.arg(root().join("tests/browser").join(script)).envs(env.iter().copied()).output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{script} failed:\n{text}");
    }
    Ok(text)
}

/// Where a program is.
pub fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|d| d.join(program)).find(|p| p.is_file())
}
