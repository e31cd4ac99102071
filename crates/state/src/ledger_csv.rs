//! The ledger as a CSV file, as spreadsheets in Japan write and read it. Pure: bytes in, rows out, and back.

use crate::ledger::{ImportRow, RowProblem};
use model::{Asset, Lang, ZoneId};
use std::collections::BTreeMap;

/// How a file's text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark; written with one, for Excel.
    Utf8,
    /// Shift_JIS as Windows has it (CP932).
    ShiftJis,
    /// EUC-JP; read only.
    EucJp,
    /// UTF-16 with byte order mark (Excel's "Unicode text"); read only.
    Utf16,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// How it was written.
    pub encoding: Encoding,
    /// Rows that are in order.
    pub rows: Vec<ImportRow>,
    /// Rows that are not.
    pub problems: Vec<RowProblem>,
    /// Headers that we do not know; their columns were not read.
    pub ignored: Vec<String>,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// Characters that the encoding lacks, with how often they were replaced by `〓` (geta, as printers do).
    pub replaced: BTreeMap<char, u64>,
}

/// Why a file could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// Larger than we take.
    #[error("the file has {bytes} bytes; at most {MOST_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More rows than we take.
    #[error("the file has more than {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// The text is in no encoding that we read.
    #[error("line {line} is neither UTF-8 nor Shift_JIS nor EUC-JP; save the file as CSV UTF-8")]
    Encoding {
        /// Where the first wrong byte is.
        line: u64,
    },
    /// Nothing in it.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// No column that we know.
    #[error("the first line names no column that Hinomi knows; take an export as a pattern")]
    NoHeader,
    /// A column twice.
    #[error("the column {0} stands twice in the first line")]
    DoubleColumn(String),
}

/// The largest file that is read, bytes.
pub const MOST_BYTES: usize = 32 << 20;
/// The most rows that are read.
pub const MOST_ROWS: usize = 50_000;
/// The most characters of a cell.
pub const MOST_CELL: usize = 2_000;

/// Reads a file. Wrong rows are told, the others are there.
pub fn read(_bytes: &[u8]) -> Result<Read, CsvError> {
    unimplemented!()
}

/// Writes a file with headers and words of a language; `zones` gives the names of zones. Only [`Encoding::Utf8`] and
/// [`Encoding::ShiftJis`] are written; the others count as UTF-8.
pub fn write(_assets: &[Asset], _zones: &BTreeMap<ZoneId, String>, _lang: Lang, _encoding: Encoding) -> Written {
    unimplemented!()
}
