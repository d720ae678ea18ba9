//! max(x, 0), with an optional slope below 0.

use super::prelude::*;
use crate::layers::cutoff;

params! {
    /// max(x, 0) + negative_slope · min(x, 0), element by element (Nair and Hinton 2010; with a slope,
    /// Maas et al. 2013).
    ///
    /// The gradient at exactly 0 is `negative_slope`, as in Caffe and Torch.
    pub struct Relu {
        /// Slope below 0.
        negative_slope: f64 = 0.0,
    }
}

const RELU: &str = "
function Class:__init(inplace)
   Parent.__init(self, 0, 0, inplace)
end";

const LEAKY: &str = "
function Class:__init(negval, inplace)
   Parent.__init(self)
   if type(negval) == 'boolean' then negval, inplace = nil, negval end
   self.negval = negval or 1 / 100
   self.inplace = inplace or false
end
function Class:__tostring__()
   return torch.type(self) .. string.format('(%g)', self.negval)
end";

/// The description of [`Relu`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("ReLU", |a| {
            let p = a.section("relu_param");
            p.ignore(&["engine"]);
            Relu { negative_slope: p.float("negative_slope").unwrap_or(0.0) }.into()
        }),
        torch("nn.ReLU", &["inplace"], cutoff::read).extends("nn.Threshold").script(RELU),
        torch("nn.LeakyReLU", &["negval", "inplace"], |a| {
            Relu { negative_slope: a.float("negval").unwrap_or(0.01) }.into()
        })
        .script(LEAKY),
    ],
    ..LayerSpec::new("ReLU", Category::Activation, Relu::DOCS)
};

impl LayerOps for Relu {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let slope = self.negative_slope;
        // What is no number stays so, as in Caffe.
        let y = select(arg(0).lt(0.0), arg(0) * slope, arg(0));
        if 0.0 <= slope {
            // The result has the sign of the argument, so the derivative needs only the result.
            let derivative = select(arg(0).gt(0.0), constant(1.0), constant(slope));
            return vec![b.activation(cx.bottoms[0], &y, &derivative)];
        }
        let derivative = select(arg(0).gt(0.0), constant(1.0), constant(slope));
        vec![b.map(&[cx.bottoms[0]], &y.with_gradient(vec![derivative]))]
    }

    fn detail(&self) -> String {
        match self.negative_slope {
            0.0 => String::new(),
            slope => format!("slope {}", slope as f32),
        }
    }
}
