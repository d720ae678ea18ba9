//! The forward pass: packed weights times windows that each task packs as it needs them.

use super::{Shape, depthwise};
use crate::exec::cpu::im2col::{Run, Windows, unfold};
use crate::exec::cpu::micro::{DEPTH, Epilogue, Left, RowPanel, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::real::{Real, vectorize};

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
        let each = panels * (depth + height) * tile.columns;
        let blocks = columns.div_ceil(panels);
        // Windows of one element are packed quickly enough to do so for several blocks of rows.
        let row_blocks = match shape.windows.is_pointwise() {
            true => (TASKS / blocks.max(1)).clamp(1, MOST_ROW_BLOCKS),
            false => 1,
        };
        Plan { tile, height, channels, panels, blocks, row_blocks, shared, each }
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
    assert!(x.len() == shape.input_len(), "input of {} elements", x.len());
    assert!(w.len() == shape.weight_len(), "weights of {} elements", w.len());
    assert!(y.len() == shape.output_len(), "output of {} elements", y.len());
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

/// What is added to a convolution.
#[derive(Clone, Copy, Debug)]
pub enum Addend<'a, T> {
    /// Nothing.
    None,
    /// What the output's place holds.
    InPlace,
    /// A blob like the output.
    Blob(&'a [T]),
}

/// Whether [`pack`] has anything to do for a convolution.
pub fn packs(shape: &Shape) -> bool {
    !shape.is_depthwise()
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
    assert!(x.len() == shape.input_len(), "input of {} elements", x.len());
    assert!(packed.len() == shape.weight_len(), "weights of {} elements", packed.len());
    assert!(y.len() == shape.output_len(), "output of {} elements", y.len());
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
            for row in 0..height {
                let mut to = to[row..].iter_mut().step_by(height);
                for channel in block.clone() {
                    let from = group * weights.group
                        + (first + row) * weights.row
                        + channel * weights.channel;
                    // Zipping from the weights' side leaves the places behind them alone.
                    let from = weights.values[from..][..taps].iter();
                    if weights.reversed {
                        from.rev().zip(to.by_ref()).for_each(|(from, to)| *to = *from);
                    } else {
                        from.zip(to.by_ref()).for_each(|(from, to)| *to = *from);
                    }
                }
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
        let panels = (last - first).div_ceil(tile.columns);
        let (spill, right) = scratch.split_at_mut(plan.panels * height * tile.columns);
        for start in (0..channels).step_by(plan.channels) {
            let chunk = start..(start + plan.channels).min(channels);
            let depth = chunk.len() * taps;
            let (begins, ends) = (start == 0, chunk.end == channels);
            for panel in 0..panels {
                let from = first + panel * tile.columns;
                let range = from..(from + tile.columns).min(last);
                let to = &mut right[panel * depth * tile.columns..][..depth * tile.columns];
                let channels = group * channels + chunk.start..group * channels + chunk.end;
                pack_windows(windows, self.x, shape.channels, channels, range, tile.columns, to);
            }
            for row in outputs.clone().step_by(height) {
                let mut targets = [Target::new(spill.as_mut_ptr(), tile.columns, true); PANELS];
                for (panel, target) in targets[..panels].iter_mut().enumerate() {
                    let at = first + panel * tile.columns;
                    let (image, within) = (at / count, at % count);
                    if within + tile.columns <= count {
                        let channel = image * shape.out_channels + group * rows + row;
                        let start = y.pointer(channel * count + within);
                        *target = Target::new(start, count, false);
                        if let Some(addend) = self.addend.filter(|_| begins) {
                            target.old = addend[channel * count + within..].as_ptr();
                        }
                    } else {
                        // SAFETY: the spill has room for a tile per panel.
                        target.start = unsafe { target.start.add(panel * height * tile.columns) };
                    }
                }
                let bias = self.bias.filter(|_| ends);
                let epilogue = Epilogue {
                    beta: if start == 0 { self.beta } else { T::ONE },
                    row_bias: bias.map_or(std::ptr::null(), |b| b[group * rows + row..].as_ptr()),
                    column_bias: std::ptr::null(),
                    relu: ends && self.relu,
                };
                let height = height.min(rows - row);
                let of_group = group * rows * channels * taps;
                // SAFETY: packed operands extend over `depth`; tiles of this task are its own.
                unsafe {
                    RowPanel {
                        rows: height,
                        depth,
                        left: self.packed[of_group + start * taps * rows + row * depth..].as_ptr(),
                        layout: Left::Packed,
                        right: right.as_ptr(),
                        right_panel: depth * tile.columns,
                        targets: &targets[..panels],
                        epilogue,
                    }
                    .run();
                }
                for (panel, target) in targets[..panels].iter().enumerate() {
                    if target.raw {
                        let from = first + panel * tile.columns;
                        let range = from..(from + tile.columns).min(last);
                        let channel = group * rows + row;
                        let addend = self.addend.filter(|_| begins);
                        self.scatter(target, epilogue, range, channel, height, addend);
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

/// Packs the windows `range`, counted through all images, of `channels` into a panel of `stride`
/// columns; columns behind the range become 0.
pub(super) fn pack_windows<T: Real>(
    windows: &Windows,
    x: &[T],
    all_channels: usize,
    channels: std::ops::Range<usize>,
    range: std::ops::Range<usize>,
    stride: usize,
    to: &mut [T],
) {
    let len = range.len();
    let of_image = all_channels * windows.pixels();
    vectorize(
        #[inline(always)]
        || {
            windows.runs(
                range,
                #[inline(always)]
                |run: Run| {
                    let image = &x[run.image * of_image..][..of_image];
                    unfold(windows, image, channels.clone(), run, to, stride);
                },
            );
            if len < stride {
                to.chunks_exact_mut(stride).for_each(|row| row[len..].fill(T::ZERO));
            }
        },
    );
}
