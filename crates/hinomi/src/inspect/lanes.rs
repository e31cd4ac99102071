//! Several cores for one capture. Each lane is a thread with a reader, an engine and a tally of its own: it reads the whole capture, which is
//! cheap, and dissects the frames whose pair of addresses is its own ([`wire::lane`]), which is not. Nothing is shared and nothing is handed
//! over; what was counted is added up at the end. Standard input can be read only once and stays with one lane, and so do captures that
//! are read faster than threads start.

use super::tally::Tally;
use super::{Amount, Summary};
use anyhow::anyhow;
use intake::file::{CaptureFile, FileInfo, Merge, Options, Record};
use model::SourceId;
use model::coverage::Truths;
use std::path::{Path, PathBuf};
use wire::engine::{Config, Counters, Engine};
use wire::lane::lane;

/// Bytes of captures below which one lane is enough.
const WORTH_IT: u64 = 32 << 20;
/// Lanes at most: behind that, reading the whole capture in each is the larger part.
const MOST: usize = 8;

/// As many lanes as there are cores for this process, where the files can be read several times and are worth it.
pub(super) fn fitting(files: &[PathBuf]) -> u32 {
    let again = files.iter().all(|f| f != Path::new("-") && std::fs::metadata(f).is_ok_and(|m| m.is_file()));
    let bytes: u64 = files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
    if !again || bytes < WORTH_IT {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST) as u32
}

/// What one lane brings home.
struct Home {
    tally: Tally,
    counters: Counters,
    truths: Truths,
    infos: Vec<FileInfo>,
}

/// Reads the files in so many lanes.
pub(super) fn run(files: &[PathBuf], lanes: u32) -> anyhow::Result<Summary> {
    let mut seed = [0u8; 8];
    getrandom::fill(&mut seed).map_err(|e| anyhow!("the system gives no random numbers: {e}"))?;
    let seed = u64::from_le_bytes(seed);
    let first = std::thread::scope(|scope| {
        let others: Vec<_> = (1..lanes).map(|mine| scope.spawn(move || read(files, mine, lanes, seed))).collect();
        let mut home = read(files, 0, lanes, seed)?;
        for other in others {
            let other = other.join().map_err(|_| anyhow!("a lane of the inspection ended early; this is a fault of the program"))??;
            home.tally.join(other.tally);
            home.counters.join(other.counters);
            home.truths.join(other.truths);
        }
        anyhow::Ok(home)
    })?;
    let infos: Vec<&FileInfo> = first.infos.iter().collect();
    Ok(first.tally.summary(&infos, first.counters, first.truths))
}

/// Reads everything and dissects the frames of one lane.
fn read(files: &[PathBuf], mine: u32, lanes: u32, seed: u64) -> anyhow::Result<Home> {
    let options = wire::parse::Options {
        // Fingerprints are of no use beyond this run; the key need not be secret because nothing is kept or shown.
        secret_key: [0; 32],
        raw_targets: true,
        is_default: catalogue::credentials::is_default,
    };
    let whole = Config::default();
    // Together the lanes may hold what one may hold alone.
    let share = |n: usize| (n / lanes as usize).max(1024);
    let config = Config {
        max_flows: share(whole.max_flows),
        max_stream_bytes: share(whole.max_stream_bytes),
        max_parsers: share(whole.max_parsers),
        max_fragment_bytes: share(whole.max_fragment_bytes),
        hash_seed: seed,
        ..whole
    };
    let mut engine = Engine::new(config, options);
    let mut tally = Tally::new(catalogue::oui::vendor);
    let mut all = Amount::default();
    let mut frame = |record: &Record<'_>| {
        let raw = record.raw(SourceId(1));
        all.first.get_or_insert(raw.time);
        all.last = Some(raw.time);
        if lanes == 1 || lane(&raw, lanes, seed) == mine {
            engine.packet(&raw, &mut tally);
        }
    };
    let infos = if let [one] = files {
        // One file is read in its own order, even where its times go back.
        let mut file = CaptureFile::open_with(one, Options::default())?;
        while let Some(record) = file.next()? {
            frame(&record);
        }
        vec![file.info().clone()]
    } else {
        let mut merge = Merge::open(files, Options::default())?;
        while let Some((_, record)) = merge.next()? {
            frame(&record);
        }
        merge.infos().cloned().collect()
    };
    engine.finish(&mut tally);
    tally.span(all);
    let home = Home { tally, counters: engine.counters(), truths: engine.truths(), infos };
    // The program ends soon: giving back tables piece by piece would only take time.
    std::mem::forget(engine);
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lanes_sum_up_to_what_one_counts() {
        let folder = std::env::temp_dir().join(format!("hinomi-lanes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("mix.pcap");
        // Conversations of many pairs of addresses: a DNS question each, and an ARP request in between.
        let mut file = Vec::new();
        for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 1] {
            file.extend(word.to_le_bytes());
        }
        for n in 0..400u32 {
            let dns = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04demo\x07example\0\0\x01\0\x01";
            let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, (n >> 8) as u8, n as u8, 8, 0, 0x45, 0];
            frame.extend((28 + dns.len() as u16).to_be_bytes());
            frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 192, 168, (n >> 8) as u8, n as u8, 192, 168, 9, 2, 0xc0, 0, 0, 53]);
            frame.extend((8 + dns.len() as u16).to_be_bytes());
            frame.extend([0, 0]);
            frame.extend(dns);
            for word in [1_700_000_000 + n, 500_000, frame.len() as u32, frame.len() as u32] {
                file.extend(word.to_le_bytes());
            }
            file.extend(&frame);
        }
        std::fs::write(&path, file).unwrap();
        let files = [path];
        let shown = |lanes| {
            let mut document = serde_json::to_value(run(&files, lanes).unwrap()).unwrap();
            document["files"][0]["path"] = "mix.pcap".into();
            document
        };
        let one = shown(1);
        assert_eq!((&one["packets"], &one["udp_conversations"]), (&400.into(), &400.into()));
        for lanes in [2, 3, 8] {
            assert_eq!(shown(lanes), one, "{lanes} lanes");
        }
        assert_eq!(fitting(&files), 1, "a small file is not worth several");
        assert_eq!(fitting(&["-".into()]), 1, "standard input is read once");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
