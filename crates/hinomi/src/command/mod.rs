//! The commands, one file for each noun.

pub mod assets;
mod checkpoint;
mod config;
mod doctor;
mod findings;
mod inspect;
mod replay;
mod rules;
mod run;
mod settings;
mod users;
mod vault;
mod witness;

use crate::clock::now;
use crate::config::Config;
use crate::outcome::{Verdict, bad_input, state_error, unreachable, usage};
use crate::stores::state_url;
use crate::words::Words;
use anyhow::Result;
use clap::ArgMatches;
use state::{Store, StoreUrl};
use std::path::PathBuf;

/// Where the configuration is looked for when nobody names a file.
pub const DEFAULT_FILE: &str = "/etc/hinomi/hinomi.toml";

/// Calls the command that was asked for.
pub fn dispatch(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let Some((noun, rest)) = matches.subcommand() else { return Err(usage("no command")) };
    match (noun, rest.subcommand()) {
        ("run", _) => run::run(rest, words),
        ("doctor", _) => doctor::run(rest, words),
        ("inspect", _) => inspect::run(rest, words),
        ("replay", _) => replay::run(rest, words),
        ("assets", Some(("list", m))) => assets::list(m, words),
        ("assets", Some(("show", m))) => assets::show(m, words),
        ("assets", Some(("import", m))) => assets::import(m, words),
        ("assets", Some(("export", m))) => assets::export(m, words),
        ("assets", Some(("clocks", m))) => assets::clocks(m, words),
        ("findings", Some(("list", m))) => findings::list(m, words),
        ("findings", Some(("show", m))) => findings::show(m, words),
        ("vault", Some(("status", m))) => vault::status(m, words),
        ("vault", Some(("verify", m))) => vault::verify(m, words),
        ("vault", Some(("prove", m))) => vault::prove(m, words),
        ("vault", Some(("query", m))) => vault::query(m, words),
        ("vault", Some(("export", m))) => vault::export(m, words),
        ("vault", Some(("import", m))) => vault::import(m, words),
        ("vault", Some(("hold", m))) => vault::hold(m, words),
        ("vault", Some(("rollups", m))) => vault::rollups(m, words),
        ("vault", Some(("erase", m))) => vault::erase(m, words),
        ("vault", Some(("encrypt", m))) => vault::encrypt(m, words),
        ("vault", Some(("decrypt", m))) => vault::decrypt(m, words),
        ("vault", Some(("rekey", m))) => vault::rekey(m, words),
        ("vault", Some(("checkpoint", m))) => checkpoint::run(m, words),
        ("witness", _) => witness::run(rest, words),
        ("rules", Some(("check", m))) => rules::check(m, words),
        ("rules", Some(("list", m))) => rules::list(m, words),
        ("settings", Some(("export", m))) => settings::export(m, words),
        ("settings", Some(("import", m))) => settings::import(m, words),
        ("users", Some(("add", m))) => users::add(m, words),
        ("users", Some(("reset", m))) => users::reset(m, words),
        ("users", Some(("list", m))) => users::list(m, words),
        ("config", Some(("check", m))) => config::check(m, words),
        ("config", Some(("show", m))) => config::show(m, words),
        (noun, _) => Err(usage(format!("there is no command '{noun}'"))),
    }
}

/// The configuration that the options of a command ask for.
pub fn configuration(matches: &ArgMatches) -> Result<Config> {
    let named = path(matches, "config");
    let file = named.clone().or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|f| f.is_file()));
    let mut config = match file {
        Some(file) if named.is_some() && !file.is_file() => {
            return Err(unreachable(format!("there is no configuration file {}", file.display())));
        }
        Some(file) => Config::read(&file).map_err(bad_input)?,
        None => Config::default(),
    };
    if let Some(data) = path(matches, "data") {
        config.data = data;
    }
    Ok(config)
}

/// A path option, where the command has it and it was given.
pub fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.try_get_one::<PathBuf>(name).ok().flatten().cloned()
}

/// The state of the data folder, for commands beside a running Hinomi. Only where there is one already.
pub async fn open_state(config: &Config) -> Result<Store> {
    let url = state_url(config)?;
    if let StoreUrl::Sqlite(file) = &url
        && !file.is_file()
    {
        return Err(unreachable(format!(
            "{} holds no Hinomi data yet; start it once with 'hinomi run', or name the folder with --data",
            config.data.display()
        )));
    }
    Store::open(&url, now()).await.map_err(state_error)
}

/// Runs something asynchronous to its end.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| unreachable(format!("cannot start: {e}")))?;
    runtime.block_on(future)
}
