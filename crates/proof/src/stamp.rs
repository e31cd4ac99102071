//! RFC 3161: asking a time-stamp authority when a text was there, and checking what it answers. Pure: bytes in, verdicts out; who carries the
//! question over HTTP stands elsewhere.
//!
//! A stamp says: the holder of this key saw the digest of this text at that time. [`Reply::verify`] checks all links of that sentence: that the
//! reply is about this text and this question ([`Reply::answers`]), that the signature is by the key of the certificate, that the certificate is for time stamps, was valid
//! then, and was issued by an authority that the reader trusts, directly or with one between. What it does not check, because it needs the
//! network and the present: whether the certificate was revoked.
//!
//! The text that is stamped is the body of a checkpoint: the note before its signatures with the last line end (docs/store-format.md), so
//! that a stamp holds whatever witnesses add below.

mod algorithm;
mod certificate;
mod der;

pub use certificate::Certificate;

use algorithm::Digest;
use certificate::name;
use der::{BOOLEAN, Element, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET, UTF8, context};

/// A longer reply is refused unread: those of public authorities have 2 to 10 kB.
pub const MAX_REPLY: usize = 256 << 10;
/// Certificates of one reply at most.
const MAX_CERTIFICATES: usize = 16;
/// Attributes of a signature at most.
const MAX_ATTRIBUTES: usize = 32;

/// The media type of a question (RFC 3161, 3.4).
pub const QUERY_TYPE: &str = "application/timestamp-query";
/// The media type of a reply.
pub const REPLY_TYPE: &str = "application/timestamp-reply";

/// id-signedData, 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// id-ct-TSTInfo, 1.2.840.113549.1.9.16.1.4
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
/// contentType and messageDigest, 1.2.840.113549.1.9.3 and .4
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
/// signingCertificate (RFC 2634) and signingCertificateV2 (RFC 5035), 1.2.840.113549.1.9.16.2.12 and .47
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
const SIGNING_CERTIFICATE_2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];

/// What is wrong with a question, a reply or a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// It is not written as RFC 3161, RFC 5652 or RFC 5280 say.
    #[error("not a time stamp as RFC 3161 writes it: {0}")]
    Malformed(&'static str),
    /// The authority refused.
    #[error("the time-stamp authority refused (status {status}){}", if .words.is_empty() { String::new() } else { format!(": {}", .words) })]
    Refused {
        /// PKIStatus: 2 rejection, 3 waiting, 4 and 5 revocations.
        status: u64,
        /// What it said.
        words: String,
    },
    /// The stamp is of another text.
    #[error("the time stamp is of another text")]
    OtherText,
    /// The reply belongs to another question: an old one, sent again.
    #[error("the time stamp answers another question")]
    OtherQuestion,
    /// An algorithm that is not taken.
    #[error("the algorithm {0} is not supported")]
    Algorithm(String),
    /// The signer's certificate is neither in the reply nor among those given.
    #[error("the certificate of the signer is missing")]
    NoCertificate,
    /// The signature, or a digest that it covers, does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The signer's certificate is for something else.
    #[error("the certificate of {0} is not one for time stamps")]
    Purpose(String),
    /// A certificate was not valid when the stamp was given.
    #[error("the certificate of {0} was not valid at the time of the stamp")]
    Validity(String),
    /// Nobody among the trusted issued the signer's certificate.
    #[error("{signer} signed, whose certificate was issued by {issuer}: not one of the authorities that are trusted here")]
    Untrusted {
        /// Who signed.
        signer: String,
        /// Who issued the certificate, by its own word.
        issuer: String,
    },
}

/// A question (TimeStampReq).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    digest: Vec<u8>,
    algorithm: Vec<u8>,
    nonce: Vec<u8>,
}

impl Request {
    /// Asks for a stamp of a text. The number must be one that nobody can guess: it shows that the reply was made after the question.
    pub fn of(text: &str, nonce: u64) -> Request {
        let nonce = nonce.to_be_bytes();
        let from = nonce.iter().position(|b| *b != 0).unwrap_or(7);
        Request {
            digest: Digest::Sha256.over(text.as_bytes()),
            algorithm: algorithm::SHA256.to_vec(),
            nonce: nonce.get(from..).unwrap_or_default().to_vec(),
        }
    }

    /// As it is sent: version 1, the digest, the nonce, and the wish for the certificate (RFC 3161, 2.4.1).
    pub fn to_der(&self) -> Vec<u8> {
        let algorithm = der::write(SEQUENCE, &[der::write(OID, &self.algorithm), der::write(der::NULL, &[])].concat());
        let imprint = der::write(SEQUENCE, &[algorithm, der::write(OCTET_STRING, &self.digest)].concat());
        let nonce = der::write_number(self.nonce.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
        der::write(SEQUENCE, &[der::write_number(1), imprint, nonce, der::write(BOOLEAN, &[0xff])].concat())
    }

    /// Reads one as [`Request::to_der`] writes it, with or without the policy that others ask for; the nonce has at most 8 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Request, StampError> {
        let mut inside = der::only(bytes, SEQUENCE)?.inside();
        if der::small(&inside.take(INTEGER)?)? != 1 {
            return Err(StampError::Malformed("a question of another version"));
        }
        let (algorithm, digest) = imprint(&inside.take(SEQUENCE)?)?;
        inside.optional(OID)?;
        let nonce = inside.optional(INTEGER)?.ok_or(StampError::Malformed("a question without nonce"))?;
        let nonce = der::small(&nonce)?.to_be_bytes();
        let from = nonce.iter().position(|b| *b != 0).unwrap_or(7);
        inside.optional(BOOLEAN)?;
        inside.end()?;
        Ok(Request { digest, algorithm, nonce: nonce.get(from..).unwrap_or_default().to_vec() })
    }

    /// Is this the question for that text?
    pub fn is_of(&self, text: &str) -> bool {
        Digest::of(&self.algorithm).is_ok_and(|d| d.over(text.as_bytes()) == self.digest)
    }
}

/// Is the reply about the text and the number of the question? Says nothing of its signature: [`Reply::verify`].
pub fn matches(request: &Request, reply: &Reply) -> bool {
    reply.answers(request).is_ok()
}

/// Algorithm and digest of a MessageImprint.
fn imprint(element: &Element<'_>) -> Result<(Vec<u8>, Vec<u8>), StampError> {
    let mut inside = element.inside();
    let algorithm = algorithm::identifier(&inside.take(SEQUENCE)?)?.to_vec();
    let digest = inside.take(OCTET_STRING)?.content.to_vec();
    inside.end()?;
    Ok((algorithm, digest))
}

/// What a stamp says (TSTInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When, in seconds since 1970 by the clock of the authority.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanos: u32,
    /// How far the time may be off, in microseconds, where the authority says so.
    pub accuracy_micros: Option<u64>,
    /// Its number, in hexadecimal.
    pub serial: String,
    /// Under which policy, as an object identifier in figures.
    pub policy: String,
    /// The number of the question, where there was one.
    pub nonce: Option<Vec<u8>>,
    algorithm: Vec<u8>,
    digest: Vec<u8>,
}

/// A stamp that was verified; only [`Reply::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    stamp: Stamp,
    signer: String,
    issuer: String,
}

impl Verified {
    /// What it says.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Whose key signed.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// The trusted authority that stands behind the certificate.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// A granted reply (TimeStampResp). Nothing of it is verified before [`Reply::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    stamp: Stamp,
    /// The bytes of the TSTInfo.
    content: Vec<u8>,
    certificates: Vec<Certificate>,
    signer: Signer,
}

/// The one SignerInfo of a stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    id: SignerId,
    digest: Digest,
    /// The signed attributes as they are signed: with the tag of a SET (RFC 5652, 5.4).
    attributes: Vec<u8>,
    message_digest: Vec<u8>,
    /// Digest of the signer's certificate, and by which algorithm (`None`: SHA-1).
    certificate: (Option<Digest>, Vec<u8>),
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SignerId {
    Issued { issuer: Vec<u8>, serial: Vec<u8> },
    Key(Vec<u8>),
}

impl Reply {
    /// Reads the body of an answer; a refusal is an error that says what the authority said.
    pub fn parse(bytes: &[u8]) -> Result<Reply, StampError> {
        if bytes.len() > MAX_REPLY {
            return Err(StampError::Malformed("longer than 256 KiB"));
        }
        let mut outer = der::only(bytes, SEQUENCE)?.inside();
        granted(&outer.take(SEQUENCE)?)?;
        let token = outer.take(SEQUENCE)?;
        outer.end()?;
        Reply::token(&token)
    }

    /// TimeStampToken: ContentInfo with SignedData with TSTInfo.
    fn token(token: &Element<'_>) -> Result<Reply, StampError> {
        let mut info = token.inside();
        if info.take(OID)?.content != SIGNED_DATA {
            return Err(StampError::Malformed("the token is not signed data"));
        }
        let signed = info.take(context(0))?;
        info.end()?;
        let mut data = der::only(signed.content, SEQUENCE)?.inside();
        // Version 3 for content of another type (RFC 5652, 5.1); some write 1.
        der::small(&data.take(INTEGER)?)?;
        data.take(SET)?;
        let mut wrapped = data.take(SEQUENCE)?.inside();
        if wrapped.take(OID)?.content != TST_INFO {
            return Err(StampError::Malformed("the token does not hold a time stamp"));
        }
        let content = der::only(wrapped.take(context(0))?.content, OCTET_STRING)?.content;
        wrapped.end()?;
        let mut certificates = Vec::new();
        if let Some(set) = data.optional(context(0))? {
            let mut set = set.inside();
            while !set.is_empty() {
                let element = set.any()?;
                // Other kinds of certificates are not X.509; an X.509 one that cannot be read is nobody's here.
                if element.tag == SEQUENCE
                    && certificates.len() < MAX_CERTIFICATES
                    && let Ok(certificate) = Certificate::parse(element.raw)
                {
                    certificates.push(certificate);
                }
            }
        }
        data.optional(context(1))?;
        let mut signers = data.take(SET)?.inside();
        data.end()?;
        let signer = Signer::parse(&signers.take(SEQUENCE)?)?;
        // RFC 3161, 2.4.2: the authority's signature and no other.
        signers.end()?;
        Ok(Reply { stamp: Stamp::parse(content)?, content: content.to_vec(), certificates, signer })
    }

    /// What it says, unverified.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Is it about the text and the number of this question?
    pub fn answers(&self, request: &Request) -> Result<(), StampError> {
        if self.stamp.digest != request.digest || self.stamp.algorithm != request.algorithm {
            return Err(StampError::OtherText);
        }
        if self.stamp.nonce.as_deref() != Some(&request.nonce) {
            return Err(StampError::OtherQuestion);
        }
        Ok(())
    }

    /// Checks everything: see the head of this module. `trusted` are certificates that somebody chose: authorities, or the signer's own.
    pub fn verify(&self, request: &Request, trusted: &[Certificate]) -> Result<Verified, StampError> {
        self.answers(request)?;
        let leaf = self.signed_by(trusted)?;
        if !leaf.is_for_stamps() {
            return Err(StampError::Purpose(leaf.subject()));
        }
        if !leaf.valid_at(self.stamp.seconds) {
            return Err(StampError::Validity(leaf.subject()));
        }
        let issuer = self.issuer(leaf, trusted)?;
        Ok(Verified { stamp: self.stamp.clone(), signer: leaf.subject(), issuer })
    }

    /// The certificate whose key signed.
    fn signed_by<'a>(&'a self, given: &'a [Certificate]) -> Result<&'a Certificate, StampError> {
        let signer = &self.signer;
        // ESSCertID says which certificate was meant, so that none can be put in its place (RFC 3161, 2.4.2; RFC 5816).
        let digest = |c: &Certificate| signer.certificate.0.map_or_else(|| algorithm::sha1(c.der()), |d| d.over(c.der()));
        let mut meant = self.certificates.iter().chain(given).filter(|c| signer.id.is(c) && digest(c) == signer.certificate.1);
        let leaf = meant.next().ok_or(StampError::NoCertificate)?;
        if signer.digest.over(&self.content) != signer.message_digest {
            return Err(StampError::Signature);
        }
        algorithm::verify(&signer.algorithm, Some(signer.digest), &leaf.key, &signer.attributes, &signer.signature)?;
        Ok(leaf)
    }

    /// The trusted authority behind a certificate.
    fn issuer(&self, leaf: &Certificate, trusted: &[Certificate]) -> Result<String, StampError> {
        if trusted.iter().any(|t| t.der() == leaf.der()) {
            return Ok(leaf.issuer());
        }
        if let Some(root) = trusted.iter().find(|t| t.may_issue(0) && leaf.issued_by(t)) {
            return Ok(root.subject());
        }
        for between in self.certificates.iter().filter(|c| c.may_issue(0) && leaf.issued_by(c)) {
            if let Some(root) = trusted.iter().find(|t| t.may_issue(1) && between.issued_by(t)) {
                let valid = between.valid_at(self.stamp.seconds);
                return if valid { Ok(root.subject()) } else { Err(StampError::Validity(between.subject())) };
            }
        }
        Err(StampError::Untrusted { signer: leaf.subject(), issuer: leaf.issuer() })
    }
}

/// PKIStatusInfo: 0 granted, 1 granted with changes that the reader will notice.
fn granted(element: &Element<'_>) -> Result<(), StampError> {
    let mut inside = element.inside();
    let status = der::small(&inside.take(INTEGER)?)?;
    if status <= 1 {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(list) = inside.optional(SEQUENCE)? {
        let mut list = list.inside();
        while let Ok(text) = list.take(UTF8) {
            if words.len() < 400 {
                let text = certificate::words(&text);
                words = if words.is_empty() { text } else { format!("{words} {text}") };
            }
        }
    }
    Err(StampError::Refused { status, words })
}

impl Stamp {
    fn parse(content: &[u8]) -> Result<Stamp, StampError> {
        let mut inside = der::only(content, SEQUENCE)?.inside();
        if der::small(&inside.take(INTEGER)?)? != 1 {
            return Err(StampError::Malformed("a time stamp of another version"));
        }
        let policy = der::dotted(inside.take(OID)?.content);
        let (algorithm, digest) = imprint(&inside.take(SEQUENCE)?)?;
        // At most 160 bits (RFC 3161, 2.4.2), and a byte more for those who do not care.
        let serial = inside.take(INTEGER)?.content;
        if serial.len() > 64 {
            return Err(StampError::Malformed("a number that is too long"));
        }
        let time = inside.take(0x18)?;
        let (seconds, nanos) = der::time(&time)?;
        let accuracy_micros = inside.optional(SEQUENCE)?.map(|a| accuracy(&a)).transpose()?;
        inside.optional(BOOLEAN)?;
        let nonce = inside.optional(INTEGER)?.map(|n| der::unsigned(&n).map(<[u8]>::to_vec)).transpose()?;
        // Zero has no bytes without leading zeroes; a question has one.
        let nonce = nonce.map(|n| if n.is_empty() { vec![0] } else { n });
        inside.optional(context(0))?;
        if let Some(extensions) = inside.optional(context(1))? {
            let mut list = extensions.inside();
            while !list.is_empty() {
                let mut extension = list.take(SEQUENCE)?.inside();
                extension.take(OID)?;
                if extension.optional(BOOLEAN)?.is_some_and(|b| b.content != [0]) {
                    return Err(StampError::Malformed("a critical extension that is unknown here"));
                }
            }
        }
        inside.end()?;
        let serial = serial.iter().fold(String::new(), |text, b| text + &format!("{b:02x}"));
        Ok(Stamp { seconds, nanos, accuracy_micros, serial, policy, nonce, algorithm, digest })
    }
}

/// Seconds, milliseconds and microseconds together.
fn accuracy(element: &Element<'_>) -> Result<u64, StampError> {
    let mut inside = element.inside();
    let part = |e: Option<Element<'_>>| e.map_or(Ok(0), |e| der::small(&e));
    let (seconds, millis, micros) = (part(inside.optional(INTEGER)?)?, part(inside.optional(0x80)?)?, part(inside.optional(0x81)?)?);
    inside.end()?;
    Ok(seconds.saturating_mul(1_000_000).saturating_add(millis.saturating_mul(1000)).saturating_add(micros))
}

impl Signer {
    fn parse(element: &Element<'_>) -> Result<Signer, StampError> {
        let mut inside = element.inside();
        der::small(&inside.take(INTEGER)?)?;
        let id = match inside.any()? {
            Element { tag: SEQUENCE, content, .. } => {
                let mut pair = Reader::new(content);
                let (issuer, serial) = (pair.take(SEQUENCE)?.raw.to_vec(), pair.take(INTEGER)?.content.to_vec());
                pair.end()?;
                SignerId::Issued { issuer, serial }
            }
            Element { tag: 0x80, content, .. } => SignerId::Key(content.to_vec()),
            _ => return Err(StampError::Malformed("a signer without name")),
        };
        let digest = Digest::of(algorithm::identifier(&inside.take(SEQUENCE)?)?)?;
        let signed = inside.take(context(0))?;
        let attributes = Attributes::parse(signed.inside())?;
        let algorithm = algorithm::identifier(&inside.take(SEQUENCE)?)?.to_vec();
        let signature = inside.take(OCTET_STRING)?.content.to_vec();
        inside.optional(context(1))?;
        inside.end()?;
        if attributes.content_type != TST_INFO {
            return Err(StampError::Malformed("the signature is of something else"));
        }
        Ok(Signer {
            id,
            digest,
            attributes: der::write(SET, signed.content),
            message_digest: attributes.message_digest,
            certificate: attributes.certificate,
            algorithm,
            signature,
        })
    }
}

impl SignerId {
    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            SignerId::Issued { issuer, serial } => certificate.issuer == *issuer && certificate.serial == *serial,
            SignerId::Key(id) => certificate.key_identifier.as_ref() == Some(id),
        }
    }
}

/// The signed attributes that a stamp must have, each once.
struct Attributes {
    content_type: Vec<u8>,
    message_digest: Vec<u8>,
    certificate: (Option<Digest>, Vec<u8>),
}

impl Attributes {
    fn parse(mut list: Reader<'_>) -> Result<Attributes, StampError> {
        let (mut content_type, mut message_digest, mut first, mut second) = (None, None, None, None);
        let mut count = 0;
        while !list.is_empty() {
            count += 1;
            let mut attribute = list.take(SEQUENCE)?.inside();
            let id = attribute.take(OID)?.content;
            let mut values = attribute.take(SET)?.inside();
            attribute.end()?;
            let slot = match id {
                CONTENT_TYPE => &mut content_type,
                MESSAGE_DIGEST => &mut message_digest,
                SIGNING_CERTIFICATE => &mut first,
                SIGNING_CERTIFICATE_2 => &mut second,
                _ => continue,
            };
            let value = values.any()?;
            values.end()?;
            if slot.replace(value).is_some() || count > MAX_ATTRIBUTES {
                return Err(StampError::Malformed("an attribute stands there twice"));
            }
        }
        let missing = || StampError::Malformed("the signature covers too little");
        let content_type = content_type.filter(|e| e.tag == OID).ok_or_else(missing)?.content.to_vec();
        let message_digest = message_digest.filter(|e| e.tag == OCTET_STRING).ok_or_else(missing)?.content.to_vec();
        // Both are there with some authorities; the newer one is by the stronger digest.
        let certificate = match (second, first) {
            (Some(list), _) => certificate_id(&list, true)?,
            (None, Some(list)) => certificate_id(&list, false)?,
            (None, None) => return Err(missing()),
        };
        Ok(Attributes { content_type, message_digest, certificate })
    }
}

/// The first ESSCertID or ESSCertIDv2 of a SigningCertificate: the signer's own (RFC 5035, 3).
fn certificate_id(element: &Element<'_>, second: bool) -> Result<(Option<Digest>, Vec<u8>), StampError> {
    if element.tag != SEQUENCE {
        return Err(StampError::Malformed("the signer's certificate is not named"));
    }
    let mut id = element.inside().take(SEQUENCE)?.inside().take(SEQUENCE)?.inside();
    let digest = if second {
        match id.optional(SEQUENCE)? {
            Some(given) => Some(Digest::of(algorithm::identifier(&given)?)?),
            None => Some(Digest::Sha256),
        }
    } else {
        None
    };
    Ok((digest, id.take(OCTET_STRING)?.content.to_vec()))
}

/// Who a reply says it is from, for messages about replies that do not verify.
impl Reply {
    /// Subject of the first certificate in it that is for time stamps; empty where there is none.
    pub fn said_to_be_from(&self) -> String {
        self.certificates.iter().find(|c| c.is_for_stamps()).map(|c| name(&c.subject)).unwrap_or_default()
    }
}
