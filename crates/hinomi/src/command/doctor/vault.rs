//! What `doctor` says of the vault: read from its folder beside a running Hinomi, without changing anything in it.

use super::{Check, bad, good, note};
use crate::clock::now;
use crate::command::block_on;
use crate::config::Config;
use crate::keys;
use crate::outcome::state_error;
use crate::stores::state_url;
use crate::witness::peers::Outside;
use crate::witness::standing;
use crate::words::Words;
use catalogue::phrases::{Value, group};
use model::event::{Deed, Table};
use model::{Body, Span, Time};
use state::{Store, StoreUrl};
use std::path::Path;
use vault::{Confirmation, ConfirmationKind, LockKind, Options, Query, Schedule, Vault, VaultError, VaultStatus};

/// The vault's own limits of patience, as on its page.
const LONG: Span = Span::days(31);
/// Drops of so long are told.
const LATELY: Span = Span::days(7);
/// A running watch writes a record at least this often where a sensor is at work.
const QUIET: Span = Span::minutes(10);
/// A witness that answers is heard at least this often, or three times the interval that was set.
const HEARD: Span = Span::hours(1);

/// What is set: archives and witnesses. Absent where the state cannot be opened, which has a line of its own.
struct Set {
    schedule: anyhow::Result<Schedule>,
    outside: Outside,
}

fn set(config: &Config) -> Option<Set> {
    let url = state_url(config).ok()?;
    if let StoreUrl::Sqlite(file) = &url
        && !file.is_file()
    {
        return None;
    }
    let read = block_on(async {
        let store = Store::open(&url, now()).await.map_err(state_error)?;
        let pipeline = store.pipeline().map_err(state_error)?;
        Ok(Set { schedule: crate::exports::schedule(&pipeline).await, outside: standing::outside(&pipeline).await? })
    });
    read.ok()
}

/// Every line on the vault.
pub(super) fn checks(config: &Config, words: &Words) -> Vec<Check> {
    let folder = config.data.join("vault");
    let say = |key: &str, args: &[(&str, &str)]| {
        let args: Vec<(&str, Value<'_>)> = args.iter().map(|(k, v)| (*k, Value::Text(v))).collect();
        words.with(key, &args)
    };
    if !folder.is_dir() {
        return vec![note("vault", say("doctor-vault-none", &[("folder", &folder.display().to_string())]))];
    }
    // Nobody is asked for a passphrase here.
    let vault = match Vault::open_read_only_unlocked(&folder, Options::default(), &keys::unlock(config, false)) {
        Ok(vault) => vault,
        Err(VaultError::KeyMissing { kind: LockKind::Passphrase, .. }) => {
            return vec![note("vault", say("doctor-vault-passphrase", &[("file", keys::PASSPHRASE_FILE)]))];
        }
        Err(e) => return vec![bad("vault", format!("{:#}", keys::failed(e)))],
    };
    let (status, confirmed, at) = (vault.status(), vault.confirmations(), now());
    let mut out = vec![
        match status.damage.first() {
            Some(damage) => bad("vault", damage.to_string()),
            None => good("vault", say("doctor-vault-good", &[("events", &count(status.events)), ("mib", &count(status.bytes >> 20))])),
        },
        writing(&folder, &status, at, &say),
        dropped(&vault, at, &say),
        room(&status, at, &say),
        verified(&status, at, &say),
    ];
    let set = set(config);
    if let Some(set) = &set {
        out.push(export(set, &status, at, &say));
    }
    out.push(confirmation(&confirmed, &status, at, &say));
    for peer in set.iter().flat_map(|s| &s.outside.peers) {
        let name = peer.key.name();
        let newest = confirmed.iter().filter(|c| c.kind == ConfirmationKind::Witness && c.name == name).map(|c| c.at).max();
        let patience = HEARD.max(Span::seconds(i64::try_from(set.as_ref().map_or(0, |s| s.outside.every.as_secs())).unwrap_or(0) * 3));
        out.push(match newest {
            Some(t) if at - t <= patience => good("witness", say("doctor-witness-good", &[("name", name), ("at", &t.rfc3339())])),
            Some(t) => note("witness", say("doctor-witness-silent", &[("name", name), ("at", &t.rfc3339())])),
            None => note("witness", say("doctor-witness-never", &[("name", name)])),
        });
    }
    for problem in set.iter().flat_map(|s| &s.outside.problems) {
        out.push(bad("witness", problem.clone()));
    }
    out
}

fn count(n: u64) -> String {
    group(i64::try_from(n).unwrap_or(i64::MAX))
}

type Say<'a> = dyn Fn(&str, &[(&str, &str)]) -> String + 'a;

/// From outside it can be seen whether a Hinomi runs and how new its newest record is.
fn writing(folder: &Path, status: &VaultStatus, at: Time, say: &Say<'_>) -> Check {
    match (Vault::is_in_use(folder), status.newest) {
        (false, Some(t)) => note("writing", say("doctor-writing-off", &[("at", &t.rfc3339())])),
        (false, None) => note("writing", say("doctor-writing-nothing", &[])),
        (true, Some(t)) if at - t <= QUIET => good("writing", say("doctor-writing-good", &[("at", &t.rfc3339())])),
        (true, Some(t)) => note("writing", say("doctor-writing-quiet", &[("at", &t.rfc3339())])),
        (true, None) => note("writing", say("doctor-writing-empty", &[])),
    }
}

fn dropped(vault: &Vault, at: Time, say: &Say<'_>) -> Check {
    let query = Query { tables: Table::Audit.bit(), from: Some(at - LATELY), ..Query::default() };
    let (mut all, mut last) = (0u64, None);
    for event in vault.read(&query).flatten() {
        if let Body::Audit(audit) = event.body
            && let Deed::Dropped { rows, to, .. } = audit.deed
        {
            all = all.saturating_add(rows);
            last = last.max(Some(to));
        }
    }
    match last {
        Some(to) => note("drops", say("doctor-drops-some", &[("rows", &count(all)), ("at", &to.rfc3339())])),
        None => good("drops", say("doctor-drops-none", &[])),
    }
}

fn room(status: &VaultStatus, at: Time, say: &Say<'_>) -> Check {
    let Some(days) = status.days_left.filter(|d| d.is_finite() && *d >= 0.0) else {
        return note("room", say("doctor-room-unknown", &[]));
    };
    let whole = days.min(36_500.0) as i64;
    let day = (at + Span::days(whole)).rfc3339().chars().take(10).collect::<String>();
    let said = say("doctor-room-when", &[("day", &day), ("days", &group(whole))]);
    match whole {
        ..3 => bad("room", said),
        3..30 => note("room", said),
        _ => good("room", said),
    }
}

fn verified(status: &VaultStatus, at: Time, say: &Say<'_>) -> Check {
    match status.last_verified {
        Some(v) if v.damage > 0 => bad("verified", say("doctor-verified-bad", &[("n", &count(v.damage)), ("at", &v.at.rfc3339())])),
        Some(v) if at - v.at > LONG => note("verified", say("doctor-verified-old", &[("at", &v.at.rfc3339())])),
        Some(v) => good("verified", v.at.rfc3339()),
        None => note("verified", say("doctor-verified-never", &[])),
    }
}

fn export(set: &Set, status: &VaultStatus, at: Time, say: &Say<'_>) -> Check {
    let schedule = match &set.schedule {
        Ok(schedule) => schedule,
        Err(e) => return bad("export", format!("{e:#}")),
    };
    let last =
        status.last_export.as_ref().map_or_else(|| say("doctor-export-never", &[]), |e| format!("{} ({})", e.at.rfc3339(), e.target));
    let trouble = status.exports.last().filter(|r| !r.trouble.is_empty()).map(|r| r.trouble.clone());
    match (schedule.late(status, at), trouble) {
        (late, Some(why)) => {
            let said = say("doctor-export-failed", &[("last", &last), ("why", &why)]);
            if late.is_some() { bad("export", said) } else { note("export", said) }
        }
        (Some(_), None) => note("export", say("doctor-export-late", &[("last", &last)])),
        (None, None) => good("export", last),
    }
}

fn confirmation(confirmed: &[Confirmation], status: &VaultStatus, at: Time, say: &Say<'_>) -> Check {
    match confirmed.first() {
        _ if status.log.size == 0 => note("outside", say("doctor-outside-empty", &[])),
        None => note("outside", say("doctor-outside-never", &[])),
        Some(c) => {
            let days = group((at - c.at).as_seconds().max(0) / 86_400);
            let said = say("doctor-outside-when", &[("at", &c.at.rfc3339()), ("days", &days)]);
            if at - c.at > LONG { note("outside", said) } else { good("outside", said) }
        }
    }
}
