//! The router's address is suddenly answered from another hardware address while the former is silent: the router was exchanged,
//! or somebody switched it off and took its place. While the former still speaks it is spoofing and [`super::spoof`]'s matter.
//!
//! Silent: the shared addresses of router pairs; a claimant that the ledger calls a router; one that has been this router
//! before; two cards of one asset.

use crate::Cx;
use crate::gather::Spark;
use crate::identity::{Identity, Known, is_virtual};
use crate::rules::{make_room, place};
use model::activity::Activity;
use model::{Act, Fact, Kind, Mac, Segment, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Hardware addresses that have been this router.
const MAX_FORMER: usize = 8;
const MAX_GATES: usize = 1_024;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gate {
    mac: Mac,
    since: Time,
    at: Time,
    former: Vec<Mac>,
}

/// Which hardware address answers for a router's address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gates {
    gates: FxHashMap<(Segment, IpAddr), Gate>,
}

impl Gates {
    /// A message by which somebody claims an address on the link.
    pub fn activity(&mut self, a: &Activity, identity: &Identity, cx: &mut Cx<'_>) {
        let claim = match &a.act {
            Act::Arp(arp) => Some((IpAddr::V4(arp.sender_ip), arp.sender_mac)),
            Act::Neighbour(n) if n.icmp_type == 136 => n.target.zip(n.link.or(a.head.client.mac)),
            _ => None,
        };
        if let Some((ip, mac)) = claim
            && mac.is_device()
            && model::net::is_unicast(ip)
        {
            self.claim(a.head.segment, ip, mac, identity, cx);
        }
    }

    fn claim(&mut self, segment: Segment, ip: IpAddr, mac: Mac, identity: &Identity, cx: &mut Cx<'_>) {
        let at = cx.now.at;
        let Some(gate) = self.gates.get_mut(&(segment, ip)) else {
            if identity.is_gateway(segment, ip) {
                cx.counters.claims_let_go += make_room(&mut self.gates, MAX_GATES.min(cx.limits.claims), |g| g.at);
                self.gates.insert((segment, ip), Gate { mac, since: at, at, former: vec![] });
            }
            return;
        };
        if gate.mac == mac {
            gate.at = at;
            return;
        }
        let rules = cx.rules;
        let rule = &rules.gateway;
        let (old, held) = (gate.mac, gate.at.since(gate.since));
        let asset = |m: Mac| identity.by_mac(segment, m).and_then(|id| identity.get(id));
        // Still there: two claim the address, which is told as spoofing.
        let last = asset(old).map_or(gate.at, |o| o.last.max(gate.at));
        if last > at - rule.seconds("alive_s") && !is_virtual(mac) && !is_virtual(old) {
            return;
        }
        let same = asset(old).is_some_and(|o| asset(mac).is_some_and(|n| n.id == o.id));
        let known_router = asset(mac).is_some_and(|n| n.in_ledger() && (n.kind == Some(Kind::Router) || n.router));
        let regular = gate.former.contains(&mac);
        let settled = held >= rule.seconds("known_s");
        gate.mac = mac;
        gate.since = at;
        gate.at = at;
        if settled && !gate.former.contains(&old) {
            gate.former.push(old);
            let excess = gate.former.len().saturating_sub(MAX_FORMER);
            gate.former.drain(..excess);
        }
        if is_virtual(mac) || is_virtual(old) || same || known_router || regular || !settled {
            return;
        }
        let registered = asset(mac).is_some_and(Known::in_ledger);
        let kind = if registered { "registered" } else { "stranger" };
        // Where nobody is in the ledger, nobody can be a stranger.
        let when = if identity.has_ledger() { kind } else { "registered" };
        let shown = |m: Mac| asset(m).map_or_else(|| Fact::Text(m.to_string()), |a| Fact::Asset(a.id));
        let key = format!("gateway-changed/{}-{}/{ip}", segment.sensor.0, segment.vlan);
        let mut s = Spark::new(key, rule.severity(when), kind)
            .fact("device", shown(mac))
            .fact("owner", shown(old))
            .text("address", ip.to_string())
            .text("mac", mac.to_string())
            .text("owner_mac", old.to_string())
            .text("maker", catalogue::oui::vendor(mac).unwrap_or("–"))
            .text("place", place(segment))
            .fact("time", Fact::Time(at));
        s.worse = true;
        s.asset = asset(mac).map(|a| a.id);
        s.others = asset(old).map(|a| a.id).into_iter().collect();
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }
}
