//! The data path, as a table of contents: configuration → build → run.
//!
//!     opener ─▶ sensors ─▶ vault ─▶ watcher ─▶ state ─▶ console
//!                            ▲                   │
//!                            └──── courier ◀─────┘
//!
//! Each part stands in a file of its own; here is only the order in which they are built, and the order in which they stop.

use crate::clock::now;
use crate::config::Config;
use crate::console;
use crate::courier;
use crate::housekeeping;
use crate::outcome::{state_error, unreachable};
use crate::rights;
use crate::sensor::{self, Sensors};
use crate::shares::shares;
use crate::stores::Stores;
use crate::terminal;
use crate::watcher::{Progress, Watcher};
use crate::words::Words;
use anyhow::Result;
use catalogue::Catalogue;
use model::Notice;
use model::event::Deed;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, broadcast, watch};

/// Everything that a start was asked to do.
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Rules, makers, measures.
    pub catalogue: Arc<Catalogue>,
    /// Captures to read instead of listening.
    pub captures: Vec<PathBuf>,
    /// A ledger to bring in first.
    pub assets: Option<PathBuf>,
    /// Settings and zones to bring in first.
    pub settings: Option<PathBuf>,
}

impl Plan {
    /// A plan without captures and ledger.
    pub fn new(config: Config, catalogue: Catalogue) -> Plan {
        Plan { config, catalogue: Arc::new(catalogue), captures: Vec::new(), assets: None, settings: None }
    }
}

/// The watch: everything, until somebody ends it.
pub fn run(plan: Plan, words: &Words) -> Result<()> {
    // 1. Rights are parted while there is one thread: the opener keeps them, everything else goes without.
    let rights = rights::part(&plan.config)?;
    let runtime = runtime()?;
    // 2. What is kept.
    let shares = shares(
        plan.config.ceiling_mib,
        rights.interfaces.len() + usize::from(!plan.captures.is_empty()) + usize::from(plan.config.folder.is_some()),
    );
    let stores = runtime.block_on(Stores::open(&plan.config, shares.queue))?;
    let house = House::open(&runtime, &plan, stores, shares.devices)?;
    // 3. What people see. Built before the sensors, so that a taken port stops the start and not the watch.
    let sensors = Sensors::new(Arc::clone(&house.stop), house.progress());
    let console = runtime.block_on(console::build(&plan, &rights, &house.stores, &house.notices, &sensors))?;
    say(words, &rights, &console);
    let (end_console, ended) = watch::channel(false);
    let serving = runtime.spawn(console.serve(ended));
    // 4. What comes in.
    runtime
        .block_on(house.stores.pipeline.machine_did("run", Deed::Started { version: env!("CARGO_PKG_VERSION").into() }, now()))
        .map_err(state_error)?;
    sensors.start(&plan, &rights, &house, shares, words, runtime.handle())?;
    terminal::say(&words.say("run-ready"));
    // 5. Until somebody ends it.
    runtime.block_on(until_told())?;
    terminal::say(&words.say("run-stopping"));
    sensors.stop();
    let _ = end_console.send(true);
    house.drain(&runtime);
    let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), serving).await });
    terminal::say(&words.say("run-stopped"));
    Ok(())
}

/// Captures through the whole watch, to their end. The stores stay open for questions.
pub fn replay(plan: Plan) -> Result<Stores> {
    let runtime = runtime()?;
    let shares = shares(plan.config.ceiling_mib, 1);
    let stores = runtime.block_on(Stores::open(&plan.config, shares.queue))?;
    let house = House::open(&runtime, &plan, stores.clone(), shares.devices)?;
    let read = sensor::read_captures(&plan.captures, &house, shares, runtime.handle());
    house.catch_up();
    house.drain_but_keep_open(&runtime);
    read?;
    Ok(stores)
}

/// The stores with everything that follows them: the fold and the courier.
pub struct House {
    /// What is kept.
    pub stores: Stores,
    /// Wakes open pages.
    pub notices: broadcast::Sender<Notice>,
    /// Tells sensors to stop.
    pub stop: Arc<std::sync::atomic::AtomicBool>,
    progress: Arc<Progress>,
    watcher: std::thread::JoinHandle<()>,
    courier: tokio::task::JoinHandle<()>,
    end_courier: watch::Sender<bool>,
}

impl House {
    fn open(runtime: &Runtime, plan: &Plan, stores: Stores, devices: usize) -> Result<House> {
        if let Some(file) = &plan.settings {
            runtime.block_on(crate::site_file::import(&stores.store, file))?;
        }
        if let Some(ledger) = &plan.assets {
            runtime.block_on(async {
                let (read, report) = crate::ledger::import_csv(&stores.store, ledger, false).await?;
                for problem in read.problems.iter().chain(&report.problems) {
                    tracing::warn!("ledger {}: {problem}", ledger.display());
                }
                tracing::info!("ledger {}: {} entered, {} changed", ledger.display(), report.entered.len(), report.changed.len());
                anyhow::Ok(())
            })?;
        }
        let (notices, _) = broadcast::channel(1024);
        let knock = Arc::new(Notify::new());
        let progress = Arc::new(Progress::default());
        let settings = runtime.block_on(crate::watcher::settings(&stores, devices))?;
        // The ledger reaches detection before the first frame does.
        while runtime.block_on(courier::once(&stores))? > 0 {}
        let watcher = Watcher::start(stores.clone(), &plan.catalogue, settings, runtime.handle().clone())?;
        let watcher = {
            let (progress, notices, knock) = (Arc::clone(&progress), notices.clone(), Arc::clone(&knock));
            std::thread::Builder::new()
                .name("watcher".into())
                .spawn(move || watcher.run(&progress, &notices, &knock))
                .map_err(|e| unreachable(format!("cannot start a thread: {e}")))?
        };
        let (end_courier, ended) = watch::channel(false);
        runtime.spawn(housekeeping::keep(stores.clone(), ended.clone()));
        let courier = runtime.spawn(courier::carry(stores.clone(), knock, ended));
        Ok(House { stores, notices, stop: Arc::default(), progress, watcher, courier, end_courier })
    }

    /// Waits until state has taken in everything that the vault holds now.
    pub fn catch_up(&self) {
        let last = self.stores.vault.last_seq();
        while self.progress.seq.load(Ordering::Acquire) < last && !self.watcher.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How far the fold is.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Ends in order: the fold takes in what is there, the courier carries what is left.
    fn drain_but_keep_open(self, runtime: &Runtime) -> Stores {
        self.progress.stop.store(true, Ordering::Release);
        let began = Instant::now();
        while !self.watcher.is_finished() && began.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.end_courier.send(true);
        let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), self.courier).await });
        self.stores
    }

    fn drain(self, runtime: &Runtime) {
        let stopped = self.stores.pipeline.machine_did("run", Deed::Stopped, now());
        if let Err(e) = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), stopped).await }) {
            tracing::warn!("the end could not be recorded in time: {e}");
        }
        let stores = self.drain_but_keep_open(runtime);
        stores.vault.close();
        runtime.block_on(stores.store.close());
    }
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("console")
        .build()
        .map_err(|e| unreachable(format!("cannot start: {e}")))
}

/// Until SIGTERM, SIGINT or SIGHUP.
async fn until_told() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// What a person at the terminal needs to know.
fn say(words: &Words, rights: &rights::Rights, console: &console::Built) {
    use catalogue::phrases::Value::Text;
    terminal::say(&words.with("run-watching", &[("version", Text(env!("CARGO_PKG_VERSION")))]));
    terminal::say(&words.with("run-console", &[("address", Text(&console.address))]));
    terminal::say(&words.with("run-fingerprint", &[("fingerprint", Text(&console.fingerprint))]));
    if let Some((user, password)) = &console.first {
        terminal::say(&words.with("run-first-user", &[("user", Text(user))]));
        terminal::say(&words.with("run-first-password", &[("password", Text(password))]));
    }
    for name in &rights.interfaces {
        terminal::say(&words.with("run-sensor", &[("name", Text(name))]));
    }
    if rights.interfaces.is_empty() && rights.asked_for_auto {
        terminal::say(&words.say("run-no-sensor"));
    }
}
