//! What can be skipped: which row groups of a file cannot hold rows that a question asks for, by bloom filters of address columns
//! and by word filters.
//!
//! Parquet's statistics do the rest (times, numbers); those are the engine's. Its own use of bloom filters reads each one whole and knows no `or` between two
//! columns, and "what did this address do" is just that: `client_ip = … or server_ip = …`. So we look ourselves, one block of 32 bytes for
//! each value and row group.

use super::SegmentFile;
use super::files::{FileError, Footer, Tally};
use super::hash::{self, BLOCK};
use super::terms::Needle;
use super::words::Filter;
use crate::columns;
use crate::disk::DiskRead;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use datafusion::scalar::ScalarValue;
use std::io;
use std::path::Path;

/// Lists longer than this are not looked up value by value.
const MOST_VALUES: usize = 200;

/// A question's conditions as far as filters can answer them.
#[derive(Debug, PartialEq)]
pub(crate) enum Sift {
    /// Nothing is known.
    Any,
    /// The column has one of these values (hashes of their text).
    Is {
        column: String,
        values: Vec<u64>,
    },
    /// All these keys occur in the record.
    Words(Vec<u64>),
    And(Vec<Sift>),
    Or(Vec<Sift>),
}

fn text(e: &Expr) -> Option<&str> {
    match e {
        Expr::Literal(ScalarValue::Utf8(Some(t)) | ScalarValue::Utf8View(Some(t)) | ScalarValue::LargeUtf8(Some(t)), _) => Some(t),
        _ => None,
    }
}

fn column(e: &Expr) -> Option<&str> {
    match e {
        Expr::Column(c) => Some(&c.name),
        _ => None,
    }
}

impl Sift {
    /// Of conditions that all hold.
    pub(crate) fn of(filters: &[Expr]) -> Sift {
        Sift::all(filters.iter().map(Sift::one).collect())
    }

    fn all(parts: Vec<Sift>) -> Sift {
        let mut parts: Vec<Sift> = parts.into_iter().filter(|p| *p != Sift::Any).collect();
        match parts.len() {
            0 => Sift::Any,
            1 => parts.pop().unwrap_or(Sift::Any),
            _ => Sift::And(parts),
        }
    }

    fn one(e: &Expr) -> Sift {
        match e {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => Sift::all(vec![Sift::one(left), Sift::one(right)]),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                let parts = vec![Sift::one(left), Sift::one(right)];
                if parts.contains(&Sift::Any) { Sift::Any } else { Sift::Or(parts) }
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let pair = column(left).zip(text(right)).or_else(|| column(right).zip(text(left)));
                let Some((c, t)) = pair else { return Sift::Any };
                Sift::Is { column: c.into(), values: vec![hash::xxh64(t.as_bytes())] }
            }
            Expr::InList(InList { expr, list, negated: false }) if list.len() <= MOST_VALUES => {
                let values: Option<Vec<u64>> = list.iter().map(|e| text(e).map(|t| hash::xxh64(t.as_bytes()))).collect();
                match column(expr).zip(values) {
                    Some((c, values)) => Sift::Is { column: c.into(), values },
                    None => Sift::Any,
                }
            }
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == super::has_words::NAME => match args.as_slice() {
                // The filters are over all words of a record, so over those of each of these columns too.
                [c, words] if column(c).is_some_and(columns::is_worded) => Sift::words(words),
                _ => Sift::Any,
            },
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == super::record_has::NAME => match args.as_slice() {
                [words, all @ ..] if all.iter().all(|c| column(c).is_some_and(columns::is_worded)) => Sift::words(words),
                _ => Sift::Any,
            },
            _ => Sift::Any,
        }
    }

    fn words(words: &Expr) -> Sift {
        let hashes = text(words).map(|w| Needle::new(w).hashes()).unwrap_or_default();
        if hashes.is_empty() { Sift::Any } else { Sift::Words(hashes) }
    }

    fn asks_words(&self) -> bool {
        match self {
            Sift::Words(_) => true,
            Sift::And(p) | Sift::Or(p) => p.iter().any(Sift::asks_words),
            _ => false,
        }
    }
}

/// One file while it is sifted.
pub(crate) struct Sifter<'a> {
    sift: &'a Sift,
    path: &'a Path,
    file: Box<dyn DiskRead>,
    footer: &'a Footer,
    words: Option<(Filter, &'a Path)>,
    tally: &'a Tally,
}

impl<'a> Sifter<'a> {
    pub(crate) fn new(sift: &'a Sift, of: &'a SegmentFile, footer: &'a Footer, tally: &'a Tally) -> Result<Sifter<'a>, FileError> {
        let path = of.path.as_path();
        let file = of.disk.0.open(path).map_err(|e| FileError::io(path, &e))?;
        let mut filter = None;
        if sift.asks_words()
            && let Some(w) = of.words.as_deref()
        {
            let rows = footer.meta.file_metadata().num_rows();
            match of.disk.0.open(w).and_then(Filter::of) {
                // Of another file of that name: rows were written anew.
                Ok(f) if f.row_groups() != footer.meta.num_row_groups() || f.rows() != rows as u64 => {
                    tally.note(format!("{} is not of this segment file; make it again", w.display()));
                }
                Ok(f) => filter = Some((f, w)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => tally.note(format!("{}: {e}; searching goes on without it, make it again", w.display())),
            }
        }
        Ok(Sifter { sift, path, file, footer, words: filter, tally })
    }

    /// Whether a row group may hold rows that are asked for.
    pub(crate) fn may_hold(&self, row_group: usize) -> bool {
        self.ask(self.sift, row_group)
    }

    fn ask(&self, sift: &Sift, row_group: usize) -> bool {
        match sift {
            Sift::Any => true,
            Sift::And(parts) => parts.iter().all(|p| self.ask(p, row_group)),
            Sift::Or(parts) => parts.iter().any(|p| self.ask(p, row_group)),
            Sift::Words(hashes) => match &self.words {
                Some((filter, path)) => filter.may_hold(row_group, hashes).unwrap_or_else(|e| {
                    self.tally.note(format!("{}: {e}; searching goes on without it, make it again", path.display()));
                    true
                }),
                None => true,
            },
            Sift::Is { column, values } => {
                let Some(group) = self.footer.meta.row_groups().get(row_group) else { return true };
                let Some(chunk) = group.columns().iter().find(|c| c.column_path().parts() == std::slice::from_ref(column)) else {
                    return true;
                };
                let held = values.iter().map(|v| bloom(&*self.file, chunk, *v));
                for h in held {
                    match h {
                        Ok(false) => {}
                        Ok(true) => return true,
                        Err(e) => {
                            self.tally.note(format!("a bloom filter of {}: {e}", self.path.display()));
                            return true;
                        }
                    }
                }
                false
            }
        }
    }
}

/// Whether a column chunk may hold a value, by one block of its bloom filter. Parquet stores a header of a few bytes and a power of two of
/// bytes of blocks behind each other; the footer gives the length of both.
fn bloom(file: &dyn DiskRead, chunk: &ColumnChunkMetaData, hash: u64) -> io::Result<bool> {
    let (Some(offset), Some(length)) = (chunk.bloom_filter_offset(), chunk.bloom_filter_length()) else { return Ok(true) };
    let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else { return Ok(true) };
    if length <= BLOCK as u64 {
        return Ok(true);
    }
    // `header + 2^k` with a header shorter than a block.
    let bitset = 1u64 << length.ilog2();
    let header = length - bitset;
    if header == 0 || header >= BLOCK as u64 {
        return Ok(true);
    }
    let mut block = [0u8; BLOCK];
    let at = offset + header + hash::block_of(hash, bitset / BLOCK as u64) * BLOCK as u64;
    file.read_at(&mut block, at)?;
    Ok(hash::holds(&block, hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    fn is(c: &str, v: &str) -> Sift {
        Sift::Is { column: c.into(), values: vec![hash::xxh64(v.as_bytes())] }
    }

    #[test]
    fn either_end_of_a_conversation_can_be_sifted() {
        let either = col("client_ip").eq(lit("192.0.2.1")).or(lit("192.0.2.1").eq(col("server_ip")));
        let expected = Sift::Or(vec![is("client_ip", "192.0.2.1"), is("server_ip", "192.0.2.1")]);
        assert_eq!(Sift::of(&[either.clone(), col("bytes_up").gt(lit(5u64))]), expected);
        assert_eq!(Sift::of(&[either.or(col("bytes_up").gt(lit(5u64)))]), Sift::Any, "an or with something unknown tells nothing");
        assert_eq!(Sift::of(&[col("client_ip").not_eq(lit("192.0.2.1"))]), Sift::Any);
        assert_eq!(Sift::of(&[col("ip").in_list(vec![lit("a")], true)]), Sift::Any);
        assert_eq!(Sift::of(&[col("ip").in_list(vec![lit("a")], false)]), is("ip", "a"));
        // Names of protocols are no words of the record: a filter knows nothing of them.
        assert!(columns::is_worded("login_user") && columns::is_worded("text") && columns::is_worded("rest_names"));
        assert!(
            !columns::is_worded("protocol")
                && !columns::is_worded("about")
                && !columns::is_worded("kind")
                && !columns::is_worded("nothing")
        );
    }
}
