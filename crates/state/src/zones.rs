//! Zones: the parts of a site, with the addresses that belong to them.

use crate::apply;
use crate::assets::{AssetHour, hour};
use crate::db::{Conn, Row, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::Store;
use crate::text;
use model::access::{EditSettings, ViewAssets, ViewSettings};
use model::event::{AddressKey, Deed};
use model::{Asset, AssetId, Authorised, SourceId, Time, ZoneId};
use std::fmt;
use std::str::FromStr;

pub use model::zone::{Layer, Range, ZoneFields};

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

/// The most zones, and ranges or VLANs of one zone.
const MOST: usize = 200;
/// The most characters of a name.
const LONGEST: usize = 80;

/// Addresses of one zone at most: more are not shown rather than asked for one by one.
const MOST_OF_ZONE: usize = 20_000;

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

/// The zone of an asset that the ledger puts nowhere.
pub(crate) fn zone_of(asset: &Asset, rules: &[Rule]) -> Option<ZoneId> {
    let seen = asset.addresses.iter().find(|a| a.segment.sensor != SourceId(0)).map(|a| a.segment);
    let zones = rules.iter().map(|r| (r.zone, r.ranges.as_slice(), r.vlans.as_slice()));
    model::zone::zone_of(zones, asset.addresses.iter().filter_map(|a| a.ip), seen)
}

fn joined<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The fields as they are kept, if they fit.
fn checked(mut f: ZoneFields) -> Result<ZoneFields> {
    f.name = f.name.trim().to_owned();
    let wrong = |field, key, why: &str| Err(StateError::invalid(field, key, "", why));
    if f.name.is_empty() || f.name.chars().count() > LONGEST || f.name.chars().any(char::is_control) {
        return wrong("name", "invalid-zone-name", "must be one line of 1 to 80 characters");
    }
    if f.ranges.len() > MOST || f.vlans.len() > MOST {
        return wrong("ranges", "invalid-zone-size", "at most 200 ranges and 200 VLANs make a zone");
    }
    if f.vlans.iter().any(|v| !(1..=4094).contains(v)) {
        return wrong("vlans", "invalid-vlans", "VLANs are numbers from 1 to 4094");
    }
    f.ranges.sort_unstable();
    f.ranges.dedup();
    f.vlans.sort_unstable();
    f.vlans.dedup();
    Ok(f)
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

/// Every zone with what it is made of.
pub(crate) async fn every(conn: &mut Conn) -> Result<Vec<(ZoneId, ZoneFields)>> {
    Ok(read(conn, None).await?.into_iter().map(|z| (z.id, z.fields)).collect())
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

    /// Traffic of a zone by hour, `from` ≤ hour < `to`: what the assets that stand in it now sent and received.
    pub async fn zone_hours(&self, proof: &Authorised<ViewAssets>, zone: ZoneId, from: i64, to: i64) -> Result<Vec<AssetHour>> {
        self.guard(proof)?;
        if proof.zone().is_some_and(|own| own != zone) {
            return Err(StateError::NotFound { what: "zone", id: zone.to_string() });
        }
        let sql = "SELECT hour, packets_out, packets_in, bytes_out, bytes_in FROM zone_hours WHERE zone = $1 AND hour >= $2 AND hour < $3 ORDER BY hour";
        self.read().await?.rows(sql, v![zone, from, to]).await?.iter().map(hour).collect()
    }

    /// The addresses that assets of the asker's zone hold now: what was seen of them may be shown to whoever looks after that zone. An address that
    /// has gone over to an asset elsewhere is not among them. Without a zone: none, since everything may be shown.
    pub async fn addresses_in_zone(&self, proof: &Authorised<ViewAssets>) -> Result<Vec<AddressKey>> {
        self.guard(proof)?;
        let Some(zone) = proof.zone() else { return Ok(Vec::new()) };
        let mut conn = self.read().await?;
        let mut out = Vec::new();
        for column in ["mac", "ip"] {
            // The newest holder of each address that any asset of the zone ever had; `by_hand` ones count after those that were seen.
            let sql = format!(
                "SELECT d.{column}, a.zone_now FROM asset_addresses d JOIN assets a ON a.id = d.asset WHERE a.merged_into IS NULL \
                 AND d.{column} IN (SELECT o.{column} FROM asset_addresses o JOIN assets b ON b.id = o.asset \
                 WHERE b.zone_now = $1 AND b.merged_into IS NULL AND o.{column} <> '') \
                 ORDER BY d.{column}, d.by_hand, d.last_at DESC, d.asset"
            );
            let mut last = String::new();
            for row in conn.rows_built(sql, v![zone]).await? {
                let text = row.text(0)?;
                if text == last {
                    continue;
                }
                let mine = row.opt_text(1)?.is_some_and(|z| z == zone.to_string());
                if mine && out.len() < MOST_OF_ZONE {
                    out.push(match column {
                        "mac" => AddressKey::Mac(row.parsed(0)?),
                        _ => AddressKey::Ip(row.parsed(0)?),
                    });
                }
                last = text;
            }
        }
        Ok(out)
    }

    /// Makes a zone.
    pub async fn create_zone(&self, proof: &Authorised<EditSettings>, fields: ZoneFields, now: Time) -> Result<ZoneId> {
        self.guard_whole(proof, "a zone")?;
        let fields = checked(fields)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        if tx.number("SELECT COUNT(*) FROM zones", v![]).await? >= MOST as i64 {
            return Err(StateError::invalid(
                "name",
                "invalid-too-many-zones",
                MOST,
                format!("there are {MOST} zones already; remove one first"),
            ));
        }
        let folded = free_name(&mut tx, &fields.name, None).await?;
        let id = ZoneId::from_parts(now, self.random()?);
        tx.run(
            "INSERT INTO zones (id, rev, name, folded, layer, ranges, vlans, changed_by, changed_at) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8)",
            v![id, &fields.name, folded, fields.layer.name(), joined(&fields.ranges), joined(&fields.vlans), &who.name, now],
        )
        .await?;
        audit(&mut tx, &who, Deed::Setting { key: format!("zone.{id}"), from: String::new(), to: fields.to_string() }, now).await?;
        sort_in(&mut tx, self).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Changes a zone; assets find their zone anew.
    pub async fn edit_zone(&self, proof: &Authorised<EditSettings>, id: ZoneId, rev: i64, fields: ZoneFields, now: Time) -> Result<()> {
        self.guard_whole(proof, "a zone")?;
        let fields = checked(fields)?;
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
        audit(&mut tx, &who, Deed::Setting { key: format!("zone.{id}"), from: old.fields.to_string(), to: fields.to_string() }, now)
            .await?;
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
            return Err(StateError::invalid(
                "zone",
                "invalid-zone-in-use",
                "",
                "accounts have roles in this zone; change their roles first",
            ));
        }
        tx.run("UPDATE assets SET zone = NULL, rev = rev + 1, changed_by = $1, changed_at = $2 WHERE zone = $3", v![&who.name, now, id])
            .await?;
        tx.run("UPDATE assets SET zone_now = NULL WHERE zone_now = $1", v![id]).await?;
        tx.run("DELETE FROM zones WHERE id = $1", v![id]).await?;
        audit(&mut tx, &who, Deed::Setting { key: format!("zone.{id}"), from: old.fields.to_string(), to: String::new() }, now).await?;
        sort_in(&mut tx, self).await?;
        tx.commit().await
    }
}
