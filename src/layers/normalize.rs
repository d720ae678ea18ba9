//! Brings vectors to length 1 and multiplies them by a learned scale.

use super::axis_span::align;
use crate::diag::Reported;
use crate::params;
use crate::program::expr::arg;
use crate::program::{Builder, ValueId};
use crate::spec::{
    Category, Filler, Infer, LayerOps, LayerSpec, Lower, ParamDecl, Signature, caffe,
};
use crate::ty::Shape;

params! {
    /// scale · x / sqrt(sum x² + eps), over the channels of each pixel or over all of an image (Liu et al. 2016,
    /// ParseNet).
    ///
    /// Input `N x C x rest`; the learned scale is `C`, or a scalar if shared. A layer of the SSD fork of Caffe, whose
    /// gradient to a scale of 0 is NaN; here it is finite. Forks for faces (NormFace, Wang et al. 2017) have a layer of the
    /// same name without a scale, for the channels of each pixel; a layer without `norm_param` is theirs.
    pub struct Normalize {
        /// Whether the sum is over all of an image, or (false) over the channels of a pixel.
        across_spatial: bool = true,
        /// One scale for all channels.
        shared: bool = true,
        /// First values of the scale; none: nothing is multiplied.
        filler: Option<Filler> = Some(Filler::Constant(1.0)),
        /// Added to the sum, so that nothing is divided by 0.
        eps: f64 = 1e-10,
    }
}

/// The description of [`Normalize`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("Normalize", |a| {
        let p = a.section("norm_param");
        let own = a.section("normalize_param");
        if !p.is_present() {
            own.choice("normalize_type", &[("L2", ())]);
            let without_scale = Normalize { filler: None, ..Normalize::default() };
            return Normalize { across_spatial: false, ..without_scale }.into();
        }
        Normalize {
            across_spatial: p.bool("across_spatial").unwrap_or(true),
            shared: p.bool("channel_shared").unwrap_or(true),
            filler: Some(Filler::read(&p.section("scale_filler")).or_constant(1.0)),
            eps: p.float("eps").unwrap_or(1e-10),
        }
        .into()
    })],
    ..LayerSpec::new("Normalize", Category::Normalisation, Normalize::DOCS)
};

impl LayerOps for Normalize {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if shape.rank() < 2 {
            return cx.fail_bottom(0, "Normalize needs a channel axis: 2 axes or more");
        }
        let scale = match self.shared {
            true => Shape::scalar(),
            false => [shape.dims()[1]].into(),
        };
        let params = self.filler.map(|filler| ParamDecl::new("scale", scale, filler));
        let params = params.into_iter().collect();
        Ok(Signature { tops: vec![shape.clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let rank = cx.top(0).rank();
        let axes: Vec<usize> = if self.across_spatial { (1..rank).collect() } else { vec![1] };
        let squares = b.map(&[x], &arg(0).squared());
        let energy = b.sum(squares, &axes);
        let factor = b.map(&[energy], &(arg(0) + self.eps).pow(-0.5));
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
        for fields in ["", "normalize_param { normalize_type: 'L2' }"] {
            let results = pass(&layer(fields), &tensors).unwrap();
            assert!(!results.contains_key("param.n.0"), "{:?}", results.keys());
            let expected = [0.6, 5.0 / 13.0, 0.8, 12.0 / 13.0];
            for (y, want) in results["out.y"].data.iter().zip(expected) {
                assert!((y - want).abs() < 1e-6, "{y} {want}");
            }
        }
        let other = pass(&layer("normalize_param { normalize_type: 'L1' }"), &tensors);
        assert!(other.unwrap_err().contains("L1"));
    }
}
