//! The console's certificate: made here at first start, or given as PEM files.
//!
//! A self-made certificate is for 396 days (browsers refuse more than 398), and is renewed 30 days before its end **with the same
//! key**, so that what was printed and pinned by key stays true; its SHA-256 fingerprint is printed whenever it changes. It is also
//! made anew when the machine answers to a name that it does not carry yet. TLS 1.2 and 1.3 only, by rustls with ring.

use model::{Span, Time};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// How long a certificate of ours holds.
pub const OWN_DAYS: i64 = 396;
/// A certificate of ours is renewed when fewer days than this are left; a given one is warned about.
pub const RENEW_DAYS: i64 = 30;
/// Most names in a certificate of ours; more interface addresses than this are left out.
pub const MAX_NAMES: usize = 64;
/// Largest PEM file that is read.
const MAX_PEM: u64 = 1 << 20;

/// Where certificate and key come from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum TlsFiles {
    /// Made and kept in the data folder (`tls/console.pem`, `tls/console.key`, readable by the owner only).
    #[default]
    Own,
    /// Given by the operator, PEM.
    Given {
        /// Certificate chain, leaf first.
        certificate: PathBuf,
        /// Private key of the leaf: PKCS#8, SEC 1 or PKCS#1.
        key: PathBuf,
    },
}

/// Why there is no TLS: what, where and what to do.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {what} {path}: {source}; check that the file is there and that Hinomi may read it")]
    Read {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no usable {what} in PEM form ({why}); it must have a block -----BEGIN {label}-----")]
    Pem {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the block is called.
        label: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Key and certificate are no pair, or of a kind that TLS does not use.
    #[error("certificate {certificate} and key {key} cannot be used together: {why}; give the key that this certificate was made for")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The given certificate is over.
    #[error("the certificate {path} ended on {end}; replace it, or remove console.certificate and console.key to let Hinomi make its own")]
    Ended {
        /// The file.
        path: PathBuf,
        /// RFC 3339.
        end: String,
    },
    /// Our own certificate cannot be kept.
    #[error("cannot write {path}: {source}; the data folder must be writable and have room")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Our own certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(String),
}

/// A certificate in use.
#[derive(Clone)]
pub struct Identity {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the leaf certificate, upper case hexadecimal pairs with colons, as browsers show it.
    pub fingerprint: String,
    /// When it ends.
    pub not_after: Option<Time>,
    /// It is one of ours: browsers warn about it, and it must not be pinned by Strict-Transport-Security.
    pub own: bool,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl Identity {
    /// Whether it should be made anew (ours) or replaced (given) soon.
    pub fn ends_soon(&self, now: Time) -> bool {
        self.not_after.is_some_and(|end| end - now < Span::days(RENEW_DAYS))
    }
}

/// Loads or makes the certificate. `names` are host names and `addresses` the machine's own; `localhost` and the loopback addresses
/// are always added.
pub fn identity(files: &TlsFiles, data_dir: &Path, names: &[String], addresses: &[IpAddr], now: Time) -> Result<Identity, TlsError> {
    match files {
        TlsFiles::Given { certificate, key } => {
            let (chain, private) = (read_chain(certificate)?, read_key(key)?);
            let identity = assemble(chain, private, false, certificate, key)?;
            if let Some(end) = identity.not_after.filter(|end| *end < now) {
                return Err(TlsError::Ended { path: certificate.clone(), end: end.rfc3339() });
            }
            Ok(identity)
        }
        TlsFiles::Own => own(data_dir, names, addresses, now),
    }
}

fn own(data_dir: &Path, names: &[String], addresses: &[IpAddr], now: Time) -> Result<Identity, TlsError> {
    let dir = data_dir.join("tls");
    let (certificate, key) = (dir.join("console.pem"), dir.join("console.key"));
    let wanted = wanted_names(names, addresses);
    if let (Ok(chain), Ok(private)) = (read_chain(&certificate), read_key(&key)) {
        let has: BTreeSet<String> = kept_names(&certificate);
        if let Ok(identity) = assemble(chain, private, true, &certificate, &key)
            && wanted.is_subset(&has)
            && !identity.ends_soon(now)
        {
            return Ok(identity);
        }
    }
    let pair = match std::fs::read_to_string(&key).ok().and_then(|pem| rcgen::KeyPair::from_pem(&pem).ok()) {
        Some(pair) => pair,
        None => rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|e| TlsError::Make(e.to_string()))?,
    };
    let pem = make(&pair, &wanted, now)?;
    let listed = wanted.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    std::fs::create_dir_all(&dir).map_err(|source| TlsError::Write { path: dir.clone(), source })?;
    write_private(&key, pair.serialize_pem().as_bytes())?;
    write_private(&certificate, format!("# Hinomi made this certificate for: {listed}\n{pem}").as_bytes())?;
    assemble(read_chain(&certificate)?, read_key(&key)?, true, &certificate, &key)
}

fn make(pair: &rcgen::KeyPair, names: &BTreeSet<String>, now: Time) -> Result<String, TlsError> {
    let wrong = |e: rcgen::Error| TlsError::Make(e.to_string());
    let mut params = rcgen::CertificateParams::new(names.iter().cloned().collect::<Vec<_>>()).map_err(wrong)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Hinomi console");
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    // A day of grace behind, because clocks in factories differ.
    let (year, month, day) = civil(now - Span::days(1));
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = civil(now + Span::days(OWN_DAYS - 1));
    params.not_after = rcgen::date_time_ymd(year, month, day);
    Ok(params.self_signed(pair).map_err(wrong)?.pem())
}

/// Year, month and day in UTC, as rcgen takes them. A clock before 1970 is wrong anyway.
fn civil(at: Time) -> (i32, u8, u8) {
    let date = jiff::Timestamp::from_second(at.seconds()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    (i32::from(date.year()).max(1970), date.month().unsigned_abs(), date.day().unsigned_abs())
}

fn wanted_names(names: &[String], addresses: &[IpAddr]) -> BTreeSet<String> {
    let mut out: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].into_iter().map(String::from).collect();
    let named = names.iter().map(|n| n.trim().trim_end_matches('.').to_ascii_lowercase()).filter(|n| is_host_name(n));
    for name in named.chain(addresses.iter().filter(|a| !a.is_unspecified()).map(IpAddr::to_string)) {
        if out.len() < MAX_NAMES {
            out.insert(name);
        }
    }
    out
}

/// Letters, digits, hyphens and dots, 1–253 characters (RFC 1123, 2.1), with underscores as some networks have them.
pub fn is_host_name(name: &str) -> bool {
    (1..=253).contains(&name.len())
        && name.split('.').all(|l| {
            (1..=63).contains(&l.len()) && !l.starts_with('-') && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn kept_names(certificate: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(certificate).unwrap_or_default();
    let list = text.lines().next().and_then(|l| l.split_once(": ")).map_or("", |(_, names)| names);
    list.split(' ').map(String::from).collect()
}

/// Writes a file readable by the owner only, as a whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), TlsError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let wrong = |source| TlsError::Write { path: path.to_owned(), source };
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(wrong)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(wrong)?;
    std::fs::rename(&new, path).map_err(wrong)
}

fn read_bounded(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read;
    let wrong = |source| TlsError::Read { what, path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(wrong)?.take(MAX_PEM).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(bytes)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read_bounded("certificate", path)?;
    let wrong = |why: String| TlsError::Pem { what: "certificate", path: path.to_owned(), label: "CERTIFICATE", why };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|e| wrong(e.to_string()))?;
    if chain.is_empty() { Err(wrong(String::from("no such block"))) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read_bounded("key", path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| TlsError::Pem {
        what: "key",
        path: path.to_owned(),
        label: "PRIVATE KEY",
        why: e.to_string(),
    })
}

fn assemble(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    own: bool,
    certificate: &Path,
    key_file: &Path,
) -> Result<Identity, TlsError> {
    let wrong = |why: String| TlsError::Pair { certificate: certificate.to_owned(), key: key_file.to_owned(), why };
    let leaf = chain.first().map(|c| c.as_ref().to_vec()).unwrap_or_default();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| wrong(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| wrong(e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), fingerprint: fingerprint(&leaf), not_after: not_after(&leaf), own })
}

/// SHA-256 of a certificate as browsers show it.
pub fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

/// The end of validity of a DER certificate (RFC 5280, 4.1.2.5). `None` where it cannot be read.
fn not_after(der: &[u8]) -> Option<Time> {
    let (_, certificate, _) = tlv(der)?;
    let (_, mut rest, _) = tlv(certificate)?;
    // [0] version (optional), serialNumber, signature, issuer, then validity.
    if rest.first() == Some(&0xa0) {
        rest = tlv(rest)?.2;
    }
    for _ in 0..3 {
        rest = tlv(rest)?.2;
    }
    let (_, validity, _) = tlv(rest)?;
    let (_, _, after) = tlv(validity)?;
    let (tag, text, _) = tlv(after)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let full = match tag {
        // UTCTime: 50–99 are 1950–1999.
        0x17 if text.len() == 12 => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? >= 50 { "19" } else { "20" }),
        0x18 if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    Time::parse_rfc3339(&format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?))
}

/// One DER element: tag, content, what follows.
fn tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) || rest.len() < count {
            return None;
        }
        let (head, tail) = rest.split_at(count);
        rest = tail;
        head.iter().fold(0usize, |n, b| n << 8 | usize::from(*b))
    };
    (rest.len() >= length).then(|| rest.split_at(length)).map(|(content, after)| (tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse_rfc3339("2026-11-20T08:05:09+09:00").unwrap()
    }

    #[test]
    fn the_same_certificate_again_until_a_name_or_time_asks_for_another_and_always_the_same_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let make = |names: &[String], at| identity(&TlsFiles::Own, dir.path(), names, &["192.0.2.7".parse().unwrap()], at).unwrap();
        let first = make(&[], now());
        assert_eq!(first.fingerprint, make(&[], now() + Span::days(300)).fingerprint);
        let key = std::fs::read(dir.path().join("tls/console.key")).unwrap();
        assert_eq!(std::fs::metadata(dir.path().join("tls/console.key")).unwrap().permissions().mode() & 0o777, 0o600);
        let named = make(&["hinomi.factory.example".into()], now());
        assert_ne!(first.fingerprint, named.fingerprint);
        let renewed = make(&["hinomi.factory.example".into()], now() + Span::days(370));
        assert_ne!(named.fingerprint, renewed.fingerprint);
        assert!(renewed.not_after.unwrap() - now() > Span::days(700));
        assert_eq!(key, std::fs::read(dir.path().join("tls/console.key")).unwrap());
        let lifetime = first.not_after.unwrap() - now();
        assert!(lifetime <= Span::days(397) && lifetime > Span::days(390), "{lifetime:?}");
    }

    #[test]
    fn what_is_wrong_with_given_files_is_said_with_file_and_remedy() {
        let dir = tempfile::tempdir().unwrap();
        identity(&TlsFiles::Own, dir.path(), &[], &[], now()).unwrap();
        let (pem, key) = (dir.path().join("tls/console.pem"), dir.path().join("tls/console.key"));
        let given = |c: &Path, k: &Path, at| identity(&TlsFiles::Given { certificate: c.into(), key: k.into() }, dir.path(), &[], &[], at);
        assert!(!given(&pem, &key, now()).unwrap().own);
        let missing = given(&dir.path().join("no.pem"), &key, now()).unwrap_err().to_string();
        assert!(missing.contains("no.pem") && missing.contains("check"), "{missing}");
        let swapped = given(&key, &pem, now()).unwrap_err().to_string();
        assert!(swapped.contains("BEGIN CERTIFICATE"), "{swapped}");
        let ended = given(&pem, &key, now() + Span::days(400)).unwrap_err().to_string();
        assert!(ended.contains("replace it"), "{ended}");
        let other = tempfile::tempdir().unwrap();
        identity(&TlsFiles::Own, other.path(), &[], &[], now()).unwrap();
        let pair = given(&pem, &other.path().join("tls/console.key"), now()).unwrap_err().to_string();
        assert!(pair.contains("together"), "{pair}");
    }

    #[test]
    fn broken_certificates_have_no_end_and_no_panic() {
        let dir = tempfile::tempdir().unwrap();
        identity(&TlsFiles::Own, dir.path(), &[], &[], now()).unwrap();
        let der = read_chain(&dir.path().join("tls/console.pem")).unwrap().remove(0).to_vec();
        assert!(not_after(&der).is_some());
        for cut in 0..der.len().min(200) {
            let _ = not_after(&der[..cut]);
            let mut bent = der.clone();
            bent[cut] ^= 0xff;
            let _ = not_after(&bent);
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn odd_names_do_not_spoil_the_certificate() {
        let names = ["", "ほし.example", "a b", "-x", "ok.example.", "*"].map(String::from);
        let wanted = wanted_names(&names, &["0.0.0.0".parse().unwrap()]);
        assert!(wanted.contains("ok.example") && wanted.len() == 4, "{wanted:?}");
    }
}
