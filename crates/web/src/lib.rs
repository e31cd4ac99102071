//! The console and the API: what people see, over HTTPS, and nothing else.
//!
//! How a request goes through: [`server`] takes the connection (TLS or a word of help), [`gate`] asks who it is, whether they may, and
//! whether they meant it (session, one `authorise`, CSRF), and only then a handler of [`routes`] runs, holding the proof. Pages are
//! filled into the structs of [`view`]; the API under `/api/v1` gives the same data by the same permission. [`Console::build`] needs no
//! network, so that tests run the real thing on a port of their own.

pub mod api;
pub mod ask;
mod bind;
mod cookies;
pub mod format;
pub mod gate;
pub mod limit;
pub mod live;
pub mod pages;
pub mod password;
pub mod picture;
pub mod problem;
pub mod qr;
pub mod routes;
pub mod server;
pub mod tls;
pub mod view;

use crate::ask::Shared;
use model::coverage::SensorStatus;
use model::{Lang, Notice, Time};
pub use pages::speak::place;
use state::Store;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
pub use tls::TlsFiles;
use tokio::sync::broadcast;

/// Where the console answers.
#[derive(Debug)]
pub enum Listen {
    /// Bind here.
    Address(SocketAddr),
    /// Already bound by the process that may (the opener).
    Socket(std::net::TcpListener),
}

/// Bounds on what strangers may cost. The defaults are for a fanless box with two cores.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one address.
    pub per_address: usize,
    /// For the TLS handshake, and for the head of a request, seconds.
    pub head_seconds: u64,
    /// For the body of a request, seconds.
    pub body_seconds: u64,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of an import.
    pub import_bytes: usize,
    /// Open `/live` streams of one session.
    pub live_per_session: usize,
    /// Seconds between heartbeats of `/live`.
    pub heartbeat_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 512,
            per_address: 128,
            head_seconds: 10,
            body_seconds: 30,
            body_bytes: 1 << 20,
            import_bytes: 10 << 20,
            live_per_session: 6,
            heartbeat_seconds: 15,
        }
    }
}

/// What a start gives the console.
#[derive(Debug)]
pub struct ConsoleConfig {
    /// Where it answers.
    pub listen: Listen,
    /// Certificate.
    pub tls: TlsFiles,
    /// Where our own certificate is kept.
    pub data_dir: PathBuf,
    /// Host names by which browsers reach the console. `localhost` and every address work without being named.
    pub names: Vec<String>,
    /// The machine's addresses, for the certificate.
    pub addresses: Vec<IpAddr>,
    /// Bounds.
    pub limits: Limits,
}

/// How sensors stand now.
pub type Sensors = Arc<dyn Fn() -> Vec<SensorStatus> + Send + Sync>;
/// The time that the data shown is of, where it is not now: the newest frame of old capture files.
pub type AsOf = Arc<dyn Fn() -> Option<Time> + Send + Sync>;
/// What time it is.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What the console speaks for.
#[derive(Clone)]
pub struct Services {
    /// What is true now.
    pub store: Store,
    /// What happened.
    pub vault: Arc<vault::Vault>,
    /// Rules and their words.
    pub catalogue: Arc<catalogue::Catalogue>,
    /// Told when something is new.
    pub notices: broadcast::Sender<Notice>,
    /// How sensors stand.
    pub sensors: Sensors,
    /// The time that the data shown is of; `None` for now.
    pub as_of: AsOf,
    /// The clock.
    pub clock: Clock,
    /// Hinomi's version.
    pub version: String,
    /// Where the key of an encrypted vault may come from.
    pub keys: KeyPlaces,
}

/// Where the key of an encrypted vault may come from, for the page that asks.
#[derive(Clone, Debug, Default)]
pub struct KeyPlaces {
    /// The key file of the configuration, or where one is proposed.
    pub proposal: PathBuf,
    /// The configuration names it.
    pub configured: bool,
    /// The credential that systemd handed over.
    pub credential: Option<PathBuf>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Why the console cannot be built.
#[derive(Debug, Error)]
pub enum ConsoleError {
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The port.
    #[error("cannot listen on {address}: {why}; {remedy}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        why: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// The words of the pages.
    #[error("the words of the pages are wrong: {0}")]
    Words(#[from] catalogue::PhraseError),
    /// Hashing does not work here.
    #[error(transparent)]
    Password(#[from] password::PasswordError),
}

/// The console, ready to serve.
#[derive(Debug)]
pub struct Console {
    pub(crate) listener: tokio::net::TcpListener,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tls: server::Certificates,
    address: SocketAddr,
}

impl Console {
    /// Loads or makes the certificate, checks the words, binds the port. Call inside a tokio runtime.
    pub fn build(config: ConsoleConfig, services: Services) -> Result<Console, ConsoleError> {
        view::words::check()?;
        let listener = bind::bind(config.listen)?;
        let address = listener.local_addr().map_err(|why| bind::error("the given socket".into(), why))?;
        let now = (services.clock)();
        let tls = server::Certificates::open(config.tls, config.data_dir.clone(), config.names.clone(), config.addresses, now)?;
        let shared = Shared::new(services, config.names, config.limits, config.data_dir, tls.clone(), now)?;
        Ok(Console { listener, shared: Arc::new(shared), tls, address })
    }

    /// Where it answers: the port is the real one where 0 was asked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub fn fingerprint(&self) -> String {
        self.tls.current().fingerprint
    }

    /// Serves until `shutdown` comes, then lets requests end for at most three seconds.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        server::serve(self, shutdown).await;
    }
}

/// The first account: its name and its one-time password, where nobody can log in yet. Print it once, never log it.
pub async fn first_admin(store: &Store, now: Time) -> Result<Option<(String, String)>, FirstAdminError> {
    if !store.first_start().await? {
        return Ok(None);
    }
    let one_time = password::one_time_password()?;
    let phc = {
        let word = one_time.clone();
        tokio::task::spawn_blocking(move || password::hash(&word)).await.map_err(|_| password::PasswordError::Failed)??
    };
    let name = store.create_first_admin(&phc, now).await?;
    Ok(Some((name, one_time)))
}

/// Why there is no first account.
#[derive(Debug, Error)]
pub enum FirstAdminError {
    /// State.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// Hashing.
    #[error(transparent)]
    Password(#[from] password::PasswordError),
}

/// The languages a reader may be asked for by tag.
pub(crate) fn lang_of(tag: &str) -> Option<Lang> {
    Lang::ALL.into_iter().find(|l| l.tag() == tag)
}
