//! Maximum pooling: a band of rows of a plane to the maxima of its windows and their places.
//!
//! A band is laid out with its padding, rows and columns sorted by their remainder by the stride. The same tap of all
//! windows of the band is then one run of numbers, across the ends of rows, so that small planes fill registers too;
//! what lies between the rows of windows is computed and left out.

use super::im2col::{clip, copy_strided};
use super::pool::Shape;
use crate::real::Real;
use crate::window::Axis;

/// Most elements of a band, and of its windows.
const LEN: usize = 2048;

/// Most taps of a window.
const TAPS: usize = 64;

/// Less than every number, and no maximum.
fn lowest<T: Real>() -> T {
    -T::FLT_MAX
}

/// The layout of the bands of one shape.
pub struct Bands<T> {
    /// Rows of windows of a band, columns between their rows, and remainders along both axes.
    rows: usize,
    columns: usize,
    phases: [usize; 2],
    /// Elements of the part with one remainder.
    part: usize,
    /// For each tap, where it lies behind its window, and how far from the window's corner in the plane.
    taps: [(usize, T); TAPS],
    count: usize,
    /// How far each window's corner is from the first one's in the plane.
    corners: [T; LEN],
    /// The band, and the maxima of its windows with their places.
    band: [T; LEN],
    best: [T; LEN],
    places: [T; LEN],
}

/// Positions along an axis that windows `count` share one remainder with.
fn positions(axis: &Axis, count: usize) -> usize {
    count + (axis.reach() - 1) / axis.stride
}

impl<T: Real> Bands<T> {
    /// The layout for planes of a shape; `None` if not even one row of windows fits.
    pub fn new(shape: &Shape) -> Option<Self> {
        let [h, w] = &shape.pool.axes;
        let count = h.kernel * w.kernel;
        if TAPS < count {
            return None;
        }
        let used = |a: &Axis| if a.dilation == 1 { a.stride.min(a.kernel) } else { a.stride };
        let phases = [used(h), used(w)];
        let columns = positions(w, shape.output[1]);
        let len = |rows: usize| phases[0] * phases[1] * positions(h, rows) * columns;
        let rows = (1..=shape.output[0]).take_while(|rows| len(*rows) <= LEN).last()?;
        let part = positions(h, rows) * columns;
        let width = shape.input[1];
        let taps = std::array::from_fn(|tap| {
            let [y, x] = [tap / w.kernel * h.dilation, tap % w.kernel * w.dilation];
            let phase = y % h.stride * phases[1] + x % w.stride;
            let at = phase * part + y / h.stride * columns + x / w.stride;
            (at, T::from_usize(y * width + x))
        });
        let mut corners = [T::ZERO; LEN];
        for (row, corners) in corners.chunks_mut(columns).take(rows).enumerate() {
            for (column, corner) in corners.iter_mut().enumerate() {
                *corner = T::from_usize(row * h.stride * width + column * w.stride);
            }
        }
        let [band, best, places] = [[T::ZERO; LEN]; 3];
        Some(Bands { rows, columns, phases, part, taps, count, corners, band, best, places })
    }

    /// The maxima of a plane and their places; the first of equals wins.
    #[inline(always)]
    pub fn plane(&mut self, shape: &Shape, x: &[T], y: &mut [T], index: &mut [T]) {
        let [h, w] = &shape.pool.axes;
        let [height, width] = shape.input;
        let windows = shape.output[1];
        let Bands { band, best, places, .. } = self;
        let len = self.rows * windows;
        for (first, (y, index)) in y.chunks_mut(len).zip(index.chunks_mut(len)).enumerate() {
            let first = first * self.rows;
            for (phase, part) in band.chunks_exact_mut(self.part).enumerate() {
                if phase == self.phases[0] * self.phases[1] {
                    break;
                }
                let [down, across] = [phase / self.phases[1], phase % self.phases[1]];
                let axis = Axis { dilation: 1, ..*w };
                let (inside, start) = clip(&axis, width, 0, self.columns, across);
                for (row, to) in part.chunks_exact_mut(self.columns).enumerate() {
                    let row = ((first + row) * h.stride + down).checked_sub(h.pad_before);
                    let Some(row) = row.filter(|row| *row < height) else {
                        to.fill(lowest());
                        continue;
                    };
                    let from = &x[row * width..][..width];
                    to[..inside.start].fill(lowest());
                    to[inside.end..].fill(lowest());
                    let to = &mut to[inside.clone()];
                    match w.stride {
                        1 => to.copy_from_slice(&from[start..][..to.len()]),
                        2 => copy_strided::<T, 2>(&from[start..], to),
                        stride => {
                            let from = from[start..].iter().step_by(stride);
                            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                        }
                    }
                }
            }
            let rows = y.len() / windows;
            let corner = (first * h.stride) as isize - h.pad_before as isize;
            let corner = corner * width as isize - w.pad_before as isize;
            let corner = T::from_i32(corner as i32);
            let len = rows * self.columns;
            let (best, places) = (&mut best[..len], &mut places[..len]);
            best.fill(lowest());
            places.fill(-T::ONE);
            for (at, beside) in &self.taps[..self.count] {
                let (band, corners) = (&band[*at..][..len], &self.corners[..len]);
                let beside = corner + *beside;
                for i in 0..len {
                    let above = best[i] < band[i];
                    best[i] = if above { band[i] } else { best[i] };
                    places[i] = if above { corners[i] + beside } else { places[i] };
                }
            }
            let rows = y.chunks_exact_mut(windows).zip(index.chunks_exact_mut(windows));
            for (row, (y, index)) in rows.enumerate() {
                y.copy_from_slice(&best[row * self.columns..][..windows]);
                index.copy_from_slice(&places[row * self.columns..][..windows]);
            }
        }
    }
}
