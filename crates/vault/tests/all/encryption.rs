//! Encryption at rest: nothing readable in the folder, everything readable with the key, and told in words without it.

use crate::sealing::{all, mixed};
use crate::*;
use std::collections::BTreeMap;
use std::path::Path;
use vault::ask::{Cancel, Limits, Scope, ask};
use vault::{Answer, Depth, Export, LockKind, NewLock, Query, Request, Secret, Unlock, VaultError};

/// An encrypted folder without records, and the file of its key.
pub(crate) struct Encrypted {
    pub disk: SimDisk,
    key: tempfile::TempDir,
}

impl Encrypted {
    pub fn new() -> Encrypted {
        let (disk, key) = (SimDisk::new(), tempfile::tempdir().unwrap());
        let v = open(&disk);
        v.encrypt(&NewLock::File(key.path().join("vault.key")), "佐藤").unwrap();
        bring(&v);
        drop(v);
        Encrypted { disk: disk.twin(), key }
    }
    fn file(&self) -> std::path::PathBuf {
        self.key.path().join("vault.key")
    }
}

/// Until every file is as was decided.
fn bring(v: &Vault) {
    v.seal().unwrap();
    for _ in 0..500 {
        if v.bring_after().unwrap() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("files stay as they were: {:?}", v.status().encryption);
}

/// Whether a file may be plain in an encrypted folder.
fn may_be_plain(file: &Path) -> bool {
    let inside = file.strip_prefix(dir()).unwrap().to_str().unwrap();
    matches!(inside, "folder.json" | "encryption.json" | "encryption.copy" | "log/checkpoint" | "log/vkey")
        || inside.starts_with("log/tile/")
}

fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HINOMIEN") && bytes[12] == 1
}

fn fill(v: &Vault) -> vault::BlobId {
    for part in mixed(160).chunks(8) {
        v.appender().append_and_wait(part).unwrap();
        v.seal().unwrap();
    }
    v.compact().unwrap();
    v.appender().append_and_wait(&mixed(20)).unwrap();
    v.commit().unwrap();
    v.put_blob(b"a photo of the cabinet").unwrap()
}

#[test]
fn every_kind_of_file_is_encrypted_and_read_back() {
    let e = Encrypted::new();
    let v = open(&e.disk);
    let blob = fill(&v);
    let before = all(&v, &Query::default());
    assert_eq!(before.len(), 180);
    let status = v.status().encryption;
    assert_eq!((status.answer, status.lock, status.recovery, status.rewriting), (Answer::On, Some(LockKind::File), true, None));
    assert_eq!((status.by.as_str(), status.key_file), ("佐藤", Some(e.file())));
    drop(v);
    let mut kinds = BTreeMap::new();
    for (name, bytes) in e.disk.files() {
        assert_eq!(is_encrypted(&bytes), !may_be_plain(&name), "{}", name.display());
        let kind = name.extension().map_or_else(|| name.file_name(), Some).unwrap().to_string_lossy().into_owned();
        *kinds.entry(if name.to_string_lossy().contains("/blobs/") { String::from("blob") } else { kind }).or_insert(0) += 1;
    }
    for kind in ["seg", "idx", "parquet", "key", "blob", "0000000000"] {
        assert!(kinds.contains_key(kind), "{kind} in {kinds:?}");
    }
    let v = open(&e.disk);
    assert_eq!(all(&v, &Query::default()), before);
    assert_eq!(v.get_blob(blob).unwrap().as_deref(), Some(b"a photo of the cabinet".as_slice()));
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
    assert_eq!(v.status().damage, vec![]);
}

#[test]
fn no_needle_is_in_any_file_of_an_encrypted_folder() {
    let needles: [&[u8]; 5] = ["針の文-4711".as_bytes(), b"needle-user", b"198.51.100.77", &[198, 51, 100, 77], "見取り図の針".as_bytes()];
    let filled = |encrypt: bool| {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data/vault");
        let o = Options { compression: 0, compact: false, ..Options::default() };
        let v = Vault::open(&dir, Some(site()), o).unwrap();
        if encrypt {
            v.encrypt(&NewLock::File(home.path().join("vault.key")), "佐藤").unwrap();
            bring(&v);
        }
        let needle = |n: u64| {
            let mut e = sealing::log(n as i64, n);
            if let Body::Log(l) = &mut e.body {
                l.text = String::from("針の文-4711 from 198.51.100.77");
                l.fields.insert(String::from("user"), String::from("needle-user"));
                l.sender = Some("198.51.100.77".parse().unwrap());
            }
            e
        };
        for n in 0..10 {
            v.appender().append_and_wait(&[needle(n)]).unwrap();
            v.commit().unwrap();
            v.seal().unwrap();
        }
        v.compact().unwrap();
        v.appender().append_and_wait(&[needle(20)]).unwrap();
        v.put_blob("見取り図の針".as_bytes()).unwrap();
        v.verify().unwrap();
        let found = find(&dir, &needles);
        let words = std::fs::read_dir(dir.join("segments")).unwrap().any(|f| f.unwrap().path().to_string_lossy().ends_with(".words"));
        assert!(words, "filters of words were made");
        found
    };
    assert_eq!(filled(false).len(), needles.len(), "the needles are where they are looked for");
    assert_eq!(filled(true), Vec::<Vec<u8>>::new());
}

/// The needles that are in any file of a folder.
fn find(dir: &Path, needles: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for f in std::fs::read_dir(next).unwrap() {
            let path = f.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for n in needles {
                // Four bytes that look like an address are in ten megabytes of noise by chance once in 400 times: where they stand is looked at.
                if bytes.windows(n.len()).any(|w| w == *n) && !found.iter().any(|f| f == n) {
                    found.push(n.to_vec());
                }
            }
        }
    }
    found
}

#[test]
fn a_folder_in_use_is_encrypted_and_decrypted_and_holds_the_same_bytes_again() {
    let disk = SimDisk::new();
    let key = tempfile::tempdir().unwrap();
    let v = open(&disk);
    let blob = fill(&v);
    let before = all(&v, &Query::default());
    v.seal().unwrap();
    let plain: BTreeMap<_, _> = disk.files().into_iter().filter(|(n, _)| n.to_string_lossy().ends_with(".parquet")).collect();
    assert!(plain.len() > 3);
    v.encrypt(&NewLock::File(key.path().join("vault.key")), "佐藤").unwrap();
    // Mixed: what comes now is encrypted, what was is read as before.
    v.appender().append_and_wait(&[flow(9, 9, 9)]).unwrap();
    assert_eq!(all(&v, &Query::default()).len(), before.len() + 1);
    bring(&v);
    assert!(v.status().encryption.rewriting.is_none());
    for (name, bytes) in disk.files() {
        assert_eq!(is_encrypted(&bytes), !may_be_plain(&name), "{}", name.display());
        assert!(!name.to_string_lossy().ends_with(".new"), "{}", name.display());
    }
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
    drop(v);
    let v = open(&disk);
    assert_eq!(v.status().damage, vec![]);
    assert_eq!(v.get_blob(blob).unwrap().as_deref(), Some(b"a photo of the cabinet".as_slice()));
    assert!(v.decrypt("佐藤", "  ").unwrap_err().to_string().contains("reason"));
    v.decrypt("佐藤", "the disk itself is encrypted (LUKS)").unwrap();
    bring(&v);
    let e = v.status().encryption;
    assert_eq!((e.answer, e.reason.as_str(), e.lock), (Answer::Off, "the disk itself is encrypted (LUKS)", None));
    for (name, bytes) in disk.files() {
        assert!(!is_encrypted(&bytes), "{}", name.display());
        if let Some(was) = plain.get(&name) {
            assert_eq!(&bytes, was, "{}", name.display());
        }
    }
    drop(v);
    // The key is needed no more.
    std::fs::remove_file(key.path().join("vault.key")).unwrap();
    let v = open(&disk);
    assert_eq!(all(&v, &Query::default()).len(), before.len() + 1);
    assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
}

#[test]
fn without_the_key_or_with_another_it_is_told_and_nothing_is_changed() {
    let e = Encrypted::new();
    let v = open(&e.disk);
    fill(&v);
    drop(v);
    let text = std::fs::read(e.file()).unwrap();
    let files = e.disk.files();
    let refused = |disk: &SimDisk| Vault::open_on(Arc::new(disk.clone()), &dir(), Some(site()), options()).err().unwrap();
    // Missing.
    std::fs::remove_file(e.file()).unwrap();
    let missing = refused(&e.disk);
    assert!(matches!(&missing, VaultError::KeyMissing { dir: d, file: Some(f), .. } if *d == dir() && *f == e.file()), "{missing}");
    assert!(missing.to_string().contains("vault.key_file"), "{missing}");
    // Another.
    let other = Encrypted::new();
    std::fs::copy(other.file(), e.file()).unwrap();
    let wrong = refused(&e.disk);
    assert!(matches!(&wrong, VaultError::KeyWrong { file: Some(f), .. } if *f == e.file()), "{wrong}");
    // No key at all.
    std::fs::write(e.file(), "hello\n").unwrap();
    assert!(refused(&e.disk).to_string().contains("holds no key"));
    assert_eq!(e.disk.files(), files, "nothing was changed");
    // A file of another folder's key.
    std::fs::write(e.file(), &text).unwrap();
    let twin = e.disk.twin();
    let name = dir().join("segments.json");
    let (_, foreign) = other.disk.files().into_iter().find(|(n, _)| n.ends_with("log/key")).unwrap();
    twin.edit(&name, |b| *b = foreign);
    assert!(refused(&twin).to_string().contains("under a key that this folder does not have"));
    // One of the two files that hold the locks may be lost, and both may not.
    let twin = e.disk.twin();
    twin.edit(&dir().join("encryption.json"), Vec::clear);
    drop(open(&twin));
    let (_, healed) = twin.files().into_iter().find(|(n, _)| n.ends_with("encryption.json")).unwrap();
    assert!(healed.len() > 100, "it was written again from its copy");
    twin.edit(&dir().join("encryption.json"), |b| b[40] ^= 1);
    twin.edit(&dir().join("encryption.copy"), |b| b[40] ^= 1);
    assert!(matches!(refused(&twin), VaultError::Damaged(_)));
    assert_eq!(all(&open(&e.disk), &Query::default()).len(), 180);
}

#[test]
fn an_encrypted_folder_without_its_locks_is_refused_in_words() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("vault");
    let v = Vault::open(&folder, Some(site()), Options::default()).unwrap();
    v.encrypt(&NewLock::File(home.path().join("k")), "佐藤").unwrap();
    bring(&v);
    drop(v);
    for f in ["encryption.json", "encryption.copy"] {
        std::fs::remove_file(folder.join(f)).unwrap();
    }
    let e = Vault::open(&folder, None, Options::default()).err().unwrap();
    assert!(matches!(&e, VaultError::LocksMissing { dir } if *dir == folder) && e.to_string().contains("encryption.json"), "{e}");
}

#[test]
fn any_flipped_byte_of_a_header_is_told() {
    let e = Encrypted::new();
    let v = open(&e.disk);
    fill(&v);
    drop(v);
    for kind in [".seg", ".parquet", "log/key", "segments.json", "secrets/0000000000", "/blobs/", ".idx"] {
        let is_it = |n: &Path| n.to_string_lossy().ends_with(kind) || kind == "/blobs/" && n.to_string_lossy().contains(kind);
        let (name, bytes) = e.disk.files().into_iter().rfind(|(n, _)| is_it(n)).unwrap();
        assert!(is_encrypted(&bytes), "{kind}");
        // Every byte of the header, and some behind it.
        for at in (0..96).chain([96, bytes.len() / 2, bytes.len() - 1]) {
            let flipped = e.disk.twin();
            flipped.edit(&name, |b| b[at] ^= 1 << (at % 8));
            let opened = Vault::open_on(Arc::new(flipped), &dir(), Some(site()), options());
            let told = match &opened {
                Err(VaultError::KeyWrong { .. } | VaultError::KeyMissing { .. }) => {
                    panic!("{kind} byte {at}: damage is told as a wrong key")
                }
                Err(e) => e.to_string().contains(&name.display().to_string()),
                // An index is made again from the file that it is of, and an end that is torn off is a note.
                Ok(_) if kind == ".idx" => true,
                Ok(v) => {
                    let s = v.status();
                    let place = name.display().to_string();
                    !s.damage.is_empty() || s.notes.iter().any(|n| n.contains(&place)) || !v.verify().unwrap().damage.is_empty()
                }
            };
            assert!(told, "{kind} byte {at}");
        }
    }
}

#[test]
fn verify_still_names_the_record_of_a_flipped_byte() {
    let e = Encrypted::new();
    let v = open(&e.disk);
    fill(&v);
    let (name, bytes) = e.disk.files().into_iter().find(|(n, _)| n.to_string_lossy().contains("segments/flow")).unwrap();
    e.disk.edit(&name, |b| b[bytes.len() / 3] ^= 4);
    let damage = v.verify().unwrap().damage;
    assert!(damage.len() == 1 && damage[0].file == name, "{damage:?}");
    e.disk.edit(&dir().join("encryption.copy"), |b| b[9] ^= 4);
    assert!(v.verify().unwrap().damage.iter().any(|d| d.file.ends_with("encryption.json")));
}

#[test]
fn an_attachment_that_looks_like_an_encrypted_file_is_kept_as_it_is() {
    let e = Encrypted::new();
    let (_, looks_like_one) = e.disk.files().into_iter().find(|(n, _)| n.ends_with("log/key")).unwrap();
    let plain = SimDisk::new();
    let v = open(&plain);
    let id = v.put_blob(&looks_like_one).unwrap();
    assert_eq!(v.get_blob(id).unwrap().as_deref(), Some(looks_like_one.as_slice()));
    drop(v);
    let v = open(&plain);
    assert_eq!(v.get_blob(id).unwrap().as_deref(), Some(looks_like_one.as_slice()));
    assert_eq!(v.verify().unwrap().damage, vec![]);
    v.encrypt(&NewLock::File(e.key.path().join("other.key")), "佐藤").unwrap();
    bring(&v);
    assert_eq!(v.get_blob(id).unwrap().as_deref(), Some(looks_like_one.as_slice()));
}

#[test]
fn a_crash_while_turning_it_on_and_off_loses_nothing_and_it_goes_on() {
    let key = tempfile::tempdir().unwrap();
    let lock = NewLock::File(key.path().join("vault.key"));
    let base = SimDisk::new();
    let o = || Options { commit_every: Duration::from_secs(600), ..options() };
    let v = open_with(&base, o());
    for part in mixed(40).chunks(10) {
        v.appender().append_and_wait(part).unwrap();
        v.seal().unwrap();
    }
    let before = all(&v, &Query::default());
    v.put_blob(b"a photo").unwrap();
    drop(v);
    // What is done, and how it stands when all of it was done.
    let turn = |disk: &SimDisk, on: bool| {
        let Ok(v) = Vault::open_on(Arc::new(disk.clone()), &dir(), Some(site()), o()) else { return };
        let turned = if on { v.encrypt(&lock, "佐藤").is_ok() } else { v.decrypt("佐藤", "a reason").is_ok() };
        for _ in 0..50 {
            if !turned || disk.has_crashed() || matches!(v.bring_after(), Ok(true) | Err(_)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let encrypted = base.twin();
    turn(&encrypted, true);
    for (from, on) in [(&base, true), (&encrypted, false)] {
        let whole = from.twin();
        turn(&whole, on);
        let total = whole.ops();
        assert!(total > 40, "{total}");
        for op in 1..=total {
            let disk = from.twin();
            disk.crash_at(op);
            turn(&disk, on);
            let seed = op % 3;
            let place = format!("on {on} op {op} seed {seed}");
            let v = open_with(&disk.after_crash(op * 10 + seed), o());
            assert_eq!(all(&v, &Query::default()), before, "{place}");
            let answer = v.status().encryption.answer;
            assert!(answer == Answer::On || !on || answer == Answer::Open, "{place}: {answer:?}");
            bring(&v);
            assert_eq!(v.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![], "{place}");
            assert_eq!(v.status().encryption.rewriting, None, "{place}");
        }
    }
}

#[test]
fn an_encrypted_folder_is_asked_proven_and_exported() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data/vault");
    let v = Vault::open(&folder, Some(site()), Options { compact: false, ..Options::default() }).unwrap();
    v.appender().append_and_wait(&mixed(200)).unwrap();
    v.seal().unwrap();
    let count = |v: &Vault, sql: &str| {
        let a = ask(v, &Scope::all(), sql, &Limits::default(), &Cancel::default(), false).unwrap();
        (a.rows, a.notes)
    };
    let (flows, words) = ("select seq from flow where client_ip = '192.0.2.3'", "select seq from log where has_words(text, 'number 8')");
    let before = (count(&v, flows), count(&v, words));
    assert!(before.0.0 > 0 && before.1.0 > 0 && before.1.1.is_empty(), "{before:?}");
    v.encrypt(&NewLock::File(home.path().join("vault.key")), "佐藤").unwrap();
    bring(&v);
    assert_eq!((count(&v, flows), count(&v, words)), before, "footers that were kept are of the file of before");
    let pack = v.prove(&Request { seqs: vec![1, 4, 9], ..Request::default() }).unwrap();
    assert_eq!(proof::pack::verify(&pack, &proof::pack::Against::default()).problems, vec![]);
    let target = home.path().join("out");
    let done = v.export(&Export { target: target.clone(), by: String::from("admin"), ..Export::default() }, |_, _| true).unwrap();
    let checked = vault::archive::check(&done.volumes, |_| true).unwrap();
    assert_eq!(checked.problems, Vec::<String>::new());
    // Also beside the one that writes, and while it goes on.
    let beside = Vault::open_read_only(&folder, Options::default()).unwrap();
    assert_eq!((count(&beside, flows), count(&beside, words)), before);
    assert_eq!(beside.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
    assert!(beside.encrypt(&NewLock::File(home.path().join("k")), "x").is_err());
    drop(v);
    // An outsider without any key.
    std::fs::remove_file(home.path().join("vault.key")).unwrap();
    assert!(matches!(Vault::open_read_only(&folder, Options::default()), Err(VaultError::KeyMissing { .. })));
    let archive = Vault::open_archive(&target, Options::default()).unwrap();
    assert_eq!(archive.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
    assert_eq!(count(&archive, flows), before.0);
}

#[test]
fn passphrase_recovery_key_and_another_lock() {
    let disk = SimDisk::new();
    let home = tempfile::tempdir().unwrap();
    let secret = |s: &str| Secret::new(s.as_bytes().to_vec());
    let with = |s: &str| {
        let s = secret(s);
        Unlock { passphrase: Some(Arc::new(move || Ok(Some(s.clone())))), ..Unlock::default() }
    };
    let open_as = |u: &Unlock| Vault::open_on_unlocked(Arc::new(disk.clone()), &dir(), Some(site()), options(), u);
    let v = open(&disk);
    assert_eq!(v.status().encryption.answer, Answer::Open);
    v.appender().append_and_wait(&mixed(10)).unwrap();
    assert!(v.encrypt(&NewLock::Passphrase(secret("short")), "x").unwrap_err().to_string().contains("12 characters"));
    assert!(v.rekey(None, true, "x").is_err(), "there is nothing to change yet");
    let recovery = v.encrypt(&NewLock::Passphrase(secret("正しい馬の電池と釘をさがす")), "佐藤").unwrap();
    assert!(v.encrypt(&NewLock::Passphrase(secret("正しい馬の電池と釘をさがす")), "佐藤").is_err(), "once is enough");
    drop(v);
    assert!(matches!(open_as(&Unlock::default()).err(), Some(VaultError::KeyMissing { kind: LockKind::Passphrase, .. })));
    assert!(matches!(open_as(&with("a wrong passphrase")).err(), Some(VaultError::KeyWrong { kind: LockKind::Passphrase, .. })));
    let v = open_as(&Unlock { recovery: Some(secret(&recovery.text().to_lowercase())), ..Unlock::default() }).unwrap();
    assert_eq!(all(&v, &Query::default()).len(), 10);
    // Another lock, at once, and a new recovery key.
    let key = home.path().join("vault.key");
    let newer = v.rekey(Some(&NewLock::File(key.clone())), true, "鈴木").unwrap().unwrap();
    assert_eq!(v.status().encryption.lock, Some(LockKind::File));
    drop(v);
    let void = open_as(&Unlock { recovery: Some(recovery), ..Unlock::default() });
    assert!(matches!(void.err(), Some(VaultError::KeyWrong { .. })), "the old recovery key is void");
    drop(open_as(&Unlock { recovery: Some(newer), ..Unlock::default() }).unwrap());
    // By the configuration, where the file was moved to.
    let moved = home.path().join("moved.key");
    std::fs::rename(&key, &moved).unwrap();
    assert!(matches!(open_as(&Unlock::default()).err(), Some(VaultError::KeyMissing { .. })));
    let v = open_as(&Unlock { key_file: Some(moved.clone()), ..Unlock::default() }).unwrap();
    // As a credential.
    assert!(v.rekey(Some(&NewLock::Credential(home.path().join("none"))), false, "x").unwrap_err().to_string().contains("LoadCredential"));
    v.rekey(Some(&NewLock::Credential(moved.clone())), false, "x").unwrap();
    drop(v);
    assert!(matches!(open_as(&Unlock::default()).err(), Some(VaultError::KeyMissing { kind: LockKind::Credential, .. })));
    let v = open_as(&Unlock { credential: Some(moved), ..Unlock::default() }).unwrap();
    assert_eq!(all(&v, &Query::default()).len(), 10);
}

#[test]
fn a_key_file_has_to_lie_outside_and_be_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("vault");
    let v = Vault::open(&folder, Some(site()), Options::default()).unwrap();
    let inside = v.encrypt(&NewLock::File(folder.join("log/my.key")), "x").unwrap_err().to_string();
    assert!(inside.contains("inside of the data folder") && !folder.join("log/my.key").exists(), "{inside}");
    let open_to_all = home.path().join("open.key");
    std::fs::write(&open_to_all, format!("{}\n", proof::base64::encode(&[7; 32]))).unwrap();
    std::fs::set_permissions(&open_to_all, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(v.encrypt(&NewLock::File(open_to_all), "x").unwrap_err().to_string().contains("chmod 600"));
    let good = home.path().join("good.key");
    v.encrypt(&NewLock::File(good.clone()), "x").unwrap();
    assert_eq!(std::fs::metadata(&good).unwrap().permissions().mode() & 0o777, 0o600);
}
