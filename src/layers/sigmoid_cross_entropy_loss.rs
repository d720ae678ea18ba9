//! Cross-entropy of independent yes-or-no targets.

use super::class_loss::{CLASS_TEXT, LossRule, Normalization, label};
use super::executor::{CHUNK, for_each_piece, total_of_pairs, vectorize};
use super::prelude::*;

params! {
    /// -1/n Σ t ln σ(x) + (1 - t) ln(1 - σ(x)), where t in \[0, 1\] is the target of the score x and σ the logistic
    /// function.
    ///
    /// Scores and targets have as many elements. Targets are numbers, but whether one is ignored is decided by its
    /// whole part, as in Caffe: with `ignore_label: 0` a target of 0.7 is ignored. The default divisor is the batch
    /// size, unlike that of SoftmaxWithLoss.
    pub struct SigmoidCrossEntropyLoss {
        /// Ignored targets and the divisor.
        rule: LossRule = LossRule { ignore_label: None, normalization: Normalization::BatchSize },
    }
}

/// The description of [`SigmoidCrossEntropyLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("SigmoidCrossEntropyLoss", |a| {
        a.section("sigmoid_param").ignore(&["engine"]);
        SigmoidCrossEntropyLoss { rule: LossRule::read(a, Normalization::BatchSize) }.into()
    })],
    ..LayerSpec::loss("SigmoidCrossEntropyLoss", SigmoidCrossEntropyLoss::DOCS)
};

impl LayerOps for SigmoidCrossEntropyLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let (scores, targets) = (cx.bottom(0), cx.bottom(1));
        cx.same_batch(0, 1)?;
        if scores.count() != targets.count() {
            let message = format!("{} targets for {} scores", targets.count(), scores.count());
            return cx.fail_bottom(1, message);
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(CrossEntropy { rule: self.rule.clone() }, cx.bottoms)
    }
}

/// What a score and its target cost.
#[inline(always)]
fn cost_of<T: Real>(x: T, t: T) -> T {
    // Either form equals the formula; the exponent is never positive, so nothing overflows.
    let linear = if T::ZERO <= x { x * (t - T::ONE) } else { x * t };
    (-x.abs()).fast_exp().fast_ln_1p() - linear
}

/// `(scores, targets) -> loss`.
#[derive(Debug, PartialEq)]
struct CrossEntropy {
    rule: LossRule,
}

impl CrossEntropy {
    fn divisor<T: Real>(&self, args: &[View<T>]) -> T {
        let batch = args[0].shape.dims().first().copied().unwrap_or(1);
        self.rule.divisor_of(args[1].data, batch)
    }
}

impl Operation for CrossEntropy {
    const NAME: &'static str = "sigmoid-loss";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let (scores, targets) = (args[0].data, args[1].data);
        let loss = match self.rule.ignore_label {
            None => total_of_pairs(scores, targets, cost_of),
            Some(_) => total_of_pairs(scores, targets, |x, t| match self.rule.counts(label(t)) {
                true => cost_of(x, t),
                false => T::ZERO,
            }),
        };
        outs[0].data[0] = loss / self.divisor(args);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let scale = saved.douts[0].data[0] / self.divisor(saved.args);
        let (scores, targets) = (saved.args[0].data, saved.args[1].data);
        for_each_piece(dargs[0].data, CHUNK, |piece, slopes| {
            let from = piece * CHUNK;
            let targets = &targets[from..][..slopes.len()];
            vectorize(
                #[inline(always)]
                || {
                    let pairs = scores[from..].iter().zip(targets);
                    for (dx, (&x, &t)) in slopes.iter_mut().zip(pairs) {
                        *dx = (x.fast_sigmoid() - t) * scale;
                    }
                },
            );
            if self.rule.ignore_label.is_some() {
                for (dx, &t) in slopes.iter_mut().zip(targets) {
                    if !self.rule.counts(label(t)) {
                        *dx = T::ZERO;
                    }
                }
            }
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("sigmoid_cross_entropy_loss.cu")];
        let n = args[0].count();
        let batch = args[0].dims().first().copied().unwrap_or(1);
        let [x, t] = [Operand::Arg(0), Operand::Arg(1)];
        let calls = match pass {
            Pass::Forward => {
                let terms = Call::each("sigmoid_loss_terms", n, vec![x, t, Operand::Work(0)]);
                vec![terms.with_all(self.rule.ignored()), self.rule.total_call(n, n, batch)]
            }
            Pass::Backward(_) => {
                let dy = Operand::OutGradient(0);
                let (divisor, mut calls) = self.rule.divisor_form(n, batch);
                let operands = vec![x, t, dy, divisor, Operand::ArgGradient(0)];
                let slope = Call::each("sigmoid_loss_grad", n, operands);
                calls.push(slope.with_all(self.rule.ignored()));
                calls
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: n + 1 })
    }
}
