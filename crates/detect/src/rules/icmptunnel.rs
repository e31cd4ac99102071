//! Data carried in echo messages. An answer has to carry back what the question carried (RFC 792); a tunnel puts its own bytes in both, in
//! ever changing lengths. Sums of `model::activity::Echo` per pair of ends within a window.

use super::around::Around;
use super::{asset_of, keyed, make_room, shown};
use crate::Cx;
use crate::gather::Spark;
use model::activity::{Echo, Head};
use model::asset::Party;
use model::net::is_private;
use model::{EventId, Fact, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Pairs that are remembered.
const MOST: usize = 4096;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sum {
    start: Time,
    last: Time,
    messages: u64,
    bytes: u64,
    altered: u64,
    lengths: u8,
    /// Entropy times bytes.
    weight: u64,
    events: Vec<EventId>,
}

/// Echo messages by pair.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Echoes {
    pairs: FxHashMap<(Party, Party), Sum>,
}

impl Echoes {
    pub fn echo(&mut self, head: &Head, e: &Echo, around: &Around<'_>, cx: &mut Cx<'_>) {
        let (Some(client), Some(server)) =
            (around.identity.end(head.segment, &head.client), around.identity.end(head.segment, &head.server))
        else {
            return;
        };
        let rules = cx.rules;
        let rule = &rules.traffic.icmp_tunnel;
        let window = rule.seconds("window_s");
        let key = (client.party, server.party);
        if !self.pairs.contains_key(&key) {
            make_room(&mut self.pairs, MOST, |s| s.last);
        }
        let s = self.pairs.entry(key).or_insert_with(|| Sum { start: head.time, ..Sum::default() });
        if head.time >= s.start + window || head.time < s.start - window {
            *s = Sum { start: head.time, ..Sum::default() };
        }
        let bytes = e.request_bytes.saturating_add(e.reply_bytes);
        s.last = head.time;
        s.messages += u64::from(e.requests) + u64::from(e.replies);
        s.bytes = s.bytes.saturating_add(bytes);
        s.altered += u64::from(e.altered);
        s.lengths = s.lengths.max(e.lengths);
        s.weight = s.weight.saturating_add(bytes.saturating_mul(u64::from(e.entropy)));
        if s.events.len() < crate::gather::MAX_EVENTS {
            s.events.push(cx.now.id);
        }
        let kib = |name: &str| rule.number(name).unsigned_abs().saturating_mul(1024);
        let at_least = |n: u64, name: &str| n >= rule.number(name).unsigned_abs();
        let random = s.weight >= s.bytes.saturating_mul(rule.number("entropy_cbit").unsigned_abs());
        let kind = if at_least(s.altered, "altered") {
            "altered"
        } else if at_least(u64::from(s.lengths), "lengths") && s.bytes >= kib("varied_kib") {
            "varied"
        } else if s.bytes >= kib("bulk_kib") && random {
            "bulk"
        } else {
            return;
        };
        let outside = [client.party, server.party].iter().any(|p| matches!(p, Party::Address(ip) if !is_private(*ip)));
        let when = if outside { "outside" } else { kind };
        let mut spark = Spark::new(format!("icmp-tunnel/{}/{}", keyed(client.party), keyed(server.party)), rule.severity(when), kind)
            .fact("device", shown(client.party))
            .fact("target", shown(server.party))
            .fact("messages", Fact::Count(s.messages))
            .fact("bytes", Fact::Bytes(s.bytes))
            .fact("altered", Fact::Count(s.altered))
            .fact("lengths", Fact::Count(u64::from(s.lengths)))
            .fact("window", Fact::Span(window))
            .fact("time", Fact::Time(s.start));
        spark.asset = asset_of(client.party).or_else(|| asset_of(server.party));
        spark.others = asset_of(server.party).filter(|t| Some(*t) != spark.asset).into_iter().collect();
        spark.events = std::mem::take(&mut s.events);
        cx.raise(rule, spark);
    }
}
