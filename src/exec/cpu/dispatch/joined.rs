//! Prepares the steps that do the work of two.

use super::{Call, conv_shape, pool_shape, product};
use crate::exec::Element;
use crate::exec::cpu::conv;
use crate::exec::cpu::matmul::{self, Finish};
use crate::plan::Slot;
use crate::program::{FusedConv, Kernel};
use crate::ty::Shape;
use crate::window::Pool;

/// A convolution and the pooling of its output.
pub(super) fn pooled_conv(fused: &FusedConv, pool: &Pool, x: &Shape, w: &Shape) -> conv::Pooled {
    let conv = conv_shape(&fused.conv, x, w);
    let [_, height, width] = conv.windows.output;
    let image = Shape::from([1, conv.out_channels, height, width]);
    conv::Pooled { conv, pool: pool_shape(pool, &image), relu: fused.relu, packed: fused.packed }
}

/// Prepares one step.
pub(super) fn call<T: Element>(
    kernel: &Kernel,
    args: Vec<Slot>,
    outs: &[Slot],
    arg_shapes: &[Shape],
    work: Slot,
) -> Call<T> {
    let y = outs[0];
    match kernel {
        &Kernel::MatMulAdd { trans_a, trans_b } => {
            let shape = product(&arg_shapes[0], &arg_shapes[1], trans_a, trans_b);
            let addend = args[2];
            Box::new(move |m, _| {
                let blob = (addend != y).then(|| m.get(addend));
                let beta = if blob.is_none() { T::ONE } else { T::ZERO };
                let finish = Finish { addend: blob, ..Default::default() };
                let (a, b, y) = (m.get(args[0]), m.get(args[1]), m.get_mut(y));
                matmul::matmul(&shape, T::ONE, a, b, beta, y, finish, m.get_mut(work));
            })
        }
        Kernel::PooledConv(fused, pool) => {
            let pooled = pooled_conv(fused, pool, &arg_shapes[0], &arg_shapes[1]);
            let (bias, index) = (fused.bias, outs[1]);
            Box::new(move |m, _| {
                let (x, w, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                let bias = bias.then(|| m.get(args[2]));
                pooled.forward(x, w, bias, [m.get_mut(y), m.get_mut(index)], work);
            })
        }
        _ => unreachable!("{} is one kernel", kernel.name()),
    }
}
