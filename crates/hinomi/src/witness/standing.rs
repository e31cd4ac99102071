//! The part of the watch that shows checkpoints around: reads the settings, runs the rounds, and puts what witnesses dispute into the log as a
//! deed of the machine, from where detection makes a finding of it (rule `vault-fork`).

use super::access::LogAccess;
use super::peers::{Outside, Raw};
use super::rounds::{Rounds, Said};
use crate::clock::now;
use crate::outcome::state_error;
use anyhow::Result;
use model::event::Deed;
use state::Pipeline;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// How often it is looked whose time has come, and whether settings have changed.
const LOOK: Duration = Duration::from_secs(15);

/// Who is asked, by the settings of the state.
pub async fn outside(pipeline: &Pipeline) -> Result<Outside> {
    Ok(Outside::read(&Raw {
        witnesses: pipeline.setting("witnesses").await.map_err(state_error)?,
        minutes: pipeline.setting_number("witness_minutes").await.map_err(state_error)?,
        timestamp_url: pipeline.setting("timestamp_url").await.map_err(state_error)?,
        timestamp_ca: pipeline.setting("timestamp_ca").await.map_err(state_error)?,
        outside_ca: pipeline.setting("outside_ca").await.map_err(state_error)?,
    }))
}

/// Runs until told to stop. `knock` wakes the courier.
pub async fn keep(pipeline: Pipeline, log: Arc<dyn LogAccess>, knock: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let mut rounds = Rounds::default();
    loop {
        match outside(&pipeline).await {
            Ok(outside) => {
                let round = rounds.round(&outside, &log, now().seconds(), Instant::now());
                let said = tokio::select! {
                    said = round => said,
                    _ = stop.wait_for(|end| *end) => return,
                };
                for said in said {
                    tell(&pipeline, said).await;
                }
                knock.notify_one();
            }
            Err(e) => tracing::warn!("witnesses: {e:#}"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|end| *end) => return,
        }
    }
}

async fn tell(pipeline: &Pipeline, said: Said) {
    match said {
        Said::Cosigned { witness, size } => tracing::debug!(%witness, size, "cosigned"),
        Said::Stamped(s) => tracing::info!(signer = %s.signer, size = s.size, "the checkpoint was time-stamped"),
        Said::Trouble(why) => tracing::warn!("witnesses: {why}"),
        Said::Disputed { witness, dispute, size, theirs } => {
            tracing::error!(%witness, %dispute, size, theirs, "a witness has seen another history of this log");
            let deed = Deed::LogDisputed { witness, dispute, size, theirs };
            if let Err(e) = pipeline.machine_did("witness", deed, now()).await {
                tracing::error!("what the witness said could not be recorded: {e}");
            }
        }
    }
}
