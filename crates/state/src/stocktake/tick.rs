//! What people say of entries, online and from phones that come back: idempotent, and never silently over somebody else's word.

use super::{Entry, LONGEST_NOTE, LONGEST_WORD, Said, goes_on, one, one_entry, reach, word};
use crate::db::{Conn, to_json, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::{Store, Who};
use crate::text;
use model::access::{EditAssets, ViewAssets};
use model::event::Deed;
use model::{Authorised, StockEntryId, StockResult, StocktakeId, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The most ticks of one stocktake: whoever sends more is not counting machines.
const MOST_TICKS: i64 = 200_000;
/// The most things of one stocktake that the ledger lacks.
const MOST_EXTRAS: i64 = 2_000;

/// What somebody says of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Made by the phone or the form; the same id is the same tick, however often it comes.
    pub id: Uuid,
    /// The entry. For [`StockResult::Extra`] it is new, and its id was made by the phone too.
    pub entry: StockEntryId,
    /// The revision that the person saw; 0 for a new entry.
    pub base: i64,
    /// What they say.
    pub result: StockResult,
    /// What a thing is called that the ledger lacks; not read otherwise.
    #[serde(default)]
    pub label: String,
    /// Their words.
    #[serde(default)]
    pub note: String,
    /// Where it stands now.
    #[serde(default)]
    pub place_now: String,
    /// Serial and console ports.
    #[serde(default)]
    pub console_ports: String,
    /// Blocked or disabled ports.
    #[serde(default)]
    pub blocked_ports: String,
    /// Plugs that nobody knows.
    #[serde(default)]
    pub unknown_plugs: String,
    /// SHA-256 of the photo, in hexadecimal; empty keeps the one that is there.
    #[serde(default)]
    pub photo: String,
    /// When they said it, by the phone's clock; absent: now.
    #[serde(default)]
    pub at: Option<Time>,
}

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It stands.
    Saved,
    /// Somebody else had said something: it is kept aside until a person settles it.
    Conflict,
}

/// The answer to a tick: the same for the same tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// The tick.
    pub id: Uuid,
    /// The entry.
    pub entry: StockEntryId,
    /// What became of it.
    pub outcome: Outcome,
    /// The entry's revision after it.
    pub rev: i64,
}

/// A word that was kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The tick.
    pub id: Uuid,
    /// What was said.
    pub said: Tick,
    /// By whom.
    pub by: String,
    /// When Hinomi heard of it.
    pub received: Time,
}

/// The tick with its texts trimmed and within bounds.
fn checked(mut t: Tick, now: Time) -> Result<Tick> {
    t.label = word("label", &t.label, LONGEST_WORD)?;
    t.note = word("note", &t.note, LONGEST_NOTE)?;
    t.place_now = word("place_now", &t.place_now, LONGEST_WORD)?;
    t.console_ports = word("console_ports", &t.console_ports, LONGEST_NOTE)?;
    t.blocked_ports = word("blocked_ports", &t.blocked_ports, LONGEST_NOTE)?;
    t.unknown_plugs = word("unknown_plugs", &t.unknown_plugs, LONGEST_NOTE)?;
    if !t.photo.is_empty() && (t.photo.len() != 64 || !t.photo.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))) {
        return Err(StateError::invalid("photo", "invalid-stock-photo", "", "must be a SHA-256 in hexadecimal"));
    }
    if t.id.is_nil() || t.entry.0.is_nil() {
        return Err(StateError::invalid("id", "invalid-stock-id", "", "must be an id of its own"));
    }
    if t.result == StockResult::Moved && t.place_now.is_empty() {
        return Err(StateError::invalid("place_now", "invalid-stock-place", "", "say where it stands now"));
    }
    if t.result == StockResult::Changed && t.note.is_empty() {
        return Err(StateError::invalid("note", "invalid-stock-note", "", "say what is different"));
    }
    if t.result == StockResult::Extra && t.label.is_empty() {
        return Err(StateError::invalid("label", "invalid-stock-label", "", "say what it is"));
    }
    // A phone whose clock is ahead cannot say something in the future.
    t.at = t.at.map(|at| at.min(now));
    Ok(t)
}

fn said(t: &Tick, before: &Said) -> Said {
    Said {
        result: Some(t.result),
        note: t.note.clone(),
        place_now: t.place_now.clone(),
        console_ports: t.console_ports.clone(),
        blocked_ports: t.blocked_ports.clone(),
        unknown_plugs: t.unknown_plugs.clone(),
        photo: if t.photo.is_empty() { before.photo.clone() } else { t.photo.clone() },
    }
}

async fn write(tx: &mut Conn, entry: &Entry, new: &Said, who: &Who, by: &str, at: Time, now: Time) -> Result<()> {
    tx.run(
        "UPDATE stocktake_entries SET rev = rev + 1, result = $1, note = $2, place_now = $3, console_ports = $4, blocked_ports = $5, \
         unknown_plugs = $6, photo = $7, said_by = $8, said_at = $9, received_at = $10 WHERE id = $11",
        v![
            new.result.map_or("", StockResult::name),
            &new.note,
            &new.place_now,
            &new.console_ports,
            &new.blocked_ports,
            &new.unknown_plugs,
            &new.photo,
            by,
            at,
            now,
            entry.id
        ],
    )
    .await?;
    if let Some(to) = new.result {
        let deed = Deed::StocktakeTicked {
            stocktake: entry.stocktake,
            entry: entry.id,
            asset: entry.asset,
            label: entry.label.clone(),
            from: entry.said.result,
            to,
            note: new.note.clone(),
            photo: if new.photo == entry.said.photo { String::new() } else { new.photo.clone() },
        };
        audit(tx, who, deed, now).await?;
    }
    Ok(())
}

/// Makes the entry of a thing that the ledger lacks.
async fn make_extra(tx: &mut Conn, stocktake: StocktakeId, t: &Tick) -> Result<Entry> {
    let sql = "SELECT COUNT(*) FROM stocktake_entries WHERE stocktake = $1 AND result = 'extra'";
    if tx.number(sql, v![stocktake]).await? >= MOST_EXTRAS {
        return Err(StateError::invalid(
            "label",
            "invalid-stock-extras",
            MOST_EXTRAS,
            format!("at most {MOST_EXTRAS} things of one stocktake"),
        ));
    }
    if tx.row("SELECT id FROM stocktake_entries WHERE id = $1", v![t.entry]).await?.is_some() {
        return Err(StateError::NotFound { what: "entry", id: t.entry.to_string() });
    }
    let search = text::fold(&format!("{} {}", t.label, t.place_now), LONGEST_NOTE);
    let sort_key = format!("~~\t{}\t{}", text::fold(&t.place_now, 80), text::fold(&t.label, 120));
    tx.run(
        "INSERT INTO stocktake_entries (id, stocktake, asset, rev, label, kind, place, zone_name, state, network, search, sort_key, result, \
         note, place_now, console_ports, blocked_ports, unknown_plugs, photo, said_by) \
         VALUES ($1, $2, NULL, 0, $3, '', '', '', 'discovered', 0, $4, $5, '', '', '', '', '', '', '', '')",
        v![t.entry, stocktake, &t.label, search, sort_key],
    )
    .await?;
    one_entry(tx, stocktake, t.entry).await
}

impl Store {
    /// Takes a tick. The same id is answered the same and counts once. Where somebody else said something since the revision that
    /// the person saw, the tick is kept aside; the same person's own later word simply counts, and so does the same word twice.
    pub async fn tick(&self, proof: &Authorised<EditAssets>, stocktake: StocktakeId, tick: Tick, now: Time) -> Result<Ticked> {
        self.guard(proof)?;
        let t = checked(tick, now)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let round = one(&mut tx, stocktake, reach(proof)).await?;
        let body = to_json(&t, tx.place())?;
        let digest = text::hex(&Sha256::digest(body.as_bytes()));
        let known =
            tx.row("SELECT stocktake, entry, digest, outcome, rev FROM stocktake_ticks WHERE id = $1", v![t.id.to_string()]).await?;
        if let Some(row) = known {
            if row.parsed::<StocktakeId>(0)? != stocktake || row.text(2)? != digest {
                return Err(StateError::Exists { what: "tick", name: t.id.to_string() });
            }
            let outcome = if row.text(3)? == "saved" { Outcome::Saved } else { Outcome::Conflict };
            return Ok(Ticked { id: t.id, entry: row.parsed(1)?, outcome, rev: row.int(4)? });
        }
        goes_on(&round)?;
        if tx.number("SELECT COUNT(*) FROM stocktake_ticks WHERE stocktake = $1", v![stocktake]).await? >= MOST_TICKS {
            return Err(StateError::invalid(
                "id",
                "invalid-stock-ticks",
                MOST_TICKS,
                format!("at most {MOST_TICKS} ticks of one stocktake"),
            ));
        }
        let entry = match one_entry(&mut tx, stocktake, t.entry).await {
            Ok(entry) => entry,
            Err(StateError::NotFound { .. }) if t.result == StockResult::Extra => make_extra(&mut tx, stocktake, &t).await?,
            Err(e) => return Err(e),
        };
        // What the ledger lacks stays that, and what it has cannot become it.
        if (t.result == StockResult::Extra) != entry.asset.is_none() {
            return Err(StateError::invalid("result", "invalid-stock-result", "", "this result does not fit this entry"));
        }
        let new = said(&t, &entry.said);
        let at = t.at.unwrap_or(now);
        let theirs = entry.said.result.is_some() && entry.rev != t.base && entry.said != new;
        let own_later = entry.by == who.name && entry.at.is_none_or(|before| before <= at);
        let (outcome, rev) = if theirs && !own_later {
            audit(&mut tx, &who, Deed::StocktakeConflict { stocktake, entry: entry.id, said: t.result, taken: None }, now).await?;
            (Outcome::Conflict, entry.rev)
        } else if entry.said == new {
            (Outcome::Saved, entry.rev)
        } else {
            write(&mut tx, &entry, &new, &who, &who.name, at, now).await?;
            (Outcome::Saved, entry.rev + 1)
        };
        tx.run(
            "INSERT INTO stocktake_ticks (id, stocktake, entry, digest, outcome, rev, body, said_by, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            v![
                t.id.to_string(),
                stocktake,
                entry.id,
                digest,
                if outcome == Outcome::Saved { "saved" } else { "conflict" },
                rev,
                if outcome == Outcome::Saved { String::new() } else { body },
                &who.name,
                now
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(Ticked { id: t.id, entry: entry.id, outcome, rev })
    }

    /// Words about an entry that were kept aside and not yet settled, oldest first.
    pub async fn conflicts(
        &self,
        proof: &Authorised<ViewAssets>,
        stocktake: StocktakeId,
        entry: Option<StockEntryId>,
    ) -> Result<Vec<Conflict>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        one(&mut conn, stocktake, reach(proof)).await?;
        let rows = conn
            .rows(
                "SELECT body, said_by, received_at, entry FROM stocktake_ticks WHERE stocktake = $1 AND outcome = 'conflict' \
                 ORDER BY received_at, id LIMIT 500",
                v![stocktake],
            )
            .await?;
        let mut out = Vec::new();
        for row in rows {
            let said: Tick = row.json(0)?;
            if entry.is_none_or(|e| e == said.entry) {
                out.push(Conflict { id: said.id, said, by: row.text(1)?, received: row.time(2)? });
            }
        }
        Ok(out)
    }

    /// Settles a word that was kept aside: it counts (`take`), or the one that stands does. Settled twice, the first time counts.
    pub async fn settle(
        &self,
        proof: &Authorised<EditAssets>,
        stocktake: StocktakeId,
        tick: Uuid,
        take: bool,
        now: Time,
    ) -> Result<StockEntryId> {
        self.guard(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let round = one(&mut tx, stocktake, reach(proof)).await?;
        goes_on(&round)?;
        let row = tx
            .row(
                "SELECT outcome, body, said_by, entry FROM stocktake_ticks WHERE id = $1 AND stocktake = $2",
                v![tick.to_string(), stocktake],
            )
            .await?
            .ok_or_else(|| StateError::NotFound { what: "tick", id: tick.to_string() })?;
        let entry_id: StockEntryId = row.parsed(3)?;
        if row.text(0)? != "conflict" {
            return Ok(entry_id);
        }
        let t: Tick = row.json(1)?;
        let by = row.text(2)?;
        let entry = one_entry(&mut tx, stocktake, entry_id).await?;
        if take {
            let new = said(&t, &entry.said);
            write(&mut tx, &entry, &new, &who, &by, t.at.unwrap_or(now), now).await?;
        }
        let outcome = if take { "taken" } else { "dropped" };
        tx.run("UPDATE stocktake_ticks SET outcome = $1 WHERE id = $2", v![outcome, tick.to_string()]).await?;
        audit(&mut tx, &who, Deed::StocktakeConflict { stocktake, entry: entry_id, said: t.result, taken: Some(take) }, now).await?;
        tx.commit().await?;
        Ok(entry_id)
    }
}
