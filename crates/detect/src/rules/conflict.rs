//! Two copies of the same bytes that differ. A reader that takes the first copy sees something else than one that takes the last,
//! and an attacker can know which of the two the device takes (Ptacek and Newsham, Insertion, Evasion and Denial of Service,
//! 1998; RFC 5722 for fragments). A broken middlebox does it too, which is why one conversation is only to be checked.

use crate::Cx;
use crate::gather::{MAX_EVENTS, Spark};
use crate::identity::Identity;
use crate::rules::{asset_of, keyed, make_room, shown};
use model::activity::{Conflict, Head};
use model::asset::Party;
use model::{EventId, Fact, FlowId, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Conversations that are told apart per window.
const MAX_FLOWS: usize = 64;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Recent {
    start: Time,
    last: Time,
    bytes: u64,
    flows: BTreeSet<FlowId>,
    events: Vec<EventId>,
}

/// Who sent copies that differ.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Conflicts {
    recent: FxHashMap<Party, Recent>,
}

impl Conflicts {
    /// Copies that differ were seen.
    pub fn conflict(&mut self, head: &Head, c: Conflict, identity: &Identity, cx: &mut Cx<'_>) {
        let rules = cx.rules;
        let rule = &rules.conflict;
        // A keep-alive may carry one byte of rubbish (RFC 1122, 4.2.3.6).
        if i64::from(c.bytes) < rule.number("bytes") {
            return;
        }
        let (Some(client), Some(server)) = (identity.end(head.segment, &head.client), identity.end(head.segment, &head.server)) else {
            return;
        };
        let (client, server, at) = (client.party, server.party, head.time);
        let window = rule.seconds("window_s");
        if !self.recent.contains_key(&client) {
            cx.counters.sources_let_go += make_room(&mut self.recent, cx.limits.sources, |r| r.last);
        }
        let r = self.recent.entry(client).or_insert_with(|| Recent { start: at, ..Recent::default() });
        if at >= r.start + window || at < r.start - window {
            *r = Recent { start: at, ..Recent::default() };
        }
        r.last = at;
        r.bytes = r.bytes.saturating_add(u64::from(c.bytes));
        if r.flows.len() < MAX_FLOWS {
            r.flows.insert(head.flow);
        }
        if r.events.len() < MAX_EVENTS {
            r.events.push(cx.now.id);
        }
        let kind = if c.fragments { "fragments" } else { "stream" };
        let many = r.flows.len() >= rule.count("conversations");
        let mut s = Spark::new(format!("content-conflict/{}", keyed(client)), rule.severity(if many { "many" } else { kind }), kind)
            .fact("device", shown(client))
            .fact("target", shown(server))
            .text("service", head.protocol.name().to_uppercase())
            .fact("bytes", Fact::Bytes(r.bytes))
            .fact("conversations", Fact::Count(r.flows.len() as u64))
            .fact("window", Fact::Span(window))
            .fact("time", Fact::Time(at));
        s.asset = asset_of(client).or(asset_of(server));
        s.others = [client, server].into_iter().filter_map(asset_of).filter(|a| Some(*a) != s.asset).collect();
        s.events = std::mem::take(&mut r.events);
        cx.raise(rule, s);
    }
}
