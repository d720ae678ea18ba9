//! The forms in which a convolution is a product at each of the 36 places of a tile: the matrices of F(4 x 4, 3 x 3) and
//! F(2 x 2, 5 x 5) and their transposes, applied to one column of registers.
//!
//! With the names of Lavin and Gray, a tile of results is `A' ((G w G') * (B' d B)) A` for pixels `d` and weights `w`. Its
//! gradient to the weights is therefore `G' ((A dy A') * (B' d B)) G`. `B` is the same for both; rows of `A` and `G` are the
//! powers of 0, 1, -1, 2, -2 and, of which only the last is left, of infinity, those of `G` divided by the products of the
//! differences of these numbers.

use std::mem::MaybeUninit;

use pulp::Simd;

use crate::real::Real;

/// Pixels along a side that a tile depends on, and places of a tile.
pub const REACH: usize = 6;
pub const PLACES: usize = REACH * REACH;

/// Results along a side of a tile of a convolution whose windows have so many taps along a side.
pub const fn side(taps: usize) -> usize {
    REACH + 1 - taps
}

/// What the rows of `G` for 0, for 1 and -1, and for 2 and -2 are multiplied by.
const WEIGHTS: [f64; 3] = [1.0 / 4.0, -1.0 / 6.0, 1.0 / 24.0];

/// `B'`, by rows: where a number is not 0.
pub const PIXELS: [[(usize, f64); 4]; REACH] = [
    [(0, 4.0), (2, -5.0), (4, 1.0), (4, 0.0)],
    [(1, -4.0), (2, -4.0), (3, 1.0), (4, 1.0)],
    [(1, 4.0), (2, -4.0), (3, -1.0), (4, 1.0)],
    [(1, -2.0), (2, -1.0), (3, 2.0), (4, 1.0)],
    [(1, 2.0), (2, -1.0), (3, -2.0), (4, 1.0)],
    [(1, 4.0), (3, -5.0), (5, 1.0), (5, 0.0)],
];

/// A row of `A`.
pub fn results_of<const N: usize>(row: usize) -> [f64; N] {
    let powers = |x: f64| std::array::from_fn(|power| x.powi(power as i32));
    match row {
        5 => std::array::from_fn(|power| if power + 1 == N { 1.0 } else { 0.0 }),
        row => powers([0.0, 1.0, -1.0, 2.0, -2.0][row]),
    }
}

/// Sums and multiples of registers.
#[derive(Clone, Copy)]
struct Sums<S>(S);

impl<S: Simd> Sums<S> {
    /// `factor a + b`.
    #[inline(always)]
    fn more<T: Real>(self, factor: f64, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        T::mul_add(self.0, T::splat(self.0, T::from_f64(factor)), a, b)
    }

    #[inline(always)]
    fn times<T: Real>(self, factor: f64, a: T::Vector<S>) -> T::Vector<S> {
        if factor == 1.0 {
            return a;
        }
        T::vector_mul(self.0, T::splat(self.0, T::from_f64(factor)), a)
    }

    #[inline(always)]
    fn add<T: Real>(self, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        T::vector_add(self.0, a, b)
    }

    /// `a + b` and `a - b`.
    #[inline(always)]
    fn both<T: Real>(self, a: T::Vector<S>, b: T::Vector<S>) -> (T::Vector<S>, T::Vector<S>) {
        (self.add::<T>(a, b), self.more::<T>(-1.0, b, a))
    }
}

/// `B' d`.
#[inline(always)]
pub fn pixels<T: Real, S: Simd>(simd: S, d: [T::Vector<S>; REACH]) -> [T::Vector<S>; REACH] {
    let sums = Sums(simd);
    let [a, b, c, d, e, f] = d;
    let (first, second) = sums.both::<T>(sums.more::<T>(-4.0, c, e), sums.more::<T>(-4.0, b, d));
    let (third, fourth) = sums
        .both::<T>(sums.more::<T>(-1.0, c, e), sums.times::<T>(2.0, sums.more::<T>(-1.0, b, d)));
    [
        sums.more::<T>(4.0, a, sums.more::<T>(-5.0, c, e)),
        first,
        second,
        third,
        fourth,
        sums.more::<T>(4.0, b, sums.more::<T>(-5.0, d, f)),
    ]
}

/// The values at 0, 1, -1, 2, -2 and infinity of a polynomial with these coefficients, those of the first three kinds each
/// times a factor.
#[inline(always)]
fn values<T: Real, S: Simd, const N: usize>(
    simd: S,
    factors: [f64; 3],
    of: [T::Vector<S>; N],
) -> [T::Vector<S>; REACH] {
    let sums = Sums(simd);
    let [at_zero, near, far] = factors;
    // Even and odd powers of 1, and of 2.
    let mut ones = [sums.times::<T>(near, of[0]), sums.times::<T>(near, of[1])];
    let mut twos = [sums.times::<T>(far, of[0]), sums.times::<T>(2.0 * far, of[1])];
    for (power, &of) in of.iter().enumerate().skip(2) {
        ones[power % 2] = sums.more::<T>(near, of, ones[power % 2]);
        twos[power % 2] = sums.more::<T>(far * f64::from(1 << power), of, twos[power % 2]);
    }
    let (first, second) = sums.both::<T>(ones[0], ones[1]);
    let (third, fourth) = sums.both::<T>(twos[0], twos[1]);
    [sums.times::<T>(at_zero, of[0]), first, second, third, fourth, of[N - 1]]
}

/// The transpose of [`values`].
#[inline(always)]
fn powers<T: Real, S: Simd, const N: usize>(
    simd: S,
    factors: [f64; 3],
    m: [T::Vector<S>; REACH],
) -> [T::Vector<S>; N] {
    let sums = Sums(simd);
    let [a, b, c, d, e, f] = m;
    let [at_zero, near, far] = factors;
    let ((ones, odd_ones), (twos, odd_twos)) = (sums.both::<T>(b, c), sums.both::<T>(d, e));
    let (ones, twos) = ([ones, odd_ones], [twos, odd_twos]);
    let mut powers = [a; N];
    for (power, to) in powers.iter_mut().enumerate() {
        let ones = sums.times::<T>(near, ones[power % 2]);
        let sum = sums.more::<T>(far * f64::from(1 << power), twos[power % 2], ones);
        *to = match power {
            0 => sums.more::<T>(at_zero, a, sum),
            _ if power + 1 == N => sums.add::<T>(f, sum),
            _ => sum,
        };
    }
    powers
}

/// `A' m`.
#[inline(always)]
pub fn results<T: Real, S: Simd, const N: usize>(
    simd: S,
    m: [T::Vector<S>; REACH],
) -> [T::Vector<S>; N] {
    powers::<T, S, N>(simd, [1.0; 3], m)
}

/// `A y`.
#[inline(always)]
pub fn gradients<T: Real, S: Simd, const N: usize>(
    simd: S,
    y: [T::Vector<S>; N],
) -> [T::Vector<S>; REACH] {
    values::<T, S, N>(simd, [1.0; 3], y)
}

/// `G w`.
#[inline(always)]
pub fn weights<T: Real, S: Simd, const N: usize>(
    simd: S,
    w: [T::Vector<S>; N],
) -> [T::Vector<S>; REACH] {
    values::<T, S, N>(simd, WEIGHTS, w)
}

/// `G' m`.
#[inline(always)]
pub fn sums<T: Real, S: Simd, const N: usize>(
    simd: S,
    m: [T::Vector<S>; REACH],
) -> [T::Vector<S>; N] {
    powers::<T, S, N>(simd, WEIGHTS, m)
}

/// Registers that do not cross cache lines.
#[repr(align(64))]
struct Aligned<V>(V);

/// Applies a transform to the columns of a square and then to the rows of what comes out.
#[inline(always)]
pub fn square<V: Copy, const N: usize, const M: usize>(
    column: impl Fn(usize) -> [V; N],
    apply: impl Fn([V; N]) -> [V; M],
    mut row: impl FnMut(usize, [V; M]),
) {
    // Setting all of it first would take as long as the transform.
    let mut half = MaybeUninit::<Aligned<[[V; N]; M]>>::uninit();
    for i in 0..N {
        let values = apply(column(i));
        for (line, value) in values.into_iter().enumerate() {
            // SAFETY: the square has this place.
            unsafe { half.as_mut_ptr().cast::<V>().add(line * N + i).write(value) };
        }
    }
    // SAFETY: every column of every line was written.
    let half = unsafe { half.assume_init() };
    for (i, half) in half.0.into_iter().enumerate() {
        row(i, apply(half));
    }
}
