//! A list of assets from a spreadsheet: checked first, then taken over.

use super::speak::cut;
use crate::ask::Ask;
use crate::problem::{Problem, page, page_with};
use crate::view::{ImportPage, ImportReport, ImportRow, Page};
use axum::http::StatusCode;
use axum::response::Response;
use model::Authorised;
use model::access::EditAssets;
use state::ledger::RowReason;
use state::ledger_csv::{self, CsvError, Encoding};

/// Longest text that a checked page carries back, so that the file need not be chosen again.
const CARRY: usize = 256 << 10;
/// Most lines of a report.
const MOST: usize = 200;

async fn blank(ask: &Ask) -> Result<ImportPage, Problem> {
    let written = ledger_csv::write(&[], &std::collections::BTreeMap::new(), ask.lang, Encoding::Utf8);
    let head = String::from_utf8_lossy(&written.bytes).trim_start_matches('\u{feff}').lines().next().unwrap_or_default().to_owned();
    Ok(ImportPage {
        shell: ask.shell(Page::Assets, &ask.say("import")).await?,
        encoding: ask.form.get("encoding").to_owned(),
        problem: None,
        report: None,
        text: String::new(),
        headings: head.split(',').map(|h| h.trim_matches('"').to_owned()).filter(|h| !h.is_empty()).collect(),
    })
}

/// `GET /assets/import`
pub(crate) async fn form(ask: Ask, _proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    page(&blank(&ask).await?)
}

/// The words for a row that was left out.
fn reason(ask: &Ask, reason: &RowReason) -> String {
    let t = ask.t();
    match reason {
        RowReason::NotAMac(x)
        | RowReason::NotAnIp(x)
        | RowReason::UnknownState(x)
        | RowReason::UnknownKind(x)
        | RowReason::UnknownImportance(x)
        | RowReason::NotADate(x)
        | RowReason::NotAnId(x)
        | RowReason::NotADestination(x)
        | RowReason::UnknownNeed(x)
        | RowReason::UnknownZone(x) => t.x(reason.key(), &cut(x)),
        RowReason::TooLong(n) => t.n(reason.key(), *n as u64),
        RowReason::Repeated(n) => t.n(reason.key(), *n),
        RowReason::CellCount(n, m) => t.nm(reason.key(), *n as u64, *m as u64),
        _ => t.say(reason.key()),
    }
}

fn whole(ask: &Ask, error: &CsvError) -> String {
    let t = ask.t();
    match error {
        CsvError::TooLarge { .. } => t.say("import-too-large"),
        CsvError::TooManyRows => t.n("import-too-many-rows", ledger_csv::MOST_ROWS as u64),
        CsvError::Encoding { line } => t.n("import-wrong-encoding", *line),
        CsvError::Empty => t.say("import-empty"),
        CsvError::NoHeader => t.say("import-no-header"),
        CsvError::DoubleColumn(c) => t.x("import-double-column", &cut(c)),
    }
}

/// `POST /assets/import`
pub(crate) async fn import(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let mut view = blank(&ask).await?;
    let apply = ask.form.get("step") == "apply";
    let upload = ask.files.iter().find(|f| f.field == "file" && !f.bytes.is_empty());
    let sent = ask.form.get("text");
    let raw: Vec<u8> = match upload {
        Some(file) => file.bytes.to_vec(),
        None => sent.as_bytes().to_vec(),
    };
    if raw.is_empty() {
        view.problem = Some(ask.say("import-no-file"));
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &view);
    }
    // A chosen encoding is taken at its word; otherwise the reader finds out.
    let bytes = if upload.is_some() && ask.form.get("encoding") == "shift_jis" {
        encoding_rs::SHIFT_JIS.decode(&raw).0.into_owned().into_bytes()
    } else {
        raw
    };
    let read = tokio::task::spawn_blocking(move || ledger_csv::read(&bytes).map(|r| (r, bytes))).await;
    let (read, bytes) = match read.map_err(|e| Problem::Broken(e.to_string()))? {
        Ok(read) => read,
        Err(error) => {
            view.problem = Some(whole(&ask, &error));
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &view);
        }
    };
    let rows = read.rows.len() as u64 + read.problems.len() as u64;
    let done = ask.store.import_assets(&proof, read.rows, !apply, ask.now).await?;
    let mut problems: Vec<_> = read.problems.into_iter().chain(done.problems).collect();
    problems.sort_by_key(|p| p.line);
    if !apply {
        let text = match read.encoding {
            Encoding::Utf8 => String::from_utf8_lossy(&bytes).into_owned(),
            Encoding::ShiftJis => encoding_rs::SHIFT_JIS.decode(&bytes).0.into_owned(),
            Encoding::EucJp => encoding_rs::EUC_JP.decode(&bytes).0.into_owned(),
            Encoding::Utf16 => String::new(),
        };
        if text.len() <= CARRY {
            view.text = text;
        }
    }
    view.report = Some(ImportReport {
        applied: apply,
        file: upload.map(|f| cut(&f.name)).unwrap_or_default(),
        encoding: String::from(match read.encoding {
            Encoding::Utf8 => "UTF-8",
            Encoding::ShiftJis => "Shift_JIS",
            Encoding::EucJp => "EUC-JP",
            Encoding::Utf16 => "UTF-16",
        }),
        rows,
        new: done.entered.len() as u64,
        changed: done.changed.len() as u64,
        same: done.unchanged,
        problems: problems
            .iter()
            .take(MOST)
            .map(|p| ImportRow { row: p.line, column: cut(&p.column), label: String::new(), text: reason(&ask, &p.reason) })
            .collect(),
        changes: Vec::new(),
        unknown_columns: read.ignored.iter().take(50).map(|c| cut(c)).collect(),
    });
    page(&view)
}
