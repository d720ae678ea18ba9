//! What the kernels' tests share: numbers, comparison, and the same bits for any number of threads.

use super::real::Real;

/// A reproducible sequence of numbers in (-1, 1).
pub fn fill<T: Real>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        T::from_f64((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    };
    (0..len).map(|_| next()).collect()
}

/// Reproducible small integers for geometries.
pub struct Dice(pub u64);

impl Dice {
    /// A number from `low` to `high`, both included.
    pub fn roll(&mut self, low: usize, high: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (self.0 >> 33) as usize % (high - low + 1)
    }
}

/// Asserts that every value is within `tolerance` (f32; a millionth of it for f64) of what is
/// expected, relative to the larger of 1 and the largest expected magnitude.
pub fn close<T: Real>(values: &[T], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    let tolerance = if size_of::<T>() == 8 { tolerance * 1e-6 } else { tolerance };
    let scale = expected.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
    for (i, (value, expected)) in values.iter().zip(expected).enumerate() {
        let off = (value.to_f64() - expected).abs();
        assert!(
            off <= tolerance * scale || value.to_f64() == *expected,
            "element {i} is {value}, expected {expected}"
        );
    }
}

/// Runs a kernel on one, two and three threads, asserts equal bits, and returns the result.
pub fn same_for_any_threads<T: Real>(len: usize, kernel: impl Fn(&mut [T]) + Sync) -> Vec<T> {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // What the result held before must not matter.
        let mut result = vec![T::from_f64(f64::NAN); len];
        pool.install(|| kernel(&mut result));
        result
    };
    let one = run(1);
    for threads in [2, 3] {
        let many = run(threads);
        let same = one.iter().zip(&many).all(|(a, b)| a.to_f64().to_bits() == b.to_f64().to_bits());
        assert!(same, "{threads} threads give other bits than one");
    }
    one
}
