//! Memory stays bounded, whatever a file claims or unpacks to. One test, in a process of its own, for it measures the process.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use intake::file::CaptureFile;
use std::io::{self, Cursor, Read};

#[test]
fn memory_stays_bounded() {
    claims_of_gigabytes_take_no_memory();
    a_compression_bomb_stays_in_bounded_memory();
}

/// A stream of zeros (or records) without end, that counts what is taken.
struct Endless {
    head: Cursor<Vec<u8>>,
    body: Vec<u8>,
    at: usize,
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.head.read(buf)?;
        if n > 0 || self.left == 0 {
            return Ok(n);
        }
        let n = buf.len().min(self.body.len() - self.at).min(self.left as usize);
        buf[..n].copy_from_slice(&self.body[self.at..self.at + n]);
        self.at = (self.at + n) % self.body.len();
        self.left -= n as u64;
        Ok(n)
    }
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Packed nothing of many times the memory allowed: time in proportion, memory not.
fn a_compression_bomb_stays_in_bounded_memory() {
    type Encoder = fn(Endless) -> Vec<u8>;
    let gz: Encoder = |mut from| {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
        io::copy(&mut from, &mut e).unwrap();
        e.finish().unwrap()
    };
    let zs: Encoder = |from| zstd::stream::encode_all(from, 1).unwrap();
    let before = resident();
    for (pack, record) in [(gz, true), (zs, true), (zs, false)] {
        let p = Packet { time: 0, data: vec![0xff; 60_000], wire_len: 60_000 };
        let body = if record { pcap_record(&p, false, false) } else { vec![0xff; 65_536] };
        let left = if record { body.len() as u64 * 4000 } else { 8 << 20 };
        let packed = pack(Endless { head: Cursor::new(pcap(&packets(2), false, false)), body, at: 0, left });
        assert!(packed.len() < 4 << 20, "{} bytes", packed.len());
        let mut file = CaptureFile::from_reader(Box::new(Cursor::new(packed)), "bomb").unwrap();
        while file.next().unwrap().is_some() {}
        assert_eq!(file.info().packets, if record { 4002 } else { 2 });
        assert_eq!(file.info().damage.len(), usize::from(!record));
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "memory grew by {grown} bytes");
}

/// Lengths that claim gigabytes in a stream that could deliver them.
fn claims_of_gigabytes_take_no_memory() {
    let before = resident();
    for claim in [0xffff_fff0u32, 0x7fff_fff0, 0x4000_0000] {
        let mut head = section(false);
        head.extend(6u32.to_le_bytes());
        head.extend(claim.to_le_bytes());
        for head in
            [head, [pcap_header(false, 0xa1b2_c3d4, 1), [[1; 4], [1; 4], claim.to_le_bytes(), claim.to_le_bytes()].concat()].concat()]
        {
            let from = Endless { head: Cursor::new(head), body: vec![0xee; 1 << 16], at: 0, left: 4 << 20 };
            let mut file = CaptureFile::from_reader(Box::new(from), "claims").unwrap();
            assert!(file.next().unwrap().is_none());
            assert_eq!(file.damage().len(), 1);
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "memory grew by {grown} bytes");
}
