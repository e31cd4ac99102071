//! Two hardware addresses claim one Internet address. Who claims what is remembered per segment; a change of the claimant is
//! harmless when DHCP says so, when one of them is a shared address of a router pair, when both belong to one asset, when the
//! former owner has gone, or when the pair has taken turns before. It is told when the former owner is still there and they
//! keep changing (a doubled address), when the address is the router's, or when one claimant takes two owners' addresses.
//!
//! An attacker who talks to one victim only need not be contradicted within earshot. What shows then is the way of the traffic:
//! an Internet address that one router forwarded is suddenly forwarded by a device that never did so before and has just begun
//! to claim an address, while the former router is still there.

use crate::Cx;
use crate::gather::Spark;
use crate::identity::{Identity, is_virtual};
use crate::rules::make_room;
use model::activity::{Activity, Dhcp};
use model::{Act, Fact, Mac, Segment, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Former owners that are remembered per address.
const MAX_OWNERS: usize = 4;
const MAX_CHANGES: usize = 16;
/// Who held an address for so long without contest counts as one of its regular owners.
const REGULAR: Span = Span::hours(1);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claim {
    mac: Mac,
    since: Time,
    at: Time,
    first: Mac,
    changes: Vec<Time>,
    owners: Vec<Mac>,
    lease: Option<Mac>,
    shared: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Taker {
    taken: Vec<(IpAddr, Time)>,
    last: Time,
}

/// Who claims which address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    claims: FxHashMap<(Segment, IpAddr), Claim>,
    takers: FxHashMap<(Segment, Mac), Taker>,
    /// Who forwards an address beyond the link, since when.
    forwards: FxHashMap<(Segment, IpAddr), (Mac, Time)>,
    /// Since when a hardware address forwards at all.
    forwarders: FxHashMap<(Segment, Mac), Time>,
    /// The newest address that a hardware address has begun to claim, and when.
    begun: FxHashMap<(Segment, Mac), (IpAddr, Time)>,
}

impl Claims {
    /// A message that claims an address, or by which DHCP gives one.
    pub fn activity(&mut self, a: &Activity, identity: &Identity, cx: &mut Cx<'_>) {
        let segment = a.head.segment;
        match &a.act {
            Act::Arp(arp) => self.claim(segment, IpAddr::V4(arp.sender_ip), arp.sender_mac, identity, cx),
            Act::Neighbour(n) => {
                let link = n.link.or(a.head.client.mac);
                match (n.icmp_type, n.target, a.head.client.ip, link) {
                    (136, Some(ip), _, Some(mac)) | (135, _, Some(ip), Some(mac)) => self.claim(segment, ip, mac, identity, cx),
                    _ => {}
                }
            }
            Act::Dhcp(Dhcp { message: 5, your_ip: Some(ip), mac, .. }) => {
                let claim = self.entry(segment, IpAddr::V4(*ip), *mac, cx);
                claim.lease = Some(*mac);
                if claim.mac != *mac {
                    (claim.mac, claim.first, claim.since, claim.at) = (*mac, *mac, cx.now.at, cx.now.at);
                    claim.changes.clear();
                }
            }
            _ => {}
        }
    }

    /// A frame came from an address beyond the link: did the way change?
    pub fn frame(&mut self, o: &model::Observation, identity: &Identity, cx: &mut Cx<'_>) {
        let (Some(mac), Some(ip)) = (o.mac, o.ip) else { return };
        if o.via != model::observation::Via::Frame || model::net::is_private(ip) || !ip.is_ipv4() || !model::net::is_unicast(ip) {
            return;
        }
        let (segment, at) = (o.segment, cx.now.at);
        let limit = cx.limits.claims / 4;
        cx.counters.claims_let_go += make_room(&mut self.forwards, limit, |(_, t)| *t);
        cx.counters.claims_let_go += make_room(&mut self.forwarders, limit, |t| *t);
        let since = *self.forwarders.entry((segment, mac)).or_insert(at);
        let (old, old_since) = *self.forwards.entry((segment, ip)).or_insert((mac, at));
        if old == mac {
            return;
        }
        self.forwards.insert((segment, ip), (mac, at));
        let rules = cx.rules;
        let rule = &rules.spoof;
        let Some((claimed, begun)) = self.begun.get(&(segment, mac)).copied() else { return };
        let alive = rule.seconds("alive_s");
        let former = identity.by_mac(segment, old).and_then(|id| identity.get(id));
        let there = former.is_some_and(|a| a.last >= at - alive);
        let just = begun > old_since && begun <= at && begun >= at - alive && since >= begun;
        if is_virtual(mac) || is_virtual(old) || !there || !just {
            return;
        }
        let asset = |m: Mac| identity.by_mac(segment, m).and_then(|id| identity.get(id));
        let shown = |m: Mac| asset(m).map_or_else(|| Fact::Text(m.to_string()), |a| Fact::Asset(a.id));
        let key = format!("arp-spoofing/{}-{}/{mac}", segment.sensor.0, segment.vlan);
        let mut s = Spark::new(key, rule.severity("router"), "router")
            .fact("device", shown(mac))
            .fact("owner", shown(old))
            .fact("addresses", Fact::List(vec![claimed.to_string()]))
            .text("address", claimed.to_string())
            .text("mac", mac.to_string())
            .text("owner_mac", old.to_string())
            .text("place", format!("#{} VLAN {}", segment.sensor.0, segment.vlan))
            .fact("time", Fact::Time(at));
        s.asset = asset(mac).map(|a| a.id);
        s.others = former.map(|a| a.id).into_iter().collect();
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }

    fn entry(&mut self, segment: Segment, ip: IpAddr, mac: Mac, cx: &mut Cx<'_>) -> &mut Claim {
        let at = cx.now.at;
        if !self.claims.contains_key(&(segment, ip)) {
            cx.counters.claims_let_go += make_room(&mut self.claims, cx.limits.claims, |c| c.at);
        }
        self.claims.entry((segment, ip)).or_insert_with(|| Claim {
            mac,
            since: at,
            at,
            first: mac,
            changes: vec![],
            owners: vec![],
            lease: None,
            shared: false,
        })
    }

    fn claim(&mut self, segment: Segment, ip: IpAddr, mac: Mac, identity: &Identity, cx: &mut Cx<'_>) {
        if !model::net::is_unicast(ip) || ip.is_loopback() || !mac.is_device() {
            return;
        }
        let at = cx.now.at;
        let rules = cx.rules;
        let rule = &rules.spoof;
        // Nobody has claimed it yet, but somebody has been using it: that is the owner.
        let user = identity.by_ip(segment, ip).and_then(|id| identity.get(id)).filter(|a| !a.router);
        let before = user.and_then(|a| a.macs.iter().find(|(s, _)| *s == segment)).map_or(mac, |(_, m)| *m);
        let fresh = !self.claims.contains_key(&(segment, ip));
        let claim = self.entry(segment, ip, before, cx);
        let same = claim.mac == mac;
        if same {
            claim.at = at;
        }
        if fresh || !same {
            let limit = cx.limits.claims / 4;
            cx.counters.claims_let_go += make_room(&mut self.begun, limit, |(_, t)| *t);
            self.begun.insert((segment, mac), (ip, at));
        }
        if same {
            return;
        }
        let Some(claim) = self.claims.get_mut(&(segment, ip)) else { return };
        let (old, old_at, held) = (claim.mac, claim.at, at.since(claim.since));
        claim.mac = mac;
        claim.since = at;
        claim.at = at;
        if is_virtual(mac) || is_virtual(old) {
            claim.shared = true;
            return;
        }
        let window = rule.seconds("window_s");
        claim.changes.retain(|t| *t > at - window && *t <= at);
        if claim.changes.is_empty() {
            claim.first = old;
        }
        claim.changes.push(at);
        let excess = claim.changes.len().saturating_sub(MAX_CHANGES);
        claim.changes.drain(..excess);
        let regular = claim.owners.contains(&mac);
        if held >= REGULAR && !claim.owners.contains(&old) {
            claim.owners.push(old);
            let excess = claim.owners.len().saturating_sub(MAX_OWNERS);
            claim.owners.drain(..excess);
        }
        if claim.shared || claim.lease == Some(mac) {
            return;
        }
        let (by_old, by_new) = (identity.by_mac(segment, old), identity.by_mac(segment, mac));
        if by_old.is_some() && by_old == by_new {
            return;
        }
        let alternations = claim.changes.len();
        // When it came back to the first owner, the one who made the trouble is the other.
        let (intruder, owner) = if mac == claim.first { (old, mac) } else { (mac, old) };
        let alive_after = at - rule.seconds("alive_s");
        let heard = by_old.and_then(|id| identity.get(id)).map_or(old_at, |a| a.last.max(old_at));
        if heard < alive_after {
            return;
        }
        cx.counters.claims_let_go += make_room(&mut self.takers, cx.limits.claims / 4, |t| t.last);
        let taker = self.takers.entry((segment, intruder)).or_default();
        taker.last = at;
        taker.taken.retain(|(i, t)| *i != ip && *t > at - window);
        if taker.taken.len() < 64 {
            taker.taken.push((ip, at));
        }
        let taken = taker.taken.len();
        let gateway = identity.is_gateway(segment, ip);
        let contested = alternations >= rule.count("alternations");
        // A regular owner may take over once; it may not contest.
        if !(contested || ((gateway || taken >= 2) && !regular)) {
            return;
        }
        let asset = |m: Mac| identity.by_mac(segment, m).and_then(|id| identity.get(id));
        let forwards = asset(intruder).is_some_and(|a| a.router) && !gateway && !contested;
        let control = asset(owner).is_some_and(|a| cx.site.is_control_asset(a));
        let (kind, when) = if forwards {
            ("proxy", "proxy")
        } else if taken >= 2 {
            ("middle", "middle")
        } else if gateway {
            ("router", "router")
        } else if control {
            ("double", "control")
        } else {
            ("double", "double")
        };
        let mut addresses: Vec<IpAddr> = taker.taken.iter().map(|(i, _)| *i).collect();
        addresses.sort_unstable();
        let shown = |m: Mac| asset(m).map_or_else(|| Fact::Text(m.to_string()), |a| Fact::Asset(a.id));
        let key = format!("arp-spoofing/{}-{}/{intruder}", segment.sensor.0, segment.vlan);
        let mut s = Spark::new(key, rule.severity(when), kind)
            .fact("device", shown(intruder))
            .fact("owner", shown(owner))
            .fact("addresses", Fact::List(addresses.iter().take(16).map(ToString::to_string).collect()))
            .text("address", ip.to_string())
            .text("mac", intruder.to_string())
            .text("owner_mac", owner.to_string())
            .text("place", format!("#{} VLAN {}", segment.sensor.0, segment.vlan))
            .fact("time", Fact::Time(at));
        s.asset = asset(intruder).map(|a| a.id);
        s.others = asset(owner).map(|a| a.id).into_iter().collect();
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }
}
