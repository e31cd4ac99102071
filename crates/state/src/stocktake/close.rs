//! The end of a stocktake, what it writes into the ledger, and when the next one is due.

use super::{LONGEST_NOTE, Stocktake, Which, day, entry, goes_on, one, reach, word};
use crate::db::v;
use crate::error::{Result, StateError};
use crate::ledger;
use crate::outbox::audit;
use crate::store::Store;
use model::access::{EditAssets, ViewAssets};
use model::event::Deed;
use model::{Authorised, StockResult, StocktakeId, Time};

/// How a stocktake is to end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    /// Words for whoever reads it in a year.
    pub note: String,
    /// When the next one is due, `YYYY-MM-DD`; empty: no day set.
    pub next_due: String,
    /// What was not looked for counts as not found, with this reason; absent: then it cannot be closed while something is open.
    pub rest: Option<String>,
    /// Write what was found into the ledger: the places of what moved, the state of what was disposed of.
    pub apply: bool,
}

/// A stocktake that is due, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// The stocktake: the one that goes on, or the one that said when the next is due.
    pub stocktake: StocktakeId,
    /// Its name.
    pub name: String,
    /// It goes on; otherwise it is closed and the next one is meant.
    pub running: bool,
    /// Assets not yet looked for, of the one that goes on.
    pub open: u64,
}

impl Store {
    /// Closes a stocktake. Refused (`Invalid`, field `open` or `conflicts`) while something was not looked for or not settled.
    pub async fn close_stocktake(
        &self,
        proof: &Authorised<EditAssets>,
        id: StocktakeId,
        rev: i64,
        closing: Closing,
        now: Time,
    ) -> Result<Stocktake> {
        self.guard(proof)?;
        let (note, next_due) = (word("note", &closing.note, LONGEST_NOTE)?, day("next_due", &closing.next_due)?);
        let rest = closing.rest.as_deref().map(|r| word("rest", r, LONGEST_NOTE)).transpose()?;
        if rest.as_deref() == Some("") {
            return Err(StateError::invalid("rest", "invalid-stock-rest", "", "say why the rest was not looked for"));
        }
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let round = one(&mut tx, id, reach(proof)).await?;
        if let Some(closed) = &round.closed {
            return Err(StateError::Changed { by: closed.by.clone(), at: closed.at, rev: round.rev });
        }
        goes_on(&round)?;
        if round.rev != rev {
            return Err(StateError::Changed { by: round.started_by, at: round.started_at, rev: round.rev });
        }
        if round.counts.conflicts > 0 {
            return Err(StateError::invalid(
                "conflicts",
                "invalid-stock-conflicts",
                round.counts.conflicts,
                format!("{} words are not settled", round.counts.conflicts),
            ));
        }
        if round.counts.open > 0 {
            let Some(reason) = &rest else {
                return Err(StateError::invalid(
                    "open",
                    "invalid-stock-open",
                    round.counts.open,
                    format!("{} assets were not looked for", round.counts.open),
                ));
            };
            let sql = format!("{} WHERE e.stocktake = $1 AND e.result = '' ORDER BY e.sort_key, e.id", super::ENTRY);
            for row in tx.rows_built(sql, v![id]).await? {
                let e = entry(&row)?;
                tx.run(
                    "UPDATE stocktake_entries SET rev = rev + 1, result = 'missing', note = $1, said_by = $2, said_at = $3, received_at = $3 \
                     WHERE id = $4",
                    v![reason, &who.name, now, e.id],
                )
                .await?;
                let deed = Deed::StocktakeTicked {
                    stocktake: id,
                    entry: e.id,
                    asset: e.asset,
                    label: e.label,
                    from: None,
                    to: StockResult::Missing,
                    note: reason.clone(),
                    photo: String::new(),
                };
                audit(&mut tx, &who, deed, now).await?;
            }
        }
        if closing.apply {
            let sql = format!("{} WHERE e.stocktake = $1 AND e.result IN ('moved', 'retired') AND e.asset IS NOT NULL", super::ENTRY);
            let mut told = Vec::new();
            for row in tx.rows_built(sql, v![id]).await? {
                let e = entry(&row)?;
                if let Some(asset) = e.asset {
                    told.push((asset, e.said.result == Some(StockResult::Retired), e.said.place_now));
                }
            }
            ledger::after_stocktake(&mut tx, site, told, &who, proof.zone(), now).await?;
        }
        tx.run(
            "UPDATE stocktakes SET rev = rev + 1, closed_by = $1, closed_at = $2, close_note = $3, next_due = $4 WHERE id = $5",
            v![&who.name, now, note, &next_due, id],
        )
        .await?;
        let closed = one(&mut tx, id, reach(proof)).await?;
        let (assets, differences) = (closed.counts.assets, closed.counts.differences());
        audit(&mut tx, &who, Deed::StocktakeClosed { stocktake: id, name: closed.name.clone(), assets, differences, next_due }, now)
            .await?;
        tx.commit().await?;
        Ok(closed)
    }

    /// Stocktakes that are due, soonest first: each that goes on and has a day; and, for each scope in which none goes on, the next
    /// one after the last that was closed.
    pub async fn stocktakes_due(&self, proof: &Authorised<ViewAssets>) -> Result<Vec<Due>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let sql = format!("{} ORDER BY s.started_at DESC, s.id LIMIT 500", super::STOCKTAKE);
        let mut all = conn.rows_built(sql, v![]).await?.iter().map(super::stocktake).collect::<Result<Vec<_>>>()?;
        all.retain(|s| proof.zone().is_none() || s.zone == proof.zone());
        let mut seen = std::collections::BTreeSet::new();
        let mut out = Vec::new();
        for s in &mut all {
            let newest = seen.insert((s.zone, s.place.clone()));
            match &s.closed {
                None if !s.due.is_empty() => {
                    super::count(&mut conn, s).await?;
                    out.push(Due { day: s.due.clone(), stocktake: s.id, name: s.name.clone(), running: true, open: s.counts.open });
                }
                Some(closed) if newest && !closed.next_due.is_empty() => {
                    out.push(Due { day: closed.next_due.clone(), stocktake: s.id, name: s.name.clone(), running: false, open: 0 });
                }
                _ => {}
            }
        }
        out.sort_by(|a, b| a.day.cmp(&b.day));
        Ok(out)
    }
}

impl Which {
    /// The name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Which::All => "all",
            Which::Open => "open",
            Which::Done => "done",
            Which::Differences => "differences",
        }
    }
    /// The one of that name; all for anything else.
    pub fn from_name(name: &str) -> Which {
        match name {
            "open" => Which::Open,
            "done" => Which::Done,
            "differences" => Which::Differences,
            _ => Which::All,
        }
    }
}
