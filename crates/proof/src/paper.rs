//! A checkpoint as it comes back from paper: typed by hand, read by a camera, or out of a mail that wrapped its lines. The reader is lenient with what
//! people and programs do to text (line ends, spaces, full-width letters, dashes), since nothing is decided here: whether the log holds
//! that history is decided against the log, and a letter read wrongly makes another root.
//!
//! `O` for `0` and `l` or `I` for `1` cannot be told apart in many typefaces. [`alike`] compares as an eye does. That gives away a few bits
//! of 256, for the few places of a root where such letters stand: nobody finds another history by it.

use crate::note::{MAX_NOTE, MAX_SIGNATURES, Note};

/// Characters of a root: 32 bytes in base64.
const ROOT: usize = 44;

/// What could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// The first line without white space.
    pub origin: String,
    /// Entries in the log.
    pub size: u64,
    /// The root as typed: 44 characters, perhaps mistaken ones.
    pub root: String,
    /// The note in its exact form, where the signature lines could be read too. Nothing is verified.
    pub note: Option<Note>,
}

/// Why nothing could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// Too long, or not text.
    #[error("this is no text of a checkpoint")]
    NotText,
    /// The second line.
    #[error("the second line of a checkpoint is a number")]
    Size,
    /// The third line.
    #[error("the third line of a checkpoint has 44 letters and figures")]
    Root,
}

impl Paper {
    /// Reads a typed or scanned checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Paper, PaperError> {
        if bytes.len() > MAX_NOTE {
            return Err(PaperError::NotText);
        }
        let text: String = str::from_utf8(bytes).map_err(|_| PaperError::NotText)?.chars().map(narrow).collect();
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        let origin: String = solid(lines.next().ok_or(PaperError::NotText)?);
        // People group figures: 1,234,567.
        let size: String = solid(lines.next().ok_or(PaperError::Size)?).chars().filter(|c| *c != ',').map(eye).collect();
        let size = if size.bytes().all(|b| b.is_ascii_digit()) { size.parse().ok() } else { None }.ok_or(PaperError::Size)?;
        // A root that was wrapped stands on several lines.
        let mut root = String::new();
        while root.len() < ROOT {
            root += &solid(lines.next().ok_or(PaperError::Root)?);
        }
        if root.len() != ROOT || !root.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(PaperError::Root);
        }
        let note = note(&origin, size, &root, lines);
        Ok(Paper { origin, size, root, note })
    }
}

/// The signed note that these lines were, where they can be read as one.
fn note<'a>(origin: &str, size: u64, root: &str, lines: impl Iterator<Item = &'a str>) -> Option<Note> {
    let mut signatures: Vec<(String, String)> = Vec::new();
    for line in lines {
        match dashed(line) {
            Some(rest) if signatures.len() < MAX_SIGNATURES => {
                let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                signatures.push((name.to_owned(), solid(rest)));
            }
            // The rest of a line that was wrapped; before the first dash it is an extension line, which Hinomi does not write.
            _ => signatures.last_mut()?.1.push_str(&solid(line)),
        }
    }
    let body = format!("{origin}\n{size}\n{root}\n\n");
    signatures.iter().fold(body, |text, (name, bytes)| text + &format!("\u{2014} {name} {bytes}\n")).parse().ok()
}

/// What follows the dash of a signature line, whichever dash it is and with or without the space.
fn dashed(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(|c| {
        matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}' | '\u{30fc}' | '\u{4e00}' | '\u{fe58}' | '\u{ff70}')
    });
    (rest.len() < line.len()).then(|| rest.trim_start())
}

/// Without white space.
fn solid(line: &str) -> String {
    line.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Full-width letters, figures and signs (U+FF01 to U+FF5E), as Japanese keyboards type them, in their usual width; no byte order mark.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{feff}' | '\u{200b}' | '\t' => ' ',
        other => other,
    }
}

/// A letter as an eye takes it.
fn eye(c: char) -> char {
    match c {
        'O' | 'o' | 'Q' => '0',
        'l' | 'I' | 'i' | '|' => '1',
        other => other,
    }
}

/// Do two texts look the same on paper?
pub fn alike(a: &str, b: &str) -> bool {
    a.chars().map(eye).eq(b.chars().map(eye))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::{SigningKey, verify};
    use proptest::prelude::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("hinomi.local/019ab000-0000-7000-8000-000000000001", [9; 32]).unwrap()
    }

    fn printed() -> String {
        let origin = key().vkey().name().to_owned();
        Checkpoint { origin, size: 12_345, root: [0xa7; 32], extensions: vec![] }.sign(&key()).unwrap().to_string()
    }

    /// What is read is the note again, with its signature.
    fn same(text: &str) {
        let paper = Paper::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
        let note = paper.note.unwrap_or_else(|| panic!("no note: {text}"));
        assert_eq!(note.to_string(), printed());
        verify(&note, &[key().vkey().clone()]).unwrap();
    }

    #[test]
    fn what_was_printed_is_read_whatever_paper_and_mail_did_to_it() {
        let text = printed();
        same(&text);
        same(&text.replace('\n', "\r\n"));
        same(&format!("\u{feff}\n  {}  ", text.replace('\n', "  \n\n")));
        for dash in ["--", "-", "–", "―", "−", "ー", "─"] {
            same(&text.replace('\u{2014}', dash));
        }
        same(&text.replace("\u{2014} ", "\u{2014}"));
        // Wrapped after so many characters, as mail programs do it; the names stay whole.
        let wrapped: String = text
            .lines()
            .map(|l| {
                let chars: Vec<char> = l.chars().collect();
                chars.chunks(72).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join("\n") + "\n"
            })
            .collect();
        same(&wrapped);
        same(&text.replace("12345", "12,345"));
        let wide: String =
            text.chars().map(|c| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xfee0).unwrap() } else { c }).collect();
        same(&wide);
    }

    #[test]
    fn without_signature_size_and_root_are_read() {
        let text = printed();
        let body: String = text.split("\n\n").next().unwrap().to_owned();
        let paper = Paper::parse(body.as_bytes()).unwrap();
        assert_eq!((paper.size, paper.root.len(), paper.note), (12_345, 44, None));
        let damaged = text.replace("\u{2014} hinomi", "\u{2014} hinom!");
        assert!(Paper::parse(damaged.as_bytes()).unwrap().note.is_none_or(|n| verify(&n, &[key().vkey().clone()]).is_err()));
    }

    #[test]
    fn mistaken_letters_look_alike_and_others_do_not() {
        assert!(alike("AO0lI1b=", "A00111b="));
        assert!(!alike("Ab", "AB"));
        assert!(!alike("A", "AA"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in
            ["", "x", "x\ny\nz", "x\n1\nshort", "x\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "x\n99999999999999999999\nAAAA"]
        {
            assert!(Paper::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert_eq!(Paper::parse(&[0xff, 0xfe]), Err(PaperError::NotText));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Paper::parse(&bytes);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-zA-Z0-9+/=\\n \u{2014}-]{0,300}") {
            let _ = Paper::parse(text.as_bytes());
        }
    }
}
