//! The packet path: decode, flow, stream, protocol, acts.
//!
//! One frame goes down [`Engine::packet`] as far as its headers lead: link layer, Internet layer (through [`crate::frag`] where it comes in
//! pieces), transport, and the same again inside tunnels, to a bounded depth. Every transport finds its conversation in
//! [`crate::flow`]; TCP data is put in order by [`crate::tcp`]; content goes to [`crate::app`], which finds the protocol and feeds
//! its parser. What is meaning already on the lower layers (ARP, neighbour discovery, ICMP errors, LLDP, addresses seen) is told here.
//!
//! Time-outs go by the engine's own clock ([`crate::clock`]), so that capture clocks that jump neither end everything nor keep everything.
//! The steady state allocates nothing: tables grow to their size and are used again, parsers and buffers are recycled.

use crate::app::{Apps, Content, Env};
use crate::clock::Clock;
use crate::decode::ip::{self, Carried, Ip, Tcp, Udp};
use crate::decode::{Net, icmp, link, tunnel};
use crate::facts::{FrameFacts, Layers, Opened};
use crate::flow::{Class, Key, Start, Table};
use crate::frag::Fragments;
use crate::observe::{AGAIN, Observations};
use crate::packet::RawPacket;
use crate::parse::{Dir, Options, PROTOCOLS};
use crate::sink::Sink;
use crate::tcp::{Holds, Piece, Segment as TcpSegment};
use model::activity::{Head, Lldp, Neighbour, Protocol, Unreachable};
use model::flow::{FlowEnd, FlowState};
use model::observation::Via;
use model::{ActRef, Endpoint, FlowId, Mac, Segment, Span, Time, Transport};
use std::net::IpAddr;

/// Bounds of the engine's memory. Every one is a ceiling; nothing is taken before it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Conversations in the table at once; about 400 bytes each. The oldest idle ones are let go first, half-open ones before
    /// established ones.
    pub max_flows: usize,
    /// Bytes that all streams together may hold back: out of order, or not yet used by a parser.
    pub max_stream_bytes: usize,
    /// Bytes that one direction of one stream may hold back out of order.
    pub max_hold_bytes: usize,
    /// Bytes that one direction of one conversation may keep for a parser that waits for more.
    pub max_pending_bytes: usize,
    /// Bytes that unfinished IP fragments may hold together.
    pub max_fragment_bytes: usize,
    /// Unfinished IP datagrams at once.
    pub max_fragments: usize,
    /// Addresses remembered as already told; about 80 bytes each.
    pub max_observations: usize,
    /// Headers inside headers (tunnels and quoted packets) before the rest of a frame is left unread.
    pub max_depth: u8,
    /// Drawn at random by the caller at start, so that nobody outside can make keys collide on purpose.
    pub hash_seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_flows: 200_000,
            max_stream_bytes: 64 << 20,
            max_hold_bytes: 512 << 10,
            max_pending_bytes: 64 << 10,
            max_fragment_bytes: 8 << 20,
            max_fragments: 4096,
            max_observations: 131_072,
            max_depth: 8,
            hash_seed: 0x9e37_79b9_7f4a_7c15,
        }
    }
}

/// What the engine counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames read.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Frames with a layer that could not be read.
    pub decode_errors: u64,
    /// Conversations opened.
    pub flows: u64,
    /// Conversations let go because the table was full.
    pub flows_evicted: u64,
    /// Holes in TCP streams that were not filled in time.
    pub reassembly_gaps: u64,
    /// Bytes of streams that were let go unread because of a bound.
    pub bytes_dropped: u64,
    /// Frames with more tunnels inside each other than `max_depth`.
    pub tunnel_depth_exceeded: u64,
    /// IP datagrams put together from fragments.
    pub datagrams_reassembled: u64,
    /// Unfinished IP datagrams let go because of a bound or time.
    pub fragments_evicted: u64,
    /// Fragments refused because they contradict others of their datagram.
    pub fragments_refused: u64,
    /// Remembered addresses let go because the table was full.
    pub observations_evicted: u64,
    /// Times at which the capture clock jumped and was followed.
    pub clock_jumps: u64,
}

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
    /// Frames and bytes that this packet came in: more than one where it was in fragments.
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
            apps: Apps::new(protocols, config.max_pending_bytes, config.max_stream_bytes / 2),
            seen: Observations::new(config.max_observations, seed),
            facts: FrameFacts::new(),
            lldp: Lldp::default(),
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
        }
        let tag = raw.vlan.map(|v| v & 0x0fff);
        if let Some(tag) = tag {
            self.facts.vlans.push(tag);
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
        if self.facts.layers.has(Layers::DAMAGED) {
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
            ..self.counters
        }
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
        while let Some(slot) = self.table.part_due(self.now) {
            let flow = self.table.tell(slot, FlowEnd::Interim);
            sink.flow(&flow);
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
        if let Content::Open(_) = content {
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
        let flow = self.table.tell(slot, why);
        self.table.close(slot);
        sink.flow(&flow);
    }

    fn observe(&mut self, around: &Around, mac: Option<Mac>, ip: Option<IpAddr>, via: Via, sink: &mut dyn Sink) {
        if let Some(news) = self.seen.is_news(around.segment, mac, ip, via, around.now) {
            sink.observation(around.time, &news);
        }
    }

    fn net(&mut self, net: Net<'_>, mut around: Around, sink: &mut dyn Sink) {
        if around.depth > self.config.max_depth {
            self.counters.tunnel_depth_exceeded += 1;
            return;
        }
        match net {
            Net::Ip(bytes) => self.ip(bytes, around, sink),
            Net::Arp(bytes) => self.arp(bytes, around, sink),
            Net::Lldp(bytes) => {
                self.observe_frame(&around, sink);
                if crate::proto::lldp::parse(bytes, &mut self.lldp) {
                    let head = Self::head(&around, Transport::Ether(link::ethertype::LLDP), Protocol::Lldp);
                    sink.activity(&head, ActRef::Lldp(&self.lldp));
                    self.facts.completed.insert(Protocol::Lldp);
                } else {
                    self.facts.layers.add(Layers::DAMAGED);
                }
            }
            Net::Ethernet(bytes) => match link::ethernet(bytes, &mut self.facts) {
                Ok(frame) => {
                    around.depth += 1;
                    around.src = frame.src;
                    around.dst = frame.dst;
                    if around.segment.vlan == 0 {
                        around.segment.vlan = frame.vlan;
                    }
                    self.net(frame.net, around, sink);
                }
                Err(_) => self.facts.layers.add(Layers::DAMAGED),
            },
            Net::Other(kind) => {
                self.observe_frame(&around, sink);
                self.ether(kind, around, sink);
            }
            Net::Nothing => self.observe_frame(&around, sink),
        }
    }

    /// The source of a frame that says no more about it.
    fn observe_frame(&mut self, around: &Around, sink: &mut dyn Sink) {
        if let Some(mac) = around.src.filter(|m| m.is_device()) {
            self.observe(around, Some(mac), None, Via::Frame, sink);
        }
    }

    fn head(around: &Around, transport: Transport, protocol: Protocol) -> Head {
        Head {
            flow: FlowId(0),
            segment: around.segment,
            time: around.time,
            transport,
            protocol,
            client: Endpoint { mac: around.src, ip: None, port: None },
            server: Endpoint { mac: around.dst, ip: None, port: None },
        }
    }

    fn arp(&mut self, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        self.facts.layers.add(Layers::ARP);
        self.observe_frame(&around, sink);
        match link::arp(bytes) {
            Ok(Some(arp)) => {
                let mut head = Self::head(&around, Transport::Ether(link::ethertype::ARP), Protocol::Arp);
                head.client.ip = Some(IpAddr::V4(arp.sender_ip));
                head.server.ip = Some(IpAddr::V4(arp.target_ip));
                sink.activity(&head, ActRef::Arp(&arp));
                self.facts.completed.insert(Protocol::Arp);
                // A probe (RFC 5227) asks from 0.0.0.0 and claims nothing.
                if arp.sender_mac.is_device() && model::net::is_unicast(IpAddr::V4(arp.sender_ip)) {
                    self.observe(&around, Some(arp.sender_mac), Some(IpAddr::V4(arp.sender_ip)), Via::Arp, sink);
                }
            }
            Ok(None) => {}
            Err(_) => self.facts.layers.add(Layers::DAMAGED),
        }
    }

    fn ip(&mut self, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        let Ok(packet) = ip::packet(bytes, &mut self.facts) else {
            self.facts.layers.add(Layers::DAMAGED);
            self.observe_frame(&around, sink);
            return;
        };
        let Some(piece) = packet.fragment else {
            self.carried(&packet, around, sink);
            return;
        };
        let whole = self.fragments.add(around.segment, &packet, piece, around.bytes as u32, around.now);
        let Some(whole) = whole else {
            self.facts.layers.add(Layers::FRAGMENT);
            self.observe_source(&packet, &around, sink);
            return;
        };
        let joined = Ip { payload: &whole.bytes, fragment: None, ..packet };
        self.carried(&joined, Around { packets: u64::from(whole.packets), bytes: whole.wire, ..around }, sink);
        self.fragments.recycle(whole.bytes);
    }

    /// The sender of a packet, where no conversation keeps in mind when it was last told.
    fn observe_source(&mut self, packet: &Ip<'_>, around: &Around, sink: &mut dyn Sink) {
        let ip = Some(packet.src).filter(|ip| model::net::is_unicast(*ip));
        match around.src {
            Some(mac) if mac.is_device() => self.observe(around, Some(mac), ip, Via::Frame, sink),
            Some(_) => {}
            // Inside a tunnel the outer hardware address is not the sender's.
            None if around.depth == 0 && ip.is_some() => self.observe(around, None, ip, Via::Frame, sink),
            None => {}
        }
    }

    fn carried(&mut self, packet: &Ip<'_>, mut around: Around, sink: &mut dyn Sink) {
        let Ok(carried) = ip::transport(packet) else {
            self.facts.layers.add(Layers::DAMAGED);
            match packet.protocol {
                ip::number::TCP if !packet.payload.is_empty() => self.facts.layers.add(Layers::TCP),
                ip::number::UDP if !packet.payload.is_empty() => self.facts.layers.add(Layers::UDP),
                _ => {}
            }
            self.observe_source(packet, &around, sink);
            return;
        };
        match carried {
            Carried::Tcp(tcp) => self.tcp(packet, &tcp, around, sink),
            Carried::Udp(udp) => self.udp(packet, &udp, around, sink),
            Carried::Icmp(bytes) => self.icmp(packet, bytes, around, sink),
            Carried::Other(number) => {
                self.plain(packet, Transport::Ip(number), around, sink);
            }
            Carried::Tunnel(number) => {
                self.plain(packet, Transport::Ip(number), around, sink);
                match tunnel::inside(number, packet.payload, &mut self.facts) {
                    Ok(net) => {
                        around.depth += 1;
                        around.src = None;
                        around.dst = None;
                        self.facts.layers.add(Layers::TUNNEL);
                        self.net(net, around, sink);
                    }
                    Err(_) => self.facts.layers.add(Layers::DAMAGED),
                }
            }
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

    fn icmp(&mut self, packet: &Ip<'_>, bytes: &[u8], around: Around, sink: &mut dyn Sink) {
        let v6 = packet.v6();
        self.facts.layers.add(if v6 { Layers::ICMPV6 } else { Layers::ICMP });
        let transport = if v6 { Transport::Icmpv6 } else { Transport::Icmp };
        let slot = self.plain(packet, transport, around, sink);
        let (flow, protocol) = (self.table.at(slot).id, if v6 { Protocol::Icmpv6 } else { Protocol::Icmp });
        let Ok(message) = icmp::message(v6, bytes) else {
            self.facts.layers.add(Layers::DAMAGED);
            return;
        };
        self.facts.completed.insert(protocol);
        self.table.at(slot).protocol = Some(protocol);
        let mut head = Self::head(&around, transport, protocol);
        head.flow = flow;
        head.client.ip = Some(packet.src);
        head.server.ip = Some(packet.dst);
        if let Some(quoted) = message.quoted
            && let Ok((transport, from, to)) = icmp::quoted(quoted, &mut self.facts)
        {
            // Destination unreachable, except `fragmentation needed`, means refused.
            if (v6 && message.kind == 1) || (!v6 && message.kind == 3 && message.code != 4) {
                self.refuse(around.segment, transport, from, to);
            }
            let act = Unreachable { icmp_type: message.kind, code: message.code, transport, from, to };
            sink.activity(&head, ActRef::Unreachable(&act));
        }
        if v6 && matches!(message.kind, 133..=136) {
            match icmp::neighbour(bytes) {
                Ok(Some(neighbour)) => {
                    sink.activity(&head, ActRef::Neighbour(&neighbour));
                    self.observe_neighbour(&neighbour, packet, &around, sink);
                }
                Ok(None) => {}
                Err(_) => self.facts.layers.add(Layers::DAMAGED),
            }
        }
    }

    fn observe_neighbour(&mut self, n: &Neighbour, packet: &Ip<'_>, around: &Around, sink: &mut dyn Sink) {
        // An advertisement speaks of its target, everything else of its sender.
        let ip = if n.icmp_type == 136 { n.target } else { Some(packet.src) };
        let mac = n.link.or(if n.icmp_type == 136 { around.src } else { None });
        if let (Some(ip), Some(mac)) = (ip.filter(|ip| model::net::is_unicast(*ip)), mac.filter(|m| m.is_device())) {
            self.observe(around, Some(mac), Some(ip), Via::Neighbour, sink);
        }
    }

    fn refuse(&mut self, segment: Segment, transport: Transport, from: Endpoint, to: Endpoint) {
        let (Some(src), Some(dst)) = (from.ip, to.ip) else { return };
        let (key, _) = Key::ip(segment, transport, (src, from.port.unwrap_or(0)), (dst, to.port.unwrap_or(0)));
        if let Some(slot) = self.table.find(&key, key.hash(self.table.seed())) {
            let e = self.table.at(slot);
            if e.state == FlowState::Attempted {
                e.state = FlowState::Rejected;
            }
        }
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
        if e.content != Content::Closed {
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
        }
        if let Some(net) = tunnel::in_udp(udp) {
            around.depth += 1;
            around.src = None;
            around.dst = None;
            self.facts.layers.add(Layers::TUNNEL);
            self.net(net, around, sink);
        }
    }

    fn tcp(&mut self, packet: &Ip<'_>, tcp: &Tcp<'_>, around: Around, sink: &mut dyn Sink) {
        self.facts.layers.add(Layers::TCP);
        let (key, forward) = Key::ip(around.segment, Transport::Tcp, (packet.src, tcp.from), (packet.dst, tcp.to));
        let hash = key.hash(self.table.seed());
        let mut slot = self.find(&key, hash, around.time, sink);
        let mut reused = false;
        if tcp.flags & (SYN | ACK | RST) == SYN
            && let Some(old) = slot
        {
            // A new first sequence number begins a new conversation. The same one after the end does too, as Windows tries again, unless
            // it follows so closely that it is the same frame captured twice.
            let e = self.table.at(old);
            let dir = usize::from(e.client_is_a != forward);
            let ended = (e.tcp.rst || e.tcp.fin[0] || e.tcp.fin[1]) && around.time.since(e.last) > TWICE;
            if e.tcp.base[dir].is_some_and(|base| base != tcp.seq || ended) {
                let why = if e.class == Class::Closed { FlowEnd::Ended } else { FlowEnd::Idle };
                self.end(old, why, sink);
                reused = true;
                slot = None;
            }
        }
        let slot = match slot {
            Some(slot) => slot,
            None => {
                let from_client = match tcp.flags & (SYN | ACK) {
                    SYN => true,
                    f if f == SYN | ACK => false,
                    _ => self.source_is_client(tcp.from, tcp.to),
                };
                let begins = tcp.flags & (SYN | ACK) == SYN;
                let slot = self.open(
                    Start {
                        key,
                        hash,
                        client_is_a: forward == from_client,
                        answerable: true,
                        time: around.time,
                        now: around.now,
                        state: if begins { FlowState::Attempted } else { FlowState::Partial },
                        class: if begins { Class::HalfOpen } else { Class::Datagram },
                    },
                    sink,
                );
                self.facts.opened.push(Opened {
                    flow: self.table.at(slot).id,
                    transport: Transport::Tcp,
                    from: (packet.src, tcp.from),
                    to: (packet.dst, tcp.to),
                    tcp_flags: tcp.flags,
                    tcp_seq: tcp.seq,
                    reused,
                });
                slot
            }
        };
        let e = self.table.at(slot);
        let dir = usize::from(e.client_is_a != forward);
        let class = e.step(dir, tcp);
        let ip = Some(packet.src).filter(|ip| model::net::is_unicast(*ip));
        self.count(slot, dir, &around, ip, tcp.flags, sink);
        self.table.set_class(slot, class);
        self.stream(slot, dir, tcp, &around, sink);
    }

    /// The stream of a TCP conversation: order, then content.
    fn stream(&mut self, slot: u32, dir: usize, tcp: &Tcp<'_>, around: &Around, sink: &mut dyn Sink) {
        let e = self.table.at(slot);
        let mut content = e.content;
        let segment = TcpSegment { seq: tcp.seq, data: tcp.payload, cut: tcp.cut, syn: tcp.flags & SYN != 0, fin: tcp.flags & FIN != 0 };
        let rst = tcp.flags & RST != 0;
        if content == Content::Closed {
            // Nobody reads: nothing is put in order and nothing is held.
            return;
        }
        if content == Content::Fresh && tcp.payload.is_empty() && tcp.cut == 0 && !rst {
            // Before the first data there is nothing to deliver; a SYN only says where the stream begins.
            let half = &mut e.half[dir & 1];
            if segment.syn || segment.fin {
                half.segment(segment, &mut self.holds, &mut |_| {});
            }
            return;
        }
        let mut halves = e.half;
        let (client, server) = e.ends();
        let head = Head {
            flow: e.id,
            segment: around.segment,
            time: around.time,
            transport: Transport::Tcp,
            protocol: Protocol::Dns,
            client,
            server,
        };
        let mut gaps = 0u32;
        let mut found = None;
        let mut env = Env { head, sink: &mut *sink, options: &self.options, completed: &mut self.facts.completed };
        let (apps, holds) = (&mut self.apps, &mut self.holds);
        let [up, down] = &mut halves;
        let (own, other, own_dir, other_dir) = if dir == 0 { (up, down, Dir::Up, Dir::Down) } else { (down, up, Dir::Down, Dir::Up) };
        let mut hear = |d: Dir, piece: Piece<'_>, env: &mut Env<'_>| match piece {
            Piece::Data(bytes) => found = apps.data(&mut content, d, bytes, env).or(found),
            Piece::Gap(n) => {
                gaps += 1;
                apps.gap(&mut content, d, n, env);
            }
            Piece::End => {}
        };
        // The acknowledgement first: what the other side answers to was said before.
        if tcp.flags & ACK != 0 && !rst {
            other.acknowledged(tcp.ack, holds, &mut |p| hear(other_dir, p, &mut env));
        }
        if rst {
            // Data in a reset is a reason in words at best (RFC 9293, 3.5.3); a reset out of place is forged and ends nothing.
            let placed =
                !own.known || tcp.seq == own.next || crate::tcp::distance(tcp.seq, own.next) == 1 || (tcp.seq == 0 && tcp.flags & ACK != 0);
            if placed {
                own.flush(holds, &mut |p| hear(own_dir, p, &mut env));
                other.flush(holds, &mut |p| hear(other_dir, p, &mut env));
                apps.end(&mut content, &mut env);
            }
        } else {
            own.segment(segment, holds, &mut |p| hear(own_dir, p, &mut env));
            if own.ended && other.ended {
                apps.end(&mut content, &mut env);
            }
        }
        if content == Content::Closed {
            halves[0].forget(&mut self.holds);
            halves[1].forget(&mut self.holds);
        }
        self.counters.reassembly_gaps += u64::from(gaps);
        let e = self.table.at(slot);
        e.half = halves;
        e.content = content;
        e.gaps += gaps;
        e.protocol = e.protocol.or(found);
    }
}

impl crate::flow::Entry {
    /// How a TCP conversation goes on with this segment, and the class that it belongs to now.
    fn step(&mut self, dir: usize, tcp: &Tcp<'_>) -> Class {
        let (dir, other) = (dir & 1, 1 - (dir & 1));
        let flags = tcp.flags;
        let t = &mut self.tcp;
        if t.base[dir].is_none() {
            t.base[dir] = Some(tcp.seq);
        }
        if t.base[other].is_none() && flags & ACK != 0 {
            t.base[other] = Some(if flags & SYN != 0 { tcp.ack.wrapping_sub(1) } else { tcp.ack });
        }
        if flags & RST != 0 {
            t.rst = true;
            self.state = match self.state {
                FlowState::Attempted if dir == 1 => FlowState::Rejected,
                // Only the server's refusal was seen of it.
                FlowState::Partial if dir == 1 && self.packets[1] == 0 => FlowState::Rejected,
                FlowState::Attempted if !t.syn_ack => FlowState::Attempted,
                FlowState::Attempted | FlowState::Established | FlowState::Partial => FlowState::Reset,
                ended => ended,
            };
            return Class::Closed;
        }
        if flags & SYN != 0 {
            if flags & ACK != 0 { t.syn_ack = true } else { t.syn = true }
        } else if flags & ACK != 0 || !tcp.payload.is_empty() {
            t.spoke[dir] = true;
        }
        let handshake = t.syn_ack && t.spoke[0];
        let both = t.spoke[dir] && (t.spoke[other] || self.packets[other] > 0 && !(t.syn && !t.syn_ack));
        if matches!(self.state, FlowState::Attempted | FlowState::Partial) && (handshake || both) {
            self.state = FlowState::Established;
        }
        if flags & FIN != 0 {
            t.fin[dir] = true;
        }
        if t.fin[0] && t.fin[1] && matches!(self.state, FlowState::Established | FlowState::Partial | FlowState::Attempted) {
            self.state = FlowState::Closed;
        }
        match self.state {
            FlowState::Closed | FlowState::Reset | FlowState::Rejected => Class::Closed,
            FlowState::Attempted => Class::HalfOpen,
            FlowState::Partial if self.packets[0] + self.packets[1] < 2 => Class::Datagram,
            FlowState::Partial | FlowState::Established => Class::Established,
        }
    }
}
