//! What witnesses and stamps need of a log, and nothing else of the vault: so a test can be a log, and a command can work beside the running
//! program on the files of the folder (docs/store-format.md), which are written whole and never changed.

use proof::checkpoint::Checkpoint;
use proof::note::{Note, VerifierKey};
use proof::stamp::Reply;
use proof::tiles::{self, FULL, TilePath, TileSource};
use proof::{Hash, note};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vault::{ConfirmationKind, Vault};

/// A log whose checkpoints are shown to others.
pub trait LogAccess: Send + Sync {
    /// The newest signed note. `None` before there is one.
    fn checkpoint(&self) -> Result<Option<String>, LogError>;
    /// The public key line.
    fn vkey(&self) -> Result<String, LogError>;
    /// The proof that the log of `to` entries begins with that of `from`.
    fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LogError>;
    /// Keeps the checkpoint's note with the lines of witnesses.
    fn keep_cosignatures(&self, size: u64, note: &str) -> Result<(), LogError>;
    /// What was kept so for this size.
    fn cosigned(&self, size: u64) -> Option<String>;
    /// Keeps a question to a time-stamp authority and its reply.
    fn keep_stamp(&self, size: u64, query: &[u8], reply: &[u8]) -> Result<(), LogError>;
    /// The newest stamp: size of the log, and when in seconds since 1970.
    fn last_stamp(&self) -> Option<(u64, i64)>;
    /// The largest size that a witness cosigned; 0 where none is known.
    fn last_cosigned(&self, witness: &VerifierKey) -> u64;
}

/// What cannot be read or written of a log.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct LogError {
    /// File, or what was asked for.
    pub what: String,
    /// Why.
    pub why: String,
}

impl LogError {
    /// Of whatever failed.
    pub fn new(what: impl std::fmt::Display, why: impl std::fmt::Display) -> LogError {
        LogError { what: what.to_string(), why: why.to_string() }
    }
}

/// Larger files are not of a log.
const MAX_FILE: u64 = 4 << 20;
/// Kept files that are looked through for the newest of a witness.
const LOOK_BACK: usize = 256;

/// The log of a data folder by its files. Reading beside a running Hinomi is safe: the checkpoint is replaced in one step, and what it needs is
/// there before it.
#[derive(Debug, Clone)]
pub struct LogFolder {
    dir: PathBuf,
}

impl LogFolder {
    /// `vault` is the vault's folder.
    pub fn of(vault: &Path) -> LogFolder {
        LogFolder { dir: vault.join("log") }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        let file = self.dir.join(name);
        let mut bytes = Vec::new();
        let read = std::fs::File::open(&file).and_then(|f| f.take(MAX_FILE).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(LogError::new(file.display(), e)),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, LogError> {
        let bytes = self.read(name)?;
        bytes.map(|b| String::from_utf8(b).map_err(|_| LogError::new(self.dir.join(name).display(), "is not text"))).transpose()
    }

    /// The root of the first `size` entries, out of the tiles.
    pub fn root(&self, size: u64) -> Result<Hash, LogError> {
        tiles::root(self, size).map_err(|e| LogError::new(format!("the root of {size} entries"), e))
    }

    fn keep(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        let dir = self.dir.join(folder);
        let file = dir.join(name);
        std::fs::create_dir_all(&dir)
            .and_then(|()| super::keep::replace(&file, bytes, 0o644))
            .and_then(|()| std::fs::File::open(&self.dir)?.sync_all())
            .map_err(|e| LogError::new(file.display(), e))
    }

    /// Sizes for which something is kept, newest first.
    fn sizes(&self, folder: &str, ending: &str) -> Vec<u64> {
        let names = std::fs::read_dir(self.dir.join(folder)).into_iter().flatten().flatten();
        let mut sizes: Vec<u64> = names.filter_map(|n| n.file_name().to_str()?.strip_suffix(ending)?.parse().ok()).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    }

    /// The newest checkpoint, verified by the log's own key.
    pub fn newest(&self) -> Result<Option<(Note, Checkpoint, VerifierKey)>, LogError> {
        let Some(text) = self.checkpoint()? else { return Ok(None) };
        let key: VerifierKey = self.vkey()?.parse().map_err(|e| LogError::new(self.dir.join("vkey").display(), e))?;
        let opened =
            Checkpoint::open_of(text.as_bytes(), &key, &[]).map_err(|e| LogError::new(self.dir.join("checkpoint").display(), e))?;
        Ok(Some((opened.note().clone(), opened.checkpoint().clone(), key)))
    }
}

impl LogAccess for LogFolder {
    fn checkpoint(&self) -> Result<Option<String>, LogError> {
        self.text("checkpoint")
    }

    fn vkey(&self) -> Result<String, LogError> {
        let line = self.text("vkey")?.ok_or_else(|| LogError::new(self.dir.join("vkey").display(), "is missing"))?;
        Ok(line.trim_end().to_owned())
    }

    fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LogError> {
        tiles::consistency_proof(self, from, to).map_err(|e| LogError::new(format!("the proof from {from} to {to} entries"), e))
    }

    fn keep_cosignatures(&self, size: u64, note: &str) -> Result<(), LogError> {
        self.keep("cosigned", &size.to_string(), note.as_bytes())
    }

    fn cosigned(&self, size: u64) -> Option<String> {
        self.text(&format!("cosigned/{size}")).ok().flatten()
    }

    fn keep_stamp(&self, size: u64, query: &[u8], reply: &[u8]) -> Result<(), LogError> {
        self.keep("stamps", &format!("{size}.tsq"), query)?;
        self.keep("stamps", &format!("{size}.tsr"), reply)?;
        // When it was kept, by our clock; last, because it is what a reader looks for.
        self.keep("stamps", &format!("{size}.at"), crate::clock::now().rfc3339().as_bytes())
    }

    fn last_stamp(&self) -> Option<(u64, i64)> {
        self.sizes("stamps", ".tsr").into_iter().take(LOOK_BACK).find_map(|size| {
            let reply = self.read(&format!("stamps/{size}.tsr")).ok().flatten()?;
            Some((size, Reply::parse(&reply).ok()?.stamp().seconds))
        })
    }

    fn last_cosigned(&self, witness: &VerifierKey) -> u64 {
        let newest = self.sizes("cosigned", "").into_iter().take(LOOK_BACK);
        let by_it = |size: &u64| {
            let note = self.cosigned(*size).and_then(|text| text.parse::<Note>().ok());
            note.is_some_and(|n| note::verify(&n, std::slice::from_ref(witness)).is_ok())
        };
        newest.into_iter().find(by_it).unwrap_or(0)
    }
}

/// The log of the vault that this process has open.
pub struct VaultLog {
    vault: Arc<Vault>,
    folder: LogFolder,
}

impl VaultLog {
    /// `folder` is where the vault is.
    pub fn new(vault: Arc<Vault>, folder: &Path) -> VaultLog {
        VaultLog { vault, folder: LogFolder::of(folder) }
    }
}

impl LogAccess for VaultLog {
    fn checkpoint(&self) -> Result<Option<String>, LogError> {
        Ok(self.vault.checkpoint())
    }

    fn vkey(&self) -> Result<String, LogError> {
        Ok(self.vault.vkey())
    }

    fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LogError> {
        self.vault.consistency(from, to).map_err(|e| LogError::new(format!("the proof from {from} to {to} entries"), e))
    }

    fn keep_cosignatures(&self, size: u64, note: &str) -> Result<(), LogError> {
        self.vault.keep_cosignatures(size, note).map_err(|e| LogError::new("cosignatures", e))
    }

    fn cosigned(&self, size: u64) -> Option<String> {
        self.folder.cosigned(size)
    }

    fn keep_stamp(&self, size: u64, query: &[u8], reply: &[u8]) -> Result<(), LogError> {
        self.vault.keep_stamp(size, query, reply).map_err(|e| LogError::new("the time stamp", e))
    }

    fn last_stamp(&self) -> Option<(u64, i64)> {
        let all = self.vault.confirmations();
        all.iter().find(|c| c.kind == ConfirmationKind::Stamp).map(|c| (c.size, c.at.seconds()))
    }

    fn last_cosigned(&self, witness: &VerifierKey) -> u64 {
        let all = self.vault.confirmations();
        let by_it = all.iter().filter(|c| c.kind == ConfirmationKind::Witness && c.name == witness.name());
        by_it.map(|c| c.size).max().unwrap_or(0)
    }
}

impl TileSource for LogFolder {
    type Error = LogError;

    fn hash_tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, LogError> {
        let path = |width| TilePath { level: Some(level), index, width };
        // The exact one; the full one; then any wider part: while we read, the log may have grown and let the narrower one go.
        for w in std::iter::once(width).chain([FULL]).chain(width.saturating_add(1)..FULL) {
            if let Some(bytes) = self.read(&path(w).to_string())? {
                return tiles::decode_hashes(&bytes, w).map_err(|e| LogError::new(self.dir.join(path(w).to_string()).display(), e));
            }
        }
        Err(LogError::new(self.dir.join(path(width).to_string()).display(), "is missing"))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proof::note::SigningKey;
    use proof::tiles::Edge;
    use proof::tree;

    /// A log in a folder, as the vault writes it.
    pub struct Written {
        pub dir: tempfile::TempDir,
        pub key: SigningKey,
        pub leaves: Vec<Hash>,
    }

    impl Written {
        pub fn new(seed: u8) -> Written {
            let key = SigningKey::from_seed("hinomi.local/019ab000-0000-7000-8000-000000000001", [seed; 32]).unwrap();
            Written { dir: tempfile::tempdir().unwrap(), key, leaves: Vec::new() }
        }

        pub fn folder(&self) -> LogFolder {
            LogFolder::of(self.dir.path())
        }

        pub fn grow(&mut self, by: u64) {
            for _ in 0..by {
                self.leaves.push(tree::leaf_hash(&self.leaves.len().to_be_bytes()));
            }
            self.write();
        }

        pub fn write(&self) {
            let log = self.dir.path().join("log");
            let mut edge = Edge::new();
            for leaf in &self.leaves {
                edge.push(*leaf);
            }
            for tile in edge.take_full().iter().chain(&edge.open()) {
                let file = log.join(tile.path.to_string());
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, tile.bytes()).unwrap();
            }
            let checkpoint = Checkpoint {
                origin: self.key.vkey().name().to_owned(),
                size: self.leaves.len() as u64,
                root: tree::root(&self.leaves),
                extensions: vec![],
            };
            std::fs::write(log.join("checkpoint"), checkpoint.sign(&self.key).unwrap().to_string()).unwrap();
            std::fs::write(log.join("vkey"), format!("{}\n", self.key.vkey())).unwrap();
        }
    }

    #[test]
    fn proofs_come_out_of_the_tiles() {
        let mut log = Written::new(1);
        let mut roots = Vec::new();
        for by in [1, 2, 250, 3, 1, 600] {
            log.grow(by);
            let folder = log.folder();
            let (_, newest, _) = folder.newest().unwrap().unwrap();
            assert_eq!(folder.root(newest.size).unwrap(), newest.root);
            for (size, root) in &roots {
                let proof = folder.consistency(*size, newest.size).unwrap();
                tree::verify_consistency(*size, newest.size, root, &newest.root, &proof).unwrap();
                assert_eq!(folder.root(*size).unwrap(), *root);
            }
            roots.push((newest.size, newest.root));
        }
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let mut log = Written::new(1);
        log.grow(3);
        let folder = log.folder();
        let witness = proof::cosign::CosignerKey::from_seed("w", [7; 32]).unwrap();
        assert_eq!((folder.last_cosigned(witness.vkey()), folder.last_stamp()), (0, None));
        let (mut note, checkpoint, _) = folder.newest().unwrap().unwrap();
        note.signatures.push(witness.cosign(&checkpoint, 5).unwrap());
        folder.keep_cosignatures(3, &note.to_string()).unwrap();
        log.grow(4);
        assert_eq!(folder.last_cosigned(witness.vkey()), 3);
        assert_eq!(folder.cosigned(3).unwrap(), note.to_string());
    }
}
