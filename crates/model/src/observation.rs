//! What a sensor saw about a device, before anybody decided which device it is.

use crate::net::{Mac, Segment};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How an address became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Source of a frame: the hardware address is certain; the Internet address may be a router's traffic for another.
    Frame,
    /// ARP sender fields (RFC 826), a claim that belongs to the link.
    Arp,
    /// IPv6 neighbour discovery (RFC 4861), a claim that belongs to the link.
    Neighbour,
    /// A lease that a DHCP server acknowledged (RFC 2131).
    Dhcp,
}

/// A hardware address seen on a segment, alone or with an Internet address. Told when new and again at least an hour later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// Where.
    pub segment: Segment,
    /// The hardware address; absent on links that have none (raw IP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The Internet address that went with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// How it became known.
    pub via: Via,
}
