//! Multiplies each element by a learned number.

use super::broadcast_parameter;
use super::lua::uniform_reset;
use super::prelude::*;

params! {
    /// Multiplies by a learned weight of any extents: element by element, repeated along axes where its extent is 1, or
    /// for every item of the batch alike (Torch's CMul and Mul).
    pub struct CMul {
        /// Extents of the weight.
        size: Vec<usize> = vec![],
    }
}

/// The description of [`CMul`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        torch("nn.CMul", &[], |a| CMul::read(a).into()).tensors(&["weight"]).script(C_MUL),
        torch("nn.Mul", &[], |a| CMul::read(a).into()).tensors(&["weight"]).script(MUL),
    ],
    ..LayerSpec::new("CMul", Category::Elementwise, CMul::DOCS)
};

const C_MUL: &str = concat!(
    r#"
function Class:__init(...)
   Parent.__init(self)
   self.weight = torch.Tensor(...)
   self.size = self.weight:size()
   self.gradWeight = torch.Tensor(...)
   self:reset()
end
"#,
    uniform_reset!("self.weight:nElement()")
);

const MUL: &str = concat!(
    r#"
function Class:__init()
   Parent.__init(self)
   self.weight = torch.Tensor(1)
   self.gradWeight = torch.Tensor(1)
   self:reset()
end
"#,
    uniform_reset!("self.weight:size(1)")
);

impl CMul {
    fn read(a: &Args) -> Self {
        CMul { size: a.usizes("weight") }
    }
}

impl LayerOps for CMul {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        broadcast_parameter::infer(cx, "weight", &self.size)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        broadcast_parameter::lower(b, cx, Builder::mul)
    }
}
