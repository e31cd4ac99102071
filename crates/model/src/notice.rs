//! What open pages are told the moment it happens. A notice carries no content: a page asks for what it may see.

use crate::ids::{AssetId, FindingId};
use serde::{Deserialize, Serialize};

/// Something that a page may want to show anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// An asset was discovered or changed.
    Asset(AssetId),
    /// A finding was raised or changed.
    Finding(FindingId),
    /// A sensor's state changed, or its counters moved.
    Sensor,
}
