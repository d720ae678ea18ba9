//! Copies what windows see, target by target, for the tiles of [`Sums`].

use std::ops::Range;

use super::micro::ROW_STRIDE;
use super::sums::{Sums, Task, place};
use crate::real::Real;

impl Sums {
    /// Copies what the windows of targets see, one row each: the part `depth` of all taps and channels. Goes by lines of
    /// targets, and there by runs of taps, most of which lie inside the image for nearly all targets of a line.
    #[inline(always)]
    pub(super) fn copy<T: Real>(&self, task: &Task, depth: Range<usize>, x: &[T], to: &mut [T]) {
        let (grid, unit) = (&self.grids[task.grid], self.units[task.grid]);
        let (group, targets) = (task.group, &task.targets);
        let [height, width] = self.source;
        let pitch = self.group * self.channels;
        let step = grid.step[1];
        let first =
            grid.runs.partition_point(|run| (run.before + run.taps) * self.channels <= depth.start);
        let mut target = targets.start;
        while target < targets.end {
            let (image, row, column) = place(grid, target);
            let columns = column..grid.count[1].min(column + targets.end - target);
            let to = &mut to[(target - targets.start) * ROW_STRIDE..];
            target += columns.len();
            for run in &grid.runs[first..] {
                let begin = run.before * self.channels;
                if depth.end <= begin {
                    break;
                }
                let from = depth.start.max(begin);
                let end = depth.end.min(begin + run.taps * self.channels);
                let (at, len) = (from - depth.start, end - from);
                let y = (row * grid.step[0]) as isize + run.row;
                if y < 0 || height as isize <= y {
                    if 1 < unit {
                        continue;
                    }
                    let rows = to.chunks_mut(ROW_STRIDE).take(columns.len());
                    rows.for_each(|to| to[at..at + len].fill(T::ZERO));
                    continue;
                }
                let line = (image * height + y as usize) * width;
                // Where the run of a target in this column begins in `x`; it may lie before the line. With several groups a
                // run has one tap.
                let source = |column: usize| {
                    let pixel = (line + column * step) as isize + run.column;
                    pixel * pitch as isize + (group * self.channels + from - begin) as isize
                };
                // The columns whose whole run lies inside of the image.
                let low = (-run.column).max(0) as usize;
                let low = low.div_ceil(step).clamp(columns.start, columns.end);
                let high = width as isize - run.column - run.taps as isize + step as isize;
                let high = (high.max(0) as usize / step).clamp(low, columns.end);
                let place = |column: usize| (column - columns.start) * ROW_STRIDE + at;
                if low < high {
                    let from = &x[source(low) as usize..];
                    let few = len <= 64 || 1 < run.taps;
                    copy_runs(from, step * pitch, len, high - low, few, &mut to[place(low)..]);
                }
                for column in (columns.start..low).chain(high..columns.end) {
                    let left = (column * step) as isize + run.column;
                    let to = &mut to[place(column)..][..len];
                    // The taps inside of the image, as part of the run.
                    let inside = [-left, width as isize - left].map(|tap| {
                        let tap = tap.clamp(0, run.taps as isize) as usize;
                        (begin + tap * self.channels).clamp(from, end) - from
                    });
                    let [low, high] = inside;
                    to.fill(T::ZERO);
                    if low < high {
                        let source = (source(column) + low as isize) as usize;
                        to[low..high].copy_from_slice(&x[source..][..high - low]);
                    }
                }
            }
        }
    }
}

/// Copies `count` runs of `len` numbers, which begin `step` numbers apart, to rows; sixteen numbers at a time if they are
/// few, where what lies behind them may be overwritten.
#[inline(always)]
fn copy_runs<T: Real>(from: &[T], step: usize, len: usize, count: usize, few: bool, to: &mut [T]) {
    let whole = len.next_multiple_of(16);
    let ends = |stride: usize| (count - 1) * stride + whole;
    if !few || from.len() < ends(step) || to.len() < ends(ROW_STRIDE) {
        for (i, to) in to.chunks_mut(ROW_STRIDE).take(count).enumerate() {
            to[..len].copy_from_slice(&from[i * step..][..len]);
        }
        return;
    }
    for start in (0..whole).step_by(16) {
        for i in 0..count {
            let from = &from[i * step + start..][..16];
            to[i * ROW_STRIDE + start..][..16].copy_from_slice(from);
        }
    }
}
