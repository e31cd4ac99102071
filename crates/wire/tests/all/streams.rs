//! What parsers get of a conversation, and what becomes of what they ask for.

use crate::common::*;
use crate::engine::run;
use model::{Act, Span};
use std::sync::Mutex;
use wire::engine::{Config, Engine};
use wire::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};

/// What the parser of the next tests was told, by its conversation's port.
static TOLD: Mutex<Vec<(u16, String)>> = Mutex::new(Vec::new());

/// Lines; `#n` skips n bytes, `!` ends the reading, `*` passes over everything.
struct Lines;
impl Lines {
    fn tell(cx: &Cx<'_>, what: String) {
        TOLD.lock().unwrap().push((cx.head.server.port.unwrap_or(0), what));
    }
}
impl Parser for Lines {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let Some(end) = bytes.iter().position(|b| *b == b'\n') else { return Step::More };
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        Lines::tell(cx, format!("{}{line}", if dir == Dir::Up { '>' } else { '<' }));
        match line.as_bytes().first() {
            Some(b'#') => {
                let n: u64 = line[1..].parse().unwrap();
                let behind = (bytes.len() - end - 1) as u64;
                if behind >= n { Step::Used(end + 1 + n as usize) } else { Step::Skip(n - behind) }
            }
            Some(b'!') => Step::Done,
            Some(b'*') => Step::Skip(u64::MAX),
            _ => Step::Used(end + 1),
        }
    }
    fn gap(&mut self, _dir: Dir, missing: u64, cx: &mut Cx<'_>) -> Step {
        Lines::tell(cx, format!("gap {missing}"));
        Step::More
    }
    fn passed(&mut self, _dir: Dir, bytes: u64, cx: &mut Cx<'_>) {
        Lines::tell(cx, format!("passed {bytes}"));
    }
    fn end(&mut self, cx: &mut Cx<'_>) {
        Lines::tell(cx, "end".into());
    }
    fn reset(&mut self) {}
}

static LINES: &[Spec] = &[Spec {
    protocol: model::Protocol::Ftp,
    tcp: true,
    udp: true,
    ports: &[],
    probe: |p: &ProbeInput<'_>| {
        if p.up.is_empty() || (p.up.len() < 3 && b"abc".starts_with(p.up)) {
            Verdict::Unsure
        } else if p.up.starts_with(b"abc") {
            Verdict::Sure(50)
        } else {
            Verdict::No
        }
    },
    start: || Box::new(Lines),
}];

/// Feeds pieces of a client's stream, given as (place, bytes), and tells what the parser heard.
fn lines(port: u16, pieces: &[(u32, &[u8])], config: Config) -> Vec<String> {
    let mut e = Engine::with_protocols(config, options(), LINES);
    let mut c = Counted::default();
    for f in handshake(port) {
        e.packet(&raw(start(), &f), &mut c);
    }
    for (i, (at, bytes)) in pieces.iter().enumerate() {
        e.packet(&raw(start() + Span::millis(i as i64), &tcp(true, port, 1001 + at, 2001, ACK, bytes)), &mut c);
    }
    e.finish(&mut c);
    assert_eq!(e.held(), 0);
    TOLD.lock().unwrap().iter().filter(|(p, _)| *p == port).map(|(_, t)| t.clone()).collect()
}

#[test]
fn parsers_get_every_byte_once_in_order_and_what_they_leave_again() {
    let told =
        lines(60001, &[(0, b"a"), (1, b"bc\non"), (12, b"e\n"), (6, b"e\ntwo\nthre"), (6, b"X\nXXX\nXXXX"), (14, b"x")], Config::default());
    // `e` and its line end came early and were kept, so they stand where a later copy says `th`.
    assert_eq!(told, [">abc", ">one", ">two", ">e", "end"]);
}

#[test]
fn parsers_may_skip_pass_over_and_stop() {
    let told = lines(60002, &[(0, b"abc\n#10\n12345"), (13, b"67890next\n!\nnever\n")], Config::default());
    assert_eq!(told, [">abc", ">#10", ">next", ">!"]);
    let told = lines(60003, &[(0, b"abc\n*\nxyz"), (9, b"12345")], Config::default());
    assert_eq!(told, [">abc", ">*", "passed 5", "end"]);
}

#[test]
fn a_parser_that_waits_for_too_much_loses_it_and_is_told() {
    let long = [b'x'; 900];
    let pieces: Vec<(u32, &[u8])> =
        [(0, &b"abc\n"[..])].into_iter().chain((0..3).map(|i| (4 + i * 900, &long[..]))).chain([(2704, &b"\nok\n"[..])]).collect();
    let told = lines(60004, &pieces, Config { max_pending_bytes: 2000, ..Config::default() });
    assert_eq!(told, [">abc", "gap 2700", ">", ">ok", "end"]);
}

/// A TLS 1.2 client hello of one cipher suite and no extensions, in one record.
const HELLO: [u8; 50] = {
    let mut h = [0u8; 50];
    (h[0], h[1], h[2], h[4]) = (22, 3, 1, 45);
    (h[5], h[8], h[9], h[10]) = (1, 41, 3, 3);
    // Random 32 bytes, no session, one cipher suite, one compression method.
    (h[45], h[46], h[47], h[48]) = (2, 0xc0, 0x2f, 1);
    h
};

#[test]
fn a_conversation_that_turns_to_tls_is_read_on_as_tls() {
    // The hello comes in two segments, the second one first.
    let agreed = b"220 ftp ready\r\n234 AUTH TLS successful\r\n";
    let mut frames = handshake(21);
    frames.push(tcp(false, 21, 2001, 1001, ACK, &agreed[..15]));
    frames.push(tcp(true, 21, 1001, 2016, ACK, b"AUTH TLS\r\n"));
    frames.push(tcp(false, 21, 2016, 1011, ACK, &agreed[15..]));
    let after = 2001 + agreed.len() as u32;
    frames.push(tcp(true, 21, 1031, after, ACK, &HELLO[20..]));
    frames.push(tcp(true, 21, 1011, after, ACK, &HELLO[..20]));
    frames.push(tcp(false, 21, after, 1061, ACK, b"\x15\x03\x03\0\x02\x02\x28"));
    let (h, e) = run(&frames);
    let tls: Vec<_> =
        h.acts.iter().filter_map(|(head, a)| if let Act::Tls(t) = a { Some((head.protocol, t.offered)) } else { None }).collect();
    assert_eq!(tls, [(model::Protocol::Tls, 0x0303)], "{:?}", h.acts);
    assert!(h.acts.iter().any(|(head, a)| matches!(a, Act::Banner(b) if b.text == "ftp ready") && head.protocol.name() == "ftp"));
    assert_eq!((e.held(), h.flows.last().unwrap().protocol), (0, Some(model::Protocol::Ftp)));
}

/// Each of these hands every conversation to the other, whatever comes.
struct PassOn(model::Protocol);
impl Parser for PassOn {
    fn data(&mut self, _: Dir, _: &[u8], _: &mut Cx<'_>) -> Step {
        Step::Become(self.0)
    }
    fn gap(&mut self, _: Dir, _: u64, _: &mut Cx<'_>) -> Step {
        Step::Become(self.0)
    }
    fn end(&mut self, _: &mut Cx<'_>) {}
    fn reset(&mut self) {}
}
static PASS_ON: [Spec; 2] = {
    use model::Protocol::{Imap, Smtp};
    const fn spec(protocol: model::Protocol, start: fn() -> Box<dyn Parser>) -> Spec {
        Spec { protocol, tcp: true, udp: true, ports: &[], probe: |_| Verdict::Sure(9), start }
    }
    [spec(Smtp, || Box::new(PassOn(Imap))), spec(Imap, || Box::new(PassOn(Smtp)))]
};

#[test]
fn parsers_that_hand_a_conversation_to_and_fro_come_to_an_end() {
    let mut e = Engine::with_protocols(Config::default(), options(), &PASS_ON);
    let mut h = Heard::default();
    let mut frames = handshake(9);
    frames.push(tcp(true, 9, 1001, 2001, ACK, b"x"));
    frames.push(tcp(false, 9, 2001, 1002, ACK, b"y"));
    frames.push(udp(true, 9, b"z"));
    for (i, f) in frames.iter().enumerate() {
        e.packet(&raw(start() + Span::millis(i as i64), f), &mut h);
    }
    e.finish(&mut h);
    assert_eq!((h.flows.len(), e.held()), (2, 0));
}

#[test]
fn a_new_conversation_takes_the_parser_of_one_that_is_idle_and_not_of_one_that_lives() {
    let (mut e, mut h) = (Engine::with_protocols(Config { max_parsers: 2, ..Config::default() }, options(), LINES), Heard::default());
    let mut say = |port: u16, at: i64, seq: u32, e: &mut Engine| {
        if seq == 1001 {
            for f in handshake(port) {
                e.packet(&raw(start() + Span::seconds(at), &f), &mut h);
            }
        }
        e.packet(&raw(start() + Span::seconds(at), &tcp(true, port, seq, 2001, ACK, b"abc\n")), &mut h);
        e.counters()
    };
    say(61001, 0, 1001, &mut e);
    say(61002, 0, 1001, &mut e);
    say(61002, 8, 1005, &mut e);
    let c = say(61003, 9, 1001, &mut e);
    assert_eq!((c.parsers_evicted, c.parsers_refused), (1, 0));
    // The two that live keep theirs; the one that lost it stays unread and harms nobody.
    let c = say(61004, 9, 1001, &mut e);
    assert_eq!((c.parsers_evicted, c.parsers_refused), (1, 1));
    say(61001, 10, 1005, &mut e);
    say(61001, 11, 1009, &mut e);
    let c = say(61005, 30, 1001, &mut e);
    assert_eq!((c.parsers_evicted, c.parsers_refused), (2, 1));
    e.finish(&mut h);
    assert_eq!((e.held(), e.flows()), (0, 0));
}

#[test]
fn no_more_conversations_are_read_at_once_than_configured() {
    let (mut e, mut c) = (Engine::with_protocols(Config { max_parsers: 2, ..Config::default() }, options(), LINES), Counted::default());
    for port in 61001..61005 {
        for f in handshake(port) {
            e.packet(&raw(start(), &f), &mut c);
        }
        e.packet(&raw(start(), &tcp(true, port, 1001, 2001, ACK, b"abc\n")), &mut c);
    }
    assert_eq!(e.counters().parsers_refused, 2);
    e.finish(&mut c);
    for f in handshake(61005) {
        e.packet(&raw(start(), &f), &mut c);
    }
    e.packet(&raw(start(), &tcp(true, 61005, 1001, 2001, ACK, b"abc\n")), &mut c);
    assert_eq!(e.counters().parsers_refused, 2, "room is given back");
}

#[test]
fn a_hole_that_was_acknowledged_is_told() {
    let port = 60005;
    let mut e = Engine::with_protocols(Config::default(), options(), LINES);
    let mut c = Counted::default();
    for f in handshake(port) {
        e.packet(&raw(start(), &f), &mut c);
    }
    e.packet(&raw(start(), &tcp(true, port, 1001, 2001, ACK, b"abc\n")), &mut c);
    e.packet(&raw(start(), &tcp(true, port, 1105, 2001, ACK, b"late\n")), &mut c);
    for _ in 0..3 {
        e.packet(&raw(start(), &tcp(false, port, 2001, 1110, ACK, b"")), &mut c);
    }
    let told: Vec<String> = TOLD.lock().unwrap().iter().filter(|(p, _)| *p == port).map(|(_, t)| t.clone()).collect();
    assert_eq!(told, [">abc", "gap 100", ">late"]);
    assert_eq!(e.counters().reassembly_gaps, 1);
}
