//! Modbus/TCP (Modbus Messaging on TCP/IP Implementation Guide V1.0b; Modbus Application Protocol V1.1b3).
//!
//! A message is seven bytes of header and a PDU; a segment may hold several. The protocol identifier has to be 0 and the length has to
//! fit, so that other things on port 502 are refused. After a hole, or after something that is no header, the direction is looked at
//! again where the next piece begins, since masters and devices send whole messages.
//!
//! Function 23 reads and writes at once: what is told is the range that it writes. Functions 20 and 21 name records in files: what is
//! told is the first record and its length.

use super::{be16, turned};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Modbus, Protocol};

/// Modbus/TCP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Modbus, tcp: true, udp: false, ports: &[502], probe, start: || Box::<ModbusParser>::default() };

/// Greatest value of the length field. The standard says 254; the programming protocols of some makers, which ride on functions of
/// their own, send up to 1 KiB more.
pub const MAX_LENGTH: usize = 254 + 1024;
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

    fn end(&mut self, _cx: &mut Cx<'_>) {}

    fn reset(&mut self) {
        *self = Self::default();
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
        };
        let head = cx.head;
        if server == Dir::Up {
            cx.head = turned(head);
        }
        cx.emit(ActRef::Modbus(&self.act));
        cx.head = head;
    }
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
