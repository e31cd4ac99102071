//! SIP (RFC 3261) over UDP and TCP: who calls whom, with what telephones, and who registers.
//!
//! Every message is told by itself: requests and answers name what they belong to, so nothing has to be paired. Bodies are passed over. A
//! request that carries credentials is remembered until its final answer, which tells what became of the login; a refusal because the
//! nonce was old (RFC 7616, 3.3: stale) is none.

use super::http::login;
use super::http::target::split;
use super::lines::{Lines, Next};
use super::text;
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Login, Outcome, Protocol, Sip};
use model::net::Transport;

/// SIP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Sip, tcp: true, udp: true, ports: &[5060, 5062, 5070, 5080], probe, start: || Box::<SipParser>::default() };

/// Bytes of a line that are read; the rest of it is passed over.
pub const MAX_LINE: usize = 8 * 1024;
const MAX_METHOD: usize = 32;
const MAX_ADDRESS: usize = 256;
const MAX_VALUE: usize = 256;
/// Length of a line that a probe waits for.
const MAX_PROBED: usize = 400;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut unsure = false;
    for bytes in [i.up, i.down] {
        let bytes = without_blank(bytes);
        match text::line(bytes) {
            Some((line, _)) if request(line).is_some() || status(line).is_some() => return Verdict::Sure(96),
            None if bytes.len() < MAX_PROBED && text::printable(bytes) && !i.datagram => unsure = true,
            _ => return Verdict::No,
        }
    }
    let begins = |b: &[u8]| {
        let word = |w: &[u8]| b.starts_with(w) || w.starts_with(b);
        b.is_empty() || word(b"SIP/2.0 ") || METHODS.iter().any(|m| word(m))
    };
    if unsure && begins(i.up) && begins(i.down) { Verdict::Unsure } else { Verdict::No }
}

const METHODS: &[&[u8]] = &[
    b"INVITE ",
    b"ACK ",
    b"BYE ",
    b"CANCEL ",
    b"REGISTER ",
    b"OPTIONS ",
    b"PRACK ",
    b"SUBSCRIBE ",
    b"NOTIFY ",
    b"PUBLISH ",
    b"INFO ",
    b"REFER ",
    b"MESSAGE ",
    b"UPDATE ",
];

/// Blank lines keep connections alive (RFC 5626, 3.5.1) and stand before messages (RFC 3261, 7.5).
fn without_blank(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take(8).take_while(|b| matches!(b, b'\r' | b'\n')).count();
    bytes.get(blank..).unwrap_or_default()
}

/// Method and URI of a request line.
fn request(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (method, uri) = split(line.strip_suffix(b" SIP/2.0")?, b' ');
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(b);
    (!method.is_empty() && method.len() <= MAX_METHOD && method.iter().all(token)).then_some((method, uri?))
}

/// The code of a status line.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"SIP/2.0 ")?;
    let code = text::number(rest.get(..3)?).filter(|c| (100..700).contains(c))?;
    matches!(rest.get(3), None | Some(b' ')).then_some(code as u16)
}

/// The address of a From or To header (RFC 3261, 20.10), or a request URI: without display name, parameters, headers and password.
fn address(value: &[u8], out: &mut String) {
    let inside = match value.iter().position(|b| *b == b'<') {
        Some(at) => split(value.get(at + 1..).unwrap_or_default(), b'>').0,
        None => value,
    };
    let bare = split(split(inside, b';').0, b'?').0.trim_ascii();
    out.clear();
    let (before, host) = match bare.iter().rposition(|b| *b == b'@') {
        Some(at) => (bare.get(..at).unwrap_or_default(), bare.get(at..).unwrap_or_default()),
        None => (&[][..], bare),
    };
    // `sip:user:password@host` (RFC 3261, 19.1.1).
    let scheme = before.iter().position(|b| *b == b':').map_or(0, |at| at + 1);
    let user = split(before.get(scheme..).unwrap_or_default(), b':').0;
    for part in [before.get(..scheme).unwrap_or_default(), user, host] {
        text::push(out, part, MAX_ADDRESS);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Headers,
    /// Bytes of a body to pass over.
    Body(u64),
    /// After a hole: until a piece begins with a start line.
    Lost,
}

/// One direction.
#[derive(Default)]
struct Side {
    state: State,
    act: Sip,
    length: u64,
    sequence: u64,
    /// An answer says that the nonce was old.
    stale: bool,
    login: Login,
    credentials: bool,
}

#[derive(Default)]
struct SipParser {
    sides: [Side; 2],
    lines: Lines,
    /// A request with credentials that waits for its final answer: number of its CSeq, and which way it went.
    open: Option<(u64, Dir)>,
    login: Login,
    told: Option<Login>,
}

impl Parser for SipParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if cx.head.transport != Transport::Tcp {
            // A datagram is a whole message; one that is none says nothing about the next.
            self.side(dir).state = State::Start;
            self.lines = Lines::default();
            self.read(dir, bytes, cx);
            if self.side(dir).state == State::Headers {
                self.head_end(dir, cx);
            }
            return Step::Used(bytes.len());
        }
        self.read(dir, bytes, cx)
    }

    fn gap(&mut self, dir: Dir, missing: u64, _cx: &mut Cx<'_>) -> Step {
        let side = self.side(dir);
        match side.state {
            State::Body(left) if missing > 0 && missing <= left => {
                side.state = if missing == left { State::Start } else { State::Body(left - missing) };
            }
            _ => side.state = State::Lost,
        }
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        for dir in [Dir::Up, Dir::Down] {
            if self.side(dir).state == State::Headers {
                self.head_end(dir, cx);
            }
        }
        self.judge(Outcome::Unknown, cx);
    }

    fn reset(&mut self) {
        for side in &mut self.sides {
            side.clear();
            side.state = State::Start;
        }
        super::sasl::clear(&mut self.login);
        (self.lines, self.open, self.told) = (Lines::default(), None, None);
    }
}

impl Side {
    fn clear(&mut self) {
        let a = &mut self.act;
        for s in [&mut a.method, &mut a.uri, &mut a.from, &mut a.to, &mut a.user_agent, &mut a.authorization] {
            s.clear();
        }
        a.status = None;
        (self.length, self.sequence, self.stale, self.credentials) = (0, 0, false, false);
        super::sasl::clear(&mut self.login);
    }
}

impl SipParser {
    fn side(&mut self, dir: Dir) -> &mut Side {
        let [up, down] = &mut self.sides;
        if dir == Dir::Up { up } else { down }
    }

    fn read(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            let side = self.side(dir);
            match side.state {
                State::Body(left) => {
                    let used = left.min(rest.len() as u64);
                    side.state = if used == left { State::Start } else { State::Body(left - used) };
                    at += used as usize;
                }
                State::Start | State::Headers => match self.lines.next(dir, rest, MAX_LINE) {
                    Next::Wait => return if at > 0 { Step::Used(at) } else { Step::More },
                    Next::Over(used) => at += used,
                    Next::Line(line, used) => {
                        at += used;
                        self.line(dir, line, cx);
                    }
                },
                State::Lost => {
                    if !rest.starts_with(b"SIP/2.0 ") && !METHODS.iter().any(|m| rest.starts_with(m)) {
                        return Step::Used(bytes.len());
                    }
                    side.state = State::Start;
                    self.lines = Lines::default();
                }
            }
        }
    }

    fn line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) {
        let side = self.side(dir);
        if side.state == State::Headers {
            if line.is_empty() {
                self.head_end(dir, cx);
            } else {
                self.header(dir, line, cx);
            }
            return;
        }
        side.clear();
        if let Some(status) = status(line) {
            (side.act.status, side.state) = (Some(status), State::Headers);
        } else if let Some((method, uri)) = request(line) {
            text::set(&mut side.act.method, method, MAX_METHOD);
            if cx.options.raw_targets {
                text::set(&mut side.act.uri, uri, MAX_ADDRESS);
            } else {
                address(uri, &mut side.act.uri);
            }
            side.state = State::Headers;
        } else if !line.is_empty() {
            side.state = State::Lost;
        }
    }

    fn header(&mut self, dir: Dir, line: &[u8], cx: &Cx<'_>) {
        let side = self.side(dir);
        let (name, value) = split(line, b':');
        let (name, value) = (name.trim_ascii_end(), value.unwrap_or_default().trim_ascii());
        // Compact forms: RFC 3261, 7.3.3.
        let is = |long: &str, short: &str| name.eq_ignore_ascii_case(long.as_bytes()) || name.eq_ignore_ascii_case(short.as_bytes());
        if is("from", "f") {
            address(value, &mut side.act.from);
        } else if is("to", "t") {
            address(value, &mut side.act.to);
        } else if is("cseq", "cseq") {
            let (number, method) = split(value, b' ');
            side.sequence = text::number(number).unwrap_or(0);
            if side.act.status.is_some() {
                text::set(&mut side.act.method, method.unwrap_or_default().trim_ascii(), MAX_METHOD);
            }
        } else if is("content-length", "l") {
            side.length = text::number(value).unwrap_or(0);
        } else if is("user-agent", "server") {
            text::set(&mut side.act.user_agent, value, MAX_VALUE);
        } else if (is("authorization", "proxy-authorization")) && side.act.status.is_none() {
            side.credentials |= login::authorization(value, &mut side.act.authorization, &mut side.login, cx.options);
        } else if is("www-authenticate", "proxy-authenticate") {
            let mut parts = value.split(|b| *b == b',' || *b == b' ').filter(|p| text::starts_with(p, b"stale="));
            side.stale |= parts.any(|p| text::contains(p, b"true"));
        }
    }

    fn head_end(&mut self, dir: Dir, cx: &mut Cx<'_>) {
        let side = self.side(dir);
        side.state = if side.length > 0 { State::Body(side.length) } else { State::Start };
        // Who asks is the client of this message.
        cx.emit_turned((dir == Dir::Down) != side.act.status.is_some(), ActRef::Sip(&side.act));
        let (status, sequence, stale) = (side.act.status, side.sequence, side.stale);
        match status {
            None if side.credentials => {
                if self.open.is_some_and(|(open, _)| open != sequence) {
                    self.judge(Outcome::Unknown, cx);
                }
                let [up, down] = &mut self.sides;
                let side = if dir == Dir::Up { up } else { down };
                std::mem::swap(&mut self.login, &mut side.login);
                self.open = Some((sequence, dir));
            }
            // A final answer to it.
            Some(code @ 200..) if self.open.is_some_and(|(open, asked)| open == sequence && asked != dir) => match code {
                401 | 407 if stale => self.open = None,
                401 | 403 | 407 => self.judge(Outcome::Failure, cx),
                200..=299 => self.judge(Outcome::Success, cx),
                _ => self.judge(Outcome::Unknown, cx),
            },
            _ => {}
        }
    }

    fn judge(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        let Some((_, dir)) = self.open.take() else { return };
        self.login.outcome = outcome;
        // Registrations are repeated all day: the same success is told once.
        login::tell_once(&self.login, &mut self.told, dir == Dir::Down, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn told(acts: &[Act]) -> Vec<String> {
        acts.iter()
            .map(|a| match a {
                Act::Login(l) => format!("login {} {:?} clear={}", l.user, l.outcome, l.clear_text),
                Act::Sip(s) => format!("{} {} {:?} {}>{} {} {}", s.method, s.uri, s.status, s.from, s.to, s.user_agent, s.authorization),
                other => format!("{other:?}"),
            })
            .collect()
    }
    const REGISTER: &[u8] = b"\r\nREGISTER sip:pbx.example;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nFrom: \"B <x>\" <sip:bob:SECRET@pbx.example;tag=1>;tag=2\r\nt: sip:bob@pbx.example;x=SECRET\r\nCSeq: 7 REGISTER\r\nUser-Agent: Phone/1\r\nAuthorization: Digest username=\"bob\", response=\"SECRET\"\r\nl: 3\r\n\r\nv=0";
    const REFUSED: &[u8] = b"SIP/2.0 100 Trying\r\nCSeq: 7 REGISTER\r\n\r\nSIP/2.0 403 No\r\nCSeq: 7 REGISTER\r\nTo: <sip:bob@pbx.example>\r\nContent-Length: 0\r\n\r\n";
    const TALK: &[(Dir, &[u8])] = &[
        (Dir::Up, REGISTER),
        (Dir::Down, REFUSED),
        (Dir::Up, REGISTER),
        (Dir::Down, b"SIP/2.0 401 Old\r\nCSeq: 7 REGISTER\r\nWWW-Authenticate: Digest realm=\"a\", stale=TRUE\r\n\r\n"),
        (Dir::Up, REGISTER),
        (Dir::Down, b"SIP/2.0 200 OK\r\nCSeq: 7 REGISTER\r\n\r\n"),
        (Dir::Down, b"INVITE sip:bob@phone SIP/2.0\r\nFrom: <tel:+81312345678>\r\nCSeq: 1 INVITE\r\n\r\n"),
    ];

    #[test]
    fn messages_and_registrations() {
        let acts = testing::tcp(&SPEC, TALK);
        // `<` inside a quoted display name: what stands behind it is taken for the address.
        let register = "REGISTER sip:pbx.example None x>sip:bob@pbx.example Phone/1 Digest";
        assert_eq!(
            told(&acts),
            [
                register,
                "REGISTER  Some(100) >  ",
                "REGISTER  Some(403) >sip:bob@pbx.example  ",
                "login bob Failure clear=false",
                register,
                "REGISTER  Some(401) >  ",
                register,
                "REGISTER  Some(200) >  ",
                "login bob Success clear=false",
                "INVITE sip:bob@phone None tel:+81312345678>  ",
            ]
        );
        assert!(!format!("{acts:?}").contains("SECRET"));
    }

    #[test]
    fn who_asks_is_the_client_whoever_spoke_first() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Sip, Transport::Udp, testing::options());
        drive.feed(Dir::Down, b"OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n");
        drive.feed(Dir::Up, b"SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n");
        drive.feed(Dir::Up, b"\r\n\r\n");
        drive.feed(Dir::Up, b"\0\0\0\0");
        drive.feed(Dir::Up, b"BYE sip:b SIP/2.0\r\nCSeq: 2 BYE");
        let ports: Vec<_> = drive.heard.0.iter().map(|(h, _)| h.client.port).collect();
        assert_eq!(ports, [Some(80), Some(80), Some(40000)]);
    }

    #[test]
    fn addresses_lose_what_is_secret() {
        for (value, kept) in [
            (&b"sip:a@b"[..], "sip:a@b"),
            (b"\"A\" <sip:a:SECRET@b:5060;p=1?h=SECRET>;tag=x", "sip:a@b:5060"),
            (b"a@b", "a@b"),
            (b"tel:+81-3", "tel:+81-3"),
            (b"<sips:b>", "sips:b"),
            (b"", ""),
            (b"sip:@", "sip:@"),
        ] {
            let mut out = String::from("old");
            address(value, &mut out);
            assert_eq!(out, kept, "{value:?}");
        }
    }

    #[test]
    fn holes_and_lies_about_the_length() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Sip, Transport::Tcp, testing::options());
        drive.feed(Dir::Up, b"INFO sip:a SIP/2.0\r\nContent-Length: 100\r\n\r\n0123456789");
        drive.gap(Dir::Up, 90);
        drive.feed(Dir::Up, b"BYE sip:a SIP/2.0\r\nConte");
        drive.gap(Dir::Up, 9);
        drive.feed(Dir::Up, b"junk\r\n\r\n");
        drive.feed(Dir::Up, b"ACK sip:a SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\nnonsense\r\nBYE sip:a SIP/2.0\r\n\r\n");
        drive.end();
        assert_eq!(told(&drive.acts()), ["INFO sip:a None >  ", "ACK sip:a None >  ", "BYE sip:a None >  "]);
    }

    #[test]
    fn probes() {
        let ask = |up: &[u8], datagram| probe(&ProbeInput { up, down: &[], client_port: 1, server_port: 9, datagram });
        assert_eq!(ask(b"REGISTER sip:a SIP/2.0\r\n", true), Verdict::Sure(96));
        assert_eq!(ask(b"SIP/2.0 200 OK\r\n", true), Verdict::Sure(96));
        assert_eq!(ask(b"REGISTER sip:a", false), Verdict::Unsure);
        for other in
            [&b"OPTIONS / HTTP/1.1\r\n"[..], b"OPTIONS rtsp://h RTSP/1.0\r\n", b"USER x", b"\x16\x03\x01", b"NOTIFY * HTTP/1.1\r\n"]
        {
            assert_eq!(ask(other, false), Verdict::No, "{other:?}");
        }
        assert_eq!(ask(b"\r\n\r\n", true), Verdict::No);
    }

    hostile!(SPEC, script(TALK));
}
