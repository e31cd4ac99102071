//! Conversations between two ends: handshakes, sequence numbers, acknowledgements and ends as a real stack makes them.

use super::frame::{self, ACK, FIN, Mac, PSH, RST, SYN};
use super::pcap::Tape;
use super::rng::Rng;
use std::net::Ipv4Addr;

/// A millisecond in the tape's unit.
pub const MS: i64 = 1_000_000;
/// A second.
pub const SEC: i64 = 1000 * MS;
/// A minute.
pub const MIN: i64 = 60 * SEC;
/// An hour.
pub const HOUR: i64 = 60 * MIN;
/// A day.
pub const DAY: i64 = 24 * HOUR;
/// Broadcast.
pub const ALL: Mac = [0xff; 6];

/// One end of a conversation as the sensor's segment shows it: an end outside has the router's hardware address.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Hardware address on this segment.
    pub mac: Mac,
    /// Internet address.
    pub ip: Ipv4Addr,
    /// Port.
    pub port: u16,
    /// Time to live when it passes the sensor.
    pub ttl: u8,
}

/// The wire, with the frames that passed.
pub struct Net {
    /// What passed.
    pub tape: Tape,
    /// Chance.
    pub rng: Rng,
    /// The VLAN in which what follows happens; 0: untagged.
    pub vlan: u16,
    id: u16,
}

impl Net {
    /// A quiet wire.
    pub fn new(rng: Rng) -> Net {
        Net { tape: Tape::default(), rng, vlan: 0, id: 1 }
    }

    fn packet(&mut self, at: i64, from: Side, to: Side, protocol: u8, payload: &[u8], keep: Option<usize>) {
        self.id = self.id.wrapping_add(1);
        let f = frame::ipv4((from.mac, to.mac), from.ip, to.ip, protocol, from.ttl, self.id, payload);
        match keep {
            Some(n) => self.tape.push_cut(at, &f, n),
            None => self.put(at, &f),
        }
    }

    /// A frame, in the VLAN of the hour.
    pub fn put(&mut self, at: i64, frame: &[u8]) {
        match self.vlan {
            0 => self.tape.push(at, frame),
            vlan => self.tape.push(at, &frame::tagged(frame, vlan)),
        }
    }

    /// A datagram.
    pub fn udp(&mut self, at: i64, from: Side, to: Side, payload: &[u8]) {
        let d = frame::udp((from.ip, from.port), (to.ip, to.port), payload);
        self.packet(at, from, to, 17, &d, None);
    }

    /// An echo message (RFC 792) with its identifier and sequence number.
    pub fn echo(&mut self, at: i64, from: Side, to: Side, (id, sequence): (u16, u16), payload: &[u8], reply: bool) {
        let mut m = vec![if reply { 0 } else { 8 }, 0, 0, 0];
        m.extend_from_slice(&id.to_be_bytes());
        m.extend_from_slice(&sequence.to_be_bytes());
        m.extend_from_slice(payload);
        let sum = frame::checksum(&[&m]);
        m[2..4].copy_from_slice(&sum.to_be_bytes());
        self.packet(at, from, to, 1, &m, None);
    }

    /// A datagram of which only the first bytes of the frame were captured.
    pub fn udp_cut(&mut self, at: i64, from: Side, to: Side, payload: &[u8], keep: usize) {
        let d = frame::udp((from.ip, from.port), (to.ip, to.port), payload);
        self.packet(at, from, to, 17, &d, Some(keep));
    }

    /// A broadcast or multicast datagram.
    pub fn shout(&mut self, at: i64, from: Side, mac: Mac, ip: Ipv4Addr, port: u16, payload: &[u8]) {
        // Multicast DNS asks for a time to live of 255 (RFC 6762, 11).
        let from = if port == 5353 { Side { ttl: 255, ..from } } else { from };
        self.udp(at, from, Side { mac, ip, port, ttl: 255 }, payload);
    }

    /// An ARP question, and its answer where there is one.
    pub fn ask(&mut self, at: i64, who: (Mac, Ipv4Addr), about: Ipv4Addr, answer: Option<Mac>) {
        self.put(at, &frame::arp((who.0, ALL), 1, who, ([0; 6], about)));
        if let Some(mac) = answer {
            self.put(at + MS / 3, &frame::arp((mac, who.0), 2, (mac, about), who));
        }
    }

    /// A conversation that begins: the three-way handshake.
    pub fn connect(&mut self, at: i64, client: Side, server: Side) -> Conn {
        let (cs, ss) = (self.rng.bits() as u32, self.rng.bits() as u32);
        let mut c =
            Conn { client, server, up: cs, down: ss, at, round: if client.ttl == 64 && server.ttl == 64 { MS / 2 } else { 9 * MS } };
        c.send(self, true, SYN, &[], None);
        c.send(self, false, SYN | ACK, &[], None);
        c.send(self, true, ACK, &[], None);
        c
    }

    /// A conversation that the other end refuses.
    pub fn refused(&mut self, at: i64, client: Side, server: Side) {
        let seq = self.rng.bits() as u32;
        let syn = frame::tcp((client.ip, client.port), (server.ip, server.port), seq, 0, SYN, &[]);
        self.packet(at, client, server, 6, &syn, None);
        let rst = frame::tcp((server.ip, server.port), (client.ip, client.port), 0, seq.wrapping_add(1), RST | ACK, &[]);
        self.packet(at + MS / 3, server, client, 6, &rst, None);
    }

    /// A conversation that nobody answers, asked so many times.
    pub fn unanswered(&mut self, at: i64, client: Side, server: Side, times: i64) {
        let seq = self.rng.bits() as u32;
        for i in 0..times {
            let syn = frame::tcp((client.ip, client.port), (server.ip, server.port), seq, 0, SYN, &[]);
            self.packet(at + ((1 << i) - 1) * SEC, client, server, 6, &syn, None);
        }
    }
}

/// A TCP conversation.
#[derive(Clone, Copy, Debug)]
pub struct Conn {
    client: Side,
    server: Side,
    up: u32,
    down: u32,
    /// Time of the last frame.
    pub at: i64,
    round: i64,
}

impl Conn {
    fn send(&mut self, net: &mut Net, up: bool, flags: u8, payload: &[u8], keep: Option<usize>) {
        let (from, to) = if up { (self.client, self.server) } else { (self.server, self.client) };
        let (seq, ack) = if up { (self.up, self.down) } else { (self.down, self.up) };
        let ack = if flags & ACK == 0 { 0 } else { ack };
        let s = frame::tcp((from.ip, from.port), (to.ip, to.port), seq, ack, flags, payload);
        net.packet(self.at, from, to, 6, &s, keep);
        let moved = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        if up {
            self.up = self.up.wrapping_add(moved);
        } else {
            self.down = self.down.wrapping_add(moved);
        }
        self.at += self.round;
    }

    fn message(&mut self, net: &mut Net, up: bool, bytes: &[u8]) {
        for chunk in bytes.chunks(1460) {
            self.send(net, up, PSH | ACK, chunk, None);
        }
        self.send(net, !up, ACK, &[], None);
    }

    /// The client speaks, the server acknowledges.
    pub fn say(&mut self, net: &mut Net, bytes: &[u8]) -> &mut Conn {
        self.message(net, true, bytes);
        self
    }
    /// The server speaks, the client acknowledges.
    pub fn hear(&mut self, net: &mut Net, bytes: &[u8]) -> &mut Conn {
        self.message(net, false, bytes);
        self
    }
    /// A question whose answer carries the acknowledgement; the client acknowledges the answer.
    pub fn exchange(&mut self, net: &mut Net, question: &[u8], answer: &[u8]) -> &mut Conn {
        self.send(net, true, PSH | ACK, question, None);
        self.send(net, false, PSH | ACK, answer, None);
        self.send(net, true, ACK, &[], None);
        self
    }
    /// The client's last message again with other contents in its place: the acknowledgements and what follows do not change.
    pub fn contradict(&mut self, net: &mut Net, bytes: &[u8]) -> &mut Conn {
        let up = self.up;
        self.up = up.wrapping_sub(bytes.len() as u32);
        self.send(net, true, PSH | ACK, bytes, None);
        self.up = up;
        self
    }
    /// Time passes.
    pub fn wait(&mut self, time: i64) -> &mut Conn {
        self.at += time;
        self
    }
    /// Bulk data from the client, captured without its bulk, spread over a time.
    pub fn bulk(&mut self, net: &mut Net, bytes: usize, over: i64) -> &mut Conn {
        self.pour(net, true, bytes, over)
    }
    /// Bulk data from the server, in the same way.
    pub fn fetch(&mut self, net: &mut Net, bytes: usize, over: i64) -> &mut Conn {
        self.pour(net, false, bytes, over)
    }
    fn pour(&mut self, net: &mut Net, up: bool, bytes: usize, over: i64) -> &mut Conn {
        let payload = vec![0xd7; 1460];
        let frames = (bytes / 1460).max(1);
        let round = std::mem::replace(&mut self.round, over / (frames as i64 + frames as i64 / 8 + 1));
        for i in 0..frames {
            self.send(net, up, ACK, &payload, Some(54));
            if i % 8 == 7 {
                self.send(net, !up, ACK, &[], None);
            }
        }
        self.round = round;
        self
    }
    /// Both ends close.
    pub fn close(&mut self, net: &mut Net) -> i64 {
        self.send(net, true, FIN | ACK, &[], None);
        self.send(net, false, FIN | ACK, &[], None);
        self.send(net, true, ACK, &[], None);
        self.at
    }
}
