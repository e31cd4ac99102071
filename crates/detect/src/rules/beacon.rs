//! Calls to the outside at regular intervals: how a hidden program asks its master whether there is work.
//!
//! Of each pair of device and destination (the registered domain where DNS told it, else the address, with the port) the last intervals
//! between the beginnings of conversations are kept. They are regular when their robust spread (scaled median absolute deviation) is at
//! most `jitter_pct` of their median, and nine in ten lie within three times that tolerance: people's browsing has a spread of two
//! thirds and more. A pause that varies by chance up to ±20% has a spread of about 15%,
//! which is within the usual tolerance of 20%.
//!
//! Ordinary programs call regularly too. Silence about destinations that `clients` devices or more use, that this device called already
//! while the watch was learning, and about time (NTP) and names (DNS), which have to be regular. While the watch learns it cannot know:
//! then one mild finding per device gathers what is regular.

use super::around::Around;
use super::{asset_of, is_control, keyed, make_room, shown};
use crate::Cx;
use crate::gather::Spark;
use crate::habit::robust;
use crate::identity::End;
use model::activity::Dns;
use model::asset::Party;
use model::net::{is_private, is_unicast};
use model::{AssetId, EventId, Fact, Flow, Protocol, Span, Time, Transport};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Pairs of device and destination, destinations, and names of addresses that are remembered.
const MOST: usize = 8192;
/// Intervals of a pair.
const KEPT: usize = 48;
/// Devices of a destination that are told apart.
const CROWD: usize = 8;
/// Repeats are told once in this time.
const EVERY: Span = Span::hours(6);
const SAMPLE: usize = 6;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    first: Time,
    last: Time,
    /// Between the beginnings of conversations, milliseconds, oldest first.
    intervals: Vec<u32>,
    bytes: u64,
    events: Vec<EventId>,
    /// It was met while the watch was learning.
    young: bool,
}

/// Destinations and who calls them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Beacons {
    pairs: FxHashMap<(Party, String), Pair>,
    reach: FxHashMap<String, (Time, Vec<AssetId>)>,
    names: FxHashMap<IpAddr, (Time, String)>,
    newest: Time,
}

/// The part of a name that somebody registers: two labels, three below `co.jp` and the like. Without the Public Suffix List this is right
/// for the usual domains; where it is too long or too short, two destinations count as one or one as two.
pub fn registered(name: &str) -> String {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let n = labels.len();
    let second = labels.get(n.wrapping_sub(2)).copied().unwrap_or("");
    let top = labels.get(n.wrapping_sub(1)).copied().unwrap_or("");
    let under = top.len() == 2
        && matches!(second, "co" | "or" | "ne" | "ac" | "ad" | "ed" | "go" | "gr" | "lg" | "com" | "net" | "org" | "edu" | "gov" | "gob");
    labels.get(n.saturating_sub(if under { 3 } else { 2 })..).unwrap_or_default().join(".")
}

impl Beacons {
    /// Answers tell what addresses are called.
    pub fn names(&mut self, d: &Dns) {
        if !d.response {
            return;
        }
        let Some((asked, _)) = d.questions.first() else { return };
        for ip in d.records.iter().filter_map(|r| r.ip).filter(|ip| !is_private(*ip)) {
            make_room(&mut self.names, MOST, |(t, _)| *t);
            self.names.insert(ip, (self.newest, registered(asked).chars().take(128).collect()));
        }
    }

    pub fn flow(&mut self, f: &Flow, client: End, server: Party, around: &Around<'_>, cx: &mut Cx<'_>) {
        self.newest = self.newest.max(f.last);
        let Party::Address(ip) = server else { return };
        let Party::Asset(id) = client.party else { return };
        let speaks = matches!(f.transport, Transport::Tcp | Transport::Udp) && f.up.packets > 0;
        if !client.own || f.part != 0 || !speaks || is_private(ip) || !is_unicast(ip) {
            return;
        }
        let port = f.server.port.unwrap_or(0);
        if matches!(f.protocol, Some(Protocol::Ntp | Protocol::Dns)) || (f.transport == Transport::Udp && matches!(port, 53 | 123)) {
            return;
        }
        let name = self.names.get(&ip).map_or_else(|| ip.to_string(), |(_, n)| n.clone());
        let rules = cx.rules;
        let rule = &rules.traffic.beacon;
        make_room(&mut self.reach, MOST, |(t, _)| *t);
        let crowd = self.reach.entry(name.clone()).or_default();
        crowd.0 = f.last;
        if !crowd.1.contains(&id) && crowd.1.len() < CROWD {
            crowd.1.push(id);
        }
        let popular = crowd.1.len() >= rule.count("clients").min(CROWD);
        let learning = around.watched.total(f.segment.sensor) < Span::hours(rule.number("learning_h"));
        let key = (client.party, format!("{name}:{port}"));
        if !self.pairs.contains_key(&key) {
            make_room(&mut self.pairs, MOST, |p| p.last);
        }
        let pair = self.pairs.entry(key.clone()).or_insert_with(|| Pair {
            first: f.started,
            last: f.started,
            intervals: vec![],
            bytes: 0,
            events: vec![],
            young: learning,
        });
        pair.bytes = pair.bytes.saturating_add(f.up.bytes);
        let interval = f.started.since(pair.last);
        // Conversations side by side are one call; a record that came late tells nothing.
        if interval < rule.seconds("interval_min_s") {
            return;
        }
        pair.last = f.started;
        if interval > rule.seconds("interval_max_s") {
            // Switched off over night, or a pause: the rhythm begins anew.
            pair.intervals.clear();
            pair.events.clear();
            return;
        }
        if pair.intervals.len() >= KEPT {
            pair.intervals.remove(0);
        }
        pair.intervals.push(u32::try_from(interval.0 / 1_000_000).unwrap_or(u32::MAX));
        if pair.events.len() >= SAMPLE {
            pair.events.remove(0);
        }
        pair.events.push(cx.now.id);
        if pair.intervals.len() < rule.count("calls") || popular || (pair.young && !learning) {
            return;
        }
        let mut values: Vec<f64> = pair.intervals.iter().map(|v| f64::from(*v)).collect();
        let (usual, spread) = robust(&mut values);
        let tolerance = usual * rule.number("jitter_pct") as f64 / 100.0;
        let near = values.iter().filter(|v| (*v - usual).abs() <= 3.0 * tolerance).count();
        if spread > tolerance || near * 10 < values.len() * 9 {
            return;
        }
        let control = is_control(around.identity, cx.site, client.party);
        let (key, kind, when) = match (learning, control) {
            (true, _) => (format!("beacon/{}/first-days", keyed(client.party)), "young", "young"),
            (false, true) => (format!("beacon/{}/{}", keyed(client.party), key.1), "new", "control"),
            (false, false) => (format!("beacon/{}/{}", keyed(client.party), key.1), "new", "new"),
        };
        let mut s = Spark::new(key, rule.severity(when), kind)
            .fact("device", shown(client.party))
            .text("target", name)
            .text("address", format!("{ip}:{port}"))
            .fact("period", Fact::Span(Span::millis(usual as i64)))
            .fact("jitter", Fact::Percent((spread / usual.max(1.0) * 100.0).round() as u32))
            .fact("calls", Fact::Count(pair.intervals.len() as u64 + 1))
            .fact("bytes", Fact::Bytes(pair.bytes))
            .fact("since", Fact::Time(pair.first))
            .fact("time", Fact::Time(f.started));
        s.asset = asset_of(client.party);
        s.every = EVERY;
        s.events = std::mem::take(&mut pair.events);
        cx.raise(rule, s);
    }

    pub fn clock_back(&mut self) {
        self.pairs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::registered;

    #[test]
    fn what_is_registered() {
        assert_eq!(registered("a.b.example.com"), "example.com");
        assert_eq!(registered("www.shinonome.co.jp"), "shinonome.co.jp");
        assert_eq!(registered("pirate.sea"), "pirate.sea");
        assert_eq!(registered("localhost"), "localhost");
        assert_eq!(registered(""), "");
        assert_eq!(registered("co.jp."), "co.jp");
    }
}
