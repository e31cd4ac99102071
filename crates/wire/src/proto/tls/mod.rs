//! TLS (RFC 8446, RFC 5246), SSL 3 (RFC 6101) and the hello of SSL 2 that old devices still send.
//!
//! Records are taken apart as they come; only handshake messages are put together, in a buffer of their own since a message may be
//! spread over records (RFC 8446, 5.1), and only those that tell something. After the server's hello of TLS 1.3 everything is
//! encrypted and the reading ends; before 1.3 it goes on until the server's certificates have passed. A direction that turned
//! encrypted is not asked for any more.
//!
//! A hello retry request is a server hello too: version and cipher stand in it and may not change afterwards (RFC 8446, 4.1.4), so it is
//! told as the answer.
//!
//! Where only one direction can be seen, the client's hello is told when the conversation ends, and the server's at once.

pub(super) mod hello;

use super::{Pool, be16, be24, x509};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
pub use hello::is_grease;
use hello::{Carrier, Lists};
use model::ActRef;
use model::activity::{Certificate, Protocol, Tls};

/// TLS.
pub const SPEC: Spec = Spec {
    protocol: Protocol::Tls,
    tcp: true,
    udp: false,
    ports: &[443, 8443, 853, 993, 995, 465, 636, 990, 992, 8883, 5986, 4433],
    probe,
    start: || Box::<TlsParser>::default(),
};

/// Bytes of a handshake message that is put together; longer ones are passed over.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Certificates kept of a chain.
pub const MAX_CERTIFICATES: usize = 8;
/// RFC 5246, 6.2.3: 2^14 and 2048 for expansion.
const MAX_RECORD: usize = 16384 + 2048;
/// Kept of the buffer when the parser is recycled.
const KEEP: usize = 8 * 1024;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut best = Verdict::Unsure;
    for bytes in [i.up, i.down] {
        match looks(bytes) {
            Verdict::No => return Verdict::No,
            v => best = best.max(v),
        }
    }
    best
}

fn looks(bytes: &[u8]) -> Verdict {
    let &[kind, ref rest @ ..] = bytes else { return Verdict::Unsure };
    if (CHANGE_CIPHER_SPEC..=24).contains(&kind) {
        return match rest {
            [3, 0..=4, high, low, content @ ..] => {
                let length = usize::from(*high) << 8 | usize::from(*low);
                match (kind, content) {
                    _ if length > MAX_RECORD || length == 0 => Verdict::No,
                    (HANDSHAKE, []) => Verdict::Unsure,
                    (HANDSHAKE, [1 | 2, 0, ..]) => Verdict::Sure(98),
                    (HANDSHAKE, [0 | 4 | 8 | 11..=16 | 20 | 22, ..]) => Verdict::Sure(60),
                    // Encrypted, where the capture began in the middle.
                    (HANDSHAKE | APPLICATION_DATA, _) => Verdict::Sure(50),
                    (ALERT, _) if length == 2 || length > 16 => Verdict::Sure(50),
                    (CHANGE_CIPHER_SPEC, [1, ..]) if length == 1 => Verdict::Sure(60),
                    (24, _) => Verdict::Sure(40),
                    (CHANGE_CIPHER_SPEC | ALERT, []) => Verdict::Unsure,
                    _ => Verdict::No,
                }
            }
            [] | [3] | [3, 0..=4] | [3, 0..=4, _] => Verdict::Unsure,
            _ => Verdict::No,
        };
    }
    // SSL 2: length with its top bit set, then the kind of message.
    match bytes {
        [0x80..=0xff] | [0x80..=0xff, _] => Verdict::Unsure,
        [0x80..=0xff, _, 1] => Verdict::Unsure,
        [0x80..=0xff, _, 1, ..] => match (ssl2_client(bytes), bytes.len() < 11) {
            (Some(_), _) => Verdict::Sure(90),
            (None, true) => Verdict::Unsure,
            (None, false) => Verdict::No,
        },
        [0x80..=0xff, _, 4, 0 | 1, 1, 0, 2, ..] => Verdict::Sure(80),
        [0x80..=0xff, _, 4, ..] if bytes.len() < 7 => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Version and total length of an SSL 2 client hello (draft-hickman-netscape-ssl-00, 5.1; RFC 5246, E.2).
fn ssl2_client(bytes: &[u8]) -> Option<(u16, usize)> {
    let length = usize::from(be16(bytes, 0)? & 0x7fff);
    let version = be16(bytes, 3)?;
    let (ciphers, session, challenge) = (be16(bytes, 5)?, be16(bytes, 7)?, be16(bytes, 9)?);
    let fits = 9 + usize::from(ciphers) + usize::from(session) + usize::from(challenge) == length;
    let sane = ciphers > 0 && ciphers.is_multiple_of(3) && matches!(session, 0 | 16) && (16..=32).contains(&challenge);
    (fits && sane && matches!(version, 2 | 0x0300..=0x0304)).then_some((version, 2 + length))
}

/// One direction.
#[derive(Default)]
struct Side {
    begun: bool,
    /// Bytes of the current record that are still to come, and its kind.
    kind: u8,
    left: usize,
    /// Bytes of a handshake message that are passed over.
    over: usize,
    /// The unfinished handshake message.
    message: Vec<u8>,
    /// Nothing readable comes any more.
    closed: bool,
}

#[derive(Default)]
struct TlsParser {
    sides: [Side; 2],
    act: Tls,
    lists: Lists,
    spare: Vec<Certificate>,
    pool: Pool,
    /// Where the client's hello came from.
    client: Option<Dir>,
    /// Something is known that was not told.
    untold: bool,
}

/// What to do after a piece.
enum Next {
    Go,
    Close,
    Done,
}

impl Parser for TlsParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let side = self.side(dir);
            if side.closed {
                return Step::Skip(u64::MAX);
            }
            if rest.is_empty() {
                return Step::Used(at);
            }
            if side.left > 0 {
                let n = side.left.min(rest.len());
                side.left -= n;
                at += n;
                let next = self.content(dir, rest.get(..n).unwrap_or_default(), cx);
                match next {
                    Next::Go => continue,
                    Next::Close => {
                        self.side(dir).closed = true;
                        continue;
                    }
                    Next::Done => {
                        self.tell(cx);
                        return Step::Done;
                    }
                }
            }
            if !side.begun && rest.first().is_some_and(|b| *b >= 0x80) {
                return match self.ssl2(dir, rest, cx) {
                    Step::Used(n) => Step::Used(at + n),
                    Step::More if at > 0 => Step::Used(at),
                    step => step,
                };
            }
            let (Some(&kind), Some(version), Some(length)) = (rest.first(), be16(rest, 1), be16(rest, 3)) else {
                return if at > 0 { Step::Used(at) } else { Step::More };
            };
            let length = usize::from(length);
            if !(CHANGE_CIPHER_SPEC..=24).contains(&kind) || version >> 8 != 3 || length > MAX_RECORD {
                self.tell(cx);
                return Step::Done;
            }
            side.begun = true;
            (side.kind, side.left) = (kind, length);
            at += 5;
        }
    }

    fn gap(&mut self, dir: Dir, missing: u64, cx: &mut Cx<'_>) -> Step {
        let side = self.side(dir);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        if side.over >= missing && side.left >= missing && missing > 0 {
            // Inside a message that is passed over anyway.
            side.over -= missing;
            side.left -= missing;
            return Step::More;
        }
        side.closed = true;
        self.after_close(dir, cx)
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.tell(cx);
    }

    fn reset(&mut self) {
        for side in &mut self.sides {
            let mut message = std::mem::take(&mut side.message);
            message.clear();
            message.shrink_to(KEEP);
            *side = Side { message, ..Side::default() };
        }
        let a = &mut self.act;
        for s in [&mut a.sni, &mut a.ja4, &mut a.ja3, &mut a.ja3s, &mut a.alpn] {
            s.clear();
        }
        (a.version, a.cipher, a.offered, a.answered) = (0, 0, 0, false);
        self.drop_certificates();
        (self.client, self.untold) = (None, false);
    }
}

impl TlsParser {
    fn side(&mut self, dir: Dir) -> &mut Side {
        let [up, down] = &mut self.sides;
        if dir == Dir::Up { up } else { down }
    }

    fn after_close(&mut self, dir: Dir, cx: &mut Cx<'_>) -> Step {
        let server = self.client.is_some_and(|c| c != dir);
        if server || self.act.answered || self.sides.iter().all(|s| s.closed) {
            self.tell(cx);
            return Step::Done;
        }
        Step::Skip(u64::MAX)
    }

    /// A piece of a record's content.
    fn content(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Next {
        let kind = self.side(dir).kind;
        match kind {
            HANDSHAKE => self.handshake(dir, bytes, cx),
            // What follows is encrypted: for a client whose hello stands there that leaves the server's answer to be seen.
            CHANGE_CIPHER_SPEC | APPLICATION_DATA if self.client == Some(dir) && !self.act.answered => Next::Close,
            CHANGE_CIPHER_SPEC if self.client == Some(dir) => Next::Close,
            CHANGE_CIPHER_SPEC | APPLICATION_DATA => Next::Done,
            _ => Next::Go,
        }
    }

    fn handshake(&mut self, dir: Dir, mut bytes: &[u8], cx: &mut Cx<'_>) -> Next {
        while !bytes.is_empty() {
            let side = self.side(dir);
            if side.over > 0 {
                let n = side.over.min(bytes.len());
                side.over -= n;
                bytes = bytes.get(n..).unwrap_or_default();
                continue;
            }
            // First the four bytes that say what it is and how long.
            if side.message.len() < 4 {
                let n = (4 - side.message.len()).min(bytes.len());
                side.message.extend_from_slice(bytes.get(..n).unwrap_or_default());
                bytes = bytes.get(n..).unwrap_or_default();
                if side.message.len() < 4 {
                    break;
                }
            }
            let kind = side.message.first().copied().unwrap_or(0);
            let length = be24(&side.message, 1).unwrap_or(0) as usize;
            if !matches!(kind, 1 | 2 | 11) || length > MAX_MESSAGE {
                side.message.clear();
                side.over = length;
                match kind {
                    // The server has said what it says in clear.
                    14 => return Next::Done,
                    0 | 1 | 2 | 3..=6 | 8 | 11..=13 | 15 | 16 | 20..=25 | 67 => {}
                    // No handshake message has this number: this is encrypted, and we came late.
                    _ => return Next::Done,
                }
                continue;
            }
            let n = (4 + length - side.message.len()).min(bytes.len());
            side.message.extend_from_slice(bytes.get(..n).unwrap_or_default());
            bytes = bytes.get(n..).unwrap_or_default();
            if side.message.len() < 4 + length {
                break;
            }
            let mut message = std::mem::take(&mut side.message);
            let next = self.message(dir, kind, message.get(4..).unwrap_or_default(), cx);
            message.clear();
            self.side(dir).message = message;
            if !matches!(next, Next::Go) {
                return next;
            }
        }
        Next::Go
    }

    fn message(&mut self, dir: Dir, kind: u8, body: &[u8], cx: &mut Cx<'_>) -> Next {
        match kind {
            1 => {
                // A second one follows a hello retry request or renegotiates; the first is what fingerprints.
                if self.client.is_none() {
                    if hello::client(body, Carrier::Tcp, &mut self.act, &mut self.lists).is_none() {
                        return Next::Done;
                    }
                    self.client = Some(dir);
                    self.untold = true;
                }
                Next::Go
            }
            2 => {
                if self.client == Some(dir) || hello::server(body, &mut self.act, &mut self.lists).is_none() {
                    return Next::Done;
                }
                self.client = Some(if dir == Dir::Up { Dir::Down } else { Dir::Up });
                self.untold = true;
                self.tell(cx);
                if self.act.version >= 0x0304 { Next::Done } else { Next::Go }
            }
            _ => {
                // The client's certificate, if it sends one, is not told.
                if self.client == Some(dir) || !self.act.answered {
                    return Next::Go;
                }
                self.drop_certificates();
                let mut list = body.get(3..).unwrap_or_default();
                while let Some(length) = be24(list, 0)
                    && self.act.certificates.len() < MAX_CERTIFICATES
                {
                    let Some(der) = list.get(3..3 + length as usize) else { break };
                    self.certificate(der);
                    list = list.get(3 + length as usize..).unwrap_or_default();
                }
                if !self.act.certificates.is_empty() {
                    self.untold = true;
                    self.tell(cx);
                }
                Next::Go
            }
        }
    }

    fn certificate(&mut self, der: &[u8]) {
        let mut certificate = self.spare.pop().unwrap_or_default();
        if x509::parse_with(der, &mut certificate, &mut self.pool) {
            self.act.certificates.push(certificate);
        } else {
            self.spare.push(certificate);
        }
    }

    fn drop_certificates(&mut self) {
        for mut c in self.act.certificates.drain(..) {
            x509::clear(&mut c, &mut self.pool);
            self.spare.push(c);
        }
    }

    /// The first message of a direction in SSL 2's form.
    fn ssl2(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let Some(length) = be16(bytes, 0).map(|l| usize::from(l & 0x7fff)) else { return Step::More };
        let Some(message) = bytes.get(2..2 + length) else {
            // Its longest form is shorter than what can be waited for.
            return if length < super::MAX_WAIT { Step::More } else { Step::Done };
        };
        match message.first() {
            Some(1) if self.client.is_none() => {
                let Some((version, _)) = ssl2_client(bytes) else { return Step::Done };
                self.act.offered = version;
                self.client = Some(dir);
                self.untold = true;
                self.side(dir).begun = true;
                if version == 2 {
                    // What else the client says is encrypted.
                    self.side(dir).closed = true;
                }
                Step::Used(2 + length)
            }
            Some(4) if self.client != Some(dir) => {
                self.client = Some(if dir == Dir::Up { Dir::Down } else { Dir::Up });
                (self.act.version, self.act.answered) = (be16(message, 3).unwrap_or(2), true);
                let certificate = usize::from(be16(message, 5).unwrap_or(0));
                if let Some(der) = message.get(11..11 + certificate) {
                    self.certificate(der);
                }
                self.untold = true;
                self.tell(cx);
                Step::Done
            }
            _ => {
                self.tell(cx);
                Step::Done
            }
        }
    }

    fn tell(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::take(&mut self.untold) {
            return;
        }
        cx.emit_turned(self.client == Some(Dir::Down), ActRef::Tls(&self.act));
    }
}

#[cfg(test)]
pub(super) mod tests;
