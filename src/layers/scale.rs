//! Multiplies by a learned or a given factor and adds a bias.

use super::axis_span::AxisSpan;
use super::prelude::*;

params! {
    /// s x, or s x + b, where s and b have some of x's axes and are repeated along the others.
    ///
    /// With one bottom s is learned and has the axes that `span` says (none: a scalar); with two it is the second
    /// bottom. The bias is learned in both cases and has the shape of s. After BatchNorm this is the affine part that
    /// other frameworks count to it.
    pub struct Scale {
        /// The axes of s.
        span: AxisSpan = AxisSpan::default(),
        /// First values of a learned s.
        filler: Filler = Filler::Constant(1.0),
        /// Whether a bias is added.
        bias: bool = false,
        /// First values of the bias.
        bias_filler: Filler = Filler::Constant(0.0),
        /// What every pass first brings s to at least, for good if it is learned (NormFace's fork).
        least: Option<f64> = None,
        /// What every pass first brings s to at most, likewise.
        most: Option<f64> = None,
    }
}

/// The description of [`Scale`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    spellings: &[caffe("Scale", |a| {
        let p = a.section("scale_param");
        Scale {
            span: AxisSpan::read(&p),
            filler: Filler::read(&p.section("filler")).or_constant(1.0),
            bias: p.bool("bias_term").unwrap_or(false),
            bias_filler: Filler::read_if(&p, "bias_term", false, "bias_filler").or_constant(0.0),
            least: p.float("min_value"),
            most: p.float("max_value"),
        }
        .into()
    })],
    ..LayerSpec::new("Scale", Category::Elementwise, Scale::DOCS)
};

impl LayerOps for Scale {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = self.span.resolve(cx)?;
        if self.bias && 1 < cx.bottoms.len() {
            // The axis means nothing for a factor without axes, but Caffe's bias looks at it.
            self.span.checked(cx)?;
        }
        let mut params = vec![];
        if cx.bottoms.len() == 1 {
            params.push(ParamDecl::new("scale", shape.clone(), self.filler));
        }
        if self.bias {
            params.push(ParamDecl::new("bias", shape, self.bias_filler));
        }
        Ok(Signature { tops: vec![cx.bottom(0).clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let mut small: Vec<ValueId> = cx.bottoms[1..].iter().chain(cx.params).copied().collect();
        if self.least.is_some() || self.most.is_some() {
            let mut bounded = arg(0);
            bounded = self.least.map_or(bounded.clone(), |least| bounded.max(least));
            bounded = self.most.map_or(bounded.clone(), |most| bounded.min(most));
            let bounded = b.map(&[small[0]], &bounded.with_gradient(vec![constant(1.0)]));
            if cx.bottoms.len() == 1 {
                b.assign(small[0], bounded);
            }
            small[0] = bounded;
        }
        let mut args = vec![cx.bottoms[0]];
        for v in small {
            args.push(self.span.spread(b, cx, v));
        }
        let product = arg(0) * arg(1);
        let y = if self.bias { product + arg(2) } else { product };
        vec![b.map(&args, &y)]
    }

    fn detail(&self) -> String {
        if self.bias { "with bias".into() } else { String::new() }
    }
}
