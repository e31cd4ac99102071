//! Putting TCP streams in order, within bounds.
//!
//! Data that comes in order is lent on from where it lies; only what comes too early is copied and held. The policy, written down because
//! evasion lives on readers that differ:
//!
//! - **Overlap**: the first copy of a byte that was captured wins, whether it was delivered already or is still held. (Linux and Windows
//!   also keep what they have; old BSDs preferred newer bytes in some cases.) Where a copy differs from what is still held, or from the first and
//!   last eight bytes of the data delivered last, the number of differing bytes is told ([`Holds::take_differing`]): that is damage, or
//!   somebody who wants us to read something else than the receiver does.
//! - **Holes** are filled as long as the bounds allow. A hole is given up, and told as a gap, when the other side has acknowledged what
//!   is behind it in [`PROOF`] frames (then the receiver has the data, so it was lost between the wire and us, not on the wire), when
//!   a bound is reached, or when the conversation ends.
//! - **Mid-stream**: without a SYN the first data seen is the start.
//! - **Retransmissions and keep-alives** lie before what is expected and are passed over.
//! - Sequence numbers wrap; comparisons are modulo 2^32 (RFC 9293, 3.4). Data more than [`FAR`] behind, [`STRAY`] times in a row, means
//!   that we lost the thread: reading starts again there, as a gap of unknown size.
//! - **Cut captures**: what the snap length took away is a gap.

/// Frames whose ACK lies behind a hole before it is given up. More than one, because mirror ports reorder the two directions.
pub const PROOF: u8 = 3;
/// How far behind data may lie and still be called a retransmission.
pub const FAR: i32 = 32 << 20;
/// Segments in a row from far behind before the thread is taken up anew.
pub const STRAY: u8 = 16;
/// Segments that one direction may hold out of order.
pub const MAX_HELD_SEGMENTS: usize = 4096;

/// `a` minus `b` on the circle of sequence numbers.
pub fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Bytes of the beginning and of the end of delivered data that are kept for comparison.
const EDGE: usize = 8;

/// No held data.
const NONE: u32 = u32::MAX;

/// One direction of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Half {
    /// Next sequence number to deliver.
    pub next: u32,
    /// `next` means something.
    pub known: bool,
    /// Position of the FIN, where one was seen.
    pub fin: Option<u32>,
    /// The FIN was reached.
    pub ended: bool,
    proof: u8,
    stray: u8,
    hold: u32,
    recent: Recent,
}

/// The beginning and the end of the data delivered last.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    seq: u32,
    length: u32,
    head: [u8; EDGE],
    tail: [u8; EDGE],
}

impl Default for Half {
    fn default() -> Self {
        Half { next: 0, known: false, fin: None, ended: false, proof: 0, stray: 0, hold: NONE, recent: Recent::default() }
    }
}

/// What comes out of a stream, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// This many bytes are lost; 0 where nobody knows how many.
    Gap(u64),
    /// The direction is at its end.
    End,
}

/// A segment as captured.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sequence number of the first byte of data (of the SYN, where `syn`).
    pub seq: u32,
    /// Data as far as captured.
    pub data: &'a [u8],
    /// Bytes of data that the capture cut off.
    pub cut: u32,
    /// SYN is set.
    pub syn: bool,
    /// FIN is set.
    pub fin: bool,
}

#[derive(Default)]
struct Hold {
    /// Sorted by sequence number, not overlapping: sequence number, place in `bytes`, length.
    segments: Vec<(u32, u32, u32)>,
    bytes: Vec<u8>,
}

/// Data that came too early, of all streams together.
pub struct Holds {
    slots: Vec<Hold>,
    free: Vec<u32>,
    held: usize,
    max_each: usize,
    max_all: usize,
    differing: u32,
}

impl Holds {
    /// Empty, with bounds for one direction and for all.
    pub fn new(max_each: usize, max_all: usize) -> Self {
        Holds { slots: Vec::new(), free: Vec::new(), held: 0, max_each, max_all, differing: 0 }
    }
    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.held
    }
    /// Bytes of copies that differed from what was there before, since the last call.
    pub fn take_differing(&mut self) -> u32 {
        std::mem::take(&mut self.differing)
    }
    fn open(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Hold::default());
            (self.slots.len() - 1) as u32
        })
    }
    fn close(&mut self, slot: u32, mut hold: Hold) {
        self.held -= hold.bytes.len();
        hold.segments.clear();
        hold.bytes.clear();
        // Keep small buffers for the next one, give large ones back.
        if hold.bytes.capacity() > 16 << 10 {
            hold.bytes = Vec::new();
        }
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = hold;
        }
        self.free.push(slot);
    }
}

impl Half {
    /// Takes a segment and delivers what is now in order.
    pub fn segment(&mut self, s: Segment<'_>, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        if self.ended {
            return;
        }
        let mut seq = s.seq;
        if s.syn {
            seq = seq.wrapping_add(1);
            if !self.known {
                self.known = true;
                self.next = seq;
            }
        }
        let length = s.data.len() as u32;
        if !self.known {
            // A keep-alive has one byte or none from before the window; do not start with it if it is nothing.
            if length == 0 && s.cut == 0 && !s.fin {
                return;
            }
            self.known = true;
            self.next = seq;
        }
        if s.fin && self.fin.is_none() {
            self.fin = Some(seq.wrapping_add(length).wrapping_add(s.cut));
        }
        if length > 0 || s.cut > 0 {
            self.data(seq, s.data, s.cut, holds, out);
        }
        self.finish_if_reached(out);
    }

    fn data(&mut self, seq: u32, data: &[u8], cut: u32, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        let ahead = distance(seq, self.next);
        if ahead <= 0 {
            let old = ahead.unsigned_abs() as usize;
            if ahead < -FAR {
                self.stray += 1;
                if self.stray < STRAY {
                    return;
                }
                self.flush(holds, out);
                self.next = seq;
                out(Piece::Gap(0));
            } else {
                if old > 0 {
                    holds.differing += self.recent.differing(seq, data, self.next);
                }
                if old >= data.len() + cut as usize {
                    return;
                }
            }
            self.stray = 0;
            let old = distance(self.next, seq).max(0) as usize;
            // Held data that this segment overlaps came first, so it wins; without any the segment goes on as it lies.
            if self.hold == NONE {
                self.deliver(data.get(old..).unwrap_or(&[]), out);
            } else {
                let fresh = data.get(old..).unwrap_or(&[]);
                self.deliver_around(fresh, holds, out);
            }
            if cut > 0 {
                let missing = distance(seq.wrapping_add(data.len() as u32 + cut), self.next);
                if missing > 0 && self.hold == NONE {
                    self.next = self.next.wrapping_add(missing as u32);
                    out(Piece::Gap(missing as u64));
                }
            }
            self.drain(holds, out);
        } else {
            self.stray = 0;
            self.hold_back(seq, data, holds);
            self.within_bounds(holds, out);
        }
    }

    fn deliver(&mut self, bytes: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
        if !bytes.is_empty() {
            self.recent = Recent::of(self.next, bytes);
            self.next = self.next.wrapping_add(bytes.len() as u32);
            self.proof = 0;
            out(Piece::Data(bytes));
        }
    }

    /// Delivers bytes that begin at `next`, leaving out those of which an earlier copy is held.
    fn deliver_around(&mut self, mut bytes: &[u8], holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        if let Some(hold) = holds.slots.get(self.hold as usize) {
            let mut sum = 0;
            for &(seq, from, length) in &hold.segments {
                let Some(copy) = bytes.get(distance(seq, self.next).max(0) as usize..).filter(|c| !c.is_empty()) else { break };
                sum += differing(hold.bytes.get(from as usize..(from + length) as usize).unwrap_or(&[]), copy);
            }
            holds.differing += sum;
        }
        while !bytes.is_empty() {
            let first = holds.slots.get(self.hold as usize).and_then(|h| h.segments.first()).copied();
            let Some((seq, _, length)) = first else {
                self.deliver(bytes, out);
                return;
            };
            let before = distance(seq, self.next).max(0) as usize;
            if before >= bytes.len() {
                self.deliver(bytes, out);
                return;
            }
            let (fresh, rest) = bytes.split_at(before);
            self.deliver(fresh, out);
            self.drain(holds, out);
            bytes = rest.get(length as usize..).unwrap_or(&[]);
            // Draining may have gone on further than this segment reaches.
            let over = distance(self.next, seq.wrapping_add(length)).max(0) as usize;
            bytes = bytes.get(over..).unwrap_or(&[]);
        }
    }

    /// Copies data that came too early, where nothing is held yet.
    fn hold_back(&mut self, seq: u32, data: &[u8], holds: &mut Holds) {
        if data.is_empty() {
            return;
        }
        if self.hold == NONE {
            self.hold = holds.open();
        }
        let Some(hold) = holds.slots.get_mut(self.hold as usize) else { return };
        let before = hold.bytes.len();
        let next = self.next;
        let place = |s: u32| s.wrapping_sub(next);
        let (mut at, end) = (place(seq), place(seq) + data.len() as u32);
        let start = at;
        let mut conflict = 0;
        let mut i = hold.segments.partition_point(|&(s, _, l)| place(s) + l <= at);
        while at < end {
            let (held_start, held_end) = hold.segments.get(i).map_or((end, end), |&(s, _, l)| (place(s), place(s) + l));
            let stop = held_start.clamp(at, end);
            if stop > at
                && let Some(fresh) = data.get((at - start) as usize..(stop - start) as usize)
            {
                // Bytes that follow the segment before lengthen it, if they also lie behind it.
                let from = hold.bytes.len() as u32;
                hold.bytes.extend_from_slice(fresh);
                match i.checked_sub(1).and_then(|p| hold.segments.get_mut(p)) {
                    Some(p) if place(p.0) + p.2 == at && p.1 + p.2 == from => p.2 += stop - at,
                    _ => {
                        hold.segments.insert(i, (next.wrapping_add(at), from, stop - at));
                        i += 1;
                    }
                }
            }
            // The part that is held already: the first copy stays.
            let (over, end_over) = (held_start.max(start), held_end.min(end));
            if let Some(&(_, from, _)) = hold.segments.get(i)
                && over < end_over
            {
                let held_at = from + (over - held_start);
                let held = hold.bytes.get(held_at as usize..(held_at + (end_over - over)) as usize).unwrap_or(&[]);
                let copy = data.get((over - start) as usize..(end_over - start) as usize).unwrap_or(&[]);
                conflict += differing(held, copy);
            }
            at = held_end.max(stop);
            i += 1;
        }
        holds.held += hold.bytes.len() - before;
        holds.differing += conflict;
    }

    /// Delivers held data that is in order now.
    fn drain(&mut self, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        if self.hold == NONE {
            return;
        }
        let slot = self.hold;
        let Some(mut hold) = holds.slots.get_mut(slot as usize).map(std::mem::take) else { return };
        let mut used = 0;
        for &(seq, from, length) in &hold.segments {
            let old = distance(self.next, seq);
            if old < 0 {
                break;
            }
            used += 1;
            if let Some(bytes) = hold.bytes.get(from as usize..(from + length) as usize) {
                self.deliver(bytes.get(old as usize..).unwrap_or(&[]), out);
            }
        }
        hold.segments.drain(..used);
        if hold.segments.is_empty() {
            self.hold = NONE;
            holds.close(slot, hold);
        } else if let Some(place) = holds.slots.get_mut(slot as usize) {
            *place = hold;
        }
    }

    /// Gives holes up until the bounds hold.
    fn within_bounds(&mut self, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        while let Some(hold) = holds.slots.get(self.hold as usize) {
            if hold.bytes.len() <= holds.max_each && holds.held <= holds.max_all && hold.segments.len() <= MAX_HELD_SEGMENTS {
                return;
            }
            self.skip_hole(holds, out);
        }
    }

    fn skip_hole(&mut self, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        let Some(&(seq, _, _)) = holds.slots.get(self.hold as usize).and_then(|h| h.segments.first()) else { return };
        let missing = distance(seq, self.next);
        if missing > 0 {
            self.next = seq;
            self.proof = 0;
            out(Piece::Gap(missing as u64));
        }
        self.drain(holds, out);
    }

    /// The other side acknowledged everything before `ack`.
    pub fn acknowledged(&mut self, ack: u32, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        if !self.known || self.ended {
            return;
        }
        let missing = distance(ack, self.next);
        // A FIN takes one number and no byte.
        if missing <= 0 || self.fin == Some(self.next) && missing == 1 {
            self.proof = 0;
            return;
        }
        self.proof += 1;
        if self.proof < PROOF {
            return;
        }
        self.proof = 0;
        let first = holds.slots.get(self.hold as usize).and_then(|h| h.segments.first()).map(|s| s.0);
        match first {
            Some(seq) if distance(ack, seq) >= 0 => self.skip_hole(holds, out),
            // Further than any window reaches: not an acknowledgement of this stream.
            _ if missing > FAR => {}
            _ => {
                let end = self.fin.filter(|f| distance(ack, *f) > 0).unwrap_or(ack);
                let missing = distance(end, self.next);
                if missing > 0 {
                    self.next = end;
                    out(Piece::Gap(missing as u64));
                }
                self.drain(holds, out);
            }
        }
        self.finish_if_reached(out);
    }

    /// Delivers everything that is held, with gaps where something is missing: the conversation is over.
    pub fn flush(&mut self, holds: &mut Holds, out: &mut dyn FnMut(Piece<'_>)) {
        while self.hold != NONE {
            self.skip_hole(holds, out);
        }
        self.finish_if_reached(out);
    }

    /// Nobody reads this stream: forget what is held and only keep count.
    pub fn forget(&mut self, holds: &mut Holds) {
        if self.hold != NONE {
            let slot = std::mem::replace(&mut self.hold, NONE);
            if let Some(hold) = holds.slots.get_mut(slot as usize).map(std::mem::take) {
                holds.close(slot, hold);
            }
        }
    }

    fn finish_if_reached(&mut self, out: &mut dyn FnMut(Piece<'_>)) {
        if !self.ended && self.fin.is_some_and(|f| self.known && distance(self.next, f) >= 0) {
            self.ended = true;
            out(Piece::End);
        }
    }
}

/// Bytes that differ, as far as both reach.
fn differing(a: &[u8], b: &[u8]) -> u32 {
    let n = a.len().min(b.len());
    match (a.get(..n), b.get(..n)) {
        (Some(a), Some(b)) if a != b => a.iter().zip(b).filter(|(x, y)| x != y).count() as u32,
        _ => 0,
    }
}

impl Recent {
    #[inline]
    fn of(seq: u32, bytes: &[u8]) -> Recent {
        let (mut head, mut tail) = ([0; EDGE], [0; EDGE]);
        if let (Some(first), Some(last)) = (bytes.first_chunk::<EDGE>(), bytes.last_chunk::<EDGE>()) {
            (head, tail) = (*first, *last);
        } else {
            for (i, b) in bytes.iter().enumerate() {
                if let Some(place) = head.get_mut(i) {
                    *place = *b;
                }
            }
        }
        Recent { seq, length: bytes.len() as u32, head, tail }
    }

    /// Bytes of a copy that begins at `seq` that differ from the edges. `next` is what the stream expects: the one byte before it is what
    /// keep-alives send, and that may be anything (RFC 9293, 3.8.4).
    fn differing(&self, seq: u32, data: &[u8], next: u32) -> u32 {
        if data.len() <= 1 && seq.wrapping_add(1) == next {
            return 0;
        }
        let edge = |at: u32, bytes: &[u8]| {
            let ahead = distance(at, seq);
            let (mine, copy) = if ahead >= 0 {
                (bytes, data.get(ahead as usize..).unwrap_or(&[]))
            } else {
                (bytes.get(ahead.unsigned_abs() as usize..).unwrap_or(&[]), data)
            };
            differing(mine, copy)
        };
        let whole = self.length as usize >= EDGE;
        let head = self.head.get(..(self.length as usize).min(EDGE)).unwrap_or(&[]);
        let mut sum = edge(self.seq, head);
        if whole {
            // Where the two edges overlap, each byte counts once.
            let again = (2 * EDGE).saturating_sub(self.length as usize);
            let tail = self.tail.get(again..).unwrap_or(&[]);
            sum += edge(self.seq.wrapping_add(self.length).wrapping_sub(tail.len() as u32), tail);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Got {
        bytes: Vec<u8>,
        gaps: Vec<u64>,
        ended: bool,
    }
    impl Got {
        fn hear(&mut self, p: Piece<'_>) {
            assert!(!self.ended, "nothing comes after the end");
            match p {
                Piece::Data(d) => self.bytes.extend_from_slice(d),
                Piece::Gap(n) => self.gaps.push(n),
                Piece::End => self.ended = true,
            }
        }
    }
    fn seg(seq: u32, data: &[u8]) -> Segment<'_> {
        Segment { seq, data, cut: 0, syn: false, fin: false }
    }
    fn holds() -> Holds {
        Holds::new(1 << 20, 4 << 20)
    }

    #[test]
    fn the_first_copy_wins_held_or_delivered() {
        let (mut h, mut s, mut g) = (holds(), Half::default(), Got::default());
        s.segment(Segment { syn: true, ..seg(99, b"") }, &mut h, &mut |p| g.hear(p));
        s.segment(seg(103, b"DEF"), &mut h, &mut |p| g.hear(p));
        s.segment(seg(102, b"xxxxxx"), &mut h, &mut |p| g.hear(p));
        assert!(g.bytes.is_empty());
        s.segment(seg(100, b"abyyyyyyyyyy"), &mut h, &mut |p| g.hear(p));
        s.segment(seg(100, b"zzzzzzzzzzzz"), &mut h, &mut |p| g.hear(p));
        assert_eq!(g.bytes, b"abxDEFxxyyyy");
        assert!(g.gaps.is_empty());
        assert_eq!(h.held(), 0);
    }

    #[test]
    fn copies_that_differ_are_noticed_and_repetitions_are_not() {
        let (mut h, mut s) = (holds(), Half::default());
        let mut put = |seq, data: &[u8]| {
            s.segment(seg(seq, data), &mut h, &mut |_| {});
            h.take_differing()
        };
        assert_eq!(put(100, b"GET /index.html HTTP/1.1\r\n"), 0);
        // A repetition, cut otherwise, a keep-alive with anything in it.
        assert_eq!([put(100, b"GET /index.html HTTP/1.1\r\n"), put(102, b"T /in"), put(125, b"x")], [0; 3]);
        assert_eq!(put(100, b"GOT /index.html HTTP/1.1\r\n"), 1);
        // A repetition with more behind it, then another story.
        assert_eq!(put(120, b"/1.1\r\nHo"), 0);
        assert_eq!(put(120, b"/1.1\r\nxx"), 2);
        // Held back, then contradicted before and after the hole is filled.
        assert_eq!([put(140, b"abcdef"), put(138, b"..abXXef"), put(138, b"..abcdefgh")], [0, 2, 0]);
        assert_eq!(put(128, b"0123456789##YYcd"), 4);
        let mut short = Half::default();
        short.segment(seg(0, b"ab"), &mut h, &mut |_| {});
        short.segment(seg(0, b"aX"), &mut h, &mut |_| {});
        assert_eq!(h.take_differing(), 1);
    }

    #[test]
    fn a_hole_that_was_acknowledged_is_given_up_only_after_proof() {
        let (mut h, mut s, mut g) = (holds(), Half::default(), Got::default());
        s.segment(seg(u32::MAX - 1, b"ab"), &mut h, &mut |p| g.hear(p));
        s.segment(seg(10, b"later"), &mut h, &mut |p| g.hear(p));
        for _ in 0..PROOF {
            assert_eq!(g.bytes, b"ab");
            s.acknowledged(15, &mut h, &mut |p| g.hear(p));
        }
        assert_eq!((g.bytes.as_slice(), g.gaps.as_slice()), (&b"ablater"[..], &[10][..]));
        // The tail was lost too.
        for _ in 0..PROOF {
            s.acknowledged(100, &mut h, &mut |p| g.hear(p));
        }
        assert_eq!(g.gaps, [10, 85]);
    }

    #[test]
    fn keep_alives_retransmissions_and_fin() {
        let (mut h, mut s, mut g) = (holds(), Half::default(), Got::default());
        s.segment(seg(1000, b"hello"), &mut h, &mut |p| g.hear(p));
        s.segment(seg(1004, b"\0"), &mut h, &mut |p| g.hear(p));
        s.segment(seg(1000, b"hello, "), &mut h, &mut |p| g.hear(p));
        s.segment(Segment { fin: true, ..seg(1010, b"x") }, &mut h, &mut |p| g.hear(p));
        assert!(!g.ended);
        s.segment(seg(1007, b"you"), &mut h, &mut |p| g.hear(p));
        assert_eq!(g.bytes, b"hello, youx");
        assert!(g.ended);
    }

    #[test]
    fn a_cut_capture_shows_gaps_and_goes_on() {
        let (mut h, mut s, mut g) = (holds(), Half::default(), Got::default());
        s.segment(Segment { cut: 90, ..seg(0, b"0123456789") }, &mut h, &mut |p| g.hear(p));
        s.segment(seg(100, b"next"), &mut h, &mut |p| g.hear(p));
        assert_eq!((g.bytes.as_slice(), g.gaps.as_slice()), (&b"0123456789next"[..], &[90][..]));
    }

    #[test]
    fn bounds_hold_and_give_holes_up() {
        let mut h = Holds::new(10_000, 30_000);
        let mut all: Vec<Half> = (0..10).map(|_| Half::default()).collect();
        for s in &mut all {
            s.segment(seg(0, b"a"), &mut h, &mut |_| {});
        }
        for round in 0..1000u32 {
            for s in &mut all {
                let seq = s.next.wrapping_add(3 + round * 200);
                s.segment(seg(seq, &[7; 150]), &mut h, &mut |_| {});
                assert!(h.held() <= 30_000);
            }
        }
        for s in &mut all {
            s.forget(&mut h);
        }
        assert_eq!(h.held(), 0);
    }

    #[test]
    fn a_lost_thread_is_taken_up_again() {
        let (mut h, mut s, mut g) = (holds(), Half::default(), Got::default());
        s.segment(seg(0x9000_0000, b"a"), &mut h, &mut |p| g.hear(p));
        for i in 0..u32::from(STRAY) + 2 {
            s.segment(seg(0x5000_0000 + i, b"b"), &mut h, &mut |p| g.hear(p));
        }
        assert_eq!(g.gaps, [0]);
        assert_eq!(g.bytes, b"abbb");
    }

    proptest! {
        #[test]
        fn any_cutting_repeating_and_reordering_gives_the_same_stream(
            data in proptest::collection::vec(any::<u8>(), 1..3000),
            cuts in proptest::collection::vec((0usize..3000, 1usize..400), 0..60),
            start in any::<u32>(), seed in any::<u64>(),
        ) {
            // Random overlapping pieces, plus a full cover, all shuffled; every copy of a byte is the same.
            let mut pieces: Vec<(usize, usize)> = cuts.iter().map(|(a, l)| (a % data.len(), ((a % data.len()) + l).min(data.len()))).collect();
            let mut at = 0;
            let mut s = seed | 1;
            let mut random = move |n: usize| { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as usize % n };
            while at < data.len() {
                let to = (at + 1 + random(200)).min(data.len());
                pieces.push((at, to));
                at = to;
            }
            for i in (1..pieces.len()).rev() {
                pieces.swap(i, random(i + 1));
            }
            let (mut h, mut half, mut g) = (holds(), Half::default(), Got::default());
            half.segment(Segment { syn: true, ..seg(start.wrapping_sub(1), b"") }, &mut h, &mut |p| g.hear(p));
            let fin_at = random(pieces.len());
            for (i, (a, b)) in pieces.iter().enumerate() {
                half.segment(seg(start.wrapping_add(*a as u32), &data[*a..*b]), &mut h, &mut |p| g.hear(p));
                if i == fin_at {
                    half.segment(Segment { fin: true, ..seg(start.wrapping_add(data.len() as u32), b"") }, &mut h, &mut |p| g.hear(p));
                }
            }
            prop_assert_eq!(g.bytes, data);
            prop_assert_eq!(h.take_differing(), 0);
            prop_assert!(g.gaps.is_empty() && g.ended);
            prop_assert_eq!(h.held(), 0);
        }

        #[test]
        fn nothing_panics_and_bounds_hold(ops in proptest::collection::vec((any::<u32>(), 0usize..300, any::<u8>(), 0u32..2000), 0..200)) {
            let mut h = Holds::new(2000, 3000);
            let mut half = Half::default();
            let mut ended = false;
            for (seq, len, kind, cut) in ops {
                let seq = if kind & 1 == 0 { half.next.wrapping_add(seq % 5000).wrapping_sub(1000) } else { seq };
                let buf = vec![kind; len];
                let mut out = |p: Piece<'_>| if p == Piece::End { assert!(!ended); ended = true; };
                if kind & 0x30 == 0x30 {
                    half.acknowledged(seq, &mut h, &mut out);
                } else {
                    half.segment(Segment { seq, data: &buf, cut: if kind & 2 == 0 { 0 } else { cut }, syn: kind & 0xc0 == 0xc0, fin: kind & 0xfc == 4 }, &mut h, &mut out);
                }
                prop_assert!(h.held() <= 3000);
            }
        }
    }
}
