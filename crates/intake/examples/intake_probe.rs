//! A small program around this crate, for its tests and for measuring.
//!
//! * `intake_probe read FILE…`: reads captures, prints packets, bytes and speed.
//! * `intake_probe live INTERFACE SECONDS`: captures, prints counters and speed.
//! * `intake_probe privileges INTERFACE`: starts an opener, gives up every right, shows what is left and what still works.
//! * `intake_probe opener`: the opener process itself.

use intake::file::CaptureFile;
use intake::live::{Live, LiveConfig};
use intake::opener::{self, Direct, OpenPacket, Opener};
use intake::privileges::{self, User};
use model::SourceId;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["opener"] => Ok(opener::child_main()?),
        ["read", files @ ..] => read(files),
        ["live", interface, seconds] => live(interface, Duration::from_secs_f64(seconds.parse()?)),
        ["privileges", interface] => privileges(interface),
        _ => Err("usage: intake_probe read FILE… | live INTERFACE SECONDS | privileges INTERFACE".into()),
    }
}

fn read(files: &[&str]) -> Result<(), Box<dyn Error>> {
    for name in files {
        let start = Instant::now();
        let mut file = CaptureFile::open(Path::new(name))?;
        let mut sum = 0u64;
        while let Some(record) = file.next()? {
            sum = sum.wrapping_add(record.data.first().map_or(0, |b| u64::from(*b)));
        }
        let info = file.info();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{name}: {} packets, {} bytes read, {} damages, {:.3} s, {:.2} GB/s, {:.2} million packets/s (sum {sum})",
            info.packets,
            info.read_bytes,
            info.damage.len() as u64 + info.damage_more,
            seconds,
            info.read_bytes as f64 / seconds / 1e9,
            info.packets as f64 / seconds / 1e6
        );
    }
    Ok(())
}

fn live(interface: &str, length: Duration) -> Result<(), Box<dyn Error>> {
    let mut live = Live::open(interface, SourceId(1), Arc::new(Direct), LiveConfig::default())?;
    println!("ready: ring of {} bytes", live.ring_bytes());
    let start = Instant::now();
    let (mut first, mut last, mut sum) = (None, None, 0u64);
    while start.elapsed() < length {
        live.poll(Duration::from_millis(100), |packet| {
            first = first.or(Some(packet.time));
            last = Some(packet.time);
            sum = sum.wrapping_add(packet.data.iter().map(|b| u64::from(*b)).sum::<u64>());
        });
    }
    live.look();
    let c = live.counters();
    let span = match (first, last) {
        (Some(first), Some(last)) => last.since(first).0 as f64 / 1e9,
        _ => 0.0,
    };
    println!(
        "received {} ring_drops {} interface_drops {} sum {} bytes {} in {span:.3} s: {:.2} million frames/s, {:.2} Gbit/s (sum {sum})",
        c.packets,
        c.ring_drops,
        c.interface_drops,
        c.packets + c.drops(),
        c.bytes,
        c.packets as f64 / span / 1e6,
        c.bytes as f64 * 8.0 / span / 1e9
    );
    Ok(())
}

fn privileges(interface: &str) -> Result<(), Box<dyn Error>> {
    let opener = Opener::spawn(Path::new("/proc/self/exe"))?;
    // Once answered, the opener has given up its other rights.
    drop(opener.open_packet(interface)?);
    let child = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()))?;
    status("opener", &format!("/proc/{}/status", child.trim()))?;
    privileges::drop_capabilities(User::named("nobody"))?;
    status("self", "/proc/self/status")?;
    let port: SocketAddr = "127.0.0.1:80".parse()?;
    for (what, result) in [
        ("direct packet", Direct.open_packet(interface)),
        ("direct listener", Direct.open_listener(port)),
        ("opener packet", opener.open_packet(interface)),
        ("opener listener", opener.open_listener(port)),
    ] {
        match result {
            Ok(_) => println!("{what}: opened"),
            Err(error) => println!("{what}: {error}"),
        }
    }
    let mut live = Live::open(interface, SourceId(1), Arc::new(opener), LiveConfig::default())?;
    live.poll(Duration::from_millis(10), |_| {});
    println!("live: {:?}", live.link());
    Ok(())
}

fn status(who: &str, path: &str) -> Result<(), Box<dyn Error>> {
    for line in std::fs::read_to_string(path)?.lines() {
        if ["Uid", "Groups", "Cap", "NoNewPrivs"].iter().any(|k| line.starts_with(k)) {
            println!("{who} {}", line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    Ok(())
}
