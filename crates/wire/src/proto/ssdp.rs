//! SSDP (UPnP Device Architecture 2.0, 1): HTTP messages in single datagrams, to 239.255.255.250 and ff0x::c on port 1900, and the answers to
//! searches, which come from port 1900 or any other straight to the port that asked.

use super::{push_url, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Protocol, Ssdp, SsdpKind};

/// SSDP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Ssdp, tcp: false, udp: true, ports: &[1900], probe, start: || Box::<SsdpParser>::default() };

/// Bytes kept of each header.
pub const MAX_TEXT: usize = 512;
/// Lines that are read of one message.
const MAX_LINES: usize = 64;

/// What a message is by its first line.
fn kind(bytes: &[u8]) -> Option<SsdpKind> {
    if text::starts_with(bytes, b"m-search * http/1.") {
        Some(SsdpKind::Search)
    } else if text::starts_with(bytes, b"notify * http/1.") {
        Some(SsdpKind::Alive)
    } else if text::starts_with(bytes, b"http/1.1 200") || text::starts_with(bytes, b"http/1.0 200") {
        Some(SsdpKind::Answer)
    } else {
        None
    }
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    match kind(bytes) {
        // Other protocols answer like HTTP in datagrams, too; what is found by SSDP has a search target.
        Some(SsdpKind::Answer) if !text::contains(bytes, b"\nst:") && !text::contains(bytes, b"\nusn:") => Verdict::No,
        // Surer than HTTP, whose form it has.
        Some(_) => Verdict::Sure(98),
        None => Verdict::No,
    }
}

#[derive(Default)]
struct SsdpParser {
    act: Ssdp,
}

impl Parser for SsdpParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if !self.read(bytes) {
            return Step::More;
        }
        // Who announces or answers is the server; who searches is the client.
        let answer = self.act.kind == SsdpKind::Answer;
        cx.emit_turned((answer && dir == Dir::Up) || (!answer && dir == Dir::Down), ActRef::Ssdp(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl SsdpParser {
    fn clear(&mut self) {
        let a = &mut self.act;
        for s in [&mut a.target, &mut a.usn, &mut a.server, &mut a.location, &mut a.user_agent] {
            s.clear();
        }
        (a.kind, a.max_age) = (SsdpKind::Search, None);
    }

    fn read(&mut self, bytes: &[u8]) -> bool {
        self.clear();
        let Some(kind) = kind(bytes) else { return false };
        let a = &mut self.act;
        a.kind = kind;
        let mut rest = bytes;
        for n in 0..MAX_LINES {
            // The last line may lack its end.
            let (line, used) = text::line(rest).unwrap_or((rest, rest.len()));
            rest = rest.get(used..).unwrap_or_default();
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|b| *b == b':').filter(|_| n > 0) else { continue };
            let (name, value) = line.split_at(colon);
            let (name, value) = (name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii());
            let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
            if is(b"nt") || is(b"st") {
                text::set(&mut a.target, value, MAX_TEXT);
            } else if is(b"usn") {
                text::set(&mut a.usn, value, MAX_TEXT);
            } else if is(b"server") {
                text::set(&mut a.server, value, MAX_TEXT);
            } else if is(b"location") {
                a.location.clear();
                push_url(&mut a.location, value, MAX_TEXT);
            } else if is(b"user-agent") {
                text::set(&mut a.user_agent, value, MAX_TEXT);
            } else if is(b"nts") && value.eq_ignore_ascii_case(b"ssdp:byebye") {
                a.kind = SsdpKind::Goodbye;
            } else if is(b"cache-control") {
                a.max_age = max_age(value);
            }
        }
        true
    }
}

/// `max-age = 1800`, with or without spaces.
fn max_age(value: &[u8]) -> Option<u32> {
    let at = value.windows(7).position(|w| w.eq_ignore_ascii_case(b"max-age"))?;
    let digits = value.get(at + 7..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    text::number(digits.get(..end)?).and_then(|n| u32::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;
    use model::net::Transport;

    const NOTIFY: &[u8] = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCache-Control: max-age = 1800\r\nLOCATION: http://192.0.2.9:80/desc.xml?key=sesame\r\nNT: upnp:rootdevice\r\nNTS: ssdp:alive\r\nSERVER: Linux/4.9 UPnP/1.0 Camera/2.1\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\n";
    const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\nUSER-AGENT: Chrome/90\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:2\r\nLocation: http://192.0.2.7/d\r\nServer: Printer";

    fn heard(dir: Dir, bytes: &[u8]) -> (Option<u16>, Ssdp) {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ssdp, Transport::Udp, testing::options());
        drive.feed(dir, bytes);
        match drive.heard.0.as_slice() {
            [(head, Act::Ssdp(s))] => (head.server.port, s.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn announcements_searches_and_answers() {
        let (_, s) = heard(Dir::Up, NOTIFY);
        assert_eq!((s.kind, s.target.as_str(), s.usn.as_str()), (SsdpKind::Alive, "upnp:rootdevice", "uuid:1::upnp:rootdevice"));
        assert_eq!((s.server.as_str(), s.max_age), ("Linux/4.9 UPnP/1.0 Camera/2.1", Some(1800)));
        assert_eq!(s.location, "http://192.0.2.9:80/desc.xml?key");
        let (_, s) = heard(Dir::Up, SEARCH);
        assert_eq!((s.kind, s.target.as_str(), s.user_agent.as_str()), (SsdpKind::Search, "ssdp:all", "Chrome/90"));
        // An answer that opens its own conversation comes from the server.
        let (server, s) = heard(Dir::Up, ANSWER);
        assert_eq!((server, s.kind, s.server.as_str()), (Some(40000), SsdpKind::Answer, "Printer"));
        let goodbye = b"NOTIFY * HTTP/1.1\nNTS:ssdp:byebye\nUSN:uuid:1\n\n";
        assert_eq!(heard(Dir::Up, goodbye).1.kind, SsdpKind::Goodbye);
    }

    #[test]
    fn is_recognised_on_any_port_and_plain_http_is_not() {
        let ask = |up: &[u8]| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: 9, datagram: true });
        assert_eq!([NOTIFY, SEARCH, ANSWER].map(ask), [Verdict::Sure(98); 3]);
        for other in [&b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"[..], b"GET / HTTP/1.1\r\n", b"NOTIFY sip:a SIP/2.0\r\n", &[0; 30]] {
            assert_eq!(ask(other), Verdict::No);
        }
        for cut in 0..NOTIFY.len() {
            testing::udp(&SPEC, Dir::Up, &NOTIFY[..cut]);
        }
    }

    hostile!(SPEC, script(&[(Dir::Up, SEARCH), (Dir::Down, ANSWER), (Dir::Up, NOTIFY)]));
}
