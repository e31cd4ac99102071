//! Which device is it? Addresses become assets by these rules (for people: docs/en/recognition.md).
//!
//! **What makes an asset.** A hardware address that sends frames. On links without hardware addresses (raw IP), a private
//! Internet address. Never: group addresses, the shared addresses of VRRP, HSRP, GLBP and CARP, and addresses behind a router
//! or on the Internet.
//!
//! **What joins.** One hardware address is one asset: wherever it is seen when its maker assigned it, within one segment when
//! software made it up (locally administered). An Internet address belongs to the asset whose hardware address claims it on
//! the link (ARP, neighbour discovery) or was given it by DHCP: a *strong* binding. A frame's source alone is *weak*, as a
//! router forwards for others: the first three private addresses of a hardware address that has claimed none. Link-local IPv6
//! addresses and those made from the hardware address (EUI-64) never leave the link, so they are strong; other global IPv6
//! addresses are weak, while they lie in at most two /64. A ledger entry is joined by its hardware address, or by its Internet
//! address when it has no other. A made-up hardware address is joined to the asset that gave the same DHCP host name before,
//! if that asset has been quiet for ten minutes: telephones change their address and keep their name.
//!
//! **What splits.** A strong claim by another hardware address moves the Internet address (DHCP handed it to somebody else, a
//! network card was replaced); the devices stay two. While two keep claiming it (see the ARP rule) it moves once a minute at most.
//!
//! **What people decide.** Whoever merges two assets or splits an address off by hand is right: the decision is a deed in the log and
//! is folded like everything else ([`by_hand`]). The asset is not forgotten, and an Internet address that was split off without a
//! hardware address stays where it was put, whoever claims it on the link.
//!
//! **Routers.** A hardware address that sends from public Internet addresses, or from four or more private ones that it never
//! claimed, passes traffic on for others. What it forwards is counted to the true end and not to it.

mod by_hand;
mod ledger;
mod shows;

use crate::{Cx, Effect};
use model::asset::{AssetFact, Internet, Party, Property};
use model::net::{is_private, is_unicast};
use model::observation::Via;
use model::{AssetChange, AssetId, AssetState, Endpoint, Kind, Mac, Observation, Protocol, Segment, Span, Time};
use rustc_hash::{FxHashMap, FxHasher};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// Internet addresses of one asset.
const MAX_IPS: usize = 32;
/// Hardware addresses of one asset.
const MAX_MACS: usize = 16;
const MAX_NAMES: usize = 16;
const MAX_SERVICES: usize = 64;
/// Signs of one asset: reasons times properties are few, and rules may grow.
const MAX_SIGNS: usize = 96;
/// Signs that are remembered as heard.
const MAX_HEARD: usize = 64;
/// Partners of one asset that are counted.
const MAX_PARTNERS: usize = 8;
/// Private addresses that a hardware address may use without claiming one.
const WEAK_IPS: usize = 3;
/// Addresses beyond the link, in hashed form, by which a router shows.
const MAX_OFF_LINK: usize = 8;
const SEEN_EVERY: Span = Span::minutes(1);
const ACTIVE_EVERY: Span = Span::hours(1);
const ADDRESS_EVERY: Span = Span::hours(1);
/// While two claim an address it moves at most once in this time.
const MOVE_EVERY: Span = Span::minutes(1);
const QUIET_BEFORE_JOIN: Span = Span::minutes(10);
const FORGET_AFTER: Span = Span::days(7);

/// An Internet address of an asset.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Bound {
    pub segment: Segment,
    pub ip: IpAddr,
    pub strong: bool,
    pub told: Time,
}

/// A service of an asset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offered {
    pub port: u16,
    pub udp: bool,
    pub protocol: Option<Protocol>,
    pub product: String,
}

/// A guess that was told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Guessed {
    property: Property,
    confidence: u8,
    value: String,
    reason: String,
}

/// What is remembered of an asset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    pub id: AssetId,
    pub state: AssetState,
    pub first: Time,
    pub last: Time,
    /// Before the last time it was heard.
    pub before: Time,
    told: Time,
    /// Where it was heard last.
    pub segment: Segment,
    pub macs: Vec<(Segment, Mac)>,
    pub ips: Vec<Bound>,
    pub names: Vec<(Protocol, String)>,
    pub services: Vec<Offered>,
    guesses: Vec<Guessed>,
    off_link: Vec<u64>,
    /// It passes traffic on for others.
    pub router: bool,
    /// It answers as control equipment.
    pub control: bool,
    /// It gives orders to control equipment.
    pub master: bool,
    /// Its hardware address is made up.
    pub random: bool,
    /// It was heard on the network, not only entered.
    pub seen: bool,
    /// When it was last told that it does more than announce itself.
    active: Time,
    /// What people said about its need for the Internet.
    pub internet: Internet,
    /// Since when it stands where it stands in its life.
    pub state_since: Time,
    /// What a person said it is.
    pub kind: Option<Kind>,
    /// A person merged it or split it off: it is not forgotten.
    by_hand: bool,
    /// Signs that were weighed already, in hashed form, the newest last.
    heard: Vec<u64>,
    /// Controllers that it gave orders to, and other assets that asked it by TCP: in hashed form.
    polled: Vec<u64>,
    clients: Vec<u64>,
}

impl Known {
    /// One of which nothing is known yet but its state.
    fn new(id: AssetId, state: AssetState, segment: Segment, at: Time) -> Known {
        Known {
            id,
            state,
            first: at,
            last: Time::MIN,
            before: Time::MIN,
            told: Time::MIN,
            segment,
            macs: vec![],
            ips: vec![],
            names: vec![],
            services: vec![],
            guesses: vec![],
            off_link: vec![],
            router: false,
            control: false,
            master: false,
            random: false,
            seen: false,
            active: Time::MIN,
            internet: Internet::default(),
            state_since: Time::MIN,
            kind: None,
            by_hand: false,
            heard: vec![],
            polled: vec![],
            clients: vec![],
        }
    }

    /// In the ledger by a person's word.
    pub fn in_ledger(&self) -> bool {
        self.state != AssetState::Discovered
    }
    /// On the network and not in the ledger.
    fn stranger(&self) -> bool {
        self.seen && !self.in_ledger()
    }
    /// The address to show: a claimed IPv4 first.
    pub fn address(&self) -> String {
        let best = self.ips.iter().max_by_key(|b| (b.ip.is_ipv4(), b.strong, b.told));
        best.map_or_else(|| String::from("–"), |b| b.ip.to_string())
    }
    /// The hardware address to show.
    pub fn mac(&self) -> String {
        self.macs.first().map_or_else(|| String::from("–"), |(_, m)| m.to_string())
    }
    /// The maker of the network card.
    pub fn maker(&self) -> &'static str {
        self.macs.iter().find_map(|(_, m)| catalogue::oui::vendor(*m)).unwrap_or("–")
    }
}

/// What an event told about assets.
#[derive(Debug, Default)]
pub struct News {
    /// Assets that are new.
    pub discovered: Vec<AssetId>,
    /// Assets that were heard.
    pub heard: Vec<AssetId>,
    /// Assets of which a name or an address became known.
    pub described: Vec<AssetId>,
    /// Assets that gave orders to control equipment for the first time, or answered as such.
    pub control: Vec<AssetId>,
    /// Assets that turned out to be another.
    pub merged: Vec<AssetId>,
}

/// The end of a conversation, with whether it sits on this segment itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub party: Party,
    /// The frame came from (or went to) its own network card here.
    pub own: bool,
}

/// Assets and the addresses that lead to them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Identity {
    assets: FxHashMap<AssetId, Known>,
    by_mac: FxHashMap<(Option<Segment>, Mac), AssetId>,
    by_ip: FxHashMap<(Segment, IpAddr), (AssetId, Time)>,
    /// Ledger entries without a hardware address that were not heard yet, by their Internet address.
    entered: FxHashMap<IpAddr, AssetId>,
    /// Where an address leads on any segment. `None` where it is ambiguous.
    anywhere: FxHashMap<IpAddr, Option<AssetId>>,
    /// Internet addresses that a person put where they are.
    pinned: FxHashMap<(Segment, IpAddr), AssetId>,
    random: usize,
    ledger: usize,
    strangers: u64,
    gateways: std::collections::BTreeSet<(Segment, IpAddr)>,
    /// Assets and control equipment by segment.
    crowd: FxHashMap<Segment, (u32, u32)>,
}

/// Virtual router addresses: VRRP and CARP (RFC 9568, 7.3), HSRP 1 and 2, GLBP. They belong to no device.
pub fn is_virtual(mac: Mac) -> bool {
    matches!(
        mac.0,
        [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _]
            | [0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0x00, 0x07, 0xb4, 0x00, _, _]
    )
}

fn slot(segment: Segment, mac: Mac) -> (Option<Segment>, Mac) {
    (if mac.is_local() { Some(segment) } else { None }, mac)
}

/// An IPv6 interface identifier made from this hardware address (RFC 4291, appendix A).
fn is_eui64(ip: IpAddr, mac: Mac) -> bool {
    let IpAddr::V6(v6) = ip else { return false };
    let m = mac.0;
    v6.octets().get(8..) == Some(&[m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]])
}

fn hashed_id(id: AssetId) -> u64 {
    let mut h = FxHasher::default();
    id.hash(&mut h);
    h.finish()
}

/// Notes a mark; false where it was there, or (unless the oldest may go) where there is no room.
fn note(marks: &mut Vec<u64>, mark: u64, most: usize, replace: bool) -> bool {
    if marks.contains(&mark) || (marks.len() >= most && !replace) {
        return false;
    }
    if marks.len() >= most {
        marks.remove(0);
    }
    marks.push(mark);
    true
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn hashed(ip: IpAddr) -> u64 {
    let mut h = FxHasher::default();
    match ip {
        IpAddr::V4(_) => ip.hash(&mut h),
        IpAddr::V6(v6) => v6.octets().get(..8).hash(&mut h),
    }
    h.finish()
}

impl Identity {
    /// How many assets are remembered.
    pub fn len(&self) -> usize {
        self.assets.len()
    }
    /// The asset of this id.
    pub fn get(&self, id: AssetId) -> Option<&Known> {
        self.assets.get(&id)
    }
    pub(crate) fn get_mut(&mut self, id: AssetId) -> Option<&mut Known> {
        self.assets.get_mut(&id)
    }
    /// Every asset, in the order of ids (which is the order of discovery).
    pub fn sorted(&self) -> Vec<&Known> {
        let mut all: Vec<&Known> = self.assets.values().collect();
        all.sort_unstable_by_key(|a| a.id);
        all
    }
    /// Whether people have entered anything.
    pub fn has_ledger(&self) -> bool {
        self.ledger > 0
    }
    /// Seen on the network and not in the ledger.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }
    /// The counters agree with what they count (for tests: walks through everything).
    pub fn is_consistent(&self) -> bool {
        self.strangers == self.assets.values().filter(|a| a.stranger()).count() as u64
            && self.ledger == self.assets.values().filter(|a| a.in_ledger()).count()
    }
    /// Whether control equipment makes up a fifth of a segment and is more than one.
    pub fn is_control_segment(&self, segment: Segment) -> bool {
        self.crowd.get(&segment).is_some_and(|(all, control)| *control >= 2 && control * 5 >= *all)
    }
    /// Whether this is a router's address on its segment.
    pub fn is_gateway(&self, segment: Segment, ip: IpAddr) -> bool {
        self.gateways.contains(&(segment, ip)) || self.by_ip.get(&(segment, ip)).and_then(|(id, _)| self.get(*id)).is_some_and(|a| a.router)
    }
    pub(crate) fn add_gateway(&mut self, segment: Segment, ip: IpAddr) {
        if self.gateways.len() < 1024 {
            self.gateways.insert((segment, ip));
        }
    }
    /// The asset with this hardware address.
    pub fn by_mac(&self, segment: Segment, mac: Mac) -> Option<AssetId> {
        self.by_mac.get(&(None, mac)).or_else(|| self.by_mac.get(&slot(segment, mac))).copied()
    }
    /// The asset to which an Internet address belongs on a segment.
    pub fn by_ip(&self, segment: Segment, ip: IpAddr) -> Option<AssetId> {
        self.by_ip.get(&(segment, ip)).map(|(id, _)| *id)
    }

    /// An address that a sensor saw.
    pub fn observe(&mut self, o: &Observation, cx: &mut Cx<'_>) -> News {
        let mut news = News::default();
        let mac = o.mac.filter(|m| m.is_device() && !is_virtual(*m));
        if o.mac.is_some() && mac.is_none() {
            return news;
        }
        let ip = o.ip.filter(|ip| is_unicast(*ip) && !ip.is_loopback());
        match (mac, ip) {
            (Some(mac), ip) => {
                let id = if o.via == Via::Frame { self.sender(o.segment, mac, &mut news, cx) } else { self.by_mac(o.segment, mac) };
                if let (Some(id), Some(ip)) = (id, ip) {
                    match o.via {
                        Via::Frame => self.bind_weak(id, o.segment, mac, ip, &mut news, cx),
                        Via::Arp | Via::Neighbour | Via::Dhcp => self.bind(id, o.segment, Some(mac), ip, o.via == Via::Dhcp, &mut news, cx),
                    }
                }
            }
            (None, Some(ip)) if is_private(ip) => {
                self.sender_by_ip(o.segment, ip, &mut news, cx);
            }
            _ => {}
        }
        news
    }

    /// The asset that sent a frame from this hardware address; made if it is new.
    pub fn sender(&mut self, segment: Segment, mac: Mac, news: &mut News, cx: &mut Cx<'_>) -> Option<AssetId> {
        if !mac.is_device() || is_virtual(mac) {
            return None;
        }
        let id = match self.by_mac(segment, mac) {
            Some(id) => {
                if let Some(a) = self.assets.get_mut(&id)
                    && !a.macs.contains(&(segment, mac))
                {
                    a.macs.insert(0, (segment, mac));
                    a.macs.truncate(MAX_MACS);
                    tell(cx, id, AssetFact::Address { segment, mac: Some(mac), ip: None });
                }
                id
            }
            None => {
                let id = self.discover(segment, &mac.0, mac.is_local(), news, cx)?;
                self.by_mac.insert(slot(segment, mac), id);
                if let Some(a) = self.assets.get_mut(&id) {
                    a.macs.push((segment, mac));
                }
                tell(cx, id, AssetFact::Address { segment, mac: Some(mac), ip: None });
                if let Some(maker) = catalogue::oui::vendor(mac) {
                    self.guess(id, Property::Maker, maker, 30, "oui", None, cx);
                    crate::learn::sign(self, id, catalogue::Sign::Vendor, maker, None, cx);
                }
                id
            }
        };
        self.touch(id, segment, news, cx);
        Some(id)
    }

    /// The asset that sent from this Internet address on a link without hardware addresses.
    pub fn sender_by_ip(&mut self, segment: Segment, ip: IpAddr, news: &mut News, cx: &mut Cx<'_>) -> Option<AssetId> {
        if !is_private(ip) || !is_unicast(ip) || ip.is_loopback() {
            return None;
        }
        let id = match self.by_ip(segment, ip) {
            Some(id) => id,
            None => match self.entry_of(ip) {
                Some(id) => id,
                None => {
                    let mut salt = vec![];
                    match ip {
                        IpAddr::V4(v4) => salt.extend(v4.octets()),
                        IpAddr::V6(v6) => salt.extend(v6.octets()),
                    }
                    self.discover(segment, &salt, false, news, cx)?
                }
            },
        };
        self.touch(id, segment, news, cx);
        self.bind(id, segment, None, ip, true, news, cx);
        Some(id)
    }

    fn discover(&mut self, segment: Segment, salt: &[u8], random: bool, news: &mut News, cx: &mut Cx<'_>) -> Option<AssetId> {
        if self.assets.len() >= cx.limits.assets || (random && self.random >= cx.limits.random_assets) {
            self.forget(cx, random);
            if self.assets.len() >= cx.limits.assets || (random && self.random >= cx.limits.random_assets) {
                cx.counters.assets_refused += 1;
                return None;
            }
        }
        let id = AssetId::derived(cx.now.at, cx.now.id, salt);
        self.random += usize::from(random);
        self.crowd.entry(segment).or_default().0 += 1;
        self.strangers += 1;
        let at = cx.now.at;
        let new = Known { last: at, before: at, told: at, random, seen: true, ..Known::new(id, AssetState::Discovered, segment, at) };
        self.assets.insert(id, new);
        tell(cx, id, AssetFact::Discovered);
        news.discovered.push(id);
        Some(id)
    }

    /// Lets assets go that nobody entered and that were not heard for a week. Looked for only now and then: a flood of new
    /// addresses must not make every frame walk through the table.
    fn forget(&mut self, cx: &mut Cx<'_>, random_only: bool) {
        if !cx.counters.assets_refused.is_multiple_of(1024) {
            return;
        }
        let old = cx.now.at - FORGET_AFTER;
        let gone: Vec<AssetId> = self
            .assets
            .values()
            .filter(|a| !a.in_ledger() && !a.by_hand && a.last < old && (a.random || !random_only))
            .map(|a| a.id)
            .collect();
        for id in &gone {
            if let Some(a) = self.assets.remove(id) {
                self.strangers -= u64::from(a.stranger());
                self.random -= usize::from(a.random && self.random > 0);
                if let Some(c) = self.crowd.get_mut(&a.segment) {
                    c.0 = c.0.saturating_sub(1);
                    c.1 = c.1.saturating_sub(u32::from(a.control));
                }
                cx.counters.assets_let_go += 1;
            }
        }
        let assets = &self.assets;
        self.by_mac.retain(|_, id| assets.contains_key(id));
        self.by_ip.retain(|_, (id, _)| assets.contains_key(id));
        self.anywhere.retain(|_, id| id.is_some_and(|id| assets.contains_key(&id)));
    }

    /// It was heard.
    pub fn touch(&mut self, id: AssetId, segment: Segment, news: &mut News, cx: &mut Cx<'_>) {
        let Some(a) = self.assets.get_mut(&id) else { return };
        news.heard.push(id);
        let at = cx.now.at;
        if !a.seen {
            a.seen = true;
            self.strangers += u64::from(a.stranger());
            a.first = at;
            a.segment = segment;
            self.crowd.entry(segment).or_default().0 += 1;
        }
        a.before = a.last;
        a.last = a.last.max(at);
        if segment != a.segment {
            a.segment = segment;
        }
        if at >= a.told + SEEN_EVERY {
            a.told = at;
            tell(cx, id, AssetFact::Seen);
        }
    }

    /// It sent something to one other device that is more than an announcement.
    pub fn active(&mut self, id: AssetId, cx: &mut Cx<'_>) {
        let Some(a) = self.assets.get_mut(&id) else { return };
        if a.active == Time::MIN || cx.now.at >= a.active + ACTIVE_EVERY {
            a.active = cx.now.at;
            tell(cx, id, AssetFact::Active);
        }
    }

    /// A frame came from this Internet address and hardware address: perhaps its own, perhaps forwarded.
    fn bind_weak(&mut self, id: AssetId, segment: Segment, mac: Mac, ip: IpAddr, news: &mut News, cx: &mut Cx<'_>) {
        if self.is_pinned_elsewhere(id, segment, ip, news, cx) {
            return;
        }
        let Some(a) = self.assets.get_mut(&id) else { return };
        if a.ips.iter().any(|b| b.segment == segment && b.ip == ip) {
            self.bind(id, segment, Some(mac), ip, false, news, cx);
            return;
        }
        if is_link_local(ip) || is_eui64(ip, mac) {
            self.bind(id, segment, Some(mac), ip, false, news, cx);
            return;
        }
        let same_family = |b: &&Bound| b.segment == segment && b.ip.is_ipv4() == ip.is_ipv4() && !is_link_local(b.ip);
        let claimed = a.ips.iter().filter(same_family).any(|b| b.strong);
        let weak = a.ips.iter().filter(same_family).filter(|b| !b.strong).count();
        let inside = is_private(ip) || ip.is_ipv6();
        let taken = self.by_ip.get(&(segment, ip)).is_some_and(|(owner, _)| *owner != id);
        if inside && !a.router && !taken && (ip.is_ipv6() || !claimed) && weak < WEAK_IPS {
            if self.entered.contains_key(&ip) {
                self.bind(id, segment, Some(mac), ip, false, news, cx);
                return;
            }
            let Some(a) = self.assets.get_mut(&id) else { return };
            a.ips.push(Bound { segment, ip, strong: false, told: cx.now.at });
            self.by_ip.insert((segment, ip), (id, cx.now.at));
            self.lead(ip, id);
            news.described.push(id);
            tell(cx, id, AssetFact::Address { segment, mac: Some(mac), ip: Some(ip) });
            return;
        }
        let mark = hashed(ip);
        if !a.off_link.contains(&mark) && a.off_link.len() < MAX_OFF_LINK {
            a.off_link.push(mark);
            let many = a.off_link.len();
            let becomes = (ip.is_ipv4() && !is_private(ip)) || many >= 4 || (ip.is_ipv6() && many >= 3);
            if becomes && !a.router {
                a.router = true;
            }
            if many == 3 && a.router {
                crate::learn::sign(self, id, catalogue::Sign::Routes, "yes", None, cx);
            }
        }
    }

    /// This Internet address belongs to that asset, by its own word on the link, by DHCP, or by its form.
    #[allow(clippy::too_many_arguments)]
    pub fn bind(&mut self, id: AssetId, segment: Segment, mac: Option<Mac>, ip: IpAddr, given: bool, news: &mut News, cx: &mut Cx<'_>) {
        if !is_unicast(ip) || ip.is_loopback() {
            return;
        }
        if self.is_pinned_elsewhere(id, segment, ip, news, cx) {
            return;
        }
        let at = cx.now.at;
        if let Some((owner, since)) = self.by_ip.get(&(segment, ip)).copied()
            && owner != id
        {
            let contested = at >= since && at < since + MOVE_EVERY;
            if contested && !given {
                return;
            }
            if let Some(old) = self.assets.get_mut(&owner) {
                old.ips.retain(|b| !(b.segment == segment && b.ip == ip));
            }
        }
        // A ledger entry that has this address and was never heard is this device.
        let entry = self.entry_of(ip).filter(|e| *e != id);
        let mut id = id;
        if let Some(entry) = entry
            && self.get(id).is_some_and(|a| !a.in_ledger())
        {
            self.merge(id, entry, cx);
            news.merged.push(id);
            id = entry;
        }
        let Some(a) = self.assets.get_mut(&id) else { return };
        let since = self.by_ip.get(&(segment, ip)).filter(|(o, _)| *o == id).map_or(at, |(_, t)| *t);
        self.by_ip.insert((segment, ip), (id, since));
        if let Some(b) = a.ips.iter_mut().find(|b| b.segment == segment && b.ip == ip) {
            b.strong = true;
            if at >= b.told + ADDRESS_EVERY {
                b.told = at;
                tell(cx, id, AssetFact::Address { segment, mac, ip: Some(ip) });
            }
            return;
        }
        if a.ips.len() >= MAX_IPS {
            let gone = a.ips.remove(0);
            if self.by_ip.get(&(gone.segment, gone.ip)).is_some_and(|(o, _)| *o == id) {
                self.by_ip.remove(&(gone.segment, gone.ip));
            }
        }
        a.ips.push(Bound { segment, ip, strong: true, told: at });
        self.lead(ip, id);
        news.described.push(id);
        tell(cx, id, AssetFact::Address { segment, mac, ip: Some(ip) });
    }

    /// Who stands at an end of a conversation.
    pub fn end(&self, segment: Segment, end: &Endpoint) -> Option<End> {
        let by_mac = end.mac.filter(|m| m.is_device()).and_then(|m| self.by_mac(segment, m));
        let Some(ip) = end.ip else { return by_mac.map(|id| End { party: Party::Asset(id), own: true }) };
        let owner = self.by_ip(segment, ip);
        match (by_mac, owner) {
            (Some(m), Some(o)) if m == o => Some(End { party: Party::Asset(m), own: true }),
            // Forwarded for somebody on this segment, or sent in its name.
            (Some(_), Some(o)) => Some(End { party: Party::Asset(o), own: false }),
            (Some(m), None) => {
                let a = self.get(m)?;
                if !a.router
                    && (is_private(ip) || ip.is_ipv6())
                    && is_unicast(ip)
                    && !a.ips.iter().any(|b| b.segment == segment && b.ip.is_ipv4() == ip.is_ipv4() && b.strong)
                {
                    return Some(End { party: Party::Asset(m), own: true });
                }
                Some(End { party: self.far(ip), own: false })
            }
            (None, Some(o)) => Some(End { party: Party::Asset(o), own: end.mac.is_none() }),
            (None, None) => Some(End { party: self.far(ip), own: false }),
        }
    }

    fn far(&self, ip: IpAddr) -> Party {
        self.anywhere.get(&ip).copied().flatten().map_or(Party::Address(ip), Party::Asset)
    }

    /// The clock was set back for good: times ahead of it mean nothing.
    pub fn clock_back(&mut self, at: Time) {
        for a in self.assets.values_mut() {
            a.last = a.last.min(at);
            a.before = a.before.min(at);
            a.told = a.told.min(at);
            a.active = a.active.min(at);
            for b in &mut a.ips {
                b.told = b.told.min(at);
            }
        }
        for (_, since) in self.by_ip.values_mut() {
            *since = (*since).min(at);
        }
    }
}

fn tell(cx: &mut Cx<'_>, asset: AssetId, fact: AssetFact) {
    cx.out.push(Effect::Asset(AssetChange { asset, at: cx.now.at, because: cx.now.id, fact }));
}
