//! Reading assets.

use crate::error::Result;
use crate::store::Store;
use model::access::ViewAssets;
use model::asset::{Kind, Party};
use model::{Asset, AssetId, AssetState, Authorised, Mac, Protocol, Segment, Time, ZoneId};
use std::collections::BTreeMap;
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

impl Store {
    /// A page of assets.
    pub async fn assets(&self, _proof: &Authorised<ViewAssets>, _filter: &AssetFilter) -> Result<Page<Asset>> {
        unimplemented!()
    }
    /// One asset. The id of a merged asset leads to the one that stayed.
    pub async fn asset(&self, _proof: &Authorised<ViewAssets>, _id: AssetId) -> Result<Asset> {
        unimplemented!()
    }
    /// What to call these assets; ids that are unknown, or out of sight, are left out. Merged ids are answered under the id asked.
    pub async fn asset_labels(&self, _proof: &Authorised<ViewAssets>, _ids: &[AssetId]) -> Result<BTreeMap<AssetId, String>> {
        unimplemented!()
    }
    /// Traffic of one asset, `from` ≤ hour < `to`, in order; hours without traffic are left out. At most [`MOST_HOURS`].
    pub async fn asset_hours(&self, _proof: &Authorised<ViewAssets>, _id: AssetId, _from: i64, _to: i64) -> Result<Vec<AssetHour>> {
        unimplemented!()
    }
    /// Links of one asset, most bytes first.
    pub async fn asset_peers(&self, _proof: &Authorised<ViewAssets>, _id: AssetId, _limit: u32) -> Result<Vec<AssetPeer>> {
        unimplemented!()
    }
    /// The asset that has this address now (the newest that was seen there).
    pub async fn asset_at(
        &self,
        _proof: &Authorised<ViewAssets>,
        _segment: Option<Segment>,
        _mac: Option<Mac>,
        _ip: Option<IpAddr>,
    ) -> Result<Option<AssetId>> {
        unimplemented!()
    }
}

/// The most hours that one answer holds: two years and a bit.
pub const MOST_HOURS: i64 = 24 * 800;
