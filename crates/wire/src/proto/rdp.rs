//! Remote Desktop (MS-RDPBCGR): who knocks with which name, and what both ends agree on before everything is encrypted.
//!
//! The client's first message is an X.224 connection request (TPKT, RFC 1006) with a cookie that mostly is the first nine letters of the user
//! name, and the security protocols that it can do. The server's answer chooses one. From there on TLS speaks, and the conversation is
//! handed to its parser. S7, MMS and others also ride on X.224: their connection requests carry TSAP parameters and are refused by the probe.
//!
//! Whether a password was good is said inside TLS where nobody can read it. So a log-in of **unknown** outcome is told for each
//! connection in which client and server agree on security, with the name of the cookie: what counts as guessing is many of them in a
//! short time, which somebody who works on a remote screen does not make. A client that is given a certificate it does not know connects
//! twice; that is two.
//!
//! Where the server chooses RDP's own security (5.3, without TLS), the MCS connection (T.125) is in clear and tells the client's name
//! and build (2.2.1.3.2).

use super::{be16, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Login, Outcome, Protocol, Rdp};

/// Remote Desktop.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Rdp, tcp: true, udp: false, ports: &[3389], probe, start: || Box::<RdpParser>::default() };

/// Bytes kept of the cookie.
pub const MAX_COOKIE: usize = 128;
/// The client's name has 15 characters at most (2.2.1.3.2).
const MAX_CLIENT: usize = 64;
const TPKT: usize = 4;
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const DATA: u8 = 0xf0;

/// Length of the TPKT at the beginning, where one stands there.
fn tpkt(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [3, 0, high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low]))).filter(|n| *n >= 7),
        _ => None,
    }
}

/// Kind of the X.224 message, and what follows its fixed part, which `fixed` bytes of the header after its length make up.
fn x224(packet: &[u8], fixed: usize) -> Option<(u8, &[u8])> {
    let length = usize::from(*packet.get(TPKT)?);
    let kind = packet.get(TPKT + 1)? & 0xf0;
    if TPKT + 1 + length > packet.len() || length < fixed {
        return None;
    }
    Some((kind, packet.get(TPKT + 1 + fixed..)?))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Cookie and offered protocols of a connection request's variable part (2.2.1.1); the cookie is without its key and line end.
fn request(variable: &[u8]) -> Option<(&[u8], Option<u32>)> {
    let (cookie, rest) = match variable.windows(2).position(|w| w == b"\r\n") {
        Some(end) if variable.starts_with(b"Cookie: ") => (variable.get(8..end)?, variable.get(end + 2..)?),
        // A routing token of a load balancer (2.2.1.1, routingToken) is free text.
        Some(end) if variable.get(..end)?.iter().all(|b| (0x20..0x7f).contains(b)) => (&[][..], variable.get(end + 2..)?),
        _ => (&[][..], variable),
    };
    match rest {
        [] => Some((cookie, None)),
        [1, _, 8, 0, ..] => Some((cookie, Some(le32(rest, 4)?))),
        _ => None,
    }
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = i.up;
    if bytes.is_empty() {
        return if i.down.is_empty() { Verdict::Unsure } else { Verdict::No };
    }
    if bytes.len() < 11 {
        return if [3, 0].starts_with(bytes.get(..2).unwrap_or(bytes)) && bytes.get(5).is_none_or(|k| *k == REQUEST) {
            Verdict::Unsure
        } else {
            Verdict::No
        };
    }
    let Some(length) = tpkt(bytes) else { return Verdict::No };
    // Length, kind, destination 0, class 0.
    let head = bytes.get(4).copied().map(usize::from) == length.checked_sub(5)
        && bytes.get(5) == Some(&REQUEST)
        && be16(bytes, 6) == Some(0)
        && bytes.get(10) == Some(&0);
    if !head {
        return Verdict::No;
    }
    let Some(packet) = bytes.get(..length) else {
        return if bytes.len() < 512 { Verdict::Unsure } else { Verdict::No };
    };
    match x224(packet, 6).and_then(|(_, variable)| request(variable)) {
        Some((cookie, Some(_))) if !cookie.is_empty() => Verdict::Sure(97),
        Some((_, Some(_))) => Verdict::Sure(95),
        Some((cookie, None)) if !cookie.is_empty() => Verdict::Sure(90),
        // A bare connection request is anybody's.
        Some(_) if i.server_port == 3389 => Verdict::Sure(60),
        _ => Verdict::No,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Request,
    Confirm,
    /// The next bytes are TLS.
    Secure,
    /// RDP's own security: the MCS connection in clear.
    Clear,
    /// Nothing more to read.
    Open,
}

#[derive(Default)]
struct RdpParser {
    state: State,
    act: Rdp,
    /// The request was seen and not yet told.
    pending: bool,
    login: Login,
}

impl Parser for RdpParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.state {
                State::Open => return Step::Skip(u64::MAX),
                _ if rest.is_empty() => return Step::Used(at),
                State::Secure => return if at > 0 { Step::Used(at) } else { Step::Become(Protocol::Tls) },
                _ => {}
            }
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            if rest.len() < TPKT {
                return wait;
            }
            let Some(length) = tpkt(rest) else {
                // Fast-path and encrypted forms begin otherwise; nothing in them is for us.
                self.end(cx);
                self.state = State::Open;
                continue;
            };
            // A connection message has its place in one packet of ordinary size.
            if length > super::MAX_WAIT {
                self.end(cx);
                return Step::Done;
            }
            let Some(packet) = rest.get(..length) else { return wait };
            at += length;
            if !self.packet(dir, packet, cx) {
                self.end(cx);
                self.state = State::Open;
            }
        }
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, cx: &mut Cx<'_>) -> Step {
        self.end(cx);
        self.state = State::Open;
        Step::Skip(u64::MAX)
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.pending) {
            cx.emit(ActRef::Rdp(&self.act));
        }
    }

    fn reset(&mut self) {
        (self.state, self.pending) = (State::default(), false);
        let Rdp { cookie, requested, selected, failure, client, build } = &mut self.act;
        cookie.clear();
        client.clear();
        (*requested, *selected, *failure, *build) = (0, None, None, 0);
        self.login.user.clear();
    }
}

impl RdpParser {
    /// False where nothing more can be read.
    fn packet(&mut self, dir: Dir, packet: &[u8], cx: &mut Cx<'_>) -> bool {
        match (self.state, dir) {
            (State::Request, Dir::Up) => {
                let Some((REQUEST, variable)) = x224(packet, 6) else { return false };
                let Some((cookie, offered)) = request(variable) else { return false };
                let name = cookie.strip_prefix(b"mstshash=").unwrap_or_default();
                text::set(&mut self.act.cookie, name, MAX_COOKIE);
                self.act.requested = offered.unwrap_or(0);
                self.pending = true;
                self.state = State::Confirm;
                true
            }
            (State::Request | State::Confirm, Dir::Down) => {
                let Some((CONFIRM, variable)) = x224(packet, 6) else { return false };
                self.pending = true;
                match variable {
                    [2, _, 8, 0, ..] => self.act.selected = le32(variable, 4),
                    [3, _, 8, 0, ..] => self.act.failure = le32(variable, 4),
                    // Servers that do not negotiate have RDP's own security.
                    _ => self.act.selected = Some(0),
                }
                match self.act.selected {
                    Some(0) => self.state = State::Clear,
                    Some(_) => {
                        self.end(cx);
                        self.attempt(cx);
                        self.state = State::Secure;
                    }
                    None => return false,
                }
                true
            }
            (State::Clear, Dir::Up) => {
                let Some((DATA, mcs)) = x224(packet, 2) else { return false };
                if mcs.starts_with(&[0x7f, 0x65]) {
                    let _ = self.client(mcs);
                }
                self.end(cx);
                true
            }
            (State::Clear, Dir::Down) => {
                let Some((DATA, mcs)) = x224(packet, 2) else { return false };
                // The server's half of the connection: from here the security exchange follows (1.3.1.1).
                if mcs.starts_with(&[0x7f, 0x66]) {
                    self.end(cx);
                    self.attempt(cx);
                    return false;
                }
                true
            }
            // Out of turn.
            _ => false,
        }
    }

    fn attempt(&mut self, cx: &mut Cx<'_>) {
        text::set(&mut self.login.user, self.act.cookie.as_bytes(), MAX_COOKIE);
        self.login.outcome = Outcome::Unknown;
        cx.emit(ActRef::Login(&self.login));
    }

    /// Client name and build from the client core data (2.2.1.3.2), which follows the key 'Duca' of the GCC request (2.2.1.3).
    fn client(&mut self, mcs: &[u8]) -> Option<()> {
        let key = mcs.windows(4).position(|w| w == b"Duca")?;
        let rest = mcs.get(key + 4..)?;
        // Length in PER: one byte, or two with the highest bit set.
        let mut blocks = rest.get(if rest.first()? & 0x80 != 0 { 2 } else { 1 }..)?;
        while let (Some(kind), Some(length)) = (le16(blocks, 0), le16(blocks, 2)) {
            let block = blocks.get(..usize::from(length))?;
            if kind == 0xc001 {
                self.act.build = le32(block, 20)?;
                let name = block.get(24..56)?;
                let end = name.chunks_exact(2).position(|c| c == [0, 0]).map_or(32, |n| n * 2);
                text::set_utf16(&mut self.act.client, name.get(..end)?, MAX_CLIENT);
                return Some(());
            }
            blocks = blocks.get(usize::from(length).max(4)..)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn connection(kind: u8, variable: &[u8]) -> Vec<u8> {
        let n = 11 + variable.len();
        [&[3, 0, (n >> 8) as u8, n as u8, (n - 5) as u8, kind, 0, 0, 0x12, 0x34, 0][..], variable].concat()
    }
    fn data(mcs: &[u8]) -> Vec<u8> {
        let n = 7 + mcs.len();
        [&[3, 0, (n >> 8) as u8, n as u8, 2, 0xf0, 0x80][..], mcs].concat()
    }
    const ASK: &[u8] = b"Cookie: mstshash=tanaka\r\n\x01\0\x08\0\x03\0\0\0";
    fn connect_initial() -> Vec<u8> {
        let name: Vec<u8> = "PC-設計".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut core = [&[0x01, 0xc0, 60, 0][..], &[4, 0, 8, 0], &[0; 12], &19041u32.to_le_bytes(), &name].concat();
        core.resize(60, 0);
        [&[0x7f, 0x65, 0x82, 1, 0, 4, 1, 1][..], b"Duca\x80\x44", &[4, 0xc0, 8, 0, 0, 0, 0, 0], &core].concat()
    }

    #[test]
    fn a_connection_that_goes_on_in_tls_is_handed_over_with_an_attempt_told() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Rdp, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, &connection(REQUEST, ASK));
        drive.feed(Dir::Down, &connection(CONFIRM, &[2, 0, 8, 0, 2, 0, 0, 0]));
        drive.feed(Dir::Up, &[0x16, 3, 1]);
        assert_eq!(drive.became, Some(Protocol::Tls));
        let acts = drive.acts();
        assert!(matches!(&acts[0], Act::Rdp(r) if r.cookie == "tanaka" && r.requested == 3 && r.selected == Some(2)), "{acts:?}");
        assert!(matches!(&acts[1], Act::Login(l) if l.user == "tanaka" && l.outcome == Outcome::Unknown && !l.clear_text), "{acts:?}");
        assert_eq!(acts.len(), 2);
    }

    #[test]
    fn a_refusal_is_no_attempt() {
        let acts =
            testing::tcp(&SPEC, &[(Dir::Up, &connection(REQUEST, ASK)), (Dir::Down, &connection(CONFIRM, &[3, 0, 8, 0, 5, 0, 0, 0]))]);
        assert!(matches!(&acts[..], [Act::Rdp(r)] if r.failure == Some(5) && r.selected.is_none()), "{acts:?}");
    }

    #[test]
    fn without_tls_the_client_names_itself() {
        let acts = testing::tcp(
            &SPEC,
            &[
                (Dir::Up, &connection(REQUEST, b"")),
                (Dir::Down, &connection(CONFIRM, b"")),
                (Dir::Up, &data(&connect_initial())),
                (Dir::Down, &data(&[0x7f, 0x66, 3, 2, 1, 0])),
                (Dir::Up, &[1; 300]),
            ],
        );
        assert!(matches!(&acts[0], Act::Rdp(r) if r.client == "PC-設計" && r.build == 19041 && r.selected == Some(0)), "{acts:?}");
        assert!(matches!(&acts[1], Act::Login(_)) && acts.len() == 2);
    }

    #[test]
    fn controllers_that_speak_the_same_transport_are_refused() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: false });
        assert_eq!(ask(&connection(REQUEST, ASK), 9), Verdict::Sure(97));
        assert_eq!(ask(&connection(REQUEST, ASK)[..30], 9), Verdict::Unsure);
        assert_eq!((ask(&connection(REQUEST, b""), 3389), ask(&connection(REQUEST, b""), 102)), (Verdict::Sure(60), Verdict::No));
        // S7: TSAPs and TPDU size.
        assert_eq!(ask(&connection(REQUEST, &[0xc1, 2, 1, 0, 0xc2, 2, 1, 2, 0xc0, 1, 10]), 102), Verdict::No);
        for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[3; 20], &[0; 20], &data(&[0x32, 1, 0, 0, 0, 0])] {
            assert_eq!(ask(other, 3389), Verdict::No);
        }
    }

    hostile!(
        SPEC,
        script(&[
            (Dir::Up, &connection(REQUEST, ASK)),
            (Dir::Down, &connection(CONFIRM, &[2, 0, 8, 0, 0, 0, 0, 0])),
            (Dir::Up, &data(&connect_initial())),
            (Dir::Down, &data(&[0x7f, 0x66, 0]))
        ])
    );
}
