//! Packs: good ones hold, and any change of them is told.

use crate::*;
use model::event::Table;
use proof::pack::{Against, Standing};
use vault::Request;

fn filled() -> (SimDisk, Vault) {
    let disk = SimDisk::new();
    let v = open(&disk);
    for part in (0..60).map(|i| if i % 3 == 0 { audit(i, "x") } else { flow(i, (i % 7) as u8, i as u64) }).collect::<Vec<_>>().chunks(20) {
        v.appender().append_and_wait(part).unwrap();
        v.commit().unwrap();
    }
    (disk, v)
}

fn ask(seqs: &[u64]) -> Request {
    Request { seqs: seqs.to_vec(), asked: String::from("select seq from flow"), by: String::from("監査 太郎"), ..Request::default() }
}

#[test]
fn a_pack_holds_before_and_after_sealing_and_says_what_it_shows() {
    let (_, v) = filled();
    let early = v.checkpoint().unwrap();
    for sealed in [false, true] {
        if sealed {
            v.seal().unwrap();
        }
        let pack = v.prove(&ask(&[2, 3, 25, 60])).unwrap();
        let fingerprint = v.status().log.fingerprint;
        let report = proof::pack::verify(&pack, &Against { fingerprint: Some(&fingerprint), ..Against::default() });
        assert_eq!(report.problems, vec![]);
        assert_eq!(report.standing(), Standing::Holds, "nobody outside has seen it");
        assert_eq!(report.records.iter().map(|r| r.seq).collect::<Vec<_>>(), [2, 3, 25, 60]);
        assert_eq!(report.by, "監査 太郎");
        let wrong = proof::pack::verify(&pack, &Against { fingerprint: Some("00"), ..Against::default() });
        assert_eq!(wrong.standing(), Standing::Broken);
        v.appender().append_and_wait(&[flow(100, 1, 1)]).unwrap();
        let pack = v.prove(&Request { since: Some(early.clone().into_bytes()), ..ask(&[1]) }).unwrap();
        let against = Against { fingerprint: Some(&fingerprint), earlier: Some(early.as_bytes()), ..Against::default() };
        let report = proof::pack::verify(&pack, &against);
        assert_eq!((report.problems.clone(), report.standing()), (vec![], Standing::Vouched), "{report:?}");
    }
}

#[test]
fn hidden_groups_stay_hidden_and_are_proven() {
    let (_, v) = filled();
    let pack = v.prove(&Request { hide: [true, true, false], ..ask(&[2, 3]) }).unwrap();
    let report = proof::pack::verify(&pack, &Against::default());
    assert_eq!(report.problems, vec![]);
    assert_eq!(report.records[0].hidden, ["addresses", "names"]);
    let entries = proof::pack::read_zip(&pack).unwrap();
    let records = entries.iter().find(|e| e.name == "records.json").unwrap();
    assert!(!String::from_utf8_lossy(&records.bytes).contains("192.0.2."), "no address leaks");
}

#[test]
fn a_complete_pack_shows_all_of_a_table() {
    let (_, v) = filled();
    v.seal().unwrap();
    let complete = Some((Table::Audit, Time::from_unix(T0 + 25, 0), Time::from_unix(T0 + 30, 0)));
    let pack = v.prove(&Request { complete, ..ask(&[]) }).unwrap();
    let report = proof::pack::verify(&pack, &Against::default());
    assert_eq!(report.problems, vec![]);
    assert!(report.complete.is_some());
    assert!(report.of.iter().all(|(_, _, k, n)| k == n), "{:?}", report.of);
    assert_eq!(report.records.len(), 7, "rounded out to the whole batch");
}

#[test]
fn a_pack_with_any_byte_changed_fails_and_says_where() {
    let (_, v) = filled();
    let pack = v.prove(&ask(&[2, 3])).unwrap();
    assert!(proof::pack::verify(&pack, &Against::default()).problems.is_empty());
    // Every byte of everything but the page, and one in a hundred of the page.
    let page = proof::pack::verify_page().len();
    let outside = |i: usize| i < pack.len() - page - 2000 || i >= pack.len() - 1000;
    for i in (0..pack.len()).filter(|i| outside(*i) || i % 101 == 0) {
        let mut changed = pack.clone();
        changed[i] ^= 1 << (i % 8);
        let report = proof::pack::verify(&changed, &Against::default());
        assert!(!report.problems.is_empty(), "byte {i}");
        assert!(!report.problems[0].entry.is_empty() && !report.problems[0].what.is_empty());
    }
    for cut in [0, 1, 100, pack.len() / 2, pack.len() - 1] {
        assert!(!proof::pack::verify(&pack[..cut], &Against::default()).problems.is_empty());
    }
}

#[test]
fn what_is_not_there_is_refused_in_words() {
    let (disk, v) = filled();
    assert!(v.prove(&ask(&[9999])).unwrap_err().to_string().contains("no record 9999"));
    v.seal().unwrap();
    // A record that was changed behind the log's back cannot be proven.
    let file = disk.files().into_iter().find(|(n, _)| n.to_string_lossy().contains("flow-")).unwrap().0;
    disk.edit(&file, |b| {
        let at = b.len() / 3;
        b[at] ^= 4;
    });
    drop(v);
    let v = open(&disk);
    // Where the change is in what is read, it is refused; where not (a filter, a page of another table), what is proven is true.
    if let Ok(pack) = v.prove(&ask(&(1..=60).collect::<Vec<_>>())) {
        assert_eq!(proof::pack::verify(&pack, &Against::default()).problems, vec![]);
    }
    let found = v.verify().unwrap().damage;
    assert!(found.iter().any(|d| d.file == file), "{found:?}");
}

/// A pack is made as of the earliest checkpoint that a witness saw and that covers what is proven: it says since when somebody outside vouches.
#[test]
fn a_pack_says_since_when_somebody_outside_vouches() {
    let disk = SimDisk::new();
    let v = open(&disk);
    let witness = proof::cosign::CosignerKey::from_seed("w.example", [7; 32]).unwrap();
    let mut sizes = Vec::new();
    for i in 0..6i64 {
        v.appender().append_and_wait(&[flow(i, 1, i as u64), audit(i, "x")]).unwrap();
        v.commit().unwrap();
        let size = v.status().log.size;
        sizes.push(size);
        // Each but the first is seen by the witness, and the third is stamped long before.
        if i > 0 {
            let mut note = proof::note::Note::parse(v.checkpoint().unwrap().as_bytes()).unwrap();
            let checkpoint: proof::checkpoint::Checkpoint = note.text.parse().unwrap();
            note.signatures.push(witness.cosign(&checkpoint, (T0 + i * 600) as u64).unwrap());
            v.keep_cosignatures(size, &note.to_string()).unwrap();
        }
    }
    v.keep_stamp(sizes[0], b"not over this log", b"not over this log").unwrap();
    v.rotate_key().unwrap();
    v.appender().append_and_wait(&[flow(100, 1, 100)]).unwrap();
    let fingerprint = v.status().log.fingerprint;
    let trusted = [witness.vkey().clone()];
    let against = Against { fingerprint: Some(&fingerprint), witnesses: &trusted, ..Against::default() };
    let made = |request: Request| {
        let pack = v.prove(&request).unwrap();
        let report = proof::pack::verify(&pack, &against);
        assert_eq!(report.problems, vec![]);
        (report.size, report.witnesses.iter().map(|(_, at)| *at as i64 - T0).collect::<Vec<_>>(), report.standing())
    };
    assert_eq!(made(ask(&[1])), (sizes[1], vec![600], Standing::Vouched), "the first batch was first seen with the second");
    assert_eq!(made(ask(&[1, 7])), (sizes[3], vec![1800], Standing::Vouched), "after the key changed, too");
    // What came after the last one that was seen is proven as of now.
    assert_eq!(made(ask(&[13])).1, Vec::<i64>::new());
    // A reader who has a later checkpoint gets a pack that goes on from it.
    let early = v.checkpoint().unwrap();
    let (size, _, _) = made(Request { since: Some(early.into_bytes()), ..ask(&[1]) });
    assert!(size > sizes[5]);
}

/// The independent verifier, written in Python from docs/store-format.md alone, says the same of our packs and folders.
#[test]
fn the_independent_verifier_agrees() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verifier/verify.py");
    let verifier = |args: &[&std::ffi::OsStr]| python().arg(&script).args(args).output();
    let ready = python().args(["-c", "import cryptography"]).status();
    if !ready.is_ok_and(|s| s.success()) {
        return println!("skipped: python3 with the package cryptography is not there");
    }
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("vault");
    let v = Vault::open(&dir, Some(site()), Options::default()).unwrap();
    for (i, part) in (0..90)
        .map(|i| if i % 3 == 0 { audit(i, "監査") } else { flow(i, (i % 7) as u8, i as u64) })
        .collect::<Vec<_>>()
        .chunks(30)
        .enumerate()
    {
        v.appender().append_and_wait(part).unwrap();
        v.commit().unwrap();
        if i == 1 {
            v.seal().unwrap();
        }
    }
    let early = v.checkpoint().unwrap();
    v.appender().append_and_wait(&[observation(200, 3)]).unwrap();
    let complete = Some((Table::Audit, Time::from_unix(T0 + 25, 0), Time::from_unix(T0 + 50, 0)));
    let requests = [
        ask(&[2, 3, 25, 60, 91]),
        Request { hide: [true, false, true], ..ask(&[1, 2, 3]) },
        Request { complete, since: Some(early.into_bytes()), ..ask(&[]) },
    ];
    let fingerprint = v.status().log.fingerprint;
    for (i, request) in requests.iter().enumerate() {
        let pack = v.prove(request).unwrap();
        let path = home.path().join(format!("{i}.zip"));
        std::fs::write(&path, &pack).unwrap();
        let good = verifier(&[path.as_os_str(), "--fingerprint".as_ref(), fingerprint.as_ref()]).unwrap();
        assert_eq!(
            good.status.code(),
            Some(0),
            "pack {i}: {}{}",
            String::from_utf8_lossy(&good.stdout),
            String::from_utf8_lossy(&good.stderr)
        );
        for at in (0..20).map(|k| k * (pack.len() - 1) / 20) {
            let mut changed = pack.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert_ne!(verifier(&[path.as_os_str()]).unwrap().status.code(), Some(0), "pack {i} byte {at}");
            assert!(!proof::pack::verify(&changed, &Against::default()).problems.is_empty());
        }
    }
    v.seal().unwrap();
    v.close();
    let seen = verifier(&["--folder".as_ref(), dir.as_os_str()]).unwrap();
    assert_eq!(seen.status.code(), Some(0), "{}{}", String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
}
