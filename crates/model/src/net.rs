//! Addresses and ends of conversations.

use crate::ids::SourceId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A 48-bit hardware address (IEEE 802 EUI-48).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// ff:ff:ff:ff:ff:ff
    pub const BROADCAST: Mac = Mac([0xff; 6]);
    /// 00:00:00:00:00:00, which no device owns.
    pub const ZERO: Mac = Mac([0; 6]);

    /// Group bit (IEEE 802c): broadcast or multicast, never a device's own.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }
    /// Locally administered bit: chosen by software, as randomised addresses of phones and virtual machines are.
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }
    /// True where the address can belong to one device.
    pub fn is_device(self) -> bool {
        !self.is_group() && self != Mac::ZERO
    }
    /// The address as a number, for keys.
    pub const fn to_u64(self) -> u64 {
        let b = self.0;
        u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand: `{:02x}` six times takes ten times as long, and lists of addresses are long.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b':'; 17];
        for (place, byte) in text.chunks_mut(3).zip(self.0) {
            if let [high, low, ..] = place {
                (*high, *low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
            }
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}
impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Mac {
    type Err = &'static str;
    /// Reads `aa:bb:cc:dd:ee:ff`, with hyphens, dots (Cisco) or nothing between, in either case.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = "a hardware address has twelve hexadecimal digits, like 3c:52:82:1f:aa:07";
        let mut out = [0u8; 6];
        let mut n = 0usize;
        for c in s.trim().chars() {
            if matches!(c, ':' | '-' | '.') {
                continue;
            }
            let d = c.to_digit(16).ok_or(wrong)? as u8;
            if n >= 12 {
                return Err(wrong);
            }
            out[n / 2] = out[n / 2] << 4 | d;
            n += 1;
        }
        if n == 12 { Ok(Mac(out)) } else { Err(wrong) }
    }
}
impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { self.0.serialize(s) }
    }
}
impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() { String::deserialize(d)?.parse().map_err(de::Error::custom) } else { <[u8; 6]>::deserialize(d).map(Mac) }
    }
}

/// The stretch of network within which an address means one thing: a sensor and a VLAN (0 = untagged or priority-tagged).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Segment {
    /// The sensor that saw the frame.
    pub sensor: SourceId,
    /// IEEE 802.1Q VLAN identifier, 0–4094.
    pub vlan: u16,
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Hardware address on this segment: the device's own, or its router's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Internet address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Port, where the transport has ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// What carries a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// ICMP (RFC 792).
    Icmp,
    /// ICMPv6 (RFC 4443).
    Icmpv6,
    /// Another protocol over IP, by its number (IANA protocol numbers).
    Ip(u8),
    /// Not IP: an `EtherType`, or 0 for IEEE 802.2 LLC.
    Ether(u16),
}

/// Whether an address belongs to an inside network by range: RFC 1918, RFC 6598, link-local, loopback and RFC 4193.
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let o = v4.octets();
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || (o[0] == 100 && o[1] & 0xc0 == 64)
        }
        IpAddr::V6(v6) => {
            let s = v6.segments()[0];
            s & 0xfe00 == 0xfc00 || s & 0xffc0 == 0xfe80 || v6.is_loopback()
        }
    }
}

/// Whether an address can belong to one device: not unspecified, multicast or broadcast.
pub fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0),
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_read_in_the_ways_people_write_them() {
        let mac = Mac([0x3c, 0x52, 0x82, 0x1f, 0xaa, 0x07]);
        for text in ["3c:52:82:1f:aa:07", "3C-52-82-1F-AA-07", "3c52.821f.aa07", "3c52821faa07"] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        for bad in ["", "3c:52:82:1f:aa", "3c:52:82:1f:aa:07:09", "3g:52:82:1f:aa:07", "３ｃ52821faa07"] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }

    #[test]
    fn address_ranges() {
        for inside in ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "fe80::1", "fd00::1"] {
            assert!(is_private(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(outside.parse().unwrap()), "{outside}");
        }
        assert!(!is_unicast("224.0.0.251".parse().unwrap()) && !is_unicast("0.0.0.0".parse().unwrap()));
    }
}
