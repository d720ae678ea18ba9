//! Sums, maxima and norms over axes, added in a fixed order of blocks.
//!
//! A long sum is cut into blocks; the numbers of a block go to several accumulators, and the block's
//! sums are added in order. The error grows with the number of blocks and the length of a block, not
//! with the length of the sum.

use std::ops::Range;

use super::real::{Real, vectorize};
use super::tasks::{Shared, for_each_piece, for_each_range, items_per_task};

/// Accumulators of a contiguous sum.
pub(super) const LANES: usize = 32;

/// Elements of one block of a contiguous sum.
const BLOCK: usize = 2048;

/// Most tasks of a sum to one number.
const TASKS: usize = 64;

/// Numbers of a sum of short rows from which on rows share accumulators.
const SHARED: usize = 512;

/// Columns whose sums are accumulated together.
const COLUMNS: usize = 64;

/// Elements from which on columns are reduced in parts, where there are fewer blocks of them than this.
const LONG: usize = 128 * 1024;
const FEW: usize = 8;

/// What is computed of the reduced elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum.
    Sum,
    /// The sum of absolute values.
    SumAbs,
    /// The sum of squares.
    SumSquares,
    /// The largest element; minus infinity if there is none.
    Max,
}

impl Reduction {
    #[inline(always)]
    pub(super) fn start<T: Real>(self) -> T {
        if self == Reduction::Max { T::NEG_INFINITY } else { T::ZERO }
    }

    #[inline(always)]
    fn map<T: Real>(self, x: T) -> T {
        match self {
            Reduction::Sum | Reduction::Max => x,
            Reduction::SumAbs => x.abs(),
            Reduction::SumSquares => x * x,
        }
    }

    #[inline(always)]
    pub(super) fn join<T: Real>(self, a: T, b: T) -> T {
        if self == Reduction::Max { a.max(b) } else { a + b }
    }

    /// Reduces contiguous elements.
    #[inline(always)]
    pub(super) fn row<T: Real>(self, x: &[T]) -> T {
        match self {
            Reduction::Sum => row(x, T::ZERO, |x| x, |a, b| a + b),
            Reduction::SumAbs => row(x, T::ZERO, |x: T| x.abs(), |a, b| a + b),
            Reduction::SumSquares => row(x, T::ZERO, |x| x * x, |a, b| a + b),
            Reduction::Max => row(x, T::NEG_INFINITY, |x| x, |a: T, b| a.max(b)),
        }
    }
}

#[inline(always)]
fn row<T: Real>(x: &[T], start: T, map: impl Fn(T) -> T, join: impl Fn(T, T) -> T) -> T {
    let mut total = start;
    for block in x.chunks(BLOCK) {
        let mut sums = [start; LANES];
        let mut rest = block.chunks_exact(LANES);
        for x in &mut rest {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = join(*sum, map(*x));
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest.remainder()) {
            *sum = join(*sum, map(*x));
        }
        total = join(total, halved(sums, &join));
    }
    total
}

/// Joins accumulators, upper half with lower half until one is left.
#[inline(always)]
fn halved<T: Real>(mut sums: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    let mut half = LANES / 2;
    while 0 < half {
        for i in 0..half {
            sums[i] = join(sums[i], sums[i + half]);
        }
        half /= 2;
    }
    sums[0]
}

/// The inner product of two slices of one length.
#[inline(always)]
pub fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut a).zip(&mut b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += *a * *b;
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a.remainder().iter().zip(b.remainder())) {
        *sum += *a * *b;
    }
    let mut half = LANES / 2;
    while 0 < half {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

#[inline(always)]
fn put<T: Real>(to: &mut T, value: T, beta: T) {
    *to = if beta == T::ZERO { value } else { beta * *to + value };
}

/// Reduces all elements to one number.
pub fn total<T: Real>(kind: Reduction, x: &[T]) -> T {
    let mut parts = [kind.start(); TASKS];
    let each = x.len().div_ceil(TASKS).next_multiple_of(BLOCK).max(BLOCK);
    for_each_piece(&mut parts[..x.len().div_ceil(each)], 1, |task, part| {
        let x = &x[task * each..(task * each + each).min(x.len())];
        part[0] = vectorize(
            #[inline(always)]
            || kind.row(x),
        );
    });
    parts.into_iter().fold(kind.start(), |a, b| kind.join(a, b))
}

/// The sum of what `of` makes of each number below `n`, in order within parts that depend on `n` alone.
pub fn total_of<T: Real>(n: usize, of: impl Fn(usize) -> T + Sync) -> T {
    total_of_parts(n, |part| part.map(&of).fold(T::ZERO, |sum, term| sum + term))
}

/// The sum of what `of` makes of each pair of numbers of two blobs of one length.
pub fn total_of_pairs<T: Real>(a: &[T], b: &[T], of: impl Fn(T, T) -> T + Sync) -> T {
    assert_eq!(a.len(), b.len());
    total_of_parts(
        a.len(),
        #[inline(always)]
        |part| {
            let mut sums = [T::ZERO; LANES];
            let (a, b) = (a[part.clone()].chunks_exact(LANES), b[part].chunks_exact(LANES));
            let (rest_a, rest_b) = (a.remainder(), b.remainder());
            for (a, b) in a.zip(b) {
                sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += of(*a, *b));
            }
            let rest = rest_a.iter().zip(rest_b);
            sums.iter_mut().zip(rest).for_each(|(sum, (a, b))| *sum += of(*a, *b));
            halved(sums, |a, b| a + b)
        },
    )
}

/// The sum of what `of` makes of ranges that together are `0..n`.
fn total_of_parts<T: Real>(n: usize, of: impl Fn(Range<usize>) -> T + Sync) -> T {
    let mut parts = [T::ZERO; TASKS];
    let each = n.div_ceil(TASKS).next_multiple_of(BLOCK).max(BLOCK);
    for_each_piece(&mut parts[..n.div_ceil(each)], 1, |task, part| {
        part[0] = vectorize(
            #[inline(always)]
            || of(task * each..(task * each + each).min(n)),
        );
    });
    parts.into_iter().fold(T::ZERO, |a, b| a + b)
}

/// Reduces the middle axis: `outer x reduced x inner` to `outer x inner`, `y = result + beta y`.
pub fn reduce<T: Real>(
    kind: Reduction,
    outer: usize,
    reduced: usize,
    inner: usize,
    x: &[T],
    beta: T,
    y: &mut [T],
) {
    assert!(x.len() == outer * reduced * inner, "{} elements to reduce", x.len());
    assert!(y.len() == outer * inner, "{} results", y.len());
    if y.len() == 1 {
        put(&mut y[0], total(kind, x), beta);
        return;
    }
    if inner == 1 {
        let each = items_per_task(reduced);
        for_each_piece(y, each, |task, y| {
            vectorize(
                #[inline(always)]
                || {
                    for (i, y) in y.iter_mut().enumerate() {
                        put(y, kind.row(&x[(task * each + i) * reduced..][..reduced]), beta);
                    }
                },
            );
        });
        return;
    }
    let blocks = inner.div_ceil(COLUMNS);
    if outer * blocks < FEW && LONG <= reduced * COLUMNS.min(inner) {
        for (block, y) in y.chunks_mut(inner).flat_map(|y| y.chunks_mut(COLUMNS)).enumerate() {
            let (o, from) = (block / blocks, block % blocks * COLUMNS);
            long_columns(kind, reduced, inner, &x[o * reduced * inner + from..], beta, y);
        }
        return;
    }
    let each = items_per_task(reduced * COLUMNS.min(inner));
    let y = Shared::new(y);
    for_each_range(outer * blocks, each, |items| {
        for item in items {
            let (o, from) = (item / blocks, item % blocks * COLUMNS);
            let width = COLUMNS.min(inner - from);
            // SAFETY: every block of columns is in one task.
            let y = unsafe { y.slice(o * inner + from..o * inner + from + width) };
            vectorize(
                #[inline(always)]
                || {
                    let mut sums = [kind.start(); COLUMNS];
                    columns(
                        kind,
                        reduced,
                        inner,
                        &x[o * reduced * inner + from..],
                        &mut sums[..width],
                    );
                    y.iter_mut().zip(sums).for_each(|(y, sum)| put(y, sum, beta));
                },
            );
        }
    });
}

/// Reduces many rows, `stride` elements apart, element by element: in parts, a number fixed by the extents, which are joined in
/// order.
fn long_columns<T: Real>(
    kind: Reduction,
    rows: usize,
    stride: usize,
    x: &[T],
    beta: T,
    y: &mut [T],
) {
    let mut parts = [[kind.start(); COLUMNS]; TASKS];
    let each = rows.div_ceil(TASKS);
    for_each_piece(&mut parts[..rows.div_ceil(each)], 1, |task, parts| {
        let rows = each.min(rows - task * each);
        let sums = &mut parts[0][..y.len()];
        vectorize(
            #[inline(always)]
            || columns(kind, rows, stride, &x[task * each * stride..], sums),
        );
    });
    for (column, y) in y.iter_mut().enumerate() {
        let sums = parts[..rows.div_ceil(each)].iter().map(|sums| sums[column]);
        put(y, sums.fold(kind.start(), |a, b| kind.join(a, b)), beta);
    }
}

/// Reduces `rows` rows, `stride` elements apart, element by element into `sums`.
#[inline(always)]
fn columns<T: Real>(kind: Reduction, rows: usize, stride: usize, x: &[T], sums: &mut [T]) {
    const ROWS: usize = 64;
    let width = sums.len();
    for first in (0..rows).step_by(ROWS) {
        let mut block = [kind.start(); COLUMNS];
        for row in first..(first + ROWS).min(rows) {
            for (sum, x) in block.iter_mut().zip(&x[row * stride..][..width]) {
                *sum = kind.join(*sum, kind.map(*x));
            }
        }
        for (sum, block) in sums.iter_mut().zip(block) {
            *sum = kind.join(*sum, block);
        }
    }
}

/// Sums the outer and the inner axis: `outer x middle x inner` to `middle`, `y = sum + beta y`.
fn sum_around<T: Real>(outer: usize, middle: usize, inner: usize, x: &[T], beta: T, y: &mut [T]) {
    assert!(x.len() == outer * middle * inner, "{} elements to sum", x.len());
    assert!(y.len() == middle, "{} sums", y.len());
    if inner == 1 {
        reduce(Reduction::Sum, 1, outer, middle, x, beta, y);
        return;
    }
    let each = items_per_task(outer * inner);
    for_each_piece(y, each, |task, y| {
        vectorize(
            #[inline(always)]
            || {
                for (i, y) in y.iter_mut().enumerate() {
                    let row = |o: usize| &x[(o * middle + task * each + i) * inner..][..inner];
                    let mut sum = T::ZERO;
                    if BLOCK < inner || outer * inner < SHARED {
                        (0..outer).for_each(|o| sum += Reduction::Sum.row(row(o)));
                        put(y, sum, beta);
                        continue;
                    }
                    // Short rows share accumulators until they are as many numbers as a block.
                    for first in (0..outer).step_by(BLOCK / inner) {
                        let mut sums = [T::ZERO; LANES];
                        for o in first..(first + BLOCK / inner).min(outer) {
                            let mut rest = row(o).chunks_exact(LANES);
                            for x in &mut rest {
                                sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += *x);
                            }
                            let rest = rest.remainder();
                            sums.iter_mut().zip(rest).for_each(|(sum, x)| *sum += *x);
                        }
                        sum += halved(sums, |a, b| a + b);
                    }
                    put(y, sum, beta);
                }
            },
        );
    });
}

/// Most axes of [`reduce_axes`].
pub const MAX_AXES: usize = 8;

/// Reduces any axes of a dense blob: those for which `reduced` is true, `y = result + beta y`.
///
/// `y` has the extents that remain, in order. At most [`MAX_AXES`] axes.
pub fn reduce_axes<T: Real>(
    kind: Reduction,
    extents: &[usize],
    reduced: &[bool],
    x: &[T],
    beta: T,
    y: &mut [T],
) {
    assert!(extents.len() == reduced.len() && extents.len() <= MAX_AXES, "too many axes");
    // Neighbouring axes of one sort are one axis; they alternate from then on.
    let mut merged = [(1, false); MAX_AXES + 1];
    let mut count = 0;
    for (extent, reduced) in extents.iter().zip(reduced).filter(|(extent, _)| **extent != 1) {
        if 0 < count && merged[count - 1].1 == *reduced {
            merged[count - 1].0 *= *extent;
        } else {
            merged[count] = (*extent, *reduced);
            count += 1;
        }
    }
    match merged[..count] {
        [] => reduce(kind, 1, 1, x.len(), x, beta, y),
        [(n, false)] => reduce(kind, n, 1, 1, x, beta, y),
        [(n, true)] => reduce(kind, 1, n, 1, x, beta, y),
        [(a, true), (b, false)] => reduce(kind, 1, a, b, x, beta, y),
        [(a, false), (b, true)] => reduce(kind, a, b, 1, x, beta, y),
        [(a, false), (b, true), (c, false)] => reduce(kind, a, b, c, x, beta, y),
        [(a, true), (b, false), (c, true)] if kind == Reduction::Sum => {
            sum_around(a, b, c, x, beta, y);
        }
        [(a, false), (b, true), (c, false), (d @ (2 | 4), true)] if 0 < b * c => match d {
            2 => reduce_blocks::<T, 2>(kind, [a, b, c], x, beta, y),
            _ => reduce_blocks::<T, 4>(kind, [a, b, c], x, beta, y),
        },
        ref axes => reduce_strided(kind, axes, x, beta, y),
    }
}

/// Reduces blocks of `rows` rows and `D` columns: `outer x rows x blocks x D` to `outer x blocks`, as the gradient of an image
/// whose pixels were repeated does.
fn reduce_blocks<T: Real, const D: usize>(
    kind: Reduction,
    [outer, rows, blocks]: [usize; 3],
    x: &[T],
    beta: T,
    y: &mut [T],
) {
    assert!(x.len() == outer * rows * blocks * D, "{} elements to reduce", x.len());
    assert!(y.len() == outer * blocks, "{} results", y.len());
    let each = items_per_task(rows * blocks * D);
    for_each_piece(y, each * blocks, |task, y| {
        vectorize(
            #[inline(always)]
            || {
                let from = &x[task * each * rows * blocks * D..];
                for (x, y) in from.chunks_exact(rows * blocks * D).zip(y.chunks_exact_mut(blocks)) {
                    for (i, y) in y.chunks_mut(COLUMNS).enumerate() {
                        let mut sums = [kind.start(); COLUMNS];
                        for row in x.chunks_exact(blocks * D) {
                            let row = row[i * COLUMNS * D..].chunks_exact(D).take(y.len());
                            for (sum, x) in sums.iter_mut().zip(row) {
                                for x in x {
                                    *sum = kind.join(*sum, kind.map(*x));
                                }
                            }
                        }
                        y.iter_mut().zip(sums).for_each(|(y, sum)| put(y, sum, beta));
                    }
                }
            },
        );
    });
}

/// The general case: every result visits its elements, innermost axis first.
fn reduce_strided<T: Real>(kind: Reduction, axes: &[(usize, bool)], x: &[T], beta: T, y: &mut [T]) {
    let extent = |wanted: bool| {
        axes.iter().filter(|(_, reduced)| *reduced == wanted).map(|(extent, _)| extent).product()
    };
    // Offset of the element with the given number among those along the axes of one sort.
    let offset = |mut number: usize, wanted: bool| {
        let (mut at, mut stride) = (0, 1);
        for (extent, reduced) in axes.iter().rev() {
            if *reduced == wanted {
                at += number % extent * stride;
                number /= extent;
            }
            stride *= extent;
        }
        at
    };
    let (results, terms): (usize, usize) = (extent(false), extent(true));
    assert!(x.len() == results * terms, "{} elements to reduce", x.len());
    assert!(y.len() == results, "{} results", y.len());
    let inner = axes.last().map_or(1, |(extent, reduced)| if *reduced { *extent } else { 1 });
    let each = items_per_task(terms);
    for_each_piece(y, each, |task, y| {
        vectorize(
            #[inline(always)]
            || {
                for (i, y) in y.iter_mut().enumerate() {
                    let base = offset(task * each + i, false);
                    let mut result = kind.start();
                    for term in (0..terms).step_by(inner) {
                        let from = base + offset(term, true);
                        result = kind.join(result, kind.row(&x[from..from + inner]));
                    }
                    put(y, result, beta);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, fill, same_for_any_threads};
    use super::*;

    const KINDS: [Reduction; 4] =
        [Reduction::Sum, Reduction::SumAbs, Reduction::SumSquares, Reduction::Max];

    fn check<T: Real>(kind: Reduction, extents: &[usize], reduced: &[bool]) {
        let x: Vec<T> = fill(extents.iter().product(), 3);
        let results =
            extents.iter().zip(reduced).filter(|(_, r)| !**r).map(|(e, _)| e).product::<usize>();
        let mut expected = vec![kind.start::<f64>(); results];
        for (i, x) in x.iter().enumerate() {
            let (mut rest, mut at, mut stride) = (i, 0, 1);
            for (extent, reduced) in extents.iter().zip(reduced).rev() {
                if !reduced {
                    at += rest % extent * stride;
                    stride *= extent;
                }
                rest /= extent;
            }
            expected[at] = kind.join(expected[at], kind.map(x.to_f64()));
        }
        let y = same_for_any_threads(results, |y: &mut [T]| {
            reduce_axes(kind, extents, reduced, &x, T::ZERO, y);
        });
        close(&y, &expected, 1e-5);
        let mut twice = y.clone();
        reduce_axes(kind, extents, reduced, &x, T::ONE, &mut twice);
        let doubled: Vec<f64> = expected.iter().map(|y| 2.0 * y).collect();
        close(&twice, &doubled, 1e-5);
    }

    #[test]
    fn every_choice_of_axes_agrees_with_a_plain_loop() {
        for kind in KINDS {
            for mask in 0..16 {
                let reduced: Vec<bool> = (0..4).map(|axis| mask >> axis & 1 == 1).collect();
                check::<f32>(kind, &[3, 70, 5, 130], &reduced);
                check::<f64>(kind, &[2, 3, 4, 1], &reduced);
                check::<f32>(kind, &[5, 3, 70, 2], &reduced);
                check::<f32>(kind, &[9, 2, 65, 4], &reduced);
            }
            check::<f32>(kind, &[200_001], &[true]);
            check::<f64>(kind, &[1, 1], &[true, false]);
            check::<f32>(kind, &[2, 3, 2, 3, 2, 3], &[true, false, true, false, true, false]);
        }
    }

    #[test]
    fn a_long_sum_of_floats_stays_accurate() {
        let x = vec![0.1f32; 10_000_000];
        let sum = total(Reduction::Sum, &x);
        assert!((f64::from(sum) / 1e7 - f64::from(0.1f32)).abs() < 1e-6, "{sum}");
    }

    #[test]
    fn sums_of_terms_are_those_of_a_plain_loop() {
        for n in [0, 1, 31, 5000, 300_000] {
            let a: Vec<f64> = (0..n).map(|i| (i % 13) as f64).collect();
            let b: Vec<f64> = (0..n).map(|i| (i % 7) as f64 - 3.0).collect();
            let want: f64 = a.iter().zip(&b).map(|(a, b)| a * b + 1.0).sum();
            assert_eq!(total_of_pairs(&a, &b, |a, b| a * b + 1.0), want);
            assert_eq!(total_of(n, |i| a[i] * b[i] + 1.0), want);
        }
    }
}
