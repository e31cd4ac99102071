//! Zones: the parts of a site, with the addresses that belong to them.

use crate::error::Result;
use crate::store::Store;
use model::access::{EditSettings, ViewAssets, ViewSettings};
use model::{Authorised, Time, ZoneId};
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
    pub fn contains(&self, _ip: IpAddr) -> bool {
        unimplemented!()
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
    fn from_str(_s: &str) -> std::result::Result<Self, Self::Err> {
        unimplemented!()
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

impl Store {
    /// The zones that the asker may see, by layer and name.
    pub async fn zones(&self, _proof: &Authorised<ViewSettings>) -> Result<Vec<Zone>> {
        unimplemented!()
    }
    /// The zones that the asker may see, for filters and names beside assets.
    pub async fn zones_of_assets(&self, _proof: &Authorised<ViewAssets>) -> Result<Vec<Zone>> {
        unimplemented!()
    }
    /// Makes a zone.
    pub async fn create_zone(&self, _proof: &Authorised<EditSettings>, _fields: ZoneFields, _now: Time) -> Result<ZoneId> {
        unimplemented!()
    }
    /// Changes a zone; assets find their zone anew.
    pub async fn edit_zone(
        &self,
        _proof: &Authorised<EditSettings>,
        _id: ZoneId,
        _rev: i64,
        _fields: ZoneFields,
        _now: Time,
    ) -> Result<()> {
        unimplemented!()
    }
    /// Removes a zone. Refused while accounts have roles in it; assets that the ledger put there lose it.
    pub async fn delete_zone(&self, _proof: &Authorised<EditSettings>, _id: ZoneId, _rev: i64, _now: Time) -> Result<()> {
        unimplemented!()
    }
}
