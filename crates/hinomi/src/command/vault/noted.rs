//! Questions and exports on the machine itself are records too.
//!
//! They take the way of every deed (state::outbox): into the outbox of the state, from where a running Hinomi carries them into the vault within a
//! second, and otherwise the next start. A folder that holds a vault and no state gets the record straight into the vault. Where neither can be
//! written, the question is not answered; an archive is a copy in somebody's hand and writes nothing down.

use crate::clock::now;
use crate::command::{block_on, configuration, open_state};
use crate::outcome::{state_error, unreachable};
use crate::stores::state_url;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::event::{Audit, Body, Deed};
use model::{NewEvent, SourceId};
use state::StoreUrl;
use std::path::PathBuf;
use vault::{Options, Vault};

/// Who sits at the machine, as the system says: the account that became another one first.
pub(super) fn actor() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Writes down what was done.
pub(super) fn note(matches: &ArgMatches, action: &'static str, deed: Deed, words: &Words) -> Result<()> {
    if matches.try_get_one::<PathBuf>("archive").ok().flatten().is_some() {
        return Ok(());
    }
    let config = configuration(matches)?;
    let has_state = match state_url(&config)? {
        StoreUrl::Sqlite(file) => file.is_file(),
        StoreUrl::Postgres(_) => true,
    };
    let written = if has_state {
        block_on(async {
            let pipeline = open_state(&config).await?.pipeline().map_err(state_error)?;
            pipeline.at_machine_did(&actor(), action, deed, now()).await.map_err(state_error)
        })
    } else {
        straight(matches, action, deed)
    };
    written.map_err(|e| unreachable(words.with("vault-not-noted", &[("why", Value::Text(&format!("{e:#}")))])))
}

/// Into the vault itself, where nobody else has it open.
fn straight(matches: &ArgMatches, action: &'static str, deed: Deed) -> Result<()> {
    let vault = Vault::open(&super::folder(matches)?, None, Options::default()).map_err(super::failed)?;
    let audit = Audit { user: None, actor: actor(), from: None, action: String::from(action), deed, number: None };
    let event = NewEvent { source: SourceId(0), received: now(), happened: None, body: Body::Audit(Box::new(audit)) };
    vault.appender().append_and_wait(&[event]).map(drop).map_err(unreachable)
}
