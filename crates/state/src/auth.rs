//! Authentication: what stands below authorisation, and so asks for no proof. Only the console's log-in and its session layer
//! call this.

use crate::error::Result;
use crate::people::Theme;
use crate::store::Store;
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

impl Store {
    /// No account can log in: this is the first start (or every password was void after a restore).
    pub async fn first_start(&self) -> Result<bool> {
        unimplemented!()
    }
    /// Makes the first administrator with a one-time password (PHC string), or gives the one there is a new one. Refused
    /// unless [`Store::first_start`]. Returns the name.
    pub async fn create_first_admin(&self, _phc: &str, _now: Time) -> Result<String> {
        unimplemented!()
    }
    /// The account of that name; width and case do not matter.
    pub async fn find_login(&self, _name: &str, _now: Time) -> Result<Option<LoginRow>> {
        unimplemented!()
    }
    /// Records an attempt: counts failures, locks the account for a growing time, writes the audit event. Returns until when
    /// the account is locked.
    pub async fn record_login(&self, _attempt: Attempt<'_>) -> Result<Option<Time>> {
        unimplemented!()
    }
    /// Begins a session.
    pub async fn create_session(&self, _new: NewSession<'_>) -> Result<Session> {
        unimplemented!()
    }
    /// The session of a token, if it is in force: not idle or older than allowed, the account enabled. Using it keeps it alive.
    pub async fn session(&self, _token_hash: &[u8; 32], _now: Time) -> Result<Option<Session>> {
        unimplemented!()
    }
    /// Ends a session (log-out).
    pub async fn end_session(&self, _token_hash: &[u8; 32], _now: Time) -> Result<()> {
        unimplemented!()
    }
    /// Ends every session of an account.
    pub async fn end_sessions_of(&self, _user: UserId, _now: Time) -> Result<u64> {
        unimplemented!()
    }
}
