//! The numbers of names (`names.tsv`, part of docs/store-format.md), and what they decide: the group of a field, and whether a
//! number is a time.

use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// The table as it is published.
pub const TABLE: &str = include_str!("../names.tsv");

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its number, for ever.
    pub number: u16,
    /// The name.
    pub name: &'static str,
    /// The group that it decides: an index into [`crate::canon::GROUPS`]. `None`: what is under it decides.
    pub group: Option<u8>,
    /// A whole number under it is a time in nanoseconds since 1970.
    pub is_time: bool,
}

struct Names {
    by_name: FxHashMap<&'static str, Name>,
    by_number: Vec<Option<Name>>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names { by_name: FxHashMap::default(), by_number: Vec::new() };
    for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(number), Some(name), Some(group), Some(kind)) = (fields.next(), fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let Ok(number) = number.parse::<u16>() else { continue };
        let group = "cant".find(group).map(|g| g as u8);
        let entry = Name { number, name, group, is_time: kind == "time" };
        names.by_name.insert(name, entry);
        let place = usize::from(number);
        if names.by_number.len() <= place {
            names.by_number.resize(place + 1, None);
        }
        if let Some(slot) = names.by_number.get_mut(place) {
            *slot = Some(entry);
        }
    }
    names
});

/// What is known of a name, by its text.
pub fn by_name(name: &str) -> Option<Name> {
    NAMES.by_name.get(name).copied()
}

/// What is known of a name, by its number.
pub fn by_number(number: u64) -> Option<Name> {
    NAMES.by_number.get(usize::try_from(number).ok()?).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_no_number_or_name_comes_twice() {
        let lines = TABLE.lines().filter(|l| !l.starts_with('#')).count();
        assert_eq!(NAMES.by_name.len(), lines);
        assert_eq!(NAMES.by_number.iter().flatten().count(), lines);
        for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
            let fields: Vec<_> = line.split('\t').collect();
            assert_eq!(fields.len(), 4, "{line}");
            assert!("-cant".contains(fields[2]) && ["-", "time"].contains(&fields[3]), "{line}");
            assert_eq!(by_number(fields[0].parse().unwrap()).unwrap().name, fields[1]);
        }
    }

    /// Numbers that were given stay: a changed line here would make old records unreadable.
    #[test]
    fn the_first_numbers_are_what_they_were() {
        let first: Vec<_> = (1..=24).map(|n| by_number(n).unwrap().name).collect();
        assert_eq!(
            first.join(" "),
            "source received happened body id segment sensor vlan transport client server mac ip port protocol first last started part up down packets bytes flags"
        );
    }
}
