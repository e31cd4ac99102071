//! Taking lists out: exactly what is shown, on all pages of it.

use super::speak::{self, Names};
use crate::ask::Ask;
use crate::problem::Problem;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use model::access::{ExportAssets, ViewAssets, ViewFindings};
use model::{Authorised, Finding};
use state::{FindingFilter, ledger_csv};

/// Most rows of an export of findings.
const MOST: usize = 20_000;

fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let mut response = ([(CONTENT_TYPE, kind)], bytes).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

fn stamp(ask: &Ask) -> String {
    ask.format.iso_date(ask.now)
}

fn shift_jis(ask: &Ask) -> Result<bool, Problem> {
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

/// `GET /findings/export.csv`
pub(crate) async fn findings_csv(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let sjis = shift_jis(&ask)?;
    let all = findings(&ask, &proof).await?;
    let names = Names::of(&ask, &all.iter().collect::<Vec<_>>()).await?;
    let t = ask.t();
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let wrong = |e: csv::Error| Problem::Broken(e.to_string());
    let head = ["id", "col-severity", "col-title", "col-asset", "col-status", "col-count", "col-first", "col-last", "handle-note"];
    csv.write_record(head.iter().map(|k| if *k == "id" { String::from("id") } else { ask.say(k) })).map_err(wrong)?;
    for f in &all {
        let row = [
            f.id.to_string(),
            t.of("severity", f.severity.name()),
            speak::title(&ask, &names, f),
            f.asset.map(|a| names.name(a)).unwrap_or_default(),
            t.of("status", f.status.name()),
            f.count.to_string(),
            ask.format.precise(f.first),
            ask.format.precise(f.last),
            f.explanation.clone(),
        ];
        csv.write_record(row.iter().map(|c| harmless(c))).map_err(wrong)?;
    }
    let bytes = csv.into_inner().map_err(|e| Problem::Broken(e.to_string()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (kind, bytes) = if sjis {
        let clean: String = text.chars().map(|c| if has_shift_jis(c) { c } else { '〓' }).collect();
        ("text/csv; charset=shift_jis", encoding_rs::SHIFT_JIS.encode(&clean).0.into_owned())
    } else {
        ("text/csv; charset=utf-8", [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat())
    };
    Ok(file(kind, &format!("hinomi-findings-{}.csv", stamp(&ask)), bytes))
}

fn has_shift_jis(c: char) -> bool {
    let mut buffer = [0u8; 4];
    !encoding_rs::SHIFT_JIS.encode(c.encode_utf8(&mut buffer)).2
}

/// A cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection): names come from the network.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_from_the_network_are_only_text() {
        assert_eq!(harmless("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(harmless("PLC-1"), "PLC-1");
        assert!(has_shift_jis('竹') && !has_shift_jis('😀') && has_shift_jis('〓'));
    }
}
