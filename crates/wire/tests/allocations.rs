//! The steady state of the packet path allocates nothing (design: targets, Speed).

#[path = "all/common/captures.rs"]
mod captures;
#[path = "all/common/mod.rs"]
mod common;

use common::*;
use model::Span;
use wire::engine::{Config, Engine};

/// Conversations of many kinds, some of which end and some of which go on.
fn mix() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let dns = |id: u8| [&[0u8, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x03www\x07example\x03com\0\0\x01\0\x01"].concat();
    for id in 0..20 {
        frames.push(udp(true, 53, &dns(id)));
    }
    frames.extend(handshake(80));
    let request = b"GET /index.html HTTP/1.1\r\nHost: plc.example\r\nUser-Agent: test\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello";
    // In two pieces, the second one first.
    frames.push(tcp(true, 80, 1001 + 20, 2001, ACK, &request[20..]));
    frames.push(tcp(true, 80, 1001, 2001, ACK, &request[..20]));
    frames.push(tcp(false, 80, 2001, 1001 + request.len() as u32, ACK, answer));
    frames.push(tcp(true, 80, 1001 + request.len() as u32, 2001 + answer.len() as u32, FIN | ACK, b""));
    frames.push(tcp(false, 80, 2001 + answer.len() as u32, 1002 + request.len() as u32, FIN | ACK, b""));
    frames.extend(handshake(502));
    let (mut up, mut down) = (1001, 2001);
    for i in 0..20u8 {
        let ask = [0, i, 0, 0, 0, 6, 1, 3, 0, i, 0, 2];
        let reply = [0, i, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2];
        frames.push(tcp(true, 502, up, down, ACK | 8, &ask));
        up += ask.len() as u32;
        frames.push(tcp(false, 502, down, up, ACK | 8, &reply));
        down += reply.len() as u32;
    }
    frames.push(tcp(true, 502, up, down, RST, b""));
    let arp = [&[0u8, 1, 8, 0, 6, 4, 0, 1][..], &mac(1), &[192, 168, 1, 1], &[0; 6], &[192, 168, 1, 2]].concat();
    frames.push(ethernet([0xff; 6], mac(1), 0x0806, &arp));
    frames.push(ethernet([1, 0x0c, 0xcd, 1, 0, 1], mac(1), 0x88b8, &[0; 50]));
    let tree = [&[0x42, 0x42, 3, 0, 0, 2, 2, 0x3d, 0x80, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 0, 2, 0, 0, 0, 0, 2, 0x80, 5][..], &[0; 9]]
        .concat();
    frames.push(ethernet([1, 0x80, 0xc2, 0, 0, 0], mac(1), tree.len() as u16, &tree));
    let cdp = [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2, 180, 0, 0, 0, 1, 0, 6, b's', b'1', 0, 6, 0, 8, b'c', b'3', b'5', b'0'];
    frames.push(ethernet([1, 0, 0x0c, 0xcc, 0xcc, 0xcc], mac(1), cdp.len() as u16, &cdp));
    frames.push(ethernet(mac(2), mac(1), 0x0800, &ipv4(A, B, 2, &[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 239, 0, 0, 1])));
    for n in 0..4 {
        frames.push(ethernet(mac(2), mac(1), 0x0800, &ipv4(A, B, 1, &[8, 0, 0, 0, 0, 1, 0, n, 1, 2, 3])));
        frames.push(ethernet(mac(1), mac(2), 0x0800, &ipv4(B, A, 1, &[0, 0, 0, 0, 0, 1, 0, n, 1, 2, 3])));
    }
    let datagram = udp_datagram(40000, 9, &[5; 100]);
    frames.push(ethernet(mac(2), mac(1), 0x0800, &ipv4_piece(A, B, 17, 9, 64, false, &datagram[64..])));
    frames.push(ethernet(mac(2), mac(1), 0x0800, &ipv4_piece(A, B, 17, 9, 0, true, &datagram[..64])));
    frames
}

#[test]
fn the_steady_state_allocates_nothing() {
    let frames = mix();
    let mut engine = Engine::new(Config::default(), options());
    let mut sink = Counted::default();
    let mut now = start();
    let mut round = |engine: &mut Engine, sink: &mut Counted| {
        for frame in &frames {
            now = now + Span::millis(37);
            engine.packet(&raw(now, frame), sink);
        }
        // Silence long enough for TCP conversations that are over to end. The UDP ones live on: recognising a new DNS conversation reads its
        // first message into memory of its own.
        now = now + Span::seconds(40);
        engine.advance(now, sink);
    };
    for _ in 0..50 {
        round(&mut engine, &mut sink);
    }
    let before = sink.acts;
    let info = allocation_counter::measure(|| {
        for _ in 0..200 {
            round(&mut engine, &mut sink);
        }
    });
    assert!(sink.acts > before + 200 * 10, "the parsers were at work: {}", sink.acts - before);
    assert_eq!(info.count_total, 0, "{} allocations in {} frames", info.count_total, 200 * frames.len());
}

/// Captures of other people's networks, played again and again, each time ended and begun anew: every parser has been met before, so
/// nothing new is needed. The few exceptions are rare things: a form's fields, which stand in memory that is wiped; a log-in that is
/// remembered; a message larger than what is kept at hand.
#[test]
fn captures_played_again_allocate_nothing() {
    let Some(root) = captures::oracles() else { return };
    let (mut wrong, mut worst) = (Vec::new(), Vec::new());
    let mut played = 0;
    for folder in ["it", "ot", "names-discovery", "link-tunnel"] {
        let mut files: Vec<_> = std::fs::read_dir(root.join(folder)).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for file in files {
            let frames = captures::load(&file);
            let Some(last) = frames.last().map(|f| f.time) else { continue };
            let first = frames.iter().map(|f| f.time).min().unwrap_or(last);
            if last.since(first) > Span::days(30) {
                // Fuzzed times.
                continue;
            }
            let mut engine = Engine::new(Config::default(), options());
            let mut sink = Counted::default();
            let mut later = Span::ZERO;
            let mut round = |engine: &mut Engine, sink: &mut Counted| {
                for f in &frames {
                    let packet = wire::packet::RawPacket { link: f.link, wire_len: f.wire_len, ..raw(f.time + later, &f.data) };
                    engine.packet(&packet, sink);
                }
                engine.finish(sink);
                later = Span(later.0 + last.since(first).0 + Span::hours(2).0);
            };
            // Buffers change places between conversations until each is as large as any needs.
            for _ in 0..60 {
                round(&mut engine, &mut sink);
            }
            let info = allocation_counter::measure(|| {
                for _ in 0..4 {
                    round(&mut engine, &mut sink);
                }
            });
            played += 1;
            if info.count_total > 4 * 10 {
                worst.push(file.display().to_string());
            }
            if info.count_total > 0 {
                wrong.push(format!("{}: {} allocations in 4 rounds of {} frames", file.display(), info.count_total, frames.len()));
            }
        }
    }
    assert!(played > 30, "only {played} captures were there");
    assert!(worst.is_empty() && wrong.len() * 10 < played, "of {played} captures: {}", wrong.join("\n"));
}
