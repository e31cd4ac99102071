//! A list that somebody brings, before anybody said what its columns mean: CSV or Excel, with their own headings.
//!
//! Headings are guessed in Japanese and English; a person corrects the guess once, and it is remembered by the signature of the
//! heading line ([`signature`]), so that next month's list is read the same. A list often begins with a title and the date: the
//! heading line is the one of the first twenty that names most columns.

use crate::db::{to_json, v};
use crate::error::{Result as StateResult, StateError};
use crate::ledger::{RowProblem, RowReason};
use crate::ledger_csv::{self, Column, CsvError, Encoding, Read};
use crate::outbox::audit;
use crate::sheet;
use crate::store::Store;
use crate::text::cut;
use model::access::EditAssets;
use model::event::Deed;
use model::{Authorised, Lang, Time};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Lines among which the headings are looked for.
const HEAD_LINES: usize = 20;
/// Mappings that are remembered; the one not used for longest goes.
const MOST_REMEMBERED: i64 = 200;

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// How it was written.
    pub encoding: Encoding,
    /// The sheet that was read; empty for CSV.
    pub sheet: String,
    /// Sheets that were not read.
    pub others: Vec<String>,
    /// Merged regions whose value was given to the rows below.
    pub merged: u64,
    /// The line of the headings, from 1.
    pub header_line: u64,
    /// The headings.
    pub header: Vec<String>,
    /// The rows after them, with their lines in the file.
    pub cells: sheet::Rows,
}

/// Reads a file of either kind.
pub fn read(bytes: &[u8]) -> Result<List, CsvError> {
    if bytes.len() > ledger_csv::MOST_BYTES {
        return Err(CsvError::TooLarge { bytes: bytes.len() });
    }
    if !sheet::is_workbook(bytes) {
        return read_csv(bytes);
    }
    let grid = sheet::read(bytes)?;
    let mut list = headed(Encoding::Excel, grid.rows)?;
    (list.sheet, list.others, list.merged) = (grid.name, grid.others, grid.merged);
    Ok(list)
}

/// The same for CSV; its headings are its first line.
pub(crate) fn read_csv(bytes: &[u8]) -> Result<List, CsvError> {
    let (encoding, rows) = ledger_csv::cells(bytes)?;
    headed(encoding, rows)
}

fn headed(encoding: Encoding, mut rows: sheet::Rows) -> Result<List, CsvError> {
    let known = |cells: &[String]| cells.iter().filter(|c| ledger_csv::column(c).is_some()).count();
    let best = rows.iter().take(HEAD_LINES).map(|(_, cells)| known(cells)).enumerate().max_by_key(|(i, n)| (*n, usize::MAX - i));
    let at = best.filter(|(_, n)| *n > 0).map_or(0, |(i, _)| i);
    if at >= rows.len() {
        return Err(CsvError::Empty);
    }
    let cells = rows.split_off(at + 1);
    let (header_line, mut header) = rows.pop().ok_or(CsvError::Empty)?;
    while header.last().is_some_and(|h| h.trim().is_empty()) {
        header.pop();
    }
    Ok(List { encoding, sheet: String::new(), others: Vec::new(), merged: 0, header_line, header, cells })
}

/// What each column probably means, by its heading: names of fields, empty where it is not known or stands there already.
pub fn guess(header: &[String]) -> Vec<String> {
    let mut seen: Vec<Column> = Vec::new();
    header
        .iter()
        .map(|h| match ledger_csv::column(h).filter(|c| !seen.contains(c)) {
            Some(c) => {
                seen.push(c);
                Column::from_name(&c.name()).map_or_else(String::new, Column::name)
            }
            None => String::new(),
        })
        .collect()
}

/// Fields that a column can mean: name and heading.
pub fn fields(lang: Lang) -> Vec<(String, String)> {
    ledger_csv::readable_columns(lang)
}

/// By what the headings are known again: width, case, spaces and marks do not matter, order does.
pub fn signature(header: &[String]) -> String {
    let mut hash = Sha256::new();
    for h in header {
        hash.update(ledger_csv::plain(h).as_bytes());
        hash.update([0x1f]);
    }
    hash.finalize().iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

impl List {
    /// The rows, read as the mapping says; wrong ones are told. A field that two columns claim is an error of the whole.
    pub fn rows(&self, mapping: &[String]) -> Result<Read, CsvError> {
        let columns: Vec<Option<Column>> =
            (0..self.header.len()).map(|i| mapping.get(i).and_then(|name| Column::from_name(name))).collect();
        for (i, column) in columns.iter().enumerate() {
            if column.is_some() && columns.iter().take(i).any(|c| c == column) {
                let name = self.header.get(i).map_or("", |h| h.trim());
                return Err(CsvError::DoubleColumn(cut(name, 60).to_owned()));
            }
        }
        let left = |(name, column): (&String, &Option<Column>)| {
            let told = column.is_none() && !name.trim().is_empty() && ledger_csv::column(name).is_none();
            told.then(|| cut(name.trim(), 60).to_owned())
        };
        let ignored = self.header.iter().zip(&columns).filter_map(left).collect();
        let mut out = Read { encoding: self.encoding, rows: Vec::new(), problems: Vec::new(), ignored };
        for (line, cells) in &self.cells {
            let line = *line;
            if cells.len() > self.header.len() && cells.iter().skip(self.header.len()).any(|c| !c.trim().is_empty()) {
                let reason = RowReason::CellCount(cells.len(), self.header.len());
                out.problems.push(RowProblem { line, column: String::new(), reason });
                continue;
            }
            match ledger_csv::row(line, &columns, cells) {
                Ok(row) => out.rows.push(row),
                Err((at, reason)) => {
                    let column = cut(self.header.get(at).map_or("", |h| h.trim()), 60).to_owned();
                    out.problems.push(RowProblem { line, column, reason });
                }
            }
        }
        Ok(out)
    }

    /// The first values of a column, to recognise it by.
    pub fn samples(&self, column: usize) -> Vec<&str> {
        let values = self.cells.iter().filter_map(|(_, cells)| cells.get(column)).map(|c| c.trim()).filter(|c| !c.is_empty());
        values.take(3).map(|c| cut(c, 40)).collect()
    }
}

impl Store {
    /// What the columns of a list with these headings meant last time.
    pub async fn remembered_mapping(&self, proof: &Authorised<EditAssets>, header: &[String]) -> StateResult<Option<Vec<String>>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let row = conn.row("SELECT columns FROM import_mappings WHERE signature = $1", v![signature(header)]).await?;
        let Some(row) = row else { return Ok(None) };
        let columns: Vec<(String, String)> = row.json(0)?;
        // A field that a newer program knows, or one that went, is left out.
        Ok(Some(columns.into_iter().map(|(_, field)| Column::from_name(&field).map_or_else(String::new, |_| field)).collect()))
    }

    /// Remembers what the columns of a list mean.
    pub async fn remember_mapping(
        &self,
        proof: &Authorised<EditAssets>,
        header: &[String],
        mapping: &[String],
        now: Time,
    ) -> StateResult<()> {
        self.guard(proof)?;
        if header.len() > sheet::MOST_COLUMNS {
            return Err(StateError::invalid(
                "columns",
                "invalid-columns",
                sheet::MOST_COLUMNS,
                format!("at most {} columns", sheet::MOST_COLUMNS),
            ));
        }
        let columns: Vec<(String, String)> = header
            .iter()
            .zip(mapping.iter().map(String::as_str).chain(std::iter::repeat("")))
            .map(|(h, m)| (cut(h.trim(), 60).to_owned(), m.to_owned()))
            .collect();
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let text = to_json(&columns, tx.place())?;
        let signature = signature(header);
        let before = tx.row("SELECT columns FROM import_mappings WHERE signature = $1", v![&signature]).await?;
        if before.map(|r| r.text(0)).transpose()?.as_deref() == Some(text.as_str()) {
            tx.run("UPDATE import_mappings SET used_at = $1 WHERE signature = $2", v![now, &signature]).await?;
            return tx.commit().await;
        }
        tx.run(
            "INSERT INTO import_mappings (signature, columns, used_at, changed_by, changed_at) VALUES ($1, $2, $3, $4, $3) \
             ON CONFLICT (signature) DO UPDATE SET columns = $2, used_at = $3, changed_by = $4, changed_at = $3",
            v![signature, text, now, &who.name],
        )
        .await?;
        let over = tx.number("SELECT COUNT(*) FROM import_mappings", v![]).await? - MOST_REMEMBERED;
        if over > 0 {
            tx.run(
                "DELETE FROM import_mappings WHERE signature IN (SELECT signature FROM import_mappings ORDER BY used_at, signature LIMIT $1)",
                v![over],
            )
            .await?;
        }
        audit(&mut tx, &who, Deed::ImportMapping { columns }, now).await?;
        tx.commit().await
    }
}
