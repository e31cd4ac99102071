//! SMTP (RFC 5321): who sends mail to whom through which server, and who logs in.
//!
//! Replies come in the order of the commands, also where several are sent at once (RFC 2920), so a short queue says which command a reply
//! belongs to. The content of a message is counted, never kept. A transaction is told when the server has answered its end, or when it is
//! given up. After STARTTLS (RFC 3207) was granted what there is so far is told as encrypted, and the TLS parser goes on.

use super::lines::{Lines, Next};
use super::mail::Talk;
use super::sasl::Sasl;
use super::{Pool, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Mail, Outcome, Protocol};
use std::collections::VecDeque;

/// SMTP, with submission (RFC 6409) and LMTP (RFC 2033).
pub const SPEC: Spec =
    Spec { protocol: Protocol::Smtp, tcp: true, udp: false, ports: &[25, 587, 2525, 24], probe, start: || Box::<SmtpParser>::default() };

/// Bytes of a line that are read; the rest of it is passed over. Responses inside AUTH may be long (RFC 4954, 4.3).
pub const MAX_LINE: usize = 12 * 1024;
/// Recipients told of a transaction.
pub const MAX_RECIPIENTS: usize = 16;
const MAX_NAME: usize = 255;
const MAX_ADDRESS: usize = 320;
/// Commands whose replies may be outstanding.
const MAX_PENDING: usize = 64;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    // The server greets first; a capture that begins late may show it in either place.
    for (server, client) in [(i.down, i.up), (i.up, i.down)] {
        if reply(server).is_some() {
            return judge(server, client);
        }
    }
    match text::line(i.up) {
        Some((line, _)) if i.down.is_empty() && greets(line) => Verdict::Sure(85),
        Some(_) => Verdict::No,
        None if i.down.is_empty() && i.up.len() < 64 && text::printable(i.up) => Verdict::Unsure,
        None if i.up.is_empty() && i.down.len() < 4 && i.down.iter().all(u8::is_ascii_digit) => Verdict::Unsure,
        None => Verdict::No,
    }
}

fn judge(server: &[u8], client: &[u8]) -> Verdict {
    let Some((220 | 421 | 521 | 554, _)) = reply(server) else { return Verdict::No };
    if text::line(client).is_some_and(|(line, _)| greets(line)) {
        return Verdict::Sure(95);
    }
    if text::contains(server, b"smtp") || text::contains(server, b"lmtp") {
        return Verdict::Sure(90);
    }
    match text::line(client) {
        None if client.len() < 64 && text::printable(client) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

fn greets(line: &[u8]) -> bool {
    [&b"EHLO "[..], b"HELO ", b"LHLO "].iter().any(|w| text::starts_with(line, w))
}

/// Code of a reply line, and whether more lines of the same reply follow (RFC 5321, 4.2).
fn reply(line: &[u8]) -> Option<(u16, bool)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = text::number(code).filter(|c| (200..600).contains(c))?;
    match rest.first() {
        Some(b'-') => Some((code as u16, true)),
        Some(b' ' | b'\r' | b'\n') | None => Some((code as u16, false)),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hello,
    Mail,
    Recipient,
    Data,
    /// A piece of a message by BDAT (RFC 3030); the last one.
    Piece(bool),
    /// The end of a message.
    Message,
    StartTls,
    Auth,
    Reset,
    Other,
}

/// What the client is sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Commands,
    /// A message; what of the line that ends it was seen.
    Message(Ending),
    /// So many bytes of a piece, and whether it is the last.
    Piece(u64, bool),
}

/// CR LF . CR LF, as far as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Text,
    Return,
    Begin,
    Dot,
    DotReturn,
}

#[derive(Default)]
struct SmtpParser {
    talk: Talk,
    lines: Lines,
    mode: Mode,
    pending: VecDeque<Kind>,
    /// The server's last reply asks for more of AUTH.
    challenged: bool,
    sasl: Sasl,
    /// The transaction has not been told.
    begun: bool,
    /// A transaction whose message is complete and waits for the server's word, while the next may have begun.
    sent: Mail,
    waiting: bool,
    pool: Pool,
    secured: bool,
}

impl Parser for SmtpParser {
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
            if self.talk.server.is_some_and(|s| s != dir)
                && let Some(used) = self.content(rest, cx)
            {
                at += used;
                continue;
            }
            match self.lines.next(dir, rest, MAX_LINE) {
                Next::Wait => return if at > 0 { Step::Used(at) } else { Step::More },
                Next::Over(used) => at += used,
                Next::Line(line, used) => {
                    at += used;
                    if !self.line(dir, line, cx) {
                        self.end(cx);
                        return Step::Done;
                    }
                }
            }
        }
    }

    fn gap(&mut self, dir: Dir, missing: u64, _cx: &mut Cx<'_>) -> Step {
        if self.talk.server.is_some_and(|s| s != dir) {
            match &mut self.mode {
                Mode::Piece(left, _) if missing > 0 && missing <= *left => {
                    *left -= missing;
                    self.talk.act.bytes += missing;
                    return Step::More;
                }
                Mode::Message(ending) => {
                    *ending = Ending::Text;
                    self.talk.act.bytes += missing;
                    return Step::More;
                }
                _ => self.mode = Mode::Commands,
            }
        }
        // Which reply belongs to what is no longer known.
        self.lines.broken(dir);
        self.pending.clear();
        self.challenged = false;
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.talk.greet(cx);
        self.talk.judge(Outcome::Unknown, cx);
        self.tell_sent(cx);
        self.tell(cx);
    }

    fn reset(&mut self) {
        (self.lines, self.mode) = (Lines::default(), Mode::Commands);
        self.pending.clear();
        (self.challenged, self.waiting, self.secured) = (false, false, false);
        for _ in 0..2 {
            self.forget();
            self.talk.reset();
            std::mem::swap(&mut self.talk.act, &mut self.sent);
        }
    }
}

impl SmtpParser {
    /// False where this is not to be read any further.
    fn line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) -> bool {
        let server = match self.talk.server {
            Some(server) => server,
            None => {
                let server = if reply(line).is_some() {
                    dir
                } else if dir == Dir::Up {
                    Dir::Down
                } else {
                    Dir::Up
                };
                self.talk.server = Some(server);
                server
            }
        };
        if dir == server {
            self.reply(line, cx);
        } else {
            self.command(line, cx);
        }
        true
    }

    /// Content of a message; `None` where the client sends commands.
    fn content(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> Option<usize> {
        match &mut self.mode {
            Mode::Commands => {
                // Who sends on after DATA sends the message, whether or not the server's word can be seen.
                (self.pending.back() == Some(&Kind::Data)).then(|| {
                    self.pending.pop_back();
                    self.mode = Mode::Message(Ending::Begin);
                    0
                })
            }
            Mode::Piece(left, last) => {
                let used = (*left).min(bytes.len() as u64);
                *left -= used;
                self.talk.act.bytes += used;
                if *left == 0 {
                    let last = *last;
                    self.mode = Mode::Commands;
                    if last {
                        self.sent(cx);
                    }
                }
                Some(used as usize)
            }
            Mode::Message(ending) => {
                let mut used = 0;
                while let Some(rest) = bytes.get(used..)
                    && let Some(&byte) = rest.first()
                {
                    if *ending == Ending::Text {
                        // Most of a message.
                        let Some(end) = rest.iter().position(|b| *b == b'\r') else {
                            used = bytes.len();
                            break;
                        };
                        used += end + 1;
                        *ending = Ending::Return;
                        continue;
                    }
                    used += 1;
                    *ending = match (*ending, byte) {
                        (Ending::Return, b'\n') => Ending::Begin,
                        (Ending::Begin, b'.') => Ending::Dot,
                        (Ending::Dot, b'\r') => Ending::DotReturn,
                        (Ending::DotReturn, b'\n') => {
                            // The last line is no part of the message.
                            self.talk.act.bytes = (self.talk.act.bytes + used as u64).saturating_sub(3);
                            self.mode = Mode::Commands;
                            self.push(Kind::Message);
                            self.sent(cx);
                            return Some(used);
                        }
                        (_, b'\r') => Ending::Return,
                        _ => Ending::Text,
                    };
                }
                self.talk.act.bytes += used as u64;
                Some(used)
            }
        }
    }

    fn push(&mut self, kind: Kind) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(kind);
    }

    fn command(&mut self, line: &[u8], cx: &mut Cx<'_>) {
        self.talk.greet(cx);
        if std::mem::take(&mut self.challenged) {
            self.sasl.response(line, &mut self.talk.login, cx.options);
            self.push(Kind::Auth);
            return;
        }
        let verb_end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
        let (verb, argument) = line.split_at(verb_end);
        let argument = argument.trim_ascii();
        let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
        let kind = if is(b"EHLO") || is(b"HELO") || is(b"LHLO") {
            self.tell(cx);
            text::set(&mut self.talk.act.helo, argument, MAX_NAME);
            Kind::Hello
        } else if is(b"MAIL") {
            self.tell(cx);
            self.begun = true;
            address(argument, &mut self.talk.act.from);
            Kind::Mail
        } else if is(b"RCPT") {
            self.begun = true;
            self.talk.act.recipients = self.talk.act.recipients.saturating_add(1);
            if self.talk.act.to.len() < MAX_RECIPIENTS {
                let mut to = self.pool.take();
                address(argument, &mut to);
                self.talk.act.to.push(to);
            }
            Kind::Recipient
        } else if is(b"DATA") {
            self.begun = true;
            Kind::Data
        } else if is(b"BDAT") {
            self.begun = true;
            let mut words = argument.split(|b| *b == b' ').filter(|w| !w.is_empty());
            let size = words.next().and_then(text::number).unwrap_or(0);
            let last = words.next().is_some_and(|w| w.eq_ignore_ascii_case(b"LAST"));
            self.mode = Mode::Piece(size, last);
            Kind::Piece(last)
        } else if is(b"AUTH") {
            self.talk.judge(Outcome::Unknown, cx);
            self.sasl.begin(argument, &mut self.talk.login, cx.options);
            self.talk.open = true;
            Kind::Auth
        } else if is(b"STARTTLS") {
            Kind::StartTls
        } else if is(b"RSET") {
            Kind::Reset
        } else {
            Kind::Other
        };
        self.push(kind);
    }

    fn reply(&mut self, line: &[u8], cx: &mut Cx<'_>) {
        if self.talk.listening() {
            // Only the text of a line is told, not its number.
            let words = line.get(4..).unwrap_or_default();
            self.talk.hear(words);
            self.talk.hear(b" ");
        }
        let Some((code, false)) = reply(line) else { return };
        if self.pending.is_empty() && !self.talk.greeted {
            self.talk.greet(cx);
            return;
        }
        if self.pending.is_empty() && matches!(self.mode, Mode::Message(_)) && code != 354 {
            // The server takes the message as complete, whatever we think.
            self.mode = Mode::Commands;
            self.push(Kind::Message);
            self.sent(cx);
        }
        let kind = self.pending.pop_front();
        let tells = match kind {
            Some(Kind::Mail | Kind::Recipient | Kind::Piece(false)) => true,
            Some(_) => code >= 400,
            None => false,
        };
        if self.begun && tells {
            self.talk.act.status = code;
        }
        match (kind, code) {
            (Some(Kind::Data), 354) => self.mode = Mode::Message(Ending::Begin),
            (Some(Kind::Message | Kind::Piece(true)), _) => {
                if !self.waiting {
                    // The server did not wait for the end.
                    self.sent(cx);
                }
                self.sent.status = code;
                self.tell_sent(cx);
            }
            (Some(Kind::Reset), 200..=299) => {
                self.tell(cx);
                self.forget();
            }
            (Some(Kind::Auth), 334) => self.challenged = true,
            (Some(Kind::Auth), 200..=299) => self.talk.judge(Outcome::Success, cx),
            (Some(Kind::Auth), 400..) => self.talk.judge(Outcome::Failure, cx),
            (Some(Kind::StartTls), 200..=299) => {
                self.talk.act.encrypted = true;
                // That the conversation changed is worth telling even where no mail was begun.
                self.begun = true;
                self.talk.act.status = code;
                self.tell(cx);
                self.secured = true;
            }
            _ => {}
        }
    }

    fn forget(&mut self) {
        self.talk.act.from.clear();
        for to in self.talk.act.to.drain(..) {
            self.pool.give(to);
        }
        (self.talk.act.recipients, self.talk.act.status, self.talk.act.bytes, self.begun) = (0, 0, 0, false);
    }

    /// The message is complete: only the server's word on it is missing.
    fn sent(&mut self, cx: &mut Cx<'_>) {
        self.tell_sent(cx);
        let (act, sent) = (&mut self.talk.act, &mut self.sent);
        std::mem::swap(act, sent);
        act.helo.clone_from(&sent.helo);
        act.server.clone_from(&sent.server);
        act.encrypted = sent.encrypted;
        self.waiting = true;
        self.forget();
    }

    fn tell_sent(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.waiting) {
            self.talk.emit(ActRef::Mail(&self.sent), cx);
        }
    }

    fn tell(&mut self, cx: &mut Cx<'_>) {
        if self.begun {
            self.talk.emit(ActRef::Mail(&self.talk.act), cx);
            self.forget();
        }
    }
}

/// The mailbox of `FROM:<a@b> SIZE=1` and the like, without a source route (RFC 5321, 4.1.2).
fn address(argument: &[u8], out: &mut String) {
    let after = argument.iter().position(|b| *b == b':').and_then(|at| argument.get(at + 1..)).unwrap_or(argument).trim_ascii();
    let inside = match after.strip_prefix(b"<") {
        Some(inside) => inside.split(|b| *b == b'>').next().unwrap_or_default(),
        None => after.split(|b| *b == b' ').next().unwrap_or_default(),
    };
    let mailbox = match inside.first() {
        Some(b'@') => inside.iter().position(|b| *b == b':').and_then(|at| inside.get(at + 1..)).unwrap_or(inside),
        _ => inside,
    };
    text::set(out, mailbox, MAX_ADDRESS);
}

#[cfg(test)]
mod tests;
