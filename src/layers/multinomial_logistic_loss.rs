//! Negative log-likelihood of labels under given probabilities.

use super::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization};
use super::prelude::*;

params! {
    /// -1/N Σ ln p\[label\], for rows of probabilities, usually from a Softmax layer.
    ///
    /// As in Caffe a probability is taken as at least 1e-20, in the loss and in the gradient. `SoftmaxWithLoss`
    /// computes the same from scores, with more accurate gradients.
    pub struct MultinomialLogisticLoss {
    }
}

/// The description of [`MultinomialLogisticLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[caffe("MultinomialLogisticLoss", |_| MultinomialLogisticLoss {}.into())],
    ..LayerSpec::loss("MultinomialLogisticLoss", MultinomialLogisticLoss::DOCS)
};

impl LayerOps for MultinomialLogisticLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        ClassAxis::rows(cx.bottom(0)).check_labels(cx, 1)?;
        Ok(Signature::of(Shape::scalar()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(LogLikelihood, cx.bottoms)
    }
}

/// Caffe's kLOG_THRESHOLD: probabilities inside a logarithm are at least this.
pub(super) const LEAST_PROBABILITY: f64 = 1e-20;

/// `(probabilities, labels) -> loss`.
#[derive(Debug, PartialEq)]
struct LogLikelihood;

impl Operation for LogLikelihood {
    const NAME: &'static str = "multinomial-loss";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let axis = ClassAxis::rows(args[0].shape);
        let mut loss = T::ZERO;
        for (i, &l) in args[1].data.iter().enumerate() {
            loss -= match axis.class(l) {
                Some(class) => {
                    let p = args[0].data[axis.start(i) + class];
                    p.at_least(T::from_f64(LEAST_PROBABILITY)).ln()
                }
                None => T::from_f64(f64::NAN),
            };
        }
        outs[0].data[0] = loss / T::from_usize(args[1].data.len());
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let axis = ClassAxis::rows(saved.args[0].shape);
        let scale = -saved.douts[0].data[0] / T::from_usize(saved.args[1].data.len());
        dargs[0].data.fill(T::ZERO);
        for (i, &l) in saved.args[1].data.iter().enumerate() {
            let Some(class) = axis.class(l) else { continue };
            let at = axis.start(i) + class;
            let p = saved.args[0].data[at].at_least(T::from_f64(LEAST_PROBABILITY));
            dargs[0].data[at] = scale / p;
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("multinomial_logistic_loss.cu")];
        let (axis, count) = (ClassAxis::rows(args[0]), args[1].count());
        let [p, labels] = [Operand::Arg(0), Operand::Arg(1)];
        let rule = LossRule { ignore_label: None, normalization: Normalization::Full };
        let calls = match pass {
            Pass::Forward => {
                let operands = vec![p, labels, Operand::Work(0)];
                let terms = Call::each("multinomial_loss_terms", count, operands);
                vec![
                    terms.with(axis.classes).with(LEAST_PROBABILITY),
                    rule.total_call(count, count, count),
                ]
            }
            Pass::Backward(_) => {
                let operands = vec![p, labels, Operand::OutGradient(0), Operand::ArgGradient(0)];
                let slope = Call::each("multinomial_loss_grad", args[0].count(), operands);
                vec![slope.with_all([axis.classes, count]).with(LEAST_PROBABILITY)]
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: count + 1 })
    }
}
