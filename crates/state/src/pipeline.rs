//! The machine's side: results of the vault's consumers, applied together with the consumer's cursor.

use crate::error::Result;
use crate::store::Store;
use model::asset::{HourDelta, PeerDelta};
use model::coverage::{Health, SensorKind};
use model::{Asset, AssetChange, AssetId, FindingChange, FindingId, SourceId, Time};

/// How far a consumer has read in the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// The vault's epoch.
    pub epoch: u32,
    /// The last event that is part of the result.
    pub seq: u64,
}

/// What a consumer made of the events after its last cursor up to and including `cursor`.
///
/// A batch at or before the stored cursor changes nothing. A batch must not begin before the stored cursor and end after it: a
/// consumer that starts from an older snapshot replays silently up to [`Pipeline::cursor`], and cuts its batch there.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Name of the consumer: `detect`.
    pub consumer: &'static str,
    /// How far it has read.
    pub cursor: EventCursor,
    /// Steps of assets, in order.
    pub asset_changes: Vec<AssetChange>,
    /// Steps of findings, in order.
    pub finding_changes: Vec<FindingChange>,
    /// Traffic to add, by asset and hour.
    pub hours: Vec<HourDelta>,
    /// Traffic to add, by link.
    pub peers: Vec<PeerDelta>,
    /// Stretches that sensors watched.
    pub coverage: Vec<Health>,
    /// The consumer's memory as it is after this batch, now and then.
    pub snapshot: Option<Vec<u8>>,
}

impl Batch {
    /// Nothing but the cursor.
    pub fn empty(consumer: &'static str, cursor: EventCursor) -> Batch {
        Batch {
            consumer,
            cursor,
            asset_changes: Vec::new(),
            finding_changes: Vec::new(),
            hours: Vec::new(),
            peers: Vec::new(),
            coverage: Vec::new(),
            snapshot: None,
        }
    }
}

/// What a batch changed, for notices to open pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The batch was at or before the cursor, and nothing was done.
    pub repeated: bool,
    /// Assets that are new or changed in more than their last sight.
    pub assets: Vec<AssetId>,
    /// Findings that are new or changed.
    pub findings: Vec<FindingId>,
    /// Findings among them that opened now, for the first time or again.
    pub opened: Vec<FindingId>,
    /// Sensors whose coverage moved on.
    pub sensors: Vec<SourceId>,
}

/// What was let go by [`Pipeline::let_go`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LetGo {
    /// Hourly rows.
    pub hours: u64,
    /// Links.
    pub peers: u64,
    /// Stretches of coverage.
    pub coverage: u64,
    /// Sessions that had run out.
    pub sessions: u64,
    /// Closed findings past their time.
    pub findings: u64,
}

/// What the vault holds at start, to be held against what state knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultEnd {
    /// Its epoch.
    pub epoch: u32,
    /// Its last event; 0 where there is none.
    pub last_seq: u64,
    /// The highest [`model::event::Audit::number`] among its events after [`Pipeline::known`]; absent where there is none.
    pub newest_audit: Option<u64>,
}

/// What [`Pipeline::vault_is_ahead`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// State and vault belong together. The vault may hold events that consumers have yet to read.
    Together,
    /// State is older than the vault: it was restored. What was void is counted.
    Restored {
        /// Sessions that were ended.
        sessions: u64,
        /// One-time passwords that no longer work.
        one_time_passwords: u64,
    },
}

/// The machine's handle on state. Made once by [`Store::pipeline`].
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) store: Store,
}

impl Pipeline {
    /// The store behind.
    pub fn store(&self) -> &Store {
        &self.store
    }
    /// How far a consumer has read; nothing before its first batch.
    pub async fn cursor(&self, _consumer: &str) -> Result<Option<EventCursor>> {
        unimplemented!()
    }
    /// The consumer's memory, and how far it had read when it was taken.
    pub async fn snapshot(&self, _consumer: &str) -> Result<Option<(EventCursor, Vec<u8>)>> {
        unimplemented!()
    }
    /// Applies a batch and its cursor, in one transaction.
    pub async fn apply(&self, _batch: Batch) -> Result<Applied> {
        unimplemented!()
    }
    /// Every asset, for detection's start, with all addresses, names, services and guesses.
    pub async fn known_assets(&self) -> Result<Vec<Asset>> {
        unimplemented!()
    }
    /// Assets that were merged, each with the one that stays.
    pub async fn merged_assets(&self) -> Result<Vec<(AssetId, AssetId)>> {
        unimplemented!()
    }
    /// The number of a sensor in events, by the name of its interface or folder; the same name gives the same number for ever.
    pub async fn sensor_id(&self, _name: &str, _kind: SensorKind, _now: Time) -> Result<SourceId> {
        unimplemented!()
    }
    /// A setting's value (its default where nobody has set it).
    pub async fn setting(&self, _key: &str) -> Result<String> {
        unimplemented!()
    }
    /// A setting's value as a number.
    pub async fn setting_number(&self, _key: &str) -> Result<i64> {
        unimplemented!()
    }
    /// Lets rollups, sessions and closed findings go that are older than kept. Call it once an hour.
    pub async fn let_go(&self, _now: Time) -> Result<LetGo> {
        unimplemented!()
    }
    /// The newest place in the vault of which state knows: where to begin looking for audit events at start.
    pub async fn known(&self) -> Result<EventCursor> {
        unimplemented!()
    }
    /// At start: does the vault hold deeds that this state never did? Then state was restored, and sessions and one-time
    /// passwords are void.
    pub async fn vault_is_ahead(&self, _end: VaultEnd, _now: Time) -> Result<Standing> {
        unimplemented!()
    }
    /// The wall clock is synchronised, and it is this time. Expiry uses the highest ever told, so that a clock set back revives
    /// nothing.
    pub async fn synchronised(&self, _now: Time) -> Result<()> {
        unimplemented!()
    }
}
