//! Data carried in names: a tunnel asks for ever new, long, random looking names below one domain, and takes its answers from NULL or TXT
//! records. Counted are different long names per client and registered domain within a window.
//!
//! A content network has many names too, but few of them long, and a client asks for a handful; multicast names stay on the link and are
//! not looked at; reverse lookups are long by nature.

use super::around::Around;
use super::beacon::registered;
use super::{asset_of, keyed, make_room, shown};
use crate::Cx;
use crate::gather::Spark;
use model::activity::{Dns, Head};
use model::asset::Party;
use model::{EventId, Fact, Protocol, Time};
use rustc_hash::{FxHashMap, FxHasher};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// Pairs of client and domain that are remembered.
const MOST: usize = 4096;
/// Different names of a pair that are told apart.
const NAMES: usize = 512;
/// DNS types that carry free bytes and that no ordinary program asks a client's resolver for: NULL (RFC 1035, 3.3.10), private use
/// (RFC 6895, 3.1).
fn is_odd(rtype: u16) -> bool {
    rtype == 10 || rtype >= 65_280
}
fn carries(rtype: u16) -> bool {
    is_odd(rtype) || rtype == 16
}
fn type_name(rtype: u16) -> String {
    match rtype {
        1 => String::from("A"),
        5 => String::from("CNAME"),
        10 => String::from("NULL"),
        15 => String::from("MX"),
        16 => String::from("TXT"),
        28 => String::from("AAAA"),
        33 => String::from("SRV"),
        n => format!("TYPE{n}"),
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Domain {
    start: Time,
    last: Time,
    /// Hashes of different long names.
    names: BTreeSet<u64>,
    /// Queries for long names by type.
    types: BTreeMap<u16, u64>,
    /// Characters of those names, the domain left out.
    bytes: u64,
    /// Sum of their entropies in hundredths of a bit per character.
    entropy: u64,
    example: String,
    events: Vec<EventId>,
}

/// Who asks for what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Names {
    domains: FxHashMap<(Party, String), Domain>,
}

/// Shannon entropy in hundredths of a bit per character.
fn entropy(text: &str) -> u64 {
    let mut counts = [0u32; 256];
    for b in text.bytes() {
        if let Some(c) = counts.get_mut(usize::from(b)) {
            *c += 1;
        }
    }
    let n = text.len().max(1) as f64;
    let bits: f64 = counts.iter().filter(|c| **c > 0).map(|c| f64::from(*c) / n).map(|p| -p * p.log2()).sum();
    (bits * 100.0).round() as u64
}

impl Names {
    pub fn query(&mut self, head: &Head, d: &Dns, around: &Around<'_>, cx: &mut Cx<'_>) {
        if d.response || d.opcode != 0 || head.protocol != Protocol::Dns {
            return;
        }
        let rules = cx.rules;
        let rule = &rules.traffic.dns_tunnel;
        let Some(client) = around.identity.end(head.segment, &head.client) else { return };
        for (name, rtype) in d.questions.iter().take(4) {
            // Reverse lookups, and names of the link.
            if matches!(name.rsplit('.').next(), Some("arpa" | "local")) {
                continue;
            }
            let domain = registered(name);
            let sub = name.strip_suffix(&domain).unwrap_or("").trim_end_matches('.');
            if sub.chars().count() < rule.count("name_chars") {
                continue;
            }
            let key = (client.party, domain.chars().take(128).collect::<String>());
            if !self.domains.contains_key(&key) {
                make_room(&mut self.domains, MOST, |d| d.last);
            }
            let w = self.domains.entry(key.clone()).or_insert_with(|| Domain { start: head.time, ..Domain::default() });
            if head.time >= w.start + rule.seconds("window_s") || head.time < w.start - rule.seconds("window_s") {
                *w = Domain { start: head.time, ..Domain::default() };
            }
            w.last = head.time;
            let mut h = FxHasher::default();
            name.hash(&mut h);
            if w.names.len() < NAMES && w.names.insert(h.finish()) {
                w.bytes = w.bytes.saturating_add(sub.len() as u64);
                w.entropy = w.entropy.saturating_add(entropy(sub));
                if w.example.is_empty() {
                    w.example = sub.chars().filter(|c| !c.is_control()).take(24).collect();
                }
                if w.events.len() < crate::gather::MAX_EVENTS {
                    w.events.push(cx.now.id);
                }
            }
            *w.types.entry(*rtype).or_default() += 1;
            let all: u64 = w.types.values().sum();
            let free: u64 = w.types.iter().filter(|(t, _)| carries(**t)).map(|(_, n)| n).sum();
            let odd: u64 = w.types.iter().filter(|(t, _)| is_odd(**t)).map(|(_, n)| n).sum();
            let need = rule.count("names");
            // Records that carry bytes need only half as many.
            let need = if free * 2 > all { need / 2 } else { need };
            let n = w.names.len() as u64;
            if w.names.len() < need || w.entropy < n.saturating_mul(rule.number("entropy_cbit").unsigned_abs()) {
                continue;
            }
            let kind = if odd * 2 > all { "null" } else { "names" };
            let mut s = Spark::new(format!("dns-tunnel/{}/{}", keyed(client.party), key.1), rule.severity(kind), kind)
                .fact("device", shown(client.party))
                .text("domain", key.1.clone())
                .fact("names", Fact::Count(n))
                .fact("bytes", Fact::Bytes(w.bytes))
                .fact("types", Fact::List(w.types.keys().take(6).map(|t| type_name(*t)).collect()))
                .text("example", w.example.clone())
                .fact("window", Fact::Span(rule.seconds("window_s")))
                .fact("time", Fact::Time(w.start));
            s.asset = asset_of(client.party);
            s.events = std::mem::take(&mut w.events);
            cx.raise(rule, s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::entropy;

    #[test]
    fn entropy_is_that_of_the_characters() {
        assert_eq!(entropy(""), 0);
        assert_eq!(entropy("aaaa"), 0);
        assert_eq!(entropy("abab"), 100);
        assert!(entropy("0123456789abcdef0123456789abcdef") == 400);
    }
}
