//! What every test needs: a store on each of the two databases, proofs, ids.
//!
//! PostgreSQL is Debian's package, started here on loopback in a folder of its own, once for each test program; each test gets a
//! database. It refuses to run as root, so root runs it as `postgres` or `nobody`. Where there is none, the test says so.
// Helpers of tests: not every program uses all of them, and they may stop it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use model::access::{Action, Grant, authorise};
use model::asset::{AssetChange, AssetFact};
use model::{Authorised, EventId, Principal, Role, Time, UserId, ZoneId};
use state::{Pipeline, Store, StoreUrl};
use std::path::Path;

pub mod postgres;
pub use postgres::fresh_database;

/// 2026-11-20T00:00:00Z, a Friday.
pub const NOW: Time = Time(1_795_132_800_000_000_000);

/// Runs a test on both databases.
macro_rules! on_both {
    ($($(#[$attr:meta])* async fn $name:ident($bench:ident) $body:block)+) => {$(
        mod $name {
            use super::*;
            async fn body($bench: &mut crate::common::Bench) $body
            $(#[$attr])*
            #[test]
            fn sqlite() { crate::common::run(async { body(&mut crate::common::Bench::sqlite().await).await }) }
            $(#[$attr])*
            #[test]
            fn postgres() {
                crate::common::run(async {
                    match crate::common::Bench::postgres().await {
                        Some(mut bench) => body(&mut bench).await,
                        None => println!("skipped: no PostgreSQL on this machine (apt-get install postgresql)"),
                    }
                })
            }
        }
    )+};
}

pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// A store on one of the databases.
pub struct Bench {
    pub url: StoreUrl,
    pub store: Store,
    pub machine: Pipeline,
    pub seq: u64,
    folder: tempfile::TempDir,
}

impl Bench {
    pub async fn sqlite() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        // A name that must be escaped in a URL.
        let url = StoreUrl::Sqlite(folder.path().join("state 100% #1.db"));
        Bench::open(url, folder).await
    }

    pub async fn postgres() -> Option<Bench> {
        let url = StoreUrl::postgres(&fresh_database()?).unwrap();
        Some(Bench::open(url, tempfile::tempdir().unwrap()).await)
    }

    async fn open(url: StoreUrl, folder: tempfile::TempDir) -> Bench {
        let store = Store::open(&url, NOW).await.unwrap();
        let machine = store.pipeline().unwrap();
        Bench { url, store, machine, seq: 0, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
    pub fn is_sqlite(&self) -> bool {
        matches!(self.url, StoreUrl::Sqlite(_))
    }

    /// Closes and opens again, as after a crash or a restart.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(&self.url, NOW).await.unwrap();
        self.machine = self.store.pipeline().unwrap();
    }

    pub fn event(&mut self) -> EventId {
        self.seq += 1;
        EventId { site: self.store.site().id, epoch: 1, seq: self.seq }
    }

    pub fn change(&mut self, asset: model::AssetId, at: Time, fact: AssetFact) -> AssetChange {
        AssetChange { asset, at, because: self.event(), fact }
    }

    /// Applies steps of assets as the next batch.
    pub async fn tell(&mut self, steps: Vec<(model::AssetId, Time, AssetFact)>) -> state::Applied {
        let changes = steps.into_iter().map(|(id, at, fact)| self.change(id, at, fact)).collect();
        let mut batch = self.batch();
        batch.asset_changes = changes;
        self.machine.apply(batch).await.unwrap()
    }

    /// An empty batch up to the next event.
    pub fn batch(&mut self) -> state::Batch {
        let event = self.event();
        state::Batch::empty("detect", state::EventCursor { epoch: event.epoch, seq: event.seq })
    }

    /// The proof of somebody who may do everything.
    pub fn may<A: Action>(&self, action: A) -> Authorised<A> {
        authorise(&everybody(None), action, self.store.site().id, None).unwrap()
    }
    /// The proof of somebody who may do it in one zone.
    pub fn may_in<A: Action>(&self, action: A, zone: ZoneId) -> Authorised<A> {
        authorise(&everybody(Some(zone)), action, self.store.site().id, None).unwrap()
    }
    /// The proof of an account.
    pub fn may_as<A: Action>(&self, action: A, user: UserId) -> Authorised<A> {
        let who = Principal { user: Some(user), ..everybody(None) };
        authorise(&who, action, self.store.site().id, None).unwrap()
    }
}

fn everybody(zone: Option<ZoneId>) -> Principal {
    let grants = Role::ALL.iter().map(|role| Grant { role: *role, site: None, zone }).collect();
    Principal { user: None, name: String::from("田中"), grants, must_change_password: false }
}

pub fn asset_id(n: u128) -> model::AssetId {
    model::AssetId(uuid::Uuid::from_u128(n))
}
