//! Who is asked: the settings `witnesses`, `witness_minutes`, `timestamp_url`, `timestamp_ca` and `outside_ca` of the state, read.

use super::http::Url;
use proof::note::{KeyKind, VerifierKey};
use std::path::PathBuf;
use std::time::Duration;

/// A witness that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where.
    pub url: Url,
    /// Whose cosignature is wanted.
    pub key: VerifierKey,
}

/// An authority that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Where.
    pub url: Url,
    /// Certificates that its own must be issued by, in PEM.
    pub trusted: PathBuf,
}

/// Everybody who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Witnesses.
    pub peers: Vec<Peer>,
    /// How often.
    pub every: Duration,
    /// The time-stamp authority.
    pub authority: Option<Authority>,
    /// Further authorities for HTTPS.
    pub extra: Option<PathBuf>,
    /// What could not be read, in words: the rest goes on.
    pub problems: Vec<String>,
}

/// The values of the settings, as they stand.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    /// `witnesses`: pairs of address and key line, separated by white space or semicolons.
    pub witnesses: String,
    /// `witness_minutes`.
    pub minutes: i64,
    /// `timestamp_url`.
    pub timestamp_url: String,
    /// `timestamp_ca`: a PEM file.
    pub timestamp_ca: String,
    /// `outside_ca`: a PEM file.
    pub outside_ca: String,
}

impl Outside {
    /// Reads them. What is wrong is told and left out.
    pub fn read(raw: &Raw) -> Outside {
        let mut problems = Vec::new();
        // A semicolon behind an address or a key line parts pairs; base64 and addresses of witnesses have none at their end.
        let mut words = raw.witnesses.split_whitespace().map(|w| w.trim_end_matches(';')).filter(|w| !w.is_empty());
        let mut peers: Vec<Peer> = Vec::new();
        while let Some(url) = words.next() {
            let Some(line) = words.next() else {
                problems.push(format!("witnesses: {url} stands without the key line of the witness"));
                break;
            };
            match (url.parse::<Url>(), line.parse::<VerifierKey>()) {
                (Ok(_), Ok(key)) if key.kind() != KeyKind::Cosignature => {
                    problems.push(format!("witnesses: {line} is the key line of a log; that of a witness is wanted (type 4)"));
                }
                (Ok(url), Ok(key)) if !peers.iter().any(|p| p.key == key) => peers.push(Peer { url, key }),
                (Ok(_), Ok(_)) => problems.push(format!("witnesses: {line} stands there twice")),
                (Err(e), _) => problems.push(format!("witnesses: {e}")),
                (_, Err(e)) => problems.push(format!("witnesses: {line}: {e}")),
            }
        }
        let file = |text: &str| Some(text.trim()).filter(|t| !t.is_empty()).map(PathBuf::from);
        let authority = match (raw.timestamp_url.trim(), file(&raw.timestamp_ca)) {
            ("", _) => None,
            (_, None) => {
                problems.push(String::from(
                    "timestamp_url is set and timestamp_ca is not; without the authority's certificate a stamp cannot be checked",
                ));
                None
            }
            (url, Some(trusted)) => match url.parse() {
                Ok(url) => Some(Authority { url, trusted }),
                Err(e) => {
                    problems.push(format!("timestamp_url: {e}"));
                    None
                }
            },
        };
        let minutes = u64::try_from(raw.minutes.clamp(1, 1440)).unwrap_or(10);
        Outside { peers, every: Duration::from_secs(60 * minutes), authority, extra: file(&raw.outside_ca), problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proof::cosign::CosignerKey;
    use proof::note::SigningKey;

    #[test]
    fn pairs_are_read_and_what_is_wrong_is_told() {
        let key = |n| CosignerKey::from_seed("w.example/w", [n; 32]).unwrap().vkey().to_string();
        let log = SigningKey::from_seed("l", [9; 32]).unwrap().vkey().to_string();
        let raw = |witnesses: String| Raw { witnesses, minutes: 10, ..Raw::default() };
        let two = Outside::read(&raw(format!("http://a:1 {}; https://b/w {}", key(1), key(2))));
        assert_eq!((two.peers.len(), two.problems.len(), two.every.as_secs()), (2, 0, 600));
        assert_eq!(Outside::read(&raw(format!("http://a:1\n{}\n\nhttps://b/w\n{}\n", key(1), key(2)))).peers, two.peers);
        for wrong in [
            format!("http://a {log}"),
            format!("http://a {}; http://b {}", key(1), key(1)),
            "http://a".into(),
            format!("a {}", key(1)),
            "http://a x".into(),
        ] {
            assert_eq!(Outside::read(&raw(wrong.clone())).problems.len(), 1, "{wrong}");
        }
        let alone = Raw { timestamp_url: "http://t".into(), ..Raw::default() };
        assert_eq!(Outside::read(&alone).problems.len(), 1);
        let both = Outside::read(&Raw { timestamp_ca: "/ca.pem".into(), ..alone });
        assert!(both.authority.is_some() && both.problems.is_empty());
    }
}
