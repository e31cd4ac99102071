//! The stocktake over the real console: forms, photos, the API of a phone that comes back, and a list of one's own.

use crate::common::{Answer, Browser, House, escape};
use hyper::{Method, StatusCode};
use model::Role;
use serde_json::json;

async fn registered(b: &Browser<'_>, name: &str, ip: &str) {
    let body = json!({ "ips": [ip], "ledger": { "name": name, "place": "第1ライン", "kind": "switch" } });
    let made = b.api(Method::POST, "/api/v1/assets", None, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
}
async fn multipart(b: &Browser<'_>, to: &str, fields: &[(&str, &str)], file: Option<(&str, &str, &[u8])>) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
    }
    if let Some((field, name, bytes)) = file {
        body.extend_from_slice(
            format!("--X\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--X--\r\n");
    b.send(Method::POST, to, &[("content-type", "multipart/form-data; boundary=X")], body).await
}
/// A small PNG with a place written into it.
fn photo() -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], name, data, b"crc!"].concat();
    let head = [&16u32.to_be_bytes()[..], &16u32.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head), chunk(b"tEXt", b"GPS 35.6"), chunk(b"IDAT", b"x"), chunk(b"IEND", b"")].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_by_plain_forms_and_by_the_phone() {
    let house = House::build().await;
    let b = house.admin().await;
    registered(&b, "SW-1", "192.168.10.1").await;
    registered(&b, "SW-2", "192.168.10.2").await;
    let csrf = b.get("/stocktakes").await.csrf();
    let refused = b.post("/stocktakes", &[("csrf", csrf.clone()), ("name", " ".into())]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let started = b.post("/stocktakes", &[("csrf", csrf.clone()), ("name", "年末".into()), ("due", "2026-11-22".into())]).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text());
    let round = started.location().split('?').next().unwrap().to_owned();
    let id = round.rsplit('/').next().unwrap().to_owned();
    let list = b.get(&format!("/api/v1/stocktakes/{id}/entries")).await.json();
    let entries: Vec<(String, String)> =
        list["items"].as_array().unwrap().iter().map(|e| (e["id"].as_str().unwrap().into(), e["asset"].as_str().unwrap().into())).collect();
    assert_eq!(entries.len(), 2);
    // It is due soon: the front page says so.
    assert!(b.get("/").await.text().contains(&format!("href=\"{round}\"")));
    // A label leads to its entry.
    let led = b.get(&format!("/stocktakes/tag/{}", entries[0].1)).await;
    let page = format!("{round}/entries/{}", entries[0].0);
    assert_eq!(led.location(), page);
    let labels = b.get(&format!("/stocktakes/labels?stocktake={id}")).await.text();
    assert_eq!(labels.matches("shape-rendering").count(), 2);
    // By the form, with a photo; sent twice it counts once.
    let form = b.get(&page).await;
    let tick = form.hidden("tick");
    let fields = [
        ("csrf", csrf.as_str()),
        ("rev", "1"),
        ("tick", tick.as_str()),
        ("result", "moved"),
        ("place_now", "電気室"),
        ("unknown_plugs", "3番"),
    ];
    for _ in 0..2 {
        let said = multipart(&b, &page, &fields, Some(("photo", "IMG.png", &photo()))).await;
        assert_eq!((said.status, said.location()), (StatusCode::SEE_OTHER, format!("{page}?done=ticked")), "{}", said.text());
    }
    let kept = b.get(&format!("{page}/photo")).await;
    assert_eq!(kept.headers["content-type"], "image/png");
    assert!(!kept.body.windows(3).any(|w| w == b"GPS") && kept.headers["x-content-type-options"] == "nosniff");
    // What is no picture is refused in words and nothing is said.
    let fields = [("csrf", csrf.as_str()), ("rev", "2"), ("tick", "019ab000-0000-4000-8000-000000000001"), ("result", "found")];
    let bad = multipart(&b, &page, &fields, Some(("photo", "x.png", b"<svg onload=alert(1)>"))).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.text().contains("JPEG"));
    // The phone: twice the same, then a closed door for what makes no sense.
    let word =
        json!({ "id": "019ab000-0000-4000-8000-0000000000aa", "entry": entries[1].0, "base": 1, "result": "missing", "note": "棚にない" });
    let ticks = format!("/api/v1/stocktakes/{id}/ticks");
    let first = b.api(Method::POST, &ticks, None, &word).await.json();
    assert_eq!((first["outcome"].as_str(), first["rev"].as_i64()), (Some("saved"), Some(2)));
    assert_eq!(b.api(Method::POST, &ticks, None, &word).await.json(), first);
    for bad in [
        json!({}),
        json!({ "id": "x" }),
        json!({ "id": "019ab000-0000-4000-8000-0000000000aa", "entry": entries[1].0, "base": 1, "result": "found" }),
        json!({ "id": "019ab000-0000-4000-8000-0000000000ab", "entry": entries[1].0, "base": 1, "result": "moved" }),
    ] {
        assert_eq!(b.api(Method::POST, &ticks, None, &bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    // Somebody else says otherwise, having seen the first revision.
    let other = house.role(Role::SiteEngineer).await;
    let against = json!({ "id": "019ab000-0000-4000-8000-0000000000ac", "entry": entries[1].0, "base": 1, "result": "found" });
    assert_eq!(other.api(Method::POST, &ticks, None, &against).await.json()["outcome"], "conflict");
    let close = |rest: &'static str| {
        [("csrf", csrf.clone()), ("rev", "1".into()), ("rest", rest.to_owned()), ("apply", "yes".into()), ("next_due", "2027-05-20".into())]
    };
    let early = b.post(&format!("{round}/close"), &close("")).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.text().contains("食い違い"));
    let settle = [("csrf", csrf.clone()), ("tick", "019ab000-0000-4000-8000-0000000000ac".into()), ("take", "no".into())];
    assert_eq!(b.post(&format!("{round}/settle"), &settle).await.status, StatusCode::SEE_OTHER);
    let closed = b.post(&format!("{round}/close"), &close("")).await;
    assert_eq!(closed.location(), format!("{round}?done=stock-closed"), "{}", closed.text());
    let report = b.get(&round).await.text();
    assert!(report.contains("電気室") && report.contains("棚にない"), "{report}");
    let csv = b.get(&format!("{round}/export.csv")).await.text();
    assert!(csv.starts_with('\u{feff}') && csv.lines().count() == 3, "{csv}");
    let xlsx = b.get(&format!("{round}/export.xlsx")).await;
    assert_eq!(state::sheet::read(&xlsx.body).unwrap().rows.len(), 3);
    assert_eq!(b.get(&format!("/api/v1/assets/{}", entries[0].1)).await.json()["ledger"]["place"], "電気室");
    // The worker answers for the stocktake's pages and no others.
    let worker = b.get("/ui/stocktake-worker.js").await;
    assert_eq!(worker.headers["service-worker-allowed"], "/stocktakes");
    assert!(!b.get("/ui/console.js").await.headers.contains_key("service-worker-allowed"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_ones_own_is_mapped_checked_taken_over_and_remembered() {
    let house = House::build().await;
    let b = house.admin().await;
    let csrf = b.get("/assets/import").await.csrf();
    let table = state::sheet::Table {
        title: "台帳".into(),
        head: vec!["何という機器か".into(), "どこ".into(), "IPアドレス".into()],
        rows: vec![
            vec!["PLC-1".into(), "第1ライン".into(), "192.168.10.11".into()],
            vec!["HMI-1".into(), "第1ライン".into(), "192.168.10".into()],
        ],
    };
    let file = state::sheet::write_xlsx(&table).unwrap();
    let send = async |step: &str| {
        multipart(&b, "/assets/import", &[("csrf", csrf.as_str()), ("step", step)], Some(("file", "台帳.xlsx", &file))).await
    };
    let first = send("check").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let held = first.hidden("held");
    let mapped = [
        ("csrf", csrf.clone()),
        ("held", held.clone()),
        ("m0", "name".into()),
        ("m1", "place".into()),
        ("m2", "ip_address".into()),
        ("step", "check".into()),
    ];
    let checked = b.post("/assets/import", &mapped).await.text();
    assert!(checked.contains("PLC-1") && checked.contains("第1ライン"), "{checked}");
    assert!(checked.contains("192.168.10」は IP アドレスではありません"), "{checked}");
    assert_eq!(b.get("/api/v1/assets").await.json()["total"], 0, "only checked");
    let mut apply = mapped.to_vec();
    apply[5].1 = "apply".into();
    assert_eq!(b.post("/assets/import", &apply).await.status, StatusCode::OK);
    assert_eq!(b.get("/api/v1/assets").await.json()["total"], 1);
    // The same file again: known, and nothing to do.
    let again = send("check").await.text();
    assert!(again.contains("前回の意味") && !again.contains("value=\"apply\">1"), "{again}");
    // Somebody else's word for a held file opens nothing.
    let other = house.role(Role::SiteEngineer).await;
    let theirs = other.get("/assets/import").await.csrf();
    let stolen = other.post("/assets/import", &[("csrf", theirs), ("held", again_held(&again)), ("step", "check".into())]).await;
    assert_eq!(stolen.status, StatusCode::UNPROCESSABLE_ENTITY);
    let macros =
        multipart(&b, "/assets/import", &[("csrf", csrf.as_str()), ("step", "check")], Some(("file", "x.xls", b"\xd0\xcf\x11\xe0 old")))
            .await;
    assert_eq!(macros.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(macros.text().contains(".xls"), "{}", escape(""));
    house.close().await;
}

fn again_held(page: &str) -> String {
    page.split("name=\"held\" value=\"").nth(1).and_then(|x| x.split('"').next()).unwrap().to_owned()
}
