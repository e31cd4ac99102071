//! One question from text to rows.

use super::error::{Around, AskError};
use super::files::Tally;
use super::guard::{self, Checked};
use super::provider::{Held, Segments};
use super::{Answer, CATALOG, Cancel, Limits, SCHEMA, Scanned, Scope, Source, TableData, Value, functions};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::{DataFusionError, ParamValues, Result};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures_core::Stream;
use model::event::Table;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// Asks. Blocks until the answer is there; call it where blocking is fine (a thread of a blocking pool).
pub fn ask(source: &dyn Source, scope: &Scope, sql: &str, limits: &Limits, cancel: &Cancel, explain: bool) -> Result<Answer, AskError> {
    ask_with(source, scope, sql, &[], limits, cancel, explain)
}

/// Asks with values for `$name`s. Values never become part of the text.
pub fn ask_with(
    source: &dyn Source,
    scope: &Scope,
    sql: &str,
    values: &[(&str, Value)],
    limits: &Limits,
    cancel: &Cancel,
    explain: bool,
) -> Result<Answer, AskError> {
    let began = Instant::now();
    // A thread of its own: this may be called from a thread that belongs to some runtime, where another cannot be waited for.
    let thread = std::thread::Builder::new().name(String::from("ask")).stack_size(STACK);
    std::thread::scope(|s| {
        let asked = thread.spawn_scoped(s, || {
            let checked = guard::check(sql, scope)?;
            let mut tables = HashMap::new();
            for table in &checked.tables {
                tables.insert(*table, Arc::new(Held(source.table(*table)?)));
            }
            let question = Question {
                checked,
                tables,
                scope: scope.clone(),
                values: values.iter().map(|(n, v)| (String::from(*n), v.scalar().into())).collect::<HashMap<_, _>>(),
                limits: *limits,
                explain,
                began,
                tally: Arc::default(),
            };
            question.run(cancel)
        });
        match asked {
            Ok(asked) => asked.join().unwrap_or_else(|_| Err(fault())).map(|mut answer| {
                answer.notes.extend(of_erased(&answer, &source.erased(), scope));
                answer
            }),
            Err(e) => Err(AskError::Engine { what: format!("no thread could be started: {e}") }),
        }
    })
}

/// Says which rows are empty because their records were erased on request: a value that is missing must not look as if it had never been there.
fn of_erased(answer: &Answer, erased: &[(u64, u64)], scope: &Scope) -> Option<String> {
    let all: u64 = erased.iter().map(|(first, last)| last - first + 1).sum();
    if all == 0 {
        return None;
    }
    let seqs: Option<Vec<u64>> =
        answer.batches.iter().map(|b| crate::columns::numbers(b, "seq")).collect::<Option<Vec<_>>>().map(|s| s.concat());
    let Some(seqs) = seqs.filter(|_| !answer.batches.is_empty()) else {
        // How many there are elsewhere is not for one who may see a part only.
        let said = format!(
            "{all} records were erased on request (消去済み): what they said is not found, and their rows have no addresses, names and text"
        );
        return (!scope.narrow()).then_some(said);
    };
    let is_erased = |seq: &u64| {
        let after = erased.partition_point(|(first, _)| first <= seq);
        after.checked_sub(1).and_then(|i| erased.get(i)).is_some_and(|(_, last)| seq <= last)
    };
    let here: Vec<u64> = seqs.into_iter().filter(is_erased).collect();
    let mut named: Vec<String> = here.iter().take(20).map(|s| format!("#{s}")).collect();
    if here.len() > named.len() {
        named.push(String::from("…"));
    }
    (!here.is_empty()).then(|| {
        format!("{} of these records were erased on request (消去済み), not empty from the start: {}", here.len(), named.join(" "))
    })
}

/// Planning recurses; the engine takes more stack where it needs it, and what is dropped recurses too.
const STACK: usize = 16 << 20;

/// How often the flag to stop and the growth of the process are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What decoding and the like may take besides what the memory pool sees.
const BESIDES: usize = 256 << 20;

/// What all running questions may let the process grow by.
static ALLOWED: AtomicUsize = AtomicUsize::new(0);

struct Allowed(usize);

impl Allowed {
    fn new(limits: &Limits) -> Allowed {
        let n = limits.memory.saturating_add(BESIDES).min(usize::MAX >> 8);
        ALLOWED.fetch_add(n, Ordering::Relaxed);
        Allowed(n)
    }
}

impl Drop for Allowed {
    fn drop(&mut self) {
        ALLOWED.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Resident bytes of this process, where the system tells.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

fn fault() -> AskError {
    AskError::Engine { what: String::from("the engine met a fault of its own; the question has been stopped, nothing else is concerned") }
}

struct Question {
    checked: Checked,
    tables: HashMap<Table, Arc<Held>>,
    scope: Scope,
    values: HashMap<String, datafusion::common::metadata::ScalarAndMetadata>,
    limits: Limits,
    explain: bool,
    began: Instant,
    tally: Arc<Tally>,
}

impl Question {
    fn run(self, cancel: &Cancel) -> Result<Answer, AskError> {
        let limits = self.limits;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(limits.threads.clamp(1, 64))
            .max_blocking_threads(1)
            .thread_name("ask")
            .thread_stack_size(STACK)
            .build()
            .map_err(|e| AskError::Engine { what: format!("no threads could be started: {e}") })?;
        let _allowed = Allowed::new(&limits);
        let (at_first, began) = (resident(), self.began);
        let (done, answered) = std::sync::mpsc::sync_channel(1);
        runtime.spawn(async move {
            let answer = self.answer().await;
            let _ = done.send(answer);
        });
        // Watched from outside of the runtime: its own timers stand still while all its threads are in the middle of a batch.
        let answer = loop {
            if cancel.is_cancelled() {
                break Err(AskError::Cancelled);
            }
            let left = limits.time.saturating_sub(began.elapsed());
            if left.is_zero() {
                break Err(AskError::TooSlow { limit: limits.time });
            }
            match answered.recv_timeout(left.min(LOOK)) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Disconnected) => break Err(fault()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let grown = resident().zip(at_first).map_or(0, |(now, first)| now.saturating_sub(first));
            if grown > ALLOWED.load(Ordering::Relaxed) {
                break Err(AskError::TooMuchMemory { limit: limits.memory, what: format!("the process grew by {} MB", grown >> 20) });
            }
        };
        // What is in the middle of a batch ends by itself; nobody waits for it.
        runtime.shutdown_background();
        answer
    }

    async fn answer(self) -> Result<Answer, AskError> {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(self.limits.memory));
        let (memory, narrow, tally) = (self.limits.memory, self.scope.narrow(), Arc::clone(&self.tally));
        let answered = self.rows(&pool).await;
        let functions = || functions::scalar().iter().map(|f| String::from(f.name())).collect::<Vec<_>>();
        let around = Around { memory, narrow, last_files: &|| tally.last_files(), functions: &functions };
        answered.map_err(|e| around.error(&e))
    }

    async fn rows(self, pool: &Arc<dyn MemoryPool>) -> Result<Answer> {
        let state = self.session(pool)?;
        // How much there was to read tells of rows that may not be seen.
        let narrow = self.scope.narrow();
        let Question { checked, values, limits, explain, began, tally, .. } = self;
        let mut plan = state.statement_to_plan(checked.statement).await?;
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(&plan)?;
        if !values.is_empty() {
            plan = plan.with_param_values(ParamValues::Map(values))?;
        }
        if checked.rows {
            // One more than may be given, to know whether there are more.
            plan = LogicalPlanBuilder::from(plan).limit(0, Some(limits.rows.saturating_add(1).min(1 << 40)))?.build()?;
        }
        let plan = state.optimize(&plan)?;
        let shown = explain.then(|| plan.display_indent().to_string());
        let plan = state.query_planner().create_physical_plan(&plan, &state).await?;
        let stream = execute_stream(Arc::clone(&plan), state.task_ctx())?;
        let mut collected = collect(stream, pool, limits.rows).await?;
        let count = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
        let scanned = Scanned {
            files: count(&tally.files),
            files_skipped: count(&tally.files_skipped),
            row_groups: count(&tally.row_groups),
            row_groups_skipped: count(&tally.row_groups_skipped),
            row_groups_read: count(&tally.row_groups_read),
            bytes: count(&tally.bytes),
        };
        let scanned = if narrow { Scanned::default() } else { scanned };
        let explain = shown.map(|logical| explained(&logical, &plan, narrow));
        drop((plan, state));
        Ok(Answer {
            rows: collected.rows,
            cut: collected.cut,
            schema: collected.schema,
            batches: std::mem::take(&mut collected.batches),
            took: began.elapsed(),
            explain,
            scanned,
            notes: tally.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        })
    }

    /// A session that knows our tables and functions and nothing else: no files, no stores, no formats, no settings.
    fn session(&self, pool: &Arc<dyn MemoryPool>) -> Result<SessionState> {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.limits.threads.clamp(1, 64))
            .with_batch_size(8192)
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true)
            .with_repartition_file_scans(false);
        let options = config.options_mut();
        options.execution.enable_recursive_ctes = false;
        options.execution.parquet.pushdown_filters = true;
        options.execution.parquet.reorder_filters = true;
        options.execution.time_zone = Some(String::from("UTC"));
        options.explain.logical_plan_only = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::clone(pool))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_scalar_functions(functions::scalar())
            .with_aggregate_functions(functions::aggregate())
            .with_window_functions(functions::window())
            .with_expr_planners(functions::planners())
            .build();
        let catalog = MemoryCatalogProvider::new();
        let views = MemorySchemaProvider::new();
        let raws = MemorySchemaProvider::new();
        for table in Table::ALL.into_iter().filter(|t| self.scope.may(*t)) {
            let data = self.tables.get(&table).cloned().unwrap_or_else(|| Arc::new(Held(TableData::default())));
            let segments = |raw| {
                let held = Arc::clone(&data);
                Arc::new(Segments::new(table, raw, held, &self.scope, self.limits.threads, Arc::clone(&self.tally)))
            };
            views.register_table(table.name().into(), segments(false))?;
            if self.scope.raw() {
                raws.register_table(table.name().into(), segments(true))?;
            }
        }
        catalog.register_schema(SCHEMA, Arc::new(views))?;
        if self.scope.raw() {
            catalog.register_schema(guard::RAW, Arc::new(raws))?;
        }
        state.catalog_list().register_catalog(CATALOG.into(), Arc::new(catalog));
        Ok(state)
    }
}

fn explained(logical: &str, plan: &Arc<dyn ExecutionPlan>, narrow: bool) -> String {
    let shown = if narrow { DisplayableExecutionPlan::new(plan.as_ref()) } else { DisplayableExecutionPlan::with_metrics(plan.as_ref()) };
    format!("{logical}\n\n{}", shown.indent(false))
}

struct Collected {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
    cut: bool,
}

/// Takes rows up to the limit. Views point into whole pages of files, so text is copied out; what is kept counts against the memory limit.
async fn collect(mut stream: SendableRecordBatchStream, pool: &Arc<dyn MemoryPool>, most: usize) -> Result<Collected> {
    let schema = plain_schema(&stream.schema());
    let kept = MemoryConsumer::new("answer").register(pool);
    let mut all = Collected { schema, batches: Vec::new(), rows: 0, cut: false };
    while let Some(batch) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        let mut batch = batch?;
        if batch.num_rows() > most - all.rows {
            all.cut = true;
            batch = batch.slice(0, most - all.rows);
        }
        if batch.num_rows() > 0 {
            kept.try_grow(text_bytes(&batch))?;
            let batch = plain(&batch, &all.schema)?;
            all.rows += batch.num_rows();
            all.batches.push(batch);
        }
        if all.cut {
            break;
        }
    }
    Ok(all)
}

/// What a batch takes once its text is copied out.
fn text_bytes(batch: &RecordBatch) -> usize {
    use datafusion::arrow::array::AsArray;
    let one = |a: &ArrayRef| match a.data_type() {
        DataType::Utf8View => a.as_string_view().views().iter().map(|v| *v as u32 as usize + 4).sum(),
        DataType::BinaryView => a.as_binary_view().views().iter().map(|v| *v as u32 as usize + 4).sum(),
        _ => a.to_data().get_slice_memory_size().unwrap_or_else(|_| a.get_array_memory_size()),
    };
    batch.columns().iter().map(one).sum()
}

fn plain_type(t: &DataType) -> DataType {
    match t {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| Arc::new(Field::new(f.name(), plain_type(f.data_type()), f.is_nullable())));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(c, f)| cast(c, f.data_type()));
    let columns = columns.collect::<std::result::Result<Vec<ArrayRef>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
