//! Facts for the front page, all from rollups.

use crate::assets::AssetHour;
use crate::error::Result;
use crate::store::Store;
use model::access::ViewToday;
use model::coverage::Quality;
use model::event::Deed;
use model::{AssetId, AssetState, Authorised, FindingId, FindingStatus, Severity, SourceId, Span, Time};
use std::collections::BTreeMap;

/// What the front page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct TodayFacts {
    /// As of.
    pub now: Time,
    /// Assets that are not retired.
    pub assets: u64,
    /// Of them, seen in the last 24 hours.
    pub assets_seen: u64,
    /// Of them, discovered and in nobody's ledger.
    pub assets_unregistered: u64,
    /// Denied or retired ones that were seen in the last 24 hours.
    pub assets_unwanted: u64,
    /// Open findings by severity; every severity is there.
    pub open: BTreeMap<Severity, u64>,
    /// Acknowledged findings: somebody is at them.
    pub acknowledged: u64,
    /// What changed in the last 24 hours, newest first, at most [`MOST_CHANGES`].
    pub changes: Vec<Change>,
    /// How many changes there were.
    pub changes_total: u64,
    /// How each sensor watched in the last 24 hours.
    pub coverage: Vec<SensorCoverage>,
    /// Traffic of the last 24 whole and begun hours, oldest first, without gaps.
    pub day: Vec<AssetHour>,
    /// Traffic of the last 7 days, oldest first, without gaps.
    pub week: Vec<AssetHour>,
    /// What is usual in the hours of `day`: one entry for each.
    pub habit: Vec<HabitHour>,
}

/// The most changes that are listed.
pub const MOST_CHANGES: u32 = 50;
/// How many past weeks make a habit.
pub const HABIT_WEEKS: i64 = 8;

/// Something that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Time,
    /// What.
    pub what: Changed,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// A device was seen for the first time.
    Discovered {
        /// Which.
        asset: AssetId,
        /// What to call it.
        label: String,
        /// Where it stands now.
        state: AssetState,
    },
    /// A finding opened, for the first time or again, or was handled.
    Finding {
        /// Which.
        finding: FindingId,
        /// Its rule.
        rule: String,
        /// Its severity now.
        severity: Severity,
        /// Before; absent where it is new.
        from: Option<FindingStatus>,
        /// After.
        to: FindingStatus,
        /// Who; empty for the watch itself.
        who: String,
    },
    /// A person did something else in Hinomi: ledger, zones, settings.
    Deed {
        /// Who.
        who: String,
        /// What.
        deed: Deed,
        /// What to call the asset, where the deed is about one.
        label: String,
    },
}

/// How a sensor watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorCoverage {
    /// Which.
    pub sensor: SourceId,
    /// What people call it.
    pub name: String,
    /// Stretches in order, cut to the time asked. What is between them was not watched.
    pub stretches: Vec<Stretch>,
    /// How long it watched and frames came, in all (full or with drops).
    pub watched: Span,
}

/// A stretch of coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
    /// How well.
    pub quality: Quality,
}

/// What is usual in one hour: bytes both ways, of the same hour in past weeks that was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HabitHour {
    /// The hour that it stands beside.
    pub hour: i64,
    /// How many weeks it was learned from; 0: nothing is known, and the figures are 0.
    pub weeks: u32,
    /// Lower quartile, bytes.
    pub low: u64,
    /// Median, bytes.
    pub median: u64,
    /// Upper quartile, bytes.
    pub high: u64,
}

impl Store {
    /// Everything for the front page.
    pub async fn today(&self, _proof: &Authorised<ViewToday>, _now: Time) -> Result<TodayFacts> {
        unimplemented!()
    }
    /// How each sensor watched between two times.
    pub async fn coverage(&self, _proof: &Authorised<ViewToday>, _from: Time, _to: Time) -> Result<Vec<SensorCoverage>> {
        unimplemented!()
    }
}
