//! Questions from outside: answers, what is skipped, what is refused, limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod columns_doc;
mod find;
mod hostile;
mod named;
mod scope;
mod search;

use datafusion::arrow::array::{Array, RecordBatch, TimestampNanosecondArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use model::activity::{Act, Activity, Dns, Head, Http, Login, Modbus, Outcome, Protocol, Tls};
use model::coverage::{Health, Quality};
use model::event::{Audit, Deed, LogRecord, Table};
use model::flow::{Direction, FlowEnd, FlowState};
use model::net::{Endpoint, Segment, Transport};
use model::observation::{Observation, Via};
use model::{Body, Flow, FlowId, Mac, NewEvent, SourceId, Time};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use vault::AnyDisk;
use vault::VaultError;
use vault::ask::{Answer, AskError, Cancel, Limits, Scope, SegmentFile, Source, TableData, ask, format, words};
use vault::columns::{self, RowBuilder};

/// 2026-05-01T00:00:00Z.
pub(crate) const DAY: i64 = 1_777_593_600;

pub(crate) fn at(second: i64) -> Time {
    Time::from_unix(DAY + second, 0)
}

pub(crate) fn end(n: u8, port: u16) -> Endpoint {
    Endpoint { mac: Some(Mac([2, 0, 0, 0, 0, n])), ip: Some(IpAddr::V4(Ipv4Addr::new(192, 168, 0, n))), port: Some(port) }
}

pub(crate) fn event(second: i64, body: Body) -> NewEvent {
    NewEvent { source: SourceId(1), received: at(second), happened: None, body }
}

pub(crate) fn a_flow(second: i64, client: Endpoint, server: Endpoint, up: u64) -> NewEvent {
    on_segment(second, client, server, up, Segment { sensor: SourceId(1), vlan: 10 })
}

pub(crate) fn on_segment(second: i64, client: Endpoint, server: Endpoint, up: u64, segment: Segment) -> NewEvent {
    let t = at(second);
    let flow = Flow {
        id: FlowId(second as u64),
        segment,
        transport: Transport::Tcp,
        client,
        server,
        protocol: Some(Protocol::Tls),
        first: t,
        last: t,
        started: t,
        part: 0,
        up: Direction { packets: 3, bytes: up, flags: 2 },
        down: Direction { packets: 3, bytes: 10, flags: 18 },
        state: FlowState::Closed,
        end: FlowEnd::Ended,
        gaps: 0,
    };
    event(second, Body::Flow(Box::new(flow)))
}

pub(crate) fn an_act(second: i64, client: Endpoint, server: Endpoint, protocol: Protocol, act: Act) -> NewEvent {
    let head = Head {
        flow: FlowId(second as u64),
        segment: Segment { sensor: SourceId(1), vlan: 10 },
        time: at(second),
        transport: Transport::Tcp,
        protocol,
        client,
        server,
    };
    event(second, Body::Activity(Box::new(Activity { head, act })))
}

pub(crate) fn login(second: i64, user: &str, clear_text: bool) -> NewEvent {
    let act = Login { user: user.into(), outcome: Outcome::Failure, clear_text, ..Login::default() };
    an_act(second, end(7, 40_000), end(9, 21), Protocol::Ftp, Act::Login(act))
}

pub(crate) fn modbus(second: i64, client: u8, write: bool, address: u16) -> NewEvent {
    let m = Modbus { unit: 1, function: if write { 16 } else { 3 }, address: Some(address), count: Some(2), write, ..Modbus::default() };
    an_act(second, end(client, 40_000), end(50, 502), Protocol::Modbus, Act::Modbus(m))
}

pub(crate) fn dns(second: i64, client: u8, name: &str) -> NewEvent {
    let d = Dns { questions: vec![(name.into(), 1)], ..Dns::default() };
    an_act(second, end(client, 40_000), end(1, 53), Protocol::Dns, Act::Dns(d))
}

pub(crate) fn tls(second: i64, client: u8, name: &str) -> NewEvent {
    let t = Tls { sni: name.into(), ..Tls::default() };
    an_act(second, end(client, 40_000), end(2, 443), Protocol::Tls, Act::Tls(t))
}

pub(crate) fn http(second: i64, client: u8, host: &str) -> NewEvent {
    let h = Http { method: "GET".into(), host: host.into(), path: "/".into(), ..Http::default() };
    an_act(second, end(client, 40_000), end(2, 80), Protocol::Http, Act::Http(h))
}

pub(crate) fn line(second: i64, text: &str) -> NewEvent {
    let log = LogRecord { host: "srv-1".into(), application: "sshd".into(), level: Some(4), text: text.into(), ..LogRecord::default() };
    event(second, Body::Log(Box::new(log)))
}

pub(crate) fn health(second: i64, quality: Quality) -> NewEvent {
    let h = Health {
        sensor: SourceId(1),
        from: at(second),
        to: at(second + 10),
        packets: 100,
        bytes: 10_000,
        kernel_drops: u64::from(quality == Quality::Drops) * 7,
        queue_drops: 0,
        decode_errors: 0,
        quality,
    };
    event(second, Body::Health(h))
}

pub(crate) fn observation(second: i64, n: u8) -> NewEvent {
    let o = Observation { segment: Segment { sensor: SourceId(1), vlan: 10 }, mac: end(n, 0).mac, ip: end(n, 0).ip, via: Via::Arp };
    event(second, Body::Observation(o))
}

pub(crate) fn audit(second: i64) -> NewEvent {
    let a = Audit { number: None, user: None, actor: "佐藤".into(), from: None, action: "start".into(), deed: Deed::Logout };
    event(second, Body::Audit(Box::new(a)))
}

/// A made-up vault: files in a folder and a head.
#[derive(Default)]
pub(crate) struct Made {
    pub tables: HashMap<Table, TableData>,
    pub seq: u64,
}

impl Source for Made {
    fn table(&self, table: Table) -> Result<TableData, VaultError> {
        Ok(self.tables.get(&table).cloned().unwrap_or_default())
    }
}

/// Rows of a row group in tests: few, so that there are many.
pub(crate) const GROUP: usize = 100;

pub(crate) fn properties() -> WriterProperties {
    let mut p = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_max_row_group_row_count(Some(GROUP))
        .set_data_page_row_count_limit(20)
        .set_write_batch_size(20)
        .set_statistics_enabled(EnabledStatistics::Page);
    for c in ["client_mac", "client_ip", "server_mac", "server_ip", "mac", "ip", "sender"] {
        p = p.set_column_bloom_filter_enabled(ColumnPath::from(c), true).set_column_bloom_filter_max_ndv(ColumnPath::from(c), 1000);
    }
    p.build()
}

impl Made {
    fn batches(&mut self, events: &[NewEvent]) -> HashMap<Table, RecordBatch> {
        let mut builders: HashMap<Table, RowBuilder> = HashMap::new();
        for e in events {
            let mut groups = proof::canon::Groups::default();
            proof::canon::write(e, &mut groups).unwrap();
            self.seq += 1;
            let b = builders.entry(e.body.table()).or_insert_with(|| RowBuilder::new(e.body.table()));
            b.push(self.seq, self.seq / 1000, groups.all()).unwrap();
        }
        builders.into_iter().map(|(t, mut b)| (t, b.finish().unwrap())).collect()
    }

    /// Seals records: a file for each table.
    pub(crate) fn seal(&mut self, dir: &Path, events: &[NewEvent]) {
        for (table, batch) in self.batches(events) {
            self.seal_batch(dir, table, &batch);
        }
    }

    pub(crate) fn seal_batch(&mut self, dir: &Path, table: Table, batch: &RecordBatch) {
        let numbers =
            |c: &str| batch.column_by_name(c).unwrap().as_any().downcast_ref::<datafusion::arrow::array::UInt64Array>().unwrap().clone();
        let times = |c: &str| {
            let a = batch.column_by_name(c).unwrap().as_any().downcast_ref::<TimestampNanosecondArray>().unwrap().clone();
            (a.values().iter().copied().min().unwrap(), a.values().iter().copied().max().unwrap())
        };
        let seq = numbers("seq");
        let (first, last) = (seq.value(0), seq.value(seq.len() - 1));
        let path = dir.join(format!("{}-{first}-{last}-0.parquet", table.name()));
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), columns::of(table).schema.clone(), Some(properties())).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        let filter = (table == Table::Log).then(|| {
            let beside = path.with_extension("parquet.words");
            let mut out = words::build(&AnyDisk::default(), &path, BufWriter::new(File::create(&beside).unwrap())).unwrap();
            out.flush().unwrap();
            beside
        });
        let (time, received) = (times("time"), times("received"));
        self.tables.entry(table).or_default().files.push(SegmentFile {
            bytes: path.metadata().unwrap().len(),
            path,
            rows: batch.num_rows() as u64,
            first_seq: first,
            last_seq: last,
            min_time: time.0,
            max_time: time.1,
            min_received: received.0,
            max_received: received.1,
            words: filter,
            disk: AnyDisk::default(),
        });
    }

    /// Records that are not sealed yet.
    pub(crate) fn head(&mut self, events: &[NewEvent]) {
        for (table, batch) in self.batches(events) {
            self.tables.entry(table).or_default().head.push(batch);
        }
    }

    pub(crate) fn ask(&self, sql: &str) -> Result<Answer, AskError> {
        ask(self, &Scope::all(), sql, &Limits::default(), &Cancel::new(), true)
    }
}

/// An answer as CSV without its header.
pub(crate) fn csv(answer: &Answer) -> String {
    let mut out = Vec::new();
    format::write(answer, format::Format::Csv { bom: false, disarm: false }, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.split_once('\n').unwrap().1.trim_end().into()
}

/// Asks and gives CSV.
pub(crate) fn rows(made: &Made, sql: &str) -> String {
    let answer = made.ask(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    assert!(answer.notes.is_empty(), "{:?}", answer.notes);
    csv(&answer)
}
