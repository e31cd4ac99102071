//! What a word is, for searching lines of logs.
//!
//! Lines mix Latin words, numbers, host names, addresses and Japanese without spaces. So:
//!
//! - Text is **folded** first: compatibility forms to ordinary ones (NFKC: full-width letters and digits, half-width katakana, ㈱, ①) and lower case.
//! - A **run** is letters and digits of scripts that put spaces between words. Runs with one of `. - _ : / @ \ + =` between them hang
//!   together as a compound: `plc-07.line2`, `192.0.2.17`, `02:00:5e:00:53:01`.
//! - Characters of Chinese, Japanese and Korean stand in a **chain**, which has no word borders.
//!
//! A needle is words with anything between them; each must occur. A word `plc-07` occurs where these characters stand with no letter or
//! digit before and after: in `plc-07.line2`, not in `plc-071`. A chain occurs where its characters stand, anywhere: 認証失敗 in ユーザー認証失敗しました.
//! `fail*` is the beginning of a word, `*word` stands anywhere, also within one, and `"login failed"` is these characters in this order.
//!
//! For skipping row groups, a line gives **keys**: each run; its first three and its first six characters where they are letters; each two
//! neighbouring runs of a compound with what is between; dotted quads as a whole (an address of four common numbers is not common); of a chain each
//! character and each pair of neighbours. Whatever occurs in a line has all of its own keys among the keys of the line, so a filter without one of
//! them proves that the words are not there. Only `*word` has no keys.

use unicode_normalization::UnicodeNormalization;

/// How a character counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Run,
    Chain,
    Joint,
    Gap,
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | '0'..='9' => Class::Run,
        '.' | '-' | '_' | ':' | '/' | '@' | '\\' | '+' | '=' => Class::Joint,
        '\0'..='\x7f' => Class::Gap,
        // Hiragana, katakana with the long mark, iteration marks, Han with extensions, Hangul.
        '\u{3041}'..='\u{3096}'
        | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{3005}'..='\u{3007}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Class::Chain,
        c if c.is_alphanumeric() => Class::Run,
        _ => Class::Gap,
    }
}

/// Folded text, into a buffer.
pub(crate) fn fold(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
        return;
    }
    for c in text.chars() {
        match plain(c) {
            Some(c) => out.push(c),
            None => {
                out.clear();
                out.extend(text.nfkc().flat_map(char::to_lowercase));
                return;
            }
        }
    }
}

/// What a character becomes, of those that stand for themselves or have one ordinary form and that nothing composes with: most of what lines
/// in Japanese are made of. A text of these needs no tables.
fn plain(c: char) -> Option<char> {
    match c {
        '\0'..='\x7f' => Some(c.to_ascii_lowercase()),
        '\u{3000}' => Some(' '),
        // Punctuation and brackets, iteration marks; hiragana; katakana with the middle dot and the long mark; Han.
        '\u{3001}'..='\u{3011}'
        | '\u{3041}'..='\u{3096}'
        | '\u{309d}'..='\u{309e}'
        | '\u{30a1}'..='\u{30fe}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' => Some(c),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).map(|c| c.to_ascii_lowercase()),
        _ => None,
    }
}

/// How many letters a run's beginnings have.
const BEGINNINGS: [usize; 2] = [3, 6];

/// Keys of the beginnings of a run that are letters. They begin with a character that no run holds.
fn beginnings(run: &str, mut each: impl FnMut(&str)) {
    let mut key = [1u8; 1 + 4 * 6];
    for n in BEGINNINGS {
        let mut chars = run.char_indices();
        if chars.by_ref().take(n).filter(|(_, c)| c.is_alphabetic()).count() < n {
            return;
        }
        let end = chars.next().map_or(run.len(), |(at, _)| at);
        let (Some(to), Some(from)) = (key.get_mut(1..=end), run.as_bytes().get(..end)) else { return };
        to.copy_from_slice(from);
        each(key.get(..=end).and_then(|k| std::str::from_utf8(k).ok()).unwrap_or_default());
    }
}

/// Gives the keys of folded text.
pub(crate) fn keys(folded: &str, mut each: impl FnMut(&str)) {
    // Where the last four runs of the compound at hand begin.
    let mut starts = [0usize; 4];
    let mut runs = 0usize;
    let mut run: Option<usize> = None;
    let mut before_chain: Option<usize> = None;
    let mut joint = false;
    let mut end = |run: usize, end: usize, runs: &mut usize, starts: &mut [usize; 4]| {
        let piece = |from: usize| folded.get(from..end).unwrap_or("");
        each(piece(run));
        beginnings(piece(run), &mut each);
        starts.rotate_left(1);
        starts[3] = run;
        *runs += 1;
        if *runs >= 2 {
            each(piece(starts[2]));
        }
        if *runs >= 4 && is_quad(piece(starts[0])) {
            each(piece(starts[0]));
        }
    };
    let mut chain: Vec<(usize, usize)> = Vec::new();
    for (at, c) in folded.char_indices() {
        let class = class(c);
        if class != Class::Run
            && let Some(r) = run.take()
        {
            end(r, at, &mut runs, &mut starts);
            joint = false;
        }
        match class {
            Class::Run => {
                if run.is_none() {
                    run = Some(at);
                }
                joint = false;
            }
            // Two joints in a row end a compound, as does anything else.
            Class::Joint if !joint => joint = true,
            _ => {
                runs = 0;
                joint = false;
            }
        }
        if class == Class::Chain {
            let after = at + c.len_utf8();
            chain.push((at, after));
            if let Some(b) = before_chain {
                chain.push((b, after));
            }
            before_chain = Some(at);
        } else {
            before_chain = None;
        }
    }
    if let Some(r) = run {
        end(r, folded.len(), &mut runs, &mut starts);
    }
    for (from, to) in chain {
        each(folded.get(from..to).unwrap_or(""));
    }
}

fn is_quad(piece: &str) -> bool {
    let mut parts = 0;
    piece.split('.').all(|p| {
        parts += 1;
        (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit())
    }) && parts == 4
}

/// How a word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum How {
    /// With nothing of a run before and after, where it begins and ends with a run.
    Whole,
    /// The same, and the last run may go on.
    Beginning,
    /// Anywhere.
    Inside,
}

/// A word that is looked for, folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Term {
    text: String,
    how: How,
}

impl Term {
    /// Whether nothing of a run may stand before it, and after it.
    fn borders(&self) -> (bool, bool) {
        let run = |c: Option<char>| c.is_some_and(|c| class(c) == Class::Run);
        let (first, last) = (run(self.text.chars().next()), run(self.text.chars().next_back()));
        match self.how {
            How::Whole => (first, last),
            How::Beginning => (first, false),
            How::Inside => (false, false),
        }
    }

    fn keys(&self, mut each: impl FnMut(&str)) {
        match self.how {
            How::Whole => keys(&self.text, each),
            How::Beginning => {
                // The last run may go on: only what stands before it is whole.
                let run = self.text.char_indices().rev().take_while(|(_, c)| class(*c) == Class::Run).last();
                let at = run.map_or(self.text.len(), |(at, _)| at);
                keys(self.text.get(..at).unwrap_or_default(), &mut each);
                beginnings(self.text.get(at..).unwrap_or_default(), each);
            }
            How::Inside => {}
        }
    }
}

/// Words that must all occur.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Needle {
    terms: Vec<Term>,
}

impl Needle {
    /// At most so many words are looked for at once.
    pub(crate) const MOST: usize = 64;

    /// Reads a needle. Joints at the ends of a word do not count, so `error:` finds `error`.
    pub(crate) fn new(words: &str) -> Needle {
        let mut folded = String::new();
        fold(words, &mut folded);
        let mut needle = Needle::default();
        let mut rest = folded.as_str();
        while let Some((before, after)) = rest.split_once('"') {
            let Some((phrase, behind)) = after.split_once('"') else { break };
            needle.words(before);
            if phrase.chars().any(|c| matches!(class(c), Class::Run | Class::Chain)) {
                needle.put(phrase.trim(), How::Whole);
            }
            rest = behind;
        }
        needle.words(rest);
        needle.terms.truncate(Needle::MOST);
        // The longest is the rarest, as far as one can tell from here.
        needle.terms.sort_by_key(|t| std::cmp::Reverse(t.text.len()));
        needle
    }

    fn put(&mut self, text: &str, how: How) {
        if !text.is_empty() && self.terms.iter().all(|t| t.text != text || t.how != how) {
            self.terms.push(Term { text: String::from(text), how });
        }
    }

    fn words(&mut self, folded: &str) {
        let mut at = String::new();
        let (mut was, mut star) = (Class::Gap, false);
        // Whether a star stands right before what is gathered.
        let mut starred = false;
        for c in folded.chars().chain([' ']) {
            let is = class(c);
            let chain = was == Class::Chain;
            if is == Class::Gap || (is == Class::Chain) != chain || (is == Class::Joint && was == Class::Joint) {
                let how = match (starred, c == '*') {
                    (true, _) => How::Inside,
                    (false, true) if was == Class::Run => How::Beginning,
                    _ => How::Whole,
                };
                let text = if chain { at.as_str() } else { at.trim_matches(|c| class(c) == Class::Joint) };
                self.put(text, if chain { How::Whole } else { how });
                at.clear();
                starred = false;
            }
            if is != Class::Gap {
                starred |= at.is_empty() && star && !chain;
                at.push(c);
            }
            star = c == '*';
            was = is;
        }
    }

    /// Nothing is looked for.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Hashes of keys that a text has where this occurs in it.
    pub(crate) fn hashes(&self) -> Vec<u64> {
        let mut hashes = Vec::new();
        for term in &self.terms {
            term.keys(|k| hashes.push(super::hash::xxh64(k.as_bytes())));
        }
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }

    /// All words occur in the text. `scratch` is reused between calls.
    pub(crate) fn occurs(&self, text: &str, scratch: &mut String) -> bool {
        if text.is_ascii() {
            // Most lines: nothing to fold but case, and that only where the first bytes fit.
            return self.terms.iter().all(|t| find(text.as_bytes(), t.text.as_bytes(), t.borders()));
        }
        fold(text, scratch);
        self.terms.iter().all(|t| find_folded(scratch, &t.text, t.borders()))
    }
}

/// Whether a folded word stands in ASCII text of any case; `borders`: with nothing of a run before, and after.
fn find(text: &[u8], word: &[u8], borders: (bool, bool)) -> bool {
    let Some((&first, rest)) = word.split_first() else { return true };
    let run = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|t| t.iter().position(|b| *b == first || *b == upper)) {
        let at = from + at;
        let end = at + word.len();
        let Some(there) = text.get(at + 1..end) else { return false };
        if there.eq_ignore_ascii_case(rest)
            && !(borders.0 && run(at.checked_sub(1).and_then(|b| text.get(b))))
            && !(borders.1 && run(text.get(end)))
        {
            return true;
        }
        from = at + 1;
    }
    false
}

fn find_folded(folded: &str, word: &str, borders: (bool, bool)) -> bool {
    let run = |c: Option<char>| c.is_some_and(|c| class(c) == Class::Run);
    folded.match_indices(word).any(|(at, _)| {
        let before = folded.get(..at).and_then(|b| b.chars().next_back());
        let after = folded.get(at + word.len()..).and_then(|a| a.chars().next());
        !(borders.0 && run(before) || borders.1 && run(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, words: &str) -> bool {
        let n = Needle::new(words);
        let found = n.occurs(text, &mut String::new());
        // Whatever occurs has its keys among those of the text: the filters never hide a line.
        let mut folded = String::new();
        fold(text, &mut folded);
        let mut all = std::collections::HashSet::new();
        keys(&folded, |k| {
            all.insert(super::super::hash::xxh64(k.as_bytes()));
        });
        if found {
            assert!(n.hashes().iter().all(|h| all.contains(h)), "{words} in {text}");
        }
        found
    }

    #[test]
    fn latin_words_whole_and_in_any_case() {
        assert!(has("Failed password for root from 192.0.2.17 port 22", "failed PASSWORD"));
        assert!(has("Failed password for root", "root failed"));
        assert!(!has("Failed passwords", "password"));
        assert!(!has("Failed password", "fail"));
        assert!(has("error: disk", "error:"));
        assert!(has("Überlast an Gerät 7", "überlast gerät"));
        assert!(!has("anything", "nothing"));
    }

    #[test]
    fn addresses_and_host_names_whole_and_in_parts() {
        let line = "link up on plc-07.line2.example.jp (192.0.2.17, 02:00:5E:00:53:01)";
        for words in ["plc-07", "line2", "example.jp", "plc-07.line2.example.jp", "192.0.2.17", "02:00:5e:00:53:01", "00:53:01", "2.17"] {
            assert!(has(line, words), "{words}");
        }
        for words in ["plc-0", "lc-07", "192.0.2.1", "92.0.2.17", "line", "192-0-2-17"] {
            assert!(!has(line, words), "{words}");
        }
        assert!(!has("from 1192.0.2.17", "192.0.2.17"));
        assert!(has("x=192.0.2.17:502", "192.0.2.17"));
        assert!(has("1.2.3.4.5.6.7", "3.4.5.6"));
    }

    #[test]
    fn japanese_anywhere() {
        let line = "ユーザー認証失敗しました（ID: ｔａｎａｋａ、装置ﾎﾟﾝﾌﾟ1ｺﾞｳｷ）";
        for words in ["認証失敗", "認証", "証", "tanaka", "ポンプ", "ゴウキ", "認証失敗 Tanaka", "装置ポンプ", "id"] {
            assert!(has(line, words), "{words}");
        }
        for words in ["認証成功", "失敗認証", "tana"] {
            assert!(!has(line, words), "{words}");
        }
        assert!(has("PLC故障3号機", "plc 故障"));
        assert!(has("PLC故障3号機", "PLC故障"));
    }

    #[test]
    fn wide_and_narrow_and_compatibility_forms_are_one() {
        let line = "ＰＬＣ－０７　ﾃﾞｰﾀ転送ｴﾗｰ　㈱火の見製作所　第①ライン か\u{3099}いしゃ";
        for words in ["plc-07", "データ転送エラー", "ﾃﾞｰﾀ", "(株)", "火の見", "第1", "ライン", "がいしゃ", "PLC－０７"]
        {
            assert!(has(line, words), "{words}");
        }
        assert!(!has(line, "plc-08"));
    }

    #[test]
    fn what_needs_no_tables_comes_to_the_same() {
        for c in ('\0'..='\u{ffff}').filter(|c| plain(*c).is_some()) {
            let text = format!("あ{c}漢{c}");
            let mut out = String::new();
            fold(&text, &mut out);
            let full: String = text.nfkc().flat_map(char::to_lowercase).collect();
            assert_eq!(out, full, "U+{:04X}", u32::from(c));
        }
        // A mark that composes with what stands before it.
        let mut out = String::new();
        fold("か\u{3099}Ａ", &mut out);
        assert_eq!(out, "がa");
    }

    #[test]
    fn parts_of_words_and_phrases() {
        let line = "Login failed: authentication failure for Administrator (PLC故障) 2026";
        for words in [
            "fail*",
            "auth* fail*",
            "authen*",
            "authenticatio*",
            "admin*",
            "*ministrator",
            "*minis",
            "logi* \"LOGIN failed\"",
            "\"plc故障\"",
            "plc*",
            "2026*",
            "20*",
        ] {
            assert!(has(line, words), "{words}");
        }
        for words in [
            "fail",
            "ail*",
            "*zzz",
            "\"failed login\"",
            "\"ogin failed\"",
            "\"login fail\"",
            "administratori*",
            "\"failed authentication\"",
        ] {
            assert!(!has(line, words), "{words}");
        }
        assert!(has("x plc-line2 y", "plc-lin*") && !has("x plx-line2 y", "plc-lin*"));
        // A quote without its other half is nothing, and neither is a star that stands alone.
        assert!(has("login failed", "\"login") && has("login failed", "* login *"));
        // A chain has no borders.
        assert!(has("認証 失敗しました", "\"認証 失敗\"") && !has("認証の失敗", "\"認証 失敗\""));
    }

    #[test]
    fn nothing_is_asked() {
        assert!(Needle::new("").is_empty());
        assert!(Needle::new(" -- .. ?!").is_empty());
        assert!(has("whatever", ""));
    }

    #[test]
    fn an_address_has_a_key_of_its_own() {
        let mut all = Vec::new();
        keys("from 192.0.2.17:502 ok", |k| all.push(String::from(k)));
        for k in ["from", "192", "0", "2", "17", "192.0", "0.2", "2.17", "192.0.2.17", "17:502", "502", "ok"] {
            assert!(all.iter().any(|a| a == k), "{k}: {all:?}");
        }
        assert!(!all.iter().any(|a| a == "0.2.17:502"));
    }

    #[test]
    fn keys_of_a_needle_are_keys_of_the_text_whatever_they_are() {
        let alphabet = ['a', 'B', '1', '.', '-', ' ', '認', '証', 'ｶ', 'ﾞ', 'Ａ', 'é', ':', '(', '、', '㈱', 'x', 'y'];
        let mut seed = 7u64;
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let mut found = 0;
        for _ in 0..20_000 {
            let text: String = (0..next(24)).map(|_| alphabet[next(alphabet.len())]).collect();
            let words: String = (0..=next(4)).map(|_| alphabet[next(alphabet.len())]).collect();
            found += usize::from(has(&text, &words));
            for odd in [format!("{words}*"), format!("*{words}"), format!("\"{words}\"")] {
                has(&text, &odd);
            }
            // Any piece of a text cut at gaps is found again.
            for piece in text.split(' ') {
                assert!(has(&text, piece), "{piece} in {text}");
            }
        }
        assert!(found > 1000);
    }
}
