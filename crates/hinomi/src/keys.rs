//! The key of an encrypted vault: where it is looked for at a start, and what is said where it is missing.
//!
//! A key file by the configuration, a credential that systemd hands over, or a passphrase: from the file that `HINOMI_VAULT_PASSPHRASE_FILE` names (a
//! descriptor as `/dev/fd/3`), else typed at the terminal. Never an argument, which every account of the machine can read, and never in the log.

use crate::config::Config;
use crate::outcome::{bad_input, unreachable, usage};
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use model::SiteId;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use vault::{LockKind, Options, Secret, Unlock, Vault, VaultError};

/// The name of the credential.
pub const CREDENTIAL: &str = "hinomi-vault-key";
/// The file with the passphrase, and with the next one where it is changed.
pub const PASSPHRASE_FILE: &str = "HINOMI_VAULT_PASSPHRASE_FILE";
pub const NEW_PASSPHRASE_FILE: &str = "HINOMI_VAULT_NEW_PASSPHRASE_FILE";
/// A passphrase is no longer than this.
const LONGEST: u64 = 4096;
/// A key file where the configuration names none.
pub const PROPOSED: &str = "/etc/hinomi/vault.key";

/// Where systemd put the credential, where it did.
pub fn credential() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(|d| PathBuf::from(d).join(CREDENTIAL)).filter(|f| f.is_file())
}

/// What a start needs to open the vault. Asks somebody only where `asking`, and only where a passphrase is needed.
pub fn unlock(config: &Config, asking: bool) -> Unlock {
    let ask = move || match from_file(PASSPHRASE_FILE) {
        Ok(None) if asking => typed("vault-passphrase").map_err(|e| VaultError::Encryption(format!("{e:#}"))),
        other => other.map_err(|e| VaultError::Encryption(format!("{e:#}"))),
    };
    Unlock { key_file: config.key_file.clone(), credential: credential(), passphrase: Some(Arc::new(ask)), recovery: None }
}

/// The vault of a configuration, for writing.
pub fn open(config: &Config, site: Option<SiteId>, options: Options) -> Result<Vault, VaultError> {
    Vault::open_unlocked(&config.data.join("vault"), site, options, &unlock(config, true))
}

/// The same for reading.
pub fn open_read_only(config: &Config) -> Result<Vault, VaultError> {
    Vault::open_read_only_unlocked(&config.data.join("vault"), Options::default(), &unlock(config, true))
}

/// A failure with its exit status: what is wrong with the input is another one than what cannot be reached. What is missing of a key is said in the
/// language of the person.
pub fn failed(e: VaultError) -> anyhow::Error {
    let words = || {
        let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
        Words::new(Words::language(&args)).ok()
    };
    let say = |key: &str, dir: &Path, file: Option<&Path>| {
        let (dir, file) = (dir.display().to_string(), file.map(|f| f.display().to_string()).unwrap_or_default());
        words().map(|w| w.with(key, &[("dir", Value::Text(&dir)), ("file", Value::Text(&file))]))
    };
    match &e {
        VaultError::KeyMissing { dir, kind, file } => {
            let key = match kind {
                LockKind::File => "vault-key-missing-file",
                LockKind::Credential => "vault-key-missing-credential",
                LockKind::Passphrase => "vault-key-missing-passphrase",
                LockKind::Recovery => "vault-key-missing-recovery",
            };
            unreachable(say(key, dir, file.as_deref()).unwrap_or_else(|| e.to_string()))
        }
        VaultError::LocksMissing { dir } => unreachable(say("vault-locks-missing", dir, None).unwrap_or_else(|| e.to_string())),
        VaultError::KeyWrong { dir, kind, file } => {
            let key = match kind {
                LockKind::File => "vault-key-wrong-file",
                LockKind::Credential => "vault-key-wrong-credential",
                LockKind::Passphrase => "vault-key-wrong-passphrase",
                LockKind::Recovery => "vault-key-wrong-recovery",
            };
            bad_input(say(key, dir, file.as_deref()).unwrap_or_else(|| e.to_string()))
        }
        VaultError::Record(_) | VaultError::Damaged(_) | VaultError::Encryption(_) => bad_input(e),
        _ => unreachable(e),
    }
}

/// The first line of the file that a variable names. `Ok(None)`: it names none.
pub fn from_file(variable: &str) -> Result<Option<Secret>> {
    let Some(path) = std::env::var_os(variable).filter(|p| !p.is_empty()).map(PathBuf::from) else { return Ok(None) };
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(&path)?.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|e| unreachable(format!("{variable} names {}, which cannot be read: {e}", path.display())))?;
    first_line(bytes).map(Some)
}

fn first_line(mut bytes: Vec<u8>) -> Result<Secret> {
    if let Some(end) = bytes.iter().position(|b| *b == b'\n') {
        bytes.truncate(end);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    if bytes.is_empty() || std::str::from_utf8(&bytes).is_err() {
        return Err(bad_input("a passphrase is one line of text"));
    }
    Ok(Secret::new(bytes))
}

/// The terminal without echo, as long as this lives.
struct Silent(String);

impl Silent {
    /// `stty` is asked, as a program that forbids unsafe code has no other way that costs no build of the heavy crates.
    fn new() -> Result<Silent> {
        let cannot = "the terminal cannot be told to keep what is typed to itself (stty); name a file with the passphrase in";
        let stty = |args: &[&str]| Command::new("stty").args(args).stdin(Stdio::inherit()).stderr(Stdio::null()).output();
        let before = stty(&["-g"]).ok().filter(|o| o.status.success());
        let before = before.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
        match before.filter(|_| stty(&["-echo"]).is_ok_and(|o| o.status.success())) {
            Some(b) => Ok(Silent(b)),
            None => Err(unreachable(format!("{cannot} {PASSPHRASE_FILE}"))),
        }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = Command::new("stty").arg(&self.0).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
        eprintln!();
    }
}

/// What somebody types at the terminal. `Ok(None)`: there is none.
pub fn typed(prompt: &str) -> Result<Option<Secret>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let words = Words::new(Words::language(&args))?;
    let _silent = Silent::new()?;
    eprint!("{}: ", words.say(prompt));
    let _ = std::io::stderr().flush();
    let mut line = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_until(b'\n', &mut line).map_err(|e| unreachable(format!("nothing can be read: {e}")))?;
    first_line(line).map(Some)
}

/// A new passphrase: from the file that the variable names, else typed twice.
pub fn new_passphrase(variable: &str) -> Result<Secret> {
    if let Some(s) = from_file(variable)? {
        return Ok(s);
    }
    let none = || usage(format!("no terminal to type a passphrase at; name a file that holds it in {variable}"));
    let first = typed("vault-passphrase-new")?.ok_or_else(none)?;
    let again = typed("vault-passphrase-again")?.ok_or_else(none)?;
    if first.bytes() == again.bytes() { Ok(first) } else { Err(bad_input("the two are not the same; nothing was changed")) }
}

/// A key file has to lie outside of all that is kept, not only of the vault: a backup takes the whole of it.
pub fn outside(file: &Path, data: &Path) -> Result<()> {
    if vault::key_file_is_outside(file, data) {
        return Ok(());
    }
    Err(bad_input(format!(
        "the key file {} would lie inside of the data folder {}: whoever takes the folder, or its backup, would have the key with it; name a place \
         outside of it, best on another medium",
        file.display(),
        data.display()
    )))
}

/// How long the command waits for files that are in use.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_one_line() {
        let line = |t: &str| first_line(t.as_bytes().to_vec()).map(|s| s.text().to_owned());
        assert_eq!(line("abc def\r\nsecond").unwrap(), "abc def");
        assert_eq!(line("合い言葉").unwrap(), "合い言葉");
        assert!(line("").is_err() && line("\n").is_err());
        assert!(first_line(vec![0xff, 0xfe]).is_err());
    }

    #[test]
    fn a_missing_key_is_told_with_its_status() {
        let dir = PathBuf::from("/d/vault");
        let missing = failed(VaultError::KeyMissing { dir: dir.clone(), kind: LockKind::File, file: Some("/k/vault.key".into()) });
        assert_eq!(crate::outcome::status_of(&missing), 4);
        assert!(missing.to_string().contains("/d/vault") && missing.to_string().contains("/k/vault.key"), "{missing}");
        let wrong = failed(VaultError::KeyWrong { dir, kind: LockKind::Passphrase, file: None });
        assert_eq!(crate::outcome::status_of(&wrong), 3);
    }
}
