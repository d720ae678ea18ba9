//! The gradient to the weights of a convolution by tiles, `G' ((A dy A') * (B' d B)) G`: at each place of a tile a product of
//! matrices, summed over all tiles.
//!
//! A task has the six places of one line and some output channels. It transforms as many tiles as the second-level cache
//! holds, adds their products to the sums, and goes on to the next.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::transform::{self, PIXELS, PLACES, REACH};
use super::{Tiling, taps, tiles_fit};
use crate::exec::cpu::channels_last::micro::{Left, Product, Segment};
use crate::exec::cpu::channels_last::weights::Panels;
use crate::exec::cpu::conv::Shape;
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::exec::cpu::turn::{self, turn};
use crate::real::{Real, load, load_some, store, with_simd};

/// Most tiles that are transformed at a time: a panel of their gradients stays in the first-level cache.
const SPAN: usize = 128;

/// Elements of transformed tiles that stay in the second-level cache.
const CACHED: usize = 150 * 1024;

/// Panels of output channels of one task.
const PANELS: usize = 4;

/// Numbers that a row of transformed pixels is longer than the channels, so that rows do not fall on each other in the cache.
const GAP: usize = 16;

/// Most taps of a window.
const MOST: usize = 25;

/// The cut into tasks; depends on the shape only.
struct Plan {
    tiling: Tiling,
    panels: Panels,
    /// Parts of the output channels, and panels of each.
    parts: usize,
    part: usize,
    /// Tiles that are transformed at a time.
    span: usize,
    /// Elements of a tile's transformed pixels at one place, and of its transformed gradients.
    pitch: usize,
    width: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let tiling = Tiling::new(shape);
        let panels = Panels::of::<T>(shape.out_channels);
        let parts = panels.count().div_ceil(PANELS).max(1);
        let part = panels.count().div_ceil(parts);
        let width = part * Tile::of::<T>().columns;
        let pitch = shape.channels.next_multiple_of(GAP) + GAP;
        let most = (CACHED / (REACH * (pitch + width))).clamp(1, SPAN);
        let spans = tiling.all.div_ceil(most).max(1);
        let span = tiling.all.div_ceil(spans);
        Plan { tiling, panels, parts, part, span, pitch, width }
    }

    /// Elements of the sums.
    fn sums(&self, shape: &Shape) -> usize {
        PLACES * shape.channels * self.panels.all()
    }

    fn left(&self) -> usize {
        REACH * self.span * self.pitch
    }

    fn right(&self) -> usize {
        REACH * self.span * self.width
    }

    /// Elements of scratch memory: transformed tiles, and a pixel outside of the image.
    fn each(&self, shape: &Shape) -> usize {
        self.left() + self.right() + shape.channels.max(shape.out_channels)
    }
}

/// Elements of workspace that [`tiles_weight_gradient`] needs for `threads` to take part.
pub fn tiles_weight_gradient_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    let plan = Plan::new::<T>(shape);
    plan.sums(shape) + threads.max(1) * plan.each(shape)
}

/// The gradient to the weights, `O x C x kernel`, of a convolution of `x` with the gradient `dy` to its result.
pub fn tiles_weight_gradient<T: Real>(
    shape: &Shape,
    x: &[T],
    dy: &[T],
    dw: &mut [T],
    work: &mut [T],
) {
    assert!(tiles_fit(shape), "{shape:?} by tiles");
    assert!(x.len() == shape.input_len() && dy.len() == shape.output_len(), "blobs of {shape:?}");
    assert!(dw.len() == shape.weight_len(), "{} weights for {shape:?}", dw.len());
    let plan = &Plan::new::<T>(shape);
    let (sums, scratch) = work.split_at_mut(plan.sums(shape));
    let shared = &Shared::new(sums);
    for_each_with(REACH * plan.parts, scratch, plan.each(shape), |task, scratch| {
        let (line, part) = (task % REACH, task / REACH);
        let first = part * plan.part;
        let panels = first..(first + plan.part).min(plan.panels.count());
        let (left, rest) = scratch.split_at_mut(plan.left());
        let (right, zeros) = rest.split_at_mut(plan.right());
        zeros.fill(T::ZERO);
        for start in (0..plan.tiling.all).step_by(plan.span) {
            let (zeros, panels) = (&*zeros, panels.clone());
            let tiles = start..(start + plan.span).min(plan.tiling.all);
            let count = tiles.len();
            with_simd(Pixels { shape, plan, line, tiles: tiles.clone(), x, zeros, to: left });
            let given = (panels.clone(), tiles);
            let to = &mut *right;
            match plan.tiling.side {
                4 => with_simd(Gradients::<_, 4> { shape, plan, line, given, dy, zeros, to }),
                _ => with_simd(Gradients::<_, 2> { shape, plan, line, given, dy, zeros, to }),
            }
            multiply(shape, plan, (line, panels, count), (left, right), start == 0, shared);
        }
    });
    gather(shape, plan, sums, dw);
}

/// Adds the products of transformed tiles to the sums of one line of places.
fn multiply<T: Real>(
    shape: &Shape,
    plan: &Plan,
    (line, panels, tiles): (usize, Range<usize>, usize),
    (left, right): (&[T], &[T]),
    begins: bool,
    sums: &Shared<T>,
) {
    let all = plan.panels.all();
    let height = Tile::of::<T>().panel_rows(shape.channels);
    for column in 0..REACH {
        let (left, right) =
            (&left[column * plan.span * plan.pitch..], &right[column * plan.span * plan.width..]);
        for panel in panels.clone() {
            let before = plan.panels.start(panel) - plan.panels.start(panels.start);
            let right = right[before * plan.span..].as_ptr();
            for channel in (0..shape.channels).step_by(height) {
                let segment = Segment { left: left[channel..].as_ptr(), right, len: tiles };
                let row = (line * REACH + column) * shape.channels + channel;
                let to = sums.pointer(row * all + plan.panels.start(panel));
                let product = Product {
                    rows: height.min(shape.channels - channel),
                    registers: plan.panels.registers(panel),
                    segments: &[segment],
                    left: Left::Depths(plan.pitch),
                    offsets: [0, 0],
                    target: Target::new(to, all, false),
                    epilogue: Epilogue::adding(if begins { T::ZERO } else { T::ONE }),
                };
                // SAFETY: both operands have rows for all tiles, and a task owns its line and panels.
                unsafe { product.run() };
            }
        }
    }
}

/// Transforms the pixels under tiles at one line of places: for each place a row for every tile.
struct Pixels<'a, T> {
    shape: &'a Shape,
    plan: &'a Plan,
    line: usize,
    tiles: Range<usize>,
    x: &'a [T],
    zeros: &'a [T],
    to: &'a mut [T],
}

impl<T: Real> WithSimd for Pixels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pixels { shape, plan, line, tiles, x, zeros, to } = self;
        let lanes = T::lanes::<S>();
        assert!(tiles.len() <= plan.span && plan.left() <= to.len(), "workspace");
        let factors = PIXELS[line].map(|(row, factor)| (row, T::splat(simd, T::from_f64(factor))));
        for (row, tile) in tiles.enumerate() {
            let pixels = plan.tiling.pixels(shape, tile, x, zeros);
            for first in (0..shape.channels).step_by(lanes) {
                let len = lanes.min(shape.channels - first);
                let mut half = [T::splat(simd, T::ZERO); REACH];
                for (column, half) in half.iter_mut().enumerate() {
                    for (line, factor) in factors {
                        let from = pixels[line * REACH + column].wrapping_add(first);
                        // SAFETY: every pixel has all channels.
                        let pixel = unsafe { load_some::<T, S>(simd, from, len) };
                        *half = T::mul_add(simd, factor, pixel, *half);
                    }
                }
                let values = transform::pixels::<T, S>(simd, half);
                for (column, value) in values.into_iter().enumerate() {
                    let at = (column * plan.span + row) * plan.pitch + first;
                    // SAFETY: a row is longer than the channels by a register, and all rows lie inside.
                    unsafe { store::<T, S>(to.as_mut_ptr().add(at), value) };
                }
            }
        }
    }
}

/// Transforms the gradients to the results of tiles at one line of places: for each place panels of a row for every tile.
struct Gradients<'a, T, const SIDE: usize> {
    shape: &'a Shape,
    plan: &'a Plan,
    line: usize,
    /// Panels of channels, and tiles.
    given: (Range<usize>, Range<usize>),
    dy: &'a [T],
    zeros: &'a [T],
    to: &'a mut [T],
}

impl<T: Real, const SIDE: usize> WithSimd for Gradients<'_, T, SIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Gradients { shape, plan, line, given: (own, tiles), dy, zeros, to } = self;
        let panels = &plan.panels;
        let [_, height, width] = shape.windows.output;
        let lanes = T::lanes::<S>();
        assert!(tiles.len() <= plan.span && plan.right() <= to.len(), "workspace");
        let factors = transform::results_of::<SIDE>(line);
        let factors = factors.map(|factor| T::splat(simd, T::from_f64(factor)));
        for (row, tile) in tiles.enumerate() {
            let (image, top, side) = plan.tiling.place(tile);
            let mut pixels = [[zeros.as_ptr(); SIDE]; SIDE];
            for (line, pixels) in pixels.iter_mut().enumerate().take(height - top) {
                for (column, place) in pixels.iter_mut().enumerate().take(width - side) {
                    let pixel = (image * height + top + line) * width + side + column;
                    *place = dy[pixel * shape.out_channels..].as_ptr();
                }
            }
            for panel in own.clone() {
                for lane in (0..panels.channels(panel)).step_by(lanes) {
                    let len = lanes.min(panels.channels(panel) - lane);
                    let channel = panels.start(panel) + lane;
                    let mut half = [T::splat(simd, T::ZERO); SIDE];
                    for (column, half) in half.iter_mut().enumerate() {
                        for (line, factor) in factors.into_iter().enumerate() {
                            let from = pixels[line][column].wrapping_add(channel);
                            // SAFETY: every pixel has all channels.
                            let pixel = unsafe { load_some::<T, S>(simd, from, len) };
                            *half = T::mul_add(simd, factor, pixel, *half);
                        }
                    }
                    let before = panels.start(panel) - panels.start(own.start);
                    let at = before * plan.span + row * panels.width(panel) + lane;
                    let values = transform::gradients::<T, S, SIDE>(simd, half);
                    for (column, value) in values.into_iter().enumerate() {
                        let at = column * plan.span * plan.width + at;
                        // SAFETY: panels are whole registers, and all rows lie inside.
                        unsafe { store::<T, S>(to.as_mut_ptr().add(at), value) };
                    }
                }
            }
        }
    }
}

/// Brings the sums to the weights, `G' m G`.
fn gather<T: Real>(shape: &Shape, plan: &Plan, sums: &[T], dw: &mut [T]) {
    const BLOCK: usize = turn::SIDE;
    let (channels, outputs) = (shape.channels, shape.out_channels);
    let taps = taps(shape);
    let window = taps * taps;
    let blocks = channels.div_ceil(BLOCK);
    let dw = Shared::new(dw);
    for_each(outputs.div_ceil(BLOCK) * blocks, |task| {
        let (output, channel) = (task / blocks * BLOCK, task % blocks * BLOCK);
        let rows = BLOCK.min(channels - channel) * window;
        let mut block = [[T::ZERO; BLOCK]; BLOCK * MOST];
        let (to, all) = (&mut block[..rows], plan.panels.all());
        match taps {
            3 => with_simd(Weights::<_, 3> { channels, all, output, channel, sums, to }),
            _ => with_simd(Weights::<_, 5> { channels, all, output, channel, sums, to }),
        }
        let count = BLOCK.min(outputs - output);
        for row in (0..rows).step_by(BLOCK) {
            let lines = BLOCK.min(rows - row);
            let mut from = [std::ptr::null(); BLOCK];
            for (from, line) in from.iter_mut().zip(&block[row..row + lines]) {
                *from = line.as_ptr();
            }
            let mut places = [std::ptr::null_mut(); BLOCK];
            for (i, place) in places[..count].iter_mut().enumerate() {
                *place = dw.pointer(((output + i) * channels + channel) * window + row);
            }
            // SAFETY: lines and places have these extents, and every block is in one task.
            unsafe { turn(&from[..lines], &places[..count], lines) };
        }
    });
}

/// Brings the sums of up to sixteen channels and outputs to the weights: for each channel and tap a row of outputs.
struct Weights<'a, T, const N: usize> {
    channels: usize,
    /// Outputs of a row of the sums.
    all: usize,
    /// The first output and channel.
    output: usize,
    channel: usize,
    sums: &'a [T],
    to: &'a mut [[T; turn::SIDE]],
}

impl<T: Real, const N: usize> WithSimd for Weights<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Weights { channels, all, output, channel, sums, to } = self;
        let lanes = T::lanes::<S>();
        let width = turn::SIDE.min(all - output);
        for (number, taps) in to.chunks_exact_mut(N * N).enumerate() {
            for lane in (0..width).step_by(lanes) {
                transform::square(
                    #[inline(always)]
                    |column| {
                        let mut m = [T::splat(simd, T::ZERO); REACH];
                        for (line, m) in m.iter_mut().enumerate() {
                            let row = (line * REACH + column) * channels + channel + number;
                            let from = sums[row * all + output + lane..][..lanes].as_ptr();
                            // SAFETY: a register fits what was cut.
                            *m = unsafe { load::<T, S>(from) };
                        }
                        m
                    },
                    #[inline(always)]
                    |m| transform::sums::<T, S, N>(simd, m),
                    #[inline(always)]
                    |line, values| {
                        for (column, value) in values.into_iter().enumerate() {
                            let to = taps[line * N + column][lane..].as_mut_ptr();
                            // SAFETY: a tap has sixteen lanes, of which these are whole registers.
                            unsafe { store::<T, S>(to, value) };
                        }
                    },
                );
            }
        }
    }
}
