//! The Merkle tree of RFC 9162 section 2.1 over SHA-256: its root, its proofs, and their verification.
//!
//! Leaves are given as hashes ([`leaf_hash`]); sizes and positions are numbers of leaves. A proof is a list of roots of whole
//! ranges of leaves, and which ranges these are follows from sizes alone ([`inclusion_ranges`], [`consistency_ranges`]); so the tiles of a log
//! ([`crate::tiles`]) give the same proofs as the leaves themselves.

use crate::Hash;
use sha2::{Digest, Sha256};

/// The root of the tree without leaves: SHA-256 of nothing (RFC 9162, 2.1.1).
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
    0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// Why a proof does not show what it is said to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The position is outside the tree.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    Outside {
        /// Position asked for, from 0.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// No tree of these sizes can be an earlier and a later state that a proof speaks of.
    #[error("nothing can be proven from {size1} to {size2} leaves")]
    Sizes {
        /// Leaves in the earlier tree.
        size1: u64,
        /// Leaves in the later tree.
        size2: u64,
    },
    /// The path has fewer or more hashes than the sizes ask for.
    #[error("the proof has the wrong number of hashes ({got})")]
    Length {
        /// Hashes in the proof.
        got: usize,
    },
    /// The path does not lead to the root, so leaf, path and root do not belong together.
    #[error("the proof does not lead to the root")]
    Root,
    /// The path does not lead to the root of the earlier tree.
    #[error("the proof does not lead to the root of the earlier tree")]
    EarlierRoot,
}

/// SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    let (l, r) = bytes.split_at_mut(33);
    if let Some(l) = l.last_chunk_mut() {
        *l = *left;
    }
    r.copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// A tree that only grows, in the memory of its right edge: the roots of the whole subtrees that its size is the sum of, largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    size: u64,
    parts: Vec<Hash>,
}

impl Range {
    /// The tree without leaves.
    pub fn new() -> Range {
        Range::default()
    }

    /// Takes a tree up again; `None` where the size is not made of that many whole subtrees (or is beyond 2^63, which no log reaches).
    pub fn from_parts(size: u64, parts: Vec<Hash>) -> Option<Range> {
        (size <= 1 << 63 && parts.len() == size.count_ones() as usize).then_some(Range { size, parts })
    }

    /// The roots of the whole subtrees, largest (and first) first: one for each bit of the size.
    pub fn parts(&self) -> &[Hash] {
        &self.parts
    }

    /// Adds a leaf: on average one hash is made.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each bit that is set at the end of the size is a whole subtree that now has its right neighbour.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.parts.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.parts.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// Leaves so far.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Is there no leaf yet?
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The root now.
    pub fn root(&self) -> Hash {
        fold(&self.parts)
    }
}

impl Extend<Hash> for Range {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

/// The root over whole subtrees of falling size.
pub(crate) fn fold(parts: &[Hash]) -> Hash {
    parts.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or(EMPTY_ROOT)
}

/// The root over leaf hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut range = Range::new();
    range.extend(leaves.iter().copied());
    range.root()
}

/// The tree without leaves has a root too.
pub fn empty_root() -> Hash {
    EMPTY_ROOT
}

/// Of two parts of `size` leaves the left one: the largest power of two below it (RFC 9162, 2.1.1). `size` is at least 2.
fn split(size: u64) -> u64 {
    1 << size.saturating_sub(1).max(1).ilog2()
}

/// The ranges of leaves whose roots prove that leaf `index` is in a tree of `size` leaves, in the order of the proof (RFC 9162, 2.1.3.1).
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<(u64, u64)>> {
    if index >= size {
        return None;
    }
    let (mut from, mut to) = (0, size);
    let mut ranges = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    ranges.reverse();
    Some(ranges)
}

/// The ranges of leaves whose roots prove that the tree of `size2` leaves begins with that of `size1`, in the order of the proof (RFC 9162,
/// 2.1.4.1). `None` unless 0 < `size1` ≤ `size2`.
pub fn consistency_ranges(size1: u64, size2: u64) -> Option<Vec<(u64, u64)>> {
    if size1 == 0 || size1 > size2 {
        return None;
    }
    let (mut from, mut to) = (0, size2);
    let mut ranges = Vec::new();
    while to > size1 {
        let middle = from + split(to - from);
        if size1 <= middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    // A whole subtree from the left is the earlier root itself, which the verifier has.
    if from > 0 {
        ranges.push((from, to));
    }
    ranges.reverse();
    Some(ranges)
}

/// The proof that leaf `index` is in the tree over `leaves`.
pub fn inclusion_path(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    inclusion_ranges(index, leaves.len() as u64)?.into_iter().map(|range| root_of(leaves, range)).collect()
}

/// The proof that the tree over `leaves` begins with the one over the first `size1` of them.
pub fn consistency_path(leaves: &[Hash], size1: u64) -> Option<Vec<Hash>> {
    consistency_ranges(size1, leaves.len() as u64)?.into_iter().map(|range| root_of(leaves, range)).collect()
}

fn root_of(leaves: &[Hash], (from, to): (u64, u64)) -> Option<Hash> {
    Some(root(leaves.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)?))
}

/// The proofs of many leaves at once, in the order asked for: the tree is made only once.
pub fn inclusion_paths(leaves: &[Hash], indices: &[u64]) -> Option<Vec<Vec<Hash>>> {
    if indices.iter().any(|i| *i >= leaves.len() as u64) {
        return None;
    }
    let mut paths = vec![Vec::new(); indices.len()];
    // Level by level: what stands last and alone goes up as it is, and gives no hash to a proof.
    let mut level = std::borrow::Cow::Borrowed(leaves);
    let mut height = 0;
    while level.len() > 1 {
        for (path, index) in paths.iter_mut().zip(indices) {
            path.extend(usize::try_from((index >> height) ^ 1).ok().and_then(|i| level.get(i)));
        }
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            })
            .collect::<Vec<_>>()
            .into();
        height += 1;
    }
    Some(paths)
}

/// Is `leaf` at position `index` of the tree with `size` leaves and this root? (RFC 9162, 2.1.3.2.)
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    let mut walk = Walk { node: index, last: size - 1 };
    let mut hash = *leaf;
    for other in path {
        hash = match walk.up() {
            Some(Side::Left) => node_hash(other, &hash),
            Some(Side::Right) => node_hash(&hash, other),
            None => return Err(ProofError::Length { got: path.len() }),
        };
    }
    match (walk.last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length { got: path.len() }),
    }
}

/// Does the tree of `size2` leaves and `root2` begin with the one of `size1` leaves and `root1`? (RFC 9162, 2.1.4.2.)
///
/// From an empty tree nothing can be proven (the RFC leaves that proof undefined), so `size1` of 0 is always refused.
pub fn verify_consistency(size1: u64, size2: u64, root1: &Hash, root2: &Hash, path: &[Hash]) -> Result<(), ProofError> {
    if size1 == 0 || size1 > size2 {
        return Err(ProofError::Sizes { size1, size2 });
    }
    let wrong_length = ProofError::Length { got: path.len() };
    if size1 == size2 {
        return match (path, root1 == root2) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(wrong_length),
        };
    }
    // A whole subtree from the left is the earlier root, which the proof leaves out.
    let (first, rest) = match path {
        [] => return Err(wrong_length),
        _ if size1.is_power_of_two() => (root1, path),
        [first, rest @ ..] => (first, rest),
    };
    let shift = (size1 - 1).trailing_ones();
    let mut walk = Walk { node: (size1 - 1) >> shift, last: (size2 - 1) >> shift };
    let (mut earlier, mut later) = (*first, *first);
    for other in rest {
        match walk.up() {
            Some(Side::Left) => {
                earlier = node_hash(other, &earlier);
                later = node_hash(other, &later);
            }
            Some(Side::Right) => later = node_hash(&later, other),
            None => return Err(wrong_length),
        }
    }
    if walk.last != 0 {
        Err(wrong_length)
    } else if earlier != *root1 {
        Err(ProofError::EarlierRoot)
    } else if later != *root2 {
        Err(ProofError::Root)
    } else {
        Ok(())
    }
}

/// On which side of the walker the next hash of a proof stands.
enum Side {
    Left,
    Right,
}

/// The way from a node up to the root: `fn` and `sn` of RFC 9162, 2.1.3.2 and 2.1.4.2.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    /// To the next level that has a neighbour; `None` at the root.
    fn up(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // The last node of a level, standing alone, is the same node on the levels above until it has a left neighbour. It is not 0.
            let alone = self.node.trailing_zeros();
            self.node >>= alone;
            self.last >>= alone;
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Some(side)
    }
}
