//! The vault's page, the search over records, what is taken out, and each record's proof.

use crate::common::{Answer, Browser, House};
use hyper::StatusCode;
use model::event::{Deed, LogRecord, Table};
use model::{Body, NewEvent, Role, SourceId, Span, Time};
use std::time::Duration;

fn observation(at: Time, ip: &str, mac: &str) -> NewEvent {
    let body = Body::Observation(model::Observation {
        segment: model::Segment { sensor: SourceId(1), vlan: 0 },
        mac: Some(mac.parse().unwrap()),
        ip: Some(ip.parse().unwrap()),
        via: model::observation::Via::Arp,
    });
    NewEvent { source: SourceId(1), received: at, happened: None, body }
}

fn line(at: Time, source: u16, host: &str, text: &str) -> NewEvent {
    let log = LogRecord { host: host.into(), application: "sshd".into(), text: text.into(), ..LogRecord::default() };
    NewEvent { source: SourceId(source), received: at, happened: None, body: Body::Log(Box::new(log)) }
}

async fn fill(house: &House, events: Vec<NewEvent>) {
    let appender = house.vault.appender();
    tokio::task::spawn_blocking(move || appender.append_and_wait(&events)).await.unwrap().unwrap();
}

/// Two observations and three lines of logs, an hour apart.
async fn some(house: &House) {
    let at = |h: i64| house.now() - Span::hours(h);
    let events = vec![
        observation(at(5), "192.168.1.20", "3c:52:82:1f:aa:07"),
        observation(at(4), "192.168.1.99", "3c:52:82:1f:aa:99"),
        line(at(3), 7, "nas-01", "Failed password for admin from 192.168.1.99"),
        line(at(2), 7, "nas-01", "ログインに失敗しました"),
        line(at(1), 8, "pc-2", "session opened, \"all good\""),
    ];
    fill(house, events).await;
}

/// The numbers of the records that a page lists.
fn listed(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = answer.text();
    let table = text.split("<table class=\"stack sticky\">").nth(1).unwrap_or_default();
    table.split("class=\"name\"><a href=\"/events/1/").skip(1).map(|p| p.split('"').next().unwrap().parse().unwrap()).collect()
}

async fn search(b: &Browser<'_>, words: &str) -> Vec<u64> {
    listed(&b.get(&format!("/events?q={}", crate::common::escape(words))).await)
}

async fn deeds(house: &House) -> Vec<Deed> {
    let all = house.pipeline.outbox(1000).await.unwrap();
    all.into_iter().filter_map(|(_, e)| if let Body::Audit(a) = e.body { Some(a.deed) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_find_records() {
    let house = House::build().await;
    house.furnish().await;
    let b = house.admin().await;
    some(&house).await;
    assert_eq!(search(&b, "").await, [5, 4, 3, 2, 1]);
    assert_eq!(search(&b, "192.168.1.99").await, [3, 2], "in a column or in the text");
    assert_eq!(search(&b, "\"192.168.1.99\"").await, [3, 2], "in quotes it is text");
    assert_eq!(search(&b, "192.168.1").await, [3, 2, 1], "a part of it");
    for mac in ["3C-52-82-1F-AA-07", "3c52.821f.aa07", "３ｃ:52:82:1f:aa:07"] {
        assert_eq!(search(&b, mac).await, [1], "{mac}");
    }
    assert_eq!(search(&b, "ﾛｸﾞｲﾝ").await, [4], "half-width katakana");
    assert_eq!(search(&b, "ｎａｓ－０１ -失敗").await, [3]);
    assert_eq!(search(&b, "fail").await, [3], "the beginning of a word");
    assert_eq!(search(&b, "\"fail\"").await, Vec::<u64>::new(), "in quotes it is whole");
    assert_eq!(search(&b, "*essi").await, [5], "within a word");
    assert_eq!(search(&b, "\"password for admin\"").await, [3]);
    assert_eq!(search(&b, "host:nas-01 -種類:観測").await, [4, 3]);
    assert_eq!(search(&b, "user:admin").await, [3]);
    assert_eq!(search(&b, "source:8").await, [5]);
    assert_eq!(search(&b, "-table:log").await, [2, 1]);
    assert_eq!(search(&b, "ログ").await, [5, 4, 3]);
    assert_eq!(search(&b, "logs FAILED password").await, [3]);
    assert_eq!(search(&b, "失敗").await, [4]);
    assert_eq!(search(&b, "\"\"").await.len(), 5);
    assert_eq!(search(&b, "nas-01 log").await, [4, 3], "the name of a host in a log");
    assert_eq!(search(&b, "modbus").await, Vec::<u64>::new());
    assert_eq!(search(&b, "from:3h").await, [5, 4, 3]);
    assert_eq!(search(&b, "from:4h to:2h").await, [3, 2]);
    let wrong = b.get("/events?q=from%3Asoon").await;
    assert!(wrong.text().contains("role=\"alert\"") && listed(&wrong).is_empty());
    assert_eq!(listed(&b.get("/events?sensor=8").await), [5]);
    assert_eq!(listed(&b.get("/events?table=log&q=nas-01&after=3").await), [4]);
    assert_eq!(listed(&b.get("/events?before=3").await), [2, 1]);
    assert_eq!(b.get("/api/v1/events?q=%E5%A4%B1%E6%95%97").await.json()["items"][0]["id"]["seq"], 4);
    // The asset at 192.168.1.20 has a name: by it its records are found.
    let list = b.get("/api/v1/assets").await.json();
    let label = list["items"][0]["label"].as_str().unwrap_or("192.168.1.20").to_owned();
    assert_eq!(search(&b, &label).await, [1], "{label}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_when_and_by_what() {
    let house = House::build().await;
    house.furnish().await;
    let b = house.admin().await;
    some(&house).await;
    for lang in ["ja", "en"] {
        let page = b.get(&format!("/events?lang={lang}&q=from%3A1d")).await.text();
        assert!(!page.contains('⟦'), "{page}");
        assert!(page.contains("<svg class=\"brush\"") && page.contains("table=log"), "{page}");
        assert!(page.contains("sensor=7") && page.contains("asset="), "facets");
    }
    let page = b.get("/events").await.text();
    let bar = page.split("<svg class=\"brush\"").nth(1).unwrap().split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    let bar = bar.replace("&amp;", "&");
    assert_eq!(listed(&b.get(&bar).await), [1], "{bar}");
    // 120 more: the list goes on in parts that new records do not move.
    fill(&house, (0..120).map(|n| line(house.now(), 7, "nas-01", &format!("line {n}"))).collect()).await;
    let first = b.get("/events?q=line").await;
    assert_eq!(listed(&first).len(), 100);
    let next =
        first.text().split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    fill(&house, vec![line(house.now(), 7, "nas-01", "line of later")]).await;
    let second = listed(&b.get(&next).await);
    assert_eq!((second.len(), second.first().copied(), second.last().copied()), (20, Some(25), Some(6)), "{next}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_taken_out_and_written_down() {
    let house = House::build().await;
    let b = house.admin().await;
    some(&house).await;
    let page = b.get("/events?q=log").await.text();
    let query = page.split("/events/export.csv?").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    // A record that came after the page was drawn is not in what is taken out.
    fill(&house, vec![line(house.now(), 7, "nas-01", "too late")]).await;
    let csv = b.get(&format!("/events/export.csv?{query}")).await;
    assert_eq!(csv.status, StatusCode::OK, "{}", csv.text());
    assert!(csv.body.starts_with(b"\xef\xbb\xbf"), "Excel needs the mark");
    let text = csv.text();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("ログインに失敗しました") && !text.contains("too late"));
    let json = b.get(&format!("/events/export.json?{query}")).await.json();
    assert_eq!(json.as_array().unwrap().iter().map(|e| e["id"]["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 4, 3]);
    let pack = b.get(&format!("/events/pack.zip?{query}")).await;
    assert_eq!(pack.status, StatusCode::OK, "{}", pack.text());
    assert!(pack.body.starts_with(b"PK\x03\x04"));
    let raw = String::from_utf8_lossy(&pack.body).into_owned();
    for part in ["hinomi evidence pack v1", "verify.html", "records.json", "ログインに失敗しました"] {
        assert!(raw.contains(part), "{part}");
    }
    assert!(!raw.contains("/*NAMES*/") && !raw.contains("too late"));
    let one = b.get("/events/1/4/pack.zip").await;
    assert!(one.status == StatusCode::OK && !String::from_utf8_lossy(&one.body).contains("session opened"));
    assert_eq!(b.get("/events/1/99/pack.zip").await.status, StatusCode::NOT_FOUND);
    assert_eq!(b.get("/events/pack.zip?q=nothing-at-all").await.status, StatusCode::BAD_REQUEST);
    let said: Vec<(String, u64)> = deeds(&house)
        .await
        .into_iter()
        .filter_map(|d| if let Deed::Exported { what, rows } = d { Some((what, rows)) } else { None })
        .collect();
    let kinds: Vec<(&str, bool, u64)> =
        said.iter().map(|(what, n)| (what.split(':').next().unwrap(), what.ends_with("(begun)"), *n)).collect();
    let expected = [
        ("events (csv)", true, 0),
        ("events (csv)", false, 3),
        ("events (json)", true, 0),
        ("events (json)", false, 3),
        ("evidence pack", false, 3),
        ("evidence pack", false, 1),
    ];
    assert_eq!(kinds, expected, "{said:?}");
    assert!(said.iter().all(|(what, _)| what.starts_with("evidence") || what.contains("q=log")), "the question is in it: {said:?}");
    house.close().await;
}

/// Until something is so, at most ten seconds.
async fn until(what: &str, mut test: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !test().await {
        assert!(began.elapsed() < Duration::from_secs(10), "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_fits_is_taken_out_however_much_it_is() {
    let house = House::build().await;
    let b = house.admin().await;
    fill(&house, (0..6_200).map(|n| line(house.now(), 7, "nas-01", &format!("line {n}, \"x\""))).collect()).await;
    fill(&house, (0..50).map(|n| line(house.now(), 8, "pc-2", &format!("other {n}"))).collect()).await;
    let page = b.get("/events?q=nas-01").await.text();
    let query = page.split("/events/export.jsonl?").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let lines = b.get(&format!("/events/export.jsonl?{query}")).await;
    assert_eq!(lines.status, StatusCode::OK);
    let seqs: Vec<u64> =
        lines.text().lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["id"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=6_200).rev().collect::<Vec<_>>(), "each once, the newest first");
    let json = b.get(&format!("/events/export.json?{query}")).await.json();
    assert_eq!(json.as_array().unwrap().len(), 6_200);
    let csv = b.get(&format!("/events/export.csv?{query}")).await.text();
    assert_eq!((csv.lines().count(), csv.matches("line 0, \"\"x\"\"").count()), (6_201, 2), "one head, one mark");
    let sjis = b.get(&format!("/events/export.csv?{query}&encoding=shift_jis")).await;
    assert!(!sjis.body.starts_with(b"\xef\xbb\xbf"));
    assert_eq!(b.get("/events/export.json?q=nothing-at-all").await.json().as_array().unwrap().len(), 0);
    assert_eq!(b.get("/events/export.jsonl?q=from%3Asoon").await.status, StatusCode::BAD_REQUEST);
    until("the deeds", async || {
        let whole = |d: &Deed| matches!(d, Deed::Exported { rows: 6_200, what } if !what.contains("broken off"));
        deeds(&house).await.iter().filter(|d| whole(d)).count() == 4
    })
    .await;
    // The pack is of what was found for the page, and holds.
    let pack = page.split("/events/pack.zip?").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let bytes = b.get(&format!("/events/pack.zip?{pack}")).await.body;
    let raw = String::from_utf8_lossy(&bytes);
    let records = raw.split("records.json").nth(2).unwrap_or_default();
    assert!(bytes.starts_with(b"PK\x03\x04") && records.matches("\"table\":\"log\"").count() >= 100, "{}", records.len());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_written_from_the_page_and_its_end_is_shown() {
    let house = House::build().await;
    let b = house.admin().await;
    some(&house).await;
    let target = tempfile::tempdir().unwrap();
    let folder = target.path().join("nas");
    std::fs::create_dir(&folder).unwrap();
    let shown = folder.display().to_string();
    let form = |csrf: String, act: &str, folder: &str| vec![("csrf", csrf), ("act", act.to_owned()), ("folder", folder.to_owned())];
    let csrf = b.get("/vault").await.csrf();
    for wrong in ["", "relative", "/mnt/../etc", "/there/is/no/such/folder"] {
        assert_eq!(b.post("/vault/export", &form(csrf.clone(), "start", wrong)).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(b.post("/vault/export", &form(csrf.clone(), "burn", &shown)).await.status, StatusCode::BAD_REQUEST);
    assert!(house.vault.status().exports.is_empty() && house.vault.status().exporting.is_none());
    let begun = b.post("/vault/export", &form(csrf.clone(), "start", &shown)).await;
    assert_eq!((begun.status, begun.location()), (StatusCode::SEE_OTHER, "/vault?done=export-began#exports".into()));
    until("the end", async || house.vault.status().exports.len() == 1).await;
    let run = house.vault.status().exports.pop().unwrap();
    assert!(run.is_good(), "{run:?}");
    for lang in ["ja", "en"] {
        let page = b.get(&format!("/vault?lang={lang}")).await.text();
        assert!(page.contains(&shown) && page.contains("id=\"exports\"") && !page.contains('⟦'), "{page}");
    }
    let exports = b.get("/api/v1/vault/exports").await.json();
    assert_eq!((exports["items"][0]["target"].as_str(), exports["running"].is_null()), (Some(shown.as_str()), true));
    assert!(deeds(&house).await.iter().any(|d| matches!(d, Deed::Exported { what, .. } if what.contains(&shown))), "a deed");
    let problems = vault::archive::check(&vault::archive::volumes_of(&folder).unwrap(), |_| true).unwrap().problems;
    assert_eq!(problems, Vec::<String>::new());
    // The share is gone: its mount point is empty.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let away = b.post("/vault/export", &form(csrf.clone(), "start", &shown)).await;
    assert_eq!(away.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(b.post("/vault/export", &form(csrf, "stop", "")).await.status, StatusCode::SEE_OTHER, "stopping nothing is no mistake");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_archive_is_told_today_until_there_is_one() {
    let house = House::build().await;
    let b = house.admin().await;
    fill(&house, vec![line(house.now() - Span::days(40), 7, "nas-01", "old")]).await;
    assert!(b.get("/?lang=en").await.text().contains("/vault#exports"), "forty days and no archive");
    assert!(b.get("/vault?lang=en").await.text().contains("never copied"));
    assert!(b.get("/api/v1/vault/exports").await.json()["late_since"].is_string());
    let target = tempfile::tempdir().unwrap();
    let (vault, to) = (house.vault.clone(), target.path().to_path_buf());
    let ask = vault::Export { target: to, by: "t".into(), ..vault::Export::default() };
    tokio::task::spawn_blocking(move || vault.export(&ask, |_, _| true)).await.unwrap().unwrap();
    assert!(!b.get("/?lang=en").await.text().contains("/vault#exports"), "it ends by itself");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_are_kept_and_forgotten() {
    let house = House::build().await;
    let b = house.role(Role::Auditor).await;
    some(&house).await;
    let page = b.get("/events?q=%E5%A4%B1%E6%95%97&table=log").await;
    let query = page.hidden("query").replace("&#38;", "&").replace("&amp;", "&");
    let keep = |name: &str| vec![("csrf", page.csrf()), ("act", "keep".into()), ("name", name.to_owned()), ("query", query.clone())];
    let done = b.post("/events/searches", &keep("夜の失敗")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert!(done.location().starts_with("/events?q="), "{}", done.location());
    assert_eq!(b.post("/events/searches", &keep("")).await.status, StatusCode::BAD_REQUEST);
    let page = b.get("/events").await;
    assert!(page.text().contains("夜の失敗"), "{}", page.text());
    assert!(!house.admin().await.get("/events").await.text().contains("夜の失敗"), "nobody else sees it");
    let text = page.text();
    let id = text.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    b.post("/events/searches", &[("csrf", page.csrf()), ("act", "forget".into()), ("id", id)]).await;
    assert!(!b.get("/events").await.text().contains("夜の失敗"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_shows_how_it_is_proven() {
    let house = House::build().await;
    let b = house.admin().await;
    some(&house).await;
    let vault = house.vault.clone();
    tokio::task::spawn_blocking(move || vault.commit()).await.unwrap().unwrap();
    let state = house.vault.proof_state(Table::Log, 4).unwrap().unwrap();
    assert_eq!((state.position, state.count), (Some(1), 3), "{state:?}");
    assert_eq!(house.vault.proof_state(Table::Log, 99).unwrap(), None);
    for lang in ["ja", "en"] {
        let page = b.get(&format!("/events/1/4?lang={lang}")).await.text();
        assert!(page.contains("/events/1/4/pack.zip") && page.contains('▲') && !page.contains('⟦'), "{page}");
        assert!(
            page.contains("ログインに失敗しました") && (page.contains("&#34;received&#34;") || page.contains("\"received\"")),
            "readable form"
        );
    }
    // In segment files it is the same.
    let vault = house.vault.clone();
    tokio::task::spawn_blocking(move || vault.seal()).await.unwrap().unwrap();
    assert_eq!(house.vault.proof_state(Table::Log, 4).unwrap().unwrap().position, Some(1));
    // An outsider's time stamp covers it.
    house.vault.keep_stamp(house.vault.status().log.size, b"question", b"answer").unwrap();
    let page = b.get("/events/1/4").await.text();
    assert!(page.contains("tag ok"), "{page}");
    let b2 = house.role(Role::Executive).await;
    assert!(b2.get("/").await.text().contains("href=\"/vault\""), "the front page says how old the last word from outside is");
    house.close().await;
}

/// What was erased on request says so: on its own page, above the list, and in the log of deeds; whoever sees one zone learns nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_record_says_that_it_was_erased() {
    let house = House::build().await;
    let b = house.admin().await;
    some(&house).await;
    assert!(!b.get("/events").await.text().contains("消去済み"));
    let vault = house.vault.clone();
    let ask = vault::erase::Erase { seqs: vec![3], reason: "請求 12 号".into(), by: "佐藤".into(), ..vault::erase::Erase::default() };
    tokio::task::spawn_blocking(move || vault.erase(&ask)).await.unwrap().unwrap();
    let page = b.get("/events/1/3").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(text.contains("消去済み") && text.contains("請求 12 号 (佐藤)") && !text.contains("Failed password"), "{text}");
    let list = b.get("/events?lang=en").await;
    assert!(!listed(&list).contains(&3) && listed(&list).contains(&4));
    let text = list.text();
    assert!(text.contains("Records here were erased on request") && text.contains("href=\"/events/1/3\"") && text.contains("#3"), "{text}");
    assert!(!b.get("/events?before=3").await.text().contains("消去済み"), "it is not among these numbers");
    assert_eq!(b.get("/events/1/9999").await.status, StatusCode::NOT_FOUND);
    let deed = Deed::RecordsErased { rows: 1, batches: 1, reason: "請求 12 号".into() };
    let audit = model::event::Audit { user: None, actor: "佐藤".into(), from: None, action: "vault.erase".into(), deed, number: None };
    fill(&house, vec![NewEvent { source: SourceId(0), received: house.now(), happened: None, body: Body::Audit(Box::new(audit)) }]).await;
    assert!(b.get("/events").await.text().contains("求めに応じて記録を消去した"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vault_tells_how_it_is() {
    let house = House::build().await;
    let mut b = house.admin().await;
    for lang in ["ja", "en"] {
        b.language = lang;
        for path in ["/vault", "/vault/checkpoint"] {
            let page = b.get(&format!("{path}?lang={lang}")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            assert!(!page.text().contains('⟦'), "{lang} {path}: empty");
        }
    }
    some(&house).await;
    let vault = house.vault.clone();
    tokio::task::spawn_blocking(move || vault.seal()).await.unwrap().unwrap();
    let page = b.get("/vault?lang=en").await.text();
    let print: String = house.vault.status().log.fingerprint;
    assert!(page.contains(&print) && page.contains("Nobody outside has seen the log yet") && page.contains("/events?table=log"), "{page}");
    let paper = b.get("/vault/checkpoint").await.text();
    assert!(paper.contains(&print) && paper.matches("<svg viewBox").count() >= 2, "{paper}");
    assert!(paper.contains(house.vault.checkpoint().unwrap().lines().nth(2).unwrap()), "the root");
    let stamp_at = house.vault.status().log.size;
    house.vault.keep_stamp(stamp_at, b"question", b"answer").unwrap();
    assert!(!b.get("/vault?lang=en").await.text().contains("Nobody outside has seen"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_looked_through_when_asked() {
    let house = House::build().await;
    let mut b = house.admin().await;
    b.language = "en";
    some(&house).await;
    let page = b.get("/vault").await;
    let done = b.post("/vault/verify", &[("csrf", page.csrf()), ("depth", "deep".into())]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if b.get("/vault").await.text().contains("Everything is as it was written") {
            break;
        }
    }
    let page = b.get("/vault").await.text();
    assert!(page.contains("Everything is as it was written") && page.contains("with the proof of every record"), "{page}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_added_and_lifted_with_a_reason() {
    let house = House::build().await;
    let b = house.admin().await;
    let csrf = b.get("/vault").await.csrf();
    let send = async |act: &str, name: &str, reason: &str, table: &str, from: &str, to: &str| {
        let form = [("csrf", csrf.clone()), ("act", act.into()), ("name", name.into()), ("reason", reason.into())];
        let more = [("table", table.to_owned()), ("from", from.to_owned()), ("to", to.to_owned())];
        b.post("/vault/holds", &form.into_iter().chain(more).collect::<Vec<_>>()).await.status
    };
    assert_eq!(send("add", "11月の調査", "", "", "", "").await, StatusCode::UNPROCESSABLE_ENTITY, "a reason is needed");
    let wrong = ("2026-11-20T00:00", "2026-11-19T00:00");
    assert_eq!(send("add", "11月の調査", "警察に相談中", "log", wrong.0, wrong.1).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(house.vault.holds().is_empty());
    assert_eq!(send("add", "11月の調査", "警察に相談中", "log", "2026-11-19T00:00", "").await, StatusCode::SEE_OTHER);
    assert_eq!(send("add", "11月の調査", "もう一度", "", "", "").await, StatusCode::UNPROCESSABLE_ENTITY, "there is one of that name");
    let held = house.vault.holds();
    assert_eq!((held.len(), held[0].tables, held[0].from), (1, Table::Log.bit(), Time::parse_rfc3339("2026-11-18T15:00:00Z")));
    assert!(held[0].reason.contains("警察に相談中") && held[0].reason.contains("admin"), "{:?}", held[0]);
    let page = b.get("/vault").await.text();
    assert!(page.contains("11月の調査") && page.contains("/events?table=log"), "{page}");
    assert_eq!(send("lift", "no such", "済んだ", "", "", "").await, StatusCode::NOT_FOUND);
    assert_eq!(send("lift", "11月の調査", "済んだ", "", "", "").await, StatusCode::SEE_OTHER);
    assert!(house.vault.holds().is_empty());
    let said: Vec<String> = deeds(&house)
        .await
        .into_iter()
        .filter_map(|d| match d {
            Deed::HoldPlaced { name, query, reason } => Some(format!("+ {name} {query} {reason}")),
            Deed::HoldLifted { name, query, reason } => Some(format!("- {name} {query} {reason}")),
            _ => None,
        })
        .collect();
    let kept = "log received 2026-11-18T15:00:00.000000000Z..";
    assert_eq!(said, [format!("+ 11月の調査 {kept} 警察に相談中"), format!("- 11月の調査 {kept} 済んだ")]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_table_are_set_on_the_vaults_page() {
    let house = House::build().await;
    let b = house.admin().await;
    let csrf = b.get("/vault").await.csrf();
    let send = async |key: &str, rev: &str, value: &str| {
        let form = [("csrf", csrf.clone()), ("key", key.into()), ("rev", rev.into()), ("value", value.into())];
        b.post("/vault/retention", &form).await.status
    };
    assert_eq!(send("retention_flow_days", "0", "90").await, StatusCode::SEE_OTHER);
    assert_eq!(send("retention_flow_days", "0", "91").await, StatusCode::CONFLICT);
    assert_eq!(send("retention_flow_days", "1", "0").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send("site_name", "0", "x").await, StatusCode::BAD_REQUEST, "only those of the vault");
    assert_eq!(house.pipeline.setting_number("retention_flow_days").await.unwrap(), 90);
    assert!(b.get("/vault").await.text().contains("value=\"90\""));
    assert!(!b.get("/settings").await.text().contains("retention_flow_days"));
    house.close().await;
}

/// The addresses of a page's links, without what the page says.
async fn numbers(b: &Browser<'_>, path: &str) -> Vec<u64> {
    listed(&b.get(path).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_one_zone_gets_its_records_only_on_every_way_out() {
    let house = House::build().await;
    house.furnish().await;
    let here = house.zone("line 1", "192.168.1.0/24").await;
    let elsewhere = house.zone("office", "10.0.0.0/8").await;
    some(&house).await;
    let audit =
        model::event::Audit { user: None, actor: "佐藤".into(), from: None, action: "run".into(), deed: Deed::Stopped, number: None };
    fill(&house, vec![NewEvent { source: SourceId(0), received: house.now(), happened: None, body: Body::Audit(Box::new(audit)) }]).await;
    // Of the six records only the first is of an asset of the zone.
    let whole = house.role(Role::Auditor).await;
    assert_eq!(numbers(&whole, "/events").await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(numbers(&house.role(Role::SiteEngineer).await, "/events").await, [5, 4, 3, 2, 1], "what people did is not for everybody");
    let ours = house.role_in(Role::SiteEngineer, Some(here)).await;
    let others = house.role_in(Role::SiteEngineer, Some(elsewhere)).await;
    for (b, seen) in [(&ours, vec![1]), (&others, vec![])] {
        assert_eq!(numbers(b, "/events").await, seen);
        for q in ["192.168.1", "-table:flow", "失敗", "192.168.1.99", "source:7", "from:9d", "佐藤"] {
            let found = search(b, q).await;
            assert!(found.iter().all(|s| seen.contains(s)), "{q}: {found:?}");
        }
        for seq in 1..=6u64 {
            let wanted = if seen.contains(&seq) { StatusCode::OK } else { StatusCode::NOT_FOUND };
            for path in [format!("/events/1/{seq}"), format!("/events/1/{seq}/pack.zip"), format!("/api/v1/events/1/{seq}")] {
                assert_eq!(b.get(&path).await.status, wanted, "{path}");
            }
        }
        // Taken out: as a table, as JSON, as an evidence pack, by the API.
        for query in ["", "?q=nas-01", "?table=log", "?q=%E5%A4%B1%E6%95%97"] {
            let secret = |t: String| ["nas-01", "ログインに失敗", "192.168.1.99", "aa:99", "pc-2"].iter().any(|s| t.contains(s));
            for path in [format!("/events/export.csv{query}"), format!("/events/export.json{query}"), format!("/api/v1/events{query}")] {
                let answer = b.get(&path).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                assert!(!secret(answer.text()), "{path}: {}", answer.text());
            }
            let pack = b.get(&format!("/events/pack.zip{query}")).await;
            let any = query.is_empty() && !seen.is_empty();
            assert_eq!(pack.status, if any { StatusCode::OK } else { StatusCode::BAD_REQUEST }, "{query}");
            assert!(!any || !secret(pack.text()), "the pack has records of others");
        }
        assert_eq!(b.get("/api/v1/events").await.json()["items"].as_array().unwrap().len(), seen.len());
        // Facets and pictures are of what they see.
        let page = b.get("/events").await.text();
        assert!(!page.contains("sensor=7"), "{page}");
        // Questions with a name.
        let words = b.get("/events/questions?name=words&ask=yes&words=nas-01").await;
        assert!(words.status == StatusCode::OK && !words.text().contains("href=\"/events/1/"), "{}", words.text());
        let gaps = b.get("/events/questions?name=gaps&ask=yes&from=2026-11-01&to=2026-11-30&lang=en").await.text();
        assert!(gaps.contains("reaches the whole site"), "{gaps}");
        // A search that somebody else kept shows nothing more when its link is passed on.
        let page = b.get("/events?q=%E5%A4%B1%E6%95%97").await;
        let keep = [("csrf", page.csrf()), ("act", "keep".into()), ("name", "x".into()), ("query", "q=%E5%A4%B1%E6%95%97".into())];
        let kept = b.post("/events/searches", &keep).await;
        assert!(listed(&b.get(&kept.location()).await).is_empty());
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_search_is_written_down_with_who_asked() {
    let house = House::build().await;
    let b = house.role(Role::Auditor).await;
    some(&house).await;
    search(&b, "失敗 table:log").await;
    b.get("/api/v1/events?q=nas-01").await;
    b.get("/events/questions?name=words&ask=yes&words=nas-01").await;
    let all = house.pipeline.outbox(1000).await.unwrap();
    let asked: Vec<(String, String, u64)> = all
        .into_iter()
        .filter_map(|(_, e)| match e.body {
            Body::Audit(a) => match a.deed {
                Deed::Asked { question, rows } => Some((a.actor, question, rows)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|a| a.0.starts_with("auditor")), "{asked:?}");
    assert_eq!((asked[0].1.as_str(), asked[0].2), ("q=失敗 table:log", 1));
    assert_eq!((asked[1].1.as_str(), asked[1].2), ("q=nas-01", 2));
    assert!(asked[2].1.starts_with("words words=nas-01"), "{asked:?}");
    house.close().await;
}

/// What was asked that holds this word.
async fn asked_with(house: &House, word: &str) -> usize {
    deeds(house).await.into_iter().filter(|d| matches!(d, Deed::Asked { question, .. } if question.contains(word))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_when_the_browser_goes_away() {
    let house = House::build().await;
    let b = house.admin().await;
    for part in 0..30i64 {
        let text = "認証 authentication of somebody somewhere, again and again, ".repeat(8);
        fill(&house, (0..5000).map(|n| line(house.now(), 7, "nas-01", &format!("{text}{}", part * 5000 + n))).collect()).await;
    }
    // Parts of words have no index: every line is read.
    let began = std::time::Instant::now();
    assert!(search(&b, "*zzqq").await.is_empty());
    let took = began.elapsed();
    assert_eq!(asked_with(&house, "*zzqq").await, 1);
    assert!(took > Duration::from_millis(60), "too quick to be broken off: {took:?}");
    let began = std::time::Instant::now();
    let mut stream = house.tls().await;
    let request = format!("GET /events?q=*zzrr HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n", b.cookie());
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::flush(&mut stream).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(stream);
    tokio::time::sleep(took * 3 + Duration::from_secs(1)).await;
    assert_eq!(asked_with(&house, "*zzrr").await, 0, "answered to nobody after {:?}", began.elapsed());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_named_question_is_offered_and_answered() {
    let house = House::build().await;
    house.furnish().await;
    let b = house.admin().await;
    some(&house).await;
    let page = b.get("/events").await.text();
    for q in vault::ask::questions::ALL {
        assert!(page.contains(&format!("/events/questions?name={}", q.name)), "{}", q.name);
        for lang in ["ja", "en"] {
            let form = b.get(&format!("/events/questions?name={}&lang={lang}", q.name)).await.text();
            assert!(!form.contains('⟦') && q.params.iter().all(|p| form.contains(&format!("name=\"{}\"", p.name))), "{}: {form}", q.name);
            let mut path = format!("/events/questions?name={}&ask=yes&explain=yes&lang={lang}", q.name);
            for p in q.params {
                let value = match p.name {
                    "address" => "192.168.1.20",
                    "from" | "before" => "2026-11-01T00:00",
                    "since" => "2026-11-18T00:00",
                    "to" => "2026-12-01T00:00",
                    "offset" => "9",
                    "bytes" => "1",
                    _ => "nas-01",
                };
                path.push_str(&format!("&{}={}", p.name, crate::common::escape(value)));
            }
            let answer = b.get(&path).await;
            let text = answer.text();
            assert_eq!(answer.status, StatusCode::OK, "{}: {text}", q.name);
            assert!(!text.contains('⟦') && !text.contains("role=\"alert\""), "{}: {text}", q.name);
            assert!(text.contains("TableScan") || text.contains("Exec"), "{}: the plan is shown", q.name);
        }
    }
    let found = b.get("/events/questions?name=words&ask=yes&words=failed&from=&to=").await.text();
    assert!(found.contains("href=\"/events/1/3\"") && !found.contains("href=\"/events/1/4\""), "{found}");
    for (wrong, says) in [
        ("name=hour&ask=yes&address=here&from=2026-11-01&to=2026-11-30", "Address"),
        ("name=hour&ask=yes&address=192.168.1.20&from=soon&to=2026-11-30", "soon"),
        ("name=hour&ask=yes&from=2026-11-01&to=2026-11-30", "Address"),
    ] {
        let text = b.get(&format!("/events/questions?{wrong}&lang=en")).await.text();
        assert!(text.contains("role=\"alert\"") && text.contains(says), "{wrong}: {text}");
    }
    assert_eq!(b.get("/events/questions?name=nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.role(Role::Employee).await.get("/events/questions").await.status, StatusCode::FORBIDDEN);
    house.close().await;
}
