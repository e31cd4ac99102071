//! The data path, as a table of contents: configuration → build → run.
//!
//!     opener ─▶ sensors ─▶ vault ─▶ watcher ─▶ state ─▶ console
//!                          ▲ │ ▲                  │
//!                          │ │ └──── courier ◀────┘
//!              witnesses, time stamps (outside)
//!
//! Each part stands in a file of its own; here is only the order in which they are built, and the order in which they stop.

use crate::clock::now;
use crate::console;
use crate::house::House;
use crate::outcome::unreachable;
use crate::plan::Plan;
use crate::rights;
use crate::runs;
use crate::sensor::{self, Sensors};
use crate::shares::shares;
use crate::stores::Stores;
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use model::clock::StopReason;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

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
    // How the run before ended is read before anything of this one is written.
    let before = runtime.block_on(runs::before(&stores.vault, &stores.pipeline))?;
    let house = House::open(&runtime, &plan, stores, shares.devices)?;
    // 3. What people see. Built before the sensors, so that a taken port stops the start and not the watch.
    let sensors = Sensors::new(Arc::clone(&house.stop), house.progress());
    let console = runtime.block_on(console::build(&plan, &rights, &house.stores, &house.notices, &sensors))?;
    say(words, &rights, &console);
    let (end_console, ended) = watch::channel(false);
    let serving = runtime.spawn(console.serve(ended));
    // 4. What comes in.
    runtime.block_on(runs::begin(&house.stores.pipeline, before, house.stores.vault.epoch(), now()))?;
    house.keep_clock(&runtime);
    sensors.start(&plan, &rights, &house, shares, words, runtime.handle())?;
    house.show_outside(&runtime, &plan.config.data);
    terminal::say(&words.say("run-ready"));
    // 5. Until somebody ends it.
    let reason = runtime.block_on(until_told())?;
    terminal::say(&words.say("run-stopping"));
    sensors.stop();
    let _ = end_console.send(true);
    house.drain(&runtime, reason);
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

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("console")
        .build()
        .map_err(|e| unreachable(format!("cannot start: {e}")))
}

/// Until SIGTERM, SIGINT or SIGHUP.
async fn until_told() -> Result<StopReason> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = term.recv() => StopReason::Terminated,
        _ = int.recv() => StopReason::Interrupted,
    })
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
