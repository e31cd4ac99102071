//! Archives: written, broken off, gone on with, changed, opened and asked like live data.

use crate::*;
use std::fs;
use std::path::Path;
use vault::{Depth, Export, Query, VaultError, archive};

fn filled(dir: &Path) -> Vault {
    let v = Vault::open(dir, Some(site()), Options { compact: false, ..Options::default() }).unwrap();
    for part in (0..300).map(|i| if i % 5 == 0 { audit(i, "x") } else { flow(i, (i % 7) as u8, i as u64) }).collect::<Vec<_>>().chunks(50) {
        v.appender().append_and_wait(part).unwrap();
        v.seal().unwrap();
    }
    v.put_blob(b"a photo").unwrap();
    v
}

fn seqs(v: &Vault) -> Vec<u64> {
    v.read(&Query::default()).map(|e| e.unwrap().id.seq).collect()
}

#[test]
fn an_archive_in_volumes_is_opened_and_asked_like_live_data() {
    let home = tempfile::tempdir().unwrap();
    let v = filled(&home.path().join("vault"));
    let largest = v.status().bytes / 4;
    let ask = Export { target: home.path().join("out"), split: Some(largest.max(40_000)), by: String::from("admin"), ..Export::default() };
    let done = v.export(&ask, |_, _| true).unwrap();
    assert!(done.volumes.len() > 1, "{done:?}");
    assert!(!done.volumes.iter().any(|v| v.join("log").join("key").exists()), "the key stays");
    let status = v.status();
    assert!(status.last_export.as_ref().is_some_and(|e| e.verified && e.files == done.files));
    let seen = archive::check(&done.volumes, |_| true).unwrap();
    assert_eq!(seen.problems, Vec::<String>::new());
    assert_eq!(seen.fingerprint, status.log.fingerprint);
    for place in [&ask.target, &done.volumes[0]] {
        let old = Vault::open_archive(place, Options::default()).unwrap();
        assert_eq!(seqs(&old), seqs(&v));
        let looked = old.verify_with(Depth::Deep, |_| true).unwrap();
        assert_eq!((looked.damage, looked.leaves), (vec![], 300));
    }
    // A volume that is missing, and a byte that changed.
    let problems = archive::check(&done.volumes[1..], |_| true).unwrap().problems;
    assert!(!problems.is_empty());
    let folder = done.volumes.iter().rev().map(|v| v.join("segments")).find(|d| d.is_dir()).unwrap();
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let problems = archive::check(&done.volumes, |_| true).unwrap().problems;
    assert!(problems.len() == 1 && problems[0].contains(&*file.to_string_lossy()), "{problems:?}");
}

#[test]
fn an_export_that_is_broken_off_is_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let v = filled(&home.path().join("vault"));
    let ask = Export { target: home.path().join("out"), by: String::from("admin"), ..Export::default() };
    let mut left = 12;
    let error = v
        .export(&ask, |_, _| {
            left -= 1;
            left > 0
        })
        .unwrap_err();
    assert!(error.to_string().contains("goes on with it"), "{error}");
    assert!(v.status().last_export.is_none());
    let done = v.export(&ask, |_, _| true).unwrap();
    assert!(done.there > 0, "{done:?}");
    assert_eq!(seqs(&Vault::open_archive(&ask.target, Options::default()).unwrap()).len(), 300);
}

#[test]
fn a_folder_is_read_while_another_process_writes_it() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("vault");
    let v = filled(&dir);
    v.appender().append_and_wait(&[flow(400, 1, 1)]).unwrap();
    let before: Vec<_> = walk(&dir);
    let r = Vault::open_read_only(&dir, Options::default()).unwrap();
    assert_eq!(seqs(&r).len(), 301);
    assert!(r.appender().append(&[flow(1, 1, 1)]).is_err());
    drop(r);
    assert_eq!(walk(&dir), before, "nothing was changed");
    v.appender().append_and_wait(&[flow(401, 1, 1)]).unwrap();
    assert_eq!(seqs(&v).len(), 302);
    assert!(Vault::open_read_only(&home.path().join("none"), Options::default()).is_err());
}

fn walk(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut out = Vec::new();
    for e in fs::read_dir(dir).unwrap().flatten() {
        if e.path().is_dir() {
            out.extend(walk(&e.path()));
        } else {
            out.push((e.path(), fs::read(e.path()).unwrap()));
        }
    }
    out.sort();
    out
}

/// Encrypted archives are for `age` itself to open; Python's implementation stands in for it where it is there.
#[test]
fn an_encrypted_archive_is_opened_by_age() {
    let script = "import sys, pyrage; i = pyrage.x25519.Identity.generate(); print(i); print(i.to_public())";
    let Ok(made) = python().args(["-c", script]).output() else { return println!("skipped: no python3") };
    if !made.status.success() {
        return println!("skipped: pyrage (PyPI) is not installed");
    }
    let text = String::from_utf8(made.stdout).unwrap();
    let (identity, recipient) = text.trim().split_once('\n').unwrap();
    let home = tempfile::tempdir().unwrap();
    let v = filled(&home.path().join("vault"));
    let recipients = vec![recipient.parse().unwrap()];
    let ask = Export { target: home.path().join("out"), recipients, by: String::from("admin"), ..Export::default() };
    let done = v.export(&ask, |_, _| true).unwrap();
    let open = "import sys, os, pyrage\ni = pyrage.x25519.Identity.from_str(sys.argv[1])\nfor d, _, files in os.walk(sys.argv[2]):\n  for f in files:\n    p = os.path.join(d, f)\n    if p.endswith('.age'):\n      open(p[:-4], 'wb').write(pyrage.decrypt(open(p, 'rb').read(), [i]))\n";
    let opened = python().args(["-c", open, identity]).arg(&done.volumes[0]).output().unwrap();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let old = Vault::open_archive(&ask.target, Options::default()).unwrap();
    assert_eq!(seqs(&old).len(), 300);
    assert_eq!(old.verify_with(Depth::Deep, |_| true).unwrap().damage, vec![]);
}

/// The public key of age's own documentation; nobody has its secret here.
const SOMEBODY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

#[test]
fn an_export_goes_on_although_the_log_has_grown_encrypted_too_and_leaves_nothing_of_the_first_try() {
    for recipients in [vec![], vec![SOMEBODY.parse().unwrap()]] {
        let home = tempfile::tempdir().unwrap();
        let v = filled(&home.path().join("vault"));
        let ask = Export { target: home.path().join("out"), recipients, by: String::from("admin"), ..Export::default() };
        let mut left = 14;
        let broken = v.export(&ask, |_, _| {
            left -= 1;
            left > 0
        });
        assert_eq!(broken.unwrap_err(), VaultError::BrokenOff);
        let run = v.status().exports.pop().unwrap();
        assert!(run.broken_off && !run.is_good() && v.status().last_export.is_none());
        assert!(archive::volumes_of(&ask.target).is_err(), "what is not whole is no archive");
        v.appender().append_and_wait(&[flow(500, 1, 500)]).unwrap();
        v.commit().unwrap();
        let done = v.export(&ask, |_, _| true).unwrap();
        assert!(done.there > 0, "{done:?}");
        assert_eq!(archive::check(&done.volumes, |_| true).unwrap().problems, Vec::<String>::new());
        let left: Vec<_> = fs::read_dir(&ask.target).unwrap().flatten().map(|e| e.path()).collect();
        assert_eq!(left, done.volumes, "one folder and nothing beside it");
        let listed = fs::read_to_string(done.volumes[0].join("manifest")).unwrap().lines().filter(|l| l.starts_with("file ")).count();
        assert_eq!(walk(&done.volumes[0]).len(), listed + 1, "no file that is not in the list");
        if ask.recipients.is_empty() {
            assert_eq!(seqs(&Vault::open_archive(&ask.target, Options::default()).unwrap()).len(), 301);
        }
        let status = v.status();
        assert!(status.exports.last().unwrap().is_good() && status.exporting.is_none());
        assert_eq!(status.exports.last().unwrap().there, done.there);
    }
}

#[test]
fn who_can_read_it_is_not_mixed_between_tries() {
    let home = tempfile::tempdir().unwrap();
    let v = filled(&home.path().join("vault"));
    let mut ask = Export { target: home.path().join("out"), by: String::from("admin"), ..Export::default() };
    let mut left = 14;
    assert!(
        v.export(&ask, |_, _| {
            left -= 1;
            left > 0
        })
        .is_err()
    );
    ask.recipients = vec![SOMEBODY.parse().unwrap()];
    let done = v.export(&ask, |_, _| true).unwrap();
    assert_eq!(done.there, 0);
    for (path, _) in walk(&done.volumes[0]) {
        assert!(path.ends_with("manifest") || path.extension().is_some_and(|e| e == "age"), "{path:?} is in clear");
    }
}

#[test]
fn an_export_is_stopped_from_elsewhere_and_by_closing() {
    let home = tempfile::tempdir().unwrap();
    let v = filled(&home.path().join("vault"));
    let ask = Export { target: home.path().join("out"), by: String::from("田中"), ..Export::default() };
    assert!(!v.stop_export(), "nothing to stop");
    let seen = std::cell::RefCell::new(None);
    let stopped = v.export(&ask, |done, total| {
        if done > 0 {
            seen.replace(v.status().exporting.map(|now| (now.by, now.total == total && now.done == done)));
            assert!(v.export(&ask, |_, _| true).is_err(), "one at a time");
            v.stop_export();
        }
        true
    });
    assert_eq!(stopped.unwrap_err(), VaultError::BrokenOff);
    assert_eq!(seen.into_inner(), Some((String::from("田中"), true)));
    assert_eq!(v.status().exporting, None);
    let closed = v.export(&ask, |_, _| {
        v.close();
        true
    });
    assert_eq!(closed.unwrap_err(), VaultError::BrokenOff);
}

#[test]
fn the_newest_archive_of_a_folder_is_meant_and_a_target_in_the_vault_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let v = filled(&home.path().join("vault"));
    let ask = Export { target: home.path().join("out"), by: String::from("admin"), ..Export::default() };
    let first = v.export(&ask, |_, _| true).unwrap();
    v.appender().append_and_wait(&[flow(500, 1, 500)]).unwrap();
    let second = v.export(&ask, |_, _| true).unwrap();
    assert_eq!(archive::volumes_of(&ask.target).unwrap(), second.volumes);
    assert_eq!(archive::volumes_of(&first.volumes[0]).unwrap(), first.volumes, "the one that is named");
    for (volumes, records) in [(&first.volumes, 300), (&second.volumes, 301)] {
        assert_eq!(seqs(&Vault::open_archive(&volumes[0], Options::default()).unwrap()).len(), records);
        assert_eq!(archive::check(volumes, |_| true).unwrap().problems, Vec::<String>::new());
    }
    let inside = Export { target: home.path().join("vault").join("out"), ..ask };
    assert!(v.export(&inside, |_, _| true).unwrap_err().to_string().contains("choose a folder elsewhere"));
    assert!(!v.status().exports.last().unwrap().trouble.is_empty());
    assert_eq!(v.status().exports.len(), 3);
}
