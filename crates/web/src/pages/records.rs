//! Asking the vault for records, within bounds: on a blocking thread, a few questions at a time, and stopped when the reader goes away. Whoever
//! sees one zone only is given what has an address of an asset of that zone, on every way out: [`Reach`].

use crate::ask::Ask;
use crate::problem::Problem;
use model::access::{ViewAssets, ViewAudit, ViewEvents};
use model::asset::Asset;
use model::event::{AddressKey, Table};
use model::{Authorised, Event, EventId};
use std::collections::BTreeSet;
use std::time::Duration;
use vault::Query;
use vault::ask::{AskError, Find, Found, Scope};

/// How long a question waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// Which records somebody may see.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    tables: u32,
    /// Only what has one of these; absent: everything of the site.
    addresses: Option<BTreeSet<AddressKey>>,
}

impl Reach {
    pub(crate) async fn of(ask: &Ask, proof: &Authorised<ViewEvents>) -> Result<Reach, Problem> {
        let mut tables = Table::ALL.iter().fold(0, |all, t| all | t.bit());
        // What people did in Hinomi is for those who watch over it.
        if !ask.also(ViewAudit).is_ok_and(|audit| audit.zone().is_none()) {
            tables &= !Table::Audit.bit();
        }
        if proof.zone().is_none() {
            return Ok(Reach { tables, addresses: None });
        }
        // A role without assets reaches no address, and so nothing.
        let addresses = match ask.also(ViewAssets) {
            Ok(seeing) if seeing.zone() == proof.zone() => ask.store.addresses_in_zone(&seeing).await?,
            _ => Vec::new(),
        };
        Ok(Reach { tables, addresses: Some(addresses.into_iter().collect()) })
    }

    /// The same for the vault.
    pub(crate) fn scope(&self) -> Scope {
        let tables = Table::ALL.into_iter().filter(|t| self.tables & t.bit() != 0);
        match &self.addresses {
            None => Scope::site(tables),
            Some(a) => Scope::addresses(tables, a.iter().copied().collect()),
        }
    }

    /// Whether a record may be seen.
    pub(crate) fn sees(&self, event: &Event) -> bool {
        let Some(mine) = &self.addresses else { return self.tables & event.body.table().bit() != 0 };
        let mut found = false;
        event.body.addresses(|a| found |= mine.contains(&a));
        found && self.tables & event.body.table().bit() != 0
    }
}

/// Runs a question on a thread of its own when it is its turn.
pub(crate) async fn in_turn<R: Send + 'static>(ask: &Ask, question: impl FnOnce() -> R + Send + 'static) -> Result<R, Problem> {
    let turn = tokio::time::timeout(TURN, ask.shared.vault_turns.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Problem::Busy(String::from("too many questions to the vault"))) };
    let run = move || {
        let _turn = turn;
        question()
    };
    tokio::task::spawn_blocking(run).await.map_err(|e| Problem::Broken(e.to_string()))
}

/// What to tell of a question that was not answered.
pub(crate) fn unanswered(ask: &Ask, e: AskError) -> Problem {
    match e {
        AskError::TooSlow { .. } => Problem::Bad(ask.say("question-too-slow")),
        AskError::TooMuchMemory { .. } => Problem::Bad(ask.say("question-too-large")),
        AskError::NotAllowed { .. } => Problem::Denied,
        AskError::Cancelled => Problem::Busy(String::from("the reader went away")),
        AskError::Gone { .. } => Problem::Busy(e.to_string()),
        AskError::Parameter { name, what } => Problem::Bad(format!("{name}: {what}")),
        other => Problem::Broken(other.to_string()),
    }
}

/// Finds records, newest first, as far as the asker may see them.
pub(crate) async fn find(ask: &Ask, proof: &Authorised<ViewEvents>, find: Find) -> Result<Found, Problem> {
    let scope = Reach::of(ask, proof).await?.scope();
    let (vault, gone) = (ask.shared.vault.clone(), ask.gone.clone());
    let found = in_turn(ask, move || vault.find(&scope, &find, &gone)).await?;
    let found = found.map_err(|e| unanswered(ask, e))?;
    for note in &found.notes {
        tracing::warn!("search: {note}");
    }
    Ok(found)
}

/// These records, newest first; they were found by the asker just now. One in a damaged place is left out: `vault verify` names it.
pub(crate) async fn read(ask: &Ask, mut seqs: Vec<u64>) -> Result<Vec<Event>, Problem> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    seqs.sort_unstable();
    seqs.dedup();
    let (vault, gone) = (ask.shared.vault.clone(), ask.gone.clone());
    in_turn(ask, move || {
        let mut out = Vec::with_capacity(seqs.len());
        for event in vault.read(&Query { seqs, newest_first: true, ..Query::default() }) {
            if gone.is_cancelled() {
                break;
            }
            match event {
                Ok(e) => out.push(e),
                Err(error) => tracing::warn!(%error, "a record could not be read"),
            }
        }
        out
    })
    .await
}

/// One record.
pub(crate) async fn one(ask: &Ask, proof: &Authorised<ViewEvents>, id: EventId) -> Result<Event, Problem> {
    let reach = Reach::of(ask, proof).await?;
    let vault = ask.shared.vault.clone();
    let found = tokio::task::spawn_blocking(move || vault.get(id)).await.map_err(|e| Problem::Broken(e.to_string()))??;
    found.filter(|e| reach.sees(e)).ok_or(Problem::NotFound)
}

/// Several records by name; those that were let go or may not be seen are left out.
pub(crate) async fn several(ask: &Ask, proof: &Authorised<ViewEvents>, ids: Vec<EventId>) -> Result<Vec<Event>, Problem> {
    let reach = Reach::of(ask, proof).await?;
    let mut found = read(ask, ids.iter().map(|i| i.seq).collect()).await?;
    found.retain(|e| ids.contains(&e.id) && reach.sees(e));
    Ok(found)
}

/// The addresses by which an asset's records are found.
pub(crate) fn addresses(asset: &Asset) -> Vec<AddressKey> {
    let mut out = Vec::new();
    for a in &asset.addresses {
        for key in [a.mac.map(AddressKey::Mac), a.ip.map(AddressKey::Ip)].into_iter().flatten() {
            if !out.contains(&key) {
                out.push(key);
            }
        }
    }
    out.truncate(64);
    out
}
