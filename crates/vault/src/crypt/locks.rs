//! What opens the folder: `encryption.json`, in which the data key stands locked, and the secrets that unlock it.
//!
//! The data key is random and never changes; it is locked (AES-256-GCM) once for each way in. So another passphrase or key file changes one small file. Of a
//! passphrase a key is made by Argon2id (RFC 9106), with parameters that stand beside it. The file is kept twice: without it nothing can be read any more.

use super::cipher::{DataKey, derive, draw};
use super::{Answer, Encryption};
use crate::disk::{Disk, read_all, replace};
use crate::error::{Damage, VaultError};
use argon2::{Algorithm, Argon2, Params, Version};
use model::Time;
use proof::base64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroize;

const FILE: &str = "encryption.json";
const COPY: &str = "encryption.copy";
const VERSION: u32 = 1;
/// Characters of a passphrase at least.
const SHORTEST: usize = 12;
/// Argon2id for new passphrases: 64 MiB, three passes (RFC 9106, 4: the second recommended option).
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;

/// Bytes that nobody else should see; gone from memory when dropped.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Of these bytes.
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(bytes)
    }
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
    /// As text, where it is text: a recovery key.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Asks for the passphrase, where somebody can be asked.
pub type AskPassphrase = Arc<dyn Fn() -> Result<Option<Secret>, VaultError> + Send + Sync>;

/// Where the key to an encrypted folder may come from.
#[derive(Clone, Default)]
pub struct Unlock {
    /// The key file of the configuration; absent: where it was when encryption was turned on.
    pub key_file: Option<PathBuf>,
    /// The file of the systemd credential.
    pub credential: Option<PathBuf>,
    /// Asks for the passphrase. Not called where none is needed.
    pub passphrase: Option<AskPassphrase>,
    /// The recovery key as it was printed; taken instead of anything else.
    pub recovery: Option<Secret>,
}

/// What a new lock is made of.
#[derive(Clone, Debug)]
pub enum NewLock {
    /// A key file; made where there is none.
    File(PathBuf),
    /// A file that systemd hands over as a credential; it must be there.
    Credential(PathBuf),
    /// A passphrase.
    Passphrase(Secret),
}

/// What opens a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockKind {
    /// A key file.
    File,
    /// A systemd credential.
    Credential,
    /// A passphrase.
    Passphrase,
    /// The printed key.
    Recovery,
}

impl LockKind {
    /// Its name in files and for programs.
    pub fn name(self) -> &'static str {
        match self {
            LockKind::File => "file",
            LockKind::Credential => "credential",
            LockKind::Passphrase => "passphrase",
            LockKind::Recovery => "recovery",
        }
    }
}

/// Parameters of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hard {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// The data key, locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lock {
    kind: LockKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Hard>,
    salt: String,
    nonce: String,
    locked: String,
}

/// `encryption.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    version: u32,
    answer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
    /// Of the data key, hexadecimal; empty where there is none.
    #[serde(default)]
    key: String,
    /// Files may still be as they were before the last change.
    #[serde(default)]
    rewriting: bool,
    #[serde(default)]
    locks: Vec<Lock>,
}

#[derive(Serialize, Deserialize)]
struct Checked {
    encryption: Book,
    /// CRC-32 of `encryption` as written here, hexadecimal.
    check: String,
}

fn refuse<T>(what: impl Into<String>) -> Result<T, VaultError> {
    Err(VaultError::Encryption(what.into()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |out, b| out + &format!("{b:02x}"))
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut out = [0u8; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (to, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    base64::decode(text)?.try_into().ok()
}

/// Of a passphrase, by Argon2id; of other secrets themselves. Then by HKDF, so that no secret is used for two things.
fn key_of(secret: &[u8], salt: &[u8; 32], hard: Option<Hard>) -> Option<[u8; 32]> {
    let Some(h) = hard else { return derive(salt, secret, b"hinomi lock v1") };
    // What a file says must not take the machine's memory.
    if h.memory_kib > 1 << 20 || h.passes > 16 || h.lanes > 8 {
        return None;
    }
    let params = Params::new(h.memory_kib, h.passes, h.lanes, Some(32)).ok()?;
    let mut out = [0u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(secret, salt, &mut out).ok()?;
    let key = derive(salt, &out, b"hinomi lock v1");
    out.zeroize();
    key
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

fn about(kind: LockKind, id: &[u8; 16]) -> Vec<u8> {
    [b"hinomi data key v1 ".as_slice(), kind.name().as_bytes(), b" ", id].concat()
}

impl Lock {
    fn close(kind: LockKind, path: Option<PathBuf>, secret: &Secret, data: &DataKey) -> Result<Lock, VaultError> {
        let random = |e: std::io::Error| VaultError::Encryption(e.to_string());
        let (salt, nonce): ([u8; 32], [u8; 12]) = (draw().map_err(random)?, draw().map_err(random)?);
        let hard = (kind == LockKind::Passphrase).then_some(Hard { memory_kib: MEMORY_KIB, passes: PASSES, lanes: 1 });
        let failed = || VaultError::Encryption(String::from("the data key cannot be locked"));
        let mut key = key_of(secret.bytes(), &salt, hard).ok_or_else(failed)?;
        let mut bytes = data.bytes().to_vec();
        let aead = cipher(&key).ok_or_else(failed)?;
        key.zeroize();
        aead.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about(kind, &data.id)), &mut bytes)
            .map_err(|_| failed())?;
        Ok(Lock { kind, path, argon2id: hard, salt: base64::encode(&salt), nonce: base64::encode(&nonce), locked: base64::encode(&bytes) })
    }

    /// `None`: not with this secret.
    fn open(&self, secret: &Secret, id: [u8; 16]) -> Option<DataKey> {
        let (salt, nonce) = (bytes_of::<32>(&self.salt)?, bytes_of::<12>(&self.nonce)?);
        let mut bytes = base64::decode(&self.locked)?;
        let mut key = key_of(secret.bytes(), &salt, self.argon2id)?;
        let aead = cipher(&key)?;
        key.zeroize();
        let plain = aead.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(about(self.kind, &id)), &mut bytes).ok()?;
        let data: [u8; 32] = (&*plain).try_into().ok()?;
        bytes.zeroize();
        Some(DataKey::of(id, data))
    }
}

/// Whether a key file would lie outside of a folder, also by way of links.
pub fn key_file_is_outside(file: &Path, folder: &Path) -> bool {
    let real = |p: &Path| -> PathBuf {
        let p = std::path::absolute(p).unwrap_or_else(|_| p.to_path_buf());
        let mut at = p.as_path();
        loop {
            if let Ok(real) = at.canonicalize() {
                return match p.strip_prefix(at) {
                    Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                    _ => real,
                };
            }
            match at.parent() {
                Some(up) => at = up,
                None => return p,
            }
        }
    };
    !real(file).starts_with(real(folder))
}

/// The 32 bytes of a key file. `Ok(None)`: it is not there.
fn read_key(path: &Path) -> Result<Option<Secret>, VaultError> {
    // A pipe would keep a start waiting, and a key is short.
    let read = || -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        if fs::metadata(path)?.is_file() {
            fs::File::open(path)?.take(4096).read_to_end(&mut text)?;
        }
        Ok(text)
    };
    let mut text = match read() {
        Ok(t) => t,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(VaultError::io("read the key file", path, &e)),
    };
    let key = std::str::from_utf8(&text).ok().and_then(|t| base64::decode(t.trim_end())).filter(|k| k.len() == 32);
    text.zeroize();
    match key {
        Some(k) => Ok(Some(Secret(k))),
        None => refuse(format!(
            "{} holds no key: one line of 32 bytes in base64 is wanted; restore it from where it is kept safe",
            path.display()
        )),
    }
}

/// Makes a key file that nobody else may read.
fn make_key(path: &Path) -> Result<Secret, VaultError> {
    let key: [u8; 32] = draw().map_err(|e| VaultError::Encryption(e.to_string()))?;
    let write = || -> std::io::Result<()> {
        let mut f = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        f.write_all(base64::encode(&key).as_bytes())?;
        f.write_all(b"\n")?;
        f.sync_all()?;
        path.parent().map_or(Ok(()), |d| fs::File::open(d)?.sync_all())
    };
    write().map_err(|e| VaultError::io("make the key file", path, &e))?;
    Ok(Secret(key.to_vec()))
}

impl NewLock {
    fn close(&self, dir: &Path, data: &DataKey) -> Result<Lock, VaultError> {
        match self {
            NewLock::File(path) => {
                if !key_file_is_outside(path, dir) {
                    return refuse(format!(
                        "the key file {} would lie inside of the data folder: whoever takes the folder, or its backup, would have the key with it; name a place outside of it",
                        path.display()
                    ));
                }
                let secret = match read_key(path)? {
                    Some(k) => k,
                    None => make_key(path)?,
                };
                let mode = fs::metadata(path).map_err(|e| VaultError::io("read the key file", path, &e))?.mode();
                if mode & 0o007 != 0 {
                    return refuse(format!("every account of this machine may read the key file {0}; run: chmod 600 {0}", path.display()));
                }
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                Lock::close(LockKind::File, Some(path), &secret, data)
            }
            NewLock::Credential(path) => match read_key(path)? {
                Some(secret) => Lock::close(LockKind::Credential, None, &secret, data),
                None => refuse(format!(
                    "there is no credential {}; give it to the service with LoadCredential= or LoadCredentialEncrypted=",
                    path.display()
                )),
            },
            NewLock::Passphrase(secret) => {
                if secret.text().chars().count() < SHORTEST {
                    return refuse(format!("a passphrase needs at least {SHORTEST} characters"));
                }
                Lock::close(LockKind::Passphrase, None, secret, data)
            }
        }
    }
}

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new recovery key: its bytes, and as it is printed.
fn draw_recovery() -> Result<(Secret, Secret), VaultError> {
    let bytes: [u8; 20] = draw().map_err(|e| VaultError::Encryption(e.to_string()))?;
    let mut text = String::new();
    for (i, d) in recovery_digits(&bytes).into_iter().enumerate() {
        if i > 0 && i % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(DIGITS.get(usize::from(d)).copied().unwrap_or(b'0')));
    }
    Ok((Secret(bytes.to_vec()), Secret(text.into_bytes())))
}

/// 160 bits and 20 bits of their SHA-256, five bits each.
fn recovery_digits(bytes: &[u8; 20]) -> Vec<u8> {
    let sum = Sha256::digest(bytes);
    let (mut out, mut held, mut bits) = (Vec::with_capacity(36), 0u32, 0u32);
    for b in bytes.iter().chain(sum.iter().take(3)) {
        held = held << 8 | u32::from(*b);
        bits += 8;
        while bits >= 5 && out.len() < 36 {
            bits -= 5;
            out.push((held >> bits & 31) as u8);
        }
        held &= (1 << bits) - 1;
    }
    out
}

/// A recovery key as somebody typed it: spaces, hyphens and letters that look like digits do not matter.
fn read_recovery(text: &str) -> Result<Secret, VaultError> {
    let mut digits = Vec::with_capacity(36);
    for c in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐' | '–' | 'ー')) {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        match DIGITS.iter().position(|d| char::from(*d) == c) {
            Some(p) => digits.push(p as u8),
            None => return refuse(format!("'{c}' is no character of a recovery key")),
        }
    }
    if digits.len() != 36 {
        return refuse(format!("a recovery key has 36 characters, and this one {}", digits.len()));
    }
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(20), 0u32, 0u32);
    for d in digits.iter().take(32) {
        held = held << 5 | u32::from(*d);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 255) as u8);
        }
        held &= (1 << bits) - 1;
    }
    match <[u8; 20]>::try_from(bytes.as_slice()) {
        Ok(b) if recovery_digits(&b) == digits => Ok(Secret(bytes)),
        _ => refuse("the recovery key was mistyped: its last four characters do not fit to the others"),
    }
}

impl Book {
    /// Reads it, from its copy where it is missing or damaged. An empty one where there is neither.
    pub fn load(disk: &dyn Disk, dir: &Path) -> Result<Book, VaultError> {
        let first = Book::read(disk, &dir.join(FILE));
        match first {
            Ok(Some(b)) => Ok(b),
            Err(e @ VaultError::Io { .. }) => Err(e),
            Ok(None) | Err(_) => match (first, Book::read(disk, &dir.join(COPY))) {
                (_, Ok(Some(b))) => Ok(b),
                (Ok(_), Ok(None)) => Ok(Book::default()),
                (Err(e), _) | (_, Err(e)) => Err(e),
            },
        }
    }

    fn read(disk: &dyn Disk, file: &Path) -> Result<Option<Book>, VaultError> {
        let bytes = match read_all(disk, file) {
            Ok(b) => b,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(VaultError::io("read", file, &e)),
        };
        let wrong = |what: &str| {
            let what = format!("{what}; it says how the folder is unlocked: restore it from a backup");
            VaultError::Damaged(Damage { file: file.to_path_buf(), offset: 0, first_seq: 1, last_seq: Some(0), what })
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| wrong("it is not the JSON that was written"))?;
        let version = value.pointer("/encryption/version").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if version > u64::from(VERSION) {
            return Err(VaultError::Newer { file: file.to_path_buf(), found: u32::try_from(version).unwrap_or(u32::MAX), known: VERSION });
        }
        let checked: Checked = serde_json::from_value(value).map_err(|_| wrong("it is not the JSON that was written"))?;
        let same = checked.encryption.check()? == checked.check && serde_json::to_vec(&checked).is_ok_and(|v| v == bytes);
        if same { Ok(Some(checked.encryption)) } else { Err(wrong("its checksum is wrong")) }
    }

    fn check(&self) -> Result<String, VaultError> {
        let text = serde_json::to_string(self).map_err(|e| VaultError::Encryption(e.to_string()))?;
        Ok(format!("{:08x}", crc32fast::hash(text.as_bytes())))
    }

    /// Writes it, then its copy.
    pub fn save(&self, disk: &dyn Disk, dir: &Path) -> Result<(), VaultError> {
        let checked = Checked { encryption: self.clone(), check: self.check()? };
        let text = serde_json::to_vec(&checked).map_err(|e| VaultError::Encryption(e.to_string()))?;
        for name in [FILE, COPY] {
            let file = dir.join(name);
            replace(disk, &file, &text).map_err(|e| VaultError::io("write", file, &e))?;
        }
        Ok(())
    }

    /// Whether both files are there as they should be.
    pub fn is_twice(&self, disk: &dyn Disk, dir: &Path) -> bool {
        [FILE, COPY].iter().all(|n| Book::read(disk, &dir.join(n)).is_ok_and(|b| b.as_ref() == Some(self)))
    }

    pub fn answer(&self) -> Answer {
        match self.answer.as_str() {
            "on" => Answer::On,
            "off" => Answer::Off,
            _ => Answer::Open,
        }
    }
    pub fn has_locks(&self) -> bool {
        !self.locks.is_empty()
    }
    pub fn is_rewriting(&self) -> bool {
        self.rewriting
    }
    pub fn settled(&mut self) {
        self.rewriting = false;
    }

    fn main(&self) -> Option<&Lock> {
        self.locks.iter().find(|l| l.kind != LockKind::Recovery)
    }

    pub fn status(&self) -> Encryption {
        let on = self.answer() == Answer::On;
        Encryption {
            answer: self.answer(),
            since: self.since,
            by: self.by.clone(),
            reason: self.reason.clone(),
            lock: self.main().filter(|_| on).map(|l| l.kind),
            key_file: self.main().filter(|_| on).and_then(|l| l.path.clone()),
            recovery: on && self.locks.iter().any(|l| l.kind == LockKind::Recovery),
            rewriting: None,
        }
    }

    /// The data key. `None` where there is none.
    pub fn unlock(&self, dir: &Path, with: &Unlock) -> Result<Option<DataKey>, VaultError> {
        if self.locks.is_empty() {
            return Ok(None);
        }
        let missing = |kind, file| VaultError::KeyMissing { dir: dir.to_path_buf(), kind, file };
        let id = unhex(&self.key).ok_or_else(|| VaultError::Encryption(format!("{FILE} names no key")))?;
        let (lock, secret, file) = if let Some(typed) = &with.recovery {
            let lock = self.locks.iter().find(|l| l.kind == LockKind::Recovery);
            let none = || VaultError::Encryption(String::from("the folder has no recovery key"));
            (lock.ok_or_else(none)?, read_recovery(typed.text())?, None)
        } else {
            let Some(lock) = self.main() else { return Err(missing(LockKind::Recovery, None)) };
            match lock.kind {
                LockKind::File | LockKind::Recovery => {
                    let path = with.key_file.clone().or_else(|| lock.path.clone());
                    let secret = path.as_deref().map(read_key).transpose()?.flatten();
                    (lock, secret.ok_or_else(|| missing(LockKind::File, path.clone()))?, path)
                }
                LockKind::Credential => {
                    let secret = with.credential.as_deref().map(read_key).transpose()?.flatten();
                    (lock, secret.ok_or_else(|| missing(LockKind::Credential, None))?, None)
                }
                LockKind::Passphrase => {
                    let asked = with.passphrase.as_ref().map(|ask| ask()).transpose()?.flatten();
                    (lock, asked.ok_or_else(|| missing(LockKind::Passphrase, None))?, None)
                }
            }
        };
        let wrong = || VaultError::KeyWrong { dir: dir.to_path_buf(), kind: lock.kind, file };
        lock.open(&secret, id).map(Some).ok_or_else(wrong)
    }

    pub fn turn_on(&mut self, dir: &Path, data: &DataKey, with: &NewLock, by: &str, now: Time) -> Result<Secret, VaultError> {
        let main = with.close(dir, data)?;
        let (secret, text) = draw_recovery()?;
        let recovery = Lock::close(LockKind::Recovery, None, &secret, data)?;
        *self = Book {
            version: VERSION,
            answer: String::from(Answer::On.name()),
            since: Some(now),
            by: by.to_owned(),
            reason: String::new(),
            key: hex(&data.id),
            rewriting: true,
            locks: vec![main, recovery],
        };
        Ok(text)
    }

    pub fn turn_off(&mut self, by: &str, reason: &str, now: Time) -> Result<(), VaultError> {
        if reason.trim().is_empty() {
            return refuse("a reason is needed: why is what is kept not encrypted?");
        }
        self.rewriting |= self.answer() == Answer::On;
        self.version = VERSION;
        self.answer = String::from(Answer::Off.name());
        self.since = Some(now);
        by.clone_into(&mut self.by);
        reason.trim().clone_into(&mut self.reason);
        Ok(())
    }

    pub fn rekey(
        &mut self,
        dir: &Path,
        data: &DataKey,
        with: Option<&NewLock>,
        recovery: bool,
        by: &str,
        now: Time,
    ) -> Result<Option<Secret>, VaultError> {
        if let Some(with) = with {
            let main = with.close(dir, data)?;
            self.locks.retain(|l| l.kind == LockKind::Recovery);
            self.locks.insert(0, main);
        }
        let mut shown = None;
        if recovery {
            let (secret, text) = draw_recovery()?;
            let lock = Lock::close(LockKind::Recovery, None, &secret, data)?;
            self.locks.retain(|l| l.kind != LockKind::Recovery);
            self.locks.push(lock);
            shown = Some(text);
        }
        self.since = Some(now);
        by.clone_into(&mut self.by);
        Ok(shown)
    }

    pub fn forget(&mut self) {
        self.locks.clear();
        self.key.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_key_is_read_as_people_type_it() {
        let (secret, text) = draw_recovery().unwrap();
        let t = text.text();
        assert_eq!((t.len(), t.matches('-').count()), (44, 8), "{t}");
        let same = |typed: &str| read_recovery(typed).unwrap().bytes() == secret.bytes();
        assert!(same(t) && same(&t.to_lowercase()) && same(&t.replace('-', " ")) && same(&t.replace('0', "o").replace('1', "l")));
        let first = t.chars().next().unwrap();
        let other = if first == '7' { "8" } else { "7" };
        let mistyped = format!("{other}{}", &t[1..]);
        assert!(read_recovery(&mistyped).unwrap_err().to_string().contains("mistyped"));
        assert!(read_recovery(&t[..40]).unwrap_err().to_string().contains("36 characters"));
        assert!(read_recovery("ü").is_err());
    }

    #[test]
    fn a_lock_opens_with_its_secret_alone() {
        let data = DataKey::draw().unwrap();
        let secret = |s: &str| Secret::new(s.as_bytes().to_vec());
        for kind in [LockKind::File, LockKind::Passphrase] {
            let lock = Lock::close(kind, None, &secret("a long passphrase"), &data).unwrap();
            assert_eq!(lock.open(&secret("a long passphrase"), data.id).unwrap().bytes(), data.bytes());
            assert!(lock.open(&secret("another passphrase"), data.id).is_none());
            assert!(lock.open(&secret("a long passphrase"), [0; 16]).is_none());
            let greedy = Lock { argon2id: Some(Hard { memory_kib: u32::MAX, passes: 1, lanes: 1 }), ..lock };
            assert!(greedy.open(&secret("a long passphrase"), data.id).is_none());
        }
    }

    #[test]
    fn a_key_file_inside_is_known_also_through_links() {
        let dir = tempfile::tempdir().unwrap();
        let (data, out) = (dir.path().join("data"), dir.path().join("out"));
        fs::create_dir_all(data.join("vault")).unwrap();
        fs::create_dir_all(&out).unwrap();
        std::os::unix::fs::symlink(&data, out.join("link")).unwrap();
        assert!(key_file_is_outside(&out.join("vault.key"), &data));
        assert!(!key_file_is_outside(&data.join("vault/x/key"), &data));
        assert!(!key_file_is_outside(&out.join("link/key"), &data));
    }
}
