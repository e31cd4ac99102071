//! Pages without much around them: login, password, import, errors.

use super::shell::{Choice, Shell};
use askama::Template;

/// Login.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// Around it; nobody is logged in.
    pub shell: Shell,
    /// The name typed.
    pub name: String,
    /// Where to go afterwards: a path on this host.
    pub next: String,
    /// Why it was refused, in words that do not tell whether the name exists.
    pub problem: Option<String>,
    /// Nobody has ever logged in: say where the one-time password stands.
    pub first: bool,
}

/// Change of one's own password.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "password.html")]
pub struct PasswordPage {
    /// Around it.
    pub shell: Shell,
    /// It must be changed before anything else.
    pub forced: bool,
    /// What is wrong, in words.
    pub problems: Vec<String>,
    /// Fewest characters.
    pub least: u64,
    /// Most characters.
    pub most: u64,
    /// The login name, for the password manager.
    pub name: String,
}

/// A line of a report on an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportRow {
    /// The row in the file, counted from 1 with the heading.
    pub row: u64,
    /// The column's heading, or empty.
    pub column: String,
    /// The name of the asset, or empty.
    pub label: String,
    /// What is wrong or what would change, in words.
    pub text: String,
}

/// What an import does or has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// It was done; otherwise it was only checked.
    pub applied: bool,
    /// The file's name.
    pub file: String,
    /// The encoding in which it was read.
    pub encoding: String,
    /// Rows in the file, without the heading.
    pub rows: u64,
    /// New assets.
    pub new: u64,
    /// Changed assets.
    pub changed: u64,
    /// Rows that change nothing.
    pub same: u64,
    /// Rows that are left out, with the reason.
    pub problems: Vec<ImportRow>,
    /// What changes, at most two hundred lines.
    pub changes: Vec<ImportRow>,
    /// Headings that are not known and were left out.
    pub unknown_columns: Vec<String>,
}

/// A column of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportColumn {
    /// Its heading.
    pub head: String,
    /// Its first values.
    pub samples: String,
    /// What it can mean.
    pub choices: Vec<Choice>,
}

/// Import of a list.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "import.html")]
pub struct ImportPage {
    /// Around it.
    pub shell: Shell,
    /// The encoding chosen: `auto`, `utf-8`, `shift_jis`.
    pub encoding: String,
    /// What is wrong with the file as a whole.
    pub problem: Option<String>,
    /// The report.
    pub report: Option<ImportReport>,
    /// What is behind a file that was checked: a word by which it is known for a while, so that it need not be chosen again; empty
    /// where there is none.
    pub held: String,
    /// Its columns with what they mean.
    pub columns: Vec<ImportColumn>,
    /// What they mean was remembered from the last time.
    pub remembered: bool,
    /// The sheet that was read, and those that were not; empty for CSV.
    pub sheets: (String, Vec<String>),
    /// Merged regions whose value was given to the rows below.
    pub merged: u64,
    /// Headings that are understood.
    pub headings: Vec<String>,
}

impl ImportPage {
    /// Encodings to choose from.
    pub fn encodings(&self) -> Vec<Choice> {
        let t = &self.shell.t;
        [("auto", "encoding-auto"), ("utf-8", "encoding-utf-8"), ("shift_jis", "encoding-shift-jis")]
            .into_iter()
            .map(|(v, key)| Choice::new(v, t.say(key), self.encoding == v || (self.encoding.is_empty() && v == "auto")))
            .collect()
    }
}

/// Something went wrong.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Around it.
    pub shell: Shell,
    /// Status: 400, 401, 403, 404, 405, 409, 413, 429, 500, 503. The words follow it.
    pub status: u16,
    /// Further words, or empty.
    pub detail: String,
    /// A number to find it in the log, or empty.
    pub reference: String,
}

impl ErrorPage {
    /// The part of the keys.
    pub fn kind(&self) -> &'static str {
        match self.status {
            401 => "unauthorised",
            403 => "forbidden",
            404 => "not-found",
            409 => "conflict",
            413 => "too-large",
            429 => "too-many",
            400..=499 => "bad",
            503 => "busy",
            _ => "broken",
        }
    }
}
