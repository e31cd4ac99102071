//! The console from outside, by requests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod clocks;
mod common;
mod encryption;
mod entrance;
mod pages;
mod routes;
mod stocktake;
mod vault;
