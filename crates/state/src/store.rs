//! Opening state, and the site that it belongs to.

use crate::error::Result;
use crate::pipeline::Pipeline;
use model::{Lang, SiteId, Time};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub fn postgres(_url: &str) -> Result<StoreUrl> {
        unimplemented!()
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

pub(crate) struct Inner {}

impl Store {
    /// Opens state, makes it if it is not there, and brings its schema up to date.
    pub async fn open(_url: &StoreUrl, _now: Time) -> Result<Store> {
        unimplemented!()
    }
    /// The site, as it stands now.
    pub fn site(&self) -> Site {
        unimplemented!()
    }
    /// The same state, with the address of a person's browser for the audit log.
    pub fn at(&self, from: IpAddr) -> Store {
        Store { inner: self.inner.clone(), from: Some(from) }
    }
    /// The machine's own handle; given out once per open.
    pub fn pipeline(&self) -> Result<Pipeline> {
        unimplemented!()
    }
    /// Asks the database a trifle: is it there, can it be written? For `hinomi doctor` and the state of the pages.
    pub async fn check(&self) -> Result<()> {
        unimplemented!()
    }
    /// Lets every connection go (SQLite: folds the write-ahead log into the file).
    pub async fn close(&self) {}
}
