//! A fixed blob, whatever the bottom.

use super::prelude::*;

params! {
    /// A fixed blob, repeated for each item if the bottom is a batch; the bottom's values do not matter.
    pub struct Constant {
        /// Extents of the fixed blob.
        dims: Vec<usize> = vec![],
        /// The number of axes of an item: a bottom with more is a batch.
        item_axes: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(value, nInputDims)
   Parent.__init(self)
   if type(value) == 'number' then value = torch.Tensor{value} end
   if not torch.isTensor(value) then
      error('nn.Constant: a number or a tensor is needed, not ' .. torch.type(value), 3)
   end
   self.value = value
   self.nInputDims = nInputDims
end";

/// The description of [`Constant`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Constant", &["value", "nInputDims"], |a| {
        Constant { dims: a.usizes("value"), item_axes: a.usize("nInputDims") }.into()
    })
    .tensors(&["value"])
    .script(SCRIPT)],
    ..LayerSpec::new("Constant", Category::Shape, Constant::DOCS)
};

impl LayerOps for Constant {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let batch = self.item_axes.is_some_and(|n| n < x.rank());
        let mut dims = x.dims()[..usize::from(batch)].to_vec();
        dims.extend(&self.dims);
        let value = ParamDecl::state("value", self.dims.clone(), Filler::Unset);
        Ok(Signature { tops: vec![Shape(dims)], params: vec![value] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (value, top) = (cx.params[0], cx.top(0).clone());
        if top.rank() == self.dims.len() {
            return vec![b.view(value, top)];
        }
        let item = b.view(value, top.with(0, 1));
        vec![if top.dims()[0] == 1 { item } else { b.repeat(item, top) }]
    }
}
