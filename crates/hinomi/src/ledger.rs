//! Bringing a list of devices into the ledger, for `assets import`, `run --assets` and `replay --assets`.

use crate::clock::now;
use crate::outcome::{bad_input, state_error, unreachable};
use anyhow::Result;
use model::Principal;
use model::access::{EditAssets, authorise};
use state::ledger_csv;
use state::{ImportReport, Store};
use std::path::Path;

/// Brings a CSV into the ledger.
pub async fn import_csv(store: &Store, file: &Path, dry_run: bool) -> Result<(ledger_csv::Read, ImportReport)> {
    let bytes = read_file(file)?;
    let mut read = ledger_csv::read(&bytes).map_err(|e| bad_input(format!("{}: {e}", file.display())))?;
    let proof = authorise(&Principal::machine(), EditAssets, store.site().id, None)?;
    let rows = std::mem::take(&mut read.rows);
    let report = store.import_assets(&proof, rows, dry_run, now()).await.map_err(state_error)?;
    Ok((read, report))
}

/// Reads a file, or standard input for `-`.
pub fn read_file(file: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    const MOST: u64 = 64 << 20;
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|f| f.take(MOST).read_to_end(&mut bytes))
    };
    read.map_err(|e| unreachable(format!("cannot read {}: {e}", file.display())))?;
    Ok(bytes)
}
