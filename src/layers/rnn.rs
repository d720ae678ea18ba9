//! A simple recurrent network over a sequence.

use super::prelude::*;
use super::recurrent::{Recurrent, stack};

params! {
    /// A recurrent network, unrolled over the first axis of its bottom (Elman 1990):
    /// h' = tanh(W_x x + b + W_h (cont · h)) and the output tanh(W_o h' + b_o).
    ///
    /// Bottoms, top and states are those of LSTM, with one state, h. Parameters: W_x `D x K`, b `D`, the weights of the
    /// static input if there is one, W_h `D x D`, W_o `D x D` and b_o `D`.
    pub struct Rnn {
        /// Outputs, exposed states and fillers.
        recurrent: Recurrent = Recurrent::default(),
    }
}

/// The description of [`Rnn`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(2, 4),
    tops: Arity::between(1, 2),
    in_place: InPlace::Refused,
    spellings: &[caffe("RNN", |a| Rnn { recurrent: Recurrent::read(a) }.into())],
    ..LayerSpec::new("RNN", Category::Recurrent, Rnn::DOCS)
};

impl LayerOps for Rnn {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let n = self.recurrent.num_output;
        let own = vec![
            ParamDecl::new("weight_o", [n, n], self.recurrent.weight_filler),
            ParamDecl::new("bias_o", [n], self.recurrent.bias_filler),
        ];
        self.recurrent.signature(cx, &["h"], 1, own)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let unrolled = self.recurrent.unroll(b, cx, 1, 1);
        let mut h = unrolled.initial[0];
        let mut states = vec![];
        for (&input, &cont) in unrolled.inputs.iter().zip(&unrolled.conts) {
            let past = b.mul(h, cont);
            let past = b.matmul(past, false, unrolled.recurrent, true, None);
            h = b.map(&[past, input], &(arg(0) + arg(1)).tanh());
            states.push(h);
        }
        // The output of a step is no input of the next, so all are computed at once.
        let shape = cx.top(0).clone();
        let all = stack(b, &states);
        let all = b.view(all, [shape.dims()[0] * shape.dims()[1], shape.dims()[2]]);
        let y = b.matmul(all, false, unrolled.own[0], true, Some(unrolled.own[1]));
        let y = b.activation(y, &arg(0).tanh(), &(constant(1.0) - arg(0).squared()));
        let y = b.view(y, shape);
        self.recurrent.finish(b, cx, &unrolled, y, &[h])
    }

    fn differentiable(&self, bottom: usize, _bottoms: usize) -> bool {
        bottom != 1
    }

    fn detail(&self) -> String {
        self.recurrent.detail()
    }
}
