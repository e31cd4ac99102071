//! DHCPv4 (RFC 2131) and BOOTP (RFC 951), options of RFC 2132, 3004 (user class), 3046 (what the relay knows) and 4702 (client FQDN), long
//! options in parts (RFC 3396), and options that went on in the fields `file` and `sname` (option 52).

use super::{be32, hexadecimal, ip4, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::activity::{Dhcp, Protocol};
use model::{ActRef, Mac};
use std::net::Ipv4Addr;

/// DHCPv4.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Dhcp, tcp: false, udp: true, ports: &[67, 68], probe, start: || Box::<DhcpParser>::default() };

/// Bytes kept of a name.
pub const MAX_NAME: usize = 255;
/// Name servers kept.
pub const MAX_RESOLVERS: usize = 4;
/// Bytes of an identifier that are kept; in hexadecimal it is twice as long.
const MAX_ID: usize = 64;
const FIXED: usize = 236;
/// As far as the end of the hardware address: what is read of a message that the capture cut.
const LEAST: usize = 44;
const MAGIC: u32 = 0x6382_5363;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let message = if i.up.is_empty() { i.down } else { i.up };
    let &[1 | 2, hardware, length, ..] = message else { return Verdict::No };
    let usual = [i.client_port, i.server_port].iter().any(|p| matches!(p, 67 | 68));
    if message.len() < FIXED {
        // Cut by the capture: the hardware address and the zeros behind it have to be there.
        let cut = usual && (hardware, length) == (1, 6) && message.get(34..LEAST).is_some_and(|pad| pad.iter().all(|b| *b == 0));
        return if cut { Verdict::Sure(55) } else { Verdict::No };
    }
    if length > 16 {
        return Verdict::No;
    }
    match be32(message, FIXED) {
        Some(MAGIC) => Verdict::Sure(95),
        // BOOTP before RFC 1048 had no magic; then the hardware type and the ports have to agree.
        _ if usual && hardware == 1 && length == 6 => Verdict::Sure(60),
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct DhcpParser {
    act: Dhcp,
    /// The name in option 81, used where option 12 is missing.
    fqdn: String,
}

impl Parser for DhcpParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if let Some(op) = self.read(bytes) {
            cx.emit_turned((op == 1) != (dir == Dir::Up), ActRef::Dhcp(&self.act));
        }
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl DhcpParser {
    fn clear(&mut self) {
        let a = &mut self.act;
        (a.message, a.xid, a.mac) = (0, 0, Mac::default());
        (a.client_ip, a.your_ip, a.requested_ip, a.server_id, a.router, a.lease) = (None, None, None, None, None, None);
        a.relay = None;
        let texts =
            [&mut a.hostname, &mut a.vendor_class, &mut a.circuit, &mut a.remote, &mut a.client_id, &mut a.user_class, &mut a.domain];
        texts.into_iter().for_each(String::clear);
        a.parameters.clear();
        a.resolvers.clear();
        self.fqdn.clear();
    }

    /// The operation (1 from the client, 2 from the server), where the bytes are a message.
    fn read(&mut self, message: &[u8]) -> Option<u8> {
        self.clear();
        let op = *message.first().filter(|op| matches!(op, 1 | 2))?;
        let fixed = message.get(..FIXED).or_else(|| message.get(..LEAST))?;
        let given = |at| ip4(fixed, at).filter(|ip| *ip != Ipv4Addr::UNSPECIFIED);
        self.act.xid = be32(fixed, 4)?;
        self.act.client_ip = given(12);
        self.act.your_ip = given(16);
        self.act.relay = given(24);
        if let Some(mac) = fixed.get(28..34)
            && fixed.get(2) == Some(&6)
        {
            self.act.mac = Mac(mac.try_into().ok()?);
        }
        if be32(message, FIXED) == Some(MAGIC) {
            let overload = self.options(message.get(FIXED + 4..).unwrap_or_default());
            // RFC 2131, 4.1: file comes before sname.
            if overload & 1 != 0 {
                self.options(fixed.get(108..236).unwrap_or_default());
            }
            if overload & 2 != 0 {
                self.options(fixed.get(44..108).unwrap_or_default());
            }
        }
        if self.act.hostname.is_empty() {
            std::mem::swap(&mut self.act.hostname, &mut self.fqdn);
        }
        Some(op)
    }

    /// Reads options until their end or the first damaged one, and says what option 52 said.
    fn options(&mut self, mut rest: &[u8]) -> u8 {
        let mut overload = 0;
        while let Some((&code, tail)) = rest.split_first() {
            match code {
                0 => {
                    rest = tail;
                    continue;
                }
                255 => break,
                _ => {}
            }
            let Some((&length, tail)) = tail.split_first() else { break };
            let Some((value, tail)) = tail.split_at_checked(usize::from(length)) else { break };
            rest = tail;
            let a = &mut self.act;
            match code {
                3 => a.router = ip4(value, 0).or(a.router),
                6 => {
                    let room = MAX_RESOLVERS.saturating_sub(a.resolvers.len());
                    a.resolvers.extend(value.chunks_exact(4).filter_map(|b| ip4(b, 0)).take(room));
                }
                12 => text::push(&mut a.hostname, ended(value), MAX_NAME),
                15 => text::push(&mut a.domain, ended(value), MAX_NAME),
                50 => a.requested_ip = ip4(value, 0).or(a.requested_ip),
                51 => a.lease = be32(value, 0).or(a.lease),
                52 => overload |= value.first().copied().unwrap_or(0) & 3,
                53 => a.message = value.first().copied().unwrap_or(0),
                54 => a.server_id = ip4(value, 0).or(a.server_id),
                55 => a.parameters.extend_from_slice(value.get(..255usize.saturating_sub(a.parameters.len())).unwrap_or(value)),
                60 => text::push(&mut a.vendor_class, ended(value), MAX_NAME),
                // A client that is named by its address alone says nothing new (RFC 2132, 9.14: type 1 and `chaddr`).
                61 if value.split_first().is_none_or(|(kind, id)| *kind != 1 || id != a.mac.0) => {
                    hexadecimal(&mut a.client_id, value.get(..MAX_ID).unwrap_or(value));
                }
                77 => user_class(&mut a.user_class, value),
                81 => fqdn(value, &mut self.fqdn),
                82 => relay(a, value),
                _ => {}
            }
        }
        overload
    }
}

/// Some clients end text with a NUL (RFC 2132, 2 tells to expect it).
fn ended(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1);
    value.get(..end).unwrap_or_default()
}

/// What a relay or a switch adds (RFC 3046, 2): the circuit is the port, the remote is who asked or the switch itself.
fn relay(act: &mut Dhcp, mut value: &[u8]) {
    while let Some((&[code, length], rest)) = value.split_first_chunk::<2>() {
        let Some((part, rest)) = rest.split_at_checked(usize::from(length)) else { return };
        value = rest;
        match code {
            1 => identifier(&mut act.circuit, part),
            2 => identifier(&mut act.remote, part),
            _ => {}
        }
    }
}

/// Text where it is text, otherwise hexadecimal. Many switches put two bytes of type and length before the text (`00 04 vlan …` is no text).
fn identifier(out: &mut String, id: &[u8]) {
    out.clear();
    let id = id.get(..MAX_ID * 2).unwrap_or(id);
    if !id.is_empty() && ended(id).iter().all(|b| (0x20..0x7f).contains(b)) {
        text::push(out, ended(id), MAX_NAME);
    } else {
        hexadecimal(out, id);
    }
}

/// RFC 3004: strings with their length before them; some clients (iPXE) send the bare text.
fn user_class(out: &mut String, value: &[u8]) {
    let counted = |value: &[u8]| {
        let mut rest = value;
        while let Some((&length, tail)) = rest.split_first() {
            match tail.get(usize::from(length)..) {
                Some(tail) if length > 0 => rest = tail,
                _ => return false,
            }
        }
        true
    };
    if !counted(value) {
        text::push(out, ended(value), MAX_NAME);
        return;
    }
    let mut rest = value;
    while let Some((&length, tail)) = rest.split_first() {
        let (part, tail) = tail.split_at(usize::from(length).min(tail.len()));
        if !out.is_empty() {
            text::push(out, b" ", MAX_NAME);
        }
        text::push(out, part, MAX_NAME);
        rest = tail;
    }
}

/// Flags, two obsolete codes, and a name: in DNS form where the E bit is set (RFC 4702, 2.1), else ASCII.
fn fqdn(value: &[u8], out: &mut String) {
    let (Some(&flags), Some(name)) = (value.first(), value.get(3..)) else { return };
    if flags & 4 == 0 {
        text::set(out, ended(name), MAX_NAME);
        return;
    }
    out.clear();
    let mut rest = name;
    while let Some((&length, tail)) = rest.split_first() {
        let Some((label, tail)) = tail.split_at_checked(usize::from(length)).filter(|_| (1..64).contains(&length)) else { break };
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

    fn message(op: u8, options: &[u8]) -> Vec<u8> {
        let mut m = vec![0; FIXED];
        m[..4].copy_from_slice(&[op, 1, 6, 0]);
        m[4..8].copy_from_slice(&[1, 2, 3, 4]);
        m[12..16].copy_from_slice(&[192, 0, 2, 5]);
        m[28..34].copy_from_slice(&[0, 0x1b, 0x1b, 1, 2, 3]);
        m.extend_from_slice(&MAGIC.to_be_bytes());
        m.extend_from_slice(options);
        m
    }
    fn read(m: &[u8]) -> Dhcp {
        match testing::udp(&SPEC, Dir::Up, m).as_slice() {
            [Act::Dhcp(d)] => d.clone(),
            other => panic!("{other:?}"),
        }
    }
    const REQUEST: &[u8] = b"\x35\x01\x03\x0c\x05plc-1\x3c\x04MSFT\x3c\x04 5.0\x37\x03\x01\x03\x06\x32\x04\xc0\0\x02\x07\x36\x04\xc0\0\x02\x01\x33\x04\0\0\x0e\x10\x03\x08\xc0\0\x02\xfe\x01\x02\x03\x04\0\xff\x0c\x01x";

    #[test]
    fn reads_a_request() {
        let d = read(&message(1, REQUEST));
        assert_eq!((d.message, d.xid, d.mac), (3, 0x0102_0304, Mac([0, 0x1b, 0x1b, 1, 2, 3])));
        assert_eq!((d.hostname.as_str(), d.vendor_class.as_str(), d.parameters.as_slice()), ("plc-1", "MSFT 5.0", &[1, 3, 6][..]));
        assert_eq!(d.requested_ip, Some([192, 0, 2, 7].into()));
        assert_eq!((d.server_id, d.router, d.lease), (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 254].into()), Some(3600)));
        assert_eq!((d.client_ip, d.your_ip), (Some([192, 0, 2, 5].into()), None));
    }

    #[test]
    fn what_fingerprints_and_relays_add() {
        let mut m = message(2, b"\x35\x01\x05\x06\x14\x0a\0\0\x01\x0a\0\0\x02\x0a\0\0\x03\x0a\0\0\x04\x0a\0\0\x05\x0f\x05f.lan\x3d\x05\xff\x01\x02\x03\x04\x4d\x04\x03pxe\x52\x13\x01\x08Gi0/1/12\x02\x07\0\x06\x02\0\0\0\x09\xff");
        m[24..28].copy_from_slice(&[10, 0, 0, 254]);
        let d = read(&m);
        assert_eq!(d.resolvers, [1, 2, 3, 4].map(|n| Ipv4Addr::new(10, 0, 0, n)));
        assert_eq!((d.circuit.as_str(), d.remote.as_str()), ("Gi0/1/12", "00060200000009"));
        assert_eq!((d.client_id.as_str(), d.user_class.as_str(), d.domain.as_str()), ("ff01020304", "pxe", "f.lan"));
        assert_eq!(d.relay, Some([10, 0, 0, 254].into()));
        // A client that is named by its own address, a bare user class, and a relay's option that lies about its length.
        let d = read(&message(1, b"\x3d\x07\x01\0\x1b\x1b\x01\x02\x03\x4d\x04iPXE\x52\x04\x01\xffab\xff"));
        assert_eq!((d.client_id.as_str(), d.user_class.as_str(), d.circuit.as_str()), ("", "iPXE", ""));
    }

    #[test]
    fn options_that_went_on_elsewhere() {
        let mut m = message(1, b"\x34\x01\x03\xff");
        m[108..116].copy_from_slice(b"\x0c\x04cam1\xff\0");
        m[44..49].copy_from_slice(b"\x35\x01\x01\xff\0");
        let d = read(&m);
        assert_eq!((d.hostname.as_str(), d.message), ("cam1", 1));
    }

    #[test]
    fn the_full_name_stands_in_for_a_missing_host_name() {
        assert_eq!(read(&message(1, b"\x51\x08\0\0\0nas.l\xff")).hostname, "nas.l");
        assert_eq!(read(&message(1, b"\x51\x0a\x04\0\0\x03nas\x01l\0\xff")).hostname, "nas.l");
        assert_eq!(read(&message(1, b"\x51\x06\0\0\0nas\x0c\x02hn\xff")).hostname, "hn");
        assert_eq!(read(&message(1, b"\x0c\x04\xff\xfea\0\xff")).hostname, "\\xff\\xfea");
    }

    #[test]
    fn bootp_and_damage() {
        let bare = &message(1, &[])[..FIXED];
        assert_eq!(read(bare).message, 0);
        // Cut by the capture: who it is about is still told.
        assert_eq!(read(&bare[..LEAST]), read(bare));
        assert!(testing::udp(&SPEC, Dir::Up, &bare[..LEAST - 1]).is_empty());
        assert_eq!(read(&message(1, b"\x35\x01\x01\x0c\xff")).message, 1);
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: port, server_port: 9, datagram: true });
        assert_eq!(ask(&message(1, REQUEST), 9), Verdict::Sure(95));
        assert_eq!((ask(bare, 68), ask(bare, 9)), (Verdict::Sure(60), Verdict::No));
        assert_eq!((ask(&bare[..60], 68), ask(&bare[..60], 9), ask(&bare[..40], 68)), (Verdict::Sure(55), Verdict::No, Verdict::No));
        assert_eq!(ask(&[1; 300], 68), Verdict::No);
    }

    hostile!(SPEC, script(&[(Dir::Up, &message(1, REQUEST)), (Dir::Down, &message(2, REQUEST))]));
}
