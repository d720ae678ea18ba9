//! The identity, with a pull of all activations towards zero.

use super::prelude::*;

params! {
    /// The bottom, unchanged; to its gradient comes that of weight · Σ |x|, which makes activations sparse.
    ///
    /// The penalty is not part of the loss that is shown.
    pub struct L1Penalty {
        /// Factor of the penalty.
        weight: f64 = 0.0,
        /// Whether the penalty is divided by the number of elements.
        average: bool = false,
        /// Whether the gradient of the top passes as well.
        passes: bool = true,
    }
}

const SCRIPT: &str = "
function Class:__init(l1weight, sizeAverage, provideOutput)
   Parent.__init(self)
   self.l1weight = l1weight
   self.sizeAverage = sizeAverage or false
   self.provideOutput = provideOutput == nil or provideOutput
end";

/// The description of [`L1Penalty`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.L1Penalty", &["l1weight", "sizeAverage", "provideOutput"], |a| {
        L1Penalty {
            weight: a.required("l1weight", Args::float),
            average: a.bool("sizeAverage").unwrap_or(false),
            passes: a.bool("provideOutput").unwrap_or(true),
        }
        .into()
    })
    .script(SCRIPT)],
    ..LayerSpec::new("L1Penalty", Category::Regularisation, L1Penalty::DOCS)
};

impl LayerOps for L1Penalty {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let n = if self.average { cx.top(0).count() } else { 1 };
        let pull = Pull { weight: self.weight / n.max(1) as f64, passes: self.passes };
        b.native(pull, cx.bottoms)
    }

    fn detail(&self) -> String {
        format!("weight {}", self.weight as f32)
    }
}

/// `(x) -> x`.
#[derive(Debug, PartialEq)]
struct Pull {
    weight: f64,
    passes: bool,
}

impl Operation for Pull {
    const NAME: &'static str = "l1-penalty";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![args[0].clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        outs[0].data.copy_from_slice(args[0].data);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let weight = T::from_f64(self.weight);
        let gradients = saved.args[0].data.iter().zip(saved.douts[0].data);
        for (dx, (&x, &dy)) in dargs[0].data.iter_mut().zip(gradients) {
            let pull = match (x < T::ZERO, T::ZERO < x) {
                (true, _) => -weight,
                (_, true) => weight,
                _ => T::ZERO,
            };
            *dx = if self.passes { dy + pull } else { pull };
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let n = args[0].count();
        let call = match pass {
            Pass::Forward => Call::each("copy", n, vec![Operand::Arg(0), Operand::Out(0)]),
            Pass::Backward(_) => {
                let (dy, dx) = (Operand::OutGradient(0), Operand::ArgGradient(0));
                let call = Call::each("l1_pull", n, vec![Operand::Arg(0), dy, dx]);
                call.with(self.weight).with(self.passes)
            }
        };
        Some(DeviceForm { texts: &[include_str!("l1_penalty.cu")], calls: vec![call], work: 0 })
    }
}
