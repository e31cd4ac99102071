//! Passwords: Argon2id (RFC 9106) in PHC form, one-time passwords, and the first account.
//!
//! The parameters stand here and nowhere else. 19 MiB, two passes, one lane is the OWASP minimum of 2025 and what a fanless box can
//! bear; hashing runs on a blocking thread, at most [`AT_ONCE`] at a time with a short queue, so that a flood of logins costs at most
//! 38 MiB. A name that nobody has is checked against a hash of nothing, so that the time of the answer does not tell who exists.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::atomic::{AtomicUsize, Ordering};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Memory in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Parallel lanes.
const LANES: u32 = 1;
/// Passwords that are hashed at the same time.
pub const AT_ONCE: usize = 2;
/// Passwords that may wait for their turn; beyond it the answer is "busy" (503).
pub const WAITING: usize = 16;
/// Fewest characters of a password that a person chooses (NIST SP 800-63B-4, 3.1.1.2, single factor: 15; IPA names 10 or more).
pub const MIN_LENGTH: usize = 10;
/// Most bytes of a password.
pub const MAX_BYTES: usize = 1024;

/// Why a password could not be hashed or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many logins at the same time; wait a moment and try again")]
    Busy,
    /// Hashing failed: no memory or no randomness.
    #[error("the password could not be hashed; is memory exhausted?")]
    Failed,
}

/// Why a new password is refused: the key of its wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weak {
    /// Fewer than [`MIN_LENGTH`] characters.
    Short,
    /// More than [`MAX_BYTES`] bytes.
    Long,
    /// The two entries differ.
    Differ,
    /// It is the one before.
    Same,
    /// It holds the account's name, or is one of those that everyone tries first.
    Guessable,
}

fn argon() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a fresh salt; slow (tens of milliseconds) and 19 MiB.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|_| PasswordError::Failed)?;
    let hash = argon()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

/// Whether a password fits a hash in PHC form.
fn verify_now(password: &str, phc: &str) -> bool {
    argon().is_ok_and(|a| PasswordVerifier::<str>::verify_password(&a, password.as_bytes(), phc).is_ok())
}

/// Checks passwords, a few at a time.
pub struct Hasher {
    turns: Semaphore,
    waiting: AtomicUsize,
    nobody: String,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

impl Hasher {
    /// Makes the hash of nothing that unknown names are checked against.
    pub fn new() -> Result<Hasher, PasswordError> {
        Ok(Hasher { turns: Semaphore::new(AT_ONCE), waiting: AtomicUsize::new(0), nobody: hash(&one_time_password()?)? })
    }

    /// Whether the password fits; `None` stands for a name that nobody has, takes as long and is never true.
    pub async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, PasswordError> {
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.nobody.clone());
        Ok(self.turn(move || verify_now(&password, &phc)).await? && known)
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.turn(move || hash(&password)).await?
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        struct Queued<'a>(&'a AtomicUsize);
        impl Drop for Queued<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(PasswordError::Busy);
        }
        let _queued = Queued(&self.waiting);
        let _turn = self.turns.acquire().await.map_err(|_| PasswordError::Failed)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Failed)
    }
}

/// Whether a password may be chosen.
pub fn judge(name: &str, current: &str, new: &str, again: &str) -> Result<(), Weak> {
    if new != again {
        return Err(Weak::Differ);
    }
    if new.len() > MAX_BYTES {
        return Err(Weak::Long);
    }
    if new.chars().count() < MIN_LENGTH {
        return Err(Weak::Short);
    }
    if new == current {
        return Err(Weak::Same);
    }
    let lower = new.to_lowercase();
    let mut kinds: Vec<char> = lower.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let common = ["password", "passw0rd", "hinomi", "1234567890", "qwertyuiop", "asdfghjkl", "administrator", "0987654321"];
    let stripped = |word: &str| lower.replace(word, "").chars().count() < 6 && lower.contains(word);
    if kinds.len() < 5 || common.iter().any(|w| stripped(w)) || (name.len() >= 3 && stripped(&name.to_lowercase())) {
        return Err(Weak::Guessable);
    }
    Ok(())
}

/// A password to be typed once: five groups of four letters and digits that are not mistaken for one another, 99 bits.
pub fn one_time_password() -> Result<String, PasswordError> {
    // 31 signs: no 0 O 1 l I; 20 of them are 99 bits.
    const SIGNS: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
    let mut out = String::with_capacity(24);
    let mut drawn = 0;
    while drawn < 20 {
        let mut byte = [0u8; 1];
        getrandom::fill(&mut byte).map_err(|_| PasswordError::Failed)?;
        // 248 = 8 × 31: larger draws would favour the first signs.
        let Some(sign) = byte.first().filter(|b| **b < 248).and_then(|b| SIGNS.get(usize::from(b % 31))) else { continue };
        if drawn > 0 && drawn % 4 == 0 {
            out.push('-');
        }
        out.push(char::from(*sign));
        drawn += 1;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_are_argon2id_and_unknown_names_never_fit() {
        let h = Hasher::new().unwrap();
        let phc = h.hash("ひみつのことば99".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(h.verify("ひみつのことば99".into(), Some(phc.clone())).await.unwrap());
        assert!(!h.verify("ひみつのことば98".into(), Some(phc)).await.unwrap());
        assert!(!h.verify("x".into(), None).await.unwrap());
        assert!(!h.verify("x".into(), Some("not a hash".into())).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_is_told_to_wait_instead_of_eating_memory() {
        let h = std::sync::Arc::new(Hasher::new().unwrap());
        let tries: Vec<_> = (0..WAITING * 3)
            .map(|_| {
                tokio::spawn({
                    let h = h.clone();
                    async move { h.verify("x".into(), None).await }
                })
            })
            .collect();
        let mut busy = 0;
        for t in tries {
            busy += usize::from(t.await.unwrap() == Err(PasswordError::Busy));
        }
        assert!(busy >= WAITING, "{busy}");
        assert_eq!(h.verify("x".into(), None).await, Ok(false));
    }

    #[test]
    fn one_time_passwords_are_readable_and_differ() {
        let (a, b) = (one_time_password().unwrap(), one_time_password().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), 24);
        assert!(a.chars().all(|c| c == '-' || (c.is_ascii_alphanumeric() && !"01lOI".contains(c))), "{a}");
    }

    #[test]
    fn passwords_that_everyone_tries_are_refused() {
        let j = |n: &str| judge("tanaka", "old-one-time", n, n);
        assert_eq!(j("short"), Err(Weak::Short));
        assert_eq!(judge("a", "b", "long enough one", "another one!"), Err(Weak::Differ));
        assert_eq!(j("old-one-time"), Err(Weak::Same));
        for weak in ["password123", "aaaaaaaaaaaa", "tanaka-2026", "1234567890ab"] {
            assert_eq!(j(weak), Err(Weak::Guessable), "{weak}");
        }
        assert_eq!(j(&"x1y2z".repeat(300)), Err(Weak::Long));
        assert_eq!(j("赤いやねの火の見やぐら"), Ok(()));
        assert_eq!(j("correct horse battery"), Ok(()));
    }
}
