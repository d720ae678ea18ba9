//! The gradients of a convolution whose outputs went through maximum pooling: from the gradient of the maxima and their
//! places to those of the input and of the weights.
//!
//! Only the windows that were a maximum have a gradient, a quarter of them for windows of 2 x 2, so the sums run over
//! lists of places instead of over all windows. Images lie channel by channel within a pixel here, so that one row of a
//! window's taps in all channels is one run of memory; the product of a gradient and such a run is the inner loop.

use super::Shape;
use super::runs::{Lists, add_runs, lanes};
use crate::exec::cpu::im2col::Windows;
use crate::exec::cpu::pack::transpose_into;
use crate::exec::cpu::tasks::{Shared, for_each, for_each_with};
use crate::exec::cpu::transpose::transpose;
use crate::real::{Real, vectorize};

/// Elements of images that are worked on together; they stay in the first-level cache.
const CACHED: usize = 6 * 1024;

/// Most images that are worked on together.
const TOGETHER: usize = 8;

/// Most sums over images that are taken on their own, so that many threads have work.
const SPANS: usize = 8;

/// Elements behind an image that a run may touch: the lanes of the widest register.
const SLACK: usize = 16;

/// Sums over images of their own.
fn spans(shape: &Shape) -> usize {
    SPANS.min(shape.batch.div_ceil(2)).max(1)
}

/// How images and weights lie while their gradients are summed; depends on the shape only.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// Places of the window.
    windows: Windows,
    channels: usize,
    outputs: usize,
    /// Whether the rows of a window are channels: one run holds a whole window.
    stacked: bool,
    /// Runs of a window, and the elements of one.
    rows: usize,
    run: usize,
    /// Elements from run to run of a packed window: whole registers.
    padded: usize,
    /// Elements from row to row of a packed image, from window to window in a row, and of the image.
    line: usize,
    step: usize,
    image: usize,
    /// Gradients of one plane.
    maxima: usize,
    /// Images that are worked on together.
    together: usize,
}

impl Grid {
    /// `stack` allows to make the rows of a window channels, where runs would be short otherwise.
    fn new<T: Real>(shape: &Shape, maxima: usize, stack: bool) -> Grid {
        let windows = shape.windows;
        let lanes = lanes::<T>();
        let [_, h, w] = windows.axes;
        assert!(
            windows.axes[0].kernel == 1 && h.dilation == 1 && w.dilation == 1 && shape.group == 1,
            "a dense convolution over two axes, without groups"
        );
        let channels = shape.channels;
        let whole = (h.kernel * w.kernel * channels).next_multiple_of(lanes);
        let by_rows = h.kernel * (w.kernel * channels).next_multiple_of(lanes);
        let short = w.kernel * channels <= 2 * lanes;
        let stacked = stack && short && whole < by_rows;
        let width = windows.input[2] + w.pad_before + w.pad_after;
        let height = windows.input[1] + h.pad_before + h.pad_after;
        let depth = if stacked { h.kernel * channels } else { channels };
        let run = w.kernel * depth;
        let line = width * depth;
        let lines = if stacked { windows.output[1] } else { height };
        let image = (lines * line + SLACK).next_multiple_of(SLACK);
        Grid {
            windows,
            channels,
            outputs: shape.out_channels,
            stacked,
            rows: if stacked { 1 } else { h.kernel },
            run,
            padded: run.next_multiple_of(lanes),
            line,
            step: depth,
            image,
            maxima,
            together: (CACHED / image).clamp(1, TOGETHER).min(shape.batch.max(1)),
        }
    }

    /// Where the first run of window `place` begins in a packed image.
    #[inline(always)]
    fn start(&self, place: usize) -> usize {
        let [_, h, w] = self.windows.axes;
        let width = self.windows.output[2];
        let line = if self.stacked { place / width } else { place / width * h.stride };
        line * self.line + place % width * w.stride * self.step
    }

    /// Elements of packed weights, or of one sum of their gradient.
    fn weights(&self) -> usize {
        self.rows * self.outputs * self.padded
    }

    /// Where the weights of an output and a row of the window begin: those of neighbouring channels are neighbours, and
    /// `step` elements further are those of the next tap.
    fn place(&self, output: usize, row: usize) -> usize {
        match self.stacked {
            true => output * self.padded + row * self.channels,
            false => (row * self.outputs + output) * self.padded,
        }
    }

    /// Gradients of the images that are worked on together.
    fn listed(&self) -> usize {
        self.together * self.outputs * self.maxima
    }
}

/// Elements that hold `count` whole numbers.
fn room<T>(count: usize) -> usize {
    (count * size_of::<u32>()).div_ceil(size_of::<T>()).next_multiple_of(SLACK)
}

/// Scratch memory as whole numbers.
fn numbers<T: Real>(work: &mut [T]) -> &mut [u32] {
    let len = std::mem::size_of_val(work) / size_of::<u32>();
    // SAFETY: a float is at least as aligned as a `u32`, and both take any bits.
    unsafe { std::slice::from_raw_parts_mut(work.as_mut_ptr().cast(), len) }
}

/// Scratch memory of a task.
struct Scratch<'a, T> {
    /// Packed images.
    images: &'a mut [T],
    /// Gradients, list by list.
    values: &'a mut [T],
    /// Where the run of each gradient begins.
    from: &'a mut [u32],
    /// The window of each gradient, or one more than there are.
    places: &'a mut [u32],
    /// Where each list ends.
    ends: &'a mut [u32],
    /// Where the sum of each list goes.
    to: &'a mut [u32],
    /// Where each window begins in an image.
    starts: &'a mut [u32],
}

impl<'a, T: Real> Scratch<'a, T> {
    fn elements(grid: &Grid, lists: usize) -> usize {
        let listed = grid.listed();
        grid.together * grid.image
            + listed.next_multiple_of(SLACK)
            + 2 * room::<T>(listed)
            + 2 * room::<T>(lists)
            + room::<T>(grid.windows.count())
    }

    fn new(grid: &Grid, lists: usize, work: &'a mut [T]) -> Self {
        let listed = grid.listed();
        let (images, work) = work.split_at_mut(grid.together * grid.image);
        let (values, work) = work.split_at_mut(listed.next_multiple_of(SLACK));
        let (from, work) = work.split_at_mut(room::<T>(listed));
        let (places, work) = work.split_at_mut(room::<T>(listed));
        let (ends, work) = work.split_at_mut(room::<T>(lists));
        let (to, starts) = work.split_at_mut(room::<T>(lists));
        let [from, places, ends, to, starts] = [from, places, ends, to, starts].map(numbers);
        for (place, start) in starts[..grid.windows.count()].iter_mut().enumerate() {
            *start = grid.start(place) as u32;
        }
        let starts = &mut starts[..grid.windows.count()];
        let (ends, to) = (&mut ends[..lists], &mut to[..lists]);
        Scratch { images, values, from, places, ends, to, starts }
    }

    fn lists(&self) -> Lists<'_, T> {
        Lists { values: self.values, from: self.from, ends: self.ends, to: self.to }
    }
}

/// Elements of workspace that [`pooled_weight_gradient`] needs for `threads` to take part.
pub fn pooled_weight_gradient_workspace<T: Real>(
    shape: &Shape,
    maxima: usize,
    threads: usize,
) -> usize {
    let grid = Grid::new::<T>(shape, maxima, true);
    let spans = spans(shape);
    spans * grid.weights() + threads.max(1) * Scratch::<T>::elements(&grid, grid.outputs)
}

/// `dw`, the gradient to the weights.
///
/// `x`: `N x C x spatial`, `dy`: `N x O x maxima` with the gradients of the maxima, `index`: for each its window among
/// the outputs of the convolution, or -1. `work` holds at least `pooled_weight_gradient_workspace(shape, maxima, 1)`
/// elements.
pub fn pooled_weight_gradient<T: Real>(
    shape: &Shape,
    x: &[T],
    dy: &[T],
    index: &[T],
    dw: &mut [T],
    work: &mut [T],
) {
    let maxima = maxima(shape, dy, index);
    assert!(x.len() == shape.input_len(), "input of {} elements", x.len());
    assert!(dw.len() == shape.weight_len(), "weights of {} elements", dw.len());
    let grid = Grid::new::<T>(shape, maxima, true);
    let spans = spans(shape);
    let size = grid.weights();
    let (partials, work) = work.split_at_mut(spans * size);
    let shared = Shared::new(partials);
    let each = Scratch::<T>::elements(&grid, grid.outputs);
    for_each_with(spans, work, each, |span, scratch| {
        let images = span * shape.batch / spans..(span + 1) * shape.batch / spans;
        // SAFETY: every span has a sum of its own.
        let partial = unsafe { shared.slice(span * size..(span + 1) * size) };
        partial.fill(T::ZERO);
        let mut scratch = Scratch::new(&grid, grid.outputs, scratch);
        for first in images.clone().step_by(grid.together) {
            let images = first..(first + grid.together).min(images.end);
            vectorize(
                #[inline(always)]
                || {
                    for (image, to) in
                        images.clone().zip(scratch.images.chunks_exact_mut(grid.image))
                    {
                        let len = shape.channels * shape.windows.pixels();
                        pack_image(&grid, &x[image * len..][..len], to);
                    }
                    list_by_output(&grid, images, dy, index, &mut scratch);
                },
            );
            for row in 0..grid.rows {
                for (output, to) in scratch.to.iter_mut().enumerate() {
                    *to = ((row * grid.outputs + output) * grid.padded) as u32;
                }
                let base = &scratch.images[row * grid.line..];
                add_runs(grid.padded, scratch.lists(), base, partial);
            }
        }
    });
    let sums = Shared::new(partials);
    let dw = Shared::new(dw);
    let taps = shape.windows.taps();
    for_each(grid.outputs, |output| {
        for row in 0..grid.rows {
            let at = (row * grid.outputs + output) * grid.padded;
            // SAFETY: the runs of an output belong to this task.
            let part = |span: usize| unsafe {
                sums.slice(span * size + at..span * size + at + grid.padded)
            };
            let sum = part(0);
            for span in 1..spans {
                vectorize(
                    #[inline(always)]
                    || sum.iter_mut().zip(&*part(span)).for_each(|(sum, x)| *sum += *x),
                );
            }
        }
        // SAFETY: as above.
        let dw = unsafe { dw.slice(output * shape.sum_len()..(output + 1) * shape.sum_len()) };
        let [_, h, w] = grid.windows.axes;
        for row in 0..h.kernel {
            let from = sums.pointer(grid.place(output, row));
            // SAFETY: the taps of a row of the window, in all channels; nobody writes sums any more.
            unsafe {
                let to = dw.as_mut_ptr().add(row * w.kernel);
                transpose(from, grid.step, w.kernel, grid.channels, to, taps as isize);
            }
        }
    });
}

/// Elements of workspace that [`pooled_input_gradient`] needs for `threads` to take part.
pub fn pooled_input_gradient_workspace<T: Real>(
    shape: &Shape,
    maxima: usize,
    threads: usize,
) -> usize {
    let grid = Grid::new::<T>(shape, maxima, false);
    let lists = grid.together * grid.windows.count();
    grid.weights() + threads.max(1) * Scratch::<T>::elements(&grid, lists)
}

/// `dx`, the gradient to the input; `w` holds the weights, the rest as for [`pooled_weight_gradient`].
pub fn pooled_input_gradient<T: Real>(
    shape: &Shape,
    dy: &[T],
    index: &[T],
    w: &[T],
    dx: &mut [T],
    work: &mut [T],
) {
    let maxima = maxima(shape, dy, index);
    assert!(dx.len() == shape.input_len(), "input of {} elements", dx.len());
    assert!(w.len() == shape.weight_len(), "weights of {} elements", w.len());
    let grid = Grid::new::<T>(shape, maxima, false);
    let (packed, work) = work.split_at_mut(grid.weights());
    pack_weights(shape, &grid, w, packed);
    let packed = &*packed;
    let count = grid.windows.count();
    let lists = grid.together * count;
    let len = shape.channels * shape.windows.pixels();
    let dx = Shared::new(dx);
    let each = Scratch::<T>::elements(&grid, lists);
    for_each_with(shape.batch.div_ceil(grid.together), work, each, |task, scratch| {
        let images = task * grid.together..((task + 1) * grid.together).min(shape.batch);
        // SAFETY: every image is in one task.
        let dx = unsafe { dx.slice(images.start * len..images.end * len) };
        let mut scratch = Scratch::new(&grid, lists, scratch);
        scratch.images.fill(T::ZERO);
        vectorize(
            #[inline(always)]
            || list_by_window(&grid, images, dy, index, &mut scratch),
        );
        let sums = Shared::new(std::mem::take(&mut scratch.images));
        for row in 0..grid.rows {
            let of_row = grid.outputs * grid.padded;
            // SAFETY: nobody else has the images.
            let sums = unsafe { sums.slice(row * grid.line..grid.together * grid.image) };
            add_runs(grid.padded, scratch.lists(), &packed[row * of_row..][..of_row], sums);
        }
        vectorize(
            #[inline(always)]
            || {
                for (i, dx) in dx.chunks_exact_mut(len).enumerate() {
                    // SAFETY: as above.
                    let image = unsafe { sums.slice(i * grid.image..(i + 1) * grid.image) };
                    unpack_image(&grid, image, dx);
                }
            },
        );
    });
}

/// Gradients of one plane; the blobs fit.
fn maxima<T>(shape: &Shape, dy: &[T], index: &[T]) -> usize {
    let planes = (shape.batch * shape.out_channels).max(1);
    assert!(dy.len() == index.len(), "{} gradients, {} places", dy.len(), index.len());
    assert!(dy.len().is_multiple_of(planes), "{} gradients of {planes} planes", dy.len());
    dy.len() / planes
}

/// Lays an image out pixel by pixel, with its padding.
#[inline(always)]
fn pack_image<T: Real>(grid: &Grid, x: &[T], to: &mut [T]) {
    let [_, height, width] = grid.windows.input;
    let [_, h, w] = grid.windows.axes;
    let plain = h.pad_before + h.pad_after + w.pad_before + w.pad_after == 0;
    if plain && !grid.stacked {
        let len = x.len();
        transpose_into(x, height * width, grid.channels, grid.channels, &mut to[..len]);
        to[len..].fill(T::ZERO);
        return;
    }
    to.fill(T::ZERO);
    let lines = to.chunks_exact_mut(grid.line);
    let copies = if grid.stacked { h.kernel } else { 1 };
    let stride = if grid.stacked { h.stride } else { 1 };
    for (line, to) in lines.enumerate() {
        for copy in 0..copies {
            let row = (line * stride + copy).wrapping_sub(h.pad_before);
            if height <= row {
                continue;
            }
            for channel in 0..grid.channels {
                let from = &x[(channel * height + row) * width..][..width];
                let first = w.pad_before * grid.step + copy * grid.channels + channel;
                let to = to[first..].iter_mut().step_by(grid.step);
                to.zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// The inverse of [`pack_image`], without the padding.
#[inline(always)]
fn unpack_image<T: Real>(grid: &Grid, from: &[T], dx: &mut [T]) {
    let [_, height, width] = grid.windows.input;
    let [_, h, w] = grid.windows.axes;
    if h.pad_before + h.pad_after + w.pad_before + w.pad_after == 0 {
        transpose_into(from, grid.channels, height * width, height * width, dx);
        return;
    }
    for (i, to) in dx.chunks_exact_mut(width).enumerate() {
        let (channel, row) = (i / height, i % height);
        let first = (row + h.pad_before) * grid.line + w.pad_before * grid.step + channel;
        let from = from[first..].iter().step_by(grid.step);
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

/// Lays the weights out as runs: row by row of the window, then output by output; zeros behind each.
fn pack_weights<T: Real>(shape: &Shape, grid: &Grid, w: &[T], to: &mut [T]) {
    let to = Shared::new(to);
    let taps = shape.windows.taps();
    for_each(grid.outputs, |output| {
        for row in 0..grid.rows {
            let at = (row * grid.outputs + output) * grid.padded;
            // SAFETY: the runs of an output belong to this task.
            unsafe { to.slice(at + grid.run..at + grid.padded) }.fill(T::ZERO);
        }
        let w = &w[output * shape.sum_len()..][..shape.sum_len()];
        let kernel = grid.windows.axes[2].kernel;
        for row in 0..grid.windows.axes[1].kernel {
            let to = to.pointer(grid.place(output, row));
            // SAFETY: the taps of a row of the window, in all channels; as above.
            unsafe {
                let from = w.as_ptr().add(row * kernel);
                transpose(from, taps, grid.channels, kernel, to, grid.step as isize);
            }
        }
    });
}

/// One list for each output: the gradients of some images with the windows they belong to.
#[inline(always)]
fn list_by_output<T: Real>(
    grid: &Grid,
    images: std::ops::Range<usize>,
    dy: &[T],
    index: &[T],
    scratch: &mut Scratch<T>,
) {
    let n = grid.maxima;
    let mut end = 0;
    // `Grid::start`, in whole numbers of `T`, which are exact below 2^24; half a window more keeps quotients exact.
    let [_, h, w] = grid.windows.axes;
    let width = grid.windows.output[2];
    let down = if grid.stacked { grid.line } else { grid.line * h.stride };
    let half = T::from_f64(0.5);
    let inverse = T::ONE / T::from_usize(width);
    let across = T::from_usize(w.stride * grid.step);
    let jump = T::from_usize(down) - T::from_usize(width) * across;
    let count = T::from_usize(grid.windows.count());
    for output in 0..grid.outputs {
        for (i, image) in images.clone().enumerate() {
            let plane = (image * grid.outputs + output) * n;
            let origin = T::from_usize(i * grid.image);
            let given = dy[plane..][..n].iter().zip(&index[plane..][..n]);
            let list = scratch.values[end..][..n].iter_mut().zip(&mut scratch.from[end..][..n]);
            for ((value, from), (dy, index)) in list.zip(given) {
                let there = T::ZERO <= *index && *index < count;
                let place = if there { *index } else { T::ZERO };
                let row = ((place + half) * inverse).floor();
                *value = if there { *dy } else { T::ZERO };
                // SAFETY: an offset within an image.
                *from = unsafe { (origin + place * across + row * jump).to_i32_unchecked() } as u32;
            }
            end += n;
        }
        scratch.ends[output] = end as u32;
    }
}

/// One list for each window of some images: its gradients with the outputs they belong to.
#[inline(always)]
fn list_by_window<T: Real>(
    grid: &Grid,
    images: std::ops::Range<usize>,
    dy: &[T],
    index: &[T],
    scratch: &mut Scratch<T>,
) {
    let (n, count) = (grid.maxima, grid.windows.count());
    let planes = images.start * grid.outputs * n..images.end * grid.outputs * n;
    let of_image = grid.outputs * n;
    scratch.ends.fill(0);
    let places = &mut scratch.places[..planes.len()];
    for (place, index) in places.iter_mut().zip(&index[planes.clone()]) {
        let windows = T::from_usize(count);
        let there = T::ZERO <= *index && *index < windows;
        let at = if there { *index } else { windows };
        // SAFETY: a number of a window.
        *place = unsafe { at.to_i32_unchecked() } as u32;
    }
    let places = &*places;
    for (i, places) in places.chunks_exact(of_image.max(1)).enumerate() {
        let ends = &mut scratch.ends[i * count..][..count];
        for place in places {
            if let Some(end) = ends.get_mut(*place as usize) {
                *end += 1;
            }
        }
    }
    let mut sum = 0;
    for (list, end) in scratch.ends.iter_mut().enumerate() {
        let len = *end;
        *end = sum;
        sum += len;
        scratch.to[list] = (list / count * grid.image) as u32 + scratch.starts[list % count];
    }
    // Every end is where the list begins now, and moves as the list grows.
    let given = dy[planes].chunks_exact(n.max(1)).zip(places.chunks_exact(n.max(1)));
    for (plane, (dy, places)) in given.enumerate() {
        let (image, output) = (plane / grid.outputs, plane % grid.outputs);
        let ends = &mut scratch.ends[image * count..][..count];
        for (dy, place) in dy.iter().zip(places) {
            if let Some(at) = ends.get_mut(*place as usize) {
                scratch.values[*at as usize] = *dy;
                scratch.from[*at as usize] = (output * grid.padded) as u32;
                *at += 1;
            }
        }
    }
}
