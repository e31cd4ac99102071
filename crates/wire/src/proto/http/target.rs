//! Request targets without what they must not give away.

use super::super::text;

/// Bytes kept of a target.
pub const MAX_TARGET: usize = 2048;

/// Fills `out` with the request target: every query value, every value of a path parameter (`;jsessionid=…`), the user information of
/// an absolute target (`http://user:password@host/`) and any fragment replaced by `*`. A query part without `=` may be a value as well
/// as a name, so it is replaced too.
pub fn masked(out: &mut String, target: &[u8]) {
    out.clear();
    let (main, fragment) = split(target, b'#');
    let (path, query) = split(main, b'?');
    let mut path = path;
    if let Some(at) = path.windows(3).position(|w| w == b"://") {
        let (scheme, rest) = path.split_at(at + 3);
        let end = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        text::push(out, scheme, MAX_TARGET);
        path = rest;
        if let Some(at) = authority.iter().rposition(|&b| b == b'@') {
            text::push(out, b"*@", MAX_TARGET);
            text::push(out, authority.get(at + 1..).unwrap_or_default(), MAX_TARGET);
            path = tail;
        }
    }
    let mut first = true;
    for segment in path.split(|&b| b == b'/') {
        if !first {
            text::push(out, b"/", MAX_TARGET);
        }
        first = false;
        let (name, parameters) = split(segment, b';');
        text::push(out, name, MAX_TARGET);
        if let Some(parameters) = parameters {
            text::push(out, b";", MAX_TARGET);
            values(out, parameters, b';');
        }
    }
    if let Some(query) = query {
        text::push(out, b"?", MAX_TARGET);
        values(out, query, b'&');
    }
    if fragment.is_some() {
        text::push(out, b"#*", MAX_TARGET);
    }
}

fn values(out: &mut String, list: &[u8], separator: u8) {
    let mut first = true;
    for part in list.split(|&b| b == separator) {
        if !first {
            text::push(out, &[separator], MAX_TARGET);
        }
        first = false;
        let (name, value) = split(part, b'=');
        if value.is_some() {
            text::push(out, name, MAX_TARGET);
            text::push(out, b"=*", MAX_TARGET);
        } else if !part.is_empty() {
            text::push(out, b"*", MAX_TARGET);
        }
    }
}

/// What stands before the first `at`, and what after it.
pub fn split(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|&b| b == at) {
        Some(i) => (bytes.get(..i).unwrap_or_default(), bytes.get(i + 1..)),
        None => (bytes, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced_wherever_they_can_stand() {
        for (sent, kept) in [
            ("/", "/"),
            ("*", "*"),
            ("/a?user=bob&x=", "/a?user=*&x=*"),
            ("/a?secret", "/a?*"),
            ("/a?x=1;2=3&&y=a=b", "/a?x=*&&y=*"),
            ("/a;jsessionid=SECRET/b;v=1;w", "/a;jsessionid=*/b;v=*;*"),
            ("http://bob:secret@h.example:80/p?q=1", "http://*@h.example:80/p?q=*"),
            ("http://h/p", "http://h/p"),
            ("http://bob:secret@h", "http://*@h"),
            ("/#access_token=SECRET", "/#*"),
            ("/a?b=http://u:p@h/", "/a?b=*"),
            ("h.example:443", "h.example:443"),
        ] {
            let mut out = String::new();
            masked(&mut out, sent.as_bytes());
            assert_eq!(out, kept);
        }
    }

    #[test]
    fn a_huge_target_is_bounded() {
        let mut out = String::new();
        masked(&mut out, &b"/a?b=c&".repeat(10_000));
        assert!(out.len() <= MAX_TARGET);
    }
}
