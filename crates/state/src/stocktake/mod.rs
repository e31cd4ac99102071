//! The stocktake (棚卸し): somebody goes through a part of the factory and says of every asset whether it is there.
//!
//! A stocktake is started for the whole site, a zone or a place; what the ledger says at that moment is copied into its entries, so
//! that the differences can still be read in a year. Every entry gets one result. People tick from phones that may be offline: a tick
//! carries an id that the phone made and the revision that it saw. The same id is answered the same for ever ([`tick`]); a tick that
//! meets another person's newer word is kept aside as a conflict, and a person settles it. Only when each entry has its result and no
//! conflict is open can the stocktake be closed ([`close`]); then what was found can be written into the ledger.
//!
//! Somebody whose roles reach one zone sees and does the stocktakes of that zone, and no other.

mod close;
mod tick;

pub use close::{Closing, Due};
pub use tick::{Conflict, Outcome, Tick, Ticked};

use crate::assets::{self, AssetFilter, Page, Paging};
use crate::db::{Conn, Row, V, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::Store;
use crate::text;
use model::access::{Action, EditAssets, ExportAssets, ViewAssets};
use model::asset::Property;
use model::event::Deed;
use model::{Asset, AssetId, AssetState, Authorised, Kind, StockEntryId, StockResult, StocktakeId, Time, ZoneId};
use serde::Serialize;

/// The most assets of one stocktake.
pub const MOST_ENTRIES: usize = 10_000;
/// The most characters of a name, a place, a person.
pub const LONGEST_WORD: usize = 200;
/// The most characters of a note.
pub const LONGEST_NOTE: usize = 2_000;

/// What a stocktake is to cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewStocktake {
    /// What it is called.
    pub name: String,
    /// Only this zone.
    pub zone: Option<ZoneId>,
    /// Only assets whose place in the ledger is this; empty: any.
    pub place: String,
    /// Who goes and looks.
    pub assignee: String,
    /// Until when, `YYYY-MM-DD`; empty: no day set.
    pub due: String,
    /// What else should be known.
    pub note: String,
    /// Assets too that were only seen and never registered.
    pub discovered: bool,
}

/// How far a stocktake is: entries by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Entries of the ledger.
    pub assets: u64,
    /// Of these, not yet looked for.
    pub open: u64,
    /// Of these, there as the ledger says.
    pub found: u64,
    /// Of these, not there.
    pub missing: u64,
    /// Of these, elsewhere.
    pub moved: u64,
    /// Of these, different.
    pub changed: u64,
    /// Of these, disposed of.
    pub retired: u64,
    /// Things that the ledger lacks.
    pub extra: u64,
    /// Words that were kept aside since somebody else had said something.
    pub conflicts: u64,
}
impl Counts {
    /// Entries that have a result.
    pub fn done(&self) -> u64 {
        self.assets.saturating_sub(self.open)
    }
    /// What the ledger does not say.
    pub fn differences(&self) -> u64 {
        self.missing + self.moved + self.changed + self.retired + self.extra
    }
}

/// How a stocktake ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// Who closed it.
    pub by: String,
    /// When.
    pub at: Time,
    /// Their words.
    pub note: String,
    /// When the next one is due, `YYYY-MM-DD`; empty where no day was set.
    pub next_due: String,
}

/// A stocktake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stocktake {
    /// Its id.
    pub id: StocktakeId,
    /// Counts up with each change of itself (not of its entries).
    pub rev: i64,
    /// What it is called.
    pub name: String,
    /// Only this zone.
    pub zone: Option<ZoneId>,
    /// The zone's name when it began.
    pub zone_name: String,
    /// Only this place; empty: any.
    pub place: String,
    /// Who goes and looks.
    pub assignee: String,
    /// Until when, `YYYY-MM-DD`; empty: no day set.
    pub due: String,
    /// What else should be known.
    pub note: String,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_at: Time,
    /// How it ended; absent while it goes on.
    pub closed: Option<Closed>,
    /// How far it is.
    pub counts: Counts,
}

/// What was said of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The result; absent where nobody has looked yet.
    pub result: Option<StockResult>,
    /// The person's words.
    pub note: String,
    /// Where it stands now, where that is not what the ledger says.
    pub place_now: String,
    /// Network devices: serial and console ports, and what is plugged into them.
    pub console_ports: String,
    /// Network devices: ports that are blocked or disabled, or should be.
    pub blocked_ports: String,
    /// Network devices: plugs of which nobody knows what they are.
    pub unknown_plugs: String,
    /// SHA-256 of the photo, in hexadecimal; empty where there is none.
    pub photo: String,
}

/// A line of a stocktake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: StockEntryId,
    /// The stocktake.
    pub stocktake: StocktakeId,
    /// The asset; absent for a thing that the ledger lacks.
    pub asset: Option<AssetId>,
    /// Counts up with each tick.
    pub rev: i64,
    /// What it was called when the stocktake began.
    pub label: String,
    /// What sort of thing it was.
    pub kind: Option<Kind>,
    /// Where it stood by the ledger.
    pub place: String,
    /// Its zone by the ledger.
    pub zone_name: String,
    /// Its state by the ledger.
    pub state: AssetState,
    /// Its ports are asked for.
    pub network: bool,
    /// What was said.
    #[serde(flatten)]
    pub said: Said,
    /// Who said it; empty where nobody did.
    pub by: String,
    /// When they said it, by the phone's clock where it was offline.
    pub at: Option<Time>,
    /// When Hinomi heard of it.
    pub received: Option<Time>,
}

/// Which entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    #[default]
    All,
    /// Not yet looked for.
    Open,
    /// Looked for.
    Done,
    /// With a result that the ledger does not say.
    Differences,
}

/// A filter of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Which.
    pub which: Which,
    /// Every word must occur in name, place, addresses, maker, model or serial number.
    pub text: String,
    /// Which stretch.
    pub paging: Paging,
}

const STOCKTAKE: &str = "SELECT s.id, s.rev, s.name, s.zone, s.zone_name, s.place, s.assignee, s.due, s.note, s.started_by, s.started_at, \
    s.closed_by, s.closed_at, s.close_note, s.next_due FROM stocktakes s";
const ENTRY: &str = "SELECT e.id, e.stocktake, e.asset, e.rev, e.label, e.kind, e.place, e.zone_name, e.state, e.network, e.result, e.note, \
    e.place_now, e.console_ports, e.blocked_ports, e.unknown_plugs, e.photo, e.said_by, e.said_at, e.received_at FROM stocktake_entries e";

fn stocktake(row: &Row) -> Result<Stocktake> {
    let closed = match row.opt_time(12)? {
        Some(at) => Some(Closed { by: row.text(11)?, at, note: row.text(13)?, next_due: row.text(14)? }),
        None => None,
    };
    Ok(Stocktake {
        id: row.parsed(0)?,
        rev: row.int(1)?,
        name: row.text(2)?,
        zone: row.opt_parsed(3)?,
        zone_name: row.text(4)?,
        place: row.text(5)?,
        assignee: row.text(6)?,
        due: row.text(7)?,
        note: row.text(8)?,
        started_by: row.text(9)?,
        started_at: row.time(10)?,
        closed,
        counts: Counts::default(),
    })
}

fn entry(row: &Row) -> Result<Entry> {
    let (kind, result) = (row.text(5)?, row.text(10)?);
    Ok(Entry {
        id: row.parsed(0)?,
        stocktake: row.parsed(1)?,
        asset: row.opt_parsed(2)?,
        rev: row.int(3)?,
        label: row.text(4)?,
        kind: Kind::from_name(&kind),
        place: row.text(6)?,
        zone_name: row.text(7)?,
        state: row.named(8, AssetState::from_name)?,
        network: row.flag(9)?,
        said: Said {
            result: StockResult::from_name(&result),
            note: row.text(11)?,
            place_now: row.text(12)?,
            console_ports: row.text(13)?,
            blocked_ports: row.text(14)?,
            unknown_plugs: row.text(15)?,
            photo: row.text(16)?,
        },
        by: row.text(17)?,
        at: row.opt_time(18)?,
        received: row.opt_time(19)?,
    })
}

async fn count(conn: &mut Conn, s: &mut Stocktake) -> Result<()> {
    let mut c = Counts::default();
    let rows = conn.rows("SELECT result, COUNT(*) FROM stocktake_entries WHERE stocktake = $1 GROUP BY result", v![s.id]).await?;
    for row in rows {
        let n = row.count(1)?;
        let result = StockResult::from_name(&row.text(0)?);
        if result != Some(StockResult::Extra) {
            c.assets += n;
        }
        match result {
            None => c.open += n,
            Some(StockResult::Found) => c.found += n,
            Some(StockResult::Missing) => c.missing += n,
            Some(StockResult::Moved) => c.moved += n,
            Some(StockResult::Changed) => c.changed += n,
            Some(StockResult::Retired) => c.retired += n,
            Some(StockResult::Extra) => c.extra += n,
        }
    }
    let sql = "SELECT COUNT(*) FROM stocktake_ticks WHERE stocktake = $1 AND outcome = 'conflict'";
    c.conflicts = u64::try_from(conn.number(sql, v![s.id]).await?).unwrap_or(0);
    s.counts = c;
    Ok(())
}

/// One stocktake, where the proof reaches it.
async fn one(conn: &mut Conn, id: StocktakeId, zone: Option<ZoneId>) -> Result<Stocktake> {
    let missing = || StateError::NotFound { what: "stocktake", id: id.to_string() };
    let rows = conn.rows_built(format!("{STOCKTAKE} WHERE s.id = $1"), v![id]).await?;
    let mut found = stocktake(rows.first().ok_or_else(missing)?)?;
    if zone.is_some() && found.zone != zone {
        return Err(missing());
    }
    count(conn, &mut found).await?;
    Ok(found)
}

async fn one_entry(conn: &mut Conn, stocktake: StocktakeId, id: StockEntryId) -> Result<Entry> {
    let rows = conn.rows_built(format!("{ENTRY} WHERE e.stocktake = $1 AND e.id = $2"), v![stocktake, id]).await?;
    entry(rows.first().ok_or_else(|| StateError::NotFound { what: "entry", id: id.to_string() })?)
}

/// A text of a person: trimmed, short enough, without control characters.
fn word(field: &'static str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().nth(most).is_some() {
        return Err(StateError::invalid(field, "invalid-text", most, format!("at most {most} characters")));
    }
    if !text::is_clean(text) {
        return Err(StateError::invalid(field, "invalid-stock-character", "", "holds a character that cannot be kept"));
    }
    Ok(text.to_owned())
}

/// A day, or nothing.
fn day(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    if !text.is_empty() && text.parse::<jiff::civil::Date>().map_or(true, |d| d.to_string() != text) {
        return Err(StateError::invalid(field, "invalid-stock-day", "", "must be a day like 2027-03-31"));
    }
    Ok(text.to_owned())
}

/// Whether an asset's ports are asked for: what connects others, and what has serial ports on a shop floor.
fn is_network(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::Router | Kind::Switch | Kind::AccessPoint))
}

/// What an entry is found by, and in which order the round goes: zone, place, name.
fn keys(a: &Asset, zone_name: &str) -> (String, String) {
    let label = a.label();
    let said =
        |word: &str, p: Property| if word.is_empty() { a.guess(p).map_or("", |g| g.value.as_str()).to_owned() } else { word.to_owned() };
    let mut all = vec![label.clone(), a.ledger.place.clone(), zone_name.to_owned(), a.ledger.serial.clone(), a.ledger.owner.clone()];
    all.push(said(&a.ledger.maker, Property::Maker));
    all.push(said(&a.ledger.model_number, Property::Model));
    all.extend(a.addresses.iter().take(16).flat_map(|x| x.mac.map(|m| m.to_string()).into_iter().chain(x.ip.map(|i| i.to_string()))));
    let search = text::fold(&all.join(" "), LONGEST_NOTE);
    // '~' follows all letters of ASCII: what has no place comes last.
    let or_last = |t: &str| if t.is_empty() { String::from("~") } else { text::fold(t, 80) };
    (search, format!("{}\t{}\t{}", or_last(zone_name), or_last(&a.ledger.place), text::fold(&label, 120)))
}

impl Store {
    /// Starts a stocktake over what the ledger holds now: every asset in scope that is not retired or denied.
    pub async fn start_stocktake(&self, proof: &Authorised<EditAssets>, new: NewStocktake, now: Time) -> Result<Stocktake> {
        self.guard(proof)?;
        let name = word("name", &new.name, LONGEST_WORD)?;
        if name.is_empty() {
            return Err(StateError::invalid("name", "invalid-stock-name", "", "a name is needed"));
        }
        let (place, assignee) = (word("place", &new.place, LONGEST_WORD)?, word("assignee", &new.assignee, LONGEST_WORD)?);
        let (due, note) = (day("due", &new.due)?, word("note", &new.note, LONGEST_NOTE)?);
        let zone = new.zone.or(proof.zone());
        if proof.zone().is_some() && zone != proof.zone() {
            return Err(StateError::ZoneOnly { what: "a stocktake of another zone" });
        }
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let mut zone_names = std::collections::HashMap::new();
        for row in tx.rows("SELECT id, name FROM zones", v![]).await? {
            zone_names.insert(row.parsed::<ZoneId>(0)?, row.text(1)?);
        }
        let zone_name = match zone {
            Some(z) => zone_names.get(&z).cloned().ok_or_else(|| StateError::NotFound { what: "zone", id: z.to_string() })?,
            None => String::new(),
        };
        let mut states = vec![AssetState::Registered, AssetState::Unused, AssetState::Faulty];
        if new.discovered {
            states.push(AssetState::Discovered);
        }
        let filter = AssetFilter { states, zone, ..AssetFilter::default() };
        let mut found = assets::find_all(&mut tx, site, &filter, proof.zone()).await?;
        if !place.is_empty() {
            let wanted = text::fold(&place, LONGEST_WORD);
            found.retain(|a| text::fold(&a.ledger.place, LONGEST_WORD) == wanted);
        }
        if found.is_empty() {
            return Err(StateError::invalid("scope", "invalid-stock-scope", "", "no asset of the ledger is in this scope"));
        }
        if found.len() > MOST_ENTRIES {
            return Err(StateError::invalid(
                "scope",
                "invalid-stock-entries",
                MOST_ENTRIES,
                format!("at most {MOST_ENTRIES} assets at once; take one zone after the other"),
            ));
        }
        let id = StocktakeId::from_parts(now, self.random()?);
        tx.run(
            "INSERT INTO stocktakes (id, rev, name, zone, zone_name, place, assignee, due, note, started_by, started_at, closed_by, \
             closed_at, close_note, next_due) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', NULL, '', '')",
            v![id, &name, zone, zone_name, place, assignee, due, note, &who.name, now],
        )
        .await?;
        let ids: Vec<AssetId> = found.iter().map(|a| a.id).collect();
        let zones = zones_now(&mut tx, &ids).await?;
        let mut rows: Vec<Vec<V>> = Vec::with_capacity(found.len());
        for a in &found {
            let zone_name = zones.get(&a.id).and_then(|z| zone_names.get(z)).cloned().unwrap_or_default();
            let (search, sort_key) = keys(a, &zone_name);
            let kind = a.kind();
            rows.push(v![
                StockEntryId::from_parts(now, self.random()?),
                id,
                a.id,
                1i64,
                a.label(),
                kind.map_or("", Kind::name),
                &a.ledger.place,
                zone_name,
                a.state.name(),
                is_network(kind),
                search,
                sort_key,
                "",
                "",
                "",
                "",
                "",
                "",
                "",
                ""
            ]);
        }
        let assets = rows.len() as u64;
        tx.run_many(
            "INSERT INTO stocktake_entries (id, stocktake, asset, rev, label, kind, place, zone_name, state, network, search, sort_key, \
             result, note, place_now, console_ports, blocked_ports, unknown_plugs, photo, said_by)",
            "",
            rows,
        )
        .await?;
        audit(&mut tx, &who, Deed::StocktakeStarted { stocktake: id, name, assets }, now).await?;
        let made = one(&mut tx, id, proof.zone()).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Stocktakes, those that go on first, then the newest.
    pub async fn stocktakes(&self, proof: &Authorised<ViewAssets>, paging: Paging) -> Result<Page<Stocktake>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let (condition, values) = match proof.zone() {
            Some(zone) => (" WHERE s.zone = $1", v![zone]),
            None => ("", v![]),
        };
        let total = conn.number_built(format!("SELECT COUNT(*) FROM stocktakes s{condition}"), values.clone()).await?;
        let (limit, offset) = paging.bounds();
        let (n, mut all) = (values.len(), values);
        all.extend(v![limit, offset]);
        let sql = format!(
            "{STOCKTAKE}{condition} ORDER BY CASE WHEN s.closed_at IS NULL THEN 0 ELSE 1 END, s.started_at DESC, s.id LIMIT ${} OFFSET ${}",
            n + 1,
            n + 2
        );
        let mut items = conn.rows_built(sql, all).await?.iter().map(stocktake).collect::<Result<Vec<_>>>()?;
        for s in &mut items {
            count(&mut conn, s).await?;
        }
        Ok(paging.page_of(items, total))
    }

    /// One stocktake.
    pub async fn stocktake(&self, proof: &Authorised<ViewAssets>, id: StocktakeId) -> Result<Stocktake> {
        self.guard(proof)?;
        one(&mut self.read().await?, id, proof.zone()).await
    }

    /// Entries of a stocktake, in the order of the round: zone, place, name.
    pub async fn stocktake_entries(&self, proof: &Authorised<ViewAssets>, id: StocktakeId, filter: &EntryFilter) -> Result<Page<Entry>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        one(&mut conn, id, proof.zone()).await?;
        let mut values = v![id];
        let mut condition = String::from(" WHERE e.stocktake = $1");
        condition.push_str(match filter.which {
            Which::All => "",
            Which::Open => " AND e.result = ''",
            Which::Done => " AND e.result <> ''",
            Which::Differences => " AND e.result NOT IN ('', 'found')",
        });
        for w in text::words(&filter.text) {
            values.push(text::like(&w).into());
            condition.push_str(&format!(" AND e.search LIKE ${} ESCAPE '!'", values.len()));
        }
        let total = conn.number_built(format!("SELECT COUNT(*) FROM stocktake_entries e{condition}"), values.clone()).await?;
        let (limit, offset) = filter.paging.bounds();
        values.extend(v![limit, offset]);
        let n = values.len();
        let sql = format!("{ENTRY}{condition} ORDER BY e.sort_key, e.id LIMIT ${} OFFSET ${n}", n - 1);
        let items = conn.rows_built(sql, values).await?.iter().map(entry).collect::<Result<Vec<_>>>()?;
        Ok(filter.paging.page_of(items, total))
    }

    /// One entry.
    pub async fn stocktake_entry(&self, proof: &Authorised<ViewAssets>, id: StocktakeId, entry: StockEntryId) -> Result<Entry> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        one(&mut conn, id, proof.zone()).await?;
        one_entry(&mut conn, id, entry).await
    }

    /// The entries before and after one in the order of the round, for going on from one to the next.
    pub async fn stocktake_neighbours(
        &self,
        proof: &Authorised<ViewAssets>,
        id: StocktakeId,
        entry: StockEntryId,
    ) -> Result<(Option<StockEntryId>, Option<StockEntryId>)> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        one(&mut conn, id, proof.zone()).await?;
        let key = conn.row("SELECT sort_key FROM stocktake_entries WHERE stocktake = $1 AND id = $2", v![id, entry]).await?;
        let Some(key) = key.map(|r| r.text(0)).transpose()? else { return Ok((None, None)) };
        let before = conn
            .row(
                "SELECT id FROM stocktake_entries WHERE stocktake = $1 AND (sort_key < $2 OR (sort_key = $2 AND id < $3)) \
                 ORDER BY sort_key DESC, id DESC LIMIT 1",
                v![id, &key, entry],
            )
            .await?;
        let after = conn
            .row(
                "SELECT id FROM stocktake_entries WHERE stocktake = $1 AND (sort_key > $2 OR (sort_key = $2 AND id > $3)) \
                 ORDER BY sort_key, id LIMIT 1",
                v![id, &key, entry],
            )
            .await?;
        Ok((before.map(|r| r.parsed(0)).transpose()?, after.map(|r| r.parsed(0)).transpose()?))
    }

    /// Where the label of an asset leads: its entry in the newest stocktake that goes on; absent where there is none.
    pub async fn stocktake_of_asset(&self, proof: &Authorised<ViewAssets>, asset: AssetId) -> Result<Option<(StocktakeId, StockEntryId)>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let stays = assets::resolve(&mut conn, asset, proof.zone()).await?;
        let rows = conn
            .rows(
                "SELECT e.stocktake, e.id, s.zone FROM stocktake_entries e JOIN stocktakes s ON s.id = e.stocktake \
                 WHERE e.asset IN ($1, $2) AND s.closed_at IS NULL \
                 ORDER BY CASE WHEN e.result = '' THEN 0 ELSE 1 END, s.started_at DESC, e.id LIMIT 50",
                v![asset, stays],
            )
            .await?;
        for row in rows {
            let zone: Option<ZoneId> = row.opt_parsed(2)?;
            if proof.zone().is_none() || zone == proof.zone() {
                return Ok(Some((row.parsed(0)?, row.parsed(1)?)));
            }
        }
        Ok(None)
    }

    /// Places that the ledger names, for choosing a scope; at most two hundred.
    pub async fn places(&self, proof: &Authorised<ViewAssets>) -> Result<Vec<String>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let sql = "SELECT DISTINCT place FROM assets WHERE merged_into IS NULL AND place <> '' AND state NOT IN ('retired', 'denied')";
        let rows = match proof.zone() {
            Some(zone) => conn.rows_built(format!("{sql} AND zone_now = $1 ORDER BY place LIMIT 200"), v![zone]).await?,
            None => conn.rows_built(format!("{sql} ORDER BY place LIMIT 200"), v![]).await?,
        };
        rows.iter().map(|r| r.text(0)).collect()
    }

    /// A stocktake with every entry, for a file. That it left is a deed.
    pub async fn export_stocktake(
        &self,
        proof: &Authorised<ExportAssets>,
        id: StocktakeId,
        which: Which,
        now: Time,
    ) -> Result<(Stocktake, Vec<Entry>)> {
        self.guard(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let found = one(&mut tx, id, proof.zone()).await?;
        let condition = match which {
            Which::All => "",
            Which::Open => " AND e.result = ''",
            Which::Done => " AND e.result <> ''",
            Which::Differences => " AND e.result NOT IN ('', 'found')",
        };
        let sql = format!("{ENTRY} WHERE e.stocktake = $1{condition} ORDER BY e.sort_key, e.id");
        let entries = tx.rows_built(sql, v![id]).await?.iter().map(entry).collect::<Result<Vec<_>>>()?;
        audit(&mut tx, &who, Deed::Exported { what: String::from("stocktake"), rows: entries.len() as u64 }, now).await?;
        tx.commit().await?;
        Ok((found, entries))
    }
}

/// The zone that each asset is in.
async fn zones_now(conn: &mut Conn, ids: &[AssetId]) -> Result<std::collections::HashMap<AssetId, ZoneId>> {
    let mut out = std::collections::HashMap::new();
    for chunk in ids.chunks(500) {
        let sql = format!("SELECT id, zone_now FROM assets WHERE zone_now IS NOT NULL AND id IN ({})", crate::db::marks(1, chunk.len()));
        for row in conn.rows_built(sql, chunk.iter().map(|id| (*id).into()).collect()).await? {
            out.insert(row.parsed(0)?, row.parsed(1)?);
        }
    }
    Ok(out)
}

/// Refuses what a closed stocktake no longer takes.
fn goes_on(s: &Stocktake) -> Result<()> {
    if s.closed.is_some() { Err(StateError::invalid("closed", "invalid-stock-closed", "", "this stocktake is closed")) } else { Ok(()) }
}

/// For [`Action`]s whose proof only bounds the zone.
fn reach<A: Action>(proof: &Authorised<A>) -> Option<ZoneId> {
    proof.zone()
}
