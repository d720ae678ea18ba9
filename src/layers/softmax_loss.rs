//! Softmax followed by the negative log-likelihood of the label.

use super::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization, label, without_labels};
use super::executor::total_of;
use super::prelude::*;

params! {
    /// The mean of -ln softmax(x)\[label\], for scores along an axis and whole-number labels from 0.
    ///
    /// As in Caffe the probability is clamped at the smallest normal float inside the logarithm, but not in the
    /// gradient; in TensorFlow (xent_op.h) the logarithm is taken of the sum instead, and nothing is clamped. SegNet's fork (Kendall et al. 2015) multiplies what a label costs by a weight of its class and divides
    /// by the number of labels all the same.
    pub struct SoftmaxLoss {
        /// The class axis; -1 is the last.
        axis: i64 = 1,
        /// Ignored labels and the divisor.
        rule: LossRule = LossRule { ignore_label: None, normalization: Normalization::Valid },
        /// A weight for each class; none: all count alike.
        weights: Vec<f64> = vec![],
        /// Whether the probability is clamped inside the logarithm.
        clamped: bool = true,
    }
}

/// The description of [`SoftmaxLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    tops: Arity::between(1, 2),
    spellings: &[caffe("SoftmaxWithLoss", |a| {
        let p = a.section("softmax_param");
        p.ignore(&["engine"]);
        p.choice("normalize_type", &[("Softmax", ())]);
        let rule = LossRule::read(a, Normalization::Valid);
        let axis = p.int("axis").unwrap_or(1);
        SoftmaxLoss { axis, rule, weights: class_weights(a), ..SoftmaxLoss::default() }.into()
    })],
    ..LayerSpec::loss("SoftmaxWithLoss", SoftmaxLoss::DOCS)
};

/// SegNet's weights of classes, which count where `weight_by_label_freqs` says so.
fn class_weights(a: &Args) -> Vec<f64> {
    let p = a.section("loss_param");
    let weights = p.floats("class_weighting");
    match p.bool("weight_by_label_freqs").unwrap_or(false) {
        true if weights.is_empty() => {
            let why = "`weight_by_label_freqs` needs a `class_weighting` for each class";
            p.wrong("weight_by_label_freqs", why);
            vec![]
        }
        true => weights,
        false => vec![],
    }
}

impl LayerOps for SoftmaxLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let axis = ClassAxis::of_scores(cx, self.axis)?;
        axis.check_labels(cx, 1)?;
        if !self.weights.is_empty() && self.weights.len() != axis.classes {
            let (given, classes) = (self.weights.len(), axis.classes);
            let message = format!("{given} weights for {classes} classes; give one for each");
            return cx.fail(&["class_weighting"], message);
        }
        if cx.n_tops() == 2 {
            let message = "the second top, the probabilities, does not work in Caffe; \
                           a Softmax layer over the same bottom gives them";
            return cx.fail(&[], message);
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn on_other_bottoms(&self, given: usize) -> Option<[&'static str; 2]> {
        without_labels(given)
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let axis = b.shape(cx.bottoms[0]).axis(self.axis).unwrap_or(0);
        let (rule, weights) = (self.rule.clone(), self.weights.clone());
        let loss = Loss { axis, rule, weights, clamped: self.clamped };
        let outs = b.native(loss, cx.bottoms);
        outs[..1].to_vec()
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        self.rule.labels(bottoms.first()?, self.axis)
    }
}

/// `(scores, labels) -> loss, probabilities`.
#[derive(Debug, PartialEq)]
struct Loss {
    axis: usize,
    rule: LossRule,
    weights: Vec<f64>,
    clamped: bool,
}

impl Loss {
    /// The weight of a class that there is.
    fn weight<T: Real>(&self, class: usize) -> T {
        self.weights.get(class).map_or(T::ONE, |&weight| T::from_f64(weight))
    }
}

impl Operation for Loss {
    const NAME: &'static str = "softmax-loss";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar(), args[0].clone()]
    }

    fn gradient_reads_outputs(&self) -> bool {
        true
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let axis = ClassAxis::of(args[0].shape, self.axis);
        let (scores, labels) = (args[0].data, args[1].data);
        let [loss, probabilities] = outs else { return };
        axis.softmax(scores, probabilities.data);
        let probabilities = &*probabilities.data;
        let total = total_of(labels.len(), |i| {
            if !self.rule.counts(label(labels[i])) {
                return T::ZERO;
            }
            let Some(class) = axis.class(labels[i]) else { return T::from_f64(f64::NAN) };
            let cost = match self.clamped {
                true => {
                    -probabilities[axis.start(i) + class * axis.inner].at_least(T::FLT_MIN).ln()
                }
                false => axis.lacking(i, class, scores),
            };
            cost * self.weight(class)
        });
        loss.data[0] = total / self.rule.divisor_of(labels, axis.outer);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let axis = ClassAxis::of(saved.args[0].shape, self.axis);
        let labels = saved.args[1].data;
        let factor = saved.douts[0].data[0] / self.rule.divisor_of(labels, axis.outer);
        let of = |i: usize| {
            let class = axis.class(labels[i]);
            let own = factor * class.map_or(T::ONE, |class| self.weight(class));
            self.rule.counts(label(labels[i])).then_some((class, own))
        };
        axis.softmax_gradient(saved.outs[1].data, of, dargs[0].data);
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("softmax_loss.cu")];
        let axis = ClassAxis::of(args[0], self.axis);
        let labels = axis.labels();
        let weighted = !self.weights.is_empty();
        let weights = Operand::Table(if weighted { self.weights.clone() } else { vec![1.0] });
        let calls = match pass {
            Pass::Forward => {
                let (function, from) = match self.clamped {
                    true => ("softmax_loss_terms", Operand::Out(1)),
                    false => ("softmax_loss_whole_terms", Operand::Arg(0)),
                };
                let operands = vec![from, Operand::Arg(1), weights, Operand::Work(0)];
                let terms = Call::each(function, labels, operands);
                let terms = terms.with_all(axis.extents()).with(weighted);
                vec![
                    axis.softmax_call(),
                    terms.with_all(self.rule.ignored()),
                    self.rule.total_call(labels, labels, axis.outer),
                ]
            }
            Pass::Backward(_) => {
                let (divisor, mut calls) = self.rule.divisor_form(labels, axis.outer);
                let operands = vec![
                    Operand::Out(1),
                    Operand::Arg(1),
                    weights,
                    Operand::OutGradient(0),
                    divisor,
                    Operand::ArgGradient(0),
                ];
                let slope = Call::each("softmax_loss_grad", args[0].count(), operands);
                let slope = slope.with_all(axis.extents()).with(weighted);
                calls.push(slope.with_all(self.rule.ignored()));
                calls
            }
        };
        Some(DeviceForm { texts: TEXTS, calls, work: labels + 1 })
    }
}
