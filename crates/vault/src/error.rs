//! What can go wrong, in words that say what, where and what to do.

use crate::crypt::LockKind;
use std::path::{Path, PathBuf};

/// Why the vault could not do what was asked. Cheap to clone, so that every waiting producer gets it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Another process has the folder open.
    #[error("the data folder {} is in use by another Hinomi; stop that one first, or give this one a folder of its own", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder was written by a newer program.
    #[error("{} was written by a newer Hinomi (format {found}; this program knows up to {known}); start the newer program, nothing was changed", file.display())]
    Newer {
        /// The file that said so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program writes.
        known: u32,
    },
    /// The folder was written by a program from before the first release.
    #[error("{} was written by an early Hinomi (format {found}; this program writes {known}); nothing was changed: begin with another data folder, and keep this one for the program that wrote it", file.display())]
    Older {
        /// The file that said so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The format of this program.
        known: u32,
    },
    /// The folder belongs to another site.
    #[error("the data folder {} belongs to site {found}, not to {asked}; one folder is one site: choose another folder", dir.display())]
    OtherSite {
        /// The folder.
        dir: PathBuf,
        /// Its site.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// The folder is encrypted, and what opens it is not there.
    #[error("the data folder {} is encrypted, and cannot be opened without {}. Nothing was changed", dir.display(), wanted(*kind, file.as_deref()))]
    KeyMissing {
        /// The folder.
        dir: PathBuf,
        /// What is needed.
        kind: LockKind,
        /// Where it was looked for, of a key file.
        file: Option<PathBuf>,
    },
    /// The folder is encrypted, and the file that says how is not there.
    #[error("the data folder {} is encrypted, and encryption.json, which says how it is unlocked, is missing, and so is its copy: restore encryption.json from a backup. Nothing was changed", dir.display())]
    LocksMissing {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder is encrypted with another key than the one that was given.
    #[error("the data folder {} is encrypted, and {} is not what it was encrypted with. Give the right one, or the recovery key that was printed then ('hinomi vault rekey --recovery-key-file'). Nothing was changed", dir.display(), given(*kind, file.as_deref()))]
    KeyWrong {
        /// The folder.
        dir: PathBuf,
        /// What was given.
        kind: LockKind,
        /// From where, of a key file.
        file: Option<PathBuf>,
    },
    /// Encryption at rest cannot be changed so.
    #[error("{0}")]
    Encryption(String),
    /// The operating system refused.
    #[error("cannot {doing} {}: {message}", file.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        file: PathBuf,
        /// The sort of refusal.
        kind: std::io::ErrorKind,
        /// What the operating system said, and what to do where we know.
        message: String,
    },
    /// Stored bytes are not what was written.
    #[error("{0}")]
    Damaged(Damage),
    /// A record cannot be kept.
    #[error("a record cannot be kept: {0}")]
    Record(String),
    /// An archive cannot be written or read.
    #[error("{0}")]
    Archive(String),
    /// An export was stopped.
    #[error("the export was broken off; the same command goes on with it")]
    BrokenOff,
    /// The queue is full; nothing of this batch was taken.
    #[error("the vault's queue is full ({waiting} records wait for the disk); try again later")]
    Busy {
        /// Records waiting.
        waiting: usize,
    },
    /// The vault was closed before this batch was safe on disk. It may or may not be there after the next start.
    #[error("the vault was closed before this was safe on disk")]
    Closed,
}

impl VaultError {
    /// From an operating system error, with advice for the usual ones.
    pub(crate) fn io(doing: &'static str, file: impl Into<PathBuf>, error: &std::io::Error) -> VaultError {
        use std::io::ErrorKind as K;
        let advice = match error.kind() {
            K::StorageFull | K::QuotaExceeded => "; free some space or shorten the retention, writing goes on by itself",
            K::ReadOnlyFilesystem => "; the file system is read-only: look at the system log for disk errors, remount it writable",
            K::PermissionDenied => "; give the folder to the account that runs Hinomi",
            _ if error.raw_os_error() == Some(5) => "; the disk reports an input/output error: check the cable and its health (smartctl)",
            _ if error.raw_os_error() == Some(24) => "; too many open files: raise LimitNOFILE",
            _ => "",
        };
        VaultError::Io { doing, file: file.into(), kind: error.kind(), message: format!("{error}{advice}") }
    }
}

fn given(kind: LockKind, file: Option<&Path>) -> String {
    match (kind, file) {
        (LockKind::File, Some(f)) => format!("the key file {}", f.display()),
        (LockKind::File, None) => String::from("the key file"),
        (LockKind::Credential, _) => String::from("the systemd credential hinomi-vault-key"),
        (LockKind::Passphrase, _) => String::from("the passphrase"),
        (LockKind::Recovery, _) => String::from("the recovery key"),
    }
}

fn wanted(kind: LockKind, file: Option<&Path>) -> String {
    let how = match kind {
        LockKind::File => "mount or restore it, or name another place with vault.key_file in the configuration",
        LockKind::Credential => "start Hinomi as the service, with LoadCredential= or LoadCredentialEncrypted= for it",
        LockKind::Passphrase => "start at a terminal to type it, or name a file that holds it in HINOMI_VAULT_PASSPHRASE_FILE",
        LockKind::Recovery => "it was printed when the folder was encrypted",
    };
    format!("{} ({how})", given(kind, file))
}

/// A place that can no longer be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// First byte that cannot be trusted.
    pub offset: u64,
    /// First record that cannot be trusted.
    pub first_seq: u64,
    /// Last record concerned, where what follows tells. Smaller than `first_seq` where no record is concerned.
    pub last_seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}: {}", self.file.display(), self.offset, self.what)?;
        match self.last_seq {
            Some(last) if last < self.first_seq => write!(f, "; no record is concerned (the next is {})", self.first_seq),
            Some(last) if last == self.first_seq => write!(f, "; record {last} cannot be trusted"),
            Some(last) => write!(f, "; records {} to {last} cannot be trusted", self.first_seq),
            None => write!(f, "; records from {} on cannot be trusted", self.first_seq),
        }
    }
}
