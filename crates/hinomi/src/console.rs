//! The console, given what it shows: both stores, the sensors, and a knock when something is new.

use crate::clock::now;
use crate::keys;
use crate::outcome::{state_error, unreachable};
use crate::plan::Plan;
use crate::rights::Rights;
use crate::sensor::Sensors;
use crate::stores::Stores;
use anyhow::Result;
use model::coverage::{SensorKind, SensorStatus};
use model::{Notice, Span, Time};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use web::{Console, ConsoleConfig, FirstAdminError, KeyPlaces, Limits, Listen, Services, TlsFiles};

/// A console that can serve, with what has to be printed once.
pub struct Built {
    console: Console,
    /// `https://address:port`
    pub address: String,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// The first account and its one-time password, at the very first start.
    pub first: Option<(String, String)>,
}

/// Builds the console on the socket that is open already.
pub async fn build(plan: &Plan, rights: &Rights, stores: &Stores, notices: &broadcast::Sender<Notice>, sensors: &Sensors) -> Result<Built> {
    let config = ConsoleConfig {
        listen: Listen::Socket(rights.listener.try_clone().map_err(unreachable)?),
        tls: match plan.config.tls.clone() {
            Some((certificate, key)) => TlsFiles::Given { certificate, key },
            None => TlsFiles::Own,
        },
        data_dir: plan.config.data.clone(),
        names: plan.config.names.clone(),
        addresses: addresses(plan.config.listen.ip()),
        limits: Limits::default(),
    };
    let services = Services {
        store: stores.store.clone(),
        vault: Arc::clone(&stores.vault),
        catalogue: Arc::clone(&plan.catalogue),
        notices: notices.clone(),
        sensors: Arc::new(sensors.statuses()),
        as_of: as_of(sensors),
        clock: Arc::new(now),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keys: KeyPlaces {
            proposal: plan.config.key_file.clone().unwrap_or_else(|| keys::PROPOSED.into()),
            configured: plan.config.key_file.is_some(),
            credential: keys::credential(),
        },
    };
    let first = web::first_admin(&stores.store, now()).await.map_err(|e| match e {
        FirstAdminError::State(e) => state_error(e),
        FirstAdminError::Password(e) => unreachable(e),
    })?;
    let console = Console::build(config, services).map_err(unreachable)?;
    let address = console.address();
    let shown = if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
    Ok(Built { address: format!("https://{shown}"), fingerprint: console.fingerprint(), first, console })
}

impl Built {
    /// Serves until told to end.
    pub async fn serve(self, mut ended: watch::Receiver<bool>) {
        let told = async move {
            let _ = ended.wait_for(|end| *end).await;
        };
        self.console.serve(told).await;
    }
}

/// A watch that reads nothing but capture files is shown as of its newest frame, where that is longer ago than this.
const AS_OF_AFTER: Span = Span::hours(1);

fn as_of(sensors: &Sensors) -> web::AsOf {
    let statuses = sensors.statuses();
    Arc::new(move || end_of_captures(&statuses(), now()))
}

/// The newest frame, where only capture files feed the watch and it is old.
fn end_of_captures(sensors: &[SensorStatus], now: Time) -> Option<Time> {
    if sensors.iter().any(|s| s.kind != SensorKind::File) {
        return None;
    }
    sensors.iter().filter_map(|s| s.last_frame).max().filter(|newest| now - *newest > AS_OF_AFTER)
}

/// Addresses by which the console can be reached, for its certificate. Where it listens on all of them, those of the interfaces; they
/// are not known without asking the kernel, so the ones that outgoing packets would carry are taken (no packet is sent).
fn addresses(listen: IpAddr) -> Vec<IpAddr> {
    if !listen.is_unspecified() {
        return vec![listen];
    }
    let mut found = Vec::new();
    for (from, to) in [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")] {
        let route = std::net::UdpSocket::bind(from).and_then(|s| s.connect(to).and_then(|()| s.local_addr()));
        if let Ok(address) = route {
            found.push(address.ip());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_captures_are_shown_as_of_their_end() {
        let now = Time::from_unix(1_795_000_000, 0);
        let sensor = |kind, ago: Option<Span>| SensorStatus { kind, last_frame: ago.map(|a| now - a), ..SensorStatus::default() };
        let file = |hours| sensor(SensorKind::File, Some(Span::hours(hours)));
        assert_eq!(end_of_captures(&[file(50), file(40)], now), Some(now - Span::hours(40)));
        assert_eq!(end_of_captures(&[file(50), file(0)], now), None, "the newest is of now");
        assert_eq!(end_of_captures(&[file(50), sensor(SensorKind::Live, None)], now), None, "a live line is now, even a silent one");
        assert_eq!(end_of_captures(&[], now), None);
        assert_eq!(end_of_captures(&[sensor(SensorKind::File, None)], now), None);
    }
}
