//! Telnet (RFC 854): greetings and logins, read off the terminal as a person would.
//!
//! Both directions are freed of option negotiation (RFC 855) and escape sequences. The server's text is followed line by line; when the
//! client types, what stands before the cursor says what is being asked for. Typed characters are collected with backspaces undone, so
//! that it makes no difference whether the client sends lines or single keys that the server echoes. After a password the server's next
//! words are the verdict: a refusal, a new prompt for a name or a password (refused, too), a greeting or a command prompt (let in).
//!
//! What a user types while no login is asked for is never kept.

mod words;

use super::{server_first, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Banner, Login, Outcome, Protocol, SecretKind};
use words::Prompt;

/// Telnet.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Telnet, tcp: true, udp: false, ports: &[23, 2323], probe, start: || Box::<TelnetParser>::default() };

/// Bytes kept of the server's current line.
const MAX_SCREEN: usize = 256;
/// Bytes kept of what is typed.
const MAX_TYPED: usize = 128;
/// Bytes kept of the greeting before it is made text of.
const MAX_GREETING: usize = 600;
/// Characters told of the greeting (see [`Banner`]).
pub const MAX_BANNER: usize = 256;

const IAC: u8 = 255;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let usual = SPEC.ports.contains(&i.server_port);
    let mut unsure = false;
    for bytes in [i.down, i.up] {
        match *bytes {
            [IAC, 250..=254, option, ..] if option < 50 || option == 255 => return Verdict::Sure(90),
            [] | [IAC] | [IAC, 250..=254] => unsure = true,
            [IAC, ..] => return Verdict::No,
            _ => {}
        }
    }
    // Devices without negotiation: printable text that ends with a prompt.
    let printable = |b: &[u8]| b.iter().all(|b| matches!(b, 7 | 8 | b'\t' | b'\r' | b'\n' | 0 | 0x1b | 0x20..=0x7e | 0x80..));
    if !printable(i.down) || !printable(i.up) {
        return Verdict::No;
    }
    // The last line is enough; probes are asked for every new conversation and must not allocate.
    let last = i.down.iter().rposition(|&b| b == b'\n').map_or(i.down, |at| i.down.get(at + 1..).unwrap_or_default());
    let mut line = [0u8; MAX_SCREEN];
    let mut length = 0;
    let (mut down, mut escape) = (Negotiation::default(), Escape::default());
    for &b in last.get(last.len().saturating_sub(MAX_SCREEN)..).unwrap_or(last) {
        if let Some(b) = down.pass(b).filter(|b| escape.pass(*b) && matches!(b, 0x20..=0x7e | 0x80..))
            && let Some(place) = line.get_mut(length)
        {
            *place = b;
            length += 1;
        }
    }
    match words::prompt(line.get(..length).unwrap_or_default()) {
        Some(Prompt::User | Prompt::Password) => Verdict::Sure(if usual { 60 } else { 45 }),
        _ if unsure || i.down.is_empty() || i.down.len() < 512 => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Takes commands and options out of one direction (RFC 854, page 13; RFC 855).
#[derive(Clone, Copy, Default)]
enum Negotiation {
    #[default]
    Text,
    Command,
    Option,
    Sub,
    SubCommand,
}

impl Negotiation {
    fn pass(&mut self, byte: u8) -> Option<u8> {
        use Negotiation::{Command, Option as Opt, Sub, SubCommand, Text};
        match (*self, byte) {
            (Text, IAC) => *self = Command,
            (Text, _) => return Some(byte),
            (Command, 251..=254) => *self = Opt,
            (Command, 250) => *self = Sub,
            (Command, IAC) => {
                *self = Text;
                return Some(IAC);
            }
            (Command | Opt, _) | (SubCommand, 240) => *self = Text,
            (Sub, IAC) => *self = SubCommand,
            (Sub, _) => {}
            (SubCommand, _) => *self = Sub,
        }
        None
    }
}

/// Escape sequences (ECMA-48) are no text.
#[derive(Clone, Copy, Default)]
enum Escape {
    #[default]
    Text,
    Begun,
    Control,
}

impl Escape {
    fn pass(&mut self, byte: u8) -> bool {
        match (*self, byte) {
            (Escape::Text, 0x1b) => *self = Escape::Begun,
            (Escape::Text, _) => return true,
            (Escape::Begun, b'[' | b'O') => *self = Escape::Control,
            (Escape::Begun, _) | (Escape::Control, 0x40..=0x7e) => *self = Escape::Text,
            (Escape::Control, _) => {}
        }
        false
    }
}

/// The server's current line.
#[derive(Default)]
struct Terminal {
    line: Vec<u8>,
    escape: Escape,
}

impl Terminal {
    /// Shows a byte; true where it ended the line, which then still stands in `line` (call `next_line`).
    fn show(&mut self, byte: u8) -> bool {
        if !self.escape.pass(byte) {
            return false;
        }
        match byte {
            b'\n' => return true,
            8 => {
                self.line.pop();
            }
            0x20..=0x7e | 0x80.. => {
                if self.line.len() == MAX_SCREEN {
                    // The end of a line is what prompts stand in.
                    self.line.drain(..MAX_SCREEN / 2);
                }
                self.line.push(byte);
            }
            _ => {}
        }
        false
    }
}

/// What is being typed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Typing {
    /// Nothing of interest, or not yet looked at.
    #[default]
    Other,
    User,
    Password,
}

#[derive(Default)]
struct TelnetParser {
    negotiation: [Negotiation; 2],
    screen: Terminal,
    typed: Vec<u8>,
    typed_escape: Escape,
    typing: Typing,
    /// Something of the current line was typed already.
    begun: bool,
    after_return: bool,
    /// A name was given and no password yet.
    named: bool,
    greeting: Vec<u8>,
    greeted: bool,
    banner: Banner,
    login: Login,
    /// A password was given and the server has not answered.
    judging: bool,
    /// The server ended a line since the last return of the client.
    answered: bool,
    turned: bool,
}

impl Parser for TelnetParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let dir = self.faced(dir, cx);
        for &byte in bytes {
            let [up, down] = &mut self.negotiation;
            let side = if dir == Dir::Up { up } else { down };
            if let Some(byte) = side.pass(byte) {
                match dir {
                    Dir::Up => self.type_key(byte, cx),
                    Dir::Down => self.show(byte, cx),
                }
            }
        }
        if dir == Dir::Down && self.judging {
            // The cursor rests: where it stands behind a prompt the verdict is clear without another key.
            self.judge_cursor(cx);
        }
        Step::Used(bytes.len())
    }

    fn gap(&mut self, dir: Dir, _missing: u64, cx: &mut Cx<'_>) -> Step {
        let dir = self.faced(dir, cx);
        let [up, down] = &mut self.negotiation;
        if dir == Dir::Up {
            // Part of what was typed is missing: what is left is not what was meant.
            *up = Negotiation::Text;
            text::wipe(&mut self.typed);
            self.typing = Typing::Other;
            self.begun = false;
        } else {
            *down = Negotiation::Text;
            self.screen.line.clear();
        }
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.greet(cx);
        if self.judging {
            self.judge_cursor(cx);
        }
        if self.judging {
            self.tell(Outcome::Unknown, cx);
        }
    }

    fn reset(&mut self) {
        self.negotiation = <[Negotiation; 2]>::default();
        self.screen.line.clear();
        self.screen.escape = Escape::Text;
        text::wipe(&mut self.typed);
        self.typed_escape = Escape::Text;
        self.typing = Typing::Other;
        (self.begun, self.after_return, self.named, self.greeted, self.judging, self.answered) = (false, false, false, false, false, false);
        self.turned = false;
        self.greeting.clear();
        self.banner.text.clear();
        self.login.user.clear();
        self.login.secret = None;
    }
}

impl TelnetParser {
    /// Up is where keys are typed, even if the capture began late, with the server.
    fn faced(&mut self, dir: Dir, cx: &Cx<'_>) -> Dir {
        self.turned = server_first(&cx.head, SPEC.ports);
        match (self.turned, dir) {
            (false, dir) => dir,
            (true, Dir::Up) => Dir::Down,
            (true, Dir::Down) => Dir::Up,
        }
    }

    fn emit(&self, act: ActRef<'_>, cx: &mut Cx<'_>) {
        cx.emit_turned(self.turned, act);
    }

    fn show(&mut self, byte: u8, cx: &mut Cx<'_>) {
        if !self.greeted && self.greeting.len() < MAX_GREETING {
            self.greeting.push(byte);
        }
        if !self.screen.show(byte) {
            return;
        }
        self.answered = true;
        let line = std::mem::take(&mut self.screen.line);
        if self.judging {
            if words::refuses(&line) {
                self.tell(Outcome::Failure, cx);
            } else if words::lets_in(&line) {
                self.tell(Outcome::Success, cx);
            }
        }
        self.screen.line = line;
        self.screen.line.clear();
    }

    fn judge_cursor(&mut self, cx: &mut Cx<'_>) {
        match words::prompt(&self.screen.line) {
            // A prompt that stands on the line of the password's own prompt is that prompt.
            Some(Prompt::User | Prompt::Password) if self.answered => self.tell(Outcome::Failure, cx),
            Some(Prompt::Shell) if self.answered => self.tell(Outcome::Success, cx),
            _ => {}
        }
    }

    fn type_key(&mut self, byte: u8, cx: &mut Cx<'_>) {
        let after_return = std::mem::take(&mut self.after_return);
        if after_return && matches!(byte, b'\n' | 0) {
            return;
        }
        self.greet(cx);
        if !self.typed_escape.pass(byte) {
            return;
        }
        if !self.begun {
            self.begun = true;
            if self.judging {
                self.judge_cursor(cx);
            }
            self.typing = match words::prompt(&self.screen.line) {
                Some(Prompt::User) if !self.named || self.answered => Typing::User,
                Some(Prompt::Password) if !self.judging || self.answered => Typing::Password,
                // After a name comes a password, in whatever words it was asked for, or typed ahead.
                Some(Prompt::User) | None if self.named => Typing::Password,
                _ => Typing::Other,
            };
        }
        match byte {
            b'\r' | b'\n' => {
                self.after_return = byte == b'\r';
                self.entered(cx);
            }
            // Backspace, delete: the whole of a character in UTF-8.
            8 | 127 => while self.typed.pop().is_some_and(|b| b & 0xc0 == 0x80) {},
            // The line, or all of it, taken back: ^U, ^C, ^D.
            21 => text::wipe(&mut self.typed),
            3 | 4 => {
                text::wipe(&mut self.typed);
                self.typing = Typing::Other;
                (self.begun, self.named) = (false, false);
            }
            0x20..=0x7e | 0x80.. if self.typing != Typing::Other && self.typed.len() < MAX_TYPED => {
                self.typed.reserve_exact(MAX_TYPED - self.typed.len());
                self.typed.push(byte);
            }
            _ => {}
        }
    }

    /// Return was pressed.
    fn entered(&mut self, cx: &mut Cx<'_>) {
        match self.typing {
            Typing::User => {
                text::set(&mut self.login.user, self.typed.trim_ascii(), MAX_TYPED);
                self.named = !self.typed.is_empty();
                self.login.secret = None;
            }
            Typing::Password => {
                if self.judging {
                    self.tell(Outcome::Unknown, cx);
                }
                if !self.named {
                    self.login.user.clear();
                }
                let user = self.login.user.as_bytes();
                self.login.secret = Some(cx.options.trace(SecretKind::Password, user, &self.typed));
                (self.named, self.judging) = (false, true);
            }
            Typing::Other => {}
        }
        text::wipe(&mut self.typed);
        self.typing = Typing::Other;
        (self.begun, self.answered) = (false, false);
    }

    fn tell(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        self.judging = false;
        self.login.outcome = outcome;
        self.login.clear_text = true;
        self.emit(ActRef::Login(&self.login), cx);
    }

    /// Tells what the server said before anything was typed.
    fn greet(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.greeted, true) {
            return;
        }
        banner(&self.greeting, &mut self.banner.text);
        self.greeting.clear();
        if !self.banner.text.is_empty() {
            self.emit(ActRef::Banner(&self.banner), cx);
        }
    }
}

/// Text of a greeting: escape sequences and control characters dropped, line ends and runs of blanks made one blank, at most
/// [`MAX_BANNER`] characters.
pub(super) fn banner(raw: &[u8], out: &mut String) {
    out.clear();
    let mut escape = Escape::Text;
    let mut plain = Vec::with_capacity(raw.len());
    for &b in raw {
        if escape.pass(b) {
            match b {
                b'\r' | b'\n' | b'\t' | b' ' if plain.last().is_none_or(|l| *l == b' ') => {}
                b'\r' | b'\n' | b'\t' => plain.push(b' '),
                0x20..=0x7e | 0x80.. => plain.push(b),
                _ => {}
            }
        }
    }
    text::push(out, plain.trim_ascii(), MAX_BANNER * 4);
    if let Some((at, _)) = out.char_indices().nth(MAX_BANNER) {
        out.truncate(at);
    }
}

#[cfg(test)]
mod tests;
