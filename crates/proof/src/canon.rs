//! The canonical form of records (docs/store-format.md, Canonical form): what a leaf's hash is made of, what the write-ahead log
//! keeps, and what every stored row can be turned back into.
//!
//! A record becomes four CBOR maps, one for each [group](GROUPS), each the record's tree with only the members of that group. Laid over each
//! other they are the record again, so a group can be shown or hidden as a whole. Writing goes through serde in one pass into four
//! buffers: a map is opened in a group when the first member of that group comes. Reading walks the four maps side by side; there is
//! no tree in between.

mod check;
pub mod columns;
mod read;
mod readable;
mod write;

pub use check::check;
pub use read::{from_groups, source_and_received, text_at, variant_at};
pub use readable::{readable, readable_of};
pub use write::{Groups, write};

/// The groups, in the order in which they are hashed and stored.
pub const GROUPS: [&str; 4] = ["core", "addresses", "names", "text"];
pub(crate) const CORE: usize = 0;
pub(crate) const ADDRESSES: usize = 1;
pub(crate) const NAMES: usize = 2;

/// An empty group: a map without members.
pub const EMPTY: &[u8] = &[0xa0];

/// Why something has no canonical form, or bytes are not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CanonError(pub(crate) String);

impl serde::ser::Error for CanonError {
    fn custom<T: std::fmt::Display>(msg: T) -> Self {
        CanonError(msg.to_string())
    }
}
impl serde::de::Error for CanonError {
    fn custom<T: std::fmt::Display>(msg: T) -> Self {
        CanonError(msg.to_string())
    }
}
