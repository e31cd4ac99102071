//! 持ち出し: archives by schedule and by hand, and how the last ones ended.

use super::settings::SettingRow;
use super::shell::{Amount, When};
use super::vault::Past;
use super::words::Tag;

/// How an export ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportRow {
    /// How.
    pub tag: Tag,
    /// When.
    pub at: Past,
    /// Where to.
    pub target: String,
    /// Who asked.
    pub by: String,
    /// What was written and read back, in words.
    pub what: String,
    /// What the system said, in its own words; empty where it went well.
    pub said: String,
}

/// An export that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exporting {
    /// Since when.
    pub since: When,
    /// Where to, and who asked, in words.
    pub what: String,
    /// Bytes done.
    pub done: Amount,
    /// Bytes in all: each is written and read back.
    pub all: Amount,
    /// It was told to stop.
    pub stopping: bool,
}

/// The part of the vault's page about archives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// What the schedule means now, in a sentence.
    pub plan: String,
    /// An archive is missing: since when, in words.
    pub late: String,
    /// The one that goes on.
    pub running: Option<Exporting>,
    /// The last ones, newest first.
    pub rows: Vec<ExportRow>,
    /// The folder that the form offers.
    pub folder: String,
    /// Settings.
    pub settings: Vec<SettingRow>,
}
