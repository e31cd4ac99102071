//! Frames in memory, put in order of time and written as a nanosecond pcap.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Frames with their times, in any order until written. Frames of the same nanosecond keep the order in which they came.
#[derive(Default)]
pub struct Tape {
    bytes: Vec<u8>,
    index: Vec<(i64, usize, u32, u32)>,
}

impl Tape {
    /// A frame at a time (nanoseconds since 1970), captured whole; padded to the least length of Ethernet.
    pub fn push(&mut self, at: i64, frame: &[u8]) {
        let least = frame.len().max(60);
        self.add(at, frame, least, least as u32);
    }

    /// A frame of which only the first bytes were captured, as `tcpdump -s` does: bulk data without its bulk.
    pub fn push_cut(&mut self, at: i64, frame: &[u8], keep: usize) {
        let part = frame.get(..keep).unwrap_or(frame);
        self.add(at, part, part.len(), frame.len() as u32);
    }

    fn add(&mut self, at: i64, frame: &[u8], stored: usize, wire: u32) {
        self.index.push((at, self.bytes.len(), stored as u32, wire));
        self.bytes.extend_from_slice(frame);
        self.bytes.resize(self.bytes.len() + stored - frame.len(), 0);
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.index.len()
    }
    /// Length in a file.
    pub fn file_len(&self) -> usize {
        24 + self.bytes.len() + 16 * self.index.len()
    }
    /// Bytes on the wire.
    pub fn wire_bytes(&self) -> u64 {
        self.index.iter().map(|i| u64::from(i.3)).sum()
    }
    /// Keeps the frames at whose times the test holds.
    pub fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        self.index.retain(|i| keep(i.0));
    }
    /// Frames in order of time.
    pub fn sorted(&mut self) -> impl Iterator<Item = (i64, &[u8])> {
        self.index.sort_by_key(|i| i.0);
        let bytes = &self.bytes;
        self.index.iter().filter_map(move |i| Some((i.0, bytes.get(i.1..i.1 + i.2 as usize)?)))
    }

    /// Appends the frames in order of time to a pcap, and forgets them.
    pub fn drain_into(&mut self, out: &mut impl Write) -> Result<()> {
        self.index.sort_by_key(|i| i.0);
        for (at, from, len, wire) in self.index.drain(..) {
            let (seconds, nanos) = (at.div_euclid(1_000_000_000) as u32, at.rem_euclid(1_000_000_000) as u32);
            for n in [seconds, nanos, len, wire] {
                out.write_all(&n.to_le_bytes())?;
            }
            out.write_all(self.bytes.get(from..from + len as usize).context("a frame outside the tape")?)?;
        }
        self.bytes.clear();
        Ok(())
    }
}

/// A new capture file with its header: nanoseconds, Ethernet.
pub fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    out.write_all(&0xa1b2_3c4du32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
    out.write_all(&262_144u32.to_le_bytes())?;
    out.write_all(&1u32.to_le_bytes())?;
    Ok(out)
}
