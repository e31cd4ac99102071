//! Who tells others how to get out: DHCP servers and IPv6 routers. One of each is usual on a segment; a second one sends its
//! clients where it likes. Those that speak in the first days are usual, and so is one that offers the very same way as a usual
//! one (a pair for failover) if people have entered it.
//!
//! A relay passes answers on under its own hardware address, so a DHCP server is known by the identifier that it gives (RFC 2132,
//! 9.7) and not by the frame. A router that wants to be nobody's default router and names no name server changes no way
//! (RFC 4861, 4.2: lifetime 0), and is not counted.

use crate::Cx;
use crate::gather::{Settings, Spark};
use crate::identity::{Identity, Known, is_virtual};
use crate::rules::{make_room, place};
use model::activity::{Dhcp, Head, RouterAdvertisement};
use model::{AssetId, Fact, Kind, Mac, Segment, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Providers that are remembered per segment.
const MAX_PROVIDERS: usize = 32;
const MAX_SEGMENTS: usize = 1_024;
/// Hardware addresses under which one provider's word arrives.
const MAX_MACS: usize = 8;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Provider {
    ip: IpAddr,
    macs: Vec<Mac>,
    last: Time,
    /// What it offers: routers, name servers, prefixes.
    way: Vec<String>,
    /// Spoke in the first days, or harmless for another reason: those who come later are held against it.
    usual: bool,
    /// First heard in the first days, when nobody could say which one is right.
    early: bool,
}

/// Providers by segment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Providers {
    dhcp: FxHashMap<Segment, Vec<Provider>>,
    routers: FxHashMap<Segment, Vec<Provider>>,
}

/// What was offered, by whom.
struct Offer<'a> {
    rule: &'a Settings,
    segment: Segment,
    ip: IpAddr,
    mac: Mac,
    way: Vec<String>,
    /// A first one after the first days is told, too: an office without IPv6 has no router that would contradict.
    first_counts: bool,
}

impl Providers {
    /// A DHCP message.
    pub fn dhcp(&mut self, head: &Head, d: &Dhcp, identity: &Identity, began: Time, cx: &mut Cx<'_>) {
        // Offer, acknowledgement: what a server says.
        if !matches!(d.message, 2 | 5) {
            return;
        }
        let Some(ip) = d.server_id.map(IpAddr::V4).or(head.server.ip).filter(|ip| model::net::is_unicast(*ip)) else { return };
        let Some(mac) = head.server.mac.filter(|m| m.is_device()) else { return };
        let mut way: Vec<String> = d.router.iter().chain(&d.resolvers).map(ToString::to_string).collect();
        way.dedup();
        let rules = cx.rules;
        let offer = Offer { rule: &rules.dhcp, segment: head.segment, ip, mac, way, first_counts: false };
        heard(&mut self.dhcp, &offer, identity, began, cx);
    }

    /// A router advertisement with its contents.
    pub fn advertised(&mut self, head: &Head, r: &RouterAdvertisement, identity: &Identity, began: Time, cx: &mut Cx<'_>) {
        if r.lifetime == 0 && r.resolvers.is_empty() {
            return;
        }
        let (Some(ip), Some(mac)) = (head.client.ip, head.client.mac.filter(|m| m.is_device())) else { return };
        let mut way: Vec<String> = r.prefixes.iter().map(|(p, bits)| format!("{p}/{bits}")).collect();
        way.extend(r.resolvers.iter().map(ToString::to_string));
        let rules = cx.rules;
        let offer = Offer { rule: &rules.advert, segment: head.segment, ip, mac, way, first_counts: true };
        heard(&mut self.routers, &offer, identity, began, cx);
    }
}

fn heard(table: &mut FxHashMap<Segment, Vec<Provider>>, o: &Offer<'_>, identity: &Identity, began: Time, cx: &mut Cx<'_>) {
    let at = cx.now.at;
    let rule = o.rule;
    if !table.contains_key(&o.segment) {
        let newest = |all: &Vec<Provider>| all.iter().map(|p| p.last).max().unwrap_or(Time::MIN);
        cx.counters.claims_let_go += make_room(table, MAX_SEGMENTS, newest);
    }
    let all = table.entry(o.segment).or_default();
    let asset_id = |m: Mac| identity.by_mac(o.segment, m);
    let asset = |m: Mac| asset_id(m).and_then(|id| identity.get(id));
    let carries = |m: Mac| is_virtual(m) || asset(m).is_some_and(|a| a.router || matches!(a.kind, Some(Kind::Router | Kind::Switch)));
    let learning = at.since(began) < Span::hours(rule.number("learning_h").min(87_600));
    // Only one that was heard lately is there to be contradicted: a replaced server is not a second one.
    let alive = |p: &Provider| p.usual && at.since(p.last) <= Span::hours(rule.number("alive_h").min(87_600));
    let others: Vec<String> = all.iter().filter(|p| p.ip != o.ip && alive(p)).map(|p| p.ip.to_string()).collect();
    let mut posing = false;
    let mut usual = false;
    let mut early = learning;
    match all.iter_mut().find(|p| p.ip == o.ip) {
        Some(p) => {
            let gap = at.since(p.last);
            p.last = at;
            early = p.early;
            if !o.way.is_empty() {
                p.way.clone_from(&o.way);
            }
            if p.macs.contains(&o.mac) {
                if p.usual {
                    return;
                }
            } else {
                let same = p.macs.iter().any(|m| asset_id(*m).is_some() && asset_id(*m) == asset_id(o.mac));
                // Relays pass on what DHCP servers say; nobody passes router advertisements on.
                let relayed = is_virtual(o.mac) || (!o.first_counts && carries(o.mac));
                let replaced = gap > Span::hours(rule.number("alive_h").min(87_600));
                if p.macs.len() < MAX_MACS {
                    p.macs.push(o.mac);
                }
                if p.usual && (same || relayed || replaced || learning) {
                    return;
                }
                posing = p.usual;
                // It will be told again: the first owner keeps its place.
                if posing {
                    p.macs.retain(|m| *m != o.mac);
                }
            }
        }
        None => {
            let moved = all.iter().any(|p| p.usual && p.macs.contains(&o.mac) && !carries(o.mac));
            let router_by_ledger = asset(o.mac).is_some_and(|a| a.in_ledger() && matches!(a.kind, Some(Kind::Router | Kind::Server)));
            let same_way = !o.way.is_empty() && all.iter().any(|p| p.usual && p.way == o.way);
            let alone = others.is_empty() && (learning || !o.first_counts || router_by_ledger);
            usual = moved || alone || (router_by_ledger && (same_way || o.first_counts)) || (learning && router_by_ledger);
            if all.len() >= MAX_PROVIDERS
                && let Some(oldest) = all.iter().enumerate().min_by_key(|(_, p)| p.last).map(|(i, _)| i)
            {
                all.remove(oldest);
                cx.counters.claims_let_go += 1;
            }
            all.push(Provider { ip: o.ip, macs: vec![o.mac], last: at, way: o.way.clone(), usual, early });
        }
    }
    if usual {
        return;
    }
    let registered = asset(o.mac).is_some_and(Known::in_ledger);
    let kind = match (posing, early || !identity.has_ledger(), registered) {
        (true, ..) => "posing",
        (_, true, _) => "two",
        (_, _, true) => "registered",
        _ => "new",
    };
    let name = if o.first_counts { "rogue-router" } else { "rogue-dhcp" };
    let key = format!("{name}/{}-{}/{}", o.segment.sensor.0, o.segment.vlan, o.mac);
    let list = |all: &[String]| Fact::List(if all.is_empty() { vec![String::from("–")] } else { all.iter().take(8).cloned().collect() });
    let id: Option<AssetId> = asset_id(o.mac);
    let mut s = Spark::new(key, rule.severity(kind), kind)
        .fact("device", id.map_or_else(|| Fact::Text(o.mac.to_string()), Fact::Asset))
        .text("address", o.ip.to_string())
        .text("mac", o.mac.to_string())
        .text("maker", catalogue::oui::vendor(o.mac).unwrap_or("–"))
        .fact("usual", list(&others))
        .fact("offers", list(&o.way))
        .text("place", place(o.segment))
        .fact("time", Fact::Time(at));
    s.every = Span::hours(1);
    s.asset = id;
    s.events = vec![cx.now.id];
    cx.raise(rule, s);
}
