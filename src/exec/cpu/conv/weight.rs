//! The gradients to the weights and to the bias.
//!
//! The gradient to the weights, transposed (`C/group kernel x O`), is the product of the columns and
//! the output's gradient, summed over all windows. The windows are cut into spans, a number fixed by
//! the shape; each span is summed on its own and the sums are added in order.

use super::windows::{Source, slab_len};
use super::{Shape, depthwise};
use crate::exec::cpu::micro::{Epilogue, Left, ROW_STRIDE, RowPanel, Target, Tile};
use crate::exec::cpu::pack::transpose_into;
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::exec::cpu::transpose::transpose;
use crate::real::{Real, vectorize};

/// Rows of columns of one task, about.
const ROWS: usize = 384;

/// Most panels of output channels of one task.
const PANELS: usize = 8;

/// Tasks wanted, so that many threads have work.
const TASKS: usize = 16;

/// Rows of a partial sum that one task of the last step adds up.
const SUM_ROWS: usize = 32;

/// Output channels whose sums it turns together.
const SUM_OUTPUTS: usize = 16;

/// The cut into tasks; depends on the shape only.
struct Plan {
    tile: Tile,
    /// Input channels of one task, and their blocks in a group.
    channels: usize,
    channel_blocks: usize,
    /// Panels of output channels of one task, and their blocks in a group.
    panels: usize,
    output_blocks: usize,
    /// Windows of one span, and number of spans.
    span: usize,
    spans: usize,
    /// Elements of one partial sum.
    partial: usize,
    /// Elements of workspace for the partial sums, and for each task.
    shared: usize,
    each: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let tile = Tile::of::<T>();
        let taps = shape.windows.taps();
        let channels = (ROWS / taps).clamp(1, shape.group_channels().max(1));
        let channel_blocks = shape.group_channels().div_ceil(channels);
        let all_panels = shape.group_outputs().div_ceil(tile.columns);
        let panels = all_panels.clamp(1, PANELS);
        let output_blocks = all_panels.div_ceil(panels);
        let blocks = (shape.group * channel_blocks * output_blocks).max(1);
        let pieces = (shape.batch * shape.windows.count()).div_ceil(ROW_STRIDE).max(1);
        let span = pieces.div_ceil(TASKS.div_ceil(blocks).min(pieces));
        let spans = pieces.div_ceil(span);
        let partial = channels * taps * panels * tile.columns;
        Plan {
            tile,
            channels,
            channel_blocks,
            panels,
            output_blocks,
            span: span * ROW_STRIDE,
            spans,
            partial,
            shared: partial * blocks * spans,
            each: (tile.rows + panels * tile.columns) * ROW_STRIDE
                + slab_len(&shape.windows, channels, ROW_STRIDE),
        }
    }

    fn blocks(&self, shape: &Shape) -> usize {
        shape.group * self.channel_blocks * self.output_blocks
    }
}

/// One block of the weights: channels and outputs of a group.
struct Block {
    group: usize,
    channels: std::ops::Range<usize>,
    outputs: std::ops::Range<usize>,
}

impl Block {
    fn new(shape: &Shape, plan: &Plan, index: usize) -> Block {
        let per_group = plan.channel_blocks * plan.output_blocks;
        let within = index % per_group;
        let channel = within / plan.output_blocks * plan.channels;
        let width = plan.panels * plan.tile.columns;
        let output = within % plan.output_blocks * width;
        Block {
            group: index / per_group,
            channels: channel..(channel + plan.channels).min(shape.group_channels()),
            outputs: output..(output + width).min(shape.group_outputs()),
        }
    }
}

/// Elements of workspace that [`weight_gradient`] needs for `threads` to take part.
pub fn weight_gradient_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    if shape.is_depthwise() {
        return 0;
    }
    let plan = Plan::new::<T>(shape);
    plan.shared + threads.max(1) * plan.each
}

/// `dw = gradient + beta dw`.
///
/// `x`: `N x C x spatial`, `dy`: `N x O x windows`, `dw`: `O x C/group x kernel`. With `beta` 0, `dw`
/// is not read. `work` holds at least `weight_gradient_workspace(shape, 1)` elements.
pub fn weight_gradient<T: Real>(
    shape: &Shape,
    x: &[T],
    dy: &[T],
    beta: T,
    dw: &mut [T],
    work: &mut [T],
) {
    shape.check(x, dw, dy);
    if shape.is_depthwise() {
        depthwise::weight_gradient(shape, x, dy, beta, dw);
        return;
    }
    let plan = Plan::new::<T>(shape);
    let (partials, work) = work.split_at_mut(plan.shared);
    let shared = Shared::new(partials);
    for_each_with(plan.blocks(shape) * plan.spans, work, plan.each, |task, scratch| {
        let block = Block::new(shape, &plan, task / plan.spans);
        // SAFETY: every task has a partial sum of its own.
        let partial = unsafe { shared.slice(task * plan.partial..(task + 1) * plan.partial) };
        sum_span(shape, &plan, &block, task % plan.spans, x, dy, partial, scratch);
    });
    add_partials(shape, &plan, partials, beta, dw);
}

/// Sums one span of windows into `partial`: `channels taps x panels columns`.
#[expect(clippy::too_many_arguments, reason = "operands, place and workspace of one task")]
fn sum_span<T: Real>(
    shape: &Shape,
    plan: &Plan,
    block: &Block,
    span: usize,
    x: &[T],
    dy: &[T],
    partial: &mut [T],
    scratch: &mut [T],
) {
    let windows = &shape.windows;
    let tile = plan.tile;
    let rows = block.channels.len() * windows.taps();
    let height = tile.panel_rows(rows);
    let panels = block.outputs.len().div_ceil(tile.columns);
    let width = plan.panels * tile.columns;
    let (right, scratch) = scratch.split_at_mut(width * ROW_STRIDE);
    let (columns, slab) = scratch.split_at_mut(tile.rows * ROW_STRIDE);
    let all = shape.batch * windows.count();
    let span = span * plan.span..((span + 1) * plan.span).min(all);
    if span.is_empty() {
        partial.fill(T::ZERO);
    }
    let base = block.group * shape.group_channels();
    let channels = base + block.channels.start..base + block.channels.end;
    for first in span.clone().step_by(ROW_STRIDE) {
        let range = first..(first + ROW_STRIDE).min(span.end);
        let depth = range.len();
        let source = Source::new(windows, x, shape.channels, channels.clone(), range.clone(), slab);
        pack_outputs(shape, block, tile, range.clone(), dy, right);
        for row in (0..rows).step_by(height) {
            let height = height.min(rows - row);
            source.copy(row..row + height, range.clone(), depth, ROW_STRIDE, columns);
            let base = partial[row * width..].as_mut_ptr();
            let targets: [Target<T>; PANELS] = std::array::from_fn(|panel| {
                // Only the targets of existing panels are used.
                let start = base.wrapping_add(panel * tile.columns);
                Target::new(start, width, first == span.start)
            });
            // SAFETY: the packed operands extend over `depth`, the partial sum over all tiles.
            unsafe {
                RowPanel {
                    rows: height,
                    depth,
                    left: columns.as_ptr(),
                    layout: Left::Rows,
                    right: right.as_ptr(),
                    right_panel: ROW_STRIDE * tile.columns,
                    right_step: tile.columns,
                    targets: &targets[..panels],
                    epilogue: Epilogue::adding(T::ONE),
                }
                .run();
            }
        }
    }
}

/// Packs the output's gradient at the windows `range` window by window, in panels of channels.
fn pack_outputs<T: Real>(
    shape: &Shape,
    block: &Block,
    tile: Tile,
    range: std::ops::Range<usize>,
    dy: &[T],
    to: &mut [T],
) {
    let count = shape.windows.count();
    let panels = to.chunks_exact_mut(ROW_STRIDE * tile.columns);
    for (to, first) in panels.zip(block.outputs.clone().step_by(tile.columns)) {
        let outputs = tile.columns.min(block.outputs.end - first);
        let mut window = range.start;
        while window < range.end {
            let (image, within) = (window / count, window % count);
            let len = (count - within).min(range.end - window);
            let channel = (image * shape.group + block.group) * shape.group_outputs() + first;
            let from = &dy[channel * count + within..];
            let to = &mut to[(window - range.start) * tile.columns..][..len * tile.columns];
            vectorize(
                #[inline(always)]
                || transpose_into(from, count, outputs, tile.columns, to),
            );
            window += len;
        }
    }
}

/// `dw = sum of the partial sums in the order of their spans + beta dw`.
fn add_partials<T: Real>(shape: &Shape, plan: &Plan, partials: &mut [T], beta: T, dw: &mut [T]) {
    let taps = shape.windows.taps();
    let pieces = (plan.channels * taps).div_ceil(SUM_ROWS);
    let width = plan.panels * plan.tile.columns;
    let partials = Shared::new(partials);
    let dw = Shared::new(dw);
    for_each(plan.blocks(shape) * pieces, |task| {
        let block = Block::new(shape, plan, task / pieces);
        let first = task % pieces * SUM_ROWS;
        let rows = first..(first + SUM_ROWS).min(block.channels.len() * taps);
        if rows.is_empty() {
            return;
        }
        // SAFETY: these rows of all spans belong to this task.
        let part = |span: usize| unsafe {
            let start = (task / pieces * plan.spans + span) * plan.partial;
            partials.slice(start + rows.start * width..start + rows.end * width)
        };
        let sum = part(0);
        let outputs = block.group * shape.group_outputs() + block.outputs.start;
        vectorize(
            #[inline(always)]
            || {
                for span in 1..plan.spans {
                    sum.iter_mut().zip(&*part(span)).for_each(|(sum, x)| *sum += *x);
                }
                for first in (0..block.outputs.len()).step_by(SUM_OUTPUTS) {
                    let count = (block.outputs.len() - first).min(SUM_OUTPUTS);
                    let mut lines = [T::ZERO; SUM_ROWS * SUM_OUTPUTS];
                    assert!((rows.len() - 1) * width + first + count <= sum.len(), "rows of a sum");
                    // SAFETY: asserted just above; a line has `SUM_ROWS` numbers.
                    unsafe {
                        let (from, to) = (sum[first..].as_ptr(), lines.as_mut_ptr());
                        transpose(from, width, rows.len(), count, to, SUM_ROWS as isize);
                    }
                    for (output, line) in lines.chunks_exact(SUM_ROWS).take(count).enumerate() {
                        let at = (outputs + first + output) * shape.sum_len()
                            + block.channels.start * taps;
                        // SAFETY: these weights belong to this task.
                        let dw = unsafe { dw.slice(at + rows.start..at + rows.end) };
                        for (dw, sum) in dw.iter_mut().zip(line) {
                            *dw = if beta == T::ZERO { *sum } else { beta * *dw + *sum };
                        }
                    }
                }
            },
        );
    });
}
