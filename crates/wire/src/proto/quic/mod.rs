//! QUIC's first flight (RFC 9000, RFC 9001; version 2: RFC 9369; drafts from 29 on): the client hello.
//!
//! The client's Initial packets are opened with keys that anyone can derive from the first of them, and the CRYPTO frames inside, which may
//! come in any order and spread over several packets and datagrams, are put together until the hello is whole. Packets that share a
//! datagram are taken apart (RFC 9000, 12.2). After a Retry the keys are derived anew from the id that the server asked for. The hello is
//! told when the other side answers, or when the conversation ends; everything later is encrypted, and the reading ends.

mod keys;

use super::tls::hello::{self, Carrier, Lists};
use super::{be24, be32};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use keys::{Keys, Version};
use model::ActRef;
use model::activity::{Protocol, Quic, Tls};

/// QUIC.
pub const SPEC: Spec = Spec {
    protocol: Protocol::Quic,
    tcp: false,
    udp: true,
    ports: &[443, 80, 853, 8443, 4433],
    probe,
    start: || Box::<QuicParser>::default(),
};

/// Bytes of a client hello that are put together.
pub const MAX_HELLO: usize = 16 * 1024;
/// Pieces of a hello that may wait for those between them.
const MAX_PIECES: usize = 64;
/// Datagrams that are looked at before a hello that never becomes whole is given up.
const MAX_DATAGRAMS: u16 = 64;
/// Times that keys are derived for a conversation: at first, after a Retry, and a few more for damaged packets.
const MAX_KEYS: u8 = 6;
/// RFC 9000, 17.2: connection ids of these versions.
const MAX_ID: usize = 20;
/// RFC 9000, 14.1: a client's Initial packet comes in a datagram of at least so many bytes.
const MIN_INITIAL: usize = 1200;
/// Kept of buffers when the parser is recycled.
const KEEP: usize = 4 * 1024;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    match Packet::read(bytes) {
        Some(Packet { version: Some(_), kind: Kind::Initial { .. }, .. }) if bytes.len() >= MIN_INITIAL => Verdict::Sure(95),
        Some(Packet { version: Some(_), .. }) => Verdict::Sure(60),
        _ => Verdict::No,
    }
}

/// A number of one to eight bytes (RFC 9000, 16), which moves `at` on.
fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = *bytes.get(*at)?;
    let length = 1usize << (first >> 6);
    let rest = bytes.get(*at + 1..*at + length)?;
    *at += length;
    Some(rest.iter().fold(u64::from(first & 0x3f), |n, b| n << 8 | u64::from(*b)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// With the place of its packet number.
    Initial {
        number_at: usize,
    },
    Other,
}

/// A packet with a long header (RFC 9000, 17.2).
#[derive(Clone, Copy, Debug)]
struct Packet<'a> {
    /// `None` for version negotiation and for versions that nobody knows.
    version: Option<Version>,
    version_number: u32,
    kind: Kind,
    /// Connection id of whom it is for.
    to: &'a [u8],
    /// Its bytes; more of the datagram may follow.
    bytes: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The packet that the datagram begins with; `None` for short headers, whose length and sense only the ends know.
    fn read(datagram: &'a [u8]) -> Option<Packet<'a>> {
        let first = *datagram.first()?;
        if first & 0xc0 != 0xc0 && !(first & 0x80 != 0 && be32(datagram, 1)? == 0) {
            return None;
        }
        let version_number = be32(datagram, 1)?;
        let mut at = 5;
        let mut id = || -> Option<&'a [u8]> {
            let length = usize::from(*datagram.get(at)?);
            let id = datagram.get(at + 1..at + 1 + length)?;
            at += 1 + length;
            (length <= MAX_ID).then_some(id)
        };
        let (to, _from) = (id()?, id()?);
        let version = Version::from_number(version_number);
        let whole = Packet { version, version_number, kind: Kind::Other, to, bytes: datagram };
        // Version 2 counts its kinds of packets one further (RFC 9369, 3.2).
        let kind = match (version, first >> 4 & 3) {
            (None, _) => return Some(whole),
            (Some(Version::V2), kind) => (kind + 3) & 3,
            (Some(_), kind) => kind,
        };
        if kind == 3 {
            // Retry takes the rest of the datagram.
            return Some(whole);
        }
        if kind == 0 {
            let token = usize::try_from(number(datagram, &mut at)?).ok()?;
            at = at.checked_add(token)?;
        }
        let length = usize::try_from(number(datagram, &mut at)?).ok()?;
        let bytes = datagram.get(..at.checked_add(length)?)?;
        let kind = if kind == 0 { Kind::Initial { number_at: at } } else { Kind::Other };
        Some(Packet { kind, bytes, ..whole })
    }
}

/// Pieces of the handshake stream until its first message is whole.
#[derive(Default)]
struct Crypto {
    data: Vec<u8>,
    /// What of it is there: from, to; in order, without touching.
    there: Vec<(usize, usize)>,
}

impl Crypto {
    fn clear(&mut self) {
        self.data.clear();
        self.there.clear();
    }

    /// Takes a piece; false where it goes beyond what is kept.
    fn put(&mut self, from: u64, piece: &[u8]) -> bool {
        let Some((from, to)) = usize::try_from(from).ok().and_then(|f| Some((f, f.checked_add(piece.len())?))) else { return false };
        if to > MAX_HELLO {
            return false;
        }
        if piece.is_empty() {
            return true;
        }
        if self.data.len() < to {
            self.data.resize(to, 0);
        }
        if let Some(place) = self.data.get_mut(from..to) {
            place.copy_from_slice(piece);
        }
        // All that touch the new piece become one with it.
        let first = self.there.partition_point(|t| t.1 < from);
        let last = self.there.partition_point(|t| t.0 <= to);
        let mut merged = (from, to);
        for t in self.there.drain(first..last) {
            merged = (merged.0.min(t.0), merged.1.max(t.1));
        }
        if self.there.len() == MAX_PIECES {
            return false;
        }
        self.there.insert(first, merged);
        true
    }

    /// The stream from its beginning to the first hole.
    fn prefix(&self) -> &[u8] {
        match self.there.first() {
            Some((0, to)) => self.data.get(..*to).unwrap_or_default(),
            _ => &[],
        }
    }
}

#[derive(Default)]
struct QuicParser {
    act: Quic,
    tls: Tls,
    lists: Lists,
    keys: Option<Keys>,
    derived: u8,
    datagrams: u16,
    /// Whose Initial packet was opened.
    client: Option<Dir>,
    crypto: Crypto,
    /// The hello was read.
    whole: bool,
    told: bool,
    scratch: Vec<u8>,
}

impl Parser for QuicParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        self.datagrams += 1;
        let mut rest = bytes;
        while let Some(packet) = Packet::read(rest) {
            rest = rest.get(packet.bytes.len()..).unwrap_or_default();
            if self.client.is_some_and(|c| c != dir) {
                // Whatever the server says with a long header, it answers.
                self.act.answered = true;
            } else if let (Some(version), Kind::Initial { number_at }) = (packet.version, packet.kind)
                && !self.whole
                && !self.initial(dir, version, &packet, number_at)
            {
                self.tell(cx);
                return Step::Done;
            }
            if rest.is_empty() {
                break;
            }
        }
        if self.whole && self.act.answered || self.datagrams >= MAX_DATAGRAMS {
            self.tell(cx);
            return Step::Done;
        }
        Step::Used(bytes.len())
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.tell(cx);
    }

    fn reset(&mut self) {
        let (a, t) = (&mut self.act, &mut self.tls);
        for s in [&mut a.sni, &mut a.alpn, &mut a.ja4, &mut a.ja3, &mut t.sni, &mut t.alpn, &mut t.ja4, &mut t.ja3] {
            s.clear();
        }
        (a.version, a.answered) = (0, false);
        (self.keys, self.derived, self.datagrams, self.client) = (None, 0, 0, None);
        (self.whole, self.told) = (false, false);
        self.crypto.clear();
        self.crypto.data.shrink_to(KEEP);
        self.scratch.clear();
        self.scratch.shrink_to(KEEP);
    }
}

fn fill(scratch: &mut Vec<u8>, bytes: &[u8]) {
    scratch.clear();
    scratch.extend_from_slice(bytes);
}

impl QuicParser {
    /// An Initial packet that may be the client's. False where there is no sense in reading on.
    fn initial(&mut self, dir: Dir, version: Version, packet: &Packet<'_>, number_at: usize) -> bool {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut sensible = None;
        if let Some(keys) = &self.keys {
            fill(&mut scratch, packet.bytes);
            if let Some(frames) = keys.open(&mut scratch, number_at) {
                sensible = Some(self.frames(frames));
            }
        }
        // The first packet, the first after a Retry, or one that is damaged or not the client's.
        if sensible.is_none() && self.derived < MAX_KEYS {
            self.derived += 1;
            fill(&mut scratch, packet.bytes);
            if let Some(keys) = Keys::of_client(version, packet.to)
                && let Some(frames) = keys.open(&mut scratch, number_at)
            {
                self.keys = Some(keys);
                self.crypto.clear();
                self.client = Some(dir);
                self.act.version = packet.version_number;
                sensible = Some(self.frames(frames));
            }
        }
        self.scratch = scratch;
        // Before the client is known the server's packets come here, too.
        sensible.unwrap_or(self.client.is_some() || self.derived < MAX_KEYS)
    }

    /// Frames of an Initial packet (RFC 9000, 12.4: PADDING, PING, ACK, CRYPTO and CONNECTION_CLOSE only).
    fn frames(&mut self, frames: &[u8]) -> bool {
        let mut at = 0;
        while let Some(kind) = frames.get(at) {
            at += 1;
            match kind {
                0 | 1 => {}
                2 | 3 => {
                    let Some(()) = ack(frames, &mut at, *kind == 3) else { return true };
                }
                6 => {
                    let (Some(from), Some(length)) = (number(frames, &mut at), number(frames, &mut at)) else { return true };
                    let piece = usize::try_from(length).ok().and_then(|l| frames.get(at..at.checked_add(l)?));
                    let Some(piece) = piece else { return true };
                    at += piece.len();
                    if !self.crypto.put(from, piece) {
                        return false;
                    }
                }
                _ => break,
            }
        }
        self.hello()
    }

    /// Reads the hello where it is whole. False where the stream holds something else.
    fn hello(&mut self) -> bool {
        let stream = self.crypto.prefix();
        let (Some(&kind), Some(length)) = (stream.first(), be24(stream, 1)) else { return true };
        if kind != 1 || length as usize > MAX_HELLO {
            return false;
        }
        let Some(body) = stream.get(4..4 + length as usize) else { return true };
        if hello::client(body, Carrier::Quic, &mut self.tls, &mut self.lists).is_none() {
            return false;
        }
        let (act, tls) = (&mut self.act, &mut self.tls);
        for (to, from) in
            [(&mut act.sni, &mut tls.sni), (&mut act.alpn, &mut tls.alpn), (&mut act.ja4, &mut tls.ja4), (&mut act.ja3, &mut tls.ja3)]
        {
            std::mem::swap(to, from);
        }
        self.whole = true;
        true
    }

    fn tell(&mut self, cx: &mut Cx<'_>) {
        if self.client.is_none() || std::mem::replace(&mut self.told, true) {
            return;
        }
        cx.emit_turned(self.client == Some(Dir::Down), ActRef::Quic(&self.act));
    }
}

/// Passes over an ACK frame (RFC 9000, 19.3).
fn ack(frames: &[u8], at: &mut usize, counts: bool) -> Option<()> {
    number(frames, at)?;
    number(frames, at)?;
    let ranges = number(frames, at)?;
    number(frames, at)?;
    // Each range takes two bytes at least, so a number that lies ends with the frames.
    for _ in 0..ranges {
        number(frames, at)?;
        number(frames, at)?;
    }
    for _ in 0..if counts { 3 } else { 0 } {
        number(frames, at)?;
    }
    Some(())
}

/// For the fuzz target, which has no keys: reads `data` as the frames of one packet after another, a byte of length before each.
#[doc(hidden)]
pub fn fuzz_frames(mut data: &[u8]) {
    let mut parser = QuicParser::default();
    while let Some((&length, rest)) = data.split_first() {
        let (frames, rest) = rest.split_at(usize::from(length).min(rest.len()));
        data = rest;
        if !parser.frames(frames) {
            break;
        }
        assert!(parser.crypto.data.len() <= MAX_HELLO && parser.crypto.there.len() <= MAX_PIECES);
    }
}

#[cfg(test)]
mod tests;
