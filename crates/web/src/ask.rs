//! What a handler is given: who asks, in which language, with what words, and the services that answer.

use crate::cookies;
use crate::format::Format;
use crate::limit::Limiter;
use crate::live::Hub;
use crate::password::{Hasher, PasswordError};
use crate::problem::Problem;
use crate::server::Certificates;
use crate::view::words::T;
use crate::view::{Flash, May, Page, SensorLine, Shell, When};
use crate::{AsOf, Clock, Limits, Sensors, Services};
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use model::access::{
    self, Action, EditAssets, EditSettings, ExportAssets, HandleFindings, ManageUsers, ViewAssets, ViewEvents, ViewFindings, ViewSettings,
};
use model::coverage::{Quality, SensorKind};
use model::{AssetState, Authorised, Lang, Principal, Severity, Time};
use state::{AssetFilter, Paging, Store};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Questions to the vault at the same time.
const VAULT_AT_ONCE: usize = 4;

/// Exports of records at the same time.
const EXPORTS_AT_ONCE: usize = 2;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) vault: Arc<vault::Vault>,
    pub(crate) vault_turns: Arc<Semaphore>,
    /// For exports, which last.
    pub(crate) export_turns: Arc<Semaphore>,
    pub(crate) catalogue: Arc<catalogue::Catalogue>,
    pub(crate) sensors: Sensors,
    pub(crate) as_of: AsOf,
    pub(crate) clock: Clock,
    pub(crate) version: String,
    pub(crate) keys: crate::KeyPlaces,
    pub(crate) names: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) hasher: Hasher,
    pub(crate) limiter: Limiter,
    pub(crate) live: Hub,
    pub(crate) folder: PathBuf,
    pub(crate) certificates: Certificates,
    pub(crate) started: Time,
    /// One-time passwords that were made just now, to be shown once to the session that made them.
    pub(crate) fresh: std::sync::Mutex<Vec<([u8; 32], String, String)>>,
    pub(crate) health: std::sync::Mutex<Option<(Time, bool)>>,
    /// Lists that were checked and not yet taken over.
    pub(crate) held: crate::pages::import::HeldFiles,
    /// A look through the vault that was asked for on its page.
    pub(crate) looking: Arc<crate::pages::vault::Looking>,
    /// Held while the list of holds is changed.
    pub(crate) holding: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        s: Services,
        names: Vec<String>,
        limits: Limits,
        folder: PathBuf,
        certificates: Certificates,
        now: Time,
    ) -> Result<Shared, PasswordError> {
        Ok(Shared {
            store: s.store,
            vault: s.vault,
            vault_turns: Arc::new(Semaphore::new(VAULT_AT_ONCE)),
            export_turns: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            catalogue: s.catalogue,
            sensors: s.sensors,
            as_of: s.as_of,
            clock: s.clock,
            version: s.version,
            keys: s.keys,
            names: names.iter().map(|n| n.trim().trim_end_matches('.').to_ascii_lowercase()).collect(),
            limits,
            hasher: Hasher::new()?,
            limiter: Limiter::default(),
            live: Hub::start(&s.notices),
            folder,
            certificates,
            started: now,
            fresh: std::sync::Mutex::default(),
            health: std::sync::Mutex::default(),
            held: crate::pages::import::HeldFiles::default(),
            looking: Arc::default(),
            holding: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> Time {
        (self.clock)()
    }

    /// Whether a `Host` is one of ours. Addresses are: a page of a stranger can only rebind a *name* to this machine. Names must be
    /// known (DNS rebinding).
    pub(crate) fn allows(&self, host: &str) -> bool {
        let Some(name) = host_name(host) else { return false };
        name.parse::<IpAddr>().is_ok() || name == "localhost" || self.names.contains(&name)
    }
}

/// The name in a `Host` header without its port, in lower case; an IPv6 address without its brackets.
pub(crate) fn host_name(host: &str) -> Option<String> {
    let (name, port) = if let Some(rest) = host.strip_prefix('[') {
        let (v6, after) = rest.split_once(']')?;
        v6.parse::<std::net::Ipv6Addr>().ok()?;
        (v6, after.strip_prefix(':').unwrap_or(if after.is_empty() { "443" } else { "?" }))
    } else {
        host.split_once(':').unwrap_or((host, "443"))
    };
    port.parse::<u16>().ok()?;
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

/// Who is logged in.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) session: state::auth::Session,
    pub(crate) token_hash: [u8; 32],
}

impl Caller {
    pub(crate) fn csrf(&self) -> String {
        cookies::hex(&self.session.csrf)
    }
}

/// Names with values, as a form or the query of an address gives them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

/// Most fields of a form; further ones are not read.
pub(crate) const MOST_FIELDS: usize = 2000;

impl Fields {
    /// From `a=1&b=2` (WHATWG URL, 5.1).
    pub(crate) fn parse(text: &[u8]) -> Fields {
        let one = |part: &[u8]| {
            let mut halves = part.splitn(2, |b| *b == b'=');
            let name = unescape(halves.next().unwrap_or_default());
            (name, unescape(halves.next().unwrap_or_default()))
        };
        Fields(text.split(|b| *b == b'&').filter(|p| !p.is_empty()).take(MOST_FIELDS).map(one).collect())
    }
    /// The first value of that name; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }
    /// Every value of that name that is not empty.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
    /// A number.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name).trim().parse().ok()
    }
    /// Written again without some names and without empty values.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let kept = self.0.iter().filter(|(n, v)| !v.is_empty() && !names.contains(&n.as_str()));
        kept.map(|(n, v)| format!("{}={}", escape(n), escape(v))).collect::<Vec<_>>().join("&")
    }
}

fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        match b {
            b'+' => out.push(b' '),
            b'%' => match (hex(tail.first()), hex(tail.get(1))) {
                (Some(h), Some(l)) => {
                    out.push((h << 4 | l) as u8);
                    rest = tail.get(2..).unwrap_or_default();
                }
                _ => out.push(b),
            },
            _ => out.push(b),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes all but unreserved characters (RFC 3986, 2.3).
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

/// A file that came with a form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upload {
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

/// A request, once it is known who asks.
pub struct Ask {
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Store,
    pub(crate) caller: Option<Caller>,
    pub(crate) lang: Lang,
    pub(crate) format: Format,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) from: IpAddr,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) query: Fields,
    pub(crate) form: Fields,
    pub(crate) files: Vec<Upload>,
    pub(crate) body: Bytes,
    /// The clock: for sessions, deeds and their times.
    pub(crate) now: Time,
    /// The time that the data shown is of, where it is not now.
    pub(crate) as_of: Option<Time>,
    /// Set when the one who asked has gone away: nobody waits for the answer.
    pub(crate) gone: vault::ask::Cancel,
}

impl Ask {
    /// The end of what is shown: now, or the newest frame where only old capture files feed the watch. For everything about what was
    /// seen, and for nothing about people.
    pub(crate) fn data_now(&self) -> Time {
        self.as_of.unwrap_or(self.now)
    }

    pub(crate) fn t(&self) -> T {
        T::new(self.lang)
    }

    /// The words of a key of server.ftl or console.ftl.
    pub(crate) fn say(&self, key: &str) -> String {
        self.t().say(key)
    }

    /// Proof of a further action, where a page shows more than one thing.
    pub(crate) fn also<A: Action>(&self, action: A) -> Result<Authorised<A>, Problem> {
        let caller = self.caller.as_ref().ok_or(Problem::Login)?;
        Ok(access::authorise(&caller.principal, action, self.store.site().id, None)?)
    }

    /// A part of the path, read as what it must be; anything else is not found.
    pub(crate) fn id<I: std::str::FromStr>(&self, name: &str) -> Result<I, Problem> {
        let text = self.params.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        text.parse().map_err(|_| Problem::NotFound)
    }

    /// A path on this host to come back to; `/` for anything that could lead elsewhere.
    pub(crate) fn back(&self, name: &str, otherwise: &str) -> String {
        local_path(self.form.get(name)).unwrap_or_else(|| otherwise.to_owned())
    }

    pub(crate) fn when(&self, at: Time) -> When {
        When::new(at, self.format.moment(at))
    }

    /// What stands around a page.
    pub(crate) async fn shell(&self, page: Page, title: &str) -> Result<Shell, Problem> {
        let mut shell = self.bare_shell(page, title);
        let Some(caller) = self.caller.as_ref().filter(|c| !c.principal.must_change_password) else { return Ok(shell) };
        shell.live = page != Page::Outside;
        let may = |allowed: bool| allowed;
        shell.may = May {
            view_assets: may(self.also(ViewAssets).is_ok()),
            edit_assets: may(self.also(EditAssets).is_ok()),
            export_assets: may(self.also(ExportAssets).is_ok()),
            view_findings: may(self.also(ViewFindings).is_ok()),
            handle_findings: may(self.also(HandleFindings).is_ok()),
            view_events: may(self.also(ViewEvents).is_ok()),
            view_settings: may(self.also(ViewSettings).is_ok()),
            edit_settings: may(self.also(EditSettings).is_ok()),
            manage_users: may(self.also(ManageUsers).is_ok()),
        };
        shell.user.clone_from(&caller.principal.name);
        if let Ok(proof) = self.also(ViewFindings) {
            let counts = self.store.finding_counts(&proof).await?;
            let open = |s: Severity| counts.open.get(&s).copied().unwrap_or(0);
            shell.open_today = open(Severity::Today);
            shell.open_findings = shell.open_today + open(Severity::Week);
        }
        if let Ok(proof) = self.also(ViewAssets) {
            let filter =
                AssetFilter { states: vec![AssetState::Discovered], paging: Paging { page: 1, per_page: 1 }, ..AssetFilter::default() };
            shell.discovered = self.store.assets(&proof, &filter).await?.total;
        }
        for s in (self.shared.sensors)() {
            shell.sensors.all += 1;
            match s.quality {
                // A file is read, not watched.
                _ if s.kind == SensorKind::File => {}
                Quality::Full => shell.sensors.watching += 1,
                Quality::Drops => shell.sensors.dropping += 1,
                Quality::Nothing | Quality::Down => shell.sensors.blind += 1,
            }
        }
        Ok(shell)
    }

    /// The same without asking state: for login and errors.
    pub(crate) fn bare_shell(&self, page: Page, title: &str) -> Shell {
        let here = self.uri.path_and_query().map_or("/", |p| p.as_str());
        let done = self.query.get("done");
        let flash = DONE.iter().find(|(k, _)| *k == done).map(|(k, tone)| Flash { tone, text: self.say(&format!("done-{k}")) });
        let csrf = match &self.caller {
            Some(c) => c.csrf(),
            None => cookies::get(&self.headers, cookies::BEFORE).map(cookies::before_csrf).unwrap_or_default(),
        };
        Shell {
            t: self.t(),
            page,
            title: title.to_owned(),
            site: self.store.site().name,
            user: self.caller.as_ref().map(|c| c.principal.name.clone()).unwrap_or_default(),
            may: May::default(),
            theme: self.caller.as_ref().map(|c| c.session.theme).unwrap_or_default(),
            csrf,
            open_findings: 0,
            open_today: 0,
            discovered: 0,
            sensors: SensorLine::default(),
            now: When::new(self.now, self.format.date_time(self.now)),
            as_of: self.as_of.map(|at| When::new(at, self.format.date_time(at))),
            live: false,
            here: without_done(here),
            flash,
            q: self.query.get("q").to_owned(),
        }
    }
}

/// Messages after something was done: `?done=…` names one of these and nothing else.
const DONE: &[(&str, &str)] = &[
    ("saved", "ok"),
    ("registered", "ok"),
    ("state", "ok"),
    ("entered", "ok"),
    ("handled", "ok"),
    ("password", "ok"),
    ("removed", "ok"),
    ("logged-out", "ok"),
    ("partly", "look"),
    ("stock-started", "ok"),
    ("ticked", "ok"),
    ("tick-conflict", "look"),
    ("settled", "ok"),
    ("stock-closed", "ok"),
    ("look-began", "ok"),
    ("export-began", "ok"),
    ("export-stopping", "ok"),
];

/// An address without `done`, so that coming back does not tell it again.
fn without_done(here: &str) -> String {
    match here.split_once('?') {
        Some((path, query)) => {
            let kept = Fields::parse(query.as_bytes()).without(&["done"]);
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{kept}") }
        }
        None => here.to_owned(),
    }
}

/// A path on this host: begins with one single `/` and holds nothing that a browser could read as another host.
pub(crate) fn local_path(path: &str) -> Option<String> {
    let fits = path.starts_with('/')
        && path.len() <= 2000
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|b| (0x21..0x7f).contains(&b));
    fits.then(|| path.to_owned())
}

/// An address with `done` added.
pub(crate) fn with_done(path: &str, done: &str) -> String {
    let (path, fragment) = path.split_once('#').map_or((path, String::new()), |(p, f)| (p, format!("#{f}")));
    let path = without_done(path);
    let join = if path.contains('?') { '&' } else { '?' };
    format!("{path}{join}done={done}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_host_lead_back() {
        for good in ["/", "/assets?state=discovered&page=2", "/settings#zones"] {
            assert_eq!(local_path(good).as_deref(), Some(good));
        }
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "assets", "/a\r\nSet-Cookie: x", "/a b", "/\t/evil"] {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
        assert_eq!(with_done("/assets?q=a&done=saved#x", "state"), "/assets?q=a&done=state#x");
    }

    #[test]
    fn hosts() {
        for (host, name) in [("Hinomi.example:8443", "hinomi.example"), ("[::1]:8443", "::1"), ("[::1]", "::1"), ("a.", "a")] {
            assert_eq!(host_name(host).as_deref(), Some(name), "{host}");
        }
        for bad in ["", ":8443", "a:b", "[::1", "[evil]:1", "a:99999", "[::1]x"] {
            assert_eq!(host_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let f = Fields::parse("q=%E7%AB%B9+a&x=1&x=2&x=&broken=%zz%4&e".as_bytes());
        assert_eq!((f.get("q"), f.get("broken"), f.get("none")), ("竹 a", "%zz%4", ""));
        assert_eq!(f.all("x").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(f.without(&["x", "broken"]), "q=%E7%AB%B9%20a");
        assert_eq!(Fields::parse("a&".repeat(5000).as_bytes()).0.len(), MOST_FIELDS);
    }
}
