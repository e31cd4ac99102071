//! The real console over real TLS on a port of its own, with SQLite and a vault in a folder of its own, and a small client.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "each test file uses a part")]

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use model::asset::{AssetChange, AssetFact};
use model::coverage::{Quality, SensorKind, SensorStatus};
use model::finding::{Fact, FindingChange, Severity, Step};
use model::{AssetId, EventId, FindingId, Notice, Principal, Role, Segment, SourceId, Span, Time};
use state::{Batch, EventCursor, Pipeline, Store, StoreUrl};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, oneshot};
use tokio_rustls::client::TlsStream;
use web::{Console, ConsoleConfig, Limits, Listen, Services, TlsFiles};

pub const PASSWORD: &str = "赤いやねの火の見やぐら";

pub struct House {
    pub address: SocketAddr,
    pub store: Store,
    pub pipeline: Pipeline,
    pub vault: Arc<vault::Vault>,
    pub notices: broadcast::Sender<Notice>,
    pub one_time: String,
    pub admin: String,
    /// The time that the data is of; 0 for now.
    pub as_of: Arc<AtomicI64>,
    clock: Arc<AtomicI64>,
    tls: Arc<rustls::ClientConfig>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl House {
    pub async fn build() -> House {
        House::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> House {
        let folder = tempfile::tempdir().unwrap();
        let start = Time::parse_rfc3339("2026-11-20T08:05:09+09:00").unwrap();
        let clock = Arc::new(AtomicI64::new(start.0));
        let store = Store::open(&StoreUrl::Sqlite(folder.path().join("state.db")), start).await.unwrap();
        let pipeline = store.pipeline().unwrap();
        let vault = Arc::new(vault::Vault::open(&folder.path().join("vault"), Some(store.site().id), vault::Options::default()).unwrap());
        let (notices, _) = broadcast::channel(256);
        let (admin, one_time) = web::first_admin(&store, start).await.unwrap().unwrap();
        let ticking = clock.clone();
        let as_of = Arc::new(AtomicI64::new(0));
        let shown_as_of = as_of.clone();
        let services = Services {
            store: store.clone(),
            vault: vault.clone(),
            catalogue: Arc::new(catalogue::Catalogue::load().unwrap()),
            notices: notices.clone(),
            sensors: Arc::new(|| {
                vec![SensorStatus {
                    id: SourceId(1),
                    name: "eth1".into(),
                    kind: SensorKind::Live,
                    packets: 12,
                    quality: Quality::Full,
                    ..SensorStatus::default()
                }]
            }),
            as_of: Arc::new(move || Some(Time(shown_as_of.load(Ordering::Relaxed))).filter(|t| t.0 != 0)),
            clock: Arc::new(move || Time(ticking.load(Ordering::Relaxed))),
            version: "0.0-test".into(),
            keys: web::KeyPlaces { proposal: "/etc/hinomi/vault.key".into(), ..web::KeyPlaces::default() },
        };
        let config = ConsoleConfig {
            listen: Listen::Address("127.0.0.1:0".parse().unwrap()),
            tls: TlsFiles::Own,
            data_dir: folder.path().to_owned(),
            names: vec!["hinomi.test".into()],
            addresses: vec![],
            limits,
        };
        let console = Console::build(config, services).unwrap();
        let address = console.address();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(console.serve(async move {
            let _ = stopped.await;
        }));
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(folder.path().join("tls/console.pem")).unwrap();
        for cert in <rustls::pki_types::CertificateDer as rustls::pki_types::pem::PemObject>::pem_slice_iter(&pem) {
            roots.add(cert.unwrap()).unwrap();
        }
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        House {
            address,
            store,
            pipeline,
            vault,
            notices,
            one_time,
            admin,
            as_of,
            clock,
            tls: Arc::new(tls),
            stop: Some(stop),
            served: Some(served),
            folder,
        }
    }

    /// The data folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
    pub fn now(&self) -> Time {
        Time(self.clock.load(Ordering::Relaxed))
    }
    pub fn pass(&self, span: Span) {
        self.clock.fetch_add(span.0, Ordering::Relaxed);
    }

    pub async fn tls(&self) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        tokio_rustls::TlsConnector::from(self.tls.clone()).connect(name, tcp).await.unwrap()
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { house: self, cookies: Mutex::default(), language: "ja" }
    }

    /// A browser that is logged in as the first administrator, with a password of its own.
    pub async fn admin(&self) -> Browser<'_> {
        let b = self.browser();
        b.login(&self.admin, &self.one_time).await;
        let page = b.get("/password").await;
        let form = [("csrf", page.csrf()), ("current", self.one_time.clone()), ("new", PASSWORD.into()), ("again", PASSWORD.into())];
        let done = b.post("/password", &form).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        b
    }

    /// A browser of somebody with this role.
    pub async fn role(&self, role: Role) -> Browser<'_> {
        self.role_in(role, None).await
    }

    /// A zone of these addresses.
    pub async fn zone(&self, name: &str, range: &str) -> model::ZoneId {
        let machine = Principal::machine();
        let proof = model::access::authorise(&machine, model::access::EditSettings, self.store.site().id, None).unwrap();
        let fields =
            state::zones::ZoneFields { name: name.into(), layer: state::Layer::Lan, ranges: vec![range.parse().unwrap()], vlans: vec![] };
        self.store.create_zone(&proof, fields, self.now()).await.unwrap()
    }

    /// The same in one zone only.
    pub async fn role_in(&self, role: Role, zone: Option<model::ZoneId>) -> Browser<'_> {
        let site = self.store.site().id;
        let machine = Principal::machine();
        let proof = model::access::authorise(&machine, model::access::ManageUsers, site, None).unwrap();
        let name = zone.map_or_else(|| format!("{role}-someone"), |z| format!("{role}-{z}"));
        let phc = web::password::hash("one-time-word").unwrap();
        let grants = [model::access::Grant { role, site: Some(site), zone }];
        let id = self.store.create_user(&proof, &name, &grants, &phc, self.now()).await.unwrap();
        let who = Principal { user: Some(id), name: name.clone(), grants: grants.to_vec(), must_change_password: true };
        let own = model::access::authorise(&who, model::access::OwnSettings, site, None).unwrap();
        let phc = web::password::hash(PASSWORD).unwrap();
        self.store.set_own_password(&own, &phc, None, self.now()).await.unwrap();
        let b = self.browser();
        let done = b.login(&name, PASSWORD).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        b
    }

    /// An asset with an address and a finding about it.
    pub async fn furnish(&self) -> (AssetId, FindingId) {
        let site = self.store.site().id;
        let at = self.now() - Span::minutes(3);
        let because = EventId { site, epoch: 1, seq: 1 };
        let asset = AssetId::derived(at, because, b"asset");
        let finding = FindingId::derived(at, because, b"finding");
        let change = |fact| AssetChange { asset, at, because, fact };
        let address = AssetFact::Address {
            segment: Segment { sensor: SourceId(1), vlan: 0 },
            mac: Some("3c:52:82:1f:aa:07".parse().unwrap()),
            ip: Some("192.168.1.20".parse().unwrap()),
        };
        let catalogue = catalogue::Catalogue::load().unwrap();
        let facts = &catalogue.rule("unregistered-device").unwrap().facts;
        let batch = Batch {
            consumer: "detect",
            cursor: EventCursor { epoch: 1, seq: 1 },
            asset_changes: vec![change(AssetFact::Discovered), change(address)],
            finding_changes: vec![FindingChange {
                id: finding,
                key: "unregistered-device:x".into(),
                rule: "unregistered-device".into(),
                revision: 1,
                parameters: BTreeMap::new(),
                severity: Severity::Today,
                step: Step::Happened,
                at,
                because,
                events: vec![because],
                happened: 1,
                asset: Some(asset),
                others: vec![],
                facts: facts.iter().map(|(k, sort)| (k.clone(), fact(sort, asset, at))).collect(),
            }],
            ..Batch::empty("detect", EventCursor { epoch: 1, seq: 1 })
        };
        self.pipeline.apply(batch).await.unwrap();
        (asset, finding)
    }

    pub async fn close(mut self) {
        let _ = self.stop.take().map(|s| s.send(()));
        if let Some(served) = self.served.take() {
            served.await.unwrap();
        }
    }
}

fn fact(sort: &str, asset: AssetId, at: Time) -> Fact {
    match sort {
        "count" => Fact::Count(3),
        "bytes" => Fact::Bytes(3000),
        "time" => Fact::Time(at),
        "span" => Fact::Span(Span::minutes(5)),
        "percent" => Fact::Percent(40),
        "asset" => Fact::Asset(asset),
        "list" => Fact::List(vec!["a".into(), "b".into()]),
        _ => Fact::Text("LAPTOP-K7".into()),
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
    pub fn csrf(&self) -> String {
        self.hidden("csrf")
    }
    /// The value of the first hidden field of that name.
    pub fn hidden(&self, name: &str) -> String {
        let text = self.text();
        let at = text.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name} in {text}"));
        text[at..].split('"').nth(3).unwrap().to_owned()
    }
    /// The same within the form that posts to `action`.
    pub fn hidden_in(&self, action: &str, name: &str) -> String {
        let text = self.text();
        let from = text.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form for {action}"));
        let body = Bytes::from(text[from..].to_owned());
        Answer { status: self.status, headers: HeaderMap::new(), body }.hidden(name)
    }
    pub fn location(&self) -> String {
        self.headers.get(LOCATION).map(|l| l.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

pub struct Browser<'a> {
    pub house: &'a House,
    pub cookies: Mutex<BTreeMap<String, String>>,
    pub language: &'static str,
}

impl Browser<'_> {
    pub fn cookie(&self) -> String {
        self.cookies.lock().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("; ")
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let io = TokioIo::new(self.house.tls().await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("host")) {
            request = request.header(HOST, format!("localhost:{}", self.house.address.port()));
        }
        request = request.header("accept-language", self.language).header(COOKIE, self.cookie());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        for set in parts.headers.get_all(SET_COOKIE) {
            let text = set.to_str().unwrap();
            assert!(
                text.starts_with("__Host-") && text.contains("Secure") && text.contains("HttpOnly") && text.contains("SameSite=Strict"),
                "{text}"
            );
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            let mut jar = self.cookies.lock().unwrap();
            if text.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.into(), value.into());
            }
        }
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], vec![]).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, String)]) -> Answer {
        let body = form.iter().map(|(k, v)| format!("{k}={}", escape(v))).collect::<Vec<_>>().join("&");
        let origin = format!("https://localhost:{}", self.house.address.port());
        let headers = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded"), ("origin", origin.as_str())];
        self.send(Method::POST, path, &headers, body.into_bytes()).await
    }

    pub async fn login(&self, name: &str, password: &str) -> Answer {
        let form = self.get("/login").await;
        assert_eq!(form.status, StatusCode::OK, "{}", form.text());
        self.post("/login", &[("csrf", form.csrf()), ("name", name.into()), ("password", password.into()), ("next", String::new())]).await
    }

    /// A change through the API with a fresh token.
    pub async fn api(&self, method: Method, path: &str, rev: Option<i64>, body: &serde_json::Value) -> Answer {
        let csrf = self.get("/api/v1/session").await.json()["csrf"].as_str().unwrap_or_default().to_owned();
        let tag = rev.map(|r| format!("\"{r}\""));
        let mut headers = vec![("content-type", "application/json"), ("x-csrf-token", csrf.as_str())];
        if let Some(tag) = &tag {
            headers.push(("if-match", tag));
        }
        self.send(method, path, &headers, body.to_string().into_bytes()).await
    }
}

pub fn escape(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
