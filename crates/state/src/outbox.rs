//! Deeds on their way to the vault.
//!
//! A deed is written here in the transaction of the change itself, so neither exists without the other. Hinomi drains the outbox
//! to the vault and takes out what the vault has acknowledged. A crash between the two sends a deed twice; its number
//! ([`Audit::number`]) is the same both times, so readers of the vault know it for one. Numbers count up and never repeat, also
//! after a restore: [`Pipeline::vault_is_ahead`] moves the counter past the vault's newest.

use crate::db::{Conn, marks, to_json, v};
use crate::error::Result;
use crate::pipeline::{EventCursor, Pipeline};
use crate::store::{Store, Who};
use model::access::Action;
use model::event::{Audit, Deed, Evidence};
use model::{AssetId, Authorised, Body, FindingChange, NewEvent, SourceId, Time};

/// When so many deeds wait, failed log-ins are no longer added: somebody who guesses passwords while the vault is full must not
/// fill the disk with it.
const ENOUGH: i64 = 50_000;

/// Writes a deed in the transaction of its change.
pub(crate) async fn audit(tx: &mut Conn, who: &Who, deed: Deed, now: Time) -> Result<()> {
    if matches!(deed, Deed::Login { success: false, .. }) && tx.number("SELECT COUNT(*) FROM outbox", v![]).await? >= ENOUGH {
        return Ok(());
    }
    let number = tx.number("UPDATE site SET deeds = deeds + 1 RETURNING deeds", v![]).await?;
    let about = match lately(&deed) {
        Lately::About(asset) => Some(Some(asset)),
        Lately::OfSite => Some(None::<AssetId>),
        Lately::No => None,
    };
    if let Some(asset) = about {
        let text = to_json(&deed, tx.place())?;
        tx.run("INSERT INTO lately (number, at, who, asset, deed) VALUES ($1, $2, $3, $4, $5)", v![number, now, &who.name, asset, text])
            .await?;
    }
    let event = NewEvent {
        source: SourceId(0),
        received: now,
        happened: None,
        body: Body::Audit(Box::new(Audit {
            user: who.user,
            actor: who.name.clone(),
            from: who.from,
            action: who.action.to_owned(),
            deed,
            number: u64::try_from(number).ok(),
        })),
    };
    let text = to_json(&event, tx.place())?;
    tx.run("INSERT INTO outbox (number, event) VALUES ($1, $2)", v![number, text]).await?;
    Ok(())
}

/// Writes what a detector said, in the transaction that takes it in: so it reaches the vault when, and only when, state accepted it
/// (docs/adr/0008-findings-through-the-outbox.md). Sent twice, it is known by its finding, its step and the event that made it so.
pub(crate) async fn finding(tx: &mut Conn, change: &FindingChange) -> Result<()> {
    let number = tx.number("UPDATE site SET deeds = deeds + 1 RETURNING deeds", v![]).await?;
    let event = NewEvent { source: SourceId(0), received: change.at, happened: None, body: Body::Finding(Box::new(change.clone())) };
    let text = to_json(&event, tx.place())?;
    tx.run("INSERT INTO outbox (number, event) VALUES ($1, $2)", v![number, text]).await?;
    Ok(())
}

/// Deeds that the front page tells of, with the asset they are about. Handled findings are told by their own history; who logged
/// in is nobody's business there.
fn lately(deed: &Deed) -> Lately {
    match deed {
        Deed::AssetState { asset, .. } | Deed::AssetEntered { asset, .. } | Deed::AssetEdited { asset, .. } => Lately::About(*asset),
        Deed::AssetsMerged { stays: asset, .. } | Deed::AssetSplit { from: asset, .. } => Lately::About(*asset),
        Deed::Setting { .. } => Lately::OfSite,
        _ => Lately::No,
    }
}

/// Whether the front page tells of a deed.
enum Lately {
    /// It is about an asset.
    About(AssetId),
    /// It is about the site.
    OfSite,
    /// Nobody's business there.
    No,
}

impl Store {
    /// Writes a person's deed whose effect lies outside of state: an export, a hold in the vault.
    pub async fn did<A: Action>(&self, proof: &Authorised<A>, deed: Deed, now: Time) -> Result<()> {
        self.guard(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await
    }
}

impl Pipeline {
    /// The oldest deeds that the vault has not acknowledged, with their numbers. Each event carries its number
    /// ([`model::event::Audit::number`]): the vault gets it at least once.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<(i64, NewEvent)>> {
        let mut conn = self.store.read().await?;
        let rows = conn.rows("SELECT number, event FROM outbox ORDER BY number LIMIT $1", v![limit.max(1)]).await?;
        rows.iter().map(|r| Ok((r.int(0)?, r.json(1)?))).collect()
    }

    /// The vault has these, fsynced, the newest at `at`. Doing it twice changes nothing.
    pub async fn outbox_done(&self, numbers: &[i64], at: EventCursor) -> Result<()> {
        let mut tx = self.store.write().await?;
        for chunk in numbers.chunks(500) {
            let sql = format!("DELETE FROM outbox WHERE number IN ({})", marks(1, chunk.len()));
            tx.run_built(sql, chunk.iter().map(|n| (*n).into()).collect()).await?;
        }
        crate::pipeline::raise_known(&mut tx, at).await?;
        tx.commit().await
    }

    /// A deed of somebody at the machine itself, by the name of their account there: the vault was asked on the command line. A running Hinomi carries
    /// it on within a second, otherwise the next start does.
    pub async fn at_machine_did(&self, actor: &str, action: &'static str, deed: Deed, now: Time) -> Result<()> {
        let mut tx = self.store.write().await?;
        let name: String = actor.chars().filter(|c| !c.is_control()).take(80).collect();
        let who = Who { user: None, name, from: None, action };
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await
    }

    /// What shows that objectives are met or not, from a program that does not hold the vault.
    pub async fn shows(&self, all: Vec<Evidence>, now: Time) -> Result<()> {
        let mut tx = self.store.write().await?;
        for one in all {
            let number = tx.number("UPDATE site SET deeds = deeds + 1 RETURNING deeds", v![]).await?;
            let event = NewEvent { source: SourceId(0), received: now, happened: None, body: Body::Evidence(Box::new(one)) };
            let text = to_json(&event, tx.place())?;
            tx.run("INSERT INTO outbox (number, event) VALUES ($1, $2)", v![number, text]).await?;
        }
        tx.commit().await
    }

    /// A deed of the machine itself: started, stopped.
    pub async fn machine_did(&self, action: &'static str, deed: Deed, now: Time) -> Result<()> {
        let mut tx = self.store.write().await?;
        let who = Who { user: None, name: String::from("hinomi"), from: None, action };
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await
    }
}
