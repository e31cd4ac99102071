//! `has_words(text, 'some words')`: every word occurs in the text, whole and in any case, or as a part or a phrase where the
//! question says so ([`super::terms`]). The filters beside segment files
//! ([`super::words`]) only spare reading; this decides.

use super::terms::Needle;
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The function's name.
pub(crate) const NAME: &str = "has_words";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HasWords {
    signature: Signature,
}

impl HasWords {
    pub(crate) fn new() -> HasWords {
        HasWords { signature: Signature::string(2, Volatility::Immutable) }
    }
}

fn view(values: &ArrayRef) -> Result<StringViewArray> {
    Ok(cast(values, &DataType::Utf8View)?.as_string_view().clone())
}

impl ScalarUDFImpl for HasWords {
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
        let mut scratch = String::new();
        let [text, words] = args.args.as_slice() else {
            return datafusion::common::plan_err!("has_words takes a text and the words to look for");
        };
        let texts = view(&text.to_array(rows)?)?;
        let found: BooleanArray = match words {
            ColumnarValue::Scalar(words) => {
                let words = words.try_as_str().flatten().map(Needle::new);
                texts.iter().map(|t| Some(words.as_ref()?.occurs(t?, &mut scratch))).collect()
            }
            ColumnarValue::Array(words) => {
                let words = view(words)?;
                texts.iter().zip(words.iter()).map(|(t, w)| Some(Needle::new(w?).occurs(t?, &mut scratch))).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
