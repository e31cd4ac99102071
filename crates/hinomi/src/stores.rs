//! What is kept: the vault (what happened) and the state (what is true now), opened together.

use crate::clock::now;
use crate::config::Config;
use crate::keys;
use crate::outcome::{state_error, unreachable};
use anyhow::Result;
use model::Body;
use model::event::Table;
use state::pipeline::{Standing, VaultEnd};
use state::settings::retention_of;
use state::{Pipeline, Store, StoreUrl};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use vault::{Options, Query, Retention, Vault};

/// Both stores of a site.
#[derive(Clone)]
pub struct Stores {
    /// What happened.
    pub vault: Arc<Vault>,
    /// What is true now, for people.
    pub store: Store,
    /// What is true now, for the watch.
    pub pipeline: Pipeline,
    /// Under which secrets on the wire are fingerprinted.
    pub secret: [u8; 32],
}

impl Stores {
    /// Opens both, or makes them where there are none. `queue` is what may wait for the disk, in bytes.
    pub async fn open(config: &Config, queue: usize) -> Result<Stores> {
        make_folder(&config.data)?;
        let store = Store::open(&state_url(config)?, now()).await.map_err(state_error)?;
        let pipeline = store.pipeline().map_err(state_error)?;
        let options = Options { queue_bytes: queue, retention: retention(&pipeline).await?, ..Options::default() };
        let vault = keys::open(config, Some(store.site().id), options).map_err(keys::failed)?;
        for note in vault.status().notes {
            tracing::warn!("vault: {note}");
        }
        let end = VaultEnd { epoch: vault.epoch(), last_seq: vault.last_seq(), newest_audit: newest_audit(&vault) };
        if let Standing::Restored { sessions, one_time_passwords } = pipeline.vault_is_ahead(end, now()).await.map_err(state_error)? {
            tracing::warn!(
                "the state is older than the vault (restored from a backup?): {sessions} sessions and {one_time_passwords} one-time passwords are void"
            );
        }
        Ok(Stores { vault: Arc::new(vault), store, pipeline, secret: secret(&config.data)? })
    }
}

/// Where the state is kept.
pub fn state_url(config: &Config) -> Result<StoreUrl> {
    match &config.state {
        Some(url) => StoreUrl::postgres(url).map_err(state_error),
        None => Ok(StoreUrl::Sqlite(config.data.join("state.sqlite"))),
    }
}

/// How long and how much the vault keeps, as set on the vault's page (each table has its own days) and the settings page (room in all).
pub async fn retention(pipeline: &Pipeline) -> Result<Retention> {
    let bytes = pipeline.setting_number("retention_bytes").await.map_err(state_error)?;
    let mut retention = Retention { bytes: u64::try_from(bytes).ok(), ..Retention::default() };
    for (table, slot) in Table::ALL.into_iter().zip(&mut retention.tables) {
        *slot = u32::try_from(pipeline.setting_number(retention_of(table)).await.map_err(state_error)?).ok();
    }
    Ok(retention)
}

fn newest_audit(vault: &Vault) -> Option<u64> {
    let query = Query { tables: Table::Audit.bit(), newest_first: true, limit: Some(64), ..Query::default() };
    vault.read(&query).filter_map(Result::ok).find_map(|e| if let Body::Audit(a) = e.body { a.number } else { None })
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| {
        unreachable(format!(
            "cannot make the data folder {}: {e}. Name one that this account may write, with --data or data.folder",
            folder.display()
        ))
    })?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(|e| {
        unreachable(format!(
            "cannot write in the data folder {}: {e}. Free some space, or give the folder to the account that runs Hinomi",
            folder.display()
        ))
    })
}

/// The installation's own key, made at first start, readable by nobody else.
fn secret(folder: &Path) -> Result<[u8; 32]> {
    let file = folder.join("fingerprint.key");
    match std::fs::read(&file) {
        Ok(bytes) => bytes.try_into().map_err(|_| unreachable(format!("{} is damaged: it must hold 32 bytes. Restore it from a backup, or remove it (old fingerprints of secrets then match nothing)", file.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0u8; 32];
            getrandom::fill(&mut key).map_err(|e| unreachable(format!("the system gives no random numbers: {e}")))?;
            let write = || -> std::io::Result<()> {
                let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
                out.write_all(&key)?;
                out.sync_all()
            };
            write().map_err(|e| unreachable(format!("cannot write {}: {e}", file.display())))?;
            Ok(key)
        }
        Err(e) => Err(unreachable(format!("cannot read {}: {e}", file.display()))),
    }
}
