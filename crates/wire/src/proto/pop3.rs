//! POP3 (RFC 1939): who fetches mail from where, and logs in how.
//!
//! Each command has one reply, in order (RFC 2449, 6.6), so a short queue says what a reply is about and whether lines follow it. The session
//! is told when it ends. After STLS (RFC 2595) was granted the TLS parser goes on.

use super::lines::{Lines, Next};
use super::mail::Talk;
use super::sasl::{self, Sasl};
use super::text;
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::activity::{Outcome, Protocol, SecretKind};
use std::collections::VecDeque;

/// POP3.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Pop3, tcp: true, udp: false, ports: &[110], probe, start: || Box::<Pop3Parser>::default() };

/// Bytes of a line that are read; the rest of it is passed over.
pub const MAX_LINE: usize = 8 * 1024;
const MAX_USER: usize = 128;
/// Commands whose replies may be outstanding.
const MAX_PENDING: usize = 64;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut best = Verdict::No;
    for (server, client) in [(i.down, i.up), (i.up, i.down)] {
        best = best.max(judge(server, client));
    }
    best
}

fn judge(server: &[u8], client: &[u8]) -> Verdict {
    // Kerberos and Redis say "+OK" too, but not behind nothing, or not with words behind it.
    match text::line(server) {
        Some((line, _)) if status(line) == Some(true) => {
            let asked = text::line(client).is_some_and(|(line, _)| command(line));
            let words = text::contains(server, b"pop") || text::contains(server, b"ready") || server.contains(&b'<');
            match (asked, client.is_empty()) {
                (true, _) => Verdict::Sure(92),
                (false, true) if words => Verdict::Sure(85),
                (false, true) => Verdict::Unsure,
                (false, false) if client.len() < 8 => Verdict::Unsure,
                _ => Verdict::No,
            }
        }
        Some(_) => Verdict::No,
        None if b"+OK".starts_with(server.get(..3).unwrap_or(server)) && (client.is_empty() || command(client)) && !server.is_empty() => {
            Verdict::Unsure
        }
        None => Verdict::No,
    }
}

fn command(line: &[u8]) -> bool {
    [&b"USER "[..], b"APOP ", b"AUTH", b"CAPA", b"STLS", b"QUIT", b"UTF8"].iter().any(|w| text::starts_with(line, w))
}

/// Whether a reply line says yes or no.
fn status(line: &[u8]) -> Option<bool> {
    let of = |word: &[u8]| text::starts_with(line, word) && line.get(word.len()).is_none_or(|b| *b == b' ');
    if of(b"+OK") {
        Some(true)
    } else if of(b"-ERR") {
        Some(false)
    } else {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    User,
    Pass,
    Auth,
    StartTls,
    /// Lines follow its reply; those of a message are counted.
    Lines(bool),
    Other,
}

#[derive(Default)]
struct Pop3Parser {
    talk: Talk,
    lines: Lines,
    pending: VecDeque<Kind>,
    /// Lines follow until one with a single dot.
    following: Option<bool>,
    /// The server asks for more of AUTH.
    challenged: bool,
    sasl: Sasl,
    secured: bool,
}

impl Parser for Pop3Parser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            if self.secured {
                return if at > 0 { Step::Used(at) } else { Step::Become(Protocol::Tls) };
            }
            match self.lines.next(dir, rest, MAX_LINE) {
                Next::Wait => return if at > 0 { Step::Used(at) } else { Step::More },
                Next::Over(used) => {
                    self.count(dir, used);
                    at += used;
                }
                Next::Line(line, used) => {
                    at += used;
                    let server = *self.talk.server.get_or_insert_with(|| match (status(line).is_some(), dir) {
                        (true, _) => dir,
                        (false, Dir::Up) => Dir::Down,
                        (false, Dir::Down) => Dir::Up,
                    });
                    if dir == server { self.reply(line, used, cx) } else { self.command(line, cx) }
                }
            }
        }
    }

    fn gap(&mut self, dir: Dir, missing: u64, cx: &mut Cx<'_>) -> Step {
        self.lines.broken(dir);
        if self.talk.server == Some(dir) && self.following.is_some() {
            self.count(dir, usize::try_from(missing).unwrap_or(usize::MAX));
            return Step::More;
        }
        // Which reply belongs to what is no longer known.
        self.pending.clear();
        (self.following, self.challenged) = (None, false);
        self.talk.judge(Outcome::Unknown, cx);
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.talk.end(cx);
    }

    fn reset(&mut self) {
        self.talk.reset();
        (self.lines, self.following) = (Lines::default(), None);
        (self.challenged, self.secured) = (false, false);
        self.pending.clear();
    }
}

impl Pop3Parser {
    fn count(&mut self, dir: Dir, bytes: usize) {
        if self.talk.server == Some(dir) && self.following == Some(true) {
            self.talk.act.bytes = self.talk.act.bytes.saturating_add(bytes as u64);
        }
    }

    fn command(&mut self, line: &[u8], cx: &mut Cx<'_>) {
        self.talk.greet(cx);
        if std::mem::take(&mut self.challenged) {
            self.sasl.response(line, &mut self.talk.login, cx.options);
            self.push(Kind::Auth);
            return;
        }
        let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
        let (verb, argument) = line.split_at(end);
        // A password may begin with a blank: only the first is the one between.
        let argument = argument.get(1..).unwrap_or_default();
        let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
        let kind = if is(b"USER") {
            self.talk.judge(Outcome::Unknown, cx);
            sasl::clear(&mut self.talk.login);
            text::set(&mut self.talk.login.user, argument.trim_ascii(), MAX_USER);
            Kind::User
        } else if is(b"PASS") {
            self.talk.judge(Outcome::Unknown, cx);
            self.talk.login.secret = Some(cx.options.trace(SecretKind::Password, self.talk.login.user.as_bytes(), argument));
            (self.talk.login.clear_text, self.talk.open) = (true, true);
            Kind::Pass
        } else if is(b"APOP") {
            // A digest of a challenge and the secret (RFC 1939, 7), not the secret.
            self.talk.judge(Outcome::Unknown, cx);
            sasl::clear(&mut self.talk.login);
            let user = argument.split(|b| *b == b' ').next().unwrap_or_default();
            text::set(&mut self.talk.login.user, user, MAX_USER);
            self.talk.open = true;
            Kind::Pass
        } else if is(b"AUTH") && !argument.is_empty() {
            self.talk.judge(Outcome::Unknown, cx);
            self.sasl.begin(argument, &mut self.talk.login, cx.options);
            self.talk.open = true;
            Kind::Auth
        } else if is(b"STLS") {
            Kind::StartTls
        } else if is(b"RETR") || is(b"TOP") {
            Kind::Lines(true)
        } else if is(b"CAPA") || is(b"AUTH") || (argument.trim_ascii().is_empty() && (is(b"LIST") || is(b"UIDL"))) {
            Kind::Lines(false)
        } else {
            Kind::Other
        };
        self.push(kind);
    }

    fn push(&mut self, kind: Kind) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(kind);
    }

    fn reply(&mut self, line: &[u8], used: usize, cx: &mut Cx<'_>) {
        if let Some(counted) = self.following {
            if line == b"." {
                self.following = None;
            } else if counted {
                self.count(self.talk.server.unwrap_or(Dir::Down), used);
            }
            return;
        }
        if !self.talk.greeted {
            let words = line.get(4..).unwrap_or_default();
            self.talk.hear(words);
            if self.pending.is_empty() {
                self.talk.greet(cx);
                return;
            }
        }
        let Some(good) = status(line) else {
            if line.starts_with(b"+") && self.pending.front() == Some(&Kind::Auth) {
                self.pending.pop_front();
                self.challenged = true;
            }
            return;
        };
        let outcome = if good { Outcome::Success } else { Outcome::Failure };
        match self.pending.pop_front() {
            // Refused by its name alone.
            Some(Kind::User) if !good => {
                self.talk.open = true;
                self.talk.judge(outcome, cx);
            }
            Some(Kind::Pass | Kind::Auth) => self.talk.judge(outcome, cx),
            Some(Kind::Lines(counted)) if good => self.following = Some(counted),
            Some(Kind::StartTls) if good => {
                self.talk.act.encrypted = true;
                self.talk.tell(cx);
                self.secured = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mail::testing::told;
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::Transport;

    const TALK: &[(Dir, &[u8])] = &[
        (Dir::Down, b"+OK POP3 ready <1896.697170952@mx>\r\n"),
        (Dir::Up, b"CAPA\r\n"),
        (Dir::Down, b"+OK\r\nUSER\r\n-ERR is no reply here\r\n.\r\n"),
        (Dir::Up, b"USER bob\r\n"),
        (Dir::Down, b"+OK\r\n"),
        (Dir::Up, b"PASS  SECRET\r\n"),
        (Dir::Down, b"-ERR no\r\n"),
        (Dir::Up, b"APOP bob c4c9334bac560ecc979e58001b3e22fb\r\n"),
        (Dir::Down, b"-ERR no\r\n"),
        (Dir::Up, b"AUTH PLAIN\r\n"),
        (Dir::Down, b"+ \r\n"),
        (Dir::Up, b"AGFkbWluAFNFQ1JFVDI=\r\n"),
        (Dir::Down, b"+OK come in\r\n"),
        (Dir::Up, b"LIST 1\r\nRETR 1\r\n"),
        (Dir::Down, b"+OK 1 9\r\n+OK 9\r\nHello\r\n..\r\n.\r\n"),
        (Dir::Up, b"QUIT\r\n"),
        (Dir::Down, b"+OK\r\n"),
    ];

    #[test]
    fn a_session() {
        let acts = testing::tcp(&SPEC, TALK);
        assert_eq!(
            told(&acts),
            [
                "banner POP3 ready <1896.697170952@mx>",
                "login bob Failure 7 clear=true",
                "login bob Failure 0 clear=false",
                "login admin Success 7 clear=true",
                "mail POP3 ready <1896.697170952@mx> 11B encrypted=false",
            ]
        );
        assert!(!format!("{acts:?}").contains("SECRET"));
    }

    #[test]
    fn what_follows_stls_is_tls() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Pop3, Transport::Tcp, testing::options());
        drive.feed(Dir::Down, b"+OK hi\r\n");
        drive.feed(Dir::Up, b"STLS\r\n");
        drive.feed(Dir::Down, b"+OK go\r\n");
        drive.feed(Dir::Up, &[22, 3, 1]);
        assert_eq!(drive.became, Some(Protocol::Tls));
        assert_eq!(told(&drive.acts()), ["banner hi", "mail hi 0B encrypted=true"]);
    }

    #[test]
    fn one_side_alone_and_holes() {
        assert_eq!(
            told(&testing::tcp(&SPEC, &[(Dir::Up, b"USER a\r\nPASS SECRET\r\nRETR 1\r\n")])),
            ["login a Unknown 6 clear=true", "mail  0B encrypted=false"]
        );
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Pop3, Transport::Tcp, testing::options());
        drive.feed(Dir::Down, b"+OK hi\r\n");
        drive.feed(Dir::Up, b"RETR 1\r\nQUIT\r\n");
        drive.feed(Dir::Down, b"+OK\r\n01234\r\n0123");
        drive.gap(Dir::Down, 100);
        drive.feed(Dir::Down, b"456\r\n.\r\n+OK\r\n");
        drive.end();
        // What was held of a line when the hole came is lost with it.
        assert_eq!(told(&drive.acts()).last().unwrap(), "mail hi 112B encrypted=false");
    }

    #[test]
    fn probes() {
        let ask = |up: &[u8], down: &[u8]| probe(&ProbeInput { up, down, client_port: 1, server_port: 9, datagram: false });
        assert_eq!(ask(b"", b"+OK Dovecot ready.\r\n"), Verdict::Sure(85));
        assert_eq!(ask(b"", b"+OK\r\n"), Verdict::Unsure);
        assert_eq!(ask(b"USER x\r\n", b"+OK\r\n"), Verdict::Sure(92));
        assert_eq!(ask(b"*1\r\n$4\r\nPING\r\n", b"+OK\r\n"), Verdict::No);
        assert_eq!(ask(b"", b"220 mx ESMTP\r\n"), Verdict::No);
        assert_eq!(ask(b"", b"* OK IMAP4\r\n"), Verdict::No);
        assert_eq!(ask(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
    }

    hostile!(SPEC, script(TALK));
}
