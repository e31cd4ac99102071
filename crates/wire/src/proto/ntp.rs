//! NTP (RFC 5905) and SNTP, with control messages (mode 6, RFC 9327) and the private mode 7 of ntpd, whose list of recent clients
//! (`monlist`) turns a server into an amplifier (CVE-2013-5211).
//!
//! A message is little more than numbers, so content alone proves less than elsewhere: on port 123 its form decides, on other ports only
//! packets of exactly 48 bytes with a sensible poll interval, precision and time are believed.

use super::{be32, ip4};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Ntp, Protocol};
use std::fmt::Write;

/// NTP.
pub const SPEC: Spec = Spec { protocol: Protocol::Ntp, tcp: false, udp: true, ports: &[123], probe, start: || Box::<NtpParser>::default() };

/// Bytes of the fixed part of modes 1 to 5.
const FIXED: usize = 48;
/// Seconds from 1900 to 1970.
const EPOCH: i64 = 2_208_988_800;
/// Request codes of mode 7 that ask for the list of clients (`MON_GETLIST`, `MON_GETLIST_1`).
const MONLIST: [u8; 2] = [20, 42];

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    let usual = i.client_port == 123 || i.server_port == 123;
    let Some(&first) = bytes.first() else { return Verdict::No };
    let (version, mode) = (first >> 3 & 7, first & 7);
    if !(1..=4).contains(&version) {
        return Verdict::No;
    }
    match mode {
        1..=5 => {
            let (Some(fixed), stratum) = (bytes.get(..FIXED), bytes.get(1).copied().unwrap_or(0)) else { return Verdict::No };
            if stratum > 16 {
                return Verdict::No;
            }
            if usual {
                return Verdict::Sure(80);
            }
            let poll = fixed.get(2).copied().unwrap_or(0);
            let precision = fixed.get(3).copied().unwrap_or(0) as i8;
            // 2010 to 2036, and the era after it until 2060.
            let sent = be32(fixed, 40).is_some_and(|s| s >= 0xcef0_0000 || (1..0x3000_0000).contains(&s));
            let exact = bytes.len() == FIXED && version >= 3 && (3..=17).contains(&poll) && (-32..0).contains(&precision);
            if exact && sent && matches!(mode, 3 | 4) && (mode == 3 || (1..=15).contains(&stratum)) {
                Verdict::Sure(60)
            } else {
                Verdict::No
            }
        }
        // Control: opcode 0 to 31 behind three flags, and a count that says how many bytes follow.
        6 if usual && bytes.len() >= 12 => Verdict::Sure(70),
        7 if usual && bytes.len() >= 8 => Verdict::Sure(70),
        _ => Verdict::No,
    }
}

/// Who sent a message, as its mode tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
    /// Symmetric and broadcast: whoever spoke first.
    Equal,
}

#[derive(Default)]
struct NtpParser {
    act: Ntp,
}

impl Parser for NtpParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let Some(side) = self.read(bytes, cx) else { return Step::More };
        cx.emit_turned((side == Side::Server && dir == Dir::Up) || (side == Side::Client && dir == Dir::Down), ActRef::Ntp(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl NtpParser {
    fn clear(&mut self) {
        let mut reference = std::mem::take(&mut self.act.reference);
        reference.clear();
        self.act = Ntp { reference, ..Ntp::default() };
    }

    /// Who sent it. `None` where it is no message.
    fn read(&mut self, bytes: &[u8], cx: &Cx<'_>) -> Option<Side> {
        self.clear();
        let &first = bytes.first()?;
        let a = &mut self.act;
        (a.leap, a.version, a.mode) = (first >> 6, first >> 3 & 7, first & 7);
        match a.mode {
            6 => {
                a.leap = 0;
                let &second = bytes.get(1).filter(|_| bytes.len() >= 12)?;
                Some(if second & 0x80 != 0 { Side::Server } else { Side::Client })
            }
            7 => {
                // Here the first two bits say answer and more.
                a.leap = 0;
                let &code = bytes.get(3).filter(|_| bytes.len() >= 8)?;
                a.monlist = MONLIST.contains(&code);
                Some(if first & 0x80 != 0 { Side::Server } else { Side::Client })
            }
            1..=5 => {
                let fixed = bytes.get(..FIXED)?;
                a.stratum = *fixed.get(1)?;
                reference(&mut a.reference, a.stratum, fixed);
                if matches!(a.mode, 4 | 5) {
                    a.offset_ms = offset(be32(fixed, 40)?, be32(fixed, 44)?, cx.now().0);
                }
                Some(match a.mode {
                    3 => Side::Client,
                    4 => Side::Server,
                    _ => Side::Equal,
                })
            }
            _ => None,
        }
    }
}

/// Where the sender has its time from (RFC 5905, 7.3): four letters for stratum 0 (kiss code) and 1 (clock), an address behind them; a
/// server that is reached over IPv6 sends a part of a digest there, which looks like an address and is told as one.
fn reference(out: &mut String, stratum: u8, fixed: &[u8]) {
    let Some(id) = fixed.get(12..16).filter(|id| *id != [0; 4]) else { return };
    if stratum < 2 {
        let end = id.iter().rposition(|b| *b != 0 && *b != b' ').map_or(0, |at| at + 1);
        super::text::push(out, id.get(..end).unwrap_or_default(), 16);
    } else if let Some(ip) = ip4(id, 0) {
        // Writing to a String does not fail.
        let _ = write!(out, "{ip}");
    }
}

/// Transmit time minus capture time in milliseconds; in the era (136 years) that lies nearest to the capture. Zero means it has no time.
fn offset(seconds: u32, fraction: u32, now: i64) -> Option<i64> {
    if seconds == 0 {
        return None;
    }
    let era = 1i64 << 32;
    let captured = now.div_euclid(1_000_000_000) + EPOCH;
    let difference = (i64::from(seconds) - captured).rem_euclid(era);
    let difference = if difference >= era / 2 { difference - era } else { difference };
    let parts = (i64::from(fraction) * 1000) >> 32;
    Some(difference * 1000 + parts - now.rem_euclid(1_000_000_000) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;
    use model::net::Transport;

    fn message(first: u8, stratum: u8, id: [u8; 4], seconds: u32) -> Vec<u8> {
        let mut m = vec![first, stratum, 6, 0xec];
        m.resize(48, 0);
        m[12..16].copy_from_slice(&id);
        m[40..44].copy_from_slice(&seconds.to_be_bytes());
        m[44] = 0x80;
        m
    }
    fn one(bytes: &[u8]) -> Ntp {
        match testing::udp(&SPEC, Dir::Down, bytes).as_slice() {
            [Act::Ntp(n)] => n.clone(),
            other => panic!("{other:?}"),
        }
    }
    const NOW_1970: u32 = EPOCH as u32;

    #[test]
    fn a_server_tells_its_clock_and_how_far_it_is_off() {
        let n = one(&message(0x24, 1, *b"GPS\0", NOW_1970 + 2));
        assert_eq!((n.version, n.mode, n.stratum, n.leap, n.reference.as_str()), (4, 4, 1, 0, "GPS"));
        assert_eq!(n.offset_ms, Some(2500));
        let n = one(&message(0xe4, 2, [192, 0, 2, 1], NOW_1970 - 2));
        assert_eq!((n.leap, n.reference.as_str(), n.offset_ms), (3, "192.0.2.1", Some(-1500)));
        assert_eq!(one(&message(0x1c, 0, *b"RATE", 0)).reference, "RATE");
        // A client's transmit time may be anything (data minimisation) and says nothing.
        assert_eq!(one(&message(0x23, 0, [0; 4], 77)).offset_ms, None);
    }

    #[test]
    fn the_era_is_the_nearest_one() {
        let y2036 = (0x1_0000_0010i64 - EPOCH) * 1_000_000_000;
        assert_eq!(offset(0x10, 0, y2036), Some(0));
        assert_eq!(offset(0xffff_fff0, 0, y2036), Some(-32_000));
        assert!(offset(0x10, 0, i64::MIN).is_some());
        assert!(offset(u32::MAX, u32::MAX, i64::MAX).is_some());
    }

    #[test]
    fn control_and_private_messages() {
        let n = one(&[0x17, 0, 3, 42, 0, 0, 0, 0]);
        assert_eq!((n.version, n.mode, n.monlist), (2, 7, true));
        assert!(!one(&[0x17, 0, 3, 1, 0, 0, 0, 0]).monlist);
        assert_eq!(one(&[0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).mode, 6);
        // The list itself comes from the server, whoever was heard first.
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ntp, Transport::Udp, testing::options());
        drive.feed(Dir::Up, &[&[0x97, 0, 3, 42][..], &[0; 440]].concat());
        assert_eq!(drive.heard.0[0].0.client.port, Some(80));
    }

    #[test]
    fn is_recognised_by_form_on_its_port_and_by_more_elsewhere() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: true });
        let good = message(0x23, 0, [0; 4], 0xe900_0000);
        assert_eq!((ask(&good, 123), ask(&good, 9)), (Verdict::Sure(80), Verdict::Sure(60)));
        for other in [&[0u8; 48][..], &[0xff; 48], &good[..47], &message(0x23, 17, [0; 4], 0), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            assert_eq!(ask(other, 123), Verdict::No, "{other:?}");
        }
        assert_eq!((ask(&[0x17, 0, 3, 42, 0, 0, 0, 0], 123), ask(&[0x17, 0, 3, 42, 0, 0, 0, 0], 9)), (Verdict::Sure(70), Verdict::No));
        for cut in 0..48 {
            assert!(testing::udp(&SPEC, Dir::Up, &good[..cut]).is_empty());
        }
    }

    hostile!(
        SPEC,
        script(&[(Dir::Up, &message(0x23, 0, [0; 4], 1)), (Dir::Down, &message(0x24, 2, [1; 4], 1))]),
        script(&[(Dir::Up, &[0x17; 20])])
    );
}
