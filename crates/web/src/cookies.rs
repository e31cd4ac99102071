//! Cookies: all `__Host-`, so that no other host or path can set them (RFC 6265bis, 4.1.3.2).

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use sha2::{Digest, Sha256};

/// The session.
pub(crate) const SESSION: &str = "__Host-hinomi";
/// Before login: what the login form's token is made from.
pub(crate) const BEFORE: &str = "__Host-hinomi-before";
/// The language chosen before login.
pub(crate) const LANGUAGE: &str = "__Host-hinomi-lang";

/// The cookie of that name. Of several, the first; an over-long one counts as none.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, v)| *n == name && v.len() <= 256)
        .map(|(_, v)| v)
}

/// Keeps a cookie until the browser closes (`age` absent) or for so many seconds.
pub(crate) fn set(name: &str, value: &str, age: Option<u32>) -> String {
    let age = age.map_or_else(String::new, |a| format!("; Max-Age={a}"));
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{age}")
}

/// Forgets a cookie.
pub(crate) fn clear(name: &str) -> String {
    set(name, "", Some(0))
}

/// 256 random bits as 64 hexadecimal digits.
pub(crate) fn token() -> Option<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

/// What is kept of a token: never the token itself.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The login form's token: follows from the cookie that a page of another site cannot read or set.
pub(crate) fn before_csrf(cookie: &str) -> String {
    let mut h = Sha256::new();
    h.update(b"hinomi login form\0");
    h.update(cookie.as_bytes());
    hex(&h.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// Equality in a time that depends on the length only.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0u8, |d, (x, y)| d | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_own_among_others() {
        let mut h = HeaderMap::new();
        h.append(COOKIE, "a=1; __Host-hinomi-lang=en;__Host-hinomi=abc".parse().unwrap());
        h.append(COOKIE, "__Host-hinomi=second".parse().unwrap());
        assert_eq!((get(&h, SESSION), get(&h, LANGUAGE), get(&h, "b")), (Some("abc"), Some("en"), None));
    }

    #[test]
    fn tokens_are_long_and_compared_whole() {
        let (a, b) = (token().unwrap(), token().unwrap());
        assert!(a.len() == 64 && a != b && same(&a, &a) && !same(&a, &b) && !same(&a, &a[..63]) && !same("", "x") && same("", ""));
    }
}
