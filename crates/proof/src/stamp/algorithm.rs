//! Which digests and signatures are taken: SHA-256, -384 and -512; RSA (PKCS #1 version 1.5, 2048 to 8192 bits) and ECDSA over P-256 and
//! P-384. That is what time-stamp authorities use; the rest is refused by name.

use super::StampError;
use super::certificate::Key;
use super::der::{self, Element, NULL, OID};
use ring::digest;
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};

/// rsaEncryption, 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// id-ecPublicKey, 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// prime256v1 and secp384r1
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
/// id-sha256, 2.16.840.1.101.3.4.2.1; the next two follow.
pub const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

/// A digest by its length in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// The one of that object identifier.
    pub fn of(id: &[u8]) -> Result<Digest, StampError> {
        match id {
            SHA256 => Ok(Digest::Sha256),
            SHA384 => Ok(Digest::Sha384),
            SHA512 => Ok(Digest::Sha512),
            other => Err(StampError::Algorithm(der::dotted(other))),
        }
    }

    /// Of some bytes.
    pub fn over(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Digest::Sha256 => &digest::SHA256,
            Digest::Sha384 => &digest::SHA384,
            Digest::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

/// SHA-1, by which the first edition of RFC 3161 names the signer's certificate (ESSCertID, RFC 2634). It names and does not protect: the
/// signature is over the digest of the content, and the certificate is checked by itself.
pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

/// The object identifier of an AlgorithmIdentifier whose parameters are absent or NULL.
pub fn identifier<'a>(element: &Element<'a>) -> Result<&'a [u8], StampError> {
    let mut inside = element.inside();
    let id = inside.take(OID)?.content;
    match inside.optional(NULL)? {
        _ if inside.is_empty() => Ok(id),
        _ => Err(StampError::Algorithm(der::dotted(id))),
    }
}

/// The digest that a signature algorithm names by itself. `None` for rsaEncryption, which leaves it to its surroundings.
fn named_digest(id: &[u8]) -> Option<Digest> {
    match id {
        // sha256WithRSAEncryption, sha384…, sha512… (RFC 4055)
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => Some(Digest::Sha256),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => Some(Digest::Sha384),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => Some(Digest::Sha512),
        _ => None,
    }
}

/// Verifies a signature. `digest` is what the surroundings say (a SignerInfo's digestAlgorithm), which must not contradict the algorithm.
pub fn verify(algorithm: &[u8], digest: Option<Digest>, key: &Key, message: &[u8], signature: &[u8]) -> Result<(), StampError> {
    let unsupported = || StampError::Algorithm(der::dotted(algorithm));
    let rsa = algorithm.strip_prefix(RSA.split_last().map_or(RSA, |(_, stem)| stem)).is_some_and(|rest| rest.len() == 1);
    let digest = match (named_digest(algorithm), digest) {
        (Some(named), Some(given)) if named != given => return Err(StampError::Malformed("a signature with two digests")),
        (Some(named), _) => named,
        (None, Some(given)) if algorithm == RSA => given,
        _ => return Err(unsupported()),
    };
    let how: &dyn VerificationAlgorithm = match (rsa, key.algorithm.as_slice(), key.curve.as_slice(), digest) {
        (true, RSA, _, Digest::Sha256) => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
        (true, RSA, _, Digest::Sha384) => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
        (true, RSA, _, Digest::Sha512) => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
        (false, EC, P256, Digest::Sha256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
        (false, EC, P256, Digest::Sha384) => &ring_signature::ECDSA_P256_SHA384_ASN1,
        (false, EC, P384, Digest::Sha256) => &ring_signature::ECDSA_P384_SHA256_ASN1,
        (false, EC, P384, Digest::Sha384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
        _ => return Err(unsupported()),
    };
    UnparsedPublicKey::new(how, &key.bytes).verify(message, signature).map_err(|_| StampError::Signature)
}
