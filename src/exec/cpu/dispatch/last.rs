//! Prepares the steps on blobs whose channels lie last.

use super::{Call, Memory, Places, channels, conv_shape, least_conv_shape, pool_shape};
use crate::exec::Element;
use crate::exec::cpu::channels_last::{self as last, Sums, Then, Way};
use crate::exec::cpu::conv::{self, Addend};
use crate::exec::cpu::extents::lrn_of;
use crate::plan::Slot;
use crate::program::{FusedConv, Kernel};
use crate::ty::Shape;
use crate::window;

/// The extents of a convolution with packed weights.
fn packed_shape(fused: &FusedConv, x: &Shape, y: &Shape) -> conv::Shape {
    let outputs = y.channels_first().0[1];
    conv::Shape::new(&fused.conv, x.channels_first().dims(), outputs)
        .expect("the layer has checked the geometry")
}

/// What the last argument adds to a result, whose place it may have.
fn addend<'a, T: Element>(m: &'a Memory<T>, args: &[Slot], y: Slot) -> Addend<'a, T> {
    match args.last() {
        Some(&addend) if addend == y => Addend::InPlace,
        Some(&addend) => Addend::Blob(m.get(addend)),
        None => Addend::None,
    }
}

/// A convolution, or its gradient to the input, by the kernel that does it.
enum Convolution {
    /// Of packed weights.
    Packed(Sums),
    /// Of weights that are packed in every run.
    Packing(Sums),
    Tiled(conv::Shape),
    /// With a window for each channel; the gradient packs the weights in every run.
    Depthwise(conv::Shape, Way),
}

impl Convolution {
    fn fused<T: Element>(fused: &FusedConv, args: &[Shape], y: &Shape) -> Convolution {
        let shape = packed_shape(fused, &args[0], y);
        match fused.tiled {
            true => Convolution::Tiled(shape),
            false if Kernel::is_depthwise(&fused.conv, &args[1]) => {
                Convolution::Depthwise(shape, Way::Forward)
            }
            false => Convolution::Packed(Sums::new::<T>(&shape, Way::Forward)),
        }
    }

    fn input<T: Element>(conv: &window::Conv, w: &Shape, dx: &Shape) -> Convolution {
        let shape = conv_shape(conv, &dx.channels_first(), w);
        match Kernel::is_depthwise(conv, w) {
            true => Convolution::Depthwise(shape, Way::Input),
            false => Convolution::Packing(Sums::new::<T>(&shape, Way::Input)),
        }
    }

    fn run<T: Element>(&self, m: &Memory<T>, args: &[Slot], then: Then<T>, y: Slot, work: Slot) {
        let (x, w, y, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(y), m.get_mut(work));
        match self {
            Convolution::Packed(sums) => sums.run(x, w, then, y, work),
            Convolution::Packing(sums) => {
                let (packed, work) = work.split_at_mut(sums.packed_len());
                last::pack(sums, w, packed);
                sums.run(x, packed, then, y, work);
            }
            Convolution::Depthwise(shape, Way::Forward) => {
                last::depthwise(shape, Way::Forward, x, w, then, y);
            }
            Convolution::Depthwise(shape, Way::Input) => {
                last::depthwise_pack(shape, w, work);
                last::depthwise(shape, Way::Input, x, work, then, y);
            }
            Convolution::Tiled(shape) => last::tiles_forward(shape, x, w, then, y, work),
        }
    }
}

/// Elements of scratch that a step needs for `threads` to take part.
pub fn workspace_of<T: Element>(
    kernel: &Kernel,
    args: &[&Shape],
    outs: &[&Shape],
    threads: usize,
) -> usize {
    match kernel {
        Kernel::FusedConv(fused) => {
            let shape = packed_shape(fused, args[0], outs[0]);
            if fused.tiled {
                return last::tiles_workspace::<T>(&shape, threads);
            }
            if Kernel::is_depthwise(&fused.conv, args[1]) {
                return 0;
            }
            Sums::new::<T>(&shape, Way::Forward).workspace(threads)
        }
        Kernel::ConvInput(c) if Kernel::is_depthwise(c, args[1]) => args[1].count(),
        Kernel::ConvInput(c) => {
            let sums =
                Sums::new::<T>(&conv_shape(c, &outs[0].channels_first(), args[1]), Way::Input);
            sums.packed_len() + sums.workspace(threads)
        }
        Kernel::ConvFilter(c) => {
            let shape = conv_shape(c, &args[0].channels_first(), outs[0]);
            match Kernel::is_depthwise(c, outs[0]) {
                true => last::depthwise_weight_gradient_workspace(&shape),
                false => last::weight_gradient_workspace::<T>(&shape, threads),
            }
        }
        Kernel::TilesFilter(c) => {
            let shape = conv_shape(c, &args[0].channels_first(), outs[0]);
            last::tiles_weight_gradient_workspace::<T>(&shape, threads)
        }
        Kernel::MaskedConv(kernel) => workspace_of::<T>(kernel, args, outs, threads),
        Kernel::Moments
        | Kernel::Normalize(_)
        | Kernel::NormalizeSum(_)
        | Kernel::NormalizeGrad(_) => last::normalize_workspace(args[0].0[3]),
        _ => 0,
    }
}

/// Prepares one step.
pub(super) fn call<T: Element>(kernel: &Kernel, places: Places) -> Call<T> {
    let Places { args, arg_shapes, outs, out_shapes, work } = places;
    let y = outs[0];
    match kernel {
        Kernel::PackConv(c) => {
            let shape = least_conv_shape(c, &arg_shapes[0]);
            if Kernel::is_depthwise(c, &arg_shapes[0]) {
                return Box::new(move |m, _| {
                    last::depthwise_pack(&shape, m.get(args[0]), m.get_mut(y));
                });
            }
            let sums = Sums::new::<T>(&shape, Way::Forward);
            Box::new(move |m, _| last::pack(&sums, m.get(args[0]), m.get_mut(y)))
        }
        &Kernel::PackTiles { turned } => {
            let (first, second) = (arg_shapes[0].0[0], arg_shapes[0].0[1]);
            let (way, channels, outputs) = match turned {
                true => (Way::Input, first, second),
                false => (Way::Forward, second, first),
            };
            Box::new(move |m, _| {
                last::tiles_pack(way, channels, outputs, m.get(args[0]), m.get_mut(y));
            })
        }
        Kernel::FusedConv(fused) => {
            let conv = Convolution::fused::<T>(fused, &arg_shapes, &out_shapes[0]);
            let &FusedConv { bias, sum, relu, .. } = fused;
            Box::new(move |m, _| {
                let bias = bias.then(|| m.get(args[2]));
                let addend = if sum { addend(m, &args, y) } else { Addend::None };
                conv.run(m, &args, Then { bias, addend, relu, mask: None }, y, work);
            })
        }
        Kernel::ConvInput(c) => {
            let conv = Convolution::input::<T>(c, &arg_shapes[1], &out_shapes[0]);
            Box::new(move |m, _| conv.run(m, &args, Then::NOTHING, y, work))
        }
        Kernel::MaskedConv(kernel) => {
            let conv = match &**kernel {
                Kernel::FusedConv(fused) => {
                    Convolution::fused::<T>(fused, &arg_shapes, &out_shapes[0])
                }
                Kernel::ConvInput(c) => Convolution::input::<T>(c, &arg_shapes[1], &out_shapes[0]),
                kernel => panic!("internal error: {} has no mask", kernel.name()),
            };
            let mask = args[args.len() - 2];
            Box::new(move |m, _| {
                let (addend, mask) = (addend(m, &args, y), Some(m.get(mask)));
                conv.run(m, &args, Then { addend, mask, ..Then::NOTHING }, y, work);
            })
        }
        Kernel::ConvFilter(c) => {
            let shape = conv_shape(c, &arg_shapes[0].channels_first(), &out_shapes[0]);
            let depthwise = Kernel::is_depthwise(c, &out_shapes[0]);
            Box::new(move |m, _| {
                let (x, dy, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                match depthwise {
                    true => last::depthwise_weight_gradient(&shape, x, dy, m.get_mut(y), work),
                    false => last::weight_gradient(&shape, x, dy, m.get_mut(y), work),
                }
            })
        }
        Kernel::TilesFilter(c) => {
            let shape = conv_shape(c, &arg_shapes[0].channels_first(), &out_shapes[0]);
            Box::new(move |m, _| {
                let (x, dy, work) = (m.get(args[0]), m.get(args[1]), m.get_mut(work));
                last::tiles_weight_gradient(&shape, x, dy, m.get_mut(y), work);
            })
        }
        Kernel::MaxPool(p) => {
            let x = arg_shapes[0].channels_first();
            let (shape, channels, index) = (pool_shape(p, &x), x.0[1], outs[1]);
            Box::new(move |m, _| {
                let (y, index) = (m.get_mut(y), m.get_mut(index));
                last::max_forward(&shape, channels, m.get(args[0]), y, index);
            })
        }
        Kernel::MaxPoolGrad(p) => {
            let x = out_shapes[0].channels_first();
            let (shape, channels) = (pool_shape(p, &x), x.0[1]);
            Box::new(move |m, _| {
                let (dy, index) = (m.get(args[0]), m.get(args[1]));
                last::max_backward(&shape, channels, dy, index, m.get_mut(y));
            })
        }
        Kernel::AvePool(p) => {
            let x = arg_shapes[0].channels_first();
            let (shape, channels) = (pool_shape(p, &x), x.0[1]);
            Box::new(move |m, _| {
                last::average_forward(&shape, channels, m.get(args[0]), m.get_mut(y));
            })
        }
        Kernel::AvePoolGrad(p) => {
            let x = out_shapes[0].channels_first();
            let (shape, channels) = (pool_shape(p, &x), x.0[1]);
            Box::new(move |m, _| {
                last::average_backward(&shape, channels, m.get(args[0]), m.get_mut(y));
            })
        }
        Kernel::Lrn(l) => {
            let (lrn, channels, scale) = (lrn_of(l), arg_shapes[0].0[3], outs[1]);
            Box::new(move |m, _| {
                let (y, scale) = (m.get_mut(y), m.get_mut(scale));
                last::lrn_forward(&lrn, channels, m.get(args[0]), y, scale);
            })
        }
        Kernel::LrnGrad(l) => {
            let (lrn, channels) = (lrn_of(l), arg_shapes[0].0[3]);
            Box::new(move |m, _| {
                let given = [0, 1, 2, 3].map(|i| m.get(args[i]));
                last::lrn_backward(&lrn, channels, given, m.get_mut(y));
            })
        }
        Kernel::Moments => {
            let variance = outs[1];
            Box::new(move |m, _| {
                let (mean, variance) = (m.get_mut(y), m.get_mut(variance));
                last::moments(m.get(args[0]), mean, variance, m.get_mut(work));
            })
        }
        &Kernel::Normalize(n) => Box::new(move |m, _| {
            let (x, work) = (m.get(args[0]), m.get_mut(work));
            last::normalize(&channels(m, &n, &args), x, Addend::None, m.get_mut(y), work);
        }),
        &Kernel::NormalizeSum(n) => Box::new(move |m, _| {
            let (x, addend, work) = (m.get(args[0]), addend(m, &args, y), m.get_mut(work));
            last::normalize(&channels(m, &n, &args), x, addend, m.get_mut(y), work);
        }),
        &Kernel::NormalizeGrad(n) => Box::new(move |m, _| {
            let (x, dy) = (m.get(args[0]), m.get(args[args.len() - 1]));
            let affine = n.affine.then(|| (m.get_mut(outs[1]), m.get_mut(outs[2])));
            let (dx, work) = (m.get_mut(y), m.get_mut(work));
            last::normalize_backward(&channels(m, &n, &args), n.batch, x, dy, dx, affine, work);
        }),
        kernel => {
            panic!("internal error: {} has no form for channels that lie last", kernel.name())
        }
    }
}
