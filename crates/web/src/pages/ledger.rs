//! Changing assets: the ledger's fields, states, several at once, one by hand.

use super::assets::{Typed, again, zone_choices};
use crate::ask::{Ask, Fields, with_done};
use crate::problem::{Problem, page, page_with, redirect};
use crate::view::{AssetNewPage, LedgerForm, Page};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::{EditAssets, ViewAssets};
use model::asset::{Importance, InternetNeed, Kind, Ledger};
use model::{AssetId, AssetState, Authorised, Mac};
use state::StateError;
use state::ledger::NewAsset;
use std::net::IpAddr;

/// Most assets that are registered by one form.
const MOST_AT_ONCE: usize = 500;
/// Most addresses of an asset entered by hand.
const MOST_ADDRESSES: usize = 64;

/// The ledger's fields of a form; fields that are not there keep what stands in `old`.
pub(crate) fn read(ask: &Ask, form: &Fields, old: &Ledger) -> (Ledger, Vec<(String, String)>) {
    let mut l = old.clone();
    let mut problems = Vec::new();
    let given = |name: &str| form.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim().replace("\r\n", "\n"));
    for (name, slot) in l.texts_mut() {
        if let Some(value) = given(name) {
            *slot = value;
        }
    }
    for name in ["support_end", "internet_until"] {
        let value = l.text(name);
        if !value.is_empty() && value.parse::<jiff::civil::Date>().is_err() {
            problems.push((name.to_owned(), ask.say("field-date")));
        }
    }
    if let Some(value) = given("internet") {
        l.internet.need = InternetNeed::from_name(&value);
    }
    if let Some(value) = given("kind") {
        l.kind = Kind::from_name(&value);
    }
    if let Some(value) = given("importance") {
        l.importance = Importance::from_name(&value);
    }
    if let Some(value) = given("zone") {
        l.zone = value.parse().ok();
    }
    (l, problems)
}

fn rev(ask: &Ask) -> Result<i64, Problem> {
    ask.form.number("rev").ok_or_else(|| Problem::Bad(String::new()))
}

/// `POST /assets/{id}`
pub(crate) async fn edit(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: AssetId = ask.id("id")?;
    let rev = rev(&ask)?;
    let seeing = ask.also(ViewAssets)?;
    let old = ask.store.asset(&seeing, id).await?;
    let (ledger, problems) = read(&ask, &ask.form, &old.ledger);
    if !problems.is_empty() {
        return again(&ask, id, StatusCode::UNPROCESSABLE_ENTITY, Typed { ledger, problems, conflict: false }).await;
    }
    match ask.store.edit_ledger(&proof, id, rev, ledger.clone(), ask.now).await {
        Ok(_) => Ok(redirect(&with_done(&format!("/assets/{id}"), "saved"))),
        Err(StateError::Changed { .. }) => again(&ask, id, StatusCode::CONFLICT, Typed { ledger, problems, conflict: true }).await,
        Err(StateError::Invalid { field, why }) => {
            let problems = vec![(field.to_owned(), crate::problem::unfit(ask.t(), &why))];
            again(&ask, id, StatusCode::UNPROCESSABLE_ENTITY, Typed { ledger, problems, conflict: false }).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /assets/{id}/state`
pub(crate) async fn state(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: AssetId = ask.id("id")?;
    let to = AssetState::from_name(ask.form.get("state")).ok_or_else(|| Problem::Bad(String::new()))?;
    ask.store.set_asset_state(&proof, id, rev(&ask)?, to, ask.now).await?;
    let back = ask.back("back", &format!("/assets/{id}"));
    Ok(redirect(&with_done(&back, "state")))
}

/// `POST /assets/register`: several discovered ones at once. One that changed meanwhile is left as it is.
pub(crate) async fn register(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let seeing = ask.also(ViewAssets)?;
    let zone = ask.form.get("zone").parse().ok();
    let mut left = 0u32;
    for id in ask.form.all("id").take(MOST_AT_ONCE) {
        let id: AssetId = id.parse().map_err(|_| Problem::NotFound)?;
        let done = async {
            let mut asset = ask.store.asset(&seeing, id).await?;
            if zone.is_some() && asset.ledger.zone != zone {
                let ledger = Ledger { zone, ..asset.ledger.clone() };
                asset = ask.store.edit_ledger(&proof, id, asset.rev, ledger, ask.now).await?;
            }
            if asset.state == AssetState::Discovered {
                ask.store.set_asset_state(&proof, id, asset.rev, AssetState::Registered, ask.now).await?;
            }
            Ok::<(), StateError>(())
        };
        match done.await {
            Ok(()) => {}
            Err(StateError::Changed { .. } | StateError::NotFound { .. }) => left += 1,
            Err(other) => return Err(other.into()),
        }
    }
    let back = ask.back("back", "/assets");
    Ok(redirect(&with_done(&back, if left == 0 { "registered" } else { "partly" })))
}

async fn new_page(ask: &Ask, ledger: Ledger, problems: Vec<(String, String)>) -> Result<AssetNewPage, Problem> {
    let seeing = ask.also(ViewAssets)?;
    let zones = super::assets::zones(ask, &seeing).await?;
    Ok(AssetNewPage {
        shell: ask.shell(Page::Assets, &ask.say("asset-new")).await?,
        form: LedgerForm { zones: zone_choices(ask, &zones, ledger.zone, "choice-none"), ledger, problems },
        macs: ask.form.get("macs").to_owned(),
        ips: ask.form.get("ips").to_owned(),
    })
}

/// `GET /assets/new`
pub(crate) async fn new_form(ask: Ask, _proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    page(&new_page(&ask, Ledger::default(), Vec::new()).await?)
}

/// Words divided by spaces, commas or lines, each read as an address. `Err` is the first that is none.
fn addresses<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '、')).filter(|w| !w.is_empty());
    words.take(MOST_ADDRESSES).map(|w| w.parse().map_err(|_| super::speak::cut(w))).collect()
}

/// `POST /assets/new`
pub(crate) async fn enter(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let (ledger, mut problems) = read(&ask, &ask.form, &Ledger::default());
    let t = ask.t();
    let macs: Vec<Mac> = addresses(ask.form.get("macs")).unwrap_or_else(|bad| {
        problems.push((String::from("macs"), t.x("field-mac", &bad)));
        Vec::new()
    });
    let ips: Vec<IpAddr> = addresses(ask.form.get("ips")).unwrap_or_else(|bad| {
        problems.push((String::from("ips"), t.x("field-ip", &bad)));
        Vec::new()
    });
    if ledger.name.is_empty() && macs.is_empty() && ips.is_empty() && problems.is_empty() {
        problems.push((String::from("name"), ask.say("field-name-or-address")));
    }
    // A spare device is there and not in use.
    let state = (ask.form.get("spare") == "yes").then_some(AssetState::Unused);
    if problems.is_empty() {
        match ask.store.enter_asset(&proof, NewAsset { macs, ips, ledger: ledger.clone(), state }, ask.now).await {
            Ok(id) => return Ok(redirect(&with_done(&format!("/assets/{id}"), "entered"))),
            Err(StateError::Invalid { field, why }) => problems.push((field.to_owned(), crate::problem::unfit(t, &why))),
            Err(StateError::Exists { name, .. }) => problems.push((String::from("name"), t.x("field-exists", &name))),
            Err(other) => return Err(other.into()),
        }
    }
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &new_page(&ask, ledger, problems).await?)
}
