//! Prepares the steps that do the work of two.

use super::{Call, Places, conv_shape, pool_shape, product};
use crate::exec::Element;
use crate::exec::cpu::conv;
use crate::exec::cpu::matmul::{self, Finish};
use crate::program::{FusedConv, Kernel};
use crate::ty::Shape;
use crate::window::Pool;

/// A convolution and the pooling of its output, image by image or by tiles.
pub(super) enum PooledConv {
    Images(conv::Pooled),
    Tiles(conv::PooledTiles),
}

/// What a kernel of this kind does with blobs of these shapes.
pub(super) fn pooled_conv(
    fused: &FusedConv,
    pool: &Pool,
    x: &Shape,
    w: &Shape,
    y: &Shape,
) -> PooledConv {
    let conv = conv_shape(&fused.conv, x, &fused.weights(w, y.0[1]));
    let &FusedConv { relu, packed, .. } = fused;
    if fused.tiled {
        return PooledConv::Tiles(conv::PooledTiles { conv, relu });
    }
    let [_, height, width] = conv.windows.output;
    let image = Shape::from([1, conv.out_channels, height, width]);
    PooledConv::Images(conv::Pooled { conv, pool: pool_shape(pool, &image), relu, packed })
}

impl PooledConv {
    /// Elements of scratch for `threads` to take part.
    pub(super) fn workspace<T: Element>(&self, threads: usize) -> usize {
        match self {
            PooledConv::Images(conv) => conv.workspace::<T>(threads),
            PooledConv::Tiles(conv) => conv.workspace::<T>(threads),
        }
    }
}

/// Prepares one step.
pub(super) fn call<T: Element>(kernel: &Kernel, places: Places) -> Call<T> {
    let Places { args, arg_shapes, outs, out_shapes, work } = places;
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
            let pooled = pooled_conv(fused, pool, &arg_shapes[0], &arg_shapes[1], &out_shapes[0]);
            let (bias, index) = (fused.bias, outs[1]);
            Box::new(move |m, _| {
                let (x, w, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                let bias = bias.then(|| m.get(args[2]));
                let outs = [m.get_mut(y), m.get_mut(index)];
                match &pooled {
                    PooledConv::Images(conv) => conv.forward(x, w, bias, outs, work),
                    PooledConv::Tiles(conv) => conv.forward(x, w, bias, outs, work),
                }
            })
        }
        _ => unreachable!("{} is one kernel", kernel.name()),
    }
}
