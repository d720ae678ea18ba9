//! A new axis of extent 1.

use super::prelude::*;

params! {
    /// Puts an axis of extent 1 in front of an axis, or behind the last.
    pub struct Unsqueeze {
        /// Where the new axis is then, from 0.
        axis: usize = 0,
        /// The number of axes of an item; the axes that a bottom has more are not counted.
        item_axes: Option<usize> = None,
    }
}

const SCRIPT: &str = "
function Class:__init(pos, numInputDims)
   Parent.__init(self)
   self.pos = pos or error('nn.Unsqueeze: the position of the new dimension is needed', 3)
   self:setNumInputDims(numInputDims)
end
function Class:setNumInputDims(numInputDims)
   self.numInputDims = numInputDims
   return self
end
function Class:__tostring__()
   return torch.type(self) .. '(dim ' .. self.pos .. ')'
end";

/// The description of [`Unsqueeze`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Unsqueeze", &["pos", "numInputDims"], |a| {
        let pos = a.required("pos", Args::usize);
        if pos == 0 {
            a.wrong("pos", "`pos` counts from 1");
        }
        Unsqueeze { axis: pos.saturating_sub(1), item_axes: a.usize("numInputDims") }.into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("Unsqueeze", Category::Shape, Unsqueeze::DOCS)
};

impl LayerOps for Unsqueeze {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let mut dims = x.dims().to_vec();
        let batch = x.rank().checked_sub(self.item_axes.unwrap_or(x.rank()));
        match batch.map(|batch| batch + self.axis).filter(|&axis| axis <= dims.len()) {
            Some(axis) => dims.insert(axis, 1),
            None => {
                let pos = self.axis + 1;
                return cx.fail_bottom(0, format!("has no place {pos} for a new dimension: {x}"));
            }
        }
        Ok(Signature::of(Shape(dims)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.reshaped(b)
    }

    fn detail(&self) -> String {
        format!("dimension {}", self.axis + 1)
    }
}
