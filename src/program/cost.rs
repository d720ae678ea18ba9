//! What a step costs: from a kernel and the shapes around it to operations and elements moved.

use super::expr::{PointFn, PointOp};
use super::{Kernel, Program, Step, infer};
use crate::ty::Shape;
use crate::window::{Axis, Conv, Pool};

/// The cost of a step or of several. Counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiplications each followed by an addition: those of products of matrices and of convolutions.
    pub multiply_adds: u64,
    /// All other operations on numbers; a function such as exp counts as one.
    pub other: u64,
    /// Elements read and written at least once, for whoever compares with the speed of the memory.
    pub elements: u64,
}

impl Cost {
    /// Floating point operations: two for each multiply-add.
    pub fn flops(&self) -> u64 {
        self.multiply_adds.saturating_mul(2).saturating_add(self.other)
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, more: Cost) {
        self.multiply_adds = self.multiply_adds.saturating_add(more.multiply_adds);
        self.other = self.other.saturating_add(more.other);
        self.elements = self.elements.saturating_add(more.elements);
    }
}

/// The cost of one step.
pub fn cost(program: &Program, step: &Step) -> Cost {
    let shapes = |values: &[super::ValueId]| -> Vec<Shape> {
        values.iter().map(|&v| program.shape(v).clone()).collect()
    };
    of_shapes(&step.kernel, &shapes(&step.args), &shapes(&step.outs))
}

fn of_shapes(kernel: &Kernel, args: &[Shape], outs: &[Shape]) -> Cost {
    let arg = |i: usize| args.get(i).map_or(0, count);
    let out = |i: usize| outs.get(i).map_or(0, count);
    let per_tap = |c: &Conv, map: u64| map.saturating_mul(taps(&c.axes));
    let (mut multiply_adds, mut other) = (0, 0);
    match kernel {
        Kernel::View | Kernel::Stop => return Cost::default(),
        Kernel::Fill(_)
        | Kernel::Transpose(_)
        | Kernel::Slice { .. }
        | Kernel::Pad { .. }
        | Kernel::Concat(_)
        | Kernel::Im2col(_)
        | Kernel::PackConv(_)
        | Kernel::PackTiles { .. }
        | Kernel::Gather(_) => {}
        Kernel::ChannelsLast(kernel) => {
            let (blobs, results) = kernel.blobs(args.len()).unwrap_or_default();
            let first = |shape: &Shape, blob: bool| {
                if blob { shape.channels_first() } else { shape.clone() }
            };
            let args: Vec<Shape> =
                args.iter().zip(&blobs).map(|(arg, &blob)| first(arg, blob)).collect();
            let outs: Vec<Shape> =
                outs.iter().enumerate().map(|(i, out)| first(out, results[i.min(1)])).collect();
            return of_shapes(kernel, &args, &outs);
        }
        Kernel::Pointwise(f) => other = out(0).saturating_mul(operations(f)),
        Kernel::Reduce(..) => other = arg(0),
        Kernel::Col2im(_) | Kernel::Scatter(_) => other = arg(0),
        Kernel::MatMul { trans_a, .. } | Kernel::MatMulAdd { trans_a, .. } => {
            let inner = args.first().map_or(0, |a| {
                let back = if *trans_a { 2 } else { 1 };
                a.rank().checked_sub(back).map_or(0, |axis| a.dims()[axis])
            });
            multiply_adds = out(0).saturating_mul(inner as u64);
            if 2 < args.len() {
                other = out(0);
            }
        }
        Kernel::Conv(c) => {
            multiply_adds = per_tap(c, out(0)).saturating_mul(channels(args.get(1)));
            if 2 < args.len() {
                other = out(0);
            }
        }
        Kernel::FusedConv(fused) => {
            multiply_adds = per_tap(&fused.conv, out(0)).saturating_mul(channels(args.get(1)));
            let passes = [fused.bias, fused.sum, fused.relu].into_iter().filter(|&p| p).count();
            other = out(0).saturating_mul(passes as u64);
        }
        Kernel::PooledConv(fused, pool) => {
            let outputs = outs.first().map_or(0, |y| y.0[1]);
            let weights = fused.weights(&args[1], outputs);
            let blob = infer(&Kernel::Conv(fused.conv.clone()), &[&args[0], &weights], None);
            let blob = blob.map_or(0, |shapes| shapes.iter().map(count).sum());
            multiply_adds = per_tap(&fused.conv, blob).saturating_mul(channels(args.get(1)));
            other = windows(pool, out(0));
        }
        Kernel::Moments => other = arg(0).saturating_mul(4),
        Kernel::Normalize(_) => other = out(0).saturating_mul(4),
        Kernel::NormalizeSum(_) => other = out(0).saturating_mul(5),
        Kernel::MaskedConv(kernel) => {
            let cost = of_shapes(kernel, &args[..args.len() - 2], outs);
            multiply_adds = cost.multiply_adds;
            other = cost.other + out(0).saturating_mul(2);
        }
        Kernel::NormalizeGrad(_) => other = out(0).saturating_mul(10),
        Kernel::ConvInput(c) => {
            multiply_adds = per_tap(c, arg(0)).saturating_mul(channels(args.get(1)));
        }
        Kernel::ConvFilter(c) | Kernel::TilesFilter(c) => {
            multiply_adds = per_tap(c, arg(1)).saturating_mul(channels(outs.first()));
        }
        // Only the maxima have a gradient.
        Kernel::PooledConvInput(c) => {
            multiply_adds = per_tap(c, arg(0)).saturating_mul(channels(args.get(2)));
        }
        Kernel::PooledConvFilter(c) => {
            multiply_adds = per_tap(c, arg(1)).saturating_mul(channels(outs.first()));
        }
        Kernel::MaxPool(p) | Kernel::AvePool(p) => other = windows(p, out(0)),
        Kernel::AvePoolGrad(p) => other = windows(p, arg(0)),
        Kernel::MaxPoolGrad(_) => other = arg(0),
        Kernel::Lrn(lrn) | Kernel::LrnGrad(lrn) => {
            other = out(0).saturating_mul(lrn.size as u64 + 3);
        }
        Kernel::Softmax(_) | Kernel::LogSoftmax(_) => other = out(0).saturating_mul(4),
        Kernel::SoftmaxGrad(_) | Kernel::LogSoftmaxGrad(_) => other = out(0).saturating_mul(4),
        Kernel::Random(..) => other = out(0),
        Kernel::Native(_) | Kernel::NativeGrad(..) => {
            other = args.iter().map(count).fold(0, u64::saturating_add);
        }
    }
    let elements = args.iter().chain(outs).map(count).fold(0, u64::saturating_add);
    Cost { multiply_adds, other, elements }
}

fn count(shape: &Shape) -> u64 {
    shape.dims().iter().fold(1, |n, &d| n.saturating_mul(d as u64))
}

/// Input channels that one output channel sees: axis 1 of the weights.
fn channels(weights: Option<&Shape>) -> u64 {
    weights.and_then(|w| w.dims().get(1)).map_or(0, |&c| c as u64)
}

/// Operations of a pointwise function on one element.
fn operations(f: &PointFn) -> u64 {
    let free = |op: &&PointOp| matches!(op, PointOp::Arg(_) | PointOp::Const(_));
    f.ops.iter().filter(|op| !free(op)).count() as u64
}

fn taps(axes: &[Axis]) -> u64 {
    axes.iter().fold(1, |n, axis| n.saturating_mul(axis.kernel as u64))
}

fn windows(pool: &Pool, outputs: u64) -> u64 {
    outputs.saturating_mul(taps(&pool.axes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Builder;
    use crate::window::Axis;

    /// The sum over the steps that `write` appends.
    fn check(write: impl FnOnce(&mut Builder), multiply_adds: u64, other: u64, elements: u64) {
        let mut b = Builder::new();
        write(&mut b);
        let program = b.finish();
        let mut total = Cost::default();
        for step in &program.steps {
            total += cost(&program, step);
        }
        assert_eq!(total, Cost { multiply_adds, other, elements });
    }

    #[test]
    fn a_convolution_costs_its_taps() {
        // LeNet's first layer on one image: 20 maps of 24 x 24, 25 taps of one channel, and the bias.
        let (map, input, weights) = (20 * 24 * 24, 28 * 28, 20 * 25);
        let write = |b: &mut Builder| {
            let x = b.input("x", Shape::from([1, 1, 28, 28]));
            let w = b.input("w", Shape::from([20, 1, 5, 5]));
            let bias = b.input("b", Shape::from([20]));
            let axes = vec![Axis::new(5, 1, 0); 2];
            b.step(Kernel::Conv(Conv { axes, group: 1 }), &[x, w, bias], None);
        };
        check(write, map * 25, map, input + weights + 20 + map);
    }

    #[test]
    fn a_product_costs_its_inner_extent() {
        let transposed = |b: &mut Builder| {
            let x = b.input("x", Shape::from([64, 7]));
            let w = b.input("w", Shape::from([10, 64]));
            b.matmul(x, true, w, true, None);
        };
        let plain = |b: &mut Builder| {
            let x = b.input("x", Shape::from([7, 64]));
            let w = b.input("w", Shape::from([64, 10]));
            b.matmul(x, false, w, false, None);
        };
        check(transposed, 7 * 64 * 10, 0, 7 * 64 + 64 * 10 + 70);
        check(plain, 7 * 64 * 10, 0, 7 * 64 + 64 * 10 + 70);
    }
}
