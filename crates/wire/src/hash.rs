//! A keyed hash for the engine's tables: a few multiplications, and nobody who does not know the seed can make keys collide on purpose.

/// Multiplies to 128 bits and folds.
#[inline]
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Hash of words under a seed.
#[inline]
pub(crate) fn words<const N: usize>(seed: u64, words: [u64; N]) -> u64 {
    let mut h = seed ^ 0xa076_1d64_78bd_642f;
    let mut chunks = words.chunks_exact(2);
    for pair in &mut chunks {
        if let &[x, y] = pair {
            h = mix(x ^ h, y ^ 0xe703_7ed1_a0b4_28db ^ seed.rotate_left(32));
        }
    }
    for x in chunks.remainder() {
        h = mix(x ^ h, 0x8ebc_6af0_9c88_c6e3);
    }
    mix(h ^ 0x5899_65cc_7537_4cc3, h.rotate_left(29) | 1)
}
