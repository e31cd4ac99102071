//! Clocks: our own, those of the sources that tell a time of their own, and who asks a time server.
//!
//! Two clocks stand in every record (decisions, Time): when the source says that it happened, and when we received it. How far the two
//! lie apart is the skew of the source's clock, plus the time that the record was on its way. Order is `seq` and nothing of this.

use crate::asset::named;
use crate::ids::{AssetId, SourceId};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

named! {
    /// Which program keeps the machine's clock right.
    ClockKeeper {
        /// chrony.
        Chrony = "chrony",
        /// systemd-timesyncd.
        Timesyncd = "systemd_timesyncd",
        /// ntpd of the NTP project, NTPsec or OpenNTPD.
        Ntpd = "ntpd",
        /// None of those that we know runs here. In a container the host's cannot be seen.
        NotFound = "not_found",
        /// It could not be looked.
        Unknown = "unknown",
    }
}

named! {
    /// How the run before this one ended.
    RunEnd {
        /// There was none: the data folder is new.
        First = "first",
        /// Somebody stopped it, and it ended in good order.
        Ordered = "ordered",
        /// It ended without a word while the machine went on: it was killed, or it crashed.
        Killed = "killed",
        /// It ended without a word, and the machine was started again since: power, crash, or a restart that did not wait.
        Machine = "machine",
        /// It ended without a word, and nothing shows why.
        Unknown = "unknown",
    }
}

named! {
    /// Why a run ends.
    StopReason {
        /// SIGTERM: the service manager, or the machine going down.
        Terminated = "terminated",
        /// SIGINT: somebody at the terminal.
        Interrupted = "interrupted",
    }
}

/// How the machine's own clock stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnClock {
    /// The kernel takes it for synchronised (adjtimex(2): neither `TIME_ERROR` nor `STA_UNSYNC`). Absent where it may not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synchronised: Option<bool>,
    /// Who keeps it.
    pub keeper: ClockKeeper,
    /// Seconds that it has been so, as far as this run has seen, by `CLOCK_BOOTTIME`.
    pub lasting_s: u64,
    /// Largest possible error by the kernel's account, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_error_us: Option<u64>,
    /// Estimated error by the kernel's account, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub est_error_us: Option<u64>,
    /// The kernel's id of this start of the machine; empty where it is not told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub boot: String,
}

impl OwnClock {
    /// Nothing is known of it.
    pub fn unknown() -> OwnClock {
        OwnClock {
            synchronised: None,
            keeper: ClockKeeper::Unknown,
            lasting_s: 0,
            max_error_us: None,
            est_error_us: None,
            boot: String::new(),
        }
    }
}

/// Whose clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClockOf {
    /// A sensor's.
    Sensor(SourceId),
    /// A machine whose logs came in by a source, by the name that it gives itself or by the address it sends from.
    Host(SourceId, String),
    /// An asset that answers as a time server.
    Asset(AssetId),
    /// A time server that is no asset of ours.
    Address(IpAddr),
}

impl fmt::Display for ClockOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClockOf::Sensor(id) => write!(f, "sensor/{}", id.0),
            ClockOf::Host(id, host) => write!(f, "host/{}/{host}", id.0),
            ClockOf::Asset(id) => write!(f, "asset/{id}"),
            ClockOf::Address(ip) => write!(f, "address/{ip}"),
        }
    }
}

impl std::str::FromStr for ClockOf {
    type Err = ();
    fn from_str(text: &str) -> Result<ClockOf, ()> {
        let (kind, rest) = text.split_once('/').ok_or(())?;
        match kind {
            "sensor" => Ok(ClockOf::Sensor(SourceId(rest.parse().map_err(|_| ())?))),
            "host" => {
                let (id, host) = rest.split_once('/').ok_or(())?;
                Ok(ClockOf::Host(SourceId(id.parse().map_err(|_| ())?), host.to_owned()))
            }
            "asset" => Ok(ClockOf::Asset(rest.parse().map_err(|_| ())?)),
            "address" => Ok(ClockOf::Address(rest.parse().map_err(|_| ())?)),
            _ => Err(()),
        }
    }
}

/// What the skew of a clock looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockLook {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Close to so many whole hours: the wrong time zone, or summer time, or a zone that was assumed wrongly.
    Zone(i8),
    /// It tells a time before 2015: it was never set, or lost its battery.
    Unset,
}

/// A source's clock against ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockEstimate {
    /// Whose.
    pub of: ClockOf,
    /// Source minus ours, milliseconds: positive is ahead. Absent while there is not enough to say.
    pub skew_ms: Option<i64>,
    /// How far the truth may lie from it, milliseconds: the spread of what was measured. What every record needed on its way is in the skew.
    pub spread_ms: u64,
    /// What it looks like.
    pub look: ClockLook,
    /// Since when it has been so.
    pub since: Time,
    /// The last record that told a time.
    pub last: Time,
    /// Records that told one since then.
    pub samples: u64,
}

/// An asset asked a time server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeAsk {
    /// Who.
    pub asset: AssetId,
    /// Whom.
    pub server: IpAddr,
    /// First and last time in this stretch.
    pub first: Time,
    /// Last time.
    pub last: Time,
    /// How often in it.
    pub times: u64,
}

/// Hours in which a device must have spoken before it is said that it never asks for the time.
pub const ENOUGH_HOURS: u64 = 24;

/// A device and the time servers that it asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asker {
    /// Which.
    pub asset: AssetId,
    /// What it is called.
    pub name: String,
    /// Its newest address.
    pub address: String,
    /// How it stands.
    pub standing: Asking,
    /// When it asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
    /// Whom it asked, the newest first; the first few.
    pub servers: Vec<IpAddr>,
    /// Hours of the clock in which it was heard while the network was watched.
    pub hours: u64,
}

named! {
    /// Whether a device asks a time server.
    Asking {
        /// It was seen asking.
        Asks = "asks",
        /// It was heard in [`ENOUGH_HOURS`] hours or more, and never asked.
        Never = "never",
        /// It was not heard for long enough.
        Unknown = "unknown",
    }
}

impl Asking {
    /// What follows from what was seen.
    pub fn of(asked: bool, hours: u64) -> Asking {
        match () {
            () if asked => Asking::Asks,
            () if hours >= ENOUGH_HOURS => Asking::Never,
            () => Asking::Unknown,
        }
    }
}

/// By how much a wall clock left the way that `CLOCK_BOOTTIME` shows, between two looks. `None`: it did not, within `tolerance`.
pub fn jumped(was: (Time, Span), is: (Time, Span), tolerance: Span) -> Option<Time> {
    let expected = was.0 + Span(is.1.0.saturating_sub(was.1.0));
    let by = is.0.0.saturating_sub(expected.0).saturating_abs();
    (by > tolerance.0).then_some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_clock_it_is_reads_back_from_its_text() {
        for of in [
            ClockOf::Sensor(SourceId(3)),
            ClockOf::Host(SourceId(7), "nas/01 東".into()),
            ClockOf::Host(SourceId(7), String::new()),
            ClockOf::Asset(AssetId::NIL),
            ClockOf::Address("2001:db8::1".parse().unwrap()),
        ] {
            assert_eq!(of.to_string().parse(), Ok(of));
        }
        for wrong in ["", "sensor", "sensor/x", "host/1", "asset/1", "address/", "other/1"] {
            assert_eq!(wrong.parse::<ClockOf>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_jump_is_what_the_steady_clock_did_not_see() {
        let (t, s) = (|s: i64| Time::from_unix(1_780_000_000 + s, 0), Span::seconds);
        assert_eq!(jumped((t(0), s(100)), (t(60), s(160)), s(2)), None);
        assert_eq!(jumped((t(0), s(100)), (t(62), s(160)), s(2)), None, "within what is tolerated");
        assert_eq!(jumped((t(0), s(100)), (t(63), s(160)), s(2)), Some(t(60)));
        assert_eq!(jumped((t(0), s(100)), (t(57), s(160)), s(2)), Some(t(60)));
        let year = 365 * 86_400;
        assert_eq!(jumped((t(0), s(100)), (t(60 + 20 * year), s(160)), s(2)), Some(t(60)));
        assert_eq!(jumped((t(0), s(100)), (Time::MIN, s(160)), s(2)), Some(t(60)));
        assert_eq!(jumped((Time::MAX, s(100)), (Time::MIN, s(160)), s(2)), Some(Time::MAX), "nothing wraps");
        // Suspended for a night: the steady clock goes on (CLOCK_BOOTTIME, not CLOCK_MONOTONIC).
        assert_eq!(jumped((t(0), s(100)), (t(36_000), s(36_100)), s(2)), None);
    }

    #[test]
    fn never_is_said_only_after_a_day_of_hours() {
        assert_eq!(Asking::of(false, 23), Asking::Unknown);
        assert_eq!(Asking::of(false, 24), Asking::Never);
        assert_eq!(Asking::of(true, 1), Asking::Asks);
    }
}
