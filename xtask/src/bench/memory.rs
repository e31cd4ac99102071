//! Memory of the whole watch under floods: a thousand to a million devices, each with a conversation of its own.

use super::{Figure, slope, timed};
use anyhow::Result;
use std::io::{BufWriter, Write};
use std::path::Path;

pub fn run(binary: &Path, work: &Path, quick: bool) -> Result<Vec<Figure>> {
    let sizes: &[u32] = if quick { &[1_000, 10_000, 100_000] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    let mut figures = Vec::new();
    let mut work_done = Vec::new();
    let mut costs = Vec::new();
    for devices in sizes {
        let file = work.join(format!("flood-{devices}.pcap"));
        flood(&file, *devices)?;
        let path = file.display().to_string();
        let inspect = timed(binary, &["inspect".into(), "--json".into(), path.clone()], work)?;
        let replay = timed(binary, &["replay".into(), "--json".into(), path], work)?;
        let json: serde_json::Value = serde_json::from_slice(&inspect.stdout)?;
        figures.push(Figure {
            what: format!("{devices} devices, a conversation each"),
            figure: format!(
                "inspect {} MB in {:.2} s; whole watch {} MB in {:.2} s",
                inspect.peak >> 20,
                inspect.wall.as_secs_f64(),
                replay.peak >> 20,
                replay.wall.as_secs_f64()
            ),
            peer: "ceiling 512 MB".into(),
            ratio: format!("{:.2} of the ceiling, {} flows let go", (replay.peak >> 20) as f64 / 512.0, json["counters"]["flows_evicted"]),
        });
        work_done.push(f64::from(*devices));
        costs.push(replay.wall.as_secs_f64());
    }
    figures.push(Figure {
        what: "time of the whole watch over the number of devices".into(),
        figure: String::new(),
        peer: "–".into(),
        ratio: format!("slope {:.2}", slope(&work_done, &costs)),
    });
    Ok(figures)
}

/// A pcap in which every device claims an address by ARP and sends one DNS question.
fn flood(path: &Path, devices: u32) -> Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    out.write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    for n in 0..devices {
        let [_, b, c, d] = n.to_be_bytes();
        let mac = [0x02, 0x00, 0x5e, b, c, d];
        let ip = [10, b.wrapping_add(1), c, d];
        let mut arp = vec![0xff; 6];
        arp.extend(mac);
        arp.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        arp.extend(mac);
        arp.extend(ip);
        arp.extend([0; 6]);
        arp.extend([10, 0, 0, 1]);
        let question = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, b't', b'e', b's', b't', 3, b'l', b'a', b'n', 0, 0, 1, 0, 1];
        let mut dns = vec![0x00, 0x00, 0x5e, 0x00, 0x53, 0x01];
        dns.extend(mac);
        dns.extend([8, 0, 0x45, 0]);
        dns.extend(((28 + question.len()) as u16).to_be_bytes());
        dns.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        dns.extend(ip);
        dns.extend([10, 0, 0, 1]);
        dns.extend((1024 + (n % 60000) as u16).to_be_bytes());
        dns.extend([0, 53]);
        dns.extend(((8 + question.len()) as u16).to_be_bytes());
        dns.extend([0, 0]);
        dns.extend(question);
        for frame in [arp, dns] {
            let micros = u64::from(n) * 20;
            out.write_all(&(1_700_000_000 + (micros / 1_000_000) as u32).to_le_bytes())?;
            out.write_all(&((micros % 1_000_000) as u32).to_le_bytes())?;
            out.write_all(&(frame.len() as u32).to_le_bytes())?;
            out.write_all(&(frame.len() as u32).to_le_bytes())?;
            out.write_all(&frame)?;
        }
    }
    Ok(out.flush()?)
}
