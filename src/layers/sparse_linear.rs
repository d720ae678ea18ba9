//! An inner product with vectors that are given by their places and values.

use super::lua::extents;
use super::prelude::*;

params! {
    /// A fully connected layer for vectors with few elements that are not 0: each is a row of pairs of a place, from 1,
    /// and a value.
    ///
    /// Bottom `pairs x 2`, or `N x pairs x 2`; rows of the value 0 fill up shorter lists and name no place. Weights
    /// `num_output x num_input`. The bottom has no gradient.
    pub struct SparseLinear {
        /// Length of the vectors.
        num_input: usize = 0,
        /// Number of outputs.
        num_output: usize = 0,
    }
}

const SCRIPT: &str = "
function Class:__init(inputSize, outputSize, doGradInput)
   Parent.__init(self)
   if doGradInput then
      error('nn.SparseLinear is known without a gradient for its input', 3)
   end
   self.weightDecay = 0
   self.doGradInput = false
   self.weight = torch.Tensor(outputSize, inputSize):zero()
   self.bias = torch.Tensor(outputSize):zero()
   self.gradWeight = torch.Tensor(outputSize, inputSize):zero()
   self.gradBias = torch.Tensor(outputSize):zero()
   self:reset()
end
function Class:reset(stdv)
   stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(self.weight:size(2))
   self.weight:uniform(-stdv, stdv)
   self.bias:uniform(-stdv, stdv):mul(0.000001)
end
function Class:__tostring__()
   return torch.type(self) .. string.format('(%d -> %d)', self.weight:size(2), self.weight:size(1))
      .. (self.bias == nil and ' without bias' or '')
end";

/// The description of [`SparseLinear`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    in_place: InPlace::Refused,
    spellings: &[torch("nn.SparseLinear", &["inputSize", "outputSize", "doGradInput"], |a| {
        SparseLinear::read(a).into()
    })
    .tensors(&["weight", "bias"])
    .script(SCRIPT)],
    ..LayerSpec::new("SparseLinear", Category::Dense, SparseLinear::DOCS)
};

impl SparseLinear {
    fn read(a: &Args) -> Self {
        let [num_output, num_input] = extents(a, "weight");
        SparseLinear { num_input, num_output }
    }
}

impl LayerOps for SparseLinear {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let shape = cx.bottom(0);
        if ![2, 3].contains(&shape.rank()) || shape.dims().last() != Some(&2) {
            return cx.fail_bottom(0, "needs pairs x 2, or a batch of that: a place and a value");
        }
        let mut top = shape.dims()[..shape.rank() - 2].to_vec();
        top.push(self.num_output);
        let params = vec![
            ParamDecl::new("weight", [self.num_output, self.num_input], Filler::Unset),
            ParamDecl::new("bias", [self.num_output], Filler::Unset),
        ];
        Ok(Signature { tops: vec![top.into()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let rank = shape.rank();
        let (items, pairs) = (shape.count_of(0..rank - 2), shape.dims()[rank - 2]);
        let x = b.view(cx.bottoms[0], [items * pairs, 2]);
        let place = b.slice(x, 1, 0, 1);
        let value = b.slice(x, 1, 1, 1);
        let named = select(arg(1).equals(0.0), constant(0.0), arg(0) - 1.0);
        let place = b.map(&[place, value], &named);
        let place = b.view(place, [items * pairs]);
        let weights = b.gather(cx.params[0], 1, place);
        let value = b.view(value, [1, items * pairs]);
        let products = b.mul(weights, value);
        let products = b.view(products, [self.num_output, items, pairs]);
        let sums = b.sum(products, &[2]);
        let sums = b.view(sums, [self.num_output, items]);
        let y = b.transpose(sums, &[1, 0]);
        let bias = b.view(cx.params[1], [1, self.num_output]);
        let y = b.add(y, bias);
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} of {} places", self.num_output, self.num_input)
    }
}
