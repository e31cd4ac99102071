//! The fold: follows the vault in order of seq, lets detection think, and writes what follows into state in one transaction with the cursor.

use crate::outcome::state_error;
use crate::stores::Stores;
use anyhow::Result;
use catalogue::Catalogue;
use detect::{Effect, Watch};
use model::{Body, Event, Notice};
use state::{Batch, EventCursor, Pipeline};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};
use vault::Follower;
use wire::twins::Twins;

/// The name under which state keeps this consumer's cursor.
pub const CONSUMER: &str = "detect";
/// Events of one transaction at most.
const BATCH: usize = 2048;
/// How long to wait for the first event of a batch.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often detection's memory is written down.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);

/// What detection needs to know of this site. `devices` is how many it may follow.
pub async fn settings(pipeline: &Pipeline, devices: usize) -> Result<detect::Config> {
    let zone = pipeline.setting("time_zone").await.map_err(state_error)?;
    let time_zone = jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let limits = detect::Limits { assets: devices, ..detect::Limits::default() };
    let zones = pipeline.zones().await.map_err(state_error)?;
    // A calendar that somebody wrote past us counts as the default.
    let calendar = pipeline.setting("calendar").await.map_err(state_error)?.parse().unwrap_or_default();
    Ok(detect::Config { site: pipeline.store().site().id, time_zone, zones, calendar, limits })
}

/// What the watcher shares with others.
#[derive(Default)]
pub struct Progress {
    /// The last event that state has taken in.
    pub seq: AtomicU64,
    /// Asked to stop once the vault has nothing more.
    pub stop: AtomicBool,
    /// Which sensors see the same conversations.
    pub twins: Mutex<Twins>,
}

impl Progress {
    /// Waits until state has taken in everything up to `seq`, or the fold was told to stop.
    pub fn wait_for(&self, seq: u64) {
        while self.seq.load(Ordering::Acquire) < seq && !self.stop.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Detection with its place in the log.
pub struct Watcher {
    stores: Stores,
    watch: Watch,
    follower: Follower,
    /// Effects of events up to here are in state already.
    applied: u64,
    runtime: Handle,
    snapshot_at: Instant,
}

impl Watcher {
    /// Detection as it was when its memory was last written down; it folds on from there.
    pub fn start(stores: Stores, catalogue: &Catalogue, config: detect::Config, runtime: Handle) -> Result<Watcher> {
        let (watch, from, applied) = runtime.block_on(async {
            let applied = stores.pipeline.cursor(CONSUMER).await.map_err(state_error)?.map_or(0, |c| c.seq);
            let known = stores.pipeline.known_assets().await.map_err(state_error)?;
            let kept = stores.pipeline.snapshot(CONSUMER).await.map_err(state_error)?;
            let restored = kept.and_then(|(at, bytes)| match Watch::restore(catalogue, config.clone(), &bytes) {
                Ok(watch) => Some((watch, at.seq)),
                Err(e) => {
                    tracing::warn!("detection's memory cannot be used ({e}); it is built anew from the vault");
                    None
                }
            });
            let (watch, from) = restored.unwrap_or_else(|| (Watch::new(catalogue, config, &known), 0));
            anyhow::Ok((watch, from, applied))
        })?;
        let follower = stores.vault.follow(from);
        Ok(Watcher { stores, watch, follower, applied, runtime, snapshot_at: Instant::now() })
    }

    /// Folds until told to stop and nothing is left, or until the vault is closed. `notices` wakes open pages, `knock` the courier.
    pub fn run(mut self, progress: &Progress, notices: &broadcast::Sender<Notice>, knock: &Arc<Notify>) {
        progress.seq.store(self.applied, Ordering::Release);
        loop {
            let stopping = progress.stop.load(Ordering::Acquire);
            let Some(events) = self.follower.next_batch(BATCH, if stopping { Duration::ZERO } else { PATIENCE }) else { break };
            if events.is_empty() {
                if stopping {
                    break;
                }
                continue;
            }
            {
                let mut twins = progress.twins.lock().unwrap_or_else(PoisonError::into_inner);
                for event in &events {
                    if let Body::Flow(flow) = &event.body {
                        twins.flow(flow);
                    }
                }
            }
            let mut batch = self.fold(&events);
            if stopping || self.snapshot_at.elapsed() > SNAPSHOT_EVERY {
                batch.snapshot = Some(self.watch.snapshot());
                self.snapshot_at = Instant::now();
            }
            let cursor = batch.cursor;
            if let Some(applied) = self.apply(batch, progress) {
                for id in applied.assets {
                    let _ = notices.send(Notice::Asset(id));
                }
                for id in applied.findings {
                    let _ = notices.send(Notice::Finding(id));
                }
                if !applied.sensors.is_empty() {
                    let _ = notices.send(Notice::Sensor);
                }
                knock.notify_one();
            }
            self.applied = self.applied.max(cursor.seq);
            progress.seq.store(cursor.seq, Ordering::Release);
        }
    }

    fn fold(&mut self, events: &[Event]) -> Batch {
        let mut batch = Batch::empty(CONSUMER, EventCursor { epoch: 0, seq: 0 });
        let mut effects = Vec::new();
        for event in events {
            self.watch.event(event, &mut effects);
            if let Body::Health(health) = &event.body {
                // A sensor's ten seconds are the tick by which silence is noticed: part of the log, so a replay ticks the same.
                self.watch.advance(health.to, &mut effects);
            }
            batch.cursor = EventCursor { epoch: event.id.epoch, seq: event.id.seq };
            if event.id.seq <= self.applied {
                effects.clear();
                continue;
            }
            for effect in effects.drain(..) {
                match effect {
                    Effect::Asset(change) => batch.asset_changes.push(change),
                    Effect::Finding(change) => batch.finding_changes.push(change),
                    Effect::Hour(delta) => batch.hours.push(delta),
                    Effect::Peer(delta) => batch.peers.push(delta),
                    Effect::Coverage(health) => batch.coverage.push(health),
                    Effect::Clock(estimate) => batch.clocks.push(estimate),
                    Effect::Asked(ask) => batch.asks.push(ask),
                }
            }
        }
        batch
    }

    /// Writes a batch; tries again for as long as the database refuses, since nothing may be skipped.
    fn apply(&mut self, batch: Batch, progress: &Progress) -> Option<state::Applied> {
        if batch.cursor.seq <= self.applied {
            return None;
        }
        let mut wait = Duration::from_millis(100);
        loop {
            match self.runtime.block_on(self.stores.pipeline.apply(batch.clone())) {
                Ok(applied) => return Some(applied),
                Err(e) => {
                    tracing::error!("state: {e}");
                    if progress.stop.load(Ordering::Acquire) {
                        return None;
                    }
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }
}
