//! `/api/v1/assets/{id}/…`: merging, splitting, taking back.

use super::{answer, asset_answer, body, revision, value};
use crate::ask::Ask;
use crate::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header::LOCATION};
use axum::response::Response;
use model::access::{EditAssets, ViewAssets};
use model::asset::Place;
use model::{AssetId, Authorised, JoinId};
use serde::Deserialize;
use serde_json::json;

/// `GET /api/v1/assets/{id}/joins`
pub(crate) async fn list(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let joins = ask.store.asset_joins(&proof, ask.id("id")?).await?;
    Ok(answer(&json!({ "items": value(&joins)? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeBody {
    other: AssetId,
}

/// `POST /api/v1/assets/{id}/merge`: `other` goes, `id` stays.
pub(crate) async fn merge(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let MergeBody { other } = body(&ask)?;
    asset_answer(&ask.store.merge_assets(&proof, ask.id("id")?, revision(&ask)?, other, ask.now).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitBody {
    places: Vec<Place>,
}

/// `POST /api/v1/assets/{id}/split`: answers the new asset.
pub(crate) async fn split(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let SplitBody { places } = body(&ask)?;
    let new = ask.store.split_asset(&proof, ask.id("id")?, revision(&ask)?, &places, ask.now).await?;
    let asset = ask.store.asset(&ask.also(ViewAssets)?, new).await?;
    let mut response = asset_answer(&asset)?;
    *response.status_mut() = StatusCode::OK;
    if let Ok(at) = HeaderValue::from_str(&format!("/api/v1/assets/{new}")) {
        response.headers_mut().insert(LOCATION, at);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoBody {
    join: JoinId,
}

/// `POST /api/v1/assets/{id}/undo`
pub(crate) async fn undo(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let UndoBody { join } = body(&ask)?;
    asset_answer(&ask.store.undo_join(&proof, ask.id("id")?, revision(&ask)?, join, ask.now).await?)
}
