//! The OpenAPI 3.1 document, built from the one table of routes and the shapes in schemas.json. Built here and not by derive macros:
//! the shapes belong to `model`, which knows no web, and the macros would cost more to compile than this is to read. A test checks
//! that every route is in it and that real answers have the shapes.

use crate::routes::table;
use serde_json::{Map, Value, json};

const SCHEMAS: &str = include_str!("schemas.json");

/// What a route of the API takes and gives: method, path, what it does, names in its query, shape of the body, shape of the answer.
type Entry = (&'static str, &'static str, &'static str, &'static [&'static str], Option<&'static str>, &'static str);

const LIST: &[&str] = &["page", "per_page", "sort", "dir"];

const ENTRIES: &[Entry] = &[
    ("GET", "/api/v1/openapi.json", "This document", &[], None, "Document"),
    ("GET", "/api/v1/session", "Who is logged in, what they may, and the token for changes", &[], None, "Session"),
    ("GET", "/api/v1/status", "How Hinomi is doing, in numbers", &[], None, "Status"),
    ("GET", "/api/v1/assets", "Assets", &["q", "state", "kind", "zone", "seen_hours", "silent_hours", "list", "days"], None, "AssetList"),
    ("POST", "/api/v1/assets", "Enters an asset by hand", &[], Some("NewAsset"), "Asset"),
    ("GET", "/api/v1/assets/{id}", "One asset", &[], None, "Asset"),
    ("PATCH", "/api/v1/assets/{id}", "Changes fields of the ledger", &[], Some("LedgerPatch"), "Asset"),
    ("GET", "/api/v1/assets/{id}/joins", "Decisions that it is one with another asset or apart from it", &[], None, "JoinList"),
    ("POST", "/api/v1/assets/{id}/merge", "Another asset is the same and goes into this one", &[], Some("AssetMerge"), "Asset"),
    ("POST", "/api/v1/assets/{id}/split", "Addresses become an asset of their own, which is answered", &[], Some("AssetSplit"), "Asset"),
    ("POST", "/api/v1/assets/{id}/undo", "Takes such a decision back", &[], Some("JoinUndo"), "Asset"),
    ("POST", "/api/v1/assets/{id}/state", "Sets where an asset stands in its life", &[], Some("AssetStateChange"), "Asset"),
    ("GET", "/api/v1/stocktakes", "Stocktakes", &[], None, "StocktakeList"),
    ("POST", "/api/v1/stocktakes", "Starts a stocktake", &[], Some("NewStocktake"), "Stocktake"),
    ("GET", "/api/v1/stocktakes/{id}", "One stocktake with its counts", &[], None, "Stocktake"),
    ("GET", "/api/v1/stocktakes/{id}/entries", "Its entries in the order of the round", &["q", "which"], None, "StocktakeEntryList"),
    (
        "POST",
        "/api/v1/stocktakes/{id}/ticks",
        "Says what became of an entry; the same tick is answered the same and counts once",
        &[],
        Some("StocktakeTick"),
        "StocktakeTicked",
    ),
    ("POST", "/api/v1/stocktakes/{id}/photos", "Keeps a photo without what it tells besides", &[], Some("Picture"), "StocktakePhoto"),
    ("POST", "/api/v1/stocktakes/{id}/close", "Closes a stocktake", &[], Some("StocktakeClosing"), "Stocktake"),
    ("GET", "/api/v1/findings", "Findings", &["q", "status", "severity", "rule", "asset", "hours"], None, "FindingList"),
    ("GET", "/api/v1/findings/{id}", "One finding with its words", &[], None, "Finding"),
    ("POST", "/api/v1/findings/{id}/handle", "Acknowledges, explains, closes or reopens a finding", &[], Some("Handling"), "Finding"),
    (
        "GET",
        "/api/v1/events",
        "Raw records, newest first",
        &["q", "asset", "finding", "table", "sensor", "from", "to", "before", "after", "limit"],
        None,
        "EventList",
    ),
    ("GET", "/api/v1/events/{epoch}/{seq}", "One raw record", &[], None, "Event"),
    ("GET", "/api/v1/sensors", "Sensors with their counters", &[], None, "SensorList"),
    ("GET", "/api/v1/zones", "Zones", &[], None, "ZoneList"),
    ("GET", "/api/v1/settings", "Settings", &[], None, "SettingList"),
    ("GET", "/api/v1/vault", "How the vault is: sizes, writing, drops, the log, the last look and archive", &[], None, "Vault"),
    ("GET", "/api/v1/vault/checkpoint", "The newest checkpoint, a signed note", &[], None, "VaultCheckpoint"),
    ("GET", "/api/v1/vault/confirmations", "What outsiders said of the log, newest first", &[], None, "ConfirmationList"),
    ("GET", "/api/v1/vault/exports", "Archives: the one that goes on and the last ones, newest first", &[], None, "ExportList"),
    ("GET", "/api/v1/vault/holds", "Records that may not be let go", &[], None, "HoldList"),
    ("PUT", "/api/v1/settings/{name}", "Sets one setting", &[], Some("SettingValue"), "Setting"),
];

/// The document.
pub fn openapi(version: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (method, path, permission) in table().into_iter().filter(|(_, p, _)| p.starts_with("/api/")) {
        let entry = ENTRIES.iter().find(|e| e.0 == method && e.1 == path);
        let operation = entry.map_or_else(|| json!({}), |e| operation(e, permission));
        let slot = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(map) = slot.as_object_mut() {
            map.insert(method.to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hinomi",
            "version": version,
            "description": "The data of the console, by the same permission. Log in at /login; changes need X-CSRF-Token and If-Match.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "session": [] }],
        "paths": paths,
        "components": {
            "schemas": serde_json::from_str::<Value>(SCHEMAS).unwrap_or_default(),
            "securitySchemes": { "session": { "type": "apiKey", "in": "cookie", "name": "__Host-hinomi" } },
            "responses": {
                "Problem": {
                    "description": "Refused, with words in both languages (RFC 9457)",
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        },
    })
}

fn operation(&(method, path, summary, query, body, gives): &Entry, permission: &str) -> Value {
    let text = json!({ "type": "string" });
    let mut parameters: Vec<Value> = Vec::new();
    for name in path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}')) {
        let schema = match name {
            "epoch" | "seq" => json!({ "type": "integer", "minimum": 0 }),
            "id" | "entry" => json!({ "type": "string", "format": "uuid" }),
            _ => text.clone(),
        };
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    let lists = matches!(gives, "AssetList" | "FindingList");
    let pages = gives.starts_with("Stocktake") && gives.ends_with("List");
    for name in query.iter().chain(LIST.iter().filter(|_| lists)).chain(LIST.iter().take(2).filter(|_| pages)) {
        let schema = match *name {
            "page" | "per_page" | "before" | "limit" | "hours" | "seen_hours" | "silent_hours" => {
                json!({ "type": "integer", "minimum": 0 })
            }
            _ => text.clone(),
        };
        parameters.push(json!({ "name": name, "in": "query", "required": false, "schema": schema }));
    }
    let changes = method != "GET";
    if changes {
        parameters.push(json!({ "name": "X-CSRF-Token", "in": "header", "required": true, "schema": text }));
    }
    let unconditional = matches!(path, "/api/v1/assets" | "/api/v1/stocktakes") || path.ends_with("/ticks") || path.ends_with("/photos");
    if changes && !unconditional {
        parameters.push(json!({ "name": "If-Match", "in": "header", "required": true, "schema": text, "description": "\"REV\"" }));
    }
    let done = if method == "POST" && matches!(path, "/api/v1/assets" | "/api/v1/stocktakes") { "201" } else { "200" };
    let content = json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{gives}") } } });
    let mut responses = Map::new();
    responses.insert(done.to_owned(), json!({ "description": summary, "content": content }));
    let refused: &[&str] = if changes {
        &["400", "401", "403", "404", "409", "412", "413", "421", "428", "429", "503"]
    } else {
        &["400", "401", "403", "404", "421", "429", "503"]
    };
    for status in refused {
        responses.insert((*status).to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    let mut out = json!({
        "operationId": format!("{}{}", method.to_lowercase(), path.trim_start_matches("/api/v1").replace(['/', '{', '}', '.'], "_")),
        "summary": summary,
        "description": format!("Asks for the permission `{permission}`."),
        "x-permission": permission,
        "parameters": parameters,
        "responses": responses,
    });
    if let (Some(shape), Some(map)) = (body, out.as_object_mut()) {
        let kind = if shape == "Picture" { "image/jpeg" } else { "application/json" };
        let content = json!({ kind: { "schema": { "$ref": format!("#/components/schemas/{shape}") } } });
        map.insert(String::from("requestBody"), json!({ "required": true, "content": content }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_api_is_described_and_every_shape_is_there() {
        let doc = openapi("test");
        let schemas = doc["components"]["schemas"].as_object().unwrap();
        let mut n = 0;
        for (method, path, permission) in table().into_iter().filter(|(_, p, _)| p.starts_with("/api/")) {
            let op = &doc["paths"][path][method.to_lowercase()];
            assert!(op["summary"].is_string(), "{method} {path} has no entry");
            assert_eq!(op["x-permission"], permission);
            n += 1;
        }
        assert_eq!(n, ENTRIES.len(), "an entry has no route");
        let text = doc.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "no shape {name}");
        }
    }
}
