//! Times, numbers and amounts as people read them: one place for pages, errors and exports.
//!
//! The month and weekday names are written here and not taken from the system's locale, so that a page looks the same on every
//! machine. Japanese dates follow the mock pages (`11月20日（金） 8:05`); English ones put the day first and use 24 hours, which
//! cannot be misread on either side of an ocean. A value that does not fit (a time outside 1677–2262) gives an empty text rather than
//! an error: a page with one odd time is still a page.

use jiff::Zoned;
use jiff::tz::TimeZone;
use model::{Lang, Span, Time};

/// The zone of Japanese factories, and the default.
pub const DEFAULT_TIME_ZONE: &str = "Asia/Tokyo";

const WEEKDAYS_JA: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];
const WEEKDAYS_EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS_EN: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How one reader wants to see values.
#[derive(Clone, Debug)]
pub struct Format {
    /// Their language.
    pub lang: Lang,
    /// Their time zone.
    pub zone: TimeZone,
    /// The time of this page, against which "today" and "3 minutes ago" are meant.
    pub now: Time,
}

impl Format {
    /// A format for a language, an IANA time zone name and the time of the page. An unknown zone name falls back to
    /// [`DEFAULT_TIME_ZONE`].
    pub fn new(lang: Lang, zone: &str, now: Time) -> Format {
        let zone = TimeZone::get(zone).or_else(|_| TimeZone::get(DEFAULT_TIME_ZONE)).unwrap_or(TimeZone::UTC);
        Format { lang, zone, now }
    }

    fn zoned(&self, at: Time) -> Option<Zoned> {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok()?;
        Some(stamp.to_zoned(self.zone.clone()))
    }

    fn this_year(&self, at: &Zoned) -> bool {
        self.zoned(self.now).is_some_and(|n| n.year() == at.year())
    }

    /// The day: `11月20日（金）`, `Fri 20 Nov`; with the year where it is not this one.
    pub fn date(&self, at: Time) -> String {
        let Some(z) = self.zoned(at) else { return String::new() };
        let week = usize::from(z.weekday().to_monday_zero_offset().unsigned_abs());
        match self.lang {
            Lang::Ja => {
                let year = if self.this_year(&z) { String::new() } else { format!("{}年", z.year()) };
                format!("{year}{}月{}日（{}）", z.month(), z.day(), WEEKDAYS_JA.get(week).unwrap_or(&""))
            }
            Lang::En => {
                let year = if self.this_year(&z) { String::new() } else { format!(" {}", z.year()) };
                let month = MONTHS_EN.get(usize::from((z.month() - 1).unsigned_abs())).unwrap_or(&"");
                format!("{} {} {month}{year}", WEEKDAYS_EN.get(week).unwrap_or(&""), z.day())
            }
        }
    }

    /// The time of day to the minute: `8:05` in Japanese, `08:05` in English.
    pub fn clock(&self, at: Time) -> String {
        let Some(z) = self.zoned(at) else { return String::new() };
        match self.lang {
            Lang::Ja => format!("{}:{:02}", z.hour(), z.minute()),
            Lang::En => format!("{:02}:{:02}", z.hour(), z.minute()),
        }
    }

    /// Day and time: `11月20日（金） 8:05`, `Fri 20 Nov, 08:05`.
    pub fn date_time(&self, at: Time) -> String {
        match (self.lang, self.date(at)) {
            (_, d) if d.is_empty() => d,
            (Lang::Ja, d) => format!("{d} {}", self.clock(at)),
            (Lang::En, d) => format!("{d}, {}", self.clock(at)),
        }
    }

    /// The time of day where it is today, else day and time: for lists.
    pub fn moment(&self, at: Time) -> String {
        let same = matches!((self.zoned(at), self.zoned(self.now)), (Some(a), Some(b)) if a.date() == b.date());
        if same { self.clock(at) } else { self.date_time(at) }
    }

    /// To the second, sortable, in the reader's zone: `2026-11-20 08:05:09`. For raw records.
    pub fn precise(&self, at: Time) -> String {
        self.zoned(at).map_or_else(String::new, |z| z.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// `YYYY-MM-DD` in the reader's zone, for date inputs.
    pub fn iso_date(&self, at: Time) -> String {
        self.zoned(at).map_or_else(String::new, |z| z.date().to_string())
    }

    /// The end of a day written `YYYY-MM-DD` in the reader's zone (the last nanosecond of it). `None` where it is no date.
    pub fn end_of_day(&self, date: &str) -> Option<Time> {
        let date: jiff::civil::Date = date.trim().parse().ok()?;
        let next = date.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        i64::try_from(next.timestamp().as_nanosecond()).ok().map(|n| Time(n.saturating_sub(1)))
    }

    /// The hour of day (0–23) and the day of the week (0 = Monday) of an hour since the epoch, for charts.
    pub fn hour_and_weekday(&self, hour: i64) -> (u8, u8) {
        self.zoned(Time::from_unix(hour.saturating_mul(3600), 0))
            .map_or((0, 0), |z| (z.hour().unsigned_abs(), z.weekday().to_monday_zero_offset().unsigned_abs()))
    }

    /// How long ago, to one unit: `3 時間前`, `3 hours ago`; `たった今`, `just now` within a minute (or when it lies ahead).
    pub fn ago(&self, at: Time) -> String {
        let s = self.now.since(at).as_seconds();
        if s < 60 {
            return String::from(if self.lang == Lang::Ja { "たった今" } else { "just now" });
        }
        let length = self.span(Span::seconds(s));
        match self.lang {
            Lang::Ja => format!("{length}前"),
            Lang::En => format!("{length} ago"),
        }
    }

    /// A length of time, rounded down to its largest unit: `45 秒`, `3 時間`, `12 days`.
    pub fn span(&self, span: Span) -> String {
        let s = span.as_seconds().abs();
        let (n, ja, en) = match s {
            ..=119 => (s, "秒", "second"),
            120..=7199 => (s / 60, "分", "minute"),
            7200..=172_799 => (s / 3600, "時間", "hour"),
            _ => (s / 86_400, "日", "day"),
        };
        match self.lang {
            Lang::Ja => format!("{} {ja}", self.number(n.unsigned_abs())),
            Lang::En => format!("{} {en}{}", self.number(n.unsigned_abs()), if n == 1 { "" } else { "s" }),
        }
    }

    /// A count with its thousands grouped.
    pub fn number(&self, n: u64) -> String {
        catalogue::phrases::group(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// An amount of data: see [`bytes`].
    pub fn bytes(&self, n: u64) -> String {
        bytes(n)
    }
}

/// An amount of data in the nearest unit of 1,000, as disks, switches and providers count: `4.1 MB`, one decimal below ten.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = n as f64;
    let mut unit = 0usize;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("EB");
    if unit > 0 && value < 9.95 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> (Format, Format) {
        let now = Time::parse_rfc3339("2026-11-20T08:05:09+09:00").unwrap();
        (Format::new(Lang::Ja, "Asia/Tokyo", now), Format::new(Lang::En, "Asia/Tokyo", now))
    }

    #[test]
    fn days_and_times_as_each_language_writes_them() {
        let (ja, en) = both();
        assert_eq!((ja.date_time(ja.now), en.date_time(en.now)), ("11月20日（金） 8:05".into(), "Fri 20 Nov, 08:05".into()));
        let old = Time::parse_rfc3339("2024-02-29T15:00:00Z").unwrap();
        assert_eq!((ja.date(old), en.date(old)), ("2024年3月1日（金）".into(), "Fri 1 Mar 2024".into()));
        assert_eq!((ja.moment(ja.now), en.precise(en.now)), ("8:05".into(), "2026-11-20 08:05:09".into()));
    }

    #[test]
    fn a_day_ends_where_the_reader_lives() {
        let (ja, _) = both();
        let end = ja.end_of_day("2026-11-20").unwrap();
        assert_eq!(end.rfc3339(), "2026-11-20T14:59:59.999999999Z");
        assert_eq!(ja.iso_date(end), "2026-11-20");
        for bad in ["", "2026-02-30", "tomorrow", "9999-99-99"] {
            assert_eq!(ja.end_of_day(bad), None, "{bad}");
        }
    }

    #[test]
    fn lengths_and_amounts() {
        let (ja, en) = both();
        assert_eq!((ja.span(Span::hours(3)), en.span(Span::days(12))), ("3 時間".into(), "12 days".into()));
        assert_eq!((ja.ago(ja.now - Span::minutes(5)), en.ago(en.now + Span::days(1))), ("5 分前".into(), "just now".into()));
        for (n, text) in [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_100_000, "4.1 MB"), (999_600, "1.0 MB"), (u64::MAX, "18 EB")] {
            assert_eq!(en.bytes(n), text);
        }
    }

    #[test]
    fn odd_times_and_zones_give_a_page_all_the_same() {
        let (ja, en) = both();
        for t in [Time::MIN, Time::MAX, Time(0), Time(-1)] {
            let _ = (ja.date_time(t), en.moment(t), en.ago(t), ja.precise(t), ja.hour_and_weekday(t.hour()));
        }
        assert_eq!(Format::new(Lang::Ja, "Mars/Olympus", ja.now).clock(ja.now), "8:05");
    }
}
