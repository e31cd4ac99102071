//! Opening, upgrading, refusing; what a damaged, locked or read-only place says.

use crate::common::{self, NOW, asset_id};
use model::access::{EditSettings, ViewAssets, ViewSettings};
use model::asset::AssetFact;
use state::{StateError, Store, StoreUrl};
use std::os::unix::fs::PermissionsExt;

on_both! {
    async fn the_site_is_drawn_once(bench) {
        let site = bench.store.site();
        assert_eq!((site.id.0.get_version_num(), site.epoch, site.time_zone.as_str()), (7, 0, "Asia/Tokyo"));
        bench.reopen().await;
        assert_eq!(bench.store.site(), site);
        bench.store.check().await.unwrap();
        assert!(matches!(bench.store.pipeline(), Err(StateError::Taken)));
    }

    async fn an_older_schema_is_brought_up_to_date(bench) {
        for version in 1..state::store::SCHEMA {
            let url = other(bench, &format!("v{version}"));
            let old = Store::open_as_of(&url, version as usize, NOW).await.unwrap();
            let site = old.site();
            // Something from then must still be there: an account.
            let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA";
            assert_eq!(old.create_first_admin(phc, NOW).await.unwrap(), "admin");
            old.close().await;
            let new = Store::open(&url, NOW).await.unwrap();
            assert_eq!(new.site().id, site.id);
            assert_eq!(new.find_login("ＡＤＭＩＮ", NOW).await.unwrap().unwrap().password_hash, phc);
            assert_eq!(new.facts().await.unwrap()[0], ("schema", state::store::SCHEMA.to_string()));
            new.close().await;
        }
    }

    async fn a_newer_schema_is_left_alone(bench) {
        bench.tell(vec![(asset_id(1), NOW, AssetFact::Discovered)]).await;
        let refused = Store::open_as_of(&bench.url, 1, NOW).await.err().expect("an older program opened it");
        let StateError::Newer { found, known, .. } = &refused else { panic!("{refused}") };
        assert_eq!((*found, *known), (state::store::SCHEMA, 1));
        assert!(refused.to_string().contains("install that version or newer"), "{refused}");
        bench.reopen().await;
        assert_eq!(bench.machine.known_assets().await.unwrap().len(), 1);
    }

    async fn two_programs_may_start_at_once(bench) {
        let url = other(bench, "twice");
        let (a, b) = tokio::join!(Store::open(&url, NOW), Store::open(&url, NOW));
        assert_eq!(a.unwrap().site().id, b.unwrap().site().id);
    }

    async fn two_programs_write_in_turn(bench) {
        let other = Store::open(&bench.url, NOW).await.unwrap();
        let second = other.pipeline().unwrap();
        let mut tasks = Vec::new();
        for i in 0..20u16 {
            let machine = if i % 2 == 0 { bench.machine.clone() } else { second.clone() };
            tasks.push(tokio::spawn(async move { machine.sensor_id(&format!("eth{i}"), model::coverage::SensorKind::Live, NOW).await }));
        }
        let mut ids = Vec::new();
        for task in tasks {
            ids.push(task.await.unwrap().unwrap().0);
        }
        ids.sort_unstable();
        assert_eq!(ids, (1..=20).collect::<Vec<u16>>());
    }

    async fn settings_are_checked_kept_and_told(bench) {
        let (view, edit) = (bench.may(ViewSettings), bench.may(EditSettings));
        let all = bench.store.settings(&view).await.unwrap();
        assert!(all.iter().all(|s| s.is_default && s.rev == 0));
        let set = bench.store.set_setting(&edit, "time_zone", 0, " Asia/Tokyo ", NOW).await.unwrap();
        assert!(set.is_default, "the same value is no change");
        let set = bench.store.set_setting(&edit, "time_zone", 0, "Europe/Berlin", NOW).await.unwrap();
        assert_eq!((set.value.as_str(), set.rev, set.changed_by.as_str()), ("Europe/Berlin", 1, "田中"));
        assert_eq!(bench.store.site().time_zone, "Europe/Berlin");
        let late = bench.store.set_setting(&edit, "time_zone", 0, "Asia/Seoul", NOW).await;
        assert!(matches!(late, Err(StateError::Changed { ref by, rev: 1, .. }) if by == "田中"), "{late:?}");
        assert!(matches!(bench.store.set_setting(&edit, "nonsense", 0, "1", NOW).await, Err(StateError::NotFound { .. })));
        let kept = async |table| bench.machine.setting_number(state::settings::retention_of(table)).await.unwrap();
        assert_eq!((kept(model::event::Table::Log).await, kept(model::event::Table::Evidence).await), (366, 2562), "a year, seven years");
        let events = bench.machine.outbox(10).await.unwrap();
        assert_eq!(events.len(), 1);
    }

    async fn a_proof_for_another_site_opens_nothing(bench) {
        let elsewhere = model::SiteId(uuid::Uuid::from_u128(9));
        let proof = model::access::authorise(&model::Principal::machine(), ViewAssets, elsewhere, None).unwrap();
        assert!(matches!(bench.store.assets(&proof, &state::AssetFilter::default()).await, Err(StateError::OtherSite)));
    }
}

/// Another empty place in the same database system.
fn other(bench: &common::Bench, name: &str) -> StoreUrl {
    if bench.is_sqlite() {
        StoreUrl::Sqlite(bench.folder().join(name))
    } else {
        StoreUrl::postgres(&common::fresh_database().unwrap()).unwrap()
    }
}

#[test]
fn sqlite_survives_a_power_cut_and_is_nobody_elses_business() {
    common::run(async {
        let bench = common::Bench::sqlite().await;
        let facts = bench.store.facts().await.unwrap();
        let value = |name| facts.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("journal_mode"), Some("wal"));
        assert_eq!(value("synchronous"), Some("2"), "2 is FULL");
        assert_eq!(value("foreign_keys"), Some("1"));
        for entry in std::fs::read_dir(bench.folder()).unwrap().flatten() {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.path());
        }
        let StoreUrl::Sqlite(path) = &bench.url else { panic!() };
        bench.store.close().await;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Store::open(&bench.url, NOW).await.unwrap().close().await;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "a loose mode is tightened");
    });
}

#[test]
fn what_is_not_a_database_is_said_to_be_damaged() {
    common::run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        std::fs::write(&path, b"this is a letter, not a database ".repeat(100)).unwrap();
        let refused = Store::open(&StoreUrl::Sqlite(path.clone()), NOW).await.err().unwrap();
        assert!(matches!(refused, StateError::Damaged { .. }), "{refused:?}");
        assert!(refused.to_string().contains("restore the last backup"), "{refused}");
        assert!(std::fs::read(&path).unwrap().starts_with(b"this is a letter"), "it was not touched");
    });
}

#[test]
fn a_folder_that_is_not_there_or_is_a_file_says_so() {
    common::run(async {
        let folder = tempfile::tempdir().unwrap();
        let refused = Store::open(&StoreUrl::Sqlite(folder.path().join("no/such/state.db")), NOW).await.err().unwrap();
        assert!(matches!(refused, StateError::Connection { .. }), "{refused:?}");
        let refused = Store::open(&StoreUrl::Sqlite(folder.path().to_owned()), NOW).await.err().unwrap();
        assert!(refused.to_string().contains(&folder.path().display().to_string()), "{refused}");
    });
}

#[test]
fn a_server_that_is_not_there_says_so_without_the_password() {
    common::run(async {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = StoreUrl::postgres(&format!("postgres://hinomi:geheim@127.0.0.1:{port}/hinomi")).unwrap();
        let refused =
            tokio::time::timeout(std::time::Duration::from_secs(30), Store::open(&url, NOW)).await.expect("it hung").err().unwrap();
        let said = refused.to_string();
        assert!(matches!(refused, StateError::Connection { .. }), "{said}");
        assert!(said.contains("127.0.0.1") && !said.contains("geheim"), "{said}");
    });
}

#[test]
fn a_lock_held_by_another_program_is_told_and_nothing_is_lost() {
    common::run(async {
        let bench = common::Bench::sqlite().await;
        let other = Store::open(&bench.url, NOW).await.unwrap();
        let held = other.hold_the_lock().await.unwrap();
        let began = std::time::Instant::now();
        let refused = bench.machine.sensor_id("eth9", model::coverage::SensorKind::Live, NOW).await;
        assert!(matches!(refused, Err(StateError::Locked { .. })), "{refused:?}");
        assert!(began.elapsed() < std::time::Duration::from_secs(30));
        // Readers never wait.
        assert_eq!(bench.machine.known_assets().await.unwrap().len(), 0);
        drop(held);
        bench.machine.sensor_id("eth9", model::coverage::SensorKind::Live, NOW).await.unwrap();
    });
}
