//! What the engine may use, and what it counts.

/// Bounds of the engine's memory. Every one is a ceiling; nothing is taken before it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Conversations in the table at once (at least 16); about 400 bytes each. The oldest idle ones are let go first, half-open ones before
    /// established ones.
    pub max_flows: usize,
    /// Bytes that all streams together may hold back: out of order, or not yet used by a parser.
    pub max_stream_bytes: usize,
    /// Bytes that one direction of one stream may hold back out of order.
    pub max_hold_bytes: usize,
    /// Bytes that one direction of one conversation may keep for a parser that waits for more.
    pub max_pending_bytes: usize,
    /// Conversations that are read by a parser at once; a few kilobytes each. A new one takes the place of one that was
    /// idle for 5 s; where none is, it is counted but not read.
    pub max_parsers: usize,
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
            max_parsers: 32_768,
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
    /// Frames with a layer that could not be read, though they were captured whole.
    pub decode_errors: u64,
    /// Conversations opened.
    pub flows: u64,
    /// Conversations let go because the table was full.
    pub flows_evicted: u64,
    /// Holes in TCP streams that were not filled in time.
    pub reassembly_gaps: u64,
    /// Bytes of streams that were let go unread because of a bound.
    pub bytes_dropped: u64,
    /// Times that a conversation was left unread because `max_parsers` were at work and none was idle.
    pub parsers_refused: u64,
    /// Idle conversations that are no longer read because `max_parsers` were at work and a new one came.
    pub parsers_evicted: u64,
    /// Copies of the same bytes of a stream or datagram that differ in content.
    pub conflicts: u64,
    /// Frames with more tunnels inside each other than `max_depth`.
    pub tunnel_depth_exceeded: u64,
    /// IP datagrams put together from fragments.
    pub datagrams_reassembled: u64,
    /// Unfinished IP datagrams let go because of a bound or time.
    pub fragments_evicted: u64,
    /// Fragments refused because they contradict others of their datagram.
    pub fragments_refused: u64,
    /// Summaries of echo messages told early because there was no room for more.
    pub echoes_evicted: u64,
    /// Speakers forgotten of which only news is told (beacons, bridges, memberships): they are told again early.
    pub repeats_evicted: u64,
    /// Remembered addresses let go because the table was full.
    pub observations_evicted: u64,
    /// Times at which the capture clock jumped and was followed.
    pub clock_jumps: u64,
}

impl Counters {
    /// Adds what another lane counted.
    pub fn join(&mut self, other: Counters) {
        // Every field by name, so that a new one cannot be forgotten here.
        let Counters {
            packets,
            bytes,
            decode_errors,
            flows,
            flows_evicted,
            reassembly_gaps,
            bytes_dropped,
            parsers_refused,
            parsers_evicted,
            conflicts,
            tunnel_depth_exceeded,
            datagrams_reassembled,
            fragments_evicted,
            fragments_refused,
            echoes_evicted,
            repeats_evicted,
            observations_evicted,
            clock_jumps,
        } = other;
        self.packets += packets;
        self.bytes += bytes;
        self.decode_errors += decode_errors;
        self.flows += flows;
        self.flows_evicted += flows_evicted;
        self.reassembly_gaps += reassembly_gaps;
        self.bytes_dropped += bytes_dropped;
        self.parsers_refused += parsers_refused;
        self.parsers_evicted += parsers_evicted;
        self.conflicts += conflicts;
        self.tunnel_depth_exceeded += tunnel_depth_exceeded;
        self.datagrams_reassembled += datagrams_reassembled;
        self.fragments_evicted += fragments_evicted;
        self.fragments_refused += fragments_refused;
        self.echoes_evicted += echoes_evicted;
        self.repeats_evicted += repeats_evicted;
        self.observations_evicted += observations_evicted;
        self.clock_jumps += clock_jumps;
    }
}
