//! How the vault is doing, for pages, `doctor` and the log.

use crate::crypt::Encryption;
use crate::error::Damage;
use model::{SiteId, Time};

/// Whether records can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// They can.
    Ok,
    /// The disk refuses. Nothing acknowledged is lost, reading goes on, and writing resumes by itself.
    Stopped {
        /// What the disk said and what to do.
        why: String,
        /// Since when.
        since: Time,
        /// Tries since then.
        tries: u32,
    },
    /// The vault was closed.
    Closed,
}

/// What retention let go since the folder was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LetGo {
    /// Segment files.
    pub segments: u64,
    /// Records.
    pub events: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The newest record that was let go, 0 for none.
    pub last_seq: u64,
    /// When it had been received.
    pub last_received: Time,
}

/// How the vault is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct VaultStatus {
    /// Whose log this is.
    pub site: SiteId,
    /// The epoch that new records get.
    pub epoch: u32,
    /// The last acknowledged record; 0 where there is none yet.
    pub last_seq: u64,
    /// Records that can be read.
    pub events: u64,
    /// Bytes of segment files.
    pub bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Earliest time of receipt among the records.
    pub oldest: Option<Time>,
    /// Latest time of receipt among the records.
    pub newest: Option<Time>,
    /// Whether records can be written.
    pub writing: Writing,
    /// Writes and syncs that failed since start.
    pub write_errors: u64,
    /// When the last sync came back.
    pub last_sync: Option<Time>,
    /// How long it took, in microseconds.
    pub last_sync_micros: u64,
    /// Records that wait for the disk.
    pub waiting: u64,
    /// Bytes that may still be written; absent where the system does not say.
    pub free: Option<u64>,
    /// Days until the disk is full at the pace of the last days kept; absent while less than an hour is known.
    pub days_left: Option<f64>,
    /// What retention let go.
    pub let_go: LetGo,
    /// Places that can no longer be trusted, found at start and while reading (the first 1,000).
    pub damage: Vec<Damage>,
    /// What was repaired or decided at start, in words for the log.
    pub notes: Vec<String>,
    /// Every record up to here is in segment files.
    pub sealed_to: u64,
    /// Segment files by the number of their table.
    pub tables: [TableStatus; crate::core::TABLES],
    /// The log of what was committed.
    pub log: LogStatus,
    /// The last look through everything.
    pub last_verified: Option<LastVerified>,
    /// The last archive.
    pub last_export: Option<LastExport>,
    /// Exports, the newest last, the last 24.
    pub exports: Vec<ExportRun>,
    /// The export that goes on.
    pub exporting: Option<ExportNow>,
    /// Whether what is kept is encrypted.
    pub encryption: Encryption,
    /// Records that were let go before they were written, since the start, by [`crate::PRESSURE`].
    pub dropped: u64,
}

/// A look through everything that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastVerified {
    /// When it ended.
    pub at: Time,
    /// Every record's leaf was computed again.
    pub deep: bool,
    /// Files looked at.
    pub files: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// Places that cannot be trusted.
    pub damage: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// An archive that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastExport {
    /// When it ended.
    pub at: Time,
    /// Where to.
    pub target: String,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// It was read back and was what was written.
    pub verified: bool,
}

/// How an export ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ExportRun {
    /// When it began.
    pub began: Time,
    /// When it ended.
    pub at: Time,
    /// Where to.
    pub target: String,
    /// Who asked; `hinomi` for the schedule.
    pub by: String,
    /// Files that were written, or were there from a try before, and were read back.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there from a try before.
    pub there: u64,
    /// Folders.
    pub volumes: u64,
    /// It is encrypted.
    pub encrypted: bool,
    /// Somebody stopped it, or the program ended.
    pub broken_off: bool,
    /// Why it failed; empty where it did not.
    pub trouble: String,
}

impl ExportRun {
    /// The archive is there and was read back.
    pub fn is_good(&self) -> bool {
        self.trouble.is_empty() && !self.broken_off
    }
}

/// An export that goes on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExportNow {
    /// Since when.
    pub since: Time,
    /// Where to.
    pub target: String,
    /// Who asked.
    pub by: String,
    /// Bytes done: each counts when it is written and when it is read back.
    pub done: u64,
    /// Bytes to do; 0 while that is not known.
    pub total: u64,
    /// It was told to stop.
    pub stopping: bool,
}

/// What is remembered of looking and exporting, over restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Memory {
    #[serde(default)]
    pub last_verified: Option<LastVerified>,
    #[serde(default)]
    pub last_export: Option<LastExport>,
    #[serde(default)]
    pub exports: Vec<ExportRun>,
}

/// The segment files of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStatus {
    /// Files.
    pub files: u64,
    /// Records.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Earliest time of receipt among them.
    pub oldest: Option<Time>,
}

/// The log, as pages show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// Its name: origin of its checkpoints.
    pub origin: String,
    /// The public key line.
    pub vkey: String,
    /// What people compare.
    pub fingerprint: String,
    /// Entries.
    pub size: u64,
    /// Batches.
    pub batches: u64,
    /// Every record up to here is committed.
    pub covered: u64,
    /// When the newest checkpoint was written.
    pub last_checkpoint: Option<Time>,
    /// When records last became segment files.
    pub last_seal: Option<Time>,
    /// The newest checkpoint, a signed note.
    pub checkpoint: String,
    /// Why the log cannot go on, where it cannot.
    pub trouble: Option<String>,
}
