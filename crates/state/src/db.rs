//! The one place that knows which database it is.
//!
//! Everything else writes SQL that SQLite (3.24 and newer) and PostgreSQL (12 and newer) both understand: `$1` placeholders,
//! `ON CONFLICT … DO UPDATE`, `BIGINT`, `TEXT` and blobs, no booleans, no JSON operators, sums cast back to `BIGINT`. Two things
//! are done for every value: NUL characters, which PostgreSQL refuses in text, become U+FFFD (names come from the wire), and
//! numbers beyond 63 bits stop at the largest.
//!
//! **Writers queue.** Each writing transaction begins by counting up `site.writes`. In SQLite that takes the write lock before
//! anything is read; in PostgreSQL it locks one row until commit. So read-then-write needs no further thought, in one process
//! or several. Within a process they also queue at a mutex, which is fairer than a busy handler.

use crate::error::{Result, StateError};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Arguments, AssertSqlSafe, Connection, Row as _, SqlSafeStr, SqlStr, Transaction};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Work under way. An `async fn` is compiled anew in every program that waits for it, with all that it waits for; what goes into the
/// database library is boxed here, in functions that are never inlined, and so compiled once.
type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// How long a writer waits for another program, and a reader for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once.
const CONNECTIONS: u32 = 6;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// Where state is kept, for messages.
#[derive(Debug)]
pub(crate) struct Place {
    pub name: String,
    pub backend: Backend,
}

/// A value for a placeholder.
#[derive(Clone, Debug)]
pub(crate) enum V {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}
impl From<i64> for V {
    fn from(v: i64) -> V {
        V::Int(Some(v))
    }
}
impl From<u64> for V {
    fn from(v: u64) -> V {
        V::Int(Some(i64::try_from(v).unwrap_or(i64::MAX)))
    }
}
impl From<u32> for V {
    fn from(v: u32) -> V {
        V::Int(Some(i64::from(v)))
    }
}
impl From<u16> for V {
    fn from(v: u16) -> V {
        V::Int(Some(i64::from(v)))
    }
}
impl From<bool> for V {
    fn from(v: bool) -> V {
        V::Int(Some(i64::from(v)))
    }
}
impl From<Option<i64>> for V {
    fn from(v: Option<i64>) -> V {
        V::Int(v)
    }
}
impl From<model::Time> for V {
    fn from(v: model::Time) -> V {
        V::Int(Some(v.0))
    }
}
impl From<Option<model::Time>> for V {
    fn from(v: Option<model::Time>) -> V {
        V::Int(v.map(|t| t.0))
    }
}
impl From<&str> for V {
    fn from(v: &str) -> V {
        V::Text(Some(without_nul(v)))
    }
}
impl From<&String> for V {
    fn from(v: &String) -> V {
        V::from(v.as_str())
    }
}
impl From<String> for V {
    fn from(v: String) -> V {
        V::Text(Some(if v.contains('\0') { without_nul(&v) } else { v }))
    }
}
impl From<Option<String>> for V {
    fn from(v: Option<String>) -> V {
        V::Text(v.map(|t| without_nul(&t)))
    }
}
impl From<Vec<u8>> for V {
    fn from(v: Vec<u8>) -> V {
        V::Blob(Some(v))
    }
}
macro_rules! from_id {
    ($($id:ty),+) => {$(
        impl From<$id> for V {
            fn from(v: $id) -> V { V::Text(Some(v.to_string())) }
        }
        impl From<Option<$id>> for V {
            fn from(v: Option<$id>) -> V { V::Text(v.map(|i| i.to_string())) }
        }
    )+};
}
from_id!(
    model::AssetId,
    model::FindingId,
    model::JoinId,
    model::ZoneId,
    model::UserId,
    model::SiteId,
    model::StocktakeId,
    model::StockEntryId
);

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Values for placeholders, in order.
macro_rules! v {
    ($($x:expr),* $(,)?) => { vec![$($crate::db::V::from($x)),*] };
}
pub(crate) use v;

/// An open database.
#[derive(Debug)]
pub(crate) struct Db {
    pool: AnyPool,
    pub place: Arc<Place>,
    writers: Arc<Mutex<()>>,
}

/// A connection, alone or in a transaction.
pub(crate) struct Conn {
    held: Held,
    place: Arc<Place>,
    _turn: Option<OwnedMutexGuard<()>>,
}
enum Held {
    Alone(PoolConnection<Any>),
    Tx(Transaction<'static, Any>),
}

/// A row.
pub(crate) struct Row {
    row: AnyRow,
    place: Arc<Place>,
}

impl Db {
    /// Connects; SQLite connections get their pragmas.
    #[inline(never)]
    pub fn connect(url: &str, place: Place) -> Doing<'_, Db> {
        Box::pin(async move {
            sqlx::any::install_default_drivers();
            let place = Arc::new(place);
            let options: AnyConnectOptions = url.parse().map_err(|e| fault(&place, e))?;
            let sqlite = place.backend == Backend::Sqlite;
            // Once without the pool: a pool takes every error for one that may pass, and only says that it waited in vain.
            let mut first = AnyConnection::connect_with(&options).await.map_err(|e| fault(&place, e))?;
            let question = if sqlite { "SELECT COUNT(*) FROM sqlite_master" } else { "SELECT 1" };
            let answer = sqlx::query(question).fetch_one(&mut first).await;
            first.close().await.map_err(|e| fault(&place, e))?;
            answer.map_err(|e| fault(&place, e))?;
            let pool = AnyPoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(PATIENCE)
                .after_connect(move |conn, _| {
                    Box::pin(async move {
                        if sqlite {
                            // FULL: a committed transaction survives a power cut. WAL: readers never wait for the writer.
                            sqlx::raw_sql(
                                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                             PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000;",
                            )
                            .execute(&mut *conn)
                            .await?;
                        }
                        Ok(())
                    })
                })
                .connect_with(options)
                .await
                .map_err(|e| fault(&place, e))?;
            Ok(Db { pool, place, writers: Arc::new(Mutex::new(())) })
        })
    }

    /// A connection for reading.
    #[inline(never)]
    pub fn read(&self) -> Doing<'_, Conn> {
        Box::pin(async move {
            let held = self.pool.acquire().await.map_err(|e| fault(&self.place, e))?;
            Ok(Conn { held: Held::Alone(held), place: self.place.clone(), _turn: None })
        })
    }

    /// A transaction that holds the lock of all writers. Dropped without [`Conn::commit`], it never was.
    #[inline(never)]
    pub fn write(&self) -> Doing<'_, Conn> {
        Box::pin(async move {
            let mut conn = self.begin().await?;
            let found = conn.run("UPDATE site SET writes = writes + 1", v![]).await?;
            if found != 1 {
                return Err(StateError::Damaged { place: self.place.name.clone(), why: String::from("the row of the site is missing") });
            }
            Ok(conn)
        })
    }

    /// A writing transaction before there is a site row (migrations).
    #[inline(never)]
    pub fn begin(&self) -> Doing<'_, Conn> {
        Box::pin(async move {
            let turn = self.writers.clone().lock_owned().await;
            let how = match self.place.backend {
                Backend::Sqlite => "BEGIN IMMEDIATE",
                Backend::Postgres => "BEGIN",
            };
            let tx = self.pool.begin_with(how).await.map_err(|e| fault(&self.place, e))?;
            Ok(Conn { held: Held::Tx(tx), place: self.place.clone(), _turn: Some(turn) })
        })
    }

    #[inline(never)]
    pub fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.pool.close().await;
        })
    }
}

impl Conn {
    fn inner(&mut self) -> &mut AnyConnection {
        match &mut self.held {
            Held::Alone(c) => c,
            Held::Tx(t) => t,
        }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Runs a statement; how many rows it touched.
    pub fn run(&mut self, sql: &'static str, values: Vec<V>) -> Doing<'_, u64> {
        self.run_sql(sql.into_sql_str(), values)
    }
    /// Runs a statement put together at run time. Only text of ours goes into it, values by placeholder.
    pub fn run_built(&mut self, sql: String, values: Vec<V>) -> Doing<'_, u64> {
        self.run_sql(AssertSqlSafe(sql).into_sql_str(), values)
    }
    #[inline(never)]
    fn run_sql(&mut self, sql: SqlStr, values: Vec<V>) -> Doing<'_, u64> {
        Box::pin(async move {
            let place = self.place.clone();
            let done = sqlx::query_with(sql, arguments(values, &place)?).execute(self.inner()).await.map_err(|e| fault(&place, e))?;
            Ok(done.rows_affected())
        })
    }

    /// Every row of an answer.
    pub fn rows(&mut self, sql: &'static str, values: Vec<V>) -> Doing<'_, Vec<Row>> {
        self.rows_sql(sql.into_sql_str(), values)
    }
    /// The same for a statement put together at run time.
    pub fn rows_built(&mut self, sql: String, values: Vec<V>) -> Doing<'_, Vec<Row>> {
        self.rows_sql(AssertSqlSafe(sql).into_sql_str(), values)
    }
    #[inline(never)]
    fn rows_sql(&mut self, sql: SqlStr, values: Vec<V>) -> Doing<'_, Vec<Row>> {
        Box::pin(async move {
            let place = self.place.clone();
            let rows = sqlx::query_with(sql, arguments(values, &place)?).fetch_all(self.inner()).await.map_err(|e| fault(&place, e))?;
            Ok(rows.into_iter().map(|row| Row { row, place: place.clone() }).collect())
        })
    }

    /// The first row of an answer.
    pub async fn row(&mut self, sql: &'static str, values: Vec<V>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// A number that the answer must hold (counts and the like).
    pub async fn number(&mut self, sql: &'static str, values: Vec<V>) -> Result<i64> {
        match self.row(sql, values).await? {
            Some(row) => row.int(0),
            None => Err(StateError::Damaged { place: self.place.name.clone(), why: String::from("a count gave no answer") }),
        }
    }
    /// The same for a statement put together at run time.
    pub async fn number_built(&mut self, sql: String, values: Vec<V>) -> Result<i64> {
        match self.rows_built(sql, values).await?.first() {
            Some(row) => row.int(0),
            None => Err(StateError::Damaged { place: self.place.name.clone(), why: String::from("a count gave no answer") }),
        }
    }

    /// Several statements at once, without values.
    #[inline(never)]
    pub fn script(&mut self, sql: String) -> Doing<'_, ()> {
        Box::pin(async move {
            let place = self.place.clone();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.inner()).await.map_err(|e| fault(&place, e))?;
            Ok(())
        })
    }

    /// `head VALUES (…), (…) tail` for many rows of the same width, a hundred at a time.
    pub async fn run_many(&mut self, head: &'static str, tail: &'static str, rows: Vec<Vec<V>>) -> Result<()> {
        const AT_ONCE: usize = 100;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut sql = String::from(head);
            sql.push_str(" VALUES ");
            let mut values = Vec::new();
            for (i, row) in rows.by_ref().take(AT_ONCE).enumerate() {
                sql.push_str(if i == 0 { "(" } else { ", (" });
                for (j, value) in row.into_iter().enumerate() {
                    if j > 0 {
                        sql.push_str(", ");
                    }
                    values.push(value);
                    sql.push('$');
                    sql.push_str(&values.len().to_string());
                }
                sql.push(')');
            }
            sql.push(' ');
            sql.push_str(tail);
            self.run_built(sql, values).await?;
        }
        Ok(())
    }

    #[inline(never)]
    pub fn commit(self) -> Doing<'static, ()> {
        Box::pin(async move {
            match self.held {
                Held::Tx(tx) => tx.commit().await.map_err(|e| fault(&self.place, e)),
                Held::Alone(_) => Ok(()),
            }
        })
    }

    /// Undoes and waits for it; dropping does the same in its own time.
    #[inline(never)]
    pub fn rollback(self) -> Doing<'static, ()> {
        Box::pin(async move {
            match self.held {
                Held::Tx(tx) => tx.rollback().await.map_err(|e| fault(&self.place, e)),
                Held::Alone(_) => Ok(()),
            }
        })
    }

    /// Asks the server for a sign of life.
    #[inline(never)]
    pub fn ping(&mut self) -> Doing<'_, ()> {
        Box::pin(async move {
            let place = self.place.clone();
            self.inner().ping().await.map_err(|e| fault(&place, e))
        })
    }
}

impl Row {
    fn get<'r, T>(&'r self, i: usize) -> Result<T>
    where
        T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
    {
        self.row.try_get(i).map_err(|e| self.damaged(&e.to_string()))
    }
    pub fn int(&self, i: usize) -> Result<i64> {
        self.get(i)
    }
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>> {
        self.get(i)
    }
    /// A count: what is below zero cannot be.
    pub fn count(&self, i: usize) -> Result<u64> {
        u64::try_from(self.int(i)?).map_err(|_| self.damaged("a count is below zero"))
    }
    pub fn flag(&self, i: usize) -> Result<bool> {
        Ok(self.int(i)? != 0)
    }
    pub fn time(&self, i: usize) -> Result<model::Time> {
        Ok(model::Time(self.int(i)?))
    }
    pub fn opt_time(&self, i: usize) -> Result<Option<model::Time>> {
        Ok(self.opt_int(i)?.map(model::Time))
    }
    pub fn text(&self, i: usize) -> Result<String> {
        self.get(i)
    }
    pub fn opt_text(&self, i: usize) -> Result<Option<String>> {
        self.get(i)
    }
    pub fn opt_blob(&self, i: usize) -> Result<Option<Vec<u8>>> {
        self.get(i)
    }
    /// Text that must be readable as something else.
    pub fn parsed<T: std::str::FromStr>(&self, i: usize) -> Result<T> {
        let text = self.text(i)?;
        text.parse().map_err(|_| self.damaged(&format!("'{text}' cannot be read")))
    }
    /// The same where nothing may stand.
    pub fn opt_parsed<T: std::str::FromStr>(&self, i: usize) -> Result<Option<T>> {
        match self.opt_text(i)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.damaged(&format!("'{text}' cannot be read"))),
        }
    }
    /// A word of a fixed list.
    pub fn named<T>(&self, i: usize, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text = self.text(i)?;
        read(&text).ok_or_else(|| self.damaged(&format!("'{text}' is not a known word")))
    }
    /// JSON that we wrote.
    pub fn json<T: serde::de::DeserializeOwned>(&self, i: usize) -> Result<T> {
        serde_json::from_str(&self.text(i)?).map_err(|e| self.damaged(&e.to_string()))
    }
    pub fn damaged(&self, why: &str) -> StateError {
        StateError::Damaged { place: self.place.name.clone(), why: why.to_owned() }
    }
}

fn arguments(values: Vec<V>, place: &Place) -> Result<AnyArguments> {
    let mut all = AnyArguments::default();
    for value in values {
        let added = match value {
            V::Int(v) => all.add(v),
            V::Text(v) => all.add(v),
            V::Blob(v) => all.add(v),
        };
        added.map_err(|e| StateError::Database { place: place.name.clone(), why: e.to_string() })?;
    }
    Ok(all)
}

/// JSON of something of ours; it always has one.
pub(crate) fn to_json<T: serde::Serialize>(value: &T, place: &Place) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StateError::Database { place: place.name.clone(), why: format!("cannot write JSON: {e}") })
}

/// `$from, $from+1, …` for lists.
pub(crate) fn marks(from: usize, count: usize) -> String {
    let mut out = String::new();
    for i in 0..count {
        if i > 0 {
            out.push_str(", ");
        }
        out.push('$');
        out.push_str(&(from + i).to_string());
    }
    out
}

/// The driver's error as ours: what, where and what to do.
pub(crate) fn fault(place: &Place, error: sqlx::Error) -> StateError {
    let name = place.name.clone();
    let why = error.to_string();
    match &error {
        sqlx::Error::Database(db) => {
            let code = db.code().unwrap_or_default().into_owned();
            match place.backend {
                // https://www.sqlite.org/rescode.html; the low byte is the primary code.
                Backend::Sqlite => match code.parse::<i64>().map_or(0, |c| c & 0xff) {
                    5 | 6 => StateError::Locked { place: name },
                    8 => StateError::ReadOnly { place: name },
                    11 | 26 => StateError::Damaged { place: name, why },
                    13 => StateError::Full { place: name },
                    10 | 14 => StateError::Connection { place: name, why },
                    _ => StateError::Database { place: name, why },
                },
                // https://www.postgresql.org/docs/current/errcodes-appendix.html
                Backend::Postgres => match code.as_str() {
                    "53100" => StateError::Full { place: name },
                    "25006" => StateError::ReadOnly { place: name },
                    "55P03" | "40P01" | "40001" => StateError::Locked { place: name },
                    "XX001" | "XX002" => StateError::Damaged { place: name, why },
                    "3D000" | "53300" => StateError::Connection { place: name, why },
                    c if c.starts_with("08") || c.starts_with("28") || c.starts_with("57P") => StateError::Connection { place: name, why },
                    _ => StateError::Database { place: name, why },
                },
            }
        }
        sqlx::Error::PoolTimedOut if place.backend == Backend::Sqlite => StateError::Locked { place: name },
        sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => StateError::Full { place: name },
        sqlx::Error::Io(e) if matches!(e.kind(), std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied) => {
            StateError::ReadOnly { place: name }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Configuration(_)
        | sqlx::Error::BeginFailed => StateError::Connection { place: name, why },
        _ => StateError::Database { place: name, why },
    }
}

/// Randomness for ids, tokens of ours and the site: from the system, nowhere else.
pub(crate) fn random<const N: usize>(place: &Place) -> Result<[u8; N]> {
    let mut out = [0u8; N];
    getrandom::fill(&mut out)
        .map_err(|e| StateError::Database { place: place.name.clone(), why: format!("the system gives no random numbers: {e}") })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_on() {
        assert_eq!(marks(3, 3), "$3, $4, $5");
        assert_eq!(marks(1, 0), "");
    }

    #[test]
    fn text_from_the_wire_never_holds_nul() {
        let V::Text(Some(t)) = V::from("a\0b") else { panic!() };
        assert_eq!(t, "a\u{fffd}b");
        let V::Int(Some(n)) = V::from(u64::MAX) else { panic!() };
        assert_eq!(n, i64::MAX);
    }
}
