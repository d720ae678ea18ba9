//! Compares vectors with learned vectors.

use super::lua::{extents, uniform_reset};
use super::planes;
use super::prelude::*;
use super::sqrt::root;

/// How vectors are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The cosine of the angle between them.
    Cosine,
    /// The length of their difference.
    Euclidean,
    /// The length of their difference after each coordinate was multiplied by a learned number.
    Weighted,
}

params! {
    /// Output j compares the bottom with learned vector j (Torch's Cosine, Euclidean and WeightedEuclidean).
    ///
    /// Bottom `N x K` or `K`. Weights `num_output x K` for the cosine; for distances `K x num_output`, and with weights
    /// of the coordinates a second parameter of that shape.
    pub struct DistanceToRows {
        /// How they are compared.
        measure: Measure = Measure::Cosine,
        /// Length of the vectors.
        num_input: usize = 0,
        /// Number of learned vectors.
        num_output: usize = 0,
    }
}

/// The description of [`DistanceToRows`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[
        torch("nn.Cosine", ARGUMENTS, |a| DistanceToRows::read(a, Measure::Cosine).into())
            .tensors(&["weight"])
            .script(COSINE),
        torch("nn.Euclidean", ARGUMENTS, |a| DistanceToRows::read(a, Measure::Euclidean).into())
            .tensors(&["weight"])
            .script(EUCLIDEAN),
        torch("nn.WeightedEuclidean", ARGUMENTS, |a| {
            DistanceToRows::read(a, Measure::Weighted).into()
        })
        .tensors(&["weight", "diagCov"])
        .script(WEIGHTED),
    ],
    ..LayerSpec::new("DistanceToRows", Category::Dense, DistanceToRows::DOCS)
};

const ARGUMENTS: &[&str] = &["inputSize", "outputSize"];

const COSINE: &str = concat!(
    r#"
function Class:__init(inputSize, outputSize)
   Parent.__init(self)
   self.weight = torch.Tensor(outputSize, inputSize)
   self.gradWeight = torch.Tensor(outputSize, inputSize)
   self:reset()
end
"#,
    uniform_reset!("self.weight:size(1)")
);

const EUCLIDEAN: &str = concat!(
    r#"
function Class:__init(inputSize, outputSize)
   Parent.__init(self)
   self.weight = torch.Tensor(inputSize, outputSize)
   self.gradWeight = torch.Tensor(inputSize, outputSize)
   self.fastBackward = true
   self:reset()
end
"#,
    uniform_reset!("self.weight:size(1)")
);

const WEIGHTED: &str = concat!(
    r#"
function Class:__init(inputSize, outputSize)
   Parent.__init(self)
   self.weight = torch.Tensor(inputSize, outputSize)
   self.gradWeight = torch.Tensor(inputSize, outputSize)
   self.diagCov = torch.Tensor(inputSize, outputSize)
   self.gradDiagCov = torch.Tensor(inputSize, outputSize)
   self.fastBackward = true
   self:reset()
end
"#,
    uniform_reset!("self.weight:size(1)"),
    r#"
local uniform = Class.reset
function Class:reset(stdv)
   uniform(self, stdv)
   self.diagCov:fill(1)
   return self
end
function Class:parameters()
   return {self.weight, self.diagCov}, {self.gradWeight, self.gradDiagCov}
end
"#
);

impl DistanceToRows {
    fn read(a: &Args, measure: Measure) -> Self {
        let [rows, columns] = extents(a, "weight");
        let (num_output, num_input) =
            if measure == Measure::Cosine { (rows, columns) } else { (columns, rows) };
        DistanceToRows { measure, num_input, num_output }
    }

    /// The weights, `K x num_output`, lie over the vectors in this shape.
    fn spread(&self) -> [usize; 3] {
        [1, self.num_input, self.num_output]
    }
}

impl LayerOps for DistanceToRows {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let whole = planes::batched(cx, 2, Some(self.num_input))?;
        let params = match self.measure {
            Measure::Cosine => vec![("weight", [self.num_output, self.num_input])],
            Measure::Euclidean => vec![("weight", [self.num_input, self.num_output])],
            Measure::Weighted => ["weight", "coordinate_weight"]
                .map(|role| (role, [self.num_input, self.num_output]))
                .to_vec(),
        };
        let params =
            params.into_iter().map(|(role, shape)| ParamDecl::new(role, shape, Filler::Unset));
        let top = whole.with(1, self.num_output);
        let tops = vec![planes::as_bottom(top, cx.bottom(0), 2)];
        Ok(Signature { tops, params: params.collect() })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = planes::view_batched(b, cx.bottoms[0], 2);
        let items = b.shape(x).dims()[0];
        let y = if self.measure == Measure::Cosine {
            let mut length = |v: ValueId| {
                let squares = b.map(&[v], &arg(0).squared());
                let sum = b.sum(squares, &[1]);
                let length = root(b, sum);
                b.map(&[length], &(arg(0) + 1e-12))
            };
            let (lengths, rows) = (length(x), length(cx.params[0]));
            let rows = b.view(rows, [1, self.num_output]);
            let products = b.matmul(x, false, cx.params[0], true, None);
            b.map(&[products, lengths, rows], &(arg(0) / (arg(1) * arg(2))))
        } else {
            let x = b.view(x, [items, self.num_input, 1]);
            let weight = b.view(cx.params[0], self.spread());
            let squares = match cx.params.get(1) {
                Some(&scale) => {
                    let scale = b.view(scale, self.spread());
                    let moved = (arg(0) - arg(1)) * arg(2);
                    b.map(&[x, weight, scale], &moved.squared())
                }
                None => b.map(&[x, weight], &(arg(0) - arg(1)).squared()),
            };
            let sum = b.sum(squares, &[1]);
            // The gradient is finite where the difference is none.
            let root = arg(0).sqrt();
            let slope = constant(0.5) / (root.clone() + 1e-7);
            b.map(&[sum], &root.with_gradient(vec![slope]))
        };
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        let what = match self.measure {
            Measure::Cosine => "cosines to",
            Measure::Euclidean => "distances to",
            Measure::Weighted => "weighted distances to",
        };
        format!("{what} {} vectors", self.num_output)
    }
}
