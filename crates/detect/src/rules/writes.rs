//! Orders to a controller from a device that never gave it any. Reading is everyday; who writes is known after `learning_h` of watched
//! time, and hardly ever changes.

use super::around::Around;
use super::{asset_of, keyed, make_room, shown};
use crate::Cx;
use crate::gather::Spark;
use model::activity::{Head, Modbus};
use model::asset::Party;
use model::net::is_private;
use model::{Fact, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Pairs of writer and device that are remembered.
const MOST: usize = 8192;
const EVERY: Span = Span::minutes(10);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Writer {
    last: Time,
    /// Met while the watch was learning.
    known: bool,
    writes: u64,
    functions: Vec<u8>,
}

/// Who writes to whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Writers {
    pairs: FxHashMap<(Party, Party), Writer>,
}

impl Writers {
    pub fn act(&mut self, head: &Head, m: &Modbus, around: &Around<'_>, cx: &mut Cx<'_>) {
        if !m.write || m.response {
            return;
        }
        let (Some(client), Some(server)) =
            (around.identity.end(head.segment, &head.client), around.identity.end(head.segment, &head.server))
        else {
            return;
        };
        let rules = cx.rules;
        let rule = &rules.traffic.modbus_write;
        let watched = around.watched.total(head.segment.sensor);
        let key = (client.party, server.party);
        if !self.pairs.contains_key(&key) {
            make_room(&mut self.pairs, MOST, |w| w.last);
        }
        let learning = watched < Span::hours(rule.number("learning_h"));
        let w = self.pairs.entry(key).or_insert(Writer { last: head.time, known: learning, writes: 0, functions: vec![] });
        w.last = w.last.max(head.time);
        if w.known {
            return;
        }
        w.writes = w.writes.saturating_add(1);
        if !w.functions.contains(&m.function) && w.functions.len() < 8 {
            w.functions.push(m.function);
        }
        let outside = matches!(client.party, Party::Address(ip) if !is_private(ip));
        let stranger = around.settled && asset_of(client.party).and_then(|id| around.identity.get(id)).is_none_or(|a| !a.in_ledger());
        let kind = if outside {
            "outside"
        } else if stranger {
            "stranger"
        } else {
            "known"
        };
        let mut s = Spark::new(format!("modbus-write/{}/{}", keyed(client.party), keyed(server.party)), rule.severity(kind), kind)
            .fact("device", shown(client.party))
            .fact("target", shown(server.party))
            .fact("writes", Fact::Count(w.writes))
            .fact("functions", Fact::List(w.functions.iter().map(ToString::to_string).collect()))
            .fact("unit", Fact::Count(u64::from(m.unit)))
            .text("address", m.address.map_or_else(|| String::from("–"), |a| a.to_string()))
            .fact("learned", Fact::Span(watched))
            .fact("time", Fact::Time(head.time));
        s.asset = asset_of(server.party).or_else(|| asset_of(client.party));
        s.others = asset_of(client.party).filter(|t| Some(*t) != s.asset).into_iter().collect();
        s.every = EVERY;
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }
}
