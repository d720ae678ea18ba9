//! One step of a long short-term memory.

use super::prelude::*;
use super::recurrent::unstack;

params! {
    /// From a cell state, gate inputs and a continuation flag to the next cell state and the output:
    /// c' = f c + σ(i) tanh(g) and h = σ(o) tanh(c'), where f = cont · σ(f̂) and the gate inputs hold i, f̂, o and g in
    /// this order (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
    ///
    /// Bottoms are `1 x N x D`, `1 x N x 4D` and `1 x N`, tops both `1 x N x D`. As in Caffe the gradient of f̂ is
    /// f (1 - f), which is the derivative only where `cont` is 0 or 1.
    pub struct LstmUnit {
    }
}

/// The description of [`LstmUnit`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::exactly(3),
    tops: Arity::exactly(2),
    differentiable: 2,
    in_place: InPlace::Refused,
    spellings: &[caffe("LSTMUnit", |_| LstmUnit {}.into())],
    ..LayerSpec::new("LSTMUnit", Category::Recurrent, LstmUnit::DOCS)
};

impl LayerOps for LstmUnit {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let cell = cx.bottom(0);
        let &[1, batch, width] = cell.dims() else {
            return cx.fail_bottom(0, "the cell state must be 1 x batch x outputs");
        };
        let gates = width.saturating_mul(4);
        if cx.bottom(1).dims() != [1, batch, gates] {
            let want = Shape::from([1, batch, gates]);
            return cx.fail_bottom(1, format!("the gate inputs must be {want}"));
        }
        if cx.bottom(2).dims() != [1, batch] {
            return cx.fail_bottom(2, format!("the continuation flags must be 1 x {batch}"));
        }
        Ok(Signature { tops: vec![cell.clone(); 2], params: vec![] })
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let shape = cx.top(0).clone();
        let (batch, width) = (shape.dims()[1], shape.dims()[2]);
        let cell = b.view(cx.bottoms[0], [batch, width]);
        let gates = b.view(cx.bottoms[1], [batch, 4 * width]);
        let cont = b.view(cx.bottoms[2], [batch, 1]);
        let (cell, output) = step(b, cell, gates, cont);
        vec![b.view(cell, shape.clone()), b.view(output, shape)]
    }
}

/// The next cell state and the output, `batch x width`, from the cell state, the gate inputs `batch x 4·width` and the
/// continuation flags `batch x 1`.
pub(super) fn step(
    b: &mut Builder,
    cell: ValueId,
    gates: ValueId,
    cont: ValueId,
) -> (ValueId, ValueId) {
    let (batch, width) = (b.shape(cell).dims()[0], b.shape(cell).dims()[1]);
    let gates = b.view(gates, [batch, 4, width]);
    let gates = unstack(b, gates, 1);
    let (i, f, o, g) = (gates[0], gates[1], gates[2], gates[3]);
    let forget = arg(1) * arg(0).sigmoid();
    let slope = forget.clone() * (constant(1.0) - forget.clone());
    let forget = forget.with_gradient(vec![slope]);
    let next = b.map(&[f, cont, cell, i, g], &(forget * arg(2) + arg(3).sigmoid() * arg(4).tanh()));
    let output = b.map(&[o, next], &(arg(0).sigmoid() * arg(1).tanh()));
    (next, output)
}
