//! The company's calendar: which days are worked, which are not, and which follow a shift of their own. Habits compare an hour with
//! the same hour of days of the same kind, so that a public holiday is not a factory that fell silent.
//!
//! **Public holidays of Japan** are computed from the Act on National Holidays (国民の祝日に関する法律, Act No. 178 of 1948) as in
//! force in each year from [`FIRST_YEAR`] to [`LAST_YEAR`], with the Act No. 99 of 2018 (the days of the enthronement, 2019) and the
//! special measures acts for the Tokyo games (2020 and 2021): fixed days, Happy Mondays (article 2), substitute days (article 3,
//! paragraph 2) and citizens' holidays (article 3, paragraph 3). The equinoxes are set each February for the next year in the
//! Official Gazette; until then they are what the formula for 1980–2099 of the Hydrographic Department (『新こよみ便利帳』, 1991)
//! gives, which has agreed with every announcement so far. Outside those years no public holidays are known. A later change of the
//! law is entered by people as days of the company until the program follows.
//!
//! As text (the setting `calendar`) a calendar is one line of parts with `; ` between them:
//! `days mon tue wed thu fri; holidays japan; shift 1 06:00-14:00 14:00-22:00 二交替; 2026-08-11..2026-08-16 off 夏季休業`.

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// First year whose public holidays are known (Mountain Day began in 2016).
pub const FIRST_YEAR: i16 = 2016;
/// Last year for which the formula of the equinoxes holds.
pub const LAST_YEAR: i16 = 2099;
/// Most entries of a calendar.
pub const MOST_ENTRIES: usize = 400;
/// Most shifts.
pub const MOST_SHIFTS: u8 = 6;
/// Longest entry in days.
pub const LONGEST_ENTRY: i32 = 366;
/// Most characters of a name.
const LONGEST_NAME: usize = 60;
/// Names of the days of the week, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The kind of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// People work.
    Work,
    /// Nobody works.
    Off,
    /// People work by this shift (1–6).
    Shift(u8),
}

impl fmt::Display for DayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DayKind::Work => f.write_str("work"),
            DayKind::Off => f.write_str("off"),
            DayKind::Shift(n) => write!(f, "shift{n}"),
        }
    }
}
impl FromStr for DayKind {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "work" => Ok(DayKind::Work),
            "off" => Ok(DayKind::Off),
            _ => match s.strip_prefix("shift").and_then(|n| n.parse().ok()) {
                Some(n) if (1..=MOST_SHIFTS).contains(&n) => Ok(DayKind::Shift(n)),
                _ => Err("a day is work, off, or shift1 to shift6"),
            },
        }
    }
}

/// A way of working: hours of the day and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Its number, 1–6.
    pub number: u8,
    /// Stretches of work as minutes after midnight, from and to; `to` may be before `from`: over midnight.
    pub hours: Vec<(u16, u16)>,
    /// What people call it.
    pub name: String,
}

/// Days of the company: a holiday, a day that is worked after all, or days of a shift.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// What they are.
    pub kind: DayKind,
    /// What people call it.
    pub name: String,
}

/// By what a habit tells days apart: an ordinary day by its weekday, all others by their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayClass {
    /// A day like any of its weekday (0 = Monday).
    Weekday(u8),
    /// Off although the weekday is worked.
    Off,
    /// Worked although the weekday is not.
    Work,
    /// A shift's day.
    Shift(u8),
}

impl DayClass {
    /// A small number for keys: 0–6 weekdays, 7 off, 8 work, 9–14 shifts.
    pub fn index(self) -> u8 {
        match self {
            DayClass::Weekday(d) => d.min(6),
            DayClass::Off => 7,
            DayClass::Work => 8,
            DayClass::Shift(n) => 8 + n.clamp(1, MOST_SHIFTS),
        }
    }
}

/// The calendar of a site. Kept and sent as its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Calendar {
    /// Weekdays that are worked, Monday first.
    pub days: [bool; 7],
    /// Public holidays of Japan are off.
    pub japan: bool,
    /// Shifts, by number.
    pub shifts: Vec<Shift>,
    /// Days of the company, in order of time; a later entry of the same day wins.
    pub entries: Vec<Entry>,
}

impl Default for Calendar {
    fn default() -> Calendar {
        Calendar { days: [true, true, true, true, true, false, false], japan: true, shifts: vec![], entries: vec![] }
    }
}

impl Calendar {
    fn entry(&self, date: Date) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.from <= date && date <= e.to)
    }
    fn usual(&self, date: Date) -> DayKind {
        let day = date.weekday().to_monday_zero_offset() as usize;
        if self.days.get(day).copied().unwrap_or(false) { DayKind::Work } else { DayKind::Off }
    }
    /// The kind of a weekday (0 = Monday) that is like any other.
    pub fn weekday(&self, day: u8) -> DayKind {
        if self.days.get(usize::from(day)).copied().unwrap_or(false) { DayKind::Work } else { DayKind::Off }
    }
    /// The kind of a day: the company's word first, then the public holidays, then the weekday.
    pub fn kind(&self, date: Date) -> DayKind {
        match self.entry(date) {
            Some(e) => e.kind,
            None if self.japan && holiday(date).is_some() => DayKind::Off,
            None => self.usual(date),
        }
    }
    /// By what habits tell this day from others.
    pub fn class(&self, date: Date) -> DayClass {
        let kind = self.kind(date);
        match kind {
            DayKind::Shift(n) => DayClass::Shift(n),
            kind if kind == self.usual(date) => DayClass::Weekday(date.weekday().to_monday_zero_offset() as u8),
            DayKind::Off => DayClass::Off,
            DayKind::Work => DayClass::Work,
        }
    }
    /// The kind that days of a class have in common.
    pub fn kind_of(&self, class: DayClass) -> DayKind {
        match class {
            DayClass::Weekday(d) => self.weekday(d),
            DayClass::Off => DayKind::Off,
            DayClass::Work => DayKind::Work,
            DayClass::Shift(n) => DayKind::Shift(n),
        }
    }
    /// Adds an entry, if there is room and its days make sense.
    pub fn add(&mut self, entry: Entry) -> Result<(), &'static str> {
        let checked = Entry { name: clean(&entry.name)?, ..entry };
        if checked.to < checked.from {
            return Err("the last day lies before the first");
        }
        if checked.from.until(checked.to).map_or(i32::MAX, |s| s.get_days()) >= LONGEST_ENTRY {
            return Err("an entry is at most 366 days long");
        }
        if let DayKind::Shift(n) = checked.kind
            && !self.shifts.iter().any(|s| s.number == n)
        {
            return Err("there is no shift of that number");
        }
        self.entries.retain(|e| !(e.from == checked.from && e.to == checked.to));
        if self.entries.len() >= MOST_ENTRIES {
            return Err("a calendar has at most 400 entries");
        }
        self.entries.push(checked);
        self.entries.sort();
        Ok(())
    }
    /// Adds or replaces a shift.
    pub fn set_shift(&mut self, shift: Shift) -> Result<(), &'static str> {
        if !(1..=MOST_SHIFTS).contains(&shift.number) {
            return Err("shifts are numbered 1 to 6");
        }
        if shift.hours.len() > 4 || shift.hours.iter().any(|(a, b)| *a > 1440 || *b > 1440) {
            return Err("a shift has at most four stretches within a day");
        }
        let shift = Shift { name: clean(&shift.name)?, ..shift };
        self.shifts.retain(|s| s.number != shift.number);
        self.shifts.push(shift);
        self.shifts.sort_by_key(|s| s.number);
        Ok(())
    }
    /// Takes a shift away, with the days that follow it.
    pub fn drop_shift(&mut self, number: u8) {
        self.shifts.retain(|s| s.number != number);
        self.entries.retain(|e| e.kind != DayKind::Shift(number));
    }
}

/// A name as it is kept: one line, no `;`.
fn clean(name: &str) -> Result<String, &'static str> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.chars().count() > LONGEST_NAME || name.chars().any(|c| c.is_control() || c == ';') {
        return Err("a name has at most 60 characters and no semicolon");
    }
    Ok(name)
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
fn minutes(text: &str) -> Option<u16> {
    let (h, m) = text.split_once(':')?;
    let (h, m) = (h.parse::<u16>().ok()?, m.parse::<u16>().ok()?);
    (h <= 24 && m < 60 && h * 60 + m <= 1440).then_some(h * 60 + m)
}

/// `06:00-14:00`, as minutes after midnight.
pub fn read_hours(text: &str) -> Option<(u16, u16)> {
    let (a, b) = text.split_once('-')?;
    Some((minutes(a)?, minutes(b)?))
}

/// Minutes after midnight as `06:00-14:00`.
pub fn show_hours(hours: (u16, u16)) -> String {
    format!("{}-{}", clock(hours.0), clock(hours.1))
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("days")?;
        for (name, _) in DAYS.iter().zip(self.days).filter(|(_, works)| *works) {
            write!(f, " {name}")?;
        }
        write!(f, "; holidays {}", if self.japan { "japan" } else { "none" })?;
        for s in &self.shifts {
            write!(f, "; shift {}", s.number)?;
            for h in &s.hours {
                write!(f, " {}", show_hours(*h))?;
            }
            if !s.name.is_empty() {
                write!(f, " {}", s.name)?;
            }
        }
        for e in &self.entries {
            write!(f, "; {}", e.from)?;
            if e.to != e.from {
                write!(f, "..{}", e.to)?;
            }
            write!(f, " {}", e.kind)?;
            if !e.name.is_empty() {
                write!(f, " {}", e.name)?;
            }
        }
        Ok(())
    }
}

impl From<Calendar> for String {
    fn from(calendar: Calendar) -> String {
        calendar.to_string()
    }
}
impl TryFrom<String> for Calendar {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
impl FromStr for Calendar {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 64 * 1024 {
            return Err("a calendar is at most 64 KiB of text");
        }
        let mut out = Calendar::default();
        for part in text.split([';', '\n']).map(str::trim).filter(|p| !p.is_empty()) {
            let mut words = part.split_whitespace();
            match words.next().unwrap_or("") {
                "days" => {
                    out.days = [false; 7];
                    for word in words {
                        let at = DAYS.iter().position(|d| *d == word).ok_or("days are mon tue wed thu fri sat sun")?;
                        if let Some(day) = out.days.get_mut(at) {
                            *day = true;
                        }
                    }
                }
                "holidays" => match words.next() {
                    Some("japan") => out.japan = true,
                    Some("none") => out.japan = false,
                    _ => return Err("holidays are 'japan' or 'none'"),
                },
                "shift" => {
                    let number = words.next().and_then(|n| n.parse().ok()).ok_or("a shift begins with its number, 1 to 6")?;
                    let mut hours = vec![];
                    let mut name = vec![];
                    for word in words {
                        match read_hours(word) {
                            Some(h) if name.is_empty() => hours.push(h),
                            _ => name.push(word),
                        }
                    }
                    out.set_shift(Shift { number, hours, name: name.join(" ") })?;
                }
                days => {
                    let wrong = "a day is written 2026-08-11, days 2026-08-11..2026-08-16";
                    let (from, to) = days.split_once("..").unwrap_or((days, days));
                    let (from, to) = (from.parse::<Date>().map_err(|_| wrong)?, to.parse::<Date>().map_err(|_| wrong)?);
                    let kind = words.next().ok_or("after the day comes work, off or a shift")?.parse()?;
                    out.add(Entry { from, to, kind, name: words.collect::<Vec<_>>().join(" ") })?;
                }
            }
        }
        Ok(out)
    }
}

/// The public holiday on a day of Japan, as its key in locale files (`holiday-KEY`); `None` on other days and outside the years that
/// are known.
pub fn holiday(date: Date) -> Option<&'static str> {
    if !(FIRST_YEAR..=LAST_YEAR).contains(&date.year()) {
        return None;
    }
    if let Some(name) = national(date) {
        return Some(name);
    }
    // Article 3, paragraph 2: a holiday on a Sunday moves to the next day that is none.
    let mut before = date;
    while let Ok(day) = before.yesterday() {
        if national(day).is_none() {
            break;
        }
        if day.weekday() == Weekday::Sunday {
            return Some("substitute");
        }
        before = day;
    }
    // Article 3, paragraph 3: a day between two national holidays.
    let around = [date.yesterday().ok()?, date.tomorrow().ok()?];
    around.iter().all(|d| national(*d).is_some()).then_some("citizens")
}

/// Every public holiday of a year, in order.
pub fn holidays(year: i16) -> Vec<(Date, &'static str)> {
    let Ok(mut day) = Date::new(year, 1, 1) else { return vec![] };
    let mut out = vec![];
    while day.year() == year {
        if let Some(name) = holiday(day) {
            out.push((day, name));
        }
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    out
}

/// Holidays by article 2 and the special acts.
fn national(date: Date) -> Option<&'static str> {
    let (y, m, d) = (date.year(), date.month(), date.day());
    let monday = |nth: i8| date.weekday() == Weekday::Monday && (d - 1) / 7 + 1 == nth;
    let games = matches!(y, 2020 | 2021);
    match (m, d) {
        (1, 1) => Some("new-year"),
        (1, _) if monday(2) => Some("coming-of-age"),
        (2, 11) => Some("foundation"),
        (2, 23) if y >= 2020 => Some("emperor"),
        (3, _) if d == equinox(y, 20_843_100) => Some("spring-equinox"),
        (4, 29) => Some("showa"),
        (5, 1) | (10, 22) if y == 2019 => Some("enthronement"),
        (5, 3) => Some("constitution"),
        (5, 4) => Some("greenery"),
        (5, 5) => Some("children"),
        (7, 23) if y == 2020 => Some("sea"),
        (7, 22) if y == 2021 => Some("sea"),
        (7, _) if !games && monday(3) => Some("sea"),
        (7, 24) if y == 2020 => Some("sports"),
        (7, 23) if y == 2021 => Some("sports"),
        (8, 10) if y == 2020 => Some("mountain"),
        (8, 8) if y == 2021 => Some("mountain"),
        (8, 11) if !games => Some("mountain"),
        (9, _) if monday(3) => Some("aged"),
        (9, _) if d == equinox(y, 23_248_800) => Some("autumn-equinox"),
        (10, _) if !games && monday(2) => Some("sports"),
        (11, 3) => Some("culture"),
        (11, 23) => Some("labour"),
        (12, 23) if y <= 2018 => Some("emperor"),
        _ => None,
    }
}

/// The day of an equinox in its month, 1980–2099: `base` millionths of a day in 1980, 0.242194 days more each year, less the leap days.
fn equinox(year: i16, base: i64) -> i8 {
    let years = i64::from(year) - 1980;
    i8::try_from((base + 242_194 * years) / 1_000_000 - years / 4).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn list(year: i16) -> String {
        holidays(year).iter().map(|(d, _)| format!("{}/{}", d.month(), d.day())).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn public_holidays_are_those_that_the_cabinet_office_published() {
        assert_eq!(list(2019), "1/1 1/14 2/11 3/21 4/29 4/30 5/1 5/2 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/23 10/14 10/22 11/3 11/4 11/23");
        assert_eq!(list(2020), "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/23 7/24 8/10 9/21 9/22 11/3 11/23");
        assert_eq!(list(2021), "1/1 1/11 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/22 7/23 8/8 8/9 9/20 9/23 11/3 11/23");
        assert_eq!(list(2024), "1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/22 9/23 10/14 11/3 11/4 11/23");
        assert_eq!(list(2025), "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24");
        // A citizens' holiday between Respect for the Aged Day and the equinox.
        assert_eq!(list(2026), "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23");
        assert_eq!(holiday(date(2026, 9, 22)), Some("citizens"));
        assert_eq!(holiday(date(2026, 5, 6)), Some("substitute"));
    }

    #[test]
    fn outside_the_known_years_no_holiday_is_claimed() {
        assert_eq!(holiday(date(2015, 1, 1)), None);
        assert_eq!(holiday(date(2100, 1, 1)), None);
        assert!(holidays(2099).len() >= 16);
    }

    #[test]
    fn the_companys_word_comes_before_the_law_and_the_law_before_the_weekday() {
        let c: Calendar = "days mon tue wed thu fri; holidays japan; shift 2 06:00-14:00 14:00-22:00 二交替; \
                           2026-08-12..2026-08-14 off 夏季休業; 2026-04-29 work; 2026-05-11..2026-05-15 shift2"
            .parse()
            .unwrap();
        assert_eq!(c.kind(date(2026, 8, 13)), DayKind::Off);
        assert_eq!(c.class(date(2026, 8, 13)), DayClass::Off);
        assert_eq!(c.class(date(2026, 4, 29)), DayClass::Weekday(2), "worked like any Wednesday");
        assert_eq!(c.class(date(2026, 5, 4)), DayClass::Off);
        assert_eq!(c.class(date(2026, 5, 12)), DayClass::Shift(2));
        assert_eq!(c.class(date(2026, 5, 9)), DayClass::Weekday(5));
        assert_eq!(c.to_string().parse::<Calendar>().unwrap(), c);
    }

    #[test]
    fn text_that_is_no_calendar_is_refused_with_a_reason() {
        for bad in [
            "days monday",
            "holidays france",
            "2026-13-01 off",
            "2026-01-02",
            "2026-01-02..2026-01-01 off",
            "2026-01-01..2028-01-01 off",
            "2026-01-01 shift1",
            "shift 9 06:00-14:00",
            "shift x",
            "2026-01-01 maybe",
        ] {
            assert!(bad.parse::<Calendar>().is_err(), "{bad}");
        }
        assert_eq!("".parse::<Calendar>(), Ok(Calendar::default()));
        for n in 0..120 {
            let text = Calendar::default().to_string();
            let _ = text.get(..n.min(text.len())).map(str::parse::<Calendar>);
        }
    }
}
