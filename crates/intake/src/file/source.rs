//! The bytes of a capture, decompressed, in one sliding buffer from which packets are lent without a copy.
//!
//! Memory is bounded by construction: the buffer is at most twice the largest record ([`super::MAX_PACKET_LIMIT`]) or pcapng block
//! ([`super::MAX_BLOCK`]) and decompression is streamed, so a bomb costs time in proportion to what is read from it, never memory.

use super::FileError;
use std::io::{self, BufReader, Cursor, Read};

/// How much memory an xz or zstd stream may ask for to be unpacked: `xz -9` needs 65 MiB, `zstd --long` 128 MiB.
const DECODER_MEMORY: u64 = 160 << 20;
/// The largest zstd window, as a power of two: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;
/// A capture may be compressed in this many layers; more is refused, for nobody means it.
const MAX_LAYERS: usize = 3;

/// So many bytes are moved to the front of the buffer without a thought: far less than a read call costs.
const CHEAP_MOVE: usize = 32 << 10;

/// A compression that was found by its magic number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
}

impl Packing {
    pub(super) fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Xz => "xz",
        }
    }

    /// RFC 1952 2.3.1; RFC 8878 3.1.1 and 3.1.2; the .xz file format 2.1.1.1.
    fn of(head: &[u8]) -> Option<Packing> {
        match head {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
            _ => None,
        }
    }
}

/// The sliding buffer.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the decompressed stream of `buf[0]`.
    base: u64,
    ended: bool,
    growing: bool,
    packings: Vec<Packing>,
    /// What a decoder said when its input was damaged, and where in its output.
    trouble: Option<(u64, String)>,
}

impl Source {
    /// Looks at the first bytes and puts the decoders in between that they ask for.
    pub(super) fn open(mut reader: Box<dyn Read + Send>, name: &str, buffer: usize, growing: bool) -> Result<Source, FileError> {
        let io = |source| FileError::Read { name: name.to_owned(), source };
        let mut packings = Vec::new();
        loop {
            let mut source = Source {
                reader,
                buf: vec![0; 4096],
                start: 0,
                end: 0,
                base: 0,
                ended: false,
                growing,
                packings: packings.clone(),
                trouble: None,
            };
            source.fill(6).map_err(io)?;
            let Some(packing) = Packing::of(source.available()) else {
                source.buf.resize(buffer.max(source.buf.len()), 0);
                return Ok(source);
            };
            if packings.len() == MAX_LAYERS {
                return Err(FileError::TooManyLayers { name: name.to_owned(), layers: MAX_LAYERS });
            }
            packings.push(packing);
            let head = source.buf.get(..source.end).unwrap_or_default().to_vec();
            let whole = BufReader::with_capacity(256 << 10, Cursor::new(head).chain(source.reader));
            reader = match packing {
                Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
                Packing::Zstd => {
                    let mut decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(io)?;
                    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(io)?;
                    Box::new(decoder)
                }
                Packing::Xz => {
                    let stream = liblzma::stream::Stream::new_stream_decoder(DECODER_MEMORY, liblzma::stream::CONCATENATED)
                        .map_err(|e| io(io::Error::other(e)))?;
                    Box::new(liblzma::bufread::XzDecoder::new_stream(whole, stream))
                }
            };
        }
    }

    /// What is in the buffer and not yet consumed.
    pub(super) fn available(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// Bytes of the buffer by absolute position, as [`Source::position`] gives it. Valid until the next [`Source::fill`].
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.buf.get(at..at.saturating_add(len)).unwrap_or_default()
    }

    /// Where in the buffer the unconsumed bytes begin.
    pub(super) fn position(&self) -> usize {
        self.start
    }

    /// Where in the decompressed stream the unconsumed bytes begin.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
    }

    /// Whether the stream has ended (so that `available` is all there will be). Never true for long where the file is growing.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn growing(&self) -> bool {
        self.growing
    }

    pub(super) fn set_growing(&mut self, growing: bool) {
        self.growing = growing;
    }

    pub(super) fn packings(&self) -> &[Packing] {
        &self.packings
    }

    pub(super) fn take_trouble(&mut self) -> Option<(u64, String)> {
        self.trouble.take()
    }

    /// Makes at least `need` bytes available; false where the stream ends before. A decoder's complaint ends the stream and is kept
    /// for [`Source::take_trouble`]; an error of the machine is an error.
    #[inline]
    pub(super) fn fill(&mut self, need: usize) -> io::Result<bool> {
        if self.end - self.start >= need { Ok(true) } else { self.read_more(need) }
    }

    #[cold]
    fn read_more(&mut self, need: usize) -> io::Result<bool> {
        if self.ended && !(self.growing && self.trouble.is_none()) {
            return Ok(false);
        }
        self.ended = false;
        // What is left is moved to the front only where it is little or there is no room behind it. With a buffer of twice the need,
        // each byte is moved at most about once, also where a hostile file makes us look far ahead again and again.
        if need > self.buf.len() / 2 {
            self.buf.resize(2 * need, 0);
        }
        if self.start + need > self.buf.len() || self.end - self.start <= CHEAP_MOVE {
            self.buf.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < need {
            let room = self.buf.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(room) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(n) => self.end += n.min(room.len()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.raw_os_error().is_none() && !self.packings.is_empty() => {
                    self.ended = true;
                    let packing = self.packings.last().map_or("compressed", |p| p.name());
                    let words = format!("the {packing} data is cut or corrupt ({e}); nothing after this place can be unpacked");
                    self.trouble = Some((self.base + self.end as u64, words));
                    return Ok(false);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}
