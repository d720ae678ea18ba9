//! Convolutions of small images with few channels by kernels of our own (`text/conv.cu`): which those are, and how their work
//! is cut up.
//!
//! A library's product has blocks of so many results that a small convolution leaves most of a GPU without work, and its sums
//! are too short or its columns too few for them. Here the planes of an image and a tile of the weights lie in shared memory,
//! and a block has as few results as keep all multiprocessors busy. Every cut that fits is tried, and that which takes the
//! fewest clocks by [`clocks`] is taken.

use std::sync::OnceLock;

use super::library::{self, Way};
use super::module::THREADS;
use super::reduction;
use crate::exec::cpu::conv::Shape;
use crate::program::device::{Call, DeviceForm, Number, Operand};
use crate::window::Axis;

/// Numbers of shared memory of a block, sums of a thread, and neighbouring pixels that it reads: those of the text.
const ROOM: usize = 12288;
const SUMS: usize = 48;
const SPAN: usize = 32;

/// Most channels on either side.
const CHANNELS: usize = 64;

/// Results of a block of a library's product, and the shortest sum that is long for it.
const LIBRARY: [usize; 2] = [128, 64];
const LONG: usize = 128;

/// Multiprocessors of a large GPU, the schedulers of each, and the blocks that work beside each other on one.
const PROCESSORS: usize = 132;
const SCHEDULERS: usize = 4;
const BESIDE: usize = 3;

/// Clocks that a block waits for what it reads from memory.
const WAIT: usize = 800;

/// Times that a convolution may take what its products take alone, and clocks that any may take: a library's products, too,
/// are far from the full rate where they are small.
const TIMES: usize = 3;
const ANYWAY: usize = 10_000;

/// Most numbers of sums that are added by a second call.
const MOST_PARTS: usize = 1 << 22;

/// What a convolution reads and writes: image, weights and results, or the gradients to them, and the bias if there is one.
pub(super) struct Operands {
    pub(super) image: Operand,
    pub(super) weights: Operand,
    pub(super) result: Operand,
    pub(super) bias: Option<Operand>,
}

/// A maximum pooling of the results, which is all that is kept of them: where the maxima's places go, whether ReLU comes
/// first, and what `max_pool` is told.
pub(super) struct Pooling {
    pub(super) index: Operand,
    pub(super) relu: bool,
    pub(super) numbers: Vec<Number>,
}

/// The calls for a convolution or a gradient of one, in single precision, if it is one of those that are quicker so.
pub(super) fn form(
    shape: &Shape,
    way: Way,
    operands: Operands,
    pooling: Option<Pooling>,
) -> Option<DeviceForm> {
    let c = Windows::of(shape).filter(|c| c.is_small(way) && !always_library())?;
    match way {
        Way::Forward => c.forward(operands, pooling),
        Way::Filter => c.filter(operands),
        Way::Input => c.input(operands),
    }
}

/// Whether all convolutions are left to cuDNN.
fn always_library() -> bool {
    static ALWAYS: OnceLock<bool> = OnceLock::new();
    *ALWAYS.get_or_init(|| library::told("always"))
}

/// A convolution of planes; `rows` and `columns` are the windows' axes.
struct Windows {
    batch: usize,
    channels: usize,
    outputs: usize,
    input: [usize; 2],
    output: [usize; 2],
    rows: Axis,
    columns: Axis,
}

/// How the work of a convolution is cut up, and the clocks that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    clocks: usize,
    blocks: usize,
    /// Images that a block adds up, and that it has at a time.
    part: usize,
    images: usize,
    /// Input channels that a block has at a time; for a gradient to the image, rows of the windows.
    channels: usize,
    /// Groups of threads that share what they read, and channels of each.
    groups: usize,
    filters: usize,
    /// Neighbouring results of a thread.
    across: usize,
    /// Threads that share a sum.
    splits: usize,
}

/// What the blocks of a launch do, in instructions of a warp.
struct Work {
    blocks: usize,
    /// Threads that multiply, and what each of them issues for that.
    busy: usize,
    products: usize,
    /// What all threads issue for the rest.
    rest: usize,
    /// How often all wait for memory.
    waits: usize,
}

/// About how many clocks a launch takes: what a scheduler issues, for whose warps a block has every fourth; half of what one warp
/// needs, while nothing else is there to be issued; and waiting.
fn clocks(work: &Work) -> usize {
    let rounds = work.blocks.div_ceil(PROCESSORS);
    let turns = rounds.div_ceil(BESIDE);
    let share = |threads: usize| threads.div_ceil(32 * SCHEDULERS);
    let issued = share(work.busy) * work.products + share(THREADS) * work.rest;
    rounds * issued + turns * ((work.products + work.rest) / 2 + work.waits * WAIT)
}

/// About how many clocks a scheduler is busy with so many products of a warp, whose factors come by so many loads of four
/// numbers, each thread's own or shared by several, and what there is around them. All schedulers have one shared memory, for
/// which a load takes four clocks, or two.
fn multiplied(products: usize, [own, shared]: [usize; 2], around: usize) -> usize {
    (products + own + shared + around).max(SCHEDULERS * (4 * own + 2 * shared))
}

/// The lengths of parts of which so many come to `whole`, without those that others are no worse than.
fn parts(whole: usize) -> impl Iterator<Item = usize> + Clone {
    let mut last = 0;
    let lengths = (1..=whole.min(16)).map(move |count| whole.div_ceil(count));
    lengths.filter(move |&length| std::mem::replace(&mut last, length) != length)
}

fn fours(count: usize) -> usize {
    count.next_multiple_of(4)
}

/// Numbers from one line to the next, as in the text.
fn line(width: usize) -> usize {
    if fours(width) / 4 % 2 == 1 { fours(width) } else { fours(width) + 4 }
}

/// Pixels that so many windows next to each other see.
fn seen(windows: usize, axis: &Axis) -> usize {
    (windows - 1) * axis.stride + axis.reach()
}

impl Windows {
    fn of(shape: &Shape) -> Option<Windows> {
        let (windows, whole) = (&shape.windows, Axis::new(1, 1, 0));
        let [depth, rows, columns] = windows.axes;
        let flat = windows.input[0] == 1 && depth == whole;
        let extents = [windows.input, windows.output].concat();
        let some = extents.iter().chain([&shape.batch, &shape.channels, &shape.out_channels]);
        (flat && shape.group == 1 && some.into_iter().all(|&extent| 0 < extent)).then(|| Windows {
            batch: shape.batch,
            channels: shape.channels,
            outputs: shape.out_channels,
            input: [windows.input[1], windows.input[2]],
            output: [windows.output[1], windows.output[2]],
            rows,
            columns,
        })
    }

    fn taps(&self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// Whether a cut of the work is quick enough.
    fn pays(&self, cut: &Cut) -> bool {
        let products = self.batch * self.pixels() * self.outputs * self.channels * self.taps();
        cut.clocks <= TIMES * products / (32 * SCHEDULERS * PROCESSORS) + ANYWAY
    }

    fn pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Whether a library's blocks would be too few to fill a GPU twice, half empty, or have short sums.
    fn is_small(&self, way: Way) -> bool {
        let [blob, pixels] = [self.input, self.output].map(|[h, w]| self.batch * h * w);
        let (rows, columns, terms) = match way {
            Way::Forward => (pixels, self.outputs, self.channels * self.taps()),
            Way::Input => (blob, self.channels, self.outputs * self.taps()),
            Way::Filter => (self.outputs, self.channels * self.taps(), pixels),
        };
        let blocks = rows.div_ceil(LIBRARY[0]) * columns.div_ceil(LIBRARY[1]);
        let few = blocks < 2 * PROCESSORS || 2 * columns <= LIBRARY[1] || terms < LONG;
        few && self.channels <= CHANNELS && self.outputs <= CHANNELS
    }

    /// The extents that a text is told.
    fn numbers(&self) -> Vec<usize> {
        let [[h, w], [oh, ow]] = [self.input, self.output];
        let axes = [self.rows, self.columns].into_iter();
        let taps = axes.flat_map(|a| [a.kernel, a.stride, a.pad_before, a.dilation]);
        [self.batch, self.channels, h, w, self.outputs, oh, ow].into_iter().chain(taps).collect()
    }

    fn forward(&self, operands: Operands, pooling: Option<Pooling>) -> Option<DeviceForm> {
        let cut = self.forward_cut().filter(|cut| self.pays(cut))?;
        let Cut { images, channels, groups, filters, across, splits, .. } = cut;
        let biased = operands.bias.is_some();
        let bias = operands.bias.unwrap_or_else(|| operands.weights.clone());
        let mut given = vec![operands.image, operands.weights, bias, operands.result];
        given.extend(pooling.iter().map(|pooling| pooling.index.clone()));
        let name = if pooling.is_some() { "conv_pooled" } else { "conv_forward" };
        let call = Call::teams(name, cut.blocks, given).with_all(self.numbers());
        let call = call.with_all([images, channels, groups, filters, across, splits]);
        let mut call = call.with(biased);
        if let Some(pooling) = pooling {
            // The extents of the planes are known.
            call = call.with(pooling.relu).with_all(pooling.numbers.into_iter().skip(2));
        }
        Some(DeviceForm { texts: TEXTS, calls: vec![call], work: 0 })
    }

    fn forward_cut(&self) -> Option<Cut> {
        let [height, width] = self.output;
        let height_seen = seen(height, &self.rows);
        let mut best: Option<Cut> = None;
        for (across, filters) in tiles() {
            let segments = width.div_ceil(across);
            let span = seen(across, &self.columns);
            let plane = height_seen * line(seen(segments * across, &self.columns));
            let record = fours(filters * self.columns.kernel);
            for groups in parts(self.outputs.div_ceil(filters)) {
                let tile = groups * filters;
                for images in [1, 2, 4, 8] {
                    let (strips, results) =
                        (images * height * segments, images * tile * self.pixels());
                    let channel = images * plane + self.rows.kernel * groups * record;
                    let channels = (ROOM / channel).min(self.channels);
                    if channels == 0 || 2 * self.batch <= images || SPAN < span {
                        continue;
                    }
                    let most = (THREADS / (strips * groups)).min(ROOM / results).min(8);
                    for splits in 1..=most {
                        let stages = self.channels.div_ceil(channels);
                        let even = self.channels.div_ceil(stages);
                        let pairs = stages * (even * self.rows.kernel).div_ceil(splits);
                        let products = filters * self.columns.kernel * across;
                        let loads = [span.div_ceil(4), record / 4];
                        let weights = (self.channels * self.taps()).div_ceil(THREADS) * tile;
                        let pixels = images * self.channels * self.input[0] * self.input[1];
                        let work = Work {
                            blocks: self.batch.div_ceil(images) * self.outputs.div_ceil(tile),
                            busy: strips * groups * splits,
                            products: pairs * multiplied(products, loads, 14),
                            rest: 3 * weights
                                + (6 * pixels + (20 + 4 * splits) * results) / THREADS,
                            waits: stages + 1,
                        };
                        let threads = [groups, filters, across, splits];
                        better(&mut best, &work, 0, [images, images, even], threads);
                    }
                }
            }
        }
        best
    }

    fn filter(&self, operands: Operands) -> Option<DeviceForm> {
        let cut = self.filter_cut().filter(|cut| self.pays(cut))?;
        let Cut { part, images, channels, groups, filters, across, splits, .. } = cut;
        let (parts, weights) =
            (self.batch.div_ceil(part), self.outputs * self.channels * self.taps());
        let result = if parts == 1 { operands.weights.clone() } else { Operand::Work(0) };
        let given = vec![operands.image, operands.result, result];
        let call = Call::teams("conv_filter", cut.blocks, given).with_all(self.numbers());
        let call = call.with_all([part, images, channels, groups, filters, across, splits]);
        let mut form = DeviceForm { texts: TEXTS, calls: vec![call], work: 0 };
        if 1 < parts {
            let all = parts * weights;
            let sum = reduction::calls(false, &[parts, weights].into(), &[0], 1).ok()?;
            form.work = all + sum.work;
            for mut call in sum.calls {
                for operand in &mut call.operands {
                    *operand = match operand {
                        Operand::Arg(_) => Operand::Work(0),
                        Operand::Work(at) => Operand::Work(all + *at),
                        _ => operands.weights.clone(),
                    };
                }
                form.calls.push(call);
            }
        }
        Some(form)
    }

    fn filter_cut(&self) -> Option<Cut> {
        let [height, width] = self.output;
        let weights = self.outputs * self.channels * self.taps();
        let height_seen = seen(height, &self.rows);
        let mut best: Option<Cut> = None;
        for (across, filters) in tiles() {
            let segments = width.div_ceil(across);
            let (length, span) = (segments * across, seen(across, &self.columns));
            let line = line(seen(length, &self.columns));
            // At most 31 numbers are between two planes.
            let plane = height_seen * line + 28;
            let sums = filters * self.columns.kernel;
            if SUMS < sums || SPAN < span {
                continue;
            }
            for (groups, channels) in pairs(self.outputs.div_ceil(filters), self.channels) {
                let (tile, pairs) = (groups * filters, channels * self.rows.kernel);
                let image = channels * plane + tile * height * length;
                let tasks = pairs * groups;
                let most = (ROOM / image).min(self.batch);
                let splits = (THREADS / tasks).min(ROOM / (tasks * sums)).min(16);
                if splits == 0 || most == 0 {
                    continue;
                }
                let tiles = self.outputs.div_ceil(tile) * self.channels.div_ceil(channels);
                for rounds in 1..=BESIDE {
                    let count = (PROCESSORS * rounds / tiles).clamp(1, self.batch);
                    let part = self.batch.div_ceil(count);
                    let count = self.batch.div_ceil(part);
                    let stages = part.div_ceil(most);
                    let images = part.div_ceil(stages);
                    let splits = splits.min(images * height);
                    if MOST_PARTS < count * weights {
                        continue;
                    }
                    let loads = [span.div_ceil(4), filters * across / 4];
                    let products = multiplied(sums * across, loads, 10);
                    let read =
                        part * (channels * self.input[0] * self.input[1] + tile * self.pixels());
                    let results = tasks * sums;
                    let work = Work {
                        blocks: tiles * count,
                        busy: tasks * splits,
                        products: stages
                            * (images * height).div_ceil(splits)
                            * (segments * products + 15),
                        rest: (10 * read + (20 + 4 * splits) * results) / THREADS,
                        waits: stages + 1,
                    };
                    // The second call begins anew, and reads all parts.
                    let second = if count == 1 { 0 } else { 2 * WAIT + count * weights / 256 };
                    let threads = [groups, filters, across, splits];
                    better(&mut best, &work, second, [part, images, channels], threads);
                }
            }
        }
        best
    }

    fn input(&self, operands: Operands) -> Option<DeviceForm> {
        let cut = self.input_cut().filter(|cut| self.pays(cut))?;
        let Cut { channels: taps, groups, filters, splits, .. } = cut;
        let given = vec![operands.result, operands.weights, operands.image];
        let [[h, w], [oh, ow]] = [self.input, self.output];
        let call = Call::teams("conv_input", cut.blocks, given);
        let call = call.with_all([self.channels, h, w, self.outputs, oh, ow]);
        let axes = [self.rows, self.columns].into_iter();
        let call = call.with_all(axes.flat_map(|a| [a.kernel, a.pad_before, a.dilation]));
        let call = call.with_all([taps, groups, filters, splits]);
        Some(DeviceForm { texts: TEXTS, calls: vec![call], work: 0 })
    }

    fn input_cut(&self) -> Option<Cut> {
        let [height, width] = self.output;
        let (over, across) = (self.rows.reach() - 1, width + self.columns.reach() - 1);
        let fits = self.rows.stride == 1 && self.columns.stride == 1 && over <= height;
        let gradients = self.outputs * height * line(width);
        if !fits || SPAN < width || ROOM < gradients {
            return None;
        }
        let mut best: Option<Cut> = None;
        for filters in (1..=8).filter(|filters| filters * across <= SUMS) {
            let record = fours(filters * self.columns.kernel);
            for groups in parts(self.channels.div_ceil(filters)) {
                let tile = groups * filters;
                for splits in 1..=(THREADS / (height * groups)).min(16).min(self.outputs) {
                    let early = fours(splits * tile * over * across);
                    let tap = self.outputs * groups * record;
                    let taps = ROOM.saturating_sub(early + gradients) / tap;
                    let late = splits * tile * height * across;
                    if taps == 0 || ROOM < early + late {
                        continue;
                    }
                    let stages = self.rows.kernel.div_ceil(taps);
                    let taps = self.rows.kernel.div_ceil(stages);
                    let products = filters * width * self.columns.kernel;
                    let products = multiplied(products, [width.div_ceil(4), record / 4], 8);
                    let weights = self.outputs * tile * self.taps();
                    let results = tile * self.input[0] * self.input[1];
                    let work = Work {
                        blocks: self.batch * self.channels.div_ceil(tile),
                        busy: height * groups * splits,
                        products: self.rows.kernel
                            * (self.outputs.div_ceil(splits) * products + filters * across),
                        rest: (6 * weights + 8 * gradients + (20 + 4 * splits) * results) / THREADS,
                        waits: stages + 1,
                    };
                    let threads = [groups, filters, across, splits];
                    better(&mut best, &work, 0, [1, 1, taps], threads);
                }
            }
        }
        best
    }
}

/// What the kernels call beside their own text.
const TEXTS: &[&str] = &[include_str!("text/pool.cu")];

/// Neighbouring pixels and filters of a thread.
fn tiles() -> impl Iterator<Item = (usize, usize)> {
    let all = [8, 4].into_iter().flat_map(|across| (1..=8).map(move |filters| (across, filters)));
    all.filter(|(across, filters)| across * filters <= SUMS)
}

/// Parts of both.
fn pairs(first: usize, second: usize) -> impl Iterator<Item = (usize, usize)> {
    parts(first).flat_map(move |one| parts(second).map(move |other| (one, other)))
}

/// Keeps a cut if it is better: the work of its blocks, clocks beside theirs, images and channels of a block, and what its
/// threads do.
fn better(
    best: &mut Option<Cut>,
    work: &Work,
    more: usize,
    [part, images, channels]: [usize; 3],
    [groups, filters, across, splits]: [usize; 4],
) {
    let (clocks, blocks) = (clocks(work) + more, work.blocks);
    let cut = Cut { clocks, blocks, part, images, channels, groups, filters, across, splits };
    if best.is_none_or(|best| cut.clocks < best.clocks) {
        *best = Some(cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Conv;

    fn windows(x: [usize; 4], outputs: usize, axis: Axis) -> Windows {
        let conv = Conv { axes: vec![axis; 2], group: 1 };
        Windows::of(&Shape::new(&conv, &x, outputs).expect("windows that fit")).expect("planes")
    }

    /// Whether kernels of our own do the convolution, the gradient to the weights and that to the images.
    fn ours(x: [usize; 4], outputs: usize, axis: Axis) -> [bool; 3] {
        let c = windows(x, outputs, axis);
        let cuts = [c.forward_cut(), c.filter_cut(), c.input_cut()];
        let ways = [Way::Forward, Way::Filter, Way::Input].into_iter().zip(cuts);
        let mut ours =
            ways.map(|(way, cut)| c.is_small(way) && cut.is_some_and(|cut| c.pays(&cut)));
        [(); 3].map(|()| ours.next().expect("three ways"))
    }

    #[test]
    fn small_images_of_few_channels_have_kernels_of_their_own() {
        let five = Axis::new(5, 1, 0);
        // Planes of gradients to the first one's results do not lie in shared memory, and nobody asks for what they would give.
        assert_eq!(ours([128, 1, 28, 28], 20, five), [true, true, false]);
        assert_eq!(ours([128, 20, 12, 12], 50, five), [true; 3]);
        assert_eq!(ours([100, 32, 16, 16], 32, Axis::new(5, 1, 2)), [true; 3]);
        // A library's blocks are full, or images too large, or channels too many.
        assert_eq!(ours([64, 64, 56, 56], 64, Axis::new(3, 1, 1)), [false; 3]);
        assert_eq!(ours([64, 3, 224, 224], 64, Axis::new(7, 2, 3)), [false; 3]);
        assert_eq!(ours([128, 256, 13, 13], 384, Axis::new(3, 1, 1)), [false; 3]);
        assert!(!ours([2048, 20, 12, 12], 50, five)[0]);
    }

    #[test]
    fn groups_and_volumes_have_none() {
        let shape = |axes: usize, x: &[usize], group| {
            let conv = Conv { axes: vec![Axis::new(3, 1, 1); axes], group };
            Windows::of(&Shape::new(&conv, x, 4).expect("windows that fit")).is_some()
        };
        assert!(shape(1, &[2, 4, 9], 1));
        assert!(shape(2, &[2, 4, 9, 9], 1));
        assert!(!shape(2, &[2, 4, 9, 9], 2));
        assert!(!shape(3, &[2, 4, 5, 9, 9], 1));
    }

    /// Every multiprocessor of a large GPU has about as much work, and of it every scheduler.
    #[test]
    fn the_work_of_lenet_is_spread_evenly() {
        let c = windows([128, 20, 12, 12], 50, Axis::new(5, 1, 0));
        for cut in [c.forward_cut(), c.filter_cut(), c.input_cut()] {
            let cut = cut.expect("a cut");
            let rounds = cut.blocks.div_ceil(PROCESSORS);
            assert!(95 * rounds * PROCESSORS <= 100 * cut.blocks && rounds <= BESIDE, "{cut:?}");
        }
    }
}
