//! Which devices a capture shows, and what they seem to be. A sketch for the summary; the watch itself has finer rules (crate `detect`).

use super::AssetSummary;
use model::activity::{Head, Protocol};
use model::observation::Via;
use model::{ActRef, Flow, FlowId, Mac, Observation};
use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// Devices that are kept.
const MAX_DEVICES: usize = 65_536;
/// Addresses and names that are kept of one device.
const MAX_EACH: usize = 64;
/// Addresses outside the own network behind one hardware address that make it a router.
const ROUTED: usize = 3;

#[derive(Default)]
struct Device {
    /// Addresses that it claimed on the link (ARP, neighbour discovery, DHCP).
    claimed: BTreeSet<IpAddr>,
    /// Source addresses of its frames.
    carried: BTreeSet<IpAddr>,
    names: BTreeSet<String>,
    served: BTreeSet<Protocol>,
    asked: BTreeSet<Protocol>,
    announces_routes: bool,
    announces_switch: bool,
    dhcp_client: bool,
}

/// Gathers what devices do.
pub struct Roles {
    vendor: fn(Mac) -> Option<&'static str>,
    devices: FxHashMap<Mac, Device>,
    names: BTreeMap<IpAddr, BTreeSet<String>>,
    /// Conversations whose ends were looked at a moment ago, by their numbers.
    counted: Box<[Option<FlowId>]>,
}

/// Places of that cache.
const COUNTED: usize = 1024;

fn add<T: Ord>(set: &mut BTreeSet<T>, item: T) {
    if set.len() < MAX_EACH {
        set.insert(item);
    }
}

fn add_all<T: Ord>(set: &mut BTreeSet<T>, items: BTreeSet<T>) {
    for item in items {
        add(set, item);
    }
}

impl Roles {
    /// Empty. `vendor` names the maker of a hardware address.
    pub fn new(vendor: fn(Mac) -> Option<&'static str>) -> Self {
        Roles { vendor, devices: FxHashMap::default(), names: BTreeMap::new(), counted: vec![None; COUNTED].into_boxed_slice() }
    }

    fn device(&mut self, mac: Option<Mac>) -> Option<&mut Device> {
        let mac = mac.filter(|m| m.is_device())?;
        if self.devices.len() >= MAX_DEVICES {
            return self.devices.get_mut(&mac);
        }
        Some(self.devices.entry(mac).or_default())
    }

    fn name(&mut self, ip: IpAddr, name: &str) {
        if !name.is_empty() && (self.names.len() < MAX_DEVICES || self.names.contains_key(&ip)) {
            add(self.names.entry(ip).or_default(), name.to_owned());
        }
    }

    /// An address was seen.
    pub fn observation(&mut self, o: &Observation) {
        if let Some(device) = self.device(o.mac)
            && let Some(ip) = o.ip
        {
            add(if o.via == Via::Frame { &mut device.carried } else { &mut device.claimed }, ip);
        }
    }

    /// Something was said.
    pub fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        match act {
            ActRef::Dhcp(d) => {
                if let Some(device) = self.device(Some(d.mac)) {
                    device.dhcp_client = true;
                    if !d.hostname.is_empty() {
                        add(&mut device.names, d.hostname.clone());
                    }
                    if let (5, Some(ip)) = (d.message, d.your_ip) {
                        add(&mut device.claimed, IpAddr::V4(ip));
                    }
                }
                if matches!(d.message, 2 | 5 | 6) {
                    // Offers, acknowledgements and refusals come from the server's port, whichever way the flow was turned.
                    let server = if head.server.port == Some(67) { head.server.mac } else { head.client.mac };
                    if let Some(device) = self.device(server) {
                        add(&mut device.served, Protocol::Dhcp);
                    }
                }
                return;
            }
            ActRef::Neighbour(n) if n.icmp_type == 134 => {
                if let Some(device) = self.device(head.client.mac) {
                    device.announces_routes = true;
                }
                return;
            }
            ActRef::Lldp(l) => {
                if let Some(device) = self.device(head.client.mac) {
                    if !l.name.is_empty() {
                        add(&mut device.names, l.name.clone());
                    }
                    device.announces_switch |= l.capabilities & 1 << 2 != 0;
                    device.announces_routes |= l.capabilities & 1 << 4 != 0;
                }
                return;
            }
            ActRef::Arp(_) | ActRef::Neighbour(_) | ActRef::Unreachable(_) => return,
            ActRef::Dns(d) if d.response => {
                for record in &d.records {
                    if let Some(ip) = record.ip.filter(|ip| model::net::is_private(*ip)) {
                        self.name(ip, &record.name);
                    }
                }
                if head.protocol != Protocol::Dns {
                    return;
                }
            }
            ActRef::Dns(_) if head.protocol != Protocol::Dns => return,
            _ => {}
        }
        // One look per conversation is enough.
        if let Some(place) = self.counted.get_mut(head.flow.0 as usize % COUNTED) {
            if *place == Some(head.flow) {
                return;
            }
            *place = Some(head.flow);
        }
        if let Some(client) = self.device(head.client.mac) {
            add(&mut client.asked, head.protocol);
        }
        if let Some(server) = self.device(head.server.mac) {
            add(&mut server.served, head.protocol);
        }
    }

    /// A conversation.
    pub fn flow(&mut self, flow: &Flow) {
        // Even a device that says nothing we understand is a device.
        if flow.up.packets > 0 {
            self.device(flow.client.mac);
        }
        if flow.down.packets > 0 {
            self.device(flow.server.mac);
        }
    }

    /// Adds what another lane of the same captures showed.
    pub fn join(&mut self, other: Roles) {
        let Roles { vendor: _, devices, names, counted: _ } = other;
        for (mac, theirs) in devices {
            let Some(ours) = self.device(Some(mac)) else { continue };
            let Device { claimed, carried, names, served, asked, announces_routes, announces_switch, dhcp_client } = theirs;
            add_all(&mut ours.claimed, claimed);
            add_all(&mut ours.carried, carried);
            add_all(&mut ours.names, names);
            add_all(&mut ours.served, served);
            add_all(&mut ours.asked, asked);
            ours.announces_routes |= announces_routes;
            ours.announces_switch |= announces_switch;
            ours.dhcp_client |= dhcp_client;
        }
        for (ip, names) in names {
            for name in &names {
                self.name(ip, name);
            }
        }
    }

    /// The list, by hardware address.
    pub fn assets(self) -> Vec<AssetSummary> {
        let mut devices: Vec<(&Mac, &Device)> = self.devices.iter().collect();
        devices.sort_unstable_by_key(|d| d.0);
        let all = devices.into_iter().map(|(mac, d)| describe(*mac, d, &self.names, self.vendor)).collect();
        // The program ends soon: giving back so many small sets would only take time.
        std::mem::forget(self);
        all
    }
}

/// An observation behind a role. Words are made when they are written: a capture of a flood has many devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    AnnouncesRoutes,
    Carries(usize),
    AnnouncesBridging,
    Answers(Protocol),
    Asks(Protocol),
    AsksForAddress,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::AnnouncesRoutes => f.write_str("announces itself as a router"),
            Why::Carries(n) => write!(f, "carries frames of {n} addresses from outside"),
            Why::AnnouncesBridging => f.write_str("announces bridging by LLDP"),
            Why::Answers(p) => write!(f, "answers {p}"),
            Why::Asks(p) => write!(f, "asks {p}"),
            Why::AsksForAddress => f.write_str("asks for an address by DHCP"),
        }
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

fn describe(mac: Mac, d: &Device, names: &BTreeMap<IpAddr, BTreeSet<String>>, vendor: fn(Mac) -> Option<&'static str>) -> AssetSummary {
    let mut why = Vec::new();
    let outside = d.carried.iter().filter(|ip| !model::net::is_private(**ip) && !d.claimed.contains(ip)).count();
    let routes = d.announces_routes || outside >= ROUTED;
    if d.announces_routes {
        why.push(Why::AnnouncesRoutes);
    }
    if outside >= ROUTED {
        why.push(Why::Carries(outside));
    }
    if d.announces_switch {
        why.push(Why::AnnouncesBridging);
    }
    for p in &d.served {
        why.push(Why::Answers(*p));
    }
    for p in &d.asked {
        why.push(Why::Asks(*p));
    }
    if d.dhcp_client {
        why.push(Why::AsksForAddress);
    }
    let has = |p| d.served.contains(&p);
    let role = if routes {
        Some("router")
    } else if d.announces_switch {
        Some("switch")
    } else if has(Protocol::Modbus) {
        Some("controller")
    } else if d.asked.contains(&Protocol::Modbus) {
        Some("supervisor")
    } else if has(Protocol::Dhcp)
        || has(Protocol::Dns)
        || has(Protocol::Http)
        || has(Protocol::Tls)
        || has(Protocol::Ssh)
        || has(Protocol::Ftp)
        || has(Protocol::Telnet)
    {
        Some("server")
    } else if !d.asked.is_empty() || d.dhcp_client {
        Some("client")
    } else {
        None
    };
    // Behind a router the source addresses of frames are other people's; elsewhere they are the device's own.
    let mut ips: Vec<IpAddr> = d.claimed.iter().copied().collect();
    if !routes {
        ips.extend(d.carried.iter().copied());
        ips.sort_unstable();
        ips.dedup();
    } else if ips.is_empty() {
        ips.extend(d.carried.iter().copied().filter(|ip| model::net::is_private(*ip)).take(1));
    }
    let mut all: BTreeSet<&str> = d.names.iter().map(String::as_str).collect();
    for ip in &ips {
        all.extend(names.get(ip).into_iter().flatten().map(String::as_str));
    }
    AssetSummary { mac, names: all.into_iter().map(str::to_owned).collect(), ips, vendor: vendor(mac), role, why }
}
