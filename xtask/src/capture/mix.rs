//! A mixture for benchmarks: whole conversations, each time with fresh addresses, client ports, times and checksums, many at once.
//!
//! The pool is our own conversations and, where the folder is there, those of the outside captures (read at run time, never
//! kept). A conversation is the frames of two ends and two ports in the order of the capture; frames that are not TCP or UDP
//! over IPv4 are taken as they are. Pauses within a conversation are cut to 50 ms, so that the table of conversations is full.

use super::apps;
use super::hosts::{HMI, NAS, PC1, PCS, PLC1, ROUTER, outside};
use super::life::{self, Changes};
use super::net::{MS, Net, SEC};
use super::pcap;
use super::rng::Rng;
use super::talk;
use anyhow::{Context, Result};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Frames taken from one capture at most, so that one large file does not decide the mixture.
const PER_FILE: usize = 20_000;
/// Captures larger than this are left out.
const MAX_FILE: u64 = 64 << 20;
/// Conversations that go on at the same time.
const AT_ONCE: usize = 2_000;
/// The longest pause within a conversation.
const PAUSE: i64 = 50 * MS;

/// What a mixture is made of.
#[derive(Clone, Debug)]
pub struct Mix {
    /// The capture.
    pub out: PathBuf,
    /// Its size in millions of bytes, at least.
    pub mb: u64,
    /// Chance.
    pub seed: u64,
    /// Folder of outside captures.
    pub oracles: Option<PathBuf>,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Mixed {
    /// Frames.
    pub packets: u64,
    /// Bytes of the frames.
    pub bytes: u64,
    /// Conversations in the pool, and played.
    pub conversations: (usize, u64),
    /// Packets and bytes by protocol.
    pub shares: BTreeMap<String, (u64, u64)>,
}

impl std::fmt::Display for Mixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mean = self.bytes as f64 / self.packets.max(1) as f64;
        let mut shares: Vec<_> = self.shares.iter().collect();
        shares.sort_by_key(|(n, (p, _))| (Reverse(*p), n.as_str()));
        let mut list = String::new();
        for (name, (p, b)) in shares.into_iter().take(14) {
            let part = |n: u64, of: u64| n as f64 * 100.0 / of.max(1) as f64;
            let _ = write!(list, "{name} {:.1}%/{:.1}%, ", part(*p, self.packets), part(*b, self.bytes));
        }
        write!(
            f,
            "{} packets of {mean:.0} bytes, {} conversations from a pool of {}; by packets/bytes: {}",
            self.packets,
            self.conversations.1,
            self.conversations.0,
            list.trim_end_matches(", ")
        )
    }
}

/// The frames of a conversation with the times between them.
struct Conversation {
    frames: Vec<(i64, Vec<u8>)>,
    /// The end that spoke first, and its port; absent where nothing is rewritten.
    client: Option<([u8; 4], u16)>,
    name: String,
}

/// Writes the mixture.
pub fn mix(m: &Mix) -> Result<Mixed> {
    let mut rng = Rng::new(m.seed, "mix");
    let mut pool = Vec::new();
    own(&mut pool, m.seed);
    if let Some(dir) = &m.oracles {
        let net = dir.join("net");
        outsiders(if net.is_dir() { &net } else { dir }, &mut pool);
    }
    let mut mixed = Mixed { conversations: (pool.len(), 0), ..Mixed::default() };
    let mut out = pcap::create(&m.out)?;
    let goal = m.mb * 1_000_000;
    let mut written = 24;
    let mut heap: BinaryHeap<Reverse<(i64, u64, usize, usize)>> = BinaryHeap::new();
    let mut faces: HashMap<u64, Face> = HashMap::new();
    let mut now = 1_772_377_200 * SEC;
    let mut next = 0u64;
    let mut frame = Vec::new();
    loop {
        while written < goal && heap.len() < AT_ONCE {
            let which = rng.below(pool.len() as u64) as usize;
            faces.insert(next, Face::new(&mut rng));
            heap.push(Reverse((now + rng.range(0, SEC), next, which, 0)));
            next += 1;
        }
        let Some(Reverse((at, id, which, step))) = heap.pop() else { break };
        now = at;
        let (Some(c), Some(face)) = (pool.get(which), faces.get(&id)) else { continue };
        let Some((_, bytes)) = c.frames.get(step) else { continue };
        frame.clear();
        frame.extend_from_slice(bytes);
        if let Some(client) = c.client {
            face.put_on(&mut frame, client);
        }
        let head = [(at / SEC) as u32, (at % SEC) as u32, frame.len() as u32, frame.len() as u32];
        for n in head {
            out.write_all(&n.to_le_bytes())?;
        }
        out.write_all(&frame)?;
        written += 16 + frame.len() as u64;
        mixed.packets += 1;
        mixed.bytes += frame.len() as u64;
        match mixed.shares.get_mut(&c.name) {
            Some(share) => {
                share.0 += 1;
                share.1 += frame.len() as u64;
            }
            None => {
                mixed.shares.insert(c.name.clone(), (1, frame.len() as u64));
            }
        }
        match c.frames.get(step + 1) {
            // A file that is full ends, with the conversations that were going on cut off as a real capture has them.
            Some((pause, _)) if written < goal => heap.push(Reverse((at + *pause, id, which, step + 1))),
            _ => {
                faces.remove(&id);
                mixed.conversations.1 += 1;
            }
        }
        if written >= goal {
            break;
        }
    }
    out.flush().context("cannot finish the capture")?;
    Ok(mixed)
}

/// The addresses and the client's port of one playing.
struct Face {
    client: [u8; 4],
    server: [u8; 4],
    port: u16,
    macs: [[u8; 6]; 2],
}

impl Face {
    fn new(rng: &mut Rng) -> Face {
        let r = rng.bits().to_le_bytes();
        Face {
            client: [10, r[0], r[1], r[2].max(1)],
            server: [172, 16 | r[3] & 15, r[4], r[5].max(1)],
            port: 1024 + (rng.below(64_000) as u16),
            // One card for each address, as on one segment.
            macs: [[2, 10, 0, r[0], r[1], r[2].max(1)], [2, 172, 0, r[3] & 15, r[4], r[5].max(1)]],
        }
    }

    /// Rewrites addresses and the client's port, and brings the checksums along (RFC 1624).
    fn put_on(&self, f: &mut [u8], (client, port): ([u8; 4], u16)) {
        let Some(&at) = f.get(14) else { return };
        let header = usize::from(at & 15) * 4;
        let (Some(src), Some(protocol)) = (f.get(26..30).map(<[u8]>::to_vec), f.get(23).copied()) else { return };
        let l4 = 14 + header;
        let ports_at = |f: &[u8], i: usize| f.get(i..i + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_be_bytes);
        let same_ends = f.get(26..30) == f.get(30..34);
        let from_client = src == client && (!same_ends || ports_at(f, l4) == port);
        let (new_src, new_dst) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let (src_mac, dst_mac) = if from_client { (self.macs[0], self.macs[1]) } else { (self.macs[1], self.macs[0]) };
        let group = f.first().is_some_and(|b| b & 1 != 0);
        if f.len() < l4 + 8 {
            return;
        }
        if !group {
            f[..6].copy_from_slice(&dst_mac);
        }
        f[6..12].copy_from_slice(&src_mac);
        let sum_at = l4 + if protocol == 6 { 16 } else { 6 };
        let no_sum = protocol == 17 && f.get(sum_at..sum_at + 2) == Some(&[0, 0]);
        let mut ip = Delta::default();
        let mut all = Delta::default();
        for (place, new) in [(26, new_src), (30, new_dst)] {
            if place == 30 && group {
                continue;
            }
            for k in [0, 2] {
                let (old, new) = (ports_at(f, place + k), u16::from_be_bytes([new[k], new[k + 1]]));
                ip.change(old, new);
                all.change(old, new);
            }
            f[place..place + 4].copy_from_slice(&new);
        }
        let place = if from_client { l4 } else { l4 + 2 };
        all.change(ports_at(f, place), self.port);
        f[place..place + 2].copy_from_slice(&self.port.to_be_bytes());
        ip.apply(f, 24);
        if !no_sum && f.len() >= sum_at + 2 {
            all.apply(f, sum_at);
            if protocol == 17 && f[sum_at..sum_at + 2] == [0, 0] {
                f[sum_at..sum_at + 2].copy_from_slice(&[0xff, 0xff]);
            }
        }
    }
}

/// HC' = ~(~HC + ~m + m').
#[derive(Default)]
struct Delta(u64);
impl Delta {
    fn change(&mut self, old: u16, new: u16) {
        self.0 += u64::from(!old) + u64::from(new);
    }
    fn apply(&self, f: &mut [u8], at: usize) {
        let old = u16::from_be_bytes([f[at], f[at + 1]]);
        let mut sum = u64::from(!old) + self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        f[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
}

/// Our own conversations: the office, machines, and downloads of many sizes, whole.
fn own(pool: &mut Vec<Conversation>, seed: u64) {
    let mut net = Net::new(Rng::new(seed, "mix own"));
    let mut t = 0;
    for i in 0..40usize {
        let pc = &PCS[i % PCS.len()];
        t = talk::https(&mut net, t, pc, i) + SEC;
        let from = pc.at(talk::client_port(&mut net));
        let mut c = net.connect(t, from, outside([203, 0, 113, 40].into(), 80));
        c.say(&mut net, b"GET /setup.bin HTTP/1.1\r\nHost: update.example.com\r\nUser-Agent: Mozilla/5.0\r\n\r\n");
        let size = 1 << (8 + i % 10);
        let body = apps::sealed(&mut net.rng, size);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n");
        c.hear(&mut net, &[head.as_bytes(), &body].concat());
        t = c.close(&mut net) + SEC;
        let from = pc.at(talk::client_port(&mut net));
        let mut c = net.connect(t, from, NAS.at(443));
        talk::tls(&mut net, &mut c, "nas-zumen.local", i % 2 == 0);
        for _ in 0..i {
            let (q, a) = (apps::tls_data(&mut net.rng, 200), apps::tls_data(&mut net.rng, 1200));
            c.exchange(&mut net, &q, &a);
        }
        t = c.close(&mut net) + SEC;
        talk::lookup(&mut net, t, pc, talk::SITES[i % 6].0, [198, 51, 100, 7].into());
        t += SEC;
        let from = HMI.at(talk::client_port(&mut net));
        let mut c = net.connect(t, from, PLC1.at(502));
        for n in 0..20 {
            let (q, a) = apps::modbus(n, 1, 100, &[n; 16]);
            c.exchange(&mut net, &q, &a);
        }
        let w = apps::modbus_write(99, 1, 7, 1);
        c.exchange(&mut net, &w, &w);
        t = c.close(&mut net) + SEC;
        let from = pc.at(talk::client_port(&mut net));
        t = match i % 4 {
            0 => talk::ssh(&mut net, t, from, NAS.at(22), 1, true),
            1 => talk::ftp(&mut net, t, from, NAS.at(21), "zumen", "himitsu", true),
            2 => talk::telnet(&mut net, t, from, ROUTER.at(23), &[("admin", "x")], false),
            _ => talk::http(&mut net, t, from, NAS.at(80), "nas-zumen", "/", "Mozilla/5.0"),
        } + SEC;
        let from = PC1.at(talk::client_port(&mut net));
        net.refused(t, from, NAS.at(8080));
        t += SEC;
    }
    let frames: Vec<_> = net.tape.sorted().map(|(at, f)| (at, f.to_vec())).collect();
    group(frames, pool);
    let mut net = Net::new(Rng::new(seed, "mix day"));
    let day = life::days(1_772_377_200 * SEC, 1);
    life::live(&mut net, &day, &Changes::default(), seed);
    let others: Vec<_> = net.tape.sorted().filter(|(_, f)| f.get(12..14) != Some(&[8, 0])).map(|(at, f)| (at, f.to_vec())).collect();
    group(others, pool);
}

/// Conversations of the captures in a folder and its folders, in order of their names.
fn outsiders(dir: &Path, pool: &mut Vec<Conversation>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            outsiders(&path, pool);
        } else if path.metadata().is_ok_and(|m| m.len() <= MAX_FILE)
            && let Some(frames) = std::fs::read(&path).ok().and_then(|b| read_pcap(&b))
        {
            group(frames, pool);
        }
    }
}

/// Whole Ethernet frames of a classic pcap in either byte order. `None` where it is something else.
fn read_pcap(b: &[u8]) -> Option<Vec<(i64, Vec<u8>)>> {
    let magic = b.get(..4)?;
    let (big, nano) = match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
        _ => return None,
    };
    let n32 = |at: usize| {
        b.get(at..at + 4).and_then(|s| s.try_into().ok()).map(|s| if big { u32::from_be_bytes(s) } else { u32::from_le_bytes(s) })
    };
    if n32(20)? & 0xffff != 1 {
        return None;
    }
    let mut out = Vec::new();
    let mut at = 24;
    while out.len() < PER_FILE {
        let (Some(s), Some(f), Some(len), Some(wire)) = (n32(at), n32(at + 4), n32(at + 8), n32(at + 12)) else { break };
        let Some(frame) = b.get(at + 16..at + 16 + len as usize) else { break };
        if len == wire && (14..=9100).contains(&len) {
            out.push((i64::from(s) * SEC + i64::from(f) * if nano { 1 } else { 1000 }, frame.to_vec()));
        }
        at += 16 + len as usize;
    }
    Some(out)
}

type Key = ([u8; 4], u16, [u8; 4], u16, u8);

/// Puts frames together by conversation.
fn group(frames: Vec<(i64, Vec<u8>)>, pool: &mut Vec<Conversation>) {
    let mut order: Vec<Key> = Vec::new();
    let mut by_key: HashMap<Key, (Conversation, i64)> = HashMap::new();
    let mut others: BTreeMap<String, (Conversation, i64)> = BTreeMap::new();
    for (at, f) in frames {
        let pause = |last: i64| (at - last).clamp(0, PAUSE);
        let Some((src, sport, dst, dport, protocol)) = ends(&f) else {
            let name = other_name(&f);
            let (c, last) =
                others.entry(name.clone()).or_insert_with(|| (Conversation { frames: Vec::new(), client: None, name: name.clone() }, at));
            c.frames.push((pause(*last), f));
            *last = at;
            if c.frames.len() >= 20
                && let Some((c, _)) = others.remove(&name)
            {
                pool.push(c);
            }
            continue;
        };
        let key = if (src, sport) <= (dst, dport) { (src, sport, dst, dport, protocol) } else { (dst, dport, src, sport, protocol) };
        let (c, last) = by_key.entry(key).or_insert_with(|| {
            order.push(key);
            let name = service(protocol, sport, dport);
            (Conversation { frames: Vec::new(), client: Some((src, sport)), name }, at)
        });
        c.frames.push((pause(*last), f));
        *last = at;
    }
    pool.extend(order.into_iter().filter_map(|k| by_key.remove(&k)).map(|c| c.0));
    pool.extend(others.into_values().map(|c| c.0));
}

/// The ends of an unfragmented TCP or UDP frame over IPv4.
fn ends(f: &[u8]) -> Option<Key> {
    if f.get(12..14)? != [8, 0] || f.get(14)? >> 4 != 4 {
        return None;
    }
    let header = usize::from(f.get(14)? & 15) * 4;
    let protocol = *f.get(23)?;
    let fragment = u16::from_be_bytes(f.get(20..22)?.try_into().ok()?) & 0x3fff;
    if header < 20 || fragment != 0 || !matches!(protocol, 6 | 17) || f.len() < 14 + header + 8 {
        return None;
    }
    if protocol == 6 && f.len() < 14 + header + 20 {
        return None;
    }
    let port = |at: usize| f.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_be_bytes);
    Some((f.get(26..30)?.try_into().ok()?, port(14 + header)?, f.get(30..34)?.try_into().ok()?, port(16 + header)?, protocol))
}

fn other_name(f: &[u8]) -> String {
    match f.get(12..14) {
        Some([8, 6]) => "arp".into(),
        Some([8, 0]) => "ip-other".into(),
        Some([0x86, 0xdd]) => "ipv6".into(),
        Some([0x81, 0]) => "vlan".into(),
        Some([0x88, 0xcc]) => "lldp".into(),
        _ => "link-other".into(),
    }
}

fn service(protocol: u8, a: u16, b: u16) -> String {
    let known = |p: u16| {
        Some(match p {
            20 | 21 => "ftp",
            22 => "ssh",
            23 | 2323 => "telnet",
            53 => "dns",
            67 | 68 => "dhcp",
            80 | 8080 => "http",
            102 => "s7comm",
            123 => "ntp",
            137..=139 | 445 => "smb-netbios",
            161 => "snmp",
            443 => "tls",
            502 => "modbus",
            1883 => "mqtt",
            1900 => "ssdp",
            2404 => "iec104",
            5353 => "mdns",
            5355 => "llmnr",
            20000 => "dnp3",
            44818 | 2222 => "enip",
            47808 => "bacnet",
            _ => return None,
        })
    };
    known(a.min(b))
        .or_else(|| known(a.max(b)))
        .map_or_else(|| String::from(if protocol == 6 { "tcp-other" } else { "udp-other" }), String::from)
}
