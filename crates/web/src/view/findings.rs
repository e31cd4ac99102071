//! 検知: the list, and one finding. What a finding says comes ready from its rule in the reader's language.

use super::events::EventRow;
use super::shell::{Choice, Column, Link, Paging, Shell, When};
use super::words::{T, Tag};
use askama::Template;
use model::finding::{FindingStatus, Severity};

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// Its page.
    pub href: String,
    /// How soon.
    pub severity: Severity,
    /// Where it stands.
    pub status: FindingStatus,
    /// Its title.
    pub title: String,
    /// The asset that it is about.
    pub asset: Option<Link>,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: When,
    /// Last time.
    pub last: When,
}

impl FindingRow {
    /// How soon, as a tag.
    pub fn severity_tag(&self, t: &T) -> Tag {
        Tag::severity(*t, self.severity)
    }
    /// Where it stands, as a tag.
    pub fn status_tag(&self, t: &T) -> Tag {
        Tag::status(*t, self.status)
    }
}

/// 検知
#[derive(Clone, Debug, Default, Template)]
#[template(path = "findings.html")]
pub struct FindingsPage {
    /// Around it.
    pub shell: Shell,
    /// The part shown.
    pub rows: Vec<FindingRow>,
    /// Headings in the order severity, title, asset, status, count, first, last (see [`FindingsPage::columns`]).
    pub columns: Vec<Column>,
    /// Which part.
    pub paging: Paging,
    /// Filter: severities, with counts. The first entry is "all" with an empty value.
    pub severities: Vec<Choice>,
    /// Filter: where they stand. The first entry is `open`, with `all` among them.
    pub statuses: Vec<Choice>,
    /// Filter: rules by name. The first entry is "all".
    pub rules: Vec<Choice>,
    /// Filter: the asset that they are about.
    pub asset: Option<Link>,
    /// The asset's id, to keep it when the form is sent.
    pub asset_id: String,
    /// The list is filtered beyond the default.
    pub filtered: bool,
    /// Findings there are, filter or not.
    pub all: u64,
    /// Rules that watch.
    pub rules_count: u64,
}

impl FindingsPage {
    /// Names in `sort=` with the heading's key and whether it is a number.
    pub const SORTS: &'static [(&'static str, &'static str, bool)] = &[
        ("severity", "col-severity", false),
        ("title", "col-title", false),
        ("asset", "col-asset", false),
        ("status", "col-status", false),
        ("count", "col-count", true),
        ("first", "col-first", false),
        ("last", "col-last", false),
    ];

    /// The headings. Columns in `sortable` get an address. `query` is the filter without `sort`, `dir`, `page`, url-encoded.
    pub fn columns(query: &str, sortable: &[&str], sort: &str, descending: bool) -> Vec<Column> {
        let mut out = super::assets::columns("/findings", query, FindingsPage::SORTS, sort, descending);
        for (column, (name, ..)) in out.iter_mut().zip(FindingsPage::SORTS) {
            if !sortable.contains(name) {
                column.href = None;
            }
        }
        out
    }
}

/// What a finding says, filled and in the reader's language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingWords {
    /// Title.
    pub title: String,
    /// 何が起きたか
    pub what: String,
    /// なぜ問題か
    pub why: String,
    /// いま何をするか, a step each.
    pub steps: Vec<String>,
    /// 誰に知らせるか
    pub whom: String,
}

/// A fact, as the finding keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactRow {
    /// What it is.
    pub label: String,
    /// The value or values; assets are linked.
    pub values: Vec<Link>,
}

/// A step in the story of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoryStep {
    /// It happened for the first time.
    First,
    /// It happened again, so often until now.
    Again(u64),
    /// It opened again after it was closed or explained.
    Reopened,
    /// It is over.
    Ceased,
    /// A person handled it.
    Handled {
        /// Who.
        who: String,
        /// What they made of it.
        to: FindingStatus,
        /// Their words.
        note: String,
        /// End of the explanation, as words.
        until: String,
    },
}

/// A line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryLine {
    /// When.
    pub when: When,
    /// What.
    pub step: StoryStep,
    /// The record behind it.
    pub href: Option<String>,
}

impl StoryLine {
    /// The words.
    pub fn words(&self, t: &T) -> String {
        match &self.step {
            StoryStep::First => t.say("story-first"),
            StoryStep::Again(n) => t.n("story-again", *n),
            StoryStep::Reopened => t.say("story-reopened"),
            StoryStep::Ceased => t.say("story-ceased"),
            StoryStep::Handled { who, to, until, .. } if *to == FindingStatus::Explained && !until.is_empty() => {
                t.xy("story-explained-until", who, until)
            }
            StoryStep::Handled { who, to, .. } => t.x(&format!("story-{}", to.name()), who),
        }
    }
    /// The person's words.
    pub fn note(&self) -> &str {
        match &self.step {
            StoryStep::Handled { note, .. } => note,
            _ => "",
        }
    }
}

/// A measure that the rule serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasureRow {
    /// The document's short name.
    pub document: String,
    /// The number in it.
    pub number: String,
    /// What it asks, in our own words.
    pub title: String,
}

/// The rule behind a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its revision when it fired last.
    pub revision: u32,
    /// Its parameters when it fired last, with units.
    pub parameters: Vec<(String, String)>,
    /// What it cannot see.
    pub cannot_see: Vec<String>,
    /// ATT&CK ids.
    pub attack: Vec<String>,
}

/// 検知: one of them.
#[derive(Clone, Debug, Template)]
#[template(path = "finding.html")]
pub struct FindingPage {
    /// Around it.
    pub shell: Shell,
    /// Its id.
    pub id: String,
    /// The guard against lost updates.
    pub rev: i64,
    /// How soon.
    pub severity: Severity,
    /// Where it stands.
    pub status: FindingStatus,
    /// What it says.
    pub words: FindingWords,
    /// First time.
    pub first: When,
    /// Last time.
    pub last: When,
    /// How often.
    pub count: u64,
    /// How often it opened again.
    pub reopened: u32,
    /// It was told to be over.
    pub ceased: Option<When>,
    /// The asset that it is about.
    pub asset: Option<Link>,
    /// The asset can be registered from here: its id and rev.
    pub register: Option<(String, i64)>,
    /// Others that take part.
    pub others: Vec<Link>,
    /// Its facts.
    pub facts: Vec<FactRow>,
    /// Events that show it, oldest first, at most twenty.
    pub events: Vec<EventRow>,
    /// Records kept of it.
    pub events_total: u64,
    /// Where they are.
    pub events_href: String,
    /// The story, oldest first.
    pub story: Vec<StoryLine>,
    /// Measures that the rule serves.
    pub measures: Vec<MeasureRow>,
    /// The rule.
    pub rule: RuleInfo,
    /// The last explanation, or empty.
    pub explanation: String,
    /// Until when it holds, as words.
    pub explained_until: Option<When>,
    /// What was typed before it was refused.
    pub note: String,
    /// The date typed, or the one to suggest (`YYYY-MM-DD`).
    pub until: String,
    /// What is wrong with the form.
    pub problems: Vec<String>,
    /// Somebody else has handled it since the form was opened.
    pub conflict: bool,
}

impl FindingPage {
    /// How soon, as a tag.
    pub fn severity_tag(&self) -> Tag {
        Tag::severity(self.shell.t, self.severity)
    }
    /// Where it stands, as a tag.
    pub fn status_tag(&self) -> Tag {
        Tag::status(self.shell.t, self.status)
    }
    /// Nobody has said what it is.
    pub fn is_open(&self) -> bool {
        self.status == FindingStatus::Open
    }
    /// Done or explained.
    pub fn is_settled(&self) -> bool {
        matches!(self.status, FindingStatus::Closed | FindingStatus::Explained)
    }
}
