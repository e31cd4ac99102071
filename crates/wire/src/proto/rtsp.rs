//! RTSP (RFC 2326, RFC 7826): who watches which camera, and logs in how.
//!
//! Both ends may ask (a camera asks a recorder, too), so each direction has its own requests, which wait for the answer with their CSeq
//! number. Bodies and the binary frames that are interleaved (RFC 2326, 10.12: a dollar sign, a channel, a length) are passed over without
//! being kept. Credentials are treated as in HTTP; a password inside a URI, which cheap cameras want, is replaced there.

use super::http::login::{self, How};
use super::http::target;
use super::lines::{Lines, Next};
use super::text;
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Login, Protocol, Rtsp};

/// RTSP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Rtsp, tcp: true, udp: false, ports: &[554, 8554, 7070], probe, start: || Box::<RtspParser>::default() };

/// Bytes of a line that are read; the rest of it is passed over.
pub const MAX_LINE: usize = 8 * 1024;
/// Requests that may wait for their answers; when more come, the oldest is told without.
pub const MAX_WAITING: usize = 32;
const MAX_METHOD: usize = 32;
const MAX_VALUE: usize = 256;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut unsure = false;
    for bytes in [i.up, i.down] {
        let begin = bytes.iter().take(4).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let bytes = bytes.get(begin..).unwrap_or_default();
        match text::line(bytes) {
            Some((line, _)) if request(line).is_some() || status(line).is_some() => return Verdict::Sure(96),
            Some(_) => return Verdict::No,
            None if bytes.len() < 512 && text::printable(bytes) => unsure = true,
            None => return Verdict::No,
        }
    }
    // A line that has not ended: its beginning tells enough to wait for the rest.
    let begins = |b: &[u8]| {
        let word = |w: &[u8]| b.starts_with(w) || w.starts_with(b);
        b.is_empty() || word(b"RTSP/") || METHODS.iter().any(|m| word(m))
    };
    if unsure && begins(i.up) && begins(i.down) { Verdict::Unsure } else { Verdict::No }
}

const METHODS: &[&[u8]] = &[
    b"OPTIONS ",
    b"DESCRIBE ",
    b"SETUP ",
    b"PLAY ",
    b"PAUSE ",
    b"TEARDOWN ",
    b"ANNOUNCE ",
    b"RECORD ",
    b"REDIRECT ",
    b"GET_PARAMETER ",
    b"SET_PARAMETER ",
    b"PLAY_NOTIFY ",
];

/// Method and URI of a request line.
fn request(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_suffix(b" RTSP/1.0").or_else(|| line.strip_suffix(b" RTSP/2.0"))?;
    let (method, uri) = target::split(rest, b' ');
    let known = !method.is_empty() && method.len() <= MAX_METHOD && method.iter().all(|b| b.is_ascii_uppercase() || *b == b'_');
    known.then_some((method, uri?.trim_ascii()))
}

/// The code of a status line.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"RTSP/1.0 ").or_else(|| line.strip_prefix(b"RTSP/2.0 "))?;
    let code = text::number(rest.get(..3)?).filter(|c| (100..1000).contains(c))?;
    matches!(rest.get(3), None | Some(b' ')).then_some(code as u16)
}

/// A request with what is known of its answer.
#[derive(Default)]
struct Exchange {
    act: Rtsp,
    sequence: u64,
    /// Which way it was asked.
    dir: Option<Dir>,
    login: Login,
    credentials: bool,
}

impl Exchange {
    fn clear(&mut self) {
        let a = &mut self.act;
        for s in [&mut a.method, &mut a.uri, &mut a.user_agent, &mut a.server, &mut a.authorization] {
            s.clear();
        }
        a.status = None;
        (self.sequence, self.dir, self.credentials) = (0, None, false);
        super::sasl::clear(&mut self.login);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before a start line, or a binary frame.
    #[default]
    Start,
    Headers,
    /// Bytes to pass over.
    Body(u64),
    /// After a hole: until a piece begins with a start line.
    Lost,
}

/// One direction.
#[derive(Default)]
struct Side {
    state: State,
    length: u64,
    /// The head being read is an answer.
    answers: bool,
    head: Exchange,
}

#[derive(Default)]
struct RtspParser {
    sides: [Side; 2],
    lines: Lines,
    waiting: Vec<Exchange>,
    spare: Vec<Exchange>,
    /// The direction of the client's requests: the first one.
    client: Option<Dir>,
    /// A login that was told as successful: it is repeated with every request and told once.
    told: Option<Login>,
}

impl Parser for RtspParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(&first) = rest.first() else { return Step::Used(at) };
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            let side = self.side(dir);
            match side.state {
                State::Body(left) => {
                    let used = left.min(rest.len() as u64);
                    side.state = if used == left { State::Start } else { State::Body(left - used) };
                    at += used as usize;
                }
                State::Start if first == b'$' => {
                    let Some(length) = super::be16(rest, 2) else { return wait };
                    side.state = State::Body(4 + u64::from(length));
                }
                State::Start | State::Headers => match self.lines.next(dir, rest, MAX_LINE) {
                    Next::Wait => return wait,
                    Next::Over(used) => at += used,
                    Next::Line(line, used) => {
                        at += used;
                        self.line(dir, line, cx);
                    }
                },
                State::Lost => {
                    let begins = rest.starts_with(b"RTSP/") || METHODS.iter().any(|m| rest.starts_with(m));
                    if !begins {
                        return Step::Used(bytes.len());
                    }
                    side.state = State::Start;
                    self.lines = Lines::default();
                }
            }
        }
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
        for i in 0..self.waiting.len() {
            self.tell(i, cx);
        }
        for mut e in self.waiting.drain(..) {
            e.clear();
            self.spare.push(e);
        }
    }

    fn reset(&mut self) {
        for side in &mut self.sides {
            side.head.clear();
            (side.state, side.length, side.answers) = (State::Start, 0, false);
        }
        for mut e in self.waiting.drain(..) {
            e.clear();
            self.spare.push(e);
        }
        (self.lines, self.client, self.told) = (Lines::default(), None, None);
    }
}

impl RtspParser {
    fn side(&mut self, dir: Dir) -> &mut Side {
        let [up, down] = &mut self.sides;
        if dir == Dir::Up { up } else { down }
    }

    fn line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) {
        if self.side(dir).state == State::Headers {
            if line.is_empty() {
                self.head_end(dir, cx);
            } else {
                self.header(dir, line, cx);
            }
            return;
        }
        let side = self.side(dir);
        side.head.clear();
        side.length = 0;
        if let Some(status) = status(line) {
            (side.head.act.status, side.answers, side.state) = (Some(status), true, State::Headers);
        } else if let Some((method, uri)) = request(line) {
            text::set(&mut side.head.act.method, method, MAX_METHOD);
            if cx.options.raw_targets {
                text::set(&mut side.head.act.uri, uri, MAX_LINE);
            } else {
                target::masked(&mut side.head.act.uri, uri);
            }
            (side.head.dir, side.answers, side.state) = (Some(dir), false, State::Headers);
            self.client.get_or_insert(dir);
        } else if !line.is_empty() {
            side.state = State::Lost;
        }
    }

    fn header(&mut self, dir: Dir, line: &[u8], cx: &Cx<'_>) {
        let side = self.side(dir);
        let (name, value) = target::split(line, b':');
        let value = value.unwrap_or_default().trim_ascii();
        let is = |word: &str| name.trim_ascii_end().eq_ignore_ascii_case(word.as_bytes());
        let e = &mut side.head;
        if is("content-length") {
            side.length = text::number(value).unwrap_or(0);
        } else if is("cseq") {
            e.sequence = text::number(value).unwrap_or(0);
        } else if is("user-agent") {
            text::set(&mut e.act.user_agent, value, MAX_VALUE);
        } else if is("server") {
            text::set(&mut e.act.server, value, MAX_VALUE);
        } else if is("authorization") && !side.answers {
            e.credentials = login::authorization(value, &mut e.act.authorization, &mut e.login, cx.options);
        }
    }

    fn head_end(&mut self, dir: Dir, cx: &mut Cx<'_>) {
        let next = self.spare.pop().unwrap_or_default();
        let side = self.side(dir);
        side.state = if side.length > 0 { State::Body(side.length) } else { State::Start };
        let answers = side.answers;
        let mut head = std::mem::replace(&mut side.head, next);
        if !answers {
            if self.waiting.len() == MAX_WAITING {
                self.tell(0, cx);
                self.drop_waiting(0);
            }
            self.waiting.push(head);
            return;
        }
        // The request of the other direction with that number; the oldest where none fits.
        let of = |e: &Exchange| e.dir != Some(dir);
        let found = self.waiting.iter().position(|e| of(e) && e.sequence == head.sequence).or_else(|| self.waiting.iter().position(of));
        if head.act.status.is_some_and(|s| s < 200) {
            // An interim answer (RFC 2326, 7.1.1).
        } else if let Some(i) = found {
            if let Some(e) = self.waiting.get_mut(i) {
                e.act.status = head.act.status;
                std::mem::swap(&mut e.act.server, &mut head.act.server);
            }
            self.tell(i, cx);
            self.drop_waiting(i);
        } else {
            // The capture began between the two.
            head.dir = Some(if dir == Dir::Up { Dir::Down } else { Dir::Up });
            self.waiting.insert(0, head);
            self.tell(0, cx);
            self.drop_waiting(0);
            return;
        }
        head.clear();
        self.spare.push(head);
    }

    fn drop_waiting(&mut self, i: usize) {
        let mut e = self.waiting.remove(i);
        e.clear();
        self.spare.push(e);
    }

    fn tell(&mut self, i: usize, cx: &mut Cx<'_>) {
        let Some(e) = self.waiting.get_mut(i) else { return };
        let turn = e.dir == Some(Dir::Down);
        cx.emit_turned(turn, ActRef::Rtsp(&e.act));
        if e.credentials {
            e.login.outcome = login::outcome(How::Header, e.act.status, login::Location::None, false);
            login::tell_once(&e.login, &mut self.told, turn, cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::Transport;
    use model::activity::Act;

    fn told(acts: &[Act]) -> Vec<String> {
        acts.iter()
            .map(|a| match a {
                Act::Login(l) => format!("login {} {:?} clear={}", l.user, l.outcome, l.clear_text),
                Act::Rtsp(r) => format!("{} {} {:?} {} {} {}", r.method, r.uri, r.status, r.user_agent, r.server, r.authorization),
                other => format!("{other:?}"),
            })
            .collect()
    }
    const TALK: &[(Dir, &[u8])] = &[
        (Dir::Up, b"OPTIONS rtsp://u:SECRET@cam/s?channel=1 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: VLC\r\n\r\n"),
        (Dir::Down, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Cam/1\r\n\r\n"),
        (Dir::Up, b"DESCRIBE rtsp://cam/user=admin&password=SECRET&channel=1 RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Basic YWRtaW46U0VDUkVU\r\n\r\n"),
        (Dir::Down, b"RTSP/1.0 401 No\r\nCSeq: 2\r\n\r\n"),
        (Dir::Up, b"DESCRIBE rtsp://cam/s RTSP/1.0\r\nCSeq: 3\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\nSETUP rtsp://cam/s/1 RTSP/1.0\r\nCSeq: 4\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n"),
        (Dir::Down, b"RTSP/1.0 100 Wait\r\nCSeq: 3\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 4\r\nContent-Length: 4\r\n\r\nv=0\nRTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n"),
        (Dir::Down, b"$\0\0\x05RTSP/$\x01\0\0GET_PARAMETER rtsp://c RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        (Dir::Up, b"$\x01\0\x02ab\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nTEARDOWN rtsp://cam/s RTSP/1.0\r\nCSeq: 5\r\n\r\n"),
    ];

    #[test]
    fn requests_are_paired_with_their_answers() {
        let acts = testing::tcp(&SPEC, TALK);
        assert_eq!(
            told(&acts),
            [
                "OPTIONS rtsp://*@cam/s?channel=* Some(200) VLC Cam/1 ",
                "DESCRIBE rtsp://cam/user=*&password=*&channel=* Some(401)   Basic",
                "login admin Failure clear=true",
                "SETUP rtsp://cam/s/1 Some(200)   Basic",
                "login admin Success clear=true",
                "DESCRIBE rtsp://cam/s Some(200)   Basic",
                "GET_PARAMETER rtsp://c Some(200)   ",
                "TEARDOWN rtsp://cam/s None   ",
            ]
        );
        assert!(!format!("{acts:?}").contains("SECRET"));
    }

    #[test]
    fn one_direction_alone_and_holes() {
        let up = testing::tcp(&SPEC, &[TALK[0], TALK[2]]);
        assert_eq!(up.len(), 3);
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Rtsp, Transport::Tcp, testing::options());
        drive.feed(Dir::Down, b"RTSP/1.0 200 OK\r\nCSeq: 9\r\nServer: S\r\n\r\n$\0\x03\xe8abc");
        drive.gap(Dir::Down, 997);
        drive.feed(Dir::Down, b"RTSP/1.0 454 No\r\nCSeq: 10\r\nContent-Le");
        drive.gap(Dir::Down, 50);
        drive.feed(Dir::Down, b"junk\r\n\r\n");
        drive.feed(Dir::Down, b"RTSP/1.0 200 OK\r\nCSeq: 11\r\n\r\n");
        drive.end();
        assert_eq!(told(&drive.acts()), ["  Some(200)  S ", "  Some(200)   "]);
    }

    #[test]
    fn requests_without_answers_are_bounded() {
        let up = b"PLAY rtsp://c RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(1000);
        assert_eq!(testing::tcp(&SPEC, &[(Dir::Up, &up)]).len(), 1000);
    }

    #[test]
    fn probes() {
        let ask = |up: &[u8], down: &[u8]| probe(&ProbeInput { up, down, client_port: 1, server_port: 9, datagram: false });
        assert_eq!(ask(b"OPTIONS rtsp://h RTSP/1.0\r\n", b""), Verdict::Sure(96));
        assert_eq!(ask(b"OPTIONS rtsp://h RT", b""), Verdict::Unsure);
        assert_eq!(ask(b"", b"RTSP/1.0 200 OK\r\n"), Verdict::Sure(96));
        for other in [&b"OPTIONS / HTTP/1.1\r\n"[..], b"OPTIONS sip:h SIP/2.0\r\n", b"USER x", b"SSH-2.0-x\r\n", b"\x16\x03\x01"] {
            assert_eq!(ask(other, b""), Verdict::No, "{other:?}");
        }
    }

    hostile!(SPEC, script(TALK));
}
