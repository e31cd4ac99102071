//! Who gets in, and who does not: login, forced change, lock-out, CSRF, sessions, headers, hosts, bodies, slow and odd clients.

use crate::common::{House, PASSWORD, escape};
use hyper::{Method, StatusCode};
use model::{Role, Span};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn the_one_time_password_opens_nothing_but_its_own_change() {
    let house = House::build().await;
    let b = house.browser();
    assert_eq!(b.get("/assets?state=discovered").await.location(), "/login?next=%2Fassets%3Fstate%3Ddiscovered");
    assert_eq!(b.get("/api/v1/assets").await.status, StatusCode::UNAUTHORIZED);
    let wrong = b.login(&house.admin, "not this one").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(b.cookies.lock().unwrap().keys().all(|k| k != "__Host-hinomi"));
    assert_eq!(b.login(&house.admin, &house.one_time).await.location(), "/password");
    assert_eq!(b.get("/").await.location(), "/password");
    assert_eq!(b.get("/api/v1/status").await.status, StatusCode::FORBIDDEN);
    let page = b.get("/password").await;
    let change = async |current: &str, new: &str, again: &str| {
        let form = [("csrf", page.csrf()), ("current", current.into()), ("new", new.into()), ("again", again.into())];
        b.post("/password", &form).await
    };
    assert_eq!(change("wrong", PASSWORD, PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(change(&house.one_time, "short", "short").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // The first who comes in is asked what only an administrator can decide.
    assert_eq!(change(&house.one_time, PASSWORD, PASSWORD).await.location(), "/vault/encryption?done=password");
    assert_eq!(b.get("/").await.status, StatusCode::OK);
    // The one-time password is void now.
    assert_eq!(house.browser().login(&house.admin, &house.one_time).await.status, StatusCode::UNAUTHORIZED);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_locks_and_does_not_tell_who_exists() {
    let house = House::build().await;
    let b = house.browser();
    let strip = |t: String| t.replace("admin", "").replace("nobody", "");
    let mut texts = Vec::new();
    for name in [house.admin.as_str(), "nobody"] {
        let mut last = StatusCode::OK;
        for _ in 0..7 {
            let answer = b.login(name, "guess").await;
            last = answer.status;
            texts.push((answer.status, strip(answer.text()).len()));
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{name}");
    }
    assert_eq!(texts[0], texts[7], "a wrong name must look like a wrong password");
    // Even the right password waits.
    assert_eq!(b.login(&house.admin, &house.one_time).await.status, StatusCode::TOO_MANY_REQUESTS);
    house.pass(Span::hours(2));
    assert_eq!(b.login(&house.admin, &house.one_time).await.status, StatusCode::SEE_OTHER);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_sessions_own_token_and_this_origin() {
    let house = House::build().await;
    let b = house.admin().await;
    let page = b.get("/settings").await;
    let port = house.address.port();
    let send = async |csrf: &str, headers: &[(&str, &str)]| {
        let body = format!("csrf={csrf}&key=site_name&rev=0&value={}", escape("東工場"));
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        b.send(Method::POST, "/settings/site", &all, body.into_bytes()).await.status
    };
    let good = page.csrf();
    assert_eq!(send("", &[]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&"0".repeat(64), &[]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&good, &[("origin", "https://evil.example")]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&good, &[("origin", "null")]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&good, &[("origin", &format!("http://localhost:{port}"))]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&good, &[("sec-fetch-site", "cross-site")]).await, StatusCode::FORBIDDEN);
    assert_eq!(house.store.site().name, "");
    assert_eq!(send(&good, &[("origin", &format!("https://localhost:{port}"))]).await, StatusCode::SEE_OTHER);
    assert_eq!(house.store.site().name, "東工場");
    // Another's token is none.
    let other = house.role(Role::SystemAdmin).await;
    let theirs = other.get("/settings").await.csrf();
    assert_ne!(theirs, good);
    assert_eq!(send(&theirs, &[]).await, StatusCode::FORBIDDEN);
    // The login form has a token too.
    let stranger = house.browser();
    let form = format!("name={}&password=x&csrf={}", house.admin, "0".repeat(64));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(stranger.send(Method::POST, "/login", &headers, form.into_bytes()).await.status, StatusCode::FORBIDDEN);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_and_a_kept_cookie_opens_nothing_afterwards() {
    let house = House::build().await;
    let b = house.admin().await;
    let kept = b.cookies.lock().unwrap().clone();
    let before = kept["__Host-hinomi"].clone();
    let csrf = b.get("/").await.csrf();
    assert_eq!(b.post("/logout", &[("csrf", csrf)]).await.location(), "/login?done=logged-out");
    let thief = house.browser();
    *thief.cookies.lock().unwrap() = kept;
    assert_eq!(thief.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(thief.get("/api/v1/status").await.status, StatusCode::UNAUTHORIZED);
    // Every login has a token of its own, also on top of a session.
    assert_eq!(b.login(&house.admin, PASSWORD).await.location(), "/");
    let second = b.cookies.lock().unwrap()["__Host-hinomi"].clone();
    assert_ne!(before, second);
    // Idle, then absolute.
    house.pass(Span::minutes(119));
    assert_eq!(b.get("/").await.status, StatusCode::OK);
    house.pass(Span::minutes(121));
    assert_eq!(b.get("/").await.status, StatusCode::SEE_OTHER);
    b.login(&house.admin, PASSWORD).await;
    let mut open = 0;
    for _ in 0..13 {
        house.pass(Span::minutes(60));
        open += u32::from(b.get("/").await.status == StatusCode::OK);
    }
    assert!((11..=12).contains(&open), "a session lives twelve hours at most: {open}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_hosts_are_answered() {
    let house = House::build().await;
    let b = house.browser();
    let ask = async |host: &str| b.send(Method::GET, "/login", &[("host", host)], vec![]).await.status;
    for good in ["localhost", "127.0.0.1:8443", "[::1]:1", "hinomi.test", "HINOMI.test.:8443", "192.0.2.9"] {
        assert_eq!(ask(good).await, StatusCode::OK, "{good}");
    }
    for bad in ["evil.example", "localhost.evil.example", "hinomi.test@evil", "", "localhost:x"] {
        assert_eq!(ask(bad).await, StatusCode::MISDIRECTED_REQUEST, "{bad}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded_and_faults_do_not_leak() {
    let house = House::build().await;
    let b = house.admin().await;
    let csrf = b.get("/").await.csrf();
    let big = format!("csrf={csrf}&name={}", "x".repeat(2 << 20));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(b.send(Method::POST, "/settings/site", &headers, big.into_bytes()).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    for (path, status) in [
        ("/nothing", StatusCode::NOT_FOUND),
        ("/assets/x", StatusCode::NOT_FOUND),
        ("/assets/../../etc/passwd", StatusCode::NOT_FOUND),
        ("/assets/%00", StatusCode::NOT_FOUND),
        ("/ui/%2e%2e%2fmod.rs", StatusCode::NOT_FOUND),
        ("/events/1/99999999", StatusCode::NOT_FOUND),
        ("/api/v1/nothing", StatusCode::NOT_FOUND),
        ("/assets?page=99999999999999999999&sort=%F0&dir=%FF", StatusCode::OK),
    ] {
        let answer = b.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        let text = answer.text();
        assert!(!text.contains("panicked") && !text.contains(".rs:") && !text.contains("sqlx"), "{text}");
    }
    let wrong = b.send(Method::DELETE, "/assets", &[], vec![]).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    let json = b.api(Method::POST, "/api/v1/assets", None, &serde_json::json!({ "nonsense": 1 })).await;
    assert_eq!(json.status, StatusCode::BAD_REQUEST);
    assert_eq!(json.headers["content-type"], "application/problem+json");
    assert!(json.json()["title_ja"].is_string());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_odd_clients_are_let_go_while_others_are_served() {
    let house = House::with(web::Limits { head_seconds: 1, body_seconds: 1, ..web::Limits::default() }).await;
    // Plain HTTP is led over, garbage is told.
    let mut plain = TcpStream::connect(house.address).await.unwrap();
    plain.write_all(b"GET /assets HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    plain.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 307") && text.contains("https://localhost/assets"), "{text}");
    let mut garbage = TcpStream::connect(house.address).await.unwrap();
    garbage.write_all(&[7u8; 5000]).await.unwrap();
    let mut bytes = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(5), garbage.read_to_end(&mut bytes)).await.expect("garbage must not hold a connection");
    // Nothing at all, half a handshake, half a head, half a body.
    let mut held = vec![TcpStream::connect(house.address).await.unwrap(), TcpStream::connect(house.address).await.unwrap()];
    held[1].write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    let mut head = house.tls().await;
    head.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ").await.unwrap();
    let mut body = house.tls().await;
    body.write_all(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nname=").await.unwrap();
    assert_eq!(house.browser().get("/healthz").await.text(), "ok\n");
    for mut stream in held {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("an idle connection must be closed").ok();
    }
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), head.read_to_end(&mut rest)).await.expect("half a head must be closed").ok();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), body.read_to_end(&mut rest)).await.expect("half a body must be answered").ok();
    assert!(String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 4"), "{}", String::from_utf8_lossy(&rest));
    let begun = std::time::Instant::now();
    house.close().await;
    assert!(begun.elapsed() < Duration::from_secs(4));
}
