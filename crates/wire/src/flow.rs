//! The table of conversations.
//!
//! A conversation is found by its segment, transport, addresses and ports, the same for both directions. Entries lie in a slab; an open
//! addressing index points at them; intrusive lists keep them in order of age, so that time-outs and eviction look only at the oldest:
//!
//! - one list for each [`Class`] of idle time-out. An entry moves to the back when it was last moved more than an eighth of the time-out ago,
//!   not on every frame;
//! - one list of parts that are to be told every [`PART`], in the order in which they began;
//! - one list of attempts: a SYN that nobody answers is told after [`ATTEMPT`], so that a scan of silent ports is seen while it goes on.
//!   What was answered by then goes over to the list of parts.
//!
//! When the table is full, the first of these that exists goes: a closed one; the oldest of half-open and datagram
//! conversations, whichever are more; the oldest established one. So a flood of SYNs drives out its own kind.
//!
//! Idle time-outs by the engine's clock (crate::clock):
//!
//! | class | conversations | time-out |
//! | --- | --- | --- |
//! | `Closed` | ended by FIN or RST, refused | 0.4 s, for stragglers; short, since a refused conversation is what a scan is told by |
//! | `HalfOpen` | a SYN without an answer | 10 s |
//! | `Datagram` | UDP, ICMP, others; TCP of which only one or two frames were seen | 60 s |
//! | `Established` | TCP | 1 h |

use crate::app::Content;
use crate::hash;
use crate::tcp::Half;
use hashbrown::HashTable;
use model::activity::Protocol;
use model::flow::{Direction, Flow, FlowEnd, FlowState};
use model::{Endpoint, FlowId, Mac, Segment, Span, Time, Transport};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A conversation is told in parts of this length.
pub const PART: Span = Span::seconds(60);

/// An attempt without an answer is told after this.
pub const ATTEMPT: Span = Span::millis(1500);

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// Classes of idle time-out, in the order in which they are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Ended.
    Closed = 0,
    /// Unanswered SYN.
    HalfOpen = 1,
    /// Everything without a connection.
    Datagram = 2,
    /// Living TCP.
    Established = 3,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 4] = [Class::Closed, Class::HalfOpen, Class::Datagram, Class::Established];

    /// How long silence lasts before a conversation of this class is over.
    pub const fn timeout(self) -> Span {
        match self {
            Class::Closed => Span::millis(400),
            Class::HalfOpen => Span::seconds(10),
            Class::Datagram => Span::seconds(60),
            Class::Established => Span::hours(1),
        }
    }
}

/// What a conversation is found by, the same for both directions: end `a` is the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    a: u128,
    b: u128,
    ports: u32,
    segment: u32,
    kind: u32,
}

const V6: u32 = 1 << 20;

/// An Internet address as a number, with whether it is IPv6.
fn number(ip: IpAddr) -> (u128, bool) {
    match ip {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), false),
        IpAddr::V6(v6) => (v6.to_bits(), true),
    }
}

fn kind(transport: Transport) -> u32 {
    match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
        Transport::Icmp => 1,
        Transport::Icmpv6 => 58,
        Transport::Ip(n) => 0x100 | u32::from(n),
        Transport::Ether(n) => 0x1_0000 | u32::from(n),
    }
}

impl Key {
    fn new(segment: Segment, kind: u32, from: (u128, u16), to: (u128, u16)) -> (Key, bool) {
        let forward = from <= to;
        let (a, b) = if forward { (from, to) } else { (to, from) };
        let segment = u32::from(segment.sensor.0) << 16 | u32::from(segment.vlan);
        (Key { a: a.0, b: b.0, ports: u32::from(a.1) << 16 | u32::from(b.1), segment, kind }, forward)
    }

    /// The key of an Internet conversation, and whether its source is end `a`.
    pub fn ip(segment: Segment, transport: Transport, from: (IpAddr, u16), to: (IpAddr, u16)) -> (Key, bool) {
        let ((f, v6), (t, _)) = (number(from.0), number(to.0));
        Key::new(segment, kind(transport) | if v6 { V6 } else { 0 }, (f, from.1), (t, to.1))
    }

    /// The key of a conversation below IP.
    pub fn ether(segment: Segment, ethertype: u16, from: Mac, to: Mac) -> (Key, bool) {
        let wide = |m: Mac| (u128::from(m.to_u64()), 0);
        Key::new(segment, kind(Transport::Ether(ethertype)), wide(from), wide(to))
    }

    /// Keyed hash.
    #[inline]
    pub fn hash(&self, seed: u64) -> u64 {
        let low = |x: u128| x as u64;
        let high = |x: u128| (x >> 64) as u64;
        let tail = u64::from(self.segment) << 32 | u64::from(self.ports);
        if self.kind & (V6 | 0x1_0000) == 0 {
            hash::words(seed, [low(self.a) << 32 ^ low(self.b), tail ^ u64::from(self.kind) << 40])
        } else {
            hash::words(seed, [low(self.a), high(self.a), low(self.b), high(self.b), tail, u64::from(self.kind)])
        }
    }

    fn transport(&self) -> Transport {
        let n = self.kind & !V6;
        match n {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            1 => Transport::Icmp,
            58 => Transport::Icmpv6,
            n if n & 0x1_0000 != 0 => Transport::Ether(n as u16),
            n => Transport::Ip(n as u8),
        }
    }

    /// Address and port of end `a` or `b`.
    fn end(&self, a: bool) -> (Option<IpAddr>, Option<u16>) {
        let (address, port) = if a { (self.a, (self.ports >> 16) as u16) } else { (self.b, self.ports as u16) };
        let ip = if self.kind & 0x1_0000 != 0 {
            None
        } else if self.kind & V6 != 0 {
            Some(IpAddr::V6(Ipv6Addr::from_bits(address)))
        } else {
            Some(IpAddr::V4(Ipv4Addr::from_bits(address as u32)))
        };
        (ip, matches!(self.kind & !V6, 6 | 17).then_some(port))
    }

    fn segment(&self) -> Segment {
        Segment { sensor: model::SourceId((self.segment >> 16) as u16), vlan: self.segment as u16 }
    }
}

#[derive(Clone, Copy)]
struct Link {
    prev: u32,
    next: u32,
}
const UNLINKED: Link = Link { prev: NONE, next: NONE };

/// What TCP showed of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpSeen {
    /// SYN of the client.
    pub syn: bool,
    /// SYN and ACK of the server.
    pub syn_ack: bool,
    /// Data or ACK after the handshake, by direction.
    pub spoke: [bool; 2],
    /// FIN by direction.
    pub fin: [bool; 2],
    /// RST of anyone.
    pub rst: bool,
    /// First sequence number by direction, where one was seen.
    pub base: [Option<u32>; 2],
}

/// A conversation in the table.
pub struct Entry {
    /// What it is found by.
    pub key: Key,
    /// Its number.
    pub id: FlowId,
    /// End `a` of the key is the client.
    pub client_is_a: bool,
    /// The address is unicast, so that an answer can be expected.
    pub answerable: bool,
    /// How far it got.
    pub state: FlowState,
    /// Its time-out.
    pub class: Class,
    /// Content of TCP and UDP.
    pub content: Content,
    /// Protocol that was found.
    pub protocol: Option<Protocol>,
    /// Hardware addresses of client and server.
    pub mac: [Mac; 2],
    /// This part by direction.
    pub part: [Direction; 2],
    /// Frames of the whole conversation by direction.
    pub packets: [u64; 2],
    /// First and last frame of this part.
    pub first: Time,
    /// Last frame by capture time.
    pub last: Time,
    /// First frame.
    pub started: Time,
    /// Records told.
    pub parts: u32,
    /// Holes of this part.
    pub gaps: u32,
    /// Conflicts told in this part.
    pub conflicts: u8,
    /// Engine time of the last frame.
    pub seen: i64,
    /// Engine time at which the source address of each direction was last told.
    pub observed: [i64; 2],
    /// TCP only.
    pub tcp: TcpSeen,
    /// TCP only: the streams.
    pub half: [Half; 2],
    listed: i64,
    part_began: i64,
    waits: Waits,
    age: Link,
    due: Link,
}

impl Entry {
    /// Client and server.
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        let end = |a: bool, mac: Mac| {
            let (ip, port) = self.key.end(a);
            Endpoint { mac: (mac != Mac::ZERO).then_some(mac), ip, port }
        };
        (end(self.client_is_a, self.mac[0]), end(!self.client_is_a, self.mac[1]))
    }

    /// Where its addresses mean something.
    pub fn segment(&self) -> Segment {
        self.key.segment()
    }

    /// What carries it.
    pub fn transport(&self) -> Transport {
        self.key.transport()
    }

    fn record(&self, end: FlowEnd) -> Flow {
        let (client, server) = self.ends();
        let silent = self.part[0].packets + self.part[1].packets == 0;
        Flow {
            id: self.id,
            segment: self.segment(),
            transport: self.transport(),
            client,
            server,
            protocol: self.protocol,
            first: if silent { self.last } else { self.first },
            last: self.last,
            started: self.started,
            part: self.parts,
            up: self.part[0],
            down: self.part[1],
            state: self.state,
            end,
            gaps: self.gaps,
        }
    }
}

/// Which list a part waits in to be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Nowhere,
    Attempts,
    Parts,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
    len: usize,
}

/// The table; see the module's essay.
pub struct Table {
    seed: u64,
    max: usize,
    index: HashTable<u32>,
    slots: Vec<Entry>,
    free: Vec<u32>,
    ages: [List; 4],
    due: List,
    attempts: List,
    next_id: u64,
}

/// A new conversation as its first frame shows it.
pub struct Start {
    /// What it is found by.
    pub key: Key,
    /// Keyed hash of it.
    pub hash: u64,
    /// End `a` of the key is the client.
    pub client_is_a: bool,
    /// An answer can be expected.
    pub answerable: bool,
    /// Capture time.
    pub time: Time,
    /// Engine time.
    pub now: i64,
    /// How far it is.
    pub state: FlowState,
    /// Its time-out.
    pub class: Class,
}

// Numbers of slots come only from `index`, `free` and the lists, which hold none that `slots` has not; so indexing is in bounds.
impl Table {
    /// Empty, for at most `max` conversations.
    pub fn new(max: usize, seed: u64) -> Self {
        let list = List { head: NONE, tail: NONE, len: 0 };
        Table {
            seed,
            max: max.clamp(16, NONE as usize - 1),
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            ages: [list; 4],
            due: list,
            attempts: list,
            next_id: 1,
        }
    }

    /// Conversations in the table.
    pub fn len(&self) -> usize {
        self.index.len()
    }
    /// No conversation is in the table.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
    /// No more fit in.
    pub fn is_full(&self) -> bool {
        self.len() >= self.max
    }
    /// Finds a conversation.
    #[inline]
    pub fn find(&self, key: &Key, hash: u64) -> Option<u32> {
        self.index.find(hash, |&i| self.slots[i as usize].key == *key).copied()
    }
    /// The entry in a slot that [`Table::find`] or [`Table::open`] gave.
    #[inline]
    pub fn at(&mut self, slot: u32) -> &mut Entry {
        &mut self.slots[slot as usize]
    }
    /// Seed of the hashes.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Enters a new conversation. The caller has made room.
    pub fn open(&mut self, s: Start) -> u32 {
        let entry = Entry {
            key: s.key,
            id: FlowId(self.next_id),
            client_is_a: s.client_is_a,
            answerable: s.answerable,
            state: s.state,
            class: s.class,
            content: Content::Fresh,
            protocol: None,
            mac: [Mac::ZERO; 2],
            part: [Direction::default(); 2],
            packets: [0; 2],
            first: s.time,
            last: s.time,
            started: s.time,
            parts: 0,
            gaps: 0,
            conflicts: 0,
            seen: s.now,
            observed: [i64::MIN; 2],
            tcp: TcpSeen::default(),
            half: [Half::default(); 2],
            listed: s.now,
            part_began: s.now,
            waits: Waits::Nowhere,
            age: UNLINKED,
            due: UNLINKED,
        };
        self.next_id += 1;
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = entry;
            slot
        } else {
            self.slots.push(entry);
            (self.slots.len() - 1) as u32
        };
        let (slots, seed) = (&self.slots, self.seed);
        self.index.insert_unique(s.hash, slot, |&i| slots[i as usize].key.hash(seed));
        self.list_age(slot);
        slot
    }

    /// Takes a conversation out; its entry stays readable until the slot is used again.
    pub fn close(&mut self, slot: u32) {
        self.unlist_age(slot);
        self.unlist_due(slot);
        let hash = self.slots[slot as usize].key.hash(self.seed);
        if let Ok(found) = self.index.find_entry(hash, |&i| i == slot) {
            found.remove();
            self.free.push(slot);
        }
    }

    /// Counts a frame.
    #[inline]
    #[allow(clippy::too_many_arguments)] // Plain numbers of one frame; a struct for one caller says no more.
    pub fn count(&mut self, slot: u32, dir: usize, time: Time, now: i64, packets: u64, bytes: u64, flags: u8) {
        let e = &mut self.slots[slot as usize];
        let d = &mut e.part[dir & 1];
        d.packets += packets;
        d.bytes += bytes;
        d.flags |= flags;
        e.packets[dir & 1] += packets;
        e.seen = now;
        if e.waits == Waits::Nowhere {
            e.first = time;
            e.last = if e.parts == 0 { time } else { e.last.max(time) };
            e.part_began = now;
            let attempt = e.parts == 0 && e.class == Class::HalfOpen;
            self.list_due(slot, if attempt { Waits::Attempts } else { Waits::Parts });
        } else {
            e.first = e.first.min(time);
            e.last = e.last.max(time);
        }
        let e = &self.slots[slot as usize];
        if now - e.listed > e.class.timeout().0 / 8 {
            self.unlist_age(slot);
            self.list_age(slot);
        }
    }

    /// Moves a conversation to another class.
    #[inline]
    pub fn set_class(&mut self, slot: u32, class: Class) {
        if self.slots[slot as usize].class != class {
            self.unlist_age(slot);
            self.slots[slot as usize].class = class;
            self.list_age(slot);
        }
    }

    /// The next conversation whose idle time-out is over at engine time `now`.
    pub fn idle(&mut self, now: i64) -> Option<u32> {
        for class in Class::ALL {
            // The order of the list is right to an eighth of the time-out, so those behind this one wait at most that much too long.
            let slot = self.ages[class as usize].head;
            if slot != NONE && self.slots[slot as usize].seen.saturating_add(class.timeout().0) <= now {
                return Some(slot);
            }
        }
        None
    }

    /// The next conversation that has a part to tell at engine time `now`. It is taken off the list.
    pub fn part_due(&mut self, now: i64) -> Option<u32> {
        let slot = self.due.head;
        if slot == NONE || self.slots[slot as usize].part_began.saturating_add(PART.0) > now {
            return None;
        }
        self.unlist_due(slot);
        Some(slot)
    }

    /// The next attempt that has waited for its answer long enough at engine time `now`. It is taken off the list. Conversations that were
    /// answered are told in parts from here on; they stand a little late in that list.
    pub fn attempt_due(&mut self, now: i64) -> Option<u32> {
        loop {
            let slot = self.attempts.head;
            if slot == NONE || self.slots[slot as usize].part_began.saturating_add(ATTEMPT.0) > now {
                return None;
            }
            self.unlist_due(slot);
            if self.slots[slot as usize].class == Class::HalfOpen {
                return Some(slot);
            }
            self.list_due(slot, Waits::Parts);
        }
    }

    /// The conversation to let go when the table is full.
    pub fn victim(&self) -> Option<u32> {
        let [closed, half_open, datagram, established] = &self.ages;
        let middle = if half_open.len >= datagram.len { half_open } else { datagram };
        [closed, middle, established, half_open, datagram].iter().map(|l| l.head).find(|&h| h != NONE)
    }

    /// Any conversation, oldest first.
    pub fn any(&self) -> Option<u32> {
        self.ages.iter().map(|l| l.head).find(|&h| h != NONE)
    }

    /// The record of the part so far; the next part begins empty.
    pub fn tell(&mut self, slot: u32, end: FlowEnd) -> Flow {
        let e = &mut self.slots[slot as usize];
        let flow = e.record(end);
        e.parts += 1;
        e.part = [Direction::default(); 2];
        e.gaps = 0;
        e.conflicts = 0;
        flow
    }

    fn list_age(&mut self, slot: u32) {
        let e = &mut self.slots[slot as usize];
        e.listed = e.seen;
        let list = &mut self.ages[e.class as usize];
        e.age = Link { prev: list.tail, next: NONE };
        let tail = std::mem::replace(&mut list.tail, slot);
        list.len += 1;
        if tail == NONE {
            list.head = slot;
        } else {
            self.slots[tail as usize].age.next = slot;
        }
    }

    fn unlist_age(&mut self, slot: u32) {
        let Link { prev, next } = self.slots[slot as usize].age;
        let class = self.slots[slot as usize].class as usize;
        if prev == NONE {
            self.ages[class].head = next;
        } else {
            self.slots[prev as usize].age.next = next;
        }
        if next == NONE {
            self.ages[class].tail = prev;
        } else {
            self.slots[next as usize].age.prev = prev;
        }
        self.ages[class].len -= 1;
    }

    fn list_due(&mut self, slot: u32, waits: Waits) {
        let list = if waits == Waits::Attempts { &mut self.attempts } else { &mut self.due };
        let tail = std::mem::replace(&mut list.tail, slot);
        if tail == NONE {
            list.head = slot;
        }
        let e = &mut self.slots[slot as usize];
        e.waits = waits;
        e.due = Link { prev: tail, next: NONE };
        if tail != NONE {
            self.slots[tail as usize].due.next = slot;
        }
    }

    fn unlist_due(&mut self, slot: u32) {
        let e = &mut self.slots[slot as usize];
        let waits = std::mem::replace(&mut e.waits, Waits::Nowhere);
        if waits == Waits::Nowhere {
            return;
        }
        let Link { prev, next } = e.due;
        let list = if waits == Waits::Attempts { &mut self.attempts } else { &mut self.due };
        if prev == NONE {
            list.head = next;
        }
        if next == NONE {
            list.tail = prev;
        }
        if prev != NONE {
            self.slots[prev as usize].due.next = next;
        }
        if next != NONE {
            self.slots[next as usize].due.prev = prev;
        }
    }
}
