//! Words of the stocktake (棚卸し): what can be said of an asset that was looked for.

use serde::{Deserialize, Serialize};

crate::asset::named! {
    /// What somebody who went and looked says of an asset.
    StockResult {
        /// It is there, as the ledger says.
        Found = "found",
        /// It was looked for and is not there.
        Missing = "missing",
        /// It is there, at another place than the ledger says.
        Moved = "moved",
        /// It is there, and something about it is different: a part, a cable, who uses it.
        Changed = "changed",
        /// It was disposed of.
        Retired = "retired",
        /// It is there and the ledger does not have it.
        Extra = "extra",
    }
}

impl StockResult {
    /// Whether this is something that the ledger does not say: what stands on the list of differences.
    pub const fn differs(self) -> bool {
        !matches!(self, StockResult::Found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_found_is_a_difference() {
        assert_eq!(StockResult::ALL.iter().filter(|r| !r.differs()).collect::<Vec<_>>(), [&StockResult::Found]);
        assert!(StockResult::ALL.iter().all(|r| StockResult::from_name(r.name()) == Some(*r)));
    }
}
