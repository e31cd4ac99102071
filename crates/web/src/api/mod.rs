//! `/api/v1`: the same data by the same permission as the pages, as JSON in the shapes of `model`. Changes need the session's token in
//! `X-CSRF-Token` (from `GET /api/v1/session`) and the revision that was looked at in `If-Match`. Problems are RFC 9457 in both languages.

mod document;
pub(crate) mod joins;
pub(crate) mod stocktake;
pub(crate) mod vault;

pub use document::openapi as document;

use crate::ask::Ask;
use crate::pages::{events as records, findings as found, records as vault_records};
use crate::problem::Problem;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use model::access::{
    ACTIONS, EditAssets, EditSettings, HandleFindings, OwnSettings, ViewAssets, ViewEvents, ViewFindings, ViewSettings, ViewToday,
};
use model::asset::{Internet, InternetNeed, Ledger};
use model::{Asset, AssetId, AssetState, Authorised, EventId, Finding, FindingId, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use state::ledger::NewAsset;
use state::settings::{Holds, Setting};
use std::net::IpAddr;

/// Most rows of one answer.
const MOST: u32 = state::Paging::MOST;

fn answer(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn value<T: serde::Serialize>(of: &T) -> Result<Value, Problem> {
    serde_json::to_value(of).map_err(|e| Problem::Broken(e.to_string()))
}

fn with_revision(value: &Value, rev: i64) -> Response {
    let mut response = answer(value);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{rev}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The revision in `If-Match`.
fn revision(ask: &Ask) -> Result<i64, Problem> {
    let given = ask.headers.get(IF_MATCH).and_then(|v| v.to_str().ok()).ok_or(Problem::NoRevision)?;
    given.trim().trim_matches('"').parse().map_err(|_| Problem::Bad(String::from("If-Match: \"REV\"")))
}

/// The body as JSON. What is wrong is told with its place and without repeating the body.
fn body<'a, T: Deserialize<'a>>(ask: &'a Ask) -> Result<T, Problem> {
    serde_json::from_slice(&ask.body).map_err(|e| Problem::Bad(format!("JSON, line {} column {}: {}", e.line(), e.column(), kind(&e))))
}

fn kind(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line ").next().unwrap_or_default().chars().take(200).collect()
}

fn paging(ask: &Ask) -> state::Paging {
    state::Paging {
        page: ask.query.number("page").unwrap_or(1).max(1),
        per_page: ask.query.number("per_page").unwrap_or(50).clamp(1, MOST),
    }
}

fn listed<T: serde::Serialize>(page: &state::Page<T>) -> Result<Response, Problem> {
    Ok(answer(&json!({
        "items": value(&page.items)?, "total": page.total, "page": page.page, "per_page": page.per_page, "pages": page.pages(),
    })))
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn openapi(ask: Ask, _proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    Ok(answer(&document::openapi(&ask.shared.version)))
}

/// `GET /api/v1/session`
pub(crate) async fn session(ask: Ask, proof: Authorised<OwnSettings>) -> Result<Response, Problem> {
    let own = ask.store.own(&proof).await?;
    let caller = ask.caller.as_ref().ok_or(Problem::Login)?;
    let holds =
        |roles: &[model::Role]| caller.principal.grants.iter().any(|g| roles.contains(&g.role) && g.site.is_none_or(|s| s == proof.site()));
    let may: Vec<&str> = ACTIONS.iter().filter(|(_, roles)| holds(roles)).map(|(name, _)| *name).collect();
    Ok(answer(&json!({
        "user": own.id, "name": own.name, "language": own.language, "theme": own.theme.name(),
        "must_change_password": own.must_change_password, "grants": value(&caller.principal.grants)?, "may": may,
        "csrf": caller.csrf(), "expires": value(&caller.session.expires)?,
    })))
}

/// `GET /api/v1/status`
pub(crate) async fn status(ask: Ask, proof: Authorised<ViewToday>) -> Result<Response, Problem> {
    let facts = ask.store.today_as_of(&proof, ask.data_now(), ask.now).await?;
    let vault = ask.shared.vault.status();
    let site = ask.store.site();
    let open: serde_json::Map<String, Value> = facts.open.iter().map(|(s, n)| (s.name().to_owned(), json!(n))).collect();
    Ok(answer(&json!({
        "version": ask.shared.version, "now": value(&ask.now)?, "as_of": value(&ask.data_now())?, "started": value(&ask.shared.started)?,
        "site": { "id": site.id, "name": site.name, "time_zone": site.time_zone },
        "healthy": crate::pages::healthy(&ask).await,
        "assets": { "all": facts.assets, "seen_24h": facts.assets_seen, "unregistered": facts.assets_unregistered, "unwanted": facts.assets_unwanted },
        "findings": { "open": open, "acknowledged": facts.acknowledged },
        "vault": { "writing": vault.writing == ::vault::Writing::Ok, "epoch": vault.epoch, "last_seq": vault.last_seq, "events": vault.events, "bytes": vault.bytes },
    })))
}

/// `GET /api/v1/assets`
pub(crate) async fn assets(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let filter = state::AssetFilter { paging: paging(&ask), ..crate::pages::assets::filter(&ask) };
    listed(&ask.store.assets(&proof, &filter).await?)
}

fn asset_answer(asset: &Asset) -> Result<Response, Problem> {
    Ok(with_revision(&value(asset)?, asset.rev))
}

/// `GET /api/v1/assets/{id}`
pub(crate) async fn asset(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    asset_answer(&ask.store.asset(&proof, ask.id("id")?).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBody {
    #[serde(default)]
    macs: Vec<Mac>,
    #[serde(default)]
    ips: Vec<IpAddr>,
    #[serde(default)]
    ledger: Ledger,
    #[serde(default)]
    state: Option<AssetState>,
}

/// `POST /api/v1/assets`
pub(crate) async fn enter_asset(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let NewBody { macs, ips, ledger, state } = body(&ask)?;
    let id = ask.store.enter_asset(&proof, NewAsset { macs, ips, ledger, state }, ask.now).await?;
    let asset = ask.store.asset(&ask.also(ViewAssets)?, id).await?;
    let mut response = asset_answer(&asset)?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(at) = HeaderValue::from_str(&format!("/api/v1/assets/{id}")) {
        response.headers_mut().insert(LOCATION, at);
    }
    Ok(response)
}

/// One member of a merge patch (RFC 7396): `null` takes away, objects are merged, everything else replaces.
fn merge(map: &mut serde_json::Map<String, Value>, name: String, new: Value) {
    match new {
        Value::Null => {
            map.remove(&name);
        }
        Value::Object(inner) => {
            let place = map.entry(name).or_insert_with(|| json!({}));
            if !place.is_object() {
                *place = json!({});
            }
            if let Some(within) = place.as_object_mut() {
                // The ledger is two levels deep: deeper objects fit nowhere and are refused when it is read.
                for (n, v) in inner {
                    if v.is_null() {
                        within.remove(&n);
                    } else {
                        within.insert(n, v);
                    }
                }
            }
        }
        other => {
            map.insert(name, other);
        }
    }
}

/// `PATCH /api/v1/assets/{id}`: fields of the ledger that are given replace those that stand (RFC 7396; `null` empties).
pub(crate) async fn edit_asset(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: AssetId = ask.id("id")?;
    let rev = revision(&ask)?;
    let patch: serde_json::Map<String, Value> = body(&ask)?;
    let old = ask.store.asset(&ask.also(ViewAssets)?, id).await?;
    let mut ledger = value(&old.ledger)?;
    let known = json!(Ledger {
        kind: Some(model::Kind::Other),
        zone: Some(model::ZoneId::NIL),
        importance: Some(model::asset::Importance::Low),
        internet: Internet { need: Some(InternetNeed::NotNeeded), ..Internet::default() },
        ..Ledger::default()
    });
    for (name, new) in patch {
        if known.get(&name).is_none() {
            return Err(Problem::Bad(format!("'{}' is no field of the ledger", crate::pages::speak::cut(&name))));
        }
        if let Some(map) = ledger.as_object_mut() {
            merge(map, name, new);
        }
    }
    let ledger: Ledger = serde_json::from_value(ledger).map_err(|e| Problem::Bad(kind(&e)))?;
    asset_answer(&ask.store.edit_ledger(&proof, id, rev, ledger, ask.now).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    state: AssetState,
}

/// `POST /api/v1/assets/{id}/state`
pub(crate) async fn asset_state(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let StateBody { state } = body(&ask)?;
    let asset = ask.store.set_asset_state(&proof, ask.id("id")?, revision(&ask)?, state, ask.now).await?;
    asset_answer(&asset)
}

/// `GET /api/v1/findings`: without `status`, all of them.
pub(crate) async fn findings(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let mut filter = state::FindingFilter { paging: paging(&ask), ..found::filter(&ask) };
    if ask.query.get("status").is_empty() {
        filter.statuses.clear();
    }
    listed(&ask.store.findings(&proof, &filter).await?)
}

/// A finding with what it says in both languages.
async fn finding_answer(ask: &Ask, finding: &Finding) -> Result<Response, Problem> {
    let names = crate::pages::speak::Names::of(ask, &[finding]).await?;
    let w = crate::pages::speak::words(ask, &names, finding);
    let words = json!({ "lang": ask.lang, "title": w.title, "happened": w.what, "why": w.why, "steps": w.steps, "tell": w.whom });
    let mut out = value(finding)?;
    if let Some(map) = out.as_object_mut() {
        map.insert(String::from("words"), words);
    }
    Ok(with_revision(&out, finding.rev))
}

/// `GET /api/v1/findings/{id}`
pub(crate) async fn finding(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let finding = ask.store.finding(&proof, ask.id("id")?).await?;
    finding_answer(&ask, &finding).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandleBody {
    act: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    until: String,
}

/// `POST /api/v1/findings/{id}/handle`
pub(crate) async fn handle_finding(ask: Ask, proof: Authorised<HandleFindings>) -> Result<Response, Problem> {
    let id: FindingId = ask.id("id")?;
    let HandleBody { act, note, until } = body(&ask)?;
    let rev = revision(&ask)?;
    let how = found::handling(&ask, &act, &note, &until).map_err(|key| Problem::Bad(ask.say(key)))?;
    let finding = ask.store.handle_finding(&proof, id, rev, how, ask.now).await?;
    finding_answer(&ask, &finding).await
}

/// `GET /api/v1/events`: newest first; `next` is the `before` of the next part.
pub(crate) async fn events(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let asked = records::asked(&ask).await?;
    if let Some(problem) = asked.problem() {
        return Err(Problem::Bad(problem.to_owned()));
    }
    let found = records::find(&ask, &proof, &asked, records::limit(&ask.query, 500)).await?;
    let next = if found.more { found.hits.last().map(|h| h.seq) } else { found.stopped };
    let events = vault_records::read(&ask, found.hits.iter().map(|h| h.seq).collect()).await?;
    Ok(answer(&json!({ "items": value(&events)?, "next": next })))
}

/// `GET /api/v1/events/{epoch}/{seq}`
pub(crate) async fn event(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let id = EventId { site: proof.site(), epoch: ask.id("epoch")?, seq: ask.id("seq")? };
    Ok(answer(&value(&vault_records::one(&ask, &proof, id).await?)?))
}

/// `GET /api/v1/sensors`
pub(crate) async fn sensors(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let named = ask.store.sensors(&proof).await?;
    let mut items = Vec::new();
    for s in (ask.shared.sensors)() {
        let mut one = value(&s)?;
        if let Some(map) = one.as_object_mut() {
            let shown = named.iter().find(|n| n.id == s.id).map_or(s.name.as_str(), |n| n.shown.as_str());
            map.insert(String::from("shown"), shown.into());
        }
        items.push(one);
    }
    Ok(answer(&json!({ "items": items })))
}

/// `GET /api/v1/zones`
pub(crate) async fn zones(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let items: Vec<Value> = ask
        .store
        .zones(&proof)
        .await?
        .iter()
        .map(|z| {
            let ranges: Vec<String> = z.fields.ranges.iter().map(ToString::to_string).collect();
            json!({ "id": z.id, "rev": z.rev, "name": z.fields.name, "layer": z.fields.layer.name(), "ranges": ranges, "vlans": z.fields.vlans, "assets": z.assets })
        })
        .collect();
    Ok(answer(&json!({ "items": items })))
}

fn setting_value(s: &Setting) -> Value {
    let holds = match s.key.holds {
        Holds::Number(least, most) => json!({ "least": least, "most": most }),
        Holds::Word(words) => json!({ "one_of": words }),
        Holds::Text(most) => json!({ "longest": most }),
        Holds::TimeZone | Holds::Calendar | Holds::Url | Holds::Folder | Holds::Recipients | Holds::Witnesses => json!({}),
    };
    json!({ "name": s.key.name, "value": s.value, "default": s.key.default, "unit": s.key.unit, "about": s.key.about, "rev": s.rev, "holds": holds })
}

/// `GET /api/v1/settings`
pub(crate) async fn settings(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let items: Vec<Value> = ask.store.settings(&proof).await?.iter().map(setting_value).collect();
    Ok(answer(&json!({ "items": items })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingBody {
    value: String,
}

/// `PUT /api/v1/settings/{name}`
pub(crate) async fn set_setting(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    let SettingBody { value } = body(&ask)?;
    let name: String = ask.id("name")?;
    let setting = ask.store.set_setting(&proof, &name, revision(&ask)?, &value, ask.now).await?;
    Ok(with_revision(&setting_value(&setting), setting.rev))
}
