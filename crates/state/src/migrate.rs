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
    Step { number: 10, name: "days_of_each_table", sql: include_str!("../migrations/0010_days_of_each_table.sql") },
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

#[cfg(test)]
mod tests {
    use super::STEPS;
    use crate::db::v;
    use crate::settings::{number, retention_of};
    use crate::{Store, StoreUrl};
    use model::Time;
    use model::event::Table;

    /// What stood over all tables is written into each of them, and evidence was never under it.
    #[test]
    fn the_days_that_stood_over_all_tables_become_those_of_each() {
        let run = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        run.block_on(async {
            for (over, own, expected) in [
                (Some("200"), Some("90"), [90, 200, 2562]),
                (Some("200"), Some("300"), [200, 200, 2562]),
                (Some("1000"), None, [366, 366, 2562]),
                (Some("1000"), Some("3000"), [1000, 366, 2562]),
                (None, Some("3000"), [3000, 366, 2562]),
            ] {
                let folder = tempfile::tempdir().unwrap();
                let url = StoreUrl::Sqlite(folder.path().join("state.db"));
                let before = Store::open_as_of(&url, 9, Time(1)).await.unwrap();
                let mut tx = before.write().await.unwrap();
                for (key, value) in [("retention_days", over), ("retention_flow_days", own)] {
                    if let Some(value) = value {
                        let sql = "INSERT INTO settings (key, value, rev, changed_by, changed_at) VALUES ($1, $2, 3, '田中', 5)";
                        tx.run(sql, v![key, value]).await.unwrap();
                    }
                }
                tx.commit().await.unwrap();
                before.close().await;
                let now = Store::open(&url, Time(2)).await.unwrap();
                let mut conn = now.read().await.unwrap();
                let mut found = Vec::new();
                for table in [Table::Flow, Table::Log, Table::Evidence] {
                    found.push(number(&mut conn, retention_of(table)).await.unwrap());
                }
                assert_eq!(found, expected, "{over:?} over {own:?}");
                let left = conn.number("SELECT COUNT(*) FROM settings WHERE key = 'retention_days'", v![]).await.unwrap();
                assert_eq!(left, 0);
                drop(conn);
                now.close().await;
            }
        });
        assert!(STEPS.windows(2).all(|w| w[0].number < w[1].number));
    }
}
