//! Turns a seed, a stream and a counter into random numbers: Philox4x32-10.
//!
//! The generator has no state that moves: number `n` of stream `s` can be computed anywhere, in any order, on any
//! device, which makes fillers, dropout, crops and shuffles independent of the number of threads.
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

use crate::real::{Real, vectorize};

/// Stream of the crops and mirrors of records; block `16 n` and those after it belong to the n-th record served.
pub const STREAM_TRANSFORM: u64 = 1 << 56;
/// Stream of the orders of shuffled records; block `e << 32` and those after it belong to epoch `e`.
pub const STREAM_SHUFFLE: u64 = 2 << 56;
/// Stream of the draws of image pairs.
pub const STREAM_PAIRS: u64 = 3 << 56;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Blocks that are computed side by side.
const SIDE_BY_SIDE: usize = 16;

/// Ten rounds of Philox over a 128-bit counter with a 64-bit key, words little end first.
fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if 0 < round {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let product0 = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let product1 = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (product1 >> 32) as u32 ^ counter[1] ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ counter[3] ^ key[1],
            product0 as u32,
        ];
    }
    counter
}

/// The blocks at as many counters, each of whose words lies beside the same word of the others; all share a stream.
#[inline(always)]
fn philox_side_by_side(
    mut counter: [[u32; SIDE_BY_SIDE]; 4],
    mut key: [u32; 2],
) -> [[u32; SIDE_BY_SIDE]; 4] {
    for round in 0..ROUNDS {
        if 0 < round {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let [mut a, mut b, mut c, mut d] = counter;
        for i in 0..SIDE_BY_SIDE {
            let product0 = u64::from(MULTIPLIERS[0]) * u64::from(a[i]);
            let product1 = u64::from(MULTIPLIERS[1]) * u64::from(c[i]);
            a[i] = (product1 >> 32) as u32 ^ b[i] ^ key[0];
            b[i] = product1 as u32;
            c[i] = (product0 >> 32) as u32 ^ d[i] ^ key[1];
            d[i] = product0 as u32;
        }
        counter = [a, b, c, d];
    }
    counter
}

/// Uniform in `0 <= x < 1`, a multiple of 2^-24.
#[inline(always)]
fn uniform_of(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

/// One stream of random numbers; streams of one seed are independent of each other.
///
/// The top byte of a stream's number is its purpose (see the `STREAM_` constants), the rest is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Philox {
    seed: u64,
    stream: u64,
}

impl Philox {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        Philox { seed, stream }
    }

    /// The four words at `counter`.
    pub fn block(&self, counter: u64) -> [u32; 4] {
        philox4x32(
            [
                counter as u32,
                (counter >> 32) as u32,
                self.stream as u32,
                (self.stream >> 32) as u32,
            ],
            [self.seed as u32, (self.seed >> 32) as u32],
        )
    }

    /// Writes what [`Sequence::uniform_f32`] gives one after the other from block `counter` on.
    pub fn uniforms<T: Real>(&self, counter: u64, to: &mut [T]) {
        vectorize(
            #[inline(always)]
            || {
                let stream = [self.stream as u32, (self.stream >> 32) as u32];
                let key = [self.seed as u32, (self.seed >> 32) as u32];
                let mut next = counter;
                for to in to.chunks_mut(4 * SIDE_BY_SIDE) {
                    let at: [u64; SIDE_BY_SIDE] =
                        std::array::from_fn(|i| next.wrapping_add(i as u64));
                    let counters = [
                        at.map(|at| at as u32),
                        at.map(|at| (at >> 32) as u32),
                        [stream[0]; SIDE_BY_SIDE],
                        [stream[1]; SIDE_BY_SIDE],
                    ];
                    next = next.wrapping_add(SIDE_BY_SIDE as u64);
                    let words = philox_side_by_side(counters, key);
                    let mut numbers = [T::ZERO; 4 * SIDE_BY_SIDE];
                    for (i, block) in numbers.chunks_exact_mut(4).enumerate() {
                        for (number, words) in block.iter_mut().zip(&words) {
                            *number = T::from_f64(uniform_of(words[i]).into());
                        }
                    }
                    to.copy_from_slice(&numbers[..to.len()]);
                }
            },
        );
    }

    /// The words from block `counter` on, one after the other.
    pub fn sequence(self, counter: u64) -> Sequence {
        Sequence { source: self, counter, words: [0; 4], used: 4, spare_normal: None }
    }
}

/// Random numbers one after the other, as a loop wants them.
#[derive(Clone, Debug)]
pub struct Sequence {
    source: Philox,
    counter: u64,
    words: [u32; 4],
    used: usize,
    spare_normal: Option<f64>,
}

impl Sequence {
    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.words = self.source.block(self.counter);
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// The next 64 random bits.
    fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// Uniform in `0 <= x < 1`, a multiple of 2^-24.
    pub fn uniform_f32(&mut self) -> f32 {
        uniform_of(self.next_u32())
    }

    /// Uniform in `0 <= x < 1`, a multiple of 2^-53.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform_f64()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform_f64()).sin_cos();
        self.spare_normal = Some(radius * sin);
        radius * cos
    }

    /// An integer in `0..n`, every one equally likely; 0 when `n` is 0 (Lemire, ACM TOMACS 29, 2019).
    pub fn below(&mut self, n: u32) -> u32 {
        let mut product = u64::from(self.next_u32()) * u64::from(n);
        if (product as u32) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(n);
            }
        }
        (product >> 32) as u32
    }

    /// Puts `items` into a random order (Fisher and Yates). At most 2^32 - 1 items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with the Random123 library.
    #[test]
    fn known_answers() {
        let check = |counter, key, expected| assert_eq!(philox4x32(counter, key), expected);
        check([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        check([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        check(
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
        );
    }

    #[test]
    fn sequence_is_the_blocks() {
        let philox = Philox::new(7, 3);
        let mut sequence = philox.sequence(5);
        let words: Vec<u32> = (0..8).map(|_| sequence.next_u32()).collect();
        assert_eq!(words, [philox.block(5), philox.block(6)].concat());
        assert_ne!(philox.block(5), Philox::new(7, 4).block(5));
        assert_ne!(philox.block(5), Philox::new(8, 3).block(5));
    }

    #[test]
    fn numbers_side_by_side_are_those_one_after_the_other() {
        let philox = Philox::new(7 << 40, 3 << 56);
        // The low word of the counter goes around.
        for (counter, n) in [(0, 0), (5, 3), ((1 << 32) - 9, 64), (u64::MAX - 20, 1001)] {
            let mut sequence = philox.sequence(counter);
            let want: Vec<f32> = (0..n).map(|_| sequence.uniform_f32()).collect();
            let mut numbers = vec![0.0; n];
            philox.uniforms(counter, &mut numbers);
            assert_eq!(numbers, want);
        }
    }

    #[test]
    fn moments() {
        let mut sequence = Philox::new(1, 0).sequence(0);
        let n = 100_000;
        let normals: Vec<f64> = (0..n).map(|_| sequence.normal()).collect();
        let moment = |p| normals.iter().map(|x| x.powi(p)).sum::<f64>() / f64::from(n);
        // Five standard errors of the first, second and fourth moment.
        assert!(moment(1).abs() < 5.0 / f64::from(n).sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / f64::from(n)).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / f64::from(n)).sqrt());
        let mean = (0..n).map(|_| f64::from(sequence.uniform_f32())).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 5.0 / (12.0 * f64::from(n)).sqrt());
    }

    #[test]
    fn below_is_even_and_in_range() {
        let mut sequence = Philox::new(2, 0).sequence(0);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[sequence.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| c.abs_diff(10_000) < 500), "{counts:?}");
        assert_eq!((sequence.below(1), sequence.below(0)), (0, 0));
        // Three quarters of 2^32: a biased method would give the lower third half of the draws.
        let third = 1 << 30;
        let low = (0..30_000).filter(|_| sequence.below(3 * third) < third).count();
        assert!(low.abs_diff(10_000) < 500, "{low}");
    }

    #[test]
    fn shuffle_permutes() {
        let mut items: Vec<u32> = (0..100).collect();
        Philox::new(3, 0).sequence(0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
