//! PostgreSQL for tests: Debian's package, started on loopback in a folder of its own, once for each test program; each test gets a database.
//! It refuses to run as root, so root runs it as `postgres`. Where there is none, `fresh_database` gives nothing and the test says so.
// Helpers of tests: not every program uses all of them, and they may stop it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// The server of this test program.
struct Server {
    pid: u32,
    port: u16,
    folder: PathBuf,
}

static SERVER: OnceLock<Option<Mutex<Server>>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A URL of a database that nobody else uses.
pub fn fresh_database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let port = server.lock().unwrap().port;
    let name = format!("hinomi_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let made = Command::new(bin()?.join("createdb"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "hinomi", "-E", "UTF8", "-T", "template0", &name])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(format!("postgres://hinomi@127.0.0.1:{port}/{name}"))
}

/// Ends the server as a power cut does, for tests of a database that goes away.
pub fn end_server() {
    if let Some(server) = SERVER.get().and_then(Option::as_ref) {
        let mut server = server.lock().unwrap();
        let _ = Command::new("kill").args(["-QUIT", &server.pid.to_string()]).status();
        let since = Instant::now();
        while is_ready(server.port) && since.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(50));
        }
        server.pid = 0;
    }
}

/// Starts it again on the same port and data.
pub fn start_server_again() {
    if let Some(server) = SERVER.get().and_then(Option::as_ref) {
        let mut server = server.lock().unwrap();
        // The old one leaves its lock file for a moment.
        std::thread::sleep(Duration::from_millis(500));
        server.pid = serve(&server.folder, server.port).unwrap();
    }
}

fn is_ready(port: u16) -> bool {
    let Some(bin) = bin() else { return false };
    let ready = Command::new(bin.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
    ready.is_ok_and(|s| s.success())
}

/// Where Debian puts the server's programs.
fn bin() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path().join("bin")).collect();
    versions.sort();
    versions.into_iter().rev().find(|p| p.join("postgres").exists() && p.join("initdb").exists())
}

/// A command that does not run as root.
fn as_somebody(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
    command
}

fn start() -> Option<Mutex<Server>> {
    let bin = bin()?;
    let folder =
        std::env::temp_dir().join(format!("hinomi-pg-{}-{:?}", std::process::id(), Instant::now()).replace([' ', '{', '}', ':'], ""));
    let made = as_somebody(Path::new("/bin/mkdir")).args(["-m", "700"]).arg(&folder).status().ok()?;
    if !made.success() {
        return None;
    }
    let data = folder.join("data");
    let init = as_somebody(&bin.join("initdb"))
        .args(["-U", "hinomi", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
        .arg(&data)
        .output()
        .ok()?;
    if !init.status.success() {
        println!("initdb: {}", String::from_utf8_lossy(&init.stderr));
        return None;
    }
    // The port is free now; whoever takes it in between makes the server end, and the test says so.
    let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let pid = serve(&folder, port)?;
    Some(Mutex::new(Server { pid, port, folder }))
}

/// Starts the server and waits until it answers. Gives its process id. A shell outlives this program by a moment, ends the server by that
/// number and clears up, since statics are not dropped.
fn serve(folder: &Path, port: u16) -> Option<u32> {
    let bin = bin()?;
    let mut child = as_somebody(&bin.join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""])
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "logging_collector=off"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let since = Instant::now();
    loop {
        if is_ready(port) {
            break;
        }
        if child.try_wait().ok().flatten().is_some() || since.elapsed() > Duration::from_mins(1) {
            let _ = child.kill();
            let mut told = String::new();
            let _ = child.stderr.take().map(|mut e| e.read_to_string(&mut told));
            panic!("PostgreSQL did not start: {told}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // Nobody reads what it says later: a full pipe would stop it.
    if let Some(mut err) = child.stderr.take() {
        std::thread::spawn(move || std::io::copy(&mut err, &mut std::io::sink()));
    }
    let watch = format!(
        "while kill -0 {} 2>/dev/null && kill -0 {child} 2>/dev/null; do sleep 0.5; done; kill -0 {} 2>/dev/null && exit; kill -QUIT {child} 2>/dev/null; sleep 1; rm -rf '{}'",
        std::process::id(),
        std::process::id(),
        folder.display(),
        child = child.id(),
    );
    let _ = Command::new("/bin/sh").args(["-c", &watch]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let pid = child.id();
    // Reaped here, so that its number is not taken for a living process.
    std::thread::spawn(move || child.wait());
    Some(pid)
}
