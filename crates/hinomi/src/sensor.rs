//! A sensor: one plain thread that reads frames, dissects them and offers events to the vault. It never waits for the disk on a live
//! line; a capture file can wait, so it does.

use crate::clock::now;
use crate::folder_memory;
use crate::house::House;
use crate::outcome::{file_error, state_error, unreachable};
use crate::plan::Plan;
use crate::recorder::Recorder;
use crate::rights::Rights;
use crate::shares::Shares;
use crate::stores::Stores;
use crate::terminal;
use crate::watcher::Progress;
use crate::words::Words;
use anyhow::Result;
use catalogue::credentials::is_default;
use catalogue::phrases::Value;
use intake::file::Merge;
use intake::folder::Folder;
use intake::health::HealthMeter;
use intake::live::{Link, Live, LiveConfig};
use model::coverage::{Quality, SensorKind, SensorStatus};
use model::{SourceId, Time};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use vault::{Appender, VaultError};
use wire::engine::{Config, Engine};
use wire::parse::Options;

/// Events of one batch.
const BATCH: usize = 1024;
/// Packets of one look at a folder.
const FOLDER_BUDGET: u64 = 20_000;
/// How long a look at the line waits for frames.
const POLL: Duration = Duration::from_millis(100);
/// A live batch is offered at least this often.
const OFFER_EVERY: Duration = Duration::from_millis(150);

/// What every page may know of a sensor, renewed by its thread.
pub type Shared = Arc<Mutex<SensorStatus>>;

/// Reads and dissects one sensor's frames.
pub struct Sensor {
    id: SourceId,
    engine: Engine,
    recorder: Recorder,
    meter: HealthMeter,
    status: Shared,
    shown: Instant,
    told: Told,
}

/// Counters as of the last stretch that was told.
#[derive(Clone, Copy, Default)]
struct Told {
    errors: u64,
    dropped: u64,
}

impl Sensor {
    /// A sensor that starts now. `secret` is the installation's key.
    pub fn new(id: SourceId, name: &str, kind: SensorKind, shares: Shares, secret: [u8; 32], appender: Appender) -> Sensor {
        let mut seed = [0u8; 8];
        let _ = getrandom::fill(&mut seed);
        let config = Config {
            max_flows: shares.flows,
            max_stream_bytes: shares.streams,
            max_fragment_bytes: shares.fragments,
            max_observations: shares.observations,
            hash_seed: u64::from_ne_bytes(seed),
            ..Config::default()
        };
        let options = Options { secret_key: secret, raw_targets: false, is_default };
        let status = SensorStatus { id, name: name.to_owned(), kind, ..SensorStatus::default() };
        Sensor {
            id,
            engine: Engine::new(config, options),
            recorder: Recorder::new(id, appender, shares.backlog.max(BATCH * 4)),
            meter: HealthMeter::new(id, kind),
            status: Arc::new(Mutex::new(status)),
            shown: Instant::now(),
            told: Told::default(),
        }
    }

    /// Where its state can be read.
    pub fn status(&self) -> Shared {
        Arc::clone(&self.status)
    }

    /// Reads captures to their end by their own clock. Returns the number of packets.
    pub fn read_files(mut self, files: Merge, stop: &AtomicBool) -> Result<(u64, Merge), (anyhow::Error, Merge)> {
        let mut files = files;
        let mut last = None;
        loop {
            match files.next() {
                Ok(Some((_, record))) => {
                    let raw = record.raw(self.id);
                    last = Some(raw.time);
                    while let Some(health) = self.meter.tick(raw.time) {
                        self.recorder.health(health);
                    }
                    self.meter.packet(raw.wire_len);
                    self.engine.packet(&raw, &mut self.recorder);
                }
                Ok(None) => break,
                Err(e) => return Err((e.into(), files)),
            }
            if self.recorder.len() >= BATCH {
                if let Err(e) = self.hand_over() {
                    return Err((e.into(), files));
                }
                self.show(last, Quality::Full, None);
                if stop.load(Ordering::Acquire) {
                    break;
                }
            }
        }
        self.engine.finish(&mut self.recorder);
        self.tell_errors();
        if let Some(health) = self.meter.finish() {
            self.recorder.health(health);
        }
        if let Err(e) = self.hand_over().and_then(|()| self.recorder.finish(now())) {
            return Err((e.into(), files));
        }
        self.shown = Instant::now().checked_sub(Duration::from_secs(60)).unwrap_or(self.shown);
        self.show(last, Quality::Full, None);
        Ok((self.engine.counters().packets, files))
    }

    /// Hands a batch over and waits for room: for captures, which can wait.
    fn hand_over(&mut self) -> Result<(), VaultError> {
        self.tell_errors();
        self.recorder.hand_over(now())
    }

    /// Listens until told to stop. Never waits for the disk: what the vault has no room for is kept within bounds, then let go by the
    /// stated policy and counted.
    pub fn listen(mut self, mut live: Live, stop: &AtomicBool) {
        let mut offered = Instant::now();
        let mut drops = 0;
        while !stop.load(Ordering::Acquire) {
            let at = now();
            self.recorder.received = Some(at);
            while let Some(health) = self.meter.tick(at) {
                self.recorder.health(health);
            }
            let (engine, recorder, meter) = (&mut self.engine, &mut self.recorder, &mut self.meter);
            let frames = live.poll(POLL, |raw| {
                meter.packet(raw.wire_len);
                engine.packet(&raw, recorder);
            });
            if frames == 0 {
                self.engine.advance(now(), &mut self.recorder);
            }
            self.meter.link(matches!(live.link(), Link::Up));
            let lost = live.counters().drops();
            self.meter.kernel_drops(lost - drops);
            drops = lost;
            self.tell_errors();
            if self.recorder.len() >= BATCH || (self.recorder.len() > 0 && offered.elapsed() >= OFFER_EVERY) {
                offered = Instant::now();
                self.recorder.offer(at);
            }
            self.show_live(&live);
        }
        live.look();
        self.meter.kernel_drops(live.counters().drops() - drops);
        self.engine.finish(&mut self.recorder);
        self.tell_errors();
        if let Some(health) = self.meter.finish() {
            self.recorder.health(health);
        }
        let last = self.recorder.len();
        if let Err(e) = self.recorder.finish(now()) {
            tracing::warn!("the last {last} events of this sensor are lost: {e}");
        }
    }

    /// Follows a folder that is being filled until told to stop. What was read is remembered in `memory` after the vault has it.
    pub fn watch_folder(mut self, folder: &Path, memory: &Path, stop: &AtomicBool) {
        let mut folder = Folder::new(folder, folder_memory::read(memory));
        let mut last = None;
        while !stop.load(Ordering::Acquire) {
            let id = self.id;
            let (engine, recorder, meter) = (&mut self.engine, &mut self.recorder, &mut self.meter);
            let looked = folder.look(std::time::SystemTime::now(), FOLDER_BUDGET, |_, record| {
                let raw = record.raw(id);
                last = Some(raw.time);
                while let Some(health) = meter.tick(raw.time) {
                    recorder.health(health);
                }
                meter.packet(raw.wire_len);
                engine.packet(&raw, recorder);
            });
            for trouble in &looked.troubles {
                tracing::warn!("{}: {}", trouble.path.display(), trouble.what);
            }
            if looked.packets > 0 {
                self.tell_errors();
                if let Err(e) = self.recorder.finish(now()) {
                    tracing::error!("vault: {e}");
                    return;
                }
                if let Err(e) = folder_memory::write(memory, &folder.state()) {
                    tracing::warn!("cannot write {}: {e}; after a restart packets of this folder may be read again", memory.display());
                }
            }
            self.show(last, Quality::Full, looked.troubles.first().map(|t| t.what.clone()));
            if !looked.more {
                std::thread::sleep(Duration::from_millis(250));
            }
        }
        self.engine.finish(&mut self.recorder);
        if let Some(health) = self.meter.finish() {
            self.recorder.health(health);
        }
        let last = self.recorder.len();
        if let Err(e) = self.recorder.finish(now()) {
            tracing::warn!("the last {last} events of this folder are lost: {e}");
        }
    }

    fn show_live(&mut self, live: &Live) {
        let quality = match (live.link(), self.meter.last().map(|h| h.quality)) {
            (Link::Up, Some(quality)) => quality,
            (Link::Up, None) => Quality::Full,
            _ => Quality::Down,
        };
        let trouble = live.trouble().map(str::to_owned);
        let drops = live.counters().drops();
        self.show(live.newest(), quality, trouble);
        self.status.lock().unwrap_or_else(PoisonError::into_inner).kernel_drops = drops;
    }

    fn tell_errors(&mut self) {
        let errors = self.engine.counters().decode_errors;
        self.meter.decode_errors(errors - self.told.errors);
        self.told.errors = errors;
        let dropped = self.recorder.dropped();
        self.meter.queue_drops(dropped - self.told.dropped);
        self.told.dropped = dropped;
    }

    /// Renews what pages may know, at most five times a second.
    fn show(&mut self, last: Option<Time>, quality: Quality, trouble: Option<String>) {
        if self.shown.elapsed() < Duration::from_millis(200) {
            return;
        }
        self.shown = Instant::now();
        let counters = self.engine.counters();
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.packets = counters.packets;
        status.bytes = counters.bytes;
        status.decode_errors = counters.decode_errors;
        status.flows = self.engine.flows() as u64;
        status.flows_evicted = counters.flows_evicted;
        status.gaps = counters.reassembly_gaps;
        status.truths = self.engine.truths();
        status.queue_drops = self.recorder.dropped();
        status.last_frame = last.or(status.last_frame);
        status.recent_packets = self.meter.last().map_or(counters.packets, |h| h.packets);
        status.quality = quality;
        status.trouble = trouble;
    }
}

/// Every sensor of this start.
pub struct Sensors {
    stop: Arc<AtomicBool>,
    statuses: Arc<Mutex<Vec<Shared>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    progress: Arc<Progress>,
}

impl Sensors {
    /// None yet.
    pub fn new(stop: Arc<AtomicBool>, progress: Arc<Progress>) -> Sensors {
        Sensors { stop, statuses: Arc::default(), threads: Mutex::default(), progress }
    }

    /// How each stands now; for pages.
    pub fn statuses(&self) -> impl Fn() -> Vec<SensorStatus> + Send + Sync + 'static {
        let (statuses, progress) = (Arc::clone(&self.statuses), Arc::clone(&self.progress));
        move || {
            let all = statuses.lock().unwrap_or_else(PoisonError::into_inner);
            let twins = progress.twins.lock().unwrap_or_else(PoisonError::into_inner);
            let now = |s: &Shared| {
                let status = s.lock().unwrap_or_else(PoisonError::into_inner).clone();
                SensorStatus { twins: twins.of(status.id), ..status }
            };
            all.iter().map(now).collect()
        }
    }

    /// Starts a thread for each interface, one for the captures, one for the folder.
    pub fn start(&self, plan: &Plan, rights: &Rights, house: &House, shares: Shares, words: &Words, runtime: &Handle) -> Result<()> {
        for name in &rights.interfaces {
            let Some(opener) = rights.opener.clone() else { continue };
            let id = runtime.block_on(house.stores.pipeline.sensor_id(name, SensorKind::Live, now())).map_err(state_error)?;
            let config = LiveConfig { ring_bytes: (plan.config.ring_mib as usize) << 20, ..LiveConfig::default() };
            let live = Live::open_or_wait(name, id, opener, config);
            let sensor = Sensor::new(id, name, SensorKind::Live, shares, house.stores.secret, house.stores.vault.appender());
            self.thread(format!("sensor-{name}"), sensor, move |sensor, stop| sensor.listen(live, stop))?;
        }
        if !plan.captures.is_empty() {
            let (sensor, files) = prepare(&plan.captures, &house.stores, shares, runtime)?;
            let said = captures_read(words, house);
            self.thread("captures".into(), sensor, move |sensor, stop| said(sensor.read_files(files, stop)))?;
        }
        if let Some(folder) = plan.config.folder.clone() {
            let name = folder.display().to_string();
            let id = runtime.block_on(house.stores.pipeline.sensor_id(&name, SensorKind::File, now())).map_err(state_error)?;
            let memory = plan.config.data.join("folder.json");
            let sensor = Sensor::new(id, &name, SensorKind::File, shares, house.stores.secret, house.stores.vault.appender());
            self.thread("folder".into(), sensor, move |sensor, stop| sensor.watch_folder(&folder, &memory, stop))?;
        }
        Ok(())
    }

    fn thread(&self, name: String, sensor: Sensor, work: impl FnOnce(Sensor, &AtomicBool) + Send + 'static) -> Result<()> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).push(sensor.status());
        let stop = Arc::clone(&self.stop);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || work(sensor, &stop))
            .map_err(|e| unreachable(format!("cannot start a thread: {e}")))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Tells every sensor to stop and waits at most two seconds for them.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let began = Instant::now();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            while !thread.is_finished() && began.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Opens captures and names their sensor: one file by its name, several by the first and how many more.
fn prepare(captures: &[PathBuf], stores: &Stores, shares: Shares, runtime: &Handle) -> Result<(Sensor, Merge)> {
    let files = Merge::open(captures, intake::file::Options::default()).map_err(file_error)?;
    let first = captures
        .first()
        .map(|p| p.file_name().map_or_else(|| p.display().to_string(), |n| n.to_string_lossy().into_owned()))
        .unwrap_or_default();
    let name = if captures.len() > 1 { format!("{first} +{}", captures.len() - 1) } else { first };
    let id = runtime.block_on(stores.pipeline.sensor_id(&name, SensorKind::File, now())).map_err(state_error)?;
    Ok((Sensor::new(id, &name, SensorKind::File, shares, stores.secret, stores.vault.appender()), files))
}

/// Reads captures to their end in this thread, for `replay`.
pub fn read_captures(captures: &[PathBuf], house: &House, shares: Shares, runtime: &Handle) -> Result<()> {
    let (sensor, files) = prepare(captures, &house.stores, shares, runtime)?;
    let (result, files) = match sensor.read_files(files, &house.stop) {
        Ok((_, files)) => (Ok(()), files),
        Err((e, files)) => (Err(e), files),
    };
    for info in files.infos() {
        for damage in &info.damage {
            eprintln!("hinomi: {}: {} at byte {}", info.name, damage.what, damage.offset);
        }
    }
    result
}

type FilesRead = Result<(u64, Merge), (anyhow::Error, Merge)>;

/// Says on the terminal that the captures were read, once the state has taken everything in.
fn captures_read(words: &Words, house: &House) -> impl FnOnce(FilesRead) + Send + 'static {
    let line = words.template("run-captures-read");
    let damage_line = words.template("run-captures-damage");
    let progress = house.progress();
    let stores = house.stores.clone();
    move |read| {
        let (packets, files) = match read {
            Ok((packets, files)) => (packets, files),
            Err((e, files)) => {
                tracing::error!("{e:#}");
                (0, files)
            }
        };
        for info in files.infos() {
            for damage in &info.damage {
                terminal::say(&damage_line(&[
                    ("file", Value::Text(&info.name)),
                    ("what", Value::Text(&damage.what)),
                    ("offset", Value::Text(&damage.offset.to_string())),
                ]));
            }
        }
        progress.wait_for(stores.vault.last_seq());
        terminal::say(&line(&[("packets", Value::Number(i64::try_from(packets).unwrap_or(i64::MAX)))]));
    }
}
