//! Brings vectors to length 1.

use super::planes;
use super::prelude::*;

params! {
    /// x / (Σ |x|^p + eps)^(1/p) for every vector of `N x K`, or for one vector; with p infinite, x / (max |x| + eps).
    ///
    /// In forks of Caffe, where it is called NormalizationL2, a vector is all of an item of the batch.
    pub struct LpNormalize {
        /// The exponent of the norm.
        p: f64 = 2.0,
        /// Added to the sum, so that nothing is divided by 0.
        eps: f64 = 1e-10,
        /// Whether the vectors are items of a batch, of whatever shape.
        items: bool = false,
    }
}

/// The description of [`LpNormalize`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("NormalizationL2", |_| LpNormalize { items: true, ..LpNormalize::default() }.into()),
        torch("nn.Normalize", &["p", "eps"], |a| {
            let p = a.required("p", Args::float);
            let eps = a.float("eps").unwrap_or(1e-10);
            LpNormalize { p, eps, ..LpNormalize::default() }.into()
        })
        .script(SCRIPT),
    ],
    ..LayerSpec::new("LpNormalize", Category::Normalisation, LpNormalize::DOCS)
};

const SCRIPT: &str = r#"
function Class:__init(p, eps)
   Parent.__init(self)
   if not p then
      error('the exponent of the norm is missing', 3)
   end
   if p <= 0 then
      error(p .. '-norm not supported', 3)
   end
   self.p = p
   self.eps = eps or 1e-10
end
function Class:__tostring__()
   local p = self.p == math.huge and 'inf' or self.p % 1 == 0 and string.format('%d', self.p)
      or string.format('%f', self.p)
   return torch.type(self) .. '(' .. p .. ')'
end
"#;

impl LayerOps for LpNormalize {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        match self.items {
            true if cx.bottom(0).rank() == 0 => return cx.fail_bottom(0, "a scalar has no items"),
            true => {}
            false => _ = planes::batched(cx, 2, None)?,
        }
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = b.shape(cx.bottoms[0]).clone();
        let x = match self.items {
            true => b.view(cx.bottoms[0], [shape.dims()[0], shape.count_of(1..shape.rank())]),
            false => planes::view_batched(b, cx.bottoms[0], 2),
        };
        let y = if self.p.is_infinite() {
            let size = b.map(&[x], &arg(0).abs());
            let largest = b.max(size, &[1]);
            b.map(&[x, largest], &(arg(0) / (arg(1) + self.eps)))
        } else {
            let power = match self.p {
                1.0 => arg(0).abs(),
                2.0 => arg(0).squared(),
                p => arg(0).abs().pow(p),
            };
            let powers = b.map(&[x], &power);
            let sum = b.sum(powers, &[1]);
            let norm = match self.p {
                1.0 => arg(1) + self.eps,
                2.0 => (arg(1) + self.eps).sqrt(),
                p => (arg(1) + self.eps).pow(1.0 / p),
            };
            b.map(&[x, sum], &(arg(0) / norm))
        };
        vec![b.view(y, cx.top(0).clone())]
    }

    fn detail(&self) -> String {
        format!("{}-norm", self.p)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{blob, check};

    #[test]
    fn items_of_a_batch_get_length_1() {
        let x = blob(&[2, 2, 1, 1], &[3.0, 4.0, -2.0, 0.0]);
        let layer = "layer { name: 'l' type: 'NormalizationL2' bottom: 'a' top: 'y' }";
        check(layer, &[("a", x)], &blob(&[2, 2, 1, 1], &[0.6, 0.8, -1.0, 0.0]));
    }
}
