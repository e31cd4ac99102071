//! Credentials in HTTP: `Authorization: Basic` and `Digest` (RFC 7617, RFC 7616), and the fields of login forms.
//!
//! What a form's answer means has to be guessed. 401, 403, 423 and 429 refuse. A redirect back to the same page, or to one whose name
//! says login, error or denied, refuses. A redirect elsewhere together with a cookie lets in. Everything else, above all a page with
//! status 200, which may say anything, stays unknown.

use super::super::text;
use super::target::split;
use crate::parse::{Cx, Options};
use model::ActRef;
use model::activity::{Login, Outcome, SecretKind};

/// Bytes kept of a user name.
pub const MAX_USER: usize = 128;
/// Bytes of a credential that are decoded; the rest is cut off.
const MAX_CREDENTIAL: usize = 1024;

/// Where a credential stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// In an `Authorization` header.
    #[default]
    Header,
    /// In the body of a form, or in the query.
    Form,
}

/// Where a redirect leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// There is none.
    #[default]
    None,
    /// To the page of the form, or to one whose name tells of a refusal.
    Back,
    /// Elsewhere.
    Elsewhere,
}

/// What became of the attempt.
pub fn outcome(how: How, status: Option<u16>, location: Location, cookie: bool) -> Outcome {
    match (how, status) {
        (_, Some(401 | 403 | 407 | 423 | 429)) => Outcome::Failure,
        (How::Header, Some(200..=399)) => Outcome::Success,
        (How::Form, Some(300..=399)) => match location {
            Location::Back => Outcome::Failure,
            Location::Elsewhere if cookie => Outcome::Success,
            _ => Outcome::Unknown,
        },
        _ => Outcome::Unknown,
    }
}

/// Compares the value of a `Location` header with the target that was asked for.
pub fn location(value: &[u8], asked: &str) -> Location {
    let after_host = match value.windows(3).position(|w| w == b"://") {
        Some(at) => {
            let rest = value.get(at + 3..).unwrap_or_default();
            rest.iter().position(|&b| b == b'/').and_then(|i| rest.get(i..)).unwrap_or(b"/")
        }
        None => value,
    };
    let page = split(after_host, b'?').0;
    let asked = split(asked.as_bytes(), b'?').0;
    let refuses = [&b"login"[..], b"logon", b"signin", b"sign-in", b"error", b"fail", b"denied", b"invalid"];
    let relative = !page.starts_with(b"/") && !page.is_empty() && asked.ends_with(page);
    if page == asked || relative || refuses.iter().any(|w| text::contains(after_host, w)) { Location::Back } else { Location::Elsewhere }
}

/// The scheme word of an `Authorization` value where it is a known one, otherwise `other`: a value without a scheme would be the
/// secret itself. Fills `login` and says true where the scheme tells who it is.
pub fn authorization(value: &[u8], scheme: &mut String, login: &mut Login, options: &Options) -> bool {
    const KNOWN: &[&str] = &[
        "Basic",
        "Bearer",
        "Digest",
        "Negotiate",
        "NTLM",
        "OAuth",
        "Token",
        "DPoP",
        "HOBA",
        "Mutual",
        "PrivateToken",
        "GNAP",
        "Concealed",
        "vapid",
        "ApiKey",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "AWS4-HMAC-SHA256",
    ];
    let (word, rest) = split(value, b' ');
    scheme.clear();
    scheme.push_str(KNOWN.iter().find(|k| k.as_bytes().eq_ignore_ascii_case(word)).copied().unwrap_or("other"));
    let rest = rest.unwrap_or_default().trim_ascii();
    match scheme.as_str() {
        "Basic" => {
            let mut plain = Vec::with_capacity(64);
            let valid = text::base64(rest, &mut plain, MAX_CREDENTIAL);
            let (user, secret) = split(&plain, b':');
            let found = valid && secret.is_some();
            if let (true, Some(secret)) = (found, secret) {
                fill(login, user, secret, options);
            }
            text::wipe(&mut plain);
            found
        }
        "Digest" => match parameter(rest, b"username") {
            Some(user) => {
                text::set(&mut login.user, user, MAX_USER);
                login.secret = None;
                login.clear_text = false;
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn fill(login: &mut Login, user: &[u8], secret: &[u8], options: &Options) {
    text::set(&mut login.user, user, MAX_USER);
    login.secret = Some(options.trace(SecretKind::Password, user, secret));
    login.clear_text = true;
}

/// The value of `name="…"` in a list of parameters; the name has to stand at a word's beginning.
fn parameter<'a>(list: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    list.split(|&b| b == b',').find_map(|part| {
        let (n, v) = split(part.trim_ascii(), b'=');
        let v = v?.trim_ascii();
        n.trim_ascii().eq_ignore_ascii_case(name).then(|| v.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(v))
    })
}

/// Looks for a login in `name=value&…` (application/x-www-form-urlencoded). A form with a second password, as those that change one
/// have, is no login. True where one was found.
pub fn form(body: &[u8], login: &mut Login, options: &Options) -> bool {
    let (mut name, mut secret, mut user) = (Vec::new(), Vec::new(), Vec::new());
    let (mut best, mut secrets) = (0u8, 0u32);
    let mut value = Vec::new();
    for field in body.split(|&b| b == b'&').take(64) {
        let (n, v) = split(field, b'=');
        decode(n, &mut name);
        name.make_ascii_lowercase();
        let v = v.unwrap_or_default();
        if is_password(&name) {
            secrets += 1;
            if secrets == 1 {
                decode(v, &mut secret);
            }
        } else {
            let rank = user_rank(&name, secrets);
            if rank > best {
                decode(v, &mut value);
                if !value.is_empty() {
                    best = rank;
                    std::mem::swap(&mut user, &mut value);
                }
            }
        }
    }
    let found = secrets == 1 && (!secret.is_empty() || best > 1);
    if found {
        fill(login, &user, &secret, options);
    }
    for buffer in [&mut secret, &mut user, &mut value, &mut name] {
        text::wipe(buffer);
    }
    found
}

/// Whether a field of this name (in lower case) holds a password.
fn is_password(name: &[u8]) -> bool {
    /// パスワード in UTF-8, Shift_JIS and EUC-JP.
    const JAPANESE: [&[u8]; 3] =
        ["パスワード".as_bytes(), b"\x83\x70\x83\x58\x83\x8f\x81\x5b\x83\x68", b"\xa5\xd1\xa5\xb9\xa5\xef\xa1\xbc\xa5\xc9"];
    if JAPANESE.iter().any(|w| text::contains(name, w)) || ["passw", "passphrase", "pwd"].iter().any(|w| text::contains(name, w.as_bytes()))
    {
        return true;
    }
    // 'pass' and 'pw' only as words of their own: not in 'passport', 'compass'.
    name.split(|b| !b.is_ascii_alphanumeric()).any(|word| matches!(word, b"pass" | b"pw" | b"psw" | b"psd" | b"userpass" | b"loginpass"))
}

/// How well a name fits that of a user, 0 where not at all.
fn user_rank(name: &[u8], secrets_before: u32) -> u8 {
    if [
        &b"username"[..],
        b"user",
        b"userid",
        b"user_id",
        b"login",
        b"loginid",
        b"account",
        "ユーザー名".as_bytes(),
        "ユーザ名".as_bytes(),
        "ユーザーid".as_bytes(),
    ]
    .contains(&name)
    {
        return 5;
    }
    if text::contains(name, b"user") || text::contains(name, b"account") || text::contains(name, b"email") {
        return 4;
    }
    if matches!(name, b"usr" | b"uid" | b"mail" | b"name" | b"id" | b"log" | b"loginname" | b"uname") {
        return 3;
    }
    if text::contains(name, b"login") && !text::contains(name, b"submit") {
        return 2;
    }
    // Whatever stands before the password.
    u8::from(secrets_before == 0)
}

/// Undoes percent encoding, at most [`MAX_CREDENTIAL`] bytes.
fn decode(bytes: &[u8], out: &mut Vec<u8>) {
    text::wipe(out);
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        if out.len() == MAX_CREDENTIAL {
            return;
        }
        rest = tail;
        let hex = |at: usize| tail.get(at).and_then(|&c| char::from(c).to_digit(16));
        match b {
            b'+' => out.push(b' '),
            b'%' => match (hex(0), hex(1)) {
                (Some(h), Some(l)) => {
                    out.push((h << 4 | l) as u8);
                    rest = tail.get(2..).unwrap_or_default();
                }
                _ => out.push(b),
            },
            _ => out.push(b),
        }
    }
}

/// Tells a log-in. What succeeds is told once while name and secret stay the same: credentials in a header come with every request.
pub(in crate::proto) fn tell_once(login: &Login, told: &mut Option<Login>, turn: bool, cx: &mut Cx<'_>) {
    let success = login.outcome == Outcome::Success;
    if success && told.as_ref() == Some(login) {
        return;
    }
    cx.emit_turned(turn, ActRef::Login(login));
    if success {
        *told = Some(login.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::options;
    use super::*;

    fn found(body: &[u8]) -> Option<(String, u16, bool)> {
        let mut l = Login::default();
        form(body, &mut l, &options()).then(|| (l.user.clone(), l.secret.map_or(0, |s| s.length), l.secret.is_some_and(|s| s.default)))
    }

    #[test]
    fn forms() {
        assert_eq!(found(b"username=admin&password=admin&Login=Login"), Some(("admin".into(), 5, true)));
        assert_eq!(found(b"log=bob%40example.jp&pwd=a%26b+c&rememberme=1"), Some(("bob@example.jp".into(), 5, false)));
        assert_eq!(found("ユーザー名=山田&パスワード=x".as_bytes()), Some(("山田".into(), 1, false)));
        assert_eq!(found(b"%83%70%83%58%83%8f%81%5b%83%68=xy&id=7"), Some(("7".into(), 2, false)));
        assert_eq!(found(b"field1=root&pass=toor"), Some(("root".into(), 4, false)));
        assert_eq!(found(b"comment=password&passport=123&compass=north"), None);
        assert_eq!(found(b"user=a&password=x&password_confirm=x"), None);
        assert_eq!(found(b""), None);
        assert_eq!(found(b"user=admin&password="), Some(("admin".into(), 0, false)));
    }

    #[test]
    fn headers() {
        let mut scheme = String::new();
        let mut l = Login::default();
        assert!(authorization(b"basic YWRtaW46YWRtaW4=", &mut scheme, &mut l, &options()));
        assert_eq!((scheme.as_str(), l.user.as_str(), l.secret.unwrap().default, l.clear_text), ("Basic", "admin", true, true));
        assert!(authorization(b"Digest realm=\"a\", username=\"op\", response=\"aaaa\"", &mut scheme, &mut l, &options()));
        assert_eq!((scheme.as_str(), l.user.as_str(), l.secret, l.clear_text), ("Digest", "op", None, false));
        assert!(!authorization(b"eyJhbGciOi", &mut scheme, &mut l, &options()));
        assert_eq!(scheme, "other");
        assert!(!authorization(b"Basic !!!", &mut scheme, &mut l, &options()));
        assert!(!authorization(b"Basic", &mut scheme, &mut l, &options()));
        assert!(!authorization(b"Bearer abc", &mut scheme, &mut l, &options()) && scheme == "Bearer");
    }

    #[test]
    fn answers_to_forms() {
        let judge = |status, to: &[u8], cookie| outcome(How::Form, Some(status), location(to, "/login.php?x=*"), cookie);
        assert_eq!(judge(302, b"http://h/login.php?e=1", true), Outcome::Failure);
        assert_eq!(judge(302, b"login.php", true), Outcome::Failure);
        assert_eq!(judge(302, b"/index.php", true), Outcome::Success);
        assert_eq!(judge(302, b"/index.php", false), Outcome::Unknown);
        assert_eq!(judge(200, b"", true), Outcome::Unknown);
        assert_eq!(judge(403, b"", true), Outcome::Failure);
        assert_eq!(outcome(How::Header, Some(200), Location::None, false), Outcome::Success);
        assert_eq!(outcome(How::Header, None, Location::None, false), Outcome::Unknown);
    }
}
