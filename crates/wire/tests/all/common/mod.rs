//! Frames made by hand, and a sink that writes down what it hears.
#![allow(dead_code, clippy::too_many_arguments)]

use model::activity::Head;
use model::{Act, ActRef, Flow, Observation, SourceId, Time};
use std::net::Ipv4Addr;
use wire::facts::FrameFacts;
use wire::packet::{LinkType, RawPacket};
use wire::parse::Options;
use wire::sink::Sink;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

#[derive(Default)]
pub struct Heard {
    pub flows: Vec<Flow>,
    pub acts: Vec<(Head, Act)>,
    pub observations: Vec<Observation>,
    pub frames: Vec<FrameFacts>,
}

impl Sink for Heard {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        self.acts.push((*head, act.to_owned()));
    }
    fn flow(&mut self, flow: &Flow) {
        self.flows.push(*flow);
    }
    fn observation(&mut self, _time: Time, observation: &Observation) {
        self.observations.push(*observation);
    }
    fn frame(&mut self, facts: &FrameFacts) {
        self.frames.push(*facts);
    }
}

/// Counts, keeps nothing.
#[derive(Default)]
pub struct Counted {
    pub flows: u64,
    pub packets: u64,
    pub acts: u64,
    pub observations: u64,
}

impl Sink for Counted {
    fn activity(&mut self, _head: &Head, _act: ActRef<'_>) {
        self.acts += 1;
    }
    fn flow(&mut self, flow: &Flow) {
        self.flows += 1;
        self.packets += flow.up.packets + flow.down.packets;
    }
    fn observation(&mut self, _time: Time, _observation: &Observation) {
        self.observations += 1;
    }
}

pub fn options() -> Options {
    Options { secret_key: [7; 32], raw_targets: false, is_default: |_, _| false }
}

pub fn raw(time: Time, data: &[u8]) -> RawPacket<'_> {
    RawPacket { time, sensor: SourceId(1), link: LinkType::ETHERNET, wire_len: data.len() as u32, vlan: None, data }
}

pub fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, last]
}

pub fn ethernet(dst: [u8; 6], src: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&dst[..], &src, &kind.to_be_bytes(), payload].concat()
}

pub fn ipv4(src: u32, dst: u32, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_piece(src, dst, protocol, 1, 0, false, payload)
}

pub fn ipv4_piece(src: u32, dst: u32, protocol: u8, id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut p = vec![0x45, 0];
    p.extend(((20 + payload.len()) as u16).to_be_bytes());
    p.extend(id.to_be_bytes());
    p.extend(((offset / 8) | if more { 0x2000 } else { 0 }).to_be_bytes());
    p.extend([64, protocol, 0, 0]);
    p.extend(Ipv4Addr::from_bits(src).octets());
    p.extend(Ipv4Addr::from_bits(dst).octets());
    p.extend(payload);
    p
}

pub fn tcp_segment(from: u16, to: u16, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut p = Vec::new();
    p.extend(from.to_be_bytes());
    p.extend(to.to_be_bytes());
    p.extend(seq.to_be_bytes());
    p.extend(ack.to_be_bytes());
    p.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    p.extend(payload);
    p
}

pub fn udp_datagram(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut p = Vec::new();
    p.extend(from.to_be_bytes());
    p.extend(to.to_be_bytes());
    p.extend(((8 + payload.len()) as u16).to_be_bytes());
    p.extend([0, 0]);
    p.extend(payload);
    p
}

pub const A: u32 = 0xc0a8_0101;
pub const B: u32 = 0xc0a8_0102;

/// A TCP frame between hosts 192.168.1.1 (A) and .2 (B); `up` is from A:40000 to B:`port`.
pub fn tcp(up: bool, port: u16, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    if up {
        ethernet(mac(2), mac(1), 0x0800, &ipv4(A, B, 6, &tcp_segment(40000, port, seq, ack, flags, payload)))
    } else {
        ethernet(mac(1), mac(2), 0x0800, &ipv4(B, A, 6, &tcp_segment(port, 40000, seq, ack, flags, payload)))
    }
}

pub fn udp(up: bool, port: u16, payload: &[u8]) -> Vec<u8> {
    if up {
        ethernet(mac(2), mac(1), 0x0800, &ipv4(A, B, 17, &udp_datagram(40000, port, payload)))
    } else {
        ethernet(mac(1), mac(2), 0x0800, &ipv4(B, A, 17, &udp_datagram(port, 40000, payload)))
    }
}

/// A handshake; sequence numbers 1000 and 2000.
pub fn handshake(port: u16) -> Vec<Vec<u8>> {
    vec![tcp(true, port, 1000, 0, SYN, b""), tcp(false, port, 2000, 1001, SYN | ACK, b""), tcp(true, port, 1001, 2001, ACK, b"")]
}

pub fn start() -> Time {
    Time::from_unix(1_700_000_000, 0)
}
