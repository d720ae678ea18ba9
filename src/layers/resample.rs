//! Resizes images without learning through it, as FlowNet 2 does.

use super::prelude::*;
use super::separable::{Map, map_images};

/// How a pixel is made of those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest one.
    Nearest,
    /// By a triangle.
    Linear,
    /// By the cubic of Keys with a = -1/2.
    Cubic,
}

params! {
    /// Resizes the last two axes of `N x C x H x W`; no gradient passes.
    ///
    /// A layer of FlowNet 2's fork of Caffe (Ilg et al. 2017). With f the ratio of the sizes, pixel i of the result lies at
    /// i f_x + f_y / 2 - 1/2 of the bottom, for rows likewise with the two exchanged, as there; it is the mean of the pixels
    /// around, weighted by the filter. Where the result is smaller, `antialias` makes the filter as wide as f. The size is that
    /// of the second bottom, if there is one.
    pub struct Resample {
        /// Height of the top, without a second bottom.
        height: usize = 0,
        /// Width of the top.
        width: usize = 0,
        /// How a pixel is made of those around it.
        filter: Filter = Filter::Linear,
        /// Whether the filter grows where the result is smaller.
        antialias: bool = true,
    }
}

/// The description of [`Resample`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("Resample", |a| Resample::read(a).into())],
    ..LayerSpec::new("Resample", Category::Shape, Resample::DOCS)
};

/// The weight of a pixel `x` away, in the filter's own unit.
fn weight(filter: Filter, x: f64) -> f64 {
    let x = x.abs();
    match filter {
        Filter::Nearest | Filter::Linear => (1.0 - x).max(0.0),
        Filter::Cubic if x <= 1.0 => x * x * (1.5 * x - 2.5) + 1.0,
        Filter::Cubic if x < 2.0 => x * (x * (-0.5 * x + 2.5) - 4.0) + 2.0,
        Filter::Cubic => 0.0,
    }
}

impl Resample {
    fn read(a: &Args) -> Self {
        let p = a.section("resample_param");
        let types = [
            ("NEAREST", Some(Filter::Nearest)),
            ("LINEAR", Some(Filter::Linear)),
            ("CUBIC", Some(Filter::Cubic)),
            ("AREA", None),
        ];
        let filter = p.choice_from("type", 1, &types).unwrap_or(Some(Filter::Linear));
        if filter.is_none() {
            p.wrong("type", "that fork does not compute AREA; NEAREST, LINEAR and CUBIC are there");
        }
        p.ignore(&["factor"]);
        Resample {
            height: p.usize("height").unwrap_or(0),
            width: p.usize("width").unwrap_or(0),
            filter: filter.unwrap_or(Filter::Linear),
            antialias: p.bool("antialias").unwrap_or(true),
        }
    }

    /// The map along an axis; `other` are the extents of the other one, after and before.
    fn map(&self, [to, from]: [usize; 2], other: [usize; 2]) -> Map {
        let [own, other] = [[to, from], other].map(|[to, from]| from as f64 / to as f64);
        let at = |i: usize| i as f64 * own + other / 2.0 - 0.5;
        if self.filter == Filter::Nearest {
            let last = from as f64 - 1.0;
            let nearest = |i: usize| at(i).round().clamp(0.0, last) as usize;
            return Map::of_means(to, from, |i, j| if nearest(i) == j { 1.0 } else { 0.0 });
        }
        let smaller = 1.0 < own || 1.0 < other;
        let unit = if self.antialias && smaller { 1.0 / own } else { 1.0 };
        let kernel = if self.filter == Filter::Cubic { 4.0 } else { 2.0 };
        let radius = if own < 1.0 { 2.0 } else { (kernel / unit).ceil() };
        Map::of_means(to, from, |i, j| {
            let (at, pixel) = (at(i), j as f64);
            match (pixel - at.round()).abs() <= radius {
                true => weight(self.filter, unit * (at - pixel)),
                false => 0.0,
            }
        })
    }
}

/// The height and width that a layer makes: those of its second bottom, or what its message says.
pub(super) fn target(cx: &Infer, said: [usize; 2], keys: &[&str]) -> Result<Shape, Reported> {
    let rank = cx.bottoms.iter().position(|bottom| bottom.rank() != 4);
    if let Some(i) = rank {
        return cx.fail_bottom(i, format!("needs N x C x H x W, and there is {}", cx.bottom(i)));
    }
    let [height, width] = match cx.bottoms {
        [_, like] => [like.dims()[2], like.dims()[3]],
        _ => said,
    };
    if height == 0 || width == 0 {
        let why = format!("{} must be given, or a second bottom of that size", keys.join(" and "));
        return cx.fail(keys, why);
    }
    Ok(cx.bottom(0).with(2, height).with(3, width))
}

impl LayerOps for Resample {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let keys = ["height", "width"];
        Ok(Signature::of(target(cx, [self.height, self.width], &keys)?))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (x, top) = (b.stop(cx.bottoms[0]), cx.top(0).clone());
        let from = b.shape(x).dims().to_vec();
        let sizes = [2, 3].map(|axis| [top.dims()[axis], from[axis]]);
        let (rows, columns) = (self.map(sizes[0], sizes[1]), self.map(sizes[1], sizes[0]));
        vec![map_images(b, x, &rows, &columns)]
    }

    fn detail(&self) -> String {
        format!("{:?}", self.filter).to_lowercase()
    }
}
