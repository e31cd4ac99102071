//! Authentication: what stands below authorisation, and so asks for no proof. Only the console's log-in and its session layer
//! call this.

use crate::db::{Conn, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::people::{self, Theme, folded};
use crate::settings;
use crate::store::{Store, Who};
use crate::text;
use model::access::{Grant, Role};
use model::event::Deed;
use model::{Lang, Principal, Span, Time, UserId};

/// What is needed to check a password.
#[derive(Clone)]
pub struct LoginRow {
    /// The account.
    pub user: UserId,
    /// Its name as it was made.
    pub name: String,
    /// PHC string; empty where no password works.
    pub password_hash: String,
    /// It must be changed after log-in.
    pub must_change_password: bool,
    /// It may log in.
    pub enabled: bool,
    /// Wrong passwords in a row.
    pub failures: u32,
    /// Locked until then, where it is in force.
    pub locked_until: Option<Time>,
}

/// How an attempt to log in ended.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// The name that was given.
    pub name: &'a str,
    /// The account, where there is one.
    pub user: Option<UserId>,
    /// It worked.
    pub success: bool,
    /// Why not, in one word: `password`, `unknown`, `disabled`, `locked`.
    pub reason: &'a str,
    /// When.
    pub now: Time,
}

/// A session to be made. The caller draws the token and keeps it to itself; only its SHA-256 comes here.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// When.
    pub now: Time,
    /// How long it may live at most; absent: setting `session_hours`.
    pub lifetime: Option<Span>,
    /// The browser's name, cut to 200 characters.
    pub agent: &'a str,
}

/// A session that is in force.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub principal: Principal,
    /// The account.
    pub user: UserId,
    /// What forms of this session must carry.
    pub csrf: [u8; 32],
    /// Language, where the person chose one.
    pub language: Option<Lang>,
    /// Theme.
    pub theme: Theme,
    /// Since.
    pub created: Time,
    /// At the latest until.
    pub expires: Time,
}

/// The name of the first administrator.
pub const FIRST_ADMIN: &str = "admin";
/// The first lock-out, doubled with each failure after it.
const FIRST_LOCK: Span = Span::minutes(1);
/// The longest lock-out: long enough to make guessing hopeless, short enough that nobody is locked out for a day by a stranger.
const LONGEST_LOCK: Span = Span::hours(1);
/// Sessions of one account at once; the one unused longest ends first.
const MOST_SESSIONS: i64 = 20;
/// A session's last use is written at most so often.
const USE_NOTED: Span = Span::minutes(1);

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(i * 2..i * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

/// The time by which expiry is judged: never before the highest synchronised time ever told.
pub(crate) async fn judged(conn: &mut Conn, now: Time) -> Result<Time> {
    Ok(now.max(Time(conn.number("SELECT time_high FROM site", v![]).await?)))
}

impl Store {
    fn nobody(&self, name: &str, user: Option<UserId>, action: &'static str) -> Who {
        Who { user, name: text::cut(name, people::LONGEST_NAME).to_owned(), from: self.from, action }
    }

    /// No account can log in: this is the first start (or every password was void after a restore).
    pub async fn first_start(&self) -> Result<bool> {
        nobody_can_log_in(&mut self.read().await?).await
    }

    /// Makes the first administrator with a one-time password (PHC string), or gives the one there is a new one. Refused
    /// unless [`Store::first_start`]. Returns the name.
    pub async fn create_first_admin(&self, phc: &str, now: Time) -> Result<String> {
        let mut tx = self.write().await?;
        if !nobody_can_log_in(&mut tx).await? {
            return Err(StateError::Exists { what: "user", name: String::from("that can log in") });
        }
        let who = Who { user: None, name: String::from("hinomi"), from: None, action: "first_start" };
        let administrator = tx
            .row(
                "SELECT u.id, u.name FROM users u JOIN grants g ON g.user_id = u.id \
                 WHERE u.enabled = 1 AND g.role = $1 AND g.zone IS NULL ORDER BY u.created, u.id LIMIT 1",
                v![Role::SystemAdmin.name()],
            )
            .await?;
        let name = match administrator {
            Some(row) => {
                people::set_password(&mut tx, row.parsed(0)?, phc, true, None, &who, now).await?;
                row.text(1)?
            }
            None => {
                let grants = [
                    Grant { role: Role::SystemAdmin, site: None, zone: None },
                    Grant { role: Role::SecurityAdmin, site: None, zone: None },
                ];
                let id = UserId::from_parts(now, self.random()?);
                people::insert(&mut tx, id, FIRST_ADMIN, &grants, phc, &who, now).await?;
                FIRST_ADMIN.to_owned()
            }
        };
        tx.commit().await?;
        Ok(name)
    }

    /// The account of that name; width and case do not matter.
    pub async fn find_login(&self, name: &str, now: Time) -> Result<Option<LoginRow>> {
        let mut conn = self.read().await?;
        let row = conn
            .row(
                "SELECT id, name, password_hash, must_change, enabled, failures, locked_until FROM users WHERE folded = $1",
                v![folded(name)],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let now = judged(&mut conn, now).await?;
        Ok(Some(LoginRow {
            user: row.parsed(0)?,
            name: row.text(1)?,
            password_hash: row.text(2)?,
            must_change_password: row.flag(3)?,
            enabled: row.flag(4)?,
            failures: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
            locked_until: row.opt_time(6)?.filter(|until| *until > now),
        }))
    }

    /// Records an attempt: counts failures, locks the account for a growing time, writes the audit event. Returns until when
    /// the account is locked. An attempt on a locked account neither counts nor prolongs.
    pub async fn record_login(&self, attempt: Attempt<'_>) -> Result<Option<Time>> {
        let mut tx = self.write().await?;
        let now = judged(&mut tx, attempt.now).await?;
        let mut locked = None;
        if let Some(user) = attempt.user {
            let row = tx.row("SELECT failures, locked_until FROM users WHERE id = $1", v![user]).await?;
            let row = row.ok_or_else(|| StateError::NotFound { what: "user", id: user.to_string() })?;
            let still = row.opt_time(1)?.filter(|until| *until > now);
            if attempt.success {
                tx.run("UPDATE users SET failures = 0, locked_until = NULL, last_login = $1 WHERE id = $2", v![attempt.now, user]).await?;
            } else if still.is_some() {
                locked = still;
            } else {
                let failures = row.int(0)?.saturating_add(1);
                let allowed = settings::number(&mut tx, "login_failures").await?;
                if failures >= allowed {
                    let doublings = u32::try_from(failures - allowed).unwrap_or(u32::MAX).min(16);
                    let span = Span(FIRST_LOCK.0.saturating_mul(1 << doublings)).min(LONGEST_LOCK);
                    locked = Some(now + span);
                }
                tx.run("UPDATE users SET failures = $1, locked_until = $2 WHERE id = $3", v![failures, locked, user]).await?;
            }
        }
        let who = self.nobody(attempt.name, attempt.user, "log_in");
        let deed = Deed::Login {
            name: text::cut(attempt.name, people::LONGEST_NAME).to_owned(),
            success: attempt.success,
            reason: attempt.reason.to_owned(),
        };
        audit(&mut tx, &who, deed, attempt.now).await?;
        tx.commit().await?;
        Ok(locked)
    }

    /// Begins a session.
    pub async fn create_session(&self, new: NewSession<'_>) -> Result<Session> {
        let csrf: [u8; 32] = self.random()?;
        let mut tx = self.write().await?;
        let now = judged(&mut tx, new.now).await?;
        let lifetime = match new.lifetime {
            Some(span) => span,
            None => Span::hours(settings::number(&mut tx, "session_hours").await?),
        };
        let key = text::hex(&new.token_hash);
        tx.run(
            "INSERT INTO sessions (token_hash, user_id, csrf, created, used, expires, origin, agent) VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
            v![
                &key,
                new.user,
                text::hex(&csrf),
                now,
                now + lifetime,
                self.from.map(|ip| ip.to_string()).unwrap_or_default(),
                text::cut(new.agent, 200)
            ],
        )
        .await?;
        tx.run(
            "DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2 AND token_hash NOT IN (SELECT token_hash FROM sessions \
             WHERE user_id = $1 AND token_hash <> $2 ORDER BY used DESC, token_hash LIMIT $3)",
            v![new.user, &key, MOST_SESSIONS - 1],
        )
        .await?;
        // An account that may not log in gets none: the transaction is dropped.
        let found = find(&mut tx, &key, now).await?;
        let (session, _) = found.ok_or_else(|| StateError::NotFound { what: "user", id: new.user.to_string() })?;
        tx.commit().await?;
        Ok(session)
    }

    /// The session of a token, if it is in force: not idle or older than allowed, the account enabled. Using it keeps it alive.
    pub async fn session(&self, token_hash: &[u8; 32], now: Time) -> Result<Option<Session>> {
        let key = text::hex(token_hash);
        let mut conn = self.read().await?;
        let now = judged(&mut conn, now).await?;
        let Some((session, used)) = find(&mut conn, &key, now).await? else { return Ok(None) };
        drop(conn);
        if now.since(used) >= USE_NOTED {
            let mut tx = self.write().await?;
            tx.run("UPDATE sessions SET used = $1 WHERE token_hash = $2 AND used < $1", v![now, &key]).await?;
            tx.commit().await?;
        }
        Ok(Some(session))
    }

    /// Ends a session (log-out).
    pub async fn end_session(&self, token_hash: &[u8; 32], now: Time) -> Result<()> {
        let key = text::hex(token_hash);
        let mut tx = self.write().await?;
        let row = tx.row("SELECT u.id, u.name FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1", v![&key]).await?;
        let Some(row) = row else { return Ok(()) };
        tx.run("DELETE FROM sessions WHERE token_hash = $1", v![&key]).await?;
        let who = self.nobody(&row.text(1)?, Some(row.parsed(0)?), "log_out");
        audit(&mut tx, &who, Deed::Logout, now).await?;
        tx.commit().await
    }

    /// Ends every session of an account.
    pub async fn end_sessions_of(&self, user: UserId, now: Time) -> Result<u64> {
        let mut tx = self.write().await?;
        let Some(row) = tx.row("SELECT name FROM users WHERE id = $1", v![user]).await? else { return Ok(0) };
        let ended = tx.run("DELETE FROM sessions WHERE user_id = $1", v![user]).await?;
        if ended > 0 {
            let who = self.nobody(&row.text(0)?, Some(user), "log_out");
            audit(&mut tx, &who, Deed::Logout, now).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}

async fn nobody_can_log_in(conn: &mut Conn) -> Result<bool> {
    Ok(conn.number("SELECT COUNT(*) FROM users WHERE enabled = 1 AND password_hash <> ''", v![]).await? == 0)
}

/// The session with its last use, if it is in force at `now` (already judged).
async fn find(conn: &mut Conn, key: &str, now: Time) -> Result<Option<(Session, Time)>> {
    let row = conn
        .row(
            "SELECT u.id, u.name, u.must_change, u.language, u.theme, s.csrf, s.created, s.used, s.expires \
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1 AND u.enabled = 1",
            v![key],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (used, expires) = (row.time(7)?, row.time(8)?);
    let idle = Span::minutes(settings::number(conn, "session_idle_minutes").await?);
    if now >= expires || now.since(used) >= idle {
        return Ok(None);
    }
    let user: UserId = row.parsed(0)?;
    let principal =
        Principal { user: Some(user), name: row.text(1)?, grants: people::grants(conn, user).await?, must_change_password: row.flag(2)? };
    let session = Session {
        principal,
        user,
        csrf: unhex(&row.text(5)?).ok_or_else(|| row.damaged("a session's token cannot be read"))?,
        language: Lang::from_tags(&row.text(3)?),
        theme: Theme::from_name(&row.text(4)?).unwrap_or_default(),
        created: row.time(6)?,
        expires,
    };
    Ok(Some((session, used)))
}
