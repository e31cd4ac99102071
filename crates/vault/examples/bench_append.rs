//! Records per second to acknowledgement, four producers, records of about 300 bytes; and the time to acknowledgement of small
//! batches, beside the bare write and sync of as many bytes taken in turns with it on the same disk.
//! `cargo run --profile dist -p vault --example bench_append -- [FOLDER] [SECONDS]`

use model::activity::{Act, Activity, Banner, Head, Protocol};
use model::net::{Endpoint, Segment, Transport};
use model::{Body, FlowId, Mac, NewEvent, SourceId, Time};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vault::{Options, Vault};

fn record(n: u64) -> NewEvent {
    let end = |k: u8| Endpoint {
        mac: Some(Mac([2, 0, 0, 0, k, n as u8])),
        ip: Some([192, 0, 2, n as u8].into()),
        port: Some(1024 + (n % 60_000) as u16),
    };
    let at = Time(1_700_000_000_000_000_000 + n as i64 * 1000);
    let head = Head {
        flow: FlowId(n),
        segment: Segment { sensor: SourceId(1), vlan: 0 },
        time: at,
        transport: Transport::Tcp,
        protocol: Protocol::Ftp,
        client: end(1),
        server: end(2),
    };
    let act = Act::Banner(Banner { text: format!("220 host-{n:x} service {:x} ready", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) });
    NewEvent { source: SourceId(1), received: at, happened: None, body: Body::Activity(Box::new(Activity { head, act })) }
}

fn percentile(times: &mut [Duration], p: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * p / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().map_or_else(|| std::env::temp_dir().join(format!("bench-append-{}", std::process::id())), PathBuf::from);
    let seconds: u64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(5);
    let vault = Vault::open(&folder, None, Options::default())?;
    let count = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    std::thread::scope(|s| {
        for p in 0..4u64 {
            let (appender, count) = (vault.appender(), Arc::clone(&count));
            s.spawn(move || {
                let mut n = p << 40;
                while began.elapsed() < Duration::from_secs(seconds) {
                    let batch: Vec<_> = (0..1000).map(|i| record(n + i)).collect();
                    n += 1000;
                    let count = Arc::clone(&count);
                    let told = move |r: vault::Acknowledged| {
                        count.fetch_add(r.map_or(0, |r| r.end - r.start), Ordering::Relaxed);
                    };
                    if appender.append_with(&batch, told).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let acknowledged = count.load(Ordering::Relaxed);
    let rate = acknowledged as f64 / began.elapsed().as_secs_f64();
    let stored = vault.status().bytes;
    println!(
        "append: {rate:.0} records/s to acknowledgement, 4 producers, {:.0} bytes stored per record",
        stored as f64 / acknowledged.max(1) as f64
    );

    let appender = vault.appender();
    let mut bare = std::fs::File::create(folder.join("bare"))?;
    let (mut acks, mut syncs) = (Vec::new(), Vec::new());
    let batch: Vec<_> = (0..20).map(record).collect();
    let bytes = vec![7u8; 20 * 300];
    for _ in 0..500 {
        let t = Instant::now();
        appender.append_and_wait(&batch)?;
        acks.push(t.elapsed());
        let t = Instant::now();
        bare.write_all(&bytes)?;
        bare.sync_data()?;
        syncs.push(t.elapsed());
    }
    let (a, b) = (percentile(&mut acks, 99), percentile(&mut syncs, 99));
    println!(
        "acknowledgement p50 {:.2} ms, p99 {a:.2} ms; bare write and sync p50 {:.2} ms, p99 {b:.2} ms; ratio of p99 {:.2}",
        percentile(&mut acks, 50),
        percentile(&mut syncs, 50),
        a / b
    );
    drop(vault);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
