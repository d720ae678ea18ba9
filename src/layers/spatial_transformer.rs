//! An image seen through an affine map of its own.

use super::constants::constants;
use super::flow_warp::sample;
use super::prelude::*;

params! {
    /// The image at the places θ (r, c, 1), between pixels by their four neighbours, for each pixel of the top (Jaderberg et al.
    /// 2015, Spatial Transformer Networks; the layer of github.com/daerduoCarey/SpatialTransformerLayer).
    ///
    /// Bottoms: images `N x C x H x W` and for each the elements of the 2 x 3 matrix θ, row by row, that the layer does not fix.
    /// Rows and columns r and c of the top begin at -1 and end a pixel before 1. The first row of θ gives rows of the image and
    /// the second one columns, from -1 at the first pixel to 1 behind the last one; outside of the image there are zeros.
    pub struct SpatialTransformer {
        /// Height of the top; none: that of the images.
        height: Option<usize> = None,
        /// Width of the top; none: that of the images.
        width: Option<usize> = None,
        /// The elements of θ that are no bottom.
        fixed: [Option<f64>; 6] = [None; 6],
        /// Whether the images have a gradient.
        image_gradient: bool = true,
    }
}

/// The names of the elements of θ.
const THETA: [&str; 6] =
    ["theta_1_1", "theta_1_2", "theta_1_3", "theta_2_1", "theta_2_2", "theta_2_3"];

/// The description of [`SpatialTransformer`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[caffe("SpatialTransformer", |a| {
        let p = a.section("st_param");
        p.choice("transform_type", &[("affine", ())]);
        p.choice("sampler_type", &[("bilinear", ())]);
        let extent = |key| {
            let extent = p.usize(key);
            p.not_zero(key, extent);
            extent
        };
        SpatialTransformer {
            height: extent("output_H"),
            width: extent("output_W"),
            fixed: THETA.map(|key| p.float(key)),
            image_gradient: p.bool("to_compute_dU").unwrap_or(true),
        }
        .into()
    })],
    ..LayerSpec::new("SpatialTransformer", Category::Shape, SpatialTransformer::DOCS)
};

impl LayerOps for SpatialTransformer {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let &[items, channels, height, width] = cx.bottom(0).dims() else {
            return cx.fail_bottom(0, "needs images, N x C x H x W");
        };
        cx.same_batch(0, 1)?;
        let free = self.fixed.iter().filter(|fixed| fixed.is_none()).count();
        let theta = cx.bottom(1);
        if theta.count_of(1..theta.rank()) != free {
            let given = theta.count_of(1..theta.rank());
            let why =
                format!("{given} numbers for the {free} elements of theta that are not fixed");
            return cx.fail_bottom(1, why);
        }
        let [high, wide] = [self.height.unwrap_or(height), self.width.unwrap_or(width)];
        Ok(Signature::of([items, channels, high, wide].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let [items, _, high, wide] = [0, 1, 2, 3].map(|i| cx.top(0).dims()[i]);
        let [height, width] = [2, 3].map(|i| b.shape(cx.bottoms[0]).dims()[i]);
        let places = high * wide;
        let mut taken = 0;
        let free = self.fixed.iter().filter(|fixed| fixed.is_none()).count();
        let given = b.view(cx.bottoms[1], [items, free]);
        let theta: Vec<ValueId> = (self.fixed.iter())
            .map(|fixed| match fixed {
                Some(value) => b.fill(*value, [items, 1].into()),
                None => {
                    taken += 1;
                    b.slice(given, 1, taken - 1, 1)
                }
            })
            .collect();
        let theta = b.concat(&theta, 1);
        let theta = b.view(theta, [items * 2, 3]);
        // A number for each pixel of the top.
        let all = |of: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..places).map(|at| of(at / wide, at % wide)).collect()
        };
        let part = |i: usize, n: usize| i as f64 / n as f64 * 2.0 - 1.0;
        let grid = [all(&|r, _| part(r, high)), all(&|_, c| part(c, wide)), vec![1.0; places]];
        let grid = constants(b, [3, places], grid.concat());
        let seen = b.matmul(theta, false, grid, false, None);
        let seen = b.view(seen, [items, 2, places]);
        // A frame of zeros gives pixels at the border their outer neighbours.
        let mut images = cx.bottoms[0];
        if !self.image_gradient {
            images = b.stop(images);
        }
        images = b.pad(images, 2, 1, height + 2);
        images = b.pad(images, 3, 1, width + 2);
        let mut moves = vec![];
        for (row, extent, own) in
            [(1, width, all(&|_, c| c as f64)), (0, height, all(&|r, _| r as f64))]
        {
            let place = b.slice(seen, 1, row, 1);
            let own = constants(b, [1, 1, places], own);
            let moved = (arg(0) + 1.0) * (extent as f64 / 2.0) + 1.0 - arg(1);
            moves.push(b.map(&[place, own], &moved));
        }
        let flow = b.concat(&moves, 1);
        let flow = b.view(flow, [items, 2, high, wide]);
        vec![sample(b, images, flow)]
    }

    fn detail(&self) -> String {
        match self.fixed.iter().flatten().count() {
            0 => "affine".into(),
            n => format!("affine, {n} elements fixed"),
        }
    }
}
