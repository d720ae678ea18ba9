//! Sums that read the source where it lies, line by line: what a window sees of a line is one run of numbers there, and those
//! of neighbouring targets begin at even distances.
//!
//! Where windows reach beyond a line, a task copies its lines with the padding between them first, each once, while copies
//! of windows hold each number as often as windows see it.

use std::ops::Range;

use super::ahead::Ahead;
use super::grid::Grid;
use super::micro::{Left, ROW_STRIDE, Segment};
use super::sums::{Blobs, CACHED, Operands, PANELS, Sums, Task, place};
use crate::exec::cpu::micro::Tile;
use crate::real::{Real, vectorize};

/// Most runs of a window.
pub const RUNS: usize = 16;

/// Bytes of the source under a tile that stay in the first-level cache beside the weights.
const NEAR: usize = 24 * 1024;

/// Fewest targets of a line.
const TARGETS: usize = 6;

/// How a grid reads lines.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// Targets that stay together: those of a line, or single ones where all lines are one.
    pub unit: usize,
    /// Most units of a task.
    pub most: usize,
    /// The column of the source with which a line begins, and its pixels; or none if lines are read from the source itself.
    padded: Option<(isize, usize)>,
}

impl Lines {
    /// How a grid reads lines of a source of these extents and channels, if that is worth it.
    pub fn of<T: Real>(grid: &Grid, source: [usize; 2], channels: usize) -> Option<Lines> {
        let rows = Tile::of::<T>().rows;
        let (first, last) = (grid.runs.first()?, grid.runs.last()?);
        let taps = grid.runs.iter().map(|run| run.taps).max()?;
        let rows_near = rows.min(grid.count[1]);
        let under = grid.runs.len() * ((rows_near - 1) * grid.step[1] + taps) * channels;
        let here = (first.row, first.column) == (0, 0);
        let plain = grid.taps.len() == 1 && here && grid.step == [1, 1] && grid.count == source;
        let few = grid.runs.len() <= RUNS && under * size_of::<T>() <= NEAR;
        if !few || !plain && grid.count[1] < TARGETS {
            return None;
        }
        if plain {
            return Some(Lines { unit: 1, most: usize::MAX, padded: None });
        }
        let left = grid.runs.iter().map(|run| run.column).min()?;
        let right = grid.runs.iter().map(|run| run.column + run.taps as isize).max()?;
        let right = right + ((grid.count[1] - 1) * grid.step[1]) as isize;
        if 0 <= left && right <= source[1] as isize {
            return Some(Lines { unit: grid.count[1], most: usize::MAX, padded: None });
        }
        let pixels = (right - left) as usize;
        let span = (last.row - first.row).unsigned_abs() + 1;
        let fit = PANELS * rows * ROW_STRIDE / (pixels * channels).max(1);
        let most = fit.checked_sub(span)? / grid.step[0] + 1;
        Some(Lines { unit: grid.count[1], most, padded: Some((left, pixels)) })
    }
}

impl Sums {
    /// The targets of a task, whose grid reads lines.
    pub(super) fn run_lines<T: Real>(
        &self,
        task: &Task,
        lines: &Lines,
        blobs: &Blobs<T>,
        scratch: &mut [T],
    ) {
        let tile = self.tile;
        let (spill, copies) = scratch.split_at_mut(tile.rows * tile.columns);
        let grid = &self.grids[task.grid];
        let unit = lines.unit;
        let all = task.targets.len();
        let nothing = Segment { left: std::ptr::null(), right: std::ptr::null(), len: 0 };
        let mut segments = [[nothing; RUNS]; 2];
        let widths = [1, 2];
        if unit == 1 {
            let left = blobs.x[task.targets.start * self.channels..].as_ptr();
            for (segments, width) in segments.iter_mut().zip(widths) {
                let right = self.weights(task, width, 0, blobs);
                segments[0] = Segment { left, right, len: self.channels };
            }
            let tiles = all.div_ceil(tile.rows) * task.panels.len();
            let ahead = self.ahead(task, blobs, tiles);
            self.line(task, 0..all, segments.each_ref().map(|s| &s[..1]), ahead, blobs, spill);
            return;
        }
        let mut start = 0;
        while start < all {
            let (image, row, _) = place(grid, task.targets.start + start);
            let count = (grid.count[0] - row).min((all - start) / unit);
            // The rows of the source that these lines see.
            let see = |row: usize, run: isize| (row * grid.step[0]) as isize + run;
            let rows = || grid.runs.iter().map(|run| run.row);
            let bound = |row: isize| row.clamp(0, self.source[0] as isize) as usize;
            let low = bound(see(row, rows().min().unwrap_or(0)));
            let high = bound(see(row + count - 1, rows().max().unwrap_or(0)) + 1).max(low);
            let pixels = (image * self.source[0] + low) * self.source[1] * self.channels;
            let end = (image * self.source[0] + high) * self.source[1] * self.channels;
            let seen = &blobs.x[pixels..end];
            let (seen, left, width) = match lines.padded {
                None => (seen, 0, self.source[1]),
                Some((left, width)) => {
                    let line = width * self.channels;
                    let copies = &mut copies[..(high - low) * line];
                    vectorize(
                        #[inline(always)]
                        || self.copy_lines(seen, left, line, copies),
                    );
                    (&*copies, left, width)
                }
            };
            for line in 0..count {
                let mut found = 0;
                for run in &grid.runs {
                    let at = see(row + line, run.row);
                    if at < low as isize || high as isize <= at {
                        continue;
                    }
                    let at = (at as usize - low) * width + (run.column - left) as usize;
                    let left = seen[at * self.channels..].as_ptr();
                    for (segments, width) in segments.iter_mut().zip(widths) {
                        let right = self.weights(task, width, run.before * self.channels, blobs);
                        segments[found] = Segment { left, right, len: run.taps * self.channels };
                    }
                    found += 1;
                }
                let targets = start + line * unit..start + (line + 1) * unit;
                let found = segments.each_ref().map(|segments| &segments[..found]);
                self.line(task, targets, found, Ahead::NOTHING, blobs, spill);
            }
            start += count * unit;
        }
    }

    /// Some targets side by side, of all panels of the task.
    fn line<T: Real>(
        &self,
        task: &Task,
        targets: Range<usize>,
        segments: [&[Segment<T>]; 2],
        mut ahead: Ahead<T>,
        blobs: &Blobs<T>,
        spill: &mut [T],
    ) {
        let height = self.tile.panel_rows(targets.len());
        let step = self.grids[task.grid].step[1] * self.channels;
        let depth = segments[0].iter().map(|segment| segment.len).sum::<usize>();
        let together = (CACHED / (self.tile.columns * depth.max(1))).max(1);
        for first in task.panels.clone().step_by(together) {
            for row in targets.clone().step_by(height) {
                let own = row..(row + height).min(targets.end);
                let offset = (row - targets.start) * step;
                let operands = Operands { segments, left: Left::Apart(step), offset };
                for panel in first..(first + together).min(task.panels.end) {
                    self.product(task, [true; 2], panel, own.clone(), &operands, blobs, spill);
                    ahead.fetch();
                }
            }
        }
    }

    /// Copies lines of the source to lines of `line` numbers, from the pixel `left` on; what lies beyond is 0.
    #[inline(always)]
    fn copy_lines<T: Real>(&self, from: &[T], left: isize, line: usize, to: &mut [T]) {
        let all = self.source[1] * self.channels;
        let before = ((-left).max(0) as usize * self.channels).min(line);
        let skipped = (left.max(0) as usize * self.channels).min(all);
        let len = (all - skipped).min(line - before);
        for (from, to) in from.chunks_exact(all.max(1)).zip(to.chunks_exact_mut(line)) {
            to[..before].fill(T::ZERO);
            to[before..before + len].copy_from_slice(&from[skipped..skipped + len]);
            to[before + len..].fill(T::ZERO);
        }
    }
}
