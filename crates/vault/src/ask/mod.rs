//! Asking: SQL over sealed segments and the unsealed head as one set of tables, read-only, within limits.
//!
//! ```text
//! text ── guard ──> statement ── engine ──> plan over provider ──> rows ── format ──> table, JSON, CSV, Parquet
//!         only questions,        DataFusion    files and row groups       at most so many
//!         of a human size                      that can matter
//! ```
//!
//! **Who may see what.** A [`Scope`] is the vault's half of an authorised request: a set of tables, and the segments or the addresses of a zone where the role
//! reaches no further. A narrowed table is fenced ([`fence`]): conditions that could fail on a value never meet rows that the one who asks may not see. Only
//! [`Scope::all`] has the schema `raw`, whose tables show also the columns from which a record is put together.
//!
//! **Limits.** Time, memory, rows and threads ([`Limits`]), and a flag to stop ([`Cancel`]). Each question has threads of its own, so one that hangs
//! in the middle of a batch costs its asker an error and nobody else a thread. The engine's memory pool sees what operators keep; what it does not see is
//! bounded elsewhere: the size of the question ([`guard`]), functions that make much out of little ([`functions`]), and, as a net under all that, the growth of the
//! process while questions run.
//!
//! **Searching**: `has_words(text, 'some words')`, see [`terms`] and [`words`]; records of every kind by words, addresses and the like: [`find`].

mod error;
mod fence;
mod files;
mod find;
pub mod format;
mod functions;
mod guard;
mod has_words;
mod hash;
mod provider;
pub mod questions;
pub(crate) mod record_has;
mod run;
mod sift;
mod terms;
pub mod words;

pub use error::AskError;
pub(crate) use find::find as find_in;
pub use find::{Clause, Find, Found, Hit};
pub use run::{ask, ask_with};

use crate::disk::AnyDisk;
use crate::error::VaultError;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use model::event::{AddressKey, Table};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) const CATALOG: &str = "hinomi";
pub(crate) const SCHEMA: &str = "vault";

/// A sealed file as the planner needs it. Files are never changed once named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// How many records.
    pub rows: u64,
    /// First number.
    pub first_seq: u64,
    /// Last number.
    pub last_seq: u64,
    /// Least `time`, nanoseconds since 1970.
    pub min_time: i64,
    /// Greatest `time`.
    pub max_time: i64,
    /// Least `received`.
    pub min_received: i64,
    /// Greatest `received`.
    pub max_received: i64,
    /// The file of word filters beside it ([`words`]), where there is one.
    pub words: Option<PathBuf>,
    /// Where both are read from.
    pub disk: AnyDisk,
}

/// A table's data at one moment.
#[derive(Clone, Debug, Default)]
pub struct TableData {
    /// Sealed, in any order.
    pub files: Vec<SegmentFile>,
    /// Not sealed yet: batches of the table's schema ([`crate::columns::of`]) in order of seq.
    pub head: Vec<RecordBatch>,
}

/// Where tables come from. Asked once for each table that a question names; what it gives must stay readable until the answer is there.
pub trait Source: Send + Sync {
    /// What the table holds now.
    fn table(&self, table: Table) -> Result<TableData, VaultError>;

    /// Records that were erased on request: runs of numbers, ascending, both ends inclusive. Their rows are there, without addresses, names and text.
    fn erased(&self) -> Vec<(u64, u64)> {
        Vec::new()
    }
}

/// How much a question may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the call to the last row.
    pub time: Duration,
    /// Bytes that operators and the answer may keep.
    pub memory: usize,
    /// Rows of the answer; more are cut off and [`Answer::cut`] says so.
    pub rows: usize,
    /// Threads that read and count.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_secs(30), memory: 256 << 20, rows: 10_000, threads: 2 }
    }
}

/// What somebody may see: made by whoever holds the proof that they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    tables: u32,
    narrow: Option<Narrow>,
    raw: bool,
}

/// What of a table may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Narrow {
    /// What was seen on these segments.
    Segments(Vec<(u16, u16)>),
    /// What has one of these addresses.
    Addresses(Arc<Vec<AddressKey>>),
}

impl Scope {
    /// Everything, also the raw tables: for the machine itself.
    pub fn all() -> Scope {
        Scope { tables: u32::MAX, narrow: None, raw: true }
    }

    /// These tables of the whole site.
    pub fn site(tables: impl IntoIterator<Item = Table>) -> Scope {
        Scope { tables: tables.into_iter().fold(0, |all, t| all | t.bit()), narrow: None, raw: false }
    }

    /// These tables, and of them only what was seen on these segments (sensor, VLAN). Tables that know no segment are closed.
    pub fn segments(tables: impl IntoIterator<Item = Table>, segments: Vec<(u16, u16)>) -> Scope {
        Scope { narrow: Some(Narrow::Segments(segments)), ..Scope::site(tables) }
    }

    /// These tables, and of them only what has one of these addresses: the same rows for which [`model::Body::addresses`] gives one of them. Tables
    /// without addresses are closed.
    pub fn addresses(tables: impl IntoIterator<Item = Table>, addresses: Vec<AddressKey>) -> Scope {
        Scope { narrow: Some(Narrow::Addresses(Arc::new(addresses))), ..Scope::site(tables) }
    }

    pub(crate) fn may(&self, table: Table) -> bool {
        let open = match &self.narrow {
            None => true,
            Some(Narrow::Segments(_)) => matches!(table, Table::Flow | Table::Activity | Table::Observation),
            Some(Narrow::Addresses(_)) => matches!(table, Table::Flow | Table::Activity | Table::Observation | Table::Log),
        };
        self.tables & table.bit() != 0 && open
    }

    pub(crate) fn raw(&self) -> bool {
        self.raw
    }

    /// The same with the tables that show what has no column: for questions of our own, whose answers do not.
    pub(crate) fn with_rests(&self) -> Scope {
        Scope { raw: true, ..self.clone() }
    }

    pub(crate) fn narrow(&self) -> bool {
        self.narrow.is_some()
    }

    pub(crate) fn condition(&self, schema: &Schema) -> Option<Expr> {
        self.narrow.as_ref().map(|n| match n {
            Narrow::Segments(s) => provider::condition(s, schema),
            Narrow::Addresses(a) => provider::of_addresses(a, schema),
        })
    }
}

/// Stops a question from elsewhere. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not set.
    pub fn new() -> Cancel {
        Cancel::default()
    }
    /// Stops what was asked with this, and all that will be.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    /// Whether it was set.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What was read for an answer. All zero for a scope of segments: how much there was to read would tell of the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Files of the tables that were asked.
    pub files: u64,
    /// Of them, those where nothing could be.
    pub files_skipped: u64,
    /// Row groups of the files that were looked at.
    pub row_groups: u64,
    /// Of them, those where nothing could be by statistics, bloom filters and word filters.
    pub row_groups_skipped: u64,
    /// Row groups of which something was read.
    pub row_groups_read: u64,
    /// Bytes read from files, footers and filters not counted.
    pub bytes: u64,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its columns. Text is Utf8.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
    /// How many they are.
    pub rows: usize,
    /// There would be more rows than the limit.
    pub cut: bool,
    /// From the call to the last row.
    pub took: Duration,
    /// The plan with what each step did, where it was asked for.
    pub explain: Option<String>,
    /// What was read.
    pub scanned: Scanned,
    /// What was not as it should be and made nothing wrong (a damaged word filter).
    pub notes: Vec<String>,
}

impl Answer {
    /// Names of its columns, in their order.
    pub fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|f| f.name().clone()).collect()
    }
}

/// A value for a `$name` in a question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// A time, nanoseconds since 1970.
    Time(i64),
    /// A length of time in nanoseconds.
    Span(i64),
}

impl Value {
    fn scalar(&self) -> ScalarValue {
        match self {
            Value::Text(t) => ScalarValue::Utf8(Some(t.clone())),
            Value::Number(n) => ScalarValue::UInt64(Some(*n)),
            Value::Time(t) => ScalarValue::TimestampNanosecond(Some(*t), Some("UTC".into())),
            Value::Span(s) => ScalarValue::new_interval_mdn(0, 0, *s),
        }
    }
}

/// Bytes of footers of segment files that are kept between questions, of all vaults of this process.
pub fn footer_bytes() -> usize {
    files::kept()
}
