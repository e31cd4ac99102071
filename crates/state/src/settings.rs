//! Settings: a table of known keys, each with default, unit and bounds.

use crate::error::Result;
use crate::store::Store;
use model::access::{EditSettings, ViewSettings};
use model::{Authorised, Time};

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A whole number between two bounds, inclusive.
    Number(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text of at most so many characters.
    Text(usize),
    /// An IANA time zone.
    TimeZone,
}

/// A known key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its value until somebody sets it.
    pub default: &'static str,
    /// Unit, or what sort of value it is.
    pub unit: &'static str,
    /// What it may hold.
    pub holds: Holds,
    /// What it is for (English; locale files carry both languages under `setting-NAME`).
    pub about: &'static str,
}

/// Every setting there is.
pub const SETTINGS: &[Key] = &[
    Key { name: "site_name", default: "", unit: "text", holds: Holds::Text(80), about: "name of this site on pages and reports" },
    Key {
        name: "time_zone",
        default: "Asia/Tokyo",
        unit: "IANA name",
        holds: Holds::TimeZone,
        about: "time zone of pages, habits and reports",
    },
    Key {
        name: "language",
        default: "ja",
        unit: "ja or en",
        holds: Holds::Word(&["ja", "en"]),
        about: "language for those who have not chosen one",
    },
    Key { name: "retention_days", default: "400", unit: "days", holds: Holds::Number(1, 3660), about: "how long the vault keeps events" },
    Key {
        name: "retention_bytes",
        default: "107374182400",
        unit: "bytes",
        holds: Holds::Number(67_108_864, 1 << 50),
        about: "how much room the vault may take",
    },
    Key {
        name: "hours_kept_days",
        default: "731",
        unit: "days",
        holds: Holds::Number(31, 3660),
        about: "how long hourly traffic of each asset is kept",
    },
    Key {
        name: "peers_kept_days",
        default: "400",
        unit: "days",
        holds: Holds::Number(7, 3660),
        about: "how long a link without traffic is kept",
    },
    Key {
        name: "findings_kept_days",
        default: "1100",
        unit: "days",
        holds: Holds::Number(30, 3660),
        about: "how long closed findings are kept",
    },
    Key {
        name: "learning_days",
        default: "14",
        unit: "days",
        holds: Holds::Number(1, 90),
        about: "how long a habit is learned before it is judged",
    },
    Key {
        name: "silence_minutes",
        default: "60",
        unit: "minutes",
        holds: Holds::Number(5, 10_080),
        about: "how long a device that is always on may be silent",
    },
    Key {
        name: "session_idle_minutes",
        default: "120",
        unit: "minutes",
        holds: Holds::Number(5, 1_440),
        about: "how long a session lives without a request",
    },
    Key { name: "session_hours", default: "12", unit: "hours", holds: Holds::Number(1, 168), about: "how long a session lives at most" },
    Key {
        name: "login_failures",
        default: "5",
        unit: "attempts",
        holds: Holds::Number(3, 20),
        about: "wrong passwords before an account is locked for a while",
    },
    Key {
        name: "notify_severity",
        default: "today",
        unit: "severity",
        holds: Holds::Word(&["today", "week", "check", "record", "none"]),
        about: "findings from this severity on are announced on open pages",
    },
];

/// A setting as it stands.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its key.
    pub key: &'static Key,
    /// Its value.
    pub value: String,
    /// Nobody has set it.
    pub is_default: bool,
    /// For changes; 0 while nobody has set it.
    pub rev: i64,
    /// Who set it last; empty while nobody has.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<Time>,
}

impl Store {
    /// Every setting.
    pub async fn settings(&self, _proof: &Authorised<ViewSettings>) -> Result<Vec<Setting>> {
        unimplemented!()
    }
    /// One setting.
    pub async fn setting(&self, _proof: &Authorised<ViewSettings>, _key: &str) -> Result<Setting> {
        unimplemented!()
    }
    /// Sets one.
    pub async fn set_setting(&self, _proof: &Authorised<EditSettings>, _key: &str, _rev: i64, _value: &str, _now: Time) -> Result<Setting> {
        unimplemented!()
    }
}
