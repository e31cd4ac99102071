//! The company's calendar on the settings page.

use super::shell::Choice;
use super::words::T;
use model::calendar::{Calendar, DAYS, DayKind, MOST_SHIFTS, holidays, show_hours};

/// Days of the company.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryRow {
    /// First day, `YYYY-MM-DD`.
    pub from: String,
    /// Last day.
    pub to: String,
    /// What they are, in words.
    pub kind: String,
    /// What people call it.
    pub name: String,
}

/// A way of working.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShiftRow {
    /// Its number.
    pub number: u8,
    /// Its hours, with spaces between.
    pub hours: String,
    /// What people call it.
    pub name: String,
}

/// The calendar as the page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarView {
    /// The guard against lost updates.
    pub rev: i64,
    /// The days of the week; chosen are those that are worked.
    pub days: Vec<Choice>,
    /// Public holidays of Japan are off.
    pub japan: bool,
    /// Days of the company, by time.
    pub entries: Vec<EntryRow>,
    /// Shifts.
    pub shifts: Vec<ShiftRow>,
    /// What a day can be.
    pub kinds: Vec<Choice>,
    /// Numbers of shifts.
    pub numbers: Vec<u8>,
    /// Public holidays of this year and the next: day and name.
    pub holidays: Vec<(String, String)>,
    /// The whole calendar as text, as the API has it.
    pub text: String,
}

impl CalendarView {
    /// The view of a calendar in a year.
    pub fn new(c: &Calendar, rev: i64, year: i16, t: T) -> CalendarView {
        let kind = |k: DayKind| match k {
            DayKind::Work => t.say("calendar-work"),
            DayKind::Off => t.say("calendar-off"),
            DayKind::Shift(n) => {
                let name = c.shifts.iter().find(|s| s.number == n).map_or("", |s| s.name.as_str());
                t.xy("calendar-shift-of", &n.to_string(), name).trim().to_owned()
            }
        };
        let kinds = [DayKind::Off, DayKind::Work].into_iter().chain(c.shifts.iter().map(|s| DayKind::Shift(s.number)));
        CalendarView {
            rev,
            days: DAYS.iter().zip(c.days).map(|(d, works)| Choice::new(*d, t.of("weekday", d), works)).collect(),
            japan: c.japan,
            entries: c
                .entries
                .iter()
                .map(|e| EntryRow { from: e.from.to_string(), to: e.to.to_string(), kind: kind(e.kind), name: e.name.clone() })
                .collect(),
            shifts: c
                .shifts
                .iter()
                .map(|s| ShiftRow {
                    number: s.number,
                    hours: s.hours.iter().map(|h| show_hours(*h)).collect::<Vec<_>>().join(" "),
                    name: s.name.clone(),
                })
                .collect(),
            kinds: kinds.map(|k| Choice::new(k.to_string(), kind(k), k == DayKind::Off)).collect(),
            numbers: (1..=MOST_SHIFTS).collect(),
            holidays: [year, year.saturating_add(1)]
                .into_iter()
                .flat_map(holidays)
                .map(|(day, name)| (day.to_string(), t.of("holiday", name)))
                .collect(),
            text: c.to_string().replace("; ", "\n"),
        }
    }
}
