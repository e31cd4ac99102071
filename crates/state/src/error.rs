//! What can go wrong, where, and what to do about it. The text of these errors is for the log and the command line; the console
//! renders by variant.

use model::Time;

/// Short for results of this room.
pub type Result<T> = std::result::Result<T, StateError>;

/// Why a value does not fit: for the log in English, for people by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Key of the wording in locale files (`invalid-…`, `import-…`, `field-…`).
    pub key: &'static str,
    /// What stands in the wording as `x`: the limit, or the value; may be empty.
    pub x: String,
    /// In English.
    pub text: String,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl StateError {
    /// A value that does not fit.
    pub(crate) fn invalid(field: &'static str, key: &'static str, x: impl ToString, text: impl Into<String>) -> StateError {
        StateError::Invalid { field, why: Why { key, x: x.to_string(), text: text.into() } }
    }
}

/// Why state could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Somebody else changed the row after it was read.
    #[error("{by} changed this at {at}; look at it again, then repeat your change")]
    Changed {
        /// Who.
        by: String,
        /// When.
        at: Time,
        /// The revision that stands now.
        rev: i64,
    },
    /// There is no such row, or the asker may not see it.
    #[error("there is no {what} {id}")]
    NotFound {
        /// `asset`, `finding`, `zone`, `user`, `setting`, `sensor`.
        what: &'static str,
        /// As asked.
        id: String,
    },
    /// A value does not fit. `field` names it as in the API.
    #[error("{field}: {why}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What would fit.
        why: Why,
    },
    /// A row of that name is there already.
    #[error("there is already a {what} named {name}")]
    Exists {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The proof was made for a site that is not kept here.
    #[error("this permission is for another site")]
    OtherSite,
    /// The proof reaches one zone only, and the deed concerns the whole site or another zone.
    #[error("this permission reaches one zone only, and {what} concerns more than that")]
    ZoneOnly {
        /// What was tried.
        what: &'static str,
    },
    /// The last account that can manage accounts cannot be switched off or lose its role.
    #[error("this is the last account that can manage accounts; make another one first")]
    LastAdministrator,
    /// The machine's handle was already given out.
    #[error("the pipeline handle of this store was already given out")]
    Taken,
    /// No room is left where state is kept.
    #[error("no room is left for {place}; free some space, Hinomi goes on by itself")]
    Full {
        /// File or server.
        place: String,
    },
    /// State cannot be written.
    #[error("{place} cannot be written; check that the folder is not mounted read-only and belongs to the account that runs Hinomi")]
    ReadOnly {
        /// File or server.
        place: String,
    },
    /// Another program holds state for longer than we wait.
    #[error("{place} is locked by another program; end it (a copy of Hinomi, a backup, a database browser), then try again")]
    Locked {
        /// File or server.
        place: String,
    },
    /// The database cannot be reached.
    #[error("{place} cannot be reached: {why}; check that it runs and that address, account and password are right")]
    Connection {
        /// File or server, without password.
        place: String,
        /// As the driver put it.
        why: String,
    },
    /// State was written by a newer program.
    #[error(
        "{place} was written by a newer Hinomi (schema {found}; this program knows up to {known}); install that version or newer, or restore the backup made before the update"
    )]
    Newer {
        /// File or server.
        place: String,
        /// Its schema version.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// State holds something that cannot be.
    #[error("{place} is damaged: {why}; restore the last backup, and keep this file for examination")]
    Damaged {
        /// File or server.
        place: String,
        /// What was found.
        why: String,
    },
    /// The database refused a statement for another reason.
    #[error("{place} refused: {why}")]
    Database {
        /// File or server.
        place: String,
        /// As the driver put it.
        why: String,
    },
}
