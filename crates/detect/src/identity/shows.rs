//! What an asset shows of itself: its name, its services, what it is taken for, and its part in control networks.

use super::{
    Guessed, Identity, MAX_HEARD, MAX_NAMES, MAX_PARTNERS, MAX_SERVICES, MAX_SIGNS, News, Offered, QUIET_BEFORE_JOIN, hashed_id, note, tell,
};
use crate::Cx;
use model::asset::{AssetFact, Guess, Property};
use model::{AssetId, Mac, Protocol, Segment, Time};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

impl Identity {
    /// It goes by this name.
    pub fn name(&mut self, id: AssetId, name: &str, protocol: Protocol, news: &mut News, cx: &mut Cx<'_>) {
        let name: String = name.trim().trim_end_matches('.').chars().filter(|c| !c.is_control()).take(64).collect();
        let Some(a) = self.assets.get_mut(&id) else { return };
        if name.is_empty() || a.names.iter().any(|(p, n)| *p == protocol && *n == name) || a.names.len() >= MAX_NAMES {
            return;
        }
        a.names.push((protocol, name.clone()));
        news.described.push(id);
        tell(cx, id, AssetFact::Name { name: name.clone(), protocol });
        crate::learn::sign(self, id, catalogue::Sign::HostName, &name, Some(protocol), cx);
    }

    /// A made-up hardware address gives the DHCP host name of an asset that was here before and is quiet now.
    pub fn join_by_name(&mut self, id: AssetId, segment: Segment, name: &str, news: &mut News, cx: &mut Cx<'_>) -> AssetId {
        if name.is_empty() || !self.get(id).is_some_and(|a| a.random && !a.in_ledger() && a.macs.len() == 1) {
            return id;
        }
        let quiet = cx.now.at - QUIET_BEFORE_JOIN;
        let mut same: Vec<(Time, AssetId)> = self
            .assets
            .values()
            .filter(|a| a.id != id && a.random && a.segment == segment && a.last < quiet)
            .filter(|a| a.names.iter().any(|(p, n)| *p == Protocol::Dhcp && n == name))
            .map(|a| (a.last, a.id))
            .collect();
        same.sort_unstable();
        match same.last() {
            Some((_, before)) => {
                let before = *before;
                let (mac, segment) = self.get(id).and_then(|a| a.macs.first().map(|(s, m)| (*m, *s))).unwrap_or((Mac::ZERO, segment));
                self.merge(id, before, cx);
                news.merged.push(id);
                tell(cx, before, AssetFact::Address { segment, mac: Some(mac), ip: None });
                before
            }
            None => id,
        }
    }

    /// It offers this service.
    pub fn service(&mut self, id: AssetId, port: u16, udp: bool, protocol: Option<Protocol>, product: &str, cx: &mut Cx<'_>) {
        let Some(a) = self.assets.get_mut(&id) else { return };
        let product: String = product.chars().filter(|c| !c.is_control()).take(128).collect();
        let mut fresh = false;
        match a.services.iter_mut().find(|s| s.port == port && s.udp == udp) {
            Some(s) => {
                let better = (protocol.is_some() && s.protocol.is_none()) || (!product.is_empty() && s.product != product);
                if !better {
                    return;
                }
                fresh |= protocol.is_some() && s.protocol.is_none();
                s.protocol = s.protocol.or(protocol);
                if !product.is_empty() {
                    s.product.clone_from(&product);
                }
            }
            None => {
                if a.services.len() >= MAX_SERVICES {
                    return;
                }
                a.services.push(Offered { port, udp, protocol, product: product.clone() });
                fresh = true;
            }
        }
        tell(cx, id, AssetFact::Service { port, udp, protocol, product });
        if fresh {
            if let Some(p) = protocol {
                crate::learn::sign(self, id, catalogue::Sign::Service, p.name(), Some(p), cx);
            }
            let place = format!("{}/{port}", if udp { "udp" } else { "tcp" });
            crate::learn::sign(self, id, catalogue::Sign::Service, &place, protocol, cx);
        }
    }

    /// A sign says that it is probably this. Told when the reason is new, surer than before, or gives another value as surely (an
    /// updated version, a changed model). Weighing is done by who reads ([`model::asset::weigh`]).
    #[allow(clippy::too_many_arguments)]
    pub fn guess(
        &mut self,
        id: AssetId,
        property: Property,
        value: &str,
        confidence: u8,
        reason: &str,
        protocol: Option<Protocol>,
        cx: &mut Cx<'_>,
    ) {
        let Some(a) = self.assets.get_mut(&id) else { return };
        let value: String = value.chars().filter(|c| !c.is_control()).take(64).collect();
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        let full = a.guesses.len() >= MAX_SIGNS;
        match a.guesses.iter_mut().find(|g| g.property == property && g.reason == reason) {
            Some(g) => {
                let changed = confidence == g.confidence && g.value != value && !matches!(property, Property::Kind | Property::Maker);
                if confidence <= g.confidence && !changed {
                    return;
                }
                g.confidence = confidence;
                value.clone_into(&mut g.value);
            }
            None if full => return,
            None => a.guesses.push(Guessed { property, confidence, value: value.to_owned(), reason: reason.into() }),
        }
        let guess =
            Guess { property, value: value.to_owned(), confidence, reason: reason.into(), protocol, because: cx.now.id, also: vec![] };
        tell(cx, id, AssetFact::Guess { guess });
    }

    /// Whether a sign is new to the asset; it is noted. A sign that repeats says nothing new, and most repeat.
    pub fn is_new_sign(&mut self, id: AssetId, what: impl Hash) -> bool {
        let Some(a) = self.assets.get_mut(&id) else { return false };
        let mut h = FxHasher::default();
        what.hash(&mut h);
        note(&mut a.heard, h.finish(), MAX_HEARD, true)
    }

    /// It gave orders to a controller; how many it is known to give orders to, at most [`MAX_PARTNERS`].
    pub fn polls(&mut self, id: AssetId, controller: AssetId) -> Option<usize> {
        let a = self.assets.get_mut(&id)?;
        note(&mut a.polled, hashed_id(controller), MAX_PARTNERS, false).then_some(a.polled.len())
    }

    /// Another asset asked it; how many are known to, at most [`MAX_PARTNERS`], where this one is new.
    pub fn serves(&mut self, id: AssetId, client: AssetId) -> Option<usize> {
        let a = self.assets.get_mut(&id)?;
        note(&mut a.clients, hashed_id(client), MAX_PARTNERS, false).then_some(a.clients.len())
    }

    /// It answers as control equipment, or gives orders to some.
    pub fn mark_control(&mut self, id: AssetId, serves: bool, news: &mut News) {
        let Some(a) = self.assets.get_mut(&id) else { return };
        let new = if serves { !a.control } else { !a.master };
        if !new {
            return;
        }
        if serves {
            a.control = true;
            self.crowd.entry(a.segment).or_default().1 += 1;
        } else {
            a.master = true;
        }
        news.control.push(id);
    }
}
