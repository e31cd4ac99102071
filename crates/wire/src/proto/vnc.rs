//! VNC's remote framebuffer protocol (RFC 6143, and version 3.3 as it was before): version, way of logging in, whether it worked, and the
//! name of the desktop. What is on the screen and what is typed is passed over.
//!
//! With VNC authentication (type 2) and Apple's (30) the server says in so many words whether the password was good; nothing of the challenge
//! or its answer is kept. A desktop that asks for no password (type 1) has no log-in to tell: the type says it. With other types (Tight,
//! VeNCrypt, MS-Logon …) the conversation takes forms of their makers; then a log-in of unknown outcome is told, and the rest is
//! passed over.

use super::{be16, be32, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Login, Outcome, Protocol, Remote};

/// VNC.
pub const SPEC: Spec = Spec {
    protocol: Protocol::Vnc,
    tcp: true,
    udp: false,
    ports: &[5900, 5901, 5902, 5903, 5500, 5800],
    probe,
    start: || Box::<VncParser>::default(),
};

/// Bytes kept of the desktop's name.
pub const MAX_NAME: usize = 256;
/// Bytes of a version line.
const VERSION: usize = 12;
const NONE: u8 = 1;
const PASSWORD: u8 = 2;
const APPLE: u8 = 30;
/// A prime longer than this is not Apple's.
const MAX_KEY: usize = 1024;

/// Whether these are the first bytes of a version line.
fn version(bytes: &[u8]) -> Verdict {
    let line = bytes.get(..VERSION).unwrap_or(bytes);
    let form = b"RFB ddd.ddd\n";
    let fits = line.iter().zip(form).all(|(b, f)| if *f == b'd' { b.is_ascii_digit() } else { b == f });
    match (fits, line.len()) {
        (false, _) => Verdict::No,
        (true, VERSION) => Verdict::Sure(97),
        (true, _) => Verdict::Unsure,
    }
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    match (i.down.is_empty(), i.up.is_empty()) {
        (false, true) => version(i.down),
        (true, false) => version(i.up),
        _ => version(i.down).min(version(i.up)),
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    ServerVersion,
    ClientVersion,
    /// Version 3.3: the server chooses.
    ServerChoice,
    /// From 3.7: the server offers and the client chooses.
    Offer,
    Choice,
    Challenge,
    Answer,
    AppleKey,
    /// The answer to Apple's key, of this many bytes.
    AppleAnswer(usize),
    Result,
    ClientInit,
    ServerInit,
    /// Nothing more to read.
    Open,
}

#[derive(Default)]
struct VncParser {
    state: State,
    /// The direction of the server, once it spoke.
    server: Option<Dir>,
    minor: u16,
    act: Remote,
    told: bool,
    login: Login,
    /// Somebody is about to log in.
    open: bool,
}

impl Parser for VncParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let server = *self.server.get_or_insert(dir);
        let mut at = 0;
        loop {
            if self.state == State::Open {
                return Step::Skip(u64::MAX);
            }
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            match self.step(dir == server, rest, cx) {
                Some(0) => return if at > 0 { Step::Used(at) } else { Step::More },
                Some(n) => at += n,
                None => {
                    self.end(cx);
                    return Step::Done;
                }
            }
        }
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, cx: &mut Cx<'_>) -> Step {
        // Only what comes first is read, and without all of it nothing can be.
        self.end(cx);
        self.state = State::Open;
        Step::Skip(u64::MAX)
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.finish(Outcome::Unknown, cx);
        self.tell(cx);
    }

    fn reset(&mut self) {
        (self.state, self.server, self.minor, self.told, self.open) = (State::default(), None, 0, false, false);
        self.act.version.clear();
        self.act.name.clear();
        self.act.security = None;
    }
}

impl VncParser {
    /// Reads the next part. Bytes used, 0 where more are needed, `None` where it is no VNC.
    fn step(&mut self, server: bool, bytes: &[u8], cx: &mut Cx<'_>) -> Option<usize> {
        let wait = Some(0);
        let whole = |n: usize| bytes.len() >= n;
        match (self.state, server) {
            (State::ServerVersion, true) | (State::ClientVersion, false) => {
                if !whole(VERSION) {
                    return if version(bytes) == Verdict::No { None } else { wait };
                }
                if version(bytes) == Verdict::No {
                    return None;
                }
                let digits = bytes.get(4..11)?;
                if server {
                    text::set(&mut self.act.version, digits, VERSION);
                    self.state = State::ClientVersion;
                } else {
                    // The client's version is the one that both use. Those that nobody wrote down count as the next lower one (7.1.1).
                    self.minor = text::number(digits.get(4..)?).map_or(3, |n| n as u16);
                    self.state = if self.minor < 7 { State::ServerChoice } else { State::Offer };
                }
                Some(VERSION)
            }
            (State::ServerChoice, true) => {
                let Some(kind) = be32(bytes, 0) else { return wait };
                if kind == 0 {
                    // Refused, with a reason.
                    self.state = State::Open;
                    self.tell(cx);
                } else {
                    self.chosen(u8::try_from(kind).ok()?, cx);
                }
                Some(4)
            }
            (State::Offer, true) => {
                let n = usize::from(*bytes.first()?);
                if !whole(1 + n) {
                    return wait;
                }
                if n == 0 {
                    self.state = State::Open;
                    self.tell(cx);
                } else {
                    self.state = State::Choice;
                }
                Some(1 + n)
            }
            (State::Choice, false) => {
                self.chosen(*bytes.first()?, cx);
                Some(1)
            }
            (State::Challenge, true) | (State::Answer, false) => {
                if !whole(16) {
                    return wait;
                }
                (self.state, self.open) = if server { (State::Answer, self.open) } else { (State::Result, true) };
                Some(16)
            }
            (State::AppleKey, true) => {
                let Some(n) = be16(bytes, 2).map(usize::from) else { return wait };
                if n > MAX_KEY {
                    return None;
                }
                if !whole(4 + 2 * n) {
                    return wait;
                }
                self.state = State::AppleAnswer(128 + n);
                Some(4 + 2 * n)
            }
            (State::AppleAnswer(n), false) => {
                if !whole(n) {
                    return wait;
                }
                (self.state, self.open) = (State::Result, true);
                Some(n)
            }
            (State::Result, true) => {
                let Some(result) = be32(bytes, 0) else { return wait };
                self.result(result == 0, cx);
                Some(4)
            }
            (State::ClientInit, false) => {
                self.state = State::ServerInit;
                Some(1)
            }
            // The one byte of the client may have been lost or come late.
            (State::ServerInit | State::ClientInit, true) => {
                let Some(n) = be32(bytes, 20) else { return wait };
                let n = usize::try_from(n).ok()?;
                let kept = n.min(MAX_NAME);
                if !whole(24 + kept) {
                    return wait;
                }
                text::set(&mut self.act.name, bytes.get(24..24 + kept)?, MAX_NAME);
                self.state = State::Open;
                self.tell(cx);
                Some(24 + kept)
            }
            // Somebody speaks out of turn: it may be a matter of order, so a little is waited for.
            _ if bytes.len() <= 64 => wait,
            _ => None,
        }
    }

    fn chosen(&mut self, kind: u8, cx: &mut Cx<'_>) {
        self.act.security = Some(kind);
        self.state = match kind {
            NONE if self.minor >= 8 => State::Result,
            NONE => State::ClientInit,
            PASSWORD => State::Challenge,
            APPLE => State::AppleKey,
            _ => {
                self.open = true;
                self.finish(Outcome::Unknown, cx);
                self.tell(cx);
                State::Open
            }
        };
    }

    fn result(&mut self, good: bool, cx: &mut Cx<'_>) {
        self.finish(if good { Outcome::Success } else { Outcome::Failure }, cx);
        self.state = if good { State::ClientInit } else { State::Open };
        if !good {
            self.tell(cx);
        }
    }

    fn finish(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.open) {
            self.login.outcome = outcome;
            self.emit(cx, |s| ActRef::Login(&s.login));
        }
    }

    fn tell(&mut self, cx: &mut Cx<'_>) {
        if !self.act.version.is_empty() && !std::mem::replace(&mut self.told, true) {
            self.emit(cx, |s| ActRef::Remote(&s.act));
        }
    }

    fn emit(&self, cx: &mut Cx<'_>, act: fn(&Self) -> ActRef<'_>) {
        cx.emit_turned(self.server == Some(Dir::Up), act(self));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    const INIT: &[u8] = b"\x04\0\x03\0\x20\x18\0\x01\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\x05HMI-1";

    fn told(acts: &[Act]) -> (Option<Outcome>, Option<u8>, String) {
        let login = acts.iter().find_map(|a| if let Act::Login(l) = a { Some(l.outcome) } else { None });
        let remote: Vec<_> = acts.iter().filter_map(|a| if let Act::Remote(r) = a { Some(r) } else { None }).collect();
        assert_eq!(remote.len(), 1);
        (login, remote[0].security, remote[0].name.clone())
    }

    #[test]
    fn a_password_that_is_good_and_one_that_is_not() {
        let begin = [(Dir::Down, &b"RFB 003.008\n"[..]), (Dir::Up, b"RFB 003.008\n"), (Dir::Down, &[2, 2, 16]), (Dir::Up, &[2])];
        let answer = [(Dir::Down, &[0x43; 16][..]), (Dir::Up, &[0x52; 16])];
        let good = [&begin[..], &answer, &[(Dir::Down, &[0; 4]), (Dir::Up, &[1]), (Dir::Down, INIT), (Dir::Down, &[0; 900])]].concat();
        assert_eq!(told(&testing::tcp(&SPEC, &good)), (Some(Outcome::Success), Some(2), "HMI-1".into()));
        let bad = [&begin[..], &answer, &[(Dir::Down, b"\0\0\0\x01\0\0\0\x03bad")]].concat();
        let acts = testing::tcp(&SPEC, &bad);
        assert_eq!(told(&acts), (Some(Outcome::Failure), Some(2), String::new()));
        assert!(!format!("{acts:?}").contains("RRRR"));
        // Nobody answered: nobody tried.
        assert_eq!(told(&testing::tcp(&SPEC, &begin)).0, None);
        let open = [&begin[..], &answer].concat();
        assert_eq!(told(&testing::tcp(&SPEC, &open)).0, Some(Outcome::Unknown));
    }

    #[test]
    fn a_desktop_without_password_and_the_oldest_version() {
        let open =
            [(Dir::Down, &b"RFB 003.008\n"[..]), (Dir::Up, b"RFB 003.007\n"), (Dir::Down, &[1, 1]), (Dir::Up, &[1, 1]), (Dir::Down, INIT)];
        assert_eq!(told(&testing::tcp(&SPEC, &open)), (None, Some(1), "HMI-1".into()));
        let old = [
            (Dir::Down, &b"RFB 003.003\n"[..]),
            (Dir::Up, b"RFB 003.003\n"),
            (Dir::Down, &[0, 0, 0, 2]),
            (Dir::Down, &[9; 16]),
            (Dir::Up, &[8; 16]),
            (Dir::Down, &[0; 4]),
            (Dir::Up, &[1]),
            (Dir::Down, INIT),
        ];
        assert_eq!(told(&testing::tcp(&SPEC, &old)), (Some(Outcome::Success), Some(2), "HMI-1".into()));
    }

    #[test]
    fn ways_of_logging_in_that_are_not_followed_leave_the_outcome_open() {
        let tight = [
            (Dir::Down, &b"RFB 003.008\n"[..]),
            (Dir::Up, b"RFB 003.008\n"),
            (Dir::Down, &[1, 19]),
            (Dir::Up, &[19]),
            (Dir::Down, &[0, 2, 0, 0]),
        ];
        assert_eq!(told(&testing::tcp(&SPEC, &tight)), (Some(Outcome::Unknown), Some(19), String::new()));
    }

    #[test]
    fn a_server_that_is_heard_first_is_the_server() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Vnc, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, b"RFB 003.889\n");
        drive.end();
        assert!(matches!(&drive.heard.0[0], (h, Act::Remote(r)) if h.server.port == Some(40000) && r.version == "003.889"));
    }

    #[test]
    fn other_greetings_are_refused() {
        let ask = |down: &[u8]| (SPEC.probe)(&ProbeInput { up: &[], down, client_port: 40000, server_port: 5900, datagram: false });
        assert_eq!(ask(b"RFB 003.008\n"), Verdict::Sure(97));
        assert_eq!(ask(b"RFB 00"), Verdict::Unsure);
        for other in [&b"RFB 003,008\n"[..], b"SSH-2.0-x\r\n", b"220 hello\r\n", &[0; 12]] {
            assert_eq!(ask(other), Verdict::No);
        }
    }

    hostile!(
        SPEC,
        script(&[
            (Dir::Down, b"RFB 003.008\n"),
            (Dir::Up, b"RFB 003.008\n"),
            (Dir::Down, &[1, 2]),
            (Dir::Up, &[2]),
            (Dir::Down, &[1; 16]),
            (Dir::Up, &[2; 16]),
            (Dir::Down, &[0; 4]),
            (Dir::Up, &[1]),
            (Dir::Down, INIT)
        ]),
        script(&[
            (Dir::Down, b"RFB 003.889\n"),
            (Dir::Up, b"RFB 003.889\n"),
            (Dir::Down, &[1, 30]),
            (Dir::Up, &[30]),
            (Dir::Down, &[0, 2, 0, 1, 7, 7]),
            (Dir::Up, &[2; 129]),
            (Dir::Down, &[0; 4])
        ])
    );
}
