//! A stand-in for the engine: feeds a parser, holds what it did not use, passes over what it does not want, and checks the promises of
//! [`crate::parse::Step`] on the way.

use super::MAX_WAIT;
use crate::parse::{Cx, Dir, Options, Parser, Spec, Step};
use crate::sink::Sink;
use model::activity::{Act, ActRef, Head, Protocol};
use model::{Endpoint, Flow, FlowId, Observation, Segment, Time, Transport};

/// Everything that was told.
#[derive(Default)]
pub struct Heard(pub Vec<(Head, Act)>);
impl Sink for Heard {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        self.0.push((*head, act.to_owned()));
    }
    fn flow(&mut self, _: &Flow) {}
    fn observation(&mut self, _: Time, _: &Observation) {}
}

pub fn options() -> Options {
    fn is_default(user: &[u8], secret: &[u8]) -> bool {
        (user, secret) == (b"admin", b"admin")
    }
    Options { secret_key: [7; 32], raw_targets: false, is_default }
}

pub fn head(protocol: Protocol, transport: Transport) -> Head {
    let end = |last: u8, port| Endpoint { mac: None, ip: Some([192, 0, 2, last].into()), port: Some(port) };
    Head {
        flow: FlowId::default(),
        segment: Segment::default(),
        time: Time(0),
        transport,
        protocol,
        client: end(1, 40000),
        server: end(2, 80),
    }
}

/// One conversation with one parser.
pub struct Drive<'a> {
    parser: &'a mut dyn Parser,
    head: Head,
    options: Options,
    held: [Vec<u8>; 2],
    skip: [u64; 2],
    pub done: bool,
    /// The protocol that the conversation was handed over to.
    pub became: Option<Protocol>,
    pub heard: Heard,
}

impl<'a> Drive<'a> {
    pub fn new(parser: &'a mut dyn Parser, protocol: Protocol, transport: Transport, options: Options) -> Self {
        let head = head(protocol, transport);
        Drive { parser, head, options, held: Default::default(), skip: [0; 2], done: false, became: None, heard: Heard::default() }
    }

    pub fn feed(&mut self, dir: Dir, bytes: &[u8]) {
        let Self { parser, head, options, held, skip, done, became, heard } = self;
        let mut cx = Cx { head: *head, sink: heard, options };
        let (held, skip) = (&mut held[dir as usize], &mut skip[dir as usize]);
        if *done {
            return;
        }
        let over = (*skip).min(bytes.len() as u64) as usize;
        if *skip == u64::MAX {
            parser.passed(dir, bytes.len() as u64, &mut cx);
            return;
        }
        *skip -= over as u64;
        held.extend_from_slice(&bytes[over..]);
        while !held.is_empty() {
            let shown = held.len();
            let before = cx.head;
            let step = parser.data(dir, held, &mut cx);
            assert_eq!(cx.head, before, "a parser leaves the head as it was");
            match step {
                Step::Used(n) => {
                    assert!(n > 0 && n <= shown, "used {n} of {shown}");
                    held.drain(..n);
                }
                Step::More => {
                    assert!(shown < MAX_WAIT + 1024, "waits for more than {shown}");
                    if cx.head.transport == Transport::Udp {
                        held.clear();
                    }
                    break;
                }
                Step::Skip(n) => {
                    held.clear();
                    *skip = n;
                }
                Step::Done => {
                    *done = true;
                    held.clear();
                }
                Step::Become(protocol) => {
                    *done = true;
                    *became = Some(protocol);
                    held.clear();
                }
            }
        }
        if cx.head.transport == Transport::Udp {
            held.clear();
        }
    }

    pub fn gap(&mut self, dir: Dir, missing: u64) {
        let Self { parser, head, options, held, skip, done, became, heard } = self;
        held[dir as usize].clear();
        if *done {
            return;
        }
        match parser.gap(dir, missing, &mut Cx { head: *head, sink: heard, options }) {
            Step::Skip(n) => skip[dir as usize] = n,
            Step::Done => *done = true,
            Step::Become(protocol) => (*done, *became) = (true, Some(protocol)),
            Step::Used(_) | Step::More => {}
        }
    }

    pub fn end(&mut self) {
        let Self { parser, head, options, heard, .. } = self;
        parser.end(&mut Cx { head: *head, sink: heard, options });
    }

    pub fn acts(&self) -> Vec<Act> {
        self.heard.0.iter().map(|(_, a)| a.clone()).collect()
    }
}

/// Ways to cut a message into segments.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    Whole,
    Bytes,
    /// Lengths drawn from a small generator with this seed.
    Random(u64),
}

pub fn pieces(bytes: &[u8], cut: Cut) -> Vec<&[u8]> {
    match cut {
        Cut::Whole => vec![bytes],
        Cut::Bytes => bytes.chunks(1).collect(),
        Cut::Random(seed) => {
            let (mut rest, mut out, mut x) = (bytes, Vec::new(), seed | 1);
            while !rest.is_empty() {
                x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let (a, b) = rest.split_at(((x >> 33) as usize % 40 + 1).min(rest.len()));
                out.push(a);
                rest = b;
            }
            out
        }
    }
}

pub fn run_on(parser: &mut dyn Parser, spec: &Spec, script: &[(Dir, &[u8])], cut: Cut, options: Options) -> Vec<Act> {
    let mut drive = Drive::new(parser, spec.protocol, Transport::Tcp, options);
    for (dir, bytes) in script {
        for piece in pieces(bytes, cut) {
            drive.feed(*dir, piece);
        }
    }
    drive.end();
    drive.acts()
}

/// Feeds a TCP conversation whole, byte by byte and in pieces of random length, through one parser that is reset in between, and
/// returns what was told, which has to be the same each time.
pub fn tcp(spec: &Spec, script: &[(Dir, &[u8])]) -> Vec<Act> {
    tcp_with(spec, script, &options())
}

pub fn tcp_with(spec: &Spec, script: &[(Dir, &[u8])], options: &Options) -> Vec<Act> {
    let mut parser = (spec.start)();
    let whole = run_on(&mut *parser, spec, script, Cut::Whole, options.clone());
    for cut in std::iter::once(Cut::Bytes).chain((0..30).map(Cut::Random)) {
        parser.reset();
        let cut_up = run_on(&mut *parser, spec, script, cut, options.clone());
        assert_eq!(whole, cut_up, "{cut:?}");
    }
    whole
}

/// Feeds one datagram.
pub fn udp(spec: &Spec, dir: Dir, bytes: &[u8]) -> Vec<Act> {
    let mut parser = (spec.start)();
    let mut drive = Drive::new(&mut *parser, spec.protocol, Transport::Udp, options());
    drive.feed(dir, bytes);
    drive.end();
    drive.acts()
}

/// Feeds anything at all, with holes, and checks only that the promises hold and that `reset` makes the parser as new.
pub fn anything(spec: &Spec, script: &[(bool, Vec<u8>, u8)]) {
    for transport in [(spec.tcp, Transport::Tcp), (spec.udp, Transport::Udp)].into_iter().filter(|t| t.0).map(|t| t.1) {
        let mut parser = (spec.start)();
        let mut first = None;
        for _ in 0..2 {
            let mut drive = Drive::new(&mut *parser, spec.protocol, transport, options());
            for (up, bytes, hole) in script {
                let dir = if *up { Dir::Up } else { Dir::Down };
                drive.feed(dir, bytes);
                if hole.is_multiple_of(16) {
                    drive.gap(dir, u64::from(*hole) * 10);
                }
            }
            drive.end();
            let acts = drive.acts();
            if let Some(first) = first.replace(acts.clone()) {
                assert_eq!(first, acts, "reset leaves something behind");
            }
            parser.reset();
        }
    }
}

/// Tests that every protocol needs.
macro_rules! hostile {
    ($spec:expr, $($seed:expr),* $(,)?) => {
        proptest::proptest! {
            #[test]
            fn random_bytes_are_survived(script in proptest::collection::vec((proptest::prelude::any::<bool>(), proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), proptest::prelude::any::<u8>()), 0..12)) {
                $crate::proto::testing::anything(&$spec, &script);
            }
            #[test]
            fn damaged_conversations_are_survived(flips in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 0..8), cut in proptest::prelude::any::<proptest::sample::Index>()) {
                let seeds: Vec<Vec<(bool, Vec<u8>, u8)>> = vec![$($seed),*];
                for mut script in seeds {
                    for (at, value) in &flips {
                        let part = at.index(script.len());
                        let bytes = &mut script[part].1;
                        if !bytes.is_empty() {
                            let i = at.index(bytes.len());
                            bytes[i] ^= value;
                        }
                    }
                    let part = cut.index(script.len());
                    let length = cut.index(script[part].1.len() + 1);
                    script[part].1.truncate(length);
                    $crate::proto::testing::anything(&$spec, &script);
                }
            }
        }
    };
}
pub(crate) use hostile;

/// A script as [`anything`] wants it, without holes.
pub fn script(parts: &[(Dir, &[u8])]) -> Vec<(bool, Vec<u8>, u8)> {
    parts.iter().map(|(d, b)| (*d == Dir::Up, b.to_vec(), 1)).collect()
}
