//! When an archive is due, and when somebody should be reminded. Pure: the same for the watch, the pages and `doctor`.

use crate::age::Recipient;
use crate::archive::Export;
use crate::status::VaultStatus;
use model::{Span, Time};
use std::path::PathBuf;

/// What people set of exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Days from one archive to the next; 0: nobody is reminded, and nothing is exported by itself.
    pub days: u32,
    /// Where archives go by themselves; absent: somebody is reminded.
    pub folder: Option<PathBuf>,
    /// Bytes of a volume at most.
    pub split: Option<u64>,
    /// Who can read them.
    pub recipients: Vec<Recipient>,
}

/// No archive for longer than was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// When the last one was written; absent where there was none.
    pub last: Option<Time>,
    /// Since when it is late.
    pub since: Time,
}

impl Schedule {
    /// From the settings' texts.
    pub fn read(days: i64, folder: &str, volume_mb: i64, recipients: &str) -> Result<Schedule, String> {
        Ok(Schedule {
            days: u32::try_from(days).unwrap_or(0),
            folder: (!folder.trim().is_empty()).then(|| PathBuf::from(folder.trim())),
            split: u64::try_from(volume_mb).ok().filter(|mb| *mb > 0).map(|mb| mb * 1_000_000),
            recipients: recipients.split_whitespace().map(str::parse).collect::<Result<_, String>>()?,
        })
    }

    /// What is asked of the vault.
    pub fn export(&self, target: PathBuf, by: &str) -> Export {
        Export { target, split: self.split, recipients: self.recipients.clone(), by: by.to_owned() }
    }

    /// Whether one is to be written by itself now.
    pub fn is_due(&self, status: &VaultStatus, now: Time) -> bool {
        let last = status.last_export.as_ref().map(|e| e.at);
        // A clock that went back makes it due again rather than never. Without records there is nothing to export.
        self.days > 0 && self.folder.is_some() && status.events > 0 && last.is_none_or(|l| l > now || now - l >= self.every())
    }

    /// Whether somebody should be reminded. What goes by itself has a day for it.
    pub fn late(&self, status: &VaultStatus, now: Time) -> Option<Late> {
        let last = status.last_export.as_ref().map(|e| e.at);
        let since = last.or(status.oldest)? + self.every() + if self.folder.is_some() { Span::days(1) } else { Span::ZERO };
        (self.days > 0 && now >= since).then_some(Late { last, since })
    }

    fn every(&self) -> Span {
        Span::days(i64::from(self.days))
    }
}
