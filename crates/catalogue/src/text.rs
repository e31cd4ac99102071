//! Errors with file and line, and the nearest known word.

use thiserror::Error;

/// Why a data file is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {what}")]
pub struct CatalogueError {
    /// The file.
    pub file: String,
    /// Line, counted from 1; 0 where the file could not be read at all.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

/// Line of a byte offset, counted from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// Turns an error of the TOML reader into ours, naming the nearest known key where a key is unknown.
pub(crate) fn toml_error(file: &str, text: &str, error: &toml::de::Error) -> CatalogueError {
    let message = error.message();
    let mut words = message.split('`').skip(1).step_by(2);
    let mut what = message.to_owned();
    if (message.starts_with("unknown field") || message.starts_with("unknown variant"))
        && let Some(unknown) = words.next()
    {
        let kind = if message.starts_with("unknown field") { "key" } else { "value" };
        what = format!("unknown {kind} '{unknown}'");
        if let Some(best) = nearest(unknown, words) {
            what = format!("{what}; did you mean '{best}'?");
        }
    }
    CatalogueError { file: file.into(), line: error.span().map_or(1, |s| line_at(text, s.start)), what }
}

/// The candidate with the smallest edit distance, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    candidates.map(|c| (distance(word, c), c)).min().filter(|(d, c)| *d <= 2.max(c.chars().count() / 3)).map(|(_, c)| c)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cb, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let up = *cell;
            let value = (up + 1).min(left + 1).min(diagonal + usize::from(ca != *cb));
            diagonal = up;
            left = value;
            *cell = value;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("sevrity", ["severity", "revision"].into_iter()), Some("severity"));
        assert_eq!(nearest("banana", ["severity", "revision"].into_iter()), None);
    }
}
