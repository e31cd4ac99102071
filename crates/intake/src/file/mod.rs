//! Capture files: pcap and pcapng, plain or packed by gzip, zstd or xz, from a path or any reader.
//!
//! A capture is evidence, and often the only one, so a damaged file is not refused. It is read up to the damage, and beyond it where
//! the next record can be told with certainty (a chain of records whose headers all make sense; in pcapng a block whose two lengths
//! agree). Each damage is noted with its place, and packets found beyond one are marked and counted apart, so that nobody takes a
//! mended stream for a whole one. What is not certain is left out: no packet is invented.
//!
//! Records are lent from the read buffer ([`CaptureFile::next`]): no copy and no allocation per packet. Whatever lengths a file
//! claims, memory stays within twice [`MAX_BLOCK`].

mod merge;
mod pcap;
mod pcapng;
mod source;

pub use merge::Merge;

use model::{SourceId, Time};
use source::Source;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;
use wire::packet::{LinkType, RawPacket};

/// A packet larger than this is taken for damage, as in other programs (`WTAP_MAX_PACKET_SIZE_STANDARD`): 256 KiB.
pub const DEFAULT_MAX_PACKET: usize = 256 << 10;
/// [`Options::max_packet`] may be raised to this: 16 MiB.
pub const MAX_PACKET_LIMIT: usize = 16 << 20;
/// A pcapng block larger than this is taken for damage (or larger than [`Options::max_packet`] and some options, if that is more).
pub const MAX_BLOCK: usize = 16 << 20;
/// The read buffer of one file in bytes.
pub const DEFAULT_BUFFER: usize = 512 << 10;
/// So many damages are kept with their place; more are only counted.
pub const MAX_DAMAGE: usize = 100;
/// So many interfaces of one pcapng file are told apart; packets of more are read as damage.
pub const MAX_INTERFACES: usize = 4096;
/// So many names of pcapng name resolution blocks are kept.
pub const MAX_NAMES: usize = 10_000;

/// How to read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest packet in bytes, at most [`MAX_PACKET_LIMIT`].
    pub max_packet: usize,
    /// The size of the read buffer in bytes; it grows only for a record that needs it.
    pub buffer: usize,
    /// Whether packets are looked for beyond damage.
    pub beyond_damage: bool,
    /// Whether the end of the file may still move: then a record cut by the end is waited for, not reported.
    pub growing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { max_packet: DEFAULT_MAX_PACKET, buffer: DEFAULT_BUFFER, beyond_damage: true, growing: false }
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path cannot be opened.
    #[error("{name} cannot be opened: {source}. Check the name and that this user may read it")]
    Open {
        /// The path.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading failed half-way: a disk or a network file system, not the content.
    #[error("{name} cannot be read further: {source}. Check the disk or the connection it is on")]
    Read {
        /// The path.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing in it at all.
    #[error("{name} is empty (0 bytes). Was the capture stopped before its first packet was written?")]
    Empty {
        /// The path.
        name: String,
    },
    /// Some other kind of file.
    #[error("{name} is no capture that can be read: {what}. Expected pcap or pcapng, plain or packed by gzip, zstd or xz")]
    Unknown {
        /// The path.
        name: String,
        /// What it looks like.
        what: String,
    },
    /// Compressed again and again.
    #[error("{name} is compressed more than {layers} times over; unpack it first")]
    TooManyLayers {
        /// The path.
        name: String,
        /// How many layers are undone.
        layers: usize,
    },
}

/// A packet, lent until the next call.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Capture time. A simple packet block of pcapng has none and gets that of the packet before (1970 at the start): see `timed`.
    pub time: Time,
    /// Whether the file states the time.
    pub timed: bool,
    /// How the bytes begin.
    pub link: LinkType,
    /// Index into [`FileInfo::interfaces`]; 0 in pcap.
    pub interface: u32,
    /// Length on the wire in bytes, as stated.
    pub wire_len: u32,
    /// The bytes that were captured.
    pub data: &'a [u8],
    /// Whether damage lies before it in the file.
    pub beyond_damage: bool,
}

impl<'a> Record<'a> {
    /// The same for the engine, under a sensor's number.
    pub fn raw(&self, sensor: SourceId) -> RawPacket<'a> {
        RawPacket { time: self.time, sensor, link: self.link, wire_len: self.wire_len, vlan: None, data: self.data }
    }
}

/// A place where the file is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes from the start of the (unpacked) stream.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

/// A name that the capture itself resolved (pcapng name resolution block).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedName {
    /// The address.
    pub address: IpAddr,
    /// Its name, at most 255 bytes.
    pub name: String,
}

/// An interface as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Section of the pcapng file, from 0.
    pub section: u32,
    /// Link type of its packets.
    pub link: LinkType,
    /// Bytes kept of each packet at most; 0 is no limit.
    pub snaplen: u32,
    /// Name (`if_name`), where given.
    pub name: Option<String>,
}

/// What was read so far; complete when [`CaptureFile::next`] has said `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileInfo {
    /// The path as given; `-` is standard input.
    pub name: String,
    /// `pcap`, `pcap-nanosecond`, `pcap-modified` or `pcapng`, with `+gzip` and the like for each packing; `unknown` where the file was
    /// cut before that could be told.
    pub format: String,
    /// The link type of the pcap file, or of each pcapng interface in order.
    pub link_types: Vec<LinkType>,
    /// The interfaces in order over all sections; one for pcap.
    pub interfaces: Vec<Interface>,
    /// Packets, `recovered` included.
    pub packets: u64,
    /// Packets that were found beyond damage.
    pub recovered: u64,
    /// Sum of captured lengths.
    pub captured_bytes: u64,
    /// Sum of lengths on the wire.
    pub wire_bytes: u64,
    /// Time of the first packet that states one, in file order.
    pub first: Option<Time>,
    /// Time of the last packet that states one, in file order.
    pub last: Option<Time>,
    /// Damages in order, at most [`MAX_DAMAGE`].
    pub damage: Vec<Damage>,
    /// Damages beyond those.
    pub damage_more: u64,
    /// pcapng sections; 0 for pcap.
    pub sections: u32,
    /// Bytes of the unpacked stream that were read.
    pub read_bytes: u64,
}

/// A capture being read.
pub struct CaptureFile {
    source: Source,
    reader: Reader,
    info: FileInfo,
    names: Vec<ResolvedName>,
    options: Options,
    /// A record that was looked at by [`CaptureFile::peek`] and not yet handed out.
    pending: Option<Found>,
    finished: bool,
}

enum Reader {
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
    /// The file ended inside its header.
    Nothing,
}

/// A packet by its place in the buffer.
#[derive(Clone, Copy, Debug)]
struct Found {
    time: Time,
    timed: bool,
    link: LinkType,
    interface: u32,
    wire_len: u32,
    at: usize,
    len: usize,
    beyond_damage: bool,
}

/// What the readers write down as they go.
struct Notes<'a> {
    info: &'a mut FileInfo,
    names: &'a mut Vec<ResolvedName>,
    options: &'a Options,
}

impl Notes<'_> {
    fn damage(&mut self, offset: u64, what: String) {
        if self.info.damage.len() < MAX_DAMAGE {
            self.info.damage.push(Damage { offset, what });
        } else {
            self.info.damage_more += 1;
        }
    }
}

impl CaptureFile {
    /// Opens a path; `-` is standard input.
    pub fn open(path: &Path) -> Result<CaptureFile, FileError> {
        Self::open_with(path, Options::default())
    }

    /// Opens a path with options.
    pub fn open_with(path: &Path, options: Options) -> Result<CaptureFile, FileError> {
        let name = path.display().to_string();
        if name == "-" {
            return Self::from_reader_with(Box::new(io::stdin()), "-", options);
        }
        let open = |source| FileError::Open { name: name.clone(), source };
        let file = File::open(path).map_err(open)?;
        if file.metadata().map_err(open)?.is_dir() {
            return Err(open(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        Self::from_reader_with(Box::new(file), &name, options)
    }

    /// Reads from anything. `name` is for messages.
    pub fn from_reader(reader: Box<dyn Read + Send>, name: &str) -> Result<CaptureFile, FileError> {
        Self::from_reader_with(reader, name, Options::default())
    }

    /// Reads from anything with options.
    pub fn from_reader_with(reader: Box<dyn Read + Send>, name: &str, mut options: Options) -> Result<CaptureFile, FileError> {
        options.max_packet = options.max_packet.clamp(1 << 10, MAX_PACKET_LIMIT);
        let mut source = Source::open(reader, name, options.buffer.clamp(16 << 10, 64 << 20), options.growing)?;
        let mut info = FileInfo { name: name.to_owned(), ..FileInfo::default() };
        let mut names = Vec::new();
        let read = |source| FileError::Read { name: name.to_owned(), source };
        source.fill(24).map_err(read)?;
        let head = source.available();
        let mut notes = Notes { info: &mut info, names: &mut names, options: &options };
        let (format, reader) = if pcap::Pcap::is(head) {
            match pcap::Pcap::open(&mut source, &mut notes) {
                Some(pcap) => (pcap.format_name(), Reader::Pcap(pcap)),
                None => ("pcap", Reader::Nothing),
            }
        } else if pcapng::Pcapng::is(head) {
            ("pcapng", Reader::Pcapng(pcapng::Pcapng::new()))
        } else if head.is_empty() && source.packings().is_empty() {
            return Err(FileError::Empty { name: name.to_owned() });
        } else if head.len() < 4 && source.ended() {
            // Too little to tell what it is. What a decoder complained about is told below.
            let offset = head.len() as u64;
            notes.damage(offset, format!("the file ends after {offset} bytes, before its kind can be told"));
            source.consume(4);
            ("unknown", Reader::Nothing)
        } else {
            return Err(FileError::Unknown { name: name.to_owned(), what: describe(head) });
        };
        let mut format = format.to_owned();
        for packing in source.packings() {
            format = format!("{format}+{}", packing.name());
        }
        info.format = format;
        Ok(CaptureFile { source, reader, info, names, options, pending: None, finished: false })
    }

    /// The next packet; `None` at the end, and for a growing file at the end so far (call again later). An error is one of the
    /// machine, never of the content: the content's damages are in [`FileInfo::damage`].
    #[allow(clippy::should_implement_trait)] // A lending iterator cannot be an Iterator.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, FileError> {
        let found = match self.pending.take() {
            Some(found) => found,
            None => match self.step()? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        self.info.packets += 1;
        self.info.recovered += u64::from(found.beyond_damage);
        self.info.captured_bytes += found.len as u64;
        self.info.wire_bytes += u64::from(found.wire_len);
        if found.timed {
            self.info.first = self.info.first.or(Some(found.time));
            self.info.last = Some(found.time);
        }
        Ok(Some(Record {
            time: found.time,
            timed: found.timed,
            link: found.link,
            interface: found.interface,
            wire_len: found.wire_len,
            data: self.source.slice(found.at, found.len),
            beyond_damage: found.beyond_damage,
        }))
    }

    /// The time of the next packet, without taking it.
    pub fn peek(&mut self) -> Result<Option<Time>, FileError> {
        if self.pending.is_none() {
            self.pending = self.step()?;
        }
        Ok(self.pending.map(|f| f.time))
    }

    /// What was read so far.
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Damages so far.
    pub fn damage(&self) -> &[Damage] {
        &self.info.damage
    }

    /// Names that the capture carries, at most [`MAX_NAMES`].
    pub fn names(&self) -> &[ResolvedName] {
        &self.names
    }

    /// The path as given.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Bytes of the unpacked stream that were read, for a progress bar.
    pub fn position(&self) -> u64 {
        self.source.offset()
    }

    /// Says whether the file may still grow. After `false`, a record that is cut by the end is reported as damage.
    pub fn set_growing(&mut self, growing: bool) {
        self.options.growing = growing;
        self.source.set_growing(growing);
        self.finished = false;
    }

    fn step(&mut self) -> Result<Option<Found>, FileError> {
        if self.finished {
            return Ok(None);
        }
        let mut notes = Notes { info: &mut self.info, names: &mut self.names, options: &self.options };
        let found = match &mut self.reader {
            Reader::Pcap(pcap) => pcap.step(&mut self.source, &mut notes),
            Reader::Pcapng(pcapng) => pcapng.step(&mut self.source, &mut notes),
            Reader::Nothing => Ok(None),
        };
        if matches!(found, Ok(None)) {
            if let Some((offset, what)) = self.source.take_trouble() {
                // One cut is one damage: the half record at the end follows from the half stream.
                if self.info.damage.last().is_some_and(|d| d.what.contains(" ends inside ")) {
                    self.info.damage.pop();
                }
                Notes { info: &mut self.info, names: &mut self.names, options: &self.options }.damage(offset, what);
                self.finished = true;
            }
            self.finished |= !self.options.growing;
            self.info.read_bytes = self.source.offset();
        }
        found.map_err(|source| FileError::Read { name: self.info.name.clone(), source })
    }
}

/// Says what some other file looks like.
fn describe(head: &[u8]) -> String {
    match head {
        [b'P', b'K', 3, 4, ..] => "it is a ZIP archive; unpack it first".into(),
        [b'B', b'Z', b'h', ..] => "it is packed by bzip2; unpack it first".into(),
        [0x04, 0x22, 0x4d, 0x18, ..] => "it is packed by lz4; unpack it first".into(),
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "it is a snoop capture; convert it with editcap".into(),
        [b'R', b'T', b'S', b'S', ..] | [b'G', b'M', b'B', b'U', ..] => "it is a Network Monitor capture; convert it with editcap".into(),
        _ if head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "it is a text file".into(),
        _ => {
            let hex: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("it begins with the bytes {}", hex.join(" "))
        }
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(from) = bytes.get(at..at + N) {
        out.copy_from_slice(from);
    }
    out
}

/// A 32-bit number of the file's byte order; 0 outside.
#[inline]
fn u32_at(bytes: &[u8], at: usize, big: bool) -> u32 {
    let raw = array(bytes, at);
    if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
}

/// A 16-bit number of the file's byte order; 0 outside.
#[inline]
fn u16_at(bytes: &[u8], at: usize, big: bool) -> u16 {
    let raw = array(bytes, at);
    if big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) }
}
