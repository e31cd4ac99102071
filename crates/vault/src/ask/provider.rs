//! One table of the vault as the engine sees it: sealed files and the unsealed head as one.
//!
//! A scan goes from coarse to fine. Files whose least and greatest time, receipt and seq exclude the conditions are not opened. Of the
//! rest, footers (kept across questions) let row groups go by statistics and by filters ([`super::sift`]). What is left is dealt out to as many parts
//! as there are threads, in order of seq. While reading, pages go by the page index and conditions are worked out column by column before other columns are decoded.

use super::Scope;
use super::fence::Fence;
use super::files::{self, Factory, Footer, Part, Tally};
use super::sift::{Sift, Sifter};
use super::{SegmentFile, TableData};
use crate::columns;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampNanosecondArray, UInt64Array};
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccessPlanFilter};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetFileMetrics, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::{col as column, lit};
use model::event::{AddressKey, Table};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Fewer rows than this are not worth a second thread.
const WORTH_A_THREAD: usize = 100_000;

/// A table of the vault.
#[derive(Debug)]
pub(crate) struct Segments {
    schema: SchemaRef,
    data: Arc<Held>,
    scope: Option<Expr>,
    threads: usize,
    tally: Arc<Tally>,
}

/// Data of a table, shared by its views.
pub(crate) struct Held(pub TableData);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files, {} batches", self.0.files.len(), self.0.head.len())
    }
}

/// The columns of a table for questions: text as views (short ones, as addresses are, stand in the view itself), and without what is only for
/// putting records together again unless `raw`.
pub(crate) fn schema_of(table: Table, raw: bool) -> SchemaRef {
    let fields = columns::of(table).schema.fields().iter();
    let shown = fields.filter(|f| raw || !(columns::RESTS.contains(&f.name().as_str()) || f.name() == columns::ERASED));
    let viewed = shown.map(|f| match f.data_type() {
        DataType::Utf8 => Arc::new(Field::new(f.name(), DataType::Utf8View, f.is_nullable())),
        DataType::Binary => Arc::new(Field::new(f.name(), DataType::BinaryView, f.is_nullable())),
        _ => Arc::clone(f),
    });
    Arc::new(Schema::new(viewed.collect::<Vec<_>>()))
}

impl Segments {
    pub(crate) fn new(table: Table, raw: bool, data: Arc<Held>, scope: &Scope, threads: usize, tally: Arc<Tally>) -> Segments {
        let schema = schema_of(table, raw);
        Segments { scope: scope.condition(&schema), schema, data, threads: threads.max(1), tally }
    }

    fn plan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut filters = filters.to_vec();
        let Some(scope) = &self.scope else { return self.union(session, projection, &filters, limit) };
        filters.push(scope.clone());
        // What the scope looks at is read too, and dropped again above.
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let mut read = wanted.clone();
        for c in scope.column_refs() {
            let i = self.schema.index_of(&c.name)?;
            if !read.contains(&i) {
                read.push(i);
            }
        }
        let below = self.union(session, Some(&read), &filters, None)?;
        let schema = DFSchema::try_from(below.schema())?;
        let narrow = FilterExecBuilder::new(session.create_physical_expr(scope.clone(), &schema)?, below);
        let narrow = narrow.apply_projection(Some((0..wanted.len()).collect()))?.build()?;
        Ok(Fence::around(Arc::new(narrow)))
    }

    fn union(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut parts: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        parts.extend(self.sealed(session, projection, filters, limit)?);
        parts.extend(self.head(projection)?);
        if parts.is_empty() {
            let schema = match projection {
                Some(p) => Arc::new(self.schema.project(p)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        UnionExec::try_new(parts)
    }

    fn sealed(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let files = &self.data.0.files;
        self.tally.files.fetch_add(files.len() as u64, Ordering::Relaxed);
        let pruning = self.pruning(session, filters)?;
        let kept: Vec<bool> = match &pruning {
            Some(p) => p.prune(&Bounds { schema: &self.schema, files }).unwrap_or_else(|_| vec![true; files.len()]),
            None => vec![true; files.len()],
        };
        let sift = Sift::of(filters);
        let mut left: Vec<(&SegmentFile, Arc<Footer>, Vec<usize>)> = Vec::new();
        for (file, kept) in files.iter().zip(kept) {
            if !kept {
                self.tally.files_skipped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let footer = files::footer(&file.disk, &file.path)?;
            let groups = self.row_groups(file, &footer, pruning.as_ref(), &sift)?;
            if groups.is_empty() {
                self.tally.files_skipped.fetch_add(1, Ordering::Relaxed);
            } else {
                left.push((file, footer, groups));
            }
        }
        if left.is_empty() {
            return Ok(None);
        }
        left.sort_by_key(|(f, _, _)| f.first_seq);
        let whole = filters.is_empty();
        let rows: u64 = left.iter().map(|(_, f, g)| g.iter().map(|g| rows_of(f, *g)).sum::<u64>()).sum();
        let groups = self.deal(&left, rows);

        let mut options = TableParquetOptions::default();
        options.global.pushdown_filters = true;
        options.global.reorder_filters = true;
        options.global.enable_page_index = true;
        // Ours are better: sift.rs.
        options.global.bloom_filter_on_read = false;
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(Factory::new(&self.tally)));
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = if whole { Precision::Exact(rows as usize) } else { Precision::Inexact(rows as usize) };
        let by_seq = PhysicalSortExpr::new(col("seq", &self.schema)?, SortOptions::new(false, false));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_output_ordering(LexOrdering::new([by_seq]).into_iter().collect())
            .with_limit(limit.filter(|_| whole))
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(Some(DataSourceExec::from_data_source(scan)))
    }

    /// The conditions as statistics can answer them.
    fn pruning(&self, session: &dyn Session, filters: &[Expr]) -> Result<Option<PruningPredicate>> {
        let Some(all) = conjunction(filters.to_vec()) else { return Ok(None) };
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let Ok(physical) = session.create_physical_expr(all, &schema) else { return Ok(None) };
        Ok(self.pruning_of(&physical))
    }

    fn pruning_of(&self, e: &Arc<dyn PhysicalExpr>) -> Option<PruningPredicate> {
        let built = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema)).try_build(Arc::clone(e));
        built.ok().filter(|p| !p.always_true())
    }

    /// Row groups that are left, by statistics and filters.
    fn row_groups(&self, file: &SegmentFile, footer: &Footer, pruning: Option<&PruningPredicate>, sift: &Sift) -> Result<Vec<usize>> {
        let meta = &footer.meta;
        let count = meta.num_row_groups();
        self.tally.row_groups.fetch_add(count as u64, Ordering::Relaxed);
        let mut left: Vec<usize> = (0..count).collect();
        if let Some(pruning) = pruning {
            let mut plan = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(count));
            let metrics = ParquetFileMetrics::new(0, "", &ExecutionPlanMetricsSet::new());
            plan.prune_by_statistics(&self.schema, meta.file_metadata().schema_descr(), meta.row_groups(), pruning, &metrics);
            left = plan.row_group_indexes().collect();
        }
        if *sift != Sift::Any && !left.is_empty() {
            let sifter = Sifter::new(sift, file, footer, &self.tally)?;
            left.retain(|g| sifter.may_hold(*g));
        }
        self.tally.row_groups_skipped.fetch_add((count - left.len()) as u64, Ordering::Relaxed);
        Ok(left)
    }

    /// Deals row groups out to threads, each a stretch in order of seq.
    fn deal(&self, left: &[(&SegmentFile, Arc<Footer>, Vec<usize>)], rows: u64) -> Vec<FileGroup> {
        let parts = self.threads.min((rows as usize).div_ceil(WORTH_A_THREAD)).max(1) as u64;
        let mut dealt: Vec<Vec<PartitionedFile>> = vec![Vec::new(); parts as usize];
        let mut before = 0u64;
        for (file, footer, groups) in left {
            let mut plans: Vec<Option<ParquetAccessPlan>> = vec![None; parts as usize];
            for g in groups {
                let part = (before * parts / rows.max(1)).min(parts - 1);
                if let Some(plan) = plans.get_mut(part as usize) {
                    plan.get_or_insert_with(|| ParquetAccessPlan::new_none(footer.meta.num_row_groups())).scan(*g);
                }
                before += rows_of(footer, *g);
            }
            for (plan, part) in plans.into_iter().zip(&mut dealt) {
                let Some(plan) = plan else { continue };
                let name = file.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let planned = PartitionedFile::new(name, file.bytes)
                    .with_statistics(Arc::new(self.statistics(file)))
                    .with_arrow_schema(Arc::clone(&footer.schema))
                    .with_extension(plan)
                    .with_extension(Part { path: file.path.clone(), disk: file.disk.clone(), footer: Arc::clone(footer) });
                part.push(planned);
            }
        }
        dealt.into_iter().filter(|d| !d.is_empty()).map(FileGroup::new).collect()
    }

    /// What is known of a file without opening it.
    fn statistics(&self, file: &SegmentFile) -> Statistics {
        let mut s = Statistics::new_unknown(&self.schema);
        s.num_rows = Precision::Exact(file.rows as usize);
        for (field, column) in self.schema.fields().iter().zip(&mut s.column_statistics) {
            if let Some((low, high)) = bounds(file, field) {
                *column = ColumnStatistics {
                    min_value: Precision::Exact(low),
                    max_value: Precision::Exact(high),
                    null_count: Precision::Exact(0),
                    ..ColumnStatistics::new_unknown()
                };
            }
        }
        s
    }

    fn head(&self, projection: Option<&Vec<usize>>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let head = &self.data.0.head;
        if head.iter().all(|b| b.num_rows() == 0) {
            return Ok(None);
        }
        let schema = match projection {
            Some(p) => Arc::new(self.schema.project(p)?),
            None => Arc::clone(&self.schema),
        };
        let shaped = |b: &RecordBatch| -> Result<RecordBatch> {
            let arrays = schema.fields().iter().map(|f| match b.column_by_name(f.name()) {
                Some(c) => Ok(cast(c, f.data_type())?),
                None => Ok(datafusion::arrow::array::new_null_array(f.data_type(), b.num_rows())),
            });
            let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(b.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), arrays.collect::<Result<Vec<ArrayRef>>>()?, &options)?)
        };
        let batches = head.iter().filter(|b| b.num_rows() > 0).map(shaped).collect::<Result<Vec<_>>>()?;
        let mut memory = MemorySourceConfig::try_new(&[batches], Arc::clone(&schema), None)?;
        if let Ok(seq) = col("seq", &schema) {
            let by_seq = LexOrdering::new([PhysicalSortExpr::new(seq, SortOptions::new(false, false))]);
            memory = memory.try_with_sort_information(by_seq.into_iter().collect())?;
        }
        Ok(Some(DataSourceExec::from_data_source(memory)))
    }
}

fn rows_of(footer: &Footer, row_group: usize) -> u64 {
    footer.meta.row_groups().get(row_group).map_or(0, |g| g.num_rows() as u64)
}

fn bounds(file: &SegmentFile, field: &Field) -> Option<(ScalarValue, ScalarValue)> {
    let time = |t| ScalarValue::TimestampNanosecond(Some(t), Some("UTC".into()));
    let number = |n| ScalarValue::UInt64(Some(n));
    match field.name().as_str() {
        "seq" => Some((number(file.first_seq), number(file.last_seq))),
        "time" => Some((time(file.min_time), time(file.max_time))),
        "received" => Some((time(file.min_received), time(file.max_received))),
        _ => None,
    }
}

/// Least and greatest values of files, for the engine's pruning.
struct Bounds<'a> {
    schema: &'a Schema,
    files: &'a [SegmentFile],
}

impl Bounds<'_> {
    fn values(&self, column: &Column, times: impl Fn(&SegmentFile, &str) -> Option<i64>) -> Option<ArrayRef> {
        let field = self.schema.field_with_name(&column.name).ok()?;
        let values: Vec<Option<i64>> = self.files.iter().map(|f| times(f, field.name())).collect();
        values.iter().any(Option::is_some).then_some(())?;
        Some(match field.data_type() {
            DataType::UInt64 => Arc::new(values.into_iter().map(|v| v.map(|v| v as u64)).collect::<UInt64Array>()),
            _ => Arc::new(values.into_iter().collect::<TimestampNanosecondArray>().with_timezone("UTC")),
        })
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |f, c| match c {
            "seq" => Some(f.first_seq as i64),
            "time" => Some(f.min_time),
            "received" => Some(f.min_received),
            _ => None,
        })
    }
    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |f, c| match c {
            "seq" => Some(f.last_seq as i64),
            "time" => Some(f.max_time),
            "received" => Some(f.max_received),
            _ => None,
        })
    }
    fn num_containers(&self) -> usize {
        self.files.len()
    }
    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }
    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.files.iter().map(|f| Some(f.rows)).collect::<UInt64Array>()))
    }
    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

type Planning<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'a>>;

impl TableProvider for Segments {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn table_type(&self) -> TableType {
        TableType::View
    }

    // The shape that the attribute of the trait's definition gives an `async fn`.
    fn scan<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        session: &'life1 dyn Session,
        projection: Option<&'life2 Vec<usize>>,
        filters: &'life3 [Expr],
        limit: Option<usize>,
    ) -> Planning<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(std::future::ready(self.plan(session, projection, filters, limit)))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The engine keeps the condition and offers it to each scan of the plan, which says whether it takes it over.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut s = Statistics::new_unknown(&self.schema);
        let head: usize = self.data.0.head.iter().map(RecordBatch::num_rows).sum();
        let files: u64 = self.data.0.files.iter().map(|f| f.rows).sum();
        s.num_rows = Precision::Inexact(head + files as usize);
        Some(s)
    }
}

/// The condition that narrows a table to segments, where it can be narrowed.
pub(crate) fn condition(segments: &[(u16, u16)], schema: &Schema) -> Expr {
    let has = |c: &str| schema.field_with_name(c).is_ok();
    if !has("sensor") || !has("vlan") {
        return lit(false);
    }
    let mut sensors: Vec<u16> = segments.iter().map(|s| s.0).collect();
    sensors.sort_unstable();
    sensors.dedup();
    let each = sensors.into_iter().map(|sensor| {
        let mut vlans: Vec<u16> = segments.iter().filter(|s| s.0 == sensor).map(|s| s.1).collect();
        vlans.sort_unstable();
        vlans.dedup();
        let vlans = vlans.into_iter().map(|v| lit(u64::from(v))).collect();
        column("sensor").eq(lit(u64::from(sensor))).and(column("vlan").in_list(vlans, false))
    });
    each.reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// The condition that narrows a table to addresses, where it has any.
pub(crate) fn of_addresses(addresses: &[AddressKey], schema: &Schema) -> Expr {
    let (mut macs, mut ips) = (Vec::new(), Vec::new());
    for a in addresses {
        match a {
            AddressKey::Mac(m) => macs.push(lit(m.to_string())),
            AddressKey::Ip(i) => ips.push(lit(i.to_string())),
        }
    }
    let columns = columns::ADDRESS_COLUMNS.iter().filter(|c| schema.field_with_name(c).is_ok());
    let each = columns.filter_map(|c| {
        let wanted = if c.ends_with("mac") { &macs } else { &ips };
        // An absent address is none of them, and must not make the whole condition unknown.
        (!wanted.is_empty()).then(|| column(*c).is_not_null().and(column(*c).in_list(wanted.clone(), false)))
    });
    each.reduce(Expr::or).unwrap_or_else(|| lit(false))
}
