//! A convolution of planes with windows of 5 x 5 and the maximum pooling by 2 x 2 behind it, by tiles of 2 x 2 results, each of
//! which is what one window of the pooling sees: F(2 x 2, 5 x 5) of Lavin and Gray, "Fast algorithms for convolutional neural
//! networks", CVPR 2016.
//!
//! Neighbouring tiles of a plane lie in the lanes of a register, so that transforms are sums of registers and what comes
//! out are runs of the planes of maxima. A task has one or two registers of tiles: it transforms the pixels under them in all
//! channels, and for some outputs at a time makes the products at the 36 places, brings them back and takes the maxima.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Shape;
use crate::exec::cpu::channels_last::micro::{Left, Product, Segment};
use crate::exec::cpu::channels_last::tiles::tiles_weight_len;
use crate::exec::cpu::channels_last::tiles::transform::{self, PLACES, REACH};
use crate::exec::cpu::channels_last::weights::Panels;
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each_with};
use crate::real::{LINE, Real, load, store, store_some, with_simd};

/// Tasks below which each has a part of the outputs, so that threads have work.
const TASKS: usize = 4;

/// Registers of one task.
const REGISTERS: usize = 2;

/// Most numbers in a register.
const LANES: usize = 16;

/// Rows of outputs that places of the sums have space for: those of the largest tile of a product.
const ROWS: usize = 12;

/// Elements from one place to the next of so many rows: an odd number of cache lines, so that the places of a tile do not fall
/// on each other in the cache.
#[inline(always)]
const fn place(rows: usize, lanes: usize) -> usize {
    ((rows * REGISTERS * lanes).div_ceil(LINE) | 1) * LINE
}

/// A convolution with windows of 5 x 5 and stride 1, and a pooling of its planes by 2 x 2 that covers them exactly.
#[derive(Clone, Debug)]
pub struct PooledTiles {
    /// The convolution of all images.
    pub conv: Shape,
    /// Whether negative outputs of the convolution become 0.
    pub relu: bool,
}

/// The cut into tasks; depends on the shape only.
struct Plan {
    /// Tiles down and across a plane, and all of them.
    rows: usize,
    columns: usize,
    tiles: usize,
    /// Numbers in a register.
    lanes: usize,
    /// Registers of an image, and pairs of those of all images.
    registers: usize,
    blocks: usize,
    panels: Panels,
    /// Parts of the outputs, each of whole panels.
    parts: usize,
}

/// Tiles in a register: of one image, from this one on.
#[derive(Clone, Copy)]
struct Tiles {
    image: usize,
    first: usize,
    count: usize,
}

/// Neighbouring tiles of a row.
#[derive(Clone, Copy, Default)]
struct Run {
    /// The lane of the first one.
    lane: usize,
    /// Where its corner is among every second pixel of every second row.
    from: usize,
}

impl Plan {
    fn new<T: Real>(conv: &Shape) -> Plan {
        let [_, height, width] = conv.windows.output;
        let (rows, columns) = (height / 2, width / 2);
        let lanes = Tile::of::<T>().columns / 2;
        let registers = (rows * columns).div_ceil(lanes);
        let blocks = (conv.batch * registers).div_ceil(REGISTERS);
        let panels = Panels::of::<T>(conv.out_channels);
        let parts = if blocks < TASKS { panels.count() } else { 1 };
        Plan { rows, columns, tiles: rows * columns, lanes, registers, blocks, panels, parts }
    }

    /// The tiles of a register; registers are counted over all images.
    fn tiles(&self, register: usize) -> Tiles {
        let (image, first) = (register / self.registers, register % self.registers * self.lanes);
        Tiles { image, first, count: self.lanes.min(self.tiles - first) }
    }

    /// Elements from one place to the next, of the pixels and of the sums.
    fn places(&self, conv: &Shape) -> [usize; 2] {
        [conv.channels, ROWS].map(|rows| place(rows, self.lanes))
    }

    /// Elements of every second pixel of every second row of the pixels under a plane of tiles, read a register at a time.
    fn quarter(&self) -> usize {
        (self.rows + 2) * (self.columns + 2) + LANES
    }

    fn each(&self, conv: &Shape) -> usize {
        let [pixels, sums] = self.places(conv);
        PLACES * (pixels + sums) + 4 * self.quarter() + (PLACES + 1) * LANES
    }
}

impl PooledTiles {
    fn fits(&self) -> bool {
        let windows = &self.conv.windows;
        let five = windows.axes[1..].iter().all(|a| (a.kernel, a.stride, a.dilation) == (5, 1, 1));
        let even = windows.output[1..].iter().all(|extent| extent.is_multiple_of(2));
        windows.input[0] == 1 && windows.axes[0].kernel == 1 && self.conv.group == 1 && five && even
    }

    /// Elements of workspace that [`PooledTiles::forward`] needs for `threads` to take part.
    pub fn workspace<T: Real>(&self, threads: usize) -> usize {
        threads.max(1) * Plan::new::<T>(&self.conv).each(&self.conv)
    }

    /// The maxima `y` of the pooling and their places `index`, with weights from
    /// [`tiles_pack`](crate::exec::cpu::channels_last::tiles_pack). `work` holds at least `workspace(1)` elements.
    pub fn forward<T: Real>(
        &self,
        x: &[T],
        packed: &[T],
        bias: Option<&[T]>,
        [y, index]: [&mut [T]; 2],
        work: &mut [T],
    ) {
        let conv = &self.conv;
        assert!(self.fits(), "{conv:?} by tiles");
        assert!(x.len() == conv.input_len(), "input of {} elements", x.len());
        let weights = tiles_weight_len::<T>(conv.channels, conv.out_channels);
        assert!(weights <= packed.len(), "{} packed weights", packed.len());
        assert!(bias.is_none_or(|b| b.len() == conv.out_channels), "bias does not fit the outputs");
        assert!([&y, &index].iter().all(|to| 4 * to.len() == conv.output_len()), "outputs");
        let plan = &Plan::new::<T>(conv);
        let [y, index] = &[y, index].map(|to| Shared::new(to));
        let [pixels, sums] = plan.places(conv);
        let all = conv.batch * plan.registers;
        for_each_with(plan.blocks * plan.parts, work, plan.each(conv), |task, scratch| {
            let (block, part) = (task / plan.parts, task % plan.parts);
            let registers = block * REGISTERS..((block + 1) * REGISTERS).min(all);
            let (left, rest) = scratch.split_at_mut(PLACES * pixels);
            let (products, rest) = rest.split_at_mut(PLACES * sums);
            let (quarters, spread) = rest.split_at_mut(4 * plan.quarter());
            for (at, register) in registers.clone().enumerate() {
                let (to, tiles) = (&mut *left, plan.tiles(register));
                let width = registers.len() * plan.lanes;
                let place = (at * plan.lanes, width);
                with_simd(Pixels { conv, plan, tiles, x, quarters, spread, to, place });
            }
            let panels = plan.panels.count();
            for panel in panels * part / plan.parts..panels * (part + 1) / plan.parts {
                let count = plan.panels.channels(panel);
                let height = Tile::of::<T>().panel_rows(count);
                for row in (0..count).step_by(height) {
                    let rows = row..(row + height).min(count);
                    multiply(
                        conv,
                        plan,
                        (panel, rows.clone()),
                        packed,
                        left,
                        products,
                        registers.len(),
                    );
                    for (at, register) in registers.clone().enumerate() {
                        let (outputs, tiles) =
                            (plan.panels.start(panel) + rows.start, plan.tiles(register));
                        let outputs = outputs..outputs + rows.len();
                        let (sums, width) =
                            (&products[at * plan.lanes..], registers.len() * plan.lanes);
                        with_simd(Maxima {
                            conv,
                            plan,
                            tiles,
                            outputs,
                            sums,
                            width,
                            bias,
                            relu: self.relu,
                            y,
                            index,
                        });
                    }
                }
            }
        });
    }
}

/// The sums of some rows of a panel of outputs at every place.
fn multiply<T: Real>(
    conv: &Shape,
    plan: &Plan,
    (panel, rows): (usize, Range<usize>),
    packed: &[T],
    pixels: &[T],
    to: &mut [T],
    registers: usize,
) {
    let width = plan.panels.width(panel);
    let weights = &packed[PLACES * conv.channels * plan.panels.start(panel)..];
    let [pixels_place, sums_place] = plan.places(conv);
    for place in 0..PLACES {
        let segment = Segment {
            left: weights[place * conv.channels * width + rows.start..].as_ptr(),
            right: pixels[place * pixels_place..].as_ptr(),
            len: conv.channels,
        };
        let target = to[place * sums_place..].as_mut_ptr();
        let product = Product {
            rows: rows.len(),
            registers,
            segments: &[segment],
            left: Left::Depths(width),
            offsets: [0, 0],
            target: Target::new(target, registers * plan.lanes, true),
            epilogue: Epilogue::adding(T::ZERO),
        };
        // SAFETY: both operands have all channels and these rows and columns, and a place has space for all rows of a tile.
        unsafe { product.run() };
    }
}

/// Transforms the pixels under the tiles of a register, `B' d B`: for each place and channel the lanes of the tiles.
struct Pixels<'a, T> {
    conv: &'a Shape,
    plan: &'a Plan,
    tiles: Tiles,
    x: &'a [T],
    /// Scratch memory: the pixels of a channel by whether their rows and columns are even, and those at each place of the tiles.
    quarters: &'a mut [T],
    spread: &'a mut [T],
    to: &'a mut [T],
    /// Where the lanes begin, and how many there are for each channel.
    place: (usize, usize),
}

impl<T: Real> WithSimd for Pixels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pixels { conv, plan, tiles, x, quarters, spread, to, place: (first, width) } = self;
        let lanes = T::lanes::<S>();
        let [pixels_place, _] = plan.places(conv);
        let pixels = conv.windows.pixels();
        let mut runs = [Run::default(); LANES];
        let count = runs_of(plan, &tiles, &mut runs);
        let runs = &runs[..count];
        let rows = tiles.first / plan.columns..(tiles.first + tiles.count).div_ceil(plan.columns);
        let (quarter, by_four) = (plan.quarter(), plan.columns == 4);
        assert!(lanes == plan.lanes && lanes <= LANES && 4 * quarter <= quarters.len(), "scratch");
        assert!(
            (PLACES + 1) * LANES <= spread.len() && PLACES * pixels_place <= to.len(),
            "scratch"
        );
        assert!(first + lanes <= width && conv.channels * width <= pixels_place, "scratch");
        for channel in 0..conv.channels {
            let plane = &x[(tiles.image * conv.channels + channel) * pixels..][..pixels];
            split(conv, plan, rows.clone(), plane, quarters);
            // SAFETY: runs lie within the tiles' rows, of which the quarters have all pixels and a register more, as the
            // spread has behind its last place.
            unsafe {
                spread_runs::<T, _>(
                    plan,
                    runs,
                    quarters,
                    lanes,
                    spread,
                    #[inline(always)]
                    |from, to| match by_four {
                        true => std::ptr::copy_nonoverlapping(from, to, 4),
                        false => store::<T, S>(to, load::<T, S>(from)),
                    },
                );
            }
            let to = &mut to[channel * width + first..];
            transform::square(
                #[inline(always)]
                |column| {
                    let mut d = [T::splat(simd, T::ZERO); REACH];
                    for (line, d) in d.iter_mut().enumerate() {
                        let from = spread[(line * REACH + column) * lanes..][..lanes].as_ptr();
                        // SAFETY: a register fits what was cut.
                        *d = unsafe { load::<T, S>(from) };
                    }
                    d
                },
                #[inline(always)]
                |d| transform::pixels::<T, S>(simd, d),
                #[inline(always)]
                |line, values| {
                    for (column, value) in values.into_iter().enumerate() {
                        let to = to[(line * REACH + column) * pixels_place..][..lanes].as_mut_ptr();
                        // SAFETY: a register fits what was cut.
                        unsafe { store::<T, S>(to, value) };
                    }
                },
            );
        }
    }
}

/// The runs of neighbours among the tiles of a register, and how many they are.
#[inline(always)]
fn runs_of(plan: &Plan, tiles: &Tiles, runs: &mut [Run; LANES]) -> usize {
    let top = tiles.first / plan.columns;
    let (mut lane, mut count) = (0, 0);
    while lane < tiles.count {
        let tile = tiles.first + lane;
        let (row, column) = (tile / plan.columns - top, tile % plan.columns);
        runs[count] = Run { lane, from: row * (plan.columns + 2) + column };
        count += 1;
        lane += plan.columns - column;
    }
    count
}

/// Cuts the pixels under some rows of tiles by whether their rows and columns are even. Those outside of the plane are 0.
#[inline(always)]
fn split<T: Real>(conv: &Shape, plan: &Plan, rows: Range<usize>, plane: &[T], quarters: &mut [T]) {
    let [_, height, width] = conv.windows.input;
    let [above, beside] = [1, 2].map(|axis| conv.windows.axes[axis].pad_before);
    let half = plan.columns + 2;
    let quarter = plan.quarter();
    let inside = beside == 0 && 2 * half <= width;
    for line in 0..2 * (rows.len() + 2) {
        let (even, odd) = quarters[line % 2 * 2 * quarter..][..2 * quarter].split_at_mut(quarter);
        let at = line / 2 * half;
        let (even, odd) = (&mut even[at..at + half], &mut odd[at..at + half]);
        let row = (2 * rows.start + line).wrapping_sub(above);
        if height <= row {
            even.fill(T::ZERO);
            odd.fill(T::ZERO);
            continue;
        }
        let row = &plane[row * width..][..width];
        if inside {
            for (pair, (even, odd)) in row.chunks_exact(2).zip(even.iter_mut().zip(odd)) {
                (*even, *odd) = (pair[0], pair[1]);
            }
            continue;
        }
        let pixel =
            |column: usize| row.get(column.wrapping_sub(beside)).copied().unwrap_or(T::ZERO);
        for (column, (even, odd)) in even.iter_mut().zip(odd).enumerate() {
            (*even, *odd) = (pixel(2 * column), pixel(2 * column + 1));
        }
    }
}

/// Brings the pixels at each place of the tiles together. `copy` copies a run, and may copy what follows up to a register.
///
/// # Safety
/// The runs lie within the quarters, and from a run's beginning on both quarters and spread have a register.
#[inline(always)]
unsafe fn spread_runs<T: Real, F: Fn(*const T, *mut T)>(
    plan: &Plan,
    runs: &[Run],
    quarters: &[T],
    lanes: usize,
    spread: &mut [T],
    copy: F,
) {
    let (quarter, half) = (plan.quarter(), plan.columns + 2);
    for line in 0..REACH {
        for column in 0..REACH {
            let from = (line % 2 * 2 + column % 2) * quarter + line / 2 * half + column / 2;
            let to = (line * REACH + column) * lanes;
            for run in runs {
                // What is copied too much is written over by the next run.
                // SAFETY: promised by the caller.
                unsafe {
                    copy(
                        quarters.as_ptr().add(from + run.from),
                        spread.as_mut_ptr().add(to + run.lane),
                    );
                }
            }
        }
    }
}

/// Brings the sums of some outputs back to pixels, `A' m A`, and takes their maxima.
struct Maxima<'a, T> {
    conv: &'a Shape,
    plan: &'a Plan,
    tiles: Tiles,
    outputs: Range<usize>,
    /// The sums from the register's first lane on, with so many lanes for each output.
    sums: &'a [T],
    width: usize,
    bias: Option<&'a [T]>,
    relu: bool,
    y: &'a Shared<'a, T>,
    index: &'a Shared<'a, T>,
}

impl<T: Real> WithSimd for Maxima<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Maxima { conv, plan, tiles, outputs, sums, width, bias, relu, y, index } = self;
        let lanes = T::lanes::<S>();
        // Known when this is compiled, unlike what the plan holds.
        let place = place(ROWS, lanes);
        let [_, _, line] = conv.windows.output;
        let zero = T::splat(simd, T::ZERO);
        let mut corners = [T::ZERO; LANES];
        for (corner, tile) in corners.iter_mut().zip(tiles.first..tiles.first + tiles.count) {
            *corner = T::from_usize(tile / plan.columns * 2 * line + tile % plan.columns * 2);
        }
        assert!(lanes <= LANES && lanes == plan.lanes, "{lanes} lanes");
        // SAFETY: there are as many corners as a register has lanes at most.
        let corners = unsafe { load::<T, S>(corners.as_ptr()) };
        let place_of = |below: usize, beside: usize| {
            T::vector_add(simd, corners, T::splat(simd, T::from_usize(below * line + beside)))
        };
        let places = [[place_of(0, 0), place_of(0, 1)], [place_of(1, 0), place_of(1, 1)]];
        for (row, output) in outputs.enumerate() {
            let sums = &sums[row * width..][..(PLACES - 1) * place + lanes];
            let bias = T::splat(simd, bias.map_or(T::ZERO, |bias| bias[output]));
            let mut results = [[zero; 2]; 2];
            transform::square(
                #[inline(always)]
                |column| {
                    let mut m = [zero; REACH];
                    for (line, m) in m.iter_mut().enumerate() {
                        let at = (line * REACH + column) * place;
                        // SAFETY: the sums were cut behind the register at the last place.
                        *m = unsafe { load::<T, S>(sums.as_ptr().add(at)) };
                    }
                    m
                },
                #[inline(always)]
                |m| transform::results::<T, S, 2>(simd, m),
                #[inline(always)]
                |line, values| results[line] = values,
            );
            let mut best = T::splat(simd, -T::FLT_MAX);
            let mut at = T::splat(simd, -T::ONE);
            for (results, places) in results.into_iter().zip(places) {
                for (result, place) in results.into_iter().zip(places) {
                    let mut value = T::vector_add(simd, result, bias);
                    if relu {
                        value = T::vector_above(simd, zero, value, zero, value);
                    }
                    at = T::vector_above(simd, value, best, place, at);
                    best = T::vector_above(simd, value, best, value, best);
                }
            }
            let to = (tiles.image * conv.out_channels + output) * plan.tiles + tiles.first;
            // SAFETY: every tile of every output is in one task.
            unsafe {
                store_some::<T, S>(y.pointer(to), tiles.count, best);
                store_some::<T, S>(index.pointer(to), tiles.count, at);
            }
        }
    }
}
