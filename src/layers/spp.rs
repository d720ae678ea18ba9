//! Spatial pyramid pooling: an image of any size as a vector of fixed length.

use super::coordinates::PerAxis;
use super::pooling::{METHODS, Method, Pooling};
use super::prelude::*;

params! {
    /// Pools `N x C x H x W` over 1, 4, 16, ... bins and joins the results (He et al. 2014).
    ///
    /// Level `l` has windows of ceil(extent / 2^l) that touch, with the padding that centres them, as Caffe composes
    /// it from its own pooling. A level whose padding would reach the window's extent is refused as there: 5 x 5 has
    /// no third level. A pyramid of one level keeps four axes, others give `N x K`.
    pub struct Spp {
        /// Number of levels.
        pyramid_height: usize = 0,
        /// What becomes of a window.
        method: Method = Method::Max,
    }
}

/// The description of [`Spp`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("SPP", |a| {
        let p = a.section("spp_param");
        p.ignore(&["engine"]);
        Spp {
            pyramid_height: p.required("pyramid_height", Args::usize),
            method: p.choice("pool", &METHODS).unwrap_or(Method::Max),
        }
        .into()
    })],
    ..LayerSpec::new("SPP", Category::Pooling, Spp::DOCS)
};

impl Spp {
    /// The pooling of a level for a blob of four axes.
    fn level(&self, shape: &Shape, level: usize) -> Pooling {
        let bins = 1usize.checked_shl(level as u32).unwrap_or(usize::MAX);
        let window = |i: usize| shape.dims()[i].div_ceil(bins);
        let pad = |i: usize| (window(i).saturating_mul(bins) - shape.dims()[i]).div_ceil(2);
        let kernel = PerAxis { values: vec![window(2), window(3)] };
        Pooling {
            method: self.method,
            stride: kernel.clone(),
            kernel,
            pad: PerAxis { values: vec![pad(2), pad(3)] },
            ..Pooling::default()
        }
    }
}

impl LayerOps for Spp {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if shape.rank() != 4 || shape.dims()[2..].contains(&0) {
            return cx.fail_bottom(0, "pooling needs a blob of 4 axes, N x C x H x W");
        }
        cx.not_zero("pyramid_height", self.pyramid_height)?;
        let mut length = 0usize;
        for level in 0..self.pyramid_height {
            let pooling = self.level(shape, level);
            let small = |i: usize| pooling.kernel.values[i] <= pooling.pad.values[i];
            if small(0) || small(1) {
                let (number, size) = (level + 1, Shape::from(&shape.dims()[2..]));
                let why = format!("an image of {size} is too small for level {number}");
                return cx.fail(&["pyramid_height"], why);
            }
            let top = pooling.top(cx)?;
            if self.pyramid_height == 1 {
                return Ok(Signature::of(top));
            }
            length = length.saturating_add(top.count_of(1..4));
        }
        Ok(Signature::of([shape.dims()[0], length].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let shape = b.shape(x).clone();
        let mut levels = vec![];
        for level in 0..self.pyramid_height {
            let y = self.level(&shape, level).pooled(b, x, cx.phase)[0];
            if self.pyramid_height == 1 {
                return vec![y];
            }
            let length = b.shape(y).count_of(1..4);
            levels.push(b.view(y, [shape.dims()[0], length]));
        }
        vec![b.concat(&levels, 1)]
    }

    /// A pyramid of one level is Caffe's pooling.
    fn in_place(&self, _tops: usize) -> Option<InPlace> {
        (self.pyramid_height == 1).then_some(InPlace::Garbled)
    }

    fn detail(&self) -> String {
        match self.pyramid_height {
            1 => "1 level".into(),
            n => format!("{n} levels"),
        }
    }
}
