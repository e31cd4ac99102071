//! Signed notes, checkpoints and cosignatures.

use proof::checkpoint::{Checkpoint, CheckpointError};
use proof::cosign::CosignerKey;
use proof::note::{KeyKind, MAX_SIGNATURES, Note, NoteError, Signature, SigningKey, VerifierKey, verify};
use proof::tree::EMPTY_ROOT;
use proptest::prelude::*;

fn key() -> SigningKey {
    SigningKey::from_seed("hinomi.local/2f6e", [1; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: "hinomi.local/2f6e".to_owned(), size: 7, root: [9; 32], extensions: Vec::new() }
}

/// RFC 8032, 7.1, test 2: seed, public key and signature of one byte 72.
#[test]
fn ed25519_is_that_of_the_rfc() {
    let seed = [
        0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab,
        0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb,
    ];
    let key = SigningKey::from_seed("k", seed).unwrap();
    assert_eq!(key.vkey().public()[..4], [0x3d, 0x40, 0x17, 0xc3]);
    let signature = key.sign_bytes(&[0x72]);
    assert_eq!(signature[..4], [0x92, 0xa0, 0x09, 0xa9]);
    assert!(key.vkey().verify_bytes(&[0x72], &signature));
    assert!(!key.vkey().verify_bytes(&[0x73], &signature));
    assert!(!key.vkey().verify_bytes(&[0x72], &signature[..63]));
}

/// The example of signed-note.md: name, key id and key as it prints them.
#[test]
fn the_line_of_a_key() {
    let line = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let key: VerifierKey = line.parse().unwrap();
    assert_eq!((key.name(), key.key_id(), key.kind()), ("example.com/foo", 0x530d_903a, KeyKind::Ed25519));
    assert_eq!(key.to_string(), line);
    // sha256sum of the line without line end.
    assert_eq!(key.fingerprint(), FINGERPRINT);
    for wrong in [
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        " example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "",
    ] {
        assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong:?}");
    }
    let five = format!("x+00000000+{}", proof::base64::encode(&[5; 33]));
    assert_eq!(five.parse::<VerifierKey>(), Err(NoteError::KeyType(5)));
}
const FINGERPRINT: &str = "A054 25C8 F5F4 739A 4A96 992C 9DBD 587D BE22 EA38 733B 1616 7F39 9D44 EFB9 D9F0";

#[test]
fn the_secret_is_not_printed() {
    let (log, witness) = (key(), CosignerKey::from_seed("w", [1; 32]).unwrap());
    assert_eq!(format!("{log:?} {witness:?}"), format!("SigningKey({}) CosignerKey({})", log.vkey(), witness.vkey()));
}

#[test]
fn signed_and_read_again() {
    let note = key().note("some text\n\n\u{2014} not a signature\n\n\n").unwrap();
    let again: Note = note.to_string().parse().unwrap();
    assert_eq!(again, note);
    let verified = verify(&again, &[key().vkey().clone()]).unwrap();
    assert_eq!((verified.len(), verified[0].key(), verified[0].time()), (1, key().vkey(), None));
    assert_eq!(note.signatures[0].line().trim_end().parse::<Signature>().unwrap(), note.signatures[0]);
    for wrong in ["", "no line end", "tab\t\n", "bell\u{7}\n", "cr\r\n"] {
        assert!(key().note(wrong).is_err(), "{wrong:?}");
    }
    for name in ["", "a b", "a+b", "a\u{3000}b", "a\u{a0}", "a\n", "a\u{7f}"] {
        assert_eq!(SigningKey::from_seed(name, [1; 32]).unwrap_err(), NoteError::Name(name.to_owned()));
    }
}

#[test]
fn known_and_unknown_keys() {
    let (a, b) = (SigningKey::from_seed("a", [1; 32]).unwrap(), SigningKey::from_seed("b", [2; 32]).unwrap());
    let (ka, kb) = (a.vkey().clone(), b.vkey().clone());
    let mut note = a.note("text\n").unwrap();
    assert_eq!(verify(&note, &[]), Err(NoteError::Unsigned));
    assert_eq!(verify(&note, std::slice::from_ref(&kb)), Err(NoteError::Unsigned));
    // Not signed by b, though it says so.
    note.signatures.push(Signature { bytes: vec![0; 64], ..b.sign("text\n") });
    assert_eq!(verify(&note, std::slice::from_ref(&ka)).unwrap().len(), 1);
    assert_eq!(verify(&note, &[ka.clone(), kb.clone()]), Err(NoteError::Signature("b".to_owned())));
    // The same name and another id, the same id and another name: both unknown.
    note.signatures[1].key_id ^= 1;
    assert_eq!(verify(&note, &[ka.clone(), kb.clone()]).unwrap().len(), 1);
    note.signatures[1] = Signature { name: "c".to_owned(), bytes: vec![0; 64], ..b.sign("text\n") };
    assert_eq!(verify(&note, &[ka.clone(), kb.clone()]).unwrap().len(), 1);
    // Each key once, however often it signed, and however often it is known.
    note.signatures = vec![a.sign("text\n"), b.sign("text\n"), a.sign("text\n")];
    let both = verify(&note, &[kb.clone(), ka.clone(), ka.clone()]).unwrap();
    assert_eq!(both.iter().map(|v| v.key().name()).collect::<Vec<_>>(), ["a", "b"]);
    // A later line of the same key must hold too.
    note.signatures[2].bytes[0] ^= 1;
    assert_eq!(verify(&note, &[ka]), Err(NoteError::Signature("a".to_owned())));
}

/// Key ids have 32 bits: of some hundred thousand keys two have the same one. A signature cannot be told to be of one of these.
#[test]
fn two_keys_of_one_name_and_id() {
    let mut by_id = std::collections::HashMap::new();
    let (one, two) = (0u32..)
        .find_map(|i| {
            let mut public = [0; 32];
            public[..4].copy_from_slice(&i.to_be_bytes());
            let key = VerifierKey::new("a", KeyKind::Ed25519, public).unwrap();
            by_id.insert(key.key_id(), key.clone()).map(|other| (other, key))
        })
        .unwrap();
    let signature = Signature { name: "a".to_owned(), key_id: one.key_id(), bytes: vec![0; 64] };
    let note = Note { text: "text\n".to_owned(), signatures: vec![signature] };
    assert_eq!(verify(&note, std::slice::from_ref(&one)), Err(NoteError::Signature("a".to_owned())));
    assert_eq!(verify(&note, &[one, two]), Err(NoteError::Ambiguous("a".to_owned())));
}

/// A cosignature says something of a checkpoint; a right signature over another text says nothing (tlog-cosignature, "Format").
#[test]
fn only_checkpoints_are_cosigned() {
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let key = CosignerKey::from_seed("w", [3; 32]).unwrap().vkey().clone();
    let cosigned = |text: &str| {
        let mut bytes = 5u64.to_be_bytes().to_vec();
        bytes.extend_from_slice(pair.sign(format!("cosignature/v1\ntime 5\n{text}").as_bytes()).as_ref());
        let signature = Signature { name: "w".to_owned(), key_id: key.key_id(), bytes };
        verify(&Note { text: text.to_owned(), signatures: vec![signature] }, std::slice::from_ref(&key))
    };
    assert_eq!(cosigned(&checkpoint().to_string()).unwrap()[0].time(), Some(5));
    assert_eq!(cosigned("no checkpoint\n"), Err(NoteError::Signature("w".to_owned())));
}

#[test]
fn limits() {
    let mut note = key().note("text\n").unwrap();
    let one = note.signatures[0].clone();
    note.signatures = vec![one.clone(); MAX_SIGNATURES];
    assert_eq!(note.to_string().parse::<Note>().unwrap(), note);
    note.signatures.push(one);
    assert!(note.to_string().parse::<Note>().is_err());
    let long = key().note(&format!("{}\n", "x".repeat(1 << 20))).unwrap();
    assert!(long.to_string().parse::<Note>().is_err());
}

#[test]
fn checkpoints() {
    let note = checkpoint().sign(&key()).unwrap();
    let root = proof::base64::encode(&[9; 32]);
    assert_eq!(note.text, format!("hinomi.local/2f6e\n7\n{root}\n"));
    let opened = Checkpoint::open_of(note.to_string().as_bytes(), key().vkey(), &[]).unwrap();
    assert_eq!((opened.checkpoint(), opened.note(), opened.signed().len()), (&checkpoint(), &note, 1));
    let other = SigningKey::from_seed("hinomi.local/0000", [1; 32]).unwrap();
    let foreign = checkpoint().sign(&other).unwrap().to_string();
    assert!(matches!(Checkpoint::open_of(foreign.as_bytes(), other.vkey(), &[]), Err(CheckpointError::Origin(_))));
    assert!(Checkpoint::open(foreign.as_bytes(), std::slice::from_ref(other.vkey())).is_ok());
    // What would not be read as what was meant is not signed.
    for (origin, extensions) in
        [("", vec![]), ("a\nb", vec![]), ("a", vec![""]), ("a", vec!["x\ny"]), ("a", vec!["\u{1}"]), ("a\r", vec![])]
    {
        let bad = Checkpoint { origin: origin.to_owned(), extensions: extensions.into_iter().map(str::to_owned).collect(), ..checkpoint() };
        assert!(bad.sign(&key()).is_err(), "{bad:?}");
    }
    let extended = Checkpoint { extensions: vec!["one".to_owned(), "two 2".to_owned()], size: u64::MAX, root: EMPTY_ROOT, ..checkpoint() };
    assert_eq!(extended.to_string().parse::<Checkpoint>().unwrap(), extended);
}

#[test]
fn cosignatures() {
    let witness = CosignerKey::from_seed("witness.example/w", [3; 32]).unwrap();
    let mut note = checkpoint().sign(&key()).unwrap();
    note.signatures.push(witness.cosign(&checkpoint(), 1_700_000_000).unwrap());
    let witnesses = [witness.vkey().clone()];
    let opened = Checkpoint::open_of(note.to_string().as_bytes(), key().vkey(), &witnesses).unwrap();
    assert_eq!(
        opened.signed().iter().map(|s| (s.key().name(), s.time())).collect::<Vec<_>>(),
        [("hinomi.local/2f6e", None), ("witness.example/w", Some(1_700_000_000))]
    );
    assert_eq!(opened.signed()[1].key().kind(), KeyKind::Cosignature);
    // The witness alone does not make it a checkpoint of the log.
    let alone = Note { signatures: note.signatures[1..].to_vec(), ..note.clone() }.to_string();
    assert_eq!(Checkpoint::open_of(alone.as_bytes(), key().vkey(), &witnesses), Err(NoteError::Unsigned.into()));
    // The time is signed.
    for byte in 0..8 + 64 {
        let mut changed = note.clone();
        changed.signatures[1].bytes[byte] ^= 1;
        assert_eq!(verify(&changed, &witnesses), Err(NoteError::Signature("witness.example/w".to_owned())), "{byte}");
    }
    assert_eq!(witness.cosign(&checkpoint(), 1 << 63), Err(NoteError::Time(1 << 63)));
    assert!(witness.cosign(&checkpoint(), (1 << 63) - 1).is_ok());
    // The same 32 bytes as a key of type 1 are another key, with another id.
    let plain = VerifierKey::new("witness.example/w", KeyKind::Ed25519, *witness.vkey().public()).unwrap();
    assert_eq!(verify(&note, &[plain]), Err(NoteError::Unsigned));
}

fn noteish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\u{2014} ".to_owned()),
        Just("\u{2014} a AAAAAAAA\n".to_owned()),
        Just("example.com/log\n".to_owned()),
        Just("12\n".to_owned()),
        Just("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".to_owned()),
        "[a+ =0-9\\n\u{3000}]{0,6}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|p| p.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_read_is_written_the_same(text in noteish()) {
        if let Ok(note) = text.parse::<Note>() {
            prop_assert_eq!(note.to_string(), &text[..]);
            let _ = verify(&note, &[key().vkey().clone()]);
        }
        if let Ok(checkpoint) = text.parse::<Checkpoint>() {
            prop_assert_eq!(checkpoint.to_string(), &text[..]);
        }
        if let Ok(key) = text.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), &text[..]);
        }
        if let Ok(signature) = text.parse::<Signature>() {
            prop_assert_eq!(signature.to_string(), &text[..]);
        }
        if let Some(bytes) = proof::base64::decode(&text) {
            prop_assert_eq!(proof::base64::encode(&bytes), text);
        }
    }

    #[test]
    fn base64_is_one_to_one(bytes in prop::collection::vec(any::<u8>(), 0..80), letters in "[A-Da-b0-1+/=]{0,12}") {
        prop_assert_eq!(proof::base64::decode(&proof::base64::encode(&bytes)), Some(bytes));
        if let Some(bytes) = proof::base64::decode(&letters) {
            prop_assert_eq!(proof::base64::encode(&bytes), letters);
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Note::parse(&bytes);
        let _ = Checkpoint::open(&bytes, &[key().vkey().clone()]);
    }

    /// Any one byte of a signed checkpoint changed: it is not verified, unless only a signature of an unknown key changed.
    #[test]
    fn a_changed_byte_shows(at in any::<prop::sample::Index>(), with in 1u8..) {
        let witness = CosignerKey::from_seed("w", [3; 32]).unwrap();
        let mut note = checkpoint().sign(&key()).unwrap();
        note.signatures.push(witness.cosign(&checkpoint(), 5).unwrap());
        let mut bytes = note.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= with;
        if let Ok(opened) = Checkpoint::open(&bytes, &[key().vkey().clone(), witness.vkey().clone()]) {
            prop_assert!(opened.signed().len() == 1 && opened.checkpoint() == &checkpoint());
        }
    }
}
