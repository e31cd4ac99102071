//! 持ち出し: the vault's archives on its page. The schedule's own exports are written by the watch; here a person starts one, sees how far it is,
//! and stops it.

use super::settings::value_row;
use super::vault::past;
use crate::ask::{Ask, with_done};
use crate::problem::{Problem, redirect};
use crate::view::Amount;
use crate::view::archives::{ExportRow, Exporting, Exports};
use crate::view::words::Tag;
use axum::http::StatusCode;
use axum::response::Response;
use catalogue::Value;
use model::Authorised;
use model::access::{EditSettings, ViewSettings};
use model::event::Deed;
use state::settings::{EXPORT_SETTINGS, Setting};
use std::path::PathBuf;
use vault::{ExportRun, Late, Schedule, VaultStatus, archive};

/// Exports that are shown.
const SHOWN: usize = 8;
/// Bytes of a folder's name that are read.
const LONGEST: usize = 1_000;

/// What people set of exports.
pub(crate) fn schedule(settings: &[Setting]) -> Result<Schedule, String> {
    let value = |name: &str| settings.iter().find(|s| s.key.name == name).map_or("", |s| s.value.as_str());
    let number = |name: &str| value(name).parse().unwrap_or(0);
    Schedule::read(number("export_days"), value("export_folder"), number("export_volume_mb"), value("export_recipients"))
}

/// Whether an archive is missing, for whoever may see it.
pub(crate) async fn late(ask: &Ask) -> Result<Option<Late>, Problem> {
    let Ok(seeing) = ask.also(ViewSettings) else { return Ok(None) };
    let mut settings = Vec::with_capacity(EXPORT_SETTINGS.len());
    for name in EXPORT_SETTINGS {
        settings.push(ask.store.setting(&seeing, name).await?);
    }
    // Recipients that cannot be read are told on the vault's page.
    let Ok(schedule) = schedule(&settings) else { return Ok(None) };
    Ok(schedule.late(&ask.shared.vault.status(), ask.now))
}

/// That an archive is missing, in words.
pub(crate) fn late_words(ask: &Ask, late: &Late) -> String {
    match late.last {
        Some(last) => ask.t().x("export-late", &ask.format.ago(last)),
        None => ask.say("export-late-never"),
    }
}

fn row(ask: &Ask, run: &ExportRun) -> ExportRow {
    let t = ask.t();
    let (tag, what) = if run.is_good() {
        let key = if run.encrypted { "export-what-encrypted" } else { "export-what" };
        let what = t.with(
            key,
            &[
                ("n", Value::Text(&ask.format.number(run.files))),
                ("x", Value::Text(&ask.format.bytes(run.bytes))),
                ("y", Value::Text(&ask.format.number(run.volumes))),
            ],
        );
        (Tag { tone: "ok", mark: "●", word: t.say("vault-export-good") }, what)
    } else if run.broken_off {
        (Tag { tone: "look", mark: "▲", word: t.say("export-broken-off") }, t.say("export-broken-off-how"))
    } else {
        (Tag { tone: "act", mark: "■", word: t.say("export-failed") }, String::new())
    };
    let by = if run.by == "hinomi" { t.say("export-by-schedule") } else { run.by.clone() };
    ExportRow { tag, at: past(ask, run.at), target: run.target.clone(), by, what, said: run.trouble.clone() }
}

/// The part of the page.
pub(crate) fn section(ask: &Ask, status: &VaultStatus, settings: &[Setting]) -> Exports {
    let t = ask.t();
    let read = schedule(settings);
    let plan = match &read {
        Err(_) => t.say("export-plan-wrong"),
        Ok(s) if s.days == 0 => t.say("export-plan-off"),
        Ok(s) => match &s.folder {
            Some(folder) => t.xy("export-plan-itself", &s.days.to_string(), &folder.display().to_string()),
            None => t.x("export-plan-remind", &s.days.to_string()),
        },
    };
    Exports {
        plan,
        late: read.ok().and_then(|s| s.late(status, ask.now)).map(|l| late_words(ask, &l)).unwrap_or_default(),
        running: status.exporting.as_ref().map(|now| {
            let by = if now.by == "hinomi" { t.say("export-by-schedule") } else { now.by.clone() };
            Exporting {
                since: ask.when(now.since),
                what: t.xy("export-running-to", &now.target, &by),
                done: Amount::bytes(now.done),
                all: Amount::bytes(now.total.max(now.done).max(1)),
                stopping: now.stopping,
            }
        }),
        rows: status.exports.iter().rev().take(SHOWN).map(|r| row(ask, r)).collect(),
        folder: settings.iter().find(|s| s.key.name == "export_folder").map(|s| s.value.clone()).unwrap_or_default(),
        settings: EXPORT_SETTINGS
            .iter()
            .filter_map(|name| settings.iter().find(|s| s.key.name == *name))
            .map(|s| value_row(ask, s))
            .collect(),
    }
}

/// `POST /vault/export`: starts an export to a folder, or stops the one that goes on.
pub(crate) async fn export(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    super::vault::whole(&proof)?;
    let vault = ask.shared.vault.clone();
    match ask.form.get("act") {
        "stop" => {
            tracing::info!(by = proof.name(), "the export is stopped");
            vault.stop_export();
            return Ok(redirect(&with_done("/vault#exports", "export-stopping")));
        }
        "start" => {}
        _ => return Err(Problem::Bad(String::new())),
    }
    let refused = async |words: String| super::vault::again(&ask, "exports", StatusCode::UNPROCESSABLE_ENTITY, words).await;
    let seeing = ask.also(ViewSettings)?;
    let Ok(schedule) = schedule(&ask.store.settings(&seeing).await?) else {
        return refused(ask.say("export-plan-wrong")).await;
    };
    let given = ask.form.get("folder").trim();
    if given.len() > LONGEST || given.chars().any(char::is_control) || given.split('/').any(|part| part == "..") {
        return refused(ask.say("setting-wrong-folder")).await;
    }
    let Some(folder) = (if given.is_empty() { schedule.folder.clone() } else { Some(PathBuf::from(given)) }) else {
        return refused(ask.say("export-no-folder")).await;
    };
    // On a thread for files: a share that hangs is waited for there.
    let (looked, place) = (vault.clone(), folder.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let status = looked.status();
        archive::is_there(&place, &status.exports).map(|()| status)
    });
    let Ok(status) = looking.await.map_err(|e| Problem::Broken(e.to_string()))? else {
        return refused(ask.t().x("export-not-there", &folder.display().to_string())).await;
    };
    if status.exporting.is_some() {
        return refused(ask.say("export-runs-already")).await;
    }
    // No data leaves without its deed.
    let deed = Deed::Exported { what: format!("archive: {}", folder.display()), rows: status.events };
    ask.store.did(&proof, deed, ask.now).await?;
    let wanted = schedule.export(folder, proof.name());
    let run = move || {
        // How it ends is remembered by the vault and shown on its page.
        if let Err(e) = vault.export(&wanted, |_, _| true) {
            tracing::warn!("export: {e}");
        }
    };
    // Detached: it may take hours, and ends with the program.
    let thread = std::thread::Builder::new().name(String::from("vault-export")).spawn(run);
    thread.map_err(|e| Problem::Busy(e.to_string()))?;
    Ok(redirect(&with_done("/vault#exports", "export-began")))
}
