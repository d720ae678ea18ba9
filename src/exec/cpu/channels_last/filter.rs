//! The gradient to a convolution's weights: for every tap and channel a row, for every output channel a column, summed over
//! all pixels of the output.
//!
//! Both operands are read where they lie but for the gradient, whose panels are copied a hundred pixels at a time. The
//! pixels are cut into spans, a number fixed by the shape; each is summed on its own and the sums are added in order.

use std::ops::Range;

use super::ahead::Ahead;
use super::micro::{Left, Product, Segment};
use super::weights::Panels;
use crate::exec::cpu::conv::Shape;
use crate::exec::cpu::micro::{Epilogue, Target, Tile};
use crate::exec::cpu::tasks::{Shared, for_each_range, for_each_with};
use crate::exec::cpu::turn::{SIDE, turn};
use crate::real::{LINE, Real, prefetch, vectorize};
use crate::window::Axis;

/// Most pixels that are summed at a time: 7 x 7 of them are a quarter.
const PIXELS: usize = 196;

/// Elements of the left operand that are summed at a time: as many again are asked for ahead.
const CHUNK: usize = 50 * 1024;

/// Elements of a partial sum that stay in the second-level cache with the operands.
const PARTIAL: usize = 80 * 1024;

/// Tasks wanted, so that many threads have work, and how many are enough where more would need partial sums.
const TASKS: usize = 16;
const ENOUGH: usize = 8;

/// How the work is cut; depends on the shape only.
struct Plan {
    panels: Panels,
    /// Rows of the sums of a group: taps times channels.
    rows: usize,
    /// Most rows of a tile, which has channels of one tap.
    height: usize,
    /// Tiles along the rows, and how many of them a task has.
    tiles: usize,
    task_tiles: usize,
    /// Pixels that are summed at a time, of a span, and number of spans.
    chunk: usize,
    span: usize,
    spans: usize,
}

impl Plan {
    fn new<T: Real>(shape: &Shape) -> Plan {
        let panels = Panels::of::<T>(shape.out_channels / shape.group);
        let channels = shape.channels / shape.group;
        let height = Tile::of::<T>().panel_rows(channels);
        let taps = shape.windows.taps();
        let tiles = taps * channels.div_ceil(height);
        let blocks = match (taps * channels * panels.all()).div_ceil(PARTIAL) {
            // Threads share a number that two divide.
            blocks if 1 < blocks => blocks.next_multiple_of(2),
            blocks => blocks,
        };
        let blocks = blocks.clamp(1, tiles.max(1));
        let task_tiles = tiles.div_ceil(blocks).max(1);
        let pixels = shape.batch * shape.windows.count();
        let most = (CHUNK / (task_tiles * height).min(channels).max(1)).clamp(PIXELS / 4, PIXELS);
        let pieces = pixels.div_ceil(most).max(1);
        let chunk = pixels.div_ceil(pieces);
        let wanted = match blocks * shape.group {
            enough if ENOUGH <= enough => 1,
            few => TASKS.div_ceil(few).min(pieces),
        };
        let span = pieces.div_ceil(wanted);
        Plan {
            panels,
            rows: taps * channels,
            height,
            tiles,
            task_tiles,
            chunk,
            span: span * chunk,
            spans: pieces.div_ceil(span),
        }
    }

    /// Elements of the sums of one group.
    fn partial(&self) -> usize {
        self.rows * self.panels.all()
    }

    fn each(&self) -> usize {
        self.chunk * self.panels.all().min(self.panels.width(0).max(1))
    }
}

/// Elements of workspace that [`weight_gradient`] needs for `threads` to take part.
pub fn weight_gradient_workspace<T: Real>(shape: &Shape, threads: usize) -> usize {
    let plan = Plan::new::<T>(shape);
    plan.partial() * shape.group * plan.spans + threads.max(1) * plan.each()
}

/// The gradient to the weights, `O x C/group x kernel`, of a convolution of `x` with the gradient `dy` to its result.
pub fn weight_gradient<T: Real>(shape: &Shape, x: &[T], dy: &[T], dw: &mut [T], work: &mut [T]) {
    assert!(x.len() == shape.input_len() && dy.len() == shape.output_len(), "blobs of {shape:?}");
    assert!(dw.len() == shape.weight_len(), "{} weights for {shape:?}", dw.len());
    let plan = Plan::new::<T>(shape);
    let (partials, scratch) = work.split_at_mut(plan.partial() * shape.group * plan.spans);
    let blocks = plan.tiles.div_ceil(plan.task_tiles);
    let sums = Shared::new(partials);
    for_each_with(shape.group * blocks * plan.spans, scratch, plan.each(), |task, right| {
        let (block, task) = (task % blocks, task / blocks);
        let (group, span) = (task % shape.group, task / shape.group);
        let tiles = block * plan.task_tiles..((block + 1) * plan.task_tiles).min(plan.tiles);
        let start = (span * shape.group + group) * plan.partial();
        sum_span(shape, &plan, (x, dy), group, span, tiles, sums.pointer(start), right);
    });
    gather(shape, &plan, partials, dw);
}

/// Adds up the pixels of a span for some tiles of a group.
#[expect(clippy::too_many_arguments, reason = "operands, what is summed of them, and memory")]
fn sum_span<T: Real>(
    shape: &Shape,
    plan: &Plan,
    (x, dy): (&[T], &[T]),
    group: usize,
    span: usize,
    tiles: Range<usize>,
    partial: *mut T,
    right: &mut [T],
) {
    let windows = &shape.windows;
    let channels = shape.channels / shape.group;
    let w = windows.axes[2];
    let all = shape.batch * windows.count();
    let span = (span * plan.span).min(all)..((span + 1) * plan.span).min(all);
    let across = channels.div_ceil(plan.height);
    let pitch = plan.panels.all();
    let nothing = Segment { left: std::ptr::null(), right: std::ptr::null(), len: 0 };
    let mut segments = [nothing; PIXELS];
    let lines = shape.windows.axes[1].stride * w.stride * plan.chunk * shape.channels;
    let lines = lines.div_ceil(LINE * plan.panels.count() * tiles.len().max(1));
    for first in span.clone().step_by(plan.chunk.max(1)) {
        let pixels = first..(first + plan.chunk).min(span.end);
        let mut ahead = Ahead::new(under(shape, pixels.end, x), lines);
        for panel in 0..plan.panels.count() {
            let width = plan.panels.width(panel);
            vectorize(
                #[inline(always)]
                || copy_panel(shape, plan, group, panel, pixels.clone(), dy, right),
            );
            let mut tile = tiles.start;
            while tile < tiles.end {
                let tap = tile / across;
                let taps = [tap / w.kernel, tap % w.kernel];
                let count =
                    find(shape, group, taps, pixels.clone(), (x, right, width), &mut segments);
                for part in tile % across..(tiles.end - tap * across).min(across) {
                    let start = part * plan.height;
                    let rows = plan.height.min(channels - start);
                    let at = (tap * channels + start) * pitch + plan.panels.start(panel);
                    // SAFETY: the partial sum has the rows of all tiles and the columns of all panels; a task owns its tiles.
                    unsafe {
                        let target = Target::new(partial.add(at), pitch, false);
                        let beta = if first == span.start { T::ZERO } else { T::ONE };
                        Product {
                            rows,
                            registers: plan.panels.registers(panel),
                            segments: &segments[..count],
                            left: Left::Depths(w.stride * shape.channels),
                            offsets: [start, 0],
                            target,
                            epilogue: Epilogue::adding(beta),
                        }
                        .run();
                    }
                    ahead.fetch();
                }
                tile = (tap + 1) * across;
            }
        }
    }
}

/// Where the pixels under the windows from an output pixel on begin.
fn under<T>(shape: &Shape, pixel: usize, x: &[T]) -> *const T {
    let windows = &shape.windows;
    let [_, h, w] = windows.axes;
    let (input, output) = (windows.input, windows.output);
    let (line, column) = (pixel / output[2], pixel % output[2]);
    let (image, row) = (line / output[1], line % output[1]);
    let source = (image * input[1] + row * h.stride) * input[2] + column * w.stride;
    x.as_ptr().wrapping_add(source * shape.channels)
}

/// Copies the gradients of pixels in the channels of a panel, one pixel after the other, and asks for those of the panel that
/// comes next.
#[inline(always)]
fn copy_panel<T: Real>(
    shape: &Shape,
    plan: &Plan,
    group: usize,
    panel: usize,
    pixels: Range<usize>,
    dy: &[T],
    to: &mut [T],
) {
    let (width, channels) = (plan.panels.width(panel), plan.panels.channels(panel));
    let base = group * (shape.out_channels / shape.group);
    let first = base + plan.panels.start(panel);
    let next = match panel + 1 < plan.panels.count() {
        true => base + plan.panels.start(panel + 1),
        false => plan.chunk * shape.out_channels + base,
    };
    for (pixel, to) in pixels.zip(to.chunks_exact_mut(width)) {
        let next = dy.as_ptr().wrapping_add(pixel * shape.out_channels + next);
        (0..width).step_by(LINE).for_each(|line| prefetch(next.wrapping_add(line)));
        let from = &dy[pixel * shape.out_channels + first..][..channels];
        to[..channels].copy_from_slice(from);
        to[channels..].fill(T::ZERO);
    }
}

/// The runs of pixels, of those given, whose windows have this tap inside the image; the channels of `group` there and the
/// gradients in `right`. Says how many there are.
fn find<T: Real>(
    shape: &Shape,
    group: usize,
    taps: [usize; 2],
    pixels: Range<usize>,
    (x, right, width): (&[T], &[T], usize),
    segments: &mut [Segment<T>; PIXELS],
) -> usize {
    let windows = &shape.windows;
    let [_, h, w] = windows.axes;
    let (input, output) = (windows.input, windows.output);
    let offset = group * (shape.channels / shape.group);
    let step = w.stride * shape.channels;
    let mut count: usize = 0;
    let mut pixel = pixels.start;
    while pixel < pixels.end {
        let (line, column) = (pixel / output[2], pixel % output[2]);
        let len = (output[2] - column).min(pixels.end - pixel);
        let (image, row) = (line / output[1], line % output[1]);
        let at = place(&h, row, taps[0]);
        if 0 <= at && at < input[1] as isize {
            // The first column whose tap is not before the image, and the first whose tap is behind it.
            let tap = place(&w, 0, taps[1]);
            let stride = w.stride as isize;
            let inside =
                |bound: isize| ((bound - tap + stride - 1).div_euclid(stride)).max(0) as usize;
            let (low, high) = (inside(0).max(column), inside(input[2] as isize).min(column + len));
            if low < high {
                let source = tap + (low * w.stride) as isize;
                let source = (image * input[1] + at as usize) * input[2] + source as usize;
                let left = x[source * shape.channels + offset..].as_ptr();
                let right = right[(pixel - pixels.start + low - column) * width..].as_ptr();
                let len = high - low;
                let joins = count.checked_sub(1).filter(|&last| {
                    let Segment { left: l, right: r, len } = segments[last];
                    l.wrapping_add(len * step) == left && r.wrapping_add(len * width) == right
                });
                match joins {
                    Some(last) => segments[last].len += len,
                    None => {
                        segments[count] = Segment { left, right, len };
                        count += 1;
                    }
                }
            }
        }
        pixel += len;
    }
    count
}

/// Where a tap of a window lies along an axis; negative or beyond the extent in the padding.
#[inline(always)]
fn place(axis: &Axis, window: usize, tap: usize) -> isize {
    (window * axis.stride + tap * axis.dilation) as isize - axis.pad_before as isize
}

/// Adds the sums of all spans and brings them into the order of the weights.
fn gather<T: Real>(shape: &Shape, plan: &Plan, partials: &mut [T], dw: &mut [T]) {
    let (channels, outputs) = (shape.channels / shape.group, shape.out_channels / shape.group);
    let taps = shape.windows.taps();
    let (pitch, partial) = (plan.panels.all(), plan.partial());
    let (first, others) = partials.split_at_mut(partial * shape.group);
    let others = &*others;
    let first = Shared::new(first);
    let to = Shared::new(dw);
    // A task has the rows that lie side by side in sixteen lines' worth of the weights of an output.
    let blocks = plan.rows.div_ceil(SIDE);
    let each = (16 * 1024 / (SIDE * pitch).max(1)).max(1);
    for_each_range(shape.group * blocks, each, |items| {
        for item in items {
            let (group, block) = (item / blocks, item % blocks * SIDE);
            let rows = SIDE.min(plan.rows - block);
            let mut lines = [std::ptr::null(); SIDE];
            for (row, line) in lines[..rows].iter_mut().enumerate() {
                let (channel, tap) = ((block + row) / taps, (block + row) % taps);
                let at = group * partial + (tap * channels + channel) * pitch;
                // SAFETY: every row is in one task.
                let sum = unsafe { first.slice(at..at + pitch) };
                vectorize(
                    #[inline(always)]
                    || {
                        for more in others.chunks_exact(partial * shape.group) {
                            let more = &more[at..at + pitch];
                            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += *more);
                        }
                    },
                );
                *line = sum.as_ptr();
            }
            for output in (0..outputs).step_by(SIDE) {
                let columns = SIDE.min(outputs - output);
                let mut places = [std::ptr::null_mut(); SIDE];
                for (column, place) in places[..columns].iter_mut().enumerate() {
                    let at = (group * outputs + output + column) * plan.rows + block;
                    *place = to.pointer(at);
                    debug_assert!(at + rows <= shape.weight_len());
                }
                let mut lines = lines;
                for line in &mut lines[..rows] {
                    // SAFETY: a line has all outputs.
                    *line = unsafe { line.add(output) };
                }
                // SAFETY: lines and places have these extents; every row is in one task.
                unsafe { turn(&lines[..rows], &places[..columns], rows) };
            }
        }
    });
}
