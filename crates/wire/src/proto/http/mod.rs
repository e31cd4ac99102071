//! HTTP/1 (RFC 9110, RFC 9112), and its form in datagrams as SSDP uses it (UPnP Device Architecture 2.0, 1.2).
//!
//! Each direction is a small machine that reads a start line, header lines and a body, one piece at a time, and holds nothing back but
//! an unfinished line. Requests wait in a queue until their answers come (RFC 9112, 9.3.2: answers keep the order of the requests);
//! an exchange is told when its answer is complete, or when the conversation ends. Bodies are counted and let go, except that the first
//! bytes of each say what it is ([`magic`]), those of a form are looked through for a login and wiped, and XML that an answer brings may be
//! the description of a UPnP device ([`super::upnp`]).
//!
//! Behind CONNECT (RFC 9110, 9.3.6) and an upgrade (7.8) another protocol speaks: TLS, SSH and HTTP itself are recognised by their first
//! bytes and read on by their parsers; everything else is left.
//!
//! After a hole whose size is known the count of a body goes on. After any other the direction is lost until a piece begins with a
//! start line again.

pub mod login;
pub mod magic;
pub mod target;

use super::{text, upnp};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use login::{How, Location};
use model::ActRef;
use model::activity::{Http, Login, Outcome, Protocol, Upnp};
use model::net::Transport;
use std::collections::VecDeque;

/// HTTP/1.
pub const SPEC: Spec = Spec {
    protocol: Protocol::Http,
    tcp: true,
    udp: true,
    ports: &[80, 8080, 8000, 8008, 8888, 1900, 5985, 3128],
    probe,
    start: || Box::<HttpParser>::default(),
};

/// Bytes of a line that are read; the rest of it is passed over.
pub const MAX_LINE: usize = 8 * 1024;
/// Requests that may wait for their answers; when more come, the oldest is told without.
pub const MAX_WAITING: usize = 32;
/// Bytes of a form that are looked through.
pub const MAX_FORM: usize = 8 * 1024;
/// Bytes of XML that are looked through for the description of a device.
pub const MAX_DESCRIPTION: usize = 16 * 1024;
/// Kept of buffers when the parser is recycled.
const KEEP: usize = 4 * 1024;
const MAX_METHOD: usize = 32;
const MAX_HOST: usize = 256;
const MAX_VALUE: usize = 256;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut unsure = false;
    for bytes in [i.up, i.down] {
        match looks(bytes) {
            sure @ Verdict::Sure(_) => return sure,
            Verdict::Unsure => unsure = true,
            Verdict::No => return Verdict::No,
        }
    }
    if unsure { Verdict::Unsure } else { Verdict::No }
}

const METHODS: &[&[u8]] = &[
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"TRACE ",
    b"CONNECT ",
    b"PATCH ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"REPORT ",
    b"SEARCH ",
    b"M-SEARCH ",
    b"NOTIFY ",
    b"SUBSCRIBE ",
    b"UNSUBSCRIBE ",
    b"PURGE ",
    b"RPC_IN_DATA ",
    b"RPC_OUT_DATA ",
    b"M-POST ",
];

fn looks(bytes: &[u8]) -> Verdict {
    let bytes = skip_blank(bytes);
    if bytes.is_empty() {
        return Verdict::Unsure;
    }
    let begins = |word: &[u8]| bytes.starts_with(word) || word.starts_with(bytes);
    if let Some((line, _)) = text::line(bytes) {
        return if status_of(line).is_some() || request(line).is_some_and(|(_, _, version)| version) {
            Verdict::Sure(95)
        } else {
            Verdict::No
        };
    }
    if begins(b"HTTP/1.") || METHODS.iter().any(|m| begins(m)) {
        // OPTIONS and others begin RTSP and SIP requests too; the end of the line tells.
        return match text_target(bytes) {
            Some(b'/') => Verdict::Sure(60),
            _ => Verdict::Unsure,
        };
    }
    Verdict::No
}

fn text_target(bytes: &[u8]) -> Option<u8> {
    bytes.iter().position(|&b| b == b' ').and_then(|i| bytes.get(i + 1)).copied()
}

/// Blank lines before a start line are to be ignored (RFC 9112, 2.2).
fn skip_blank(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take(4).take_while(|b| matches!(b, b'\r' | b'\n')).count();
    bytes.get(blank..).unwrap_or_default()
}

/// The status code of a status line.
fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let rest = rest.strip_prefix(b"0").or_else(|| rest.strip_prefix(b"1"))?.strip_prefix(b" ")?;
    let code = text::number(rest.get(..3)?)?;
    (matches!(rest.get(3), None | Some(b' ')) && (100..1000).contains(&code)).then_some(code as u16)
}

/// Method, target and whether a version stands at the end of a request line.
fn request(line: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let (method, rest) = target::split(line, b' ');
    let rest = rest?;
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if method.is_empty() || method.len() > MAX_METHOD || !method.iter().all(token) || rest.is_empty() {
        return None;
    }
    // Some clients leave blanks in the target, so the version is what stands last.
    match rest.iter().rposition(|&b| b == b' ').map(|i| rest.split_at(i)) {
        Some((target, b" HTTP/1.0" | b" HTTP/1.1")) => Some((method, target.trim_ascii(), true)),
        _ => Some((method, rest.trim_ascii(), false)),
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Headers,
    Body(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    Lost,
}

/// One direction.
#[derive(Default)]
struct Side {
    state: State,
    /// The rest of a line beyond [`MAX_LINE`] is being passed over.
    overlong: bool,
    length: Option<u64>,
    chunked: bool,
    /// Answers: an interim one (1xx).
    interim: bool,
    /// Requests: the body is a form.
    form: bool,
}

#[derive(Default)]
struct Exchange {
    act: Http,
    number: u64,
    login: Login,
    how: Option<How>,
    location: Location,
    cookie: bool,
}

impl Exchange {
    fn clear(&mut self) {
        let a = &mut self.act;
        for s in [
            &mut a.method,
            &mut a.host,
            &mut a.path,
            &mut a.user_agent,
            &mut a.server,
            &mut a.content_type,
            &mut a.request_type,
            &mut a.body,
            &mut a.request_body,
            &mut a.authorization,
        ] {
            s.clear();
        }
        (a.status, a.request_bytes, a.response_bytes) = (None, 0, 0);
        self.login.user.clear();
        (self.login.secret, self.login.outcome, self.login.clear_text) = (None, Outcome::Unknown, false);
        (self.number, self.how, self.location, self.cookie) = (0, None, Location::None, false);
    }
}

#[derive(Default)]
struct HttpParser {
    sides: [Side; 2],
    /// The direction that carries the requests, once known.
    requests: Option<Dir>,
    /// The request whose head is being read.
    asking: Exchange,
    waiting: VecDeque<Exchange>,
    /// The exchange whose answer is being read.
    answering: Option<Exchange>,
    spare: Vec<Exchange>,
    /// Number of the last request.
    number: u64,
    form: Vec<u8>,
    /// Beginnings of the bodies being read, of request and answer.
    sent: Vec<u8>,
    page: Vec<u8>,
    device: Upnp,
    /// From here on another protocol speaks.
    tunnel: bool,
    /// A login that was told as successful: browsers repeat it with every request, and it is told once.
    told: Option<Login>,
    /// The unfinished request line at the end of what was shown: all there will be where frames were captured cut short.
    partial: bool,
    partial_method: String,
    partial_target: String,
}

enum Go {
    On(usize),
    Wait,
    Stop,
}

impl Parser for HttpParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let datagram = cx.head.transport != Transport::Tcp;
        if datagram {
            self.restart();
        }
        let mut at = 0;
        let step = loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                break Step::Used(at);
            }
            if self.tunnel {
                return if at > 0 { Step::Used(at) } else { inside(rest) };
            }
            match self.advance(dir, rest, cx) {
                Go::On(n) => at += n,
                Go::Wait if at == 0 => break Step::More,
                Go::Wait => break Step::Used(at),
                Go::Stop => break Step::Done,
            }
        };
        if datagram {
            // A datagram is a whole message; one that is no HTTP says nothing about the next.
            self.end(cx);
            return Step::Used(bytes.len());
        }
        step
    }

    fn gap(&mut self, dir: Dir, missing: u64, cx: &mut Cx<'_>) -> Step {
        let asks = self.asks(dir);
        let side = self.side(dir);
        match side.state {
            State::UntilClose | State::Lost => return Step::More,
            State::Body(left) if missing > 0 && missing < left => {
                side.state = State::Body(left - missing);
                return Step::More;
            }
            State::ChunkData(left) if missing > 0 && missing < left => {
                side.state = State::ChunkData(left - missing);
                return Step::More;
            }
            State::Body(left) if missing > 0 && missing == left => {
                side.state = State::Body(0);
                self.body_end(dir, cx);
                return Step::More;
            }
            _ => {}
        }
        let state = side.state;
        side.state = State::Lost;
        side.overlong = false;
        if asks {
            match state {
                State::Start if self.partial => {
                    self.number += 1;
                    self.asking.clear();
                    self.asking.number = self.number;
                    std::mem::swap(&mut self.asking.act.method, &mut self.partial_method);
                    std::mem::swap(&mut self.asking.act.path, &mut self.partial_target);
                    self.queue(cx);
                }
                State::Headers => self.queue(cx),
                _ => {}
            }
            self.partial = false;
            text::wipe(&mut self.form);
            text::wipe(&mut self.sent);
        } else {
            // Which of the answers were lost is not known.
            self.flush(cx);
        }
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        if let Some(dir) = self.requests
            && self.side(dir).state == State::Headers
        {
            self.side(dir).state = State::Lost;
            self.queue(cx);
        }
        if !self.form.is_empty() {
            self.form_end(cx);
        }
        self.flush(cx);
    }

    fn reset(&mut self) {
        self.restart();
        self.page.shrink_to(KEEP);
        self.told = None;
        self.number = 0;
    }
}

impl HttpParser {
    fn restart(&mut self) {
        self.sides = <[Side; 2]>::default();
        self.requests = None;
        (self.partial, self.tunnel) = (false, false);
        text::wipe(&mut self.form);
        text::wipe(&mut self.sent);
        self.page.clear();
        self.asking.clear();
        for mut e in self.waiting.drain(..).chain(self.answering.take()) {
            e.clear();
            self.spare.push(e);
        }
    }

    fn side(&mut self, dir: Dir) -> &mut Side {
        let [up, down] = &mut self.sides;
        if dir == Dir::Up { up } else { down }
    }

    fn asks(&self, dir: Dir) -> bool {
        self.requests.unwrap_or(Dir::Up) == dir
    }

    /// Takes one piece: a line, or what there is of a body.
    fn advance(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Go {
        let side = self.side(dir);
        if side.overlong {
            return match bytes.iter().position(|&b| b == b'\n') {
                Some(lf) => {
                    side.overlong = false;
                    Go::On(lf + 1)
                }
                None => Go::On(bytes.len()),
            };
        }
        match side.state {
            State::Body(left) => {
                let n = left.min(bytes.len() as u64);
                side.state = State::Body(left - n);
                let used = n as usize;
                self.body(dir, bytes.get(..used).unwrap_or_default());
                if left == n {
                    self.body_end(dir, cx);
                }
                Go::On(used)
            }
            State::ChunkData(left) => {
                let n = left.min(bytes.len() as u64);
                side.state = if left == n { State::ChunkEnd } else { State::ChunkData(left - n) };
                let used = n as usize;
                self.body(dir, bytes.get(..used).unwrap_or_default());
                Go::On(used)
            }
            State::UntilClose => {
                self.body(dir, bytes);
                Go::On(bytes.len())
            }
            State::Lost => {
                let start = bytes.starts_with(b"HTTP/1.") || METHODS.iter().any(|m| bytes.starts_with(m));
                if !start {
                    return Go::On(bytes.len());
                }
                side.state = State::Start;
                self.advance(dir, bytes, cx)
            }
            State::Start | State::Headers | State::ChunkSize | State::ChunkEnd | State::Trailers => {
                let (line, used) = match text::line(bytes) {
                    Some((line, used)) => (line.get(..MAX_LINE).unwrap_or(line), used),
                    None if bytes.len() < MAX_LINE + 1 => {
                        if side.state == State::Start {
                            self.remember_partial(dir, bytes, cx);
                        }
                        return Go::Wait;
                    }
                    None => {
                        side.overlong = true;
                        (bytes.get(..MAX_LINE).unwrap_or(bytes), bytes.len())
                    }
                };
                if self.line(dir, line, cx) { Go::On(used) } else { Go::Stop }
            }
        }
    }

    /// Frames that were captured cut short show the start of a request line and never its end.
    fn remember_partial(&mut self, dir: Dir, bytes: &[u8], cx: &Cx<'_>) {
        self.partial = false;
        if !METHODS.iter().any(|m| bytes.starts_with(m)) {
            return;
        }
        if let Some((method, target, _)) = request(bytes) {
            self.partial = true;
            self.requests = self.requests.or(Some(dir));
            text::set(&mut self.partial_method, method, MAX_METHOD);
            set_target(&mut self.partial_target, target, cx);
        }
    }

    /// False where the conversation is not to be read any further.
    fn line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) -> bool {
        match self.side(dir).state {
            State::Start => self.start_line(dir, line, cx),
            State::Headers if line.is_empty() => self.head_end(dir, cx),
            State::Headers => {
                let (name, value) = target::split(line, b':');
                if let Some(value) = value {
                    self.header(dir, name.trim_ascii_end(), value.trim_ascii(), cx);
                }
                true
            }
            State::ChunkSize => {
                let digits = target::split(line, b';').0.trim_ascii();
                let size = digits.iter().try_fold(0u64, |n, &d| {
                    let d = char::from(d).to_digit(16)?;
                    n.checked_mul(16)?.checked_add(u64::from(d))
                });
                self.side(dir).state = match size {
                    Some(0) if !digits.is_empty() => State::Trailers,
                    Some(n) if !digits.is_empty() => State::ChunkData(n),
                    _ => State::Lost,
                };
                true
            }
            State::ChunkEnd => {
                self.side(dir).state = if line.is_empty() { State::ChunkSize } else { State::Lost };
                true
            }
            State::Trailers => {
                if line.is_empty() {
                    self.body_end(dir, cx);
                }
                true
            }
            State::Body(_) | State::UntilClose | State::ChunkData(_) | State::Lost => true,
        }
    }

    fn start_line(&mut self, dir: Dir, line: &[u8], cx: &mut Cx<'_>) -> bool {
        if line.is_empty() {
            return true;
        }
        self.partial = false;
        let first = self.requests.is_none();
        if let Some(status) = status_of(line) {
            if first {
                self.requests = Some(if dir == Dir::Up { Dir::Down } else { Dir::Up });
            } else if self.asks(dir) {
                return self.lose(dir, cx);
            }
            let side = self.side(dir);
            *side = Side { state: State::Headers, interim: (100..200).contains(&status) && status != 101, ..Side::default() };
            if !side.interim {
                // One that was never finished, where an answer followed on a lost one.
                self.answered(cx);
                let mut e = self.waiting.pop_front().or_else(|| self.spare.pop()).unwrap_or_default();
                e.act.status = Some(status);
                self.answering = Some(e);
            }
            return true;
        }
        // A line that was cut off has lost its version.
        let cut = line.len() == MAX_LINE;
        let line = line.strip_suffix(b" ").unwrap_or(line);
        match request(line) {
            Some((method, target, version)) if (first || self.asks(dir)) && (version || METHODS.iter().any(|m| line.starts_with(m))) => {
                self.requests = Some(dir);
                self.number += 1;
                self.asking.clear();
                self.asking.number = self.number;
                text::set(&mut self.asking.act.method, method, MAX_METHOD);
                set_target(&mut self.asking.act.path, target, cx);
                if let Some(query) = target::split(target, b'?').1
                    && login::form(query, &mut self.asking.login, cx.options)
                {
                    self.asking.how = Some(How::Form);
                }
                *self.side(dir) = Side { state: State::Headers, ..Side::default() };
                // A request without a version ends with its line (HTTP/0.9).
                version || cut || self.head_end(dir, cx)
            }
            _ if first => false,
            _ => self.lose(dir, cx),
        }
    }

    /// The start line was none: wait for one at the beginning of a later piece.
    fn lose(&mut self, dir: Dir, cx: &mut Cx<'_>) -> bool {
        self.side(dir).state = State::Lost;
        if !self.asks(dir) {
            self.flush(cx);
        }
        true
    }

    fn header(&mut self, dir: Dir, name: &[u8], value: &[u8], cx: &mut Cx<'_>) {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        if is("content-length") {
            let side = self.side(dir);
            side.length = side.length.or(text::number(value));
            return;
        }
        if is("transfer-encoding") {
            self.side(dir).chunked |= text::contains(value, b"chunked");
            return;
        }
        if self.asks(dir) {
            let act = &mut self.asking.act;
            if is("host") && act.host.is_empty() {
                // user:password@ has no place here, but may come.
                let value = value.iter().rposition(|&b| b == b'@').and_then(|i| value.get(i + 1..)).unwrap_or(value);
                text::set(&mut act.host, value, MAX_HOST);
            } else if is("user-agent") {
                text::set(&mut act.user_agent, value, MAX_VALUE);
            } else if is("authorization") || (is("proxy-authorization") && act.authorization.is_empty()) {
                if login::authorization(value, &mut act.authorization, &mut self.asking.login, cx.options) {
                    self.asking.how = Some(How::Header);
                }
            } else if is("content-type") {
                text::set(&mut act.request_type, value, MAX_VALUE);
                self.side(dir).form = text::starts_with(value, b"application/x-www-form-urlencoded");
            }
        } else if let Some(e) = &mut self.answering {
            if is("server") {
                text::set(&mut e.act.server, value, MAX_VALUE);
            } else if is("content-type") {
                text::set(&mut e.act.content_type, value, MAX_VALUE);
            } else if is("location") {
                e.location = login::location(value, &e.act.path);
            } else if is("set-cookie") {
                e.cookie = true;
            }
        }
    }

    /// The head is complete: what comes next? False where nothing that concerns us does.
    fn head_end(&mut self, dir: Dir, cx: &mut Cx<'_>) -> bool {
        if self.asks(dir) {
            self.queue(cx);
            let side = self.side(dir);
            side.state = match side.length {
                _ if side.chunked => State::ChunkSize,
                Some(n) => State::Body(n),
                None => State::Body(0),
            };
            if side.state == State::Body(0) {
                self.body_end(dir, cx);
            }
            return true;
        }
        let (status, method) = match &self.answering {
            Some(e) => (e.act.status.unwrap_or(0), e.act.method.as_str()),
            None => (100, ""),
        };
        let tunnel = status == 101 || (method == "CONNECT" && (200..300).contains(&status));
        let empty = method == "HEAD" || matches!(status, 204 | 304);
        let side = self.side(dir);
        if side.interim {
            side.state = State::Start;
            return true;
        }
        if tunnel {
            self.flush(cx);
            self.tunnel = true;
            return true;
        }
        side.state = match side.length {
            _ if empty => State::Body(0),
            _ if side.chunked => State::ChunkSize,
            Some(n) => State::Body(n),
            None => State::UntilClose,
        };
        if side.state == State::Body(0) {
            self.body_end(dir, cx);
        }
        true
    }

    fn body(&mut self, dir: Dir, bytes: &[u8]) {
        if self.asks(dir) {
            let room = MAX_FORM.saturating_sub(self.form.len());
            if self.side(dir).form && room > 0 {
                // Reserved at once, so that no copy of a secret is left behind by growing.
                self.form.reserve_exact(room);
                self.form.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            let (kind, _) = grown(&mut self.sent, bytes);
            if let Some(e) = self.asked() {
                e.act.request_bytes += bytes.len() as u64;
                if let Some(kind) = kind {
                    set_kind(&mut e.act.request_body, kind);
                }
            }
        } else if let Some(e) = &mut self.answering {
            e.act.response_bytes += bytes.len() as u64;
            let (kind, used) = grown(&mut self.page, bytes);
            if let Some(kind) = kind {
                set_kind(&mut e.act.body, kind);
            }
            if e.act.body == "xml" {
                let room = MAX_DESCRIPTION.saturating_sub(self.page.len());
                let rest = bytes.get(used..).unwrap_or_default();
                self.page.extend_from_slice(rest.get(..room).unwrap_or(rest));
            }
        }
    }

    /// The exchange whose answer was being read is told, with the device that the answer describes, if it does.
    fn answered(&mut self, cx: &mut Cx<'_>) {
        if let Some(e) = self.answering.take() {
            let xml = e.act.body == "xml" && e.act.status == Some(200);
            self.tell(e, cx);
            if xml && upnp::description(&self.page, &mut self.device) {
                cx.emit_turned(self.requests == Some(Dir::Down), ActRef::Upnp(&self.device));
            }
        }
        self.page.clear();
    }

    /// The exchange of the request whose body is being read, where it was not told already.
    fn asked(&mut self) -> Option<&mut Exchange> {
        let number = self.number;
        self.waiting.back_mut().filter(|e| e.number == number).or_else(|| self.answering.as_mut().filter(|e| e.number == number))
    }

    fn body_end(&mut self, dir: Dir, cx: &mut Cx<'_>) {
        self.side(dir).state = State::Start;
        if self.asks(dir) {
            text::wipe(&mut self.sent);
            if !self.form.is_empty() {
                self.form_end(cx);
            }
        } else {
            self.answered(cx);
        }
    }

    fn form_end(&mut self, cx: &mut Cx<'_>) {
        let form = std::mem::take(&mut self.form);
        if let Some(e) = self.asked()
            && login::form(&form, &mut e.login, cx.options)
        {
            e.how = Some(How::Form);
        }
        self.form = form;
        text::wipe(&mut self.form);
    }

    /// The head of a request is read: wait for its answer.
    fn queue(&mut self, cx: &mut Cx<'_>) {
        let next = self.spare.pop().unwrap_or_default();
        self.waiting.push_back(std::mem::replace(&mut self.asking, next));
        if self.waiting.len() > MAX_WAITING
            && let Some(e) = self.waiting.pop_front()
        {
            self.tell(e, cx);
        }
    }

    fn flush(&mut self, cx: &mut Cx<'_>) {
        self.answered(cx);
        while let Some(e) = self.waiting.pop_front() {
            self.tell(e, cx);
        }
    }

    fn tell(&mut self, mut e: Exchange, cx: &mut Cx<'_>) {
        let turn = self.requests == Some(Dir::Down);
        cx.emit_turned(turn, ActRef::Http(&e.act));
        if let Some(how) = e.how {
            e.login.outcome = login::outcome(how, e.act.status, e.location, e.cookie);
            login::tell_once(&e.login, &mut self.told, turn, cx);
        }
        e.clear();
        if self.spare.len() <= MAX_WAITING {
            self.spare.push(e);
        }
    }
}

/// Takes up the beginning of a body, and says how much of the piece that was. The kind is judged anew while it grows, so that it does not
/// matter how the body was cut.
fn grown(begin: &mut Vec<u8>, bytes: &[u8]) -> (Option<&'static str>, usize) {
    let used = magic::LOOKED_AT.saturating_sub(begin.len()).min(bytes.len());
    begin.extend_from_slice(bytes.get(..used).unwrap_or_default());
    ((used > 0).then(|| magic::kind(begin)), used)
}

fn set_kind(out: &mut String, kind: &str) {
    out.clear();
    out.push_str(kind);
}

/// What speaks inside a tunnel, by its first bytes.
fn inside(bytes: &[u8]) -> Step {
    let is = |begin: &[u8]| bytes.starts_with(begin);
    if is(b"\x16\x03") {
        Step::Become(Protocol::Tls)
    } else if is(b"SSH-") {
        Step::Become(Protocol::Ssh)
    } else if is(b"HTTP/1.") || METHODS.iter().any(|m| is(m)) {
        Step::Become(Protocol::Http)
    } else if [&b"\x16\x03"[..], b"SSH-", b"HTTP/1."].iter().chain(METHODS).any(|m| m.starts_with(bytes)) {
        Step::More
    } else {
        Step::Done
    }
}

fn set_target(out: &mut String, target: &[u8], cx: &Cx<'_>) {
    if cx.options.raw_targets {
        text::set(out, target, MAX_LINE);
    } else {
        target::masked(out, target);
    }
}

#[cfg(test)]
mod tests;
