//! Learned bilinear forms of two vectors.

use super::lua::{extents, no_bias, uniform_reset};
use super::prelude::*;

params! {
    /// Output k of two vectors u and v is uᵀ Wₖ v + bₖ.
    ///
    /// Bottoms `N x A` and `N x B`, weights `num_output x A x B`, bias `num_output`.
    pub struct Bilinear {
        /// Number of outputs and lengths of the two vectors.
        size: [usize; 3] = [0, 0, 0],
        /// Whether a bias is added.
        bias: bool = true,
    }
}

/// The description of [`Bilinear`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(2),
    in_place: InPlace::Refused,
    spellings: &[torch("nn.Bilinear", &["inputSize1", "inputSize2", "outputSize", "bias"], |a| {
        Bilinear::read(a).into()
    })
    .tensors(&["weight", "bias"])
    .script(SCRIPT)],
    ..LayerSpec::new("Bilinear", Category::Dense, Bilinear::DOCS)
};

const SCRIPT: &str = concat!(
    r#"
function Class:__init(inputSize1, inputSize2, outputSize, bias)
   Parent.__init(self)
   self.weight = torch.Tensor(outputSize, inputSize1, inputSize2)
   self.gradWeight = torch.Tensor(outputSize, inputSize1, inputSize2)
   if bias == nil or bias then
      self.bias = torch.Tensor(outputSize)
      self.gradBias = torch.Tensor(outputSize)
   end
   self.gradInput = {torch.Tensor(), torch.Tensor()}
   self:reset()
end
function Class:__tostring__()
   local sizes = string.format('(%dx%d -> %d) ', self.weight:size(2), self.weight:size(3),
      self.weight:size(1))
   return torch.type(self) .. sizes .. (self.bias == nil and ' without bias' or '')
end
"#,
    uniform_reset!("self.weight:size(2)"),
    no_bias!()
);

impl Bilinear {
    fn read(a: &Args) -> Self {
        Bilinear { size: extents(a, "weight"), bias: a.has("bias") }
    }
}

impl LayerOps for Bilinear {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let [outputs, sizes @ ..] = self.size;
        for (i, want) in sizes.into_iter().enumerate() {
            match cx.bottom(i).dims() {
                &[_, got] if got == want => {}
                _ => return cx.fail_bottom(i, format!("must be a batch of vectors of {want}")),
            }
        }
        cx.same_batch(0, 1)?;
        let mut params = vec![ParamDecl::new("weight", self.size, Filler::Unset)];
        if self.bias {
            params.push(ParamDecl::new("bias", [outputs], Filler::Unset));
        }
        Ok(Signature { tops: vec![cx.bottom(0).with(1, outputs)], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let [outputs, left, right] = self.size;
        let items = cx.top(0).dims()[0];
        let weight = b.view(cx.params[0], [outputs * left, right]);
        let products = b.matmul(cx.bottoms[1], false, weight, true, None);
        let products = b.view(products, [items, outputs, left]);
        let u = b.view(cx.bottoms[0], [items, 1, left]);
        let terms = b.mul(products, u);
        let sums = b.sum(terms, &[2]);
        let mut y = b.view(sums, [items, outputs]);
        if let Some(&bias) = cx.params.get(1) {
            let bias = b.view(bias, [1, outputs]);
            y = b.add(y, bias);
        }
        vec![y]
    }

    fn detail(&self) -> String {
        let [outputs, left, right] = self.size;
        format!("{left} x {right} to {outputs}")
    }
}
