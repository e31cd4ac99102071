//! What every test needs: a store on each of the two databases, proofs, ids.
//!
//! PostgreSQL is Debian's package, started here on loopback in a folder of its own, once for each test program; each test gets a
//! database. It refuses to run as root, so root runs it as `postgres` or `nobody`. Where there is none, the test says so.
// Helpers of tests: not every program uses all of them, and they may stop it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use model::access::{Action, Grant, authorise};
use model::asset::{AssetChange, AssetFact};
use model::{Authorised, EventId, Principal, Role, Time, UserId, ZoneId};
use state::{Pipeline, Store, StoreUrl};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// 2026-11-20T00:00:00Z, a Friday.
pub const NOW: Time = Time(1_795_132_800_000_000_000);

/// Runs a test on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$attr:meta])* async fn $name:ident($bench:ident) $body:block)+) => {$(
        mod $name {
            use super::*;
            async fn body($bench: &mut common::Bench) $body
            $(#[$attr])*
            #[test]
            fn sqlite() { common::run(async { body(&mut common::Bench::sqlite().await).await }) }
            $(#[$attr])*
            #[test]
            fn postgres() {
                common::run(async {
                    match common::Bench::postgres().await {
                        Some(mut bench) => body(&mut bench).await,
                        None => println!("skipped: no PostgreSQL on this machine (apt-get install postgresql)"),
                    }
                })
            }
        }
    )+};
}

pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// A store on one of the databases.
pub struct Bench {
    pub url: StoreUrl,
    pub store: Store,
    pub machine: Pipeline,
    pub seq: u64,
    folder: tempfile::TempDir,
}

impl Bench {
    pub async fn sqlite() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        // A name that must be escaped in a URL.
        let url = StoreUrl::Sqlite(folder.path().join("state 100% #1.db"));
        Bench::open(url, folder).await
    }

    pub async fn postgres() -> Option<Bench> {
        let url = StoreUrl::postgres(&fresh_database()?).unwrap();
        Some(Bench::open(url, tempfile::tempdir().unwrap()).await)
    }

    async fn open(url: StoreUrl, folder: tempfile::TempDir) -> Bench {
        let store = Store::open(&url, NOW).await.unwrap();
        let machine = store.pipeline().unwrap();
        Bench { url, store, machine, seq: 0, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
    pub fn is_sqlite(&self) -> bool {
        matches!(self.url, StoreUrl::Sqlite(_))
    }

    /// Closes and opens again, as after a crash or a restart.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(&self.url, NOW).await.unwrap();
        self.machine = self.store.pipeline().unwrap();
    }

    pub fn event(&mut self) -> EventId {
        self.seq += 1;
        EventId { site: self.store.site().id, epoch: 1, seq: self.seq }
    }

    pub fn change(&mut self, asset: model::AssetId, at: Time, fact: AssetFact) -> AssetChange {
        AssetChange { asset, at, because: self.event(), fact }
    }

    /// Applies steps of assets as the next batch.
    pub async fn tell(&mut self, steps: Vec<(model::AssetId, Time, AssetFact)>) -> state::Applied {
        let changes = steps.into_iter().map(|(id, at, fact)| self.change(id, at, fact)).collect();
        let mut batch = self.batch();
        batch.asset_changes = changes;
        self.machine.apply(batch).await.unwrap()
    }

    /// An empty batch up to the next event.
    pub fn batch(&mut self) -> state::Batch {
        let event = self.event();
        state::Batch::empty("detect", state::EventCursor { epoch: event.epoch, seq: event.seq })
    }

    /// The proof of somebody who may do everything.
    pub fn may<A: Action>(&self, action: A) -> Authorised<A> {
        authorise(&everybody(None), action, self.store.site().id, None).unwrap()
    }
    /// The proof of somebody who may do it in one zone.
    pub fn may_in<A: Action>(&self, action: A, zone: ZoneId) -> Authorised<A> {
        authorise(&everybody(Some(zone)), action, self.store.site().id, None).unwrap()
    }
    /// The proof of an account.
    pub fn may_as<A: Action>(&self, action: A, user: UserId) -> Authorised<A> {
        let who = Principal { user: Some(user), ..everybody(None) };
        authorise(&who, action, self.store.site().id, None).unwrap()
    }
}

fn everybody(zone: Option<ZoneId>) -> Principal {
    let grants = Role::ALL.iter().map(|role| Grant { role: *role, site: None, zone }).collect();
    Principal { user: None, name: String::from("田中"), grants, must_change_password: false }
}

pub fn asset_id(n: u128) -> model::AssetId {
    model::AssetId(uuid::Uuid::from_u128(n))
}

struct Server {
    child: Child,
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
    let mut child = as_somebody(&bin.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""])
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "logging_collector=off"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let since = Instant::now();
    loop {
        let ready = Command::new(bin.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
        if ready.is_ok_and(|s| s.success()) {
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
    // Statics are not dropped: a shell outlives this program by a moment, ends the server by its number and clears up.
    let watch = format!(
        "while kill -0 {} 2>/dev/null; do sleep 0.5; done; kill -QUIT {} 2>/dev/null; sleep 1; rm -rf '{}'",
        std::process::id(),
        child.id(),
        folder.display()
    );
    let _ = Command::new("/bin/sh").args(["-c", &watch]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Some(Mutex::new(Server { child, port, folder }))
}
