//! What is true now: the ledger, findings, accounts, settings, and the rollups that pages read.
//!
//! The vault is the record of what happened; this room holds what follows from it, and what people decided. Three thoughts
//! shape it:
//!
//! * **Two stores, one truth.** A consumer of the vault keeps its cursor in the same transaction as its result
//!   ([`pipeline::Pipeline::apply`]), and a person's deed is written to the outbox in the same transaction as the change
//!   ([`outbox`]). So a crash at any moment neither loses nor doubles anything, and state can be rebuilt from the vault.
//! * **Two databases, one code.** SQLite in the data folder, or PostgreSQL by one setting, through sqlx's `Any` driver and the
//!   SQL that both understand. What differs stands in [`db`] and nowhere else. Every test runs on both.
//! * **No reading without proof.** Everything that people read or change asks for an [`model::Authorised`] of the right action,
//!   and is narrowed to its zone. What the machine itself does goes through the [`Pipeline`] handle, which is given out once.
//!
//! Time is passed in; the only source of randomness is [`db::random`].

mod apply;
pub mod assets;
pub mod auth;
pub mod clocks;
mod db;
pub mod encryption;
pub mod error;
pub mod findings;
pub mod joins;
pub mod ledger;
pub mod ledger_csv;
pub mod ledger_list;
mod migrate;
pub mod outbox;
pub mod people;
pub mod pipeline;
pub mod searches;
pub mod sensors;
pub mod settings;
pub mod sheet;
pub mod stocktake;
pub mod store;
mod text;
pub mod today;
pub mod zones;

pub use assets::{AssetFilter, AssetHour, AssetList, AssetPeer, AssetSort, Page, Paging};
pub use error::{Result, StateError, Why};
pub use findings::{FindingCounts, FindingFilter, FindingMoment, FindingSort, Handling};
pub use joins::{Join, JoinKind};
pub use ledger::{ImportReport, ImportRow};
pub use pipeline::{Applied, Batch, EventCursor, Pipeline};
pub use store::{Site, Store, StoreUrl};
pub use today::TodayFacts;
pub use zones::{Layer, Zone};
