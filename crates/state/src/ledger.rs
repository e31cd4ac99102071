//! Changing assets: the ledger, states, import, export.

use crate::apply;
use crate::assets::{self, AssetFilter};
use crate::db::{Conn, V, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::{Store, Who};
use crate::text;
use model::access::{EditAssets, ExportAssets};
use model::asset::{Destination, Importance, InternetNeed, Kind, Ledger};
use model::event::{Deed, FieldChange};
use model::{Asset, AssetId, AssetState, Authorised, Mac, Time, ZoneId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// A row of a list that somebody brings. Absent and empty cells say nothing and change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportRow {
    /// The line in the file, from 1 (the header is line 1).
    pub line: u64,
    /// The asset's id, where the file came from an export.
    pub id: Option<AssetId>,
    /// Hardware addresses.
    pub macs: Vec<Mac>,
    /// Internet addresses.
    pub ips: Vec<IpAddr>,
    /// State; absent: registered for new ones, unchanged for known ones.
    pub state: Option<AssetState>,
    /// The ledger's fields; `zone` is not read from here.
    pub ledger: Ledger,
    /// The zone by its name.
    pub zone: String,
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowReason {
    /// Not a hardware address.
    #[error("'{0}' is not a hardware address like 3c:52:82:1f:aa:07")]
    NotAMac(String),
    /// Not an Internet address.
    #[error("'{0}' is not an Internet address like 192.168.1.20")]
    NotAnIp(String),
    /// No such state.
    #[error("'{0}' is not a state; use registered, unused, faulty, retired, denied or discovered")]
    UnknownState(String),
    /// No such kind.
    #[error("'{0}' is not a kind of asset")]
    UnknownKind(String),
    /// No such importance.
    #[error("'{0}' is not an importance; use high, middle or low")]
    UnknownImportance(String),
    /// Not a date.
    #[error("'{0}' is not a date like 2027-03-31")]
    NotADate(String),
    /// Not an id.
    #[error("'{0}' is not an id that Hinomi gave")]
    NotAnId(String),
    /// No zone of that name.
    #[error("there is no zone named '{0}'; make it under Settings first")]
    UnknownZone(String),
    /// Longer than we keep.
    #[error("longer than {0} characters")]
    TooLong(usize),
    /// Nothing by which to tell it apart: no address and no name.
    #[error("the row has neither an address nor a name")]
    Nothing,
    /// The addresses belong to several assets.
    #[error("its addresses belong to several assets")]
    Ambiguous,
    /// Another row of the file is the same asset.
    #[error("line {0} is about the same asset")]
    Repeated(u64),
    /// The row reaches into a zone that the importer may not change.
    #[error("this asset is in a zone that you may not change")]
    OtherZone,
    /// A character that the text may not hold.
    #[error("the text holds a character that cannot be kept")]
    BadCharacter,
    /// Not a destination on the Internet.
    #[error("'{0}' is not a destination like update.example.jp, *.example.jp, 203.0.113.0/24 or *")]
    NotADestination(String),
    /// Not a statement about the Internet.
    #[error("'{0}' does not say whether the Internet is needed; use none or destinations")]
    UnknownNeed(String),
    /// The Internet is needed, and no destination is named.
    #[error("name the destinations that are needed")]
    NoDestination,
    /// The Internet is needed, and no reason is given.
    #[error("say why the Internet is needed")]
    NoInternetReason,
    /// Destinations are named, and it is not said that they are needed.
    #[error("destinations are named, but it is not said that the Internet is needed")]
    NoNeed,
    /// More or fewer cells than the header.
    #[error("the row has {0} cells, the header has {1}")]
    CellCount(usize, usize),
}

impl RowReason {
    /// What stands in the wording: the value, or the limit.
    pub(crate) fn part(&self) -> String {
        match self {
            RowReason::NotAMac(x)
            | RowReason::NotAnIp(x)
            | RowReason::UnknownState(x)
            | RowReason::UnknownKind(x)
            | RowReason::UnknownImportance(x)
            | RowReason::NotADate(x)
            | RowReason::NotAnId(x)
            | RowReason::UnknownZone(x)
            | RowReason::NotADestination(x)
            | RowReason::UnknownNeed(x) => x.clone(),
            RowReason::TooLong(n) => n.to_string(),
            RowReason::Repeated(n) => n.to_string(),
            _ => String::new(),
        }
    }

    /// Key of the wording in locale files: `import-not-a-mac` and so on.
    pub fn key(&self) -> &'static str {
        match self {
            RowReason::NotAMac(_) => "import-not-a-mac",
            RowReason::NotAnIp(_) => "import-not-an-ip",
            RowReason::UnknownState(_) => "import-unknown-state",
            RowReason::UnknownKind(_) => "import-unknown-kind",
            RowReason::UnknownImportance(_) => "import-unknown-importance",
            RowReason::NotADate(_) => "import-not-a-date",
            RowReason::NotAnId(_) => "import-not-an-id",
            RowReason::UnknownZone(_) => "import-unknown-zone",
            RowReason::TooLong(_) => "import-too-long",
            RowReason::Nothing => "import-nothing",
            RowReason::Ambiguous => "import-ambiguous",
            RowReason::Repeated(_) => "import-repeated",
            RowReason::OtherZone => "import-other-zone",
            RowReason::BadCharacter => "import-bad-character",
            RowReason::NotADestination(_) => "import-not-a-destination",
            RowReason::UnknownNeed(_) => "import-unknown-need",
            RowReason::NoDestination => "import-no-destination",
            RowReason::NoInternetReason => "import-no-internet-reason",
            RowReason::NoNeed => "import-no-need",
            RowReason::CellCount(..) => "import-cell-count",
        }
    }
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {column}: {reason}")]
pub struct RowProblem {
    /// The line in the file.
    pub line: u64,
    /// The column, as its header writes it.
    pub column: String,
    /// Why.
    pub reason: RowReason,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Nothing was written: it was only tried.
    pub dry_run: bool,
    /// Assets that are new.
    pub entered: Vec<AssetId>,
    /// Assets that were changed.
    pub changed: Vec<AssetId>,
    /// Rows that say what is known already.
    pub unchanged: u64,
    /// Rows that were left out, in order of lines.
    pub problems: Vec<RowProblem>,
    /// What new and changed rows do, in order of lines; the first [`MOST_OUTCOMES`].
    pub outcomes: Vec<RowOutcome>,
}

/// The most rows whose changes are told one by one.
pub const MOST_OUTCOMES: usize = 500;

/// What a row does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOutcome {
    /// The line in the file.
    pub line: u64,
    /// What the asset is called, by the row or the ledger.
    pub label: String,
    /// It enters an asset; otherwise it changes one.
    pub new: bool,
    /// Fields with the values before and after.
    pub changes: Vec<FieldChange>,
    /// Addresses that are new.
    pub addresses: Vec<String>,
    /// Its state before and after, where that changes.
    pub state: Option<(AssetState, AssetState)>,
}

/// An asset that somebody enters by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAsset {
    /// Hardware addresses.
    pub macs: Vec<Mac>,
    /// Internet addresses.
    pub ips: Vec<IpAddr>,
    /// What people know.
    pub ledger: Ledger,
    /// Its state from the start; absent: registered. A spare device is entered as unused.
    pub state: Option<AssetState>,
}

/// The most characters of one field; notes may be ten times as long.
pub const LONGEST_FIELD: usize = 200;
/// The most characters of the notes.
pub const LONGEST_NOTES: usize = 2_000;
/// The most addresses that are entered by hand for one asset.
pub const MOST_BY_HAND: usize = 32;
/// The most rows of one import.
pub const MOST_ROWS: usize = crate::ledger_csv::MOST_ROWS;

/// The first thing that is wrong with a ledger, and the ledger with white space trimmed.
fn checked(mut ledger: Ledger) -> std::result::Result<Ledger, (&'static str, RowReason)> {
    for (field, value) in ledger.texts_mut() {
        if value.trim().len() != value.len() {
            *value = value.trim().to_owned();
        }
        let most = if matches!(field, "notes" | "internet_destinations") { LONGEST_NOTES } else { LONGEST_FIELD };
        if value.chars().count() > most {
            return Err((field, RowReason::TooLong(most)));
        }
        if !text::is_clean(value) {
            return Err((field, RowReason::BadCharacter));
        }
        if matches!(field, "support_end" | "internet_until") && !value.is_empty() && value.parse::<jiff::civil::Date>().is_err() {
            return Err((field, RowReason::NotADate(value.clone())));
        }
    }
    let i = &ledger.internet;
    if let Some(bad) = i.words().find(|w| Destination::read(w).is_none()) {
        return Err(("internet_destinations", RowReason::NotADestination(text::cut(bad, 60).to_owned())));
    }
    // A need without destination or reason is none that anybody could approve; destinations without a need contradict themselves.
    match i.need {
        Some(InternetNeed::Destinations) if i.destinations.is_empty() => Err(("internet_destinations", RowReason::NoDestination)),
        Some(InternetNeed::Destinations) if i.reason.is_empty() => Err(("internet_reason", RowReason::NoInternetReason)),
        Some(InternetNeed::NotNeeded) | None if !i.destinations.is_empty() => Err(("internet", RowReason::NoNeed)),
        _ => Ok(ledger),
    }
}

/// What a row says, over what is there: empty cells change nothing.
fn laid_over(old: &Ledger, row: &Ledger, zone: Option<ZoneId>) -> Ledger {
    let mut new = old.clone();
    for ((_, value), (_, word)) in new.texts_mut().zip(row.texts()) {
        if !word.is_empty() {
            value.clone_from(word);
        }
    }
    new.kind = row.kind.or(old.kind);
    new.importance = row.importance.or(old.importance);
    new.zone = zone.or(old.zone);
    new.internet.need = row.internet.need.or(old.internet.need);
    // Whoever now says that none is needed takes the destinations back.
    if row.internet.need == Some(InternetNeed::NotNeeded) {
        new.internet.destinations.clone_from(&row.internet.destinations);
    }
    new
}

pub(crate) async fn write_ledger(tx: &mut Conn, id: AssetId, l: &Ledger, state: AssetState, who: &Who, now: Time) -> Result<()> {
    let mut values: Vec<V> = l.texts().map(|(_, value)| value.into()).collect();
    let mut sets: Vec<String> = Ledger::TEXTS.iter().zip(1..).map(|(column, n)| format!("{column} = ${n}")).collect();
    let others: [(&str, V); 7] = [
        ("kind", l.kind.map_or("", Kind::name).into()),
        ("zone", l.zone.into()),
        ("importance", l.importance.map_or("", Importance::name).into()),
        ("internet", l.internet.need.map_or("", InternetNeed::name).into()),
        ("state", state.name().into()),
        ("changed_by", (&who.name).into()),
        ("changed_at", now.into()),
    ];
    for (column, value) in others {
        values.push(value);
        sets.push(format!("{column} = ${}", values.len()));
    }
    values.push(id.into());
    let sql = format!("UPDATE assets SET rev = rev + 1, {} WHERE id = ${}", sets.join(", "), values.len());
    tx.run_built(sql, values).await?;
    Ok(())
}

pub(crate) async fn insert(tx: &mut Conn, id: AssetId, l: &Ledger, state: AssetState, who: &Who, now: Time) -> Result<()> {
    tx.run(
        "INSERT INTO assets (id, rev, state, name, kind, maker, model_number, serial, software_version, support_end, owner, administrator, \
         place, purpose, importance, notes, label, label_key, kind_now, maker_now, address_key, importance_key, search, changed_by, changed_at) \
         VALUES ($1, 0, $2, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', 3, '', '', $3)",
        v![id, state.name(), now],
    )
    .await?;
    write_ledger(tx, id, l, state, who, now).await
}

/// Addresses as people give them: on no sensor until they are seen.
async fn add_by_hand(tx: &mut Conn, id: AssetId, macs: &[Mac], ips: &[IpAddr], now: Time) -> Result<()> {
    let mut rows = BTreeSet::new();
    match (macs, ips) {
        // One of each: they go together.
        ([mac], [ip]) => {
            rows.insert((mac.to_string(), ip.to_string()));
        }
        _ => {
            rows.extend(macs.iter().map(|m| (m.to_string(), String::new())));
            rows.extend(ips.iter().map(|i| (String::new(), i.to_string())));
        }
    }
    let rows = rows.into_iter().take(MOST_BY_HAND).map(|(mac, ip)| v![id, 0i64, 0i64, mac, ip, now, now, 1i64]).collect();
    tx.run_many(
        "INSERT INTO asset_addresses (asset, sensor, vlan, mac, ip, first_at, last_at, by_hand)",
        "ON CONFLICT (asset, sensor, vlan, mac, ip) DO NOTHING",
        rows,
    )
    .await
}

/// A change must leave the asset where a zone's editor may still see it.
async fn still_in(tx: &mut Conn, id: AssetId, zone: Option<ZoneId>) -> Result<()> {
    match assets::resolve(tx, id, zone).await {
        Err(StateError::NotFound { .. }) => Err(StateError::ZoneOnly { what: "moving an asset to another zone" }),
        other => other.map(|_| ()),
    }
}

/// A zone that the ledger names must be there.
async fn zone_is_there(tx: &mut Conn, zone: Option<ZoneId>) -> Result<()> {
    if let Some(zone) = zone
        && tx.row("SELECT id FROM zones WHERE id = $1", v![zone]).await?.is_none()
    {
        return Err(StateError::NotFound { what: "zone", id: zone.to_string() });
    }
    Ok(())
}

pub(crate) async fn changed_since(tx: &mut Conn, asset: &Asset, rev: i64) -> Result<()> {
    if asset.rev == rev {
        return Ok(());
    }
    let row = tx.row("SELECT changed_by, changed_at FROM assets WHERE id = $1", v![asset.id]).await?;
    let (by, at) = row.map_or(Ok((String::new(), Time(0))), |r| Ok::<_, StateError>((r.text(0)?, r.time(1)?)))?;
    Err(StateError::Changed { by, at, rev: asset.rev })
}

impl Store {
    /// Sets an asset's place in its life.
    pub async fn set_asset_state(&self, proof: &Authorised<EditAssets>, id: AssetId, rev: i64, to: AssetState, now: Time) -> Result<Asset> {
        self.guard(proof)?;
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let old = assets::one(&mut tx, site, id, proof.zone()).await?;
        changed_since(&mut tx, &old, rev).await?;
        if old.state == to {
            return Ok(old);
        }
        tx.run(
            "UPDATE assets SET state = $1, rev = rev + 1, changed_by = $2, changed_at = $3 WHERE id = $4",
            v![to.name(), &who.name, now, old.id],
        )
        .await?;
        audit(&mut tx, &who, Deed::AssetState { asset: old.id, from: old.state, to }, now).await?;
        let new = assets::one(&mut tx, site, old.id, proof.zone()).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Writes the ledger's fields. Whoever registers a discovered asset does it by [`Store::set_asset_state`].
    pub async fn edit_ledger(&self, proof: &Authorised<EditAssets>, id: AssetId, rev: i64, ledger: Ledger, now: Time) -> Result<Asset> {
        self.guard(proof)?;
        let ledger =
            checked(ledger).map_err(|(field, reason)| StateError::invalid(field, reason.key(), reason.part(), reason.to_string()))?;
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        let old = assets::one(&mut tx, site, id, proof.zone()).await?;
        changed_since(&mut tx, &old, rev).await?;
        let changes = old.ledger.changes(&ledger);
        if changes.is_empty() {
            return Ok(old);
        }
        zone_is_there(&mut tx, ledger.zone).await?;
        write_ledger(&mut tx, old.id, &ledger, old.state, &who, now).await?;
        apply::refresh(&mut tx, site, BTreeSet::from([old.id])).await?;
        still_in(&mut tx, old.id, proof.zone()).await?;
        audit(&mut tx, &who, Deed::AssetEdited { asset: old.id, changes }, now).await?;
        let new = assets::one(&mut tx, site, old.id, proof.zone()).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Enters an asset by hand. Refused where one of the addresses belongs to an asset already.
    pub async fn enter_asset(&self, proof: &Authorised<EditAssets>, new: NewAsset, now: Time) -> Result<AssetId> {
        self.guard(proof)?;
        let mut ledger =
            checked(new.ledger).map_err(|(field, reason)| StateError::invalid(field, reason.key(), reason.part(), reason.to_string()))?;
        if new.macs.is_empty() && new.ips.is_empty() && ledger.name.is_empty() {
            return Err(StateError::invalid("name", "field-name-or-address", "", "a name or an address is needed"));
        }
        if new.macs.len() + new.ips.len() > MOST_BY_HAND {
            return Err(StateError::invalid(
                "addresses",
                "invalid-too-many-addresses",
                MOST_BY_HAND,
                format!("at most {MOST_BY_HAND} addresses"),
            ));
        }
        if new.macs.iter().any(|m| !m.is_device()) {
            return Err(StateError::invalid("addresses", "invalid-group-address", "", "a group address belongs to no device"));
        }
        // Who may only see one zone enters into it.
        ledger.zone = ledger.zone.or(proof.zone());
        if proof.zone().is_some() && ledger.zone != proof.zone() {
            return Err(StateError::ZoneOnly { what: "entering an asset in another zone" });
        }
        let (who, site) = (self.who(proof), self.site().id);
        let mut tx = self.write().await?;
        zone_is_there(&mut tx, ledger.zone).await?;
        for word in new.macs.iter().map(|m| ("mac", m.to_string())).chain(new.ips.iter().map(|i| ("ip", i.to_string()))) {
            if let Some(found) = holders(&mut tx, word.0, &word.1).await?.first() {
                let _ = found;
                return Err(StateError::Exists { what: "asset", name: word.1 });
            }
        }
        let id = AssetId::from_parts(now, self.random()?);
        let state = new.state.unwrap_or(AssetState::Registered);
        insert(&mut tx, id, &ledger, state, &who, now).await?;
        add_by_hand(&mut tx, id, &new.macs, &new.ips, now).await?;
        apply::refresh(&mut tx, site, BTreeSet::from([id])).await?;
        let deed = Deed::AssetEntered { asset: id, state, macs: new.macs, ips: new.ips, ledger: Some(Box::new(ledger)) };
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Takes a list in, all good rows in one transaction; wrong rows are told and left out. The same list twice changes nothing.
    /// Rows find their asset by id, then hardware address, then Internet address, then name and model number.
    pub async fn import_assets(
        &self,
        proof: &Authorised<EditAssets>,
        rows: Vec<ImportRow>,
        dry_run: bool,
        now: Time,
    ) -> Result<ImportReport> {
        self.guard(proof)?;
        if rows.len() > MOST_ROWS {
            return Err(StateError::invalid(
                "rows",
                "invalid-too-many-rows",
                MOST_ROWS,
                format!("at most {MOST_ROWS} rows at once; split the list"),
            ));
        }
        let mut import = Import {
            store: self,
            who: self.who(proof),
            zone: proof.zone(),
            now,
            zones: HashMap::new(),
            done: BTreeMap::new(),
            stale: BTreeSet::new(),
            report: ImportReport { dry_run, ..ImportReport::default() },
        };
        let mut tx = self.write().await?;
        for row in tx.rows("SELECT folded, id FROM zones", v![]).await? {
            import.zones.insert(row.text(0)?, row.parsed(1)?);
        }
        for row in rows {
            let line = row.line;
            if let Err(problem) = import.row(&mut tx, row).await? {
                import.report.problems.push(RowProblem { line, column: problem.0.to_owned(), reason: problem.1 });
            }
        }
        apply::refresh(&mut tx, self.site().id, std::mem::take(&mut import.stale)).await?;
        let mut report = import.report;
        report.problems.sort_by_key(|p| p.line);
        if dry_run {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        Ok(report)
    }

    /// The ledger for a file: every asset that fits, without paging. That it left is a deed.
    pub async fn export_assets(&self, proof: &Authorised<ExportAssets>, filter: &AssetFilter, now: Time) -> Result<Vec<Asset>> {
        self.guard(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let found = assets::find_all(&mut tx, self.site().id, filter, proof.zone()).await?;
        audit(&mut tx, &who, Deed::Exported { what: String::from("assets"), rows: found.len() as u64 }, now).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// What a stocktake found, written into the ledger: disposed of (`true`), or its new place. Assets that went meanwhile, or are out of
/// the zone, are left alone.
pub(crate) async fn after_stocktake(
    tx: &mut Conn,
    site: model::SiteId,
    told: Vec<(AssetId, bool, String)>,
    who: &Who,
    zone: Option<ZoneId>,
    now: Time,
) -> Result<()> {
    let mut stale = BTreeSet::new();
    for (id, retired, place) in told {
        let old = match assets::one(tx, site, id, zone).await {
            Ok(asset) => asset,
            Err(StateError::NotFound { .. }) => continue,
            Err(e) => return Err(e),
        };
        let to = if retired { AssetState::Retired } else { old.state };
        let ledger = Ledger { place: if retired || place.is_empty() { old.ledger.place.clone() } else { place }, ..old.ledger.clone() };
        let changes = old.ledger.changes(&ledger);
        if changes.is_empty() && to == old.state {
            continue;
        }
        write_ledger(tx, old.id, &ledger, to, who, now).await?;
        if !changes.is_empty() {
            audit(tx, who, Deed::AssetEdited { asset: old.id, changes }, now).await?;
        }
        if to != old.state {
            audit(tx, who, Deed::AssetState { asset: old.id, from: old.state, to }, now).await?;
        }
        stale.insert(old.id);
    }
    apply::refresh(tx, site, stale).await
}

/// Assets that have an address, at most two, with the zone they are in.
async fn holders(tx: &mut Conn, column: &str, value: &str) -> Result<Vec<AssetId>> {
    let sql = match column {
        "mac" => "SELECT DISTINCT d.asset FROM asset_addresses d WHERE d.mac = $1 ORDER BY d.asset LIMIT 2",
        _ => "SELECT DISTINCT d.asset FROM asset_addresses d WHERE d.ip = $1 ORDER BY d.asset LIMIT 2",
    };
    tx.rows(sql, v![value]).await?.iter().map(|r| r.parsed(0)).collect()
}

struct Import<'a> {
    store: &'a Store,
    who: Who,
    zone: Option<ZoneId>,
    now: Time,
    /// By folded name.
    zones: HashMap<String, ZoneId>,
    /// Assets that a row was about, with its line.
    done: BTreeMap<AssetId, u64>,
    stale: BTreeSet<AssetId>,
    report: ImportReport,
}

type Wrong = (&'static str, RowReason);

impl Import<'_> {
    fn tell(&mut self, outcome: RowOutcome) {
        if self.report.outcomes.len() < MOST_OUTCOMES {
            self.report.outcomes.push(outcome);
        }
    }

    /// One row; what is wrong with it is no error of ours.
    async fn row(&mut self, tx: &mut Conn, row: ImportRow) -> Result<std::result::Result<(), Wrong>> {
        let said = match checked(row.ledger) {
            Ok(l) => l,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let zone = match row.zone.trim() {
            "" => None,
            name => match self.zones.get(&text::fold(name, 200)) {
                Some(id) => Some(*id),
                None => return Ok(Err(("zone", RowReason::UnknownZone(name.to_owned())))),
            },
        };
        if self.zone.is_some() && zone.is_some() && zone != self.zone {
            return Ok(Err(("zone", RowReason::OtherZone)));
        }
        if let Some(mac) = row.macs.iter().find(|m| !m.is_device()) {
            return Ok(Err(("mac", RowReason::NotAMac(mac.to_string()))));
        }
        if row.macs.len() + row.ips.len() > MOST_BY_HAND {
            return Ok(Err(("mac", RowReason::TooLong(MOST_BY_HAND))));
        }
        match self.find(tx, row.id, &row.macs, &row.ips, &said).await? {
            Err(wrong) => Ok(Err(wrong)),
            Ok(Some(id)) => self.change(tx, id, row.line, &said, zone, row.state, &row.macs, &row.ips).await,
            Ok(None) => self.enter(tx, row.line, said, zone, row.state, row.macs, row.ips).await,
        }
    }

    /// The asset that a row is about.
    async fn find(
        &self,
        tx: &mut Conn,
        id: Option<AssetId>,
        macs: &[Mac],
        ips: &[IpAddr],
        said: &Ledger,
    ) -> Result<std::result::Result<Option<AssetId>, Wrong>> {
        if let Some(id) = id {
            match assets::resolve(tx, id, None).await {
                Ok(id) => return Ok(Ok(Some(id))),
                Err(StateError::NotFound { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        for (column, words) in
            [("mac", macs.iter().map(ToString::to_string).collect::<Vec<_>>()), ("ip", ips.iter().map(ToString::to_string).collect())]
        {
            let mut found = BTreeSet::new();
            for word in &words {
                found.extend(holders(tx, column, word).await?);
            }
            match found.len() {
                0 => {}
                1 => return Ok(Ok(found.pop_first())),
                _ => return Ok(Err((if column == "mac" { "mac" } else { "ip" }, RowReason::Ambiguous))),
            }
        }
        // A row with addresses that nobody has is a new asset, also where another one bears its name.
        if macs.is_empty() && ips.is_empty() && !said.name.is_empty() {
            let rows = tx
                .rows(
                    "SELECT id FROM assets WHERE merged_into IS NULL AND name = $1 AND ($2 = '' OR model_number = $2) ORDER BY id LIMIT 2",
                    v![&said.name, &said.model_number],
                )
                .await?;
            return Ok(match rows.as_slice() {
                [] => Ok(None),
                [row] => Ok(Some(row.parsed(0)?)),
                _ => Err(("name", RowReason::Ambiguous)),
            });
        }
        if macs.is_empty() && ips.is_empty() {
            return Ok(Err(("name", RowReason::Nothing)));
        }
        Ok(Ok(None))
    }

    #[allow(clippy::too_many_arguments)]
    async fn change(
        &mut self,
        tx: &mut Conn,
        id: AssetId,
        line: u64,
        said: &Ledger,
        zone: Option<ZoneId>,
        state: Option<AssetState>,
        macs: &[Mac],
        ips: &[IpAddr],
    ) -> Result<std::result::Result<(), Wrong>> {
        if let Some(first) = self.done.get(&id) {
            return Ok(Err(("name", RowReason::Repeated(*first))));
        }
        let site = self.store.site().id;
        let old = match assets::one(tx, site, id, self.zone).await {
            Ok(asset) => asset,
            // New in this very import, its zone not yet derived, cannot be: those are in `done`.
            Err(StateError::NotFound { .. }) => return Ok(Err(("zone", RowReason::OtherZone))),
            Err(e) => return Err(e),
        };
        self.done.insert(id, line);
        let ledger = laid_over(&old.ledger, said, zone);
        // A list of what is there registers what was only discovered.
        let to = state.unwrap_or(if old.state == AssetState::Discovered { AssetState::Registered } else { old.state });
        let new_macs: Vec<Mac> = macs.iter().filter(|m| !old.addresses.iter().any(|a| a.mac == Some(**m))).copied().collect();
        let new_ips: Vec<IpAddr> = ips.iter().filter(|i| !old.addresses.iter().any(|a| a.ip == Some(**i))).copied().collect();
        let changes = old.ledger.changes(&ledger);
        if changes.is_empty() && to == old.state && new_macs.is_empty() && new_ips.is_empty() {
            self.report.unchanged += 1;
            return Ok(Ok(()));
        }
        self.tell(RowOutcome {
            line,
            label: if ledger.name.is_empty() { old.label() } else { ledger.name.clone() },
            new: false,
            changes: changes.clone(),
            addresses: new_macs.iter().map(ToString::to_string).chain(new_ips.iter().map(ToString::to_string)).collect(),
            state: (to != old.state).then_some((old.state, to)),
        });
        write_ledger(tx, id, &ledger, to, &self.who, self.now).await?;
        if !changes.is_empty() {
            audit(tx, &self.who, Deed::AssetEdited { asset: id, changes }, self.now).await?;
        }
        if !new_macs.is_empty() || !new_ips.is_empty() {
            add_by_hand(tx, id, &new_macs, &new_ips, self.now).await?;
            let deed = Deed::AssetEntered { asset: id, state: to, macs: new_macs, ips: new_ips, ledger: None };
            audit(tx, &self.who, deed, self.now).await?;
        }
        if to != old.state {
            audit(tx, &self.who, Deed::AssetState { asset: id, from: old.state, to }, self.now).await?;
        }
        self.stale.insert(id);
        self.report.changed.push(id);
        Ok(Ok(()))
    }

    #[allow(clippy::too_many_arguments)]
    async fn enter(
        &mut self,
        tx: &mut Conn,
        line: u64,
        said: Ledger,
        zone: Option<ZoneId>,
        state: Option<AssetState>,
        macs: Vec<Mac>,
        ips: Vec<IpAddr>,
    ) -> Result<std::result::Result<(), Wrong>> {
        let ledger = Ledger { zone: zone.or(self.zone), ..said };
        let state = state.unwrap_or(AssetState::Registered);
        let addresses: Vec<String> = macs.iter().map(ToString::to_string).chain(ips.iter().map(ToString::to_string)).collect();
        self.tell(RowOutcome {
            line,
            label: if ledger.name.is_empty() { addresses.first().cloned().unwrap_or_default() } else { ledger.name.clone() },
            new: true,
            changes: Ledger::default().changes(&ledger),
            addresses,
            state: None,
        });
        let id = AssetId::from_parts(self.now, self.store.random()?);
        insert(tx, id, &ledger, state, &self.who, self.now).await?;
        add_by_hand(tx, id, &macs, &ips, self.now).await?;
        let deed = Deed::AssetEntered { asset: id, state, macs, ips, ledger: Some(Box::new(ledger)) };
        audit(tx, &self.who, deed, self.now).await?;
        self.done.insert(id, line);
        self.stale.insert(id);
        self.report.entered.push(id);
        Ok(Ok(()))
    }
}
