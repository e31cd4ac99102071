//! Points in time and lengths of time, as plain values. No clock is read in the pure crates: time is passed in.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::{Add, Sub};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored (POSIX). Holds the years 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A length of time in nanoseconds; negative where a clock went back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Time {
    /// The earliest time that can be held.
    pub const MIN: Time = Time(i64::MIN);
    /// The latest time that can be held.
    pub const MAX: Time = Time(i64::MAX);

    /// From whole seconds and nanoseconds since the epoch; saturates outside 1677–2262.
    pub const fn from_unix(seconds: i64, nanos: u32) -> Time {
        Time(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Hours since the epoch, rounded down: the key of hourly rollups.
    pub const fn hour(self) -> i64 {
        self.seconds().div_euclid(3600)
    }

    /// RFC 3339 in UTC with nine digits of nanoseconds.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(ts) => format!("{ts:.9}"),
            Err(_) => String::from("1677-09-21T00:12:43.145224192Z"),
        }
    }

    /// Reads RFC 3339 with any offset. `None` where the text is no such time.
    pub fn parse_rfc3339(text: &str) -> Option<Time> {
        let ts: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(ts.as_nanosecond()).ok().map(Time)
    }

    /// The time that has passed since `earlier`; negative where the clock went back.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// From milliseconds.
    pub const fn millis(ms: i64) -> Span {
        Span(ms.saturating_mul(1_000_000))
    }
    /// From seconds.
    pub const fn seconds(s: i64) -> Span {
        Span(s.saturating_mul(1_000_000_000))
    }
    /// From minutes.
    pub const fn minutes(m: i64) -> Span {
        Span::seconds(m.saturating_mul(60))
    }
    /// From hours.
    pub const fn hours(h: i64) -> Span {
        Span::seconds(h.saturating_mul(3600))
    }
    /// From days of 24 hours.
    pub const fn days(d: i64) -> Span {
        Span::hours(d.saturating_mul(24))
    }
    /// Whole seconds, rounded towards zero.
    pub const fn as_seconds(self) -> i64 {
        self.0 / 1_000_000_000
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, s: Span) -> Time {
        Time(self.0.saturating_add(s.0))
    }
}
impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, s: Span) -> Time {
        Time(self.0.saturating_sub(s.0))
    }
}
impl Sub for Time {
    type Output = Span;
    fn sub(self, o: Time) -> Span {
        self.since(o)
    }
}
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.serialize_str(&self.rfc3339()) } else { s.serialize_i64(self.0) }
    }
}
impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let text = String::deserialize(d)?;
            Time::parse_rfc3339(&text).ok_or_else(|| de::Error::custom(format!("'{text}' is not an RFC 3339 time")))
        } else {
            i64::deserialize(d).map(Time)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_keeps_nanoseconds_and_round_trips() {
        let t = Time::from_unix(1_278_798_210, 35_265_001);
        assert_eq!(t.rfc3339(), "2010-07-10T21:43:30.035265001Z");
        assert_eq!(Time::parse_rfc3339(&t.rfc3339()), Some(t));
        assert_eq!(Time::parse_rfc3339("2010-07-11T06:43:30.035265001+09:00"), Some(t));
        assert_eq!(Time::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn time_before_1970_rounds_down_to_its_hour() {
        assert_eq!(Time::from_unix(-1, 0).hour(), -1);
        assert_eq!(Time::from_unix(3600, 0).hour(), 1);
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Time::MAX + Span::days(1), Time::MAX);
        assert_eq!(Time::from_unix(i64::MAX, 0), Time::MAX);
    }
}
