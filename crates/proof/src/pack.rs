//! Evidence packs (docs/store-format.md, Evidence pack): chosen records with everything that an outsider needs to check them, in one file.
//!
//! Making one is putting parts together ([`Draft`]); what matters is [`verify`], which believes nothing: every byte of the file is spoken for by
//! the container's one form, the signed list of contents, or a proof that leads to the signed root.

mod parts;
mod verify;
mod zip;

pub use parts::{Complete, Consistency, Draft, EntryProof, Group, RecordProof, TableProof};
pub use verify::{Against, Problem, Report, Shown, Standing, verify};
pub use zip::{Entry as ZipEntry, read as read_zip, write as write_zip};

/// Bytes of a pack at most.
pub const MAX_PACK: usize = 1 << 30;
/// The first line of `pack.note`.
pub const TITLE: &str = "hinomi evidence pack v1";

/// The page that checks packs offline, with the table of names in it.
pub fn verify_page() -> String {
    include_str!("../page/verify.html").replace("/*NAMES*/", crate::names::TABLE)
}
