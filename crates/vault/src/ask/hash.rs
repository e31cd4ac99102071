//! XXH64 with seed 0 (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>), and the split-block bloom filter's test that
//! goes with it (Parquet's BloomFilter.md). Parquet's filters on address columns and our own filters over words both use these, so a
//! question hashes what it looks for once and then reads one block of 32 bytes from each filter.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// Bytes of one block of a filter.
pub(crate) const BLOCK: usize = 32;

const SALT: [u32; 8] = [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

fn round(acc: u64, lane: u64) -> u64 {
    acc.wrapping_add(lane.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b))
}

/// XXH64 with seed 0.
pub(crate) fn xxh64(bytes: &[u8]) -> u64 {
    let mut stripes = bytes.chunks_exact(32);
    let mut h = if bytes.len() >= 32 {
        let mut acc = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
        for stripe in &mut stripes {
            for (a, lane) in acc.iter_mut().zip(stripe.chunks_exact(8)) {
                *a = round(*a, word(lane));
            }
        }
        let mut h = [1, 7, 12, 18].iter().zip(acc).fold(0u64, |h, (r, a)| h.wrapping_add(a.rotate_left(*r)));
        for a in acc {
            h = (h ^ round(0, a)).wrapping_mul(P1).wrapping_add(P4);
        }
        h
    } else {
        P5
    };
    h = h.wrapping_add(bytes.len() as u64);
    let mut eights = stripes.remainder().chunks_exact(8);
    for lane in &mut eights {
        h = (h ^ round(0, word(lane))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let mut rest = eights.remainder();
    if let Some((four, after)) = rest.split_first_chunk::<4>() {
        h = (h ^ u64::from(u32::from_le_bytes(*four)).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = after;
    }
    for b in rest {
        h = (h ^ u64::from(*b).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    h = (h ^ (h >> 33)).wrapping_mul(P2);
    h = (h ^ (h >> 29)).wrapping_mul(P3);
    h ^ (h >> 32)
}

/// Which of so many blocks a hash belongs to.
pub(crate) fn block_of(hash: u64, blocks: u64) -> u64 {
    ((hash >> 32) * blocks) >> 32
}

fn bits(hash: u64) -> [u32; 8] {
    SALT.map(|s| 1 << ((hash as u32).wrapping_mul(s) >> 27))
}

/// Puts a hash into its block.
pub(crate) fn put(block: &mut [u8], hash: u64) {
    for (four, bit) in block.chunks_exact_mut(4).zip(bits(hash)) {
        if let Some(f) = four.first_chunk_mut::<4>() {
            *f = (u32::from_le_bytes(*f) | bit).to_le_bytes();
        }
    }
}

/// Whether the block may hold the hash.
pub(crate) fn holds(block: &[u8], hash: u64) -> bool {
    block.len() == BLOCK
        && block
            .chunks_exact(4)
            .zip(bits(hash))
            .all(|(four, bit)| four.first_chunk::<4>().is_some_and(|f| u32::from_le_bytes(*f) & bit != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the reference implementation (`xxhsum -H64`), and for all lengths those of the crate that Parquet itself uses, by
    /// way of its own filters (tests/ask).
    #[test]
    fn known_values() {
        assert_eq!(xxh64(b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxh64(b"a"), 0xD24E_C4F1_A98C_6E5B);
        assert_eq!(xxh64(b"abc"), 0x44BC_2CF5_AD77_0999);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition"), 0xFBCE_A83C_8A37_8BF1);
    }

    #[test]
    fn what_was_put_is_found() {
        let mut blocks = vec![0u8; 64 * BLOCK];
        for n in 0..500u64 {
            let h = xxh64(&n.to_le_bytes());
            let at = block_of(h, 64) as usize * BLOCK;
            put(&mut blocks[at..at + BLOCK], h);
        }
        let found = |n: u64| {
            let h = xxh64(&n.to_le_bytes());
            let at = block_of(h, 64) as usize * BLOCK;
            holds(&blocks[at..at + BLOCK], h)
        };
        assert!((0..500).all(found));
        assert!((500..10_500).filter(|n| found(*n)).count() < 10, "32 bits a key: hardly any false positive");
        assert!(!holds(&[0xff; 31], 1), "half a block holds nothing");
    }
}
