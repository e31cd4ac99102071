//! Adds up what the engine tells. What acts say is added up by family, one file each, in the form that the document has.

mod control;
mod names;
mod office;
mod web;

pub use control::Control;
pub use names::Names;
pub use office::Office;
pub use web::Web;

use super::mirror::MirrorSummary;
use super::roles::Roles;
use super::{Amount, CounterSummary, DamageSummary, FileSummary, ProtocolCount, Summary};
use intake::file::FileInfo;
use model::activity::{Head, Protocol};
use model::coverage::Truths;
use model::{ActRef, Flow, Mac, Observation, Time, Transport};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use wire::engine::Counters;
use wire::facts::{FrameFacts, Layers, Opened};
use wire::sink::Sink;

/// Different entries of one list that are kept; more are counted as omitted. Only a hostile capture has so many.
const MAX_LIST: usize = 200_000;
/// Places of the caches that keep addresses seen a moment ago out of the sets.
const RECENT: usize = 1 << RECENT_BITS;
const RECENT_BITS: u32 = 13;

/// A pair of ends, the same for both directions.
type Pair = ((IpAddr, u16), (IpAddr, u16));

/// What is remembered of a TCP pair, to tell a repeated SYN from a new conversation.
#[derive(Clone, Copy, Default)]
struct Bases {
    forward: Option<u32>,
    backward: Option<u32>,
}

/// Hears the engine and counts.
pub struct Tally {
    amount: Amount,
    ipv4: u64,
    ipv6: u64,
    tcp: u64,
    udp: u64,
    arp: u64,
    other: u64,
    macs: FxHashSet<Mac>,
    recent_macs: Box<[Mac]>,
    ips: FxHashSet<IpAddr>,
    recent_ips: Box<[IpAddr]>,
    vlans: BTreeSet<u16>,
    tcp_pairs: FxHashMap<Pair, Bases>,
    tcp_conversations: u64,
    udp_pairs: FxHashSet<Pair>,
    frames: Vec<u64>,
    acts: Vec<u64>,
    names: Names,
    web: Web,
    office: Office,
    control: Control,
    roles: Roles,
    omitted: u64,
}

fn keep<T: Ord>(set: &mut BTreeSet<T>, item: T, omitted: &mut u64) {
    if set.len() < MAX_LIST {
        set.insert(item);
    } else if !set.contains(&item) {
        *omitted += 1;
    }
}

/// Adds the entries of one set to another, within the bound.
fn join<T: Ord>(set: &mut BTreeSet<T>, others: BTreeSet<T>, omitted: &mut u64) {
    if set.is_empty() {
        *set = others;
        return;
    }
    for item in others {
        keep(set, item, omitted);
    }
}

/// Joins what both lanes have, and takes what only the other has.
fn either<T>(place: &mut Option<T>, other: Option<T>, both: impl FnOnce(&mut T, T)) {
    match (place.as_mut(), other) {
        (Some(ours), Some(other)) => both(ours, other),
        (None, other) => *place = other,
        (Some(_), None) => {}
    }
}

/// Adds the counts of one table to another, within the bound.
fn add_up<K: Ord>(counts: &mut BTreeMap<K, u64>, others: BTreeMap<K, u64>, omitted: &mut u64) {
    for (key, n) in others {
        if counts.len() < MAX_LIST || counts.contains_key(&key) {
            *counts.entry(key).or_default() += n;
        } else {
            *omitted += 1;
        }
    }
}

fn place(ip: IpAddr) -> usize {
    let low = match ip {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ v6.to_bits() as u64,
    };
    (low.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT_BITS)) as usize
}

impl Tally {
    /// Empty. `vendor` names the maker of a hardware address.
    pub fn new(vendor: fn(Mac) -> Option<&'static str>) -> Self {
        let protocols = Protocol::ALL.len();
        Tally {
            amount: Amount::default(),
            ipv4: 0,
            ipv6: 0,
            tcp: 0,
            udp: 0,
            arp: 0,
            other: 0,
            macs: FxHashSet::default(),
            // The cache may say `seen` only of what is in the set, so it begins with what is never looked up: see `mac` and `ip`.
            recent_macs: vec![Mac::ZERO; RECENT].into_boxed_slice(),
            ips: FxHashSet::default(),
            recent_ips: vec![IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED); RECENT].into_boxed_slice(),
            vlans: BTreeSet::new(),
            tcp_pairs: FxHashMap::default(),
            tcp_conversations: 0,
            udp_pairs: FxHashSet::default(),
            frames: vec![0; protocols],
            acts: vec![0; protocols],
            names: Names::default(),
            web: Web::default(),
            office: Office::default(),
            control: Control::default(),
            roles: Roles::new(vendor),
            omitted: 0,
        }
    }

    fn mac(&mut self, mac: Mac) {
        let at = (mac.to_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT_BITS)) as usize;
        if let Some(recent) = self.recent_macs.get_mut(at)
            && (*recent != mac || mac == Mac::ZERO)
        {
            *recent = mac;
            if self.macs.len() < MAX_LIST {
                self.macs.insert(mac);
            } else if !self.macs.contains(&mac) {
                self.omitted += 1;
            }
        }
    }

    fn ip(&mut self, ip: IpAddr) {
        if let Some(recent) = self.recent_ips.get_mut(place(ip))
            && (*recent != ip || ip.is_unspecified())
        {
            *recent = ip;
            if self.ips.len() < MAX_LIST {
                self.ips.insert(ip);
            } else if !self.ips.contains(&ip) {
                self.omitted += 1;
            }
        }
    }

    /// The engine opened a conversation: new for us too, or only taken up again after silence or eviction?
    fn opened(&mut self, o: &Opened) {
        let forward = o.from <= o.to;
        let pair = if forward { (o.from, o.to) } else { (o.to, o.from) };
        if o.transport == Transport::Udp {
            if self.udp_pairs.len() < 50 * MAX_LIST {
                self.udp_pairs.insert(pair);
            } else {
                self.omitted += 1;
            }
            return;
        }
        let begins = o.tcp_flags & 0x12 == 2;
        if self.tcp_pairs.len() >= 50 * MAX_LIST && !self.tcp_pairs.contains_key(&pair) {
            self.omitted += 1;
            return;
        }
        let mut new = false;
        let bases = self.tcp_pairs.entry(pair).or_insert_with(|| {
            new = true;
            Bases::default()
        });
        let base = if forward { &mut bases.forward } else { &mut bases.backward };
        // The engine also begins anew where the same SYN is tried again after a refusal; that is the same conversation here.
        if !new && (o.reused && *base != Some(o.tcp_seq) || begins && base.is_some_and(|b| b != o.tcp_seq)) {
            new = true;
        }
        if new {
            *bases = Bases::default();
            self.tcp_conversations += 1;
        }
        let base = if forward { &mut bases.forward } else { &mut bases.backward };
        if base.is_none() {
            *base = Some(o.tcp_seq);
        }
    }

    /// First and last time of all frames, also those of other lanes.
    pub fn span(&mut self, all: Amount) {
        (self.amount.first, self.amount.last) = (all.first, all.last);
    }

    /// Adds what another lane of the same captures counted. Each conversation was read in one of them only.
    pub fn join(&mut self, other: Tally) {
        // Every field by name, so that a new one cannot be forgotten here.
        let Tally {
            amount,
            ipv4,
            ipv6,
            tcp,
            udp,
            arp,
            other: rest,
            macs,
            recent_macs: _,
            ips,
            recent_ips: _,
            vlans,
            tcp_pairs: _,
            tcp_conversations,
            udp_pairs,
            frames,
            acts,
            names,
            web,
            office,
            control,
            roles,
            omitted,
        } = other;
        self.amount.join(amount);
        self.ipv4 += ipv4;
        self.ipv6 += ipv6;
        self.tcp += tcp;
        self.udp += udp;
        self.arp += arp;
        self.other += rest;
        self.macs.extend(macs);
        self.ips.extend(ips);
        self.vlans.extend(vlans);
        self.tcp_conversations += tcp_conversations;
        self.udp_pairs.extend(udp_pairs);
        for (sum, n) in self.frames.iter_mut().zip(frames).chain(self.acts.iter_mut().zip(acts)) {
            *sum += n;
        }
        self.omitted += omitted;
        self.names.join(names, &mut self.omitted);
        self.web.join(web, &mut self.omitted);
        self.office.join(office, &mut self.omitted);
        self.control.join(control, &mut self.omitted);
        self.roles.join(roles);
    }

    /// The document.
    pub fn summary(self, infos: &[&FileInfo], counters: Counters, truths: Truths) -> Summary {
        let mut protocols = BTreeMap::new();
        for ((protocol, packets), activities) in Protocol::ALL.iter().zip(&self.frames).zip(&self.acts) {
            if packets + activities > 0 {
                protocols.insert(protocol.name(), ProtocolCount { packets: *packets, activities: *activities });
            }
        }
        let mut macs: Vec<Mac> = self.macs.into_iter().collect();
        macs.sort_unstable();
        let mut ips: Vec<IpAddr> = self.ips.into_iter().collect();
        ips.sort_unstable();
        Summary {
            files: infos.iter().map(|i| file(i)).collect(),
            amount: self.amount,
            ipv4_packets: self.ipv4,
            ipv6_packets: self.ipv6,
            tcp_packets: self.tcp,
            udp_packets: self.udp,
            arp_packets: self.arp,
            other_packets: self.other,
            macs,
            ips,
            vlans: self.vlans.into_iter().collect(),
            tcp_conversations: self.tcp_conversations,
            udp_conversations: self.udp_pairs.len() as u64,
            protocols,
            names: self.names,
            web: self.web,
            office: self.office,
            control: self.control,
            assets: self.roles.assets(),
            mirror: MirrorSummary::new(truths, counters.packets),
            counters: CounterSummary {
                decode_errors: counters.decode_errors,
                flows: counters.flows,
                flows_evicted: counters.flows_evicted,
                reassembly_gaps: counters.reassembly_gaps,
                bytes_dropped: counters.bytes_dropped,
                tunnel_depth_exceeded: counters.tunnel_depth_exceeded,
                parsers_refused: counters.parsers_refused,
                parsers_evicted: counters.parsers_evicted,
                conflicts: counters.conflicts,
                entries_omitted: self.omitted,
            },
        }
    }
}

fn file(info: &FileInfo) -> FileSummary {
    let mut links: Vec<u16> = info.link_types.iter().map(|l| l.0).collect();
    links.sort_unstable();
    links.dedup();
    let mut damage: Vec<DamageSummary> = info.damage.iter().map(|d| DamageSummary { offset: d.offset, what: d.what.clone() }).collect();
    if info.damage_more > 0 {
        damage.push(DamageSummary { offset: info.read_bytes, what: format!("{} more places", info.damage_more) });
    }
    FileSummary {
        path: info.name.clone(),
        format: info.format.clone(),
        link_types: links,
        amount: Amount {
            packets: info.packets,
            captured_bytes: info.captured_bytes,
            wire_bytes: info.wire_bytes,
            first: info.first,
            last: info.last,
        },
        damage,
    }
}

impl Sink for Tally {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        if let Some(n) = self.acts.get_mut(head.protocol as usize) {
            *n += 1;
        }
        self.roles.activity(head, act);
        self.names.hear(head, act, &mut self.omitted);
        self.web.hear(head, act, &mut self.omitted);
        self.office.hear(head, act, &mut self.omitted);
        self.control.hear(head, act, &mut self.omitted);
    }

    fn flow(&mut self, flow: &Flow) {
        self.roles.flow(flow);
    }

    fn observation(&mut self, _time: Time, observation: &Observation) {
        self.roles.observation(observation);
    }

    fn frame(&mut self, f: &FrameFacts) {
        self.amount.packets += 1;
        self.amount.captured_bytes += u64::from(f.captured_len);
        self.amount.wire_bytes += u64::from(f.wire_len);
        let l = f.layers;
        self.ipv4 += u64::from(l.has(Layers::IPV4));
        self.ipv6 += u64::from(l.has(Layers::IPV6));
        self.tcp += u64::from(l.has(Layers::TCP));
        self.udp += u64::from(l.has(Layers::UDP));
        self.arp += u64::from(l.has(Layers::ARP));
        self.other += u64::from(!l.has(Layers(Layers::IPV4.0 | Layers::IPV6.0 | Layers::ARP.0)));
        for &mac in f.macs.as_slice() {
            self.mac(mac);
        }
        for &ip in f.ips.as_slice() {
            self.ip(ip);
        }
        for &vlan in f.vlans.as_slice() {
            self.vlans.insert(vlan);
        }
        for opened in f.opened.as_slice() {
            self.opened(opened);
        }
        if !f.completed.is_empty() {
            for protocol in f.completed.iter() {
                if let Some(n) = self.frames.get_mut(protocol as usize) {
                    *n += 1;
                }
            }
        }
    }
}
