//! 設定: sensors, zones, site, what is kept, accounts.

use crate::ask::{Ask, with_done};
use crate::password;
use crate::problem::{Problem, page_with, redirect};
use crate::view::{About, Amount, Choice, Kept, Page, SensorRow, SettingRow, SettingsPage, UserRow, When, ZoneRow};
use axum::http::StatusCode;
use axum::response::Response;
use catalogue::Value;
use model::access::{EditSettings, Grant, ManageUsers, ViewSettings};
use model::coverage::SensorKind;
use model::event::Table;
use model::{Authorised, Role, SourceId, UserId, ZoneId};
use state::settings::{EXPORT_SETTINGS, Holds, Key, SETTINGS, retention_of};
use state::zones::{Range, ZoneFields};
use state::{Layer, StateError};

/// Most ranges or VLANs of a zone.
const MOST_RANGES: usize = 200;

pub(crate) fn kept(ask: &Ask) -> Kept {
    let s = ask.shared.vault.status();
    let days = match (s.oldest, s.newest) {
        // What people did is of now; the days are those of what was seen.
        (Some(a), Some(b)) => u64::try_from((b.min(ask.data_now()) - a).as_seconds() / 86_400).unwrap_or(0),
        _ => 0,
    };
    Kept {
        events: Amount::count(s.events),
        days,
        since: s.oldest.map(|t| When::new(t, ask.format.date(t))),
        disk: Amount::bytes(s.bytes),
        free: s.free.map(Amount::bytes),
        outside: String::new(),
        encryption: String::new(),
    }
}

fn sensor_row(ask: &Ask, s: &model::coverage::SensorStatus, named: &[state::sensors::Sensor]) -> SensorRow {
    let known = named.iter().find(|n| n.id == s.id);
    SensorRow {
        id: s.id.0,
        rev: known.map_or(0, |k| k.rev),
        name: s.name.clone(),
        shown: known.map_or_else(|| s.name.clone(), |k| k.shown.clone()),
        kind: s.kind,
        quality: s.quality,
        packets: Amount::count(s.packets),
        bytes: Amount::bytes(s.bytes),
        rate: match s.kind {
            SensorKind::Live => format!("{}/s", ask.format.number(s.recent_packets / 10)),
            SensorKind::File => String::new(),
        },
        kernel_drops: Amount::count(s.kernel_drops),
        queue_drops: Amount::count(s.queue_drops),
        decode_errors: Amount::count(s.decode_errors),
        gaps: Amount::count(s.gaps),
        flows: Amount::count(s.flows),
        flows_evicted: Amount::count(s.flows_evicted),
        last: s.last_frame.map(|t| ask.when(t)),
        trouble: s.trouble.clone().unwrap_or_default(),
        truths: s
            .truths
            .told(s.packets)
            .map(|truth| {
                let (met, of) = s.truths.share(truth, s.packets);
                let key = format!("truth-{}", truth.name().replace('_', "-"));
                ask.t().xy(&key, &ask.format.number(met), &ask.format.number(of))
            })
            .collect(),
    }
}

async fn fill(ask: &Ask, proof: &Authorised<ViewSettings>, problem: Option<(&str, String)>) -> Result<SettingsPage, Problem> {
    let named = ask.store.sensors(proof).await?;
    let sensors = (ask.shared.sensors)().iter().map(|s| sensor_row(ask, s, &named)).collect();
    let zones = ask
        .store
        .zones(proof)
        .await?
        .into_iter()
        .map(|z| ZoneRow {
            id: z.id.to_string(),
            name: z.fields.name,
            rev: z.rev,
            layer: z.fields.layer.name().to_owned(),
            ranges: z.fields.ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            vlans: z.fields.vlans.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            assets: z.assets,
        })
        .collect();
    let own = ask.caller.as_ref().map(|c| c.session.user);
    let users = match ask.also(ManageUsers) {
        Ok(managing) => {
            let row = |u: state::people::User| UserRow {
                id: u.id.to_string(),
                rev: u.rev,
                name: u.name,
                roles: u.grants.iter().map(|g| g.role).collect(),
                enabled: u.enabled,
                must_change: u.must_change_password,
                last: u.last_login.map(|t| ask.when(t)),
                own: own == Some(u.id),
            };
            Some(ask.store.users(&managing).await?.into_iter().map(row).collect())
        }
        Err(_) => None,
    };
    let mut kept = kept(ask);
    kept.outside = super::vault::outside(ask).await;
    let calendar = super::calendar::view(ask, proof).await?;
    // The calendar has a part of its own, and how long each table is kept stands on the vault's page.
    let values = ask
        .store
        .settings(proof)
        .await?
        .iter()
        .filter(|s| s.key.holds != Holds::Calendar && !of_the_vault(s.key))
        .map(|s| value_row(ask, s))
        .collect();
    let facts = ask.store.facts().await?;
    let database = if facts.iter().any(|(k, _)| k.contains("journal")) { "SQLite" } else { "PostgreSQL" };
    Ok(SettingsPage {
        shell: ask.shell(Page::Settings, "").await?,
        sensors,
        zones,
        calendar,
        users,
        new_password: take_fresh(ask),
        kept,
        values,
        about: About {
            version: ask.shared.version.clone(),
            fingerprint: ask.shared.certificates.current().fingerprint,
            folder: ask.shared.folder.display().to_string(),
            started: Some(ask.when(ask.shared.started)),
            database: database.to_owned(),
        },
        problems: problem.map(|(s, p)| vec![(s.to_owned(), p)]).unwrap_or_default(),
    })
}

/// A one-time password that this session made: shown once, then forgotten.
fn take_fresh(ask: &Ask) -> Option<(String, String)> {
    let token = ask.caller.as_ref()?.token_hash;
    let mut fresh = ask.shared.fresh.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let at = fresh.iter().position(|(t, ..)| *t == token)?;
    let (_, name, word) = fresh.remove(at);
    Some((name, word))
}

fn keep_fresh(ask: &Ask, name: &str, word: String) {
    if let Some(caller) = &ask.caller {
        let mut fresh = ask.shared.fresh.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        fresh.retain(|(t, ..)| *t != caller.token_hash);
        if fresh.len() >= 64 {
            fresh.remove(0);
        }
        fresh.push((caller.token_hash, name.to_owned(), word));
    }
}

/// `GET /settings`
pub(crate) async fn page(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    page_with(StatusCode::OK, &fill(&ask, &proof, None).await?)
}

/// Back to the page, or the page with what is wrong.
pub(crate) async fn answer(ask: &Ask, section: &str, result: Result<&str, StateError>) -> Result<Response, Problem> {
    let (status, words) = match result {
        Ok(done) => return Ok(redirect(&with_done(&format!("/settings#{section}"), done))),
        Err(StateError::Changed { by, at, .. }) => (StatusCode::CONFLICT, ask.t().xy("problem-conflict-by", &by, &ask.format.moment(at))),
        Err(StateError::Invalid { field, .. }) => {
            let key = format!("setting-wrong-{}", field.replace('_', "-"));
            let known = crate::view::words::check().is_ok_and(|b| b.has(&key));
            (StatusCode::UNPROCESSABLE_ENTITY, ask.say(if known { &key } else { "field-wrong" }))
        }
        Err(StateError::Exists { name, .. }) => (StatusCode::UNPROCESSABLE_ENTITY, ask.t().x("field-exists", &name)),
        Err(StateError::LastAdministrator) => (StatusCode::UNPROCESSABLE_ENTITY, ask.say("user-last-administrator")),
        Err(other) => return Err(other.into()),
    };
    again(ask, section, status, words).await
}

pub(crate) async fn again(ask: &Ask, section: &str, status: StatusCode, words: String) -> Result<Response, Problem> {
    let seeing = ask.also(ViewSettings)?;
    page_with(status, &fill(ask, &seeing, Some((section, words))).await?)
}

/// `POST /settings/site`: one setting, with the revision that was looked at.
pub(crate) async fn site(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    let wrong = || Problem::Bad(String::new());
    let known = SETTINGS.iter().find(|k| k.name == ask.form.get("key")).ok_or_else(wrong)?;
    let rev = ask.form.number("rev").ok_or_else(wrong)?;
    match ask.store.set_setting(&proof, known.name, rev, ask.form.get("value"), ask.now).await {
        Ok(_) => answer(&ask, known.name, Ok("saved")).await,
        Err(StateError::Invalid { .. }) => again(&ask, known.name, StatusCode::UNPROCESSABLE_ENTITY, misfit(&ask, known)).await,
        Err(other) => answer(&ask, known.name, Err(other)).await,
    }
}

/// What a setting may hold, in words for whoever gave something else.
pub(crate) fn misfit(ask: &Ask, key: &Key) -> String {
    let t = ask.t();
    match key.holds {
        Holds::Number(least, most) => t.with("setting-wrong-number", &[("a", Value::Number(least)), ("b", Value::Number(most))]),
        Holds::Word(words) => t.x("setting-wrong-word", &words.join(t.comma())),
        Holds::Text(most) => t.n("setting-wrong-text", most as u64),
        Holds::TimeZone => t.say("setting-wrong-zone"),
        Holds::Calendar => t.say("setting-wrong-calendar"),
        Holds::Url => t.say("setting-wrong-url"),
        Holds::Witnesses => t.say("setting-wrong-witnesses"),
        Holds::Folder => t.say("setting-wrong-folder"),
        Holds::Recipients => t.say("setting-wrong-recipients"),
    }
}

/// It stands on the vault's page: how long one table is kept, and exports.
fn of_the_vault(key: &Key) -> bool {
    EXPORT_SETTINGS.contains(&key.name) || Table::ALL.into_iter().any(|t| retention_of(t) == key.name)
}

/// A setting as its form shows it.
pub(crate) fn value_row(ask: &Ask, s: &state::settings::Setting) -> SettingRow {
    let t = ask.t();
    let name = s.key.name.replace('_', "-");
    let shown = |v: &str| match (s.key.holds, s.key.unit) {
        (Holds::Number(..), "bytes") => v.parse().map_or_else(|_| v.to_owned(), |n| ask.format.bytes(n)),
        (Holds::Number(..), _) => v.parse().map_or_else(|_| v.to_owned(), |n| ask.format.number(n)),
        (Holds::Word(_), _) => t.say(&format!("setting-{name}-{v}")),
        _ => v.to_owned(),
    };
    let default = if s.key.default.is_empty() { ask.say("choice-none") } else { shown(s.key.default) };
    let mut how = vec![t.say(&format!("setting-{name}-how")), t.x("setting-default", &default)];
    let mut bounds = None;
    if let Holds::Number(least, most) = s.key.holds {
        how.push(t.xy("setting-bounds", &shown(&least.to_string()), &shown(&most.to_string())));
        bounds = Some((least, most));
    }
    if s.key.unit == "bytes" {
        how.push(t.x("setting-now", &shown(&s.value)));
    }
    SettingRow {
        key: s.key.name.to_owned(),
        rev: s.rev,
        label: t.say(&format!("setting-{name}")),
        value: s.value.clone(),
        shown: shown(&s.value),
        unit: if bounds.is_some() { t.say(&format!("unit-{}", s.key.unit)) } else { String::new() },
        how: how.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(if ask.lang == model::Lang::Ja { "" } else { " " }),
        bounds,
        most: match s.key.holds {
            Holds::Text(most) => most,
            Holds::Url => 300,
            Holds::Folder => 1_000,
            // 16 recipients.
            Holds::Recipients => 1_100,
            // 16 pairs of the longest address and key line.
            Holds::Witnesses => 9_000,
            _ => 100,
        },
        choices: match s.key.holds {
            Holds::Word(words) => words.iter().map(|w| Choice::new(*w, shown(w), *w == s.value)).collect(),
            _ => Vec::new(),
        },
        sure: if s.key.name.starts_with("retention") || s.key.name.contains("_kept_") { ask.say("retention-sure") } else { String::new() },
    }
}

/// `POST /settings/sensors`
pub(crate) async fn sensors(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    let wrong = || Problem::Bad(String::new());
    let id = SourceId(ask.form.number("id").ok_or_else(wrong)?);
    let rev = ask.form.number("rev").ok_or_else(wrong)?;
    let result = ask.store.rename_sensor(&proof, id, rev, ask.form.get("name"), ask.now).await;
    answer(&ask, "sensors", result.map(|()| "saved")).await
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '、')).filter(|w| !w.is_empty()).take(MOST_RANGES)
}

/// `POST /settings/zones`
pub(crate) async fn zones(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    let f = &ask.form;
    let wrong = || Problem::Bad(String::new());
    let id = || f.get("id").parse::<ZoneId>().map_err(|_| Problem::NotFound);
    let rev = || f.number::<i64>("rev").ok_or_else(wrong);
    if f.get("act") == "remove" {
        let result = ask.store.delete_zone(&proof, id()?, rev()?, ask.now).await;
        return answer(&ask, "zones", result.map(|()| "removed")).await;
    }
    let Some(layer) = Layer::from_name(f.get("layer")) else {
        return again(&ask, "zones", StatusCode::UNPROCESSABLE_ENTITY, ask.say("field-wrong")).await;
    };
    let mut ranges = Vec::new();
    for word in words(f.get("ranges")) {
        match word.parse::<Range>() {
            Ok(range) => ranges.push(range),
            Err(_) => {
                let words = ask.t().x("zone-range-wrong", &super::speak::cut(word));
                return again(&ask, "zones", StatusCode::UNPROCESSABLE_ENTITY, words).await;
            }
        }
    }
    let mut vlans = Vec::new();
    for word in words(f.get("vlans")) {
        match word.parse::<u16>() {
            Ok(v) if (1..=4094).contains(&v) => vlans.push(v),
            _ => {
                let words = ask.t().x("zone-vlan-wrong", &super::speak::cut(word));
                return again(&ask, "zones", StatusCode::UNPROCESSABLE_ENTITY, words).await;
            }
        }
    }
    let fields = ZoneFields { name: f.get("name").trim().to_owned(), layer, ranges, vlans };
    let result = match f.get("act") {
        "add" => ask.store.create_zone(&proof, fields, ask.now).await.map(drop),
        "save" => ask.store.edit_zone(&proof, id()?, rev()?, fields, ask.now).await,
        _ => return Err(wrong()),
    };
    answer(&ask, "zones", result.map(|()| "saved")).await
}

/// `POST /settings/users`
pub(crate) async fn users(ask: Ask, proof: Authorised<ManageUsers>) -> Result<Response, Problem> {
    let f = &ask.form;
    let act = f.get("act");
    let id = || f.get("id").parse::<UserId>().map_err(|_| Problem::NotFound);
    let rev = f.number::<i64>("rev");
    let missing = || Problem::Bad(String::new());
    if matches!(act, "add" | "reset") {
        let word = password::one_time_password()?;
        let phc = ask.shared.hasher.hash(word.clone()).await?;
        let (name, result) = if act == "add" {
            let name = f.get("name").trim().to_owned();
            // Whoever manages one zone gives roles in that zone.
            let grant = |role: Role| Grant { role, site: Some(proof.site()), zone: proof.zone() };
            let grants: Vec<Grant> = f.all("role").filter_map(Role::from_name).map(grant).collect();
            if grants.is_empty() {
                return again(&ask, "users", StatusCode::UNPROCESSABLE_ENTITY, ask.say("user-role-missing")).await;
            }
            let made = ask.store.create_user(&proof, &name, &grants, &phc, ask.now).await.map(drop);
            (name, made)
        } else {
            let id = id()?;
            let name = ask.store.users(&proof).await?.into_iter().find(|u| u.id == id).map(|u| u.name).ok_or(Problem::NotFound)?;
            (name, ask.store.reset_password(&proof, id, &phc, ask.now).await)
        };
        if result.is_ok() {
            keep_fresh(&ask, &name, word);
        }
        return answer(&ask, "users", result.map(|()| "saved")).await;
    }
    let enabled = match act {
        "enable" => true,
        "disable" => false,
        _ => return Err(missing()),
    };
    let result = ask.store.set_enabled(&proof, id()?, rev.ok_or_else(missing)?, enabled, ask.now).await;
    answer(&ask, "users", result.map(|_| "saved")).await
}
