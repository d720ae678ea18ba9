//! Convolution with windows of 3 x 3 by tiles of 4 x 4 results, which takes a quarter of the multiplications: F(4 x 4, 3 x 3)
//! of Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
//!
//! A tile of results depends on 6 x 6 pixels. Pixels and weights are brought into a form in which the convolution is a product
//! at each of 36 places; sums over channels are those of matrices, and results are brought back. Rounding errors are about
//! ten times those of a plain sum.

use std::ops::Range;

use super::micro::{DEPTH, Left, Product, ROW_STRIDE, Segment};
use super::weights::Panels;
use crate::exec::cpu::conv::{Addend, Shape};
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::real::{Real, vectorize};

/// Places of a tile.
const PLACES: usize = 36;

/// Results along a side of a tile, and the pixels they depend on.
const SIDE: usize = 4;
const REACH: usize = 6;

/// Channels that are transformed together.
const LANES: usize = 16;

/// Elements of transformed pixels that stay in the second-level cache.
const CACHED: usize = 150 * 1024;

/// Tasks wanted, so that many threads have work.
const TASKS: usize = 8;

/// Most segments of a sum.
const PASSES: usize = 16;

/// One number for each of some channels.
type Lanes<T> = [T; LANES];

/// Whether a convolution can be done by tiles.
pub fn tiles_fit(shape: &Shape) -> bool {
    let windows = &shape.windows;
    let plain = |axis: &crate::window::Axis| (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1);
    let flat = windows.input[0] == 1 && windows.axes[0].kernel == 1;
    let few = shape.channels <= PASSES * DEPTH;
    flat && few && shape.group == 1 && windows.axes[1..].iter().all(plain)
}

/// Elements of the transformed weights of `outputs x channels x 3 x 3`.
pub fn tiles_weight_len<T: Real>(channels: usize, outputs: usize) -> usize {
    PLACES * channels * Panels::of::<T>(outputs).all()
}

/// Transforms weights, `O x C x 3 x 3`, to panels of output channels, each `36 x C x width`.
pub fn tiles_pack<T: Real>(channels: usize, outputs: usize, w: &[T], packed: &mut [T]) {
    assert!(w.len() == outputs * channels * 9, "{} weights", w.len());
    assert!(tiles_weight_len::<T>(channels, outputs) <= packed.len(), "packed weights");
    let panels = Panels::of::<T>(outputs);
    let packed = Shared::new(packed);
    for_each(panels.count() * channels, |task| {
        let (panel, channel) = (task / channels, task % channels);
        let (start, width) = (panels.start(panel), panels.width(panel));
        for column in 0..width {
            let values = match column < panels.channels(panel) {
                true => {
                    let at = ((start + column) * channels + channel) * 9;
                    weights(&w[at..at + 9])
                }
                false => [T::ZERO; PLACES],
            };
            for (place, value) in values.into_iter().enumerate() {
                let at = PLACES * channels * start + (place * channels + channel) * width + column;
                // SAFETY: every channel of every panel is in one task.
                unsafe { *packed.pointer(at) = value };
            }
        }
    });
}

/// `G w G'`.
fn weights<T: Real>(w: &[T]) -> [T; PLACES] {
    let apply = |g: [f64; 3]| -> [f64; REACH] {
        let [a, b, c] = g;
        let (even, odd) = (a / 24.0 + c / 6.0, b / 12.0);
        [a / 4.0, -(a + b + c) / 6.0, -(a - b + c) / 6.0, even + odd, even - odd, c]
    };
    let at = |row: usize, column: usize| w[row * 3 + column].to_f64();
    let mut rows = [[0.0; 3]; REACH];
    for column in 0..3 {
        let values = apply([at(0, column), at(1, column), at(2, column)]);
        rows.iter_mut().zip(values).for_each(|(row, value)| row[column] = value);
    }
    let mut all = [T::ZERO; PLACES];
    for (all, row) in all.chunks_exact_mut(REACH).zip(rows) {
        all.iter_mut().zip(apply(row)).for_each(|(to, value)| *to = T::from_f64(value));
    }
    all
}

/// The cut into tasks; depends on the shape only.
struct Plan {
    /// Tiles down and across an image.
    rows: usize,
    columns: usize,
    /// Tiles of one task, and how many tasks they make.
    tiles: usize,
    blocks: usize,
    /// Panels of one task, and how many tasks they make.
    panels: usize,
    parts: usize,
    passes: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let [_, height, width] = shape.windows.output;
        let (rows, columns) = (height.div_ceil(SIDE), width.div_ceil(SIDE));
        let all = (shape.batch * rows * columns).max(1);
        let fit = CACHED / (PLACES * shape.channels.max(1));
        let most = match Tile::of::<T>().rows {
            height if 2 * height <= fit => 2 * height,
            height if height <= fit => height,
            _ => fit.max(1),
        };
        let blocks = all.div_ceil(most);
        let panels = Panels::of::<T>(shape.out_channels).count();
        let parts = TASKS.div_ceil(blocks).min(panels.div_ceil(2)).max(1);
        Plan {
            rows,
            columns,
            tiles: all.div_ceil(blocks),
            blocks,
            panels: panels.div_ceil(parts),
            parts,
            passes: shape.channels.div_ceil(DEPTH),
        }
    }

    fn left(&self) -> usize {
        self.passes * PLACES * self.tiles * ROW_STRIDE
    }

    fn each<T: Real>(&self) -> usize {
        self.left() + PLACES * self.tiles * Tile::of::<T>().columns
    }
}

/// Elements of workspace for `threads` to take part.
pub fn tiles_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    threads.max(1) * Plan::new::<T>(shape).each::<T>()
}

/// What follows the sums.
#[derive(Clone, Copy)]
struct After<'a, T> {
    bias: Option<&'a [T]>,
    addend: Option<*const T>,
    relu: bool,
}

// SAFETY: the addend is read where the same task writes, or lies in a blob that nobody writes.
unsafe impl<T: Sync> Sync for After<'_, T> {}

/// `y = max(0, sums + bias + addend)`, with weights from [`tiles_pack`]; without `relu` negative results stay.
#[expect(clippy::too_many_arguments, reason = "the operands of a convolution and what follows it")]
pub fn tiles_forward<T: Real>(
    shape: &Shape,
    x: &[T],
    packed: &[T],
    bias: Option<&[T]>,
    addend: Addend<T>,
    relu: bool,
    y: &mut [T],
    work: &mut [T],
) {
    assert!(tiles_fit(shape), "{shape:?} by tiles");
    assert!(x.len() == shape.input_len() && y.len() == shape.output_len(), "blobs of {shape:?}");
    let weights = tiles_weight_len::<T>(shape.channels, shape.out_channels);
    assert!(weights <= packed.len(), "{} packed weights", packed.len());
    assert!(bias.is_none_or(|bias| bias.len() == shape.out_channels), "bias");
    let addend = addend.pointer(y);
    let plan = Plan::new::<T>(shape);
    let all = shape.batch * plan.rows * plan.columns;
    let panels = Panels::of::<T>(shape.out_channels);
    let tile = Tile::of::<T>();
    let after = After { bias, addend, relu };
    let y = Shared::new(y);
    for_each_with(plan.blocks * plan.parts, work, plan.each::<T>(), |task, scratch| {
        let first = task / plan.parts * plan.tiles;
        let tiles = first.min(all)..(first + plan.tiles).min(all);
        let first = task % plan.parts * plan.panels;
        let own = first.min(panels.count())..(first + plan.panels).min(panels.count());
        let (left, sums) = scratch.split_at_mut(plan.left());
        vectorize(
            #[inline(always)]
            || pixels(shape, &plan, tiles.clone(), x, left),
        );
        let height = tile.panel_rows(tiles.len());
        for panel in own {
            let width = panels.width(panel);
            let weights = &packed[PLACES * shape.channels * panels.start(panel)..];
            for place in 0..PLACES {
                for row in (0..tiles.len()).step_by(height) {
                    let nothing =
                        Segment { left: std::ptr::null(), right: std::ptr::null(), len: 0 };
                    let mut segments = [nothing; PASSES];
                    for (pass, segment) in segments[..plan.passes].iter_mut().enumerate() {
                        let depth = (shape.channels - pass * DEPTH).min(DEPTH);
                        let at = ((pass * PLACES + place) * plan.tiles + row) * ROW_STRIDE;
                        let right = (place * shape.channels + pass * DEPTH) * width;
                        *segment = Segment {
                            left: left[at..].as_ptr(),
                            right: weights[right..right + depth * width].as_ptr(),
                            len: depth,
                        };
                    }
                    let at = (place * plan.tiles + row) * tile.columns;
                    let product = Product {
                        rows: height.min(tiles.len() - row),
                        registers: panels.registers(panel),
                        segments: &segments[..plan.passes],
                        left: Left::Rows,
                        offset: 0,
                        target: Target::new(sums[at..].as_mut_ptr(), tile.columns, true),
                        epilogue: Epilogue::adding(T::ZERO),
                    };
                    // SAFETY: both operands have this depth and these rows, and the sums belong to the task.
                    unsafe { product.run() };
                }
            }
            vectorize(
                #[inline(always)]
                || results(shape, &plan, &panels, panel, tiles.clone(), sums, after, &y),
            );
        }
    });
}

/// Image, first row and first column of the results of a tile.
#[inline(always)]
fn place(plan: &Plan, tile: usize) -> (usize, usize, usize) {
    let (line, column) = (tile / plan.columns, tile % plan.columns);
    (line / plan.rows, line % plan.rows * SIDE, column * SIDE)
}

/// Transforms the pixels under tiles, `B' d B`: for each pass over the channels and each place a row for every tile.
#[inline(always)]
fn pixels<T: Real>(shape: &Shape, plan: &Plan, tiles: Range<usize>, x: &[T], to: &mut [T]) {
    let windows = &shape.windows;
    let [_, height, width] = windows.input;
    let (above, before) = (windows.axes[1].pad_before, windows.axes[2].pad_before);
    let channels = shape.channels;
    for (row, tile) in tiles.enumerate() {
        let (image, top, side) = place(plan, tile);
        for first in (0..channels).step_by(LANES) {
            let len = LANES.min(channels - first);
            let mut half = [[[T::ZERO; LANES]; REACH]; REACH];
            for column in 0..REACH {
                let mut d = [[T::ZERO; LANES]; REACH];
                let at = (side + column).checked_sub(before).filter(|&at| at < width);
                if let Some(column) = at {
                    for (line, d) in d.iter_mut().enumerate() {
                        let at = (top + line).checked_sub(above).filter(|&at| at < height);
                        let Some(line) = at else { continue };
                        let at = ((image * height + line) * width + column) * channels + first;
                        match x[at..].first_chunk::<LANES>() {
                            Some(all) if len == LANES => *d = *all,
                            _ => d[..len].copy_from_slice(&x[at..at + len]),
                        }
                    }
                }
                let values = spread(&d);
                for (half, value) in half.iter_mut().zip(values) {
                    half[column] = value;
                }
            }
            let (pass, depth) = (first / DEPTH, first % DEPTH);
            for (line, half) in half.iter().enumerate() {
                for (column, value) in spread(half).into_iter().enumerate() {
                    let place = line * REACH + column;
                    let at = ((pass * PLACES + place) * plan.tiles + row) * ROW_STRIDE + depth;
                    // A row is longer than its depth by a whole number of lanes.
                    if let Some(to) = to[at..].first_chunk_mut::<LANES>() {
                        *to = value;
                    }
                }
            }
        }
    }
}

/// `B' d` for one column.
#[inline(always)]
fn spread<T: Real>(d: &[Lanes<T>; REACH]) -> [Lanes<T>; REACH] {
    let (two, four, five) = (T::from_f64(2.0), T::from_f64(4.0), T::from_f64(5.0));
    let mut to = [[T::ZERO; LANES]; REACH];
    for i in 0..LANES {
        let [a, b, c, e, f, g] = [d[0][i], d[1][i], d[2][i], d[3][i], d[4][i], d[5][i]];
        to[0][i] = four * a - five * c + f;
        let (even, odd) = (f - four * c, e - four * b);
        to[1][i] = even + odd;
        to[2][i] = even - odd;
        let (even, odd) = (f - c, two * (e - b));
        to[3][i] = even + odd;
        to[4][i] = even - odd;
        to[5][i] = four * b - five * e + g;
    }
    to
}

/// `A' m` for one column.
#[inline(always)]
fn gather<T: Real>(m: &[Lanes<T>; REACH]) -> [Lanes<T>; SIDE] {
    let (two, four, eight) = (T::from_f64(2.0), T::from_f64(4.0), T::from_f64(8.0));
    let mut to = [[T::ZERO; LANES]; SIDE];
    for i in 0..LANES {
        let (near, far) = (m[1][i] + m[2][i], m[3][i] + m[4][i]);
        let (odd, more) = (m[1][i] - m[2][i], m[3][i] - m[4][i]);
        to[0][i] = m[0][i] + near + far;
        to[1][i] = odd + two * more;
        to[2][i] = near + four * far;
        to[3][i] = odd + eight * more + m[5][i];
    }
    to
}

/// Brings the sums of a panel back to pixels, `A' m A`, and does what follows.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "which results, of what, and what follows")]
fn results<T: Real>(
    shape: &Shape,
    plan: &Plan,
    panels: &Panels,
    panel: usize,
    tiles: Range<usize>,
    sums: &[T],
    after: After<T>,
    y: &Shared<T>,
) {
    let [_, height, width] = shape.windows.output;
    let columns = Tile::of::<T>().columns;
    for (row, tile) in tiles.enumerate() {
        let (image, top, side) = place(plan, tile);
        for lane in (0..panels.channels(panel)).step_by(LANES) {
            let len = LANES.min(panels.channels(panel) - lane);
            let channel = panels.start(panel) + lane;
            let mut half = [[[T::ZERO; LANES]; REACH]; SIDE];
            for column in 0..REACH {
                let mut m = [[T::ZERO; LANES]; REACH];
                for (line, m) in m.iter_mut().enumerate() {
                    let at = ((line * REACH + column) * plan.tiles + row) * columns + lane;
                    match sums[at..].first_chunk::<LANES>() {
                        Some(all) if len == LANES => *m = *all,
                        _ => m[..len].copy_from_slice(&sums[at..at + len]),
                    }
                }
                for (half, value) in half.iter_mut().zip(gather(&m)) {
                    half[column] = value;
                }
            }
            let mut bias = [T::ZERO; LANES];
            if let Some(from) = after.bias {
                bias[..len].copy_from_slice(&from[channel..channel + len]);
            }
            for (line, half) in half.iter().enumerate().take(height - top) {
                let values = gather(half);
                for (column, mut value) in values.into_iter().enumerate().take(width - side) {
                    let at = (image * height + top + line) * width + side + column;
                    let at = at * shape.out_channels + channel;
                    for (value, bias) in value.iter_mut().zip(&bias) {
                        *value += *bias;
                    }
                    if let Some(addend) = after.addend {
                        // SAFETY: the addend is as large as the result, of which nobody else writes this part.
                        let addend = unsafe { std::slice::from_raw_parts(addend.add(at), len) };
                        value.iter_mut().zip(addend).for_each(|(value, more)| *value += *more);
                    }
                    if after.relu {
                        for value in &mut value {
                            *value = if *value < T::ZERO { T::ZERO } else { *value };
                        }
                    }
                    // SAFETY: every tile and every panel is in one task.
                    let to = unsafe { y.slice(at..at + len) };
                    match to.first_chunk_mut::<LANES>() {
                        Some(to) => *to = value,
                        None => to.copy_from_slice(&value[..len]),
                    }
                }
            }
        }
    }
}
