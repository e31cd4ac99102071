//! What the rules about traffic look at besides the event.

use crate::identity::Identity;
use crate::site::{Site, Watched};

/// The devices, the site, and what is watched, as of the event.
pub struct Around<'a> {
    pub identity: &'a Identity,
    pub site: &'a Site,
    pub watched: &'a Watched,
    pub time_zone: &'a jiff::tz::TimeZone,
    /// The first days are over, and there is a ledger.
    pub settled: bool,
}
