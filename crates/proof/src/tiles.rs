//! C2SP tlog-tiles: a log as files of fixed form, from which anybody makes roots and proofs.
//!
//! Level 0 holds the leaf hashes, 256 to a tile; a hash on level L is the root of a **full** tile of level L − 1. The tile that is not full yet is
//! kept under its width (`.p/W`). Tiles say nothing by themselves: what is made of them counts only against a root that somebody signed.

use crate::{Hash, tree};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Hashes in a full tile, entries in a full bundle.
pub const FULL: u16 = 256;

/// Levels that a log of at most 2^64 entries can have; a path may name levels up to 63.
const LEVELS: u8 = 8;

/// What is wrong with a tile, its path or a bundle of entries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not a path as tlog-tiles writes it.
    #[error("{0:?} is not the path of a tile")]
    Path(String),
    /// A bundle cannot hold an entry of more than 65535 bytes.
    #[error("an entry of {0} bytes does not fit into a bundle (65535 at most)")]
    TooLong(usize),
    /// The bundle ends within an entry.
    #[error("the bundle ends within entry {0}")]
    Cut(usize),
    /// The bundle has another number of entries than its width says.
    #[error("the bundle has {got} entries and should have {width}")]
    Width {
        /// Entries found.
        got: usize,
        /// Entries that its path names.
        width: u16,
    },
    /// The bytes of a hash tile are not whole hashes of its width.
    #[error("the tile has {got} bytes and should have {width} hashes of 32")]
    Bytes {
        /// Bytes found.
        got: usize,
        /// Hashes that its path names.
        width: u16,
    },
}

/// Why a root or proof could not be made from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// The tile could not be read.
    #[error(transparent)]
    Source(#[from] E),
    /// The tile holds fewer hashes than asked for.
    #[error("{path} has {got} hashes")]
    Short {
        /// Which tile.
        path: TilePath,
        /// Hashes that were there.
        got: usize,
    },
    /// There is no such proof: the position is outside the tree, or the earlier tree is empty or the larger one.
    #[error("a log of {size} entries has no such proof ({from})")]
    NoProof {
        /// Position or earlier size.
        from: u64,
        /// Entries in the log.
        size: u64,
    },
}

/// The name of a hash tile or of a bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    /// 0 to 63; `None` for a bundle of entries.
    pub level: Option<u8>,
    /// Which tile of its level, from 0.
    pub index: u64,
    /// Hashes or entries in it, 1 to 256.
    pub width: u16,
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        // At most seven groups of three digits hold a u64.
        let mut above = 1_000_000_000_000_000_000u64;
        while above > 1 {
            if self.index >= above {
                write!(f, "x{:03}/", self.index / above % 1000)?;
            }
            above /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < FULL { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<TilePath, TileError> {
        parse(text).ok_or_else(|| TileError::Path(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<TilePath> {
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let level = match level {
        "entries" => None,
        _ => Some(decimal(level, 63)? as u8),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, decimal(width, 255).filter(|w| *w > 0)? as u16),
        None => (rest, FULL),
    };
    let mut index = 0u64;
    let mut groups = number.split('/').peekable();
    let mut first = true;
    while let Some(group) = groups.next() {
        let last = groups.peek().is_none();
        let digits = if last { group } else { group.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) || (first && !last && digits == "000") {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        first = false;
    }
    Some(TilePath { level, index, width })
}

/// A number in decimal without leading zeroes, at most `most`.
fn decimal(text: &str, most: u64) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|n| plain && *n <= most)
}

/// Adds an entry to a bundle: its length in two bytes, big endian, and itself.
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let length = u16::try_from(entry.len()).map_err(|_| TileError::TooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// A bundle of these entries.
pub fn encode_bundle<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, TileError> {
    let mut bundle = Vec::with_capacity(entries.iter().map(|e| e.as_ref().len() + 2).sum());
    entries.iter().try_for_each(|entry| append_entry(&mut bundle, entry.as_ref()))?;
    Ok(bundle)
}

/// The entries of a bundle, of which there must be `width`.
pub fn decode_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let cut = TileError::Cut(entries.len());
        let Some((length, after)) = rest.split_first_chunk() else { return Err(cut) };
        let Some((entry, after)) = after.split_at_checked(u16::from_be_bytes(*length).into()) else { return Err(cut) };
        entries.push(entry);
        rest = after;
    }
    if entries.len() == usize::from(width) { Ok(entries) } else { Err(TileError::Width { got: entries.len(), width }) }
}

/// The bytes of a hash tile.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.as_flattened().to_vec()
}

/// The hashes of a tile, of which there must be `width`.
pub fn decode_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    match bytes.as_chunks() {
        (hashes, []) if hashes.len() == usize::from(width) => Ok(hashes.to_vec()),
        _ => Err(TileError::Bytes { got: bytes.len(), width }),
    }
}

/// The hash tiles and bundles that a log of `to` entries has and one of `from` entries has not, bundles first and then level by level. A
/// tile that grew is among them under its new width; the one under its old width may go when the new ones are on disk.
pub fn new_tiles(from: u64, to: u64) -> impl Iterator<Item = TilePath> {
    std::iter::once(None).chain((0..LEVELS).map(Some)).flat_map(move |level| {
        let shift = 8 * u32::from(level.unwrap_or(0));
        let (from, to) = (from >> shift, to >> shift);
        let tiles = if from < to { from >> 8..to.div_ceil(256) } else { 0..0 };
        tiles.map(move |index| TilePath { level, index, width: (to - (index << 8)).min(FULL.into()) as u16 })
    })
}

/// Where hash tiles come from: a folder, a server, a test.
pub trait TileSource {
    /// Why a tile could not be had.
    type Error;

    /// The first `width` hashes of a tile (more do no harm). `width` is what a log of the size asked about has; a source that has the tile
    /// only wider may answer with that, since a tile only ever grows.
    fn hash_tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, Self::Error>;
}

/// The root of the first `size` entries.
pub fn root<S: TileSource>(source: &S, size: u64) -> Result<Hash, ReadError<S::Error>> {
    Reader::new(source, size).range(0, size)
}

/// The proof that entry `index` is in the log of `size` entries.
pub fn inclusion_proof<S: TileSource>(source: &S, index: u64, size: u64) -> Result<Vec<Hash>, ReadError<S::Error>> {
    let ranges = tree::inclusion_ranges(index, size).ok_or(ReadError::NoProof { from: index, size })?;
    Reader::new(source, size).ranges(ranges)
}

/// The proofs of many entries at once; each tile is asked for once.
pub fn inclusion_proofs<S: TileSource>(source: &S, indices: &[u64], size: u64) -> Result<Vec<Vec<Hash>>, ReadError<S::Error>> {
    let mut reader = Reader::new(source, size);
    indices
        .iter()
        .map(|index| reader.ranges(tree::inclusion_ranges(*index, size).ok_or(ReadError::NoProof { from: *index, size })?))
        .collect()
}

/// The proof that the log of `size2` entries begins with that of `size1`.
pub fn consistency_proof<S: TileSource>(source: &S, size1: u64, size2: u64) -> Result<Vec<Hash>, ReadError<S::Error>> {
    let ranges = tree::consistency_ranges(size1, size2).ok_or(ReadError::NoProof { from: size1, size: size2 })?;
    Reader::new(source, size2).ranges(ranges)
}

/// Reads nodes of the tree out of tiles; a tile once read is kept for as long as one question lasts.
struct Reader<'a, S> {
    source: &'a S,
    size: u64,
    tiles: HashMap<(u8, u64), Vec<Hash>>,
}

impl<'a, S: TileSource> Reader<'a, S> {
    fn new(source: &'a S, size: u64) -> Self {
        Reader { source, size, tiles: HashMap::new() }
    }

    fn ranges(&mut self, ranges: Vec<(u64, u64)>) -> Result<Vec<Hash>, ReadError<S::Error>> {
        ranges.into_iter().map(|(from, to)| self.range(from, to)).collect()
    }

    /// The root of a range as proofs ask for it: it begins where a subtree at least as large does, so whole subtrees of falling size fill it.
    fn range(&mut self, mut from: u64, to: u64) -> Result<Hash, ReadError<S::Error>> {
        let mut parts = Vec::new();
        while from < to {
            let height = (to - from).ilog2();
            parts.push(self.node(height, from >> height)?);
            from = from.saturating_add(1 << height);
        }
        Ok(tree::fold(&parts))
    }

    /// The root of the whole subtree number `index` of 2^`height` leaves.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, ReadError<S::Error>> {
        // Within its tile it stands over 1 to 128 hashes.
        let (level, within) = ((height / 8) as u8, height % 8);
        let first = index << within;
        let width = (self.size >> (8 * u32::from(level))).saturating_sub(first >> 8 << 8).min(FULL.into()) as u16;
        let key = (level, first >> 8);
        let tile = match self.tiles.entry(key) {
            std::collections::hash_map::Entry::Occupied(tile) => tile.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(self.source.hash_tile(level, key.1, width)?),
        };
        let offset = (first & 255) as usize;
        match tile.get(..usize::from(width)).and_then(|t| t.get(offset..offset + (1 << within))) {
            Some(hashes) => Ok(tree::root(hashes)),
            None => Err(ReadError::Short { path: TilePath { level: Some(level), index: key.1, width }, got: tile.len() }),
        }
    }
}

/// A tile as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Its name below the log's folder.
    pub path: TilePath,
    /// Its content.
    pub hashes: Vec<Hash>,
}

impl Tile {
    /// Its content in bytes.
    pub fn bytes(&self) -> &[u8] {
        self.hashes.as_flattened()
    }
}

/// The right edge of a log: the tile of each level that is not full, which is all that is needed to go on. Leaf hashes go in, tiles come out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    open: Vec<Vec<Hash>>,
    full: Vec<Tile>,
}

impl Edge {
    /// Of a log without entries.
    pub fn new() -> Edge {
        Edge::default()
    }

    /// Of a log that has tiles. The caller compares [`Edge::root`] with the checkpoint.
    pub fn load<S: TileSource>(source: &S, size: u64) -> Result<Edge, ReadError<S::Error>> {
        let mut open = Vec::new();
        for level in 0..LEVELS {
            let hashes = size >> (8 * u32::from(level));
            if hashes == 0 {
                break;
            }
            let path = TilePath { level: Some(level), index: hashes >> 8, width: (hashes & 255) as u16 };
            let mut tile = if path.width == 0 { Vec::new() } else { source.hash_tile(level, path.index, path.width)? };
            if tile.len() < usize::from(path.width) {
                return Err(ReadError::Short { path, got: tile.len() });
            }
            tile.truncate(path.width.into());
            open.push(tile);
        }
        Ok(Edge { size, open, full: Vec::new() })
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of the next entry.
    pub fn push(&mut self, leaf: Hash) {
        self.size = self.size.saturating_add(1);
        let mut hash = leaf;
        for level in 0..LEVELS {
            let at = usize::from(level);
            if self.open.len() == at {
                self.open.push(Vec::new());
            }
            let Some(tile) = self.open.get_mut(at) else { return };
            tile.push(hash);
            if tile.len() < usize::from(FULL) {
                return;
            }
            let hashes = std::mem::take(tile);
            hash = tree::root(&hashes);
            let index = (self.size >> (8 * (u32::from(level) + 1)).min(63)).saturating_sub(1);
            self.full.push(Tile { path: TilePath { level: Some(level), index, width: FULL }, hashes });
        }
    }

    /// The tiles that became full since this was last asked, in the order in which they did.
    pub fn take_full(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.full)
    }

    /// The tiles that are not full now, one for each level that has one.
    pub fn open(&self) -> Vec<Tile> {
        self.levels()
            .map(|(level, hashes)| {
                let index = self.size >> (8 * u32::from(level)) >> 8;
                Tile { path: TilePath { level: Some(level), index, width: hashes.len() as u16 }, hashes: hashes.to_vec() }
            })
            .collect()
    }

    /// The root now.
    pub fn root(&self) -> Hash {
        let mut range = Vec::new();
        for (_, hashes) in self.levels().collect::<Vec<_>>().into_iter().rev() {
            let mut part = tree::Range::new();
            part.extend(hashes.iter().copied());
            range.extend_from_slice(part.parts());
        }
        tree::fold(&range)
    }

    fn levels(&self) -> impl Iterator<Item = (u8, &[Hash])> {
        (0..LEVELS).zip(&self.open).filter(|(_, hashes)| !hashes.is_empty()).map(|(level, hashes)| (level, hashes.as_slice()))
    }
}
