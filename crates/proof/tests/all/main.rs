//! The crate from outside.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;
mod notes;
mod oracles;
mod stamp;
mod tiles;
mod tree;
mod witness;
