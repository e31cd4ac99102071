//! The machine's side: results of the vault's consumers, applied together with the consumer's cursor.

use crate::db::{Conn, Row, v};
use crate::error::Result;
use crate::outbox::audit;
use crate::store::{Store, Who};
use crate::{apply, assets, settings};
use model::asset::{HourDelta, PeerDelta};
use model::clock::{ClockEstimate, TimeAsk};
use model::coverage::Health;
use model::event::Deed;
use model::{Asset, AssetChange, AssetId, FindingChange, FindingId, SourceId, Span, Time};

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
    /// Sources' clocks as they stand now, in order.
    pub clocks: Vec<ClockEstimate>,
    /// Who asked a time server, to add.
    pub asks: Vec<TimeAsk>,
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
            clocks: Vec::new(),
            asks: Vec::new(),
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

/// Rollups that were made anew from the records of the vault.
#[derive(Clone, Debug, Default)]
pub struct NewRollups {
    /// Hours before this are left as they are: their records were let go.
    pub from_hour: i64,
    /// Traffic by asset and hour.
    pub hours: Vec<HourDelta>,
    /// Traffic by link; absent where records were let go, since a link is not told apart by hours.
    pub peers: Option<Vec<PeerDelta>>,
}

/// What [`Pipeline::replace_rollups`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Rows of assets and hours that stand now.
    pub hours: u64,
    /// Links that stand now; 0 where they were left alone.
    pub links: u64,
    /// Rows that are other than before.
    pub changed: u64,
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
    pub async fn cursor(&self, consumer: &str) -> Result<Option<EventCursor>> {
        cursor(&mut self.store.read().await?, consumer).await
    }

    /// The consumer's memory, and how far it had read when it was taken.
    pub async fn snapshot(&self, consumer: &str) -> Result<Option<(EventCursor, Vec<u8>)>> {
        let mut conn = self.store.read().await?;
        let sql = "SELECT snapshot_epoch, snapshot_seq, snapshot FROM consumers WHERE name = $1 AND snapshot IS NOT NULL";
        let Some(row) = conn.row(sql, v![consumer]).await? else { return Ok(None) };
        let at = cursor_of(&row, 0)?;
        Ok(row.opt_blob(2)?.map(|bytes| (at, bytes)))
    }

    /// Applies a batch and its cursor, in one transaction.
    pub async fn apply(&self, batch: Batch) -> Result<Applied> {
        let applied = apply::apply(&self.store, batch).await?;
        Ok(applied)
    }

    /// Puts rollups in the place of those that are there, if the consumer has read exactly up to `at`; `None` where it has read on.
    pub async fn replace_rollups(&self, consumer: &str, at: EventCursor, new: &NewRollups) -> Result<Option<Replaced>> {
        apply::replace_rollups(&self.store, consumer, at, new).await
    }

    /// Every asset, for detection's start, with all addresses, names, services and guesses.
    pub async fn known_assets(&self) -> Result<Vec<Asset>> {
        let mut conn = self.store.read().await?;
        assets::load_all(&mut conn, self.store.site().id).await
    }

    /// Assets that were merged, each with the one that stays.
    pub async fn merged_assets(&self) -> Result<Vec<(AssetId, AssetId)>> {
        let mut conn = self.store.read().await?;
        let rows = conn.rows("SELECT id, merged_into FROM assets WHERE merged_into IS NOT NULL ORDER BY id", v![]).await?;
        rows.iter().map(|r| Ok((r.parsed(0)?, r.parsed(1)?))).collect()
    }

    /// Lets rollups, sessions and closed findings go that are older than kept. Call it once an hour.
    pub async fn let_go(&self, now: Time) -> Result<LetGo> {
        let mut tx = self.store.write().await?;
        let before = |days: i64| now - Span::days(days);
        let hours = before(settings::number(&mut tx, "hours_kept_days").await?);
        let peers = before(settings::number(&mut tx, "peers_kept_days").await?);
        let findings = before(settings::number(&mut tx, "findings_kept_days").await?);
        let idle = now - Span::minutes(settings::number(&mut tx, "session_idle_minutes").await?);
        let mut gone = LetGo {
            hours: tx.run("DELETE FROM asset_hours WHERE hour < $1", v![hours.hour()]).await?,
            peers: tx.run("DELETE FROM peers WHERE last_at < $1", v![peers]).await?,
            coverage: tx.run("DELETE FROM coverage WHERE to_at < $1", v![hours]).await?,
            sessions: tx.run("DELETE FROM sessions WHERE expires < $1 OR used < $2", v![now, idle]).await?,
            findings: tx.run("DELETE FROM findings WHERE status = $1 AND last_at < $2 AND changed_at < $2", v![CLOSED, findings]).await?,
        };
        tx.run("DELETE FROM site_hours WHERE hour < $1", v![hours.hour()]).await?;
        tx.run("DELETE FROM lately WHERE at < $1", v![before(30)]).await?;
        crate::clocks::let_go(&mut tx, hours).await?;
        // A device that speaks to the whole Internet must not fill the disk: the links that were quiet longest go first.
        let excess = tx.number("SELECT COUNT(*) FROM peers", v![]).await? - MOST_PEERS;
        if excess > 0 {
            let at = tx.number("SELECT last_at FROM peers ORDER BY last_at LIMIT 1 OFFSET $1", v![excess - 1]).await?;
            gone.peers += tx.run("DELETE FROM peers WHERE last_at <= $1", v![at]).await?;
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// The newest place in the vault of which state knows: where to begin looking for audit events at start.
    pub async fn known(&self) -> Result<EventCursor> {
        let mut conn = self.store.read().await?;
        match conn.row("SELECT epoch, known_seq FROM site", v![]).await? {
            Some(row) => cursor_of(&row, 0),
            None => Ok(EventCursor { epoch: 0, seq: 0 }),
        }
    }

    /// At start: does the vault hold deeds that this state never did? Then state was restored, and sessions and one-time
    /// passwords are void.
    ///
    /// That the vault has more *events* proves nothing: after a crash, consumers are always a little behind. But the numbers of
    /// deeds are given here, in the transaction that does the deed. A number in the vault beyond our counter is a deed that this
    /// state has forgotten. So is a new epoch: the vault begins one where it was itself restored or copied.
    pub async fn vault_is_ahead(&self, end: VaultEnd, now: Time) -> Result<Standing> {
        let mut tx = self.store.write().await?;
        let Some(row) = tx.row("SELECT epoch, deeds FROM site", v![]).await? else { return Ok(Standing::Together) };
        let (epoch, deeds) = (row.int(0)?, row.count(1)?);
        let forgotten = end.newest_audit.filter(|n| *n > deeds);
        let new_epoch = epoch != 0 && i64::from(end.epoch) > epoch;
        if forgotten.is_none() && !new_epoch {
            return Ok(Standing::Together);
        }
        if let Some(number) = forgotten {
            tx.run("UPDATE site SET deeds = $1", v![number]).await?;
        }
        raise_known(&mut tx, EventCursor { epoch: end.epoch, seq: end.last_seq }).await?;
        let sessions = tx.run("DELETE FROM sessions", v![]).await?;
        let one_time_passwords = tx
            .run(
                "UPDATE users SET password_hash = '', rev = rev + 1, changed_by = 'hinomi', changed_at = $1 \
                 WHERE must_change = 1 AND password_hash <> ''",
                v![now],
            )
            .await?;
        let who = Who { user: None, name: String::from("hinomi"), from: None, action: "restored_state" };
        let deed = Deed::Setting {
            key: String::from("restored_state"),
            from: format!("deed {deeds}, epoch {epoch}"),
            to: format!("{sessions} sessions and {one_time_passwords} one-time passwords void"),
        };
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await?;
        self.refresh_epoch(end.epoch);
        Ok(Standing::Restored { sessions, one_time_passwords })
    }

    /// The wall clock is synchronised, and it is this time. Expiry uses the highest ever told, so that a clock set back revives
    /// nothing.
    pub async fn synchronised(&self, now: Time) -> Result<()> {
        let mut tx = self.store.write().await?;
        tx.run("UPDATE site SET time_high = $1 WHERE time_high < $1", v![now]).await?;
        tx.commit().await
    }

    fn refresh_epoch(&self, epoch: u32) {
        note_epoch(&self.store, epoch);
    }
}

/// Keeps the cached site in step.
pub(crate) fn note_epoch(store: &Store, epoch: u32) {
    let mut site = store.site();
    if site.epoch < epoch {
        site.epoch = epoch;
        store.remember(site);
    }
}

/// [`FindingStatus::Closed`](model::FindingStatus::Closed) in the database.
const CLOSED: i64 = 3;
/// The most links that are kept.
const MOST_PEERS: i64 = 200_000;

pub(crate) async fn cursor(conn: &mut Conn, consumer: &str) -> Result<Option<EventCursor>> {
    match conn.row("SELECT epoch, seq FROM consumers WHERE name = $1", v![consumer]).await? {
        Some(row) => Ok(Some(cursor_of(&row, 0)?)),
        None => Ok(None),
    }
}

fn cursor_of(row: &Row, at: usize) -> Result<EventCursor> {
    let epoch = u32::try_from(row.int(at)?).map_err(|_| row.damaged("an epoch is out of range"))?;
    Ok(EventCursor { epoch, seq: row.count(at + 1)? })
}

/// State knows of the vault up to here.
pub(crate) async fn raise_known(tx: &mut Conn, at: EventCursor) -> Result<()> {
    tx.run("UPDATE site SET epoch = $1, known_seq = $2 WHERE epoch < $1 OR (epoch = $1 AND known_seq < $2)", v![at.epoch, at.seq]).await?;
    Ok(())
}
