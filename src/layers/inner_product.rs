//! Fully connected layer.

use crate::diag::Reported;
use crate::params;
use crate::program::{Builder, ValueId};
use crate::spec::{
    Category, Filler, Infer, LayerOps, LayerSpec, Lower, ParamDecl, Signature, caffe,
};

params! {
    /// y = x Wᵀ + b, where x is the bottom with all axes from `axis` on in one.
    ///
    /// Weights `num_output x K`, or `K x num_output` if transposed; bias `num_output`; the top keeps the bottom's
    /// axes before `axis` and ends with `num_output`.
    pub struct InnerProduct {
        /// Number of outputs.
        num_output: usize = 0,
        /// Whether a bias is added.
        bias: bool = true,
        /// The first axis that is summed over; -1 is the last.
        axis: i64 = 1,
        /// Whether the weights are stored `K x num_output`.
        transpose: bool = false,
        /// First values of the weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of the bias.
        bias_filler: Filler = Filler::Unset,
    }
}

/// The description of [`InnerProduct`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: false,
    spellings: &[caffe("InnerProduct", |a| {
        let p = a.section("inner_product_param");
        let num_output = p.usize("num_output");
        InnerProduct {
            num_output: p.need("num_output", num_output),
            bias: p.bool("bias_term").unwrap_or(true),
            axis: p.int("axis").unwrap_or(1),
            transpose: p.bool("transpose").unwrap_or(false),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read(&p.section("bias_filler")),
        }
        .into()
    })],
    ..LayerSpec::new("InnerProduct", Category::Dense, InnerProduct::DOCS)
};

impl LayerOps for InnerProduct {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = cx.axis(0, self.axis)?;
        if self.num_output == 0 {
            return cx.fail(&["num_output"], "`num_output` must not be 0");
        }
        let shape = cx.bottom(0);
        let inputs = shape.count_of(axis..shape.rank());
        let weight = match self.transpose {
            true => [inputs, self.num_output],
            false => [self.num_output, inputs],
        };
        let mut params = vec![ParamDecl::new("weight", weight, self.weight_filler)];
        if self.bias {
            params.push(ParamDecl::new("bias", [self.num_output], self.bias_filler));
        }
        let mut top = shape.dims()[..axis].to_vec();
        top.push(self.num_output);
        Ok(Signature { tops: vec![top.into()], params })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let axis = shape.axis(self.axis).unwrap_or(0);
        let matrix = [shape.count_of(0..axis), shape.count_of(axis..shape.rank())];
        let x = b.view(cx.bottoms[0], matrix);
        let bias = cx.params.get(1).copied();
        let y = b.matmul(x, false, cx.params[0], !self.transpose, bias);
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{} outputs", self.num_output)
    }
}
