//! Live capture in network namespaces that each test makes and removes: a sensor (`s0`) and a peer (`p0`) joined by a veth pair, frames
//! sent by tcpreplay. Needs root, `ip` and `tcpreplay`; says so and passes by where they are missing.
//!
//! Each test runs itself again inside the sensor's namespace, where its second half finds the peer's name in HINOMI_LIVE_PEER.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use intake::live::{Link, Live, LiveConfig};
use intake::opener::Direct;
use model::SourceId;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use wire::packet::LinkType;

static NUMBER: AtomicU32 = AtomicU32::new(0);

struct Namespaces {
    sensor: String,
    peer: String,
}

impl Namespaces {
    fn new() -> Result<Namespaces, String> {
        let tag = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let ns = Namespaces { sensor: format!("hinomi-s-{tag}"), peer: format!("hinomi-p-{tag}") };
        for name in [&ns.sensor, &ns.peer] {
            run(&format!("ip netns add {name}"))?;
            run(&format!(
                "ip netns exec {name} sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up'"
            ))?;
        }
        run(&format!("ip link add s0 netns {} type veth peer name p0 netns {}", ns.sensor, ns.peer))?;
        run(&format!("ip -n {} link set s0 up", ns.sensor))?;
        run(&format!("ip -n {} link set p0 up", ns.peer))?;
        Ok(ns)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.sensor, &self.peer] {
            let _ = run(&format!("ip netns del {name}"));
        }
    }
}

fn output(command: &str) -> Output {
    Command::new("sh").args(["-c", command]).output().unwrap()
}

fn run(command: &str) -> Result<String, String> {
    let out = output(command);
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if out.status.success() { Ok(text) } else { Err(format!("{command}: {text}")) }
}

fn must(command: &str) -> String {
    run(command).unwrap()
}

/// Runs `inside` in the sensor's namespace; it gets the peer's name.
fn in_namespaces(test: &str, inside: impl FnOnce(&str)) {
    if let Ok(peer) = std::env::var("HINOMI_LIVE_PEER") {
        inside(&peer);
        return;
    }
    if let Err(error) = run("test $(id -u) = 0 && command -v ip && command -v tcpreplay") {
        println!("skipped: {test} needs root, ip and tcpreplay ({error})");
        return;
    }
    let ns = match Namespaces::new() {
        Ok(ns) => ns,
        Err(error) => {
            println!("skipped: {test} cannot make network namespaces: {error}");
            return;
        }
    };
    let exe = std::env::current_exe().unwrap();
    let out = Command::new("ip")
        .args(["netns", "exec", &ns.sensor])
        .arg(exe)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env("HINOMI_LIVE_PEER", &ns.peer)
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    println!("{text}");
    assert!(out.status.success(), "inside the namespace:\n{text}");
    assert!(text.contains("1 passed"), "nothing ran inside the namespace:\n{text}");
}

fn open(config: LiveConfig) -> Live {
    let mut live = Live::open("s0", SourceId(5), Arc::new(Direct), config).unwrap();
    assert!(wait_for(&mut live, Link::Up), "{:?}", live.trouble());
    live
}

fn wait_for(live: &mut Live, link: Link) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        live.poll(Duration::from_millis(50), |_| {});
        live.look();
        if live.link() == link {
            return true;
        }
    }
    false
}

/// Ethernet frames of 60 to 1500 bytes that tell their number.
fn frames(n: usize) -> Vec<Packet> {
    (0..n)
        .map(|i| {
            let mut data = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5];
            data.extend((i as u32).to_be_bytes());
            data.resize(60 + i * 97 % 1440, i as u8);
            Packet { time: 1_700_000_000_000_000_000 + i as i64 * 1000, wire_len: data.len() as u32, data }
        })
        .collect()
}

struct Sent {
    dir: tempfile::TempDir,
}

impl Sent {
    fn file(frames: &[Packet]) -> Sent {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("send.pcap"), pcap(frames, false, true)).unwrap();
        Sent { dir }
    }
    fn path(&self) -> PathBuf {
        self.dir.path().join("send.pcap")
    }
    /// Sends them from the peer.
    fn send(&self, peer: &str, options: &str) -> String {
        must(&format!("ip netns exec {peer} tcpreplay -q -i p0 {options} {}", self.path().display()))
    }
}

/// Reads until nothing came for half a second.
fn collect(live: &mut Live) -> Vec<(Option<u16>, Vec<u8>)> {
    let mut seen = Vec::new();
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(500) {
        let n = live.poll(Duration::from_millis(100), |p| {
            assert_eq!((p.link, p.sensor), (LinkType::ETHERNET, SourceId(5)));
            seen.push((p.vlan, p.data.to_vec()));
        });
        if n > 0 {
            quiet = Instant::now();
        }
    }
    live.look();
    seen
}

#[test]
fn every_frame_sent_arrives_whole_and_in_order() {
    in_namespaces("every_frame_sent_arrives_whole_and_in_order", |peer| {
        let frames = frames(3000);
        let mut live = open(LiveConfig::default());
        Sent::file(&frames).send(peer, "--pps 20000");
        let seen = collect(&mut live);
        assert_eq!(live.counters().drops(), 0);
        assert_eq!(seen.len(), frames.len());
        for (seen, sent) in seen.iter().zip(&frames) {
            assert_eq!(seen.1, sent.data);
            assert_eq!(seen.0, None);
        }
        let c = live.counters();
        assert_eq!((c.packets, c.bytes), (3000, frames.iter().map(|f| u64::from(f.wire_len)).sum::<u64>()));
        // Kernel time, in nanoseconds, now.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
        let age = now - live.newest().unwrap().0;
        assert!((0..20_000_000_000).contains(&age), "{age}");
    });
}

#[test]
fn a_flood_over_a_small_ring_is_counted_to_the_frame() {
    in_namespaces("a_flood_over_a_small_ring_is_counted_to_the_frame", |peer| {
        let config = LiveConfig { ring_bytes: 256 << 10, block_bytes: 64 << 10, ..LiveConfig::default() };
        let frames = frames(2000);
        let sent = Sent::file(&frames);
        let mut live = open(config);
        assert_eq!(live.ring_bytes(), 256 << 10);
        // Nobody reads while 20,000 frames come.
        sent.send(peer, "--topspeed --loop 10");
        let seen = collect(&mut live);
        let c = live.counters();
        println!("received {} dropped {} + {}", c.packets, c.ring_drops, c.interface_drops);
        assert!(c.ring_drops > 1000, "{c:?}");
        assert_eq!(c.packets + c.drops(), 20_000, "{c:?}");
        assert_eq!(seen.len() as u64, c.packets);
        for (at, (_, data)) in seen.iter().enumerate() {
            assert_eq!(*data, frames[u32::from_be_bytes(data[14..18].try_into().unwrap()) as usize].data, "frame {at}");
        }
        // And with somebody reading.
        let reader = std::thread::spawn(move || {
            let seen = collect(&mut live).len();
            (seen, live)
        });
        sent.send(peer, "--topspeed --loop 10");
        let (mut more, mut live) = reader.join().unwrap();
        more += collect(&mut live).len();
        let after = live.counters();
        println!("received {} dropped {} + {}", after.packets, after.ring_drops, after.interface_drops);
        assert_eq!(after.packets + after.drops(), 40_000, "{after:?}");
        assert_eq!(after.packets - c.packets, more as u64);
    });
}

#[test]
fn vlan_tags_come_beside_the_frame() {
    in_namespaces("vlan_tags_come_beside_the_frame", |peer| {
        let plain = frames(1)[0].data.clone();
        let tagged = |tags: &[[u8; 4]]| {
            let data = [&plain[..12], &tags.concat(), &plain[12..]].concat();
            Packet { time: 1_700_000_000_000_000_000, wire_len: data.len() as u32, data }
        };
        let sent = [tagged(&[]), tagged(&[[0x81, 0, 0x60, 100]]), tagged(&[[0x88, 0xa8, 0, 7], [0x81, 0, 0, 8]])];
        let mut live = open(LiveConfig::default());
        Sent::file(&sent).send(peer, "--pps 1000");
        let seen = collect(&mut live);
        assert_eq!(seen.len(), 3);
        assert_eq!(seen[0], (None, plain.clone()));
        assert_eq!(seen[1], (Some(100), plain.clone()), "without the priority bits");
        assert_eq!(seen[2].0, Some(7), "the outer tag");
        assert_eq!(seen[2].1, tagged(&[[0x81, 0, 0, 8]]).data, "the inner tag stays in the frame");
    });
}

#[test]
fn capture_survives_the_interface_going_down_and_up() {
    in_namespaces("capture_survives_the_interface_going_down_and_up", |peer| {
        let sent = Sent::file(&frames(50));
        let mut live = open(LiveConfig::default());
        for _ in 0..2 {
            sent.send(peer, "--pps 5000");
            assert_eq!(collect(&mut live).len(), 50);
            must("ip link set s0 down");
            assert!(wait_for(&mut live, Link::Down));
            let words = live.trouble().unwrap();
            assert!(words.contains("s0 is down") && words.contains("ip link set s0 up"), "{words}");
            must("ip link set s0 up");
            assert!(wait_for(&mut live, Link::Up));
            assert_eq!(live.trouble(), None);
        }
        must(&format!("ip -n {peer} link set p0 down"));
        assert!(wait_for(&mut live, Link::NoCarrier), "the other end is off");
        assert!(live.trouble().unwrap().contains("cable"));
    });
}

#[test]
fn capture_follows_a_rename() {
    in_namespaces("capture_follows_a_rename", |peer| {
        let sent = Sent::file(&frames(50));
        let mut live = open(LiveConfig::default());
        must("ip link set s0 down; ip link set s0 name lan7; ip link set lan7 up");
        assert!(wait_for(&mut live, Link::Up));
        sent.send(peer, "--pps 5000");
        assert_eq!(collect(&mut live).len(), 50);
        let words = live.trouble().unwrap();
        assert!(words.contains("s0 is now called lan7"), "{words}");
        // Another device takes the configured name: that one is meant.
        must(&format!("ip link add s0 type veth peer name p1 netns {peer}; ip link set s0 up; ip -n {peer} link set p1 up"));
        assert!(wait_for(&mut live, Link::Up));
        assert_eq!(live.trouble(), None);
        must(&format!("ip netns exec {peer} tcpreplay -q -i p1 --pps 5000 {}", sent.path().display()));
        assert_eq!(collect(&mut live).len(), 50);
    });
}

#[test]
fn capture_goes_on_when_the_interface_is_made_again() {
    in_namespaces("capture_goes_on_when_the_interface_is_made_again", |peer| {
        let sent = Sent::file(&frames(50));
        let mut live = open(LiveConfig::default());
        for _ in 0..2 {
            sent.send(peer, "--pps 5000");
            assert_eq!(collect(&mut live).len(), 50);
            sent.send(peer, "--pps 50000");
            must("ip link del s0");
            assert_eq!(collect(&mut live).len(), 50, "what came before the end is not lost");
            assert!(wait_for(&mut live, Link::Gone));
            std::thread::sleep(Duration::from_millis(1100));
            live.look();
            let words = live.trouble().unwrap();
            assert!(words.contains("no network interface 's0'") && words.contains("lo"), "{words}");
            must(&format!("ip link add s0 type veth peer name p0 netns {peer}; ip link set s0 up; ip -n {peer} link set p0 up"));
            assert!(wait_for(&mut live, Link::Up));
        }
        let error = Live::open("s1", SourceId(1), Arc::new(Direct), LiveConfig::default()).err().unwrap();
        assert!(error.to_string().contains("lo, s0"), "{error}");
    });
}

#[test]
fn an_interface_that_comes_later_is_waited_for() {
    in_namespaces("an_interface_that_comes_later_is_waited_for", |_| {
        let mut live = Live::open_or_wait("usb0", SourceId(5), Arc::new(Direct), LiveConfig::default());
        assert_eq!(live.link(), Link::Gone);
        assert!(live.trouble().unwrap().contains("no network interface 'usb0'"));
        must("ip link add usb0 type veth peer name usb1; ip link set usb0 up; ip link set usb1 up");
        assert!(wait_for(&mut live, Link::Up), "{:?}", live.trouble());
    });
}

#[test]
fn on_loopback_each_frame_is_seen_once() {
    in_namespaces("on_loopback_each_frame_is_seen_once", |_| {
        let mut live = Live::open("lo", SourceId(5), Arc::new(Direct), LiveConfig::default()).unwrap();
        let to = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let from = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..25 {
            from.send_to(&[7; 40], to.local_addr().unwrap()).unwrap();
        }
        assert_eq!(collect(&mut live).len(), 25);
        // A datagram of the size that offloads and loopback make: larger than any wire frame, and kept whole.
        from.send_to(&vec![9; 60_000], to.local_addr().unwrap()).unwrap();
        let seen = collect(&mut live);
        assert_eq!((seen.len(), seen[0].1.len()), (1, 60_000 + 42));
        assert_eq!(live.counters().cut, 0);
    });
}

#[test]
fn the_opener_keeps_two_rights_and_the_rest_none() {
    in_namespaces("the_opener_keeps_two_rights_and_the_rest_none", |_| {
        let exe = std::env::current_exe().unwrap();
        let probe = exe.parent().unwrap().parent().unwrap().join("examples/intake_probe");
        if !probe.exists() {
            println!("skipped: {} was not built", probe.display());
            return;
        }
        let text = must(&format!("{} privileges s0", probe.display()));
        println!("{text}");
        let has = |line: &str| assert!(text.lines().any(|l| l.starts_with(line)), "no line '{line}' in:\n{text}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            has(&format!("self {set}: 0000000000000000"));
        }
        has("self NoNewPrivs: 1");
        has("self Uid: 65534 65534 65534 65534");
        // Bits 10 and 13: CAP_NET_BIND_SERVICE, CAP_NET_RAW.
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            has(&format!("opener {set}: 0000000000002400"));
        }
        has("opener CapInh: 0000000000000000");
        has("opener NoNewPrivs: 1");
        has("opener Uid: 65534 65534 65534 65534");
        has("direct packet: listening on the network interface s0 needs the capability CAP_NET_RAW");
        has("direct listener: listening on port 80 needs the capability CAP_NET_BIND_SERVICE");
        has("opener packet: opened");
        has("opener listener: opened");
        has("live: Up");
    });
}
