//! Why a question was not answered, in words for whoever asked: what, where, and what to do.

use super::files::FileError;
use crate::error::VaultError;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::parquet::errors::ParquetError;
use datafusion::sql::sqlparser::parser::ParserError;
use std::path::PathBuf;
use std::time::Duration;

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It is not SQL.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// Line, from 1; 0 where it is not known.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What the parser met.
        what: String,
    },
    /// There is no such table.
    #[error("there is no table {name}{}", suggest(nearest.as_ref()))]
    NoTable {
        /// As asked.
        name: String,
        /// One that is much like it.
        nearest: Option<String>,
    },
    /// There is no such column.
    #[error("there is no column {name}{}", suggest(nearest.as_ref()))]
    NoColumn {
        /// As asked.
        name: String,
        /// One that is much like it.
        nearest: Option<String>,
    },
    /// There is no such function here.
    #[error("there is no function {name} here{}", suggest(nearest.as_ref()))]
    NoFunction {
        /// As asked.
        name: String,
        /// One that is much like it.
        nearest: Option<String>,
    },
    /// The one who asks may not see this.
    #[error("{what} is not open to this account; ask somebody whose role reaches the whole site")]
    NotAllowed {
        /// The table.
        what: String,
    },
    /// Only questions can be asked.
    #[error("{what} is not possible: the vault answers questions (select, explain, show, describe) and changes nothing")]
    ReadOnly {
        /// What was tried.
        what: String,
    },
    /// The question is larger than any that a person asks.
    #[error("the question is too involved ({what}); ask in smaller steps")]
    TooInvolved {
        /// What there is too much of.
        what: String,
    },
    /// It can be read but makes no sense.
    #[error("{what}")]
    Wrong {
        /// Why.
        what: String,
    },
    /// A parameter of a named question.
    #[error("{name}: {what}")]
    Parameter {
        /// Which.
        name: String,
        /// What it must be.
        what: String,
    },
    /// The time limit.
    #[error("not done within {} seconds; ask about a shorter time, about one address, or raise the limit", limit.as_secs_f32())]
    TooSlow {
        /// The limit.
        limit: Duration,
    },
    /// The memory limit.
    #[error("needs more than {} MB of memory; ask about a shorter time, group by fewer things, or raise the limit", limit >> 20)]
    TooMuchMemory {
        /// The limit in bytes.
        limit: usize,
        /// What the engine said.
        what: String,
    },
    /// Somebody stopped it.
    #[error("stopped")]
    Cancelled,
    /// A file is not what was written.
    #[error("{} is damaged ({what}); `hinomi vault verify` tells what is concerned, a backup has the records", list(files))]
    Damaged {
        /// The file; several where it cannot be told which of them.
        files: Vec<PathBuf>,
        /// What is wrong.
        what: String,
    },
    /// A file was let go while the question ran.
    #[error("{} was let go or written anew while the question ran; ask again", file.display())]
    Gone {
        /// The file.
        file: PathBuf,
    },
    /// The vault itself.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The engine failed in a way that it should not.
    #[error("the question could not be answered: {what}")]
    Engine {
        /// What it said.
        what: String,
    },
}

fn suggest(nearest: Option<&String>) -> String {
    nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default()
}

fn list(files: &[PathBuf]) -> String {
    match files {
        [] => String::from("a segment file"),
        [one] => one.display().to_string(),
        more => format!("one of {}", more.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")),
    }
}

/// The name that is most like this one, where one is.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    let name = name.as_str();
    let best = known.into_iter().map(|k| (distance(name, k), k)).min()?;
    (best.0 <= 1 + name.chars().count() / 4).then(|| best.1.into())
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let here = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], here);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// What is known around a failure.
pub(crate) struct Around<'a> {
    pub memory: usize,
    /// Values must not be told: they may be of rows that the one who asks may not see.
    pub narrow: bool,
    pub last_files: &'a dyn Fn() -> Vec<PathBuf>,
    pub functions: &'a dyn Fn() -> Vec<String>,
}

impl Around<'_> {
    /// From what the engine says.
    pub(crate) fn error(&self, e: &DataFusionError) -> AskError {
        match e {
            DataFusionError::Context(_, e) => self.error(e),
            DataFusionError::Diagnostic(_, e) => self.error(e),
            DataFusionError::Shared(e) => self.error(e),
            DataFusionError::Collection(all) => all.first().map_or(AskError::Engine { what: e.to_string() }, |e| self.error(e)),
            DataFusionError::External(e) => self.external(&**e),
            DataFusionError::ParquetError(e) => self.parquet(e),
            DataFusionError::ArrowError(e, _) => self.arrow(e),
            DataFusionError::SQL(e, _) => syntax(e),
            DataFusionError::ResourcesExhausted(what) => AskError::TooMuchMemory { limit: self.memory, what: what.clone() },
            DataFusionError::SchemaError(e, _) => schema(e),
            DataFusionError::Plan(what) => self.plan(what),
            DataFusionError::NotImplemented(what) => AskError::Wrong { what: plain(what) },
            DataFusionError::Execution(what) => self.run(what),
            DataFusionError::Internal(what) if what.contains("Regular expression did not compile") => {
                AskError::Wrong { what: String::from("the regular expression is wrong, or larger than any that people write") }
            }
            other => AskError::Engine { what: self.hide(&other.to_string()) },
        }
    }

    fn hide(&self, what: &str) -> String {
        if self.narrow { String::from("a value could not be worked with") } else { plain(what) }
    }

    fn run(&self, what: &str) -> AskError {
        AskError::Wrong { what: self.hide(what) }
    }

    fn file(e: &FileError) -> AskError {
        if e.gone {
            return AskError::Gone { file: e.file.clone() };
        }
        AskError::Damaged { files: vec![e.file.clone()], what: e.what.clone() }
    }

    fn external(&self, e: &(dyn std::error::Error + 'static)) -> AskError {
        if let Some(e) = e.downcast_ref::<FileError>() {
            return Self::file(e);
        }
        if let Some(e) = e.downcast_ref::<DataFusionError>() {
            return self.error(e);
        }
        if let Some(e) = e.downcast_ref::<ArrowError>() {
            return self.arrow(e);
        }
        if let Some(e) = e.downcast_ref::<ParquetError>() {
            return self.parquet(e);
        }
        AskError::Engine { what: self.hide(&e.to_string()) }
    }

    fn parquet(&self, e: &ParquetError) -> AskError {
        match e {
            ParquetError::External(e) => self.external(&**e),
            other => self.damage(&other.to_string()),
        }
    }

    /// Something in the middle of a file: the decoder does not know its name.
    fn damage(&self, what: &str) -> AskError {
        // A condition that fails while a file is decoded comes as an error of the decoder too.
        for sign in ["Cast error", "Divide by zero", "Arithmetic overflow", "Compute error", "Parser error", "External: Execution"] {
            if what.contains(sign) {
                return self.run(what);
            }
        }
        AskError::Damaged { files: (self.last_files)(), what: plain(what) }
    }

    fn arrow(&self, e: &ArrowError) -> AskError {
        match e {
            ArrowError::ExternalError(e) => self.external(&**e),
            ArrowError::ParquetError(what) => self.damage(what),
            ArrowError::MemoryError(what) => AskError::TooMuchMemory { limit: self.memory, what: what.clone() },
            other => self.run(&other.to_string()),
        }
    }

    fn plan(&self, what: &str) -> AskError {
        if let Some(rest) = what.strip_prefix("Invalid function '") {
            let name = rest.split('\'').next().unwrap_or("");
            let known = (self.functions)();
            return AskError::NoFunction { name: name.into(), nearest: nearest(name, known.iter().map(String::as_str)) };
        }
        AskError::Wrong { what: plain(what) }
    }
}

fn plain(what: &str) -> String {
    let what = what.split("\n\nbacktrace:").next().unwrap_or(what);
    let what = [
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Parquet error: ",
        "This feature is not implemented: ",
    ]
    .iter()
    .fold(what, |w, p| w.strip_prefix(p).unwrap_or(w));
    let mut short: String = what.chars().take(600).collect();
    if short.len() < what.len() {
        short.push('…');
    }
    short
}

/// From the parser, with the place that it writes behind its words.
pub(crate) fn syntax(e: &ParserError) -> AskError {
    let (ParserError::ParserError(what) | ParserError::TokenizerError(what)) = e else {
        return AskError::TooInvolved { what: String::from("things inside things") };
    };
    let (mut line, mut column) = (0, 0);
    let mut words = what.as_str();
    if let Some((before, place)) = what.rsplit_once(" at Line: ")
        && let Some((l, c)) = place.split_once(", Column: ")
    {
        line = l.trim().parse().unwrap_or(0);
        column = c.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
        words = before;
    }
    AskError::Syntax { line, column, what: plain(words) }
}

fn schema(e: &SchemaError) -> AskError {
    match e {
        SchemaError::FieldNotFound { field, valid_fields } => {
            AskError::NoColumn { name: field.flat_name(), nearest: nearest(&field.name, valid_fields.iter().map(|c| c.name.as_str())) }
        }
        other => AskError::Wrong { what: plain(&other.to_string()) },
    }
}
