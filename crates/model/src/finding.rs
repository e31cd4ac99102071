//! Something that a person should look at, with its evidence. A finding holds facts, not sentences: the words are rendered per
//! language from the rule's file (catalogue/rules/).

use crate::asset::named;
use crate::ids::{AssetId, EventId, FindingId};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

named! {
    /// How soon a person should look.
    Severity {
        /// 今日中: act today.
        Today = "today",
        /// 今週: this week.
        Week = "week",
        /// 確認: look at it when you review.
        Check = "check",
        /// 記録: kept for the record.
        Record = "record",
    }
}
named! {
    /// Where a finding stands.
    FindingStatus {
        /// Nobody has looked yet.
        Open = "open",
        /// Somebody has seen it and is at it.
        Acknowledged = "acknowledged",
        /// There is a reason for it, until a date.
        Explained = "explained",
        /// Done.
        Closed = "closed",
    }
}

/// A value that a finding's wording uses, formatted in the reader's language and time zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Words as seen on the wire; shown escaped and cut.
    Text(String),
    /// A count.
    Count(u64),
    /// Bytes.
    Bytes(u64),
    /// A point in time.
    Time(Time),
    /// A length of time.
    Span(Span),
    /// A percentage, rounded.
    Percent(u32),
    /// An asset, shown by its name and linked.
    Asset(AssetId),
    /// Addresses or other short words, several.
    List(Vec<String>),
}

/// What a detector tells about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It happened (first, or again).
    Happened,
    /// It changed for the worse (a guess succeeded, a new target): a closed or explained finding opens again.
    Changed,
    /// It is over (the device speaks again): told, and left to a person to close.
    Ceased,
}

/// A step by which detection tells state about a finding. Applying one twice changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingChange {
    /// The id, derived from the event that raised it first under this key.
    pub id: FindingId,
    /// Repeats with the same key gather in one finding.
    pub key: String,
    /// The rule.
    pub rule: String,
    /// Its revision.
    pub revision: u32,
    /// Its parameters when it fired, with units in their names (`window_s`).
    pub parameters: BTreeMap<String, Fact>,
    /// How soon a person should look, now.
    pub severity: Severity,
    /// What it tells.
    pub step: Step,
    /// When, by the event's clock.
    pub at: Time,
    /// The event that completed it.
    pub because: EventId,
    /// Events that show it (at most 64 a step; `happened` counts all).
    pub events: Vec<EventId>,
    /// How many single happenings this step stands for.
    pub happened: u64,
    /// The asset that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Other assets that take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<AssetId>,
    /// Values for the wording.
    pub facts: BTreeMap<String, Fact>,
}

/// A finding as it stands in state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its id.
    pub id: FindingId,
    /// Counted up with each change by a person.
    pub rev: i64,
    /// Gathers repeats.
    pub key: String,
    /// The rule.
    pub rule: String,
    /// The rule's revision when it fired last.
    pub revision: u32,
    /// The rule's parameters when it fired last.
    pub parameters: BTreeMap<String, Fact>,
    /// How soon a person should look.
    pub severity: Severity,
    /// Where it stands.
    pub status: FindingStatus,
    /// First time.
    pub first: Time,
    /// Last time.
    pub last: Time,
    /// It was told to be over at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceased: Option<Time>,
    /// How often.
    pub count: u64,
    /// The asset it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Others that take part.
    pub others: Vec<AssetId>,
    /// Values for the wording.
    pub facts: BTreeMap<String, Fact>,
    /// Why it is explained, and by whom it was handled last; people's words.
    pub explanation: String,
    /// Until when the explanation holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_until: Option<Time>,
    /// How often it opened again.
    pub reopened: u32,
}
