//! The default boxes of a single-shot detector.

use super::prelude::*;

params! {
    /// Default boxes around every pixel of a feature map (SSD, Liu et al. 2016, section 2.2): `1 x 2 x 4·boxes`.
    ///
    /// The bottoms are the feature map and the image; only their sizes count. The first channel has xmin, ymin, xmax
    /// and ymax of each box in parts of the image, the second their variances. At each pixel and for each `min_size`
    /// there are a square of that size, one of sqrt(min · max) if there is a `max_size`, and a rectangle of the same
    /// area for each aspect ratio. As in the SSD fork of Caffe, sizes are truncated to whole pixels. It has no
    /// gradient.
    pub struct PriorBox {
        /// Sizes of the small squares, in pixels of the image.
        min_sizes: Vec<f64> = vec![],
        /// None, or for each a larger size.
        max_sizes: Vec<f64> = vec![],
        /// Width through height; 1 is always there, repeated ones count once.
        aspect_ratios: Vec<f64> = vec![],
        /// Whether 1 / ratio is taken as well.
        flip: bool = true,
        /// Whether boxes end at the edges of the image.
        clip: bool = false,
        /// One variance for all coordinates, or four.
        variances: Vec<f64> = vec![0.1],
        /// Height and width of the image; that of the second bottom if not given.
        image: Option<[usize; 2]> = None,
        /// Distance of boxes along height and width in pixels of the image; image / feature map if not given.
        step: Option<[f64; 2]> = None,
        /// Where in its step a box has its centre.
        offset: f64 = 0.5,
    }
}

/// The description of [`PriorBox`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[caffe("PriorBox", |a| PriorBox::read(&a.section("prior_box_param")).into())],
    ..LayerSpec::new("PriorBox", Category::Shape, PriorBox::DOCS)
};

impl PriorBox {
    fn read(p: &Args) -> Self {
        let (min_sizes, max_sizes) = (p.floats("min_size"), p.floats("max_size"));
        if min_sizes.is_empty() {
            p.need::<f64>("min_size", None);
        }
        if !max_sizes.is_empty() && max_sizes.len() != min_sizes.len() {
            p.wrong("max_size", "there must be as many `max_size` as `min_size`, or none");
        }
        if min_sizes.iter().any(|&min| !(1.0..1e9).contains(&min)) {
            p.wrong("min_size", "a `min_size` is at least one pixel");
        }
        if max_sizes.iter().zip(&min_sizes).any(|(&max, &min)| !(min < max && max < 1e9)) {
            p.wrong("max_size", "a `max_size` must be greater than its `min_size`");
        }
        let aspect_ratios = p.floats("aspect_ratio");
        if aspect_ratios.iter().any(|&ratio| !(ratio.is_finite() && 0.0 < ratio)) {
            p.wrong("aspect_ratio", "an `aspect_ratio` must be greater than 0");
        }
        let mut variances = p.floats("variance");
        if variances.is_empty() {
            variances.push(f64::from(0.1f32));
        }
        if ![1, 4].contains(&variances.len()) || !variances.iter().all(|&v| 0.0 < v) {
            p.wrong("variance", "give one `variance` or four, each greater than 0");
        }
        let image = pair(p, ["img_size", "img_h", "img_w"], |key| p.usize(key));
        if image.is_some_and(|image| image.contains(&0)) {
            p.wrong("img_size", "the size of the image must not be 0");
        }
        let step = pair(p, ["step", "step_h", "step_w"], |key| p.float(key));
        if step.is_some_and(|step| !step.iter().all(|&step| 0.0 < step)) {
            p.wrong("step", "a step must be greater than 0");
        }
        PriorBox {
            min_sizes,
            max_sizes,
            aspect_ratios,
            flip: p.bool("flip").unwrap_or(true),
            clip: p.bool("clip").unwrap_or(false),
            variances,
            image,
            step,
            offset: p.float("offset").unwrap_or(0.5),
        }
    }

    /// Width and height of the boxes at one pixel, in pixels of the image.
    fn sizes(&self) -> Vec<[f64; 2]> {
        let mut ratios: Vec<f64> = vec![1.0];
        for &ratio in &self.aspect_ratios {
            if ratios.iter().all(|known| 1e-6 <= (ratio - known).abs()) {
                ratios.push(ratio);
                ratios.extend(self.flip.then_some(1.0 / ratio));
            }
        }
        let mut sizes = vec![];
        for (i, min) in self.min_sizes.iter().map(|min| min.trunc()).enumerate() {
            sizes.push([min, min]);
            if let Some(max) = self.max_sizes.get(i) {
                let side = (min * max.trunc()).sqrt();
                sizes.push([side, side]);
            }
            let rectangles = ratios.iter().filter(|&&ratio| 1e-6 <= (ratio - 1.0).abs());
            sizes.extend(rectangles.map(|ratio| [min * ratio.sqrt(), min / ratio.sqrt()]));
        }
        sizes
    }
}

/// One value for both axes, or one each for height and width.
fn pair<T: Copy>(
    a: &Args,
    [both, h, w]: [&'static str; 3],
    read: impl Fn(&'static str) -> Option<T>,
) -> Option<[T; 2]> {
    match (read(both), read(h), read(w)) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            a.wrong(both, format!("`{both}` and `{h}`/`{w}` exclude each other"));
            None
        }
        (Some(one), None, None) => Some([one, one]),
        (None, Some(high), Some(wide)) => Some([high, wide]),
        (None, None, None) => None,
        (None, high, _) => {
            let (written, missing) = if high.is_some() { (h, w) } else { (w, h) };
            a.wrong(written, format!("`{written}` needs `{missing}` beside it"));
            None
        }
    }
}

impl LayerOps for PriorBox {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        for i in 0..2 {
            let shape = cx.bottom(i);
            if shape.rank() != 4 || shape.dims()[2..].contains(&0) {
                return cx.fail_bottom(i, "default boxes need images, N x C x H x W");
            }
        }
        let map = cx.bottom(0).dims();
        let boxes = map[2].saturating_mul(map[3]).saturating_mul(self.sizes().len());
        Ok(Signature::of([1, 2, boxes.saturating_mul(4)].into()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let size = |i: usize| {
            let dims = b.shape(cx.bottoms[i]).dims();
            [dims[2], dims[3]]
        };
        let (map, image) = (size(0), self.image.unwrap_or_else(|| size(1)));
        b.native(Boxes { layer: self.clone(), map, image }, &[])
    }

    fn detail(&self) -> String {
        format!("{} boxes a pixel", self.sizes().len())
    }
}

/// `() -> boxes and variances`.
#[derive(Debug, PartialEq)]
struct Boxes {
    layer: PriorBox,
    map: [usize; 2],
    image: [usize; 2],
}

impl Operation for Boxes {
    const NAME: &'static str = "prior-box";

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        let boxes = self.map[0] * self.map[1] * self.layer.sizes().len();
        vec![[1, 2, 4 * boxes].into()]
    }

    fn forward<T: Real>(&self, _args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (layer, sizes) = (&self.layer, self.layer.sizes());
        let [high, wide] = self.image.map(|extent| extent as f64);
        let step = [high / self.map[0] as f64, wide / self.map[1] as f64];
        let step = layer.step.unwrap_or(step);
        let half = outs[0].data.len() / 2;
        let (coordinates, variances) = outs[0].data.split_at_mut(half);
        let mut pixels = coordinates.chunks_exact_mut(4 * sizes.len());
        for h in 0..self.map[0] {
            for (w, boxes) in (0..self.map[1]).zip(&mut pixels) {
                let y = (h as f64 + layer.offset) * step[0];
                let x = (w as f64 + layer.offset) * step[1];
                for (&[width, height], to) in sizes.iter().zip(boxes.chunks_exact_mut(4)) {
                    let corners = [
                        (x - width / 2.0) / wide,
                        (y - height / 2.0) / high,
                        (x + width / 2.0) / wide,
                        (y + height / 2.0) / high,
                    ];
                    for (to, corner) in to.iter_mut().zip(corners) {
                        let corner = if layer.clip { corner.clamp(0.0, 1.0) } else { corner };
                        *to = T::from_f64(corner);
                    }
                }
            }
        }
        for (to, &variance) in variances.iter_mut().zip(layer.variances.iter().cycle()) {
            *to = T::from_f64(variance);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{counting, pass};

    #[test]
    fn boxes_of_one_pixel() {
        let layer = r#"layer { name: "l" type: "PriorBox" bottom: "map" bottom: "image" top: "y"
            prior_box_param { min_size: 2.5 max_size: 8 aspect_ratio: 4 clip: true
                variance: 0.1 variance: 0.2 variance: 0.3 variance: 0.4 } }"#;
        let tensors = BTreeMap::from([
            ("in.map".to_string(), counting(&[1, 1, 1, 1])),
            ("in.image".to_string(), counting(&[1, 1, 10, 20])),
        ]);
        let y = &pass(layer, &tensors).unwrap()["out.y"];
        assert_eq!(y.shape, [1, 2, 16]);
        let want = [
            [0.45, 0.4, 0.55, 0.6], // 2 x 2
            [0.4, 0.3, 0.6, 0.7],   // 4 x 4
            [0.4, 0.45, 0.6, 0.55], // 4 x 1
            [0.475, 0.3, 0.525, 0.7],
            [0.1, 0.2, 0.3, 0.4],
        ];
        for (got, want) in y.data.iter().zip(want.as_flattened()) {
            assert!((got - want).abs() < 1e-6, "{:?}", y.data);
        }
    }
}
