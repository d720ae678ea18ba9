//! Convolution with windows of 3 x 3 by tiles of 4 x 4 results, which takes a quarter of the multiplications, and with windows
//! of 5 x 5 by tiles of 2 x 2, which takes a third: F(4 x 4, 3 x 3) and F(2 x 2, 5 x 5) of Lavin and Gray, "Fast algorithms for
//! convolutional neural networks", CVPR 2016.
//!
//! A tile of results depends on 6 x 6 pixels. Pixels and weights are brought into a form in which the convolution is a product
//! at each of 36 places; sums over channels are those of matrices, and results are brought back. Rounding errors are about
//! ten times those of a plain sum.

mod gradient;
pub(in crate::exec::cpu) mod transform;
mod weights;

use std::ops::Range;

use pulp::{Simd, WithSimd};

pub use gradient::{tiles_weight_gradient, tiles_weight_gradient_workspace};
use transform::{PLACES, REACH, side};
pub use weights::{tiles_pack, tiles_weight_len};

use super::micro::{DEPTH, Left, Product, Segment};
use super::then::{After, Then};
use super::weights::Panels;
use crate::exec::cpu::conv::Shape;
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each_with};
use crate::program::Kernel;
use crate::real::{LINE, Real, load, load_some, store, store_some, with_simd};
use crate::window::Axis;

/// Elements of transformed pixels that stay in the second-level cache.
const CACHED: usize = 150 * 1024;

/// Most tiles of one task, in those of a product.
const HEIGHTS: usize = 3;

/// Tasks wanted, so that many threads have work, and fewest tiles that are cut for that.
const TASKS: usize = 8;
const FEWEST: usize = 12;

/// Elements that a row is longer than its depth, by a register at least.
const GAP: usize = 16;

/// Most segments of a sum.
const PASSES: usize = Kernel::TILED.div_ceil(DEPTH);

/// Whether a convolution can be done by tiles.
pub fn tiles_fit(shape: &Shape) -> bool {
    let windows = &shape.windows;
    let taps = taps(shape);
    let plain = |axis: &Axis| (axis.kernel, axis.stride, axis.dilation) == (taps, 1, 1);
    let flat = windows.input[0] == 1 && windows.axes[0].kernel == 1;
    let few = shape.channels <= Kernel::TILED;
    [3, 5].contains(&taps) && flat && few && shape.group == 1 && windows.axes[1..].iter().all(plain)
}

/// Taps of a window along a side.
fn taps(shape: &Shape) -> usize {
    shape.windows.axes[1].kernel
}

/// The tiles of the results of a convolution.
#[derive(Clone, Copy, Debug)]
struct Tiling {
    /// Results along a side of a tile.
    side: usize,
    /// Tiles down and across an image.
    rows: usize,
    columns: usize,
    /// Those of all images.
    all: usize,
}

impl Tiling {
    fn new(shape: &Shape) -> Tiling {
        let [_, height, width] = shape.windows.output;
        let side = side(taps(shape));
        let (rows, columns) = (height.div_ceil(side), width.div_ceil(side));
        Tiling { side, rows, columns, all: shape.batch * rows * columns }
    }

    /// Image, first row and first column of the results of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (line, column) = (tile / self.columns, tile % self.columns);
        (line / self.rows, line % self.rows * self.side, column * self.side)
    }

    /// The pixels under a tile, where they begin in `x`; those outside of the image are `zeros`, of as many channels.
    #[inline(always)]
    fn pixels<T>(&self, shape: &Shape, tile: usize, x: &[T], zeros: &[T]) -> [*const T; PLACES] {
        let windows = &shape.windows;
        let [_, height, width] = windows.input;
        let (image, top, side) = self.place(tile);
        let before = [windows.axes[1].pad_before, windows.axes[2].pad_before];
        let mut pixels = [zeros.as_ptr(); PLACES];
        for line in 0..REACH {
            let row = (top + line).wrapping_sub(before[0]);
            for column in 0..REACH {
                let at = (side + column).wrapping_sub(before[1]);
                if row < height && at < width {
                    let pixel = (image * height + row) * width + at;
                    pixels[line * REACH + column] = x[pixel * shape.channels..].as_ptr();
                }
            }
        }
        pixels
    }
}

/// The cut into tasks; depends on the shape only.
struct Plan {
    tiling: Tiling,
    /// Tiles of one task, and how many tasks they make.
    tiles: usize,
    blocks: usize,
    /// Panels of one task, and how many tasks they make.
    panels: usize,
    parts: usize,
    passes: usize,
    /// Elements from a tile's transformed pixels at one place to the next tile's: rows do not fall on each other in the cache.
    pitch: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let tiling = Tiling::new(shape);
        let all = tiling.all.max(1);
        let fit = CACHED / (PLACES * shape.channels.max(1));
        let height = Tile::of::<T>().rows;
        let most = match fit / height {
            0 => fit.max(1),
            heights => heights.min(HEIGHTS) * height,
        };
        let panels = Panels::of::<T>(shape.out_channels).count();
        let blocks = match all.div_ceil(most) {
            // Two threads share tiles evenly, and a single image where there are no panels to share.
            1 if panels < 3 && FEWEST <= all => 2,
            1 => 1,
            blocks => blocks.next_multiple_of(2),
        };
        let parts = TASKS.div_ceil(blocks).min(panels.div_ceil(2)).max(1);
        Plan {
            tiling,
            tiles: all.div_ceil(blocks),
            blocks,
            panels: panels.div_ceil(parts),
            parts,
            passes: shape.channels.div_ceil(DEPTH),
            pitch: shape.channels.min(DEPTH).next_multiple_of(GAP) + GAP,
        }
    }

    /// Elements from one place of the transformed pixels to the next, and from one place of the sums to the next: an odd number
    /// of cache lines, so that the places of a tile do not fall on each other in the cache.
    fn places<T: Real>(&self) -> [usize; 2] {
        [self.pitch, Tile::of::<T>().columns]
            .map(|row| ((self.tiles * row).div_ceil(LINE) | 1) * LINE)
    }

    fn left<T: Real>(&self) -> usize {
        self.passes * PLACES * self.places::<T>()[0]
    }

    fn sums<T: Real>(&self) -> usize {
        PLACES * self.places::<T>()[1]
    }

    fn each<T: Real>(&self, shape: &Shape) -> usize {
        self.left::<T>() + self.sums::<T>() + shape.channels
    }
}

/// Elements of workspace for `threads` to take part.
pub fn tiles_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    threads.max(1) * Plan::new::<T>(shape).each::<T>(shape)
}

/// The convolution and what follows it, with weights from [`tiles_pack`].
pub fn tiles_forward<T: Real>(
    shape: &Shape,
    x: &[T],
    packed: &[T],
    then: Then<T>,
    y: &mut [T],
    work: &mut [T],
) {
    assert!(tiles_fit(shape), "{shape:?} by tiles");
    assert!(x.len() == shape.input_len() && y.len() == shape.output_len(), "blobs of {shape:?}");
    let weights = tiles_weight_len::<T>(shape.channels, shape.out_channels);
    assert!(weights <= packed.len(), "{} packed weights", packed.len());
    let after = then.on(y, shape.out_channels);
    let plan = Plan::new::<T>(shape);
    let all = plan.tiling.all;
    let panels = Panels::of::<T>(shape.out_channels);
    let tile = Tile::of::<T>();
    let [left_place, sums_place] = plan.places::<T>();
    let y = Shared::new(y);
    for_each_with(plan.blocks * plan.parts, work, plan.each::<T>(shape), |task, scratch| {
        let first = task / plan.parts * plan.tiles;
        let tiles = first.min(all)..(first + plan.tiles).min(all);
        let first = task % plan.parts * plan.panels;
        let own = first.min(panels.count())..(first + plan.panels).min(panels.count());
        let (left, rest) = scratch.split_at_mut(plan.left::<T>());
        let (sums, zeros) = rest.split_at_mut(plan.sums::<T>());
        zeros.fill(T::ZERO);
        with_simd(Pixels { shape, plan: &plan, tiles: tiles.clone(), x, zeros, to: left });
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
                        let at = (pass * PLACES + place) * left_place + row * plan.pitch;
                        let right = (place * shape.channels + pass * DEPTH) * width;
                        *segment = Segment {
                            left: left[at..].as_ptr(),
                            right: weights[right..right + depth * width].as_ptr(),
                            len: depth,
                        };
                    }
                    let at = place * sums_place + row * tile.columns;
                    let product = Product {
                        rows: height.min(tiles.len() - row),
                        registers: panels.registers(panel),
                        segments: &segments[..plan.passes],
                        left: Left::Apart(plan.pitch),
                        offsets: [0, 0],
                        target: Target::new(sums[at..].as_mut_ptr(), tile.columns, true),
                        epilogue: Epilogue::adding(T::ZERO),
                    };
                    // SAFETY: both operands have this depth and these rows, and the sums belong to the task.
                    unsafe { product.run() };
                }
            }
            let (plan, tiles, y) = (&plan, tiles.clone(), &y);
            let panels = &panels;
            match plan.tiling.side {
                4 => {
                    with_simd(Results::<_, 4> { shape, plan, panels, panel, tiles, sums, after, y })
                }
                _ => {
                    with_simd(Results::<_, 2> { shape, plan, panels, panel, tiles, sums, after, y })
                }
            }
        }
    });
}

/// Transforms the pixels under tiles, `B' d B`: for each pass over the channels and each place a row for every tile.
struct Pixels<'a, T> {
    shape: &'a Shape,
    plan: &'a Plan,
    tiles: Range<usize>,
    x: &'a [T],
    zeros: &'a [T],
    to: &'a mut [T],
}

impl<T: Real> WithSimd for Pixels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pixels { shape, plan, tiles, x, zeros, to } = self;
        let lanes = T::lanes::<S>();
        let [place, _] = plan.places::<T>();
        assert!(plan.left::<T>() <= to.len() && shape.channels <= zeros.len(), "workspace");
        for (row, tile) in tiles.enumerate() {
            let pixels = plan.tiling.pixels(shape, tile, x, zeros);
            for first in (0..shape.channels).step_by(lanes) {
                let len = lanes.min(shape.channels - first);
                let (pass, depth) = (first / DEPTH, first % DEPTH);
                let to = &mut to[pass * PLACES * place + row * plan.pitch + depth..];
                transform::square(
                    #[inline(always)]
                    |column| {
                        let mut d = [T::splat(simd, T::ZERO); REACH];
                        for (line, d) in d.iter_mut().enumerate() {
                            let from = pixels[line * REACH + column].wrapping_add(first);
                            // SAFETY: every pixel has all channels.
                            *d = unsafe { load_some::<T, S>(simd, from, len) };
                        }
                        d
                    },
                    #[inline(always)]
                    |d| transform::pixels::<T, S>(simd, d),
                    #[inline(always)]
                    |line, values| {
                        for (column, value) in values.into_iter().enumerate() {
                            // SAFETY: a row is longer than its depth by a register, and all rows lie inside.
                            unsafe {
                                let to = to.as_mut_ptr().add((line * REACH + column) * place);
                                store::<T, S>(to, value);
                            }
                        }
                    },
                );
            }
        }
    }
}

/// Brings the sums of a panel back to pixels, `A' m A`, and does what follows.
struct Results<'a, T, const SIDE: usize> {
    shape: &'a Shape,
    plan: &'a Plan,
    panels: &'a Panels,
    panel: usize,
    tiles: Range<usize>,
    sums: &'a [T],
    after: After<'a, T>,
    y: &'a Shared<'a, T>,
}

impl<T: Real, const SIDE: usize> WithSimd for Results<'_, T, SIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Results { shape, plan, panels, panel, tiles, sums, after, y } = self;
        let [_, height, width] = shape.windows.output;
        let columns = Tile::of::<T>().columns;
        let lanes = T::lanes::<S>();
        let [_, place] = plan.places::<T>();
        assert!(tiles.len() <= plan.tiles && PLACES * place <= sums.len(), "workspace");
        for (row, tile) in tiles.enumerate() {
            let (image, top, side) = plan.tiling.place(tile);
            for lane in (0..panels.channels(panel)).step_by(lanes) {
                let len = lanes.min(panels.channels(panel) - lane);
                let channel = panels.start(panel) + lane;
                let nothing = T::splat(simd, T::ZERO);
                let bias = after.bias.map_or(
                    nothing,
                    #[inline(always)]
                    // SAFETY: the bias has all channels.
                    |bias| unsafe { load_some::<T, S>(simd, bias[channel..].as_ptr(), len) },
                );
                transform::square(
                    #[inline(always)]
                    |column| {
                        let mut m = [nothing; REACH];
                        for (line, m) in m.iter_mut().enumerate() {
                            let at = (line * REACH + column) * place + row * columns + lane;
                            // SAFETY: all places have as many rows, of whole registers.
                            *m = unsafe { load::<T, S>(sums.as_ptr().add(at)) };
                        }
                        m
                    },
                    #[inline(always)]
                    |m| transform::results::<T, S, SIDE>(simd, m),
                    #[inline(always)]
                    |line, values| {
                        if height <= top + line {
                            return;
                        }
                        let at = (image * height + top + line) * width + side;
                        let values = values.into_iter().take(width - side).enumerate();
                        for (column, value) in values {
                            let at = (at + column) * shape.out_channels + channel;
                            let mut value = T::vector_add(simd, value, bias);
                            // SAFETY: the addend is as large as the result; every tile and every panel is in one task.
                            unsafe {
                                if let Some(addend) = after.addend {
                                    let more = load_some::<T, S>(simd, addend.add(at), len);
                                    value = T::vector_add(simd, value, more);
                                }
                                if after.relu {
                                    // In this order a NaN stays one.
                                    value = T::vector_max(simd, nothing, value);
                                }
                                if let Some(mask) = after.mask {
                                    let mask = load_some::<T, S>(simd, mask[at..].as_ptr(), len);
                                    value = T::vector_mask(simd, mask, value);
                                }
                                store_some::<T, S>(y.pointer(at), len, value);
                            }
                        }
                    },
                );
            }
        }
    }
}
