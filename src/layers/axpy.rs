//! a X + Y with one factor a channel.

use super::axis_span::align;
use super::prelude::*;

params! {
    /// a X + Y, where a has one element for each image and channel: squeeze and excitation in one step (Hu et al.
    /// 2017).
    ///
    /// Bottoms a `N x C` or `N x C x 1 x 1`, X and Y `N x C x spatial`. A layer of the authors' fork of Caffe.
    pub struct Axpy {
    }
}

/// The description of [`Axpy`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    in_place: InPlace::Refused,
    spellings: &[caffe("Axpy", |_| Axpy {}.into())],
    ..LayerSpec::new("Axpy", Category::Elementwise, Axpy::DOCS)
};

impl LayerOps for Axpy {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (factor, x) = (cx.bottom(0).dims(), cx.bottom(1));
        if x.rank() < 2 {
            return cx.fail_bottom(1, "needs a channel axis: 2 axes or more");
        }
        let fits = factor.get(..2) == x.dims().get(..2) && factor[2..].iter().all(|&d| d == 1);
        if !fits {
            let want = format!("one factor for each image and channel of {x}");
            return cx.fail_bottom(0, format!("must hold {want}"));
        }
        if cx.bottom(2) != x {
            return cx.fail_bottom(2, format!("must have the shape of the second bottom, {x}"));
        }
        Ok(Signature::of(x.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let channels = cx.top(0).dims()[..2].to_vec();
        let factor = b.view(cx.bottoms[0], channels);
        let factor = align(b, factor, 0, cx.top(0).rank());
        vec![b.map(&[factor, cx.bottoms[1], cx.bottoms[2]], &(arg(0) * arg(1) + arg(2)))]
    }
}
