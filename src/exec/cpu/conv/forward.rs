//! The forward pass: packed weights times windows that each task packs as it needs them.

use super::windows::{Source, slab_len};
use super::{Shape, depthwise};
use crate::exec::cpu::micro::{DEPTH, Epilogue, Left, RowPanel, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::exec::cpu::transpose::transpose;
use crate::real::Real;

/// Most column panels of one task.
const PANELS: usize = 32;

/// Tasks of one group below which rows are cut as well, so that two threads end together.
const TASKS: usize = 16;

/// Most blocks of rows.
const MOST_ROW_BLOCKS: usize = 4;

/// Elements of packed windows that stay in the second-level cache.
const CACHED: usize = 64 * 1024;

/// Where the weights for a product lie: the weight of row `r`, channel `c` and tap `t` of a group is
/// `w[group base + r row + c channel + (t or, reversed, taps - 1 - t)]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a, T> {
    pub values: &'a [T],
    pub group: usize,
    pub row: usize,
    pub channel: usize,
    pub reversed: bool,
}

impl<'a, T> Weights<'a, T> {
    /// The weights of a forward pass.
    fn forward(shape: &Shape, values: &'a [T]) -> Self {
        Weights {
            values,
            group: shape.group_outputs() * shape.sum_len(),
            row: shape.sum_len(),
            channel: shape.windows.taps(),
            reversed: false,
        }
    }
}

/// The cut of a convolution into tasks; depends on the shape only.
struct Plan {
    tile: Tile,
    /// Rows of a packed panel of weights.
    height: usize,
    /// Channels of one pass over the depth.
    channels: usize,
    /// Column panels of one task.
    panels: usize,
    /// Blocks of windows, and the blocks of rows in which each of them is a task.
    blocks: usize,
    row_blocks: usize,
    /// Elements of workspace for the packed weights, and for each task.
    shared: usize,
    each: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let tile = Tile::of::<T>();
        let height = tile.panel_rows(shape.group_outputs());
        let taps = shape.windows.taps();
        let channels = (DEPTH / taps).clamp(1, shape.group_channels().max(1));
        let depth = channels * taps;
        let columns = (shape.batch * shape.windows.count()).div_ceil(tile.columns);
        let cached = CACHED / (depth * tile.columns);
        let panels = cached.min(columns.div_ceil(8)).clamp(1, PANELS);
        let shared = shape.weight_len();
        let slab = slab_len(&shape.windows, channels, panels * tile.columns);
        let each = (depth + height) * tile.columns + slab;
        let blocks = columns.div_ceil(panels);
        // Windows of one element are packed quickly enough to do so for several blocks of rows.
        let row_blocks = match shape.windows.is_pointwise() {
            true => (TASKS / blocks.max(1)).clamp(1, MOST_ROW_BLOCKS),
            false => 1,
        };
        Plan { tile, height, channels, panels, blocks, row_blocks, shared, each }
    }

    /// The same with all windows in one block.
    fn in_one_block(self, shape: &Shape) -> Plan {
        let Plan { tile, height, channels, .. } = self;
        let panels = (shape.batch * shape.windows.count()).div_ceil(tile.columns);
        let depth = channels * shape.windows.taps();
        let slab = slab_len(&shape.windows, channels, panels * tile.columns);
        let each = (depth + height) * tile.columns + slab;
        Plan { panels, blocks: 1, row_blocks: 1, each, ..self }
    }
}

/// Elements of workspace that [`forward_alone`] needs.
pub(super) fn alone_workspace<T: Real>(shape: &Shape) -> usize {
    Plan::new::<T>(shape).in_one_block(shape).each
}

/// The output channels of part `part` of `parts`, for [`forward_alone`]: whole panels of one group.
pub(super) fn part_of_outputs<T: Real>(
    shape: &Shape,
    part: usize,
    parts: usize,
) -> std::ops::Range<usize> {
    let rows = shape.group_outputs();
    let height = Tile::of::<T>().panel_rows(rows);
    let panels = rows.div_ceil(height);
    let start = |part: usize| (part * panels / parts * height).min(rows);
    start(part)..start(part + 1)
}

/// [`forward_packed`] without an addend, on this thread, for a shape of one image: some output channels of each group.
#[expect(clippy::too_many_arguments, reason = "operands, options and workspace of one operation")]
pub(super) fn forward_alone<T: Real>(
    shape: &Shape,
    x: &[T],
    packed: &[T],
    bias: Option<&[T]>,
    relu: bool,
    outputs: std::ops::Range<usize>,
    y: &mut [T],
    work: &mut [T],
) {
    let plan = Plan::new::<T>(shape).in_one_block(shape);
    let y = Shared::new(y);
    let job = Job { shape, plan: &plan, packed, x, bias, relu, beta: T::ZERO, addend: None, y: &y };
    for group in 0..shape.group {
        job.block(group, 0, outputs.clone(), work);
    }
}

/// Elements of workspace that [`forward`] needs for `threads` to take part.
pub fn forward_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    if shape.is_depthwise() {
        return 0;
    }
    correlate_workspace::<T>(shape, threads)
}

/// Elements of workspace that [`correlate`] needs for `threads` to take part.
pub(super) fn correlate_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    let plan = Plan::new::<T>(shape);
    plan.shared + threads.max(1) * plan.each
}

/// `y = conv(x, w) + bias + beta y`, then ReLU if asked for.
///
/// `x`: `N x C x spatial`, `w`: `O x C/group x kernel`, `bias`: `O`, `y`: `N x O x windows`. With
/// `beta` 0, `y` is not read. `work` holds at least `forward_workspace(shape, 1)` elements.
#[expect(clippy::too_many_arguments, reason = "operands, options and workspace of one operation")]
pub fn forward<T: Real>(
    shape: &Shape,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    relu: bool,
    beta: T,
    y: &mut [T],
    work: &mut [T],
) {
    shape.check(x, w, y);
    assert!(bias.is_none_or(|b| b.len() == shape.out_channels), "bias does not fit the outputs");
    if shape.is_depthwise() {
        depthwise::forward(shape, x, w, bias, relu, beta, y);
        return;
    }
    correlate(shape, x, Weights::forward(shape, w), bias, relu, beta, y, work);
}

/// The product behind [`forward`], for weights that lie anywhere. `work` holds at least
/// `correlate_workspace(shape, 1)` elements.
#[expect(clippy::too_many_arguments, reason = "operands, options and workspace of one operation")]
pub(super) fn correlate<T: Real>(
    shape: &Shape,
    x: &[T],
    weights: Weights<T>,
    bias: Option<&[T]>,
    relu: bool,
    beta: T,
    y: &mut [T],
    work: &mut [T],
) {
    if y.is_empty() {
        return;
    }
    let plan = Plan::new::<T>(shape);
    let (packed, work) = work.split_at_mut(plan.shared);
    pack_weights(shape, &plan, weights, packed);
    let y = Shared::new(y);
    Job { shape, plan: &plan, packed, x, bias, relu, beta, addend: None, y: &y }.run(work);
}

/// What is added to a result.
#[derive(Clone, Copy, Debug)]
pub enum Addend<'a, T> {
    /// Nothing.
    None,
    /// What the output's place holds.
    InPlace,
    /// A blob like the output.
    Blob(&'a [T]),
}

impl<T> Addend<'_, T> {
    /// The first element of what is added to `y`.
    pub(in crate::exec::cpu) fn pointer(&self, y: &[T]) -> Option<*const T> {
        match self {
            Addend::None => None,
            Addend::InPlace => Some(y.as_ptr()),
            Addend::Blob(blob) => {
                assert!(blob.len() == y.len(), "addend of {}", blob.len());
                Some(blob.as_ptr())
            }
        }
    }
}

/// Brings weights into the order in which [`forward_packed`] reads them; both have `weight_len` elements.
pub fn pack<T: Real>(shape: &Shape, w: &[T], packed: &mut [T]) {
    assert!(w.len() == shape.weight_len() && packed.len() == w.len(), "weights");
    pack_weights(shape, &Plan::new::<T>(shape), Weights::forward(shape, w), packed);
}

/// Elements of workspace that [`forward_packed`] needs for `threads` to take part.
pub fn packed_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    threads.max(1) * Plan::new::<T>(shape).each
}

/// `y = conv(x, w) + bias + addend`, then ReLU if asked for, with weights from [`pack`] of the same shape.
#[expect(clippy::too_many_arguments, reason = "operands, options and workspace of one operation")]
pub fn forward_packed<T: Real>(
    shape: &Shape,
    x: &[T],
    packed: &[T],
    bias: Option<&[T]>,
    addend: Addend<T>,
    relu: bool,
    y: &mut [T],
    work: &mut [T],
) {
    shape.check(x, packed, y);
    assert!(bias.is_none_or(|b| b.len() == shape.out_channels), "bias does not fit the outputs");
    let (beta, addend) = match addend {
        Addend::None => (T::ZERO, None),
        Addend::InPlace => (T::ONE, None),
        Addend::Blob(blob) => (T::ONE, Some(blob)),
    };
    assert!(addend.is_none_or(|a| a.len() == y.len()), "the addend is not like the output");
    if y.is_empty() {
        return;
    }
    let plan = Plan::new::<T>(shape);
    let y = Shared::new(y);
    Job { shape, plan: &plan, packed, x, bias, relu, beta, addend, y: &y }.run(work);
}

/// Packs the weights panel by panel, as [`RowPanel`] reads them.
fn pack_weights<T: Real>(shape: &Shape, plan: &Plan, weights: Weights<T>, packed: &mut [T]) {
    let (rows, channels, taps) =
        (shape.group_outputs(), shape.group_channels(), shape.windows.taps());
    let of_group = rows * channels * taps;
    let panels = rows.div_ceil(plan.height);
    let packed = Shared::new(packed);
    for_each(shape.group * panels, |task| {
        let group = task / panels;
        let first = task % panels * plan.height;
        let height = plan.height.min(rows - first);
        for start in (0..channels).step_by(plan.channels) {
            let block = start..(start + plan.channels).min(channels);
            let depth = block.len() * taps;
            let at = group * of_group + start * taps * rows + first * depth;
            // SAFETY: panels of different rows, groups and depths do not overlap.
            let to = unsafe { packed.slice(at..at + height * depth) };
            let from = &weights.values[group * weights.group + first * weights.row..];
            let line = |channel: usize| &from[channel * weights.channel..];
            let lines = to.chunks_exact_mut(height * taps).zip(block.clone());
            if weights.row == 1 {
                for (to, channel) in lines {
                    to.copy_from_slice(&line(channel)[..height]);
                }
                continue;
            }
            let turn = |from: &[T], columns: usize, reversed: bool, to: &mut [T]| {
                assert!((height - 1) * weights.row + columns <= from.len(), "weights of a panel");
                assert!(height * columns <= to.len(), "a panel of weights");
                let (start, step) = match reversed {
                    true => (height * (columns - 1), -(height as isize)),
                    false => (0, height as isize),
                };
                // SAFETY: asserted just above.
                unsafe {
                    let to = to.as_mut_ptr().add(start);
                    transpose(from.as_ptr(), weights.row, height, columns, to, step);
                }
            };
            if weights.channel == taps && !weights.reversed {
                turn(line(start), depth, false, to);
                continue;
            }
            for (to, channel) in lines {
                turn(line(channel), taps, weights.reversed, to);
            }
        }
    });
}

struct Job<'a, T> {
    shape: &'a Shape,
    plan: &'a Plan,
    packed: &'a [T],
    x: &'a [T],
    bias: Option<&'a [T]>,
    relu: bool,
    beta: T,
    /// What `beta` weighs, if that is not `y`.
    addend: Option<&'a [T]>,
    y: &'a Shared<'a, T>,
}

impl<T: Real> Job<'_, T> {
    fn run(&self, work: &mut [T]) {
        let &Plan { blocks, row_blocks, height, each, .. } = self.plan;
        let panels = self.shape.group_outputs().div_ceil(height).div_ceil(row_blocks);
        for_each_with(self.shape.group * blocks * row_blocks, work, each, |task, scratch| {
            let (group, task) = (task / (blocks * row_blocks), task % (blocks * row_blocks));
            let first = task % row_blocks * panels * height;
            let rows = first..(first + panels * height).min(self.shape.group_outputs());
            if !rows.is_empty() {
                self.block(group, task / row_blocks, rows, scratch);
            }
        });
    }

    /// Computes some outputs of one group for one block of windows.
    fn block(
        &self,
        group: usize,
        block: usize,
        outputs: std::ops::Range<usize>,
        scratch: &mut [T],
    ) {
        let &Job { shape, plan, y, .. } = self;
        let &Plan { tile, height, .. } = plan;
        let windows = &shape.windows;
        let (rows, channels) = (shape.group_outputs(), shape.group_channels());
        let (taps, count) = (windows.taps(), windows.count());
        let all = shape.batch * count;
        let first = block * plan.panels * tile.columns;
        let last = (first + plan.panels * tile.columns).min(all);
        let (spill, scratch) = scratch.split_at_mut(height * tile.columns);
        let (right, slab) = scratch.split_at_mut(plan.channels * taps * tile.columns);
        for start in (0..channels).step_by(plan.channels) {
            let chunk = start..(start + plan.channels).min(channels);
            let depth = chunk.len() * taps;
            let (begins, ends) = (start == 0, chunk.end == channels);
            let channels_read = group * channels + chunk.start..group * channels + chunk.end;
            let source =
                Source::new(windows, self.x, shape.channels, channels_read, first..last, slab);
            let left = &self.packed[group * rows * channels * taps + start * taps * rows..];
            let bias = self.bias.filter(|_| ends);
            let addend = self.addend.filter(|_| begins);
            for from in (first..last).step_by(tile.columns) {
                let range = from..(from + tile.columns).min(last);
                source.copy(0..depth, range.clone(), tile.columns, tile.columns, right);
                let (image, within) = (from / count, from % count);
                let raw = count < within + tile.columns;
                for row in outputs.clone().step_by(height) {
                    let channel = image * shape.out_channels + group * rows + row;
                    let mut target = Target::new(spill.as_mut_ptr(), tile.columns, true);
                    if !raw {
                        let start = y.pointer(channel * count + within);
                        target = Target::new(start, count, false);
                        if let Some(addend) = addend {
                            target.old = addend[channel * count + within..].as_ptr();
                        }
                    }
                    let epilogue = Epilogue {
                        beta: if begins { self.beta } else { T::ONE },
                        row_bias: bias
                            .map_or(std::ptr::null(), |b| b[group * rows + row..].as_ptr()),
                        column_bias: std::ptr::null(),
                        relu: ends && self.relu,
                    };
                    let height = height.min(rows - row);
                    // SAFETY: packed operands extend over `depth`; tiles of this task are its own.
                    unsafe {
                        RowPanel {
                            rows: height,
                            depth,
                            left: left[row * depth..].as_ptr(),
                            layout: Left::Packed,
                            right: right.as_ptr(),
                            right_panel: 0,
                            right_step: tile.columns,
                            targets: &[target],
                            epilogue,
                        }
                        .run();
                    }
                    if raw {
                        let channel = group * rows + row;
                        self.scatter(&target, epilogue, range.clone(), channel, height, addend);
                    }
                }
            }
        }
    }

    /// Finishes a parked tile whose windows end an image or the batch.
    fn scatter(
        &self,
        tile: &Target<T>,
        epilogue: Epilogue<T>,
        windows: std::ops::Range<usize>,
        channel: usize,
        height: usize,
        addend: Option<&[T]>,
    ) {
        let count = self.shape.windows.count();
        let mut window = windows.start;
        while window < windows.end {
            let (image, within) = (window / count, window % count);
            let len = (count - within).min(windows.end - window);
            for row in 0..height {
                let at = (image * self.shape.out_channels + channel + row) * count + within;
                let to = self.y.pointer(at);
                let old = addend.map_or(to.cast_const(), |addend| addend[at..].as_ptr());
                // SAFETY: these outputs belong to this task, and the tile was written just now.
                unsafe {
                    let from = tile.start.add(row * tile.stride + window - windows.start);
                    for i in 0..len {
                        *to.add(i) = epilogue.finish(*from.add(i), *old.add(i), row, 0);
                    }
                }
            }
            window += len;
        }
    }
}
