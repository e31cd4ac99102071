//! The one source of chance: SplitMix64 (Steele, Lea, Flood 2014), so that a seed names a capture on every machine.

/// A random sequence.
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    /// From a seed and a word that keeps parts apart: adding one part changes no other.
    pub fn new(seed: u64, part: &str) -> Rng {
        let mut r = Rng(seed ^ 0x5851_F42D_4C95_7F2D);
        for b in part.bytes() {
            r.0 = (r.0 ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        r.bits();
        r
    }
    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.bits() % n.max(1)
    }
    /// From `a` up to, not including, `b`.
    pub fn range(&mut self, a: i64, b: i64) -> i64 {
        a + self.below((b - a).max(1) as u64) as i64
    }
    /// True in so many of a hundred cases.
    pub fn percent(&mut self, p: u64) -> bool {
        self.below(100) < p
    }
    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
    /// Bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let v = self.bits().to_le_bytes();
            chunk.copy_from_slice(&v[..chunk.len()]);
        }
    }
}
