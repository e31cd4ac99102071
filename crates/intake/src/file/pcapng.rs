//! pcapng (draft-ietf-opsawg-pcapng): blocks of type, length, body and the length again.
//!
//! The length that stands at both ends makes damage visible and the next block certain: beyond damage, a block of a known type whose
//! two lengths agree and whose body fits is one. Blocks that are not about packets, interfaces or names (statistics, secrets, custom
//! blocks, whatever comes later) are skipped.

use super::source::Source;
use super::{Found, Interface, MAX_BLOCK, MAX_INTERFACES, MAX_NAMES, Notes, ResolvedName, array, u16_at, u32_at};
use model::Time;
use std::io;
use std::net::IpAddr;
use wire::packet::LinkType;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Beyond damage, a block must be seen within this many bytes.
const LOOKAHEAD: usize = 384 << 10;

/// The state of reading one pcapng file.
pub(super) struct Pcapng {
    big: bool,
    sections: u32,
    /// Of the section at hand.
    interfaces: Vec<Known>,
    /// Index in the file of the section's first interface.
    first_interface: u32,
    last: Time,
    beyond_damage: bool,
}

/// What is needed of an interface for each packet.
#[derive(Clone, Copy)]
struct Known {
    link: LinkType,
    snaplen: u32,
    unit: Unit,
    offset: Time,
}

/// The unit of an interface's timestamps (`if_tsresol`).
#[derive(Clone, Copy)]
enum Unit {
    /// So many nanoseconds.
    Times(u64),
    /// The so manieth part of a nanosecond.
    Part(u64),
    /// 2 to the minus this, in seconds.
    Binary(u32),
}

impl Unit {
    fn of(tsresol: u8) -> Unit {
        let power = u32::from(tsresol & 0x7f);
        if tsresol & 0x80 != 0 {
            Unit::Binary(power)
        } else if power <= 9 {
            Unit::Times(10u64.pow(9 - power))
        } else {
            Unit::Part(10u64.checked_pow(power - 9).unwrap_or(u64::MAX))
        }
    }

    #[inline]
    fn nanos(self, units: u64) -> i64 {
        let nanos = match self {
            Unit::Times(n) => units.checked_mul(n),
            Unit::Part(n) => Some(units / n),
            Unit::Binary(power) => u64::try_from((u128::from(units) * 1_000_000_000) >> power).ok(),
        };
        nanos.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX)
    }
}

/// A block whose frame is sound.
#[derive(Clone, Copy)]
struct Frame {
    kind: u32,
    len: usize,
}

impl Pcapng {
    pub(super) fn is(head: &[u8]) -> bool {
        head.starts_with(&SECTION.to_be_bytes())
    }

    pub(super) fn new() -> Pcapng {
        Pcapng { big: false, sections: 0, interfaces: Vec::new(), first_interface: 0, last: Time(0), beyond_damage: false }
    }

    /// The byte order of a block: a section header brings its own.
    fn order(&self, head: &[u8]) -> Option<bool> {
        if !Self::is(head) {
            return Some(self.big);
        }
        match u32_at(head, 8, true) {
            BYTE_ORDER => Some(true),
            v if v == BYTE_ORDER.swap_bytes() => Some(false),
            _ => None,
        }
    }

    /// Reads a block's frame at the start of `source`. `Ok(None)`: the file ends inside it. `Err`: what is wrong.
    fn frame(&self, source: &mut Source, notes: &Notes<'_>) -> io::Result<Result<Option<Frame>, String>> {
        if !source.fill(12)? {
            return Ok(Ok(None));
        }
        let head = source.available();
        let Some(big) = self.order(head) else {
            return Ok(Err("a section header has no byte-order magic".into()));
        };
        let (kind, stated) = (u32_at(head, 0, big), u32_at(head, 4, big) as usize);
        let limit = MAX_BLOCK.max(notes.options.max_packet + (64 << 10));
        if !(12..=limit).contains(&stated) {
            return Ok(Err(format!("a block (type {kind:#x}) claims a length of {stated} bytes")));
        }
        // Some writers do not count the padding in the length.
        let len = stated.next_multiple_of(4);
        if !source.fill(len)? {
            return Ok(Ok(None));
        }
        if u32_at(source.available(), len - 4, big) as usize != stated {
            return Ok(Err(format!("the two lengths of a block (type {kind:#x}, {stated} bytes) do not agree")));
        }
        Ok(Ok(Some(Frame { kind, len })))
    }

    pub(super) fn step(&mut self, source: &mut Source, notes: &mut Notes<'_>) -> io::Result<Option<Found>> {
        loop {
            let frame = match self.frame(source, notes)? {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    let left = source.available().len();
                    if left == 0 || source.growing() {
                        return Ok(None);
                    }
                    notes.damage(source.offset(), format!("the file ends inside a block, after {left} bytes of it"));
                    if !self.resync(source, notes)? {
                        return Ok(None);
                    }
                    continue;
                }
                Err(what) => {
                    notes.damage(source.offset(), what);
                    if !self.resync(source, notes)? {
                        return Ok(None);
                    }
                    continue;
                }
            };
            let start = source.position();
            let offset = source.offset();
            source.consume(frame.len);
            let block = source.slice(start, frame.len);
            let body = block.get(8..frame.len - 4).unwrap_or_default();
            let found = match frame.kind {
                SECTION => self.section(body, notes),
                _ if self.sections == 0 => Err("a block stands before the first section header".into()),
                INTERFACE => self.interface(body, notes),
                ENHANCED_PACKET => self.packet(body, u32_at(body, 0, self.big), 20, notes),
                OBSOLETE_PACKET => self.packet(body, u32::from(u16_at(body, 0, self.big)), 20, notes),
                SIMPLE_PACKET => self.simple(body, notes),
                NAMES => {
                    names(body, self.big, notes.names);
                    Ok(None)
                }
                _ => Ok(None),
            };
            match found {
                Ok(Some(mut found)) => {
                    found.at += start + 8;
                    if found.timed {
                        self.last = found.time;
                    }
                    return Ok(Some(found));
                }
                Ok(None) => {}
                Err(what) => notes.damage(offset, what),
            }
        }
    }

    fn section(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Result<Option<Found>, String> {
        // The frame was read by this order, so the magic is one of the two.
        self.big = u32_at(body, 0, true) == BYTE_ORDER;
        if body.len() < 16 {
            return Err("a section header is too short".into());
        }
        self.sections += 1;
        notes.info.sections = self.sections;
        self.interfaces.clear();
        self.first_interface = notes.info.interfaces.len() as u32;
        let major = u16_at(body, 4, self.big);
        if major == 1 { Ok(None) } else { Err(format!("a section is of version {major}; it is read as version 1")) }
    }

    fn interface(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Result<Option<Found>, String> {
        if body.len() < 8 {
            return Err("an interface description is too short".into());
        }
        if notes.info.interfaces.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces; this one is left out"));
        }
        let link = LinkType(u16_at(body, 0, self.big));
        let mut known = Known { link, snaplen: u32_at(body, 4, self.big), unit: Unit::of(6), offset: Time(0) };
        let mut name = None;
        for (code, value) in options(body.get(8..).unwrap_or_default(), self.big) {
            match (code, value.len()) {
                (2, _) => name = Some(text(value)),
                (9, 1..) => known.unit = Unit::of(array::<1>(value, 0)[0]),
                (14, 8..) => {
                    let raw = array(value, 0);
                    let seconds = if self.big { i64::from_be_bytes(raw) } else { i64::from_le_bytes(raw) };
                    known.offset = Time::from_unix(seconds, 0);
                }
                _ => {}
            }
        }
        self.interfaces.push(known);
        notes.info.link_types.push(link);
        notes.info.interfaces.push(Interface { section: self.sections - 1, link, snaplen: known.snaplen, name });
        Ok(None)
    }

    /// An enhanced packet block, or an obsolete packet block, whose fields lie alike behind the interface.
    fn packet(&self, body: &[u8], interface: u32, data: usize, notes: &Notes<'_>) -> Result<Option<Found>, String> {
        if body.len() < data {
            return Err("a packet block is too short".into());
        }
        let Some(known) = self.interfaces.get(interface as usize) else {
            return Err(format!("a packet names interface {interface}, which the section does not describe"));
        };
        let captured = u32_at(body, 12, self.big) as usize;
        let room = body.len() - data;
        if captured > room {
            return Err(format!("a packet claims {captured} captured bytes in a block that has room for {room}"));
        }
        too_large(captured, notes)?;
        let units = u64::from(u32_at(body, 4, self.big)) << 32 | u64::from(u32_at(body, 8, self.big));
        Ok(Some(Found {
            time: Time(known.unit.nanos(units).saturating_add(known.offset.0)),
            timed: true,
            link: known.link,
            interface: self.first_interface + interface,
            wire_len: u32_at(body, 16, self.big),
            at: data,
            len: captured,
            beyond_damage: self.beyond_damage,
        }))
    }

    /// A simple packet block: of the first interface, without a time, its captured length implied.
    fn simple(&self, body: &[u8], notes: &Notes<'_>) -> Result<Option<Found>, String> {
        let Some(known) = self.interfaces.first() else {
            return Err("a simple packet stands before any interface".into());
        };
        if body.len() < 4 {
            return Err("a simple packet block is too short".into());
        }
        let wire_len = u32_at(body, 0, self.big);
        let snapped = if known.snaplen == 0 { wire_len } else { wire_len.min(known.snaplen) } as usize;
        let room = body.len() - 4;
        if snapped > room {
            return Err(format!("a simple packet of {snapped} bytes stands in a block that has room for {room}"));
        }
        too_large(snapped, notes)?;
        Ok(Some(Found {
            time: self.last,
            timed: false,
            link: known.link,
            interface: self.first_interface,
            wire_len,
            at: 4,
            len: snapped,
            beyond_damage: self.beyond_damage,
        }))
    }

    /// Stands before the next certain block; false (with everything consumed) where there is none.
    fn resync(&mut self, source: &mut Source, notes: &Notes<'_>) -> io::Result<bool> {
        let look = notes.options.beyond_damage;
        source.consume(1);
        loop {
            // Twice, so that each reading is followed by LOOKAHEAD bytes of search: linear, whatever the reader gives at a time.
            source.fill(2 * LOOKAHEAD)?;
            let bytes = source.available();
            let at_end = source.ended();
            let tries = if at_end { bytes.len() } else { bytes.len().saturating_sub(LOOKAHEAD) };
            match (0..tries).find(|&at| look && self.certain(bytes.get(at..).unwrap_or_default())) {
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

    /// Whether a block certainly begins here: a known type, two lengths that agree, and a body that fits.
    fn certain(&self, bytes: &[u8]) -> bool {
        let kind = u32_at(bytes, 0, self.big);
        let section = Self::is(bytes);
        if !section && !matches!(kind, INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | NAMES | STATISTICS | ENHANCED_PACKET) {
            return false;
        }
        let Some(big) = self.order(bytes) else { return false };
        let len = u32_at(bytes, 4, big) as usize;
        let least = match kind {
            _ if section => 28,
            INTERFACE => 20,
            SIMPLE_PACKET => 16,
            NAMES => 16,
            STATISTICS => 24,
            _ => 32,
        };
        if len < least || !len.is_multiple_of(4) || len > bytes.len() || u32_at(bytes, len - 4, big) as usize != len {
            return false;
        }
        let interface = if kind == OBSOLETE_PACKET { u32::from(u16_at(bytes, 8, big)) } else { u32_at(bytes, 8, big) };
        match kind {
            ENHANCED_PACKET | OBSOLETE_PACKET if !section => {
                let captured = u32_at(bytes, 20, big) as usize;
                (interface as usize) < self.interfaces.len() && captured <= len - 32
            }
            SIMPLE_PACKET if !section => !self.interfaces.is_empty(),
            _ => true,
        }
    }
}

fn too_large(captured: usize, notes: &Notes<'_>) -> Result<(), String> {
    let limit = notes.options.max_packet;
    if captured > limit { Err(format!("a packet of {captured} bytes is over the limit of {limit} and left out")) } else { Ok(()) }
}

/// The options of a block: code, length, value padded to 4 bytes (draft-ietf-opsawg-pcapng, 3.5). Ends where they do not fit.
fn options(mut bytes: &[u8], big: bool) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (code, len) = (u16_at(bytes, 0, big), usize::from(u16_at(bytes, 2, big)));
        if bytes.len() < 4 || code == 0 {
            return None;
        }
        let value = bytes.get(4..4 + len)?;
        bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}

/// Name records (draft-ietf-opsawg-pcapng, 4.5): type 1 is IPv4, 2 is IPv6; an address and names, each ended by a zero byte.
fn names(body: &[u8], big: bool, names: &mut Vec<ResolvedName>) {
    for (kind, value) in options(body, big) {
        let (address, rest) = match kind {
            1 if value.len() > 4 => (IpAddr::from(array::<4>(value, 0)), value.get(4..)),
            2 if value.len() > 16 => (IpAddr::from(array::<16>(value, 0)), value.get(16..)),
            _ => continue,
        };
        for name in rest.unwrap_or_default().split(|&b| b == 0).filter(|n| !n.is_empty()) {
            if names.len() >= MAX_NAMES {
                return;
            }
            names.push(ResolvedName { address, name: text(name) });
        }
    }
}

/// At most 255 bytes of text without control characters.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..bytes.len().min(255)).unwrap_or_default();
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect()
}
