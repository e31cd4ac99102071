//! `record_has('some words', column, …)`: every word occurs in a record, in whichever of these columns. Columns of bytes are what has no column
//! of its own, as CBOR: the text strings in it count. The record is put together with line ends between, so that no phrase reaches from one
//! value into the next.

use super::terms::Needle;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The function's name.
pub(crate) const NAME: &str = "record_has";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RecordHas {
    signature: Signature,
}

impl RecordHas {
    pub(crate) fn new() -> RecordHas {
        RecordHas { signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

/// A column of a record as text.
pub(crate) enum Texts {
    Text(StringViewArray),
    Rest(BinaryViewArray),
}

impl Texts {
    /// `None` where a column is neither text nor bytes.
    pub(crate) fn of(values: &ArrayRef) -> Result<Option<Texts>> {
        Ok(match values.data_type() {
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {
                Some(Texts::Text(cast(values, &DataType::Utf8View)?.as_string_view().clone()))
            }
            DataType::Binary | DataType::BinaryView | DataType::LargeBinary => {
                Some(Texts::Rest(cast(values, &DataType::BinaryView)?.as_binary_view().clone()))
            }
            _ => None,
        })
    }

    /// Adds what stands in a row, with a line end behind.
    pub(crate) fn add(&self, row: usize, out: &mut String) {
        match self {
            Texts::Text(a) if row < a.len() && a.is_valid(row) => {
                out.push_str(a.value(row));
                out.push('\n');
            }
            Texts::Rest(a) if row < a.len() && a.is_valid(row) => strings(a.value(row), |t| {
                out.push_str(t);
                out.push('\n');
            }),
            _ => {}
        }
    }
}

/// The text strings of deterministic CBOR, one after the other: everything has its length before it, so what holds others needs no looking
/// into. Stops where the bytes are not that.
pub(crate) fn strings(mut bytes: &[u8], mut each: impl FnMut(&str)) {
    while let Some((&head, rest)) = bytes.split_first() {
        let (major, low) = (head >> 5, head & 31);
        let wide = match low {
            0..=23 => 0usize,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return,
        };
        let Some((argument, rest)) = rest.split_at_checked(wide) else { return };
        let value = if wide == 0 { u64::from(low) } else { argument.iter().fold(0u64, |n, b| n << 8 | u64::from(*b)) };
        bytes = rest;
        if matches!(major, 2 | 3) {
            let Some((content, rest)) = usize::try_from(value).ok().and_then(|n| bytes.split_at_checked(n)) else { return };
            if major == 3 {
                each(std::str::from_utf8(content).unwrap_or_default());
            }
            bytes = rest;
        }
    }
}

impl ScalarUDFImpl for RecordHas {
    fn name(&self) -> &str {
        NAME
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let wrong = || datafusion::common::plan_err!("record_has takes the words to look for, as a value, and columns of text");
        let Some((ColumnarValue::Scalar(words), columns)) = args.args.split_first() else { return wrong() };
        let Some(words) = words.try_as_str().flatten() else { return wrong() };
        let needle = Needle::new(words);
        let mut texts = Vec::with_capacity(columns.len());
        for column in columns {
            let Some(of) = Texts::of(&column.to_array(rows)?)? else { return wrong() };
            texts.push(of);
        }
        let (mut record, mut scratch) = (String::new(), String::new());
        let found: BooleanArray = (0..rows)
            .map(|row| {
                record.clear();
                for t in &texts {
                    t.add(row, &mut record);
                }
                Some(needle.occurs(&record, &mut scratch))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        strings(bytes, |t| out.push(String::from(t)));
        out
    }

    #[test]
    fn text_strings_wherever_they_stand() {
        // {1: "ab", 2: ["c", {"k": h'ff6161'}], 3: 39("name"), 4: 70000, 5: true}
        let bytes = b"\xa5\x01\x62ab\x02\x82\x61c\xa1\x61k\x43\xff\x61\x61\x03\xd8\x27\x64name\x04\x1a\x00\x01\x11\x70\x05\xf5";
        assert_eq!(all(bytes), ["ab", "c", "k", "name"]);
        let long = [&[0x78, 30][..], &[b'x'; 30]].concat();
        assert_eq!(all(&long), ["x".repeat(30)]);
    }

    #[test]
    fn bytes_that_are_not_cbor_end_it() {
        for bad in [&b"\x7f\x61a"[..], b"\x62a", b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x19\x01", b""] {
            assert!(all(bad).is_empty(), "{bad:?}");
        }
        assert_eq!(all(b"\x61\xff\x61a"), ["", "a"], "what is no text counts as none");
    }
}
