//! Guessing passwords is made slow: per account and per address, in bounded memory.
//!
//! Five free tries; every failure after that locks the key for a time that doubles from 30 seconds to 15 minutes. A lock-out never
//! tells whether the account exists: names that nobody has are counted in the same way. Success forgets the account's failures, but
//! not the address's: whoever guesses many accounts from one place stays slow. Restarting Hinomi forgets everything, which only the
//! machine's owner can do. IPv6 addresses count by /64, which is what one subscriber has (RFC 6177).

use model::{Span, Time};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;

/// Failures without delay, per account.
pub const FREE: u32 = 5;
/// Failures without delay, per address: several people share a router.
pub const FREE_ADDRESS: u32 = 20;
/// The first lock.
pub const FIRST_LOCK: Span = Span::seconds(30);
/// The longest lock.
pub const LONGEST_LOCK: Span = Span::minutes(15);
/// Failures are forgotten after this time without another.
pub const FORGET: Span = Span::hours(1);
/// Keys remembered at most; beyond it those with the fewest failures go first.
pub const MAX_KEYS: usize = 8192;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An account's name, in lower case, whether there is one or not.
    Account(String),
    /// Where the try came from.
    Address(IpAddr),
}

impl Key {
    /// The key of a name.
    pub fn account(name: &str) -> Key {
        Key::Account(name.trim().chars().take(64).flat_map(char::to_lowercase).collect())
    }
    /// The key of an address.
    pub fn address(ip: IpAddr) -> Key {
        Key::Address(match ip.to_canonical() {
            IpAddr::V6(v6) => {
                let s = v6.segments();
                IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
            }
            IpAddr::V4(v4) => IpAddr::V4(v4),
        })
    }
    fn free(&self) -> u32 {
        match self {
            Key::Account(_) => FREE,
            Key::Address(_) => FREE_ADDRESS,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: u32,
    last: Time,
    until: Time,
}

/// Counts failures.
#[derive(Debug, Default)]
pub struct Limiter {
    counts: Mutex<HashMap<Key, Count>>,
}

impl Limiter {
    /// How long the key must wait, if it must.
    pub fn locked(&self, key: &Key, now: Time) -> Option<Span> {
        let counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let wait = counts.get(key)?.until - now;
        // A clock set back must not lock for longer than the longest lock.
        (wait > Span::ZERO).then_some(wait.min(LONGEST_LOCK))
    }

    /// Notes a failure; tells the lock that it caused.
    pub fn failed(&self, key: Key, now: Time) -> Option<Span> {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if counts.len() >= MAX_KEYS && !counts.contains_key(&key) {
            make_room(&mut counts, now);
        }
        let free = key.free();
        let count = counts.entry(key).or_insert(Count { failures: 0, last: now, until: now });
        if now - count.last > FORGET {
            count.failures = 0;
        }
        count.failures = count.failures.saturating_add(1);
        count.last = now;
        if count.failures < free {
            return None;
        }
        let doubled = FIRST_LOCK.0.saturating_mul(1i64 << (count.failures - free).min(10));
        let lock = Span(doubled).min(LONGEST_LOCK);
        count.until = now + lock;
        Some(lock)
    }

    /// Forgets a key's failures.
    pub fn succeeded(&self, key: &Key) {
        self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(key);
    }
}

/// Drops what is old; then the half with the fewest failures, so that a flood of invented names does not free a guessed one.
fn make_room(counts: &mut HashMap<Key, Count>, now: Time) {
    counts.retain(|_, c| now - c.last <= FORGET);
    if counts.len() < MAX_KEYS {
        return;
    }
    let mut failures: Vec<u32> = counts.values().map(|c| c.failures).collect();
    failures.sort_unstable();
    let median = failures.get(failures.len() / 2).copied().unwrap_or(0);
    let mut to_drop = counts.len() / 2;
    counts.retain(|_, c| {
        let go = to_drop > 0 && c.failures <= median;
        to_drop -= usize::from(go);
        !go
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Time = Time::from_unix(1_800_000_000, 0);

    #[test]
    fn the_fifth_failure_locks_and_locks_double_up_to_a_quarter_of_an_hour() {
        let l = Limiter::default();
        let key = Key::account("Tanaka ");
        for _ in 1..FREE {
            assert_eq!(l.failed(key.clone(), T0), None);
        }
        assert_eq!(l.failed(Key::account("tanaka"), T0), Some(FIRST_LOCK));
        assert_eq!(l.locked(&key, T0 + Span::seconds(29)), Some(Span::seconds(1)));
        assert_eq!(l.locked(&key, T0 + Span::seconds(30)), None);
        assert_eq!(l.failed(key.clone(), T0), Some(Span::seconds(60)));
        for _ in 0..50 {
            l.failed(key.clone(), T0);
        }
        assert_eq!(l.locked(&key, T0), Some(LONGEST_LOCK));
        l.succeeded(&key);
        assert_eq!(l.locked(&key, T0), None);
    }

    #[test]
    fn failures_are_forgotten_and_a_clock_set_back_does_not_lock_for_years() {
        let l = Limiter::default();
        let key = Key::account("x");
        for _ in 0..FREE {
            l.failed(key.clone(), T0);
        }
        assert!(l.locked(&key, T0 - Span::days(900)).unwrap() <= LONGEST_LOCK);
        assert_eq!(l.failed(key, T0 + Span::hours(2)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_guessed_name_stays_locked() {
        let l = Limiter::default();
        let key = Key::account("admin");
        for _ in 0..8 {
            l.failed(key.clone(), T0);
        }
        for i in 0..MAX_KEYS * 3 {
            l.failed(Key::account(&format!("nobody{i}")), T0);
        }
        assert!(l.counts.lock().unwrap().len() <= MAX_KEYS);
        assert!(l.locked(&key, T0).is_some());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
        let a = Key::address("2001:db8:1:2::5".parse().unwrap());
        assert_eq!(a, Key::address("2001:db8:1:2:9::6".parse().unwrap()));
        assert_eq!(Key::address("::ffff:192.0.2.1".parse().unwrap()), Key::address("192.0.2.1".parse().unwrap()));
    }
}
