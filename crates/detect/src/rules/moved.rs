//! A registered asset is somewhere else than before. What tells the place: the sensor and VLAN that hear it, the range of its
//! address, the access point it joins, and the switch port that a relay writes into its DHCP requests (option 82, RFC 3046).
//!
//! Two sensors may hear the same frame, and a mirror port may show it with and without its tag. So being heard at a second place is
//! no move; a move is to be heard at a new place for a while and no longer at the old one, while the old place itself is still
//! being watched. Where it was before for long is its home: coming back is not told.
//!
//! With one place to look from there is nothing to compare, and whether something moved is unknown ([`Moves::vantage`]).

use crate::Cx;
use crate::gather::Spark;
use crate::identity::{Identity, Known};
use crate::rules::{make_room, place};
use crate::site::Site;
use model::activity::{Activity, WlanKind};
use model::observation::Via;
use model::{Act, AssetId, Body, Fact, Kind, Mac, Segment, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Places of one asset that are remembered.
const MAX_SPOTS: usize = 16;
/// Places of a kind that are counted, for what can be told at all.
const MAX_PLACES: usize = 1_024;

/// Something that tells a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Spot {
    Segment(Segment),
    Subnet(Ipv4Addr, u8),
    AccessPoint(Mac),
    Circuit(String),
}

impl Spot {
    fn same_sort(&self, other: &Spot) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
    fn shown(&self) -> String {
        match self {
            Spot::Segment(s) => place(*s),
            Spot::Subnet(ip, bits) => format!("{ip}/{bits}"),
            Spot::AccessPoint(mac) => mac.to_string(),
            Spot::Circuit(c) => c.clone(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stay {
    spot: Spot,
    first: Time,
    last: Time,
    told: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Track {
    last: Time,
    stays: Vec<Stay>,
}

/// Where each asset has been.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Moves {
    tracks: FxHashMap<AssetId, Track>,
    /// When anything was heard there last.
    segments: FxHashMap<Segment, Time>,
    points: BTreeSet<Mac>,
    circuits: BTreeSet<String>,
    subnets: BTreeSet<(Ipv4Addr, u8)>,
}

/// How many places a move could be told by. All at most one: whether something moved is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vantage {
    /// Sensors and VLANs.
    pub segments: usize,
    /// Access points whose stations are heard.
    pub access_points: usize,
    /// Switch ports, by DHCP option 82.
    pub circuits: usize,
    /// Ranges of addresses.
    pub subnets: usize,
}

impl Vantage {
    /// Whether a move could be seen at all.
    pub fn sees_moves(&self) -> bool {
        [self.segments, self.access_points, self.circuits, self.subnets].into_iter().any(|n| n > 1)
    }
}

impl Moves {
    /// By how many places a move could be told.
    pub fn vantage(&self) -> Vantage {
        Vantage {
            segments: self.segments.len(),
            access_points: self.points.len(),
            circuits: self.circuits.len(),
            subnets: self.subnets.len(),
        }
    }

    /// Looks at where an event heard somebody.
    pub fn look(&mut self, body: &Body, identity: &Identity, cx: &mut Cx<'_>) {
        match body {
            Body::Observation(o) => {
                if let Some(mac) = o.mac.filter(|_| matches!(o.via, Via::Frame | Via::Arp)) {
                    self.heard(o.segment, mac, o.ip, identity, cx);
                }
            }
            Body::Flow(f) => {
                for (end, way) in [(&f.client, &f.up), (&f.server, &f.down)] {
                    if let Some(mac) = end.mac.filter(|_| way.packets > 0) {
                        self.heard(f.segment, mac, end.ip, identity, cx);
                    }
                }
            }
            Body::Activity(a) => self.activity(a, identity, cx),
            _ => {}
        }
    }

    fn activity(&mut self, a: &Activity, identity: &Identity, cx: &mut Cx<'_>) {
        let segment = a.head.segment;
        match &a.act {
            Act::Arp(arp) if a.head.client.mac.is_none_or(|m| m == arp.sender_mac) => {
                self.heard(segment, arp.sender_mac, Some(IpAddr::V4(arp.sender_ip)), identity, cx);
            }
            Act::Dhcp(d) if !d.circuit.is_empty() && matches!(d.message, 1 | 3 | 5 | 8) => {
                let Some(id) = identity.by_mac(segment, d.mac) else { return };
                let circuit: String = if d.remote.is_empty() { d.circuit.clone() } else { format!("{} {}", d.remote, d.circuit) };
                let circuit: String = circuit.chars().take(64).collect();
                if self.circuits.len() < MAX_PLACES {
                    self.circuits.insert(circuit.clone());
                }
                self.at(id, Spot::Circuit(circuit), identity, cx);
            }
            Act::Wlan(w) if matches!(w.kind, WlanKind::Association | WlanKind::KeyExchange) && w.code.is_none_or(|c| c == 0) => {
                let (Some(bssid), Some(station)) = (w.bssid, w.station) else { return };
                if self.points.len() < MAX_PLACES {
                    self.points.insert(bssid);
                }
                if let Some(id) = identity.by_mac(segment, station) {
                    self.at(id, Spot::AccessPoint(bssid), identity, cx);
                }
            }
            _ => {}
        }
    }

    /// A hardware address sent here, perhaps from an Internet address of its own.
    fn heard(&mut self, segment: Segment, mac: Mac, ip: Option<IpAddr>, identity: &Identity, cx: &mut Cx<'_>) {
        let at = cx.now.at;
        if self.segments.len() < MAX_PLACES || self.segments.contains_key(&segment) {
            self.segments.insert(segment, at);
        }
        let Some(a) = identity.by_mac(segment, mac).and_then(|id| identity.get(id)) else { return };
        if a.router {
            return;
        }
        self.at(a.id, Spot::Segment(segment), identity, cx);
        let Some(IpAddr::V4(v4)) = ip else { return };
        let own = a.ips.iter().any(|b| b.segment == segment && b.strong && b.ip == IpAddr::V4(v4));
        if own && !v4.is_link_local() && model::net::is_private(IpAddr::V4(v4)) {
            let bits = u8::try_from(cx.rules.moved.number("prefix_bits").clamp(8, 32)).unwrap_or(24);
            let net = Ipv4Addr::from(u32::from(v4) & (u32::MAX << (32 - u32::from(bits))));
            if self.subnets.len() < MAX_PLACES {
                self.subnets.insert((net, bits));
            }
            self.at(a.id, Spot::Subnet(net, bits), identity, cx);
        }
    }

    fn at(&mut self, id: AssetId, spot: Spot, identity: &Identity, cx: &mut Cx<'_>) {
        let at = cx.now.at;
        let rules = cx.rules;
        let rule = &rules.moved;
        if !self.tracks.contains_key(&id) {
            cx.counters.sources_let_go += make_room(&mut self.tracks, cx.limits.assets, |t| t.last);
        }
        let track = self.tracks.entry(id).or_default();
        track.last = at;
        let here = match track.stays.iter().position(|s| s.spot == spot) {
            Some(i) => i,
            None => {
                if track.stays.len() >= MAX_SPOTS
                    && let Some(oldest) = track.stays.iter().enumerate().min_by_key(|(_, s)| s.last).map(|(i, _)| i)
                {
                    track.stays.remove(oldest);
                }
                track.stays.push(Stay { spot, first: at, last: at, told: false });
                track.stays.len() - 1
            }
        };
        let Some(stay) = track.stays.get_mut(here) else { return };
        stay.last = stay.last.max(at);
        if stay.told {
            return;
        }
        // A switch port is where it is now; for the others two places may hear it at once.
        let instant = matches!(stay.spot, Spot::Circuit(_));
        let (first, spot) = (stay.first, stay.spot.clone());
        if !instant && at < first + rule.seconds("confirm_s") {
            return;
        }
        let settle = rule.seconds("settle_s");
        let former = track.stays.iter().filter(|s| s.spot != spot && s.spot.same_sort(&spot));
        let mut home: Option<&Stay> = None;
        for s in former {
            if !instant && s.last > first {
                return;
            }
            if s.last.since(s.first) >= settle && home.is_none_or(|h| s.last > h.last) {
                home = Some(s);
            }
        }
        let Some((from, stayed)) = home.map(|h| (h.spot.clone(), h.last.since(h.first))) else { return };
        // From time not watched nothing is concluded: the old place must have been heard since.
        if let Spot::Segment(s) = from
            && self.segments.get(&s).is_none_or(|t| *t < first)
        {
            return;
        }
        let Some(a) = identity.get(id).filter(|a| a.in_ledger()) else { return };
        if let Some(stay) = self.tracks.get_mut(&id).and_then(|t| t.stays.iter_mut().find(|s| s.spot == spot)) {
            stay.told = true;
        }
        let kind = match (&from, &spot) {
            (Spot::Segment(a), Spot::Segment(b)) if a.sensor != b.sensor => "sensor",
            (Spot::Segment(_), _) => "vlan",
            (Spot::Subnet(..), _) => "subnet",
            (Spot::AccessPoint(_), _) => "access-point",
            (Spot::Circuit(_), _) => "port",
        };
        let when = gravity(a, cx.site);
        let mut s = Spark::new(format!("device-moved/{id}/{kind}"), rule.severity(when), kind)
            .fact("device", Fact::Asset(id))
            .text("from", from.shown())
            .text("to", spot.shown())
            .text("address", a.address())
            .text("mac", a.mac())
            .fact("stayed", Fact::Span(stayed))
            .fact("time", Fact::Time(first));
        s.worse = true;
        s.asset = Some(id);
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }

    /// The clock was set back for good: times ahead of it mean nothing.
    pub fn clock_back(&mut self, at: Time) {
        for s in self.tracks.values_mut().flat_map(|t| &mut t.stays) {
            (s.first, s.last) = (s.first.min(at), s.last.min(at));
        }
        for t in self.segments.values_mut() {
            *t = (*t).min(at);
        }
    }
}

fn gravity(a: &Known, site: &Site) -> &'static str {
    if site.is_control_asset(a) {
        "control"
    } else if a.kind == Some(Kind::Phone) {
        "carried"
    } else {
        "moved"
    }
}
