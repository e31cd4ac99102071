//! What happens in the factory besides ordinary life: attacks, faults, near misses and attempts to stay unseen, each with what
//! the watch should say of it. One file per family of rules; each keeps its own list.

mod basics;
mod identity;
mod services;
pub mod traffic;

use super::life::{Changes, Day};
use super::net::{HOUR, MIN, Net};
use std::sync::LazyLock;

/// One thing that happens.
pub struct Scenario {
    /// For `--only` and the script file.
    pub name: &'static str,
    /// The rule that should speak; `None` where silence is right, or where docs/en/findings.md says that it cannot be seen.
    pub finding: Option<&'static str>,
    /// Days of ordinary life before it.
    pub habit_days: i64,
    /// Part of the long story; the others are only for tests.
    pub told: bool,
    /// What happens.
    pub en: &'static str,
    /// The same in Japanese.
    pub ja: &'static str,
    /// The time of the day at which it begins, nanoseconds after midnight.
    pub begins: i64,
    /// Cells of the ledger file that differ for this scenario: name of the device, column, value.
    pub ledger: &'static [(&'static str, &'static str, &'static str)],
    play: fn(&mut Net, i64) -> i64,
}

const fn s(
    name: &'static str,
    finding: Option<&'static str>,
    habit_days: i64,
    told: bool,
    play: fn(&mut Net, i64) -> i64,
    en: &'static str,
    ja: &'static str,
) -> Scenario {
    Scenario { name, finding, habit_days, told, en, ja, begins: 10 * HOUR + 12 * MIN, ledger: &[], play }
}

impl Scenario {
    /// Begins at another time of the day than 10:12.
    const fn at(mut self, begins: i64) -> Scenario {
        self.begins = begins;
        self
    }

    /// With other cells in the ledger file.
    const fn ledger(mut self, cells: &'static [(&'static str, &'static str, &'static str)]) -> Scenario {
        self.ledger = cells;
        self
    }

    /// Plays it; the end comes back.
    pub fn play(&self, net: &mut Net, at: i64) -> i64 {
        (self.play)(net, at)
    }
}

/// Two days pass before: longer than the time of learning.
const SHORT: i64 = 2;
/// Five working days and a weekend.
const LONG: i64 = 8;

/// What a scenario changes in ordinary life: its end, and the stretch in which the sensor is blind.
pub fn changes(name: &str, day: &mut Day, at: i64, changes: &mut Changes) -> (i64, Option<(i64, i64)>) {
    let (end, blind) = basics::changes(name, day, at, changes);
    let (other, nap) = traffic::changes(name, at, changes);
    (end.max(other), blind.or(nap))
}

/// Every scenario.
pub fn all() -> &'static [&'static Scenario] {
    static ALL: LazyLock<Vec<&'static Scenario>> =
        LazyLock::new(|| [basics::SCENARIOS, identity::SCENARIOS, services::SCENARIOS, traffic::SCENARIOS].into_iter().flatten().collect());
    &ALL
}
