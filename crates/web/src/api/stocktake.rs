//! Stocktakes by the API: what a phone asks for before it goes where there is no network, and what it sends when it comes back.
//! Ticks and photos may be sent again and again: the same ids and the same bytes are answered the same.

use super::{answer, body, listed, paging, revision, value, with_revision};
use crate::ask::Ask;
use crate::pages::stocktake::keep_photo;
use crate::problem::Problem;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use model::access::{EditAssets, ViewAssets};
use model::{Authorised, StocktakeId, ZoneId};
use serde::Deserialize;
use serde_json::json;
use state::stocktake::{Closing, EntryFilter, NewStocktake, Tick, Which};

/// `GET /api/v1/stocktakes`
pub(crate) async fn stocktakes(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    listed(&ask.store.stocktakes(&proof, paging(&ask)).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBody {
    name: String,
    #[serde(default)]
    zone: Option<ZoneId>,
    #[serde(default)]
    place: String,
    #[serde(default)]
    assignee: String,
    #[serde(default)]
    due: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    discovered: bool,
}

/// `POST /api/v1/stocktakes`
pub(crate) async fn start(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let b: NewBody = body(&ask)?;
    let new = NewStocktake {
        name: b.name,
        zone: b.zone,
        place: b.place,
        assignee: b.assignee,
        due: b.due,
        note: b.note,
        discovered: b.discovered,
    };
    let made = ask.store.start_stocktake(&proof, new, ask.now).await?;
    let mut response = with_revision(&value(&made)?, made.rev);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(at) = HeaderValue::from_str(&format!("/api/v1/stocktakes/{}", made.id)) {
        response.headers_mut().insert(LOCATION, at);
    }
    Ok(response)
}

/// `GET /api/v1/stocktakes/{id}`
pub(crate) async fn one(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let s = ask.store.stocktake(&proof, ask.id("id")?).await?;
    Ok(with_revision(&value(&s)?, s.rev))
}

/// `GET /api/v1/stocktakes/{id}/entries`
pub(crate) async fn entries(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let id: StocktakeId = ask.id("id")?;
    let text = ask.query.get("q").chars().take(200).collect();
    let filter = EntryFilter { which: Which::from_name(ask.query.get("which")), text, paging: paging(&ask) };
    listed(&ask.store.stocktake_entries(&proof, id, &filter).await?)
}

/// `POST /api/v1/stocktakes/{id}/ticks`
pub(crate) async fn tick(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let tick: Tick = body(&ask)?;
    let done = ask.store.tick(&proof, ask.id("id")?, tick, ask.now).await.map_err(|e| match e {
        state::StateError::Invalid { field, .. } => Problem::Bad(crate::pages::stocktake::wrong(&ask, field)),
        other => other.into(),
    })?;
    Ok(answer(&value(&done)?))
}

/// `POST /api/v1/stocktakes/{id}/photos`: the picture is the body.
pub(crate) async fn photo(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    // The stocktake must be there and go on: what nobody can refer to is not kept.
    let _ = &proof;
    let s = ask.store.stocktake(&ask.also(ViewAssets)?, ask.id("id")?).await?;
    if s.closed.is_some() {
        return Err(Problem::Bad(crate::pages::stocktake::wrong(&ask, "closed")));
    }
    let name = keep_photo(&ask, ask.body.clone()).await.map_err(|key| Problem::Bad(ask.say(key)))?;
    Ok(answer(&json!({ "photo": name })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    #[serde(default)]
    note: String,
    #[serde(default)]
    next_due: String,
    #[serde(default)]
    rest: Option<String>,
    #[serde(default)]
    apply: bool,
}

/// `POST /api/v1/stocktakes/{id}/close`
pub(crate) async fn close(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let b: CloseBody = body(&ask)?;
    let closing = Closing { note: b.note, next_due: b.next_due, rest: b.rest, apply: b.apply };
    let done = ask.store.close_stocktake(&proof, ask.id("id")?, revision(&ask)?, closing, ask.now).await.map_err(|e| match e {
        state::StateError::Invalid { field, .. } => Problem::Bad(crate::pages::stocktake::wrong(&ask, field)),
        other => other.into(),
    })?;
    Ok(with_revision(&value(&done)?, done.rev))
}
