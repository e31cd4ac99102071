//! The vault from outside: what it promises, on good disks and bad ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archives;
mod basics;
mod blobs;
mod crash;
mod damage;
mod duckdb;
mod encryption;
mod erasing;
mod faults;
mod kill;
mod names;
mod pressure;
mod proving;
mod retention;
mod sealing;

use model::activity::Protocol;
use model::event::{Audit, Deed};
use model::flow::{Direction, FlowEnd, FlowState};
use model::net::{Endpoint, Segment, Transport};
use model::observation::{Observation, Via};
use model::{Body, Flow, FlowId, Mac, NewEvent, SiteId, SourceId, Time};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vault::sim::SimDisk;
use vault::{Options, Vault};

/// Python with what tests need from PyPI (scripts/setup makes it), or the system's.
pub(crate) fn python() -> std::process::Command {
    std::process::Command::new(std::env::var_os("HINOMI_PYTHON").unwrap_or_else(|| "python3".into()))
}

pub(crate) const T0: i64 = 1_700_000_000;

pub(crate) fn dir() -> PathBuf {
    PathBuf::from("/data/vault")
}

pub(crate) fn options() -> Options {
    Options {
        retry_first: Duration::from_millis(1),
        retry_max: Duration::from_millis(4),
        close_patience: Duration::from_millis(20),
        now: || Time::from_unix(T0 + 100_000, 0),
        ..Options::default()
    }
}

pub(crate) fn open(disk: &SimDisk) -> Vault {
    open_with(disk, options())
}

pub(crate) fn open_with(disk: &SimDisk, options: Options) -> Vault {
    Vault::open_on(Arc::new(disk.clone()), &dir(), Some(site()), options).unwrap()
}

pub(crate) fn site() -> SiteId {
    SiteId(uuid::Uuid::from_u128(7))
}

pub(crate) fn ip(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, n))
}

pub(crate) fn flow(second: i64, client: u8, number: u64) -> NewEvent {
    let end = |n: u8| Endpoint { mac: Some(Mac([2, 0, 0, 0, 0, n])), ip: Some(ip(n)), port: Some(443) };
    let at = Time::from_unix(T0 + second, 0);
    NewEvent {
        source: SourceId(1),
        received: at,
        happened: None,
        body: Body::Flow(Box::new(Flow {
            id: FlowId(number),
            segment: Segment { sensor: SourceId(1), vlan: 0 },
            transport: Transport::Tcp,
            client: end(client),
            server: end(200),
            protocol: Some(Protocol::Tls),
            first: at,
            last: at,
            started: at,
            part: 0,
            up: Direction { packets: 3, bytes: 400, flags: 2 },
            down: Direction { packets: 3, bytes: 4000, flags: 18 },
            state: FlowState::Closed,
            end: FlowEnd::Ended,
            gaps: 0,
        })),
    }
}

pub(crate) fn observation(second: i64, n: u8) -> NewEvent {
    NewEvent {
        source: SourceId(1),
        received: Time::from_unix(T0 + second, 0),
        happened: None,
        body: Body::Observation(Observation {
            segment: Segment::default(),
            mac: Some(Mac([2, 0, 0, 0, 0, n])),
            ip: Some(ip(n)),
            via: Via::Arp,
        }),
    }
}

pub(crate) fn audit(second: i64, version: &str) -> NewEvent {
    NewEvent {
        source: SourceId(0),
        received: Time::from_unix(T0 + second, 0),
        happened: None,
        body: Body::Audit(Box::new(Audit {
            number: Some(second as u64),
            user: None,
            actor: String::from("佐藤"),
            from: None,
            action: String::from("start"),
            deed: Deed::Started { version: version.into(), epoch: None, before: None, clock: None },
        })),
    }
}

/// The number that a test gave a flow.
pub(crate) fn number(e: &model::Event) -> u64 {
    match &e.body {
        Body::Flow(f) => f.id.0,
        _ => u64::MAX,
    }
}
