//! What people write about an asset, and what they say about its need for the Internet.
//!
//! The text fields stand in one list ([`Ledger::texts`]): forms, the database, CSV and the log read it, so that a field is added in
//! one place.

use super::{Importance, Kind};
use crate::event::FieldChange;
use crate::ids::ZoneId;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::str::FromStr;

/// What people write into the ledger. Empty text means that nobody has said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// The name that people use.
    pub name: String,
    /// Sort of thing, where a person has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Maker.
    pub maker: String,
    /// Model number (jpcert P5-4b).
    pub model_number: String,
    /// Serial number.
    pub serial: String,
    /// Software or firmware version (jpcert P5-4b).
    pub software_version: String,
    /// Last day of the maker's support, `YYYY-MM-DD` (jpcert P5-4b).
    pub support_end: String,
    /// Who answers for it.
    pub owner: String,
    /// Who looks after it (iotgl 21.2).
    pub administrator: String,
    /// Where it stands (iotgl 21.2).
    pub place: String,
    /// What it is for.
    pub purpose: String,
    /// The zone it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<ZoneId>,
    /// How much hangs on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<Importance>,
    /// Anything else.
    pub notes: String,
    /// Whether it needs the Internet, and for what.
    #[serde(skip_serializing_if = "Internet::is_unstated")]
    pub internet: Internet,
}

named! {
    /// What somebody said about an asset's need for the Internet.
    InternetNeed {
        /// It needs none.
        NotNeeded = "none",
        /// It needs the destinations that are named, and no others.
        Destinations = "destinations",
    }
}

/// An asset's need for the Internet, as people state it. By default nobody has said anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Internet {
    /// None, or the destinations below; absent while nobody has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub need: Option<InternetNeed>,
    /// Where to: names (`update.example.jp`, `*.example.jp` with everything below), addresses, ranges (`203.0.113.0/24`), or `*`
    /// for anywhere; divided by spaces, commas or lines. Each is a [`Destination`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destinations: String,
    /// Why it is needed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What protects it on the way: a firewall rule, a proxy, a maker's gateway.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protection: String,
    /// Who approved.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub approved_by: String,
    /// The last day on which this holds, `YYYY-MM-DD`; empty: until somebody says otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub until: String,
}

/// How talk with the Internet stands to what was stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InternetVerdict {
    /// Nobody has said whether it needs the Internet.
    Unstated,
    /// The destination is among those stated, and the statement is in force.
    Stated,
    /// It was stated that it needs none.
    NotNeeded,
    /// It was stated that it needs others.
    OtherDestination,
    /// The destination is among those stated, and the statement is past its date.
    Expired,
}

impl Internet {
    /// Nobody has said anything.
    pub fn is_unstated(&self) -> bool {
        *self == Internet::default()
    }

    /// The destinations as written, one by one.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.destinations.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '、' | '，')).filter(|w| !w.is_empty())
    }

    /// The statement is past its last day; `today` is the local day.
    pub fn is_over(&self, today: jiff::civil::Date) -> bool {
        self.until.parse::<jiff::civil::Date>().is_ok_and(|last| today > last)
    }

    /// Whether a destination is among those stated. `name` is what the destination was called (DNS, TLS server name), empty where
    /// unknown. Allocates nothing.
    pub fn names(&self, ip: Option<IpAddr>, name: &str) -> bool {
        self.words().any(|word| Destination::read(word).is_some_and(|d| d.is(ip, name)))
    }

    /// How talk with a destination stands to what was stated, on a local day.
    pub fn verdict(&self, ip: Option<IpAddr>, name: &str, today: jiff::civil::Date) -> InternetVerdict {
        match self.need {
            None => InternetVerdict::Unstated,
            // That none is needed is a promise, and does not turn into a permission when its date is past.
            Some(InternetNeed::NotNeeded) => InternetVerdict::NotNeeded,
            Some(InternetNeed::Destinations) if !self.names(ip, name) => InternetVerdict::OtherDestination,
            Some(InternetNeed::Destinations) if self.is_over(today) => InternetVerdict::Expired,
            Some(InternetNeed::Destinations) => InternetVerdict::Stated,
        }
    }
}

/// A destination on the Internet, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// `*`: anywhere.
    Anywhere,
    /// `203.0.113.0/24`, or one address.
    Range(IpAddr, u8),
    /// `update.example.jp`.
    Name(&'a str),
    /// `*.example.jp`: everything below, and the domain itself.
    Below(&'a str),
}

impl<'a> Destination<'a> {
    /// Reads one word; absent where it is no destination.
    pub fn read(word: &'a str) -> Option<Destination<'a>> {
        if word == "*" {
            return Some(Destination::Anywhere);
        }
        if let Some((ip, bits)) = word.split_once('/') {
            let ip = IpAddr::from_str(ip).ok()?;
            let most = if ip.is_ipv4() { 32 } else { 128 };
            let plain = (1..=3).contains(&bits.len()) && bits.bytes().all(|b| b.is_ascii_digit());
            return bits.parse().ok().filter(|b| plain && *b <= most).map(|b| Destination::Range(ip, b));
        }
        if let Ok(ip) = IpAddr::from_str(word) {
            return Some(Destination::Range(ip, if ip.is_ipv4() { 32 } else { 128 }));
        }
        let (name, below) = match word.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (word, false),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        // A name of one label is no name on the Internet, and four numbers are an address with a mistake in it.
        let good = name.len() <= 253
            && name.contains('.')
            && name.split('.').all(label)
            && !name.split('.').next_back().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        good.then_some(if below { Destination::Below(name) } else { Destination::Name(name) })
    }

    /// Whether this is the destination.
    pub fn is(&self, ip: Option<IpAddr>, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        match self {
            Destination::Anywhere => true,
            Destination::Range(range, bits) => ip.is_some_and(|ip| within(ip, *range, *bits)),
            Destination::Name(n) => !name.is_empty() && name.eq_ignore_ascii_case(n),
            Destination::Below(n) => {
                name.eq_ignore_ascii_case(n)
                    || name
                        .len()
                        .checked_sub(n.len())
                        .and_then(|at| Some((name.get(..at)?, name.get(at..)?)))
                        .is_some_and(|(head, tail)| head.ends_with('.') && tail.eq_ignore_ascii_case(n))
            }
        }
    }
}

fn within(ip: IpAddr, range: IpAddr, bits: u8) -> bool {
    match (ip.to_canonical(), range.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let shift = 32u32.saturating_sub(bits.into());
            u32::from(a).checked_shr(shift).unwrap_or(0) == u32::from(b).checked_shr(shift).unwrap_or(0)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let shift = 128u32.saturating_sub(bits.into());
            u128::from(a).checked_shr(shift).unwrap_or(0) == u128::from(b).checked_shr(shift).unwrap_or(0)
        }
        _ => false,
    }
}

macro_rules! texts {
    ($($name:literal = $($part:ident).+),+ $(,)?) => {
        impl Ledger {
            /// Names of the text fields, in the order of forms. Those of [`Internet`] begin with `internet_`.
            pub const TEXTS: &'static [&'static str] = &[$($name),+];
            /// The text fields with their names.
            pub fn texts(&self) -> impl Iterator<Item = (&'static str, &String)> {
                [$(($name, &self.$($part).+)),+].into_iter()
            }
            /// The text fields with their names, to be changed.
            pub fn texts_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
                [$(($name, &mut self.$($part).+)),+].into_iter()
            }
        }
    };
}
texts! {
    "name" = name,
    "maker" = maker,
    "model_number" = model_number,
    "serial" = serial,
    "software_version" = software_version,
    "support_end" = support_end,
    "owner" = owner,
    "administrator" = administrator,
    "place" = place,
    "purpose" = purpose,
    "notes" = notes,
    "internet_destinations" = internet.destinations,
    "internet_reason" = internet.reason,
    "internet_protection" = internet.protection,
    "internet_approved_by" = internet.approved_by,
    "internet_until" = internet.until,
}

impl Ledger {
    /// A text field by its name; empty where there is none of that name.
    pub fn text(&self, field: &str) -> &str {
        self.texts().find(|(name, _)| *name == field).map_or("", |(_, value)| value)
    }

    /// What differs in `new`, by field: the texts, then `kind`, `zone`, `importance`, `internet` (the need).
    pub fn changes(&self, new: &Ledger) -> Vec<FieldChange> {
        let mut out: Vec<FieldChange> = self
            .texts()
            .zip(new.texts())
            .filter(|((_, from), (_, to))| from != to)
            .map(|((field, from), (_, to))| FieldChange { field: field.to_owned(), from: from.clone(), to: to.clone() })
            .collect();
        let mut word = |field: &str, from: Option<String>, to: Option<String>| {
            if from != to {
                out.push(FieldChange { field: field.to_owned(), from: from.unwrap_or_default(), to: to.unwrap_or_default() });
            }
        };
        word("kind", self.kind.map(|k| k.to_string()), new.kind.map(|k| k.to_string()));
        word("zone", self.zone.map(|z| z.to_string()), new.zone.map(|z| z.to_string()));
        word("importance", self.importance.map(|i| i.to_string()), new.importance.map(|i| i.to_string()));
        word("internet", self.internet.need.map(|n| n.to_string()), new.internet.need.map(|n| n.to_string()));
        out
    }

    /// Follows a change of the log. A field that this program does not know is passed over.
    pub fn follow(&mut self, change: &FieldChange) {
        match change.field.as_str() {
            "kind" => self.kind = Kind::from_name(&change.to),
            "zone" => self.zone = change.to.parse().ok(),
            "importance" => self.importance = Importance::from_name(&change.to),
            "internet" => self.internet.need = InternetNeed::from_name(&change.to),
            field => {
                if let Some((_, value)) = self.texts_mut().find(|(name, _)| *name == field) {
                    value.clone_from(&change.to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> jiff::civil::Date {
        text.parse().unwrap()
    }
    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn destinations_are_read_as_people_write_them() {
        for good in
            ["*", "*.example.jp", "update.example.jp", "update.example.jp.", "203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "日本語.jp"]
        {
            assert!(Destination::read(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "example",
            "*.",
            "*.jp*",
            "a..jp",
            "203.0.113.300",
            "203.0.113.0/33",
            "203.0.113.0/+8",
            "https://a.jp/x",
            "-a.jp",
            "a b.jp",
            "::/129",
        ] {
            assert!(Destination::read(bad).is_none(), "{bad}");
        }
        assert!(Destination::read(&format!("{}.jp", "a.".repeat(130))).is_none());
    }

    #[test]
    fn a_statement_is_held_against_address_name_and_day() {
        use InternetVerdict::{Expired, NotNeeded, OtherDestination, Stated, Unstated};
        let today = day("2026-06-01");
        let mut i = Internet::default();
        assert_eq!(i.verdict(Some(ip("203.0.113.7")), "", today), Unstated);
        i.need = Some(InternetNeed::Destinations);
        i.destinations = "*.Example.jp, 203.0.113.0/24\n2001:db8::1".into();
        assert_eq!(i.verdict(Some(ip("203.0.113.7")), "", today), Stated);
        assert_eq!(i.verdict(Some(ip("::ffff:203.0.113.7")), "", today), Stated);
        assert_eq!(i.verdict(Some(ip("198.51.100.1")), "a.b.example.JP.", today), Stated);
        assert_eq!(i.verdict(Some(ip("198.51.100.1")), "example.jp", today), Stated);
        assert_eq!(i.verdict(Some(ip("198.51.100.1")), "notexample.jp", today), OtherDestination);
        assert_eq!(i.verdict(Some(ip("198.51.100.1")), "é.example.jp.evil.test", today), OtherDestination);
        assert_eq!(i.verdict(Some(ip("2001:db8::2")), "", today), OtherDestination);
        i.until = "2026-05-31".into();
        assert_eq!(i.verdict(Some(ip("203.0.113.7")), "", today), Expired);
        assert_eq!(i.verdict(Some(ip("203.0.113.7")), "", day("2026-05-31")), Stated, "the last day still counts");
        i.need = Some(InternetNeed::NotNeeded);
        assert_eq!(i.verdict(Some(ip("203.0.113.7")), "", today), NotNeeded);
    }

    #[test]
    fn changes_of_the_log_lead_from_one_ledger_to_the_next() {
        let old = Ledger { name: "a".into(), kind: Some(Kind::Plc), ..Ledger::default() };
        let mut new = Ledger { name: "b".into(), importance: Some(Importance::High), notes: "n".into(), ..Ledger::default() };
        new.internet = Internet {
            need: Some(InternetNeed::Destinations),
            destinations: "*".into(),
            reason: "r".into(),
            protection: "p".into(),
            approved_by: "x".into(),
            until: "2027-03-31".into(),
        };
        let changes = old.changes(&new);
        assert!(changes.iter().any(|c| c.field == "internet_until"));
        let mut followed = old;
        for change in &changes {
            followed.follow(change);
        }
        assert_eq!(followed, new);
        followed.follow(&FieldChange { field: "of another version".into(), from: String::new(), to: "x".into() });
        assert_eq!(followed, new);
    }
}
