//! What the client says in SASL (RFC 4422), as SMTP, IMAP and POP3 carry it in lines of base64: who it is, and a trace of the secret
//! where it goes in clear (PLAIN, RFC 4616; LOGIN; OAUTHBEARER and XOAUTH2, RFC 7628).

use super::text;
use crate::parse::Options;
use model::activity::{Login, Outcome, SecretKind};

const MAX_USER: usize = 128;
/// Bytes of a response that are decoded; the rest is cut off.
const MAX_RESPONSE: usize = 4096;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Login,
    /// `user digest` (RFC 2195).
    Cram,
    /// `n,,n=user,r=…` (RFC 5802).
    Scram,
    /// A token.
    Bearer,
    Anonymous,
    #[default]
    Other,
}

/// An exchange, as far as it came.
#[derive(Default)]
pub struct Sasl {
    mechanism: Mechanism,
    /// Responses so far.
    responses: u8,
    plain: Vec<u8>,
}

/// Makes a login as new.
pub fn clear(login: &mut Login) {
    login.user.clear();
    (login.secret, login.outcome, login.clear_text, login.anonymous) = (None, Outcome::Unknown, false, false);
}

impl Sasl {
    /// The client names the mechanism, perhaps with its first response behind it.
    pub fn begin(&mut self, arguments: &[u8], login: &mut Login, options: &Options) {
        clear(login);
        let mut words = arguments.split(|b| *b == b' ').filter(|w| !w.is_empty());
        let name = words.next().unwrap_or_default();
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        self.mechanism = if is(b"PLAIN") {
            Mechanism::Plain
        } else if is(b"LOGIN") {
            Mechanism::Login
        } else if is(b"CRAM-MD5") {
            Mechanism::Cram
        } else if text::starts_with(name, b"SCRAM-") {
            Mechanism::Scram
        } else if is(b"XOAUTH2") || is(b"OAUTHBEARER") {
            Mechanism::Bearer
        } else if is(b"ANONYMOUS") {
            Mechanism::Anonymous
        } else {
            Mechanism::Other
        };
        login.anonymous = self.mechanism == Mechanism::Anonymous;
        self.responses = 0;
        if let Some(first) = words.next() {
            self.response(first, login, options);
        }
    }

    /// A line from the client inside the exchange.
    pub fn response(&mut self, line: &[u8], login: &mut Login, options: &Options) {
        let number = self.responses;
        self.responses = number.saturating_add(1);
        let mut plain = std::mem::take(&mut self.plain);
        // Reserved at once, so that no copy of a secret is left behind by growing.
        plain.reserve_exact(MAX_RESPONSE);
        if text::base64(line.trim_ascii(), &mut plain, MAX_RESPONSE) {
            self.read(number, &plain, login, options);
        }
        text::wipe(&mut plain);
        self.plain = plain;
    }

    fn read(&self, number: u8, plain: &[u8], login: &mut Login, options: &Options) {
        let secret = |login: &mut Login, kind: SecretKind, secret: &[u8]| {
            login.secret = Some(options.trace(kind, login.user.as_bytes(), secret));
            login.clear_text = true;
        };
        match (self.mechanism, number) {
            (Mechanism::Plain, 0) => {
                let mut parts = plain.splitn(3, |b| *b == 0).skip(1);
                if let (Some(user), Some(password)) = (parts.next(), parts.next()) {
                    text::set(&mut login.user, user, MAX_USER);
                    secret(login, SecretKind::Password, password);
                }
            }
            (Mechanism::Login, 0) => text::set(&mut login.user, plain, MAX_USER),
            (Mechanism::Login, 1) => secret(login, SecretKind::Password, plain),
            (Mechanism::Cram, 0) => {
                let user = plain.iter().rposition(|b| *b == b' ').and_then(|at| plain.get(..at)).unwrap_or_default();
                text::set(&mut login.user, user, MAX_USER);
            }
            (Mechanism::Scram, 0) => {
                let user = plain.split(|b| *b == b',').find_map(|part| part.strip_prefix(b"n=")).unwrap_or_default();
                text::set(&mut login.user, user, MAX_USER);
            }
            (Mechanism::Bearer, 0) => {
                // `user=a^Aauth=Bearer t^A^A`, or `n,a=a,^Aauth=Bearer t^A^A`.
                for part in plain.split(|b| matches!(*b, 1 | b',')) {
                    if let Some(user) = part.strip_prefix(b"user=").or_else(|| part.strip_prefix(b"a=")) {
                        text::set(&mut login.user, user, MAX_USER);
                    } else if let Some(token) = part.strip_prefix(b"auth=") {
                        let token = if text::starts_with(token, b"bearer ") { token.get(7..).unwrap_or_default() } else { token };
                        secret(login, SecretKind::Token, token);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::options;
    use super::*;

    /// User, length of the secret, whether it went in clear, whether it is a default.
    fn said(begin: &[u8], responses: &[&[u8]]) -> (String, Option<u16>, bool, bool) {
        let (mut sasl, mut login) = (Sasl::default(), Login::default());
        sasl.begin(begin, &mut login, &options());
        for r in responses {
            sasl.response(r, &mut login, &options());
        }
        assert!(sasl.plain.is_empty() && sasl.plain.spare_capacity_mut().len() <= MAX_RESPONSE);
        (login.user, login.secret.map(|s| s.length), login.clear_text, login.secret.is_some_and(|s| s.default))
    }

    #[test]
    fn mechanisms() {
        // \0admin\0admin
        assert_eq!(said(b"PLAIN AGFkbWluAGFkbWlu", &[]), ("admin".into(), Some(5), true, true));
        assert_eq!(said(b"plain", &[b"AGFkbWluAGFkbWlu"]), ("admin".into(), Some(5), true, true));
        assert_eq!(said(b"LOGIN", &[b"YWRtaW4=", b"YWRtaW4="]), ("admin".into(), Some(5), true, true));
        assert_eq!(said(b"LOGIN YWRtaW4=", &[b"YWRtaW4="]), ("admin".into(), Some(5), true, true));
        // tim b913a602c7eda7a495b4e6e7334d3890 (RFC 2195, 2)
        assert_eq!(said(b"CRAM-MD5", &[b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"]), ("tim".into(), None, false, false));
        // n,,n=user,r=rOprNGfwEbeRWgbNEkqO (RFC 7677, 3)
        assert_eq!(
            said(b"SCRAM-SHA-256", &[b"biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=", b"Yz1iaXdz"]),
            ("user".into(), None, false, false)
        );
        // user=a@b^Aauth=Bearer tok^A^A
        assert_eq!(said(b"XOAUTH2 dXNlcj1hQGIBYXV0aD1CZWFyZXIgdG9rAQE=", &[]), ("a@b".into(), Some(3), true, false));
        for nonsense in [&b"PLAIN !!!"[..], b"", b"PLAIN =", b"GSSAPI YWRtaW4="] {
            assert_eq!(said(nonsense, &[b"*"]), (String::new(), None, false, false));
        }
    }
}
