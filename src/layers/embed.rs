//! A learned vector for each number.

use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{
    Category, Filler, Infer, LayerOps, LayerSpec, Lower, ParamDecl, Signature, caffe,
};

params! {
    /// Row `x` of a learned table, for every number `x` of the bottom: an inner product with one-hot vectors.
    ///
    /// Weights `input_dim x num_output`, bias `num_output`; the top has the bottom's axes and `num_output` at the end.
    /// Numbers count from 0; one outside the table takes the nearest row there is (Caffe reads beyond it).
    pub struct Embed {
        /// Number of rows.
        input_dim: usize = 0,
        /// Length of a row.
        num_output: usize = 0,
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
    in_place: false,
    spellings: &[caffe("Embed", |a| {
        let p = a.section("embed_param");
        let (input_dim, num_output) = (p.usize("input_dim"), p.usize("num_output"));
        Embed {
            input_dim: p.need("input_dim", input_dim),
            num_output: p.need("num_output", num_output),
            bias: p.bool("bias_term").unwrap_or(true),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read(&p.section("bias_filler")),
        }
        .into()
    })],
    ..LayerSpec::new("Embed", Category::Dense, Embed::DOCS)
};

impl LayerOps for Embed {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        for (key, value) in [("input_dim", self.input_dim), ("num_output", self.num_output)] {
            if value == 0 {
                return cx.fail(&[key], format!("`{key}` must not be 0"));
            }
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
        let mut rows = b.gather(cx.params[0], 0, cx.bottoms[0]);
        if let Some(&bias) = cx.params.get(1) {
            let bias = b.view(bias, [1, self.num_output]);
            rows = b.add(rows, bias);
        }
        vec![b.view(rows, cx.top(0).clone())]
    }

    fn differentiable(&self, _bottom: usize) -> bool {
        false
    }

    fn detail(&self) -> String {
        format!("{} rows of {}", self.input_dim, self.num_output)
    }
}
