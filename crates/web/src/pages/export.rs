//! Taking lists out: exactly what is shown, on all pages of it.

use super::speak::{self, Names};
use crate::ask::Ask;
use crate::problem::Problem;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use model::access::{ExportAssets, ViewAssets, ViewFindings};
use model::{Authorised, Finding};
use state::sheet::{self, Table};
use state::{FindingFilter, ledger_csv};

/// Most rows of an export of findings.
const MOST: usize = 20_000;

pub(crate) fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let mut response = ([(CONTENT_TYPE, kind)], bytes).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

pub(crate) fn stamp(ask: &Ask) -> String {
    ask.format.iso_date(ask.now)
}

pub(crate) fn shift_jis(ask: &Ask) -> Result<bool, Problem> {
    match ask.query.get("encoding").to_ascii_lowercase().as_str() {
        "" | "utf-8" | "utf8" => Ok(false),
        "shift_jis" | "shift-jis" | "sjis" | "cp932" => Ok(true),
        _ => Err(Problem::Bad(ask.say("export-encoding"))),
    }
}

/// `GET /assets/export.csv`
pub(crate) async fn assets_csv(ask: Ask, proof: Authorised<ExportAssets>) -> Result<Response, Problem> {
    let sjis = shift_jis(&ask)?;
    let assets = ask.store.export_assets(&proof, &super::assets::filter(&ask), ask.now).await?;
    let zones = match ask.also(ViewAssets) {
        Ok(seeing) => ask.store.zones_of_assets(&seeing).await?.into_iter().map(|z| (z.id, z.fields.name)).collect(),
        Err(_) => std::collections::BTreeMap::new(),
    };
    let encoding = if sjis { ledger_csv::Encoding::ShiftJis } else { ledger_csv::Encoding::Utf8 };
    let written = ledger_csv::write(&assets, &zones, ask.lang, encoding);
    let kind = if sjis { "text/csv; charset=shift_jis" } else { "text/csv; charset=utf-8" };
    let mut response = file(kind, &format!("hinomi-assets-{}.csv", stamp(&ask)), written.bytes);
    let replaced: u64 = written.replaced.values().sum();
    // What Shift_JIS cannot write stands as 〓; how often is told, since nobody would notice.
    response.headers_mut().insert("x-hinomi-replaced", HeaderValue::from(replaced));
    Ok(response)
}

/// `GET /assets/export.json`
pub(crate) async fn assets_json(ask: Ask, proof: Authorised<ExportAssets>) -> Result<Response, Problem> {
    let assets = ask.store.export_assets(&proof, &super::assets::filter(&ask), ask.now).await?;
    let bytes = serde_json::to_vec_pretty(&assets).map_err(|e| Problem::Broken(e.to_string()))?;
    Ok(file("application/json", &format!("hinomi-assets-{}.json", stamp(&ask)), bytes))
}

async fn findings(ask: &Ask, proof: &Authorised<ViewFindings>) -> Result<Vec<Finding>, Problem> {
    let mut filter = FindingFilter { paging: state::Paging { page: 1, per_page: state::Paging::MOST }, ..super::findings::filter(ask) };
    let mut out = Vec::new();
    loop {
        let part = ask.store.findings(proof, &filter).await?;
        let pages = part.pages();
        out.extend(part.items);
        if u64::from(filter.paging.page) >= pages || out.len() >= MOST {
            return Ok(out);
        }
        filter.paging.page += 1;
    }
}

/// `GET /findings/export.json`
pub(crate) async fn findings_json(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let all = findings(&ask, &proof).await?;
    let bytes = serde_json::to_vec_pretty(&all).map_err(|e| Problem::Broken(e.to_string()))?;
    Ok(file("application/json", &format!("hinomi-findings-{}.json", stamp(&ask)), bytes))
}

/// What Excel calls its workbooks.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A table as CSV.
pub(crate) fn csv_file(table: &Table, sjis: bool, name: &str) -> Response {
    let kind = if sjis { "text/csv; charset=shift_jis" } else { "text/csv; charset=utf-8" };
    file(kind, &format!("{name}.csv"), sheet::write_csv(table, sjis))
}

/// A table as Excel, made beside the tasks that answer.
pub(crate) async fn xlsx_bytes(table: Table) -> Result<Vec<u8>, Problem> {
    let made = tokio::task::spawn_blocking(move || sheet::write_xlsx(&table)).await;
    made.map_err(|e| Problem::Broken(e.to_string()))?.map_err(|e| Problem::Broken(e.to_string()))
}

/// `GET /assets/export.xlsx`
pub(crate) async fn assets_xlsx(ask: Ask, proof: Authorised<ExportAssets>) -> Result<Response, Problem> {
    let assets = ask.store.export_assets(&proof, &super::assets::filter(&ask), ask.now).await?;
    let zones = match ask.also(ViewAssets) {
        Ok(seeing) => ask.store.zones_of_assets(&seeing).await?.into_iter().map(|z| (z.id, z.fields.name)).collect(),
        Err(_) => std::collections::BTreeMap::new(),
    };
    let table = ledger_csv::table(&assets, &zones, ask.lang, ask.say("nav-assets"));
    Ok(file(XLSX, &format!("hinomi-assets-{}.xlsx", stamp(&ask)), xlsx_bytes(table).await?))
}

async fn findings_table(ask: &Ask, proof: &Authorised<ViewFindings>) -> Result<Table, Problem> {
    let all = findings(ask, proof).await?;
    let names = Names::of(ask, &all.iter().collect::<Vec<_>>()).await?;
    let t = ask.t();
    let head = ["id", "col-severity", "col-title", "col-asset", "col-status", "col-count", "col-first", "col-last", "handle-note"];
    let rows = all
        .iter()
        .map(|f| {
            vec![
                f.id.to_string(),
                t.of("severity", f.severity.name()),
                speak::title(ask, &names, f),
                f.asset.map(|a| names.name(a)).unwrap_or_default(),
                t.of("status", f.status.name()),
                f.count.to_string(),
                ask.format.precise(f.first),
                ask.format.precise(f.last),
                f.explanation.clone(),
            ]
        })
        .collect();
    let head = head.iter().map(|k| if *k == "id" { String::from("id") } else { ask.say(k) }).collect();
    Ok(Table { title: ask.say("nav-findings"), head, rows })
}

/// `GET /findings/export.csv`
pub(crate) async fn findings_csv(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let sjis = shift_jis(&ask)?;
    Ok(csv_file(&findings_table(&ask, &proof).await?, sjis, &format!("hinomi-findings-{}", stamp(&ask))))
}

/// `GET /findings/export.xlsx`
pub(crate) async fn findings_xlsx(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let bytes = xlsx_bytes(findings_table(&ask, &proof).await?).await?;
    Ok(file(XLSX, &format!("hinomi-findings-{}.xlsx", stamp(&ask)), bytes))
}
