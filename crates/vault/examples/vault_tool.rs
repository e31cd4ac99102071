//! What `cargo xtask torture vault` and `cargo xtask bench vault-…` run: one program, so that the query engine is linked once.
//!
//!     vault_tool torture MINUTES            a forgetful disk and kill -9, and a summary
//!     vault_tool full FOLDER                fills the file system of FOLDER (a small one of its own!), makes room, and a summary
//!     vault_tool append FOLDER SECONDS [encrypted]  records per second to acknowledgement, beside the bare disk; and the same encrypted
//!     vault_tool load FOLDER RECORDS        a year of invented factory data
//!     vault_tool size FOLDER                what log lines take, beside zstd -3 of the same lines as text
//!     vault_tool verify FOLDER [deep]       time to look through everything
//!     vault_tool ask FOLDER                 the twelve named questions, each a few times
//!     vault_tool tail FOLDER PRODUCER       (internal) writes until it is killed

use model::activity::{Act, Activity, Banner, Head, Modbus, Protocol};
use model::event::LogRecord;
use model::flow::{Direction, Flow, FlowEnd, FlowState};
use model::net::{Endpoint, Segment, Transport};
use model::{Body, FlowId, Mac, NewEvent, SiteId, SourceId, Time};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vault::sim::SimDisk;
use vault::{Depth, Options, Query, Vault};

type Any<T> = Result<T, Box<dyn std::error::Error>>;

const YEAR_START: i64 = 1_735_657_200_000_000_000; // 2025-01-01 in Tokyo
const YEAR: i64 = 365 * 86_400 * 1_000_000_000;

/// SplitMix64, so that a seed names a run.
struct Dice(u64);
impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

fn end(n: u64, port: u16) -> Endpoint {
    let b = (n % 500) as u16;
    Endpoint { mac: Some(Mac([2, 0, 0, 0, (b >> 8) as u8, b as u8])), ip: Some([10, 20, (b >> 8) as u8, b as u8].into()), port: Some(port) }
}

/// A record of about 300 bytes, for the append bench: the same as in earlier figures.
fn banner(n: u64) -> NewEvent {
    let at = Time(1_700_000_000_000_000_000 + n as i64 * 1000);
    let head = Head {
        flow: FlowId(n),
        segment: Segment { sensor: SourceId(1), vlan: 0 },
        time: at,
        transport: Transport::Tcp,
        protocol: Protocol::Ftp,
        client: end(n, 1024 + (n % 60_000) as u16),
        server: end(n + 7, 21),
    };
    let act = Act::Banner(Banner { text: format!("220 host-{n:x} service {:x} ready", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) });
    NewEvent { source: SourceId(1), received: at, happened: None, body: Body::Activity(Box::new(Activity { head, act })) }
}

/// Record `n` of `of` of a year in a factory: conversations, acts of controllers, and log lines.
fn factory(n: u64, of: u64) -> NewEvent {
    let mut d = Dice(n);
    let at = Time(YEAR_START + (i128::from(YEAR) * i128::from(n) / i128::from(of.max(1))) as i64);
    let (a, b) = (d.below(400), 400 + d.below(100));
    let segment = Segment { sensor: SourceId(1), vlan: (a % 4) as u16 };
    let body = match d.below(10) {
        0..=5 => {
            let up = Direction { packets: 1 + d.below(40), bytes: 60 + d.below(40_000), flags: 27 };
            let down = Direction { packets: 1 + d.below(60), bytes: 60 + d.below(400_000), flags: 27 };
            let port = *[443u16, 80, 502, 445, 53, 4840].get(d.below(6) as usize).unwrap_or(&443);
            Body::Flow(Box::new(Flow {
                id: FlowId(n),
                segment,
                transport: Transport::Tcp,
                client: end(a, 1024 + (d.below(60_000)) as u16),
                server: end(b, port),
                protocol: Some(match port {
                    443 => Protocol::Tls,
                    80 => Protocol::Http,
                    502 => Protocol::Modbus,
                    445 => Protocol::Smb,
                    _ => Protocol::Dns,
                }),
                first: at,
                last: at,
                started: at,
                part: 0,
                up,
                down,
                state: FlowState::Closed,
                end: FlowEnd::Ended,
                gaps: 0,
            }))
        }
        6 | 7 => Body::Activity(Box::new(Activity {
            head: Head {
                flow: FlowId(n),
                segment,
                time: at,
                transport: Transport::Tcp,
                protocol: Protocol::Modbus,
                client: end(a, 40_000),
                server: end(b, 502),
            },
            act: Act::Modbus(Modbus {
                transaction: n as u16,
                unit: (b % 8) as u8,
                function: if d.below(50) == 0 { 16 } else { 3 },
                address: Some(d.below(2000) as u16),
                count: Some(d.below(20) as u16),
                write: d.below(50) == 0,
                ..Modbus::default()
            }),
        })),
        _ => {
            let text = match d.below(4) {
                0 => format!("Accepted publickey for operator{} from 10.20.0.{} port {}", d.below(20), d.below(250), d.below(60_000)),
                1 => format!("Failed password for invalid user {:x} from 10.20.1.{} port {}", d.below(5000), d.below(250), d.below(60_000)),
                2 => format!("GET /line/{}/status?id={} 200 {}", d.below(40), d.below(100_000), d.below(9000)),
                _ => format!("設備 {} の温度 {} 度、警報なし token{:x}", d.below(200), d.below(90), d.next()),
            };
            Body::Log(Box::new(LogRecord {
                host: format!("host-{}", a % 60),
                application: String::from("sshd"),
                facility: Some(10),
                level: Some((d.below(7)) as u8),
                text,
                ..LogRecord::default()
            }))
        }
    };
    NewEvent { source: SourceId(1), received: at, happened: None, body }
}

fn percentile(times: &mut [Duration], p: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * p / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, r)| r);
    let mut fields = after.split_whitespace().skip(11);
    let ticks: f64 =
        fields.next().and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0) + fields.next().and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    ticks / 100.0
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn append(folder: &Path, seconds: u64, encrypted: bool) -> Any<()> {
    // To acknowledgement alone, then with committing, sealing and compaction; then both again in an encrypted folder.
    let mut runs = vec![("ack", false, false), ("sealed", true, false)];
    if encrypted {
        runs.extend([("encrypted ack", false, true), ("encrypted sealed", true, true)]);
    }
    let mut pace: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let key = tempfile_key(folder);
    for (name, seal, encrypted) in runs {
        let dir = folder.join(name);
        let options =
            Options { seal, commit_every: if seal { Duration::from_secs(5) } else { Duration::from_hours(1) }, ..Options::default() };
        let vault = Vault::open(&dir, None, options)?;
        if encrypted {
            vault.encrypt(&vault::NewLock::File(key.clone()), "bench")?;
            while !vault.bring_after()? {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let count = Arc::new(AtomicU64::new(0));
        let began = Arc::new(std::sync::Barrier::new(5));
        let (mut start, mut cpu0) = (Instant::now(), cpu());
        std::thread::scope(|s| {
            for p in 0..4u64 {
                let (appender, count, began) = (vault.appender(), Arc::clone(&count), Arc::clone(&began));
                s.spawn(move || {
                    // Made beforehand: what is measured is the vault.
                    let batches: Vec<Vec<_>> = (0..64).map(|b| (0..1000).map(|i| banner((p << 40) + b * 1000 + i)).collect()).collect();
                    began.wait();
                    let until = Instant::now() + Duration::from_secs(seconds);
                    for batch in batches.iter().cycle() {
                        if Instant::now() >= until {
                            return;
                        }
                        let count = Arc::clone(&count);
                        let told = move |r: vault::Acknowledged| {
                            count.fetch_add(r.map_or(0, |r| r.end - r.start), Ordering::Relaxed);
                        };
                        if appender.append_with(batch, told).is_err() {
                            return;
                        }
                    }
                });
            }
            began.wait();
            (start, cpu0) = (Instant::now(), cpu());
        });
        vault.appender().append_and_wait(&[])?;
        let n = count.load(Ordering::Relaxed);
        let (wall, used) = (start.elapsed().as_secs_f64(), cpu() - cpu0);
        let status = vault.status();
        println!(
            "{name}: {:.0} records/s by the clock, {:.0} per CPU second, {n} records, {:.0} bytes each, tail {}, peak {} MiB",
            n as f64 / wall,
            n as f64 / used.max(0.01),
            status.bytes as f64 / n.max(1) as f64,
            status.last_seq - status.sealed_to,
            peak_mib()
        );
        pace.insert(name, (n as f64 / wall, n as f64 / used.max(0.01)));
        if !seal && !encrypted {
            let appender = vault.appender();
            let mut bare = std::fs::File::create(folder.join("bare"))?;
            let (mut acks, mut syncs) = (Vec::new(), Vec::new());
            let batch: Vec<_> = (0..20).map(banner).collect();
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
                "latency: p50 {:.2} ms, p99 {a:.2} ms; bare write and sync p50 {:.2} ms, p99 {b:.2} ms; ratio of p99 {:.2}",
                percentile(&mut acks, 50),
                percentile(&mut syncs, 50),
                a / b
            );
            // The limit: the same bytes written in order with as many syncs as there were commits.
            let mut f = std::fs::File::create(folder.join("limit"))?;
            let t = Instant::now();
            let part = vec![7u8; 1 << 20];
            let mut written = 0u64;
            while t.elapsed() < Duration::from_secs(3) {
                f.write_all(&part)?;
                f.sync_data()?;
                written += part.len() as u64;
            }
            println!("limit: {:.0} MB/s written in order with a sync each MiB", written as f64 / t.elapsed().as_secs_f64() / 1e6);
        }
        drop(vault);
        std::fs::remove_dir_all(&dir)?;
    }
    for (on, off, what) in [("encrypted ack", "ack", "to acknowledgement"), ("encrypted sealed", "sealed", "with sealing")] {
        if let (Some(on), Some(off)) = (pace.get(on), pace.get(off)) {
            println!(
                "encryption {what}: {:.3} of the pace without it by the clock, {:.3} per CPU second",
                on.0 / off.0.max(1.0),
                on.1 / off.1.max(1.0)
            );
        }
    }
    let _ = std::fs::remove_file(&key);
    Ok(())
}

/// A key beside the folders, and in none of them.
fn tempfile_key(folder: &Path) -> PathBuf {
    folder.join("bench.key")
}

fn load(folder: &Path, records: u64) -> Any<()> {
    let vault = Vault::open(folder, None, Options { roll_after: Duration::from_hours(1), ..Options::default() })?;
    let (began, mut n) = (Instant::now(), vault.last_seq());
    let mut raw = 0u64;
    let mut said = Instant::now();
    while n < records {
        let batch: Vec<_> = (n..(n + 2000).min(records)).map(|i| factory(i, records)).collect();
        for e in &batch {
            if let Body::Log(l) = &e.body {
                raw += l.text.len() as u64 + l.host.len() as u64 + 40;
            }
        }
        n += batch.len() as u64;
        vault.appender().append(&batch)?;
        if said.elapsed() > Duration::from_secs(10) {
            said = Instant::now();
            eprintln!("{n} of {records}, {:.0}/s, peak {} MiB", n as f64 / began.elapsed().as_secs_f64(), peak_mib());
        }
    }
    vault.appender().append_and_wait(&[])?;
    vault.seal()?;
    vault.compact()?;
    let s = vault.status();
    let log = s.tables.get(6).copied().unwrap_or_default();
    println!(
        "loaded {n} records in {:.0} s ({:.0}/s), {:.1} bytes each, {} files; log lines {} in {} bytes, {raw} as text this time; peak {} MiB; {:?}",
        began.elapsed().as_secs_f64(),
        n as f64 / began.elapsed().as_secs_f64(),
        s.bytes as f64 / s.events.max(1) as f64,
        s.segments,
        log.rows,
        log.bytes,
        peak_mib(),
        s.log.trouble,
    );
    Ok(())
}

/// Counts what is written.
#[derive(Default)]
struct Count(u64);
impl Write for Count {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        self.0 += b.len() as u64;
        Ok(b.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lines that are compared at most.
const LINES: usize = 2_000_000;

fn size(folder: &Path) -> Any<()> {
    let vault = Vault::open_read_only(folder, Options::default())?;
    let log = vault.status().tables.get(model::event::Table::Log as usize).copied().unwrap_or_default();
    let query = Query { tables: model::event::Table::Log.bit(), limit: Some(LINES), ..Query::default() };
    let mut packed = zstd::stream::write::Encoder::new(Count::default(), 3)?;
    let (mut lines, mut raw) = (0u64, 0u64);
    for e in vault.read(&query) {
        let e = e?;
        if let Body::Log(l) = &e.body {
            // As syslog writes it to a file (RFC 5424's time, host, application, text).
            let line = format!("{} {} {}: {}\n", e.received.rfc3339(), l.host, l.application, l.text);
            raw += line.len() as u64;
            lines += 1;
            packed.write_all(line.as_bytes())?;
        }
    }
    let packed = packed.finish()?.0 as f64 / lines.max(1) as f64;
    let words: u64 = std::fs::read_dir(folder.join("segments"))?
        .filter_map(Result::ok)
        .filter(|f| f.path().extension().is_some_and(|e| e == "words"))
        .filter_map(|f| f.metadata().ok())
        .map(|m| m.len())
        .sum();
    let ours = log.bytes as f64 / log.rows.max(1) as f64;
    println!(
        "size: {lines} lines of {:.1} bytes; in the vault {ours:.1} bytes each ({:.1} to 1) and {:.1} for searching words; zstd -3 of the same text {packed:.1} ({:.1} to 1)",
        raw as f64 / lines.max(1) as f64,
        raw as f64 / lines.max(1) as f64 / ours,
        words as f64 / log.rows.max(1) as f64,
        raw as f64 / lines.max(1) as f64 / packed
    );
    Ok(())
}

fn verify(folder: &Path, deep: bool) -> Any<()> {
    let vault = Vault::open_read_only(folder, Options::default())?;
    let (began, cpu0) = (Instant::now(), cpu());
    let depth = if deep { Depth::Deep } else { Depth::Files };
    let v = vault.verify_with(depth, |_| true)?;
    let (wall, used) = (began.elapsed().as_secs_f64(), cpu() - cpu0);
    println!(
        "verified {} files, {} bytes, {} leaves in {wall:.2} s ({used:.2} CPU s): {:.0} MB/s, {:.0} leaves per CPU second; damage {}",
        v.files,
        v.bytes,
        v.leaves,
        v.bytes as f64 / wall / 1e6,
        v.leaves as f64 / used.max(0.01),
        v.damage.len()
    );
    for d in v.damage.iter().take(5) {
        println!("{d}");
    }
    if v.damage.is_empty() { Ok(()) } else { Err("damage".into()) }
}

#[derive(Default)]
struct Tally {
    acknowledged: u64,
    found: u64,
    lost: u64,
    invented: u64,
    crashes: u64,
    kills: u64,
    unproven: u64,
}

/// One life on a forgetful disk that dies at some step; then everything that was acknowledged must be there.
fn forgetful(seed: u64, t: &mut Tally) -> Any<()> {
    let mut dice = Dice(seed);
    let disk = SimDisk::new();
    let dir = PathBuf::from("/data/vault");
    let site = Some(SiteId(uuid::Uuid::from_u128(7)));
    let options = || Options {
        roll_bytes: 4_000,
        close_patience: Duration::ZERO,
        retry_first: Duration::from_millis(1),
        commit_every: Duration::from_millis(3),
        ..Options::default()
    };
    disk.crash_at(5 + dice.below(400));
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut sent = 0u64;
    if let Ok(v) = Vault::open_on(Arc::new(disk.clone()), &dir, site, options()) {
        for _ in 0..12 {
            let batch: Vec<_> = (sent..sent + 1 + dice.below(9)).map(|i| factory(i, 1000)).collect();
            let first = sent;
            sent += batch.len() as u64;
            let Ok(ticket) = v.appender().append(&batch) else { break };
            match ticket.wait_for(Duration::from_millis(30)) {
                Ok(Ok(range)) => acknowledged.extend(range.enumerate().map(|(i, seq)| (first + i as u64, seq))),
                _ => break,
            }
            if dice.below(3) == 0 {
                let _ = v.seal();
            }
        }
        v.close();
    }
    t.acknowledged += acknowledged.len() as u64;
    t.crashes += 1;
    let after = disk.after_crash(seed);
    let v = Vault::open_on(Arc::new(after), &dir, site, options())?;
    let mut found: BTreeMap<u64, u64> = BTreeMap::new();
    for (e, seq) in v.read(&Query::default()).zip(1u64..) {
        let e = e?;
        // Its number is in its time.
        let n = (i128::from(e.received.0 - YEAR_START) * 1000 / i128::from(YEAR)) as u64;
        if e.id.seq != seq || n >= sent || found.insert(n, seq).is_some() {
            t.invented += 1;
        }
    }
    t.found += found.len() as u64;
    t.lost += acknowledged.iter().filter(|(n, seq)| found.get(n) != Some(seq)).count() as u64;
    v.commit()?;
    let looked = v.verify_with(Depth::Deep, |_| true)?;
    // A place that names no record (the head of a file that never came to the disk whole) is told, and takes nothing away.
    let touches = |d: &&vault::Damage| d.last_seq.is_none_or(|l| l >= d.first_seq);
    let unproven = looked.damage.iter().filter(touches).count() as u64 + found.len() as u64 - looked.leaves.min(found.len() as u64);
    if unproven > 0 {
        println!("seed {seed}: {} found, {} leaves, {:?}", found.len(), looked.leaves, looked.damage);
    }
    t.unproven += unproven;
    Ok(())
}

/// Lives of the real program, each ended by kill -9.
fn killed(home: &Path, run: u64, seed: u64, acknowledged: &mut BTreeMap<u64, u64>) -> Any<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("tail")
        .arg(home)
        .arg(run.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let Some(out) = child.stdout.take() else { return Err("no pipe".into()) };
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            if let (Some("ack"), Some(n), Some(s), Some("end")) = (words.next(), words.next(), words.next(), words.next())
                && let (Ok(n), Ok(s)) = (n.parse::<u64>(), s.parse::<u64>())
            {
                got.push((n, s));
            }
        }
        got
    });
    std::thread::sleep(Duration::from_millis(80 + Dice(seed).below(300)));
    child.kill()?;
    child.wait()?;
    acknowledged.extend(reader.join().map_err(|_| "reader")?);
    Ok(())
}

fn torture(minutes: f64) -> Any<()> {
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let seed0 = u64::from(std::process::id());
    let mut t = Tally::default();
    let home = std::env::temp_dir().join(format!("torture-{}", std::process::id()));
    let mut acknowledged = BTreeMap::new();
    let mut round = 0u64;
    while Instant::now() < end {
        round += 1;
        for i in 0..20 {
            let seed = seed0 * 1_000_003 + round * 100 + i;
            forgetful(seed, &mut t).map_err(|e| format!("seed {seed}: {e}"))?;
        }
        killed(&home, round, seed0 + round, &mut acknowledged)?;
        t.kills += 1;
    }
    let v = Vault::open(&home, None, Options::default())?;
    let mut found = BTreeMap::new();
    for e in v.read(&Query::default()) {
        let e = e?;
        if let Body::Activity(a) = &e.body
            && found.insert(a.head.flow.0, e.id.seq).is_some()
        {
            t.invented += 1;
        }
    }
    t.acknowledged += acknowledged.len() as u64;
    t.found += found.len() as u64;
    t.lost += acknowledged.iter().filter(|(n, seq)| found.get(n) != Some(seq)).count() as u64;
    t.invented += found.keys().filter(|n| **n >> 40 == 0 || **n >> 40 > t.kills).count() as u64;
    v.commit()?;
    let looked = v.verify_with(Depth::Deep, |_| true)?;
    let real: Vec<_> = looked.damage.iter().filter(|d| d.last_seq.is_none_or(|l| l >= d.first_seq)).collect();
    t.unproven += real.len() as u64;
    drop(v);
    std::fs::remove_dir_all(&home)?;
    println!(
        "torture: {} crashes of a forgetful disk, {} kills; appends acknowledged {}, found {}, lost {}, invented {}, not proven {}",
        t.crashes, t.kills, t.acknowledged, t.found, t.lost, t.invented, t.unproven
    );
    for d in real {
        println!("{d}");
    }
    if t.lost + t.invented + t.unproven == 0 { Ok(()) } else { Err("the vault broke its word".into()) }
}

/// Fills a small file system to the last byte, makes room again, and looks whether all that was acknowledged is there, once.
fn full(folder: &Path) -> Any<()> {
    // What makes room later.
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![7u8; 40 << 20])?;
    let options = || Options { roll_bytes: 4 << 20, commit_every: Duration::from_millis(200), ..Options::default() };
    let dir = folder.join("vault");
    let vault = Vault::open(&dir, None, options())?;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let appender = vault.appender();
    let producer = {
        let acknowledged = Arc::clone(&acknowledged);
        std::thread::spawn(move || {
            // Text that nothing shrinks, so that the disk and not the patience ends.
            let mut d = Dice(7);
            for n in 0u64.. {
                let batch: Vec<_> = (0..200)
                    .map(|i| {
                        let log = LogRecord {
                            host: format!("{}", n * 200 + i),
                            text: (0..400).map(|_| char::from(33 + d.below(90) as u8)).collect(),
                            ..LogRecord::default()
                        };
                        NewEvent { source: SourceId(1), received: Time(YEAR_START), happened: None, body: Body::Log(Box::new(log)) }
                    })
                    .collect();
                match appender.append_and_wait(&batch) {
                    Ok(seqs) => acknowledged.store(seqs.end - 1, Ordering::Release),
                    Err(_) => return,
                }
                if n == 20_000 {
                    return;
                }
            }
        })
    };
    let patience = Instant::now() + Duration::from_secs(120);
    let why = loop {
        if let vault::Writing::Stopped { why, .. } = vault.status().writing {
            break why;
        }
        if Instant::now() > patience || producer.is_finished() {
            return Err("the file system did not become full; it must be a small one (200 MB)".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let before = acknowledged.load(Ordering::Acquire);
    let read = vault.read(&Query { limit: Some(1000), ..Query::default() }).flatten().count();
    // Long enough to be tried several times, and for sealing to fail as well.
    std::thread::sleep(Duration::from_secs(3));
    std::fs::remove_file(&ballast)?;
    let patience = Instant::now() + Duration::from_secs(60);
    while acknowledged.load(Ordering::Acquire) <= before {
        if Instant::now() > patience {
            return Err("writing did not go on after there was room".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    vault.close();
    let _ = producer.join();
    let last = acknowledged.load(Ordering::Acquire);
    drop(vault);
    let vault = Vault::open(&dir, None, options())?;
    let mut found = 0u64;
    for (e, seq) in vault.read(&Query::default()).zip(1u64..) {
        if e?.id.seq != seq {
            return Err(format!("record {seq} is missing or doubled").into());
        }
        found = seq;
    }
    let looked = vault.verify_with(Depth::Deep, |_| true)?;
    println!(
        "full: stopped with '{why}' after {before} records, {read} of 1000 read meanwhile; then acknowledged {last}, found {found}, damage {}",
        looked.damage.len()
    );
    if found >= last && read == 1000 && looked.damage.is_empty() { Ok(()) } else { Err("the vault broke its word".into()) }
}

/// Writes until it is killed, four producers; says what was acknowledged.
fn tail(folder: &Path, run: u64) -> Any<()> {
    let options = Options { roll_bytes: 200_000, commit_every: Duration::from_millis(20), ..Options::default() };
    let vault = Vault::open(folder, None, options)?;
    let out = std::sync::Mutex::new(std::io::stdout());
    std::thread::scope(|s| {
        for p in 0..4u64 {
            let (a, out) = (vault.appender(), &out);
            s.spawn(move || {
                for i in 0u64.. {
                    let numbers: Vec<u64> = (0..=(i * 7 + p) % 9).map(|j| run << 40 | p << 32 | (i * 10 + j)).collect();
                    let batch: Vec<_> = numbers.iter().map(|n| banner(*n)).collect();
                    let Ok(seqs) = a.append_and_wait(&batch) else { return };
                    let text = numbers.iter().zip(seqs).fold(String::new(), |t, (n, s)| t + &format!("ack {n} {s} end\n"));
                    let Ok(mut out) = out.lock() else { return };
                    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
                }
            });
        }
    });
    Ok(())
}

/// A day that has data, for questions about a time.
const WEEK: (&str, &str) = ("2025-06-02", "2025-06-09");

fn ask(folder: &Path) -> Any<()> {
    use vault::ask::{Cancel, Limits, Scope, questions};
    let vault = Vault::open_read_only(folder, Options::default())?;
    for q in questions::ALL {
        let values: Vec<(&str, &str)> = q
            .params
            .iter()
            .filter_map(|p| {
                Some(match p.name {
                    "from" | "since" => (p.name, WEEK.0),
                    "to" => (p.name, WEEK.1),
                    "before" => (p.name, "2025-05-26"),
                    "address" => (p.name, "10.20.1.150"),
                    "user" => (p.name, "operator3"),
                    "name" => (p.name, "update.example"),
                    "words" => (p.name, "invalid user 13f"),
                    _ => return None,
                })
            })
            .collect();
        let mut times = Vec::new();
        let (mut rows, mut skipped) = (0, (0, 0));
        for _ in 0..7 {
            let t = Instant::now();
            let a = q.ask(&vault, &Scope::all(), &values, &Limits::default(), &Cancel::new(), false)?;
            times.push(t.elapsed());
            rows = a.rows;
            skipped = (a.scanned.row_groups_read, a.scanned.row_groups);
        }
        println!(
            "question {}: p50 {:.0} ms, p99 {:.0} ms; {rows} rows, {} of {} row groups read, peak {} MiB",
            q.name,
            percentile(&mut times, 50),
            percentile(&mut times, 99),
            skipped.0,
            skipped.1,
            peak_mib()
        );
    }
    Ok(())
}

fn main() -> Any<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |i: usize| args.get(i).map(String::as_str).unwrap_or_default();
    let folder = PathBuf::from(arg(1));
    match arg(0) {
        "torture" => torture(arg(1).parse().unwrap_or(1.0)),
        "full" => full(&folder),
        "append" => append(&folder, arg(2).parse().unwrap_or(10), arg(3) == "encrypted"),
        "load" => load(&folder, arg(2).parse().unwrap_or(1_000_000)),
        "size" => size(&folder),
        "verify" => verify(&folder, arg(2) == "deep"),
        "ask" => ask(&folder),
        "tail" => tail(&folder, arg(2).parse().unwrap_or(1)),
        other => Err(format!("there is no command '{other}'").into()),
    }
}
