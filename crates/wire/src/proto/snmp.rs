//! SNMP version 1 (RFC 1157), 2c (RFC 1901, RFC 3416) and 3 (RFC 3412, RFC 3414), over UDP and TCP (RFC 3430).
//!
//! The community is a password that travels in the clear: only its trace leaves here. Values can hold secrets too (communities of trap
//! receivers, keys, whole configurations of private MIBs), and no list can name all of them. So it is the other way round: octet strings
//! are kept only of the objects in [`DESCRIBING`], which name and describe a device. Numbers, addresses and object identifiers are kept of
//! any object.

use super::ber::{self, tag};
use super::{Pool, hexadecimal, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Protocol, SecretKind, Snmp, SnmpPdu};
use model::net::Transport;
use std::fmt::Write;

/// SNMP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Snmp, tcp: true, udp: true, ports: &[161, 162], probe, start: || Box::<SnmpParser>::default() };

/// Bindings kept of one message; more are counted.
pub const MAX_BINDINGS: usize = 16;
/// Bytes kept of a value.
pub const MAX_VALUE: usize = 512;
/// Bytes kept of an object identifier in dotted form (RFC 3416 allows 128 arcs; no object that matters has more than 40).
const MAX_OID: usize = 256;
/// Bytes kept of a user name (RFC 3414, 5: at most 32 characters) and of an engine identifier.
const MAX_USER: usize = 128;

/// Object groups whose octet strings name and describe: system, interfaces, bridge, devices and installed software of the host (not running
/// processes, whose parameters may hold passwords), interface names, printer, entities, LLDP. Others, among them RMON (16) and cable modems
/// (69) with their communities, are left out.
const DESCRIBING: &[&[u64]] = &[
    &[1, 3, 6, 1, 2, 1, 1],
    &[1, 3, 6, 1, 2, 1, 2],
    &[1, 3, 6, 1, 2, 1, 17],
    &[1, 3, 6, 1, 2, 1, 25, 3],
    &[1, 3, 6, 1, 2, 1, 25, 6],
    &[1, 3, 6, 1, 2, 1, 31],
    &[1, 3, 6, 1, 2, 1, 43, 5],
    &[1, 3, 6, 1, 2, 1, 43, 11],
    &[1, 3, 6, 1, 2, 1, 47],
    &[1, 0, 8802, 1, 1, 2],
];

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut best = Verdict::Unsure;
    for bytes in [i.up, i.down].into_iter().filter(|b| !b.is_empty()) {
        match judge(bytes, i.datagram) {
            Verdict::No => return Verdict::No,
            v => best = best.max(v),
        }
    }
    best
}

/// A sequence of a version and what that version puts behind it.
fn judge(bytes: &[u8], datagram: bool) -> Verdict {
    if bytes.first() != Some(&tag::SEQUENCE) {
        return Verdict::No;
    }
    let Some((_, length, start)) = ber::head(bytes) else {
        return if bytes.len() < 6 && !datagram { Verdict::Unsure } else { Verdict::No };
    };
    // A datagram is one message; a capture or a probe may have cut it.
    let fits = start + length == bytes.len() || (bytes.len() >= 24 && start + length > bytes.len());
    if datagram && !fits {
        return Verdict::No;
    }
    let mut rest = bytes.get(start..).unwrap_or_default();
    let Some(version) = ber::expect(&mut rest, tag::INTEGER) else {
        return if rest.len() < 3 && !datagram { Verdict::Unsure } else { Verdict::No };
    };
    match (version, rest.first()) {
        ([0 | 1], Some(&tag::OCTETS)) => match ber::next(&mut rest) {
            Some(_) if rest.first().is_some_and(|t| (0xa0..=0xa8).contains(t)) => Verdict::Sure(90),
            Some(_) if rest.is_empty() && !datagram => Verdict::Unsure,
            None if !datagram && bytes.len() < 64 => Verdict::Unsure,
            _ => Verdict::No,
        },
        ([3], Some(&tag::SEQUENCE)) => match ber::next(&mut rest) {
            Some(_) if rest.first() == Some(&tag::OCTETS) => Verdict::Sure(90),
            Some(_) if rest.is_empty() && !datagram => Verdict::Unsure,
            None if !datagram && bytes.len() < 64 => Verdict::Unsure,
            _ => Verdict::No,
        },
        ([0 | 1 | 3], None) if !datagram => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct SnmpParser {
    act: Snmp,
    pool: Pool,
}

impl Parser for SnmpParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut rest = bytes;
        let whole = match ber::next(&mut rest) {
            Some((tag::SEQUENCE, whole)) => whole,
            Some(_) => return Step::Done,
            None if cx.head.transport != Transport::Tcp => {
                // Cut by the capture: what is there is read.
                let Some((tag::SEQUENCE, _, start)) = ber::head(bytes) else { return Step::Used(bytes.len()) };
                bytes.get(start..).unwrap_or_default()
            }
            None => {
                let plausible = ber::head(bytes).is_none_or(|(tag, length, _)| tag == tag::SEQUENCE && length < super::MAX_WAIT - 16);
                return if plausible && bytes.len() < super::MAX_WAIT { Step::More } else { Step::Done };
            }
        };
        if self.read(whole, cx).is_some() {
            // Answers, reports and traps come from the agent, requests from the manager. A trap is sent unasked: its sender keeps his place.
            let answer = matches!(self.act.pdu, SnmpPdu::Response | SnmpPdu::Report);
            let asked = matches!(self.act.pdu, SnmpPdu::Get | SnmpPdu::GetNext | SnmpPdu::GetBulk | SnmpPdu::Set);
            cx.emit_turned((answer && dir == Dir::Up) || (asked && dir == Dir::Down), ActRef::Snmp(&self.act));
        } else if cx.head.transport == Transport::Tcp {
            return Step::Done;
        }
        if cx.head.transport == Transport::Tcp { Step::Used(bytes.len() - rest.len()) } else { Step::Used(bytes.len()) }
    }

    fn reset(&mut self) {
        self.clear();
    }
}

impl SnmpParser {
    fn clear(&mut self) {
        for (oid, value) in self.act.bindings.drain(..) {
            self.pool.give(oid);
            self.pool.give(value);
        }
        let a = &mut self.act;
        (a.version, a.pdu, a.community, a.security, a.error, a.omitted) = (0, SnmpPdu::Get, None, 0, 0, 0);
        a.user.clear();
        a.engine.clear();
    }

    /// Reads what stands in the outer sequence. `None` where it is no message.
    fn read(&mut self, whole: &[u8], cx: &Cx<'_>) -> Option<()> {
        self.clear();
        let mut rest = whole;
        match ber::expect(&mut rest, tag::INTEGER)? {
            [version @ (0 | 1)] => {
                self.act.version = version + 1;
                let community = ber::expect(&mut rest, tag::OCTETS)?;
                self.act.community = Some(cx.options.trace(SecretKind::Community, b"", community));
                self.pdu(rest)
            }
            [3] => {
                self.act.version = 3;
                self.version3(rest)
            }
            _ => None,
        }
    }

    /// RFC 3412, 6 and RFC 3414, 2.4.
    fn version3(&mut self, mut rest: &[u8]) -> Option<()> {
        let mut header = ber::expect(&mut rest, tag::SEQUENCE)?;
        ber::expect(&mut header, tag::INTEGER)?;
        ber::expect(&mut header, tag::INTEGER)?;
        self.act.security = *ber::expect(&mut header, tag::OCTETS)?.first()? & 3;
        let user_based = ber::expect(&mut header, tag::INTEGER)? == [3];
        let mut parameters = ber::expect(&mut rest, tag::OCTETS)?;
        if user_based && let Some(mut p) = ber::expect(&mut parameters, tag::SEQUENCE) {
            let engine = ber::expect(&mut p, tag::OCTETS)?;
            hexadecimal(&mut self.act.engine, engine.get(..MAX_USER / 2).unwrap_or(engine));
            ber::expect(&mut p, tag::INTEGER)?;
            ber::expect(&mut p, tag::INTEGER)?;
            text::push(&mut self.act.user, ber::expect(&mut p, tag::OCTETS)?, MAX_USER);
        }
        if self.act.security & 2 != 0 {
            self.act.pdu = SnmpPdu::Encrypted;
            return Some(());
        }
        let mut scoped = ber::expect(&mut rest, tag::SEQUENCE)?;
        ber::expect(&mut scoped, tag::OCTETS)?;
        ber::expect(&mut scoped, tag::OCTETS)?;
        self.pdu(scoped)
    }

    fn pdu(&mut self, bytes: &[u8]) -> Option<()> {
        let (kind, length, start) = ber::head(bytes)?;
        // A message that the capture cut is read as far as it goes.
        let body = bytes.get(start..).unwrap_or_default();
        let mut rest = body.get(..length).unwrap_or(body);
        self.act.pdu = match kind {
            0xa0 => SnmpPdu::Get,
            0xa1 => SnmpPdu::GetNext,
            0xa2 => SnmpPdu::Response,
            0xa3 => SnmpPdu::Set,
            0xa4 | 0xa6 | 0xa7 => SnmpPdu::Trap,
            0xa5 => SnmpPdu::GetBulk,
            0xa8 => SnmpPdu::Report,
            _ => return None,
        };
        if kind == 0xa4 {
            self.old_trap(&mut rest)?;
        } else {
            ber::expect(&mut rest, tag::INTEGER)?;
            // Of GetBulk these two are counts, not an error.
            let status = ber::expect(&mut rest, tag::INTEGER).and_then(ber::integer)?;
            if kind != 0xa5 {
                self.act.error = u16::try_from(status).unwrap_or(u16::MAX);
            }
            ber::expect(&mut rest, tag::INTEGER)?;
        }
        let Some((tag::SEQUENCE, _, start)) = ber::head(rest) else { return Some(()) };
        let mut list = rest.get(start..).unwrap_or_default();
        while let Some(binding) = ber::expect(&mut list, tag::SEQUENCE) {
            self.binding(binding);
        }
        Some(())
    }

    /// Version 1 tells in fields of its own what later versions tell in two bindings; told here as those (RFC 3584, 3.1).
    fn old_trap(&mut self, rest: &mut &[u8]) -> Option<()> {
        const TRAP: &str = "1.3.6.1.6.3.1.1.4.1.0";
        let enterprise = ber::expect(rest, tag::OID)?;
        let (_, _agent) = ber::next(rest)?;
        let generic = ber::expect(rest, tag::INTEGER).and_then(ber::integer)?;
        let specific = ber::expect(rest, tag::INTEGER).and_then(ber::integer)?;
        let (_, _time) = ber::next(rest)?;
        let (mut name, mut value) = (self.pool.take(), self.pool.take());
        name.push_str(TRAP);
        if (0..6).contains(&generic) {
            let _ = write!(value, "1.3.6.1.6.3.1.1.5.{}", generic + 1);
        } else {
            ber::push_oid(&mut value, enterprise, MAX_OID);
            let _ = write!(value, ".0.{specific}");
        }
        self.act.bindings.push((name, value));
        Some(())
    }

    fn binding(&mut self, mut binding: &[u8]) {
        let (Some(oid), Some((kind, value))) = (ber::expect(&mut binding, tag::OID), ber::next(&mut binding)) else { return };
        if self.act.bindings.len() >= MAX_BINDINGS {
            self.act.omitted = self.act.omitted.saturating_add(1);
            return;
        }
        let (mut name, mut told) = (self.pool.take(), self.pool.take());
        ber::push_oid(&mut name, oid, MAX_OID);
        // Writing to a String does not fail.
        let _ = match kind {
            tag::INTEGER => ber::integer(value).map_or(Ok(()), |n| write!(told, "{n}")),
            // Counter32, Gauge32, TimeTicks, Counter64, Uinteger32
            0x41 | 0x42 | 0x43 | 0x46 | 0x47 => ber::unsigned(value).map_or(Ok(()), |n| write!(told, "{n}")),
            // IpAddress
            0x40 => super::ip4(value, 0).filter(|_| value.len() == 4).map_or(Ok(()), |ip| write!(told, "{ip}")),
            tag::OID => {
                ber::push_oid(&mut told, value, MAX_OID);
                Ok(())
            }
            tag::OCTETS if describes(oid) => {
                octets(&mut told, value);
                Ok(())
            }
            _ => Ok(()),
        };
        self.act.bindings.push((name, told));
    }
}

/// Whether the object stands in a group that names and describes.
fn describes(oid: &[u8]) -> bool {
    DESCRIBING.iter().any(|group| {
        let mut arcs = ber::arcs(oid);
        group.iter().all(|arc| arcs.next() == Some(*arc))
    })
}

/// Text as text; hardware addresses and the like, which are no text, as hexadecimal.
fn octets(out: &mut String, value: &[u8]) {
    let end = value.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    let ended = value.get(..end).unwrap_or_default();
    if std::str::from_utf8(ended).is_ok_and(|t| t.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t'))) {
        // Some describe themselves in several lines.
        for (i, line) in ended.split(|b| matches!(b, b'\r' | b'\n' | b'\t')).filter(|line| !line.is_empty()).enumerate() {
            if i > 0 {
                text::push(out, b" ", MAX_VALUE);
            }
            text::push(out, line, MAX_VALUE);
        }
    } else {
        hexadecimal(out, value.get(..MAX_VALUE / 2).unwrap_or(value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn el(tag: u8, value: &[u8]) -> Vec<u8> {
        let length = if value.len() < 128 { vec![value.len() as u8] } else { vec![0x82, (value.len() >> 8) as u8, value.len() as u8] };
        [&[tag][..], &length, value].concat()
    }
    const SYS_DESCR: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 1, 0];
    const SYS_OBJECT: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 2, 0];
    /// snmpCommunityName, and something of a maker's own.
    const COMMUNITY_NAME: &[u8] = &[0x2b, 6, 1, 6, 3, 18, 1, 1, 1, 2, 1];
    const PRIVATE: &[u8] = &[0x2b, 6, 1, 4, 1, 9, 2, 1, 55];

    fn bind(oid: &[u8], value: &[u8]) -> Vec<u8> {
        el(0x30, &[el(6, oid), value.to_vec()].concat())
    }
    fn pdu(kind: u8, error: u8, bindings: &[Vec<u8>]) -> Vec<u8> {
        el(kind, &[el(2, &[0x12, 0x34]), el(2, &[error]), el(2, &[0]), el(0x30, &bindings.concat())].concat())
    }
    fn message(version: u8, community: &[u8], pdu: &[u8]) -> Vec<u8> {
        el(0x30, &[el(2, &[version]), el(4, community), pdu.to_vec()].concat())
    }
    fn answer() -> Vec<u8> {
        let bindings = [
            bind(SYS_DESCR, &el(4, b"Cisco IOS\r\nC2960 12.2")),
            bind(SYS_OBJECT, &el(6, &[0x2b, 6, 1, 4, 1, 9, 1, 1])),
            bind(&[0x2b, 6, 1, 2, 1, 1, 3, 0], &el(0x43, &[0, 0xff, 0xff, 0xff, 0xff])),
            bind(&[0x2b, 6, 1, 2, 1, 2, 2, 1, 6, 1], &el(4, &[0, 0x1b, 0x1b, 1, 2, 3])),
            bind(COMMUNITY_NAME, &el(4, b"sesame")),
            bind(PRIVATE, &el(4, b"sesame")),
            bind(&[0x2b, 6, 1, 2, 1, 4, 20, 1, 1], &el(0x40, &[192, 0, 2, 1])),
        ];
        message(1, b"sesame", &pdu(0xa2, 2, &bindings))
    }
    fn one(bytes: &[u8]) -> Snmp {
        match testing::udp(&SPEC, Dir::Down, bytes).as_slice() {
            [Act::Snmp(s)] => s.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn describes_the_device_and_keeps_every_secret_back() {
        let s = one(&answer());
        assert_eq!((s.version, s.pdu, s.error), (2, SnmpPdu::Response, 2));
        let told: Vec<_> = s.bindings.iter().map(|(o, v)| (o.as_str(), v.as_str())).collect();
        assert_eq!(
            told,
            [
                ("1.3.6.1.2.1.1.1.0", "Cisco IOS C2960 12.2"),
                ("1.3.6.1.2.1.1.2.0", "1.3.6.1.4.1.9.1.1"),
                ("1.3.6.1.2.1.1.3.0", "4294967295"),
                ("1.3.6.1.2.1.2.2.1.6.1", "001b1b010203"),
                ("1.3.6.1.6.3.18.1.1.1.2.1", ""),
                ("1.3.6.1.4.1.9.2.1.55", ""),
                ("1.3.6.1.2.1.4.20.1.1", "192.0.2.1"),
            ]
        );
        let trace = s.community.unwrap();
        assert_eq!((trace.kind, trace.length, trace.default), (SecretKind::Community, 6, false));
        assert!(!format!("{s:?}").contains("sesame"));
    }

    #[test]
    fn a_community_that_is_a_maker_default_is_told_as_such() {
        let mut options = testing::options();
        options.is_default = |user, secret| user.is_empty() && secret == b"public";
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Snmp, Transport::Udp, options);
        drive.feed(Dir::Up, &message(0, b"public", &pdu(0xa0, 0, &[bind(SYS_DESCR, &el(5, &[]))])));
        drive.feed(Dir::Up, &message(0, b"", &pdu(0xa1, 0, &[])));
        let traces: Vec<_> = drive.acts().iter().map(|a| if let Act::Snmp(s) = a { s.community.unwrap() } else { panic!() }).collect();
        assert!(traces[0].default && traces[0].kind == SecretKind::Community);
        assert_eq!(traces[1].kind, SecretKind::Empty);
    }

    #[test]
    fn every_sort_of_message() {
        for (kind, sort) in [
            (0xa0, SnmpPdu::Get),
            (0xa1, SnmpPdu::GetNext),
            (0xa2, SnmpPdu::Response),
            (0xa3, SnmpPdu::Set),
            (0xa5, SnmpPdu::GetBulk),
            (0xa6, SnmpPdu::Trap),
            (0xa7, SnmpPdu::Trap),
            (0xa8, SnmpPdu::Report),
        ] {
            let s = one(&message(1, b"x", &pdu(kind, 5, &[])));
            assert_eq!((s.pdu, s.error), (sort, if kind == 0xa5 { 0 } else { 5 }));
        }
        let old = el(
            0xa4,
            &[
                el(6, PRIVATE),
                el(0x40, &[192, 0, 2, 1]),
                el(2, &[6]),
                el(2, &[17]),
                el(0x43, &[1]),
                el(0x30, &bind(SYS_DESCR, &el(4, b"x"))),
            ]
            .concat(),
        );
        let s = one(&message(0, b"x", &old));
        assert_eq!((s.version, s.pdu), (1, SnmpPdu::Trap));
        assert_eq!(s.bindings[0], ("1.3.6.1.6.3.1.1.4.1.0".into(), "1.3.6.1.4.1.9.2.1.55.0.17".into()));
        assert_eq!(s.bindings[1], ("1.3.6.1.2.1.1.1.0".into(), "x".into()));
        // An unknown sort is no message.
        assert!(testing::udp(&SPEC, Dir::Up, &message(1, b"x", &pdu(0xa9, 0, &[]))).is_empty());
    }

    fn v3(flags: u8, data: &[u8]) -> Vec<u8> {
        let header = el(0x30, &[el(2, &[1]), el(2, &[5, 0xdc]), el(4, &[flags]), el(2, &[3])].concat());
        let parameters = el(
            0x30,
            &[el(4, &[0x80, 0, 0x1f, 0x88, 4]), el(2, &[1]), el(2, &[9]), el(4, b"operator"), el(4, &[1; 12]), el(4, &[2; 8])].concat(),
        );
        el(0x30, &[el(2, &[3]), header, el(4, &parameters), data.to_vec()].concat())
    }

    #[test]
    fn version_3_tells_who_and_how_protected() {
        let scoped = el(0x30, &[el(4, &[]), el(4, &[]), pdu(0xa2, 0, &[bind(SYS_DESCR, &el(4, "スイッチ".as_bytes()))])].concat());
        let s = one(&v3(5, &scoped));
        assert_eq!((s.version, s.user.as_str(), s.engine.as_str(), s.security), (3, "operator", "80001f8804", 1));
        assert_eq!(s.bindings[0].1, "スイッチ");
        let s = one(&v3(7, &el(4, &[9; 40])));
        assert_eq!((s.pdu, s.security, s.community), (SnmpPdu::Encrypted, 3, None));
    }

    #[test]
    fn more_bindings_than_are_kept_are_counted() {
        let many: Vec<_> = (0..40u8).map(|i| bind(&[0x2b, 6, 1, 2, 1, 1, i], &el(2, &[i]))).collect();
        let s = one(&message(1, b"x", &pdu(0xa2, 0, &many)));
        assert_eq!((s.bindings.len(), s.omitted), (MAX_BINDINGS, 24));
    }

    #[test]
    fn over_tcp_messages_follow_each_other() {
        let up = [message(1, b"x", &pdu(0xa0, 0, &[])), message(1, b"x", &pdu(0xa1, 0, &[]))].concat();
        assert_eq!(testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &answer())]).len(), 3);
    }

    #[test]
    fn is_recognised_on_any_port_and_other_things_are_refused() {
        let ask = |up: &[u8]| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: 9, datagram: true });
        assert_eq!(ask(&answer()), Verdict::Sure(90));
        assert_eq!(ask(&v3(7, &el(4, &[9; 40]))), Verdict::Sure(90));
        // An LDAP bind, a certificate's beginning, a cut message.
        for other in
            [&el(0x30, &[el(2, &[1]), el(0x60, &[2, 1, 3])].concat())[..], &el(0x30, &el(0x30, &[1])), &answer()[..20], b"0", &[0x30; 40]]
        {
            assert_eq!(ask(other), Verdict::No, "{other:?}");
        }
        for cut in 0..answer().len() {
            let whole = answer();
            testing::udp(&SPEC, Dir::Up, &whole[..cut]);
            let up = &whole[..cut];
            assert_ne!(
                (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 1, server_port: 161, datagram: false }),
                Verdict::No,
                "{cut}"
            );
        }
    }

    hostile!(
        SPEC,
        script(&[(Dir::Up, &message(0, b"public", &pdu(0xa0, 0, &[]))), (Dir::Down, &answer())]),
        script(&[(Dir::Up, &v3(0, &[]))])
    );
}
