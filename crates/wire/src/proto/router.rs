//! IPv6 router advertisements (RFC 4861, 4.2) with their options: prefixes, name servers and search domains (RFC 8106), preference (RFC 4191).

use super::{Pool, be32, text};
use model::Mac;
use model::activity::RouterAdvertisement;
use std::net::Ipv6Addr;

/// Prefixes kept.
pub const MAX_PREFIXES: usize = 16;
/// Name servers kept, and search domains.
pub const MAX_NAMES: usize = 8;

/// Reads advertisements into one act that is used again.
#[derive(Default)]
pub struct Reader {
    /// What was read last.
    pub act: RouterAdvertisement,
    pool: Pool,
}

impl Reader {
    /// Reads an ICMPv6 message of type 134. False where it is none or an option is damaged; what stood before that is kept.
    pub fn read(&mut self, data: &[u8]) -> bool {
        let a = &mut self.act;
        a.prefixes.clear();
        a.resolvers.clear();
        for name in a.domains.drain(..) {
            self.pool.give(name);
        }
        (a.link, a.mtu) = (None, None);
        let &[134, _, _, _, _, flags, l0, l1, _, _, _, _, _, _, _, _, ref options @ ..] = data else { return false };
        a.lifetime = u16::from_be_bytes([l0, l1]);
        (a.managed, a.other, a.preference) = (flags & 0x80 != 0, flags & 0x40 != 0, flags >> 3 & 3);
        let mut left = options;
        while let &[kind, units, ..] = left {
            let Some(option) = left.get(..usize::from(units) * 8).filter(|o| !o.is_empty()) else { return false };
            left = left.get(option.len()..).unwrap_or_default();
            match kind {
                1 => a.link = a.link.or_else(|| Some(Mac(option.get(2..8)?.try_into().ok()?))),
                3 => {
                    if let (Some(&length), Some(prefix)) = (option.get(2), ip6(option, 16))
                        && a.prefixes.len() < MAX_PREFIXES
                    {
                        a.prefixes.push((prefix, length));
                    }
                }
                5 => a.mtu = be32(option, 4),
                25 => {
                    let mut at = 8;
                    while let Some(server) = ip6(option, at)
                        && a.resolvers.len() < MAX_NAMES
                    {
                        a.resolvers.push(server);
                        at += 16;
                    }
                }
                31 => domains(option.get(8..).unwrap_or_default(), &mut a.domains, &mut self.pool),
                _ => {}
            }
        }
        true
    }
}

/// Names as labels, without compression (RFC 8106, 5.2), filled up with zeros.
fn domains(mut left: &[u8], out: &mut Vec<String>, pool: &mut Pool) {
    while out.len() < MAX_NAMES && left.first().is_some_and(|l| *l != 0) {
        let mut name = pool.take();
        while let Some((&length, rest)) = left.split_first() {
            let Some(label) = rest.get(..usize::from(length)).filter(|_| length < 64) else {
                // A label that claims more than there is: nothing behind it can be trusted.
                left = &[];
                break;
            };
            left = rest.get(usize::from(length)..).unwrap_or_default();
            if length == 0 {
                break;
            }
            if !name.is_empty() {
                name.push('.');
            }
            text::push(&mut name, label, 255);
        }
        if name.is_empty() { pool.give(name) } else { out.push(name) }
    }
}

fn ip6(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = bytes.get(at..at.checked_add(16)?)?.try_into().ok()?;
    Some(Ipv6Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut m = vec![134, 0, 0, 0, 64, 0xc8, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        m.extend([1, 1, 2, 0, 0, 0, 0, 9]);
        m.extend([5, 1, 0, 0, 0, 0, 5, 0xdc]);
        m.extend([3, 4, 64, 0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        m.extend([25, 3, 0, 0, 0, 0, 0, 9, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53]);
        m.extend([31, 4, 0, 0, 0, 0, 0, 9]);
        m.extend(b"\x07factory\x07example\0\x03lab\0\0\0");
        m
    }

    #[test]
    fn every_option_is_read_and_forgotten_again() {
        let mut r = Reader::default();
        assert!(r.read(&sample()));
        let a = r.act.clone();
        assert_eq!((a.lifetime, a.managed, a.other, a.preference, a.mtu), (1800, true, true, 1, Some(1500)));
        assert_eq!(a.link, Some(Mac([2, 0, 0, 0, 0, 9])));
        assert_eq!(a.prefixes, [("2001:db8:1::".parse().unwrap(), 64)]);
        assert_eq!(a.resolvers, ["2001:db8::53".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(a.domains, ["factory.example", "lab"]);
        assert!(r.read(&[134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(r.act, RouterAdvertisement::default());
    }

    #[test]
    fn every_cut_is_survived_and_options_without_length_are_damage() {
        let (mut r, whole) = (Reader::default(), sample());
        for cut in 0..whole.len() {
            let ends = [16, 24, 32, 64, 88];
            // A cut behind a whole option, or one byte later, leaves no damaged option to see.
            assert_eq!(r.read(&whole[..cut]), ends.iter().any(|e| cut == *e || cut == e + 1), "cut at {cut}");
        }
        let mut endless = sample();
        endless[17] = 0;
        assert!(!r.read(&endless));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut r = Reader::default();
            r.read(&[&[134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], bytes.as_slice()].concat());
            prop_assert!(r.act.prefixes.len() <= MAX_PREFIXES && r.act.resolvers.len() <= MAX_NAMES && r.act.domains.len() <= MAX_NAMES);
            prop_assert!(r.act.domains.iter().all(|d| d.len() <= 256));
        }
    }
}
