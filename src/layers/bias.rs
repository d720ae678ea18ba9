//! Adds a learned or a given bias.

use super::axis_span::AxisSpan;
use super::prelude::*;

params! {
    /// x + b, where b has some of x's axes and is repeated along the others.
    ///
    /// With one bottom b is learned and has the axes that `span` says (none: a scalar); with two it is the second
    /// bottom.
    pub struct Bias {
        /// The axes of b.
        span: AxisSpan = AxisSpan::default(),
        /// First values of a learned b.
        filler: Filler = Filler::Constant(0.0),
    }
}

/// The description of [`Bias`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 2),
    spellings: &[caffe("Bias", |a| {
        let p = a.section("bias_param");
        let filler = Filler::read(&p.section("filler")).or_constant(0.0);
        Bias { span: AxisSpan::read(&p), filler }.into()
    })],
    ..LayerSpec::new("Bias", Category::Elementwise, Bias::DOCS)
};

impl LayerOps for Bias {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = self.span.resolve(cx)?;
        let params = match cx.bottoms.len() {
            1 => vec![ParamDecl::new("bias", shape, self.filler)],
            _ => vec![],
        };
        Ok(Signature { tops: vec![cx.bottom(0).clone()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let bias = cx.bottoms.get(1).copied().unwrap_or_else(|| cx.params[0]);
        let bias = self.span.spread(b, cx, bias);
        vec![b.add(cx.bottoms[0], bias)]
    }
}
