//! The forms in which a convolution of 3 x 3 is a product at each of the 36 places of a tile: the matrices of F(4 x 4, 3 x 3)
//! and their transposes, applied to one column of registers.
//!
//! With the names of Lavin and Gray, a tile of results is `A' ((G w G') * (B' d B)) A` for pixels `d` and weights `w`. Its
//! gradient to the weights is therefore `G' ((A dy A') * (B' d B)) G`.

use pulp::Simd;

use crate::real::Real;

/// Results along a side of a tile, the pixels they depend on, and places of a tile.
pub const SIDE: usize = 4;
pub const REACH: usize = 6;
pub const PLACES: usize = REACH * REACH;

/// `B'`, by rows: where a number is not 0.
pub const PIXELS: [[(usize, f64); 4]; REACH] = [
    [(0, 4.0), (2, -5.0), (4, 1.0), (4, 0.0)],
    [(1, -4.0), (2, -4.0), (3, 1.0), (4, 1.0)],
    [(1, 4.0), (2, -4.0), (3, -1.0), (4, 1.0)],
    [(1, -2.0), (2, -1.0), (3, 2.0), (4, 1.0)],
    [(1, 2.0), (2, -1.0), (3, -2.0), (4, 1.0)],
    [(1, 4.0), (3, -5.0), (5, 1.0), (5, 0.0)],
];

/// `A`, by rows.
pub const RESULTS: [[f64; SIDE]; REACH] = [
    [1.0, 0.0, 0.0, 0.0],
    [1.0, 1.0, 1.0, 1.0],
    [1.0, -1.0, 1.0, -1.0],
    [1.0, 2.0, 4.0, 8.0],
    [1.0, -2.0, 4.0, -8.0],
    [0.0, 0.0, 0.0, 1.0],
];

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

/// `A' m`.
#[inline(always)]
pub fn results<T: Real, S: Simd>(simd: S, m: [T::Vector<S>; REACH]) -> [T::Vector<S>; SIDE] {
    let sums = Sums(simd);
    let [a, b, c, d, e, f] = m;
    let (near, odd) = sums.both::<T>(b, c);
    let (far, more) = sums.both::<T>(d, e);
    [
        sums.add::<T>(a, sums.add::<T>(near, far)),
        sums.more::<T>(2.0, more, odd),
        sums.more::<T>(4.0, far, near),
        sums.add::<T>(f, sums.more::<T>(8.0, more, odd)),
    ]
}

/// `A y`.
#[inline(always)]
pub fn gradients<T: Real, S: Simd>(simd: S, y: [T::Vector<S>; SIDE]) -> [T::Vector<S>; REACH] {
    let sums = Sums(simd);
    let [a, b, c, d] = y;
    let (first, second) = sums.both::<T>(sums.add::<T>(a, c), sums.add::<T>(b, d));
    let (third, fourth) =
        sums.both::<T>(sums.more::<T>(4.0, c, a), sums.more::<T>(8.0, d, sums.times::<T>(2.0, b)));
    [a, first, second, third, fourth, d]
}

/// `G w`.
#[inline(always)]
pub fn weights<T: Real, S: Simd>(simd: S, w: [T::Vector<S>; 3]) -> [T::Vector<S>; REACH] {
    let sums = Sums(simd);
    let [a, b, c] = w;
    let (first, second) = sums.both::<T>(
        sums.times::<T>(-1.0 / 6.0, sums.add::<T>(a, c)),
        sums.times::<T>(-1.0 / 6.0, b),
    );
    let even = sums.more::<T>(1.0 / 6.0, c, sums.times::<T>(1.0 / 24.0, a));
    let (third, fourth) = sums.both::<T>(even, sums.times::<T>(1.0 / 12.0, b));
    [sums.times::<T>(0.25, a), first, second, third, fourth, c]
}

/// `G' m`.
#[inline(always)]
pub fn sums<T: Real, S: Simd>(simd: S, m: [T::Vector<S>; REACH]) -> [T::Vector<S>; 3] {
    let sums = Sums(simd);
    let [a, b, c, d, e, f] = m;
    let (near, odd) = sums.both::<T>(b, c);
    let (far, more) = sums.both::<T>(d, e);
    let (near, odd) = (sums.times::<T>(-1.0 / 6.0, near), sums.times::<T>(-1.0 / 6.0, odd));
    [
        sums.more::<T>(0.25, a, sums.more::<T>(1.0 / 24.0, far, near)),
        sums.more::<T>(1.0 / 12.0, more, odd),
        sums.add::<T>(f, sums.more::<T>(1.0 / 6.0, far, near)),
    ]
}

/// Applies `one` to the columns of a square and `other` to the rows of what comes out.
#[inline(always)]
pub fn square<V: Copy, const N: usize, const M: usize>(
    nothing: V,
    column: impl Fn(usize) -> [V; N],
    apply: impl Fn([V; N]) -> [V; M],
    mut row: impl FnMut(usize, [V; M]),
) {
    let mut half = [[nothing; N]; M];
    for i in 0..N {
        let values = apply(column(i));
        for (half, value) in half.iter_mut().zip(values) {
            half[i] = value;
        }
    }
    for (i, half) in half.into_iter().enumerate() {
        row(i, apply(half));
    }
}
