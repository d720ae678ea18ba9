//! The gradient to the input, which is also a deconvolution's forward pass.
//!
//! With stride 1 it is a convolution of the output's gradient with the reversed weights. Where that
//! would work mostly on padding, and with larger strides, the gradient of the columns is computed
//! block by block and added back to the image.

use super::forward::{self, Weights};
use super::{Shape, depthwise};
use crate::exec::cpu::im2col::{Windows, fold, scale};
use crate::exec::cpu::micro::{DEPTH, Epilogue, Left, RowPanel, Target, Tile};
use crate::exec::cpu::pack::{pack_columns, pack_rows};
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::real::{Real, vectorize};

/// Most column panels of one pass.
const PANELS: usize = 4;

/// Rows of columns that one task computes, about.
const ROWS: usize = 384;

/// The way the gradient is computed.
enum Way {
    Direct,
    /// A convolution of this shape from the output's gradient to the input's.
    Reversed(Shape),
    Columns,
}

fn way(shape: &Shape) -> Way {
    if shape.is_depthwise() {
        return Way::Direct;
    }
    let windows = &shape.windows;
    // Terms summed by either way, per channel pair and tap.
    let worth = windows.pixels() * 4 <= windows.count() * 5;
    let mut axes = windows.axes;
    for axis in &mut axes {
        let (Some(before), Some(after)) = (
            (axis.reach() - 1).checked_sub(axis.pad_before),
            (axis.reach() - 1).checked_sub(axis.pad_after),
        ) else {
            return Way::Columns;
        };
        (axis.pad_before, axis.pad_after) = (before, after);
    }
    if !worth || axes.iter().any(|axis| axis.stride != 1) {
        return Way::Columns;
    }
    Way::Reversed(Shape {
        channels: shape.out_channels,
        out_channels: shape.channels,
        windows: Windows { input: windows.output, output: windows.input, axes },
        ..*shape
    })
}

/// The cut of the computation by columns into tasks; depends on the shape only.
struct Plan {
    tile: Tile,
    /// Channels of one task, and their blocks in a group.
    channels: usize,
    blocks: usize,
    /// Column panels of one pass.
    panels: usize,
    /// Elements of workspace for the packed weights, and for each task.
    shared: usize,
    each: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let tile = Tile::of::<T>();
        let taps = shape.windows.taps();
        let channels = (ROWS / taps).clamp(1, shape.group_channels().max(1));
        let panels = shape.windows.count().div_ceil(tile.columns).clamp(1, PANELS);
        let depth = shape.group_outputs().min(DEPTH);
        Plan {
            tile,
            channels,
            blocks: shape.group_channels().div_ceil(channels),
            panels,
            shared: shape.weight_len(),
            each: (channels * taps + depth) * panels * tile.columns,
        }
    }
}

/// Elements of workspace that [`input_gradient`] needs for `threads` to take part.
pub fn input_gradient_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    match way(shape) {
        Way::Direct => 0,
        Way::Reversed(shape) => forward::correlate_workspace::<T>(&shape, threads),
        Way::Columns => {
            let plan = Plan::new::<T>(shape);
            plan.shared + threads.max(1) * plan.each
        }
    }
}

/// `dx = gradient + bias + beta dx`, where the bias (one per channel of `dx`) is a deconvolution's.
///
/// `dy`: `N x O x windows`, `w`: `O x C/group x kernel`, `dx`: `N x C x spatial`. With `beta` 0, `dx`
/// is not read. `work` holds at least `input_gradient_workspace(shape, 1)` elements.
pub fn input_gradient<T: Real>(
    shape: &Shape,
    dy: &[T],
    w: &[T],
    bias: Option<&[T]>,
    beta: T,
    dx: &mut [T],
    work: &mut [T],
) {
    shape.check(dx, w, dy);
    assert!(bias.is_none_or(|b| b.len() == shape.channels), "bias does not fit the channels");
    match way(shape) {
        Way::Direct => depthwise::input_gradient(shape, dy, w, bias, beta, dx),
        Way::Reversed(turned) => {
            let weights = Weights {
                values: w,
                group: shape.group_outputs() * shape.sum_len(),
                row: shape.windows.taps(),
                channel: shape.sum_len(),
                reversed: true,
            };
            forward::correlate(&turned, dy, weights, bias, false, beta, dx, work);
        }
        Way::Columns => by_columns(shape, dy, w, bias, beta, dx, work),
    }
}

fn by_columns<T: Real>(
    shape: &Shape,
    dy: &[T],
    w: &[T],
    bias: Option<&[T]>,
    beta: T,
    dx: &mut [T],
    work: &mut [T],
) {
    let plan = Plan::new::<T>(shape);
    let (packed, work) = work.split_at_mut(plan.shared);
    let (sum_len, outputs, taps) = (shape.sum_len(), shape.group_outputs(), shape.windows.taps());
    let of_group = sum_len * outputs;
    let block_rows = |block: usize| {
        let channels =
            block * plan.channels..((block + 1) * plan.channels).min(shape.group_channels());
        channels.start * taps..channels.end * taps
    };
    let shared = Shared::new(packed);
    for_each(shape.group * plan.blocks, |task| {
        let (group, rows) = (task / plan.blocks, block_rows(task % plan.blocks));
        let height = plan.tile.panel_rows(rows.len());
        let w = &w[group * of_group..][..of_group];
        let to = shared.pointer(group * of_group);
        for first in rows.clone().step_by(height) {
            let panel = first..(first + height).min(rows.end);
            // SAFETY: panels of different rows and groups go to different places.
            unsafe { pack_rows(w, 1, sum_len, T::ONE, sum_len, outputs, panel, to) };
        }
    });
    let dx = Shared::new(dx);
    let pixels = shape.windows.pixels();
    let tasks = shape.batch * shape.group * plan.blocks;
    for_each_with(tasks, work, plan.each, |task, scratch| {
        let (group, block) = (task / plan.blocks, task % plan.blocks);
        let (image, group) = (group / shape.group, group % shape.group);
        let rows = block_rows(block);
        let channel = group * shape.group_channels() + rows.start / taps;
        let channels = rows.len() / taps;
        let first = (image * shape.channels + channel) * pixels;
        // SAFETY: these channels of this image belong to this task.
        let dx = unsafe { dx.slice(first..first + channels * pixels) };
        let from = (image * shape.group + group) * outputs * shape.windows.count();
        let packed = &packed[group * of_group..][..of_group];
        vectorize(
            #[inline(always)]
            || scale(beta, dx),
        );
        add_block(shape, &plan, packed, rows, &dy[from..], dx, scratch);
        if let Some(bias) = bias {
            for (dx, bias) in dx.chunks_exact_mut(pixels).zip(&bias[channel..]) {
                dx.iter_mut().for_each(|dx| *dx += *bias);
            }
        }
    });
}

/// Adds to `dx` (some channels of an image) what `rows` of the columns contribute.
fn add_block<T: Real>(
    shape: &Shape,
    plan: &Plan,
    packed: &[T],
    rows: std::ops::Range<usize>,
    dy: &[T],
    dx: &mut [T],
    scratch: &mut [T],
) {
    let windows = &shape.windows;
    let (outputs, count) = (shape.group_outputs(), windows.count());
    let tile = plan.tile;
    let stride = plan.panels * tile.columns;
    let height = tile.panel_rows(rows.len());
    let (columns, right) = scratch.split_at_mut(plan.channels * windows.taps() * stride);
    for first in (0..count).step_by(stride) {
        let last = (first + stride).min(count);
        let panels = (last - first).div_ceil(tile.columns);
        for start in (0..outputs).step_by(DEPTH) {
            let depth = (outputs - start).min(DEPTH);
            for panel in 0..panels {
                let from = first + panel * tile.columns;
                let range = from..(from + tile.columns).min(last);
                let to = &mut right[panel * depth * tile.columns..][..depth * tile.columns];
                pack_columns(dy, count, 1, start, range, tile.columns, to);
            }
            for row in rows.clone().step_by(height) {
                let base = columns[(row - rows.start) * stride..].as_mut_ptr();
                let targets: [Target<T>; PANELS] = std::array::from_fn(|panel| {
                    // Only the targets of existing panels are used.
                    let to = base.wrapping_add(panel * tile.columns);
                    Target::new(to, stride, start == 0)
                });
                // SAFETY: packed operands extend over `depth`; the columns have room for all tiles.
                unsafe {
                    RowPanel {
                        rows: height.min(rows.end - row),
                        depth,
                        left: packed[start * shape.sum_len() + row * depth..].as_ptr(),
                        layout: Left::Packed,
                        right: right.as_ptr(),
                        right_panel: depth * tile.columns,
                        right_step: tile.columns,
                        targets: &targets[..panels],
                        epilogue: Epilogue::adding(T::ONE),
                    }
                    .run();
                }
            }
        }
        vectorize(
            #[inline(always)]
            || {
                let channels = rows.len() / windows.taps();
                windows.runs(
                    first..last,
                    #[inline(always)]
                    |run| fold(windows, columns, stride, 0..channels, run, dx),
                );
            },
        );
    }
}
