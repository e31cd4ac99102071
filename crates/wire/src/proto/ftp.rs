//! FTP's control connection (RFC 959), with security extensions as far as their beginning (RFC 2228, RFC 4217).
//!
//! Replies come in the order of the commands (RFC 959, 5.4), so a short queue says which command a reply belongs to. After AUTH TLS (RFC 4217)
//! was granted the TLS parser goes on; other mechanisms (RFC 2228) end the reading.

use super::telnet::{MAX_BANNER, banner};
use super::text;
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Banner, Login, Outcome, Protocol, SecretKind};
use std::collections::VecDeque;

/// FTP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Ftp, tcp: true, udp: false, ports: &[21, 2121], probe, start: || Box::<FtpParser>::default() };

/// Bytes of a line that are read; the rest of it is passed over.
pub const MAX_LINE: usize = 1024;
const MAX_USER: usize = 128;
/// Commands whose replies may be outstanding.
const MAX_PENDING: usize = 64;

const COMMANDS: &[&[u8]] =
    &[b"USER", b"PASS", b"AUTH", b"FEAT", b"SYST", b"OPTS", b"CLNT", b"QUIT", b"NOOP", b"HOST", b"PORT", b"PASV", b"TYPE"];

fn probe(i: &ProbeInput<'_>) -> Verdict {
    // The server greets first; a capture that begins late may show it in either place.
    for (server, client) in [(i.down, i.up), (i.up, i.down)] {
        if reply(server).is_some() {
            return judge(server, client);
        }
    }
    if i.down.is_empty() {
        return match text::line(i.up) {
            Some((line, _)) if text::starts_with(line, b"USER ") || text::starts_with(line, b"AUTH TLS") => {
                if i.server_port == 21 {
                    Verdict::Sure(40)
                } else {
                    Verdict::Unsure
                }
            }
            Some((line, _)) if command(line).is_some() => Verdict::Unsure,
            Some(_) => Verdict::No,
            None if i.up.len() < 64 && i.up.iter().all(|b| matches!(b, 0x20..=0x7e)) => Verdict::Unsure,
            None => Verdict::No,
        };
    }
    if i.down.len() < 4 && i.down.iter().all(u8::is_ascii_digit) { Verdict::Unsure } else { Verdict::No }
}

fn judge(server: &[u8], client: &[u8]) -> Verdict {
    if text::contains(server, b"smtp") || text::contains(server, b"nntp") || text::starts_with(server, b"220 mail") {
        return Verdict::No;
    }
    if [&b"EHLO "[..], b"HELO ", b"LHLO "].iter().any(|w| text::starts_with(client, w)) {
        // The words of SMTP, whose servers greet with the same number.
        return Verdict::No;
    }
    let greets = matches!(reply(server), Some((120 | 220 | 421 | 530, _)));
    if greets && text::contains(server, b"ftp") {
        return Verdict::Sure(90);
    }
    if client.is_empty() {
        return if greets { Verdict::Unsure } else { Verdict::No };
    }
    match text::line(client) {
        Some((line, _)) if command(line).is_some() => Verdict::Sure(85),
        Some(_) => Verdict::No,
        None if client.len() < 64 => Verdict::Unsure,
        None => Verdict::No,
    }
}

/// Code of a reply line, and whether more lines of the same reply follow.
fn reply(line: &[u8]) -> Option<(u16, bool)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = text::number(code).filter(|c| (100..600).contains(c))?;
    match rest.first() {
        Some(b'-') => Some((code as u16, true)),
        Some(b' ') | None => Some((code as u16, false)),
        _ => None,
    }
}

/// The verb of a command line, without the telnet signals that may stand before ABOR.
fn command(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = line.iter().position(u8::is_ascii_alphabetic)?;
    let line = line.get(start..)?;
    let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    let (verb, argument) = line.split_at(end);
    (matches!(verb.len(), 3 | 4) && verb.iter().all(u8::is_ascii_alphabetic) && (start == 0 || verb.eq_ignore_ascii_case(b"ABOR")))
        .then(|| (verb, argument.get(1..).unwrap_or_default()))
        .filter(|(verb, _)| COMMANDS.iter().any(|c| c.eq_ignore_ascii_case(verb)) || verb.len() >= 3)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Pass,
    /// `AUTH TLS` or `AUTH SSL` (RFC 4217).
    AuthTls,
    /// Another security mechanism (RFC 2228).
    Auth,
    Other,
}

#[derive(Default)]
struct FtpParser {
    /// The direction of the replies, once known.
    server: Option<Dir>,
    overlong: [bool; 2],
    pending: VecDeque<Kind>,
    /// The reply being read has more lines, until one begins with this code and a blank.
    multiline: Option<u16>,
    greeting: Vec<u8>,
    banner: Banner,
    greeted: bool,
    login: Login,
    /// The login has not been told.
    open: bool,
    /// The server agreed to go on in TLS.
    secured: bool,
}

impl Parser for FtpParser {
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
            let [up, down] = &mut self.overlong;
            let overlong = if dir == Dir::Up { up } else { down };
            let (line, used) = match text::line(rest) {
                Some((line, used)) => (line.get(..MAX_LINE).unwrap_or(line), used),
                None if *overlong => return Step::Used(bytes.len()),
                None if rest.len() <= MAX_LINE => return if at > 0 { Step::Used(at) } else { Step::More },
                None => {
                    *overlong = true;
                    if !self.line(dir, rest.get(..MAX_LINE).unwrap_or(rest), cx) {
                        return Step::Done;
                    }
                    return Step::Used(bytes.len());
                }
            };
            at += used;
            if std::mem::take(overlong) {
                continue;
            }
            if !self.line(dir, line, cx) {
                self.end(cx);
                return Step::Done;
            }
        }
    }

    fn gap(&mut self, dir: Dir, _missing: u64, cx: &mut Cx<'_>) -> Step {
        // The rest of a broken line is passed over; which reply belongs to what is no longer known.
        let [up, down] = &mut self.overlong;
        *(if dir == Dir::Up { up } else { down }) = true;
        self.pending.clear();
        self.multiline = None;
        self.finish(Outcome::Unknown, cx);
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.greet(cx);
        self.finish(Outcome::Unknown, cx);
    }

    fn reset(&mut self) {
        (self.server, self.overlong, self.multiline, self.greeted, self.open) = (None, [false; 2], None, false, false);
        self.secured = false;
        self.pending.clear();
        self.greeting.clear();
        self.banner.text.clear();
        self.login.user.clear();
        (self.login.secret, self.login.anonymous) = (None, false);
    }
}

impl FtpParser {
    /// False where this is not to be read any further.
    fn line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) -> bool {
        let server = match self.server {
            Some(server) => server,
            None => {
                let other = if dir == Dir::Up { Dir::Down } else { Dir::Up };
                let server = if reply(line).is_some() {
                    dir
                } else if command(line).is_some() {
                    other
                } else {
                    return false;
                };
                self.server = Some(server);
                server
            }
        };
        if dir == server { self.reply(line, cx) } else { self.command(line, cx) }
    }

    fn command(&mut self, line: &[u8], cx: &mut Cx<'_>) -> bool {
        self.greet(cx);
        let Some((verb, argument)) = command(line) else { return true };
        let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
        let kind = if is(b"USER") {
            self.finish(Outcome::Unknown, cx);
            text::set(&mut self.login.user, argument, MAX_USER);
            self.login.secret = None;
            self.login.anonymous = argument.eq_ignore_ascii_case(b"anonymous") || argument.eq_ignore_ascii_case(b"ftp");
            Kind::User
        } else if is(b"PASS") {
            self.finish(Outcome::Unknown, cx);
            // What an anonymous user gives is an address or nothing, no secret (RFC 1635).
            self.login.secret = if self.login.anonymous {
                None
            } else {
                Some(cx.options.trace(SecretKind::Password, self.login.user.as_bytes(), argument))
            };
            self.open = true;
            Kind::Pass
        } else if is(b"AUTH") {
            let tls = [&b"TLS"[..], b"TLS-C", b"TLS-P", b"SSL"].iter().any(|m| argument.trim_ascii().eq_ignore_ascii_case(m));
            if tls { Kind::AuthTls } else { Kind::Auth }
        } else {
            Kind::Other
        };
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(kind);
        true
    }

    fn reply(&mut self, line: &[u8], cx: &mut Cx<'_>) -> bool {
        let greeting = !self.greeted;
        if greeting && self.greeting.len() < MAX_BANNER * 3 {
            // Only the text of a line is told, not its number.
            let words = if reply(line).is_some() { line.get(4..).unwrap_or_default() } else { line };
            self.greeting.extend_from_slice(words.get(..MAX_BANNER * 3).unwrap_or(words));
            self.greeting.push(b' ');
        }
        let code = match (self.multiline, reply(line)) {
            (Some(code), Some((c, false))) if c == code => {
                self.multiline = None;
                code
            }
            (Some(_), _) | (None, None) => return true,
            (None, Some((code, true))) => {
                self.multiline = Some(code);
                return true;
            }
            (None, Some((code, false))) => code,
        };
        if self.pending.is_empty() && greeting {
            self.greet(cx);
            return true;
        }
        // Preliminary replies, and 426 for a transfer that is being ended, are followed by the proper one.
        if code < 200 || code == 426 {
            return true;
        }
        match (self.pending.pop_front(), code) {
            (Some(Kind::User), 230 | 232) => {
                self.open = true;
                self.finish(Outcome::Success, cx);
            }
            (Some(Kind::User), 400..) => {
                self.open = true;
                self.finish(Outcome::Failure, cx);
            }
            (Some(Kind::Pass), 200..=299) => self.finish(Outcome::Success, cx),
            (Some(Kind::Pass), 503) => self.finish(Outcome::Unknown, cx),
            (Some(Kind::Pass), 400..) => self.finish(Outcome::Failure, cx),
            // 332: an account is wanted, too. Whether it is let in then is not followed.
            (Some(Kind::Pass), _) => self.finish(Outcome::Unknown, cx),
            (Some(Kind::AuthTls), 200..=299 | 334) => {
                self.finish(Outcome::Unknown, cx);
                self.secured = true;
            }
            (Some(Kind::Auth), 234 | 235 | 334 | 335) => return false,
            _ => {}
        }
        true
    }

    fn finish(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.login.outcome = outcome;
        self.login.clear_text = self.login.secret.is_some();
        cx.emit_turned(self.server == Some(Dir::Up), ActRef::Login(&self.login));
    }

    fn greet(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.greeted, true) {
            return;
        }
        banner(&self.greeting, &mut self.banner.text);
        self.greeting.clear();
        if !self.banner.text.is_empty() {
            cx.emit_turned(self.server == Some(Dir::Up), ActRef::Banner(&self.banner));
        }
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
                Act::Login(l) => {
                    format!("{} {:?} {} clear={} anon={}", l.user, l.outcome, l.secret.map_or(0, |s| s.length), l.clear_text, l.anonymous)
                }
                Act::Banner(b) => format!("banner {}", b.text),
                other => format!("{other:?}"),
            })
            .collect()
    }
    const TALK: &[(Dir, &[u8])] = &[
        (Dir::Down, b"220-Welcome\r\n220 is not the end of \xff\r\n 220 nor this\r\n220 vsFTPd 3.0\r\n"),
        (Dir::Up, b"USER bob\r\n"),
        (Dir::Down, b"331 Please specify the password.\r\n"),
        (Dir::Up, b"PASS S3cret\r\n"),
        (Dir::Down, b"530 Login incorrect.\r\n"),
        (Dir::Up, b"user bob\r\nPASS  S3cret!\r\nSYST\r\n"),
        (Dir::Down, b"331 ok\r\n230-Hello\r\n230-more\r\n230 Login successful.\r\n215 UNIX\r\n"),
        (Dir::Up, b"\xff\xf4\xff\xf2ABOR\r\nQUIT\r\n"),
        (Dir::Down, b"426 closed\r\n226 ok\r\n221 Goodbye.\r\n"),
    ];

    #[test]
    fn logins_and_greeting() {
        let acts = testing::tcp(&SPEC, TALK);
        assert_eq!(
            told(&acts),
            ["banner Welcome is not the end of \\xff", "bob Failure 6 clear=true anon=false", "bob Success 8 clear=true anon=false"]
        );
        assert!(!format!("{acts:?}").contains("S3cret"));
    }

    #[test]
    fn anonymous_and_refused_names() {
        let acts = testing::tcp(
            &SPEC,
            &[
                (Dir::Down, b"220 FTP\r\n"),
                (Dir::Up, b"USER anonymous\r\n"),
                (Dir::Down, b"331 ok\r\n"),
                (Dir::Up, b"PASS me@example.jp\r\n"),
                (Dir::Down, b"230 ok\r\n"),
                (Dir::Up, b"USER root\r\n"),
                (Dir::Down, b"530 no\r\n"),
                (Dir::Up, b"USER guest\r\n"),
                (Dir::Down, b"230 come in\r\n"),
                (Dir::Up, b"USER x\r\nPASS y\r\n"),
            ],
        );
        assert_eq!(
            told(&acts)[1..],
            [
                "anonymous Success 0 clear=false anon=true",
                "root Failure 0 clear=false anon=false",
                "guest Success 0 clear=false anon=false",
                "x Unknown 1 clear=true anon=false"
            ]
        );
    }

    #[test]
    fn what_follows_auth_tls_is_tls_and_what_follows_another_mechanism_is_unread() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ftp, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Down, b"220 FTP\r\n");
        drive.feed(Dir::Up, b"AUTH TLS\r\n");
        drive.feed(Dir::Down, b"234 go\r\n");
        assert!(!drive.done);
        drive.feed(Dir::Up, &[22, 3, 1]);
        assert_eq!(drive.became, Some(Protocol::Tls));
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Ftp, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, b"AUTH GSSAPI\r\n");
        drive.feed(Dir::Down, b"334 go\r\n");
        assert!(drive.done && drive.became.is_none());
    }

    #[test]
    fn absurd_lines() {
        let long = [&b"USER "[..], &vec![b'a'; 5000], b"\r\nPASS b\r\n"].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &long)]);
        assert!(matches!(acts.as_slice(), [Act::Login(l)] if l.user.len() == MAX_USER));
    }

    #[test]
    fn probes() {
        let ask = |up: &[u8], down: &[u8]| (SPEC.probe)(&ProbeInput { up, down, client_port: 1, server_port: 2100, datagram: false });
        assert_eq!(ask(b"", b"220 (vsFTPd 3.0.3)\r\n"), Verdict::Sure(90));
        assert_eq!(ask(b"", b"220 ready\r\n"), Verdict::Unsure);
        assert_eq!(ask(b"USER a\r\n", b"220 ready\r\n"), Verdict::Sure(85));
        assert_eq!(ask(b"", b"220 mx ESMTP Postfix\r\n"), Verdict::No);
        assert_eq!(ask(b"USER a\r\n", b"+OK POP3\r\n"), Verdict::No);
        assert_eq!(ask(b"", b"\xff\xfd\x18"), Verdict::No);
    }

    hostile!(SPEC, script(TALK));
}
