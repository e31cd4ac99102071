//! Captures built by code, for tests.
#![allow(dead_code, clippy::unwrap_used)]

use intake::file::{CaptureFile, FileInfo, Options};
use model::Time;
use std::io::{Cursor, Write};

/// A packet as a test wants it: time in nanoseconds, bytes, length on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub time: i64,
    pub data: Vec<u8>,
    pub wire_len: u32,
}

/// `n` packets of varied lengths and contents, a millisecond apart.
pub fn packets(n: usize) -> Vec<Packet> {
    (0..n)
        .map(|i| {
            let len = 14 + (i * 37) % 90;
            let data: Vec<u8> = (0..len).map(|b| (b * 7 + i * 13) as u8 | 0x80).collect();
            Packet { time: 1_700_000_000_000_000_000 + i as i64 * 1_000_000, wire_len: len as u32, data }
        })
        .collect()
}

pub fn u16e(v: u16, big: bool) -> [u8; 2] {
    if big { v.to_be_bytes() } else { v.to_le_bytes() }
}

pub fn u32e(v: u32, big: bool) -> [u8; 4] {
    if big { v.to_be_bytes() } else { v.to_le_bytes() }
}

/// A pcap file header.
pub fn pcap_header(big: bool, magic: u32, link: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for v in [magic, if big { 0x0002_0004 } else { 0x0004_0002 }, 0, 0, 262_144, link] {
        out.extend(u32e(v, big));
    }
    out
}

/// A pcap record.
pub fn pcap_record(p: &Packet, big: bool, nano: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let fraction = p.time.rem_euclid(1_000_000_000) as u32;
    let fraction = if nano { fraction } else { fraction / 1000 };
    for v in [(p.time / 1_000_000_000) as u32, fraction, p.data.len() as u32, p.wire_len] {
        out.extend(u32e(v, big));
    }
    out.extend(&p.data);
    out
}

/// A whole pcap file.
pub fn pcap(packets: &[Packet], big: bool, nano: bool) -> Vec<u8> {
    let mut out = pcap_header(big, if nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }, 1);
    for p in packets {
        out.extend(pcap_record(p, big, nano));
    }
    out
}

/// A pcapng block.
pub fn block(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
    let len = 12 + body.len().next_multiple_of(4);
    let mut out = Vec::new();
    out.extend(u32e(kind, big));
    out.extend(u32e(len as u32, big));
    out.extend(body);
    out.resize(len - 4, 0);
    out.extend(u32e(len as u32, big));
    out
}

/// A section header.
pub fn section(big: bool) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(u32e(0x1a2b_3c4d, big));
    body.extend(u16e(1, big));
    body.extend(u16e(0, big));
    body.extend([0xff; 8]);
    block(0x0a0d_0d0a, &body, big)
}

/// An option of a block.
pub fn option(code: u16, value: &[u8], big: bool) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(u16e(code, big));
    out.extend(u16e(value.len() as u16, big));
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An interface description with options already encoded.
pub fn interface(link: u16, snaplen: u32, options: &[u8], big: bool) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(u16e(link, big));
    body.extend(u16e(0, big));
    body.extend(u32e(snaplen, big));
    body.extend(options);
    block(1, &body, big)
}

/// An enhanced packet block with its time in units of the interface.
pub fn enhanced(interface: u32, units: u64, data: &[u8], wire_len: u32, options: &[u8], big: bool) -> Vec<u8> {
    let mut body = Vec::new();
    for v in [interface, (units >> 32) as u32, units as u32, data.len() as u32, wire_len] {
        body.extend(u32e(v, big));
    }
    body.extend(data);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options);
    block(6, &body, big)
}

/// A whole pcapng file with one Ethernet interface of nanosecond resolution.
pub fn pcapng(packets: &[Packet], big: bool) -> Vec<u8> {
    let mut out = section(big);
    out.extend(interface(1, 0, &option(9, &[9], big), big));
    for p in packets {
        out.extend(enhanced(0, p.time as u64, &p.data, p.wire_len, &option(1, b"a comment", big), big));
    }
    out
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    e.write_all(bytes).unwrap();
    e.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut e = liblzma::write::XzEncoder::new(Vec::new(), 6);
    e.write_all(bytes).unwrap();
    e.finish().unwrap()
}

/// Opens bytes that must be readable.
pub fn open(bytes: impl Into<Vec<u8>>) -> CaptureFile {
    CaptureFile::from_reader(Box::new(Cursor::new(bytes.into())), "test").unwrap()
}

/// Reads a file to its end.
pub fn drain(file: &mut CaptureFile) -> Vec<Packet> {
    let mut out = Vec::new();
    while let Some(r) = file.next().unwrap() {
        out.push(Packet { time: r.time.0, data: r.data.to_vec(), wire_len: r.wire_len });
    }
    out
}

/// Reads bytes that must be a capture.
pub fn read(bytes: impl Into<Vec<u8>>) -> (Vec<Packet>, FileInfo) {
    let mut file = open(bytes);
    let packets = drain(&mut file);
    (packets, file.info().clone())
}

/// Reads any bytes; nothing where they are no capture.
pub fn try_read(bytes: &[u8], options: Options) -> (Vec<Packet>, Option<FileInfo>) {
    match CaptureFile::from_reader_with(Box::new(Cursor::new(bytes.to_vec())), "test", options) {
        Ok(mut file) => {
            let packets = drain(&mut file);
            (packets, Some(file.info().clone()))
        }
        Err(_) => (Vec::new(), None),
    }
}

pub fn seconds(s: i64) -> Time {
    Time::from_unix(s, 0)
}
