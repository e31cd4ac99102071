//! CoAP (RFC 7252) over UDP, with Observe (RFC 7641).
//!
//! Four bytes of header, a token, options in rising order of their numbers, and after 0xff a payload of which only the length is kept. Off
//! its port a message is believed only if it names a resource in printable text; the first byte alone fits a quarter of everything.

use super::{be16, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Coap, Protocol};

/// CoAP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Coap, tcp: false, udp: true, ports: &[5683], probe, start: || Box::<CoapParser>::default() };

/// Bytes kept of a path or a host.
pub const MAX_TEXT: usize = 512;

/// Option numbers (RFC 7252, 12.2; RFC 7641).
mod option {
    pub const URI_HOST: u32 = 3;
    pub const OBSERVE: u32 = 6;
    pub const URI_PATH: u32 = 11;
    pub const CONTENT_FORMAT: u32 = 12;
}

/// Options with an odd number are critical (5.4.1); these are registered. Others would make the receiver refuse the message.
const CRITICAL: [u32; 15] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 27, 35, 39];

/// Codes that are registered (RFC 7252, 12.1; RFC 7959, RFC 8132, RFC 8516).
fn code_exists(code: u8) -> bool {
    matches!((code >> 5, code & 31), (0, 0..=7) | (2, 1..=5 | 31) | (4, 0..=6 | 8 | 9 | 12 | 13 | 15 | 22 | 29) | (5, 0..=5 | 8))
}

/// Reads the options; `each` gets number and value. The payload's length, or `None` where the form is broken.
fn options<'a>(mut rest: &'a [u8], mut each: impl FnMut(u32, &'a [u8])) -> Option<usize> {
    let mut number = 0u32;
    while let Some((&head, tail)) = rest.split_first() {
        if head == 0xff {
            // A marker without a payload is a format error (3).
            return (!tail.is_empty()).then_some(tail.len());
        }
        let mut after = tail;
        let delta = extended(head >> 4, &mut after)?;
        let length = extended(head & 15, &mut after)?;
        let (value, tail) = after.split_at_checked(length as usize)?;
        number = number.checked_add(delta).filter(|n| *n <= 0xffff)?;
        each(number, value);
        rest = tail;
    }
    Some(0)
}

/// RFC 7252, 3.1: 13 and 14 stand for one and two bytes that follow, 15 is reserved.
fn extended(nibble: u8, rest: &mut &[u8]) -> Option<u32> {
    match nibble {
        13 => {
            let (&byte, tail) = rest.split_first()?;
            *rest = tail;
            Some(u32::from(byte) + 13)
        }
        14 => {
            let value = u32::from(be16(rest, 0)?) + 269;
            *rest = rest.get(2..)?;
            Some(value)
        }
        15 => None,
        n => Some(u32::from(n)),
    }
}

/// The header's parts: type, code, and where the options begin.
fn header(bytes: &[u8]) -> Option<(u8, u8, &[u8])> {
    let &[first, code, _, _, ..] = bytes else { return None };
    let token = usize::from(first & 15);
    if first >> 6 != 1 || token > 8 || !code_exists(code) {
        return None;
    }
    let rest = bytes.get(4 + token..)?;
    // Empty messages (pings, resets, bare acknowledgements) are four bytes and nothing else (4.1).
    (code != 0 || bytes.len() == 4).then_some((first >> 4 & 3, code, rest))
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    let usual = [i.client_port, i.server_port].contains(&5683);
    let Some((kind, code, rest)) = header(bytes) else { return Verdict::No };
    let (mut known, mut named) = (true, false);
    let whole = options(rest, |number, value| {
        known &= number & 1 == 0 || CRITICAL.contains(&number);
        named |= number == option::URI_PATH && !value.is_empty() && value.iter().all(|b| (0x21..0x7f).contains(b));
    });
    let request = matches!(code, 1..=7);
    if whole.is_none() || !known || (request && kind > 1) {
        Verdict::No
    } else if usual {
        Verdict::Sure(75)
    } else if request && named {
        Verdict::Sure(40)
    } else {
        Verdict::No
    }
}

#[derive(Default)]
struct CoapParser {
    act: Coap,
}

impl Parser for CoapParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let a = &mut self.act;
        a.path.clear();
        a.host.clear();
        (a.format, a.observe) = (None, false);
        let Some((kind, code, rest)) = header(bytes) else { return Step::More };
        (a.kind, a.code) = (kind, u16::from(code >> 5) * 100 + u16::from(code & 31));
        let payload = options(rest, |number, value| match number {
            option::URI_HOST => text::set(&mut a.host, value, MAX_TEXT),
            option::OBSERVE => a.observe = true,
            option::URI_PATH => {
                if !a.path.is_empty() {
                    text::push(&mut a.path, b"/", MAX_TEXT);
                }
                text::push(&mut a.path, value, MAX_TEXT);
            }
            option::CONTENT_FORMAT => {
                a.format = (value.len() <= 2).then(|| value.iter().fold(0, |n, b| n << 8 | u16::from(*b)));
            }
            // Query values may hold secrets, the rest says nothing about the device.
            _ => {}
        });
        let Some(payload) = payload else { return Step::More };
        a.bytes = u32::try_from(payload).unwrap_or(u32::MAX);
        // Requests come from the client, answers from the server; either may acknowledge.
        cx.emit_turned((matches!(code, 1..=31) && dir == Dir::Down) || (code >= 64 && dir == Dir::Up), ActRef::Coap(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        let (mut path, mut host) = (std::mem::take(&mut self.act.path), std::mem::take(&mut self.act.host));
        path.clear();
        host.clear();
        self.act = Coap { path, host, ..Coap::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    const GET: &[u8] = b"\x42\x01\x12\x34\xaa\xbb\x33plc\x84line\x04temp\x4ak=sesame12";
    const CONTENT: &[u8] = b"\x62\x45\x12\x34\xaa\xbb\xc1\x32\xff{\"c\":21}";

    fn one(bytes: &[u8]) -> Coap {
        match testing::udp(&SPEC, Dir::Up, bytes).as_slice() {
            [Act::Coap(c)] => c.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_names_its_resource_and_an_answer_its_form() {
        let c = one(GET);
        assert_eq!((c.kind, c.code, c.host.as_str(), c.path.as_str()), (0, 1, "plc", "line/temp"));
        assert_eq!((c.format, c.observe, c.bytes), (None, false, 0));
        let c = one(CONTENT);
        assert_eq!((c.kind, c.code, c.format, c.bytes), (2, 205, Some(50), 8));
        assert!(one(b"\x40\x01\0\x01\x60").observe);
        assert_eq!(one(b"\x70\0\x12\x34").kind, 3);
    }

    #[test]
    fn queries_are_not_kept() {
        assert!(!format!("{:?}", one(GET)).contains("sesame"));
    }

    #[test]
    fn broken_options_are_refused() {
        for bytes in [
            &b"\x40\x01\0\x01\xf0"[..],
            b"\x40\x01\0\x01\x0f",
            b"\x40\x01\0\x01\xd0",
            b"\x40\x01\0\x01\xb9temp",
            b"\x40\x01\0\x01\xff",
            b"\x49\x01\0\x01",
            b"\x40\x1f\0\x01",
            b"\x40\0\0\x01x",
            b"\x40\x01\0\x01\xe0\xff\xff\xe0\xff\xff",
        ] {
            assert!(testing::udp(&SPEC, Dir::Up, bytes).is_empty(), "{bytes:?}");
        }
        for cut in 0..4 {
            assert!(testing::udp(&SPEC, Dir::Up, &GET[..cut]).is_empty());
        }
    }

    #[test]
    fn is_recognised_on_its_port_by_form_and_elsewhere_by_its_resource() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: true });
        assert_eq!((ask(GET, 5683), ask(GET, 9)), (Verdict::Sure(75), Verdict::Sure(40)));
        assert_eq!((ask(CONTENT, 5683), ask(CONTENT, 9)), (Verdict::Sure(75), Verdict::No));
        // An unknown critical option, a request that acknowledges, other things.
        for other in [&b"\x40\x01\0\x01\xd1\x0cx"[..], b"\x60\x01\0\x01", b"GET / HTTP/1.1\r\n\r\n", &[0x40; 40], b"{\"host_int\": 1}"] {
            assert_eq!(ask(other, 5683), Verdict::No, "{other:?}");
        }
    }

    hostile!(SPEC, script(&[(Dir::Up, GET), (Dir::Down, CONTENT)]), script(&[(Dir::Up, b"\x40\x01\0\x01\xd0\x0d\xe0\x01\x02")]));
}
