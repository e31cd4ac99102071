//! Accounts, sessions, lock-out, the outbox, and state that was restored.

use crate::common::{self, NOW};
use model::access::{EditSettings, Grant, ManageUsers, OwnSettings};
use model::event::{Audit, Deed};
use model::{Body, Lang, Role, Span, Time, UserId};
use state::auth::{Attempt, NewSession};
use state::people::Theme;
use state::pipeline::{Standing, VaultEnd};
use state::{EventCursor, StateError, Store};

const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g";
const PHC2: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$b3RoZXJoYXNo";

fn site_wide(role: Role) -> [Grant; 1] {
    [Grant { role, site: None, zone: None }]
}
async fn account(bench: &common::Bench, name: &str, role: Role) -> UserId {
    bench.store.create_user(&bench.may(ManageUsers), name, &site_wide(role), PHC, NOW).await.unwrap()
}
async fn session(bench: &common::Bench, user: UserId, n: u8, now: Time) -> [u8; 32] {
    let token = [n; 32];
    let new = NewSession { token_hash: token, user, now, lifetime: None, agent: "Mozilla" };
    bench.store.create_session(new).await.unwrap();
    token
}
async fn audits(bench: &common::Bench) -> Vec<Audit> {
    let events = bench.machine.outbox(1000).await.unwrap();
    events
        .into_iter()
        .map(|(n, e)| match e.body {
            Body::Audit(a) => {
                assert_eq!(a.number, u64::try_from(n).ok());
                *a
            }
            other => panic!("{other:?}"),
        })
        .collect()
}
async fn fail(bench: &common::Bench, user: UserId, now: Time) -> Option<Time> {
    bench.store.record_login(Attempt { name: "sato", user: Some(user), success: false, reason: "password", now }).await.unwrap()
}

on_both! {
    async fn the_first_start(bench) {
        assert!(bench.store.first_start().await.unwrap());
        assert_eq!(bench.store.create_first_admin(PHC, NOW).await.unwrap(), "admin");
        assert!(!bench.store.first_start().await.unwrap());
        assert!(matches!(bench.store.create_first_admin(PHC, NOW).await, Err(StateError::Exists { .. })));
        let row = bench.store.find_login("Admin", NOW).await.unwrap().unwrap();
        assert!(row.must_change_password && row.enabled && row.password_hash == PHC);
        let token = session(bench, row.user, 1, NOW).await;
        let s = bench.store.session(&token, NOW).await.unwrap().unwrap();
        assert!(s.principal.must_change_password);
        let may = model::access::authorise(&s.principal, OwnSettings, bench.store.site().id, None).unwrap();
        assert!(model::access::authorise(&s.principal, ManageUsers, bench.store.site().id, None).is_err());
        let other = session(bench, row.user, 2, NOW).await;
        bench.store.set_own_password(&may, PHC2, Some(token), NOW).await.unwrap();
        assert!(bench.store.session(&other, NOW).await.unwrap().is_none(), "every other session ended");
        let s = bench.store.session(&token, NOW).await.unwrap().unwrap();
        assert!(!s.principal.must_change_password);
        assert_ne!(s.csrf, [0; 32]);
        assert!(matches!(bench.store.set_own_password(&may, "secret", None, NOW).await, Err(StateError::Invalid { .. })), "never a bare password");
    }

    async fn accounts_and_their_names(bench) {
        let id = account(bench, "佐藤 ＳＡＴＯ", Role::Employee).await;
        let manage = bench.may(ManageUsers);
        for same in ["佐藤 sato", "  佐藤　Sato "] {
            let again = bench.store.create_user(&manage, same, &site_wide(Role::Auditor), PHC, NOW).await;
            assert!(matches!(again, Err(StateError::Exists { .. })), "{same}");
        }
        for bad in ["", "  ", "a\nb", &"x".repeat(65)] {
            assert!(matches!(bench.store.create_user(&manage, bad, &site_wide(Role::Auditor), PHC, NOW).await, Err(StateError::Invalid { .. })));
        }
        assert!(matches!(bench.store.create_user(&manage, "n", &[], PHC, NOW).await, Err(StateError::Invalid { .. })));
        assert!(bench.store.find_login("佐藤 SATO", NOW).await.unwrap().is_some());
        assert!(bench.store.find_login("' OR ''='", NOW).await.unwrap().is_none());
        let mine = bench.may_as(OwnSettings, id);
        bench.store.set_own_language(&mine, Some(Lang::En), NOW).await.unwrap();
        bench.store.set_own_theme(&mine, Theme::Dark, NOW).await.unwrap();
        let own = bench.store.own(&mine).await.unwrap();
        assert_eq!((own.language, own.theme, own.name.as_str()), (Some(Lang::En), Theme::Dark, "佐藤 ＳＡＴＯ"));
        assert!(matches!(bench.store.own(&bench.may(OwnSettings)).await, Err(StateError::Invalid { .. })), "the machine has none");
        let user = bench.store.set_roles(&manage, id, 1, &site_wide(Role::SystemAdmin), NOW).await.unwrap();
        assert!(matches!(bench.store.set_enabled(&manage, id, 1, false, NOW).await, Err(StateError::Changed { rev: 2, .. })));
        assert!(matches!(bench.store.set_enabled(&manage, id, user.rev, false, NOW).await, Err(StateError::LastAdministrator)));
        assert!(matches!(bench.store.set_roles(&manage, id, user.rev, &site_wide(Role::Auditor), NOW).await, Err(StateError::LastAdministrator)));
        account(bench, "second", Role::SystemAdmin).await;
        let token = session(bench, id, 1, NOW).await;
        let off = bench.store.set_enabled(&manage, id, user.rev, false, NOW).await.unwrap();
        assert!(!off.enabled && bench.store.session(&token, NOW).await.unwrap().is_none());
        let new = NewSession { token_hash: [9; 32], user: id, now: NOW, lifetime: None, agent: "" };
        assert!(bench.store.create_session(new).await.is_err(), "an account that may not log in gets no session");
        bench.store.set_enabled(&manage, id, off.rev, true, NOW).await.unwrap();
        assert!(bench.store.session(&[9; 32], NOW).await.unwrap().is_none(), "nor later");
    }

    async fn wrong_passwords_lock_for_a_growing_time(bench) {
        let id = account(bench, "sato", Role::Employee).await;
        for _ in 0..4 {
            assert_eq!(fail(bench, id, NOW).await, None);
        }
        let first = fail(bench, id, NOW).await.unwrap();
        assert_eq!(first, NOW + Span::minutes(1));
        assert_eq!(fail(bench, id, NOW + Span::seconds(30)).await, Some(first), "while locked nothing counts");
        assert_eq!(bench.store.find_login("sato", NOW).await.unwrap().unwrap().locked_until, Some(first));
        let mut now = first;
        for minutes in [2, 4, 8, 16, 32, 60, 60] {
            let until = fail(bench, id, now).await.unwrap();
            assert_eq!(until, now + Span::minutes(minutes));
            now = until;
        }
        assert_eq!(bench.store.find_login("sato", now).await.unwrap().unwrap().locked_until, None);
        bench.store.record_login(Attempt { name: "sato", user: Some(id), success: true, reason: "", now }).await.unwrap();
        assert_eq!(bench.store.find_login("sato", now).await.unwrap().unwrap().failures, 0);
        bench.store.record_login(Attempt { name: &"x".repeat(9999), user: None, success: false, reason: "unknown", now }).await.unwrap();
        let all = audits(bench).await;
        let Deed::Login { name, success: false, .. } = &all[all.len() - 1].deed else { panic!() };
        assert_eq!(name.len(), 64);
        // A clock set back does not shorten a lock.
        for _ in 0..5 {
            fail(bench, id, now).await;
        }
        bench.machine.synchronised(now).await.unwrap();
        assert!(bench.store.find_login("sato", now - Span::days(400)).await.unwrap().unwrap().locked_until.is_some());
    }

    async fn sessions_end_by_idleness_and_age(bench) {
        let id = account(bench, "sato", Role::Employee).await;
        let token = session(bench, id, 1, NOW).await;
        let at = |minutes| NOW + Span::minutes(minutes);
        for minutes in (0..700).step_by(100) {
            assert!(bench.store.session(&token, at(minutes)).await.unwrap().is_some(), "{minutes}: use keeps it alive");
        }
        assert!(bench.store.session(&token, at(719)).await.unwrap().is_some());
        assert!(bench.store.session(&token, at(720)).await.unwrap().is_none(), "twelve hours at most");
        let token = session(bench, id, 2, NOW).await;
        assert!(bench.store.session(&token, at(119)).await.unwrap().is_some());
        let idle = session(bench, id, 3, NOW).await;
        assert!(bench.store.session(&idle, at(120)).await.unwrap().is_none(), "two hours without use");
        // The clock is set back: what had run out stays so.
        bench.machine.synchronised(at(5000)).await.unwrap();
        assert!(bench.store.session(&token, at(119)).await.unwrap().is_none());
        let fresh = session(bench, id, 4, NOW).await;
        assert!(bench.store.session(&fresh, NOW).await.unwrap().is_some(), "and a new one can begin");
        let mut wrong = fresh;
        wrong[31] ^= 1;
        assert!(bench.store.session(&wrong, NOW).await.unwrap().is_none());
        bench.store.end_session(&fresh, NOW).await.unwrap();
        assert!(bench.store.session(&fresh, NOW).await.unwrap().is_none());
        for n in 10..60 {
            session(bench, id, n, NOW).await;
        }
        assert_eq!(bench.store.end_sessions_of(id, NOW).await.unwrap(), 20, "an account has at most twenty");
    }

    async fn deeds_reach_the_vault_at_least_once_and_are_known_again(bench) {
        account(bench, "sato", Role::Employee).await;
        let edit = bench.may(EditSettings);
        bench.store.at([192, 0, 2, 7].into()).set_setting(&edit, "site_name", 0, "東工場", NOW).await.unwrap();
        let first = bench.machine.outbox(1).await.unwrap();
        let all = bench.machine.outbox(10).await.unwrap();
        assert_eq!((all.len(), &all[0]), (2, &first[0]), "oldest first");
        let Body::Audit(a) = &all[1].1.body else { panic!() };
        assert_eq!((a.from, a.actor.as_str(), a.action.as_str()), (Some([192, 0, 2, 7].into()), "田中", "edit_settings"));
        // The vault has them; before it could be noted the program dies.
        bench.reopen().await;
        let again = bench.machine.outbox(10).await.unwrap();
        assert_eq!(again, all, "the same deeds with the same numbers");
        let numbers: Vec<i64> = again.iter().map(|(n, _)| *n).collect();
        for _ in 0..2 {
            bench.machine.outbox_done(&numbers, EventCursor { epoch: 1, seq: 40 }).await.unwrap();
        }
        assert!(bench.machine.outbox(10).await.unwrap().is_empty());
        assert_eq!(bench.machine.known().await.unwrap(), EventCursor { epoch: 1, seq: 40 });
        bench.machine.machine_did("stop", Deed::Stopped, NOW).await.unwrap();
        assert!(bench.machine.outbox(10).await.unwrap()[0].0 > numbers[1], "numbers never repeat");
    }

    async fn searches_are_ones_own(bench) {
        let sato = account(bench, "sato", Role::Auditor).await;
        let tanaka = account(bench, "tanaka", Role::Auditor).await;
        let (his, hers) = (bench.may_as(OwnSettings, sato), bench.may_as(OwnSettings, tanaka));
        bench.store.keep_search(&his, " 夜間のログイン ", "q=login&table=log", NOW).await.unwrap();
        bench.store.keep_search(&his, "夜間のログイン", "q=login", NOW).await.unwrap();
        bench.store.keep_search(&hers, "夜間のログイン", "q=%E9%80%9A", NOW).await.unwrap();
        let kept = bench.store.searches(&his).await.unwrap();
        assert_eq!(kept.iter().map(|s| (s.name.as_str(), s.query.as_str())).collect::<Vec<_>>(), [("夜間のログイン", "q=login")]);
        for (name, query) in [("", "q=a"), ("a\nb", "q=a"), (&*"長".repeat(61), "q=a"), ("a", "q=a b"), ("a", &*"x".repeat(3000))] {
            let refused = bench.store.keep_search(&his, name, query, NOW).await;
            assert!(matches!(refused, Err(StateError::Invalid { .. })), "{name:?} {query:?}");
        }
        bench.store.forget_search(&hers, &kept[0].id, NOW).await.unwrap();
        assert_eq!(bench.store.searches(&his).await.unwrap().len(), 1, "not by somebody else");
        bench.store.forget_search(&his, &kept[0].id, NOW).await.unwrap();
        assert!(bench.store.searches(&his).await.unwrap().is_empty());
        for n in 0..50 {
            bench.store.keep_search(&his, &n.to_string(), "q=a", NOW).await.unwrap();
        }
        assert!(matches!(bench.store.keep_search(&his, "51", "q=a", NOW).await, Err(StateError::Invalid { .. })));
        bench.store.keep_search(&his, "49", "q=b", NOW).await.unwrap();
        assert!(matches!(bench.store.searches(&bench.may(OwnSettings)).await, Err(StateError::Invalid { .. })), "the machine has none");
        let said = audits(bench).await;
        assert!(said.iter().any(|a| a.user.is_some() && matches!(&a.deed, Deed::Setting { key, from, .. } if key == "own.search" && from == "夜間のログイン")));
    }

    async fn a_deed_whose_effect_lies_elsewhere_is_written_down(bench) {
        let proof = bench.may(EditSettings);
        bench.store.at([192, 0, 2, 7].into()).did(&proof, Deed::Exported { what: String::from("events"), rows: 3 }, NOW).await.unwrap();
        let all = audits(bench).await;
        assert_eq!((all.len(), &all[0].deed), (1, &Deed::Exported { what: String::from("events"), rows: 3 }));
        assert_eq!((all[0].action.as_str(), all[0].from), ("edit_settings", Some([192, 0, 2, 7].into())));
    }

    async fn a_change_and_its_deed_stand_or_fall_together(bench) {
        let edit = bench.may(EditSettings);
        let store = bench.store.clone();
        let task = tokio::spawn(async move { store.set_setting(&edit, "site_name", 0, "西工場", NOW).await });
        tokio::task::yield_now().await;
        task.abort();
        let _ = task.await;
        bench.store.check().await.unwrap();
        let done = bench.machine.setting("site_name").await.unwrap() == "西工場";
        assert_eq!(audits(bench).await.len(), usize::from(done));
    }

    async fn restored_state_voids_sessions_and_one_time_passwords(bench) {
        let id = account(bench, "sato", Role::SystemAdmin).await;
        let settled = account(bench, "yamamoto", Role::Employee).await;
        bench.store.set_own_password(&bench.may_as(OwnSettings, settled), PHC2, None, NOW).await.unwrap();
        let token = session(bench, id, 1, NOW).await;
        let numbers: Vec<i64> = bench.machine.outbox(10).await.unwrap().iter().map(|(n, _)| *n).collect();
        bench.machine.outbox_done(&numbers, EventCursor { epoch: 1, seq: 10 }).await.unwrap();
        let newest = u64::try_from(numbers[2]).unwrap();
        let end = |epoch, last_seq, newest_audit| VaultEnd { epoch, last_seq, newest_audit };
        // After a crash the vault holds more events, and deeds that were drained and not noted: nothing is wrong.
        for ok in [end(1, 10, Some(newest)), end(1, 99_999, None), end(1, 3, Some(1))] {
            assert_eq!(bench.machine.vault_is_ahead(ok, NOW).await.unwrap(), Standing::Together, "{ok:?}");
        }
        assert!(bench.store.session(&token, NOW).await.unwrap().is_some());
        // The vault knows a deed that this state never did.
        let standing = bench.machine.vault_is_ahead(end(1, 500, Some(newest + 5)), NOW).await.unwrap();
        assert_eq!(standing, Standing::Restored { sessions: 1, one_time_passwords: 1 });
        assert!(bench.store.session(&token, NOW).await.unwrap().is_none());
        assert_eq!(bench.store.find_login("sato", NOW).await.unwrap().unwrap().password_hash, "");
        assert_eq!(bench.store.find_login("yamamoto", NOW).await.unwrap().unwrap().password_hash, PHC2, "a real password stays");
        let told = audits(bench).await;
        assert_eq!((told.len(), told[0].number), (1, Some(newest + 6)), "numbers go on after the vault's");
        assert_eq!(bench.machine.vault_is_ahead(end(1, 501, Some(newest + 6)), NOW).await.unwrap(), Standing::Together, "told once");
        // A new epoch: the folder was restored or copied.
        session(bench, settled, 2, NOW).await;
        let standing = bench.machine.vault_is_ahead(end(2, 1, None), NOW).await.unwrap();
        assert_eq!(standing, Standing::Restored { sessions: 1, one_time_passwords: 0 });
        assert_eq!(bench.store.site().epoch, 2);
    }

    async fn after_a_restore_the_first_administrator_gets_in_again(bench) {
        bench.store.create_first_admin(PHC, NOW).await.unwrap();
        bench.machine.vault_is_ahead(VaultEnd { epoch: 1, last_seq: 9, newest_audit: Some(1000) }, NOW).await.unwrap();
        assert!(bench.store.first_start().await.unwrap());
        assert_eq!(bench.store.create_first_admin(PHC2, NOW).await.unwrap(), "admin");
        assert_eq!(bench.store.find_login("admin", NOW).await.unwrap().unwrap().password_hash, PHC2);
        let store: &Store = &bench.store;
        assert!(!store.first_start().await.unwrap());
    }
}
