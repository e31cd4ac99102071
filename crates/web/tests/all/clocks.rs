//! The page of clocks, and our own starts, stops and gaps among the records.

use crate::common::{Browser, House};
use hyper::StatusCode;
use model::asset::HourDelta;
use model::clock::{ClockEstimate, ClockKeeper, ClockLook, ClockOf, OwnClock, RunEnd, StopReason, TimeAsk};
use model::event::{Audit, Deed};
use model::{Body, NewEvent, Role, SourceId, Span};
use state::clocks::OwnLook;
use state::{Batch, EventCursor};

fn own(house: &House, synchronised: Option<bool>, ago: i64) -> OwnLook {
    let clock = OwnClock {
        synchronised,
        keeper: ClockKeeper::Chrony,
        lasting_s: 7_200,
        max_error_us: synchronised.map(|_| 12_345),
        est_error_us: synchronised.map(|_| 345),
        boot: "b".into(),
    };
    OwnLook { at: house.now() - Span::seconds(ago), up: Span::hours(9), clock }
}

async fn page(b: &Browser<'_>, lang: &str) -> String {
    let answer = b.get("/clocks").await;
    assert_eq!(answer.status, StatusCode::OK, "{lang}: {}", answer.text());
    let text = answer.text();
    assert!(!text.contains('⟦'), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_is_shown_as_unknown() {
    let house = House::build().await;
    let mut b = house.admin().await;
    let ja = page(&b, "ja").await;
    assert!(ja.contains("この機械の時計が合っているかは、不明です") && ja.contains("自分の時刻を知らせる記録元は、まだありません"), "{ja}");
    b.language = "en";
    let en = page(&b, "en").await;
    assert!(en.contains("is synchronised is unknown") && en.contains("Nobody looked at the clock"), "{en}");
    // A look of an hour ago says nothing of now.
    house.pipeline.clock_looked(&own(&house, Some(true), 3_600)).await.unwrap();
    assert!(page(&b, "en").await.contains("is synchronised is unknown"));
    house.pipeline.clock_looked(&own(&house, None, 5)).await.unwrap();
    assert!(page(&b, "en").await.contains("The kernel may not be asked"));
    house.pipeline.clock_looked(&own(&house, Some(false), 5)).await.unwrap();
    let bad = page(&b, "en").await;
    assert!(bad.contains("has not been synchronised for 2 hours") && !bad.contains("Largest error"), "{bad}");
    assert!(b.get("/vault").await.text().contains("has not been synchronised for 2 hours"), "the vault's page says so too");
    house.pipeline.clock_looked(&own(&house, Some(true), 5)).await.unwrap();
    assert!(!b.get("/vault").await.text().contains("synchronised"));
    let good = page(&b, "en").await;
    assert!(good.contains("clock is synchronised.") && good.contains("13 ms") && good.contains("chrony"), "{good}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_devices_are_listed_in_both_languages_and_taken_out() {
    let house = House::build().await;
    let (asset, _) = house.furnish().await;
    let mut b = house.admin().await;
    let estimate = |of, skew_ms, look| ClockEstimate {
        of,
        skew_ms,
        spread_ms: 1_500,
        look,
        since: house.now() - Span::days(2),
        last: house.now(),
        samples: 1_234,
    };
    let host = |name: &str| ClockOf::Host(SourceId(7), name.into());
    let at = house.now();
    let batch = |seq| Batch::empty("detect", EventCursor { epoch: 1, seq });
    let clocks = vec![
        estimate(host("nas-<b>01"), Some(9 * 3_600_000), ClockLook::Zone(9)),
        estimate(host("plc-gw"), Some(-900_000_000_000), ClockLook::Unset),
        estimate(host("pc-2"), Some(900), ClockLook::Plain),
        estimate(ClockOf::Asset(asset), None, ClockLook::Plain),
    ];
    house.pipeline.apply(Batch { clocks, ..batch(2) }).await.unwrap();
    let ja = page(&b, "ja").await;
    assert!(ja.contains("9 時間進んでいる") && ja.contains("時間帯か夏時間の設定違い") && ja.contains("一度も設定されていない"), "{ja}");
    assert!(ja.contains("nas-&#60;b&#62;01") || ja.contains("nas-&lt;b&gt;01"), "{ja}");
    assert!(ja.contains("測れるほどの差はありません") && ja.contains("まだ分からない機器"), "{ja}");
    let hours = (0..30).map(|n| HourDelta { asset, hour: at.hour() - n, packets_out: 4, packets_in: 0, bytes_out: 400, bytes_in: 0 });
    house.pipeline.apply(Batch { hours: hours.collect(), ..batch(3) }).await.unwrap();
    b.language = "en";
    let section = |text: &str| text.split("id=\"never\"").nth(1).unwrap().split("id=\"unknown\"").next().unwrap().to_owned();
    let en = page(&b, "en").await;
    assert!(section(&en).contains("192.168.1.20") && section(&en).contains(&format!("/assets/{asset}")), "{en}");
    let asks = vec![TimeAsk { asset, server: "192.168.1.1".parse().unwrap(), first: at, last: at, times: 3 }];
    house.pipeline.apply(Batch { asks, ..batch(4) }).await.unwrap();
    let en = page(&b, "en").await;
    assert!(!section(&en).contains("192.168.1.20") && en.contains("192.168.1.1<"), "{en}");
    let csv = b.get("/clocks/devices.csv").await;
    assert!(csv.body.starts_with(b"\xef\xbb\xbf"), "with a byte order mark, for Excel");
    let text = csv.text();
    assert!(text.contains("192.168.1.20") && text.contains(",yes,") && text.contains("192.168.1.1,30"), "{text}");
    // Somebody of one zone sees no sources, which stand in none.
    let zone = house.zone("プレス", "10.9.0.0/24").await;
    let narrow = house.role_in(Role::SecurityAdmin, Some(zone)).await;
    let text = page(&narrow, "zone").await;
    assert!(!text.contains("plc-gw") && !text.contains("192.168.1.20"), "{text}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_stops_gaps_and_jumps_stand_among_the_records_in_plain_words() {
    let house = House::build().await;
    let mut b = house.admin().await;
    let at = |s: i64| house.now() + Span::seconds(s);
    let clock = own(&house, Some(false), 0).clock;
    let deeds = vec![
        Deed::Started { version: "0.1.0".into(), epoch: Some(1), before: Some(RunEnd::Machine), clock: Some(Box::new(clock.clone())) },
        Deed::NotWatched { from: at(-3_600), to: at(0), cause: RunEnd::Machine },
        Deed::NotWatched { from: at(900), to: at(0), cause: RunEnd::Killed },
        Deed::Clock(Box::new(clock)),
        Deed::ClockJumped { clock_was: at(1), clock_is: at(90_000), boot: "b".into() },
        Deed::Stopping { reason: StopReason::Terminated },
        Deed::Stopped,
        Deed::Started { version: "0.0.9".into(), epoch: None, before: None, clock: None },
    ];
    let event = |(n, deed): (usize, Deed)| {
        let audit = Audit { user: None, actor: "hinomi".into(), from: None, action: "run".into(), deed, number: Some(n as u64 + 100) };
        NewEvent { source: SourceId(0), received: at(n as i64), happened: None, body: Body::Audit(Box::new(audit)) }
    };
    let events: Vec<NewEvent> = deeds.into_iter().enumerate().map(event).collect();
    let appender = house.vault.appender();
    tokio::task::spawn_blocking(move || appender.append_and_wait(&events)).await.unwrap().unwrap();
    let ja = b.get("/events?table=audit").await.text();
    for words in [
        "火の見を起動した · 0.1.0 · 前回は途中で終了（機械の再起動か停電） · 火の見の時計が 2 時間合っていない（chrony）",
        "見張っていませんでした · 機械が再起動したため（停電など）",
        "そのあいだに時計が戻され",
        "火の見の時計が飛んだ",
        "火の見を止めた · サービスの停止か、機械の終了（SIGTERM）",
    ] {
        assert!(ja.contains(words), "{words} in {ja}");
    }
    b.language = "en";
    let en = b.get("/events?table=audit").await.text();
    assert!(en.contains("Nothing was watched from") && en.contains("clock jumped") && !en.contains('⟦'), "{en}");
    for seq in 1..=8 {
        let one = b.get(&format!("/events/1/{seq}")).await;
        assert_eq!(one.status, StatusCode::OK, "{}", one.text());
    }
    assert!(b.get("/events/1/2").await.text().contains("not_watched"));
    house.close().await;
}
