//! A learned vector for each number.

use super::lua::extents;
use super::prelude::*;
use crate::program::Kernel;

params! {
    /// Row `x` of a learned table, for every number `x` of the bottom: an inner product with one-hot vectors.
    ///
    /// Weights `input_dim x num_output`, bias `num_output`; the top has the bottom's axes and `num_output` at the end.
    /// Numbers count from `first`; one outside the table takes the nearest row there is (Caffe reads beyond it).
    pub struct Embed {
        /// Number of rows.
        input_dim: usize = 0,
        /// Length of a row.
        num_output: usize = 0,
        /// The number of the first row.
        first: usize = 0,
        /// A row that does not learn, by its number.
        padding: Option<usize> = None,
        /// Rows that are used are shortened to this length, before their use and for good.
        max_norm: Option<f64> = None,
        /// The exponent of the norm that measures it.
        norm_type: f64 = 2.0,
        /// Whether the gradient of a row is divided by how often the row is used.
        by_uses: bool = false,
        /// Whether a bias is added.
        bias: bool = true,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of the bias.
        bias_filler: Filler = Filler::Unset,
    }
}

/// The description of [`Embed`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    in_place: InPlace::Garbled,
    spellings: &[
        caffe("Embed", |a| Embed::read(a).into()),
        torch(
            "nn.LookupTable",
            &["nIndex", "nOutput", "paddingValue", "maxNorm", "normType"],
            |a| Embed::read_lookup(a).into(),
        )
        .tensors(&["weight"])
        .script(LOOKUP_TABLE),
    ],
    ..LayerSpec::new("Embed", Category::Dense, Embed::DOCS)
};

const LOOKUP_TABLE: &str = r#"
function Class:__init(nIndex, nOutput, paddingValue, maxNorm, normType)
   Parent.__init(self)
   self.weight = torch.Tensor(nIndex, nOutput)
   self.gradWeight = torch.Tensor(nIndex, nOutput):zero()
   self.paddingValue = paddingValue or 0
   self.maxNorm = maxNorm
   self.normType = normType
   self:reset()
end
function Class:reset(stdv)
   self.weight:normal(0, stdv or 1)
end
function Class:setMaxNorm(maxNorm)
   self.maxNorm = maxNorm
   return self
end
function Class:setNormType(normType)
   self.normType = normType
   return self
end
function Class:setPadding(paddingValue)
   self.paddingValue = paddingValue
   return self
end
function Class:accUpdateOnly()
   self.gradWeight = nil
   return self
end
function Class:scaleGradByFreq()
   self.shouldScaleGradByFreq = true
   return self
end
"#;

impl Embed {
    fn read(a: &Args) -> Self {
        let p = a.section("embed_param");
        Embed {
            input_dim: p.required("input_dim", Args::usize),
            num_output: p.required("num_output", Args::usize),
            bias: p.bool("bias_term").unwrap_or(true),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read_if(&p, "bias_term", true, "bias_filler"),
            ..Embed::default()
        }
    }

    fn read_lookup(a: &Args) -> Self {
        let [input_dim, num_output] = extents(a, "weight");
        Embed {
            input_dim,
            num_output,
            first: 1,
            padding: a.usize("paddingValue").filter(|&row| row != 0),
            max_norm: a.float("maxNorm"),
            norm_type: a.float("normType").unwrap_or(2.0),
            by_uses: a.bool("shouldScaleGradByFreq").unwrap_or(false),
            bias: false,
            ..Embed::default()
        }
    }

    /// How often `index` names each row.
    fn uses(&self, b: &mut Builder, index: ValueId) -> ValueId {
        let count = b.shape(index).count();
        let ones = b.fill(1.0, [count, 1].into());
        b.step(Kernel::Scatter(0), &[ones, index], Some([self.input_dim, 1].into()))[0]
    }

    /// The table with the rows that `index` names shortened; it learns as if they were not, and it is kept.
    fn shortened(&self, b: &mut Builder, table: ValueId, index: ValueId, limit: f64) -> ValueId {
        let uses = self.uses(b, index);
        let powers = b.map(&[table], &arg(0).abs().pow(self.norm_type));
        let norm = b.sum(powers, &[1]);
        let norm = b.map(&[norm], &arg(0).pow(1.0 / self.norm_type));
        let factor = constant(limit) / (arg(1) + 1e-7);
        let factor = select(arg(1).gt(limit), factor, constant(1.0));
        let factor = b.map(&[uses, norm], &select(arg(0).gt(0.0), factor, constant(1.0)));
        let factor = b.stop(factor);
        let shortened = arg(0) * arg(1);
        let straight = vec![constant(1.0), constant(0.0)];
        let shortened = b.map(&[table, factor], &shortened.with_gradient(straight));
        b.assign(table, shortened);
        shortened
    }
}

impl LayerOps for Embed {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        for (key, value) in [("input_dim", self.input_dim), ("num_output", self.num_output)] {
            cx.not_zero(key, value)?;
        }
        let (rows, known) = (self.input_dim, cx.value(0).filter(|_| self.first != 0));
        let inside = |&x: &f32| (self.first as f32..(self.first + rows) as f32).contains(&x);
        if let Some(index) = known.and_then(|values| values.iter().find(|x| !inside(x))) {
            let (first, last) = (self.first, self.first + rows - 1);
            return cx.fail_bottom(0, format!("{index} is none of the rows {first} to {last}"));
        }
        let table = [self.input_dim, self.num_output];
        let mut params = vec![ParamDecl::new("weight", table, self.weight_filler)];
        if self.bias {
            params.push(ParamDecl::new("bias", [self.num_output], self.bias_filler));
        }
        let mut top = cx.bottom(0).dims().to_vec();
        top.push(self.num_output);
        Ok(Signature { tops: vec![top.into()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let (mut table, mut index) = (cx.params[0], cx.bottoms[0]);
        if self.first != 0 {
            index = b.map(&[index], &(arg(0) - self.first as f64));
        }
        if let Some(limit) = self.max_norm {
            table = self.shortened(b, table, index, limit);
        }
        let mut rows = b.gather(table, 0, index);
        if self.by_uses {
            let uses = self.uses(b, index);
            let uses = b.gather(uses, 0, index);
            let shared = vec![constant(1.0) / arg(1), constant(0.0)];
            rows = b.map(&[rows, uses], &arg(0).with_gradient(shared));
        }
        if let Some(padding) = self.padding {
            let still = b.stop(rows);
            let number = b.view(cx.bottoms[0], [b.shape(cx.bottoms[0]).count(), 1]);
            let learns = select(arg(2).equals(padding as f64), arg(1), arg(0));
            rows = b.map(&[rows, still, number], &learns);
        }
        if let Some(&bias) = cx.params.get(1) {
            let bias = b.view(bias, [1, self.num_output]);
            rows = b.add(rows, bias);
        }
        vec![b.view(rows, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} rows of {}", self.input_dim, self.num_output)
    }
}
