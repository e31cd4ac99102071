//! As much of XML as device descriptions need: tags, their depth, and the text between them; read once from front to back, without
//! recursion, without a tree, without document types and the entities that they could define (a description that brings one is refused).

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// An element begins: its name as written, with its prefix.
    Start(&'a [u8]),
    /// An element ends. (An empty one begins and ends.)
    End,
    /// Text between tags, as written: entities not replaced, spaces around it taken off. Never empty.
    Text(&'a [u8]),
}

/// Reads events from bytes that may be cut anywhere.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// An empty element's end is still to be told.
    ended: bool,
    /// Events told: a bound on what a document can cost.
    events: u32,
}

/// Events of one document that are told.
const MAX_EVENTS: u32 = 4096;

impl<'a> Reader<'a> {
    /// A reader, where the bytes begin like XML in an encoding that is ASCII below 128.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        (rest.first() == Some(&b'<') && rest.get(1) != Some(&0)).then_some(Reader { rest, ended: false, events: 0 })
    }

    /// Takes everything up to and with `end` off.
    fn until(&mut self, end: &[u8]) -> Option<&'a [u8]> {
        let at = self.rest.windows(end.len()).position(|w| w == end)?;
        let before = self.rest.get(..at)?;
        self.rest = self.rest.get(at + end.len()..)?;
        Some(before)
    }

    /// What stands in a tag, up to the `>` that is not inside quotes.
    fn tag(&mut self) -> Option<&'a [u8]> {
        let mut quote = None;
        let at = self.rest.iter().position(|&b| match quote {
            Some(q) => {
                if b == q {
                    quote = None;
                }
                false
            }
            None if matches!(b, b'"' | b'\'') => {
                quote = Some(b);
                false
            }
            None => b == b'>',
        })?;
        let inside = self.rest.get(..at)?;
        self.rest = self.rest.get(at + 1..)?;
        Some(inside)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if self.events >= MAX_EVENTS {
            return None;
        }
        self.events += 1;
        if std::mem::take(&mut self.ended) {
            return Some(Event::End);
        }
        loop {
            if let Some(rest) = self.rest.strip_prefix(b"<") {
                self.rest = rest;
                if rest.starts_with(b"!--") {
                    self.until(b"-->")?;
                } else if let Some(text) = rest.strip_prefix(b"![CDATA[") {
                    self.rest = text;
                    let text = self.until(b"]]>")?.trim_ascii();
                    if !text.is_empty() {
                        return Some(Event::Text(text));
                    }
                } else if rest.starts_with(b"!") {
                    // A document type: nothing behind it is believed.
                    self.rest = &[];
                    return None;
                } else if rest.starts_with(b"?") {
                    self.until(b"?>")?;
                } else {
                    let inside = self.tag()?;
                    if inside.first() == Some(&b'/') {
                        return Some(Event::End);
                    }
                    self.ended = inside.last() == Some(&b'/');
                    let end = inside.iter().position(|b| b.is_ascii_whitespace() || *b == b'/').unwrap_or(inside.len());
                    return Some(Event::Start(inside.get(..end)?));
                }
            } else {
                // Text that is cut has no end, and is not told.
                let at = self.rest.iter().position(|b| *b == b'<')?;
                let (text, rest) = self.rest.split_at_checked(at)?;
                self.rest = rest;
                let text = text.trim_ascii();
                if !text.is_empty() {
                    return Some(Event::Text(text));
                }
            }
        }
    }
}

/// A name without its prefix.
pub(crate) fn local(name: &[u8]) -> &[u8] {
    name.iter().rposition(|b| *b == b':').and_then(|at| name.get(at + 1..)).unwrap_or(name)
}

/// Clears `out` and fills it with text in which the five entities of XML and character references are replaced (XML 1.0, 4.1, 4.6);
/// others stay as they are written.
pub(crate) fn set(out: &mut String, mut text: &[u8], max: usize) {
    use super::text::push;
    out.clear();
    while let Some(at) = text.iter().position(|b| *b == b'&') {
        let (before, rest) = text.split_at(at);
        push(out, before, max);
        let name = rest.iter().take(12).position(|b| *b == b';').and_then(|end| Some((rest.get(1..end)?, rest.get(end + 1..)?)));
        let replaced = name.and_then(|(name, rest)| Some((entity(name)?, rest)));
        match replaced {
            Some((c, rest)) => {
                push(out, c.encode_utf8(&mut [0; 4]).as_bytes(), max);
                text = rest;
            }
            None => {
                push(out, b"&", max);
                text = rest.get(1..).unwrap_or_default();
            }
        }
    }
    push(out, text, max);
}

fn entity(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => {
            let digits = std::str::from_utf8(name.strip_prefix(b"#")?).ok()?;
            let number = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> String {
        let told = Reader::new(text.as_bytes()).into_iter().flatten().map(|e| match e {
            Event::Start(name) => format!("<{}>", String::from_utf8_lossy(name)),
            Event::End => "</>".into(),
            Event::Text(text) => String::from_utf8_lossy(text).into_owned(),
        });
        told.collect()
    }

    #[test]
    fn reads_what_descriptions_are_made_of() {
        assert_eq!(
            events("\u{feff}<?xml version='1.0'?>\n<a:x y='>'><!-- <z> --> t &amp; u <b/><![CDATA[ <q> ]]></a:x >"),
            "<a:x>t &amp; u<b></><q></>"
        );
        assert_eq!(events("no xml"), "");
        assert_eq!(events(""), "");
        // Cut inside a tag, a text, a comment.
        assert_eq!((events("<a><b"), events("<a>te"), events("<a><!-- x")), ("<a>".into(), "<a>".into(), "<a>".into()));
    }

    #[test]
    fn a_document_type_ends_it_and_entities_of_its_own_are_never_replaced() {
        assert_eq!(events("<!DOCTYPE a [<!ENTITY b 'x'>]><a>&b;</a>"), "");
        let mut out = String::new();
        set(&mut out, "A&amp;B &#x5de5;&#65; &b; & &#xd800; &unknownentityname;".as_bytes(), 200);
        assert_eq!(out, "A&B 工A &b; & &#xd800; &unknownentityname;");
        set(&mut out, "&amp;".repeat(500).as_bytes(), 20);
        assert_eq!(out.len(), 20);
    }

    #[test]
    fn a_deep_or_endless_document_costs_a_bounded_amount() {
        let deep = "<a>".repeat(100_000);
        assert_eq!(Reader::new(deep.as_bytes()).into_iter().flatten().count(), MAX_EVENTS as usize);
    }

    #[test]
    fn prefixes_come_off() {
        assert_eq!((local(b"d:Probe"), local(b"Probe"), local(b"a:b:c")), (&b"Probe"[..], &b"Probe"[..], &b"c"[..]));
    }
}
