//! Archives by schedule, and what they and the looks through the vault show: evidence for the log measures.
//!
//! A thread of its own, since an export takes hours on a slow share and waits for nobody: it reads at most [`PACE`] bytes a second, ends with the
//! program, goes on where it was after the next start (the vault knows what is whole), and is tried again later where its target is away. Evidence
//! is written by looking at what the vault remembers and not by whoever did it, so that an export from a page, from the command line or by
//! schedule leaves the same. Each is written once: the time of what it shows is its sequence ([`vault::Mark`]).

use crate::clock::now;
use crate::outcome::state_error;
use crate::stores::Stores;
use anyhow::Result;
use model::event::{Deed, Evidence, Verdict};
use model::{Body, NewEvent, SourceId, Span, Time};
use state::Pipeline;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;
use vault::{ExportRun, LastVerified, Late, Mark, Schedule, Vault, VaultError, VaultStatus, archive};

/// How often it is looked whether something is to be done.
const LOOK: Duration = Duration::from_secs(20);
/// Bytes a second: the watch goes first.
const PACE: f64 = 20e6;
/// First wait after a failure; doubled each time.
const RETRY_FIRST: Duration = Duration::from_mins(1);
/// Longest wait after a failure.
const RETRY_MAX: Duration = Duration::from_hours(6);
/// Somebody stopped it: not again so soon.
const STOPPED: Duration = Duration::from_hours(24);
/// How long a look through everything speaks for the log.
const LOOK_HOLDS: Span = Span::days(31);

/// Measures that a copy elsewhere serves (catalogue/documents/measures.yaml).
const COPIED: [&str; 2] = ["iotgl:13.7", "jpcert:S-6b"];
/// Measures that looking through everything serves.
const LOOKED: [&str; 2] = ["iotgl:13.8", "jpcert:S-6b"];

/// The producers of evidence, for the vault to know what it has.
const EXPORTED: u64 = 0x6578_706f_7274_0001;
const VERIFIED: u64 = 0x6578_706f_7274_0002;
const LATE: u64 = 0x6578_706f_7274_0003;

/// What people set of exports.
pub async fn schedule(pipeline: &Pipeline) -> Result<Schedule> {
    let days = pipeline.setting_number("export_days").await.map_err(state_error)?;
    let folder = pipeline.setting("export_folder").await.map_err(state_error)?;
    let volume = pipeline.setting_number("export_volume_mb").await.map_err(state_error)?;
    let recipients = pipeline.setting("export_recipients").await.map_err(state_error)?;
    Schedule::read(days, &folder, volume, &recipients).map_err(|e| anyhow::anyhow!("export_recipients: {e}"))
}

/// Starts the thread; it ends when told, at the latest when the vault is closed.
pub fn start(stores: Stores, runtime: Handle, stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let keeper = Keeper { stores, runtime, stop, wait: RETRY_FIRST, not_before: None, told: Told::default() };
    std::thread::Builder::new().name("exports".into()).spawn(move || keeper.run()).map(drop)
}

struct Keeper {
    stores: Stores,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    wait: Duration,
    not_before: Option<Instant>,
    told: Told,
}

/// What was written down since the start. The vault knows the rest.
#[derive(Default)]
struct Told {
    exported: Time,
    verified: Time,
    late: Time,
}

impl Keeper {
    fn run(mut self) {
        loop {
            if let Err(e) = self.once() {
                tracing::warn!("exports: {e:#}");
            }
            let until = Instant::now() + LOOK;
            while Instant::now() < until {
                if self.ended() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(250));
            }
        }
    }

    fn ended(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    fn once(&mut self) -> Result<()> {
        let schedule = self.runtime.block_on(schedule(&self.stores.pipeline))?;
        let status = self.stores.vault.status();
        record(&self.stores.vault, &schedule, &status, now(), &mut self.told)?;
        let waits = self.not_before.is_some_and(|at| Instant::now() < at);
        if waits || status.exporting.is_some() || !schedule.is_due(&status, now()) {
            return Ok(());
        }
        match self.export(&schedule, &status) {
            Ok(()) => {
                (self.wait, self.not_before) = (RETRY_FIRST, None);
                let status = self.stores.vault.status();
                record(&self.stores.vault, &schedule, &status, now(), &mut self.told)?;
            }
            Err(VaultError::BrokenOff) if self.ended() => {}
            Err(VaultError::BrokenOff) => self.not_before = Some(Instant::now() + STOPPED),
            Err(e) => {
                tracing::warn!("the export is tried again in {} minutes: {e}", self.wait.as_secs() / 60);
                self.not_before = Some(Instant::now() + self.wait);
                self.wait = (self.wait * 2).min(RETRY_MAX);
            }
        }
        Ok(())
    }

    fn export(&self, schedule: &Schedule, status: &VaultStatus) -> Result<(), VaultError> {
        let Some(folder) = schedule.folder.clone() else { return Ok(()) };
        archive::is_there(&folder, &status.exports).map_err(VaultError::Archive)?;
        let what = format!("archive: {}", folder.display());
        let did = self.stores.pipeline.machine_did("vault.export", Deed::Exported { what, rows: status.events }, now());
        // No data leaves without its deed.
        self.runtime.block_on(did).map_err(|e| VaultError::Archive(e.to_string()))?;
        let began = Instant::now();
        let mut first = None;
        let done = self.stores.vault.export(&schedule.export(folder, "hinomi"), |done, _| {
            let begun: u64 = *first.get_or_insert(done);
            let due = Duration::from_secs_f64(done.saturating_sub(begun) as f64 / PACE);
            while began.elapsed() < due && !self.ended() {
                std::thread::sleep(Duration::from_millis(50));
            }
            !self.ended()
        })?;
        tracing::info!(files = done.files, bytes = done.bytes, there = done.there, "the vault was exported");
        Ok(())
    }
}

/// Writes down what the newest archive, the newest look and a missing archive show, each once.
fn record(vault: &Vault, schedule: &Schedule, status: &VaultStatus, now: Time, told: &mut Told) -> Result<()> {
    let since = told.exported;
    for run in status.exports.iter().filter(|r| r.is_good() && r.at > since) {
        write(vault, EXPORTED, run.at, exported(run, schedule), now)?;
        told.exported = run.at;
    }
    if let Some(looked) = status.last_verified.filter(|l| l.at > told.verified) {
        write(vault, VERIFIED, looked.at, verified(&looked), now)?;
        told.verified = looked.at;
    }
    if let Some(late) = schedule.late(status, now) {
        // Once for each archive that was not followed by another.
        let after = late.last.unwrap_or(Time(1));
        if after > told.late {
            write(vault, LATE, after, missed(&late), now)?;
            told.late = after;
        }
    }
    Ok(())
}

fn write(vault: &Vault, producer: u64, at: Time, all: Vec<Evidence>, now: Time) -> Result<()> {
    let event = |e| NewEvent { source: SourceId(0), received: now, happened: None, body: Body::Evidence(Box::new(e)) };
    let batch: Vec<NewEvent> = all.into_iter().map(event).collect();
    let mark = Mark { producer, sequence: u64::try_from(at.0).unwrap_or(0) };
    vault.appender().append_once(mark, &batch)?.wait()?;
    Ok(())
}

fn evidence(objectives: &[&str], check: &str, verdict: Verdict, population: u64, until: Option<Time>, note: String) -> Vec<Evidence> {
    let one = |objective: &&str| Evidence {
        objective: (*objective).to_owned(),
        check: check.to_owned(),
        verdict,
        population,
        shown_by: Vec::new(),
        until,
        note: note.clone(),
    };
    objectives.iter().map(one).collect()
}

fn exported(run: &ExportRun, schedule: &Schedule) -> Vec<Evidence> {
    let until = (schedule.days > 0).then(|| run.at + Span::days(i64::from(schedule.days)));
    let encrypted = if run.encrypted { ", encrypted" } else { "" };
    let note = format!(
        "{}: archive of {} files, {} bytes in {} volumes, written to {} by {} and read back{encrypted}",
        run.at.rfc3339(),
        run.files,
        run.bytes,
        run.volumes,
        run.target,
        run.by
    );
    evidence(&COPIED, "vault-export", Verdict::Met, run.files, until, note)
}

/// What a look through everything shows.
pub fn verified(looked: &LastVerified) -> Vec<Evidence> {
    let (verdict, until) = if looked.damage == 0 { (Verdict::Met, Some(looked.at + LOOK_HOLDS)) } else { (Verdict::NotMet, None) };
    let how = if looked.deep { "every record was computed again" } else { "every stored byte was read" };
    let note = format!(
        "{}: {how}; {} files, {} bytes, {} places that are not what was written",
        looked.at.rfc3339(),
        looked.files,
        looked.bytes,
        looked.damage
    );
    evidence(&LOOKED, "vault-verify", verdict, looked.files, until, note)
}

fn missed(late: &Late) -> Vec<Evidence> {
    let last = late.last.map_or_else(|| String::from("never"), Time::rfc3339);
    evidence(&COPIED, "vault-export", Verdict::NotMet, 0, None, format!("no archive since {last}; due since {}", late.since.rfc3339()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault::{Export, Options, Query};

    fn options() -> Options {
        Options { now: || Time::from_unix(1_800_000_000, 0), ..Options::default() }
    }

    fn shown(vault: &Vault) -> Vec<(String, String, Verdict)> {
        let all = vault.read(&Query::default()).map(Result::unwrap);
        all.filter_map(|e| if let Body::Evidence(e) = e.body { Some((e.objective, e.check, e.verdict)) } else { None }).collect()
    }

    #[test]
    fn what_was_exported_and_looked_at_is_shown_once_also_after_a_restart() {
        let home = tempfile::tempdir().unwrap();
        let schedule = Schedule { days: 31, ..Schedule::default() };
        let event = |at| NewEvent {
            source: SourceId(0),
            received: at,
            happened: None,
            body: Body::Log(Box::new(model::event::LogRecord { text: "x".into(), ..Default::default() })),
        };
        let now = (options().now)();
        {
            let v = Vault::open(home.path().join("v").as_path(), None, options()).unwrap();
            v.appender().append_and_wait(&[event(now - Span::days(40))]).unwrap();
            record(&v, &schedule, &v.status(), now, &mut Told::default()).unwrap();
            let missing = ["iotgl:13.7", "jpcert:S-6b"].map(|m| (m.to_owned(), String::from("vault-export"), Verdict::NotMet));
            assert_eq!(shown(&v), missing, "forty days of records and no archive");
            v.verify().unwrap();
            v.export(&Export { target: home.path().join("out"), by: "t".into(), ..Export::default() }, |_, _| true).unwrap();
            assert_eq!(schedule.late(&v.status(), now), None, "the reminder ends with the archive");
            record(&v, &schedule, &v.status(), now, &mut Told::default()).unwrap();
            record(&v, &schedule, &v.status(), now, &mut Told::default()).unwrap();
            let all = shown(&v);
            assert_eq!(all.len(), 6, "{all:?}");
            assert!(all.iter().skip(2).all(|(_, _, verdict)| *verdict == Verdict::Met), "{all:?}");
        }
        let v = Vault::open(home.path().join("v").as_path(), None, options()).unwrap();
        record(&v, &schedule, &v.status(), now, &mut Told::default()).unwrap();
        assert_eq!(shown(&v).len(), 6, "the same after a restart");
    }

    #[test]
    fn an_archive_is_due_and_late_by_the_schedule() {
        let home = tempfile::tempdir().unwrap();
        let v = Vault::open(home.path(), None, options()).unwrap();
        let mut status = v.status();
        let now = (options().now)();
        let by_hand = Schedule { days: 31, ..Schedule::default() };
        let itself = Schedule { folder: Some("/mnt/nas".into()), ..by_hand.clone() };
        assert!(!itself.is_due(&status, now) && itself.late(&status, now).is_none(), "an empty vault");
        (status.events, status.oldest) = (1, Some(now - Span::days(31)));
        assert!(itself.is_due(&status, now) && !by_hand.is_due(&status, now), "without a folder nothing goes by itself");
        assert!(by_hand.late(&status, now).is_some() && itself.late(&status, now).is_none(), "what goes by itself has a day");
        assert!(itself.late(&status, now + Span::days(1)).is_some());
        assert!(Schedule { days: 0, ..itself.clone() }.late(&status, now + Span::days(999)).is_none());
        let last = vault::LastExport { at: now - Span::days(30), target: String::new(), files: 1, bytes: 1, verified: true };
        status.last_export = Some(last);
        assert!(!itself.is_due(&status, now) && by_hand.late(&status, now).is_none());
        assert!(
            itself.is_due(&status, now + Span::days(1)) && itself.is_due(&status, now - Span::days(60)),
            "also where the clock went back"
        );
    }

    #[test]
    fn a_share_that_is_not_mounted_is_not_written_to() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("nas");
        std::fs::create_dir(&target).unwrap();
        let before = [ExportRun { target: target.display().to_string(), ..ExportRun::default() }];
        assert_eq!(archive::is_there(&target, &[]), Ok(()));
        assert!(archive::is_there(&target, &before).unwrap_err().contains("mounted"));
        std::fs::create_dir(target.join("hinomi-x-1")).unwrap();
        assert_eq!(archive::is_there(&target, &before), Ok(()));
        assert!(archive::is_there(&home.path().join("none"), &[]).is_err());
        assert!(archive::is_there("relative".as_ref(), &[]).is_err());
    }
}
