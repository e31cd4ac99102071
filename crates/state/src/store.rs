//! Opening state, and the site that it belongs to.

use crate::db::{Backend, Conn, Db, Place, random, v};
use crate::error::{Result, StateError};
use crate::migrate::{STEPS, migrate};
use crate::pipeline::Pipeline;
use crate::settings;
use model::access::Action;
use model::{Authorised, Lang, SiteId, Time, UserId};
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The newest version of the schema that this program knows.
pub const SCHEMA: i64 = crate::migrate::NEWEST;

/// Where state is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file, made with mode 0600 if it is not there.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

impl StoreUrl {
    /// From the setting `data.state`: `postgres://…` or `postgresql://…`.
    pub fn postgres(url: &str) -> Result<StoreUrl> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(StoreUrl::Postgres(url.to_owned()));
        }
        Err(StateError::invalid("data.state", "invalid-state-url", "", "must be a URL like postgres://hinomi@localhost/hinomi"))
    }
}

impl fmt::Display for StoreUrl {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreUrl::Sqlite(path) => write!(f, "{}", path.display()),
            StoreUrl::Postgres(url) => {
                // scheme://[user[:password]@]rest; a password may also hide in the query (?password=…), which is left out.
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                match rest.rsplit_once('@') {
                    Some((account, server)) => write!(f, "{scheme}://{}@{server}", account.split(':').next().unwrap_or_default()),
                    None => write!(f, "{scheme}://{rest}"),
                }
            }
        }
    }
}
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The site whose state this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its id, drawn at the very first open.
    pub id: SiteId,
    /// Its name (setting `site_name`).
    pub name: String,
    /// IANA time zone (setting `time_zone`).
    pub time_zone: String,
    /// Language for those who have not chosen (setting `language`).
    pub language: Lang,
    /// The vault's epoch that state knows of; 0 before the first event.
    pub epoch: u32,
    /// When state was made.
    pub created: Time,
}

/// State, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    pub(crate) from: Option<IpAddr>,
}

pub(crate) struct Inner {
    pub db: Db,
    site: RwLock<Site>,
    pipeline_taken: AtomicBool,
}

/// Who does something, for the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub user: Option<UserId>,
    pub name: String,
    pub from: Option<IpAddr>,
    pub action: &'static str,
}

impl Store {
    /// Opens state, makes it if it is not there, and brings its schema up to date.
    pub async fn open(url: &StoreUrl, now: Time) -> Result<Store> {
        Store::open_with(url, STEPS, now).await
    }

    /// Opens state as an older program would have left it: with the schema's steps up to `version`. For tests of upgrades.
    #[doc(hidden)]
    pub async fn open_as_of(url: &StoreUrl, version: usize, now: Time) -> Result<Store> {
        let known = STEPS.iter().take_while(|s| s.number <= version as i64).count();
        Store::open_with(url, STEPS.get(..known).unwrap_or(STEPS), now).await
    }

    /// Holds the lock of all writers until dropped. For tests of waiting.
    #[doc(hidden)]
    pub async fn hold_the_lock(&self) -> Result<impl Send + use<>> {
        self.write().await
    }

    async fn open_with(url: &StoreUrl, steps: &[crate::migrate::Step], now: Time) -> Result<Store> {
        let db = match url {
            StoreUrl::Sqlite(path) => {
                let address = prepare_file(path)?;
                Db::connect(&address, Place { name: url.to_string(), backend: Backend::Sqlite }).await?
            }
            StoreUrl::Postgres(address) => Db::connect(address, Place { name: url.to_string(), backend: Backend::Postgres }).await?,
        };
        migrate(&db, steps, now).await?;
        let site = first_site(&db, now).await?;
        Ok(Store { inner: Arc::new(Inner { db, site: RwLock::new(site), pipeline_taken: AtomicBool::new(false) }), from: None })
    }

    /// The site, as it stands now.
    pub fn site(&self) -> Site {
        self.inner.site.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same state, with the address of a person's browser for the audit log.
    pub fn at(&self, from: IpAddr) -> Store {
        Store { inner: self.inner.clone(), from: Some(from) }
    }

    /// The machine's own handle; given out once per open.
    pub fn pipeline(&self) -> Result<Pipeline> {
        if self.inner.pipeline_taken.swap(true, Ordering::AcqRel) {
            return Err(StateError::Taken);
        }
        Ok(Pipeline { store: self.clone() })
    }

    /// Asks the database a trifle: is it there, can it be written? For `hinomi doctor` and the state of the pages.
    pub async fn check(&self) -> Result<()> {
        let mut conn = self.inner.db.read().await?;
        conn.ping().await?;
        drop(conn);
        let mut tx = self.inner.db.write().await?;
        let site = read_site(&mut tx).await?;
        tx.commit().await?;
        if let Some(site) = site {
            self.remember(site);
        }
        Ok(())
    }

    /// Lets every connection go (SQLite: folds the write-ahead log into the file).
    pub async fn close(&self) {
        self.inner.db.close().await;
    }

    /// Which database, and for SQLite what its pragmas say; for `hinomi doctor` and tests.
    pub async fn facts(&self) -> Result<Vec<(&'static str, String)>> {
        let mut conn = self.inner.db.read().await?;
        let version = conn.number("SELECT COALESCE(MAX(version), 0) FROM schema_version", v![]).await?;
        let mut out = vec![("schema", version.to_string())];
        match conn.place().backend {
            Backend::Sqlite => {
                for (name, sql) in [
                    ("journal_mode", "SELECT journal_mode FROM pragma_journal_mode"),
                    ("synchronous", "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous"),
                    ("foreign_keys", "SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys"),
                    ("busy_timeout", "SELECT CAST(timeout AS TEXT) FROM pragma_busy_timeout"),
                ] {
                    if let Some(row) = conn.row(sql, v![]).await? {
                        out.push((name, row.text(0)?));
                    }
                }
            }
            Backend::Postgres => {
                if let Some(row) = conn.row("SELECT version()", v![]).await? {
                    out.push(("server", row.text(0)?));
                }
            }
        }
        Ok(out)
    }

    pub(crate) async fn read(&self) -> Result<Conn> {
        self.inner.db.read().await
    }
    pub(crate) async fn write(&self) -> Result<Conn> {
        self.inner.db.write().await
    }
    pub(crate) fn place(&self) -> &Place {
        &self.inner.db.place
    }
    pub(crate) fn remember(&self, site: Site) {
        *self.inner.site.write().unwrap_or_else(PoisonError::into_inner) = site;
    }

    /// The proof must be for this site.
    pub(crate) fn guard<A: Action>(&self, proof: &Authorised<A>) -> Result<()> {
        if proof.site() == self.site().id { Ok(()) } else { Err(StateError::OtherSite) }
    }
    /// The proof must be for the whole of this site.
    pub(crate) fn guard_whole<A: Action>(&self, proof: &Authorised<A>, what: &'static str) -> Result<()> {
        self.guard(proof)?;
        if proof.zone().is_some() { Err(StateError::ZoneOnly { what }) } else { Ok(()) }
    }
    pub(crate) fn who<A: Action>(&self, proof: &Authorised<A>) -> Who {
        Who { user: proof.user(), name: proof.name().to_owned(), from: self.from, action: A::NAME }
    }
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        random(self.place())
    }
}

/// The site's row with the settings that belong to it.
pub(crate) async fn read_site(conn: &mut Conn) -> Result<Option<Site>> {
    let Some(row) = conn.row("SELECT id, created, epoch FROM site", v![]).await? else { return Ok(None) };
    let name = settings::value(conn, "site_name").await?;
    let time_zone = settings::value(conn, "time_zone").await?;
    let language = settings::value(conn, "language").await?;
    Ok(Some(Site {
        id: row.parsed(0)?,
        name,
        time_zone,
        language: Lang::from_tags(&language).unwrap_or_default(),
        epoch: u32::try_from(row.int(2)?).map_err(|_| row.damaged("the epoch is out of range"))?,
        created: row.time(1)?,
    }))
}

async fn first_site(db: &Db, now: Time) -> Result<Site> {
    let mut tx = db.begin().await?;
    let id = SiteId::from_parts(now, random(&db.place)?);
    // Two programs at their first start: one of them makes the row.
    tx.run(
        "INSERT INTO site (only_row, id, created, epoch, known_seq, writes, deeds, time_high) VALUES (1, $1, $2, 0, 0, 0, 0, 0) \
         ON CONFLICT (only_row) DO NOTHING",
        v![id, now],
    )
    .await?;
    let site = read_site(&mut tx).await?;
    tx.commit().await?;
    site.ok_or_else(|| StateError::Damaged { place: db.place.name.clone(), why: String::from("the row of the site is missing") })
}

/// Makes the file with mode 0600 and gives its address for the driver. The write-ahead log gets the mode of the file.
fn prepare_file(path: &Path) -> Result<String> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let place = path.display().to_string();
    let told = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::StorageFull => StateError::Full { place: place.clone() },
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => StateError::ReadOnly { place: place.clone() },
        _ => StateError::Connection { place: place.clone(), why: e.to_string() },
    };
    let full = std::path::absolute(path).map_err(told)?;
    let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&full).map_err(told)?;
    let mode = file.metadata().map_err(told)?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(told)?;
    }
    let mut url = String::from("sqlite://");
    for byte in full.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(*byte)),
            _ => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
    if std::str::from_utf8(full.as_os_str().as_bytes()).is_err() {
        return Err(StateError::Connection { place, why: String::from("the path is not UTF-8; choose another folder") });
    }
    url.push_str("?mode=rw");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let shown = StoreUrl::postgres("postgres://hinomi:s3cr@t@db.local:5432/hinomi?password=x").unwrap().to_string();
        assert_eq!(shown, "postgres://hinomi@db.local:5432/hinomi");
        assert!(StoreUrl::postgres("mysql://x").is_err());
    }
}
