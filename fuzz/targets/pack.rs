//! Evidence packs. Most of a pack lies behind two signatures, so besides the bytes as they come, they are also signed: as the proofs and as
//! the readable records of a pack whose container, note and checkpoint are right.
#![no_main]

use proof::checkpoint::Checkpoint;
use proof::note::SigningKey;
use proof::pack::{Against, TITLE, ZipEntry, read_zip, verify, write_zip};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

const ORIGIN: &str = "hinomi.local/00000000-0000-0000-0000-000000000007";
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_seed(ORIGIN, [7; 32]).expect("a key"));
static CHECKPOINT: LazyLock<String> = LazyLock::new(|| {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 2, root: [9; 32], extensions: Vec::new() };
    checkpoint.sign(&KEY).expect("a checkpoint").to_string()
});

fn signed(proof: &[u8], records: &[u8]) -> Vec<u8> {
    let key = format!("{}\n", KEY.vkey());
    let files = [("checkpoint", CHECKPOINT.as_bytes()), ("proof.json", proof), ("records.json", records), ("key", key.as_bytes())];
    let mut text = format!("{TITLE}\norigin {ORIGIN}\nmade 2026-01-01T00:00:00Z\nby \"a\"\nasked \"b\"\n");
    for (name, bytes) in files {
        let digest: String = Sha256::digest(bytes).iter().fold(String::new(), |mut s, b| {
            let _ = write!(s, "{b:02x}");
            s
        });
        let _ = writeln!(text, "file {digest} {} {name}", bytes.len());
    }
    let note = KEY.note(&text).expect("a note").to_string();
    let entry = |name: &str, bytes| ZipEntry { name: name.into(), bytes: std::borrow::Cow::Borrowed(bytes) };
    let entries: Vec<ZipEntry> = [("pack.note", note.as_bytes())].into_iter().chain(files).map(|(n, b)| entry(n, b)).collect();
    let pack = write_zip(&entries).expect("a container");
    assert_eq!(read_zip(&pack).as_deref(), Ok(&entries[..]), "what was written is read");
    pack
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let against = Against::default();
    assert!(!verify(data, &against).problems.is_empty(), "nothing is proven by chance");
    let split = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (proof, records) = data.split_at(split);
    let report = verify(&signed(proof, records.get(1..).unwrap_or_default()), &against);
    assert!(report.records.is_empty() || !report.problems.is_empty(), "no record is proven to a root that nothing leads to");
    assert!(report.problems.iter().all(|p| p.entry != "container" && p.entry != "pack.note"), "{:?}", report.problems);
});
