//! How a command ends: exit status 0 done; 1 done, and what was checked does not hold; 2 wrong usage; 3 bad input;
//! 4 cannot reach or write something.

use intake::file::FileError;
use state::StateError;
use std::fmt;

/// A failure with its exit status and a sentence for the person at the terminal.
#[derive(Debug)]
pub struct Failure {
    /// 2, 3 or 4.
    pub status: u8,
    /// What, where, and what to do.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Failure {}

/// Wrong usage.
pub fn usage(message: impl fmt::Display) -> anyhow::Error {
    Failure { status: 2, message: message.to_string() }.into()
}
/// Bad input: file, place and remedy are in the message.
pub fn bad_input(message: impl fmt::Display) -> anyhow::Error {
    Failure { status: 3, message: message.to_string() }.into()
}
/// Something cannot be reached or written.
pub fn unreachable(message: impl fmt::Display) -> anyhow::Error {
    Failure { status: 4, message: message.to_string() }.into()
}

/// The exit status of an error: its own, or 4.
pub fn status_of(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Failure>().map_or(4, |f| f.status)
}

/// A failure of the state with its exit status.
pub fn state_error(e: StateError) -> anyhow::Error {
    match e {
        StateError::NotFound { .. } | StateError::Invalid { .. } | StateError::Exists { .. } | StateError::Changed { .. } => bad_input(e),
        other => unreachable(other),
    }
}

/// A capture that cannot be read, with its exit status: 3 for what is in it, 4 for the way to it.
pub fn file_error(e: FileError) -> anyhow::Error {
    match e {
        FileError::Open { .. } | FileError::Read { .. } => unreachable(e),
        other => bad_input(other),
    }
}

/// What a command that went through says of what it checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done (and what was checked holds).
    Holds,
    /// Done, and what was checked does not hold.
    DoesNotHold,
}
