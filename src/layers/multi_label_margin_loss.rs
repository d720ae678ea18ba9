//! Puts the scores of all right classes a margin above those of all others.

use super::prelude::*;
use crate::layers::class_loss::{CLASS_TEXT, ClassAxis, LossRule, Normalization};

params! {
    /// Σ max(0, 1 - x_c + x_j) / classes over the labelled classes c and the others j, added up over items or averaged.
    ///
    /// The second bottom has for each item the numbers of its classes, counted from 1, up to the first 0; it has the
    /// shape of the scores. A number that is no class makes the loss NaN.
    pub struct MultiLabelMarginLoss {
        /// Whether the sum is divided by the number of items.
        average: bool = true,
    }
}

const SCRIPT: &str = "
function Class:__init()
   Parent.__init(self)
   self.sizeAverage = true
   self.isTarget = torch.Tensor()
end";

/// The description of [`MultiLabelMarginLoss`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[torch("nn.MultiLabelMarginCriterion", &[], |a| {
        MultiLabelMarginLoss { average: a.bool("sizeAverage").unwrap_or(true) }.into()
    })
    .extends("nn.Criterion")
    .script(SCRIPT)],
    ..LayerSpec::loss("MultiLabelMarginLoss", MultiLabelMarginLoss::DOCS)
};

impl LayerOps for MultiLabelMarginLoss {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        ClassAxis::of_items(cx)?;
        if cx.bottom(1) != x {
            return cx.fail_bottom(
                1,
                format!("lists of classes must have the shape of the scores, {x}"),
            );
        }
        if let Some(range) = self.labels(cx.bottoms) {
            cx.check_labels(&range)?;
        }
        Ok(Signature::of(Shape::scalar()))
    }

    fn labels(&self, bottoms: &[Shape]) -> Option<LabelRange> {
        // A list ends with 0.
        Some(LabelRange::of(*bottoms.first()?.dims().last()?, 1, Some(0)))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        b.native(Margins { average: self.average }, cx.bottoms)
    }
}

/// `(scores, lists) -> loss`.
#[derive(Debug, PartialEq)]
struct Margins {
    average: bool,
}

impl Margins {
    /// Calls `see` with the places of each right score and of each other that comes too near, and by how much; gives
    /// the factor, or none if a number is no class.
    fn missed<T: Real>(&self, args: &[View<T>], mut see: impl FnMut(usize, usize, T)) -> Option<T> {
        let x = args[0].data;
        let axis = ClassAxis::of(args[0].shape, args[0].shape.rank() - 1);
        let mut known = true;
        for item in 0..axis.outer {
            let start = item * axis.classes;
            let row = &args[1].data[start..start + axis.classes];
            let listed = row.iter().take_while(|&&label| label != T::ZERO);
            let class = |label: T| axis.class(label - T::ONE).filter(|_| T::ONE <= label);
            let is_right = |j: usize| listed.clone().any(|&label| class(label) == Some(j));
            for &label in listed.clone() {
                let Some(right) = class(label) else {
                    known = false;
                    continue;
                };
                for other in (0..axis.classes).filter(|&j| !is_right(j)) {
                    let gap = T::ONE - (x[start + right] - x[start + other]);
                    if T::ZERO < gap {
                        see(start + right, start + other, gap);
                    }
                }
            }
        }
        let items = if self.average { axis.outer.max(1) } else { 1 };
        known.then(|| T::ONE / T::from_usize(axis.classes * items))
    }
}

impl Operation for Margins {
    const NAME: &'static str = "multi-label-margin";
    const DIFFERENTIABLE: usize = 1;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![Shape::scalar()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let mut loss = T::ZERO;
        let factor = self.missed(args, |_, _, gap| loss += gap);
        outs[0].data[0] = factor.map_or(T::from_f64(f64::NAN), |factor| loss * factor);
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        let dx = &mut dargs[0].data;
        dx.fill(T::ZERO);
        let step =
            self.missed(saved.args, |_, _, _| {}).unwrap_or(T::ZERO) * saved.douts[0].data[0];
        self.missed(saved.args, |right, other, _| {
            dx[other] += step;
            dx[right] += -step;
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        const TEXTS: &[&str] = &[CLASS_TEXT, include_str!("multi_label_margin_loss.cu")];
        let axis = ClassAxis::of(args[0], args[0].rank() - 1);
        let n = axis.outer;
        let items = if self.average { n.max(1) } else { 1 };
        let factor = 1.0 / (axis.classes * items) as f64;
        let [x, labels] = [Operand::Arg(0), Operand::Arg(1)];
        let operands = vec![x.clone(), labels.clone(), Operand::Work(0)];
        let terms = Call::each("multi_label_terms", n, operands).with(axis.classes).with(factor);
        let rule = LossRule { ignore_label: None, normalization: Normalization::None };
        let mut calls = vec![terms, rule.total_call(n, args[1].count(), n)];
        if let Pass::Backward(_) = pass {
            let loss = Operand::Work(n + 1);
            calls[1].operands[2] = loss.clone();
            let operands = vec![x, labels, Operand::OutGradient(0), loss, Operand::ArgGradient(0)];
            let slope = Call::each("multi_label_grad", n, operands);
            calls.push(slope.with(axis.classes).with(factor));
        }
        Some(DeviceForm { texts: TEXTS, calls, work: n + 2 })
    }
}
