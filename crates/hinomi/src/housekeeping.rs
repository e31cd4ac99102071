//! What is done now and then: limits that people set are applied, and what is older than kept is let go.

use crate::clock::now;
use crate::stores::{self, Stores};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often settings are looked at.
const LOOK: Duration = Duration::from_secs(60);
/// How often old rollups, sessions and closed findings are let go.
const LET_GO: Duration = Duration::from_secs(3600);

/// Runs until told to stop.
pub async fn keep(stores: Stores, mut stop: watch::Receiver<bool>) {
    let mut last: Option<Instant> = None;
    loop {
        match stores::retention(&stores.pipeline).await {
            Ok(retention) => stores.vault.set_retention(retention),
            Err(e) => tracing::warn!("retention: {e:#}"),
        }
        if last.is_none_or(|at| at.elapsed() >= LET_GO) {
            last = Some(Instant::now());
            match stores.pipeline.let_go(now()).await {
                Ok(gone) => tracing::debug!("let go: {gone:?}"),
                Err(e) => tracing::warn!("letting go: {e}"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.changed() => return,
        }
    }
}
