//! Changing assets: the ledger, states, import, export.

use crate::assets::AssetFilter;
use crate::error::Result;
use crate::store::Store;
use model::access::{EditAssets, ExportAssets};
use model::asset::Ledger;
use model::{Asset, AssetId, AssetState, Authorised, Mac, Time};
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
    /// More or fewer cells than the header.
    #[error("the row has {0} cells, the header has {1}")]
    CellCount(usize, usize),
}

impl RowReason {
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
}

impl Store {
    /// Sets an asset's place in its life.
    pub async fn set_asset_state(
        &self,
        _proof: &Authorised<EditAssets>,
        _id: AssetId,
        _rev: i64,
        _to: AssetState,
        _now: Time,
    ) -> Result<Asset> {
        unimplemented!()
    }
    /// Writes the ledger's fields. Whoever registers a discovered asset does it by [`Store::set_asset_state`].
    pub async fn edit_ledger(
        &self,
        _proof: &Authorised<EditAssets>,
        _id: AssetId,
        _rev: i64,
        _ledger: Ledger,
        _now: Time,
    ) -> Result<Asset> {
        unimplemented!()
    }
    /// Enters an asset by hand, as registered. Refused where one of the addresses belongs to an asset already.
    pub async fn enter_asset(&self, _proof: &Authorised<EditAssets>, _new: NewAsset, _now: Time) -> Result<AssetId> {
        unimplemented!()
    }
    /// Takes a list in, all good rows in one transaction; wrong rows are told and left out. The same list twice changes nothing.
    /// Rows find their asset by id, then hardware address, then Internet address, then name and model number.
    pub async fn import_assets(
        &self,
        _proof: &Authorised<EditAssets>,
        _rows: Vec<ImportRow>,
        _dry_run: bool,
        _now: Time,
    ) -> Result<ImportReport> {
        unimplemented!()
    }
    /// The ledger for a file: every asset that fits, without paging.
    pub async fn export_assets(&self, _proof: &Authorised<ExportAssets>, _filter: &AssetFilter, _now: Time) -> Result<Vec<Asset>> {
        unimplemented!()
    }
}
