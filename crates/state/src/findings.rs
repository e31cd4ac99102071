//! Findings: what is asked of them and what people do with them.

use crate::assets::{Page, Paging};
use crate::error::Result;
use crate::store::Store;
use model::access::{HandleFindings, ViewFindings};
use model::{AssetId, Authorised, EventId, Finding, FindingId, FindingStatus, Severity, Time};
use std::collections::BTreeMap;

/// By what a list of findings is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FindingSort {
    /// Most urgent first, newest among equals.
    #[default]
    Severity,
    /// Newest last time first.
    Last,
    /// Newest first time first.
    First,
    /// Most often first.
    Count,
    /// Open, acknowledged, explained, closed.
    Status,
}

/// Which findings. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// One of these; empty: any.
    pub statuses: Vec<FindingStatus>,
    /// One of these; empty: any.
    pub severities: Vec<Severity>,
    /// One of these rules; empty: any.
    pub rules: Vec<String>,
    /// About this asset, or with its part in it.
    pub asset: Option<AssetId>,
    /// Every word must occur in key, rule, facts, explanation or the asset's names.
    pub text: String,
    /// Last happened at or after.
    pub since: Option<Time>,
    /// Order.
    pub sort: FindingSort,
    /// Turned round.
    pub reversed: bool,
    /// Which stretch.
    pub paging: Paging,
}

/// How many findings there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// Open ones by severity; every severity is there.
    pub open: BTreeMap<Severity, u64>,
    /// All by status; every status is there.
    pub by_status: BTreeMap<FindingStatus, u64>,
}

/// A moment in a finding's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingMoment {
    /// When.
    pub at: Time,
    /// Who; empty where the watch itself did it (raised, opened again).
    pub who: String,
    /// Before; absent at the beginning.
    pub from: Option<FindingStatus>,
    /// After.
    pub to: FindingStatus,
    /// A person's words.
    pub note: String,
    /// End of an explanation.
    pub until: Option<Time>,
    /// The event by which the watch did it.
    pub because: Option<EventId>,
}

/// What a person does with a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Seen, somebody is at it.
    Acknowledge,
    /// There is a reason for it, until a time.
    Explain {
        /// The reason; must say something.
        note: String,
        /// Must lie ahead, at most [`LONGEST_EXPLANATION_DAYS`].
        until: Time,
    },
    /// Done.
    Close {
        /// What was done; may be empty.
        note: String,
    },
    /// Not done after all.
    Reopen {
        /// Why; may be empty.
        note: String,
    },
}

/// How far ahead an explanation may reach, days.
pub const LONGEST_EXPLANATION_DAYS: i64 = 400;

impl Store {
    /// A page of findings.
    pub async fn findings(&self, _proof: &Authorised<ViewFindings>, _filter: &FindingFilter) -> Result<Page<Finding>> {
        unimplemented!()
    }
    /// One finding.
    pub async fn finding(&self, _proof: &Authorised<ViewFindings>, _id: FindingId) -> Result<Finding> {
        unimplemented!()
    }
    /// Its newest events, newest first. `total` counts all that ever showed it; only the newest [`KEPT_EVENTS`] are kept.
    pub async fn finding_events(&self, _proof: &Authorised<ViewFindings>, _id: FindingId, _paging: Paging) -> Result<Page<EventId>> {
        unimplemented!()
    }
    /// What became of it, oldest first.
    pub async fn finding_history(&self, _proof: &Authorised<ViewFindings>, _id: FindingId) -> Result<Vec<FindingMoment>> {
        unimplemented!()
    }
    /// How many there are.
    pub async fn finding_counts(&self, _proof: &Authorised<ViewFindings>) -> Result<FindingCounts> {
        unimplemented!()
    }
    /// A person handles a finding.
    pub async fn handle_finding(
        &self,
        _proof: &Authorised<HandleFindings>,
        _id: FindingId,
        _rev: i64,
        _how: Handling,
        _now: Time,
    ) -> Result<Finding> {
        unimplemented!()
    }
}

/// How many events are kept by id for one finding.
pub const KEPT_EVENTS: usize = 256;
