//! What a word is, for searching lines of logs.
//!
//! Lines mix Latin words, numbers, host names, addresses and Japanese without spaces. So:
//!
//! - Text is **folded** first: lower case, full-width letters and digits to ordinary ones, half-width katakana to full width.
//! - A **run** is letters and digits of scripts that put spaces between words. Runs with one of `. - _ : / @ \ + =` between them hang
//!   together as a compound: `plc-07.line2`, `192.0.2.17`, `02:00:5e:00:53:01`.
//! - Characters of Chinese, Japanese and Korean stand in a **chain**, which has no word borders.
//!
//! A needle is words with anything between them; each must occur. A word `plc-07` occurs where these characters stand with no letter or
//! digit before and after: in `plc-07.line2`, not in `plc-071`. A chain occurs where its characters stand, anywhere: 認証失敗 in ユーザー認証失敗しました.
//!
//! For skipping row groups, a line gives **keys**: each run; each two neighbouring runs of a compound with what is between; dotted
//! quads as a whole (an address of four common numbers is not common); of a chain each character and each pair of neighbours. Whatever occurs in a
//! line has all of its own keys among the keys of the line, so a filter without one of them proves that the words are not there.

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

const HALF: &str =
    "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

/// Katakana with a voiced mark (濁点) behind it, or a half-voiced one (半濁点).
fn voiced(c: char, half: bool) -> Option<char> {
    let step = match (c, half) {
        ('ウ', false) => return Some('ヴ'),
        ('カ'..='ト' | 'ハ'..='ホ', false) => 1,
        ('ハ'..='ホ', true) => 2,
        _ => return None,
    };
    char::from_u32(u32::from(c) + step)
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
        match c {
            '\0'..='\x7f' => out.push(c.to_ascii_lowercase()),
            '\u{ff01}'..='\u{ff5e}' => {
                out.push(char::from_u32(u32::from(c) - 0xfee0).map_or(c, |c| c.to_ascii_lowercase()));
            }
            '\u{ff61}'..='\u{ff9d}' => out.push(HALF.chars().nth((u32::from(c) - 0xff61) as usize).unwrap_or(c)),
            '\u{ff9e}' | '\u{ff9f}' => match out.chars().last().and_then(|l| voiced(l, c == '\u{ff9f}')) {
                Some(v) => {
                    out.pop();
                    out.push(v);
                }
                None => out.push(c),
            },
            '\u{3000}' => out.push(' '),
            c => out.extend(c.to_lowercase()),
        }
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

/// A word that is looked for, folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Term {
    text: String,
    chain: bool,
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
        let mut terms: Vec<Term> = Vec::new();
        let mut at = String::new();
        let mut was = Class::Gap;
        let mut close = |at: &mut String, chain: bool| {
            let text = if chain { at.as_str() } else { at.trim_matches(|c| class(c) == Class::Joint) };
            if !text.is_empty() && terms.iter().all(|t| t.text != text) {
                terms.push(Term { text: String::from(text), chain });
            }
            at.clear();
        };
        for c in folded.chars().chain([' ']) {
            let is = class(c);
            let chain = was == Class::Chain;
            if is == Class::Gap || (is == Class::Chain) != chain || (is == Class::Joint && was == Class::Joint) {
                close(&mut at, chain);
            }
            if is != Class::Gap {
                at.push(c);
            }
            was = is;
        }
        terms.truncate(Needle::MOST);
        // The longest is the rarest, as far as one can tell from here.
        terms.sort_by_key(|t| std::cmp::Reverse(t.text.len()));
        Needle { terms }
    }

    /// Nothing is looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Hashes of keys that a text has where this occurs in it.
    pub(crate) fn hashes(&self) -> Vec<u64> {
        let mut hashes = Vec::new();
        for term in &self.terms {
            keys(&term.text, |k| hashes.push(super::hash::xxh64(k.as_bytes())));
        }
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }

    /// All words occur in the text. `scratch` is reused between calls.
    pub(crate) fn occurs(&self, text: &str, scratch: &mut String) -> bool {
        if text.is_ascii() {
            // Most lines: nothing to fold but case, and that only where the first bytes fit.
            return self.terms.iter().all(|t| !t.chain && find(text.as_bytes(), t.text.as_bytes(), |b| b.is_ascii_alphanumeric()));
        }
        fold(text, scratch);
        self.terms.iter().all(|t| if t.chain { scratch.contains(&t.text) } else { find_between(scratch, &t.text) })
    }
}

/// Whether a folded word stands in ASCII text of any case with nothing of a run before and after.
fn find(text: &[u8], word: &[u8], run: impl Fn(u8) -> bool) -> bool {
    let Some((&first, rest)) = word.split_first() else { return true };
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|t| t.iter().position(|b| *b == first || *b == upper)) {
        let at = from + at;
        let end = at + word.len();
        let Some(there) = text.get(at + 1..end) else { return false };
        if there.eq_ignore_ascii_case(rest)
            && !at.checked_sub(1).and_then(|b| text.get(b)).copied().is_some_and(&run)
            && !text.get(end).copied().is_some_and(&run)
        {
            return true;
        }
        from = at + 1;
    }
    false
}

fn find_between(folded: &str, word: &str) -> bool {
    folded.match_indices(word).any(|(at, _)| {
        let before = folded.get(..at).and_then(|b| b.chars().next_back());
        let after = folded.get(at + word.len()..).and_then(|a| a.chars().next());
        [before, after].into_iter().flatten().all(|c| class(c) != Class::Run)
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
        let alphabet = ['a', 'B', '1', '.', '-', ' ', '認', '証', 'ｶ', 'ﾞ', 'Ａ', 'é', ':', '(', '、'];
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
            // Any piece of a text cut at gaps is found again.
            for piece in text.split(' ') {
                assert!(has(&text, piece), "{piece} in {text}");
            }
        }
        assert!(found > 1000);
    }
}
