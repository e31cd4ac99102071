//! Reading of captures for tests, and what the engine tells of them.

#![allow(clippy::unwrap_used, dead_code)]

use model::activity::{Act, ActRef, Head, Protocol};
use model::{Flow, Observation, SourceId, Time};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::engine::{Config, Engine};
use wire::facts::FrameFacts;
use wire::packet::{LinkType, RawPacket};
use wire::parse::Options;
use wire::sink::Sink;

#[derive(Default)]
struct Told {
    acts: Vec<(Head, Act)>,
    frames: BTreeMap<Protocol, u64>,
}
impl Sink for Told {
    fn activity(&mut self, head: &Head, act: ActRef<'_>) {
        self.acts.push((*head, act.to_owned()));
    }
    fn flow(&mut self, _: &Flow) {}
    fn observation(&mut self, _: Time, _: &Observation) {}
    fn frame(&mut self, facts: &FrameFacts) {
        for protocol in facts.completed.iter() {
            *self.frames.entry(protocol).or_default() += 1;
        }
    }
}

/// The folder of captures, if there is one.
pub fn oracles() -> Option<PathBuf> {
    let found = std::env::var_os("HINOMI_ORACLES").map(|p| PathBuf::from(p).join("net")).filter(|p| p.join("expected.json").exists());
    if found.is_none() {
        println!("skipped: HINOMI_ORACLES does not lead to net/expected.json");
    }
    found
}

fn number(big: bool, b: &[u8]) -> u64 {
    let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
    if big { b.iter().fold(0, fold) } else { b.iter().rev().fold(0, fold) }
}

/// Reads classic pcap, and of pcapng what these captures have: sections, interfaces, enhanced packets. Timestamps of pcapng are taken as
/// microseconds.
fn frames(file: &[u8], mut each: impl FnMut(LinkType, Time, usize, &[u8])) {
    let Some(magic) = file.get(..4) else { return };
    if magic == [0x0a, 0x0d, 0x0d, 0x0a] {
        let (mut at, mut big, mut links) = (0, false, Vec::new());
        while let Some(block) = file.get(at..).filter(|b| b.len() >= 12) {
            if block[..4] == [0x0a, 0x0d, 0x0d, 0x0a] {
                big = block[8] == 0x1a;
                links.clear();
            }
            let (kind, length) = (number(big, &block[..4]), number(big, &block[4..8]) as usize);
            let Some(block) = block.get(..length).filter(|b| b.len() >= 12) else { return };
            match kind {
                1 => links.push(LinkType(number(big, &block[8..10]) as u16)),
                6 if length >= 32 => {
                    let ticks = number(big, &block[12..16]) << 32 | number(big, &block[16..20]);
                    let (kept, whole) = (number(big, &block[20..24]) as usize, number(big, &block[24..28]) as usize);
                    if let (Some(data), Some(link)) = (block.get(28..28 + kept), links.get(number(big, &block[8..12]) as usize)) {
                        each(*link, Time((ticks as i64).saturating_mul(1000)), whole, data);
                    }
                }
                _ => {}
            }
            at += length;
        }
        return;
    }
    let (big, nano) = match magic {
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
        _ => return,
    };
    let Some(link) = file.get(20..22) else { return };
    let link = LinkType(number(big, if big { &file[22..24] } else { link }) as u16);
    let mut at = 24;
    while let Some(head) = file.get(at..at + 16) {
        let field = |i: usize| number(big, &head[i * 4..i * 4 + 4]);
        let nanos = if nano { field(1) } else { field(1) * 1000 };
        let Some(data) = file.get(at + 16..at + 16 + field(2) as usize) else { return };
        each(link, Time::from_unix(field(0) as i64, nanos as u32), field(3) as usize, data);
        at += 16 + field(2) as usize;
    }
}

/// Every act in a capture, and the frames in which each protocol was read.
pub fn read_all(path: &Path, raw_targets: bool) -> (Vec<(Head, Act)>, BTreeMap<Protocol, u64>) {
    let file = std::fs::read(path).unwrap();
    let mut engine = Engine::new(Config::default(), Options { secret_key: [1; 32], raw_targets, is_default: |_, _| false });
    let mut told = Told::default();
    frames(&file, |link, time, whole, data| {
        engine.packet(&RawPacket { time, sensor: SourceId(1), link, wire_len: whole as u32, vlan: None, data }, &mut told);
    });
    engine.finish(&mut told);
    (told.acts, told.frames)
}

/// Whether the time of a capture leaps by more than an engine's clock follows at once.
pub fn leaps(path: &Path) -> bool {
    let file = std::fs::read(path).unwrap();
    let (mut last, mut leaps) = (None, false);
    frames(&file, |_, time, _, _| {
        leaps |= last.replace(time).is_some_and(|l: Time| time.since(l).0.abs() > wire::clock::STEP.0);
    });
    leaps
}

/// Every act in a capture that several engines share, each with the frames of its lane.
pub fn read_in_lanes(path: &Path, lanes: u32) -> Vec<(Head, Act)> {
    let file = std::fs::read(path).unwrap();
    let mut told = Told::default();
    for mine in 0..lanes {
        let mut engine = Engine::new(Config::default(), Options { secret_key: [1; 32], raw_targets: false, is_default: |_, _| false });
        frames(&file, |link, time, whole, data| {
            let raw = RawPacket { time, sensor: SourceId(1), link, wire_len: whole as u32, vlan: None, data };
            if wire::lane::lane(&raw, lanes, 7) == mine {
                engine.packet(&raw, &mut told);
            }
        });
        engine.finish(&mut told);
    }
    told.acts
}

/// Every act in a capture.
pub fn read(path: &Path, raw_targets: bool) -> Vec<(Head, Act)> {
    read_all(path, raw_targets).0
}

/// A frame of a capture.
pub struct Frame {
    pub link: LinkType,
    pub time: Time,
    pub wire_len: u32,
    pub data: Vec<u8>,
}

/// The frames of a capture.
pub fn load(path: &Path) -> Vec<Frame> {
    let file = std::fs::read(path).unwrap();
    let mut all = Vec::new();
    frames(&file, |link, time, whole, data| all.push(Frame { link, time, wire_len: whole as u32, data: data.to_vec() }));
    all
}
