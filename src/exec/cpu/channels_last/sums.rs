//! Sums over the taps of windows: a convolution, and its gradient to the input, which is one as well.
//!
//! A task owns some targets and some channels of them. Pass by pass it copies what the windows of a dozen targets at a time
//! see, which are runs of memory, and multiplies it by the panels of weights; the copies stay in the second-level cache, a
//! panel of weights in the first.

use std::ops::Range;

use super::Way;
use super::ahead::Ahead;
use super::grid::Grid;
use super::micro::{DEPTH, Left, Product, ROW_STRIDE, Segment};
use super::then::{After, Then};
use super::weights::Panels;
use crate::exec::cpu::conv;
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::past;
use crate::exec::cpu::tasks::{Shared, for_each_with};
use crate::real::{LINE, Real, prefetch, vectorize};

/// Most panels of targets of one task.
const PANELS: usize = 16;

/// Elements of packed weights that stay in the second-level cache with the copies.
const CACHED: usize = 64 * 1024;

/// Tasks wanted, so that many threads have work.
const TASKS: usize = 8;

/// Prepared sums: targets, taps and channels.
#[derive(Clone, Debug)]
pub struct Sums {
    pub(super) way: Way,
    batch: usize,
    pub(super) group: usize,
    /// Channels of a group that are summed over, and that result.
    pub(super) channels: usize,
    pub(super) outputs: usize,
    /// Spatial extents of the source and the target.
    source: [usize; 2],
    target: [usize; 2],
    /// Taps of the weights.
    pub(super) all_taps: usize,
    grids: Vec<Grid>,
    /// Targets of each grid that stay together: those of a row of targets, or single ones.
    units: Vec<usize>,
    /// The grid of every tap and its place there, if any target has it.
    pub(super) places: Vec<Option<(usize, usize)>>,
}

/// The part of the targets and channels that one task owns.
struct Task {
    grid: usize,
    group: usize,
    targets: Range<usize>,
    panels: Range<usize>,
}

/// A part of the sums.
struct Pass {
    begins: bool,
    ends: bool,
    depth: Range<usize>,
}

/// How the grids are cut into tasks; depends on the shape only.
struct Cut {
    /// Blocks of targets, as many of each grid.
    blocks: usize,
    /// Blocks of panels, and the panels of one.
    columns: usize,
    panels: usize,
}

/// The blobs of a pass.
struct Blobs<'a, T> {
    x: &'a [T],
    packed: &'a [T],
    after: After<'a, T>,
    y: Shared<'a, T>,
    /// Whether whole tiles are written past the caches.
    past: bool,
}

impl Sums {
    /// Those of a convolution or of its gradient to the input, over two spatial axes.
    pub fn new<T: Real>(shape: &conv::Shape, way: Way) -> Sums {
        let windows = &shape.windows;
        let (input, output) =
            ([windows.input[1], windows.input[2]], [windows.output[1], windows.output[2]]);
        let (inputs, outputs) = (shape.channels / shape.group, shape.out_channels / shape.group);
        let grids = match way {
            Way::Forward => vec![Grid::forward(shape)],
            Way::Input => Grid::input_gradient(shape),
        };
        let mut places = vec![None; windows.taps()];
        for (number, grid) in grids.iter().enumerate() {
            for (at, &tap) in grid.taps.iter().enumerate() {
                places[tap] = Some((number, at));
            }
        }
        let (channels, outputs, source, target) = match way {
            Way::Forward => (inputs, outputs, input, output),
            Way::Input => (outputs, inputs, output, input),
        };
        let tile = Tile::of::<T>();
        let unit = |grid: &Grid| match grid.count[1] <= PANELS * tile.rows {
            true if grid.by_lines(source[0], tile.rows) => grid.count[1],
            _ => 1,
        };
        let units = grids.iter().map(unit).collect();
        Sums {
            way,
            batch: shape.batch,
            group: shape.group,
            channels,
            outputs,
            source,
            target,
            all_taps: windows.taps(),
            grids,
            units,
            places,
        }
    }

    /// Elements of the weights, `O x C/group x kernel`.
    pub fn weight_len(&self) -> usize {
        self.group * self.channels * self.outputs * self.all_taps
    }

    /// Elements of the packed weights.
    pub fn packed_len<T: Real>(&self) -> usize {
        self.group * self.channels * self.all_taps * Panels::of::<T>(self.outputs).all()
    }

    /// Elements of workspace for `threads` to take part.
    pub fn workspace<T: Real>(&self, threads: usize) -> usize {
        threads.max(1) * self.each::<T>()
    }

    fn each<T: Real>(&self) -> usize {
        let tile = Tile::of::<T>();
        PANELS * tile.rows * ROW_STRIDE + tile.rows * tile.columns
    }

    /// The place of a panel among the packed weights.
    pub(super) fn panel<T: Real>(&self, grid: usize, group: usize, panel: usize) -> usize {
        let panels = Panels::of::<T>(self.outputs);
        let before: usize = self.grids[..grid].iter().map(|grid| grid.taps.len()).sum();
        let taps = self.grids[grid].taps.len();
        self.channels
            * ((before * self.group + taps * group) * panels.all() + taps * panels.start(panel))
    }

    fn cut<T: Real>(&self) -> Cut {
        let panels = Panels::of::<T>(self.outputs).count();
        let most = PANELS * Tile::of::<T>().rows;
        let blocks = self.grids.iter().zip(&self.units).map(|(grid, unit)| {
            let units = self.batch * grid.targets() / unit;
            units.div_ceil((most / unit).max(1))
        });
        // Threads share a number that many divide, and the least of images in halves where panels are too few to share.
        let targets = self.batch * self.grids.iter().map(Grid::targets).max().unwrap_or(0);
        let blocks = match blocks.max().unwrap_or(0) {
            1 if panels < 3 && 2 * Tile::of::<T>().rows <= targets => 2,
            blocks if blocks < 3 => blocks,
            blocks => blocks.next_multiple_of(4),
        };
        let summed = self.grids.iter().filter(|grid| !grid.taps.is_empty()).count();
        let others = (blocks * self.group * summed).max(1);
        let columns = TASKS.div_ceil(others).min(panels.div_ceil(2)).max(1);
        Cut { blocks, columns, panels: panels.div_ceil(columns) }
    }

    /// Number of tasks.
    fn tasks(&self, cut: &Cut) -> usize {
        cut.blocks * self.grids.len() * self.group * cut.columns
    }

    /// Those of targets that lie side by side follow each other.
    fn task<T: Real>(&self, cut: &Cut, number: usize) -> Task {
        let panels = Panels::of::<T>(self.outputs).count();
        let (column, number) = (number % cut.columns, number / cut.columns);
        let (group, number) = (number % self.group, number / self.group);
        let (grid, block) = (number % self.grids.len(), number / self.grids.len());
        let all = self.batch * self.grids[grid].targets();
        let part = |part: usize, size: usize, all: usize| {
            (part * size).min(all)..((part + 1) * size).min(all)
        };
        let unit = self.units[grid];
        let targets = part(block, (all / unit).div_ceil(cut.blocks) * unit, all);
        Task { grid, group, targets, panels: part(column, cut.panels, panels) }
    }

    /// The sums and what follows them, with weights that [`pack`](super::pack) has ordered.
    pub fn run<T: Real>(&self, x: &[T], packed: &[T], then: Then<T>, y: &mut [T], work: &mut [T]) {
        let area = |extents: [usize; 2]| self.batch * self.group * extents[0] * extents[1];
        assert!(x.len() == area(self.source) * self.channels, "source of {}", x.len());
        assert!(y.len() == area(self.target) * self.outputs, "target of {}", y.len());
        assert!(self.packed_len::<T>() <= packed.len(), "{} packed weights", packed.len());
        let after = then.on(y, self.group * self.outputs);
        let line = self.group * self.outputs * size_of::<T>();
        let aligned = (y.as_ptr() as usize).is_multiple_of(64) && line.is_multiple_of(64);
        let past = aligned && past::is_large(y);
        let blobs = Blobs { x, packed, after, y: Shared::new(y), past };
        let cut = self.cut::<T>();
        for_each_with(self.tasks(&cut), work, self.each::<T>(), |task, scratch| {
            self.run_task(&self.task::<T>(&cut, task), &blobs, scratch);
            if past {
                past::fence();
            }
        });
    }

    fn run_task<T: Real>(&self, task: &Task, blobs: &Blobs<T>, scratch: &mut [T]) {
        let tile = Tile::of::<T>();
        let grid = &self.grids[task.grid];
        let depth = grid.taps.len() * self.channels;
        if depth == 0 {
            self.untouched(task, blobs, scratch);
            return;
        }
        let rows = task.targets.len();
        let line = match self.units[task.grid] {
            1 => rows,
            line => line,
        };
        let height = tile.panel_rows(line);
        let (spill, left) = scratch.split_at_mut(tile.rows * tile.columns);
        let passes = depth.div_ceil(DEPTH);
        let each = depth.div_ceil(passes);
        let tiles = passes * (rows / line.max(1)) * line.div_ceil(height) * task.panels.len();
        let mut ahead = self.ahead(task, blobs, tiles);
        for number in 0..passes {
            let range = (number * each).min(depth)..((number + 1) * each).min(depth);
            vectorize(
                #[inline(always)]
                || self.copy(task, range.clone(), blobs.x, left),
            );
            let pass = Pass { begins: number == 0, ends: number + 1 == passes, depth: range };
            let together = (CACHED / (tile.columns * each)).max(1);
            for first in task.panels.clone().step_by(together) {
                let panels = first..(first + together).min(task.panels.end);
                for line in (0..rows).step_by(line.max(1)).map(|start| start..start + line) {
                    let depth = self.inside(task, line.start, &pass);
                    for row in line.clone().step_by(height) {
                        let targets = row..(row + height).min(line.end);
                        for panel in panels.clone() {
                            let part = (targets.clone(), depth.clone());
                            self.tile(task, &pass, panel, part, blobs, left, spill);
                            ahead.fetch();
                        }
                    }
                }
            }
        }
    }

    /// The depth of a pass that is inside of the source for the row of a target, counted from the task's first, if tiles go by
    /// such rows.
    fn inside(&self, task: &Task, target: usize, pass: &Pass) -> Range<usize> {
        let grid = &self.grids[task.grid];
        if self.units[task.grid] == 1 {
            return pass.depth.clone();
        }
        let (_, row, _) = place(grid, task.targets.start + target);
        let runs = &grid.runs[grid.inside(row, self.source[0])];
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return 0..0 };
        let depths = [first.before, last.before + last.taps].map(|tap| tap * self.channels);
        let [start, end] = depths.map(|depth| depth.clamp(pass.depth.start, pass.depth.end));
        start..end
    }

    /// What the thread's next task copies, if that is one run of memory that fits the second-level cache with what this
    /// one reads; asked for in as many pieces.
    fn ahead<T: Real>(&self, task: &Task, blobs: &Blobs<T>, pieces: usize) -> Ahead<T> {
        let grid = &self.grids[task.grid];
        let len = task.targets.len() * self.channels;
        let plain = grid.taps.len() == 1 && grid.step == [1, 1] && self.source == grid.count;
        if !plain || self.group != 1 || CACHED < len {
            return Ahead::NOTHING;
        }
        let at = blobs.x.as_ptr().wrapping_add(task.targets.end * self.channels);
        Ahead::new(at, len.div_ceil(LINE * pieces.max(1)))
    }

    /// Finishes targets that no tap reaches, whose sums are 0, pixel by pixel.
    fn untouched<T: Real>(&self, task: &Task, blobs: &Blobs<T>, scratch: &mut [T]) {
        let panels = Panels::of::<T>(self.outputs);
        let pitch = self.group * self.outputs;
        let base = task.group * self.outputs;
        let from = base + panels.start(task.panels.start);
        let end = base + panels.start(task.panels.end).min(self.outputs);
        let After { addend, bias, relu, mask } = blobs.after;
        let most = scratch.len();
        vectorize(
            #[inline(always)]
            || {
                for target in task.targets.clone() {
                    let pixel = self.pixel(&self.grids[task.grid], target) * pitch;
                    for channel in (from..end).step_by(most) {
                        let sums = &mut scratch[..(end - channel).min(most)];
                        sums.fill(T::ZERO);
                        let bias = bias.map(|bias| &bias[channel..]);
                        finish(sums, pixel + channel, false, (addend, bias, mask), relu, &blobs.y);
                    }
                }
            },
        );
    }

    /// Computes some targets, counted from the task's first, in the channels of a panel, from a part of the depth.
    #[expect(clippy::too_many_arguments, reason = "what is computed, operands, and memory")]
    fn tile<T: Real>(
        &self,
        task: &Task,
        pass: &Pass,
        panel: usize,
        (targets, depth): (Range<usize>, Range<usize>),
        blobs: &Blobs<T>,
        left: &[T],
        spill: &mut [T],
    ) {
        let panels = Panels::of::<T>(self.outputs);
        let grid = &self.grids[task.grid];
        let pitch = self.group * self.outputs;
        let (width, columns) = (panels.width(panel), Tile::of::<T>().columns);
        let start = self.panel::<T>(task.grid, task.group, panel) + depth.start * width;
        let len = depth.len();
        let right = blobs.packed[start..start + len * width].as_ptr();
        let channel = task.group * self.outputs + panels.start(panel);
        let addend = blobs.after.addend.filter(|_| pass.begins);
        let mask = blobs.after.mask.filter(|_| pass.ends);
        let bias = blobs.after.bias.filter(|_| pass.ends);
        let epilogue = Epilogue {
            beta: if pass.begins && addend.is_none() { T::ZERO } else { T::ONE },
            row_bias: std::ptr::null(),
            column_bias: bias.map_or(std::ptr::null(), |bias| bias[channel..].as_ptr()),
            relu: pass.ends && blobs.after.relu,
        };
        let every_pixel = grid.every == [1, 1] && grid.count == self.target;
        let whole = panels.channels(panel) == width && every_pixel;
        let first = task.targets.start + targets.start;
        let target = match whole {
            true => {
                let at = first * pitch + channel;
                let mut target = Target::new(blobs.y.pointer(at), pitch, false);
                if let Some(addend) = addend {
                    // SAFETY: the addend is as large as the result.
                    target.old = unsafe { addend.add(at) };
                }
                if let Some(mask) = mask {
                    target.mask = mask[at..].as_ptr();
                }
                // A result that is added to again, or was read, had better stay.
                let once = pass.begins && pass.ends;
                let in_place = addend.is_some() && target.old == target.start.cast_const();
                target.past = blobs.past && once && !in_place;
                target
            }
            false => Target::new(spill.as_mut_ptr(), columns, true),
        };
        if whole {
            // What follows the sums is asked for before them.
            for row in 0..targets.len() {
                let at = (first + row) * pitch + channel;
                let old = addend.map(|addend| addend.wrapping_add(at));
                let mask = mask.map(|mask| mask.as_ptr().wrapping_add(at));
                for from in old.into_iter().chain(mask) {
                    (0..width).step_by(LINE).for_each(|line| prefetch(from.wrapping_add(line)));
                }
            }
        }
        let skipped = depth.start.saturating_sub(pass.depth.start);
        let left = left[targets.start * ROW_STRIDE + skipped..].as_ptr();
        let product = Product {
            rows: targets.len(),
            registers: panels.registers(panel),
            segments: &[Segment { left, right, len }],
            left: Left::Rows,
            offset: 0,
            target,
            epilogue,
        };
        // SAFETY: rows were copied and panels cut to this length; a task owns its targets.
        unsafe { product.run() };
        if whole {
            return;
        }
        let channels = panels.channels(panel);
        vectorize(
            #[inline(always)]
            || {
                let bias = bias.map(|bias| &bias[channel..]);
                let rows = spill.chunks_exact_mut(columns).take(targets.len());
                for (row, sums) in rows.enumerate() {
                    let at = self.pixel(grid, first + row) * pitch + channel;
                    let (sums, adds) = (&mut sums[..channels], !pass.begins);
                    finish(sums, at, adds, (addend, bias, mask), epilogue.relu, &blobs.y);
                }
            },
        );
    }

    /// The number of a target among the pixels of the target blob.
    #[inline(always)]
    fn pixel(&self, grid: &Grid, target: usize) -> usize {
        let (image, row, column) = place(grid, target);
        let [height, width] = self.target;
        let row = image * height + grid.start[0] + row * grid.every[0];
        row * width + grid.start[1] + column * grid.every[1]
    }

    /// Copies what the windows of targets see, one row each: the part `depth` of all taps and channels. Goes by lines of
    /// targets, and there by runs of taps, most of which lie inside the image for nearly all targets of a line.
    #[inline(always)]
    fn copy<T: Real>(&self, task: &Task, depth: Range<usize>, x: &[T], to: &mut [T]) {
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

/// Finishes the sums of one target that were parked and stores them.
#[inline(always)]
fn finish<T: Real>(
    sums: &mut [T],
    at: usize,
    adds: bool,
    (addend, bias, mask): (Option<*const T>, Option<&[T]>, Option<&[T]>),
    relu: bool,
    y: &Shared<T>,
) {
    let place = at..at + sums.len();
    match addend {
        Some(addend) => {
            // SAFETY: the addend is as large as the result, and nobody writes it meanwhile.
            let old = unsafe { std::slice::from_raw_parts(addend.add(at), sums.len()) };
            sums.iter_mut().zip(old).for_each(|(sum, old)| *sum += *old);
        }
        None if adds => {
            // SAFETY: a task owns its targets.
            let old = unsafe { y.slice(place.clone()) };
            sums.iter_mut().zip(&*old).for_each(|(sum, old)| *sum += *old);
        }
        None => {}
    }
    if let Some(bias) = bias {
        sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += *bias);
    }
    if relu {
        sums.iter_mut().for_each(|sum| *sum = if *sum < T::ZERO { T::ZERO } else { *sum });
    }
    if let Some(mask) = mask {
        let masked = sums.iter_mut().zip(&mask[at..]);
        masked.for_each(|(sum, mask)| *sum = if T::ZERO < *mask { *sum } else { T::ZERO });
    }
    // SAFETY: as above; what was read there is not used any more.
    unsafe { y.slice(place) }.copy_from_slice(sums);
}

/// Image, row and column of a target.
#[inline(always)]
fn place(grid: &Grid, target: usize) -> (usize, usize, usize) {
    let [height, width] = grid.count;
    (target / (height * width), target / width % height, target % width)
}
