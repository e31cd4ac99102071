//! よくある問い: questions that have a name, with what they ask for, and the answer as a table.

use super::shell::{Link, Shell};
use askama::Template;

/// A field of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuestionField {
    /// Its name in the form.
    pub name: &'static str,
    /// What it is, in words.
    pub label: String,
    /// `text`, `number` or `datetime-local`.
    pub kind: &'static str,
    /// What stands in it.
    pub value: String,
    /// The question has no answer without it.
    pub needed: bool,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuestionAnswer {
    /// Headings; whether the column holds numbers.
    pub head: Vec<(String, bool)>,
    /// Rows; whether the column holds numbers.
    pub rows: Vec<Vec<(Link, bool)>>,
    /// There would be more rows than are shown.
    pub cut: bool,
    /// How many rows, how long it took.
    pub said: String,
    /// What was done for it, where that was asked for.
    pub explain: Option<String>,
}

/// よくある問い
#[derive(Clone, Debug, Default, Template)]
#[template(path = "questions.html")]
pub struct QuestionsPage {
    /// Around it.
    pub shell: Shell,
    /// Every question; the chosen one says so.
    pub all: Vec<(Link, bool)>,
    /// Name of the chosen one, and what it asks.
    pub chosen: Option<(&'static str, String)>,
    /// What it asks for.
    pub fields: Vec<QuestionField>,
    /// Its SQL.
    pub sql: String,
    /// EXPLAIN was asked for.
    pub explain: bool,
    /// The answer.
    pub answer: Option<QuestionAnswer>,
    /// What is wrong.
    pub problems: Vec<String>,
}
