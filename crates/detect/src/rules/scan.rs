//! Doors that do not open: failed connections are counted per source in windows of time, by the start of the connection. What
//! counts is how many different doors, and only those that this source has not tried before: a monitoring server that asks
//! the same dead printer every five minutes for years is not a scanner, and neither is one whose connections mostly succeed.

use crate::Cx;
use crate::gather::Spark;
use crate::identity::Identity;
use crate::rules::{asset_of, is_control, keyed, make_room, shown};
use model::activity::{Arp, Head};
use model::asset::Party;
use model::flow::{FlowEnd, FlowState};
use model::net::is_private;
use model::{EventId, Fact, Flow, Segment, Time, Transport};
use rustc_hash::{FxHashMap, FxHasher};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// Targets that a source has tried in earlier windows.
const MAX_FAMILIAR: usize = 1024;
const MAX_SAMPLE: usize = 12;
/// Addresses on the Internet fail together whenever the line is down: so many times more are needed.
const OUTSIDE_TIMES: usize = 20;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    start: Time,
    last: Time,
    size: usize,
    ports: BTreeMap<IpAddr, BTreeSet<u16>>,
    hosts: BTreeMap<u16, BTreeSet<IpAddr>>,
    good: BTreeSet<IpAddr>,
    odd: BTreeMap<IpAddr, u64>,
    called: BTreeSet<IpAddr>,
    events: Vec<EventId>,
    familiar: VecDeque<u64>,
    known: BTreeSet<u64>,
}

/// Sources of failed connections.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scans {
    sources: FxHashMap<(Segment, Party), Source>,
}

fn mark(ip: IpAddr, port: u16, sort: u8) -> u64 {
    let mut h = FxHasher::default();
    (ip, port, sort).hash(&mut h);
    h.finish()
}

impl Source {
    /// A new window: what failed becomes familiar.
    fn roll(&mut self, at: Time) {
        let mut marks: Vec<u64> = vec![];
        for (ip, ports) in &self.ports {
            marks.extend(ports.iter().map(|p| mark(*ip, *p, 0)));
        }
        marks.extend(self.called.iter().map(|ip| mark(*ip, 0, 1)));
        for m in marks {
            if self.known.insert(m) {
                self.familiar.push_back(m);
                if self.familiar.len() > MAX_FAMILIAR
                    && let Some(old) = self.familiar.pop_front()
                {
                    self.known.remove(&old);
                }
            }
        }
        self.start = at;
        self.size = 0;
        self.ports.clear();
        self.hosts.clear();
        self.good.clear();
        self.odd.clear();
        self.called.clear();
        self.events.clear();
    }
}

impl Scans {
    fn source(&mut self, segment: Segment, party: Party, at: Time, cx: &mut Cx<'_>) -> Option<&mut Source> {
        let window = cx.rules.scan.seconds("window_s");
        if !self.sources.contains_key(&(segment, party)) {
            cx.counters.sources_let_go += make_room(&mut self.sources, cx.limits.sources, |s| s.last);
        }
        let s = self.sources.entry((segment, party)).or_insert_with(|| Source { start: at, last: at, ..Source::default() });
        if at < s.start - window - window {
            // The clock went back, or a record came very late: the former is seen by the next one too.
            if cx.now.at < s.start - window {
                s.roll(at);
            }
            return None;
        }
        if at >= s.start + window {
            s.roll(at);
        }
        s.last = s.last.max(at);
        Some(s)
    }

    /// A conversation or a part of one.
    pub fn flow(&mut self, f: &Flow, identity: &Identity, settled: bool, cx: &mut Cx<'_>) {
        let (Some(client), Some(to)) = (identity.end(f.segment, &f.client), f.server.ip) else { return };
        if !model::net::is_unicast(to) || f.part > 0 && f.end == FlowEnd::Interim {
            return;
        }
        let party = client.party;
        let port = f.server.port.unwrap_or(0);
        let flags = f.up.flags & 0x3f;
        let tcp = f.transport == Transport::Tcp;
        // RFC 9293, 3.10.7: no normal sender leaves ACK away after the handshake, or sets SYN with FIN.
        let odd =
            tcp && f.up.packets > 0 && f.up.packets <= 3 && (matches!(flags, 0 | 0x01 | 0x29) || (f.up.packets == 1 && flags & 3 == 3));
        // A lone ACK that is refused is a probe for filters (ACK scan).
        let refused = f.down.packets == 0 || f.down.flags & 4 != 0;
        let ack_probe = tcp && f.up.packets == 1 && flags == 0x10 && f.down.packets > 0 && f.down.flags & 4 != 0;
        let failed = matches!(f.state, FlowState::Attempted | FlowState::Rejected) || odd || ack_probe;
        // A TCP attempt is told once after a moment of silence; what comes later is the same door tried again. A datagram may yet be answered.
        if f.state == FlowState::Attempted && (tcp && f.part > 0 || !tcp && f.end == FlowEnd::Interim) {
            return;
        }
        if !failed {
            if f.up.packets > 0
                && f.down.packets > 0
                && !refused
                && let Some(s) = self.sources.get_mut(&(f.segment, party))
                && s.good.len() < 1024
            {
                s.good.insert(to);
            }
            return;
        }
        // Unanswered datagrams are everyday (logs, time, names): only refused ones count towards many devices.
        let counts_hosts = tcp || f.state == FlowState::Rejected || matches!(f.transport, Transport::Icmp | Transport::Icmpv6);
        let limits = *cx.limits;
        let (p_ports, p_hosts, p_odd) = (cx.rules.scan.count("ports"), cx.rules.scan.count("hosts"), cx.rules.scan.count("odd_probes"));
        let id = cx.now.id;
        let mut let_go = 0;
        let Some(s) = self.source(f.segment, party, f.started, cx) else { return };
        if s.known.contains(&mark(to, port, 0)) && !odd {
            return;
        }
        if s.size >= limits.targets {
            let_go += 1;
        } else {
            if s.ports.entry(to).or_default().insert(port) {
                s.size += 1;
                if s.events.len() < crate::gather::MAX_EVENTS {
                    s.events.push(id);
                }
            }
            if counts_hosts {
                s.hosts.entry(port).or_default().insert(to);
            }
        }
        if odd {
            if s.odd.len() < 64 || s.odd.contains_key(&to) {
                *s.odd.entry(to).or_default() += 1;
            }
            if s.events.len() < crate::gather::MAX_EVENTS && s.events.last() != Some(&id) {
                s.events.push(id);
            }
        }
        let inside = |ip: &&IpAddr| is_private(**ip) || identity.by_ip(f.segment, **ip).is_some();
        let n_ports = s.ports.get(&to).map_or(0, BTreeSet::len);
        let empty = BTreeSet::new();
        let on_port = s.hosts.get(&port).unwrap_or(&empty);
        let n_inside = on_port.iter().filter(inside).count();
        let n_odd = s.odd.get(&to).copied().unwrap_or(0);
        let sweeps = (n_inside >= p_hosts && n_inside > s.good.len()) || on_port.len() >= p_hosts.saturating_mul(OUTSIDE_TIMES);
        let kind = if n_ports >= p_ports {
            Some("ports")
        } else if sweeps {
            Some("hosts")
        } else if n_odd >= p_odd as u64 {
            Some("odd")
        } else {
            None
        };
        cx.counters.sources_let_go += let_go;
        let Some(kind) = kind else { return };
        let s = &*s;
        let sample: Vec<String> = if kind == "hosts" {
            on_port.iter().take(MAX_SAMPLE).map(ToString::to_string).collect()
        } else {
            s.ports.get(&to).into_iter().flatten().take(MAX_SAMPLE).map(ToString::to_string).collect()
        };
        let target = identity.end(f.segment, &f.server).map_or(Party::Address(to), |e| e.party);
        let control = is_control(identity, cx.site, target);
        let numbers = (n_ports as u64, on_port.len() as u64);
        let events = s.events.clone();
        self.tell(kind, f.segment, party, target, control, settled, numbers, sample, events, f.started, identity, cx);
    }

    /// A call by ARP for an address.
    pub fn arp(&mut self, head: &Head, arp: &Arp, identity: &Identity, cx: &mut Cx<'_>) {
        let to = IpAddr::V4(arp.target_ip);
        if arp.operation != 1 || arp.sender_ip == arp.target_ip || identity.by_ip(head.segment, to).is_some() {
            return;
        }
        let Some(id) = identity.by_mac(head.segment, arp.sender_mac) else { return };
        // A router calls for whatever somebody beyond it asks for.
        if identity.get(id).is_none_or(|a| a.router) {
            return;
        }
        let party = Party::Asset(id);
        let at = head.time;
        let limits = *cx.limits;
        let p_hosts = cx.rules.scan.count("arp_hosts");
        let event = cx.now.id;
        let Some(s) = self.source(head.segment, party, at, cx) else { return };
        if s.known.contains(&mark(to, 0, 1)) || s.called.len() >= limits.targets {
            return;
        }
        if s.called.insert(to) && s.events.len() < crate::gather::MAX_EVENTS {
            s.events.push(event);
        }
        let n = s.called.len();
        if n < p_hosts {
            return;
        }
        let sample = s.called.iter().take(MAX_SAMPLE).map(ToString::to_string).collect();
        let events = s.events.clone();
        self.tell("arp", head.segment, party, party, false, false, (0, n as u64), sample, events, at, identity, cx);
    }

    #[allow(clippy::too_many_arguments)]
    fn tell(
        &mut self,
        kind: &str,
        segment: Segment,
        party: Party,
        target: Party,
        control: bool,
        settled: bool,
        (ports, hosts): (u64, u64),
        sample: Vec<String>,
        events: Vec<EventId>,
        at: Time,
        identity: &Identity,
        cx: &mut Cx<'_>,
    ) {
        let rules = cx.rules;
        let rule = &rules.scan;
        let stranger = asset_of(party).and_then(|id| identity.get(id)).is_some_and(|a| settled && !a.in_ledger());
        let outside = matches!(party, Party::Address(ip) if !is_private(ip));
        let when = if control {
            "control"
        } else if outside {
            "outside"
        } else if stranger {
            "stranger"
        } else {
            kind
        };
        let mut s = Spark::new(format!("port-scan/{}", keyed(party)), rule.severity(when), kind)
            .fact("device", shown(party))
            .fact("target", shown(target))
            .fact("ports", Fact::Count(ports))
            .fact("hosts", Fact::Count(hosts))
            .fact("sample", Fact::List(sample))
            .fact("window", Fact::Span(rule.seconds("window_s")))
            .fact("time", Fact::Time(at));
        s.asset = asset_of(party);
        s.others = asset_of(target).filter(|t| Some(*t) != s.asset).into_iter().collect();
        s.events = events;
        if let Some(source) = self.sources.get_mut(&(segment, party)) {
            source.events.clear();
        }
        cx.raise(rule, s);
    }
}
