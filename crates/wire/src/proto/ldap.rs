//! LDAP (RFC 4511) over TCP, and over UDP as Windows asks for domain controllers (MS-ADTS, 6.3.3): who binds with what, and which names are
//! asked for, changed, added and deleted. Each operation is told once, with its result; the entries of a search are counted.
//!
//! A simple bind sends the password as it is, which is a log-in in clear text. SASL binds take several steps, of which the last one is
//! told; NTLM inside them is read for names only ([`super::ntlm`]). After a SASL bind the conversation may go on signed or sealed
//! (RFC 4752), in a frame of its own: then nothing more can be read.
//!
//! Entries that hold a Java object or a reference to one (RFC 2713) are pointed out: it is by such an answer that Log4j's lookups
//! (CVE-2021-44228) were made to load a program.

use super::ber::{Reader, Start, int, start};
use super::{ntlm, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Ldap, Login, Ntlm, Outcome, Protocol, SecretKind};

/// LDAP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Ldap, tcp: true, udp: true, ports: &[389, 3268], probe, start: || Box::<LdapParser>::default() };

/// Bytes kept of a name.
pub const MAX_NAME: usize = 512;
const MAX_MECHANISM: usize = 32;
/// Operations whose results are waited for.
pub const MAX_OPEN: usize = 32;
/// Bytes of a message that are waited for; the rest is passed over.
const MAX_MESSAGE: usize = 12 * 1024;
/// A message said to be longer than this is none.
const MAX_LENGTH: usize = 1 << 28;
/// Pieces in a row that begin with something else before the conversation is given up.
const MAX_LOST: u32 = 16;

const BIND: u8 = 0x60;
const BIND_RESULT: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const MODIFY: u8 = 0x66;
const ADD: u8 = 0x68;
const DELETE: u8 = 0x4a;
const MODIFY_DN: u8 = 0x6c;
const COMPARE: u8 = 0x6e;
const EXTENDED: u8 = 0x77;
const EXTENDED_RESULT: u8 = 0x78;
/// Object identifier of StartTLS (RFC 4511, 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// A SASL bind needs another step.
const IN_PROGRESS: u16 = 14;

/// The operation of a request or its answer.
fn operation(tag: u8) -> Option<&'static str> {
    Some(match tag {
        BIND | BIND_RESULT => "bind",
        UNBIND => "unbind",
        SEARCH | ENTRY | 0x65 | 0x73 => "search",
        MODIFY | 0x67 => "modify",
        ADD | 0x69 => "add",
        DELETE | 0x6b => "delete",
        MODIFY_DN | 0x6d => "modify_dn",
        COMPARE | 0x6f => "compare",
        0x50 => "abandon",
        EXTENDED | EXTENDED_RESULT | 0x79 => "extended",
        _ => return None,
    })
}

fn answers(tag: u8) -> bool {
    matches!(tag, BIND_RESULT | ENTRY | 0x65 | 0x73 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | EXTENDED_RESULT | 0x79)
}

/// A message: its number, the tag of its operation, the content of that as far as it is there, and the length of all.
struct Message<'a> {
    id: i32,
    tag: u8,
    content: &'a [u8],
    length: usize,
}

enum Seen<'a> {
    Message(Message<'a>),
    More,
    Not,
}

/// Looks at the beginning of a message. `all` waits for all of it, or for [`MAX_MESSAGE`] bytes.
fn message(bytes: &[u8], all: bool) -> Seen<'_> {
    let (head, length) = match start(bytes) {
        Start::Element(0x30, head, length) if (5..=MAX_LENGTH).contains(&length) => (head, length),
        Start::More if bytes.first().is_none_or(|b| *b == 0x30) => return Seen::More,
        _ => return Seen::Not,
    };
    let total = head + length;
    let body = bytes.get(head..total.min(bytes.len())).unwrap_or_default();
    // Message number, then the operation.
    let n = match (body.first(), body.get(1)) {
        (None, _) | (Some(2), None) => return Seen::More,
        (Some(2), Some(&n @ 1..=4)) => usize::from(n),
        _ => return Seen::Not,
    };
    let Some(id) = body.get(2..2 + n).and_then(int) else { return Seen::More };
    if id < 0 {
        return Seen::Not;
    }
    let Some(operation_bytes) = body.get(2 + n..) else { return Seen::More };
    let Some(&tag) = operation_bytes.first() else { return Seen::More };
    if operation(tag).is_none() {
        return Seen::Not;
    }
    if all && bytes.len() < total.min(MAX_MESSAGE) {
        return Seen::More;
    }
    let Some((tag, content)) = Reader(operation_bytes.get(..MAX_MESSAGE).unwrap_or(operation_bytes)).element_cut() else {
        return if bytes.len() < total { Seen::More } else { Seen::Not };
    };
    Seen::Message(Message { id, tag, content, length: total })
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut best = Verdict::No;
    for bytes in [i.up, i.down] {
        if bytes.is_empty() {
            continue;
        }
        let verdict = match message(bytes, false) {
            Seen::Message(m) if i.datagram && m.length != bytes.len() => Verdict::No,
            Seen::Message(m) => judge(&m),
            Seen::More if !i.datagram => Verdict::Unsure,
            _ => Verdict::No,
        };
        if verdict == Verdict::No {
            return Verdict::No;
        }
        best = best.max(verdict);
    }
    best
}

/// Whether what is in the operation has its form, as far as it is there.
fn judge(m: &Message<'_>) -> Verdict {
    let mut r = Reader(m.content);
    let first = |tag: u8| m.content.first().is_none_or(|t| *t == tag);
    let fits = match m.tag {
        // Version 2 or 3, then the name.
        BIND => m.content.starts_with(&[2, 1, 2, 4]) || m.content.starts_with(&[2, 1, 3, 4]),
        UNBIND => m.content.is_empty(),
        SEARCH => r.expect_cut(4).is_some() && r.int(0x0a).is_none_or(|scope| (0..=3).contains(&scope)),
        MODIFY | ADD | MODIFY_DN | COMPARE | ENTRY => first(4),
        DELETE => m.content.iter().all(|b| !b.is_ascii_control()),
        EXTENDED => first(0x80),
        BIND_RESULT | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | EXTENDED_RESULT => m.content.starts_with(&[0x0a, 1]),
        _ => false,
    };
    if fits { Verdict::Sure(88) } else { Verdict::No }
}

#[derive(Default)]
struct Open {
    used: bool,
    id: i32,
    act: Ldap,
    login: Login,
    /// The bind is an attempt to log in.
    attempt: bool,
}

#[derive(Default)]
struct LdapParser {
    open: Vec<Open>,
    lost: [bool; 2],
    losses: u32,
    ntlm: Ntlm,
    /// Where the next operation goes if all places are taken.
    next: usize,
    spare: Open,
    /// The server agreed to TLS.
    secure: bool,
    /// A SASL bind was granted: what follows may be sealed.
    sasl: bool,
}

impl Parser for LdapParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            if self.secure {
                if at == 0 {
                    self.end(cx);
                    return Step::Become(Protocol::Tls);
                }
                return wait;
            }
            let m = match message(rest, true) {
                Seen::Message(m) => m,
                Seen::More if !*self.lost(dir) => return wait,
                _ if self.sasl || self.losses >= MAX_LOST => {
                    self.end(cx);
                    return Step::Done;
                }
                _ => {
                    self.losses += 1;
                    *self.lost(dir) = true;
                    return Step::Used(bytes.len());
                }
            };
            *self.lost(dir) = false;
            self.losses = 0;
            let length = m.length;
            self.read(dir, &m, cx);
            if rest.len() < length {
                return Step::Skip((length - rest.len()) as u64);
            }
            at += length;
        }
    }

    fn gap(&mut self, dir: Dir, _missing: u64, _cx: &mut Cx<'_>) -> Step {
        *self.lost(dir) = true;
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        for i in 0..self.open.len() {
            self.close(i, Dir::Down, cx);
        }
    }

    fn reset(&mut self) {
        for open in &mut self.open {
            open.used = false;
        }
        (self.lost, self.losses, self.next, self.secure, self.sasl) = ([false; 2], 0, 0, false, false);
        ntlm::clear(&mut self.ntlm);
    }
}

impl Open {
    fn clear(&mut self) {
        let Ldap { operation, dn, result, authentication, encrypted, entries, java } = &mut self.act;
        for s in [operation, dn, authentication] {
            s.clear();
        }
        (*result, *encrypted, *entries, *java) = (None, false, 0, false);
        self.login.user.clear();
        (self.login.secret, self.login.outcome) = (None, Outcome::Unknown);
        (self.login.clear_text, self.login.anonymous, self.attempt) = (false, false, false);
    }
}

impl LdapParser {
    fn lost(&mut self, dir: Dir) -> &mut bool {
        let [up, down] = &mut self.lost;
        if dir == Dir::Up { up } else { down }
    }

    fn read(&mut self, dir: Dir, m: &Message<'_>, cx: &mut Cx<'_>) {
        if answers(m.tag) {
            self.answer(dir, m, cx);
        } else {
            self.request(dir, m, cx);
        }
    }

    fn request(&mut self, dir: Dir, m: &Message<'_>, cx: &mut Cx<'_>) {
        let other = if dir == Dir::Up { Dir::Down } else { Dir::Up };
        let mut open = std::mem::take(&mut self.spare);
        open.clear();
        open.id = m.id;
        open.act.operation.push_str(operation(m.tag).unwrap_or_default());
        let mut r = Reader(m.content);
        match m.tag {
            BIND => {
                let _ = self.bind(&mut r, &mut open, cx);
            }
            SEARCH | MODIFY | ADD | MODIFY_DN | COMPARE => {
                text::set(&mut open.act.dn, r.expect_cut(4).map_or(&[], |n| n.0), MAX_NAME);
            }
            DELETE => text::set(&mut open.act.dn, m.content, MAX_NAME),
            EXTENDED => {
                let name = r.expect_cut(0x80).map_or(&[][..], |n| n.0);
                open.act.encrypted = name == START_TLS;
                text::set(&mut open.act.dn, name, MAX_NAME);
            }
            _ => {}
        }
        if matches!(m.tag, UNBIND | 0x50) {
            // Nobody answers these. Abandoning is of no interest.
            if m.tag == UNBIND {
                Self::tell(&open, other, cx);
            }
            self.spare = open;
            return;
        }
        open.used = true;
        let at = match self.open.iter().position(|o| !o.used) {
            Some(free) => free,
            None if self.open.len() < MAX_OPEN => {
                self.open.push(Open::default());
                self.open.len() - 1
            }
            None => {
                self.next = (self.next + 1) % MAX_OPEN;
                self.close(self.next, other, cx);
                self.next
            }
        };
        if let Some(place) = self.open.get_mut(at) {
            self.spare = std::mem::replace(place, open);
        }
    }

    fn bind(&mut self, r: &mut Reader<'_>, open: &mut Open, cx: &mut Cx<'_>) -> Option<()> {
        r.int(2)?;
        let name = r.expect(4)?.0;
        text::set(&mut open.act.dn, name, MAX_NAME);
        text::set(&mut open.login.user, name, MAX_NAME);
        let (tag, content) = r.element_cut()?;
        match tag {
            0x80 => {
                open.act.authentication.push_str("simple");
                // A name without password is no log-in but anonymous access (RFC 4513, 5.1.2).
                open.login.anonymous = content.is_empty();
                open.login.clear_text = !content.is_empty();
                open.login.secret = (!content.is_empty()).then(|| cx.options.trace(SecretKind::Password, name, content));
                open.attempt = true;
            }
            0xa3 => {
                let mut sasl = Reader(content);
                let mechanism = sasl.expect(4)?.0;
                text::set(&mut open.act.authentication, mechanism, MAX_MECHANISM);
                open.attempt = true;
                let credentials = sasl.expect_cut(4).map_or(&[][..], |c| c.0);
                if mechanism.eq_ignore_ascii_case(b"PLAIN") {
                    // RFC 4616: identity to act as, name, password, with NUL between them.
                    let mut parts = credentials.splitn(3, |b| *b == 0);
                    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
                    text::set(&mut open.login.user, user, MAX_NAME);
                    open.login.secret = Some(cx.options.trace(SecretKind::Password, user, password));
                    open.login.clear_text = true;
                } else if mechanism.eq_ignore_ascii_case(b"ANONYMOUS") {
                    open.login.anonymous = true;
                } else {
                    self.ntlm(credentials, open, cx);
                }
            }
            // Microsoft's way before SASL (MS-ADTS, 5.1.1.1.3).
            0x89..=0x8b => {
                open.act.authentication.push_str("sicily");
                open.attempt = true;
                self.ntlm(content, open, cx);
            }
            _ => {}
        }
        Some(())
    }

    /// Names from NTLM inside a bind; the message that names the user is told.
    fn ntlm(&mut self, blob: &[u8], open: &mut Open, cx: &mut Cx<'_>) {
        if let Some(ntlm::Message::Authenticate) = ntlm::find(blob).and_then(|m| ntlm::read(m, &mut self.ntlm)) {
            text::set(&mut open.login.user, self.ntlm.user.as_bytes(), MAX_NAME);
            open.login.anonymous = self.ntlm.anonymous;
            cx.emit(ActRef::Ntlm(&self.ntlm));
        }
    }

    fn answer(&mut self, dir: Dir, m: &Message<'_>, cx: &mut Cx<'_>) {
        let Some(name) = operation(m.tag) else { return };
        let found = self.open.iter().position(|o| o.used && o.id == m.id && o.act.operation == name);
        let mut r = Reader(m.content);
        if m.tag == ENTRY {
            let java = holds_java(&mut r);
            match found.and_then(|i| self.open.get_mut(i)) {
                Some(open) => {
                    open.act.entries = open.act.entries.saturating_add(1);
                    open.act.java |= java;
                }
                None if java => {
                    // The question was not seen, but this is worth telling by itself.
                    let mut open = std::mem::take(&mut self.spare);
                    open.clear();
                    open.act.operation.push_str(name);
                    (open.act.entries, open.act.java) = (1, true);
                    Self::tell(&open, dir, cx);
                    self.spare = open;
                }
                None => {}
            }
            return;
        }
        if matches!(m.tag, 0x73 | 0x79) {
            return;
        }
        let result = r.int(0x0a).and_then(|c| u16::try_from(c).ok());
        if m.tag == BIND_RESULT {
            if result == Some(0) && found.and_then(|i| self.open.get(i)).is_some_and(|o| o.act.authentication != "simple") {
                self.sasl = true;
            }
            // The server's half of NTLM names the server.
            if let Some(challenge) = ntlm::find(m.content) {
                let _ = ntlm::read(challenge, &mut self.ntlm);
            }
        }
        let Some(at) = found else { return };
        if let Some(open) = self.open.get_mut(at) {
            open.act.result = result;
            if open.act.encrypted && result == Some(0) {
                self.secure = true;
            }
            open.login.outcome = match result {
                Some(0) => Outcome::Success,
                // Busy and unavailable say nothing about the password (RFC 4511, A.2).
                Some(51 | 52) | None => Outcome::Unknown,
                Some(IN_PROGRESS) => {
                    open.attempt = false;
                    Outcome::Unknown
                }
                Some(_) => Outcome::Failure,
            };
        }
        self.close(at, dir, cx);
    }

    /// Tells an operation and frees its place. `server` is the direction of the server.
    fn close(&mut self, at: usize, server: Dir, cx: &mut Cx<'_>) {
        let Some(open) = self.open.get_mut(at).filter(|o| o.used) else { return };
        open.used = false;
        let open = std::mem::take(open);
        Self::tell(&open, server, cx);
        if let Some(place) = self.open.get_mut(at) {
            *place = open;
        }
    }

    fn tell(open: &Open, server: Dir, cx: &mut Cx<'_>) {
        let turn = server == Dir::Up;
        cx.emit_turned(turn, ActRef::Ldap(&open.act));
        if open.attempt {
            cx.emit_turned(turn, ActRef::Login(&open.login));
        }
    }
}

/// Whether an entry has an attribute of RFC 2713, by which Java objects are kept in directories.
fn holds_java(entry: &mut Reader<'_>) -> bool {
    if entry.expect_cut(4).is_none() {
        return false;
    }
    let Some(mut attributes) = entry.expect_cut(0x30) else { return false };
    while let Some(mut attribute) = attributes.expect_cut(0x30) {
        let Some(name) = attribute.expect_cut(4) else { return false };
        for wanted in [&b"javaserializeddata"[..], b"javacodebase", b"javafactory", b"javareferenceaddress", b"javaremotelocation"] {
            if name.0.eq_ignore_ascii_case(wanted) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::ntlm::tests::{authenticate_message, challenge_message};
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn der(tag: u8, v: &[u8]) -> Vec<u8> {
        let length = if v.len() < 128 { vec![v.len() as u8] } else { vec![0x82, (v.len() >> 8) as u8, v.len() as u8] };
        [&[tag][..], &length, v].concat()
    }
    fn msg(id: u8, tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        der(0x30, &[der(2, &[id]), der(tag, &parts.concat())].concat())
    }
    fn simple(id: u8, name: &[u8], password: &[u8]) -> Vec<u8> {
        msg(id, BIND, &[der(2, &[3]), der(4, name), der(0x80, password)])
    }
    fn sasl(id: u8, mechanism: &[u8], credentials: &[u8]) -> Vec<u8> {
        msg(id, BIND, &[der(2, &[3]), der(4, b""), der(0xa3, &[der(4, mechanism), der(4, credentials)].concat())])
    }
    fn result(id: u8, tag: u8, code: u8) -> Vec<u8> {
        msg(id, tag, &[der(0x0a, &[code]), der(4, b""), der(4, b"")])
    }
    fn search(id: u8, base: &[u8]) -> Vec<u8> {
        msg(
            id,
            SEARCH,
            &[
                der(4, base),
                der(0x0a, &[2]),
                der(0x0a, &[0]),
                der(2, &[0]),
                der(2, &[0]),
                der(1, &[0]),
                der(0x87, b"objectClass"),
                der(0x30, b""),
            ],
        )
    }
    fn entry(id: u8, attribute: &[u8]) -> Vec<u8> {
        let one = der(0x30, &[der(4, attribute), der(0x31, &der(4, b"v"))].concat());
        msg(id, ENTRY, &[der(4, b"cn=a"), der(0x30, &one)])
    }
    fn ldap(acts: &[Act]) -> Vec<&Ldap> {
        acts.iter().filter_map(|a| if let Act::Ldap(l) = a { Some(l) } else { None }).collect()
    }
    fn logins(acts: &[Act]) -> Vec<&Login> {
        acts.iter().filter_map(|a| if let Act::Login(l) = a { Some(l) } else { None }).collect()
    }

    #[test]
    fn simple_binds_are_log_ins_in_clear_text() {
        let up = [simple(1, b"cn=admin", b"geheim"), simple(2, b"cn=admin", b"admin"), simple(3, b"", b"")].concat();
        let down = [result(1, BIND_RESULT, 49), result(2, BIND_RESULT, 0), result(3, BIND_RESULT, 0)].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &down)]);
        let told: Vec<_> = logins(&acts).iter().map(|l| (l.user.as_str(), l.outcome, l.clear_text, l.anonymous)).collect();
        assert_eq!(
            told,
            [("cn=admin", Outcome::Failure, true, false), ("cn=admin", Outcome::Success, true, false), ("", Outcome::Success, false, true)]
        );
        assert_eq!(ldap(&acts)[0].result, Some(49));
        assert!(!format!("{acts:?}").contains("geheim"));
    }

    #[test]
    fn sasl_binds_are_told_at_their_last_step() {
        let up = |m: &[u8], c: &[u8]| sasl(1, m, c);
        let acts = testing::tcp(
            &SPEC,
            &[
                (Dir::Up, &up(b"GSS-SPNEGO", b"NTLMSSP\0\x01\0\0\0")),
                (Dir::Down, &msg(1, BIND_RESULT, &[der(0x0a, &[14]), der(4, b""), der(4, b""), der(0x87, &challenge_message())])),
                (Dir::Up, &up(b"GSS-SPNEGO", &authenticate_message("D", "tanaka", "PC", 180))),
                (Dir::Down, &result(1, BIND_RESULT, 49)),
            ],
        );
        assert_eq!(logins(&acts).iter().map(|l| (l.user.as_str(), l.outcome)).collect::<Vec<_>>(), [("tanaka", Outcome::Failure)]);
        assert!(acts.iter().any(|a| matches!(a, Act::Ntlm(n) if n.server == "SRV" && n.host == "PC")));
        let plain = testing::tcp(&SPEC, &[(Dir::Up, &up(b"PLAIN", b"\0suzuki\0pass")), (Dir::Down, &result(1, BIND_RESULT, 0))]);
        assert_eq!((logins(&plain)[0].user.as_str(), logins(&plain)[0].clear_text), ("suzuki", true));
        assert!(!format!("{plain:?}").contains("pass\""));
    }

    #[test]
    fn operations_are_told_with_name_result_and_number_of_entries() {
        let up = [
            search(1, b"dc=a"),
            msg(2, DELETE, &[b"cn=x".to_vec()]),
            msg(3, MODIFY, &[der(4, b"cn=y"), der(0x30, b"")]),
            msg(4, UNBIND, &[]),
        ]
        .concat();
        let down = [entry(1, b"cn"), entry(1, b"cn"), result(1, 0x65, 0), result(2, 0x6b, 50)].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &down)]);
        let told: Vec<_> = ldap(&acts).iter().map(|l| (l.operation.as_str(), l.dn.as_str(), l.result, l.entries, l.java)).collect();
        assert_eq!(
            told,
            [
                ("unbind", "", None, 0, false),
                ("search", "dc=a", Some(0), 2, false),
                ("delete", "cn=x", Some(50), 0, false),
                ("modify", "cn=y", None, 0, false)
            ]
        );
    }

    #[test]
    fn a_java_object_in_an_answer_is_pointed_out() {
        let acts =
            testing::tcp(&SPEC, &[(Dir::Up, &search(1, b"a")), (Dir::Down, &[entry(1, b"javaCodeBase"), result(1, 0x65, 0)].concat())]);
        assert!(ldap(&acts)[0].java);
    }

    #[test]
    fn tls_takes_over_after_the_server_agreed() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ldap, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, &msg(1, EXTENDED, &[der(0x80, START_TLS)]));
        drive.feed(Dir::Down, &result(1, EXTENDED_RESULT, 0));
        drive.feed(Dir::Up, &[0x16, 3, 1]);
        assert_eq!(drive.became, Some(Protocol::Tls));
        assert!(ldap(&drive.acts())[0].encrypted);
    }

    #[test]
    fn an_answer_of_megabytes_is_passed_over() {
        let big = msg(1, ENTRY, &[der(4, b"cn=a"), vec![0x30, 0x83, 0x10, 0, 0], vec![0; 60_000]]);
        let all = [(Dir::Up, &search(1, b"a")[..]), (Dir::Down, &big), (Dir::Down, &result(1, 0x65, 0))];
        for cut in [testing::Cut::Whole, testing::Cut::Random(3)] {
            let acts = testing::run_on(&mut *(SPEC.start)(), &SPEC, &all, cut, testing::options());
            assert_eq!((ldap(&acts)[0].entries, ldap(&acts)[0].result), (1, Some(0)));
        }
    }

    #[test]
    fn a_flood_of_questions_stays_within_its_memory() {
        let up: Vec<u8> = (0..200u8).flat_map(|i| search(i & 0x7f, b"a")).collect();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &up)]);
        assert_eq!(ldap(&acts).len(), 200);
    }

    #[test]
    fn domain_controllers_are_asked_by_datagram() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ldap, model::Transport::Udp, testing::options());
        drive.feed(Dir::Up, &search(1, b""));
        drive.feed(Dir::Down, &[entry(1, b"netlogon"), result(1, 0x65, 0)].concat());
        assert_eq!(ldap(&drive.acts())[0].entries, 1);
    }

    #[test]
    fn other_things_are_refused() {
        let ask = |up: &[u8], datagram| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: 389, datagram });
        assert_eq!(ask(&simple(1, b"a", b"b"), false), Verdict::Sure(88));
        assert_eq!(ask(&simple(1, b"a", b"b")[..4], false), Verdict::Unsure);
        // SNMP: version, then a string.
        for other in [
            &[0x30, 12, 2, 1, 0, 4, 6, b'p', b'u', b'b', b'l', b'i', b'c', 0xa0][..],
            b"0123456789",
            &[0x30; 40],
            &[0x16, 3, 1, 0, 5],
            b"GET / HTTP/1.1\r\n\r\n",
        ] {
            for datagram in [true, false] {
                assert_eq!(ask(other, datagram), Verdict::No, "{other:?}");
            }
        }
    }

    hostile!(
        SPEC,
        script(&[
            (Dir::Up, &[simple(1, b"cn=a", b"b"), search(2, b"dc=a")].concat()),
            (Dir::Down, &[result(1, BIND_RESULT, 0), entry(2, b"javaFactory"), result(2, 0x65, 0)].concat())
        ]),
        script(&[
            (Dir::Up, &sasl(1, b"PLAIN", b"\0u\0p")),
            (Dir::Down, &result(1, BIND_RESULT, 0)),
            (Dir::Up, &msg(2, EXTENDED, &[der(0x80, START_TLS)]))
        ])
    );
}
