//! What people entered, and what state already knows: how it is taken over and joined with what was seen.

use super::{Bound, Guessed, Identity, Known, MAX_IPS, MAX_MACS, MAX_NAMES, MAX_SERVICES, MAX_SIGNS, Offered, slot, tell};
use crate::Cx;
use model::asset::{AssetFact, Ledger};
use model::event::FieldChange;
use model::{Asset, AssetId, AssetState, Mac, Protocol, Segment, Time};
use std::net::IpAddr;

impl Identity {
    /// Takes over what state knows.
    pub fn adopt(&mut self, asset: &Asset) {
        let last = asset.last_seen.unwrap_or(Time::MIN);
        let mut known = Known {
            last,
            before: last,
            told: last,
            names: asset.names.iter().take(MAX_NAMES).map(|n| (n.protocol, n.name.clone())).collect(),
            services: asset
                .services
                .iter()
                .take(MAX_SERVICES)
                .map(|s| Offered { port: s.port, udp: s.udp, protocol: s.protocol, product: s.product.clone() })
                .collect(),
            // Weighed confidences are not those of the signs: taken as they are, a sign that comes again might be passed over. It is
            // known for what it said already, and told again when it is surer.
            guesses: asset
                .guesses
                .iter()
                .take(MAX_SIGNS)
                .map(|g| Guessed { property: g.property, confidence: 0, value: g.value.clone(), reason: g.reason.clone() })
                .collect(),
            control: asset.services.iter().any(|s| s.protocol == Some(Protocol::Modbus)),
            random: asset.addresses.iter().filter_map(|a| a.mac).any(Mac::is_local),
            seen: asset.first_seen.is_some(),
            active: asset.last_active.unwrap_or(Time::MIN),
            internet: asset.ledger.internet.clone(),
            kind: asset.ledger.kind,
            ..Known::new(
                asset.id,
                asset.state,
                asset.addresses.first().map(|a| a.segment).unwrap_or_default(),
                asset.first_seen.unwrap_or(Time::MIN),
            )
        };
        self.random += usize::from(known.random);
        self.ledger += usize::from(known.in_ledger());
        for address in &asset.addresses {
            if let Some(mac) = address.mac {
                let place = if asset.first_seen.is_none() { (None, mac) } else { slot(address.segment, mac) };
                self.by_mac.insert(place, asset.id);
                if !known.macs.contains(&(address.segment, mac)) && known.macs.len() < MAX_MACS {
                    known.macs.push((address.segment, mac));
                }
            }
            if let Some(ip) = address.ip {
                if asset.first_seen.is_some() {
                    self.by_ip.insert((address.segment, ip), (asset.id, address.last));
                }
                self.lead(ip, asset.id);
                if asset.first_seen.is_none() && asset.addresses.iter().all(|a| a.mac.is_none()) {
                    self.entered.insert(ip, asset.id);
                }
                if known.ips.len() < MAX_IPS {
                    known.ips.push(Bound { segment: address.segment, ip, strong: true, told: address.last });
                }
            }
        }
        let crowd = self.crowd.entry(known.segment).or_default();
        crowd.0 += u32::from(known.seen);
        crowd.1 += u32::from(known.control);
        self.strangers += u64::from(known.stranger());
        self.assets.insert(asset.id, known);
    }

    pub(super) fn entry_of(&self, ip: IpAddr) -> Option<AssetId> {
        self.entered.get(&ip).copied().filter(|id| self.get(*id).is_some_and(|a| !a.seen))
    }

    pub(super) fn lead(&mut self, ip: IpAddr, id: AssetId) {
        self.anywhere.entry(ip).and_modify(|a| *a = if *a == Some(id) { *a } else { None }).or_insert(Some(id));
    }

    /// A person set an asset's state.
    pub fn set_state(&mut self, id: AssetId, to: AssetState, at: Time) {
        if let Some(a) = self.assets.get_mut(&id) {
            let was = a.in_ledger();
            self.strangers -= u64::from(a.stranger());
            if a.state != to {
                a.state_since = at;
            }
            a.state = to;
            self.strangers += u64::from(a.stranger());
            let is = a.in_ledger();
            self.ledger = self.ledger + usize::from(is) - usize::from(was);
        }
    }

    /// A person changed fields of the ledger; detection keeps those that rules ask for.
    pub fn edited(&mut self, id: AssetId, changes: &[FieldChange]) {
        let Some(a) = self.assets.get_mut(&id) else { return };
        let mut ledger = Ledger { internet: std::mem::take(&mut a.internet), kind: a.kind, ..Ledger::default() };
        for change in changes {
            ledger.follow(change);
        }
        (a.internet, a.kind) = (ledger.internet, ledger.kind);
    }

    /// A person entered an asset with this ledger.
    pub fn wrote(&mut self, id: AssetId, ledger: &Ledger) {
        if let Some(a) = self.assets.get_mut(&id) {
            a.internet = ledger.internet.clone();
            a.kind = ledger.kind;
        }
    }

    /// A person entered an asset, perhaps one that was already seen under these addresses: then that one is merged into it.
    pub fn enter(&mut self, id: AssetId, state: AssetState, macs: &[Mac], ips: &[IpAddr], cx: &mut Cx<'_>) {
        if self.assets.contains_key(&id) {
            self.set_state(id, state, cx.now.at);
        } else {
            // What was entered so stands so from the start: nobody has to walk to its switch first.
            let known = Known::new(id, state, Segment::default(), cx.now.at);
            self.ledger += usize::from(known.in_ledger());
            self.assets.insert(id, known);
        }
        let mut same: Vec<AssetId> = vec![];
        for mac in macs.iter().filter(|m| m.is_device()).take(MAX_MACS) {
            same.extend(self.by_mac.iter().filter(|((_, m), a)| m == mac && **a != id).map(|(_, a)| *a));
            self.by_mac.insert((None, *mac), id);
            if let Some(a) = self.assets.get_mut(&id)
                && !a.macs.iter().any(|(_, m)| m == mac)
            {
                a.macs.push((Segment::default(), *mac));
            }
        }
        for ip in ips.iter().take(MAX_IPS) {
            if macs.is_empty() {
                same.extend(self.anywhere.get(ip).copied().flatten().filter(|a| *a != id));
            }
            self.anywhere.insert(*ip, Some(id));
            if macs.is_empty() && self.get(id).is_some_and(|a| !a.seen && a.macs.is_empty()) {
                self.entered.insert(*ip, id);
            }
        }
        same.sort_unstable();
        same.dedup();
        for other in same {
            if self.get(other).is_some_and(|o| !o.in_ledger()) {
                self.merge(other, id, cx);
            }
        }
    }

    /// `from` turned out to be `to`.
    pub(super) fn merge(&mut self, from: AssetId, to: AssetId, cx: &mut Cx<'_>) {
        if self.absorb(from, to, cx) {
            tell(cx, from, AssetFact::MergedInto { asset: to });
        }
    }

    /// Everything that is remembered of `from` becomes that of `to`; false where one of them is not there.
    pub(super) fn absorb(&mut self, from: AssetId, to: AssetId, cx: &mut Cx<'_>) -> bool {
        let Some(gone) = self.assets.remove(&from) else { return false };
        let Some(stays) = self.assets.get_mut(&to) else {
            self.assets.insert(from, gone);
            return false;
        };
        self.strangers -= u64::from(gone.stranger()) + u64::from(stays.stranger());
        self.ledger -= usize::from(gone.in_ledger());
        self.random -= usize::from(gone.random && !stays.random && self.random > 0);
        if stays.seen {
            if let Some(c) = self.crowd.get_mut(&gone.segment) {
                c.0 = c.0.saturating_sub(u32::from(gone.seen));
                c.1 = c.1.saturating_sub(u32::from(gone.control));
            }
        } else {
            stays.first = gone.first;
            stays.segment = gone.segment;
        }
        stays.seen |= gone.seen;
        self.strangers += u64::from(stays.stranger());
        stays.control |= gone.control;
        stays.master |= gone.master;
        stays.router |= gone.router;
        stays.kind = stays.kind.or(gone.kind);
        if stays.internet.is_unstated() {
            stays.internet = gone.internet;
        }
        stays.active = stays.active.max(gone.active);
        stays.before = stays.last;
        stays.last = stays.last.max(gone.last);
        for mac in gone.macs {
            if !stays.macs.contains(&mac) {
                stays.macs.insert(0, mac);
            }
        }
        stays.macs.truncate(MAX_MACS);
        for ip in gone.ips {
            if !stays.ips.iter().any(|b| b.segment == ip.segment && b.ip == ip.ip) {
                stays.ips.push(ip);
            }
        }
        while stays.ips.len() > MAX_IPS {
            stays.ips.remove(0);
        }
        for n in gone.names {
            if !stays.names.contains(&n) && stays.names.len() < MAX_NAMES {
                stays.names.push(n);
            }
        }
        for g in gone.guesses {
            if !stays.guesses.iter().any(|x| (x.property, &x.reason) == (g.property, &g.reason)) && stays.guesses.len() < MAX_SIGNS {
                stays.guesses.push(g);
            }
        }
        for s in gone.services {
            if !stays.services.iter().any(|x| (x.port, x.udp) == (s.port, s.udp)) && stays.services.len() < MAX_SERVICES {
                stays.services.push(s);
            }
        }
        let (macs, ips) = (stays.macs.clone(), stays.ips.clone());
        for (segment, mac) in macs {
            for place in [(None, mac), slot(segment, mac)] {
                if let Some(a) = self.by_mac.get_mut(&place) {
                    *a = to;
                }
            }
        }
        for b in ips {
            if let Some(a) = self.by_ip.get_mut(&(b.segment, b.ip))
                && a.0 == from
            {
                a.0 = to;
            }
            if let Some(a) = self.anywhere.get_mut(&b.ip)
                && *a == Some(from)
            {
                *a = Some(to);
            }
        }
        cx.gather.cease(&cx.rules.unregistered, &crate::rules::unregistered::key(from), cx.now, cx.out);
        true
    }
}
