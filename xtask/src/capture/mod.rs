//! Captures of our own, by code and the same for the same seed: an invented factory over weeks, with what happens in it, and a
//! mixture for benchmarks.

pub mod apps;
pub mod frame;
pub mod hosts;
pub mod life;
pub mod mix;
pub mod net;
pub mod pcap;
pub mod rng;
pub mod script;
pub mod talk;

#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail};
use life::Changes;
use net::{DAY, HOUR, MIN, Net};
use rng::Rng;
use script::Scenario;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Monday, 2 March 2026, midnight in Japan: where captures begin unless told otherwise.
const MONDAY: i64 = 1_772_377_200 * net::SEC;

/// `make-capture`'s command line.
pub const HELP: &str =
    "make-capture factory --out FILE [--weeks N] [--seed N] [--to-now | --until RFC3339] [--quiet | --only NAME [--bare]]
    an invented factory: FILE, FILE.script.json (what happens when), FILE.assets.csv (the ledger),
    FILE.settings.toml (the zones)
    --quiet  ordinary weeks in which nothing happens
    --only NAME  one scenario with the days of ordinary life that it needs; --bare: without them; --list shows the names
make-capture mix --out FILE [--mb N] [--seed N] [--oracles DIR]
    a mixture for benchmarks: conversations of DIR (default: HINOMI_ORACLES) and our own with fresh addresses, ports and times";

/// What a factory capture is made of.
#[derive(Clone, Debug)]
pub struct Factory {
    /// The capture; the script and the ledger stand beside it.
    pub out: PathBuf,
    /// Weeks of the long story.
    pub weeks: i64,
    /// Chance.
    pub seed: u64,
    /// The end, nanoseconds since 1970; absent: the story begins on Monday, 2 March 2026.
    pub until: Option<i64>,
    /// One scenario.
    pub only: Option<String>,
    /// The scenario without the ordinary life around it.
    pub bare: bool,
    /// Ordinary weeks in which nothing happens that a person should look at.
    pub quiet: bool,
}

impl Factory {
    /// Three weeks with everything, from 2 March 2026.
    pub fn new(out: &Path) -> Factory {
        Factory { out: out.to_path_buf(), weeks: 3, seed: 1, until: None, only: None, bare: false, quiet: false }
    }
}

impl Factory {
    /// When the long captures begin, nanoseconds since 1970.
    pub fn begins(&self) -> i64 {
        self.until.map_or(MONDAY, |end| midnight(end) - (self.weeks * 7 - 1) * DAY)
    }
}

/// A scenario with its times, as in the script file.
#[derive(Clone, Debug)]
pub struct Happening {
    /// Which.
    pub name: &'static str,
    /// The rule that should speak.
    pub finding: Option<&'static str>,
    /// Begin, nanoseconds since 1970.
    pub from: i64,
    /// End.
    pub to: i64,
}

/// Every scenario that `--only` knows, with what the watch should say of it.
pub fn scenarios() -> &'static [&'static Scenario] {
    script::all()
}

/// Runs the words behind `make-capture`.
pub fn command(words: &[String]) -> Result<()> {
    let mut words = words.iter().map(String::as_str);
    let Some(what) = words.next().filter(|w| matches!(*w, "factory" | "mix")) else {
        println!("{HELP}");
        return Ok(());
    };
    let mut out = None;
    let mut f = Factory::new(Path::new(""));
    let mut m = mix::Mix { out: PathBuf::new(), mb: 500, seed: 1, oracles: std::env::var_os("HINOMI_ORACLES").map(PathBuf::from) };
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value\n{HELP}"));
        match (what, word) {
            (_, "--out") => out = Some(PathBuf::from(value()?)),
            (_, "--seed") => {
                f.seed = value()?.parse().context("--seed is a number")?;
                m.seed = f.seed;
            }
            ("factory", "--weeks") => f.weeks = value()?.parse().context("--weeks is a number from 1 to 52")?,
            ("factory", "--to-now") => f.until = Some(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as i64),
            ("factory", "--until") => {
                f.until = Some(value()?.parse::<jiff::Timestamp>().context("--until is an RFC 3339 time")?.as_nanosecond() as i64);
            }
            ("factory", "--only") => f.only = Some(value()?.to_owned()),
            ("factory", "--bare") => f.bare = true,
            ("factory", "--quiet") => f.quiet = true,
            ("factory", "--list") => {
                for s in scenarios() {
                    println!("{:20} {:20} {}", s.name, s.finding.unwrap_or("–"), s.en);
                }
                return Ok(());
            }
            ("mix", "--mb") => m.mb = value()?.parse().context("--mb is a number of megabytes")?,
            ("mix", "--oracles") => m.oracles = Some(PathBuf::from(value()?)),
            _ => bail!("make-capture {what} knows no {word}\n{HELP}"),
        }
    }
    let out = out.with_context(|| format!("--out FILE is missing\n{HELP}"))?;
    if what == "mix" {
        m.out = out;
        println!("{}", mix::mix(&m)?);
        return Ok(());
    }
    f.out = out;
    let happened = factory(&f)?;
    println!("{}: {} happenings, {} kB", f.out.display(), happened.len(), std::fs::metadata(&f.out)?.len() / 1000);
    Ok(())
}

/// Makes the capture, its script and its ledger.
pub fn factory(f: &Factory) -> Result<Vec<Happening>> {
    if !(1..=52).contains(&f.weeks) {
        bail!("--weeks is a number from 1 to 52");
    }
    let mut net = Net::new(Rng::new(f.seed, "script"));
    let happened = match &f.only {
        Some(name) => {
            let scenario = scenarios().iter().find(|s| s.name == name).with_context(|| {
                let names: Vec<_> = scenarios().iter().map(|s| s.name).collect();
                format!("there is no scenario '{name}'; there are: {}", names.join(", "))
            })?;
            vec![one(&mut net, f, scenario)]
        }
        None if f.quiet => quiet(&mut net, f),
        None => story(&mut net, f),
    };
    let cells = scenarios().iter().find(|s| f.only.as_deref() == Some(s.name)).map_or(&[][..], |s| s.ledger);
    let mut out = pcap::create(&f.out)?;
    net.tape.drain_into(&mut out)?;
    out.flush()?;
    let told: Vec<_> = happened
        .iter()
        .map(|h| {
            let s = scenarios().iter().find(|s| s.name == h.name);
            let time = |t: i64| jiff::Timestamp::from_nanosecond(i128::from(t)).map(|t| t.to_string()).unwrap_or_default();
            json!({"name": h.name, "finding": h.finding, "from": time(h.from), "to": time(h.to), "en": s.map(|s| s.en), "ja": s.map(|s| s.ja)})
        })
        .collect();
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", f.out.display()));
    std::fs::write(beside(".script.json"), serde_json::to_vec_pretty(&told)?)?;
    std::fs::write(beside(".settings.toml"), hosts::settings_toml())?;
    std::fs::write(beside(".assets.csv"), hosts::ledger_csv(cells))?;
    Ok(happened)
}

/// Midnight in Japan before a time.
fn midnight(t: i64) -> i64 {
    (t + 9 * HOUR).div_euclid(DAY) * DAY - 9 * HOUR
}

/// One scenario, on the last day but for its end. With `until` it ends there, whatever day that is.
fn one(net: &mut Net, f: &Factory, s: &Scenario) -> Happening {
    let start = match f.until {
        // The latest Monday that leaves room for all of it, so that working days fall as they should.
        Some(end) => (0..21)
            .map(|d| midnight(end) - (s.habit_days + 1 + d) * DAY)
            .find(|t| life::days(*t, 1).iter().all(|d| d.weekday == 0))
            .unwrap_or(MONDAY),
        None => MONDAY,
    };
    let mut days = life::days(start, s.habit_days + 1);
    let last = days.len() - 1;
    let at = days[last].start + s.begins;
    let mut changes = Changes { no_phones: true, ..Changes::default() };
    let (mut to, blind) = script::changes(s.name, &mut days[last], at, &mut changes);
    to = to.max(s.play(net, at));
    if !f.bare {
        life::live(net, &days, &changes, f.seed);
    }
    if let Some((a, b)) = blind {
        net.tape.retain(|t| t < a || t >= b);
    }
    // Long enough behind it for the hour to be closed.
    let end = if f.bare { to + MIN } else { to.max(at) + 3 * HOUR };
    net.tape.retain(|t| t < end);
    Happening { name: s.name, finding: s.finding, from: at, to }
}

/// Ordinary weeks: nothing but everyday life, with the public holidays of Japan.
fn quiet(net: &mut Net, f: &Factory) -> Vec<Happening> {
    let length = f.weeks * 7;
    let start = f.begins();
    let mut days = life::days(start, length);
    let calendar = model::calendar::Calendar::default();
    for day in &mut days {
        let date = jiff::Timestamp::from_nanosecond(i128::from(day.start + 9 * HOUR)).map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).date());
        day.closed = date.is_ok_and(|d| calendar.kind(d) == model::calendar::DayKind::Off);
    }
    let changes = Changes { rich: true, ..Changes::default() };
    life::live(net, &days, &changes, f.seed);
    net.tape.retain(|t| t < start + length * DAY);
    vec![]
}

/// The long story: every told scenario on a working day, the gravest last.
fn story(net: &mut Net, f: &Factory) -> Vec<Happening> {
    let length = f.weeks * 7;
    let (start, end) = match f.until {
        Some(end) => (midnight(end) - (length - 1) * DAY, end),
        None => (MONDAY, MONDAY + length * DAY),
    };
    let mut days = life::days(start, length);
    let work: Vec<usize> = (0..days.len()).filter(|i| !days[*i].closed && days[*i].start + 14 * HOUR <= end).collect();
    // Days counted from the last working day back, hour of the day where it differs.
    let plan: &[(&str, usize, i64)] = &[
        ("holiday", 6, 0),
        ("sensor-blind", 7, 0),
        ("monitoring-poll", 5, 14 * HOUR),
        ("router-failover", 5, 0),
        ("mistyped-password", 4, 0),
        ("camera-drop", 4, 0),
        ("default-login", 3, 0),
        ("plc-silent", 3, 0),
        ("guess-http", 2, 11 * HOUR),
        ("arp-spoofing", 2, 15 * HOUR),
        ("nas-surge", 1, 0),
        ("guess-ssh", 1, 14 * HOUR),
        ("new-device", 0, 10 * HOUR + 12 * MIN),
        ("port-scan", 0, 10 * HOUR + 31 * MIN),
        ("host-sweep", 0, 10 * HOUR + 48 * MIN),
    ];
    let mut changes = Changes::default();
    let mut blinds = Vec::new();
    let mut happened = Vec::new();
    for (name, back, hour) in plan {
        let Some(s) = scenarios().iter().find(|s| s.name == *name) else { continue };
        // A short capture has no days for habits, and none for what would need them.
        let Some(index) = work.len().checked_sub(back + 1).map(|i| work[i]) else { continue };
        if (index as i64) < s.habit_days {
            continue;
        }
        let at = days[index].start + if *hour == 0 { s.begins } else { *hour };
        let (to, blind) = script::changes(name, &mut days[index], at, &mut changes);
        blinds.extend(blind);
        let to = to.max(s.play(net, at));
        happened.push(Happening { name: s.name, finding: s.finding, from: at, to });
    }
    life::live(net, &days, &changes, f.seed);
    net.tape.retain(|t| t < end && !blinds.iter().any(|(a, b)| (*a..*b).contains(&t)));
    happened.sort_by_key(|h| h.from);
    happened
}
