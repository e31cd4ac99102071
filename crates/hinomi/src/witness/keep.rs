//! What a witness keeps: its key, what it has seen, and the notes of logs that contradicted themselves.
//!
//! | file | what |
//! | --- | --- |
//! | `lock` | held (`flock`) by the one process that cosigns with this key |
//! | `key` | two lines: name, 32 random bytes in base64. Readable by the owner only |
//! | `vkey` | the public key line |
//! | `state.json` | `{"format":1,"key":vkey,"state":{"logs":{origin:{size,root,time,note}}}}`, replaced as a whole and synced before any answer |
//! | `evidence/…json` | both notes of a fork, a rollback, or a growth that was not proven |
//!
//! A state that was lost cannot be told from a log that was never seen, and starting over could cosign a fork. So a key without its state is
//! refused. A folder that was restored from an older copy is that same loss and cannot be noticed: it must not be done (a
//! witness whose state was lost gets a new key).

use crate::outcome::{bad_input, unreachable, usage};
use anyhow::Result;
use proof::base64;
use proof::cosign::CosignerKey;
use proof::witness::{State, Suspicion};
use ring::digest::{SHA256, digest};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A longer state is not ours: a witness of a thousand logs has about one megabyte.
const MAX_STATE: u64 = 64 << 20;
/// Files of evidence at most. A fork is signed by the log's key, so only its holder can make many; old checkpoints anybody can send
/// again, and one file is kept for each.
const MAX_EVIDENCE: usize = 10_000;

/// The folder of a witness, locked.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    vkey: String,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    key: String,
    state: State,
}

/// A witness as it was left.
pub struct Opened {
    /// Its folder.
    pub folder: Folder,
    /// Its key.
    pub key: CosignerKey,
    /// What it has seen.
    pub state: State,
    /// This is the first start.
    pub fresh: bool,
}

/// Opens the folder; makes folder and key at the first start. `name` is what the key is to be called, then and ever after.
pub fn open(dir: &Path, name: Option<&str>) -> Result<Opened> {
    let failed = |doing: &str, path: &Path, e: &std::io::Error| unreachable(format!("cannot {doing} {}: {e}", path.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| failed("make the folder", dir, &e))?;
    let lock_file = dir.join("lock");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock_file);
    let lock = lock.map_err(|e| failed("write in the folder", dir, &e))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(unreachable(format!("{} is in use by another hinomi witness; end that one first", dir.display())));
    }
    let (key_file, state_file) = (dir.join("key"), dir.join("state.json"));
    let key = match read(&key_file, 4096) {
        Ok(bytes) => Some(read_key(&bytes).ok_or_else(|| {
            bad_input(format!("{} is damaged; restore it, or begin a new witness in another folder", key_file.display()))
        })?),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(failed("read", &key_file, &e)),
    };
    let stored = match read(&state_file, MAX_STATE) {
        Ok(bytes) => {
            let stored: Stored = serde_json::from_slice(&bytes).map_err(|e| bad_input(lost(&state_file, &format!("is damaged ({e})"))))?;
            Some(stored)
        }
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(failed("read", &state_file, &e)),
    };
    let (key, state, fresh) = match (key, stored) {
        (Some(key), Some(stored)) => {
            if stored.format != 1 || stored.key != key.vkey().to_string() {
                return Err(bad_input(lost(&state_file, "is of another witness or a newer program")));
            }
            if name.is_some_and(|n| n != key.vkey().name()) {
                return Err(usage(format!("this witness is called {}; a key keeps its name", key.vkey().name())));
            }
            (key, stored.state, false)
        }
        (Some(_), None) => return Err(bad_input(lost(&state_file, "is missing"))),
        (None, Some(stored)) if !stored.state.logs.is_empty() => {
            return Err(bad_input(format!("{} is missing; restore it, or begin a new witness in another folder", key_file.display())));
        }
        // The state is there before the key: whoever finds a key without a state has lost it.
        (None, _) => {
            let key = draw(name)?;
            let mut folder = Folder { dir: dir.to_path_buf(), vkey: key.1.vkey().to_string(), _lock: lock };
            folder.save(&State::default()).map_err(|e| failed("write", &state_file, &e))?;
            replace(&dir.join("vkey"), format!("{}\n", folder.vkey).as_bytes(), 0o644)
                .map_err(|e| failed("write", &dir.join("vkey"), &e))?;
            let text = format!("{}\n{}\n", key.1.vkey().name(), base64::encode(&key.0));
            replace(&key_file, text.as_bytes(), 0o600).map_err(|e| failed("write", &key_file, &e))?;
            folder.vkey = key.1.vkey().to_string();
            return Ok(Opened { folder, key: key.1, state: State::default(), fresh: true });
        }
    };
    let folder = Folder { dir: dir.to_path_buf(), vkey: key.vkey().to_string(), _lock: lock };
    Ok(Opened { folder, key, state, fresh })
}

fn lost(file: &Path, what: &str) -> String {
    format!(
        "{} {what}. A witness that has forgotten what it cosigned must not go on with the same key: begin a new one in another folder, and give its key line to the logs",
        file.display()
    )
}

fn draw(name: Option<&str>) -> Result<([u8; 32], CosignerKey)> {
    let mut seed = [0u8; 32];
    getrandom::fill(&mut seed).map_err(|e| unreachable(format!("the system gives no random numbers: {e}")))?;
    let name = match name {
        Some(name) => name.to_owned(),
        // Names should be unique (C2SP tlog-witness: a schema-less URL); this one is not reachable and says what it is.
        None => {
            let mut own = [0u8; 8];
            getrandom::fill(&mut own).map_err(|e| unreachable(format!("the system gives no random numbers: {e}")))?;
            format!("hinomi.local/witness/{:016x}", u64::from_be_bytes(own))
        }
    };
    let key = CosignerKey::from_seed(&name, seed).map_err(|e| usage(format!("--name: {e}")))?;
    Ok((seed, key))
}

fn read_key(bytes: &[u8]) -> Option<CosignerKey> {
    let (name, seed) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once('\n')?;
    CosignerKey::from_seed(name, base64::decode_hash(seed)?).ok()
}

fn read(file: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(std::io::Error::other("it is too long")) } else { Ok(bytes) }
}

/// Writes a file as a whole or not at all, and returns when it is on disk under its name.
pub fn replace(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    let mut new = file.as_os_str().to_owned();
    new.push(format!(".new-{}", std::process::id()));
    let new = PathBuf::from(new);
    let _ = std::fs::remove_file(&new);
    let written = (|| {
        let mut out = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        std::fs::rename(&new, file)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written?;
    File::open(dir)?.sync_all()
}

impl Folder {
    /// Writes down what was seen; on disk when this returns.
    pub fn save(&mut self, state: &State) -> std::io::Result<()> {
        let stored = Stored { format: 1, key: self.vkey.clone(), state: state.clone() };
        replace(&self.dir.join("state.json"), &serde_json::to_vec(&stored)?, 0o600)
    }

    /// Keeps what contradicts itself. The file's name; `None` where it was there already or there are too many.
    pub fn keep_evidence(&self, suspicion: &Suspicion, now: u64) -> std::io::Result<Option<PathBuf>> {
        let (kind, origin, shown) = match suspicion {
            Suspicion::Fork { origin, shown, .. } => ("fork", origin, shown),
            Suspicion::Unproven { origin, shown, .. } => ("unproven", origin, shown),
            Suspicion::Rollback { origin, shown, .. } => ("rollback", origin, shown),
        };
        let folder = self.dir.join("evidence");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        // One for each checkpoint that was shown: sending it again adds nothing.
        let name = digest(&SHA256, format!("{kind}\n{origin}\n{}\n{}", shown.size, base64::encode(&shown.root)).as_bytes());
        let name = name.as_ref().iter().take(12).fold(String::new(), |text, b| text + &format!("{b:02x}"));
        let file = folder.join(format!("{kind}-{}-{name}.json", shown.size));
        if file.exists() || std::fs::read_dir(&folder)?.count() >= MAX_EVIDENCE {
            return Ok(None);
        }
        let text = serde_json::to_vec_pretty(&serde_json::json!({ "kept": now, "witness": self.vkey, "what": suspicion }))?;
        replace(&file, &text, 0o600)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(Some(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proof::checkpoint::Checkpoint;
    use proof::note::SigningKey;
    use proof::witness::Seen;
    use std::os::unix::fs::PermissionsExt;

    fn seen(root: u8) -> Seen {
        let key = SigningKey::from_seed("hinomi.local/a", [1; 32]).unwrap();
        let note = Checkpoint { origin: "hinomi.local/a".into(), size: 3, root: [root; 32], extensions: vec![] }.sign(&key).unwrap();
        Seen { size: 3, root: [root; 32], time: 9, note: note.to_string() }
    }

    #[test]
    fn the_same_key_and_state_at_every_start_and_one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = open(dir.path(), Some("example.org/w")).unwrap();
        assert!(first.fresh);
        assert!(format!("{:#}", open(dir.path(), None).err().unwrap()).contains("in use"));
        let mut state = State::default();
        state.logs.insert("hinomi.local/a".into(), seen(5));
        first.folder.save(&state).unwrap();
        let vkey = first.folder.vkey.clone();
        drop(first);
        let second = open(dir.path(), Some("example.org/w")).unwrap();
        assert_eq!((second.state, second.fresh, second.folder.vkey.as_str()), (state, false, vkey.as_str()));
        assert_eq!(std::fs::metadata(dir.path().join("key")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(open(dir.path(), Some("other")).is_err());
    }

    #[test]
    fn a_key_without_its_state_does_not_start_over() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path(), None).unwrap());
        std::fs::remove_file(dir.path().join("state.json")).unwrap();
        assert!(format!("{:#}", open(dir.path(), None).err().unwrap()).contains("is missing"));
        std::fs::write(dir.path().join("state.json"), b"{}").unwrap();
        assert!(format!("{:#}", open(dir.path(), None).err().unwrap()).contains("damaged"));
        // The state of another witness.
        let other = tempfile::tempdir().unwrap();
        drop(open(other.path(), None).unwrap());
        std::fs::copy(other.path().join("state.json"), dir.path().join("state.json")).unwrap();
        assert!(format!("{:#}", open(dir.path(), None).err().unwrap()).contains("another witness"));
    }

    #[test]
    fn evidence_is_kept_once_with_both_notes() {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(dir.path(), None).unwrap();
        let fork = Suspicion::Fork { origin: "hinomi.local/a".into(), known: seen(5), shown: seen(6) };
        let file = opened.folder.keep_evidence(&fork, 1).unwrap().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(&base64::encode(&[5; 32])) && text.contains(&base64::encode(&[6; 32])), "{text}");
        assert_eq!(opened.folder.keep_evidence(&fork, 2).unwrap(), None);
    }
}
