//! The packet path: decode, flow, stream, protocol, acts.
//!
//! One frame goes down [`Engine::packet`] as far as its headers lead: link layer, Internet layer (through [`crate::frag`] where it comes in
//! pieces), transport, and the same again inside tunnels, to a bounded depth. Every transport finds its conversation in
//! [`crate::flow`]; TCP data is put in order by [`crate::tcp`]; content goes to [`crate::app`], which finds the protocol and feeds
//! its parser. What is meaning already on the lower layers (ARP, neighbour discovery, ICMP errors, LLDP, addresses seen) is told here.
//!
//! Time-outs go by the engine's own clock ([`crate::clock`]), so that capture clocks that jump neither end everything nor keep everything.
//! The steady state allocates nothing: tables grow to their size and are used again, parsers and buffers are recycled.

mod config;
mod echo;
mod local;
mod network;
mod seldom;
mod tcp;
mod truths;

pub use config::{Config, Counters};

use crate::app::{Apps, Content, Env};
use crate::clock::Clock;
use crate::decode::ip::{Ip, Udp};
use crate::decode::{link, tunnel};
use crate::facts::{FrameFacts, Layers, Opened};
use crate::flow::{Class, Key, Start, Table};
use crate::frag::Fragments;
use crate::observe::{AGAIN, Observations};
use crate::packet::RawPacket;
use crate::parse::{Dir, Options, PROTOCOLS};
use crate::sink::Sink;
use crate::tcp::{Holds, Piece};
use model::activity::{Head, Lldp, Protocol};
use model::coverage::Truths;
use model::flow::{FlowEnd, FlowState};
use model::observation::Via;
use model::{Mac, Segment, Span, Time, Transport};
use std::net::IpAddr;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// A repeated SYN within this is the same frame captured twice.
const TWICE: Span = Span::millis(100);
/// Engine time between two looks at the time-outs.
const TICK: i64 = 100_000_000;
/// Conversations ended, and parts told, in one look; the rest waits for the next frame.
const BATCH: u32 = 2048;

/// What the layers above a packet said.
#[derive(Clone, Copy)]
struct Around {
    time: Time,
    now: i64,
    segment: Segment,
    src: Option<Mac>,
    dst: Option<Mac>,
    /// Frames and bytes that this packet came in: more than one where it was in fragments, none where it is a copy of one just seen.
    packets: u64,
    bytes: u64,
    depth: u8,
}

/// Reads frames; see the module's essay.
pub struct Engine {
    config: Config,
    options: Options,
    counters: Counters,
    clock: Clock,
    now: i64,
    looked: i64,
    table: Table,
    fragments: Fragments,
    holds: Holds,
    apps: Apps,
    seen: Observations,
    facts: FrameFacts,
    lldp: Lldp,
    readers: local::Readers,
    seldom: seldom::Seldom,
    echoes: echo::Echoes,
    watch: truths::Watch,
    /// A second of engine time and the contradicting fragments told in it.
    conflicts: (i64, u8),
    /// One bit for each port at which a server is usually met.
    known_ports: Box<[u64; 1024]>,
}

/// Server ports of protocols that have no parser yet, for telling client and server apart.
const WELL_KNOWN: &[u16] = &[
    102, 161, 162, 389, 445, 502, 554, 636, 1433, 1521, 1883, 1900, 2222, 2404, 3268, 3306, 3389, 3702, 4840, 5000, 5001, 5006, 5007, 5060,
    5222, 5432, 5683, 5900, 5985, 5986, 6379, 8000, 8008, 8080, 8443, 8883, 9100, 9200, 9600, 20000, 34964, 44818, 47808, 48898,
];

impl Engine {
    /// A new engine with empty tables.
    pub fn new(config: Config, options: Options) -> Self {
        Engine::with_protocols(config, options, PROTOCOLS)
    }

    /// A new engine that asks other protocols than the built-in ones.
    pub fn with_protocols(config: Config, options: Options, protocols: &'static [crate::parse::Spec]) -> Self {
        let mut known_ports = Box::new([0u64; 1024]);
        for port in protocols.iter().flat_map(|p| p.ports).chain(WELL_KNOWN) {
            if let Some(word) = known_ports.get_mut(usize::from(port >> 6)) {
                *word |= 1 << (port & 63);
            }
        }
        let seed = config.hash_seed;
        Engine {
            counters: Counters::default(),
            clock: Clock::default(),
            now: 0,
            looked: 0,
            table: Table::new(config.max_flows, seed),
            fragments: Fragments::new(config.max_fragment_bytes, config.max_fragments, seed),
            holds: Holds::new(config.max_hold_bytes, config.max_stream_bytes / 2),
            apps: Apps::new(protocols, config.max_pending_bytes, config.max_stream_bytes / 2, config.max_parsers),
            seen: Observations::new(config.max_observations, seed),
            facts: FrameFacts::new(),
            lldp: Lldp::default(),
            readers: local::Readers::default(),
            seldom: seldom::Seldom::new(seed),
            echoes: echo::Echoes::new(seed),
            watch: truths::Watch::new(seed),
            conflicts: (0, 0),
            known_ports,
            config,
            options,
        }
    }

    /// Reads one frame and tells `sink` what it meant.
    pub fn packet(&mut self, raw: &RawPacket<'_>, sink: &mut dyn Sink) {
        self.counters.packets += 1;
        self.counters.bytes += u64::from(raw.wire_len);
        self.now = self.clock.tick(raw.time);
        self.facts.begin(raw);
        if raw.wire_len as usize > raw.data.len() {
            self.facts.layers.add(Layers::CUT);
            self.watch.truths.cut += 1;
        }
        let tag = raw.vlan.map(|v| v & 0x0fff);
        if let Some(tag) = tag {
            self.facts.vlans.push(tag);
            self.watch.truths.vlan_stripped += 1;
        }
        match link::frame(raw.link, raw.data, &mut self.facts) {
            Ok(frame) => {
                let vlan = tag.filter(|v| *v != 0).unwrap_or(frame.vlan);
                let around = Around {
                    time: raw.time,
                    now: self.now,
                    segment: Segment { sensor: raw.sensor, vlan },
                    src: frame.src,
                    dst: frame.dst,
                    packets: 1,
                    bytes: u64::from(raw.wire_len),
                    depth: 0,
                };
                self.net(frame.net, around, sink);
            }
            Err(_) => self.facts.layers.add(Layers::DAMAGED),
        }
        // What the snap length took away is no error of the frame.
        if self.facts.layers.has(Layers::DAMAGED) && !self.facts.layers.has(Layers::CUT) {
            self.counters.decode_errors += 1;
        }
        sink.frame(&self.facts);
        self.look(sink);
    }

    /// Lets time pass while the line is silent: ends what is idle and tells parts that are due.
    pub fn advance(&mut self, now: Time, sink: &mut dyn Sink) {
        self.now = self.clock.tick(now);
        self.fragments.expire(self.now);
        self.look(sink);
    }

    /// The capture is over: tells everything that is still half told and empties the tables.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        while let Some(slot) = self.table.any() {
            let idle = {
                let e = self.table.at(slot);
                e.seen.saturating_add(e.class.timeout().0) <= self.now
            };
            self.end(slot, if idle { FlowEnd::Idle } else { FlowEnd::Stopped }, sink);
        }
        self.fragments.expire(i64::MAX);
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        Counters {
            datagrams_reassembled: self.fragments.counters.reassembled,
            fragments_evicted: self.fragments.counters.evicted,
            fragments_refused: self.fragments.counters.refused,
            observations_evicted: self.seen.evicted,
            clock_jumps: self.clock.jumps,
            bytes_dropped: self.apps.dropped,
            parsers_refused: self.apps.refused,
            parsers_evicted: self.apps.evicted,
            echoes_evicted: self.echoes.evicted,
            repeats_evicted: self.seldom.evicted,
            ..self.counters
        }
    }

    /// What the mirror port and the cards behind it do to frames, counted since the start.
    pub fn truths(&self) -> Truths {
        self.watch.truths
    }

    /// Conversations in the table now.
    pub fn flows(&self) -> usize {
        self.table.len()
    }

    /// Bytes that streams and fragments hold back now.
    pub fn held(&self) -> usize {
        self.holds.held() + self.apps.held() + self.fragments.held()
    }

    fn look(&mut self, sink: &mut dyn Sink) {
        if self.now - self.looked < TICK {
            return;
        }
        let mut left = BATCH;
        while let Some(slot) = self.table.idle(self.now) {
            let closed = self.table.at(slot).class == Class::Closed;
            self.end(slot, if closed { FlowEnd::Ended } else { FlowEnd::Idle }, sink);
            left -= 1;
            if left == 0 {
                return;
            }
        }
        while let Some(slot) = self.table.attempt_due(self.now) {
            self.part(slot, FlowEnd::Interim, sink);
            left -= 1;
            if left == 0 {
                return;
            }
        }
        while let Some(slot) = self.table.part_due(self.now) {
            self.part(slot, FlowEnd::Interim, sink);
            left -= 1;
            if left == 0 {
                return;
            }
        }
        self.looked = self.now;
    }

    /// Tells the end of a conversation and takes it out of the table.
    fn end(&mut self, slot: u32, why: FlowEnd, sink: &mut dyn Sink) {
        let e = self.table.at(slot);
        let mut content = e.content;
        if let Content::Echo(place) = content {
            self.tell_echo(slot, place, sink);
            self.echoes.close(place);
        } else if let Content::Open(_) = content {
            let mut half = e.half;
            let (client, server) = e.ends();
            let head =
                Head { flow: e.id, segment: e.segment(), time: e.last, transport: e.transport(), protocol: Protocol::Dns, client, server };
            let mut gaps = 0;
            let mut env = Env { head, sink: &mut *sink, options: &self.options, completed: &mut self.facts.completed };
            for (dir, half) in [Dir::Up, Dir::Down].into_iter().zip(&mut half) {
                let apps = &mut self.apps;
                let mut found = None;
                half.flush(&mut self.holds, &mut |piece| match piece {
                    Piece::Data(bytes) => found = apps.data(&mut content, dir, bytes, &mut env).or(found),
                    Piece::Gap(n) => {
                        gaps += 1;
                        apps.gap(&mut content, dir, n, &mut env);
                    }
                    Piece::End => {}
                });
                let e = self.table.at(slot);
                e.protocol = e.protocol.or(found);
            }
            self.apps.end(&mut content, &mut env);
            self.counters.reassembly_gaps += gaps;
            self.table.at(slot).gaps += gaps as u32;
        } else {
            for half in &mut e.half {
                half.forget(&mut self.holds);
            }
        }
        self.judge(slot);
        let flow = self.table.tell(slot, why);
        self.table.close(slot);
        // Of an attempt that was told there is nothing more to say where nothing more came.
        let silent = flow.part > 0 && flow.state == FlowState::Attempted && flow.up.packets + flow.down.packets == 0;
        if !(silent && flow.transport == Transport::Tcp) {
            sink.flow(&flow);
        }
    }

    /// Tells a part of a conversation that goes on.
    fn part(&mut self, slot: u32, why: FlowEnd, sink: &mut dyn Sink) {
        if let Content::Echo(place) = self.table.at(slot).content {
            self.tell_echo(slot, place, sink);
        }
        self.judge(slot);
        let flow = self.table.tell(slot, why);
        sink.flow(&flow);
    }

    /// Counts, once for each TCP conversation that got anywhere, whether both directions were seen.
    fn judge(&mut self, slot: u32) {
        let e = self.table.at(slot);
        if e.parts > 0 || e.transport() != Transport::Tcp || !(e.tcp.spoke[0] || e.tcp.spoke[1]) {
            return;
        }
        match e.packets {
            [0, n] | [n, 0] if n >= 3 => self.watch.truths.one_way += 1,
            [up, down] if up > 0 && down > 0 => self.watch.truths.both_ways += 1,
            _ => {}
        }
    }

    /// Tells the echo messages of a conversation since the last time.
    fn tell_echo(&mut self, slot: u32, place: u32, sink: &mut dyn Sink) {
        let Some(act) = self.echoes.tell(place) else { return };
        let e = self.table.at(slot);
        let (client, server) = e.ends();
        let transport = e.transport();
        let protocol = if transport == Transport::Icmpv6 { Protocol::Icmpv6 } else { Protocol::Icmp };
        let head = Head { flow: e.id, segment: e.segment(), time: e.last, transport, protocol, client, server };
        sink.activity(&head, model::ActRef::Echo(&act));
    }

    fn observe(&mut self, around: &Around, mac: Option<Mac>, ip: Option<IpAddr>, via: Via, sink: &mut dyn Sink) {
        if let Some(news) = self.seen.is_news(around.segment, mac, ip, via, around.now) {
            sink.observation(around.time, &news);
        }
    }

    fn is_known_port(&self, port: u16) -> bool {
        self.known_ports.get(usize::from(port >> 6)).is_some_and(|w| w >> (port & 63) & 1 != 0)
    }

    /// Whether the source of the first frame is the client, judged by ports alone: a known server port, else one below 1024, tells the
    /// server; otherwise who spoke first is the client.
    fn source_is_client(&self, from: u16, to: u16) -> bool {
        match (self.is_known_port(from), self.is_known_port(to)) {
            (true, false) => false,
            (false, true) => true,
            _ => !(from < 1024 && to >= 1024),
        }
    }

    /// Enters a conversation; makes room where the table is full.
    fn open(&mut self, start: Start, sink: &mut dyn Sink) -> u32 {
        while self.table.is_full()
            && let Some(victim) = self.table.victim()
        {
            // A closed one has ended already; nothing is lost by telling it early.
            let closed = self.table.at(victim).class == Class::Closed;
            if !closed {
                self.counters.flows_evicted += 1;
            }
            self.end(victim, if closed { FlowEnd::Ended } else { FlowEnd::Evicted }, sink);
        }
        self.counters.flows += 1;
        self.table.open(start)
    }

    /// Finds a conversation, unless it is over by the capture's own time.
    fn find(&mut self, key: &Key, hash: u64, time: Time, sink: &mut dyn Sink) -> Option<u32> {
        let slot = self.table.find(key, hash)?;
        let e = self.table.at(slot);
        if time.since(e.last) > e.class.timeout() {
            let why = if e.class == Class::Closed { FlowEnd::Ended } else { FlowEnd::Idle };
            self.end(slot, why, sink);
            return None;
        }
        Some(slot)
    }

    /// Counts a frame of a conversation and tells its sender when that is due. `ip` is the source, where it can be one device's.
    #[inline]
    fn count(&mut self, slot: u32, dir: usize, around: &Around, ip: Option<IpAddr>, flags: u8, sink: &mut dyn Sink) {
        self.table.count(slot, dir, around.time, around.now, around.packets, around.bytes, flags);
        let e = self.table.at(slot);
        let src = around.src.unwrap_or(Mac::ZERO);
        let due = e.mac[dir & 1] != src || around.now.saturating_sub(e.observed[dir & 1]) >= AGAIN.0;
        if e.packets[dir & 1] == around.packets || due {
            if src.is_device() {
                e.mac[dir & 1] = src;
            }
            if let Some(dst) = around.dst.filter(|d| *d != Mac::ZERO)
                && e.mac[1 - (dir & 1)] == Mac::ZERO
            {
                e.mac[1 - (dir & 1)] = dst;
            }
        }
        if due {
            e.observed[dir & 1] = around.now;
            match around.src {
                Some(mac) if mac.is_device() => self.observe(around, Some(mac), ip, Via::Frame, sink),
                None if around.depth == 0 && ip.is_some() => self.observe(around, None, ip, Via::Frame, sink),
                _ => {}
            }
        }
    }

    /// A conversation without ports.
    fn plain(&mut self, packet: &Ip<'_>, transport: Transport, around: Around, sink: &mut dyn Sink) -> u32 {
        let (key, forward) = Key::ip(around.segment, transport, (packet.src, 0), (packet.dst, 0));
        self.connectionless(key, forward, true, model::net::is_unicast(packet.dst), Some(packet.src), &around, sink)
    }

    fn ether(&mut self, kind: u16, around: Around, sink: &mut dyn Sink) {
        let (Some(src), Some(dst)) = (around.src, around.dst) else { return };
        let (key, forward) = Key::ether(around.segment, kind, src, dst);
        self.connectionless(key, forward, true, !dst.is_group(), None, &around, sink);
    }

    #[allow(clippy::too_many_arguments)]
    fn connectionless(
        &mut self,
        key: Key,
        forward: bool,
        from_client: bool,
        answerable: bool,
        src: Option<IpAddr>,
        around: &Around,
        sink: &mut dyn Sink,
    ) -> u32 {
        let hash = key.hash(self.table.seed());
        let slot = match self.find(&key, hash, around.time, sink) {
            Some(slot) => slot,
            None => self.open(
                Start {
                    key,
                    hash,
                    client_is_a: forward == from_client,
                    answerable,
                    time: around.time,
                    now: around.now,
                    state: if answerable && from_client { FlowState::Attempted } else { FlowState::Partial },
                    class: Class::Datagram,
                },
                sink,
            ),
        };
        let e = self.table.at(slot);
        let dir = usize::from(e.client_is_a != forward);
        if e.packets[1 - dir] > 0 && matches!(e.state, FlowState::Attempted | FlowState::Partial) {
            e.state = FlowState::Established;
        }
        let ip = src.filter(|ip| model::net::is_unicast(*ip));
        self.count(slot, dir, around, ip, 0, sink);
        slot
    }

    fn udp(&mut self, packet: &Ip<'_>, udp: &Udp<'_>, mut around: Around, sink: &mut dyn Sink) {
        self.facts.layers.add(Layers::UDP);
        let unicast = model::net::is_unicast(packet.dst) && !around.dst.is_some_and(Mac::is_group);
        let (key, forward) = Key::ip(around.segment, Transport::Udp, (packet.src, udp.from), (packet.dst, udp.to));
        let from_client = !unicast || self.source_is_client(udp.from, udp.to);
        let opened = self.counters.flows;
        let slot = self.connectionless(key, forward, from_client, unicast, Some(packet.src), &around, sink);
        let e = self.table.at(slot);
        let dir = if e.client_is_a == forward { Dir::Up } else { Dir::Down };
        if self.counters.flows != opened {
            self.facts.opened.push(Opened {
                flow: e.id,
                transport: Transport::Udp,
                from: (packet.src, udp.from),
                to: (packet.dst, udp.to),
                tcp_flags: 0,
                tcp_seq: 0,
                reused: false,
            });
        }
        if e.content != Content::Closed && around.packets > 0 {
            let (client, server) = e.ends();
            let head = Head {
                flow: e.id,
                segment: around.segment,
                time: around.time,
                transport: Transport::Udp,
                protocol: Protocol::Dns,
                client,
                server,
            };
            let mut content = e.content;
            let mut env = Env { head, sink: &mut *sink, options: &self.options, completed: &mut self.facts.completed };
            let found = self.apps.datagram(&mut content, dir, udp.payload, &mut env);
            let e = self.table.at(slot);
            e.content = content;
            e.protocol = e.protocol.or(found);
        } else if around.packets == 0
            && e.content != Content::Closed
            && let Some(protocol) = e.protocol
        {
            // A copy is not read again, but the frame does hold the protocol.
            self.facts.completed.insert(protocol);
        }
        if let Some(net) = tunnel::in_udp(udp) {
            around.depth += 1;
            around.src = None;
            around.dst = None;
            self.facts.layers.add(Layers::TUNNEL);
            self.net(net, around, sink);
        }
    }
}
