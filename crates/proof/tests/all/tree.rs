//! The tree against the recursion of RFC 9162, for every size up to 300 and some larger ones.

use crate::common::{leaves, mth, path, subproof};
use proof::Hash;
use proof::tree::{
    EMPTY_ROOT, ProofError, Range, consistency_path, empty_root, inclusion_path, inclusion_paths, leaf_hash, node_hash, root,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

#[test]
fn hashes_are_those_of_the_rfc() {
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b""));
    assert_eq!(a, <Hash>::from(Sha256::digest(b"\0a")));
    assert_eq!(b, <Hash>::from(Sha256::digest(b"\0")));
    assert_eq!(node_hash(&a, &b), <Hash>::from(Sha256::digest([&[1][..], &a, &b].concat())));
    assert_eq!(EMPTY_ROOT, <Hash>::from(Sha256::digest(b"")));
    assert_eq!((empty_root(), root(&[]), Range::new().root()), (EMPTY_ROOT, EMPTY_ROOT, EMPTY_ROOT));
}

#[test]
fn roots_of_all_small_sizes() {
    let d = leaves(300);
    let mut range = Range::new();
    for n in 0..=d.len() {
        assert_eq!(range.root(), mth(&d[..n]), "{n}");
        assert_eq!((range.len(), range.is_empty(), range.parts().len()), (n as u64, n == 0, n.count_ones() as usize));
        let again = Range::from_parts(range.len(), range.parts().to_vec()).unwrap();
        assert_eq!(again, range);
        range.extend(d.get(n).copied());
    }
    assert!(Range::from_parts(3, vec![d[0]]).is_none());
    assert!(Range::from_parts(0, vec![d[0]]).is_none());
    assert!(Range::from_parts(u64::MAX, vec![d[0]; 64]).is_none());
}

#[test]
fn inclusion_of_all_leaves_of_all_small_sizes() {
    let d = leaves(300);
    for n in 1..=d.len() {
        let (d, root) = (&d[..n], mth(&d[..n]));
        let all: Vec<u64> = (0..n as u64).collect();
        let many = inclusion_paths(d, &all).unwrap();
        // The model is slow; beyond 70 leaves a few positions stand for the rest, and all are verified.
        let model = |i: usize| n <= 70 || i.is_multiple_of(37) || i + 3 > n;
        for (i, proof) in many.iter().enumerate() {
            if model(i) {
                assert_eq!(*proof, path(i, d), "{i} of {n}");
                assert_eq!(inclusion_path(d, i as u64).unwrap(), *proof);
            }
            verify_inclusion(&d[i], i as u64, n as u64, proof, &root).unwrap();
        }
        assert!(inclusion_path(d, n as u64).is_none());
        assert!(inclusion_paths(d, &[0, n as u64]).is_none());
    }
    assert_eq!(inclusion_paths(&d, &[]).unwrap(), Vec::<Vec<Hash>>::new());
    assert!(inclusion_path(&[], 0).is_none());
}

#[test]
fn consistency_of_all_small_sizes() {
    let d = leaves(300);
    let roots: Vec<Hash> = (0..=d.len()).map(|n| root(&d[..n])).collect();
    for n in 1..=d.len() {
        assert!(consistency_path(&d[..n], 0).is_none());
        assert!(consistency_path(&d[..n], n as u64 + 1).is_none());
        for m in 1..=n {
            if n > 70 && !m.is_multiple_of(41) && m + 2 < n {
                continue;
            }
            let proof = consistency_path(&d[..n], m as u64).unwrap();
            assert_eq!(proof, subproof(m, &d[..n], true), "{m} of {n}");
            verify_consistency(m as u64, n as u64, &roots[m], &roots[n], &proof).unwrap();
        }
    }
}

#[test]
fn from_nothing_nothing_is_proven() {
    let r = root(&leaves(3));
    for size2 in [0, 3] {
        assert_eq!(verify_consistency(0, size2, &EMPTY_ROOT, &r, &[]), Err(ProofError::Sizes { size1: 0, size2 }));
    }
    assert!(matches!(verify_consistency(4, 3, &r, &r, &[]), Err(ProofError::Sizes { .. })));
    assert!(matches!(verify_inclusion(&r, 0, 0, &[], &EMPTY_ROOT), Err(ProofError::Outside { .. })));
}

/// What can be done to a proof that must then be refused.
fn spoil(path: &mut Vec<Hash>, how: u8, at: usize, bit: u8) {
    match how % 4 {
        0 if !path.is_empty() => {
            let at = at % path.len();
            path[at][usize::from(bit) % 32] ^= 1 << (bit % 8);
        }
        1 if !path.is_empty() => drop(path.remove(at % path.len())),
        2 if path.len() > 1 && path[at % path.len()] != path[(at + 1) % path.len()] => {
            let (a, b) = (at % path.len(), (at + 1) % path.len());
            path.swap(a, b);
        }
        _ => path.insert(at % (path.len() + 1), [bit; 32]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn larger_trees(n in 300usize..20_000, seeds in prop::collection::vec(any::<u64>(), 1..6)) {
        let d = leaves(n as u64);
        let whole = root(&d);
        prop_assert_eq!(whole, mth(&d));
        let indices: Vec<u64> = seeds.iter().map(|s| s % n as u64).collect();
        for (i, proof) in indices.iter().zip(inclusion_paths(&d, &indices).unwrap()) {
            prop_assert_eq!(&proof, &path(*i as usize, &d));
            prop_assert_eq!(verify_inclusion(&d[*i as usize], *i, n as u64, &proof, &whole), Ok(()));
            let m = *i as usize + 1;
            let proof = consistency_path(&d, m as u64).unwrap();
            prop_assert_eq!(&proof, &subproof(m, &d, true));
            prop_assert_eq!(verify_consistency(m as u64, n as u64, &root(&d[..m]), &whole, &proof), Ok(()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn spoiled_proofs_are_refused(n in 1u64..200, i in any::<u64>(), how in any::<u8>(), at in 0usize..16, bit in any::<u8>()) {
        let d = leaves(n);
        let (i, whole) = (i % n, root(&d));
        let mut path = inclusion_path(&d, i).unwrap();
        spoil(&mut path, how, at, bit);
        prop_assert!(verify_inclusion(&d[i as usize], i, n, &path, &whole).is_err());
        let m = i + 1;
        let mut path = consistency_path(&d, m).unwrap();
        spoil(&mut path, how, at, bit);
        prop_assert!(verify_consistency(m, n, &root(&d[..m as usize]), &whole, &path).is_err());
    }

    /// A proof for one place does not hold for another leaf, place or root.
    #[test]
    fn proofs_of_something_else_are_refused(n in 2u64..200, i in any::<u64>(), j in any::<u64>()) {
        let d = leaves(n);
        let (i, j, whole) = (i % n, j % n, root(&d));
        prop_assume!(i != j);
        let path = inclusion_path(&d, i).unwrap();
        prop_assert!(verify_inclusion(&d[j as usize], i, n, &path, &whole).is_err());
        prop_assert!(verify_inclusion(&d[i as usize], j, n, &path, &whole).is_err());
        prop_assert!(verify_inclusion(&d[i as usize], i, n, &path, &root(&d[1..])).is_err());
    }

    #[test]
    fn garbage_is_refused(i in any::<u64>(), m in any::<u64>(), n in any::<u64>(), path in prop::collection::vec(any::<Hash>(), 0..140), root in any::<Hash>()) {
        prop_assert!(verify_inclusion(&[1; 32], i, n, &path, &root).is_err());
        prop_assert!(verify_consistency(m, n, &[1; 32], &root, &path).is_err());
        prop_assert!(verify_consistency(m.min(n).max(1), m.max(n).max(2), &[1; 32], &root, &path).is_err());
    }
}
