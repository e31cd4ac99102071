//! 記録: the raw records behind a number, and one record.

use super::brush::Brush;
use super::shell::{Amount, Choice, Link, Shell, When};
use super::vault::Past;
use super::words::Tag;
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

/// One thing by which the list can be narrowed: its values, with how many records of the list have each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facet {
    /// What it is, in words.
    pub name: String,
    /// Its values with the way to the narrowed list.
    pub values: Vec<(Link, Amount)>,
    /// The value that the list is narrowed to, with the way back.
    pub chosen: Vec<Link>,
}

/// ログ・記録
#[derive(Clone, Debug, Default, Template)]
#[template(path = "events.html")]
pub struct EventsPage {
    /// Around it.
    pub shell: Shell,
    /// What they are about, where it is one thing.
    pub about: Option<Link>,
    /// Hidden fields that keep it when the form is sent (`asset`, `finding`).
    pub keep: Vec<(String, String)>,
    /// Words in the search field of the page.
    pub q: String,
    /// What each of them was taken for: the word, and what it is.
    pub said: Vec<(String, String)>,
    /// How many records when.
    pub brush: Option<Brush>,
    /// By what it can be narrowed.
    pub facets: Vec<Facet>,
    /// Records that fit, as far as was looked.
    pub found: Amount,
    /// There are more beyond them.
    pub more: bool,
    /// The time was up: records before this were not looked at.
    pub stopped: Option<String>,
    /// Questions that have a name.
    pub questions: Vec<Link>,
    /// Records of this stretch that were erased on request (the first few): no search finds them.
    pub erased: Vec<Link>,
    /// Searches that the reader keeps: name, address, id.
    pub searches: Vec<(Link, String)>,
    /// This search as the form that keeps it sends it; empty where there is nothing to keep.
    pub query: String,
    /// The query of the exports: everything that fits, up to the newest record that is shown. Absent where there is nothing.
    pub export: Option<String>,
    /// The query of the evidence pack: what was found for the page.
    pub pack: String,
    /// The first and last shown, from 1.
    pub shown: (u64, u64),
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
    /// What follows among the records that were found.
    pub next: Option<String>,
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

/// What proves a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofCard {
    /// Committed or not, seen from outside or not.
    pub tag: Tag,
    /// When it was committed.
    pub committed: Option<Past>,
    /// In which batch, by which entry, at which place.
    pub place: String,
    /// Who outside saw a log that holds it, in a sentence.
    pub outside: String,
    /// Where its evidence pack is; absent while it cannot be made.
    pub pack: Option<String>,
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
    /// What proves it.
    pub proof: ProofCard,
    /// The whole record in the readable form of evidence packs: JSON, indented.
    pub json: String,
    /// The record before it.
    pub before: Option<String>,
    /// The record after it.
    pub after: Option<String>,
}
