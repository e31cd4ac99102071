//! The log's own thread: every few seconds it commits what came, seals what is finished, compacts and lets go.

use crate::core::{Inner, lock};
use crate::error::VaultError;
use crate::{commit, compact, retention, seal, verify};
use model::Span;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What the thread is asked.
#[derive(Default)]
pub(crate) struct Chores {
    /// Look now.
    pub wake: bool,
    /// Commit what there is and end.
    pub closing: bool,
}

/// How long it waits after a failure at most.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Until the vault is closed.
pub(crate) fn run(inner: &Arc<Inner>) {
    let mut failures = 0u32;
    loop {
        let every = inner.options.commit_every;
        let wait = if failures == 0 { every } else { (every * 2u32.saturating_pow(failures.min(6))).min(LONGEST_WAIT) };
        let closing = pause(inner, wait);
        match all(inner, closing) {
            Ok(()) => failures = 0,
            Err(e) => {
                failures += 1;
                tell(inner, &e);
            }
        }
        if closing {
            return;
        }
    }
}

fn pause(inner: &Inner, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    let mut chores = lock(&inner.chores);
    while !chores.wake && !chores.closing {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        chores = inner.has_chores.wait_timeout(chores, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    chores.wake = false;
    chores.closing
}

fn all(inner: &Arc<Inner>, closing: bool) -> Result<(), VaultError> {
    commit::commit(inner)?;
    if closing || !inner.options.seal {
        return Ok(());
    }
    let sealed = seal::seal_finished(inner)?;
    if sealed > 0 && inner.options.compact {
        compact::compact(inner)?;
    }
    retention::enforce(inner)?;
    Ok(())
}

/// A failure here takes nothing back: records are safe in the write-ahead log, and it is tried again.
fn tell(inner: &Inner, error: &VaultError) {
    if let VaultError::Damaged(d) = error {
        inner.note_damage([d.clone()]);
    }
    lock(&inner.log_status).trouble = Some(error.to_string());
}

/// How often everything is looked through by itself.
const LOOK_EVERY: Span = Span::days(7);
/// Bytes a second that this look reads at most: the watch goes first.
const LOOK_RATE: u64 = 20 << 20;

/// Looks through everything now and then, slowly, until the vault is closed.
pub(crate) fn look(inner: &Arc<Inner>) {
    loop {
        {
            let until = Instant::now() + Duration::from_mins(10);
            let mut chores = lock(&inner.chores);
            while !chores.closing {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                chores = inner.has_chores.wait_timeout(chores, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if chores.closing {
                return;
            }
        }
        let now = (inner.options.now)();
        let last = lock(&inner.memory).last_verified.map(|v| v.at);
        // A clock that went back makes it due again rather than never.
        if last.is_some_and(|l| l <= now && now.since(l) < LOOK_EVERY) {
            continue;
        }
        let began = Instant::now();
        let looked = verify::verify(inner, verify::Depth::Files, |done| {
            let due = Duration::from_secs_f64(done as f64 / LOOK_RATE as f64);
            while began.elapsed() < due && !lock(&inner.chores).closing {
                std::thread::sleep(Duration::from_millis(100));
            }
            !lock(&inner.chores).closing
        });
        if let Err(e) = looked {
            tell(inner, &e);
        }
    }
}
