//! Gradients of kernels written with kernels that have gradients themselves: what a gradient is made of that a definition
//! asks for, so that it can be differentiated once more.

use super::expr::{Expr, arg, constant};
use super::kernel::{Kernel, Normalize};
use super::native::{Operation, View, ViewMut};
use super::{Builder, Step, ValueId};
use crate::real::Real;
use crate::ty::Shape;

/// Places in an `f32` are exact up to here.
const MOST_PLACES: usize = 1 << 24;

/// The gradients of a step's arguments with theirs of its first result, for kernels whose own gradient has none; none for all
/// others.
pub(super) fn composed(b: &mut Builder, step: &Step, dy: ValueId) -> Option<Vec<(usize, ValueId)>> {
    let y = step.outs[0];
    let dx = match &step.kernel {
        &Kernel::Softmax(axis) => {
            let product = b.mul(y, dy);
            let sum = b.sum(product, &[axis]);
            b.map(&[y, dy, sum], &(arg(0) * (arg(1) - arg(2))))
        }
        &Kernel::LogSoftmax(axis) => {
            let sum = b.sum(dy, &[axis]);
            b.map(&[y, dy, sum], &(arg(1) - arg(0).exp() * arg(2)))
        }
        Kernel::MaxPool(_) => max_pool(b, step, dy)?,
        &Kernel::Normalize(normalize) if !normalize.relu => {
            return Some(normalization(b, step, dy, normalize));
        }
        _ => return None,
    };
    Some(vec![(0, dx)])
}

/// Every element goes where its maximum was, which is counted through all planes.
fn max_pool(b: &mut Builder, step: &Step, dy: ValueId) -> Option<ValueId> {
    let (shape, windows) = (b.shape(step.args[0]).clone(), b.shape(dy).clone());
    let planes = shape.count_of(0..2);
    if MOST_PLACES < shape.count() || planes == 0 {
        return None;
    }
    let starts = Starts { planes, plane: shape.count() / planes };
    let starts = b.native(starts, &[])[0];
    let index = b.view(step.outs[1], [planes, windows.count() / planes]);
    let places = b.map(&[index, starts], &(arg(0) + arg(1)));
    let (places, flat) = (b.view(places, [windows.count()]), b.view(dy, [windows.count()]));
    let all = b.step(Kernel::Scatter(0), &[flat, places], Some([shape.count()].into()))[0];
    Some(b.view(all, shape))
}

/// The gradients of a normalisation; with the moments of the batch these are computed from the argument once more.
fn normalization(
    b: &mut Builder,
    step: &Step,
    dy: ValueId,
    normalize: Normalize,
) -> Vec<(usize, ValueId)> {
    let x = step.args[0];
    let rank = b.shape(x).rank();
    let axes: Vec<usize> = (0..rank).filter(|&axis| axis != 1).collect();
    let channels = b.shape(x).0[1];
    let mut of_channels = Shape(vec![1; rank]);
    of_channels.0[1] = channels;
    let count = (b.shape(x).count() / channels.max(1)).max(1) as f64;
    let mean_of = |b: &mut Builder, v: ValueId| {
        let sum = b.sum(v, &axes);
        b.scale(sum, 1.0 / count)
    };
    let (mean, variance) = if normalize.batch {
        let mean = mean_of(b, x);
        let centred = arg(0) - arg(1);
        let squares = b.map(&[x, mean], &(centred.clone() * centred));
        (mean, mean_of(b, squares))
    } else {
        (b.view(step.args[1], of_channels.clone()), b.view(step.args[2], of_channels.clone()))
    };
    let eps = normalize.eps;
    let inverse: Expr = (arg(0) + eps).pow(constant(-0.5));
    let inverse = b.map(&[variance], &inverse);
    let normal = b.map(&[x, mean, inverse], &((arg(0) - arg(1)) * arg(2)));
    let mut found = vec![];
    let mut inner = dy;
    if normalize.affine {
        let scale = b.view(step.args[3], of_channels);
        inner = b.mul(dy, scale);
        let product = b.mul(dy, normal);
        for (at, part) in [(3, product), (4, dy)] {
            let sum = b.sum(part, &axes);
            let shape = b.shape(step.args[at]).clone();
            found.push((at, b.view(sum, shape)));
        }
    }
    let dx = if normalize.batch {
        let product = b.mul(inner, normal);
        let (first, second) = (mean_of(b, inner), mean_of(b, product));
        let centred = arg(1) - arg(2) - arg(3) * arg(4);
        b.map(&[inverse, inner, first, normal, second], &(arg(0) * centred))
    } else {
        b.mul(inner, inverse)
    };
    found.push((0, dx));
    found
}

/// `() -> t`: where each plane begins, in a column.
#[derive(Debug, PartialEq)]
struct Starts {
    planes: usize,
    plane: usize,
}

impl Operation for Starts {
    const NAME: &'static str = "plane-starts";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![[self.planes, 1].into()]
    }

    fn forward<T: Real>(&self, _args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        for (number, to) in outs[0].data.iter_mut().enumerate() {
            *to = T::from_f64((number * self.plane) as f64);
        }
    }
}
