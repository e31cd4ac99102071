//! What is shown: every page in both languages with its headers, two editors, lists in and out, the API's shapes, the live stream.

use crate::common::{self, Answer, House};
use hyper::{Method, StatusCode};
use model::{AssetId, Notice, Role};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn headed(answer: &Answer, path: &str) {
    let h = |n: &str| answer.headers.get(n).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    assert!(h("content-security-policy").starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{path}");
    assert_eq!(h("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(h("referrer-policy"), "same-origin", "{path}");
    assert_eq!(h("cross-origin-opener-policy"), "same-origin", "{path}");
    assert!(h("permissions-policy").contains("camera=()"), "{path}");
    assert_eq!(h("cache-control"), "no-store", "{path}");
    assert_eq!(h("strict-transport-security"), "", "{path}: not with a certificate of our own");
}

fn plain_enough_for_the_policy(text: &str, path: &str) {
    let lower = text.to_lowercase();
    for (i, _) in lower.match_indices("<script") {
        assert!(lower[i..].split('>').next().unwrap().contains("src="), "{path}: a script inside the page");
    }
    assert!(!lower.contains("<style"), "{path}: a style inside the page");
    for attribute in [" style=\"", " onclick=", " onload=", " onchange=", " onsubmit=", "javascript:"] {
        assert!(!lower.contains(attribute), "{path}: {attribute}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_in_both_languages_has_all_its_words_and_headers() {
    let house = House::build().await;
    let (asset, finding) = house.furnish().await;
    let mut b = house.admin().await;
    let entered = b.get("/settings").await;
    assert_eq!(entered.status, StatusCode::OK, "{}", entered.text());
    let pages = [
        "/".into(),
        "/assets".into(),
        "/assets?state=discovered&sort=last&dir=desc&q=192.168".into(),
        "/assets?q=nothing-fits".into(),
        format!("/assets/{asset}"),
        "/assets/new".into(),
        "/assets/import".into(),
        "/findings".into(),
        "/findings?status=all&sort=count&severity=today".into(),
        format!("/findings/{finding}"),
        "/events".into(),
        "/events?from=2026-01-01T00:00&to=bad".into(),
        format!("/events?asset={asset}&table=flow"),
        format!("/events?finding={finding}"),
        "/stocktakes".into(),
        "/stocktakes/labels".into(),
        "/events?q=from%3A2d%20%22x%22%20log".into(),
        "/vault".into(),
        "/vault/checkpoint".into(),
        "/vault/encryption".into(),
        "/settings".into(),
        "/password".into(),
        "/nothing-here".into(),
    ];
    for lang in ["ja", "en"] {
        b.language = lang;
        for path in &pages {
            let answer = b.get(path).await;
            let wanted = if path == "/nothing-here" { StatusCode::NOT_FOUND } else { StatusCode::OK };
            let text = answer.text();
            assert_eq!(answer.status, wanted, "{path}: {text}");
            headed(&answer, path);
            assert!(text.contains(&format!("lang=\"{lang}\"")), "{path} is not in {lang}");
            if let Some(at) = text.find('⟦') {
                panic!("{path} in {lang} lacks {}", text[at..].split('⟧').next().unwrap());
            }
            plain_enough_for_the_policy(&text, path);
        }
    }
    for role in [Role::Employee, Role::Auditor, Role::Executive] {
        let someone = house.role(role).await;
        let today = someone.get("/").await;
        assert_eq!(today.status, StatusCode::OK, "{role}: {}", today.text());
        assert!(!today.text().contains('⟦'));
    }
    let login = house.browser().get("/login?lang=en").await;
    headed(&login, "/login");
    assert!(login.text().contains("lang=\"en\"") && !login.text().contains('⟦'));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_from_the_network_stays_text() {
    let house = House::build().await;
    let b = house.admin().await;
    let evil = "<script>alert(1)</script>\" onload=\"x";
    let made = b
        .api(Method::POST, "/api/v1/assets", None, &json!({ "macs": ["3c:52:82:1f:aa:09"], "ledger": { "name": evil, "notes": evil } }))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let at = format!("/assets/{}", made.json()["id"].as_str().unwrap());
    for path in ["/assets", at.as_str(), "/assets?q=%3Cscript%3E"] {
        let text = b.get(path).await.text();
        assert!(!text.contains("<script>alert"), "{path}");
        assert!(!text.contains("\" onload=\""), "{path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_after_one_zone_sees_that_zone_and_nothing_else() {
    let house = House::build().await;
    let (asset, finding) = house.furnish().await;
    let here = house.zone("line 1", "192.168.1.0/24").await;
    let elsewhere = house.zone("office", "10.0.0.0/8").await;
    let (ours, others) = (house.role_in(Role::SiteEngineer, Some(here)).await, house.role_in(Role::SiteEngineer, Some(elsewhere)).await);
    for (b, sees) in [(&ours, true), (&others, false)] {
        let found = if sees { StatusCode::OK } else { StatusCode::NOT_FOUND };
        for path in [
            format!("/assets/{asset}"),
            format!("/findings/{finding}"),
            format!("/api/v1/assets/{asset}"),
            format!("/api/v1/findings/{finding}"),
        ] {
            let answer = b.get(&path).await;
            assert_eq!(answer.status, found, "{path}: {}", answer.text());
        }
        for path in ["/", "/assets", "/findings?status=all", "/assets/export.csv", "/api/v1/assets", "/api/v1/findings", "/api/v1/events"] {
            let answer = b.get(path).await;
            assert!(matches!(answer.status, StatusCode::OK | StatusCode::FORBIDDEN), "{path}: {}", answer.status);
            let text = answer.text();
            let names = ["192.168.1.20", "3c:52:82:1f:aa:07", "LAPTOP-K7"].iter().any(|n| text.contains(n));
            assert!(sees || !names, "{path}: {text}");
        }
        assert_eq!(b.get("/api/v1/assets").await.json()["total"], u64::from(sees));
        assert_eq!(b.get("/api/v1/status").await.json()["assets"]["all"], u64::from(sees));
        // News of an asset reach only whoever may see it.
        let mut stream = house.tls().await;
        stream.write_all(format!("GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n", b.cookie()).as_bytes()).await.unwrap();
        let read = async |stream: &mut tokio_rustls::client::TlsStream<tokio::net::TcpStream>, until: &str| {
            let (mut text, mut buffer) = (String::new(), [0u8; 4096]);
            while !text.contains(until) {
                let n = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await.unwrap().unwrap();
                assert!(n > 0, "{text}");
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
            text
        };
        read(&mut stream, "event: hello").await;
        house.notices.send(Notice::Asset(asset)).unwrap();
        house.notices.send(Notice::Sensor).unwrap();
        assert_eq!(read(&mut stream, "event: sensor").await.contains("event: asset"), sees);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_is_changed_on_the_page_with_its_bounds_and_its_revision() {
    let house = House::build().await;
    let b = house.admin().await;
    let page = b.get("/settings?lang=en").await;
    let vault = b.get("/vault?lang=en").await.text();
    let of_a_table = |name: &str| model::event::Table::ALL.iter().any(|t| state::settings::retention_of(*t) == name);
    for key in state::settings::SETTINGS.iter().filter(|k| k.name != "calendar") {
        let of_the_vault = of_a_table(key.name) || key.name.starts_with("export_");
        let shown = if of_the_vault { vault.clone() } else { page.text() };
        assert!(shown.contains(&format!("name=\"key\" value=\"{}\"", key.name)), "{}", key.name);
    }
    let csrf = page.csrf();
    let set = async |key: &str, rev: &str, value: &str| {
        b.post("/settings/site", &[("csrf", csrf.clone()), ("key", key.into()), ("rev", rev.into()), ("value", value.into())]).await
    };
    assert_eq!(set("peers_kept_days", "0", "90").await.status, StatusCode::SEE_OTHER);
    assert_eq!(set("peers_kept_days", "0", "91").await.status, StatusCode::CONFLICT, "an old revision");
    let wrong = set("peers_kept_days", "1", "0").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("7 から 3,660 までの整数"), "{}", wrong.text());
    assert_eq!(set("time_zone", "0", "Mars/Olympus").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(set("no_such", "0", "1").await.status, StatusCode::BAD_REQUEST);
    assert!(b.get("/settings?lang=en").await.text().contains("value=\"90\""));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_captures_are_shown_as_of_their_end_and_say_so() {
    let house = House::build().await;
    let b = house.admin().await;
    house.furnish().await;
    let end = house.now();
    house.pass(model::Span::days(400));
    let b = {
        let again = house.browser();
        again.login(&house.admin, common::PASSWORD).await;
        drop(b);
        again
    };
    let without = b.get("/?lang=en").await.text();
    assert!(without.contains("0 of 1 devices were heard from in the last 24 hours."), "{without}");
    assert_eq!(b.get("/api/v1/assets?seen_hours=24").await.json()["total"], 0);
    assert_eq!(b.get("/api/v1/findings?hours=24").await.json()["total"], 0);
    house.as_of.store(end.0, std::sync::atomic::Ordering::Relaxed);
    let today = b.get("/?lang=en").await.text();
    for words in [
        "State as of Fri 20 Nov 2026, 08:05",
        "at the end of the capture",
        "1 of 1 devices were heard from in the last 24 hours of the capture",
    ] {
        assert!(today.contains(words), "{words}: {today}");
    }
    assert!(today.contains("Changes in the last 24 hours of the capture"), "{today}");
    assert_eq!(b.get("/api/v1/assets?seen_hours=24").await.json()["total"], 1);
    assert_eq!(b.get("/api/v1/findings?hours=24").await.json()["total"], 1);
    let status = b.get("/api/v1/status").await.json();
    assert_eq!((status["assets"]["seen_24h"].clone(), status["as_of"].clone()), (json!(1), json!(end.rfc3339())));
    assert_eq!(status["now"], json!(house.now().rfc3339()), "the clock stays the clock");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_editors_the_second_is_told() {
    let house = House::build().await;
    let (asset, finding) = house.furnish().await;
    let b = house.admin().await;
    let at = format!("/assets/{asset}");
    let page = b.get(&at).await;
    let form = |name: &str| {
        vec![("csrf", page.csrf()), ("rev", page.hidden_in(&at, "rev")), ("name", name.to_owned()), ("owner", String::from("山本"))]
    };
    assert_eq!(b.post(&at, &form("PLC-L2-01")).await.location(), format!("{at}?done=saved"));
    let second = b.post(&at, &form("別の名前")).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text().contains("別の名前"), "what was typed must not be lost");
    assert!(b.get(&at).await.text().contains("PLC-L2-01"));
    // The same for findings and the API.
    let at = format!("/findings/{finding}");
    let page = b.get(&at).await;
    let form = |act: &str| {
        vec![("csrf", page.csrf()), ("rev", page.hidden_in(&at, "rev")), ("act", act.to_owned()), ("note", String::from("保守業者"))]
    };
    assert_eq!(b.post(&at, &form("acknowledge")).await.location(), format!("{at}?done=handled"));
    assert_eq!(b.post(&at, &form("close")).await.status, StatusCode::CONFLICT);
    let url = format!("/api/v1/assets/{asset}");
    let got = b.get(&url).await;
    let rev: i64 = got.headers["etag"].to_str().unwrap().trim_matches('"').parse().unwrap();
    assert_eq!(got.json()["rev"], rev);
    assert_eq!(b.api(Method::PATCH, &url, None, &json!({ "place": "x" })).await.status, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(b.api(Method::PATCH, &url, Some(rev - 1), &json!({ "place": "x" })).await.status, StatusCode::PRECONDITION_FAILED);
    let done = b.api(Method::PATCH, &url, Some(rev), &json!({ "place": "第2ライン" })).await;
    assert_eq!((done.status, done.json()["ledger"]["place"].clone()), (StatusCode::OK, json!("第2ライン")));
    assert_eq!(done.json()["ledger"]["name"], "PLC-L2-01");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_out_and_come_back_in_utf8_and_shift_jis() {
    let house = House::build().await;
    house.furnish().await;
    let b = house.admin().await;
    let all = b.get("/assets/export.json").await.json();
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let rev = all[0]["rev"].as_i64().unwrap();
    let named = b.api(Method::PATCH, &format!("/api/v1/assets/{id}"), Some(rev), &json!({ "name": "竹下の制御盤", "owner": "山本" })).await;
    assert_eq!(named.status, StatusCode::OK, "{}", named.text());
    let utf8 = b.get("/assets/export.csv").await;
    assert!(utf8.body.starts_with(b"\xef\xbb\xbf") && utf8.text().contains("竹下の制御盤"));
    assert!(utf8.headers["content-disposition"].to_str().unwrap().contains(".csv"));
    let sjis = b.get("/assets/export.csv?encoding=shift_jis").await;
    assert!(encoding_rs::SHIFT_JIS.decode(&sjis.body).0.contains("竹下の制御盤"));
    assert_eq!(b.get("/assets/export.csv?encoding=ebcdic").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(b.get("/assets/export.json?q=nothing-fits").await.json(), json!([]), "an export is what is shown");
    for (bytes, encoding) in [(utf8.body.to_vec(), "auto"), (sjis.body.to_vec(), "auto"), (sjis.body.to_vec(), "shift_jis")] {
        let edited = if bytes.starts_with(b"\xef\xbb\xbf") {
            String::from_utf8(bytes).unwrap().replace("山本", "佐藤").into_bytes()
        } else {
            let text = encoding_rs::SHIFT_JIS.decode(&bytes).0.replace("山本", "佐藤").replace("佐藤", "鈴木");
            encoding_rs::SHIFT_JIS.encode(&text).0.into_owned()
        };
        let csrf = b.get("/assets/import").await.csrf();
        for step in ["check", "apply"] {
            let mut body = Vec::new();
            for (name, value) in [("csrf", csrf.as_str()), ("encoding", encoding), ("step", step)] {
                body.extend_from_slice(format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
            }
            body.extend_from_slice(
                b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\nContent-Type: text/csv\r\n\r\n",
            );
            body.extend_from_slice(&edited);
            body.extend_from_slice(b"\r\n--X--\r\n");
            let answer = b.send(Method::POST, "/assets/import", &[("content-type", "multipart/form-data; boundary=X")], body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert!(!answer.text().contains('⟦'), "{}", answer.text());
        }
    }
    assert_eq!(b.get("/assets/export.json").await.json()[0]["ledger"]["owner"], "鈴木");
    let findings = b.get("/findings/export.csv?status=all&encoding=shift_jis").await;
    assert_eq!(findings.status, StatusCode::OK);
    assert!(findings.headers["content-type"].to_str().unwrap().contains("shift_jis"));
    assert_eq!(b.get("/findings/export.json").await.json().as_array().unwrap().len(), 1);
    house.close().await;
}

/// A small part of JSON Schema 2020-12: what schemas.json uses.
fn fits(schema: &Value, value: &Value, all: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(&all[name.rsplit('/').next().unwrap()], value, all, at);
    }
    for (word, want) in [("oneOf", 1), ("anyOf", 0)] {
        if let Some(list) = schema[word].as_array() {
            let n = list.iter().filter(|s| fits(s, value, all, at).is_ok()).count();
            return if n == want || (want == 0 && n > 0) { Ok(()) } else { Err(format!("{at}: {n} of {word} fit {value}")) };
        }
    }
    if let Some(list) = schema["enum"].as_array() {
        return if list.contains(value) { Ok(()) } else { Err(format!("{at}: {value} is none of {list:?}")) };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Err(format!("{at}: {value} is {kind}, not {kinds:?}"));
    }
    if let Value::Array(items) = value {
        for (i, item) in items.iter().enumerate() {
            fits(&schema["items"], item, all, &format!("{at}[{i}]"))?;
        }
    }
    if let Value::Object(map) = value {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(name) {
                return Err(format!("{at}: {name} is missing"));
            }
        }
        for (name, inner) in map {
            match (schema["properties"].get(name), &schema["additionalProperties"]) {
                (Some(s), _) => fits(s, inner, all, &format!("{at}.{name}"))?,
                (None, Value::Bool(false)) => return Err(format!("{at}: {name} is not in the document")),
                (None, s @ Value::Object(_)) => fits(s, inner, all, &format!("{at}.{name}"))?,
                (None, _) => {}
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_api_have_the_shapes_of_its_document() {
    let house = House::build().await;
    let (asset, finding) = house.furnish().await;
    let b = house.admin().await;
    let started = b.api(Method::POST, "/api/v1/stocktakes", None, &json!({ "name": "x", "discovered": true })).await;
    assert_eq!(started.status, StatusCode::CREATED, "{}", started.text());
    let round = started.json()["id"].as_str().unwrap().to_owned();
    let document = b.get("/api/v1/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    for path in document["paths"].as_object().unwrap().keys() {
        let operation = &document["paths"][path]["get"];
        let Some(shape) = operation["responses"]["200"]["content"]["application/json"]["schema"].as_object() else { continue };
        if path.contains("{epoch}") {
            continue;
        }
        let id = if path.contains("findings") {
            finding.to_string()
        } else if path.contains("stocktakes") {
            round.clone()
        } else {
            asset.to_string()
        };
        let answer = b.get(&path.replace("{id}", &id)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        fits(&Value::Object(shape.clone()), &answer.json(), schemas, path).unwrap();
    }
    let problem = b.get("/api/v1/assets/019ab000-0000-7000-8000-000000000000").await;
    assert_eq!(problem.status, StatusCode::NOT_FOUND);
    fits(&schemas["Problem"], &problem.json(), schemas, "problem").unwrap();
    assert!(fits(&schemas["Problem"], &json!({ "status": "x" }), schemas, "problem").is_err());
    let list = b.get("/api/v1/assets?per_page=1").await.json();
    assert_eq!((list["total"].clone(), list["items"][0]["addresses"][0]["ip"].clone()), (json!(1), json!("192.168.1.20")));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_shown_newest_first_by_asset_and_one_by_one() {
    let house = House::build().await;
    let (asset, _) = house.furnish().await;
    let b = house.admin().await;
    let (now, appender) = (house.now(), house.vault.appender());
    let observation = |ip: &str, mac: &str| model::NewEvent {
        source: model::SourceId(1),
        received: now,
        happened: None,
        body: model::Body::Observation(model::Observation {
            segment: model::Segment { sensor: model::SourceId(1), vlan: 0 },
            mac: Some(mac.parse().unwrap()),
            ip: Some(ip.parse().unwrap()),
            via: model::observation::Via::Arp,
        }),
    };
    let events = vec![observation("192.168.1.20", "3c:52:82:1f:aa:07"), observation("192.168.1.99", "3c:52:82:1f:aa:99")];
    tokio::task::spawn_blocking(move || appender.append_and_wait(&events)).await.unwrap().unwrap();
    let list = b.get("/api/v1/events").await.json();
    let seqs: Vec<i64> = list["items"].as_array().unwrap().iter().map(|e| e["id"]["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, [2, 1]);
    let first = b.get("/api/v1/events?limit=1").await.json();
    assert_eq!(first["next"], 2);
    assert_eq!(b.get("/api/v1/events?limit=1&before=2").await.json()["items"][0]["id"]["seq"], 1);
    let about = b.get(&format!("/api/v1/events?asset={asset}")).await.json();
    assert_eq!(about["items"].as_array().unwrap().len(), 1);
    let epoch = list["items"][0]["id"]["epoch"].as_i64().unwrap();
    for lang in ["ja", "en"] {
        for path in [String::from("/events"), format!("/events?asset={asset}"), format!("/events/{epoch}/1")] {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = b.get(&format!("{path}{join}lang={lang}")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            assert!(!page.text().contains('⟦') && page.text().contains("192.168.1.20"), "{path}");
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_reach_an_open_page_within_a_second_and_what_was_missed_comes_after() {
    let house = House::build().await;
    let b = house.admin().await;
    let cookie = b.cookie();
    let open = async |last: &str| {
        let mut stream = house.tls().await;
        let last = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        let head = format!("GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{last}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    async fn until(stream: &mut (impl AsyncReadExt + Unpin), word: &str) -> String {
        let mut text = String::new();
        let mut buffer = [0u8; 4096];
        while !text.contains(word) {
            let n = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer))
                .await
                .unwrap_or_else(|_| panic!("no {word} in {text}"))
                .unwrap();
            assert!(n > 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        text
    }
    let mut stream = open("").await;
    let hello = until(&mut stream, "event: hello").await;
    assert!(hello.contains("text/event-stream") && hello.contains("retry: "), "{hello}");
    let id = hello.split("id: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    house.notices.send(Notice::Asset(AssetId::NIL)).unwrap();
    let told = until(&mut stream, "event: asset").await;
    assert!(told.contains(&AssetId::NIL.to_string()));
    drop(stream);
    house.notices.send(Notice::Sensor).unwrap();
    let mut again = open(&id).await;
    let missed = until(&mut again, "event: sensor").await;
    assert!(missed.contains("event: asset") && !missed.contains("resync"), "{missed}");
    let mut foreign = open("deadbeef-7").await;
    until(&mut foreign, "event: resync").await;
    // An employee sees no assets, and is not told of them.
    let employee = house.role(Role::Employee).await;
    let mut stream = house.tls().await;
    stream.write_all(format!("GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n", employee.cookie()).as_bytes()).await.unwrap();
    until(&mut stream, "event: hello").await;
    house.notices.send(Notice::Asset(AssetId::NIL)).unwrap();
    house.notices.send(Notice::Sensor).unwrap();
    assert!(!until(&mut stream, "event: sensor").await.contains("event: asset"));
    drop((again, foreign, stream));
    // More streams than one session may have are refused.
    let mut held = Vec::new();
    let mut refused = false;
    for _ in 0..8 {
        let mut stream = open("").await;
        let mut buffer = [0u8; 64];
        let n = stream.read(&mut buffer).await.unwrap();
        refused |= String::from_utf8_lossy(&buffer[..n]).contains(" 429 ");
        held.push(stream);
    }
    assert!(refused);
    let begun = std::time::Instant::now();
    house.close().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "open streams must not hold the stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_is_edited_written_out_and_read_in_again() {
    let house = House::build().await;
    let b = house.admin().await;
    let page = b.get("/settings?lang=en").await;
    assert!(page.text().contains("Act on National Holidays") && page.text().contains("Substitute holiday"));
    let csrf = page.csrf();
    let send = async |rev: &str, fields: &[(&str, &str)]| {
        let mut form = vec![("csrf", csrf.clone()), ("rev", rev.to_owned())];
        form.extend(fields.iter().map(|(k, v)| (*k, (*v).to_owned())));
        b.post("/settings/calendar", &form).await.status
    };
    let add = [("act", "add"), ("from", "2026-08-11"), ("to", "2026-08-16"), ("kind", "off"), ("name", "夏季休業")];
    assert_eq!(send("0", &add).await, StatusCode::SEE_OTHER);
    assert_eq!(send("0", &add).await, StatusCode::CONFLICT, "an old revision");
    assert_eq!(
        send("1", &[("act", "add"), ("from", "2026-08-16"), ("to", "2026-08-11"), ("kind", "off")]).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        send("1", &[("act", "shift"), ("number", "1"), ("hours", "06:00-14:00 22:00-06:00"), ("name", "二交替")]).await,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        send("2", &[("act", "add"), ("from", "2026-09-01"), ("to", ""), ("kind", "shift1"), ("name", "")]).await,
        StatusCode::SEE_OTHER
    );
    assert_eq!(send("3", &[("act", "days"), ("day", "mon"), ("day", "sat")]).await, StatusCode::SEE_OTHER);
    let out = b.get("/settings/calendar.txt").await;
    assert_eq!(
        out.text().lines().collect::<Vec<_>>(),
        [
            "days mon sat",
            "holidays none",
            "shift 1 06:00-14:00 22:00-06:00 二交替",
            "2026-08-11..2026-08-16 off 夏季休業",
            "2026-09-01 shift1"
        ]
    );
    assert_eq!(send("4", &[("act", "unshift"), ("number", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(send("5", &[("act", "remove"), ("from", "2026-08-11"), ("to", "2026-08-16")]).await, StatusCode::SEE_OTHER);
    assert_eq!(b.get("/settings/calendar.txt").await.text(), "days mon sat\nholidays none\n");
    assert_eq!(send("6", &[("act", "replace"), ("text", &out.text())]).await, StatusCode::SEE_OTHER);
    assert_eq!(b.get("/settings/calendar.txt").await.text(), out.text());
    assert_eq!(send("7", &[("act", "replace"), ("text", "some time in summer")]).await, StatusCode::UNPROCESSABLE_ENTITY);
    house.close().await;
}
