//! The classic format (draft-ietf-opsawg-pcap): a 24-byte file header, then records of a 16-byte header and the bytes.
//!
//! A record header has no magic number, so beyond damage the next record is found by plausibility: lengths that agree, a time within a
//! week of the last one, and the same again for the records that follow, [`CERTAIN_CHAIN`] in all or up to exactly the end of the file.

use super::source::Source;
use super::{Found, Interface, Notes, u16_at, u32_at};
use model::{Span, Time};
use std::io;
use wire::packet::LinkType;

/// So many record headers in a row make it certain that records were found.
const CERTAIN_CHAIN: u32 = 4;
/// The chain must be seen within this many bytes.
const LOOKAHEAD: usize = 256 << 10;
/// A record found beyond damage must be within this time of the one before.
const NEAR: Span = Span::days(7);

/// The state of reading one pcap file.
pub(super) struct Pcap {
    big: bool,
    nano: bool,
    /// Kuznetzov's "modified" format: record headers carry 8 more bytes (interface, protocol, packet type).
    modified: bool,
    /// The file's minor version is below 4: captured and original length may be the other way round.
    old: Old,
    link: LinkType,
    last: Option<Time>,
    beyond_damage: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    No,
    Swapped,
    Maybe,
}

#[derive(Clone, Copy)]
struct Header {
    seconds: u32,
    fraction: u32,
    captured: u32,
    wire: u32,
}

impl Pcap {
    fn magic(head: &[u8]) -> Option<(bool, bool, bool)> {
        let magic: [u8; 4] = head.get(..4)?.try_into().ok()?;
        let read = |value, big| match value {
            0xa1b2_c3d4_u32 => Some((big, false, false)),
            0xa1b2_3c4d => Some((big, true, false)),
            0xa1b2_cd34 => Some((big, false, true)),
            _ => None,
        };
        read(u32::from_be_bytes(magic), true).or_else(|| read(u32::from_le_bytes(magic), false))
    }

    pub(super) fn is(head: &[u8]) -> bool {
        Self::magic(head).is_some()
    }

    pub(super) fn format_name(&self) -> &'static str {
        match (self.nano, self.modified) {
            (_, true) => "pcap-modified",
            (true, false) => "pcap-nanosecond",
            (false, false) => "pcap",
        }
    }

    /// Reads the file header. `None`, with the damage noted, where the file ends inside it.
    pub(super) fn open(source: &mut Source, notes: &mut Notes<'_>) -> Option<Pcap> {
        let head = source.available();
        let (big, nano, modified) = Self::magic(head)?;
        if head.len() < 24 {
            let len = head.len();
            notes.damage(len as u64, format!("the file ends inside its header, after {len} of 24 bytes"));
            source.consume(len);
            return None;
        }
        let (major, minor) = (u16_at(head, 4, big), u16_at(head, 6, big));
        let old = match (major, minor) {
            (2, 0..=2) | (543, 0) => Old::Swapped,
            (2, 3) => Old::Maybe,
            _ => Old::No,
        };
        let snaplen = u32_at(head, 16, big);
        // The upper half carries the length of the frame check sequence and reserved bits.
        let link = LinkType((u32_at(head, 20, big) & 0xffff) as u16);
        source.consume(24);
        notes.info.link_types.push(link);
        notes.info.interfaces.push(Interface { section: 0, link, snaplen, name: None });
        Some(Pcap { big, nano, modified, old, link, last: None, beyond_damage: false })
    }

    fn header_len(&self) -> usize {
        if self.modified { 24 } else { 16 }
    }

    #[inline]
    fn header(&self, bytes: &[u8]) -> Header {
        let mut h = Header {
            seconds: u32_at(bytes, 0, self.big),
            fraction: u32_at(bytes, 4, self.big),
            captured: u32_at(bytes, 8, self.big),
            wire: u32_at(bytes, 12, self.big),
        };
        if self.old == Old::Swapped || (self.old == Old::Maybe && h.captured > h.wire) {
            std::mem::swap(&mut h.captured, &mut h.wire);
        }
        h
    }

    #[inline]
    fn time(&self, h: Header) -> Time {
        let nanos = if self.nano { i64::from(h.fraction) } else { i64::from(h.fraction) * 1000 };
        Time(i64::from(h.seconds) * 1_000_000_000 + nanos)
    }

    pub(super) fn step(&mut self, source: &mut Source, notes: &mut Notes<'_>) -> io::Result<Option<Found>> {
        let header_len = self.header_len();
        loop {
            if !source.fill(header_len)? {
                let left = source.available().len();
                if left > 0 && !source.growing() {
                    notes.damage(source.offset(), format!("the file ends inside a record header, after {left} of {header_len} bytes"));
                    source.consume(left);
                }
                return Ok(None);
            }
            let h = self.header(source.available());
            let captured = h.captured as usize;
            if captured > notes.options.max_packet {
                let limit = notes.options.max_packet;
                let what = format!("a record claims {captured} captured bytes, more than the limit of {limit}; it is no record");
                notes.damage(source.offset(), what);
                if !self.resync(source, notes)? {
                    return Ok(None);
                }
                continue;
            }
            if !source.fill(header_len + captured)? {
                if source.growing() {
                    return Ok(None);
                }
                let left = source.available().len() - header_len;
                notes.damage(source.offset(), format!("the file ends inside a packet, after {left} of {captured} bytes"));
                if !self.resync(source, notes)? {
                    return Ok(None);
                }
                continue;
            }
            let at = source.position() + header_len;
            source.consume(header_len + captured);
            let time = self.time(h);
            self.last = Some(time);
            return Ok(Some(Found {
                time,
                timed: true,
                link: self.link,
                interface: 0,
                wire_len: h.wire,
                at,
                len: captured,
                beyond_damage: self.beyond_damage,
            }));
        }
    }

    /// Stands before the next certain record; false (with everything consumed) where there is none.
    fn resync(&mut self, source: &mut Source, notes: &Notes<'_>) -> io::Result<bool> {
        if notes.options.beyond_damage {
            source.consume(1);
            loop {
                // Twice, so that each reading is followed by LOOKAHEAD bytes of search: linear, whatever the reader gives at a time.
                source.fill(2 * LOOKAHEAD)?;
                let bytes = source.available();
                let at_end = source.ended();
                let tries = if at_end { bytes.len() } else { bytes.len().saturating_sub(LOOKAHEAD) };
                let hit = (0..tries).find(|&at| self.chain(bytes.get(at..).unwrap_or_default(), at_end, notes));
                match hit {
                    Some(at) => {
                        source.consume(at);
                        self.beyond_damage = true;
                        return Ok(true);
                    }
                    None => source.consume(tries),
                }
                if at_end {
                    return Ok(false);
                }
            }
        }
        loop {
            let left = source.available().len();
            source.consume(left);
            if !source.fill(1)? {
                return Ok(false);
            }
        }
    }

    /// Whether records certainly begin here.
    fn chain(&self, bytes: &[u8], at_end: bool, notes: &Notes<'_>) -> bool {
        let header_len = self.header_len();
        let (mut at, mut good, mut last) = (0, 0, self.last);
        loop {
            if at_end && at == bytes.len() {
                return good >= 2 || (good == 1 && self.last.is_some());
            }
            let Some(head) = bytes.get(at..at + header_len) else { return false };
            let h = self.header(head);
            if !self.plausible(h, last, notes) {
                return false;
            }
            last = Some(self.time(h));
            good += 1;
            if good == CERTAIN_CHAIN {
                return true;
            }
            at += header_len + h.captured as usize;
        }
    }

    fn plausible(&self, h: Header, last: Option<Time>, notes: &Notes<'_>) -> bool {
        let whole = h.captured == h.wire;
        let snapped = h.captured < h.wire && h.wire as usize <= super::DEFAULT_MAX_PACKET;
        let fraction = if self.nano { 1_000_000_000 } else { 1_000_000 };
        h.captured >= 1 && h.captured as usize <= notes.options.max_packet && (whole || snapped) && h.fraction < fraction && {
            let distance = last.map_or(0, |t| self.time(h).since(t).0.saturating_abs());
            distance <= NEAR.0
        }
    }
}
