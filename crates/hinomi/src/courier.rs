//! Carries what state wrote into its outbox (people's deeds, findings) to the vault: at least once, and recognised there by its number.

use crate::stores::Stores;
use state::EventCursor;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How many go at once.
const BATCH: u32 = 500;
/// How often the outbox is looked at when nobody knocks: another process (the command line) may have written.
const LOOK: Duration = Duration::from_millis(500);

/// Runs until told to stop, then carries the rest.
pub async fn carry(stores: Stores, knock: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let mut wait = LOOK;
    loop {
        let stopping = *stop.borrow();
        match once(&stores).await {
            Ok(0) if stopping => return,
            Ok(0) => wait = LOOK,
            Ok(_) => continue,
            Err(e) => {
                tracing::warn!("outbox: {e:#}");
                if stopping {
                    return;
                }
                wait = (wait * 2).min(Duration::from_secs(10));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = knock.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Carries one batch; how many went.
pub async fn once(stores: &Stores) -> anyhow::Result<usize> {
    let waiting = stores.pipeline.outbox(BATCH).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (numbers, events): (Vec<i64>, Vec<_>) = waiting.into_iter().unzip();
    let numbered = stores.vault.appender().append(&events)?.await?;
    let at = EventCursor { epoch: stores.vault.epoch(), seq: numbered.end.saturating_sub(1) };
    stores.pipeline.outbox_done(&numbers, at).await?;
    Ok(numbers.len())
}
