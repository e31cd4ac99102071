//! SSH (RFC 4253): the version strings, HASSH of both sides, and what the shape of the encrypted conversation says about logins.
//!
//! HASSH and hasshServer are by Salesforce (BSD-3-Clause). They stand in the key exchange packets, which are put together for them; the
//! versions are told with them, or without where those do not come.
//!
//! After NEWKEYS only lengths can be seen, but authentication has a rigid form (RFC 4252), and packets are padded to multiples of 8 or
//! 16 (RFC 4253, 6). The server's answer to the client's first encrypted message is SERVICE_ACCEPT with 17 bytes of content; its answer
//! to a good login is USERAUTH_SUCCESS with 1. With the same cipher and MAC the second is therefore exactly 16 bytes shorter than the
//! first, and nothing else in this phase is. A refusal lists the methods that can continue, so all refusals of one conversation have the
//! same length, which the first one, the answer to the customary try with method 'none', gives away. So:
//!
//! - an answer 16 bytes shorter than the first is a **success**. Very sure with OpenSSH, Dropbear, libssh and their kin; keyboard-interactive
//!   and public keys end in the same message.
//! - an answer as long as the first refusal is a **failure**, told each time. The first refusal itself is told only if the conversation
//!   ends with nothing after it: a client that begins with a password instead of 'none' has one failure more than is told.
//! - where these do not show (messages that share segments, a hole, one direction only), the whole decides when the conversation ends:
//!   more than [`LONG_TURNS`] changes of speaker or [`LONG_BYTES`] from the server after NEWKEYS mean that somebody worked in a session
//!   (**success**, fairly sure), an end within [`SHORT_TURNS`] changes means that nobody was let in (**failure**, fairly sure: a client
//!   that logs in and leaves at once looks the same only if its success was not seen). Between them it stays unknown.
//!
//! User names are never visible. SSH 1 conversations tell their version strings only.

use super::{server_first, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Login, Outcome, Protocol, Ssh};

/// SSH.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Ssh, tcp: true, udp: false, ports: &[22, 2222], probe, start: || Box::<SshParser>::default() };

/// Bytes of a version string (RFC 4253, 4.2: 255 with its line end).
pub const MAX_VERSION: usize = 253;
/// Bytes of a line before the version string that are looked at.
const MAX_LINE: usize = 1024;
/// Lines that a server may send before its version string.
const MAX_LINES: u32 = 32;
/// Greatest packet before encryption (RFC 4253, 6.1).
const MAX_PACKET: u32 = 35_000;
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
/// Bytes of a key exchange packet that are put together; the lists of a longer one are not read.
const MAX_INIT: usize = 8 * 1024;
/// Changes of speaker after NEWKEYS that only a session has.
pub const LONG_TURNS: u32 = 30;
/// Bytes from the server after NEWKEYS that only a session has.
pub const LONG_BYTES: u64 = 8 * 1024;
/// Changes of speaker within which a conversation without success was refused.
pub const SHORT_TURNS: u32 = 20;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut unsure = false;
    for bytes in [i.up, i.down] {
        if bytes.starts_with(b"SSH-") {
            match bytes.get(4..) {
                Some([b'1' | b'2', b'.', ..]) => return Verdict::Sure(97),
                Some([] | [b'1' | b'2']) => unsure = true,
                _ => return Verdict::No,
            }
        } else if b"SSH-".starts_with(bytes) {
            unsure = true;
        } else if bytes == i.up {
            return Verdict::No;
        } else {
            // A server may say other things first.
            unsure |= bytes.len() < 512 && bytes.is_ascii();
            if bytes.windows(7).any(|w| w == b"\nSSH-2." || w == b"\nSSH-1.") {
                return Verdict::Sure(95);
            }
        }
    }
    if unsure { Verdict::Unsure } else { Verdict::No }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the version string.
    #[default]
    Version,
    /// Clear packets of the key exchange.
    Packets,
    /// Bytes of a clear packet that are passed over.
    Packet(u32),
    /// After NEWKEYS, or unreadable for another reason.
    Closed,
}

#[derive(Default)]
struct Side {
    state: State,
    lines: u32,
    overlong: bool,
    /// The key exchange packet, as far as it came.
    init: Vec<u8>,
    /// It was read, or will not come.
    offered: bool,
}

/// The encrypted conversation.
#[derive(Default)]
struct Shape {
    /// Both sides have changed keys.
    keyed: [bool; 2],
    /// Who is speaking, and how much of it there is.
    turn: Option<Dir>,
    bytes: u64,
    turns: u32,
    server_bytes: u64,
    /// Length of the answer to the client's first message, and of the first refusal.
    accept: Option<u64>,
    refusal: Option<u64>,
    /// Answers after the first refusal.
    answers: u32,
    failures: u32,
    succeeded: bool,
    /// Lengths cannot be trusted.
    blurred: bool,
}

#[derive(Default)]
struct SshParser {
    act: Ssh,
    told: bool,
    sides: [Side; 2],
    shape: Shape,
    login: Login,
    /// The capture began late, with the server.
    turned: bool,
}

impl Parser for SshParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        self.turned = server_first(&cx.head, SPEC.ports);
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let side = self.side(dir);
            if side.state == State::Closed {
                if !rest.is_empty() {
                    self.passed(dir, rest.len() as u64, cx);
                }
                return Step::Skip(u64::MAX);
            }
            if rest.is_empty() {
                return Step::Used(at);
            }
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            match side.state {
                State::Version => {
                    if side.overlong {
                        match rest.iter().position(|b| *b == b'\n') {
                            Some(lf) => {
                                side.overlong = false;
                                at += lf + 1;
                                continue;
                            }
                            None => return Step::Used(bytes.len()),
                        }
                    }
                    match text::line(rest) {
                        Some((line, used)) => {
                            at += used;
                            if !self.line(dir, line, cx) {
                                return Step::Done;
                            }
                        }
                        None if rest.len() > MAX_LINE => {
                            side.overlong = true;
                            side.lines += 1;
                            return if rest.starts_with(b"SSH-") || side.lines > MAX_LINES { Step::Done } else { Step::Used(bytes.len()) };
                        }
                        None => return wait,
                    }
                }
                State::Packets => {
                    let (Some(length), Some(&kind)) = (super::be32(rest, 0), rest.get(5)) else { return wait };
                    if !(2..=MAX_PACKET).contains(&length) {
                        // No clear packet: the capture lost something, or it is SSH 1.
                        side.state = State::Closed;
                        self.shape.blurred = true;
                        self.tell(cx);
                        continue;
                    }
                    side.state = State::Packet(4 + length);
                    side.init.clear();
                    if kind == KEXINIT && !side.offered && length as usize <= MAX_INIT {
                        side.init.reserve(4 + length as usize);
                    } else {
                        // Behind its key exchange packet, or without one.
                        side.offered = true;
                    }
                    if kind == NEWKEYS {
                        let [up, down] = &mut self.shape.keyed;
                        *(if dir == Dir::Up { up } else { down }) = true;
                        self.tell(cx);
                    }
                }
                State::Packet(left) => {
                    let n = (left as usize).min(rest.len());
                    if !side.offered {
                        side.init.extend_from_slice(rest.get(..n).unwrap_or_default());
                        if n == left as usize {
                            self.offer(dir, cx);
                        }
                    }
                    let keyed = self.keyed(dir);
                    self.side(dir).state = match left - n as u32 {
                        0 if keyed => State::Closed,
                        0 => State::Packets,
                        left => State::Packet(left),
                    };
                    at += n;
                }
                State::Closed => return Step::Skip(u64::MAX),
            }
        }
    }

    fn gap(&mut self, dir: Dir, missing: u64, _cx: &mut Cx<'_>) -> Step {
        let side = self.side(dir);
        match side.state {
            State::Packet(left) if missing > 0 && missing <= u64::from(left) => {
                side.state = State::Packet(left - missing as u32);
                side.offered = true;
                return Step::More;
            }
            _ => {}
        }
        side.state = State::Closed;
        side.offered = true;
        self.shape.blurred = true;
        Step::Skip(u64::MAX)
    }

    fn passed(&mut self, dir: Dir, bytes: u64, cx: &mut Cx<'_>) {
        if dir == self.server() {
            self.shape.server_bytes += bytes;
        }
        let shape_turn = self.shape.turn;
        if shape_turn == Some(dir) {
            self.shape.bytes += bytes;
            return;
        }
        if shape_turn.is_some() {
            self.turn_over(cx);
        } else if dir == self.server() {
            // What the server sends unasked (RFC 8308) is no answer.
            return;
        }
        let shape = &mut self.shape;
        shape.turns += 1;
        (shape.turn, shape.bytes) = (Some(dir), bytes);
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.tell(cx);
        if self.shape.turn.is_some() {
            self.turn_over(cx);
        }
        let s = &mut self.shape;
        let keyed = s.keyed == [true; 2];
        if std::mem::replace(&mut s.blurred, true) && !keyed || s.succeeded || s.turns < 3 {
            return;
        }
        let outcome = match (s.turns, s.server_bytes, s.failures) {
            (LONG_TURNS.., ..) | (_, LONG_BYTES.., _) => Outcome::Success,
            // Each failure was told when it came.
            (_, _, 1..) => return,
            (..=SHORT_TURNS, ..) => Outcome::Failure,
            _ => Outcome::Unknown,
        };
        s.succeeded = true;
        self.judge(outcome, cx);
    }

    fn reset(&mut self) {
        let a = &mut self.act;
        for s in [&mut a.client, &mut a.server, &mut a.hassh, &mut a.hassh_server] {
            s.clear();
        }
        (self.told, self.turned) = (false, false);
        for side in &mut self.sides {
            let mut init = std::mem::take(&mut side.init);
            init.clear();
            *side = Side { init, ..Side::default() };
        }
        self.shape = Shape::default();
    }
}

impl SshParser {
    fn side(&mut self, dir: Dir) -> &mut Side {
        let [up, down] = &mut self.sides;
        if dir == Dir::Up { up } else { down }
    }

    fn keyed(&self, dir: Dir) -> bool {
        let [up, down] = self.shape.keyed;
        if dir == Dir::Up { up } else { down }
    }

    /// The two sides look alike on the wire: who spoke first is the client, unless the ports say otherwise.
    fn server(&self) -> Dir {
        if self.turned { Dir::Up } else { Dir::Down }
    }

    fn line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) -> bool {
        let server = self.server();
        let side = self.side(dir);
        if !line.starts_with(b"SSH-") {
            side.lines += 1;
            // Only a server may (RFC 4253, 4.2).
            return side.lines <= MAX_LINES && dir == server;
        }
        let two = line.starts_with(b"SSH-2.") || line.starts_with(b"SSH-1.99");
        side.state = if two { State::Packets } else { State::Closed };
        if !two {
            self.shape.blurred = true;
            self.side(dir).offered = true;
        }
        let own = if dir == server { &mut self.act.server } else { &mut self.act.client };
        text::set(own, line, MAX_VERSION);
        self.tell_if_whole(cx);
        true
    }

    /// The key exchange packet of a side is there: which of the two HASSHes it gives depends on who the side is.
    fn offer(&mut self, dir: Dir, cx: &mut Cx<'_>) {
        let server = dir == self.server();
        let Self { sides: [up, down], act, .. } = self;
        let side = if dir == Dir::Up { up } else { down };
        side.offered = true;
        hassh(&side.init, server, if server { &mut act.hassh_server } else { &mut act.hassh });
        side.init.clear();
        self.tell_if_whole(cx);
    }

    fn tell_if_whole(&mut self, cx: &mut Cx<'_>) {
        let versions = !self.act.client.is_empty() && !self.act.server.is_empty();
        if versions && self.sides.iter().all(|s| s.offered) {
            self.tell(cx);
        }
    }

    fn tell(&mut self, cx: &mut Cx<'_>) {
        if (self.act.client.is_empty() && self.act.server.is_empty()) || std::mem::replace(&mut self.told, true) {
            return;
        }
        cx.emit_turned(self.turned, ActRef::Ssh(&self.act));
    }

    /// The speaker changes: what did the last turn mean?
    fn turn_over(&mut self, cx: &mut Cx<'_>) {
        let server = self.server();
        let s = &mut self.shape;
        let length = s.bytes;
        if s.turn != Some(server) || s.succeeded || s.blurred {
            return;
        }
        match (s.accept, s.refusal) {
            (None, _) => s.accept = Some(length),
            (Some(accept), _) if length + 16 == accept => {
                s.succeeded = true;
                self.judge(Outcome::Success, cx);
            }
            (Some(_), None) => s.refusal = Some(length),
            (Some(_), Some(refusal)) => {
                s.answers += 1;
                if length == refusal {
                    s.failures += 1;
                    self.judge(Outcome::Failure, cx);
                }
            }
        }
    }

    fn judge(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        self.login.outcome = outcome;
        cx.emit_turned(self.turned, ActRef::Login(&self.login));
    }
}

/// HASSH, or hasshServer, of a key exchange packet (RFC 4253, 7.1): MD5 over the lists of key exchange methods, ciphers, MACs and
/// compression as they stand, with semicolons between; the client's lists are those towards the server, and the other way round.
/// Leaves `out` empty where the packet is not well-formed.
fn hassh(packet: &[u8], server: bool, out: &mut String) -> Option<()> {
    out.clear();
    let length = super::be32(packet, 0)? as usize;
    let padding = usize::from(*packet.get(4)?);
    // Kind of message and cookie stand before the lists.
    let mut rest = packet.get(22..(4 + length).checked_sub(padding)?)?;
    let mut lists = [&[][..]; 8];
    for list in &mut lists {
        let n = super::be32(rest, 0)? as usize;
        *list = rest.get(4..4usize.checked_add(n)?)?;
        rest = rest.get(4 + n..)?;
    }
    let [methods, _, cipher_up, cipher_down, mac_up, mac_down, zip_up, zip_down] = lists;
    let (cipher, mac, zip) = if server { (cipher_down, mac_down, zip_down) } else { (cipher_up, mac_up, zip_up) };
    super::fingerprint::md5(&[methods, b";", cipher, b";", mac, b";", zip], out);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn packet(kind: u8, length: usize) -> Vec<u8> {
        let mut p = vec![0; length];
        p[4..6].copy_from_slice(&[4, kind]);
        p[2] = ((length - 4) >> 8) as u8;
        p[3] = ((length - 4) & 0xff) as u8;
        p
    }
    fn init(lists: [&str; 8]) -> Vec<u8> {
        let mut p = [&[0; 4][..], &[7, 20], &[9; 16]].concat();
        for l in lists.iter().chain(&["", ""]) {
            p.extend((l.len() as u32).to_be_bytes());
            p.extend(l.as_bytes());
        }
        p.extend([0; 5 + 7]);
        let length = (p.len() as u32 - 4).to_be_bytes();
        p[..4].copy_from_slice(&length);
        p
    }
    /// Key exchange, then encrypted pieces of the given lengths.
    fn talk(encrypted: &[(Dir, usize)]) -> Vec<(Dir, Vec<u8>)> {
        let mut t = vec![
            (Dir::Down, b"Only for staff\r\nSSH-2.0-dropbear_2019.78\r\n".to_vec()),
            (Dir::Up, b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
            (Dir::Up, packet(20, 1200)),
            (Dir::Down, init(["kex-s", "key", "c-up", "c-down", "m-up", "m-down", "z-up", "z-down"])),
            (Dir::Up, packet(30, 48)),
            (Dir::Down, [packet(31, 400), packet(21, 16), vec![9; 100]].concat()),
            (Dir::Up, packet(21, 16)),
        ];
        t.extend(encrypted.iter().map(|(d, n)| (*d, vec![0xee; *n])));
        t
    }
    /// Lengths matter here, so pieces are not cut.
    fn run(parts: &[(Dir, Vec<u8>)]) -> (Vec<Outcome>, Ssh) {
        let mut parser = (SPEC.start)();
        let script: Vec<(Dir, &[u8])> = parts.iter().map(|(d, b)| (*d, b.as_slice())).collect();
        let acts = testing::run_on(&mut *parser, &SPEC, &script, testing::Cut::Whole, testing::options());
        let mut ssh = Ssh::default();
        let outcomes = acts
            .into_iter()
            .filter_map(|a| match a {
                Act::Login(l) => Some(l.outcome),
                Act::Ssh(s) => {
                    ssh = s;
                    None
                }
                other => panic!("{other:?}"),
            })
            .collect();
        (outcomes, ssh)
    }
    const BEGIN: [(Dir, usize); 4] = [(Dir::Up, 44), (Dir::Down, 44), (Dir::Up, 60), (Dir::Down, 52)];

    #[test]
    fn a_failure_each_time_and_a_success() {
        let mut t = BEGIN.to_vec();
        t.extend([
            (Dir::Up, 140),
            (Dir::Down, 52),
            (Dir::Up, 140),
            (Dir::Down, 52),
            (Dir::Up, 140),
            (Dir::Down, 28),
            (Dir::Up, 100),
            (Dir::Down, 500),
        ]);
        let (outcomes, ssh) = run(&talk(&t));
        assert_eq!(outcomes, [Outcome::Failure, Outcome::Failure, Outcome::Success]);
        assert_eq!((ssh.client.as_str(), ssh.server.as_str()), ("SSH-2.0-OpenSSH_9.2", "SSH-2.0-dropbear_2019.78"));
    }

    #[test]
    fn an_early_end_is_a_failure_and_a_long_talk_a_success() {
        assert_eq!(run(&talk(&BEGIN)).0, [Outcome::Failure]);
        assert!(run(&talk(&BEGIN[..2])).0.is_empty(), "no attempt was made");
        let mut t = BEGIN.to_vec();
        t.extend((0..40).map(|i| if i % 2 == 0 { (Dir::Up, 40) } else { (Dir::Down, 70 + i) }));
        assert_eq!(run(&talk(&t)).0, [Outcome::Success]);
    }

    #[test]
    fn versions_alone() {
        let acts = testing::tcp(&SPEC, &[(Dir::Down, b"SSH-1.99-Cisco-1.25\n")]);
        assert!(matches!(acts.as_slice(), [Act::Ssh(s)] if s.server == "SSH-1.99-Cisco-1.25" && s.client.is_empty()));
        let acts =
            testing::tcp(&SPEC, &[(Dir::Down, b"SSH-1.5-old\n"), (Dir::Up, b"SSH-1.5-\xff\n"), (Dir::Up, &[7; 90]), (Dir::Down, &[7; 90])]);
        assert!(matches!(acts.as_slice(), [Act::Ssh(s)] if s.client == "SSH-1.5-\\xff"), "{acts:?}");
    }

    #[test]
    fn hasshes_of_both_sides() {
        let lists = ["kex", "key", "c-up", "c-down", "m-up", "m-down", "z-up", "z-down"];
        let mut want = [String::new(), String::new()];
        super::super::fingerprint::md5(&[b"kex;c-up;m-up;z-up"], &mut want[0]);
        super::super::fingerprint::md5(&[b"kex;c-down;m-down;z-down"], &mut want[1]);
        let talk: &[(Dir, &[u8])] = &[
            (Dir::Up, b"SSH-2.0-a\r\n"),
            (Dir::Down, b"SSH-2.0-b\r\n"),
            (Dir::Up, &init(lists)),
            (Dir::Down, &init(lists)),
            (Dir::Up, &packet(30, 48)),
        ];
        let acts = testing::tcp(&SPEC, talk);
        assert!(matches!(acts.as_slice(), [Act::Ssh(s)] if [&s.hassh, &s.hassh_server] == [&want[0], &want[1]]), "{acts:?}");
        // One direction alone, told at its NEWKEYS.
        let acts = testing::tcp(&SPEC, &[(Dir::Up, b"SSH-2.0-a\r\n"), (Dir::Up, &init(lists)), (Dir::Up, &packet(21, 16))]);
        assert!(matches!(acts.as_slice(), [Act::Ssh(s)] if s.hassh == want[0] && s.hassh_server.is_empty()), "{acts:?}");
        // Lists that lie about their length, and a packet that is cut, give none.
        let mut out = String::from("old");
        let good = init(lists);
        for cut in 0..good.len() - 12 {
            assert!(hassh(&good[..cut], false, &mut out).is_none() && out.is_empty(), "cut at {cut}");
        }
        let mut lie = good.clone();
        lie[22] = 0xff;
        assert!(hassh(&lie, true, &mut out).is_none());
        lie = good;
        lie[4] = 0xff;
        assert!(hassh(&lie, true, &mut out).is_none());
    }

    #[test]
    fn an_endless_line_ends_the_reading() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ssh, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, &[b"SSH-2.0-".as_slice(), &vec![b'a'; 5000]].concat());
        assert!(drive.done);
    }

    #[test]
    fn probes() {
        let ask = |up: &[u8], down: &[u8]| (SPEC.probe)(&ProbeInput { up, down, client_port: 1, server_port: 9, datagram: false });
        assert_eq!(ask(b"SSH-2.0-x", b""), Verdict::Sure(97));
        assert_eq!(ask(b"", b"hello\r\nSSH-2.0-x\r\n"), Verdict::Sure(95));
        assert_eq!(ask(b"SS", b""), Verdict::Unsure);
        assert_eq!(ask(b"SSH-9", b""), Verdict::No);
        assert_eq!(ask(b"GET / ", b""), Verdict::No);
    }

    hostile!(SPEC, script(&talk(&BEGIN).iter().map(|(d, b)| (*d, b.as_slice())).collect::<Vec<_>>()));
}
