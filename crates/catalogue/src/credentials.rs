//! User names and passwords that makers ship (catalogue/data/default-credentials.txt).

use rustc_hash::FxHashSet;
use std::sync::LazyLock;

static TEXT: &str = include_str!("../../../catalogue/data/default-credentials.txt");

static PAIRS: LazyLock<FxHashSet<(&'static [u8], &'static [u8])>> = LazyLock::new(|| {
    TEXT.lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
        .filter_map(|l| l.split_once('\t'))
        .map(|(user, secret)| (user.as_bytes(), secret.as_bytes()))
        .collect()
});

/// Whether this pair stands on the list, exactly as written. Fits `wire::parse::Options::is_default`.
pub fn is_default(user: &[u8], secret: &[u8]) -> bool {
    PAIRS.contains(&(user, secret))
}

/// How many pairs the list holds.
pub fn count() -> usize {
    PAIRS.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_pairs_only() {
        assert!(is_default(b"admin", b"admin") && is_default(b"root", b"") && is_default(b"ADMIN", b"ADMIN"));
        assert!(!is_default(b"admin", b"ADMIN1") && !is_default(b"", b"admin ") && !is_default(b"tanaka", b"tanaka"));
        assert!(count() > 150, "{}", count());
        let lines = TEXT.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()).count();
        assert_eq!(lines, count(), "a line without a tab, or a pair twice");
    }
}
