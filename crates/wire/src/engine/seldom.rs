//! What is said over and over and worth telling only when it is new or changed: beacons ten times a second, bridges every two seconds,
//! group memberships. A small memory of fixed size, taken when first needed.

use crate::hash;
use model::Span;

/// The same is told again after this.
pub const AGAIN: Span = Span::minutes(10);
/// Sets of the memory, and places in each.
const SETS: usize = 512;
const WAYS: usize = 4;

#[derive(Clone, Copy, Default)]
struct Told {
    who: u64,
    what: u64,
    at: i64,
    used: bool,
}

/// See the module. Speakers that fall on the same set drive out the one that was told longest ago: that one is told again early, never hidden.
pub struct Seldom {
    seed: u64,
    sets: Vec<[Told; WAYS]>,
    /// Entries driven out.
    pub evicted: u64,
}

impl Seldom {
    pub(crate) fn new(seed: u64) -> Self {
        Seldom { seed, sets: Vec::new(), evicted: 0 }
    }

    /// Whether this is to be told at engine time `now`, given who says it and what; it then counts as told.
    pub(crate) fn is_news<const N: usize>(&mut self, who: [u64; N], what: &[u64], now: i64) -> bool {
        if self.sets.is_empty() {
            self.sets.resize(SETS, [Told::default(); WAYS]);
        }
        let who = hash::words(self.seed, who);
        let what = what.iter().fold(self.seed, |h, w| hash::words(h, [*w]));
        let Some(set) = self.sets.get_mut(who as usize % SETS) else { return true };
        let fresh = Told { who, what, at: now, used: true };
        if let Some(t) = set.iter_mut().find(|t| t.used && t.who == who) {
            let news = t.what != what || now.saturating_sub(t.at) >= AGAIN.0;
            if news {
                *t = fresh;
            }
            return news;
        }
        if let Some(oldest) = set.iter_mut().min_by_key(|t| (t.used, t.at)) {
            self.evicted += u64::from(oldest.used && now.saturating_sub(oldest.at) < AGAIN.0);
            *oldest = fresh;
        }
        true
    }
}

/// Text as words for [`Seldom::is_news`], folded into one.
pub(crate) fn fold(seed: u64, text: &[u8]) -> u64 {
    text.chunks(8).fold(seed ^ text.len() as u64, |h, chunk| {
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        hash::words(h, [u64::from_le_bytes(word)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_when_new_or_changed_and_again_later() {
        let mut s = Seldom::new(7);
        assert!(s.is_news([1, 2], &[5], 0) && !s.is_news([1, 2], &[5], 1) && s.is_news([1, 2], &[6], 2));
        assert!(!s.is_news([1, 2], &[6], AGAIN.0 + 1) && s.is_news([1, 2], &[6], AGAIN.0 + 2));
        assert!(s.is_news([2, 1], &[6], 3));
        assert_ne!(fold(1, b"a\0"), fold(1, b"a"));
    }

    #[test]
    fn a_flood_of_speakers_hides_nobody_and_takes_no_more_room() {
        let mut s = Seldom::new(7);
        for who in 0..100_000 {
            assert!(s.is_news([who], &[1], 1));
        }
        assert_eq!((s.sets.len(), s.evicted), (SETS, 100_000 - (SETS * WAYS) as u64));
    }
}
