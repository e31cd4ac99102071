//! Answers as text and files.
//!
//! What stands in a cell may have been chosen by an attacker (a host name, a line of a log). A table for a terminal therefore shows control
//! characters as what they are, and a CSV file for a spreadsheet can mark what would be taken for a formula.

use super::Answer;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, JsonFormat, LineDelimited, WriterBuilder as JsonBuilder};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use std::io::{self, Write};
use std::sync::Arc;

/// A way to write an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Columns for a terminal.
    Table,
    /// An array of objects; a member that is absent has no value.
    Json,
    /// An object in each line.
    JsonLines,
    /// RFC 4180 with a header line.
    Csv {
        /// Begin with a byte order mark, by which Excel knows that it is UTF-8.
        bom: bool,
        /// Put `'` before text that a spreadsheet would take for a formula.
        disarm: bool,
    },
    /// Parquet, zstd.
    Parquet,
}

impl Format {
    /// By its name on the command line.
    pub fn from_name(name: &str) -> Option<Format> {
        Some(match name {
            "table" => Format::Table,
            "json" => Format::Json,
            "jsonl" => Format::JsonLines,
            "csv" => Format::Csv { bom: false, disarm: false },
            "parquet" => Format::Parquet,
            _ => return None,
        })
    }
}

fn other(e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(e)
}

fn arrow(e: ArrowError) -> io::Error {
    match e {
        ArrowError::IoError(_, e) => e,
        e => other(e),
    }
}

/// Writes an answer.
pub fn write(answer: &Answer, format: Format, out: impl Write + Send) -> io::Result<()> {
    match format {
        Format::Table => table(answer, out),
        Format::Json => json::<JsonArray, _>(answer, out, "[]\n"),
        Format::JsonLines => json::<LineDelimited, _>(answer, out, ""),
        Format::Csv { bom, disarm } => csv(answer, out, bom, disarm),
        Format::Parquet => parquet(answer, out),
    }
}

fn json<F: JsonFormat, W: Write>(answer: &Answer, mut out: W, empty: &str) -> io::Result<()> {
    if answer.rows == 0 {
        return out.write_all(empty.as_bytes());
    }
    let mut writer = JsonBuilder::new().build::<W, F>(out);
    for b in &answer.batches {
        writer.write(b).map_err(arrow)?;
    }
    writer.finish().map_err(arrow)?;
    writer.into_inner().write_all(if empty.is_empty() { b"" } else { b"\n" })
}

fn csv(answer: &Answer, mut out: impl Write, bom: bool, disarm: bool) -> io::Result<()> {
    if bom {
        out.write_all("\u{feff}".as_bytes())?;
    }
    let mut writer = WriterBuilder::new().with_header(true).build(&mut out);
    if answer.batches.is_empty() {
        writer.write(&RecordBatch::new_empty(Arc::clone(&answer.schema))).map_err(arrow)?;
    }
    for b in &answer.batches {
        if disarm {
            writer.write(&disarmed(b).map_err(arrow)?).map_err(arrow)?;
        } else {
            writer.write(b).map_err(arrow)?;
        }
    }
    drop(writer);
    out.flush()
}

fn disarmed(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let harmless = |t: &str| !t.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let one = |a: &ArrayRef| -> ArrayRef {
        if a.data_type() != &DataType::Utf8 || a.as_string::<i32>().iter().flatten().all(harmless) {
            return Arc::clone(a);
        }
        let marked = a.as_string::<i32>().iter().map(|t| t.map(|t| if harmless(t) { String::from(t) } else { format!("'{t}") }));
        Arc::new(marked.collect::<StringArray>())
    };
    RecordBatch::try_new(batch.schema(), batch.columns().iter().map(one).collect())
}

fn parquet(answer: &Answer, out: impl Write + Send) -> io::Result<()> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&answer.schema), Some(properties)).map_err(other)?;
    for b in &answer.batches {
        writer.write(b).map_err(other)?;
    }
    writer.close().map_err(other)?;
    Ok(())
}

/// Widest cell of a table on a terminal.
const WIDEST: usize = 120;

fn table(answer: &Answer, mut out: impl Write) -> io::Result<()> {
    let options = FormatOptions::new().with_null("");
    let mut rows: Vec<Vec<String>> = vec![answer.schema.fields().iter().map(|f| clean(f.name())).collect()];
    for b in &answer.batches {
        let columns = b.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<Vec<_>, _>>().map_err(arrow)?;
        for row in 0..b.num_rows() {
            rows.push(columns.iter().map(|c| clean(&c.value(row).to_string())).collect());
        }
    }
    let mut widths = vec![0usize; answer.schema.fields().len()];
    for row in &rows {
        for (w, cell) in widths.iter_mut().zip(row) {
            *w = (*w).max(width(cell));
        }
    }
    let right: Vec<bool> = answer.schema.fields().iter().map(|f| f.data_type().is_numeric()).collect();
    for (i, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for ((cell, w), right) in row.iter().zip(&widths).zip(&right) {
            let space = " ".repeat(w - width(cell).min(*w));
            if !line.is_empty() {
                line.push_str("  ");
            }
            line.push_str(&if *right { format!("{space}{cell}") } else { format!("{cell}{space}") });
        }
        writeln!(out, "{}", line.trim_end())?;
        if i == 0 {
            writeln!(out, "{}", widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().join("  "))?;
        }
    }
    let cut = if answer.cut { ", there are more" } else { "" };
    let s = if answer.rows == 1 { "" } else { "s" };
    writeln!(out, "({} row{s}{cut}, {:.3} s)", answer.rows, answer.took.as_secs_f64())
}

/// Text that a terminal takes for nothing else: no control characters, no marks that turn the direction of writing.
fn clean(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) >= WIDEST {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                out.extend(c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// Columns that text takes on a terminal: two for wide characters (Unicode, UAX 11: the blocks that matter here).
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let one = |c: char| match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{33ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a000}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    };
    text.chars().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Scanned;
    use datafusion::arrow::array::{BooleanArray, TimestampNanosecondArray, UInt64Array};
    use datafusion::arrow::datatypes::{Field, Schema};

    fn answer(rows: usize) -> Answer {
        let schema = Arc::new(Schema::new(vec![
            Field::new("time", crate::columns::time_type(), false),
            Field::new("名前", DataType::Utf8, true),
            Field::new("bytes", DataType::UInt64, true),
            Field::new("clear", DataType::Boolean, true),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(TimestampNanosecondArray::from(vec![1_700_000_000_123_456_789, 0, 5]).with_timezone("UTC")),
                Arc::new(StringArray::from(vec![Some("計測器, \"7\""), Some("=1+1\u{1b}[2J"), None])),
                Arc::new(UInt64Array::from(vec![Some(5), Some(u64::MAX), None])),
                Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
            ],
        )
        .unwrap();
        Answer {
            schema,
            batches: if rows == 0 { vec![] } else { vec![batch] },
            rows,
            cut: rows > 0,
            took: std::time::Duration::from_millis(7),
            explain: None,
            scanned: Scanned::default(),
            notes: vec![],
        }
    }

    fn text(format: Format, rows: usize) -> String {
        let mut out = Vec::new();
        write(&answer(rows), format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_lines_up_and_hides_no_escape_sequence() {
        let lines = [
            "time                            名前                          bytes  clear",
            "──────────────────────────────  ─────────────  ────────────────────  ─────",
            "2023-11-14T22:13:20.123456789Z  計測器, \"7\"                       5  true",
            "1970-01-01T00:00:00Z            =1+1\\u{1b}[2J  18446744073709551615",
            "1970-01-01T00:00:00.000000005Z                                       false",
            "(3 rows, there are more, 0.007 s)",
        ];
        assert_eq!(text(Format::Table, 3).lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn csv_for_programs_and_for_spreadsheets() {
        let plain = text(Format::Csv { bom: false, disarm: false }, 3);
        assert!(plain.starts_with("time,名前,bytes,clear\n2023-11-14T22:13:20.123456789Z,\"計測器, \"\"7\"\"\",5,true\n"), "{plain}");
        assert!(plain.contains(",=1+1"));
        let excel = text(Format::Csv { bom: true, disarm: true }, 3);
        assert!(excel.starts_with('\u{feff}') && excel.contains(",'=1+1"), "{excel}");
        assert_eq!(text(Format::Csv { bom: false, disarm: true }, 0), "time,名前,bytes,clear\n");
    }

    #[test]
    fn json_as_array_and_as_lines() {
        let all: serde_json::Value = serde_json::from_str(&text(Format::Json, 3)).unwrap();
        assert_eq!(all[0]["名前"], "計測器, \"7\"");
        assert_eq!(all[1]["bytes"], u64::MAX);
        assert_eq!(all[2].get("名前"), None);
        assert_eq!(text(Format::Json, 0), "[]\n");
        assert_eq!(text(Format::JsonLines, 3).lines().count(), 3);
        assert_eq!(text(Format::JsonLines, 0), "");
    }

    #[test]
    fn parquet_reads_back() {
        let mut out = Vec::new();
        write(&answer(3), Format::Parquet, &mut out).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), out).unwrap();
        let open = std::fs::File::open(file.path()).unwrap();
        let reader = datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(open).unwrap().build().unwrap();
        let back: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(back, answer(3).batches);
    }
}
