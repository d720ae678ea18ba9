//! Chooses which blobs lie with their channels last: from a program to one whose dense convolutions, and what is between
//! them, are [`Kernel::ChannelsLast`].
//!
//! A convolution that is worth it wants its blobs so, and kernels that can work on either take what they are given. A blob
//! that somebody needs in the other order is transposed once, where that is first needed; blobs of one pixel or one channel
//! are the same memory in both.

use std::collections::HashMap;

use super::{FusedConv, Kernel, Program, Source, Step, ValueId, cost, infer};
use crate::ty::Shape;
use crate::window::{Axis, Conv};

/// Which convolutions get blobs whose channels lie last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrange {
    /// Those that are quicker so, in programs in which they have most of the work; their weights change with every run.
    Training,
    /// The same, with weights that stay.
    Inference,
    /// All that have a kernel for it, by tiles where that can be: to test these.
    All,
}

/// Fewest terms of the sums, and fewest channels of the results, for which whole registers of channels pay.
const TERMS: usize = 32;
const OUTPUTS: usize = 16;

/// Fewest tiles, with weights that are transformed in every run and with others, and fewest channels on either side, for which
/// tiles of results pay.
const TILES: [usize; 2] = [32, 12];
const CHANNELS: usize = 16;

/// Fewest tiles and channels for which the gradient to the weights is quicker by tiles: its sums are as many as transformed
/// weights, and every line of places transforms the tiles anew.
const FILTER_TILES: usize = 96;
const FILTER_CHANNELS: usize = 32;

/// The permutation from `N x C x H x W` to `N x H x W x C`, and back.
const LAST: [usize; 4] = [0, 2, 3, 1];
const FIRST: [usize; 4] = [0, 3, 1, 2];

/// Rewrites a program in place. Results are the same but for rounding; values that are read after a run stay where they are.
pub fn arrange(program: &mut Program, how: Arrange) {
    if how != Arrange::All && !arranges(program) {
        return;
    }
    let steps = std::mem::take(&mut program.steps);
    let ready = program.values.iter();
    let ready =
        ready.map(|value| matches!(value.source, Source::Input | Source::Variable(_))).collect();
    let mut pass = Pass {
        program,
        how,
        steps: vec![],
        last: HashMap::new(),
        fills: HashMap::new(),
        packed: HashMap::new(),
        ready,
        origin: Default::default(),
    };
    for step in steps {
        pass.take(step);
    }
    let outputs = pass.program.outputs.iter().map(|(_, v)| *v);
    let assigned = pass.program.assigns.iter().map(|(_, v)| *v);
    for v in outputs.chain(assigned).collect::<Vec<_>>() {
        pass.first(v);
    }
    let steps = pass.steps;
    program.renumber(steps);
    super::simplify(program);
}

/// Whether convolutions that are quicker with their channels last have most of the work.
pub fn arranges(program: &Program) -> bool {
    let (mut suited, mut all) = (0, 0);
    for step in &program.steps {
        let Some((conv, weights)) = convolution(program, step) else { continue };
        let work = cost(program, step).multiply_adds;
        all += work;
        if is_quick(conv, weights) {
            suited += work;
        }
    }
    all < 2 * suited
}

/// The convolution that a step, which is one or a gradient of one, belongs to, and the shape of its weights.
fn convolution<'a>(program: &'a Program, step: &'a Step) -> Option<(&'a Conv, &'a Shape)> {
    match &step.kernel {
        Kernel::Conv(conv) | Kernel::ConvInput(conv) => Some((conv, program.shape(step.args[1]))),
        Kernel::FusedConv(fused) if !fused.packed => {
            Some((&fused.conv, program.shape(step.args[1])))
        }
        Kernel::ConvFilter(conv) => Some((conv, program.shape(step.outs[0]))),
        _ => None,
    }
}

/// Whether a convolution with these weights, `O x C/group x kernel`, is quicker with its channels last.
fn is_quick(conv: &Conv, weights: &Shape) -> bool {
    let &[outputs, channels, height, width] = weights.dims() else { return false };
    let outputs = outputs / conv.group.max(1);
    let filled = outputs * 20 >= outputs.next_multiple_of(Kernel::PACKED) * 17;
    conv.axes.len() == 2 && OUTPUTS <= outputs && filled && TERMS <= channels * height * width
}

/// Whether weights for tiles are those of a gradient to the input.
type Turned = bool;

struct Pass<'a> {
    program: &'a mut Program,
    how: Arrange,
    steps: Vec<Step>,
    /// Values whose channels lie last, by those they stand for.
    last: HashMap<ValueId, ValueId>,
    /// Values that are one number everywhere.
    fills: HashMap<ValueId, f64>,
    /// Packed weights, by the weights, the number of groups, and how they are transformed for tiles.
    packed: HashMap<(ValueId, usize, Option<Turned>), ValueId>,
    /// Which values have been computed as they were before.
    ready: Vec<bool>,
    origin: super::Origin,
}

impl Pass<'_> {
    /// Adds a step in the form that suits what it reads.
    fn take(&mut self, step: Step) {
        self.origin = step.origin;
        if self.converted(&step) {
            return;
        }
        if let Kernel::Fill(value) = step.kernel {
            self.fills.insert(step.outs[0], value);
        }
        let args = step.args.iter().map(|&v| self.first(v)).collect();
        self.add(Step { args, ..step });
    }

    fn add(&mut self, step: Step) {
        self.ready.resize(self.program.values.len(), false);
        step.outs.iter().for_each(|v| self.ready[v.0 as usize] = true);
        self.steps.push(step);
    }

    /// Adds a step with a result of a shape, which stands for `v` if that is given.
    fn step(&mut self, kernel: Kernel, args: Vec<ValueId>, shape: Shape) -> ValueId {
        let out = self.program.value(shape, Source::Dead);
        self.add(Step { kernel, args, outs: vec![out], origin: self.origin });
        out
    }

    fn shape(&self, v: ValueId) -> &Shape {
        self.program.shape(v)
    }

    /// The value as it was before.
    fn first(&mut self, v: ValueId) -> ValueId {
        if !self.ready[v.0 as usize]
            && let Some(&last) = self.last.get(&v)
        {
            let kernel = match self.is_same(v) {
                true => Kernel::View,
                false => Kernel::Transpose(FIRST.to_vec()),
            };
            let origin = self.origin;
            self.add(Step { kernel, args: vec![last], outs: vec![v], origin });
        }
        v
    }

    /// The value with its channels last.
    fn last(&mut self, v: ValueId) -> ValueId {
        if let Some(&last) = self.last.get(&v) {
            return last;
        }
        let shape = self.shape(v).channels_last();
        let (kernel, args) = match self.fills.get(&v) {
            Some(&value) => (Kernel::Fill(value), vec![]),
            None if self.is_same(v) => (Kernel::View, vec![v]),
            None => (Kernel::Transpose(LAST.to_vec()), vec![v]),
        };
        let last = self.step(kernel, args, shape);
        self.last.insert(v, last);
        last
    }

    /// Whether a blob is the same memory in both orders.
    fn is_same(&self, v: ValueId) -> bool {
        let shape = self.shape(v);
        shape.rank() == 4 && (shape.0[1] == 1 || shape.0[2] * shape.0[3] == 1)
    }

    /// Whether a blob is at hand with its channels last.
    fn is_last(&self, v: ValueId) -> bool {
        self.shape(v).rank() == 4
            && (self.last.contains_key(&v) || self.fills.contains_key(&v) || self.is_same(v))
    }

    /// Adds a step in its form for channels that lie last, if it has one that suits; says whether.
    fn converted(&mut self, step: &Step) -> bool {
        if let Some((conv, weights)) = convolution(self.program, step) {
            let shape = self.program.shape(step.args[0]);
            let can = conv.axes.len() == 2 && shape.rank() == 4;
            let empty = step.args.iter().chain(&step.outs).any(|&v| self.shape(v).count() == 0);
            // Next to others, one that is not worth it alone is still cheaper than turning its blobs.
            let single = weights.dims().get(1) == Some(&1) && 1 < conv.group;
            let single = single && !Kernel::is_depthwise(conv, weights);
            if !can || empty || self.how != Arrange::All && single {
                return false;
            }
            self.convolve(step);
            return true;
        }
        let main = match step.args.first() {
            Some(&main) if self.shape(main).rank() == 4 && 0 < self.shape(main).count() => main,
            _ => return false,
        };
        match &step.kernel {
            Kernel::MaxPool(_)
            | Kernel::MaxPoolGrad(_)
            | Kernel::AvePool(_)
            | Kernel::AvePoolGrad(_)
            | Kernel::Lrn(_)
            | Kernel::LrnGrad(_)
            | Kernel::Moments
            | Kernel::Normalize(_)
            | Kernel::NormalizeGrad(_) => {
                // What a gradient is spread over is larger than what it comes from, which had better be turned.
                let spreads =
                    matches!(step.kernel, Kernel::MaxPoolGrad(_) | Kernel::AvePoolGrad(_))
                        && self.shape(main).count() < self.shape(step.outs[0]).count()
                        && step.args[1..].iter().all(|&v| self.is_last(v));
                let takes = spreads || self.is_last(main);
                if takes {
                    self.wrap(step.kernel.clone(), &step.args, &step.outs);
                }
                takes
            }
            Kernel::Pointwise(_) => self.pointwise(step),
            Kernel::Reduce(op, axes) if self.last.contains_key(&main) => {
                let axes = axes.iter().map(|&axis| moved(axis)).collect();
                let kernel = Kernel::Reduce(*op, axes);
                self.follow(kernel, step)
            }
            Kernel::Concat(axis) => {
                let last = step.args.iter().filter(|v| self.last.contains_key(v)).count();
                let kernel = Kernel::Concat(moved(*axis));
                step.args.len() < 2 * last && self.follow(kernel, step)
            }
            &Kernel::Slice { axis, start, step: by } if self.last.contains_key(&main) => {
                self.follow(Kernel::Slice { axis: moved(axis), start, step: by }, step)
            }
            &Kernel::Pad { axis, start, step: by } if self.last.contains_key(&main) => {
                self.follow(Kernel::Pad { axis: moved(axis), start, step: by }, step)
            }
            // The channels lie last in what is turned.
            Kernel::Transpose(order) if order[..] == FIRST => {
                let last = self.first(main);
                self.last.insert(step.outs[0], last);
                true
            }
            Kernel::Transpose(order) if order[..] == LAST && self.last.contains_key(&main) => {
                let args = vec![self.last(main)];
                self.add(Step { kernel: Kernel::View, args, ..step.clone() });
                true
            }
            Kernel::View | Kernel::Stop
                if self.last.contains_key(&main)
                    && self.shape(main) == self.shape(step.outs[0]) =>
            {
                self.follow(step.kernel.clone(), step)
            }
            _ => false,
        }
    }

    /// Adds a convolution or a gradient of one.
    fn convolve(&mut self, step: &Step) {
        let (conv, bias, sum, relu, turned) = match &step.kernel {
            Kernel::Conv(conv) => (conv.clone(), 2 < step.args.len(), false, false, false),
            Kernel::FusedConv(f) => (f.conv.clone(), f.bias, f.sum, f.relu, false),
            Kernel::ConvInput(conv) => match conv.turned() {
                Some(turned) if self.is_tiled(conv, step.args[0], step.outs[0]) => {
                    (turned, false, false, false, true)
                }
                _ => return self.wrap(step.kernel.clone(), &step.args, &step.outs),
            },
            Kernel::ConvFilter(conv)
                if self.is_tiled(conv, step.args[1], step.args[0])
                    && (self.how == Arrange::All || self.is_filter_tiled(conv, step)) =>
            {
                return self.wrap(Kernel::TilesFilter(conv.clone()), &step.args, &step.outs);
            }
            _ => return self.wrap(step.kernel.clone(), &step.args, &step.outs),
        };
        let w = self.first(step.args[1]);
        let tiled = turned || self.is_tiled(&conv, step.outs[0], step.args[0]);
        let key = (w, conv.group, tiled.then_some(turned));
        let packed = match self.packed.get(&key) {
            Some(&packed) => packed,
            None => {
                let kernel = match tiled {
                    true => Kernel::PackTiles { turned },
                    false => Kernel::PackConv(conv.clone()),
                };
                let kernel = Kernel::ChannelsLast(Box::new(kernel));
                let shapes = infer(&kernel, &[self.shape(w)], None);
                let shape = shapes.expect("weights of a convolution").remove(0);
                let packed = self.step(kernel, vec![w], shape);
                self.packed.insert(key, packed);
                packed
            }
        };
        let mut args = step.args.clone();
        args[1] = packed;
        let fused = FusedConv { conv, bias, sum, relu, packed: true, tiled };
        self.wrap(Kernel::FusedConv(fused), &args, &step.outs);
    }

    /// Whether a convolution from blobs like `x` to blobs like `y`, or the gradient of one, is done by tiles of results:
    /// the weights, four times as many, have to be read for enough tiles.
    fn is_tiled(&self, conv: &Conv, y: ValueId, x: ValueId) -> bool {
        let taps = conv.axes[0].kernel;
        let plain = |a: &Axis| (a.kernel, a.stride, a.dilation) == (taps, 1, 1);
        let can = matches!(taps, 3 | 5) && conv.group == 1 && conv.axes.iter().all(plain);
        let (tiles, y, channels) = (self.tiles(conv, y), self.shape(y), self.shape(x).0[1]);
        let pays = |i: usize| TILES[i] <= tiles && CHANNELS <= channels.min(y.0[1]);
        can && channels.max(y.0[1]) <= Kernel::TILED
            && match self.how {
                Arrange::Training => pays(0),
                Arrange::Inference => pays(1),
                Arrange::All => true,
            }
    }

    /// Whether tiles pay for a gradient to the weights.
    fn is_filter_tiled(&self, conv: &Conv, step: &Step) -> bool {
        let [x, dy] = [0, 1].map(|i| self.shape(step.args[i]).0[1]);
        FILTER_TILES <= self.tiles(conv, step.args[1]) && FILTER_CHANNELS <= x.min(dy)
    }

    /// Tiles of the results of a convolution, which depend on 6 x 6 pixels each.
    fn tiles(&self, conv: &Conv, y: ValueId) -> usize {
        let (y, side) = (self.shape(y), 7usize.saturating_sub(conv.axes[0].kernel).max(1));
        y.0[0] * y.0[2].div_ceil(side) * y.0[3].div_ceil(side)
    }

    /// Adds a kernel in its form for channels that lie last.
    fn wrap(&mut self, kernel: Kernel, args: &[ValueId], outs: &[ValueId]) {
        let (blobs, results) = kernel.blobs(args.len()).unwrap_or_default();
        let args = args.iter().zip(blobs);
        let args = args.map(|(&v, blob)| if blob { self.last(v) } else { self.first(v) }).collect();
        let outs = outs.iter().enumerate().map(|(i, &out)| match results[i.min(1)] {
            true => self.twin(out),
            false => out,
        });
        let outs = outs.collect();
        let kernel = Kernel::ChannelsLast(Box::new(kernel));
        let origin = self.origin;
        self.add(Step { kernel, args, outs, origin });
    }

    /// A value that stands for another with its channels last.
    fn twin(&mut self, v: ValueId) -> ValueId {
        let shape = self.shape(v).channels_last();
        let twin = self.program.value(shape, Source::Dead);
        self.last.insert(v, twin);
        twin
    }

    /// Adds a step that reads and writes blobs whose channels lie last.
    fn follow(&mut self, kernel: Kernel, step: &Step) -> bool {
        let args = step.args.iter().map(|&v| self.last(v)).collect();
        let outs = vec![self.twin(step.outs[0])];
        let origin = self.origin;
        self.add(Step { kernel, args, outs, origin });
        true
    }

    /// A pointwise step, if at least half of the blobs of its result's size are at hand with their channels last.
    fn pointwise(&mut self, step: &Step) -> bool {
        let out = step.outs[0];
        if self.shape(out).rank() != 4 || self.is_same(out) {
            return false;
        }
        let whole = step.args.iter().filter(|&&v| self.shape(v) == self.shape(out));
        let whole: Vec<ValueId> = whole.copied().collect();
        let last = whole.iter().filter(|v| self.last.contains_key(v)).count();
        if last == 0 || 2 * last < whole.len() {
            return false;
        }
        self.follow(step.kernel.clone(), step)
    }
}

/// Where an axis of `N x C x H x W` is when channels lie last.
fn moved(axis: usize) -> usize {
    LAST.iter().position(|&from| from == axis).unwrap_or(axis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::{arg, constant, select};
    use crate::program::{Builder, differentiate, verify};
    use crate::window::{Pool, Rounding};

    /// A convolution over the rows of a text reads and writes them as they lie, forward and backward.
    #[test]
    fn windows_over_all_columns_turn_no_blob() {
        let mut b = Builder::new();
        let text = b.input("x", Shape::from([2, 1, 20, 40]));
        let w = b.input("w", Shape::from([32, 1, 3, 40]));
        let axes = vec![Axis::new(3, 1, 0), Axis::new(40, 1, 0)];
        let y = b.conv(text, w, None, Conv { axes, group: 1 });
        assert_eq!(b.shape(y), &Shape::from([2, 32, 18, 1]));
        let y = b.transpose(y, &LAST);
        let dy = b.input("dy", b.shape(y).clone());
        let gradients = differentiate(&mut b, &[(y, dy)], &[text, w]);
        let wanted = [text, w].map(|v| gradients.of(v).expect("a gradient"));
        b.output("y", y);
        wanted.into_iter().for_each(|v| b.output("d", v));
        let mut program = b.finish();
        arrange(&mut program, Arrange::Training);
        assert_eq!(verify(&program), Ok(()));
        let turned =
            program.steps.iter().filter(|step| matches!(step.kernel, Kernel::Transpose(_)));
        let turned = turned.map(|step| program.shape(step.args[0]).count());
        // The weights and their gradient.
        assert_eq!(turned.collect::<Vec<_>>(), [32 * 3 * 40; 2], "{program}");
    }

    /// A convolution, ReLU, a pooling and a second convolution; then the kernels of both passes.
    #[test]
    fn what_lies_between_convolutions_follows_them() {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([2, 3, 9, 9]));
        let w = b.input("w", Shape::from([32, 3, 4, 4]));
        let w2 = b.input("w2", Shape::from([32, 32, 1, 1]));
        let bias = b.input("b", Shape::from([32]));
        let y = b.conv(x, w, Some(bias), Conv { axes: vec![Axis::new(4, 1, 0); 2], group: 1 });
        let relu = select(arg(0).gt(0.0), arg(0), constant(0.0));
        let slope = select(arg(0).gt(0.0), constant(1.0), constant(0.0));
        let y = b.activation(y, &relu, &slope);
        let axes = [Axis::new(2, 2, 0); 2];
        let (y, _) = b.max_pool(y, Pool { axes, rounding: Rounding::Ceil, count_pad: true });
        let y = b.conv(y, w2, None, Conv { axes: vec![Axis::new(1, 1, 0); 2], group: 1 });
        let dy = b.input("dy", b.shape(y).clone());
        let gradients = differentiate(&mut b, &[(y, dy)], &[w, w2, bias]);
        let wanted = [w, w2, bias].map(|v| gradients.of(v).expect("a gradient"));
        b.output("y", y);
        wanted.into_iter().for_each(|v| b.output("d", v));
        let mut program = b.finish();
        arrange(&mut program, Arrange::Training);
        assert_eq!(verify(&program), Ok(()));
        let names = program.steps.iter().map(|step| step.kernel.name());
        let transposes = names.clone().filter(|name| name == "transpose").count();
        // The data, the result and its gradient.
        assert_eq!(transposes, 3, "{program}");
        let known = ["conv", "max-pool", "max-pool-grad", "conv-input", "conv-filter"];
        assert!(
            names.clone().all(|name| !known.contains(&&*name)),
            "{:?}",
            names.collect::<Vec<_>>()
        );
    }
}
