//! What people decided about who is who.

use super::{Bound, Identity, Known, MAX_IPS, MAX_MACS, News, slot};
use crate::Cx;
use model::asset::Place;
use model::{AssetId, AssetState, Segment};
use std::net::IpAddr;

/// Internet addresses that people put where they are.
const MAX_PINNED: usize = 4_096;

impl Identity {
    /// A person said that `gone` is `stays`, or took back that they are two.
    pub fn merge_by_hand(&mut self, gone: AssetId, stays: AssetId, cx: &mut Cx<'_>) {
        if gone == stays {
            return;
        }
        for owner in self.pinned.values_mut().filter(|o| **o == gone) {
            *owner = stays;
        }
        // One that was entered without addresses and never seen may have been let go, or come from before this memory.
        if !self.assets.contains_key(&stays)
            && let Some(known) = self.assets.get(&gone)
        {
            let new = Known::new(stays, known.state, known.segment, cx.now.at);
            self.ledger += usize::from(new.in_ledger());
            self.assets.insert(stays, new);
        }
        // State did it in the transaction of the deed, and may have taken it back since: nothing is told.
        self.absorb(gone, stays, cx);
        if let Some(a) = self.assets.get_mut(&stays) {
            a.by_hand = true;
        }
    }

    /// A person said that these addresses of `from` are the asset `to`, or took back that the two are one.
    pub fn split_by_hand(&mut self, from: AssetId, to: AssetId, places: &[Place], state: AssetState, cx: &mut Cx<'_>) {
        if from == to {
            return;
        }
        let at = cx.now.at;
        let segment = places.first().map(|p| p.segment).unwrap_or_default();
        if !self.assets.contains_key(&to) {
            let new = Known::new(to, state, segment, at);
            self.ledger += usize::from(new.in_ledger());
            self.assets.insert(to, new);
        }
        self.set_state(to, state, at);
        let mut seen = false;
        for place in places.iter().take(MAX_IPS + MAX_MACS) {
            seen |= self.take(from, to, *place, cx);
        }
        let heard = self.get(from).map(|a| (a.last, a.segment));
        if let Some(a) = self.assets.get_mut(&to) {
            a.by_hand = true;
            a.random = a.macs.iter().any(|(_, m)| m.is_local());
            self.random += usize::from(a.random);
            if let (true, false, Some((last, segment))) = (seen, a.seen, heard) {
                a.seen = true;
                a.last = last;
                a.before = last;
                a.segment = segment;
                self.strangers += u64::from(a.stranger());
                self.crowd.entry(segment).or_default().0 += 1;
            }
        }
        if let Some(a) = self.assets.get_mut(&from) {
            a.by_hand = true;
        }
    }

    /// Moves one address. True where it was seen on the network.
    fn take(&mut self, from: AssetId, to: AssetId, place: Place, cx: &mut Cx<'_>) -> bool {
        let mut seen = false;
        if let Some(mac) = place.mac {
            for key in [(None, mac), slot(place.segment, mac)] {
                if self.by_mac.get(&key).is_none_or(|a| *a == from) {
                    self.by_mac.insert(key, to);
                }
            }
            let mut moved = vec![];
            if let Some(a) = self.assets.get_mut(&from) {
                moved = a.macs.iter().filter(|(_, m)| *m == mac).copied().collect();
                a.macs.retain(|(_, m)| *m != mac);
            }
            seen |= !moved.is_empty();
            if moved.is_empty() {
                moved.push((place.segment, mac));
            }
            if let Some(a) = self.assets.get_mut(&to) {
                for m in moved {
                    if !a.macs.contains(&m) && a.macs.len() < MAX_MACS {
                        a.macs.push(m);
                    }
                }
            }
        }
        if let Some(ip) = place.ip {
            let key = (place.segment, ip);
            if let Some(a) = self.assets.get_mut(&from) {
                seen |= a.ips.iter().any(|b| (b.segment, b.ip) == key);
                a.ips.retain(|b| (b.segment, b.ip) != key);
            }
            if let Some(a) = self.assets.get_mut(&to)
                && a.ips.len() < MAX_IPS
                && !a.ips.iter().any(|b| (b.segment, b.ip) == key)
            {
                a.ips.push(Bound { segment: place.segment, ip, strong: true, told: cx.now.at });
            }
            if self.by_ip.get(&key).is_none_or(|(owner, _)| *owner == from) {
                self.by_ip.insert(key, (to, cx.now.at));
            }
            if self.anywhere.get(&ip).is_none_or(|owner| *owner == Some(from)) {
                self.anywhere.insert(ip, Some(to));
            }
            if place.mac.is_none() && (self.pinned.len() < MAX_PINNED || self.pinned.contains_key(&key)) {
                self.pinned.insert(key, to);
            }
        }
        seen
    }

    /// A person put this Internet address somewhere else: then that asset was heard.
    pub(super) fn is_pinned_elsewhere(&mut self, id: AssetId, segment: Segment, ip: IpAddr, news: &mut News, cx: &mut Cx<'_>) -> bool {
        match self.pinned.get(&(segment, ip)).copied() {
            Some(owner) if owner != id && self.assets.contains_key(&owner) => {
                self.touch(owner, segment, news, cx);
                true
            }
            _ => false,
        }
    }
}
