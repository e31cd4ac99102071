//! Tiles: what the edge of a growing log writes gives the same roots and proofs as its leaves.

use crate::common::leaves;
use proof::Hash;
use proof::tiles::{
    Edge, ReadError, Tile, TileError, TilePath, TileSource, consistency_proof, decode_bundle, decode_hashes, encode_bundle, encode_hashes,
    inclusion_proof, inclusion_proofs, new_tiles, root,
};
use proof::tree;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A folder of tiles.
#[derive(Default)]
pub struct Folder(pub BTreeMap<String, Vec<u8>>);

impl Folder {
    pub fn write(&mut self, tiles: Vec<Tile>) {
        self.0.extend(tiles.into_iter().map(|t| (t.path.to_string(), t.bytes().to_vec())));
    }

    /// A log that was written from nothing to `size`, with checkpoints at the sizes `at` and at the end.
    pub fn grown(leaves: &[Hash], at: &[u64]) -> Folder {
        let (mut folder, mut edge) = (Folder::default(), Edge::new());
        for leaf in leaves {
            edge.push(*leaf);
            if at.contains(&edge.size()) {
                folder.write(edge.take_full());
                folder.write(edge.open());
            }
        }
        folder.write(edge.take_full());
        folder.write(edge.open());
        folder
    }
}

impl TileSource for Folder {
    type Error = String;

    fn hash_tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, String> {
        // As tlog-tiles asks of readers: where the narrow tile is gone, the full one serves.
        let path = |width| TilePath { level: Some(level), index, width };
        for width in [width, 256] {
            if let Some(bytes) = self.0.get(&path(width).to_string()) {
                return decode_hashes(bytes, width).map_err(|e| e.to_string());
            }
        }
        Err(format!("{} is missing", path(width)))
    }
}

#[test]
fn roots_and_proofs_are_those_of_the_leaves() {
    let d = leaves(70_000);
    let sizes = [1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 66_000, 69_999, 70_000];
    let folder = Folder::grown(&d, &sizes);
    for size in sizes {
        let whole = tree::root(&d[..size as usize]);
        assert_eq!(root(&folder, size).unwrap(), whole, "{size}");
        let edge = Edge::load(&folder, size).unwrap();
        assert_eq!((edge.root(), edge.size()), (whole, size));
        let indices: Vec<u64> = [0, 1, 254, 255, 256, 300, 511, 65_535, 65_536, size - 1].into_iter().filter(|i| *i < size).collect();
        let many = tree::inclusion_paths(&d[..size as usize], &indices).unwrap();
        assert_eq!(inclusion_proofs(&folder, &indices, size).unwrap(), many);
        for (i, path) in indices.iter().zip(many) {
            assert_eq!(inclusion_proof(&folder, *i, size).unwrap(), path, "{i} in {size}");
            let old = i + 1;
            assert_eq!(consistency_proof(&folder, old, size).unwrap(), tree::consistency_path(&d[..size as usize], old).unwrap());
        }
        assert_eq!(inclusion_proof(&folder, size, size), Err(ReadError::NoProof { from: size, size }));
        assert_eq!(consistency_proof(&folder, 0, size), Err(ReadError::NoProof { from: 0, size }));
        assert_eq!(consistency_proof(&folder, size + 1, size), Err(ReadError::NoProof { from: size + 1, size }));
    }
    assert_eq!(root(&folder, 0).unwrap(), tree::EMPTY_ROOT);
    assert_eq!(Edge::load(&folder, 0).unwrap(), Edge::new());
    // tlog-tiles, "Partial Tiles": what a log of 70,000 entries consists of.
    let names: Vec<String> = new_tiles(0, 70_000).filter(|t| t.level.is_some()).map(|t| t.to_string()).collect();
    assert_eq!(names.len(), 273 + 1 + 1 + 1 + 1);
    assert_eq!(names[273..], ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
}

#[test]
fn a_missing_or_short_tile_is_named() {
    let d = leaves(600);
    let mut folder = Folder::grown(&d, &[]);
    folder.0.remove("tile/0/001");
    // The root needs only level 1 and the open tile; a proof of an entry in the missing tile needs it.
    assert_eq!(root(&folder, 600).unwrap(), tree::root(&d));
    assert_eq!(inclusion_proof(&folder, 300, 600), Err(ReadError::Source("tile/0/001 is missing".to_owned())));

    struct Short;
    impl TileSource for Short {
        type Error = String;
        fn hash_tile(&self, _: u8, _: u64, width: u16) -> Result<Vec<Hash>, String> {
            Ok(vec![[0; 32]; usize::from(width) - 1])
        }
    }
    let path = TilePath { level: Some(0), index: 0, width: 9 };
    assert_eq!(root(&Short, 9), Err(ReadError::Short { path, got: 8 }));
    assert_eq!(Edge::load(&Short, 9), Err(ReadError::Short { path, got: 8 }));
}

#[test]
fn bundles() {
    let long = vec![7; 65_535];
    let entries: [&[u8]; 3] = [b"one", b"", &long];
    let bundle = encode_bundle(&entries).unwrap();
    assert_eq!(bundle[..7], *b"\0\x03one\0\0");
    assert_eq!(decode_bundle(&bundle, 3).unwrap(), entries);
    assert_eq!(decode_bundle(&bundle, 2), Err(TileError::Width { got: 3, width: 2 }));
    assert_eq!(decode_bundle(&bundle[..bundle.len() - 1], 3), Err(TileError::Cut(2)));
    assert_eq!(decode_bundle(&bundle[..6], 3), Err(TileError::Cut(1)));
    assert_eq!(encode_bundle(&[vec![0; 65_536]]), Err(TileError::TooLong(65_536)));
    assert_eq!(decode_bundle(&[], 0).unwrap(), Vec::<&[u8]>::new());
    let hashes = leaves(3);
    assert_eq!(decode_hashes(&encode_hashes(&hashes), 3).unwrap(), hashes);
    assert_eq!(decode_hashes(&encode_hashes(&hashes), 2), Err(TileError::Bytes { got: 96, width: 2 }));
    assert!(decode_hashes(&[0; 33], 1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a log grows, batch by batch and through restarts, each new file is what `new_tiles` announced and no other.
    #[test]
    fn growth(batches in prop::collection::vec(1u64..400, 1..12), restart in any::<u16>()) {
        let d = leaves(batches.iter().sum());
        let (mut folder, mut edge) = (Folder::default(), Edge::new());
        for (turn, batch) in batches.iter().enumerate() {
            if restart >> turn & 1 == 1 {
                edge = Edge::load(&folder, edge.size()).unwrap();
            }
            let from = edge.size();
            for leaf in &d[from as usize..(from + batch) as usize] {
                edge.push(*leaf);
            }
            let mut written = edge.take_full();
            prop_assert!(edge.take_full().is_empty());
            // An open tile of an upper level that did not grow is there already.
            written.extend(edge.open().into_iter().filter(|t| !folder.0.contains_key(&t.path.to_string())));
            let mut names: Vec<TilePath> = written.iter().map(|t| t.path).collect();
            names.sort();
            let mut told: Vec<TilePath> = new_tiles(from, edge.size()).filter(|t| t.level.is_some()).collect();
            told.sort();
            prop_assert_eq!(names, told);
            folder.write(written);
            prop_assert_eq!(edge.root(), tree::root(&d[..edge.size() as usize]));
            prop_assert_eq!(root(&folder, edge.size()).unwrap(), edge.root());
        }
        let bundles: Vec<TilePath> = new_tiles(0, edge.size()).filter(|t| t.level.is_none()).collect();
        prop_assert_eq!(bundles.iter().map(|t| u64::from(t.width)).sum::<u64>(), edge.size());
    }
}

proptest! {
    #[test]
    fn paths_are_one_to_one(level in prop::option::of(0u8..64), index in any::<u64>(), small in 0u64..3_000_000, width in 1u16..=256) {
        for index in [index, small] {
            let path = TilePath { level, index, width };
            prop_assert_eq!(path.to_string().parse::<TilePath>().unwrap(), path);
        }
    }

    #[test]
    fn what_parses_is_written_the_same(text in "tile/(entries|[0-9]{1,3})/(x?[0-9]{1,4}/){0,8}[0-9]{2,4}(\\.p/[0-9]{1,4})?") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn garbage_never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..600), width in any::<u16>(), sizes in any::<(u64, u64)>()) {
        let _ = text.parse::<TilePath>();
        let _ = decode_bundle(&bytes, width);
        let _ = decode_hashes(&bytes, width);
        prop_assert!(new_tiles(sizes.0, sizes.1).take(600).all(|t| (1..=256).contains(&t.width)));
    }

    /// Sizes near the end of what a number holds: everything is found missing, nothing overflows.
    #[test]
    fn hostile_sizes(size in prop_oneof![any::<u64>(), Just(u64::MAX)], at in any::<u64>()) {
        struct Zeros;
        impl TileSource for Zeros {
            type Error = String;
            fn hash_tile(&self, _: u8, _: u64, width: u16) -> Result<Vec<Hash>, String> {
                Ok(vec![[0; 32]; width.into()])
            }
        }
        root(&Zeros, size).unwrap();
        if at < size {
            inclusion_proof(&Zeros, at, size).unwrap();
            consistency_proof(&Zeros, at + 1, size).unwrap();
        }
        let mut edge = Edge::load(&Zeros, size).unwrap();
        edge.push([1; 32]);
        edge.root();
    }
}
