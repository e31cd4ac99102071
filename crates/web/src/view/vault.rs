//! 保管庫: how the records are kept, what proves them, and what to do where something is missing.

use super::archives::Exports;
use super::encryption::EncryptionRow;
use super::events::RawRow;
use super::settings::SettingRow;
use super::shell::{Amount, Choice, Link, Shell, When};
use super::words::Tag;
use crate::qr::Code;
use askama::Template;
use askama::filters::HtmlSafe;

/// A time with how long ago it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(ext = "html", source = "{{ ago }} <span class=\"how\">{{ when }}</span>")]
pub struct Past {
    /// How long ago, in words.
    pub ago: String,
    /// The time.
    pub when: When,
}

impl HtmlSafe for Past {}

/// Something to look at, with what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// `act` or `look`.
    pub tone: &'static str,
    /// What.
    pub what: String,
    /// What to do.
    pub todo: String,
    /// What the system said, in its own words.
    pub said: String,
}

/// Records of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultTable {
    /// Its name, with the way to its records where they may be seen.
    pub name: Link,
    /// Sealed records.
    pub rows: Amount,
    /// Segment files.
    pub files: Amount,
    /// Their bytes.
    pub bytes: Amount,
    /// The oldest record that is kept.
    pub oldest: Option<When>,
    /// How long they are kept.
    pub kept: String,
}

/// Somebody outside saw the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Who, or what.
    pub who: String,
    /// Which sort, in words.
    pub kind: String,
    /// When.
    pub at: Past,
    /// Entries that were seen.
    pub size: Amount,
}

/// A place that cannot be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamageRow {
    /// The file, with the way to the records around it.
    pub file: Link,
    /// What is wrong, in the log's words.
    pub what: String,
    /// Which records, in words.
    pub records: String,
}

/// Records that may not be let go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldRow {
    /// Its name, with the way to the records.
    pub name: Link,
    /// By which the form names it.
    pub key: String,
    /// Why, and who said so.
    pub reason: String,
    /// Since when.
    pub since: When,
    /// Which tables and times, in words.
    pub what: String,
    /// For the ids of its fields.
    pub n: usize,
}

/// A look through everything that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookRow {
    /// How it ended.
    pub tag: Tag,
    /// When.
    pub at: Past,
    /// What was looked at, in words.
    pub what: String,
}

/// A look that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Since when.
    pub since: When,
    /// Bytes looked at.
    pub done: Amount,
    /// Bytes in all.
    pub all: Amount,
}

/// 保管庫
#[derive(Clone, Debug, Default, Template)]
#[template(path = "vault.html")]
pub struct VaultPage {
    /// Around it.
    pub shell: Shell,
    /// `ok`, `look` or `act`.
    pub tone: &'static str,
    /// The shape for it.
    pub mark: &'static str,
    /// The sentence on how it is.
    pub sentence: String,
    /// What to look at.
    pub concerns: Vec<Concern>,
    /// Records that can be read.
    pub records: Amount,
    /// Their bytes.
    pub bytes: Amount,
    /// Room left; absent where the system does not say.
    pub free: Option<Amount>,
    /// Bytes that come to it in a day; absent while too little is known.
    pub growth: Option<Amount>,
    /// When the room ends, in words.
    pub full: String,
    /// The oldest record.
    pub oldest: Option<When>,
    /// The newest one.
    pub newest: Option<When>,
    /// Records that are not in segment files yet.
    pub tail: Amount,
    /// Records that are in no batch yet.
    pub uncommitted: Amount,
    /// Records let go by retention, in words; empty where none were.
    pub let_go: String,
    /// Records dropped before they were written.
    pub dropped: Amount,
    /// What is let go when there is no room: the sort, and when.
    pub pressure: Vec<(String, String)>,
    /// Whether what is kept is encrypted.
    pub encryption: EncryptionRow,
    /// Writes that failed since the start.
    pub write_errors: Amount,
    /// When the disk last said that it is safe.
    pub last_sync: Option<Past>,
    /// Every table.
    pub tables: Vec<VaultTable>,
    /// When records last became segment files.
    pub last_seal: Option<Past>,
    /// When the newest checkpoint was written.
    pub last_checkpoint: Option<Past>,
    /// Entries of the log.
    pub entries: Amount,
    /// Batches in it.
    pub batches: Amount,
    /// The last record that is committed.
    pub covered: Link,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// The log's name.
    pub origin: String,
    /// Who saw it, newest first; the first few.
    pub confirmed: Vec<Confirmed>,
    /// The last look.
    pub look: Option<LookRow>,
    /// A look that goes on.
    pub running: Option<Running>,
    /// Archives.
    pub exports: Exports,
    /// Places of damage.
    pub damage: Vec<DamageRow>,
    /// More of them than are shown.
    pub damage_more: u64,
    /// What was repaired or decided at the start, in the log's words.
    pub notes: Vec<String>,
    /// What may not be let go.
    pub holds: Vec<HoldRow>,
    /// Tables to hold; the first is "all".
    pub hold_tables: Vec<Choice>,
    /// What was entered for a hold that was refused: name, reason, from, to.
    pub hold_entered: [String; 4],
    /// Days that each table is kept.
    pub retention: Vec<SettingRow>,
    /// What is wrong, by section.
    pub problems: Vec<(String, String)>,
}

impl VaultPage {
    /// What is wrong with a section, where anything.
    pub fn problem(&self, section: &str) -> Option<&str> {
        self.problems.iter().find(|(s, _)| s == section).map(|(_, p)| p.as_str())
    }
}

/// 確定記録の控え: the newest checkpoint on one sheet of paper.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "vault_checkpoint.html")]
pub struct CheckpointPage {
    /// Around it.
    pub shell: Shell,
    /// The newest checkpoint, a signed note; absent where nothing was committed yet.
    pub note: Option<String>,
    /// The same as a code; absent where it is too long for one.
    pub code: Option<Code>,
    /// When it was written.
    pub at: Option<When>,
    /// What it says: log, entries, key.
    pub facts: Vec<RawRow>,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// The public key line as a code.
    pub key_code: Option<Code>,
}
