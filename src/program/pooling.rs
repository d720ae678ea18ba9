//! Joins a maximum pooling with the convolution before it: the blob between them is never written as a whole.
//!
//! Where windows of the convolution are 5 x 5 and those of the pooling 2 x 2, a window of the pooling sees one tile of
//! F(2 x 2, 5 x 5) of Lavin and Gray (CVPR 2016), which takes a third of the multiplications.

use std::collections::HashMap;

use super::fold::{producer, uses};
use super::{FusedConv, Kernel, Program, Step, ValueId};
use crate::ty::Shape;
use crate::window::{Axis, Pool};

/// Most elements of an image of the blob between them, which should stay in a cache.
const LARGEST: usize = 48 * 1024;

/// Images from which on each is a task of its own, so that threads have work.
const IMAGES: usize = 4;

/// Multiply-adds of an image for which more than one thread is of no use anyway.
const FEW: usize = 2_000_000;

/// Channels on either side from which and up to which tiles pay: transforms take as long as few products, and the pixels of a
/// task should stay in a cache.
const TILED: std::ops::RangeInclusive<usize> = 8..=128;

/// Tiles that fill the registers of the widest machine.
const TILES: usize = 16;

/// Rewrites a program in place. Results are the same; values stay where they are, and convolutions that nobody reads any
/// more are left to [`simplify`](super::simplify()).
pub fn join_pooling(program: &mut Program) {
    let uses = uses(program);
    let count = program.steps.len();
    // The packed weights of each convolution's, and the step before which they are packed.
    let mut packed: HashMap<ValueId, ValueId> = HashMap::new();
    let mut before = vec![];
    for number in 0..count {
        let step = &program.steps[number];
        let is_output = |v: ValueId| program.outputs.iter().any(|(_, output)| *output == v);
        let read_once = |v: ValueId| uses[v.0 as usize] == 1 && !is_output(v);
        let is_read = |step: &Step| step.args.first().is_some_and(|&v| read_once(v));
        let joined = is_read(step).then(|| joined(program, step)).flatten();
        if let Some((mut fused, pool, mut args)) = joined {
            let blob = program.shape(step.args[0]);
            let tiled = by_tiles(&fused, &pool, program.shape(args[0]), blob);
            let origin = producer(program, step.args[0]).map_or(step.origin, |step| step.origin);
            if tiled {
                let weights = plain_weights(program, args[1]);
                args[1] = *packed.entry(weights).or_insert_with(|| {
                    before.push(number);
                    let kernel =
                        Kernel::ChannelsLast(Box::new(Kernel::PackTiles { turned: false }));
                    program.step(kernel, &[weights], None, origin)[0]
                });
                (fused.packed, fused.tiled) = (true, true);
            }
            let step = &mut program.steps[number];
            (step.kernel, step.args, step.origin) = (Kernel::PooledConv(fused, pool), args, origin);
        }
    }
    let mut packings = before.into_iter().zip(program.steps.split_off(count)).peekable();
    let mut steps = vec![];
    for (number, step) in std::mem::take(&mut program.steps).into_iter().enumerate() {
        steps.extend(packings.next_if(|(before, _)| *before == number).map(|(_, step)| step));
        steps.push(step);
    }
    program.renumber(steps);
}

/// Whether a pooling and the convolution before it, from blobs like `x` to blobs like `y`, go by tiles.
fn by_tiles(fused: &FusedConv, pool: &Pool, x: &Shape, y: &Shape) -> bool {
    let five = |a: &Axis| (a.kernel, a.stride, a.dilation) == (5, 1, 1);
    let two =
        |a: &Axis| (a.kernel, a.stride, a.dilation) == (2, 2, 1) && a.pad_before + a.pad_after == 0;
    let (height, width) = (y.0[2], y.0[3]);
    let tiles = height * width / 4;
    let filled = tiles.next_multiple_of(TILES) * 3 <= tiles * 5;
    let even = height.is_multiple_of(2) && width.is_multiple_of(2);
    let channels = TILED.contains(&x.0[1]) && TILED.contains(&y.0[1]);
    fused.conv.axes.iter().all(five) && pool.axes.iter().all(two) && even && filled && channels
}

/// A convolution's weights before they were packed.
fn plain_weights(program: &Program, weights: ValueId) -> ValueId {
    match producer(program, weights) {
        Some(Step { kernel: Kernel::PackConv(_), args, .. }) => args[0],
        _ => weights,
    }
}

/// A pooling, the convolution before it where one kernel is to do the work of both, and the arguments of that.
fn joined(program: &Program, step: &Step) -> Option<(FusedConv, Pool, Vec<ValueId>)> {
    let Kernel::MaxPool(pool) = &step.kernel else { return None };
    let before = producer(program, step.args[0])?;
    let fused = match &before.kernel {
        Kernel::Conv(conv) => {
            let (conv, bias) = (conv.clone(), 2 < before.args.len());
            FusedConv { conv, bias, sum: false, relu: false, packed: false, tiled: false }
        }
        Kernel::FusedConv(fused) if !fused.sum && !fused.tiled => fused.clone(),
        _ => return None,
    };
    let (blob, weights) = (program.shape(step.args[0]), program.shape(before.args[1]));
    let image = blob.count_of(1..blob.rank());
    let few = image * weights.count_of(1..weights.rank()) <= FEW;
    let pays = image <= LARGEST && (few || IMAGES <= blob.0[0]) && fused.conv.group == 1;
    (pays && blob.rank() == 4).then(|| (fused, pool.clone(), before.args.clone()))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::program::{Builder, simplify, verify};
    use crate::window::{Conv, Rounding};

    fn kernels(watched: bool, extent: usize) -> Vec<Cow<'static, str>> {
        kernels_of(watched, [3, extent], [6, 3])
    }

    fn kernels_of(
        watched: bool,
        [channels, extent]: [usize; 2],
        [outputs, side]: [usize; 2],
    ) -> Vec<Cow<'static, str>> {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([4, channels, extent, extent]));
        let w = b.input("w", Shape::from([outputs, channels, side, side]));
        let y = b.conv(x, w, None, Conv { axes: vec![Axis::new(side, 1, side / 2); 2], group: 1 });
        let axes = [Axis::new(2, 2, 0); 2];
        let pool = Pool { axes, rounding: Rounding::Ceil, count_pad: true };
        let (top, _) = b.max_pool(y, pool);
        b.output("top", top);
        if watched {
            b.output("y", y);
        }
        let mut program = b.finish();
        join_pooling(&mut program);
        simplify(&mut program);
        assert_eq!(verify(&program), Ok(()));
        program.steps.iter().map(|step| step.kernel.name()).collect()
    }

    #[test]
    fn a_small_blob_that_only_its_pooling_reads_is_not_written() {
        assert_eq!(kernels(false, 8), ["pooled-conv"]);
        assert_eq!(kernels(true, 8), ["conv", "max-pool"]);
        assert_eq!(kernels(false, 100), ["conv", "max-pool"]);
    }

    #[test]
    fn tiles_are_for_windows_that_see_one_each() {
        assert_eq!(kernels_of(false, [20, 8], [50, 5]), ["pack-tiles", "pooled-conv"]);
        for (blob, weights) in [([20, 9], [50, 5]), ([3, 8], [50, 5]), ([20, 8], [50, 3])] {
            assert_eq!(kernels_of(false, blob, weights), ["pooled-conv"]);
        }
    }
}
