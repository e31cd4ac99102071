//! DHCPv6 (RFC 8415), also wrapped by relays, with client FQDN (RFC 4704), name servers (RFC 3646) and remote id (RFC 4649).
//!
//! A message is a type, a transaction and options; a relay's message has two addresses in place of the transaction and carries the message
//! that it passes on in an option. Relays are unwrapped in a loop of at most [`MAX_RELAYS`] (the protocol's own limit is 8 hops, 7.6).

use super::{be16, be24, be32, hexadecimal, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::activity::{Dhcp6, Protocol};
use model::{ActRef, Mac};
use std::net::Ipv6Addr;

/// DHCPv6.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Dhcp6, tcp: false, udp: true, ports: &[546, 547], probe, start: || Box::<Dhcp6Parser>::default() };

/// Relays that are unwrapped.
pub const MAX_RELAYS: u8 = 8;
/// Addresses and name servers kept of each.
pub const MAX_ADDRESSES: usize = 8;
/// Option numbers kept of an option request.
pub const MAX_PARAMETERS: usize = 64;
/// Bytes kept of a name.
const MAX_NAME: usize = 255;
/// Bytes kept of an identifier (a DUID has at most 130, 11.1); in hexadecimal it is twice as long.
const MAX_ID: usize = 130;

const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
/// Where a relay's options begin.
const RELAY_FIXED: usize = 34;

/// The options behind a message's fixed part.
fn body(message: &[u8]) -> Option<&[u8]> {
    match *message.first()? {
        RELAY_FORWARD | RELAY_REPLY => message.get(RELAY_FIXED..),
        1..=11 => message.get(4..),
        _ => None,
    }
}

/// Calls `each` with number and value of every option; false where one does not fit.
fn options<'a>(mut rest: &'a [u8], mut each: impl FnMut(u16, &'a [u8])) -> bool {
    while let (Some(code), Some(length)) = (be16(rest, 0), be16(rest, 2)) {
        let Some(value) = rest.get(4..4 + usize::from(length)) else { return false };
        each(code, value);
        rest = rest.get(4 + usize::from(length)..).unwrap_or_default();
    }
    rest.is_empty()
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    let usual = [i.client_port, i.server_port].iter().any(|p| matches!(p, 546 | 547));
    let Some(rest) = body(bytes).filter(|rest| !rest.is_empty()) else { return Verdict::No };
    let (mut known, mut named) = (true, false);
    let whole = options(rest, |code, _| {
        known &= (1..=150).contains(&code);
        // Who asks, who answers, what is passed on: every message has one of them (16).
        named |= matches!(code, 1 | 2 | 9);
    });
    match (known && named, whole, usual) {
        (true, true, true) => Verdict::Sure(90),
        (true, true, false) => Verdict::Sure(50),
        (true, false, true) => Verdict::Sure(40),
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Dhcp6Parser {
    act: Dhcp6,
}

impl Parser for Dhcp6Parser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let Some(answer) = self.read(bytes) else { return Step::More };
        cx.emit_turned(answer == (dir == Dir::Up), ActRef::Dhcp6(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl Dhcp6Parser {
    fn clear(&mut self) {
        let a = &mut self.act;
        for s in [&mut a.duid, &mut a.server, &mut a.hostname, &mut a.vendor_class, &mut a.interface, &mut a.remote] {
            s.clear();
        }
        a.parameters.clear();
        a.addresses.clear();
        a.resolvers.clear();
        (a.message, a.xid, a.mac, a.enterprise, a.relays) = (0, 0, None, None, 0);
    }

    /// Whether the message comes from a server. `None` where it is no message.
    fn read(&mut self, message: &[u8]) -> Option<bool> {
        self.clear();
        let mut inner = message;
        while matches!(inner.first(), Some(&(RELAY_FORWARD | RELAY_REPLY))) && self.act.relays < MAX_RELAYS {
            let a = &mut self.act;
            a.relays += 1;
            let mut next = None;
            options(inner.get(RELAY_FIXED..)?, |code, value| match code {
                9 => next = Some(value),
                18 => {
                    a.interface.clear();
                    hexadecimal(&mut a.interface, value.get(..MAX_ID).unwrap_or(value));
                }
                37 => {
                    a.remote.clear();
                    hexadecimal(&mut a.remote, value.get(..MAX_ID).unwrap_or(value));
                }
                _ => {}
            });
            match next.filter(|n| !n.is_empty()) {
                Some(message) => inner = message,
                None => break,
            }
        }
        self.act.message = *inner.first()?;
        if !matches!(self.act.message, RELAY_FORWARD | RELAY_REPLY) {
            let rest = body(inner)?;
            self.act.xid = be24(inner, 1)?;
            self.options(rest);
        }
        // Advertise, reply, reconfigure, relay-reply (7.3).
        Some(matches!(self.act.message, 2 | 7 | 10 | RELAY_REPLY))
    }

    fn options(&mut self, rest: &[u8]) {
        let a = &mut self.act;
        options(rest, |code, value| match code {
            1 => {
                a.duid.clear();
                hexadecimal(&mut a.duid, value.get(..MAX_ID).unwrap_or(value));
                a.mac = hardware(value);
            }
            2 => {
                a.server.clear();
                hexadecimal(&mut a.server, value.get(..MAX_ID).unwrap_or(value));
            }
            // Addresses stand in options of their own inside those of an association (IA_NA, IA_TA: 21.4, 21.5).
            3 | 4 => {
                let fixed = if code == 3 { 12 } else { 4 };
                options(value.get(fixed..).unwrap_or_default(), |code, value| {
                    if code == 5
                        && let Some(ip) = ip6(value)
                    {
                        keep(&mut a.addresses, ip);
                    }
                });
            }
            6 => {
                let room = MAX_PARAMETERS.saturating_sub(a.parameters.len());
                a.parameters.extend(value.chunks_exact(2).filter_map(|b| be16(b, 0)).take(room));
            }
            16 => {
                a.enterprise = be32(value, 0);
                a.vendor_class.clear();
                let mut rest = value.get(4..).unwrap_or_default();
                while let Some(part) = be16(rest, 0).and_then(|n| rest.get(2..2 + usize::from(n))) {
                    if !a.vendor_class.is_empty() {
                        text::push(&mut a.vendor_class, b" ", MAX_NAME);
                    }
                    text::push(&mut a.vendor_class, part, MAX_NAME);
                    rest = rest.get(2 + part.len()..).unwrap_or_default();
                }
            }
            23 => value.chunks_exact(16).filter_map(ip6).for_each(|ip| keep(&mut a.resolvers, ip)),
            39 => {
                a.hostname.clear();
                labels(&mut a.hostname, value.get(1..).unwrap_or_default());
            }
            _ => {}
        });
    }
}

fn keep(list: &mut Vec<Ipv6Addr>, ip: Ipv6Addr) {
    if list.len() < MAX_ADDRESSES && !list.contains(&ip) {
        list.push(ip);
    }
}

fn ip6(value: &[u8]) -> Option<Ipv6Addr> {
    value.first_chunk::<16>().map(|b| Ipv6Addr::from(*b))
}

/// The hardware address in a DUID of type 1 or 3 over Ethernet (11.2, 11.4).
fn hardware(duid: &[u8]) -> Option<Mac> {
    let start = match (be16(duid, 0)?, be16(duid, 2)?) {
        (1, 1) => 8,
        (3, 1) => 4,
        _ => return None,
    };
    <[u8; 6]>::try_from(duid.get(start..)?).ok().map(Mac).filter(|m| m.is_device())
}

/// A name in DNS form without compression; the last label may lack its end (RFC 4704, 4.2).
fn labels(out: &mut String, mut rest: &[u8]) {
    while let Some((&length, tail)) = rest.split_first() {
        let Some((label, tail)) = tail.split_at_checked(usize::from(length)).filter(|_| (1..64).contains(&length)) else { return };
        if !out.is_empty() {
            text::push(out, b".", MAX_NAME);
        }
        text::push(out, label, MAX_NAME);
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn opt(code: u16, value: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }
    const DUID: &[u8] = &[0, 1, 0, 1, 1, 2, 3, 4, 0, 0x1b, 0x1b, 9, 8, 7];

    fn solicit() -> Vec<u8> {
        let address = opt(5, &[&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 8]].concat());
        [
            vec![1, 0xab, 0xcd, 0xef],
            opt(1, DUID),
            opt(3, &[&[0; 12][..], &address].concat()),
            opt(6, &[0, 23, 0, 24]),
            opt(16, b"\0\0\x01\x37\0\x08MSFT 5.0"),
            opt(39, b"\0\x05hmi-1\x05plant"),
        ]
        .concat()
    }
    fn relayed(message: &[u8], depth: usize) -> Vec<u8> {
        (0..depth).fold(message.to_vec(), |inner, i| {
            let mut m = vec![RELAY_FORWARD, i as u8];
            m.resize(RELAY_FIXED, 0xfe);
            [m, opt(18, &[i as u8]), opt(37, b"\0\0\0\x09r"), opt(9, &inner)].concat()
        })
    }
    fn one(bytes: &[u8]) -> Dhcp6 {
        match testing::udp(&SPEC, Dir::Up, bytes).as_slice() {
            [Act::Dhcp6(d)] => d.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_client_tells_who_it_is() {
        let d = one(&solicit());
        assert_eq!((d.message, d.xid, d.duid.as_str()), (1, 0xab_cdef, "0001000101020304001b1b090807"));
        assert_eq!(d.mac, Some(Mac([0, 0x1b, 0x1b, 9, 8, 7])));
        assert_eq!((d.hostname.as_str(), d.vendor_class.as_str(), d.enterprise), ("hmi-1.plant", "MSFT 5.0", Some(311)));
        assert_eq!((d.parameters.as_slice(), d.relays), (&[23u16, 24][..], 0));
        assert_eq!(d.addresses, ["2001:db8::7".parse::<Ipv6Addr>().unwrap()]);
    }

    #[test]
    fn what_relays_wrap_is_unwrapped_within_bounds() {
        let d = one(&relayed(&solicit(), 2));
        assert_eq!((d.message, d.relays, d.hostname.as_str()), (1, 2, "hmi-1.plant"));
        // The relay nearest to the client is the innermost.
        assert_eq!((d.interface.as_str(), d.remote.as_str()), ("00", "0000000972"));
        let d = one(&relayed(&solicit(), 30));
        assert_eq!((d.message, d.relays, d.hostname.as_str()), (RELAY_FORWARD, MAX_RELAYS, ""));
    }

    #[test]
    fn a_server_tells_its_name_servers() {
        let m = [vec![7, 0, 0, 1], opt(2, DUID), opt(23, &[0x11; 32 * 16])].concat();
        let d = one(&m);
        assert_eq!((d.message, d.server.len(), d.resolvers.len()), (7, 28, 1));
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Dhcp6, model::Transport::Udp, testing::options());
        drive.feed(Dir::Up, &m);
        assert_eq!(drive.heard.0[0].0.client.port, Some(80));
    }

    #[test]
    fn is_recognised_by_its_options() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 546, server_port: port, datagram: true });
        let off = |up: &[u8]| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 9, server_port: 9, datagram: true });
        assert_eq!((ask(&solicit(), 547), off(&solicit())), (Verdict::Sure(90), Verdict::Sure(50)));
        assert_eq!(ask(&relayed(&solicit(), 1), 547), Verdict::Sure(90));
        let cut = &solicit()[..40];
        assert_eq!((ask(cut, 547), off(cut)), (Verdict::Sure(40), Verdict::No));
        for other in [&[1u8; 60][..], &[0; 60], &[1, 2, 3, 4], b"M-SEARCH * HTTP/1.1\r\n"] {
            assert_eq!(ask(other, 547), Verdict::No, "{other:?}");
        }
        for cut in 0..solicit().len() {
            testing::udp(&SPEC, Dir::Up, &solicit()[..cut]);
        }
    }

    hostile!(SPEC, script(&[(Dir::Up, &solicit()), (Dir::Down, &relayed(&solicit(), 3))]));
}
