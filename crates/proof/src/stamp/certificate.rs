//! X.509 certificates (RFC 5280) as far as the signature of a time stamp needs them: whose key it is, who says so, for what and for
//! when. No revocation: what a stamp is worth after its authority was broken into is for people to judge.

use super::der::{self, BIT_STRING, BOOLEAN, Element, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET, context};
use super::{StampError, algorithm};
use crate::base64;

/// Larger certificates are refused.
const MAX_CERTIFICATE: usize = 64 << 10;
/// Extensions of one certificate at most.
const MAX_EXTENSIONS: usize = 64;

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
/// anyExtendedKeyUsage, 2.5.29.37.0
const ANY_USE: &[u8] = &[0x55, 0x1d, 37, 0];

/// A certificate that was read; nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// What is signed.
    signed: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    /// Seconds since 1970, both inclusive.
    valid: (i64, i64),
    /// The key's algorithm (identifier and, for elliptic curves, the curve) and its bytes.
    pub(super) key: Key,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    version: u64,
    /// It may issue: how many between it and the end may too.
    ca: Option<u64>,
    key_usage: Option<u8>,
    /// Critical, and for what.
    uses: Option<(bool, Vec<Vec<u8>>)>,
    pub(super) key_identifier: Option<Vec<u8>>,
    /// An extension that this program does not know and that must not be passed over (RFC 5280, 4.2).
    unknown_critical: bool,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub algorithm: Vec<u8>,
    pub curve: Vec<u8>,
    pub bytes: Vec<u8>,
}

impl Certificate {
    /// Reads one in DER.
    pub fn parse(bytes: &[u8]) -> Result<Certificate, StampError> {
        if bytes.len() > MAX_CERTIFICATE {
            return Err(StampError::Malformed("a certificate that is too long"));
        }
        let mut outer = der::only(bytes, SEQUENCE)?.inside();
        let signed = outer.take(SEQUENCE)?;
        let algorithm = outer.take(SEQUENCE)?;
        let signature = der::bits(&outer.take(BIT_STRING)?)?.to_vec();
        outer.end()?;

        let mut inner = signed.inside();
        let version = match inner.optional(context(0))? {
            Some(v) => der::small(&der::only(v.content, INTEGER)?)? + 1,
            None => 1,
        };
        // A serial number may be negative in old certificates; it is only compared.
        let serial = inner.take(INTEGER)?.content.to_vec();
        // RFC 5280, 4.1.1.2: the same identifier inside and outside.
        if inner.take(SEQUENCE)?.raw != algorithm.raw {
            return Err(StampError::Malformed("a certificate with two algorithms"));
        }
        let issuer = inner.take(SEQUENCE)?.raw.to_vec();
        let mut validity = inner.take(SEQUENCE)?.inside();
        let valid = (der::time(&validity.any()?)?.0, der::time(&validity.any()?)?.0);
        validity.end()?;
        let subject = inner.take(SEQUENCE)?.raw.to_vec();
        let key = Key::parse(&inner.take(SEQUENCE)?)?;
        let mut certificate = Certificate {
            der: bytes.to_vec(),
            signed: signed.raw.to_vec(),
            serial,
            issuer,
            subject,
            valid,
            key,
            algorithm: algorithm::identifier(&algorithm)?.to_vec(),
            signature,
            version,
            ca: None,
            key_usage: None,
            uses: None,
            key_identifier: None,
            unknown_critical: false,
        };
        while let Some(tag) = inner.peek() {
            let element = inner.any()?;
            match tag {
                // Unique identifiers of version 2: nobody writes them.
                0x81 | 0x82 => {}
                0xa3 => certificate.extensions(der::only(element.content, SEQUENCE)?.inside())?,
                _ => return Err(StampError::Malformed("a certificate with unknown parts")),
            }
        }
        Ok(certificate)
    }

    /// Reads those of a PEM file (RFC 7468); text between the blocks is passed over.
    pub fn from_pem(text: &str) -> Result<Vec<Certificate>, StampError> {
        let mut found = Vec::new();
        for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
            let (body, _) = block.split_once("-----END CERTIFICATE-----").ok_or(StampError::Malformed("a PEM block without end"))?;
            let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let bytes = base64::decode(&body).ok_or(StampError::Malformed("a PEM block that is not base64"))?;
            found.push(Certificate::parse(&bytes)?);
        }
        if found.is_empty() { Err(StampError::Malformed("no certificate in PEM")) } else { Ok(found) }
    }

    fn extensions(&mut self, mut list: Reader<'_>) -> Result<(), StampError> {
        let mut seen: Vec<&[u8]> = Vec::new();
        while !list.is_empty() {
            let mut extension = list.take(SEQUENCE)?.inside();
            let id = extension.take(OID)?.content;
            let critical = extension.optional(BOOLEAN)?.is_some_and(|b| b.content != [0]);
            let value = extension.take(OCTET_STRING)?.content;
            extension.end()?;
            if seen.contains(&id) || seen.len() >= MAX_EXTENSIONS {
                return Err(StampError::Malformed("a certificate that says one thing twice"));
            }
            seen.push(id);
            match id {
                // basicConstraints
                [0x55, 0x1d, 19] => {
                    let mut inside = der::only(value, SEQUENCE)?.inside();
                    let ca = inside.optional(BOOLEAN)?.is_some_and(|b| b.content != [0]);
                    let path = inside.optional(INTEGER)?.map(|n| der::small(&n)).transpose()?;
                    inside.end()?;
                    self.ca = ca.then_some(path.unwrap_or(u64::MAX));
                }
                // keyUsage: the first byte holds digitalSignature (0) to encipherOnly (7).
                [0x55, 0x1d, 15] => {
                    let bits = der::only(value, BIT_STRING)?;
                    self.key_usage = Some(bits.content.get(1).copied().unwrap_or(0));
                }
                // extKeyUsage
                [0x55, 0x1d, 37] => {
                    let mut inside = der::only(value, SEQUENCE)?.inside();
                    let mut uses = Vec::new();
                    while !inside.is_empty() {
                        uses.push(inside.take(OID)?.content.to_vec());
                    }
                    self.uses = Some((critical, uses));
                }
                // subjectKeyIdentifier
                [0x55, 0x1d, 14] => self.key_identifier = Some(der::only(value, OCTET_STRING)?.content.to_vec()),
                // Names, and under which policies: they forbid nothing here.
                [0x55, 0x1d, 17 | 18 | 32] => {}
                _ => self.unknown_critical |= critical,
            }
        }
        Ok(())
    }

    /// All of it.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is, in a few words: the common name, else the organisation.
    pub fn subject(&self) -> String {
        name(&self.subject)
    }

    /// Who says so.
    pub fn issuer(&self) -> String {
        name(&self.issuer)
    }

    /// From when until when, in seconds since 1970.
    pub fn valid(&self) -> (i64, i64) {
        self.valid
    }

    pub(super) fn valid_at(&self, seconds: i64) -> bool {
        (self.valid.0..=self.valid.1).contains(&seconds)
    }

    /// RFC 3161, 2.3: the key is for time stamps and for nothing else, and that must not be passed over.
    pub(super) fn is_for_stamps(&self) -> bool {
        let signs = self.key_usage.is_none_or(|bits| bits & 0b1100_0000 != 0);
        let only = self.uses.as_ref().is_some_and(|(critical, uses)| *critical && matches!(uses.as_slice(), [one] if one == TIME_STAMPING));
        signs && only && !self.unknown_critical
    }

    /// May it issue certificates for time stamps, with so many issuers after it?
    pub(super) fn may_issue(&self, below: u64) -> bool {
        let ca = match self.ca {
            Some(most) => below <= most,
            // Roots of version 1 have no extensions; somebody chose to trust this one.
            None => self.version < 3,
        };
        // keyCertSign is bit 5.
        let signs = self.key_usage.is_none_or(|bits| bits & 0b0000_0100 != 0);
        let uses = self.uses.as_ref().is_none_or(|(_, uses)| uses.iter().any(|u| u == TIME_STAMPING || u == ANY_USE));
        ca && signs && uses && !self.unknown_critical
    }

    /// Did that one issue this one?
    pub(super) fn issued_by(&self, issuer: &Certificate) -> bool {
        self.issuer == issuer.subject && algorithm::verify(&self.algorithm, None, &issuer.key, &self.signed, &self.signature).is_ok()
    }
}

impl Key {
    /// SubjectPublicKeyInfo.
    fn parse(element: &Element<'_>) -> Result<Key, StampError> {
        let mut inside = element.inside();
        let algorithm = inside.take(SEQUENCE)?;
        let bytes = der::bits(&inside.take(BIT_STRING)?)?.to_vec();
        inside.end()?;
        let mut parameters = algorithm.inside();
        let id = parameters.take(OID)?.content.to_vec();
        let curve = parameters.optional(OID)?.map(|c| c.content.to_vec()).unwrap_or_default();
        Ok(Key { algorithm: id, curve, bytes })
    }
}

/// A distinguished name in a few words.
pub(super) fn name(raw: &[u8]) -> String {
    let mut best: Option<(u8, String)> = None;
    let Ok(outer) = der::only(raw, SEQUENCE) else { return String::new() };
    let mut list = outer.inside();
    while let Ok(set) = list.take(SET) {
        let mut set = set.inside();
        while let Ok(pair) = set.take(SEQUENCE) {
            let mut pair = pair.inside();
            let (Ok(id), Ok(value)) = (pair.take(OID), pair.any()) else { continue };
            // Common name before organisational unit before organisation.
            let rank = match id.content {
                [0x55, 4, 3] => 0,
                [0x55, 4, 11] => 1,
                [0x55, 4, 10] => 2,
                _ => continue,
            };
            if best.as_ref().is_none_or(|(r, _)| rank < *r) {
                best = Some((rank, words(&value)));
            }
        }
    }
    best.map(|(_, words)| words).unwrap_or_default()
}

/// A string of one of the kinds that names use; what cannot be shown becomes a question mark.
pub(super) fn words(value: &Element<'_>) -> String {
    let text: String = match value.tag {
        // BMPString
        0x1e => {
            let units: Vec<u16> = value.content.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16_lossy(&units)
        }
        // TeletexString: Latin 1 in practice.
        0x14 => value.content.iter().map(|b| char::from(*b)).collect(),
        _ => String::from_utf8_lossy(value.content).into_owned(),
    };
    text.chars().take(120).map(|c| if c.is_control() { '?' } else { c }).collect()
}
