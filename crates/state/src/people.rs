//! Accounts, and what people set for themselves.

use crate::error::Result;
use crate::store::Store;
use model::access::{Grant, ManageUsers, OwnSettings};
use model::{Authorised, Lang, Time, UserId};

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

impl Store {
    /// The accounts. A zone's administrator sees those whose roles all lie in the zone.
    pub async fn users(&self, _proof: &Authorised<ManageUsers>) -> Result<Vec<User>> {
        unimplemented!()
    }
    /// Makes an account with a one-time password, given as a PHC string.
    pub async fn create_user(
        &self,
        _proof: &Authorised<ManageUsers>,
        _name: &str,
        _grants: &[Grant],
        _phc: &str,
        _now: Time,
    ) -> Result<UserId> {
        unimplemented!()
    }
    /// Gives an account these roles instead of those it has.
    pub async fn set_roles(&self, _proof: &Authorised<ManageUsers>, _id: UserId, _rev: i64, _grants: &[Grant], _now: Time) -> Result<User> {
        unimplemented!()
    }
    /// Lets an account log in, or no longer; then its sessions end.
    pub async fn set_enabled(&self, _proof: &Authorised<ManageUsers>, _id: UserId, _rev: i64, _enabled: bool, _now: Time) -> Result<User> {
        unimplemented!()
    }
    /// Gives an account a new one-time password (PHC string), unlocks it and ends its sessions.
    pub async fn reset_password(&self, _proof: &Authorised<ManageUsers>, _id: UserId, _phc: &str, _now: Time) -> Result<()> {
        unimplemented!()
    }
    /// What somebody set for themselves.
    pub async fn own(&self, _proof: &Authorised<OwnSettings>) -> Result<Own> {
        unimplemented!()
    }
    /// Sets one's own language; nothing: as the site.
    pub async fn set_own_language(&self, _proof: &Authorised<OwnSettings>, _language: Option<Lang>, _now: Time) -> Result<()> {
        unimplemented!()
    }
    /// Sets one's own theme.
    pub async fn set_own_theme(&self, _proof: &Authorised<OwnSettings>, _theme: Theme, _now: Time) -> Result<()> {
        unimplemented!()
    }
    /// Sets one's own password (PHC string; the caller has checked the old one) and ends every other session of the account.
    pub async fn set_own_password(
        &self,
        _proof: &Authorised<OwnSettings>,
        _phc: &str,
        _keep_session: Option<[u8; 32]>,
        _now: Time,
    ) -> Result<()> {
        unimplemented!()
    }
}
