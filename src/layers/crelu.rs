//! The positive and the negative parts, one after the other.

use super::prelude::*;
use crate::layers::batch_axis::BatchAxis;

params! {
    /// max(x, 0) and max(-x, 0), joined along the channels, of which there are twice as many afterwards (Shang et al.
    /// 2016).
    pub struct CRelu {
        /// The number of axes of an item; a bottom with one more is a batch.
        item_axes: usize = 3,
    }
}

const SCRIPT: &str = "
function Class:__init(nInputDims, inplace)
   Parent.__init(self)
   self.nInputDims = nInputDims
   self.inplace = inplace or false
   local signs = nn.ConcatTable():add(nn.Identity()):add(nn.MulConstant(-1))
   self:add(signs):add(nn.JoinTable(1, nInputDims)):add(nn.ReLU(self.inplace))
end
function Class:__tostring__() return 'CReLU()' end";

/// The description of [`CRelu`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.CReLU", &["nInputDims", "inplace"], |a| {
        CRelu { item_axes: a.required("nInputDims", Args::usize) }.into()
    })
    .extends("nn.Sequential")
    .script(SCRIPT)],
    ..LayerSpec::new("CReLU", Category::Activation, CRelu::DOCS)
};

impl CRelu {
    fn axis(&self) -> BatchAxis {
        BatchAxis { axis: 0, item_axes: Some(self.item_axes) }
    }
}

impl LayerOps for CRelu {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (axis, x) = (self.axis().resolve(cx, 0)?, cx.bottom(0));
        Ok(Signature::of(x.with(axis, 2 * x.dims()[axis])))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let positive = b.map(&[x], &select(arg(0).gt(0.0), arg(0), constant(0.0)));
        let negative = b.map(&[x], &select(arg(0).lt(0.0), -arg(0), constant(0.0)));
        vec![b.concat(&[positive, negative], self.axis().of(cx.top(0)).unwrap_or(0))]
    }
}
