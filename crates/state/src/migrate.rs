//! Bringing the schema up to date: numbered files, all that are missing in one transaction, so that an update either happened
//! or did not. A database that a newer program wrote is left alone.

use crate::db::{Backend, Conn, Db, v};
use crate::error::{Result, StateError};
use model::Time;

/// One step of the schema.
pub(crate) struct Step {
    pub number: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

/// Every step, in order. A step that was released is never edited; a new one is added.
pub(crate) const STEPS: &[Step] = &[
    Step { number: 1, name: "site_and_people", sql: include_str!("../migrations/0001_site_and_people.sql") },
    Step { number: 2, name: "watch", sql: include_str!("../migrations/0002_watch.sql") },
    Step { number: 3, name: "internet_need", sql: include_str!("../migrations/0003_internet_need.sql") },
    Step { number: 4, name: "signs_and_joins", sql: include_str!("../migrations/0004_signs_and_joins.sql") },
    Step { number: 6, name: "stocktake", sql: include_str!("../migrations/0006_stocktake.sql") },
    Step { number: 9, name: "searches", sql: include_str!("../migrations/0009_searches.sql") },
    Step { number: 12, name: "clocks", sql: include_str!("../migrations/0012_clocks.sql") },
    Step { number: 17, name: "zone_hours", sql: include_str!("../migrations/0017_zone_hours.sql") },
];

/// The number of the newest step. Numbers only rise; they need not follow each other.
pub(crate) const NEWEST: i64 = match STEPS.last() {
    Some(step) => step.number,
    None => 0,
};

/// Runs what is missing. Returns the version before and after.
pub(crate) async fn migrate(db: &Db, steps: &[Step], now: Time) -> Result<(i64, i64)> {
    let known = steps.last().map_or(0, |s| s.number);
    let mut conn = db.begin().await?;
    let backend = conn.place().backend;
    if backend == Backend::Postgres {
        // Two programs that start at once: the second waits here and finds everything done.
        conn.script(String::from("SELECT pg_advisory_xact_lock(7310294616114)")).await?;
    }
    conn.script(String::from(
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)",
    ))
    .await?;
    let found = conn.number("SELECT COALESCE(MAX(version), 0) FROM schema_version", v![]).await?;
    if found > known {
        let place = conn.place().name.clone();
        conn.rollback().await?;
        return Err(StateError::Newer { place, found, known });
    }
    // By what is there and not by the newest: steps of several people may come together in any order before a release.
    let rows = conn.rows("SELECT version FROM schema_version", v![]).await?;
    let done = rows.iter().map(|r| r.int(0)).collect::<Result<Vec<i64>>>()?;
    for step in steps.iter().filter(|s| !done.contains(&s.number)) {
        run(&mut conn, step, now).await?;
    }
    conn.commit().await?;
    Ok((found, known))
}

async fn run(conn: &mut Conn, step: &Step, now: Time) -> Result<()> {
    let blob = match conn.place().backend {
        Backend::Sqlite => "BLOB",
        Backend::Postgres => "BYTEA",
    };
    conn.script(step.sql.replace("{blob}", blob)).await?;
    conn.run("INSERT INTO schema_version (version, name, applied) VALUES ($1, $2, $3)", v![step.number, step.name, now]).await?;
    Ok(())
}
