//! Zones: the parts of a site, with the addresses that belong to them. State keeps them, detection and pages read them.

use crate::ids::ZoneId;
use crate::net::Segment;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The layer of a zone (the layers of the documents: device, factory LAN, control network, server, WAN, cloud).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// 機器
    Device,
    /// LAN
    Lan,
    /// 制御ネットワーク
    Control,
    /// サーバー
    Server,
    /// WAN
    Wan,
    /// クラウド
    Cloud,
}
impl Layer {
    /// Every layer.
    pub const ALL: [Layer; 6] = [Layer::Device, Layer::Lan, Layer::Control, Layer::Server, Layer::Wan, Layer::Cloud];
    /// The name in JSON, the database and locale keys.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Device => "device",
            Layer::Lan => "lan",
            Layer::Control => "control",
            Layer::Server => "server",
            Layer::Wan => "wan",
            Layer::Cloud => "cloud",
        }
    }
    /// The layer of that name.
    pub fn from_name(name: &str) -> Option<Layer> {
        Layer::ALL.into_iter().find(|l| l.name() == name)
    }
}

/// A range of addresses: `192.168.10.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range {
    address: IpAddr,
    bits: u8,
}
impl Range {
    /// Whether an address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                masked(u128::from(u32::from(a)), 32, self.bits) == masked(u128::from(u32::from(b)), 32, self.bits)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => masked(u128::from(a), 128, self.bits) == masked(u128::from(b), 128, self.bits),
            _ => false,
        }
    }
    /// Length of the prefix: the longer, the narrower.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}
impl FromStr for Range {
    type Err = &'static str;
    /// Reads `192.168.10.0/24`, `fd00::/8`, or a single address.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = "a range of addresses looks like 192.168.10.0/24 or fd00::/8";
        let (address, bits) = match s.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (s.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // `+24` and `024` are not how a prefix is written.
            Some(b) if b.len() <= 3 && b.bytes().all(|c| c.is_ascii_digit()) => {
                b.parse::<u8>().ok().filter(|b| *b <= width).ok_or(wrong)?
            }
            Some(_) => return Err(wrong),
            None => width,
        };
        let address = match address {
            IpAddr::V4(a) => IpAddr::V4(std::net::Ipv4Addr::from(masked(u128::from(u32::from(a)), 32, bits) as u32)),
            IpAddr::V6(a) => IpAddr::V6(std::net::Ipv6Addr::from(masked(u128::from(a), 128, bits))),
        };
        Ok(Range { address, bits })
    }
}

fn masked(value: u128, width: u8, bits: u8) -> u128 {
    let drop = u32::from(width.saturating_sub(bits));
    if drop >= 128 { 0 } else { value >> drop << drop }
}

/// What a zone is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneFields {
    /// Its name, unlike any other.
    pub name: String,
    /// Its layer.
    pub layer: Layer,
    /// Address ranges; the narrowest range that holds an asset's newest address decides.
    pub ranges: Vec<Range>,
    /// VLANs (1–4094), for assets that no range decides.
    pub vlans: Vec<u16>,
}

impl fmt::Display for ZoneFields {
    /// `name (layer) range range vlan vlan`: how the record of a change tells it, and how detection reads it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.layer.name())?;
        for r in &self.ranges {
            write!(f, " {r}")?;
        }
        for v in &self.vlans {
            write!(f, " {v}")?;
        }
        Ok(())
    }
}
impl FromStr for ZoneFields {
    type Err = &'static str;
    /// Reads what [`fmt::Display`] wrote. A name may hold brackets; ranges and VLANs cannot, so the last bracket decides.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = "a zone is written NAME (LAYER) RANGES VLANS";
        let (head, tail) = s.rsplit_once(')').ok_or(wrong)?;
        let (name, layer) = head.rsplit_once(" (").ok_or(wrong)?;
        let layer = Layer::from_name(layer).ok_or(wrong)?;
        let (mut ranges, mut vlans) = (vec![], vec![]);
        for word in tail.split_whitespace() {
            match word.parse::<u16>() {
                Ok(vlan) => vlans.push(vlan),
                Err(_) => ranges.push(word.parse::<Range>()?),
            }
        }
        Ok(ZoneFields { name: name.to_owned(), layer, ranges, vlans })
    }
}

/// The zone of an asset that the ledger puts nowhere: the narrowest range that holds the first of `ips` (newest first) that any
/// range holds; else the VLAN of the newest sight. Of equal ranges the last zone wins, of equal VLANs the first.
pub fn zone_of<'a>(
    zones: impl Iterator<Item = (ZoneId, &'a [Range], &'a [u16])> + Clone,
    ips: impl Iterator<Item = IpAddr>,
    seen: Option<Segment>,
) -> Option<ZoneId> {
    for ip in ips {
        let narrowest = zones
            .clone()
            .flat_map(|(zone, ranges, _)| ranges.iter().filter(|r| r.contains(ip)).map(move |r| (r.bits, zone)))
            .max_by_key(|(bits, _)| *bits);
        if let Some((_, zone)) = narrowest {
            return Some(zone);
        }
    }
    let vlan = seen?.vlan;
    zones.clone().find(|(_, _, vlans)| vlan != 0 && vlans.contains(&vlan)).map(|(zone, ..)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_hold_what_they_should() {
        let r: Range = "192.168.10.77/24".parse().unwrap();
        assert_eq!(r.to_string(), "192.168.10.0/24");
        assert!(r.contains("192.168.10.255".parse().unwrap()) && !r.contains("192.168.11.0".parse().unwrap()));
        assert!(!r.contains("::ffff:192.168.10.1".parse().unwrap()));
        let all: Range = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        let six: Range = "::/0".parse().unwrap();
        assert!(six.contains("fe80::1".parse().unwrap()) && !six.contains("1.2.3.4".parse().unwrap()));
        assert_eq!("10.0.0.1".parse::<Range>().unwrap().to_string(), "10.0.0.1/32");
        for bad in
            ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0/8", "fd00::/129", "a/8", "10.0.0.0/8/8", "10.0.0.0/256"]
        {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zone_is_read_back_from_the_record_of_its_change() {
        for name in ["制御", "第 1 工場 (lan) 10.0.0.0/8", "a) b"] {
            let zone = ZoneFields {
                name: name.into(),
                layer: Layer::Control,
                ranges: vec!["192.168.10.48/28".parse().unwrap(), "fd00::/8".parse().unwrap()],
                vlans: vec![10, 20],
            };
            assert_eq!(zone.to_string().parse(), Ok(zone));
        }
        for bad in ["", "x", "x (moon)", "x (lan) y", "x (lan) 70000"] {
            assert!(bad.parse::<ZoneFields>().is_err(), "{bad}");
        }
    }
}
