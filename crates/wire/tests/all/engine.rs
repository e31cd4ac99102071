//! The engine on frames made by hand, hostile ones and captured ones.

use crate::common::*;
use model::flow::{FlowEnd, FlowState};
use model::observation::Via;
use model::{Act, Mac, Span, Time, Transport};
use proptest::prelude::*;
use wire::engine::{Config, Engine};
use wire::facts::Layers;
use wire::packet::LinkType;

pub(super) fn engine() -> Engine {
    Engine::new(Config::default(), options())
}

/// Feeds frames a millisecond apart from `start()`, then finishes.
pub(super) fn run(frames: &[Vec<u8>]) -> (Heard, Engine) {
    let (mut e, mut h) = (engine(), Heard::default());
    for (i, f) in frames.iter().enumerate() {
        e.packet(&raw(start() + Span::millis(i as i64), f), &mut h);
    }
    e.finish(&mut h);
    (h, e)
}

#[test]
fn a_conversation_from_handshake_to_close() {
    let mut frames = handshake(9);
    frames.push(tcp(true, 9, 1001, 2001, ACK | 8, b"hello"));
    frames.push(tcp(false, 9, 2001, 1006, ACK, b"you"));
    frames.push(tcp(true, 9, 1006, 2004, FIN | ACK, b""));
    frames.push(tcp(false, 9, 2004, 1007, FIN | ACK, b""));
    frames.push(tcp(true, 9, 1007, 2005, ACK, b""));
    let (h, _) = run(&frames);
    let [f] = h.flows.as_slice() else { panic!("one conversation, one record: {:?}", h.flows) };
    assert_eq!((f.state, f.transport, f.up.packets, f.down.packets), (FlowState::Closed, Transport::Tcp, 5, 3));
    assert_eq!(f.client.port, Some(40000));
    assert_eq!(f.client.mac, Some(Mac(mac(1))));
    assert_eq!(f.server.mac, Some(Mac(mac(2))));
    assert_eq!(f.up.bytes + f.down.bytes, frames.iter().map(|f| f.len() as u64).sum::<u64>());
    assert_eq!(f.up.flags, SYN | ACK | 8 | FIN);
}

#[test]
fn refusals_attempts_resets_and_halves_are_told_apart() {
    let state = |frames: &[Vec<u8>]| run(frames).0.flows.last().unwrap().state;
    let syn = tcp(true, 9, 1000, 0, SYN, b"");
    assert_eq!(state(&[syn.clone()]), FlowState::Attempted);
    assert_eq!(state(&[syn.clone(), tcp(false, 9, 0, 1001, RST | ACK, b"")]), FlowState::Rejected);
    assert_eq!(state(&[tcp(true, 9, 5, 5, ACK, b""), tcp(false, 9, 5, 0, RST, b"")]), FlowState::Rejected);
    assert_eq!(state(&handshake(9)), FlowState::Established);
    let mut reset = handshake(9);
    reset.push(tcp(false, 9, 2001, 1001, RST, b""));
    assert_eq!(state(&reset), FlowState::Reset);
    assert_eq!(state(&[tcp(true, 9, 50, 60, ACK, b"x")]), FlowState::Partial);
    assert_eq!(state(&[tcp(true, 9, 50, 60, ACK, b"x"), tcp(false, 9, 60, 51, ACK, b"y")]), FlowState::Established);
    assert_eq!(state(&[udp(true, 9, b"x")]), FlowState::Attempted);
    assert_eq!(state(&[udp(true, 9, b"x"), udp(false, 9, b"y")]), FlowState::Established);
}

#[test]
fn the_middle_of_a_conversation_is_turned_by_its_ports() {
    let (h, _) = run(&[tcp(false, 80, 5, 5, ACK, b"x")]);
    assert_eq!(h.flows[0].server.port, Some(80));
    assert_eq!((h.flows[0].up.packets, h.flows[0].down.packets), (0, 1));
    // A SYN and ACK tells it without any port.
    let (h, _) = run(&[tcp(false, 50001, 5, 5, SYN | ACK, b"")]);
    assert_eq!(h.flows[0].server.port, Some(50001));
}

#[test]
fn a_new_first_sequence_number_opens_a_new_conversation() {
    let mut frames = handshake(9);
    frames.push(tcp(true, 9, 1000, 0, SYN, b""));
    frames.push(tcp(true, 9, 777_000, 0, SYN, b""));
    let (h, e) = run(&frames);
    assert_eq!((h.flows.len(), e.counters().flows), (2, 2));
    assert_ne!(h.flows[0].id, h.flows[1].id);
    assert!(h.frames[4].opened.as_slice()[0].reused);
}

#[test]
fn an_unreachable_port_is_told_and_marks_the_conversation() {
    let question = udp(true, 9, b"x");
    let error = [&[3u8, 3, 0, 0, 0, 0, 0, 0][..], &question[14..]].concat();
    let answer = ethernet(mac(1), mac(2), 0x0800, &ipv4(B, A, 1, &error));
    let (h, _) = run(&[question, answer]);
    let udp = h.flows.iter().find(|f| f.transport == Transport::Udp).unwrap();
    assert_eq!(udp.state, FlowState::Rejected);
    let Act::Unreachable(u) = &h.acts[0].1 else { panic!("{:?}", h.acts) };
    assert_eq!((u.icmp_type, u.code, u.transport, u.to.port), (3, 3, Transport::Udp, Some(9)));
    // The quoted packet counts as no layer but gives its addresses.
    assert!(!h.frames[1].layers.has(Layers::UDP));
    assert_eq!(h.frames[1].ips.as_slice().len(), 4);
}

#[test]
fn long_conversations_are_told_in_parts_whose_sum_is_the_whole() {
    let (mut e, mut h) = (engine(), Heard::default());
    for i in 0..300 {
        e.packet(&raw(start() + Span::seconds(i), &udp(i % 2 == 0, 9, b"tick")), &mut h);
    }
    assert_eq!(h.flows.len(), 4);
    assert!(h.flows.iter().all(|f| f.end == FlowEnd::Interim && f.last.since(f.first) <= Span::seconds(61)));
    // Silence ends it, without any other frame.
    e.advance(start() + Span::seconds(400), &mut h);
    assert_eq!(e.flows(), 0);
    let last = h.flows.last().unwrap();
    assert_eq!((last.end, last.part, last.started), (FlowEnd::Idle, 4, start()));
    assert_eq!(h.flows.iter().map(|f| f.up.packets + f.down.packets).sum::<u64>(), 300);
    assert!(h.flows.windows(2).all(|w| w[0].part + 1 == w[1].part));
}

#[test]
fn what_is_not_ip_makes_conversations_of_hardware_addresses() {
    let goose = ethernet([1, 0x0c, 0xcd, 1, 0, 1], mac(1), 0x88b8, &[0; 50]);
    let llc = ethernet(mac(2), mac(1), 3, &[0xf0, 0xf0, 3]);
    let (h, _) = run(&[goose.clone(), goose, llc]);
    assert_eq!(h.flows.len(), 2);
    assert_eq!((h.flows[0].transport, h.flows[0].up.packets, h.flows[0].state), (Transport::Ether(0x88b8), 2, FlowState::Partial));
    assert_eq!(h.flows[1].transport, Transport::Ether(0));
    assert_eq!(h.flows[0].client.mac, Some(Mac(mac(1))));
}

#[test]
fn arp_and_neighbours_are_told_and_observed() {
    let arp = [&[0u8, 1, 8, 0, 6, 4, 0, 2][..], &mac(1), &[192, 168, 1, 1], &mac(2), &[192, 168, 1, 2]].concat();
    let (h, e) = run(&[ethernet(mac(2), mac(1), 0x0806, &arp), ethernet(mac(2), mac(1), 0x0806, &arp[..20])]);
    let Act::Arp(a) = &h.acts[0].1 else { panic!("{:?}", h.acts) };
    assert_eq!((a.operation, a.sender_mac), (2, Mac(mac(1))));
    assert!(h.observations.iter().any(|o| o.via == Via::Arp && o.ip == Some("192.168.1.1".parse().unwrap())));
    assert_eq!((h.acts.len(), e.counters().decode_errors), (1, 1));
}

#[test]
fn vlan_tags_in_and_beside_the_frame_make_segments() {
    let inner = udp(true, 9, b"x");
    let tagged = [&inner[..12], &[0x81, 0, 0x60, 42], &inner[12..]].concat();
    let (mut e, mut h) = (engine(), Heard::default());
    e.packet(&raw(start(), &tagged), &mut h);
    e.packet(&wire::packet::RawPacket { vlan: Some(43), ..raw(start(), &inner) }, &mut h);
    e.finish(&mut h);
    assert_eq!(h.flows.iter().map(|f| f.segment.vlan).collect::<Vec<_>>(), [42, 43]);
    assert_eq!(h.frames[1].vlans.as_slice(), [43]);
}

#[test]
fn bridges_are_told_once_and_again_when_something_changes() {
    let bpdu = |cost: u8| {
        let mut b = vec![0x42, 0x42, 3, 0, 0, 0, 0, 0, 0x80, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, cost, 0x80, 0, 2, 0, 0, 0, 0, 2, 0x80, 5];
        b.extend([0, 1, 0, 20, 0, 2, 0, 15]);
        ethernet([1, 0x80, 0xc2, 0, 0, 0], mac(9), b.len() as u16, &b)
    };
    let (h, _) = run(&[bpdu(4), bpdu(4), bpdu(4), bpdu(5), bpdu(5)]);
    let costs: Vec<u32> = h.acts.iter().filter_map(|(_, a)| if let Act::SpanningTree(t) = a { Some(t.cost) } else { None }).collect();
    assert_eq!(costs, [4, 5]);
    assert!(h.flows.is_empty() && h.frames.iter().all(|f| f.completed.contains(model::Protocol::Stp)));
}

#[test]
fn copies_of_a_mirror_are_counted_but_not_in_conversations() {
    let (mut e, mut h) = (engine(), Heard::default());
    let ask = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03abc\0\0\x01\0\x01";
    let mut frames = handshake(9);
    frames.push(udp(true, 53, ask));
    for (i, frame) in frames.iter().enumerate() {
        // The second copy has passed a router: less time to live, another sum and other hardware addresses.
        let mut routed = frame.clone();
        (routed[22], routed[24], routed[5]) = (63, 1, 99);
        let at = start() + Span::millis(10 * i as i64);
        e.packet(&raw(at, frame), &mut h);
        e.packet(&raw(at + Span(20_000), frame), &mut h);
        e.packet(&raw(at + Span(40_000), &routed), &mut h);
        // Again much later: sent twice, not seen twice. The bare acknowledgement has an identification, so it is a copy too.
        e.packet(&raw(at + Span::millis(5), frame), &mut h);
    }
    e.finish(&mut h);
    let truths = e.truths();
    assert_eq!((truths.duplicates, truths.routed_twice, truths.looked), (8, 4, 16));
    assert_eq!(h.flows.iter().map(|f| f.up.packets + f.down.packets).sum::<u64>(), 8);
    assert_eq!(h.acts.iter().filter(|(_, a)| matches!(a, Act::Dns(_))).count(), 2);
    assert!(h.frames.iter().all(|f| f.layers.has(Layers::IPV4)), "every frame is still a frame");
    assert_eq!(truths.told(16).collect::<Vec<_>>(), [model::coverage::Truth::Duplicates, model::coverage::Truth::ChecksumOffload]);
}

#[test]
fn datagrams_without_identification_may_be_sent_twice_and_other_vlans_are_their_own() {
    let mut same = udp(true, 9, b"cyclic");
    (same[18], same[19]) = (0, 0);
    let named = udp(true, 9, b"named");
    let (mut e, mut h) = (engine(), Heard::default());
    for _ in 0..3 {
        e.packet(&raw(start(), &same), &mut h);
    }
    e.packet(&raw(start(), &named), &mut h);
    e.packet(&wire::packet::RawPacket { vlan: Some(43), ..raw(start(), &named) }, &mut h);
    e.finish(&mut h);
    assert_eq!((e.truths().duplicates, e.truths().vlan_stripped), (1, 1));
    assert_eq!(h.flows.iter().map(|f| (f.segment.vlan, f.up.packets)).collect::<Vec<_>>(), [(0, 4), (43, 1)]);
}

#[test]
fn checksums_left_to_the_card_merged_segments_and_cut_frames_are_facts() {
    let mut frames = Vec::new();
    // Sums of the ends alone, nothing, and something wrong.
    for sum in [Some(0x8370u16), None, Some(0x1234)] {
        let mut f = tcp(true, 9, 1, 1, ACK, b"xx");
        if let Some(sum) = sum {
            f[50..52].copy_from_slice(&sum.to_be_bytes());
        }
        frames.push(f);
    }
    let mut large = tcp(true, 9, 3, 1, ACK, &[7; 3000]);
    (large[16], large[17]) = (0, 0);
    frames.push(large);
    let (mut e, mut c) = (engine(), Counted::default());
    for (i, f) in frames.iter().enumerate() {
        e.packet(&raw(start() + Span::millis(9 * i as i64), f), &mut c);
    }
    e.packet(&wire::packet::RawPacket { wire_len: 900, ..raw(start() + Span::seconds(1), &frames[0]) }, &mut c);
    let t = e.truths();
    assert_eq!((t.checksums_bad, t.super_packets, t.cut), (1, 1, 1), "{t:?}");
    assert!(t.checksums_offloaded >= 3 && t.checksums_looked == 5, "{t:?}");
}

#[test]
fn one_direction_of_a_mirror_is_noticed_and_is_no_failed_attempt() {
    let (mut e, mut h) = (engine(), Heard::default());
    for port in 0..6u16 {
        let mut frames = handshake(5000 + port);
        frames.remove(1);
        frames.push(tcp(true, 5000 + port, 1001, 2001, ACK, b"hello"));
        frames.push(tcp(true, 5000 + port, 1006, 2100, ACK, b"you"));
        for f in &frames {
            e.packet(&raw(start(), f), &mut h);
        }
    }
    e.finish(&mut h);
    assert_eq!((e.truths().one_way, e.truths().both_ways), (6, 0));
    assert!(h.flows.iter().all(|f| f.state == FlowState::Partial), "{:?}", h.flows);
    assert!(e.truths().told(24).any(|t| t == model::coverage::Truth::OneWay));
}

#[test]
fn echo_messages_are_added_up_and_a_flood_of_them_is_bounded() {
    let echo = |reply: bool, n: u8, payload: &[u8]| {
        let icmp = [&[if reply { 0 } else { 8 }, 0, 0, 0, 0, 1, 0, n][..], payload].concat();
        let mut ip = if reply { ipv4(B, A, 1, &icmp) } else { ipv4(A, B, 1, &icmp) };
        ip[5] = n;
        ethernet(mac(2), mac(1), 0x0800, &ip)
    };
    let (h, _) = run(&[echo(false, 1, b"abcdefgh"), echo(true, 1, b"abcdefgh"), echo(false, 2, b"abcdefgh"), echo(true, 2, b"ABCDEFGHI")]);
    let told: Vec<_> = h.acts.iter().filter_map(|(head, a)| if let Act::Echo(e) = a { Some((head.client.ip, *e)) } else { None }).collect();
    let [(client, e)] = told.as_slice() else { panic!("{:?}", h.acts) };
    assert_eq!(*client, Some("192.168.1.1".parse().unwrap()));
    assert_eq!((e.requests, e.replies, e.request_bytes, e.reply_bytes, e.largest, e.altered, e.lengths), (2, 2, 16, 17, 9, 1, 2));

    let (mut e, mut c) = (engine(), Counted::default());
    for n in 0..20_000u32 {
        let frame = ethernet(mac(2), mac(1), 0x0800, &ipv4(0x0a00_0000 + n, B, 1, &[8, 0, 0, 0, 0, 1, 0, 1, 7, 7]));
        e.packet(&raw(start() + Span(i64::from(n)), &frame), &mut c);
    }
    e.finish(&mut c);
    assert_eq!((c.acts, c.packets), (20_000, 20_000), "each is told, early or at the end");
    assert!(e.counters().echoes_evicted >= 18_000);
}

#[test]
fn copies_that_tell_another_story_are_told_a_few_times_and_counted() {
    let conflicts = |h: &Heard| -> Vec<(bool, u32)> {
        h.acts.iter().filter_map(|(_, a)| if let Act::Conflict(c) = a { Some((c.fragments, c.bytes)) } else { None }).collect()
    };
    // The same place of the stream with another command (a server reads one, we are meant to read the other), ten times.
    let mut frames = handshake(80);
    frames.push(tcp(true, 80, 1001, 2001, ACK, b"GET /a HTTP/1.1\r\n"));
    for _ in 0..10 {
        frames.push(tcp(true, 80, 1001, 2001, ACK, b"GET /b HTTP/1.1\r\n"));
    }
    let (h, e) = run(&frames);
    assert_eq!((conflicts(&h), e.counters().conflicts), (vec![(false, 1); 4], 10));
    // A plain repetition is nothing.
    let mut frames = handshake(80);
    frames.extend([tcp(true, 80, 1001, 2001, ACK, b"GET /a HTTP/1.1\r\n"), tcp(true, 80, 1001, 2001, ACK, b"GET /a HTTP/1.1\r\n")]);
    assert!(conflicts(&run(&frames).0).is_empty());
    let datagram = udp_datagram(40000, 9, &[5; 100]);
    let mut other = datagram.clone();
    other[20] = 6;
    let piece =
        |d: &[u8], at: usize, to: usize, more| ethernet(mac(2), mac(1), 0x0800, &ipv4_piece(A, B, 17, 9, at as u16, more, &d[at..to]));
    let (h, _) = run(&[piece(&datagram, 0, 64, true), piece(&other, 0, 64, true), piece(&datagram, 64, 108, false)]);
    assert_eq!(conflicts(&h), [(true, 1)]);
}

#[test]
fn an_attempt_without_an_answer_is_told_while_the_scan_goes_on_and_only_once() {
    let (mut e, mut h) = (engine(), Heard::default());
    e.packet(&raw(start(), &tcp(true, 9, 1000, 0, SYN, b"")), &mut h);
    for f in handshake(80) {
        e.packet(&raw(start(), &f), &mut h);
    }
    e.advance(start() + Span::millis(1400), &mut h);
    assert!(h.flows.is_empty());
    e.advance(start() + Span::millis(1700), &mut h);
    let [f] = h.flows.as_slice() else { panic!("{:?}", h.flows) };
    assert_eq!((f.state, f.end, f.part, f.up.packets), (FlowState::Attempted, FlowEnd::Interim, 0, 1));
    // Tried again, and answered with a refusal: the parts add up.
    e.packet(&raw(start() + Span::seconds(3), &tcp(true, 9, 1000, 0, SYN, b"")), &mut h);
    e.packet(&raw(start() + Span::seconds(3), &tcp(false, 9, 0, 1001, RST | ACK, b"")), &mut h);
    e.packet(&raw(start() + Span::seconds(4), &tcp(true, 10, 1000, 0, SYN, b"")), &mut h);
    e.advance(start() + Span::seconds(6), &mut h);
    let told: Vec<_> = h.flows.iter().map(|f| (f.server.port.unwrap(), f.part, f.state, f.up.packets, f.down.packets)).collect();
    use FlowState::{Attempted, Rejected};
    assert_eq!(told, [(9, 0, Attempted, 1, 0), (9, 1, Rejected, 1, 1), (10, 0, Attempted, 1, 0)]);
    // Nothing more came of the other attempt, and the answered one is told in parts as ever.
    e.advance(start() + Span::seconds(30), &mut h);
    assert_eq!(h.flows.len(), 3);
    e.packet(&raw(start() + Span::seconds(59), &tcp(true, 80, 1001, 2001, ACK, b"x")), &mut h);
    e.advance(start() + Span::seconds(62), &mut h);
    assert_eq!((h.flows.len(), h.flows[3].end, h.flows[3].up.packets), (4, FlowEnd::Interim, 3));
    e.finish(&mut h);
    assert_eq!(h.flows.iter().map(|f| f.up.packets + f.down.packets).sum::<u64>(), 8);
}

#[test]
fn fragments_count_once_they_are_whole() {
    let datagram = udp_datagram(40000, 9, &[5; 100]);
    let piece = |at: usize, to: usize, more| ethernet(mac(2), mac(1), 0x0800, &ipv4_piece(A, B, 17, 9, at as u16, more, &datagram[at..to]));
    let (h, e) = run(&[piece(0, 64, true), piece(64, 108, false)]);
    assert_eq!(h.frames.iter().map(|f| f.layers.has(Layers::UDP)).collect::<Vec<_>>(), [false, true]);
    assert_eq!((h.flows.len(), h.flows[0].up.packets, e.counters().datagrams_reassembled), (1, 2, 1));
}

#[test]
fn tunnels_are_read_inside_to_a_bounded_depth() {
    let gre = |payload: &[u8]| ipv4(A, B, 47, &[&[0u8, 0, 8, 0][..], payload].concat());
    let core = ipv4(0x0a00_0001, 0x0a00_0002, 17, &udp_datagram(1, 9, b"x"));
    let (h, _) = run(&[ethernet(mac(2), mac(1), 0x0800, &gre(&core))]);
    assert_eq!(h.flows.len(), 2);
    assert!(h.frames[0].layers.has(Layers::TUNNEL) && h.frames[0].layers.has(Layers::UDP));
    assert!(h.observations.iter().all(|o| o.ip != Some("10.0.0.1".parse().unwrap())), "the outer address is not the inner sender's");
    let mut deep = core;
    for _ in 0..50 {
        deep = gre(&deep);
    }
    let (h, e) = run(&[ethernet(mac(2), mac(1), 0x0800, &deep)]);
    assert_eq!(e.counters().tunnel_depth_exceeded, 1);
    assert!(!h.frames[0].layers.has(Layers::UDP));
}

#[test]
fn a_syn_flood_of_a_million_sources_stays_within_bounds_and_spares_the_established() {
    let config = Config { max_flows: 5000, max_observations: 1000, ..Config::default() };
    let (mut e, mut c) = (Engine::new(config, options()), Counted::default());
    for f in handshake(9) {
        e.packet(&raw(start(), &f), &mut c);
    }
    for i in 0..1_000_000u32 {
        let f = ethernet(mac(2), mac(9), 0x0800, &ipv4(i.wrapping_mul(2_654_435_761), B, 6, &tcp_segment(1234, 80, i, 0, SYN, b"")));
        e.packet(&raw(start() + Span(i64::from(i) * 1000), &f), &mut c);
        assert!(e.flows() <= 5000);
    }
    assert_eq!(e.counters().flows, 1_000_001);
    assert_eq!(e.counters().flows_evicted, 1_000_001 - 5000);
    // The established one is still there: its data goes into the same record.
    let before = e.counters().flows;
    e.packet(&raw(start() + Span::seconds(2), &tcp(true, 9, 1001, 2001, ACK, b"x")), &mut c);
    assert_eq!(e.counters().flows, before);
    e.finish(&mut c);
    assert_eq!((e.flows(), e.held(), c.packets), (0, 0, 1_000_004));
}

#[test]
fn a_million_hardware_addresses_stay_within_bounds() {
    let config = Config { max_flows: 1000, max_observations: 1000, ..Config::default() };
    let (mut e, mut c) = (Engine::new(config, options()), Counted::default());
    for i in 0..1_000_000u32 {
        let b = i.to_be_bytes();
        e.packet(&raw(start() + Span(i64::from(i)), &ethernet(mac(2), [2, 1, b[0], b[1], b[2], b[3]], 0x88b8, &[0; 46])), &mut c);
    }
    assert!(e.flows() <= 1000);
    assert_eq!(e.counters().observations_evicted, 999_000);
}

#[test]
fn clocks_that_jump_neither_hang_nor_grow_nor_end_everything() {
    let config = Config { max_flows: 1000, ..Config::default() };
    let (mut e, mut c) = (Engine::new(config, options()), Counted::default());
    for f in handshake(9) {
        e.packet(&raw(start(), &f), &mut c);
    }
    let established = e.flows();
    for i in 0..20_000i64 {
        let jump = match i % 4 {
            0 => Span::days(365 * 20),
            1 => Span::days(-365 * 30),
            2 => Span(i64::MAX),
            _ => Span(i64::MIN),
        };
        let f = ethernet(mac(2), mac(3), 0x0800, &ipv4(A + 50 + i as u32 % 3000, B, 17, &udp_datagram(5, 6, b"x")));
        e.packet(&raw(start() + jump, &f), &mut c);
        assert!(e.flows() <= 1000);
    }
    assert_eq!(established, 1);
    let before = e.counters().flows;
    e.packet(&raw(start() + Span::seconds(3), &tcp(true, 9, 1001, 2001, ACK, b"x")), &mut c);
    assert_eq!(e.counters().flows, before, "the established conversation outlived the jumps");
    e.advance(Time::MAX, &mut c);
    e.advance(Time::MIN, &mut c);
    e.finish(&mut c);
    assert_eq!(e.flows(), 0);
}

#[test]
fn cut_frames_of_every_length_do_no_harm() {
    let (mut e, mut h) = (engine(), Heard::default());
    let whole = tcp(true, 80, 1, 1, ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for n in 0..whole.len() {
        let packet = wire::packet::RawPacket { wire_len: whole.len() as u32, ..raw(start() + Span::millis(n as i64), &whole[..n]) };
        e.packet(&packet, &mut h);
    }
    e.finish(&mut h);
    assert!(h.frames.iter().all(|f| f.layers.has(Layers::CUT)));
    assert_eq!(e.counters().decode_errors, 0);
    // The same lengths as frames of their own are damage.
    let (_, e) = run(&(1..whole.len()).map(|n| whole[..n].to_vec()).collect::<Vec<_>>());
    assert!(e.counters().decode_errors >= 14);
}

/// One frame of each kind that the link and Internet layers speak, with the link type it comes under.
fn kinds() -> Vec<(LinkType, Vec<u8>)> {
    let ethernet_of = |kind: u16, body: &[u8]| (LinkType::ETHERNET, ethernet(mac(2), mac(1), kind, body));
    let llc = |head: &[u8], body: &[u8]| {
        let body = [head, body].concat();
        (LinkType::ETHERNET, ethernet([1, 0x80, 0xc2, 0, 0, 0], mac(1), body.len() as u16, &body))
    };
    let core = ipv4(A, B, 17, &udp_datagram(40000, 9, b"inner"));
    let inner = ethernet(mac(4), mac(3), 0x0800, &core);
    let v6 = |next: u8, body: &[u8]| {
        let mut p = vec![0x60, 0, 0, 0, 0, body.len() as u8, next, 255, 0xfe, 0x80];
        p.resize(39, 0);
        p.push(1);
        p.extend(body);
        p
    };
    let tree =
        [&[0, 0, 2, 2, 0x3d, 0x80, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 0, 2, 0, 0, 0, 0, 2, 0x80, 5][..], &[0; 9], &[0, 0, 0, 2, 0, 7]]
            .concat();
    let cdp = [2, 180, 0, 0, 0, 1, 0, 6, b's', b'1', 0, 6, 0, 8, b'c', b'3', b'5', b'0'];
    let router =
        [&[134, 0, 0, 0, 64, 0x80, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1][..], &mac(1), &[31, 2, 0, 0, 0, 0, 0, 9], b"\x03lab\0\0\0\0"]
            .concat();
    let listens = [&[143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0xff, 2][..], &[0; 13], &[0xfb]].concat();
    let radio = [&[0, 0, 14, 0, 0x28, 0, 0, 0, 0x85, 9, 0, 0, 0xc4, 0][..]].concat();
    let wlan = |control: u8, flags: u8| [&[control, flags, 0, 0][..], &mac(2), &mac(1), &mac(9), &[0, 0]].concat();
    let beacon = [&wlan(0x80, 0)[..], &[0; 10], &[0x11, 4], b"\0\x04shop\x03\x01\x06"].concat();
    let key = [&wlan(0x08, 2)[..], &[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 3, 0, 95, 2, 0, 0x8a], &[0; 92]].concat();
    let gre = |head: &[u8], body: &[u8]| ethernet_of(0x0800, &ipv4(A, B, 47, &[head, body].concat()));
    let in_udp = |port: u16, head: &[u8], body: &[u8]| (LinkType::ETHERNET, udp(true, port, &[head, body].concat()));
    vec![
        llc(&[0x42, 0x42, 3], &tree),
        llc(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 1, 0x0b], &tree),
        llc(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0], &cdp),
        ethernet_of(0x0800, &ipv4(A, B, 2, &[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 239, 0, 0, 1])),
        ethernet_of(0x0800, &ipv4(A, B, 1, &[8, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3])),
        ethernet_of(0x86dd, &v6(58, &router)),
        ethernet_of(0x86dd, &v6(58, &listens)),
        ethernet_of(0x8847, &[&[0, 1, 0x11, 64][..], &core].concat()),
        ethernet_of(0x8864, &[&[0x11, 0, 0, 1, 0, 35, 0, 0x21][..], &core].concat()),
        gre(&[0, 0, 8, 0], &core),
        gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &inner),
        gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &inner),
        gre(&[0, 0, 0x88, 0xbe], &inner),
        ethernet_of(0x0800, &ipv4(A, B, 4, &core)),
        ethernet_of(0x0800, &ipv4(A, B, 41, &v6(17, &udp_datagram(40000, 9, b"6in4")))),
        in_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &inner),
        in_udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 1, 0], &inner),
        in_udp(2152, &[0x30, 255, 0, 33, 0, 0, 0, 1], &core),
        in_udp(3544, &[0, 0, 1, 2, 3, 4, 5, 6], &v6(17, &udp_datagram(40000, 9, b"teredo"))),
        (LinkType::PPP, [&[0xff, 3, 0, 0x21][..], &core].concat()),
        (LinkType(50), [&[0x21][..], &core].concat()),
        (LinkType::IEEE802_11_RADIOTAP, [&radio[..], &beacon].concat()),
        (LinkType::IEEE802_11, key),
        (LinkType::IEEE802_11, [&wlan(0xc0, 0)[..], &[7, 0]].concat()),
    ]
}

#[test]
fn every_kind_of_frame_is_read_whole_and_survived_at_every_cut() {
    let (mut whole, mut tunnels) = (Heard::default(), 0);
    for (link, frame) in kinds() {
        let (mut e, mut h) = (engine(), Heard::default());
        e.packet(&wire::packet::RawPacket { link, ..raw(start(), &frame) }, &mut h);
        e.finish(&mut h);
        assert_eq!(e.counters().decode_errors, 0, "{frame:02x?}");
        assert!(!h.acts.is_empty() || h.flows.iter().any(|f| f.server.port == Some(9)), "{frame:02x?}: {:?}", h.flows);
        tunnels += usize::from(h.frames[0].layers.has(Layers::TUNNEL));
        whole.acts.append(&mut h.acts);
        // Cut short as frames of their own, as captures, and with a lie in each byte: nothing hangs, panics or stays behind.
        let (mut e, mut h) = (engine(), Counted::default());
        for n in 0..=frame.len() {
            let mut lie = frame.clone();
            if let Some(b) = lie.get_mut(n) {
                *b ^= 0xff;
            }
            for data in [&frame[..n], &lie] {
                e.packet(&wire::packet::RawPacket { link, wire_len: frame.len() as u32, ..raw(start(), data) }, &mut h);
                e.packet(&wire::packet::RawPacket { link, ..raw(start(), data) }, &mut h);
            }
        }
        e.finish(&mut h);
        assert_eq!((e.held(), e.flows()), (0, 0));
    }
    assert_eq!(tunnels, 10);
    let told = |f: fn(&Act) -> bool| whole.acts.iter().filter(|(_, a)| f(a)).count();
    assert_eq!(
        [told(|a| matches!(a, Act::SpanningTree(_))), told(|a| matches!(a, Act::Cdp(_))), told(|a| matches!(a, Act::Membership(_)))],
        [2, 1, 2]
    );
    assert_eq!(
        [told(|a| matches!(a, Act::RouterAdvertisement(_))), told(|a| matches!(a, Act::Echo(_))), told(|a| matches!(a, Act::Wlan(_)))],
        [1, 1, 3]
    );
    let (head, beacon) = whole.acts.iter().find_map(|(h, a)| if let Act::Wlan(w) = a { Some((h, w)) } else { None }).unwrap();
    assert_eq!(
        (beacon.ssid.as_deref(), beacon.channel, beacon.signal, beacon.bssid),
        (Some("shop"), Some(6), Some(-60), Some(Mac(mac(9))))
    );
    assert_eq!(head.client.mac, Some(Mac(mac(1))));
}

#[test]
fn every_captured_file_is_read_and_every_frame_of_a_conversation_is_told() {
    let Ok(root) = std::env::var("HINOMI_ORACLES") else {
        println!("skipped: HINOMI_ORACLES is not set");
        return;
    };
    let mut files = 0;
    let mut folders = vec![std::path::PathBuf::from(root).join("net")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "pcap") {
                let data = std::fs::read(&path).unwrap();
                files += usize::from(capture(&data));
            }
        }
    }
    assert!(files > 50, "{files}");
}

/// Reads a little-endian pcap; the real reader is crate `intake`, which this crate must not know.
fn capture(data: &[u8]) -> bool {
    let word = |at: usize| data.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
    if !matches!(word(0), Some(0xa1b2_c3d4 | 0xa1b2_3c4d)) {
        return false;
    }
    let link = LinkType(word(20).unwrap_or(0) as u16);
    let (mut e, mut c) = (engine(), Counted::default());
    let mut at = 24;
    while let (Some(s), Some(us), Some(len), Some(wire_len)) = (word(at), word(at + 4), word(at + 8), word(at + 12)) {
        let Some(bytes) = data.get(at + 16..(at + 16).saturating_add(len as usize)) else { break };
        let time = Time::from_unix(i64::from(s), us.saturating_mul(1000));
        e.packet(&wire::packet::RawPacket { link, wire_len, ..raw(time, bytes) }, &mut c);
        // Cut short, it must do no harm either.
        at += 16 + len as usize;
    }
    e.finish(&mut c);
    assert_eq!((e.flows(), e.held()), (0, 0));
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_under_every_link_type_do_no_harm(link in prop_oneof![Just(0u16), Just(1), Just(9), Just(12), Just(50), Just(51), Just(101), Just(104), Just(105), Just(108), Just(113), Just(119), Just(127), Just(163), Just(228), Just(229), Just(239), Just(253), Just(276), any::<u16>()], bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        wire::decode::fuzz_frame(link, &bytes);
        let (mut e, mut c) = (engine(), Counted::default());
        e.packet(&wire::packet::RawPacket { link: LinkType(link), ..raw(start(), &bytes) }, &mut c);
        e.finish(&mut c);
        prop_assert_eq!(e.held(), 0);
    }

    #[test]
    fn damaged_frames_do_no_harm(flips in proptest::collection::vec((0usize..200, any::<u8>()), 1..12), which in 0usize..6, cut in 0usize..200) {
        let dns = [&[0u8, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x03www\x07example\x03com\0\0\x01\0\x01"].concat();
        let v6 = {
            let body = udp_datagram(5353, 5353, &dns);
            let mut p = vec![0x60, 0, 0, 0];
            p.extend((body.len() as u16 + 8).to_be_bytes());
            p.extend([60, 255]);
            p.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb]);
            p.extend([17, 0, 1, 4, 0, 0, 0, 0]);
            p.extend(body);
            ethernet(mac(2), mac(1), 0x86dd, &p)
        };
        let vxlan = udp(true, 4789, &[&[8u8, 0, 0, 0, 0, 0, 1, 0][..], &tcp(true, 80, 1, 1, ACK, b"GET / HTTP/1.1\r\n\r\n")].concat());
        let mut frame = match which {
            0 => tcp(true, 80, 1, 1, ACK, b"GET / HTTP/1.1\r\n\r\n"),
            1 => udp(true, 53, &dns),
            2 => v6,
            3 => vxlan,
            4 => ethernet(mac(2), mac(1), 0x0800, &ipv4(A, B, 1, &[&[3u8, 1, 0, 0, 0, 0, 0, 0][..], &ipv4(B, A, 17, &udp_datagram(1, 2, b"x"))].concat())),
            _ => ethernet(mac(2), mac(1), 0x8847, &[&[0u8, 1, 1, 64][..], &ipv4(A, B, 17, &udp_datagram(1, 2, b"x"))].concat()),
        };
        for (at, value) in flips {
            let n = frame.len();
            frame[at % n] = value;
        }
        let (mut e, mut c) = (engine(), Counted::default());
        e.packet(&raw(start(), &frame), &mut c);
        e.packet(&raw(start(), &frame[..cut.min(frame.len())]), &mut c);
        e.finish(&mut c);
        prop_assert_eq!(e.held(), 0);
    }
}
