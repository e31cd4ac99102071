//! Columns: how a record of each table lies in a segment file, and back (docs/store-columns.md).
//!
//! A column is a leaf of the record's tree in ordinary clothes: a number, a time, text. What has no column stays in four `rest_…`
//! columns, so a row is the record, byte for byte ([`proof::canon::columns`]). Besides, a few **helps** are derived for questions and
//! ignored when the record is put together again: `time`, `kind`, `about`.
//!
//! Evolution: a column's name always means the same place in the tree. New columns may come; an older file has that value in its rest. Columns
//! may stop being written; they stay known here.

use crate::error::VaultError;
use datafusion::arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampNanosecondArray, TimestampNanosecondBuilder, UInt64Array, UInt64Builder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use model::event::Table;
use model::{Mac, NewEvent};
use proof::canon::columns::{Column, Kind, Layout, Value};
use proof::canon::{self, Groups};
use proof::names;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

const CORE: usize = 0;
const ADDRESSES: usize = 1;
const NAMES: usize = 2;
const TEXT: usize = 3;

/// Names of the columns that hold what has no column.
pub(crate) const RESTS: [&str; 4] = ["rest_core", "rest_addresses", "rest_names", "rest_text"];
/// What stands in for the batch's secret where that was destroyed: of a record that was erased on request, the salt of the core and the
/// hashes of the other groups; of another record of the same batch, its four salts.
pub(crate) const ERASED: &str = "erased";
/// Bytes of [`ERASED`] for an erased record: a salt and three hashes.
pub(crate) const ERASED_BYTES: usize = 16 + 3 * 32;
/// Bytes of [`ERASED`] for another record of the batch: four salts.
pub(crate) const SALTS_BYTES: usize = 4 * 16;
/// Columns that hold addresses, for bloom filters.
pub(crate) const ADDRESS_COLUMNS: [&str; 7] = ["client_mac", "client_ip", "server_mac", "server_ip", "mac", "ip", "sender"];

/// Numbers with too many values for a dictionary: they are kept as differences.
pub(crate) const MANY_VALUED: [&str; 15] = [
    "seq",
    "batch",
    "flow",
    "client_port",
    "packets_up",
    "packets_down",
    "bytes_up",
    "bytes_down",
    "modbus_transaction",
    "dns_id",
    "http_request_bytes",
    "http_response_bytes",
    "process",
    "packets",
    "bytes",
];
/// Tables whose records hold words: what systems wrote, what people did, names on the wire.
pub(crate) const WORDED: [Table; 5] = [Table::Activity, Table::Finding, Table::Audit, Table::Log, Table::Evidence];

/// Columns of a table in which words are looked for: text, addresses, and what has no column of its own. Of conversations and observations
/// that is addresses, of sensors nothing.
pub(crate) fn worded(table: Table) -> Vec<&'static str> {
    let columns = of(table).layout.columns.iter();
    let text = columns.filter(|c| c.kind == Kind::Text || (c.kind == Kind::Bytes && c.group == ADDRESSES)).map(|c| c.name);
    let [core, _, names, text_rest] = RESTS;
    let rests = if WORDED.contains(&table) { vec![core, names, text_rest] } else { Vec::new() };
    text.chain(rests).collect()
}

/// Whether the word filters of every table that has a column of this name are over it too.
pub(crate) fn is_worded(name: &str) -> bool {
    let has = |t: &Table| of(*t).schema.field_with_name(name).is_ok();
    let mut tables = WORDED.iter().filter(|t| has(t)).peekable();
    tables.peek().is_some() && tables.all(|t| worded(*t).contains(&name))
}

/// Columns of a table that hold addresses.
pub(crate) fn addressed(table: Table) -> Vec<&'static str> {
    of(table).layout.columns.iter().map(|c| c.name).filter(|n| ADDRESS_COLUMNS.contains(n)).collect()
}

/// How a table lies in columns.
pub struct TableColumns {
    /// The table.
    pub table: Table,
    /// Columns that are leaves of the record.
    pub layout: Layout,
    /// All columns of a file.
    pub schema: SchemaRef,
}

/// `name=path` with `.` between; `kind` by the first letter (n number, t time, f flag, s text, e name, b bytes), then the group's (c a n t).
fn spec(table: Table) -> &'static str {
    match table {
        Table::Flow => {
            "nc flow=id; nc sensor=segment.sensor; nc vlan=segment.vlan; ec transport=transport; ba client_mac=client.mac; \
             ba client_ip=client.ip; nc client_port=client.port; ba server_mac=server.mac; ba server_ip=server.ip; nc server_port=server.port; \
             ec protocol=protocol; tc first=first; tc last=last; tc started=started; nc part=part; nc packets_up=up.packets; nc bytes_up=up.bytes; \
             nc flags_up=up.flags; nc packets_down=down.packets; nc bytes_down=down.bytes; nc flags_down=down.flags; ec state=state; ec end=end; nc gaps=gaps"
        }
        Table::Activity => {
            "nc flow=head.flow; nc sensor=head.segment.sensor; nc vlan=head.segment.vlan; tc seen=head.time; ec transport=head.transport; \
             ec protocol=head.protocol; ba client_mac=head.client.mac; ba client_ip=head.client.ip; nc client_port=head.client.port; \
             ba server_mac=head.server.mac; ba server_ip=head.server.ip; nc server_port=head.server.port; \
             sn login_user=act.login.user; ec login_outcome=act.login.outcome; fc login_clear_text=act.login.clear_text; \
             nc modbus_unit=act.modbus.unit; nc modbus_function=act.modbus.function; fc modbus_response=act.modbus.response; \
             nc modbus_exception=act.modbus.exception; nc modbus_address=act.modbus.address; nc modbus_count=act.modbus.count; \
             fc modbus_write=act.modbus.write; nc modbus_transaction=act.modbus.transaction; \
             sc http_method=act.http.method; sn http_host=act.http.host; sn http_path=act.http.path; nc http_status=act.http.status; \
             sn http_user_agent=act.http.user_agent; nc http_request_bytes=act.http.request_bytes; nc http_response_bytes=act.http.response_bytes; \
             sn tls_sni=act.tls.sni; sc tls_ja4=act.tls.ja4; st banner=act.banner.text; sn ssh_client=act.ssh.client; sn ssh_server=act.ssh.server; \
             nc dns_id=act.dns.id; fc dns_response=act.dns.response; nc dns_rcode=act.dns.rcode; \
             ec smb_kind=act.smb.kind; sn smb_share=act.smb.share; sn smb_file=act.smb.file; nc smb_status=act.smb.status"
        }
        Table::Observation => "nc sensor=segment.sensor; nc vlan=segment.vlan; ba mac=mac; ba ip=ip; ec via=via",
        Table::Finding => {
            "bc finding=id; sn key=key; sc rule=rule; nc revision=revision; ec severity=severity; ec step=step; tc at=at; \
             nc count=happened; bc asset=asset"
        }
        Table::Audit => "bc user=user; sn actor=actor; ba from=from; sc action=action; nc number=number",
        Table::Health => {
            "nc sensor=sensor; tc from=from; tc to=to; nc packets=packets; nc bytes=bytes; nc kernel_drops=kernel_drops; \
             nc queue_drops=queue_drops; nc decode_errors=decode_errors; ec quality=quality"
        }
        Table::Log => {
            "sn host=host; sn application=application; nc process=process; nc facility=facility; nc level=level; sc message_id=message_id; \
             ba sender=sender; sc encoding=encoding; st text=text; fc cut=cut"
        }
        Table::Evidence => {
            "sn objective=objective; sc check=check; ec verdict=verdict; nc population=population; tc until=until; st note=note"
        }
    }
}

/// Helps that a table has besides `time`.
fn helps(table: Table) -> &'static [&'static str] {
    match table {
        Table::Activity | Table::Audit => &["kind", "about"],
        _ => &[],
    }
}

fn number_of(name: &str) -> u16 {
    names::by_name(name).map_or(0, |n| n.number)
}

fn columns_of(table: Table) -> Vec<Column> {
    let body = number_of("body");
    let mut list = vec![
        Column { name: "source", kind: Kind::Number, group: CORE, path: vec![number_of("source")] },
        Column { name: "received", kind: Kind::Time, group: CORE, path: vec![number_of("received")] },
        Column { name: "happened", kind: Kind::Time, group: CORE, path: vec![number_of("happened"), number_of("at")] },
    ];
    for part in spec(table).split(';') {
        let Some((kind, rest)) = part.trim().split_once(' ') else { continue };
        let Some((name, path)) = rest.split_once('=') else { continue };
        let mut letters = kind.chars();
        let kind = match letters.next() {
            Some('n') => Kind::Number,
            Some('t') => Kind::Time,
            Some('f') => Kind::Flag,
            Some('s') => Kind::Text,
            Some('e') => Kind::Name,
            _ => Kind::Bytes,
        };
        let group = match letters.next() {
            Some('a') => ADDRESSES,
            Some('n') => NAMES,
            Some('t') => TEXT,
            _ => CORE,
        };
        let path = [body, number_of(table.name())].into_iter().chain(path.split('.').map(number_of)).collect();
        list.push(Column { name, kind, group, path });
    }
    list
}

fn type_of(kind: Kind) -> DataType {
    match kind {
        Kind::Number => DataType::UInt64,
        Kind::Time => time_type(),
        Kind::Flag => DataType::Boolean,
        Kind::Text | Kind::Name | Kind::Bytes => DataType::Utf8,
    }
}

pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

static TABLES: LazyLock<Vec<TableColumns>> = LazyLock::new(|| {
    Table::ALL
        .into_iter()
        .map(|table| {
            let columns = columns_of(table);
            let mut fields = vec![
                Field::new("seq", DataType::UInt64, false),
                Field::new("batch", DataType::UInt64, false),
                Field::new("time", time_type(), false),
            ];
            fields.extend(columns.iter().map(|c| Field::new(c.name, type_of(c.kind), true)));
            fields.extend(helps(table).iter().map(|h| Field::new(*h, DataType::Utf8, true)));
            fields.extend(RESTS.iter().map(|r| Field::new(*r, DataType::Binary, true)));
            fields.push(Field::new(ERASED, DataType::Binary, true));
            TableColumns { table, layout: Layout::new(columns), schema: Arc::new(Schema::new(fields)) }
        })
        .collect()
});

/// How a table lies in columns.
pub fn of(table: Table) -> &'static TableColumns {
    // One for each table, in the order of their numbers.
    TABLES.get(table as usize).unwrap_or_else(|| TABLES.first().unwrap_or_else(|| unreachable_table()))
}

/// There is a table for each value of [`Table`]; this keeps `of` without a panic.
fn unreachable_table() -> &'static TableColumns {
    static NONE: LazyLock<TableColumns> =
        LazyLock::new(|| TableColumns { table: Table::Flow, layout: Layout::default(), schema: Arc::new(Schema::empty()) });
    &NONE
}

enum Build {
    Number(UInt64Builder),
    Time(TimestampNanosecondBuilder),
    Flag(BooleanBuilder),
    Text(StringBuilder),
}

/// Gathers records of one table into columns.
pub struct RowBuilder {
    columns: &'static TableColumns,
    seq: UInt64Builder,
    batch: UInt64Builder,
    time: TimestampNanosecondBuilder,
    builds: Vec<Build>,
    helps: Vec<StringBuilder>,
    rests: [BinaryBuilder; 4],
    erased: BinaryBuilder,
    rows: usize,
    bytes: usize,
    text: String,
    rest: [Vec<u8>; 4],
}

impl RowBuilder {
    /// For a table.
    pub fn new(table: Table) -> RowBuilder {
        let columns = of(table);
        let builds = columns
            .layout
            .columns
            .iter()
            .map(|c| match c.kind {
                Kind::Number => Build::Number(UInt64Builder::new()),
                Kind::Time => Build::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
                Kind::Flag => Build::Flag(BooleanBuilder::new()),
                Kind::Text | Kind::Name | Kind::Bytes => Build::Text(StringBuilder::new()),
            })
            .collect();
        RowBuilder {
            columns,
            seq: UInt64Builder::new(),
            batch: UInt64Builder::new(),
            time: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            builds,
            helps: helps(table).iter().map(|_| StringBuilder::new()).collect(),
            rests: std::array::from_fn(|_| BinaryBuilder::new()),
            erased: BinaryBuilder::new(),
            rows: 0,
            bytes: 0,
            text: String::new(),
            rest: Default::default(),
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Canonical bytes taken so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a record by its canonical groups. Gives the time to reason with.
    pub fn push(&mut self, seq: u64, batch: u64, groups: [&[u8]; 4]) -> Result<i64, VaultError> {
        self.push_with(seq, batch, groups, None)
    }

    /// The same, with what stands in for the batch's secret.
    pub(crate) fn push_with(&mut self, seq: u64, batch: u64, groups: [&[u8]; 4], stand_in: Option<&[u8]>) -> Result<i64, VaultError> {
        let mut values = Vec::with_capacity(self.builds.len());
        let apart = self.columns.layout.take_apart(groups, &mut values, &mut self.rest);
        apart.map_err(|e| VaultError::Record(e.to_string()))?;
        let number = |i: usize| match values.get(i).copied().flatten() {
            Some(Value::Time(t)) => Some(t),
            _ => None,
        };
        // Columns 1 and 2 are `received` and `happened`.
        let time = number(2).or(number(1)).unwrap_or(0);
        self.seq.append_value(seq);
        self.batch.append_value(batch);
        self.time.append_value(time);
        for (build, value) in self.builds.iter_mut().zip(&values) {
            match (build, value) {
                (Build::Number(b), Some(Value::Number(n))) => b.append_value(*n),
                (Build::Number(b), _) => b.append_null(),
                (Build::Time(b), Some(Value::Time(t))) => b.append_value(*t),
                (Build::Time(b), _) => b.append_null(),
                (Build::Flag(b), Some(Value::Flag(f))) => b.append_value(*f),
                (Build::Flag(b), _) => b.append_null(),
                (Build::Text(b), Some(Value::Text(t))) => b.append_value(t),
                (Build::Text(b), Some(Value::Name(n))) => match names::by_number(u64::from(*n)) {
                    Some(n) => b.append_value(n.name),
                    None => b.append_null(),
                },
                (Build::Text(b), Some(Value::Bytes(bytes))) => {
                    self.text.clear();
                    show_bytes(bytes, &mut self.text);
                    b.append_value(&self.text);
                }
                (Build::Text(b), _) => b.append_null(),
            }
        }
        if !self.helps.is_empty() {
            let (kind, about) = help(self.columns.table, groups, &values, &self.columns.layout);
            for (b, v) in self.helps.iter_mut().zip([kind, about]) {
                b.append_option(v);
            }
        }
        for (b, r) in self.rests.iter_mut().zip(&self.rest) {
            if r.is_empty() { b.append_null() } else { b.append_value(r) }
        }
        self.erased.append_option(stand_in);
        self.rows += 1;
        self.bytes += groups.iter().map(|g| g.len()).sum::<usize>();
        Ok(time)
    }

    /// What was gathered, and an empty builder again.
    pub fn finish(&mut self) -> Result<RecordBatch, VaultError> {
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(self.seq.finish()), Arc::new(self.batch.finish()), Arc::new(self.time.finish())];
        for b in &mut self.builds {
            arrays.push(match b {
                Build::Number(b) => Arc::new(b.finish()),
                Build::Time(b) => Arc::new(b.finish()),
                Build::Flag(b) => Arc::new(b.finish()),
                Build::Text(b) => Arc::new(b.finish()),
            });
        }
        for b in &mut self.helps {
            arrays.push(Arc::new(b.finish()));
        }
        for b in &mut self.rests {
            arrays.push(Arc::new(b.finish()));
        }
        arrays.push(Arc::new(self.erased.finish()));
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.columns.schema), arrays).map_err(|e| VaultError::Record(e.to_string()))
    }
}

/// What happened in one word, and what it was about.
fn help(table: Table, groups: [&[u8]; 4], values: &[Option<Value<'_>>], layout: &Layout) -> (Option<String>, Option<String>) {
    let part = match table {
        Table::Activity => "act",
        _ => "deed",
    };
    let kind = canon::variant_at(groups, &["body", table.name(), part]);
    let column = |name: &str| {
        let i = layout.columns.iter().position(|c| c.name == name)?;
        match values.get(i).copied().flatten()? {
            Value::Text(t) => Some(String::from(t)),
            _ => None,
        }
    };
    let about = match kind.as_deref() {
        Some("login") => column("login_user"),
        Some("http") => column("http_host"),
        Some("tls") => column("tls_sni"),
        Some("banner") => column("banner"),
        Some("smb") => column("smb_file").or_else(|| column("smb_share")),
        Some("ssh") => column("ssh_server"),
        Some("dns") => canon::text_at(groups, &["body", "activity", "act", "dns", "questions"]),
        Some("quic") => canon::text_at(groups, &["body", "activity", "act", "quic", "sni"]),
        Some("mqtt") => canon::text_at(groups, &["body", "activity", "act", "mqtt", "topic"]),
        _ if table == Table::Audit => column("actor"),
        _ => None,
    };
    (kind, about)
}

/// An address or a UUID as ordinary text.
pub(crate) fn show_bytes(bytes: &[u8], out: &mut String) {
    let written = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).map(|b| write!(out, "{}", Ipv4Addr::from(b))).is_ok(),
        6 => <[u8; 6]>::try_from(bytes).map(|b| write!(out, "{}", Mac(b))).is_ok(),
        16 => <[u8; 16]>::try_from(bytes).map(|b| write!(out, "{}", Ipv6Addr::from(b))).is_ok(),
        _ => false,
    };
    debug_assert!(written);
}

fn read_bytes(text: &str, scratch: &mut [u8; 16]) -> Option<usize> {
    let put = |scratch: &mut [u8; 16], b: &[u8]| {
        scratch.get_mut(..b.len())?.copy_from_slice(b);
        Some(b.len())
    };
    // A hardware address has six pairs; an IPv6 address in text never has just that.
    let pairs = text.len() == 17 && text.bytes().enumerate().all(|(i, c)| (i % 3 == 2) == (c == b':'));
    if pairs && let Ok(mac) = text.parse::<Mac>() {
        return put(scratch, &mac.0);
    }
    match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => put(scratch, &v4.octets()),
        IpAddr::V6(v6) => put(scratch, &v6.octets()),
    }
}

/// The numbers of a column; absent ones are left out. `None` where there is no such column of numbers.
pub fn numbers(batch: &RecordBatch, name: &str) -> Option<Vec<u64>> {
    column::<UInt64Array>(batch, name).map(|c| c.iter().flatten().collect())
}

enum Stored<'a> {
    Number(&'a UInt64Array),
    Time(&'a TimestampNanosecondArray),
    Flag(&'a BooleanArray),
    Text(&'a StringArray),
    Missing,
}

/// Reads rows of a batch back into records.
pub struct RowReader<'a> {
    columns: &'static TableColumns,
    seq: &'a UInt64Array,
    batch: &'a UInt64Array,
    stored: Vec<Stored<'a>>,
    rests: [Option<&'a BinaryArray>; 4],
    erased: Option<&'a BinaryArray>,
}

fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a T> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

impl<'a> RowReader<'a> {
    /// Over all columns of a batch of that table.
    pub fn new(table: Table, batch: &'a RecordBatch) -> Result<RowReader<'a>, VaultError> {
        let columns = of(table);
        let missing = |name: &str| VaultError::Record(format!("a segment file has no column {name}"));
        let stored = columns
            .layout
            .columns
            .iter()
            .map(|c| {
                let found = match c.kind {
                    Kind::Number => column(batch, c.name).map(Stored::Number),
                    Kind::Time => column(batch, c.name).map(Stored::Time),
                    Kind::Flag => column(batch, c.name).map(Stored::Flag),
                    Kind::Text | Kind::Name | Kind::Bytes => column(batch, c.name).map(Stored::Text),
                };
                found.unwrap_or(Stored::Missing)
            })
            .collect();
        Ok(RowReader {
            columns,
            seq: column(batch, "seq").ok_or_else(|| missing("seq"))?,
            batch: column(batch, "batch").ok_or_else(|| missing("batch"))?,
            stored,
            rests: RESTS.map(|r| column(batch, r)),
            erased: column(batch, ERASED),
        })
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.seq.len()
    }
    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.seq.is_empty()
    }
    /// The row's seq.
    pub fn seq(&self, row: usize) -> u64 {
        self.seq.value(row)
    }
    /// The batch that it was committed in.
    pub fn batch(&self, row: usize) -> u64 {
        self.batch.value(row)
    }
    /// What stands in for the batch's secret, where that was destroyed.
    pub fn stand_in(&self, row: usize) -> Option<&'a [u8]> {
        self.erased.filter(|e| !e.is_null(row)).map(|e| e.value(row))
    }
    /// Addresses, names and text of the record were erased on request.
    pub fn is_erased(&self, row: usize) -> bool {
        self.stand_in(row).is_some_and(|e| e.len() == ERASED_BYTES)
    }

    /// The record's canonical groups.
    pub fn groups(&self, row: usize, out: &mut Groups) -> Result<(), VaultError> {
        let mut scratch: Vec<([u8; 16], usize)> = vec![([0; 16], 0); self.stored.len()];
        let wrong = |what: &str| VaultError::Record(format!("row {row} of a segment file: {what}"));
        for ((s, c), place) in self.stored.iter().zip(&self.columns.layout.columns).zip(&mut scratch) {
            if let (Stored::Text(a), Kind::Bytes) = (s, c.kind)
                && !a.is_null(row)
            {
                place.1 = read_bytes(a.value(row), &mut place.0).ok_or_else(|| wrong("not an address"))?;
            }
        }
        let mut values = Vec::with_capacity(self.stored.len());
        for ((s, c), place) in self.stored.iter().zip(&self.columns.layout.columns).zip(&scratch) {
            values.push(match s {
                Stored::Number(a) if !a.is_null(row) => Some(Value::Number(a.value(row))),
                Stored::Time(a) if !a.is_null(row) => Some(Value::Time(a.value(row))),
                Stored::Flag(a) if !a.is_null(row) => Some(Value::Flag(a.value(row))),
                Stored::Text(a) if !a.is_null(row) => Some(match c.kind {
                    Kind::Bytes => Value::Bytes(place.0.get(..place.1).unwrap_or(&[])),
                    Kind::Name => Value::Name(names::by_name(a.value(row)).ok_or_else(|| wrong("a name without number"))?.number),
                    _ => Value::Text(a.value(row)),
                }),
                _ => None,
            });
        }
        let rest = self.rests.map(|r| r.filter(|r| !r.is_null(row)).map_or(&[][..], |r| r.value(row)));
        self.columns.layout.put_together(&values, rest, out).map_err(|e| wrong(&e.to_string()))
    }

    /// The record.
    pub fn record(&self, row: usize, scratch: &mut Groups) -> Result<NewEvent, VaultError> {
        self.groups(row, scratch)?;
        canon::from_groups(scratch.all()).map_err(|e| VaultError::Record(e.to_string()))
    }
}
