//! What several tests need: the folder of oracles, hexadecimal, and the tree of RFC 9162 section 2.1 written as the RFC writes it.

use proof::Hash;
use proof::tree::{EMPTY_ROOT, leaf_hash, node_hash};
use serde_json::Value;
use std::path::PathBuf;

/// The folder of public vectors; prints that the test is skipped where there is none.
pub fn oracles(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HINOMI_ORACLES").map(|f| PathBuf::from(f).join("transparency"));
    if folder.is_none() {
        println!("{test}: skipped (HINOMI_ORACLES is not set)");
    }
    folder
}

pub fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn json_lines(path: PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|l| !l.is_empty()).map(|l| serde_json::from_str(l).unwrap()).collect()
}

pub fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub fn hash(value: &Value) -> Hash {
    hex(value).try_into().unwrap()
}

pub fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

pub fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(format!("entry {i}").as_bytes())).collect()
}

fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH of 2.1.1.
pub fn mth(d: &[Hash]) -> Hash {
    match d {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = d.split_at(split(d.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// PATH of 2.1.3.1.
pub fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = split(d.len());
    let (mut proof, last) = if m < k { (path(m, &d[..k]), mth(&d[k..])) } else { (path(m - k, &d[k..]), mth(&d[..k])) };
    proof.push(last);
    proof
}

/// SUBPROOF of 2.1.4.1.
pub fn subproof(m: usize, d: &[Hash], whole: bool) -> Vec<Hash> {
    if m == d.len() {
        return if whole { Vec::new() } else { vec![mth(d)] };
    }
    let k = split(d.len());
    let (mut proof, last) =
        if m <= k { (subproof(m, &d[..k], whole), mth(&d[k..])) } else { (subproof(m - k, &d[k..], false), mth(&d[..k])) };
    proof.push(last);
    proof
}
