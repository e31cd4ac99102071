//! Tables as spreadsheets: Excel (.xlsx) read and written, CSV written. Bytes in, cells out, and back.
//!
//! This stands in `state` beside [`crate::ledger_csv`], since the ledger's import and export are here and the room for reports does
//! not exist yet; when it does, writing moves there (docs/adr/0006-libraries.md).
//!
//! **Reading hostile files.** A workbook is a zip of XML. Before anything is parsed, every entry is unpacked into nothing, counting
//! ([`MOST_UNPACKED`]), so that what a zip claims does not matter; what holds macros is refused by its parts and not by its name. Cells
//! are streamed: a sheet whose only two cells are A1 and XFD1048576 costs two cells. Formulas are never computed; the value that the
//! spreadsheet stored is read. Of merged cells the first holds the value, and rows below it inherit it, as people mean it.
//!
//! **Writing.** A cell that begins like a formula is written as text with Excel's own mark for that (quote prefix); in CSV with an
//! apostrophe ([`crate::ledger_csv`] takes it off again).

use crate::ledger_csv::{MOST_CELL, MOST_ROWS, guarded, runs, shift_jis};
use calamine::{DataRef, Reader, Xlsx, XlsxError};
use rust_xlsxwriter::{Format, FormatAlign, Workbook};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

/// The most bytes of a workbook once unpacked.
pub const MOST_UNPACKED: u64 = 96 << 20;
/// The most parts of a workbook.
const MOST_PARTS: usize = 2_000;
/// The most columns that are read.
pub const MOST_COLUMNS: usize = 100;
/// The most merged regions that are followed.
const MOST_MERGED: usize = 20_000;
/// Rows of formulas and blanks that may follow each other: a sheet that is only formatted to its end stops here.
const MOST_BLANK: u32 = 5_000;

/// Why a workbook cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// With macros: `.xlsm` and the like.
    #[error("the workbook holds macros; save it as .xlsx and bring that")]
    Macros,
    /// The old format, or a workbook with a password, which looks the same from outside.
    #[error("the workbook is in the old format (.xls) or has a password; save it as .xlsx without one")]
    OldOrLocked,
    /// A zip, and no workbook.
    #[error("the file is no Excel workbook (.xlsx)")]
    NotAWorkbook,
    /// Unpacked it is too large.
    #[error("unpacked, the workbook is larger than {MOST_UNPACKED} bytes; delete sheets and pictures, or save the list as CSV")]
    Bomb,
    /// More rows than we take.
    #[error("the sheet has more than {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// More columns than we take.
    #[error("the sheet has more than {MOST_COLUMNS} columns; keep those that matter")]
    TooManyColumns,
    /// Its parts do not fit together.
    #[error("the workbook is damaged: {0}; open and save it in Excel, then try again")]
    Broken(String),
}

/// Rows of cells with their number in the file, from 1.
pub type Rows = Vec<(u64, Vec<String>)>;

/// Cells of a sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// The sheet's name.
    pub name: String,
    /// Rows that hold anything, with their number in the file, from 1. All cells are text; missing ones at the end are left out.
    pub rows: Rows,
    /// Merged regions whose value was given to the rows below.
    pub merged: u64,
    /// Further sheets, which were not read.
    pub others: Vec<String>,
}

/// Whether these bytes are a zip or an old Office file: not text, in any case.
pub fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") || bytes.starts_with(b"\xd0\xcf\x11\xe0")
}

fn broken(e: &impl std::fmt::Display) -> SheetError {
    let text: String = e.to_string().chars().filter(|c| !c.is_control()).take(120).collect();
    SheetError::Broken(text)
}

/// Looks at the zip before anything of it is believed.
fn inspect(bytes: &[u8]) -> Result<(), SheetError> {
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(SheetError::OldOrLocked);
    }
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    if zip.len() > MOST_PARTS {
        return Err(SheetError::Bomb);
    }
    let (mut unpacked, mut workbook) = (0u64, false);
    let mut buffer = vec![0u8; 64 << 10];
    for i in 0..zip.len() {
        let mut part = zip.by_index(i).map_err(|e| broken(&e))?;
        let name = String::from_utf8_lossy(part.name_raw()).to_ascii_lowercase();
        if name.ends_with("vbaproject.bin") || name.contains("macrosheets/") || name.contains("activex/") {
            return Err(SheetError::Macros);
        }
        let types = name == "[content_types].xml";
        workbook |= name == "xl/workbook.xml";
        let mut head = Vec::new();
        loop {
            let n = part.read(&mut buffer).map_err(|e| broken(&e))?;
            if n == 0 {
                break;
            }
            unpacked = unpacked.saturating_add(n as u64);
            if unpacked > MOST_UNPACKED {
                return Err(SheetError::Bomb);
            }
            if types && head.len() < 1 << 20 {
                head.extend_from_slice(buffer.get(..n).unwrap_or_default());
            }
        }
        if types && String::from_utf8_lossy(&head).to_ascii_lowercase().contains("macroenabled") {
            return Err(SheetError::Macros);
        }
    }
    if workbook { Ok(()) } else { Err(SheetError::NotAWorkbook) }
}

/// A number as a person typed it: without `.0`, without exponent where it can be.
fn number(f: f64) -> String {
    if f.fract() == 0.0 && f.abs() < 1e15 { format!("{f:.0}") } else { format!("{f}") }
}

fn text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::Empty => String::new(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(f) => number(*f),
        DataRef::String(s) => s.clone(),
        DataRef::SharedString(s) => (*s).to_owned(),
        DataRef::Bool(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(d) if d.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = d.to_ymd_hms_milli();
            if (hour, minute, second) == (0, 0, 0) {
                format!("{year:04}-{month:02}-{day:02}")
            } else {
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
            }
        }
        DataRef::DateTime(d) => number(d.as_f64()),
        DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => s.clone(),
        DataRef::Error(e) => e.to_string(),
    }
}

/// The first sheet that holds anything.
pub fn read(bytes: &[u8]) -> Result<Grid, SheetError> {
    inspect(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| match e {
        XlsxError::Password => SheetError::OldOrLocked,
        other => broken(&other),
    })?;
    let names = book.sheet_names();
    let mut out = Grid::default();
    for name in &names {
        let mut grid = sheet(&mut book, name)?;
        if !grid.rows.is_empty() {
            grid.others = names.iter().filter(|n| *n != name).take(20).map(|n| crate::text::cut(n, 60).to_owned()).collect();
            return Ok(grid);
        }
        out = grid;
    }
    Ok(out)
}

/// Rows below the first that a merged region covers, in its first column: by column, the rows and where the value stands.
type Merged = BTreeMap<u32, Vec<(u32, u32)>>;

fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Grid, SheetError> {
    let mut merged: Merged = BTreeMap::new();
    let regions = book.merge_cells_by_sheet_name(name).unwrap_or_default();
    for r in regions.into_iter().take(MOST_MERGED).filter(|r| r.end.0 > r.start.0 && r.start.0 > 0) {
        merged.entry(r.start.1).or_default().push((r.start.0, r.end.0));
    }
    for rows in merged.values_mut() {
        rows.sort_unstable();
    }
    let mut reader = match book.worksheet_cells_reader(name) {
        Ok(reader) => reader,
        // A chart or a dialogue: no cells.
        Err(XlsxError::NotAWorksheet(_) | XlsxError::WorksheetNotFound(_)) => return Ok(Grid::default()),
        Err(e) => return Err(broken(&e)),
    };
    let mut out = Grid { name: crate::text::cut(name, 60).to_owned(), ..Grid::default() };
    let mut row: Vec<String> = Vec::new();
    let mut at: Option<u32> = None;
    let mut last_full = 0u32;
    while let Some(cell) = reader.next_cell().map_err(|e| broken(&e))? {
        let (r, c) = cell.get_position();
        let value = text(cell.get_value());
        if value.trim().is_empty() {
            // A sheet that is only painted to its end.
            if out.rows.len() + 1 > MOST_ROWS && r > last_full.saturating_add(MOST_BLANK) {
                break;
            }
            continue;
        }
        if at.is_some_and(|before| r < before) {
            return Err(SheetError::Broken(String::from("its rows are out of order")));
        }
        if at != Some(r) {
            push(&mut out, at, &mut row)?;
            at = Some(r);
        }
        last_full = r;
        let c = usize::try_from(c).unwrap_or(usize::MAX);
        if c >= MOST_COLUMNS {
            return Err(SheetError::TooManyColumns);
        }
        if row.len() <= c {
            row.resize(c + 1, String::new());
        }
        // Longer than any cell that is kept: enough is left to say so.
        let cut = crate::text::cut(&value, MOST_CELL + 1);
        if let Some(slot) = row.get_mut(c) {
            cut.clone_into(slot);
        }
    }
    push(&mut out, at, &mut row)?;
    inherit(&mut out, &merged);
    Ok(out)
}

fn push(out: &mut Grid, at: Option<u32>, row: &mut Vec<String>) -> Result<(), SheetError> {
    if let Some(r) = at {
        // One more than the rows: the header.
        if out.rows.len() > MOST_ROWS {
            return Err(SheetError::TooManyRows);
        }
        out.rows.push((u64::from(r) + 1, std::mem::take(row)));
    }
    Ok(())
}

/// Gives the value of a merged region to those of its rows that are there.
fn inherit(grid: &mut Grid, merged: &Merged) {
    for (column, regions) in merged {
        let c = usize::try_from(*column).unwrap_or(usize::MAX);
        if c >= MOST_COLUMNS {
            continue;
        }
        let mut regions = regions.iter().peekable();
        let mut value = String::new();
        for (number, row) in &mut grid.rows {
            let r = u32::try_from(*number - 1).unwrap_or(u32::MAX);
            while regions.peek().is_some_and(|(_, end)| *end < r) {
                regions.next();
            }
            let Some((start, end)) = regions.peek() else { break };
            if r == *start {
                value = row.get(c).cloned().unwrap_or_default();
                if !value.is_empty() {
                    grid.merged += 1;
                }
            } else if r > *start && r <= *end && !value.is_empty() {
                if row.len() <= c {
                    row.resize(c + 1, String::new());
                }
                if let Some(slot) = row.get_mut(c).filter(|s| s.is_empty()) {
                    slot.clone_from(&value);
                }
            }
        }
    }
}

/// A table to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it is: the sheet's name.
    pub title: String,
    /// Headings.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// As an Excel workbook: headings that stay in sight, a filter, text as text.
pub fn write_xlsx(table: &Table) -> Result<Vec<u8>, SheetError> {
    let mut book = Workbook::new();
    let heading = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    let plain = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let guarded = plain.clone().set_quote_prefix();
    let sheet = book.add_worksheet();
    // Excel's rule for names of sheets: at most 31 characters, none of these.
    let title: String = table.title.chars().filter(|c| !matches!(c, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'')).take(31).collect();
    if !title.trim().is_empty() {
        sheet.set_name(title.trim()).map_err(|e| broken(&e))?;
    }
    // At most 32,767 characters of a cell (Excel's specifications and limits).
    let fit = |text: &str| crate::text::cut(text, 32_000).to_owned();
    for (c, text) in (0u16..).zip(&table.head) {
        sheet.write_string_with_format(0, c, fit(text), &heading).map_err(|e| broken(&e))?;
    }
    let mut widths: Vec<usize> = table.head.iter().map(|h| wide(h)).collect();
    for (r, row) in (1u32..).zip(&table.rows) {
        for (c, text) in (0u16..).zip(row) {
            if text.is_empty() {
                continue;
            }
            let format = if runs(text) { &guarded } else { &plain };
            sheet.write_string_with_format(r, c, fit(text), format).map_err(|e| broken(&e))?;
            if let Some(w) = widths.get_mut(usize::from(c)) {
                *w = (*w).max(wide(text));
            }
        }
    }
    for (c, w) in (0u16..).zip(widths) {
        sheet.set_column_width(c, (w as f64 + 2.0).clamp(6.0, 48.0)).map_err(|e| broken(&e))?;
    }
    sheet.set_freeze_panes(1, 0).map_err(|e| broken(&e))?;
    if !table.head.is_empty() {
        let (rows, columns) = (u32::try_from(table.rows.len()).unwrap_or(0), u16::try_from(table.head.len() - 1).unwrap_or(0));
        sheet.autofilter(0, 0, rows, columns).map_err(|e| broken(&e))?;
    }
    book.save_to_buffer().map_err(|e| broken(&e))
}

/// Columns of a text on the screen: what is not ASCII counts two.
fn wide(text: &str) -> usize {
    text.lines().map(|l| l.chars().take(60).map(|c| if c.is_ascii() { 1 } else { 2 }).sum()).max().unwrap_or(0)
}

/// As CSV: UTF-8 with byte order mark, or Shift_JIS with `〓` for what that lacks.
pub fn write_csv(table: &Table, sjis: bool) -> Vec<u8> {
    let lines = csv_lines(std::iter::once(&table.head).chain(&table.rows), sjis);
    if sjis { lines } else { [BYTE_ORDER_MARK, &lines].concat() }
}

/// What a CSV file in UTF-8 begins with, so that Excel takes it for that.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Lines of a CSV file, for one that is written in parts. Nothing of one line depends on another.
pub fn csv_lines<'a>(rows: impl IntoIterator<Item = &'a Vec<String>>, sjis: bool) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Writing into memory does not fail.
        let _ = writer.write_record(row.iter().map(|c| guarded(c).into_owned()));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    if sjis { shift_jis(&String::from_utf8_lossy(&bytes)).bytes } else { bytes }
}
