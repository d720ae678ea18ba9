//! Brings vectors to length 1 and multiplies them by a learned scale.

use super::axis_span::align;
use super::prelude::*;

params! {
    /// scale · x / sqrt(sum x² + eps), over the channels of each pixel or over all of an image (Liu et al. 2016,
    /// ParseNet).
    ///
    /// Input `N x C x rest`; the learned scale is `C`, or a scalar if shared. A layer of the SSD fork of Caffe, whose
    /// gradient to a scale of 0 is NaN; here it is finite. Forks for faces (NormFace, Wang et al. 2017) have a layer of the
    /// same name without a scale, for the channels of each pixel, of which a second top is the length, `N x 1 x rest`; a layer
    /// without `norm_param` is theirs. `L2Norm` of several forks is x over its length, at least 1e-6, for vectors.
    pub struct Normalize {
        /// Whether the sum is over all of an image, or (false) over the channels of a pixel.
        across_spatial: bool = true,
        /// One scale for all channels.
        shared: bool = true,
        /// First values of the scale; none: nothing is multiplied.
        filler: Option<Filler> = Some(Filler::Constant(1.0)),
        /// Added to the sum, so that nothing is divided by 0.
        eps: f64 = 1e-10,
        /// Whether `eps` is the least sum instead.
        least: bool = false,
        /// Whether the sum is over |x| and no root is taken.
        absolute: bool = false,
        /// Whether the second top, the lengths, has a gradient.
        length_gradient: bool = false,
    }
}

/// The description of [`Normalize`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 2),
    spellings: &[
        caffe("Normalize", |a| {
            let p = a.section("norm_param");
            let own = a.section("normalize_param");
            if !p.is_present() {
                // Nothing reads it in the fork.
                own.ignore(&["fix_gradient"]);
                let absolute = own.choice("normalize_type", &[("L2", false), ("L1", true)]);
                return Normalize {
                    across_spatial: false,
                    filler: None,
                    eps: 1e-6,
                    absolute: absolute.unwrap_or(false),
                    length_gradient: own.bool("bp_norm").unwrap_or(false),
                    ..Normalize::default()
                }
                .into();
            }
            Normalize {
                across_spatial: p.bool("across_spatial").unwrap_or(true),
                shared: p.bool("channel_shared").unwrap_or(true),
                filler: Some(Filler::read(&p.section("scale_filler")).or_constant(1.0)),
                eps: p.float("eps").unwrap_or(1e-10),
                ..Normalize::default()
            }
            .into()
        }),
        caffe("L2Norm", |_| {
            Normalize { filler: None, eps: 1e-12, least: true, ..Normalize::default() }.into()
        }),
    ],
    ..LayerSpec::new("Normalize", Category::Normalisation, Normalize::DOCS)
};

impl LayerOps for Normalize {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if shape.rank() < 2 {
            return cx.fail_bottom(0, "Normalize needs a channel axis: 2 axes or more");
        }
        if cx.n_tops() == 2 && self.filler.is_some() {
            return cx
                .fail(&["norm_param"], "only a layer without a scale gives the lengths as well");
        }
        if self.least && shape.count_of(2..shape.rank()) != 1 {
            let why = "forks disagree on what L2Norm divides images by; Normalize with `norm_param` says it";
            return cx.fail_bottom(0, why);
        }
        let scale = match self.shared {
            true => Shape::scalar(),
            false => [shape.dims()[1]].into(),
        };
        let params = self.filler.map(|filler| ParamDecl::new("scale", scale, filler));
        let params = params.into_iter().collect();
        let mut tops = vec![shape.clone(), shape.with(1, 1)];
        tops.truncate(cx.n_tops());
        Ok(Signature { tops, params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let rank = cx.top(0).rank();
        let axes: Vec<usize> = if self.across_spatial { (1..rank).collect() } else { vec![1] };
        let each = if self.absolute { arg(0).abs() } else { arg(0).squared() };
        let each = b.map(&[x], &each);
        let sum = b.sum(each, &axes);
        let sum = match self.least {
            true => b.map(&[sum], &arg(0).max(self.eps)),
            false => b.map(&[sum], &(arg(0) + self.eps)),
        };
        if cx.n_tops() == 2 {
            let length = if self.absolute { sum } else { b.map(&[sum], &arg(0).sqrt()) };
            let y = b.map(&[x, length], &(arg(0) / arg(1)));
            return vec![y, if self.length_gradient { length } else { b.stop(length) }];
        }
        let factor = b.map(&[sum], &arg(0).pow(if self.absolute { -1.0 } else { -0.5 }));
        vec![match cx.params.first() {
            Some(&scale) => {
                let scale = align(b, scale, 1, rank);
                b.map(&[x, factor, scale], &(arg(0) * arg(1) * arg(2)))
            }
            None => b.map(&[x, factor], &(arg(0) * arg(1))),
        }]
    }

    fn detail(&self) -> String {
        let over = if self.across_spatial { "an image" } else { "a pixel" };
        let scale = match self.filler {
            None => "",
            Some(_) if self.shared => ", one scale",
            Some(_) => ", a scale for each channel",
        };
        format!("length of {over}{scale}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::layers::testing::{counting, pass};

    #[test]
    fn the_layer_of_forks_for_faces_has_no_scale() {
        let mut a = counting(&[1, 2, 2]);
        a.data.copy_from_slice(&[3.0, 5.0, 4.0, 12.0]);
        let tensors = BTreeMap::from([("in.a".to_owned(), a)]);
        let layer = |fields: &str| {
            format!("layer {{ name: 'n' type: 'Normalize' bottom: 'a' top: 'y' {fields} }}")
        };
        for fields in ["", "normalize_param { normalize_type: 'L2' fix_gradient: false }"] {
            let results = pass(&layer(fields), &tensors).unwrap();
            assert!(!results.contains_key("param.n.0"), "{:?}", results.keys());
            let expected = [0.6, 5.0 / 13.0, 0.8, 12.0 / 13.0];
            for (y, want) in results["out.y"].data.iter().zip(expected) {
                assert!((y - want).abs() < 1e-6, "{y} {want}");
            }
        }
        let other = pass(&layer("normalize_param { normalize_type: 'L3' }"), &tensors);
        assert!(other.unwrap_err().contains("L3"));
    }
}
