//! 時計: whether the machine's own clock is right, how far those of the sources are off, and which devices ask for the time.

use super::events::RawRow;
use super::shell::{Amount, Link, Shell, When};
use super::words::Tag;
use askama::Template;

/// A source's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockRow {
    /// Whose.
    pub name: Link,
    /// What tells its time, in words.
    pub by: String,
    /// How it stands.
    pub tag: Tag,
    /// How far it is off, in words.
    pub skew: String,
    /// How far the truth may lie from that, in words; empty where nothing is known.
    pub spread: String,
    /// What it looks like (a time zone, never set); empty where like nothing in particular.
    pub look: String,
    /// Since when it has been so; absent where nothing is known.
    pub since: Option<When>,
    /// Its newest record.
    pub last: When,
    /// Records that were measured.
    pub samples: Amount,
}

/// A device and whom it asks for the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskerRow {
    /// Which.
    pub device: Link,
    /// Its address.
    pub address: String,
    /// When it asked last.
    pub last: Option<When>,
    /// Whom.
    pub servers: Vec<String>,
    /// Hours in which it was heard.
    pub hours: Amount,
}

/// Devices that stand alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskerGroup {
    /// `never`, `unknown` or `asks`.
    pub name: &'static str,
    /// All of them.
    pub all: u64,
    /// The first few.
    pub rows: Vec<AskerRow>,
}

impl AskerGroup {
    /// Those that are not shown.
    pub fn more(&self) -> u64 {
        self.all.saturating_sub(self.rows.len() as u64)
    }
}

/// 時計
#[derive(Clone, Debug, Default, Template)]
#[template(path = "clocks.html")]
pub struct ClocksPage {
    /// Around it.
    pub shell: Shell,
    /// `ok`, `look` or empty where it is unknown.
    pub tone: &'static str,
    /// The shape for it.
    pub mark: &'static str,
    /// The sentence on our own clock.
    pub sentence: String,
    /// What to do or to know about it.
    pub todo: String,
    /// What the kernel says of it.
    pub facts: Vec<RawRow>,
    /// The sources' clocks; absent where they may not be seen.
    pub sources: Option<Vec<ClockRow>>,
    /// Devices by whether they ask; absent where they may not be seen.
    pub devices: Option<Vec<AskerGroup>>,
    /// Hours after which it is said that one never asks.
    pub enough: u64,
}
