//! Threads of the vault's own: one commits what came every few seconds, one makes segment files, compacts and lets go, so that no
//! checkpoint waits for a large file; and one looks through everything now and then.

use crate::core::{Inner, lock};
use crate::error::VaultError;
use crate::{commit, compact, crypt, retention, seal, verify};
use model::Span;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What the thread is asked.
#[derive(Default)]
pub(crate) struct Chores {
    /// Commit now.
    pub wake_log: bool,
    /// Look for files to seal, to merge and to let go now.
    pub wake_files: bool,
    /// Commit what there is and end.
    pub closing: bool,
    /// Encryption was turned on or off: bring the files of before after it.
    pub rewrite: bool,
}

/// How long it waits after a failure at most.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Commits, until the vault is closed.
pub(crate) fn run(inner: &Arc<Inner>) {
    every(inner, |c| &mut c.wake_log, |closing| commit::commit(inner).map(|_| closing));
}

/// Seals, compacts and lets go, until the vault is closed.
pub(crate) fn files(inner: &Arc<Inner>) {
    every(
        inner,
        |c| &mut c.wake_files,
        |closing| {
            if closing || !inner.options.seal {
                return Ok(closing);
            }
            let sealed = seal::seal_finished(inner)?;
            if sealed > 0 && inner.options.compact {
                compact::compact(inner)?;
            }
            retention::enforce(inner)?;
            Ok(false)
        },
    );
}

/// Does a thing every few seconds and when it is asked to, until it says that it is done; less often where it fails.
fn every(inner: &Inner, wake: fn(&mut Chores) -> &mut bool, mut chore: impl FnMut(bool) -> Result<bool, VaultError>) {
    let mut failures = 0u32;
    loop {
        let every = inner.options.commit_every;
        let wait = if failures == 0 { every } else { (every * 2u32.saturating_pow(failures.min(6))).min(LONGEST_WAIT) };
        let closing = pause(inner, wait, wake);
        match chore(closing) {
            Ok(true) => return,
            Ok(false) => failures = 0,
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

fn pause(inner: &Inner, wait: Duration, wake: fn(&mut Chores) -> &mut bool) -> bool {
    let until = Instant::now() + wait;
    let mut chores = lock(&inner.chores);
    while !*wake(&mut chores) && !chores.closing {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        chores = inner.has_chores.wait_timeout(chores, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    *wake(&mut chores) = false;
    chores.closing
}

/// A failure here takes nothing back: records are safe in the write-ahead log, and it is tried again.
fn tell(inner: &Inner, error: &VaultError) {
    if let VaultError::Damaged(d) = error {
        inner.note_damage([d.clone()]);
    }
    lock(&inner.log_status).trouble = Some(error.to_string());
}

/// Makes the word filters that are missing: of a folder that was copied without them, or from before they were as they are now.
fn words(inner: &Inner) {
    let files: Vec<_> = inner.view.read().unwrap_or_else(PoisonError::into_inner).sealed_files().cloned().collect();
    // The newest are searched most.
    for file in files.iter().rev() {
        if lock(&inner.chores).closing {
            return;
        }
        crate::sealed::add_words(inner, file);
    }
}

/// How often everything is looked through by itself.
const LOOK_EVERY: Span = Span::days(7);
/// Bytes a second that this look reads at most: the watch goes first.
const LOOK_RATE: u64 = 20 << 20;

/// How often this thread sees whether a look is due, and whether files that were in use can be brought after a change now.
const EVERY: Duration = Duration::from_mins(10);
const AGAIN: Duration = Duration::from_secs(10);

/// Looks through everything now and then, slowly, until the vault is closed. Files that a change of encryption left behind come first.
pub(crate) fn look(inner: &Arc<Inner>) {
    words(inner);
    let mut left = bring(inner);
    let mut next = Instant::now() + EVERY;
    loop {
        {
            let until = if left { Instant::now() + AGAIN } else { next };
            let mut chores = lock(&inner.chores);
            while !chores.closing && !chores.rewrite {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                chores = inner.has_chores.wait_timeout(chores, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if chores.closing {
                return;
            }
            chores.rewrite = false;
        }
        left = bring(inner);
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + EVERY;
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

/// Brings files after a change of encryption. True where some are left.
fn bring(inner: &Inner) -> bool {
    crypt::look_after(inner, LOOK_RATE).map_or_else(
        |e| {
            let note = format!("files of before encryption was turned on or off could not be written anew yet: {e}");
            let mut health = lock(&inner.health);
            if !health.notes.contains(&note) && health.notes.len() < 100 {
                health.notes.push(note);
            }
            true
        },
        |done| !done,
    )
}
