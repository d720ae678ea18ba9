//! Copies that change only where elements lie: parts along an axis, permutations of axes, repetition.

use super::real::{Real, vectorize};
use super::tasks::{Shared, for_each_piece, for_each_range, items_per_task};
use super::turn::{self, turn};

/// A part along one axis of `outer x extent x inner`: elements `start..start + len` of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Extent of the axis in the blob.
    pub extent: usize,
    /// First element of the part.
    pub start: usize,
}

/// Copies `len` elements along an axis from a part of `x` to a part of `y`: `y = x + beta y` there.
///
/// Slices, concatenations, crops and the insides of pads are this; the rest of `y` is left alone.
#[expect(clippy::too_many_arguments, reason = "two parts and the extents around them")]
pub fn copy_part<T: Real>(
    outer: usize,
    len: usize,
    inner: usize,
    x: &[T],
    from: Part,
    beta: T,
    y: &mut [T],
    to: Part,
) {
    assert!(x.len() == outer * from.extent * inner, "{} elements to copy from", x.len());
    assert!(y.len() == outer * to.extent * inner, "{} elements to copy to", y.len());
    assert!(from.start + len <= from.extent && to.start + len <= to.extent, "part too long");
    let run = len * inner;
    let each = items_per_task(run);
    let y = Shared::new(y);
    for_each_range(outer, each, |items| {
        for o in items {
            let first = (o * to.extent + to.start) * inner;
            // SAFETY: every outer index is in one task.
            let y = unsafe { y.slice(first..first + run) };
            add_to(beta, &x[(o * from.extent + from.start) * inner..][..run], y);
        }
    });
}

/// `y = x + beta y`.
#[inline(always)]
fn add_to<T: Real>(beta: T, x: &[T], y: &mut [T]) {
    if beta == T::ZERO {
        y.copy_from_slice(x);
        return;
    }
    vectorize(
        #[inline(always)]
        || y.iter_mut().zip(x).for_each(|(y, x)| *y = *x + beta * *y),
    );
}

/// Most axes of [`transpose`].
pub const MAX_AXES: usize = 8;

/// Side of the squares that a transposition moves at a time.
const SQUARE: usize = turn::SIDE;

/// Permutes axes: axis `i` of `y` is axis `order[i]` of `x`.
///
/// `extents` are those of `x`. At most [`MAX_AXES`] axes.
pub fn transpose<T: Real>(extents: &[usize], order: &[usize], x: &[T], y: &mut [T]) {
    let axes = extents.len();
    assert!(axes == order.len() && axes <= MAX_AXES, "{axes} axes, order {order:?}");
    assert!((0..axes).all(|axis| order.contains(&axis)), "order {order:?} of {axes} axes");
    let len: usize = extents.iter().product();
    assert!(x.len() == len && y.len() == len, "{} to {} elements", x.len(), y.len());
    if len == 0 {
        return;
    }
    let mut strides = [1; MAX_AXES];
    for axis in (1..axes).rev() {
        strides[axis - 1] = strides[axis] * extents[axis];
    }
    // Axes of `y` as (extent, stride in x), where neighbours in both are one axis.
    let mut merged = [(1, 1); MAX_AXES + 1];
    let mut count = 0;
    for axis in order.iter().copied().filter(|axis| extents[*axis] != 1) {
        if 0 < count && merged[count - 1].1 == strides[axis] * extents[axis] {
            merged[count - 1] = (merged[count - 1].0 * extents[axis], strides[axis]);
        } else {
            merged[count] = (extents[axis], strides[axis]);
            count += 1;
        }
    }
    let count = count.max(1);
    let (width, stride) = merged[count - 1];
    if stride == 1 {
        let each = items_per_task(width);
        for_each_piece(y, each * width, |task, y| {
            for (i, y) in y.chunks_exact_mut(width).enumerate() {
                let from = source(&merged[..count - 1], task * each + i);
                y.copy_from_slice(&x[from..from + width]);
            }
        });
        return;
    }
    // The axis of `y` that is contiguous in `x` makes squares with the last one.
    let line = merged[..count].iter().position(|axis| axis.1 == 1).unwrap_or(0);
    let lines = merged[line].0;
    let step: usize = merged[line + 1..count].iter().map(|axis| axis.0).product();
    let mut others = merged;
    others[line].0 = 1;
    let planes = len / (width * lines);
    let blocks = lines.div_ceil(SQUARE);
    let each = items_per_task(SQUARE * width);
    let y = Shared::new(y);
    for_each_range(planes * blocks, each, |items| {
        for item in items {
            let (plane, first) = (item / blocks, item % blocks * SQUARE);
            let rows = SQUARE.min(lines - first);
            let from = source(&others[..count - 1], plane) + first;
            let to = target(&merged[..count], line, plane) + first * step;
            if width == 3 && step == width {
                // Three lines, as images have, one number of each after the other.
                let given = [0, 1, 2].map(|line| &x[from + line * stride..][..rows]);
                // SAFETY: every line of every plane is in one task.
                let to = unsafe { y.slice(to..to + rows * width) };
                for (row, to) in to.chunks_exact_mut(3).enumerate() {
                    to.copy_from_slice(&given.map(|line| line[row]));
                }
                continue;
            }
            for column in (0..width).step_by(SQUARE) {
                let columns = SQUARE.min(width - column);
                let mut given = [std::ptr::null(); SQUARE];
                for (i, line) in given[..columns].iter_mut().enumerate() {
                    *line = x[from + (column + i) * stride..][..rows].as_ptr();
                }
                let mut places = [std::ptr::null_mut(); SQUARE];
                for (row, place) in places[..rows].iter_mut().enumerate() {
                    *place = y.pointer(to + row * step + column);
                }
                debug_assert!(to + (rows - 1) * step + column + columns <= len);
                // SAFETY: lines and places have these extents; every line of every plane is in one task.
                unsafe { turn(&given[..columns], &places[..rows], columns) };
            }
        }
    });
}

/// The place in `x` of the element with the given number along (extent, stride) axes.
fn source(axes: &[(usize, usize)], mut number: usize) -> usize {
    let mut at = 0;
    for (extent, stride) in axes.iter().rev() {
        at += number % extent * stride;
        number /= extent;
    }
    at
}

/// The place in `y` of the plane with the given number along all axes but `line` and the last.
fn target(axes: &[(usize, usize)], line: usize, mut number: usize) -> usize {
    let (mut at, mut stride) = (0, axes.last().map_or(1, |axis| axis.0));
    for (axis, (extent, _)) in axes.iter().enumerate().rev().skip(1) {
        if axis != line {
            at += number % extent * stride;
            number /= extent;
        }
        stride *= extent;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Dice, close, fill, same_for_any_threads};
    use super::*;

    fn check_transpose<T: Real>(extents: &[usize], order: &[usize]) {
        let x: Vec<T> = fill(extents.iter().product(), 1);
        let mut expected = vec![0.0; x.len()];
        for (from, x) in x.iter().enumerate() {
            let mut place = vec![0; extents.len()];
            let mut rest = from;
            for axis in (0..extents.len()).rev() {
                place[axis] = rest % extents[axis];
                rest /= extents[axis];
            }
            let to = order.iter().fold(0, |at, axis| at * extents[*axis] + place[*axis]);
            expected[to] = x.to_f64();
        }
        let y = same_for_any_threads(x.len(), |y| transpose(extents, order, &x, y));
        close(&y, &expected, 0.0);
    }

    #[test]
    fn random_permutations_put_every_element_in_place() {
        let mut dice = Dice(11);
        for _ in 0..200 {
            let axes = dice.roll(1, 5);
            let extents: Vec<usize> =
                (0..axes).map(|_| [1, 2, 3, 5, 17, 33][dice.roll(0, 5)]).collect();
            let mut order: Vec<usize> = (0..axes).collect();
            (1..axes).for_each(|axis| order.swap(axis, dice.roll(0, axis)));
            if extents.iter().product::<usize>() < 100_000 {
                check_transpose::<f32>(&extents, &order);
            }
        }
        check_transpose::<f64>(&[2, 3, 40, 50], &[0, 2, 3, 1]);
        check_transpose::<f32>(&[], &[]);
        check_transpose::<f32>(&[4, 0, 3], &[1, 2, 0]);
    }

    #[test]
    fn parts_are_cut_and_joined() {
        let x: Vec<f32> = fill(2 * 7 * 3, 1);
        let part = |extent, start| Part { extent, start };
        let joined = same_for_any_threads(x.len(), |y| {
            let (mut a, mut b) = (vec![0.0; 2 * 2 * 3], vec![0.0; 2 * 5 * 3]);
            copy_part(2, 2, 3, &x, part(7, 0), 0.0, &mut a, part(2, 0));
            copy_part(2, 5, 3, &x, part(7, 2), 0.0, &mut b, part(5, 0));
            copy_part(2, 2, 3, &a, part(2, 0), 0.0, y, part(7, 0));
            copy_part(2, 5, 3, &b, part(5, 0), 0.0, y, part(7, 2));
        });
        assert_eq!(joined, x);
        let mut y = [1.0f32, 1., 1., 9., 1., 1., 1., 9.];
        copy_part(2, 2, 1, &[5., 6., 7., 8.], part(2, 0), 1.0, &mut y, part(4, 1));
        assert_eq!(y, [1., 6., 7., 9., 1., 8., 9., 9.]);
    }
}
