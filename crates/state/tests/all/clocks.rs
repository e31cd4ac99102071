//! Clocks, time servers, and the time by which expiry is judged.

use crate::common::{NOW, asset_id};
use model::access::{ViewAssets, ViewSettings};
use model::asset::{AssetFact, HourDelta};
use model::clock::{Asking, ClockEstimate, ClockKeeper, ClockLook, ClockOf, OwnClock, TimeAsk};
use model::{SourceId, Span, Time};
use state::clocks::OwnLook;

fn at(s: i64) -> Time {
    NOW + Span::seconds(s)
}
fn look(s: i64, synchronised: Option<bool>) -> OwnLook {
    let clock = OwnClock { synchronised, keeper: ClockKeeper::Chrony, boot: "b".into(), ..OwnClock::unknown() };
    OwnLook { at: at(s), up: Span::seconds(s), clock }
}

on_both! {
    async fn the_highest_synchronised_time_counts_and_no_other(bench) {
        let see = bench.may(ViewSettings);
        assert_eq!(bench.store.own_clock(&see).await.unwrap(), None);
        for (s, synchronised) in [(0, Some(true)), (100, Some(true)), (900_000_000, Some(false)), (800_000_000, None), (-500, Some(true))] {
            bench.machine.clock_looked(&look(s, synchronised)).await.unwrap();
        }
        assert_eq!(bench.store.own_clock(&see).await.unwrap(), Some(look(-500, Some(true))), "how it stands is the last look");
        bench.reopen().await;
        assert_eq!(bench.machine.not_before(at(-900)).await.unwrap(), at(100), "a clock set back revives nothing");
        assert_eq!(bench.machine.not_before(at(101)).await.unwrap(), at(101));
        assert_eq!(bench.machine.own_clock().await.unwrap(), Some(look(-500, Some(true))));
    }

    async fn of_each_clock_the_newest_word_is_kept(bench) {
        let estimate = |of: &ClockOf, skew_ms, look, last| ClockEstimate {
            of: of.clone(), skew_ms, spread_ms: 20, look, since: at(0), last: at(last), samples: 96,
        };
        let (nas, plc) = (ClockOf::Host(SourceId(7), "nas/東".into()), ClockOf::Asset(asset_id(1)));
        let mut batch = bench.batch();
        batch.clocks = vec![
            estimate(&nas, None, ClockLook::Plain, 1),
            estimate(&plc, Some(5), ClockLook::Plain, 2),
            estimate(&nas, Some(-9 * 3_600_000), ClockLook::Zone(-9), 3),
        ];
        bench.machine.apply(batch).await.unwrap();
        let mut batch = bench.batch();
        batch.clocks = vec![estimate(&ClockOf::Sensor(SourceId(1)), None, ClockLook::Unset, 4)];
        bench.machine.apply(batch).await.unwrap();
        let found = bench.store.clocks(&bench.may(ViewSettings)).await.unwrap();
        assert_eq!(found.iter().map(|c| (c.of.clone(), c.skew_ms, c.look)).collect::<Vec<_>>(), [
            (nas, Some(-9 * 3_600_000), ClockLook::Zone(-9)),
            (plc, Some(5), ClockLook::Plain),
            (ClockOf::Sensor(SourceId(1)), None, ClockLook::Unset),
        ], "the furthest off first, the unknown last");
        bench.machine.let_go(at(86_400 * 4_000)).await.unwrap();
        assert!(bench.store.clocks(&bench.may(ViewSettings)).await.unwrap().is_empty());
    }

    async fn never_asking_is_said_of_those_heard_for_a_day_only(bench) {
        let (asks, never, young) = (asset_id(1), asset_id(2), asset_id(3));
        let seen = |id| vec![(id, at(0), AssetFact::Discovered), (id, at(0), AssetFact::Seen)];
        bench.tell([asks, never, young].into_iter().flat_map(seen).collect()).await;
        let server = |s: &str| s.parse().unwrap();
        let mut batch = bench.batch();
        let hour = |asset, n: i64, out| HourDelta { asset, hour: at(0).hour() + n, packets_out: out, packets_in: 9, bytes_out: out, bytes_in: 9 };
        batch.hours = (0..30).flat_map(|n| [hour(never, n, 1), hour(young, n, u64::from(n < 23))]).collect();
        batch.asks = vec![
            TimeAsk { asset: asks, server: server("192.168.1.1"), first: at(0), last: at(64), times: 2 },
            TimeAsk { asset: asks, server: server("2001:db8::1"), first: at(1), last: at(9_000), times: 1 },
            TimeAsk { asset: asks, server: server("192.168.1.1"), first: at(128), last: at(128), times: 1 },
        ];
        bench.machine.apply(batch).await.unwrap();
        let found = bench.store.askers(&bench.may(ViewAssets)).await.unwrap();
        assert_eq!(found.iter().map(|a| (a.asset, a.standing, a.hours)).collect::<Vec<_>>(), [
            (never, Asking::Never, 30),
            (young, Asking::Unknown, 23),
            (asks, Asking::Asks, 0),
        ]);
        assert_eq!((found[2].last, found[2].servers.clone()), (Some(at(9_000)), vec![server("2001:db8::1"), server("192.168.1.1")]));
        // What it asked is kept while the asset is, the newest at least: one that asked does not become one that never did.
        bench.machine.let_go(at(86_400 * 4_000)).await.unwrap();
        let found = bench.store.askers(&bench.may(ViewAssets)).await.unwrap();
        let kept = found.iter().find(|a| a.asset == asks).unwrap();
        assert_eq!((kept.standing, kept.servers.clone()), (Asking::Asks, vec![server("2001:db8::1")]));
        assert!(found.iter().all(|a| a.standing != Asking::Never), "what is no longer kept says nothing");
        // Two that turn out to be one asked together.
        bench.tell(vec![(never, at(9), AssetFact::MergedInto { asset: asks })]).await;
        let found = bench.store.askers(&bench.may(ViewAssets)).await.unwrap();
        assert_eq!(found.iter().map(|a| a.asset).collect::<Vec<_>>(), [young, asks]);
    }
}
