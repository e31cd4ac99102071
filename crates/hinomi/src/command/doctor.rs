//! `hinomi doctor`: what is wrong with this installation and how to mend it. Looks, and changes nothing.

mod vault;

use super::{block_on, configuration, path};
use crate::clock::{now, own};
use crate::config::Config;
use crate::outcome::Verdict;
use crate::stores::state_url;
use crate::words::Words;
use crate::{rights, terminal};
use ::vault::{Answer, LockKind};
use anyhow::Result;
use catalogue::Catalogue;
use clap::ArgMatches;
use model::clock::{ClockKeeper, OwnClock};
use state::{Store, StoreUrl};
use std::net::TcpListener;

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Good,
    Note,
    Bad,
}

#[derive(serde::Serialize)]
struct Check {
    what: &'static str,
    standing: Standing,
    says: String,
}

fn good(what: &'static str, says: impl Into<String>) -> Check {
    Check { what, standing: Standing::Good, says: says.into() }
}
fn note(what: &'static str, says: impl Into<String>) -> Check {
    Check { what, standing: Standing::Note, says: says.into() }
}
fn bad(what: &'static str, says: impl Into<String>) -> Check {
    Check { what, standing: Standing::Bad, says: says.into() }
}

pub fn run(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let mut checks = Vec::new();
    let config = match configuration(matches) {
        Ok(config) => {
            checks.push(good(
                "config",
                path(matches, "config").map_or_else(|| String::from(super::DEFAULT_FILE), |f| f.display().to_string()),
            ));
            config
        }
        Err(e) => {
            checks.push(bad("config", format!("{e:#}")));
            Config::default()
        }
    };
    checks.push(data(&config));
    checks.push(interfaces(&config));
    checks.push(listening());
    checks.push(address(&config));
    checks.push(certificate(&config));
    checks.push(state(&config));
    checks.extend(vault::checks(&config, words));
    checks.extend(encryption(&config));
    checks.push(match Catalogue::load() {
        Ok(catalogue) => good("rules", catalogue.rules().iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(", ")),
        Err(e) => bad("rules", e.to_string()),
    });
    checks.push(clock());
    if matches.get_flag("json") {
        terminal::json(&checks)?;
    } else {
        let rows: Vec<Vec<String>> = checks
            .iter()
            .map(|c| {
                let (sign, standing) = match c.standing {
                    Standing::Good => ("●", "doctor-good"),
                    Standing::Note => ("▲", "doctor-note"),
                    Standing::Bad => ("■", "doctor-bad"),
                };
                vec![format!("{sign} {}", words.say(standing)), words.say(&format!("doctor-{}", c.what)), c.says.clone()]
            })
            .collect();
        terminal::line(terminal::table(&rows).trim_end())?;
    }
    Ok(if checks.iter().any(|c| c.standing == Standing::Bad) { Verdict::DoesNotHold } else { Verdict::Holds })
}

fn data(config: &Config) -> Check {
    let folder = &config.data;
    if !folder.is_dir() {
        return note("data", format!("{} is not there yet; 'hinomi run' makes it", folder.display()));
    }
    let probe = folder.join(".doctor");
    if let Err(e) = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe)) {
        return bad(
            "data",
            format!(
                "{} cannot be written: {e}. Free some space, mount it writable, or give it to the account that runs Hinomi",
                folder.display()
            ),
        );
    }
    let free = rustix::fs::statvfs(folder).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize));
    let says = format!("{}, {} MiB free", folder.display(), free >> 20);
    if free < 1 << 30 {
        bad("data", format!("{says}: less than 1 GiB; free some space or shorten the retention on the settings page"))
    } else {
        good("data", says)
    }
}

fn interfaces(config: &Config) -> Check {
    let automatic = rights::automatic();
    let mut asked: Vec<String> = config.interfaces.iter().filter(|i| *i != "auto").cloned().collect();
    if config.interfaces.iter().any(|i| i == "auto") {
        asked.extend(automatic.clone());
    }
    let missing: Vec<&String> = asked.iter().filter(|i| !std::path::Path::new("/sys/class/net").join(i).exists()).collect();
    if let Some(first) = missing.first() {
        return bad("interfaces", format!("there is no interface {first}; there are: {}", intake::opener::interfaces().join(", ")));
    }
    if asked.is_empty() {
        return note("interfaces", "no wired interface is up; connect a mirror port, or read captures with 'hinomi run --capture'");
    }
    good("interfaces", asked.join(", "))
}

fn listening() -> Check {
    if intake::privileges::has_net_raw() {
        good("rights", "CAP_NET_RAW")
    } else {
        let program = std::env::current_exe().map_or_else(|_| "hinomi".into(), |p| p.display().to_string());
        note("rights", format!("this account may not open packet sockets; run as root or, once: setcap cap_net_raw+ep {program}"))
    }
}

fn address(config: &Config) -> Check {
    match TcpListener::bind(config.listen) {
        Ok(_) => good("listen", format!("{} is free", config.listen)),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            note("listen", format!("{} is in use: by a running Hinomi, or by another program (ss -ltnp shows it)", config.listen))
        }
        Err(e) => bad("listen", format!("{}: {e}; choose another with console.listen", config.listen)),
    }
}

fn certificate(config: &Config) -> Check {
    match &config.tls {
        None => good("certificate", "made by Hinomi"),
        Some((certificate, key)) => match [certificate, key].iter().find_map(|f| std::fs::read(f).err().map(|e| (f, e))) {
            Some((file, e)) => bad("certificate", format!("{} cannot be read: {e}", file.display())),
            None => good("certificate", certificate.display().to_string()),
        },
    }
}

fn state(config: &Config) -> Check {
    let url = match state_url(config) {
        Ok(StoreUrl::Sqlite(file)) if !file.is_file() => {
            return note("state", format!("{} is not there yet; 'hinomi run' makes it", file.display()));
        }
        Ok(url) => url,
        Err(e) => return bad("state", format!("{e:#}")),
    };
    let found = block_on(async {
        let store = Store::open(&url, now()).await?;
        store.check().await?;
        Ok(store.site())
    });
    match found {
        Ok(site) => good("state", format!("site {} ({})", site.name, site.id)),
        Err(e) => bad("state", format!("{e:#}")),
    }
}

/// Whether what is kept is encrypted, and whether what opens it is there. Nothing of it is shown.
fn encryption(config: &Config) -> Option<Check> {
    let folder = config.data.join("vault");
    if !folder.is_dir() {
        return None;
    }
    let e = match ::vault::encryption_of(&folder) {
        Ok(e) => e,
        Err(e) => return Some(bad("encryption", e.to_string())),
    };
    let since = e.since.map(model::Time::rfc3339).unwrap_or_default();
    let says = match (e.answer, &e.lock) {
        (Answer::Open, _) => {
            return Some(note(
                "encryption",
                "nobody has decided yet whether what is kept is encrypted; answer on the vault page, or run 'hinomi vault encrypt'",
            ));
        }
        (Answer::Off, _) => return Some(note("encryption", format!("off since {since} ({}): {}", e.by, e.reason))),
        (Answer::On, Some(kind)) => format!("on since {since}, opened by {}", kind.name()),
        (Answer::On, None) => {
            return Some(bad("encryption", "it is on, and only the recovery key opens it; run 'hinomi vault rekey --recovery-key-file'"));
        }
    };
    let Some(file) = config.key_file.as_ref().or(e.key_file.as_ref()).filter(|_| e.lock == Some(LockKind::File)) else {
        return Some(good("encryption", says));
    };
    let says = format!("{says} {}", file.display());
    if !::vault::key_file_is_outside(file, &config.data) {
        return Some(bad(
            "encryption",
            format!("{says}: the key lies inside of the data folder; move it out, and name it with vault.key_file"),
        ));
    }
    Some(match std::fs::metadata(file) {
        Ok(_) => good("encryption", says),
        Err(e) => bad("encryption", format!("{says}: the key file cannot be reached: {e}")),
    })
}

fn clock() -> Check {
    let at = now();
    // A machine whose battery died wakes in the past; nothing that Hinomi writes is older than the program itself.
    if at < model::Time::from_unix(1_760_000_000, 0) {
        return bad("clock", format!("it says {at}; set the clock, best by NTP (timedatectl set-ntp true)"));
    }
    clock_says(at, &own())
}

/// How the clock stands, in words.
fn clock_says(at: model::Time, clock: &OwnClock) -> Check {
    let by = match clock.keeper {
        ClockKeeper::Chrony => "chrony runs",
        ClockKeeper::Timesyncd => "systemd-timesyncd runs",
        ClockKeeper::Ntpd => "ntpd runs",
        ClockKeeper::NotFound => "no time program was found on this machine (a container does not see its host's)",
        ClockKeeper::Unknown => "which time program runs is unknown",
    };
    match (clock.synchronised, clock.keeper) {
        (Some(true), _) => good("clock", format!("{at}, synchronised; {by}")),
        (Some(false), ClockKeeper::NotFound) => {
            note("clock", format!("{at}, not synchronised; {by}. Install chrony and give it a time server"))
        }
        (Some(false), _) => note(
            "clock",
            format!("{at}, not synchronised; {by}. Check that the time server can be reached (UDP port 123): chronyc sources, timedatectl"),
        ),
        (None, _) => note("clock", format!("{at}; whether it is synchronised is unknown, as the kernel may not be asked; {by}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_good_only_where_the_kernel_says_so() {
        let at = model::Time::from_unix(1_780_000_000, 0);
        let says = |synchronised, keeper| clock_says(at, &OwnClock { synchronised, keeper, ..OwnClock::unknown() });
        assert_eq!(says(Some(true), ClockKeeper::NotFound).standing, Standing::Good, "a virtual machine may have it from its host");
        let none = says(Some(false), ClockKeeper::NotFound);
        assert!(none.standing == Standing::Note && none.says.contains("Install chrony"), "{}", none.says);
        let there = says(Some(false), ClockKeeper::Chrony);
        assert!(there.standing == Standing::Note && there.says.contains("chrony runs"), "{}", there.says);
        let unknown = says(None, ClockKeeper::Unknown);
        assert!(unknown.standing == Standing::Note && unknown.says.contains("unknown"), "{}", unknown.says);
    }
}
