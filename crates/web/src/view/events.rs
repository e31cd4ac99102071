//! 記録: the raw records behind a number, and one record.

use super::shell::{Choice, Link, Shell, When};
use askama::Template;

/// A row of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRow {
    /// Its page.
    pub href: String,
    /// Its place in the log.
    pub seq: u64,
    /// When, by its source's clock.
    pub when: When,
    /// Name of its table (`model::event::Table::name`).
    pub table: &'static str,
    /// Sensor or source.
    pub source: String,
    /// Who spoke, or empty.
    pub from: Link,
    /// To whom, or empty.
    pub to: Link,
    /// The protocol, or empty.
    pub protocol: String,
    /// What it says, in one line.
    pub summary: String,
}

/// 記録
#[derive(Clone, Debug, Default, Template)]
#[template(path = "events.html")]
pub struct EventsPage {
    /// Around it.
    pub shell: Shell,
    /// What they are about, where it is one thing.
    pub about: Option<Link>,
    /// Hidden fields that keep it when the form is sent (`asset`, `finding`).
    pub keep: Vec<(String, String)>,
    /// Filter: tables. The first entry is "all" with an empty value.
    pub tables: Vec<Choice>,
    /// Filter: from (`YYYY-MM-DDTHH:MM`).
    pub from: String,
    /// Filter: until.
    pub to: String,
    /// The part shown, newest first.
    pub rows: Vec<EventRow>,
    /// Where older ones are.
    pub older: Option<String>,
    /// Where the newest are, when this is not the first part.
    pub newest: Option<String>,
    /// Records kept in all.
    pub all: u64,
    /// What is wrong with the filter.
    pub problems: Vec<String>,
}

/// A value of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRow {
    /// Path of the field.
    pub key: String,
    /// The value as kept.
    pub value: Link,
}

/// 記録: one of them.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "event.html")]
pub struct EventPage {
    /// Around it.
    pub shell: Shell,
    /// `SITE/EPOCH/SEQ`
    pub id: String,
    /// Its place in the log.
    pub seq: u64,
    /// Name of its table.
    pub table: &'static str,
    /// What it says, in one line.
    pub summary: String,
    /// By its source's clock.
    pub happened: Option<When>,
    /// By ours.
    pub received: When,
    /// Sensor or source.
    pub source: String,
    /// Its fields.
    pub rows: Vec<RawRow>,
    /// The whole record as JSON, indented.
    pub json: String,
    /// The record before it.
    pub before: Option<String>,
    /// The record after it.
    pub after: Option<String>,
}
