//! The one table of routes: what stands in it, and that nobody gets past it.

use crate::common::House;
use hyper::{Method, StatusCode};
use model::Role;
use model::access::ACTIONS;

#[test]
fn every_route_with_the_permission_it_asks_for() {
    let text: Vec<String> = web::routes::table().iter().map(|(m, p, a)| format!("{m:6} {p:36} {a}")).collect();
    insta::assert_snapshot!(text.join("\n"));
}

fn real(path: &str) -> String {
    path.replace("{id}", "019ab000-0000-7000-8000-000000000000")
        .replace("{entry}", "019ab000-0000-7000-8000-000000000001")
        .replace("{epoch}", "1")
        .replace("{seq}", "1")
        .replace("{file}", "console.css")
        .replace("{name}", "site_name")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_session_with_a_wrong_role_or_without_token_nothing_opens() {
    let house = House::build().await;
    let stranger = house.browser();
    let mut people = Vec::new();
    for role in [Role::Employee, Role::Auditor, Role::Executive] {
        people.push((role, house.role(role).await));
    }
    let admin = house.admin().await;
    let public: Vec<&str> = web::routes::table().iter().filter(|r| r.2 == "public").map(|r| r.1).collect();
    assert_eq!(public, ["/healthz", "/ui/{file}", "/favicon.ico", "/login", "/login"], "a new public route needs a reason");
    for (method, path, action) in web::routes::table() {
        if action == "public" {
            continue;
        }
        let (method, at) = (Method::from_bytes(method.as_bytes()).unwrap(), real(path));
        let unsafe_method = method != Method::GET;
        let status = stranger.send(method.clone(), &at, &[], vec![]).await.status;
        let wanted = if unsafe_method || path.starts_with("/api/") { StatusCode::UNAUTHORIZED } else { StatusCode::SEE_OTHER };
        assert_eq!(status, wanted, "{method} {path} without session");
        let roles = ACTIONS.iter().find(|(n, _)| *n == action).unwrap().1;
        for (role, person) in &people {
            if !roles.contains(role) {
                assert_eq!(person.send(method.clone(), &at, &[], vec![]).await.status, StatusCode::FORBIDDEN, "{method} {path} as {role}");
            }
        }
        if unsafe_method {
            assert_eq!(admin.send(method.clone(), &at, &[], vec![]).await.status, StatusCode::FORBIDDEN, "{method} {path} without token");
        }
    }
    house.close().await;
}
