//! Searches that people keep for themselves: a name, and the query of the page's address. Nobody else sees them.

use crate::db::v;
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::Store;
use crate::text::{hex, is_clean};
use model::access::OwnSettings;
use model::event::Deed;
use model::{Authorised, Time, UserId};

/// Searches of one person at most.
const MOST: i64 = 50;
/// Characters of a name at most.
const MOST_NAME: usize = 60;
/// Bytes of a query at most.
const MOST_QUERY: usize = 2000;

/// A search that somebody kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Its id.
    pub id: String,
    /// What they call it.
    pub name: String,
    /// The query of the page's address, url-encoded, without `?`.
    pub query: String,
}

impl Store {
    fn searcher(&self, proof: &Authorised<OwnSettings>) -> Result<UserId> {
        self.guard(proof)?;
        proof.user().ok_or_else(|| StateError::invalid("user", "invalid-no-own", "", "the command line has no settings of its own"))
    }

    /// One's own searches by name.
    pub async fn searches(&self, proof: &Authorised<OwnSettings>) -> Result<Vec<Search>> {
        let user = self.searcher(proof)?;
        let rows = self.read().await?.rows("SELECT id, name, query FROM searches WHERE user_id = $1 ORDER BY name", v![user]).await?;
        rows.iter().map(|r| Ok(Search { id: r.text(0)?, name: r.text(1)?, query: r.text(2)? })).collect()
    }

    /// Keeps a search; one of the same name is replaced.
    pub async fn keep_search(&self, proof: &Authorised<OwnSettings>, name: &str, query: &str, now: Time) -> Result<()> {
        let user = self.searcher(proof)?;
        let name = name.trim();
        let line = !name.is_empty() && name.chars().count() <= MOST_NAME && is_clean(name) && !name.contains(['\n', '\r']);
        if !line {
            return Err(StateError::invalid("name", "invalid-line", MOST_NAME, format!("must be one line of 1 to {MOST_NAME} characters")));
        }
        if query.len() > MOST_QUERY || !query.bytes().all(|b| (0x21..0x7f).contains(&b)) {
            return Err(StateError::invalid("query", "invalid-line", MOST_QUERY, "must be the query of an address"));
        }
        let id = hex(&self.random::<16>()?);
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let others = tx.number("SELECT COUNT(*) FROM searches WHERE user_id = $1 AND name <> $2", v![user, name]).await?;
        if others >= MOST {
            return Err(StateError::invalid("name", "invalid-too-many-searches", MOST, format!("at most {MOST} searches are kept")));
        }
        tx.run(
            "INSERT INTO searches (id, user_id, name, query, created) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, name) DO UPDATE \
             SET query = excluded.query, created = excluded.created",
            v![&id, user, name, query, now],
        )
        .await?;
        audit(&mut tx, &who, Deed::Setting { key: String::from("own.search"), from: String::new(), to: name.to_owned() }, now).await?;
        tx.commit().await
    }

    /// Forgets one of one's own searches. Nothing happens where there is none.
    pub async fn forget_search(&self, proof: &Authorised<OwnSettings>, id: &str, now: Time) -> Result<()> {
        let user = self.searcher(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let Some(row) = tx.row("SELECT name FROM searches WHERE id = $1 AND user_id = $2", v![id, user]).await? else { return Ok(()) };
        let name = row.text(0)?;
        tx.run("DELETE FROM searches WHERE id = $1 AND user_id = $2", v![id, user]).await?;
        audit(&mut tx, &who, Deed::Setting { key: String::from("own.search"), from: name, to: String::new() }, now).await?;
        tx.commit().await
    }
}
