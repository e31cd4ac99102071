//! Packets per second of `hinomi inspect` beside Suricata without rules, and beside reading every byte of the same file. By processor
//! time, both pinned to one core, so that other work on the machine does not favour either.

use super::{Figure, Run, Whose, cpu_time, median, slope, timed, timed_on};
use crate::shell;
use anyhow::{Context, Result};
use std::io::Read;
use std::path::{Path, PathBuf};

pub fn run(binary: &Path, work: &Path, quick: bool) -> Result<Vec<Figure>> {
    let whole = if quick { 64 } else { 512 };
    let mut figures = Vec::new();
    let steps = [whole / 8, whole / 4, whole / 2, whole];
    let mut sizes = Vec::new();
    let mut costs = Vec::new();
    let mut last = None;
    for mb in steps {
        let file = mix(work, mb)?;
        let run = median(3, || inspect(binary, &file, work))?;
        let packets = packets_of(&run.stdout)?;
        sizes.push(packets);
        costs.push(run.cpu.as_secs_f64());
        last = Some((file, run, packets));
    }
    let (file, run, packets) = last.context("no run")?;
    let bytes = std::fs::metadata(&file)?.len();
    let ours = packets / run.cpu.as_secs_f64();
    let limit = touch_every_byte(&file)?;
    figures.push(Figure {
        what: format!(
            "`hinomi inspect`, mixed capture of {whole} MB, {packets:.0} packets of {:.0} bytes, one core, whole process",
            bytes as f64 / packets
        ),
        figure: format!(
            "{:.2} M packets per CPU second ({:.2} s by the clock), peak {} MB",
            ours / 1e6,
            run.wall.as_secs_f64(),
            run.peak >> 20
        ),
        peer: format!("reading and touching every byte: {limit:.2} CPU s against {:.2} CPU s", run.cpu.as_secs_f64()),
        ratio: format!("{:.2}× the time of touching", run.cpu.as_secs_f64() / limit),
    });
    figures.push(Figure {
        what: "the same at 1/8, 1/4, 1/2 and all of it".into(),
        figure: costs.iter().map(|c| format!("{c:.2} s")).collect::<Vec<_>>().join(", "),
        peer: "–".into(),
        ratio: format!("slope {:.2}", slope(&sizes, &costs)),
    });
    let free = median(3, || timed_on(None, binary, &["inspect".into(), "--json".into(), file.display().to_string()], work))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    figures.push(Figure {
        what: format!("the same on {cores} cores, a lane each"),
        figure: format!("{:.2} s by the clock, {:.2} CPU s", free.wall.as_secs_f64(), free.cpu.as_secs_f64()),
        peer: format!("one core: {:.2} s by the clock, {:.2} CPU s", run.wall.as_secs_f64(), run.cpu.as_secs_f64()),
        ratio: format!("{:.2}× as fast by the clock", run.wall.as_secs_f64() / free.wall.as_secs_f64()),
    });
    for (name, config) in [("without a log", "suricata.yaml"), ("with its EVE log", "suricata-eve.yaml")] {
        figures.push(match suricata(&file, work, config)? {
            Some(seconds) => Figure {
                what: format!("Suricata, one thread, no rules, {name}, start-up excluded"),
                figure: format!("{:.2} M packets per CPU second", packets / seconds / 1e6),
                peer: format!("ours {:.2} M packets per CPU second", ours / 1e6),
                ratio: format!("ours is {:.2}×", ours * seconds / packets),
            },
            None => Figure {
                what: format!("Suricata {name}"),
                figure: "not installed".into(),
                peer: "apt-get install -t bookworm-backports suricata".into(),
                ratio: "unknown".into(),
            },
        });
    }
    Ok(figures)
}

/// The mixed capture of that size, made where it is not there.
pub(super) fn mix(work: &Path, mb: u32) -> Result<PathBuf> {
    let file = work.join(format!("mix-{mb}.pcap"));
    if !file.is_file() {
        xtask::capture::command(&["mix".into(), "--mb".into(), mb.to_string(), "--out".into(), file.display().to_string()])?;
    }
    Ok(file)
}

fn inspect(binary: &Path, file: &Path, work: &Path) -> Result<Run> {
    timed(binary, &["inspect".into(), "--json".into(), file.display().to_string()], work)
}

fn packets_of(stdout: &[u8]) -> Result<f64> {
    let json: serde_json::Value = serde_json::from_slice(stdout).context("inspect printed no JSON")?;
    json["packets"].as_f64().context("inspect told no packets")
}

/// CPU seconds to read the file in large pieces and add up its bytes.
fn touch_every_byte(file: &Path) -> Result<f64> {
    let before = cpu_time(Whose::Own);
    let mut file = std::fs::File::open(file)?;
    let mut buffer = vec![0u8; 1 << 20];
    let mut sum = 0u64;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        sum = buffer[..n].iter().fold(sum, |s, b| s.wrapping_add(u64::from(*b)));
    }
    std::hint::black_box(sum);
    Ok(cpu_time(Whose::Own).saturating_sub(before).as_secs_f64().max(0.01))
}

/// CPU seconds that Suricata takes beyond what it takes for an empty capture; `None` where it is not installed.
fn suricata(file: &Path, work: &Path, config: &str) -> Result<Option<f64>> {
    if !shell::has("suricata") {
        return Ok(None);
    }
    let folder = work.join("suricata");
    std::fs::create_dir_all(&folder)?;
    // One frame and not none: Suricata waits for ever on a capture without packets.
    let empty = work.join("one.pcap");
    let mut one_frame = vec![0xd4u8, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    one_frame.extend([0, 0, 0, 1, 0, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0]);
    one_frame.extend([0xff; 60]);
    std::fs::write(&empty, &one_frame)?;
    let benches = shell::root().join("benches");
    let one = |capture: &Path| -> Result<f64> {
        let _ = std::fs::remove_file(folder.join("eve.json"));
        let args: Vec<String> = [
            "-r",
            &capture.display().to_string(),
            "--runmode",
            "single",
            "-S",
            &benches.join("empty.rules").display().to_string(),
            "-c",
            &benches.join(config).display().to_string(),
            "-l",
            &folder.display().to_string(),
        ]
        .iter()
        .map(|s| (*s).to_owned())
        .collect();
        Ok(median(3, || timed(&PathBuf::from("/usr/bin/suricata"), &args, &folder))?.cpu.as_secs_f64())
    };
    let start = one(&empty)?;
    Ok(Some((one(file)? - start).max(1e-3)))
}
