//! Depthwise convolution by direct loops along image rows: one input channel per group.

use super::Shape;
use crate::exec::cpu::im2col::{clip, position, scale};
use crate::exec::cpu::reduce::dot;
use crate::exec::cpu::tasks::{for_each_piece, items_per_task};
use crate::real::{Real, vectorize};

/// One tap of a window that meets one row of the output.
struct Meeting {
    /// The tap, counted through the window.
    tap: usize,
    /// The windows of the row for which the tap is inside the image.
    windows: std::ops::Range<usize>,
    /// First element of the output row in the output plane.
    output: usize,
    /// Element of the input plane that the first of `windows` meets.
    input: usize,
}

/// Visits all meetings, output row by output row.
#[inline(always)]
fn meetings(shape: &Shape, mut body: impl FnMut(Meeting)) {
    let windows = &shape.windows;
    let [depth, height, width] = windows.input;
    let [planes, rows, columns] = windows.output;
    let [d, h, w] = windows.axes;
    for od in 0..planes {
        for oh in 0..rows {
            let output = (od * rows + oh) * columns;
            for kd in 0..d.kernel {
                let Some(z) = position(&d, depth, od, kd) else { continue };
                for kh in 0..h.kernel {
                    let Some(y) = position(&h, height, oh, kh) else { continue };
                    for kw in 0..w.kernel {
                        let (windows, first) = clip(&w, width, 0, columns, kw);
                        if windows.is_empty() {
                            continue;
                        }
                        let tap = (kd * h.kernel + kh) * w.kernel + kw;
                        let input = (z * height + y) * width + first;
                        body(Meeting { tap, windows, output, input });
                    }
                }
            }
        }
    }
}

/// `y = conv(x, w) + bias + beta y`, then ReLU.
pub(super) fn forward<T: Real>(
    shape: &Shape,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    relu: bool,
    beta: T,
    y: &mut [T],
) {
    let (pixels, count, taps) =
        (shape.windows.pixels(), shape.windows.count(), shape.windows.taps());
    let stride = shape.windows.axes[2].stride;
    let each = items_per_task(count * taps);
    for_each_piece(y, each * count, |task, y| {
        vectorize(
            #[inline(always)]
            || {
                for (i, y) in y.chunks_exact_mut(count).enumerate() {
                    let plane = task * each + i;
                    let (image, out) = (plane / shape.out_channels, plane % shape.out_channels);
                    let channel = image * shape.channels + out / shape.group_outputs();
                    let x = &x[channel * pixels..][..pixels];
                    let w = &w[out * taps..][..taps];
                    scale(beta, y);
                    meetings(
                        shape,
                        #[inline(always)]
                        |m| {
                            let y = &mut y[m.output..][m.windows];
                            axpy(w[m.tap], &x[m.input..], stride, y);
                        },
                    );
                    let bias = bias.map_or(T::ZERO, |bias| bias[out]);
                    let floor = if relu { T::ZERO } else { T::NEG_INFINITY };
                    y.iter_mut().for_each(|y| {
                        let value = *y + bias;
                        *y = if value < floor { floor } else { value };
                    });
                }
            },
        );
    });
}

/// `y += a x`, where x has a stride.
#[inline(always)]
fn axpy<T: Real>(a: T, x: &[T], stride: usize, y: &mut [T]) {
    match stride {
        1 => y.iter_mut().zip(x).for_each(|(y, x)| *y += a * *x),
        2 => y.iter_mut().zip(x.iter().step_by(2)).for_each(|(y, x)| *y += a * *x),
        _ => y.iter_mut().zip(x.iter().step_by(stride)).for_each(|(y, x)| *y += a * *x),
    }
}

/// `dx = gradient + bias + beta dx`.
pub(super) fn input_gradient<T: Real>(
    shape: &Shape,
    dy: &[T],
    w: &[T],
    bias: Option<&[T]>,
    beta: T,
    dx: &mut [T],
) {
    let (pixels, count, taps) =
        (shape.windows.pixels(), shape.windows.count(), shape.windows.taps());
    let stride = shape.windows.axes[2].stride;
    let outputs = shape.group_outputs();
    let each = items_per_task(count * taps * outputs);
    for_each_piece(dx, each * pixels, |task, dx| {
        vectorize(
            #[inline(always)]
            || {
                for (i, dx) in dx.chunks_exact_mut(pixels).enumerate() {
                    scale(beta, dx);
                    if let Some(bias) = bias {
                        let bias = bias[(task * each + i) % shape.channels];
                        dx.iter_mut().for_each(|dx| *dx += bias);
                    }
                    // Outputs of a channel are neighbours, within an image and from image to image.
                    for out in (task * each + i) * outputs..(task * each + i + 1) * outputs {
                        let dy = &dy[out * count..][..count];
                        let w = &w[out % shape.out_channels * taps..][..taps];
                        meetings(
                            shape,
                            #[inline(always)]
                            |m| {
                                let a = w[m.tap];
                                let dy = &dy[m.output..][m.windows];
                                if stride == 1 {
                                    dx[m.input..]
                                        .iter_mut()
                                        .zip(dy)
                                        .for_each(|(dx, dy)| *dx += a * *dy);
                                    return;
                                }
                                let dx = dx[m.input..].iter_mut().step_by(stride);
                                dx.zip(dy).for_each(|(dx, dy)| *dx += a * *dy);
                            },
                        );
                    }
                }
            },
        );
    });
}

/// `dw = gradient + beta dw`.
pub(super) fn weight_gradient<T: Real>(shape: &Shape, x: &[T], dy: &[T], beta: T, dw: &mut [T]) {
    let (pixels, count, taps) =
        (shape.windows.pixels(), shape.windows.count(), shape.windows.taps());
    let stride = shape.windows.axes[2].stride;
    let each = items_per_task(shape.batch * count * taps);
    for_each_piece(dw, each * taps, |task, dw| {
        vectorize(
            #[inline(always)]
            || {
                for (i, dw) in dw.chunks_exact_mut(taps).enumerate() {
                    let out = task * each + i;
                    scale(beta, dw);
                    for image in 0..shape.batch {
                        let channel = image * shape.channels + out / shape.group_outputs();
                        let x = &x[channel * pixels..][..pixels];
                        let dy = &dy[(image * shape.out_channels + out) * count..][..count];
                        meetings(
                            shape,
                            #[inline(always)]
                            |m| {
                                let dy = &dy[m.output..][m.windows];
                                dw[m.tap] += match stride {
                                    1 => dot(dy, &x[m.input..][..dy.len()]),
                                    _ => dy
                                        .iter()
                                        .zip(x[m.input..].iter().step_by(stride))
                                        .fold(T::ZERO, |sum, (dy, x)| sum + *dy * *x),
                                };
                            },
                        );
                    }
                }
            },
        );
    });
}
