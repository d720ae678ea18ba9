//! Joins a maximum pooling with the convolution before it: the blob between them is never written as a whole.

use super::fold::{producer, uses};
use super::{FusedConv, Kernel, Program, Step, ValueId};

/// Most elements of an image of the blob between them, which should stay in a cache.
const LARGEST: usize = 48 * 1024;

/// Images from which on each is a task of its own, so that threads have work.
const IMAGES: usize = 4;

/// Multiply-adds of an image for which more than one thread is of no use anyway.
const FEW: usize = 2_000_000;

/// Rewrites a program in place. Results are the same; values stay where they are, and convolutions that nobody reads any
/// more are left to [`simplify`](super::simplify()).
pub fn join_pooling(program: &mut Program) {
    let uses = uses(program);
    for number in 0..program.steps.len() {
        let step = &program.steps[number];
        let is_output = |v: ValueId| program.outputs.iter().any(|(_, output)| *output == v);
        let read_once = |v: ValueId| uses[v.0 as usize] == 1 && !is_output(v);
        let is_read = |step: &Step| step.args.first().is_some_and(|&v| read_once(v));
        let joined = is_read(step).then(|| joined(program, step)).flatten();
        if let Some((kernel, args)) = joined {
            let origin = producer(program, step.args[0]).map_or(step.origin, |step| step.origin);
            let step = &mut program.steps[number];
            (step.kernel, step.args, step.origin) = (kernel, args, origin);
        }
    }
}

/// The kernel that does the work of a pooling and of the convolution before it, and its arguments.
fn joined(program: &Program, step: &Step) -> Option<(Kernel, Vec<ValueId>)> {
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
    (pays && blob.rank() == 4)
        .then(|| (Kernel::PooledConv(fused, pool.clone()), before.args.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Builder, simplify, verify};
    use crate::ty::Shape;
    use crate::window::{Axis, Conv, Pool, Rounding};

    fn kernels(watched: bool, extent: usize) -> Vec<&'static str> {
        let mut b = Builder::new();
        let x = b.input("x", Shape::from([4, 3, extent, extent]));
        let w = b.input("w", Shape::from([6, 3, 3, 3]));
        let y = b.conv(x, w, None, Conv { axes: vec![Axis::new(3, 1, 1); 2], group: 1 });
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
}
