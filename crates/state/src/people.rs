//! Accounts, and what people set for themselves.

use crate::db::{Conn, Row, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::{Store, Who};
use crate::text;
use model::access::{Grant, ManageUsers, OwnSettings, Role};
use model::event::Deed;
use model::{Authorised, Lang, Time, UserId, ZoneId};

/// How pages look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}
impl Theme {
    /// The name in the database, forms and locale keys.
    pub const fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
    /// The theme of that name.
    pub fn from_name(name: &str) -> Option<Theme> {
        [Theme::System, Theme::Light, Theme::Dark].into_iter().find(|t| t.name() == name)
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// For changes.
    pub rev: i64,
    /// The name to log in with and to be called by.
    pub name: String,
    /// What it may do, where.
    pub grants: Vec<Grant>,
    /// It may log in.
    pub enabled: bool,
    /// It has a one-time password that must be changed.
    pub must_change_password: bool,
    /// Made.
    pub created: Time,
    /// Last log-in.
    pub last_login: Option<Time>,
    /// Locked after wrong passwords until then.
    pub locked_until: Option<Time>,
}

/// What somebody set for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Their account.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their language, where they chose one.
    pub language: Option<Lang>,
    /// Their theme.
    pub theme: Theme,
    /// They must change their password first.
    pub must_change_password: bool,
}

/// The most characters of a name.
pub const LONGEST_NAME: usize = 64;
/// The most roles of one account.
pub const MOST_GRANTS: usize = 32;
/// The most accounts.
pub const MOST_USERS: i64 = 2_000;

/// How a name is compared.
pub(crate) fn folded(name: &str) -> String {
    text::fold(name, LONGEST_NAME)
}

pub(crate) async fn grants(conn: &mut Conn, id: UserId) -> Result<Vec<Grant>> {
    let rows = conn.rows("SELECT role, site, zone FROM grants WHERE user_id = $1 ORDER BY place", v![id]).await?;
    rows.iter().map(|r| Ok(Grant { role: r.named(0, Role::from_name)?, site: r.opt_parsed(1)?, zone: r.opt_parsed(2)? })).collect()
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.parsed(0)?,
        rev: row.int(1)?,
        name: row.text(2)?,
        grants: Vec::new(),
        enabled: row.flag(3)?,
        must_change_password: row.flag(4)?,
        created: row.time(5)?,
        last_login: row.opt_time(6)?,
        locked_until: row.opt_time(7)?,
    })
}

const COLUMNS: &str = "SELECT id, rev, name, enabled, must_change, created, last_login, locked_until, changed_by, changed_at FROM users";

async fn one(conn: &mut Conn, id: UserId, zone: Option<ZoneId>) -> Result<User> {
    let missing = || StateError::NotFound { what: "user", id: id.to_string() };
    let rows = conn.rows_built(format!("{COLUMNS} WHERE id = $1"), v![id]).await?;
    let mut found = user(rows.first().ok_or_else(missing)?)?;
    found.grants = grants(conn, id).await?;
    if within(&found.grants, zone) { Ok(found) } else { Err(missing()) }
}

/// Whether a zone's administrator may touch an account: all its roles lie in the zone, and it has one.
fn within(grants: &[Grant], zone: Option<ZoneId>) -> bool {
    zone.is_none() || (!grants.is_empty() && grants.iter().all(|g| g.zone == zone))
}

async fn changed_since(conn: &mut Conn, user: &User, rev: i64) -> Result<()> {
    if user.rev == rev {
        return Ok(());
    }
    let row = conn.row("SELECT changed_by, changed_at FROM users WHERE id = $1", v![user.id]).await?;
    let (by, at) = row.map_or(Ok((String::new(), user.created)), |r| Ok::<_, StateError>((r.text(0)?, r.time(1)?)))?;
    Err(StateError::Changed { by, at, rev: user.rev })
}

/// Somebody must be left who can manage accounts of the whole site.
async fn administrator_is_left(conn: &mut Conn) -> Result<()> {
    let left = conn
        .number(
            "SELECT COUNT(DISTINCT u.id) FROM users u JOIN grants g ON g.user_id = u.id \
             WHERE u.enabled = 1 AND g.role = $1 AND g.zone IS NULL",
            v![Role::SystemAdmin.name()],
        )
        .await?;
    if left > 0 { Ok(()) } else { Err(StateError::LastAdministrator) }
}

async fn write_grants(tx: &mut Conn, id: UserId, grants: &[Grant]) -> Result<()> {
    tx.run("DELETE FROM grants WHERE user_id = $1", v![id]).await?;
    let rows = grants.iter().zip(0i64..).map(|(g, place)| v![id, place, g.role.name(), g.site, g.zone]).collect();
    tx.run_many("INSERT INTO grants (user_id, place, role, site, zone)", "", rows).await
}

fn is_phc(text: &str) -> Result<()> {
    // https://github.com/P-H-C/phc-string-format: the check is against storing a bare password by mistake.
    if text.starts_with('$') && text.matches('$').count() >= 3 && text.len() <= 512 && text.is_ascii() {
        return Ok(());
    }
    Err(StateError::invalid("password", "invalid-password-hash", "", "is not a password hash (PHC string)"))
}

/// Puts an account into the database.
pub(crate) async fn insert(tx: &mut Conn, id: UserId, name: &str, grants: &[Grant], phc: &str, who: &Who, now: Time) -> Result<()> {
    is_phc(phc)?;
    let name = name.trim();
    let folded = folded(name);
    if folded.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(StateError::invalid(
            "name",
            "invalid-line",
            LONGEST_NAME,
            format!("must be one line of 1 to {LONGEST_NAME} characters"),
        ));
    }
    if tx.row("SELECT id FROM users WHERE folded = $1", v![&folded]).await?.is_some() {
        return Err(StateError::Exists { what: "user", name: name.to_owned() });
    }
    tx.run(
        "INSERT INTO users (id, rev, name, folded, password_hash, must_change, enabled, failures, language, theme, created, changed_by, \
         changed_at) VALUES ($1, 1, $2, $3, $4, 1, 1, 0, '', 'system', $5, $6, $5)",
        v![id, name, folded, phc, now, &who.name],
    )
    .await?;
    write_grants(tx, id, grants).await?;
    let roles = grants.iter().map(|g| g.role).collect();
    audit(tx, who, Deed::Account { user: id, name: name.to_owned(), roles, enabled: true }, now).await
}

/// A new password for an account: unlocked, and with its sessions ended but one.
pub(crate) async fn set_password(
    tx: &mut Conn,
    id: UserId,
    phc: &str,
    must_change: bool,
    keep: Option<[u8; 32]>,
    who: &Who,
    now: Time,
) -> Result<()> {
    is_phc(phc)?;
    tx.run(
        "UPDATE users SET password_hash = $1, must_change = $2, failures = 0, locked_until = NULL, rev = rev + 1, changed_by = $3, \
         changed_at = $4 WHERE id = $5",
        v![phc, must_change, &who.name, now, id],
    )
    .await?;
    let keep = keep.map(|k| crate::text::hex(&k)).unwrap_or_default();
    tx.run("DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2", v![id, keep]).await?;
    audit(tx, who, Deed::PasswordSet { user: id }, now).await
}

impl Store {
    fn check_grants(&self, grants: &[Grant], zone: Option<ZoneId>) -> Result<()> {
        if grants.is_empty() || grants.len() > MOST_GRANTS {
            return Err(StateError::invalid("roles", "invalid-roles", MOST_GRANTS, format!("an account has 1 to {MOST_GRANTS} roles")));
        }
        if grants.iter().any(|g| g.site.is_some_and(|s| s != self.site().id)) {
            return Err(StateError::invalid("roles", "invalid-role-site", "", "the site of a role is not this one"));
        }
        if within(grants, zone) { Ok(()) } else { Err(StateError::ZoneOnly { what: "this role" }) }
    }

    /// The accounts. A zone's administrator sees those whose roles all lie in the zone.
    pub async fn users(&self, proof: &Authorised<ManageUsers>) -> Result<Vec<User>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let rows = conn.rows_built(format!("{COLUMNS} ORDER BY folded"), v![]).await?;
        let mut out = rows.iter().map(user).collect::<Result<Vec<_>>>()?;
        for u in &mut out {
            u.grants = grants(&mut conn, u.id).await?;
        }
        out.retain(|u| within(&u.grants, proof.zone()));
        Ok(out)
    }

    /// Makes an account with a one-time password, given as a PHC string.
    pub async fn create_user(&self, proof: &Authorised<ManageUsers>, name: &str, grants: &[Grant], phc: &str, now: Time) -> Result<UserId> {
        self.guard(proof)?;
        self.check_grants(grants, proof.zone())?;
        let mut tx = self.write().await?;
        zones_are_there(&mut tx, grants).await?;
        if tx.number("SELECT COUNT(*) FROM users", v![]).await? >= MOST_USERS {
            return Err(StateError::invalid(
                "name",
                "invalid-too-many-accounts",
                MOST_USERS,
                format!("there are {MOST_USERS} accounts already"),
            ));
        }
        let id = UserId::from_parts(now, self.random()?);
        insert(&mut tx, id, name, grants, phc, &self.who(proof), now).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Gives an account these roles instead of those it has.
    pub async fn set_roles(&self, proof: &Authorised<ManageUsers>, id: UserId, rev: i64, grants: &[Grant], now: Time) -> Result<User> {
        self.guard(proof)?;
        self.check_grants(grants, proof.zone())?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let old = one(&mut tx, id, proof.zone()).await?;
        changed_since(&mut tx, &old, rev).await?;
        if old.grants == grants {
            return Ok(old);
        }
        zones_are_there(&mut tx, grants).await?;
        write_grants(&mut tx, id, grants).await?;
        tx.run("UPDATE users SET rev = rev + 1, changed_by = $1, changed_at = $2 WHERE id = $3", v![&who.name, now, id]).await?;
        administrator_is_left(&mut tx).await?;
        let new = one(&mut tx, id, None).await?;
        let roles = grants.iter().map(|g| g.role).collect();
        audit(&mut tx, &who, Deed::Account { user: id, name: new.name.clone(), roles, enabled: new.enabled }, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Lets an account log in, or no longer; then its sessions end.
    pub async fn set_enabled(&self, proof: &Authorised<ManageUsers>, id: UserId, rev: i64, enabled: bool, now: Time) -> Result<User> {
        self.guard(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let old = one(&mut tx, id, proof.zone()).await?;
        changed_since(&mut tx, &old, rev).await?;
        if old.enabled == enabled {
            return Ok(old);
        }
        tx.run(
            "UPDATE users SET enabled = $1, rev = rev + 1, changed_by = $2, changed_at = $3 WHERE id = $4",
            v![enabled, &who.name, now, id],
        )
        .await?;
        if !enabled {
            tx.run("DELETE FROM sessions WHERE user_id = $1", v![id]).await?;
            administrator_is_left(&mut tx).await?;
        }
        let new = one(&mut tx, id, None).await?;
        let roles = new.grants.iter().map(|g| g.role).collect();
        audit(&mut tx, &who, Deed::Account { user: id, name: new.name.clone(), roles, enabled }, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Gives an account a new one-time password (PHC string), unlocks it and ends its sessions.
    pub async fn reset_password(&self, proof: &Authorised<ManageUsers>, id: UserId, phc: &str, now: Time) -> Result<()> {
        self.guard(proof)?;
        let mut tx = self.write().await?;
        one(&mut tx, id, proof.zone()).await?;
        set_password(&mut tx, id, phc, true, None, &self.who(proof), now).await?;
        tx.commit().await
    }

    fn myself(&self, proof: &Authorised<OwnSettings>) -> Result<UserId> {
        self.guard(proof)?;
        proof.user().ok_or_else(|| StateError::invalid("user", "invalid-no-own", "", "the command line has no settings of its own"))
    }

    /// What somebody set for themselves.
    pub async fn own(&self, proof: &Authorised<OwnSettings>) -> Result<Own> {
        let id = self.myself(proof)?;
        let mut conn = self.read().await?;
        let row = conn.row("SELECT name, language, theme, must_change FROM users WHERE id = $1", v![id]).await?;
        let row = row.ok_or_else(|| StateError::NotFound { what: "user", id: id.to_string() })?;
        Ok(Own {
            id,
            name: row.text(0)?,
            language: Lang::from_tags(&row.text(1)?),
            theme: Theme::from_name(&row.text(2)?).unwrap_or_default(),
            must_change_password: row.flag(3)?,
        })
    }

    /// Sets one's own language; nothing: as the site.
    pub async fn set_own_language(&self, proof: &Authorised<OwnSettings>, language: Option<Lang>, now: Time) -> Result<()> {
        self.set_own(proof, "language", language.map_or("", Lang::tag), now).await
    }

    /// Sets one's own theme.
    pub async fn set_own_theme(&self, proof: &Authorised<OwnSettings>, theme: Theme, now: Time) -> Result<()> {
        self.set_own(proof, "theme", theme.name(), now).await
    }

    async fn set_own(&self, proof: &Authorised<OwnSettings>, what: &'static str, to: &str, now: Time) -> Result<()> {
        let id = self.myself(proof)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let (read, write) = match what {
            "language" => ("SELECT language FROM users WHERE id = $1", "UPDATE users SET language = $1 WHERE id = $2"),
            _ => ("SELECT theme FROM users WHERE id = $1", "UPDATE users SET theme = $1 WHERE id = $2"),
        };
        let row = tx.row(read, v![id]).await?.ok_or_else(|| StateError::NotFound { what: "user", id: id.to_string() })?;
        let from = row.text(0)?;
        if from == to {
            return Ok(());
        }
        tx.run(write, v![to, id]).await?;
        audit(&mut tx, &who, Deed::Setting { key: format!("own.{what}"), from, to: to.to_owned() }, now).await?;
        tx.commit().await
    }

    /// Sets one's own password (PHC string; the caller has checked the old one) and ends every other session of the account.
    pub async fn set_own_password(
        &self,
        proof: &Authorised<OwnSettings>,
        phc: &str,
        keep_session: Option<[u8; 32]>,
        now: Time,
    ) -> Result<()> {
        let id = self.myself(proof)?;
        let mut tx = self.write().await?;
        set_password(&mut tx, id, phc, false, keep_session, &self.who(proof), now).await?;
        tx.commit().await
    }
}

async fn zones_are_there(tx: &mut Conn, grants: &[Grant]) -> Result<()> {
    for zone in grants.iter().filter_map(|g| g.zone) {
        if tx.row("SELECT id FROM zones WHERE id = $1", v![zone]).await?.is_none() {
            return Err(StateError::NotFound { what: "zone", id: zone.to_string() });
        }
    }
    Ok(())
}
