//! Zones: the parts of a site, with the addresses that belong to them.

use crate::apply;
use crate::db::{Conn, Row, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::Store;
use crate::text;
use model::access::{EditSettings, ViewAssets, ViewSettings};
use model::event::Deed;
use model::{Asset, AssetId, Authorised, SourceId, Time, ZoneId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The layer of a zone (the layers of the documents: device, factory LAN, control network, server, WAN, cloud).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// 機器
    Device,
    /// LAN
    Lan,
    /// 制御ネットワーク
    Control,
    /// サーバー
    Server,
    /// WAN
    Wan,
    /// クラウド
    Cloud,
}
impl Layer {
    /// Every layer.
    pub const ALL: [Layer; 6] = [Layer::Device, Layer::Lan, Layer::Control, Layer::Server, Layer::Wan, Layer::Cloud];
    /// The name in JSON, the database and locale keys.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Device => "device",
            Layer::Lan => "lan",
            Layer::Control => "control",
            Layer::Server => "server",
            Layer::Wan => "wan",
            Layer::Cloud => "cloud",
        }
    }
    /// The layer of that name.
    pub fn from_name(name: &str) -> Option<Layer> {
        Layer::ALL.into_iter().find(|l| l.name() == name)
    }
}

/// A range of addresses: `192.168.10.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    address: IpAddr,
    bits: u8,
}
impl Range {
    /// Whether an address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                masked(u128::from(u32::from(a)), 32, self.bits) == masked(u128::from(u32::from(b)), 32, self.bits)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => masked(u128::from(a), 128, self.bits) == masked(u128::from(b), 128, self.bits),
            _ => false,
        }
    }
    /// Length of the prefix: the longer, the narrower.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}
impl FromStr for Range {
    type Err = &'static str;
    /// Reads `192.168.10.0/24`, `fd00::/8`, or a single address.
    fn from_str(s: &str) -> std::result::Result<Self, Self::Err> {
        let wrong = "a range of addresses looks like 192.168.10.0/24 or fd00::/8";
        let (address, bits) = match s.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (s.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // `+24` and `024` are not how a prefix is written.
            Some(b) if b.len() <= 3 && b.bytes().all(|c| c.is_ascii_digit()) => {
                b.parse::<u8>().ok().filter(|b| *b <= width).ok_or(wrong)?
            }
            Some(_) => return Err(wrong),
            None => width,
        };
        let address = match address {
            IpAddr::V4(a) => IpAddr::V4(std::net::Ipv4Addr::from(masked(u128::from(u32::from(a)), 32, bits) as u32)),
            IpAddr::V6(a) => IpAddr::V6(std::net::Ipv6Addr::from(masked(u128::from(a), 128, bits))),
        };
        Ok(Range { address, bits })
    }
}

/// What a zone is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFields {
    /// Its name, unlike any other.
    pub name: String,
    /// Its layer.
    pub layer: Layer,
    /// Address ranges; the narrowest range that holds an asset's newest address decides.
    pub ranges: Vec<Range>,
    /// VLANs (1–4094), for assets that no range decides.
    pub vlans: Vec<u16>,
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// For changes.
    pub rev: i64,
    /// What it is.
    pub fields: ZoneFields,
    /// How many assets are in it, by ledger or range.
    pub assets: u64,
}

fn masked(value: u128, width: u8, bits: u8) -> u128 {
    let drop = u32::from(width.saturating_sub(bits));
    if drop >= 128 { 0 } else { value >> drop << drop }
}

/// The most zones, and ranges or VLANs of one zone.
const MOST: usize = 200;
/// The most characters of a name.
const LONGEST: usize = 80;

/// What decides the zone of an asset that the ledger puts nowhere.
pub(crate) struct Rule {
    zone: ZoneId,
    ranges: Vec<Range>,
    vlans: Vec<u16>,
}

pub(crate) async fn rules(conn: &mut Conn) -> Result<Vec<Rule>> {
    let rows = conn.rows("SELECT id, ranges, vlans FROM zones ORDER BY id", v![]).await?;
    rows.iter().map(|r| Ok(Rule { zone: r.parsed(0)?, ranges: list(r, 1)?, vlans: list(r, 2)? })).collect()
}

fn list<T: FromStr>(row: &Row, i: usize) -> Result<Vec<T>> {
    row.text(i)?.split_whitespace().map(|w| w.parse().map_err(|_| row.damaged("a range cannot be read"))).collect()
}

/// The narrowest range that holds the newest address that any range holds; else the VLAN of the newest sight.
pub(crate) fn zone_of(asset: &Asset, rules: &[Rule]) -> Option<ZoneId> {
    for ip in asset.addresses.iter().filter_map(|a| a.ip) {
        let narrowest = rules
            .iter()
            .flat_map(|rule| rule.ranges.iter().filter(|r| r.contains(ip)).map(|r| (r.bits, rule.zone)))
            .max_by_key(|(bits, _)| *bits);
        if let Some((_, zone)) = narrowest {
            return Some(zone);
        }
    }
    let seen = asset.addresses.iter().find(|a| a.segment.sensor != SourceId(0))?;
    rules.iter().find(|r| seen.segment.vlan != 0 && r.vlans.contains(&seen.segment.vlan)).map(|r| r.zone)
}

fn joined<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl ZoneFields {
    /// As it is kept, if it fits.
    fn checked(mut self) -> Result<ZoneFields> {
        self.name = self.name.trim().to_owned();
        let wrong = |field, why: &str| Err(StateError::Invalid { field, why: why.to_owned() });
        if self.name.is_empty() || self.name.chars().count() > LONGEST || self.name.chars().any(char::is_control) {
            return wrong("name", "must be one line of 1 to 80 characters");
        }
        if self.ranges.len() > MOST || self.vlans.len() > MOST {
            return wrong("ranges", "at most 200 ranges and 200 VLANs make a zone");
        }
        if self.vlans.iter().any(|v| !(1..=4094).contains(v)) {
            return wrong("vlans", "VLANs are numbers from 1 to 4094");
        }
        self.ranges.sort_unstable();
        self.ranges.dedup();
        self.vlans.sort_unstable();
        self.vlans.dedup();
        Ok(self)
    }
    fn words(&self) -> String {
        format!("{} ({}) {} {}", self.name, self.layer.name(), joined(&self.ranges), joined(&self.vlans)).trim_end().to_owned()
    }
}

async fn read(conn: &mut Conn, only: Option<ZoneId>) -> Result<Vec<Zone>> {
    let sql = "SELECT z.id, z.rev, z.name, z.layer, z.ranges, z.vlans, \
               (SELECT COUNT(*) FROM assets a WHERE a.zone_now = z.id AND a.merged_into IS NULL) FROM zones z";
    let rows = match only {
        Some(id) => conn.rows_built(format!("{sql} WHERE z.id = $1"), v![id]).await?,
        None => conn.rows_built(format!("{sql} ORDER BY z.folded"), v![]).await?,
    };
    let mut out = rows
        .iter()
        .map(|r| {
            Ok(Zone {
                id: r.parsed(0)?,
                rev: r.int(1)?,
                fields: ZoneFields { name: r.text(2)?, layer: r.named(3, Layer::from_name)?, ranges: list(r, 4)?, vlans: list(r, 5)? },
                assets: r.count(6)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    out.sort_by_key(|z| z.fields.layer);
    Ok(out)
}

/// The zone as it stands, if `rev` is still its revision.
async fn current(tx: &mut Conn, id: ZoneId, rev: i64) -> Result<Zone> {
    let Some(zone) = read(tx, Some(id)).await?.into_iter().next() else {
        return Err(StateError::NotFound { what: "zone", id: id.to_string() });
    };
    if zone.rev != rev
        && let Some(row) = tx.row("SELECT changed_by, changed_at FROM zones WHERE id = $1", v![id]).await?
    {
        return Err(StateError::Changed { by: row.text(0)?, at: row.time(1)?, rev: zone.rev });
    }
    Ok(zone)
}

/// Every asset finds its zone anew.
async fn sort_in(tx: &mut Conn, store: &Store) -> Result<()> {
    let rows = tx.rows("SELECT id FROM assets WHERE merged_into IS NULL", v![]).await?;
    let ids = rows.iter().map(|r| r.parsed::<AssetId>(0)).collect::<Result<_>>()?;
    apply::refresh(tx, store.site().id, ids).await
}

async fn free_name(tx: &mut Conn, name: &str, but: Option<ZoneId>) -> Result<String> {
    let folded = text::fold(name, LONGEST);
    let taken = tx.row("SELECT id FROM zones WHERE folded = $1", v![&folded]).await?;
    match taken {
        Some(row) if Some(row.parsed::<ZoneId>(0)?) != but => Err(StateError::Exists { what: "zone", name: name.to_owned() }),
        _ => Ok(folded),
    }
}

impl Store {
    /// The zones that the asker may see, by layer and name.
    pub async fn zones(&self, proof: &Authorised<ViewSettings>) -> Result<Vec<Zone>> {
        self.guard(proof)?;
        read(&mut self.read().await?, proof.zone()).await
    }

    /// The zones that the asker may see, for filters and names beside assets.
    pub async fn zones_of_assets(&self, proof: &Authorised<ViewAssets>) -> Result<Vec<Zone>> {
        self.guard(proof)?;
        read(&mut self.read().await?, proof.zone()).await
    }

    /// Makes a zone.
    pub async fn create_zone(&self, proof: &Authorised<EditSettings>, fields: ZoneFields, now: Time) -> Result<ZoneId> {
        self.guard_whole(proof, "a zone")?;
        let fields = fields.checked()?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        if tx.number("SELECT COUNT(*) FROM zones", v![]).await? >= MOST as i64 {
            return Err(StateError::Invalid { field: "name", why: format!("there are {MOST} zones already; remove one first") });
        }
        let folded = free_name(&mut tx, &fields.name, None).await?;
        let id = ZoneId::from_parts(now, self.random()?);
        tx.run(
            "INSERT INTO zones (id, rev, name, folded, layer, ranges, vlans, changed_by, changed_at) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8)",
            v![id, &fields.name, folded, fields.layer.name(), joined(&fields.ranges), joined(&fields.vlans), &who.name, now],
        )
        .await?;
        audit(&mut tx, &who, Deed::Setting { key: format!("zone.{id}"), from: String::new(), to: fields.words() }, now).await?;
        sort_in(&mut tx, self).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Changes a zone; assets find their zone anew.
    pub async fn edit_zone(&self, proof: &Authorised<EditSettings>, id: ZoneId, rev: i64, fields: ZoneFields, now: Time) -> Result<()> {
        self.guard_whole(proof, "a zone")?;
        let fields = fields.checked()?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let old = current(&mut tx, id, rev).await?;
        if old.fields == fields {
            return Ok(());
        }
        let folded = free_name(&mut tx, &fields.name, Some(id)).await?;
        tx.run(
            "UPDATE zones SET rev = rev + 1, name = $1, folded = $2, layer = $3, ranges = $4, vlans = $5, changed_by = $6, changed_at = $7 \
             WHERE id = $8",
            v![&fields.name, folded, fields.layer.name(), joined(&fields.ranges), joined(&fields.vlans), &who.name, now, id],
        )
        .await?;
        audit(&mut tx, &who, Deed::Setting { key: format!("zone.{id}"), from: old.fields.words(), to: fields.words() }, now).await?;
        sort_in(&mut tx, self).await?;
        tx.commit().await
    }

    /// Removes a zone. Refused while accounts have roles in it; assets that the ledger put there lose it.
    pub async fn delete_zone(&self, proof: &Authorised<EditSettings>, id: ZoneId, rev: i64, now: Time) -> Result<()> {
        self.guard_whole(proof, "a zone")?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let old = current(&mut tx, id, rev).await?;
        if tx.number("SELECT COUNT(*) FROM grants WHERE zone = $1", v![id]).await? > 0 {
            return Err(StateError::Invalid {
                field: "zone",
                why: String::from("accounts have roles in this zone; change their roles first"),
            });
        }
        tx.run("UPDATE assets SET zone = NULL, rev = rev + 1, changed_by = $1, changed_at = $2 WHERE zone = $3", v![&who.name, now, id])
            .await?;
        tx.run("UPDATE assets SET zone_now = NULL WHERE zone_now = $1", v![id]).await?;
        tx.run("DELETE FROM zones WHERE id = $1", v![id]).await?;
        audit(&mut tx, &who, Deed::Setting { key: format!("zone.{id}"), from: old.fields.words(), to: String::new() }, now).await?;
        sort_in(&mut tx, self).await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_hold_what_they_should() {
        let r: Range = "192.168.10.77/24".parse().unwrap();
        assert_eq!(r.to_string(), "192.168.10.0/24");
        assert!(r.contains("192.168.10.255".parse().unwrap()) && !r.contains("192.168.11.0".parse().unwrap()));
        assert!(!r.contains("::ffff:192.168.10.1".parse().unwrap()));
        let all: Range = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        let six: Range = "::/0".parse().unwrap();
        assert!(six.contains("fe80::1".parse().unwrap()) && !six.contains("1.2.3.4".parse().unwrap()));
        assert_eq!("10.0.0.1".parse::<Range>().unwrap().to_string(), "10.0.0.1/32");
        for bad in
            ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0/8", "fd00::/129", "a/8", "10.0.0.0/8/8", "10.0.0.0/256"]
        {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }
}
