//! Vectors of others: `transparency/` under `HINOMI_ORACLES` (its README says where each is from). Printed as skipped where it is not there.

use crate::common::{hash, hashes, hex, json, json_lines, leaves, number, oracles};
use crate::tiles::Folder;
use proof::checkpoint::Checkpoint;
use proof::note::{Note, NoteError, VerifierKey, verify};
use proof::tiles::{TilePath, consistency_proof, decode_bundle, encode_bundle, inclusion_proof, new_tiles};
use proof::tree::{Range, consistency_path, inclusion_path, leaf_hash, root, verify_consistency, verify_inclusion};
use proof::{Hash, base64, tiles};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Some vectors have words where only equality counts ("don't care"): a hash of them stands for them.
fn base64_hash(value: &Value) -> Hash {
    let bytes = base64::decode(value.as_str().unwrap()).unwrap();
    Hash::try_from(&bytes[..]).unwrap_or_else(|_| Sha256::digest([b"not a hash: ", &bytes[..]].concat()).into())
}

/// A missing list is an empty one.
fn base64_hashes(value: &Value) -> Vec<Hash> {
    value.as_array().map_or_else(Vec::new, |list| list.iter().map(base64_hash).collect())
}

/// Is what a vector holds accepted or refused as it says?
fn inclusion(v: &Value, size: &str) -> bool {
    let (leaf, root, path) = (base64_hash(&v["leafHash"]), base64_hash(&v["root"]), base64_hashes(&v["proof"]));
    // Where leaf and root are both empty the vector asks for a refusal; the type of a hash is that refusal here.
    let are_hashes = ["leafHash", "root"].iter().all(|name| base64::decode_hash(v[name].as_str().unwrap()).is_some());
    let holds = are_hashes && verify_inclusion(&leaf, number(&v["leafIdx"]), number(&v[size]), &path, &root).is_ok();
    assert_eq!(!holds, v["wantErr"].as_bool().unwrap(), "{v}");
    holds
}

fn consistency(v: &Value, size1: &str, size2: &str) -> bool {
    let (root1, root2, path) = (base64_hash(&v["root1"]), base64_hash(&v["root2"]), base64_hashes(&v["proof"]));
    let holds = verify_consistency(number(&v[size1]), number(&v[size2]), &root1, &root2, &path);
    assert_eq!(holds.is_err(), v["wantErr"].as_bool().unwrap(), "{v} {holds:?}");
    holds.is_ok()
}

#[test]
fn inclusion_and_consistency() {
    let Some(folder) = oracles("inclusion_and_consistency") else { return };
    let (one, two) = (json_lines(folder.join("inclusion-proofs.jsonl")), json_lines(folder.join("consistency-proofs.jsonl")));
    assert_eq!((one.len(), two.len()), (98, 98));
    let good = one.iter().filter(|v| inclusion(v, "treeSize")).count() + two.iter().filter(|v| consistency(v, "size1", "size2")).count();
    assert_eq!(good, 12);
}

/// The vectors for subtrees (Merkle Tree Certificates) that begin at leaf 0 are plain ones. Only of the empty subtree that draft says something;
/// plain proofs from an empty tree are refused here.
#[test]
fn subtrees_from_the_first_leaf() {
    let Some(folder) = oracles("subtrees_from_the_first_leaf") else { return };
    let mut seen = 0;
    for v in json_lines(folder.join("subtreeinclusion-proofs.jsonl")).iter().filter(|v| v["start"] == 0) {
        inclusion(v, "end");
        seen += 1;
    }
    for v in json_lines(folder.join("subtreeconsistency-proofs.jsonl")).iter().filter(|v| v["start"] == 0 && v["end"] != 0) {
        consistency(v, "end", "size");
        seen += 1;
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn the_classic_tree_of_eight() {
    let Some(folder) = oracles("the_classic_tree_of_eight") else { return };
    let v = json(folder.join("rfc6962-reference-tree.json"));
    let d: Vec<Hash> = v["leaves_hex"].as_array().unwrap().iter().map(|l| leaf_hash(&hex(l))).collect();
    assert_eq!(d, hashes(&v["leaf_hashes"]));
    let roots = hashes(&v["roots_by_size"]);
    assert_eq!(roots.len(), 9);
    let mut range = Range::new();
    for (size, expected) in roots.iter().enumerate() {
        assert_eq!((root(&d[..size]), range.root()), (*expected, *expected));
        range.extend(d.get(size).copied());
    }
    let inclusion = v["inclusion"].as_array().unwrap();
    for p in inclusion {
        let (index, size, path) = (number(&p["index"]), number(&p["size"]), hashes(&p["proof"]));
        assert_eq!(inclusion_path(&d[..size as usize], index).unwrap(), path);
        verify_inclusion(&d[index as usize], index, size, &path, &roots[size as usize]).unwrap();
    }
    let consistency = v["consistency"].as_array().unwrap();
    for p in consistency {
        let (size1, size2, path) = (number(&p["size1"]), number(&p["size2"]), hashes(&p["proof"]));
        assert_eq!(consistency_path(&d[..size2 as usize], size1).unwrap(), path);
        verify_consistency(size1, size2, &roots[size1 as usize], &roots[size2 as usize], &path).unwrap();
    }
    assert!(inclusion.len() == 36 && consistency.len() >= 28);
}

#[test]
fn tile_paths_and_contents() {
    let Some(folder) = oracles("tile_paths_and_contents") else { return };
    let v = json(folder.join("tiles.json"));
    for p in v["paths"].as_array().unwrap() {
        let path = TilePath { level: Some(number(&p["level"]) as u8), index: number(&p["index"]), width: number(&p["width"]) as u16 };
        let text = p["path"].as_str().unwrap();
        assert_eq!((path.to_string().as_str(), text.parse::<TilePath>().unwrap()), (text, path));
    }
    for p in v["invalid_paths"].as_array().unwrap() {
        assert!(p.as_str().unwrap().parse::<TilePath>().is_err(), "{p}");
    }

    let d = leaves(70_000);
    let sizes: Vec<u64> = v["sizes"].as_object().unwrap().keys().map(|s| s.parse().unwrap()).collect();
    let log = Folder::grown(&d, &sizes);
    for (size, facts) in v["sizes"].as_object().unwrap() {
        let size: u64 = size.parse().unwrap();
        assert_eq!(tiles::root(&log, size).unwrap(), hash(&facts["root"]));
        let names: Vec<TilePath> = new_tiles(0, size).filter(|t| t.level.is_some()).collect();
        assert_eq!(names.len() as u64, number(&facts["tiles"]));
        let partial: Vec<String> = names.iter().filter(|t| t.width < 256).map(TilePath::to_string).collect();
        assert_eq!(serde_json::to_value(partial).unwrap(), facts["partial"]);
        for (name, sha256) in facts["tile_sha256"].as_object().unwrap() {
            assert!(names.contains(&name.parse().unwrap()), "{name}");
            assert_eq!(<Hash>::from(Sha256::digest(&log.0[name])), hash(sha256), "{name} of {size}");
        }
        for (name, sha256) in facts["entries_sha256"].as_object().unwrap() {
            let path: TilePath = name.parse().unwrap();
            assert!(path.level.is_none() && new_tiles(0, size).any(|t| t == path), "{name}");
            let first = path.index * 256;
            let entries: Vec<String> = (first..first + u64::from(path.width)).map(|i| format!("entry {i}")).collect();
            assert_eq!(<Hash>::from(Sha256::digest(encode_bundle(&entries).unwrap())), hash(sha256), "{name} of {size}");
        }
    }
    for p in v["consistency"].as_array().unwrap() {
        assert_eq!(consistency_proof(&log, number(&p["size1"]), number(&p["size2"])).unwrap(), hashes(&p["proof"]), "{p}");
    }
    for p in v["inclusion"].as_array().unwrap() {
        assert_eq!(inclusion_proof(&log, number(&p["index"]), number(&p["size"])).unwrap(), hashes(&p["proof"]), "{p}");
    }
}

/// A log that another program wrote, entry by entry.
#[test]
fn a_log_of_tessera() {
    let Some(folder) = oracles("a_log_of_tessera") else { return };
    let facts = json(folder.join("tessera-log-facts.json"));
    let log = folder.join("tessera-log");
    let key: VerifierKey = facts["vkey"].as_str().unwrap().parse().unwrap();
    assert_eq!(key.to_string(), facts["vkey"]);
    let expected = hashes(&facts["leaf_hashes"]);
    let mut edge = tiles::Edge::new();
    let mut ours = Folder::default();
    let mut roots = vec![edge.root()];
    for size in 1..=15u16 {
        edge.push(expected[usize::from(size) - 1]);
        assert!(edge.take_full().is_empty());
        ours.write(edge.open());
        roots.push(edge.root());
        let name = TilePath { level: None, index: 0, width: size }.to_string();
        let bundle = std::fs::read(log.join(&name)).unwrap();
        let entries = decode_bundle(&bundle, size).unwrap();
        assert_eq!(encode_bundle(&entries).unwrap(), bundle);
        assert_eq!(entries.iter().map(|e| leaf_hash(e)).collect::<Vec<_>>(), expected[..usize::from(size)]);
        assert_eq!(facts["entries"][usize::from(size) - 1], str::from_utf8(entries.last().unwrap()).unwrap());
    }
    for (name, bytes) in &ours.0 {
        assert_eq!(std::fs::read(log.join(name)).unwrap(), *bytes, "{name}");
    }
    assert_eq!(ours.0.len(), 15);
    for (name, c) in facts["checkpoints"].as_object().unwrap() {
        let bytes = std::fs::read(log.join(name)).unwrap();
        let opened = Checkpoint::open(&bytes, std::slice::from_ref(&key)).unwrap();
        let size = number(&c["size"]);
        assert_eq!((opened.checkpoint().size, opened.checkpoint().root), (size, hash(&c["root_hex"])));
        assert_eq!(opened.checkpoint().root, roots[size as usize]);
        assert_eq!(facts["origin_line"], opened.checkpoint().origin.as_str());
        assert_eq!(opened.note().to_string().into_bytes(), bytes);
    }
    for p in facts["consistency"].as_array().unwrap() {
        let (size1, size2, path) = (number(&p["size1"]), number(&p["size2"]), hashes(&p["proof"]));
        assert_eq!(consistency_proof(&ours, size1, size2).unwrap(), path);
        verify_consistency(size1, size2, &roots[size1 as usize], &roots[size2 as usize], &path).unwrap();
    }
    for p in facts["inclusion_size15"].as_array().unwrap() {
        let (index, path) = (number(&p["index"]), hashes(&p["proof"]));
        assert_eq!(inclusion_proof(&ours, index, 15).unwrap(), path);
        verify_inclusion(&expected[index as usize], index, 15, &path, &roots[15]).unwrap();
    }
}

/// Types 1 (Ed25519) and 4 (cosignature/v1). Type 5 (RFC 6962 with ECDSA) is not supported: such a key is refused by name of its type, and what it
/// signed counts as signed by an unknown key.
#[test]
fn signed_notes() {
    let Some(folder) = oracles("signed_notes") else { return };
    let (mut seen, mut of_type_5) = (0, 0);
    for v in json(folder.join("signed-notes.json")).as_array().unwrap() {
        let id = v["id"].as_str().unwrap();
        let key = v["vkey"].as_str().unwrap().parse::<VerifierKey>();
        let note = Note::parse(v["note"].as_str().unwrap().as_bytes());
        seen += 1;
        if v["sig_type"] == 5 {
            assert_eq!(key, Err(NoteError::KeyType(5)), "{id}");
            assert_eq!(verify(&note.unwrap(), &[]), Err(NoteError::Unsigned), "{id}");
            of_type_5 += 1;
            continue;
        }
        let key = key.unwrap();
        assert_eq!(key.to_string(), v["vkey"]);
        let got = match note.map(|n| verify(&n, std::slice::from_ref(&key))) {
            Err(_) => "malformed",
            Ok(Ok(by)) => {
                assert_eq!((by.len(), by[0].key(), by[0].time().is_some()), (1, &key, v["sig_type"] == 4));
                if id == "cosignature-v1-on-tessera-15" {
                    assert_eq!(by[0].time(), Some(1_760_000_000));
                }
                "valid"
            }
            Ok(Err(NoteError::Unsigned)) => "no-signature-by-key",
            Ok(Err(_)) => "invalid",
        };
        // A carriage return must not be in a note at all (signed-note, "Format"): refused before its signature is looked at.
        let expected = if id == "c2sp-example-crlf" { "malformed" } else { v["expect"].as_str().unwrap() };
        assert_eq!(got, expected, "{id}");
    }
    assert_eq!((seen, of_type_5), (34, 2));
}

#[test]
fn checkpoint_texts() {
    let Some(folder) = oracles("checkpoint_texts") else { return };
    let v = json(folder.join("checkpoint-parse.json"));
    for case in v["cases"].as_array().unwrap() {
        let text = case["note"].as_str().unwrap();
        let bytes = text.strip_prefix("hex:").map_or_else(|| text.as_bytes().to_vec(), |h| hex(&Value::from(h)));
        let parsed = Note::parse(&bytes).ok().and_then(|n| n.text.parse::<Checkpoint>().ok());
        assert_eq!(parsed.is_some(), case["parse_ok"].as_bool().unwrap(), "{}", case["id"]);
    }
}
