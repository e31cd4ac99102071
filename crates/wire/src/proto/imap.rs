//! IMAP (RFC 9051, RFC 3501): who reads mail where, and logs in how.
//!
//! A command line may be broken by literals, byte counts in braces with so many bytes behind them (RFC 9051, 4.3). For LOGIN those are user
//! and password; all others are passed over, and what the server sends in them is counted. A reply names the tag of its command, and only
//! those of logins and STARTTLS are waited for. The session is told when it ends.

use super::lines::{Lines, Next};
use super::mail::Talk;
use super::sasl::{self, Sasl};
use super::text;
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::activity::{Outcome, Protocol, SecretKind};

/// IMAP.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Imap, tcp: true, udp: false, ports: &[143], probe, start: || Box::<ImapParser>::default() };

/// Bytes of a line that are read; the rest of it is passed over. (RFC 7162, 4: lines of 8,192 bytes are to be expected.)
pub const MAX_LINE: usize = 12 * 1024;
const MAX_USER: usize = 128;
const MAX_TAG: usize = 32;
/// Bytes of a literal that holds a user name or a password.
const MAX_LITERAL: usize = 1024;

const GREETINGS: [&[u8]; 3] = [b"* OK", b"* PREAUTH", b"* BYE"];

fn probe(i: &ProbeInput<'_>) -> Verdict {
    for server in [i.down, i.up] {
        let greeting = GREETINGS.iter().find(|w| {
            let n = w.len().min(server.len());
            n > 0 && text::starts_with(server, w.get(..n).unwrap_or_default())
        });
        if let Some(greeting) = greeting {
            // The space or the line's end behind the word.
            return match server.get(greeting.len()) {
                Some(b' ' | b'\r' | b'\n' | b'[') if text::contains(server, b"imap") => Verdict::Sure(95),
                Some(b' ' | b'\r' | b'\n' | b'[') => Verdict::Sure(80),
                Some(_) => Verdict::No,
                None => Verdict::Unsure,
            };
        }
    }
    match text::line(i.up) {
        Some((line, _)) if i.down.is_empty() => match command(line) {
            Some((_, verb, _))
                if [&b"LOGIN"[..], b"AUTHENTICATE", b"CAPABILITY", b"STARTTLS"].iter().any(|w| verb.eq_ignore_ascii_case(w)) =>
            {
                Verdict::Sure(70)
            }
            _ => Verdict::No,
        },
        None if i.down.is_empty() && i.up.len() < 64 && text::printable(i.up) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Tag, verb and arguments of a command line.
fn command(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut parts = line.splitn(3, |b| *b == b' ');
    let (tag, verb) = (parts.next()?, parts.next()?);
    let fits = |w: &[u8]| !w.is_empty() && w.len() <= MAX_TAG && w.iter().all(u8::is_ascii_graphic);
    (fits(tag) && verb.iter().all(u8::is_ascii_alphabetic) && !verb.is_empty() && tag != b"*" && tag != b"+").then(|| {
        let rest = parts.next().unwrap_or_default();
        (tag, verb, rest)
    })
}

/// The length of the literal that a line ends with: `{5}`, `{5+}` (RFC 7888), `~{5}` (RFC 3516).
fn literal(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let at = inside.iter().rposition(|b| *b == b'{')?;
    let digits = inside.get(at + 1..)?;
    text::number(digits.strip_suffix(b"+").unwrap_or(digits))
}

/// What a tagged reply is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Login,
    Auth,
    StartTls,
}

/// Arguments of LOGIN as they come, in any of their three forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    #[default]
    Nothing,
    User,
    Password,
}

#[derive(Default)]
struct ImapParser {
    talk: Talk,
    lines: Lines,
    /// Bytes of a literal still to come, by direction.
    literal: [u64; 2],
    /// Literal bytes of LOGIN.
    kept: Vec<u8>,
    /// The client's line goes on behind a literal.
    continued: bool,
    expect: Expect,
    tag: Vec<u8>,
    asked: Asked,
    challenged: bool,
    sasl: Sasl,
    secured: bool,
}

impl Parser for ImapParser {
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
            let left = self.left(dir);
            if *left > 0 {
                let used = (*left).min(rest.len() as u64);
                *left -= used;
                let whole = *left == 0;
                let used = used as usize;
                at += used;
                self.inside(dir, rest.get(..used).unwrap_or_default(), whole, cx);
                continue;
            }
            match self.lines.next(dir, rest, MAX_LINE) {
                Next::Wait => return if at > 0 { Step::Used(at) } else { Step::More },
                Next::Over(used) => at += used,
                Next::Line(line, used) => {
                    at += used;
                    let server = *self.talk.server.get_or_insert_with(|| match (line.starts_with(b"* ") || line.starts_with(b"+ "), dir) {
                        (true, _) => dir,
                        (false, Dir::Up) => Dir::Down,
                        (false, Dir::Down) => Dir::Up,
                    });
                    let follows = literal(line);
                    if dir == server {
                        self.reply(line, cx);
                    } else {
                        self.client(line, follows, cx);
                    }
                    *self.left(dir) = follows.unwrap_or(0);
                    if follows == Some(0) {
                        self.inside(dir, &[], true, cx);
                    }
                }
            }
        }
    }

    fn gap(&mut self, dir: Dir, missing: u64, cx: &mut Cx<'_>) -> Step {
        let server = self.talk.server == Some(dir);
        let left = self.left(dir);
        if missing > 0 && missing <= *left && server {
            *left -= missing;
            self.talk.act.bytes = self.talk.act.bytes.saturating_add(missing);
            return Step::More;
        }
        *left = 0;
        self.lines.broken(dir);
        if !server {
            text::wipe(&mut self.kept);
            (self.continued, self.expect, self.challenged) = (false, Expect::Nothing, false);
        }
        if !matches!(self.asked, Asked::Nothing) && !server {
            self.asked = Asked::Nothing;
            self.talk.judge(Outcome::Unknown, cx);
        }
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.talk.end(cx);
    }

    fn reset(&mut self) {
        self.talk.reset();
        (self.lines, self.literal) = (Lines::default(), [0; 2]);
        (self.continued, self.expect, self.asked, self.challenged) = (false, Expect::Nothing, Asked::Nothing, false);
        self.secured = false;
        text::wipe(&mut self.kept);
        self.tag.clear();
    }
}

impl ImapParser {
    fn left(&mut self, dir: Dir) -> &mut u64 {
        let [up, down] = &mut self.literal;
        if dir == Dir::Up { up } else { down }
    }

    /// Bytes of a literal.
    fn inside(&mut self, dir: Dir, bytes: &[u8], whole: bool, cx: &Cx<'_>) {
        if self.talk.server == Some(dir) {
            self.talk.act.bytes = self.talk.act.bytes.saturating_add(bytes.len() as u64);
            return;
        }
        if self.expect == Expect::Nothing {
            return;
        }
        self.kept.reserve_exact(MAX_LITERAL.saturating_sub(self.kept.len()));
        let room = MAX_LITERAL.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if whole {
            let mut kept = std::mem::take(&mut self.kept);
            self.argument(&kept, cx);
            text::wipe(&mut kept);
            self.kept = kept;
        }
    }

    /// An argument of LOGIN.
    fn argument(&mut self, value: &[u8], cx: &Cx<'_>) {
        match self.expect {
            Expect::User => {
                text::set(&mut self.talk.login.user, value, MAX_USER);
                self.expect = Expect::Password;
            }
            Expect::Password => {
                self.talk.login.secret = Some(cx.options.trace(SecretKind::Password, self.talk.login.user.as_bytes(), value));
                self.talk.login.clear_text = true;
                self.expect = Expect::Nothing;
            }
            Expect::Nothing => {}
        }
    }

    /// Arguments of LOGIN that stand in the line: words, or strings in quotes with backslashes.
    fn arguments(&mut self, mut rest: &[u8], cx: &Cx<'_>) {
        let mut value = std::mem::take(&mut self.kept);
        value.reserve_exact(MAX_LITERAL);
        while self.expect != Expect::Nothing {
            rest = rest.trim_ascii_start();
            text::wipe(&mut value);
            let used = match rest.first() {
                None | Some(b'{') => break,
                Some(b'~') if rest.get(1) == Some(&b'{') => break,
                Some(b'"') => {
                    let mut escaped = false;
                    let mut used = 1;
                    for &b in rest.iter().skip(1) {
                        used += 1;
                        match b {
                            b'\\' if !escaped => escaped = true,
                            b'"' if !escaped => break,
                            _ => {
                                escaped = false;
                                if value.len() < MAX_LITERAL {
                                    value.push(b);
                                }
                            }
                        }
                    }
                    used
                }
                Some(_) => {
                    let word = rest.split(|b| *b == b' ').next().unwrap_or_default();
                    value.extend_from_slice(word.get(..MAX_LITERAL).unwrap_or(word));
                    word.len()
                }
            };
            rest = rest.get(used..).unwrap_or_default();
            self.argument(&value, cx);
        }
        text::wipe(&mut value);
        self.kept = value;
    }

    fn client(&mut self, line: &[u8], follows: Option<u64>, cx: &mut Cx<'_>) {
        self.talk.greet(cx);
        if std::mem::take(&mut self.challenged) {
            self.sasl.response(line, &mut self.talk.login, cx.options);
            return;
        }
        if std::mem::replace(&mut self.continued, follows.is_some()) {
            self.arguments(line, cx);
            return;
        }
        // A command that never gave its password leaves nothing to wait for.
        self.expect = Expect::Nothing;
        let Some((tag, verb, rest)) = command(line) else { return };
        let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
        let asked = if is(b"LOGIN") {
            Asked::Login
        } else if is(b"AUTHENTICATE") {
            Asked::Auth
        } else if is(b"STARTTLS") {
            Asked::StartTls
        } else {
            return;
        };
        if asked != Asked::StartTls {
            self.talk.judge(Outcome::Unknown, cx);
            self.talk.open = true;
        }
        self.tag.clear();
        self.tag.extend_from_slice(tag);
        self.asked = asked;
        match asked {
            Asked::Login => {
                sasl::clear(&mut self.talk.login);
                self.expect = Expect::User;
                self.arguments(rest, cx);
            }
            Asked::Auth => self.sasl.begin(rest, &mut self.talk.login, cx.options),
            Asked::StartTls | Asked::Nothing => {}
        }
    }

    fn reply(&mut self, line: &[u8], cx: &mut Cx<'_>) {
        if !self.talk.greeted {
            if let Some(words) = line.strip_prefix(b"* ") {
                self.talk.hear(words);
            }
            self.talk.greet(cx);
            return;
        }
        if line.starts_with(b"+") {
            self.challenged = self.asked == Asked::Auth;
            return;
        }
        if self.asked == Asked::Nothing {
            return;
        }
        let Some(said) = line.strip_prefix(self.tag.as_slice()).and_then(|l| l.strip_prefix(b" ")) else { return };
        let good = text::starts_with(said, b"OK");
        self.challenged = false;
        match std::mem::take(&mut self.asked) {
            Asked::StartTls if good => {
                self.talk.act.encrypted = true;
                self.talk.tell(cx);
                self.secured = true;
            }
            Asked::Login | Asked::Auth => self.talk.judge(if good { Outcome::Success } else { Outcome::Failure }, cx),
            Asked::StartTls | Asked::Nothing => {}
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
        (Dir::Down, b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"),
        (Dir::Up, b"a1 LOGIN bob \"SEC\\\"RET\"\r\n"),
        (Dir::Down, b"* BAD not this\r\na1 NO refused\r\n"),
        (Dir::Up, b"a2 login {3}\r\n"),
        (Dir::Down, b"+ go\r\n"),
        (Dir::Up, b"bob {6+}\r\nSECRET\r\n"),
        (Dir::Down, b"a2 OK in\r\n"),
        (Dir::Up, b"a3 AUTHENTICATE PLAIN\r\n"),
        (Dir::Down, b"+ \r\n"),
        (Dir::Up, b"AGFkbWluAFNFQ1JFVDI=\r\n"),
        (Dir::Down, b"a3 NO\r\n"),
        (Dir::Up, b"a4 FETCH 1 BODY[]\r\na5 APPEND x {12}\r\n"),
        (Dir::Down, b"* 1 FETCH (BODY[] {14}\r\na3 OK\r\nline\r\n)\r\na4 OK\r\n+ go\r\n"),
        (Dir::Up, b"a6 LOGIN x y\r\n"),
        (Dir::Down, b"a5 OK\r\n"),
        (Dir::Up, b"a7 LOGOUT\r\n"),
        (Dir::Down, b"* BYE\r\na7 OK\r\n"),
    ];

    #[test]
    fn a_session() {
        let acts = testing::tcp(&SPEC, TALK);
        assert_eq!(
            told(&acts),
            [
                "banner OK [CAPABILITY IMAP4rev1] Dovecot ready.",
                "login bob Failure 7 clear=true",
                "login bob Success 6 clear=true",
                "login admin Failure 7 clear=true",
                "mail OK [CAPABILITY IMAP4rev1] Dovecot ready. 14B encrypted=false",
            ]
        );
        assert!(!format!("{acts:?}").contains("SEC"));
    }

    #[test]
    fn what_follows_starttls_is_tls() {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Imap, Transport::Tcp, testing::options());
        drive.feed(Dir::Down, b"* OK hi\r\n");
        drive.feed(Dir::Up, b"x STARTTLS\r\n");
        drive.feed(Dir::Down, b"* NO not that\r\nx OK go\r\n");
        drive.feed(Dir::Up, &[22, 3, 1]);
        assert_eq!(drive.became, Some(Protocol::Tls));
        assert_eq!(told(&drive.acts()), ["banner OK hi", "mail OK hi 0B encrypted=true"]);
    }

    #[test]
    fn absurd_literals_and_holes() {
        let up = [b"a LOGIN {99999999999999999999}\r\nb LOGIN x {18446744073709551615}\r\n".as_slice(), &b"S".repeat(9000)].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &up)]);
        assert_eq!(told(&acts), ["login  Unknown 0 clear=false", "login x Unknown 0 clear=false", "mail  0B encrypted=false"]);
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Imap, Transport::Tcp, testing::options());
        drive.feed(Dir::Down, b"* OK hi\r\n* 1 FETCH {100}\r\n0123456789");
        drive.gap(Dir::Down, 80);
        drive.feed(Dir::Down, b"0123456789)\r\n");
        drive.feed(Dir::Up, b"a LOGIN bob {6}\r\nSEC");
        drive.gap(Dir::Up, 3);
        drive.feed(Dir::Up, b"SECRET\r\nb NOOP\r\n");
        drive.end();
        assert_eq!(told(&drive.acts()), ["banner OK hi", "login bob Unknown 0 clear=false", "mail OK hi 100B encrypted=false"]);
    }

    #[test]
    fn probes() {
        let ask = |up: &[u8], down: &[u8]| probe(&ProbeInput { up, down, client_port: 1, server_port: 9, datagram: false });
        assert_eq!(ask(b"", b"* OK IMAP4rev1 ready\r\n"), Verdict::Sure(95));
        assert_eq!(ask(b"", b"* OK hello\r\n"), Verdict::Sure(80));
        assert_eq!(ask(b"", b"* O"), Verdict::Unsure);
        assert_eq!(ask(b"a1 LOGIN x y\r\n", b""), Verdict::Sure(70));
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", b"USER a\r\n", b"*1\r\n$4\r\nPING\r\n", b"\x16\x03\x01\x02\0\x01\0"] {
            assert_eq!(ask(other, b""), Verdict::No, "{other:?}");
        }
        assert_eq!(ask(b"", b"220 mx ESMTP\r\n"), Verdict::No);
    }

    hostile!(SPEC, script(TALK));
}
