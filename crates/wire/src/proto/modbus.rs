//! Modbus/TCP (Modbus Messaging on TCP/IP Implementation Guide V1.0b; Modbus Application Protocol V1.1b3).
//!
//! A message is seven bytes of header and a PDU; a segment may hold several. The protocol identifier has to be 0 and the length has to
//! fit, so that other things on port 502 are refused. After a hole, or after something that is no header, the direction is looked at
//! again where the next piece begins, since masters and devices send whole messages.
//!
//! Function 23 reads and writes at once: what is told is the range that it writes. Functions 20 and 21 name records in files: what is
//! told is the first record and its length.
//!
//! Function 90 carries UMAS, by which Schneider's controllers are programmed, started and stopped. It is not published; what its functions
//! do is known from those who watched it (Kaspersky ICS CERT, 'The secrets of Schneider Electric's UMAS protocol', 2022; L. Rist's and
//! the Nozomi dissectors). A request is a pairing key, a function and its data; an answer the key, 0xfe (done) or 0xfd (refused), and data.
//!
//! What a device says of itself in answer to 43/14, 17 or UMAS 2 and 3 is told as [`ModbusIdentity`]. Answers to 17 and UMAS are told
//! only where the request was seen, since they do not say what they are.

use super::{be16, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Modbus, ModbusIdentity, Protocol};

/// Modbus/TCP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Modbus, tcp: true, udp: false, ports: &[502], probe, start: || Box::<ModbusParser>::default() };

/// Greatest value of the length field. The standard says 254; the programming protocols of some makers, which ride on functions of
/// their own, send up to 1 KiB more.
pub const MAX_LENGTH: usize = 254 + 1024;
/// Bytes kept of each string of an identity.
pub const MAX_IDENTITY: usize = 128;
/// Requests whose answers are waited for, to know their sub-function.
const MAX_ASKED: usize = 16;
const DIAGNOSTICS: u8 = 8;
const REPORT_ID: u8 = 17;
const ENCAPSULATED: u8 = 43;
const UMAS: u8 = 90;
/// Pieces that may begin with something else in a row before the conversation is given up.
const MAX_LOST: u32 = 16;

/// Length field, where a header of the right form stands at the beginning.
fn header(bytes: &[u8]) -> Option<usize> {
    let (protocol, length) = (be16(bytes, 2)?, usize::from(be16(bytes, 4)?));
    (protocol == 0 && (2..=MAX_LENGTH).contains(&length)).then_some(length)
}

/// Whether the PDU can be a request or an answer (either, if `None`) of a public function; `Unsure` for the makers' own.
fn plausible(pdu: &[u8], answer: Option<bool>) -> Verdict {
    let Some((&function, body)) = pdu.split_first() else { return Verdict::No };
    let n = body.len();
    let counted = |at: usize| body.get(at).is_some_and(|c| n == at + 1 + usize::from(*c));
    let request = match function {
        1..=6 | 8 => n >= 4 && (n == 4 || function == 8),
        7 | 11 | 12 | 17 => n == 0,
        15 | 16 => counted(4),
        20 | 21 => counted(0),
        22 => n == 6,
        23 => counted(8),
        24 => n == 2,
        43 => n >= 1,
        _ => false,
    };
    let response = match function {
        1..=4 | 12 | 17 | 20 | 21 | 23 => counted(0),
        5 | 6 | 11 | 15 | 16 => n == 4,
        7 => n == 1,
        8 => n >= 4,
        22 => n == 6,
        24 => n >= 4 && be16(body, 0).is_some_and(|c| n == 2 + usize::from(c)),
        43 => n >= 2,
        0x81..=0xff => n == 1 && body.first().is_some_and(|c| (1..=0x0b).contains(c)),
        _ => false,
    };
    let fits = match answer {
        Some(true) => response,
        Some(false) => request,
        None => request || response,
    };
    if fits {
        Verdict::Sure(85)
    } else if matches!(function, 9 | 10 | 13 | 14 | 18 | 19 | 25..=42 | 44..=127) {
        Verdict::Unsure
    } else {
        Verdict::No
    }
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let usual = i.server_port == 502 || i.client_port == 502;
    let mut best = Verdict::Unsure;
    for bytes in [i.up, i.down] {
        if bytes.is_empty() {
            continue;
        }
        if bytes.len() < 8 {
            if be16(bytes, 2).is_some_and(|p| p != 0) {
                return Verdict::No;
            }
            continue;
        }
        let Some(length) = header(bytes) else { return Verdict::No };
        let verdict = match bytes.get(7..6 + length) {
            Some(pdu) => match plausible(pdu, None) {
                // A maker's own function: the length has to end where the bytes end, or another header follows.
                Verdict::Unsure => {
                    let rest = bytes.get(6 + length..).unwrap_or_default();
                    if usual && (rest.is_empty() || header(rest).is_some()) { Verdict::Sure(50) } else { Verdict::No }
                }
                // Damaged or made wrong on purpose: on the usual port still Modbus by its header.
                Verdict::No if usual => Verdict::Sure(30),
                v => v,
            },
            None => Verdict::Unsure,
        };
        if verdict == Verdict::No {
            return Verdict::No;
        }
        best = best.max(verdict);
    }
    best
}

#[derive(Default)]
struct ModbusParser {
    act: Modbus,
    /// The direction from the device, once known.
    server: Option<Dir>,
    lost: [bool; 2],
    losses: u32,
    identity: ModbusIdentity,
    /// Transaction, unit, function and sub-function of the last requests; the oldest is overwritten.
    asked: [Option<(u16, u8, u8, u16)>; MAX_ASKED],
    next: usize,
}

impl Parser for ModbusParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            if rest.len() < 8 && !*self.lost(dir) {
                return if at > 0 { Step::Used(at) } else { Step::More };
            }
            let Some(length) = header(rest) else {
                *self.lost(dir) = true;
                self.losses += 1;
                return if self.losses > MAX_LOST { Step::Done } else { Step::Used(bytes.len()) };
            };
            let Some(pdu) = rest.get(7..6 + length) else {
                return if at > 0 { Step::Used(at) } else { Step::More };
            };
            *self.lost(dir) = false;
            self.losses = 0;
            self.tell(dir, rest, pdu, cx);
            at += 6 + length;
        }
    }

    fn gap(&mut self, dir: Dir, _missing: u64, _cx: &mut Cx<'_>) -> Step {
        *self.lost(dir) = true;
        Step::More
    }

    fn reset(&mut self) {
        let identity = std::mem::take(&mut self.identity);
        *self = Self { identity, ..Self::default() };
    }
}

impl ModbusParser {
    fn lost(&mut self, dir: Dir) -> &mut bool {
        let [up, down] = &mut self.lost;
        if dir == Dir::Up { up } else { down }
    }

    fn tell(&mut self, dir: Dir, header: &[u8], pdu: &[u8], cx: &mut Cx<'_>) {
        let Some((&code, body)) = pdu.split_first() else { return };
        let other = if dir == Dir::Up { Dir::Down } else { Dir::Up };
        let server = *self.server.get_or_insert_with(|| {
            // Only the device refuses, and only the device listens on 502; else the one who did not speak first.
            let ports = (cx.head.client.port, cx.head.server.port);
            match ports {
                _ if code >= 0x80 => dir,
                (Some(502), s) if s != Some(502) => Dir::Up,
                (c, Some(502)) if c != Some(502) => Dir::Down,
                _ if plausible(pdu, Some(false)) == Verdict::No && plausible(pdu, Some(true)) != Verdict::No => dir,
                _ => other,
            }
        });
        let response = dir == server;
        let function = code & 0x7f;
        let exception = if code >= 0x80 { body.first().copied().or(Some(0)) } else { None };
        let pair = |at: usize| (be16(body, at), be16(body, at + 2));
        let first = |at: usize| (be16(body, at), be16(body, at).map(|_| 1));
        let (address, count) = match (function, response) {
            _ if exception.is_some() => (None, None),
            (1..=4, false) | (15 | 16, _) => pair(0),
            (3 | 4 | 23, true) => (None, body.first().map(|n| u16::from(*n) / 2)),
            (5 | 6 | 22, _) => first(0),
            (20 | 21, false) => (be16(body, 4), be16(body, 6)),
            (23, false) => pair(4),
            (24, false) => (be16(body, 0), None),
            _ => (None, None),
        };
        self.act = Modbus {
            transaction: be16(header, 0).unwrap_or(0),
            unit: header.get(6).copied().unwrap_or(0),
            function,
            response,
            exception,
            address,
            count,
            write: matches!(function, 5 | 6 | 15 | 16 | 21 | 22 | 23),
            sub: None,
        };
        self.sub_function(body);
        let turn = server == Dir::Up;
        cx.emit_turned(turn, ActRef::Modbus(&self.act));
        if response && exception.is_none() && self.identify(body) {
            cx.emit_turned(turn, ActRef::ModbusIdentity(&self.identity));
        }
    }

    /// Sub-function, and whether it writes; remembered from the request, since most answers do not repeat it.
    fn sub_function(&mut self, body: &[u8]) {
        let act = &mut self.act;
        let key = (act.transaction, act.unit, act.function);
        let asked = self.asked.iter_mut().find(|a| a.is_some_and(|(t, u, f, _)| (t, u, f) == key));
        act.sub = match (act.function, act.response) {
            (DIAGNOSTICS, _) if act.exception.is_none() => be16(body, 0),
            (ENCAPSULATED, _) if act.exception.is_none() => body.first().map(|m| u16::from(*m)),
            (UMAS, false) => body.get(1).map(|f| u16::from(*f)),
            (REPORT_ID, false) => Some(0),
            (DIAGNOSTICS | ENCAPSULATED | UMAS | REPORT_ID, true) => asked.as_ref().and_then(|a| a.map(|(_, _, _, sub)| sub)),
            _ => None,
        };
        if act.function == UMAS {
            // Write variables, write coils and registers, the three steps of loading a program, start, stop, write to a module.
            act.write = matches!(act.sub, Some(0x23 | 0x25 | 0x33..=0x35 | 0x40 | 0x41 | 0x71));
            if act.response && body.get(1) == Some(&0xfd) {
                // Refused, in its own way; 4 is the exception for a device that could not do it (V1.1b3, 7).
                act.exception = Some(4);
            }
        }
        if act.response {
            if let Some(asked) = asked {
                *asked = None;
            }
        } else if let Some(sub) = act.sub {
            if let Some(place) = self.asked.get_mut(self.next % MAX_ASKED) {
                *place = Some((key.0, key.1, key.2, sub));
            }
            self.next = self.next.wrapping_add(1);
        }
        if act.function == REPORT_ID && !act.response {
            act.sub = None;
        }
    }

    /// What the device says of itself in this answer, if it does.
    fn identify(&mut self, body: &[u8]) -> bool {
        let id = &mut self.identity;
        let ModbusIdentity { unit, vendor, product, revision, url, name, model, application } = id;
        for s in [&mut *vendor, product, revision, url, name, model, application] {
            s.clear();
        }
        *unit = self.act.unit;
        let set = |out: &mut String, bytes: &[u8]| text::set(out, bytes.trim_ascii_end(), MAX_IDENTITY);
        match (self.act.function, self.act.sub) {
            (ENCAPSULATED, Some(14)) => {
                // MEI type, code, conformity, more follows, next object, number of objects, then id, length and value of each.
                let count = body.get(5).copied().unwrap_or(0);
                let mut rest = body.get(6..).unwrap_or_default();
                for _ in 0..count {
                    let Some((&[object, length], after)) = rest.split_first_chunk() else { break };
                    let Some((value, after)) = after.split_at_checked(usize::from(length)) else { break };
                    rest = after;
                    match object {
                        0 => set(vendor, value),
                        1 => set(product, value),
                        2 => set(revision, value),
                        3 => set(url, value),
                        4 => set(name, value),
                        5 => set(model, value),
                        6 => set(application, value),
                        _ => {}
                    }
                }
            }
            (REPORT_ID, Some(_)) => {
                // Length, then an id of the maker's own form, mostly a few bytes and then text.
                set(product, readable(body.get(1..).unwrap_or_default()));
            }
            (UMAS, Some(2)) if body.get(1) == Some(&0xfe) => {
                // READ_ID: range, hardware id and so on; the name with its length comes last.
                let length = body.get(UMAS_NAME).map_or(0, |n| usize::from(*n));
                if let Some(value) = body.get(UMAS_NAME + 1..UMAS_NAME + 1 + length) {
                    set(product, readable(value));
                }
                if !product.is_empty() {
                    text::set(vendor, b"Schneider Electric", MAX_IDENTITY);
                }
            }
            (UMAS, Some(3)) if body.get(1) == Some(&0xfe) => {
                // READ_PROJECT_INFO: the name of the project stands at the end.
                let tail = body.iter().rposition(|b| *b != 0).and_then(|end| body.get(2..=end)).unwrap_or_default();
                set(application, readable(tail));
            }
            _ => {}
        }
        ![vendor, product, revision, url, name, model, application].iter().all(|s| s.is_empty())
    }
}

/// Where the length of the name stands in the answer to UMAS 2, counted from the pairing key.
const UMAS_NAME: usize = 24;

/// The longest run of printable ASCII, if it has at least three letters.
fn readable(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| !(0x20..0x7f).contains(b)).max_by_key(|run| run.len()).filter(|run| run.len() >= 3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn adu(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
        [&transaction.to_be_bytes()[..], &[0, 0], &(pdu.len() as u16 + 1).to_be_bytes(), &[unit], pdu].concat()
    }
    type Row = (u8, bool, Option<u8>, Option<u16>, Option<u16>, bool);
    fn rows(acts: &[Act]) -> Vec<Row> {
        acts.iter()
            .map(|a| match a {
                Act::Modbus(m) => (m.function, m.response, m.exception, m.address, m.count, m.write),
                Act::ModbusIdentity(_) => (0, true, None, None, None, false),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn every_public_function() {
        let pdus: [(&[u8], Row); 17] = [
            (&[1, 0, 19, 0, 37], (1, false, None, Some(19), Some(37), false)),
            (&[2, 0, 196, 0, 22], (2, false, None, Some(196), Some(22), false)),
            (&[3, 0, 107, 0, 3], (3, false, None, Some(107), Some(3), false)),
            (&[4, 0, 8, 0, 1], (4, false, None, Some(8), Some(1), false)),
            (&[5, 0, 172, 0xff, 0], (5, false, None, Some(172), Some(1), true)),
            (&[6, 0, 1, 0, 3], (6, false, None, Some(1), Some(1), true)),
            (&[7], (7, false, None, None, None, false)),
            (&[8, 0, 0, 0xa5, 0x37], (8, false, None, None, None, false)),
            (&[15, 0, 19, 0, 10, 2, 0xcd, 1], (15, false, None, Some(19), Some(10), true)),
            (&[16, 0, 1, 0, 2, 4, 0, 10, 1, 2], (16, false, None, Some(1), Some(2), true)),
            (&[17], (17, false, None, None, None, false)),
            (&[20, 7, 6, 0, 4, 0, 1, 0, 2], (20, false, None, Some(1), Some(2), false)),
            (&[21, 9, 6, 0, 4, 0, 7, 0, 1, 6, 0xaf], (21, false, None, Some(7), Some(1), true)),
            (&[22, 0, 4, 0, 0xf2, 0, 0x25], (22, false, None, Some(4), Some(1), true)),
            (&[23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 1, 0, 2, 0, 3], (23, false, None, Some(14), Some(3), true)),
            (&[24, 4, 0xde], (24, false, None, Some(1246), None, false)),
            (&[43, 14, 1, 0], (43, false, None, None, None, false)),
        ];
        for (pdu, _) in &pdus {
            assert_eq!(plausible(pdu, Some(false)), Verdict::Sure(85), "{pdu:?}");
        }
        // All of them in one segment.
        let up: Vec<u8> = pdus.iter().enumerate().flat_map(|(i, (pdu, _))| adu(i as u16, 1, pdu)).collect();
        assert_eq!(rows(&testing::tcp(&SPEC, &[(Dir::Up, &up)])), pdus.iter().map(|(_, r)| *r).collect::<Vec<_>>());
    }

    #[test]
    fn answers_and_exceptions() {
        let down =
            [adu(1, 2, &[3, 4, 0, 1, 0, 2]), adu(2, 2, &[0x90, 2]), adu(3, 2, &[16, 0, 1, 0, 2]), adu(4, 2, &[90, 0, 1, 2])].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &adu(1, 2, &[3, 0, 0, 0, 2])), (Dir::Down, &down)]);
        assert_eq!(
            rows(&acts)[1..],
            [
                (3, true, None, None, Some(2), false),
                (16, true, Some(2), None, None, true),
                (16, true, None, Some(1), Some(2), true),
                (90, true, None, None, None, false)
            ]
        );
    }

    fn identities(acts: &[Act]) -> Vec<ModbusIdentity> {
        acts.iter().filter_map(|a| if let Act::ModbusIdentity(i) = a { Some(i.clone()) } else { None }).collect()
    }

    #[test]
    fn a_device_that_names_itself_is_heard() {
        let objects = [&[0u8, 4][..], b"Acme", &[1, 3], b"X-1", &[2, 4], b"V1.2", &[6, 5], "ﾗ線".as_bytes().get(..5).unwrap()].concat();
        let up = [adu(7, 3, &[43, 14, 1, 0]), adu(8, 3, &[17]), adu(9, 0, &[90, 0, 2]), adu(10, 0, &[90, 0, 3])].concat();
        let down = [
            adu(7, 3, &[&[43, 14, 1, 0x81, 0, 0, 4][..], &objects].concat()),
            adu(8, 3, &[&[17, 10, 1, 0xff][..], b"FX3U-ENE"].concat()),
            adu(9, 0, b"\x5a\x00\xfe\x10\xff\x5a\x01\x01\0\0\0\x70\x02\0\0\x27\0\x09\0\x08\0\0\0\0\0\x0eM-340 CPU 2020\x01"),
            adu(10, 0, b"\x5a\x00\xfe\x05\x02\0\0\x98\x08\0\0\0\x08Project\0"),
        ]
        .concat();
        let told = identities(&testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &down)]));
        assert_eq!((told[0].unit, told[0].vendor.as_str(), told[0].product.as_str()), (3, "Acme", "X-1"));
        assert_eq!((told[0].revision.as_str(), told[0].application.as_str()), ("V1.2", "ﾗ\\xe7\\xb7"));
        assert_eq!(told[1].product, "FX3U-ENE");
        assert_eq!((told[2].vendor.as_str(), told[2].product.as_str()), ("Schneider Electric", "M-340 CPU 2020"));
        assert_eq!(told[3].application, "Project");
    }

    #[test]
    fn identities_that_lie_about_their_lengths_are_read_as_far_as_they_go() {
        let ask = adu(7, 3, &[43, 14, 1, 0]);
        for down in
            [adu(7, 3, &[43, 14, 1, 0x81, 0, 0, 255, 0, 200, b'a']), adu(7, 3, &[43, 14]), adu(7, 3, &[43, 14, 1, 0x81, 0, 0, 2, 0, 0, 1])]
        {
            assert_eq!(identities(&testing::tcp(&SPEC, &[(Dir::Up, &ask), (Dir::Down, &down)])), []);
        }
        // An answer that nobody asked for is not taken for an identity.
        let down = adu(8, 3, &[&[17, 10, 1, 0xff][..], b"FX3U-ENE"].concat());
        assert_eq!(identities(&testing::tcp(&SPEC, &[(Dir::Up, &ask), (Dir::Down, &down)])), []);
    }

    #[test]
    fn sub_functions_of_diagnostics_and_umas_are_told_with_what_they_write() {
        let up = [adu(1, 1, &[8, 0, 4, 0, 0]), adu(2, 0, &[90, 1, 0x41, 0xff]), adu(3, 0, &[90, 1, 0x22, 1])].concat();
        let down = [adu(2, 0, &[90, 1, 0xfe]), adu(3, 0, &[90, 1, 0xfd, 0x80])].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &down)]);
        let told: Vec<_> =
            acts.iter().filter_map(|a| if let Act::Modbus(m) = a { Some((m.sub, m.write, m.exception)) } else { None }).collect();
        assert_eq!(
            told,
            [
                (Some(4), false, None),
                (Some(0x41), true, None),
                (Some(0x22), false, None),
                (Some(0x41), true, None),
                (Some(0x22), false, Some(4))
            ]
        );
    }

    #[test]
    fn other_things_on_its_port_are_refused() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: false });
        let read = adu(1, 1, &[3, 0, 0, 0, 1]);
        assert_eq!((ask(&read, 502), ask(&read, 1502)), (Verdict::Sure(85), Verdict::Sure(85)));
        assert_eq!(ask(&adu(1, 1, &[90, 0, 2]), 502), Verdict::Sure(50));
        assert_eq!(ask(&adu(1, 1, &[90, 0, 2]), 1502), Verdict::No);
        assert_eq!(ask(&read[..5], 502), Verdict::Unsure);
        for other in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"SSH-2.0-OpenSSH\r\n",
            &[0, 1, 0, 1, 0, 6, 1, 3, 0, 0, 0, 1],
            &[0, 1, 0, 0, 0, 1, 1, 3],
            &[0; 12],
            &[0xff; 12],
        ] {
            assert_eq!(ask(other, 502), Verdict::No, "{other:?}");
        }
    }

    #[test]
    fn finds_its_way_after_a_hole() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Modbus, model::Transport::Tcp, testing::options());
        let read = adu(1, 1, &[3, 0, 0, 0, 1]);
        drive.feed(Dir::Up, &read);
        drive.gap(Dir::Up, 0);
        drive.feed(Dir::Up, &read[3..]);
        drive.feed(Dir::Up, &read);
        assert_eq!(drive.heard.0.len(), 2);
        for _ in 0..=MAX_LOST {
            drive.feed(Dir::Up, &[0xff; 20]);
        }
        assert!(drive.done);
    }

    #[test]
    fn a_device_that_is_heard_first_is_the_server() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Modbus, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, &adu(1, 1, &[3, 4, 0, 1, 0, 2]));
        assert!(matches!(&drive.heard.0[0], (h, Act::Modbus(m)) if h.server.port == Some(40000) && m.response));
    }

    hostile!(
        SPEC,
        script(&[(Dir::Up, &adu(1, 1, &[3, 0, 0, 0, 1])), (Dir::Down, &[adu(1, 1, &[3, 2, 0, 1]), adu(1, 1, &[0x83, 2])].concat())])
    );
}
