//! A list of assets from a spreadsheet: its columns are given their meaning, what it would change is shown, then it is taken over.

use super::speak::cut;
use crate::ask::Ask;
use crate::problem::{Problem, page, page_with};
use crate::view::{Choice, ImportColumn, ImportPage, ImportReport, ImportRow, Page};
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::{EditAssets, ViewAssets};
use model::event::FieldChange;
use model::{Authorised, Time};
use state::ledger::{RowOutcome, RowReason};
use state::ledger_csv::{self, CsvError, Encoding, Read};
use state::ledger_list::{self, List};
use state::sheet::SheetError;
use std::collections::{BTreeMap, VecDeque};

/// Most lines of a report.
const MOST: usize = 200;
/// Files that are held between checking and taking over, and how much they may be in all.
const MOST_HELD: usize = 6;
const MOST_HELD_BYTES: usize = 32 << 20;
/// How long one is held.
const HELD: model::Span = model::Span::minutes(30);

/// Files that were checked, by a word that only the page knows, for the session that brought them.
#[derive(Default)]
pub(crate) struct HeldFiles(std::sync::Mutex<VecDeque<Held>>);

struct Held {
    word: String,
    session: [u8; 32],
    at: Time,
    name: String,
    bytes: Bytes,
}

impl HeldFiles {
    /// Holds a file; the oldest make room. Gives its word, or an empty one where there is no randomness or it is too large.
    fn hold(&self, session: [u8; 32], name: &str, bytes: Bytes, now: Time) -> String {
        let Some(word) = crate::cookies::token() else { return String::new() };
        if bytes.len() > MOST_HELD_BYTES {
            return String::new();
        }
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.retain(|h| now - h.at < HELD && now >= h.at);
        all.push_back(Held { word: word.clone(), session, at: now, name: name.to_owned(), bytes });
        while all.len() > MOST_HELD || all.iter().map(|h| h.bytes.len()).sum::<usize>() > MOST_HELD_BYTES {
            all.pop_front();
        }
        word
    }

    fn get(&self, session: [u8; 32], word: &str, now: Time) -> Option<(String, Bytes)> {
        let all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = all.iter().find(|h| crate::cookies::same(&h.word, word) && h.session == session && now - h.at < HELD)?;
        Some((found.name.clone(), found.bytes.clone()))
    }
}

async fn blank(ask: &Ask) -> Result<ImportPage, Problem> {
    Ok(ImportPage {
        shell: ask.shell(Page::Assets, &ask.say("import")).await?,
        encoding: ask.form.get("encoding").to_owned(),
        headings: ledger_list::fields(ask.lang).into_iter().map(|(_, heading)| heading).collect(),
        ..ImportPage::default()
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
        | RowReason::UnknownNeed(x)
        | RowReason::NotADate(x)
        | RowReason::NotAnId(x)
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
        CsvError::TooManyRows | CsvError::Sheet(SheetError::TooManyRows) => t.n("import-too-many-rows", ledger_csv::MOST_ROWS as u64),
        CsvError::Encoding { line } => t.n("import-wrong-encoding", *line),
        CsvError::Empty => t.say("import-empty"),
        CsvError::NoHeader => t.say("import-no-header"),
        CsvError::DoubleColumn(c) => t.x("import-double-column", &cut(c)),
        CsvError::Sheet(e) => match e {
            SheetError::Macros => t.say("import-macros"),
            SheetError::OldOrLocked => t.say("import-old-or-locked"),
            SheetError::NotAWorkbook => t.say("import-not-a-workbook"),
            SheetError::Bomb => t.say("import-bomb"),
            SheetError::TooManyColumns => t.n("import-too-many-columns", state::sheet::MOST_COLUMNS as u64),
            _ => t.say("import-broken"),
        },
    }
}

/// The name of a field of the ledger, and its value in words.
fn change(ask: &Ask, zones: &BTreeMap<String, String>, c: &FieldChange) -> String {
    let t = ask.t();
    let value = |v: &str| match (c.field.as_str(), v) {
        (_, "") => String::from("－"),
        ("kind", v) => t.of("kind", v),
        ("importance", v) => t.of("importance", v),
        ("zone", v) => zones.get(v).cloned().unwrap_or_else(|| v.to_owned()),
        (_, v) => cut(v),
    };
    let key = format!("ledger-{}", c.field.replace('_', "-"));
    let name = if crate::view::words::check().is_ok_and(|b| b.has(&key)) { t.say(&key) } else { c.field.clone() };
    format!("{name}: {} → {}", value(&c.from), value(&c.to))
}

fn outcome(ask: &Ask, zones: &BTreeMap<String, String>, o: &RowOutcome) -> ImportRow {
    let t = ask.t();
    let mut parts: Vec<String> = Vec::new();
    if o.new {
        parts.push(t.say("import-is-new"));
    }
    parts.extend(o.changes.iter().filter(|c| !(o.new && c.field == "name")).map(|c| change(ask, zones, c)));
    if !o.addresses.is_empty() {
        parts.push(t.x("import-addresses", &o.addresses.join(" ")));
    }
    if let Some((from, to)) = o.state {
        parts.push(format!("{}: {} → {}", t.say("col-state"), t.of("state", from.name()), t.of("state", to.name())));
    }
    ImportRow { row: o.line, column: String::new(), label: cut(&o.label), text: parts.join(" / ") }
}

fn columns(ask: &Ask, list: &List, mapping: &[String]) -> Vec<ImportColumn> {
    let fields = ledger_list::fields(ask.lang);
    list.header
        .iter()
        .enumerate()
        .map(|(i, head)| {
            let now = mapping.get(i).map_or("", String::as_str);
            let mut choices = vec![Choice::new("", ask.say("import-not-read"), now.is_empty())];
            choices.extend(fields.iter().map(|(name, heading)| Choice::new(name.clone(), heading.clone(), name == now)));
            ImportColumn { head: cut(head.trim()), samples: list.samples(i).join(" / "), choices }
        })
        .collect()
}

fn encoding_name(e: Encoding) -> &'static str {
    match e {
        Encoding::Utf8 => "UTF-8",
        Encoding::ShiftJis => "Shift_JIS",
        Encoding::EucJp => "EUC-JP",
        Encoding::Utf16 => "UTF-16",
        Encoding::Excel => "Excel",
    }
}

/// `POST /assets/import`
pub(crate) async fn import(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let mut view = blank(&ask).await?;
    let apply = ask.form.get("step") == "apply";
    let session = ask.caller.as_ref().ok_or(Problem::Login)?.token_hash;
    let upload = ask.files.iter().find(|f| f.field == "file" && !f.bytes.is_empty());
    let refused = |mut view: ImportPage, words: String| {
        view.problem = Some(words);
        page_with(StatusCode::UNPROCESSABLE_ENTITY, &view)
    };
    let (name, bytes) = match (upload, ask.form.get("held")) {
        (Some(file), _) => (cut(&file.name), file.bytes.clone()),
        (None, "") => return refused(view, ask.say("import-no-file")),
        (None, word) => match ask.shared.held.get(session, word, ask.now) {
            Some(found) => found,
            None => return refused(view, ask.say("import-gone")),
        },
    };
    // A chosen encoding is taken at its word; otherwise the reader finds out.
    let bytes = if upload.is_some() && ask.form.get("encoding") == "shift_jis" && !state::sheet::is_workbook(&bytes) {
        Bytes::from(encoding_rs::SHIFT_JIS.decode(&bytes).0.into_owned().into_bytes())
    } else {
        bytes
    };
    let work = bytes.clone();
    let read = tokio::task::spawn_blocking(move || ledger_list::read(&work)).await.map_err(|e| Problem::Broken(e.to_string()))?;
    let list = match read {
        Ok(list) => list,
        Err(error) => {
            let words = whole(&ask, &error);
            return refused(view, words);
        }
    };
    // What the person said on this page, then what was remembered, then the guess.
    let said = (0..list.header.len()).any(|i| ask.form.0.iter().any(|(n, _)| *n == format!("m{i}")));
    let remembered = ask.store.remembered_mapping(&proof, &list.header).await?;
    view.remembered = !said && remembered.is_some();
    let mapping: Vec<String> = if said {
        (0..list.header.len()).map(|i| ask.form.get(&format!("m{i}")).to_owned()).collect()
    } else {
        remembered.unwrap_or_else(|| ledger_list::guess(&list.header))
    };
    view.held = ask.shared.held.hold(session, &name, bytes, ask.now);
    view.columns = columns(&ask, &list, &mapping);
    view.sheets = (list.sheet.clone(), list.others.clone());
    view.merged = list.merged;
    if mapping.iter().all(String::is_empty) {
        return refused(view, ask.say("import-no-columns"));
    }
    let given = mapping.clone();
    let rows =
        tokio::task::spawn_blocking(move || list.rows(&given).map(|r| (r, list))).await.map_err(|e| Problem::Broken(e.to_string()))?;
    let (read, list): (Read, List) = match rows {
        Ok(both) => both,
        Err(error) => {
            let words = whole(&ask, &error);
            return refused(view, words);
        }
    };
    let rows = read.rows.len() as u64 + read.problems.len() as u64;
    let done = ask.store.import_assets(&proof, read.rows, !apply, ask.now).await?;
    if apply {
        ask.store.remember_mapping(&proof, &list.header, &mapping, ask.now).await?;
        view.held = String::new();
    }
    let zones: BTreeMap<String, String> = match ask.also(ViewAssets) {
        Ok(seeing) => ask.store.zones_of_assets(&seeing).await?.into_iter().map(|z| (z.id.to_string(), z.fields.name)).collect(),
        Err(_) => BTreeMap::new(),
    };
    let mut problems: Vec<_> = read.problems.into_iter().chain(done.problems).collect();
    problems.sort_by_key(|p| p.line);
    view.report = Some(ImportReport {
        applied: apply,
        file: name,
        encoding: String::from(encoding_name(read.encoding)),
        rows,
        new: done.entered.len() as u64,
        changed: done.changed.len() as u64,
        same: done.unchanged,
        problems: problems
            .iter()
            .take(MOST)
            .map(|p| ImportRow { row: p.line, column: cut(&p.column), label: String::new(), text: reason(&ask, &p.reason) })
            .collect(),
        changes: done.outcomes.iter().take(MOST).map(|o| outcome(&ask, &zones, o)).collect(),
        unknown_columns: read.ignored.iter().take(50).map(|c| cut(c)).collect(),
    });
    page(&view)
}
