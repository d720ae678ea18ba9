//! Makes images smaller without learning through it, as FlowNet does with the flow it learns from.

use super::prelude::*;
use super::resample::target;
use super::separable::{Map, map_images};

params! {
    /// Resizes the last two axes of `N x C x H x W` so that the corners stay where they are; no gradient passes.
    ///
    /// A layer of FlowNet's fork of Caffe (Dosovitskiy et al. 2015). A pixel is the mean of those around its place, which count
    /// less the further away they are, down to nothing at the distance of its neighbours. Pixels that are no numbers, where a
    /// flow is not known, are left out; where they weigh more than half of the others there is no number. The size is that of
    /// the second bottom, if there is one.
    pub struct Downsample {
        /// Height of the top, without a second bottom.
        height: usize = 0,
        /// Width of the top.
        width: usize = 0,
    }
}

/// The description of [`Downsample`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("Downsample", |a| {
        let p = a.section("downsample_param");
        let [height, width] = [p.usize("top_height"), p.usize("top_width")];
        Downsample { height: height.unwrap_or(0), width: width.unwrap_or(0) }.into()
    })],
    ..LayerSpec::new("Downsample", Category::Shape, Downsample::DOCS)
};

/// The map along an axis.
fn map([to, from]: [usize; 2]) -> Map {
    let scale = (from - 1) as f64 / (to - 1) as f64;
    let radius = scale.ceil();
    Map::of_means(to, from, |i, j| {
        let at = i as f64 / (to - 1) as f64 * (from - 1) as f64;
        match (j as f64 - at.round()).abs() <= radius {
            true => (1.0 - (j as f64 - at).abs() / scale).max(0.0),
            false => 0.0,
        }
    })
}

impl LayerOps for Downsample {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let keys = ["top_height", "top_width"];
        let top = target(cx, [self.height, self.width], &keys)?;
        let sides = |shape: &crate::ty::Shape| [shape.dims()[2], shape.dims()[3]];
        let (from, to) = (sides(cx.bottom(0)), sides(&top));
        if from != to && from.iter().chain(&to).any(|&side| side < 2) {
            let why = format!("{} cannot become {top}: each side needs two pixels", cx.bottom(0));
            return cx.fail(&keys, why);
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (x, top) = (b.stop(cx.bottoms[0]), cx.top(0).clone());
        let from = b.shape(x).clone();
        if from == top {
            return vec![x];
        }
        let [rows, columns] = [2, 3].map(|axis| map([top.dims()[axis], from.dims()[axis]]));
        // A number that is not itself is none.
        let is_number = || arg(0).le(f64::INFINITY) + arg(0).gt(f64::INFINITY);
        let known = b.map(&[x], &is_number());
        let values = b.map(&[x], &select(is_number(), arg(0), constant(0.0)));
        let sums = map_images(b, values, &rows, &columns);
        let known = map_images(b, known, &rows, &columns);
        let unknown = (constant(1.0) - arg(1)).gt(arg(1) * 0.5);
        // The logarithm of a negative number is none.
        let none = (constant(-1.0) - arg(1)).ln();
        vec![b.map(&[sums, known], &select(unknown, none, arg(0) / arg(1)))]
    }
}
