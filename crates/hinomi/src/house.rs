//! The stores with what follows them, in the order in which they start and end.

use crate::clock::{self, now};
use crate::courier;
use crate::housekeeping;
use crate::outcome::unreachable;
use crate::plan::Plan;
use crate::stores::Stores;
use crate::watcher::{Progress, Watcher};
use crate::witness::access::VaultLog;
use crate::witness::standing;
use anyhow::Result;
use model::Notice;
use model::clock::StopReason;
use model::event::Deed;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, broadcast, watch};

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
    knock: Arc<Notify>,
}

impl House {
    /// Brings in what the plan asks for, and starts the fold and the courier.
    pub fn open(runtime: &Runtime, plan: &Plan, stores: Stores, devices: usize) -> Result<House> {
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
        let settings = runtime.block_on(crate::watcher::settings(&stores.pipeline, devices))?;
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
        let courier = runtime.spawn(courier::carry(stores.clone(), Arc::clone(&knock), ended));
        Ok(House { stores, notices, stop: Arc::default(), progress, watcher, courier, end_courier, knock })
    }

    /// Shows the log's checkpoints to witnesses and to the time-stamp authority, and writes archives by schedule, until the end. A replay does not:
    /// what it makes is nobody's history.
    pub fn show_outside(&self, runtime: &Runtime, data: &Path) {
        let log = Arc::new(VaultLog::new(Arc::clone(&self.stores.vault), &data.join("vault")));
        let exporting = crate::exports::start(self.stores.clone(), runtime.handle().clone(), self.end_courier.subscribe());
        if let Err(e) = exporting {
            tracing::error!("archives are not written by schedule: cannot start a thread: {e}");
        }
        let (pipeline, knock, ended) = (self.stores.pipeline.clone(), Arc::clone(&self.knock), self.end_courier.subscribe());
        runtime.spawn(standing::keep(pipeline, log, knock, ended));
    }

    /// Looks at the machine's clock until the end. A replay does not: it goes by the captures' clock.
    pub fn keep_clock(&self, runtime: &Runtime) {
        runtime.spawn(clock::keep(self.stores.pipeline.clone(), Arc::clone(&self.knock), self.end_courier.subscribe()));
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
    pub fn drain_but_keep_open(self, runtime: &Runtime) -> Stores {
        self.progress.stop.store(true, Ordering::Release);
        let began = Instant::now();
        while !self.watcher.is_finished() && began.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.end_courier.send(true);
        let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), self.courier).await });
        self.stores
    }

    /// Ends in order and closes the stores.
    pub fn drain(self, runtime: &Runtime, reason: StopReason) {
        let stopped = self.stores.pipeline.machine_did("run", Deed::Stopping { reason }, now());
        if let Err(e) = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), stopped).await }) {
            tracing::warn!("the end could not be recorded in time: {e}");
        }
        let stores = self.drain_but_keep_open(runtime);
        stores.vault.close();
        runtime.block_on(stores.store.close());
    }
}
