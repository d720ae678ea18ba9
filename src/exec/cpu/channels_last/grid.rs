//! Which pixels of one blob the sums for the pixels of another run over: the geometry that a convolution and its gradient
//! to the input share.

use std::ops::Range;

use crate::exec::cpu::conv;
use crate::window::Axis;

/// Neighbouring taps in a row of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The row of the source, relative to that of the target.
    pub row: isize,
    /// The column of the first tap, likewise.
    pub column: isize,
    /// Number of taps.
    pub taps: usize,
    /// Taps of earlier runs.
    pub before: usize,
}

/// Target pixels at even distances whose sums have the same taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Rows and columns of targets.
    pub count: [usize; 2],
    /// The first target.
    pub start: [usize; 2],
    /// Pixels from target to target.
    pub every: [usize; 2],
    /// Source pixels from target to target.
    pub step: [usize; 2],
    /// The taps, as numbered in the weights, in the order in which they are added.
    pub taps: Vec<usize>,
    /// The same as places.
    pub runs: Vec<Run>,
}

impl Grid {
    /// All pixels of a convolution's output, summed over its input.
    pub fn forward(shape: &conv::Shape) -> Grid {
        let [_, h, w] = shape.windows.axes;
        let [_, height, width] = shape.windows.output;
        let place =
            |axis: &Axis, tap: usize| (tap * axis.dilation) as isize - axis.pad_before as isize;
        let taps = (0..h.kernel * w.kernel)
            .map(|tap| (tap, place(&h, tap / w.kernel), place(&w, tap % w.kernel)));
        Grid {
            count: [height, width],
            start: [0, 0],
            every: [1, 1],
            step: [h.stride, w.stride],
            runs: runs(taps.clone(), shape.group == 1),
            taps: taps.map(|tap| tap.0).collect(),
        }
    }

    /// The pixels of a convolution's input, summed over its output: one grid for each remainder by the strides.
    pub fn input_gradient(shape: &conv::Shape) -> Vec<Grid> {
        let [_, h, w] = shape.windows.axes;
        let [_, height, width] = shape.windows.input;
        let mut grids = vec![];
        for y in 0..h.stride.min(height) {
            for x in 0..w.stride.min(width) {
                let mut taps = vec![];
                // Downward, so that neighbouring taps read neighbouring pixels.
                for tap in (0..h.kernel * w.kernel).rev() {
                    let row = source(&h, y, tap / w.kernel);
                    let column = source(&w, x, tap % w.kernel);
                    taps.extend(row.zip(column).map(|(row, column)| (tap, row, column)));
                }
                grids.push(Grid {
                    count: [(height - y).div_ceil(h.stride), (width - x).div_ceil(w.stride)],
                    start: [y, x],
                    every: [h.stride, w.stride],
                    step: [1, 1],
                    runs: runs(taps.iter().copied(), shape.group == 1),
                    taps: taps.iter().map(|tap| tap.0).collect(),
                });
            }
        }
        grids
    }

    /// Number of targets in each image.
    pub fn targets(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// The runs of a row of targets whose rows lie inside of a source of this height; they follow each other.
    pub fn inside(&self, row: usize, height: usize) -> Range<usize> {
        let row = (row * self.step[0]) as isize;
        let inside = |run: &Run| (0..height as isize).contains(&(row + run.row));
        let start = self.runs.iter().position(inside).unwrap_or(0);
        start..start + self.runs[start..].iter().take_while(|run| inside(run)).count()
    }

    /// Whether tiles of at most `rows` targets had better not reach beyond a row of targets, so that taps in the padding above
    /// and below are left out: tiles are fewer targets then, and each costs one or two more than it has.
    pub fn by_lines(&self, height: usize, rows: usize) -> bool {
        let taps = |runs: &[Run]| runs.iter().map(|run| run.taps).sum::<usize>();
        let lines = (0..self.count[0]).map(|row| taps(&self.runs[self.inside(row, height)]));
        let (inside, all) = (lines.sum::<usize>(), self.count[0] * self.taps.len());
        let width = self.count[1];
        let tile = width as f64 / width.div_ceil(rows).max(1) as f64;
        let cost = |tile: f64| 1.0 + 1.5 / tile;
        // A gain of a fiftieth is too small to be sure of.
        inside as f64 * cost(tile) < 0.98 * all as f64 * cost(rows as f64)
    }
}

/// The output pixel, relative to the number of the target, that reads the input pixel `at` by this tap.
fn source(axis: &Axis, at: usize, tap: usize) -> Option<isize> {
    let at = (at + axis.pad_before) as isize - (tap * axis.dilation) as isize;
    let stride = axis.stride as isize;
    (at.rem_euclid(stride) == 0).then(|| at.div_euclid(stride))
}

/// Joins taps whose places are neighbours, if the channels that are read fill the pixels.
fn runs(taps: impl Iterator<Item = (usize, isize, isize)>, whole: bool) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for (before, (_, row, column)) in taps.enumerate() {
        match runs.last_mut() {
            Some(last)
                if whole && last.row == row && last.column + last.taps as isize == column =>
            {
                last.taps += 1;
            }
            _ => runs.push(Run { row, column, taps: 1, before }),
        }
    }
    runs
}
