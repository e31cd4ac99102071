//! Folding text so that what looks the same is found: compatibility forms (full-width letters, half-width katakana, ligatures)
//! and case. And bytes as text.

use std::fmt::Write as _;
use unicode_normalization::UnicodeNormalization;

/// NFKC and lower case, with runs of white space as one space. Cut at `most` characters.
pub(crate) fn fold(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most * 4));
    let mut space = true;
    // Bounded before folding too: one character may become eighteen.
    for c in text.chars().take(most).nfkc().flat_map(char::to_lowercase).take(most) {
        if c.is_whitespace() || c.is_control() {
            if !space {
                out.push(' ');
            }
            space = true;
        } else {
            out.push(c);
            space = false;
        }
    }
    while out.ends_with(' ') {
        out.pop();
    }
    out
}

/// At most so many characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    match text.char_indices().nth(most) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

/// The pattern that finds `word` anywhere, for `LIKE … ESCAPE '!'`.
pub(crate) fn like(word: &str) -> String {
    let mut out = String::from("%");
    for c in word.chars() {
        if matches!(c, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// The words of a search, folded; at most eight.
pub(crate) fn words(text: &str) -> Vec<String> {
    fold(text, 200).split(' ').filter(|w| !w.is_empty()).take(8).map(str::to_owned).collect()
}

/// Whether a text may be kept as a person's word: no control characters but line breaks and tabs.
pub(crate) fn is_clean(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Bytes in hexadecimal, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_and_case_do_not_matter() {
        assert_eq!(fold("  ＰＬＣ－Ｌ２　 ﾒﾝﾃ ", 100), "plc-l2 メンテ");
        assert_eq!(words("ＨＭＩ　第２ライン"), ["hmi", "第2ライン"]);
    }

    #[test]
    fn folding_is_bounded() {
        // U+FDFA becomes eighteen characters.
        assert!(fold(&"\u{fdfa}".repeat(10_000), 500).chars().count() <= 500);
        assert_eq!(cut("工場の時計", 2), "工場");
        assert_eq!(cut("x", 2), "x");
    }

    #[test]
    fn wildcards_are_letters() {
        assert_eq!(like("50%_!"), "%50!%!_!!%");
    }
}
