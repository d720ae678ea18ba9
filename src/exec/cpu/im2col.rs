//! Windows of an image to columns and back: Caffe's Im2col layer, and the parts that convolution packs.
//!
//! The columns of an image `C x spatial` are `C kernel x windows`: one row per channel and tap, one
//! column per window, zeros where a window covers padding. Up to three spatial axes.

use std::ops::Range;

use super::real::{Real, vectorize};
use super::tasks::{Shared, for_each_range, items_per_task};
use crate::window::Axis;

/// The windows over one image: always three spatial axes, leading ones of extent 1 if there are fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Spatial extents of the image.
    pub input: [usize; 3],
    /// Number of windows along each axis.
    pub output: [usize; 3],
    /// The window along each axis.
    pub axes: [Axis; 3],
}

/// Neighbouring windows in one row of the output of one image.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Position among the windows asked for.
    pub column: usize,
    /// Number of windows.
    pub len: usize,
    /// The image.
    pub image: usize,
    /// Position of the first window in the output.
    pub at: [usize; 3],
}

impl Windows {
    /// The windows of a convolution over the spatial extents `input`; `None` if not even one fits or
    /// there are not one to three axes.
    pub fn new(axes: &[Axis], input: &[usize]) -> Option<Windows> {
        if axes.len() != input.len() || !(1..=3).contains(&axes.len()) {
            return None;
        }
        let unit = Axis::new(1, 1, 0);
        let mut windows = Windows { input: [1; 3], output: [1; 3], axes: [unit; 3] };
        for (i, (axis, extent)) in axes.iter().zip(input).enumerate() {
            let at = 3 - axes.len() + i;
            windows.input[at] = *extent;
            windows.output[at] = axis.convolved(*extent)?;
            windows.axes[at] = *axis;
        }
        Some(windows)
    }

    /// Elements of one channel of the image.
    pub fn pixels(&self) -> usize {
        self.input.iter().product()
    }

    /// Number of windows over one image.
    pub fn count(&self) -> usize {
        self.output.iter().product()
    }

    /// Elements of a window in one channel.
    pub fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Whether columns are the image itself: every window is one element and all are taken in order.
    pub fn is_pointwise(&self) -> bool {
        self.axes.iter().all(|a| *a == Axis { dilation: a.dilation, ..Axis::new(1, 1, 0) })
    }

    /// For windows of stride 1 that lie inside the image along its rows with all taps: where the
    /// first begins.
    #[inline(always)]
    fn inside(&self, run: Run, len: usize) -> Option<usize> {
        let axis = &self.axes[2];
        let left = run.at[2].checked_sub(axis.pad_before)?;
        (axis.stride == 1 && left + len + axis.reach() - 1 <= self.input[2]).then_some(left)
    }

    /// The windows `range`, counted through all images, as runs along the rows of the output.
    #[inline(always)]
    pub fn runs(&self, range: Range<usize>, mut body: impl FnMut(Run)) {
        let [_, height, width] = self.output;
        let (plane, whole) = (height * width, self.count());
        // The windows of a pointwise image are one row.
        let (plane, width) = if self.is_pointwise() { (whole, whole) } else { (plane, width) };
        let mut window = range.start;
        while window < range.end {
            let (image, within) = (window / whole, window % whole);
            let at = [within / plane, within % plane / width, within % width];
            let len = (width - at[2]).min(range.end - window);
            body(Run { column: window - range.start, len, image, at });
            window += len;
        }
    }
}

/// The part of a row of columns that lies inside the image: windows `inside`, the first of which
/// reads element `first` of the image's row.
#[inline(always)]
pub fn clip(
    axis: &Axis,
    extent: usize,
    start: usize,
    len: usize,
    tap: usize,
) -> (Range<usize>, usize) {
    let stride = axis.stride as isize;
    let first = (start * axis.stride + tap * axis.dilation) as isize - axis.pad_before as isize;
    // Division is slow, and the inner loops of convolution come here.
    let windows = |elements: isize| match stride {
        _ if elements <= 0 => 0,
        1 => elements as usize,
        2 => (elements as usize).div_ceil(2),
        _ => (elements as usize).div_ceil(stride as usize),
    };
    let skip = windows(-first);
    let end = windows(extent as isize - first).min(len);
    if end <= skip {
        return (0..0, 0);
    }
    (skip..end, (first + skip as isize * stride) as usize)
}

/// Position inside `extent` of a tap of the window at `start`, if it is not in the padding.
#[inline(always)]
pub fn position(axis: &Axis, extent: usize, start: usize, tap: usize) -> Option<usize> {
    let at = (start * axis.stride + tap * axis.dilation).checked_sub(axis.pad_before)?;
    (at < extent).then_some(at)
}

/// Writes the rows of `channels` for the windows of `run`; row `i` begins at `to[i stride]`.
///
/// `image` holds the channels of the run's image, from channel 0.
#[inline(always)]
pub fn unfold<T: Real>(
    windows: &Windows,
    image: &[T],
    channels: Range<usize>,
    run: Run,
    to: &mut [T],
    stride: usize,
) {
    match run.len {
        8 => unfold_run::<T, 8>(windows, image, channels, run, to, stride),
        16 => unfold_run::<T, 16>(windows, image, channels, run, to, stride),
        24 => unfold_run::<T, 24>(windows, image, channels, run, to, stride),
        32 => unfold_run::<T, 32>(windows, image, channels, run, to, stride),
        _ => unfold_run::<T, 0>(windows, image, channels, run, to, stride),
    }
}

/// [`unfold`] for runs of `LEN` windows, or of any length if that is 0.
#[inline(always)]
fn unfold_run<T: Real, const LEN: usize>(
    windows: &Windows,
    image: &[T],
    channels: Range<usize>,
    run: Run,
    to: &mut [T],
    stride: usize,
) {
    let len = if LEN == 0 { run.len } else { LEN };
    let [depth, height, width] = windows.input;
    if windows.is_pointwise() {
        for (row, channel) in channels.enumerate() {
            let from = &image[channel * windows.pixels() + run.at[2]..][..len];
            to[row * stride + run.column..][..len].copy_from_slice(from);
        }
        return;
    }
    let [d, h, w] = windows.axes;
    let left = windows.inside(run, len);
    let mut row = run.column;
    for channel in channels {
        for kd in 0..d.kernel {
            let plane = position(&d, depth, run.at[0], kd);
            for kh in 0..h.kernel {
                let Some((z, y)) = plane.zip(position(&h, height, run.at[1], kh)) else {
                    for _ in 0..w.kernel {
                        to[row..][..len].fill(T::ZERO);
                        row += stride;
                    }
                    continue;
                };
                let from = &image[((channel * depth + z) * height + y) * width..][..width];
                if let Some(left) = left {
                    let to = &mut to[row..][..(w.kernel - 1) * stride + len];
                    let from = &from[left..][..w.reach() - 1 + len];
                    for kw in 0..w.kernel {
                        // SAFETY: both slices end with the last tap, checked just above.
                        unsafe {
                            let from = from.get_unchecked(kw * w.dilation..kw * w.dilation + len);
                            to.get_unchecked_mut(kw * stride..kw * stride + len)
                                .copy_from_slice(from);
                        }
                    }
                    row += w.kernel * stride;
                    continue;
                }
                for kw in 0..w.kernel {
                    let to = &mut to[row..][..len];
                    row += stride;
                    let (inside, first) = clip(&w, width, run.at[2], len, kw);
                    to[..inside.start].fill(T::ZERO);
                    to[inside.end..].fill(T::ZERO);
                    let to = &mut to[inside];
                    match w.stride {
                        1 => copy_strided::<T, 1>(&from[first..], to),
                        2 => copy_strided::<T, 2>(&from[first..], to),
                        4 => copy_strided::<T, 4>(&from[first..], to),
                        stride => {
                            let from = from[first..].iter().step_by(stride);
                            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                        }
                    }
                }
            }
        }
    }
}

/// `to[i] = from[i STRIDE]`.
#[inline(always)]
pub fn copy_strided<T: Real, const STRIDE: usize>(from: &[T], to: &mut [T]) {
    if to.is_empty() {
        return;
    }
    let from = &from[..(to.len() - 1) * STRIDE + 1];
    for (i, to) in to.iter_mut().enumerate() {
        // SAFETY: the length was checked just above.
        *to = unsafe { *from.get_unchecked(i * STRIDE) };
    }
}

/// `to[i STRIDE] += from[i]`.
#[inline(always)]
fn add_strided<T: Real, const STRIDE: usize>(from: &[T], to: &mut [T]) {
    if from.is_empty() {
        return;
    }
    let to = &mut to[..(from.len() - 1) * STRIDE + 1];
    for (i, from) in from.iter().enumerate() {
        // SAFETY: the length was checked just above.
        unsafe { *to.get_unchecked_mut(i * STRIDE) += *from };
    }
}

/// Adds the rows of `channels` for the windows of `run` to the image: the adjoint of [`unfold`].
#[inline(always)]
pub fn fold<T: Real>(
    windows: &Windows,
    from: &[T],
    stride: usize,
    channels: Range<usize>,
    run: Run,
    image: &mut [T],
) {
    match run.len {
        8 => fold_run::<T, 8>(windows, from, stride, channels, run, image),
        16 => fold_run::<T, 16>(windows, from, stride, channels, run, image),
        24 => fold_run::<T, 24>(windows, from, stride, channels, run, image),
        32 => fold_run::<T, 32>(windows, from, stride, channels, run, image),
        _ => fold_run::<T, 0>(windows, from, stride, channels, run, image),
    }
}

#[inline(always)]
fn fold_run<T: Real, const LEN: usize>(
    windows: &Windows,
    from: &[T],
    stride: usize,
    channels: Range<usize>,
    run: Run,
    image: &mut [T],
) {
    let len = if LEN == 0 { run.len } else { LEN };
    let [depth, height, width] = windows.input;
    let [d, h, w] = windows.axes;
    if windows.is_pointwise() {
        for (row, channel) in channels.enumerate() {
            let to = &mut image[channel * windows.pixels() + run.at[2]..][..len];
            for (to, from) in to.iter_mut().zip(&from[row * stride + run.column..][..len]) {
                *to += *from;
            }
        }
        return;
    }
    let left = windows.inside(run, len);
    let mut row = run.column;
    for channel in channels {
        for kd in 0..d.kernel {
            let plane = position(&d, depth, run.at[0], kd);
            if let Some((left, z)) = left.zip(plane) {
                // Neighbouring taps of a row add to nearly the same places, where a sum would wait
                // for the one before; so they are the outer loop.
                for kw in 0..w.kernel {
                    for kh in 0..h.kernel {
                        let Some(y) = position(&h, height, run.at[1], kh) else { continue };
                        let at = ((channel * depth + z) * height + y) * width + left;
                        let to = &mut image[at + kw * w.dilation..][..len];
                        let from = &from[row + (kh * w.kernel + kw) * stride..][..len];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
                    }
                }
                row += h.kernel * w.kernel * stride;
                continue;
            }
            for kh in 0..h.kernel {
                let Some((z, y)) = plane.zip(position(&h, height, run.at[1], kh)) else {
                    row += w.kernel * stride;
                    continue;
                };
                let to = &mut image[((channel * depth + z) * height + y) * width..][..width];
                for kw in 0..w.kernel {
                    let from = &from[row..][..len];
                    row += stride;
                    let (inside, first) = clip(&w, width, run.at[2], len, kw);
                    match w.stride {
                        1 => add_strided::<T, 1>(&from[inside], &mut to[first..]),
                        2 => add_strided::<T, 2>(&from[inside], &mut to[first..]),
                        4 => add_strided::<T, 4>(&from[inside], &mut to[first..]),
                        stride => {
                            let to = to[first..].iter_mut().step_by(stride);
                            to.zip(&from[inside]).for_each(|(to, from)| *to += *from);
                        }
                    }
                }
            }
        }
    }
}

/// `N x C x spatial` to `N x C kernel x windows`.
pub fn im2col<T: Real>(windows: &Windows, batch: usize, channels: usize, x: &[T], y: &mut [T]) {
    let (count, pixels, taps) = (windows.count(), windows.pixels(), windows.taps());
    assert!(x.len() == batch * channels * pixels, "image of {} elements", x.len());
    assert!(y.len() == batch * channels * taps * count, "columns of {} elements", y.len());
    let y = Shared::new(y);
    for_each_range(batch * channels, items_per_task(taps * count), |range| {
        // SAFETY: every plane is in one task.
        let y = unsafe { y.slice(range.start * taps * count..range.end * taps * count) };
        let x = &x[range.start * pixels..range.end * pixels];
        vectorize(
            #[inline(always)]
            || {
                windows.runs(
                    0..count,
                    #[inline(always)]
                    |run| unfold(windows, x, 0..range.len(), run, y, count),
                );
            },
        );
    });
}

/// `N x C kernel x windows` to `N x C x spatial`, `x = sum over windows + beta x`.
pub fn col2im<T: Real>(
    windows: &Windows,
    batch: usize,
    channels: usize,
    y: &[T],
    beta: T,
    x: &mut [T],
) {
    let (count, pixels, taps) = (windows.count(), windows.pixels(), windows.taps());
    assert!(x.len() == batch * channels * pixels, "image of {} elements", x.len());
    assert!(y.len() == batch * channels * taps * count, "columns of {} elements", y.len());
    let x = Shared::new(x);
    for_each_range(batch * channels, items_per_task(taps * count), |range| {
        // SAFETY: every plane is in one task.
        let x = unsafe { x.slice(range.start * pixels..range.end * pixels) };
        let y = &y[range.start * taps * count..range.end * taps * count];
        vectorize(
            #[inline(always)]
            || {
                scale(beta, x);
                windows.runs(
                    0..count,
                    #[inline(always)]
                    |run| fold(windows, y, count, 0..range.len(), run, x),
                );
            },
        );
    });
}

/// `x = beta x`, where a `beta` of 0 wins over anything.
#[inline(always)]
pub fn scale<T: Real>(beta: T, x: &mut [T]) {
    if beta == T::ZERO {
        x.fill(T::ZERO);
    } else if beta != T::ONE {
        x.iter_mut().for_each(|x| *x *= beta);
    }
}
