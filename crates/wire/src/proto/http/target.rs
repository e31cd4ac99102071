//! Request targets without what they must not give away. RTSP and SIP use it, too.

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
        if text::contains(name, b"pass") || text::contains(name, b"pwd") {
            // Cheap cameras have the log-in stand in the path: /user=admin&password=secret&channel=1, or with underscores.
            pairs(out, name);
        } else {
            text::push(out, name, MAX_TARGET);
        }
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

/// Every value behind an equals sign replaced, as far as the next mark that ends one.
fn pairs(out: &mut String, segment: &[u8]) {
    let mut rest = segment;
    while let Some(at) = rest.iter().position(|b| *b == b'=') {
        text::push(out, rest.get(..=at).unwrap_or_default(), MAX_TARGET);
        text::push(out, b"*", MAX_TARGET);
        let value = rest.get(at + 1..).unwrap_or_default();
        let end = value.iter().position(|b| *b == b'&').unwrap_or(value.len());
        rest = value.get(end..).unwrap_or_default();
    }
    text::push(out, rest, MAX_TARGET);
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
            ("rtsp://h/user=admin&password=SECRET&channel=1/s.sdp", "rtsp://h/user=*&password=*&channel=*/s.sdp"),
            ("/user=admin_password=SECRET_channel=1_stream=0.sdp", "/user=*"),
            ("/reset-password/x=1", "/reset-password/x=1"),
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
