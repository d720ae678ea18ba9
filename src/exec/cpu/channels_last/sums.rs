//! Sums over the taps of windows: a convolution, and its gradient to the input, which is one as well.
//!
//! A task owns some targets and some channels of them. Pass by pass it copies what the windows of a dozen targets at a time
//! see, which are runs of memory, and multiplies it by the panels of weights; the copies stay in the second-level cache, a
//! panel of weights in the first.

use std::ops::Range;

use super::Way;
use super::ahead::Ahead;
use super::grid::Grid;
use super::lines::Lines;
use super::micro::{DEPTH, Left, Product, ROW_STRIDE, Segment};
use super::then::{After, Then};
use super::weights::Panels;
use crate::exec::cpu::conv;
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::past;
use crate::exec::cpu::tasks::{Shared, for_each_with};
use crate::real::{LINE, Real, prefetch, vectorize};

/// Most panels of targets of one task.
pub(super) const PANELS: usize = 16;

/// Elements of packed weights that stay in the second-level cache with the copies.
pub(super) const CACHED: usize = 64 * 1024;

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
    pub(super) source: [usize; 2],
    target: [usize; 2],
    /// Taps of the weights.
    pub(super) all_taps: usize,
    /// The largest tile, and the panels of the results.
    pub(super) tile: Tile,
    pub(super) panels: Panels,
    pub(super) grids: Vec<Grid>,
    /// Which grids read lines of the source in place of copies of windows.
    lines: Vec<Option<Lines>>,
    /// Targets of each grid that stay together: those of a row of targets, or single ones.
    pub(super) units: Vec<usize>,
    /// The grid of every tap and its place there, if any target has it.
    pub(super) places: Vec<Option<(usize, usize)>>,
}

/// The part of the targets and channels that one task owns.
pub(super) struct Task {
    pub grid: usize,
    pub group: usize,
    pub targets: Range<usize>,
    pub panels: Range<usize>,
}

/// A part of the sums.
struct Pass {
    begins: bool,
    ends: bool,
    depth: Range<usize>,
}

/// The operands of a tile.
pub(super) struct Operands<'a, T> {
    /// The terms, with the weights of the first panel, for panels of one register and of two.
    pub segments: [&'a [Segment<T>]; 2],
    /// How left operands lie.
    pub left: Left,
    /// Numbers from the segments' places to what belongs to the first target.
    pub offset: usize,
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
pub(super) struct Blobs<'a, T> {
    pub x: &'a [T],
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
        let lines: Vec<_> = match shape.group {
            1 => grids.iter().map(|grid| Lines::of::<T>(grid, source, channels)).collect(),
            _ => vec![None; grids.len()],
        };
        let unit = |(grid, lines): (&Grid, &Option<Lines>)| match lines {
            Some(lines) => lines.unit,
            None if grid.count[1] <= PANELS * tile.rows && grid.by_lines(source[0], tile.rows) => {
                grid.count[1]
            }
            None => 1,
        };
        let units = grids.iter().zip(&lines).map(unit).collect();
        Sums {
            way,
            batch: shape.batch,
            group: shape.group,
            channels,
            outputs,
            source,
            target,
            all_taps: windows.taps(),
            tile,
            panels: Panels::of::<T>(outputs),
            grids,
            lines,
            units,
            places,
        }
    }

    /// Elements of the weights, `O x C/group x kernel`.
    pub fn weight_len(&self) -> usize {
        self.group * self.channels * self.outputs * self.all_taps
    }

    /// Elements of the packed weights.
    pub fn packed_len(&self) -> usize {
        self.group * self.channels * self.all_taps * self.panels.all()
    }

    /// Elements of workspace for `threads` to take part.
    pub fn workspace(&self, threads: usize) -> usize {
        threads.max(1) * self.each()
    }

    fn each(&self) -> usize {
        let tile = self.tile;
        PANELS * tile.rows * ROW_STRIDE + tile.rows * tile.columns
    }

    /// The place of a panel among the packed weights.
    pub(super) fn panel(&self, grid: usize, group: usize, panel: usize) -> usize {
        let panels = self.panels;
        let before: usize = self.grids[..grid].iter().map(|grid| grid.taps.len()).sum();
        let taps = self.grids[grid].taps.len();
        self.channels
            * ((before * self.group + taps * group) * panels.all() + taps * panels.start(panel))
    }

    fn cut(&self) -> Cut {
        let panels = self.panels.count();
        let most = PANELS * self.tile.rows;
        let blocks = self.grids.iter().zip(&self.units).zip(&self.lines);
        let blocks = blocks.map(|((grid, unit), lines)| {
            let units = self.batch * grid.targets() / unit;
            let fit = lines.map_or(usize::MAX, |lines| lines.most);
            units.div_ceil((most / unit).min(fit).max(1))
        });
        // Threads share a number that many divide, and the least of images in halves where panels are too few to share.
        let targets = self.batch * self.grids.iter().map(Grid::targets).max().unwrap_or(0);
        let read = self.batch * self.source[0] * self.source[1];
        let blocks = match blocks.max().unwrap_or(0) {
            // Of whichever is more, pixels or weights, every thread had better read only what no other does.
            1 if panels == 2 && read < self.all_taps * self.outputs => {
                return Cut { blocks: 1, columns: 2, panels: 1 };
            }
            1 if panels < 3 && 2 * self.tile.rows <= targets => 2,
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
    fn task(&self, cut: &Cut, number: usize) -> Task {
        let panels = self.panels.count();
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
        assert!(self.packed_len() <= packed.len(), "{} packed weights", packed.len());
        let after = then.on(y, self.group * self.outputs);
        let line = self.group * self.outputs * size_of::<T>();
        let aligned = (y.as_ptr() as usize).is_multiple_of(64) && line.is_multiple_of(64);
        let past = aligned && past::is_large(y);
        let blobs = Blobs { x, packed, after, y: Shared::new(y), past };
        let cut = self.cut();
        for_each_with(self.tasks(&cut), work, self.each(), |task, scratch| {
            self.run_task(&self.task(&cut, task), &blobs, scratch);
            if past {
                past::fence();
            }
        });
    }

    fn run_task<T: Real>(&self, task: &Task, blobs: &Blobs<T>, scratch: &mut [T]) {
        let tile = self.tile;
        let grid = &self.grids[task.grid];
        let depth = grid.taps.len() * self.channels;
        if depth == 0 {
            self.untouched(task, blobs, scratch);
            return;
        }
        if let Some(lines) = &self.lines[task.grid] {
            self.run_lines(task, lines, blobs, scratch);
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
                        let skipped = depth.start.saturating_sub(pass.depth.start);
                        let left = left[row * ROW_STRIDE + skipped..].as_ptr();
                        let segments = [1, 2].map(|registers| {
                            let right = self.weights(task, registers, depth.start, blobs);
                            [Segment { left, right, len: depth.len() }]
                        });
                        let segments = [&segments[0][..], &segments[1]];
                        let operands = Operands { segments, left: Left::Rows, offset: 0 };
                        for panel in panels.clone() {
                            let ends = [pass.begins, pass.ends];
                            self.product(
                                task,
                                ends,
                                panel,
                                targets.clone(),
                                &operands,
                                blobs,
                                spill,
                            );
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
    pub(super) fn ahead<T: Real>(&self, task: &Task, blobs: &Blobs<T>, pieces: usize) -> Ahead<T> {
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
        let panels = self.panels;
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

    /// The weights of a task's first panel, if panels had so many registers, from a depth on.
    pub(super) fn weights<T: Real>(
        &self,
        task: &Task,
        registers: usize,
        depth: usize,
        blobs: &Blobs<T>,
    ) -> *const T {
        let width = registers * self.tile.columns / 2;
        blobs.packed[self.panel(task.grid, task.group, 0)..].as_ptr().wrapping_add(depth * width)
    }

    /// Computes some targets, counted from the task's first, in the channels of a panel, from parts of the depth, which may be
    /// the first and the last of them.
    #[expect(clippy::too_many_arguments, reason = "what is computed, operands, and memory")]
    pub(super) fn product<T: Real>(
        &self,
        task: &Task,
        [begins, ends]: [bool; 2],
        panel: usize,
        targets: Range<usize>,
        operands: &Operands<T>,
        blobs: &Blobs<T>,
        spill: &mut [T],
    ) {
        let panels = &self.panels;
        let grid = &self.grids[task.grid];
        let pitch = self.group * self.outputs;
        let (width, columns) = (panels.width(panel), self.tile.columns);
        let channel = task.group * self.outputs + panels.start(panel);
        let addend = blobs.after.addend.filter(|_| begins);
        let mask = blobs.after.mask.filter(|_| ends);
        let bias = blobs.after.bias.filter(|_| ends);
        let epilogue = Epilogue {
            beta: if begins && addend.is_none() { T::ZERO } else { T::ONE },
            row_bias: std::ptr::null(),
            column_bias: bias.map_or(std::ptr::null(), |bias| bias[channel..].as_ptr()),
            relu: ends && blobs.after.relu,
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
                let once = begins && ends;
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
        let registers = panels.registers(panel);
        let product = Product {
            rows: targets.len(),
            registers,
            segments: operands.segments[registers - 1],
            left: operands.left,
            offsets: [operands.offset, grid.taps.len() * self.channels * panels.start(panel)],
            target,
            epilogue,
        };
        // SAFETY: the left operand has these rows, and panels were cut to this length; a task owns its targets.
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
                    let (sums, adds) = (&mut sums[..channels], !begins);
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
pub(super) fn place(grid: &Grid, target: usize) -> (usize, usize, usize) {
    let [height, width] = grid.count;
    (target / (height * width), target / width % height, target % width)
}
