//! State from outside, on SQLite and PostgreSQL alike.
#![allow(clippy::expect_used, clippy::format_push_string, clippy::panic, clippy::unwrap_used)]

#[macro_use]
mod common;
mod clocks;
mod joins;
mod ledger;
mod ledger_csv;
mod people;
mod pipeline;
mod rollups;
mod sheets;
mod stocktake;
mod store;
