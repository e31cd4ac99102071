//! TCP on the packet path: which conversation, how far it is, what its streams say.

use super::{ACK, Around, Engine, FIN, RST, SYN, TWICE};
use crate::app::{Content, Env};
use crate::decode::ip::{Ip, Tcp};
use crate::facts::{Layers, Opened};
use crate::flow::{Class, Key, Start};
use crate::parse::Dir;
use crate::sink::Sink;
use crate::tcp::{Piece, Segment};
use model::activity::{Conflict, Head, Protocol};
use model::flow::{FlowEnd, FlowState};
use model::{ActRef, Transport};

/// Conflicts that are told of one part of a conversation; more are counted.
const MAX_CONFLICTS: u8 = 4;

impl Engine {
    pub(super) fn tcp(&mut self, packet: &Ip<'_>, tcp: &Tcp<'_>, around: Around, sink: &mut dyn Sink) {
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
        let segment = Segment { seq: tcp.seq, data: tcp.payload, cut: tcp.cut, syn: tcp.flags & SYN != 0, fin: tcp.flags & FIN != 0 };
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
            let placed = !own.known || matches!(crate::tcp::distance(tcp.seq, own.next), 0 | 1) || (tcp.seq == 0 && tcp.flags & ACK != 0);
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
        let differing = self.holds.take_differing();
        let e = self.table.at(slot);
        e.half = halves;
        e.content = content;
        if differing > 0 {
            self.counters.conflicts += 1;
            if e.conflicts < MAX_CONFLICTS {
                e.conflicts += 1;
                let head = Head { protocol: e.protocol.unwrap_or(Protocol::Ip), ..head };
                sink.activity(&head, ActRef::Conflict(&Conflict { bytes: differing, fragments: false }));
            }
        }
        let e = self.table.at(slot);
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
        // In the middle of a conversation any frame of the other side will do; after a SYN its answer is waited for.
        let heard = self.packets[other] > 0 && (t.syn_ack || !t.syn);
        let both = t.spoke[dir] && (t.spoke[other] || heard);
        if matches!(self.state, FlowState::Attempted | FlowState::Partial) && (handshake || both) {
            self.state = FlowState::Established;
        }
        // The client goes on after its SYN as if it had been answered, and no answer was seen: the mirror shows one direction only.
        if self.state == FlowState::Attempted && self.packets[other] == 0 && self.packets[dir] >= 2 && t.spoke[dir] && tcp.ack != 0 {
            self.state = FlowState::Partial;
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
