//! What is said in conversations: finding the protocol by content, and feeding its parser.
//!
//! A conversation first is *probed*: every protocol of [`crate::parse::PROTOCOLS`] that rides on its transport is shown the first bytes
//! of both directions. The surest that is sure gets the conversation. While some are unsure, the bytes wait (at most
//! [`MAX_PROBE`] of each direction); when nobody can be sure any more, the conversation is left unread.
//!
//! Then it is *parsed*: bytes go to the parser from where the network card put them; only what the parser leaves is copied and kept,
//! within `max_pending_bytes` for a direction and `max_stream_bytes` for all. What does not fit is let go, counted, and told to
//! the parser as a gap.

use crate::facts::ProtocolSet;
use crate::parse::{Cx, Dir, Options, Parser, ProbeInput, Spec, Step, Verdict};
use crate::sink::Sink;
use model::activity::{Head, Protocol};
use model::{Span, Time};

/// First bytes of a direction that probes are shown.
pub const PROBE_WINDOW: usize = 512;
/// Bytes of a direction that may wait until a protocol is found.
pub const MAX_PROBE: usize = 4096;
/// Datagrams of a conversation that are probed before it is left unread.
pub const MAX_PROBED_DATAGRAMS: u8 = 6;
/// What a port in the list of the protocol adds to a probe's word.
const PORT_BONUS: u8 = 10;
/// Parsers of one protocol kept for later use.
const MAX_SPARE_PARSERS: usize = 256;
/// Times that a conversation may be handed over from one protocol to another ([`Step::Become`]).
const MAX_HANDED: u8 = 3;
/// A conversation that said nothing for so long may lose its parser to a new one.
const IDLE: Span = Span::seconds(5);
/// Conversations that are looked at to find one to let go.
const EVICT_LOOKS: usize = 256;
/// A buffer larger than this is given back to the allocator when its conversation ends.
const KEEP_CAPACITY: usize = 4096;

/// Everything about the frame that a parser is told, and where it tells.
pub struct Env<'a> {
    /// Who talks to whom; the protocol is filled in here.
    pub head: Head,
    /// Where acts go.
    pub sink: &'a mut dyn Sink,
    /// Settings for parsers.
    pub options: &'a Options,
    /// Protocols of which something was read to its end.
    pub completed: &'a mut ProtocolSet,
}

/// What is known of a conversation's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// No data came yet.
    Fresh,
    /// Being probed or parsed, in this slot.
    Open(u32),
    /// Nobody wants to read it (any more).
    Closed,
    /// ICMP echo messages, added up in this place.
    Echo(u32),
}

#[derive(Default)]
struct Stream {
    parser: Option<Box<dyn Parser>>,
    spec: u16,
    pending: [Vec<u8>; 2],
    skip: [u64; 2],
    /// Datagrams probed.
    probed: u8,
    /// Times that one parser gave the conversation to another.
    handed: u8,
    /// Which direction spoke first.
    first: u8,
    /// Its parser was given to another conversation; this one is left unread from here on.
    gone: bool,
    /// Capture time of the last data.
    last: Time,
}

/// All open conversations' contents.
pub struct Apps {
    protocols: &'static [Spec],
    streams: Vec<Stream>,
    free: Vec<u32>,
    spare: Vec<Vec<Box<dyn Parser>>>,
    held: usize,
    max_each: usize,
    max_all: usize,
    reading: usize,
    max_reading: usize,
    hand: usize,
    /// Times that a conversation was left unread because too many are being read and none of them is idle.
    pub refused: u64,
    /// Idle conversations whose parser was given to a new one because too many are being read.
    pub evicted: u64,
    /// Bytes let go because of a bound.
    pub dropped: u64,
}

const fn index(dir: Dir) -> usize {
    match dir {
        Dir::Up => 0,
        Dir::Down => 1,
    }
}

impl Apps {
    /// Empty, with bounds on bytes kept for one direction and for all.
    pub fn new(protocols: &'static [Spec], max_each: usize, max_all: usize, max_reading: usize) -> Self {
        let spare = protocols.iter().map(|_| Vec::new()).collect();
        Apps {
            protocols,
            streams: Vec::new(),
            free: Vec::new(),
            spare,
            held: 0,
            max_each,
            max_all,
            reading: 0,
            max_reading,
            hand: 0,
            refused: 0,
            evicted: 0,
            dropped: 0,
        }
    }

    /// Bytes kept now.
    pub fn held(&self) -> usize {
        self.held
    }

    /// The protocol that was found, where one was.
    pub fn protocol(&self, content: Content) -> Option<Protocol> {
        let Content::Open(slot) = content else { return None };
        let stream = self.streams.get(slot as usize)?;
        stream.parser.as_ref()?;
        self.protocols.get(stream.spec as usize).map(|s| s.protocol)
    }

    /// The next bytes of a TCP stream. Gives the protocol where it was found just now.
    pub fn data(&mut self, content: &mut Content, dir: Dir, bytes: &[u8], env: &mut Env<'_>) -> Option<Protocol> {
        if bytes.is_empty() {
            return None;
        }
        let slot = match *content {
            Content::Closed | Content::Echo(_) => return None,
            Content::Open(slot) => slot,
            Content::Fresh => self.open(content, dir),
        };
        let mut stream = std::mem::take(self.streams.get_mut(slot as usize)?);
        let mut found = None;
        let mut alive = !stream.gone;
        stream.last = env.head.time;
        if !alive {
            // Nobody reads it any more.
        } else if stream.parser.is_some() {
            alive = self.feed(&mut stream, dir, bytes, env);
        } else {
            match self.choose(&stream, dir, bytes, env, false) {
                Choice::Sure(spec) => {
                    found = self.start(&mut stream, spec);
                    // What waited is older than what came now; the direction that spoke first goes first.
                    let order = if stream.first == 0 { [Dir::Up, Dir::Down] } else { [Dir::Down, Dir::Up] };
                    for d in order {
                        alive = alive && self.feed_waiting(&mut stream, d, env);
                    }
                    alive = alive && self.feed(&mut stream, dir, bytes, env);
                }
                Choice::Wait if stream.pending[index(dir)].len() + bytes.len() <= MAX_PROBE => {
                    alive = self.keep(&mut stream, dir, bytes);
                }
                Choice::Wait | Choice::Nobody => alive = false,
            }
        }
        self.settle(content, slot, stream, alive);
        found
    }

    /// A datagram.
    pub fn datagram(&mut self, content: &mut Content, dir: Dir, bytes: &[u8], env: &mut Env<'_>) -> Option<Protocol> {
        if bytes.is_empty() {
            return None;
        }
        let slot = match *content {
            Content::Closed | Content::Echo(_) => return None,
            Content::Open(slot) => slot,
            Content::Fresh => self.open(content, dir),
        };
        let mut stream = std::mem::take(self.streams.get_mut(slot as usize)?);
        let mut found = None;
        let mut alive = !stream.gone;
        stream.last = env.head.time;
        if alive && stream.parser.is_none() {
            match self.choose(&stream, dir, bytes, env, true) {
                Choice::Sure(spec) => found = self.start(&mut stream, spec),
                Choice::Wait | Choice::Nobody => {
                    stream.probed += 1;
                    alive = stream.probed < MAX_PROBED_DATAGRAMS;
                }
            }
        }
        if let Some(parser) = stream.parser.as_mut()
            && let Some(spec) = self.protocols.get(stream.spec as usize)
        {
            env.head.protocol = spec.protocol;
            let step = parser.data(dir, bytes, &mut Cx { head: env.head, sink: &mut *env.sink, options: env.options });
            if step != Step::More {
                env.completed.insert(spec.protocol);
            }
            alive = !matches!(step, Step::Done | Step::Become(_));
        }
        self.settle(content, slot, stream, alive);
        found
    }

    /// Bytes of a TCP stream are lost.
    pub fn gap(&mut self, content: &mut Content, dir: Dir, mut missing: u64, env: &mut Env<'_>) {
        let Content::Open(slot) = *content else { return };
        let Some(mut stream) = self.streams.get_mut(slot as usize).map(std::mem::take) else { return };
        let i = index(dir);
        let mut alive = true;
        if stream.parser.is_none() {
            // The beginning is what probes need; what comes after the hole is looked at as a beginning of its own.
            self.held -= stream.pending[i].len();
            stream.pending[i].clear();
        } else if stream.skip[i] == u64::MAX {
            // Passed over anyway.
        } else {
            if missing > 0 {
                let skipped = missing.min(stream.skip[i]);
                stream.skip[i] -= skipped;
                missing -= skipped;
            }
            if missing > 0 || stream.skip[i] == 0 {
                alive = self.tell_gap(&mut stream, dir, missing, env);
            }
        }
        self.settle(content, slot, stream, alive);
    }

    /// The conversation is over: the parser tells what is half told, and is kept for the next.
    pub fn end(&mut self, content: &mut Content, env: &mut Env<'_>) {
        if let Content::Open(slot) = *content
            && let Some(mut stream) = self.streams.get_mut(slot as usize).map(std::mem::take)
        {
            if let Some(parser) = stream.parser.as_mut()
                && let Some(spec) = self.protocols.get(stream.spec as usize)
            {
                env.head.protocol = spec.protocol;
                parser.end(&mut Cx { head: env.head, sink: &mut *env.sink, options: env.options });
            }
            self.settle(content, slot, stream, false);
        }
        *content = Content::Closed;
    }

    fn open(&mut self, content: &mut Content, dir: Dir) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.streams.push(Stream::default());
            (self.streams.len() - 1) as u32
        });
        if let Some(stream) = self.streams.get_mut(slot as usize) {
            stream.first = index(dir) as u8;
        }
        *content = Content::Open(slot);
        slot
    }

    /// Puts a stream back into its slot, or closes it.
    fn settle(&mut self, content: &mut Content, slot: u32, mut stream: Stream, alive: bool) {
        if !alive {
            *content = Content::Closed;
            self.reading -= usize::from(stream.parser.is_some());
            self.recycle(&mut stream);
            for pending in &mut stream.pending {
                self.held -= pending.len();
                pending.clear();
                if pending.capacity() > KEEP_CAPACITY {
                    *pending = Vec::new();
                }
            }
            stream = Stream { pending: stream.pending, ..Stream::default() };
            self.free.push(slot);
        }
        if let Some(place) = self.streams.get_mut(slot as usize) {
            *place = stream;
        }
    }

    /// Keeps the parser of a stream for the next one.
    fn recycle(&mut self, stream: &mut Stream) {
        if let Some(mut parser) = stream.parser.take()
            && let Some(spare) = self.spare.get_mut(stream.spec as usize)
            && spare.len() < MAX_SPARE_PARSERS
        {
            parser.reset();
            spare.push(parser);
        }
    }

    fn new_parser(&mut self, spec: u16) -> Option<Box<dyn Parser>> {
        let found = self.protocols.get(spec as usize)?;
        Some(self.spare.get_mut(spec as usize).and_then(Vec::pop).unwrap_or_else(|| (found.start)()))
    }

    /// From here on the stream speaks `protocol`: its parser is changed, and shown what the other direction still had waiting. False where
    /// nobody reads that protocol, or the stream was handed over too often.
    fn hand_over(&mut self, stream: &mut Stream, protocol: Protocol, dir: Dir, env: &mut Env<'_>) -> bool {
        let spec = self.protocols.iter().position(|s| s.protocol == protocol && s.tcp).and_then(|i| u16::try_from(i).ok());
        let Some(spec) = spec.filter(|_| stream.handed < MAX_HANDED) else { return false };
        let Some(parser) = self.new_parser(spec) else { return false };
        self.recycle(stream);
        (stream.parser, stream.spec, stream.skip) = (Some(parser), spec, [0; 2]);
        stream.handed += 1;
        let other = if dir == Dir::Up { Dir::Down } else { Dir::Up };
        self.feed_waiting(stream, other, env)
    }

    /// Shows what waits of a direction as if it came now.
    fn feed_waiting(&mut self, stream: &mut Stream, dir: Dir, env: &mut Env<'_>) -> bool {
        let i = index(dir);
        if stream.pending[i].is_empty() {
            return true;
        }
        let waited = std::mem::take(&mut stream.pending[i]);
        self.held -= waited.len();
        let alive = self.feed(stream, dir, &waited, env);
        Apps::give_back(&mut stream.pending[i], waited);
        alive
    }

    fn start(&mut self, stream: &mut Stream, spec: u16) -> Option<Protocol> {
        let found = self.protocols.get(spec as usize)?;
        if self.reading >= self.max_reading && !self.evict(stream.last) {
            self.refused += 1;
            return None;
        }
        self.reading += 1;
        stream.spec = spec;
        stream.parser = self.new_parser(spec);
        Some(found.protocol)
    }

    /// Takes the parser from the longest idle of the conversations under a hand that goes round. False where none of them is idle: a flood
    /// of new conversations does not drive out those that are alive.
    fn evict(&mut self, now: Time) -> bool {
        let count = self.streams.len();
        let mut longest: Option<(usize, Span)> = None;
        for _ in 0..count.min(EVICT_LOOKS) {
            self.hand = (self.hand + 1) % count;
            if let Some(stream) = self.streams.get(self.hand).filter(|s| s.parser.is_some()) {
                let idle = now.since(stream.last);
                if idle >= IDLE && longest.is_none_or(|(_, most)| idle > most) {
                    longest = Some((self.hand, idle));
                }
            }
        }
        let Some((slot, _)) = longest else { return false };
        let Some(mut stream) = self.streams.get_mut(slot).map(std::mem::take) else { return false };
        self.recycle(&mut stream);
        for pending in &mut stream.pending {
            self.held -= pending.len();
            pending.clear();
        }
        (stream.gone, stream.skip) = (true, [0; 2]);
        if let Some(place) = self.streams.get_mut(slot) {
            *place = stream;
        }
        self.reading -= 1;
        self.evicted += 1;
        true
    }

    fn choose(&self, stream: &Stream, dir: Dir, bytes: &[u8], env: &Env<'_>, datagram: bool) -> Choice {
        // The first bytes of the direction that speaks may lie half in what waits and half in what came now.
        let mut joined = [0u8; PROBE_WINDOW];
        let waiting = &stream.pending[index(dir)];
        let window = |b: &[u8]| b.len().min(PROBE_WINDOW);
        let own: &[u8] = if datagram || waiting.is_empty() {
            if datagram { bytes } else { bytes.get(..window(bytes)).unwrap_or(bytes) }
        } else {
            let old = window(waiting);
            let new = bytes.len().min(PROBE_WINDOW - old);
            joined[..old].copy_from_slice(&waiting[..old]);
            joined[old..old + new].copy_from_slice(&bytes[..new]);
            &joined[..old + new]
        };
        let other = &stream.pending[1 - index(dir)];
        let other = other.get(..window(other)).unwrap_or(&[]);
        let (up, down) = if dir == Dir::Up { (own, other) } else { (other, own) };
        let (client_port, server_port) = (env.head.client.port.unwrap_or(0), env.head.server.port.unwrap_or(0));
        let input = ProbeInput { up, down, client_port, server_port, datagram };
        let mut best: Option<(u8, u16)> = None;
        let mut unsure = false;
        for (i, spec) in self.protocols.iter().enumerate() {
            if !(if datagram { spec.udp } else { spec.tcp }) {
                continue;
            }
            match (spec.probe)(&input) {
                Verdict::No => {}
                Verdict::Unsure => unsure = true,
                Verdict::Sure(sure) => {
                    let bonus = if spec.ports.contains(&server_port) || spec.ports.contains(&client_port) { PORT_BONUS } else { 0 };
                    let sure = sure.saturating_add(bonus);
                    if best.is_none_or(|(b, _)| sure > b) {
                        best = Some((sure, i as u16));
                    }
                }
            }
        }
        match best {
            Some((_, spec)) => Choice::Sure(spec),
            None if unsure => Choice::Wait,
            None => Choice::Nobody,
        }
    }

    /// Shows bytes to the parser, with what waits before them. False where the parser is done.
    fn feed(&mut self, stream: &mut Stream, dir: Dir, mut bytes: &[u8], env: &mut Env<'_>) -> bool {
        let i = index(dir);
        let Some(spec) = self.protocols.get(stream.spec as usize) else { return false };
        env.head.protocol = spec.protocol;
        if stream.skip[i] > 0 {
            if stream.skip[i] == u64::MAX {
                if let Some(parser) = stream.parser.as_mut() {
                    env.completed.insert(spec.protocol);
                    parser.passed(dir, bytes.len() as u64, &mut Cx { head: env.head, sink: &mut *env.sink, options: env.options });
                }
                return true;
            }
            let n = stream.skip[i].min(bytes.len() as u64);
            stream.skip[i] -= n;
            bytes = bytes.get(n as usize..).unwrap_or(&[]);
            if stream.skip[i] == 0 {
                env.completed.insert(spec.protocol);
            }
            if bytes.is_empty() {
                return true;
            }
        }
        if stream.pending[i].is_empty() {
            return match Apps::show(stream, dir, bytes, env) {
                Shown::Done => false,
                Shown::Used(used) => {
                    let left = bytes.get(used..).unwrap_or(&[]);
                    left.is_empty() || self.keep_or_gap(stream, dir, left, env)
                }
                Shown::Become(used, protocol) => {
                    let left = bytes.get(used..).unwrap_or(&[]);
                    self.hand_over(stream, protocol, dir, env) && self.feed(stream, dir, left, env)
                }
            };
        }
        if !self.keep_or_gap(stream, dir, bytes, env) {
            return false;
        }
        let mut waited = std::mem::take(&mut stream.pending[i]);
        let shown = Apps::show(stream, dir, &waited, env);
        let used = match shown {
            Shown::Used(used) | Shown::Become(used, _) => used.min(waited.len()),
            Shown::Done => waited.len(),
        };
        waited.drain(..used);
        self.held -= used;
        stream.pending[i] = waited;
        match shown {
            Shown::Done => false,
            Shown::Used(_) => true,
            Shown::Become(_, protocol) => self.hand_over(stream, protocol, dir, env) && self.feed_waiting(stream, dir, env),
        }
    }

    /// Calls the parser as often as it goes on.
    fn show(stream: &mut Stream, dir: Dir, bytes: &[u8], env: &mut Env<'_>) -> Shown {
        let Some(parser) = stream.parser.as_mut() else { return Shown::Done };
        let protocol = env.head.protocol;
        let mut at = 0;
        while let Some(left) = bytes.get(at..)
            && !left.is_empty()
        {
            let step = parser.data(dir, left, &mut Cx { head: env.head, sink: &mut *env.sink, options: env.options });
            if !matches!(step, Step::More | Step::Become(_)) {
                env.completed.insert(protocol);
            }
            match step {
                Step::Used(0) | Step::More => break,
                Step::Used(n) => at += n.min(left.len()),
                Step::Skip(n) => {
                    stream.skip[index(dir)] = n;
                    at = bytes.len();
                    if n == u64::MAX && !left.is_empty() {
                        break;
                    }
                }
                Step::Done => return Shown::Done,
                Step::Become(protocol) => return Shown::Become(at, protocol),
            }
        }
        Shown::Used(at)
    }

    /// Keeps bytes for later, or lets everything go and tells the gap. False where the parser is done.
    fn keep_or_gap(&mut self, stream: &mut Stream, dir: Dir, bytes: &[u8], env: &mut Env<'_>) -> bool {
        if self.keep(stream, dir, bytes) {
            return true;
        }
        let waiting = std::mem::take(&mut stream.pending[index(dir)]);
        self.held -= waiting.len();
        let lost = (waiting.len() + bytes.len()) as u64;
        Apps::give_back(&mut stream.pending[index(dir)], waiting);
        self.dropped += lost;
        self.tell_gap(stream, dir, lost, env)
    }

    fn keep(&mut self, stream: &mut Stream, dir: Dir, bytes: &[u8]) -> bool {
        let pending = &mut stream.pending[index(dir)];
        if pending.len() + bytes.len() > self.max_each || self.held + bytes.len() > self.max_all {
            return false;
        }
        pending.extend_from_slice(bytes);
        self.held += bytes.len();
        true
    }

    fn give_back(place: &mut Vec<u8>, mut buffer: Vec<u8>) {
        if place.is_empty() && buffer.capacity() <= KEEP_CAPACITY {
            buffer.clear();
            *place = buffer;
        }
    }

    fn tell_gap(&mut self, stream: &mut Stream, dir: Dir, missing: u64, env: &mut Env<'_>) -> bool {
        let i = index(dir);
        self.held -= stream.pending[i].len();
        stream.pending[i].clear();
        let (Some(parser), Some(spec)) = (stream.parser.as_mut(), self.protocols.get(stream.spec as usize)) else { return false };
        env.head.protocol = spec.protocol;
        stream.skip[i] = 0;
        match parser.gap(dir, missing, &mut Cx { head: env.head, sink: &mut *env.sink, options: env.options }) {
            Step::Done => false,
            Step::Become(protocol) => self.hand_over(stream, protocol, dir, env),
            Step::Skip(n) => {
                stream.skip[i] = n;
                true
            }
            Step::Used(_) | Step::More => true,
        }
    }
}

/// What a parser made of what it was shown.
enum Shown {
    /// It used this many bytes.
    Used(usize),
    /// It does not want any more.
    Done,
    /// Behind so many bytes another protocol speaks.
    Become(usize, Protocol),
}

enum Choice {
    Sure(u16),
    Wait,
    Nobody,
}
