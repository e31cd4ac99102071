//! Data files → a checked catalogue, embedded in the program. Errors carry file and line.

pub mod phrases;

pub use phrases::{PhraseError, Phrasebook, Value};
