//! Reading assets.

use crate::db::{Conn, Row, V, marks, v};
use crate::error::{Result, StateError};
use crate::store::Store;
use crate::text;
use crate::zones::Rule;
use model::access::ViewAssets;
use model::asset::{Address, Guess, Importance, Internet, InternetNeed, Kind, Ledger, Name, Party, Property, Service, weigh};
use model::{Asset, AssetId, AssetState, Authorised, EventId, Mac, Protocol, Segment, SiteId, SourceId, Span, Time, ZoneId};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::net::IpAddr;

/// Which stretch of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: u32,
    /// Rows on a page, 1–[`Paging::MOST`].
    pub per_page: u32,
}
impl Paging {
    /// The most rows on a page.
    pub const MOST: u32 = 500;

    /// LIMIT and OFFSET; what is out of bounds is brought within.
    pub(crate) fn bounds(self) -> (u32, i64) {
        let limit = self.per_page.clamp(1, Paging::MOST);
        (limit, i64::from(self.page.max(1) - 1) * i64::from(limit))
    }
    pub(crate) fn page_of<T>(self, items: Vec<T>, total: i64) -> Page<T> {
        Page { items, total: u64::try_from(total).unwrap_or(0), page: self.page.max(1), per_page: self.bounds().0 }
    }
}
impl Default for Paging {
    fn default() -> Self {
        Paging { page: 1, per_page: 50 }
    }
}

/// A stretch of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows there are on all pages.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: u32,
    /// Rows on a page.
    pub per_page: u32,
}
impl<T> Page<T> {
    /// How many pages there are; at least one.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.per_page.max(1))).max(1)
    }
}

/// By what a list of assets is sorted. Equal ones follow by id, so that pages never overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AssetSort {
    /// What it is called.
    #[default]
    Label,
    /// Its newest Internet address, by number.
    Address,
    /// Sort of thing.
    Kind,
    /// Maker.
    Maker,
    /// Place in its life.
    State,
    /// Zone, by name.
    Zone,
    /// How much hangs on it, most first.
    Importance,
    /// First seen.
    FirstSeen,
    /// Last seen.
    LastSeen,
}

/// Lists that ask something of people. What was not watched cannot be told: whoever shows one says how much of the time was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetList {
    /// Seen on the network, and nobody has registered it.
    Unregistered,
    /// Registered, and not seen since then. Things that have no address by their nature are left out.
    Missing(Time),
    /// There since before and seen after that time, and since then it only announced itself.
    Idle(Time),
}

impl AssetList {
    /// Names, as in addresses and on the command line.
    pub const NAMES: [&'static str; 3] = ["unregistered", "missing", "idle"];
    /// Days that are looked back where nobody says how many.
    pub const DAYS: i64 = 14;

    /// The list of that name, looking back so many days.
    pub fn named(name: &str, days: i64, now: Time) -> Option<AssetList> {
        let since = now - Span::days(days.clamp(1, 3_650));
        match name {
            "unregistered" => Some(AssetList::Unregistered),
            "missing" => Some(AssetList::Missing(since)),
            "idle" => Some(AssetList::Idle(since)),
            _ => None,
        }
    }
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            AssetList::Unregistered => "unregistered",
            AssetList::Missing(_) => "missing",
            AssetList::Idle(_) => "idle",
        }
    }
    /// Since when it looks.
    pub fn since(self) -> Option<Time> {
        match self {
            AssetList::Unregistered => None,
            AssetList::Missing(t) | AssetList::Idle(t) => Some(t),
        }
    }
}

/// Which assets. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetFilter {
    /// Every word must occur in names, addresses, maker, model, place, owner, purpose or notes. Width and case do not matter.
    pub text: String,
    /// One of these; empty: any.
    pub states: Vec<AssetState>,
    /// One of these (a person's word first, then the guess); empty: any.
    pub kinds: Vec<Kind>,
    /// In this zone.
    pub zone: Option<ZoneId>,
    /// Seen at or after.
    pub seen_since: Option<Time>,
    /// Not seen since.
    pub not_seen_since: Option<Time>,
    /// Only those on this list.
    pub list: Option<AssetList>,
    /// Order.
    pub sort: AssetSort,
    /// Turned round.
    pub descending: bool,
    /// Which stretch.
    pub paging: Paging,
}

/// Traffic of an asset (or the site) in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetHour {
    /// Hours since 1970-01-01T00:00Z.
    pub hour: i64,
    /// Frames that it sent.
    pub packets_out: u64,
    /// Frames that it received.
    pub packets_in: u64,
    /// Bytes that it sent.
    pub bytes_out: u64,
    /// Bytes that it received.
    pub bytes_in: u64,
}

/// A link of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetPeer {
    /// The other end.
    pub other: Party,
    /// What to call it.
    pub label: String,
    /// The asset spoke first.
    pub outgoing: bool,
    /// The protocol, where recognised.
    pub protocol: Option<Protocol>,
    /// Port of the server; 0 where there is none.
    pub port: u16,
    /// Conversations.
    pub flows: u64,
    /// Bytes both ways.
    pub bytes: u64,
    /// First frame.
    pub first: Time,
    /// Last frame.
    pub last: Time,
}

/// The most hours that one answer holds: two years and a bit.
pub const MOST_HOURS: i64 = 24 * 800;
/// The most links that one answer holds.
pub const MOST_PEERS: u32 = 1_000;
/// Characters of what a search looks through.
const LONGEST_SEARCH: usize = 6_000;
/// The most labels that one answer holds.
pub const MOST_LABELS: usize = 5_000;

const COLUMNS: &str = "SELECT a.id, a.rev, a.state, a.name, a.kind, a.maker, a.model_number, a.serial, a.software_version, a.support_end, \
    a.owner, a.administrator, a.place, a.purpose, a.zone, a.importance, a.notes, a.first_seen, a.last_seen, a.because_epoch, \
    a.because_seq, a.internet, a.internet_destinations, a.internet_reason, a.internet_protection, a.internet_approved_by, \
    a.internet_until, a.last_active FROM assets a";

fn asset(row: &Row, site: SiteId) -> Result<Asset> {
    let kind = row.text(4)?;
    let importance = row.text(15)?;
    Ok(Asset {
        id: row.parsed(0)?,
        rev: row.int(1)?,
        state: row.named(2, AssetState::from_name)?,
        ledger: Ledger {
            name: row.text(3)?,
            kind: Kind::from_name(&kind),
            maker: row.text(5)?,
            model_number: row.text(6)?,
            serial: row.text(7)?,
            software_version: row.text(8)?,
            support_end: row.text(9)?,
            owner: row.text(10)?,
            administrator: row.text(11)?,
            place: row.text(12)?,
            purpose: row.text(13)?,
            zone: row.opt_parsed(14)?,
            importance: Importance::from_name(&importance),
            notes: row.text(16)?,
            internet: Internet {
                need: InternetNeed::from_name(&row.text(21)?),
                destinations: row.text(22)?,
                reason: row.text(23)?,
                protection: row.text(24)?,
                approved_by: row.text(25)?,
                until: row.text(26)?,
            },
        },
        guesses: Vec::new(),
        addresses: Vec::new(),
        names: Vec::new(),
        services: Vec::new(),
        first_seen: row.opt_time(17)?,
        last_seen: row.opt_time(18)?,
        last_active: row.opt_time(27)?,
        because: if row.opt_int(20)?.is_some() { Some(event(row, 19, site)?) } else { None },
    })
}

fn event(row: &Row, i: usize, site: SiteId) -> Result<EventId> {
    let epoch = u32::try_from(row.int(i)?).map_err(|_| row.damaged("an epoch is out of range"))?;
    Ok(EventId { site, epoch, seq: row.count(i + 1)? })
}

fn port(row: &Row, i: usize) -> Result<u16> {
    u16::try_from(row.int(i)?).map_err(|_| row.damaged("a port is out of range"))
}

/// Fills in addresses, names, services and guesses.
async fn with_parts(conn: &mut Conn, site: SiteId, assets: &mut [Asset]) -> Result<()> {
    let place: HashMap<AssetId, usize> = assets.iter().enumerate().map(|(i, a)| (a.id, i)).collect();
    let ids: Vec<AssetId> = assets.iter().map(|a| a.id).collect();
    for chunk in ids.chunks(500) {
        let list = marks(1, chunk.len());
        let values: Vec<V> = chunk.iter().map(|id| (*id).into()).collect();
        let mut with = |row: &Row, put: &mut dyn FnMut(&mut Asset) -> Result<()>| -> Result<()> {
            match place.get(&row.parsed(0)?).and_then(|i| assets.get_mut(*i)) {
                Some(a) => put(a),
                None => Ok(()),
            }
        };
        let sql = format!(
            "SELECT asset, sensor, vlan, mac, ip, first_at, last_at FROM asset_addresses WHERE asset IN ({list}) \
             ORDER BY asset, last_at DESC, mac, ip"
        );
        for row in conn.rows_built(sql, values.clone()).await? {
            with(&row, &mut |a| {
                a.addresses.push(address(&row, 1)?);
                Ok(())
            })?;
        }
        let sql = format!(
            "SELECT asset, name, protocol, because_epoch, because_seq, last_at FROM asset_names WHERE asset IN ({list}) \
             ORDER BY asset, last_at DESC, name, protocol"
        );
        for row in conn.rows_built(sql, values.clone()).await? {
            with(&row, &mut |a| {
                a.names.push(Name {
                    name: row.text(1)?,
                    protocol: row.named(2, Protocol::from_name)?,
                    because: event(&row, 3, site)?,
                    last: row.time(5)?,
                });
                Ok(())
            })?;
        }
        let sql = format!(
            "SELECT asset, port, udp, protocol, product, first_at, last_at FROM asset_services WHERE asset IN ({list}) ORDER BY asset, port, udp"
        );
        for row in conn.rows_built(sql, values.clone()).await? {
            with(&row, &mut |a| {
                a.services.push(Service {
                    port: port(&row, 1)?,
                    udp: row.flag(2)?,
                    protocol: Protocol::from_name(&row.text(3)?),
                    product: row.text(4)?,
                    first: row.time(5)?,
                    last: row.time(6)?,
                });
                Ok(())
            })?;
        }
        let sql = format!(
            "SELECT asset, property, value, confidence, reason, protocol, because_epoch, because_seq FROM asset_guesses \
             WHERE asset IN ({list}) ORDER BY asset, property, confidence DESC"
        );
        for row in conn.rows_built(sql, values).await? {
            with(&row, &mut |a| {
                a.guesses.push(Guess {
                    property: row.named(1, Property::from_name)?,
                    value: row.text(2)?,
                    confidence: u8::try_from(row.int(3)?).map_err(|_| row.damaged("a confidence is out of range"))?,
                    reason: row.text(4)?,
                    protocol: Protocol::from_name(&row.text(5)?),
                    because: event(&row, 6, site)?,
                    also: Vec::new(),
                });
                Ok(())
            })?;
        }
    }
    for a in assets {
        a.guesses = weigh(std::mem::take(&mut a.guesses));
    }
    Ok(())
}

fn address(row: &Row, i: usize) -> Result<Address> {
    let sensor = u16::try_from(row.int(i)?).map_err(|_| row.damaged("a sensor's number is out of range"))?;
    let (mac, ip) = (row.text(i + 2)?, row.text(i + 3)?);
    Ok(Address {
        segment: Segment { sensor: SourceId(sensor), vlan: port(row, i + 1)? },
        mac: if mac.is_empty() { None } else { Some(row.parsed(i + 2)?) },
        ip: if ip.is_empty() { None } else { Some(row.parsed(i + 3)?) },
        first: row.time(i + 4)?,
        last: row.time(i + 5)?,
    })
}

/// These assets, in no order; merged ones are not there.
pub(crate) async fn load(conn: &mut Conn, site: SiteId, ids: &[AssetId]) -> Result<Vec<Asset>> {
    let mut out = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let sql = format!("{COLUMNS} WHERE a.merged_into IS NULL AND a.id IN ({})", marks(1, chunk.len()));
        for row in conn.rows_built(sql, chunk.iter().map(|id| (*id).into()).collect()).await? {
            out.push(asset(&row, site)?);
        }
    }
    with_parts(conn, site, &mut out).await?;
    Ok(out)
}

/// Every asset that was not merged, by id.
pub(crate) async fn load_all(conn: &mut Conn, site: SiteId) -> Result<Vec<Asset>> {
    let rows = conn.rows_built(format!("{COLUMNS} WHERE a.merged_into IS NULL ORDER BY a.id"), v![]).await?;
    let mut out = rows.iter().map(|r| asset(r, site)).collect::<Result<Vec<_>>>()?;
    with_parts(conn, site, &mut out).await?;
    Ok(out)
}

/// What lists sort, filter and search by.
pub(crate) struct Derived {
    pub label: String,
    pub label_key: String,
    pub kind: &'static str,
    pub maker: String,
    pub zone: Option<ZoneId>,
    pub address_key: String,
    pub importance_key: i64,
    pub search: String,
}

/// Derives it anew.
pub(crate) fn derive(a: &Asset, rules: &[Rule]) -> Derived {
    let label = a.label();
    let maker = if a.ledger.maker.is_empty() { a.guess(Property::Maker).map_or("", |g| &g.value) } else { &a.ledger.maker };
    let newest_v4 = a.addresses.iter().filter_map(|x| x.ip).find(IpAddr::is_ipv4);
    let address_key = match newest_v4.or_else(|| a.addresses.iter().find_map(|x| x.ip)) {
        Some(IpAddr::V4(v4)) => format!("4{:08x}", u32::from(v4)),
        Some(IpAddr::V6(v6)) => format!("6{:032x}", u128::from(v6)),
        // Those without come last.
        None => String::from("9"),
    };
    let importance_key = a.ledger.importance.and_then(|i| Importance::ALL.iter().position(|x| *x == i)).map_or(3, |n| n as i64);
    let l = &a.ledger;
    let mut all = String::new();
    for word in
        [&label, &l.name, &l.maker, &l.model_number, &l.serial, &l.software_version, &l.owner, &l.administrator, &l.place, &l.purpose]
    {
        all.push_str(word);
        all.push(' ');
    }
    for x in &a.addresses {
        for word in [x.mac.map(|m| m.to_string()), x.ip.map(|i| i.to_string())].into_iter().flatten() {
            // Many addresses share a MAC; once is enough to be found.
            if !all.contains(&word) {
                all.push_str(&word);
                all.push(' ');
            }
        }
    }
    for word in a.names.iter().map(|n| &n.name).chain(a.guesses.iter().map(|g| &g.value)) {
        all.push_str(word);
        all.push(' ');
    }
    all.push_str(&l.notes);
    Derived {
        label_key: text::fold(&label, 200),
        label,
        kind: a.kind().map_or("", Kind::name),
        maker: text::fold(maker, 200),
        zone: l.zone.or_else(|| crate::zones::zone_of(a, rules)),
        address_key,
        importance_key,
        search: text::fold(&all, LONGEST_SEARCH),
    }
}

/// A side of a link in the database.
pub(crate) fn party_key(party: Party) -> String {
    match party {
        Party::Asset(id) => id.to_string(),
        Party::Address(ip) => format!("ip {ip}"),
    }
}

fn party_of(row: &Row, i: usize) -> Result<Party> {
    match row.text(i)?.strip_prefix("ip ") {
        Some(ip) => ip.parse().map(Party::Address).map_err(|_| row.damaged("an address cannot be read")),
        None => row.parsed(i).map(Party::Asset),
    }
}

/// Conditions on `a`, with their values.
struct Where {
    sql: String,
    values: Vec<V>,
}

fn conditions(filter: &AssetFilter, zone: Option<ZoneId>) -> Where {
    let mut w = Where { sql: String::from(" WHERE a.merged_into IS NULL"), values: Vec::new() };
    let mut and = |condition: &str, new: Vec<V>| {
        let list = marks(w.values.len() + 1, new.len());
        w.values.extend(new);
        w.sql.push_str(" AND ");
        w.sql.push_str(&condition.replace("{}", &list));
    };
    for z in zone.into_iter().chain(filter.zone) {
        and("a.zone_now = {}", v![z]);
    }
    if !filter.states.is_empty() {
        and("a.state IN ({})", filter.states.iter().map(|s| s.name().into()).collect());
    }
    if !filter.kinds.is_empty() {
        and("a.kind_now IN ({})", filter.kinds.iter().map(|k| k.name().into()).collect());
    }
    if let Some(t) = filter.seen_since {
        and("a.last_seen >= {}", v![t]);
    }
    if let Some(t) = filter.not_seen_since {
        and("(a.last_seen IS NULL OR a.last_seen < {})", v![t]);
    }
    match filter.list {
        None => {}
        Some(AssetList::Unregistered) => and("a.state = {} AND a.last_seen IS NOT NULL", v![AssetState::Discovered.name()]),
        Some(AssetList::Missing(since)) => {
            and("a.state = {}", v![AssetState::Registered.name()]);
            and("(a.last_seen IS NULL OR a.last_seen < {})", v![since]);
            let off: Vec<V> = Kind::ALL.iter().filter(|k| k.is_off_network()).map(|k| k.name().into()).collect();
            and("a.kind_now NOT IN ({})", off);
        }
        Some(AssetList::Idle(since)) => {
            and("a.first_seen < {}", v![since]);
            and("a.last_seen >= {}", v![since]);
            and("(a.last_active IS NULL OR a.last_active < {})", v![since]);
            and("a.state NOT IN ({})", vec![AssetState::Retired.name().into()]);
        }
    }
    for word in text::words(&filter.text) {
        // However somebody writes a hardware address, it is found.
        let word = word.parse::<Mac>().map_or(word, |m| m.to_string());
        and("a.search LIKE {} ESCAPE '!'", v![text::like(&word)]);
    }
    w
}

fn order(filter: &AssetFilter) -> String {
    let (columns, turned): (&[&str], bool) = match filter.sort {
        AssetSort::Label => (&["a.label_key"], false),
        AssetSort::Address => (&["a.address_key", "a.label_key"], false),
        AssetSort::Kind => (&["a.kind_now", "a.label_key"], false),
        AssetSort::Maker => (&["a.maker_now", "a.label_key"], false),
        AssetSort::State => (&["a.state", "a.label_key"], false),
        AssetSort::Zone => (&["COALESCE((SELECT z.folded FROM zones z WHERE z.id = a.zone_now), '~')", "a.label_key"], false),
        AssetSort::Importance => (&["a.importance_key", "a.label_key"], false),
        AssetSort::FirstSeen => (&["COALESCE(a.first_seen, 0)"], true),
        AssetSort::LastSeen => (&["COALESCE(a.last_seen, 0)"], true),
    };
    let down = if filter.descending == turned { "" } else { " DESC" };
    let mut out: Vec<String> = columns.iter().map(|c| format!("{c}{down}")).collect();
    out.push(format!("a.id{down}"));
    out.join(", ")
}

/// Every asset that fits, in order, without paging.
pub(crate) async fn find_all(conn: &mut Conn, site: SiteId, filter: &AssetFilter, zone: Option<ZoneId>) -> Result<Vec<Asset>> {
    let w = conditions(filter, zone);
    let rows = conn.rows_built(format!("{COLUMNS}{} ORDER BY {}", w.sql, order(filter)), w.values).await?;
    let mut out = rows.iter().map(|r| asset(r, site)).collect::<Result<Vec<_>>>()?;
    with_parts(conn, site, &mut out).await?;
    Ok(out)
}

/// The id behind an id: tombstones lead on. Not found where it is out of the zone.
pub(crate) async fn resolve(conn: &mut Conn, id: AssetId, zone: Option<ZoneId>) -> Result<AssetId> {
    let missing = || StateError::NotFound { what: "asset", id: id.to_string() };
    let row = conn
        .row("SELECT b.id, b.zone_now FROM assets a JOIN assets b ON b.id = COALESCE(a.merged_into, a.id) WHERE a.id = $1", v![id])
        .await?
        .ok_or_else(missing)?;
    let here: Option<ZoneId> = row.opt_parsed(1)?;
    if zone.is_some() && zone != here {
        return Err(missing());
    }
    row.parsed(0)
}

/// One asset, whole.
pub(crate) async fn one(conn: &mut Conn, site: SiteId, id: AssetId, zone: Option<ZoneId>) -> Result<Asset> {
    let id = resolve(conn, id, zone).await?;
    let found = load(conn, site, &[id]).await?;
    found.into_iter().next().ok_or_else(|| StateError::NotFound { what: "asset", id: id.to_string() })
}

impl Store {
    /// A page of assets.
    pub async fn assets(&self, proof: &Authorised<ViewAssets>, filter: &AssetFilter) -> Result<Page<Asset>> {
        self.guard(proof)?;
        let site = self.site().id;
        let mut conn = self.read().await?;
        let w = conditions(filter, proof.zone());
        let total = conn.number_built(format!("SELECT COUNT(*) FROM assets a{}", w.sql), w.values.clone()).await?;
        let (limit, offset) = filter.paging.bounds();
        let mut values = w.values;
        values.extend(v![limit, offset]);
        let n = values.len();
        let sql = format!("{COLUMNS}{} ORDER BY {} LIMIT ${} OFFSET ${n}", w.sql, order(filter), n - 1);
        let rows = conn.rows_built(sql, values).await?;
        let mut found = rows.iter().map(|r| asset(r, site)).collect::<Result<Vec<_>>>()?;
        with_parts(&mut conn, site, &mut found).await?;
        Ok(filter.paging.page_of(found, total))
    }

    /// One asset. The id of a merged asset leads to the one that stayed.
    pub async fn asset(&self, proof: &Authorised<ViewAssets>, id: AssetId) -> Result<Asset> {
        self.guard(proof)?;
        one(&mut self.read().await?, self.site().id, id, proof.zone()).await
    }

    /// What to call these assets; ids that are unknown, or out of sight, are left out. Merged ids are answered under the id asked.
    /// At most [`MOST_LABELS`] ids are looked up.
    pub async fn asset_labels(&self, proof: &Authorised<ViewAssets>, ids: &[AssetId]) -> Result<BTreeMap<AssetId, String>> {
        self.guard(proof)?;
        labels(&mut self.read().await?, ids, proof.zone()).await
    }

    /// The zone that each of these assets is in, by ledger or range; ids that are in none, or out of sight, are left out.
    pub async fn asset_zones(&self, proof: &Authorised<ViewAssets>, ids: &[AssetId]) -> Result<BTreeMap<AssetId, ZoneId>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let mut out = BTreeMap::new();
        for chunk in ids.iter().take(MOST_LABELS).collect::<Vec<_>>().chunks(500) {
            let sql = format!(
                "SELECT a.id, b.zone_now FROM assets a JOIN assets b ON b.id = COALESCE(a.merged_into, a.id) WHERE a.id IN ({})",
                marks(1, chunk.len())
            );
            for row in conn.rows_built(sql, chunk.iter().map(|id| (**id).into()).collect()).await? {
                if let Some(zone) = row.opt_parsed::<ZoneId>(1)?
                    && proof.zone().is_none_or(|z| z == zone)
                {
                    out.insert(row.parsed(0)?, zone);
                }
            }
        }
        Ok(out)
    }

    /// Traffic of one asset, `from` ≤ hour < `to`, in order; hours without traffic are left out. At most [`MOST_HOURS`].
    pub async fn asset_hours(&self, proof: &Authorised<ViewAssets>, id: AssetId, from: i64, to: i64) -> Result<Vec<AssetHour>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let id = resolve(&mut conn, id, proof.zone()).await?;
        let rows = conn
            .rows(
                "SELECT hour, packets_out, packets_in, bytes_out, bytes_in FROM asset_hours \
                 WHERE asset = $1 AND hour >= $2 AND hour < $3 ORDER BY hour LIMIT $4",
                v![id, from, to, MOST_HOURS],
            )
            .await?;
        rows.iter().map(hour).collect()
    }

    /// Links of one asset, most bytes first; at most [`MOST_PEERS`].
    pub async fn asset_peers(&self, proof: &Authorised<ViewAssets>, id: AssetId, limit: u32) -> Result<Vec<AssetPeer>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let id = resolve(&mut conn, id, proof.zone()).await?;
        let rows = conn
            .rows(
                "SELECT client, server, protocol, port, flows, bytes, first_at, last_at FROM peers WHERE client = $1 OR server = $1 \
                 ORDER BY bytes DESC, last_at DESC, client, server, port LIMIT $2",
                v![id, limit.clamp(1, MOST_PEERS)],
            )
            .await?;
        let mut out = Vec::with_capacity(rows.len());
        let mut ids = Vec::new();
        for row in &rows {
            let outgoing = party_of(row, 0)? == Party::Asset(id);
            let other = party_of(row, usize::from(outgoing))?;
            if let Party::Asset(other) = other {
                ids.push(other);
            }
            out.push(AssetPeer {
                other,
                label: String::new(),
                outgoing,
                protocol: Protocol::from_name(&row.text(2)?),
                port: port(row, 3)?,
                flows: row.count(4)?,
                bytes: row.count(5)?,
                first: row.time(6)?,
                last: row.time(7)?,
            });
        }
        // The name of the other end is part of what this asset talks to, also where it lies in another zone.
        let names = labels(&mut conn, &ids, None).await?;
        for peer in &mut out {
            peer.label = match peer.other {
                Party::Asset(id) => names.get(&id).cloned().unwrap_or_else(|| id.to_string()),
                Party::Address(ip) => ip.to_string(),
            };
        }
        Ok(out)
    }

    /// The asset that has this address now (the newest that was seen there). What is absent does not matter; without any address
    /// there is no answer.
    pub async fn asset_at(
        &self,
        proof: &Authorised<ViewAssets>,
        segment: Option<Segment>,
        mac: Option<Mac>,
        ip: Option<IpAddr>,
    ) -> Result<Option<AssetId>> {
        self.guard(proof)?;
        let mut sql = String::from("SELECT d.asset FROM asset_addresses d JOIN assets a ON a.id = d.asset WHERE a.merged_into IS NULL");
        let mut values = Vec::new();
        let mut and = |column: &str, value: V| {
            values.push(value);
            let _ = write!(sql, " AND {column} = ${}", values.len());
        };
        if mac.is_none() && ip.is_none() {
            return Ok(None);
        }
        if let Some(mac) = mac {
            and("d.mac", mac.to_string().into());
        }
        if let Some(ip) = ip {
            and("d.ip", ip.to_string().into());
        }
        if let Some(segment) = segment {
            and("d.sensor", segment.sensor.0.into());
            and("d.vlan", segment.vlan.into());
        }
        if let Some(zone) = proof.zone() {
            and("a.zone_now", zone.into());
        }
        sql.push_str(" ORDER BY d.by_hand, d.last_at DESC, d.asset LIMIT 1");
        let rows = self.read().await?.rows_built(sql, values).await?;
        rows.first().map(|r| r.parsed(0)).transpose()
    }
}

pub(crate) fn hour(row: &Row) -> Result<AssetHour> {
    Ok(AssetHour {
        hour: row.int(0)?,
        packets_out: row.count(1)?,
        packets_in: row.count(2)?,
        bytes_out: row.count(3)?,
        bytes_in: row.count(4)?,
    })
}

pub(crate) async fn labels(conn: &mut Conn, ids: &[AssetId], zone: Option<ZoneId>) -> Result<BTreeMap<AssetId, String>> {
    let mut out = BTreeMap::new();
    for chunk in ids.iter().take(MOST_LABELS).collect::<Vec<_>>().chunks(500) {
        let sql = format!(
            "SELECT a.id, b.label, b.zone_now FROM assets a JOIN assets b ON b.id = COALESCE(a.merged_into, a.id) WHERE a.id IN ({})",
            marks(1, chunk.len())
        );
        for row in conn.rows_built(sql, chunk.iter().map(|id| (**id).into()).collect()).await? {
            let here: Option<ZoneId> = row.opt_parsed(2)?;
            if zone.is_none() || zone == here {
                out.insert(row.parsed(0)?, row.text(1)?);
            }
        }
    }
    Ok(out)
}
