//! C2SP signed-note: text, an empty line, and lines that each hold a signature of the text. A key is known by its name and key id together.
//!
//! [`verify`] decides as Go's `golang.org/x/mod/sumdb/note` does: what unknown keys signed is ignored, a signature by a known key that does not hold
//! spoils the whole note, and a note without any signature of a known key is nothing.

use crate::{Hash, base64, cosign};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A longer note is refused unread.
pub const MAX_NOTE: usize = 1 << 20;
/// A note with more signatures is refused (signed-note asks for at least 16).
pub const MAX_SIGNATURES: usize = 100;

/// What begins the line of a signature: em dash and space.
const MARK: &str = "\u{2014} ";

/// What is wrong with a note, a key or a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note is not written as signed-note says.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// The name is empty or has white space or a plus sign in it.
    #[error("{0:?} cannot be the name of a key")]
    Name(String),
    /// The line of a public key is not written as signed-note says, or its key id is not that of the key.
    #[error("not a public key line: {0}")]
    Key(&'static str),
    /// The public key is of a kind that is not known here (known: 1 Ed25519, 4 cosignature/v1).
    #[error("keys of type {0} are not supported")]
    KeyType(u8),
    /// Two different keys have the same name and key id, so a signature cannot be told to be of either.
    #[error("two keys are called {0}")]
    Ambiguous(String),
    /// A signature of a known key does not hold: text or signature were changed.
    #[error("the signature of {0} does not hold")]
    Signature(String),
    /// None of the known keys signed.
    #[error("no signature of a known key")]
    Unsigned,
    /// A cosignature cannot bear this time (2^63 seconds and more).
    #[error("{0} is not a time in seconds that a cosignature can bear")]
    Time(u64),
}

/// A text and what stands below it. Nothing here has been verified: see [`verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is signed, with its last line end.
    pub text: String,
    /// In the order of the note.
    pub signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: String,
    /// The first four bytes of a hash over the key, big endian.
    pub key_id: u32,
    /// The signature without the key id before it; its form depends on the type of the key.
    pub bytes: Vec<u8>,
}

impl Signature {
    /// The line as it stands in a note, with its line end.
    pub fn line(&self) -> String {
        format!("{self}\n")
    }

    fn parse(line: &str) -> Option<Signature> {
        let (name, text) = line.strip_prefix(MARK)?.split_once(' ')?;
        let bytes = base64::decode(text)?;
        let (key_id, bytes) = bytes.split_first_chunk()?;
        let good = valid_name(name) && !bytes.is_empty();
        good.then(|| Signature { name: name.to_owned(), key_id: u32::from_be_bytes(*key_id), bytes: bytes.to_vec() })
    }
}

/// The line without its line end.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(f, "{MARK}{} {}", self.name, base64::encode(&bytes))
    }
}

/// A line without its line end.
impl FromStr for Signature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Signature, NoteError> {
        Signature::parse(line).ok_or(NoteError::Malformed("a signature line is an em dash, a name and base64"))
    }
}

impl Note {
    /// Reads a note as it came from a file or the network.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::Malformed("longer than 1 MiB"));
        }
        let whole = str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
        check_characters(whole)?;
        // The last empty line parts text from signatures; others belong to the text.
        let split = whole.rfind("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))?;
        let (text, rest) = whole.split_at_checked(split + 1).ok_or(NoteError::Malformed("no text"))?;
        let lines = rest.strip_prefix('\n').and_then(|r| r.strip_suffix('\n')).ok_or(NoteError::Malformed("no signature line"))?;
        let signatures = lines.split('\n').take(MAX_SIGNATURES + 1).map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("more than 100 signatures"));
        }
        Ok(Note { text: text.to_owned(), signatures })
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Note, NoteError> {
        Note::parse(text.as_bytes())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|s| writeln!(f, "{s}"))
    }
}

/// Can this text be signed, that is: will a reader of the note find the same text again?
pub fn check_text(text: &str) -> Result<(), NoteError> {
    check_characters(text)?;
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::Malformed("the text does not end with a line end")) }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|b| b < 0x20 && b != b'\n') { Err(NoteError::Malformed("control characters")) } else { Ok(()) }
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// What a key signs, and how; the number is the signature type of signed-note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// Type 1: Ed25519 over the text.
    Ed25519,
    /// Type 4: Ed25519 over a time and the text (tlog-cosignature: cosignature/v1).
    Cosignature,
}

impl KeyKind {
    /// The type's number.
    pub fn number(self) -> u8 {
        match self {
            KeyKind::Ed25519 => 1,
            KeyKind::Cosignature => 4,
        }
    }
}

/// A public key with its name. Its text is the one line (vkey) that people pass on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
    key_id: u32,
}

impl VerifierKey {
    /// A key of 32 bytes (RFC 8032) under a name.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<VerifierKey, NoteError> {
        if !valid_name(name) {
            return Err(NoteError::Name(name.to_owned()));
        }
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind.number()]).chain_update(public).finalize();
        let key_id = hash.first_chunk().map_or(0, |four| u32::from_be_bytes(*four));
        Ok(VerifierKey { name: name.to_owned(), kind, public, key_id })
    }

    /// Its name: for a log its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The first four bytes of SHA-256(name ‖ 0x0a ‖ type ‖ public key), big endian.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The public key (RFC 8032).
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// What people compare: SHA-256 of the line without line end, in hexadecimal, upper case, in groups of four (docs/store-format.md).
    pub fn fingerprint(&self) -> String {
        let hash: Hash = Sha256::digest(self.to_string()).into();
        let (pairs, _) = hash.as_chunks::<2>();
        let groups: Vec<String> = pairs.iter().map(|pair| format!("{:04X}", u16::from_be_bytes(*pair))).collect();
        groups.join(" ")
    }

    /// Did this key sign these bytes, which are not the text of a note? (For what stands outside of notes: the handover of a key.)
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }

    /// Is this key named in the signature line?
    fn is_named_by(&self, signature: &Signature) -> bool {
        self.key_id == signature.key_id && self.name == signature.name
    }

    /// Verifies one line over a text, whichever key it names.
    fn check(&self, text: &str, signature: &Signature) -> Option<Verified> {
        let time = match self.kind {
            KeyKind::Ed25519 => self.verify_bytes(text.as_bytes(), &signature.bytes).then_some(None),
            KeyKind::Cosignature => cosign::check(self, text, &signature.bytes).map(Some),
        }?;
        Some(Verified { key: self.clone(), time })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind.number()];
        bytes.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.key_id, base64::encode(&bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    /// Reads the line without line end. Only the spelling that [`VerifierKey`] writes is taken, so equal keys have equal fingerprints.
    fn from_str(line: &str) -> Result<VerifierKey, NoteError> {
        let mut parts = line.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it is NAME+KEYID+BASE64"));
        };
        let bytes = base64::decode(key).ok_or(NoteError::Key("the key is not base64"))?;
        let (kind, public) = match bytes.split_first() {
            Some((1, public)) => (KeyKind::Ed25519, public),
            Some((4, public)) => (KeyKind::Cosignature, public),
            Some((other, _)) => return Err(NoteError::KeyType(*other)),
            None => return Err(NoteError::Key("the key is empty")),
        };
        let public = public.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?;
        let key = VerifierKey::new(name, kind, public)?;
        if format!("{:08x}", key.key_id) == id { Ok(key) } else { Err(NoteError::Key("the key id is not that of name and key")) }
    }
}

/// A secret key that signs notes (type 1).
pub struct SigningKey {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl SigningKey {
    /// The key that these 32 random bytes give (RFC 8032, 5.1.5).
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<SigningKey, NoteError> {
        let (pair, key) = pair(name, KeyKind::Ed25519, &seed)?;
        Ok(SigningKey { pair, key })
    }

    /// Its public side.
    pub fn vkey(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a text; [`check_text`] says which texts can stand in a note.
    pub fn sign(&self, text: &str) -> Signature {
        Signature { name: self.key.name.clone(), key_id: self.key.key_id, bytes: self.sign_bytes(text.as_bytes()).to_vec() }
    }

    /// A note of this text with this one signature.
    pub fn note(&self, text: &str) -> Result<Note, NoteError> {
        check_text(text)?;
        Ok(Note { text: text.to_owned(), signatures: vec![self.sign(text)] })
    }

    /// Signs what is not the text of a note: the handover to another key.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        raw_sign(&self.pair, message)
    }
}

/// The secret stays out of logs.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.key)
    }
}

pub(crate) fn pair(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<(Ed25519KeyPair, VerifierKey), NoteError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Key("the seed gives no key"))?;
    let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?;
    let key = VerifierKey::new(name, kind, public)?;
    Ok((pair, key))
}

pub(crate) fn raw_sign(pair: &Ed25519KeyPair, message: &[u8]) -> [u8; 64] {
    // RFC 8032, 5.1.6: an Ed25519 signature has 64 bytes, always.
    pair.sign(message).as_ref().try_into().unwrap_or([0; 64])
}

/// A signature that was verified; only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    key: VerifierKey,
    time: Option<u64>,
}

impl Verified {
    /// The key that signed.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// For a cosignature: when it was given by the witness's clock, in seconds since 1970.
    pub fn time(&self) -> Option<u64> {
        self.time
    }
}

/// Which of these keys signed the note: at least one, each once, in the order of the note.
pub fn verify(note: &Note, keys: &[VerifierKey]) -> Result<Vec<Verified>, NoteError> {
    let mut verified: Vec<Verified> = Vec::new();
    for signature in &note.signatures {
        let mut named = keys.iter().filter(|k| k.is_named_by(signature));
        let Some(key) = named.next() else { continue };
        if named.any(|other| other != key) {
            return Err(NoteError::Ambiguous(signature.name.clone()));
        }
        // A witness may have cosigned the same text at several times: each of the lines must hold, the first one counts.
        let signed = key.check(&note.text, signature).ok_or_else(|| NoteError::Signature(signature.name.clone()))?;
        if !verified.iter().any(|v| v.key == *key) {
            verified.push(signed);
        }
    }
    if verified.is_empty() { Err(NoteError::Unsigned) } else { Ok(verified) }
}
