//! Long short-term memory over a sequence.

use super::lstm_unit;
use super::prelude::*;
use super::recurrent::{Recurrent, stack};

params! {
    /// A long short-term memory, unrolled over the first axis of its bottom (Hochreiter and Schmidhuber 1997, as in
    /// Donahue et al. 2015).
    ///
    /// Bottoms: x, `T x N x ...`; the continuation flags, `T x N`, 0 where a sequence begins; perhaps an input for all
    /// steps alike, `N x ...`. The top is `T x N x D`. At each step LSTMUnit gets W_x x + b + W_h (cont · h) and the past
    /// cell state.
    ///
    /// Parameters: W_x `4D x K`, b `4D`, the weights of the static input if there is one, and W_h `4D x D`.
    ///
    /// The state after the last step is where the next pass begins. With `expose_hidden` the states before the first
    /// step are two more bottoms and those after the last are two more tops, h and c, each `1 x N x D`; as in Caffe no
    /// gradient passes through them.
    pub struct Lstm {
        /// Outputs, exposed states and fillers.
        recurrent: Recurrent = Recurrent::default(),
    }
}

/// The description of [`Lstm`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 5),
    tops: Arity::between(1, 3),
    in_place: InPlace::Refused,
    spellings: &[caffe("LSTM", |a| Lstm { recurrent: Recurrent::read(a) }.into())],
    ..LayerSpec::new("LSTM", Category::Recurrent, Lstm::DOCS)
};

/// Input, forget and output gate, and the new content.
const GATES: usize = 4;

impl LayerOps for Lstm {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        self.recurrent.signature(cx, &["h", "c"], GATES, vec![])
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let unrolled = self.recurrent.unroll(b, cx, 2, GATES);
        let (mut h, mut c) = (unrolled.initial[0], unrolled.initial[1]);
        let mut outputs = vec![];
        for (&input, &cont) in unrolled.inputs.iter().zip(&unrolled.conts) {
            let past = b.mul(h, cont);
            let past = b.matmul(past, false, unrolled.recurrent, true, None);
            let gates = b.add(past, input);
            (c, h) = lstm_unit::step(b, c, gates, cont);
            outputs.push(h);
        }
        let output = stack(b, &outputs);
        self.recurrent.finish(b, cx, &unrolled, output, &[h, c])
    }

    fn differentiable(&self, bottom: usize, _bottoms: usize) -> bool {
        bottom != 1
    }

    fn detail(&self) -> String {
        self.recurrent.detail()
    }
}
