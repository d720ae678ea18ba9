//! Adds a learned number to each element.

use super::broadcast_parameter;
use super::lua::uniform_reset;
use super::prelude::*;

params! {
    /// Adds a learned bias of any extents: element by element, repeated along axes where its extent is 1, or for every
    /// item of the batch alike (Torch's CAdd and Add).
    pub struct CAdd {
        /// Extents of the bias.
        size: Vec<usize> = vec![],
    }
}

/// The description of [`CAdd`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.CAdd", &[], |a| CAdd::read(a).into()).tensors(&["bias"]).script(C_ADD),
        torch("nn.Add", &["inputSize", "scalar"], |a| CAdd::read(a).into())
            .tensors(&["bias"])
            .script(ADD),
    ],
    ..LayerSpec::new("CAdd", Category::Elementwise, CAdd::DOCS)
};

const C_ADD: &str = concat!(
    r#"
function Class:__init(...)
   Parent.__init(self)
   self.bias = torch.Tensor(...)
   self.size = self.bias:size()
   self.gradBias = torch.Tensor(...)
   self:reset()
end
"#,
    uniform_reset!("self.bias:nElement()")
);

const ADD: &str = concat!(
    r#"
function Class:__init(inputSize, scalar)
   Parent.__init(self)
   self.scalar = scalar
   self.bias = torch.Tensor(scalar and 1 or inputSize)
   self.gradBias = torch.Tensor(scalar and 1 or inputSize)
   self:reset()
end
"#,
    uniform_reset!("self.bias:size(1)")
);

impl CAdd {
    fn read(a: &Args) -> Self {
        CAdd { size: a.usizes("bias") }
    }
}

impl LayerOps for CAdd {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        broadcast_parameter::infer(cx, "bias", &self.size)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        broadcast_parameter::lower(b, cx, Builder::add)
    }
}
