//! Functions that questions may use: a list of what is useful, and none that makes much out of little or takes long over one value
//! (`repeat`, `lpad`, `generate_series`, `levenshtein`). Where text can grow (`||`, `concat`, `replace`) the size of the result is known, or bounded, before
//! it is made: the engine's memory pool does not see what functions allocate.

use super::has_words::HasWords;
use super::record_has::RecordHas;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, WindowUDF,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// Most bytes of text that one call over one batch of rows may make.
const MOST: usize = 64 << 20;

const SCALAR: &[&str] = &[
    // values
    "coalesce",
    "nullif",
    "nvl",
    "nvl2",
    "greatest",
    "least",
    "arrow_typeof",
    // text
    "ascii",
    "bit_length",
    "btrim",
    "chr",
    "contains",
    "ends_with",
    "lower",
    "ltrim",
    "octet_length",
    "rtrim",
    "split_part",
    "starts_with",
    "to_hex",
    "upper",
    "character_length",
    "initcap",
    "left",
    "reverse",
    "right",
    "strpos",
    "substr",
    "substr_index",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    // numbers
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "cbrt",
    "ceil",
    "cos",
    "degrees",
    "exp",
    "floor",
    "gcd",
    "isnan",
    "iszero",
    "lcm",
    "ln",
    "log",
    "log10",
    "log2",
    "nanvl",
    "pi",
    "power",
    "radians",
    "round",
    "signum",
    "sin",
    "sqrt",
    "tan",
    "trunc",
    // times
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "date_trunc",
    "from_unixtime",
    "make_date",
    "now",
    "to_date",
    "to_local_time",
    "to_timestamp",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "to_timestamp_micros",
    "to_timestamp_nanos",
    "to_unixtime",
];

/// Functions whose result can be longer than what they are given, and how much.
const GROWING: &[(&str, Growth)] = &[
    ("concat", Growth::Sum(1)),
    ("concat_ws", Growth::Ws),
    ("overlay", Growth::Sum(1)),
    ("translate", Growth::Sum(4)),
    ("to_char", Growth::Sum(16)),
    ("replace", Growth::Replace),
    ("regexp_replace", Growth::Regex),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// So many times what all arguments have together.
    Sum(usize),
    /// The arguments and the first between them.
    Ws,
    /// The third for each second in the first.
    Replace,
    /// The third for each character of the first.
    Regex,
}

/// All scalar functions.
pub(crate) fn scalar() -> Vec<Arc<ScalarUDF>> {
    static ALL: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
        let inside = ScalarUDF::from(IsInside { signature: Signature::string(1, Volatility::Immutable) });
        let mut all =
            vec![Arc::new(ScalarUDF::from(HasWords::new())), Arc::new(ScalarUDF::from(RecordHas::new())), Arc::new(inside), joined()];
        for f in SessionStateDefaults::default_scalar_functions() {
            if SCALAR.contains(&f.name()) {
                all.push(f);
            } else if let Some((_, growth)) = GROWING.iter().find(|(n, _)| *n == f.name()) {
                all.push(Arc::new(ScalarUDF::from(Bounded { inner: f, growth: *growth })));
            }
        }
        all
    });
    ALL.clone()
}

/// All functions over groups.
pub(crate) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    static ALL: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(SessionStateDefaults::default_aggregate_functions);
    ALL.clone()
}

/// All functions over windows.
pub(crate) fn window() -> Vec<Arc<WindowUDF>> {
    static ALL: LazyLock<Vec<Arc<WindowUDF>>> = LazyLock::new(SessionStateDefaults::default_window_functions);
    ALL.clone()
}

/// What makes operators into functions: ours first.
pub(crate) fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    static ALL: LazyLock<Vec<Arc<dyn ExprPlanner>>> = LazyLock::new(|| {
        let mut all: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(Bars)];
        all.extend(SessionStateDefaults::default_expr_planners());
        all
    });
    ALL.clone()
}

fn too_much(what: &str) -> DataFusionError {
    DataFusionError::ResourcesExhausted(format!("{what} would make more than {} MB of text out of one batch of rows", MOST >> 20))
}

/// Bytes of text in a value, and of its longest.
fn size(value: &ColumnarValue, rows: usize) -> (usize, usize) {
    let each = |lengths: &mut dyn Iterator<Item = usize>| lengths.fold((0, 0), |(sum, most): (usize, usize), n| (sum + n, most.max(n)));
    match value {
        ColumnarValue::Scalar(s) => {
            let n = s.try_as_str().map_or(40, |t| t.map_or(0, str::len));
            (n.saturating_mul(rows.max(1)), n)
        }
        ColumnarValue::Array(a) => match a.data_type() {
            DataType::Utf8View => each(&mut a.as_string_view().views().iter().map(|v| *v as u32 as usize)),
            DataType::Utf8 => each(&mut a.as_string::<i32>().offsets().lengths()),
            DataType::LargeUtf8 => each(&mut a.as_string::<i64>().offsets().lengths()),
            _ => (a.len() * 40, 40),
        },
    }
}

/// A function with a bound on what it makes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl Bounded {
    fn estimate(&self, args: &[ColumnarValue], rows: usize) -> usize {
        let sizes: Vec<(usize, usize)> = args.iter().map(|a| size(a, rows)).collect();
        let sum = sizes.iter().fold(0usize, |n, (s, _)| n.saturating_add(*s));
        let first = sizes.first().copied().unwrap_or_default();
        let third = sizes.get(2).copied().unwrap_or_default();
        match self.growth {
            Growth::Sum(times) => sum.saturating_mul(times),
            Growth::Ws => sum.saturating_add(first.0.saturating_mul(args.len())),
            Growth::Replace => {
                let each = match args.get(1) {
                    Some(ColumnarValue::Scalar(s)) => s.try_as_str().flatten().map_or(1, str::len).max(1),
                    _ => 1,
                };
                sum.saturating_add((first.0 / each).saturating_mul(third.1))
            }
            Growth::Regex => sum.saturating_add(first.0.saturating_add(rows).saturating_mul(third.1)),
        }
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }
    fn signature(&self) -> &Signature {
        self.inner.signature()
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.estimate(&args.args, args.number_rows) > MOST {
            return Err(too_much(self.name()));
        }
        self.inner.invoke_with_args(args)
    }
}

/// `a || b`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
}

fn joined() -> Arc<ScalarUDF> {
    static JOINED: LazyLock<Arc<ScalarUDF>> =
        LazyLock::new(|| Arc::new(ScalarUDF::from(Joined { signature: Signature::user_defined(Volatility::Immutable) })));
    Arc::clone(&JOINED)
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &'static str {
        "join_text"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() != 2 {
            return datafusion::common::plan_err!("|| joins two texts");
        }
        Ok(vec![DataType::Utf8; 2])
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        if args.args.iter().map(|a| size(a, rows).0).fold(0usize, usize::saturating_add) > MOST {
            return Err(too_much("||"));
        }
        let scalars = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalars { 1 } else { rows };
        let texts = args.args.iter().map(|a| Ok(cast(&a.to_array(rows)?, &DataType::Utf8)?)).collect::<Result<Vec<ArrayRef>>>()?;
        let [a, b] = texts.as_slice() else { return datafusion::common::plan_err!("|| joins two texts") };
        let mut out = StringBuilder::new();
        for (a, b) in a.as_string::<i32>().iter().zip(b.as_string::<i32>().iter()) {
            out.append_option(a.zip(b).map(|(a, b)| [a, b].concat()));
        }
        let out: ArrayRef = Arc::new(out.finish());
        if scalars {
            return Ok(ColumnarValue::Scalar(datafusion::scalar::ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }
}

/// `is_inside(address)`: an Internet address of the ranges that are not routed outside, or one for many (multicast, broadcast).
#[derive(Debug, PartialEq, Eq, Hash)]
struct IsInside {
    signature: Signature,
}

impl ScalarUDFImpl for IsInside {
    fn name(&self) -> &'static str {
        "is_inside"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(address) = args.args.first() else { return datafusion::common::plan_err!("is_inside takes an address") };
        let texts = cast(&address.to_array(args.number_rows)?, &DataType::Utf8View)?;
        let inside = |t: &str| t.parse::<IpAddr>().ok().map(|ip| model::net::is_private(ip) || !model::net::is_unicast(ip));
        let inside: BooleanArray = texts.as_string_view().iter().map(|t| t.and_then(inside)).collect();
        Ok(ColumnarValue::Array(Arc::new(inside)))
    }
}

/// Makes `||` into [`Joined`].
#[derive(Debug)]
struct Bars;

impl ExprPlanner for Bars {
    fn plan_binary_op(&self, expr: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if expr.op == BinaryOperator::StringConcat {
            let call = ScalarFunction::new_udf(joined(), vec![expr.left, expr.right]);
            return Ok(PlannerResult::Planned(Expr::ScalarFunction(call)));
        }
        Ok(PlannerResult::Original(expr))
    }
}
